// The projector behind a real journal: while it is written, over segments and starts.

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "persistence/journal.h"
#include "persistence/projector.h"
#include "tests/persistence/postgres_server.h"
#include "tests/persistence/projector/trading_day.h"

using namespace halcyon;
using namespace halcyon::domain;
using persistence::Journal;
using persistence::Projector;
using tests::MemoryJournal;
using tests::PostgresServer;

namespace {

/// A new directory, removed at the end.
class Directory {
 public:
  Directory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "halcyon-journal-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  std::string journal() const { return (path_ / "journal").string(); }
  std::string copy() const { return (path_ / "copy").string(); }

 private:
  std::filesystem::path path_;
};

/// Small segments, so that a short day has many.
persistence::JournalOptions options_for(const std::string& directory, bool sync_power) {
  persistence::JournalOptions options;
  options.directory = directory;
  options.segment_bytes = 64 << 10;
  options.sync_power = sync_power;
  return options;
}

std::unique_ptr<Journal> open(const persistence::JournalOptions& options) {
  persistence::Recovered recovered;
  return Journal::open(options, recovered, [](const RecordEntry&) {});
}

/// Writes the frames of `day` that the journal does not have yet, up to `last`.
void write(const MemoryJournal& day, std::uint64_t last, Journal& journal) {
  while (journal.last_sequence() < last) {
    const auto& frame = day.frames()[journal.last_sequence()];
    std::vector<RecordEntry> entries;
    for (const auto& [record, text] : frame.records) entries.push_back({record, text});
    Event input;
    input.received = frame.received;
    input.what = ClockOffset{};  // an input that is journaled even when it decides nothing
    for (int tries = 0; !journal.append(input, "", entries); ++tries) {
      ASSERT_LT(tries, 10'000) << journal.last_error();
      journal.prepare();
    }
    ASSERT_EQ(journal.last_sequence(), frame.sequence);
    journal.prepare();
  }
}

std::unique_ptr<Projector> project(const std::string& dsn, const std::string& directory,
                                   const persistence::JournalUuid& uuid) {
  const config::Config config = tests::test_config();
  persistence::ProjectorSetup setup;
  setup.dsn = dsn;
  setup.config = &config;
  setup.journal = uuid;
  setup.frames = persistence::journal_frames(directory);
  setup.limits.batch_rows = 100;
  return std::make_unique<Projector>(std::move(setup));
}

class ProjectorBehindAJournal : public testing::TestWithParam<bool> {};

std::size_t files_in(const std::string& directory) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".hjl") ++count;
  }
  return count;
}

}  // namespace

TEST_P(ProjectorBehindAJournal, FollowsItWhileItIsWrittenOverSegmentsAndStarts) {
  // Given a journal that is written in pieces, by a daemon that starts anew each time
  const std::string dsn = PostgresServer::shared().new_database();
  const Directory directory;
  const auto options = options_for(directory.journal(), GetParam());
  auto journal = open(options);
  MemoryJournal day{journal->uuid()};
  trade(day, 1200, 31);
  Timestamp now = day.now();
  constexpr std::uint64_t starts = 5;
  for (std::uint64_t start = 1; start <= starts; ++start) {
    const auto projector = project(dsn, directory.journal(), journal->uuid());
    const std::uint64_t until = day.last() * start / starts;
    while (journal->last_sequence() < until) {
      write(day, std::min(until, journal->last_sequence() + 37), *journal);
      // When the projector has a turn between the writes
      projector->run_once(now);
      now = std::max(now, projector->next_deadline());
      ASSERT_LE(projector->readings().position, journal->durable_sequence());
    }
    // and every other time the daemon ends before everything is told
    journal->sync();
    if (start % 2 == 0 || start == starts) {
      ASSERT_TRUE(tests::drain(*projector, now)) << projector->stop_words();
    }
    if (start < starts) {
      journal.reset();
      journal = open(options);
    }
  }
  // Then PostgreSQL has the day once, from many segments
  EXPECT_GT(files_in(directory.journal()), 5U);
  expect_exactly(day, dsn);
}

TEST_P(ProjectorBehindAJournal, StopsWhenTheDataDirectoryWasRestoredFromACopy) {
  // Given a copy of the journal from noon, and a database from the evening
  const std::string dsn = PostgresServer::shared().new_database();
  const Directory directory;
  auto options = options_for(directory.journal(), GetParam());
  auto journal = open(options);
  const persistence::JournalUuid uuid = journal->uuid();
  MemoryJournal day{uuid};
  trade(day, 400, 32);
  const std::uint64_t noon = day.last() / 2;
  write(day, noon, *journal);
  journal.reset();
  std::filesystem::copy(directory.journal(), directory.copy(),
                        std::filesystem::copy_options::recursive);
  journal = open(options);
  write(day, day.last(), *journal);
  journal->sync();
  Timestamp now = day.now();
  ASSERT_TRUE(tests::drain(*project(dsn, directory.journal(), uuid), now));
  journal.reset();
  // When a daemon starts with the copy, then its projection stops with words
  options.directory = directory.copy();
  journal = open(options);
  const auto ahead = project(dsn, directory.copy(), uuid);
  EXPECT_FALSE(tests::drain(*ahead, now));
  EXPECT_TRUE(ahead->readings().is_stopped);
  EXPECT_NE(ahead->stop_words().find(std::to_string(day.last())), std::string::npos)
      << ahead->stop_words();
  // and also when it has traded past the evening's record
  MemoryJournal other{uuid};
  other.append_at(day.now() + std::chrono::hours{1}, {});
  trade(other, 500, 33);
  ASSERT_GT(other.last(), day.last());
  write(other, other.last(), *journal);
  journal->sync();
  const auto past = project(dsn, directory.copy(), uuid);
  EXPECT_FALSE(tests::drain(*past, now));
  EXPECT_TRUE(past->readings().is_stopped);
  EXPECT_NE(past->stop_words().find("is not the one that PostgreSQL has"), std::string::npos)
      << past->stop_words();
  expect_exactly(day, dsn);
}

INSTANTIATE_TEST_SUITE_P(InBothModes, ProjectorBehindAJournal, testing::Bool(),
                         [](const auto& sync_power) {
                           return sync_power.param ? "power" : "process";
                         });
