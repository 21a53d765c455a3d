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
  domain::Money limit,
      actual;  ///< in whatever the reason counts: money, base units, prices, orders
};

using Verdict = std::variant<domain::Approved<domain::NewOrder>, Refusal>;

/// The levels at which limits are set and exposure is counted.
enum class Level : std::uint8_t { daemon, account, strategy, instrument };
inline constexpr std::size_t level_count = 4;

/// What stands at one level when an order arrives. Working and unknown orders count as alive.
struct Exposure {
  domain::Money
      position_notional;  ///< |position| + what working orders on the order's side would add
  std::int32_t open_orders = 0;
  std::int32_t orders_in_last_second = 0;
};

/// Everything the gate looks at, gathered by the engine. A missing input is an empty optional and
/// means deny, never "no limit".
struct View {
  domain::Timestamp now;
  domain::TradingState trading = domain::TradingState::halted;  ///< strictest of all levels
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
/// the order of `Reason`, and the first that fails decides. Any thread; no state.
class Gate {
 public:
  Verdict check(const domain::NewOrder& order, const View& view,
                const LimitSet& limits) const noexcept;
};

}  // namespace halcyon::risk
