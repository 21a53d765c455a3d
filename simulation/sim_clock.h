#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/time.h"

namespace halcyon::simulation {

/// The simulator's clock: the machine's, or one that runs `rate` times as fast from `base` on, so
/// that a day can pass in minutes. Processes that are given the same base and rate agree, whenever
/// they start: at the machine's time `base` both clocks show the same. Never falls within a
/// process. Thread: one.
class SimClock {
 public:
  static constexpr std::int64_t max_rate = 10'000;

  SimClock() : SimClock(domain::Timestamp{}, 1) {}
  SimClock(domain::Timestamp base, std::int64_t rate)
      : base_(base), rate_(rate), wall_(wall_now()), steady_(std::chrono::steady_clock::now()) {}

  /// From "BASE,RATE": Unix seconds and a whole number of 1 to `max_rate`.
  static std::optional<SimClock> parse(std::string_view text);

  domain::Timestamp now() const {
    // The wall clock may step; after the start only the steady one counts.
    const auto wall = wall_ + (std::chrono::steady_clock::now() - steady_);
    return base_ + (wall - base_) * rate_;
  }
  /// How long a span of this clock takes on the machine's.
  domain::Duration real(domain::Duration span) const {
    return (span + domain::Duration{rate_ - 1}) / rate_;
  }

 private:
  static domain::Timestamp wall_now() {
    return std::chrono::time_point_cast<domain::Duration>(std::chrono::system_clock::now());
  }

  domain::Timestamp base_;
  std::int64_t rate_;
  domain::Timestamp wall_;
  std::chrono::steady_clock::time_point steady_;
};

}  // namespace halcyon::simulation
