#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "domain/decimal.h"
#include "domain/ids.h"
#include "domain/order.h"
#include "domain/time.h"

namespace halcyon::gateways::binance {

// What a symbol demands of an order beyond domain::InstrumentRules (section 13): checked before
// anything is sent, so that no filter refuses us at the venue. What the gate has checked (tick,
// lot, notional, greatest market quantity) is not checked again. A zero switches a rule off.

struct SymbolFilters {
  /// PERCENT_PRICE(_BY_SIDE): reference x [down, up], in 10^-9 parts.
  std::int64_t bid_up = 0, bid_down = 0, ask_up = 0, ask_down = 0;
  domain::Quantity market_step, market_min;
  domain::Money max_position;
  std::uint32_t max_orders = 0, max_algo_orders = 0, max_lists = 0, max_amends = 0;
  // TRAILING_DELTA in basis points: above for STOP_LOSS BUY and TAKE_PROFIT SELL.
  std::int32_t min_trailing_above = 0, max_trailing_above = 0;
  std::int32_t min_trailing_below = 0, max_trailing_below = 0;
  /// By OrderType; LIMIT_MAKER by itself. A venue that names none takes all.
  std::array<bool, 7> types{true, true, true, true, true, true, true};
  bool takes_maker_only = true;
  /// By SelfTradeMode.
  std::array<bool, 6> self_trade{true, true, true, true, true, true};
  bool takes_oco = true, takes_oto = true, trails = true, cancel_replaces = true, amends = true;
  bool is_known = false;
};

/// By instrument, as large as Symbols::table_size().
struct FilterTable {
  std::vector<SymbolFilters> symbols;
  /// EXCHANGE_MAX_NUM_*: over the whole account.
  std::uint32_t max_orders = 0, max_algo_orders = 0, max_lists = 0;
};

/// MAX_ASSET (myFilters only): what one order may move of an asset.
struct AssetLimit {
  domain::AssetId asset = domain::no<domain::AssetId>;
  domain::Money most;
};

/// What is open of an account, as far as the filters count it.
struct OpenCounts {
  std::uint32_t orders = 0;
  std::uint32_t algo_orders = 0;  ///< stop and take-profit types
  std::uint32_t lists = 0;
  domain::Quantity buying;  ///< what open purchases would bring
};

/// The venue's average price of an instrument, and when it was read.
struct ReferencePrice {
  domain::Price price;
  domain::Timestamp read;
};

/// Beside the venue's own bounds, because the average moves between two looks at it: a limit price
/// must lie a hundredth of the bound inside.
inline constexpr std::int64_t reference_margin_pct = 1;
/// An older average decides nothing.
inline constexpr domain::Duration reference_valid = std::chrono::minutes{3};

/// The name of the first filter that the order fails; empty: none. `held`: base asset, free and
/// locked. Pure.
std::string_view failed_filter(const SymbolFilters& filters, const domain::NewOrder& order,
                               const OpenCounts& open, domain::Money held,
                               const ReferencePrice& reference, domain::Timestamp now);

/// Whether an order moves more of an asset than the account may: of the base its quantity, of the
/// quote its price times that (`reference` where it has no price).
bool exceeds_asset_limit(std::span<const AssetLimit> limits, const domain::NewOrder& order,
                         domain::AssetId base, domain::AssetId quote,
                         const ReferencePrice& reference);

/// The open orders of one account, from its private events and answers. Capacity is fixed; beyond
/// it orders are counted by instrument no more, and the venue's own check is the only one.
class OpenOrders {
 public:
  static constexpr std::size_t capacity = 2048;

  OpenOrders() { rows_.reserve(capacity); }
  void set(domain::InstrumentId instrument, domain::ForeignId venue_order, bool is_algo,
           bool is_buy, domain::Quantity remaining, std::int64_t list);
  void remove(domain::ForeignId venue_order);
  void clear() { rows_.clear(); }
  OpenCounts of(domain::InstrumentId instrument) const;
  OpenCounts all() const;

 private:
  struct Row {
    domain::ForeignId venue_order;
    domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
    bool is_algo = false;
    bool is_buy = false;
    domain::Quantity remaining;
    std::int64_t list = -1;  ///< -1: in none
  };
  template <class Counts>
  OpenCounts sum(Counts&& counts) const;
  std::vector<Row> rows_;
};

}  // namespace halcyon::gateways::binance
