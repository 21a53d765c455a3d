// Snapshots: a journal that says the same in fewer records. Here a snapshot holds simply every
// record up to its sequence, so that snapshot and tail must be the same records as all frames.

#include "persistence/snapshot.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "persistence/crc32c.h"
#include "persistence/encoding.h"
#include "persistence/journal_dump.h"
#include "persistence/segment.h"
#include "tests/persistence/journal/samples.h"

namespace halcyon::persistence {
namespace {

using testing::append_samples;
using testing::Bytes;
using ::testing::HasSubstr;
using testing::open_journal;
using testing::sample;
using testing::TemporaryDirectory;
using testing::Where;

constexpr std::uint64_t small = 4096;
constexpr domain::Timestamp long_ago = domain::from_unix_ns(0);

using Encoded = std::vector<std::vector<std::uint8_t>>;

std::vector<std::uint8_t> encoded(const domain::RecordEntry& entry) {
  std::vector<std::uint8_t> bytes(record_bytes(entry));
  put_record(bytes.data(), entry);
  return bytes;
}

/// All records of the samples up to a sequence, as bytes.
Encoded records_up_to(std::uint64_t sequence) {
  Encoded records;
  for (std::uint64_t number = 1; number <= sequence; ++number) {
    const testing::Content content = sample(number);
    for (const auto& entry : content.entries()) records.push_back(encoded(entry));
  }
  return records;
}

JournalUuid uuid_of(const std::string& directory) {
  return SegmentReader::open(list_segments(directory).files.front().path)->header().uuid;
}

SnapshotFile make_snapshot(const std::string& directory, std::uint64_t sequence,
                           const JournalUuid& uuid) {
  std::vector<testing::Content> contents;
  for (std::uint64_t number = 1; number <= sequence; ++number) contents.push_back(sample(number));
  std::vector<domain::RecordEntry> state;
  for (const auto& content : contents) {
    for (const auto& entry : content.entries()) state.push_back(entry);
  }
  const std::vector<std::uint8_t> view{1, 2, 3, static_cast<std::uint8_t>(sequence)};
  SnapshotHead head;
  head.uuid = uuid;
  head.sequence = sequence;
  head.received = sample(sequence).input.received;
  head.created = head.received;
  return write_snapshot(directory, head, state, view);
}
SnapshotFile make_snapshot(const std::string& directory, std::uint64_t sequence) {
  return make_snapshot(directory, sequence, uuid_of(directory));
}

/// What a start hears, as bytes.
Encoded recovered_records(const std::string& directory, Recovered& recovered) {
  Encoded records;
  (void)Journal::open({directory, small, false}, recovered,
                      [&](const domain::RecordEntry& entry) { records.push_back(encoded(entry)); });
  return records;
}

std::vector<std::uint8_t> as_bytes(const Bytes& file) { return {file.begin(), file.end()}; }

TEST(Snapshot, IsReadAsItWasWritten) {
  const TemporaryDirectory directory;
  append_samples(*open_journal(directory.journal(), small), 30);
  const SnapshotFile file = make_snapshot(directory.journal(), 30);
  EXPECT_EQ(std::filesystem::path{file.path}.filename(), "snapshot-00000000000000000030.hjs");
  std::string words;
  const auto snapshot = Snapshot::load(file.path, words);
  ASSERT_NE(snapshot, nullptr) << words;
  EXPECT_EQ(snapshot->sequence(), 30U);
  EXPECT_EQ(snapshot->head().received, sample(30).input.received);
  EXPECT_EQ(snapshot->head().uuid, uuid_of(directory.journal()));
  Encoded records;
  snapshot->each([&](const auto& entry) { records.push_back(encoded(entry)); });
  EXPECT_TRUE(records == records_up_to(30));
  EXPECT_TRUE(std::equal(snapshot->view().begin(), snapshot->view().end(),
                         std::vector<std::uint8_t>{1, 2, 3, 30}.begin()));
  EXPECT_FALSE(std::filesystem::exists(directory.journal() + "/snapshot.tmp"));
}

TEST(Snapshot, OfManyRecordsIsReadAsItWasWritten) {
  // More than one frame of them
  const TemporaryDirectory directory;
  append_samples(*open_journal(directory.journal(), 1U << 20), 4000);
  const SnapshotFile file = make_snapshot(directory.journal(), 4000);
  ASSERT_GT(std::filesystem::file_size(file.path), 500'000U);
  std::string words;
  const auto snapshot = Snapshot::load(file.path, words);
  ASSERT_NE(snapshot, nullptr) << words;
  Encoded records;
  snapshot->each([&](const auto& entry) { records.push_back(encoded(entry)); });
  EXPECT_TRUE(records == records_up_to(4000));
}

TEST(Snapshot, NoFlippedOrMissingByteIsOverlooked) {
  const TemporaryDirectory directory;
  append_samples(*open_journal(directory.journal(), small), 6);
  const Bytes whole = testing::read_file(make_snapshot(directory.journal(), 6).path);
  std::string words;
  ASSERT_NE(Snapshot::parse("s", as_bytes(whole), words), nullptr) << words;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      Bytes flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      EXPECT_EQ(Snapshot::parse("s", as_bytes(flipped), words), nullptr) << at;
      EXPECT_THAT(words, HasSubstr("s: ")) << at;
    }
    Bytes cut = whole;
    cut.resize(at);
    EXPECT_EQ(Snapshot::parse("s", as_bytes(cut), words), nullptr) << at;
  }
  Bytes longer = whole;
  longer.push_back('\0');
  EXPECT_EQ(Snapshot::parse("s", as_bytes(longer), words), nullptr);
}

TEST(Snapshot, OfANewerFormatIsRefusedWithWords) {
  const TemporaryDirectory directory;
  append_samples(*open_journal(directory.journal(), small), 3);
  auto bytes = as_bytes(testing::read_file(make_snapshot(directory.journal(), 3).path));
  bytes[8] = 2;
  const std::uint32_t crc = crc32c(std::span<const std::uint8_t>{bytes}.first(124));
  std::memcpy(bytes.data() + 124, &crc, sizeof crc);
  std::string words;
  EXPECT_EQ(Snapshot::parse("s", bytes, words), nullptr);
  EXPECT_THAT(words, HasSubstr("format version 2, and this daemon reads up to 1"));
}

TEST(Snapshot, AndTheTailAreTheWholeJournalAtEveryFrame) {
  constexpr std::uint64_t frames = 60;
  const TemporaryDirectory directory{Where::memory};
  append_samples(*open_journal(directory.journal(), small), frames);
  const Encoded all = records_up_to(frames);
  const JournalUuid uuid = uuid_of(directory.journal());
  ASSERT_GT(list_segments(directory.journal()).files.size(), 3U);
  for (std::uint64_t sequence = 1; sequence <= frames; ++sequence) {
    make_snapshot(directory.journal(), sequence, uuid);
    Recovered recovered;
    EXPECT_TRUE(recovered_records(directory.journal(), recovered) == all) << sequence;
    ASSERT_NE(recovered.snapshot, nullptr) << sequence;
    EXPECT_EQ(recovered.snapshot->sequence(), sequence);
    EXPECT_EQ(recovered.frames, frames - sequence);
    EXPECT_EQ(recovered.last_sequence, frames);
    remove_snapshots(directory.journal(), 0);
  }
}

TEST(Snapshot, ThatIsDamagedIsSaidAndTheOneBeforeIsUsed) {
  const TemporaryDirectory directory;
  append_samples(*open_journal(directory.journal(), small), 50);
  const SnapshotFile older = make_snapshot(directory.journal(), 20);
  const SnapshotFile newer = make_snapshot(directory.journal(), 40);
  const auto damage = [](const SnapshotFile& file) {
    Bytes bytes = testing::read_file(file.path);
    bytes[bytes.size() / 2] ^= 1;
    testing::write_file(file.path, bytes);
  };
  damage(newer);
  Recovered recovered;
  EXPECT_TRUE(recovered_records(directory.journal(), recovered) == records_up_to(50));
  ASSERT_NE(recovered.snapshot, nullptr);
  EXPECT_EQ(recovered.snapshot->sequence(), 20U);
  ASSERT_EQ(recovered.refused_snapshots.size(), 1U);
  EXPECT_THAT(recovered.refused_snapshots[0], HasSubstr(newer.path + ": the snapshot is damaged"));
  // And without any the whole journal
  damage(older);
  Recovered again;
  EXPECT_TRUE(recovered_records(directory.journal(), again) == records_up_to(50));
  EXPECT_EQ(again.snapshot, nullptr);
  EXPECT_EQ(again.refused_snapshots.size(), 2U);
  EXPECT_EQ(again.frames, 50U);
}

TEST(Snapshot, ThatDoesNotFitItsJournalIsRefusedWithWords) {
  const TemporaryDirectory directory;
  append_samples(*open_journal(directory.journal(), small), 20);
  const JournalUuid uuid = uuid_of(directory.journal());
  const auto words = [&] {
    Recovered recovered;
    EXPECT_TRUE(recovered_records(directory.journal(), recovered) == records_up_to(20));
    EXPECT_EQ(recovered.snapshot, nullptr);
    remove_snapshots(directory.journal(), 0);
    return recovered.refused_snapshots.empty() ? "" : recovered.refused_snapshots[0];
  };
  make_snapshot(directory.journal(), 25, uuid);
  EXPECT_THAT(words(), HasSubstr("the journal ends with sequence 20, and 25 was asked for"));
  JournalUuid other = uuid;
  other.bytes[3] ^= 1;
  make_snapshot(directory.journal(), 10, other);
  EXPECT_THAT(words(), HasSubstr("belongs to another journal"));
  const SnapshotFile file = make_snapshot(directory.journal(), 10, uuid);
  std::filesystem::rename(file.path, directory.journal() + "/snapshot-00000000000000000011.hjs");
  EXPECT_THAT(words(), HasSubstr("of sequence 10, not of that of its name"));
}

TEST(Snapshot, WithoutAnySegmentDoesNotBecomeANewJournal) {
  const TemporaryDirectory directory;
  append_samples(*open_journal(directory.journal(), small), 20);
  make_snapshot(directory.journal(), 20);
  for (const auto& file : list_segments(directory.journal()).files) {
    std::filesystem::remove(file.path);
  }
  EXPECT_THAT(testing::refusal(directory.journal()),
              HasSubstr("the journal's segments are missing; restore them"));
}

TEST(Snapshot, ThatCannotBeWrittenLeavesNothingBehind) {
  const TemporaryDirectory directory;
  append_samples(*open_journal(directory.journal(), small), 20);
  const JournalUuid uuid = uuid_of(directory.journal());
  // Given a name that cannot be taken
  const std::string taken = directory.journal() + "/snapshot-00000000000000000020.hjs";
  std::filesystem::create_directory(taken);
  std::string words;
  try {
    make_snapshot(directory.journal(), 20, uuid);
  } catch (const JournalError& error) {
    words = error.what();
  }
  EXPECT_THAT(words, HasSubstr("cannot rename"));
  EXPECT_FALSE(std::filesystem::exists(directory.journal() + "/snapshot.tmp"));
}

// ---- Removal ------------------------------------------------------------------------------------

TEST(Removal, TakesOnlyWhatIsInTwoSnapshotsAndAskedForAndOld) {
  const TemporaryDirectory directory;
  append_samples(*open_journal(directory.journal(), small), 100);
  const auto before = list_segments(directory.journal()).files;
  ASSERT_GT(before.size(), 5U);
  const auto count = [&] { return list_segments(directory.journal()).files.size(); };
  const domain::Timestamp later = sample(200).input.received;
  // Given no snapshot, or one: nothing goes
  EXPECT_EQ(remove_segments(directory.journal(), 100, later), 0U);
  make_snapshot(directory.journal(), 100);
  EXPECT_EQ(remove_segments(directory.journal(), 100, later), 0U);
  // Given two: what the older one says, and what was asked for, and old enough
  make_snapshot(directory.journal(), before[3].first_sequence);
  EXPECT_EQ(remove_segments(directory.journal(), 100, long_ago), 0U);
  EXPECT_EQ(remove_segments(directory.journal(), before[1].first_sequence - 2, later), 0U);
  EXPECT_EQ(remove_segments(directory.journal(), before[1].first_sequence - 1, later), 1U);
  EXPECT_EQ(remove_segments(directory.journal(), 100, later), 2U);
  EXPECT_EQ(count(), before.size() - 3);
  // Then a start finds everything
  Recovered recovered;
  EXPECT_TRUE(recovered_records(directory.journal(), recovered) == records_up_to(100));
  EXPECT_EQ(recovered.last_sequence, 100U);
  // And never the last segment
  make_snapshot(directory.journal(), 99);
  (void)remove_segments(directory.journal(), 1'000, later);
  ASSERT_GE(count(), 1U);
  EXPECT_EQ(list_segments(directory.journal()).files.back().first_sequence,
            before.back().first_sequence);
}

TEST(Removal, LeavesAJournalThatGoesOnAndCanBeVerified) {
  const TemporaryDirectory directory;
  append_samples(*open_journal(directory.journal(), small), 100);
  make_snapshot(directory.journal(), 60);
  const SnapshotFile newest = make_snapshot(directory.journal(), 90);
  const std::size_t removed = remove_segments(directory.journal(), 100, sample(200).input.received);
  ASSERT_GT(removed, 2U);
  const std::uint64_t first = list_segments(directory.journal()).files.front().first_sequence;
  ASSERT_LE(first, 61U);
  // The look without a daemon says that all is well
  const Verified verified = verify(directory.journal());
  EXPECT_EQ(verified.damage, "");
  EXPECT_EQ(verified.first_sequence, first);
  EXPECT_EQ(verified.last_sequence, 100U);
  EXPECT_EQ(verified.snapshots, 2U);
  EXPECT_EQ(verified.snapshot_sequence, 90U);
  // Who reads from before is told so
  std::string words;
  try {
    (void)JournalReader::open(directory.journal(), first - 2);
  } catch (const JournalError& error) {
    words = error.what();
  }
  EXPECT_THAT(words, HasSubstr("is not there any more: the journal begins with"));
  EXPECT_EQ(testing::read_samples(*JournalReader::open(directory.journal(), first - 1), first - 1),
            static_cast<std::int64_t>(100 - first + 1));
  // The journal goes on, also when the newest snapshot is lost
  append_samples(*open_journal(directory.journal(), small), 140);
  std::filesystem::remove(newest.path);
  Recovered recovered;
  EXPECT_TRUE(recovered_records(directory.journal(), recovered) == records_up_to(140));
  EXPECT_EQ(recovered.snapshot->sequence(), 60U);
  // And without any snapshot nobody knows what was removed: refused
  remove_snapshots(directory.journal(), 0);
  EXPECT_THAT(testing::refusal(directory.journal()),
              HasSubstr("missing, and no snapshot says what they held"));
  EXPECT_THAT(verify(directory.journal()).damage, HasSubstr("no snapshot says what they held"));
}

TEST(Removal, KeepsTheNewestSnapshots) {
  const TemporaryDirectory directory;
  append_samples(*open_journal(directory.journal(), small), 20);
  for (const std::uint64_t sequence : {5U, 10U, 15U, 20U}) {
    make_snapshot(directory.journal(), sequence);
  }
  EXPECT_EQ(remove_snapshots(directory.journal()), 2U);
  const auto left = list_snapshots(directory.journal());
  ASSERT_EQ(left.size(), snapshots_kept);
  EXPECT_EQ(left[0].sequence, 20U);
  EXPECT_EQ(left[1].sequence, 15U);
}

// ---- Parts --------------------------------------------------------------------------------------

TEST(Part, IsReadAsItWasWritten) {
  PartWriter out;
  out.number(std::uint64_t{7});
  out.number(domain::Side::sell);
  out.number(std::int64_t{-5});
  out.time(domain::never);
  out.text("words");
  out.record(domain::EpochStarted{9}, "beside it");
  PartReader in{out.bytes()};
  EXPECT_EQ(in.number(), 7U);
  EXPECT_EQ(in.number<domain::Side>(), domain::Side::sell);
  EXPECT_EQ(in.number<std::int64_t>(), -5);
  EXPECT_EQ(in.time(), domain::never);
  EXPECT_EQ(in.text(), "words");
  const domain::RecordEntry entry = in.record();
  EXPECT_EQ(std::get<domain::EpochStarted>(entry.record).epoch, 9U);
  EXPECT_EQ(entry.text, "beside it");
  EXPECT_TRUE(in.is_good());
  EXPECT_TRUE(in.is_at_end());
}

TEST(Part, ThatEndsEarlyOrSaysSomethingElseIsBad) {
  PartWriter out;
  out.number(std::uint64_t{1'000'000});  // as a count: of more than there is
  out.record(domain::EpochStarted{9});
  for (std::size_t size = 0; size < out.bytes().size(); ++size) {
    PartReader in{std::span<const std::uint8_t>{out.bytes()}.first(size)};
    (void)in.number();
    (void)in.record();
    EXPECT_FALSE(in.is_good()) << size;
  }
  PartReader count{out.bytes()};
  EXPECT_EQ(count.count(), 0U);
  EXPECT_FALSE(count.is_good());
  PartReader other{out.bytes()};
  (void)other.number();
  (void)other.record_of<domain::FillBooked>();
  EXPECT_FALSE(other.is_good());
}

}  // namespace
}  // namespace halcyon::persistence
