#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "domain/catalog.h"
#include "domain/order.h"
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
/// whichever side is worse. A holding is worth its reference price; without one, its average price;
/// without that, more than any limit.
class ExposureBook {
 public:
  /// Orders remembered for the rate; more than these in a second count as these.
  static constexpr std::size_t remembered = 4096;

  ExposureBook(const domain::Catalog& catalog, const Orders& orders, const Portfolio& portfolio,
               const Market& market, const Valuation& valuation, const Decisions& decisions);

  /// Counts an approved order for the rate.
  void on_order(const domain::NewOrder& order);
  /// Fills in `exposure`, `position` and `working_reduce`.
  void fill(const domain::NewOrder& order, risk::View& view);

 private:
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
  };

  Group& group(domain::AccountId account, domain::StrategyId strategy,
               domain::InstrumentId instrument);
  domain::Money worth(const Group& group, domain::Quantity quantity) const;

  const domain::Catalog& catalog_;
  const Orders& orders_;
  const Portfolio& portfolio_;
  const Market& market_;
  const Valuation& valuation_;
  const Decisions& decisions_;
  std::vector<Group> groups_;  ///< reused
  std::vector<Sent> sent_;     ///< a ring
  std::size_t next_sent_ = 0;
};

}  // namespace halcyon::engine
