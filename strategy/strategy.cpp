#include "strategy/strategy.h"

#include "domain/enum_name.h"
#include "strategy/trend_following.h"

namespace halcyon::strategy {

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
