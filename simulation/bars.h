#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "simulation/matching.h"

namespace halcyon::simulation {

/// A candle. Without trades: all prices are the last close, ids are -1.
struct Bar {
  Timestamp open_time{};
  Timestamp close_time{};  ///< of the interval: the next one's opening
  Price open, high, low, close;
  Quantity volume, taker_buy_volume;
  Money quote_volume, taker_buy_quote;
  std::uint64_t trades = 0;
  std::int64_t first_trade_id = -1;
  std::int64_t last_trade_id = -1;
};

/// The venue's names of lengths: 1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M.
std::optional<domain::Timeframe> parse_interval(std::string_view name);
/// The interval that holds `time`: weeks begin on Monday, months on the first, UTC.
Timestamp interval_start(domain::Timeframe interval, Timestamp time);
Timestamp interval_end(domain::Timeframe interval, Timestamp start);

/// Candles from trades: bars of one second, made into longer ones when asked.
class Bars {
 public:
  static constexpr std::size_t max_seconds = 400'000;  ///< the oldest are forgotten beyond

  void add(const TradeEvent& trade);

  /// Bars of the interval that open in [from, to], oldest first; the newest `limit` of them, or
  /// the oldest where `from_start`. Only intervals from the first trade on, up to `now`.
  std::vector<Bar> read(domain::Timeframe interval, Timestamp from, Timestamp to, std::size_t limit,
                        bool from_start, Timestamp now) const;
  /// The bar of the interval that holds `time`; empty before the first trade.
  std::optional<Bar> at(domain::Timeframe interval, Timestamp time) const;

 private:
  Bar collect(Timestamp start, Timestamp end) const;

  std::deque<Bar> seconds_;  ///< only seconds with trades
};

}  // namespace halcyon::simulation
