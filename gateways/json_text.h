#pragma once

// For decoders only: reading JSON with simdjson On-Demand, in place. simdjson does not get out.

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simdjson.h>

#include "gateways/decode.h"
#include "gateways/number_text.h"
#include "gateways/session.h"

namespace halcyon::gateways {

namespace ondemand = simdjson::ondemand;

static_assert(Frame::padding >= simdjson::SIMDJSON_PADDING);

struct Scratch::Impl {
  /// Large enough for the largest recorded frame (34.6 kB); grows, once, for larger ones.
  static constexpr std::size_t first_capacity = std::size_t{128} << 10;

  ondemand::parser parser;
  std::string body;                     ///< a REST body with padding
  std::vector<std::uint8_t> unescaped;  ///< texts with escapes; rare
  std::size_t unescaped_used = 0;

  Impl() {
    if (parser.allocate(first_capacity) != simdjson::SUCCESS) throw std::bad_alloc{};
  }
};

using Impl = Scratch::Impl;

inline DecodeError error_of(simdjson::error_code error) {
  switch (error) {
    case simdjson::SUCCESS:
      return DecodeError::none;
    case simdjson::EMPTY:
    case simdjson::UNCLOSED_STRING:
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
      return DecodeError::truncated;
    case simdjson::INCORRECT_TYPE:
      return DecodeError::wrong_type;
    case simdjson::CAPACITY:
      return DecodeError::too_large;
    default:
      return DecodeError::not_json;
  }
}

// Named by the line, because a TRY may hold a lambda with a TRY of its own.
#define HALCYON_NAME_OF_LINE_(line) problem_##line
#define HALCYON_NAME_OF_LINE(line) HALCYON_NAME_OF_LINE_(line)
#define HALCYON_TRY_JSON(expression)                                                              \
  do {                                                                                            \
    if (const auto HALCYON_NAME_OF_LINE(__LINE__) = (expression); HALCYON_NAME_OF_LINE(__LINE__)) \
        [[unlikely]] {                                                                            \
      return error_of(HALCYON_NAME_OF_LINE(__LINE__));                                            \
    }                                                                                             \
  } while (false)
#define HALCYON_TRY(expression)                                             \
  do {                                                                      \
    if (const DecodeError HALCYON_NAME_OF_LINE(__LINE__) = (expression);    \
        HALCYON_NAME_OF_LINE(__LINE__) != DecodeError::none) [[unlikely]] { \
      return HALCYON_NAME_OF_LINE(__LINE__);                                \
    }                                                                       \
  } while (false)
#define HALCYON_WANT(condition, problem) \
  do {                                   \
    if (!(condition)) [[unlikely]]       \
      return problem;                    \
  } while (false)

inline DecodeError open(Impl& impl, std::string_view text, ondemand::document& document) {
  impl.unescaped_used = 0;
  HALCYON_TRY_JSON(
      impl.parser.iterate(text.data(), text.size(), text.size() + Frame::padding).get(document));
  return DecodeError::none;
}

/// Whether the whole text has been read: nothing may stand behind the last bracket.
inline bool is_at_end(ondemand::document& document) {
  return document.is_alive() && document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

/// A REST body, copied to where it has padding.
inline std::string_view padded(Impl& impl, std::string_view body) {
  impl.body.reserve(body.size() + Frame::padding);
  impl.body.assign(body);
  impl.body.append(Frame::padding, ' ');
  return {impl.body.data(), body.size()};
}

// ---- Tokens: pointers into the frame ------------------------------------------------------------
// On-Demand hands out where a value begins; stage 1 has proven that strings are closed. The text is
// read in place and nothing is unescaped unless it has to be.

/// Whether a key is `name`. Keys end with a quote, so a longer one does not match.
template <std::size_t size>
bool is(const char* key, const char (&name)[size]) {
  return std::memcmp(key, name, size - 1) == 0 && key[size - 1] == '"';
}

/// How many characters until a quote or a backslash.
inline std::size_t plain_length(const char* text) {
  constexpr std::uint64_t ones = 0x0101010101010101ULL;
  constexpr std::uint64_t highs = 0x8080808080808080ULL;
  for (std::size_t at = 0;; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text + at, sizeof word);
    const std::uint64_t quote = word ^ (ones * '"');
    const std::uint64_t slash = word ^ (ones * '\\');
    // The lowest flagged byte is right; a borrow spoils only the bytes above it.
    const std::uint64_t found = (((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & highs;
    if (found != 0) return at + static_cast<std::size_t>(std::countr_zero(found)) / 8;
  }
}

inline std::optional<std::string_view> unescape(Impl& impl, const char* text) {
  // One frame's texts together are not longer than the frame.
  if (impl.unescaped_used == 0) impl.unescaped.resize(impl.parser.capacity() + Frame::padding);
  std::uint8_t* out = impl.unescaped.data() + impl.unescaped_used;
  std::string_view view;
  const ondemand::raw_json_string raw{reinterpret_cast<const std::uint8_t*>(text)};
  if (impl.parser.unescape(raw, out).get(view) != simdjson::SUCCESS) return std::nullopt;
  impl.unescaped_used += view.size() + 1;
  return view;
}

/// A string token's text. False when it is no string, or its escapes are wrong.
inline bool read_text(Impl& impl, const char* token, std::string_view& out) {
  if (*token != '"') return false;
  const std::size_t size = plain_length(token + 1);
  if (token[1 + size] == '"') [[likely]] {
    out = {token + 1, size};
    return true;
  }
  const auto text = unescape(impl, token + 1);
  if (!text) return false;
  out = *text;
  return true;
}

inline bool is_null(const char* token) { return std::memcmp(token, "null", 4) == 0; }

/// Whether a string token is exactly `word`.
template <std::size_t size>
bool is_word(const char* token, const char (&word)[size]) {
  return *token == '"' && is(token + 1, word);
}

/// Milliseconds since 1970; at most the year 2255, so that nanoseconds fit.
inline bool read_time(const char* token, domain::Timestamp& out) {
  constexpr std::uint64_t latest = 9'000'000'000'000;
  std::uint64_t value = 0;
  if (!read_unsigned(token, value) || value > latest) return false;
  out = domain::from_unix_ms(static_cast<std::int64_t>(value));
  return true;
}

/// Spot amounts that cannot be negative.
template <class Amount>
bool read_amount(const char* token, Amount& out) {
  return read_decimal(token, out) && !out.is_negative();
}

/// What is wrong with a token that did not read as a decimal.
inline DecodeError bad_decimal(const char* token) {
  return *token == '"' ? DecodeError::bad_number : DecodeError::wrong_type;
}
inline DecodeError bad_integer(const char* token) {
  return detail::is_digit(*token) || *token == '-' ? DecodeError::bad_number
                                                   : DecodeError::wrong_type;
}

// ---- Objects with names -------------------------------------------------------------------------

struct Named {
  std::string_view name;
  const char* token = nullptr;
};

/// Finds the scalars of `fields` in any order; `container(key, value)` sees arrays and objects.
template <class Container>
DecodeError read_named(ondemand::object& object, std::span<Named> fields, Container&& container) {
  std::size_t next = 0;
  for (auto item : object) {
    ondemand::field field;
    HALCYON_TRY_JSON(std::move(item).get(field));
    const char* key = field.key().raw();
    const char* token = field.value().raw_json_token().data();
    if (*token == '[' || *token == '{') {
      HALCYON_TRY(container(key, field.value()));
      continue;
    }
    for (std::size_t tries = 0; tries < fields.size(); ++tries) {
      Named& named = fields[next];
      next = next + 1 == fields.size() ? 0 : next + 1;
      if (std::memcmp(key, named.name.data(), named.name.size()) == 0 &&
          key[named.name.size()] == '"') {
        named.token = token;
        break;
      }
    }
  }
  return DecodeError::none;
}

inline constexpr auto no_named_containers = [](const char*, ondemand::value&) {
  return DecodeError::none;
};

// ---- Whole answers ------------------------------------------------------------------------------

/// Runs `decode`; puts the output back to where it was when that fails.
template <class Decode>
DecodeError all_or_nothing(Output output, Decode&& decode) {
  const std::size_t events = output.events.size();
  const std::size_t remarks = output.remarks.size();
  const DecodeError error = decode();
  if (error != DecodeError::none) [[unlikely]] {
    output.events.erase(output.events.begin() + static_cast<std::ptrdiff_t>(events),
                        output.events.end());
    output.remarks.erase(output.remarks.begin() + static_cast<std::ptrdiff_t>(remarks),
                         output.remarks.end());
  }
  return error;
}

/// Calls `row(object)` for every object of an array, or for the one object that stands there.
template <class Row>
DecodeError each_object(Impl& impl, std::string_view result, Row&& row) {
  HALCYON_WANT(!result.empty(), DecodeError::missing_field);
  ondemand::document document;
  HALCYON_TRY(open(impl, result, document));
  if (result.front() == '[') {
    ondemand::array array;
    HALCYON_TRY_JSON(document.get_array().get(array));
    for (auto item : array) {
      ondemand::object object;
      HALCYON_TRY_JSON(item.get_object().get(object));
      HALCYON_TRY(row(object));
    }
  } else {
    ondemand::object object;
    HALCYON_TRY_JSON(document.get_object().get(object));
    HALCYON_TRY(row(object));
  }
  HALCYON_WANT(is_at_end(document), DecodeError::not_json);
  return DecodeError::none;
}

}  // namespace halcyon::gateways
