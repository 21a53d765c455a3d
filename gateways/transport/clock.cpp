#include "gateways/transport/clock.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include <fmt/format.h>

namespace halcyon::gateways::transport {
namespace {

constexpr std::int64_t nanoseconds_per_second = 1'000'000'000;
// Timestamps end in 2262; a clock that starts before 2200 cannot reach that in a test.
constexpr int last_year = 2199;
constexpr std::int64_t last_second = 7'258'118'399;
constexpr std::int64_t max_rate = 1'000'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// "123" or "123.456" as an integer count of 10^-`decimals`; empty for anything else, and for more
/// decimals than that.
std::optional<std::int64_t> parse_fixed(std::string_view text, int decimals,
                                        std::int64_t max_whole) {
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(whole.data(), whole.data() + whole.size(), value);
  if (failure != std::errc{} || end != whole.data() + whole.size() || !is_digit(whole.front()) ||
      value > max_whole) {
    return std::nullopt;
  }
  if (point == text.size()) {
    for (int i = 0; i < decimals; ++i) value *= 10;
    return value;
  }
  const std::string_view fraction = text.substr(point + 1);
  if (fraction.empty() || fraction.size() > static_cast<std::size_t>(decimals)) return std::nullopt;
  for (std::size_t i = 0; i < static_cast<std::size_t>(decimals); ++i) {
    const char digit = i < fraction.size() ? fraction[i] : '0';
    if (!is_digit(digit)) return std::nullopt;
    value = value * 10 + (digit - '0');
  }
  return value;
}

/// A number of exactly `text.size()` digits.
std::optional<int> parse_digits(std::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// RFC 3339, UTC only: 2024-08-08T12:00:00[.123456789]Z
std::optional<domain::Timestamp> parse_rfc3339(std::string_view text) {
  constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() < shape.size() + 1 || (text.back() != 'Z' && text.back() != 'z')) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool fits = shape[i] == 'd'   ? is_digit(text[i])
                      : shape[i] == 'T' ? text[i] == 'T' || text[i] == 't'
                                        : text[i] == shape[i];
    if (!fits) return std::nullopt;
  }
  const auto number = [&](std::size_t at, std::size_t size) {
    return *parse_digits(text.substr(at, size));
  };
  const int year = number(0, 4), hour = number(11, 2), minute = number(14, 2);
  const std::chrono::year_month_day day{std::chrono::year{year},
                                        std::chrono::month{static_cast<unsigned>(number(5, 2))},
                                        std::chrono::day{static_cast<unsigned>(number(8, 2))}};
  if (year < 1970 || year > last_year || !day.ok() || hour > 23 || minute > 59) return std::nullopt;
  const auto second = parse_fixed(text.substr(17, text.size() - 18), 9, 59);
  if (!second) return std::nullopt;
  return domain::Timestamp{std::chrono::sys_days{day}} + std::chrono::hours{hour} +
         std::chrono::minutes{minute} + domain::Duration{*second};
}

std::optional<domain::Timestamp> parse_time(std::string_view text) {
  if (text.find('-') != std::string_view::npos) return parse_rfc3339(text);
  const auto seconds = parse_fixed(text, 9, last_second);
  if (!seconds) return std::nullopt;
  return domain::from_unix_ns(*seconds);
}

}  // namespace

std::optional<TestClock> parse_test_clock(std::string_view text, std::string& error) {
  static_assert(last_second < INT64_MAX / nanoseconds_per_second);
  constexpr std::string_view like = "write it like 2024-08-08T12:00:00Z or 1723118400";
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos) {
    error = fmt::format("test clock \"{}\": write BASE,RATE, like 2024-08-08T12:00:00Z,100", text);
    return std::nullopt;
  }
  const std::string_view base = text.substr(0, comma);
  std::string_view rate = text.substr(comma + 1);
  std::optional<std::string_view> origin;
  if (const std::size_t second = rate.find(','); second != std::string_view::npos) {
    origin = rate.substr(second + 1);
    rate = rate.substr(0, second);
  }

  TestClock result;
  if (const auto time = parse_time(base)) {
    result.base = *time;
  } else {
    error = fmt::format("test clock: base \"{}\" is no time in UTC before 2200; {}", base, like);
    return std::nullopt;
  }
  const auto parsed_rate = parse_fixed(rate, 6, max_rate);
  if (!parsed_rate || *parsed_rate == 0 || *parsed_rate > max_rate * TestClock::one) {
    error = fmt::format("test clock: rate \"{}\" is not 0.000001 to 1000000", rate);
    return std::nullopt;
  }
  result.rate = *parsed_rate;
  if (origin) {
    result.origin = parse_time(*origin);
    if (!result.origin) {
      error =
          fmt::format("test clock: origin \"{}\" is no time in UTC before 2200; {}", *origin, like);
      return std::nullopt;
    }
  }
  return result;
}

}  // namespace halcyon::gateways::transport
