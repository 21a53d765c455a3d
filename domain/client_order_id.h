#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/ids.h"

namespace halcyon::domain {

/// Binance and Coinbase take 36 characters, Alpaca more.
inline constexpr std::size_t max_client_order_id = 36;

/// `daemon-account-epoch-counter`, the two numbers in base 32: at most seven digits each, so the
/// two names together may have 19 characters. An account's name has no '-', so that the text has
/// one reading only.
inline constexpr std::size_t max_names_in_client_order_id = 19;

namespace detail {

inline constexpr std::string_view base32 = "0123456789abcdefghjkmnpqrstvwxyz";

/// The digit behind each character: every private event of a venue is looked up by it.
inline constexpr std::uint8_t not_base32 = 0xFF;
inline constexpr auto base32_digits = [] {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(not_base32);
  for (std::size_t digit = 0; digit < base32.size(); ++digit) {
    digits[static_cast<unsigned char>(base32[digit])] = static_cast<std::uint8_t>(digit);
  }
  return digits;
}();

constexpr char* print_base32(std::uint32_t value, char* out) {
  std::array<char, 7> digits{};
  std::size_t count = 0;
  do {
    digits[count++] = base32[value & 31U];
    value >>= 5;
  } while (value != 0);
  while (count > 0) *out++ = digits[--count];
  return out;
}

constexpr std::optional<std::uint32_t> parse_base32(std::string_view text) {
  if (text.empty() || text.size() > 7 || (text.size() > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  for (const char character : text) {
    const std::uint8_t digit = base32_digits[static_cast<unsigned char>(character)];
    if (digit == not_base32) return std::nullopt;
    value = value * 32 + digit;
  }
  if (value > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(value);
}

}  // namespace detail

/// Writes the id that the venue sees and returns the end; `out` has room for
/// `max_client_order_id`. `prefix` is "daemon-account-", at most 21 characters. Does not allocate.
constexpr char* print_client_order_id(std::string_view prefix, OrderId id, char* out) {
  for (const char character : prefix) *out++ = character;
  out = detail::print_base32(id.epoch, out);
  *out++ = '-';
  return detail::print_base32(id.counter, out);
}

/// The id behind a text with this prefix; empty when it is not one of ours.
constexpr std::optional<OrderId> parse_client_order_id(std::string_view prefix,
                                                       std::string_view text) {
  if (!text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto epoch = detail::parse_base32(text.substr(0, dash));
  const auto counter = detail::parse_base32(text.substr(dash + 1));
  if (!epoch || !counter) return std::nullopt;
  const OrderId id{*epoch, *counter};
  return id.is_none() ? std::nullopt : std::optional{id};
}

}  // namespace halcyon::domain
