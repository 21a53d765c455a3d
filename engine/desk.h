#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/accounts.h"
#include "engine/candles.h"
#include "engine/dealer.h"
#include "engine/decisions.h"
#include "engine/engine.h"
#include "engine/market.h"
#include "engine/order_manager.h"
#include "engine/orders.h"
#include "engine/portfolio.h"
#include "engine/valuation.h"

namespace halcyon::engine {

/// Turns what strategies want to hold into orders.
///
/// - A strategy's capital is shared evenly by its accounts and instruments. A target of
/// `weight_pct`
///   is that share of it, in the quote currency (valuation.h), divided by the reference price and
///   rounded down to the lot: the only rounding. The order is the difference to what is held,
///   likewise rounded down, at the market.
/// - How it is to be had (at the market or at a price, with a stop loss and a take profit) is the
///   target's `how`. What protects a position is ended before the position is changed.
/// - One order at a time per account, strategy and instrument: while one is alive, its fate unknown
///   included, a new target waits. The newest target counts.
/// - A target stands until an order was sent for it, or nothing is left to do: refused by the gate
///   it is tried again when the account becomes ready and at each candle of its strategy; the same
///   refusal is recorded once a target.
/// - A rest below the venue's minimum when going flat is left: no order could sell it.
class Desk {
 public:
  Desk(const Setup& setup, Candles& candles, const Market& market, const Valuation& valuation,
       const Portfolio& portfolio, const Accounts& accounts, Orders& orders,
       OrderManager& order_manager, Dealer& dealer, Decisions& decisions);

  void on_candle(const Candles::Closed& closed);
  /// An order ended, or an account may trade again: what waits is tried.
  void revisit();
  /// Each strategy's capital in each account.
  std::vector<Portfolio::Share> shares() const;

 private:
  struct Want {
    domain::AccountId account = domain::no<domain::AccountId>;
    domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
    domain::Money capital;
    std::int32_t weight_pct = 0;
    strategy::How how;
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
  bool place(Want& want, const domain::NewOrder& order);
  /// Ends what protects the position. True when there was something.
  bool unprotect(const Trader& trader, const Want& want);

  const domain::Catalog& catalog_;
  const config::Config& config_;
  const Market& market_;
  const Valuation& valuation_;
  const Portfolio& portfolio_;
  const Accounts& accounts_;
  Orders& orders_;
  OrderManager& order_manager_;
  Dealer& dealer_;
  Decisions& decisions_;
  std::vector<Trader> traders_;
  std::vector<strategy::Target> targets_;
};

}  // namespace halcyon::engine
