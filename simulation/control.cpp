#include "simulation/control.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <boost/json.hpp>

#include "domain/enum_name.h"

namespace halcyon::simulation {

namespace json = boost::json;

namespace {

struct Wrong {
  std::string why;
};
using Result = std::variant<json::object, Wrong>;

struct Request {
  const json::object& body;
  ControlledVenue& venue;
  Timestamp now;
  Actions& actions;

  std::optional<std::string> text(std::string_view key) const {
    const auto* value = body.if_contains(key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string{value->get_string()};
  }
  std::optional<std::int64_t> number(std::string_view key) const {
    const auto* value = body.if_contains(key);
    if (value == nullptr || !value->is_int64()) return std::nullopt;
    return value->get_int64();
  }
  bool flag(std::string_view key, bool otherwise) const {
    const auto* value = body.if_contains(key);
    return value == nullptr || !value->is_bool() ? otherwise : value->get_bool();
  }
  /// Empty for a word that is no place; any where none is given.
  std::optional<Place> place() const {
    const auto word = text("connections");
    if (!word || *word == "all") return Place::any;
    return domain::enum_parse<Place>(*word);
  }
  std::string account() const {
    const auto accounts = venue.accounts();
    return text("account").value_or(accounts.empty() ? "" : accounts.front().settings->name);
  }
};

template <class Kind>
std::string exact(domain::Decimal<Kind> amount) {
  return domain::to_string(amount);
}

json::object order_truth(const Order& order, const Exchange& exchange) {
  return {{"order_id", order.id},
          {"client_order_id", order.asked.client_id},
          {"symbol", exchange.market(order.asked.market).symbol},
          {"side", domain::enum_name(order.asked.side)},
          {"type", domain::enum_name(order.asked.type)},
          {"time_in_force", domain::enum_name(order.asked.time_in_force)},
          {"post_only", order.asked.post_only},
          {"price", exact(order.asked.price)},
          {"quantity", exact(order.quantity)},
          {"quote_quantity", exact(order.asked.quote_quantity)},
          {"executed", exact(order.executed)},
          {"quote_executed", exact(order.quote_executed)},
          {"status", domain::enum_name(order.status)},
          {"open", is_open(order.status)},
          {"created_ms", domain::to_unix_ms(order.created)},
          {"updated_ms", domain::to_unix_ms(order.updated)}};
}

json::object trade_truth(const OwnTrade& trade, const Exchange& exchange) {
  const auto* order = exchange.find(trade.order_id);
  return {{"trade_id", trade.fill.trade_id},
          {"execution_id", trade.execution_id},
          {"order_id", trade.order_id},
          {"client_order_id", order == nullptr ? "" : order->asked.client_id},
          {"symbol", exchange.market(trade.market).symbol},
          {"side", domain::enum_name(trade.side)},
          {"price", exact(trade.fill.price)},
          {"quantity", exact(trade.fill.quantity)},
          {"quote_quantity", exact(trade.fill.quote)},
          {"commission", exact(trade.fill.commission)},
          {"commission_asset", exchange.name_of(trade.fill.commission_asset)},
          {"liquidity", trade.fill.maker ? "maker" : "taker"},
          {"time_ms", domain::to_unix_ms(trade.time)}};
}

/// Orders and trades as they truly are, to compare others' books with.
Result truth(const Request& request) {
  const auto& exchange = request.venue.exchange();
  const auto only = request.text("account");
  json::array accounts;
  for (const auto& account : request.venue.accounts()) {
    if (only && *only != account.settings->name) continue;
    json::array balances;
    for (std::size_t at = 0; at < exchange.asset_count(); ++at) {
      const auto asset = static_cast<AssetIndex>(at);
      const auto& name = exchange.name_of(asset);
      const auto balance = exchange.balance(account.index, asset);
      const auto began = account.settings->balances.find(name);
      balances.push_back(json::object{
          {"asset", name},
          {"free", exact(balance.free)},
          {"locked", exact(balance.locked)},
          {"initial", exact(began == account.settings->balances.end() ? Money{} : began->second)}});
    }
    json::array orders;
    json::array open;
    for (const auto& order : exchange.orders()) {
      if (order.asked.account != account.index) continue;
      orders.push_back(order_truth(order, exchange));
      if (is_open(order.status)) open.push_back(json::value(order.id));
    }
    json::array trades;
    for (const auto& trade : exchange.trades()) {
      if (trade.account == account.index) trades.push_back(trade_truth(trade, exchange));
    }
    accounts.push_back(json::object{{"account", account.settings->name},
                                    {"balances", std::move(balances)},
                                    {"orders", std::move(orders)},
                                    {"open_orders", std::move(open)},
                                    {"trades", std::move(trades)}});
  }
  if (only && accounts.empty()) return Wrong{"no account is called " + *only};
  return json::object{{"time_ms", domain::to_unix_ms(request.now)},
                      {"accounts", std::move(accounts)}};
}

Result status(const Request& request) {
  json::array replays;
  for (const auto& replay : request.venue.replays(request.now)) {
    replays.push_back(json::object{
        {"symbol", replay.symbol},
        {"running", replay.running},
        {"finished", replay.finished},
        {"speed", replay.speed},
        {"round", replay.round},
        {"position_ms",
         std::chrono::duration_cast<std::chrono::milliseconds>(replay.position).count()},
        {"last_update_id", replay.last_update_id},
        {"last_trade_id", replay.last_trade_id}});
  }
  json::array connections;
  for (const auto& connection : request.venue.connections()) {
    json::array streams;
    for (const auto& stream : connection.streams) streams.emplace_back(stream);
    connections.push_back(json::object{{"id", static_cast<std::uint64_t>(connection.id)},
                                       {"kind", domain::enum_name(connection.place)},
                                       {"streams", std::move(streams)},
                                       {"account", connection.account},
                                       {"user_streams", connection.user_streams}});
  }
  json::array faults;
  for (const auto& rule : request.venue.faults().rules()) {
    faults.push_back(json::object{{"id", rule.id},
                                  {"kind", domain::enum_name(rule.kind)},
                                  {"method", rule.method},
                                  {"event", rule.event},
                                  {"account", rule.account},
                                  {"skip", rule.skip},
                                  {"times", rule.times}});
  }
  return json::object{{"time_ms", domain::to_unix_ms(request.now)},
                      {"replays", std::move(replays)},
                      {"connections", std::move(connections)},
                      {"faults", std::move(faults)},
                      {"orders", request.venue.exchange().orders().size()},
                      {"trades", request.venue.exchange().trades().size()}};
}

/// {"params":{..}} of a call on the account's behalf; every value as text.
Result call(const Request& request, const std::string& method,
            std::vector<std::pair<std::string, std::string>> params) {
  const auto text =
      request.venue.call_as(request.account(), method, params, request.now, request.actions);
  const auto answer = json::parse(text).get_object();
  if (const auto* error = answer.if_contains("error")) {
    const auto& body = error->get_object();
    return Wrong{std::string{body.at("msg").get_string()} + " (" +
                 std::to_string(body.at("code").to_number<int>()) + ")"};
  }
  return json::object{{"result", answer.at("result")}};
}

std::vector<std::pair<std::string, std::string>> params_of(const json::object& body) {
  std::vector<std::pair<std::string, std::string>> params;
  for (const auto& [key, value] : body) {
    if (key == "cmd" || key == "account") continue;
    params.emplace_back(
        key, value.is_string() ? std::string{value.get_string()} : json::serialize(value));
  }
  return params;
}

Result place_external(const Request& request) {
  return call(request, "order.place", params_of(request.body));
}

Result run_method(const Request& request) {
  const auto method = request.text("method");
  const auto* params = request.body.if_contains("params");
  if (!method) return Wrong{"\"method\" is missing"};
  if (params != nullptr && !params->is_object()) return Wrong{"\"params\" is no object"};
  return call(request, *method,
              params == nullptr ? decltype(params_of({})){} : params_of(params->get_object()));
}

Result cancel_order(const Request& request) {
  auto id = request.number("order_id");
  if (const auto client = request.text("client_order_id")) {
    for (const auto& account : request.venue.accounts()) {
      if (account.settings->name != request.account()) continue;
      if (const auto* order = request.venue.exchange().find(account.index, *client)) {
        id = static_cast<std::int64_t>(order->id);
      }
    }
  }
  if (!id) return Wrong{"say which: \"order_id\" or \"client_order_id\" of a known order"};
  if (!request.venue.end_order(static_cast<std::uint64_t>(*id), request.flag("expire", false),
                               request.now, request.actions)) {
    return Wrong{"there is no such open order"};
  }
  return json::object{{"order_id", *id}};
}

Result transfer(const Request& request) {
  const auto asset = request.text("asset");
  const auto amount = domain::parse<Money>(request.text("amount").value_or(""));
  if (!asset || !amount) return Wrong{"\"asset\" and \"amount\" (a text) are needed"};
  if (!request.venue.transfer(request.account(), *asset, *amount, request.now, request.actions)) {
    return Wrong{"no such account, or the free balance does not cover it"};
  }
  return json::object{};
}

Result pause(const Request& request) {
  request.venue.pause(request.now);
  return json::object{};
}

Result resume(const Request& request) {
  request.venue.resume(request.now);
  return json::object{};
}

Result set_speed(const Request& request) {
  const auto speed = request.number("speed").value_or(0);
  if (speed < 1 || speed > Replay::max_speed) return Wrong{"\"speed\" must be 1 to 100"};
  request.venue.set_speed(static_cast<int>(speed), request.now);
  return json::object{};
}

Result drop_connections(const Request& request) {
  const auto place = request.place();
  if (!place) return Wrong{"\"connections\" must be all, market or orders"};
  return json::object{{"dropped", request.venue.drop_connections(*place, request.actions)}};
}

Result set_key(const Request& request) {
  if (!request.venue.set_key_valid(request.account(), request.flag("valid", false))) {
    return Wrong{"no such account"};
  }
  return json::object{};
}

Result set_symbol(const Request& request) {
  if (!request.venue.set_symbol_status(request.text("symbol").value_or(""),
                                       request.text("status").value_or(""))) {
    return Wrong{"no such symbol, or no such status (TRADING, HALT, BREAK, CANCEL_ONLY)"};
  }
  return json::object{};
}

Result set_filter(const Request& request) {
  const auto* filter = request.body.if_contains("filter");
  if (filter == nullptr || !filter->is_object()) {
    return Wrong{"\"filter\" must be an object as exchangeInfo has it"};
  }
  const auto wrong =
      request.venue.set_filter(request.text("symbol").value_or(""), json::serialize(*filter));
  if (!wrong.empty()) return Wrong{wrong};
  return json::object{};
}

/// Some faults happen at once; the others are rules that wait for their moment.
Result fault(const Request& request) {
  const auto kind = request.text("kind").value_or("");
  const auto place = request.place();
  if (!place) return Wrong{"\"connections\" must be all, market, orders or rest"};
  const std::chrono::milliseconds duration{request.number("ms").value_or(0)};
  if (kind == "stall") {
    request.venue.stall(*place, request.now + duration);
    return json::object{};
  }
  if (kind == "server_shutdown") {
    std::optional<Duration> close_after;
    if (request.number("ms")) close_after = duration;
    return json::object{{"told", request.venue.announce_shutdown(*place, close_after, request.now,
                                                                 request.actions)}};
  }
  if (kind == "clock_shift") {
    request.venue.shift_clock(duration);
    return json::object{};
  }
  if (kind == "ban") {
    request.venue.ban_until(request.now + duration);
    return json::object{};
  }
  const auto known = domain::enum_parse<FaultKind>(kind);
  if (!known) return Wrong{"there is no fault \"" + kind + "\""};
  FaultRule rule;
  rule.kind = *known;
  rule.place = *place;
  rule.method = request.text("method").value_or("");
  rule.account = request.text("account").value_or("");
  rule.event = request.text("event").value_or("");
  rule.skip =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, request.number("skip").value_or(0)));
  rule.times =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, request.number("times").value_or(1)));
  rule.chance_permille = static_cast<unsigned>(
      std::clamp<std::int64_t>(request.number("chance_permille").value_or(1000), 0, 1000));
  rule.executed = request.flag("executed", true);
  rule.duration_ms = duration.count();
  rule.bytes = request.number("bytes").value_or(0);
  rule.code = static_cast<int>(request.number("code").value_or(-1000));
  rule.status = static_cast<int>(request.number("status").value_or(400));
  rule.text =
      request.text("text").value_or("An unknown error occurred while processing the request.");
  const auto id = request.venue.faults().add(std::move(rule));
  if (!id) return Wrong{"there are too many faults; clear some"};
  return json::object{{"id", *id}};
}

Result clear_faults(const Request& request) {
  if (const auto id = request.number("id")) {
    if (!request.venue.faults().clear(static_cast<std::uint64_t>(*id))) {
      return Wrong{"there is no such fault; it may have happened"};
    }
    return json::object{};
  }
  request.venue.faults().clear();
  request.venue.shift_clock({});
  request.venue.ban_until({});
  for (const auto place : {Place::any, Place::market, Place::orders}) {
    request.venue.stall(place, Timestamp{});
  }
  return json::object{};
}

struct Command {
  std::string_view name;
  Result (*run)(const Request&);
};
constexpr std::array commands{
    Command{"truth", truth},
    Command{"status", status},
    Command{"place_external", place_external},
    Command{"call", run_method},
    Command{"cancel_order", cancel_order},
    Command{"transfer", transfer},
    Command{"pause", pause},
    Command{"resume", resume},
    Command{"set_speed", set_speed},
    Command{"drop_connections", drop_connections},
    Command{"set_key", set_key},
    Command{"set_symbol_status", set_symbol},
    Command{"set_filter", set_filter},
    Command{"fault", fault},
    Command{"clear_faults", clear_faults},
};

}  // namespace

std::string Control::answer(std::string_view line, Timestamp now, Actions& actions) {
  const auto wrong = [](const std::string& why) {
    return json::serialize(json::object{{"ok", false}, {"error", why}});
  };
  boost::system::error_code failed;
  const auto document = json::parse({line.data(), line.size()}, failed);
  if (failed || !document.is_object()) return wrong("one JSON object a line: {\"cmd\":\"truth\"}");
  const Request request{document.get_object(), venue_, now, actions};
  const auto name = request.text("cmd").value_or("");
  const auto found = std::find_if(commands.begin(), commands.end(),
                                  [&](const Command& each) { return each.name == name; });
  if (found == commands.end()) {
    std::string known;
    for (const auto& each : commands) known += (known.empty() ? "" : ", ") + std::string{each.name};
    return wrong("there is no command \"" + name + "\"; there are " + known);
  }
  auto result = found->run(request);
  if (const auto* failure = std::get_if<Wrong>(&result)) return wrong(failure->why);
  auto& body = std::get<json::object>(result);
  json::object out{{"ok", true}};
  for (auto& [key, value] : body) out[key] = std::move(value);
  return json::serialize(out);
}

}  // namespace halcyon::simulation
