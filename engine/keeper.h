#pragma once

#include <vector>

#include "domain/event.h"
#include "engine/accounts.h"
#include "engine/dealer.h"
#include "engine/decisions.h"
#include "engine/market.h"
#include "engine/order_manager.h"
#include "engine/orders.h"
#include "engine/portfolio.h"

namespace halcyon::engine {

/// Keeps the orders that the venue has not been told of, and lets each go when its time has come.
/// They are records like every order, so they survive a restart.
///
/// - An emulated order waits for its price: a trade, or the middle of a quote. A stop has come when
///   the price is at it or beyond it; a take-profit likewise on the other side. A trailing stop
///   follows the best price since it trails, by whole ticks.
/// - A child waits for its parent (OTO). A stop of it is armed from the parent's first fill; if its
///   price comes while the parent still works, the parent's rest is cancelled first. Any other
///   child goes out when the parent has ended. A parent that ends unfilled ends its children.
/// - Where the venue can ([engine] brackets = "native"), a child stop waits there as soon as its
///   parent has ended: alone, or with its take-profit as a list whose orders the venue lets end
///   each other. It is for what the parent was filled by and no more, and is there when we are not.
///   Until then, and where the venue refuses or ends it, the engine keeps it.
/// - What protects is never lost to a refusal: an order of origin `protection` that ends at the
///   venue with something left, and that nobody cancelled, gets a new leg here; after several
///   refusals in a row an alarm says that a person must act.
/// - Orders of a group (OCO) end each other: what one was filled by is off the others, and when
///   nothing is left of them they end. A stop goes out only when no other one is at the venue: they
///   are cancelled, and their end is waited for.
/// - What only closes is never for more than is held: it is made smaller when something else has
///   closed a part, and ends, held or working, when nothing is held.
/// - The new leg of a cancel-replace waits until the old leg has ended, and is for what that was
/// not
///   filled by.
/// - A flatten (a held market order without any of these) waits until nothing else of its account,
///   strategy and instrument works, and closes what is held then.
/// - What the gate refuses stays, with an alarm when it protects, and is tried again each second.
class Keeper {
 public:
  static constexpr domain::Duration retry_interval = std::chrono::seconds{1};
  /// New legs for one that the venue refuses; each waits twice as long as the one before.
  static constexpr int most_renewals = 8;

  Keeper(const Market& market, const Portfolio& portfolio, const Accounts& accounts, Orders& orders,
         OrderManager& order_manager, Dealer& dealer, Decisions& decisions);

  /// A price of an instrument: of a trade, or the middle of a quote.
  void on_price(domain::InstrumentId instrument, domain::Price price);
  /// Lets go what may go, and ends what must end. After every event that may have changed an order.
  void settle();

 private:
  enum class Next : std::uint8_t {
    wait,
    end_unfilled,
    end_filled,
    go,         ///< it trades, or rests in the book
    wait_there  ///< its price is waited for at the venue
  };
  struct Step {
    Next next = Next::wait;
    domain::Quantity quantity;
    domain::Side side = domain::Side::buy;
  };
  static bool is_flatten(const domain::NewOrder& asked);
  bool watch(Order& order, domain::Price price);
  bool trail(Order& order, domain::Price price);
  void arm(const Order& order, domain::OrderArmed next);
  void settle(domain::OrderId id);
  Step judge(Order& order);
  /// Asks for a cancel; one that was refused, once a second.
  void cancel(Order& order, domain::Reason why);
  /// Whether an order is the new leg of another one, or of its new leg.
  bool replaces(const domain::NewOrder& asked, domain::OrderId old) const;
  domain::Quantity closable(const domain::NewOrder& asked) const;
  Step judge_flatten(const Order& order) const;
  void go(Order& order, const Step& step);
  /// The other one of two held orders that end each other; null: it goes alone.
  Order* partner_of(const Order& order);
  bool go_as_pair(Order& order, const Step& step);
  /// The venue ends, or the keeper cancels, what a filled order of its group leaves.
  bool is_partner_filled(const Order& order);
  bool may_go(const Order& order) const;
  bool may_wait_there(const Order& order) const;
  void renew(domain::OrderId id);

  const Market& market_;
  const Portfolio& portfolio_;
  const Accounts& accounts_;
  Orders& orders_;
  OrderManager& order_manager_;
  Dealer& dealer_;
  Decisions& decisions_;
  std::vector<std::uint32_t> waiting_;  ///< by InstrumentId: orders that wait for its price
  std::vector<domain::OrderId> held_;   ///< ids to look at; reused
};

}  // namespace halcyon::engine
