#include "engine/reconciliation.h"

#include <gtest/gtest.h>

#include "harness.h"

namespace halcyon::engine::testing {
namespace {

struct ReconciliationTest : ::testing::Test {
  Harness h;

  void ready() {
    StreamChanged changed;
    changed.stream = StreamKind::orders;
    changed.state = StreamState::ready;
    h.send(changed);
  }
  void begin_unanswered() {
    h.start(Harness::first_epoch);
    h.hear_rules();
    h.quote("99"_px, "101"_px);
    ready();
  }
  bool is_ready() const {
    const auto records = h.all<AccountReady>();
    return !records.empty() && records.back().ready;
  }
  void end(const VenueRequest& asked, Completeness completeness = Completeness::complete) {
    h.send(AnswerEnd{asked.request, asked.kind, completeness, false, Reason::none});
  }
  /// A complete answer without rows.
  VenueRequest answer_empty(QueryKind kind) {
    const VenueRequest asked = h.take(kind);
    h.send(AnswerBegin{asked.request, asked.kind});
    end(asked);
    return asked;
  }
  /// Lets time pass until the next comparison begins.
  void wait_for_comparison() {
    for (int seconds = 0; seconds < 600 && !h.has_question(QueryKind::open_orders); ++seconds) {
      h.pass(1s);
    }
    ASSERT_TRUE(h.has_question(QueryKind::open_orders));
  }
  OrderId sent_order() {
    h.begin();
    const OrderId order = h.want(1);
    h.outcome(order, Outcome::sent);
    h.outcome(order, Outcome::acknowledged);
    return order;
  }
};

// G11: no order before the account was compared with the venue.
TEST_F(ReconciliationTest, TheAccountIsClosedUntilEveryAnswerWasComplete) {
  begin_unanswered();
  EXPECT_TRUE(h.want(1).is_none());
  EXPECT_EQ(h.all<OrderDenied>().back().reason, Reason::account_not_reconciled);
  answer_empty(QueryKind::open_orders);
  answer_empty(QueryKind::fills_since);
  EXPECT_FALSE(is_ready());
  answer_empty(QueryKind::fills_since);  // of the second instrument
  EXPECT_FALSE(is_ready());
  EXPECT_TRUE(h.commands().empty());
  h.answer_all();  // balances
  EXPECT_TRUE(is_ready());
  EXPECT_TRUE(h.noticed(NoticeCode::account_reconciled));
  // The target that was refused stands, and is met now.
  EXPECT_EQ(h.commands().size(), 1U);
}

TEST_F(ReconciliationTest, ThePartialAndTheMissingAnswerAreAskedForAgain) {
  begin_unanswered();
  VenueRequest asked = h.take(QueryKind::open_orders);
  h.send(AnswerBegin{asked.request, asked.kind});
  end(asked, Completeness::partial);
  h.pass(499ms);
  EXPECT_FALSE(h.has_question(QueryKind::open_orders));
  h.pass(1ms);
  const VenueRequest second = h.take(QueryKind::open_orders);
  EXPECT_NE(second.request, asked.request);
  // A late end of the first answer concludes nothing.
  end(asked);
  EXPECT_FALSE(h.has_question(QueryKind::fills_since));
  // No answer at all
  h.pass(Reconciliation::answer_time_out + 1s);
  EXPECT_TRUE(h.has_question(QueryKind::open_orders));
}

TEST_F(ReconciliationTest, AnEndWithoutItsBeginningIsNoAnswer) {
  begin_unanswered();
  end(h.take(QueryKind::open_orders));
  EXPECT_FALSE(h.has_question(QueryKind::fills_since));
  h.pass(500ms);
  EXPECT_TRUE(h.has_question(QueryKind::open_orders));
}

TEST_F(ReconciliationTest, AnOrderThatTheListDoesNotNameIsAskedForAndNotConcluded) {
  const OrderId order = sent_order();
  h.disconnect();
  EXPECT_FALSE(is_ready());
  h.pass(5s);
  ready();
  answer_empty(QueryKind::open_orders);
  EXPECT_EQ(h.state(order), OrderState::accepted);
  EXPECT_FALSE(h.has_question(QueryKind::fills_since)) << "first the order";
  // When the venue says how it ended
  const OrderReport row = h.report_of(order, VenueOrderStatus::canceled, {});
  h.answer_status(h.take(QueryKind::order_status).request, &row);
  EXPECT_EQ(h.state(order), OrderState::canceled);
  EXPECT_EQ(h.all<DifferenceFound>().back().kind, DifferenceKind::vanished_order);
  EXPECT_TRUE(h.has_question(QueryKind::fills_since));
}

TEST_F(ReconciliationTest, AListedOrderIsNotAskedFor) {
  const OrderId order = sent_order();
  h.disconnect();
  h.pass(5s);
  ready();
  const VenueRequest open = h.take(QueryKind::open_orders);
  h.send(AnswerBegin{open.request, open.kind});
  OrderReport row = h.report_of(order, VenueOrderStatus::working, {});
  row.source = Source::list_query;
  h.send(row);
  end(open);
  EXPECT_FALSE(h.has_question(QueryKind::order_status));
  EXPECT_TRUE(h.has_question(QueryKind::fills_since));
}

TEST_F(ReconciliationTest, AnOrderOfUnknownFateDoesNotKeepTheAccountClosedOnceAnswered) {
  h.begin();
  const OrderId order = h.want(1);
  h.outcome(order, Outcome::sent);
  h.disconnect();
  EXPECT_EQ(h.state(order), OrderState::unknown);
  h.connect();  // not in the list; "no such order": too early to be believed
  EXPECT_TRUE(is_ready());
  EXPECT_EQ(h.state(order), OrderState::unknown);
  EXPECT_TRUE(h.want(2).is_none()) << "but its strategy waits";
}

TEST_F(ReconciliationTest, FillsAreAskedForFromThePointUpToWhichAllAreBooked) {
  begin_unanswered();
  answer_empty(QueryKind::open_orders);
  const VenueRequest first = h.take(QueryKind::fills_since);
  EXPECT_TRUE(first.after.is_none());
  EXPECT_EQ(first.since, Timestamp{std::chrono::seconds{Harness::first_epoch}});
  h.send(AnswerBegin{first.request, first.kind});
  end(first);
  h.answer_all();
  const Timestamp confirmed = h.now;
  const OrderId order = h.want(1);
  h.fill(order, "1"_qty, "100"_px, 10);
  wait_for_comparison();
  answer_empty(QueryKind::open_orders);
  const VenueRequest second = h.take(QueryKind::fills_since);
  EXPECT_EQ(second.since, confirmed - Reconciliation::margin);
  EXPECT_TRUE(second.after.is_none()) << "trade 10 came after that point";
}

TEST_F(ReconciliationTest, AfterARestartFillsAreAskedForWithAnOverlap) {
  h.begin();
  const OrderId first = h.want(1);
  h.fill(first, "1"_qty, "100"_px, 10);
  h.pass(2h);
  const OrderId second = h.want(0);
  h.fill(second, "1"_qty, "100"_px, 20);
  const Timestamp last = h.now;
  h.restart_from_journal();
  h.now += 1min;
  h.start(Harness::first_epoch + 100'000);
  ready();
  answer_empty(QueryKind::open_orders);
  const VenueRequest asked = h.take(QueryKind::fills_since);
  EXPECT_EQ(asked.since, last - Reconciliation::overlap);
  EXPECT_EQ(asked.after, ForeignId::number(10));
}

TEST_F(ReconciliationTest, IsRepeatedSoonerWhileAnOrderLives) {
  const OrderId order = sent_order();
  h.pass(Reconciliation::busy_interval + 15s);
  EXPECT_TRUE(h.has_question(QueryKind::open_orders));
  EXPECT_TRUE(is_ready()) << "the account stays open meanwhile";
  h.report(order, VenueOrderStatus::canceled, {}, 3);
}

TEST_F(ReconciliationTest, IsRepeatedSlowlyWhenNothingLives) {
  h.begin();
  h.pass(Reconciliation::idle_interval - 1s);
  EXPECT_FALSE(h.has_question(QueryKind::open_orders));
  h.pass(1s);
  EXPECT_TRUE(h.has_question(QueryKind::open_orders));
}

TEST_F(ReconciliationTest, WhatAnAccountHoldsAtFirstSightIsAnOpeningBalance) {
  h.begin();
  const auto found = h.all<DifferenceFound>();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].kind, DifferenceKind::opening_balance);
  EXPECT_EQ(found[0].asset, h.usdt);
  EXPECT_EQ(found[0].theirs, "1000000"_qty);
}

TEST_F(ReconciliationTest, ABalanceThatFillsExplainIsNoDifference) {
  h.begin();
  const OrderId order = h.want(1);
  Execution bought = h.execution(order, "1"_qty, "100"_px, 1);
  bought.fee = "0.1"_usd;
  bought.fee_asset = h.usdt;
  h.send(bought);
  h.balances = {{h.usdt, "999899.9"_usd}, {h.btc_asset, "1001"_usd}};
  wait_for_comparison();
  const std::size_t before = h.mark();
  h.answer_all();
  EXPECT_TRUE(h.all<DifferenceFound>(before).empty());
  EXPECT_EQ(h.all<BalanceChanged>().back().free, "1001"_usd);
}

TEST_F(ReconciliationTest, ABalanceThatNothingExplainsIsSaidOnce) {
  h.begin();
  h.balances = {{h.usdt, "1000050"_usd}, {h.btc_asset, "1000"_usd}};
  wait_for_comparison();
  std::size_t before = h.mark();
  h.answer_all();
  EXPECT_TRUE(h.all<DifferenceFound>(before).empty()) << "it may still be on its way";
  h.pass(Reconciliation::settling);
  h.answer_all();
  const auto found = h.all<DifferenceFound>(before);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, DifferenceKind::balance);
  EXPECT_EQ(found[0].ours, "1000000"_qty);
  EXPECT_EQ(found[0].theirs, "1000050"_qty);
  before = h.mark();
  wait_for_comparison();
  h.answer_all();
  EXPECT_TRUE(h.all<DifferenceFound>(before).empty());
}

TEST_F(ReconciliationTest, ADepositThatTheVenueTellsIsExplained) {
  h.begin();
  h.send(ExternalFlow{"50"_usd, h.usdt});
  h.balances = {{h.usdt, "1000050"_usd}, {h.btc_asset, "1000"_usd}};
  wait_for_comparison();
  const std::size_t before = h.mark();
  h.answer_all();
  EXPECT_TRUE(h.all<DifferenceFound>(before).empty());
}

TEST_F(ReconciliationTest, AnAssetThatACompleteListDoesNotNameIsZero) {
  h.begin();
  h.balances = {{h.usdt, "1000000"_usd}};
  wait_for_comparison();
  h.answer_all();
  const BalanceChanged last = h.all<BalanceChanged>().back();
  EXPECT_EQ(last.asset, h.btc_asset);
  EXPECT_TRUE(last.free.is_zero());
}

TEST_F(ReconciliationTest, CancelsPassWhileTheAccountIsClosed) {
  const OrderId order = sent_order();
  h.disconnect();
  ready();
  const std::size_t before = h.commands().size();
  h.command(CancelOrder{order});
  EXPECT_EQ(h.commands().size(), before + 1);
}

TEST_F(ReconciliationTest, ABalanceThatNothingExplainsIsNotForgottenByAStartFromASnapshot) {
  h.begin();
  h.balances = {{h.usdt, "1000050"_usd}, {h.btc_asset, "1000"_usd}};
  wait_for_comparison();
  h.answer_all();  // a suspicion, not a difference yet
  h.restart_from_snapshot();
  h.start(h.epoch + 1);
  const std::size_t before = h.mark();
  h.connect();
  h.pass(Reconciliation::settling);
  h.answer_all();
  const auto found = h.all<DifferenceFound>(before);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, DifferenceKind::balance);
  EXPECT_EQ(found[0].ours, "1000000"_qty);
}

/// How often the account is compared within `seconds`, each answered at once.
std::size_t comparisons(Harness& h, int seconds) {
  std::size_t count = 0;
  for (int second = 0; second < seconds; ++second) {
    h.pass(1s);
    if (h.has_question(QueryKind::open_orders)) ++count;
    h.answer_all();
  }
  return count;
}

TEST_F(ReconciliationTest, G10_ASilentStreamStopsNewOrdersAndIsComparedEverSlowerUntilItLives) {
  h.begin();
  StreamChanged changed;
  changed.stream = StreamKind::orders;
  changed.state = StreamState::silent;
  h.send(changed);
  EXPECT_TRUE(h.has_question(QueryKind::open_orders)) << "at once";
  h.answer_all();
  EXPECT_TRUE(h.want(1).is_none());
  EXPECT_EQ(h.all<OrderDenied>().back().reason, Reason::stream_not_ready);
  // After 2, 4, 8, 16 and 30 s.
  EXPECT_EQ(comparisons(h, 60), 5U);
  changed.state = StreamState::ready;
  h.send(changed);
  EXPECT_FALSE(h.all<AccountReady>().back().ready);
  h.answer_all();
  EXPECT_TRUE(h.all<AccountReady>().back().ready);
  EXPECT_EQ(h.commands().size(), 1U) << "what was wanted meanwhile leaves now";
}

TEST_F(ReconciliationTest, ARequestOfUnknownFateMakesItFaster) {
  h.begin();
  const OrderId order = h.want(1);
  h.outcome(order, Outcome::sent);
  h.answer_all();
  EXPECT_EQ(comparisons(h, 3), 0U);
  h.outcome(order, Outcome::unknown);
  EXPECT_GE(comparisons(h, 15), 3U);
}

}  // namespace
}  // namespace halcyon::engine::testing
