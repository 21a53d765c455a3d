#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
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

enum class ReplaceMode : std::uint8_t {
  /// The order keeps its id at the venue, and its place in the book where the venue says so.
  /// `next.id` is `order`. One RequestOutcome of kind `replace` for `request`.
  amend,
  /// One message cancels the old order, of which nothing may be filled, and places the new one,
  /// which bears its own id (`next.id`; `next.replaces` is `order`). The venue must not cancel what
  /// has been filled meanwhile (Binance "cancelRestrictions": ONLY_NEW), or both together would be
  /// more than was asked for; and not place when it could not cancel. Two
  /// RequestOutcomes: kind `cancel` for `request` and `order`, and kind `place` for `next.id`; each
  /// leg's own fate, so that a half-success is said as what it is.
  cancel_replace,
};

struct ReplaceRequest {
  RequestId request;  ///< its own id
  OrderId order;
  ForeignId venue_order;  ///< none until the venue has told it
  InstrumentId instrument = no<InstrumentId>;
  ReplaceMode mode = ReplaceMode::amend;
  std::uint32_t version = 1;  ///< counts the amends of this order
  Approved<NewOrder> next;    ///< as it shall stand
};

/// Orders that the venue is told in one message and ties together itself. `orders` as the engine
/// would tie them: by `parent` (OTO) and `group` (OCO), the parent first. One RequestOutcome of
/// kind `place` for each order's own id.
struct OrderList {
  static constexpr std::size_t capacity = 3;
  RequestId request;  ///< the list's own id; Binance "listClientOrderId"
  std::uint8_t count = 0;
  std::array<std::optional<Approved<NewOrder>>, capacity> orders;
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
  std::variant<std::monostate, Approved<NewOrder>, CancelRequest, ReplaceRequest, OrderList> what;
};
static_assert(std::is_trivially_copyable_v<OrderCommand>);

/// A question to the venue. Answers come as framed events.
struct VenueRequest {
  RequestId request;
  QueryKind kind = QueryKind::order_status;
  AccountId account = no<AccountId>;
  VenueId venue = no<VenueId>;
  /// order_status, fills_since, and whatever is about the market.
  InstrumentId instrument = no<InstrumentId>;
  OrderId order;          ///< order_status
  ForeignId venue_order;  ///< order_status, when known
  ForeignId after;        ///< fills_since: the last trade that is booked; none: from `since`
  Timestamp since;        ///< fills_since: not before this time
};
static_assert(std::is_trivially_copyable_v<VenueRequest>);

/// What a venue can do by itself, stated in its gateway. What it cannot, the engine does.
struct OrderAbilities {
  /// By OrderType: the venue takes it.
  std::array<bool, 7> types{true, true, false, false, false, false, false};
  /// By TimeInForce; `gtd` and `day` are ended by the engine where the venue does not know them.
  std::array<bool, 5> times_in_force{true, true, true, false, false};
  bool amends_quantity_down = false;  ///< ReplaceMode::amend, when only the quantity shrinks
  bool amends_all = false;            ///< ReplaceMode::amend, for quantity and prices
  bool cancel_replaces = false;       ///< ReplaceMode::cancel_replace
  bool lists = false;                 ///< OrderList
  bool trails_by_offset = false;      ///< trailing_offset
  bool trails_by_bps = false;         ///< trailing_bps
  bool prevents_self_trades = false;  ///< NewOrder::self_trade
};

/// What a venue's market session tells beside trades, quotes and books.
struct MarketAbilities {
  /// Of every series that a strategy wants: Bars of the past, and HistoryEnd behind them.
  bool tells_history = false;
  /// Bars as they close: candles are made of these, and not of trades.
  bool tells_bars = false;
};

/// When a venue's "no such order" may be believed (the venue's rule, stated in its gateway).
struct VisibilityRule {
  Duration after_valid_until{};  ///< after a request's `valid_until`, before an answer counts
  std::uint32_t answers_in_a_row = 2;
  Duration answer_time_out{};   ///< a request without an answer for so long is unknown
  Duration request_validity{};  ///< `valid_until` of a new order: decided + this
};

}  // namespace halcyon::domain
