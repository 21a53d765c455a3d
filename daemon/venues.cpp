#include "daemon/venues.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "gateways/binance/binance.h"
#include "gateways/coinbase/coinbase.h"
#include "gateways/keyless_session.h"

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

/// The candles that strategies want of a venue, each series once, with as much of the past as the
/// one that needs most.
std::vector<gateways::SeriesWish> series_of(const config::Config& config,
                                            const domain::Catalog& catalog,
                                            const config::Venue& venue) {
  std::vector<gateways::SeriesWish> wishes;
  for (const auto& strategy : config.strategies) {
    const std::uint32_t past = strategy::warm_up_candles(strategy);
    for (const std::string& written : strategy.instruments) {
      if (config::find_venue(config, written) != &venue) continue;
      const auto instrument = catalog.find_instrument(catalog.find_venue(venue.name).value(),
                                                      config::symbol_of(written));
      const auto same = std::find_if(wishes.begin(), wishes.end(), [&](const auto& wish) {
        return wish.instrument == *instrument && wish.timeframe == strategy.timeframe;
      });
      if (same == wishes.end()) {
        wishes.push_back({*instrument, strategy.timeframe, past});
      } else {
        same->past = std::max(same->past, past);
      }
    }
  }
  return wishes;
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
                                         const domain::Catalog& catalog,
                                         const std::vector<std::string>& without_keys) {
  std::vector<VenueSessions> venues;
  for (const auto& settings : config.venues) {
    const bool is_coinbase = settings.kind == config::VenueKind::coinbase;
    if (settings.kind != config::VenueKind::binance && !is_coinbase) {
      throw std::runtime_error(
          fmt::format("venues.{}: this kind is not served yet", settings.name));
    }
    VenueSessions& venue = venues.emplace_back();
    venue.venue = catalog.find_venue(settings.name).value();
    venue.settings = &settings;
    for (const auto& account : config.accounts) {
      if (account.venue != settings.name || account.mode != config::AccountMode::live) continue;
      const std::uint64_t seed = seed_of(config.daemon.name, account.name);
      const std::string& name = config.daemon.name;
      if (std::find(without_keys.begin(), without_keys.end(), account.name) != without_keys.end()) {
        const auto id = catalog.find_account(account.name).value();
        venue.orders.push_back({id, std::make_unique<gateways::KeylessSession>(venue.venue, id)});
        continue;
      }
      venue.orders.push_back(
          {catalog.find_account(account.name).value(),
           is_coinbase
               ? gateways::coinbase::make_order_session(settings, account, catalog, name, seed)
               : gateways::binance::make_order_session(settings, account, catalog, name, seed)});
    }
    if (settings.instruments.empty()) continue;
    const std::uint64_t seed = seed_of(config.daemon.name, settings.name);
    venue.market =
        is_coinbase
            ? gateways::coinbase::make_market_session(settings, catalog, seed, venue.orders.empty())
            : gateways::binance::make_market_session(settings, catalog, seed, venue.orders.empty(),
                                                     series_of(config, catalog, settings));
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
    } else if (venue.kind == config::VenueKind::coinbase) {
      abilities.at(domain::index_of(id)) = gateways::coinbase::order_abilities();
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
    } else if (venue.kind == config::VenueKind::coinbase) {
      rules.at(domain::index_of(id)) = gateways::coinbase::visibility_rule();
    }
  }
  return rules;
}

engine::Setup engine_setup(const config::Config& config, const domain::Catalog& catalog) {
  engine::Setup setup;
  setup.config = &config;
  setup.catalog = &catalog;
  setup.visibility = visibility_rules(config, catalog);
  setup.abilities = order_abilities(config, catalog);
  setup.market_abilities.resize(catalog.instruments().size());
  for (const auto& venue : config.venues) {
    for (const std::string& symbol : venue.instruments) {
      const auto id = catalog.find_instrument(catalog.find_venue(venue.name).value(), symbol);
      if (!id || venue.kind != config::VenueKind::binance) continue;
      setup.market_abilities.at(domain::index_of(*id)) =
          gateways::binance::market_abilities(venue, symbol);
    }
  }
  return setup;
}

}  // namespace halcyon::daemon
