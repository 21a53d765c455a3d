#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

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
};

/// What a start found. Thrown as JournalError with words when the journal cannot be used.
struct Recovered {
  std::uint64_t last_sequence = 0;
  std::uint64_t frames = 0;
  std::uint64_t cut_bytes = 0;  ///< of a torn tail, cut at the last good frame
  bool is_new = false;
};

class JournalError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The writer. One frame an input: the input (unless it is market data), its remark and the records
/// it decided, under one CRC-32C, committed by its length word. Thread: engine, but for `prepare`.
class Journal {
 public:
  /// Opens or creates the journal, cuts a torn tail, and hands every record of it to `each`, oldest
  /// first. Throws JournalError: damage in the middle, a foreign file, no space.
  static std::unique_ptr<Journal> open(const JournalOptions& options, Recovered& recovered,
                                       const std::function<void(const domain::RecordEntry&)>& each);
  virtual ~Journal() = default;

  /// Appends one frame and commits it. Does not allocate, lock or call the kernel. False, and
  /// nothing is written, when there is no room (see `room`).
  virtual bool append(const domain::Event& input, std::string_view remark,
                      std::span<const domain::RecordEntry> records) noexcept = 0;
  /// `reserve`: the next segment cannot be had; only fills and cancels should be appended.
  virtual domain::JournalRoom room() const noexcept = 0;
  virtual std::uint64_t last_sequence() const noexcept = 0;
  /// Up to which sequence the journal survives what `sync` promises.
  virtual std::uint64_t durable_sequence() const noexcept = 0;
  virtual const JournalUuid& uuid() const noexcept = 0;

  /// Thread: helper. Makes the next segment ready, and syncs in mode "power". Returns how much it
  /// did. Call it every few milliseconds. On failure says so by `room` and `last_error`.
  virtual std::size_t prepare() = 0;
  virtual std::string last_error() const = 0;
};

/// One frame as read.
struct FrameView {
  std::uint64_t sequence = 0;
  domain::Timestamp received;
  bool has_input = false;  ///< false: market data or time decided these records
  domain::Event input;
  std::string_view remark;
  std::span<const domain::RecordEntry> records;
};

/// Follows a journal from another thread or process, also while it is written. Never changes it.
class JournalReader {
 public:
  /// Starts behind `after_sequence`. Throws JournalError when that sequence is not there any more,
  /// or the journal has not come so far ("a projection ahead of its journal").
  static std::unique_ptr<JournalReader> open(const std::string& directory,
                                             std::uint64_t after_sequence);
  virtual ~JournalReader() = default;
  /// The next committed frame, valid until the next call; false when there is none yet.
  /// Throws JournalError at damage.
  virtual bool next(FrameView& frame) = 0;
  virtual const JournalUuid& uuid() const = 0;
};

}  // namespace halcyon::persistence
