#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "domain/time.h"
#include "persistence/encoding.h"
#include "persistence/journal.h"

namespace halcyon::persistence {

// Segment files. Header, format version 1, little-endian:
//    0 "HALCYONJ": stored last, so that a file without it was never in use
//    8 u32 format version
//   12 u32 bytes of this header: the first frame's offset
//   16 16 bytes journal UUID
//   32 u64 first sequence: of the first frame that is no dictionary
//   40 i64 created, nanoseconds since the Unix epoch
//   48 u64 bytes of the file
//   56 u64 watermark: up to which sequence the segment's frames are known to be on disk; all ones
//          in mode "process". Changes, and so stands outside the CRC.
//   64 zeros
//  124 u32 CRC-32C of bytes 0 to 124 with the watermark as zero
inline constexpr std::uint32_t format_version = 1;
inline constexpr std::uint64_t segment_header_bytes = 128;
inline constexpr std::uint64_t watermark_offset = 56;
inline constexpr std::uint64_t no_watermark = ~std::uint64_t{0};
/// Kept free at the end for the seal.
inline constexpr std::uint64_t seal_bytes = frame_alignment;

inline constexpr const char* next_segment_name = "next.hjl";
/// A file of this name may be renamed and made anew between two looks at it: so often a reader
/// looks again before it believes that something is wrong.
inline constexpr int attempts_at_next = 16;

struct SegmentHeader {
  JournalUuid uuid;
  std::uint64_t first_sequence = 0;
  domain::Timestamp created;
  std::uint64_t bytes = 0;
  std::uint64_t watermark = no_watermark;
};

std::array<std::uint8_t, segment_header_bytes> encode_header(const SegmentHeader& header);

/// "00000000000000000001.hjl"
std::string segment_name(std::uint64_t first_sequence);

/// An open file descriptor; closed at the end.
class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File();
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// A segment that is written: a file mapped to memory. Thread: whoever holds it, but for the
/// atomics.
class Segment {
 public:
  /// Creates the file with all its blocks, so that a full disk is an error here and never a SIGBUS
  /// at a store. On failure `error` says why, and no file is left.
  static std::unique_ptr<Segment> create(const std::string& path, std::uint64_t bytes,
                                         std::string& error);
  /// Maps a file that recovery has examined, `bytes` long, with all its blocks.
  static std::unique_ptr<Segment> reopen(const std::string& path, std::uint64_t bytes,
                                         std::string& error);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  std::uint8_t* at(std::uint64_t offset) { return memory_ + offset; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t first_sequence() const { return first_sequence_; }

  /// Makes the memory writable without a page fault, its contents unchanged. Beside a writer too.
  /// False, with errno, when a page cannot be had.
  bool touch(std::uint64_t offset, std::uint64_t size);

  /// Writes the header; from its last store on the file is a segment.
  void begin(const SegmentHeader& header);
  /// Stores a commit word: a length or the seal.
  void commit(std::uint64_t offset, std::uint32_t word);
  void set_watermark(std::uint64_t sequence);

  /// Everything before this offset is committed. Stored by the writer, read by the helper.
  std::atomic<std::uint64_t> committed{segment_header_bytes};

  /// Brings on disk what was committed before the call. Thread: helper. False with errno.
  bool sync();

 private:
  Segment(File file, std::uint8_t* memory, std::uint64_t bytes);

  File file_;
  std::uint8_t* memory_;
  std::uint64_t bytes_;
  std::uint64_t first_sequence_ = 0;
  std::uint64_t synced_ = 0;  ///< offset; thread: helper
  bool must_rewrite_ = false;
};

/// A segment that is read, also while it is written: by `pread`, so that a bad block of the disk is
/// an error with words and no SIGBUS. Throws JournalError, with words, at what makes it unusable.
class SegmentReader {
 public:
  /// What is at an offset.
  enum class Found : std::uint8_t {
    frame,    ///< one with a right CRC
    nothing,  ///< no frame was committed here
    seal,     ///< the journal goes on in the next segment
    damage,   ///< none of these
  };

  /// Opens the file and checks its header. Empty when the header says that the file was never in
  /// use (no magic). Throws at everything else that is wrong.
  static std::optional<SegmentReader> open(const std::string& path);

  const std::string& path() const { return path_; }
  const SegmentHeader& header() const { return header_; }
  /// Of the file as it was when it was opened: less than the header says when it was cut short.
  std::uint64_t file_bytes() const { return file_bytes_; }

  /// `frame` is valid until the next call.
  Found at(std::uint64_t offset, std::span<const std::uint8_t>& frame);
  /// As it is now.
  std::uint64_t watermark() const;
  /// The bytes at an offset, as many as there are up to `size`. Valid until the next call.
  std::span<const std::uint8_t> bytes(std::uint64_t offset, std::size_t size);

 private:
  SegmentReader(std::string path, File file) : path_(std::move(path)), file_(std::move(file)) {}

  std::size_t read(std::uint64_t offset, std::uint8_t* to, std::size_t size) const;
  void fill(std::uint64_t offset, std::size_t size);
  std::span<const std::uint8_t> window(std::uint64_t offset, std::size_t size) const;
  Found look(std::uint64_t offset, std::span<const std::uint8_t>& frame);

  std::string path_;
  File file_;
  SegmentHeader header_;
  std::uint64_t file_bytes_ = 0;
  std::vector<std::uint8_t> window_;
  std::uint64_t window_offset_ = 0;
  std::size_t window_size_ = 0;
};

/// One segment of a directory.
struct SegmentFile {
  std::string path;
  std::uint64_t first_sequence = 0;
  bool is_named = true;  ///< false: still called next.hjl
};

struct SegmentList {
  std::vector<SegmentFile> files;  ///< in the order of their sequences
  bool has_unused_next = false;    ///< a next.hjl that was never in use
};

/// The segments of a directory. Throws JournalError when it cannot be read.
SegmentList list_segments(const std::string& directory);

/// What a walk through a whole journal found.
struct Walk {
  JournalUuid uuid;
  std::uint64_t segments = 0;
  std::uint64_t frames = 0;  ///< without dictionaries
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  SegmentList list;

  // Of the last segment with a header.
  SegmentHeader tail;
  std::string tail_path;
  std::uint64_t tail_file_bytes = 0;
  std::uint64_t end = 0;        ///< behind the last good frame
  std::uint64_t dirty_end = 0;  ///< behind the last byte that is not zero; > end: a torn tail
  bool is_sealed = false;
  /// Segments before the last that were left without a seal when the machine stopped.
  std::vector<std::pair<std::string, std::uint64_t>> unsealed;
  /// Files behind the last segment in which nothing was ever written.
  std::vector<std::string> empty_files;
};

/// Reads every frame of a journal, oldest first, dictionaries too. Changes nothing. Throws
/// JournalError, in words with file, offset and the mend, at damage that is not a torn tail.
/// `after`: what a snapshot says already. Segments that end at or before it are left out, and may
/// be gone; the frames of the others are all read.
Walk walk(const std::string& directory, const std::function<void(const FrameView&)>& each,
          std::uint64_t after = 0);

/// "what path: strerror"
std::string system_words(const std::string& what, const std::string& path, int error);

}  // namespace halcyon::persistence
