#pragma once

// For decode_*.cpp only: an order's fields, which have one meaning and two spellings.

#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/client_order_id.h"
#include "gateways/coinbase/decode.h"
#include "gateways/json_text.h"

namespace halcyon::gateways::coinbase {

/// Decimals of any length, as averages and totals have them, rounded half to even to 10^-9. Empty
/// text and null are zero: the venue writes them for "none".
template <class Amount>
bool read_rounded(const char* token, Amount& out) {
  out = Amount{};
  if (is_null(token)) return true;
  if (*token != '"') return false;
  ++token;
  if (*token == '"') return true;
  const bool negative = *token == '-';
  if (negative) ++token;
  if (!gateways::detail::is_digit(*token)) return false;
  std::uint64_t units = 0;
  for (int count = 0; gateways::detail::is_digit(*token); ++token, ++count) {
    if (count == 18) return false;
    units = units * 10 + static_cast<std::uint64_t>(*token - '0');
  }
  std::uint64_t parts = 0;
  int places = 0;
  int next = -1;  // the first digit that is cut off
  bool has_more = false;
  if (*token == '.') {
    ++token;
    if (!gateways::detail::is_digit(*token)) return false;
    for (int count = 0; gateways::detail::is_digit(*token); ++token, ++count) {
      if (count == 60) return false;
      const int digit = *token - '0';
      if (places < domain::decimal_places) {
        parts = parts * 10 + static_cast<std::uint64_t>(digit);
        ++places;
      } else if (next < 0) {
        next = digit;
      } else {
        has_more = has_more || digit != 0;
      }
    }
  }
  if (*token != '"') return false;
  for (; places < domain::decimal_places; ++places) parts *= 10;
  domain::Int128 raw = static_cast<domain::Int128>(units) * domain::decimal_scale +
                       static_cast<domain::Int128>(parts);
  if (next > 5 || (next == 5 && (has_more || raw % 2 != 0))) ++raw;
  if (negative) raw = -raw;
  if constexpr (sizeof(typename Amount::Raw) == 8) {
    if (raw > INT64_MAX || raw < INT64_MIN) return false;
  }
  out = Amount::from_raw(static_cast<typename Amount::Raw>(raw));
  return true;
}

/// A counter as a number or as a text of one.
inline bool read_count(const char* token, std::uint64_t& out) {
  if (*token != '"') return read_unsigned(token, out);
  out = 0;
  int count = 0;
  for (++token; gateways::detail::is_digit(*token); ++token) {
    if (++count > 18) return false;
    out = out * 10 + static_cast<std::uint64_t>(*token - '0');
  }
  return *token == '"' && count > 0;
}

/// `true`, or "true" in quotes: the venue writes both.
inline bool read_flag(const char* token, bool& out) {
  if (is_word(token, "true") || is_word(token, "false")) {
    out = is_word(token, "true");
    return true;
  }
  return read_bool(token, out);
}

inline OrderWord read_status(const char* token) {
  if (is_word(token, "OPEN")) return OrderWord::open;
  if (is_word(token, "FILLED")) return OrderWord::filled;
  if (is_word(token, "CANCELLED")) return OrderWord::cancelled;
  if (is_word(token, "PENDING")) return OrderWord::pending;
  if (is_word(token, "QUEUED")) return OrderWord::queued;
  if (is_word(token, "CANCEL_QUEUED")) return OrderWord::cancel_queued;
  if (is_word(token, "EDIT_QUEUED")) return OrderWord::edit_queued;
  if (is_word(token, "EXPIRED")) return OrderWord::expired;
  if (is_word(token, "FAILED")) return OrderWord::failed;
  return OrderWord::unknown;
}

/// Upper case or title case, with a blank or an underscore between the words.
inline bool is_folded(std::string_view text, std::string_view word) {
  if (text.size() != word.size()) return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    char character = text[at];
    if (character >= 'a' && character <= 'z') character = static_cast<char>(character - 'a' + 'A');
    if (character == ' ') character = '_';
    if (character != word[at]) return false;
  }
  return true;
}

inline bool read_order_type(std::string_view text, domain::OrderType& out) {
  if (is_folded(text, "LIMIT")) {
    out = domain::OrderType::limit;
  } else if (is_folded(text, "MARKET")) {
    out = domain::OrderType::market;
  } else if (is_folded(text, "STOP_LIMIT")) {
    out = domain::OrderType::stop_limit;
  } else if (is_folded(text, "BRACKET") || is_folded(text, "TAKE_PROFIT_STOP_LOSS")) {
    out = domain::OrderType::take_profit_limit;
  } else {
    return false;
  }
  return true;
}

inline bool read_time_in_force(const char* token, domain::TimeInForce& out) {
  using domain::TimeInForce;
  if (is_word(token, "GOOD_UNTIL_CANCELLED")) {
    out = TimeInForce::gtc;
  } else if (is_word(token, "IMMEDIATE_OR_CANCEL")) {
    out = TimeInForce::ioc;
  } else if (is_word(token, "FILL_OR_KILL")) {
    out = TimeInForce::fok;
  } else if (is_word(token, "GOOD_UNTIL_DATE_TIME")) {
    out = TimeInForce::gtd;
  } else {
    return false;
  }
  return true;
}

inline bool read_side(const char* token, domain::Side& out) {
  if (is_word(token, "BUY")) {
    out = domain::Side::buy;
  } else if (is_word(token, "SELL")) {
    out = domain::Side::sell;
  } else {
    return false;
  }
  return true;
}

/// Fields as they stand in both spellings; a null token is a field that is not there.
struct OrderTokens {
  const char* order_id = nullptr;
  const char* client_order_id = nullptr;
  const char* product_id = nullptr;
  const char* side = nullptr;
  const char* status = nullptr;
  const char* type = nullptr;
  const char* time_in_force = nullptr;
  const char* filled = nullptr;
  const char* filled_value = nullptr;
  const char* average = nullptr;
  const char* fees = nullptr;
  const char* fills = nullptr;
  const char* limit_price = nullptr;
  const char* stop_price = nullptr;
  const char* created = nullptr;
  const char* cancel_words = nullptr;
  const char* reject_words = nullptr;
};

/// Reads what both spellings share. `unknown_symbol`: an order on a product that is none of ours.
DecodeError read_order(Impl& impl, const OrderTokens& tokens, const Symbols& symbols,
                       const Identity& identity, OrderRow& row, std::uint32_t& unknown_words);

/// Copies a row of levels behind `events` as one run, bids first; an update without levels still
/// makes an event.
void append_levels(std::vector<domain::Event>& events, const domain::Event& head,
                   std::uint64_t update_id, const std::vector<domain::BookLevel>& bids,
                   const std::vector<domain::BookLevel>& asks);

}  // namespace halcyon::gateways::coinbase
