#pragma once

#include <cstdint>

namespace halcyon::domain {

/// Why something was refused or ended. The same word is the code in SQL, metrics, alerts and tests.
/// Journals hold the number: append at the end, never reorder.
enum class Reason : std::uint8_t {
  none,
  // The gate's checks, in their order: the first that fails decides.
  trading_halted,
  trading_reducing,
  strategy_paused,
  account_not_reconciled,
  stream_not_ready,
  unknown_account,
  unknown_instrument,
  missing_instrument_rules,
  instrument_not_trading,
  order_type_not_supported,
  duplicate_order,
  quantity_not_positive,
  quantity_off_lot,
  quantity_below_minimum,
  quantity_above_maximum,
  price_not_positive,
  price_off_tick,
  price_below_minimum,
  price_above_maximum,
  missing_reference_price,
  stale_reference_price,
  price_outside_collar,
  notional_overflow,
  notional_below_minimum,
  notional_above_maximum,
  order_notional_above_limit,
  position_notional_above_limit,
  insufficient_funds,
  too_many_open_orders,
  too_many_orders_per_second,
  journal_unavailable,
  outbox_full,
  // What a gateway or a venue said.
  not_sent_too_late,
  not_sent_not_ready,
  not_sent_not_encodable,
  venue_refused,
  venue_refused_filter,
  venue_refused_funds,
  venue_refused_rate_limit,
  venue_refused_duplicate,
  venue_refused_unknown_order,
  venue_outcome_unknown,
  connection_lost,
  no_answer_in_time,
  proven_absent,
  // Why an order ended otherwise.
  canceled_by_operator,
  canceled_by_strategy,
  canceled_by_venue,
  self_trade_prevented,
  no_liquidity,
  // Commands.
  unknown_order,
  order_already_ended,
  unknown_strategy,
  not_permitted,
  // The gate again; checked beside trading_reducing.
  reduce_only_would_increase,
  // The venue's numbering shows that something was missed.
  sequence_gap,
  // Another daemon bears our name: its epoch is not ours.
  second_owner,
  // Why the daemon halted something by itself.
  daily_loss_above_limit,
  drawdown_above_limit,
  // The gate, all that came later; its own order of checks is stated in risk/gate.h.
  kill_switch,
  symbol_not_allowed,
  missing_clock_offset,
  clock_offset_above_limit,
  missing_balance,
  missing_conversion_price,
  missing_limit,
  trigger_price_on_wrong_side,
  trailing_offset_incomplete,
  expiry_in_the_past,
  expiry_missing,
  remainder_not_exitable,
  order_quantity_above_limit,
  gross_notional_above_limit,
  net_notional_above_limit,
  leverage_above_limit,
  too_many_messages,
  duplicate_within_window,
  would_trade_with_itself,
  loss_per_trade_above_limit,
  too_many_consecutive_losses,
  parent_unknown,
  group_incomplete,
  // Amends.
  amend_under_way,
  quantity_not_above_filled,
  nothing_to_amend,
  // Why an order ended, again.
  expired_by_its_time,
  parent_ended,
  group_filled,
  replaced_by_new_order,
  resolved_by_operator,
  flattened,
  // Bookings.
  trade_busted,
  trade_corrected,
  provisional_replaced,
  unknown_adjustment,
  unknown_limit,
  safe_mode,
  // An account without keys.
  credential_missing,
};

}  // namespace halcyon::domain
