// Observations reach their tables, a repeat is harmless, and what is lost is counted.

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "persistence/observation_writer.h"
#include "tests/persistence/postgres_server.h"
#include "tests/persistence/projector/memory_journal.h"

using namespace halcyon;
using namespace halcyon::domain;
using namespace halcyon::domain::literals;
using persistence::BookSeen;
using persistence::ObservationKind;
using persistence::ObservationWriter;
using tests::PostgresServer;
using tests::query;
using tests::query_value;

namespace {

constexpr Timestamp noon = from_unix_ms(1'723'118'400'000);  // 2024-08-08 12:00 UTC

struct World {
  explicit World(std::string database = PostgresServer::shared().new_database())
      : dsn(std::move(database)) {
    config.observations.ticks = true;
    journal.bytes[0] = 9;
  }
  std::unique_ptr<ObservationWriter> writer(persistence::ObservationLimits limits = {}) {
    persistence::ObservationSetup setup;
    setup.dsn = dsn;
    setup.config = &config;
    setup.journal = journal;
    setup.epoch = 1'723'075'200;
    setup.limits = limits;
    setup.say = [this](Severity, std::string_view words) { said.emplace_back(words); };
    auto made = std::make_unique<ObservationWriter>(std::move(setup));
    made->hurry();
    return made;
  }
  bool has_said(std::string_view words) const {
    return std::any_of(said.begin(), said.end(),
                       [&](const std::string& line) { return line.find(words) != line.npos; });
  }
  std::string ask(const std::string& sql) const { return query_value(dsn, sql); }

  std::string dsn;
  config::Config config = tests::test_config();
  persistence::JournalUuid journal;
  std::vector<std::string> said;
};

Event trade(std::uint64_t id, Timestamp time, Price price, Quantity quantity) {
  Event event;
  event.instrument = InstrumentId{0};
  event.venue_time = time;
  event.received = time + std::chrono::milliseconds{3};
  event.what = Trade{price, quantity, id, Aggressor::seller};
  return event;
}

Event trade(std::uint64_t id, Timestamp time, Price price) {
  return trade(id, time, price, "1"_qty);
}

/// Turns until nothing waits; a bound on turns instead of on time.
bool drain(ObservationWriter& writer, Timestamp now) {
  for (int turn = 0; turn < 200; ++turn) {
    writer.run_once(now);
    if (writer.is_empty()) return true;
    now += std::chrono::seconds{1};
  }
  return false;
}

std::uint64_t lost(const ObservationWriter& writer, ObservationKind kind) {
  return writer.readings().lost[static_cast<std::size_t>(kind)];
}

}  // namespace

TEST(Observations, TradesBecomeTicksAndCandlesAndATicker) {
  // Given trades of three minutes
  World world;
  const auto writer = world.writer();
  writer->add(trade(1, noon, "100"_px));
  writer->add(trade(2, noon + std::chrono::seconds{61}, "101"_px, "2"_qty));
  writer->add(trade(3, noon + std::chrono::seconds{70}, "99"_px));
  writer->add(trade(4, noon + std::chrono::seconds{119}, "100.5"_px));
  writer->add(trade(5, noon + std::chrono::seconds{120}, "102"_px));
  ASSERT_TRUE(drain(*writer, noon));
  // Then the ticks are there as the venue printed them
  EXPECT_EQ(world.ask("SELECT string_agg(concat_ws(' ', venue_trade_id, trim_scale(price), "
                      "aggressor), ', ' ORDER BY venue_trade_id) FROM halcyon.ticks"),
            "1 100 seller, 2 101 seller, 3 99 seller, 4 100.5 seller, 5 102 seller");
  // the first candle began before we listened, the second is whole, the third still open
  EXPECT_EQ(
      world.ask("SELECT string_agg(concat_ws(' ', to_char(time AT TIME ZONE 'UTC', 'HH24:MI'), "
                "trim_scale(open), trim_scale(high), trim_scale(low), trim_scale(close), "
                "trim_scale(volume), trim_scale(quote_volume), trade_count, is_complete), "
                "', ' ORDER BY time) FROM halcyon.candles"),
      "12:00 100 100 100 100 1 100 1 f, 12:01 101 101 99 100.5 4 401.5 3 t, "
      "12:02 102 102 102 102 1 102 1 f");
  EXPECT_EQ(world.ask("SELECT trim_scale(last_price) FROM halcyon.tickers"), "102");
  // and the hour and the day are made of the minutes
  EXPECT_EQ(world.ask("SELECT concat_ws(' ', trim_scale(open), trim_scale(high), trim_scale(low), "
                      "trim_scale(close), trim_scale(volume), trade_count, is_complete) "
                      "FROM halcyon.candles_1h"),
            "100 102 99 102 6 5 f");
  EXPECT_EQ(world.ask("SELECT concat_ws(' ', time, trade_count) FROM halcyon.candles_1d"),
            "2024-08-08 00:00:00+00 5");
}

TEST(Observations, ACandleIsMarkedWholeWhenTheNextBeginsAlsoIfItWasWrittenBefore) {
  World world;
  const auto writer = world.writer();
  writer->add(trade(1, noon, "100"_px));
  writer->add(trade(2, noon + std::chrono::minutes{1}, "100"_px));
  ASSERT_TRUE(drain(*writer, noon));
  const std::string second =
      "SELECT is_complete FROM halcyon.candles WHERE time = '2024-08-08 12:01Z'";
  EXPECT_EQ(world.ask(second), "f");
  writer->add(trade(3, noon + std::chrono::minutes{2}, "100"_px));
  ASSERT_TRUE(drain(*writer, noon));
  EXPECT_EQ(world.ask(second), "t");
}

TEST(Observations, LostTradesMakeTheirCandleIncomplete) {
  World world;
  const auto writer = world.writer();
  writer->add(trade(1, noon, "100"_px));
  writer->add(trade(2, noon + std::chrono::minutes{1}, "100"_px));
  Event event = trade(0, noon, "1"_px);
  event.what = TradesLost{3};
  writer->add(event);
  writer->add(trade(6, noon + std::chrono::minutes{2}, "100"_px));
  writer->add(trade(7, noon + std::chrono::minutes{3}, "100"_px));
  writer->add(trade(8, noon + std::chrono::minutes{4}, "100"_px));
  ASSERT_TRUE(drain(*writer, noon));
  EXPECT_EQ(world.ask("SELECT string_agg(is_complete::text, ' ' ORDER BY time) "
                      "FROM halcyon.candles"),
            "false false false true false");
  EXPECT_EQ(lost(*writer, ObservationKind::ticks), 3U);
}

TEST(Observations, WrittenTwiceAreThereOnce) {
  // Given a writer, and a second one that has seen the same and the end of a minute only
  World world;
  for (int run = 0; run < 2; ++run) {
    const auto writer = world.writer();
    if (run == 0) writer->add(trade(1, noon, "90"_px));
    writer->add(trade(2, noon + std::chrono::seconds{59}, "100"_px));
    BookSeen book;
    book.received = noon;
    book.instrument = InstrumentId{0};
    book.update_id = 77;
    book.bid_count = 2;
    book.bids[0] = {"99"_px, "1"_qty};
    book.bids[1] = {"98.5"_px, "2"_qty};
    writer->add(book);
    writer->add(persistence::LogSeen{noon, "info", "halcyond", "a\tline"});
    ASSERT_TRUE(drain(*writer, noon));
  }
  // Then every row is there once, and of the candle the fuller one stays
  EXPECT_EQ(world.ask("SELECT count(*) FROM halcyon.ticks"), "2");
  EXPECT_EQ(world.ask("SELECT concat_ws(' ', trim_scale(open), trade_count) FROM halcyon.candles"),
            "90 2");
  EXPECT_EQ(world.ask("SELECT bids::text || asks::text FROM halcyon.book_snapshots"),
            "[[\"99\", \"1\"], [\"98.5\", \"2\"]][]");
  EXPECT_EQ(world.ask("SELECT count(*) FROM halcyon.system_log"), "1");
}

TEST(Observations, ShowVenuesLimitsCallsAndTheLog) {
  World world;
  const auto writer = world.writer();
  persistence::VenueStatusSeen status;
  status.time = status.since = noon;
  status.venue = "binance";
  status.stream = {StreamKind::market, StreamState::down, Reason::connection_lost};
  status.text = "reset by peer";
  writer->add(status);
  status.stream = {StreamKind::market, StreamState::ready, Reason::none};
  status.text.clear();
  status.clock = ClockOffset{std::chrono::milliseconds{-12}, std::chrono::milliseconds{34}};
  writer->add(status);
  writer->add(persistence::RateLimitSeen{noon, "binance orders main", "weight", 120, 6000});
  writer->add(persistence::ApiRequestSeen{noon, true, "uid 0", "admin socket", "status", 200,
                                          std::chrono::microseconds{42}});
  writer->add(persistence::LogSeen{noon, "warning", "postgres", "behind"});
  ASSERT_TRUE(drain(*writer, noon));
  EXPECT_EQ(world.ask("SELECT concat_ws(' ', venue, stream, state, response_time_ms, "
                      "clock_offset_ms) FROM halcyon.venue_status"),
            "binance market ready 34 -12");
  EXPECT_EQ(world.ask("SELECT concat_ws(' ', session, name, used, most) "
                      "FROM halcyon.venue_rate_limits"),
            "binance orders main weight 120 6000");
  EXPECT_EQ(world.ask("SELECT concat_ws(' ', direction, caller, method, status, duration_us) "
                      "FROM halcyon.api_requests"),
            "admin uid 0 status 200 42");
  EXPECT_EQ(world.ask("SELECT concat_ws(' ', level, module, message) FROM halcyon.system_log"),
            "warning postgres behind");
}

TEST(Observations, OfAKindThatIsNotKeptAreNot) {
  World world;
  world.config.observations.ticks = false;
  world.config.observations.candles = false;
  const auto writer = world.writer();
  writer->add(trade(1, noon, "100"_px));
  ASSERT_TRUE(drain(*writer, noon));
  EXPECT_EQ(world.ask("SELECT (SELECT count(*) FROM halcyon.ticks) + "
                      "(SELECT count(*) FROM halcyon.candles)"),
            "0");
}

TEST(Observations, MoreThanMayWaitAreLostCountedAndSaid) {
  // Given a server that is away, and more lines than may wait
  World world{"host=/nonexistent user=halcyon dbname=none"};
  persistence::ObservationLimits limits;
  limits.waiting_rows = 100;
  const auto writer = world.writer(limits);
  for (int line = 0; line < 130; ++line) {
    writer->add(persistence::LogSeen{noon, "info", "x", std::to_string(line)});
  }
  writer->run_once(noon);
  EXPECT_EQ(lost(*writer, ObservationKind::system_log), 30U);
  EXPECT_TRUE(world.has_said("30 were lost so far")) << world.said.size();
  EXPECT_FALSE(writer->is_empty());
}

TEST(Observations, WaitForAServerThatComesBack) {
  World world;
  const auto writer = world.writer();
  writer->add(trade(1, noon, "100"_px));
  ASSERT_TRUE(drain(*writer, noon));
  query(PostgresServer::shared().dsn(),
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'halcyond alpha observations'");
  writer->add(trade(2, noon, "100"_px));
  ASSERT_TRUE(drain(*writer, noon));
  EXPECT_EQ(world.ask("SELECT count(*) FROM halcyon.ticks"), "2");
}

TEST(Observations, ThatPostgresqlRefusesStopNoOthers) {
  World world;
  const auto first = world.writer();
  first->run_once(noon);
  query(world.dsn, "ALTER TABLE halcyon.system_log ADD CHECK (message <> 'bad')");
  first->add(persistence::LogSeen{noon, "info", "x", "bad"});
  first->add(trade(1, noon, "100"_px));
  ASSERT_TRUE(drain(*first, noon));
  EXPECT_EQ(world.ask("SELECT count(*) FROM halcyon.ticks"), "1");
  EXPECT_EQ(lost(*first, ObservationKind::system_log), 1U);
  EXPECT_TRUE(world.has_said("system_log refused 1 observations"));
}

TEST(Retention, RemovesWholePartitionsAndOldRowsAndKeepsTheRest) {
  // Given ticks of three days, the first too old for a policy of two, and an old and a new denial
  World world;
  world.config.retention.ticks_days = 2;
  world.config.retention.trades_days = 10;
  const auto writer = world.writer();
  for (int day = 0; day < 3; ++day) {
    writer->add(
        trade(static_cast<std::uint64_t>(day + 1), noon + std::chrono::days{day}, "100"_px));
  }
  writer->run_once(noon);  // connects, writes; the job has nothing to do yet
  ASSERT_TRUE(drain(*writer, noon));
  for (const std::string age : {"2024-07-01", "2024-08-09"}) {
    query(world.dsn,
          "INSERT INTO halcyon.order_denials (id, time, journal_id, journal_sequence, "
          "ordinal, side, type, time_in_force, origin, quantity, reason, limit_value, "
          "actual_value) VALUES (gen_random_uuid(), '" +
              age +
              "', gen_random_uuid(), 1, "
              "0, 'buy', 'limit', 'gtc', 'user', 1, 'outbox_full', 0, 0)");
  }
  const std::string partitions =
      "SELECT string_agg(relname::text, ' ' ORDER BY relname) FROM pg_class "
      "WHERE relname ~ '^ticks_2024[0-9]+$'";
  ASSERT_EQ(world.ask(partitions), "ticks_20240808 ticks_20240809 ticks_20240810 ticks_20240811");
  // When two and a half days have gone by
  writer->run_once(noon + std::chrono::hours{60});
  // Then the first day's partition is gone as a whole, and the old denial
  EXPECT_EQ(world.ask(partitions), "ticks_20240809 ticks_20240810 ticks_20240811");
  EXPECT_EQ(world.ask("SELECT count(*) FROM halcyon.ticks"), "2");
  EXPECT_EQ(world.ask("SELECT time::date FROM halcyon.order_denials"), "2024-08-09");
  EXPECT_TRUE(world.has_said("retention: 1 rows of ticks_20240808"));
}

TEST(Retention, NeverTrustsAClockThatIsAhead) {
  // Given a tick of now, and a daemon whose clock says it is next century
  World world;
  const auto writer = world.writer();
  const Timestamp now =
      from_unix_ms(1000 * std::stoll(world.ask("SELECT extract(epoch FROM now())::bigint")));
  writer->add(trade(1, now, "100"_px));
  writer->run_once(now + std::chrono::days{36'500});
  writer->run_once(now + std::chrono::days{36'600});
  EXPECT_EQ(world.ask("SELECT count(*) FROM halcyon.ticks"), "1");
}
