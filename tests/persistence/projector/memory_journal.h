#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "domain/catalog.h"
#include "domain/event.h"
#include "domain/record.h"
#include "persistence/projector.h"

namespace halcyon::tests {

/// A journal in memory: what a projector reads in tests. The frames are shared with its sources, so
/// that a test goes on writing while a projector reads. Thread: one at a time.
class MemoryJournal {
 public:
  using Entry = std::pair<domain::Record, std::string>;
  struct Frame {
    std::uint64_t sequence = 0;
    domain::Timestamp received;
    std::vector<Entry> records;
    bool has_input = false;
    domain::Event input;
    std::string remark;
  };

  /// `number` tells journals apart.
  explicit MemoryJournal(std::uint8_t number);
  explicit MemoryJournal(const persistence::JournalUuid& uuid) : uuid_(uuid) {}

  /// Appends a frame; the next sequence, a little later than the one before.
  const Frame& append(std::vector<Entry> records);
  const Frame& append_at(domain::Timestamp received, std::vector<Entry> records);
  const Frame& append_command(const domain::Command& command, std::string remark,
                              std::vector<Entry> records);
  /// The names that every test uses, in one frame: see `names` below.
  const Frame& append_names();

  std::unique_ptr<persistence::FrameSource> source() const;
  const persistence::JournalUuid& uuid() const { return uuid_; }
  std::string uuid_text() const;
  std::uint64_t last() const { return frames_->size(); }
  std::deque<Frame>& frames() { return *frames_; }
  const std::deque<Frame>& frames() const { return *frames_; }
  domain::Timestamp now() const { return now_; }

 private:
  persistence::JournalUuid uuid_;
  std::shared_ptr<std::deque<Frame>> frames_ = std::make_shared<std::deque<Frame>>();
  domain::Timestamp now_ = domain::from_unix_ms(1'723'075'200'000);  // 2024-08-08 00:00 UTC
};

/// binance (a simulator): BTC/USDT and ETH/USDT; accounts main (live, of ann) and paper (of the
/// daemon); strategies cross and drift; users daemon and ann.
config::Config test_config();
const domain::Catalog& names();

/// A projector of `journal` into the database `dsn`.
struct ProjectorMaker {
  std::string dsn;
  const MemoryJournal* journal = nullptr;
  persistence::ProjectorLimits limits;
  std::vector<std::string>* said = nullptr;
  config::Config config = test_config();

  std::unique_ptr<persistence::Projector> make() const;
};

/// Turns until everything is in PostgreSQL, by a clock that jumps from deadline to deadline.
/// Returns false when the projector stopped, or the real time of `patience` went by.
bool drain(persistence::Projector& projector, domain::Timestamp& now);

}  // namespace halcyon::tests
