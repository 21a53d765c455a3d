#include "gateways/binance/binance.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "config/secrets.h"
#include "domain/client_order_id.h"
#include "gateways/binance/market_session.h"
#include "gateways/binance/order_session.h"
#include "gateways/secret_file.h"
#include "gateways/transport/url.h"

namespace halcyon::gateways::binance {

namespace {

transport::Url address(const config::Venue& venue, std::string_view key, const std::string& text,
                       bool wants_websocket) {
  std::string error;
  const auto url = transport::parse_url(text, error);
  if (!url)
    throw std::runtime_error(fmt::format("venue {}: {} = '{}': {}", venue.name, key, text, error));
  if (url->is_websocket != wants_websocket) {
    throw std::runtime_error(fmt::format("venue {}: {} = '{}': must begin with {}", venue.name, key,
                                         text, wants_websocket ? "wss://" : "https://"));
  }
  return *url;
}

/// A path to put something behind: without the slash at its end.
std::string base_path(const Endpoint& endpoint) {
  std::string path = endpoint.path;
  while (!path.empty() && path.back() == '/') path.pop_back();
  return path;
}

domain::VenueId venue_id(const config::Venue& venue, const domain::Catalog& catalog) {
  const auto id = catalog.find_venue(venue.name);
  HALCYON_CHECK(id.has_value(), "the catalog names every configured venue");
  return *id;
}

/// Only what can stand in JSON and in a client order id without an escape (section 17).
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '-' || character == '_';
  });
}

Channels channels_of(const std::vector<config::Channel>& names) {
  const auto wants = [&names](config::Channel channel) {
    return std::find(names.begin(), names.end(), channel) != names.end();
  };
  return {wants(config::Channel::trades),       wants(config::Channel::quotes),
          wants(config::Channel::book),         wants(config::Channel::agg_trades),
          wants(config::Channel::partial_book), wants(config::Channel::klines)};
}

constexpr std::size_t max_api_key = 128;

std::string secret_file(const config::Account& account, std::string_view key,
                        const std::string& configured, std::vector<std::string>& warnings) {
  std::string path = config::resolve_secret_file(account.name, key, configured);
  if (path.empty()) return path;
  if (std::string warning = permission_warning(path); !warning.empty()) {
    warnings.push_back(std::move(warning));
  }
  return path;
}

}  // namespace

std::unique_ptr<Session> make_market_session(const config::Venue& venue,
                                             const domain::Catalog& catalog,
                                             std::uint64_t jitter_seed, bool measure_clock,
                                             std::vector<SeriesWish> series) {
  MarketSettings settings;
  const domain::VenueId id = venue_id(venue, catalog);
  settings.symbols = std::make_shared<const Symbols>(catalog, id);
  for (const std::string& symbol : venue.instruments) {
    const auto instrument = catalog.find_instrument(id, symbol);
    HALCYON_CHECK(instrument.has_value(), "the catalog names every configured instrument");
    if (std::find(settings.instruments.begin(), settings.instruments.end(), *instrument) ==
        settings.instruments.end()) {
      settings.instruments.push_back(*instrument);
    }
  }
  static_cast<Channels&>(settings) = channels_of(venue.channels);
  for (const auto& [symbol, names] : venue.channels_of) {
    const auto instrument = catalog.find_instrument(id, symbol);
    HALCYON_CHECK(instrument.has_value(), "the reader knows every instrument with own channels");
    settings.channels_of[*instrument] = channels_of(names);
  }
  settings.two_feeds = venue.two_feeds;
  settings.series = std::move(series);
  settings.endpoint = address(venue, "market_data_url", venue.market_data_url, true).endpoint;
  settings.endpoint.path = base_path(settings.endpoint) + "/stream";
  settings.rest_path = base_path(address(venue, "rest_url", venue.rest_url, false).endpoint);
  settings.jitter_seed = jitter_seed;
  settings.measure_clock = measure_clock;
  return std::make_unique<MarketSession>(std::move(settings));
}

std::unique_ptr<Session> make_order_session(const config::Venue& venue,
                                            const config::Account& account,
                                            const domain::Catalog& catalog,
                                            std::string_view daemon_name,
                                            std::uint64_t jitter_seed) {
  OrderSettings settings;
  settings.symbols = std::make_shared<const Symbols>(catalog, venue_id(venue, catalog));
  const auto id = catalog.find_account(account.name);
  HALCYON_CHECK(id.has_value(), "the catalog names every configured account");
  settings.identity.account = *id;
  settings.identity.prefix = fmt::format("{}-{}-", daemon_name, account.name);
  if (!is_plain(settings.identity.prefix) || account.name.find('-') != std::string::npos ||
      daemon_name.size() + account.name.size() > domain::max_names_in_client_order_id) {
    throw std::runtime_error(fmt::format(
        "account {}: the names '{}' and '{}' begin every client order id: letters, digits, '-' and "
        "'_' only, no '-' in the account's, and together at most {} characters",
        account.name, daemon_name, account.name, domain::max_names_in_client_order_id));
  }
  settings.endpoint = address(venue, "orders_url", venue.orders_url, true).endpoint;
  settings.jitter_seed = jitter_seed;
  settings.has_rest = true;
  settings.rest_path = base_path(address(venue, "rest_url", venue.rest_url, false).endpoint);
  settings.rest_orders = venue.rest_orders;
  for (const std::string& symbol : venue.instruments) {
    const auto instrument = catalog.find_instrument(venue_id(venue, catalog), symbol);
    if (instrument) settings.instruments.push_back(*instrument);
  }

  const std::string key_file =
      secret_file(account, "api_key_file", account.api_key_file, settings.warnings);
  if (key_file.empty()) {
    throw std::runtime_error(
        fmt::format("account {}: api_key_file is missing; name the file that holds the venue's API "
                    "key, or give "
                    "it as the systemd credential of that name",
                    account.name));
  }
  settings.api_key = read_secret_file(key_file, "binance: API key");
  if (settings.api_key.size() > max_api_key || !is_plain(settings.api_key)) {
    throw std::runtime_error(fmt::format(
        "account {}: API key file '{}': does not hold an API key (letters and digits, at most {})",
        account.name, key_file, max_api_key));
  }
  const std::string private_file =
      secret_file(account, "private_key_file", account.private_key_file, settings.warnings);
  if (!private_file.empty()) {
    settings.signer = std::make_unique<Signer>(Ed25519Key::from_file(private_file));
  } else {
    const std::string hmac_file =
        secret_file(account, "api_secret_file", account.api_secret_file, settings.warnings);
    if (hmac_file.empty()) {
      throw std::runtime_error(fmt::format(
          "account {}: private_key_file is missing; name the PEM file of the Ed25519 key (or "
          "api_secret_file for an HMAC key)",
          account.name));
    }
    settings.signer = std::make_unique<Signer>(HmacKey::from_file(hmac_file));
  }
  return std::make_unique<OrderSession>(std::move(settings));
}

domain::VisibilityRule visibility_rule() {
  using namespace std::chrono_literals;
  constexpr domain::Duration read_lag = 5s;
  domain::VisibilityRule rule;
  rule.after_valid_until = std::chrono::milliseconds{recv_window_ms} + read_lag;
  rule.answers_in_a_row = 2;
  rule.answer_time_out = OrderSession::answer_time_out;
  rule.request_validity = 2s;
  return rule;
}

domain::OrderAbilities order_abilities() {
  domain::OrderAbilities abilities;
  abilities.types.fill(true);
  abilities.times_in_force = {true, true, true, false, false};
  abilities.amends_quantity_down = true;
  abilities.cancel_replaces = true;
  abilities.lists = true;
  abilities.trails_by_bps = true;
  abilities.prevents_self_trades = true;
  return abilities;
}

domain::MarketAbilities market_abilities(const config::Venue& venue, const std::string& symbol) {
  const auto own = venue.channels_of.find(symbol);
  const Channels channels =
      channels_of(own == venue.channels_of.end() ? venue.channels : own->second);
  return {true, channels.klines};
}

std::string_view fee_discount_asset() { return Symbols::fee_discount_asset; }

}  // namespace halcyon::gateways::binance
