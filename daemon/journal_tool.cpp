#include "daemon/journal_tool.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/table.h"
#include "persistence/journal.h"
#include "persistence/journal_dump.h"
#include "persistence/segment.h"

namespace halcyon::daemon {

namespace {

using nlohmann::json;
using persistence::JournalReader;

/// Between two looks at a journal that nothing was added to.
constexpr auto tail_rest = std::chrono::milliseconds{50};
constexpr int done = 0;
constexpr int failed = 1;

void say(std::string_view words) {
  std::fprintf(stderr, "halcyonctl: %s\n", printable(std::string{words}).c_str());
}

bool print(std::FILE* out, const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), out) == text.size();
}

int verify(const JournalTask& task, const std::string& directory, std::FILE* out) {
  const persistence::Verified found = persistence::verify(directory);
  json result{{"journal", directory},
              {"intact", found.damage.empty()},
              {"damage", found.damage.empty() ? json{} : json(found.damage)}};
  if (found.damage.empty()) {
    result["uuid"] = persistence::to_string(found.uuid);
    result["segments"] = found.segments;
    result["frames"] = found.frames;
    result["records"] = found.records;
    result["first_sequence"] = found.first_sequence;
    result["last_sequence"] = found.last_sequence;
    // Of a running daemon: what it is writing just now.
    result["bytes_behind_the_last_frame"] = found.tail_bytes;
  }
  result["snapshots"] = found.snapshots;
  result["snapshot_sequence"] = found.snapshots == 0 ? json{} : json(found.snapshot_sequence);
  result["refused_snapshots"] = found.refused_snapshots;
  print(out, task.as_json ? result.dump(2) + "\n" : print_object(result));
  for (const auto& words : found.refused_snapshots) {
    say(words + "; a start uses an older one, or the journal");
  }
  if (found.damage.empty()) return done;
  say(found.damage);
  return failed;
}

/// The sequence before the oldest frame that is there.
std::uint64_t before_first(const std::string& directory) {
  const auto segments = persistence::list_segments(directory);
  return segments.files.empty() ? 0 : segments.files.front().first_sequence - 1;
}

int dump(const JournalTask& task, const std::string& directory, std::FILE* out) {
  const std::uint64_t after = task.after.value_or(before_first(directory));
  const auto reader = JournalReader::open(directory, after, persistence::ReadUpTo::committed);
  persistence::FrameView frame;
  for (std::uint64_t count = 0; task.limit == 0 || count < task.limit; ++count) {
    if (!reader->next(frame)) break;
    if (!print(out, persistence::dump_json(frame) + "\n")) return failed;
  }
  return std::fflush(out) == 0 ? done : failed;
}

int tail(const JournalTask& task, const std::string& directory, std::FILE* out,
         const std::function<bool()>& is_stopped) {
  const auto segments = persistence::list_segments(directory).files;
  const std::uint64_t last_segment = segments.empty() ? 0 : segments.back().first_sequence - 1;
  const auto reader = JournalReader::open(directory, task.after.value_or(last_segment),
                                          persistence::ReadUpTo::committed);
  persistence::FrameView frame;
  // What was there before is passed over, but for what was asked for.
  while (!task.after && reader->next(frame)) {
  }
  while (!is_stopped || !is_stopped()) {
    bool has_new = false;
    while (reader->next(frame)) {
      has_new = true;
      if (!print(out, persistence::dump_json(frame) + "\n")) return failed;
    }
    if (has_new && std::fflush(out) != 0) return failed;
    std::this_thread::sleep_for(tail_rest);
  }
  return done;
}

}  // namespace

std::string journal_in(const std::string& directory) {
  std::error_code ignored;
  const std::string below = directory + "/journal";
  return std::filesystem::is_directory(below, ignored) ? below : directory;
}

int run_journal_task(const JournalTask& task, std::FILE* out,
                     const std::function<bool()>& is_stopped) {
  const std::string directory = journal_in(task.directory);
  try {
    switch (task.verb) {
      case JournalTask::Verb::verify:
        return verify(task, directory, out);
      case JournalTask::Verb::dump:
        return dump(task, directory, out);
      case JournalTask::Verb::tail:
        return tail(task, directory, out, is_stopped);
    }
  } catch (const persistence::JournalError& error) {
    say(error.what());
  }
  return failed;
}

}  // namespace halcyon::daemon
