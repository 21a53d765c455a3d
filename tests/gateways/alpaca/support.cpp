#include "support.h"

#include <fstream>
#include <iterator>

#include <nlohmann/json.hpp>

namespace halcyon::gateways::alpaca::testing {

World::World() {
  venue = catalog.venue("alpaca");
  for (const char* symbol :
       {"AAPL", "AMD", "SPY", "GOOGL", "EEM", "IONM", "INAQU", "FAKEPACA", "BRK.B", "GNL", "VOO",
        "BTC/USD", "SOL/USD", "AVAX/USD", "BAT/USD", "MKR/USD", "CRV/USD", "ETH/USD"}) {
    catalog.instrument(venue, symbol);
  }
  aapl = instrument("AAPL");
  btc_usd = instrument("BTC/USD");
  sol_usd = instrument("SOL/USD");
  account = catalog.account("main", venue);
}

Bytes::Bytes(std::string_view text) : size_(text.size()) {
  bytes_.reserve(size_ + Frame::padding);
  bytes_.assign(text.begin(), text.end());
  bytes_.resize(size_ + Frame::padding, '0');
  bytes_.shrink_to_fit();
}

std::optional<std::string> sample(std::string_view name) {
  std::ifstream file{std::string{HALCYON_SOURCE_DIR "/../shared/fixtures/alpaca/"}.append(name),
                     std::ios::binary};
  if (!file) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>{file}, {}};
}

std::optional<std::string> binary_sample(std::string_view name) {
  const auto text = sample(name);
  if (!text) return std::nullopt;
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string coded = nlohmann::json::parse(*text).at("payload_base64").get<std::string>();
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char character : coded) {
    const std::size_t digit = digits.find(character);
    if (digit == std::string_view::npos) break;
    bits = (bits << 6 | static_cast<unsigned>(digit)) & 0xFFFFU;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count & 0xFFU);
    }
  }
  return bytes;
}

}  // namespace halcyon::gateways::alpaca::testing
