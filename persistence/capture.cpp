#include "persistence/capture.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zstd.h>

#include "persistence/crc32c.h"
#include "persistence/encoding.h"

namespace halcyon::persistence {

namespace {

constexpr std::array<std::uint8_t, 8> magic{'H', 'A', 'L', 'C', 'Y', 'O', 'N', 'C'};
constexpr std::size_t header_crc_offset = 60;
constexpr std::size_t block_crc_offset = 20;
/// Fast, and still a tenth of the bytes.
constexpr int compression_level = 1;

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

/// The files of a directory that are called like captures, oldest first.
std::vector<std::filesystem::path> list_files(const std::string& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{directory, error}) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("capture-") && name.ends_with(".hjc")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::array<std::uint8_t, capture_header_bytes> encode_header(const CaptureOptions& options,
                                                             std::uint64_t number) {
  std::array<std::uint8_t, capture_header_bytes> bytes{};
  std::copy(magic.begin(), magic.end(), bytes.begin());
  store_at(bytes, 8, capture_version);
  store_at(bytes, 12, static_cast<std::uint32_t>(capture_header_bytes));
  std::copy(options.uuid.bytes.begin(), options.uuid.bytes.end(), bytes.begin() + 16);
  store_at(bytes, 32, options.first_sequence);
  store_at(bytes, 40, number);
  store_at(bytes, header_crc_offset,
           crc32c(std::span<const std::uint8_t>{bytes}.first(header_crc_offset)));
  return bytes;
}

std::string examine_header(std::span<const std::uint8_t> file) {
  if (file.size() < capture_header_bytes || !std::equal(magic.begin(), magic.end(), file.begin())) {
    return "not a capture";
  }
  if (load_at<std::uint32_t>(file, header_crc_offset) != crc32c(file.first(header_crc_offset))) {
    return "the capture's header is damaged (wrong checksum)";
  }
  if (const auto version = load_at<std::uint32_t>(file, 8); version > capture_version) {
    return fmt::format("format version {}, and this daemon reads up to {}", version,
                       capture_version);
  }
  return {};
}

}  // namespace

// ---- CaptureWriter ------------------------------------------------------------------------------

CaptureWriter::CaptureWriter(CaptureOptions options)
    : options_(std::move(options)), compressor_(ZSTD_createCCtx()) {
  block_.reserve(capture_block_bytes + 4096);
}

CaptureWriter::~CaptureWriter() {
  flush();
  ZSTD_freeCCtx(static_cast<ZSTD_CCtx*>(compressor_));
}

void CaptureWriter::add(const domain::Event& event) {
  ++events_;
  const std::size_t at = block_.size();
  block_.resize(at + event_bytes(event));
  put_event(block_.data() + at, event);
  ++count_;
  if (block_.size() >= capture_block_bytes) flush();
}

void CaptureWriter::flush() {
  if (count_ == 0) return;
  packed_.resize(capture_block_header_bytes + ZSTD_compressBound(block_.size()));
  const std::size_t size = ZSTD_compressCCtx(
      static_cast<ZSTD_CCtx*>(compressor_), packed_.data() + capture_block_header_bytes,
      packed_.size() - capture_block_header_bytes, block_.data(), block_.size(), compression_level);
  bool is_written = false;
  if (ZSTD_isError(size) == 0U) {
    packed_.resize(capture_block_header_bytes + size);
    store_at(packed_, 0, static_cast<std::uint32_t>(size));
    store_at(packed_, 4, static_cast<std::uint32_t>(block_.size()));
    store_at(packed_, 8, before_);
    store_at(packed_, 16, count_);
    const std::span<const std::uint8_t> all{packed_};
    store_at(packed_, block_crc_offset,
             crc32c(all.subspan(capture_block_header_bytes), crc32c(all.first(block_crc_offset))));
    is_written = (file_.is_open() || open_file()) && write(packed_);
  } else {
    last_error_ = fmt::format("capture: {}", ZSTD_getErrorName(size));
  }
  // The reader sees by the numbers that some are missing.
  before_ += count_;
  if (!is_written) lost_ += count_;
  if (is_written) last_error_.clear();
  block_.clear();
  count_ = 0;
  if (file_bytes_ >= capture_file_bytes) file_ = File{};
}

bool CaptureWriter::open_file() {
  std::error_code error;
  if (std::filesystem::create_directory(options_.directory, error)) {
    std::filesystem::permissions(options_.directory, std::filesystem::perms::owner_all, error);
  }
  make_room();
  const std::uint64_t number = file_number_ + 1;
  path_ = fmt::format("{}/capture-{:020}-{:06}.hjc", options_.directory, options_.first_sequence,
                      number);
  File file{::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!file.is_open()) {
    last_error_ = system_words("capture: cannot create", path_, errno);
    return false;
  }
  file_ = std::move(file);
  file_bytes_ = 0;
  if (!write(encode_header(options_, number))) {
    file_ = File{};
    ::unlink(path_.c_str());
    return false;
  }
  file_number_ = number;
  return true;
}

bool CaptureWriter::write(std::span<const std::uint8_t> bytes) {
  std::uint64_t at = file_bytes_;
  for (std::span<const std::uint8_t> left = bytes; !left.empty();) {
    const ssize_t count = ::pwrite(file_.get(), left.data(), left.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      last_error_ = system_words("capture: cannot write to", path_, errno);
      // Half a block would hide what comes behind it.
      if (::ftruncate(file_.get(), static_cast<off_t>(file_bytes_)) != 0) file_ = File{};
      return false;
    }
    left = left.subspan(static_cast<std::size_t>(count));
    at += static_cast<std::uint64_t>(count);
  }
  file_bytes_ = at;
  bytes_ += bytes.size();
  return true;
}

void CaptureWriter::make_room() {
  const auto files = list_files(options_.directory);
  std::uint64_t sum = std::min(capture_file_bytes, options_.max_bytes);  // what the new one takes
  std::error_code error;
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    const auto size = std::filesystem::file_size(*file, error);
    if (!error) sum += size;
    if (sum > options_.max_bytes) std::filesystem::remove(*file, error);
  }
}

// ---- CaptureReader ------------------------------------------------------------------------------

CaptureReader::~CaptureReader() = default;

std::unique_ptr<CaptureReader> CaptureReader::open(const std::string& directory,
                                                   const JournalUuid& uuid,
                                                   std::uint64_t first_sequence) {
  const std::string prefix = fmt::format("capture-{:020}-", first_sequence);
  std::unique_ptr<CaptureReader> reader{new CaptureReader};
  reader->uuid_ = uuid;
  for (const auto& file : list_files(directory)) {
    if (file.filename().string().starts_with(prefix)) reader->files_.push_back(file.string());
  }
  return reader->files_.empty() ? nullptr : std::move(reader);
}

std::string CaptureReader::unpack(std::span<const std::uint8_t> file, std::size_t& offset,
                                  std::vector<std::uint8_t>& block, std::uint64_t& before,
                                  std::uint32_t& count) {
  const auto left = file.subspan(offset);
  if (left.size() < capture_block_header_bytes) return "ends in the middle of a block";
  const auto size = load_at<std::uint32_t>(left, 0);
  const auto raw = load_at<std::uint32_t>(left, 4);
  if (size > left.size() - capture_block_header_bytes) return "ends in the middle of a block";
  const auto packed = left.subspan(capture_block_header_bytes, size);
  if (load_at<std::uint32_t>(left, block_crc_offset) !=
      crc32c(packed, crc32c(left.first(block_crc_offset)))) {
    return "a block is damaged (wrong checksum)";
  }
  if (raw > max_capture_block_bytes) return "a block is longer than any is";
  block.resize(raw);
  const std::size_t got = ZSTD_decompress(block.data(), raw, packed.data(), packed.size());
  if (ZSTD_isError(got) != 0U || got != raw) return "a block cannot be decompressed";
  before = load_at<std::uint64_t>(left, 8);
  count = load_at<std::uint32_t>(left, 16);
  offset += capture_block_header_bytes + size;
  return {};
}

bool CaptureReader::next_block() {
  for (;;) {
    if (offset_ < file_.size()) {
      std::uint64_t before = 0;
      std::uint32_t count = 0;
      const std::string why = unpack(file_, offset_, block_, before, count);
      if (!why.empty()) {
        // The end of a run that was killed; or damage, and then what follows has a gap before it.
        words_ = fmt::format("{}: offset {}: {}", files_[file_index_ - 1], offset_, why);
        offset_ = file_.size();
        continue;
      }
      has_gap_ = has_gap_ || before != seen_;
      seen_ = before;
      left_ = count;
      block_offset_ = 0;
      return true;
    }
    if (file_index_ == files_.size()) return false;
    const std::string& path = files_[file_index_++];
    std::ifstream stream{path, std::ios::binary};
    file_.assign(std::istreambuf_iterator<char>{stream}, {});
    offset_ = capture_header_bytes;
    std::string why = examine_header(file_);
    if (why.empty() && !std::equal(uuid_.bytes.begin(), uuid_.bytes.end(), file_.begin() + 16)) {
      why = "it belongs to another journal";
    }
    if (!why.empty()) {
      words_ = path + ": " + why;
      file_.clear();
    }
  }
}

bool CaptureReader::next(domain::Event& event, bool& has_gap) {
  while (left_ == 0) {
    if (!next_block()) return false;
  }
  std::size_t used = 0;
  const auto bytes = std::span<const std::uint8_t>{block_}.subspan(block_offset_);
  if (const std::string why = get_event(bytes, event, used); !why.empty()) {
    words_ = why;
    left_ = 0;
    has_gap_ = true;
    return next(event, has_gap);
  }
  block_offset_ += used;
  --left_;
  ++seen_;
  has_gap = has_gap_ || event.remark != 0;
  has_gap_ = false;
  return true;
}

std::vector<domain::Event> CaptureReader::parse(std::span<const std::uint8_t> bytes,
                                                std::string& words) {
  std::vector<domain::Event> events;
  words = examine_header(bytes);
  std::vector<std::uint8_t> block;
  for (std::size_t offset = capture_header_bytes; words.empty() && offset < bytes.size();) {
    std::uint64_t before = 0;
    std::uint32_t count = 0;
    words = unpack(bytes, offset, block, before, count);
    std::size_t at = 0;
    for (std::uint32_t number = 0; words.empty() && number < count; ++number) {
      std::size_t used = 0;
      words =
          get_event(std::span<const std::uint8_t>{block}.subspan(at), events.emplace_back(), used);
      at += used;
    }
  }
  if (!words.empty()) events.clear();
  return events;
}

}  // namespace halcyon::persistence
