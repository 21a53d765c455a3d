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

bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const auto end = words.find(' ');
    if (words.substr(0, end) == word) return true;
    words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
  }
  return false;
}

Text shared(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

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

json::object BinanceCore::limit_json(std::string_view type, std::string_view interval, int number,
                                     int limit) {
  return {
      {"rateLimitType", type}, {"interval", interval}, {"intervalNum", number}, {"limit", limit}};
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

}  // namespace halcyon::simulation
