#include "persistence/journal.h"

#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persistence/journal_dump.h"
#include "persistence/segment.h"
#include "tests/persistence/journal/samples.h"

namespace halcyon::persistence {
namespace {

using ::testing::AllOf;
using testing::append;
using testing::append_samples;
using testing::Content;
using ::testing::HasSubstr;
using testing::open_journal;
using testing::prepare_fully;
using testing::sample;
using testing::TemporaryDirectory;

constexpr std::uint64_t small = 4096;

std::size_t segment_files(const std::string& directory) {
  return list_segments(directory).files.size();
}

TEST(Journal, ANewOneIsEmptyPrivateAndHasAnIdentity) {
  const TemporaryDirectory directory;
  // When a journal is opened where there is none
  Recovered recovered;
  const auto journal = open_journal(directory.journal(), small, recovered);
  // Then it says so, holds nothing, and nobody else may read it
  EXPECT_TRUE(recovered.is_new);
  EXPECT_EQ(recovered.last_sequence, 0U);
  EXPECT_EQ(journal->last_sequence(), 0U);
  EXPECT_EQ(journal->room(), domain::JournalRoom::open);
  EXPECT_NE(journal->uuid(), JournalUuid{});
  struct stat status {};
  ASSERT_EQ(::stat(directory.journal().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  EXPECT_TRUE(std::filesystem::exists(directory.journal() + "/00000000000000000001.hjl"));
}

TEST(Journal, WhatWasAppendedIsThereAfterAReopen) {
  const TemporaryDirectory directory;
  // Given a journal with five frames
  JournalUuid uuid;
  {
    const auto journal = open_journal(directory.journal(), small);
    append_samples(*journal, 5);
    uuid = journal->uuid();
  }
  // When it is opened again
  Recovered recovered;
  std::vector<std::pair<domain::Record, std::string>> records;
  const auto journal = Journal::open({directory.journal(), small}, recovered,
                                     [&records](const domain::RecordEntry& entry) {
                                       records.emplace_back(entry.record, std::string{entry.text});
                                     });
  // Then every record comes back in its order, and the journal goes on where it was
  std::vector<std::pair<domain::Record, std::string>> expected;
  for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
    for (const auto& record : sample(sequence).records) expected.push_back(record);
  }
  ASSERT_EQ(records.size(), expected.size());
  for (std::size_t index = 0; index < records.size(); ++index) {
    EXPECT_TRUE(is_same(records[index].first, expected[index].first)) << index;
    EXPECT_EQ(records[index].second, expected[index].second) << index;
  }
  EXPECT_FALSE(recovered.is_new);
  EXPECT_EQ(recovered.frames, 5U);
  EXPECT_EQ(recovered.last_sequence, 5U);
  EXPECT_EQ(recovered.cut_bytes, 0U);
  EXPECT_EQ(journal->uuid(), uuid);
  append_samples(*journal, 9);
  EXPECT_EQ(testing::read_samples(*JournalReader::open(directory.journal(), 0)), 9);
}

TEST(Journal, MarketDataIsAFrameOnlyWhenItDecidedSomething) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), small);
  Content content = sample(4);
  ASSERT_TRUE(domain::is_market(content.input));
  const auto records = content.records;
  content.records.clear();
  EXPECT_TRUE(append(*journal, content));
  EXPECT_EQ(journal->last_sequence(), 0U);
  content.records = records;
  EXPECT_TRUE(append(*journal, content));
  EXPECT_EQ(journal->last_sequence(), 1U);
}

TEST(Journal, ASecondDaemonIsRefusedAndToldWhoHoldsIt) {
  const TemporaryDirectory directory;
  auto journal = open_journal(directory.journal(), small);
  EXPECT_THAT(testing::refusal(directory.journal()),
              HasSubstr("in use by process " + std::to_string(::getpid())));
  journal.reset();
  EXPECT_EQ(testing::refusal(directory.journal()), "");
}

TEST(Journal, RefusesSegmentSizesThatCannotBe) {
  const TemporaryDirectory directory;
  for (const std::uint64_t bytes : {std::uint64_t{0}, small - 1, max_segment_bytes + 1}) {
    EXPECT_THAT(testing::refusal(directory.journal(), bytes), HasSubstr("journal.segment_bytes = "))
        << bytes;
  }
}

TEST(Journal, RoundsASegmentUpToWholePages) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), small + 1);
  EXPECT_EQ(std::filesystem::file_size(directory.journal() + "/00000000000000000001.hjl"),
            2 * small);
}

TEST(Journal, GoesOnInTheNextSegmentWhichSaysTheNamesAgain) {
  const TemporaryDirectory directory;
  // Given a journal that has gone through several segments, and defined itself anew on the way
  {
    const auto journal = open_journal(directory.journal(), small);
    append_samples(*journal, 30);
    Content content;
    content.input.what = domain::JournalRoomChanged{};
    content.records = {{domain::Named{domain::NameKind::user, 1}, "operator"},
                       {domain::Named{domain::NameKind::venue, 0}, "binance"},
                       {domain::Defined{domain::DefinitionKind::configuration, 0, 2}, "second"}};
    ASSERT_TRUE(append(*journal, content) || (journal->prepare(), append(*journal, content)));
    prepare_fully(*journal);
    append_samples(*journal, 60);
  }
  ASSERT_GE(segment_files(directory.journal()), 3U);

  // When the whole journal is walked
  std::vector<std::vector<std::string>> dictionaries;
  const Walk found = walk(directory.journal(), [&](const FrameView& frame) {
    if (!frame.is_dictionary) return;
    auto& texts = dictionaries.emplace_back();
    for (const auto& entry : frame.records) {
      texts.emplace_back(std::holds_alternative<domain::EpochStarted>(entry.record) ? "epoch"
                                                                                    : entry.text);
    }
  });

  // Then each segment but the first begins with what was said before it, each name once, and only
  // the last configuration; and the sequences do not notice
  EXPECT_EQ(found.last_sequence, 60U);
  EXPECT_EQ(found.frames, 60U);
  ASSERT_EQ(dictionaries.size(), found.segments - 1);
  EXPECT_EQ(dictionaries.front(),
            (std::vector<std::string>{"binance", "USDT", "main", "[daemon]\nname = \"alpha\"\n",
                                      "epoch"}));
  EXPECT_EQ(dictionaries.back(),
            (std::vector<std::string>{"binance", "USDT", "main", "operator", "second", "epoch"}));
}

TEST(Journal, TheNamesSurviveAReopenForTheNextSegment) {
  const TemporaryDirectory directory;
  append_samples(*open_journal(directory.journal(), small), 5);
  append_samples(*open_journal(directory.journal(), small), 60);
  std::size_t names = 0;
  (void)walk(directory.journal(), [&](const FrameView& frame) {
    if (frame.is_dictionary) names = frame.records.size();
  });
  EXPECT_EQ(names, 5U);
}

TEST(Journal, WithoutANextSegmentTheReserveIsSaidAndThenTheEnd) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), small);
  // Given a helper that makes no segment
  std::uint64_t taken_in_reserve = 0;
  while (append(*journal, sample(journal->last_sequence() + 1))) {
    if (journal->room() == domain::JournalRoom::reserve) ++taken_in_reserve;
  }
  // Then a quarter of this small segment was reserve, and frames were taken in it until it was full
  EXPECT_GE(taken_in_reserve, 3U);
  EXPECT_EQ(journal->room(), domain::JournalRoom::reserve);
  const std::uint64_t last = journal->last_sequence();
  EXPECT_FALSE(append(*journal, sample(last + 1)));
  EXPECT_EQ(journal->last_sequence(), last);
  // And as soon as there is a segment the same frame is taken
  prepare_fully(*journal);
  EXPECT_EQ(journal->room(), domain::JournalRoom::open);
  EXPECT_TRUE(append(*journal, sample(last + 1)));
  EXPECT_EQ(testing::read_samples(*JournalReader::open(directory.journal(), 0)),
            static_cast<std::int64_t>(last + 1));
}

TEST(Journal, RefusedOrdersDoNotEatTheReserve) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), small);
  while (journal->room() == domain::JournalRoom::open) {
    ASSERT_TRUE(append(*journal, sample(journal->last_sequence() + 1)));
  }
  const std::uint64_t last = journal->last_sequence();
  Content denied;
  denied.input.what = domain::Trade{};
  denied.records = {{domain::OrderDenied{{}, domain::Reason::journal_unavailable, {}, {}}, ""}};
  // When market data makes a strategy ask in vain, again and again
  for (int times = 0; times < 1000; ++times) ASSERT_TRUE(append(*journal, denied));
  // Then nothing is written, and it is counted
  EXPECT_EQ(journal->last_sequence(), last);
  EXPECT_EQ(journal->left_out(), 1000U);
  // But the refusal of an operator's order, and whatever else there is, is taken
  denied.input.what = domain::Command{};
  EXPECT_TRUE(append(*journal, denied));
  // And with room again, refusals are written
  prepare_fully(*journal);
  denied.input.what = domain::Trade{};
  EXPECT_TRUE(append(*journal, denied));
  EXPECT_EQ(journal->last_sequence(), last + 2);
}

TEST(Journal, AFrameThatNoSegmentCouldHoldIsRefusedWithWords) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), small);
  Content content = sample(3);
  content.remark.assign(small / 4, 'x');
  EXPECT_FALSE(append(*journal, content));
  EXPECT_THAT(journal->last_error(), HasSubstr("a frame of more than 1024 bytes was refused"));
  EXPECT_TRUE(append(*journal, sample(1)));
  EXPECT_EQ(journal->last_error(), "");
}

TEST(Journal, TakesACancelOfTenThousandOrdersInOneFrame) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), 64U << 20);
  Content content;
  content.input.what = domain::Command{1, domain::daemon_user, domain::CancelAll{}};
  for (std::uint32_t counter = 1; counter <= 10'000; ++counter) {
    domain::OrderChanged order;
    order.order = {1, counter};
    domain::RequestChanged request;
    request.order = order.order;
    content.records.emplace_back(order, "");
    content.records.emplace_back(request, "");
  }
  ASSERT_TRUE(append(*journal, content)) << journal->last_error();
  FrameView frame;
  ASSERT_TRUE(JournalReader::open(directory.journal(), 0)->next(frame));
  EXPECT_EQ(frame.sequence, 1U);
}

TEST(Journal, NamesThatNoSegmentCouldRepeatAreRefusedWithWords) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), small);
  Content content = sample(3);
  content.records = {{domain::Named{domain::NameKind::venue, 0}, std::string(400, 'x')}};
  EXPECT_FALSE(append(*journal, content));
  EXPECT_THAT(journal->last_error(), HasSubstr("the names or the configuration"));
}

/// While it lives no file can grow beyond so many bytes.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST(Journal, AFullDiskTurnsTheRoomToReserveAndTheMendTurnsItBack) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), 1U << 16);
  append_samples(*journal, 3);
  {
    // When the disk is full
    const FullDisk full{1024};
    (void)journal->prepare();
    // Then it is said, new orders must stop, and what there is of the segment still takes frames
    EXPECT_EQ(journal->room(), domain::JournalRoom::reserve);
    EXPECT_THAT(journal->last_error(),
                AllOf(HasSubstr("cannot allocate 65536 bytes"), HasSubstr("next.hjl"),
                      HasSubstr("no new orders until it is mended")));
    while (append(*journal, sample(journal->last_sequence() + 1))) (void)journal->prepare();
    EXPECT_GT(journal->last_sequence(), 200U);
    EXPECT_EQ(segment_files(directory.journal()), 1U);
  }
  // And when there is space again, the journal goes on without loss
  for (int calls = 0; calls < 100 && !journal->last_error().empty(); ++calls) {
    (void)journal->prepare();
  }
  prepare_fully(*journal);
  EXPECT_EQ(journal->last_error(), "");
  EXPECT_EQ(journal->room(), domain::JournalRoom::open);
  append_samples(*journal, 1000);
  EXPECT_EQ(testing::read_samples(*JournalReader::open(directory.journal(), 0)), 1000);
}

TEST(Journal, AFullDiskAtTheStartIsSaid) {
  const TemporaryDirectory directory;
  const FullDisk full{1024};
  EXPECT_THAT(testing::refusal(directory.journal(), 1U << 16),
              AllOf(HasSubstr("cannot start a journal"), HasSubstr("next.hjl")));
}

/// While it lives a directory is on a file system that is mounted read-only: what is open already
/// goes on as before. Needs the right to mount; a mount namespace of our own keeps it from others.
class ReadOnly {
 public:
  explicit ReadOnly(const std::string& directory) : directory_(directory) {
    static const bool has_namespace =
        ::unshare(CLONE_NEWNS) == 0 &&
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    is_mounted_ = has_namespace &&
                  ::mount(directory.c_str(), directory.c_str(), nullptr, MS_BIND, nullptr) == 0;
    is_possible_ = is_mounted_ && ::mount(nullptr, directory.c_str(), nullptr,
                                          MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0;
  }
  ~ReadOnly() {
    if (is_mounted_) ::umount2(directory_.c_str(), MNT_DETACH);
  }
  ReadOnly(const ReadOnly&) = delete;
  ReadOnly& operator=(const ReadOnly&) = delete;
  bool is_possible() const { return is_possible_; }

 private:
  std::string directory_;
  bool is_mounted_ = false;
  bool is_possible_ = false;
};

TEST(Journal, AReadOnlyFileSystemTurnsTheRoomToReserveAndTheMendTurnsItBack) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), 1U << 16);
  append_samples(*journal, 3);
  {
    // When the file system is mounted read-only, as after an error of the disk
    const ReadOnly mounted{directory.journal()};
    if (!mounted.is_possible()) GTEST_SKIP() << "this test needs the right to mount";
    (void)journal->prepare();
    // Then it is said, new orders must stop, and what there is of the segment still takes frames
    EXPECT_EQ(journal->room(), domain::JournalRoom::reserve);
    EXPECT_THAT(journal->last_error(),
                AllOf(HasSubstr("next.hjl"), HasSubstr("Read-only file system"),
                      HasSubstr("no new orders until it is mended")));
    while (append(*journal, sample(journal->last_sequence() + 1))) (void)journal->prepare();
    EXPECT_GT(journal->last_sequence(), 200U);
    // And who only reads it can
    EXPECT_EQ(verify(directory.journal()).last_sequence, journal->last_sequence());
  }
  // And when it can be written again, the journal goes on without loss
  for (int calls = 0; calls < 100 && !journal->last_error().empty(); ++calls) {
    (void)journal->prepare();
  }
  prepare_fully(*journal);
  EXPECT_EQ(journal->last_error(), "");
  EXPECT_EQ(journal->room(), domain::JournalRoom::open);
  append_samples(*journal, 1000);
  EXPECT_EQ(testing::read_samples(*JournalReader::open(directory.journal(), 0)), 1000);
}

TEST(Journal, AReadOnlyFileSystemAtTheStartIsSaid) {
  const TemporaryDirectory directory;
  append_samples(*open_journal(directory.journal(), 1U << 16), 3);
  const ReadOnly mounted{directory.journal()};
  if (!mounted.is_possible()) GTEST_SKIP() << "this test needs the right to mount";
  EXPECT_THAT(testing::refusal(directory.journal(), 1U << 16), HasSubstr("Read-only file system"));
}

// ---- sync = "power" -----------------------------------------------------------------------------

TEST(JournalSync, InModeProcessWhatIsAppendedIsDurable) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), small);
  append_samples(*journal, 3);
  EXPECT_EQ(journal->durable_sequence(), 3U);
  EXPECT_TRUE(journal->sync());
}

TEST(JournalSync, InModePowerTheWatermarkMovesWithTheSync) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), small, true);
  const auto projection = JournalReader::open(directory.journal(), 0);
  const auto tail = JournalReader::open(directory.journal(), 0, ReadUpTo::committed);
  // Given frames that are committed and not synced
  append_samples(*journal, 3);
  EXPECT_EQ(journal->durable_sequence(), 0U);
  EXPECT_EQ(testing::read_samples(*projection), 0);
  EXPECT_EQ(testing::read_samples(*tail), 3);
  // When they are synced
  EXPECT_TRUE(journal->sync());
  // Then the watermark has moved, and a projection may know them
  EXPECT_EQ(journal->durable_sequence(), 3U);
  EXPECT_EQ(testing::read_samples(*projection), 3);
}

TEST(JournalSync, InModePowerEverySegmentOnTheWayIsSynced) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), small, true);
  const auto projection = JournalReader::open(directory.journal(), 0);
  std::uint64_t known = 0;
  FrameView frame;
  for (std::uint64_t sequence = 1; sequence <= 200; ++sequence) {
    append_samples(*journal, sequence);
    const bool is_synced = sequence % 3 != 0 || journal->sync();
    ASSERT_TRUE(is_synced);
    if (sequence % 5 == 0) (void)journal->prepare();
    while (projection->next(frame)) {
      ASSERT_EQ(frame.sequence, ++known);
      ASSERT_LE(frame.sequence, journal->durable_sequence());
    }
    ASSERT_EQ(known, journal->durable_sequence());
  }
  EXPECT_GE(segment_files(directory.journal()), 8U);
}

TEST(JournalSync, ARestartMakesWhatIsThereDurableInEveryMode) {
  for (const bool before : {false, true}) {
    for (const bool after : {false, true}) {
      const TemporaryDirectory directory;
      {
        const auto journal = open_journal(directory.journal(), small, before);
        append_samples(*journal, 50);
      }
      const auto journal = open_journal(directory.journal(), small, after);
      EXPECT_EQ(journal->durable_sequence(), 50U);
      EXPECT_EQ(testing::read_samples(*JournalReader::open(directory.journal(), 0)), 50)
          << before << after;
    }
  }
}

/// The file descriptor that this process holds on a file.
int descriptor_of(const std::string& path) {
  for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path(), gone) == path) {
      return std::stoi(entry.path().filename().string());
    }
  }
  return -1;
}

TEST(JournalSync, ASyncThatFailsHoldsTheWatermarkUntilItSucceeds) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), 1U << 16, true);
  append_samples(*journal, 3);
  ASSERT_TRUE(journal->sync());
  // Given a segment whose disk fails: behind its descriptor stands a pipe, which cannot be synced
  const int segment = descriptor_of(directory.journal() + "/00000000000000000001.hjl");
  ASSERT_GE(segment, 0);
  const int good = ::dup(segment);
  int pipe_ends[2] = {};
  ASSERT_EQ(::pipe(pipe_ends), 0);
  ASSERT_EQ(::dup2(pipe_ends[0], segment), segment);
  append_samples(*journal, 6);
  // When it is synced
  EXPECT_FALSE(journal->sync());
  // Then nothing more is durable, and new orders must stop
  EXPECT_EQ(journal->durable_sequence(), 3U);
  EXPECT_EQ(journal->room(), domain::JournalRoom::reserve);
  EXPECT_THAT(journal->last_error(), HasSubstr("cannot sync a segment"));
  // And after the mend all of it is
  ASSERT_EQ(::dup2(good, segment), segment);
  EXPECT_TRUE(journal->sync());
  EXPECT_EQ(journal->durable_sequence(), 6U);
  EXPECT_EQ(journal->last_error(), "");
  EXPECT_EQ(journal->room(), domain::JournalRoom::open);
  ::close(good);
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}

TEST(JournalSync, InModeProcessADiskThatFailsIsFoundOutAndStopsNewOrders) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), 1U << 16, false);
  append_samples(*journal, 3);
  ASSERT_TRUE(journal->sync());
  const int segment = descriptor_of(directory.journal() + "/00000000000000000001.hjl");
  ASSERT_GE(segment, 0);
  const int good = ::dup(segment);
  int pipe_ends[2] = {};
  ASSERT_EQ(::pipe(pipe_ends), 0);
  ASSERT_EQ(::dup2(pipe_ends[0], segment), segment);
  append_samples(*journal, 6);
  // When the disk is tried
  EXPECT_FALSE(journal->sync());
  EXPECT_EQ(journal->room(), domain::JournalRoom::reserve);
  EXPECT_THAT(journal->last_error(), HasSubstr("cannot sync a segment"));
  // What is written goes on all the same
  append_samples(*journal, 9);
  EXPECT_EQ(journal->durable_sequence(), 9U);
  // And after the mend new orders are taken
  ASSERT_EQ(::dup2(good, segment), segment);
  EXPECT_TRUE(journal->sync());
  EXPECT_EQ(journal->room(), domain::JournalRoom::open);
  EXPECT_EQ(journal->last_error(), "");
  ::close(good);
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}

}  // namespace
}  // namespace halcyon::persistence
