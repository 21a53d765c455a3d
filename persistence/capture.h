#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "domain/event.h"
#include "persistence/journal.h"
#include "persistence/segment.h"

namespace halcyon::persistence {

// A capture: what an engine heard and a journal does not hold, market data and time. Each event
// bears the sequence of the journal's next frame, so that the two together are everything that the
// engine heard, in its order.
//
// Files `<directory>/capture-<sequence, 20 digits>-<number, 6 digits>.hjc`, little-endian: the
// sequence is that of the run's first frame, numbers count from 1 within a run.
//    0 "HALCYONC"
//    8 u32 format version
//   12 u32 bytes of this header
//   16 16 bytes journal UUID
//   32 u64 sequence of the run's first frame
//   40 u64 number of the file
//   48 zeros
//   60 u32 CRC-32C of bytes 0 to 60
//   64 blocks, each by itself:
//        0 u32 bytes behind this header, compressed (zstd)
//        4 u32 bytes when they are not
//        8 u64 events of the run before this block; a jump: some were lost
//       16 u32 events
//       20 u32 CRC-32C of bytes 0 to 20 and of the compressed bytes
inline constexpr std::uint32_t capture_version = 1;
inline constexpr std::size_t capture_header_bytes = 64;
inline constexpr std::size_t capture_block_header_bytes = 24;
/// A block is written when it is as long as this, or at `CaptureWriter::flush`.
inline constexpr std::size_t capture_block_bytes = 256UL << 10;
inline constexpr std::size_t max_capture_block_bytes = 1UL << 20;
/// A file is full when it is as long as this.
inline constexpr std::uint64_t capture_file_bytes = 64ULL << 20;

struct CaptureOptions {
  std::string directory;        ///< made when it is not there
  std::uint64_t max_bytes = 0;  ///< of all files; the oldest go first
  JournalUuid uuid;
  std::uint64_t first_sequence = 0;  ///< of the run's first frame
};

/// Writes the capture of one run. Failing costs events, counted and told to the reader, and nothing
/// else. Thread: one cold one.
class CaptureWriter {
 public:
  explicit CaptureWriter(CaptureOptions options);
  ~CaptureWriter();
  CaptureWriter(const CaptureWriter&) = delete;
  CaptureWriter& operator=(const CaptureWriter&) = delete;

  /// `event.remark` says how many events were lost before this one.
  void add(const domain::Event& event);
  /// Writes the block that is begun.
  void flush();

  std::uint64_t events() const { return events_; }
  std::uint64_t lost() const { return lost_; }    ///< could not be written
  std::uint64_t bytes() const { return bytes_; }  ///< written by this run
  /// Empty when all is well.
  const std::string& last_error() const { return last_error_; }

 private:
  bool open_file();
  bool write(std::span<const std::uint8_t> bytes);
  void make_room();

  CaptureOptions options_;
  void* compressor_ = nullptr;
  File file_;
  std::string path_;
  std::uint64_t file_number_ = 0;
  std::uint64_t file_bytes_ = 0;
  std::vector<std::uint8_t> block_;
  std::vector<std::uint8_t> packed_;
  std::uint32_t count_ = 0;   ///< in the block
  std::uint64_t before_ = 0;  ///< events of the run before the block
  std::uint64_t events_ = 0, lost_ = 0, bytes_ = 0;
  std::string last_error_;
};

/// Reads the capture of one run. Thread: one.
class CaptureReader {
 public:
  /// Null: there is none of this run.
  static std::unique_ptr<CaptureReader> open(const std::string& directory, const JournalUuid& uuid,
                                             std::uint64_t first_sequence);
  ~CaptureReader();
  CaptureReader(const CaptureReader&) = delete;
  CaptureReader& operator=(const CaptureReader&) = delete;

  /// The next event. False at the end, or at what cannot be read: then `words` say so.
  /// `has_gap`: events were lost before this one.
  bool next(domain::Event& event, bool& has_gap);
  const std::string& words() const { return words_; }

  /// One file's bytes, from the beginning; for tests. Empty, and `words`, when it is none.
  static std::vector<domain::Event> parse(std::span<const std::uint8_t> bytes, std::string& words);

 private:
  CaptureReader() = default;
  bool next_block();
  static std::string unpack(std::span<const std::uint8_t> file, std::size_t& offset,
                            std::vector<std::uint8_t>& block, std::uint64_t& before,
                            std::uint32_t& count);

  std::vector<std::string> files_;
  JournalUuid uuid_;
  std::size_t file_index_ = 0;
  std::vector<std::uint8_t> file_;
  std::size_t offset_ = 0;
  std::vector<std::uint8_t> block_;
  std::size_t block_offset_ = 0;
  std::uint32_t left_ = 0;
  std::uint64_t seen_ = 0;
  bool has_gap_ = false;
  std::string words_;
};

}  // namespace halcyon::persistence
