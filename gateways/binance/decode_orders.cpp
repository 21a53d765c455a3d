#include "domain/client_order_id.h"
#include "gateways/binance/decode.h"
#include "gateways/binance/flat.h"
#include "gateways/binance/json_text.h"
#include "gateways/binance/private.h"

namespace halcyon::gateways::binance {

using domain::Event;
using domain::Reason;

namespace {

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
  if (f.has('g')) HALCYON_WANT(read_signed(f['g'], message.list), bad_integer(f['g']));
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

}  // namespace halcyon::gateways::binance
