// What loses too much is halted: by the day's loss, and by the way down from the peak.

#include "engine/loss_guard.h"

#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "domain/catalog.h"
#include "engine/decisions.h"
#include "engine/limit_book.h"
#include "engine/market.h"
#include "engine/trading_states.h"
#include "engine/valuation.h"

namespace halcyon::engine {
namespace {

using namespace domain::literals;
using domain::EquityMarked;
using domain::Money;
using domain::Reason;
using domain::TradingState;

/// Without the defaults of the daemon's level.
config::Config unlimited() {
  config::Config config;
  config.risk.daemon = {};
  return config;
}

class LossGuardTest : public testing::Test {
 protected:
  LossGuardTest() {
    const auto venue = catalog_.venue("binance");
    account_ = catalog_.account("main", venue);
    catalog_.account("other", venue);
    strategy_ = catalog_.strategy("cross");
  }

  /// What the guard recorded for this mark.
  std::vector<domain::TradingStateChanged> on_mark(const config::Config& config,
                                                   const EquityMarked& marked) {
    if (guard_ == nullptr) {
      limits_ = std::make_unique<LimitBook>(config, catalog_);
      valuation_ = std::make_unique<Valuation>(config, catalog_, market_);
      guard_ =
          std::make_unique<LossGuard>(config, catalog_, *limits_, states_, *valuation_, decisions_);
    }
    Outputs outputs;
    domain::Event event;
    decisions_.begin(event, 1, outputs);
    guard_->on_mark(marked);
    std::vector<domain::TradingStateChanged> changes;
    for (const auto& entry : outputs.records) {
      if (const auto* change = std::get_if<domain::TradingStateChanged>(&entry.record)) {
        changes.push_back(*change);
      }
    }
    return changes;
  }
  EquityMarked mark(Money realized, Money equity, Money peak) const {
    EquityMarked marked;
    marked.account = account_;
    marked.realized = realized;
    marked.equity = equity;
    marked.peak = peak;
    marked.drawdown = peak - equity;
    return marked;
  }

  domain::Catalog catalog_;
  domain::AccountId account_{};
  domain::StrategyId strategy_{};
  TradingStates states_;
  Decisions decisions_{
      &states_, [](void* state, const domain::RecordEntry& entry) {
        if (const auto* change = std::get_if<domain::TradingStateChanged>(&entry.record)) {
          static_cast<TradingStates*>(state)->apply(*change);
        }
      }};
  Market market_{0};
  std::unique_ptr<LimitBook> limits_;
  std::unique_ptr<Valuation> valuation_;
  std::unique_ptr<LossGuard> guard_;
};

TEST_F(LossGuardTest, HaltsTheDaemonAtTheDaysLossAndSaysWhyOnce) {
  config::Config config = unlimited();
  config.risk.daemon.max_daily_loss = "1000"_usd;
  // Given a loss of today that is a hair below the limit, beside an older one that does not count
  auto marked = mark("-1499.999999999"_usd, "98500"_usd, "100000"_usd);
  marked.day_start = "-500"_usd;
  EXPECT_TRUE(on_mark(config, marked).empty());
  // When it reaches the limit
  marked.realized = "-1500"_usd;
  const auto changes = on_mark(config, marked);
  // Then everything is halted, with the reason
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].scope, domain::Scope{});
  EXPECT_EQ(changes[0].state, TradingState::halted);
  EXPECT_EQ(changes[0].reason, Reason::daily_loss_above_limit);
  // And it is not said again while it stays halted, but when somebody resumed it in spite of it
  EXPECT_TRUE(on_mark(config, marked).empty());
  states_.apply(
      domain::TradingStateChanged{{}, TradingState::active, Reason::none, domain::daemon_user});
  EXPECT_EQ(on_mark(config, marked).size(), 1U);
}

TEST_F(LossGuardTest, AddsTheAccountsUpForTheDaemon) {
  config::Config config = unlimited();
  config.risk.daemon.max_daily_loss = "1000"_usd;
  auto first = mark("-600"_usd, "99400"_usd, "100000"_usd);
  EXPECT_TRUE(on_mark(config, first).empty());
  auto second = first;
  second.account = static_cast<domain::AccountId>(1);
  EXPECT_EQ(on_mark(config, second).size(), 1U);
}

TEST_F(LossGuardTest, HaltsAnAccountAtItsDrawdown) {
  config::Config config = unlimited();
  config.risk.accounts["main"].max_drawdown_pct = 20;
  EXPECT_TRUE(on_mark(config, mark({}, "80.000000001"_usd, "100"_usd)).empty());
  const auto changes = on_mark(config, mark({}, "80"_usd, "100"_usd));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].scope, (domain::Scope{account_, domain::no<domain::StrategyId>}));
  EXPECT_EQ(changes[0].reason, Reason::drawdown_above_limit);
}

TEST_F(LossGuardTest, HaltsAStrategyAlone) {
  config::Config config = unlimited();
  config.risk.strategies["cross"].max_daily_loss = "10"_usd;
  auto marked = mark("-10"_usd, "990"_usd, "1000"_usd);
  marked.strategy = strategy_;
  const auto changes = on_mark(config, marked);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].scope, (domain::Scope{account_, strategy_}));
}

TEST_F(LossGuardTest, LeavesAloneWhatHasNoLimitOrNoLoss) {
  config::Config config = unlimited();
  EXPECT_TRUE(on_mark(config, mark("-100000"_usd, "1"_usd, "100000"_usd)).empty());
  config.risk.daemon.max_daily_loss = Money{};
  EXPECT_TRUE(on_mark(config, mark({}, "100000"_usd, "100000"_usd)).empty());
}

TEST(LossDefaults, HaltWhereNobodySetALimit) {
  const config::RiskLimits limits = config::daemon_limits();
  EXPECT_EQ(limits.max_daily_loss, "1000"_usd);
  EXPECT_EQ(limits.max_loss_per_trade, "500"_usd);
  EXPECT_EQ(limits.max_consecutive_losses, 10);
  EXPECT_TRUE(limits.max_drawdown_pct.has_value());
}

}  // namespace
}  // namespace halcyon::engine
