#include <array>

#include "domain/client_order_id.h"
#include "domain/enum_name.h"
#include "gateways/alpaca/json_frame.h"
#include "gateways/alpaca/order_fields.h"
#include "gateways/venue_text.h"

namespace halcyon::gateways::alpaca {

namespace {

bool read_type(std::string_view text, domain::OrderType& out) {
  // The venue's words are ours; take_profit and take_profit_limit it does not have.
  const auto type = domain::enum_parse<domain::OrderType>(text);
  if (!type) return false;
  out = *type;
  return true;
}

DecodeError read_entity(Impl& impl, ondemand::object& object, const Symbols& symbols,
                        const Identity& identity, OrderRow& row, std::vector<OrderRow>* legs) {
  enum : std::size_t {
    id,
    client_order_id,
    status,
    filled_qty,
    filled_avg_price,
    qty,
    notional,
    symbol,
    side,
    type,
    order_type,
    time_in_force,
    limit_price,
    stop_price,
    extended_hours,
    replaces,
    replaced_by,
    submitted_at,
    updated_at,
    field_count
  };
  std::array<Named, field_count> f{{{"id"},
                                    {"client_order_id"},
                                    {"status"},
                                    {"filled_qty"},
                                    {"filled_avg_price"},
                                    {"qty"},
                                    {"notional"},
                                    {"symbol"},
                                    {"side"},
                                    {"type"},
                                    {"order_type"},
                                    {"time_in_force"},
                                    {"limit_price"},
                                    {"stop_price"},
                                    {"extended_hours"},
                                    {"replaces"},
                                    {"replaced_by"},
                                    {"submitted_at"},
                                    {"updated_at"}}};
  const std::size_t first_leg = legs == nullptr ? 0 : legs->size();
  HALCYON_TRY(read_named(object, f, [&](const char* key, ondemand::value& value) -> DecodeError {
    if (legs == nullptr || !is(key, "legs")) return DecodeError::none;
    ondemand::array array;
    HALCYON_TRY_JSON(value.get_array().get(array));
    for (auto item : array) {
      ondemand::object leg;
      HALCYON_TRY_JSON(item.get_object().get(leg));
      OrderRow leg_row;
      HALCYON_TRY(read_entity(impl, leg, symbols, identity, leg_row, nullptr));
      legs->push_back(leg_row);
    }
    return DecodeError::none;
  }));
  HALCYON_WANT(f[id].token != nullptr && f[status].token != nullptr, DecodeError::missing_field);
  HALCYON_TRY(read_foreign_id(impl, f[id].token, row.venue_order));
  HALCYON_WANT(!row.venue_order.is_none(), DecodeError::missing_field);
  if (legs != nullptr) {
    for (std::size_t at = first_leg; at < legs->size(); ++at) (*legs)[at].parent = row.venue_order;
  }
  std::string_view text;
  HALCYON_TRY(read_words(impl, f[client_order_id].token, row.client_id));
  if (const auto ours = domain::parse_client_order_id(identity.prefix, row.client_id)) {
    row.order = *ours;
  }
  HALCYON_TRY(read_words(impl, f[status].token, text));
  row.status = text == "new" ? OrderWord::new_order
                             : domain::enum_parse<OrderWord>(text).value_or(OrderWord::unknown);
  // Two of our own words that the venue does not say.
  if (row.status == OrderWord::none || text == "new_order") row.status = OrderWord::unknown;
  // What is filled must not be guessed.
  HALCYON_TRY(read_positive(f[filled_qty].token, Tail::refuse, row.filled));
  domain::Price average;
  HALCYON_TRY(read_optional(f[filled_avg_price].token, Tail::round, average));
  row.filled_value = domain::notional(average, row.filled).value_or(domain::Money{});
  row.has_quantity = f[qty].token != nullptr && !is_null(f[qty].token);
  HALCYON_TRY(read_optional(f[qty].token, Tail::refuse, row.quantity));
  HALCYON_TRY(read_optional(f[notional].token, Tail::refuse, row.notional));
  HALCYON_TRY(read_words(impl, f[symbol].token, row.symbol));
  row.instrument = symbols.instrument(row.symbol);
  HALCYON_TRY(read_words(impl, f[side].token, text));
  // A parent of several legs has none.
  HALCYON_WANT(text.empty() || text == "buy" || text == "sell", DecodeError::bad_word);
  row.side = text == "sell" ? domain::Side::sell : domain::Side::buy;
  // A fill must not be lost over a name: an unknown one keeps its default.
  HALCYON_TRY(read_words(impl, f[type].token, text));
  if (!read_type(text, row.type)) {
    HALCYON_TRY(read_words(impl, f[order_type].token, text));
    static_cast<void>(read_type(text, row.type));
  }
  HALCYON_TRY(read_words(impl, f[time_in_force].token, text));
  row.time_in_force = domain::enum_parse<Tif>(text).value_or(Tif::unknown);
  HALCYON_TRY(read_optional(f[limit_price].token, Tail::round, row.limit_price));
  HALCYON_TRY(read_optional(f[stop_price].token, Tail::round, row.stop_price));
  if (f[extended_hours].token != nullptr && !is_null(f[extended_hours].token)) {
    HALCYON_WANT(read_bool(f[extended_hours].token, row.extended_hours), DecodeError::wrong_type);
  }
  HALCYON_TRY(read_foreign_id(impl, f[replaces].token, row.replaces));
  HALCYON_TRY(read_foreign_id(impl, f[replaced_by].token, row.replaced_by));
  HALCYON_TRY(read_optional_time(impl, f[submitted_at].token, row.submitted));
  HALCYON_TRY(read_optional_time(impl, f[updated_at].token, row.updated));
  return DecodeError::none;
}

}  // namespace

DecodeError read_foreign_id(Impl& impl, const char* token, domain::ForeignId& out) {
  std::string_view text;
  HALCYON_TRY(read_words(impl, token, text));
  out = foreign_id(text);
  return DecodeError::none;
}

DecodeError read_optional_time(Impl& impl, const char* token, domain::Timestamp& out) {
  std::string_view text;
  out = {};
  HALCYON_TRY(read_words(impl, token, text));
  HALCYON_WANT(text.empty() || read_rfc3339(text, out), DecodeError::bad_number);
  return DecodeError::none;
}

DecodeError read_order(Impl& impl, ondemand::object& object, const Symbols& symbols,
                       const Identity& identity, OrderRow& row, std::vector<OrderRow>& legs) {
  return read_entity(impl, object, symbols, identity, row, &legs);
}

domain::TimeInForce engine_word(Tif tif) {
  switch (tif) {
    case Tif::day:
    case Tif::opg:  // one auction of one day
    case Tif::cls:
      return domain::TimeInForce::day;
    case Tif::ioc:
      return domain::TimeInForce::ioc;
    case Tif::fok:
      return domain::TimeInForce::fok;
    case Tif::gtc:
    case Tif::unknown:
      break;
  }
  return domain::TimeInForce::gtc;
}

bool report_of(const OrderRow& row, domain::Source source, domain::OrderReport& out) {
  using domain::VenueOrderStatus;
  out = {};
  switch (row.status) {
    case OrderWord::none:
    case OrderWord::replaced:
    case OrderWord::unknown:
      return false;
    case OrderWord::accepted:
    case OrderWord::pending_new:
    case OrderWord::accepted_for_bidding:
    case OrderWord::held:
    case OrderWord::pending_review:
      out.status = VenueOrderStatus::pending;
      break;
    case OrderWord::done_for_day:
    case OrderWord::calculated:
      // Final when filled, and for a day order; any other lives on tomorrow (section 11).
      if (row.has_quantity && row.filled == row.quantity) {
        out.status = VenueOrderStatus::filled;
        break;
      }
      if (engine_word(row.time_in_force) == domain::TimeInForce::day) {
        out.status = VenueOrderStatus::expired;
        out.reason = domain::Reason::expired_by_its_time;
        break;
      }
      [[fallthrough]];
    case OrderWord::new_order:
    case OrderWord::stopped:
    case OrderWord::suspended:
    case OrderWord::partially_filled:
    case OrderWord::pending_cancel:
    case OrderWord::pending_replace:
      out.status =
          row.filled.is_positive() ? VenueOrderStatus::partially_filled : VenueOrderStatus::working;
      break;
    case OrderWord::filled:
      out.status = VenueOrderStatus::filled;
      break;
    case OrderWord::canceled:
      out.status = VenueOrderStatus::canceled;
      break;
    case OrderWord::expired:
      out.status = VenueOrderStatus::expired;
      out.reason = domain::Reason::expired_by_its_time;
      break;
    case OrderWord::rejected:
      out.status = VenueOrderStatus::rejected;
      out.reason = domain::Reason::venue_refused;
      break;
  }
  out.order = row.order;
  out.venue_order = row.venue_order;
  if (row.has_quantity) out.quantity = row.quantity;
  out.filled = row.filled;
  out.filled_quote = row.filled_value;
  out.limit_price = row.limit_price;
  out.stop_price = row.stop_price;
  out.side = row.side;
  out.type = row.type;
  out.time_in_force = engine_word(row.time_in_force);
  out.source = source;
  return true;
}

}  // namespace halcyon::gateways::alpaca
