#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "domain/decimal.h"
#include "domain/time.h"

namespace halcyon::config {

/// A percentage, kept as an exact count of 10^-6 percent, so that whoever compares with it does so
/// in integers. Settings and tests write it as they say it: `5`, `0.25`.
class Percent {
 public:
  static constexpr std::int64_t parts_per_percent = 1'000'000;
  static constexpr std::int64_t parts_per_whole = 100 * parts_per_percent;

  constexpr Percent() = default;
  /// Rounded to the nearest part; for numbers between -10^9 and 10^9.
  // NOLINTNEXTLINE(google-explicit-constructor): a percentage is written as a plain number
  constexpr Percent(double percent)
      : parts_(static_cast<std::int64_t>(percent * static_cast<double>(parts_per_percent) +
                                         (percent < 0 ? -0.5 : 0.5))) {}

  static constexpr Percent from_parts(std::int64_t parts) {
    Percent made;
    made.parts_ = parts;
    return made;
  }

  constexpr std::int64_t parts() const { return parts_; }
  constexpr double value() const {
    return static_cast<double>(parts_) / static_cast<double>(parts_per_percent);
  }
  friend constexpr auto operator<=>(Percent, Percent) = default;

 private:
  std::int64_t parts_ = 0;
};

/// [risk] and its narrower tables: what one order, and everything together, may do. An empty limit
/// does not bind at its level; the daemon's level has conservative defaults (`daemon_limits`).
/// Several apply at once and the tightest wins; where no level has one, the gate denies.
struct RiskLimits {
  std::optional<domain::Money> max_order_notional;     ///< in the reporting currency
  std::optional<domain::Money> max_position_notional;  ///< with working orders counted as filled
  std::optional<std::int32_t> max_open_orders;         ///< those of unknown fate included
  std::optional<std::int32_t> max_orders_per_second;
  std::optional<Percent> price_collar_pct;            ///< distance from the reference price
  std::optional<domain::Duration> max_reference_age;  ///< an older reference price is none
  std::optional<domain::Money> max_daily_loss;  ///< in the reporting currency; then all of it halts
  std::optional<Percent> max_drawdown_pct;      ///< from the peak of equity; likewise
  std::optional<std::int32_t> max_leverage;     ///< times what is owned; spot never exceeds 1
  std::optional<domain::Money> max_order_quantity;        ///< base units
  std::optional<domain::Money> max_gross_notional;        ///< all positions and orders added up
  std::optional<domain::Money> max_net_notional;          ///< longs less shorts, on either side
  std::optional<std::int32_t> max_messages_per_minute;    ///< orders and amends
  std::optional<domain::Money> max_loss_per_trade;        ///< of a round trip; then all of it halts
  std::optional<std::int32_t> max_consecutive_losses;     ///< round trips in a row; likewise
  std::optional<domain::Duration> duplicate_window;       ///< an equal order sooner is an error
  std::optional<domain::Duration> max_clock_offset;       ///< the venue's clock against ours
  std::optional<domain::Money> max_agent_order_notional;  ///< of an order that an agent asks for
  std::optional<Percent> fee_reserve_pct;  ///< of what a buy is worth: kept for its fee
  std::optional<Percent> exit_margin_pct;  ///< what is held after must be worth more than a minimum
};

/// What binds the whole daemon unless the file says otherwise.
inline RiskLimits daemon_limits() {
  using namespace domain::literals;
  RiskLimits limits;
  limits.max_order_notional = "10000"_usd;
  limits.max_position_notional = "50000"_usd;
  limits.max_open_orders = 50;
  limits.max_orders_per_second = 10;
  limits.price_collar_pct = 5;
  limits.max_reference_age = std::chrono::seconds{5};
  limits.max_gross_notional = "100000"_usd;
  limits.max_net_notional = "100000"_usd;
  limits.max_messages_per_minute = 1200;
  limits.duplicate_window = std::chrono::milliseconds{250};
  limits.max_clock_offset = std::chrono::seconds{1};
  limits.max_agent_order_notional = "100"_usd;
  limits.fee_reserve_pct = 0.5;
  limits.exit_margin_pct = 1;
  limits.max_daily_loss = "1000"_usd;
  limits.max_drawdown_pct = 20;
  limits.max_loss_per_trade = "500"_usd;
  limits.max_consecutive_losses = 10;
  return limits;
}

/// When a trading day begins: minutes after midnight, UTC.
struct DayStart {
  std::int32_t minutes = 0;
};

struct Risk {
  std::string currency = "USD";  ///< the reporting currency: limits and equity are in it
  /// Counted one to one as the reporting currency. For USD: USDT and USDC, unless the file says
  /// otherwise; for any other currency: none.
  std::vector<std::string> equal_currencies{"USDT", "USDC"};
  DayStart day_start;
  /// A balance that nothing explains, worth no more than this, is taken as it is; more waits for
  /// an operator.
  std::optional<domain::Money> accept_adjustments_up_to;
  /// No venue cancels by itself when we are gone: what works is cancelled when the order path is
  /// back.
  bool cancel_on_reconnect = false;
  /// What a loss limit halts is also flattened: its orders cancelled, its positions closed.
  bool flatten_on_loss = false;
  RiskLimits daemon = daemon_limits();
  std::map<std::string, RiskLimits> accounts, strategies;
  /// As written: "BTC/USDT", or "binance:BTC/USDT"; `instrument_limits` finds them.
  std::map<std::string, RiskLimits> instruments;
};

}  // namespace halcyon::config
