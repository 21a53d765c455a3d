#include "gateways/pacing.h"

#include <vector>

#include <gtest/gtest.h>

namespace halcyon::gateways::binance::testing {
namespace {

const domain::Timestamp start = domain::from_unix_ms(1'700'000'000'000);

TEST(ReconnectPacer, DoublesItsPauseUpToThirtySecondsWithJitterBelowIt) {
  ReconnectPacer pacer{1};
  domain::Timestamp now = start;
  domain::Duration full = 200ms;
  for (int attempt = 0; attempt < 20; ++attempt) {
    const domain::Timestamp next = pacer.next_attempt(now);
    EXPECT_GT(next - now, full / 2) << attempt;
    EXPECT_LE(next - now, full) << attempt;
    full = std::min<domain::Duration>(full * 2, 30s);
    now = next;
  }
}

TEST(ReconnectPacer, BeginsAgainAfterGoodService) {
  ReconnectPacer pacer{1};
  for (int attempt = 0; attempt < 8; ++attempt) pacer.next_attempt(start);
  pacer.on_success();
  EXPECT_LE(pacer.next_attempt(start) - start, 200ms);
}

TEST(ReconnectPacer, EqualSeedsGiveEqualTimesAndOthersOthers) {
  ReconnectPacer first{7};
  ReconnectPacer same{7};
  ReconnectPacer other{8};
  bool differs = false;
  for (int attempt = 0; attempt < 8; ++attempt) {
    const auto time = first.next_attempt(start);
    EXPECT_EQ(time, same.next_attempt(start));
    differs = differs || time != other.next_attempt(start);
  }
  EXPECT_TRUE(differs);
}

TEST(ReconnectPacer, NeverExceedsItsShareOfAttemptsHoweverGoodTheServiceSeems) {
  ReconnectPacer pacer{3};
  std::vector<domain::Timestamp> attempts;
  domain::Timestamp now = start;
  for (int attempt = 0; attempt < 500; ++attempt) {
    pacer.on_success();
    now = attempt % 2 == 0 ? pacer.next_attempt(now) : pacer.attempt_at_once(now);
    attempts.push_back(now);
  }
  for (std::size_t index = ReconnectPacer::attempts_in_window; index < attempts.size(); ++index) {
    EXPECT_GE(attempts[index] - attempts[index - ReconnectPacer::attempts_in_window],
              ReconnectPacer::window);
  }
}

TEST(WeightBudget, IsSpentByCalendarMinute) {
  WeightBudget budget{100};
  const domain::Timestamp minute = domain::from_unix_ms(60'000);
  EXPECT_TRUE(budget.try_spend(50, minute + 58s));
  EXPECT_TRUE(budget.try_spend(50, minute + 59s));
  EXPECT_FALSE(budget.try_spend(1, minute + 59s));
  EXPECT_EQ(WeightBudget::next_minute(minute + 59s), minute + 60s);
  EXPECT_TRUE(budget.try_spend(100, minute + 60s));
}

TEST(ClockEstimate, BelievesTheSampleWithTheSmallestRoundTrip) {
  ClockEstimate clock;
  EXPECT_FALSE(clock.is_known());
  clock.add(start, start + 100ms, 1'700'000'001'050);  // 1 s ahead
  clock.add(start, start + 10ms, 1'700'000'002'005);   // 2 s ahead, much surer
  clock.add(start, start + 300ms, 1'700'000'000'150);
  EXPECT_EQ(clock.best().offset, 2s);
  EXPECT_EQ(clock.best().round_trip, 10ms);
}

TEST(ClockEstimate, ForgetsTheSureSampleOnceSixYoungerAreThere) {
  ClockEstimate clock;
  clock.add(start, start + 1ms, 1'700'000'009'000);
  for (int sample = 0; sample < 6; ++sample) {
    clock.add(start, start + 20ms, 1'700'000'000'010);
  }
  EXPECT_EQ(clock.best().offset, domain::Duration{});
  clock.clear();
  EXPECT_FALSE(clock.is_known());
}

}  // namespace
}  // namespace halcyon::gateways::binance::testing
