#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <stdlib.h>
#include <unistd.h>

#include "domain/event.h"
#include "domain/record.h"
#include "persistence/fields.h"
#include "persistence/journal.h"

namespace halcyon::persistence::testing {

/// `memory`: for tests that lay out a journal thousands of times; where there is none, the disk.
enum class Where : std::uint8_t { disk, memory };

/// A directory of its own, gone at the end.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(Where where = Where::disk) {
    const bool is_memory = where == Where::memory && ::access("/dev/shm", W_OK) == 0;
    const std::filesystem::path base =
        is_memory ? "/dev/shm" : std::filesystem::temp_directory_path();
    std::string pattern = (base / "halcyon-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string journal() const { return path_ + "/journal"; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// What one frame holds, owning its texts.
struct Content {
  domain::Event input;
  std::string remark;
  std::vector<std::pair<domain::Record, std::string>> records;

  std::vector<domain::RecordEntry> entries() const {
    std::vector<domain::RecordEntry> result;
    for (const auto& [record, text] : records) result.push_back({record, text});
    return result;
  }
};

inline bool append(Journal& journal, const Content& content) {
  const auto entries = content.entries();
  return journal.append(content.input, content.remark, entries);
}

/// The frame with this sequence in every test: all its numbers follow from the sequence, and the
/// kinds of frames that a trading day has come in turn.
inline Content sample(std::uint64_t sequence) {
  using namespace domain;
  Content content;
  Event& event = content.input;
  event.sequence = sequence;
  event.received = from_unix_ns(1'723'100'000'000'000'000 + static_cast<std::int64_t>(sequence));
  event.instrument = InstrumentId{1};
  event.account = AccountId{0};
  event.venue = VenueId{0};
  const auto counter = static_cast<std::uint32_t>(sequence);
  const OrderId id{1'723'100'000, counter};
  const auto quantity = Quantity::from_raw(static_cast<Int128>(sequence) * 1'000'000);
  if (sequence == 1) {
    event.what = Started{1'723'100'000};
    content.records = {
        {EpochStarted{1'723'100'000}, ""},
        {Named{NameKind::venue, 0, no<VenueId>, no<AssetId>, no<AssetId>}, "binance"},
        {Named{NameKind::asset, 0, no<VenueId>, no<AssetId>, no<AssetId>}, "USDT"},
        {Named{NameKind::account, 0, VenueId{0}, no<AssetId>, no<AssetId>}, "main"},
        {Defined{DefinitionKind::configuration, 0, 1, daemon_user},
         "[daemon]\nname = \"alpha\"\n"}};
    return content;
  }
  switch (sequence % 4) {
    case 0: {
      NewOrder order;
      order.id = id;
      order.account = AccountId{0};
      order.strategy = StrategyId{0};
      order.instrument = InstrumentId{1};
      order.type = OrderType::limit;
      order.quantity = quantity;
      order.limit_price = Price::from_units(61'000);
      order.created = event.received;
      event.what = Trade{};  // market data decided this: it is not in the journal
      content.records = {{OrderOpened{order}, ""},
                         {RequestChanged{id, id, RequestKind::place, RequestState::journaled,
                                         Reason::none, 0, event.received + std::chrono::seconds{5}},
                          ""}};
      break;
    }
    case 1:
      event.what = RequestOutcome{id,
                                  id,
                                  ForeignId::number(sequence),
                                  RequestKind::place,
                                  Outcome::refused,
                                  Reason::venue_refused,
                                  -2010};
      content.remark = "Account has insufficient balance " + std::to_string(sequence);
      content.records = {{RequestChanged{id, id, RequestKind::place, RequestState::refused,
                                         Reason::venue_refused, -2010, event.received},
                          content.remark}};
      break;
    case 2: {
      Execution execution;
      execution.order = id;
      execution.trade = ForeignId::number(sequence);
      execution.price = Price::from_raw(61'000'010'000'000);
      execution.quantity = quantity;
      event.what = execution;
      FillBooked fill;
      fill.number = sequence;
      fill.order = id;
      fill.trade = execution.trade;
      fill.price = execution.price;
      fill.quantity = quantity;
      PositionChanged position;
      position.account = AccountId{0};
      position.quantity = -quantity;
      position.fills = sequence;
      content.records = {{fill, ""}, {position, ""}};
      break;
    }
    default:
      event.what = StreamChanged{StreamKind::orders, StreamState::ready, Reason::none};
      break;
  }
  return content;
}

/// Whether a frame says what was given to `append`.
inline bool is_equal(const FrameView& frame, const Content& content) {
  const bool is_input = !domain::is_market(content.input);
  if (frame.is_dictionary || frame.has_input != is_input || frame.remark != content.remark ||
      frame.received != content.input.received || frame.input_type != content.input.what.index() ||
      frame.input.sequence != content.input.sequence ||
      frame.input.venue_time != content.input.venue_time ||
      frame.input.received != content.input.received ||
      frame.input.instrument != content.input.instrument ||
      frame.input.account != content.input.account || frame.input.venue != content.input.venue ||
      frame.records.size() != content.records.size()) {
    return false;
  }
  if (is_input && !is_same(frame.input.what, content.input.what)) return false;
  for (std::size_t index = 0; index < content.records.size(); ++index) {
    const auto& [record, text] = content.records[index];
    if (!is_same(frame.records[index].record, record) || frame.records[index].text != text) {
      return false;
    }
  }
  return true;
}

/// Opens for writing, with a look at what was found.
inline std::unique_ptr<Journal> open_journal(const std::string& directory,
                                             std::uint64_t segment_bytes, Recovered& recovered,
                                             bool sync_power = false) {
  return Journal::open({directory, segment_bytes, sync_power}, recovered,
                       [](const domain::RecordEntry&) {});
}
inline std::unique_ptr<Journal> open_journal(const std::string& directory,
                                             std::uint64_t segment_bytes, bool sync_power = false) {
  Recovered recovered;
  return open_journal(directory, segment_bytes, recovered, sync_power);
}

/// Lets the helper work until the next segment is ready.
inline void prepare_fully(Journal& journal) {
  while (journal.prepare() != 0) {
  }
}

/// Appends samples up to this sequence, with the helper's work in between.
inline void append_samples(Journal& journal, std::uint64_t up_to) {
  while (journal.last_sequence() < up_to) {
    if (!append(journal, sample(journal.last_sequence() + 1)) && journal.prepare() == 0) {
      throw std::runtime_error("no room: " + journal.last_error());
    }
  }
}

/// How many samples a reader finds, each equal to what was appended; -1 at the first that is not.
inline std::int64_t read_samples(JournalReader& reader, std::uint64_t after = 0) {
  FrameView frame;
  std::uint64_t sequence = after;
  while (reader.next(frame)) {
    ++sequence;
    if (frame.sequence != sequence || !is_equal(frame, sample(sequence))) return -1;
  }
  return static_cast<std::int64_t>(sequence - after);
}

using Bytes = std::vector<char>;

inline Bytes read_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}
inline void write_file(const std::string& path, const Bytes& bytes) {
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// The files of a journal, to lay out again as often as wanted.
class Snapshot {
 public:
  explicit Snapshot(const std::string& directory) {
    for (const auto& entry : std::filesystem::directory_iterator{directory}) {
      if (entry.path().extension() == ".hjl") {
        files_[entry.path().filename().string()] = read_file(entry.path().string());
      }
    }
  }
  std::map<std::string, Bytes>& files() { return files_; }
  void lay_out(const std::string& directory) const {
    std::filesystem::remove_all(directory);
    std::filesystem::create_directory(directory);
    for (const auto& [name, bytes] : files_) write_file(directory + "/" + name, bytes);
  }

 private:
  std::map<std::string, Bytes> files_;
};

/// The words of the JournalError that opening throws; "" when it does not.
inline std::string refusal(const std::string& directory, std::uint64_t segment_bytes = 4096) {
  try {
    (void)open_journal(directory, segment_bytes);
  } catch (const JournalError& error) {
    return error.what();
  }
  return "";
}

}  // namespace halcyon::persistence::testing
