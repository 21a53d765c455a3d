// What a venue can do by itself it is asked to do: the exits of a bracket as a list, an amend as
// one message that cancels and places. And what protects is never lost to a refusal.

#include <gtest/gtest.h>

#include "order_kinds.h"

namespace halcyon::engine::testing {
namespace {

void able_venue(config::Config&, engine::Setup& setup) {
  OrderAbilities able;
  able.types.fill(true);
  able.lists = true;
  able.cancel_replaces = true;
  setup.abilities.assign(1, able);
}

struct Native : OrderKinds {
  explicit Native(Adjust adjust = able_venue) : OrderKinds{std::move(adjust)} {}

  /// The last list that left; null: none did.
  const OrderList* list() const {
    const OrderList* found = nullptr;
    for (const OrderCommand& command : h.commands()) {
      if (const auto* one = std::get_if<OrderList>(&command.what)) found = one;
    }
    return found;
  }
  std::size_t lists() const {
    return static_cast<std::size_t>(
        std::count_if(h.commands().begin(), h.commands().end(), [](const OrderCommand& command) {
          return std::holds_alternative<OrderList>(command.what);
        }));
  }
  /// An order as it stands in the list; null: it is not in it.
  const NewOrder* listed(OrderId id) const {
    if (list() == nullptr) return nullptr;
    for (std::size_t at = 0; at < list()->count; ++at) {
      if (list()->orders[at]->value().id == id) return &list()->orders[at]->value();
    }
    return nullptr;
  }
  const ReplaceRequest* replace() const {
    return h.commands().empty() ? nullptr : std::get_if<ReplaceRequest>(&h.commands().back().what);
  }
  OrderId last_opened() const { return h.all<OrderOpened>().back().order.id; }
  std::size_t opened() const { return h.all<OrderOpened>().size(); }
};

/// An entry for 3 at 99 is acknowledged.
struct NativeBracket : Native {
  OrderId entry, stop_loss, take_profit;
  explicit NativeBracket(Adjust adjust = able_venue) : Native{std::move(adjust)} {}
  void SetUp() override {
    OrderKinds::SetUp();
    SubmitOrder what = limit(Side::buy, "3"_qty, "99"_px);
    what.take_profit = "103"_px;
    what.stop_loss = "96"_px;
    entry = submit(what);
    stop_loss = children(entry).at(0);
    take_profit = children(entry).at(1);
    accept(entry);
  }
  void buy_all_and_accept() {
    fill(entry, "3"_qty, "99"_px, 1);
    accept(stop_loss);
    accept(take_profit);
  }
};

// ---- The exits of a bracket ---------------------------------------------------------------------

TEST_F(NativeBracket, G14_ItsExitsLeaveAsOneListWhenTheEntryHasEndedAndForWhatItWasFilledBy) {
  fill(entry, "1"_qty, "99"_px, 1);
  EXPECT_EQ(list(), nullptr) << "the entry may still be filled";
  say(CancelOrder{entry});
  h.report(entry, VenueOrderStatus::canceled, "1"_qty);
  ASSERT_NE(list(), nullptr);
  EXPECT_EQ(list()->count, 2U);
  ASSERT_NE(listed(stop_loss), nullptr);
  ASSERT_NE(listed(take_profit), nullptr);
  EXPECT_EQ(listed(stop_loss)->type, OrderType::stop);
  EXPECT_EQ(listed(stop_loss)->stop_price, "96"_px);
  EXPECT_EQ(listed(take_profit)->limit_price, "103"_px);
  for (const OrderId id : {stop_loss, take_profit}) {
    EXPECT_EQ(listed(id)->quantity, "1"_qty);
    EXPECT_EQ(listed(id)->side, Side::sell);
    EXPECT_EQ(h.state(id), OrderState::pending_submit);
  }
}

TEST_F(NativeBracket, AFeeInTheBaseAssetIsOffBothExits) {
  Execution made = h.execution(entry, "3"_qty, "99"_px, 1);
  made.fee = "0.003"_usd;
  made.fee_asset = h.btc_asset;
  h.send(made);
  ASSERT_NE(listed(stop_loss), nullptr);
  EXPECT_EQ(listed(stop_loss)->quantity, "2.997"_qty);
  EXPECT_EQ(listed(take_profit)->quantity, "2.997"_qty);
}

TEST_F(NativeBracket, WhatTheVenueHoldsIsNotSentAgainWhenItsPriceComes) {
  buy_all_and_accept();
  const std::size_t before = h.commands().size();
  price("96"_px);
  price("95"_px);
  EXPECT_EQ(h.commands().size(), before);
  EXPECT_EQ(h.state(stop_loss), OrderState::accepted);
}

TEST_F(NativeBracket, ADoneListLeavesNothing) {
  buy_all_and_accept();
  fill(take_profit, "3"_qty, "103"_px, 2);
  h.report(stop_loss, VenueOrderStatus::expired, {});
  EXPECT_EQ(h.engine->counters().orders_alive, 0U);
}

TEST_F(NativeBracket, G14_AStopThatTheVenueEndsBeforeItTellsTheFillIsNotSentBesideIt) {
  buy_all_and_accept();
  h.report(stop_loss, VenueOrderStatus::expired, {});
  const OrderId kept = last_opened();
  EXPECT_EQ(h.state(kept), OrderState::held);
  fill(take_profit, "3"_qty, "103"_px, 2);
  EXPECT_EQ(h.state(kept), OrderState::canceled);
  EXPECT_EQ(sent(kept), nullptr);
  EXPECT_EQ(h.engine->counters().orders_alive, 0U);
}

TEST_F(NativeBracket, G14_WhatAPartFillLeavesUnprotectedTheEngineProtects) {
  buy_all_and_accept();
  // The venue ends the stop as soon as the other one trades at all.
  h.report(stop_loss, VenueOrderStatus::expired, {});
  fill(take_profit, "1"_qty, "103"_px, 2);
  const OrderId kept = last_opened();
  EXPECT_EQ(h.state(kept), OrderState::held);
  price("96"_px);
  EXPECT_TRUE(is_cancel_sent(take_profit));
  EXPECT_EQ(sent(kept), nullptr) << "both could be filled";
  h.report(take_profit, VenueOrderStatus::canceled, "1"_qty);
  ASSERT_NE(sent(kept), nullptr);
  EXPECT_EQ(sent(kept)->type, OrderType::market);
  EXPECT_EQ(sent(kept)->quantity, "2"_qty);
}

TEST_F(NativeBracket, G14_AListThatTheVenueRefusesIsKeptByTheEngine) {
  fill(entry, "3"_qty, "99"_px, 1);
  h.outcome(stop_loss, Outcome::refused, Reason::venue_refused);
  h.outcome(take_profit, Outcome::refused, Reason::venue_refused);
  EXPECT_TRUE(h.noticed(NoticeCode::protection_missing));
  std::vector<OrderId> made;
  for (const OrderOpened& one : h.all<OrderOpened>()) {
    if (one.order.replaces == stop_loss || one.order.replaces == take_profit) {
      made.push_back(one.order.id);
    }
  }
  ASSERT_EQ(made.size(), 2U);
  const std::size_t before = lists();
  price("96"_px);  // at once, while the next try waits its second
  h.pass(2s);
  EXPECT_EQ(lists(), before) << "not as a list again";
  ASSERT_NE(sent(made[0]), nullptr);
  EXPECT_EQ(sent(made[0])->type, OrderType::market);
  EXPECT_EQ(sent(made[0])->quantity, "3"_qty);
}

TEST_F(NativeBracket, G2_AListWithoutAnAnswerIsTwoOrdersOfUnknownFate) {
  fill(entry, "3"_qty, "99"_px, 1);
  for (const OrderId id : {stop_loss, take_profit}) h.outcome(id, Outcome::unknown);
  EXPECT_EQ(h.state(stop_loss), OrderState::unknown);
  EXPECT_EQ(h.state(take_profit), OrderState::unknown);
  const std::size_t before = opened();
  price("96"_px);
  h.pass(1s);
  EXPECT_EQ(opened(), before) << "it may be there: a second one could sell twice";
  h.report(stop_loss, VenueOrderStatus::working, {});
  EXPECT_EQ(h.state(stop_loss), OrderState::accepted);
}

TEST_F(NativeBracket, G5_ASnapshotKnowsThatTheVenueHoldsThem) {
  buy_all_and_accept();
  h.restart_from_snapshot();
  h.start(h.epoch + 1);
  h.hear_rules();
  h.quote("99"_px, "101"_px);
  const std::size_t before = h.commands().size();
  price("96"_px);
  EXPECT_EQ(h.commands().size(), before);
}

TEST_F(NativeBracket, ACancelOfBothLeavesNothingBehind) {
  buy_all_and_accept();
  say(CancelAll{});
  const std::size_t before = opened();
  // The venue ends the whole list with the first cancel and does not know the second.
  h.report(take_profit, VenueOrderStatus::canceled, {});
  h.report(stop_loss, VenueOrderStatus::canceled, {});
  EXPECT_EQ(opened(), before);
  EXPECT_EQ(h.engine->counters().orders_alive, 0U);
}

TEST_F(NativeBracket, G14_WhatAnotherOrderClosesIsOffTheExits) {
  buy_all_and_accept();
  const OrderId other = submit(limit(Side::sell, "1"_qty, "102"_px));
  fill(other, "1"_qty, "102"_px, 2);
  EXPECT_TRUE(is_cancel_sent(stop_loss));
  EXPECT_TRUE(is_cancel_sent(take_profit));
  h.report(take_profit, VenueOrderStatus::canceled, {});
  h.report(stop_loss, VenueOrderStatus::canceled, {});
  ASSERT_EQ(lists(), 2U);
  for (std::size_t at = 0; at < list()->count; ++at) {
    EXPECT_EQ(list()->orders[at]->value().quantity, "2"_qty);
  }
}

struct OneChild : Native {};
TEST_F(OneChild, AStopAloneWaitsAtTheVenue) {
  SubmitOrder what = limit(Side::buy, "3"_qty, "99"_px);
  what.stop_loss = "96"_px;
  const OrderId entry = submit(what);
  const OrderId stop_loss = children(entry).at(0);
  accept(entry);
  fill(entry, "3"_qty, "99"_px, 1);
  ASSERT_NE(sent(stop_loss), nullptr);
  EXPECT_EQ(sent(stop_loss)->type, OrderType::stop);
  EXPECT_EQ(sent(stop_loss)->stop_price, "96"_px);
  EXPECT_EQ(list(), nullptr);
}

struct Kept : NativeBracket {
  Kept()
      : NativeBracket{[](config::Config& config, engine::Setup& setup) {
          able_venue(config, setup);
          config.engine.brackets = config::Brackets::emulated;
        }} {}
};
TEST_F(Kept, TheSettingKeepsTheStopHere) {
  fill(entry, "3"_qty, "99"_px, 1);
  EXPECT_EQ(list(), nullptr);
  EXPECT_NE(sent(take_profit), nullptr);
  EXPECT_EQ(h.state(stop_loss), OrderState::held);
}

// ---- Two exits without an entry -----------------------------------------------------------------

TEST_F(Native, TwoExitsOfWhatIsHeldEndEachOther) {
  fill(submit(limit(Side::buy, "2"_qty, "99"_px)), "2"_qty, "99"_px, 1);
  SubmitOrder exits = limit(Side::sell, "2"_qty, {});
  exits.reduce_only = true;
  exits.take_profit = "103"_px;
  exits.stop_loss = "96"_px;
  const CommandAnswered answer = say(exits);
  ASSERT_TRUE(answer.accepted) << enum_name(answer.reason);
  EXPECT_EQ(answer.affected, 2U);
  ASSERT_NE(listed(answer.order), nullptr);
  EXPECT_EQ(listed(answer.order)->type, OrderType::stop);
  EXPECT_EQ(list()->count, 2U);
}

TEST_F(Native, ExitsWithAPriceOfAnEntryOrOnlyOneOfThemAreRefused) {
  SubmitOrder exits = limit(Side::sell, "2"_qty, "100"_px);
  exits.reduce_only = true;
  exits.take_profit = "103"_px;
  exits.stop_loss = "96"_px;
  EXPECT_EQ(say(exits).reason, Reason::group_incomplete);
  exits.limit_price = {};
  exits.stop_loss = {};
  EXPECT_EQ(say(exits).reason, Reason::group_incomplete);
}

// ---- What protects is not lost ------------------------------------------------------------------

struct Emulated : OrderKinds {};

TEST_F(Emulated, G14_AStopThatNeverLeftGoesOutAgainUntilItIsThere) {
  fill(submit(limit(Side::buy, "2"_qty, "99"_px)), "2"_qty, "99"_px, 1);
  SubmitOrder exits = limit(Side::sell, "2"_qty, {});
  exits.reduce_only = true;
  exits.take_profit = "103"_px;
  exits.stop_loss = "96"_px;
  OrderId stop_loss = submit(exits);
  const OrderId take_profit = h.all<OrderOpened>().back().order.id;
  accept(take_profit);
  price("96"_px);
  h.report(take_profit, VenueOrderStatus::canceled, {});
  ASSERT_NE(sent(stop_loss), nullptr);
  for (int tries = 0; tries < 3; ++tries) {
    h.outcome(stop_loss, Outcome::not_sent, Reason::venue_refused_rate_limit);
    EXPECT_EQ(h.state(stop_loss), OrderState::rejected);
    stop_loss = h.all<OrderOpened>().back().order.id;
    EXPECT_EQ(sent(stop_loss), nullptr) << "not at once";
    h.pass(std::chrono::seconds{1 << tries});
    ASSERT_NE(sent(stop_loss), nullptr);
    EXPECT_EQ(sent(stop_loss)->type, OrderType::market);
    EXPECT_EQ(sent(stop_loss)->quantity, "2"_qty);
  }
  accept(stop_loss);
  fill(stop_loss, "2"_qty, "95.9"_px, 2);
  EXPECT_EQ(h.engine->counters().orders_alive, 0U);
}

TEST_F(Emulated, G14_AFlattenThatIsRefusedIsTriedAgainAndGivenUpWithAnAlarm) {
  fill(submit(limit(Side::buy, "2"_qty, "99"_px)), "2"_qty, "99"_px, 1);
  say(Flatten{});
  int tries = 0;
  for (; tries < 100; ++tries) {
    const OrderId id = h.all<OrderOpened>().back().order.id;
    if (sent(id) == nullptr || h.state(id) == OrderState::rejected) break;
    h.outcome(id, Outcome::refused, Reason::venue_refused);
    for (int seconds = 0; seconds < 200; ++seconds) {
      if (sent(h.all<OrderOpened>().back().order.id) != nullptr) break;
      h.pass(1s);
      h.answer_all();
    }
  }
  EXPECT_EQ(tries, 9);
  EXPECT_EQ(h.engine->counters().orders_alive, 0U);
}

// ---- Cancel and replace in one message ----------------------------------------------------------

struct NativeReplace : Native {
  OrderId old, next;
  void SetUp() override {
    OrderKinds::SetUp();
    old = submit(limit(Side::buy, "3"_qty, "99"_px));
    accept(old);
    next = say(AmendOrder{old, {{}, "98"_px, {}}}).order;
  }
  void cancel_is(Outcome what, Reason reason = Reason::none) {
    h.outcome(old, what, reason, RequestKind::cancel, replace()->request);
  }
};

TEST_F(NativeReplace, G3_IsOneMessageAndTwoFates) {
  ASSERT_NE(replace(), nullptr);
  EXPECT_EQ(replace()->mode, ReplaceMode::cancel_replace);
  EXPECT_EQ(replace()->order, old);
  EXPECT_EQ(replace()->next.value().id, next);
  EXPECT_EQ(replace()->next.value().replaces, old);
  EXPECT_EQ(replace()->next.value().quantity, "3"_qty);
  EXPECT_EQ(h.state(old), OrderState::pending_cancel);
  EXPECT_EQ(h.state(next), OrderState::pending_submit);
  cancel_is(Outcome::acknowledged);
  h.outcome(next, Outcome::acknowledged);
  h.report(old, VenueOrderStatus::canceled, {});
  EXPECT_EQ(h.last(old).reason, Reason::replaced_by_new_order);
  EXPECT_EQ(h.state(next), OrderState::accepted);
}

TEST_F(NativeReplace, G3_AnOldLegThatTradedMeanwhileStaysAndTheNewOneNeverWas) {
  fill(old, "1"_qty, "99"_px, 1);
  cancel_is(Outcome::refused, Reason::venue_refused);
  h.outcome(next, Outcome::refused, Reason::venue_refused);
  EXPECT_EQ(h.state(old), OrderState::partially_filled);
  EXPECT_EQ(h.state(next), OrderState::rejected);
  EXPECT_FALSE(is_cancel_sent(old));
}

TEST_F(NativeReplace, ACancelThatWorkedBesideAPlaceThatDidNotEndsBoth) {
  cancel_is(Outcome::acknowledged);
  h.outcome(next, Outcome::refused, Reason::venue_refused_funds);
  h.report(old, VenueOrderStatus::canceled, {});
  EXPECT_EQ(h.state(old), OrderState::canceled);
  EXPECT_EQ(h.state(next), OrderState::rejected);
}

TEST_F(NativeReplace, G2_WithoutAnAnswerBothLegsCountAndTheOldOneIsNotCancelledTwiceForNothing) {
  cancel_is(Outcome::unknown);
  h.outcome(next, Outcome::unknown);
  EXPECT_EQ(h.state(next), OrderState::unknown);
  EXPECT_FALSE(is_terminal(h.state(old)));
  // The venue shows the old one as it was; the new one's fate is open, so nothing is repeated.
  const OrderReport row = h.report_of(old, VenueOrderStatus::working, {});
  h.pass(1s);
  for (const VenueRequest& asked : h.take_questions()) {
    if (asked.kind == QueryKind::order_status && asked.order == old) {
      h.answer_status(asked.request, &row);
    }
  }
  EXPECT_FALSE(is_cancel_sent(old));
  // The new one is proven absent: the old one stands, and was not to go.
  h.outcome(next, Outcome::refused, Reason::venue_refused);
  for (int seconds = 0; seconds < 5; ++seconds) {
    h.pass(1s);
    for (const VenueRequest& asked : h.take_questions()) {
      if (asked.kind == QueryKind::order_status && asked.order == old) {
        h.answer_status(asked.request, &row);
      }
    }
  }
  EXPECT_FALSE(is_cancel_sent(old));
  EXPECT_EQ(h.state(old), OrderState::accepted);
}

TEST_F(NativeReplace, NotSentLeavesTheOldLegAsItWasAlsoAfterAReconnect) {
  cancel_is(Outcome::not_sent, Reason::not_sent_not_ready);
  h.outcome(next, Outcome::not_sent, Reason::not_sent_not_ready);
  EXPECT_EQ(h.state(old), OrderState::accepted);
  EXPECT_EQ(h.state(next), OrderState::rejected);
  h.disconnect();
  StreamChanged ready;
  ready.stream = StreamKind::orders;
  ready.state = StreamState::ready;
  h.send(ready);
  EXPECT_FALSE(is_cancel_sent(old));
}

TEST_F(Native, G3_WhatHasTradedIsReplacedInTwoSteps) {
  const OrderId old = submit(limit(Side::buy, "3"_qty, "99"_px));
  accept(old);
  fill(old, "1"_qty, "99"_px, 1);
  const OrderId next = say(AmendOrder{old, {{}, "98"_px, {}}}).order;
  EXPECT_TRUE(is_cancel_sent(old));
  EXPECT_EQ(h.state(next), OrderState::held);
}

}  // namespace
}  // namespace halcyon::engine::testing
