#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domain/check.h"

namespace halcyon::domain {

__extension__ using Int128 = __int128;
__extension__ using Uint128 = unsigned __int128;

/// Every amount is an integer count of 10^-9 parts.
inline constexpr int decimal_places = 9;
inline constexpr std::int64_t decimal_scale = 1'000'000'000;

/// Amounts from outside are refused beyond 10^18 units. Sums of 10^11 of them fit 128 bits, so
/// that an overflow inside is a broken invariant of ours and never a venue's doing.
inline constexpr std::int64_t max_outside_units = 1'000'000'000'000'000'000;

struct PriceKind {};
struct QuantityKind {};
struct MoneyKind {};

namespace detail {

/// 128 bits with the alignment of 64, so that events and book levels carry no padding.
class Wide {
 public:
  constexpr Wide() = default;
  constexpr explicit Wide(Int128 value)
      : low_(static_cast<std::uint64_t>(static_cast<Uint128>(value))),
        high_(static_cast<std::uint64_t>(static_cast<Uint128>(value) >> 64)) {}
  constexpr Int128 get() const {
    return static_cast<Int128>((static_cast<Uint128>(high_) << 64) | low_);
  }
  friend constexpr bool operator==(const Wide&, const Wide&) = default;

 private:
  std::uint64_t low_ = 0;
  std::uint64_t high_ = 0;
};

class Narrow {
 public:
  constexpr Narrow() = default;
  constexpr explicit Narrow(std::int64_t value) : value_(value) {}
  constexpr std::int64_t get() const { return value_; }
  friend constexpr bool operator==(const Narrow&, const Narrow&) = default;

 private:
  std::int64_t value_ = 0;
};

template <class Kind>
struct Traits {
  using Raw = Int128;
  using Storage = Wide;
};
template <>
struct Traits<PriceKind> {
  using Raw = std::int64_t;
  using Storage = Narrow;
};

}  // namespace detail

/// An exact decimal: an integer count of 10^-9 parts (64 bits for a price, 128 for the others).
/// `Kind` keeps the kinds apart, so that adding a price to a quantity, or passing them in the wrong
/// order, does not compile. A value: copies, compares, holds no resource. Never a `double`.
template <class Kind>
class Decimal {
 public:
  using Raw = typename detail::Traits<Kind>::Raw;

  constexpr Decimal() = default;
  /// From a count of 10^-9 parts.
  static constexpr Decimal from_raw(Raw raw) {
    Decimal result;
    result.storage_ = typename detail::Traits<Kind>::Storage{raw};
    return result;
  }
  /// From whole units. `units` at most 9.2 x 10^9 for a price.
  static constexpr Decimal from_units(std::int64_t units) {
    if constexpr (sizeof(Raw) == 8) {
      HALCYON_CHECK(units <= INT64_MAX / decimal_scale && units >= INT64_MIN / decimal_scale,
                    "whole units fit a price");
    }
    return from_raw(static_cast<Raw>(units) * decimal_scale);
  }

  /// The count of 10^-9 parts.
  constexpr Raw raw() const { return storage_.get(); }

  constexpr bool is_zero() const { return raw() == 0; }
  constexpr bool is_negative() const { return raw() < 0; }
  constexpr bool is_positive() const { return raw() > 0; }

  constexpr Decimal operator-() const { return Decimal{} - *this; }
  constexpr Decimal abs() const { return is_negative() ? -*this : *this; }

  friend constexpr Decimal operator+(Decimal left, Decimal right) {
    Raw sum = 0;
    HALCYON_CHECK(!__builtin_add_overflow(left.raw(), right.raw(), &sum), "a sum of amounts fits");
    return from_raw(sum);
  }
  friend constexpr Decimal operator-(Decimal left, Decimal right) {
    Raw difference = 0;
    HALCYON_CHECK(!__builtin_sub_overflow(left.raw(), right.raw(), &difference),
                  "a difference of amounts fits");
    return from_raw(difference);
  }
  constexpr Decimal& operator+=(Decimal other) { return *this = *this + other; }
  constexpr Decimal& operator-=(Decimal other) { return *this = *this - other; }

  friend constexpr bool operator==(Decimal left, Decimal right) {
    return left.storage_ == right.storage_;
  }
  friend constexpr std::strong_ordering operator<=>(Decimal left, Decimal right) {
    const Raw a = left.raw();
    const Raw b = right.raw();
    return a < b   ? std::strong_ordering::less
           : a > b ? std::strong_ordering::greater
                   : std::strong_ordering::equal;
  }

 private:
  typename detail::Traits<Kind>::Storage storage_;
};

using Price = Decimal<PriceKind>;        ///< quote currency per one base unit; may be negative
using Quantity = Decimal<QuantityKind>;  ///< base units; never negative on an order
using Money = Decimal<MoneyKind>;        ///< an amount of some asset, most often the quote currency

static_assert(sizeof(Price) == 8 && sizeof(Quantity) == 16 && alignof(Quantity) == 8);

/// Reads a plain decimal: optional '-', digits, optional fraction; no exponent, blank or '+'.
/// Empty when it is not one, has more than nine significant decimals (never rounded), or lies
/// beyond `max_outside_units` (for a price: beyond 64 bits).
template <class Amount>
constexpr std::optional<Amount> parse(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.front() == '.') return std::nullopt;
  // 19 digits before the point at the most, and nine behind it: both halves fit 64 bits.
  std::uint64_t units = 0;
  std::size_t at = 0;
  for (; at < text.size() && text[at] != '.'; ++at) {
    const auto digit = static_cast<unsigned>(text[at] - '0');
    if (digit > 9) return std::nullopt;
    if (units > static_cast<std::uint64_t>(max_outside_units)) return std::nullopt;
    units = units * 10 + digit;
  }
  std::uint64_t parts = 0;
  if (at < text.size()) {
    ++at;
    if (at == text.size()) return std::nullopt;
    int places = 0;
    for (; at < text.size(); ++at) {
      const auto digit = static_cast<unsigned>(text[at] - '0');
      if (digit > 9) return std::nullopt;
      if (places < decimal_places) {
        parts = parts * 10 + digit;
        ++places;
      } else if (digit != 0) {
        return std::nullopt;
      }
    }
    for (; places < decimal_places; ++places) parts *= 10;
  }
  if (units > static_cast<std::uint64_t>(max_outside_units) ||
      (units == static_cast<std::uint64_t>(max_outside_units) && parts != 0)) {
    return std::nullopt;
  }
  const Int128 magnitude = static_cast<Int128>(units) * decimal_scale + static_cast<Int128>(parts);
  const Int128 value = negative ? -magnitude : magnitude;
  if constexpr (sizeof(typename Amount::Raw) == 8) {
    if (value > INT64_MAX || value < INT64_MIN) return std::nullopt;
  }
  return Amount::from_raw(static_cast<typename Amount::Raw>(value));
}

/// The longest text that `print` makes: a sign, 30 digits, a point, nine decimals.
inline constexpr std::size_t max_decimal_text = 48;

/// Writes the shortest plain decimal ("100.25", "-0.5", "7") to `out`, which has room for
/// `max_decimal_text` characters, and returns the end. Does not allocate.
template <class Kind>
constexpr char* print(Decimal<Kind> value, char* out) {
  const auto raw = static_cast<Int128>(value.raw());
  Uint128 magnitude = raw < 0 ? Uint128{0} - static_cast<Uint128>(raw) : static_cast<Uint128>(raw);
  if (raw < 0) *out++ = '-';
  auto parts = static_cast<std::uint64_t>(magnitude % static_cast<Uint128>(decimal_scale));
  Uint128 units = magnitude / static_cast<Uint128>(decimal_scale);
  std::array<char, max_decimal_text> digits{};
  std::size_t count = 0;
  do {
    // Most amounts fit 64 bits, and a 64-bit division is several times quicker.
    if (units <= UINT64_MAX) {
      auto small = static_cast<std::uint64_t>(units);
      do {
        digits[count++] = static_cast<char>('0' + small % 10);
        small /= 10;
      } while (small != 0);
      break;
    }
    digits[count++] = static_cast<char>('0' + static_cast<unsigned>(units % 10));
    units /= 10;
  } while (units != 0);
  while (count > 0) *out++ = digits[--count];
  if (parts != 0) {
    *out++ = '.';
    for (std::uint64_t place = static_cast<std::uint64_t>(decimal_scale) / 10; parts != 0;
         place /= 10) {
      *out++ = static_cast<char>('0' + parts / place);
      parts %= place;
    }
  }
  return out;
}

template <class Kind>
std::string to_string(Decimal<Kind> value) {
  std::array<char, max_decimal_text> text{};
  return {text.data(), print(value, text.data())};
}

namespace detail {

/// value x multiplier / divisor, rounded half to even, exact inside. `divisor` > 0, `multiplier`
/// and `divisor` below 2^63. Empty when the result does not fit 128 bits.
constexpr std::optional<Int128> scale(Int128 value, std::int64_t multiplier, std::int64_t divisor) {
  const bool negative = (value < 0) != (multiplier < 0);
  const Uint128 a =
      value < 0 ? Uint128{0} - static_cast<Uint128>(value) : static_cast<Uint128>(value);
  const std::uint64_t b = multiplier < 0 ? 0 - static_cast<std::uint64_t>(multiplier)
                                         : static_cast<std::uint64_t>(multiplier);
  const auto d = static_cast<std::uint64_t>(divisor);
  // 192-bit product in three 64-bit digits, then long division by a 64-bit divisor.
  const Uint128 low = static_cast<Uint128>(static_cast<std::uint64_t>(a)) * b;
  const Uint128 high = static_cast<Uint128>(static_cast<std::uint64_t>(a >> 64)) * b + (low >> 64);
  const std::array<std::uint64_t, 3> digits{static_cast<std::uint64_t>(high >> 64),
                                            static_cast<std::uint64_t>(high),
                                            static_cast<std::uint64_t>(low)};
  Uint128 remainder = 0;
  Uint128 quotient = 0;
  for (const std::uint64_t digit : digits) {
    if ((quotient >> 64) != 0) return std::nullopt;
    const Uint128 part = (remainder << 64) | digit;
    quotient = (quotient << 64) | (part / d);
    remainder = part % d;
  }
  const Uint128 twice = remainder * 2;
  if (twice > d || (twice == d && (quotient & 1) != 0)) ++quotient;
  if (quotient >> 127 != 0) return std::nullopt;
  const auto result = static_cast<Int128>(quotient);
  return negative ? -result : result;
}

template <class Amount>
constexpr std::optional<Amount> narrow(std::optional<Int128> raw) {
  if (!raw) return std::nullopt;
  if constexpr (sizeof(typename Amount::Raw) == 8) {
    if (*raw > INT64_MAX || *raw < INT64_MIN) return std::nullopt;
  }
  return Amount::from_raw(static_cast<typename Amount::Raw>(*raw));
}

}  // namespace detail

/// price x quantity, exact inside, rounded to 10^-9 half to even. Empty when the result does not
/// fit.
constexpr std::optional<Money> notional(Price price, Quantity quantity) {
  return detail::narrow<Money>(detail::scale(quantity.raw(), price.raw(), decimal_scale));
}

/// amount / price in base units, rounded half to even. Empty when `price` is not positive or the
/// result does not fit.
constexpr std::optional<Quantity> quantity_for(Money amount, Price price) {
  if (!price.is_positive()) return std::nullopt;
  return detail::narrow<Quantity>(detail::scale(amount.raw(), decimal_scale, price.raw()));
}

/// amount x multiplier / divisor, rounded half to even (a share, a percentage).
/// Empty when `divisor` is not positive or the result does not fit.
template <class Kind>
constexpr std::optional<Decimal<Kind>> scaled(Decimal<Kind> amount, std::int64_t multiplier,
                                              std::int64_t divisor) {
  if (divisor <= 0) return std::nullopt;
  return detail::narrow<Decimal<Kind>>(
      detail::scale(static_cast<Int128>(amount.raw()), multiplier, divisor));
}

/// amount / quantity as a price per unit, rounded half to even; exact for every 128-bit operand.
/// Empty when `quantity` is zero or the result does not fit a price.
constexpr std::optional<Price> price_of(Money amount, Quantity quantity) {
  if (quantity.is_zero()) return std::nullopt;
  const bool negative = amount.is_negative() != quantity.is_negative();
  const auto magnitude = [](Int128 value) {
    return value < 0 ? Uint128{0} - static_cast<Uint128>(value) : static_cast<Uint128>(value);
  };
  const Uint128 dividend = magnitude(amount.raw());
  const Uint128 divisor = magnitude(quantity.raw());
  if (divisor >> 126 != 0) return std::nullopt;
  // Long division: whole part first, then one decimal digit of 10^-9 at a time.
  Uint128 quotient = dividend / divisor;
  Uint128 remainder = dividend % divisor;
  for (int place = 0; place < decimal_places; ++place) {
    if (quotient > static_cast<Uint128>(INT64_MAX)) return std::nullopt;
    quotient *= 10;
    // Ten times the remainder may exceed 128 bits, so it is added up and reduced step by step.
    Uint128 rest = 0;
    unsigned digit = 0;
    for (int step = 0; step < 10; ++step) {
      rest += remainder;
      if (rest >= divisor) {
        rest -= divisor;
        ++digit;
      }
    }
    quotient += digit;
    remainder = rest;
  }
  if (remainder * 2 > divisor || (remainder * 2 == divisor && (quotient & 1) != 0)) ++quotient;
  if (quotient > static_cast<Uint128>(INT64_MAX)) return std::nullopt;
  const auto raw = static_cast<std::int64_t>(quotient);
  return Price::from_raw(negative ? -raw : raw);
}

/// Whether `amount` is a whole multiple of `step`; a zero step switches the rule off.
template <class Kind>
constexpr bool is_multiple(Decimal<Kind> amount, Decimal<Kind> step) {
  return step.is_zero() || amount.raw() % step.raw() == 0;
}

/// The greatest multiple of `step` that is not above `amount`, towards zero. For sizing only: an
/// order's numbers are never rounded.
template <class Kind>
constexpr Decimal<Kind> round_down(Decimal<Kind> amount, Decimal<Kind> step) {
  if (step.is_zero()) return amount;
  return Decimal<Kind>::from_raw(amount.raw() - amount.raw() % step.raw());
}

namespace literals {

/// Literals for tests and defaults: "100.25"_px, "2"_qty, "200.5"_usd. A wrong one does not
/// compile.
consteval Price operator""_px(const char* text, std::size_t size) {
  return parse<Price>({text, size}).value();
}
consteval Quantity operator""_qty(const char* text, std::size_t size) {
  return parse<Quantity>({text, size}).value();
}
consteval Money operator""_usd(const char* text, std::size_t size) {
  return parse<Money>({text, size}).value();
}

static_assert(notional("100.25"_px, "2"_qty) == "200.5"_usd);
static_assert(!parse<Price>("1.1234567891"));  // ten decimals: refused, never rounded
static_assert(parse<Price>("1.1234567890"));   // trailing zeros say nothing
static_assert(price_of("200.5"_usd, "2"_qty) == "100.25"_px);

}  // namespace literals

}  // namespace halcyon::domain
