#include "daemon/fold.h"

#include <iostream>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/daemon/snapshots/day.h"

namespace halcyon::daemon {
namespace {

using testing::bytes_of;
using testing::Day;
using testing::read_up_to;
using testing::snapshot_of;
using testing::Step;

TEST(Fold, OfASnapshotAndTheTailIsThatOfAllFramesAtEveryFrameOfADay) {
  Day day;
  day.live();
  const std::uint64_t last = day.last_sequence();
  ASSERT_GT(last, 150U);
  Fold all = day.new_fold();
  read_up_to(all, day.journal(), last);
  ASSERT_GT(all.model().fills().size(), 3U);
  ASSERT_GT(all.model().orders().size(), 3U);
  ASSERT_GT(all.engine().last_epoch(), 0U);
  std::cout << last << " frames, " << all.model().orders().size() << " orders, "
            << all.model().fills().size() << " fills\n";
  const auto wanted = bytes_of(all);
  Fold until_here = day.new_fold();
  for (std::uint64_t sequence = 1; sequence <= last; ++sequence) {
    // Given a snapshot of what was so far
    read_up_to(until_here, day.journal(), sequence);
    const auto snapshot = snapshot_of(until_here, day);
    // When another begins with it
    Fold again = day.new_fold();
    again.begin_with(*snapshot);
    // Then it is the same at once, and after the tail
    ASSERT_EQ(bytes_of(again), bytes_of(until_here)) << "at " << sequence;
    read_up_to(again, day.journal(), last);
    ASSERT_EQ(bytes_of(again), wanted) << "from " << sequence;
  }
}

TEST(Fold, OfASnapshotOfASnapshotIsThatOfAllFrames) {
  Day day;
  day.live();
  const std::uint64_t last = day.last_sequence();
  std::shared_ptr<const persistence::Snapshot> snapshot;
  for (std::uint64_t sequence = 1; sequence <= last; ++sequence) {
    Fold fold = day.new_fold();
    if (snapshot != nullptr) fold.begin_with(*snapshot);
    read_up_to(fold, day.journal(), sequence);
    snapshot = snapshot_of(fold, day);
  }
  Fold all = day.new_fold();
  read_up_to(all, day.journal(), last);
  Fold again = day.new_fold();
  again.begin_with(*snapshot);
  EXPECT_EQ(bytes_of(again), bytes_of(all));
}

RC_GTEST_PROP(Fold, OfASnapshotAnywhereInAnyDayAndTheTailIsThatOfAllFrames,
              (const std::vector<Step>& steps, std::uint16_t where)) {
  Day day;
  for (const Step& step : steps) day.step(step);
  const std::uint64_t last = day.last_sequence();
  Fold first = day.new_fold();
  read_up_to(first, day.journal(), 1 + where % last);
  const auto snapshot = snapshot_of(first, day);
  read_up_to(first, day.journal(), last);
  Fold again = day.new_fold();
  again.begin_with(*snapshot);
  read_up_to(again, day.journal(), last);
  RC_ASSERT(bytes_of(again) == bytes_of(first));
}

TEST(Fold, KeepsEveryEpochInEverySnapshot) {
  Day day;
  for (int restarts = 0; restarts < 5; ++restarts) day.step({11, 0});
  Fold all = day.new_fold();
  read_up_to(all, day.journal(), day.last_sequence());
  const auto snapshot = snapshot_of(all, day);
  std::size_t epochs = 0;
  snapshot->each([&](const domain::RecordEntry& entry) {
    epochs += std::holds_alternative<domain::EpochStarted>(entry.record) ? 1U : 0U;
  });
  EXPECT_EQ(epochs, 6U);
}

TEST(ReadModelSave, KeepsWhatIsForgottenToo) {
  // Given bounds so narrow that orders, steps, fills and notices are forgotten all day long
  const ReadModelBounds narrow{.ended_orders = 2,
                               .steps_of_an_order = 2,
                               .fills = 3,
                               .notices = 2,
                               .requests = 2,
                               .command_answers = 1};
  Day day;
  day.live();
  const auto saved = [](const ReadModel& model) {
    persistence::PartWriter out;
    model.save(out);
    return out.bytes();
  };
  ReadModel all{"alpha", narrow};
  const auto reader = persistence::JournalReader::open(day.journal(), 0);
  persistence::FrameView frame;
  while (reader->next(frame)) {
    all.apply(frame);
    const auto bytes = saved(all);
    ReadModel again{"alpha", narrow};
    persistence::PartReader in{bytes};
    ASSERT_TRUE(again.load(in)) << frame.sequence;
    ASSERT_EQ(saved(again), bytes) << frame.sequence;
    if (frame.sequence % 16 != 0) continue;
    const auto tail = persistence::JournalReader::open(day.journal(), frame.sequence);
    const auto rest = persistence::JournalReader::open(day.journal(), frame.sequence);
    ReadModel other = all;
    persistence::FrameView next;
    while (tail->next(next)) again.apply(next);
    while (rest->next(next)) other.apply(next);
    ASSERT_EQ(saved(again), saved(other)) << frame.sequence;
  }
  EXPECT_GT(all.orders_forgotten(), 0U);
}

TEST(ReadModelSave, RefusesWhatEndsEarlyOrIsOfAnotherLayout) {
  Day day;
  Fold all = day.new_fold();
  read_up_to(all, day.journal(), day.last_sequence());
  const auto bytes = all.view();
  for (std::size_t size = 0; size < bytes.size(); size += 5) {
    ReadModel model{"alpha"};
    persistence::PartReader in{std::span<const std::uint8_t>{bytes}.first(size)};
    EXPECT_FALSE(model.load(in)) << size;
  }
  auto newer = bytes;
  newer[0] = 200;
  ReadModel model{"alpha"};
  persistence::PartReader in{newer};
  EXPECT_FALSE(model.load(in));
}

TEST(ReadModelSave, OfAnotherLayoutLeavesTheDurableState) {
  // Given a snapshot whose view nobody can read
  Day day;
  day.live();
  Fold all = day.new_fold();
  read_up_to(all, day.journal(), day.last_sequence());
  persistence::SnapshotHead head;
  head.uuid = day.uuid();
  head.sequence = all.sequence();
  head.received = all.received();
  const std::vector<std::uint8_t> view(16, 0xFF);
  const auto file = persistence::write_snapshot(day.journal(), head, all.state(), view);
  std::string words;
  const auto snapshot = persistence::Snapshot::load(file.path, words);
  ASSERT_NE(snapshot, nullptr) << words;
  // Then a model that begins with it shows what is held and what is open
  ReadModel model{"alpha"};
  begin_with(model, *snapshot);
  EXPECT_EQ(model.open_orders(), all.model().open_orders());
  EXPECT_EQ(model.positions().size(), all.model().positions().size());
  EXPECT_EQ(model.balances().size(), all.model().balances().size());
  ASSERT_EQ(model.credentials().size(), 2U);
  for (const auto& [key, kept] : all.model().credentials()) {
    EXPECT_EQ(model.credentials().at(key).text, kept.text);
  }
  EXPECT_EQ(model.epoch(), all.model().epoch());
  EXPECT_EQ(model.sequence(), all.model().sequence());
}

}  // namespace
}  // namespace halcyon::daemon
