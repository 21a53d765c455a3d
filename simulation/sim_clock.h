#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/time.h"

namespace halcyon::simulation {

/// The simulator's clock: the machine's, or one that shows `base` at the machine's time `origin`
/// (default: the start) and runs `rate` times as fast, so that a day can pass in minutes. Processes
/// that are given all three agree, whenever they start. Never falls. Thread: one.
class SimClock {
 public:
  static constexpr std::int64_t rate_one = 1'000'000;  ///< rates are in millionths
  static constexpr std::int64_t max_rate = 1'000'000;  ///< as fast as the machine's, at the most

  /// The machine's clock.
  SimClock();

  /// From `BASE,RATE[,ORIGIN]`, the test option that halcyond has too. BASE and ORIGIN: RFC 3339 in
  /// UTC ("2024-08-08T12:00:00Z") or seconds since 1970, before 2200; RATE: 0.000001 to 1000000.
  static std::optional<SimClock> parse(std::string_view text);

  domain::Timestamp now() const;
  /// How long a span of this clock takes on the machine's, rounded up.
  domain::Duration real(domain::Duration span) const;

 private:
  domain::Timestamp base_;
  std::int64_t rate_ = rate_one;
  domain::Timestamp origin_;
  // The wall clock may step; after the start only the steady one counts.
  domain::Timestamp wall_;
  std::chrono::steady_clock::time_point steady_;
};

}  // namespace halcyon::simulation
