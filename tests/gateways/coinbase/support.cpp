#include "support.h"

#include <fstream>
#include <iterator>

namespace halcyon::gateways::coinbase::testing {

World::World() {
  venue = catalog.venue("coinbase");
  btc_usd = catalog.instrument(venue, "BTC/USD");
  btc_usdc = catalog.instrument(venue, "BTC/USDC");
  eth_usd = catalog.instrument(venue, "ETH/USD");
  eth_usdt = catalog.instrument(venue, "ETH/USDT");
  skl_usd = catalog.instrument(venue, "SKL/USD");
  skl_gbp = catalog.instrument(venue, "SKL/GBP");
  account = catalog.account("main", venue);
  btc = *catalog.find_asset("BTC");
  usd = *catalog.find_asset("USD");
  usdc = *catalog.find_asset("USDC");
}

std::optional<std::string> sample(std::string_view name) {
  std::ifstream file{std::string{HALCYON_SOURCE_DIR "/../shared/fixtures/coinbase/"}.append(name),
                     std::ios::binary};
  if (!file) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>{file}, {}};
}

std::string pem(std::string_view label, std::string_view base64, std::string_view line_end) {
  std::string text = "-----BEGIN " + std::string{label} + "-----" + std::string{line_end};
  for (std::size_t at = 0; at < base64.size(); at += 64) {
    text.append(base64.substr(at, 64)).append(line_end);
  }
  return text + "-----END " + std::string{label} + "-----" + std::string{line_end};
}

std::shared_ptr<const Credentials> credentials() {
  return std::make_shared<const Credentials>(
      read_credentials(ed25519_both_base64, key_name, "published"));
}

}  // namespace halcyon::gateways::coinbase::testing
