#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "persistence/postgres_connection.h"

namespace halcyon::persistence {

/// One numbered step of the schema, forward only. Its text is part of the program.
struct Migration {
  std::uint32_t number = 0;  ///< counts from 1 without holes
  std::string_view name;     ///< the file's, without number and ending
  std::string_view sql;
};

/// All of persistence/migrations, in order.
std::span<const Migration> migrations();

/// SHA-256 of a migration's text, in hexadecimal, as halcyon.schema_migrations keeps it.
std::string checksum(const Migration& migration);

/// Brings the schema `halcyon` to the newest of `known`: each step in a transaction of its own,
/// under an advisory lock, so that two daemons at once are fine. Refuses with words a schema that
/// is newer than `known`, or one made by another text of a step: nothing is changed then.
/// `applied`: how many steps were taken.
[[nodiscard]] PostgresOutcome migrate(PostgresConnection& connection,
                                      std::span<const Migration> known, std::size_t& applied);

/// Whether the schema is exactly the newest of `known`; else why not, in words. Changes nothing.
[[nodiscard]] PostgresOutcome check_schema(PostgresConnection& connection,
                                           std::span<const Migration> known);

}  // namespace halcyon::persistence
