#include "engine/order_manager.h"

#include <gtest/gtest.h>

#include "harness.h"

namespace halcyon::engine::testing {
namespace {

/// A connected account that has sent an order for 1 BTC at about 100.
struct OrderTest : ::testing::Test {
  Harness h;
  OrderId order;

  void SetUp() override {
    h.begin();
    order = h.want(1);
    ASSERT_FALSE(order.is_none());
  }
  void acknowledge() {
    h.outcome(order, Outcome::sent);
    h.outcome(order, Outcome::acknowledged);
  }
  OrderReport row(VenueOrderStatus status, Quantity filled = {}) {
    return h.report_of(order, status, filled);
  }
  /// Lets the next question about the order come, and answers that there is none.
  void answer_absent() {
    for (int seconds = 0; seconds < 60 && !h.has_question(QueryKind::order_status); ++seconds) {
      h.pass(1s);
    }
    h.answer_status(h.take(QueryKind::order_status).request, nullptr, true);
  }
};

TEST_F(OrderTest, IsJournaledBeforeItIsSentAndValidForAStatedTime) {
  const OrderCommand& command = h.commands().back();
  EXPECT_EQ(command.journal_sequence, h.sequence);
  EXPECT_EQ(command.valid_until, h.now + Harness::rule.request_validity);
  EXPECT_EQ(command.account, h.account);
  const auto requests = h.all<RequestChanged>();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].state, RequestState::journaled);
  EXPECT_EQ(requests[0].valid_until, command.valid_until);
  EXPECT_EQ(h.all<OrderOpened>()[0].order.quantity, "1"_qty);
}

TEST_F(OrderTest, GoesFromSubmittedToAcceptedToFilled) {
  h.outcome(order, Outcome::sent);
  EXPECT_EQ(h.state(order), OrderState::submitted);
  h.outcome(order, Outcome::acknowledged);
  EXPECT_EQ(h.state(order), OrderState::accepted);
  EXPECT_EQ(h.last(order).venue_order, ForeignId::number(h.venue_order_of(order)));
  h.fill(order, "0.4"_qty, "100"_px, 1);
  EXPECT_EQ(h.state(order), OrderState::partially_filled);
  h.fill(order, "0.6"_qty, "101"_px, 2);
  EXPECT_EQ(h.state(order), OrderState::filled);
  EXPECT_EQ(h.position().quantity, "1"_qty);
  EXPECT_EQ(h.position().cost, "100.6"_usd);
  EXPECT_EQ(h.last(order).filled_quote, "100.6"_usd);
}

// G1, G23: a time-out is a state, not a verdict.
TEST_F(OrderTest, WithoutAnAnswerIsUnknownAndNeverFailed) {
  h.outcome(order, Outcome::sent);
  h.pass(Harness::rule.answer_time_out);
  EXPECT_EQ(h.state(order), OrderState::unknown);
  EXPECT_TRUE(h.noticed(NoticeCode::request_unknown));
  h.pass(24h);
  EXPECT_EQ(h.state(order), OrderState::unknown) << "silence ends nothing, however long";
}

TEST_F(OrderTest, OfUnknownFateIsAskedForWithBackOffAndWithoutEnd) {
  h.outcome(order, Outcome::unknown);
  std::vector<Timestamp> asked;
  const Timestamp start = h.now;
  for (int ms = 0; ms < 200'000; ms += 100) {
    h.pass(100ms);
    while (h.has_question(QueryKind::order_status)) {
      asked.push_back(h.now);
      // The venue cannot say: the answer is partial, and concludes nothing.
      h.answer_status(h.take(QueryKind::order_status).request, nullptr, true,
                      Completeness::partial);
    }
  }
  ASSERT_GE(asked.size(), 9U);
  // Each wait begins at the answer.
  const std::vector<Duration> waits{500ms, 1s, 2s, 5s, 10s, 30s, 30s, 30s, 30s};
  Timestamp before = start;
  for (std::size_t at = 0; at < waits.size(); ++at) {
    EXPECT_EQ(asked[at] - before, waits[at]) << at;
    before = asked[at];
  }
  EXPECT_EQ(h.state(order), OrderState::unknown);
}

TEST_F(OrderTest, OfUnknownFateIsFoundByAsking) {
  h.outcome(order, Outcome::unknown);
  h.pass(500ms);
  const OrderReport found = row(VenueOrderStatus::working);
  h.answer_status(h.take(QueryKind::order_status).request, &found);
  EXPECT_EQ(h.state(order), OrderState::accepted);
  h.pass(20s);
  EXPECT_FALSE(h.has_question(QueryKind::order_status)) << "it is known again";
}

// G15: nothing is sent again while the fate is unknown; proven absence ends the request.
TEST_F(OrderTest, IsProvenAbsentOnlyByTheVenuesRuleAndACompleteAnswerAboutFills) {
  h.outcome(order, Outcome::unknown);
  // Answers before valid_until + margin do not count, however many.
  for (int early = 0; early < 3; ++early) answer_absent();
  EXPECT_EQ(h.state(order), OrderState::unknown);
  // Given that the time has come
  h.pass(10s);
  while (h.has_question(QueryKind::order_status)) {
    h.answer_status(h.take(QueryKind::order_status).request, nullptr, true);
  }
  // Then one more answer is not enough, and two are not, before the fills were asked for
  answer_absent();
  EXPECT_EQ(h.state(order), OrderState::unknown);
  answer_absent();
  EXPECT_EQ(h.state(order), OrderState::unknown);
  // When the venue's complete answer knows no fill of it either
  for (int seconds = 0; seconds < 5; ++seconds) {
    h.answer_all();
    h.pass(1s);
  }
  // Then it was never there
  EXPECT_EQ(h.state(order), OrderState::rejected);
  EXPECT_EQ(h.last(order).reason, Reason::proven_absent);
  EXPECT_EQ(h.all<RequestChanged>().back().state, RequestState::refused);
}

TEST_F(OrderTest, IsNotAbsentWhenTheAnswerAboutFillsIsPartial) {
  h.outcome(order, Outcome::unknown);
  h.pass(15s);
  while (h.has_question(QueryKind::order_status)) {
    h.answer_status(h.take(QueryKind::order_status).request, nullptr, true);
  }
  answer_absent();
  // open orders: complete; the order itself: asked once more; fills: cut off
  for (int rounds = 0; rounds < 20; ++rounds) {
    if (h.has_question(QueryKind::fills_since)) {
      const VenueRequest asked = h.take(QueryKind::fills_since);
      h.send(AnswerBegin{asked.request, asked.kind});
      h.send(AnswerEnd{asked.request, asked.kind, Completeness::partial, false, Reason::none});
      break;
    }
    if (h.has_question(QueryKind::order_status)) {
      h.answer_status(h.take(QueryKind::order_status).request, nullptr, true);
    } else if (h.has_question(QueryKind::open_orders)) {
      const VenueRequest asked = h.take(QueryKind::open_orders);
      h.send(AnswerBegin{asked.request, asked.kind});
      h.send(AnswerEnd{asked.request, asked.kind, Completeness::complete, false, Reason::none});
    }
  }
  EXPECT_EQ(h.state(order), OrderState::unknown);
  h.pass(1s);
  EXPECT_TRUE(h.has_question(QueryKind::fills_since)) << "it is asked again";
}

TEST_F(OrderTest, ARefusalForADuplicateIdMeansThatOurOrderIsThere) {
  h.outcome(order, Outcome::sent);
  h.outcome(order, Outcome::refused, Reason::venue_refused_duplicate);
  EXPECT_EQ(h.state(order), OrderState::unknown);
}

TEST_F(OrderTest, ARefusalEndsItWithTheVenuesWords) {
  h.outcome(order, Outcome::sent);
  h.outcome(order, Outcome::refused, Reason::venue_refused_filter, RequestKind::place, {},
            "Filter failure: LOT_SIZE");
  EXPECT_EQ(h.state(order), OrderState::rejected);
  EXPECT_EQ(h.last(order).reason, Reason::venue_refused_filter);
  EXPECT_NE(h.journal().back().find("Filter failure: LOT_SIZE"), std::string::npos);
}

TEST_F(OrderTest, NotSentIsACertainRefusalAlsoAfterWeHadStoppedWaiting) {
  h.pass(Harness::rule.answer_time_out);
  EXPECT_EQ(h.state(order), OrderState::unknown);
  h.outcome(order, Outcome::not_sent, Reason::not_sent_too_late);
  EXPECT_EQ(h.state(order), OrderState::rejected);
  EXPECT_EQ(h.last(order).reason, Reason::not_sent_too_late);
}

// G8: updates are ordered by the venue's sequence; terminal orders stay.
TEST_F(OrderTest, AnAcknowledgementAfterTheFillChangesNothing) {
  h.outcome(order, Outcome::sent);
  h.fill(order, "1"_qty, "100"_px, 1, "1"_qty, 10);
  EXPECT_EQ(h.state(order), OrderState::filled);
  const std::size_t before = h.all<OrderChanged>().size();
  h.outcome(order, Outcome::acknowledged);
  h.report(order, VenueOrderStatus::working, {}, 5);
  EXPECT_EQ(h.all<OrderChanged>().size(), before);
  EXPECT_EQ(h.state(order), OrderState::filled);
}

TEST_F(OrderTest, AFillBeforeTheAcknowledgementIsBookedAndAcknowledgesIt) {
  h.fill(order, "0.5"_qty, "100"_px, 1);
  EXPECT_EQ(h.state(order), OrderState::partially_filled);
  const auto requests = h.all<RequestChanged>();
  EXPECT_EQ(requests.back().state, RequestState::acknowledged);
  h.pass(60s);
  EXPECT_EQ(h.state(order), OrderState::partially_filled) << "no time-out of a known order";
}

// G7: one fill per (account, instrument, trade id), for ever.
TEST_F(OrderTest, AFillIsBookedOnceWhateverItsSource) {
  acknowledge();
  h.fill(order, "0.4"_qty, "100"_px, 7);
  Execution again = h.execution(order, "0.4"_qty, "100"_px, 7);
  again.source = Source::trade_record;
  h.send(again);
  h.fill(order, "0.4"_qty, "100"_px, 7);
  EXPECT_EQ(h.all<FillBooked>().size(), 1U);
  EXPECT_EQ(h.position().quantity, "0.4"_qty);
  EXPECT_EQ(h.engine->counters().duplicate_fills, 2U);
}

TEST_F(OrderTest, AFillWithoutATradeIdIsKnownByItsCumulativeQuantity) {
  acknowledge();
  Execution nameless = h.execution(order, "0.4"_qty, "100"_px, 0);
  nameless.trade = {};
  nameless.cumulative = "0.4"_qty;
  h.send(nameless);
  h.send(nameless);
  EXPECT_EQ(h.all<FillBooked>().size(), 1U);
}

TEST_F(OrderTest, ALateFillIsBookedWithAnAlarm) {
  acknowledge();
  h.report(order, VenueOrderStatus::canceled, {}, 5);
  EXPECT_EQ(h.state(order), OrderState::canceled);
  h.fill(order, "1"_qty, "100"_px, 9);
  EXPECT_EQ(h.position().quantity, "1"_qty);
  EXPECT_TRUE(h.all<FillBooked>().back().late);
  EXPECT_TRUE(h.noticed(NoticeCode::fill_after_terminal));
  EXPECT_EQ(h.state(order), OrderState::canceled) << "terminal states stay terminal";
  EXPECT_EQ(h.last(order).filled, "1"_qty);
}

TEST_F(OrderTest, ALateFillAfterARefusalIsBookedToo) {
  h.outcome(order, Outcome::refused, Reason::venue_refused);
  h.fill(order, "1"_qty, "100"_px, 9);
  EXPECT_EQ(h.position().quantity, "1"_qty);
  EXPECT_TRUE(h.noticed(NoticeCode::fill_after_terminal));
}

TEST_F(OrderTest, AnOverfillIsBookedWithAnAlarm) {
  acknowledge();
  h.fill(order, "0.9"_qty, "100"_px, 1);
  h.fill(order, "0.3"_qty, "100"_px, 2);
  EXPECT_EQ(h.position().quantity, "1.2"_qty);
  EXPECT_TRUE(h.noticed(NoticeCode::overfill));
  EXPECT_EQ(h.state(order), OrderState::filled);
}

TEST_F(OrderTest, FilledByReportStaysAliveUntilTheFillIsBooked) {
  acknowledge();
  h.report(order, VenueOrderStatus::filled, "1"_qty, 5);
  EXPECT_EQ(h.state(order), OrderState::filled);
  EXPECT_EQ(h.engine->counters().orders_alive, 1U) << "its fill still changes the position";
  h.fill(order, "1"_qty, "100"_px, 1);
  EXPECT_EQ(h.engine->counters().orders_alive, 0U);
  EXPECT_FALSE(h.all<FillBooked>().back().late) << "the venue had announced it";
  EXPECT_FALSE(h.noticed(NoticeCode::fill_after_terminal));
}

// G9, G10: what the stream lost is fetched.
TEST_F(OrderTest, AFillThatWasCountedButNotToldIsFetched) {
  acknowledge();
  h.fill(order, "0.3"_qty, "100"_px, 2, "0.7"_qty, 8);  // the first 0.4 was lost
  EXPECT_EQ(h.last(order).reported, "0.7"_qty);
  h.pass(1s);
  ASSERT_TRUE(h.has_question(QueryKind::open_orders));
  const VenueRequest open = h.take(QueryKind::open_orders);
  h.send(AnswerBegin{open.request, open.kind});
  OrderReport listed = row(VenueOrderStatus::partially_filled, "0.7"_qty);
  listed.source = Source::list_query;
  h.send(listed);
  h.send(AnswerEnd{open.request, open.kind, Completeness::complete, false, Reason::none});
  const VenueRequest fills = h.take(QueryKind::fills_since);
  EXPECT_EQ(fills.instrument, h.btc);
  EXPECT_LE(fills.since, h.all<OrderOpened>()[0].order.created);
  h.send(AnswerBegin{fills.request, fills.kind});
  Execution missed = h.execution(order, "0.4"_qty, "99"_px, 1);
  missed.order = {};  // the venue's list names its own ids only
  missed.source = Source::trade_record;
  h.send(missed);
  h.send(AnswerEnd{fills.request, fills.kind, Completeness::complete, false, Reason::none});
  EXPECT_EQ(h.position().quantity, "0.7"_qty);
  ASSERT_FALSE(h.all<DifferenceFound>().empty());
  EXPECT_EQ(h.all<DifferenceFound>().back().kind, DifferenceKind::missed_fill);
}

TEST_F(OrderTest, AListedFillWaitsUntilItIsClearWhoseItIs) {
  // Given an order whose acknowledgement was lost, so that its venue id is not known
  h.outcome(order, Outcome::unknown);
  h.disconnect();
  h.pass(1s);
  StreamChanged ready;
  ready.stream = StreamKind::orders;
  ready.state = StreamState::ready;
  h.send(ready);
  const VenueRequest open = h.take(QueryKind::open_orders);
  h.send(AnswerBegin{open.request, open.kind});
  h.send(AnswerEnd{open.request, open.kind, Completeness::complete, false, Reason::none});
  // And the venue does not find it yet
  h.answer_status(h.take(QueryKind::order_status).request, nullptr, true);
  // When the fills name it by the venue's id alone
  const VenueRequest fills = h.take(QueryKind::fills_since);
  h.send(AnswerBegin{fills.request, fills.kind});
  Execution listed = h.execution(order, "1"_qty, "100"_px, 1);
  listed.order = {};
  listed.source = Source::trade_record;
  h.send(listed);
  h.send(AnswerEnd{fills.request, fills.kind, Completeness::complete, false, Reason::none});
  // Then it is nobody's yet, proves no absence, and the venue is asked whose it is
  EXPECT_TRUE(h.all<FillBooked>().empty());
  const VenueRequest whose = h.take(QueryKind::order_status);
  EXPECT_TRUE(whose.order.is_none());
  EXPECT_EQ(whose.venue_order, listed.venue_order);
  // When the order is found under that id
  h.pass(1s);
  const OrderReport found = row(VenueOrderStatus::filled, "1"_qty);
  h.answer_status(h.take(QueryKind::order_status).request, &found);
  // Then the fill is its own
  ASSERT_EQ(h.all<FillBooked>().size(), 1U);
  EXPECT_EQ(h.all<FillBooked>()[0].order, order);
  EXPECT_EQ(h.all<FillBooked>()[0].strategy, h.strategy);
  EXPECT_EQ(h.position().quantity, "1"_qty);
  EXPECT_EQ(h.state(order), OrderState::filled);
}

TEST_F(OrderTest, AListedFillThatTheVenueCallsAnothersIsBookedToNobody) {
  h.outcome(order, Outcome::unknown);
  h.disconnect();
  h.pass(1s);
  StreamChanged ready;
  ready.stream = StreamKind::orders;
  ready.state = StreamState::ready;
  h.send(ready);
  const VenueRequest open = h.take(QueryKind::open_orders);
  h.send(AnswerBegin{open.request, open.kind});
  h.send(AnswerEnd{open.request, open.kind, Completeness::complete, false, Reason::none});
  h.answer_status(h.take(QueryKind::order_status).request, nullptr, true);
  const VenueRequest fills = h.take(QueryKind::fills_since);
  h.send(AnswerBegin{fills.request, fills.kind});
  Execution listed = h.execution({}, "1"_qty, "100"_px, 1);
  listed.source = Source::trade_record;
  h.send(listed);
  h.send(AnswerEnd{fills.request, fills.kind, Completeness::complete, false, Reason::none});
  EXPECT_TRUE(h.all<FillBooked>().empty());
  OrderReport of_another;
  of_another.venue_order = listed.venue_order;
  of_another.status = VenueOrderStatus::filled;
  of_another.filled = of_another.quantity = "1"_qty;
  of_another.source = Source::single_query;
  h.answer_status(h.take(QueryKind::order_status).request, &of_another);
  ASSERT_EQ(h.all<FillBooked>().size(), 1U);
  EXPECT_EQ(h.all<FillBooked>()[0].strategy, no<StrategyId>);
  EXPECT_EQ(h.state(order), OrderState::unknown);
}

// G2: a cancel ends nothing by itself.
TEST_F(OrderTest, ACancelIsPendingUntilTheVenueHasSaidSo) {
  acknowledge();
  const RequestId cancel = h.command(CancelOrder{order});
  EXPECT_EQ(h.state(order), OrderState::pending_cancel);
  EXPECT_TRUE(h.all<CommandAnswered>().back().accepted);
  h.outcome(order, Outcome::acknowledged, Reason::none, RequestKind::cancel, cancel);
  EXPECT_EQ(h.state(order), OrderState::pending_cancel);
  h.report(order, VenueOrderStatus::canceled, {}, 5);
  EXPECT_EQ(h.state(order), OrderState::canceled);
  EXPECT_EQ(h.last(order).reason, Reason::canceled_by_operator);
}

TEST_F(OrderTest, ARefusedCancelGoesBackToWhatIsProvenAndAsks) {
  acknowledge();
  h.fill(order, "0.5"_qty, "100"_px, 1);
  const RequestId cancel = h.command(CancelOrder{order});
  h.outcome(order, Outcome::refused, Reason::venue_refused_unknown_order, RequestKind::cancel,
            cancel);
  EXPECT_EQ(h.state(order), OrderState::partially_filled);
  h.pass(500ms);
  EXPECT_TRUE(h.has_question(QueryKind::order_status)) << "it may just have been filled";
}

TEST_F(OrderTest, ACancelOfUnknownFateIsRepeatedWhileTheOrderIsFoundAlive) {
  acknowledge();
  const RequestId cancel = h.command(CancelOrder{order});
  h.outcome(order, Outcome::unknown, Reason::none, RequestKind::cancel, cancel);
  h.pass(500ms);
  const std::size_t before = h.commands().size();
  const OrderReport found = row(VenueOrderStatus::working);
  h.answer_status(h.take(QueryKind::order_status).request, &found);
  ASSERT_EQ(h.commands().size(), before + 1);
  const auto& repeated = std::get<CancelRequest>(h.commands().back().what);
  EXPECT_EQ(repeated.order, order);
  EXPECT_NE(repeated.request, cancel) << "every request has its own id";
  EXPECT_EQ(h.state(order), OrderState::pending_cancel);
}

TEST_F(OrderTest, ACancelAskedTwiceIsSentOnce) {
  acknowledge();
  h.command(CancelOrder{order});
  const std::size_t before = h.commands().size();
  h.command(CancelOrder{order});
  EXPECT_EQ(h.commands().size(), before);
}

TEST_F(OrderTest, ACancelThatNeverLeftIsSentWhenTheVenueIsBack) {
  acknowledge();
  h.disconnect();
  const RequestId cancel = h.command(CancelOrder{order});
  h.outcome(order, Outcome::not_sent, Reason::not_sent_not_ready, RequestKind::cancel, cancel);
  const std::size_t before = h.commands().size();
  h.connect();
  ASSERT_GT(h.commands().size(), before);
  EXPECT_EQ(std::get<CancelRequest>(h.commands()[before].what).order, order);
}

TEST_F(OrderTest, ALostLineMakesWhatWasSentUnknownAtOnce) {
  h.outcome(order, Outcome::sent);
  h.disconnect();
  EXPECT_EQ(h.state(order), OrderState::unknown);
  EXPECT_EQ(h.last(order).reason, Reason::connection_lost);
}

TEST_F(OrderTest, ThatEndedAndWorksAllTheSameIsCancelledWithAnAlarm) {
  h.outcome(order, Outcome::refused, Reason::venue_refused);
  h.report(order, VenueOrderStatus::working, {}, 3);
  EXPECT_TRUE(h.noticed(NoticeCode::order_alive_after_end));
  EXPECT_EQ(std::get<CancelRequest>(h.commands().back().what).order, order);
  EXPECT_EQ(h.state(order), OrderState::rejected);
}

// ---- Orders that are not ours -------------------------------------------------------------------

OrderReport external_report() {
  OrderReport report;
  report.venue_order = ForeignId::number(77);
  report.quantity = "3"_qty;
  report.side = Side::buy;
  report.type = OrderType::limit;
  report.limit_price = "90"_px;
  return report;
}

TEST_F(OrderTest, AnExternalOneIsSeenCountedAndLeftAlone) {
  h.send(external_report(), "web_abc");
  const OrderOpened opened = h.all<OrderOpened>().back();
  EXPECT_EQ(opened.order.origin, Origin::external);
  EXPECT_EQ(opened.order.strategy, no<StrategyId>);
  EXPECT_TRUE(h.noticed(NoticeCode::difference_found));
  EXPECT_EQ(h.engine->counters().orders_alive, 2U);
  const std::size_t before = h.commands().size();
  h.command(CancelAll{});
  for (std::size_t at = before; at < h.commands().size(); ++at) {
    EXPECT_EQ(std::get<CancelRequest>(h.commands()[at].what).order, order);
  }
  // Its fills are booked to no strategy.
  Execution filled;
  filled.venue_order = ForeignId::number(77);
  filled.trade = ForeignId::number(5);
  filled.price = "90"_px;
  filled.quantity = "3"_qty;
  h.send(filled);
  const FillBooked fill = h.all<FillBooked>().back();
  EXPECT_EQ(fill.order, opened.order.id);
  EXPECT_EQ(fill.strategy, no<StrategyId>);
  EXPECT_EQ(fill.quote_amount, "270"_usd);
  EXPECT_EQ(h.state(opened.order.id), OrderState::filled);
}

TEST_F(OrderTest, FillsThatCameBeforeAnExternalOneAreItsOwn) {
  Execution filled;
  filled.venue_order = ForeignId::number(77);
  filled.trade = ForeignId::number(5);
  filled.price = "90"_px;
  filled.quantity = "1"_qty;
  h.send(filled);
  OrderReport later = external_report();
  later.filled = "1"_qty;
  h.send(later, "web_abc");
  const OrderId adopted = h.all<OrderOpened>().back().order.id;
  EXPECT_EQ(h.last(adopted).filled, "1"_qty);
  later.status = VenueOrderStatus::canceled;
  h.send(later, "web_abc");
  EXPECT_EQ(h.engine->counters().orders_alive, 1U) << "only ours is alive: nothing is owed";
}

TEST_F(OrderTest, AnExternalOneIsCancelledWhenNamed) {
  h.send(external_report(), "web_abc");
  const OrderId adopted = h.all<OrderOpened>().back().order.id;
  h.command(CancelOrder{adopted});
  const auto& cancel = std::get<CancelRequest>(h.commands().back().what);
  EXPECT_TRUE(cancel.order.is_none()) << "the venue knows it by its own id only";
  EXPECT_EQ(cancel.venue_order, ForeignId::number(77));
}

TEST_F(OrderTest, OneWithOurNameAndAStrangeEpochHaltsTheAccount) {
  OrderReport strange = external_report();
  strange.order = {12345, 1};
  h.send(strange);
  EXPECT_TRUE(h.noticed(NoticeCode::second_owner));
  const auto states = h.all<TradingStateChanged>();
  ASSERT_EQ(states.size(), 1U);
  EXPECT_EQ(states[0].state, TradingState::halted);
  EXPECT_EQ(states[0].scope.account, h.account);
  h.send(strange);
  EXPECT_EQ(h.all<TradingStateChanged>().size(), 1U) << "said once";
}

TEST_F(OrderTest, AFillOfOneThatIsNotKnownAnyMoreIsBookedWithAnAlarm) {
  Execution late = h.execution({Harness::first_epoch, 4'000'000}, "1"_qty, "100"_px, 50);
  h.send(late);
  const FillBooked fill = h.all<FillBooked>().back();
  EXPECT_TRUE(fill.late);
  EXPECT_EQ(fill.strategy, no<StrategyId>);
  EXPECT_TRUE(h.noticed(NoticeCode::late_unmatched));
}

TEST(OrderOutbox, KeepsItsSlotsAndQueuesCancelsBeyondThem) {
  Harness h{[](config::Config&, engine::Setup& setup) {
    setup.outbox_capacity = 1;
    setup.outbox_cancel_reserve = 1;
  }};
  h.begin();
  const OrderId order = h.want(1);
  // The place command has not been answered: its slot is taken; a cancel has the other one.
  h.command(CancelOrder{order});
  EXPECT_EQ(h.commands().size(), 2U);
  OrderReport external = external_report();
  h.send(external, "web");
  const OrderId adopted = h.all<OrderOpened>().back().order.id;
  h.command(CancelOrder{adopted});
  EXPECT_EQ(h.commands().size(), 2U) << "journaled, and waits for a slot";
  EXPECT_EQ(h.state(adopted), OrderState::pending_cancel);
  h.outcome(order, Outcome::sent);
  ASSERT_EQ(h.commands().size(), 3U);
  EXPECT_EQ(std::get<CancelRequest>(h.commands().back().what).venue_order, ForeignId::number(77));
}

}  // namespace
}  // namespace halcyon::engine::testing
