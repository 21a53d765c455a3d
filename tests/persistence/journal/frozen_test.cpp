// What has been added to version 1 of the journal, and a snapshot of it, are read for ever.

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/persistence/journal/frozen_sets.h"

namespace halcyon::persistence {
namespace {

std::string folder_of(std::string_view name) {
  std::string folder = HALCYON_SOURCE_DIR "/tests/data/journal/v1";
  if (!name.empty()) folder.append("-").append(name);
  return folder;
}

TEST(Frozen, JournalsAreReadAsTheyWereWritten) {
  std::set<std::size_t> records;
  for (const testing::FrozenSet& set : testing::frozen_sets) {
    const auto reader = JournalReader::open(folder_of(set.name), 0, ReadUpTo::committed);
    FrameView frame;
    for (std::uint64_t number = 1; number <= set.frames; ++number) {
      ASSERT_TRUE(reader->next(frame)) << set.name << " " << number;
      EXPECT_TRUE(testing::is_equal(frame, set.content(number))) << set.name << " " << number;
      for (const auto& entry : frame.records) records.insert(entry.record.index());
    }
    EXPECT_FALSE(reader->next(frame)) << set.name;
  }
  // Every kind that there was when they were frozen.
  constexpr std::size_t frozen_kinds = 28;
  for (std::size_t kind = 0; kind < frozen_kinds; ++kind) {
    EXPECT_TRUE(records.contains(kind)) << kind;
  }
}

TEST(Frozen, SnapshotIsReadAsItWasWritten) {
  std::string words;
  const auto snapshot =
      Snapshot::load(folder_of("snapshot") + "/snapshot-00000000123456789012.hjs", words);
  ASSERT_NE(snapshot, nullptr) << words;
  const SnapshotHead wanted = testing::frozen_snapshot_head();
  EXPECT_EQ(snapshot->head().uuid, wanted.uuid);
  EXPECT_EQ(snapshot->sequence(), wanted.sequence);
  EXPECT_EQ(snapshot->head().received, wanted.received);
  EXPECT_EQ(snapshot->head().created, wanted.created);
  const auto view = snapshot->view();
  EXPECT_TRUE(std::equal(view.begin(), view.end(), testing::frozen_view.begin(),
                         testing::frozen_view.end()));
  const auto contents = testing::every_frozen_content();
  std::vector<domain::RecordEntry> records;
  for (const auto& content : contents) {
    for (const auto& entry : content.entries()) records.push_back(entry);
  }
  std::size_t at = 0;
  snapshot->each([&](const domain::RecordEntry& entry) {
    ASSERT_LT(at, records.size());
    EXPECT_TRUE(is_same(entry.record, records[at].record)) << at;
    EXPECT_EQ(entry.text, records[at].text) << at;
    ++at;
  });
  EXPECT_EQ(at, records.size());
}

}  // namespace
}  // namespace halcyon::persistence
