#include "gateways/number_text.h"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "support.h"

namespace halcyon::gateways::binance::testing {
namespace {

using domain::Money;
using domain::Price;
using domain::Quantity;

struct DecimalRow {
  const char* name;
  const char* text;    ///< with its quotes
  const char* wanted;  ///< empty: none
};

class ReadsDecimals : public ::testing::TestWithParam<DecimalRow> {};

TEST_P(ReadsDecimals, AsTheTableSays) {
  const Bytes bytes{GetParam().text, "9"};
  Quantity value;
  const bool is_read = read_decimal(bytes.view().data(), value);
  EXPECT_EQ(is_read ? domain::to_string(value) : "", GetParam().wanted);
}

INSTANTIATE_TEST_SUITE_P(
    NumberText, ReadsDecimals,
    ::testing::Values(
        DecimalRow{"usual", R"("61837.63000000")", "61837.63"}, DecimalRow{"whole", R"("7")", "7"},
        DecimalRow{"zero", R"("0.00000000")", "0"},
        DecimalRow{"nine_decimals", R"("0.123456789")", "0.123456789"},
        DecimalRow{"ten_with_a_zero", R"("0.1234567890")", "0.123456789"},
        DecimalRow{"ten_decimals", R"("0.1234567891")", ""},
        DecimalRow{"sixteen_zeros_more", R"("1.0000000000000000000000000")", "1"},
        DecimalRow{"seventeen_zeros_more", R"("1.00000000000000000000000000")", ""},
        DecimalRow{"level_maximum", R"("92233720368.54775807")", "92233720368.54775807"},
        DecimalRow{"eight_digits", R"("12345678.87654321")", "12345678.87654321"},
        DecimalRow{"nine_digits", R"("123456789.87654321")", "123456789.87654321"},
        DecimalRow{"eighteen_digits", R"("123456789012345678.5")", "123456789012345678.5"},
        DecimalRow{"nineteen_digits", R"("1234567890123456789.5")", ""},
        DecimalRow{"negative", R"("-0.5")", "-0.5"}, DecimalRow{"minus_zero", R"("-0")", "0"},
        DecimalRow{"empty", R"("")", ""}, DecimalRow{"point_only", R"(".")", ""},
        DecimalRow{"no_whole", R"(".5")", ""}, DecimalRow{"no_fraction", R"("5.")", ""},
        DecimalRow{"two_points", R"("5.5.5")", ""}, DecimalRow{"exponent", R"("1e5")", ""},
        DecimalRow{"plus", R"("+1")", ""}, DecimalRow{"blank", R"("1 ")", ""},
        DecimalRow{"letter", R"("1x")", ""}, DecimalRow{"thousands", R"("1,000.0")", ""},
        DecimalRow{"bare", "61837.63,", ""}, DecimalRow{"never_closed", R"("61837.63)", ""}),
    [](const auto& row) { return row.param.name; });

TEST(NumberText, RefusesAPriceThatSixtyFourBitsDoNotHold) {
  Price price;
  EXPECT_TRUE(read_decimal(Bytes{R"("9223372036.854775807")"}.view().data(), price));
  EXPECT_EQ(price.raw(), INT64_MAX);
  EXPECT_FALSE(read_decimal(Bytes{R"("9223372036.854775808")"}.view().data(), price));
}

RC_GTEST_PROP(NumberText, ReadsEveryDecimalAsTheDomainDoes, ()) {
  // Given digits of any length with or without a fraction and a sign
  const auto digits = [](int most) {
    return *rc::gen::resize(
        most, rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange('0', ':'))));
  };
  std::string text = *rc::gen::element<std::string>("", "", "-") + digits(18).substr(0, 18);
  if (*rc::gen::arbitrary<bool>()) text += "." + digits(20).substr(0, 20);
  // When it is read in place, with the leavings of another number behind it
  const Bytes bytes{"\"" + text + "\"", "12.5\","};
  Quantity quantity;
  Price price;
  const char* const end = scan_decimal(bytes.view().data(), quantity);
  const bool is_price = read_decimal(bytes.view().data(), price);
  // Then the verdict and the value are those of domain::parse
  const auto wanted = domain::parse<Quantity>(text);
  const auto wanted_price = domain::parse<Price>(text);
  RC_ASSERT((end != nullptr) == wanted.has_value());
  if (wanted) RC_ASSERT(quantity == *wanted);
  if (wanted) RC_ASSERT(end == bytes.view().data() + bytes.view().size());
  RC_ASSERT(is_price == wanted_price.has_value());
  if (wanted_price) RC_ASSERT(price == *wanted_price);
}

RC_GTEST_PROP(NumberText, ReadsALevelAsItsTwoNumbers, ()) {
  // Given two numbers of the usual form
  const auto number = [] {
    const int whole =
        *rc::gen::inRange(1, 100'000'000) / *rc::gen::element(1, 10, 1'000, 1'000'000);
    std::string text = std::to_string(whole) + ".";
    const int places = *rc::gen::inRange(1, 9);
    for (int place = 0; place < places; ++place) {
      text += static_cast<char>('0' + *rc::gen::inRange(0, 10));
    }
    return text;
  };
  const std::string price = number();
  const std::string quantity = number();
  const Bytes bytes{"[\"" + price + "\",\"" + quantity + "\"]", "\"],["};
  // When they are read together
  std::int64_t price_raw = -1;
  std::int64_t quantity_raw = -1;
  const char* const end = detail::scan_usual_level(bytes.view().data(), price_raw, quantity_raw);
  // Then they are what they are one by one; too long for one look: one by one it must be
  RC_ASSERT((end != nullptr) == (bytes.view().size() <= 33));
  if (end == nullptr) return;
  RC_ASSERT(end == bytes.view().data() + bytes.view().size());
  RC_ASSERT(price_raw == domain::parse<Price>(price)->raw());
  RC_ASSERT(quantity_raw == domain::parse<Quantity>(quantity)->raw());
}

TEST(NumberText, ReadsWholeNumbersUpToSixtyFourBits) {
  struct Row {
    const char* text;
    bool is_read;
    std::uint64_t wanted;
  };
  for (const Row& row :
       {Row{"0,", true, 0}, Row{"7}", true, 7}, Row{"12345678]", true, 12345678},
        Row{"123456789 ", true, 123456789}, Row{"1723161255342,", true, 1723161255342},
        Row{"1234567890123456,", true, 1234567890123456},
        Row{"18446744073709551615,", true, UINT64_MAX}, Row{"18446744073709551616,", false, 0},
        Row{"99999999999999999999,", false, 0}, Row{"00,", false, 0}, Row{"01,", false, 0},
        Row{"00000000000000001,", false, 0}, Row{"-1,", false, 0}, Row{"1.5,", false, 0},
        Row{"1e5,", false, 0}, Row{"\"1\",", false, 0}, Row{",", false, 0}, Row{"12x", false, 0}}) {
    const Bytes bytes{row.text, "5"};
    std::uint64_t value = 0;
    EXPECT_EQ(read_unsigned(bytes.view().data(), value), row.is_read) << row.text;
    if (row.is_read) {
      EXPECT_EQ(value, row.wanted) << row.text;
    }
  }
}

RC_GTEST_PROP(NumberText, ReadsEveryWholeNumberThatItPrints, (std::uint64_t value)) {
  const Bytes bytes{std::to_string(value) + ",", "7"};
  std::uint64_t read = 0;
  RC_ASSERT(read_unsigned(bytes.view().data(), read));
  RC_ASSERT(read == value);
}

TEST(NumberText, ReadsSignedNumbersWithinSixtyThreeBits) {
  std::int64_t value = 0;
  EXPECT_TRUE(read_signed(Bytes{"-1,"}.view().data(), value));
  EXPECT_EQ(value, -1);
  EXPECT_TRUE(read_signed(Bytes{"-2010}"}.view().data(), value));
  EXPECT_EQ(value, -2010);
  EXPECT_FALSE(read_signed(Bytes{"--1,"}.view().data(), value));
  EXPECT_FALSE(read_signed(Bytes{"9223372036854775808,"}.view().data(), value));
}

TEST(NumberText, ReadsOnlyTheTwoTruths) {
  bool value = false;
  EXPECT_TRUE(read_bool(Bytes{"true,"}.view().data(), value));
  EXPECT_TRUE(value);
  EXPECT_TRUE(read_bool(Bytes{"false}"}.view().data(), value));
  EXPECT_FALSE(value);
  for (const char* text : {"truex", "fals,", "1,", "\"true\",", "null,"}) {
    EXPECT_FALSE(read_bool(Bytes{text, "x"}.view().data(), value)) << text;
  }
}

}  // namespace
}  // namespace halcyon::gateways::binance::testing
