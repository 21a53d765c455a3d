#pragma once

// For decode_*.cpp only: the quick way through the frames that come most.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "gateways/binance/json_text.h"
#include "gateways/binance/levels.h"
#include "gateways/binance/number_text.h"

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

  /// An object whose fields have single letters; longer names are passed over. Arrays and objects
  /// inside go to `container(letter, *this)`, which reads them to their end or says no.
  template <class Container>
  bool object(Letters& letters, Container&& container) {
    if (at_ >= end_ || *at_ != '{') return false;
    ++at_;
    for (;;) {
      if (at_ >= end_ || *at_ != '"') return false;
      char letter = 0;
      if (at_[2] == '"' && at_[3] == ':') [[likely]] {
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
    for (;;) {
      if (at_ >= end_ || *at_ != '[') return false;
      domain::Price price;
      domain::Quantity quantity;
      const char* next = scan_decimal(at_ + 1, price);
      if (next == nullptr || next >= end_ || *next != ',') return false;
      next = scan_decimal(next + 1, quantity);
      if (next == nullptr || next >= end_ || *next != ']' || price.is_negative() ||
          quantity.is_negative()) {
        return false;
      }
      writer.add(is_bid, price, quantity);
      at_ = next + 2;
      if (at_ > end_) return false;
      if (next[1] == ']') return true;
      if (next[1] != ',') return false;
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
  /// The closing quote of a string without escapes, control characters and anything above ASCII.
  const char* string_end(const char* text) const {
    constexpr std::uint64_t ones = 0x0101010101010101ULL;
    constexpr std::uint64_t highs = 0x8080808080808080ULL;
    for (; text < end_; text += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, text, sizeof word);
      const std::uint64_t quote = word ^ (ones * '"');
      const std::uint64_t slash = word ^ (ones * '\\');
      // The lowest flagged byte is right; borrows spoil only the bytes above it.
      const std::uint64_t found =
          (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | (word - ones * ' ') | word) &
          highs;
      if (found == 0) continue;
      const char* const stop = text + static_cast<std::size_t>(std::countr_zero(found)) / 8;
      return *stop == '"' && stop < end_ ? stop : nullptr;
    }
    return nullptr;
  }

  /// One past a bare value: digits, signs, letters and points, followed by ',' '}' or ']'.
  const char* bare_end(const char* text) const {
    const char* const limit = end_;
    while (text < limit) {
      const char character = *text;
      if (character == ',' || character == '}' || character == ']') return text;
      const bool is_bare = (character >= '0' && character <= '9') ||
                           (character >= 'a' && character <= 'z') || character == '-' ||
                           character == '+' || character == '.' || character == 'E';
      if (!is_bare) return nullptr;
      ++text;
    }
    return nullptr;
  }

  const char* at_;
  const char* end_;
};

}  // namespace halcyon::gateways::binance
