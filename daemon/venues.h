#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "domain/catalog.h"
#include "domain/command.h"
#include "engine/engine.h"
#include "gateways/session.h"

namespace halcyon::daemon {

/// The sessions of one configured venue.
struct VenueSessions {
  struct Orders {
    domain::AccountId account = domain::no<domain::AccountId>;
    std::unique_ptr<gateways::Session> session;
  };
  domain::VenueId venue = domain::no<domain::VenueId>;
  const config::Venue* settings = nullptr;
  std::unique_ptr<gateways::Session> market;
  std::vector<Orders> orders;  ///< one a live account
};

/// Adds the assets that a venue may name although no instrument does (fees).
void name_venue_assets(const config::Config& config, domain::Catalog& catalog);

/// Makes the sessions of every configured venue: the only place that knows which kinds there are.
/// `catalog` and `config` outlive them. Throws std::runtime_error with words (a key file that
/// cannot be read). Accounts in `without_keys` get a session that never connects.
std::vector<VenueSessions> make_sessions(const config::Config& config,
                                         const domain::Catalog& catalog,
                                         const std::vector<std::string>& without_keys = {});

/// By VenueId, for the engine.
std::vector<domain::OrderAbilities> order_abilities(const config::Config& config,
                                                    const domain::Catalog& catalog);

/// By VenueId, for the engine.
std::vector<domain::VisibilityRule> visibility_rules(const config::Config& config,
                                                     const domain::Catalog& catalog);

/// What an engine is made from: the daemon's, and a replay's, which has to decide the same.
engine::Setup engine_setup(const config::Config& config, const domain::Catalog& catalog);

}  // namespace halcyon::daemon
