// Who sees and does what: the roles and row-level security, as each of them.

#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "persistence/row_batch.h"
#include "tests/persistence/postgres_server.h"
#include "tests/persistence/projector/memory_journal.h"
#include "tests/persistence/projector/trading_day.h"

using namespace halcyon;
using tests::MemoryJournal;
using tests::PostgresServer;
using tests::ProjectorMaker;
using tests::query;
using tests::query_value;

namespace {

/// A database with a day of the account main, whose owner is ann.
struct Owned {
  Owned() {
    dsn = PostgresServer::shared().new_database();
    tests::trade(journal, 200, 11);
    const auto projector = ProjectorMaker{dsn, &journal, {}, nullptr}.make();
    domain::Timestamp now = journal.now();
    EXPECT_TRUE(tests::drain(*projector, now)) << projector->stop_words();
  }
  std::string dsn;
  MemoryJournal journal{7};
};
const Owned& owned() {
  static const Owned made;
  return made;
}

/// What `sql` gives as `role`, for the user of that name ("": nobody).
std::string as(const std::string& role, const std::string& user, const std::string& sql) {
  const std::string id = user.empty() ? "" : to_string(persistence::user_row(user));
  return query_value(owned().dsn,
                     "SET ROLE " + role + "; SET app.current_user_id = '" + id + "'; " + sql);
}

const char* const owned_tables[] = {
    "users",          "accounts",     "strategies",        "orders",
    "order_events",   "fills",        "positions",         "balances",
    "equity_history", "equity_daily", "round_trips",       "order_denials",
    "trading_states", "differences",  "notices",           "risk_alerts",
    "trading_limits", "definitions",  "strategy_memories", "audit_log"};

}  // namespace

TEST(Owners, SeeTheirOwnRowsAndNobodyElses) {
  // Given rows of ann's account; when ann, bob and nobody read them as the reader
  for (const std::string table : {"orders", "order_events", "fills", "positions", "balances",
                                  "equity_history", "equity_daily"}) {
    SCOPED_TRACE(table);
    const std::string count = "SELECT count(*) FROM halcyon." + table;
    const std::string all = query_value(owned().dsn, count);
    ASSERT_NE(all, "0");
    // Then ann sees all of them, the others none
    EXPECT_EQ(as("halcyon_reader", "ann", count), all);
    EXPECT_EQ(as("halcyon_reader", "bob", count), "0");
    EXPECT_EQ(as("halcyon_reader", "", count), "0");
  }
  EXPECT_EQ(as("halcyon_reader", "ann", "SELECT string_agg(name, ' ') FROM halcyon.users"), "ann");
  EXPECT_EQ(as("halcyon_reader", "ann", "SELECT string_agg(name, ' ') FROM halcyon.accounts"),
            "main");
  EXPECT_EQ(as("halcyon_reader", "daemon", "SELECT string_agg(name, ' ') FROM halcyon.accounts"),
            "paper");
}

TEST(Owners, AreGuardedInEveryTableThatHasThem) {
  // Given every table with an account, a strategy or a user in it
  const auto rows =
      query(owned().dsn,
            "SELECT DISTINCT c.relname, c.relrowsecurity FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped "
            "WHERE n.nspname = 'halcyon' AND c.relkind IN ('r', 'p') "
            "  AND NOT c.relispartition "
            "  AND a.attname IN ('account_id', 'strategy_id', 'owner_id', 'user_id')");
  // Then row-level security is on
  ASSERT_GE(rows.size(), 15U);
  for (const auto& row : rows) EXPECT_EQ(*row[1], "t") << *row[0];
}

TEST(Owners, DataOfVenuesIsEverybodys) {
  EXPECT_NE(as("halcyon_reader", "", "SELECT count(*) FROM halcyon.instruments"), "0");
  EXPECT_EQ(as("halcyon_reader", "", "SELECT count(*) FROM halcyon.candles_1h"), "0");
}

TEST(Reader, ChangesNothing) {
  for (const std::string table : owned_tables) {
    SCOPED_TRACE(table);
    EXPECT_THROW(as("halcyon_reader", "ann", "DELETE FROM halcyon." + table), std::runtime_error);
    EXPECT_THROW(as("halcyon_reader", "ann", "UPDATE halcyon." + table + " SET id = id"),
                 std::runtime_error);
  }
}

TEST(Reader, SeesNothingOfTheHousekeeping) {
  for (const std::string table :
       {"projections", "journal_names", "rejected_rows", "system_log", "api_requests",
        "schema_migrations", "daemon_epochs", "retention", "order_events_default"}) {
    EXPECT_THROW(as("halcyon_reader", "ann", "SELECT count(*) FROM halcyon." + table),
                 std::runtime_error)
        << table;
  }
  EXPECT_THROW(as("halcyon_reader", "", "SELECT halcyon.apply_retention(now())"),
               std::runtime_error);
}

TEST(Reader, SeesThatThereIsASecretAndNotWhatIsSealed) {
  query(owned().dsn,
        "INSERT INTO halcyon.credentials SELECT gen_random_uuid(), gen_random_uuid(), 'alpha', "
        "'main', 'api_key', 1, 'abcd', 'QUJD', '" +
            to_string(persistence::user_row("ann")) + "', 1, now()");
  for (const std::string role : {"halcyon_reader", "halcyon_web"}) {
    const std::string prefixes = "SELECT string_agg(key_prefix, ' ') FROM halcyon.credentials";
    EXPECT_EQ(as(role, "ann", prefixes), "abcd");
    EXPECT_EQ(as(role, "bob", prefixes), "NULL");
    EXPECT_THROW(as(role, "ann", "SELECT sealed FROM halcyon.credentials"), std::runtime_error);
  }
}

TEST(Writer, WritesADayWithoutOwningTheSchema) {
  // Given a login that is a member of halcyon_writer and nothing else
  PostgresServer& server = PostgresServer::shared();
  query(server.dsn(), "CREATE ROLE scribe LOGIN IN ROLE halcyon_writer");
  const std::string name = owned().dsn.substr(owned().dsn.find("dbname="));
  const std::string dsn = "host=" + server.directory() + " user=scribe " + name;
  // When a daemon uses it, for a month that has no partition yet
  MemoryJournal journal{8};
  tests::trade(journal, 200, 12);
  const auto projector = ProjectorMaker{dsn, &journal, {}, nullptr}.make();
  domain::Timestamp now = journal.now();
  ASSERT_TRUE(tests::drain(*projector, now)) << projector->stop_words();
  // Then everything is there
  tests::expect_exactly(journal, owned().dsn);
  // and it can neither change the schema nor its history
  EXPECT_THROW(query(dsn, "CREATE TABLE halcyon.mine (id uuid)"), std::runtime_error);
  EXPECT_THROW(query(dsn, "DROP TABLE halcyon.fills"), std::runtime_error);
  EXPECT_THROW(query(dsn, "DELETE FROM halcyon.fills"), std::runtime_error);
  EXPECT_THROW(query(dsn, "UPDATE halcyon.schema_migrations SET name = 'x'"), std::runtime_error);
}

TEST(Public, HasNoRight) {
  // Given a login without any role
  PostgresServer& server = PostgresServer::shared();
  query(server.dsn(), "CREATE ROLE stranger LOGIN");
  const std::string name = owned().dsn.substr(owned().dsn.find("dbname="));
  const std::string dsn = "host=" + server.directory() + " user=stranger " + name;
  // Then nothing of the schema is his
  for (const auto& row : query(owned().dsn,
                               "SELECT c.relname FROM pg_class c JOIN pg_namespace n "
                               "ON n.oid = c.relnamespace WHERE n.nspname = 'halcyon' "
                               "AND c.relkind IN ('r', 'p', 'v')")) {
    EXPECT_THROW(query(dsn, "SELECT * FROM halcyon." + *row[0]), std::runtime_error) << *row[0];
  }
  EXPECT_EQ(query_value(owned().dsn,
                        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = "
                        "c.relnamespace CROSS JOIN LATERAL aclexplode(c.relacl) x "
                        "WHERE n.nspname = 'halcyon' AND x.grantee = 0"),
            "0");
}
