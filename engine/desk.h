#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/accounts.h"
#include "engine/candles.h"
#include "engine/decisions.h"
#include "engine/engine.h"
#include "engine/exposure.h"
#include "engine/market.h"
#include "engine/order_manager.h"
#include "engine/orders.h"
#include "engine/portfolio.h"
#include "engine/trading_states.h"
#include "risk/gate.h"

namespace halcyon::engine {

/// Turns what strategies want to hold into orders.
///
/// - A strategy's capital is shared evenly by its accounts and instruments. A target of
/// `weight_pct`
///   is that share of it, divided by the reference price and rounded down to the lot: the only
///   rounding. The order is the difference to what is held, likewise rounded down, at the market.
/// - One order at a time per account, strategy and instrument: while one is alive, its fate unknown
///   included, a new target waits. The newest target counts.
/// - A target stands until an order was sent for it, or nothing is left to do: refused by the gate
///   it is tried again when the account becomes ready and at each candle of its strategy; the same
///   refusal is recorded once a target.
/// - A rest below the venue's minimum when going flat is left: no order could sell it.
class Desk {
 public:
  Desk(const Setup& setup, Candles& candles, const Market& market, const Valuation& valuation,
       const Portfolio& portfolio, const Accounts& accounts, const TradingStates& states,
       Orders& orders, OrderManager& order_manager, Decisions& decisions);

  void on_candle(const Candles::Closed& closed);
  /// An order ended, or an account may trade again: what waits is tried.
  void revisit();
  void on_journal_room(domain::JournalRoom room) { journal_ = room; }
  /// Each strategy's capital in each account.
  std::vector<Portfolio::Share> shares() const;
  /// No new orders from here on.
  void stop() { is_stopping_ = true; }

 private:
  struct Want {
    domain::AccountId account = domain::no<domain::AccountId>;
    domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
    domain::Money capital;
    std::int32_t weight_pct = 0;
    bool is_open = false;  ///< stands: no order was sent for it yet
    domain::Reason refused = domain::Reason::none;
  };
  struct Trader {
    domain::StrategyId id = domain::no<domain::StrategyId>;
    std::unique_ptr<strategy::Strategy> strategy;
    std::vector<std::size_t> series;
    std::vector<Want> wants;  ///< by account and instrument
  };

  void meet(const Trader& trader, Want& want);
  void refuse(Want& want, const domain::NewOrder& order, domain::Reason reason, domain::Money limit,
              domain::Money actual);
  bool is_busy(const Trader& trader, const Want& want) const;
  risk::View view_for(const domain::NewOrder& order);
  domain::Money reserved(const domain::NewOrder& order, domain::AssetId asset) const;
  risk::LimitSet limits_for(const domain::NewOrder& order) const;

  const domain::Catalog& catalog_;
  const config::Config& config_;
  const Market& market_;
  const Valuation& valuation_;
  const Portfolio& portfolio_;
  const Accounts& accounts_;
  const TradingStates& states_;
  Orders& orders_;
  OrderManager& order_manager_;
  Decisions& decisions_;
  ExposureBook exposure_;
  risk::Gate gate_;
  std::vector<Trader> traders_;
  std::vector<const config::RiskLimits*> account_limits_, strategy_limits_, instrument_limits_;
  std::vector<strategy::Target> targets_;
  domain::JournalRoom journal_ = domain::JournalRoom::open;
  bool is_stopping_ = false;
};

}  // namespace halcyon::engine
