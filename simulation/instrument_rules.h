#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulation/matching.h"

namespace halcyon::simulation {

/// One symbol's entry of an exchangeInfo document: what the venue enforces, and the entry itself as
/// the venue shows it. A zero switches a rule off.
struct SymbolRules {
  std::string symbol;
  std::string base;
  std::string quote;
  int base_decimals = 8;
  int quote_decimals = 8;
  Price tick, min_price, max_price;
  Quantity step, min_quantity, max_quantity;
  Quantity market_step, market_min_quantity, market_max_quantity;
  /// PERCENT_PRICE(_BY_SIDE): the price lies within average x [down, up], in 10^-9 parts.
  Rate bid_up = 0, bid_down = 0, ask_up = 0, ask_down = 0;
  std::string percent_filter = "PERCENT_PRICE_BY_SIDE";
  /// NOTIONAL and MIN_NOTIONAL.
  Money min_notional, max_notional;
  bool min_notional_for_market = false, max_notional_for_market = false;
  std::string notional_filter = "NOTIONAL";
  std::uint64_t max_orders = 0;
  std::uint64_t max_algo_orders = 0, max_iceberg_orders = 0, max_order_lists = 0;
  std::uint64_t max_amends = 0;
  std::uint64_t max_iceberg_parts = 0;
  std::int32_t min_trailing_above = 0, max_trailing_above = 0;  ///< basis points
  std::int32_t min_trailing_below = 0, max_trailing_below = 0;
  Money max_position;
  std::vector<SelfTrade> self_trade_modes;
  SelfTrade default_self_trade = SelfTrade::none;
  std::string document;  ///< the entry as JSON, less what this simulator does not offer
};

/// Reads an exchangeInfo document. Throws std::runtime_error with words: not JSON, a symbol without
/// price and lot filters, or one so fine that tick x step has more than nine decimals.
std::vector<SymbolRules> parse_rules(std::string_view text, const std::string& name);
std::vector<SymbolRules> read_rules(const std::filesystem::path& file);
/// BTCUSDT, as recorded from the venue's Testnet in September 2026.
std::vector<SymbolRules> builtin_rules();

std::string_view self_trade_name(SelfTrade mode);  ///< the venue's: "EXPIRE_MAKER"
std::optional<SelfTrade> parse_self_trade(std::string_view name);

/// Takes a filter in, as exchangeInfo writes it, in the place of the one of its type: rules and
/// document. Throws std::runtime_error with words where it cannot be read.
void replace_filter(SymbolRules& rules, std::string_view filter);

/// What of an account is open in one market when another order comes.
struct OpenOrders {
  std::size_t all = 0;
  std::size_t algo = 0;  ///< stop and take-profit types
  std::size_t iceberg = 0;
  Money position;  ///< the base balance and open buys
};

/// What is wrong with an order by the filters: the name of the first one that it fails. `reference`
/// is the average price.
std::optional<std::string_view> failed_filter(const SymbolRules& rules, const OrderRequest& order,
                                              Price reference, const OpenOrders& open);

}  // namespace halcyon::simulation
