#include "strategy/trend_following.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace halcyon::strategy {
namespace {

using domain::InstrumentId;
using domain::Price;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr InstrumentId btc{0};
constexpr InstrumentId eth{1};

/// A strategy of averages over 2 and 3 candles, fed candle by candle.
class Feed {
 public:
  explicit Feed(config::Average average = config::Average::simple) {
    config::Strategy settings;
    settings.name = "cross";
    settings.type = "trend_following";
    settings.fast_period = 2;
    settings.slow_period = 3;
    settings.average = average;
    std::string error;
    strategy_ = make(settings, {btc, eth}, error);
    EXPECT_EQ(error, "");
    EXPECT_NE(strategy_, nullptr);
  }

  /// The weights wanted at a candle that closes at `close`; empty: nothing changed.
  std::vector<std::int32_t> close(std::int64_t close, bool complete = true, bool warm_up = false,
                                  InstrumentId instrument = btc) {
    Candle candle;
    candle.open_time = domain::from_unix_ms(next_ms_);
    next_ms_ += 1'000;
    candle.close_time = domain::from_unix_ms(next_ms_);
    candle.open = candle.high = candle.low = candle.close = Price::from_units(close);
    candle.complete = complete;
    return feed(instrument, candle, warm_up);
  }

  std::vector<std::int32_t> feed(InstrumentId instrument, const Candle& candle, bool warm_up) {
    std::vector<Target> targets;
    strategy_->on_candle(instrument, candle, warm_up, targets);
    std::vector<std::int32_t> weights;
    for (const Target& target : targets) {
      EXPECT_EQ(target.instrument, instrument);
      EXPECT_FALSE(target.why.empty());
      weights.push_back(target.weight_pct);
    }
    return weights;
  }

  /// What was wanted over a row of closes, candle by candle: '.' nothing, 'L' long, 'F' flat.
  std::string closes(const std::vector<std::int64_t>& prices) {
    std::string row;
    for (const std::int64_t price : prices) {
      const auto wanted = close(price);
      row += wanted.empty() ? '.' : wanted.front() == 100 ? 'L' : 'F';
    }
    return row;
  }

 private:
  std::unique_ptr<Strategy> strategy_;
  std::int64_t next_ms_ = 0;
};

TEST(TrendFollowing, GoesLongAtACrossAboveAndFlatAtACrossBelow) {
  // fast:  -  9.5  8.5  7.5  8.5  9.5  8.5  7.5
  // slow:  -   -    9    8    8    9    9    8
  EXPECT_EQ(Feed{}.closes({10, 9, 8, 7, 10, 9, 8, 7}), "..F.L.F.");
}

TEST(TrendFollowing, WantsNothingBeforeTheSlowAverageIsReady) {
  EXPECT_EQ(Feed{}.closes({10, 1}), "..");
}

TEST(TrendFollowing, WantsNothingInAFlatMarket) {
  EXPECT_EQ(Feed{}.closes(std::vector<std::int64_t>(50, 7)), std::string(50, '.'));
  EXPECT_EQ(Feed{config::Average::exponential}.closes(std::vector<std::int64_t>(50, 7)),
            std::string(50, '.'));
}

TEST(TrendFollowing, TakesARiseOutOfAFlatMarketForACross) {
  EXPECT_EQ(Feed{}.closes({7, 7, 7, 8}), "...L");
  EXPECT_EQ(Feed{}.closes({7, 7, 7, 6}), "...F");
}

TEST(TrendFollowing, WaitsForACrossWhenTheTrendIsUpAlready) {
  EXPECT_EQ(Feed{}.closes({1, 2, 3, 4, 5}), ".....");
  EXPECT_EQ(Feed{}.closes({1, 2, 3, 4, 1, 1, 9}), "....F.L");
}

TEST(TrendFollowing, SaysEachChangeOnce) {
  EXPECT_EQ(Feed{}.closes({10, 9, 8, 7, 6, 5, 4, 12, 13, 14, 15}), "..F....L...");
}

TEST(TrendFollowing, WantsNothingFromWarmUpButMeasuresTheNextCrossFromIt) {
  Feed feed;
  for (const std::int64_t price : {10, 9, 8, 7}) {
    EXPECT_THAT(feed.close(price, true, true), IsEmpty());
  }
  // The first live candle crosses at once: both averages are ready.
  EXPECT_THAT(feed.close(10), ElementsAre(100));
}

TEST(TrendFollowing, GoesFlatAtTheFirstLiveCandleWhenTheTrendTurnedDownUnseen) {
  Feed feed;
  for (const std::int64_t price : {10, 9, 8, 7}) feed.close(price, true, true);
  EXPECT_THAT(feed.close(6), ElementsAre(0));
  EXPECT_THAT(feed.close(5), IsEmpty());
}

TEST(TrendFollowing, LetsAnIncompleteCandleMoveNothing) {
  Feed feed;
  feed.closes({10, 9, 8, 7});
  // A cross in a candle that lost trades is seen at the next whole one
  EXPECT_THAT(feed.close(10, false), IsEmpty());
  EXPECT_THAT(feed.close(10), ElementsAre(100));
}

TEST(TrendFollowing, ForgetsACrossThatIsGoneWhenTheNextWholeCandleCloses) {
  Feed feed;
  feed.closes({10, 9, 8, 7});
  EXPECT_THAT(feed.close(10, false), IsEmpty());
  EXPECT_THAT(feed.close(1), IsEmpty());
}

TEST(TrendFollowing, KeepsAPeriodAStretchOfTimeThroughIncompleteCandles) {
  // Given three candles, one of them incomplete, the slow average is ready: it decides
  Feed feed;
  EXPECT_THAT(feed.close(10), IsEmpty());
  EXPECT_THAT(feed.close(9, false), IsEmpty());
  EXPECT_THAT(feed.close(8), ElementsAre(0));
}

TEST(TrendFollowing, LeavesOutACandleThatDoesNotComeAfterTheLast) {
  // Given two feeds, one of which sees its last candle twice
  Feed once;
  Feed twice;
  Candle candle;
  for (const std::int64_t price : {10, 9, 8, 7}) {
    candle.close = Price::from_units(price);
    candle.open_time += std::chrono::seconds{1};
    once.feed(btc, candle, false);
    twice.feed(btc, candle, false);
    EXPECT_THAT(twice.feed(btc, candle, false), IsEmpty());
  }
  candle.close = Price::from_units(10);
  candle.open_time += std::chrono::seconds{1};
  EXPECT_EQ(once.feed(btc, candle, false), twice.feed(btc, candle, false));
}

TEST(TrendFollowing, KeepsInstrumentsApartAndIgnoresForeignOnes) {
  Feed feed;
  for (const std::int64_t price : {10, 9, 8}) feed.close(price);
  EXPECT_THAT(feed.close(100, true, false, eth), IsEmpty());
  EXPECT_THAT(feed.close(100, true, false, InstrumentId{7}), IsEmpty());
  EXPECT_THAT(feed.close(12), ElementsAre(100));
}

TEST(TrendFollowing, CrossesOnExponentialAveragesToo) {
  EXPECT_EQ(Feed{config::Average::exponential}.closes({10, 9, 8, 7, 12, 13, 5, 4}), "..F.L.F.");
}

RC_GTEST_PROP(TrendFollowingProperty, WishesAlternateAndBeginWithACross, ()) {
  const auto average = *rc::gen::element(config::Average::simple, config::Average::exponential);
  const auto prices =
      *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(1, 100));
  const std::string row = Feed{average}.closes(prices);
  // Equal candles, equal wishes
  RC_ASSERT(row == Feed{average}.closes(prices));
  char last = '.';
  for (const char wish : row) {
    if (wish == '.') continue;
    RC_ASSERT(wish != last);
    last = wish;
  }
}

TEST(StrategyRegistry, MakesWhatItKnowsAndSaysWhatItDoesNot) {
  struct Row {
    const char* type;
    const char* error;
  };
  for (const Row& row : {
           Row{"rules", "strategy s: type \"rules\" is not served yet; use trend_following"},
           Row{"plugin", "strategy s: type \"plugin\" is not served yet; use trend_following"},
           Row{"moon", "strategy s: type \"moon\" is not known; use trend_following"},
           Row{"", "strategy s: type \"\" is not known; use trend_following"},
       }) {
    config::Strategy settings;
    settings.name = "s";
    settings.type = row.type;
    std::string error;
    EXPECT_EQ(make(settings, {btc}, error), nullptr);
    EXPECT_EQ(error, row.error);
  }
}

TEST(StrategyRegistry, RefusesPeriodsThatDoNotFit) {
  for (const auto& [fast, slow] : {std::pair{0, 3}, {3, 3}, {4, 3}, {-1, 3}, {1, 10'001}}) {
    config::Strategy settings;
    settings.name = "s";
    settings.type = "trend_following";
    settings.fast_period = fast;
    settings.slow_period = slow;
    std::string error;
    EXPECT_EQ(make(settings, {btc}, error), nullptr) << fast << " and " << slow;
    EXPECT_THAT(error, HasSubstr("do not fit"));
  }
}

}  // namespace
}  // namespace halcyon::strategy
