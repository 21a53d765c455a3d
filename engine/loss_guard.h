#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "config/config.h"
#include "domain/catalog.h"
#include "domain/record.h"
#include "engine/decisions.h"
#include "engine/limit_book.h"
#include "engine/trading_states.h"
#include "engine/valuation.h"

namespace halcyon::engine {

/// Halts what has lost too much: the daemon, an account, a strategy, or an instrument, by [risk]
/// max_daily_loss and max_drawdown_pct of its level.
///
/// - The day's loss is what realized and unrealized profit less fees have fallen since the day
///   began (`day_start`), so that deposits and withdrawals do not count.
/// - Drawdown is of the marked equity from its peak, in percent of the peak. Money that comes or
/// goes
///   moves the peak with it where the venue tells it; what it does not tell looks like a loss: the
///   guard errs on the side of stopping.
/// - An instrument owns nothing: its drawdown is how far its profit has come down from its best, in
///   percent of what all accounts together own.
/// - A round trip that loses max_loss_per_trade, or max_consecutive_losses of them in a row of one
///   account and strategy (of an instrument: in all of them), halt likewise.
/// - With [risk] flatten_on_loss, what is halted is also flattened.
/// - The halt is the same latch as an operator's: it survives restarts and ends only by
///   `trading.resume`. While the loss lasts, the next mark halts again.
class LossGuard {
 public:
  LossGuard(const config::Config& config, const domain::Catalog& catalog, const LimitBook& limits,
            const TradingStates& states, const Valuation& valuation, Decisions& decisions);

  /// A round trip of an account and strategy was closed.
  void on_trip(const domain::RoundTripClosed& trip);
  /// Who flattens what was halted, where the configuration wants that.
  using Flatten = std::function<void(domain::Scope, domain::InstrumentId)>;
  void set_flatten(Flatten flatten) { flatten_ = std::move(flatten); }

  /// A mark of an account, or of a strategy in it, whether or not it becomes a record.
  void on_mark(const domain::EquityMarked& marked);
  /// Likewise of an instrument; `trip`: the round trip that it was made for, or null.
  void on_instrument(const domain::InstrumentMarked& marked, const domain::RoundTripClosed* trip);
  /// Whether an instrument has a limit on losses.
  bool is_limited(domain::InstrumentId instrument) const;

 private:
  void judge(domain::Scope scope, const config::RiskLimits* limits, std::string_view name,
             const domain::EquityMarked& marked);
  void halt(domain::Scope scope, domain::Reason reason, std::string_view words);
  void halt(domain::InstrumentId instrument, domain::Reason reason, std::string_view words);

  void judge_trip(domain::Scope scope, const config::RiskLimits* limits, std::string_view name,
                  const domain::RoundTripClosed& trip, domain::Money loss);

  const config::Config& config_;
  const domain::Catalog& catalog_;
  const LimitBook& limits_;
  const TradingStates& states_;
  const Valuation& valuation_;
  Decisions& decisions_;
  Flatten flatten_;
  std::vector<domain::EquityMarked> accounts_;  ///< the last mark, by AccountId
};

}  // namespace halcyon::engine
