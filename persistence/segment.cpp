#include "persistence/segment.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain/check.h"
#include "persistence/crc32c.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  // Linux 5.14; the headers may be older than the kernel
#endif

namespace halcyon::persistence {

namespace {

constexpr std::array<std::uint8_t, 8> magic{'H', 'A', 'L', 'C', 'Y', 'O', 'N', 'J'};
constexpr std::size_t header_crc_offset = 124;
constexpr std::size_t window_bytes = 256U << 10;
constexpr std::uint64_t page_bytes = 4096;
constexpr const char* mend_damage =
    "frames behind it are whole, so cutting here would lose them: restore the journal directory "
    "from a backup, or move it away and let the daemon start a new journal that reconciles with "
    "the venues (halcyon keeps what PostgreSQL has)";

template <class T>
T load(const std::uint8_t* from) {
  T value{};
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void store(std::uint8_t* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

std::uint32_t header_crc(std::span<const std::uint8_t> bytes) {
  const std::array<std::uint8_t, 8> zero{};
  std::uint32_t crc = crc32c(bytes.first(watermark_offset));
  crc = crc32c(zero, crc);
  return crc32c(bytes.subspan(watermark_offset + 8, header_crc_offset - watermark_offset - 8), crc);
}

}  // namespace

std::string system_words(const std::string& what, const std::string& path, int error) {
  return fmt::format("{} {}: {}", what, path, std::generic_category().message(error));
}

std::array<std::uint8_t, segment_header_bytes> encode_header(const SegmentHeader& header) {
  std::array<std::uint8_t, segment_header_bytes> bytes{};
  std::copy(magic.begin(), magic.end(), bytes.begin());
  store(bytes.data() + 8, format_version);
  store(bytes.data() + 12, static_cast<std::uint32_t>(segment_header_bytes));
  std::copy(header.uuid.bytes.begin(), header.uuid.bytes.end(), bytes.begin() + 16);
  store(bytes.data() + 32, header.first_sequence);
  store(bytes.data() + 40, domain::to_unix_ns(header.created));
  store(bytes.data() + 48, header.bytes);
  store(bytes.data() + watermark_offset, header.watermark);
  store(bytes.data() + header_crc_offset, header_crc(bytes));
  return bytes;
}

std::string segment_name(std::uint64_t first_sequence) {
  return fmt::format("{:020}.hjl", first_sequence);
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

// ---- Segment ------------------------------------------------------------------------------------

Segment::Segment(File file, std::uint8_t* memory, std::uint64_t bytes)
    : file_(std::move(file)), memory_(memory), bytes_(bytes) {}

Segment::~Segment() { ::munmap(memory_, bytes_); }

namespace {

std::uint8_t* map(int fd, std::uint64_t bytes, const std::string& path, std::string& error) {
  // Unlike ftruncate this takes the blocks now.
  if (const int failed = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes)); failed != 0) {
    error = system_words(fmt::format("cannot allocate {} bytes for", bytes), path, failed);
    return nullptr;
  }
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    error = system_words("cannot map", path, errno);
    return nullptr;
  }
  return static_cast<std::uint8_t*>(memory);
}

}  // namespace

std::unique_ptr<Segment> Segment::create(const std::string& path, std::uint64_t bytes,
                                         std::string& error) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    error = system_words("cannot remove the old", path, errno);
    return nullptr;
  }
  File file{::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!file.is_open()) {
    error = system_words("cannot create", path, errno);
    return nullptr;
  }
  std::uint8_t* memory = map(file.get(), bytes, path, error);
  if (memory == nullptr) {
    ::unlink(path.c_str());
    return nullptr;
  }
  return std::unique_ptr<Segment>{new Segment{std::move(file), memory, bytes}};
}

std::unique_ptr<Segment> Segment::reopen(const std::string& path, std::uint64_t bytes,
                                         std::string& error) {
  File file{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
  if (!file.is_open()) {
    error = system_words("cannot open for writing", path, errno);
    return nullptr;
  }
  std::uint8_t* memory = map(file.get(), bytes, path, error);
  if (memory == nullptr) return nullptr;
  std::unique_ptr<Segment> segment{new Segment{std::move(file), memory, bytes}};
  segment->first_sequence_ = load<std::uint64_t>(memory + 32);
  return segment;
}

bool Segment::touch(std::uint64_t offset, std::uint64_t size) {
  const std::uint64_t start = offset / page_bytes * page_bytes;
  if (start >= bytes_) return true;
  const std::uint64_t end = std::min(bytes_, offset + size);
  if (::madvise(memory_ + start, end - start, MADV_POPULATE_WRITE) == 0) return true;
  // An older kernel: the first store of the writer then takes the fault.
  return errno == EINVAL;
}

void Segment::begin(const SegmentHeader& header) {
  first_sequence_ = header.first_sequence;
  const auto bytes = encode_header(header);
  std::memcpy(memory_ + 8, bytes.data() + 8, bytes.size() - 8);
  std::atomic_ref<std::uint64_t>{*reinterpret_cast<std::uint64_t*>(memory_)}.store(
      load<std::uint64_t>(bytes.data()), std::memory_order_release);
}

void Segment::commit(std::uint64_t offset, std::uint32_t word) {
  std::atomic_ref<std::uint32_t>{*reinterpret_cast<std::uint32_t*>(memory_ + offset)}.store(
      word, std::memory_order_release);
}

void Segment::set_watermark(std::uint64_t sequence) {
  std::atomic_ref<std::uint64_t>{*reinterpret_cast<std::uint64_t*>(memory_ + watermark_offset)}
      .store(sequence, std::memory_order_release);
}

bool Segment::sync() {
  const std::uint64_t target = committed.load(std::memory_order_acquire);
  if (must_rewrite_) {
    // After a failed sync the kernel calls the pages clean, and the next sync would lie. Writing
    // the same bytes again makes them dirty. They are committed: nobody changes them any more.
    for (std::uint64_t at = synced_; at < target;) {
      const ssize_t written =
          ::pwrite(file_.get(), memory_ + at, target - at, static_cast<off_t>(at));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      at += static_cast<std::uint64_t>(written);
    }
  }
  if (::fdatasync(file_.get()) != 0) {
    must_rewrite_ = true;
    return false;
  }
  must_rewrite_ = false;
  synced_ = target;
  return true;
}

// ---- SegmentReader ------------------------------------------------------------------------------

std::optional<SegmentReader> SegmentReader::open(const std::string& path) {
  SegmentReader reader{path, File{::open(path.c_str(), O_RDONLY | O_CLOEXEC)}};
  if (!reader.file_.is_open()) throw JournalError(system_words("cannot open", path, errno));
  struct stat status {};
  if (::fstat(reader.file_.get(), &status) != 0) {
    throw JournalError(system_words("cannot examine", path, errno));
  }
  reader.file_bytes_ = static_cast<std::uint64_t>(status.st_size);

  std::array<std::uint8_t, segment_header_bytes> bytes{};
  const std::size_t got = reader.read(0, bytes.data(), bytes.size());
  if (load<std::uint64_t>(bytes.data()) == 0) return std::nullopt;
  const auto refuse = [&path](const std::string& words) {
    throw JournalError(path + ": " + words);
  };
  if (!std::equal(magic.begin(), magic.end(), bytes.begin())) {
    refuse(
        "not a segment of a journal (its first eight bytes are not \"HALCYONJ\"): move it away, "
        "or restore it from a backup");
  }
  if (got < bytes.size()) {
    refuse(
        fmt::format("{} bytes long, shorter than a segment's header ({}): restore it from a "
                    "backup",
                    got, segment_header_bytes));
  }
  const auto version = load<std::uint32_t>(bytes.data() + 8);
  const bool is_intact = load<std::uint32_t>(bytes.data() + header_crc_offset) == header_crc(bytes);
  if (is_intact && version > format_version) {
    refuse(
        fmt::format("format version {}, and this daemon reads up to {}: start the newer daemon "
                    "that wrote it",
                    version, format_version));
  }
  SegmentHeader& header = reader.header_;
  std::copy_n(bytes.begin() + 16, header.uuid.bytes.size(), header.uuid.bytes.begin());
  header.first_sequence = load<std::uint64_t>(bytes.data() + 32);
  header.created = domain::from_unix_ns(load<std::int64_t>(bytes.data() + 40));
  header.bytes = load<std::uint64_t>(bytes.data() + 48);
  header.watermark = load<std::uint64_t>(bytes.data() + watermark_offset);
  if (!is_intact || version == 0 ||
      load<std::uint32_t>(bytes.data() + 12) != segment_header_bytes ||
      header.bytes < min_segment_bytes || header.bytes > max_segment_bytes ||
      header.bytes % page_bytes != 0) {
    refuse(
        "the segment's header is damaged (wrong checksum at offset 0): restore it from a backup");
  }
  if (reader.file_bytes_ > header.bytes) {
    refuse(fmt::format("{} bytes long, and its header says {}: restore it from a backup",
                       reader.file_bytes_, header.bytes));
  }
  return reader;
}

std::size_t SegmentReader::read(std::uint64_t offset, std::uint8_t* to, std::size_t size) const {
  std::size_t got = 0;
  while (got < size) {
    const ssize_t count =
        ::pread(file_.get(), to + got, size - got, static_cast<off_t>(offset + got));
    if (count < 0) {
      if (errno == EINTR) continue;
      throw JournalError(
          system_words(fmt::format("cannot read offset {} of", offset + got), path_, errno));
    }
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  return got;
}

void SegmentReader::fill(std::uint64_t offset, std::size_t size) {
  const std::uint64_t end = header_.bytes;
  size = static_cast<std::size_t>(
      std::min<std::uint64_t>(std::max(size, window_bytes), end > offset ? end - offset : 0));
  if (window_.size() < size) window_.resize(size);
  window_offset_ = offset;
  window_size_ = read(offset, window_.data(), size);
  // What a file that was cut short lacks reads as zeros.
  std::fill(window_.begin() + static_cast<std::ptrdiff_t>(window_size_),
            window_.begin() + static_cast<std::ptrdiff_t>(size), std::uint8_t{0});
  window_size_ = size;
}

std::span<const std::uint8_t> SegmentReader::window(std::uint64_t offset, std::size_t size) const {
  if (offset < window_offset_ || offset + size > window_offset_ + window_size_) return {};
  return {window_.data() + (offset - window_offset_), size};
}

std::span<const std::uint8_t> SegmentReader::bytes(std::uint64_t offset, std::size_t size) {
  const std::uint64_t end = header_.bytes;
  size = static_cast<std::size_t>(std::min<std::uint64_t>(size, end > offset ? end - offset : 0));
  if (window(offset, size).empty()) fill(offset, size);
  return window(offset, size);
}

SegmentReader::Found SegmentReader::look(std::uint64_t offset,
                                         std::span<const std::uint8_t>& frame) {
  const auto head = window(offset, frame_header_bytes);
  if (head.empty()) return Found::damage;
  const RawHeader header = read_header(head);
  if (!is_plausible(header) || header.length > max_frame_bytes ||
      offset + header.length > header_.bytes) {
    return Found::damage;
  }
  if (window(offset, header.length).empty()) fill(offset, header.length);
  frame = window(offset, header.length);
  // The file is read in one piece from here on, so the length may have changed under us.
  if (load<std::uint32_t>(frame.data()) != header.length) return Found::damage;
  return frame_crc(frame) == header.crc ? Found::frame : Found::damage;
}

SegmentReader::Found SegmentReader::at(std::uint64_t offset, std::span<const std::uint8_t>& frame) {
  if (offset + seal_bytes > header_.bytes) return Found::damage;
  const auto seen = window(offset, 4);
  std::uint32_t word = seen.empty() ? 0 : load<std::uint32_t>(seen.data());
  if (word == 0) {
    // Not read yet, or not yet written when we read: look at this word before reading on.
    std::array<std::uint8_t, 4> now{};
    if (read(offset, now.data(), now.size()) < now.size()) return Found::nothing;
    word = load<std::uint32_t>(now.data());
    if (word == 0) return Found::nothing;
    std::atomic_thread_fence(std::memory_order_acquire);
    fill(offset, frame_header_bytes);
  }
  if (word == seal_word) return Found::seal;
  if (window(offset, std::min<std::size_t>(frame_header_bytes, header_.bytes - offset)).empty()) {
    fill(offset, frame_header_bytes);
  }
  if (look(offset, frame) == Found::frame) return Found::frame;
  // The window may have been read while the frame was being written.
  fill(offset, frame_header_bytes);
  return look(offset, frame);
}

std::uint64_t SegmentReader::watermark() const {
  std::array<std::uint8_t, 8> now{};
  if (read(watermark_offset, now.data(), now.size()) < now.size()) return 0;
  return load<std::uint64_t>(now.data());
}

// ---- The directory ------------------------------------------------------------------------------

namespace {

/// The files that have a segment's name, and whether there is a next.hjl.
SegmentList read_directory(const std::string& directory, bool& has_next) {
  std::unique_ptr<DIR, int (*)(DIR*)> stream{::opendir(directory.c_str()), ::closedir};
  if (!stream) throw JournalError(system_words("cannot read the journal", directory, errno));
  SegmentList list;
  has_next = false;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name == next_segment_name) has_next = true;
    if (name.size() != 24 || !name.ends_with(".hjl")) continue;
    std::uint64_t first = 0;
    bool is_number = true;
    for (const char digit : name.substr(0, 20)) {
      is_number = is_number && digit >= '0' && digit <= '9';
      first = first * 10 + static_cast<std::uint64_t>(digit - '0');
    }
    if (is_number) list.files.push_back({directory + "/" + std::string{name}, first, true});
  }
  std::sort(list.files.begin(), list.files.end(),
            [](const auto& a, const auto& b) { return a.first_sequence < b.first_sequence; });
  return list;
}

}  // namespace

SegmentList list_segments(const std::string& directory) {
  for (int attempt = 1;; ++attempt) {
    bool has_next = false;
    SegmentList list = read_directory(directory, has_next);
    const std::size_t named = list.files.size();
    const bool is_last = attempt == attempts_at_next;
    const std::string path = directory + "/" + next_segment_name;
    try {
      if (has_next) {
        if (const auto reader = SegmentReader::open(path)) {
          // In use already, and given its name any moment.
          const std::uint64_t first = reader->header().first_sequence;
          if (list.files.empty() || list.files.back().first_sequence < first) {
            list.files.push_back({path, first, false});
          }
        } else {
          list.has_unused_next = true;
        }
      }
    } catch (const JournalError&) {
      if (is_last) throw;
      continue;
    }
    // Beside a running daemon a segment may have got its name between the two looks.
    if (is_last || read_directory(directory, has_next).files.size() == named) return list;
  }
}

// ---- The walk -----------------------------------------------------------------------------------

namespace {

struct TailView {
  std::uint64_t dirty_end = 0;
  bool has_later_frame = false;
  std::uint64_t later_offset = 0;
  std::uint64_t later_sequence = 0;
  std::uint64_t durable = 0;  ///< the greatest that a later frame says was durable
};

/// What lies behind the last good frame.
TailView examine_tail(SegmentReader& reader, std::uint64_t end, std::uint64_t last_sequence) {
  TailView tail;
  tail.dirty_end = end;
  // Big steps for what is mostly zeros; frames are looked for where there is something.
  constexpr std::size_t step = 64U << 10;
  std::vector<std::uint64_t> candidates;
  for (std::uint64_t offset = end; offset < reader.header().bytes; offset += step) {
    const auto bytes = reader.bytes(offset, step);
    for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      if (load<std::uint64_t>(bytes.data() + at) == 0) continue;
      for (std::size_t byte = 0; byte < 8; ++byte) {
        if (bytes[at + byte] != 0) tail.dirty_end = offset + at + byte + 1;
      }
      const auto word = load<std::uint32_t>(bytes.data() + at);
      if (word >= frame_header_bytes && word <= max_frame_bytes) candidates.push_back(offset + at);
    }
  }
  for (const std::uint64_t offset : candidates) {
    const auto head = reader.bytes(offset, frame_header_bytes);
    if (head.size() < frame_header_bytes) break;
    const RawHeader header = read_header(head);
    // In one segment there are fewer frames than bytes.
    if (!is_plausible(header) || header.sequence <= last_sequence ||
        header.sequence - last_sequence > reader.header().bytes) {
      continue;
    }
    std::span<const std::uint8_t> frame;
    if (reader.at(offset, frame) != SegmentReader::Found::frame) continue;
    if (!tail.has_later_frame) {
      tail.has_later_frame = true;
      tail.later_offset = offset;
      tail.later_sequence = header.sequence;
    }
    tail.durable = std::max(tail.durable, header.durable);
  }
  return tail;
}

/// Walks one segment's frames; returns what it met at its end.
class Walker {
 public:
  Walker(const std::string& directory, const std::function<void(const FrameView&)>& each,
         std::uint64_t after)
      : directory_(directory), each_(each), after_(after) {}

  Walk run() {
    walk_.list = list_segments(directory_);
    auto& files = walk_.list.files;
    drop_empty_files(files);
    while (files.size() > 1 && files[1].first_sequence <= after_ + 1) files.erase(files.begin());
    for (std::size_t index = 0; index < files.size(); ++index) {
      segment(files[index], index == 0, index + 1 == files.size());
    }
    return std::move(walk_);
  }

 private:
  [[noreturn]] static void refuse(const std::string& path, std::uint64_t offset,
                                  const std::string& words) {
    throw JournalError(fmt::format("{}: offset {}: {}", path, offset, words));
  }

  /// Behind the last segment in use there may be one whose first frame never came to the disk.
  void drop_empty_files(std::vector<SegmentFile>& files) {
    while (files.size() > 1) {
      SegmentFile& last = files.back();
      if (open(last)) return;
      if (!is_all_zero(last.path)) {
        refuse(last.path, 0,
               "the segment's header is missing, but it holds data: restore it from a backup");
      }
      walk_.empty_files.push_back(last.path);
      files.pop_back();
    }
  }

  /// A segment that is still called next.hjl may get its name while we look.
  std::optional<SegmentReader> open(SegmentFile& file) const {
    const std::string named = directory_ + "/" + segment_name(file.first_sequence);
    for (int attempt = 1; !file.is_named && attempt <= attempts_at_next; ++attempt) {
      if (::access(named.c_str(), F_OK) == 0) {
        file.path = named;
        file.is_named = true;
        break;
      }
      try {
        auto reader = SegmentReader::open(file.path);
        if (reader && reader->header().first_sequence == file.first_sequence) return reader;
      } catch (const JournalError&) {
        if (attempt == attempts_at_next) throw;
      }
    }
    return SegmentReader::open(file.path);
  }

  static bool is_all_zero(const std::string& path) {
    const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file.is_open()) throw JournalError(system_words("cannot open", path, errno));
    std::vector<std::uint8_t> buffer(window_bytes);
    for (;;) {
      const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw JournalError(system_words("cannot read", path, errno));
      if (got == 0) return true;
      if (std::any_of(buffer.begin(), buffer.begin() + got, [](auto byte) { return byte != 0; })) {
        return false;
      }
    }
  }

  void segment(SegmentFile& file, bool is_first, bool is_last) {
    auto reader = open(file);
    if (!reader) {
      refuse(file.path, 0,
             "the segment's header is missing: restore it from a backup, or, if nothing was ever "
             "journaled here, remove the file");
    }
    const SegmentHeader& header = reader->header();
    if (header.first_sequence != file.first_sequence) {
      refuse(file.path, 0,
             fmt::format("the segment begins with sequence {}, not with that of its name: give it "
                         "back its name",
                         header.first_sequence));
    }
    if (is_first) {
      walk_.uuid = header.uuid;
      walk_.first_sequence = header.first_sequence;
      if (header.first_sequence > after_ + 1 || header.first_sequence == 0) {
        refuse(file.path, 0,
               fmt::format("the journal begins with sequence {}: the segments before it are "
                           "missing, and no snapshot says what they held; restore them from a "
                           "backup",
                           header.first_sequence));
      }
      walk_.last_sequence = header.first_sequence - 1;
    } else if (header.uuid != walk_.uuid) {
      refuse(file.path, 0,
             "the segment belongs to another journal (its UUID differs from the first one's): move "
             "it away, and restore the one that belongs here");
    } else if (header.first_sequence != walk_.last_sequence + 1) {
      refuse(file.path, 0,
             fmt::format("a segment is missing before this one: it begins with sequence {}, and "
                         "the one before ends with {}; restore the missing one from a backup",
                         header.first_sequence, walk_.last_sequence));
    }
    ++walk_.segments;
    walk_.tail = header;
    walk_.tail_path = file.path;
    walk_.tail_file_bytes = reader->file_bytes();

    const std::uint64_t next_first = is_last ? 0 : walk_.list.files[walk_.segments].first_sequence;
    std::uint64_t offset = segment_header_bytes;
    for (;;) {
      std::span<const std::uint8_t> bytes;
      const auto found = reader->at(offset, bytes);
      if (found == SegmentReader::Found::frame) {
        frame(file.path, offset, header, bytes);
        offset += aligned(bytes.size());
        continue;
      }
      if (found == SegmentReader::Found::seal) {
        walk_.is_sealed = true;
        walk_.end = walk_.dirty_end = offset;
        return;
      }
      const TailView tail = examine_tail(*reader, offset, walk_.last_sequence);
      const std::uint64_t watermark = reader->watermark();
      // A live journal may have gone on, and have said so, while we looked; what was on disk before
      // that word was read can be seen now.
      if (reader->at(offset, bytes) != found) continue;
      end_of_segment(file.path, offset, watermark, tail, next_first, is_last);
      return;
    }
  }

  void end_of_segment(const std::string& path, std::uint64_t offset, std::uint64_t watermark,
                      const TailView& tail, std::uint64_t next_first, bool is_last) {
    walk_.is_sealed = false;
    walk_.end = offset;
    walk_.dirty_end = tail.dirty_end;
    if (!is_last) {
      if (tail.dirty_end == offset && next_first == walk_.last_sequence + 1) {
        walk_.unsealed.emplace_back(path, offset);
        return;
      }
      refuse(
          path, offset,
          fmt::format("damage behind sequence {}, and the journal goes on in a later segment; {}",
                      walk_.last_sequence, mend_damage));
    }
    const std::uint64_t lost = walk_.last_sequence + 1;
    const bool was_durable =
        tail.durable >= lost || (watermark != no_watermark && watermark >= lost);
    if (tail.has_later_frame && tail.later_sequence == lost) {
      refuse(path, offset,
             fmt::format("damage behind sequence {}, and sequence {} stands whole at offset {}; {}",
                         walk_.last_sequence, tail.later_sequence, tail.later_offset, mend_damage));
    }
    if (tail.has_later_frame && was_durable) {
      refuse(path, offset,
             fmt::format("sequence {} is damaged, and sequence {} stands whole at offset {}; {}",
                         lost, tail.later_sequence, tail.later_offset, mend_damage));
    }
    if (was_durable) {
      refuse(path, offset,
             fmt::format("sequence {} is damaged, and it was on disk once: the disk has lost it; "
                         "restore the journal directory from a backup",
                         lost));
    }
  }

  void frame(const std::string& path, std::uint64_t offset, const SegmentHeader& header,
             std::span<const std::uint8_t> bytes) {
    FrameView view;
    if (const std::string words = decoder_.decode(bytes, view); !words.empty()) {
      refuse(path, offset, words);
    }
    const bool is_head = offset == segment_header_bytes;
    const bool follows = view.is_dictionary ? is_head && view.sequence + 1 == header.first_sequence
                                            : view.sequence == walk_.last_sequence + 1;
    if (!follows) {
      refuse(path, offset,
             fmt::format("sequence {} stands behind {}: frames are missing or mixed up; restore "
                         "the journal directory from a backup",
                         view.sequence, walk_.last_sequence));
    }
    if (!view.is_dictionary) {
      ++walk_.frames;
      walk_.last_sequence = view.sequence;
    }
    each_(view);
  }

  const std::string& directory_;
  const std::function<void(const FrameView&)>& each_;
  const std::uint64_t after_;
  FrameDecoder decoder_;
  Walk walk_;
};

}  // namespace

Walk walk(const std::string& directory, const std::function<void(const FrameView&)>& each,
          std::uint64_t after) {
  return Walker{directory, each, after}.run();
}

}  // namespace halcyon::persistence
