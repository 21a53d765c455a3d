#include <atomic>
#include <cstring>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "persistence/journal.h"
#include "persistence/journal_dump.h"
#include "persistence/segment.h"
#include "tests/persistence/journal/samples.h"

namespace halcyon::persistence {
namespace {

using testing::append_samples;
using ::testing::HasSubstr;
using testing::open_journal;
using testing::sample;
using testing::TemporaryDirectory;

constexpr std::uint64_t small = 4096;

template <class Function>
std::string thrown(Function&& function) {
  try {
    function();
  } catch (const JournalError& error) {
    return error.what();
  }
  return "";
}

TEST(JournalReader, StartsBehindAnySequence) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), small);
  append_samples(*journal, 60);
  for (std::uint64_t after = 0; after <= 60; ++after) {
    const auto reader = JournalReader::open(directory.journal(), after);
    EXPECT_EQ(reader->uuid(), journal->uuid());
    EXPECT_EQ(testing::read_samples(*reader, after), static_cast<std::int64_t>(60 - after))
        << after;
  }
}

TEST(JournalReader, AProjectionAheadOfItsJournalIsRefused) {
  const TemporaryDirectory directory;
  append_samples(*open_journal(directory.journal(), small), 5);
  EXPECT_THAT(thrown([&] { (void)JournalReader::open(directory.journal(), 6); }),
              HasSubstr("the journal ends with sequence 5, and 6 was asked for: a projection ahead "
                        "of its journal"));
}

TEST(JournalReader, AnEmptyOrMissingDirectoryIsRefused) {
  const TemporaryDirectory directory;
  EXPECT_THAT(thrown([&] { (void)JournalReader::open(directory.path(), 0); }),
              HasSubstr("there is no journal in this directory"));
  EXPECT_THAT(thrown([&] { (void)JournalReader::open(directory.path() + "/none", 0); }),
              HasSubstr("cannot read the journal"));
}

TEST(JournalReader, SeesAFrameAsSoonAsItIsCommitted) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), small);
  const auto reader = JournalReader::open(directory.journal(), 0);
  FrameView frame;
  for (std::uint64_t sequence = 1; sequence <= 200; ++sequence) {
    ASSERT_FALSE(reader->next(frame));
    append_samples(*journal, sequence);
    ASSERT_TRUE(reader->next(frame)) << sequence;
    ASSERT_TRUE(testing::is_equal(frame, sample(sequence))) << sequence;
  }
}

TEST(JournalReader, GoesOverToASegmentThatHasNotItsNameYet) {
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), small);
  testing::prepare_fully(*journal);
  // Given a writer that went over, and a helper that has not come round since
  while (testing::append(*journal, sample(journal->last_sequence() + 1))) {
  }
  ASSERT_TRUE(std::filesystem::exists(directory.journal() + "/next.hjl"));
  EXPECT_EQ(testing::read_samples(*JournalReader::open(directory.journal(), 0)),
            static_cast<std::int64_t>(journal->last_sequence()));
}

TEST(JournalReader, StaysWhereTheDamageIs) {
  const TemporaryDirectory directory;
  append_samples(*open_journal(directory.journal(), small), 5);
  const std::string path = directory.journal() + "/00000000000000000001.hjl";
  auto bytes = testing::read_file(path);
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data() + segment_header_bytes, 4);
  bytes[segment_header_bytes + aligned(length) + 60] ^= 1;
  testing::write_file(path, bytes);
  const auto reader = JournalReader::open(directory.journal(), 0);
  FrameView frame;
  ASSERT_TRUE(reader->next(frame));
  for (int times = 0; times < 2; ++times) {
    EXPECT_THAT(thrown([&] { (void)reader->next(frame); }),
                HasSubstr("the frame behind sequence 1 is damaged"));
  }
  // And it has changed nothing
  EXPECT_EQ(testing::read_file(path), bytes);
}

/// A writer, its helper, and readers of all kinds at the same time.
void follow_concurrently(bool sync_power) {
  constexpr std::uint64_t frames = 6000;
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.journal(), 1U << 15, sync_power);
  std::atomic<bool> is_done{false};
  std::atomic<bool> is_wrong{false};

  std::thread writer{[&] {
    while (journal->last_sequence() < frames && !is_done) {
      if (!testing::append(*journal, sample(journal->last_sequence() + 1))) {
        std::this_thread::yield();
      }
    }
  }};
  std::thread helper{[&] {
    while (!is_done) {
      if (journal->prepare() == 0) std::this_thread::yield();
    }
  }};
  std::thread syncer{[&] {
    while (!is_done) {
      if (!journal->sync()) is_wrong = true;
      (void)journal->room();
      std::this_thread::yield();
    }
  }};
  std::string damage;
  std::thread verifier{[&] {
    while (!is_done) {
      damage = verify(directory.journal()).damage;
      if (damage.empty()) continue;
      is_wrong = true;
      return;
    }
  }};
  const auto reader = JournalReader::open(directory.journal(), 0);
  FrameView frame;
  std::uint64_t sequence = 0;
  while (sequence < frames && !is_wrong) {
    if (!reader->next(frame)) {
      std::this_thread::yield();
      continue;
    }
    ++sequence;
    // In mode "process" a frame can be read a moment before the writer counts it.
    const bool is_early = sync_power && sequence > journal->durable_sequence();
    if (frame.sequence != sequence || !testing::is_equal(frame, sample(sequence)) || is_early) {
      is_wrong = true;
    }
  }
  is_done = true;
  writer.join();
  helper.join();
  syncer.join();
  verifier.join();
  EXPECT_FALSE(is_wrong) << damage << journal->last_error();
  EXPECT_EQ(sequence, frames);
}

TEST(JournalReader, FollowsAWriterOnAnotherThread) { follow_concurrently(false); }
TEST(JournalReader, FollowsAWriterThatSyncsOnAnotherThread) { follow_concurrently(true); }

}  // namespace
}  // namespace halcyon::persistence
