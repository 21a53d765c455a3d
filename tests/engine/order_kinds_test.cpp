#include "order_kinds.h"

#include <utility>

#include <gtest/gtest.h>

namespace halcyon::engine::testing {
namespace {

// ---- Orders that wait for a price ---------------------------------------------------------------

TEST_F(OrderKinds, AStopIsKeptByTheEngineAndGoesOutAtTheMarketWhenItsPriceHasCome) {
  const OrderId id = submit(stop(Side::sell, "2"_qty, "95"_px));
  EXPECT_EQ(h.state(id), OrderState::held);
  EXPECT_EQ(sent(id), nullptr);
  price("95.01"_px);
  EXPECT_EQ(h.state(id), OrderState::held);
  price("95"_px);
  EXPECT_EQ(h.state(id), OrderState::pending_submit);
  ASSERT_NE(sent(id), nullptr);
  EXPECT_EQ(sent(id)->type, OrderType::market);
  EXPECT_EQ(sent(id)->quantity, "2"_qty);
  EXPECT_TRUE(sent(id)->stop_price.is_zero());
}

struct Trigger {
  const char* name;
  OrderType type;
  Side side;
  const char* stop;
  const char* limit;
  const char* not_yet;
  const char* come;
};

struct Triggers : OrderKinds, ::testing::WithParamInterface<Trigger> {};

TEST_P(Triggers, ComeAtTheirPriceAndNotBefore) {
  const Trigger& row = GetParam();
  SubmitOrder what = stop(row.side, "1"_qty, *parse<Price>(row.stop));
  what.type = row.type;
  if (*row.limit != 0) what.limit_price = *parse<Price>(row.limit);
  const OrderId id = submit(what);
  price(*parse<Price>(row.not_yet));
  EXPECT_EQ(h.state(id), OrderState::held);
  price(*parse<Price>(row.come));
  ASSERT_NE(sent(id), nullptr);
  EXPECT_EQ(sent(id)->type, *row.limit != 0 ? OrderType::limit : OrderType::market);
  EXPECT_EQ(sent(id)->limit_price, what.limit_price);
}

INSTANTIATE_TEST_SUITE_P(
    , Triggers,
    ::testing::Values(
        Trigger{"stop_sell", OrderType::stop, Side::sell, "96", "", "96.01", "96"},
        Trigger{"stop_buy", OrderType::stop, Side::buy, "104", "", "103.99", "104.5"},
        Trigger{"stop_limit_sell", OrderType::stop_limit, Side::sell, "97", "96.5", "98", "97"},
        Trigger{"stop_limit_buy", OrderType::stop_limit, Side::buy, "103", "103.5", "102", "103"},
        Trigger{"take_profit_sell", OrderType::take_profit, Side::sell, "104", "", "103.9", "104"},
        Trigger{"take_profit_buy", OrderType::take_profit, Side::buy, "96", "", "96.1", "95"},
        Trigger{"take_profit_limit_sell", OrderType::take_profit_limit, Side::sell, "103", "103",
                "102", "103"}),
    [](const auto& row) { return row.param.name; });

TEST_F(OrderKinds, ATrailingStopFollowsTheBestPriceAndNeverBack) {
  SubmitOrder what = stop(Side::sell, "1"_qty, {});
  what.type = OrderType::trailing_stop;
  what.trailing_offset = "2"_px;
  const OrderId id = submit(what);
  price("100"_px);  // 98
  price("103"_px);  // 101
  price("101.5"_px);
  EXPECT_EQ(h.all<OrderArmed>().back().stop_price, "101"_px);
  EXPECT_EQ(h.state(id), OrderState::held);
  restart("102"_px, "104"_px);  // what it had seen is durable
  price("101.01"_px);
  EXPECT_EQ(h.state(id), OrderState::held);
  price("101"_px);
  ASSERT_NE(sent(id), nullptr);
  EXPECT_EQ(sent(id)->type, OrderType::market);
}

TEST_F(OrderKinds, ATrailingStopByBasisPointsBeginsAtItsPrice) {
  SubmitOrder what = stop(Side::buy, "1"_qty, "98"_px);
  what.type = OrderType::trailing_stop;
  what.trailing_bps = 100;
  const OrderId id = submit(what);
  price("99"_px);
  EXPECT_TRUE(h.all<OrderArmed>().empty());
  price("98"_px);  // begins: 98.98
  price("97"_px);  // 97.97
  EXPECT_EQ(h.all<OrderArmed>().back().stop_price, "97.97"_px);
  price("97.96"_px);
  EXPECT_EQ(sent(id), nullptr);
  price("97.97"_px);
  EXPECT_NE(sent(id), nullptr);
}

TEST_F(OrderKinds, AStopWhosePriceHasComeIsRefusedWithBothNumbers) {
  const CommandAnswered answer = say(stop(Side::sell, "1"_qty, "100"_px));
  EXPECT_FALSE(answer.accepted);
  EXPECT_EQ(answer.reason, Reason::trigger_price_on_wrong_side);
  const OrderDenied denied = h.all<OrderDenied>().back();
  EXPECT_EQ(denied.limit, "100"_usd);
  EXPECT_EQ(denied.actual, "100"_usd);
}

TEST_F(OrderKinds, AStopKeptWhileTheLinkIsDownGoesOutWhenTheAccountIsReadyAgain) {
  const OrderId id = submit(stop(Side::sell, "2"_qty, "95"_px));
  h.disconnect();
  price("94"_px);
  EXPECT_EQ(h.state(id), OrderState::held);
  EXPECT_TRUE(h.all<OrderArmed>().back().is_triggered);
  h.connect();
  EXPECT_NE(sent(id), nullptr);
}

TEST_F(OrderKinds, G5_EmulatedOrdersSurviveARestartFromJournalAndSnapshot) {
  const OrderId id = submit(stop(Side::sell, "2"_qty, "95"_px));
  const auto before = h.snapshot();
  for (const bool from_snapshot : {false, true}) {
    std::vector<RecordEntry> records;
    const auto again = h.recovered(from_snapshot);
    again->snapshot(records);
    EXPECT_EQ(to_text(records), before);
  }
  restart();
  EXPECT_EQ(h.state(id), OrderState::held);
  price("95"_px);
  EXPECT_NE(sent(id), nullptr);
}

TEST_F(OrderKinds, AMarketOrderIsNeverKept) {
  SubmitOrder what = limit(Side::buy, "1"_qty, {});
  what.type = OrderType::market;
  what.is_emulated = true;
  EXPECT_NE(sent(submit(what)), nullptr);
}

TEST_F(OrderKinds, AReleasedStopIsUnknownAfterARestartLikeEveryOrder) {
  const OrderId id = submit(stop(Side::sell, "2"_qty, "95"_px));
  price("95"_px);
  h.restart_from_journal();
  h.start(h.epoch + 1);
  EXPECT_EQ(h.state(id), OrderState::unknown);
}

// ---- Time in force ------------------------------------------------------------------------------

TEST_F(OrderKinds, AGtdOrderGoesOutAsGtcAndIsCancelledAtItsTime) {
  SubmitOrder what = limit(Side::buy, "1"_qty, "99"_px);
  what.time_in_force = TimeInForce::gtd;
  what.expires = h.now + 60s;
  const OrderId id = submit(what);
  EXPECT_EQ(sent(id)->time_in_force, TimeInForce::gtc);
  accept(id);
  h.pass(59s);
  EXPECT_FALSE(is_cancel_sent(id));
  h.pass(1s);
  EXPECT_TRUE(is_cancel_sent(id));
  EXPECT_EQ(h.state(id), OrderState::pending_cancel);
  h.report(id, VenueOrderStatus::canceled, {});
  EXPECT_EQ(h.last(id).reason, Reason::expired_by_its_time);
}

TEST_F(OrderKinds, AHeldOrderExpiresWithoutTheVenue) {
  SubmitOrder what = stop(Side::sell, "1"_qty, "95"_px);
  what.time_in_force = TimeInForce::gtd;
  what.expires = h.now + 60s;
  const OrderId id = submit(what);
  h.pass(60s);
  EXPECT_EQ(h.state(id), OrderState::expired);
  EXPECT_EQ(sent(id), nullptr);
}

TEST_F(OrderKinds, ADayOrderEndsWithTheTradingDay) {
  SubmitOrder what = limit(Side::buy, "1"_qty, "99"_px);
  what.time_in_force = TimeInForce::day;
  const OrderId id = submit(what);
  const auto opened = h.all<OrderOpened>().back().order;
  EXPECT_EQ(opened.expires, std::chrono::ceil<std::chrono::days>(h.now));
  EXPECT_EQ(opened.id, id);
}

TEST_F(OrderKinds, AnExpiryThatIsMissingOrOverIsRefused) {
  SubmitOrder what = limit(Side::buy, "1"_qty, "99"_px);
  what.time_in_force = TimeInForce::gtd;
  EXPECT_EQ(say(what).reason, Reason::expiry_missing);
  what.expires = h.now;
  EXPECT_EQ(say(what).reason, Reason::expiry_in_the_past);
  EXPECT_TRUE(h.commands().empty());
}

// ---- Brackets -----------------------------------------------------------------------------------

struct Brackets : OrderKinds {
  OrderId entry, stop_loss, take_profit;
  void SetUp() override {
    OrderKinds::SetUp();
    SubmitOrder what = limit(Side::buy, "3"_qty, "99"_px);
    what.take_profit = "103"_px;
    what.stop_loss = "96"_px;
    entry = submit(what);
    const auto made = children(entry);
    ASSERT_EQ(made.size(), 2U);
    stop_loss = made[0];
    take_profit = made[1];
    EXPECT_EQ(h.all<CommandAnswered>().back().affected, 3U);
    accept(entry);
  }
};

TEST_F(Brackets, ChildrenWaitForTheirParent) {
  EXPECT_EQ(h.state(stop_loss), OrderState::held);
  EXPECT_EQ(h.state(take_profit), OrderState::held);
  price("95"_px);  // nothing is held yet that could be protected
  EXPECT_EQ(sent(stop_loss), nullptr);
}

TEST_F(Brackets, G14_ChildrenEndWithAParentThatEndsUnfilled) {
  say(CancelOrder{entry});
  h.report(entry, VenueOrderStatus::canceled, {});
  EXPECT_EQ(h.state(stop_loss), OrderState::canceled);
  EXPECT_EQ(h.state(take_profit), OrderState::canceled);
  EXPECT_EQ(h.last(stop_loss).reason, Reason::parent_ended);
}

TEST_F(Brackets, TheTakeProfitGoesOutAndEndsTheStopWhenItIsFilled) {
  fill(entry, "3"_qty, "99"_px, 1);
  ASSERT_NE(sent(take_profit), nullptr);
  EXPECT_EQ(sent(take_profit)->side, Side::sell);
  EXPECT_EQ(sent(take_profit)->limit_price, "103"_px);
  EXPECT_EQ(h.state(stop_loss), OrderState::held);
  accept(take_profit);
  fill(take_profit, "3"_qty, "103"_px, 2);
  EXPECT_EQ(h.state(stop_loss), OrderState::canceled);
  EXPECT_EQ(h.last(stop_loss).reason, Reason::group_filled);
  EXPECT_EQ(sent(stop_loss), nullptr);
}

TEST_F(Brackets, G14_ChildrenNeverAskForMoreThanTheirParentWasFilledBy) {
  fill(entry, "1"_qty, "99"_px, 1);
  EXPECT_EQ(sent(take_profit), nullptr);  // the parent may still be filled
  say(CancelOrder{entry});
  h.report(entry, VenueOrderStatus::canceled, "1"_qty);
  ASSERT_NE(sent(take_profit), nullptr);
  EXPECT_EQ(sent(take_profit)->quantity, "1"_qty);
}

TEST_F(Brackets, AStopThatHasComeWaitsForTheEndOfTheOtherLegAndTakesWhatThatLeft) {
  fill(entry, "3"_qty, "99"_px, 1);
  accept(take_profit);
  fill(take_profit, "1"_qty, "103"_px, 2);
  price("96"_px);
  EXPECT_TRUE(is_cancel_sent(take_profit));
  EXPECT_EQ(sent(stop_loss), nullptr) << "both could be filled";
  fill(take_profit, "0.5"_qty, "103"_px, 3);  // it crosses the cancel
  h.report(take_profit, VenueOrderStatus::canceled, "1.5"_qty);
  ASSERT_NE(sent(stop_loss), nullptr);
  EXPECT_EQ(sent(stop_loss)->quantity, "1.5"_qty);
  EXPECT_EQ(sent(stop_loss)->type, OrderType::market);
}

TEST_F(Brackets, AStopThatHasComeWaitsForTheFillsThatTheOtherLegIsOwed) {
  fill(entry, "3"_qty, "99"_px, 1);
  accept(take_profit);
  price("96"_px);
  h.report(take_profit, VenueOrderStatus::canceled, "2"_qty);  // its fills have not come
  EXPECT_EQ(sent(stop_loss), nullptr);
  fill(take_profit, "2"_qty, "103"_px, 2);
  ASSERT_NE(sent(stop_loss), nullptr);
  EXPECT_EQ(sent(stop_loss)->quantity, "1"_qty);
}

TEST_F(Brackets, AStopThatComesWhileTheParentWorksCancelsTheParentFirst) {
  fill(entry, "1"_qty, "99"_px, 1);
  price("96"_px);
  EXPECT_TRUE(is_cancel_sent(entry));
  EXPECT_EQ(sent(stop_loss), nullptr);
  h.report(entry, VenueOrderStatus::canceled, "1"_qty);
  ASSERT_NE(sent(stop_loss), nullptr);
  EXPECT_EQ(sent(stop_loss)->quantity, "1"_qty);
}

TEST_F(Brackets, G14_TheTakeProfitDoesNotGoOutBesideAStopThatCameFirst) {
  fill(entry, "1"_qty, "99"_px, 1);
  price("96"_px);
  h.report(entry, VenueOrderStatus::canceled, "1"_qty);
  ASSERT_NE(sent(stop_loss), nullptr);
  EXPECT_EQ(sent(take_profit), nullptr);
  fill(stop_loss, "1"_qty, "95.9"_px, 2);
  EXPECT_EQ(h.state(take_profit), OrderState::canceled);
}

TEST_F(Brackets, G14_AFilledStopLeavesNoTakeProfitBehind) {
  fill(entry, "3"_qty, "99"_px, 1);
  accept(take_profit);
  price("96"_px);
  h.report(take_profit, VenueOrderStatus::canceled, {});
  fill(stop_loss, "3"_qty, "95.9"_px, 2);
  EXPECT_EQ(h.state(stop_loss), OrderState::filled);
  EXPECT_EQ(h.state(take_profit), OrderState::canceled);
  EXPECT_EQ(h.engine->counters().orders_alive, 0U);
}

TEST_F(Brackets, G14_WhatProtectsEndsWhenThePositionIsClosedByOtherMeans) {
  fill(entry, "3"_qty, "99"_px, 1);
  accept(take_profit);
  const OrderId other = submit(limit(Side::sell, "3"_qty, "100"_px));
  fill(other, "3"_qty, "100"_px, 2);
  EXPECT_TRUE(h.all<PositionChanged>().back().quantity.is_zero());
  EXPECT_TRUE(is_cancel_sent(take_profit));
  EXPECT_EQ(h.state(stop_loss), OrderState::canceled);
}

TEST_F(Brackets, AnAmendedTakeProfitStaysInItsGroup) {
  fill(entry, "3"_qty, "99"_px, 1);
  accept(take_profit);
  fill(take_profit, "1"_qty, "103"_px, 2);
  const OrderId leg = say(AmendOrder{take_profit, {{}, "104"_px, {}}}).order;
  h.report(take_profit, VenueOrderStatus::canceled, "1"_qty);
  ASSERT_NE(sent(leg), nullptr);
  EXPECT_EQ(sent(leg)->quantity, "2"_qty);
  accept(leg);
  price("96"_px);
  EXPECT_TRUE(is_cancel_sent(leg));
  h.report(leg, VenueOrderStatus::canceled, {});
  ASSERT_NE(sent(stop_loss), nullptr);
  EXPECT_EQ(sent(stop_loss)->quantity, "2"_qty);
}

TEST_F(Brackets, G14_AnAmendCannotMakeAChildLargerThanItsParent) {
  fill(entry, "2"_qty, "99"_px, 1);
  h.report(entry, VenueOrderStatus::canceled, "2"_qty);
  accept(take_profit);
  SubmitOrder more = limit(Side::buy, "5"_qty, "99"_px);
  fill(submit(more), "5"_qty, "99"_px, 2);  // there is more to close, but not by this child
  EXPECT_EQ(say(AmendOrder{take_profit, {"3"_qty, {}, {}}}).reason,
            Reason::reduce_only_would_increase);
  EXPECT_TRUE(say(AmendOrder{take_profit, {"1"_qty, {}, {}}}).accepted);
}

TEST_F(Brackets, AFeeInTheBaseAssetIsOffWhatTheChildrenSell) {
  Execution made = h.execution(entry, "3"_qty, "99"_px, 1);
  made.fee = "0.003"_usd;
  made.fee_asset = h.btc_asset;
  h.send(made);
  ASSERT_NE(sent(take_profit), nullptr);
  EXPECT_EQ(sent(take_profit)->quantity, "2.997"_qty);
}

TEST_F(Brackets, G5_ABracketSurvivesARestart) {
  fill(entry, "3"_qty, "99"_px, 1);
  accept(take_profit);
  h.restart_from_snapshot();
  h.start(h.epoch + 1);
  h.hear_rules();
  h.quote("99"_px, "101"_px);
  StreamChanged ready;
  ready.stream = StreamKind::orders;
  ready.state = StreamState::ready;
  h.send(ready);
  const VenueRequest asked = h.take(QueryKind::open_orders);
  h.send(AnswerBegin{asked.request, asked.kind});
  OrderReport row = h.report_of(take_profit, VenueOrderStatus::working, {});
  row.source = Source::list_query;
  h.send(row);
  h.send(AnswerEnd{asked.request, asked.kind, Completeness::complete, false, Reason::none});
  h.answer_all();
  EXPECT_EQ(h.state(stop_loss), OrderState::held);
  price("96"_px);
  EXPECT_TRUE(is_cancel_sent(take_profit));
  h.report(take_profit, VenueOrderStatus::canceled, {});
  EXPECT_NE(sent(stop_loss), nullptr);
}

TEST_F(OrderKinds, AnEntryWhoseProtectionIsRefusedIsCancelled) {
  SubmitOrder what = limit(Side::buy, "3"_qty, "99"_px);
  what.take_profit = "103.001"_px;  // off tick
  what.stop_loss = "96"_px;
  const CommandAnswered answer = say(what);
  EXPECT_FALSE(answer.accepted);
  EXPECT_EQ(answer.reason, Reason::price_off_tick);
  const OrderId entry = h.all<OrderOpened>().front().order.id;
  EXPECT_TRUE(is_cancel_sent(entry));
  h.outcome(entry, Outcome::not_sent, Reason::not_sent_not_ready);
  EXPECT_EQ(h.engine->counters().orders_alive, 0U);
}

// ---- Amends -------------------------------------------------------------------------------------

/// An order for 3 at 99 works at a venue that amends nothing.
struct Amends : OrderKinds {
  OrderId id;
  explicit Amends(Adjust adjust = {}) : OrderKinds{std::move(adjust)} {}
  void SetUp() override {
    OrderKinds::SetUp();
    id = submit(limit(Side::buy, "3"_qty, "99"_px));
    accept(id);
  }
  const ReplaceRequest* replace() const {
    return h.commands().empty() ? nullptr : std::get_if<ReplaceRequest>(&h.commands().back().what);
  }
  void answer(Outcome what, Reason reason = Reason::none) {
    h.outcome(id, what, reason, RequestKind::replace, replace()->request);
  }
  static void native(config::Config&, engine::Setup& setup) {
    OrderAbilities able;
    able.amends_all = true;
    setup.abilities.assign(1, able);
  }
};
struct NativeAmends : Amends {
  NativeAmends() : Amends{native} {}
};
struct TightAmends : Amends {
  TightAmends()
      : Amends{[](config::Config& config, engine::Setup& setup) {
          native(config, setup);
          config.risk.daemon.max_position_notional = "400"_usd;
        }} {}
};

TEST_F(NativeAmends, AreVersionedRequestsWhereTheVenueTakesThem) {
  const CommandAnswered said = say(AmendOrder{id, {"2"_qty, "98.5"_px, {}}});
  EXPECT_TRUE(said.accepted);
  EXPECT_EQ(said.order, id);
  ASSERT_NE(replace(), nullptr);
  EXPECT_EQ(replace()->version, 1U);
  EXPECT_EQ(replace()->next.value().quantity, "2"_qty);
  EXPECT_EQ(h.state(id), OrderState::pending_replace);
  EXPECT_EQ(h.all<OrderAmended>().back().requested, 1U);
  EXPECT_EQ(h.all<OrderAmended>().back().accepted, 0U);
  answer(Outcome::acknowledged);
  EXPECT_EQ(h.state(id), OrderState::accepted);
  EXPECT_EQ(h.all<OrderAmended>().back().accepted, 1U);
  EXPECT_EQ(h.all<OrderAmended>().back().now.limit_price, "98.5"_px);
  h.fill(id, "2"_qty, "98.5"_px, 1);
  EXPECT_EQ(h.state(id), OrderState::filled);
}

TEST_F(NativeAmends, ARefusedAmendLeavesTheOrderAsItWas) {
  say(AmendOrder{id, {"2"_qty, {}, {}}});
  answer(Outcome::refused, Reason::venue_refused);
  EXPECT_EQ(h.state(id), OrderState::accepted);
  h.fill(id, "2"_qty, "99"_px, 1);
  EXPECT_EQ(h.state(id), OrderState::partially_filled);
}

TEST_F(NativeAmends, G2_AnAmendWithoutAnAnswerEndsByWhatTheVenueShows) {
  say(AmendOrder{id, {"2"_qty, {}, {}}});
  h.pass(11s);
  EXPECT_EQ(h.state(id), OrderState::pending_replace);
  EXPECT_TRUE(h.noticed(NoticeCode::request_unknown));
  EXPECT_EQ(say(AmendOrder{id, {"1"_qty, {}, {}}}).reason, Reason::amend_under_way);
  OrderReport row = h.report_of(id, VenueOrderStatus::working, {});
  row.quantity = "2"_qty;
  row.limit_price = "99"_px;
  h.answer_status(h.take(QueryKind::order_status).request, &row);
  EXPECT_EQ(h.state(id), OrderState::accepted);
  EXPECT_EQ(h.all<OrderAmended>().back().accepted, 1U);
}

TEST_F(NativeAmends, AFillCrossesTheAmend) {
  say(AmendOrder{id, {"2"_qty, {}, {}}});
  h.fill(id, "2"_qty, "99"_px, 1);
  EXPECT_EQ(h.state(id), OrderState::pending_replace) << "the venue may have refused it";
  answer(Outcome::acknowledged);
  EXPECT_EQ(h.state(id), OrderState::filled);
}

TEST_F(Amends, G3_WhereTheVenueCannotAmendTheOldLegEndsBeforeTheNewOneLeaves) {
  const CommandAnswered said = say(AmendOrder{id, {{}, "98"_px, {}}});
  ASSERT_TRUE(said.accepted);
  const OrderId leg = said.order;
  EXPECT_NE(leg, id);
  EXPECT_TRUE(is_cancel_sent(id));
  EXPECT_EQ(h.state(leg), OrderState::held);
  EXPECT_EQ(sent(leg), nullptr);
  // The old leg is filled in part while its cancel is on the way.
  h.fill(id, "1"_qty, "99"_px, 1);
  EXPECT_EQ(sent(leg), nullptr);
  h.report(id, VenueOrderStatus::canceled, "1"_qty);
  EXPECT_EQ(h.last(id).reason, Reason::replaced_by_new_order);
  ASSERT_NE(sent(leg), nullptr);
  EXPECT_EQ(sent(leg)->quantity, "2"_qty);
  EXPECT_EQ(sent(leg)->limit_price, "98"_px);
  EXPECT_EQ(sent(leg)->replaces, id);
  // A late cancel of the old leg does not touch the new one.
  accept(leg);
  h.report(id, VenueOrderStatus::canceled, "1"_qty);
  EXPECT_EQ(h.state(leg), OrderState::accepted);
}

TEST_F(Amends, G3_AnOldLegThatIsFilledMeanwhileLeavesNothingForTheNewOne) {
  const OrderId leg = say(AmendOrder{id, {{}, "98"_px, {}}}).order;
  h.fill(id, "3"_qty, "99"_px, 1);
  EXPECT_EQ(h.state(id), OrderState::filled);
  EXPECT_EQ(h.state(leg), OrderState::canceled);
  EXPECT_EQ(sent(leg), nullptr);
}

TEST_F(Amends, G3_AnUnansweredCancelOfTheOldLegHoldsTheNewOneBackAcrossARestart) {
  const OrderId leg = say(AmendOrder{id, {{}, "98"_px, {}}}).order;
  h.restart_from_journal();
  h.start(h.epoch + 1);
  h.hear_rules();
  h.quote("99"_px, "101"_px);
  StreamChanged ready;
  ready.stream = StreamKind::orders;
  ready.state = StreamState::ready;
  h.send(ready);
  EXPECT_EQ(h.state(leg), OrderState::held);
  // Gone at the venue.
  const VenueRequest list = h.take(QueryKind::open_orders);
  h.send(AnswerBegin{list.request, list.kind});
  h.send(AnswerEnd{list.request, list.kind, Completeness::complete, false, Reason::none});
  const OrderReport row = h.report_of(id, VenueOrderStatus::canceled, {});
  h.answer_status(h.take(QueryKind::order_status).request, &row);
  h.answer_all();
  ASSERT_NE(sent(leg), nullptr);
  EXPECT_EQ(sent(leg)->quantity, "3"_qty);
}

TEST_F(Amends, OfHeldOrdersAreTheEnginesOwn) {
  const OrderId held = submit(stop(Side::buy, "2"_qty, "105"_px));
  EXPECT_TRUE(say(AmendOrder{held, {"1"_qty, {}, "104"_px}}).accepted);
  price("104"_px);
  ASSERT_NE(sent(held), nullptr);
  EXPECT_EQ(sent(held)->quantity, "1"_qty);
}

TEST_F(NativeAmends, ThatAskForNothingOrTooLittleAreRefused) {
  EXPECT_EQ(say(AmendOrder{id, {}}).reason, Reason::nothing_to_amend);
  h.fill(id, "2"_qty, "99"_px, 1);
  EXPECT_EQ(say(AmendOrder{id, {"2"_qty, {}, {}}}).reason, Reason::quantity_not_above_filled);
  EXPECT_EQ(say(AmendOrder{id, {"4"_qty, "99.001"_px, {}}}).reason, Reason::price_off_tick);
  EXPECT_EQ(say(AmendOrder{{1, 1}, {}}).reason, Reason::unknown_order);
  EXPECT_EQ(replace(), nullptr);
}

TEST_F(TightAmends, AreCheckedAsIfTheOldTermsWereGone) {
  // 3 at 99 stand; 4 at 99 fit when the 3 do not count beside them.
  EXPECT_TRUE(say(AmendOrder{id, {"4"_qty, {}, {}}}).accepted);
  answer(Outcome::acknowledged);
  EXPECT_EQ(say(AmendOrder{id, {"5"_qty, {}, {}}}).reason, Reason::position_notional_above_limit);
}

// ---- Self-trade, duplicates, bad input ----------------------------------------------------------

TEST_F(OrderKinds, AnOrderThatWouldMeetOneOfOursIsRefused) {
  accept(submit(limit(Side::buy, "1"_qty, "99"_px)));
  EXPECT_EQ(say(limit(Side::sell, "1"_qty, "99"_px)).reason, Reason::would_trade_with_itself);
  EXPECT_EQ(say(limit(Side::sell, "1"_qty, "98"_px)).reason, Reason::would_trade_with_itself);
  EXPECT_TRUE(say(limit(Side::sell, "1"_qty, "99.01"_px)).accepted);
  SubmitOrder market = limit(Side::sell, "1"_qty, {});
  market.type = OrderType::market;
  EXPECT_EQ(say(market).reason, Reason::would_trade_with_itself);
}

TEST_F(OrderKinds, AnEqualOrderTooSoonIsRefused) {
  submit(limit(Side::buy, "1"_qty, "99"_px));
  EXPECT_EQ(say(limit(Side::buy, "1"_qty, "99"_px)).reason, Reason::duplicate_within_window);
  h.pass(250ms);
  EXPECT_TRUE(say(limit(Side::buy, "1"_qty, "99"_px)).accepted);
}

struct BadInput {
  const char* name;
  Reason reason;
  void (*spoil)(SubmitOrder&);
};
struct BadInputs : OrderKinds, ::testing::WithParamInterface<BadInput> {};

TEST_P(BadInputs, AreRefusedJournaledAndNothingElseHappens) {
  SubmitOrder what = limit(Side::buy, "1"_qty, "99"_px);
  GetParam().spoil(what);
  const std::size_t mark = h.mark();
  const CommandAnswered answer = say(what);
  EXPECT_FALSE(answer.accepted);
  EXPECT_EQ(enum_name(answer.reason), enum_name(GetParam().reason));
  EXPECT_TRUE(h.commands().empty());
  EXPECT_TRUE(h.all<OrderOpened>(mark).empty());
  EXPECT_EQ(h.all<OrderDenied>(mark).size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(
    , BadInputs,
    ::testing::Values(BadInput{"unknown_instrument", Reason::unknown_instrument,
                               [](SubmitOrder& what) { what.instrument = InstrumentId{77}; }},
                      BadInput{"off_tick", Reason::price_off_tick,
                               [](SubmitOrder& what) { what.limit_price = "99.001"_px; }},
                      BadInput{"off_lot", Reason::quantity_off_lot,
                               [](SubmitOrder& what) { what.quantity = "1.000001"_qty; }},
                      BadInput{"negative", Reason::quantity_not_positive,
                               [](SubmitOrder& what) { what.quantity = -what.quantity; }},
                      BadInput{"zero", Reason::quantity_not_positive,
                               [](SubmitOrder& what) { what.quantity = {}; }},
                      BadInput{"absurdly_large", Reason::quantity_above_maximum,
                               [](SubmitOrder& what) {
                                 what.quantity = Quantity::from_units(INT64_MAX / 2);
                               }},
                      BadInput{"negative_price", Reason::price_not_positive,
                               [](SubmitOrder& what) { what.limit_price = -what.limit_price; }},
                      BadInput{"stop_price_on_a_limit", Reason::order_type_not_supported,
                               [](SubmitOrder& what) { what.stop_price = "98"_px; }},
                      BadInput{"trailing_without_offset", Reason::trailing_offset_incomplete,
                               [](SubmitOrder& what) {
                                 what.type = OrderType::trailing_stop;
                                 what.limit_price = {};
                               }},
                      BadInput{"post_only_ioc", Reason::order_type_not_supported,
                               [](SubmitOrder& what) {
                                 what.post_only = true;
                                 what.time_in_force = TimeInForce::ioc;
                               }},
                      BadInput{"reduce_only_without_position", Reason::reduce_only_would_increase,
                               [](SubmitOrder& what) { what.reduce_only = true; }}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace halcyon::engine::testing
