#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/catalog.h"
#include "domain/event.h"
#include "domain/order.h"
#include "domain/time.h"
#include "gateways/binance/decode.h"
#include "gateways/binance/symbols.h"
#include "gateways/session.h"

namespace halcyon::gateways::binance::testing {

/// A frame with bytes of its own. Behind the text stands `behind`, over and over, as the leavings
/// of an earlier frame may in a real receive buffer; then memory that must not be touched.
class Bytes {
 public:
  explicit Bytes(std::string_view text, std::string_view behind = "0");
  Frame frame(domain::Timestamp received = domain::from_unix_ms(1'723'161'255'400)) const {
    return {bytes_.data(), size_, true, received};
  }
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::size_t size_;
  std::vector<char> bytes_;
};

/// The names that the tests know: venue "binance" with BTC/USDT, BNB/USDT, ETH/BTC, BNB/BTC and one
/// symbol above ASCII; account "main" of the daemon "alpha".
struct World {
  domain::Catalog catalog;
  domain::VenueId venue = domain::no<domain::VenueId>;
  domain::AccountId account = domain::no<domain::AccountId>;
  domain::InstrumentId btc_usdt{}, bnb_usdt{}, eth_btc{}, wide{}, bnb_btc{};
  domain::AssetId btc{}, usdt{}, bnb{}, eth{};
  World();

  Symbols symbols() const { return Symbols{catalog, venue}; }
  Identity identity() const { return {account, "alpha-main-"}; }
};

/// A sample of tests/data/binance/samples, or of ../shared/fixtures/binance for those that are not
/// carried; empty when it is in neither.
std::optional<std::string> sample(std::string_view name);
/// Every sample that can be found, by name.
std::vector<std::pair<std::string, std::string>> all_samples();

/// The recorded session: lines, and the text of expected_replay.json.
struct Recording {
  std::vector<std::string> lines;
  std::string expected;
};
const Recording& recording();

/// Blanks and line ends outside of strings taken away: as the venue would send it.
std::string minified(std::string_view json);

/// One line about an event, for tables: "trade 61837.63 0.02 #3735683259 seller".
std::string said(const domain::Event& event, const std::vector<std::string>& remarks = {});
std::vector<std::string> said(const std::vector<domain::Event>& events,
                              const std::vector<std::string>& remarks = {});

/// The proof that the gate passed an order; the gate is the real one, with open limits.
domain::Approved<domain::NewOrder> approved(const domain::NewOrder& order);

}  // namespace halcyon::gateways::binance::testing
