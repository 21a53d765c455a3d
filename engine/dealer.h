#pragma once

#include <optional>
#include <vector>

#include "domain/command.h"
#include "domain/event.h"
#include "engine/accounts.h"
#include "engine/decisions.h"
#include "engine/engine.h"
#include "engine/exposure.h"
#include "engine/limit_book.h"
#include "engine/market.h"
#include "engine/order_manager.h"
#include "engine/orders.h"
#include "engine/portfolio.h"
#include "engine/trading_states.h"
#include "risk/gate.h"

namespace halcyon::engine {

/// The one way of an order, whoever wants it: the gate is asked, then the venue gets it in a form
/// that it takes, or the engine keeps it until its time has come.
///
/// - What a venue does not know (domain::OrderAbilities) is done here: an order that waits for a
///   price is kept (`is_emulated`), a day or gtd order goes out as gtc and is cancelled when its
///   time is over.
/// - A child (`parent`), the new leg of a cancel-replace (`replaces`) and an emulated order are
///   held; keeper.h lets them go.
class Dealer {
 public:
  /// A measurement of a venue's clock that is older counts as none.
  static constexpr domain::Duration clock_valid = std::chrono::minutes{20};

  Dealer(const Setup& setup, const Market& market, const Valuation& valuation,
         const Portfolio& portfolio, const Accounts& accounts, const TradingStates& states,
         const LimitBook& limits, Orders& orders, OrderManager& order_manager,
         Decisions& decisions);

  /// Empty: the order is on its way, or held. Else nothing has happened; the caller says so.
  std::optional<risk::Refusal> submit(domain::NewOrder order);
  /// Sends a held order, `quantity` of it. `waits_there`: the venue waits for its price. Empty: it
  /// is on its way.
  std::optional<risk::Refusal> release(Order& order, domain::Quantity quantity, domain::Side side,
                                       bool waits_there = false);
  /// Sends two that end each other as one list, of which the venue lets only one be filled. Empty:
  /// both are on their way; else neither is.
  std::optional<risk::Refusal> release_pair(Order& one, Order& other, domain::Quantity quantity,
                                            domain::Side side);
  /// Whether a stop that the engine keeps may wait at the venue instead: alone, or (`in_pair`) tied
  /// to the order that ends it.
  bool may_wait_there(const domain::NewOrder& order, bool in_pair) const;
  struct Amended {
    risk::Refusal refusal;      ///< reason `none`: done, or asked for
    domain::OrderId new_order;  ///< of a cancel-replace
  };
  /// Changes an order of ours; zero leaves a term as it is. Where the venue cannot: the order is
  /// cancelled, and a new one waits until it has ended, for what it was not filled by.
  Amended amend(domain::OrderId id, domain::Terms terms);
  void deny(const domain::NewOrder& order, const risk::Refusal& refusal);

  void on_journal_room(domain::JournalRoom room) { journal_ = room; }
  void on_clock(domain::VenueId venue, domain::Duration offset);
  void on_started();
  /// No new orders from here on.
  void stop() { is_stopping_ = true; }

  /// What an order and the legs that replaced it have been filled by.
  domain::Quantity filled_of_family(domain::OrderId first) const;
  /// The leg that stands now; null: the order is not known any more.
  const Order* last_of_family(domain::OrderId first) const;

 private:
  risk::View view_for(const domain::NewOrder& order, const Order* replaced);
  risk::Verdict judge(const domain::NewOrder& order, bool is_plan, const Order* replaced = nullptr);
  domain::NewOrder as_sent(const domain::NewOrder& order) const;
  domain::NewOrder leaving(const Order& order, domain::Quantity quantity, domain::Side side,
                           bool waits_there) const;
  bool has_children(domain::OrderId id) const;
  domain::Money reserved(const domain::NewOrder& order, domain::AssetId asset,
                         const Order* replaced) const;
  const domain::OrderAbilities& abilities(domain::AccountId account) const;
  domain::Timestamp day_end() const;
  domain::Quantity left_for_child(const domain::NewOrder& child);

  const domain::Catalog& catalog_;
  const config::Config& config_;
  std::vector<domain::OrderAbilities> abilities_;  ///< by VenueId
  const Market& market_;
  const Valuation& valuation_;
  const Portfolio& portfolio_;
  const Accounts& accounts_;
  const TradingStates& states_;
  const LimitBook& limits_;
  Orders& orders_;
  OrderManager& order_manager_;
  Decisions& decisions_;
  ExposureBook exposure_;
  risk::Gate gate_;
  struct Clock {
    domain::Duration offset{};
    domain::Timestamp measured;  ///< engine time
  };
  std::vector<std::optional<Clock>> clocks_;  ///< by VenueId
  domain::JournalRoom journal_ = domain::JournalRoom::open;
  bool is_stopping_ = false;
};

}  // namespace halcyon::engine
