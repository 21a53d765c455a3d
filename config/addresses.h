#pragma once

#include <string>
#include <string_view>

#include "config/config.h"

namespace halcyon::config {

/// Which of a venue's addresses a setting names.
struct AddressKey {
  std::string_view key;
  std::string Venue::*member;
};
inline constexpr AddressKey address_keys[] = {
    {"market_data_url", &Venue::market_data_url}, {"orders_url", &Venue::orders_url},
    {"user_stream_url", &Venue::user_stream_url}, {"rest_url", &Venue::rest_url},
    {"data_rest_url", &Venue::data_rest_url},
};

/// One documented address of a venue.
struct Address {
  VenueKind kind;
  Environment environment;
  std::string Venue::*member;
  std::string_view url;
};

/// What the venues' documents say: Binance rest-api.md, web-socket-streams.md, web-socket-api.md,
/// testnet and demo-mode general-info.md (2026-07-21); Coinbase Advanced Trade, "WebSocket
/// endpoints" and "API endpoints"; Alpaca "Real-time stock data", "Websocket streaming", "Paper
/// trading". Environments that a venue does not have are not here (Coinbase's sandbox gives fixed
/// answers and is no market).
inline constexpr Address documented_addresses[] = {
    {VenueKind::binance, Environment::production, &Venue::market_data_url,
     "wss://stream.binance.com:9443"},
    {VenueKind::binance, Environment::production, &Venue::orders_url,
     "wss://ws-api.binance.com:443/ws-api/v3"},
    {VenueKind::binance, Environment::production, &Venue::rest_url, "https://api.binance.com"},
    {VenueKind::binance, Environment::testnet, &Venue::market_data_url,
     "wss://stream.testnet.binance.vision"},
    {VenueKind::binance, Environment::testnet, &Venue::orders_url,
     "wss://ws-api.testnet.binance.vision/ws-api/v3"},
    {VenueKind::binance, Environment::testnet, &Venue::rest_url, "https://testnet.binance.vision"},
    {VenueKind::binance, Environment::venue_paper, &Venue::market_data_url,
     "wss://demo-stream.binance.com"},
    {VenueKind::binance, Environment::venue_paper, &Venue::orders_url,
     "wss://demo-ws-api.binance.com/ws-api/v3"},
    {VenueKind::binance, Environment::venue_paper, &Venue::rest_url,
     "https://demo-api.binance.com"},
    {VenueKind::coinbase, Environment::production, &Venue::market_data_url,
     "wss://advanced-trade-ws.coinbase.com"},
    {VenueKind::coinbase, Environment::production, &Venue::user_stream_url,
     "wss://advanced-trade-ws-user.coinbase.com"},
    {VenueKind::coinbase, Environment::production, &Venue::rest_url, "https://api.coinbase.com"},
    {VenueKind::alpaca, Environment::production, &Venue::market_data_url,
     "wss://stream.data.alpaca.markets"},
    {VenueKind::alpaca, Environment::production, &Venue::user_stream_url,
     "wss://api.alpaca.markets/stream"},
    {VenueKind::alpaca, Environment::production, &Venue::rest_url, "https://api.alpaca.markets"},
    {VenueKind::alpaca, Environment::production, &Venue::data_rest_url,
     "https://data.alpaca.markets"},
    {VenueKind::alpaca, Environment::venue_paper, &Venue::market_data_url,
     "wss://stream.data.alpaca.markets"},
    {VenueKind::alpaca, Environment::venue_paper, &Venue::user_stream_url,
     "wss://paper-api.alpaca.markets/stream"},
    {VenueKind::alpaca, Environment::venue_paper, &Venue::rest_url,
     "https://paper-api.alpaca.markets"},
    {VenueKind::alpaca, Environment::venue_paper, &Venue::data_rest_url,
     "https://data.alpaca.markets"},
};

/// Whether a kind of venue has a use for an address.
constexpr bool uses(VenueKind kind, std::string Venue::*member) {
  for (const Address& address : documented_addresses) {
    if (address.kind == kind && address.member == member) return true;
  }
  return false;
}

/// The documented address; empty when the venue has no such environment.
constexpr std::string_view documented(VenueKind kind, Environment environment,
                                      std::string Venue::*member) {
  for (const Address& address : documented_addresses) {
    if (address.kind == kind && address.environment == environment && address.member == member) {
      return address.url;
    }
  }
  return {};
}

/// The parts of "wss://host:port/path".
struct Url {
  std::string_view scheme, host, port, path;
};

/// Takes an address apart. What is wrong with it, in words, or empty.
std::string_view parse_url(std::string_view text, Url& url);

/// Whether a host names this machine: 127.0.0.0/8, ::1, localhost.
bool is_loopback(std::string_view host);

}  // namespace halcyon::config
