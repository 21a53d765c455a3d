#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "domain/catalog.h"
#include "domain/command.h"
#include "gateways/session.h"

namespace halcyon::gateways::binance {

// What the daemon needs of this folder. Both factories throw std::runtime_error with words that
// name the setting, the file and the mend; they read files and open no connection.

/// Public data of one venue. `measure_clock`: whether it also measures the venue's clock by REST,
/// for a venue without a live account (an order session measures it better). `series`: whose past
/// is told at the start, and with the channel klines what closes.
std::unique_ptr<Session> make_market_session(const config::Venue& venue,
                                             const domain::Catalog& catalog,
                                             std::uint64_t jitter_seed, bool measure_clock = false,
                                             std::vector<SeriesWish> series = {});

/// Orders and private events of one live account. Reads the API key and the private key (or, with
/// `api_secret_file`, the HMAC secret; then each request is signed).
std::unique_ptr<Session> make_order_session(const config::Venue& venue,
                                            const config::Account& account,
                                            const domain::Catalog& catalog,
                                            std::string_view daemon_name,
                                            std::uint64_t jitter_seed);

/// Section 16: the engine cannot accept a request after its timestamp and recvWindow (5 s), and
/// reads may lag behind (5 s more); after that two "no such order" in a row are believed. A request
/// is unknown after 12 s, because the venue itself gives up after 10 s.
domain::VisibilityRule visibility_rule();

/// What Spot does by itself (sections 10 and 11). `day` and `gtd` are the engine's.
domain::OrderAbilities order_abilities();

/// What a market session of the venue tells of an instrument beside trades.
domain::MarketAbilities market_abilities(const config::Venue& venue, const std::string& symbol);

/// The asset in which Binance takes fees when the account chose so. Whoever makes the catalog adds
/// it, so that a fee never is of an unknown asset.
std::string_view fee_discount_asset();

}  // namespace halcyon::gateways::binance
