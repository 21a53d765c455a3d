#pragma once

#include <array>
#include <optional>
#include <vector>

#include "config/config.h"
#include "domain/catalog.h"
#include "domain/event.h"
#include "domain/record.h"
#include "risk/gate.h"

namespace halcyon::engine {

/// The limits in force: the configuration's, and what operators have set since. What was set stands
/// across restarts until it is set again or given back (`SetLimit::is_set` false).
class LimitBook {
 public:
  LimitBook(const config::Config& config, const domain::Catalog& catalog);

  /// Why a limit cannot be set so; `none`: it can.
  domain::Reason refuse(const domain::SetLimit& limit) const;
  void apply(const domain::LimitChanged& changed);
  void snapshot(std::vector<domain::RecordEntry>& records) const;

  /// Null: nothing binds at that level.
  const config::RiskLimits* find(domain::LimitLevel level, std::uint32_t id) const;
  const config::RiskLimits& daemon() const { return *find(domain::LimitLevel::daemon, 0); }
  const config::RiskLimits* account(domain::AccountId id) const {
    return find(domain::LimitLevel::account, static_cast<std::uint32_t>(id));
  }
  const config::RiskLimits* strategy(domain::StrategyId id) const {
    return find(domain::LimitLevel::strategy, static_cast<std::uint32_t>(id));
  }
  risk::LimitSet of(const domain::NewOrder& order) const;

 private:
  struct Row {
    std::optional<config::RiskLimits> configured, effective;
  };
  using Rows = std::vector<Row>;
  void recompute(domain::LimitLevel level, std::uint32_t id);
  const Rows& rows(domain::LimitLevel level) const {
    return levels_[static_cast<std::size_t>(level)];
  }

  std::array<Rows, risk::level_count> levels_;
  std::vector<domain::LimitChanged> set_;  ///< the last of each level, id and key
};

}  // namespace halcyon::engine
