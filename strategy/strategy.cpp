#include "strategy/strategy.h"

#include <algorithm>

#include "domain/enum_name.h"
#include "strategy/trend_following.h"

namespace halcyon::strategy {

std::uint32_t warm_up_candles(const config::Strategy& settings) {
  // An exponential average has forgotten where it began after some of its lengths.
  constexpr std::uint32_t lengths = 4;
  const auto slow = static_cast<std::uint32_t>(std::max(settings.slow_period, 1));
  return settings.average == config::Average::exponential ? slow * lengths : slow;
}

std::unique_ptr<Strategy> make(const config::Strategy& settings,
                               const std::vector<domain::InstrumentId>& instruments,
                               std::string& error) {
  const auto type = domain::enum_parse<config::StrategyType>(settings.type);
  if (!type) {
    error = "strategy " + settings.name + ": type \"" + settings.type +
            "\" is not known; use trend_following";
    return nullptr;
  }
  if (*type != config::StrategyType::trend_following) {
    error = "strategy " + settings.name + ": type \"" + settings.type +
            "\" is not served yet; use trend_following";
    return nullptr;
  }
  return TrendFollowing::make(settings, instruments, error);
}

}  // namespace halcyon::strategy
