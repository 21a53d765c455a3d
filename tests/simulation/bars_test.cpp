#include "simulation/bars.h"

#include <string_view>

#include <gtest/gtest.h>

namespace halcyon::simulation {
namespace {

using namespace std::chrono_literals;
using namespace domain::literals;

// 2024-02-29 23:59:58 UTC, a Thursday.
constexpr Timestamp leap_day = domain::from_unix_ms(1'709'251'198'000);

TradeEvent trade(std::uint64_t id, Price price, Quantity quantity, Timestamp at, bool sold) {
  return {id, price, quantity, sold, at};
}

struct Start {
  const char* name;
  std::int64_t opens_ms;
  std::int64_t ends_ms;
};

TEST(Bars, BeginWhereTheVenuesCalendarSays) {
  for (const auto& [name, opens, ends] :
       {Start{"1s", 1'709'251'198'000, 1'709'251'199'000},
        Start{"15m", 1'709'250'300'000, 1'709'251'200'000},
        Start{"12h", 1'709'208'000'000, 1'709'251'200'000},
        Start{"1d", 1'709'164'800'000, 1'709'251'200'000},
        Start{"1w", 1'708'905'600'000, 1'709'510'400'000},  // Monday, 26 February
        Start{"1M", 1'706'745'600'000, 1'709'251'200'000}}) {
    const auto interval = *parse_interval(name);
    const auto start = interval_start(interval, leap_day);
    EXPECT_EQ(domain::to_unix_ms(start), opens) << name;
    EXPECT_EQ(domain::to_unix_ms(interval_end(interval, start)), ends) << name;
  }
  EXPECT_FALSE(parse_interval("7m"));
}

TEST(Bars, SumTradesIntoLongerOnesAndFillTheEmptyOnes) {
  Bars bars;
  bars.add(trade(1, "10"_px, "1"_qty, leap_day, false));
  bars.add(trade(2, "12"_px, "2"_qty, leap_day + 500ms, true));
  bars.add(trade(3, "9"_px, "1"_qty, leap_day + 3s, false));
  const auto seconds =
      bars.read(*parse_interval("1s"), leap_day, domain::never, 10, true, leap_day + 4s);
  ASSERT_EQ(seconds.size(), 5U);
  EXPECT_EQ(seconds[0].high, "12"_px);
  EXPECT_EQ(seconds[0].quote_volume, "34"_usd);
  EXPECT_EQ(seconds[0].taker_buy_volume, "1"_qty);
  EXPECT_EQ(seconds[0].last_trade_id, 2);
  EXPECT_EQ(seconds[1].trades, 0U);
  EXPECT_EQ(seconds[1].first_trade_id, -1);
  EXPECT_EQ(seconds[1].open, "12"_px);
  EXPECT_EQ(seconds[3].close, "9"_px);
  const auto months = bars.read(*parse_interval("1M"), {}, domain::never, 10, false, leap_day + 4s);
  ASSERT_EQ(months.size(), 2U);
  EXPECT_EQ(months[0].volume, "3"_qty);
  EXPECT_EQ(months[1].low, "9"_px);
  const auto newest = bars.read(*parse_interval("1s"), {}, domain::never, 2, false, leap_day + 4s);
  ASSERT_EQ(newest.size(), 2U);
  EXPECT_EQ(newest[1].open_time, leap_day + 4s);
  EXPECT_FALSE(bars.at(*parse_interval("1m"), leap_day - 1h));
}

}  // namespace
}  // namespace halcyon::simulation
