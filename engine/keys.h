#pragma once

#include <cstdint>
#include <functional>

#include "domain/ids.h"

namespace halcyon::engine {

/// A key of up to 64 bits, made of dense ids.
struct PackedKey {
  std::uint64_t bits = 0;
  friend constexpr bool operator==(PackedKey, PackedKey) = default;
};

/// A position: account, strategy and instrument.
constexpr PackedKey key_of(domain::AccountId account, domain::StrategyId strategy,
                           domain::InstrumentId instrument) {
  return {(static_cast<std::uint64_t>(account) << 48) |
          (static_cast<std::uint64_t>(strategy) << 32) | static_cast<std::uint64_t>(instrument)};
}
constexpr PackedKey key_of(domain::AccountId account, domain::InstrumentId instrument) {
  return key_of(account, domain::no<domain::StrategyId>, instrument);
}
constexpr PackedKey key_of(domain::AccountId account, domain::StrategyId strategy) {
  return key_of(account, strategy, domain::no<domain::InstrumentId>);
}
constexpr PackedKey key_of(domain::AccountId account, domain::AssetId asset) {
  return {(static_cast<std::uint64_t>(account) << 48) | static_cast<std::uint64_t>(asset)};
}

/// What a venue named: its numbers may repeat between instruments (Binance) and accounts.
struct ForeignKey {
  domain::AccountId account = domain::no<domain::AccountId>;
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  domain::ForeignId id;
  friend constexpr bool operator==(const ForeignKey&, const ForeignKey&) = default;
};

}  // namespace halcyon::engine

template <>
struct std::hash<halcyon::engine::PackedKey> {
  std::size_t operator()(halcyon::engine::PackedKey key) const noexcept {
    return halcyon::domain::mix(key.bits);
  }
};
template <>
struct std::hash<halcyon::engine::ForeignKey> {
  std::size_t operator()(const halcyon::engine::ForeignKey& key) const noexcept {
    const auto place = halcyon::engine::key_of(key.account, key.instrument);
    return halcyon::domain::mix(place.bits ^ std::hash<halcyon::domain::ForeignId>{}(key.id));
  }
};
