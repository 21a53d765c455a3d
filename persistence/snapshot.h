#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "domain/record.h"
#include "domain/time.h"
#include "persistence/journal.h"

namespace halcyon::persistence {

// A snapshot: a journal that says the same in fewer records. `<directory>/snapshot-<sequence, 20
// digits>.hjs`, format version 1, little-endian:
//    0 "HALCYONS"
//    8 u32 format version
//   12 u32 bytes of this header
//   16 16 bytes journal UUID
//   32 u64 sequence: of the last frame that is in it
//   40 i64 received: of that frame, nanoseconds since the Unix epoch
//   48 i64 created, likewise
//   56 u64 bytes of the state
//   64 u64 bytes of the view
//   72 u32 CRC-32C of state and view
//   76 zeros
//  124 u32 CRC-32C of bytes 0 to 124
//  128 the state: dictionary frames of a journal (encoding.h), one behind the other
//      the view: bytes that only their maker knows
inline constexpr std::uint32_t snapshot_version = 1;
inline constexpr std::size_t snapshot_header_bytes = 128;
/// So many of the newest are kept: when the last one cannot be read, the one before is there, and
/// the journal behind it.
inline constexpr std::size_t snapshots_kept = 2;
inline constexpr std::uint64_t max_snapshot_bytes = 4ULL << 30;

struct SnapshotHead {
  JournalUuid uuid;
  std::uint64_t sequence = 0;  ///< it says what all frames up to this one say together
  domain::Timestamp received;  ///< of that frame
  domain::Timestamp created;
};

/// One snapshot as read: whole, and checked. Immutable, so any thread.
class Snapshot {
 public:
  /// Null, and `words` say why with the name, when the bytes are not a snapshot, are damaged, or
  /// were written by a newer daemon.
  static std::shared_ptr<const Snapshot> parse(const std::string& name,
                                               std::vector<std::uint8_t> bytes, std::string& words);
  static std::shared_ptr<const Snapshot> load(const std::string& path, std::string& words);

  const SnapshotHead& head() const { return head_; }
  std::uint64_t sequence() const { return head_.sequence; }
  std::size_t bytes() const { return bytes_.size(); }
  /// The durable state, in an order in which an engine applies it: names, definitions and every
  /// epoch too. Texts are valid as long as the snapshot.
  void each(const std::function<void(const domain::RecordEntry&)>& act) const;
  /// What the daemon's own fold added; empty: nothing.
  std::span<const std::uint8_t> view() const;

 private:
  Snapshot() = default;
  std::string walk(const std::function<void(const domain::RecordEntry&)>& act) const;

  SnapshotHead head_;
  std::vector<std::uint8_t> bytes_;
  std::uint64_t state_bytes_ = 0;
};

struct SnapshotFile {
  std::string path;
  std::uint64_t sequence = 0;
};

/// Newest first. Throws JournalError when the directory cannot be read.
std::vector<SnapshotFile> list_snapshots(const std::string& directory);

/// Writes one beside the journal: a temporary file, synced, read again and compared, renamed; so a
/// snapshot is there whole or not at all. Before that the journal's own files up to its sequence
/// are synced, so that no loss of power leaves a snapshot that is ahead of its journal. Throws
/// JournalError with words and leaves nothing behind. Thread: any cold one, one at a time.
SnapshotFile write_snapshot(const std::string& directory, const SnapshotHead& head,
                            std::span<const domain::RecordEntry> state,
                            std::span<const std::uint8_t> view);

/// One of the list; null, and `words` say why, unless it is whole, of this journal, and not ahead
/// of it.
std::shared_ptr<const Snapshot> load_fitting_snapshot(const std::string& directory,
                                                      const SnapshotFile& file, std::string& words);

/// The newest snapshot that is whole, of this journal, and not ahead of it. Null: none. Why others
/// are of no use is appended to `refused`, a line each.
std::shared_ptr<const Snapshot> find_snapshot(const std::string& directory,
                                              std::vector<std::string>& refused);

/// Removes all but the newest `keep`. Returns how many went.
std::size_t remove_snapshots(const std::string& directory, std::size_t keep = snapshots_kept);

/// Removes the segments that hold nothing behind `up_to`, that were full before `full_before`, and
/// that no kept snapshot needs; oldest first, never the last one. Returns how many went.
/// Throws JournalError when one cannot be removed.
std::size_t remove_segments(const std::string& directory, std::uint64_t up_to,
                            domain::Timestamp full_before);

// ---- Parts of a view ----------------------------------------------------------------------------

/// Appends numbers, texts and records to bytes, for a PartReader.
class PartWriter {
 public:
  template <class T>
  requires(std::is_integral_v<T> || std::is_enum_v<T>) void number(T value) {
    put(static_cast<std::uint64_t>(value));
  }
  void time(domain::Timestamp value) { put(static_cast<std::uint64_t>(domain::to_unix_ns(value))); }
  void text(std::string_view value);
  void record(const domain::Record& record, std::string_view words = {});

  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  void put(std::uint64_t value);
  std::vector<std::uint8_t> bytes_;
};

/// Reads what a PartWriter wrote. From the first thing that is wrong on it is bad, and all it gives
/// is empty.
class PartReader {
 public:
  explicit PartReader(std::span<const std::uint8_t> bytes) : left_(bytes) {}

  bool is_good() const { return is_good_; }
  bool is_at_end() const { return left_.empty(); }
  void fail() {
    is_good_ = false;
    left_ = {};
  }
  template <class T = std::uint64_t>
  T number() {
    return static_cast<T>(take_number());
  }
  domain::Timestamp time() { return domain::from_unix_ns(number<std::int64_t>()); }
  /// How many elements follow; bad when they could not be in what is left.
  std::size_t count();
  std::string text();
  /// Its words are valid as long as the bytes.
  domain::RecordEntry record();
  /// A record of one kind; another kind is bad.
  template <class Kind>
  Kind record_of() {
    const domain::RecordEntry entry = record();
    const auto* kind = std::get_if<Kind>(&entry.record);
    if (kind == nullptr) {
      fail();
      return {};
    }
    return *kind;
  }

 private:
  std::uint64_t take_number();
  std::span<const std::uint8_t> take(std::size_t size);
  std::span<const std::uint8_t> left_;
  bool is_good_ = true;
};

}  // namespace halcyon::persistence
