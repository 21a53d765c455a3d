#include "engine/desk.h"

#include <gtest/gtest.h>

#include "harness.h"

namespace halcyon::engine::testing {
namespace {

struct DeskTest : ::testing::Test {
  void set_limit(LimitKey key, Money value) {
    SetLimit limit;
    limit.key = key;
    limit.value = value;
    h.command(limit);
  }
  Harness h;
  void SetUp() override { h.begin(); }
  NewOrder sent(OrderId id) const {
    for (const OrderOpened& opened : h.all<OrderOpened>()) {
      if (opened.order.id == id) return opened.order;
    }
    return {};
  }
};

TEST_F(DeskTest, SizesByCapitalAndReferencePriceRoundedDownToTheLot) {
  h.quote("28"_px, "32"_px);
  const NewOrder order = sent(h.want(50));
  EXPECT_EQ(order.side, Side::buy);
  EXPECT_EQ(order.type, OrderType::market);
  EXPECT_EQ(order.quantity, "166.66666"_qty);  // 5000 / 30
  EXPECT_EQ(order.strategy, h.strategy);
}

TEST_F(DeskTest, OrdersTheDifferenceToWhatIsHeld) {
  h.fill(h.want(10), "10"_qty, "100"_px, 1);
  const NewOrder less = sent(h.want(4));
  EXPECT_EQ(less.side, Side::sell);
  EXPECT_EQ(less.quantity, "6"_qty);
  h.fill(less.id, "6"_qty, "100"_px, 2);
  const NewOrder flat = sent(h.want(0));
  EXPECT_EQ(flat.side, Side::sell);
  EXPECT_EQ(flat.quantity, "4"_qty);
}

TEST_F(DeskTest, SellsWhatIsThereAfterAFeeInBase) {
  const OrderId order = h.want(1);
  Execution bought = h.execution(order, "1"_qty, "100"_px, 1);
  bought.fee = "0.0010005"_usd;
  bought.fee_asset = h.btc_asset;
  h.send(bought);
  const NewOrder flat = sent(h.want(0));
  EXPECT_EQ(flat.quantity, "0.99899"_qty) << "rounded down to the lot";
  h.fill(flat.id, flat.quantity, "100"_px, 2);
  EXPECT_EQ(h.position().quantity, "0.0000095"_qty);
  const std::size_t before = h.mark();
  EXPECT_TRUE(h.want(0).is_none()) << "no order could sell the rest";
  EXPECT_TRUE(h.all<OrderDenied>(before).empty());
}

TEST_F(DeskTest, SendsOneOrderAtATimeAndThenWhatIsWantedLast) {
  const OrderId first = h.want(10);
  EXPECT_TRUE(h.want(30).is_none());
  EXPECT_TRUE(h.want(20).is_none());
  const std::size_t before = h.commands().size();
  h.fill(first, "10"_qty, "100"_px, 1);
  ASSERT_EQ(h.commands().size(), before + 1);
  const auto& next = std::get<Approved<NewOrder>>(h.commands().back().what).value();
  EXPECT_EQ(next.quantity, "10"_qty) << "20 wanted, 10 held";
}

TEST_F(DeskTest, SendsNothingForATargetThatIsMet) {
  h.fill(h.want(10), "10"_qty, "100"_px, 1);
  EXPECT_TRUE(h.want(10).is_none());
}

TEST_F(DeskTest, WaitsWhileTheFateOfAnOrderIsUnknown) {
  const OrderId order = h.want(10);
  h.outcome(order, Outcome::unknown);
  EXPECT_TRUE(h.want(0).is_none());
  h.pass(10min);
  EXPECT_EQ(h.all<OrderOpened>().size(), 1U);
}

TEST_F(DeskTest, ARejectedOrderIsNotTriedAgainByItself) {
  const OrderId order = h.want(10);
  h.outcome(order, Outcome::refused, Reason::venue_refused_funds);
  const std::size_t before = h.commands().size();
  for (int candles = 0; candles < 5; ++candles) {
    Trade trade;
    trade.price = "100"_px;
    trade.quantity = "1"_qty;
    h.now += 1s;
    h.send(trade);
  }
  EXPECT_EQ(h.commands().size(), before);
}

TEST_F(DeskTest, ARefusalOfTheGateIsRecordedOnceATargetAndTheTargetStands) {
  h.command(SetTradingState{{}, TradingState::halted});
  EXPECT_TRUE(h.want(10).is_none());
  EXPECT_EQ(h.all<OrderDenied>().size(), 1U);
  EXPECT_EQ(h.all<OrderDenied>()[0].reason, Reason::trading_halted);
  h.want(10);
  h.pass(5s);
  EXPECT_EQ(h.all<OrderDenied>().size(), 2U) << "the second target; candles in between are silent";
  h.command(SetTradingState{{}, TradingState::active});
  h.pass(2s);
  EXPECT_EQ(h.commands().size(), 1U) << "what is wanted is met when it may be";
}

TEST_F(DeskTest, WithoutRulesOrPriceNothingIsOrdered) {
  Harness fresh;
  fresh.start(Harness::first_epoch);
  fresh.connect();
  EXPECT_TRUE(fresh.want(10).is_none());
  // A trade gives a price; the rules were never heard.
  EXPECT_EQ(fresh.all<OrderDenied>().back().reason, Reason::missing_instrument_rules);
}

TEST_F(DeskTest, RulesOfAnEarlierRunAreNotRules) {
  h.restart_from_journal();
  h.now += 10s;
  h.start(Harness::first_epoch + 10);
  h.quote("99"_px, "101"_px);
  h.connect();
  EXPECT_TRUE(h.want(10).is_none());
  EXPECT_EQ(h.all<OrderDenied>().back().reason, Reason::missing_instrument_rules);
}

TEST_F(DeskTest, AStrategySaysItsPriceAndItsProtection) {
  strategy::How how;
  how.limit_price = "99"_px;
  how.post_only = true;
  how.stop_loss = "96"_px;
  how.take_profit = "103"_px;
  const OrderId id = h.want(1, how);
  ASSERT_FALSE(id.is_none());
  EXPECT_EQ(sent(id).type, OrderType::limit);
  EXPECT_EQ(sent(id).limit_price, "99"_px);
  EXPECT_TRUE(sent(id).post_only);
  const auto opened = h.all<OrderOpened>();
  ASSERT_EQ(opened.size(), 3U);
  EXPECT_EQ(opened[1].order.parent, id);
  EXPECT_EQ(opened[1].order.group, opened[2].order.group);
  h.outcome(id, Outcome::acknowledged);
  h.fill(id, sent(id).quantity, "99"_px, 1);
  EXPECT_EQ(h.state(opened[2].order.id), OrderState::pending_submit);
}

TEST_F(DeskTest, WhatProtectsIsEndedBeforeThePositionIsChanged) {
  strategy::How how;
  how.take_profit = "103"_px;
  const OrderId id = h.want(1, how);
  h.fill(id, "1"_qty, "100"_px, 1);
  const OrderId profit = h.all<OrderOpened>().back().order.id;
  h.outcome(profit, Outcome::sent);
  h.outcome(profit, Outcome::acknowledged);
  EXPECT_TRUE(h.want(0).is_none()) << "the base is locked by the take profit";
  EXPECT_EQ(h.state(profit), OrderState::pending_cancel);
  h.report(profit, VenueOrderStatus::canceled, {});
  const OrderId out = h.all<OrderOpened>().back().order.id;
  EXPECT_NE(out, profit);
  EXPECT_EQ(sent(out).side, Side::sell);
  EXPECT_EQ(sent(out).quantity, "1"_qty);
}

TEST_F(DeskTest, TheGateSeesUnknownOrdersAsAlive) {
  set_limit(LimitKey::max_open_orders, "1"_usd);
  OrderReport external;
  external.venue_order = ForeignId::number(77);
  external.quantity = "3"_qty;
  h.send(external, "web");
  EXPECT_TRUE(h.want(1).is_none());
  EXPECT_EQ(h.all<OrderDenied>().back().reason, Reason::too_many_open_orders);
}

TEST_F(DeskTest, TheGateSeesPositionsOfAllStrategiesGross) {
  set_limit(LimitKey::max_position_notional, "1000"_usd);
  // An external position of 6 BTC at 100
  Execution external;
  external.venue_order = ForeignId::number(77);
  external.trade = ForeignId::number(5);
  external.price = "100"_px;
  external.quantity = "6"_qty;
  h.send(external);
  EXPECT_TRUE(h.want(5).is_none());
  const OrderDenied denied = h.all<OrderDenied>().back();
  EXPECT_EQ(denied.reason, Reason::position_notional_above_limit);
  EXPECT_EQ(denied.limit, "1000"_usd);
  EXPECT_EQ(denied.actual, "1100"_usd);
  EXPECT_FALSE(h.want(4).is_none());
}

TEST_F(DeskTest, TheGateSeesOrdersPerSecond) {
  set_limit(LimitKey::max_orders_per_second, "1"_usd);
  const OrderId first = h.want(1);
  // A newer target waits, and the first order ends within the same second.
  EXPECT_TRUE(h.want(2).is_none());
  h.outcome(first, Outcome::refused, Reason::venue_refused);
  EXPECT_EQ(h.commands().size(), 2U) << "a second has passed since the first one";
  const OrderId second = std::get<Approved<NewOrder>>(h.commands().back().what).value().id;
  h.now += 1ms;
  h.want(3);
  h.now -= 2ms;  // received earlier: engine time does not step back
  const std::size_t before = h.mark();
  h.outcome(second, Outcome::refused, Reason::venue_refused);
  EXPECT_TRUE(h.all<OrderDenied>(before).empty());
  const OrderId third = std::get<Approved<NewOrder>>(h.commands().back().what).value().id;
  h.outcome(third, Outcome::refused, Reason::venue_refused);
  EXPECT_EQ(h.commands().size(), 3U);
}

TEST_F(DeskTest, FundsTakenByAFillAreNotSpentAgainBeforeTheVenueSaysSo) {
  Harness poor{
      [](config::Config& config, engine::Setup&) { config.strategies[0].capital = "2000"_usd; }};
  poor.balances = {{poor.usdt, "1000"_usd}};
  poor.begin();
  const OrderId first = poor.want(45);  // 9 BTC, 900 USDT
  ASSERT_FALSE(first.is_none());
  EXPECT_TRUE(poor.want(90).is_none());
  poor.fill(first, "9"_qty, "100"_px, 1);
  const OrderDenied denied = poor.all<OrderDenied>().back();
  EXPECT_EQ(denied.reason, Reason::insufficient_funds);
  EXPECT_EQ(denied.limit, "100"_usd) << "1000 less the 900 that the fill took";
}

TEST_F(DeskTest, StopsWhenTheDaemonIsToStop) {
  h.command(PrepareStop{});
  EXPECT_TRUE(h.want(10).is_none());
  EXPECT_EQ(h.all<OrderDenied>().back().reason, Reason::trading_halted);
  EXPECT_TRUE(h.noticed(NoticeCode::stopping));
}

TEST_F(DeskTest, DeniesOrdersWhileTheJournalKeepsItsRestForFills) {
  h.send(JournalRoomChanged{JournalRoom::reserve});
  EXPECT_TRUE(h.want(10).is_none());
  EXPECT_EQ(h.all<OrderDenied>().back().reason, Reason::journal_unavailable);
}

TEST(Desk, SharesCapitalEvenlyByAccountsAndInstruments) {
  Harness h{[](config::Config& config, engine::Setup&) {
    config.strategies[0].instruments = {"BTC/USDT", "BNB/USDT"};
  }};
  h.begin();
  const OrderId order = h.want(100);
  EXPECT_EQ(h.all<OrderOpened>()[0].order.id, order);
  EXPECT_EQ(h.all<OrderOpened>()[0].order.quantity, "50"_qty);
}

/// The reporting currency is EUR, which nothing counts as; limits and capital are in it.
TEST(Desk, BuysInAnotherCurrencyByTheStatedPathAndNotWithoutItsPrice) {
  Harness h{[](config::Config& config, engine::Setup&) {
    config.risk.currency = "EUR";
    config.risk.equal_currencies = {};
    config.venues[0].instruments = {"BTC/USDT", "BNB/USDT", "EUR/USDT"};
  }};
  const InstrumentId eur = h.catalog.instrument(h.venue, "EUR/USDT");
  h.engine = std::make_unique<Engine>(h.setup);
  h.begin();
  EXPECT_TRUE(h.want(100).is_none());
  EXPECT_EQ(h.all<OrderDenied>().back().reason, Reason::missing_conversion_price);
  Quote rate;
  rate.bid = "1.24"_px;
  rate.ask = "1.26"_px;
  h.send_of(eur, rate);
  // 10,000 EUR are 12,500 USDT, and those 125 BTC.
  ASSERT_FALSE(h.want(100).is_none());
  EXPECT_EQ(h.all<OrderOpened>().back().order.quantity, "125"_qty);
}

}  // namespace
}  // namespace halcyon::engine::testing
