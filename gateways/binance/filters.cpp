#include "gateways/binance/filters.h"

#include <algorithm>

namespace halcyon::gateways::binance {

namespace {

using domain::OrderType;
using domain::Side;

constexpr bool is_algo_type(OrderType type) { return type >= OrderType::stop; }

bool is_outside(domain::Price price, domain::Price reference, std::int64_t down, std::int64_t up) {
  constexpr std::int64_t whole = 100;
  const auto least = domain::scaled(reference, down, domain::decimal_scale);
  const auto most = domain::scaled(reference, up, domain::decimal_scale);
  if (!least || !most) return false;
  const auto inner_least = domain::scaled(*least, whole + reference_margin_pct, whole);
  const auto inner_most = domain::scaled(*most, whole - reference_margin_pct, whole);
  if (!inner_least || !inner_most || *inner_least > *inner_most) return false;
  return (down > 0 && price < *inner_least) || (up > 0 && price > *inner_most);
}

}  // namespace

std::string_view failed_filter(const SymbolFilters& filters, const domain::NewOrder& order,
                               const OpenCounts& open, domain::Money held,
                               const ReferencePrice& reference, domain::Timestamp now) {
  if (!filters.is_known) return {};
  const bool buys = order.side == Side::buy;
  const bool trails = order.type == OrderType::trailing_stop;
  // A trailing stop is sent as one of the two types, by whether it waits to begin.
  const OrderType sent = !trails                          ? order.type
                         : order.stop_price.is_positive() ? OrderType::take_profit
                                                          : OrderType::stop;
  if (order.post_only ? !filters.takes_maker_only
                      : !filters.types[static_cast<std::size_t>(sent)]) {
    return "orderTypes";
  }
  if (!filters.self_trade[static_cast<std::size_t>(order.self_trade)]) {
    return "allowedSelfTradePreventionModes";
  }
  if (trails) {
    if (!filters.trails) return "allowTrailingStop";
    const bool above = (sent == OrderType::stop) == buys;
    const std::int32_t least = above ? filters.min_trailing_above : filters.min_trailing_below;
    const std::int32_t most = above ? filters.max_trailing_above : filters.max_trailing_below;
    if (order.trailing_bps < least || (most > 0 && order.trailing_bps > most)) {
      return "TRAILING_DELTA";
    }
  }
  if (domain::has_limit_price(order.type) && reference.price.is_positive() &&
      now - reference.read <= reference_valid &&
      is_outside(order.limit_price, reference.price, buys ? filters.bid_down : filters.ask_down,
                 buys ? filters.bid_up : filters.ask_up)) {
    return "PERCENT_PRICE";
  }
  if (order.type == OrderType::market) {
    if (order.quantity < filters.market_min) return "MARKET_LOT_SIZE";
    if (filters.market_step.is_positive() &&
        !domain::is_multiple(order.quantity, filters.market_step)) {
      return "MARKET_LOT_SIZE";
    }
  }
  if (filters.max_orders > 0 && open.orders >= filters.max_orders) return "MAX_NUM_ORDERS";
  if (is_algo_type(order.type) && filters.max_algo_orders > 0 &&
      open.algo_orders >= filters.max_algo_orders) {
    return "MAX_NUM_ALGO_ORDERS";
  }
  if (buys && filters.max_position.is_positive() &&
      held + domain::Money::from_raw((open.buying + order.quantity).raw()) > filters.max_position) {
    return "MAX_POSITION";
  }
  return {};
}

bool exceeds_asset_limit(std::span<const AssetLimit> limits, const domain::NewOrder& order,
                         domain::AssetId base, domain::AssetId quote,
                         const ReferencePrice& reference) {
  const domain::Price price = order.limit_price.is_positive() ? order.limit_price : reference.price;
  for (const AssetLimit& limit : limits) {
    if (limit.asset == base && domain::Money::from_raw(order.quantity.raw()) > limit.most) {
      return true;
    }
    if (limit.asset != quote) continue;
    const auto amount = domain::notional(price, order.quantity);
    if (!amount || *amount > limit.most) return true;
  }
  return false;
}

void OpenOrders::set(domain::InstrumentId instrument, domain::ForeignId venue_order, bool is_algo,
                     bool is_buy, domain::Quantity remaining, std::int64_t list) {
  const Row row{venue_order, instrument, is_algo, is_buy, remaining, list};
  const auto found = std::find_if(rows_.begin(), rows_.end(),
                                  [&](const Row& each) { return each.venue_order == venue_order; });
  if (found != rows_.end()) {
    *found = row;
  } else if (rows_.size() < capacity) {
    rows_.push_back(row);
  }
}

void OpenOrders::remove(domain::ForeignId venue_order) {
  const auto found = std::find_if(rows_.begin(), rows_.end(),
                                  [&](const Row& each) { return each.venue_order == venue_order; });
  if (found == rows_.end()) return;
  *found = rows_.back();
  rows_.pop_back();
}

template <class Counts>
OpenCounts OpenOrders::sum(Counts&& counts) const {
  OpenCounts sum;
  for (auto row = rows_.begin(); row != rows_.end(); ++row) {
    if (!counts(*row)) continue;
    ++sum.orders;
    if (row->is_algo) ++sum.algo_orders;
    if (row->is_buy) sum.buying += row->remaining;
    if (row->list < 0) continue;
    const bool is_first = std::none_of(rows_.begin(), row, [&](const Row& earlier) {
      return earlier.list == row->list && earlier.instrument == row->instrument;
    });
    if (is_first) ++sum.lists;
  }
  return sum;
}

OpenCounts OpenOrders::of(domain::InstrumentId instrument) const {
  return sum([&](const Row& row) { return row.instrument == instrument; });
}

OpenCounts OpenOrders::all() const {
  return sum([](const Row&) { return true; });
}

}  // namespace halcyon::gateways::binance
