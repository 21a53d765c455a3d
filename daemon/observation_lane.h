#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <variant>
#include <vector>

#include "config/config.h"
#include "daemon/lane.h"
#include "domain/event.h"
#include "engine/engine.h"
#include "persistence/observation.h"
#include "persistence/observation_writer.h"

namespace halcyon::daemon {

// How observations leave the threads that see them. Both ways are bounded; what does not fit is
// lost, the newest first, and counted by kind. Nobody ever waits.

/// Trades and quotes. More than five seconds of the recorded peak.
using SeenLane = Lane<domain::Event, 8192>;
using BookSeenLane = Lane<persistence::BookSeen, 256>;

/// Read by any thread.
using ObservationLosses = std::array<std::atomic<std::uint64_t>, persistence::observation_kinds>;

/// Thread: engine. Looks at the market events that the engine has handled, after everything that
/// they caused has left. Does not allocate, lock or wait.
class ObservationTap {
 public:
  ObservationTap(SeenLane::Writer seen, BookSeenLane::Writer books,
                 const config::Observations& settings, std::size_t instruments);

  void see(const domain::Event& event, const engine::Engine& engine);
  const ObservationLosses& losses() const { return losses_; }

 private:
  struct Row {
    domain::Timestamp next_quote, next_book;
    std::uint32_t trades_untold = 0;  ///< lost, and the reader does not know
  };
  void see_trade(const domain::Event& event, Row& row);
  void see_book(const domain::Event& event, const engine::Engine& engine);
  void lose(persistence::ObservationKind kind, std::uint64_t count = 1);

  SeenLane::Writer seen_;
  BookSeenLane::Writer books_;
  config::Observations settings_;
  std::vector<Row> rows_;  ///< by InstrumentId
  ObservationLosses losses_{};
};

/// What cold threads see: lines of the log, calls, how venues are. Any thread but a hot one: it
/// locks, and allocates.
class ColdObservations {
 public:
  using Seen = std::variant<persistence::LogSeen, persistence::VenueStatusSeen,
                            persistence::RateLimitSeen, persistence::ApiRequestSeen>;
  static constexpr std::size_t capacity = 8192;

  void push(Seen seen);
  /// Hands everything to the writer. Thread: the writer's.
  std::size_t drain(persistence::ObservationWriter& writer);
  const ObservationLosses& losses() const { return losses_; }

 private:
  std::mutex mutex_;
  std::vector<Seen> waiting_;
  std::vector<Seen> taken_;  ///< only the draining thread's
  ObservationLosses losses_{};
};

}  // namespace halcyon::daemon
