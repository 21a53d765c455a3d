#pragma once

// For decode_*.cpp only: what is Binance's own in reading its JSON.

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "gateways/binance/decode.h"
#include "gateways/json_text.h"

namespace halcyon::gateways::binance {

// ---- Objects whose keys are single letters ------------------------------------------------------

/// Where each field's value begins, by its letter. Order does not matter, repeats win, everything
/// with a longer name is skipped.
struct Letters {
  std::array<const char*, 'z' - 'A' + 1> at;  // read only where `seen` says so
  std::uint64_t seen;
  const char* expiry_reason;  ///< "eR"

  Letters() : seen(0), expiry_reason(nullptr) {}

  static constexpr std::uint64_t bit(char letter) {
    return std::uint64_t{1} << static_cast<unsigned>(letter - 'A');
  }
  template <class... Letter>
  static constexpr std::uint64_t bits(Letter... letter) {
    return (bit(letter) | ...);
  }
  bool has(char letter) const { return (seen & bit(letter)) != 0; }
  bool has_all(std::uint64_t wanted) const { return (seen & wanted) == wanted; }
  const char* operator[](char letter) const { return at[static_cast<std::size_t>(letter - 'A')]; }
};

/// Reads an object to its end. `container(letter, value)` is called for arrays and objects.
template <class Container>
DecodeError read_letters(ondemand::object& object, Letters& letters, Container&& container) {
  for (auto item : object) {
    ondemand::field field;
    HALCYON_TRY_JSON(std::move(item).get(field));
    const char* key = field.key().raw();
    const auto index = static_cast<unsigned>(static_cast<unsigned char>(key[0])) - 'A';
    if (key[1] != '"') {
      if (key[0] == 'e' && key[1] == 'R' && key[2] == '"') {
        letters.expiry_reason = field.value().raw_json_token().data();
      }
      continue;
    }
    if (index >= letters.at.size()) continue;
    const char* token = field.value().raw_json_token().data();
    if (*token == '[' || *token == '{') {
      HALCYON_TRY(container(key[0], field.value()));
      continue;
    }
    letters.at[index] = token;
    letters.seen |= std::uint64_t{1} << index;
  }
  return DecodeError::none;
}

inline constexpr auto no_containers = [](char, ondemand::value&) { return DecodeError::none; };

// ---- What several kinds share ------------------------------------------------------------------

inline DecodeError find_instrument(Impl& impl, const Symbols& symbols, const char* token,
                                   domain::InstrumentId& out) {
  std::string_view symbol;
  HALCYON_WANT(read_text(impl, token, symbol), DecodeError::wrong_type);
  out = symbols.instrument(symbol);
  return out == domain::no<domain::InstrumentId> ? DecodeError::unknown_symbol : DecodeError::none;
}

/// An error object, or the flat shape of control errors.
struct ErrorFields {
  std::int32_t code = 0;
  std::string_view text;
  bool has_code = false;
};

inline DecodeError read_code(const char* token, ErrorFields& out) {
  std::int64_t code = 0;
  HALCYON_WANT(read_signed(token, code), bad_integer(token));
  HALCYON_WANT(code >= INT32_MIN && code <= INT32_MAX, DecodeError::bad_number);
  out.code = static_cast<std::int32_t>(code);
  out.has_code = true;
  return DecodeError::none;
}

inline DecodeError read_error(Impl& impl, ondemand::value& value, ErrorFields& out,
                              Response* response) {
  ondemand::object object;
  HALCYON_TRY_JSON(value.get_object().get(object));
  Named fields[] = {{"code"}, {"msg"}};
  HALCYON_TRY(read_named(object, fields, [&](const char* key, ondemand::value& inner) {
    if (response == nullptr || !is(key, "data")) return DecodeError::none;
    if (*inner.raw_json_token().data() != '{') return DecodeError::none;
    ondemand::object data;
    HALCYON_TRY_JSON(inner.get_object().get(data));
    HALCYON_TRY_JSON(data.raw_json().get(response->error_data));
    bool has_fields = false;
    HALCYON_TRY_JSON(data.reset().get(has_fields));
    Named times[] = {{"serverTime"}, {"retryAfter"}};
    HALCYON_TRY(read_named(data, times, no_named_containers));
    if (times[0].token != nullptr) {
      HALCYON_WANT(read_signed(times[0].token, response->server_time_ms),
                   bad_integer(times[0].token));
    }
    if (times[1].token != nullptr) {
      HALCYON_WANT(read_signed(times[1].token, response->retry_after_ms),
                   bad_integer(times[1].token));
    }
    return DecodeError::none;
  }));
  if (fields[0].token != nullptr) HALCYON_TRY(read_code(fields[0].token, out));
  if (fields[1].token != nullptr) {
    HALCYON_WANT(read_text(impl, fields[1].token, out.text), DecodeError::wrong_type);
  }
  return DecodeError::none;
}

struct RateLimitRow {
  std::string_view type, interval;
  std::uint64_t interval_count = 0;
  std::int64_t limit = -1, count = -1;
  bool is_complete = false;
};

inline DecodeError read_rate_limit(Impl& impl, ondemand::object& object, RateLimitRow& row) {
  Named fields[] = {{"rateLimitType"}, {"interval"}, {"intervalNum"}, {"limit"}, {"count"}};
  HALCYON_TRY(read_named(object, fields, no_named_containers));
  // A documented sample has an empty object here; a row that says too little says nothing.
  if (fields[0].token == nullptr || fields[1].token == nullptr || fields[2].token == nullptr ||
      fields[3].token == nullptr) {
    return DecodeError::none;
  }
  HALCYON_WANT(read_text(impl, fields[0].token, row.type), DecodeError::wrong_type);
  HALCYON_WANT(read_text(impl, fields[1].token, row.interval), DecodeError::wrong_type);
  HALCYON_WANT(read_unsigned(fields[2].token, row.interval_count), bad_integer(fields[2].token));
  HALCYON_WANT(read_signed(fields[3].token, row.limit), bad_integer(fields[3].token));
  if (fields[4].token != nullptr) {
    HALCYON_WANT(read_signed(fields[4].token, row.count), bad_integer(fields[4].token));
  }
  row.is_complete = true;
  return DecodeError::none;
}

}  // namespace halcyon::gateways::binance
