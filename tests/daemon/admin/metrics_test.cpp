#include "daemon/metrics.h"

#include <fstream>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/admin/fixture.h"

namespace halcyon::daemon {
namespace {

using namespace domain::literals;
using namespace test;
using testing::HasSubstr;
using testing::Not;

/// A daemon about which there is something to say in every family.
void fill_with_everything(Daemon& daemon) {
  Frames& frames = daemon.frames;
  frames.push(domain::OrderOpened{sample_order(1)});
  frames.push(domain::OrderOpened{sample_order(2)});
  frames.push(changed(1, domain::OrderState::rejected, domain::Reason::venue_refused_filter));
  frames.push(changed(2, domain::OrderState::accepted));
  frames.push(
      domain::OrderDenied{.order = sample_order(3), .reason = domain::Reason::price_off_tick});
  frames.push(domain::RequestChanged{
      .request = {epoch, 2}, .order = {epoch, 2}, .state = domain::RequestState::unknown});
  frames.push(fill(1, 2));
  frames.push(domain::PositionChanged{.account = main_account,
                                      .strategy = cross,
                                      .instrument = btc_usdt,
                                      .quantity = "0.123456789"_qty});
  frames.push(domain::BalanceChanged{
      .account = main_account, .asset = usdt, .free = "92233720368.54775807"_usd});
  frames.push(domain::EquityMarked{.account = main_account, .equity = "1000.5"_usd});
  frames.push(domain::AccountReady{.account = main_account, .ready = true});
  frames.push(domain::TradingStateChanged{.scope = {.account = second_account},
                                          .state = domain::TradingState::halted});
  frames.push(domain::NoticeRaised{.severity = domain::Severity::alarm,
                                   .code = domain::NoticeCode::second_owner});
  frames.push(domain::DifferenceFound{.account = main_account});
  frames.push_input(domain::StreamChanged{domain::StreamKind::orders, domain::StreamState::ready,
                                          domain::Reason::none},
                    binance, main_account);
  frames.push_input(domain::ClockOffset{std::chrono::milliseconds{-15}, {}}, binance);
  daemon.samples = {
      {"halcyon_lane_dropped_total",
       "Events that a lane dropped.",
       MetricType::counter,
       {{"lane", "market"}},
       3},
      {"halcyon_decode_errors_total",
       "Frames that could not be read.",
       MetricType::counter,
       {{"kind", "odd \"kind\"\\\n"}},
       2},
      {"halcyon_projection_backlog_records",
       "Records that PostgreSQL has not got yet.",
       MetricType::gauge,
       {},
       0.5},
  };
  daemon.stages = {{"decode",
                    {{std::chrono::nanoseconds{512}, 1}, {std::chrono::microseconds{1}, 4}},
                    5,
                    std::chrono::nanoseconds{4321}}};
  daemon.loop->catch_up();
}

std::string scrape(Daemon& daemon) {
  Client client{daemon, daemon.loop->http_port()};
  client.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string answer = client.rest();
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

TEST(Metrics, ShowWhatTheJournalSaysExactly) {
  Daemon daemon;
  fill_with_everything(daemon);
  const std::string text = scrape(daemon);
  for (const char* line : {
           "halcyon_orders_open{account=\"main\",state=\"accepted\"} 1\n",
           "halcyon_orders_opened_total{account=\"main\"} 2\n",
           "halcyon_orders_ended_total{account=\"main\",state=\"rejected\","
           "reason=\"venue_refused_filter\"} 1\n",
           "halcyon_orders_denied_total{reason=\"price_off_tick\"} 1\n",
           "halcyon_requests_open 1\n",
           "halcyon_requests_total{kind=\"place\",state=\"unknown\"} 1\n",
           "halcyon_fills_total{account=\"main\",instrument=\"BTC/USDT\",side=\"buy\"} 1\n",
           "halcyon_position_quantity{account=\"main\",strategy=\"cross\","
           "instrument=\"BTC/USDT\"} 0.123456789\n",
           "halcyon_balance_free{account=\"main\",asset=\"USDT\"} 92233720368.54775807\n",
           "halcyon_equity{account=\"main\",strategy=\"\"} 1000.5\n",
           "halcyon_account_ready{account=\"main\"} 1\n",
           "halcyon_account_ready{account=\"second\"} 0\n",
           "halcyon_trading_state{account=\"second\",strategy=\"\",state=\"halted\"} 1\n",
           "halcyon_trading_state{account=\"\",strategy=\"\",state=\"active\"} 1\n",
           "halcyon_stream_state{stream=\"orders\",venue=\"binance\",account=\"main\","
           "state=\"ready\"} 1\n",
           "halcyon_stream_state{stream=\"orders\",venue=\"binance\",account=\"main\","
           "state=\"down\"} 0\n",
           "halcyon_notices_total{severity=\"alarm\",code=\"second_owner\"} 1\n",
           "halcyon_differences_total{kind=\"missed_fill\",account=\"main\"} 1\n",
           "halcyon_venue_clock_offset_seconds{venue=\"binance\"} -0.015\n",
           "halcyon_records_total{kind=\"fill_booked\"} 1\n",
           "halcyon_journal_sequence 17\n",
           "halcyon_lane_dropped_total{lane=\"market\"} 3\n",
           "halcyon_decode_errors_total{kind=\"odd \\\"kind\\\"\\\\\\n\"} 2\n",
           "halcyon_latency_seconds_bucket{stage=\"decode\",le=\"0.000001\"} 4\n",
           "halcyon_latency_seconds_bucket{stage=\"decode\",le=\"+Inf\"} 5\n",
           "halcyon_latency_seconds_sum{stage=\"decode\"} 0.000004321\n",
           "halcyon_latency_seconds_count{stage=\"decode\"} 5\n",
           "halcyon_start_time_seconds 1723108262\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Metrics, EveryFamilyIsIntroducedOnceAndNoSampleStandsTwice) {
  Daemon daemon;
  fill_with_everything(daemon);
  daemon.samples.push_back(daemon.samples.front());
  const std::string text = scrape(daemon);
  std::set<std::string> seen;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    const std::string key = line.starts_with("# ") ? line.substr(0, line.find(' ', 7))
                                                   : line.substr(0, line.rfind(' '));
    EXPECT_TRUE(seen.insert(key).second) << key;
    at = end + 1;
  }
  EXPECT_GT(seen.size(), 60U);
}

TEST(Metrics, ADaemonThatKnowsNothingYetStillAnswers) {
  Daemon daemon;
  EXPECT_THAT(scrape(daemon), HasSubstr("halcyon_build_info{version="));
}

TEST(Metrics, PromtoolFindsNothingToSay) {
  const std::string promtool = find_program("promtool");
  if (promtool.empty()) GTEST_SKIP() << "promtool (Debian: prometheus) is not installed";
  Daemon daemon;
  fill_with_everything(daemon);
  const std::string file = daemon.directory.path() + "/metrics";
  std::ofstream{file} << scrape(daemon);
  const Ended ended = run({"/bin/sh", "-c", promtool + " check metrics < '" + file + "'"}, nullptr);
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(ended.out + ended.err, "");
}

}  // namespace
}  // namespace halcyon::daemon
