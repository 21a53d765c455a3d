// What an operator may do beside halting and cancelling: resolve, flatten, reconcile, kill, pause,
// set limits, accept adjustments. Each is journaled, answered, and survives a restart.

#include "engine/commands.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "harness.h"

namespace halcyon::engine::testing {
namespace {

struct Operators : ::testing::Test {
  Harness h;
  void SetUp() override { h.begin(); }

  CommandAnswered say(decltype(Command::what) what) {
    h.command(what);
    return h.all<CommandAnswered>().back();
  }
  SubmitOrder buy(Quantity quantity, Price price) const {
    SubmitOrder what;
    what.account = h.account;
    what.instrument = h.btc;
    what.quantity = quantity;
    what.limit_price = price;
    return what;
  }
  /// The strategy holds 1 BTC.
  OrderId hold_one() {
    const OrderId id = h.want(1);
    h.outcome(id, Outcome::sent);
    h.outcome(id, Outcome::acknowledged);
    h.fill(id, "1"_qty, "100"_px, 1);
    return id;
  }
  const NewOrder* last_placed() const {
    const NewOrder* found = nullptr;
    for (const OrderCommand& command : h.commands()) {
      const auto* place = std::get_if<Approved<NewOrder>>(&command.what);
      if (place != nullptr) found = &place->value();
    }
    return found;
  }
  TradingState trading() const { return h.all<TradingStateChanged>().back().state; }
  void restart(bool from_snapshot = false) {
    from_snapshot ? h.restart_from_snapshot() : h.restart_from_journal();
    h.start(h.epoch + 1);
    h.hear_rules();
    h.quote("99"_px, "101"_px);
    h.connect();
  }
};

// ---- Resolve ------------------------------------------------------------------------------------

TEST_F(Operators, G2_AnUnknownOrderEndsByAnOperatorsJournaledWord) {
  const OrderId id = say(buy("1"_qty, "99"_px)).order;
  h.outcome(id, Outcome::unknown);
  ASSERT_EQ(h.state(id), OrderState::unknown);
  h.pass(10min);
  ASSERT_EQ(h.state(id), OrderState::unknown) << "silence ends nothing";
  EXPECT_TRUE(say(ResolveOrder{id, VenueOrderStatus::rejected}).accepted);
  EXPECT_EQ(h.state(id), OrderState::rejected);
  EXPECT_EQ(h.last(id).evidence.source, Source::operator_command);
  EXPECT_EQ(h.last(id).reason, Reason::resolved_by_operator);
  EXPECT_EQ(say(ResolveOrder{id, VenueOrderStatus::canceled}).reason, Reason::order_already_ended);
  // Even then a fill is booked.
  h.fill(id, "1"_qty, "99"_px, 5);
  EXPECT_EQ(h.all<FillBooked>().size(), 1U);
  EXPECT_TRUE(h.noticed(NoticeCode::fill_after_terminal));
}

TEST_F(Operators, CannotResolveAnOrderToAliveNorOneThatIsNotKnown) {
  const OrderId id = say(buy("1"_qty, "99"_px)).order;
  EXPECT_EQ(say(ResolveOrder{id, VenueOrderStatus::working}).reason, Reason::not_permitted);
  EXPECT_EQ(say(ResolveOrder{{3, 4}, VenueOrderStatus::canceled}).reason, Reason::unknown_order);
}

// ---- Flatten ------------------------------------------------------------------------------------

TEST_F(Operators, FlattenCancelsWaitsForTheEndAndClosesWhatIsHeldThen) {
  hold_one();
  const OrderId second = h.want(3);
  h.outcome(second, Outcome::sent);
  h.outcome(second, Outcome::acknowledged);
  const std::size_t before = h.commands().size();
  EXPECT_TRUE(say(Flatten{}).accepted);
  EXPECT_EQ(trading(), TradingState::reducing);
  ASSERT_EQ(h.commands().size(), before + 1) << "only the cancel";
  h.fill(second, "0.5"_qty, "100"_px, 2);
  h.report(second, VenueOrderStatus::canceled, "0.5"_qty);
  const NewOrder* closing = last_placed();
  ASSERT_NE(closing, nullptr);
  EXPECT_EQ(closing->side, Side::sell);
  EXPECT_EQ(closing->quantity, "1.5"_qty);
  EXPECT_EQ(closing->type, OrderType::market);
  EXPECT_TRUE(closing->reduce_only);
  h.fill(closing->id, "1.5"_qty, "100"_px, 3);
  EXPECT_TRUE(h.position().quantity.is_zero());
  EXPECT_TRUE(h.want(2).is_none()) << "the strategy may not buy again";
}

TEST_F(Operators, G5_AFlattenSurvivesARestart) {
  hold_one();
  h.disconnect();
  say(Flatten{});
  const std::size_t before = h.commands().size();
  restart();
  ASSERT_EQ(h.commands().size(), before + 1);
  EXPECT_EQ(last_placed()->quantity, "1"_qty);
}

// ---- Kill switch --------------------------------------------------------------------------------

TEST_F(Operators, TheKillSwitchHaltsCancelsAndIsALatchAcrossRestarts) {
  const OrderId id = say(buy("1"_qty, "99"_px)).order;
  h.outcome(id, Outcome::sent);
  h.outcome(id, Outcome::acknowledged);
  EXPECT_EQ(say(KillSwitch{}).affected, 1U);
  EXPECT_EQ(h.state(id), OrderState::pending_cancel);
  EXPECT_TRUE(h.noticed(NoticeCode::kill_switch));
  EXPECT_EQ(say(buy("1"_qty, "98"_px)).reason, Reason::kill_switch);
  EXPECT_EQ(say(SetTradingState{{}, TradingState::active}).reason, Reason::kill_switch);
  EXPECT_EQ(say(SetTradingState{{}, TradingState::reducing}).reason, Reason::kill_switch);
  for (const bool from_snapshot : {false, true}) {
    restart(from_snapshot);
    EXPECT_EQ(say(buy("1"_qty, "98"_px)).reason, Reason::kill_switch);
  }
  EXPECT_TRUE(say(ReleaseKillSwitch{}).accepted);
  EXPECT_TRUE(say(buy("1"_qty, "98"_px)).accepted);
  EXPECT_EQ(say(ReleaseKillSwitch{}).reason, Reason::not_permitted);
}

TEST_F(Operators, TheKillSwitchMayFlattenTooAndNothingElseLeaves) {
  hold_one();
  EXPECT_TRUE(say(KillSwitch{true}).accepted);
  ASSERT_NE(last_placed(), nullptr);
  EXPECT_EQ(last_placed()->side, Side::sell);
  EXPECT_EQ(last_placed()->quantity, "1"_qty);
}

TEST_F(Operators, CancelsPassWhileTheKillSwitchIsSet) {
  const OrderId id = say(buy("1"_qty, "99"_px)).order;
  h.disconnect();
  say(KillSwitch{});
  h.outcome(id, Outcome::acknowledged);
  EXPECT_EQ(h.all<RequestChanged>().back().kind, RequestKind::place);
  EXPECT_TRUE(std::any_of(h.commands().begin(), h.commands().end(), [](const auto& command) {
    return std::holds_alternative<CancelRequest>(command.what);
  }));
}

// ---- Reconcile ----------------------------------------------------------------------------------

TEST_F(Operators, ReconcileComparesNowOrSaysThatTheLinkIsDown) {
  EXPECT_TRUE(say(Reconcile{}).accepted);
  EXPECT_TRUE(h.has_question(QueryKind::open_orders));
  h.disconnect();
  EXPECT_EQ(say(Reconcile{}).reason, Reason::stream_not_ready);
}

// ---- Pause --------------------------------------------------------------------------------------

TEST_F(Operators, APausedStrategySendsNothingAndGoesOnWhenItIsResumed) {
  EXPECT_TRUE(say(PauseStrategy{h.strategy, true}).accepted);
  EXPECT_TRUE(h.want(1).is_none());
  EXPECT_EQ(h.all<OrderDenied>().back().reason, Reason::strategy_paused);
  restart();
  EXPECT_TRUE(h.want(2).is_none());
  EXPECT_TRUE(say(PauseStrategy{h.strategy, false}).accepted);
  EXPECT_FALSE(h.want(2).is_none());
  EXPECT_EQ(say(PauseStrategy{StrategyId{9}, true}).reason, Reason::unknown_strategy);
}

// ---- Limits at run time -------------------------------------------------------------------------

TEST_F(Operators, ALimitSetAtRunTimeBindsAtItsLevelAndSurvivesARestart) {
  SetLimit limit;
  limit.level = LimitLevel::strategy;
  limit.key = LimitKey::max_order_notional;
  limit.id = static_cast<std::uint32_t>(h.strategy);
  limit.value = "50"_usd;
  EXPECT_TRUE(say(limit).accepted);
  EXPECT_TRUE(h.want(1).is_none());
  EXPECT_EQ(h.all<OrderDenied>().back().reason, Reason::order_notional_above_limit);
  EXPECT_EQ(h.all<OrderDenied>().back().limit, "50"_usd);
  EXPECT_TRUE(say(buy("1"_qty, "99"_px)).accepted) << "it is another level";
  for (const bool from_snapshot : {false, true}) {
    restart(from_snapshot);
    EXPECT_TRUE(h.want(2).is_none());
  }
  limit.is_set = false;
  EXPECT_TRUE(say(limit).accepted);
  EXPECT_FALSE(h.want(1).is_none());
}

TEST_F(Operators, EveryLimitOfTheFileCanBeSetAtRunTimeAndNonsenseCannot) {
  for (std::size_t number = 0; number < enum_count<LimitKey>(); ++number) {
    SetLimit limit;
    limit.key = static_cast<LimitKey>(number);
    limit.value = "2"_usd;
    EXPECT_TRUE(say(limit).accepted) << enum_name(limit.key);
    limit.value = "-1"_usd;
    EXPECT_EQ(say(limit).reason, Reason::unknown_limit) << enum_name(limit.key);
  }
  SetLimit whole;
  whole.key = LimitKey::max_open_orders;
  whole.value = "1.5"_usd;
  EXPECT_EQ(say(whole).reason, Reason::unknown_limit);
  SetLimit nobody;
  nobody.level = LimitLevel::account;
  nobody.id = 7;
  nobody.value = "1"_usd;
  EXPECT_EQ(say(nobody).reason, Reason::unknown_account);
}

// ---- Adjustments --------------------------------------------------------------------------------

TEST_F(Operators, AnUnexplainedBalanceBecomesAnAdjustmentThatWaitsForAnOperator) {
  h.balances[1].second = "1002"_usd;
  for (int rounds = 0; rounds < 3; ++rounds) {
    say(Reconcile{});
    h.answer_all();
    h.pass(10s);
  }
  const auto found = h.all<AdjustmentChanged>();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].asset, h.btc_asset);
  EXPECT_EQ(found[0].amount, "2"_usd);
  EXPECT_FALSE(found[0].is_accepted);
  EXPECT_TRUE(h.noticed(NoticeCode::adjustment_waiting));
  restart(true);
  EXPECT_TRUE(say(AcceptAdjustment{found[0].number}).accepted);
  EXPECT_TRUE(h.all<AdjustmentChanged>().back().is_accepted);
  EXPECT_EQ(say(AcceptAdjustment{found[0].number}).reason, Reason::unknown_adjustment);
}

TEST_F(Operators, WhatIsListenedToIsAskedOfTheMarketSession) {
  EXPECT_TRUE(say(Listen{h.btc, false}).accepted);
  EXPECT_EQ(h.take(QueryKind::unsubscribe).instrument, h.btc);
  EXPECT_TRUE(say(Listen{h.btc, true}).accepted);
  EXPECT_EQ(h.take(QueryKind::subscribe).instrument, h.btc);
  EXPECT_EQ(say(Listen{no<InstrumentId>, true}).reason, Reason::unknown_instrument);
}

TEST(Adjustments, AreAcceptedByTheSettingUpToItsWorth) {
  Harness h{[](config::Config& config, engine::Setup&) {
    config.risk.accept_adjustments_up_to = "150"_usd;
  }};
  h.begin();
  const auto settle = [&] {
    for (int rounds = 0; rounds < 3; ++rounds) {
      h.command(Reconcile{});
      h.answer_all();
      h.pass(10s);
    }
  };
  h.balances[1].second = "1001"_usd;  // worth 100
  settle();
  ASSERT_EQ(h.all<AdjustmentChanged>().size(), 1U);
  EXPECT_TRUE(h.all<AdjustmentChanged>()[0].is_accepted);
  h.balances[1].second = "1003"_usd;
  settle();
  ASSERT_EQ(h.all<AdjustmentChanged>().size(), 2U);
  EXPECT_FALSE(h.all<AdjustmentChanged>()[1].is_accepted);
}

// ---- When we are gone --------------------------------------------------------------------------

TEST(LostPath, WhatWorksIsCancelledAtTheFirstChanceWhereTheConfigurationSaysSo) {
  for (const bool wanted : {true, false}) {
    Harness h{
        [&](config::Config& config, engine::Setup&) { config.risk.cancel_on_reconnect = wanted; }};
    h.begin();
    const OrderId id = h.want(1);
    h.outcome(id, Outcome::sent);
    h.outcome(id, Outcome::acknowledged);
    h.disconnect();
    StreamChanged ready;
    ready.stream = StreamKind::orders;
    ready.state = StreamState::ready;
    const std::size_t before = h.commands().size();
    h.send(ready);
    EXPECT_EQ(h.commands().size() - before, wanted ? 1U : 0U);
    if (wanted) {
      EXPECT_TRUE(std::holds_alternative<CancelRequest>(h.commands().back().what));
    }
  }
}

TEST(CancelAllReach, SaysWhoseOrdersAreMeant) {
  Harness h;
  h.begin();
  const OrderId mine = h.want(1);
  h.outcome(mine, Outcome::sent);
  h.outcome(mine, Outcome::acknowledged);
  OrderReport other;
  other.venue_order = ForeignId::number(77);
  other.quantity = "1"_qty;
  h.send(other, "web");
  OrderReport lost;  // bears our name; made before the data directory was lost
  lost.order = {1'600'000'000, 4};
  lost.venue_order = ForeignId::number(78);
  lost.quantity = "1"_qty;
  h.send(lost);
  const auto reached = [&](CancelReach reach) {
    CancelAll what;
    what.reach = reach;
    h.command(what);
    return h.all<CommandAnswered>().back().affected;
  };
  EXPECT_EQ(reached(CancelReach::ours), 1U);
  EXPECT_EQ(reached(CancelReach::our_name), 2U);
  EXPECT_EQ(reached(CancelReach::everything), 3U);
}

// ---- Losses -------------------------------------------------------------------------------------

struct Losses : ::testing::Test {
  static void trade(Harness& h, Price in, Price out, std::uint64_t& number) {
    const OrderId bought = h.want(1);
    if (bought.is_none()) return;
    h.fill(bought, "1"_qty, in, ++number);
    const OrderId sold = h.want(0);
    if (!sold.is_none()) h.fill(sold, "1"_qty, out, ++number);
  }
};

TEST_F(Losses, TooManyInARowHaltAndFlattenWhereTheConfigurationSaysSo) {
  Harness h{[](config::Config& config, engine::Setup&) {
    config.risk.strategies["cross"].max_consecutive_losses = 3;
    config.risk.flatten_on_loss = true;
  }};
  h.begin();
  std::uint64_t number = 0;
  trade(h, "100"_px, "99"_px, number);
  trade(h, "100"_px, "99"_px, number);
  trade(h, "100"_px, "101"_px, number);  // begins anew
  trade(h, "100"_px, "99"_px, number);
  trade(h, "100"_px, "99"_px, number);
  EXPECT_TRUE(h.all<TradingStateChanged>().empty());
  trade(h, "100"_px, "99"_px, number);
  const auto states = h.all<TradingStateChanged>();
  ASSERT_EQ(states.size(), 1U);
  EXPECT_EQ(states[0].reason, Reason::too_many_consecutive_losses);
  EXPECT_EQ(states[0].state, TradingState::halted);
  EXPECT_TRUE(h.want(1).is_none());
}

TEST_F(Losses, OneThatIsTooLargeHalts) {
  Harness h{[](config::Config& config, engine::Setup&) {
    config.risk.daemon.max_loss_per_trade = "5"_usd;
  }};
  h.begin();
  std::uint64_t number = 0;
  trade(h, "100"_px, "95.01"_px, number);
  EXPECT_TRUE(h.all<TradingStateChanged>().empty());
  trade(h, "100"_px, "95"_px, number);
  ASSERT_EQ(h.all<TradingStateChanged>().size(), 1U);
  EXPECT_EQ(h.all<TradingStateChanged>()[0].reason, Reason::loss_per_trade_above_limit);
}

// ---- Credentials --------------------------------------------------------------------------------

TEST_F(Operators, G12_SealedSecretsAreRecordedAllOrNone) {
  const auto put = [&](std::uint32_t count, std::string_view remark) {
    h.send(Command{77, daemon_user, PutCredentials{count}}, remark);
    return h.all<CommandAnswered>().back();
  };
  // Given two lines and the reason
  const CommandAnswered taken =
      put(2, "main api_key 2 abcd QUJD\nmain private_key 2 - QUJE\nrotated [uid 0]");
  EXPECT_TRUE(taken.accepted);
  EXPECT_EQ(taken.affected, 2U);
  EXPECT_EQ(taken.token, 77U);
  EXPECT_EQ(h.all<CredentialChanged>().size(), 2U);
  // When one of two is not a sealed secret (its text was lost, or cut)
  for (const char* remark : {"main api_key 3 abcd QUJD\nmain private_key", "", "why"}) {
    const CommandAnswered refused = put(2, remark);
    EXPECT_FALSE(refused.accepted) << remark;
    EXPECT_EQ(refused.reason, Reason::not_permitted);
  }
  // Then nothing of it is
  EXPECT_EQ(h.all<CredentialChanged>().size(), 2U);
}

/// BTC alone has limits on losses; the account holds 1,000,000 USDT and 1000 BTC.
struct InstrumentLosses : ::testing::Test {
  Harness h{[](config::Config& config, engine::Setup&) {
    auto& limits = config.risk.instruments["BTC/USDT"];
    limits.max_daily_loss = "50"_usd;
    limits.max_consecutive_losses = 2;
    config.risk.flatten_on_loss = true;
    config.engine.equity_interval = 1s;
  }};
  std::uint64_t number = 0;
  void SetUp() override { h.begin(); }
  std::vector<InstrumentStateChanged> states() const { return h.all<InstrumentStateChanged>(); }
  SubmitOrder buy(InstrumentId instrument) const {
    SubmitOrder what;
    what.account = h.account;
    what.instrument = instrument;
    what.quantity = "1"_qty;
    what.limit_price = "99"_px;
    return what;
  }
};

TEST_F(InstrumentLosses, TheDaysLossHaltsTheInstrumentFlattensItAndNothingElse) {
  h.fill(h.want(10), "10"_qty, "100"_px, ++number);
  h.pass(2s);
  h.quote("95"_px, "95.02"_px);
  h.pass(2s);
  EXPECT_TRUE(states().empty()) << "49.9 of 50";
  h.quote("94.98"_px, "95.02"_px);
  h.pass(2s);
  ASSERT_EQ(states().size(), 1U);
  EXPECT_EQ(states()[0].instrument, h.btc);
  EXPECT_EQ(states()[0].state, TradingState::halted);
  EXPECT_EQ(states()[0].reason, Reason::daily_loss_above_limit);
  EXPECT_TRUE(h.all<TradingStateChanged>().empty());
  // What was bought is sold again.
  const auto* exit = std::get_if<Approved<NewOrder>>(&h.commands().back().what);
  ASSERT_NE(exit, nullptr);
  EXPECT_EQ(exit->value().side, Side::sell);
  EXPECT_EQ(exit->value().quantity, "10"_qty);
  // Nothing new of it, also after a restart, until it is resumed.
  h.command(buy(h.btc));
  EXPECT_EQ(h.all<CommandAnswered>().back().reason, Reason::trading_halted);
  for (const bool from_snapshot : {false, true}) {
    std::vector<RecordEntry> records;
    h.recovered(from_snapshot)->snapshot(records);
    EXPECT_EQ(to_text(records), h.snapshot());
  }
  Quote bnb;
  bnb.bid = "99"_px;
  bnb.ask = "101"_px;
  h.send_of(h.bnb, bnb);
  h.command(buy(h.bnb));
  EXPECT_TRUE(h.all<CommandAnswered>().back().accepted);
  h.command(SetTradingState{{}, TradingState::active, h.btc});
  EXPECT_EQ(states().back().state, TradingState::active);
}

TEST_F(InstrumentLosses, RoundTripsInARowHaltIt) {
  for (int trips = 0; trips < 2; ++trips) {
    EXPECT_TRUE(states().empty());
    h.fill(h.want(1), "1"_qty, "100"_px, ++number);
    h.fill(h.want(0), "1"_qty, "99"_px, ++number);
  }
  ASSERT_FALSE(states().empty());
  EXPECT_EQ(states().back().reason, Reason::too_many_consecutive_losses);
}

TEST_F(InstrumentLosses, AnInstrumentIsHaltedByHandInAllAccountsOnly) {
  h.command(SetTradingState{{h.account, no<StrategyId>}, TradingState::halted, h.btc});
  EXPECT_EQ(h.all<CommandAnswered>().back().reason, Reason::not_permitted);
  h.command(SetTradingState{{}, TradingState::halted, InstrumentId{77}});
  EXPECT_EQ(h.all<CommandAnswered>().back().reason, Reason::unknown_instrument);
  h.command(SetTradingState{{}, TradingState::halted, h.btc});
  h.command(buy(h.btc));
  EXPECT_EQ(h.all<CommandAnswered>().back().reason, Reason::trading_halted);
}

}  // namespace
}  // namespace halcyon::engine::testing
