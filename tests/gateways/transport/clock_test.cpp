#include "gateways/transport/clock.h"

#include <string>

#include <gtest/gtest.h>

namespace halcyon::gateways::transport {
namespace {

using domain::Duration;
using domain::from_unix_ns;
using domain::Timestamp;

constexpr std::int64_t second = 1'000'000'000;

struct Good {
  const char* name;
  const char* text;
  std::int64_t base_ns;
  std::int64_t rate;
  std::int64_t origin_ns;  ///< -1: none
};

class ParseTestClock : public testing::TestWithParam<Good> {};

TEST_P(ParseTestClock, ReadsBaseRateAndOrigin) {
  std::string error;
  const auto clock = parse_test_clock(GetParam().text, error);
  ASSERT_TRUE(clock) << error;
  EXPECT_EQ(domain::to_unix_ns(clock->base), GetParam().base_ns);
  EXPECT_EQ(clock->rate, GetParam().rate);
  EXPECT_EQ(clock->origin ? domain::to_unix_ns(*clock->origin) : -1, GetParam().origin_ns);
}

INSTANTIATE_TEST_SUITE_P(
    Options, ParseTestClock,
    testing::Values(Good{"rfc3339", "2024-08-08T12:00:00Z,100", 1723118400 * second, 100'000'000,
                         -1},
                    Good{"fraction", "2024-08-08T12:00:00.123456789Z,1",
                         1723118400 * second + 123456789, 1'000'000, -1},
                    Good{"short_fraction", "2024-08-08T12:00:00.5Z,1",
                         1723118400 * second + second / 2, 1'000'000, -1},
                    Good{"seconds", "1723118400,1", 1723118400 * second, 1'000'000, -1},
                    Good{"seconds_with_fraction", "1723118400.25,1",
                         1723118400 * second + second / 4, 1'000'000, -1},
                    Good{"epoch", "0,1", 0, 1'000'000, -1}, Good{"slow", "0,0.5", 0, 500'000, -1},
                    Good{"slowest", "0,0.000001", 0, 1, -1},
                    Good{"fastest", "0,1000000", 0, 1'000'000'000'000, -1},
                    Good{"leap_day", "2024-02-29T23:59:59Z,1", 1709251199 * second, 1'000'000, -1},
                    Good{"origin", "0,60,1723118400", 0, 60'000'000, 1723118400 * second},
                    Good{"latest", "2199-12-31T23:59:59Z,1", 7258118399 * second, 1'000'000, -1}),
    [](const auto& row) { return row.param.name; });

struct Bad {
  const char* name;
  const char* text;
  const char* words;
};

class RefuseTestClock : public testing::TestWithParam<Bad> {};

TEST_P(RefuseTestClock, SaysWhichPartIsWrong) {
  std::string error;
  EXPECT_FALSE(parse_test_clock(GetParam().text, error));
  EXPECT_NE(error.find(GetParam().words), std::string::npos) << error;
}

INSTANTIATE_TEST_SUITE_P(
    Options, RefuseTestClock,
    testing::Values(Bad{"empty", "", "BASE,RATE"}, Bad{"base_only", "1723118400", "BASE,RATE"},
                    Bad{"no_base", ",1", "base"}, Bad{"no_rate", "0,", "rate"},
                    Bad{"rate_zero", "0,0", "rate"}, Bad{"rate_negative", "0,-1", "rate"},
                    Bad{"rate_word", "0,x", "rate"}, Bad{"rate_too_large", "0,1000000.1", "rate"},
                    Bad{"rate_too_fine", "0,0.0000001", "rate"},
                    Bad{"not_utc", "2024-08-08T12:00:00+02:00,1", "base"},
                    Bad{"no_such_day", "2023-02-29T00:00:00Z,1", "base"},
                    Bad{"no_such_hour", "2023-02-28T24:00:00Z,1", "base"},
                    Bad{"no_such_second", "2023-02-28T23:00:60Z,1", "base"},
                    Bad{"too_early", "1969-12-31T23:59:59Z,1", "base"},
                    Bad{"too_late", "2200-01-01T00:00:00Z,1", "base"},
                    Bad{"ten_decimals", "1.0123456789,1", "base"},
                    Bad{"bare_point", "1.,1", "base"}, Bad{"bad_origin", "0,1,never", "origin"},
                    Bad{"fourth_part", "0,1,0,0", "origin"}),
    [](const auto& row) { return row.param.name; });

TEST(Clock, NeverStepsBack) {
  const Clock clock;
  Timestamp last = clock.now();
  for (int i = 0; i < 10'000; ++i) {
    const Timestamp next = clock.now();
    ASSERT_GE(next, last);
    last = next;
  }
  EXPECT_FALSE(clock.is_test());
}

TEST(Clock, RunsAtTheRateOfTheTestClock) {
  // Given a clock that began 1000 real seconds ago and runs 100 times as fast
  TestClock test;
  test.base = from_unix_ns(1723118400 * second);
  test.rate = 100 * TestClock::one;
  test.origin = system_now() - std::chrono::seconds{1000};
  const Clock clock{test};
  // Then it is 100000 simulated seconds later, and what the test itself took
  EXPECT_GE(clock.now(), test.base + std::chrono::seconds{100'000});
  EXPECT_TRUE(clock.is_test());
  // And a simulated hour from now comes within 36 real seconds
  const Duration wait = clock.real_time_until(clock.now() + std::chrono::hours{1});
  EXPECT_LE(wait, std::chrono::seconds{36});
  EXPECT_GT(wait, Duration::zero());
}

TEST(Clock, StartsAtTheBaseWhenThereIsNoOrigin) {
  const Timestamp base = from_unix_ns(1000 * second);
  const Clock clock{TestClock{base, 1, std::nullopt}};  // a millionth: it practically stands
  EXPECT_GE(clock.now(), base);
  EXPECT_LT(clock.now(), base + std::chrono::seconds{1});
}

TEST(Clock, AgreesAcrossCopiesAndProcessesWithTheSameOrigin) {
  const Timestamp origin = system_now();
  const TestClock test{from_unix_ns(0), TestClock::one, origin};
  const Clock first{test};
  const Clock second_process{test};
  const Timestamp before = first.now();
  const Timestamp between = second_process.now();
  const Timestamp after = first.now();
  // The wall clock is read once for each, so they agree but for the jitter of that reading.
  EXPECT_GE(between, before - std::chrono::seconds{1});
  EXPECT_LE(between, after + std::chrono::seconds{1});
}

TEST(Clock, WaitsNotAtAllForWhatHasPassedAndNotForeverForNever) {
  const Clock clock;
  EXPECT_EQ(clock.real_time_until(clock.now()), Duration::zero());
  EXPECT_EQ(clock.real_time_until(from_unix_ns(0)), Duration::zero());
  EXPECT_EQ(clock.real_time_until(domain::never), Clock::max_wait);
  const Clock standing{TestClock{from_unix_ns(0), 1, std::nullopt}};
  EXPECT_EQ(standing.real_time_until(domain::never - Duration{1}), Clock::max_wait);
}

TEST(Deadline, HasNothingLeftOnceItHasPassed) {
  EXPECT_TRUE(Deadline::after(Duration{-1}).has_passed());
  EXPECT_EQ(Deadline::after(Duration{-1}).remaining(), Duration::zero());
  EXPECT_FALSE(Deadline::after(std::chrono::hours{1}).has_passed());
}

}  // namespace
}  // namespace halcyon::gateways::transport
