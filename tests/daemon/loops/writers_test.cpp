// What a full lane does to market data (conflate, invalidate, tell) and to orders (nothing).

#include "daemon/writers.h"

#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace halcyon::daemon {
namespace {

using domain::BookInvalid;
using domain::BookLevels;
using domain::BookReset;
using domain::Event;
using domain::InstrumentId;
using domain::Quote;
using domain::Trade;
using domain::TradesLost;

constexpr std::size_t lane_size = 4096;

Event market_event(Event::What what, std::uint32_t instrument = 0) {
  Event event;
  event.instrument = static_cast<InstrumentId>(instrument);
  event.what = what;
  return event;
}
Event quote(std::uint64_t update_id, std::uint32_t instrument = 0) {
  Quote what;
  what.update_id = update_id;
  return market_event(what, instrument);
}
Event trade(std::uint64_t id) {
  Trade what;
  what.venue_id = id;
  return market_event(what);
}
Event levels(bool last) {
  BookLevels what;
  what.last = last;
  return market_event(what);
}

class MarketWriterTest : public testing::Test {
 protected:
  void fill() {
    const std::vector<Event> filler(lane_size, quote(0, 1));
    for (const Event& event : filler) writer_.push({&event, 1});
  }
  std::vector<Event> drain() {
    std::vector<Event> events;
    reader_.drain(2 * lane_size, [&](const Event& event) {
      if (domain::index_of(event.instrument) == 0) events.push_back(event);
    });
    return events;
  }
  void push(const Event& event) { writer_.push({&event, 1}); }

  MarketLane lane_{1};
  MarketWriter writer_{lane_.writer(), 2, nullptr};
  MarketLane::Reader reader_{lane_.reader()};
};

TEST_F(MarketWriterTest, ConflatesQuotesToTheNewest) {
  // Given a full lane
  fill();
  // When three quotes come
  for (std::uint64_t id = 1; id <= 3; ++id) push(quote(id));
  EXPECT_TRUE(drain().empty());
  EXPECT_TRUE(writer_.owes());
  // Then the newest arrives once there is room, and only that
  writer_.flush();
  const auto events = drain();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<Quote>(events[0].what).update_id, 3U);
  EXPECT_EQ(writer_.losses().quotes_conflated.load(), 2U);
  EXPECT_FALSE(writer_.owes());
}

TEST_F(MarketWriterTest, TellsHowManyTradesWereLostBeforeTheNextOne) {
  fill();
  push(trade(1));
  push(trade(2));
  EXPECT_TRUE(drain().empty());
  // The next trade finds room, but the loss is told first
  push(trade(3));
  const auto events = drain();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(std::get<TradesLost>(events[0].what).count, 2U);
  EXPECT_EQ(std::get<Trade>(events[1].what).venue_id, 3U);
  EXPECT_FALSE(writer_.owes());
}

TEST_F(MarketWriterTest, InvalidatesABookThatLostARunUntilItStartsOver) {
  fill();
  // When a run does not fit
  const std::vector<Event> run{levels(false), levels(true)};
  writer_.push(run);
  EXPECT_TRUE(drain().empty());
  EXPECT_EQ(writer_.losses().books_invalidated.load(), 1U);
  // Then later runs are dropped, although there is room, and the book is told to be invalid
  writer_.push(run);
  writer_.flush();
  auto events = drain();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<BookInvalid>(events[0].what));
  // And a run that starts over passes, and so do those behind it
  writer_.push(std::vector<Event>{market_event(BookReset{}), levels(true)});
  writer_.push(run);
  events = drain();
  ASSERT_EQ(events.size(), 4U);
  EXPECT_TRUE(std::holds_alternative<BookReset>(events[0].what));
}

TEST(OrderWriter, KeepsWhatDoesNotFitInOrder) {
  // Given more events than the lane takes
  constexpr std::size_t events = 2000;
  OrderLane lane{1};
  RemarkLane remarks{1};
  auto reader = lane.reader();
  OrderWriter writer{lane.writer(), remarks.writer(), 1, nullptr};
  for (std::size_t index = 0; index < events; ++index) {
    Event event;
    event.what = domain::AnswerBegin{{0, static_cast<std::uint32_t>(index)}, {}};
    writer.push({&event, 1}, {});
  }
  EXPECT_TRUE(writer.is_blocked());
  EXPECT_GT(writer.delayed(), 0U);
  // When they are read and what waits is flushed
  std::uint32_t next = 0;
  while (next < events) {
    reader.drain(events, [&](const Event& event) {
      EXPECT_EQ(std::get<domain::AnswerBegin>(event.what).request.counter, next);
      ++next;
    });
    writer.flush();
  }
  // Then all came, in order
  EXPECT_EQ(next, events);
  EXPECT_FALSE(writer.is_blocked());
}

TEST(OrderWriter, SendsTheTextBeforeItsEvent) {
  OrderLane lane{1};
  RemarkLane remarks{1};
  auto reader = lane.reader();
  auto texts = remarks.reader();
  OrderWriter writer{lane.writer(), remarks.writer(), 3, nullptr};
  Event event;
  event.what = domain::RequestOutcome{};
  event.remark = 1;
  const std::vector<std::string> words{"Account has insufficient balance"};
  writer.push({&event, 1}, words);
  Event got;
  domain::Remark remark;
  ASSERT_TRUE(reader.try_pop(got));
  ASSERT_TRUE(texts.try_pop(remark));
  EXPECT_EQ(got.remark, remark.number);
  EXPECT_EQ(got.remark >> 24, 3U);
  EXPECT_EQ((std::string{remark.text.data(), remark.length}), words[0]);
}

}  // namespace
}  // namespace halcyon::daemon
