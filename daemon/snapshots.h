#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/log.h"
#include "domain/time.h"
#include "engine/engine.h"

namespace halcyon::daemon {

/// Makes snapshots of the journal while it is written, and removes its files when nobody needs them
/// any more. Each snapshot is made the way a start would: from the one before and the frames behind
/// it, read from the disk, on a cold thread; the engine never knows. Starts no thread.
class Snapshots {
 public:
  /// After a failure (a full disk) the next attempt waits so long, unless somebody asks.
  static constexpr auto retry_after = std::chrono::seconds{30};
  static constexpr auto removal_interval = std::chrono::seconds{60};

  struct Setup {
    std::string directory;  ///< of the journal
    std::string daemon_name;
    std::uint64_t every_frames = 0;
    /// How long segments are kept although nobody needs them.
    domain::Duration keep{};
    /// A new engine, as a start makes it.
    std::function<std::unique_ptr<engine::Engine>()> make_engine;
    std::function<domain::Timestamp()> now;
    /// Journal::durable_sequence.
    std::function<std::uint64_t()> durable;
    /// The last sequence that PostgreSQL has; empty: there is none, and no segment is removed.
    std::function<std::uint64_t()> projected;
    std::function<void(LogLevel, std::string_view)> say;
  };

  /// `newest`: sequence of the snapshot that the start began with; 0: none.
  Snapshots(Setup setup, std::uint64_t newest);

  /// One turn: a snapshot when it is due or asked for, then removal. Returns how much it did.
  std::size_t run_once();
  /// A snapshot now, if there is anything new. False when it failed; it is said.
  bool make();
  /// A snapshot in the next turn. Any thread.
  void ask() { is_asked_ = true; }

  /// Readings for metrics. Any thread.
  struct Readings {
    std::atomic<std::uint64_t> newest{0};  ///< the sequence of the newest one
    std::atomic<std::uint64_t> made{0};
    std::atomic<std::uint64_t> failed{0};
    std::atomic<std::uint64_t> bytes{0};  ///< of the newest one that was made here
    std::atomic<std::uint64_t> duration_us{0};
    std::atomic<std::uint64_t> segments_removed{0};
    std::atomic<bool> is_failing{false};
  };
  const Readings& readings() const { return readings_; }

 private:
  void write();
  std::size_t remove_old();

  Setup setup_;
  Readings readings_;
  std::atomic<bool> is_asked_{false};
  std::chrono::steady_clock::time_point retry_at_;
  std::chrono::steady_clock::time_point remove_at_;
};

}  // namespace halcyon::daemon
