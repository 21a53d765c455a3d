#include "persistence/postgres_migrations.h"

#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "domain/check.h"

namespace halcyon::persistence {

namespace {

/// Our advisory lock on the schema; the number is only ours by convention ("halcyon" in ASCII).
constexpr std::string_view schema_lock = "SELECT pg_advisory_xact_lock(29379829713563502)";

constexpr std::string_view bootstrap = R"(
CREATE SCHEMA IF NOT EXISTS halcyon;
COMMENT ON SCHEMA halcyon IS 'What the Halcyon daemons did; a projection of their journals';
CREATE TABLE IF NOT EXISTS halcyon.schema_migrations (
  number integer PRIMARY KEY,
  name text NOT NULL,
  sha256 text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE halcyon.schema_migrations IS 'The steps that made this schema';
COMMENT ON COLUMN halcyon.schema_migrations.number IS 'Counts the steps from 1';
COMMENT ON COLUMN halcyon.schema_migrations.name IS 'What the step is about';
COMMENT ON COLUMN halcyon.schema_migrations.sha256 IS
  'Of the step''s text: a daemon whose text differs refuses this schema';
COMMENT ON COLUMN halcyon.schema_migrations.applied_at IS 'When, by the server''s clock';
)";

PostgresFailure refused(std::string words) {
  return {PostgresFailure::Blame::server, {}, std::move(words)};
}

/// How many of `known` are there; or why this schema is not ours to use.
PostgresOutcome count_applied(PostgresConnection& connection, std::span<const Migration> known,
                              std::size_t& count, bool& has_table) {
  count = 0;
  PostgresRows rows;
  if (auto failed =
          connection.run("SELECT to_regclass('halcyon.schema_migrations') IS NOT NULL", &rows)) {
    return failed;
  }
  has_table = rows.at(0).at(0) == "t";
  if (!has_table) return {};
  if (auto failed = connection.run(
          "SELECT number, name, sha256 FROM halcyon.schema_migrations ORDER BY number", &rows)) {
    return failed;
  }
  for (const auto& row : rows) {
    const std::string number = row[0].value_or("");
    const std::string name = row[1].value_or("");
    if (count == known.size()) {
      return refused(fmt::format(
          "the schema halcyon of {} is newer than this daemon: it has step {} ({}), the daemon "
          "knows {}; run the newer daemon, or give this one another database",
          connection.where(), number, name, known.size()));
    }
    const Migration& step = known[count];
    if (number != std::to_string(step.number)) {
      return refused(
          fmt::format("the schema halcyon of {} has step {} where step {} should be; "
                      "restore halcyon.schema_migrations",
                      connection.where(), number, step.number));
    }
    if (row[2] != checksum(step)) {
      return refused(fmt::format(
          "the schema halcyon of {} was made by another text of step {} ({}): sha256 {} there, {} "
          "here; run the daemon that made it, or give this one another database",
          connection.where(), number, name, row[2].value_or(""), checksum(step)));
    }
    ++count;
  }
  return {};
}

}  // namespace

std::string checksum(const Migration& migration) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  HALCYON_CHECK(EVP_Digest(migration.sql.data(), migration.sql.size(), digest.data(), &length,
                           EVP_sha256(), nullptr) == 1,
                "SHA-256 is there");
  std::string out;
  for (unsigned index = 0; index < length; ++index) out += fmt::format("{:02x}", digest[index]);
  return out;
}

PostgresOutcome migrate(PostgresConnection& connection, std::span<const Migration> known,
                        std::size_t& applied) {
  applied = 0;
  std::size_t count = 0;
  bool has_table = false;
  if (auto failed = count_applied(connection, known, count, has_table)) return failed;
  while (count < known.size()) {
    // Under the lock everything is looked at again: another daemon may have been quicker.
    const auto step = [&]() -> PostgresOutcome {
      if (auto failed = connection.run("BEGIN; SET LOCAL statement_timeout = 0; "
                                       "SET LOCAL lock_timeout = 0; " +
                                       std::string{schema_lock})) {
        return failed;
      }
      if (auto failed = count_applied(connection, known, count, has_table)) return failed;
      if (!has_table) {
        if (auto failed = connection.run(std::string{bootstrap})) return failed;
      }
      if (count == known.size()) return connection.run("COMMIT");
      const Migration& next = known[count];
      if (auto failed = connection.run(std::string{next.sql})) {
        failed->words =
            fmt::format("step {} ({}) of the schema: {}", next.number, next.name, failed->words);
        return failed;
      }
      const std::string number = std::to_string(next.number);
      const std::string name{next.name};
      const std::string sha256 = checksum(next);
      const char* const parameters[] = {number.c_str(), name.c_str(), sha256.c_str()};
      if (auto failed = connection.query(
              "INSERT INTO halcyon.schema_migrations (number, name, sha256) VALUES ($1, $2, $3)",
              parameters)) {
        return failed;
      }
      if (auto failed = connection.run("COMMIT")) return failed;
      ++count;
      ++applied;
      return {};
    };
    if (auto failed = step()) {
      if (connection.is_open()) {
        if (auto worse = connection.run("ROLLBACK")) return worse;
      }
      return failed;
    }
  }
  return {};
}

PostgresOutcome check_schema(PostgresConnection& connection, std::span<const Migration> known) {
  std::size_t count = 0;
  bool has_table = false;
  if (auto failed = count_applied(connection, known, count, has_table)) return failed;
  if (count == known.size()) return {};
  return refused(
      fmt::format("the schema halcyon of {} has {} of {} steps; run `halcyonctl db "
                  "migrate`, or start the daemon",
                  connection.where(), count, known.size()));
}

}  // namespace halcyon::persistence
