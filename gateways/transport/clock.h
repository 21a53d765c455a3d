#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <time.h>

#include "domain/time.h"

namespace halcyon::gateways::transport {

/// `--test-clock BASE,RATE[,ORIGIN]`: a time that is told, not read, so that a day can pass in
/// minutes. It is BASE at the real time ORIGIN and runs RATE times as fast as the real one. Without
/// ORIGIN that is the start of the process; give it where several processes, or one that is started
/// again, must agree on the time.
struct TestClock {
  static constexpr std::int64_t one = 1'000'000;  ///< `rate` of a clock as fast as the real one
  domain::Timestamp base;
  std::int64_t rate = one;  ///< in millionths: simulated per real; 1 to 10^12
  std::optional<domain::Timestamp> origin;
};

/// Reads `BASE,RATE[,ORIGIN]`. BASE and ORIGIN: RFC 3339 in UTC ("2024-08-08T12:00:00Z", up to nine
/// decimals) or seconds since 1970. RATE: 0.000001 to 1000000. Empty, and `error` in words, for
/// anything else.
std::optional<TestClock> parse_test_clock(std::string_view text, std::string& error);

/// Monotonic real time, ns since some fixed point: for durations only.
inline domain::Duration monotonic_now() noexcept {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return domain::Duration{std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec};
}

/// The system's wall clock; may step back. Only `Clock` and those who compare clocks need it.
inline domain::Timestamp system_now() noexcept {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return domain::from_unix_ns(std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec);
}

/// The same moment on both clocks.
struct ClockPair {
  domain::Duration monotonic;
  domain::Timestamp system;

  /// The tightest of a few readings: the thread may be interrupted between the two clocks.
  static ClockPair read() noexcept {
    constexpr int readings = 8;
    ClockPair best{};
    domain::Duration best_gap = domain::Duration::max();
    for (int i = 0; i < readings; ++i) {
      const domain::Duration before = monotonic_now();
      const domain::Timestamp system = system_now();
      const domain::Duration gap = monotonic_now() - before;
      if (gap >= best_gap) continue;
      best = {before + gap / 2, system};
      best_gap = gap;
    }
    return best;
  }
};

/// The only source of time in the product: wall time read once, carried on by the monotonic clock,
/// so that it never steps back within a process. A value: copies agree, any thread may read one.
/// One reading costs about 22 ns.
class Clock {
 public:
  Clock() noexcept : Clock(ClockPair::read()) {}
  explicit Clock(const TestClock& test) noexcept : Clock(ClockPair::read()) {
    if (test.origin) start_ -= base_ - *test.origin;
    base_ = test.base;
    rate_ = test.rate;
    is_test_ = true;
  }

  domain::Timestamp now() const noexcept {
    const domain::Duration elapsed = monotonic_now() - start_;
    if (rate_ == TestClock::one) [[likely]]
      return base_ + elapsed;
    return base_ + scale(elapsed, rate_, TestClock::one);
  }

  /// How long to wait, in real time, until this clock shows `deadline`: 0 when that has passed, at
  /// most `max_wait`.
  domain::Duration real_time_until(domain::Timestamp deadline) const noexcept {
    const domain::Timestamp current = now();
    if (deadline <= current) return domain::Duration::zero();
    if (deadline == domain::never) return max_wait;
    const domain::Duration wait = scale(deadline - current, TestClock::one, rate_);
    return wait < max_wait ? wait : max_wait;
  }
  static constexpr domain::Duration max_wait = std::chrono::hours{1};

  /// What the system's wall clock has gained on this one since the start: it was set, or the
  /// machine slept. Far from zero means: start the daemon again. Meaningless for a test clock.
  domain::Duration system_drift() const noexcept { return system_now() - now(); }

  bool is_test() const noexcept { return is_test_; }

 private:
  explicit Clock(const ClockPair& start) noexcept : start_(start.monotonic), base_(start.system) {}

  static domain::Duration scale(domain::Duration value, std::int64_t multiply,
                                std::int64_t divide) noexcept {
    __extension__ using Wide = __int128;
    const Wide wide = Wide{value.count()} * multiply / divide;
    const Wide most = domain::Duration::max().count() / 2;
    return domain::Duration{static_cast<std::int64_t>(wide < most ? wide : most)};
  }

  domain::Duration start_;
  domain::Timestamp base_;
  std::int64_t rate_ = TestClock::one;
  bool is_test_ = false;
};

/// Until when something on the network may take: real, monotonic time, never scaled by a test
/// clock. A value.
class Deadline {
 public:
  /// `cancel_fd`, if any, ends a wait early when it becomes readable (an eventfd, at shutdown).
  static Deadline after(domain::Duration real_time, int cancel_fd = -1) noexcept {
    return Deadline{monotonic_now() + real_time, cancel_fd};
  }

  /// Never negative.
  domain::Duration remaining() const noexcept {
    const domain::Duration left = at_ - monotonic_now();
    return left > domain::Duration::zero() ? left : domain::Duration::zero();
  }
  bool has_passed() const noexcept { return remaining() == domain::Duration::zero(); }
  int cancel_fd() const noexcept { return cancel_fd_; }

 private:
  Deadline(domain::Duration at, int cancel_fd) noexcept : at_(at), cancel_fd_(cancel_fd) {}

  domain::Duration at_;
  int cancel_fd_;
};

}  // namespace halcyon::gateways::transport
