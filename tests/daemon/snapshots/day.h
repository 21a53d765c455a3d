#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/fold.h"
#include "persistence/journal.h"
#include "tests/engine/harness.h"
#include "tests/persistence/journal/samples.h"

namespace halcyon::daemon::testing {

/// A step of a day: what happens, and a number that says how.
using Step = std::pair<std::uint8_t, std::uint16_t>;

/// An engine's days, journaled as the daemon does it: the names first, one frame an event.
class Day {
 public:
  Day();

  /// Something happens: an order, an answer, a fill, a command, a lost line, a restart.
  void step(const Step& step);
  /// A day that knows every kind of thing that happens.
  void live();

  const std::string& journal() const { return journal_directory_; }
  std::uint64_t last_sequence() const { return journal_->last_sequence(); }
  const persistence::JournalUuid& uuid() const { return journal_->uuid(); }
  /// For whatever must let go of the journal: nothing is appended any more.
  void close() { journal_.reset(); }

  std::unique_ptr<engine::Engine> make_engine() const {
    return std::make_unique<engine::Engine>(harness_.setup);
  }
  Fold new_fold() const { return Fold{make_engine(), "alpha"}; }

 private:
  void start(std::uint32_t epoch);
  void restart();

  persistence::testing::TemporaryDirectory directory_{persistence::testing::Where::memory};
  std::string journal_directory_ = directory_.journal();
  std::unique_ptr<persistence::Journal> journal_;
  engine::testing::Harness harness_;
  std::vector<domain::OrderId> orders_;
  std::uint64_t trades_ = 0;
};

/// All that a fold holds, as bytes.
std::vector<std::uint8_t> bytes_of(const Fold& fold);

/// Reads frames until this sequence.
void read_up_to(Fold& fold, const std::string& journal, std::uint64_t sequence);

/// A snapshot of a fold, written, read again, and gone from the disk.
std::shared_ptr<const persistence::Snapshot> snapshot_of(const Fold& fold, const Day& day);

}  // namespace halcyon::daemon::testing
