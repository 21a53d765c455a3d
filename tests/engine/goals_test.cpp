// The goals of ../shared/lessons.md, section 1, that are the engine's to keep: each test bears the
// number of the failure that it keeps away. Others of the same goals stand beside what they test;
// `grep -rn "G7_" tests` finds all of one.

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "harness.h"

namespace halcyon::engine::testing {
namespace {

struct Goals : ::testing::Test {
  Harness h;
  void SetUp() override { h.begin(); }

  CommandAnswered say(decltype(Command::what) what) {
    h.command(what);
    return h.all<CommandAnswered>().back();
  }
  SubmitOrder limit(Side side, Quantity quantity, Price price) const {
    SubmitOrder what;
    what.account = h.account;
    what.instrument = h.btc;
    what.side = side;
    what.quantity = quantity;
    what.limit_price = price;
    return what;
  }
  OrderId working() {
    const OrderId id = say(limit(Side::buy, "1"_qty, "99"_px)).order;
    h.outcome(id, Outcome::sent);
    h.outcome(id, Outcome::acknowledged);
    return id;
  }
  void link_up() {
    StreamChanged ready;
    ready.stream = StreamKind::orders;
    ready.state = StreamState::ready;
    h.send(ready);
  }
  std::size_t placed() const {
    return static_cast<std::size_t>(
        std::count_if(h.commands().begin(), h.commands().end(), [](const OrderCommand& command) {
          return std::holds_alternative<Approved<NewOrder>>(command.what);
        }));
  }
  void answer_list(QueryKind kind) {
    const VenueRequest asked = h.take(kind);
    h.send(AnswerBegin{asked.request, kind});
    h.send(AnswerEnd{asked.request, kind, Completeness::complete, false, Reason::none});
  }
};

// ---- G1: a transport error makes an order unknown, never failed ---------------------------------

struct NoAnswer {
  const char* name;
  void (*happens)(Harness&, OrderId);
};
struct Transport : Goals, ::testing::WithParamInterface<NoAnswer> {};

TEST_P(Transport, G1_AnErrorMakesTheOrderUnknownAndItCountsAsAlive) {
  const OrderId id = say(limit(Side::buy, "1"_qty, "99"_px)).order;
  h.outcome(id, Outcome::sent);
  GetParam().happens(h, id);
  EXPECT_EQ(h.state(id), OrderState::unknown);
  EXPECT_EQ(h.engine->counters().orders_alive, 1U);
  // And it was live all along.
  h.report(id, VenueOrderStatus::working, {});
  EXPECT_EQ(h.state(id), OrderState::accepted);
  h.fill(id, "1"_qty, "99"_px, 1);
  EXPECT_EQ(h.state(id), OrderState::filled);
}

INSTANTIATE_TEST_SUITE_P(
    , Transport,
    ::testing::Values(NoAnswer{"the_venue_does_not_say",
                               [](Harness& h, OrderId id) {
                                 h.outcome(id, Outcome::unknown, Reason::venue_outcome_unknown);
                               }},
                      NoAnswer{"the_line_drops", [](Harness& h, OrderId) { h.disconnect(); }},
                      NoAnswer{"nothing_comes",
                               [](Harness& h, OrderId) { h.pass(Harness::rule.answer_time_out); }},
                      NoAnswer{"the_daemon_is_killed",
                               [](Harness& h, OrderId) {
                                 h.restart_from_journal();
                                 h.start(h.epoch + 1);
                               }}),
    [](const auto& row) { return row.param.name; });

// ---- G2: no terminal state without evidence of the venue ----------------------------------------

TEST_F(Goals, G2_AnUnansweredCancelNeverEndsTheOrder) {
  const OrderId id = working();
  say(CancelOrder{id});
  for (int minutes = 0; minutes < 60; ++minutes) {
    h.pass(1min);
    h.take_questions();
    ASSERT_FALSE(is_terminal(h.state(id)));
  }
}

// ---- G4: every kind of order has its own proven way to be asked for -----------------------------

struct NativeKinds : Goals, ::testing::WithParamInterface<OrderType> {
  NativeKinds() {
    OrderAbilities able;
    able.types.fill(true);
    able.trails_by_bps = true;
    h.setup.abilities.assign(1, able);
    h.engine = std::make_unique<Engine>(h.setup);
  }
};

TEST_P(NativeKinds, G4_IsAskedForByItsOwnIdAndConcludedFromStatusAndFills) {
  SubmitOrder what = limit(Side::buy, "1"_qty, {});
  what.type = GetParam();
  if (has_limit_price(what.type)) what.limit_price = "99"_px;
  const bool is_stop = what.type == OrderType::stop || what.type == OrderType::stop_limit;
  if (has_trigger(what.type) && what.type != OrderType::trailing_stop) {
    what.stop_price = is_stop ? "103"_px : "97"_px;
  }
  if (what.type == OrderType::stop_limit) what.limit_price = "103"_px;
  if (what.type == OrderType::take_profit_limit) what.limit_price = "97"_px;
  if (what.type == OrderType::trailing_stop) what.trailing_bps = 100;
  const CommandAnswered answer = say(what);
  ASSERT_TRUE(answer.accepted) << enum_name(answer.reason);
  const OrderId id = answer.order;
  ASSERT_EQ(placed(), 1U) << "the venue has it, so the venue keeps it";
  h.outcome(id, Outcome::sent);
  h.outcome(id, Outcome::unknown);
  h.take_questions();
  int statuses = 0;
  for (int seconds = 0; seconds < 120 && !is_terminal(h.state(id)); ++seconds) {
    h.pass(1s);
    while (h.has_question(QueryKind::order_status)) {
      const VenueRequest asked = h.take(QueryKind::order_status);
      EXPECT_EQ(asked.order, id);
      EXPECT_EQ(asked.instrument, h.btc);
      ++statuses;
      h.answer_status(asked.request, nullptr, true);
      EXPECT_FALSE(is_terminal(h.state(id))) << "its fills were not asked for";
    }
    h.answer_all();
  }
  EXPECT_EQ(h.state(id), OrderState::rejected);
  EXPECT_EQ(h.last(id).reason, Reason::proven_absent);
  EXPECT_GE(statuses, 2);
}

INSTANTIATE_TEST_SUITE_P(, NativeKinds,
                         ::testing::Values(OrderType::market, OrderType::limit, OrderType::stop,
                                           OrderType::stop_limit, OrderType::take_profit,
                                           OrderType::take_profit_limit, OrderType::trailing_stop),
                         [](const auto& row) { return std::string{enum_name(row.param)}; });

// ---- G6: what was there before is a fact --------------------------------------------------------

TEST(OpeningBalance, G6_IsARecordAndNoTradeIsMadeUp) {
  Harness h;
  h.begin();
  const auto found = h.all<DifferenceFound>();
  ASSERT_EQ(found.size(), 2U);
  for (const DifferenceFound& one : found) {
    EXPECT_EQ(one.kind, DifferenceKind::opening_balance);
    EXPECT_TRUE(one.ours.is_zero());
  }
  EXPECT_TRUE(h.all<FillBooked>().empty());
  EXPECT_TRUE(h.all<AccountReady>().back().ready) << "it is no reason not to trade";
}

// ---- G8: ended orders stay, and the venue's sequence decides ------------------------------------

TEST_F(Goals, G8_AnAcknowledgementThatComesAfterTheLastFillOpensNothing) {
  const OrderId id = say(limit(Side::buy, "1"_qty, "99"_px)).order;
  h.outcome(id, Outcome::sent);
  h.fill(id, "1"_qty, "99"_px, 1, "1"_qty, 20);
  ASSERT_EQ(h.state(id), OrderState::filled);
  h.outcome(id, Outcome::acknowledged);
  h.report(id, VenueOrderStatus::working, {}, 10);
  EXPECT_EQ(h.state(id), OrderState::filled);
  EXPECT_EQ(h.engine->counters().orders_alive, 0U);
  EXPECT_EQ(h.all<OrderOpened>().size(), 1U);
}

// ---- G9: after every reconnect the fills since the last known -----------------------------------

TEST_F(Goals, G9_AFillOfTheTimeWithoutALineIsBookedBeforeTheAccountTrades) {
  const OrderId id = working();
  h.disconnect();
  h.pass(60s);
  link_up();
  EXPECT_EQ(say(limit(Side::buy, "1"_qty, "98"_px)).reason, Reason::account_not_reconciled);
  answer_list(QueryKind::open_orders);
  const OrderReport row = h.report_of(id, VenueOrderStatus::filled, "1"_qty);
  h.answer_status(h.take(QueryKind::order_status).request, &row);
  const VenueRequest asked = h.take(QueryKind::fills_since);
  EXPECT_LT(asked.since, h.now - 60s);
  h.send(AnswerBegin{asked.request, asked.kind});
  Execution missed = h.execution(id, "1"_qty, "99"_px, 8);
  missed.source = Source::trade_record;
  h.send(missed);
  EXPECT_FALSE(h.all<AccountReady>().back().ready);
  h.send(AnswerEnd{asked.request, asked.kind, Completeness::complete, false, Reason::none});
  h.answer_all();
  EXPECT_EQ(h.all<FillBooked>().size(), 1U);
  EXPECT_TRUE(h.all<AccountReady>().back().ready);
}

// ---- G10: silence is a fault --------------------------------------------------------------------

TEST_F(Goals, G10_AQuietStreamIsComparedWithTheVenueWhileAnOrderLives) {
  working();
  h.answer_all();
  h.take_questions();
  std::size_t compared = 0;
  for (int seconds = 0; seconds < 300; ++seconds) {
    h.pass(1s);
    if (h.has_question(QueryKind::open_orders)) ++compared;
    h.answer_all();
  }
  EXPECT_GE(compared, 9U) << "each 30 seconds";
}

// ---- G11: no order before the private stream is confirmed ---------------------------------------

TEST(PrivateStream, G11_NoOrderLeavesBeforeItIsConfirmed) {
  Harness h;
  h.start(Harness::first_epoch);
  h.hear_rules();
  h.quote("99"_px, "101"_px);
  EXPECT_TRUE(h.want(1).is_none());
  EXPECT_TRUE(h.commands().empty());
  EXPECT_EQ(h.all<OrderDenied>().back().reason, Reason::account_not_reconciled);
  StreamChanged connecting;
  connecting.stream = StreamKind::orders;
  connecting.state = StreamState::connecting;
  h.send(connecting);
  EXPECT_TRUE(h.want(2).is_none());
  EXPECT_TRUE(h.commands().empty());
}

// ---- G12: the intent is durable before the wire -------------------------------------------------

TEST_F(Goals, G12_ACommandNamesTheFrameThatHoldsItsOrder) {
  const std::size_t mark = h.mark();
  say(limit(Side::buy, "1"_qty, "99"_px));
  ASSERT_EQ(h.commands().size(), 1U);
  EXPECT_EQ(h.commands()[0].journal_sequence, h.sequence);
  ASSERT_EQ(h.all<OrderOpened>(mark).size(), 1U);
  EXPECT_EQ(h.all<RequestChanged>(mark).front().state, RequestState::journaled);
}

// ---- G13: what cannot be let out is not let in --------------------------------------------------

TEST_F(Goals, G13_AnEntryThatCouldNotBeSoldAgainIsRefusedWithNumbers) {
  // The venue's minimum is 5: at 99, 0.0506 is worth 5.0094, and 1 % lower no more.
  const CommandAnswered answer = say(limit(Side::buy, "0.0506"_qty, "99"_px));
  EXPECT_EQ(answer.reason, Reason::remainder_not_exitable);
  EXPECT_EQ(h.all<OrderDenied>().back().limit, "5"_usd);
  EXPECT_TRUE(say(limit(Side::buy, "0.0511"_qty, "99"_px)).accepted);
}

TEST_F(Goals, G13_AnExitThatWouldLeaveDustIsRefused) {
  const OrderId id = say(limit(Side::buy, "1"_qty, "99"_px)).order;
  h.fill(id, "1"_qty, "99"_px, 1);
  EXPECT_EQ(say(limit(Side::sell, "0.96"_qty, "101"_px)).reason, Reason::remainder_not_exitable);
  EXPECT_TRUE(say(limit(Side::sell, "1"_qty, "101"_px)).accepted);
}

// ---- G15: nothing is sent again while the fate is unknown ---------------------------------------

TEST_F(Goals, G15_WhileTheFateIsUnknownNothingIsSentAgainUnderAnyId) {
  const OrderId id = h.want(1);
  ASSERT_FALSE(id.is_none());
  h.outcome(id, Outcome::sent);
  h.outcome(id, Outcome::unknown);
  for (int minutes = 0; minutes < 30; ++minutes) {
    EXPECT_TRUE(h.want(1 + minutes % 3).is_none());
    h.pass(1min);
    h.take_questions();
  }
  EXPECT_EQ(placed(), 1U);
}

TEST_F(Goals, G15_OneNoSuchOrderRightAfterTheSubmitProvesNothing) {
  const OrderId id = h.want(1);
  h.outcome(id, Outcome::sent);
  h.outcome(id, Outcome::unknown);
  h.pass(1s);
  h.answer_status(h.take(QueryKind::order_status).request, nullptr, true);
  h.answer_all();
  EXPECT_EQ(h.state(id), OrderState::unknown);
}

// ---- G16: a budget, and a reserve for cancels ---------------------------------------------------

TEST(MessageBudget, G16_OrdersAreRefusedAboveTheBudgetAndCancelsPass) {
  Harness h{[](config::Config& config, engine::Setup&) {
    config.risk.accounts["main"].max_messages_per_minute = 3;
  }};
  h.begin();
  SubmitOrder what;
  what.account = h.account;
  what.instrument = h.btc;
  what.quantity = "1"_qty;
  std::vector<OrderId> made;
  for (const auto price : {"99"_px, "98"_px, "97"_px}) {
    what.limit_price = price;
    h.command(what);
    made.push_back(h.all<CommandAnswered>().back().order);
  }
  what.limit_price = "96"_px;
  h.command(what);
  EXPECT_EQ(h.all<CommandAnswered>().back().reason, Reason::too_many_messages);
  for (const OrderId id : made) {
    h.command(CancelOrder{id});
    EXPECT_TRUE(h.all<CommandAnswered>().back().accepted);
  }
  h.pass(61s);
  h.command(what);
  EXPECT_TRUE(h.all<CommandAnswered>().back().accepted);
}

TEST(Outbox, G16_CancelsHaveSlotsWhenOrdersHaveNoneLeft) {
  Harness h{[](config::Config&, engine::Setup& setup) {
    setup.outbox_capacity = 1;
    setup.outbox_cancel_reserve = 1;
  }};
  h.begin();
  const OrderId id = h.want(1);
  SubmitOrder what;
  what.account = h.account;
  what.instrument = h.btc;
  what.quantity = "1"_qty;
  what.limit_price = "99"_px;
  h.command(what);
  EXPECT_EQ(h.all<CommandAnswered>().back().reason, Reason::outbox_full);
  h.command(CancelOrder{id});
  EXPECT_TRUE(std::holds_alternative<CancelRequest>(h.commands().back().what));
}

// ---- G20: the venue's clock ---------------------------------------------------------------------

TEST_F(Goals, G20_AClockThatIsTooFarOffOrNeverMeasuredStopsNewOrdersAndNotCancels) {
  const OrderId id = working();
  h.send(ClockOffset{1001ms, 2ms});
  EXPECT_EQ(say(limit(Side::buy, "1"_qty, "98"_px)).reason, Reason::clock_offset_above_limit);
  h.send(ClockOffset{-1001ms, 2ms});
  EXPECT_EQ(say(limit(Side::buy, "1"_qty, "98"_px)).reason, Reason::clock_offset_above_limit);
  EXPECT_TRUE(say(CancelOrder{id}).accepted);
  h.send(ClockOffset{-1000ms, 2ms});
  EXPECT_TRUE(say(limit(Side::buy, "1"_qty, "98"_px)).accepted);
}

// ---- G22: ids rise, and bear the epoch ----------------------------------------------------------

TEST_F(Goals, G22_IdsNeverRepeatAcrossRestarts) {
  std::set<OrderId> seen;
  OrderId last;
  for (int runs = 0; runs < 5; ++runs) {
    for (int orders = 0; orders < 3; ++orders) {
      const OrderId id = say(limit(Side::buy, "1"_qty, Price::from_units(90 + orders))).order;
      EXPECT_TRUE(seen.insert(id).second);
      EXPECT_LT(last, id);
      last = id;
      h.pass(1s);
      h.take_questions();
    }
    runs % 2 == 0 ? h.restart_from_journal() : h.restart_from_snapshot();
    h.start(h.epoch + 1);
    h.hear_rules();
    h.quote("99"_px, "101"_px);
    h.connect();
  }
}

TEST_F(Goals, G22_AStartWithAnEpochThatIsNotAboveTheLastEndsTheProcess) {
  h.restart_from_journal();
  EXPECT_DEATH(h.start(h.epoch), "epoch of a start is above");
}

// ---- G23: a time-out is a state, not an exception -----------------------------------------------

TEST_F(Goals, G23_ACancelWithoutAnAnswerIsAStateAndEverythingElseGoesOn) {
  const OrderId id = working();
  say(CancelOrder{id});
  h.pass(11s);
  EXPECT_EQ(h.state(id), OrderState::pending_cancel);
  EXPECT_TRUE(h.noticed(NoticeCode::request_unknown));
  EXPECT_TRUE(h.has_question(QueryKind::order_status));
  EXPECT_TRUE(say(limit(Side::buy, "1"_qty, "98"_px)).accepted);
  // It had worked.
  h.report(id, VenueOrderStatus::canceled, {});
  EXPECT_EQ(h.state(id), OrderState::canceled);
}

}  // namespace
}  // namespace halcyon::engine::testing
