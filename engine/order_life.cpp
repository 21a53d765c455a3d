#include "engine/order_life.h"

#include <array>

#include "domain/enum_name.h"

namespace halcyon::engine {

using domain::OrderState;
using domain::RequestState;

namespace {

constexpr bool nothing_leaves_a_terminal_state() {
  for (const Step& step : life) {
    if (domain::is_terminal(step.from)) return false;
  }
  for (const RequestStep& step : request_life) {
    if (step.from == RequestState::acknowledged || step.from == RequestState::refused) return false;
  }
  return true;
}
static_assert(nothing_leaves_a_terminal_state());

constexpr bool no_row_twice() {
  for (const Step& one : life) {
    int same = 0;
    for (const Step& other : life) same += one.from == other.from && one.heard == other.heard;
    if (same != 1) return false;
  }
  return true;
}
static_assert(no_row_twice());

constexpr bool a_time_out_ends_nothing() {
  for (const Step& step : life) {
    if (step.heard == Report::unanswered && step.to != OrderState::unknown) return false;
  }
  for (const RequestStep& step : request_life) {
    if (step.heard == domain::Outcome::unknown && step.to != RequestState::unknown) return false;
  }
  return true;
}
static_assert(a_time_out_ends_nothing());

constexpr std::size_t state_count = domain::enum_count<OrderState>();
constexpr std::size_t report_count = domain::enum_count<Report>();

/// The rows by state and report: number of the row + 1, or 0.
constexpr auto index_rows() {
  std::array<std::array<std::uint8_t, report_count>, state_count> table{};
  std::uint8_t number = 0;
  for (const Step& step : life) {
    table[static_cast<std::size_t>(step.from)][static_cast<std::size_t>(step.heard)] = ++number;
  }
  return table;
}
constexpr auto rows = index_rows();

}  // namespace

std::optional<RequestState> next(RequestState from, domain::Outcome heard) {
  for (const RequestStep& step : request_life) {
    if (step.from == from && step.heard == heard) return step.to;
  }
  return std::nullopt;
}

const Step* find_step(OrderState from, Report heard) {
  const std::uint8_t number = rows[static_cast<std::size_t>(from)][static_cast<std::size_t>(heard)];
  return number == 0 ? nullptr : &life[number - 1];
}

bool is_stale(const domain::Evidence& heard, const domain::Evidence& held) {
  if (heard.venue_sequence != 0 && held.venue_sequence != 0) {
    return heard.venue_sequence < held.venue_sequence;
  }
  const domain::Timestamp none;
  return heard.source == held.source && heard.venue_time != none && held.venue_time != none &&
         heard.venue_time < held.venue_time;
}

}  // namespace halcyon::engine
