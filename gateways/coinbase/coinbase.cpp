#include "gateways/coinbase/coinbase.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <openssl/crypto.h>

#include "config/secrets.h"
#include "domain/client_order_id.h"
#include "gateways/coinbase/market_session.h"
#include "gateways/coinbase/order_session.h"
#include "gateways/secret_file.h"
#include "gateways/transport/url.h"

namespace halcyon::gateways::coinbase {

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

/// Only what can stand in JSON and in a client order id without an escape.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '-' || character == '_';
  });
}

struct Cleanse {
  std::string& text;
  ~Cleanse() { OPENSSL_cleanse(text.data(), text.size()); }
};

}  // namespace

std::unique_ptr<Session> make_market_session(const config::Venue& venue,
                                             const domain::Catalog& catalog,
                                             std::uint64_t jitter_seed, bool measure_clock) {
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
  const auto wants = [&venue](config::Channel channel) {
    return std::find(venue.channels.begin(), venue.channels.end(), channel) != venue.channels.end();
  };
  settings.trades = wants(config::Channel::trades);
  settings.quotes = wants(config::Channel::quotes);
  settings.book = wants(config::Channel::book);
  settings.endpoint = address(venue, "market_data_url", venue.market_data_url, true).endpoint;
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
  settings.endpoint = address(venue, "user_stream_url", venue.user_stream_url, true).endpoint;
  const Endpoint rest = address(venue, "rest_url", venue.rest_url, false).endpoint;
  settings.rest_path = base_path(rest);
  // Tokens name the host as the Host header does: without the port that goes without saying.
  settings.rest_host = rest.port == 443 ? rest.host : transport::host_and_port(rest);
  settings.jitter_seed = jitter_seed;

  const auto secret_file = [&](std::string_view key, const std::string& configured) {
    std::string path = config::resolve_secret_file(account.name, key, configured);
    if (path.empty()) return path;
    if (std::string warning = permission_warning(path); !warning.empty()) {
      settings.warnings.push_back(std::move(warning));
    }
    return path;
  };
  const std::string private_file = secret_file("private_key_file", account.private_key_file);
  if (private_file.empty()) {
    throw std::runtime_error(fmt::format(
        "account {}: private_key_file is missing; name the key file that the venue handed out "
        "(PEM, base64 or JSON), or give it as the systemd credential of that name",
        account.name));
  }
  std::string name;
  if (const std::string key_file = secret_file("api_key_file", account.api_key_file);
      !key_file.empty()) {
    name = read_secret_file(key_file, "coinbase: API key name");
  }
  std::string text = read_secret_file(private_file, "coinbase: private key");
  const Cleanse cleanse{text};
  settings.credentials =
      std::make_shared<const Credentials>(read_credentials(text, name, private_file));
  return std::make_unique<OrderSession>(std::move(settings));
}

domain::VisibilityRule visibility_rule() {
  using namespace std::chrono_literals;
  domain::VisibilityRule rule;
  rule.after_valid_until = 30s;
  rule.answers_in_a_row = 3;
  rule.answer_time_out = OrderSession::answer_time_out;
  rule.request_validity = 2s;
  return rule;
}

domain::OrderAbilities order_abilities() {
  using domain::OrderType;
  using domain::TimeInForce;
  domain::OrderAbilities abilities;
  const auto take = [&](OrderType type) {
    abilities.types.at(static_cast<std::size_t>(type)) = true;
  };
  take(OrderType::stop_limit);
  take(OrderType::take_profit_limit);
  abilities.times_in_force.at(static_cast<std::size_t>(TimeInForce::gtd)) = true;
  abilities.amends_all = true;
  return abilities;
}

}  // namespace halcyon::gateways::coinbase
