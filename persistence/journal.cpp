#include "persistence/journal.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain/check.h"
#include "persistence/encoding.h"
#include "persistence/segment.h"
#include "persistence/snapshot.h"

namespace halcyon::persistence {

namespace {

/// How much of a new segment one call of `prepare` touches: below a millisecond.
constexpr std::uint64_t touch_bytes = 1ULL << 20;
/// How far ahead of the writer pages are kept writable: the kernel write-protects what it wrote
/// back, and a fault costs the writer up to 30 us.
constexpr std::uint64_t keep_touched_bytes = 256ULL << 10;
/// Calls of `prepare` from one attempt to allocate a segment to the next, after a failure.
constexpr int calls_between_attempts = 16;

/// What a new segment begins with: the names in the order they came, the last configuration, the
/// last epoch; encoded already. Memory is taken once. Thread: engine.
class Dictionary {
 public:
  explicit Dictionary(std::uint64_t capacity) : names_(capacity), definition_(capacity) {}

  static bool concerns(const domain::Record& record) {
    return std::holds_alternative<domain::Named>(record) ||
           std::holds_alternative<domain::Defined>(record) ||
           std::holds_alternative<domain::EpochStarted>(record);
  }

  /// Whether all these records can be remembered.
  bool has_room(std::span<const domain::RecordEntry> records) const {
    std::uint64_t names = names_size_;
    for (const domain::RecordEntry& entry : records) {
      if (is_configuration(entry) && record_bytes(entry) > definition_.size()) return false;
      const auto* named = std::get_if<domain::Named>(&entry.record);
      if (named != nullptr && is_new(*named)) names += record_bytes(entry);
    }
    return names <= names_.size();
  }

  void remember(const domain::RecordEntry& entry) {
    if (const auto* named = std::get_if<domain::Named>(&entry.record)) {
      if (!is_new(*named)) return;
      next_id_.at(static_cast<std::size_t>(named->kind)) = named->id + 1;
      put_record(names_.data() + names_size_, entry);
      names_size_ += record_bytes(entry);
      ++names_count_;
    } else if (is_configuration(entry)) {
      definition_size_ = record_bytes(entry);
      put_record(definition_.data(), entry);
    } else if (const auto* epoch = std::get_if<domain::EpochStarted>(&entry.record)) {
      epoch_ = *epoch;
      has_epoch_ = true;
    }
  }

  std::uint64_t bytes() const {
    return names_size_ + definition_size_ + (has_epoch_ ? epoch_bytes() : 0);
  }
  std::uint32_t count() const {
    return names_count_ + (definition_size_ != 0 ? 1U : 0U) + (has_epoch_ ? 1U : 0U);
  }
  bool is_empty() const { return count() == 0; }

  /// Writes the frame at `out`; the caller commits it.
  std::uint32_t put(std::uint8_t* out, const FrameHead& head) const {
    // The records go to their place first, and the frame is put around them.
    std::uint8_t* at = out + frame_header_bytes;
    std::memcpy(at, names_.data(), names_size_);
    std::memcpy(at + names_size_, definition_.data(), definition_size_);
    if (has_epoch_) put_record(at + names_size_ + definition_size_, {epoch_, {}});
    return put_dictionary(out, head, count(), bytes());
  }

 private:
  /// Ids are dense, so a name that was said before has a smaller number than the next one.
  bool is_new(const domain::Named& named) const {
    return named.id >= next_id_.at(static_cast<std::size_t>(named.kind));
  }
  static bool is_configuration(const domain::RecordEntry& entry) {
    const auto* defined = std::get_if<domain::Defined>(&entry.record);
    return defined != nullptr && defined->kind == domain::DefinitionKind::configuration;
  }
  static std::uint64_t epoch_bytes() { return record_bytes({domain::EpochStarted{}, {}}); }

  std::vector<std::uint8_t> names_;
  std::vector<std::uint8_t> definition_;
  std::uint64_t names_size_ = 0;
  std::uint64_t definition_size_ = 0;
  std::uint32_t names_count_ = 0;
  domain::EpochStarted epoch_;
  bool has_epoch_ = false;
  std::array<std::uint32_t, 6> next_id_{};  // by NameKind
};
static_assert(static_cast<std::size_t>(domain::NameKind::user) == 5);

/// What market data or time brought up and was refused: the one kind of frame that changes nothing.
bool is_refusals_only(const domain::Event& input, std::span<const domain::RecordEntry> records) {
  return domain::is_market(input) && std::all_of(records.begin(), records.end(), [](const auto& e) {
           return std::holds_alternative<domain::OrderDenied>(e.record);
         });
}

File lock_directory(const std::string& directory) {
  const std::string path = directory + "/lock";
  File file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!file.is_open()) throw JournalError(system_words("cannot open", path, errno));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    if (error != EWOULDBLOCK) throw JournalError(system_words("cannot lock", path, error));
    std::array<char, 24> text{};
    const ssize_t got = ::pread(file.get(), text.data(), text.size() - 1, 0);
    std::string holder{text.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
    while (!holder.empty() && (holder.back() < '0' || holder.back() > '9')) holder.pop_back();
    throw JournalError(
        fmt::format("{}: the journal is in use by process {} (it holds the lock {}); stop that "
                    "process, or give this daemon a data_dir of its own",
                    directory, holder.empty() ? "unknown" : holder, path));
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(file.get(), 0) != 0 ||
      ::pwrite(file.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    throw JournalError(system_words("cannot write", path, errno));
  }
  return file;
}

JournalUuid random_uuid() {
  JournalUuid uuid;
  std::size_t got = 0;
  while (got < uuid.bytes.size()) {
    const ssize_t count = ::getrandom(uuid.bytes.data() + got, uuid.bytes.size() - got, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw JournalError(system_words("cannot get", "random bytes", errno));
    got += static_cast<std::size_t>(count);
  }
  uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0FU) | 0x40U);  // RFC 9562, UUIDv4
  uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3FU) | 0x80U);
  return uuid;
}

domain::Timestamp now() {
  return std::chrono::time_point_cast<domain::Duration>(std::chrono::system_clock::now());
}

class SegmentedJournal final : public Journal {
 public:
  SegmentedJournal(JournalOptions options, File lock)
      : options_(std::move(options)),
        lock_(std::move(lock)),
        next_path_(options_.directory + "/" + next_segment_name),
        max_frame_(std::min(max_frame_bytes, options_.segment_bytes / 4)),
        dictionary_(max_frame_ / 4) {}

  ~SegmentedJournal() override {
    if (written_.empty()) return;  // never opened
    // A last turn of the helper, which has ended: the name of the segment, and what is to sync.
    const std::lock_guard guard{helper_};
    (void)follow_writer();
    if (options_.sync_power) (void)sync_segments();
    const bool in_use = !unnamed_.empty();
    upcoming_.reset();
    delete next_.exchange(nullptr);
    if (!in_use) ::unlink(next_path_.c_str());
  }

  void recover(Recovered& recovered, const std::function<void(const domain::RecordEntry&)>& each);

  bool append(const domain::Event& input, std::string_view remark,
              std::span<const domain::RecordEntry> records) noexcept override {
    if (records.empty() && domain::is_market(input)) return true;
    const std::size_t size = frame_bytes(input, remark, records);
    if (size > max_frame_) {
      trouble_.store(Trouble::frame_too_long, std::memory_order_relaxed);
      return false;
    }
    bool is_name = false;
    for (const domain::RecordEntry& entry : records) {
      is_name = is_name || Dictionary::concerns(entry.record);
    }
    if (is_name && !dictionary_.has_room(records)) {
      trouble_.store(Trouble::dictionary_full, std::memory_order_relaxed);
      return false;
    }
    if (position_ + aligned(size) + seal_bytes > segment_->bytes()) {
      if (!roll(input.received)) return false;
      if (position_ + aligned(size) + seal_bytes > segment_->bytes()) return false;
    } else if (position_ + aligned(size) > reserve_line_ &&
               next_.load(std::memory_order_acquire) == nullptr &&
               is_refusals_only(input, records)) {
      left_out_.fetch_add(1, std::memory_order_relaxed);
      return true;
    }

    const std::uint64_t sequence = sequence_ + 1;
    const FrameHead head{sequence, options_.sync_power ? durable_sequence() : sequence_,
                         input.received};
    const std::uint32_t length = put_frame(segment_->at(position_), head, input, remark, records);
    HALCYON_CHECK(length == size, "a frame has the size that was foreseen");
    segment_->commit(position_, length);
    position_ += aligned(length);
    sequence_ = sequence;
    segment_->committed.store(position_, std::memory_order_release);
    last_sequence_.store(sequence, std::memory_order_release);
    is_low_.store(position_ > reserve_line_, std::memory_order_relaxed);
    trouble_.store(Trouble::none, std::memory_order_relaxed);
    if (is_name) {
      for (const domain::RecordEntry& entry : records) dictionary_.remember(entry);
    }
    return true;
  }

  domain::JournalRoom room() const noexcept override {
    const bool is_short =
        is_low_.load(std::memory_order_relaxed) && next_.load(std::memory_order_relaxed) == nullptr;
    return is_short || has_failed_.load(std::memory_order_relaxed) ? domain::JournalRoom::reserve
                                                                   : domain::JournalRoom::open;
  }
  std::uint64_t last_sequence() const noexcept override {
    return last_sequence_.load(std::memory_order_acquire);
  }
  std::uint64_t durable_sequence() const noexcept override {
    return options_.sync_power ? durable_.load(std::memory_order_acquire) : last_sequence();
  }
  const JournalUuid& uuid() const noexcept override { return uuid_; }
  std::uint64_t left_out() const noexcept override {
    return left_out_.load(std::memory_order_relaxed);
  }

  std::size_t prepare() override {
    std::size_t did = 0;
    {
      const std::lock_guard guard{helper_};
      did += follow_writer();
      if (options_.sync_power) did += sync_segments();
      if (retire()) ++did;
      Segment& segment = *written_.back();
      (void)segment.touch(segment.committed.load(std::memory_order_relaxed), keep_touched_bytes);
    }
    if (next_.load(std::memory_order_acquire) == nullptr && is_name_free()) did += make_next();
    return did;
  }

  bool sync() override {
    const std::lock_guard guard{helper_};
    (void)follow_writer();
    if (options_.sync_power) {
      (void)sync_segments();
    } else {
      sync_error_.clear();
      for (const auto& segment : written_) {
        if (segment->sync()) continue;
        sync_error_ = system_words("journal: cannot sync a segment in", options_.directory, errno);
      }
      publish_failure();
    }
    (void)retire();
    return sync_error_.empty();
  }

  std::string last_error() const override {
    const std::lock_guard guard{helper_};
    std::string words;
    const auto add = [&words](const std::string& more) {
      if (more.empty()) return;
      if (!words.empty()) words += "; ";
      words += more;
    };
    add(name_error_);
    add(sync_error_);
    add(make_error_);
    switch (trouble_.load(std::memory_order_relaxed)) {
      case Trouble::none:
        break;
      case Trouble::frame_too_long:
        add(
            fmt::format("journal: a frame of more than {} bytes was refused; raise "
                        "journal.segment_bytes",
                        max_frame_));
        break;
      case Trouble::dictionary_full:
        add("journal: the names or the configuration have become too long to be said again in a "
            "segment; raise journal.segment_bytes");
        break;
    }
    return words;
  }

 private:
  enum class Trouble : std::uint8_t { none, frame_too_long, dictionary_full };

  /// The writer goes on in the segment that the helper has made ready. False when there is none.
  bool roll(domain::Timestamp when) noexcept {
    Segment* next = next_.load(std::memory_order_acquire);
    if (next == nullptr) return false;
    start_segment(*next, when);
    // Sealed only now: whoever sees the seal finds the segment that follows.
    segment_->commit(position_, seal_word);
    use(next, first_free_);
    // Last: when the helper sees that there is no next one, it also sees who took it, and does not
    // make another under the same name.
    next_.store(nullptr, std::memory_order_release);
    return true;
  }

  /// Writes what a segment begins with. Its file is one from the header's last store on.
  void start_segment(Segment& segment, domain::Timestamp when) noexcept {
    first_free_ = segment_header_bytes;
    if (!dictionary_.is_empty()) {
      const FrameHead head{sequence_, options_.sync_power ? durable_sequence() : sequence_, when};
      const std::uint32_t length = dictionary_.put(segment.at(first_free_), head);
      segment.commit(first_free_, length);
      first_free_ += aligned(length);
    }
    segment.committed.store(first_free_, std::memory_order_release);
    segment.begin({uuid_, sequence_ + 1, when, segment.bytes(),
                   options_.sync_power ? std::uint64_t{0} : no_watermark});
  }

  void use(Segment* segment, std::uint64_t position) noexcept {
    segment_ = segment;
    position_ = position;
    reserve_line_ = segment->bytes() - std::min(reserve_bytes, segment->bytes() / 4);
    is_low_.store(position_ > reserve_line_, std::memory_order_relaxed);
    current_.store(segment, std::memory_order_release);
  }

  // ---- The helper's. Under `helper_`, but for make_next. ----------------------------------------

  /// Sees whether the writer has gone on to another segment, and gives its file its name.
  std::size_t follow_writer() {
    Segment* now_current = current_.load(std::memory_order_acquire);
    std::size_t did = 0;
    if (now_current != written_.back().get()) {
      // At most one step: the writer cannot go on again before make_next has run again.
      written_.emplace_back(now_current);
      unnamed_ = options_.directory + "/" + segment_name(now_current->first_sequence());
      did = 1;
    }
    if (!options_.sync_power) name_segment();
    return did;
  }

  void name_segment() {
    if (unnamed_.empty()) return;
    if (::rename(next_path_.c_str(), unnamed_.c_str()) != 0) {
      name_error_ = system_words("journal: cannot give a segment its name", unnamed_, errno);
    } else if (options_.sync_power && !sync_directory(name_error_)) {
      // The rename stands, so it is not done again; only the directory is synced again.
      must_sync_directory_ = true;
      unnamed_.clear();
    } else {
      name_error_.clear();
      unnamed_.clear();
    }
    publish_failure();
  }

  bool sync_directory(std::string& error) const {
    const File file{::open(options_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!file.is_open() || ::fsync(file.get()) != 0) {
      error = system_words("journal: cannot sync the directory", options_.directory, errno);
      return false;
    }
    return true;
  }

  std::size_t sync_segments() {
    const std::uint64_t target = last_sequence_.load(std::memory_order_acquire);
    // Read before the segments: a frame up to `target` is in one that follow_writer has seen, or in
    // the one that it sees now.
    (void)follow_writer();
    if (target == durable_.load(std::memory_order_relaxed) && unnamed_.empty() &&
        !must_sync_directory_) {
      return 0;
    }
    for (const auto& segment : written_) {
      if (!segment->sync()) {
        sync_error_ = system_words("journal: cannot sync a segment in", options_.directory, errno);
        publish_failure();
        return 0;
      }
    }
    name_segment();
    if (must_sync_directory_ && sync_directory(name_error_)) {
      must_sync_directory_ = false;
      name_error_.clear();
    }
    sync_error_.clear();
    publish_failure();
    if (!unnamed_.empty() || must_sync_directory_) return 0;
    durable_.store(target, std::memory_order_release);
    for (const auto& segment : written_) segment->set_watermark(target);
    return 1;
  }

  /// Lets go of the segments that are full, named and synced.
  bool retire() {
    if (written_.size() == 1 || !unnamed_.empty() || !sync_error_.empty()) return false;
    if (options_.sync_power) {
      // The first sequence of the current one tells where the one before ended.
      if (durable_.load(std::memory_order_relaxed) + 1 < written_.back()->first_sequence()) {
        return false;
      }
    }
    written_.erase(written_.begin(), written_.end() - 1);
    return true;
  }

  bool is_name_free() {
    const std::lock_guard guard{helper_};
    (void)follow_writer();
    return unnamed_.empty();
  }

  /// One piece of the next segment: its file, then a part of its pages, then the handing over.
  std::size_t make_next() {
    if (attempts_to_skip_ > 0) {
      --attempts_to_skip_;
      return 0;
    }
    std::string error;
    if (upcoming_ == nullptr) {
      upcoming_ = Segment::create(next_path_, options_.segment_bytes, error);
      touched_ = 0;
      if (upcoming_ == nullptr) return fail_next("journal: " + error);
      return 1;
    }
    if (touched_ < upcoming_->bytes()) {
      if (!upcoming_->touch(touched_, touch_bytes)) {
        return fail_next(system_words("journal: cannot write to", next_path_, errno));
      }
      touched_ += touch_bytes;
      return 1;
    }
    if (options_.sync_power && (!upcoming_->sync() || !sync_directory(error))) {
      return fail_next(error.empty() ? system_words("journal: cannot sync", next_path_, errno)
                                     : error);
    }
    {
      const std::lock_guard guard{helper_};
      make_error_.clear();
      publish_failure();
    }
    next_.store(upcoming_.release(), std::memory_order_release);
    return 1;
  }

  std::size_t fail_next(const std::string& words) {
    upcoming_.reset();
    ::unlink(next_path_.c_str());
    attempts_to_skip_ = calls_between_attempts;
    const std::lock_guard guard{helper_};
    make_error_ = words + "; no new orders until it is mended, cancels and fills go on";
    publish_failure();
    return 0;
  }

  void publish_failure() {
    has_failed_.store(!name_error_.empty() || !sync_error_.empty() || !make_error_.empty(),
                      std::memory_order_release);
  }

  void set_watermarks(const Walk& found) const;

  const JournalOptions options_;
  const File lock_;
  const std::string next_path_;
  const std::uint64_t max_frame_;
  JournalUuid uuid_;

  // The writer's.
  Segment* segment_ = nullptr;
  std::uint64_t position_ = 0;
  std::uint64_t reserve_line_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t first_free_ = 0;
  Dictionary dictionary_;

  // Between the two.
  std::atomic<std::uint64_t> last_sequence_{0};
  std::atomic<std::uint64_t> durable_{0};
  std::atomic<std::uint64_t> left_out_{0};
  std::atomic<Segment*> current_{nullptr};  ///< owned by `written_`
  std::atomic<Segment*> next_{nullptr};     ///< owned by this pointer until the writer takes it
  std::atomic<bool> is_low_{false};         ///< the current segment has only its reserve left
  std::atomic<bool> has_failed_{false};
  std::atomic<Trouble> trouble_{Trouble::none};

  // The helper's.
  mutable std::mutex helper_;
  std::vector<std::unique_ptr<Segment>> written_;  ///< the last one is current
  std::string unnamed_;  ///< the name that next.hjl must get, while it has not got it
  bool must_sync_directory_ = false;
  std::string name_error_;
  std::string sync_error_;
  std::string make_error_;
  std::unique_ptr<Segment> upcoming_;
  std::uint64_t touched_ = 0;
  int attempts_to_skip_ = 0;
};

/// A segment that the process left before its last frames were synced would hold up the readers of
/// what is durable. Called when all is on disk, or need not be.
void SegmentedJournal::set_watermarks(const Walk& found) const {
  for (std::size_t index = 0; index + 1 < found.segments; ++index) {
    const std::string& path = found.list.files[index].path;
    const std::uint64_t last = found.list.files[index + 1].first_sequence - 1;
    const auto reader = SegmentReader::open(path);
    if (!reader || reader->header().watermark >= last) continue;
    const std::uint64_t watermark = options_.sync_power ? last : no_watermark;
    const File file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!file.is_open() ||
        ::pwrite(file.get(), &watermark, sizeof watermark, static_cast<off_t>(watermark_offset)) !=
            static_cast<ssize_t>(sizeof watermark)) {
      throw JournalError(system_words("cannot write to", path, errno));
    }
  }
}

void SegmentedJournal::recover(Recovered& recovered,
                               const std::function<void(const domain::RecordEntry&)>& each) {
  recovered = {};
  const std::string& directory = options_.directory;
  std::string error;
  const auto refuse = [](const std::string& words) { throw JournalError(words); };

  Walk found;
  if (list_segments(directory).files.empty()) {
    if (const auto snapshots = list_snapshots(directory); !snapshots.empty()) {
      refuse(
          fmt::format("{}: it says what the journal held up to sequence {}, and the journal's "
                      "segments are missing; restore them from a backup",
                      snapshots.front().path, snapshots.front().sequence));
    }
    // A new journal. The file gets its name when it is whole.
    recovered.is_new = true;
    uuid_ = random_uuid();
    auto segment = Segment::create(next_path_, options_.segment_bytes, error);
    if (segment == nullptr) refuse("cannot start a journal: " + error);
    if (!segment->touch(0, segment->bytes())) {
      refuse(system_words("cannot write to", next_path_, errno));
    }
    start_segment(*segment, now());
    use(segment.get(), first_free_);
    unnamed_ = directory + "/" + segment_name(1);
    name_segment();
    if (!name_error_.empty()) refuse(name_error_);
    written_.push_back(std::move(segment));
  } else {
    recovered.snapshot = find_snapshot(directory, recovered.refused_snapshots);
    const std::uint64_t after = recovered.snapshot == nullptr ? 0 : recovered.snapshot->sequence();
    if (recovered.snapshot != nullptr) recovered.snapshot->each(each);
    const auto read = [&](const FrameView& frame) {
      if (!frame.is_dictionary && frame.sequence > after) ++recovered.frames;
      for (const domain::RecordEntry& entry : frame.records) {
        if (Dictionary::concerns(entry.record)) {
          if (!dictionary_.has_room({&entry, 1})) {
            refuse(fmt::format(
                "{}: the names or the configuration in it are too long for journal.segment_bytes = "
                "{}; raise it",
                directory, options_.segment_bytes));
          }
          dictionary_.remember(entry);
        }
        // What a dictionary says was said before.
        if (!frame.is_dictionary && frame.sequence > after) each(entry);
      }
    };
    found = walk(directory, read, after);
    if (found.is_sealed && !found.list.has_unused_next && found.empty_files.empty()) {
      refuse(
          fmt::format("{}: offset {}: the journal goes on in a segment that begins with "
                      "sequence {}, and that file is missing; restore it from a backup",
                      found.tail_path, found.end, found.last_sequence + 1));
    }
    uuid_ = found.uuid;
    sequence_ = found.last_sequence;
    last_sequence_ = sequence_;
    recovered.last_sequence = found.last_sequence;
    recovered.cut_bytes = found.dirty_end - found.end;

    for (const auto& [path, end] : found.unsealed) {
      std::uint64_t bytes = 0;
      if (const auto reader = SegmentReader::open(path)) bytes = reader->header().bytes;
      const auto segment = Segment::reopen(path, bytes, error);
      if (segment == nullptr) refuse(error);
      segment->commit(end, seal_word);
    }
    for (const std::string& path : found.empty_files) {
      if (::unlink(path.c_str()) != 0) refuse(system_words("cannot remove", path, errno));
    }

    auto segment = Segment::reopen(found.tail_path, found.tail.bytes, error);
    if (segment == nullptr) refuse(error);
    // Whatever is behind the last good frame must be zero before a reader may follow. A seal
    // without a segment behind it goes too: the machine stopped while the writer went over, and the
    // next one's beginning never came to the disk.
    std::memset(segment->at(found.end), 0,
                (found.is_sealed ? segment->bytes() : found.dirty_end) - found.end);
    if (!segment->touch(found.end, segment->bytes() - found.end)) {
      refuse(system_words("cannot write to", found.tail_path, errno));
    }
    segment->committed = found.end;
    use(segment.get(), found.end);
    const SegmentFile& last = found.list.files[found.segments - 1];
    if (!last.is_named) {
      unnamed_ = directory + "/" + segment_name(last.first_sequence);
      name_segment();
      if (!name_error_.empty()) refuse(name_error_);
    }
    if (last.is_named) ::unlink(next_path_.c_str());  // never in use
    written_.push_back(std::move(segment));
  }

  if (options_.sync_power) {
    // What was found may not be on disk yet, and the promise starts here.
    for (const auto& file : list_segments(directory).files) {
      const File synced{::open(file.path.c_str(), O_RDONLY | O_CLOEXEC)};
      if (!synced.is_open() || ::fdatasync(synced.get()) != 0) {
        refuse(system_words("cannot sync", file.path, errno));
      }
    }
    must_sync_directory_ = true;
    (void)sync_segments();
    if (!sync_error_.empty() || !name_error_.empty()) refuse(sync_error_ + name_error_);
  }
  set_watermarks(found);
  written_.back()->set_watermark(options_.sync_power ? sequence_ : no_watermark);
}

}  // namespace

std::unique_ptr<Journal> Journal::open(
    const JournalOptions& wanted, Recovered& recovered,
    const std::function<void(const domain::RecordEntry&)>& each) {
  if (wanted.segment_bytes < min_segment_bytes || wanted.segment_bytes > max_segment_bytes) {
    throw JournalError(fmt::format("journal.segment_bytes = {}: must be {} to {}",
                                   wanted.segment_bytes, min_segment_bytes, max_segment_bytes));
  }
  JournalOptions options = wanted;
  options.segment_bytes =
      (wanted.segment_bytes + min_segment_bytes - 1) / min_segment_bytes * min_segment_bytes;
  if (::mkdir(options.directory.c_str(), 0700) != 0 && errno != EEXIST) {
    throw JournalError(system_words("cannot create", options.directory, errno));
  }
  if (options.sync_power) {
    const std::string parent = options.directory + "/..";
    const File above{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!above.is_open() || ::fsync(above.get()) != 0) {
      throw JournalError(system_words("cannot sync", parent, errno));
    }
  }
  auto journal = std::make_unique<SegmentedJournal>(options, lock_directory(options.directory));
  journal->recover(recovered, each);
  return journal;
}

}  // namespace halcyon::persistence
