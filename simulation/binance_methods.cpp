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
    {"order.place", Security::signed_request, 1, true, "symbol side type", "timeInForce price quantity quoteOrderQty newClientOrderId newOrderRespType selfTradePreventionMode", &BinanceCore::do_place},
    {"order.test", Security::signed_request, 1, false, "symbol side type", "timeInForce price quantity quoteOrderQty newClientOrderId newOrderRespType selfTradePreventionMode", &BinanceCore::do_test},
    {"order.cancel", Security::signed_request, 1, true, "symbol", "orderId origClientOrderId newClientOrderId cancelRestrictions", &BinanceCore::do_cancel},
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
      (call.method->name == "order.place" || call.method->name == "account.rateLimits.orders")) {
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
  if (call.account != nullptr && call.method->name == "order.place") {
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

std::optional<OrderRequest> BinanceCore::read_order(Call& call) {
  const auto* symbol = listing(call);
  if (symbol == nullptr) return std::nullopt;
  const auto fail = [&](int code, std::string message) {
    if (!call.failure) call.failure = Failure{400, code, std::move(message)};
  };
  const auto need = [&](std::string_view name) {
    if (call.params.find(name) == nullptr) {
      fail(-1102,
           fmt::format("Mandatory parameter '{}' was not sent, was empty/null, or malformed.",
                       name));
    }
  };
  const auto unwanted = [&](std::string_view name) {
    if (call.params.find(name) != nullptr) {
      fail(-1106, fmt::format("Parameter '{}' sent when not required.", name));
    }
  };
  OrderRequest order;
  order.account = call.account->index;
  order.market = symbol->market;
  const auto side = text(call, "side");
  if (side != "BUY" && side != "SELL") fail(-1117, "Invalid side.");
  order.side = side == "SELL" ? Side::sell : Side::buy;
  const auto type = text(call, "type");
  if (type == "MARKET") {
    order.type = OrderType::market;
    unwanted("price");
    unwanted("timeInForce");
    if (call.params.find("quoteOrderQty") == nullptr) need("quantity");
    if (call.params.find("quoteOrderQty") != nullptr) unwanted("quantity");
  } else if (type == "LIMIT" || type == "LIMIT_MAKER") {
    order.type = OrderType::limit;
    order.post_only = type == "LIMIT_MAKER";
    need("quantity");
    need("price");
    unwanted("quoteOrderQty");
    if (order.post_only) {
      unwanted("timeInForce");
    } else {
      need("timeInForce");
      const auto time_in_force = text(call, "timeInForce");
      if (time_in_force == "IOC") {
        order.time_in_force = TimeInForce::ioc;
      } else if (time_in_force == "FOK") {
        order.time_in_force = TimeInForce::fok;
      } else if (time_in_force != "GTC") {
        fail(-1115, "Invalid timeInForce.");
      }
    }
  } else {
    fail(-1116, "Invalid orderType.");
  }
  if (call.failure) return std::nullopt;
  order.price = amount<Price>(call, "price").value_or(Price{});
  order.quantity = amount<Quantity>(call, "quantity").value_or(Quantity{});
  order.quote_quantity = amount<Money>(call, "quoteOrderQty").value_or(Money{});
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
  order.client_id = client_id(call, "newClientOrderId");
  if (order.client_id.empty()) order.client_id = made_up_id();
  if (call.failure) return std::nullopt;
  return order;
}

std::optional<BinanceCore::Failure> BinanceCore::refuse_order(Call& call,
                                                              const OrderRequest& order) {
  const auto& symbol = *listing(call);
  if (symbol.status != "TRADING") return Failure{400, -2010, "Market is closed."};
  auto& account = *call.account;
  if (!call.by_hand) {
    const bool short_full = account.orders_10s.full(call.now);
    if (short_full || account.orders_day.full(call.now)) {
      return Failure{
          429, -1015,
          fmt::format("Too many new orders; current limit is {} orders per {}.",
                      short_full ? account.orders_10s.limit() : account.orders_day.limit(),
                      short_full ? "10 SECOND" : "1 DAY")};
    }
  }
  const auto base = exchange_.balance(order.account, exchange_.market(order.market).base);
  Money position = base.free + base.locked;
  for (const auto* open : exchange_.open_orders(order.account)) {
    if (open->asked.market == order.market && open->asked.side == Side::buy) {
      position += Money::from_raw(open->remaining().raw());
    }
  }
  if (const auto filter =
          failed_filter(symbol.rules, order, reference_price(symbol),
                        exchange_.open_order_count(order.account, order.market), position)) {
    return Failure{400, -1013, fmt::format("Filter failure: {}", *filter)};
  }
  const auto refused = exchange_.check(order);
  if (!refused) return std::nullopt;
  switch (*refused) {
    case Refused::insufficient_balance:
      return Failure{400, -2010, "Account has insufficient balance for requested action."};
    case Refused::duplicate_client_id:
      return Failure{400, -2010, "Duplicate order sent."};
    case Refused::would_take:
      return Failure{400, -2010, "Order would immediately match and take."};
    case Refused::unknown_order:
    case Refused::too_many_orders:
      break;
  }
  return Failure{500, -1008, "Server is currently overloaded with other requests."};
}

const Order* BinanceCore::read_order_id(Call& call, const Failure& missing) {
  const auto* symbol = listing(call);
  if (symbol == nullptr) return nullptr;
  const auto fail = [&](const Failure& failure) -> const Order* {
    if (!call.failure) call.failure = failure;
    return nullptr;
  };
  const auto id = number(call, "orderId");
  const auto client = text(call, "origClientOrderId");
  if (call.failure) return nullptr;
  if (!id && client.empty()) {
    return fail({400, -1102,
                 "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"});
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
  const auto order = read_order(call);
  if (!order) return *call.failure;
  const auto wish = text(call, "newOrderRespType");
  if (!wish.empty() && wish != "ACK" && wish != "RESULT" && wish != "FULL") {
    return Failure{400, -1100, "Illegal characters found in parameter 'newOrderRespType'."};
  }
  // LIMIT and MARKET answer in full unless told otherwise; the rest acknowledge only.
  const auto type = wish == "ACK" || (wish.empty() && order->post_only) ? ResponseType::ack
                    : wish == "RESULT"                                  ? ResponseType::result
                                                                        : ResponseType::full;
  if (const auto refused = refuse_order(call, *order)) return *refused;
  if (!call.by_hand) {
    call.account->orders_10s.add(1, call.now);
    call.account->orders_day.add(1, call.now);
  }
  const auto placed = exchange_.place(*order, call.now, call.reports);
  const auto* id = std::get_if<std::uint64_t>(&placed);
  if (id == nullptr) return Failure{400, -2010, "Order was refused."};
  return placed_json(*exchange_.find(*id), type, call.reports, context(call.unit));
}

BinanceCore::Answer BinanceCore::do_test(Call& call) {
  const auto order = read_order(call);
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
  return canceled_json(*order, cancel_id, context(call.unit));
}

BinanceCore::Answer BinanceCore::do_cancel_all(Call& call) {
  const auto* symbol = listing(call);
  if (call.failure) return *call.failure;
  json::array rows;
  for (const auto* order : exchange_.open_orders(call.account->index)) {
    if (order->asked.market != symbol->market) continue;
    const auto cancel_id = made_up_id();
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
