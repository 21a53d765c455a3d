// What orders and positions came to: round trips, daily equity, limits, alerts.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "persistence/row_batch.h"
#include "tests/persistence/postgres_server.h"
#include "tests/persistence/projector/memory_journal.h"
#include "tests/persistence/projector/trading_day.h"

using namespace halcyon;
using namespace halcyon::domain;
using namespace halcyon::domain::literals;
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

const std::string& database() {
  static const std::string dsn = PostgresServer::shared().new_database();
  return dsn;
}
std::uint8_t next_journal() {
  static std::uint8_t number = 100;
  return ++number;
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

TEST(RoundTrips, AreTheEnginesWithPricesAndPercent) {
  // Given what the engine matched: two of three bought for 100, sold for 120, a fee of 1
  MemoryJournal journal{next_journal()};
  journal.append_names();
  RoundTripClosed trip;
  trip.number = 1;
  trip.entry_lot = 4;
  trip.exit_fill = 9;
  trip.account = main_account;
  trip.strategy = cross;
  trip.instrument = btc;
  trip.quantity = "2"_qty;
  trip.entry_amount = "200"_usd;
  trip.exit_amount = "240"_usd;
  trip.fees = "1"_usd;
  trip.profit = "39"_usd;
  trip.opened = from_unix_ms(1'723'075'200'000);
  trip.losses_in_a_row = 0;
  LotChanged lot;
  lot.number = 4;
  lot.account = main_account;
  lot.instrument = btc;
  lot.quantity = "1"_qty;
  lot.cost = "100"_usd;
  journal.append({{lot, ""}, {trip, ""}});
  trip.number = 2;
  trip.quantity = {};
  trip.entry_amount = {};
  trip.side = Side::sell;
  lot.quantity = {};
  lot.cost = {};
  journal.append({{lot, ""}, {trip, ""}});
  project(journal);
  EXPECT_EQ(trips(journal,
                  "trade_number, direction, coalesce(trim_scale(entry_price)::text, '-'), "
                  "coalesce(trim_scale(exit_price)::text, '-'), trim_scale(pnl_amount), "
                  "coalesce(trim_scale(pnl_pct)::text, '-'), entry_time, exit_time IS NULL"),
            (Strings{"1 long 100 120 39 19.5 2024-08-08 00:00:00+00 t",
                     "2 short - - 39 - 2024-08-08 00:00:00+00 t"}));
  EXPECT_EQ(query_value(database(),
                        "SELECT concat_ws(' ', number, trim_scale(quantity)) FROM halcyon.lots "
                        "WHERE journal_id = '" +
                            journal.uuid_text() + "'"),
            "4 0");
}

TEST(LaterRecords, EachHaveTheirRow) {
  // Given an order with all its new terms, amended and armed; a voided fill, an adjustment, a limit
  // set at run time, a paused strategy, and money that came
  MemoryJournal journal{next_journal()};
  journal.append_names();
  NewOrder order;
  order.id = {1'723'075'200, 1};
  order.group = order.id;
  order.replaces = {1'723'075'200, 7};
  order.account = main_account;
  order.strategy = cross;
  order.instrument = btc;
  order.type = OrderType::trailing_stop;
  order.quantity = "1"_qty;
  order.trailing_offset = "5"_px;
  order.trailing_bps = 25;
  order.self_trade = SelfTradeMode::expire_both;
  order.is_emulated = true;
  order.expires = from_unix_ms(1'723'075'300'000);
  order.origin = Origin::agent;
  OrderChanged changed;
  changed.order = order.id;
  changed.state = OrderState::held;
  OrderAmended amended;
  amended.order = order.id;
  amended.requested = 2;
  amended.accepted = 1;
  amended.asked = {"3"_qty, "102"_px, {}};
  amended.now = {"2"_qty, "101"_px, {}};
  OrderArmed armed{order.id, "95"_px, "100"_px, false};
  FillVoided gone;
  gone.number = 5;
  gone.by = 6;
  gone.reason = Reason::provisional_replaced;
  gone.order = order.id;
  gone.account = main_account;
  AdjustmentChanged adjustment;
  adjustment.number = 1;
  adjustment.account = main_account;
  adjustment.asset = usdt;
  adjustment.amount = "-3"_usd;
  LimitChanged limit;
  limit.limit = {LimitLevel::account, LimitKey::max_daily_loss,
                 static_cast<std::uint32_t>(main_account), true, "50"_usd};
  FlowBooked flow;
  flow.account = main_account;
  flow.asset = usdt;
  flow.amount = "1000"_usd;
  journal.append({{OrderOpened{order}, ""}, {changed, ""}, {amended, ""}, {armed, ""}});
  journal.append({{gone, ""}, {adjustment, ""}, {limit, ""}, {flow, ""}});
  journal.append({{StrategyPaused{cross, true, daemon_user}, ""}});
  armed.is_triggered = true;
  journal.append({{armed, ""}});
  project(journal);
  const auto ask = [&](const std::string& columns, const std::string& table) {
    return query_value(database(), "SELECT concat_ws(' ', " + columns + ") FROM halcyon." + table +
                                       " WHERE journal_id = '" + journal.uuid_text() + "'");
  };
  EXPECT_EQ(ask("state, origin, trim_scale(quantity), trim_scale(limit_price), "
                "trim_scale(trailing_offset), trailing_bps, self_trade_mode, is_emulated, "
                "expires_at, group_id = id, replaces_id IS NOT NULL",
                "orders"),
            "held agent 2 101 5 25 expire_both t 2024-08-08 00:01:40+00 t t");
  EXPECT_EQ(ask("requested, accepted, trim_scale(asked_quantity), trim_scale(limit_price)",
                "order_amends"),
            "2 1 3 101");
  EXPECT_EQ(
      ask("trim_scale(stop_price), trim_scale(extreme_price), is_triggered", "order_triggers"),
      "95 100 t");
  EXPECT_EQ(ask("fill_number, replaced_by, reason", "fill_voids"), "5 6 provisional_replaced");
  EXPECT_EQ(ask("number, asset, trim_scale(amount), is_accepted", "adjustments"), "1 USDT -3 f");
  EXPECT_EQ(ask("scope, account_id IS NOT NULL, limit_type, trim_scale(limit_value), is_active",
                "limit_overrides"),
            "account t max_daily_loss 50 t");
  EXPECT_EQ(ask("asset, trim_scale(amount)", "cash_flows"), "USDT 1000");
  EXPECT_EQ(query_value(database(),
                        "SELECT string_agg(name, ' ') FROM halcyon.strategies "
                        "WHERE is_paused AND journal_id = '" +
                            journal.uuid_text() + "'"),
            "cross");
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

TEST(Credentials, AreShownSealedAsTheyWereLastAndAuditedWithoutWhatIsSealed) {
  // Given two secrets that were put, and one of them sealed anew
  MemoryJournal journal{next_journal()};
  journal.append_names();
  const std::string key = "main api_key 1 abcd QUJD";
  const std::string secret = "main private_key 1 - QUJE";
  const std::string anew = "main api_key 2 abcd QUJF";
  const auto put = [&](std::uint64_t token, const std::vector<std::string>& lines) {
    std::string remark;
    std::vector<MemoryJournal::Entry> records;
    for (const std::string& line : lines) {
      remark += line + "\n";
      records.emplace_back(CredentialChanged{}, line);
    }
    CommandAnswered answered;
    answered.token = token;
    answered.accepted = true;
    answered.affected = static_cast<std::uint32_t>(lines.size());
    records.emplace_back(answered, "");
    const Command command{token, daemon_user, PutCredentials{answered.affected}};
    journal.append_command(command, remark + "why [uid 0]", records);
  };
  put(1, {key, secret});
  put(2, {anew});
  project(journal);
  const auto list = [&](const std::string& columns, const std::string& table,
                        const std::string& order) {
    Strings found;
    for (const auto& row :
         query(database(), "SELECT concat_ws(' ', " + columns + ") FROM halcyon." + table +
                               " WHERE journal_id = '" + journal.uuid_text() + "' ORDER BY " +
                               order)) {
      found.push_back(*row[0]);
    }
    return found;
  };
  EXPECT_EQ(list("daemon, name, part, key_version, coalesce(key_prefix, '-'), sealed",
                 "credentials", "part"),
            (Strings{"alpha main api_key 2 abcd QUJF", "alpha main private_key 1 - QUJE"}));
  EXPECT_EQ(
      list("action, arguments->'credentials'->0->>'name', "
           "jsonb_array_length(arguments->'credentials'), text, affected_orders",
           "audit_log", "journal_sequence"),
      (Strings{"put_credentials main 2 why [uid 0] 2", "put_credentials main 1 why [uid 0] 1"}));
  EXPECT_EQ(query_value(database(),
                        "SELECT count(*) FROM halcyon.audit_log l "
                        "WHERE l::text ~ 'QUJ[DEF]' AND journal_id = '" +
                            journal.uuid_text() + "'"),
            "0");
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
