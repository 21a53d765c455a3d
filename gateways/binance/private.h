#pragma once

// For decode_orders.cpp and decode_results.cpp only: what private events and the rows of answers
// have in common.

#include <cstdint>
#include <string_view>

#include "domain/client_order_id.h"
#include "gateways/binance/decode.h"
#include "gateways/binance/json_text.h"

namespace halcyon::gateways::binance {

inline bool read_side(const char* token, domain::Side& out) {
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

inline bool read_type(const char* token, domain::OrderType& out) {
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

inline bool read_time_in_force(const char* token, domain::TimeInForce& out) {
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

inline bool read_status(const char* token, Status& out) {
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
inline domain::Reason end_reason(const Status& status, domain::OrderType type,
                                 domain::TimeInForce time_in_force, const char* expiry_reason) {
  using domain::Reason;
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

inline domain::Event head_of(const PrivateContext& context) {
  domain::Event event;
  event.received = context.received;
  event.account = context.identity.account;
  event.venue = context.symbols.venue();
  return event;
}

inline void push(const PrivateContext& context, domain::Event& event, std::string_view remark) {
  if (!remark.empty()) {
    context.output.remarks.emplace_back(remark.substr(0, domain::Remark::capacity));
    event.remark = static_cast<std::uint32_t>(context.output.remarks.size());
  }
  context.output.events.push_back(event);
}

/// An Execution's remark: the client id of an external order, and the fee's asset when nobody
/// named it.
inline void push_execution(const PrivateContext& context, domain::Event& event,
                           std::string_view client_id, std::string_view unknown_fee_asset) {
  if (unknown_fee_asset.empty()) return push(context, event, client_id);
  std::string remark{client_id};
  if (!remark.empty()) remark += ' ';
  remark += "fee asset ";
  remark += unknown_fee_asset;
  push(context, event, remark);
}

inline DecodeError read_fee(const PrivateContext& context, const char* amount, const char* asset,
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
inline DecodeError push_balance(const PrivateContext& context, domain::Source source,
                                const char* asset, const char* free, const char* locked,
                                const Unknown& unknown) {
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
  domain::Event event = head_of(context);
  event.what = balance;
  push(context, event, {});
  return DecodeError::none;
}

}  // namespace halcyon::gateways::binance
