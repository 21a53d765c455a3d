#include "daemon/snapshots.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "daemon/fold.h"
#include "persistence/journal.h"
#include "persistence/snapshot.h"

namespace halcyon::daemon {

using std::chrono::steady_clock;

Snapshots::Snapshots(Setup setup, std::uint64_t newest) : setup_(std::move(setup)) {
  readings_.newest = newest;
}

std::size_t Snapshots::run_once() {
  std::size_t did = 0;
  const auto now = steady_clock::now();
  const bool is_due =
      setup_.durable() >= readings_.newest + setup_.every_frames && now >= retry_at_;
  if (is_asked_.exchange(false) || is_due) {
    make();
    ++did;
  }
  if (did != 0 || now >= remove_at_) {
    did += remove_old();
    remove_at_ = now + removal_interval;
  }
  return did;
}

bool Snapshots::make() {
  if (setup_.durable() <= readings_.newest) return true;
  try {
    write();
    if (readings_.is_failing.exchange(false)) {
      setup_.say(LogLevel::info, "snapshots are made again");
    }
    return true;
  } catch (const std::exception& error) {
    ++readings_.failed;
    retry_at_ = steady_clock::now() + retry_after;
    if (!readings_.is_failing.exchange(true)) {
      setup_.say(LogLevel::error,
                 fmt::format("{}; trading goes on, and the next start reads more of the journal",
                             error.what()));
    }
    return false;
  }
}

void Snapshots::write() {
  const auto started = steady_clock::now();
  std::vector<std::string> refused;
  const auto before = persistence::find_snapshot(setup_.directory, refused);
  for (const auto& words : refused) setup_.say(LogLevel::warning, words);
  const std::uint64_t target = setup_.durable();
  {
    Fold fold{setup_.make_engine(), setup_.daemon_name};
    if (before != nullptr) fold.begin_with(*before);
    if (fold.sequence() < target) {
      const auto reader = persistence::JournalReader::open(setup_.directory, fold.sequence());
      persistence::SnapshotHead head;
      head.uuid = reader->uuid();
      persistence::FrameView frame;
      while (fold.sequence() < target && reader->next(frame)) fold.apply(frame);
      head.sequence = fold.sequence();
      head.received = fold.received();
      head.created = setup_.now();
      const auto made =
          persistence::write_snapshot(setup_.directory, head, fold.state(), fold.view());
      readings_.bytes = std::filesystem::file_size(made.path);
      ++readings_.made;
    }
    readings_.newest = fold.sequence();
  }
  persistence::remove_snapshots(setup_.directory);
  readings_.duration_us = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - started).count());
}

std::size_t Snapshots::remove_old() {
  if (!setup_.projected) return 0;
  // The projector looks again at the frame of its position, so that one stays too.
  const std::uint64_t projected = setup_.projected();
  if (projected == 0) return 0;
  try {
    const std::size_t removed =
        persistence::remove_segments(setup_.directory, projected - 1, setup_.now() - setup_.keep);
    if (removed != 0) {
      readings_.segments_removed += removed;
      setup_.say(LogLevel::info,
                 fmt::format("{} segments of the journal were removed: they are in a snapshot and "
                             "in PostgreSQL, and older than journal.keep_days",
                             removed));
    }
    return removed;
  } catch (const std::exception& error) {
    setup_.say(LogLevel::warning, error.what());
    return 0;
  }
}

}  // namespace halcyon::daemon
