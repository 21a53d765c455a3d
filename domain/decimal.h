#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

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

namespace detail {

/// Eight digits at once, read as one little-endian word.
inline constexpr std::uint64_t eight_zeros = 0x3030303030303030ULL;

constexpr bool are_digits(std::uint64_t word) {
  constexpr std::uint64_t high_halves = 0xF0F0F0F0F0F0F0F0ULL;
  // A byte above '9' carries into its high half when 6 is added.
  return (word & high_halves) == eight_zeros &&
         ((word + 0x0606060606060606ULL) & high_halves) == eight_zeros;
}

/// Their value, most significant digit in the lowest byte: neighbours are joined three times.
constexpr std::uint64_t value_of_digits(std::uint64_t word) {
  word -= eight_zeros;
  word = word * 10 + (word >> 8);
  word = ((word & 0x000000FF000000FFULL) * (100 + (1'000'000ULL << 32)) +
          ((word >> 16) & 0x000000FF000000FFULL) * (1 + (10'000ULL << 32))) >>
         32;
  return word;
}

inline constexpr std::array<std::uint64_t, 10> powers_of_ten{
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

/// The quick way through `parse`: one to seven digits, a point, one to eight digits, nine
/// characters in all or more: what venues send ("61234.12000000"). The count of 10^-9 parts;
/// negative when the text looks otherwise, which says nothing about it.
inline std::int64_t parse_usual(std::string_view text) {
  if (std::endian::native != std::endian::little || text.size() < 9 || text.size() > 16) return -1;
  std::uint64_t head = 0;
  std::uint64_t tail = 0;
  __builtin_memcpy(&head, text.data(), 8);
  __builtin_memcpy(&tail, text.data() + text.size() - 8, 8);
  // The lowest byte that is a point becomes the lowest byte with its top bit set.
  const std::uint64_t pointless = head ^ 0x2E2E2E2E2E2E2E2EULL;
  const std::uint64_t points =
      (pointless - 0x0101010101010101ULL) & ~pointless & 0x8080808080808080ULL;
  if (points == 0) return -1;
  const auto whole = static_cast<std::size_t>(__builtin_ctzll(points)) / 8;
  const std::size_t places = text.size() - whole - 1;
  if (whole == 0 || places == 0 || places > 8) return -1;
  // Push each part to the end of its word, behind leading zeros.
  const auto align_head = static_cast<unsigned>(8 * (8 - whole));
  const auto align_tail = static_cast<unsigned>(8 * (8 - places));
  head = (head << align_head) | (eight_zeros >> (64 - align_head));
  tail = align_tail == 0
             ? tail
             : (tail & (~std::uint64_t{0} << align_tail)) | (eight_zeros >> (64 - align_tail));
  if (!are_digits(head) || !are_digits(tail)) return -1;
  return static_cast<std::int64_t>(
      value_of_digits(head) * static_cast<std::uint64_t>(decimal_scale) +
      value_of_digits(tail) * powers_of_ten[static_cast<std::size_t>(decimal_places) - places]);
}

}  // namespace detail

/// Reads a plain decimal: optional '-', digits, optional fraction; no exponent, blank or '+'.
/// Empty when it is not one, has more than nine significant decimals (never rounded), or lies
/// beyond `max_outside_units` (for a price: beyond 64 bits).
template <class Amount>
constexpr std::optional<Amount> parse(std::string_view text) {
  if (!std::is_constant_evaluated()) {
    if (const std::int64_t raw = detail::parse_usual(text); raw >= 0) return Amount::from_raw(raw);
  }
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

namespace detail {

/// The inverse of `value_of_digits`, without the '0's: eight digits of a value below 10^8, one a
/// byte, the most significant in the lowest. Divisions by 100 and 10 are multiplications.
constexpr std::uint64_t digits_of_value(std::uint64_t value) {
  const std::uint64_t fours = value / 10'000 | (value % 10'000) << 32;
  const std::uint64_t hundreds = (fours * 10'486 >> 20) & 0x0000007F0000007FULL;
  const std::uint64_t twos = hundreds | (fours - hundreds * 100) << 16;
  const std::uint64_t tens = (twos * 103 >> 10) & 0x000F000F000F000FULL;
  return tens | (twos - tens * 10) << 8;
}

/// The quick way through `print`, for less than 10^8 units. Writes up to eight bytes beyond what it
/// returns.
inline char* print_usual(std::uint64_t magnitude, char* out) {
  const auto put = [&out](std::uint64_t digits) {
    digits |= eight_zeros;
    __builtin_memcpy(out, &digits, 8);
  };
  const std::uint64_t units =
      digits_of_value(magnitude / static_cast<std::uint64_t>(decimal_scale));
  const std::uint64_t parts = magnitude % static_cast<std::uint64_t>(decimal_scale);
  // Zero has one digit.
  const int leading = units == 0 ? 7 : __builtin_ctzll(units) / 8;
  put(units >> (8 * leading));
  out += 8 - leading;
  if (parts == 0) return out;
  *out++ = '.';
  const std::uint64_t first_eight = digits_of_value(parts / 10);
  put(first_eight);
  if (const std::uint64_t ninth = parts % 10; ninth != 0) {
    out[8] = static_cast<char>('0' + ninth);
    return out + 9;
  }
  return out + 8 - __builtin_clzll(first_eight) / 8;
}

}  // namespace detail

/// Writes the shortest plain decimal ("100.25", "-0.5", "7") to `out`, which has room for
/// `max_decimal_text` characters, and returns the end. Does not allocate.
template <class Kind>
constexpr char* print(Decimal<Kind> value, char* out) {
  const auto raw = static_cast<Int128>(value.raw());
  Uint128 magnitude = raw < 0 ? Uint128{0} - static_cast<Uint128>(raw) : static_cast<Uint128>(raw);
  if (raw < 0) *out++ = '-';
  constexpr auto scale = static_cast<std::uint64_t>(decimal_scale);
  if (!std::is_constant_evaluated() && std::endian::native == std::endian::little &&
      magnitude < static_cast<Uint128>(scale) * detail::powers_of_ten[8]) {
    return detail::print_usual(static_cast<std::uint64_t>(magnitude), out);
  }
  auto parts = static_cast<std::uint64_t>(magnitude % scale);
  std::array<char, max_decimal_text> digits{};
  std::size_t count = 0;
  for (magnitude /= scale; magnitude != 0 || count == 0; magnitude /= 10) {
    digits[count++] = static_cast<char>('0' + static_cast<unsigned>(magnitude % 10));
  }
  while (count > 0) *out++ = digits[--count];
  if (parts != 0) {
    *out++ = '.';
    for (std::uint64_t place = scale / 10; parts != 0; place /= 10) {
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
  Uint128 remainder = 0;
  Uint128 quotient = 0;
  if (a >> 64 == 0) {
    // Nearly always: the product fits 128 bits, and one division does.
    const Uint128 product = a * b;
    quotient = product / d;
    remainder = product % d;
  } else {
    // 192-bit product in three 64-bit digits, then long division by a 64-bit divisor.
    const Uint128 low = static_cast<Uint128>(static_cast<std::uint64_t>(a)) * b;
    const Uint128 high = (a >> 64) * b + (low >> 64);
    const std::array<std::uint64_t, 3> digits{static_cast<std::uint64_t>(high >> 64),
                                              static_cast<std::uint64_t>(high),
                                              static_cast<std::uint64_t>(low)};
    for (const std::uint64_t digit : digits) {
      if ((quotient >> 64) != 0) return std::nullopt;
      const Uint128 part = (remainder << 64) | digit;
      quotient = (quotient << 64) | (part / d);
      remainder = part % d;
    }
  }
  if (quotient >> 127 != 0) return std::nullopt;
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
  if (step.is_zero()) return true;
  // A remainder of 64 bits is several times quicker, and most amounts fit.
  const auto small_amount = static_cast<std::int64_t>(amount.raw());
  const auto small_step = static_cast<std::int64_t>(step.raw());
  if (amount.raw() == small_amount && step.raw() == small_step && small_step > 0) {
    return small_amount % small_step == 0;
  }
  return amount.raw() % step.raw() == 0;
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
