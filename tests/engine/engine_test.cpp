#include "engine/engine.h"

#include <gtest/gtest.h>

#include "harness.h"

namespace halcyon::engine::testing {
namespace {

/// A day in the life: orders, fills, a lost answer, an external order, an operator, a lost line.
void live_a_little(Harness& h) {
  h.begin();
  const OrderId first = h.want(10);
  h.outcome(first, Outcome::sent);
  h.outcome(first, Outcome::acknowledged);
  h.fill(first, "4"_qty, "100"_px, 1, "4"_qty, 11);
  h.fill(first, "6"_qty, "101"_px, 2, "10"_qty, 12);
  OrderReport external;
  external.venue_order = ForeignId::number(77);
  external.quantity = "3"_qty;
  external.type = OrderType::limit;
  external.limit_price = "90"_px;
  h.send(external, "web_abc");
  const OrderId second = h.want(5);
  h.outcome(second, Outcome::sent);
  h.command(SetTradingState{{h.account, no<StrategyId>}, TradingState::reducing});
  h.command(CancelOrder{second});
  h.pass(11s);
  h.disconnect();
  h.pass(3s);
  h.connect();
  h.fill(second, "2"_qty, "102"_px, 3);
  h.quote("109"_px, "111"_px);
  h.pass(70s);
}

// The engine is a function of its inputs.
TEST(Engine, EqualEventsGiveEqualRecords) {
  Harness one, other;
  live_a_little(one);
  live_a_little(other);
  ASSERT_GT(one.journal().size(), 40U);
  EXPECT_EQ(one.journal(), other.journal());
  ASSERT_EQ(one.commands().size(), other.commands().size());
  for (std::size_t at = 0; at < one.commands().size(); ++at) {
    EXPECT_EQ(one.commands()[at].journal_sequence, other.commands()[at].journal_sequence);
    EXPECT_EQ(one.commands()[at].what.index(), other.commands()[at].what.index());
  }
}

TEST(Engine, TheRecordsRebuildTheState) {
  Harness h;
  live_a_little(h);
  const auto again = h.recovered(false);
  std::vector<RecordEntry> records;
  again->snapshot(records);
  EXPECT_EQ(to_text(records), h.snapshot());
}

TEST(Engine, ASnapshotRebuildsTheStateAndItself) {
  Harness h;
  live_a_little(h);
  const auto again = h.recovered(true);
  std::vector<RecordEntry> records;
  again->snapshot(records);
  EXPECT_EQ(to_text(records), h.snapshot());
  EXPECT_EQ(again->last_epoch(), Harness::first_epoch);
}

TEST(Engine, AfterARestartWhatWasUnansweredIsUnknownAndAskedFor) {
  Harness h;
  h.begin();
  const OrderId order = h.want(10);
  h.outcome(order, Outcome::sent);
  h.restart_from_journal();
  h.now += 3s;
  h.start(Harness::first_epoch + 5);
  EXPECT_EQ(h.state(order), OrderState::unknown);
  EXPECT_EQ(h.all<RequestChanged>().back().state, RequestState::unknown);
  StreamChanged ready;
  ready.stream = StreamKind::orders;
  ready.state = StreamState::ready;
  h.send(ready);
  const VenueRequest open = h.take(QueryKind::open_orders);
  h.send(AnswerBegin{open.request, open.kind});
  h.send(AnswerEnd{open.request, open.kind, Completeness::complete, false, Reason::none});
  EXPECT_EQ(h.take(QueryKind::order_status).order, order);
}

TEST(Engine, AnIdIsNeverGivenTwice) {
  Harness h;
  live_a_little(h);
  h.restart_from_snapshot();
  h.start(Harness::first_epoch + 5000);
  h.hear_rules();
  h.quote("99"_px, "101"_px);
  h.connect();
  std::vector<OrderId> ids;
  for (const RequestChanged& request : h.all<RequestChanged>()) {
    if (request.state == RequestState::journaled) ids.push_back(request.request);
  }
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
}

TEST(EngineDeathTest, AnEpochThatIsNotAboveTheLastOneEndsTheProcess) {
  Harness h;
  h.begin();
  h.restart_from_journal();
  EXPECT_EQ(h.engine->last_epoch(), Harness::first_epoch);
  EXPECT_DEATH(h.start(Harness::first_epoch), "epoch");
}

TEST(Engine, TradingStatesSurviveARestart) {
  Harness h;
  h.begin();
  h.command(SetTradingState{{}, TradingState::halted});
  h.restart_from_snapshot();
  h.now += 1min;
  h.start(Harness::first_epoch + 100);
  h.hear_rules();
  h.quote("99"_px, "101"_px);
  h.connect();
  EXPECT_TRUE(h.want(10).is_none());
  EXPECT_EQ(h.all<OrderDenied>().back().reason, Reason::trading_halted);
}

TEST(Engine, CommandsAreAnsweredWithTheirToken) {
  Harness h;
  h.begin();
  const auto last = [&] { return h.all<CommandAnswered>().back(); };
  h.command(CancelOrder{{1, 2}});
  EXPECT_FALSE(last().accepted);
  EXPECT_EQ(last().reason, Reason::unknown_order);
  EXPECT_EQ(last().token, 1U);
  const OrderId order = h.want(10);
  h.outcome(order, Outcome::refused, Reason::venue_refused);
  h.command(CancelOrder{order});
  EXPECT_EQ(last().reason, Reason::order_already_ended);
  h.command(SetTradingState{{AccountId{9}, no<StrategyId>}, TradingState::halted});
  EXPECT_EQ(last().reason, Reason::unknown_account);
  h.command(CancelAll{{no<AccountId>, StrategyId{9}}, no<InstrumentId>});
  EXPECT_EQ(last().reason, Reason::unknown_strategy);
  const OrderId alive = h.want(20);
  ASSERT_FALSE(alive.is_none());
  h.command(CancelAll{});
  EXPECT_TRUE(last().accepted);
  EXPECT_EQ(last().affected, 1U);
  h.command(CancelAll{{}, h.bnb});
  EXPECT_EQ(last().affected, 0U);
}

TEST(Engine, ACrossedBookIsAskedForAnewUntilItComes) {
  Harness h;
  h.begin();
  h.send(BookReset{});
  BookLevels levels;
  levels.count = 2;
  levels.bids = 1;
  levels.levels[0] = {"101"_px, "1"_qty};
  levels.levels[1] = {"100"_px, "1"_qty};
  h.send(levels);
  EXPECT_EQ(h.take(QueryKind::resync_book).instrument, h.btc);
  EXPECT_EQ(h.engine->counters().books_crossed, 1U);
  h.pass(6s);
  h.take(QueryKind::resync_book);
  h.send(BookReset{});
  h.pass(20s);
  EXPECT_FALSE(h.has_question(QueryKind::resync_book));
}

TEST(Engine, ThePriceOfAnInvalidBookIsNotUsed) {
  Harness h;
  h.begin();
  h.send(BookReset{});
  BookLevels levels;
  levels.count = 2;
  levels.bids = 1;
  levels.levels[0] = {"199"_px, "1"_qty};
  levels.levels[1] = {"201"_px, "1"_qty};
  h.now += 1ms;  // heard later than the quote at 100
  h.send(levels);
  EXPECT_EQ(h.want(10).is_none(), false);
  EXPECT_EQ(h.all<OrderOpened>().back().order.quantity, "5"_qty);
  h.send(BookInvalid{});
  h.outcome(h.all<OrderOpened>().back().order.id, Outcome::refused, Reason::venue_refused);
  h.want(20);
  EXPECT_EQ(h.all<OrderOpened>().back().order.quantity, "20"_qty) << "by the quote again";
}

TEST(Engine, MarketDataAloneDecidesNothingDurable) {
  Harness h;
  h.begin();
  const std::size_t before = h.mark();
  for (int ticks = 0; ticks < 100; ++ticks) h.quote("99"_px, "101"_px);
  EXPECT_EQ(h.mark(), before);
}

TEST(Engine, RefusesAStrategyThatCannotBeMade) {
  EXPECT_THROW(
      {
        Harness h{[](config::Config&, engine::Setup& setup) {
          setup.make_strategy = [](const config::Strategy&, const std::vector<InstrumentId>&,
                                   std::string& error) {
            error = "no such type";
            return std::unique_ptr<strategy::Strategy>{};
          };
        }};
      },
      std::runtime_error);
}

TEST(Engine, TradesTheConfiguredStrategyFromCandles) {
  Harness h{[](config::Config& config, engine::Setup& setup) {
    config.strategies[0].fast_period = 2;
    config.strategies[0].slow_period = 3;
    setup.make_strategy = strategy::make;
  }};
  h.begin();
  const auto trade = [&](Price price) {
    Trade made;
    made.price = price;
    made.quantity = "1"_qty;
    h.send(made);
    h.now += 1s;
  };
  for (const Price price :
       {"100"_px, "100"_px, "99"_px, "98"_px, "97"_px, "99"_px, "103"_px, "106"_px, "108"_px}) {
    trade(price);
  }
  ASSERT_EQ(h.commands().size(), 1U);
  const OrderId order = h.all<OrderOpened>()[0].order.id;
  EXPECT_EQ(h.all<OrderOpened>()[0].order.side, Side::buy);
  h.fill(order, h.all<OrderOpened>()[0].order.quantity, "100"_px, 1);
  for (const Price price : {"100"_px, "95"_px, "90"_px, "85"_px}) trade(price);
  ASSERT_EQ(h.commands().size(), 2U);
  EXPECT_EQ(h.all<OrderOpened>()[1].order.side, Side::sell);
  EXPECT_EQ(h.all<OrderOpened>()[1].order.quantity, h.all<OrderOpened>()[0].order.quantity);
}

}  // namespace
}  // namespace halcyon::engine::testing
