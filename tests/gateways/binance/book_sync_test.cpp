#include "gateways/binance/book_sync.h"

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "support.h"

namespace halcyon::gateways::binance::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

const domain::Timestamp start = domain::from_unix_ms(1'700'000'000'000);

/// One update or snapshot as a run of one event: a bid at 100 of `last_id`.
domain::Event run(std::uint64_t last_id) {
  domain::Event event;
  auto& levels = event.what.emplace<domain::BookLevels>();
  levels.update_id = last_id;
  levels.count = levels.bids = 1;
  levels.levels[0] = {domain::Price::from_units(100),
                      domain::Quantity::from_units(static_cast<std::int64_t>(last_id))};
  return event;
}

/// What comes out of a BookSync, written down in order.
class Harness {
 public:
  BookSync sync;
  domain::Timestamp now = start;
  std::vector<std::string> lines;

  BookSync::Verdict update(std::uint64_t first, std::uint64_t last) {
    std::vector<domain::Event> events{run(last)};
    const auto verdict = sync.on_update(first, last, events, 0);
    EXPECT_EQ(events.empty(), verdict != BookSync::Verdict::apply);
    note(events);
    return verdict;
  }
  BookSync::Join snapshot(std::uint64_t id) {
    const std::vector<domain::Event> levels{run(id)};
    std::vector<domain::Event> out;
    const auto join = sync.on_snapshot(id, levels, now, out);
    note(out);
    return join;
  }
  /// Asks when a snapshot is wanted; whether it was.
  bool ask() {
    if (!sync.wants_snapshot(now)) return false;
    sync.on_asked(now);
    return true;
  }

 private:
  void note(const std::vector<domain::Event>& events) {
    for (const auto& event : events) lines.push_back(said(event));
  }
};

using Verdict = BookSync::Verdict;
using Join = BookSync::Join;

TEST(BookSync, AsksOnlyAfterTheFirstUpdate) {
  Harness h;
  h.sync.on_stream_up();
  EXPECT_FALSE(h.ask());
  EXPECT_EQ(h.update(157, 160), Verdict::hold);
  EXPECT_TRUE(h.ask());
  EXPECT_FALSE(h.ask());  // one question at a time
}

TEST(BookSync, JoinsTheSnapshotWithTheUpdatesThatAreNewer) {
  Harness h;
  h.sync.on_stream_up();
  h.update(157, 160);
  h.ask();
  h.update(161, 165);
  h.update(166, 170);
  // The snapshot falls into the middle of the second update
  EXPECT_EQ(h.snapshot(163), Join::synced);
  EXPECT_THAT(h.lines, ElementsAre("book_reset", "levels u163 last b100x163",
                                   "levels u165 last b100x165", "levels u170 last b100x170"));
  EXPECT_EQ(h.update(171, 171), Verdict::apply);
  EXPECT_EQ(h.sync.update_id(), 171U);
}

struct EdgeRow {
  const char* name;
  std::uint64_t snapshot;
  Join join;
};

class SnapshotEdges : public ::testing::TestWithParam<EdgeRow> {};

TEST_P(SnapshotEdges, AgainstAFirstUpdateFrom157To160) {
  Harness h;
  h.sync.on_stream_up();
  h.update(157, 160);
  h.ask();
  EXPECT_EQ(h.snapshot(GetParam().snapshot), GetParam().join);
}

INSTANTIATE_TEST_SUITE_P(BookSync, SnapshotEdges,
                         ::testing::Values(EdgeRow{"far_too_old", 100, Join::too_old},
                                           EdgeRow{"just_too_old", 155, Join::too_old},
                                           EdgeRow{"just_before_loses_nothing", 156, Join::synced},
                                           EdgeRow{"first_id", 157, Join::synced},
                                           EdgeRow{"last_id", 160, Join::synced},
                                           EdgeRow{"newer_than_all", 200, Join::synced}),
                         [](const auto& row) { return row.param.name; });

TEST(BookSync, DropsWhatIsOlderThanTheBookAndAppliesWhatOverlaps) {
  Harness h;
  h.sync.on_stream_up();
  h.update(157, 160);
  h.ask();
  h.snapshot(170);
  h.lines.clear();
  EXPECT_EQ(h.update(161, 170), Verdict::drop);
  EXPECT_EQ(h.update(165, 175), Verdict::apply);  // levels are absolute: an overlap is fine
  EXPECT_EQ(h.update(176, 176), Verdict::apply);
  EXPECT_THAT(h.lines, ElementsAre("levels u175 last b100x175", "levels u176 last b100x176"));
  EXPECT_EQ(h.sync.counters().dropped, 2U);  // one of them in the buffer
}

TEST(BookSync, AGapInvalidatesAndItsUpdateBeginsTheNewBuffer) {
  Harness h;
  h.sync.on_stream_up();
  h.update(1, 1);
  h.ask();
  h.snapshot(1);
  h.lines.clear();
  EXPECT_EQ(h.update(3, 4), Verdict::gap);
  EXPECT_FALSE(h.sync.is_synced());
  EXPECT_TRUE(h.ask());  // at once
  EXPECT_EQ(h.update(5, 6), Verdict::hold);
  EXPECT_EQ(h.snapshot(4), Join::synced);
  EXPECT_THAT(h.lines, ElementsAre("book_reset", "levels u4 last b100x4", "levels u6 last b100x6"));
  EXPECT_EQ(h.sync.counters().gaps, 1U);
}

TEST(BookSync, AGapAmongKeptUpdatesMakesTheSnapshotTooOld) {
  Harness h;
  h.sync.on_stream_up();
  h.update(1, 2);
  h.ask();
  EXPECT_EQ(h.update(5, 6), Verdict::hold);  // 3 and 4 are missing
  EXPECT_EQ(h.snapshot(2), Join::too_old);   // it fits what is gone
  EXPECT_THAT(h.lines, IsEmpty());
  h.now += 30s;
  EXPECT_TRUE(h.ask());
  EXPECT_EQ(h.snapshot(5), Join::synced);
}

TEST(BookSync, PausesLongerAfterEachSnapshotThatIsTooOld) {
  Harness h;
  h.sync.on_stream_up();
  h.update(1'000, 1'001);
  domain::Duration wanted = 250ms;
  for (int attempt = 0; attempt < 10; ++attempt) {
    ASSERT_TRUE(h.ask()) << attempt;
    EXPECT_EQ(h.snapshot(10), Join::too_old);
    EXPECT_EQ(h.sync.next_deadline() - h.now, wanted);
    h.now += wanted - 1ns;
    EXPECT_FALSE(h.ask());
    h.now += 1ns;
    wanted = std::min<domain::Duration>(wanted * 2, 30s);
  }
  ASSERT_TRUE(h.ask());
  EXPECT_EQ(h.snapshot(1'000), Join::synced);
  EXPECT_EQ(h.sync.counters().too_old, 10U);
  // Success makes the next pause a short one again
  h.update(2'000, 2'001);
  ASSERT_TRUE(h.ask());
  h.sync.on_snapshot_failed(h.now);
  EXPECT_EQ(h.sync.next_deadline() - h.now, 250ms);
}

TEST(BookSync, AsksAgainWhenTheAnswerDoesNotComeAndThenIgnoresIt) {
  Harness h;
  h.sync.on_stream_up();
  h.update(1, 2);
  h.ask();
  const auto generation = h.sync.generation();
  h.now += BookSync::answer_time_out;
  h.sync.on_time(h.now);
  EXPECT_NE(h.sync.generation(), generation);  // so the session drops the late answer
  EXPECT_EQ(h.snapshot(2), Join::not_wanted);
  h.now += 250ms;
  EXPECT_TRUE(h.ask());
}

TEST(BookSync, TellsWhetherConsumersMustHearThatTheStreamIsGone) {
  Harness h;
  EXPECT_FALSE(h.sync.on_stream_down());
  h.sync.on_stream_up();
  h.update(1, 1);
  h.ask();
  h.snapshot(1);
  EXPECT_TRUE(h.sync.on_stream_down());
  EXPECT_FALSE(h.sync.on_stream_down());
  EXPECT_EQ(h.update(2, 2), Verdict::drop);
  // A new connection begins anew, whatever its numbers are
  h.sync.on_stream_up();
  EXPECT_EQ(h.update(900, 901), Verdict::hold);
}

TEST(BookSync, KeepsABoundedBufferAndCountsWhatItThrowsAway) {
  BookSync sync;
  sync.on_stream_up();
  std::vector<domain::Event> events;
  std::uint64_t id = 0;
  // No snapshot comes; each update has a thousand events
  for (int update = 0; update < 50; ++update) {
    ++id;
    events.assign(1'000, run(id));
    sync.on_update(id, id, events, 0);
  }
  EXPECT_GE(sync.counters().overflows, 2U);
  sync.on_asked(start);
  std::vector<domain::Event> out;
  const std::vector<domain::Event> levels{run(1)};
  EXPECT_EQ(sync.on_snapshot(1, levels, start, out), Join::too_old);  // what it fitted is gone
  sync.on_asked(start + 1s);
  EXPECT_EQ(sync.on_snapshot(id, levels, start + 1s, out), Join::synced);
}

/// The truth: which update id each price was last written by, and what came of the stream.
RC_GTEST_PROP(BookSync, EndsWithTheVenuesBookWhateverIsLostRepeatedOrLate, ()) {
  // Given a venue whose book is the last update id at each of five prices
  std::map<std::int64_t, std::uint64_t> venue;
  std::map<std::int64_t, std::uint64_t> ours;
  bool is_valid = false;
  std::uint64_t venue_id = *rc::gen::inRange<std::uint64_t>(1, 1'000);
  BookSync sync;
  domain::Timestamp now = start;
  sync.on_stream_up();
  std::optional<std::map<std::int64_t, std::uint64_t>> snapshot;
  std::uint64_t snapshot_id = 0;
  std::uint32_t snapshot_generation = 0;

  const auto level = [](std::int64_t price, std::uint64_t id) {
    domain::Event event;
    auto& levels = event.what.emplace<domain::BookLevels>();
    levels.update_id = id;
    levels.count = levels.bids = 1;
    levels.levels[0] = {domain::Price::from_units(price),
                        domain::Quantity::from_units(static_cast<std::int64_t>(id))};
    return event;
  };
  const auto apply = [&](const std::vector<domain::Event>& events) {
    for (const auto& event : events) {
      if (std::holds_alternative<domain::BookReset>(event.what)) {
        ours.clear();
        is_valid = true;
      } else if (const auto* levels = std::get_if<domain::BookLevels>(&event.what)) {
        for (std::size_t at = 0; at < levels->count; ++at) {
          const auto price = levels->levels[at].price.raw() / domain::decimal_scale;
          const auto id =
              static_cast<std::uint64_t>(levels->levels[at].quantity.raw() / domain::decimal_scale);
          ours[price] = id;
        }
      }
    }
  };
  const auto deliver = [&](std::uint64_t first, std::uint64_t last,
                           std::vector<domain::Event> events) {
    const auto verdict = sync.on_update(first, last, events, 0);
    if (verdict == Verdict::gap) is_valid = false;
    apply(events);
  };
  const auto take_snapshot = [&] {
    if (!snapshot) return;
    std::vector<domain::Event> levels;
    for (const auto& [price, id] : *snapshot) levels.push_back(level(price, id));
    if (levels.empty()) levels.push_back(level(1, venue[1]));
    std::vector<domain::Event> out;
    if (snapshot_generation == sync.generation()) {
      sync.on_snapshot(snapshot_id, levels, now, out);
      apply(out);
    }
    snapshot.reset();
  };
  std::pair<std::pair<std::uint64_t, std::uint64_t>, std::vector<domain::Event>> last_sent;

  const int steps = *rc::gen::inRange(1, 120);
  for (int step = 0; step < steps; ++step) {
    now += 100ms;
    // When the venue changes one or two levels, and its update arrives, is lost, or comes twice
    const std::uint64_t first = venue_id + 1;
    std::vector<domain::Event> events;
    for (int change = *rc::gen::inRange(1, 3); change > 0; --change) {
      const std::int64_t price = *rc::gen::inRange(1, 6);
      venue[price] = ++venue_id;
      events.push_back(level(price, venue_id));
    }
    switch (*rc::gen::weightedElement<int>({{12, 0}, {1, 1}, {1, 2}, {1, 3}})) {
      case 0:
        deliver(first, venue_id, events);
        break;
      case 1:
        break;  // lost
      case 2:
        deliver(first, venue_id, events);
        deliver(first, venue_id, events);
        break;
      default:
        if (sync.on_stream_down()) is_valid = false;
        sync.on_stream_up();
        break;
    }
    // and snapshots come late, fail, or are lost
    if (sync.wants_snapshot(now)) {
      sync.on_asked(now);
      snapshot = venue;
      snapshot_id = venue_id;
      snapshot_generation = sync.generation();
    }
    if (*rc::gen::inRange(0, 3) == 0) {
      if (*rc::gen::inRange(0, 5) == 0) {
        sync.on_snapshot_failed(now);
        snapshot.reset();
      } else {
        take_snapshot();
      }
    }
    sync.on_time(now);
    // Then a book that is called valid is never behind what was delivered of it
    RC_ASSERT(is_valid == sync.is_synced());
    if (is_valid) {
      for (const auto& [price, id] : venue) {
        if (id <= sync.update_id()) RC_ASSERT(ours.at(price) == id);
      }
    }
  }
  // And once nothing is lost any more, it becomes whole
  for (int step = 0; step < 2'000 && !(is_valid && sync.update_id() == venue_id); ++step) {
    now += 100ms;
    const std::uint64_t first = venue_id + 1;
    venue[1] = ++venue_id;
    deliver(first, venue_id, {level(1, venue_id)});
    sync.on_time(now);
    if (sync.wants_snapshot(now)) {
      sync.on_asked(now);
      snapshot = venue;
      snapshot_id = venue_id;
      snapshot_generation = sync.generation();
    }
    take_snapshot();
  }
  RC_ASSERT(is_valid);
  RC_ASSERT(ours == venue);
}

}  // namespace
}  // namespace halcyon::gateways::binance::testing
