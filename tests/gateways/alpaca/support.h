#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/catalog.h"
#include "gateways/alpaca/decode.h"
#include "gateways/alpaca/symbols.h"

namespace halcyon::gateways::alpaca::testing {

/// The names that the tests know: venue "alpaca" with some stocks and pairs of the samples; account
/// "main" of the daemon "alpha".
struct World {
  domain::Catalog catalog;
  domain::VenueId venue = domain::no<domain::VenueId>;
  domain::AccountId account = domain::no<domain::AccountId>;
  domain::InstrumentId aapl{}, btc_usd{}, sol_usd{};
  World();

  domain::InstrumentId instrument(std::string_view symbol) const {
    return catalog.find_instrument(venue, symbol).value_or(domain::no<domain::InstrumentId>);
  }
  Symbols symbols() const { return Symbols{catalog, venue}; }
  /// "alpha-main-": as our orders begin.
  Identity identity() const { return {account, "alpha-main-"}; }
};

/// A frame with bytes of its own, and behind them what a frame promises and not a byte more, so
/// that AddressSanitizer sees the next one.
class Bytes {
 public:
  explicit Bytes(std::string_view text);
  Frame frame(bool is_text = true) const {
    return {bytes_.data(), size_, is_text, domain::from_unix_ms(1'723'161'255'400)};
  }

 private:
  std::size_t size_;
  std::vector<char> bytes_;
};

/// A sample of ../shared/fixtures/alpaca; empty where that folder is not.
std::optional<std::string> sample(std::string_view name);
/// The bytes of a sample that holds a binary frame.
std::optional<std::string> binary_sample(std::string_view name);

}  // namespace halcyon::gateways::alpaca::testing
