// What is folded from records: round trips, daily equity, limits, alerts; also across restarts.

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "persistence/row_batch.h"
#include "persistence/row_folds.h"
#include "tests/persistence/postgres_server.h"
#include "tests/persistence/projector/memory_journal.h"
#include "tests/persistence/projector/trading_day.h"

using namespace halcyon;
using namespace halcyon::domain;
using namespace halcyon::domain::literals;
using persistence::RoundTrip;
using persistence::RoundTrips;
using tests::MemoryJournal;
using tests::PostgresServer;
using tests::ProjectorMaker;
using tests::query;
using tests::query_value;

namespace {

const AccountId main_account = *tests::names().find_account("main");
const StrategyId cross = *tests::names().find_strategy("cross");
const InstrumentId btc = *tests::names().find_instrument(VenueId{0}, "BTC/USDT");
const AssetId usdt = *tests::names().find_asset("USDT");
const AssetId bitcoin = *tests::names().find_asset("BTC");

const std::string& database() {
  static const std::string dsn = PostgresServer::shared().new_database();
  return dsn;
}
std::uint8_t next_journal() {
  static std::uint8_t number = 100;
  return ++number;
}

FillBooked fill(std::uint64_t number, Side side, Quantity quantity, Price price) {
  FillBooked made;
  made.number = number;
  made.order = {1'723'075'200, static_cast<std::uint32_t>(number)};
  made.trade = ForeignId::number(number);
  made.account = main_account;
  made.strategy = cross;
  made.instrument = btc;
  made.side = side;
  made.price = price;
  made.quantity = quantity;
  made.quote_amount = *notional(price, quantity);
  return made;
}

void project(const MemoryJournal& journal, config::Config config = tests::test_config()) {
  ProjectorMaker maker{database(), &journal, {}, nullptr, std::move(config)};
  const auto projector = maker.make();
  Timestamp now = journal.now();
  ASSERT_TRUE(tests::drain(*projector, now)) << projector->stop_words();
  ASSERT_EQ(projector->readings().rejected_rows, 0U);
}

/// The columns of every round trip of a journal, one string a row.
std::vector<std::string> trips(const MemoryJournal& journal, const std::string& columns) {
  std::vector<std::string> found;
  for (const auto& row : query(database(), "SELECT concat_ws(' ', " + columns +
                                               ") FROM halcyon.round_trips WHERE journal_id = '" +
                                               journal.uuid_text() + "' ORDER BY trade_number")) {
    found.push_back(*row[0]);
  }
  return found;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST(RoundTrips, MatchAnEntryInTwoPartsWithItsExit) {
  // Given two buys and the sale of all of it, with fees in quote currency
  MemoryJournal journal{next_journal()};
  journal.append_names();
  auto first = fill(1, Side::buy, "1"_qty, "100"_px);
  first.fee = "0.5"_usd;
  first.fee_asset = usdt;
  auto last = fill(3, Side::sell, "2"_qty, "120"_px);
  last.fee = "0.25"_usd;
  last.fee_asset = usdt;
  journal.append({{first, ""}});
  journal.append({{fill(2, Side::buy, "1"_qty, "110"_px), ""}});
  journal.append({{last, ""}});
  // When it is projected, then there is one round trip with its profit: 240 - 210 - 0.75
  project(journal);
  EXPECT_EQ(trips(journal,
                  "direction, is_closed, trim_scale(entry_price), trim_scale(exit_price), "
                  "trim_scale(fees), trim_scale(pnl_amount), round(pnl_pct, 2), fill_count, "
                  "trim_scale(open_quantity)"),
            (Strings{"long t 105 120 0.75 29.25 13.93 3 0"}));
}

TEST(RoundTrips, CountEachEntryAndStayOpenUntilFlat) {
  MemoryJournal journal{next_journal()};
  journal.append_names();
  journal.append({{fill(1, Side::buy, "1"_qty, "100"_px), ""}});
  journal.append({{fill(2, Side::sell, "1"_qty, "90"_px), ""}});
  journal.append({{fill(3, Side::buy, "2"_qty, "80"_px), ""}});
  journal.append({{fill(4, Side::sell, "1"_qty, "95"_px), ""}});
  project(journal);
  EXPECT_EQ(trips(journal,
                  "trade_number, is_closed, coalesce(trim_scale(pnl_amount)::text, '-'), "
                  "trim_scale(open_quantity)"),
            (Strings{"1 t -10 0", "2 f - 1"}));
}

TEST(RoundTrips, GoOnWhereTheDatabaseIsAfterARestartOfTheProjector) {
  // Given an entry that one projector wrote
  MemoryJournal journal{next_journal()};
  journal.append_names();
  journal.append({{fill(1, Side::buy, "1"_qty, "100"_px), ""}});
  project(journal);
  const Strings entered = trips(journal, "entry_time");
  // When another one writes the exit
  journal.append({{fill(2, Side::sell, "1"_qty, "101"_px), ""}});
  project(journal);
  // Then it is the same round trip
  EXPECT_EQ(trips(journal, "trade_number, is_closed, trim_scale(pnl_amount), fill_count"),
            (Strings{"1 t 1 2"}));
  EXPECT_EQ(trips(journal, "entry_time"), entered);
}

TEST(RoundTrips, TurnFromLongToShortInOneFill) {
  MemoryJournal journal{next_journal()};
  journal.append_names();
  journal.append({{fill(1, Side::buy, "1"_qty, "100"_px), ""}});
  journal.append({{fill(2, Side::sell, "3"_qty, "110"_px), ""}});
  journal.append({{fill(3, Side::buy, "2"_qty, "105"_px), ""}});
  project(journal);
  EXPECT_EQ(trips(journal, "direction, trim_scale(entry_quantity), trim_scale(pnl_amount)"),
            (Strings{"long 1 10", "short 2 10"}));
}

TEST(RoundTrips, TakeLessThanALotForFlatAndCarryIt) {
  // Given an instrument with lots of 0.001, and a buy whose fee is taken in the base asset
  MemoryJournal journal{next_journal()};
  journal.append_names();
  InstrumentChanged rules;
  rules.instrument = btc;
  rules.rules.lot = "0.001"_qty;
  journal.append({{rules, ""}});
  auto buy = fill(1, Side::buy, "1"_qty, "100"_px);
  buy.fee = "0.0005"_usd;
  buy.fee_asset = bitcoin;
  journal.append({{buy, ""}});
  // When all whole lots are sold
  journal.append({{fill(2, Side::sell, "0.999"_qty, "110"_px), ""}});
  // and, after a restart, a second round begins and ends with what was left
  project(journal);
  journal.append({{fill(3, Side::buy, "0.0005"_qty, "100"_px), ""}});
  journal.append({{fill(4, Side::sell, "0.001"_qty, "100"_px), ""}});
  project(journal);
  // Then the first is closed with the rest written off, and the second has it for nothing
  EXPECT_EQ(trips(journal, "is_closed, trim_scale(open_quantity), trim_scale(pnl_amount)"),
            (Strings{"t 0.0005 9.89", "t 0 0.05"}));
}

TEST(RoundTrips, SayWhichFeesTheyCouldNotValue) {
  MemoryJournal journal{next_journal()};
  journal.append_names();
  auto buy = fill(1, Side::buy, "1"_qty, "100"_px);
  buy.fee = "0.01"_usd;
  buy.fee_asset = *tests::names().find_asset("ETH");
  journal.append({{buy, ""}});
  project(journal);
  EXPECT_EQ(trips(journal, "unvalued_fee_count, trim_scale(fees)"), (Strings{"1 0"}));
}

RC_GTEST_PROP(RoundTripsProperty, AddUpToTheCashThatFlowed, ()) {
  // Given any fills, and a last one that makes the position flat
  RoundTrips trips;
  const persistence::Uuid position{};
  const auto count = *rc::gen::inRange(1, 30);
  Quantity held;
  Money cash, profit;
  std::uint64_t number = 0;
  std::uint64_t next_trip = 1;
  const auto trade = [&](Side side, std::int64_t lots, std::int64_t price) {
    const auto made = fill(++number, side, Quantity::from_units(lots), Price::from_units(price));
    held = side == Side::buy ? held + made.quantity : held - made.quantity;
    cash = side == Side::buy ? cash - made.quote_amount : cash + made.quote_amount;
    for (const RoundTrip& trip : trips.add(position, made, RoundTrips::FeeIn::none, {},
                                           from_unix_ms(static_cast<std::int64_t>(number)))) {
      RC_ASSERT(trip.number == next_trip);
      RC_ASSERT(!trip.open.is_negative());
      if (!trip.is_closed) continue;
      profit += trip.profit();
      ++next_trip;
    }
  };
  for (int index = 0; index < count; ++index) {
    trade(*rc::gen::arbitrary<bool>() ? Side::buy : Side::sell, *rc::gen::inRange(1, 10),
          *rc::gen::inRange(1, 1000));
  }
  if (!held.is_zero()) {
    trade(held.is_positive() ? Side::sell : Side::buy,
          static_cast<std::int64_t>(held.abs().raw() / decimal_scale), 77);
  }
  // Then the profits of all round trips are what the fills brought in
  RC_ASSERT(held.is_zero());
  RC_ASSERT(profit == cash);
}

TEST(EquityDaily, IsFoldedByTradingDayAlsoAcrossARestart) {
  // Given marks of two days, with a new projector in the middle of the first
  MemoryJournal journal{next_journal()};
  journal.append_names();
  const auto mark = [&](std::int32_t day, Money equity, Money drawdown) {
    EquityMarked marked;
    marked.account = main_account;
    marked.equity = equity;
    marked.cash = "7"_usd;
    marked.realized = equity;
    marked.day_start = "90"_usd;
    marked.peak = "120"_usd;
    marked.drawdown = drawdown;
    marked.day = day;
    journal.append({{marked, ""}});
  };
  mark(19'943, "100"_usd, "20"_usd);
  mark(19'943, "120"_usd, "0"_usd);
  project(journal);
  mark(19'943, "80"_usd, "40"_usd);
  mark(19'943, "110"_usd, "10"_usd);
  mark(19'944, "111"_usd, "9"_usd);
  project(journal);
  Strings found;
  for (const auto& row :
       query(database(),
             "SELECT concat_ws(' ', day, trim_scale(open_equity), trim_scale(high_equity), "
             "trim_scale(low_equity), trim_scale(close_equity), trim_scale(day_pnl), "
             "trim_scale(max_drawdown), mark_count) FROM halcyon.equity_daily "
             "WHERE journal_id = '" +
                 journal.uuid_text() + "' ORDER BY day")) {
    found.push_back(*row[0]);
  }
  EXPECT_EQ(found,
            (Strings{"2024-08-08 100 120 80 110 20 40 4", "2024-08-09 111 111 111 111 21 9 1"}));
}

TEST(RiskAlerts, AreWhatTheDaemonHaltedByItself) {
  // Given a halt by the daemon's loss guard, and one by a person
  MemoryJournal journal{next_journal()};
  journal.append_names();
  journal.append({{TradingStateChanged{{main_account, no<StrategyId>},
                                       TradingState::halted,
                                       Reason::daily_loss_above_limit,
                                       daemon_user},
                   "main lost 1001 USD today, the limit is 1000"}});
  journal.append({{TradingStateChanged{{}, TradingState::halted, Reason::none, daemon_user}, ""}});
  project(journal);
  // Then there is one alert, with the words
  const auto rows = query(database(),
                          "SELECT alert_type, severity, state, message FROM halcyon.risk_alerts "
                          "WHERE journal_id = '" +
                              journal.uuid_text() + "'");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(*rows[0][0], "daily_loss_above_limit");
  EXPECT_EQ(*rows[0][1], "alarm");
  EXPECT_EQ(*rows[0][2], "halted");
  EXPECT_EQ(*rows[0][3], "main lost 1001 USD today, the limit is 1000");
}

TEST(TradingLimits, AreThoseOfTheConfigurationAndOldOnesAreInactive) {
  MemoryJournal journal{next_journal()};
  journal.append_names();
  config::Config config = tests::test_config();
  config.risk.accounts["main"].max_open_orders = 7;
  config.risk.accounts["main"].max_daily_loss = "12.5"_usd;
  project(journal, config);
  config.risk.accounts["main"].max_daily_loss.reset();
  journal.append({});
  project(journal, config);
  Strings found;
  for (const auto& row :
       query(database(),
             "SELECT concat_ws(' ', l.limit_type, trim_scale(l.limit_value), l.is_active, a.name) "
             "FROM halcyon.trading_limits l JOIN halcyon.accounts a ON a.id = l.account_id "
             "WHERE l.journal_id = '" +
                 journal.uuid_text() + "' ORDER BY l.limit_type")) {
    found.push_back(*row[0]);
  }
  EXPECT_EQ(found, (Strings{"max_daily_loss 12.5 f main", "max_open_orders 7 t main"}));
  // and the daemon's own defaults are there
  EXPECT_EQ(query_value(database(),
                        "SELECT trim_scale(limit_value) FROM halcyon.trading_limits WHERE "
                        "scope = 'daemon' AND limit_type = 'price_collar_pct' AND is_active "
                        "AND journal_id = '" +
                            journal.uuid_text() + "'"),
            "5");
}

TEST(StrategyVersions, AreAllThere) {
  MemoryJournal journal{next_journal()};
  journal.append_names();
  journal.append({{Defined{DefinitionKind::strategy, 0, 1, daemon_user}, "fast = 1"}});
  journal.append({{Defined{DefinitionKind::strategy, 0, 2, daemon_user}, "fast = 2"}});
  project(journal);
  const auto rows = query(database(),
                          "SELECT v.version, v.definition FROM halcyon.strategy_versions v "
                          "JOIN halcyon.strategies s ON s.id = v.strategy_id "
                          "WHERE s.journal_id = '" +
                              journal.uuid_text() + "' ORDER BY 1");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(*rows[1][1], "fast = 2");
}
