#pragma once

#include <cstdint>
#include <optional>

#include "domain/event.h"
#include "domain/order.h"

namespace halcyon::engine {

// The two machines of an order, as data. What stands in no row changes nothing: so a weaker or
// older statement cannot undo a stronger one, and nothing leaves a terminal state.

/// What a request is told, and what becomes of it. A time-out is `unknown`, and nothing else.
struct RequestStep {
  domain::RequestState from;
  domain::Outcome heard;
  domain::RequestState to;
};
inline constexpr RequestStep request_life[] = {
    {domain::RequestState::journaled, domain::Outcome::sent, domain::RequestState::sent},
    {domain::RequestState::journaled, domain::Outcome::not_sent, domain::RequestState::refused},
    {domain::RequestState::journaled, domain::Outcome::acknowledged,
     domain::RequestState::acknowledged},
    {domain::RequestState::journaled, domain::Outcome::refused, domain::RequestState::refused},
    {domain::RequestState::journaled, domain::Outcome::unknown, domain::RequestState::unknown},

    {domain::RequestState::sent, domain::Outcome::acknowledged, domain::RequestState::acknowledged},
    {domain::RequestState::sent, domain::Outcome::refused, domain::RequestState::refused},
    {domain::RequestState::sent, domain::Outcome::unknown, domain::RequestState::unknown},

    // The answer comes after we had stopped waiting for it.
    {domain::RequestState::unknown, domain::Outcome::not_sent, domain::RequestState::refused},
    {domain::RequestState::unknown, domain::Outcome::acknowledged,
     domain::RequestState::acknowledged},
    {domain::RequestState::unknown, domain::Outcome::refused, domain::RequestState::refused},
};

/// The state after; empty: nothing changes.
std::optional<domain::RequestState> next(domain::RequestState from, domain::Outcome heard);

/// What an order is told: by its requests, by the venue, by its fills, or by our asking.
enum class Report : std::uint8_t {
  sent,           ///< its request was handed to the socket
  unanswered,     ///< nobody knows what became of its request
  refused,        ///< its request was refused, with evidence, or never left
  absent,         ///< the venue has proven that it never had the order
  accepted,       ///< the venue has it
  part_fill,      ///< a fill was booked, more is open
  last_fill,      ///< a fill was booked, nothing is open
  filled,         ///< the venue says so; a fill that is not booked yet will come
  canceled,       ///< the venue says so
  expired,        ///< the venue says so
  rejected,       ///< the venue says so
  cancel_asked,   ///< we ask the venue to cancel it
  cancel_failed,  ///< the cancel did not work, and the order may still be there
  held,           ///< the engine keeps it; the venue is not told yet
  released,       ///< the engine lets it go to the venue
  replace_asked,  ///< we ask the venue to amend it
  replace_ended,  ///< the amend was taken or refused; the order stays
};

struct Step {
  domain::OrderState from;
  Report heard;
  std::optional<domain::OrderState> to;  ///< empty: what the other evidence proves
};
inline constexpr std::optional<domain::OrderState> as_proven{};

inline constexpr Step life[] = {
    {domain::OrderState::pending_submit, Report::held, domain::OrderState::held},
    {domain::OrderState::held, Report::released, domain::OrderState::pending_submit},
    {domain::OrderState::held, Report::canceled, domain::OrderState::canceled},
    {domain::OrderState::held, Report::expired, domain::OrderState::expired},

    {domain::OrderState::accepted, Report::replace_asked, domain::OrderState::pending_replace},
    {domain::OrderState::partially_filled, Report::replace_asked,
     domain::OrderState::pending_replace},
    {domain::OrderState::pending_replace, Report::replace_ended, as_proven},
    {domain::OrderState::pending_replace, Report::last_fill, domain::OrderState::filled},
    {domain::OrderState::pending_replace, Report::filled, domain::OrderState::filled},
    {domain::OrderState::pending_replace, Report::canceled, domain::OrderState::canceled},
    {domain::OrderState::pending_replace, Report::expired, domain::OrderState::expired},
    {domain::OrderState::pending_replace, Report::rejected, domain::OrderState::rejected},
    {domain::OrderState::pending_replace, Report::cancel_asked, domain::OrderState::pending_cancel},

    {domain::OrderState::pending_submit, Report::sent, domain::OrderState::submitted},
    {domain::OrderState::pending_submit, Report::unanswered, domain::OrderState::unknown},
    {domain::OrderState::pending_submit, Report::refused, domain::OrderState::rejected},
    {domain::OrderState::pending_submit, Report::accepted, domain::OrderState::accepted},
    {domain::OrderState::pending_submit, Report::part_fill, domain::OrderState::partially_filled},
    {domain::OrderState::pending_submit, Report::last_fill, domain::OrderState::filled},
    {domain::OrderState::pending_submit, Report::filled, domain::OrderState::filled},
    {domain::OrderState::pending_submit, Report::canceled, domain::OrderState::canceled},
    {domain::OrderState::pending_submit, Report::expired, domain::OrderState::expired},
    {domain::OrderState::pending_submit, Report::rejected, domain::OrderState::rejected},
    {domain::OrderState::pending_submit, Report::cancel_asked, domain::OrderState::pending_cancel},

    {domain::OrderState::submitted, Report::unanswered, domain::OrderState::unknown},
    {domain::OrderState::submitted, Report::refused, domain::OrderState::rejected},
    {domain::OrderState::submitted, Report::accepted, domain::OrderState::accepted},
    {domain::OrderState::submitted, Report::part_fill, domain::OrderState::partially_filled},
    {domain::OrderState::submitted, Report::last_fill, domain::OrderState::filled},
    {domain::OrderState::submitted, Report::filled, domain::OrderState::filled},
    {domain::OrderState::submitted, Report::canceled, domain::OrderState::canceled},
    {domain::OrderState::submitted, Report::expired, domain::OrderState::expired},
    {domain::OrderState::submitted, Report::rejected, domain::OrderState::rejected},
    {domain::OrderState::submitted, Report::cancel_asked, domain::OrderState::pending_cancel},

    {domain::OrderState::accepted, Report::part_fill, domain::OrderState::partially_filled},
    {domain::OrderState::accepted, Report::last_fill, domain::OrderState::filled},
    {domain::OrderState::accepted, Report::filled, domain::OrderState::filled},
    {domain::OrderState::accepted, Report::canceled, domain::OrderState::canceled},
    {domain::OrderState::accepted, Report::expired, domain::OrderState::expired},
    {domain::OrderState::accepted, Report::rejected, domain::OrderState::rejected},
    {domain::OrderState::accepted, Report::cancel_asked, domain::OrderState::pending_cancel},

    {domain::OrderState::partially_filled, Report::last_fill, domain::OrderState::filled},
    {domain::OrderState::partially_filled, Report::filled, domain::OrderState::filled},
    {domain::OrderState::partially_filled, Report::canceled, domain::OrderState::canceled},
    {domain::OrderState::partially_filled, Report::expired, domain::OrderState::expired},
    {domain::OrderState::partially_filled, Report::rejected, domain::OrderState::rejected},
    {domain::OrderState::partially_filled, Report::cancel_asked,
     domain::OrderState::pending_cancel},

    {domain::OrderState::pending_cancel, Report::last_fill,
     domain::OrderState::filled},  // the race
    {domain::OrderState::pending_cancel, Report::filled, domain::OrderState::filled},
    {domain::OrderState::pending_cancel, Report::canceled, domain::OrderState::canceled},
    {domain::OrderState::pending_cancel, Report::expired, domain::OrderState::expired},
    {domain::OrderState::pending_cancel, Report::rejected, domain::OrderState::rejected},
    {domain::OrderState::pending_cancel, Report::refused, domain::OrderState::rejected},
    {domain::OrderState::pending_cancel, Report::absent, domain::OrderState::rejected},
    {domain::OrderState::pending_cancel, Report::cancel_failed, as_proven},

    {domain::OrderState::unknown, Report::accepted, domain::OrderState::accepted},
    {domain::OrderState::unknown, Report::part_fill, domain::OrderState::partially_filled},
    {domain::OrderState::unknown, Report::last_fill, domain::OrderState::filled},
    {domain::OrderState::unknown, Report::filled, domain::OrderState::filled},
    {domain::OrderState::unknown, Report::canceled, domain::OrderState::canceled},
    {domain::OrderState::unknown, Report::expired, domain::OrderState::expired},
    {domain::OrderState::unknown, Report::rejected, domain::OrderState::rejected},
    {domain::OrderState::unknown, Report::refused, domain::OrderState::rejected},
    {domain::OrderState::unknown, Report::absent, domain::OrderState::rejected},
};

/// The row for a state and a report; null: nothing changes.
const Step* find_step(domain::OrderState from, Report heard);

/// Whether a statement is older than what the order's state rests on: then it only adds what it
/// counted, and moves nothing.
bool is_stale(const domain::Evidence& heard, const domain::Evidence& held);

}  // namespace halcyon::engine
