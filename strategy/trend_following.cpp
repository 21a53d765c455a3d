#include "strategy/trend_following.h"

#include <algorithm>

namespace halcyon::strategy {

std::unique_ptr<TrendFollowing> TrendFollowing::make(
    const config::Strategy& settings, const std::vector<domain::InstrumentId>& instruments,
    std::string& error) {
  if (settings.fast_period < 1 || settings.fast_period >= settings.slow_period ||
      settings.slow_period > max_period) {
    error = "strategy " + settings.name + ": fast_period " + std::to_string(settings.fast_period) +
            " and slow_period " + std::to_string(settings.slow_period) +
            " do not fit; fast_period is at least 1, below slow_period, and slow_period at most " +
            std::to_string(max_period);
    return nullptr;
  }
  return std::unique_ptr<TrendFollowing>{new TrendFollowing{settings, instruments}};
}

TrendFollowing::TrendFollowing(const config::Strategy& settings,
                               const std::vector<domain::InstrumentId>& instruments) {
  trends_.reserve(instruments.size());
  for (const domain::InstrumentId instrument : instruments) {
    trends_.push_back(
        {instrument,
         MovingAverage{settings.average, static_cast<std::size_t>(settings.fast_period)},
         MovingAverage{settings.average, static_cast<std::size_t>(settings.slow_period)},
         {},
         {},
         {}});
  }
}

void TrendFollowing::on_candle(domain::InstrumentId instrument, const Candle& candle, bool warm_up,
                               std::vector<Target>& targets) {
  const auto trend = std::find_if(trends_.begin(), trends_.end(), [instrument](const Trend& one) {
    return one.instrument == instrument;
  });
  if (trend == trends_.end()) return;
  if (trend->last_open && candle.open_time <= *trend->last_open) return;
  trend->last_open = candle.open_time;
  trend->fast.add(candle.close);
  trend->slow.add(candle.close);
  if (!candle.complete || !trend->slow.is_ready()) return;

  const domain::Int128 fast = trend->fast.fine();
  const domain::Int128 slow = trend->slow.fine();
  const std::optional<Relation> before = trend->relation;
  if (fast > slow) trend->relation = Relation::above;
  if (fast < slow) trend->relation = Relation::below;
  if (fast == slow && !before) trend->relation = Relation::level;
  if (warm_up) return;

  const auto want = [&](std::int32_t weight_pct, std::string_view why) {
    if (trend->wanted == weight_pct) return;
    trend->wanted = weight_pct;
    targets.push_back({instrument, weight_pct, why});
  };
  if (trend->relation == Relation::below) {
    want(0, "fast average below slow");
  } else if (trend->relation == Relation::above && before && before != Relation::above) {
    want(100, "fast average crossed above slow");
  }
}

}  // namespace halcyon::strategy
