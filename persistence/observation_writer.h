#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "config/config.h"
#include "domain/event.h"
#include "domain/record.h"
#include "domain/time.h"
#include "persistence/journal.h"
#include "persistence/observation.h"

namespace halcyon::persistence {

struct ObservationLimits {
  /// Rows of one kind that wait for PostgreSQL; more are lost, the newest first.
  std::size_t waiting_rows = 20'000;
  std::size_t batch_rows = 2'000;  ///< a batch is written when one kind has so many
  domain::Duration batch_age = std::chrono::milliseconds{250};
  domain::Duration first_retry = std::chrono::milliseconds{200};  ///< doubles up to
  domain::Duration last_retry = std::chrono::seconds{10};
  domain::Duration repeat_words = std::chrono::seconds{60};
  domain::Duration retention_interval = std::chrono::hours{1};
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds answer_timeout{60'000};
};

struct ObservationSetup {
  std::string dsn;
  const config::Config* config = nullptr;  ///< read by the constructor only
  JournalUuid journal;
  std::uint32_t epoch = 0;  ///< of this start
  /// Likewise `Projector`.
  std::function<void(domain::Severity, std::string_view)> say;
  ObservationLimits limits;
};

/// Brings observations into PostgreSQL, on a connection of its own: whatever happens here, journal
/// rows do not wait. Rows are copied into a temporary table and inserted from there, with keys that
/// make a repeat harmless. Folds trades to candles of a minute. Also keeps the tables' partitions
/// and does the retention job.
///
/// Memory is bounded by `waiting_rows`. Starts no thread; `run_once` may wait for PostgreSQL.
class ObservationWriter {
 public:
  explicit ObservationWriter(ObservationSetup setup);
  ~ObservationWriter();
  ObservationWriter(const ObservationWriter&) = delete;
  ObservationWriter& operator=(const ObservationWriter&) = delete;

  /// A trade, a quote, or trades that were lost; anything else is passed over.
  void add(const domain::Event& market);
  void add(const BookSeen& book);
  void add(const LogSeen& line);
  void add(const VenueStatusSeen& status);
  void add(const RateLimitSeen& limit);
  void add(const ApiRequestSeen& request);

  /// One turn: connects, writes one batch, or does the retention job, when it is time to. Returns
  /// the rows written.
  std::size_t run_once(domain::Timestamp now);
  /// For a clean stop: a batch does not wait for its age.
  void hurry();
  /// Nothing waits.
  bool is_empty() const;
  /// Any thread: ends a wait for PostgreSQL at once. For the end of the program.
  void interrupt();

  /// Any thread; each by itself.
  struct Readings {
    std::array<std::atomic<std::uint64_t>, observation_kinds> written{};
    std::array<std::atomic<std::uint64_t>, observation_kinds> lost{};
    std::atomic<bool> is_connected{false};
  };
  const Readings& readings() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace halcyon::persistence
