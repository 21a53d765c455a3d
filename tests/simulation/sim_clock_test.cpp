#include "simulation/sim_clock.h"

#include <gtest/gtest.h>

namespace halcyon::simulation {
namespace {

using namespace std::chrono_literals;

TEST(SimClock, ShowsTheBaseAtItsOriginAndRunsAtItsRate) {
  // Given an origin one machine second after 1970, and a slow and a fast clock from there
  const auto slow = SimClock::parse("2024-02-29T12:00:00.5Z,0.000001,1");
  const auto fast = SimClock::parse("0,2,0");
  ASSERT_TRUE(slow && fast);
  // Then the slow one has barely moved in more than fifty years (2 x 10^9 s are 2000 s)
  EXPECT_GT(slow->now(), domain::from_unix_ms(1'709'208'000'500) + 1700s);
  EXPECT_LT(slow->now(), domain::from_unix_ms(1'709'208'000'500) + 3000s);
  // And the fast one is as far ahead of the machine as the machine is of 1970
  const SimClock machine;
  EXPECT_NEAR(static_cast<double>(domain::to_unix_ms(fast->now())),
              2.0 * static_cast<double>(domain::to_unix_ms(machine.now())), 60'000.0);
  EXPECT_EQ(fast->real(60s), 30s);
  EXPECT_EQ(fast->real(1ns), 1ns);
  EXPECT_EQ(slow->real(1us), 1s);
}

TEST(SimClock, StartsAtItsBaseWithoutAnOrigin) {
  const auto clock = SimClock::parse("1700000000,1000000");
  ASSERT_TRUE(clock);
  const auto first = clock->now();
  EXPECT_GE(first, domain::from_unix_ms(1'700'000'000'000));
  EXPECT_GE(clock->now(), first);
}

TEST(SimClock, RefusesWhatIsNone) {
  for (const char* wrong :
       {"", "1", "1,", ",1", "1,0", "1,1000001", "-1,1", "x,1", "1,1,x", "1,0.0000001",
        "7258118400,1", "2200-01-01T00:00:00Z,1", "2023-02-29T00:00:00Z,1",
        "2023-01-01T24:00:00Z,1", "2023-01-01T00:00:60Z,1", "2023-01-01T00:00:00,1"}) {
    EXPECT_FALSE(SimClock::parse(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace halcyon::simulation
