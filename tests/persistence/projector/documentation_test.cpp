// What docs/database.md tells people to type is run here.

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "persistence/projector.h"
#include "tests/persistence/postgres_server.h"
#include "tests/persistence/projector/trading_day.h"

using namespace halcyon;
using tests::MemoryJournal;
using tests::PostgresServer;
using tests::query;

namespace {

std::string documentation() {
  std::ifstream file(HALCYON_SOURCE_DIR "/docs/database.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> queries_in(const std::string& text) {
  std::vector<std::string> found;
  const std::string begin = "```sql\n";
  for (std::size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at)) {
    at += begin.size();
    found.push_back(text.substr(at, text.find("```", at) - at));
  }
  return found;
}

}  // namespace

TEST(DatabaseDocumentation, HasQueriesThatRunOnWhatTheProjectorWrites) {
  // Given a database with a day's trading
  const std::string dsn = PostgresServer::shared().new_database();
  MemoryJournal journal{1};
  trade(journal, 300, 41);
  std::vector<std::string> said;
  const auto projector = tests::ProjectorMaker{dsn, &journal, {}, &said}.make();
  domain::Timestamp now = journal.now();
  ASSERT_TRUE(tests::drain(*projector, now));
  // When each query of the document is run, then it is answered
  const auto queries = queries_in(documentation());
  ASSERT_GE(queries.size(), 10U);
  std::size_t with_rows = 0;
  for (const std::string& sql : queries) {
    SCOPED_TRACE(sql);
    EXPECT_NO_THROW(with_rows += query(dsn, sql).empty() ? 0U : 1U);
  }
  EXPECT_GE(with_rows, 4U);
}

TEST(DatabaseDocumentation, ListsEveryTable) {
  const std::string dsn = PostgresServer::shared().new_database();
  MemoryJournal journal{2};
  const auto projector = tests::ProjectorMaker{dsn, &journal, {}, nullptr}.make();
  domain::Timestamp now = journal.now();
  ASSERT_TRUE(tests::drain(*projector, now));
  const std::string text = documentation();
  for (const auto& row : query(dsn,
                               "SELECT c.relname FROM pg_class c "
                               "JOIN pg_namespace n ON n.oid = c.relnamespace "
                               "WHERE n.nspname = 'halcyon' AND c.relkind IN ('r', 'p') "
                               "  AND NOT c.relispartition")) {
    EXPECT_NE(text.find("`" + *row[0] + "`"), std::string::npos) << *row[0];
  }
}

TEST(DatabaseDocumentation, NamesARoleThatIsEnough) {
  // Given the role and database of the document: no superuser
  PostgresServer& server = PostgresServer::shared();
  query(server.dsn(), "CREATE ROLE plain LOGIN");
  query(server.dsn(), "CREATE DATABASE plain OWNER plain ENCODING 'UTF8' TEMPLATE template0");
  const std::string dsn = "host=" + server.directory() + " user=plain dbname=plain";
  // When a daemon uses it, then it makes its schema and writes a day
  MemoryJournal journal{3};
  trade(journal, 50, 42);
  const auto projector = tests::ProjectorMaker{dsn, &journal, {}, nullptr}.make();
  domain::Timestamp now = journal.now();
  ASSERT_TRUE(tests::drain(*projector, now));
  expect_exactly(journal, dsn);
}
