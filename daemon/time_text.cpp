#include "daemon/time_text.h"

#include <array>
#include <chrono>
#include <string_view>

#include <fmt/format.h>

namespace halcyon::daemon {

namespace {

struct Civil {
  int year;
  unsigned month, day, weekday;
  std::int64_t hour, minute, second, nanosecond;
};

Civil civil(domain::Timestamp time) {
  const auto midnight = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{midnight};
  const std::int64_t rest = (time - midnight).count();
  constexpr std::int64_t second = 1'000'000'000;
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          std::chrono::weekday{midnight}.c_encoding(),
          rest / (3600 * second),
          rest / (60 * second) % 60,
          rest / second % 60,
          rest % second};
}

}  // namespace

std::string rfc3339(domain::Timestamp time) {
  const Civil c = civil(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", c.year, c.month, c.day, c.hour,
                     c.minute, c.second, c.nanosecond);
}

std::string http_date(domain::Timestamp time) {
  static constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed",
                                                        "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> months{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Civil c = civil(time);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", days.at(c.weekday), c.day,
                     months.at(c.month - 1), c.year, c.hour, c.minute, c.second);
}

}  // namespace halcyon::daemon
