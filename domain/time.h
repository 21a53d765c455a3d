#pragma once

#include <chrono>
#include <cstdint>

namespace halcyon::domain {

using Duration = std::chrono::nanoseconds;

/// Nanoseconds since the Unix epoch, UTC. The domain reads no clock: times arrive on events.
using Timestamp = std::chrono::sys_time<Duration>;

constexpr Timestamp from_unix_ns(std::int64_t ns) { return Timestamp{Duration{ns}}; }
constexpr Timestamp from_unix_ms(std::int64_t ms) {
  return Timestamp{std::chrono::milliseconds{ms}};
}
constexpr std::int64_t to_unix_ns(Timestamp time) { return time.time_since_epoch().count(); }
constexpr std::int64_t to_unix_ms(Timestamp time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

/// Later than every event: a deadline that is none.
inline constexpr Timestamp never = Timestamp::max();

/// A candle's length: <n>s|m|h|d|w|M. Months follow the calendar, so a timeframe is a count and a
/// unit and not a duration.
enum class TimeUnit : std::uint8_t { second, minute, hour, day, week, month };

struct Timeframe {
  std::uint16_t count = 1;  ///< 1 to 1000
  TimeUnit unit = TimeUnit::minute;
  friend constexpr bool operator==(Timeframe, Timeframe) = default;
};

}  // namespace halcyon::domain
