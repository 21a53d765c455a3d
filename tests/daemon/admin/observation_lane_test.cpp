// What leaves the engine's thread for PostgreSQL: bounded, counted, and no more than is asked for.

#include "daemon/observation_lane.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "domain/catalog.h"
#include "domain/decimal.h"

using namespace halcyon;
using namespace halcyon::domain;
using namespace halcyon::domain::literals;
using daemon::BookSeenLane;
using daemon::ColdObservations;
using daemon::ObservationTap;
using daemon::SeenLane;
using persistence::ObservationKind;

namespace {

constexpr Timestamp noon = from_unix_ms(1'723'118'400'000);

struct World {
  explicit World(config::Observations settings = {})
      : tap(lane.writer(), books.writer(), settings, catalog.instruments().size()),
        reader(lane.reader()),
        book_reader(books.reader()) {}

  static Catalog make_catalog() {
    Catalog made;
    made.instrument(made.venue("binance"), "BTC/USDT");
    return made;
  }
  engine::Setup setup() const {
    engine::Setup made;
    made.config = &config;
    made.catalog = &catalog;
    made.visibility.resize(1);
    made.visibility[0].answer_time_out = std::chrono::seconds{5};
    made.visibility[0].request_validity = std::chrono::seconds{1};
    return made;
  }
  Event event(Timestamp time, Event::What what) const {
    Event made;
    made.instrument = InstrumentId{0};
    made.venue = VenueId{0};
    made.venue_time = made.received = time;
    made.what = std::move(what);
    return made;
  }
  void trade(std::uint64_t id) { tap.see(event(noon, Trade{"100"_px, "1"_qty, id}), engine); }
  std::uint64_t lost(ObservationKind kind) const {
    return tap.losses()[static_cast<std::size_t>(kind)].load();
  }
  std::vector<Event> drain() {
    std::vector<Event> events;
    reader.drain(100'000, [&](const Event& seen) { events.push_back(seen); });
    return events;
  }

  config::Config config;
  Catalog catalog = make_catalog();
  engine::Engine engine{setup()};
  SeenLane lane{1};
  BookSeenLane books{1};
  ObservationTap tap;
  SeenLane::Reader reader;
  BookSeenLane::Reader book_reader;
};

}  // namespace

TEST(ObservationTap, CountsTradesThatDoNotFitAndTellsTheReaderOfThem) {
  // Given more trades than the lane holds
  World world;
  for (std::uint64_t id = 0; id < 10'000; ++id) world.trade(id);
  const std::uint64_t lost = world.lost(ObservationKind::candles);
  // When there is room again
  const auto first = world.drain();
  ASSERT_EQ(first.size() + lost, 10'000U);
  ASSERT_GT(lost, 0U);
  world.trade(10'000);
  // Then the next trade comes behind the word that some were lost
  const auto next = world.drain();
  ASSERT_EQ(next.size(), 2U);
  ASSERT_TRUE(std::holds_alternative<TradesLost>(next[0].what));
  EXPECT_EQ(std::get<TradesLost>(next[0].what).count, lost);
  EXPECT_EQ(std::get<Trade>(next[1].what).venue_id, 10'000U);
}

TEST(ObservationTap, LetsAQuoteThroughOncePerInterval) {
  World world;
  for (int ms = 0; ms < 3000; ms += 10) {
    world.tap.see(
        world.event(noon + std::chrono::milliseconds{ms}, Quote{"1"_px, "2"_px, {}, {}, 0}),
        world.engine);
  }
  EXPECT_EQ(world.drain().size(), 3U);
}

TEST(ObservationTap, TakesABookWithItsBestLevelsFirst) {
  // Given a book in the engine
  World world;
  engine::Outputs outputs;
  Event started;
  started.received = noon;
  started.what = Started{1};
  world.engine.on_event(started, {}, 1, outputs);
  const auto handle = [&](const Event& event) {
    outputs.clear();
    world.engine.on_event(event, {}, 2, outputs);
    world.tap.see(event, world.engine);
  };
  handle(world.event(noon, BookReset{}));
  BookLevels levels;
  levels.update_id = 77;
  levels.count = 4;
  levels.bids = 2;
  levels.levels[0] = {"98"_px, "1"_qty};
  levels.levels[1] = {"99"_px, "2"_qty};
  levels.levels[2] = {"102"_px, "3"_qty};
  levels.levels[3] = {"101"_px, "4"_qty};
  handle(world.event(noon, levels));
  levels.update_id = 78;
  handle(world.event(noon + std::chrono::seconds{1}, levels));
  // Then it is seen once in the interval, best first
  persistence::BookSeen seen;
  ASSERT_TRUE(world.book_reader.try_pop(seen));
  EXPECT_EQ(seen.update_id, 77U);
  ASSERT_EQ(seen.bid_count, 2U);
  EXPECT_EQ(seen.bids[0].price, "99"_px);
  ASSERT_EQ(seen.ask_count, 2U);
  EXPECT_EQ(seen.asks[0].price, "101"_px);
  EXPECT_FALSE(world.book_reader.try_pop(seen));
}

TEST(ObservationTap, SendsNothingThatIsNotKept) {
  config::Observations settings;
  settings.candles = settings.tickers = settings.book_snapshots = false;
  World world{settings};
  world.trade(1);
  world.tap.see(world.event(noon, Quote{"1"_px, "2"_px, {}, {}, 0}), world.engine);
  EXPECT_TRUE(world.drain().empty());
}

TEST(ColdObservations, AreBoundedAndCounted) {
  ColdObservations cold;
  for (std::size_t line = 0; line < ColdObservations::capacity + 5; ++line) {
    cold.push(persistence::LogSeen{noon, "info", "x", "y"});
  }
  EXPECT_EQ(cold.losses()[static_cast<std::size_t>(ObservationKind::system_log)].load(), 5U);
}
