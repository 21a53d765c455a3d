#include "domain/decimal.h"

#include <optional>
#include <sstream>
#include <string>

#include <boost/multiprecision/cpp_int.hpp>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "domain/ids.h"

namespace halcyon::domain {
namespace {

using boost::multiprecision::cpp_int;
using namespace literals;

constexpr auto greatest = static_cast<Int128>(~Uint128{0} >> 1);
constexpr Int128 least = -greatest - 1;

// ---- An independent reference: whole numbers without a bound. ----

cpp_int big(Int128 value) {
  const Uint128 magnitude =
      value < 0 ? Uint128{0} - static_cast<Uint128>(value) : static_cast<Uint128>(value);
  cpp_int result = static_cast<std::uint64_t>(magnitude >> 64);
  result <<= 64;
  result += static_cast<std::uint64_t>(magnitude);
  return value < 0 ? cpp_int{-result} : result;
}

/// dividend / divisor, to the nearest, half to even.
cpp_int nearest(const cpp_int& dividend, const cpp_int& divisor) {
  const cpp_int top = abs(dividend);
  const cpp_int bottom = abs(divisor);
  cpp_int quotient = top / bottom;
  const cpp_int twice = (top % bottom) * 2;
  if (twice > bottom || (twice == bottom && quotient % 2 != 0)) ++quotient;
  return (dividend < 0) != (divisor < 0) ? cpp_int{-quotient} : quotient;
}

bool fits_128(const cpp_int& value) { return abs(value) <= big(greatest); }
bool fits_64(const cpp_int& value) {
  return value >= cpp_int{INT64_MIN} && value <= cpp_int{INT64_MAX};
}

/// What `print` should say.
std::string reference_text(Int128 raw) {
  const cpp_int magnitude = abs(big(raw));
  std::ostringstream stream;
  stream << (raw < 0 ? "-" : "") << cpp_int{magnitude / decimal_scale};
  std::string parts = cpp_int{magnitude % decimal_scale}.str();
  parts.insert(0, 9 - parts.size(), '0');
  while (!parts.empty() && parts.back() == '0') parts.pop_back();
  if (!parts.empty()) stream << '.' << parts;
  return stream.str();
}

// ---- Generators that like the edges. ----

/// Any 128-bit number: small ones, those of a random width, and the ends of the range.
Int128 any_128() {
  const auto high = *rc::gen::arbitrary<std::uint64_t>();
  const auto low = *rc::gen::arbitrary<std::uint64_t>();
  const auto width = *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(1, 129));
  Uint128 bits = (static_cast<Uint128>(mix(high)) << 64 | mix(low)) >> (128 - width);
  switch (*rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, 12))) {
    case 0:
      bits = static_cast<Uint128>(greatest);
      break;
    case 1:
      bits = static_cast<Uint128>(least);
      break;
    case 2:
      bits = low % 100;
      break;
    default:
      break;
  }
  const auto value = static_cast<Int128>(bits);
  return *rc::gen::arbitrary<bool>() && value != least ? -value : value;
}

std::int64_t any_64() { return static_cast<std::int64_t>(any_128()); }

// ---- Arithmetic ----

RC_GTEST_PROP(DecimalProperty, SumsAndDifferencesAreExact, ()) {
  const Int128 a = any_128();
  const Int128 b = any_128();
  if (fits_128(big(a) + big(b))) {
    RC_ASSERT(big((Money::from_raw(a) + Money::from_raw(b)).raw()) == big(a) + big(b));
  }
  if (fits_128(big(a) - big(b))) {
    RC_ASSERT(big((Money::from_raw(a) - Money::from_raw(b)).raw()) == big(a) - big(b));
  }
  RC_ASSERT((Money::from_raw(a) < Money::from_raw(b)) == (big(a) < big(b)));
  RC_ASSERT((Money::from_raw(a) == Money::from_raw(b)) == (big(a) == big(b)));
}

RC_GTEST_PROP(DecimalProperty, NotionalIsTheNearestOfTheExactProduct, ()) {
  const auto price = Price::from_raw(any_64());
  const auto quantity = Quantity::from_raw(any_128());
  const cpp_int expected = nearest(big(price.raw()) * big(quantity.raw()), decimal_scale);
  const std::optional<Money> actual = notional(price, quantity);
  RC_ASSERT(actual.has_value() == fits_128(expected));
  if (actual) RC_ASSERT(big(actual->raw()) == expected);
}

RC_GTEST_PROP(DecimalProperty, QuantityForIsTheNearestOfTheExactQuotient, ()) {
  const auto amount = Money::from_raw(any_128());
  const auto price = Price::from_raw(any_64());
  const std::optional<Quantity> actual = quantity_for(amount, price);
  if (!price.is_positive()) {
    RC_ASSERT(!actual.has_value());
    return;
  }
  const cpp_int expected = nearest(big(amount.raw()) * decimal_scale, big(price.raw()));
  RC_ASSERT(actual.has_value() == fits_128(expected));
  if (actual) RC_ASSERT(big(actual->raw()) == expected);
}

RC_GTEST_PROP(DecimalProperty, ScaledIsTheNearestOfTheExactShare, ()) {
  const auto amount = Money::from_raw(any_128());
  const std::int64_t multiplier = any_64();
  const std::int64_t divisor = any_64();
  const std::optional<Money> actual = scaled(amount, multiplier, divisor);
  if (divisor <= 0) {
    RC_ASSERT(!actual.has_value());
    return;
  }
  const cpp_int expected = nearest(big(amount.raw()) * multiplier, divisor);
  RC_ASSERT(actual.has_value() == fits_128(expected));
  if (actual) RC_ASSERT(big(actual->raw()) == expected);
}

RC_GTEST_PROP(DecimalProperty, PriceOfIsTheNearestOfTheExactQuotient, ()) {
  const auto amount = Money::from_raw(any_128());
  const auto quantity = Quantity::from_raw(any_128() >> 4);
  const std::optional<Price> actual = price_of(amount, quantity);
  if (quantity.is_zero()) {
    RC_ASSERT(!actual.has_value());
    return;
  }
  const cpp_int expected = nearest(big(amount.raw()) * decimal_scale, big(quantity.raw()));
  // The very least price is left out, so that every price has its opposite.
  RC_ASSERT(actual.has_value() == (fits_64(expected) && expected != cpp_int{INT64_MIN}));
  if (actual) RC_ASSERT(big(actual->raw()) == expected);
}

RC_GTEST_PROP(DecimalProperty, RoundDownIsTheGreatestMultipleTowardsZero, ()) {
  const auto amount = Quantity::from_raw(any_128());
  const auto step = Quantity::from_raw(any_128());
  RC_PRE(!step.is_negative());
  const Quantity rounded = round_down(amount, step);
  RC_ASSERT(is_multiple(rounded, step));
  if (step.is_zero()) {
    RC_ASSERT(rounded == amount);
    return;
  }
  RC_ASSERT(abs(big(amount.raw())) - abs(big(rounded.raw())) < big(step.raw()));
  RC_ASSERT(abs(big(rounded.raw())) <= abs(big(amount.raw())));
  RC_ASSERT(is_multiple(amount, step) == (rounded == amount));
}

TEST(Decimal, RoundsHalfToEven) {
  const auto half_of = [](std::int64_t raw) { return scaled(Money::from_raw(raw), 1, 2)->raw(); };
  EXPECT_EQ(half_of(1), 0);
  EXPECT_EQ(half_of(3), 2);
  EXPECT_EQ(half_of(5), 2);
  EXPECT_EQ(half_of(-1), 0);
  EXPECT_EQ(half_of(-3), -2);
  EXPECT_EQ(half_of(-5), -2);
}

TEST(Decimal, EndsTheProcessWhenASumOfOursDoesNotFit) {
  EXPECT_DEATH(Money::from_raw(greatest) + Money::from_raw(1), "a sum of amounts fits");
  EXPECT_DEATH(Money::from_raw(least) - Money::from_raw(1), "a difference of amounts fits");
  EXPECT_DEATH(Price::from_units(9'223'372'037), "whole units fit a price");
  EXPECT_EQ(Price::from_units(9'223'372'036).raw(), 9'223'372'036'000'000'000);
}

TEST(Decimal, GivesNothingWhereAnAnswerDoesNotFit) {
  EXPECT_FALSE(notional(Price::from_raw(INT64_MAX), Quantity::from_raw(greatest)).has_value());
  EXPECT_FALSE(quantity_for(Money::from_raw(greatest), Price::from_raw(1)).has_value());
  EXPECT_FALSE(price_of(Money::from_raw(greatest), Quantity::from_raw(1)).has_value());
  // Just below 2^128 before it is rounded up: the count does not wrap.
  EXPECT_FALSE(scaled(Money::from_raw(greatest), INT64_MAX, (INT64_MAX - 1) / 2).has_value());
}

// ---- Text ----

RC_GTEST_PROP(DecimalProperty, PrintsTheShortestPlainDecimal, ()) {
  const Int128 raw = any_128();
  RC_ASSERT(to_string(Money::from_raw(raw)) == reference_text(raw));
  const auto small = static_cast<std::int64_t>(raw);
  RC_ASSERT(to_string(Price::from_raw(small)) == reference_text(small));
}

RC_GTEST_PROP(DecimalProperty, ReadsWhatItPrints, ()) {
  const auto price = Price::from_raw(any_64());
  RC_ASSERT(parse<Price>(to_string(price)) == price);
  const Int128 raw = any_128() % (static_cast<Int128>(max_outside_units) * decimal_scale + 1);
  const auto quantity = Quantity::from_raw(raw);
  RC_ASSERT(parse<Quantity>(to_string(quantity)) == quantity);
}

/// Digits, a point, digits: as a venue writes them, and around it.
RC_GTEST_PROP(DecimalProperty, ReadsEveryPlainDecimalExactly, ()) {
  const auto digits = [](int from, int to) {
    const auto count = *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, to));
    std::string text;
    for (int at = 0; at < count; ++at) {
      text += *rc::gen::resize(rc::kNominalSize, rc::gen::inRange('0', static_cast<char>('9' + 1)));
    }
    return text;
  };
  const std::string units = digits(1, 19);
  const std::string parts = digits(0, 10);
  const bool negative = *rc::gen::arbitrary<bool>();
  const std::string text = (negative ? "-" : "") + units + (parts.empty() ? "" : '.' + parts);
  // A leading zero would make an octal number of it
  const auto plain = [](std::string number) {
    number.erase(0, std::min(number.find_first_not_of('0'), number.size()));
    return number.empty() ? cpp_int{0} : cpp_int{number};
  };
  cpp_int expected =
      plain(units) * decimal_scale + plain(parts + std::string(9 - parts.size(), '0'));
  const bool inside = expected <= cpp_int{max_outside_units} * decimal_scale;
  if (negative) expected = -expected;
  const auto quantity = parse<Quantity>(text);
  RC_ASSERT(quantity.has_value() == inside);
  if (quantity) RC_ASSERT(big(quantity->raw()) == expected);
  const auto price = parse<Price>(text);
  RC_ASSERT(price.has_value() == (inside && fits_64(expected)));
  if (price) RC_ASSERT(big(price->raw()) == expected);
}

/// Whether a text is a plain decimal, as slowly and plainly as it can be said.
bool is_plain_decimal(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const std::size_t point = text.find('.');
  const auto all_digits = [](std::string_view part) {
    return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return all_digits(text.substr(0, point)) &&
         (point == std::string_view::npos || all_digits(text.substr(point + 1)));
}

RC_GTEST_PROP(DecimalProperty, RefusesWhatIsNoPlainDecimal, ()) {
  // Given texts that are nearly decimals: digits with a few other characters among them
  const auto text = *rc::gen::container<std::string>(
      rc::gen::element('0', '1', '9', '0', '5', '.', '-', '+', 'e', '/', ':', ' ', '\0', '\xff'));
  const auto quantity = parse<Quantity>(text);
  RC_ASSERT(!quantity || is_plain_decimal(text));
}

TEST(Decimal, ReadsAndRefusesTheTextsOfThisTable) {
  struct Row {
    const char* name;
    std::string_view text;
    std::optional<std::string> price, quantity;  ///< as printed; empty: refused
  };
  const std::optional<std::string> none;
  const Row rows[] = {
      {"plain", "100.25", "100.25", "100.25"},
      {"as_binance_writes_it", "61234.12000000", "61234.12", "61234.12"},
      {"usual_with_seven_digits", "9999999.99999999", "9999999.99999999", "9999999.99999999"},
      {"eight_digits_before_the_point", "99999999.99999999", "99999999.99999999",
       "99999999.99999999"},
      {"usual_with_one_decimal", "1234567.5", "1234567.5", "1234567.5"},
      {"nine_decimals", "1.123456789", "1.123456789", "1.123456789"},
      {"ten_decimals", "1.1234567891", none, none},
      {"ten_decimals_of_which_one_says_nothing", "1.1234567890", "1.123456789", "1.123456789"},
      {"many_zeros_at_the_end", "1.50000000000000000000", "1.5", "1.5"},
      {"many_zeros_at_the_front", "000000000001.5", "1.5", "1.5"},
      {"zero", "0", "0", "0"},
      {"negative", "-0.5", "-0.5", "-0.5"},
      {"negative_zero", "-0", "0", "0"},
      {"least_part", "0.000000001", "0.000000001", "0.000000001"},
      {"greatest_price", "9223372036.854775807", "9223372036.854775807", "9223372036.854775807"},
      {"just_above_the_greatest_price", "9223372036.854775808", none, "9223372036.854775808"},
      {"least_price", "-9223372036.854775808", "-9223372036.854775808", "-9223372036.854775808"},
      {"greatest_level_of_binance", "92233720368.54775807", none, "92233720368.54775807"},
      {"greatest_outside", "1000000000000000000", none, "1000000000000000000"},
      {"just_above_the_greatest_outside", "1000000000000000000.000000001", none, none},
      {"far_beyond", "99999999999999999999999999999999999999", none, none},
      {"empty", "", none, none},
      {"sign_alone", "-", none, none},
      {"two_signs", "--1", none, none},
      {"plus", "+1", none, none},
      {"blank_before", " 1", none, none},
      {"blank_behind", "1 ", none, none},
      {"no_digit_before_the_point", ".5", none, none},
      {"no_digit_behind_the_point", "5.", none, none},
      {"point_alone", ".", none, none},
      {"two_points", "1.2.3", none, none},
      {"two_points_in_a_usual_length", "123.45.678", none, none},
      {"letter_in_a_usual_length", "61234.1200000x", none, none},
      {"slash_in_a_usual_length", "6123/.12000000", none, none},
      {"colon_in_a_usual_length", "6123:.12000000", none, none},
      {"exponent", "1e5", none, none},
      {"hexadecimal", "0x10", none, none},
      {"not_a_number", "NaN", none, none},
      {"infinite", "inf", none, none},
      {"comma", "1,5", none, none},
      {"nul_inside", {"12345\0.12", 9}, none, none},
  };
  for (const Row& row : rows) {
    const auto price = parse<Price>(row.text);
    EXPECT_EQ(price ? std::optional{to_string(*price)} : none, row.price) << row.name;
    const auto quantity = parse<Quantity>(row.text);
    EXPECT_EQ(quantity ? std::optional{to_string(*quantity)} : none, row.quantity) << row.name;
  }
}

// What the compiler computes and what runs are two ways through the same functions.
constexpr auto text_at_compile_time(Money value) {
  std::array<char, max_decimal_text> text{};
  print(value, text.data());
  return text;
}
static_assert(std::string_view{text_at_compile_time("61234.12"_usd).data()} == "61234.12");
static_assert(std::string_view{text_at_compile_time("-0.000000001"_usd).data()} == "-0.000000001");
static_assert(std::string_view{text_at_compile_time("0"_usd).data()} == "0");
static_assert(parse<Price>("61234.12000000") == "61234.12"_px);
static_assert(!parse<Price>("61234.1200000x"));

TEST(Decimal, KeepsItsKindsApart) {
  static_assert(!std::is_convertible_v<Price, Money>);
  static_assert(!std::is_convertible_v<Quantity, Money>);
  static_assert(!std::is_convertible_v<int, Money>);
  static_assert(!std::is_constructible_v<Price, double>);
  static_assert(std::is_trivially_copyable_v<Money>);
  static_assert(std::has_unique_object_representations_v<Money>);
}

}  // namespace
}  // namespace halcyon::domain
