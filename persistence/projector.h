#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "config/config.h"
#include "domain/record.h"
#include "domain/time.h"
#include "persistence/journal.h"

namespace halcyon::persistence {

/// Where a projector takes its frames from: a journal, or a test's memory.
class FrameSource {
 public:
  virtual ~FrameSource() = default;
  /// Goes on behind `after_sequence`; called again after a loss. Throws JournalError when that
  /// sequence is not there any more, or the journal has not come so far.
  virtual void open(std::uint64_t after_sequence) = 0;
  /// The next frame, valid until the next call; false when there is none yet. Throws JournalError.
  virtual bool next(FrameView& frame) = 0;
  /// After `open`.
  virtual const JournalUuid& uuid() const = 0;
};

/// The frames of the journal in `directory`, also while it is written.
std::unique_ptr<FrameSource> journal_frames(std::string directory,
                                            ReadUpTo up_to = ReadUpTo::durable);

struct ProjectorLimits {
  std::size_t batch_rows = 1000;        ///< a batch ends with the frame that reaches it
  std::size_t batch_bytes = 4UL << 20;  ///< likewise
  domain::Duration batch_age = std::chrono::milliseconds{3};
  domain::Duration idle_poll = std::chrono::milliseconds{2};
  domain::Duration first_retry = std::chrono::milliseconds{100};  ///< doubles up to
  domain::Duration last_retry = std::chrono::seconds{5};
  domain::Duration repeat_words = std::chrono::seconds{30};  ///< while nothing changes
  domain::Duration slow_after = std::chrono::seconds{10};    ///< behind so long is said
  domain::Duration alarm_after = std::chrono::minutes{1};    ///< and so long is an alarm
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds answer_timeout{15'000};
};

struct ProjectorSetup {
  std::string dsn;
  const config::Config* config = nullptr;  ///< read by the constructor only
  JournalUuid journal;                     ///< Journal::uuid of the journal that `frames` reads
  std::unique_ptr<FrameSource> frames;
  /// The newest sequence of the journal, for the backlog; called by the projector's thread. Empty:
  /// the backlog is what has been read and not yet written.
  std::function<std::uint64_t()> newest_sequence;
  /// What a person should know: one line, without a "postgres:" before it, which is the log's.
  /// Called by the projector's thread.
  std::function<void(domain::Severity, std::string_view)> say;
  ProjectorLimits limits;
};

/// Brings a journal into PostgreSQL, every record exactly once: the rows and the journal position
/// are written in one transaction, and a start goes on from the position that PostgreSQL has.
///
/// Nothing waits for it. While PostgreSQL cannot be reached the backlog is the journal on disk;
/// memory holds one batch. A row that PostgreSQL refuses is set aside in halcyon.rejected_rows with
/// its reason. A projection that is ahead of its journal, or of another past, stops with words.
///
/// Starts no thread. `run_once` may wait for PostgreSQL, within the limits: give it a cold thread.
class Projector {
 public:
  /// Does not connect yet.
  explicit Projector(ProjectorSetup setup);
  ~Projector();
  Projector(const Projector&) = delete;
  Projector& operator=(const Projector&) = delete;

  /// One turn: connects when it is time to, reads frames, writes at most one batch. Returns the
  /// frames read and rows written; 0: rest until `next_deadline`. `now` is of the clock that the
  /// frames' `received` is of.
  std::size_t run_once(domain::Timestamp now);
  domain::Timestamp next_deadline() const;

  /// For a clean stop: from now on a batch does not wait for more frames. Call `run_once` until
  /// `is_caught_up` or the patience ends.
  void hurry();
  /// All that the source has is in PostgreSQL.
  bool is_caught_up() const;
  /// Any thread: ends a wait for PostgreSQL at once; the connection is given up, nothing is lost.
  /// For the end of the program.
  void interrupt();

  /// Readings for metrics. Any thread; each by itself.
  struct Readings {
    std::atomic<std::uint64_t> position{0};         ///< the last sequence that is in PostgreSQL
    std::atomic<std::uint64_t> backlog_records{0};  ///< journal sequences behind it
    std::atomic<std::uint64_t> backlog_ms{0};       ///< age of the oldest of them
    std::atomic<std::uint64_t> rows{0};             ///< written since the start
    std::atomic<std::uint64_t> batches{0};
    std::atomic<std::uint64_t> rejected_rows{0};  ///< set aside since the start
    std::atomic<std::uint64_t> connects{0};
    std::atomic<bool> is_connected{false};
    std::atomic<bool> is_alarmed{false};  ///< behind for longer than `alarm_after`
    std::atomic<bool> is_stopped{false};  ///< it gave up with words; a person is needed
  };
  const Readings& readings() const;
  /// Why it is stopped; empty while it is not. Thread: the projector's.
  const std::string& stop_words() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace halcyon::persistence
