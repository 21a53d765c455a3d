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
  std::int32_t open_orders = 0;
  std::int32_t orders_in_last_second = 0;
};

/// Everything the gate looks at, gathered by the engine. A missing input is an empty optional and
/// means deny, never "no limit".
struct View {
  domain::Timestamp now;
  domain::TradingState trading = domain::TradingState::halted;  ///< strictest of all levels
  bool strategy_paused = false;                                 ///< the order's own strategy
  domain::JournalRoom journal = domain::JournalRoom::open;
  bool account_known = false;
  bool account_ready = false;                      ///< reconciled since the last connect
  bool stream_ready = false;                       ///< the private stream is confirmed
  bool outbox_has_room = false;                    ///< slots kept for cancels are not room
  bool is_duplicate = false;                       ///< an order with this id exists
  const domain::InstrumentRules* rules = nullptr;  ///< null: not heard
  std::optional<domain::Price> reference;  ///< mid of a valid book or quote, else the last trade
  domain::Timestamp reference_time;
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
/// - The tightest level decides: of several limits on the order the smallest, of limits on what
///   stands already the one with the least room. Where no level has a limit, it counts as zero.
/// - The collar holds on both sides of the reference.
class Gate {
 public:
  Verdict check(const domain::NewOrder& order, const View& view,
                const LimitSet& limits) const noexcept;
};

}  // namespace halcyon::risk
