#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "persistence/journal.h"
#include "persistence/postgres_connection.h"
#include "persistence/projector.h"
#include "persistence/snapshot.h"

namespace halcyon::persistence {

/// What `halcyonctl db status` shows.
struct DatabaseStatus {
  struct Projection {
    std::string daemon, journal, updated_at;
    bool is_current = false;
    std::uint64_t position = 0;
    std::uint64_t set_aside = 0;  ///< rows that PostgreSQL refused
  };
  std::string where;          ///< host and database
  std::string server;         ///< its version
  std::size_t schema = 0;     ///< steps that are there
  std::size_t known = 0;      ///< steps that this program knows
  std::string schema_words;   ///< why this program may not use the schema; empty: it may
  std::string partitions;     ///< "plain PostgreSQL", or "TimescaleDB"
  std::string missing_roles;  ///< names; empty: all are there
  std::uint64_t commands_waiting = 0;
  std::vector<Projection> projections;
};
[[nodiscard]] PostgresOutcome read_status(PostgresConnection& connection, DatabaseStatus& status);

/// Migrates and grants the roles their rights, as the daemon does at its start. `words`: how the
/// roles went.
[[nodiscard]] PostgresOutcome bring_up_to_date(PostgresConnection& connection, std::size_t& steps,
                                               std::string& words);

/// One row that is not as the journal says.
struct Difference {
  std::string table;
  std::string id;
  std::string what;  ///< missing, set aside, extra, or the columns that differ: theirs and ours
};

struct VerifyResult {
  std::uint64_t position = 0;      ///< up to which journal sequence it was compared
  std::uint64_t begins_after = 0;  ///< the journal's files hold nothing up to here
  std::uint64_t snapshot = 0;      ///< the sequence of the one that states were compared with
  std::uint64_t rows = 0;          ///< that the journal makes
  std::uint64_t difference_count = 0;
  std::vector<Difference> differences;  ///< the first of them
  std::string stopped;  ///< why it could not be compared to the end; empty: it could
};

/// Replays the journal into temporary tables, up to the position that PostgreSQL has, and compares
/// them with the tables: in one snapshot, so a live daemon does not disturb it, and nothing is
/// changed. What rows say beside the journal (names of the configuration, times of writing) is left
/// out, as is what is older than its table keeps.
///
/// Where the journal's first segments are gone (`begins_after` is not 0), appended rows are
/// compared behind them, and the last states with what `snapshot` and the frames behind it say: all
/// but times, texts and sequences, which a snapshot does not keep, and equity_daily, which rests on
/// every mark of its day. Without a snapshot (null) no state is compared.
[[nodiscard]] PostgresOutcome verify_projection(PostgresConnection& connection, FrameSource& frames,
                                                std::uint64_t begins_after,
                                                const Snapshot* snapshot,
                                                const JournalUuid& journal,
                                                const config::Config& config,
                                                std::size_t most_differences, VerifyResult& result);

}  // namespace halcyon::persistence
