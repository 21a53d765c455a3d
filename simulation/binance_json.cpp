#include "simulation/binance_json.h"

#include <iterator>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace halcyon::simulation {

namespace json = boost::json;

namespace {

constexpr std::string_view expiry_name(Expiry expiry) {
  switch (expiry) {
    case Expiry::none:
      return "NONE";
    case Expiry::unfilled_ioc_quantity:
      return "UNFILLED_IOC_QUANTITY_EXPIRED";
    case Expiry::unfilled_fok_order:
      return "UNFILLED_FOK_ORDER_EXPIRED";
    case Expiry::insufficient_liquidity:
      return "INSUFFICIENT_LIQUIDITY";
    case Expiry::canceled_by_exchange:
      return "EXCHANGE_CANCELED";
    case Expiry::oco_trigger:
      return "OCO_TRIGGER";
    case Expiry::oto_phase_one_expired:
      return "OTO_PHASE_ONE_EXPIRED";
    case Expiry::rejected:
      return "REJECTED";
  }
  return "NONE";
}

constexpr std::string_view execution_name(ReportKind kind) {
  switch (kind) {
    case ReportKind::accepted:
      return "NEW";
    case ReportKind::trade:
      return "TRADE";
    case ReportKind::canceled:
      return "CANCELED";
    case ReportKind::expired:
      return "EXPIRED";
    case ReportKind::prevented:
      return "TRADE_PREVENTION";
    case ReportKind::replaced:
      return "REPLACED";
    case ReportKind::list_changed:
      break;
  }
  return "NEW";
}

std::string_view time_in_force_name(TimeInForce time_in_force) {
  switch (time_in_force) {
    case TimeInForce::ioc:
      return "IOC";
    case TimeInForce::fok:
      return "FOK";
    default:
      return "GTC";
  }
}

/// -1 means none.
std::int64_t list_of(const Order& order) {
  return order.list == 0 ? -1 : static_cast<std::int64_t>(order.list);
}

std::int64_t working_time(const Order& order, const WireContext& context) {
  return order.working == Timestamp{} ? -1 : context.time(order.working);
}

bool is_working(const Order& order) {
  return order.working != Timestamp{} && is_open(order.status);
}

const std::string& symbol_of(const Order& order, const WireContext& context) {
  return context.exchange.market(order.asked.market).symbol;
}

void add_order_state(json::object& out, const Order& order) {
  out["price"] = fixed(order.asked.price);
  out["origQty"] = fixed(order.quantity);
  out["executedQty"] = fixed(order.executed);
  out["origQuoteOrderQty"] = fixed(order.asked.quote_quantity);
  out["cummulativeQuoteQty"] = fixed(order.quote_executed);
  out["status"] = status_name(order.status);
  out["timeInForce"] = time_in_force_name(order.asked.time_in_force);
  out["type"] = type_name(order.asked);
  out["side"] = side_name(order.asked.side);
}

void add_conditional(json::object& out, const Order& order, const WireContext& context) {
  if (order.prevented.is_positive()) out["preventedQuantity"] = fixed(order.prevented);
  if (order.expiry != Expiry::none) out["expiryReason"] = expiry_name(order.expiry);
  if (is_conditional(order.asked.type)) out["stopPrice"] = fixed(order.asked.stop_price);
  if (order.asked.iceberg.is_positive()) out["icebergQty"] = fixed(order.asked.iceberg);
  if (order.asked.trailing_delta > 0) {
    out["trailingDelta"] = order.asked.trailing_delta;
    out["trailingTime"] = order.trails ? context.time(order.trailing_since) : -1;
  }
}

void append_levels(std::string& out, std::span<const Level> levels) {
  out += '[';
  for (std::size_t at = 0; at < levels.size(); ++at) {
    out += at == 0 ? "[\"" : ",[\"";
    append_fixed(out, levels[at].price);
    out += "\",\"";
    append_fixed(out, levels[at].quantity);
    out += "\"]";
  }
  out += ']';
}

std::string_view truth(bool value) { return value ? "true" : "false"; }

}  // namespace

std::int64_t WireTime::operator()(Timestamp time) const {
  const auto shown = time + shift;
  return unit == WireUnit::milliseconds
             ? domain::to_unix_ms(shown)
             : std::chrono::floor<std::chrono::microseconds>(shown).time_since_epoch().count();
}

template <class Kind>
void append_fixed(std::string& out, domain::Decimal<Kind> amount) {
  auto raw = static_cast<domain::Int128>(amount.raw());
  if (raw < 0) {
    out += '-';
    raw = -raw;
  }
  const auto units = raw / domain::decimal_scale;
  auto parts = static_cast<std::uint64_t>(raw % domain::decimal_scale);
  std::array<char, 40> digits{};
  std::size_t count = 0;
  auto left = units;
  do {
    digits[count++] = static_cast<char>('0' + static_cast<int>(left % 10));
    left /= 10;
  } while (left != 0);
  while (count > 0) out += digits[--count];
  // Nine decimals only where the last one says something.
  int places = domain::decimal_places;
  if (parts % 10 == 0) {
    parts /= 10;
    places = venue_decimals;
  }
  out += '.';
  const auto start = out.size();
  out.append(static_cast<std::size_t>(places), '0');
  for (auto at = start + static_cast<std::size_t>(places); parts != 0; parts /= 10) {
    out[--at] = static_cast<char>('0' + parts % 10);
  }
}

template <class Kind>
std::string fixed(domain::Decimal<Kind> amount) {
  std::string out;
  append_fixed(out, amount);
  return out;
}

template std::string fixed(Price);
template std::string fixed(Quantity);
template std::string fixed(Money);
template void append_fixed(std::string&, Price);
template void append_fixed(std::string&, Quantity);
template void append_fixed(std::string&, Money);

std::string_view status_name(OrderStatus status) {
  switch (status) {
    case OrderStatus::pending:
      return "PENDING_NEW";
    case OrderStatus::accepted:
      return "NEW";
    case OrderStatus::partially_filled:
      return "PARTIALLY_FILLED";
    case OrderStatus::filled:
      return "FILLED";
    case OrderStatus::canceled:
      return "CANCELED";
    case OrderStatus::expired:
      return "EXPIRED";
    case OrderStatus::expired_in_match:
      return "EXPIRED_IN_MATCH";
  }
  return "NEW";
}

std::string_view type_name(const OrderRequest& order) {
  switch (order.type) {
    case OrderType::market:
      return "MARKET";
    case OrderType::stop:
      return "STOP_LOSS";
    case OrderType::stop_limit:
      return "STOP_LOSS_LIMIT";
    case OrderType::take_profit:
      return "TAKE_PROFIT";
    case OrderType::take_profit_limit:
      return "TAKE_PROFIT_LIMIT";
    default:
      return order.post_only ? "LIMIT_MAKER" : "LIMIT";
  }
}

std::string_view side_name(Side side) { return side == Side::buy ? "BUY" : "SELL"; }

json::object order_json(const Order& order, const WireContext& context) {
  json::object out;
  out["symbol"] = symbol_of(order, context);
  out["orderId"] = order.id;
  out["orderListId"] = list_of(order);
  out["clientOrderId"] = order.asked.client_id;
  add_order_state(out, order);
  out["stopPrice"] = fixed(order.asked.stop_price);
  out["icebergQty"] = fixed(order.asked.iceberg);
  out["time"] = context.time(order.created);
  out["updateTime"] = context.time(order.updated);
  out["isWorking"] = is_working(order);
  out["workingTime"] = working_time(order, context);
  out["selfTradePreventionMode"] = self_trade_name(order.asked.self_trade);
  add_conditional(out, order, context);
  return out;
}

json::object placed_json(const Order& order, ResponseType type, const Reports& reports,
                         const WireContext& context) {
  json::object out;
  out["symbol"] = symbol_of(order, context);
  out["orderId"] = order.id;
  out["orderListId"] = list_of(order);
  out["clientOrderId"] = order.asked.client_id;
  out["transactTime"] = context.time(order.updated);
  if (type == ResponseType::ack) return out;
  add_order_state(out, order);
  out["workingTime"] = working_time(order, context);
  if (type == ResponseType::full) {
    json::array fills;
    for (const auto& report : reports) {
      if (report.order.id != order.id || !report.fill) continue;
      fills.push_back(
          json::object{{"price", fixed(report.fill->price)},
                       {"qty", fixed(report.fill->quantity)},
                       {"commission", fixed(report.fill->commission)},
                       {"commissionAsset", context.exchange.name_of(report.fill->commission_asset)},
                       {"tradeId", report.fill->trade_id}});
    }
    out["fills"] = std::move(fills);
  }
  out["selfTradePreventionMode"] = self_trade_name(order.asked.self_trade);
  add_conditional(out, order, context);
  return out;
}

json::object canceled_json(const Order& order, std::string_view cancel_id,
                           const WireContext& context) {
  json::object out;
  out["symbol"] = symbol_of(order, context);
  out["origClientOrderId"] = order.asked.client_id;
  out["orderId"] = order.id;
  out["orderListId"] = list_of(order);
  out["clientOrderId"] = cancel_id;
  out["transactTime"] = context.time(order.updated);
  add_order_state(out, order);
  out["selfTradePreventionMode"] = self_trade_name(order.asked.self_trade);
  add_conditional(out, order, context);
  return out;
}

json::object trade_json(const OwnTrade& trade, const WireContext& context) {
  const auto* order = context.exchange.find(trade.order_id);
  return {{"symbol", context.exchange.market(trade.market).symbol},
          {"id", trade.fill.trade_id},
          {"orderId", trade.order_id},
          {"orderListId", order == nullptr ? -1 : list_of(*order)},
          {"price", fixed(trade.fill.price)},
          {"qty", fixed(trade.fill.quantity)},
          {"quoteQty", fixed(trade.fill.quote)},
          {"commission", fixed(trade.fill.commission)},
          {"commissionAsset", context.exchange.name_of(trade.fill.commission_asset)},
          {"time", context.time(trade.time)},
          {"isBuyer", trade.side == Side::buy},
          {"isMaker", trade.fill.maker},
          {"isBestMatch", true}};
}

json::object execution_report(const Report& report, Timestamp sent, const WireContext& context) {
  const auto& order = report.order;
  const bool canceled = report.kind == ReportKind::canceled;
  const bool replaced = report.kind == ReportKind::replaced;
  json::object out;
  out["e"] = "executionReport";
  out["E"] = context.time(sent);
  out["s"] = symbol_of(order, context);
  out["c"] = canceled ? report.cancel_id : order.asked.client_id;
  out["S"] = side_name(order.asked.side);
  out["o"] = type_name(order.asked);
  out["f"] = time_in_force_name(order.asked.time_in_force);
  out["q"] = fixed(order.quantity);
  out["p"] = fixed(order.asked.price);
  out["P"] = fixed(order.asked.stop_price);
  if (order.asked.trailing_delta > 0) {
    out["d"] = order.asked.trailing_delta;
    if (order.trails) out["D"] = context.time(order.trailing_since);
  }
  out["F"] = fixed(order.asked.iceberg);
  out["g"] = list_of(order);
  out["C"] = canceled ? order.asked.client_id : replaced ? report.cancel_id : std::string{};
  out["x"] = execution_name(report.kind);
  out["X"] = status_name(order.status);
  out["r"] = "NONE";
  out["i"] = order.id;
  out["l"] = fixed(report.fill ? report.fill->quantity : Quantity{});
  out["z"] = fixed(order.executed);
  out["L"] = fixed(report.fill ? report.fill->price : Price{});
  if (report.fill) {
    out["n"] = fixed(report.fill->commission);
    out["N"] = context.exchange.name_of(report.fill->commission_asset);
  } else {
    out["n"] = "0";
    out["N"] = nullptr;
  }
  out["T"] = context.time(report.time);
  if (report.fill) {
    out["t"] = report.fill->trade_id;
  } else {
    out["t"] = -1;
  }
  if (report.kind == ReportKind::prevented) out["v"] = report.execution_id;
  out["I"] = report.execution_id;
  out["w"] = is_working(order);
  out["m"] = report.fill && report.fill->maker;
  out["M"] = report.fill.has_value();
  out["O"] = context.time(order.created);
  out["Z"] = fixed(order.quote_executed);
  out["Y"] = fixed(report.fill ? report.fill->quote : Money{});
  out["Q"] = fixed(order.asked.quote_quantity);
  if (order.working != Timestamp{}) out["W"] = context.time(order.working);
  out["V"] = self_trade_name(order.asked.self_trade);
  if (report.kind == ReportKind::prevented) {
    out["A"] = fixed(order.prevented);
    out["B"] = fixed(report.prevented);
  }
  if (order.expiry != Expiry::none) out["eR"] = expiry_name(order.expiry);
  return out;
}

std::string_view contingency_name(Contingency contingency) {
  return contingency == Contingency::oco ? "OCO" : "OTO";
}

json::object list_json(const OrderList& list, const WireContext& context) {
  json::array orders;
  for (const auto id : list.orders) {
    const auto* order = context.exchange.find(id);
    orders.push_back(json::object{{"symbol", context.exchange.market(list.market).symbol},
                                  {"orderId", id},
                                  {"clientOrderId", order->asked.client_id}});
  }
  return {{"orderListId", list.id},
          {"contingencyType", contingency_name(list.contingency)},
          {"listStatusType", list.done ? "ALL_DONE" : "EXEC_STARTED"},
          {"listOrderStatus", list.done ? "ALL_DONE" : "EXECUTING"},
          {"listClientOrderId", list.client_id},
          {"transactionTime", context.time(list.updated)},
          {"symbol", context.exchange.market(list.market).symbol},
          {"orders", std::move(orders)}};
}

json::object list_status(const Report& report, Timestamp sent, const WireContext& context) {
  const auto& list = *report.list;
  json::array orders;
  for (const auto id : list.orders) {
    const auto* order = context.exchange.find(id);
    orders.push_back(json::object{{"s", context.exchange.market(list.market).symbol},
                                  {"i", id},
                                  {"c", order->asked.client_id}});
  }
  constexpr std::array<std::string_view, 3> steps{"EXEC_STARTED", "UPDATED", "ALL_DONE"};
  return {{"e", "listStatus"},
          {"E", context.time(sent)},
          {"s", context.exchange.market(list.market).symbol},
          {"g", list.id},
          {"c", contingency_name(list.contingency)},
          {"l", steps[static_cast<std::size_t>(report.step)]},
          {"L", list.done ? "ALL_DONE" : "EXECUTING"},
          {"r", "NONE"},
          {"C", list.client_id},
          {"T", context.time(report.time)},
          {"O", std::move(orders)}};
}

json::object amended_json(const Order& order, std::string_view before, std::uint64_t execution_id,
                          const WireContext& context) {
  json::object amended;
  amended["symbol"] = symbol_of(order, context);
  amended["orderId"] = order.id;
  amended["orderListId"] = list_of(order);
  amended["origClientOrderId"] = before;
  amended["clientOrderId"] = order.asked.client_id;
  amended["price"] = fixed(order.asked.price);
  amended["qty"] = fixed(order.quantity);
  amended["executedQty"] = fixed(order.executed);
  amended["preventedQty"] = fixed(order.prevented);
  amended["quoteOrderQty"] = fixed(order.asked.quote_quantity);
  amended["cumulativeQuoteQty"] = fixed(order.quote_executed);
  amended["status"] = status_name(order.status);
  amended["timeInForce"] = time_in_force_name(order.asked.time_in_force);
  amended["type"] = type_name(order.asked);
  amended["side"] = side_name(order.asked.side);
  amended["workingTime"] = working_time(order, context);
  amended["selfTradePreventionMode"] = self_trade_name(order.asked.self_trade);
  return {{"transactTime", context.time(order.updated)},
          {"executionId", execution_id},
          {"amendedOrder", std::move(amended)}};
}

json::object account_position(const Report& report, Timestamp sent, const WireContext& context) {
  json::array balances;
  for (const auto& [asset, balance] : report.balances) {
    balances.push_back(json::object{{"a", context.exchange.name_of(asset)},
                                    {"f", fixed(balance.free)},
                                    {"l", fixed(balance.locked)}});
  }
  return {{"e", "outboundAccountPosition"},
          {"E", context.time(sent)},
          {"u", context.time(report.time)},
          {"B", std::move(balances)}};
}

json::array kline_row(const Bar& bar, const WireTime& time) {
  const Duration tick = time.unit == WireUnit::milliseconds
                            ? Duration{std::chrono::milliseconds{1}}
                            : Duration{std::chrono::microseconds{1}};
  return {time(bar.open_time),
          fixed(bar.open),
          fixed(bar.high),
          fixed(bar.low),
          fixed(bar.close),
          fixed(bar.volume),
          time(bar.close_time - tick),
          fixed(bar.quote_volume),
          bar.trades,
          fixed(bar.taker_buy_volume),
          fixed(bar.taker_buy_quote),
          "0"};
}

std::string depth_text(const std::string& symbol, const DepthEvent& depth, std::int64_t time) {
  std::string out;
  out.reserve(128 + 36 * (depth.bids.size() + depth.asks.size()));
  fmt::format_to(std::back_inserter(out),
                 R"({{"e":"depthUpdate","E":{},"s":"{}","U":{},"u":{},"b":)", time, symbol,
                 depth.first_id, depth.last_id);
  append_levels(out, depth.bids);
  out += R"(,"a":)";
  append_levels(out, depth.asks);
  out += '}';
  return out;
}

std::string trade_text(const std::string& symbol, const TradeEvent& trade, std::int64_t time,
                       std::int64_t traded) {
  return fmt::format(
      R"({{"e":"trade","E":{},"s":"{}","t":{},"p":"{}","q":"{}","T":{},"m":{},"M":true}})", time,
      symbol, trade.id, fixed(trade.price), fixed(trade.quantity), traded,
      truth(trade.buyer_is_maker));
}

std::string agg_trade_text(const std::string& symbol, const TradeEvent& trade, std::int64_t time,
                           std::int64_t traded) {
  return fmt::format(
      R"({{"e":"aggTrade","E":{},"s":"{}","a":{},"p":"{}","q":"{}","f":{},"l":{},"T":{},"m":{},"M":true}})",
      time, symbol, trade.id, fixed(trade.price), fixed(trade.quantity), trade.id, trade.id, traded,
      truth(trade.buyer_is_maker));
}

std::string quote_text(const std::string& symbol, const QuoteEvent& quote) {
  return fmt::format(R"({{"u":{},"s":"{}","b":"{}","B":"{}","a":"{}","A":"{}"}})", quote.update_id,
                     symbol, fixed(quote.bid.price), fixed(quote.bid.quantity),
                     fixed(quote.ask.price), fixed(quote.ask.quantity));
}

std::string partial_depth_text(std::uint64_t id, const std::vector<Level>& bids,
                               const std::vector<Level>& asks) {
  std::string out;
  out.reserve(64 + 36 * (bids.size() + asks.size()));
  fmt::format_to(std::back_inserter(out), R"({{"lastUpdateId":{},"bids":)", id);
  append_levels(out, bids);
  out += R"(,"asks":)";
  append_levels(out, asks);
  out += '}';
  return out;
}

std::string kline_text(const std::string& symbol, std::string_view interval, const Bar& bar,
                       bool closed, std::int64_t time, const WireTime& stamp) {
  const auto close_ms = domain::to_unix_ms(bar.close_time) - 1;
  const auto open = stamp.unit == WireUnit::milliseconds ? domain::to_unix_ms(bar.open_time)
                                                         : domain::to_unix_ms(bar.open_time) * 1000;
  const auto close = stamp.unit == WireUnit::milliseconds ? close_ms : close_ms * 1000 + 999;
  return fmt::format(
      R"({{"e":"kline","E":{},"s":"{}","k":{{"t":{},"T":{},"s":"{}","i":"{}","f":{},"L":{},"o":"{}","c":"{}","h":"{}","l":"{}","v":"{}","n":{},"x":{},"q":"{}","V":"{}","Q":"{}","B":"0"}}}})",
      time, symbol, open, close, symbol, interval, bar.first_trade_id, bar.last_trade_id,
      fixed(bar.open), fixed(bar.close), fixed(bar.high), fixed(bar.low), fixed(bar.volume),
      bar.trades, truth(closed), fixed(bar.quote_volume), fixed(bar.taker_buy_volume),
      fixed(bar.taker_buy_quote));
}

}  // namespace halcyon::simulation
