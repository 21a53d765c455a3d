// What does the journal cost above a bare memory write of the same bytes? Typical frames of a
// trading day are appended (encoded, CRC-32C, committed), in both modes of sync; in between, in the
// same run, their bytes are copied to another mapped and touched file. The journal is first read
// back and compared.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "persistence/encoding.h"
#include "persistence/fields.h"
#include "persistence/journal.h"

namespace {

using namespace halcyon;
using namespace halcyon::domain;
using persistence::Journal;
using persistence::JournalReader;

constexpr std::uint64_t segment_bytes = 64ULL << 20;
constexpr std::size_t frames_per_round = 4096;
constexpr std::size_t rounds = 101;

struct Frame {
  const char* name;
  Event input;
  std::string_view remark;
  std::vector<RecordEntry> records;
  std::vector<std::uint8_t> bytes;  ///< as they stand in the journal
};

/// A strategy's order, its acknowledgement, its execution, a balance: what an order leaves.
std::vector<Frame> typical_frames() {
  const OrderId id{1'723'100'000, 33};
  Event event;
  event.received = from_unix_ns(1'723'100'000'123'456'789);
  event.instrument = InstrumentId{0};
  event.account = AccountId{0};
  event.venue = VenueId{0};
  std::vector<Frame> frames;

  NewOrder order;
  order.id = id;
  order.quantity = Quantity::from_raw(1'500'000);
  order.limit_price = Price::from_units(61'000);
  event.what = Trade{};
  frames.push_back({"order",
                    event,
                    "",
                    {{OrderOpened{order}, ""},
                     {RequestChanged{id, id, RequestKind::place, RequestState::journaled,
                                     Reason::none, 0, never},
                      ""}},
                    {}});
  RequestOutcome outcome;
  outcome.request = outcome.order = id;
  outcome.outcome = Outcome::acknowledged;
  event.what = outcome;
  RequestChanged acknowledged;
  acknowledged.request = acknowledged.order = id;
  acknowledged.state = RequestState::acknowledged;
  OrderChanged accepted;
  accepted.order = id;
  accepted.venue_order = ForeignId::number(28);
  accepted.state = OrderState::accepted;
  OrderChanged filled = accepted;
  filled.state = OrderState::filled;

  frames.push_back({"acknowledged", event, "", {{acknowledged, ""}, {accepted, ""}}, {}});
  Execution execution;
  execution.order = id;
  execution.price = order.limit_price;
  execution.quantity = order.quantity;
  event.what = execution;
  FillBooked fill;
  fill.order = id;
  fill.price = order.limit_price;
  fill.quantity = order.quantity;
  frames.push_back({"fill", event, "", {{fill, ""}, {filled, ""}, {PositionChanged{}, ""}}, {}});
  event.what = Balance{};
  frames.push_back({"balance", event, "", {{BalanceChanged{}, ""}}, {}});

  for (Frame& frame : frames) {
    frame.bytes.resize(persistence::frame_bytes(frame.input, frame.remark, frame.records));
    (void)persistence::put_frame(frame.bytes.data(), {1, 0, frame.input.received}, frame.input,
                                 frame.remark, frame.records);
  }
  return frames;
}

double now_ns() {
  return std::chrono::duration<double, std::nano>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Memory of a file, mapped and touched, as a segment is.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    if (fd_ < 0 || ::posix_fallocate(fd_, 0, segment_bytes) != 0) std::abort();
    void* memory = ::mmap(nullptr, segment_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    if (memory == MAP_FAILED) std::abort();
    memory_ = static_cast<std::uint8_t*>(memory);
    std::memset(memory_, 1, segment_bytes);
  }
  ~MappedFile() {
    ::munmap(memory_, segment_bytes);
    ::close(fd_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  /// Where the next so many bytes go; from the start again when the file is full.
  std::uint8_t* next(std::size_t bytes) {
    if (at_ + bytes > segment_bytes) at_ = 0;
    std::uint8_t* const place = memory_ + at_;
    at_ += persistence::aligned(bytes);
    return place;
  }

 private:
  int fd_;
  std::uint8_t* memory_ = nullptr;
  std::size_t at_ = 0;
};

/// Reads back what the rounds have written; ends the program when it is not the same.
void prove(const std::string& directory, const std::vector<Frame>& frames, std::uint64_t count) {
  const auto reader = JournalReader::open(directory, 0, persistence::ReadUpTo::committed);
  persistence::FrameView view;
  std::uint64_t read = 0;
  while (reader->next(view)) {
    const Frame& frame = frames[read % frames.size()];
    bool same = view.records.size() == frame.records.size();
    for (std::size_t index = 0; same && index < view.records.size(); ++index) {
      same = persistence::is_same(view.records[index].record, frame.records[index].record);
    }
    if (!same) {
      std::fprintf(stderr, "frame %llu is not what was appended\n",
                   static_cast<unsigned long long>(read + 1));
      std::exit(1);
    }
    ++read;
  }
  if (read != count) {
    std::fprintf(stderr, "%llu frames were read, %llu appended\n",
                 static_cast<unsigned long long>(read), static_cast<unsigned long long>(count));
    std::exit(1);
  }
}

void run(const std::string& base, bool sync_power) {
  const std::vector<Frame> frames = typical_frames();
  std::size_t bytes = 0;
  for (const Frame& frame : frames) bytes += frame.bytes.size();
  bytes /= frames.size();

  const std::string directory = base + (sync_power ? "/power" : "/process");
  persistence::Recovered recovered;
  const auto journal =
      Journal::open({directory, segment_bytes, sync_power}, recovered, [](const RecordEntry&) {});
  MappedFile bare{base + "/bare"};
  std::atomic<bool> is_done{false};
  std::atomic<std::uint64_t> syncs{0};
  std::thread syncer{[&] {
    while (sync_power && !is_done) {
      const std::uint64_t before = journal->durable_sequence();
      if (!journal->sync()) std::exit(1);
      if (journal->durable_sequence() != before) syncs.fetch_add(1);
    }
  }};

  std::vector<double> appended;
  std::vector<double> copied;
  std::vector<double> ratios;
  const double start = now_ns();
  for (std::size_t round = 0; round < rounds; ++round) {
    while (journal->prepare() != 0) {
    }
    const double first = now_ns();
    for (std::size_t number = 0; number < frames_per_round; ++number) {
      const Frame& frame = frames[number % frames.size()];
      if (!journal->append(frame.input, frame.remark, frame.records)) {
        std::fprintf(stderr, "no room: %s\n", journal->last_error().c_str());
        std::exit(1);
      }
    }
    const double second = now_ns();
    for (std::size_t number = 0; number < frames_per_round; ++number) {
      const Frame& frame = frames[number % frames.size()];
      std::memcpy(bare.next(frame.bytes.size()), frame.bytes.data(), frame.bytes.size());
    }
    const double third = now_ns();
    appended.push_back((second - first) / frames_per_round);
    copied.push_back((third - second) / frames_per_round);
    ratios.push_back(appended.back() / copied.back());
  }
  const double seconds = (now_ns() - start) / 1e9;
  is_done = true;
  syncer.join();
  prove(directory, frames, rounds * frames_per_round);

  std::printf(
      "journal append, sync = \"%s\": %.1f ns a frame of %zu bytes, bare memory write %.1f ns, "
      "ratio %.2f\n",
      sync_power ? "power" : "process", median(appended), bytes, median(copied), median(ratios));
  if (sync_power) {
    const auto groups = static_cast<double>(std::max<std::uint64_t>(syncs, 1));
    std::printf("group commit: %.0f durable frames/s in %.0f syncs/s, %.0f frames a sync\n",
                rounds * frames_per_round / seconds, groups / seconds,
                rounds * frames_per_round / groups);
  }
}

}  // namespace

int main(int count, char** arguments) {
  // The journal's own disk decides mode "power": give its directory.
  std::string pattern =
      (count > 1 ? std::string{arguments[1]} : std::filesystem::temp_directory_path().string()) +
      "/halcyon-journal-bench-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) {
    std::fprintf(stderr, "cannot create a directory like %s\n", pattern.c_str());
    return 1;
  }
  run(pattern, false);
  run(pattern, true);
  std::filesystem::remove_all(pattern);
  return 0;
}
