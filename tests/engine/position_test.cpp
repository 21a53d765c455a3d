#include "engine/position.h"

#include <cmath>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace halcyon::engine {
namespace {

using namespace domain;
using namespace domain::literals;

FillEffect fill(Side side, Quantity quantity, Price price, Money other_fee = {}) {
  FillEffect made;
  made.side = side;
  made.quantity = quantity;
  made.amount = *notional(price, quantity);
  made.other_fee = other_fee;
  return made;
}

TEST(Position, AveragesTheCostOfWhatIsHeld) {
  PositionChanged position;
  position = after_fill(position, fill(Side::buy, "12"_qty, "100"_px));
  position = after_fill(position, fill(Side::buy, "17"_qty, "99"_px));
  EXPECT_EQ(position.quantity, "29"_qty);
  EXPECT_EQ(position.cost, "2883"_usd);
  EXPECT_EQ(position.average_price, "99.413793103"_px);
  EXPECT_EQ(position.fills, 2U);
}

TEST(Position, RealizesTheClosedShareAndNothingOfTheRest) {
  PositionChanged position;
  position = after_fill(position, fill(Side::buy, "4"_qty, "100"_px));
  position = after_fill(position, fill(Side::sell, "1"_qty, "110"_px));
  EXPECT_EQ(position.realized, "10"_usd);
  EXPECT_EQ(position.cost, "300"_usd);
  EXPECT_EQ(position.average_price, "100"_px);
}

TEST(Position, GoesThroughZeroWithItsAmountSplit) {
  PositionChanged position;
  position = after_fill(position, fill(Side::buy, "1"_qty, "100"_px));
  position = after_fill(position, fill(Side::sell, "3"_qty, "110"_px));
  EXPECT_EQ(position.quantity, "-2"_qty);
  EXPECT_EQ(position.realized, "10"_usd);
  EXPECT_EQ(position.cost, "-220"_usd);
  EXPECT_EQ(position.average_price, "110"_px);
  position = after_fill(position, fill(Side::buy, "2"_qty, "100"_px));
  EXPECT_TRUE(position.quantity.is_zero());
  EXPECT_TRUE(position.cost.is_zero());
  EXPECT_EQ(position.realized, "30"_usd);
}

TEST(Position, AFeeInTheBaseAssetIsOffTheQuantityAndCountedAsAFee) {
  // Given one bought at 100 with 0.001 taken as the fee
  FillEffect bought = fill(Side::buy, "1"_qty, "100"_px);
  bought.base_fee = "0.001"_qty;
  bought.base_fee_value = "0.1"_usd;
  PositionChanged position = after_fill({}, bought);
  EXPECT_EQ(position.quantity, "0.999"_qty);
  EXPECT_EQ(position.cost, "99.9"_usd);
  EXPECT_EQ(position.average_price, "100"_px);
  EXPECT_EQ(position.fees, "0.1"_usd);
  // When what is there is sold at the same price, then the fee alone was lost
  position = after_fill(position, fill(Side::sell, "0.999"_qty, "100"_px));
  EXPECT_TRUE(position.realized.is_zero());
  EXPECT_EQ(position.realized - position.fees, "-0.1"_usd);
}

/// realized - cost - fees = received - paid, exactly, after any fills, whatever was rounded.
RC_GTEST_PROP(Position, LeaksNothing, ()) {
  PositionChanged position;
  Money cash;
  Quantity held;
  const int fills = *rc::gen::inRange(1, 40);
  for (int number = 0; number < fills; ++number) {
    FillEffect one;
    one.side = *rc::gen::element(Side::buy, Side::sell);
    // Awkward sizes: from one part in 10^9 up to millions.
    one.quantity = Quantity::from_raw(*rc::gen::inRange<std::int64_t>(1, 1'000'000'007) *
                                      *rc::gen::element<std::int64_t>(1, 7, 1'000'003));
    const Price price = Price::from_raw(*rc::gen::inRange<std::int64_t>(1, 70'000'000'000'003));
    one.amount = notional(price, one.quantity).value();
    if (*rc::gen::inRange(0, 3) == 0) {
      one.base_fee = Quantity::from_raw(*rc::gen::inRange<std::int64_t>(-5, 1'000));
      if (one.base_fee >= one.quantity) one.base_fee = {};
      one.base_fee_value = notional(price, one.base_fee).value();
    }
    one.other_fee = Money::from_raw(*rc::gen::inRange<std::int64_t>(-3, 100));
    position = after_fill(position, one);

    const bool is_buy = one.side == Side::buy;
    cash += (is_buy ? -one.amount : one.amount) - one.other_fee;
    held += (is_buy ? one.quantity : -one.quantity) - one.base_fee;
    RC_ASSERT(position.quantity == held);
    RC_ASSERT(position.realized - position.cost - position.fees == cash);
    RC_ASSERT(!position.quantity.is_zero() || position.cost.is_zero());
    RC_ASSERT(position.quantity.is_zero() || position.cost.is_zero() ||
              position.quantity.is_negative() == position.cost.is_negative());
  }
}

TEST(Position, StaysExactWhereProductsNeedMoreThan128Bits) {
  // Given a holding of 10^17 units that cost 3 x 10^17
  PositionChanged position;
  FillEffect bought;
  bought.quantity = Quantity::from_units(100'000'000'000'000'000);
  bought.amount = Money::from_units(300'000'000'000'000'001);
  position = after_fill(position, bought);
  // When a third is sold for one
  FillEffect sold;
  sold.side = Side::sell;
  sold.quantity = Quantity::from_units(33'333'333'333'333'333);
  sold.amount = "1"_usd;
  position = after_fill(position, sold);
  // Then cost and realized still add up to the part
  EXPECT_EQ(position.realized - position.cost,
            "1"_usd - Money::from_units(300'000'000'000'000'001));
  EXPECT_EQ(position.cost, "200000000000000001.666666667"_usd);
}

TEST(Position, AgreesWithPublishedAnswers) {
  std::ifstream file{std::string{HALCYON_SOURCE_DIR} +
                     "/../shared/expected/positions/nautilus_positions.json"};
  if (!file) GTEST_SKIP() << "../shared/expected/positions/nautilus_positions.json is not there";
  // Same rules (average cost), but their `realized` has the fees in it.
  const auto published = nlohmann::json::parse(file);
  const auto near = [](const std::string& text, double actual, const char* what) {
    const double wanted = std::stod(text);
    EXPECT_NEAR(actual, wanted, std::abs(wanted) * 1e-7 + 1e-8) << what;
  };
  int compared = 0;
  for (const auto& example : published["cases"]) {
    SCOPED_TRACE(example["id"].get<std::string>());
    PositionChanged position;
    for (const auto& one : example["fills"]) {
      const Side side = one["side"] == "buy" ? Side::buy : Side::sell;
      position = after_fill(position, fill(side, *parse<Quantity>(one["qty"].get<std::string>()),
                                           *parse<Price>(one["price"].get<std::string>()),
                                           *parse<Money>(one["fee"].get<std::string>())));
      if (!one.contains("after")) continue;
      ++compared;
      const auto& after = one["after"];
      if (after.contains("qty")) {
        EXPECT_EQ(position.quantity, *parse<Quantity>(after["qty"].get<std::string>()));
      }
      if (after.contains("realized")) {
        near(after["realized"], std::stod(to_string(position.realized - position.fees)),
             "realized");
      }
      if (after.contains("avg_open")) {
        near(after["avg_open"], std::stod(to_string(position.average_price)), "average");
      }
    }
  }
  EXPECT_GE(compared, 8);
}

}  // namespace
}  // namespace halcyon::engine
