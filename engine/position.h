#pragma once

#include "domain/decimal.h"
#include "domain/order.h"
#include "domain/record.h"

namespace halcyon::engine {

/// What one fill does to a position.
struct FillEffect {
  domain::Side side = domain::Side::buy;
  domain::Quantity quantity;     ///< base units, positive
  domain::Money amount;          ///< in quote currency, as the venue named it
  domain::Quantity base_fee;     ///< fee taken in the base asset; negative: rebate; else zero
  domain::Money base_fee_value;  ///< that fee at the fill's own price
  domain::Money other_fee;       ///< fee in any other asset, valued in quote currency
};

/// What a fill does to a holding: its signed change, and what that change costs: paid for a buy,
/// negative (received) for a sell. A fee in the base asset is in both.
struct Traded {
  domain::Quantity change;
  domain::Money paid;
};
Traded traded_of(const FillEffect& fill);

/// The effect that takes another one back.
FillEffect reverse_of(const FillEffect& fill);

/// The position without a fill that was booked: its change, its amount and its fees come off. What
/// it realized when it closed something goes back into the cost; the profit is the same.
domain::PositionChanged without_fill(const domain::PositionChanged& before, const FillEffect& fill);

/// amount x part / whole, rounded half to even; 0 <= part <= whole, whole > 0; all of it when they
/// are equal.
domain::Money share(domain::Money amount, domain::Quantity part, domain::Quantity whole);

/// The position after a fill: average cost, kept as the cost itself, so that nothing leaks.
///
/// At any time, exactly: realized - cost - fees = all quote currency received less all paid. So
/// realized + (value - cost) - fees is the profit, whatever was rounded.
///
/// - A fill with the position adds its amount to the cost; one against it takes the closed share of
///   the cost off (rounded half to even; all of it when the position is closed) and realizes the
///   difference. A fill through zero does both, with its amount split in the same way.
/// - A fee in the base asset is off the quantity, and is a fee at the fill's own price: as if the
///   venue had filled less for less, and been paid the rest in cash.
/// - `average_price` is |cost| / |quantity|, rounded half to even, for people; nothing is computed
///   from it.
domain::PositionChanged after_fill(const domain::PositionChanged& before, const FillEffect& fill);

/// What a position is worth at a price, signed like its quantity. Empty when it does not fit.
inline std::optional<domain::Money> value_at(const domain::PositionChanged& position,
                                             domain::Price price) {
  return domain::notional(price, position.quantity);
}

}  // namespace halcyon::engine
