#include "tests/persistence/projector/memory_journal.h"

#include <chrono>

#include "persistence/row_uuid.h"

namespace halcyon::tests {

using namespace domain;

namespace {

/// A hang is a failure, not a wait for ever.
constexpr std::chrono::seconds patience{60};

class MemorySource final : public persistence::FrameSource {
 public:
  MemorySource(std::shared_ptr<std::deque<MemoryJournal::Frame>> frames,
               persistence::JournalUuid uuid)
      : frames_(std::move(frames)), uuid_(uuid) {}

  void open(std::uint64_t after_sequence) override {
    if (after_sequence > frames_->size()) {
      throw persistence::JournalError("the journal ends at record " +
                                      std::to_string(frames_->size()));
    }
    next_ = after_sequence;
  }
  bool next(persistence::FrameView& view) override {
    if (next_ == frames_->size()) return false;
    const MemoryJournal::Frame& frame = (*frames_)[next_++];
    entries_.clear();
    for (const auto& [record, text] : frame.records) entries_.push_back({record, text});
    view = {};
    view.sequence = frame.sequence;
    view.received = frame.received;
    view.has_input = frame.has_input;
    view.input = frame.input;
    view.remark = frame.remark;
    view.records = entries_;
    return true;
  }
  const persistence::JournalUuid& uuid() const override { return uuid_; }

 private:
  std::shared_ptr<std::deque<MemoryJournal::Frame>> frames_;
  persistence::JournalUuid uuid_;
  std::size_t next_ = 0;
  std::vector<RecordEntry> entries_;
};

}  // namespace

MemoryJournal::MemoryJournal(std::uint8_t number) {
  uuid_.bytes.fill(0xA0);
  uuid_.bytes[15] = number;
}

const MemoryJournal::Frame& MemoryJournal::append(std::vector<Entry> records) {
  return append_at(now_ + std::chrono::milliseconds{1}, std::move(records));
}

const MemoryJournal::Frame& MemoryJournal::append_at(Timestamp received,
                                                     std::vector<Entry> records) {
  now_ = received;
  Frame frame;
  frame.sequence = frames_->size() + 1;
  frame.received = received;
  frame.records = std::move(records);
  frames_->push_back(std::move(frame));
  return frames_->back();
}

const MemoryJournal::Frame& MemoryJournal::append_command(const Command& command,
                                                          std::string remark,
                                                          std::vector<Entry> records) {
  append(std::move(records));
  Frame& frame = frames_->back();
  frame.has_input = true;
  frame.input.received = frame.received;
  frame.input.what = command;
  frame.remark = std::move(remark);
  return frame;
}

const MemoryJournal::Frame& MemoryJournal::append_names() {
  std::vector<Entry> records;
  names().each([&](const Named& named, std::string_view text) {
    records.emplace_back(named, std::string{text});
  });
  return append(std::move(records));
}

std::unique_ptr<persistence::FrameSource> MemoryJournal::source() const {
  return std::make_unique<MemorySource>(frames_, uuid_);
}

std::string MemoryJournal::uuid_text() const {
  return persistence::to_string(persistence::Uuid{uuid_.bytes});
}

config::Config test_config() {
  config::Config config;
  config.daemon.name = "alpha";
  config::Venue venue;
  venue.name = "binance";
  venue.kind = config::VenueKind::binance;
  venue.environment = config::Environment::simulator;
  config.venues.push_back(venue);
  config::Account account;
  account.name = "main";
  account.venue = "binance";
  account.owner = "ann";
  config.accounts.push_back(account);
  account.name = "paper";
  account.mode = config::AccountMode::paper;
  account.owner = "daemon";
  config.accounts.push_back(account);
  config::Strategy strategy;
  strategy.name = "cross";
  strategy.type = "trend_following";
  config.strategies.push_back(strategy);
  return config;
}

const Catalog& names() {
  static const Catalog catalog = [] {
    Catalog made;
    const VenueId venue = made.venue("binance");
    made.instrument(venue, "BTC/USDT");
    made.instrument(venue, "ETH/USDT");
    made.account("main", venue);
    made.account("paper", venue);
    made.strategy("cross");
    made.strategy("drift");
    made.user("ann");
    return made;
  }();
  return catalog;
}

std::unique_ptr<persistence::Projector> ProjectorMaker::make() const {
  persistence::ProjectorSetup setup;
  setup.dsn = dsn;
  setup.config = &config;
  setup.journal = journal->uuid();
  setup.frames = journal->source();
  setup.newest_sequence = [journal = journal] { return journal->last(); };
  setup.limits = limits;
  if (said != nullptr) {
    setup.say = [said = said](Severity, std::string_view words) { said->emplace_back(words); };
  }
  return std::make_unique<persistence::Projector>(std::move(setup));
}

bool drain(persistence::Projector& projector, Timestamp& now) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  projector.hurry();
  while (std::chrono::steady_clock::now() < deadline) {
    if (projector.run_once(now) == 0 && projector.is_caught_up()) return true;
    if (projector.readings().is_stopped) return false;
    if (projector.next_deadline() != never) now = std::max(now, projector.next_deadline());
  }
  return false;
}

}  // namespace halcyon::tests
