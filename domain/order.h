#pragma once

#include <cstdint>

#include "domain/decimal.h"
#include "domain/ids.h"
#include "domain/reason.h"
#include "domain/time.h"

namespace halcyon::domain {

enum class Side : std::uint8_t { buy, sell };
constexpr Side opposite(Side side) { return side == Side::buy ? Side::sell : Side::buy; }

enum class OrderType : std::uint8_t {
  market,
  limit,
  stop,
  stop_limit,
  take_profit,
  take_profit_limit,
  trailing_stop,
};
/// Waits for a price before it trades.
constexpr bool has_trigger(OrderType type) { return type >= OrderType::stop; }
constexpr bool has_limit_price(OrderType type) {
  return type == OrderType::limit || type == OrderType::stop_limit ||
         type == OrderType::take_profit_limit;
}

enum class TimeInForce : std::uint8_t { gtc, ioc, fok, day, gtd };

/// States shown to people. Terminal states stay terminal, but a late fill is always booked.
/// `unknown`: an answer is missing; the order counts against every limit as if alive.
enum class OrderState : std::uint8_t {
  pending_submit,
  submitted,
  accepted,
  partially_filled,
  pending_cancel,
  pending_replace,
  unknown,
  filled,
  canceled,
  expired,
  rejected,
  /// The engine keeps it: until its price comes, or until its parent is filled. The venue has never
  /// heard of it.
  held,
};
constexpr bool is_terminal(OrderState state) {
  return state >= OrderState::filled && state <= OrderState::rejected;
}

enum class RequestKind : std::uint8_t { place, cancel, replace };

/// A request is not the order. A time-out makes a request unknown, and nothing else.
enum class RequestState : std::uint8_t { journaled, sent, acknowledged, refused, unknown };

/// What a statement about an order rests on, weakest first: a weaker source never undoes a
/// stronger.
enum class Source : std::uint8_t {
  inference,
  list_query,
  single_query,
  private_stream,
  trade_record,
  operator_command,
};

enum class Liquidity : std::uint8_t { unknown, maker, taker };

/// Who asked for an order.
enum class Origin : std::uint8_t { strategy, user, protection, external, agent };

/// What the venue does when an order would trade with another one of the same account.
enum class SelfTradeMode : std::uint8_t {
  venue_default,
  none,
  expire_taker,
  expire_maker,
  expire_both,
  decrement,
};

/// An order as it is asked for. Immutable once journaled.
struct NewOrder {
  OrderId id;
  OrderId parent;  ///< of a child order; none otherwise
  AccountId account = no<AccountId>;
  StrategyId strategy = no<StrategyId>;  ///< none: an operator's or an external order
  InstrumentId instrument = no<InstrumentId>;
  Side side = Side::buy;
  OrderType type = OrderType::market;
  TimeInForce time_in_force = TimeInForce::gtc;
  Origin origin = Origin::strategy;
  bool post_only = false;
  bool reduce_only = false;
  Quantity quantity;  ///< base units, positive
  Price limit_price;  ///< zero when `type` has none
  Price stop_price;   ///< zero when `type` has none
  Timestamp created;  ///< engine time

  /// Orders of one group end each other (OCO): what one of them fills, the others lose. The id of
  /// the group's first order; none: in no group. A child (`parent`) is held until its parent fills
  /// (OTO), and never asks for more than the parent has filled. Both together are a bracket.
  OrderId group;
  OrderId replaces;           ///< the new leg of a cancel-replace: the old one; none otherwise
  Timestamp expires = never;  ///< gtd: the order ends then; never otherwise
  /// trailing_stop, exactly one of the two is positive. `stop_price` is then the price at which it
  /// begins to trail; zero: at once.
  Price trailing_offset;          ///< in quote currency
  std::int32_t trailing_bps = 0;  ///< in hundredths of a percent; Binance "trailingDelta"
  SelfTradeMode self_trade = SelfTradeMode::venue_default;
  /// The engine waits for the price, and the venue sees a market or limit order when it has come.
  /// Set where the venue has no such order, or where the maker of the order says so.
  bool is_emulated = false;
};

/// What an amend may change of an order.
struct Terms {
  Quantity quantity;  ///< what is filled already is part of it
  Price limit_price;  ///< zero when the type has none
  Price stop_price;   ///< likewise
  friend bool operator==(const Terms&, const Terms&) = default;
};

/// What a change of an order rests on.
struct Evidence {
  Source source = Source::inference;
  Timestamp venue_time;              ///< the venue's clock; epoch when it gave none
  std::uint64_t venue_sequence = 0;  ///< Binance "I"; 0 when the venue gives none
};

}  // namespace halcyon::domain

namespace halcyon::risk {
class Gate;
}

namespace halcyon::domain {

/// The proof that the gate has passed a value: only risk::Gate makes one, and gateways accept
/// nothing else. "Every order is checked" is a fact of the type system.
template <class T>
class Approved {
 public:
  const T& value() const { return value_; }

 private:
  friend class ::halcyon::risk::Gate;
  explicit Approved(const T& value) : value_(value) {}
  T value_;
};

}  // namespace halcyon::domain
