#pragma once

#include <string_view>

#include "domain/event.h"
#include "engine/accounts.h"
#include "engine/dealer.h"
#include "engine/decisions.h"
#include "engine/limit_book.h"
#include "engine/order_manager.h"
#include "engine/orders.h"
#include "engine/portfolio.h"
#include "engine/reconciliation.h"
#include "engine/trading_states.h"

namespace halcyon::engine {

/// What an operator asks for, done and answered: each command gets one CommandAnswered record.
class Commands {
 public:
  Commands(const domain::Catalog& catalog, const Accounts& accounts, const TradingStates& states,
           const LimitBook& limits, Orders& orders, OrderManager& order_manager,
           Portfolio& portfolio, Reconciliation& reconciliation, Dealer& dealer,
           Decisions& decisions)
      : catalog_(catalog),
        accounts_(accounts),
        states_(states),
        limits_(limits),
        orders_(orders),
        order_manager_(order_manager),
        portfolio_(portfolio),
        reconciliation_(reconciliation),
        dealer_(dealer),
        decisions_(decisions) {}

  /// The order path of an account was lost and is back: what works there is cancelled.
  void cancel_lost(domain::AccountId account) {
    cancel_all({account, domain::no<domain::StrategyId>}, domain::no<domain::InstrumentId>,
               domain::Reason::connection_lost);
  }
  /// Cancels what is open in the scope and holds an order that closes each of its positions as soon
  /// as nothing else of it works; trading there is at most reducing from here on. How many orders
  /// that reached.
  std::uint32_t flatten(domain::Scope scope, domain::InstrumentId instrument, domain::UserId user,
                        std::string_view words);

  void on_command(const domain::Command& command, std::string_view words);

 private:
  domain::CommandAnswered answer(const domain::Command& command,
                                 const domain::SetTradingState& what, std::string_view words);
  domain::CommandAnswered answer(const domain::Command& command, const domain::CancelOrder& what,
                                 std::string_view words);
  domain::CommandAnswered answer(const domain::Command& command, const domain::CancelAll& what,
                                 std::string_view words);
  domain::CommandAnswered answer(const domain::Command& command, const domain::PrepareStop& what,
                                 std::string_view words);
  domain::CommandAnswered answer(const domain::Command& command, const domain::SubmitOrder& what,
                                 std::string_view words);
  domain::CommandAnswered answer(const domain::Command& command, const domain::AmendOrder& what,
                                 std::string_view words);
  domain::CommandAnswered answer(const domain::Command& command, const domain::ResolveOrder& what,
                                 std::string_view words);
  domain::CommandAnswered answer(const domain::Command& command, const domain::Flatten& what,
                                 std::string_view words);
  domain::CommandAnswered answer(const domain::Command& command, const domain::Reconcile& what,
                                 std::string_view words);
  domain::CommandAnswered answer(const domain::Command& command, const domain::KillSwitch& what,
                                 std::string_view words);
  domain::CommandAnswered answer(const domain::Command& command,
                                 const domain::ReleaseKillSwitch& what, std::string_view words);
  domain::CommandAnswered answer(const domain::Command& command, const domain::PauseStrategy& what,
                                 std::string_view words);
  domain::CommandAnswered answer(const domain::Command& command, const domain::SetLimit& what,
                                 std::string_view words);
  domain::CommandAnswered answer(const domain::Command& command,
                                 const domain::AcceptAdjustment& what, std::string_view words);
  domain::CommandAnswered answer(const domain::Command& command, const domain::Listen& what,
                                 std::string_view words);
  domain::CommandAnswered answer(const domain::Command& command, const domain::PutCredentials& what,
                                 std::string_view words);
  domain::CommandAnswered answer_submit(const domain::SubmitOrder& what);
  void set_instrument(domain::InstrumentId instrument, domain::TradingState state,
                      domain::Reason reason, domain::UserId user, std::string_view words);
  /// The reason why a scope names nothing; `none`: it is fine.
  domain::Reason refuse(domain::Scope scope) const;
  std::uint32_t cancel_all(domain::Scope scope, domain::InstrumentId instrument,
                           domain::Reason why = domain::Reason::canceled_by_operator,
                           domain::CancelReach reach = domain::CancelReach::ours);

  const domain::Catalog& catalog_;
  const Accounts& accounts_;
  const TradingStates& states_;
  const LimitBook& limits_;
  Orders& orders_;
  OrderManager& order_manager_;
  Portfolio& portfolio_;
  Reconciliation& reconciliation_;
  Dealer& dealer_;
  Decisions& decisions_;
};

}  // namespace halcyon::engine
