#include "daemon/venues.h"

#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "gateways/binance/binance.h"

namespace halcyon::daemon {

namespace {

/// Sessions back off with jitter, so that many do not come back at once; equal names give equal
/// jitter, so that a run can be repeated.
std::uint64_t seed_of(std::string_view daemon, std::string_view session) {
  std::uint64_t seed = 0;
  for (const std::string_view text : {daemon, session}) {
    for (const char character : text) {
      seed = domain::mix(seed ^ static_cast<unsigned char>(character));
    }
  }
  return seed;
}

}  // namespace

void name_venue_assets(const config::Config& config, domain::Catalog& catalog) {
  for (const auto& venue : config.venues) {
    if (venue.kind == config::VenueKind::binance) {
      catalog.asset(gateways::binance::fee_discount_asset(), domain::AssetClass::crypto);
    }
  }
}

std::vector<VenueSessions> make_sessions(const config::Config& config,
                                         const domain::Catalog& catalog) {
  std::vector<VenueSessions> venues;
  for (const auto& settings : config.venues) {
    if (settings.kind != config::VenueKind::binance) {
      throw std::runtime_error(
          fmt::format("venues.{}: this kind is not served yet", settings.name));
    }
    VenueSessions& venue = venues.emplace_back();
    venue.venue = catalog.find_venue(settings.name).value();
    venue.settings = &settings;
    for (const auto& account : config.accounts) {
      if (account.venue != settings.name || account.mode != config::AccountMode::live) continue;
      venue.orders.push_back(
          {catalog.find_account(account.name).value(),
           gateways::binance::make_order_session(settings, account, catalog, config.daemon.name,
                                                 seed_of(config.daemon.name, account.name))});
    }
    if (!settings.instruments.empty()) {
      venue.market = gateways::binance::make_market_session(
          settings, catalog, seed_of(config.daemon.name, settings.name), venue.orders.empty());
    }
  }
  return venues;
}

std::vector<domain::OrderAbilities> order_abilities(const config::Config& config,
                                                    const domain::Catalog& catalog) {
  std::vector<domain::OrderAbilities> abilities(catalog.venues().size());
  for (const auto& venue : config.venues) {
    const auto id = catalog.find_venue(venue.name).value();
    if (venue.kind == config::VenueKind::binance) {
      abilities.at(domain::index_of(id)) = gateways::binance::order_abilities();
    }
  }
  return abilities;
}

std::vector<domain::VisibilityRule> visibility_rules(const config::Config& config,
                                                     const domain::Catalog& catalog) {
  std::vector<domain::VisibilityRule> rules(catalog.venues().size());
  for (const auto& venue : config.venues) {
    const auto id = catalog.find_venue(venue.name).value();
    if (venue.kind == config::VenueKind::binance) {
      rules.at(domain::index_of(id)) = gateways::binance::visibility_rule();
    }
  }
  return rules;
}

}  // namespace halcyon::daemon
