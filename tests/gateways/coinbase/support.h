#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/catalog.h"
#include "gateways/coinbase/decode.h"
#include "gateways/coinbase/sign.h"
#include "gateways/coinbase/symbols.h"
#include "tests/gateways/binance/support.h"

namespace halcyon::gateways::coinbase::testing {

using binance::testing::approved;
using binance::testing::Bytes;
using binance::testing::said;

/// The names that the tests know: venue "coinbase" with BTC/USD, BTC/USDC (one book), ETH/USD,
/// ETH/USDT, SKL/USD and SKL/GBP; account "main" of the daemon "alpha".
struct World {
  domain::Catalog catalog;
  domain::VenueId venue = domain::no<domain::VenueId>;
  domain::AccountId account = domain::no<domain::AccountId>;
  domain::InstrumentId btc_usd{}, btc_usdc{}, eth_usd{}, eth_usdt{}, skl_usd{}, skl_gbp{};
  domain::AssetId btc{}, usd{}, usdc{};
  World();

  std::shared_ptr<const Symbols> symbols() const {
    return std::make_shared<const Symbols>(catalog, venue);
  }
  /// "alpha-main-": as our orders begin.
  Identity identity() const { return {account, "alpha-main-"}; }
};

/// A sample of ../shared/fixtures/coinbase; empty where that folder is not.
std::optional<std::string> sample(std::string_view name);

/// The key of RFC 6979 A.2.5 (P-256) and of RFC 8032 7.1 (Ed25519), in one of the forms that key
/// files have. Published, so nothing here is secret.
inline constexpr std::string_view key_name =
    "organizations/00000000-0000-4000-8000-000000000001/apiKeys/"
    "00000000-0000-4000-8000-000000000002";
inline constexpr std::string_view sec1_base64 =
    "MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49AwEHoUQDQgAEYP7UuiVanTHJYet0xj"
    "Vt"
    "aMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==";
inline constexpr std::string_view pkcs8_base64 =
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+"
    "p2EW6dRZrXCFXZ7HWk05Qw9s26JsSe4piKxIPZyGhRANC"
    "AARg/tS6JVqdMclh63TGNW1owEm4kjth+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ";
inline constexpr std::string_view ed25519_pkcs8_base64 =
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";
inline constexpr std::string_view ed25519_seed_base64 =
    "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
inline constexpr std::string_view ed25519_both_base64 =
    "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg==";
std::string pem(std::string_view label, std::string_view base64, std::string_view line_end = "\n");
std::shared_ptr<const Credentials> credentials();

}  // namespace halcyon::gateways::coinbase::testing
