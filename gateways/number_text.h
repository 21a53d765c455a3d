#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "domain/decimal.h"

namespace halcyon::gateways {

// Numbers as they stand in a frame, read in place, sixteen characters at a step. Every reader may
// look at up to 64 bytes behind the start of the number and believes none that are no part of it:
// the frame's padding (gateways::Frame) makes that safe.

static_assert(std::endian::native == std::endian::little, "digits are read as little-endian words");

namespace detail {

inline constexpr std::array<std::uint64_t, 10> powers_of_ten{
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

constexpr bool is_digit(char character) { return character >= '0' && character <= '9'; }

/// What may follow a bare number in JSON.
constexpr bool ends_number(char character) {
  return character == ',' || character == '}' || character == ']' || character == ' ' ||
         character == '\n' || character == '\r' || character == '\t';
}

/// One bit for each of sixteen characters: whether it is no digit.
inline unsigned other_than_digits(const char* text) {
#if defined(__SSE2__)
  const __m128i values =
      _mm_sub_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i_u*>(text)), _mm_set1_epi8('0'));
  const __m128i digits = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values);
  return ~static_cast<unsigned>(_mm_movemask_epi8(digits)) & 0xFFFFU;
#else
  unsigned mask = 0;
  for (unsigned index = 0; index < 16; ++index) {
    if (!is_digit(text[index])) mask |= 1U << index;
  }
  return mask;
#endif
}

/// The same for thirty-two, and which of them are `wanted`.
struct Marks {
  std::uint32_t others = 0;
  std::uint32_t wanted = 0;
};
inline Marks marks_of(const char* text, char wanted) {
#if defined(__SSE2__)
  const auto* blocks = reinterpret_cast<const __m128i_u*>(text);
  const __m128i zero = _mm_set1_epi8('0');
  const __m128i nine = _mm_set1_epi8(9);
  const __m128i sought = _mm_set1_epi8(wanted);
  Marks marks;
  for (unsigned index = 0; index < 2; ++index) {
    const __m128i block = _mm_loadu_si128(blocks + index);
    const __m128i values = _mm_sub_epi8(block, zero);
    const __m128i digits = _mm_cmpeq_epi8(_mm_min_epu8(values, nine), values);
    marks.others |= (~static_cast<unsigned>(_mm_movemask_epi8(digits)) & 0xFFFFU) << (16 * index);
    marks.wanted |= static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, sought)))
                    << (16 * index);
  }
  return marks;
#else
  Marks marks;
  for (unsigned index = 0; index < 32; ++index) {
    if (!is_digit(text[index])) marks.others |= 1U << index;
    if (text[index] == wanted) marks.wanted |= 1U << index;
  }
  return marks;
#endif
}

/// Eight characters from which '0' is taken away, in the order of the text.
inline std::uint64_t eight_values(const char* text) {
  std::uint64_t word = 0;
  std::memcpy(&word, text, sizeof word);
  return word ^ 0x3030303030303030ULL;
}

/// The first `count` (1 to 8) of eight values, with zeros in front of them.
constexpr std::uint64_t first_of(std::uint64_t values, unsigned count) {
  return values << ((8 - count) * 8);
}

struct Two {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

/// The numbers that two times eight values make: neighbours to pairs, pairs to fours, fours to
/// eight.
inline Two numbers_of(std::uint64_t first, std::uint64_t second) {
#if defined(__SSE2__)
  const __m128i values =
      _mm_set_epi64x(static_cast<long long>(second), static_cast<long long>(first));
  const __m128i tens =
      _mm_mullo_epi16(_mm_and_si128(values, _mm_set1_epi16(0xFF)), _mm_set1_epi16(10));
  const __m128i pairs = _mm_add_epi16(tens, _mm_srli_epi16(values, 8));
  const __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(100 | 1 << 16));
  const __m128i eights =
      _mm_madd_epi16(_mm_packs_epi32(fours, fours), _mm_set1_epi32(10'000 | 1 << 16));
  const auto both = static_cast<std::uint64_t>(_mm_cvtsi128_si64(eights));
  return {both & 0xFFFFFFFFU, both >> 32};
#else
  const auto one = [](std::uint64_t values) {
    std::uint64_t number = 0;
    for (unsigned index = 0; index < 8; ++index) {
      number = number * 10 + ((values >> (index * 8)) & 0xFFU);
    }
    return number;
  };
  return {one(first), one(second)};
#endif
}

/// Decimals of unusual length or sign; the same promise as scan_decimal.
template <class Amount>
[[gnu::noinline]] const char* scan_unusual_decimal(const char* text, Amount& out) {
  constexpr int max_whole_digits = 18;
  constexpr int max_trailing_zeros = 16;
  if (*text != '"') return nullptr;
  ++text;
  const bool negative = *text == '-';
  if (negative) ++text;
  if (!is_digit(*text)) return nullptr;
  std::uint64_t units = 0;
  for (int digits = 0; is_digit(*text); ++digits, ++text) {
    if (digits == max_whole_digits) return nullptr;
    units = units * 10 + static_cast<std::uint64_t>(*text - '0');
  }
  std::uint64_t parts = 0;
  if (*text == '.') {
    ++text;
    if (!is_digit(*text)) return nullptr;
    int places = 0;
    for (; places < domain::decimal_places && is_digit(*text); ++places, ++text) {
      parts = parts * 10 + static_cast<std::uint64_t>(*text - '0');
    }
    parts *= powers_of_ten[static_cast<std::size_t>(domain::decimal_places - places)];
    for (int zeros = 0; *text == '0'; ++zeros, ++text) {
      if (zeros == max_trailing_zeros) return nullptr;
    }
  }
  if (*text != '"') return nullptr;
  const auto magnitude = static_cast<domain::Int128>(units) * domain::decimal_scale +
                         static_cast<domain::Int128>(parts);
  const domain::Int128 value = negative ? -magnitude : magnitude;
  if constexpr (sizeof(typename Amount::Raw) == 8) {
    if (value > INT64_MAX || value < INT64_MIN) return nullptr;
  }
  out = Amount::from_raw(static_cast<typename Amount::Raw>(value));
  return text + 1;
}

}  // namespace detail

namespace detail {

/// A decimal as the venue mostly writes it: one to eight digits, a point, one to eight digits. Its
/// count of 10^-9 parts, never negative, below 10^17. nullptr: not of this form, or no decimal.
[[nodiscard, gnu::always_inline]] inline const char* scan_usual_decimal(const char* text,
                                                                        std::int64_t& out) {
  const char* const start = text + 1;
  const unsigned others = other_than_digits(start);
  const auto point = static_cast<unsigned>(std::countr_zero(others));
  const auto quote = static_cast<unsigned>(std::countr_zero(others & (others - 1)));
  const unsigned places = quote - point - 1;
  // Zero becomes large, so that one comparison asks for 1 to 8. Nothing found is 32.
  if (*text != '"' || point - 1 > 7 || places - 1 > 7 || start[point] != '.' || start[quote] != '"')
      [[unlikely]] {
    return nullptr;
  }
  const std::uint64_t whole = first_of(eight_values(start), point);
  const std::uint64_t fraction = eight_values(start + point + 1);
  constexpr auto scale = static_cast<std::uint64_t>(domain::decimal_scale);
  if (places == 8) [[likely]] {
    const Two numbers = numbers_of(whole, fraction);
    out = static_cast<std::int64_t>(numbers.first * scale + numbers.second * 10);
  } else {
    const Two numbers = numbers_of(whole, first_of(fraction, places));
    out = static_cast<std::int64_t>(
        numbers.first * scale +
        numbers.second * powers_of_ten[static_cast<unsigned>(domain::decimal_places) - places]);
  }
  return start + quote + 1;
}

/// `["61837.63000000","3.78826000"]`, both numbers of the usual form and the whole within 33
/// characters. Returns what stands behind the bracket; nullptr: not of this form. The end is looked
/// for by itself: the next level's work need not wait for this one's numbers.
[[nodiscard, gnu::always_inline]] inline const char* scan_usual_level(const char* text,
                                                                      std::int64_t& price,
                                                                      std::int64_t& quantity) {
  const char* const t = text + 1;
  const Marks marks = marks_of(t, ']');
  const auto end = static_cast<unsigned>(std::countr_zero(marks.wanted));
  // What is no digit: a quote, a point (a), `","` (b), a point (c), `"]` (d).
  std::uint32_t others = marks.others & (marks.others - 1);
  const auto a = static_cast<unsigned>(std::countr_zero(others));
  others &= others - 1;
  const auto b = static_cast<unsigned>(std::countr_zero(others));
  others &= others - 1;
  others &= others - 1;
  others &= others - 1;
  const auto c = static_cast<unsigned>(std::countr_zero(others));
  others &= others - 1;
  const auto d = static_cast<unsigned>(std::countr_zero(others));
  const unsigned price_places = b - a - 1;
  const unsigned quantity_places = d - c - 1;
  std::uint32_t middle = 0;
  std::memcpy(&middle, t + b, sizeof middle);
  constexpr std::uint32_t quote_comma_quote = '"' | ',' << 8 | '"' << 16;
  if (d + 1 != end || end > 31 || text[0] != '[' || t[0] != '"' || t[a] != '.' || t[c] != '.' ||
      t[d] != '"' || (middle & 0xFFFFFFU) != quote_comma_quote || a - 2 > 7 || c - b - 4 > 7 ||
      price_places - 1 > 7 || quantity_places - 1 > 7) [[unlikely]] {
    return nullptr;
  }
  const std::uint64_t whole = first_of(eight_values(t + 1), a - 1);
  const std::uint64_t fraction = eight_values(t + a + 1);
  const std::uint64_t other_whole = first_of(eight_values(t + b + 3), c - b - 3);
  const std::uint64_t other_fraction = eight_values(t + c + 1);
  constexpr auto scale = static_cast<std::uint64_t>(domain::decimal_scale);
  if (price_places == 8 && quantity_places == 8) [[likely]] {
    const Two first = numbers_of(whole, fraction);
    const Two second = numbers_of(other_whole, other_fraction);
    price = static_cast<std::int64_t>(first.first * scale + first.second * 10);
    quantity = static_cast<std::int64_t>(second.first * scale + second.second * 10);
  } else {
    const Two first = numbers_of(whole, first_of(fraction, price_places));
    const Two second = numbers_of(other_whole, first_of(other_fraction, quantity_places));
    constexpr auto places = static_cast<unsigned>(domain::decimal_places);
    price = static_cast<std::int64_t>(first.first * scale +
                                      first.second * powers_of_ten[places - price_places]);
    quantity = static_cast<std::int64_t>(second.first * scale +
                                         second.second * powers_of_ten[places - quantity_places]);
  }
  return t + end + 1;
}

}  // namespace detail

/// A decimal in quotes: `"61837.63000000"`. Returns what stands behind the closing quote; nullptr
/// when it is no decimal, has more than nine significant decimals (sixteen zeros behind them may
/// follow), more than 18 digits before the point, or does not fit the kind: but for these bounds on
/// digits the verdicts of domain::parse.
template <class Amount>
[[nodiscard, gnu::always_inline]] inline const char* scan_decimal(const char* text, Amount& out) {
  std::int64_t usual = 0;
  const char* end = detail::scan_usual_decimal(text, usual);
  if (end != nullptr) [[likely]] {
    out = Amount::from_raw(usual);
    return end;
  }
  // A value of its own, so that the usual one never has to leave the registers: two stores that one
  // wide load reads again cost more than all the arithmetic here.
  Amount unusual;
  end = detail::scan_unusual_decimal(text, unusual);
  out = unusual;
  return end;
}

template <class Amount>
[[nodiscard]] inline bool read_decimal(const char* text, Amount& out) {
  return scan_decimal(text, out) != nullptr;
}

/// A bare whole number of at most 64 bits, without sign.
[[nodiscard]] inline bool read_unsigned(const char* text, std::uint64_t& out) {
  const unsigned others = detail::other_than_digits(text);
  if (others == 0) [[unlikely]] {  // sixteen digits and perhaps more
    const detail::Two first =
        detail::numbers_of(detail::eight_values(text), detail::eight_values(text + 8));
    std::uint64_t value = first.first * 100'000'000 + first.second;
    const char* rest = text + 16;
    for (; detail::is_digit(*rest); ++rest) {
      if (__builtin_mul_overflow(value, std::uint64_t{10}, &value) ||
          __builtin_add_overflow(value, static_cast<std::uint64_t>(*rest - '0'), &value)) {
        return false;
      }
    }
    if (*text == '0' || !detail::ends_number(*rest)) return false;
    out = value;
    return true;
  }
  const auto count = static_cast<unsigned>(std::countr_zero(others));
  if (count == 0 || !detail::ends_number(text[count]) || (*text == '0' && count > 1)) return false;
  if (count <= 8) {
    out = detail::numbers_of(detail::first_of(detail::eight_values(text), count), 0).first;
  } else {
    const detail::Two both =
        detail::numbers_of(detail::first_of(detail::eight_values(text), count - 8),
                           detail::eight_values(text + count - 8));
    out = both.first * 100'000'000 + both.second;
  }
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

}  // namespace halcyon::gateways
