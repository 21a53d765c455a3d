#pragma once

#include <algorithm>
#include <vector>

#include "domain/record.h"
#include "engine/keys.h"
#include "engine/latest.h"

namespace halcyon::engine {

/// Whether the daemon, an account, a strategy, a strategy in an account, or an instrument may
/// trade: a latch that survives restarts. The strictest of all that apply decides; what was never
/// set is active.
class TradingStates {
 public:
  void apply(const domain::TradingStateChanged& changed) {
    rows_.put(key_of(changed.scope.account, changed.scope.strategy), changed);
  }
  const domain::TradingStateChanged* find(domain::Scope scope) const {
    return rows_.find(key_of(scope.account, scope.strategy));
  }
  void apply(const domain::InstrumentStateChanged& changed) {
    instruments_.put(key_of(domain::no<domain::AccountId>, changed.instrument), changed);
  }
  domain::TradingState of(domain::InstrumentId instrument) const {
    const auto* row = instruments_.find(key_of(domain::no<domain::AccountId>, instrument));
    return row == nullptr ? domain::TradingState::active : row->state;
  }
  domain::TradingState strictest(domain::AccountId account, domain::StrategyId strategy,
                                 domain::InstrumentId instrument) const {
    constexpr auto all = domain::Scope{};
    domain::TradingState state = of(instrument);
    for (const domain::Scope scope :
         {all, domain::Scope{account, all.strategy}, domain::Scope{all.account, strategy},
          domain::Scope{account, strategy}}) {
      if (const auto* row = find(scope)) state = std::max(state, row->state);
    }
    return state;
  }
  void apply(const domain::StrategyPaused& paused) {
    paused_.put(key_of(domain::no<domain::AccountId>, paused.strategy), paused);
  }
  bool is_paused(domain::StrategyId strategy) const {
    const auto* row = paused_.find(key_of(domain::no<domain::AccountId>, strategy));
    return row != nullptr && row->paused;
  }
  /// The latch of the kill switch: a halt of the daemon that only its release ends.
  bool is_killed() const {
    const auto* row = find(domain::Scope{});
    return row != nullptr && row->state == domain::TradingState::halted &&
           row->reason == domain::Reason::kill_switch;
  }
  void snapshot(std::vector<domain::RecordEntry>& records) const {
    for (const auto& row : rows_.rows()) records.push_back({row, {}});
    for (const auto& row : paused_.rows()) records.push_back({row, {}});
    for (const auto& row : instruments_.rows()) records.push_back({row, {}});
  }

 private:
  Latest<domain::TradingStateChanged> rows_;
  Latest<domain::StrategyPaused> paused_;
  Latest<domain::InstrumentStateChanged> instruments_;
};

}  // namespace halcyon::engine
