#pragma once

// For decode_*.cpp only: the quick way through the frames that come most.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "gateways/binance/json_text.h"
#include "gateways/binance/levels.h"
#include "gateways/number_text.h"

namespace halcyon::gateways::binance {

/// Reads objects of scalars exactly as the venue writes them: no blanks, no escapes, plain ASCII,
/// keys in any order. Whatever else stands there makes it say no; then the parser, which reads all
/// of JSON, decides about the same frame from its start. So it never has to name an error, and a
/// frame that it takes is one that the parser would have taken, with the same tokens.
///
/// It looks at most 64 bytes behind the end (Frame::padding) and believes none of them.
class FlatReader {
 public:
  explicit FlatReader(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  template <std::size_t size>
  bool literal(const char (&text)[size]) {
    static_assert(size <= 48);
    if (at_ >= end_ || std::memcmp(at_, text, size - 1) != 0) return false;
    at_ += size - 1;
    return true;
  }

  /// A string; the token begins with its quote.
  bool string(const char*& token) {
    if (at_ >= end_ || *at_ != '"') return false;
    const char* const stop = string_end(at_ + 1);
    if (stop == nullptr) return false;
    token = at_;
    at_ = stop + 1;
    return true;
  }

  /// A bare number or word.
  bool bare(const char*& token) {
    const char* const stop = at_ < end_ ? bare_end(at_) : nullptr;
    if (stop == nullptr) return false;
    token = at_;
    at_ = stop;
    return true;
  }

  /// An object of scalars, passed over; its text is `out`.
  bool skip_object(std::string_view& out) {
    const char* const start = at_;
    if (at_ >= end_ || *at_ != '{') return false;
    ++at_;
    if (at_ < end_ && *at_ == '}') {
      ++at_;
      out = {start, 2};
      return true;
    }
    for (;;) {
      const char* token = nullptr;
      if (!string(token) || at_ >= end_ || *at_ != ':') return false;
      ++at_;
      if (at_ >= end_ || !(*at_ == '"' ? string(token) : bare(token)) || at_ >= end_) return false;
      const char separator = *at_++;
      if (separator == '}') {
        out = {start, static_cast<std::size_t>(at_ - start)};
        return true;
      }
      if (separator != ',') return false;
    }
  }

  /// An object whose fields have single letters; longer names are passed over. Arrays and objects
  /// inside go to `container(letter, *this)`, which reads them to their end or says no.
  template <class Container>
  bool object(Letters& letters, Container&& container) {
    if (at_ >= end_ || *at_ != '{') return false;
    ++at_;
    for (;;) {
      if (at_ >= end_ || *at_ != '"') return false;
      char letter = 0;
      if (at_[2] == '"' && at_[3] == ':' && is_letter(at_[1])) [[likely]] {
        letter = at_[1];
        at_ += 4;
      } else {
        const bool is_expiry_reason = at_[1] == 'e' && at_[2] == 'R' && at_[3] == '"';
        const char* const stop = string_end(at_ + 1);
        if (stop == nullptr || stop[1] != ':') return false;
        at_ = stop + 2;
        if (is_expiry_reason) letters.expiry_reason = at_;
      }
      if (at_ >= end_) return false;
      const char* const token = at_;
      const char first = *token;
      if (first == '[' || first == '{') {
        if (letter == 0 || !container(letter, *this)) return false;
      } else {
        const char* const stop = first == '"' ? string_end(token + 1) : bare_end(token);
        if (stop == nullptr) return false;
        at_ = first == '"' ? stop + 1 : stop;
        const auto index = static_cast<unsigned>(static_cast<unsigned char>(letter)) - 'A';
        if (index < letters.at.size()) {
          letters.at[index] = token;
          letters.seen |= std::uint64_t{1} << index;
        }
      }
      if (at_ >= end_) return false;
      if (*at_ == ',') {
        ++at_;
      } else if (*at_ == '}') {
        ++at_;
        return true;
      } else {
        return false;
      }
    }
  }

  /// `[[price,quantity],...]`, pairs only.
  bool levels(LevelWriter& writer, bool is_bid) {
    if (at_ >= end_ || *at_ != '[') return false;
    ++at_;
    if (at_ < end_ && *at_ == ']') {
      ++at_;
      return true;
    }
    // All in locals, and each event's count written once: a store of one byte may be anybody's.
    const char* at = at_;
    const char* const end = end_;
    for (;;) {
      domain::BookLevels& event = writer.room(is_bid);
      std::size_t count = event.count;
      bool is_last = false;
      for (; count < domain::BookLevels::capacity && !is_last; ++count) {
        if (at >= end) return false;
        std::int64_t price = 0;
        std::int64_t quantity = 0;
        const char* next = detail::scan_usual_level(at, price, quantity);
        if (next != nullptr) [[likely]] {
          event.levels[count].price = domain::Price::from_raw(price);
          event.levels[count].quantity = domain::Quantity::from_raw(quantity);
        } else {
          next = unusual_level(at, event.levels[count]);
          if (next == nullptr) return false;
        }
        if (next >= end) return false;
        is_last = *next == ']';
        if (!is_last && *next != ',') return false;
        at = next + 1;
      }
      event.count = static_cast<std::uint8_t>(count);
      if (is_bid) event.bids = event.count;
      if (is_last) {
        at_ = at;
        return true;
      }
    }
  }

  /// `[{..},..]` of flat objects.
  template <class Row>
  bool objects(Row&& row) {
    if (at_ >= end_ || *at_ != '[') return false;
    ++at_;
    if (at_ < end_ && *at_ == ']') {
      ++at_;
      return true;
    }
    for (;;) {
      Letters letters;
      if (!object(letters, [](char, FlatReader&) { return false; }) || !row(letters)) return false;
      if (at_ >= end_) return false;
      const char separator = *at_++;
      if (separator == ']') return true;
      if (separator != ',') return false;
    }
  }

  bool is_at_end() const { return at_ == end_; }

 private:
  /// Not a backslash, above all, which would make the quote behind it a part of the key.
  static constexpr bool is_letter(char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
  }

  /// A level with long numbers.
  [[gnu::noinline]] const char* unusual_level(const char* text, domain::BookLevel& level) const {
    if (*text != '[') return nullptr;
    text = scan_decimal(text + 1, level.price);
    if (text == nullptr || text >= end_ || *text != ',') return nullptr;
    text = scan_decimal(text + 1, level.quantity);
    if (text == nullptr || text >= end_ || *text != ']') return nullptr;
    return level.price.is_negative() || level.quantity.is_negative() ? nullptr : text + 1;
  }

  /// The closing quote of a string without escapes, control characters and anything above ASCII.
  const char* string_end(const char* text) const {
    for (; text < end_; text += 16) {
      const unsigned found = ends_or_odd(text);
      if (found == 0) continue;
      const char* const stop = text + std::countr_zero(found);
      return *stop == '"' && stop < end_ ? stop : nullptr;
    }
    return nullptr;
  }

  /// One bit for each of sixteen characters: a quote, or nothing that a plain string may hold.
  static unsigned ends_or_odd(const char* text) {
#if defined(__SSE2__)
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i_u*>(text));
    const __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i slashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    const __m128i controls = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' '));  // and above ASCII
    return static_cast<unsigned>(
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, slashes), controls)));
#else
    unsigned mask = 0;
    for (unsigned index = 0; index < 16; ++index) {
      const auto byte = static_cast<unsigned char>(text[index]);
      if (byte == '"' || byte == '\\' || byte < ' ' || byte > 127) mask |= 1U << index;
    }
    return mask;
#endif
  }

  /// One past a bare value: digits, signs, letters and points, followed by ',' '}' or ']'.
  const char* bare_end(const char* text) const {
    const unsigned others = detail::other_than_digits(text);
    const char* stop = text + (others == 0 ? 16 : std::countr_zero(others));
    for (; stop < end_; ++stop) {
      const char character = *stop;
      if (character == ',' || character == '}' || character == ']') {
        return stop == text ? nullptr : stop;  // there has to be something
      }
      const bool is_bare = (character >= '0' && character <= '9') ||
                           (character >= 'a' && character <= 'z') || character == '-' ||
                           character == '+' || character == '.' || character == 'E';
      if (!is_bare) return nullptr;
    }
    return nullptr;
  }

  const char* at_;
  const char* end_;
};

}  // namespace halcyon::gateways::binance
