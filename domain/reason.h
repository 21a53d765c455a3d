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
};

}  // namespace halcyon::domain
