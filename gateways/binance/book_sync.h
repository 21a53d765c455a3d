#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "domain/event.h"
#include "domain/time.h"

namespace halcyon::gateways::binance {

/// Keeps one book whole: the procedure of section 4 as a state machine. It holds no book, only the
/// right to one: updates are passed on, dropped or kept back until a snapshot joins them. Pure: the
/// session asks for snapshots and tells what came.
///
///   down ─stream up→ collecting ─first update→ wanting ─asked→ asked ─snapshot fits→ synced
///                                       ↑ too old, failed, silent (pause) │                │ gap
///                                       └─────────────────────────────────┴────────────────┘
class BookSync {
 public:
  enum class State : std::uint8_t { down, collecting, wanting, asked, synced };

  /// Kept back at most: 20,000 events of 192 bytes, some minutes of a lively symbol.
  static constexpr std::size_t max_held_events = 20'000;
  static constexpr domain::Duration first_pause = std::chrono::milliseconds{250};
  static constexpr domain::Duration longest_pause = std::chrono::seconds{30};
  /// A snapshot that has not come by then will not come.
  static constexpr domain::Duration answer_time_out = std::chrono::seconds{30};

  /// What became of an update.
  enum class Verdict : std::uint8_t {
    apply,  ///< its events stay where they are
    drop,   ///< older than the book: its events are taken away
    hold,   ///< kept back until the snapshot comes
    gap,    ///< the book was valid and is not any more; the update begins a new buffer
  };

  /// What became of a snapshot.
  enum class Join : std::uint8_t { synced, too_old, not_wanted };

  struct Counters {
    std::uint64_t gaps = 0;
    std::uint64_t dropped = 0;    ///< updates older than the book
    std::uint64_t too_old = 0;    ///< snapshots older than the first kept update
    std::uint64_t overflows = 0;  ///< buffers thrown away
    std::uint64_t joined = 0;
  };

  State state() const { return state_; }
  bool is_synced() const { return state_ == State::synced; }
  std::uint64_t update_id() const { return update_id_; }
  const Counters& counters() const { return counters_; }
  /// Counts up whenever earlier snapshots lose their meaning; belongs into the request's tag.
  std::uint32_t generation() const { return generation_; }

  /// The stream is there: its first update starts the procedure.
  void on_stream_up();
  /// The stream is gone, or the engine wants a new book. True when the book was valid until now.
  bool on_stream_down();

  /// One update. Its run stands in `events` from `start` to the end; unless the verdict is `apply`
  /// it is taken away from there.
  Verdict on_update(std::uint64_t first_id, std::uint64_t last_id,
                    std::vector<domain::Event>& events, std::size_t start);

  /// Whether a snapshot should be asked for now; then `on_asked`.
  bool wants_snapshot(domain::Timestamp now) const {
    return state_ == State::wanting && now >= not_before_;
  }
  void on_asked(domain::Timestamp now);
  /// Puts off the next question: no budget now, the venue said wait.
  void put_off(domain::Timestamp until) { not_before_ = std::max(not_before_, until); }

  /// The snapshot: a run of levels. When it joins, appends BookReset, the levels, and the kept
  /// updates that are newer, to `out`.
  Join on_snapshot(std::uint64_t last_update_id, std::span<const domain::Event> levels,
                   domain::Timestamp now, std::vector<domain::Event>& out);
  void on_snapshot_failed(domain::Timestamp now);

  /// When `on_time` or a question is due.
  domain::Timestamp next_deadline() const;
  void on_time(domain::Timestamp now);

 private:
  struct Held {
    std::uint64_t first_id = 0;
    std::uint64_t last_id = 0;
    std::size_t events = 0;
  };
  void hold(std::uint64_t first_id, std::uint64_t last_id, std::vector<domain::Event>& events,
            std::size_t start);
  void forget_held();
  void pause(domain::Timestamp now);

  State state_ = State::down;
  std::uint64_t update_id_ = 0;
  std::uint32_t generation_ = 0;
  domain::Timestamp not_before_{};
  domain::Timestamp asked_at_{};
  domain::Duration pause_ = first_pause;
  std::vector<Held> held_;
  std::vector<domain::Event> held_events_;
  Counters counters_;
};

}  // namespace halcyon::gateways::binance
