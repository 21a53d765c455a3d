#pragma once

#include <cstdint>
#include <type_traits>
#include <variant>

#include "domain/event.h"
#include "domain/ids.h"
#include "domain/order.h"
#include "domain/time.h"

namespace halcyon::domain {

struct CancelRequest {
  RequestId request;  ///< its own id; the venue sees it as the cancel's client id
  OrderId order;
  ForeignId venue_order;  ///< none until the venue has told it
  InstrumentId instrument = no<InstrumentId>;
};

/// What the engine wants a gateway to send. A gateway sends only if the journal is durable up to
/// `journal_sequence`, the session is ready and `valid_until` has not passed; else it answers
/// `not_sent`, which is certain. Never retried, never flushed after a reconnect.
struct OrderCommand {
  std::uint64_t journal_sequence = 0;
  Timestamp valid_until = never;  ///< cancels do not expire
  Timestamp decided;              ///< `received` of the event that decided it; for latency only
  AccountId account = no<AccountId>;
  VenueId venue = no<VenueId>;
  std::variant<std::monostate, Approved<NewOrder>, CancelRequest> what;
};
static_assert(std::is_trivially_copyable_v<OrderCommand>);

/// A question to the venue. Answers come as framed events.
struct VenueRequest {
  RequestId request;
  QueryKind kind = QueryKind::order_status;
  AccountId account = no<AccountId>;
  VenueId venue = no<VenueId>;
  InstrumentId instrument = no<InstrumentId>;  ///< order_status, fills_since, resync_book
  OrderId order;                               ///< order_status
  ForeignId venue_order;                       ///< order_status, when known
  ForeignId after;  ///< fills_since: the last trade that is booked; none: from `since`
  Timestamp since;  ///< fills_since: not before this time
};
static_assert(std::is_trivially_copyable_v<VenueRequest>);

/// When a venue's "no such order" may be believed (the venue's rule, stated in its gateway).
struct VisibilityRule {
  Duration after_valid_until{};  ///< after a request's `valid_until`, before an answer counts
  std::uint32_t answers_in_a_row = 2;
  Duration answer_time_out{};   ///< a request without an answer for so long is unknown
  Duration request_validity{};  ///< `valid_until` of a new order: decided + this
};

}  // namespace halcyon::domain
