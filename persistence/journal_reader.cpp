#include <optional>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "persistence/encoding.h"
#include "persistence/journal.h"
#include "persistence/segment.h"

namespace halcyon::persistence {

namespace {

class SegmentedReader final : public JournalReader {
 public:
  SegmentedReader(const std::string& directory, std::uint64_t after_sequence, ReadUpTo up_to)
      : directory_(directory), up_to_(up_to) {
    const SegmentList list = list_segments(directory);
    if (list.files.empty()) {
      throw JournalError(directory + ": there is no journal in this directory");
    }
    if (list.files.front().first_sequence > after_sequence + 1) {
      throw JournalError(
          fmt::format("{}: sequence {} is not there any more: the journal begins with {}",
                      directory, after_sequence + 1, list.files.front().first_sequence));
    }
    std::size_t start = 0;
    while (start + 1 < list.files.size() &&
           list.files[start + 1].first_sequence <= after_sequence + 1) {
      ++start;
    }
    if (!enter(list.files[start].path)) {
      throw JournalError(list.files[start].path + ": the segment's header is missing");
    }
    uuid_ = segment_->header().uuid;
    while (last_ < after_sequence) {
      std::span<const std::uint8_t> frame;
      if (!find(frame, false)) {
        throw JournalError(fmt::format(
            "{}: the journal ends with sequence {}, and {} was asked for: a projection ahead of "
            "its "
            "journal; give the daemon back the journal that the projection was made from",
            directory, last_, after_sequence));
      }
      take(frame);
    }
  }

  bool next(FrameView& frame) override {
    std::span<const std::uint8_t> bytes;
    if (!find(bytes, up_to_ == ReadUpTo::durable)) return false;
    if (const std::string words = decoder_.decode(bytes, frame); !words.empty()) fail(words);
    take(bytes);
    return true;
  }

  const JournalUuid& uuid() const override { return uuid_; }

 private:
  [[noreturn]] void fail(const std::string& words) const {
    throw JournalError(fmt::format("{}: offset {}: {}", segment_->path(), offset_, words));
  }

  bool enter(const std::string& path) {
    auto segment = SegmentReader::open(path);
    if (!segment) return false;
    segment_ = std::move(segment);
    offset_ = segment_header_bytes;
    last_ = segment_->header().first_sequence - 1;
    watermark_ = 0;
    return true;
  }

  /// The segment behind a seal. It may still be called next.hjl, or be between its two names.
  bool enter_following() {
    const std::uint64_t wanted = last_ + 1;
    const std::string named = directory_ + "/" + segment_name(wanted);
    const std::string unnamed = directory_ + "/" + next_segment_name;
    for (int attempt = 1; attempt <= attempts_at_next; ++attempt) {
      const bool is_named = ::access(named.c_str(), F_OK) == 0;
      const std::string& path = is_named ? named : unnamed;
      if (!is_named && ::access(path.c_str(), F_OK) != 0) continue;
      std::optional<SegmentReader> segment;
      try {
        segment = SegmentReader::open(path);
      } catch (const JournalError&) {
        if (is_named || attempt == attempts_at_next) throw;
        continue;
      }
      if (!segment || segment->header().first_sequence != wanted) continue;
      if (segment->header().uuid != uuid_) {
        throw JournalError(path + ": the segment belongs to another journal");
      }
      segment_ = std::move(segment);
      offset_ = segment_header_bytes;
      watermark_ = 0;
      return true;
    }
    return false;
  }

  /// The next frame that is no dictionary; false when there is none yet.
  bool find(std::span<const std::uint8_t>& frame, bool only_durable) {
    for (;;) {
      switch (segment_->at(offset_, frame)) {
        case SegmentReader::Found::nothing:
          return false;
        case SegmentReader::Found::seal:
          if (!enter_following()) return false;
          continue;
        case SegmentReader::Found::damage:
          fail(
              fmt::format("the frame behind sequence {} is damaged (wrong checksum); if the "
                          "daemon does not run, its next start cuts a torn tail or says what to do",
                          last_));
        case SegmentReader::Found::frame:
          break;
      }
      const RawHeader header = read_header(frame);
      if (header.kind == static_cast<std::uint8_t>(FrameKind::dictionary)) {
        offset_ += aligned(frame.size());
        continue;
      }
      if (header.sequence != last_ + 1) {
        fail(fmt::format("sequence {} stands behind {}: frames are missing or mixed up",
                         header.sequence, last_));
      }
      if (only_durable && header.sequence > watermark_) {
        watermark_ = segment_->watermark();
        if (header.sequence > watermark_) return false;
      }
      return true;
    }
  }

  void take(std::span<const std::uint8_t> frame) {
    ++last_;
    offset_ += aligned(frame.size());
  }

  std::string directory_;
  ReadUpTo up_to_;
  JournalUuid uuid_;
  std::optional<SegmentReader> segment_;
  std::uint64_t offset_ = 0;     ///< of the next frame
  std::uint64_t last_ = 0;       ///< sequence of the frame before it
  std::uint64_t watermark_ = 0;  ///< of this segment, as last read
  FrameDecoder decoder_;
};

}  // namespace

std::unique_ptr<JournalReader> JournalReader::open(const std::string& directory,
                                                   std::uint64_t after_sequence, ReadUpTo up_to) {
  return std::make_unique<SegmentedReader>(directory, after_sequence, up_to);
}

}  // namespace halcyon::persistence
