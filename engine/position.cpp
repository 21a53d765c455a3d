#include "engine/position.h"

#include "domain/check.h"

namespace halcyon::engine {

using domain::Money;
using domain::PositionChanged;
using domain::Quantity;

namespace {

domain::Uint128 magnitude(domain::Int128 value) {
  return value < 0 ? domain::Uint128{0} - static_cast<domain::Uint128>(value)
                   : static_cast<domain::Uint128>(value);
}

}  // namespace

// Exact for all 128
// bits: the product has 256, and is divided bit by bit only when it needs more than 128.
Money share(Money amount, Quantity part, Quantity whole) {
  using domain::Uint128;
  const Uint128 a = magnitude(amount.raw());
  const Uint128 b = magnitude(part.raw());
  const Uint128 d = magnitude(whole.raw());
  Uint128 quotient = 0;
  Uint128 remainder = 0;
  Uint128 product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) {
    quotient = product / d;
    remainder = product % d;
  } else {
    // Horner's scheme over the bits of `a`: value = value x 2 + bit x b, divided as it grows. As
    // b <= d, quotient and remainder stay in range.
    for (int bit = 127; bit >= 0; --bit) {
      quotient <<= 1;
      remainder <<= 1;
      if (remainder >= d) {
        remainder -= d;
        ++quotient;
      }
      if (((a >> bit) & 1) != 0) {
        remainder += b;
        while (remainder >= d) {
          remainder -= d;
          ++quotient;
        }
      }
    }
  }
  const Uint128 twice = remainder * 2;
  if (twice > d || (twice == d && (quotient & 1) != 0)) ++quotient;
  const auto result = static_cast<domain::Int128>(quotient);
  return Money::from_raw(amount.is_negative() ? -result : result);
}

Traded traded_of(const FillEffect& fill) {
  const bool is_buy = fill.side == domain::Side::buy;
  const Money amount =
      is_buy ? fill.amount - fill.base_fee_value : fill.amount + fill.base_fee_value;
  return {is_buy ? fill.quantity - fill.base_fee : -(fill.quantity + fill.base_fee),
          is_buy ? amount : -amount};
}

FillEffect reverse_of(const FillEffect& fill) {
  FillEffect back = fill;
  back.side = domain::opposite(fill.side);
  back.base_fee = -fill.base_fee;
  back.base_fee_value = -fill.base_fee_value;
  back.other_fee = -fill.other_fee;
  return back;
}

PositionChanged without_fill(const PositionChanged& before, const FillEffect& fill) {
  const auto [change, paid] = traded_of(fill);
  PositionChanged after = before;
  if (after.fills > 0) --after.fills;
  after.fees -= fill.base_fee_value + fill.other_fee;
  after.quantity -= change;
  after.cost -= paid;
  if (after.quantity.is_zero()) {
    after.realized -= after.cost;
    after.cost = Money{};
  }
  after.average_price =
      domain::price_of(after.cost.abs(), after.quantity.abs()).value_or(domain::Price{});
  return after;
}

PositionChanged after_fill(const PositionChanged& before, const FillEffect& fill) {
  PositionChanged after = before;
  ++after.fills;
  after.fees += fill.base_fee_value + fill.other_fee;

  const auto [change, paid] = traded_of(fill);

  const bool opens = before.quantity.is_zero() || change.is_zero() ||
                     before.quantity.is_negative() == change.is_negative();
  if (opens) {
    after.quantity += change;
    after.cost += paid;
  } else {
    const Quantity held = before.quantity.abs();
    const Quantity traded = change.abs();
    const Quantity closed = traded < held ? traded : held;
    const Money cost_closed = closed == held ? before.cost : share(before.cost, closed, held);
    const Money paid_closing = closed == traded ? paid : share(paid, closed, traded);
    after.realized += -paid_closing - cost_closed;
    after.cost = before.cost - cost_closed + (paid - paid_closing);
    after.quantity += change;
  }
  // A remainder of cost without a holding cannot stay: it is profit or loss.
  if (after.quantity.is_zero()) {
    after.realized -= after.cost;
    after.cost = Money{};
  }
  after.average_price =
      domain::price_of(after.cost.abs(), after.quantity.abs()).value_or(domain::Price{});
  return after;
}

}  // namespace halcyon::engine
