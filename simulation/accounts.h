#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "simulation/matching.h"

namespace halcyon::simulation {

/// An account of the simulated venue, as the accounts file describes it.
struct AccountSettings {
  std::string name;
  std::string api_key;
  std::string ed25519_public_pem;  ///< empty: an HMAC key
  std::string hmac_secret;         ///< empty: an Ed25519 key
  std::map<std::string, Money> balances;
  Rate maker_commission = 1'000'000;  ///< 0.1 %
  Rate taker_commission = 1'000'000;
  std::string fee_asset = "received";  ///< "received", "quote", or an asset
  Price fee_asset_price;               ///< of that asset, in quote currency
};

/// Reads the accounts file (docs/simulator.md). Relative files in it are looked for beside it.
/// Throws std::runtime_error that names every problem at once, one a line.
std::vector<AccountSettings> read_accounts(const std::filesystem::path& file);

/// The same from text; `directory` is where relative files are.
std::vector<AccountSettings> parse_accounts(std::string_view text, const std::string& name,
                                            const std::filesystem::path& directory);

}  // namespace halcyon::simulation
