#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "domain/catalog.h"
#include "domain/event.h"
#include "domain/record.h"

namespace halcyon::persistence {

/// 16 bytes that name a journal for ever.
struct JournalUuid {
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const JournalUuid&, const JournalUuid&) = default;
};

struct JournalOptions {
  std::string directory;                      ///< data_dir/journal
  std::uint64_t segment_bytes = 64ULL << 20;  ///< allocated and write-touched ahead
  /// What `durable_sequence` promises. False: a frame is in the page cache and survives the death
  /// of the process. True: it is on disk and survives the loss of power.
  bool sync_power = false;
};

/// 4 KiB to 1 GiB: what `JournalOptions::segment_bytes` may be; rounded up to whole pages.
inline constexpr std::uint64_t min_segment_bytes = 4096;
inline constexpr std::uint64_t max_segment_bytes = 1ULL << 30;
/// The greatest frame that a journal takes; a quarter of the segment where that is less. All names
/// together, and a configuration's text, take a quarter of this each.
inline constexpr std::uint64_t max_frame_bytes = 4ULL << 20;
/// What is left of a segment when `room` turns to `reserve` for want of a next one; a quarter of
/// the segment where that is less.
inline constexpr std::uint64_t reserve_bytes = 1ULL << 20;

class Snapshot;

/// What a start found. Thrown as JournalError with words when the journal cannot be used.
struct Recovered {
  std::uint64_t last_sequence = 0;
  std::uint64_t frames = 0;  ///< that were read: behind the snapshot, or all
  /// Where the start began; null: with the first frame.
  std::shared_ptr<const Snapshot> snapshot;
  /// Snapshots that could not be used, a line each: an older one, or the journal, was read instead.
  std::vector<std::string> refused_snapshots;
  std::uint64_t cut_bytes = 0;  ///< of a torn tail, cut at the last good frame
  bool is_new = false;
};

class JournalError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The writer. One frame an input: the input (unless it is market data), its remark and the records
/// it decided, under one CRC-32C, committed by its length word. Thread: engine, but for `prepare`,
/// `sync` and `last_error` (helpers) and the atomic readings `room`, `last_sequence`,
/// `durable_sequence` (any).
///
/// Files: `<directory>/<first sequence, 20 digits>.hjl`, `next.hjl` (made ready, not yet in use),
/// `lock`, snapshots (snapshot.h). Mapped memory: a committed frame is in the page cache at once.
class Journal {
 public:
  /// Opens or creates the journal, cuts a torn tail, and hands its records to `each`: those of the
  /// newest snapshot that is whole, then those of every frame behind it, oldest first; without a
  /// snapshot all. A record's text is valid during the call. Holds the lock of the directory until
  /// the end. Throws JournalError, in words with file, offset and the mend: damage in the middle, a
  /// missing segment, a foreign or newer file, another daemon (with its process id), no space.
  static std::unique_ptr<Journal> open(const JournalOptions& options, Recovered& recovered,
                                       const std::function<void(const domain::RecordEntry&)>& each);
  virtual ~Journal() = default;

  /// Appends one frame and commits it. Does not allocate, lock or call the kernel. False, and
  /// nothing is written, when there is no room; the same frame may be tried again later. Market
  /// data and time without records are no frame: true, and nothing is written.
  ///
  /// In the reserve (the segment is nearly full and there is no next one) every frame is still
  /// taken until the segment is full, but for one kind: refused orders (OrderDenied) that market
  /// data or time brought up. They change nothing, so they are left out and counted; true.
  virtual bool append(const domain::Event& input, std::string_view remark,
                      std::span<const domain::RecordEntry> records) noexcept = 0;
  /// `reserve`: the next segment cannot be had, or syncing fails; only fills and cancels should be
  /// appended. Turns back to `open` by itself when the cause is mended.
  virtual domain::JournalRoom room() const noexcept = 0;
  virtual std::uint64_t last_sequence() const noexcept = 0;
  /// Up to which sequence the journal survives what `JournalOptions::sync_power` says.
  virtual std::uint64_t durable_sequence() const noexcept = 0;
  virtual const JournalUuid& uuid() const noexcept = 0;

  /// Thread: helper. Makes the next segment ready a piece at a time, and syncs in mode "power".
  /// Returns how much it did. Call it every few milliseconds. On failure says so by `room` and
  /// `last_error`, and tries again in a later call.
  virtual std::size_t prepare() = 0;
  /// Group commit: brings on disk what is committed, and moves `durable_sequence`. False when that
  /// failed. `prepare` does it too; for a thread that does nothing else. In mode "process" nobody
  /// waits for it and `prepare` does not: called now and then it learns whether the disk still
  /// takes what is written, and until it does `room` is `reserve`.
  virtual bool sync() = 0;
  /// Empty when all is well.
  virtual std::string last_error() const = 0;
  /// Frames of refused orders that were left out in the reserve.
  virtual std::uint64_t left_out() const noexcept = 0;
};

/// One frame as read.
struct FrameView {
  std::uint64_t sequence = 0;
  domain::Timestamp received;
  /// Names and definitions said again at the head of a segment. They change nothing, and their
  /// sequence is that of the frame before: a projection passes over them. JournalReader does.
  bool is_dictionary = false;
  bool has_input = false;        ///< false: market data or time decided these records
  std::uint16_t input_type = 0;  ///< index in Event::What, also without an input
  /// Without an input only its head (sequence, times, ids); `remark` is never set here.
  domain::Event input;
  std::string_view remark;
  std::span<const domain::RecordEntry> records;
};

/// How far a reader goes. `durable`: what the journal promises to keep; a projection must not know
/// more than its journal does after a loss of power. `committed`: everything that is written.
enum class ReadUpTo : std::uint8_t { durable, committed };

/// Follows a journal from another thread or process, also while it is written. Never changes it.
/// Memory: one frame, or 256 KiB. Thread: one at a time.
class JournalReader {
 public:
  /// Starts behind `after_sequence`. Throws JournalError when that sequence is not there any more,
  /// or the journal has not come so far ("a projection ahead of its journal").
  static std::unique_ptr<JournalReader> open(const std::string& directory,
                                             std::uint64_t after_sequence,
                                             ReadUpTo up_to = ReadUpTo::durable);
  virtual ~JournalReader() = default;
  /// The next committed frame, valid until the next call; false when there is none yet. Passes over
  /// dictionaries. Throws JournalError at damage; then it stays where it is.
  virtual bool next(FrameView& frame) = 0;
  virtual const JournalUuid& uuid() const = 0;
};

}  // namespace halcyon::persistence
