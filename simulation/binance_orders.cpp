// Orders of the Binance venue: their parameters, placing, changing and ending them.

#include <algorithm>
#include <charconv>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "simulation/binance_core.h"

namespace halcyon::simulation {

namespace json = boost::json;

namespace {

constexpr std::size_t max_client_id = 36;

}  // namespace

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

std::size_t BinanceCore::page(std::optional<std::int64_t> limit, std::size_t otherwise,
                              std::size_t most) {
  if (!limit || *limit <= 0) return otherwise;
  return std::min(static_cast<std::size_t>(*limit), most);
}

std::optional<Timestamp> BinanceCore::time_of(std::optional<std::int64_t> number) {
  if (!number) return std::nullopt;
  constexpr std::int64_t most = 9'000'000'000'000;  // ms; the year 2255, still in 64 bits of ns
  if (*number >= greatest_milliseconds) {
    return domain::from_unix_ms(std::min(*number / 1000, most));
  }
  return domain::from_unix_ms(std::clamp<std::int64_t>(*number, 0, most));
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

}  // namespace halcyon::simulation
