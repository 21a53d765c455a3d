#include "config/config.h"

#include <algorithm>

#include "domain/enum_name.h"

namespace halcyon::config {

const Venue* find_venue(const Config& config, std::string_view instrument) {
  const std::size_t colon = instrument.find(':');
  const std::string_view symbol = symbol_of(instrument);
  const Venue* found = nullptr;
  for (const Venue& venue : config.venues) {
    if (colon != std::string_view::npos && venue.name != instrument.substr(0, colon)) continue;
    if (std::find(venue.instruments.begin(), venue.instruments.end(), symbol) ==
        venue.instruments.end()) {
      continue;
    }
    if (found != nullptr) return nullptr;
    found = &venue;
  }
  return found;
}

const RiskLimits* instrument_limits(const Config& config, std::string_view venue,
                                    std::string_view symbol) {
  const auto& limits = config.risk.instruments;
  const std::string whole = std::string{venue} + ':' + std::string{symbol};
  if (const auto found = limits.find(whole); found != limits.end()) return &found->second;
  const auto found = limits.find(std::string{symbol});
  if (found == limits.end()) return nullptr;
  const Venue* owner = find_venue(config, symbol);
  return owner != nullptr && owner->name == venue ? &found->second : nullptr;
}

std::vector<std::string> not_served_yet(const Config& config) {
  std::vector<std::string> lines;
  const auto say = [&lines](std::string what, std::string_view mend) {
    lines.push_back(std::move(what) + ": not served yet; " + std::string{mend});
  };
  for (const Venue& venue : config.venues) {
    if (venue.kind == VenueKind::alpaca) {
      say("venues." + venue.name + ".kind = \"" + std::string{domain::enum_name(venue.kind)} + '"',
          "this version speaks to binance and coinbase");
    }
  }
  for (const Account& account : config.accounts) {
    if (account.mode == AccountMode::paper) {
      say("accounts." + account.name + ".mode = \"paper\"",
          "use mode = \"live\" on a venue with environment = \"simulator\" or \"testnet\"");
    }
    if (account.market != Market::spot) {
      say("accounts." + account.name + ".market = \"" +
              std::string{domain::enum_name(account.market)} + '"',
          "use market = \"spot\"");
    }
  }
  for (const Strategy& strategy : config.strategies) {
    if (strategy.type != domain::enum_name(StrategyType::trend_following)) {
      say("strategies." + strategy.name + ".type = \"" + strategy.type + '"',
          "this version knows trend_following");
    }
  }
  return lines;
}

}  // namespace halcyon::config
