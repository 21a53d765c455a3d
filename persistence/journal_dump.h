#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "persistence/journal.h"

namespace halcyon::persistence {

/// One frame as one line of JSON, without the newline. Amounts, times and order ids are strings;
/// what is none (an id, a deadline that never comes) is null. Bytes of a text that are not UTF-8
/// become U+FFFD.
std::string dump_json(const FrameView& frame);

/// "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
std::string to_string(const JournalUuid& uuid);

/// What a look at every frame of a journal found.
struct Verified {
  JournalUuid uuid;
  std::uint64_t segments = 0;
  std::uint64_t frames = 0;
  std::uint64_t records = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  /// Behind the last good frame. A running daemon is writing there; without one it is a torn tail,
  /// which the next start cuts.
  std::uint64_t tail_bytes = 0;
  std::uint64_t snapshots = 0;          ///< that are whole and fit the journal
  std::uint64_t snapshot_sequence = 0;  ///< of the newest of them
  /// Snapshots that are of no use, a line each. Not damage: a start uses the one before.
  std::vector<std::string> refused_snapshots;
  /// Empty when all is well; else the damage, with file, offset and the mend. What is counted above
  /// is then zero.
  std::string damage;
};

/// Reads the whole journal in `directory`, also beside the daemon that writes it. Changes nothing.
Verified verify(const std::string& directory);

}  // namespace halcyon::persistence
