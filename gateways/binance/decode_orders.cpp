#include "domain/client_order_id.h"
#include "gateways/binance/decode.h"
#include "gateways/binance/flat.h"
#include "gateways/binance/json_text.h"

namespace halcyon::gateways::binance {

using domain::Event;
using domain::Reason;

namespace {

bool read_side(const char* token, domain::Side& out) {
  if (is_word(token, "BUY")) {
    out = domain::Side::buy;
  } else if (is_word(token, "SELL")) {
    out = domain::Side::sell;
  } else {
    return false;
  }
  return true;
}

// Words that may grow: an unknown one keeps the default and is counted, because a fill must not be
// lost over the name of an order type.

bool read_type(const char* token, domain::OrderType& out) {
  using domain::OrderType;
  if (is_word(token, "LIMIT") || is_word(token, "LIMIT_MAKER")) {
    out = OrderType::limit;
  } else if (is_word(token, "MARKET")) {
    out = OrderType::market;
  } else if (is_word(token, "STOP_LOSS")) {
    out = OrderType::stop;
  } else if (is_word(token, "STOP_LOSS_LIMIT")) {
    out = OrderType::stop_limit;
  } else if (is_word(token, "TAKE_PROFIT")) {
    out = OrderType::take_profit;
  } else if (is_word(token, "TAKE_PROFIT_LIMIT")) {
    out = OrderType::take_profit_limit;
  } else {
    return false;
  }
  return true;
}

bool read_time_in_force(const char* token, domain::TimeInForce& out) {
  if (is_word(token, "GTC")) {
    out = domain::TimeInForce::gtc;
  } else if (is_word(token, "IOC")) {
    out = domain::TimeInForce::ioc;
  } else if (is_word(token, "FOK")) {
    out = domain::TimeInForce::fok;
  } else {
    return false;
  }
  return true;
}

struct Status {
  domain::VenueOrderStatus status = domain::VenueOrderStatus::working;
  bool in_match = false;  ///< EXPIRED_IN_MATCH: self-trade prevention
};

bool read_status(const char* token, Status& out) {
  using domain::VenueOrderStatus;
  if (is_word(token, "NEW") || is_word(token, "PENDING_CANCEL")) {
    out.status = VenueOrderStatus::working;
  } else if (is_word(token, "PARTIALLY_FILLED")) {
    out.status = VenueOrderStatus::partially_filled;
  } else if (is_word(token, "FILLED")) {
    out.status = VenueOrderStatus::filled;
  } else if (is_word(token, "CANCELED")) {
    out.status = VenueOrderStatus::canceled;
  } else if (is_word(token, "EXPIRED")) {
    out.status = VenueOrderStatus::expired;
  } else if (is_word(token, "EXPIRED_IN_MATCH")) {
    out.status = VenueOrderStatus::expired;
    out.in_match = true;
  } else if (is_word(token, "REJECTED")) {
    out.status = VenueOrderStatus::rejected;
  } else if (is_word(token, "PENDING_NEW")) {
    out.status = VenueOrderStatus::pending;
  } else {
    return false;
  }
  return true;
}

/// Why an order ended, from the venue's expiry reason (section 11) if there is one.
Reason end_reason(const Status& status, domain::OrderType type, domain::TimeInForce time_in_force,
                  const char* expiry_reason) {
  using domain::VenueOrderStatus;
  if (status.in_match) return Reason::self_trade_prevented;
  if (expiry_reason != nullptr) {
    if (is_word(expiry_reason, "UNFILLED_IOC_QUANTITY_EXPIRED") ||
        is_word(expiry_reason, "UNFILLED_FOK_ORDER_EXPIRED") ||
        is_word(expiry_reason, "INSUFFICIENT_LIQUIDITY") ||
        is_word(expiry_reason, "EXECUTION_RULE_PRICE_RANGE_EXCEEDED")) {
      return Reason::no_liquidity;
    }
    if (is_word(expiry_reason, "EXCHANGE_CANCELED") || is_word(expiry_reason, "OCO_TRIGGER") ||
        is_word(expiry_reason, "OTO_PHASE_ONE_EXPIRED")) {
      return Reason::canceled_by_venue;
    }
    if (is_word(expiry_reason, "REJECTED")) return Reason::venue_refused;
  }
  if (status.status == VenueOrderStatus::expired) {
    const bool immediate = type == domain::OrderType::market ||
                           time_in_force == domain::TimeInForce::ioc ||
                           time_in_force == domain::TimeInForce::fok;
    return immediate ? Reason::no_liquidity : Reason::canceled_by_venue;
  }
  return Reason::none;
}

struct PrivateContext {
  Impl& impl;
  const Symbols& symbols;
  const Identity& identity;
  domain::Timestamp received;
  Output output;
};

Event head_of(const PrivateContext& context) {
  Event event;
  event.received = context.received;
  event.account = context.identity.account;
  event.venue = context.symbols.venue();
  return event;
}

void push(const PrivateContext& context, Event& event, std::string_view remark) {
  if (!remark.empty()) {
    context.output.remarks.emplace_back(remark.substr(0, domain::Remark::capacity));
    event.remark = static_cast<std::uint32_t>(context.output.remarks.size());
  }
  context.output.events.push_back(event);
}

/// An Execution's remark: the client id of an external order, and the fee's asset when nobody
/// named it.
void push_execution(const PrivateContext& context, Event& event, std::string_view client_id,
                    std::string_view unknown_fee_asset) {
  if (unknown_fee_asset.empty()) return push(context, event, client_id);
  std::string remark{client_id};
  if (!remark.empty()) remark += ' ';
  remark += "fee asset ";
  remark += unknown_fee_asset;
  push(context, event, remark);
}

DecodeError read_fee(const PrivateContext& context, const char* amount, const char* asset,
                     domain::Execution& execution, std::string_view& unknown,
                     std::uint32_t& unknown_assets) {
  if (amount != nullptr) {
    HALCYON_WANT(read_decimal(amount, execution.fee), bad_decimal(amount));
  }
  if (asset != nullptr && !is_null(asset)) {
    std::string_view name;
    HALCYON_WANT(read_text(context.impl, asset, name), DecodeError::wrong_type);
    execution.fee_asset = context.symbols.asset(name);
    if (execution.fee_asset == domain::no<domain::AssetId> && !execution.fee.is_zero()) {
      unknown = name;
      ++unknown_assets;
    }
  } else if (!execution.fee.is_zero()) {
    unknown = "not named";
    ++unknown_assets;
  }
  return DecodeError::none;
}

DecodeError decode_execution_report(const PrivateContext& context, const Letters& f,
                                    OrderMessage& message) {
  HALCYON_WANT(
      f.has_all(Letters::bits('s', 'c', 'S', 'o', 'f', 'q', 'p', 'x', 'X', 'i', 'z', 'T', 'I')),
      DecodeError::missing_field);
  Event event = head_of(context);
  domain::OrderReport report;
  std::uint64_t venue_order = 0;
  HALCYON_TRY(find_instrument(context.impl, context.symbols, f['s'], event.instrument));
  HALCYON_WANT(read_time(f['T'], event.venue_time), bad_integer(f['T']));
  HALCYON_WANT(read_unsigned(f['i'], venue_order), bad_integer(f['i']));
  HALCYON_WANT(read_unsigned(f['I'], report.venue_sequence), bad_integer(f['I']));
  HALCYON_WANT(read_side(f['S'], report.side), DecodeError::bad_word);
  HALCYON_WANT(read_amount(f['q'], report.quantity), bad_decimal(f['q']));
  HALCYON_WANT(read_amount(f['p'], report.limit_price), bad_decimal(f['p']));
  HALCYON_WANT(read_amount(f['z'], report.filled), bad_decimal(f['z']));
  if (f.has('P')) HALCYON_WANT(read_amount(f['P'], report.stop_price), bad_decimal(f['P']));
  report.filled_quote = -domain::Money::from_units(1);
  if (f.has('Z')) HALCYON_WANT(read_decimal(f['Z'], report.filled_quote), bad_decimal(f['Z']));
  report.venue_order = domain::ForeignId::number(venue_order);
  Status status;
  if (!read_type(f['o'], report.type)) ++message.unknown_words;
  if (!read_time_in_force(f['f'], report.time_in_force)) ++message.unknown_words;
  if (!read_status(f['X'], status)) ++message.unknown_words;
  report.status = status.status;

  // The order's own client id: on a cancel "c" is the cancel's id and "C" the order's.
  const bool is_cancel = is_word(f['x'], "CANCELED");
  std::string_view client_id;
  std::string_view original_id;
  HALCYON_WANT(read_text(context.impl, f['c'], client_id), DecodeError::wrong_type);
  if (f.has('C') && !is_null(f['C'])) {
    HALCYON_WANT(read_text(context.impl, f['C'], original_id), DecodeError::wrong_type);
  }
  const std::string_view own_id = is_cancel && !original_id.empty() ? original_id : client_id;
  const std::string_view prefix = context.identity.prefix;
  if (const auto order = domain::parse_client_order_id(prefix, own_id)) report.order = *order;
  const std::string_view external = report.order.is_none() ? own_id : std::string_view{};

  report.reason = end_reason(status, report.type, report.time_in_force, f.expiry_reason);
  if (is_cancel && report.reason == Reason::none &&
      !domain::parse_client_order_id(prefix, client_id)) {
    report.reason = Reason::canceled_by_venue;  // by another hand than ours
  }
  std::string_view remark = external;
  if (status.status == domain::VenueOrderStatus::rejected) {
    report.reason = Reason::venue_refused;
    if (f.has('r')) {
      if (is_word(f['r'], "INSUFFICIENT_BALANCES")) report.reason = Reason::venue_refused_funds;
      if (external.empty()) {
        HALCYON_WANT(read_text(context.impl, f['r'], remark), DecodeError::wrong_type);
      }
    }
  }

  // Only TRADE is a fill. TRADE_PREVENTION looks like one and is not (change log 2023-12-04).
  if (is_word(f['x'], "TRADE")) {
    HALCYON_WANT(f.has_all(Letters::bits('t', 'l', 'L')), DecodeError::missing_field);
    domain::Execution execution;
    std::int64_t trade = 0;
    HALCYON_WANT(read_signed(f['t'], trade), bad_integer(f['t']));
    if (trade >= 0) {
      execution.trade = domain::ForeignId::number(static_cast<std::uint64_t>(trade));
    } else {
      // Smart order routing fills are allocations, with numbers of their own.
      HALCYON_WANT(f.has('a'), DecodeError::missing_field);
      std::uint64_t allocation = 0;
      HALCYON_WANT(read_unsigned(f['a'], allocation), bad_integer(f['a']));
      execution.trade = domain::ForeignId{1, allocation};
    }
    HALCYON_WANT(read_amount(f['l'], execution.quantity), bad_decimal(f['l']));
    HALCYON_WANT(read_amount(f['L'], execution.price), bad_decimal(f['L']));
    HALCYON_WANT(execution.quantity.is_positive(), DecodeError::bad_number);
    if (f.has('Y')) {
      HALCYON_WANT(read_decimal(f['Y'], execution.quote_amount), bad_decimal(f['Y']));
    } else {
      const auto amount = domain::notional(execution.price, execution.quantity);
      HALCYON_WANT(amount.has_value(), DecodeError::bad_number);
      execution.quote_amount = *amount;
    }
    std::string_view unknown;
    HALCYON_TRY(read_fee(context, f.has('n') ? f['n'] : nullptr, f.has('N') ? f['N'] : nullptr,
                         execution, unknown, message.unknown_assets));
    if (!unknown.empty()) message.unknown_asset = unknown;
    if (f.has('m')) {
      bool is_maker = false;
      HALCYON_WANT(read_bool(f['m'], is_maker), DecodeError::wrong_type);
      execution.liquidity = is_maker ? domain::Liquidity::maker : domain::Liquidity::taker;
    }
    execution.order = report.order;
    execution.venue_order = report.venue_order;
    execution.cumulative = report.filled;
    execution.venue_sequence = report.venue_sequence;
    execution.side = report.side;
    Event fill = event;
    fill.what = execution;
    push_execution(context, fill, external, unknown);
  }
  event.what = report;
  push(context, event, remark);
  return DecodeError::none;
}

/// Counts and names what is in assets that nobody named.
struct Unknown {
  std::uint32_t& count;
  std::string_view& name;

  void note(std::string_view asset) const {
    ++count;
    name = asset;
  }
};

/// One row of balances: `{"a":asset,"f":free,"l":locked}` or with whole names. An asset without an
/// id has no place in the engine: its row is left out.
DecodeError push_balance(const PrivateContext& context, domain::Source source, const char* asset,
                         const char* free, const char* locked, const Unknown& unknown) {
  HALCYON_WANT(asset != nullptr && free != nullptr && locked != nullptr,
               DecodeError::missing_field);
  domain::Balance balance;
  balance.source = source;
  std::string_view name;
  HALCYON_WANT(read_text(context.impl, asset, name), DecodeError::wrong_type);
  HALCYON_WANT(read_decimal(free, balance.free), bad_decimal(free));
  HALCYON_WANT(read_decimal(locked, balance.locked), bad_decimal(locked));
  balance.asset = context.symbols.asset(name);
  if (balance.asset == domain::no<domain::AssetId>) {
    if (!balance.free.is_zero() || !balance.locked.is_zero()) unknown.note(name);
    return DecodeError::none;
  }
  Event event = head_of(context);
  event.what = balance;
  push(context, event, {});
  return DecodeError::none;
}

/// The fields are read, and balances, if there were any, stand in the events from `start` on.
DecodeError decode_event_fields(const PrivateContext& context, const Letters& f, std::size_t start,
                                bool has_balances, OrderMessage& message);

DecodeError push_balance_row(const PrivateContext& context, const Letters& row,
                             OrderMessage& message) {
  HALCYON_WANT(row.has_all(Letters::bits('a', 'f', 'l')), DecodeError::missing_field);
  return push_balance(context, domain::Source::private_stream, row['a'], row['f'], row['l'],
                      {message.unknown_assets, message.unknown_asset});
}

DecodeError decode_event(const PrivateContext& context, ondemand::object& object,
                         OrderMessage& message) {
  Letters f;
  // Balances stand before us when the array is reached; the event's times may stand behind it.
  const std::size_t start = context.output.events.size();
  bool has_balances = false;
  HALCYON_TRY(read_letters(object, f, [&](char letter, ondemand::value& value) {
    if (letter != 'B' || *value.raw_json_token().data() != '[') return DecodeError::none;
    HALCYON_WANT(!std::exchange(has_balances, true), DecodeError::not_json);
    ondemand::array rows;
    HALCYON_TRY_JSON(value.get_array().get(rows));
    for (auto item : rows) {
      ondemand::object row;
      HALCYON_TRY_JSON(item.get_object().get(row));
      Letters fields;
      HALCYON_TRY(read_letters(row, fields, no_containers));
      HALCYON_TRY(push_balance_row(context, fields, message));
    }
    return DecodeError::none;
  }));
  return decode_event_fields(context, f, start, has_balances, message);
}

/// The quick way. False: the parser has to look; the output may hold a part.
bool decode_event_as_written(const PrivateContext& context, std::string_view text,
                             OrderMessage& message) {
  FlatReader reader{text};
  const char* subscription = nullptr;
  if (!reader.literal("{\"subscriptionId\":") || !reader.bare(subscription) ||
      !reader.literal(",\"event\":")) {
    return false;
  }
  Letters f;
  const std::size_t start = context.output.events.size();
  bool has_balances = false;
  const bool is_read = reader.object(f, [&](char letter, FlatReader& inner) {
    if (letter != 'B' || std::exchange(has_balances, true)) return false;
    return inner.objects([&](const Letters& row) {
      return push_balance_row(context, row, message) == DecodeError::none;
    });
  });
  return is_read && reader.literal("}") && reader.is_at_end() &&
         decode_event_fields(context, f, start, has_balances, message) == DecodeError::none;
}

DecodeError decode_event_fields(const PrivateContext& context, const Letters& f, std::size_t start,
                                bool has_balances, OrderMessage& message) {
  HALCYON_WANT(f.has('e'), DecodeError::missing_field);
  const char* kind = f['e'];
  if (is_word(kind, "executionReport")) {
    message.kind = OrderFrameKind::execution_report;
    return decode_execution_report(context, f, message);
  }
  if (is_word(kind, "outboundAccountPosition")) {
    message.kind = OrderFrameKind::account_position;
    HALCYON_WANT(has_balances && f.has('u'), DecodeError::missing_field);
    domain::Timestamp time;
    HALCYON_WANT(read_time(f['u'], time), bad_integer(f['u']));
    for (std::size_t index = start; index < context.output.events.size(); ++index) {
      context.output.events[index].venue_time = time;
    }
    return DecodeError::none;
  }
  HALCYON_WANT(context.output.events.size() == start, DecodeError::wrong_type);
  if (is_word(kind, "balanceUpdate")) {
    message.kind = OrderFrameKind::balance_update;
    HALCYON_WANT(f.has_all(Letters::bits('a', 'd', 'T')), DecodeError::missing_field);
    Event event = head_of(context);
    domain::ExternalFlow flow;
    std::string_view name;
    HALCYON_WANT(read_text(context.impl, f['a'], name), DecodeError::wrong_type);
    HALCYON_WANT(read_decimal(f['d'], flow.amount), bad_decimal(f['d']));
    HALCYON_WANT(read_time(f['T'], event.venue_time), bad_integer(f['T']));
    flow.asset = context.symbols.asset(name);
    if (flow.asset == domain::no<domain::AssetId>) {
      Unknown{message.unknown_assets, message.unknown_asset}.note(name);
      return DecodeError::none;
    }
    event.what = flow;
    push(context, event, {});
  } else if (is_word(kind, "listStatus")) {
    message.kind = OrderFrameKind::list_status;
  } else if (is_word(kind, "externalLockUpdate")) {
    message.kind = OrderFrameKind::external_lock;
  } else if (is_word(kind, "eventStreamTerminated")) {
    message.kind = OrderFrameKind::stream_terminated;
  } else if (is_word(kind, "serverShutdown")) {
    message.kind = OrderFrameKind::server_shutdown;
  } else {
    message.kind = OrderFrameKind::unknown_event;
  }
  return DecodeError::none;
}

// ---- Responses ----------------------------------------------------------------------------------

void note_rate(const RateLimitRow& row, RateCounts& rates) {
  if (row.type == "REQUEST_WEIGHT" && row.interval == "MINUTE" && row.interval_count == 1) {
    rates.weight = row.count;
    rates.weight_limit = row.limit;
  } else if (row.type == "ORDERS" && row.interval == "SECOND" && row.interval_count == 10) {
    rates.orders_10s = row.count;
    rates.orders_10s_limit = row.limit;
  } else if (row.type == "ORDERS" && row.interval == "DAY" && row.interval_count == 1) {
    rates.orders_day = row.count;
    rates.orders_day_limit = row.limit;
  }
}

DecodeError read_rates(Impl& impl, ondemand::value& value, RateCounts& rates) {
  ondemand::array rows;
  HALCYON_TRY_JSON(value.get_array().get(rows));
  for (auto item : rows) {
    ondemand::object object;
    HALCYON_TRY_JSON(item.get_object().get(object));
    RateLimitRow row;
    HALCYON_TRY(read_rate_limit(impl, object, row));
    if (row.is_complete) note_rate(row, rates);
  }
  return DecodeError::none;
}

/// The quick way through an answer: a plain result, then the counts. False: the parser has to look.
bool decode_response_as_written(std::string_view text, OrderMessage& message) {
  FlatReader reader{text};
  Response& response = message.response;
  const char* id = nullptr;
  const char* status = nullptr;
  std::uint64_t number = 0;
  if (!reader.literal("{\"id\":") || !reader.bare(id) || !read_unsigned(id, response.id) ||
      !reader.literal(",\"status\":") || !reader.bare(status) || !read_unsigned(status, number) ||
      number > 999 || !reader.literal(",\"result\":") || !reader.skip_object(response.result)) {
    return false;
  }
  response.status = static_cast<std::int32_t>(number);
  if (reader.literal(",\"rateLimits\":[")) {
    do {
      RateLimitRow row;
      const char* type = nullptr;
      const char* interval = nullptr;
      const char* interval_count = nullptr;
      const char* limit = nullptr;
      const char* count = nullptr;
      if (!reader.literal("{\"rateLimitType\":") || !reader.string(type) ||
          !reader.literal(",\"interval\":") || !reader.string(interval) ||
          !reader.literal(",\"intervalNum\":") || !reader.bare(interval_count) ||
          !reader.literal(",\"limit\":") || !reader.bare(limit) || !reader.literal(",\"count\":") ||
          !reader.bare(count) || !reader.literal("}") ||
          !read_unsigned(interval_count, row.interval_count) || !read_signed(limit, row.limit) ||
          !read_signed(count, row.count)) {
        return false;
      }
      row.type = {type + 1, plain_length(type + 1)};
      row.interval = {interval + 1, plain_length(interval + 1)};
      note_rate(row, response.rates);
    } while (reader.literal(","));
    if (!reader.literal("]")) return false;
  }
  if (!reader.literal("}") || !reader.is_at_end()) return false;
  message.kind = OrderFrameKind::response;
  return true;
}

DecodeError read_result(ondemand::value& value, std::string_view& result) {
  const std::string_view token = value.raw_json_token();
  if (token.front() == '{') {
    ondemand::object object;
    HALCYON_TRY_JSON(value.get_object().get(object));
    HALCYON_TRY_JSON(object.raw_json().get(result));
  } else if (token.front() == '[') {
    ondemand::array array;
    HALCYON_TRY_JSON(value.get_array().get(array));
    HALCYON_TRY_JSON(array.raw_json().get(result));
  } else {
    result = token;
  }
  return DecodeError::none;
}

DecodeError decode_order_frame_into(const PrivateContext& context, std::string_view text,
                                    OrderMessage& message) {
  ondemand::document document;
  HALCYON_TRY(open(context.impl, text, document));
  ondemand::object root;
  HALCYON_TRY_JSON(document.get_object().get(root));
  Response& response = message.response;
  bool is_response = false;
  bool has_status = false;
  for (auto item : root) {
    ondemand::field field;
    HALCYON_TRY_JSON(std::move(item).get(field));
    const char* key = field.key().raw();
    const char* token = field.value().raw_json_token().data();
    if (is(key, "event")) {
      HALCYON_WANT(message.kind == OrderFrameKind::none, DecodeError::not_json);
      ondemand::object event;
      HALCYON_TRY_JSON(field.value().get_object().get(event));
      HALCYON_TRY(decode_event(context, event, message));
    } else if (is(key, "id")) {
      is_response = true;
      response.id_is_null = is_null(token);
      if (!read_unsigned(token, response.id)) response.id = no_request_id;
    } else if (is(key, "status")) {
      std::uint64_t status = 0;
      HALCYON_WANT(read_unsigned(token, status), bad_integer(token));
      HALCYON_WANT(status <= 999, DecodeError::bad_number);
      response.status = static_cast<std::int32_t>(status);
      has_status = true;
    } else if (is(key, "result")) {
      HALCYON_TRY(read_result(field.value(), response.result));
    } else if (is(key, "error")) {
      ErrorFields error;
      HALCYON_TRY(read_error(context.impl, field.value(), error, &response));
      HALCYON_WANT(error.has_code, DecodeError::missing_field);
      response.code = error.code;
      response.message = error.text;
    } else if (is(key, "rateLimits")) {
      HALCYON_TRY(read_rates(context.impl, field.value(), response.rates));
    }
  }
  HALCYON_WANT(is_at_end(document), DecodeError::not_json);
  if (message.kind != OrderFrameKind::none) return DecodeError::none;  // "event" goes first
  HALCYON_WANT(is_response && has_status, DecodeError::missing_field);
  message.kind = OrderFrameKind::response;
  return DecodeError::none;
}

DecodeError decode_order_row(const PrivateContext& context, ondemand::object& object,
                             domain::Source source, Rows& rows) {
  enum : std::size_t {
    symbol,
    order_id,
    client_id,
    price,
    quantity,
    executed,
    quote,
    status,
    time_in_force,
    type,
    side,
    stop_price,
    time,
    update_time,
    expiry_reason,
    field_count
  };
  std::array<Named, field_count> f{{{"symbol"},
                                    {"orderId"},
                                    {"clientOrderId"},
                                    {"price"},
                                    {"origQty"},
                                    {"executedQty"},
                                    {"cummulativeQuoteQty"},
                                    {"status"},
                                    {"timeInForce"},
                                    {"type"},
                                    {"side"},
                                    {"stopPrice"},
                                    {"time"},
                                    {"updateTime"},
                                    {"expiryReason"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  for (const std::size_t wanted :
       {symbol, order_id, client_id, price, quantity, executed, status, type, side}) {
    HALCYON_WANT(f[wanted].token != nullptr, DecodeError::missing_field);
  }
  ++rows.count;
  Event event = head_of(context);
  const DecodeError found =
      find_instrument(context.impl, context.symbols, f[symbol].token, event.instrument);
  if (found == DecodeError::unknown_symbol) {
    ++rows.unknown_symbols;
    return DecodeError::none;
  }
  HALCYON_TRY(found);
  domain::OrderReport report;
  report.source = source;
  std::uint64_t venue_order = 0;
  HALCYON_WANT(read_unsigned(f[order_id].token, venue_order), bad_integer(f[order_id].token));
  report.venue_order = domain::ForeignId::number(venue_order);
  HALCYON_WANT(read_amount(f[price].token, report.limit_price), bad_decimal(f[price].token));
  HALCYON_WANT(read_amount(f[quantity].token, report.quantity), bad_decimal(f[quantity].token));
  HALCYON_WANT(read_amount(f[executed].token, report.filled), bad_decimal(f[executed].token));
  report.filled_quote = -domain::Money::from_units(1);
  if (f[quote].token != nullptr) {  // may be negative in old orders: not known
    HALCYON_WANT(read_decimal(f[quote].token, report.filled_quote), bad_decimal(f[quote].token));
  }
  if (f[stop_price].token != nullptr) {
    HALCYON_WANT(read_amount(f[stop_price].token, report.stop_price),
                 bad_decimal(f[stop_price].token));
  }
  HALCYON_WANT(read_side(f[side].token, report.side), DecodeError::bad_word);
  const char* when = f[update_time].token != nullptr ? f[update_time].token : f[time].token;
  if (when != nullptr) HALCYON_WANT(read_time(when, event.venue_time), bad_integer(when));
  Status state;
  if (!read_type(f[type].token, report.type)) ++rows.unknown_words;
  if (f[time_in_force].token == nullptr ||
      !read_time_in_force(f[time_in_force].token, report.time_in_force)) {
    ++rows.unknown_words;
  }
  if (!read_status(f[status].token, state)) ++rows.unknown_words;
  report.status = state.status;
  report.reason = end_reason(state, report.type, report.time_in_force, f[expiry_reason].token);
  if (state.status == domain::VenueOrderStatus::rejected) report.reason = Reason::venue_refused;
  std::string_view id;
  HALCYON_WANT(read_text(context.impl, f[client_id].token, id), DecodeError::wrong_type);
  if (const auto order = domain::parse_client_order_id(context.identity.prefix, id)) {
    report.order = *order;
  }
  event.what = report;
  push(context, event, report.order.is_none() ? id : std::string_view{});
  return DecodeError::none;
}

DecodeError decode_fill_row(const PrivateContext& context, ondemand::object& object, Rows& rows) {
  enum : std::size_t {
    symbol,
    id,
    order_id,
    price,
    quantity,
    quote,
    fee,
    fee_asset,
    time,
    is_buyer,
    is_maker,
    field_count
  };
  std::array<Named, field_count> f{{{"symbol"},
                                    {"id"},
                                    {"orderId"},
                                    {"price"},
                                    {"qty"},
                                    {"quoteQty"},
                                    {"commission"},
                                    {"commissionAsset"},
                                    {"time"},
                                    {"isBuyer"},
                                    {"isMaker"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  for (const Named& named : f) {
    HALCYON_WANT(named.token != nullptr, DecodeError::missing_field);
  }
  ++rows.count;
  Event event = head_of(context);
  domain::Execution execution;
  execution.source = domain::Source::trade_record;
  std::uint64_t trade = 0;
  std::uint64_t venue_order = 0;
  HALCYON_WANT(read_unsigned(f[id].token, trade), bad_integer(f[id].token));
  rows.last_trade_id = std::max(rows.last_trade_id, trade);
  const DecodeError found =
      find_instrument(context.impl, context.symbols, f[symbol].token, event.instrument);
  if (found == DecodeError::unknown_symbol) {
    ++rows.unknown_symbols;
    return DecodeError::none;
  }
  HALCYON_TRY(found);
  HALCYON_WANT(read_unsigned(f[order_id].token, venue_order), bad_integer(f[order_id].token));
  HALCYON_WANT(read_amount(f[price].token, execution.price), bad_decimal(f[price].token));
  HALCYON_WANT(read_amount(f[quantity].token, execution.quantity), bad_decimal(f[quantity].token));
  HALCYON_WANT(read_decimal(f[quote].token, execution.quote_amount), bad_decimal(f[quote].token));
  HALCYON_WANT(execution.quantity.is_positive(), DecodeError::bad_number);
  bool flag = false;
  HALCYON_WANT(read_bool(f[is_buyer].token, flag), DecodeError::wrong_type);
  execution.side = flag ? domain::Side::buy : domain::Side::sell;
  HALCYON_WANT(read_bool(f[is_maker].token, flag), DecodeError::wrong_type);
  execution.liquidity = flag ? domain::Liquidity::maker : domain::Liquidity::taker;
  HALCYON_WANT(read_time(f[time].token, event.venue_time), bad_integer(f[time].token));
  execution.trade = domain::ForeignId::number(trade);
  execution.venue_order = domain::ForeignId::number(venue_order);
  std::string_view unknown;
  HALCYON_TRY(
      read_fee(context, f[fee].token, f[fee_asset].token, execution, unknown, rows.unknown_assets));
  event.what = execution;
  push_execution(context, event, {}, unknown);
  return DecodeError::none;
}

}  // namespace

DecodeError decode_order_frame(const Frame& frame, const Symbols& symbols, const Identity& identity,
                               Scratch& scratch, Output output, OrderMessage& message) {
  message = OrderMessage{};
  if (frame.size > max_frame_bytes) return DecodeError::too_large;
  const PrivateContext context{scratch.impl(), symbols, identity, frame.received, output};
  const std::size_t events = output.events.size();
  const std::size_t remarks = output.remarks.size();
  if (decode_event_as_written(context, frame.text(), message)) return DecodeError::none;
  message = OrderMessage{};
  output.events.erase(output.events.begin() + static_cast<std::ptrdiff_t>(events),
                      output.events.end());
  output.remarks.erase(output.remarks.begin() + static_cast<std::ptrdiff_t>(remarks),
                       output.remarks.end());
  if (decode_response_as_written(frame.text(), message)) return DecodeError::none;
  message = OrderMessage{};
  return all_or_nothing(output,
                        [&] { return decode_order_frame_into(context, frame.text(), message); });
}

DecodeError decode_order_ack(std::string_view result, Scratch& scratch,
                             domain::ForeignId& venue_order) {
  venue_order = domain::ForeignId{};
  FlatReader reader{result};
  const char* token = nullptr;
  std::uint64_t number = 0;
  if (reader.literal("{\"symbol\":") && reader.string(token) && reader.literal(",\"orderId\":") &&
      reader.bare(token) && read_unsigned(token, number)) {
    venue_order = domain::ForeignId::number(number);
    return DecodeError::none;
  }
  return each_object(scratch.impl(), result, [&](ondemand::object& object) {
    std::array<Named, 1> f{{{"orderId"}}};
    HALCYON_TRY(read_named(object, f, no_named_containers));
    if (f[0].token == nullptr) return DecodeError::none;
    std::uint64_t id = 0;
    HALCYON_WANT(read_unsigned(f[0].token, id), bad_integer(f[0].token));
    venue_order = domain::ForeignId::number(id);
    return DecodeError::none;
  });
}

DecodeError decode_replace_legs(std::string_view json, Scratch& scratch, ReplaceLegs& legs) {
  using Fate = ReplaceLegs::Fate;
  legs = ReplaceLegs{};
  Impl& impl = scratch.impl();
  const auto read_fate = [](const char* token, Fate& fate) {
    if (token == nullptr) return;
    fate = is_word(token, "SUCCESS")         ? Fate::success
           : is_word(token, "FAILURE")       ? Fate::failure
           : is_word(token, "NOT_ATTEMPTED") ? Fate::not_attempted
                                             : Fate::unknown;
  };
  return each_object(impl, json, [&](ondemand::object& object) {
    std::array<Named, 2> f{{{"cancelResult"}, {"newOrderResult"}}};
    HALCYON_TRY(read_named(object, f, [&](const char* key, ondemand::value& value) {
      const bool is_cancel = is(key, "cancelResponse");
      if ((!is_cancel && !is(key, "newOrderResponse")) || *value.raw_json_token().data() != '{') {
        return DecodeError::none;
      }
      ReplaceLegs::Leg& leg = is_cancel ? legs.cancel : legs.place;
      ondemand::object response;
      HALCYON_TRY_JSON(value.get_object().get(response));
      std::array<Named, 3> fields{{{"orderId"}, {"code"}, {"msg"}}};
      HALCYON_TRY(read_named(response, fields, no_named_containers));
      if (fields[0].token != nullptr) {
        std::uint64_t id = 0;
        HALCYON_WANT(read_unsigned(fields[0].token, id), bad_integer(fields[0].token));
        leg.venue_order = domain::ForeignId::number(id);
      }
      if (fields[1].token != nullptr) {
        ErrorFields error;
        HALCYON_TRY(read_code(fields[1].token, error));
        leg.code = error.code;
      }
      if (fields[2].token != nullptr) {
        HALCYON_WANT(read_text(impl, fields[2].token, leg.message), DecodeError::wrong_type);
      }
      return DecodeError::none;
    }));
    read_fate(f[0].token, legs.cancel.fate);
    read_fate(f[1].token, legs.place.fate);
    return DecodeError::none;
  });
}

DecodeError decode_list_ack(std::string_view result, const Identity& identity, Scratch& scratch,
                            std::array<ListedOrder, domain::OrderList::capacity>& orders) {
  orders = {};
  Impl& impl = scratch.impl();
  std::size_t count = 0;
  return each_object(impl, result, [&](ondemand::object& object) {
    return read_named(object, {}, [&](const char* key, ondemand::value& value) {
      if (!is(key, "orders")) return DecodeError::none;
      ondemand::array rows;
      HALCYON_TRY_JSON(value.get_array().get(rows));
      for (auto item : rows) {
        ondemand::object row;
        HALCYON_TRY_JSON(item.get_object().get(row));
        std::array<Named, 2> f{{{"orderId"}, {"clientOrderId"}}};
        HALCYON_TRY(read_named(row, f, no_named_containers));
        HALCYON_WANT(f[0].token != nullptr && f[1].token != nullptr, DecodeError::missing_field);
        std::uint64_t id = 0;
        std::string_view client_id;
        HALCYON_WANT(read_unsigned(f[0].token, id), bad_integer(f[0].token));
        HALCYON_WANT(read_text(impl, f[1].token, client_id), DecodeError::wrong_type);
        const auto order = domain::parse_client_order_id(identity.prefix, client_id);
        if (!order || count == orders.size()) continue;
        orders[count++] = {*order, domain::ForeignId::number(id)};
      }
      return DecodeError::none;
    });
  });
}

DecodeError decode_orders(std::string_view result, const Symbols& symbols, const Identity& identity,
                          domain::Source source, domain::Timestamp received, Scratch& scratch,
                          Output output, Rows& rows) {
  rows = Rows{};
  const PrivateContext context{scratch.impl(), symbols, identity, received, output};
  return all_or_nothing(output, [&] {
    return each_object(scratch.impl(), result, [&](ondemand::object& object) {
      return decode_order_row(context, object, source, rows);
    });
  });
}

DecodeError decode_fills(std::string_view result, const Symbols& symbols, const Identity& identity,
                         domain::Timestamp received, Scratch& scratch, Output output, Rows& rows) {
  rows = Rows{};
  const PrivateContext context{scratch.impl(), symbols, identity, received, output};
  return all_or_nothing(output, [&] {
    return each_object(scratch.impl(), result, [&](ondemand::object& object) {
      return decode_fill_row(context, object, rows);
    });
  });
}

DecodeError decode_balances(std::string_view result, const Symbols& symbols,
                            const Identity& identity, domain::Timestamp received, Scratch& scratch,
                            Output output, Rows& rows) {
  rows = Rows{};
  Impl& impl = scratch.impl();
  const PrivateContext context{impl, symbols, identity, received, output};
  const std::size_t start = output.events.size();
  return all_or_nothing(output, [&] {
    bool has_balances = false;
    std::array<Named, 2> f{{{"canTrade"}, {"updateTime"}}};
    HALCYON_TRY(each_object(impl, result, [&](ondemand::object& object) {
      return read_named(object, f, [&](const char* key, ondemand::value& value) {
        if (!is(key, "balances")) return DecodeError::none;
        has_balances = true;
        ondemand::array list;
        HALCYON_TRY_JSON(value.get_array().get(list));
        for (auto item : list) {
          ondemand::object row;
          HALCYON_TRY_JSON(item.get_object().get(row));
          std::array<Named, 3> fields{{{"asset"}, {"free"}, {"locked"}}};
          HALCYON_TRY(read_named(row, fields, no_named_containers));
          ++rows.count;
          HALCYON_TRY(push_balance(context, domain::Source::single_query, fields[0].token,
                                   fields[1].token, fields[2].token,
                                   {rows.unknown_assets, rows.unknown_asset}));
        }
        return DecodeError::none;
      });
    }));
    HALCYON_WANT(has_balances, DecodeError::missing_field);
    if (f[0].token != nullptr) {
      HALCYON_WANT(read_bool(f[0].token, rows.can_trade), DecodeError::wrong_type);
    }
    // An asset that the venue leaves out has nothing.
    for (const domain::AssetId asset : symbols.traded_assets()) {
      const bool is_mentioned =
          std::any_of(output.events.begin() + static_cast<std::ptrdiff_t>(start),
                      output.events.end(), [asset](const Event& event) {
                        return std::get_if<domain::Balance>(&event.what)->asset == asset;
                      });
      if (is_mentioned) continue;
      Event event = head_of(context);
      domain::Balance balance;
      balance.asset = asset;
      balance.source = domain::Source::single_query;
      event.what = balance;
      output.events.push_back(event);
    }
    if (f[1].token != nullptr) {
      domain::Timestamp time;
      HALCYON_WANT(read_time(f[1].token, time), bad_integer(f[1].token));
      for (std::size_t index = start; index < output.events.size(); ++index) {
        output.events[index].venue_time = time;
      }
    }
    return DecodeError::none;
  });
}

DecodeError decode_server_time(std::string_view result, Scratch& scratch, std::int64_t& time_ms) {
  return each_object(scratch.impl(), result, [&](ondemand::object& object) {
    std::array<Named, 1> f{{{"serverTime"}}};
    HALCYON_TRY(read_named(object, f, no_named_containers));
    HALCYON_WANT(f[0].token != nullptr, DecodeError::missing_field);
    domain::Timestamp time;
    HALCYON_WANT(read_time(f[0].token, time), bad_integer(f[0].token));
    time_ms = domain::to_unix_ms(time);
    return DecodeError::none;
  });
}

}  // namespace halcyon::gateways::binance
