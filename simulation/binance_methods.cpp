// Requests of the Binance venue: WebSocket API and REST over one table of methods.

#include <algorithm>
#include <charconv>
#include <limits>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "simulation/binance_core.h"
#include "simulation/signature.h"

namespace halcyon::simulation {

namespace json = boost::json;
using std::chrono::milliseconds;

namespace {

constexpr std::int64_t default_recv_window_ns = 5'000'000'000;
constexpr std::int64_t max_recv_window_ns = 60'000'000'000;
constexpr std::int64_t greatest_milliseconds = 100'000'000'000'000;  // beyond: microseconds
constexpr std::size_t default_limit = 500;
constexpr std::size_t max_limit = 1000;
constexpr std::size_t max_depth = 5000;
constexpr std::size_t max_client_id = 36;

bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const auto end = words.find(' ');
    if (words.substr(0, end) == word) return true;
    words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
  }
  return false;
}

Text shared(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

json::object limit_json(std::string_view type, std::string_view interval, int number, int limit) {
  return {
      {"rateLimitType", type}, {"interval", interval}, {"intervalNum", number}, {"limit", limit}};
}

std::size_t page(std::optional<std::int64_t> limit, std::size_t otherwise, std::size_t most) {
  if (!limit || *limit <= 0) return otherwise;
  return std::min(static_cast<std::size_t>(*limit), most);
}

json::value level_rows(const std::vector<Level>& levels) {
  json::array rows;
  rows.reserve(levels.size());
  for (const auto& level : levels) {
    rows.push_back(json::array{fixed(level.price), fixed(level.quantity)});
  }
  return rows;
}

std::optional<Timestamp> time_of(std::optional<std::int64_t> number) {
  if (!number) return std::nullopt;
  constexpr std::int64_t most = 9'000'000'000'000;  // ms; the year 2255, still in 64 bits of ns
  if (*number >= greatest_milliseconds) {
    return domain::from_unix_ms(std::min(*number / 1000, most));
  }
  return domain::from_unix_ms(std::clamp<std::int64_t>(*number, 0, most));
}

}  // namespace

const BinanceCore::Method BinanceCore::methods[] = {
    // clang-format off
    {"ping", Security::none, 1, false, "", "", &BinanceCore::do_ping},
    {"time", Security::none, 1, false, "", "", &BinanceCore::do_time},
    {"exchangeInfo", Security::none, 20, false, "", "symbol symbols permissions symbolStatus showPermissionSets", &BinanceCore::do_exchange_info},
    {"depth", Security::none, 5, false, "symbol", "limit", &BinanceCore::do_depth},
    {"trades.recent", Security::none, 25, false, "symbol", "limit", &BinanceCore::do_trades},
    {"klines", Security::none, 2, false, "symbol interval", "startTime endTime limit", &BinanceCore::do_klines},
    {"avgPrice", Security::none, 2, false, "symbol", "", &BinanceCore::do_average_price},
    {"ticker.book", Security::none, 2, false, "", "symbol symbols", &BinanceCore::do_book_ticker},
    {"ticker.price", Security::none, 2, false, "", "symbol symbols", &BinanceCore::do_price_ticker},
    {"session.logon", Security::logon, 2, false, "", "", &BinanceCore::do_logon},
    {"session.status", Security::none, 2, false, "", "", &BinanceCore::do_session},
    {"session.logout", Security::none, 2, false, "", "", &BinanceCore::do_logout},
    {"session.subscriptions", Security::none, 2, false, "", "", &BinanceCore::do_subscriptions},
    {"userDataStream.subscribe", Security::session, 2, false, "", "", &BinanceCore::do_subscribe},
    {"userDataStream.subscribe.signature", Security::signed_request, 2, false, "", "", &BinanceCore::do_subscribe},
    {"userDataStream.unsubscribe", Security::none, 2, false, "", "subscriptionId", &BinanceCore::do_unsubscribe},
    {"order.place", Security::signed_request, 1, true, "symbol side type", "timeInForce price quantity quoteOrderQty stopPrice trailingDelta icebergQty newClientOrderId newOrderRespType selfTradePreventionMode", &BinanceCore::do_place},
    {"order.test", Security::signed_request, 1, false, "symbol side type", "timeInForce price quantity quoteOrderQty stopPrice trailingDelta icebergQty newClientOrderId newOrderRespType selfTradePreventionMode", &BinanceCore::do_test},
    {"order.cancel", Security::signed_request, 1, true, "symbol", "orderId origClientOrderId newClientOrderId cancelRestrictions", &BinanceCore::do_cancel},
    {"order.cancelReplace", Security::signed_request, 1, true, "symbol side type cancelReplaceMode", "cancelOrderId cancelOrigClientOrderId cancelNewClientOrderId cancelRestrictions orderRateLimitExceededMode timeInForce price quantity quoteOrderQty stopPrice trailingDelta icebergQty newClientOrderId newOrderRespType selfTradePreventionMode", &BinanceCore::do_cancel_replace},
    {"order.amend.keepPriority", Security::signed_request, 4, false, "symbol newQty", "orderId origClientOrderId newClientOrderId", &BinanceCore::do_amend},
    {"order.amendments", Security::signed_request, 4, false, "symbol orderId", "fromExecutionId limit", &BinanceCore::do_amendments},
    {"orderList.place.oco", Security::signed_request, 1, true, "symbol side quantity aboveType belowType", "aboveType aboveClientOrderId abovePrice aboveStopPrice aboveTrailingDelta aboveTimeInForce aboveIcebergQty belowType belowClientOrderId belowPrice belowStopPrice belowTrailingDelta belowTimeInForce belowIcebergQty listClientOrderId newOrderRespType selfTradePreventionMode", &BinanceCore::do_place_oco},
    {"orderList.place.oto", Security::signed_request, 1, true, "symbol workingType workingSide workingPrice workingQuantity pendingType pendingSide pendingQuantity", "workingType workingClientOrderId workingPrice workingStopPrice workingTrailingDelta workingTimeInForce workingIcebergQty pendingType pendingClientOrderId pendingPrice pendingStopPrice pendingTrailingDelta pendingTimeInForce pendingIcebergQty listClientOrderId newOrderRespType selfTradePreventionMode", &BinanceCore::do_place_oto},
    {"orderList.place.otoco", Security::signed_request, 1, true, "symbol workingType workingSide workingPrice workingQuantity pendingSide pendingQuantity pendingAboveType pendingBelowType", "workingType workingClientOrderId workingPrice workingStopPrice workingTrailingDelta workingTimeInForce workingIcebergQty pendingAboveType pendingAboveClientOrderId pendingAbovePrice pendingAboveStopPrice pendingAboveTrailingDelta pendingAboveTimeInForce pendingAboveIcebergQty pendingBelowType pendingBelowClientOrderId pendingBelowPrice pendingBelowStopPrice pendingBelowTrailingDelta pendingBelowTimeInForce pendingBelowIcebergQty listClientOrderId newOrderRespType selfTradePreventionMode", &BinanceCore::do_place_otoco},
    {"orderList.cancel", Security::signed_request, 1, true, "symbol", "orderListId listClientOrderId newClientOrderId", &BinanceCore::do_cancel_list},
    {"orderList.status", Security::signed_request, 4, false, "", "orderListId origClientOrderId", &BinanceCore::do_list},
    {"openOrderLists.status", Security::signed_request, 6, false, "", "", &BinanceCore::do_open_lists},
    {"allOrderLists", Security::signed_request, 20, false, "", "fromId startTime endTime limit", &BinanceCore::do_all_lists},
    {"myFilters", Security::signed_request, 40, false, "symbol", "", &BinanceCore::do_my_filters},
    {"trades.aggregate", Security::none, 4, false, "symbol", "fromId startTime endTime limit", &BinanceCore::do_aggregate_trades},
    {"openOrders.cancelAll", Security::signed_request, 1, true, "symbol", "", &BinanceCore::do_cancel_all},
    {"order.status", Security::signed_request, 4, false, "symbol", "orderId origClientOrderId", &BinanceCore::do_order},
    {"openOrders.status", Security::signed_request, 6, false, "", "symbol", &BinanceCore::do_open_orders},
    {"allOrders", Security::signed_request, 20, false, "symbol", "orderId startTime endTime limit", &BinanceCore::do_all_orders},
    {"myTrades", Security::signed_request, 20, false, "symbol", "orderId startTime endTime fromId limit", &BinanceCore::do_my_trades},
    {"account.status", Security::signed_request, 20, false, "", "omitZeroBalances", &BinanceCore::do_account},
    {"account.commission", Security::signed_request, 20, false, "symbol", "", &BinanceCore::do_commission},
    {"account.rateLimits.orders", Security::signed_request, 40, false, "", "", &BinanceCore::do_order_limits},
    // clang-format on
};

const BinanceCore::Route BinanceCore::routes[] = {
    {"GET", "/api/v3/ping", "ping"},
    {"GET", "/api/v3/time", "time"},
    {"GET", "/api/v3/exchangeInfo", "exchangeInfo"},
    {"GET", "/api/v3/depth", "depth"},
    {"GET", "/api/v3/trades", "trades.recent"},
    {"GET", "/api/v3/klines", "klines"},
    {"GET", "/api/v3/avgPrice", "avgPrice"},
    {"GET", "/api/v3/ticker/bookTicker", "ticker.book"},
    {"GET", "/api/v3/ticker/price", "ticker.price"},
    {"POST", "/api/v3/order", "order.place"},
    {"POST", "/api/v3/order/test", "order.test"},
    {"GET", "/api/v3/order", "order.status"},
    {"DELETE", "/api/v3/order", "order.cancel"},
    {"GET", "/api/v3/openOrders", "openOrders.status"},
    {"DELETE", "/api/v3/openOrders", "openOrders.cancelAll"},
    {"POST", "/api/v3/order/cancelReplace", "order.cancelReplace"},
    {"PUT", "/api/v3/order/amend/keepPriority", "order.amend.keepPriority"},
    {"GET", "/api/v3/order/amendments", "order.amendments"},
    {"POST", "/api/v3/orderList/oco", "orderList.place.oco"},
    {"POST", "/api/v3/orderList/oto", "orderList.place.oto"},
    {"POST", "/api/v3/orderList/otoco", "orderList.place.otoco"},
    {"DELETE", "/api/v3/orderList", "orderList.cancel"},
    {"GET", "/api/v3/orderList", "orderList.status"},
    {"GET", "/api/v3/openOrderList", "openOrderLists.status"},
    {"GET", "/api/v3/allOrderList", "allOrderLists"},
    {"GET", "/api/v3/myFilters", "myFilters"},
    {"GET", "/api/v3/aggTrades", "trades.aggregate"},
    {"GET", "/api/v3/allOrders", "allOrders"},
    {"GET", "/api/v3/myTrades", "myTrades"},
    {"GET", "/api/v3/account", "account.status"},
    {"GET", "/api/v3/account/commission", "account.commission"},
    {"GET", "/api/v3/rateLimit/order", "account.rateLimits.orders"},
};

const BinanceCore::Method* BinanceCore::find_method(std::string_view name) {
  if (name.starts_with("v3/")) name.remove_prefix(3);
  const auto* found = std::find_if(std::begin(methods), std::end(methods),
                                   [&](const Method& each) { return each.name == name; });
  return found == std::end(methods) ? nullptr : found;
}

bool BinanceCore::places_orders(const Method& method) {
  return method.name == "order.place" || method.name == "order.cancelReplace" ||
         method.name.starts_with("orderList.place");
}

// --- the way of a request ------------------------------------------------------------------------

std::optional<BinanceCore::Failure> BinanceCore::banned(Timestamp now) const {
  if (now >= banned_until_) return std::nullopt;
  const auto until = wire(WireUnit::milliseconds)(banned_until_);
  return Failure{418,
                 -1003,
                 fmt::format("Way too much request weight used; IP banned until {}. Please use "
                             "WebSocket Streams for live updates to avoid bans.",
                             until),
                 {{"serverTime", wire(WireUnit::milliseconds)(now)}, {"retryAfter", until}}};
}

std::optional<BinanceCore::Failure> BinanceCore::charge(int weight, Timestamp now) {
  if (auto ban = banned(now)) return ban;
  raw_requests_.add(1, now);
  if (weight_.count(now) + weight <= weight_.limit() &&
      raw_requests_.count(now) <= raw_requests_.limit()) {
    weight_.add(weight, now);
    warnings_ = 0;
    return std::nullopt;
  }
  if (++warnings_ > warnings_before_ban) {
    warnings_ = 0;
    banned_until_ = now + ban_length;
    return banned(now);
  }
  return Failure{429,
                 -1003,
                 fmt::format("Too much request weight used; current limit is {} request weight per "
                             "1 MINUTE. Please use WebSocket Streams for live updates to avoid "
                             "polling the API.",
                             weight_.limit()),
                 {{"serverTime", wire(WireUnit::milliseconds)(now)},
                  {"retryAfter", wire(WireUnit::milliseconds)(weight_.ends(now))}}};
}

int BinanceCore::weight_of(const Call& call) {
  const auto& name = call.method->name;
  if (name == "depth") {
    std::int64_t limit = 100;
    if (const auto* text = call.params.find("limit")) {
      std::from_chars(text->data(), text->data() + text->size(), limit);
    }
    return limit <= 100 ? 5 : limit <= 500 ? 25 : limit <= 1000 ? 50 : 250;
  }
  if (name == "openOrders.status" && call.params.find("symbol") == nullptr) return 80;
  if (name == "myTrades" && call.params.find("orderId") != nullptr) return 5;
  return call.method->weight;
}

std::optional<BinanceCore::Failure> BinanceCore::check_names(const Call& call) const {
  const auto& method = *call.method;
  const bool is_signed =
      method.security == Security::logon || method.security == Security::signed_request;
  std::size_t read = 0;
  for (const auto& [name, value] : call.params.all()) {
    const bool known = has_word(method.required, name) || has_word(method.optional, name) ||
                       name == "returnRateLimits" ||
                       (is_signed && has_word("apiKey signature timestamp recvWindow", name));
    if (known) ++read;
  }
  if (read < call.params.all().size()) {
    return Failure{400, -1104,
                   fmt::format("Not all sent parameters were read; read '{}' parameter(s) but was "
                               "sent '{}'.",
                               read, call.params.all().size())};
  }
  auto words = method.required;
  while (!words.empty()) {
    const auto end = words.find(' ');
    const auto word = words.substr(0, end);
    words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
    const auto* value = call.params.find(word);
    if (value == nullptr || value->empty()) {
      return Failure{400, -1102,
                     fmt::format("Mandatory parameter '{}' was not sent, was empty/null, or "
                                 "malformed.",
                                 word)};
    }
  }
  return std::nullopt;
}

std::optional<BinanceCore::Failure> BinanceCore::authenticate(Call& call) {
  const Failure wrong_key{401, -2015, "Invalid API-key, IP, or permissions for action."};
  const auto missing = [](std::string_view name) {
    return Failure{
        400, -1102,
        fmt::format("Mandatory parameter '{}' was not sent, was empty/null, or malformed.", name)};
  };
  auto* connection = call.connection;
  if (connection != nullptr && connection->account != nullptr && !connection->account->valid) {
    // The key was good at the logon and is no more.
    connection->account = nullptr;
    call.session_revoked = true;
    return wrong_key;
  }
  const auto security = call.method->security;
  if (security == Security::none) return std::nullopt;
  const auto* key = call.params.find("apiKey");
  const bool by_session = security != Security::logon &&
                          call.method->name != "userDataStream.subscribe.signature" && !call.rest &&
                          key == nullptr && connection != nullptr && connection->account != nullptr;
  if (by_session) call.account = connection->account;
  if (security == Security::session) {
    return by_session ? std::nullopt : std::optional{wrong_key};
  }
  if (!by_session) {
    if (key == nullptr || key->empty()) return missing("apiKey");
    const auto found = std::find_if(accounts_.begin(), accounts_.end(), [&](const Account& each) {
      return each.settings.api_key == *key;
    });
    if (found == accounts_.end() || !found->valid) return wrong_key;
    call.account = &*found;
  }
  const auto sent = number(call, "timestamp");
  if (call.failure) return call.failure;
  if (!sent) return missing("timestamp");
  std::int64_t window_ns = default_recv_window_ns;
  if (const auto* text = call.params.find("recvWindow")) {
    const auto parsed = domain::parse<domain::Quantity>(*text);
    if (!parsed || parsed->is_negative()) return missing("recvWindow");
    // Milliseconds with up to three decimals: 10^-9 ms parts to nanoseconds.
    const auto wanted_ns = parsed->raw() / 1000;
    if (wanted_ns > max_recv_window_ns) {
      return Failure{400, -1131, "recvWindow must be less than 60000."};
    }
    window_ns = static_cast<std::int64_t>(wanted_ns);
  }
  const auto server = call.now + clock_shift_;
  const auto stamped = *sent >= greatest_milliseconds
                           ? Timestamp{std::chrono::microseconds{
                                 std::min<std::int64_t>(*sent, 9'000'000'000'000'000)}}
                           : *time_of(sent);
  if (stamped >= server + milliseconds{1000}) {
    return Failure{400, -1021, "Timestamp for this request was 1000ms ahead of the server's time."};
  }
  // The wire carries whole milliseconds, so the server's time is compared as such.
  const auto age = *sent >= greatest_milliseconds
                       ? server - stamped
                       : domain::from_unix_ms(domain::to_unix_ms(server)) - stamped;
  if (age > Duration{window_ns}) {
    return Failure{400, -1021, "Timestamp for this request is outside of the recvWindow."};
  }
  if (by_session) return std::nullopt;
  const auto* signature = call.params.find("signature");
  if (signature == nullptr || signature->empty()) return missing("signature");
  const auto& settings = call.account->settings;
  if (security == Security::logon && settings.ed25519_public_pem.empty()) {
    return Failure{400, -4056, "HMAC_SHA256 API key is not supported."};
  }
  const auto payload = call.rest ? call.rest_payload : call.params.signed_payload();
  const bool good = settings.ed25519_public_pem.empty()
                        ? verify_hmac_sha256(settings.hmac_secret, payload, *signature)
                        : verify_ed25519(settings.ed25519_public_pem, payload, *signature);
  if (!good) return Failure{400, -1022, "Signature for this request is not valid."};
  return std::nullopt;
}

std::optional<BinanceCore::Failure> BinanceCore::prepare(Call& call) {
  if (auto limited = charge(weight_of(call), call.now)) return limited;
  if (auto revoked_or_wrong = authenticate(call)) return revoked_or_wrong;
  return check_names(call);
}

BinanceCore::Answer BinanceCore::run(Call& call) {
  const auto weight = weight_of(call);
  auto answer = (this->*call.method->run)(call);
  if (call.failure) answer = *call.failure;
  const bool good = std::holds_alternative<json::value>(answer);
  if (good && call.method->free_on_success && !call.by_hand) weight_.add(-weight, call.now);
  return answer;
}

std::optional<FaultRule> BinanceCore::take_fault(FaultKind kind, const Call& call) {
  return faults_.take(
      kind, {.place = call.rest ? Place::rest : Place::orders,
             .method = call.method->name,
             .account = call.account == nullptr ? std::string_view{}
                                                : std::string_view{call.account->settings.name}});
}

json::array BinanceCore::limits_json(const Call& call) const {
  json::array rows;
  const auto add = [&](json::object row, int count) {
    row["count"] = count;
    rows.push_back(std::move(row));
  };
  if (call.account != nullptr && call.method != nullptr &&
      (places_orders(*call.method) || call.method->name == "account.rateLimits.orders")) {
    const auto& account = *call.account;
    add(limit_json("ORDERS", "SECOND", 10, account.orders_10s.limit()),
        account.orders_10s.count(call.now));
    add(limit_json("ORDERS", "DAY", 1, account.orders_day.limit()),
        account.orders_day.count(call.now));
  }
  add(limit_json("REQUEST_WEIGHT", "MINUTE", 1, weight_.limit()), weight_.count(call.now));
  return rows;
}

std::string BinanceCore::envelope(const Call& call, const std::string& id, const Answer& answer,
                                  bool with_limits) const {
  std::string out = fmt::format(R"({{"id":{},)", id);
  if (const auto* result = std::get_if<json::value>(&answer)) {
    out += R"("status":200,"result":)";
    out += json::serialize(*result);
  } else {
    const auto& failure = std::get<Failure>(answer);
    json::object error{{"code", failure.code}, {"msg", failure.message}};
    if (!failure.data.is_null()) error["data"] = failure.data;
    out += fmt::format(R"("status":{},"error":{})", failure.status, json::serialize(error));
  }
  if (with_limits) out += R"(,"rateLimits":)" + json::serialize(limits_json(call));
  out += '}';
  return out;
}

void BinanceCore::on_request(Connection& connection, std::string_view text, Timestamp now,
                             Actions& actions) {
  Call call;
  call.now = now;
  call.unit = connection.unit;
  call.connection = &connection;
  const auto frame = parse_frame(text);
  bool with_limits = connection.rate_limits;
  const auto answer_with = [&](const Answer& answer, const std::string& id) {
    return envelope(call, id, answer, with_limits);
  };
  if (!frame) {
    emit(connection, shared(answer_with(Failure{400, -1135, "Invalid JSON Request"}, "null")), now,
         actions);
    return;
  }
  call.method = find_method(frame->method);
  call.params = frame->params;
  if (const auto* limits = call.params.find("returnRateLimits")) with_limits = *limits != "false";
  if (call.method == nullptr) {
    emit(connection,
         shared(answer_with(Failure{400, -1020, "This operation is not supported."}, frame->id)),
         now, actions);
    return;
  }
  if (const auto failure = prepare(call)) {
    emit(connection, shared(answer_with(*failure, call.session_revoked ? "null" : frame->id)), now,
         actions);
    return;
  }
  if (const auto fault = take_fault(FaultKind::refuse, call)) {
    emit(connection,
         shared(answer_with(Failure{fault->status, fault->code, fault->text}, frame->id)), now,
         actions);
    return;
  }
  const Failure unknown{500, -1007,
                        "Timeout waiting for response from backend server. Send status unknown; "
                        "execution status unknown."};
  const auto cut = take_fault(FaultKind::drop_connection, call);
  const auto unsure = take_fault(FaultKind::unknown_status, call);
  const bool runs = (!cut || cut->executed) && (!unsure || unsure->executed);
  auto answer = runs ? run(call) : Answer{unknown};
  if (unsure) answer = unknown;
  if (cut) {
    actions.push_back(CloseConnection{connection.id, 0, {}});
    say(call.reports, now, actions);
    return;
  }
  const auto early = take_fault(FaultKind::events_first, call);
  if (early) say(call.reports, now, actions);
  if (!take_fault(FaultKind::lose_answer, call)) {
    auto body = answer_with(answer, frame->id);
    if (take_fault(FaultKind::malformed_answer, call)) body.resize(body.size() / 2);
    if (const auto late = take_fault(FaultKind::delay_answer, call)) {
      delay(now + milliseconds{late->duration_ms}, connection.id, shared(std::move(body)));
    } else {
      emit(connection, shared(std::move(body)), now, actions);
    }
  }
  if (!early) say(call.reports, now, actions);
  say_ended(call, now, actions);
}

HttpAnswer BinanceCore::on_http(const HttpRequest& request, Timestamp now, Actions& actions) {
  HttpAnswer answer;
  answer.headers.emplace_back("Content-Type", "application/json;charset=UTF-8");
  const auto question = request.target.find('?');
  const auto path = std::string_view{request.target}.substr(0, question);
  const auto query = question == std::string::npos
                         ? std::string_view{}
                         : std::string_view{request.target}.substr(question + 1);
  const auto say_failure = [&](const Failure& failure) {
    answer.status = static_cast<unsigned>(failure.status);
    json::object body{{"code", failure.code}, {"msg", failure.message}};
    if (!failure.data.is_null() && failure.status != 418 && failure.status != 429) {
      body["data"] = failure.data;
    }
    if (failure.status == 418 || failure.status == 429) {
      const auto until = failure.status == 418 ? banned_until_ : weight_.ends(now);
      answer.headers.emplace_back(
          "Retry-After",
          std::to_string(std::chrono::ceil<std::chrono::seconds>(until - now).count()));
    }
    answer.body = json::serialize(body);
  };
  Call call;
  call.now = now;
  call.rest = true;
  const auto* route = std::find_if(std::begin(routes), std::end(routes), [&](const Route& each) {
    return each.verb == request.method && each.path == path;
  });
  if (route == std::end(routes)) {
    const bool exists = std::any_of(std::begin(routes), std::end(routes),
                                    [&](const Route& each) { return each.path == path; });
    answer.status = exists ? 405 : 404;
    answer.body = R"({"code":-1020,"msg":"This operation is not supported."})";
    return answer;
  }
  call.method = find_method(route->method);
  if (!parse_query(query, call.params) || !parse_query(request.body, call.params)) {
    say_failure({400, -1100, "Illegal characters found in a parameter."});
    return answer;
  }
  call.rest_payload = rest_payload(query, request.body);
  if (const auto unit = request.headers.find("x-mbx-time-unit");
      unit != request.headers.end() && unit->second.starts_with('M') &&
      unit->second.find("ICRO") != std::string::npos) {
    call.unit = WireUnit::microseconds;
  }
  if (const auto key = request.headers.find("x-mbx-apikey");
      key != request.headers.end() && call.method->security == Security::signed_request) {
    call.params.add("apiKey", key->second);
  }
  Answer result = Failure{};
  if (const auto failure = prepare(call)) {
    result = *failure;
  } else if (const auto refused = take_fault(FaultKind::refuse, call)) {
    result = Failure{refused->status, refused->code, refused->text};
  } else {
    const auto cut = take_fault(FaultKind::drop_connection, call);
    const auto unsure = take_fault(FaultKind::unknown_status, call);
    if ((!cut || cut->executed) && (!unsure || unsure->executed)) result = run(call);
    if (unsure) {
      result = Failure{500, -1007,
                       "Timeout waiting for response from backend server. Send status unknown; "
                       "execution status unknown."};
    }
    answer.lost = cut.has_value() || take_fault(FaultKind::lose_answer, call).has_value();
    if (const auto late = take_fault(FaultKind::delay_answer, call)) {
      answer.delay = milliseconds{late->duration_ms};
    }
  }
  if (const auto* good = std::get_if<json::value>(&result)) {
    answer.body = json::serialize(*good);
  } else {
    say_failure(std::get<Failure>(result));
  }
  if (take_fault(FaultKind::malformed_answer, call)) answer.body.resize(answer.body.size() / 2);
  answer.headers.emplace_back("X-MBX-USED-WEIGHT-1M", std::to_string(weight_.count(now)));
  if (call.account != nullptr && places_orders(*call.method)) {
    answer.headers.emplace_back("X-MBX-ORDER-COUNT-10S",
                                std::to_string(call.account->orders_10s.count(now)));
    answer.headers.emplace_back("X-MBX-ORDER-COUNT-1D",
                                std::to_string(call.account->orders_day.count(now)));
  }
  say(call.reports, now, actions);
  return answer;
}

std::string BinanceCore::call_as(std::string_view account, std::string_view method,
                                 const std::vector<std::pair<std::string, std::string>>& params,
                                 Timestamp now, Actions& actions) {
  Call call;
  call.now = now;
  call.by_hand = true;
  call.account = find_account(account);
  call.method = find_method(method);
  for (const auto& [name, value] : params) call.params.add(name, value);
  Answer answer = Failure{400, -1020, "This operation is not supported."};
  if (call.account == nullptr) {
    answer = Failure{401, -2015, "No such account."};
  } else if (call.method != nullptr && call.method->security == Security::signed_request &&
             call.method->run != &BinanceCore::do_subscribe) {
    const auto wrong = check_names(call);
    answer = wrong ? Answer{*wrong} : run(call);
  }
  say(call.reports, now, actions);
  return envelope(call, "null", answer, false);
}

// --- parameters ----------------------------------------------------------------------------------

std::string BinanceCore::text(Call& call, std::string_view name) {
  const auto* value = call.params.find(name);
  return value == nullptr ? std::string{} : *value;
}

std::optional<std::int64_t> BinanceCore::number(Call& call, std::string_view name) {
  const auto* value = call.params.find(name);
  if (value == nullptr || value->empty()) return std::nullopt;
  std::int64_t parsed = 0;
  const auto* end = value->data() + value->size();
  const auto [rest, error] = std::from_chars(value->data(), end, parsed);
  if ((error != std::errc{} || rest != end || parsed < 0) && !call.failure) {
    call.failure = Failure{
        400, -1100,
        fmt::format("Illegal characters found in parameter '{}'; legal range is '^[0-9]{{1,20}}$'.",
                    name)};
    return std::nullopt;
  }
  return parsed;
}

template <class Amount>
std::optional<Amount> BinanceCore::amount(Call& call, std::string_view name) {
  const auto* value = call.params.find(name);
  if (value == nullptr) return std::nullopt;
  const auto fail = [&](int code, std::string message) {
    if (!call.failure) call.failure = Failure{400, code, std::move(message)};
    return std::nullopt;
  };
  const bool plain = !value->empty() && value->front() != '-' &&
                     value->find_first_not_of("0123456789.") == std::string::npos;
  const auto parsed = domain::parse<Amount>(*value);
  if (!plain || (!parsed && value->find('.') == std::string::npos)) {
    return fail(-1100, fmt::format("Illegal characters found in parameter '{}'; legal range is "
                                   "'^([0-9]{{1,20}})(\\.[0-9]{{1,20}})?$'.",
                                   name));
  }
  if (!parsed || parsed->raw() % 10 != 0) {
    return fail(-1111, fmt::format("Parameter '{}' has too much precision.", name));
  }
  if (parsed->is_zero()) {
    return fail(-1013, fmt::format("Invalid {}.", name));
  }
  return parsed;
}

std::string BinanceCore::client_id(Call& call, std::string_view name) {
  auto id = text(call, name);
  const bool wrong =
      id.size() > max_client_id ||
      id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:/_-") !=
          std::string::npos;
  if (wrong && !call.failure) {
    call.failure = Failure{400, -1100,
                           fmt::format("Illegal characters found in parameter '{}'; legal range is "
                                       "'^[\\.A-Z\\:/a-z0-9_-]{{1,36}}$'.",
                                       name)};
  }
  return id;
}

BinanceCore::Listing* BinanceCore::listing(Call& call) {
  auto* found = find_listing(text(call, "symbol"));
  if (found == nullptr && !call.failure) call.failure = Failure{400, -1121, "Invalid symbol."};
  return found;
}

std::optional<OrderRequest> BinanceCore::read_order(Call& call, const OrderNames& names) {
  const auto* symbol = listing(call);
  if (symbol == nullptr) return std::nullopt;
  // "price", or "abovePrice" for the order of a list whose names begin with "above".
  const auto named = [&](std::string_view name) {
    if (names.prefix.empty()) return std::string{name};
    std::string long_name = names.prefix + std::string{name};
    long_name[names.prefix.size()] = static_cast<char>(long_name[names.prefix.size()] - 'a' + 'A');
    return long_name;
  };
  const auto fail = [&](int code, std::string message) {
    if (!call.failure) call.failure = Failure{400, code, std::move(message)};
  };
  const auto has = [&](std::string_view name) { return call.params.find(name) != nullptr; };
  const auto need = [&](std::string_view name) {
    if (!has(name)) {
      fail(-1102,
           fmt::format("Mandatory parameter '{}' was not sent, was empty/null, or malformed.",
                       name));
    }
  };
  const auto unwanted = [&](std::string_view name) {
    if (has(name)) fail(-1106, fmt::format("Parameter '{}' sent when not required.", name));
  };
  const auto price_name = named("price");
  const auto stop_name = named("stopPrice");
  const auto trailing_name = named("trailingDelta");
  const auto iceberg_name = named("icebergQty");
  const auto force_name = named("timeInForce");
  OrderRequest order;
  order.account = call.account->index;
  order.market = symbol->market;
  const auto side = text(call, names.side);
  if (side != "BUY" && side != "SELL") fail(-1117, "Invalid side.");
  order.side = side == "SELL" ? Side::sell : Side::buy;
  struct Kind {
    std::string_view name;
    OrderType type;
    bool forced, priced, stops;
  };
  constexpr std::array kinds{
      Kind{"MARKET", OrderType::market, false, false, false},
      Kind{"LIMIT", OrderType::limit, true, true, false},
      Kind{"LIMIT_MAKER", OrderType::limit, false, true, false},
      Kind{"STOP_LOSS", OrderType::stop, false, false, true},
      Kind{"STOP_LOSS_LIMIT", OrderType::stop_limit, true, true, true},
      Kind{"TAKE_PROFIT", OrderType::take_profit, false, false, true},
      Kind{"TAKE_PROFIT_LIMIT", OrderType::take_profit_limit, true, true, true}};
  const auto type = text(call, named("type"));
  const auto kind =
      std::find_if(kinds.begin(), kinds.end(), [&](const Kind& each) { return each.name == type; });
  if (kind == kinds.end()) {
    fail(-1116, "Invalid orderType.");
    return std::nullopt;
  }
  order.type = kind->type;
  order.post_only = type == "LIMIT_MAKER";
  const bool by_quote = order.type == OrderType::market && has("quoteOrderQty");
  if (!by_quote) need(names.quantity);
  if (by_quote) unwanted(names.quantity);
  if (order.type != OrderType::market) unwanted("quoteOrderQty");
  kind->priced ? need(price_name) : unwanted(price_name);
  kind->forced ? need(force_name) : unwanted(force_name);
  if (!kind->stops) {
    unwanted(stop_name);
    unwanted(trailing_name);
  } else if (!has(stop_name) && !has(trailing_name)) {
    need(stop_name);
  }
  if (kind->forced) {
    const auto time_in_force = text(call, force_name);
    if (time_in_force == "IOC") {
      order.time_in_force = TimeInForce::ioc;
    } else if (time_in_force == "FOK") {
      order.time_in_force = TimeInForce::fok;
    } else if (time_in_force != "GTC") {
      fail(-1115, "Invalid timeInForce.");
    }
  }
  if (has(iceberg_name) && (!kind->priced || order.time_in_force != TimeInForce::gtc)) {
    fail(-1106, fmt::format("Parameter '{}' sent when not required.", iceberg_name));
  }
  if (call.failure) return std::nullopt;
  order.price = amount<Price>(call, price_name).value_or(Price{});
  order.quantity = amount<Quantity>(call, names.quantity).value_or(Quantity{});
  order.quote_quantity = amount<Money>(call, "quoteOrderQty").value_or(Money{});
  order.stop_price = amount<Price>(call, stop_name).value_or(Price{});
  order.iceberg = amount<Quantity>(call, iceberg_name).value_or(Quantity{});
  order.trailing_delta = static_cast<std::int32_t>(
      std::min<std::int64_t>(number(call, trailing_name).value_or(0), 9'999));
  order.self_trade = symbol->rules.default_self_trade;
  if (const auto* wish = call.params.find("selfTradePreventionMode")) {
    const auto mode = parse_self_trade(*wish);
    const auto& allowed = symbol->rules.self_trade_modes;
    if (!mode || std::find(allowed.begin(), allowed.end(), *mode) == allowed.end()) {
      fail(-1013, "This symbol does not allow the specified self-trade prevention mode.");
    } else {
      order.self_trade = *mode;
    }
  }
  order.client_id = client_id(
      call, names.prefix.empty() ? std::string{"newClientOrderId"} : named("clientOrderId"));
  if (order.client_id.empty()) order.client_id = made_up_id();
  if (call.failure) return std::nullopt;
  return order;
}

std::optional<BinanceCore::Failure> BinanceCore::refuse_by_count(const Call& call,
                                                                 std::size_t orders) const {
  if (call.by_hand || orders == 0) return std::nullopt;
  const auto& account = *call.account;
  const bool short_full = account.orders_10s.full(call.now);
  if (!short_full && !account.orders_day.full(call.now)) return std::nullopt;
  return Failure{429, -1015,
                 fmt::format("Too many new orders; current limit is {} orders per {}.",
                             short_full ? account.orders_10s.limit() : account.orders_day.limit(),
                             short_full ? "10 SECOND" : "1 DAY")};
}

std::optional<BinanceCore::Failure> BinanceCore::refuse_by_filter(Call& call,
                                                                  const OrderRequest& order) {
  const auto& symbol = *listing(call);
  if (symbol.status != "TRADING") return Failure{400, -2010, "Market is closed."};
  const auto base = exchange_.balance(order.account, exchange_.market(order.market).base);
  OpenOrders open;
  open.position = base.free + base.locked;
  for (const auto* each : exchange_.open_orders(order.account)) {
    if (each->asked.market != order.market) continue;
    ++open.all;
    if (is_conditional(each->asked.type) && !each->triggered) ++open.algo;
    if (each->asked.iceberg.is_positive()) ++open.iceberg;
    if (each->asked.side == Side::buy) {
      open.position += Money::from_raw(each->remaining().raw());
    }
  }
  if (const auto filter = failed_filter(symbol.rules, order, reference_price(symbol), open)) {
    return Failure{400, -1013, fmt::format("Filter failure: {}", *filter)};
  }
  return std::nullopt;
}

BinanceCore::Failure BinanceCore::failure_of(Refused refused) {
  switch (refused) {
    case Refused::insufficient_balance:
      return {400, -2010, "Account has insufficient balance for requested action."};
    case Refused::duplicate_client_id:
      return {400, -2010, "Duplicate order sent."};
    case Refused::would_take:
      return {400, -2010, "Order would immediately match and take."};
    case Refused::would_trigger:
      return {400, -2010, "Order would trigger immediately."};
    case Refused::bad_list_prices:
      return {400, -2010, "The relationship of the prices for the orders is not correct."};
    case Refused::bad_amend:
      return {400, -2038, "Order amend (quantity increase) is not supported."};
    case Refused::unknown_order:
    case Refused::too_many_orders:
      break;
  }
  return {500, -1008, "Server is currently overloaded with other requests."};
}

std::optional<BinanceCore::Failure> BinanceCore::refuse_order(Call& call,
                                                              const OrderRequest& order) {
  if (auto full = refuse_by_count(call, 1)) return full;
  if (auto filtered = refuse_by_filter(call, order)) return filtered;
  const auto refused = exchange_.check(order);
  return refused ? std::optional{failure_of(*refused)} : std::nullopt;
}

void BinanceCore::count_orders(Call& call, int orders) {
  if (call.by_hand) return;
  call.account->orders_10s.add(orders, call.now);
  call.account->orders_day.add(orders, call.now);
}

const Order* BinanceCore::read_order_id(Call& call, const Failure& missing,
                                        std::string_view id_name, std::string_view client_name) {
  const auto* symbol = listing(call);
  if (symbol == nullptr) return nullptr;
  const auto fail = [&](const Failure& failure) -> const Order* {
    if (!call.failure) call.failure = failure;
    return nullptr;
  };
  const auto id = number(call, id_name);
  const auto client = text(call, client_name);
  if (call.failure) return nullptr;
  if (!id && client.empty()) {
    return fail({400, -1102,
                 fmt::format("Param '{}' or '{}' must be sent, but both were empty/null!",
                             client_name, id_name)});
  }
  const auto* order = id ? exchange_.find(static_cast<std::uint64_t>(*id))
                         : exchange_.find(call.account->index, client);
  if (order == nullptr || order->asked.account != call.account->index ||
      order->asked.market != symbol->market) {
    return fail(missing);
  }
  if (id && !client.empty() && order->asked.client_id != client) {
    return fail({400, -2039, "Client order ID and order ID do not match."});
  }
  return order;
}

// --- methods -------------------------------------------------------------------------------------

BinanceCore::Answer BinanceCore::do_ping(Call&) { return json::object{}; }

BinanceCore::Answer BinanceCore::do_time(Call& call) {
  return json::object{{"serverTime", wire(call.unit)(call.now)}};
}

BinanceCore::Answer BinanceCore::do_exchange_info(Call& call) {
  json::array symbols;
  std::vector<std::string> names;
  if (const auto* one = call.params.find("symbol")) {
    names.push_back(*one);
  } else if (const auto* many = call.params.find("symbols")) {
    boost::system::error_code failed;
    const auto list = json::parse(*many, failed);
    if (failed || !list.is_array()) {
      return Failure{400, -1100, "Illegal characters found in parameter 'symbols'."};
    }
    for (const auto& each : list.get_array()) {
      if (each.is_string()) names.emplace_back(each.get_string());
    }
  } else {
    for (const auto& listing : listings_) names.push_back(listing.rules.symbol);
  }
  for (const auto& name : names) {
    const auto* listing = find_listing(name);
    if (listing == nullptr) return Failure{400, -1121, "Invalid symbol."};
    auto entry = json::parse(listing->rules.document);
    entry.get_object()["status"] = listing->status;
    symbols.push_back(std::move(entry));
  }
  const auto& limits = settings_.limits;
  json::array rate_limits{limit_json("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_per_minute),
                          limit_json("ORDERS", "SECOND", 10, limits.orders_per_10s),
                          limit_json("ORDERS", "DAY", 1, limits.orders_per_day),
                          limit_json("RAW_REQUESTS", "MINUTE", 5, limits.raw_requests_per_5m)};
  if (!call.rest) {
    rate_limits.push_back(limit_json("CONNECTIONS", "MINUTE", 5, limits.connections_per_5m));
  }
  return json::object{{"timezone", "UTC"},
                      {"serverTime", wire(call.unit)(call.now)},
                      {"rateLimits", std::move(rate_limits)},
                      {"exchangeFilters", json::array{}},
                      {"symbols", std::move(symbols)}};
}

BinanceCore::Answer BinanceCore::do_depth(Call& call) {
  const auto* symbol = listing(call);
  const auto limit = page(number(call, "limit"), 100, max_depth);
  if (call.failure) return *call.failure;
  return json::object{{"lastUpdateId", symbol->last_update_id},
                      {"bids", level_rows(exchange_.outside(symbol->market, Side::buy, limit))},
                      {"asks", level_rows(exchange_.outside(symbol->market, Side::sell, limit))}};
}

BinanceCore::Answer BinanceCore::do_trades(Call& call) {
  const auto* symbol = listing(call);
  const auto limit = page(number(call, "limit"), default_limit, max_limit);
  if (call.failure) return *call.failure;
  json::array rows;
  const auto& recent = symbol->recent;
  const auto first = recent.size() > limit ? recent.size() - limit : 0;
  for (auto at = first; at < recent.size(); ++at) {
    const auto& [trade, quote] = recent[at];
    rows.push_back(json::object{{"id", trade.id},
                                {"price", fixed(trade.price)},
                                {"qty", fixed(trade.quantity)},
                                {"quoteQty", fixed(quote)},
                                {"time", wire(call.unit)(trade.traded)},
                                {"isBuyerMaker", trade.buyer_is_maker},
                                {"isBestMatch", true}});
  }
  return rows;
}

BinanceCore::Answer BinanceCore::do_klines(Call& call) {
  const auto* symbol = listing(call);
  const auto interval = parse_interval(text(call, "interval"));
  const auto from = time_of(number(call, "startTime"));
  const auto to = time_of(number(call, "endTime"));
  const auto limit = page(number(call, "limit"), default_limit, max_limit);
  if (call.failure) return *call.failure;
  if (!interval) return Failure{400, -1120, "Invalid interval."};
  json::array rows;
  for (const auto& bar :
       symbol->bars.read(*interval, from.value_or(Timestamp{}), to.value_or(domain::never), limit,
                         from.has_value(), call.now)) {
    rows.push_back(kline_row(bar, {call.unit, {}}));
  }
  return rows;
}

BinanceCore::Answer BinanceCore::do_average_price(Call& call) {
  auto* symbol = listing(call);
  if (call.failure) return *call.failure;
  forget_old_trades(*symbol, call.now);
  const auto closed = symbol->last_trade ? symbol->last_trade->traded : call.now;
  return json::object{{"mins", 5},
                      {"price", fixed(reference_price(*symbol))},
                      {"closeTime", wire(call.unit)(closed)}};
}

BinanceCore::Answer BinanceCore::do_book_ticker(Call& call) {
  const auto row = [&](const Listing& listing) {
    auto bid = exchange_.best_outside(listing.market, Side::buy).value_or(Level{});
    auto ask = exchange_.best_outside(listing.market, Side::sell).value_or(Level{});
    if (listing.quote && listing.quote->update_id > listing.last_update_id) {
      bid = listing.quote->bid;
      ask = listing.quote->ask;
    }
    return json::object{{"symbol", listing.rules.symbol},
                        {"bidPrice", fixed(bid.price)},
                        {"bidQty", fixed(bid.quantity)},
                        {"askPrice", fixed(ask.price)},
                        {"askQty", fixed(ask.quantity)}};
  };
  if (call.params.find("symbol") != nullptr) {
    const auto* symbol = listing(call);
    if (call.failure) return *call.failure;
    return row(*symbol);
  }
  json::array rows;
  for (const auto& each : listings_) rows.push_back(row(each));
  return rows;
}

BinanceCore::Answer BinanceCore::do_price_ticker(Call& call) {
  const auto row = [&](const Listing& listing) {
    const auto price = listing.last_trade ? listing.last_trade->price : reference_price(listing);
    return json::object{{"symbol", listing.rules.symbol}, {"price", fixed(price)}};
  };
  if (call.params.find("symbol") != nullptr) {
    const auto* symbol = listing(call);
    if (call.failure) return *call.failure;
    return row(*symbol);
  }
  json::array rows;
  for (const auto& each : listings_) rows.push_back(row(each));
  return rows;
}

BinanceCore::Answer BinanceCore::do_logon(Call& call) {
  if (call.connection == nullptr) return Failure{400, -1020, "This operation is not supported."};
  call.connection->account = call.account;
  call.connection->authorized = call.now;
  return do_session(call);
}

BinanceCore::Answer BinanceCore::do_session(Call& call) {
  if (call.connection == nullptr) return Failure{400, -1020, "This operation is not supported."};
  const auto& connection = *call.connection;
  const auto time = wire(call.unit);
  json::object out;
  if (connection.account != nullptr) {
    out["apiKey"] = connection.account->settings.api_key;
    out["authorizedSince"] = time(connection.authorized);
  } else {
    out["apiKey"] = nullptr;
    out["authorizedSince"] = nullptr;
  }
  out["connectedSince"] = time(connection.connected);
  out["returnRateLimits"] = connection.rate_limits;
  out["serverTime"] = time(call.now);
  out["userDataStream"] = !connection.user_streams.empty();
  return out;
}

BinanceCore::Answer BinanceCore::do_logout(Call& call) {
  if (call.connection == nullptr) return Failure{400, -1020, "This operation is not supported."};
  auto& connection = *call.connection;
  connection.account = nullptr;
  for (auto stream = connection.user_streams.begin(); stream != connection.user_streams.end();) {
    if (stream->second.by_logon) {
      call.ended_streams.emplace_back(*stream);
      stream = connection.user_streams.erase(stream);
    } else {
      ++stream;
    }
  }
  return do_session(call);
}

BinanceCore::Answer BinanceCore::do_subscriptions(Call& call) {
  json::array rows;
  if (call.connection != nullptr) {
    for (const auto& [number, stream] : call.connection->user_streams) {
      rows.push_back(json::object{{"subscriptionId", number}});
    }
  }
  return rows;
}

BinanceCore::Answer BinanceCore::do_subscribe(Call& call) {
  if (call.connection == nullptr) return Failure{400, -1020, "This operation is not supported."};
  auto& streams = call.connection->user_streams;
  if (std::any_of(streams.begin(), streams.end(),
                  [&](const auto& each) { return each.second.account == call.account; })) {
    return Failure{400, -2035, "User Data Stream subscription already active."};
  }
  const int number = call.connection->next_user_stream++;
  streams[number] = {call.account, call.method->security == Security::session};
  return json::object{{"subscriptionId", number}};
}

BinanceCore::Answer BinanceCore::do_unsubscribe(Call& call) {
  if (call.connection == nullptr) return Failure{400, -1020, "This operation is not supported."};
  auto& streams = call.connection->user_streams;
  const auto wanted = number(call, "subscriptionId");
  if (call.failure) return *call.failure;
  const auto before = streams.size();
  for (auto stream = streams.begin(); stream != streams.end();) {
    if (!wanted || stream->first == *wanted) {
      call.ended_streams.emplace_back(*stream);
      stream = streams.erase(stream);
    } else {
      ++stream;
    }
  }
  if (streams.size() == before) {
    return Failure{400, -2036, "User Data Stream subscription not active."};
  }
  return json::object{};
}

BinanceCore::Answer BinanceCore::do_place(Call& call) {
  const auto order = read_order(call, {});
  if (!order) return *call.failure;
  const auto wish = text(call, "newOrderRespType");
  if (!wish.empty() && wish != "ACK" && wish != "RESULT" && wish != "FULL") {
    return Failure{400, -1100, "Illegal characters found in parameter 'newOrderRespType'."};
  }
  // LIMIT and MARKET answer in full unless told otherwise; the rest acknowledge only.
  const bool is_plain = !order->post_only && !is_conditional(order->type);
  const auto type = wish == "ACK" || (wish.empty() && !is_plain) ? ResponseType::ack
                    : wish == "RESULT"                           ? ResponseType::result
                                                                 : ResponseType::full;
  if (const auto refused = refuse_order(call, *order)) return *refused;
  count_orders(call, 1);
  const auto placed = exchange_.place(*order, call.now, call.reports);
  const auto* id = std::get_if<std::uint64_t>(&placed);
  if (id == nullptr) return Failure{400, -2010, "Order was refused."};
  return placed_json(*exchange_.find(*id), type, call.reports, context(call.unit));
}

BinanceCore::Answer BinanceCore::do_test(Call& call) {
  const auto order = read_order(call, {});
  if (!order) return *call.failure;
  if (const auto refused = refuse_order(call, *order)) return *refused;
  return json::object{};
}

BinanceCore::Answer BinanceCore::do_cancel(Call& call) {
  const Failure missing{400, -2011, "Unknown order sent."};
  const auto* order = read_order_id(call, missing);
  auto cancel_id = client_id(call, "newClientOrderId");
  if (call.failure) return *call.failure;
  if (cancel_id.empty()) cancel_id = made_up_id();
  const auto restriction = text(call, "cancelRestrictions");
  if (is_open(order->status) &&
      ((restriction == "ONLY_NEW" && order->status != OrderStatus::accepted) ||
       (restriction == "ONLY_PARTIALLY_FILLED" &&
        order->status != OrderStatus::partially_filled))) {
    return Failure{400, -2011, "Order was not canceled due to cancel restrictions."};
  }
  if (exchange_.cancel(order->id, cancel_id, call.now, call.reports)) return missing;
  if (order->list != 0) {
    return list_answer(call, *exchange_.find_list(order->list), cancel_id, ResponseType::result);
  }
  return canceled_json(*order, cancel_id, context(call.unit));
}

BinanceCore::Answer BinanceCore::do_cancel_replace(Call& call) {
  const auto mode = text(call, "cancelReplaceMode");
  if (mode != "STOP_ON_FAILURE" && mode != "ALLOW_FAILURE") {
    return Failure{400, -1102,
                   "Mandatory parameter 'cancelReplaceMode' was not sent, was empty/null, or "
                   "malformed."};
  }
  const auto order = read_order(call, {});
  if (!order) return *call.failure;
  auto cancel_id = client_id(call, "cancelNewClientOrderId");
  if (call.failure) return *call.failure;
  if (cancel_id.empty()) cancel_id = made_up_id();
  // Filters and limits are looked at before either step.
  if (const auto filtered = refuse_by_filter(call, *order)) return *filtered;
  auto full = refuse_by_count(call, 1);
  if (full && text(call, "orderRateLimitExceededMode") != "CANCEL_ONLY") return *full;
  const auto as_json = [](const Failure& failure) {
    return json::object{{"code", failure.code}, {"msg", failure.message}};
  };
  json::object data;
  const Failure missing{400, -2011, "Unknown order sent."};
  const auto* old = read_order_id(call, missing, "cancelOrderId", "cancelOrigClientOrderId");
  std::optional<Failure> cancel_failure;
  if (old == nullptr) {
    if (call.failure->code != missing.code) return *call.failure;
    cancel_failure = std::exchange(call.failure, std::nullopt);
  } else if (const auto restriction = text(call, "cancelRestrictions");
             is_open(old->status) &&
             ((restriction == "ONLY_NEW" && old->status != OrderStatus::accepted) ||
              (restriction == "ONLY_PARTIALLY_FILLED" &&
               old->status != OrderStatus::partially_filled))) {
    cancel_failure = Failure{400, -2011, "Order was not canceled due to cancel restrictions."};
  } else if (exchange_.cancel(old->id, cancel_id, call.now, call.reports)) {
    cancel_failure = missing;
  }
  data["cancelResult"] = cancel_failure ? "FAILURE" : "SUCCESS";
  if (cancel_failure && mode == "STOP_ON_FAILURE") {
    count_orders(call, 1);
    data["newOrderResult"] = "NOT_ATTEMPTED";
    data["cancelResponse"] = as_json(*cancel_failure);
    data["newOrderResponse"] = nullptr;
    return Failure{400, -2022, "Order cancel-replace failed.", std::move(data)};
  }
  std::optional<Failure> new_failure = full;
  std::uint64_t placed = 0;
  if (!new_failure) {
    count_orders(call, 1);
    const auto made = exchange_.place(*order, call.now, call.reports);
    if (const auto* refused = std::get_if<Refused>(&made)) {
      new_failure = failure_of(*refused);
    } else {
      placed = std::get<std::uint64_t>(made);
    }
  }
  data["newOrderResult"] = new_failure ? "FAILURE" : "SUCCESS";
  data["cancelResponse"] = cancel_failure ? as_json(*cancel_failure)
                                          : canceled_json(*old, cancel_id, context(call.unit));
  const auto type =
      text(call, "newOrderRespType") == "ACK" ? ResponseType::ack : ResponseType::result;
  data["newOrderResponse"] =
      new_failure ? as_json(*new_failure)
                  : placed_json(*exchange_.find(placed), type, call.reports, context(call.unit));
  if (cancel_failure && new_failure) {
    return Failure{400, -2022, "Order cancel-replace failed.", std::move(data)};
  }
  if (cancel_failure || new_failure) {
    return Failure{409, -2021, "Order cancel-replace partially failed.", std::move(data)};
  }
  return data;
}

BinanceCore::Answer BinanceCore::do_amend(Call& call) {
  const auto* order = read_order_id(call, {400, -2013, "Order does not exist."});
  const auto quantity = amount<Quantity>(call, "newQty");
  auto new_id = client_id(call, "newClientOrderId");
  if (call.failure) return *call.failure;
  if (new_id.empty()) new_id = made_up_id();
  const auto& rules = listing(call)->rules;
  if (!is_open(order->status)) {
    return Failure{400, -2038, "The order amend request is rejected: the order is not open."};
  }
  if (rules.max_amends > 0 && order->amends >= rules.max_amends) {
    return Failure{400, -1013, "Filter failure: MAX_NUM_ORDER_AMENDS"};
  }
  if (*quantity < rules.min_quantity || !domain::is_multiple(*quantity, rules.step)) {
    return Failure{400, -1013, "Filter failure: LOT_SIZE"};
  }
  const std::string before = order->asked.client_id;
  if (const auto* same = exchange_.find(order->asked.account, new_id);
      same != nullptr && same != order && is_open(same->status)) {
    return Failure{400, -2038, "Duplicate order sent."};
  }
  if (const auto refused = exchange_.amend(order->id, *quantity, new_id, call.now, call.reports)) {
    return failure_of(*refused);
  }
  const auto said = std::find_if(call.reports.begin(), call.reports.end(), [](const Report& each) {
    return each.kind == ReportKind::replaced;
  });
  return amended_json(*order, before, said->execution_id, context(call.unit));
}

BinanceCore::Answer BinanceCore::do_amendments(Call& call) {
  const auto* order = read_order_id(call, {400, -2013, "Order does not exist."});
  const auto from = number(call, "fromExecutionId");
  const auto limit = page(number(call, "limit"), default_limit, max_limit);
  if (call.failure) return *call.failure;
  json::array rows;
  for (const auto& each : amendments_[order->id]) {
    if ((from && each.execution_id < static_cast<std::uint64_t>(*from)) || rows.size() == limit) {
      continue;
    }
    rows.push_back(json::object{{"symbol", exchange_.market(order->asked.market).symbol},
                                {"orderId", order->id},
                                {"executionId", each.execution_id},
                                {"origClientOrderId", each.client_id_before},
                                {"newClientOrderId", each.client_id},
                                {"origQty", fixed(each.quantity_before)},
                                {"newQty", fixed(each.quantity)},
                                {"time", wire(call.unit)(each.time)}});
  }
  return rows;
}

BinanceCore::Answer BinanceCore::list_answer(Call& call, const OrderList& list,
                                             std::string_view cancel_id, ResponseType type) {
  auto out = list_json(list, context(call.unit));
  json::array reports;
  for (const auto id : list.orders) {
    const auto& order = *exchange_.find(id);
    reports.push_back(cancel_id.empty() ? placed_json(order, type, call.reports, context(call.unit))
                                        : canceled_json(order, cancel_id, context(call.unit)));
  }
  out["orderReports"] = std::move(reports);
  return out;
}

BinanceCore::Answer BinanceCore::place_list(Call& call, ListRequest request,
                                            const std::vector<OrderNames>& names) {
  const auto wish = text(call, "newOrderRespType");
  request.client_id = client_id(call, "listClientOrderId");
  if (request.client_id.empty()) request.client_id = made_up_id();
  for (const auto& each : names) {
    const auto order = read_order(call, each);
    if (!order) return *call.failure;
    request.orders.push_back(*order);
  }
  if (const auto full = refuse_by_count(call, names.size())) return *full;
  for (const auto& order : request.orders) {
    if (const auto filtered = refuse_by_filter(call, order)) return *filtered;
  }
  const auto& rules = listing(call)->rules;
  const auto open_lists =
      std::count_if(exchange_.lists().begin(), exchange_.lists().end(), [&](const OrderList& each) {
        return !each.done && each.account == call.account->index &&
               each.market == request.orders[0].market;
      });
  if (rules.max_order_lists > 0 &&
      static_cast<std::uint64_t>(open_lists) >= rules.max_order_lists) {
    return Failure{400, -1013, "Filter failure: MAX_NUM_ORDER_LISTS"};
  }
  count_orders(call, static_cast<int>(names.size()));
  const auto made = exchange_.place_list(request, call.now, call.reports);
  if (const auto* refused = std::get_if<Refused>(&made)) return failure_of(*refused);
  return list_answer(call, *exchange_.find_list(std::get<std::uint64_t>(made)), {},
                     wish == "ACK" ? ResponseType::ack : ResponseType::result);
}

namespace {

/// What an OCO asks of its legs: the upper one is reached by a rising price, the lower one by a
/// falling one.
bool encloses(const OrderRequest& above, const OrderRequest& below) {
  const auto point = [](const OrderRequest& order) {
    return order.stop_price.is_positive() ? order.stop_price : order.price;
  };
  const Price high = point(above);
  const Price low = point(below);
  return !high.is_positive() || !low.is_positive() || high > low;
}

}  // namespace

BinanceCore::Answer BinanceCore::do_place_oco(Call& call) {
  const std::vector<OrderNames> names{{"above", "side", "quantity"}, {"below", "side", "quantity"}};
  const auto above = read_order(call, names[0]);
  const auto below = read_order(call, names[1]);
  if (!above || !below) return *call.failure;
  if (!is_conditional(above->type) && !is_conditional(below->type)) {
    return Failure{400, -1168, "At least one OCO order must be contingent."};
  }
  if (!encloses(*above, *below)) return failure_of(Refused::bad_list_prices);
  return place_list(call, {.contingency = Contingency::oco, .client_id = {}, .orders = {}}, names);
}

BinanceCore::Answer BinanceCore::do_place_oto(Call& call) {
  return place_list(call, {.contingency = Contingency::oto, .client_id = {}, .orders = {}},
                    {{"working", "workingSide", "workingQuantity"},
                     {"pending", "pendingSide", "pendingQuantity"}});
}

BinanceCore::Answer BinanceCore::do_place_otoco(Call& call) {
  const std::vector<OrderNames> names{{"working", "workingSide", "workingQuantity"},
                                      {"pendingAbove", "pendingSide", "pendingQuantity"},
                                      {"pendingBelow", "pendingSide", "pendingQuantity"}};
  const auto above = read_order(call, names[1]);
  const auto below = read_order(call, names[2]);
  if (!above || !below) return *call.failure;
  if (!is_conditional(above->type) && !is_conditional(below->type)) {
    return Failure{400, -1168, "At least one OCO order must be contingent."};
  }
  if (!encloses(*above, *below)) return failure_of(Refused::bad_list_prices);
  return place_list(call, {.contingency = Contingency::oto, .client_id = {}, .orders = {}}, names);
}

const OrderList* BinanceCore::read_list_id(Call& call, std::string_view client_name,
                                           const Failure& missing) {
  const auto id = number(call, "orderListId");
  const auto client = text(call, client_name);
  if (call.failure) return nullptr;
  const auto* list = id ? exchange_.find_list(static_cast<std::uint64_t>(*id))
                        : exchange_.find_list(call.account->index, client);
  if (list != nullptr && list->account == call.account->index) return list;
  call.failure = missing;
  return nullptr;
}

BinanceCore::Answer BinanceCore::do_cancel_list(Call& call) {
  const Failure missing{400, -2011, "Unknown order list sent."};
  listing(call);
  const auto* list = read_list_id(call, "listClientOrderId", missing);
  auto cancel_id = client_id(call, "newClientOrderId");
  if (call.failure) return *call.failure;
  if (cancel_id.empty()) cancel_id = made_up_id();
  const auto open = std::find_if(list->orders.begin(), list->orders.end(), [&](std::uint64_t id) {
    return is_open(exchange_.find(id)->status);
  });
  if (open == list->orders.end() || exchange_.cancel(*open, cancel_id, call.now, call.reports)) {
    return missing;
  }
  return list_answer(call, *list, cancel_id, ResponseType::result);
}

BinanceCore::Answer BinanceCore::do_list(Call& call) {
  const auto* list =
      read_list_id(call, "origClientOrderId", {400, -2013, "Order list does not exist."});
  if (list == nullptr) return *call.failure;
  return list_json(*list, context(call.unit));
}

BinanceCore::Answer BinanceCore::do_open_lists(Call& call) {
  json::array rows;
  for (const auto& list : exchange_.lists()) {
    if (list.account == call.account->index && !list.done) {
      rows.push_back(list_json(list, context(call.unit)));
    }
  }
  return rows;
}

BinanceCore::Answer BinanceCore::do_all_lists(Call& call) {
  const auto from_id = number(call, "fromId");
  const auto from = time_of(number(call, "startTime"));
  const auto to = time_of(number(call, "endTime"));
  const auto limit = page(number(call, "limit"), default_limit, max_limit);
  if (call.failure) return *call.failure;
  json::array rows;
  for (const auto& list : exchange_.lists()) {
    if (list.account != call.account->index || rows.size() == limit) continue;
    if (from_id && list.id < static_cast<std::uint64_t>(*from_id)) continue;
    if ((from && list.created < *from) || (to && list.created > *to)) continue;
    rows.push_back(list_json(list, context(call.unit)));
  }
  return rows;
}

BinanceCore::Answer BinanceCore::do_my_filters(Call& call) {
  const auto* symbol = listing(call);
  if (call.failure) return *call.failure;
  const auto document = json::parse(symbol->rules.document);
  return json::object{{"exchangeFilters", json::array{}},
                      {"symbolFilters", document.at("filters")},
                      {"assetFilters", json::array{}}};
}

BinanceCore::Answer BinanceCore::do_aggregate_trades(Call& call) {
  const auto* symbol = listing(call);
  const auto from_id = number(call, "fromId");
  const auto from = time_of(number(call, "startTime"));
  const auto to = time_of(number(call, "endTime"));
  const auto limit = page(number(call, "limit"), default_limit, max_limit);
  if (call.failure) return *call.failure;
  std::vector<const TradeEvent*> found;
  for (const auto& [trade, quote] : symbol->recent) {
    if (from_id && trade.id < static_cast<std::uint64_t>(*from_id)) continue;
    if ((from && trade.traded < *from) || (to && trade.traded > *to)) continue;
    found.push_back(&trade);
  }
  const bool oldest = from_id || from;
  const auto skip = oldest || found.size() <= limit ? 0 : found.size() - limit;
  json::array rows;
  for (auto at = skip; at < found.size() && rows.size() < limit; ++at) {
    const auto& trade = *found[at];
    rows.push_back(json::object{{"a", trade.id},
                                {"p", fixed(trade.price)},
                                {"q", fixed(trade.quantity)},
                                {"f", trade.id},
                                {"l", trade.id},
                                {"T", wire(call.unit)(trade.traded)},
                                {"m", trade.buyer_is_maker},
                                {"M", true}});
  }
  return rows;
}

BinanceCore::Answer BinanceCore::do_cancel_all(Call& call) {
  const auto* symbol = listing(call);
  if (call.failure) return *call.failure;
  json::array rows;
  for (const auto* order : exchange_.open_orders(call.account->index)) {
    if (order->asked.market != symbol->market || !is_open(order->status)) continue;
    const auto cancel_id = made_up_id();
    if (order->list != 0) {
      // Its other orders end with it.
      const auto& list = *exchange_.find_list(order->list);
      if (exchange_.cancel(order->id, cancel_id, call.now, call.reports)) continue;
      rows.push_back(
          std::get<json::value>(list_answer(call, list, cancel_id, ResponseType::result)));
      continue;
    }
    if (exchange_.cancel(order->id, cancel_id, call.now, call.reports)) continue;
    rows.push_back(canceled_json(*order, cancel_id, context(call.unit)));
  }
  if (rows.empty()) return Failure{400, -2011, "Unknown order sent."};
  return rows;
}

BinanceCore::Answer BinanceCore::do_order(Call& call) {
  const auto* order = read_order_id(call, {400, -2013, "Order does not exist."});
  if (order == nullptr) return *call.failure;
  return order_json(*order, context(call.unit));
}

BinanceCore::Answer BinanceCore::do_open_orders(Call& call) {
  const Listing* symbol = nullptr;
  if (call.params.find("symbol") != nullptr) symbol = listing(call);
  if (call.failure) return *call.failure;
  json::array rows;
  for (const auto* order : exchange_.open_orders(call.account->index)) {
    if (symbol != nullptr && order->asked.market != symbol->market) continue;
    rows.push_back(order_json(*order, context(call.unit)));
  }
  return rows;
}

BinanceCore::Answer BinanceCore::do_all_orders(Call& call) {
  const auto* symbol = listing(call);
  const auto from_id = number(call, "orderId");
  const auto from = time_of(number(call, "startTime"));
  const auto to = time_of(number(call, "endTime"));
  const auto limit = page(number(call, "limit"), default_limit, max_limit);
  if (call.failure) return *call.failure;
  if (from && to && *to - *from > std::chrono::hours{24}) {
    return Failure{400, -1127, "More than 24 hours between startTime and endTime."};
  }
  std::vector<const Order*> found;
  for (const auto& order : exchange_.orders()) {
    if (order.asked.account != call.account->index || order.asked.market != symbol->market)
      continue;
    if (from_id && order.id < static_cast<std::uint64_t>(*from_id)) continue;
    if ((from && order.created < *from) || (to && order.created > *to)) continue;
    found.push_back(&order);
  }
  // With a beginning the oldest come, otherwise the newest; oldest first in both cases.
  const bool oldest = from_id || from;
  const auto skip = oldest || found.size() <= limit ? 0 : found.size() - limit;
  json::array rows;
  for (auto at = skip; at < found.size() && rows.size() < limit; ++at) {
    rows.push_back(order_json(*found[at], context(call.unit)));
  }
  return rows;
}

BinanceCore::Answer BinanceCore::do_my_trades(Call& call) {
  const auto* symbol = listing(call);
  const auto order_id = number(call, "orderId");
  const auto from_id = number(call, "fromId");
  const auto from = time_of(number(call, "startTime"));
  const auto to = time_of(number(call, "endTime"));
  const auto limit = page(number(call, "limit"), default_limit, max_limit);
  if (call.failure) return *call.failure;
  if (from && to && *to - *from > std::chrono::hours{24}) {
    return Failure{400, -1127, "More than 24 hours between startTime and endTime."};
  }
  std::vector<const OwnTrade*> found;
  for (const auto& trade : exchange_.trades()) {
    if (trade.account != call.account->index || trade.market != symbol->market) continue;
    if (order_id && trade.order_id != static_cast<std::uint64_t>(*order_id)) continue;
    if (from_id && trade.fill.trade_id < static_cast<std::uint64_t>(*from_id)) continue;
    if ((from && trade.time < *from) || (to && trade.time > *to)) continue;
    found.push_back(&trade);
  }
  const bool oldest = from_id || from;
  const auto skip = oldest || found.size() <= limit ? 0 : found.size() - limit;
  json::array rows;
  for (auto at = skip; at < found.size() && rows.size() < limit; ++at) {
    rows.push_back(trade_json(*found[at], context(call.unit)));
  }
  return rows;
}

BinanceCore::Answer BinanceCore::do_account(Call& call) {
  const auto& account = *call.account;
  const auto& fees = exchange_.fees(account.index);
  const auto rate = [](Rate value) { return fixed(Price::from_raw(value)); };
  const bool omit = text(call, "omitZeroBalances") == "true";
  std::map<std::string, Balance> sorted;
  for (std::size_t at = 0; at < exchange_.asset_count(); ++at) {
    const auto asset = static_cast<AssetIndex>(at);
    sorted[exchange_.name_of(asset)] = exchange_.balance(account.index, asset);
  }
  json::array balances;
  for (const auto& [name, balance] : sorted) {
    if (omit && balance == Balance{}) continue;
    balances.push_back(json::object{
        {"asset", name}, {"free", fixed(balance.free)}, {"locked", fixed(balance.locked)}});
  }
  constexpr Rate basis_point = 100'000;
  return json::object{{"makerCommission", fees.maker / basis_point},
                      {"takerCommission", fees.taker / basis_point},
                      {"buyerCommission", 0},
                      {"sellerCommission", 0},
                      {"commissionRates",
                       {{"maker", rate(fees.maker)},
                        {"taker", rate(fees.taker)},
                        {"buyer", rate(0)},
                        {"seller", rate(0)}}},
                      {"canTrade", true},
                      {"canWithdraw", true},
                      {"canDeposit", true},
                      {"brokered", false},
                      {"requireSelfTradePrevention", false},
                      {"preventSor", false},
                      {"updateTime", wire(call.unit)(call.now)},
                      {"accountType", "SPOT"},
                      {"balances", std::move(balances)},
                      {"permissions", json::array{"SPOT"}},
                      {"uid", 354'900'000 + static_cast<std::int64_t>(account.index)}};
}

BinanceCore::Answer BinanceCore::do_commission(Call& call) {
  const auto* symbol = listing(call);
  if (call.failure) return *call.failure;
  const auto& fees = exchange_.fees(call.account->index);
  const auto rate = [](Rate value) { return fixed(Price::from_raw(value)); };
  const json::object none{
      {"maker", rate(0)}, {"taker", rate(0)}, {"buyer", rate(0)}, {"seller", rate(0)}};
  const auto& payment = call.account->settings.fee_asset;
  return json::object{{"symbol", symbol->rules.symbol},
                      {"standardCommission",
                       {{"maker", rate(fees.maker)},
                        {"taker", rate(fees.taker)},
                        {"buyer", rate(0)},
                        {"seller", rate(0)}}},
                      {"specialCommission", none},
                      {"taxCommission", none},
                      {"discount",
                       {{"enabledForAccount", fees.payment == Fees::Payment::other},
                        {"enabledForSymbol", true},
                        {"discountAsset", fees.payment == Fees::Payment::other ? payment : "BNB"},
                        {"discount", rate(0)}}}};
}

BinanceCore::Answer BinanceCore::do_order_limits(Call& call) {
  auto rows = limits_json(call);
  // The last row is the request weight, which belongs to the envelope only.
  rows.pop_back();
  return rows;
}

}  // namespace halcyon::simulation
