#pragma once

#include <string_view>

#include "config/limits.h"
#include "risk/gate.h"

namespace halcyon::risk::testing {

using namespace domain::literals;

/// A whole situation in which the order passes: a test changes one thing of it. Reference 100,
/// tick 0.01, lot 0.001, one limit order for 1 at 100. The view points at the rules beside it, so
/// it does not move.
struct Situation {
  domain::InstrumentRules rules;
  domain::NewOrder order;
  View view;
  std::array<config::RiskLimits, level_count> limits{config::daemon_limits()};

  Situation() {
    rules.tick = "0.01"_px;
    rules.min_price = "1"_px;
    rules.max_price = "1000"_px;
    rules.lot = "0.001"_qty;
    rules.min_quantity = "0.01"_qty;
    rules.max_quantity = "9000"_qty;
    rules.max_market_quantity = "50"_qty;
    rules.min_notional = "5"_usd;
    rules.max_notional = "9000"_usd;
    rules.status = domain::InstrumentStatus::trading;

    order.id = {1, 1};
    order.account = domain::AccountId{0};
    order.strategy = domain::StrategyId{0};
    order.instrument = domain::InstrumentId{0};
    order.type = domain::OrderType::limit;
    order.quantity = "1"_qty;
    order.limit_price = "100"_px;

    view.now = domain::from_unix_ms(1'000'000);
    view.trading = domain::TradingState::active;
    view.account_known = true;
    view.account_ready = true;
    view.stream_ready = true;
    view.outbox_has_room = true;
    view.rules = &rules;
    view.reference = "100"_px;
    view.reference_time = view.now;
    view.free_base_as_money = "1000000000000"_usd;
    view.free_quote = "1000000000000"_usd;
    view.clock_offset = domain::Duration{};
    view.quote_rate = "1"_px;
    limits[0].exit_margin_pct = 0;
    limits[0].fee_reserve_pct = 0;
  }
  Situation(const Situation&) = delete;
  Situation& operator=(const Situation&) = delete;

  config::RiskLimits& at(Level level) { return limits[static_cast<std::size_t>(level)]; }
  Exposure& stands(Level level) { return view.exposure[static_cast<std::size_t>(level)]; }

  void market(std::string_view quantity, domain::Side side = domain::Side::buy) {
    order.type = domain::OrderType::market;
    order.limit_price = {};
    order.side = side;
    order.quantity = domain::parse<domain::Quantity>(quantity).value();
  }
  void sell() { order.side = domain::Side::sell; }

  LimitSet limit_set() const { return {&limits[0], &limits[1], &limits[2], &limits[3]}; }
  /// The refusal; `Reason::none` when the order passed.
  Refusal refusal() const {
    const Verdict verdict = Gate{}.check(order, view, limit_set());
    const auto* refused = std::get_if<Refusal>(&verdict);
    return refused == nullptr ? Refusal{} : *refused;
  }
  domain::Reason reason() const { return refusal().reason; }
};

}  // namespace halcyon::risk::testing
