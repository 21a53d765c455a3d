#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "strategy/average.h"
#include "strategy/strategy.h"

namespace halcyon::strategy {

/// Follows the trend with two moving averages of closing prices, for each instrument by itself:
/// long with the whole capital from the candle at which the fast average has come above the slow
/// one, flat from the candle at which it has come below. Never short.
///
/// - Nothing is wanted before `slow_period` candles were seen.
/// - Long needs a cross: when the fast average is above already at the first sight of both, the
///   next cross is waited for. Flat needs none: when it is below at the first live candle, flat is
///   wanted (a cross that nobody saw, while the daemon was down, does not leave a position
///   behind).
/// - Equal averages are no cross: what was, stays. So a flat market moves nothing, and a rise out
///   of it is a cross.
/// - A candle that is not complete enters both averages with the close it has, so that a period
///   stays a stretch of time, but decides nothing. A cross in it is seen at the next complete one.
/// - A candle that does not come after the last one is left out.
/// - Warm-up candles fill the averages and are where a cross may be measured from; nothing is
///   wanted at one.
///
/// The averages are integers (average.h), so equal candles give equal targets everywhere.
class TrendFollowing final : public Strategy {
 public:
  /// Null, with words in `error`, when the periods do not fit: 1 <= fast < slow <= max_period.
  static std::unique_ptr<TrendFollowing> make(const config::Strategy& settings,
                                              const std::vector<domain::InstrumentId>& instruments,
                                              std::string& error);
  static constexpr std::int32_t max_period = 10'000;

  void on_candle(domain::InstrumentId instrument, const Candle& candle, bool warm_up,
                 std::vector<Target>& targets) override;

 private:
  enum class Relation : std::uint8_t { below, level, above };

  /// What is known of one instrument.
  struct Trend {
    domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
    MovingAverage fast, slow;
    std::optional<domain::Timestamp> last_open;
    std::optional<Relation> relation;    ///< at the last complete candle
    std::optional<std::int32_t> wanted;  ///< the weight of the last target
  };

  TrendFollowing(const config::Strategy& settings,
                 const std::vector<domain::InstrumentId>& instruments);

  std::vector<Trend> trends_;
};

}  // namespace halcyon::strategy
