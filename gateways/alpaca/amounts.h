#pragma once

// Amounts, which this venue writes as texts, as bare numbers or as null (section 2), read without
// a double.

#include <cstdint>
#include <cstring>

#include "domain/decimal.h"
#include "gateways/number_text.h"

namespace halcyon::gateways::alpaca {

/// What happens to a tenth decimal.
enum class Tail : std::uint8_t {
  refuse,  ///< quantities of orders and executions: positions would disagree
  round,   ///< half to even: averages, market data that was a float
};

namespace detail {

/// A decimal with or without exponent and quotes, of at most 18 digits before the point; a longer
/// tail than 128 bits hold is only looked at for its rounding.
template <class Amount>
const char* scan_any_decimal(const char* text, Tail tail, Amount& out) {
  using gateways::detail::is_digit;
  constexpr int max_digits = 36;
  constexpr int max_tail = 64;
  const bool is_quoted = *text == '"';
  if (is_quoted) ++text;
  const bool is_negative = *text == '-';
  if (is_negative) ++text;
  if (!is_digit(*text)) return nullptr;
  domain::Int128 value = 0;
  int digits = 0;  // significant ones in `value`
  int places = 0;  // of `value` behind the point
  bool has_tail = false;
  const auto add = [&](char character) {
    if (digits == max_digits) {
      has_tail = has_tail || character != '0';
      return false;
    }
    value = value * 10 + (character - '0');
    if (value != 0) ++digits;
    return true;
  };
  for (; is_digit(*text); ++text) {
    if (!add(*text)) return nullptr;
  }
  if (*text == '.') {
    ++text;
    if (!is_digit(*text)) return nullptr;
    for (int count = 0; is_digit(*text); ++text, ++count) {
      if (count == max_tail) return nullptr;
      if (add(*text)) ++places;
    }
  }
  if (*text == 'e' || *text == 'E') {
    ++text;
    const bool is_small = *text == '-';
    if (*text == '-' || *text == '+') ++text;
    if (!is_digit(*text)) return nullptr;
    int exponent = 0;
    for (int count = 0; is_digit(*text); ++text, ++count) {
      if (count == 2) return nullptr;
      exponent = exponent * 10 + (*text - '0');
    }
    places += is_small ? exponent : -exponent;
  }
  if (is_quoted ? *text != '"' : !gateways::detail::ends_number(*text)) return nullptr;
  // What `value` lacks of, or has above, nine decimals.
  for (; places < domain::decimal_places; ++places) {
    if (++digits > max_digits && value != 0) return nullptr;
    value *= 10;
  }
  if (places > domain::decimal_places) {
    int last = 0;
    bool has_more = has_tail;
    for (; places > domain::decimal_places; --places) {
      has_more = has_more || last != 0;
      last = static_cast<int>(value % 10);
      value /= 10;
    }
    if (tail == Tail::refuse && (last != 0 || has_more)) return nullptr;
    if (last > 5 || (last == 5 && (has_more || value % 2 != 0))) ++value;
  } else if (has_tail && tail == Tail::refuse) {
    return nullptr;
  }
  // As the other readers of amounts: 18 digits before the point, so that sums of them fit too.
  constexpr domain::Int128 limit =
      domain::Int128{1'000'000'000'000'000'000} * domain::decimal_scale;
  if (value >= limit) return nullptr;
  if (is_negative) value = -value;
  if constexpr (sizeof(typename Amount::Raw) == 8) {
    if (value > INT64_MAX || value < INT64_MIN) return nullptr;
  }
  out = Amount::from_raw(static_cast<typename Amount::Raw>(value));
  return text;
}

}  // namespace detail

/// An amount in any of the three shapes; null and "" are zero.
template <class Amount>
bool read_any(const char* token, Tail tail, Amount& out) {
  out = Amount{};
  if (std::memcmp(token, "null", 4) == 0 || (token[0] == '"' && token[1] == '"')) return true;
  return detail::scan_any_decimal(token, tail, out) != nullptr;
}

}  // namespace halcyon::gateways::alpaca
