#include "persistence/snapshot.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persistence/crc32c.h"
#include "persistence/encoding.h"
#include "persistence/segment.h"

namespace halcyon::persistence {

namespace {

constexpr std::array<std::uint8_t, 8> magic{'H', 'A', 'L', 'C', 'Y', 'O', 'N', 'S'};
constexpr std::size_t header_crc_offset = 124;
/// Records of a frame together; a record may be longer by itself.
constexpr std::size_t frame_target_bytes = 256UL << 10;
constexpr const char* name_prefix = "snapshot-";
constexpr const char* name_suffix = ".hjs";
constexpr const char* temporary_name = "snapshot.tmp";

template <class T>
T load_at(std::span<const std::uint8_t> bytes, std::size_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

template <class T>
void store_at(std::span<std::uint8_t> bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

std::array<std::uint8_t, snapshot_header_bytes> encode(const SnapshotHead& head,
                                                       std::uint64_t state_bytes,
                                                       std::uint64_t view_bytes,
                                                       std::uint32_t body_crc) {
  std::array<std::uint8_t, snapshot_header_bytes> bytes{};
  std::copy(magic.begin(), magic.end(), bytes.begin());
  store_at(bytes, 8, snapshot_version);
  store_at(bytes, 12, static_cast<std::uint32_t>(snapshot_header_bytes));
  std::copy(head.uuid.bytes.begin(), head.uuid.bytes.end(), bytes.begin() + 16);
  store_at(bytes, 32, head.sequence);
  store_at(bytes, 40, domain::to_unix_ns(head.received));
  store_at(bytes, 48, domain::to_unix_ns(head.created));
  store_at(bytes, 56, state_bytes);
  store_at(bytes, 64, view_bytes);
  store_at(bytes, 72, body_crc);
  store_at(bytes, header_crc_offset,
           crc32c(std::span<const std::uint8_t>{bytes}.first(header_crc_offset)));
  return bytes;
}

/// A file that is written from its start to its end, and is gone again unless it is kept.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string path)
      : path_(std::move(path)),
        file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    if (!file_.is_open()) fail("cannot create");
  }
  ~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
      const ssize_t count =
          ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) fail("cannot write to");
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
  }
  void sync() {
    if (::fsync(file_.get()) != 0) fail("cannot sync");
  }
  void keep_as(const std::string& name) {
    if (::rename(path_.c_str(), name.c_str()) != 0) fail("cannot rename");
    path_.clear();
  }
  const std::string& path() const { return path_; }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw JournalError("snapshot: " + system_words(what, path_, errno));
  }
  std::string path_;
  File file_;
};

void sync_directory(const std::string& directory) {
  const File file{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!file.is_open() || ::fsync(file.get()) != 0) {
    throw JournalError("snapshot: " + system_words("cannot sync", directory, errno));
  }
}

/// Brings the journal's files on disk. Files whose pages are clean cost nothing.
void sync_journal(const std::string& directory) {
  for (const SegmentFile& segment : list_segments(directory).files) {
    const File file{::open(segment.path.c_str(), O_RDONLY | O_CLOEXEC)};
    // A segment may get its name between the two looks; it is then found under it.
    if (!file.is_open() && errno == ENOENT) {
      const std::string named = directory + "/" + segment_name(segment.first_sequence);
      const File again{::open(named.c_str(), O_RDONLY | O_CLOEXEC)};
      if (again.is_open() && ::fdatasync(again.get()) == 0) continue;
    } else if (file.is_open() && ::fdatasync(file.get()) == 0) {
      continue;
    }
    throw JournalError("snapshot: " + system_words("cannot sync", segment.path, errno));
  }
}

/// Puts records into frames, frames into the file, and knows the checksum of it all.
class StateWriter {
 public:
  StateWriter(TemporaryFile& file, const SnapshotHead& head)
      : file_(file), head_{head.sequence, head.sequence, head.received} {
    frame_.resize(frame_header_bytes);
  }

  void add(const domain::RecordEntry& entry) {
    const std::size_t size = record_bytes(entry);
    const std::size_t at = frame_.size();
    frame_.resize(at + size);
    put_record(frame_.data() + at, entry);
    ++count_;
    if (frame_.size() >= frame_target_bytes) finish_frame();
  }
  void finish_frame() {
    if (count_ == 0) return;
    const std::uint32_t length =
        put_dictionary(frame_.data(), head_, count_, frame_.size() - frame_header_bytes);
    std::memcpy(frame_.data(), &length, sizeof length);
    frame_.resize(aligned(length));
    bytes(frame_);
    frame_.assign(frame_header_bytes, 0);
    count_ = 0;
  }
  void bytes(std::span<const std::uint8_t> more) {
    file_.write(snapshot_header_bytes + size_, more);
    crc_ = crc32c(more, crc_);
    size_ += more.size();
  }
  std::uint64_t size() const { return size_; }
  std::uint32_t crc() const { return crc_; }

 private:
  TemporaryFile& file_;
  FrameHead head_;
  std::vector<std::uint8_t> frame_;
  std::uint32_t count_ = 0;
  std::uint64_t size_ = 0;
  std::uint32_t crc_ = 0;
};

std::string read_whole(const std::string& path, std::vector<std::uint8_t>& bytes) {
  const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file.is_open()) return system_words("cannot open", path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_words("cannot examine", path, errno);
  if (static_cast<std::uint64_t>(status.st_size) > max_snapshot_bytes) {
    return fmt::format("{}: {} bytes long; no snapshot is longer than {}", path, status.st_size,
                       max_snapshot_bytes);
  }
  bytes.resize(static_cast<std::size_t>(status.st_size));
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t count =
        ::pread(file.get(), bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_words("cannot read", path, errno);
    if (count == 0) {
      bytes.resize(at);
      break;
    }
    at += static_cast<std::size_t>(count);
  }
  return {};
}

/// Why a snapshot that is whole is of no use beside this journal; empty: it is of use.
std::string mismatch(const std::string& directory, const SnapshotFile& file,
                     const SnapshotHead& head) {
  if (head.sequence != file.sequence) {
    return fmt::format("{}: it is of sequence {}, not of that of its name", file.path,
                       head.sequence);
  }
  try {
    const auto reader = JournalReader::open(directory, head.sequence, ReadUpTo::committed);
    if (reader->uuid() != head.uuid) return file.path + ": it belongs to another journal";
  } catch (const JournalError& error) {
    return fmt::format("{}: it does not fit its journal: {}", file.path, error.what());
  }
  return {};
}

}  // namespace

// ---- Snapshot -----------------------------------------------------------------------------------

std::shared_ptr<const Snapshot> Snapshot::parse(const std::string& name,
                                                std::vector<std::uint8_t> bytes,
                                                std::string& words) {
  const auto refuse = [&](const std::string& why) {
    words = name + ": " + why;
    return nullptr;
  };
  if (bytes.size() < snapshot_header_bytes) {
    return refuse(fmt::format("{} bytes long, shorter than a snapshot's header ({})", bytes.size(),
                              snapshot_header_bytes));
  }
  if (!std::equal(magic.begin(), magic.end(), bytes.begin())) {
    return refuse("not a snapshot (its first eight bytes are not \"HALCYONS\")");
  }
  const std::span<const std::uint8_t> all{bytes};
  if (load_at<std::uint32_t>(all, header_crc_offset) != crc32c(all.first(header_crc_offset))) {
    return refuse("the snapshot's header is damaged (wrong checksum)");
  }
  if (const auto version = load_at<std::uint32_t>(all, 8); version > snapshot_version) {
    return refuse(fmt::format("format version {}, and this daemon reads up to {}", version,
                              snapshot_version));
  }
  const auto state_bytes = load_at<std::uint64_t>(all, 56);
  const auto view_bytes = load_at<std::uint64_t>(all, 64);
  const std::uint64_t body = bytes.size() - snapshot_header_bytes;
  if (load_at<std::uint32_t>(all, 12) != snapshot_header_bytes || state_bytes > body ||
      view_bytes != body - state_bytes) {
    return refuse(fmt::format("{} bytes long, and its header says {}", bytes.size(),
                              snapshot_header_bytes + state_bytes + view_bytes));
  }
  if (load_at<std::uint32_t>(all, 72) != crc32c(all.subspan(snapshot_header_bytes))) {
    return refuse("the snapshot is damaged (wrong checksum)");
  }
  auto made = std::shared_ptr<Snapshot>{new Snapshot};
  std::copy_n(all.begin() + 16, made->head_.uuid.bytes.size(), made->head_.uuid.bytes.begin());
  made->head_.sequence = load_at<std::uint64_t>(all, 32);
  made->head_.received = domain::from_unix_ns(load_at<std::int64_t>(all, 40));
  made->head_.created = domain::from_unix_ns(load_at<std::int64_t>(all, 48));
  made->state_bytes_ = state_bytes;
  made->bytes_ = std::move(bytes);
  // Once now, so that a reader need not fear what it will find.
  if (const std::string why = made->walk({}); !why.empty()) return refuse(why);
  return made;
}

std::shared_ptr<const Snapshot> Snapshot::load(const std::string& path, std::string& words) {
  std::vector<std::uint8_t> bytes;
  words = read_whole(path, bytes);
  return words.empty() ? parse(path, std::move(bytes), words) : nullptr;
}

std::string Snapshot::walk(const std::function<void(const domain::RecordEntry&)>& act) const {
  FrameDecoder decoder;
  FrameView frame;
  std::span<const std::uint8_t> left{bytes_};
  left = left.subspan(snapshot_header_bytes, state_bytes_);
  while (!left.empty()) {
    const auto offset = static_cast<std::size_t>(left.data() - bytes_.data());
    const std::uint32_t length =
        left.size() < frame_header_bytes ? 0 : load_at<std::uint32_t>(left, 0);
    if (length < frame_header_bytes || aligned(length) > left.size()) {
      return fmt::format("offset {}: a frame's length is impossible", offset);
    }
    if (const std::string why = decoder.decode(left.first(length), frame); !why.empty()) {
      return fmt::format("offset {}: {}", offset, why);
    }
    if (!frame.is_dictionary) return fmt::format("offset {}: a frame has an input", offset);
    if (act) {
      for (const domain::RecordEntry& entry : frame.records) act(entry);
    }
    left = left.subspan(aligned(length));
  }
  return {};
}

void Snapshot::each(const std::function<void(const domain::RecordEntry&)>& act) const {
  (void)walk(act);
}

std::span<const std::uint8_t> Snapshot::view() const {
  return std::span<const std::uint8_t>{bytes_}.subspan(snapshot_header_bytes + state_bytes_);
}

// ---- Files --------------------------------------------------------------------------------------

std::vector<SnapshotFile> list_snapshots(const std::string& directory) {
  std::unique_ptr<DIR, int (*)(DIR*)> stream{::opendir(directory.c_str()), ::closedir};
  if (!stream) throw JournalError(system_words("cannot read the journal", directory, errno));
  constexpr std::size_t digits = 20;
  const std::string_view prefix{name_prefix};
  std::vector<SnapshotFile> files;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name.size() != prefix.size() + digits + 4 || !name.starts_with(prefix) ||
        !name.ends_with(name_suffix)) {
      continue;
    }
    std::uint64_t sequence = 0;
    bool is_number = true;
    for (const char digit : name.substr(prefix.size(), digits)) {
      is_number = is_number && digit >= '0' && digit <= '9';
      sequence = sequence * 10 + static_cast<std::uint64_t>(digit - '0');
    }
    if (is_number) files.push_back({directory + "/" + std::string{name}, sequence});
  }
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.sequence > b.sequence; });
  return files;
}

SnapshotFile write_snapshot(const std::string& directory, const SnapshotHead& head,
                            std::span<const domain::RecordEntry> state,
                            std::span<const std::uint8_t> view) {
  sync_journal(directory);
  TemporaryFile file{directory + "/" + temporary_name};
  StateWriter writer{file, head};
  for (const domain::RecordEntry& entry : state) writer.add(entry);
  writer.finish_frame();
  const std::uint64_t state_bytes = writer.size();
  writer.bytes(view);
  file.write(0, encode(head, state_bytes, view.size(), writer.crc()));
  file.sync();

  // Nothing may rest on a snapshot that nobody has read.
  std::string words;
  const auto again = Snapshot::load(file.path(), words);
  if (again == nullptr)
    throw JournalError("snapshot: it does not read as it was written: " + words);
  std::size_t records = 0;
  again->each([&](const domain::RecordEntry&) { ++records; });
  if (records != state.size() || again->sequence() != head.sequence) {
    throw JournalError(fmt::format("snapshot: {}: {} records were written, and {} are read",
                                   file.path(), state.size(), records));
  }
  const SnapshotFile made{
      fmt::format("{}/{}{:020}{}", directory, name_prefix, head.sequence, name_suffix),
      head.sequence};
  file.keep_as(made.path);
  sync_directory(directory);
  return made;
}

std::shared_ptr<const Snapshot> load_fitting_snapshot(const std::string& directory,
                                                      const SnapshotFile& file,
                                                      std::string& words) {
  auto snapshot = Snapshot::load(file.path, words);
  if (snapshot != nullptr) words = mismatch(directory, file, snapshot->head());
  return words.empty() ? snapshot : nullptr;
}

std::shared_ptr<const Snapshot> find_snapshot(const std::string& directory,
                                              std::vector<std::string>& refused) {
  for (const SnapshotFile& file : list_snapshots(directory)) {
    std::string words;
    if (auto snapshot = load_fitting_snapshot(directory, file, words)) return snapshot;
    refused.push_back(words);
  }
  return nullptr;
}

std::size_t remove_snapshots(const std::string& directory, std::size_t keep) {
  const auto files = list_snapshots(directory);
  std::size_t removed = 0;
  for (std::size_t index = keep; index < files.size(); ++index) {
    if (::unlink(files[index].path.c_str()) != 0) {
      throw JournalError("snapshot: " + system_words("cannot remove", files[index].path, errno));
    }
    ++removed;
  }
  return removed;
}

std::size_t remove_segments(const std::string& directory, std::uint64_t up_to,
                            domain::Timestamp full_before) {
  const auto snapshots = list_snapshots(directory);
  // The oldest that is kept must still have its journal behind it.
  if (snapshots.size() < snapshots_kept) return 0;
  up_to = std::min(up_to, snapshots[snapshots_kept - 1].sequence);
  const auto segments = list_segments(directory).files;
  std::size_t removed = 0;
  for (std::size_t index = 0; index + 1 < segments.size(); ++index) {
    const SegmentFile& next = segments[index + 1];
    if (!segments[index].is_named || !next.is_named || next.first_sequence > up_to + 1) break;
    const auto reader = SegmentReader::open(next.path);
    if (!reader || reader->header().created > full_before) break;
    if (::unlink(segments[index].path.c_str()) != 0) {
      throw JournalError(system_words("journal: cannot remove", segments[index].path, errno));
    }
    ++removed;
  }
  return removed;
}

// ---- Parts of a view ----------------------------------------------------------------------------

void PartWriter::put(std::uint64_t value) {
  const std::size_t at = bytes_.size();
  bytes_.resize(at + sizeof value);
  std::memcpy(bytes_.data() + at, &value, sizeof value);
}

void PartWriter::text(std::string_view value) {
  put(value.size());
  bytes_.insert(bytes_.end(), value.begin(), value.end());
}

void PartWriter::record(const domain::Record& record, std::string_view words) {
  const domain::RecordEntry entry{record, words};
  const std::size_t at = bytes_.size();
  bytes_.resize(at + record_bytes(entry));
  put_record(bytes_.data() + at, entry);
}

std::span<const std::uint8_t> PartReader::take(std::size_t size) {
  if (size > left_.size()) {
    fail();
    return {};
  }
  const auto taken = left_.first(size);
  left_ = left_.subspan(size);
  return taken;
}

std::uint64_t PartReader::take_number() {
  const auto bytes = take(sizeof(std::uint64_t));
  return bytes.empty() ? 0 : load_at<std::uint64_t>(bytes, 0);
}

std::size_t PartReader::count() {
  const auto wanted = take_number();
  // Nothing that is counted is shorter than a number.
  if (wanted > left_.size() / sizeof(std::uint64_t)) fail();
  return is_good_ ? static_cast<std::size_t>(wanted) : 0;
}

std::string PartReader::text() {
  const auto bytes = take(static_cast<std::size_t>(take_number()));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

domain::RecordEntry PartReader::record() {
  domain::RecordEntry entry;
  std::size_t used = 0;
  if (is_good_ && !get_record(left_, entry, used).empty()) fail();
  take(used);
  return is_good_ ? entry : domain::RecordEntry{};
}

}  // namespace halcyon::persistence
