// What is booked when venues say less, take back, or say it anew; and lots, first in first out.

#include <cstdio>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/lots.h"
#include "engine/position.h"
#include "harness.h"

namespace halcyon::engine::testing {
namespace {

struct Bookings : ::testing::Test {
  Harness h;
  OrderId order;
  void SetUp() override {
    h.begin();
    order = h.want(3);
    h.outcome(order, Outcome::sent);
    h.outcome(order, Outcome::acknowledged);
  }
  /// The venue counts, and names no trade.
  void counted(Quantity cumulative, Price price) {
    Execution made = h.execution(order, cumulative, price, 0);
    made.trade = {};
    made.cumulative = cumulative;
    made.quantity = cumulative - h.last(order).filled;
    made.quote_amount = {};
    h.send(made);
  }
  std::size_t counting() const {
    std::size_t count = h.all<FillBooked>().size();
    return count - h.all<FillVoided>().size();
  }
};

TEST_F(Bookings, CumulativeQuantitiesAreBookedAsProvisionalAndOnce) {
  counted("1"_qty, "100"_px);
  counted("1"_qty, "100"_px);
  counted("3"_qty, "101"_px);
  const auto fills = h.all<FillBooked>();
  ASSERT_EQ(fills.size(), 2U);
  EXPECT_TRUE(fills[0].is_provisional);
  EXPECT_EQ(fills[1].quantity, "2"_qty);
  EXPECT_EQ(h.position().quantity, "3"_qty);
  EXPECT_EQ(h.state(order), OrderState::filled);
}

TEST_F(Bookings, G7_TheRealExecutionsTakeThePlaceOfProvisionalOnesWithTheirFees) {
  counted("3"_qty, "100"_px);
  Execution first = h.execution(order, "1"_qty, "99.5"_px, 11);
  first.fee = "0.1"_usd;
  first.fee_asset = h.usdt;
  first.source = Source::trade_record;
  h.send(first);
  EXPECT_EQ(h.position().quantity, "3"_qty) << "never more or less than the venue has said";
  Execution second = h.execution(order, "2"_qty, "100.25"_px, 12);
  second.fee = "0.2"_usd;
  second.fee_asset = h.usdt;
  second.source = Source::trade_record;
  h.send(second);
  h.send(second);
  EXPECT_EQ(h.position().quantity, "3"_qty);
  EXPECT_EQ(h.position().cost, "300"_usd);  // 99.5 + 200.5
  EXPECT_EQ(h.position().fees, "0.3"_usd);
  EXPECT_EQ(h.last(order).filled, "3"_qty);
  EXPECT_EQ(h.last(order).filled_quote, "300"_usd);
  EXPECT_EQ(counting(), 2U);
  EXPECT_EQ(h.state(order), OrderState::filled);
}

TEST_F(Bookings, G7_OneRealExecutionMayStandForSeveralCounts) {
  counted("1"_qty, "100"_px);
  counted("3"_qty, "100"_px);
  h.fill(order, "3"_qty, "100"_px, 11);
  EXPECT_EQ(h.position().quantity, "3"_qty);
  EXPECT_EQ(h.position().cost, "300"_usd);
  EXPECT_EQ(counting(), 1U);
}

TEST_F(Bookings, ABustTakesTheTradeBackWithItsFeeAndSaysSo) {
  Execution made = h.execution(order, "2"_qty, "100"_px, 11);
  made.fee = "0.001"_usd;
  made.fee_asset = h.btc_asset;
  h.send(made);
  h.fill(order, "1"_qty, "101"_px, 12);
  TradeCorrected bust;
  bust.order = order;
  bust.trade = ForeignId::number(11);
  h.send(bust);
  EXPECT_EQ(h.position().quantity, "1"_qty);
  EXPECT_TRUE(h.position().fees.is_zero());
  EXPECT_EQ(h.last(order).filled, "1"_qty);
  EXPECT_TRUE(h.noticed(NoticeCode::fill_voided));
  EXPECT_EQ(h.all<FillVoided>().back().reason, Reason::trade_busted);
  h.send(bust);
  EXPECT_EQ(h.all<FillVoided>().size(), 1U) << "once";
  // And it stays known: the same trade is not booked again.
  h.send(made);
  EXPECT_EQ(h.position().quantity, "1"_qty);
}

TEST_F(Bookings, ACorrectionReplacesPriceAndQuantity) {
  h.fill(order, "2"_qty, "100"_px, 11);
  TradeCorrected corrected;
  corrected.order = order;
  corrected.trade = ForeignId::number(11);
  corrected.is_bust = false;
  corrected.price = "98"_px;
  corrected.quantity = "1"_qty;
  h.send(corrected);
  EXPECT_EQ(h.position().quantity, "1"_qty);
  EXPECT_EQ(h.position().cost, "98"_usd);
  EXPECT_EQ(h.last(order).filled, "1"_qty);
  EXPECT_EQ(h.all<FillVoided>().back().by, h.all<FillBooked>().back().number);
}

TEST_F(Bookings, G5_VoidedFillsAreTheSameAfterARestart) {
  h.fill(order, "2"_qty, "100"_px, 11);
  h.fill(order, "1"_qty, "101"_px, 12);
  TradeCorrected bust;
  bust.trade = ForeignId::number(11);
  h.send(bust);
  const auto live = h.snapshot();
  for (const bool from_snapshot : {false, true}) {
    std::vector<RecordEntry> records;
    const auto again = h.recovered(from_snapshot);
    again->snapshot(records);
    EXPECT_EQ(to_text(records), live);
  }
}

TEST_F(Bookings, ABustOfATradeThatIsNotKnownIsAnAlarmAndChangesNothing) {
  TradeCorrected bust;
  bust.trade = ForeignId::number(99);
  h.send(bust);
  EXPECT_TRUE(h.noticed(NoticeCode::late_unmatched));
  EXPECT_TRUE(h.all<FillVoided>().empty());
}

TEST_F(Bookings, MoneyThatComesWithoutATradeIsARecordAndExplainsTheBalance) {
  ExternalFlow flow;
  flow.asset = h.usdt;
  flow.amount = "500"_usd;
  h.send(flow);
  ASSERT_EQ(h.all<FlowBooked>().size(), 1U);
  EXPECT_EQ(h.all<FlowBooked>()[0].amount, "500"_usd);
}

TEST_F(Bookings, RoundTripsMatchEntriesWithExitsFirstInFirstOut) {
  h.fill(order, "1"_qty, "100"_px, 11);
  h.fill(order, "2"_qty, "103"_px, 12);
  const OrderId sold = h.want(1);
  ASSERT_FALSE(sold.is_none());
  h.fill(sold, "2"_qty, "104"_px, 13);
  const auto trips = h.all<RoundTripClosed>();
  ASSERT_EQ(trips.size(), 2U);
  EXPECT_EQ(trips[0].entry_amount, "100"_usd);
  EXPECT_EQ(trips[0].exit_amount, "104"_usd);
  EXPECT_EQ(trips[0].profit, "4"_usd);
  EXPECT_EQ(trips[1].quantity, "1"_qty);
  EXPECT_EQ(trips[1].profit, "1"_usd);
  EXPECT_EQ(h.position().realized_fifo, "5"_usd);
  EXPECT_EQ(h.position().realized, "4"_usd);  // by average cost: 2 of 3 at 102
}

// ---- What others compute ------------------------------------------------------------------------

nlohmann::json expected(const char* name) {
  std::ifstream file{std::string{HALCYON_SOURCE_DIR "/../shared/expected/positions/"} + name};
  return file ? nlohmann::json::parse(file) : nlohmann::json{};
}

/// JSON numbers of the fixture, as decimals: nine places at most.
Int128 raw_of(const nlohmann::json& value) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  if (const auto exact = parse<Money>(text)) return exact->raw();
  // More than nine decimals, or an exponent.
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.9f", std::stod(text));
  return parse<Money>(buffer)->raw();
}

FillEffect effect_of(const nlohmann::json& fill) {
  FillEffect effect;
  effect.side = fill["side"] == "buy" ? Side::buy : Side::sell;
  effect.quantity = Quantity::from_raw(raw_of(fill["qty"]));
  const auto price = Price::from_raw(static_cast<std::int64_t>(raw_of(fill["price"])));
  effect.amount = *notional(price, effect.quantity);
  if (fill.contains("fee")) effect.other_fee = Money::from_raw(raw_of(fill["fee"]));
  return effect;
}

/// Equal to what the fixture's own arithmetic (binary floats, rounded prints) can say.
void expect_near(Int128 ours, const nlohmann::json& theirs, const std::string& what) {
  const Int128 difference = ours - raw_of(theirs);
  EXPECT_LE(difference < 0 ? -difference : difference, 10'000) << what << " " << theirs;
}

TEST(ExpectedPositions, AgreeWithTheAverageCostCases) {
  const auto file = expected("nautilus_positions.json");
  if (file.is_null()) GTEST_SKIP() << "../shared/expected/positions is not here";
  std::size_t compared = 0;
  for (const auto& one : file["cases"]) {
    if (!one.contains("fills")) continue;
    PositionChanged position;
    for (const auto& fill : one["fills"]) {
      position = after_fill(position, effect_of(fill));
      if (!fill.contains("after")) continue;
      const auto& after = fill["after"];
      const std::string where = one["id"].get<std::string>();
      if (after.contains("qty")) expect_near(position.quantity.raw(), after["qty"], where + " qty");
      if (after.contains("realized")) {
        expect_near((position.realized - position.fees).raw(), after["realized"],
                    where + " realized");
      }
      if (after.contains("avg_open") && !position.quantity.is_zero()) {
        expect_near(position.average_price.raw(), after["avg_open"], where + " avg_open");
      }
      ++compared;
    }
  }
  EXPECT_GT(compared, 3U);
}

struct LotWorld {
  std::vector<RoundTripClosed> trips;
  Outputs outputs;
  Decisions decisions{this, [](void* self, const RecordEntry& entry) {
                        auto& world = *static_cast<LotWorld*>(self);
                        if (const auto* lot = std::get_if<LotChanged>(&entry.record)) {
                          world.lots.apply(*lot);
                        } else if (const auto* trip = std::get_if<RoundTripClosed>(&entry.record)) {
                          world.lots.apply(*trip);
                          world.trips.push_back(*trip);
                        }
                      }};
  Lots lots{decisions};
};

TEST(ExpectedPositions, AgreeWithTheFirstInFirstOutTrades) {
  const auto file = expected("lean_trade_builder.json");
  if (file.is_null()) GTEST_SKIP() << "../shared/expected/positions is not here";
  std::size_t compared = 0;
  for (const auto& one : file["cases"]) {
    const auto& wanted = one["expected_closed_trades"];
    if (!wanted.contains("FillToFill/FIFO")) continue;
    const auto& trades = wanted["FillToFill/FIFO"];
    LotWorld world;
    world.decisions.begin(Event{}, 1, world.outputs);
    std::uint64_t number = 0;
    for (const auto& event : one["events"]) {
      if (!event.contains("side")) continue;
      FillBooked fill;
      fill.number = ++number;
      world.lots.book(fill, effect_of(event));
    }
    const std::string where = one["id"].get<std::string>();
    ASSERT_EQ(world.trips.size(), trades.size()) << where;
    for (std::size_t at = 0; at < trades.size(); ++at) {
      const RoundTripClosed& trip = world.trips[at];
      expect_near(trip.quantity.raw(), trades[at]["qty"], where + " qty");
      expect_near((trip.profit + trip.fees).raw(), trades[at]["pnl_before_fees"], where + " pnl");
      EXPECT_EQ(trip.side == Side::buy, trades[at]["direction"] == "Long") << where;
      ++compared;
    }
  }
  EXPECT_GT(compared, 3U);
}

}  // namespace
}  // namespace halcyon::engine::testing
