#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

namespace halcyon::daemon {

/// What halcyonctl does with the database itself: with or without a running daemon. Where it is,
/// and where the journal is, says the daemon's configuration.
struct DatabaseTask {
  enum class Verb : std::uint8_t { status, migrate, verify };
  Verb verb = Verb::status;
  std::string config_file;
  bool as_json = false;
  std::size_t limit = 100;  ///< verify: differences that are shown
};

/// Prints to `out`. Returns an exit code: 0 done, and verify found no difference; 1 it failed, or
/// there are some, which is said on stderr.
int run_database_task(const DatabaseTask& task, std::FILE* out);

}  // namespace halcyon::daemon
