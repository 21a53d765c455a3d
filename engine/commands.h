#pragma once

#include <string_view>

#include "domain/event.h"
#include "engine/decisions.h"
#include "engine/desk.h"
#include "engine/order_manager.h"
#include "engine/orders.h"

namespace halcyon::engine {

/// What an operator asks for, done and answered: each command gets one CommandAnswered record.
class Commands {
 public:
  Commands(const domain::Catalog& catalog, Orders& orders, OrderManager& order_manager, Desk& desk,
           Decisions& decisions)
      : catalog_(catalog),
        orders_(orders),
        order_manager_(order_manager),
        desk_(desk),
        decisions_(decisions) {}

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
  template <class Other>
  domain::CommandAnswered answer(const domain::Command&, const Other&, std::string_view) {
    domain::CommandAnswered refused;
    refused.reason = domain::Reason::not_permitted;
    return refused;
  }
  /// The reason why a scope names nothing; `none`: it is fine.
  domain::Reason refuse(domain::Scope scope) const;
  std::uint32_t cancel_all(domain::Scope scope, domain::InstrumentId instrument);

  const domain::Catalog& catalog_;
  Orders& orders_;
  OrderManager& order_manager_;
  Desk& desk_;
  Decisions& decisions_;
};

}  // namespace halcyon::engine
