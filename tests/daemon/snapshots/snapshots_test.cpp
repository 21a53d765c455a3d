#include "daemon/snapshots.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "persistence/segment.h"
#include "persistence/snapshot.h"
#include "tests/daemon/snapshots/day.h"

namespace halcyon::daemon {
namespace {

using testing::bytes_of;
using testing::Day;
using ::testing::HasSubstr;
using testing::read_up_to;

struct Made {
  explicit Made(Day& given, std::uint64_t every = 50) : day(given) {
    setup.directory = day.journal();
    setup.daemon_name = "alpha";
    setup.every_frames = every;
    setup.make_engine = [this] { return day.make_engine(); };
    setup.now = [this] { return now; };
    setup.durable = [this] { return day.last_sequence(); };
    setup.say = [this](LogLevel, std::string_view what) { said.emplace_back(what); };
  }
  Snapshots make() { return Snapshots{setup, 0}; }

  Day& day;
  domain::Timestamp now = domain::from_unix_ns(0) + std::chrono::days{40'000};
  Snapshots::Setup setup;
  std::vector<std::string> said;
};

TEST(Snapshots, AreMadeWhenDueAndWhenAskedForAndSayTheWholeJournal) {
  Day day;
  Made made{day};
  Snapshots snapshots = made.make();
  // Given fewer frames than it takes
  ASSERT_LT(day.last_sequence(), 50U);
  snapshots.run_once();
  EXPECT_EQ(snapshots.readings().made.load(), 0U);
  // When they are asked for
  snapshots.ask();
  snapshots.run_once();
  EXPECT_EQ(snapshots.readings().newest.load(), day.last_sequence());
  // When they are due
  day.live();
  snapshots.run_once();
  EXPECT_EQ(snapshots.readings().made.load(), 2U);
  EXPECT_EQ(snapshots.readings().newest.load(), day.last_sequence());
  // When there is nothing new
  snapshots.ask();
  snapshots.run_once();
  EXPECT_EQ(snapshots.readings().made.load(), 2U);

  std::vector<std::string> refused;
  const auto snapshot = persistence::find_snapshot(day.journal(), refused);
  ASSERT_NE(snapshot, nullptr);
  Fold again = day.new_fold();
  again.begin_with(*snapshot);
  Fold all = day.new_fold();
  read_up_to(all, day.journal(), day.last_sequence());
  EXPECT_EQ(bytes_of(again), bytes_of(all));
  EXPECT_TRUE(made.said.empty());
}

TEST(Snapshots, ThatFailAreSaidOnceAndMadeAgainAfterTheMend) {
  Day day;
  day.live();
  Made made{day};
  Snapshots snapshots = made.make();
  // Given a directory in which the file cannot be written
  const std::string in_the_way = day.journal() + "/snapshot.tmp";
  std::filesystem::create_directory(in_the_way);
  EXPECT_FALSE(snapshots.make());
  EXPECT_FALSE(snapshots.make());
  EXPECT_EQ(snapshots.readings().failed.load(), 2U);
  EXPECT_TRUE(snapshots.readings().is_failing.load());
  ASSERT_EQ(made.said.size(), 1U);
  EXPECT_THAT(made.said[0], HasSubstr("trading goes on"));
  // When it is mended
  std::filesystem::remove(in_the_way);
  snapshots.ask();
  snapshots.run_once();
  EXPECT_FALSE(snapshots.readings().is_failing.load());
  EXPECT_EQ(snapshots.readings().newest.load(), day.last_sequence());
}

TEST(Snapshots, SegmentsGoOnlyWhenPostgresHasThemAndTheyAreOld) {
  Day day;
  const auto segments = [&] { return persistence::list_segments(day.journal()).files.size(); };
  for (int days = 0; days < 8; ++days) day.live();
  ASSERT_GT(segments(), 4U);
  Made made{day};
  std::uint64_t projected = 0;
  const auto two_snapshots = [&](Snapshots& snapshots) {
    snapshots.make();
    day.step({7, 100});
    day.step({6, 0});
    snapshots.ask();
    snapshots.run_once();
  };
  const std::size_t before = segments();
  {
    // Without PostgreSQL nothing goes
    Snapshots snapshots = made.make();
    two_snapshots(snapshots);
    EXPECT_EQ(segments(), before);
  }
  made.setup.projected = [&] { return projected; };
  {
    // PostgreSQL has nothing
    Snapshots snapshots = made.make();
    snapshots.run_once();
    EXPECT_EQ(segments(), before);
  }
  const auto second = persistence::list_segments(day.journal()).files[1].first_sequence;
  {
    // PostgreSQL has the first one, and looks again at its last frame
    projected = second - 1;
    Snapshots snapshots = made.make();
    snapshots.run_once();
    EXPECT_EQ(segments(), before);
  }
  projected = second;
  {
    // But it is not old enough
    made.setup.keep = std::chrono::days{39'000};
    Snapshots snapshots = made.make();
    snapshots.run_once();
    EXPECT_EQ(segments(), before);
  }
  made.setup.keep = {};
  {
    Snapshots snapshots = made.make();
    snapshots.run_once();
    EXPECT_EQ(segments(), before - 1);
    EXPECT_EQ(snapshots.readings().segments_removed.load(), 1U);
    // And who projects goes on where it was
    const auto reader = persistence::JournalReader::open(day.journal(), projected - 1);
    persistence::FrameView frame;
    EXPECT_TRUE(reader->next(frame));
    EXPECT_EQ(frame.sequence, projected);
  }
}

}  // namespace
}  // namespace halcyon::daemon
