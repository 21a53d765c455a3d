#include <set>
#include <string>
#include <unordered_set>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "domain/enum_name.h"
#include "domain/event.h"
#include "domain/ids.h"
#include "domain/order.h"
#include "domain/reason.h"
#include "domain/time.h"

namespace halcyon::domain {
namespace {

TEST(EnumName, IsTheEnumeratorAsItIsSpelled) {
  static_assert(enum_name(Side::buy) == "buy");
  static_assert(enum_name(OrderState::pending_submit) == "pending_submit");
  static_assert(enum_name(Reason::none) == "none");
  static_assert(enum_name(Reason::reduce_only_would_increase) == "reduce_only_would_increase");
  static_assert(enum_name(static_cast<Side>(2)) == "?");
  static_assert(enum_name(static_cast<Side>(200)) == "?");
  static_assert(enum_count<Side>() == 2);
  static_assert(enum_count<TimeInForce>() == 5);
  static_assert(enum_count<OrderState>() == 12);
  SUCCEED();
}

/// Every enumerator of an enum is read back from its own name, and no two share one.
template <class Enum>
void expect_round_trip() {
  std::set<std::string_view> names;
  for (std::size_t index = 0; index < enum_count<Enum>(); ++index) {
    const auto value = static_cast<Enum>(index);
    EXPECT_EQ(enum_parse<Enum>(enum_name(value)), value);
    EXPECT_TRUE(names.insert(enum_name(value)).second) << enum_name(value);
  }
  EXPECT_GT(names.size(), 1U);
  EXPECT_FALSE(enum_parse<Enum>("").has_value());
  EXPECT_FALSE(enum_parse<Enum>("?").has_value());
  EXPECT_FALSE(enum_parse<Enum>("no_such_word").has_value());
}

TEST(EnumName, IsReadBack) {
  expect_round_trip<Side>();
  expect_round_trip<OrderType>();
  expect_round_trip<TimeInForce>();
  expect_round_trip<OrderState>();
  expect_round_trip<RequestState>();
  expect_round_trip<Source>();
  expect_round_trip<Reason>();
  expect_round_trip<VenueOrderStatus>();
  expect_round_trip<TradingState>();
}

TEST(Reason, LeavesRoomForMoreWords) {
  static_assert(enum_count<Reason>() < max_enumerators, "enum_name reads so many");
  SUCCEED();
}

TEST(OrderState, EndsOnlyWhereItIsTerminal) {
  for (const OrderState state :
       {OrderState::filled, OrderState::canceled, OrderState::expired, OrderState::rejected}) {
    EXPECT_TRUE(is_terminal(state)) << enum_name(state);
  }
  for (const OrderState state :
       {OrderState::pending_submit, OrderState::submitted, OrderState::accepted,
        OrderState::partially_filled, OrderState::pending_cancel, OrderState::pending_replace,
        OrderState::unknown}) {
    EXPECT_FALSE(is_terminal(state)) << enum_name(state);
  }
}

RC_GTEST_PROP(TimeProperty, NanosecondsRoundTripAndMillisecondsRoundDown, (std::int64_t ns)) {
  RC_ASSERT(to_unix_ns(from_unix_ns(ns)) == ns);
  const std::int64_t ms = to_unix_ms(from_unix_ns(ns));
  const auto rest = static_cast<Int128>(ns) - static_cast<Int128>(ms) * 1'000'000;
  RC_ASSERT(rest >= 0);
  RC_ASSERT(rest < 1'000'000);
}

TEST(Time, RoundsDownBeforeTheEpochToo) {
  EXPECT_EQ(to_unix_ms(from_unix_ns(-1)), -1);
  EXPECT_EQ(to_unix_ms(from_unix_ns(1'999'999)), 1);
  EXPECT_EQ(to_unix_ns(from_unix_ms(1'723'100'000'123)), 1'723'100'000'123'000'000);
  EXPECT_GT(never, from_unix_ms(4'102'444'800'000));
}

RC_GTEST_PROP(IdsProperty, AnOrderIdIsItsPackedNumber,
              (std::uint32_t epoch, std::uint32_t counter)) {
  const OrderId id{epoch, counter};
  RC_ASSERT(OrderId::unpack(id.packed()) == id);
  RC_ASSERT(id.is_none() == (id.packed() == 0));
}

TEST(Ids, OfTheSameEpochSortByTheirCounter) {
  EXPECT_LT((OrderId{1, 9}), (OrderId{2, 1}));
  EXPECT_LT((OrderId{2, 1}), (OrderId{2, 2}));
}

TEST(Ids, HashNeighboursApart) {
  std::unordered_set<std::size_t> hashes;
  for (std::uint32_t counter = 0; counter < 10'000; ++counter) {
    hashes.insert(std::hash<OrderId>{}({7, counter}));
    hashes.insert(std::hash<ForeignId>{}(ForeignId::number(counter)));
  }
  EXPECT_EQ(hashes.size(), 20'000U);
}

TEST(ForeignId, OfNumberZeroIsNotNone) {
  EXPECT_TRUE(ForeignId{}.is_none());
  EXPECT_FALSE(ForeignId::number(0).is_none());
}

}  // namespace
}  // namespace halcyon::domain
