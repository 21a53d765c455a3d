#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "config/config.h"
#include "domain/catalog.h"
#include "domain/command.h"
#include "gateways/session.h"

namespace halcyon::gateways::coinbase {

// What the daemon needs of this folder. Both factories throw std::runtime_error with words that
// name the setting, the file and the mend; they read files and open no connection.

/// Public data of one venue. `measure_clock`: whether it also measures the venue's clock by REST,
/// for a venue without a live account.
std::unique_ptr<Session> make_market_session(const config::Venue& venue,
                                             const domain::Catalog& catalog,
                                             std::uint64_t jitter_seed, bool measure_clock = false);

/// Orders and private events of one live account. Reads the private key (private_key_file) and its
/// name (api_key_file, or the JSON key file itself).
std::unique_ptr<Session> make_order_session(const config::Venue& venue,
                                            const config::Account& account,
                                            const domain::Catalog& catalog,
                                            std::string_view daemon_name,
                                            std::uint64_t jitter_seed);

/// The venue states no time after which a request is too late, and an order can be missing from
/// reads for an instant after its creation (section 7). So: 30 s, in which a gateway of the venue
/// has long given up, and three "no such order" in a row.
domain::VisibilityRule visibility_rule();

/// Sections 7 and 13. Plain stops and trailing stops are the engine's; whether spot takes stop
/// limits is unverified, and a refusal is told as order_type_not_supported.
domain::OrderAbilities order_abilities();

}  // namespace halcyon::gateways::coinbase
