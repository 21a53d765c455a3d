#include "engine/candles.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "recording.h"

namespace halcyon::engine {
namespace {

using namespace domain;
using namespace domain::literals;
using namespace std::chrono_literals;
using strategy::Candle;

constexpr InstrumentId btc{0};
constexpr Timestamp at(Duration since) {
  // 2024-08-08 23:54:00 UTC
  return from_unix_ms(1'723'161'240'000) + since;
}

Timestamp utc(int year, unsigned month, unsigned day, Duration time = {}) {
  using namespace std::chrono;
  return sys_days{std::chrono::year{year} / static_cast<int>(month) / static_cast<int>(day)} + time;
}

TEST(Candles, IntervalsFollowTheClockAndTheCalendar) {
  const Timestamp time = utc(2024, 8, 8, 23h + 54min + 15s + 342ms);  // a Thursday
  const auto expect = [&](const char* name, Timeframe timeframe, Timestamp open, Timestamp close) {
    SCOPED_TRACE(name);
    const Interval interval = interval_of(timeframe, time);
    EXPECT_EQ(interval.open, open);
    EXPECT_EQ(interval.close, close);
    EXPECT_EQ(interval_of(timeframe, open).open, open) << "its first moment is in it";
    EXPECT_EQ(interval_of(timeframe, close).open, close) << "its end is in the next";
  };
  expect("second", {1, TimeUnit::second}, utc(2024, 8, 8, 23h + 54min + 15s),
         utc(2024, 8, 8, 23h + 54min + 16s));
  expect("five_minutes", {5, TimeUnit::minute}, utc(2024, 8, 8, 23h + 50min),
         utc(2024, 8, 8, 23h + 55min));
  expect("four_hours", {4, TimeUnit::hour}, utc(2024, 8, 8, 20h), utc(2024, 8, 9));
  expect("day", {1, TimeUnit::day}, utc(2024, 8, 8), utc(2024, 8, 9));
  expect("week_from_monday", {1, TimeUnit::week}, utc(2024, 8, 5), utc(2024, 8, 12));
  expect("month", {1, TimeUnit::month}, utc(2024, 8, 1), utc(2024, 9, 1));
  expect("quarter", {3, TimeUnit::month}, utc(2024, 7, 1), utc(2024, 10, 1));
}

TEST(Candles, IntervalsReachBackBeforeTheEpoch) {
  const Interval month = interval_of({1, TimeUnit::month}, utc(1969, 12, 31, 1h));
  EXPECT_EQ(month.open, utc(1969, 12, 1));
  EXPECT_EQ(month.close, utc(1970, 1, 1));
  const Interval day = interval_of({1, TimeUnit::day}, utc(1969, 12, 31, 1h));
  EXPECT_EQ(day.open, utc(1969, 12, 31));
}

struct SecondCandles : ::testing::Test {
  Candles candles;
  std::vector<Candles::Closed> closed;
  std::size_t series = candles.add(btc, {1, TimeUnit::second});

  void trade(Duration time, Price price, Quantity quantity = Quantity::from_units(1)) {
    candles.on_trade(btc, price, quantity, at(time), closed);
  }
  void pass(Duration time) { candles.on_time(at(time), closed); }
  /// Past the first candle, which is never complete.
  void warm() {
    trade(0ms, "10"_px);
    trade(1000ms, "11"_px);
    closed.clear();
  }
};

TEST_F(SecondCandles, CloseAtTheFirstLaterTrade) {
  warm();
  trade(1500ms, "14"_px, "2"_qty);
  trade(1900ms, "9"_px);
  EXPECT_TRUE(closed.empty());
  trade(2000ms, "12"_px);
  ASSERT_EQ(closed.size(), 1U);
  const Candle& candle = closed[0].candle;
  EXPECT_EQ(candle.open_time, at(1s));
  EXPECT_EQ(candle.close_time, at(2s));
  EXPECT_EQ(candle.open, "11"_px);
  EXPECT_EQ(candle.high, "14"_px);
  EXPECT_EQ(candle.low, "9"_px);
  EXPECT_EQ(candle.close, "9"_px);
  EXPECT_EQ(candle.volume, "4"_qty);
  EXPECT_EQ(candle.trades, 3U);
  EXPECT_TRUE(candle.complete);
}

TEST_F(SecondCandles, CloseWhenTheVenuesClockHasPassedThemByTheGrace) {
  warm();
  EXPECT_EQ(candles.next_deadline(), at(1s + Candles::grace));  // of the first one; harmless
  pass(2s + Candles::grace - 1ns);
  EXPECT_TRUE(closed.empty());
  EXPECT_EQ(candles.next_deadline(), at(2s + Candles::grace));
  pass(2s + Candles::grace);
  EXPECT_EQ(closed.size(), 1U);
}

TEST_F(SecondCandles, UseTheVenuesClockAndNotOurs) {
  warm();
  candles.set_offset(btc, 1270ms);  // the venue is ahead of us
  pass(2s + Candles::grace - 1271ms);
  EXPECT_TRUE(closed.empty());
  pass(2s + Candles::grace - 1270ms);
  EXPECT_EQ(closed.size(), 1U);
}

TEST_F(SecondCandles, OfEmptyIntervalsAreFlatAtTheLastClose) {
  warm();
  trade(4100ms, "20"_px);
  ASSERT_EQ(closed.size(), 3U);
  for (const std::size_t flat : {1U, 2U}) {
    const Candle& candle = closed[flat].candle;
    EXPECT_EQ(candle.open, "11"_px);
    EXPECT_EQ(candle.high, "11"_px);
    EXPECT_EQ(candle.low, "11"_px);
    EXPECT_EQ(candle.close, "11"_px);
    EXPECT_EQ(candle.trades, 0U);
    EXPECT_TRUE(candle.volume.is_zero());
    EXPECT_TRUE(candle.complete);
  }
  EXPECT_EQ(closed[2].candle.close_time, at(4s));
}

TEST_F(SecondCandles, ThatWereFlatOpenAtTheirFirstTrade) {
  warm();
  pass(2s + Candles::grace);  // the next one is open already, and flat
  closed.clear();
  trade(2500ms, "15"_px);
  trade(3000ms, "16"_px);
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(closed[0].candle.open, "15"_px);
  EXPECT_EQ(closed[0].candle.low, "15"_px);
}

TEST_F(SecondCandles, ALateTradeRevisesTheLastOneAndIsCounted) {
  warm();
  trade(2000ms, "12"_px);
  closed.clear();
  trade(1999ms, "30"_px, "5"_qty);
  EXPECT_TRUE(closed.empty()) << "strategies are not told again";
  const Candle& last = *candles.last_closed(series);
  EXPECT_EQ(last.high, "30"_px);
  EXPECT_EQ(last.close, "11"_px);
  EXPECT_EQ(last.volume, "6"_qty);
  EXPECT_EQ(last.trades, 2U);
  trade(500ms, "99"_px);  // older than what can be revised
  EXPECT_EQ(candles.last_closed(series)->high, "30"_px);
  EXPECT_EQ(candles.counters().late_trades, 2U);
}

TEST_F(SecondCandles, TheFirstOneIsIncompleteForItsBeginningWasNotSeen) {
  trade(300ms, "10"_px);
  trade(1s, "10"_px);
  trade(2s, "10"_px);
  ASSERT_EQ(closed.size(), 2U);
  EXPECT_FALSE(closed[0].candle.complete);
  EXPECT_TRUE(closed[1].candle.complete);
}

TEST_F(SecondCandles, AreIncompleteWhenTradesWereLost) {
  warm();
  candles.on_lost(btc, at(1700ms));
  trade(2s, "12"_px);
  trade(3s, "12"_px);
  ASSERT_EQ(closed.size(), 2U);
  EXPECT_FALSE(closed[0].candle.complete);
  EXPECT_TRUE(closed[1].candle.complete);
}

TEST_F(SecondCandles, LostAfterTheirEndButBeforeANextOneMarkThatTo) {
  warm();
  candles.on_lost(btc, at(2100ms));  // the candle of 2 s is not open yet
  trade(2200ms, "12"_px);
  trade(3s, "12"_px);
  ASSERT_EQ(closed.size(), 2U);
  EXPECT_FALSE(closed[0].candle.complete);
  EXPECT_FALSE(closed[1].candle.complete);
}

TEST_F(SecondCandles, AreIncompleteWhileTheStreamIsDown) {
  warm();
  candles.on_stream(btc, false, at(1500ms));
  pass(3s + Candles::grace);
  candles.on_stream(btc, true, at(3500ms));
  trade(3600ms, "12"_px);
  trade(4s, "12"_px);
  trade(5s, "12"_px);
  ASSERT_EQ(closed.size(), 4U);
  EXPECT_FALSE(closed[0].candle.complete);
  EXPECT_FALSE(closed[1].candle.complete);
  EXPECT_FALSE(closed[2].candle.complete) << "its beginning was not seen";
  EXPECT_TRUE(closed[3].candle.complete);
}

TEST_F(SecondCandles, OfALongJumpAreNotInvented) {
  warm();
  trade(2h, "12"_px);
  EXPECT_LE(closed.size(), Candles::max_flat + 1);
  EXPECT_EQ(candles.counters().jumps, 1U);
  closed.clear();
  trade(2h + 1s, "12"_px);
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(closed[0].candle.open_time, at(2h));
  EXPECT_FALSE(closed[0].candle.complete);
}

TEST(Candles, GiveTheSameSeriesForTheSamePairOnly) {
  Candles candles;
  const auto one = candles.add(btc, {1, TimeUnit::second});
  EXPECT_EQ(candles.add(btc, {1, TimeUnit::second}), one);
  EXPECT_NE(candles.add(btc, {1, TimeUnit::minute}), one);
  EXPECT_NE(candles.add(InstrumentId{1}, {1, TimeUnit::second}), one);
}

TEST(Candles, OfTheRecordedSessionEqualItsMinuteBars) {
  const auto& recorded = testing::recording();
  if (!recorded) GTEST_SKIP() << "the recording is neither in tests/data/binance nor in ../shared";
  const auto expected = nlohmann::json::parse(recorded->expected)["bars_1m_from_trades"];
  Candles candles;
  candles.add(btc, {1, TimeUnit::minute});
  std::vector<Candles::Closed> closed;
  Timestamp last;
  for (const std::string& text : recorded->lines) {
    if (text.find("\"e\":\"trade\"") == std::string::npos) continue;
    const auto data = nlohmann::json::parse(text.substr(text.find(' ') + 1))["data"];
    last = from_unix_ms(data["T"].get<std::int64_t>());
    candles.on_trade(btc, *parse<Price>(data["p"].get<std::string>()),
                     *parse<Quantity>(data["q"].get<std::string>()), last, closed);
  }
  candles.on_time(last + 2min, closed);
  ASSERT_GE(closed.size(), expected.size());
  for (std::size_t bar = 0; bar < expected.size(); ++bar) {
    const Candle& candle = closed[bar].candle;
    const auto& wanted = expected[bar];
    SCOPED_TRACE(bar);
    EXPECT_EQ(to_unix_ms(candle.open_time), wanted["open_time_ms"].get<std::int64_t>());
    EXPECT_EQ(candle.open, *parse<Price>(wanted["open"].get<std::string>()));
    EXPECT_EQ(candle.high, *parse<Price>(wanted["high"].get<std::string>()));
    EXPECT_EQ(candle.low, *parse<Price>(wanted["low"].get<std::string>()));
    EXPECT_EQ(candle.close, *parse<Price>(wanted["close"].get<std::string>()));
    EXPECT_EQ(candle.volume, *parse<Quantity>(wanted["base_volume"].get<std::string>()));
    EXPECT_EQ(candle.trades, wanted["trades"].get<std::uint32_t>());
    // The recorder came in the middle of the first.
    EXPECT_TRUE(candle.complete || bar == 0);
  }
  EXPECT_EQ(candles.counters().late_trades, 0U);
}

}  // namespace
}  // namespace halcyon::engine
