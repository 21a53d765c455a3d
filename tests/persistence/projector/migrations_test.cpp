#include <algorithm>
#include <array>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "config/config.h"
#include "domain/credential.h"
#include "domain/enum_name.h"
#include "domain/record.h"
#include "persistence/postgres_migrations.h"
#include "tests/persistence/postgres_server.h"

using namespace halcyon;
using namespace halcyon::persistence;
using tests::PostgresServer;
using tests::query;
using tests::query_value;

namespace {

PostgresOutcome migrate_at(const std::string& dsn, std::span<const Migration> known,
                           std::size_t& applied) {
  PostgresConnection connection;
  PostgresConnection::Options options;
  options.dsn = dsn;
  if (auto failed = connection.connect(options)) return failed;
  return migrate(connection, known, applied);
}

/// A database with the newest schema.
std::string migrated_database() {
  const std::string dsn = PostgresServer::shared().new_database();
  std::size_t applied = 0;
  const auto failed = migrate_at(dsn, migrations(), applied);
  EXPECT_FALSE(failed) << failed->words;
  return dsn;
}

template <class Enum>
std::set<std::string> words_of() {
  std::set<std::string> words;
  for (std::size_t index = 0; index < domain::enum_count<Enum>(); ++index) {
    words.emplace(domain::enum_name(static_cast<Enum>(index)));
  }
  return words;
}

}  // namespace

TEST(Migrations, MakeTheSchemaFromNothingAndThenLeaveItAlone) {
  // Given an empty database
  const std::string dsn = PostgresServer::shared().new_database();
  // When the steps are applied twice
  std::size_t first = 0;
  std::size_t second = 0;
  ASSERT_FALSE(migrate_at(dsn, migrations(), first));
  ASSERT_FALSE(migrate_at(dsn, migrations(), second));
  // Then the first time all of them, the second time none, and each is written down
  EXPECT_EQ(first, migrations().size());
  EXPECT_EQ(second, 0U);
  const auto rows =
      query(dsn, "SELECT number, name, sha256 FROM halcyon.schema_migrations ORDER BY number");
  ASSERT_EQ(rows.size(), migrations().size());
  EXPECT_EQ(rows[0][0], "1");
  EXPECT_EQ(rows[0][1], std::string{migrations()[0].name});
  EXPECT_EQ(rows[0][2], checksum(migrations()[0]));
}

TEST(Migrations, AreNumberedWithoutHoles) {
  for (std::size_t index = 0; index < migrations().size(); ++index) {
    EXPECT_EQ(migrations()[index].number, index + 1);
  }
}

TEST(Migrations, OfSeveralDaemonsAtOnceAreAppliedOnce) {
  // Given an empty database and four daemons that start together
  const std::string dsn = PostgresServer::shared().new_database();
  std::array<std::size_t, 4> applied{};
  std::array<PostgresOutcome, 4> failed;
  {
    std::vector<std::jthread> daemons;
    for (std::size_t daemon = 0; daemon < applied.size(); ++daemon) {
      daemons.emplace_back(
          [&, daemon] { failed[daemon] = migrate_at(dsn, migrations(), applied[daemon]); });
    }
  }
  // Then all of them are content, and every step was taken by one
  std::size_t sum = 0;
  for (std::size_t daemon = 0; daemon < applied.size(); ++daemon) {
    EXPECT_FALSE(failed[daemon]) << failed[daemon]->words;
    sum += applied[daemon];
  }
  EXPECT_EQ(sum, migrations().size());
}

TEST(Migrations, RefuseASchemaMadeByAnotherText) {
  // Given a schema whose first step had another text
  const std::string dsn = migrated_database();
  query(dsn, "UPDATE halcyon.schema_migrations SET sha256 = 'feed' WHERE number = 1");
  // When a daemon comes, then it refuses and names the step and both sums
  std::size_t applied = 0;
  const auto failed = migrate_at(dsn, migrations(), applied);
  ASSERT_TRUE(failed);
  EXPECT_NE(failed->words.find("another text of step 1"), std::string::npos) << failed->words;
  EXPECT_NE(failed->words.find("feed"), std::string::npos) << failed->words;
  EXPECT_EQ(applied, 0U);
}

TEST(Migrations, RefuseASchemaNewerThanTheDaemon) {
  // Given a schema to which a newer daemon has added a step
  const std::string dsn = migrated_database();
  query(dsn, "INSERT INTO halcyon.schema_migrations (number, name, sha256) VALUES (" +
                 std::to_string(migrations().size() + 1) + ", 'from_tomorrow', 'cafe')");
  // When this daemon comes, then it refuses and says what to do
  std::size_t applied = 0;
  const auto failed = migrate_at(dsn, migrations(), applied);
  ASSERT_TRUE(failed);
  EXPECT_NE(failed->words.find("newer than this daemon"), std::string::npos) << failed->words;
  EXPECT_NE(failed->words.find("from_tomorrow"), std::string::npos) << failed->words;
}

TEST(Migrations, OfWhichOneFailsKeepTheEarlierAndNothingOfTheFailedOne) {
  // Given a good step and one that fails half way
  const Migration steps[] = {
      {1, "good", "CREATE TABLE halcyon.kept (id uuid PRIMARY KEY);"},
      {2, "bad", "CREATE TABLE halcyon.lost (id uuid PRIMARY KEY); SELECT 1 / 0;"},
  };
  const std::string dsn = PostgresServer::shared().new_database();
  // When they are applied
  std::size_t applied = 0;
  const auto failed = migrate_at(dsn, steps, applied);
  // Then the words name the step, and the schema stands after the first
  ASSERT_TRUE(failed);
  EXPECT_NE(failed->words.find("step 2 (bad)"), std::string::npos) << failed->words;
  EXPECT_EQ(applied, 1U);
  EXPECT_EQ(query_value(dsn, "SELECT count(*) FROM halcyon.schema_migrations"), "1");
  EXPECT_EQ(query_value(dsn, "SELECT to_regclass('halcyon.kept') IS NOT NULL"), "t");
  EXPECT_EQ(query_value(dsn, "SELECT to_regclass('halcyon.lost') IS NULL"), "t");
}

TEST(Migrations, AreRefusedByADatabaseThatIsNotUtf8) {
  query(PostgresServer::shared().dsn(),
        "CREATE DATABASE old_ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' "
        "TEMPLATE template0");
  std::size_t applied = 0;
  const auto failed = migrate_at(PostgresServer::shared().dsn("old_ascii"), migrations(), applied);
  ASSERT_TRUE(failed);
  EXPECT_NE(failed->words.find("SQL_ASCII"), std::string::npos) << failed->words;
}

TEST(Schema, ExplainsEveryTableAndColumn) {
  const std::string dsn = migrated_database();
  query(dsn, "SELECT halcyon.ensure_partition('equity_history', '2024-08-01')");
  const auto rows =
      query(dsn,
            "SELECT c.relname, coalesce(a.attname, '(the table)') "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "CROSS JOIN LATERAL (SELECT 0 AS attnum, NULL::name AS attname UNION ALL "
            "  SELECT attnum, attname FROM pg_attribute "
            "  WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a "
            "WHERE n.nspname = 'halcyon' AND c.relkind IN ('r', 'p', 'v', 'm') "
            "  AND coalesce(col_description(c.oid, a.attnum), obj_description(c.oid)) IS NULL "
            "   OR (n.nspname = 'halcyon' AND c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 "
            "       AND col_description(c.oid, a.attnum) IS NULL)");
  for (const auto& row : rows) ADD_FAILURE() << *row[0] << "." << *row[1] << " has no comment";
  // and there is something to explain
  EXPECT_GT(std::stoi(query_value(dsn,
                                  "SELECT count(*) FROM pg_tables "
                                  "WHERE schemaname = 'halcyon'")),
            20);
}

TEST(Schema, KeepsItsConventions) {
  const std::string dsn = migrated_database();
  const auto columns =
      query(dsn,
            "SELECT table_name, column_name, data_type, numeric_precision, numeric_scale "
            "FROM information_schema.columns WHERE table_schema = 'halcyon'");
  ASSERT_FALSE(columns.empty());
  for (const auto& column : columns) {
    const std::string name = *column[0] + "." + *column[1];
    const std::string type = *column[2];
    SCOPED_TRACE(name);
    EXPECT_TRUE(std::regex_match(*column[1], std::regex("[a-z][a-z0-9_]*")));
    EXPECT_EQ(type == "boolean", column[1]->starts_with("is_"));
    EXPECT_NE(type, "timestamp without time zone");
    EXPECT_NE(type, "double precision");
    EXPECT_NE(type, "character varying");
    if (type == "numeric") {
      // amounts, and numbers of 64 bits without a sign
      const std::string digits = column[3].value_or("") + "," + column[4].value_or("");
      EXPECT_TRUE(digits == "38,9" || digits == "20,0") << digits;
    }
    if (*column[1] == "id" && *column[0] != "schema_migrations") {
      EXPECT_EQ(type, "uuid");
    }
  }
}

TEST(Schema, ChecksTheClosedVocabulariesWordByWord) {
  // Given each column that holds an enumerator, and the enumerators
  const std::set<std::string> side = words_of<domain::Side>();
  const std::set<std::string> type = words_of<domain::OrderType>();
  const std::set<std::string> time_in_force = words_of<domain::TimeInForce>();
  const std::set<std::string> origin = words_of<domain::Origin>();
  const std::set<std::string> state = words_of<domain::OrderState>();
  const std::set<std::string> source = words_of<domain::Source>();
  const std::set<std::string> asset_class = words_of<domain::AssetClass>();
  const std::set<std::string> environment = words_of<config::Environment>();
  const std::set<std::string> mode = words_of<config::AccountMode>();
  struct Row {
    const char* table;
    const char* column;
    std::set<std::string> words;
  };
  const Row rows[] = {
      {"journal_names", "kind", words_of<domain::NameKind>()},
      {"journal_names", "asset_class", asset_class},
      {"accounts", "environment", environment},
      {"accounts", "mode", mode},
      {"instruments", "asset_class", asset_class},
      {"instruments", "status", words_of<domain::InstrumentStatus>()},
      {"definitions", "kind", words_of<domain::DefinitionKind>()},
      {"orders", "environment", environment},
      {"orders", "mode", mode},
      {"orders", "side", side},
      {"orders", "type", type},
      {"orders", "time_in_force", time_in_force},
      {"orders", "origin", origin},
      {"orders", "state", state},
      {"orders", "source", source},
      {"order_events", "state", state},
      {"order_events", "request_kind", words_of<domain::RequestKind>()},
      {"order_events", "request_state", words_of<domain::RequestState>()},
      {"order_events", "source", source},
      {"order_denials", "environment", environment},
      {"order_denials", "mode", mode},
      {"order_denials", "side", side},
      {"order_denials", "type", type},
      {"order_denials", "time_in_force", time_in_force},
      {"order_denials", "origin", origin},
      {"fills", "side", side},
      {"fills", "liquidity", words_of<domain::Liquidity>()},
      {"fills", "source", source},
      {"trading_states", "state", words_of<domain::TradingState>()},
      {"differences", "kind", words_of<domain::DifferenceKind>()},
      {"notices", "severity", words_of<domain::Severity>()},
      {"orders", "self_trade_mode", words_of<domain::SelfTradeMode>()},
      {"risk_alerts", "severity", words_of<domain::Severity>()},
      {"risk_alerts", "state", words_of<domain::TradingState>()},
      {"limit_overrides", "scope", words_of<domain::LimitLevel>()},
      {"trading_limits", "scope", words_of<domain::LimitLevel>()},
      {"credentials", "part", words_of<domain::CredentialPart>()},
      {"ticks", "aggressor", words_of<domain::Aggressor>()},
      {"venue_status", "stream", words_of<domain::StreamKind>()},
      {"venue_status", "state", words_of<domain::StreamState>()},
  };
  const std::string dsn = migrated_database();
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string{row.table} + "." + row.column);
    // When the column's check is read back
    const std::string check = query_value(
        dsn, "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'halcyon." +
                 std::string{row.table} + "'::regclass AND conname = '" + row.table + "_" +
                 row.column + "_check'");
    std::set<std::string> words;
    const std::regex quoted{"'([a-z0-9_]+)'::text"};
    for (std::sregex_iterator word{check.begin(), check.end(), quoted}, end; word != end; ++word) {
      words.insert((*word)[1]);
    }
    // Then it knows exactly the enumerators; a new one needs a migration
    EXPECT_EQ(words, row.words);
  }
}

TEST(Schema, TakesEveryReasonAndNoticeCodeByItsShape) {
  const std::string dsn = migrated_database();
  const std::string check = query_value(dsn,
                                        "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
                                        "WHERE conrelid = 'halcyon.notices'::regclass "
                                        "AND conname = 'notices_code_check'");
  EXPECT_NE(check.find("^[a-z][a-z0-9_]*$"), std::string::npos) << check;
  for (const std::string& word : words_of<domain::Reason>()) {
    EXPECT_TRUE(std::regex_match(word, std::regex("[a-z][a-z0-9_]*"))) << word;
  }
  for (const std::string& word : words_of<domain::NoticeCode>()) {
    EXPECT_TRUE(std::regex_match(word, std::regex("[a-z][a-z0-9_]*"))) << word;
  }
}
