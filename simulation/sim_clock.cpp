#include "simulation/sim_clock.h"

#include <charconv>

namespace halcyon::simulation {

std::optional<SimClock> SimClock::parse(std::string_view text) {
  const auto comma = text.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view part) -> std::optional<std::int64_t> {
    std::int64_t value = 0;
    const auto* end = part.data() + part.size();
    const auto [rest, error] = std::from_chars(part.data(), end, value);
    if (error != std::errc{} || rest != end || part.empty()) return std::nullopt;
    return value;
  };
  const auto base = number(text.substr(0, comma));
  const auto rate = number(text.substr(comma + 1));
  constexpr std::int64_t latest_base = 7'000'000'000;  // the year 2191, far inside 64 bits of ns
  if (!base || !rate || *base < 0 || *base > latest_base || *rate < 1 || *rate > max_rate) {
    return std::nullopt;
  }
  return SimClock{domain::Timestamp{std::chrono::seconds{*base}}, *rate};
}

}  // namespace halcyon::simulation
