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
};
constexpr bool is_terminal(OrderState state) { return state >= OrderState::filled; }

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
enum class Origin : std::uint8_t { strategy, user, protection, external };

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
