// Every row type round-trips: values are generated from the schema's own types and checks, written
// as the projector writes them, and read back equal (G18).

#include <map>
#include <random>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "persistence/postgres_connection.h"
#include "persistence/postgres_migrations.h"
#include "persistence/row_batch.h"
#include "tests/persistence/postgres_server.h"

using namespace halcyon;
using persistence::PostgresConnection;
using persistence::RowAction;
using persistence::RowKind;
using persistence::RowSet;
using persistence::TableSpec;
using tests::PostgresServer;
using tests::query;

namespace {

struct ColumnType {
  std::string type;
  int scale = 0;
  bool is_nullable = true;
  std::vector<std::string> words;  ///< of its check; empty: none
  bool is_word = false;            ///< any word of the shape of a reason
};
using Types = std::map<std::string, ColumnType>;

/// The types and checks of a table's columns, from the database.
Types types_of(const std::string& dsn, const std::string& table) {
  Types types;
  for (const auto& row : query(dsn,
                               "SELECT column_name, data_type, coalesce(numeric_scale, 0), "
                               "is_nullable = 'YES' FROM information_schema.columns "
                               "WHERE table_schema = 'halcyon' AND table_name = '" +
                                   table + "'")) {
    types[*row[0]] = {*row[1], std::stoi(*row[2]), *row[3] == "t", {}, false};
  }
  const std::regex quoted{"'([a-z0-9_]+)'::text"};
  for (const auto& row :
       query(dsn,
             "SELECT a.attname, pg_get_constraintdef(c.oid) FROM pg_constraint c "
             "JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] "
             "WHERE c.contype = 'c' AND c.conrelid = 'halcyon." +
                 table + "'::regclass AND cardinality(c.conkey) = 1")) {
    ColumnType& column = types[*row[0]];
    column.is_word = row[1]->find("^[a-z]") != std::string::npos;
    for (std::sregex_iterator word{row[1]->begin(), row[1]->end(), quoted}, end; word != end;
         ++word) {
      column.words.push_back((*word)[1]);
    }
  }
  return types;
}

class Generator {
 public:
  explicit Generator(unsigned seed) : source_(seed) {}

  std::uint64_t below(std::uint64_t bound) { return source_() % bound; }
  std::string digits(std::size_t count) {
    std::string text(1, static_cast<char>('1' + below(9)));
    while (text.size() < count) text += static_cast<char>('0' + below(10));
    return text;
  }
  std::string hex(std::size_t count) {
    std::string text;
    while (text.size() < count) text += "0123456789abcdef"[below(16)];
    return text;
  }
  std::string uuid() { return hex(8) + "-" + hex(4) + "-" + hex(4) + "-" + hex(4) + "-" + hex(12); }
  std::string value(const ColumnType& column) {
    if (!column.words.empty()) return column.words[below(column.words.size())];
    if (column.is_word) return "a_word_" + digits(1 + below(5));
    if (column.type == "uuid") return uuid();
    if (column.type == "boolean") return below(2) == 0 ? "t" : "f";
    if (column.type == "bigint") return digits(1 + below(18));
    if (column.type == "integer") return digits(1 + below(9));
    if (column.type == "numeric" && column.scale == 0) return digits(1 + below(20));
    if (column.type == "numeric") return digits(1 + below(29)) + "." + digits(9);
    if (column.type == "timestamp with time zone") {
      // The last digit is not zero: PostgreSQL prints no trailing ones.
      return "20" + digits(1) + digits(1) + "-0" + digits(1) + "-1" + digits(1) + " 1" + digits(1) +
             ":2" + digits(1) + ":3" + digits(1) + "." + digits(5) +
             static_cast<char>('1' + below(9)) + "+00";
    }
    if (column.type == "date")
      return "20" + digits(1) + digits(1) + "-0" + digits(1) + "-1" + digits(1);
    if (column.type == "jsonb") return "{\"key\": \"" + digits(5) + "\"}";
    if (column.type == "bytea") return "\\x" + hex(2 * (1 + below(96)));
    if (column.type == "text") return text();
    ADD_FAILURE() << "a type that this test cannot make: " << column.type;
    return {};
  }

 private:
  std::string text() {
    static const std::string pieces[] = {
        "a",  "Z",   " ",        "\t",           "\n", "\r", "\\", "'",
        "\"", "\\N", "\xC3\xBC", "\xE2\x82\xAC", ",",  "{",  "%",  "\xF0\x9F\x90\xA6",
        "\\."};
    std::string made;
    for (auto count = 1 + below(12); count > 0; --count) {
      made += pieces[below(std::size(pieces))];
    }
    return made;
  }
  std::mt19937_64 source_;
};

}  // namespace

TEST(RowTypes, EachRoundTripsWithValuesMadeFromTheSchema) {
  const std::string dsn = PostgresServer::shared().new_database();
  PostgresConnection connection;
  PostgresConnection::Options options;
  options.dsn = dsn;
  ASSERT_FALSE(connection.connect(options));
  std::size_t steps = 0;
  ASSERT_FALSE(persistence::migrate(connection, persistence::migrations(), steps));
  std::map<std::string, const TableSpec*> base;  // what makes a row of a table that is then changed
  for (std::size_t kind = 0; kind < persistence::row_kinds; ++kind) {
    const TableSpec& spec = persistence::spec_of(static_cast<RowKind>(kind));
    if (spec.action != RowAction::update) base[std::string{spec.table}] = &spec;
    if (spec.action != RowAction::append) {
      ASSERT_FALSE(connection.prepare(spec.statement, persistence::statement_of(spec)));
    }
  }
  Generator generator{20'241'120};
  for (std::size_t kind = 0; kind < persistence::row_kinds; ++kind) {
    const TableSpec& spec = persistence::spec_of(static_cast<RowKind>(kind));
    const std::string table{spec.table};
    SCOPED_TRACE(table + " " + std::string{spec.statement});
    const Types types = types_of(dsn, table);
    for (int round = 0; round < 20; ++round) {
      // Given a row with a value of its type in every column, and now and then none
      const std::string id = generator.uuid();
      const auto make = [&](const TableSpec& of) {
        std::vector<std::optional<std::string>> values;
        for (const auto& column : of.columns) {
          const auto type = types.find(std::string{column.name});
          EXPECT_NE(type, types.end()) << "no column " << column.name;
          if (type == types.end()) return values;
          if (column.name == "id") {
            values.emplace_back(id);
          } else if (type->second.is_nullable && generator.below(4) == 0) {
            values.emplace_back();
          } else {
            values.emplace_back(generator.value(type->second));
          }
        }
        return values;
      };
      const auto write = [&](const TableSpec& of,
                             const std::vector<std::optional<std::string>>& values) {
        RowSet rows{of};
        rows.start({}, *persistence::parse_uuid(id));
        for (std::size_t column = 1; column < values.size(); ++column) {
          values[column] ? rows.text(*values[column]) : rows.null();
        }
        rows.finish();
        if (of.action == RowAction::append) {
          std::string text;
          rows.copy_text(0, 1, text);
          return connection.copy(persistence::copy_statement_of(of), text);
        }
        std::vector<const char*> parameters;
        rows.parameters(0, parameters);
        std::size_t affected = 0;
        auto failed = connection.execute(of.statement, parameters, affected);
        EXPECT_EQ(affected, 1U);
        return failed;
      };
      if (spec.action == RowAction::update) {
        const auto failed = write(*base.at(table), make(*base.at(table)));
        ASSERT_FALSE(failed) << failed->words;
      }
      // When it is written as the projector does
      const auto values = make(spec);
      const auto failed = write(spec, values);
      ASSERT_FALSE(failed) << failed->words;
      // Then it reads back equal
      const auto found = query(dsn, "SELECT " + persistence::column_names(spec) + " FROM halcyon." +
                                        table + " WHERE id = '" + id + "'");
      ASSERT_EQ(found.size(), 1U);
      for (std::size_t column = 0; column < values.size(); ++column) {
        EXPECT_EQ(found[0][column], values[column]) << spec.columns[column].name;
      }
    }
  }
}

TEST(RowTypes, EveryColumnOfAProjectedTableIsWritten) {
  const std::string dsn = PostgresServer::shared().new_database();
  PostgresConnection connection;
  PostgresConnection::Options options;
  options.dsn = dsn;
  ASSERT_FALSE(connection.connect(options));
  std::size_t steps = 0;
  ASSERT_FALSE(persistence::migrate(connection, persistence::migrations(), steps));
  // Given what the projector writes, table by table
  std::map<std::string, std::set<std::string>> written;
  for (std::size_t kind = 0; kind < persistence::row_kinds; ++kind) {
    const TableSpec& spec = persistence::spec_of(static_cast<RowKind>(kind));
    for (const auto& column : spec.columns) {
      written[std::string{spec.table}].insert(std::string{column.name});
    }
  }
  // Then no column is without a writer, but for those that PostgreSQL makes of the others
  for (const auto& [table, columns] : written) {
    for (const auto& row : query(dsn,
                                 "SELECT column_name FROM information_schema.columns "
                                 "WHERE table_schema = 'halcyon' AND table_name = '" +
                                     table + "' AND is_generated = 'NEVER'")) {
      EXPECT_TRUE(columns.contains(*row[0])) << table << "." << *row[0];
    }
  }
}
