#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>

namespace halcyon::daemon {

/// What halcyonctl does with a journal's files: also while a daemon writes them, and without one.
/// Changes nothing.
struct JournalTask {
  enum class Verb : std::uint8_t { verify, dump, tail };
  Verb verb = Verb::verify;
  std::string directory;               ///< of the journal, or the data_dir above it
  std::optional<std::uint64_t> after;  ///< dump, tail: only what is behind this sequence
  std::uint64_t limit = 0;             ///< dump: so many frames at most; 0: all
  bool as_json = false;                ///< verify
};

/// The directory itself, or `journal` in it.
std::string journal_in(const std::string& directory);

/// Prints to `out`: what was found, or the frames as lines of JSON. `tail` begins with the newest
/// frames and follows until `is_stopped` says so or `out` is gone. Returns an exit code: 0 done,
/// 1 the journal is damaged or cannot be read; then it says why on stderr.
int run_journal_task(const JournalTask& task, std::FILE* out,
                     const std::function<bool()>& is_stopped = {});

}  // namespace halcyon::daemon
