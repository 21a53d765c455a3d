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

/// A series whose venue tells the past, and its bars as they close where a test says so.
struct ToldCandles : SecondCandles {
  void tell(const MarketAbilities& abilities) { candles.set_abilities(btc, abilities); }
  void bar(Duration open, Duration length, Price close, bool is_history, Duration now = 60s) {
    Bar bar;
    bar.open_time = at(open);
    bar.close_time = at(open + length);
    bar.open = bar.high = bar.low = bar.close = close;
    bar.volume = "1"_qty;
    bar.trades = 2;
    bar.timeframe = {1, TimeUnit::second};
    bar.is_history = is_history;
    candles.on_bar(btc, bar, at(now), closed);
  }
  void end() { candles.on_history_end(btc, {1, TimeUnit::second}, closed); }
  /// "0! 1 2?": of the past with '!', incomplete with '?'.
  std::string told() const {
    std::string text;
    for (const auto& each : closed) {
      text += (text.empty() ? "" : " ") + std::to_string((each.candle.open_time - at(0s)) / 1s) +
              (each.is_history ? "!" : "") + (each.candle.complete ? "" : "?");
    }
    return text;
  }
};

TEST_F(ToldCandles, HandOutThePastFirstAndThenWhatHasClosedMeanwhile) {
  tell({true, false});
  // Given live candles that close while the past is on its way
  trade(3200ms, "10"_px);
  trade(4000ms, "11"_px);
  trade(5000ms, "12"_px);
  EXPECT_EQ(told(), "");
  // When it comes, with the second that is still open as its last
  for (int second = 0; second <= 3; ++second) bar(second * 1s, 1s, "9"_px, true);
  bar(5s, 1s, "12"_px, true, 5500ms);
  end();
  // Then nothing is told twice, and live goes on behind it
  EXPECT_EQ(told(), "0! 1! 2! 3! 4");
  EXPECT_EQ(candles.counters().bars_refused, 1U);
  trade(6000ms, "13"_px);
  EXPECT_EQ(told(), "0! 1! 2! 3! 4 5");
}

TEST_F(ToldCandles, DoNotWaitForThePastForEver) {
  tell({true, false});
  trade(0ms, "10"_px);
  trade(1000ms, "11"_px);
  pass(1s + Candles::history_wait - 1ns);
  EXPECT_EQ(told(), "");
  EXPECT_LE(candles.next_deadline(), at(1s + Candles::history_wait));
  pass(1s + Candles::history_wait);
  EXPECT_EQ(told().substr(0, 6), "0? 1 2");
  // What comes later is refused: it would stand behind what was told
  closed.clear();
  bar(0s, 1s, "9"_px, true);
  EXPECT_EQ(told(), "");
}

TEST_F(ToldCandles, HoldNoMoreThanTheirBound) {
  tell({true, false});
  for (std::size_t second = 0; second < Candles::max_held + 2; ++second) {
    trade(second * 1s, "10"_px);
  }
  EXPECT_EQ(closed.size(), Candles::max_held + 1);
}

TEST_F(ToldCandles, AreMadeOfBarsWhereTheVenueTellsThem) {
  tell({false, true});
  trade(200ms, "10"_px);
  trade(1200ms, "10"_px);
  EXPECT_EQ(told(), "") << "trades make none";
  bar(1s, 1s, "11"_px, false);
  bar(2s, 1s, "12"_px, false);
  bar(2s, 1s, "12"_px, false);  // of a second connection
  bar(4s, 1s, "13"_px, false);  // behind a hole
  bar(5s, 1s, "14"_px, false);
  EXPECT_EQ(told(), "1 2 4? 5");
  EXPECT_EQ(closed[1].candle.close, "12"_px);
  EXPECT_EQ(closed[1].candle.trades, 2U);
}

TEST_F(ToldCandles, AreWholeOnlyWhenAllTheirPartsWereTold) {
  tell({true, true});
  // Given parts of half and of quarter seconds
  bar(0ms, 500ms, "10"_px, true);
  bar(500ms, 500ms, "14"_px, true);
  bar(1000ms, 500ms, "9"_px, true);  // its other half is missing
  bar(2000ms, 500ms, "9"_px, true);
  bar(2500ms, 250ms, "8"_px, true);
  bar(2750ms, 250ms, "11"_px, true);
  end();
  EXPECT_EQ(told(), "0! 2!?");
  EXPECT_EQ(closed[0].candle.open, "10"_px);
  EXPECT_EQ(closed[0].candle.high, "14"_px);
  EXPECT_EQ(closed[0].candle.volume, "2"_qty);
  EXPECT_EQ(closed[1].candle.low, "8"_px);
  EXPECT_EQ(closed[1].candle.close, "11"_px);
  // And between the past and the first live one lies a hole
  bar(4000ms, 1s, "12"_px, false);
  EXPECT_EQ(told(), "0! 2!? 4?");
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
