#include "engine/order_life.h"

#include <gtest/gtest.h>

#include "domain/enum_name.h"

namespace halcyon::engine {
namespace {

using namespace domain;

TEST(OrderLife, EveryStateThatIsNotTerminalCanEndInEveryWayAVenueNames) {
  for (std::size_t number = 0; number < enum_count<OrderState>(); ++number) {
    const auto state = static_cast<OrderState>(number);
    if (is_terminal(state) || state == OrderState::held) continue;  // no venue knows a held one
    SCOPED_TRACE(enum_name(state));
    for (const Report end :
         {Report::filled, Report::last_fill, Report::canceled, Report::expired, Report::rejected}) {
      const Step* step = find_step(state, end);
      ASSERT_NE(step, nullptr) << enum_name(end);
      ASSERT_TRUE(step->to);
      EXPECT_TRUE(is_terminal(*step->to));
    }
  }
}

TEST(OrderLife, NothingLeavesATerminalState) {
  for (const OrderState state :
       {OrderState::filled, OrderState::canceled, OrderState::expired, OrderState::rejected}) {
    for (std::size_t number = 0; number < enum_count<Report>(); ++number) {
      EXPECT_EQ(find_step(state, static_cast<Report>(number)), nullptr);
    }
  }
}

TEST(OrderLife, ARefusalCannotEndWhatTheVenueHasShown) {
  for (const OrderState state : {OrderState::accepted, OrderState::partially_filled}) {
    EXPECT_EQ(find_step(state, Report::refused), nullptr);
    EXPECT_EQ(find_step(state, Report::absent), nullptr);
    EXPECT_EQ(find_step(state, Report::unanswered), nullptr);
  }
}

TEST(OrderLife, NotSentIsNotBelievedOfARequestThatWasSent) {
  EXPECT_EQ(next(RequestState::journaled, Outcome::not_sent), RequestState::refused);
  EXPECT_EQ(next(RequestState::unknown, Outcome::not_sent), RequestState::refused);
  EXPECT_EQ(next(RequestState::sent, Outcome::not_sent), std::nullopt);
  EXPECT_EQ(next(RequestState::acknowledged, Outcome::unknown), std::nullopt);
}

TEST(OrderLife, SequenceDecidesWhatIsStaleAndTimeOnlyBetweenEqualSources) {
  const auto evidence = [](Source source, std::int64_t ms, std::uint64_t sequence) {
    return Evidence{source, from_unix_ms(ms), sequence};
  };
  EXPECT_TRUE(
      is_stale(evidence(Source::private_stream, 9, 4), evidence(Source::private_stream, 1, 5)));
  EXPECT_FALSE(
      is_stale(evidence(Source::private_stream, 1, 5), evidence(Source::private_stream, 9, 5)));
  EXPECT_TRUE(
      is_stale(evidence(Source::private_stream, 1, 0), evidence(Source::private_stream, 2, 0)));
  EXPECT_FALSE(
      is_stale(evidence(Source::single_query, 1, 0), evidence(Source::private_stream, 2, 0)));
}

}  // namespace
}  // namespace halcyon::engine
