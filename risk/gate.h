#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <variant>

#include "config/limits.h"
#include "domain/decimal.h"
#include "domain/event.h"
#include "domain/instrument.h"
#include "domain/order.h"
#include "domain/reason.h"
#include "domain/time.h"

namespace halcyon::risk {

/// A refusal carries both numbers, so that its reader need not look anything up.
struct Refusal {
  domain::Reason reason = domain::Reason::none;
  /// In whatever the reason counts: money, base units, prices, orders, seconds. Both zero where
  /// there is nothing to count (halted, an input that is missing).
  domain::Money limit, actual;
};

using Verdict = std::variant<domain::Approved<domain::NewOrder>, Refusal>;

/// The levels at which limits are set and exposure is counted.
enum class Level : std::uint8_t { daemon, account, strategy, instrument };
inline constexpr std::size_t level_count = 4;

/// What stands at one level when an order arrives. Working and unknown orders count as alive.
struct Exposure {
  /// |position| + what working orders on the order's side would add; in the reporting currency.
  domain::Money position_notional;
  /// Longs less shorts, as they stand; signed; in the reporting currency.
  domain::Money net_notional;
  /// Owned, in the reporting currency; empty: not known.
  std::optional<domain::Money> equity;
  std::int32_t messages_in_last_minute = 0;  ///< orders and amends
  std::int32_t open_orders = 0;
  std::int32_t orders_in_last_second = 0;
};

/// Everything the gate looks at, gathered by the engine. A missing input is an empty optional and
/// means deny, never "no limit".
struct View {
  domain::Timestamp now;
  domain::TradingState trading = domain::TradingState::halted;  ///< strictest of all levels
  bool kill_switch = false;                                     ///< the latch is set
  bool strategy_paused = false;                                 ///< the order's own strategy
  /// The engine keeps the order for now: whether there is position, money and room for it is asked
  /// when it leaves.
  bool is_plan = false;
  bool instrument_allowed = true;                ///< one of the account's in the configuration
  std::optional<domain::Duration> clock_offset;  ///< the venue's clock; empty: not measured
  /// How long ago the last order of its account, strategy and instrument was made, if it was equal.
  std::optional<domain::Duration> since_equal;
  /// The price at which the order would meet one of our own on the other side; empty: there is
  /// none.
  std::optional<domain::Price> own_opposite;
  /// What an order worth one unit of quote currency is worth in the reporting currency, in 10^-9;
  /// empty: no price.
  std::optional<domain::Price> quote_rate;
  domain::JournalRoom journal = domain::JournalRoom::open;
  bool account_known = false;
  bool account_ready = false;                      ///< reconciled since the last connect
  bool stream_ready = false;                       ///< the private stream is confirmed
  bool outbox_has_room = false;                    ///< slots kept for cancels are not room
  bool is_duplicate = false;                       ///< an order with this id exists
  const domain::InstrumentRules* rules = nullptr;  ///< null: not heard
  std::optional<domain::Price> reference;  ///< mid of a valid book or quote, else the last trade
  domain::Timestamp reference_time;
  std::optional<domain::Price> last_trade;  ///< the last public trade; empty: none heard
  domain::Timestamp last_trade_time;
  domain::Quantity position;        ///< of the order's account, strategy and instrument; signed
  domain::Quantity working_reduce;  ///< what working orders already take from that position
  std::optional<domain::Money> free_base_as_money;  ///< free base asset, in base units; spot sells
  std::optional<domain::Money> free_quote;          ///< free quote asset; spot buys
  std::array<Exposure, level_count> exposure;       ///< by Level
};

/// The limits that apply to one order, by Level; null: none at that level.
using LimitSet = std::array<const config::RiskLimits*, level_count>;

/// The pre-trade gate. Pure: equal order, view and limits give an equal verdict. The checks run in
/// the order of `Reason`, and the first that fails decides. Integers only; no allocation. Any
/// thread; no state. Cancels do not come here: they always pass.
///
/// - What an order is worth: its quantity at its limit price; a market order at the reference; a
///   limit sell below the reference at the reference, where it would be filled.
/// - An order reduces as far as it closes the position of its account, strategy and instrument
///   that no working order closes already; only the rest of it adds to a position. While trading
///   is `reducing`, and for a reduce-only order, there may be no rest: it cannot flip.
/// - A limit on equal terms passes: exactly at it is inside.
/// - The tightest level decides: of several limits on the order the smallest, of margins and
/// windows
///   (`exit_margin_pct`, `fee_reserve_pct`, `duplicate_window`) the greatest, of limits on what
///   stands already the one with the least room. Where no level has a limit, it counts as zero.
/// - The collar holds on both sides of the reference, and of the last trade where that is as fresh
/// as
///   a reference must be; for an order that waits for a price, on both sides of that price. For
///   what only protects (reduce-only, origin `protection`) it holds on the losing side: a
///   take-profit may be far away.
/// - A buy leaves `fee_reserve_pct` of its worth free, for its fee.
/// - An order that waits for a price is worth what it would cost at the worse of that price and the
///   reference.
/// - `halted` lets one kind of order pass: a reduce-only one of origin `protection` (a stop loss
///   that the engine keeps, a flatten), which cannot do more than close.
/// - What is held after must be fit to be sold: at least the venue's minimum in quantity, and in
///   notional with the price `exit_margin_pct` lower.
class Gate {
 public:
  Verdict check(const domain::NewOrder& order, const View& view,
                const LimitSet& limits) const noexcept;
};

}  // namespace halcyon::risk
