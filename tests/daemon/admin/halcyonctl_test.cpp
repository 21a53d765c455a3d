#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/daemon/admin/fixture.h"

namespace halcyon::daemon {
namespace {

using namespace domain::literals;
using namespace test;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

/// Runs the real program against a daemon of this test.
Ended ctl(Daemon& daemon, std::vector<std::string> words) {
  std::vector<std::string> command{HALCYON_BINARY_DIR "/bin/halcyonctl", "--socket",
                                   daemon.settings.admin.socket};
  command.insert(command.end(), words.begin(), words.end());
  return run(command, &daemon);
}

void some_trading(Daemon& daemon) {
  daemon.frames.push(domain::OrderOpened{sample_order(1)});
  auto external = sample_order(2);
  external.origin = domain::Origin::external;
  daemon.frames.push(domain::OrderOpened{external}, "evil\x1b[2J");
  daemon.frames.push(changed(2, domain::OrderState::accepted), "words\x1b[31m");
  daemon.frames.push(fill(1, 1));
  daemon.frames.push(domain::PositionChanged{
      .account = main_account, .strategy = cross, .instrument = btc_usdt, .quantity = "0.5"_qty});
  daemon.frames.push(
      domain::BalanceChanged{.account = main_account, .asset = usdt, .free = "10000.125"_usd});
  daemon.loop->catch_up();
}

TEST(Halcyonctl, EveryViewPrintsATableForPeopleAndJsonOnRequest) {
  Daemon daemon;
  some_trading(daemon);
  struct Row {
    const char* command;
    const char* list;  ///< in the JSON result; null: an object
    const char* word;  ///< in the table
  };
  for (const Row& row : std::vector<Row>{{"status", nullptr, "trading_state"},
                                         {"latency", nullptr, "decode"},
                                         {"positions", "positions", "cross"},
                                         {"fills", "fills", "0.05025"},
                                         {"balances", "balances", "10000.125"},
                                         {"accounts", "accounts", "second"},
                                         {"strategies", "strategies", "trend_following"},
                                         {"notices", "notices", "(none)"},
                                         {"risk", nullptr, "max_order_notional"}}) {
    SCOPED_TRACE(row.command);
    const Ended people = ctl(daemon, {row.command});
    EXPECT_EQ(people.exit_code, 0) << people.err;
    EXPECT_THAT(people.out, HasSubstr(row.word));
    EXPECT_EQ(people.err, "");
    const Ended machine = ctl(daemon, {row.command, "--json"});
    EXPECT_EQ(machine.exit_code, 0);
    const auto result = json::parse(machine.out);
    if (row.list != nullptr) {
      EXPECT_TRUE(result.at(row.list).is_array());
    }
  }
}

TEST(Halcyonctl, EverySpellingOfACommandMeansTheSame) {
  Daemon daemon;
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"orders", "cancel-all"},
                                             {"orders", "cancel_all"},
                                             {"orders.cancel_all"},
                                             {"orders.cancel-all"},
                                             {"orders", "--json", "cancel_all"}}) {
    SCOPED_TRACE(words.front());
    daemon.submitted.clear();
    EXPECT_EQ(ctl(daemon, words).exit_code, 0);
    ASSERT_EQ(daemon.submitted.size(), 1U);
    const auto& command = std::get<domain::Command>(daemon.submitted[0].first.what);
    EXPECT_TRUE(std::holds_alternative<domain::CancelAll>(command.what));
  }
  for (const auto& words : std::vector<std::vector<std::string>>{{"orders.list"},
                                                                 {"orders", "list"},
                                                                 {"positions.list"},
                                                                 {"positions", "list"},
                                                                 {"fills.list", "--limit", "5"},
                                                                 {"fills", "list"},
                                                                 {"risk.get"},
                                                                 {"risk", "get"},
                                                                 {"notices.list"},
                                                                 {"balances.list"},
                                                                 {"accounts.list"},
                                                                 {"strategies.list"}}) {
    SCOPED_TRACE(words.front());
    const Ended ended = ctl(daemon, words);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
  }
}

TEST(Halcyonctl, OptionsReachTheDaemonBeforeAndBehindTheCommand) {
  Daemon daemon;
  daemon.answer.affected = 4;
  const Ended ended = ctl(daemon, {"--json", "trading", "halt", "--account", "main", "--strategy",
                                   "cross", "--reason", "exchange is odd"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(json::parse(ended.out), (json{{"accepted", true}, {"affected", 4}}));
  ASSERT_EQ(daemon.submitted.size(), 1U);
  const auto& command = std::get<domain::Command>(daemon.submitted[0].first.what);
  const auto& set = std::get<domain::SetTradingState>(command.what);
  EXPECT_EQ(set.state, domain::TradingState::halted);
  EXPECT_EQ(set.scope, (domain::Scope{main_account, cross}));
  EXPECT_THAT(daemon.submitted[0].second, HasSubstr("exchange is odd [admin socket"));
  // And: a stop that cancels
  EXPECT_EQ(ctl(daemon, {"shutdown", "--cancel-open"}).exit_code, 0);
  const auto& stop = std::get<domain::Command>(daemon.submitted[1].first.what);
  EXPECT_TRUE(std::get<domain::PrepareStop>(stop.what).cancel_open);
}

TEST(Halcyonctl, AnOrderIsShownAndCancelledByItsName) {
  Daemon daemon;
  some_trading(daemon);
  const std::string name = daemon.loop->model().order_name(main_account, {epoch, 1});
  const Ended list = ctl(daemon, {"orders", "list"});
  EXPECT_THAT(list.out, HasSubstr(name));
  const Ended show = ctl(daemon, {"orders", "show", name});
  EXPECT_THAT(show.out, HasSubstr("steps:"));
  EXPECT_THAT(show.out, HasSubstr("pending_submit"));
  EXPECT_EQ(ctl(daemon, {"orders", "cancel", name}).exit_code, 0);
  const auto& command = std::get<domain::Command>(daemon.submitted.at(0).first.what);
  EXPECT_EQ(std::get<domain::CancelOrder>(command.what).order, (domain::OrderId{epoch, 1}));
}

TEST(Halcyonctl, NoVenuePaintsOnTheTerminal) {
  Daemon daemon;
  some_trading(daemon);
  const std::string name = daemon.loop->model().order_name(main_account, {epoch, 2});
  const Ended show = ctl(daemon, {"orders", "show", name});
  EXPECT_THAT(show.out, HasSubstr("evil?[2J"));
  EXPECT_THAT(show.out, Not(HasSubstr("\x1b")));
  daemon.answer = {.accepted = false, .reason = domain::Reason::venue_refused};
  daemon.answer_text = "no\x1b[2J";
  EXPECT_THAT(ctl(daemon, {"trading", "resume"}).err, HasSubstr("venue_refused: no?[2J"));
}

TEST(Halcyonctl, ARefusalIsExitCode1WithWordsOnStderr) {
  Daemon daemon;
  daemon.answer = {.accepted = false, .reason = domain::Reason::unknown_order};
  const Ended refused = ctl(daemon, {"orders.cancel", "alpha-main-1kbhdk6-9"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err, HasSubstr("refused: unknown_order"));
  const Ended wrong = ctl(daemon, {"positions", "--account", "nobody"});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("there is main, second"));
}

TEST(Halcyonctl, WrongUsageIsExitCode2AndHelpIsNot) {
  Daemon daemon;
  for (const auto& words : std::vector<std::vector<std::string>>{{},
                                                                 {"nonsense"},
                                                                 {"orders"},
                                                                 {"orders.nonsense"},
                                                                 {"orders", "cancel"},
                                                                 {"fills", "--limit", "0"},
                                                                 {"fills", "--limit", "many"},
                                                                 {"status", "--what"},
                                                                 {"trading"},
                                                                 {"positions", "extra"}}) {
    const Ended ended = ctl(daemon, words);
    EXPECT_EQ(ended.exit_code, 2) << (words.empty() ? "" : words.front());
    EXPECT_NE(ended.err, "");
  }
  const Ended help = ctl(daemon, {"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out, HasSubstr("cannot connect"));
  EXPECT_EQ(ctl(daemon, {"orders", "cancel-all", "--help"}).exit_code, 0);
  EXPECT_TRUE(daemon.submitted.empty());
}

TEST(Halcyonctl, WithoutADaemonItIsExitCode3WithTheMend) {
  const TemporaryDirectory directory;
  const Ended ended = run(
      {HALCYON_BINARY_DIR "/bin/halcyonctl", "--socket", directory.path() + "/none.sock", "status"},
      nullptr);
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.err, HasSubstr("/none.sock: No such file or directory; is halcyond running?"));
  EXPECT_EQ(ended.out, "");
}

}  // namespace
}  // namespace halcyon::daemon
