// At the end every journal record is in PostgreSQL exactly once, whatever happened on the way.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "domain/enum_name.h"
#include "persistence/row_batch.h"
#include "tests/persistence/postgres_server.h"
#include "tests/persistence/projector/cutting_proxy.h"
#include "tests/persistence/projector/memory_journal.h"
#include "tests/persistence/projector/trading_day.h"

using namespace halcyon;
using namespace halcyon::domain;
using namespace halcyon::domain::literals;
using persistence::Projector;
using tests::CuttingProxy;
using tests::expect_exactly;
using tests::MemoryJournal;
using tests::PostgresServer;
using tests::ProjectorMaker;
using tests::query;
using tests::query_value;
using tests::trade;

namespace {

std::uint8_t next_journal() {
  static std::uint8_t number = 0;
  return ++number;
}

const std::string& database() {
  static const std::string dsn = PostgresServer::shared().new_database();
  return dsn;
}

bool has_said(const std::vector<std::string>& said, const std::string& words) {
  return std::any_of(said.begin(), said.end(), [&](const std::string& line) {
    return line.find(words) != std::string::npos;
  });
}

/// Small batches, so that much happens between them; quick retries.
persistence::ProjectorLimits small_batches(std::size_t rows = 40) {
  persistence::ProjectorLimits limits;
  limits.batch_rows = rows;
  return limits;
}

}  // namespace

TEST(ProjectorExactlyOnce, WithoutAnyTrouble) {
  MemoryJournal journal{next_journal()};
  trade(journal, 3000, 1);
  std::vector<std::string> said;
  const auto projector = ProjectorMaker{database(), &journal, {}, &said}.make();
  Timestamp now = journal.now();
  ASSERT_TRUE(tests::drain(*projector, now)) << projector->stop_words();
  expect_exactly(journal, database());
  // and what comes later follows
  trade(journal, 100, 2);
  ASSERT_TRUE(tests::drain(*projector, now));
  expect_exactly(journal, database());
}

TEST(ProjectorExactlyOnce, WhenTheConnectionBreaksAfterAnyNumberOfBytes) {
  // Given a journal of several batches, and how many bytes flow while it is projected
  const std::string& dsn = database();
  const std::string name = dsn.substr(dsn.find(" user="));
  CuttingProxy proxy{PostgresServer::shared().directory()};
  const std::string through = "host=" + proxy.directory() + name;
  const auto run = [&](MemoryJournal& journal) {
    trade(journal, 30, 7);
    const auto projector = ProjectorMaker{through, &journal, small_batches()}.make();
    Timestamp now = journal.now();
    ASSERT_TRUE(tests::drain(*projector, now)) << projector->stop_words();
  };
  MemoryJournal schema{next_journal()};
  run(schema);
  MemoryJournal uncut{next_journal()};
  run(uncut);
  const std::array<std::size_t, 2> flows{proxy.bytes(CuttingProxy::Direction::to_server),
                                         proxy.bytes(CuttingProxy::Direction::to_client)};
  std::size_t tries = 0;
  std::size_t cuts = 0;
  // When the connection is cut somewhere: all along the way, and densely around the last commit
  for (const auto direction :
       {CuttingProxy::Direction::to_server, CuttingProxy::Direction::to_client}) {
    const std::size_t flow = flows[static_cast<std::size_t>(direction)];
    std::vector<std::size_t> places;
    for (std::size_t part = 1; part <= 40; ++part) places.push_back(flow * part / 41);
    for (std::size_t back = 1; back <= 60; back += 2) places.push_back(flow - back);
    tries += places.size();
    for (const std::size_t place : places) {
      SCOPED_TRACE((direction == CuttingProxy::Direction::to_server ? "to server after "
                                                                    : "to client after ") +
                   std::to_string(place) + " of " + std::to_string(flow) + " bytes");
      MemoryJournal journal{next_journal()};
      proxy.cut_next(direction, place);
      run(journal);
      // Then everything is there once
      if (proxy.has_cut()) ++cuts;
      expect_exactly(journal, dsn);
      if (HasFailure()) return;
    }
  }
  // (the last bytes may belong to a good-bye that is not waited for)
  EXPECT_GT(cuts, tries * 9 / 10);
}

TEST(ProjectorExactlyOnce, WhenTheServerIsKilledAtRandomMoments) {
  // Given a server that dies as on a loss of power, again and again, while rows are written
  MemoryJournal journal{next_journal()};
  trade(journal, 6000, 3);
  PostgresServer& server = PostgresServer::shared();
  std::vector<std::string> said;
  const auto projector = ProjectorMaker{database(), &journal, small_batches(97), &said}.make();
  Timestamp now = journal.now();
  std::mt19937 random{4};
  constexpr std::uint64_t kills = 8;
  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    const std::uint64_t moment = journal.last() * (kill + 1) / (kills + 1) + random() % 50;
    std::jthread killer([&] {
      while (projector->readings().position < moment) std::this_thread::yield();
      server.kill_hard();
      server.start_again();
    });
    while (projector->readings().position < moment) {
      projector->run_once(now);
      now = std::max(now, projector->next_deadline());
    }
    // it goes on trying while the server is away
    for (int turn = 0; turn < 20; ++turn) {
      projector->run_once(now);
      now = std::max(now, projector->next_deadline());
    }
  }
  // When the server stays, then everything arrives
  ASSERT_TRUE(tests::drain(*projector, now)) << projector->stop_words();
  expect_exactly(journal, database());
  EXPECT_GT(projector->readings().connects, 1U);
  EXPECT_TRUE(has_said(said, "trading goes on, check the server"));
  EXPECT_TRUE(has_said(said, "caught up at record"));
}

TEST(ProjectorExactlyOnce, WhenTheServerEndsTheConnectionInEveryTurn) {
  MemoryJournal journal{next_journal()};
  trade(journal, 300, 5);
  const auto projector = ProjectorMaker{database(), &journal, small_batches()}.make();
  Timestamp now = journal.now();
  projector->hurry();
  for (int turn = 0; turn < 30; ++turn) {
    projector->run_once(now);
    now = std::max(now, projector->next_deadline());
    if (turn % 3 == 0) {
      query(PostgresServer::shared().dsn(),
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'halcyond alpha projector'");
    }
  }
  ASSERT_TRUE(tests::drain(*projector, now));
  expect_exactly(journal, database());
}

TEST(ProjectorExactlyOnce, WhenTheProjectorIsMadeAnewAtRandomMoments) {
  MemoryJournal journal{next_journal()};
  trade(journal, 1500, 6);
  std::mt19937 random{6};
  Timestamp now = journal.now();
  for (int life = 0; life < 25; ++life) {
    const auto projector =
        ProjectorMaker{database(), &journal, small_batches(random() % 100 + 1)}.make();
    for (auto turns = random() % 12; turns > 0; --turns) {
      projector->run_once(now);
      now = std::max(now, projector->next_deadline());
    }
  }
  const auto projector = ProjectorMaker{database(), &journal, {}}.make();
  ASSERT_TRUE(tests::drain(*projector, now));
  expect_exactly(journal, database());
}

TEST(ProjectorExactlyOnce, WhenTwoProjectorsWriteTheSameJournalAtOnce) {
  MemoryJournal journal{next_journal()};
  trade(journal, 1500, 8);
  std::atomic<int> done{0};
  {
    std::vector<std::jthread> threads;
    for (int number = 0; number < 2; ++number) {
      threads.emplace_back([&] {
        const auto projector = ProjectorMaker{database(), &journal, small_batches(60)}.make();
        Timestamp now = journal.now();
        if (tests::drain(*projector, now)) ++done;
      });
    }
  }
  EXPECT_EQ(done, 2);
  expect_exactly(journal, database());
}

TEST(ProjectorExactlyOnce, WhenTheServerIsAwayAtTheStart) {
  // Given a server that is down, and a journal that grows
  PostgresServer& server = PostgresServer::shared();
  const std::string dsn = database();
  MemoryJournal journal{next_journal()};
  trade(journal, 200, 9);
  server.stop_fast();
  std::vector<std::string> said;
  const auto projector = ProjectorMaker{dsn, &journal, {}, &said}.make();
  Timestamp now = journal.now();
  for (int turn = 0; turn < 100; ++turn) {
    EXPECT_EQ(projector->run_once(now), 0U);
    ASSERT_GT(projector->next_deadline(), now);  // it rests between its tries
    now = projector->next_deadline();
  }
  // Then it says how far behind it is, and not a hundred times
  EXPECT_EQ(projector->readings().backlog_records, journal.last());
  EXPECT_GT(projector->readings().backlog_ms, 60'000U);
  EXPECT_FALSE(projector->readings().is_connected);
  ASSERT_FALSE(said.empty());
  EXPECT_NE(said[0].find("behind by " + std::to_string(journal.last()) + " records (0 s)"),
            std::string::npos)
      << said[0];
  EXPECT_LT(said.size(), 25U);
  // and when the server comes, everything arrives
  server.start_again();
  ASSERT_TRUE(tests::drain(*projector, now));
  expect_exactly(journal, dsn);
  EXPECT_EQ(projector->readings().backlog_ms, 0U);
  EXPECT_TRUE(projector->readings().is_connected);
}

TEST(ProjectorExactlyOnce, WhenTheServerHangsInTheMiddle) {
  // Given a server that stops answering while rows are written
  PostgresServer& server = PostgresServer::shared();
  MemoryJournal journal{next_journal()};
  trade(journal, 500, 10);
  persistence::ProjectorLimits limits = small_batches();
  limits.connect_timeout = limits.answer_timeout = std::chrono::milliseconds{500};
  std::vector<std::string> said;
  const auto projector = ProjectorMaker{database(), &journal, limits, &said}.make();
  Timestamp now = journal.now();
  while (projector->readings().position < journal.last() / 2) {
    projector->run_once(now);
    now = std::max(now, projector->next_deadline());
  }
  server.freeze();
  // When the projector tries, then it gives up each time within its bounds, and says why
  for (int turn = 0; turn < 4; ++turn) {
    projector->run_once(now);
    now = std::max(now, projector->next_deadline());
  }
  server.thaw();
  EXPECT_TRUE(has_said(said, "no answer from"));
  // and after the thaw, with its earlier tries still in the server, everything is there once
  ASSERT_TRUE(tests::drain(*projector, now));
  expect_exactly(journal, database());
}

TEST(ProjectorExactlyOnce, AndAWaitCanBeInterrupted) {
  PostgresServer& server = PostgresServer::shared();
  MemoryJournal journal{next_journal()};
  trade(journal, 50, 11);
  persistence::ProjectorLimits limits;
  limits.connect_timeout = limits.answer_timeout = std::chrono::hours{1};
  const auto projector = ProjectorMaker{database(), &journal, limits}.make();
  ASSERT_FALSE(database().empty());
  server.freeze();
  std::jthread thread([&] { projector->run_once(journal.now()); });
  projector->interrupt();
  thread.join();  // would take an hour
  server.thaw();
  EXPECT_FALSE(projector->readings().is_connected);
}

TEST(ProjectorExactlyOnce, WhenTheServersDiskIsFullForAWhile) {
  // Given a server that answers every change as it does on a full disk (SQLSTATE 53100)
  MemoryJournal journal{next_journal()};
  trade(journal, 400, 21);
  const std::string dsn = PostgresServer::shared().new_database();
  std::vector<std::string> said;
  const auto projector = ProjectorMaker{dsn, &journal, small_batches(), &said}.make();
  Timestamp now = journal.now();
  for (int turn = 0; turn < 6; ++turn) {
    projector->run_once(now);
    now = std::max(now, projector->next_deadline());
  }
  query(dsn,
        "CREATE FUNCTION public.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
        "EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END "
        "$$; CREATE TRIGGER full_disk BEFORE INSERT ON halcyon.fills FOR EACH ROW EXECUTE "
        "FUNCTION public.full(); CREATE TRIGGER full_disk BEFORE INSERT ON halcyon.positions FOR "
        "EACH ROW EXECUTE FUNCTION public.full()");
  for (int turn = 0; turn < 30; ++turn) {
    projector->run_once(now);
    now = std::max(now, projector->next_deadline());
  }
  // Then no row is blamed for it, and it is said
  EXPECT_LT(projector->readings().position, journal.last());
  EXPECT_TRUE(has_said(said, "No space left on device"));
  EXPECT_EQ(projector->readings().rejected_rows, 0U);
  // and when there is room again, everything is there once
  query(dsn,
        "DROP TRIGGER full_disk ON halcyon.fills; DROP TRIGGER full_disk ON halcyon.positions");
  ASSERT_TRUE(tests::drain(*projector, now));
  expect_exactly(journal, dsn);
}

TEST(ProjectorExactlyOnce, WhenTheServerIsSlowAndThatIsAnAlarmInTheEnd) {
  // Given a server that takes its time for every fill, and a journal that began an hour ago
  MemoryJournal journal{next_journal()};
  trade(journal, 200, 22);
  const std::string dsn = PostgresServer::shared().new_database();
  std::vector<std::string> said;
  const auto projector = ProjectorMaker{dsn, &journal, small_batches(), &said}.make();
  Timestamp now = journal.now();
  projector->run_once(now);
  query(dsn,
        "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM "
        "pg_sleep(0.003); RETURN NEW; END $$; CREATE TRIGGER slow BEFORE INSERT ON halcyon.fills "
        "FOR EACH ROW EXECUTE FUNCTION public.slow()");
  now += std::chrono::hours{1};
  projector->run_once(now);
  projector->run_once(now);
  EXPECT_TRUE(projector->readings().is_alarmed);
  EXPECT_TRUE(has_said(said, "PostgreSQL takes rows more slowly than they come"));
  ASSERT_TRUE(tests::drain(*projector, now));
  expect_exactly(journal, dsn);
  EXPECT_FALSE(projector->readings().is_alarmed);
}

TEST(ProjectorExactlyOnce, WhenTheDatabaseIsMadeNewUnderneath) {
  const std::string dsn = PostgresServer::shared().new_database();
  MemoryJournal journal{next_journal()};
  trade(journal, 300, 12);
  const auto projector = ProjectorMaker{dsn, &journal, {}}.make();
  Timestamp now = journal.now();
  ASSERT_TRUE(tests::drain(*projector, now));
  query(dsn, "DROP SCHEMA halcyon CASCADE");
  trade(journal, 100, 13);
  ASSERT_TRUE(tests::drain(*projector, now));
  expect_exactly(journal, dsn);
}

TEST(ProjectorExactlyOnce, WhenTheDatabaseWasRestoredFromAnOlderCopy) {
  // Given a database, and a copy of it from the middle of the day
  PostgresServer& server = PostgresServer::shared();
  const std::string dsn = server.new_database();
  MemoryJournal journal{next_journal()};
  trade(journal, 300, 14);
  Timestamp now = journal.now();
  {
    const auto projector = ProjectorMaker{dsn, &journal, {}}.make();
    ASSERT_TRUE(tests::drain(*projector, now));
  }
  const std::string name = dsn.substr(dsn.find("dbname=") + 7);
  query(server.dsn(), "CREATE DATABASE copy_of_noon TEMPLATE " + name);
  trade(journal, 300, 15);
  {
    const auto projector = ProjectorMaker{dsn, &journal, {}}.make();
    ASSERT_TRUE(tests::drain(*projector, now));
  }
  // When the daemon is given the copy, then the rest of the day is written again
  const auto projector = ProjectorMaker{server.dsn("copy_of_noon"), &journal, {}}.make();
  ASSERT_TRUE(tests::drain(*projector, now));
  expect_exactly(journal, server.dsn("copy_of_noon"));
}

// ---- what must stop
// --------------------------------------------------------------------------------

TEST(ProjectorStops, WithAProjectionThatIsAheadOfItsJournal) {
  // Given a projection up to the end of a journal
  MemoryJournal journal{next_journal()};
  trade(journal, 100, 16);
  Timestamp now = journal.now();
  {
    const auto projector = ProjectorMaker{database(), &journal, {}}.make();
    ASSERT_TRUE(tests::drain(*projector, now));
  }
  const std::string position = std::to_string(journal.last());
  // When the journal's last frame, or its last five, are gone
  for (const int lost : {1, 4}) {
    for (int frame = 0; frame < lost; ++frame) journal.frames().pop_back();
    std::vector<std::string> said;
    const auto projector = ProjectorMaker{database(), &journal, {}, &said}.make();
    // Then the projection stops with words, and PostgreSQL keeps what it has
    EXPECT_FALSE(tests::drain(*projector, now));
    EXPECT_TRUE(projector->readings().is_stopped);
    EXPECT_EQ(projector->next_deadline(), never);
    EXPECT_EQ(projector->run_once(now), 0U);
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(said[0], projector->stop_words());
    EXPECT_NE(said[0].find("the journal ends"), std::string::npos) << said[0];
    EXPECT_EQ(query_value(database(), "SELECT position FROM halcyon.projections WHERE id = '" +
                                          journal.uuid_text() + "'"),
              position);
  }
}

TEST(ProjectorStops, WithAJournalThatHasAnotherPast) {
  // Given a journal that was restored from a copy and has grown past the projection again
  MemoryJournal journal{next_journal()};
  trade(journal, 100, 17);
  Timestamp now = journal.now();
  {
    const auto projector = ProjectorMaker{database(), &journal, {}}.make();
    ASSERT_TRUE(tests::drain(*projector, now));
  }
  const std::size_t events = std::stoul(
      query_value(database(), "SELECT count(*) FROM halcyon.order_events WHERE journal_id = '" +
                                  journal.uuid_text() + "'"));
  journal.frames().resize(journal.last() - 5);
  trade(journal, 100, 18);
  // When it is projected, then it stops with words and writes nothing
  std::vector<std::string> said;
  const auto projector = ProjectorMaker{database(), &journal, {}, &said}.make();
  EXPECT_FALSE(tests::drain(*projector, now));
  EXPECT_TRUE(has_said(said, "is not the one that PostgreSQL has"));
  EXPECT_EQ(query_value(database(),
                        "SELECT count(*) FROM halcyon.order_events "
                        "WHERE journal_id = '" +
                            journal.uuid_text() + "'"),
            std::to_string(events));
}

TEST(ProjectorStops, WithFramesOfAnotherJournal) {
  MemoryJournal journal{next_journal()};
  MemoryJournal other{next_journal()};
  trade(other, 10, 19);
  persistence::ProjectorSetup setup;
  const config::Config config = tests::test_config();
  setup.dsn = database();
  setup.config = &config;
  setup.journal = journal.uuid();
  setup.frames = other.source();
  Projector projector{std::move(setup)};
  Timestamp now = other.now();
  EXPECT_FALSE(tests::drain(projector, now));
  EXPECT_NE(projector.stop_words().find("another journal"), std::string::npos);
}

TEST(ProjectorStops, WithNamesThatContradictEarlierOnes) {
  MemoryJournal journal{next_journal()};
  journal.append_names();
  Named named;
  named.kind = NameKind::asset;
  named.id = 0;
  journal.append({{named, "DOGE"}});
  const auto projector = ProjectorMaker{database(), &journal, {}}.make();
  Timestamp now = journal.now();
  EXPECT_FALSE(tests::drain(*projector, now));
  EXPECT_NE(projector->stop_words().find("contradicts an earlier name"), std::string::npos)
      << projector->stop_words();
}

TEST(ProjectorStops, NotWithASchemaNewerThanItself) {
  // Given a schema that a newer daemon has changed
  const std::string dsn = PostgresServer::shared().new_database();
  MemoryJournal journal{next_journal()};
  trade(journal, 20, 20);
  Timestamp now = journal.now();
  {
    const auto projector = ProjectorMaker{dsn, &journal, {}}.make();
    ASSERT_TRUE(tests::drain(*projector, now));
  }
  query(dsn,
        "INSERT INTO halcyon.schema_migrations (number, name, sha256) "
        "VALUES (99, 'from_tomorrow', 'cafe')");
  trade(journal, 20, 21);
  // When this one comes, then it says so, writes nothing, and tries again later
  std::vector<std::string> said;
  const auto projector = ProjectorMaker{dsn, &journal, {}, &said}.make();
  for (int turn = 0; turn < 10; ++turn) {
    projector->run_once(now);
    now = std::max(now, projector->next_deadline());
  }
  EXPECT_TRUE(has_said(said, "newer than this daemon"));
  EXPECT_EQ(projector->readings().rows, 0U);
  query(dsn, "DELETE FROM halcyon.schema_migrations WHERE number = 99");
  ASSERT_TRUE(tests::drain(*projector, now));
  expect_exactly(journal, dsn);
}

TEST(ProjectorMarks, TheNewestJournalOfADaemonAsCurrent) {
  const std::string dsn = PostgresServer::shared().new_database();
  MemoryJournal first{next_journal()};
  MemoryJournal second{next_journal()};
  for (MemoryJournal* journal : {&first, &second}) {
    trade(*journal, 5, 22);
    const auto projector = ProjectorMaker{dsn, journal, {}}.make();
    Timestamp now = journal->now();
    ASSERT_TRUE(tests::drain(*projector, now));
  }
  EXPECT_EQ(query_value(dsn, "SELECT id FROM halcyon.projections WHERE is_current"),
            second.uuid_text());
  EXPECT_EQ(query_value(dsn, "SELECT count(*) FROM halcyon.projections"), "2");
}
