#include "domain/client_order_id.h"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace halcyon::domain {
namespace {

std::string text_of(std::string_view prefix, OrderId id) {
  std::array<char, max_client_order_id> text{};
  return {text.data(), print_client_order_id(prefix, id, text.data())};
}

/// Letters, digits, '_', as the configuration allows them; a daemon's name also has '-'.
std::string any_name(std::size_t size, bool dash) {
  std::string name;
  while (name.size() < size) {
    const char character = *rc::gen::element('a', 'z', 'A', 'Z', '0', '9', '_', '-');
    if (character != '-' || dash) name += character;
  }
  return name;
}

RC_GTEST_PROP(ClientOrderIdProperty, ReadsWhatItPrintsWithinTheVenuesLength, ()) {
  // Given names that together are as long as the configuration allows, or shorter
  const auto account_size = *rc::gen::inRange<std::size_t>(1, max_names_in_client_order_id);
  const auto daemon_size =
      *rc::gen::inRange<std::size_t>(1, max_names_in_client_order_id - account_size + 1);
  const std::string prefix =
      any_name(daemon_size, true) + '-' + any_name(account_size, false) + '-';
  const OrderId id{*rc::gen::arbitrary<std::uint32_t>(), *rc::gen::arbitrary<std::uint32_t>()};
  RC_PRE(!id.is_none());
  const std::string text = text_of(prefix, id);
  RC_ASSERT(text.size() <= max_client_order_id);
  RC_ASSERT(parse_client_order_id(prefix, text) == id);
}

RC_GTEST_PROP(ClientOrderIdProperty, HasOneReadingOnly, ()) {
  // Given two daemons and accounts of any names, an id of one is never taken for the other's
  const std::string one = any_name(*rc::gen::inRange<std::size_t>(1, 6), true) + '-' +
                          any_name(*rc::gen::inRange<std::size_t>(1, 6), false) + '-';
  const std::string other = any_name(*rc::gen::inRange<std::size_t>(1, 6), true) + '-' +
                            any_name(*rc::gen::inRange<std::size_t>(1, 6), false) + '-';
  const OrderId id{*rc::gen::arbitrary<std::uint32_t>(), *rc::gen::arbitrary<std::uint32_t>()};
  RC_PRE(one != other);
  RC_ASSERT(!parse_client_order_id(other, text_of(one, id)).has_value());
}

TEST(ClientOrderId, IsAtMostAsLongAsTheStrictestVenueAllows) {
  const std::string prefix = "twelve_chars-sevench-";
  ASSERT_EQ(prefix.size(), max_names_in_client_order_id + 2);
  EXPECT_EQ(text_of(prefix, {UINT32_MAX, UINT32_MAX}).size(), max_client_order_id);
}

TEST(ClientOrderId, LooksLikeThis) {
  EXPECT_EQ(text_of("alpha-main-", {1, 1}), "alpha-main-1-1");
  EXPECT_EQ(text_of("alpha-main-", {1'723'100'000, 33}), "alpha-main-1kb8tv0-11");
  EXPECT_EQ(text_of("alpha-main-", {UINT32_MAX, 31}), "alpha-main-3zzzzzz-z");
}

TEST(ClientOrderId, RefusesWhatIsNotOurs) {
  struct Row {
    const char* name;
    const char* text;
  };
  for (const Row& row : {
           Row{"empty", ""},
           Row{"prefix_alone", "alpha-main-"},
           Row{"another_account", "alpha-other-1-1"},
           Row{"another_daemon", "beta-main-1-1"},
           Row{"daemon_that_begins_like_ours", "alpha-main-x-1-1"},
           Row{"in_capitals", "ALPHA-MAIN-1-1"},
           Row{"no_counter", "alpha-main-1"},
           Row{"empty_counter", "alpha-main-1-"},
           Row{"empty_epoch", "alpha-main--1"},
           Row{"three_numbers", "alpha-main-1-1-1"},
           Row{"none", "alpha-main-0-0"},
           Row{"leading_zero", "alpha-main-01-1"},
           Row{"digit_that_base32_lacks", "alpha-main-1-i"},
           Row{"digit_in_capitals", "alpha-main-1-Z"},
           Row{"just_above_32_bits", "alpha-main-4000000-1"},
           Row{"far_too_long", "alpha-main-11111111-1"},
           Row{"web", "web_4f1d2e"},
           Row{"blank_behind", "alpha-main-1-1 "},
       }) {
    EXPECT_FALSE(parse_client_order_id("alpha-main-", row.text).has_value()) << row.name;
  }
}

}  // namespace
}  // namespace halcyon::domain
