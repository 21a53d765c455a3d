#include "daemon/admin_methods.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "config/fields.h"
#include "config/written.h"
#include "daemon/json_rpc.h"
#include "daemon/time_text.h"
#include "domain/client_order_id.h"
#include "domain/credential.h"
#include "domain/enum_name.h"
#include "persistence/master_keys.h"

namespace halcyon::daemon {

namespace {

using domain::enum_name;
using domain::no;
using json_rpc::Error;
using json_rpc::ErrorCode;
using nlohmann::json;

using Outcome = std::variant<json, Error, WaitingCommand>;

// ---- Values as JSON -----------------------------------------------------------------------------

template <class Kind>
json amount(domain::Decimal<Kind> value) {
  return domain::to_string(value);
}

template <class Kind>
json amount_or_null(domain::Decimal<Kind> value) {
  return value.is_zero() ? json{} : amount(value);
}

json text_or_null(std::string text) { return text.empty() ? json{} : json(std::move(text)); }

json time_or_null(domain::Timestamp time) {
  if (time == domain::Timestamp{} || time == domain::never) return nullptr;
  return rfc3339(time);
}

json foreign(domain::ForeignId id) {
  if (id.is_none()) return nullptr;
  if (id.high == 0) return fmt::format("{}", id.low);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", id.high >> 32, (id.high >> 16) & 0xffff,
                     id.high & 0xffff, id.low >> 48, id.low & 0xffff'ffff'ffffULL);
}

json reason_or_null(domain::Reason reason) {
  return reason == domain::Reason::none ? json{} : json(enum_name(reason));
}

json setting(domain::Money value) { return amount(value); }
json setting(std::int32_t value) { return value; }
json setting(config::Percent value) { return value.value(); }
json setting(domain::Duration value) {
  return std::chrono::floor<std::chrono::milliseconds>(value).count();
}

/// One level's limits, by the keys of the file; null where the level does not bind.
json limits_json(const config::RiskLimits& limits) {
  json row = json::object();
  std::apply(
      [&](const auto&... fields) {
        const auto add = [&](const auto& field) {
          const auto& limit = limits.*field.member;
          row[std::string{field.key}] = limit ? setting(*limit) : json{};
        };
        (add(fields), ...);
      },
      config::risk_fields);
  return row;
}

// ---- Parameters ---------------------------------------------------------------------------------

/// The parameters of one call. The first thing wrong is kept and said; what is read after it is a
/// default that nobody uses.
class Params {
 public:
  explicit Params(const json& object) : object_(object) {}

  std::optional<std::string> text(const char* key) {
    const json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) {
      fail(fmt::format("{}: must be a string", key));
      return std::nullopt;
    }
    return value->get<std::string>();
  }

  std::optional<std::int64_t> number(const char* key, std::int64_t least, std::int64_t most) {
    const json* value = find(key);
    if (value == nullptr) return std::nullopt;
    const bool fits = value->is_number_integer() &&
                      (!value->is_number_unsigned() ||
                       value->get<std::uint64_t>() <= static_cast<std::uint64_t>(most)) &&
                      value->get<std::int64_t>() >= least && value->get<std::int64_t>() <= most;
    if (!fits) {
      fail(fmt::format("{}: must be a whole number from {} to {}", key, least, most));
      return std::nullopt;
    }
    return value->get<std::int64_t>();
  }

  bool flag(const char* key) {
    const json* value = find(key);
    if (value == nullptr) return false;
    if (!value->is_boolean()) {
      fail(fmt::format("{}: must be true or false", key));
      return false;
    }
    return value->get<bool>();
  }

  void fail(std::string words) {
    if (!wrong_) wrong_ = Error{ErrorCode::invalid_params, std::move(words), nullptr};
  }

  /// Call when every key has been read: a key that nobody asked for is wrong too.
  const std::optional<Error>& wrong() {
    for (const auto& item : object_.items()) {
      if (known_.count(item.key()) == 0) {
        std::string words = fmt::format("{}: unknown parameter", item.key().substr(0, 64));
        words += known_.empty() ? std::string{"; this method takes none"} : "; this method takes ";
        for (auto key = known_.begin(); key != known_.end(); ++key) {
          if (key != known_.begin()) words += ", ";
          words += *key;
        }
        fail(std::move(words));
      }
    }
    return wrong_;
  }

 private:
  const json* find(const char* key) {
    known_.insert(key);
    const auto place = object_.find(key);
    return place == object_.end() || place->is_null() ? nullptr : &*place;
  }

  const json& object_;
  std::set<std::string, std::less<>> known_;
  std::optional<Error> wrong_;
};

/// Which rows a list shows. Empty: all.
struct Filter {
  std::optional<domain::AccountId> account;
  std::optional<domain::StrategyId> strategy;
  std::optional<domain::InstrumentId> instrument;

  bool passes(domain::AccountId a, domain::StrategyId s, domain::InstrumentId i) const {
    return (!account || *account == a) && (!strategy || *strategy == s) &&
           (!instrument || *instrument == i);
  }
};

template <class Names>
std::string list(const Names& names) {
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text.empty() ? "there are none" : "there is " + text;
}

}  // namespace

// ---- The methods --------------------------------------------------------------------------------

/// One call: what every method may look at.
class AdminMethods::Call {
 public:
  Call(AdminMethods& methods, const json& params, const Caller& caller, domain::Timestamp now)
      : methods_(methods),
        model_(methods.model_),
        config_(methods.config_),
        params_(params),
        caller_(caller),
        now_(now) {}

  Outcome status();
  Outcome latency();
  Outcome orders_list();
  Outcome orders_cancel();
  Outcome orders_cancel_all();
  Outcome orders_submit();
  Outcome orders_amend();
  Outcome orders_resolve();
  Outcome accounts_flatten();
  Outcome reconcile();
  Outcome risk_set();
  Outcome adjustments_list();
  Outcome adjustments_accept();
  Outcome trading_kill();
  Outcome trading_release();
  Outcome strategies_pause() { return pause(true); }
  Outcome strategies_start() { return pause(false); }
  Outcome market_subscribe() { return listen(true); }
  Outcome market_unsubscribe() { return listen(false); }
  Outcome listen(bool listens);
  Outcome positions_list();
  Outcome fills_list();
  Outcome balances_list();
  Outcome accounts_list();
  Outcome strategies_list();
  Outcome notices_list();
  Outcome risk_get();
  Outcome trading_halt() { return set_trading(domain::TradingState::halted); }
  Outcome trading_reduce() { return set_trading(domain::TradingState::reducing); }
  Outcome trading_resume() { return set_trading(domain::TradingState::active); }
  Outcome shutdown();
  Outcome snapshot();
  Outcome credentials_list();
  Outcome credentials_put();
  Outcome credentials_rotate();

 private:
  using What = decltype(domain::Command::what);

  Outcome set_trading(domain::TradingState state);
  Outcome pause(bool paused);
  /// An amount as text; zero when it is left out.
  template <class Amount>
  Amount read_amount(const char* key, bool is_required = false) {
    const auto written = params_.text(key);
    if (!written) {
      if (is_required) params_.fail(fmt::format("{}: is missing", key));
      return {};
    }
    const auto amount = domain::parse<Amount>(*written);
    if (!amount) {
      params_.fail(fmt::format("{}: \"{}\" must be a decimal of at most nine places", key,
                               written->substr(0, 64)));
    }
    return amount.value_or(Amount{});
  }
  /// One of an enumeration's words; `otherwise` when it is left out.
  template <class Enum>
  Enum read_word(const char* key, std::optional<Enum> otherwise) {
    const auto written = params_.text(key);
    if (!written && otherwise) return *otherwise;
    const auto word = written ? domain::enum_parse<Enum>(*written) : std::nullopt;
    if (!word) {
      std::string words;
      for (std::size_t at = 0; at < domain::enum_count<Enum>(); ++at) {
        words += (at == 0 ? "" : ", ") + std::string{enum_name(static_cast<Enum>(at))};
      }
      params_.fail(fmt::format("{}: must be one of {}", key, words));
    }
    return word.value_or(Enum{});
  }
  Outcome command(const What& what, const std::string& reason);
  /// A command whose remark begins with what it is about.
  Outcome command(const What& what, const std::string& content, const std::string& reason);
  Outcome put(const CredentialSealer::Result& sealed, const std::string& reason);
  std::optional<Error> why_no_sealing() const;
  std::string read_reason();
  std::optional<domain::AccountId> read_account();
  std::optional<domain::StrategyId> read_strategy();
  std::optional<domain::InstrumentId> read_instrument();
  std::optional<domain::OrderId> read_order();
  domain::Scope read_scope();
  Filter read_filter();
  /// How many rows, newest first served.
  std::size_t read_limit(std::int64_t otherwise = 100) {
    return static_cast<std::size_t>(params_.number("limit", 1, max_rows).value_or(otherwise));
  }

  json order_json(const OrderView& view, bool with_steps) const;
  json step_json(const OrderStep& step) const;
  json fill_json(const FillView& view) const;
  json equity_json(domain::AccountId account, domain::StrategyId strategy) const;
  json streams_json() const;
  json limits_set_json() const;

  AdminMethods& methods_;
  const ReadModel& model_;
  const config::Config& config_;
  Params params_;
  const Caller& caller_;
  domain::Timestamp now_;
};

struct AdminMethods::Method {
  std::string_view name;
  Role role = Role::admin;
  Outcome (Call::*run)() = nullptr;
};

std::span<const AdminMethods::Method> AdminMethods::table() {
  static constexpr Method methods[] = {
      {"status", Role::observe, &Call::status},
      {"latency", Role::observe, &Call::latency},
      {"accounts.list", Role::observe, &Call::accounts_list},
      {"strategies.list", Role::observe, &Call::strategies_list},
      {"orders.list", Role::observe, &Call::orders_list},
      {"orders.cancel", Role::trade, &Call::orders_cancel},
      {"orders.cancel_all", Role::trade, &Call::orders_cancel_all},
      {"orders.submit", Role::trade, &Call::orders_submit},
      {"orders.amend", Role::trade, &Call::orders_amend},
      {"orders.resolve", Role::admin, &Call::orders_resolve},
      {"accounts.flatten", Role::trade, &Call::accounts_flatten},
      {"reconcile", Role::trade, &Call::reconcile},
      {"adjustments.list", Role::observe, &Call::adjustments_list},
      {"adjustments.accept", Role::admin, &Call::adjustments_accept},
      {"strategies.pause", Role::trade, &Call::strategies_pause},
      {"strategies.start", Role::trade, &Call::strategies_start},
      {"market.subscribe", Role::trade, &Call::market_subscribe},
      {"market.unsubscribe", Role::trade, &Call::market_unsubscribe},
      {"positions.list", Role::observe, &Call::positions_list},
      {"fills.list", Role::observe, &Call::fills_list},
      {"balances.list", Role::observe, &Call::balances_list},
      {"notices.list", Role::observe, &Call::notices_list},
      {"risk.get", Role::observe, &Call::risk_get},
      {"risk.set", Role::admin, &Call::risk_set},
      {"trading.halt", Role::trade, &Call::trading_halt},
      {"trading.reduce", Role::trade, &Call::trading_reduce},
      {"trading.resume", Role::trade, &Call::trading_resume},
      {"trading.kill", Role::trade, &Call::trading_kill},
      {"trading.release", Role::admin, &Call::trading_release},
      {"shutdown", Role::admin, &Call::shutdown},
      {"snapshot", Role::admin, &Call::snapshot},
      {"credentials.list", Role::admin, &Call::credentials_list},
      {"credentials.put", Role::admin, &Call::credentials_put},
      {"credentials.rotate", Role::admin, &Call::credentials_rotate},
  };
  return methods;
}

Outcome AdminMethods::Call::status() {
  if (params_.wrong()) return *params_.wrong();
  std::size_t unknown = 0;
  for (const auto& [id, view] : model_.orders()) {
    if (view.latest.state == domain::OrderState::unknown) ++unknown;
  }
  json accounts = json::array();
  for (const config::Account& account : config_.accounts) {
    const auto id = model_.catalog().find_account(account.name);
    const auto ready = id ? model_.accounts_ready().find(*id) : model_.accounts_ready().end();
    const bool known = ready != model_.accounts_ready().end();
    accounts.push_back({{"account", account.name},
                        {"ready", known && ready->second.what.ready},
                        {"reason", known ? reason_or_null(ready->second.what.reason) : json{}}});
  }
  json states = json::array();
  for (const auto& [scope, state] : model_.trading_states()) {
    states.push_back({{"account", text_or_null(model_.name(scope.first))},
                      {"strategy", text_or_null(model_.name(scope.second))},
                      {"state", enum_name(state.what.state)},
                      {"reason", reason_or_null(state.what.reason)},
                      {"changed", time_or_null(state.at)}});
  }
  for (const auto& [instrument, state] : model_.instrument_states()) {
    states.push_back({{"account", nullptr},
                      {"strategy", nullptr},
                      {"instrument", model_.name(instrument)},
                      {"state", enum_name(state.what.state)},
                      {"reason", reason_or_null(state.what.reason)},
                      {"changed", time_or_null(state.at)}});
  }
  json notices = json::object();
  for (std::size_t row = 0; row < domain::enum_count<domain::Severity>(); ++row) {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : model_.totals().notices[row]) sum += count;
    notices[std::string{enum_name(static_cast<domain::Severity>(row))}] = sum;
  }
  std::uint64_t denied = 0;
  for (const std::uint64_t count : model_.totals().denials) denied += count;
  std::uint64_t opened = 0;
  for (const auto& [account, count] : model_.totals().orders_opened) opened += count;
  std::size_t held = 0;
  for (const auto& [key, position] : model_.positions()) {
    if (!position.what.quantity.is_zero()) ++held;
  }
  const domain::Timestamp started = domain::from_unix_ms(std::int64_t{model_.epoch()} * 1000);
  json result = {
      {"daemon", config_.daemon.name},
      {"version", HALCYON_VERSION},
      {"epoch", model_.epoch()},
      {"started", time_or_null(started)},
      {"time", time_or_null(model_.last_received())},
      {"journal_sequence", model_.sequence()},
      {"trading_state",
       enum_name(model_.trading_state(no<domain::AccountId>, no<domain::StrategyId>))},
      {"trading_states", std::move(states)},
      {"accounts", std::move(accounts)},
      {"streams", streams_json()},
      {"orders",
       {{"open", model_.open_orders()},
        {"unknown", unknown},
        {"opened", opened},
        {"denied", denied},
        {"open_requests", model_.open_requests().size()}}},
      {"fills", {{"booked", model_.last_fill_number()}, {"late", model_.totals().fills_late}}},
      {"positions", {{"held", held}}},
      {"notices", std::move(notices)},
  };
  if (methods_.hooks_.status) result["process"] = methods_.hooks_.status();
  return result;
}

Outcome AdminMethods::Call::latency() {
  if (params_.wrong()) return *params_.wrong();
  if (!methods_.hooks_.latency) return json::object();
  return methods_.hooks_.latency();
}

Outcome AdminMethods::Call::orders_list() {
  const std::string which = params_.text("which").value_or("open");
  if (which != "open" && which != "all") params_.fail(R"(which: must be "open" or "all")");
  const Filter filter = read_filter();
  const std::size_t limit = read_limit();
  const bool with_steps = params_.flag("steps");
  const auto order = read_order();
  if (params_.wrong()) return *params_.wrong();

  // Newest first, so that a limit leaves off what is oldest.
  std::size_t matched = 0;
  json rows = json::array();
  const auto& orders = model_.orders();
  for (auto row = orders.rbegin(); row != orders.rend(); ++row) {
    const OrderView& view = row->second;
    if (order ? row->first != *order : which == "open" && !view.is_open()) continue;
    if (!filter.passes(view.order.account, view.order.strategy, view.order.instrument)) continue;
    ++matched;
    if (rows.size() < limit) rows.push_back(order_json(view, with_steps));
  }
  return json{{"orders", std::move(rows)}, {"matched", matched}};
}

Outcome AdminMethods::Call::orders_cancel() {
  const auto order = read_order();
  const std::string reason = read_reason();
  if (!order) params_.fail("order: is missing; `orders.list` names them");
  if (params_.wrong()) return *params_.wrong();
  return command(domain::CancelOrder{*order}, reason);
}

Outcome AdminMethods::Call::orders_cancel_all() {
  domain::CancelAll cancel;
  cancel.scope = read_scope();
  cancel.instrument = read_instrument().value_or(no<domain::InstrumentId>);
  const std::string reason = read_reason();
  if (params_.wrong()) return *params_.wrong();
  return command(cancel, reason);
}

Outcome AdminMethods::Call::positions_list() {
  const Filter filter = read_filter();
  const bool with_flat = params_.flag("flat");
  if (params_.wrong()) return *params_.wrong();
  json rows = json::array();
  for (const auto& [key, stamped] : model_.positions()) {
    const domain::PositionChanged& position = stamped.what;
    if (position.quantity.is_zero() && !with_flat) continue;
    if (!filter.passes(position.account, position.strategy, position.instrument)) continue;
    rows.push_back({{"account", text_or_null(model_.name(position.account))},
                    {"strategy", text_or_null(model_.name(position.strategy))},
                    {"instrument", text_or_null(model_.name(position.instrument))},
                    {"quantity", amount(position.quantity)},
                    {"average_price", amount_or_null(position.average_price)},
                    {"cost", amount(position.cost)},
                    {"realized", amount(position.realized)},
                    {"fees", amount(position.fees)},
                    {"fills", position.fills},
                    {"changed", time_or_null(stamped.at)}});
  }
  return json{{"positions", std::move(rows)}};
}

Outcome AdminMethods::Call::fills_list() {
  const Filter filter = read_filter();
  const std::size_t limit = read_limit();
  const auto after = params_.number("after", 0, INT64_MAX);
  if (params_.wrong()) return *params_.wrong();
  // With `after`: the next ones, to follow along. Without: the newest. Oldest first either way.
  std::vector<const FillView*> chosen;
  const auto passes = [&](const FillView& view) {
    return filter.passes(view.fill.account, view.fill.strategy, view.fill.instrument);
  };
  const auto& fills = model_.fills();
  if (after) {
    for (const FillView& view : fills) {
      if (chosen.size() == limit) break;
      if (view.fill.number > static_cast<std::uint64_t>(*after) && passes(view)) {
        chosen.push_back(&view);
      }
    }
  } else {
    for (auto view = fills.rbegin(); view != fills.rend() && chosen.size() < limit; ++view) {
      if (passes(*view)) chosen.push_back(&*view);
    }
    std::reverse(chosen.begin(), chosen.end());
  }
  json rows = json::array();
  for (const FillView* view : chosen) rows.push_back(fill_json(*view));
  // `first_kept` tells who follows along whether fills went by unseen.
  return json{{"fills", std::move(rows)},
              {"last", model_.last_fill_number()},
              {"first_kept", fills.empty() ? 0 : fills.front().fill.number}};
}

Outcome AdminMethods::Call::balances_list() {
  const auto account = read_account();
  if (params_.wrong()) return *params_.wrong();
  json rows = json::array();
  for (const auto& [key, stamped] : model_.balances()) {
    const domain::BalanceChanged& balance = stamped.what;
    if (account && *account != balance.account) continue;
    rows.push_back({{"account", text_or_null(model_.name(balance.account))},
                    {"asset", text_or_null(model_.name(balance.asset))},
                    {"free", amount(balance.free)},
                    {"locked", amount(balance.locked)},
                    {"venue_time", time_or_null(balance.venue_time)},
                    {"changed", time_or_null(stamped.at)}});
  }
  return json{{"balances", std::move(rows)}};
}

Outcome AdminMethods::Call::accounts_list() {
  if (params_.wrong()) return *params_.wrong();
  json rows = json::array();
  for (const config::Account& account : config_.accounts) {
    json row = {
        {"account", account.name}, {"venue", account.venue}, {"mode", enum_name(account.mode)},
        {"owner", account.owner},  {"ready", false},         {"reason", nullptr},
        {"stream", nullptr},       {"equity", nullptr},      {"open_orders", 0}};
    for (const config::Venue& venue : config_.venues) {
      if (venue.name == account.venue) row["environment"] = enum_name(venue.environment);
    }
    domain::AccountId id = no<domain::AccountId>;
    if (const auto known = model_.catalog().find_account(account.name)) {
      id = *known;
      if (const auto ready = model_.accounts_ready().find(id);
          ready != model_.accounts_ready().end()) {
        row["ready"] = ready->second.what.ready;
        row["reason"] = reason_or_null(ready->second.what.reason);
      }
      for (const auto& [key, stream] : model_.streams()) {
        if (std::get<0>(key) == domain::StreamKind::orders && std::get<2>(key) == id) {
          row["stream"] = enum_name(stream.latest.state);
        }
      }
      row["equity"] = equity_json(id, no<domain::StrategyId>);
      std::size_t open = 0;
      for (const auto& [order, view] : model_.orders()) {
        if (view.is_open() && view.order.account == id) ++open;
      }
      row["open_orders"] = open;
    }
    row["trading_state"] = enum_name(model_.trading_state(id, no<domain::StrategyId>));
    rows.push_back(std::move(row));
  }
  return json{{"accounts", std::move(rows)}};
}

Outcome AdminMethods::Call::strategies_list() {
  if (params_.wrong()) return *params_.wrong();
  json rows = json::array();
  for (const config::Strategy& strategy : config_.strategies) {
    json row = {{"strategy", strategy.name},
                {"type", strategy.type},
                {"accounts", strategy.accounts},
                {"instruments", strategy.instruments},
                // As the file writes it, in quotes: JSON has the same.
                {"timeframe", json::parse(config::written(strategy.timeframe))},
                {"capital", amount(strategy.capital)},
                {"open_orders", 0},
                {"equity", json::array()}};
    domain::StrategyId id = no<domain::StrategyId>;
    if (const auto known = model_.catalog().find_strategy(strategy.name)) {
      id = *known;
      std::size_t open = 0;
      for (const auto& [order, view] : model_.orders()) {
        if (view.is_open() && view.order.strategy == id) ++open;
      }
      row["open_orders"] = open;
      for (const auto& [key, mark] : model_.equity()) {
        if (key.second == id) row["equity"].push_back(equity_json(key.first, key.second));
      }
    }
    row["trading_state"] = enum_name(model_.trading_state(no<domain::AccountId>, id));
    rows.push_back(std::move(row));
  }
  return json{{"strategies", std::move(rows)}};
}

Outcome AdminMethods::Call::notices_list() {
  const std::size_t limit = read_limit();
  const auto least = params_.text("severity");
  std::optional<domain::Severity> severity;
  if (least) {
    severity = domain::enum_parse<domain::Severity>(*least);
    if (!severity) params_.fail("severity: must be info, warning or alarm");
  }
  if (params_.wrong()) return *params_.wrong();
  std::vector<const NoticeView*> chosen;
  const auto& notices = model_.notices();
  for (auto view = notices.rbegin(); view != notices.rend() && chosen.size() < limit; ++view) {
    if (!severity || view->notice.severity >= *severity) chosen.push_back(&*view);
  }
  json rows = json::array();
  for (auto view = chosen.rbegin(); view != chosen.rend(); ++view) {
    const domain::NoticeRaised& notice = (*view)->notice;
    rows.push_back({{"time", time_or_null((*view)->at)},
                    {"severity", enum_name(notice.severity)},
                    {"code", enum_name(notice.code)},
                    {"account", text_or_null(model_.name(notice.account))},
                    {"instrument", text_or_null(model_.name(notice.instrument))},
                    {"order", text_or_null(model_.order_name(notice.account, notice.order))},
                    {"text", (*view)->text},
                    {"journal_sequence", (*view)->sequence}});
  }
  return json{{"notices", std::move(rows)}};
}

Outcome AdminMethods::Call::orders_submit() {
  domain::SubmitOrder order;
  order.account = read_account().value_or(no<domain::AccountId>);
  order.strategy = read_strategy().value_or(no<domain::StrategyId>);
  order.instrument = read_instrument().value_or(no<domain::InstrumentId>);
  order.side = read_word<domain::Side>("side", {});
  order.type = read_word("type", std::optional{domain::OrderType::limit});
  order.time_in_force = read_word("time_in_force", std::optional{domain::TimeInForce::gtc});
  order.self_trade = read_word("self_trade", std::optional{domain::SelfTradeMode::venue_default});
  order.post_only = params_.flag("post_only");
  order.reduce_only = params_.flag("reduce_only");
  order.is_emulated = params_.flag("emulated");
  order.quantity = read_amount<domain::Quantity>("quantity", true);
  order.limit_price = read_amount<domain::Price>("limit_price");
  order.stop_price = read_amount<domain::Price>("stop_price");
  order.trailing_offset = read_amount<domain::Price>("trailing_offset");
  order.trailing_bps =
      static_cast<std::int32_t>(params_.number("trailing_bps", 1, 9'999).value_or(0));
  order.take_profit = read_amount<domain::Price>("take_profit");
  order.stop_loss = read_amount<domain::Price>("stop_loss");
  constexpr std::int64_t most_seconds = 366LL * 24 * 3600;
  if (const auto seconds = params_.number("expires_in_s", 1, most_seconds)) {
    order.expires = now_ + std::chrono::seconds{*seconds};
  }
  if (order.account == no<domain::AccountId>) params_.fail("account: is missing");
  if (order.instrument == no<domain::InstrumentId>) params_.fail("instrument: is missing");
  const std::string reason = read_reason();
  if (params_.wrong()) return *params_.wrong();
  return command(order, reason);
}

Outcome AdminMethods::Call::orders_amend() {
  const auto order = read_order();
  domain::Terms terms;
  terms.quantity = read_amount<domain::Quantity>("quantity");
  terms.limit_price = read_amount<domain::Price>("limit_price");
  terms.stop_price = read_amount<domain::Price>("stop_price");
  const std::string reason = read_reason();
  if (!order) params_.fail("order: is missing; `orders.list` names them");
  if (params_.wrong()) return *params_.wrong();
  return command(domain::AmendOrder{*order, terms}, reason);
}

Outcome AdminMethods::Call::orders_resolve() {
  const auto order = read_order();
  const auto status = read_word<domain::VenueOrderStatus>("status", {});
  const std::string reason = read_reason();
  if (!order) params_.fail("order: is missing; `orders.list` names them");
  if (reason.empty()) params_.fail("reason: is missing; say how you know what became of it");
  if (params_.wrong()) return *params_.wrong();
  return command(domain::ResolveOrder{*order, status}, reason);
}

Outcome AdminMethods::Call::accounts_flatten() {
  domain::Flatten flatten;
  flatten.scope = read_scope();
  flatten.instrument = read_instrument().value_or(no<domain::InstrumentId>);
  const std::string reason = read_reason();
  if (params_.wrong()) return *params_.wrong();
  return command(flatten, reason);
}

Outcome AdminMethods::Call::reconcile() {
  domain::Reconcile reconcile;
  reconcile.account = read_account().value_or(no<domain::AccountId>);
  const std::string reason = read_reason();
  if (params_.wrong()) return *params_.wrong();
  return command(reconcile, reason);
}

Outcome AdminMethods::Call::risk_set() {
  domain::SetLimit limit;
  const auto account = read_account();
  const auto strategy = read_strategy();
  const auto instrument = read_instrument();
  const int named =
      int{account.has_value()} + int{strategy.has_value()} + int{instrument.has_value()};
  if (named > 1) params_.fail("account, strategy, instrument: name at most one; none: the daemon");
  const auto set_level = [&limit](domain::LimitLevel level, std::size_t id) {
    limit.level = level;
    limit.id = static_cast<std::uint32_t>(id);
  };
  if (account) set_level(domain::LimitLevel::account, index_of(*account));
  if (strategy) set_level(domain::LimitLevel::strategy, index_of(*strategy));
  if (instrument) set_level(domain::LimitLevel::instrument, index_of(*instrument));
  limit.key = read_word<domain::LimitKey>("limit", {});
  limit.is_set = !params_.flag("unset");
  limit.value = read_amount<domain::Money>("value", limit.is_set);
  const std::string reason = read_reason();
  if (params_.wrong()) return *params_.wrong();
  return command(limit, reason);
}

Outcome AdminMethods::Call::listen(bool listens) {
  const auto instrument = read_instrument();
  const std::string reason = read_reason();
  if (!instrument) params_.fail("instrument: is missing");
  if (params_.wrong()) return *params_.wrong();
  // Without its data an instrument has no price: nobody may depend on one.
  std::string user;
  for (const config::Strategy& strategy : config_.strategies) {
    for (const std::string& written : strategy.instruments) {
      const config::Venue* venue = config::find_venue(config_, written);
      const auto& row = model_.catalog().instrument(*instrument);
      if (venue != nullptr && venue->name == model_.name(row.venue) &&
          config::symbol_of(written) == row.symbol) {
        user = "strategy " + strategy.name + " trades it";
      }
    }
  }
  for (const auto& [key, position] : model_.positions()) {
    if (std::get<2>(key) == *instrument && !position.what.quantity.is_zero()) {
      user = "it is held";
    }
  }
  for (const auto& [id, view] : model_.orders()) {
    if (view.is_open() && view.order.instrument == *instrument) user = "an order of it is open";
  }
  if (!listens && !user.empty()) {
    params_.fail("instrument: " + user + ", so its market data is needed");
    return *params_.wrong();
  }
  return command(domain::Listen{*instrument, listens}, reason);
}

Outcome AdminMethods::Call::adjustments_list() {
  const bool all = params_.flag("all");
  if (params_.wrong()) return *params_.wrong();
  json rows = json::array();
  for (const auto& [number, adjustment] : model_.adjustments()) {
    if (adjustment.is_accepted && !all) continue;
    rows.push_back({{"number", number},
                    {"account", text_or_null(model_.name(adjustment.account))},
                    {"asset", text_or_null(model_.name(adjustment.asset))},
                    {"amount", amount(adjustment.amount)},
                    {"accepted", adjustment.is_accepted},
                    {"found", time_or_null(adjustment.found)}});
  }
  return json{{"adjustments", std::move(rows)}};
}

Outcome AdminMethods::Call::adjustments_accept() {
  const auto number = params_.number("number", 1, INT64_MAX);
  const std::string reason = read_reason();
  if (!number) params_.fail("number: is missing; `adjustments.list` names them");
  if (params_.wrong()) return *params_.wrong();
  return command(domain::AcceptAdjustment{static_cast<std::uint64_t>(*number)}, reason);
}

Outcome AdminMethods::Call::trading_kill() {
  const bool flatten = params_.flag("flatten");
  const std::string reason = read_reason();
  if (params_.wrong()) return *params_.wrong();
  return command(domain::KillSwitch{flatten}, reason);
}

Outcome AdminMethods::Call::trading_release() {
  const std::string reason = read_reason();
  if (params_.wrong()) return *params_.wrong();
  return command(domain::ReleaseKillSwitch{}, reason);
}

Outcome AdminMethods::Call::pause(bool paused) {
  const auto strategy = read_strategy();
  const std::string reason = read_reason();
  if (!strategy) params_.fail("strategy: is missing; `strategies.list` names them");
  if (params_.wrong()) return *params_.wrong();
  return command(domain::PauseStrategy{*strategy, paused}, reason);
}

Outcome AdminMethods::Call::risk_get() {
  if (params_.wrong()) return *params_.wrong();
  const auto each = [](const std::map<std::string, config::RiskLimits>& levels) {
    json rows = json::object();
    for (const auto& [name, limits] : levels) rows[name] = limits_json(limits);
    return rows;
  };
  const config::Risk& risk = config_.risk;
  return json{{"currency", risk.currency},
              {"daemon", limits_json(risk.daemon)},
              {"accounts", each(risk.accounts)},
              {"strategies", each(risk.strategies)},
              {"instruments", each(risk.instruments)},
              {"set_at_run_time", limits_set_json()}};
}

json AdminMethods::Call::limits_set_json() const {
  json rows = json::array();
  for (const domain::SetLimit& limit : model_.limits_set()) {
    json about;
    switch (limit.level) {
      case domain::LimitLevel::daemon:
        break;
      case domain::LimitLevel::account:
        about = model_.name(static_cast<domain::AccountId>(limit.id));
        break;
      case domain::LimitLevel::strategy:
        about = model_.name(static_cast<domain::StrategyId>(limit.id));
        break;
      case domain::LimitLevel::instrument:
        about = model_.name(static_cast<domain::InstrumentId>(limit.id));
        break;
    }
    rows.push_back({{"level", enum_name(limit.level)},
                    {"name", std::move(about)},
                    {"limit", enum_name(limit.key)},
                    {"value", amount(limit.value)}});
  }
  return rows;
}

Outcome AdminMethods::Call::set_trading(domain::TradingState state) {
  const domain::Scope scope = read_scope();
  const auto instrument = read_instrument().value_or(no<domain::InstrumentId>);
  const std::string reason = read_reason();
  if (instrument != no<domain::InstrumentId> && scope != domain::Scope{}) {
    params_.fail("instrument: is for all accounts and strategies; leave them out");
  }
  if (params_.wrong()) return *params_.wrong();
  return command(domain::SetTradingState{scope, state, instrument}, reason);
}

Outcome AdminMethods::Call::snapshot() {
  if (params_.wrong()) return *params_.wrong();
  if (!methods_.hooks_.snapshot) {
    return Error{ErrorCode::not_taken, "this daemon makes no snapshots", nullptr};
  }
  return methods_.hooks_.snapshot();
}

Outcome AdminMethods::Call::shutdown() {
  const bool cancel_open = params_.flag("cancel_open");
  const std::string reason = read_reason();
  if (params_.wrong()) return *params_.wrong();
  return command(domain::PrepareStop{cancel_open}, reason);
}

Outcome AdminMethods::Call::credentials_list() {
  if (params_.wrong()) return *params_.wrong();
  json rows = json::array();
  for (const auto& [key, view] : model_.credentials()) {
    const auto credential = domain::parse_credential(view.text);
    if (!credential) continue;
    json accounts = json::array();
    for (const config::Account& account : config_.accounts) {
      if (account.credential == credential->name) accounts.push_back(account.name);
    }
    rows.push_back({{"name", credential->name},
                    {"part", enum_name(credential->part)},
                    {"prefix", text_or_null(std::string{credential->prefix})},
                    {"key_version", credential->key_version},
                    {"accounts", std::move(accounts)},
                    {"changed", time_or_null(view.at)}});
  }
  return json{{"credentials", std::move(rows)}};
}

// No word of an error here repeats a parameter: the secret may stand in the wrong one.
Outcome AdminMethods::Call::credentials_put() {
  const std::string name = params_.text("name").value_or("");
  const auto part = domain::enum_parse<domain::CredentialPart>(params_.text("part").value_or(""));
  const persistence::Secret secret{params_.text("value").value_or("")};
  const std::string reason = read_reason();
  if (!domain::is_credential_name(name)) {
    params_.fail("name: must be 1 to 64 letters, digits or '_'");
  }
  if (!part) params_.fail("part: must be api_key, private_key or api_secret");
  const std::string_view text = secret.text();
  const bool is_text = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= ' ' && c < 0x7f) || c == '\n' || c == '\r' || c == '\t';
  });
  if (text.empty() || text.size() > persistence::MasterKeys::longest_secret || !is_text) {
    params_.fail(fmt::format("value: must be 1 to {} characters of ASCII text",
                             persistence::MasterKeys::longest_secret));
  }
  if (const auto& wrong = params_.wrong()) {
    // The names of unknown parameters are words of the caller, too.
    return wrong->message.find("unknown parameter") == std::string::npos
               ? *wrong
               : Error{ErrorCode::invalid_params,
                       "credentials.put takes name, part, value and reason", nullptr};
  }
  if (const auto why_not = why_no_sealing()) return *why_not;
  return put(methods_.hooks_.sealer->put(model_, name, *part, text), reason);
}

Outcome AdminMethods::Call::credentials_rotate() {
  const std::string reason = read_reason();
  if (params_.wrong()) return *params_.wrong();
  if (const auto why_not = why_no_sealing()) return *why_not;
  return put(methods_.hooks_.sealer->rotate(model_), reason);
}

Outcome AdminMethods::Call::put(const CredentialSealer::Result& result, const std::string& reason) {
  if (const auto* words = std::get_if<std::string>(&result)) {
    return Error{ErrorCode::refused, *words, nullptr};
  }
  const auto& sealed = std::get<CredentialSealer::Sealed>(result);
  Outcome outcome = command(domain::PutCredentials{sealed.count}, sealed.lines, reason);
  if (const auto* waiting = std::get_if<WaitingCommand>(&outcome)) {
    methods_.credentials_under_way_ = waiting->token;
  }
  return outcome;
}

std::optional<Error> AdminMethods::Call::why_no_sealing() const {
  if (methods_.hooks_.sealer == nullptr) {
    return Error{ErrorCode::refused, "secrets cannot be sealed here", nullptr};
  }
  // What is sealed anew is what the model knows: a change that it has not seen would be undone.
  const auto& under_way = methods_.credentials_under_way_;
  if (under_way && model_.find_answer(*under_way) == nullptr) {
    return Error{ErrorCode::not_taken,
                 "another change of credentials is under way; nothing happened; try again",
                 nullptr};
  }
  return std::nullopt;
}

Outcome AdminMethods::Call::command(const What& what, const std::string& reason) {
  return command(what, {}, reason);
}

Outcome AdminMethods::Call::command(const What& what, const std::string& content,
                                    const std::string& reason) {
  const std::uint64_t token = caller_.token != 0 ? caller_.token : methods_.next_token_++;
  domain::Event event;
  event.received = methods_.hooks_.engine_time ? methods_.hooks_.engine_time() : now_;
  // Who asked is part of the remark until the configuration knows users; the record has an id.
  event.what = domain::Command{token, domain::daemon_user, what};
  const std::string who =
      caller_.who.empty() ? fmt::format("admin socket, uid {}", caller_.uid) : caller_.who;
  const std::string remark =
      fmt::format("{}{}{}[{}]", content, reason, reason.empty() ? "" : " ", who);
  if (!methods_.hooks_.submit || !methods_.hooks_.submit(event, remark)) {
    return Error{ErrorCode::not_taken,
                 "the queue to the engine is full; nothing happened; try again", nullptr};
  }
  return WaitingCommand{token, now_ + answer_time_out, {}};
}

std::string AdminMethods::Call::read_reason() {
  std::string reason = params_.text("reason").value_or("");
  if (reason.size() > max_reason_bytes) {
    params_.fail(
        fmt::format("reason: has {} bytes; at most {} are kept", reason.size(), max_reason_bytes));
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(reason.begin(), reason.end(), is_control)) {
    params_.fail("reason: must be one line, without control characters");
  }
  return reason;
}

std::optional<domain::AccountId> AdminMethods::Call::read_account() {
  const auto name = params_.text("account");
  if (!name) return std::nullopt;
  const auto id = model_.catalog().find_account(*name);
  if (!id) {
    std::vector<std::string> names;
    for (const auto& account : model_.catalog().accounts()) names.push_back(account.name);
    params_.fail(fmt::format("account: \"{}\" is not one; {}", *name, list(names)));
  }
  return id;
}

std::optional<domain::StrategyId> AdminMethods::Call::read_strategy() {
  const auto name = params_.text("strategy");
  if (!name) return std::nullopt;
  const auto id = model_.catalog().find_strategy(*name);
  if (!id) {
    params_.fail(
        fmt::format("strategy: \"{}\" is not one; {}", *name, list(model_.catalog().strategies())));
  }
  return id;
}

std::optional<domain::InstrumentId> AdminMethods::Call::read_instrument() {
  const auto text = params_.text("instrument");
  if (!text) return std::nullopt;
  std::optional<domain::InstrumentId> found;
  std::vector<std::string> names;
  for (const domain::Instrument& row : model_.catalog().instruments()) {
    const std::string whole = model_.name(row.venue) + ":" + row.symbol;
    names.push_back(whole);
    if (*text != row.symbol && *text != whole) continue;
    if (found) {
      params_.fail(
          fmt::format("instrument: \"{0}\" trades at several venues; name one, as in "
                      "\"{1}\"",
                      *text, whole));
    }
    found = row.id;
  }
  if (!found) params_.fail(fmt::format("instrument: \"{}\" is not one; {}", *text, list(names)));
  return found;
}

std::optional<domain::OrderId> AdminMethods::Call::read_order() {
  const auto text = params_.text("order");
  if (!text) return std::nullopt;
  const auto wrong = [&](std::string_view why) {
    params_.fail(
        fmt::format("order: \"{}\" {}; it looks like \"{}-ACCOUNT-1w5hmf0-7\", as "
                    "`orders.list` shows it",
                    *text, why, config_.daemon.name));
    return std::nullopt;
  };
  for (const domain::Catalog::Account& account : model_.catalog().accounts()) {
    const std::string prefix = config_.daemon.name + "-" + account.name + "-";
    const auto id = domain::parse_client_order_id(prefix, *text);
    if (!id) continue;
    // The account in the text is a promise about the order: a slip of the hand must not cancel
    // another account's order with the same numbers.
    const OrderView* view = model_.find_order(*id);
    if (view != nullptr && model_.name(view->order.account) != account.name) {
      return wrong("is not an order of that account");
    }
    return id;
  }
  return wrong("is not the name of an order of this daemon");
}

domain::Scope AdminMethods::Call::read_scope() {
  domain::Scope scope;
  scope.account = read_account().value_or(no<domain::AccountId>);
  scope.strategy = read_strategy().value_or(no<domain::StrategyId>);
  return scope;
}

Filter AdminMethods::Call::read_filter() {
  return {read_account(), read_strategy(), read_instrument()};
}

json AdminMethods::Call::order_json(const OrderView& view, bool with_steps) const {
  const domain::NewOrder& order = view.order;
  const domain::OrderChanged& latest = view.latest;
  const std::string name = model_.order_name(order.account, order.id);
  const auto average = domain::price_of(latest.filled_quote, latest.filled);
  json row = {{"order", name},
              {"client_order_id", view.client_id.empty() ? name : view.client_id},
              {"venue_order", foreign(latest.venue_order)},
              {"parent", text_or_null(model_.order_name(order.account, order.parent))},
              {"account", text_or_null(model_.name(order.account))},
              {"strategy", text_or_null(model_.name(order.strategy))},
              {"instrument", text_or_null(model_.name(order.instrument))},
              {"side", enum_name(order.side)},
              {"type", enum_name(order.type)},
              {"time_in_force", enum_name(order.time_in_force)},
              {"origin", enum_name(order.origin)},
              {"post_only", order.post_only},
              {"reduce_only", order.reduce_only},
              {"quantity", amount(order.quantity)},
              {"limit_price", amount_or_null(order.limit_price)},
              {"stop_price", amount_or_null(order.stop_price)},
              {"created", time_or_null(order.created)},
              {"state", enum_name(latest.state)},
              {"reason", reason_or_null(latest.reason)},
              {"filled", amount(latest.filled)},
              {"filled_quote", amount(latest.filled_quote)},
              {"average_price", average ? amount(*average) : json{}},
              {"reported", amount(latest.reported)},
              {"source", enum_name(latest.evidence.source)},
              {"venue_time", time_or_null(latest.evidence.venue_time)},
              {"changed", time_or_null(view.changed)},
              {"text", text_or_null(view.text)}};
  if (with_steps) {
    json steps = json::array();
    for (const OrderStep& step : view.steps) steps.push_back(step_json(step));
    row["steps"] = std::move(steps);
    row["steps_forgotten"] = view.steps_forgotten;
  }
  return row;
}

json AdminMethods::Call::step_json(const OrderStep& step) const {
  json row = {{"time", time_or_null(step.at)},
              {"journal_sequence", step.sequence},
              {"text", text_or_null(step.text)}};
  if (std::holds_alternative<domain::OrderOpened>(step.what)) {
    row["what"] = "opened";
  } else if (const auto* change = std::get_if<domain::OrderChanged>(&step.what)) {
    row["what"] = "changed";
    row["state"] = enum_name(change->state);
    row["reason"] = reason_or_null(change->reason);
    row["filled"] = amount(change->filled);
    row["source"] = enum_name(change->evidence.source);
    row["venue_time"] = time_or_null(change->evidence.venue_time);
  } else if (const auto* request = std::get_if<domain::RequestChanged>(&step.what)) {
    row["what"] = "request";
    row["kind"] = enum_name(request->kind);
    row["state"] = enum_name(request->state);
    row["reason"] = reason_or_null(request->reason);
    row["venue_code"] = request->venue_code == 0 ? json{} : json(request->venue_code);
  } else if (const auto* fill = std::get_if<domain::FillBooked>(&step.what)) {
    row["what"] = "fill";
    row["number"] = fill->number;
    row["price"] = amount(fill->price);
    row["quantity"] = amount(fill->quantity);
    row["trade"] = foreign(fill->trade);
  }
  return row;
}

json AdminMethods::Call::fill_json(const FillView& view) const {
  const domain::FillBooked& fill = view.fill;
  return {{"number", fill.number},
          {"order", text_or_null(model_.order_name(fill.account, fill.order))},
          {"venue_order", foreign(fill.venue_order)},
          {"trade", foreign(fill.trade)},
          {"account", text_or_null(model_.name(fill.account))},
          {"strategy", text_or_null(model_.name(fill.strategy))},
          {"instrument", text_or_null(model_.name(fill.instrument))},
          {"side", enum_name(fill.side)},
          {"price", amount(fill.price)},
          {"quantity", amount(fill.quantity)},
          {"quote_amount", amount(fill.quote_amount)},
          {"fee", amount(fill.fee)},
          {"fee_asset", text_or_null(model_.name(fill.fee_asset))},
          {"liquidity", enum_name(fill.liquidity)},
          {"source", enum_name(fill.source)},
          {"late", fill.late},
          {"venue_time", time_or_null(fill.venue_time)},
          {"booked", time_or_null(view.booked)},
          {"journal_sequence", view.sequence}};
}

json AdminMethods::Call::equity_json(domain::AccountId account, domain::StrategyId strategy) const {
  const auto place = model_.equity().find({account, strategy});
  if (place == model_.equity().end()) return nullptr;
  const domain::EquityMarked& mark = place->second.what;
  return {{"account", text_or_null(model_.name(account))},
          {"currency", config_.risk.currency},
          {"equity", amount(mark.equity)},
          {"cash", amount(mark.cash)},
          {"realized", amount(mark.realized)},
          {"unrealized", amount(mark.unrealized)},
          {"fees", amount(mark.fees)},
          {"peak", amount(mark.peak)},
          {"drawdown", amount(mark.drawdown)},
          {"marked", time_or_null(place->second.at)}};
}

json AdminMethods::Call::streams_json() const {
  json rows = json::array();
  for (const auto& [key, stream] : model_.streams()) {
    const auto& [kind, venue, account] = key;
    rows.push_back({{"stream", enum_name(kind)},
                    {"venue", text_or_null(model_.name(venue))},
                    {"account", text_or_null(model_.name(account))},
                    {"state", enum_name(stream.latest.state)},
                    {"reason", reason_or_null(stream.latest.reason)},
                    {"since", time_or_null(stream.since)},
                    {"text", text_or_null(stream.text)}});
  }
  return rows;
}

// ---- A line in, a line out ----------------------------------------------------------------------

AdminMethods::AdminMethods(const config::Config& config, const ReadModel& model, AdminHooks hooks,
                           domain::Timestamp started)
    : config_(config),
      model_(model),
      hooks_(std::move(hooks)),
      next_token_((static_cast<std::uint64_t>(domain::to_unix_ms(started)) / 1000) << 32 | 1U) {
  for (const Method& method : table()) counts_.push_back({method.name, 0, 0});
  counts_.push_back({"", 0, 0});
}

Reply AdminMethods::handle(std::string_view line, const Caller& caller, domain::Timestamp now) {
  auto parsed = json_rpc::parse(line);
  if (const auto* bad = std::get_if<json_rpc::BadRequest>(&parsed)) {
    ++counts_.back().failed;
    return {json_rpc::print_error(bad->id, bad->error), std::nullopt};
  }
  const auto& request = std::get<json_rpc::Request>(parsed);
  const auto began = std::chrono::steady_clock::now();
  std::size_t row = 0;
  while (row < table().size() && table()[row].name != request.method) ++row;
  const auto outcome = [&]() -> Outcome {
    if (row == table().size()) {
      std::string words = fmt::format("{}: unknown method; there is", request.method.substr(0, 64));
      for (const Method& method : table()) words += fmt::format(" {}", method.name);
      return Error{ErrorCode::method_not_found, std::move(words), nullptr};
    }
    const Method& method = table()[row];
    if (caller.role < method.role) {
      return Error{ErrorCode::not_permitted,
                   fmt::format("{}: needs the role {}, uid {} has {}", method.name,
                               enum_name(method.role), caller.uid, enum_name(caller.role)),
                   nullptr};
    }
    Call call{*this, request.params, caller, now};
    return (call.*method.run)();
  }();
  Reply reply;
  if (const auto* result = std::get_if<json>(&outcome)) {
    ++counts_[row].succeeded;
    reply.line = json_rpc::print_result(request.id, *result);
  } else if (const auto* error = std::get_if<Error>(&outcome)) {
    ++counts_[row].failed;
    reply.line = json_rpc::print_error(request.id, *error);
  } else {
    ++counts_[row].succeeded;
    reply.waiting = std::get<WaitingCommand>(outcome);
    reply.waiting->id = request.id.dump();
  }
  if (hooks_.seen) {
    AdminRequestSeen seen;
    seen.method = row < table().size() ? table()[row].name : std::string_view{"(unknown)"};
    seen.caller = caller.who.empty() ? fmt::format("uid {}", caller.uid) : caller.who;
    const auto* error = std::get_if<Error>(&outcome);
    seen.status = error == nullptr                             ? (reply.waiting ? 202 : 200)
                  : error->code == ErrorCode::method_not_found ? 404
                  : error->code == ErrorCode::not_permitted    ? 403
                                                               : 400;
    seen.took = std::chrono::steady_clock::now() - began;
    hooks_.seen(seen);
  }
  // Who sends a notification wants no answer, whatever became of it.
  if (request.is_notification) return {};
  return reply;
}

std::optional<std::string> AdminMethods::finish(const WaitingCommand& waiting,
                                                domain::Timestamp now) {
  const AnswerView* view = model_.find_answer(waiting.token);
  if (view == nullptr && now < waiting.deadline) return std::nullopt;
  const json id = json::parse(waiting.id, nullptr, /*allow_exceptions=*/false);
  if (view == nullptr) {
    return json_rpc::print_error(
        id, {ErrorCode::not_answered,
             "accepted into the queue, not answered within 2 s; it may still take effect: look at "
             "`status` and `orders.list` before you repeat it",
             nullptr});
  }
  const domain::CommandAnswered& answer = view->answer;
  if (answer.accepted) {
    json result = {{"accepted", true}, {"affected", answer.affected}};
    if (const OrderView* made = model_.find_order(answer.order)) {
      result["order"] = model_.order_name(made->order.account, answer.order);
    }
    return json_rpc::print_result(id, result);
  }
  const std::string_view word = enum_name(answer.reason);
  return json_rpc::print_error(
      id, {ErrorCode::refused,
           view->text.empty() ? fmt::format("refused: {}", word)
                              : fmt::format("refused: {}: {}", word, view->text),
           {{"reason", word}}});
}

}  // namespace halcyon::daemon
