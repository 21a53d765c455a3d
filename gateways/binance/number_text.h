#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "domain/decimal.h"

namespace halcyon::gateways::binance {

// Numbers as they stand in a frame, read in place, eight digits at a step. Every reader may look at
// up to 24 bytes behind the number: the frame's padding (gateways::Frame) makes that safe.

static_assert(std::endian::native == std::endian::little,
              "digits are read as a little-endian word");

namespace detail {

inline constexpr std::array<std::uint64_t, 10> powers_of_ten{
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

struct Digits {
  std::uint32_t value = 0;
  unsigned count = 0;  ///< 0 to 8
};

/// The digits at `text`, at most eight.
inline Digits eight_digits(const char* text) {
  std::uint64_t word = 0;
  std::memcpy(&word, text, sizeof word);
  word ^= 0x3030303030303030ULL;  // a digit becomes its value, anything else is above 9
  const std::uint64_t others = ((word + 0x7676767676767676ULL) | word) & 0x8080808080808080ULL;
  // A carry can only spoil bytes behind the first one that is no digit, and those are not looked
  // at.
  if (others == 0) {
    word = word * 10 + (word >> 8);
    return {static_cast<std::uint32_t>(
                (((word & 0x000000FF000000FFULL) * 0x000F424000000064ULL) +
                 (((word >> 16) & 0x000000FF000000FFULL) * 0x0000271000000001ULL)) >>
                32),
            8};
  }
  const auto count = static_cast<unsigned>(std::countr_zero(others)) / 8;
  if (count == 0) return {};
  word <<= (8 - count) * 8;  // leading zeros in front, the rest falls out
  word = word * 10 + (word >> 8);
  return {static_cast<std::uint32_t>(
              (((word & 0x000000FF000000FFULL) * 0x000F424000000064ULL) +
               (((word >> 16) & 0x000000FF000000FFULL) * 0x0000271000000001ULL)) >>
              32),
          count};
}

constexpr bool is_digit(char character) { return character >= '0' && character <= '9'; }

/// What may follow a bare number in JSON.
constexpr bool ends_number(char character) {
  return character == ',' || character == '}' || character == ']' || character == ' ' ||
         character == '\n' || character == '\r' || character == '\t';
}

}  // namespace detail

/// More zeros than that behind the ninth decimal are no number of a venue.
inline constexpr int max_trailing_zeros = 16;

/// A decimal in quotes: `"61837.63000000"`. Returns what stands behind the closing quote; nullptr
/// when it is no decimal, has more than nine significant decimals, more than 18 digits before the
/// point, or does not fit the kind: but for the bounds on digits the verdicts of domain::parse.
/// Reads at most 56 bytes, whatever stands there.
template <class Amount>
[[nodiscard]] inline const char* scan_decimal(const char* text, Amount& out) {
  using detail::Digits;
  if (*text != '"') return nullptr;
  ++text;
  const bool negative = *text == '-';
  if (negative) ++text;
  const Digits first = detail::eight_digits(text);
  if (first.count == 0) return nullptr;
  std::uint64_t units = first.value;
  text += first.count;
  if (first.count == 8) [[unlikely]] {
    const Digits second = detail::eight_digits(text);
    units = units * detail::powers_of_ten[second.count] + second.value;
    text += second.count;
    if (second.count == 8) {
      const Digits third = detail::eight_digits(text);
      if (third.count > 2) return nullptr;
      units = units * detail::powers_of_ten[third.count] + third.value;
      text += third.count;
    }
  }
  std::uint64_t parts = 0;
  if (*text == '.') {
    ++text;
    const Digits fraction = detail::eight_digits(text);
    if (fraction.count == 0) return nullptr;
    text += fraction.count;
    parts = fraction.value * detail::powers_of_ten[9 - fraction.count];
    if (fraction.count == 8 && detail::is_digit(*text)) {
      parts += static_cast<std::uint64_t>(*text - '0');
      ++text;
      for (int zeros = 0; *text == '0'; ++zeros) {
        if (zeros == max_trailing_zeros) return nullptr;
        ++text;
      }
    }
  }
  if (*text != '"') return nullptr;
  if constexpr (sizeof(typename Amount::Raw) == 8) {
    std::uint64_t magnitude = 0;
    if (__builtin_mul_overflow(units, static_cast<std::uint64_t>(domain::decimal_scale),
                               &magnitude) ||
        __builtin_add_overflow(magnitude, parts, &magnitude) ||
        magnitude > static_cast<std::uint64_t>(INT64_MAX)) {
      return nullptr;
    }
    const auto value = static_cast<std::int64_t>(magnitude);
    out = Amount::from_raw(negative ? -value : value);
  } else {
    const auto value = static_cast<domain::Int128>(
        static_cast<domain::Uint128>(units) * static_cast<std::uint64_t>(domain::decimal_scale) +
        parts);
    out = Amount::from_raw(negative ? -value : value);
  }
  return text + 1;
}

template <class Amount>
[[nodiscard]] inline bool read_decimal(const char* text, Amount& out) {
  return scan_decimal(text, out) != nullptr;
}

/// A bare whole number of at most 64 bits, without sign.
[[nodiscard]] inline bool read_unsigned(const char* text, std::uint64_t& out) {
  using detail::Digits;
  const Digits first = detail::eight_digits(text);
  if (first.count == 0 || (first.count > 1 && *text == '0')) return false;
  std::uint64_t value = first.value;
  text += first.count;
  if (first.count == 8) {
    const Digits second = detail::eight_digits(text);
    value = value * detail::powers_of_ten[second.count] + second.value;
    text += second.count;
    if (second.count == 8) {
      const Digits third = detail::eight_digits(text);
      if (third.count > 4 ||
          __builtin_mul_overflow(value, detail::powers_of_ten[third.count], &value) ||
          __builtin_add_overflow(value, static_cast<std::uint64_t>(third.value), &value)) {
        return false;
      }
      text += third.count;
    }
  }
  if (!detail::ends_number(*text)) return false;
  out = value;
  return true;
}

/// A bare whole number of at most 63 bits and a sign ("-1" means none in several places).
[[nodiscard]] inline bool read_signed(const char* text, std::int64_t& out) {
  const bool negative = *text == '-';
  std::uint64_t magnitude = 0;
  if (!read_unsigned(text + (negative ? 1 : 0), magnitude)) return false;
  if (magnitude > static_cast<std::uint64_t>(INT64_MAX)) return false;
  const auto value = static_cast<std::int64_t>(magnitude);
  out = negative ? -value : value;
  return true;
}

/// `true` or `false`.
[[nodiscard]] inline bool read_bool(const char* text, bool& out) {
  if (std::memcmp(text, "true", 4) == 0 && detail::ends_number(text[4])) {
    out = true;
    return true;
  }
  if (std::memcmp(text, "false", 5) == 0 && detail::ends_number(text[5])) {
    out = false;
    return true;
  }
  return false;
}

}  // namespace halcyon::gateways::binance
