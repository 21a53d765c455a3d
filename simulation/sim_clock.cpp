#include "simulation/sim_clock.h"

#include <charconv>

#include "domain/decimal.h"

namespace halcyon::simulation {

namespace {

using domain::Duration;
using domain::Int128;
using domain::Timestamp;

constexpr std::int64_t last_second = 7'258'118'399;  // the end of 2199

std::optional<int> digits(std::string_view text) {
  int value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || rest != text.data() + text.size() || text.front() == '-') {
    return std::nullopt;
  }
  return value;
}

/// "2024-08-08T12:00:00Z", with or without a fraction.
std::optional<Timestamp> parse_rfc3339(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text.back() != 'Z') {
    return std::nullopt;
  }
  const auto year = digits(text.substr(0, 4));
  const auto month = digits(text.substr(5, 2));
  const auto day = digits(text.substr(8, 2));
  const auto hour = digits(text.substr(11, 2));
  const auto minute = digits(text.substr(14, 2));
  const auto second = domain::parse<domain::Quantity>(text.substr(17, text.size() - 18));
  if (!year || !month || !day || !hour || !minute || !second || text[18] == '.')
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (*year < 1970 || *year > 2199 || !date.ok() || *hour > 23 || *minute > 59 ||
      second->is_negative() || *second >= domain::Quantity::from_units(60)) {
    return std::nullopt;
  }
  return Timestamp{std::chrono::sys_days{date}} + std::chrono::hours{*hour} +
         std::chrono::minutes{*minute} + Duration{static_cast<std::int64_t>(second->raw())};
}

std::optional<Timestamp> parse_time(std::string_view text) {
  if (text.find('-') != std::string_view::npos) return parse_rfc3339(text);
  // Seconds with nine decimals are a count of nanoseconds.
  const auto seconds = domain::parse<domain::Quantity>(text);
  if (!seconds || *seconds > domain::Quantity::from_units(last_second)) return std::nullopt;
  return domain::from_unix_ns(static_cast<std::int64_t>(seconds->raw()));
}

}  // namespace

SimClock::SimClock()
    : base_(std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now())),
      origin_(base_),
      wall_(base_),
      steady_(std::chrono::steady_clock::now()) {}

std::optional<SimClock> SimClock::parse(std::string_view text) {
  const auto comma = text.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const auto second = text.find(',', comma + 1);
  const auto base = parse_time(text.substr(0, comma));
  const auto rate = domain::parse<domain::Quantity>(
      text.substr(comma + 1, second == std::string_view::npos ? second : second - comma - 1));
  constexpr domain::Int128 millionth = domain::decimal_scale / rate_one;
  if (!base || !rate || !rate->is_positive() || rate->raw() % millionth != 0 ||
      *rate > domain::Quantity::from_units(max_rate)) {
    return std::nullopt;
  }
  SimClock clock;
  clock.base_ = *base;
  clock.rate_ = static_cast<std::int64_t>(rate->raw() / millionth);
  if (second != std::string_view::npos) {
    const auto origin = parse_time(text.substr(second + 1));
    if (!origin) return std::nullopt;
    clock.origin_ = *origin;
  }
  return clock;
}

Timestamp SimClock::now() const {
  const auto wall = wall_ + (std::chrono::steady_clock::now() - steady_);
  const Int128 passed = static_cast<Int128>((wall - origin_).count()) * rate_ / rate_one;
  return base_ + Duration{static_cast<std::int64_t>(passed)};
}

Duration SimClock::real(Duration span) const {
  const Int128 spread = static_cast<Int128>(span.count()) * rate_one;
  return Duration{static_cast<std::int64_t>((spread + rate_ - 1) / rate_)};
}

}  // namespace halcyon::simulation
