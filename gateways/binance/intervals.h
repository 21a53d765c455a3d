#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/time.h"

namespace halcyon::gateways::binance {

/// A candle's length as the venue names it (section 3).
struct KlineInterval {
  std::string_view name;
  domain::Timeframe length;
};

/// Smallest first. Three days are left out: from which day they are counted is not stated.
inline constexpr std::array kline_intervals{
    KlineInterval{"1s", {1, domain::TimeUnit::second}},
    KlineInterval{"1m", {1, domain::TimeUnit::minute}},
    KlineInterval{"3m", {3, domain::TimeUnit::minute}},
    KlineInterval{"5m", {5, domain::TimeUnit::minute}},
    KlineInterval{"15m", {15, domain::TimeUnit::minute}},
    KlineInterval{"30m", {30, domain::TimeUnit::minute}},
    KlineInterval{"1h", {1, domain::TimeUnit::hour}},
    KlineInterval{"2h", {2, domain::TimeUnit::hour}},
    KlineInterval{"4h", {4, domain::TimeUnit::hour}},
    KlineInterval{"6h", {6, domain::TimeUnit::hour}},
    KlineInterval{"8h", {8, domain::TimeUnit::hour}},
    KlineInterval{"12h", {12, domain::TimeUnit::hour}},
    KlineInterval{"1d", {1, domain::TimeUnit::day}},
    KlineInterval{"1w", {1, domain::TimeUnit::week}},
    KlineInterval{"1M", {1, domain::TimeUnit::month}},
};

/// How many of `part` make one of `whole`; 0: none do. Weeks and months are made of their own kind
/// only.
constexpr std::uint32_t parts_of(domain::Timeframe whole, domain::Timeframe part) {
  using domain::TimeUnit;
  const auto seconds = [](domain::Timeframe length) -> std::uint32_t {
    constexpr std::array<std::uint32_t, 4> units{1, 60, 3600, 86'400};
    return units[static_cast<std::size_t>(length.unit)] * length.count;
  };
  if (whole.unit > TimeUnit::day || part.unit > TimeUnit::day) {
    return whole.unit == part.unit && whole.count % part.count == 0 ? whole.count / part.count : 0;
  }
  return seconds(whole) % seconds(part) == 0 ? seconds(whole) / seconds(part) : 0;
}

/// The longest interval of the venue's that a series can be made of.
constexpr std::optional<KlineInterval> interval_for(domain::Timeframe series) {
  std::optional<KlineInterval> best;
  for (const KlineInterval& interval : kline_intervals) {
    if (parts_of(series, interval.length) != 0) best = interval;
  }
  return best;
}
static_assert(interval_for({10, domain::TimeUnit::second})->name == "1s");
static_assert(interval_for({45, domain::TimeUnit::minute})->name == "15m");
static_assert(interval_for({3, domain::TimeUnit::day})->name == "1d");
static_assert(interval_for({2, domain::TimeUnit::week})->name == "1w");

}  // namespace halcyon::gateways::binance
