#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <type_traits>

namespace halcyon::domain {

// Dense ids index tables. Their meaning is written as dictionary records at the head of every
// journal segment (see catalog.h), so a number never changes what it names.
enum class VenueId : std::uint16_t {};
enum class AccountId : std::uint16_t {};
enum class StrategyId : std::uint16_t {};
enum class AssetId : std::uint16_t {};
enum class InstrumentId : std::uint32_t {};
enum class UserId : std::uint32_t {};

/// The id that names nothing: the greatest value of its type.
template <class Id>
inline constexpr Id no = static_cast<Id>(~std::underlying_type_t<Id>{0});

/// The id as an index into a table.
template <class Id>
requires std::is_enum_v<Id>
constexpr std::size_t index_of(Id id) { return static_cast<std::size_t>(id); }

/// The user on whose behalf the daemon acts by itself (configuration, strategies).
inline constexpr UserId daemon_user{0};

/// An order, or a request about one, as we name it: the second of the daemon's start and a counter
/// that starts at 1. Never reused: see design "Orders". The text that a venue sees is made by
/// client_order_id.h.
struct OrderId {
  std::uint32_t epoch = 0;
  std::uint32_t counter = 0;

  constexpr bool is_none() const { return epoch == 0 && counter == 0; }
  constexpr std::uint64_t packed() const {
    return (static_cast<std::uint64_t>(epoch) << 32) | counter;
  }
  static constexpr OrderId unpack(std::uint64_t packed) {
    return {static_cast<std::uint32_t>(packed >> 32), static_cast<std::uint32_t>(packed)};
  }
  friend constexpr auto operator<=>(const OrderId&, const OrderId&) = default;
};

/// A request (place, cancel, amend, query) has an id of the same sequence; the request that places
/// an order bears the order's own id.
using RequestId = OrderId;

/// An id that the venue gave, in binary: a 64-bit number (Binance; `high` is 0) or a UUID
/// (Coinbase, Alpaca; big-endian halves). 0 is a valid number, so "none" is all ones.
struct ForeignId {
  std::uint64_t high = ~std::uint64_t{0};
  std::uint64_t low = ~std::uint64_t{0};

  static constexpr ForeignId number(std::uint64_t value) { return {0, value}; }
  constexpr bool is_none() const { return high == ~std::uint64_t{0} && low == ~std::uint64_t{0}; }
  friend constexpr auto operator<=>(const ForeignId&, const ForeignId&) = default;
};

/// Mixes 64 bits for hash tables (the finaliser of SplitMix64).
constexpr std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 30;
  value *= 0xbf58476d1ce4e5b9ULL;
  value ^= value >> 27;
  value *= 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

}  // namespace halcyon::domain

template <>
struct std::hash<halcyon::domain::OrderId> {
  std::size_t operator()(const halcyon::domain::OrderId& id) const noexcept {
    return halcyon::domain::mix(id.packed());
  }
};
template <>
struct std::hash<halcyon::domain::ForeignId> {
  std::size_t operator()(const halcyon::domain::ForeignId& id) const noexcept {
    return halcyon::domain::mix(id.high ^ halcyon::domain::mix(id.low));
  }
};
