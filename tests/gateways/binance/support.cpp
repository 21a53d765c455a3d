#include "support.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>
#include <zlib.h>

#include "domain/client_order_id.h"
#include "domain/enum_name.h"
#include "risk/gate.h"

namespace halcyon::gateways::binance::testing {

using domain::enum_name;
using domain::Event;
using domain::to_string;

Bytes::Bytes(std::string_view text, std::string_view behind) : size_(text.size()) {
  // Exactly what a frame promises and not a byte more, so that AddressSanitizer sees the next one.
  bytes_.reserve(size_ + Frame::padding);
  bytes_.assign(text.begin(), text.end());
  for (std::size_t index = 0; index < Frame::padding; ++index) {
    bytes_.push_back(behind[index % behind.size()]);
  }
  bytes_.shrink_to_fit();
}

World::World() {
  venue = catalog.venue("binance");
  bnb = catalog.asset("BNB", domain::AssetClass::crypto);
  btc_usdt = catalog.instrument(venue, "BTC/USDT");
  bnb_usdt = catalog.instrument(venue, "BNB/USDT");
  eth_btc = catalog.instrument(venue, "ETH/BTC");
  wide = catalog.instrument(venue, "１２３/４５６");
  bnb_btc = catalog.instrument(venue, "BNB/BTC");
  catalog.instrument(venue, "ETH/USDT");
  const auto other = catalog.venue("elsewhere");
  catalog.instrument(other, "LTC/EUR");
  account = catalog.account("main", venue);
  btc = *catalog.find_asset("BTC");
  usdt = *catalog.find_asset("USDT");
  eth = *catalog.find_asset("ETH");
}

namespace {

const std::filesystem::path carried = HALCYON_SOURCE_DIR "/tests/data/binance";
const std::filesystem::path beside = HALCYON_SOURCE_DIR "/../shared/fixtures/binance";

std::optional<std::string> read(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace

std::optional<std::string> sample(std::string_view name) {
  if (auto text = read(carried / "samples" / name)) return text;
  return read(beside / name);
}

std::vector<std::pair<std::string, std::string>> all_samples() {
  std::vector<std::pair<std::string, std::string>> samples;
  for (const auto& folder : {carried / "samples", beside}) {
    if (!std::filesystem::is_directory(folder)) continue;
    for (const auto& entry : std::filesystem::directory_iterator{folder}) {
      const std::string name = entry.path().filename();
      const bool is_known = std::any_of(samples.begin(), samples.end(),
                                        [&](const auto& row) { return row.first == name; });
      if (is_known || !entry.is_regular_file() || name.find(".json") == std::string::npos ||
          name == "signing_vectors.json") {
        continue;
      }
      samples.emplace_back(name, *read(entry.path()));
    }
  }
  std::sort(samples.begin(), samples.end());
  return samples;
}

const Recording& recording() {
  static const Recording made = [] {
    const std::string path = carried / "btcusdt_spot_20240808_346s.txt.gz";
    gzFile file = gzopen(path.c_str(), "rb");
    if (file == nullptr) throw std::runtime_error(path + " is missing");
    std::string text;
    std::vector<char> block(1 << 16);
    for (int size = 0;
         (size = gzread(file, block.data(), static_cast<unsigned>(block.size()))) > 0;) {
      text.append(block.data(), static_cast<std::size_t>(size));
    }
    gzclose(file);
    Recording result;
    result.expected = *read(carried / "expected_replay.json");
    for (std::size_t start = 0; start < text.size();) {
      const std::size_t end = std::min(text.find('\n', start), text.size());
      result.lines.push_back(text.substr(start, end - start));
      start = end + 1;
    }
    return result;
  }();
  return made;
}

std::string minified(std::string_view json) {
  std::string result;
  bool in_string = false;
  for (std::size_t index = 0; index < json.size(); ++index) {
    const char character = json[index];
    if (character == '"' && (index == 0 || json[index - 1] != '\\')) in_string = !in_string;
    if (!in_string && (character == ' ' || character == '\n' || character == '\r')) continue;
    result += character;
  }
  return result;
}

namespace {

std::string name_of(domain::OrderId id) {
  return id.is_none() ? "external" : fmt::format("{}-{}", id.epoch, id.counter);
}
std::string name_of(domain::ForeignId id) {
  if (id.is_none()) return "-";
  return id.high == 0 ? std::to_string(id.low) : fmt::format("{}:{}", id.high, id.low);
}
std::string asset(domain::AssetId id) {
  return id == domain::no<domain::AssetId> ? "-" : std::to_string(domain::index_of(id));
}

struct Teller {
  std::string operator()(const domain::Time&) const { return "time"; }
  std::string operator()(const domain::Trade& trade) const {
    return fmt::format("trade {} x {} #{} {}", to_string(trade.price), to_string(trade.quantity),
                       trade.venue_id, enum_name(trade.aggressor));
  }
  std::string operator()(const domain::Quote& quote) const {
    return fmt::format("quote {} x {} / {} x {} u{}", to_string(quote.bid),
                       to_string(quote.bid_quantity), to_string(quote.ask),
                       to_string(quote.ask_quantity), quote.update_id);
  }
  std::string operator()(const domain::BookReset&) const { return "book_reset"; }
  std::string operator()(const domain::BookInvalid& invalid) const {
    return fmt::format("book_invalid {}", enum_name(invalid.reason));
  }
  std::string operator()(const domain::BookLevels& levels) const {
    std::string text = fmt::format("levels u{}{}", levels.update_id, levels.last ? " last" : "");
    for (std::size_t index = 0; index < levels.count; ++index) {
      text += fmt::format(" {}{}x{}", index < levels.bids ? "b" : "a",
                          to_string(levels.levels[index].price),
                          to_string(levels.levels[index].quantity));
    }
    return text;
  }
  std::string operator()(const domain::TradesLost& lost) const {
    return fmt::format("trades_lost {}", lost.count);
  }
  static std::string series(domain::Timeframe timeframe) {
    return fmt::format("{} {}", timeframe.count, enum_name(timeframe.unit));
  }
  std::string operator()(const domain::Bar& bar) const {
    return fmt::format("bar of {} {}+{}s {} {} {} {} x {} of {}{}", series(bar.timeframe),
                       domain::to_unix_ms(bar.open_time) / 1000,
                       (bar.close_time - bar.open_time) / std::chrono::seconds{1},
                       to_string(bar.open), to_string(bar.high), to_string(bar.low),
                       to_string(bar.close), to_string(bar.volume), bar.trades,
                       bar.is_history ? " past" : "");
  }
  std::string operator()(const domain::HistoryEnd& end) const {
    return fmt::format("history_end of {}", series(end.timeframe));
  }
  std::string operator()(const domain::OrderReport& report) const {
    return fmt::format("report {} @{} {} {} {} {} of {} at {} stop {} for {} i{} {} {}",
                       name_of(report.order), name_of(report.venue_order), enum_name(report.status),
                       enum_name(report.side), enum_name(report.type), to_string(report.filled),
                       to_string(report.quantity), to_string(report.limit_price),
                       to_string(report.stop_price), to_string(report.filled_quote),
                       report.venue_sequence, enum_name(report.source), enum_name(report.reason));
  }
  std::string operator()(const domain::Execution& execution) const {
    return fmt::format(
        "fill {} @{} #{} {} {} x {} = {} cumulative {} fee {} {} {} i{} {}",
        name_of(execution.order), name_of(execution.venue_order), name_of(execution.trade),
        enum_name(execution.side), to_string(execution.price), to_string(execution.quantity),
        to_string(execution.quote_amount), to_string(execution.cumulative),
        to_string(execution.fee), asset(execution.fee_asset), enum_name(execution.liquidity),
        execution.venue_sequence, enum_name(execution.source));
  }
  std::string operator()(const domain::Balance& balance) const {
    return fmt::format("balance {} free {} locked {} {}", asset(balance.asset),
                       to_string(balance.free), to_string(balance.locked),
                       enum_name(balance.source));
  }
  std::string operator()(const domain::ExternalFlow& flow) const {
    return fmt::format("flow {} {}", asset(flow.asset), to_string(flow.amount));
  }
  std::string operator()(const domain::RequestOutcome& outcome) const {
    return fmt::format("{} {} of {} {} @{} {} {}", enum_name(outcome.kind),
                       name_of(outcome.request), name_of(outcome.order), enum_name(outcome.outcome),
                       name_of(outcome.venue_order), enum_name(outcome.reason), outcome.venue_code);
  }
  std::string operator()(const domain::AnswerBegin& begin) const {
    return fmt::format("begin {} {}", name_of(begin.request), enum_name(begin.kind));
  }
  std::string operator()(const domain::AnswerEnd& end) const {
    return fmt::format("end {} {} {}{} {}", name_of(end.request), enum_name(end.kind),
                       enum_name(end.completeness), end.not_found ? " not_found" : "",
                       enum_name(end.reason));
  }
  std::string operator()(const domain::StreamChanged& changed) const {
    return fmt::format("stream {} {} {}", enum_name(changed.stream), enum_name(changed.state),
                       enum_name(changed.reason));
  }
  std::string operator()(const domain::ClockOffset& offset) const {
    return fmt::format("clock {} us in {} us", offset.offset / std::chrono::microseconds{1},
                       offset.round_trip / std::chrono::microseconds{1});
  }
  std::string operator()(const domain::InstrumentRules& rules) const {
    return fmt::format(
        "rules {} tick {} ({} to {}) lot {} ({} to {}, market {}) notional {} to {} "
        "market {}/{}",
        enum_name(rules.status), to_string(rules.tick), to_string(rules.min_price),
        to_string(rules.max_price), to_string(rules.lot), to_string(rules.min_quantity),
        to_string(rules.max_quantity), to_string(rules.max_market_quantity),
        to_string(rules.min_notional), to_string(rules.max_notional), rules.min_notional_for_market,
        rules.max_notional_for_market);
  }
  std::string operator()(const domain::TradeCorrected& corrected) const {
    return fmt::format("{} of {} #{} {} x {}", corrected.is_bust ? "bust" : "correction",
                       name_of(corrected.order), name_of(corrected.trade),
                       to_string(corrected.price), to_string(corrected.quantity));
  }
  std::string operator()(const domain::Started&) const { return "started"; }
  std::string operator()(const domain::Command&) const { return "command"; }
  std::string operator()(const domain::JournalRoomChanged&) const { return "journal_room"; }
};

}  // namespace

std::string said(const Event& event, const std::vector<std::string>& remarks) {
  std::string text = std::visit(Teller{}, event.what);
  if (event.remark != 0) text += fmt::format(" [{}]", remarks.at(event.remark - 1));
  return text;
}

std::vector<std::string> said(const std::vector<Event>& events,
                              const std::vector<std::string>& remarks) {
  std::vector<std::string> lines;
  for (const Event& event : events) lines.push_back(said(event, remarks));
  return lines;
}

domain::Approved<domain::NewOrder> approved(const domain::NewOrder& order) {
  domain::InstrumentRules rules;
  rules.status = domain::InstrumentStatus::trading;
  risk::View view;
  view.now = order.created;
  view.trading = domain::TradingState::active;
  view.account_known = view.account_ready = view.stream_ready = view.outbox_has_room = true;
  view.rules = &rules;
  view.reference =
      order.limit_price.is_positive() ? order.limit_price : domain::Price::from_units(100);
  if (order.stop_price.is_positive()) {
    // Where the market has to be for such a stop price.
    const bool is_stop =
        order.type == domain::OrderType::stop || order.type == domain::OrderType::stop_limit;
    const bool is_above = is_stop == (order.side == domain::Side::buy);
    const auto away = domain::Price::from_raw(order.stop_price.raw() / 1000);
    view.reference = is_above ? order.stop_price - away : order.stop_price + away;
  }
  view.quote_rate = domain::Price::from_units(1);
  view.clock_offset = domain::Duration::zero();
  view.reference_time = order.created;
  view.position = domain::Quantity::from_units(order.side == domain::Side::sell ? 1'000 : -1'000);
  view.free_quote = domain::Money::from_units(1'000'000'000);
  view.free_base_as_money = domain::Money::from_units(1'000'000'000);
  config::RiskLimits limits;
  limits.price_collar_pct = config::Percent{100};
  limits.max_order_notional = limits.max_position_notional =
      domain::Money::from_units(1'000'000'000'000);
  limits.max_open_orders = limits.max_orders_per_second = 1'000;
  risk::LimitSet set{};
  set[0] = &limits;
  const auto verdict = risk::Gate{}.check(order, view, set);
  if (const auto* refusal = std::get_if<risk::Refusal>(&verdict)) {
    throw std::runtime_error(
        fmt::format("the gate refused a test's order: {}", enum_name(refusal->reason)));
  }
  return std::get<domain::Approved<domain::NewOrder>>(verdict);
}

}  // namespace halcyon::gateways::binance::testing
