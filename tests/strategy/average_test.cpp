#include "strategy/average.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace halcyon::strategy {
namespace {

using config::Average;
using domain::Int128;
using domain::Price;
using namespace domain::literals;

std::optional<Price> after(Average kind, std::size_t period, const std::vector<Price>& prices) {
  MovingAverage average{kind, period};
  for (const Price price : prices) average.add(price);
  return average.value();
}

TEST(MovingAverage, IsNoneBeforeItsPeriodIsFull) {
  for (const Average kind : {Average::simple, Average::exponential}) {
    EXPECT_FALSE(after(kind, 3, {}).has_value());
    EXPECT_FALSE(after(kind, 3, {"1"_px, "2"_px}).has_value());
    EXPECT_EQ(after(kind, 3, {"1"_px, "2"_px, "3"_px}), "2"_px);
  }
}

TEST(MovingAverage, SimpleForgetsWhatIsOlderThanItsPeriod) {
  EXPECT_EQ(after(Average::simple, 3, {"100"_px, "1"_px, "2"_px, "3"_px}), "2"_px);
  EXPECT_EQ(after(Average::simple, 3, {"100"_px, "1"_px, "2"_px, "3"_px, "4"_px, "5"_px}), "4"_px);
  EXPECT_EQ(after(Average::simple, 1, {"100"_px, "7"_px}), "7"_px);
}

TEST(MovingAverage, ExponentialStartsAtTheMeanAndMovesByItsShare) {
  // Given 2, 4, 6: the mean is 4; the share of a period of 3 is a half
  EXPECT_EQ(after(Average::exponential, 3, {"2"_px, "4"_px, "6"_px, "8"_px}), "6"_px);
  EXPECT_EQ(after(Average::exponential, 3, {"2"_px, "4"_px, "6"_px, "8"_px, "4"_px}), "5"_px);
  EXPECT_EQ(after(Average::exponential, 1, {"100"_px, "7"_px}), "7"_px);
}

TEST(MovingAverage, OfOnePriceIsThatPriceToTheLastDigit) {
  for (const Average kind : {Average::simple, Average::exponential}) {
    for (const Price price : {"0.000000001"_px, "61234.123456789"_px, Price::from_raw(INT64_MAX),
                              Price::from_raw(INT64_MIN)}) {
      EXPECT_EQ(after(kind, 7, std::vector<Price>(40, price)), price);
    }
  }
}

RC_GTEST_PROP(MovingAverageProperty, SimpleIsTheFloorOfTheExactMean, ()) {
  const auto period = *rc::gen::inRange<std::size_t>(1, 20);
  const auto raws =
      *rc::gen::container<std::vector<std::int64_t>>(rc::gen::arbitrary<std::int64_t>());
  RC_PRE(raws.size() >= period);
  std::vector<Price> prices;
  for (const std::int64_t raw : raws) prices.push_back(Price::from_raw(raw));
  Int128 sum = 0;
  for (std::size_t at = raws.size() - period; at < raws.size(); ++at) sum += raws[at];
  const auto divisor = static_cast<Int128>(period);
  Int128 mean = sum / divisor;
  if (sum % divisor < 0) --mean;
  RC_ASSERT(after(Average::simple, period, prices) ==
            Price::from_raw(static_cast<std::int64_t>(mean)));
}

RC_GTEST_PROP(MovingAverageProperty, AnyAverageLiesBetweenItsPrices, ()) {
  const auto kind = *rc::gen::element(Average::simple, Average::exponential);
  const auto period = *rc::gen::inRange<std::size_t>(1, 20);
  const auto raws =
      *rc::gen::container<std::vector<std::int64_t>>(rc::gen::arbitrary<std::int64_t>());
  RC_PRE(raws.size() >= period);
  std::vector<Price> prices;
  for (const std::int64_t raw : raws) prices.push_back(Price::from_raw(raw));
  const auto value = after(kind, period, prices);
  RC_ASSERT(value.has_value());
  RC_ASSERT(*value >= *std::min_element(prices.begin(), prices.end()));
  RC_ASSERT(*value <= *std::max_element(prices.begin(), prices.end()));
}

// ---- Against published columns. The data stand beside the project, not in it. ----

/// The columns of a CSV file by name; empty cells as NaN.
struct Columns {
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> rows;

  std::string_view cell(std::size_t row, std::string_view name) const {
    for (std::size_t at = 0; at < names.size(); ++at) {
      if (names[at] == name) return at < rows[row].size() ? rows[row][at] : std::string_view{};
    }
    ADD_FAILURE() << "no column " << name;
    return {};
  }
};

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells;
  std::stringstream stream{line};
  for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
  return cells;
}

TEST(MovingAverage, AgreesWithPublishedColumns) {
  const std::filesystem::path file =
      HALCYON_SOURCE_DIR "/../shared/expected/indicators/stock_indicators_spy_2017_2018.csv";
  if (!std::filesystem::exists(file)) {
    GTEST_SKIP() << "needs " << file << ", which stands beside the project and not in it";
  }
  // Given two years of daily closes with a simple and an exponential average over 20
  Columns columns;
  std::ifstream stream{file};
  std::string line;
  std::getline(stream, line);
  columns.names = split(line);
  while (std::getline(stream, line)) columns.rows.push_back(split(line));
  MovingAverage simple{Average::simple, 20};
  MovingAverage exponential{Average::exponential, 20};
  std::size_t compared = 0;
  for (std::size_t row = 0; row < columns.rows.size(); ++row) {
    const auto close = domain::parse<Price>(columns.cell(row, "close"));
    ASSERT_TRUE(close.has_value()) << "row " << row;
    simple.add(*close);
    exponential.add(*close);
    const auto near = [&](const MovingAverage& average, std::string_view name) {
      const std::string_view cell = columns.cell(row, name);
      if (cell.empty()) return;
      ASSERT_TRUE(average.value().has_value()) << name << " in row " << row;
      const double expected = std::stod(std::string{cell});
      const double actual = static_cast<double>(average.value()->raw()) / 1e9;
      EXPECT_NEAR(actual, expected, 1e-9 * std::abs(expected) + 2e-9) << name << " in row " << row;
      ++compared;
    };
    near(simple, "sma_20");
    near(exponential, "ema_20");
  }
  EXPECT_GT(compared, 900U);
}

}  // namespace
}  // namespace halcyon::strategy
