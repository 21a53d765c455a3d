// halcyonctl db verify: PostgreSQL against a replay of the journal.

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "persistence/database_check.h"
#include "persistence/postgres_migrations.h"
#include "tests/persistence/postgres_server.h"
#include "tests/persistence/projector/memory_journal.h"
#include "tests/persistence/projector/trading_day.h"

using namespace halcyon;
using persistence::VerifyResult;
using tests::MemoryJournal;
using tests::PostgresServer;
using tests::query;
using tests::query_value;

namespace {

/// A database with a day of trading.
struct Day {
  explicit Day(unsigned seed) {
    // Long ago would be older than is kept.
    journal.append_at(
        domain::from_unix_ms(
            1000 * std::stoll(query_value(PostgresServer::shared().dsn(),
                                          "SELECT extract(epoch FROM now())::bigint - 3600"))),
        {});
    journal.append_names();
    tests::trade(journal, 300, seed);
    project();
  }
  void project() {
    const auto projector = tests::ProjectorMaker{dsn, &journal, {}, nullptr}.make();
    domain::Timestamp now = journal.now();
    EXPECT_TRUE(tests::drain(*projector, now)) << projector->stop_words();
  }
  VerifyResult verify(std::uint64_t begins_after = 0, std::size_t most = 100) const {
    persistence::PostgresConnection connection;
    persistence::PostgresConnection::Options options;
    options.dsn = dsn;
    auto failed = connection.connect(options);
    EXPECT_FALSE(failed);
    const auto frames = journal.source();
    frames->open(begins_after);
    VerifyResult result;
    failed = persistence::verify_projection(connection, *frames, begins_after, nullptr,
                                            journal.uuid(), tests::test_config(), most, result);
    EXPECT_FALSE(failed) << failed->words;
    return result;
  }
  std::string dsn = PostgresServer::shared().new_database();
  MemoryJournal journal{3};
};

std::string first(const VerifyResult& result) {
  return result.differences.empty()
             ? "none"
             : result.differences[0].table + ": " + result.differences[0].what;
}

}  // namespace

TEST(Verify, FindsNoDifferenceInWhatTheProjectorWrote) {
  const Day day{51};
  const VerifyResult result = day.verify();
  EXPECT_EQ(result.difference_count, 0U) << first(result);
  EXPECT_EQ(result.stopped, "");
  EXPECT_EQ(result.position, day.journal.last());
  EXPECT_GT(result.rows, 500U);
}

TEST(Verify, ListsAMissingAnExtraAndAChangedRow) {
  Day day{52};
  // Given a fill that is gone, a notice that nobody raised, and a position of another size
  query(day.dsn,
        "DELETE FROM halcyon.fills WHERE ctid IN (SELECT ctid FROM halcyon.fills LIMIT 1)");
  query(day.dsn,
        "INSERT INTO halcyon.notices (id, time, journal_id, journal_sequence, ordinal, severity, "
        "code, text) SELECT gen_random_uuid(), now(), id, 1, 0, 'info', 'started', 'x' "
        "FROM halcyon.projections");
  query(day.dsn,
        "UPDATE halcyon.positions SET quantity = quantity + 1 WHERE ctid IN "
        "(SELECT ctid FROM halcyon.positions LIMIT 1)");
  // When it is verified, then each is listed with what is wrong
  const VerifyResult result = day.verify();
  ASSERT_EQ(result.difference_count, 3U) << first(result);
  const auto what = [&](const std::string& table) {
    const auto row = std::find_if(result.differences.begin(), result.differences.end(),
                                  [&](const auto& found) { return found.table == table; });
    return row == result.differences.end() ? "none" : row->what;
  };
  EXPECT_EQ(what("fills"), "missing");
  EXPECT_EQ(what("notices"), "extra: the journal has no such record");
  EXPECT_NE(what("positions").find("quantity is "), std::string::npos) << what("positions");
  EXPECT_NE(what("positions").find("the journal says"), std::string::npos);
}

TEST(Verify, SaysWhatWasSetAside) {
  // Given a table that refuses one row
  Day day{53};
  query(day.dsn, "ALTER TABLE halcyon.notices ADD CHECK (text <> 'bad')");
  day.journal.append({{domain::NoticeRaised{}, "bad"}});
  day.project();
  const VerifyResult result = day.verify();
  ASSERT_EQ(result.difference_count, 1U);
  EXPECT_EQ(first(result), "notices: set aside: see halcyon.rejected_rows");
}

TEST(Verify, ShowsNoMoreThanItIsAskedAndCountsAll) {
  Day day{54};
  query(day.dsn, "DELETE FROM halcyon.fills");
  const VerifyResult result = day.verify(0, 2);
  EXPECT_EQ(result.differences.size(), 2U);
  EXPECT_GT(result.difference_count, 20U);
}

TEST(Verify, ComparesWhatIsLeftOfAJournalWhoseBeginningIsGone) {
  Day day{55};
  const std::uint64_t half = day.journal.last() / 2;
  EXPECT_EQ(day.verify(half).difference_count, 0U) << first(day.verify(half));
  query(day.dsn, "DELETE FROM halcyon.fills");
  EXPECT_GT(day.verify(half).difference_count, 0U);
}

TEST(Verify, SaysThatAnotherJournalIsUnknown) {
  Day day{56};
  MemoryJournal other{4};
  day.journal = other;
  EXPECT_NE(day.verify().stopped.find("knows nothing of the journal"), std::string::npos);
}

TEST(DatabaseStatus, TellsOfSchemaRolesAndProjections) {
  Day day{57};
  persistence::PostgresConnection connection;
  persistence::PostgresConnection::Options options;
  options.dsn = day.dsn;
  ASSERT_FALSE(connection.connect(options));
  persistence::DatabaseStatus status;
  ASSERT_FALSE(persistence::read_status(connection, status));
  EXPECT_EQ(status.schema, persistence::migrations().size());
  EXPECT_EQ(status.schema_words, "");
  EXPECT_EQ(status.missing_roles, "");
  EXPECT_EQ(status.partitions, "plain PostgreSQL");
  ASSERT_EQ(status.projections.size(), 1U);
  EXPECT_EQ(status.projections[0].position, day.journal.last());
  // and a schema newer than the program is said
  query(day.dsn,
        "INSERT INTO halcyon.schema_migrations (number, name, sha256) "
        "SELECT max(number) + 1, 'from_tomorrow', 'cafe' FROM halcyon.schema_migrations");
  ASSERT_FALSE(persistence::read_status(connection, status));
  EXPECT_NE(status.schema_words.find("newer than this daemon"), std::string::npos);
}

TEST(DatabaseStatus, OfAnEmptyDatabaseSaysHowToMakeTheSchemaAndMigrateMakesIt) {
  persistence::PostgresConnection connection;
  persistence::PostgresConnection::Options options;
  options.dsn = PostgresServer::shared().new_database();
  ASSERT_FALSE(connection.connect(options));
  persistence::DatabaseStatus status;
  ASSERT_FALSE(persistence::read_status(connection, status));
  EXPECT_NE(status.schema_words.find("db migrate"), std::string::npos);
  std::size_t steps = 0;
  std::string words;
  ASSERT_FALSE(persistence::bring_up_to_date(connection, steps, words));
  EXPECT_EQ(steps, persistence::migrations().size());
  EXPECT_NE(words.find("have their rights"), std::string::npos) << words;
}
