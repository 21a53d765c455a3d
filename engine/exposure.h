#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "domain/catalog.h"
#include "domain/order.h"
#include "engine/accounts.h"
#include "engine/decisions.h"
#include "engine/market.h"
#include "engine/orders.h"
#include "engine/portfolio.h"
#include "engine/valuation.h"
#include "risk/gate.h"

namespace halcyon::engine {

/// What stands already when an order arrives, at each of the gate's levels.
///
/// Positions are added up gross: those of two strategies never cancel out. Orders that may still
/// trade count with all that is open of them, unknown ones and external ones included. What is on
/// the order's own account, strategy and instrument counts on the order's side; everything else on
/// whichever side is worse. Of orders that end each other the largest counts; a child counts when
/// its parent has been filled; what an order replaces does not count beside it. A holding is worth
/// its reference price; without one, its average price; without that, more than any limit.
class ExposureBook {
 public:
  /// Orders remembered for the rate; more than these in a second count as these.
  static constexpr std::size_t remembered = 4096;
  /// An equal order older than a second is looked for among so many.
  static constexpr std::size_t most_looked_at = 64;

  ExposureBook(const domain::Catalog& catalog, const Accounts& accounts, const Orders& orders,
               const Portfolio& portfolio, const Market& market, const Valuation& valuation,
               const Decisions& decisions);

  /// Counts an approved order, or an amend, for the rates and as what an equal one is compared
  /// with.
  void on_order(const domain::NewOrder& order);
  /// Fills in `exposure`, `position`, `working_reduce`, `own_opposite` and `since_equal`.
  /// `replaced`: an order that will not be there any more; null: none.
  void fill(const domain::NewOrder& order, const Order* replaced, risk::View& view);

 private:
  /// How many there were in each of the last 60 seconds.
  class Minute {
   public:
    void add(std::int64_t second) {
      const auto at = static_cast<std::size_t>(second) % seconds;
      if (seconds_[at] != second) counts_[at] = 0;
      seconds_[at] = second;
      ++counts_[at];
    }
    std::int32_t sum(std::int64_t second) const {
      std::int32_t total = 0;
      for (std::size_t at = 0; at < seconds; ++at) {
        if (seconds_[at] > second - static_cast<std::int64_t>(seconds)) total += counts_[at];
      }
      return total;
    }

   private:
    static constexpr std::size_t seconds = 60;
    std::array<std::int64_t, seconds> seconds_{};
    std::array<std::int32_t, seconds> counts_{};
  };
  bool may_trade(const Order& live, const domain::NewOrder& order, const Order* replaced) const;
  Minute* minute(risk::Level level, const domain::NewOrder& order);
  struct Group {
    domain::AccountId account = domain::no<domain::AccountId>;
    domain::StrategyId strategy = domain::no<domain::StrategyId>;
    domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
    domain::Quantity position, buys, sells;
    domain::Price average_price;
  };
  struct Sent {
    domain::Timestamp at;
    domain::AccountId account = domain::no<domain::AccountId>;
    domain::StrategyId strategy = domain::no<domain::StrategyId>;
    domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
    domain::Side side = domain::Side::buy;
    domain::OrderType type = domain::OrderType::market;
    domain::Quantity quantity;
    domain::Price limit_price, stop_price;
  };

  Group& group(domain::AccountId account, domain::StrategyId strategy,
               domain::InstrumentId instrument);
  domain::Money worth(const Group& group, domain::Quantity quantity) const;

  const domain::Catalog& catalog_;
  const Accounts& accounts_;
  const Orders& orders_;
  const Portfolio& portfolio_;
  const Market& market_;
  const Valuation& valuation_;
  const Decisions& decisions_;
  std::vector<Group> groups_;  ///< reused
  std::vector<Sent> sent_;     ///< a ring
  std::size_t next_sent_ = 0;
  std::array<std::vector<Minute>, risk::level_count> minutes_;
};

}  // namespace halcyon::engine
