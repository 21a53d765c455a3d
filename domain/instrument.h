#pragma once

#include <cstdint>
#include <string>

#include "domain/decimal.h"
#include "domain/ids.h"

namespace halcyon::domain {

enum class AssetClass : std::uint8_t { crypto, stock, fiat };

/// Whether the venue takes orders for the instrument now. `unknown`: not heard yet, so none are
/// sent.
enum class InstrumentStatus : std::uint8_t { unknown, trading, cancel_only, halted };

/// What the venue demands of an order, in the venue's own numbers. A zero switches a rule off.
/// Off tick or off lot is a refusal with numbers, never a silent rounding.
struct InstrumentRules {
  Price tick;                    ///< a limit or stop price is a multiple of this
  Price min_price;               ///< inclusive
  Price max_price;               ///< inclusive
  Quantity lot;                  ///< a quantity is a multiple of this, counted from zero
  Quantity min_quantity;         ///< inclusive
  Quantity max_quantity;         ///< inclusive; of a limit order
  Quantity max_market_quantity;  ///< inclusive; of a market order, beside `max_quantity`
  Money min_notional;            ///< price x quantity, inclusive, in quote currency
  Money max_notional;            ///< inclusive
  InstrumentStatus status = InstrumentStatus::unknown;
  bool min_notional_for_market = true;   ///< applies to market orders too, at the reference price
  bool max_notional_for_market = false;  ///< likewise

  friend bool operator==(const InstrumentRules&, const InstrumentRules&) = default;
};

/// What can be traded at one venue. Identity only; what changes is in InstrumentRules.
struct Instrument {
  InstrumentId id = no<InstrumentId>;
  VenueId venue = no<VenueId>;
  std::string symbol;  ///< "BTC/USDT", or a stock's ticker
  AssetId base = no<AssetId>;
  AssetId quote = no<AssetId>;
  AssetClass asset_class = AssetClass::crypto;
  friend bool operator==(const Instrument&, const Instrument&) = default;
};

}  // namespace halcyon::domain
