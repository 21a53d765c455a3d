#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "domain/decimal.h"
#include "domain/time.h"

namespace halcyon::config {

/// [risk] and its narrower tables: what one order, and everything together, may do. An empty limit
/// does not bind at its level; the daemon's level has conservative defaults for all of them.
/// Several apply at once and the tightest wins.
struct RiskLimits {
  std::optional<domain::Money> max_order_notional;     ///< in the reporting currency
  std::optional<domain::Money> max_position_notional;  ///< with working orders counted as filled
  std::optional<std::int32_t> max_open_orders;         ///< those of unknown fate included
  std::optional<std::int32_t> max_orders_per_second;
  std::optional<double> price_collar_pct;  ///< distance from the reference price
};

struct Risk {
  std::string currency = "USD";
  RiskLimits daemon;
  std::map<std::string, RiskLimits> accounts, strategies, instruments;
};

}  // namespace halcyon::config
