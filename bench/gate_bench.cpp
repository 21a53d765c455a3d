// What does the pre-trade gate cost an order, with every check on and limits at all four levels?
// First it is shown that the order passes, that each kind of refusal is given when one thing is
// wrong, and that nothing is allocated.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <variant>

#include "config/limits.h"
#include "domain/enum_name.h"
#include "risk/gate.h"

namespace {

std::uint64_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace halcyon;
using namespace halcyon::domain::literals;
using domain::Reason;
using risk::Gate;

constexpr int blocks = 101;
constexpr int checks_per_block = 20'000;

/// A limit order that passes everything, by a position that is not flat.
struct Case {
  domain::InstrumentRules rules;
  domain::NewOrder order;
  risk::View view;
  config::RiskLimits limits = config::daemon_limits();

  Case() {
    rules.tick = "0.01"_px;
    rules.min_price = "0.01"_px;
    rules.max_price = "1000000"_px;
    rules.lot = "0.00001"_qty;
    rules.min_quantity = "0.00001"_qty;
    rules.max_quantity = "9000"_qty;
    rules.max_market_quantity = "100"_qty;
    rules.min_notional = "5"_usd;
    rules.max_notional = "9000000"_usd;
    rules.status = domain::InstrumentStatus::trading;
    order.id = {1, 1};
    order.account = domain::AccountId{0};
    order.strategy = domain::StrategyId{0};
    order.instrument = domain::InstrumentId{0};
    order.type = domain::OrderType::limit;
    order.quantity = "0.08213"_qty;
    order.limit_price = "61234.12"_px;
    view.now = domain::from_unix_ms(1'723'100'000'000);
    view.trading = domain::TradingState::active;
    view.account_known = view.account_ready = view.stream_ready = view.outbox_has_room = true;
    view.rules = &rules;
    view.reference = "61230.55"_px;
    view.clock_offset = std::chrono::milliseconds{2};
    view.quote_rate = "1"_px;
    view.own_opposite = "70000"_px;  // rests far away
    view.since_equal = std::chrono::minutes{1};
    limits.max_leverage = 1;
    limits.max_order_quantity = "10"_usd;
    limits.max_daily_loss = "1000"_usd;
    view.reference_time = view.now - std::chrono::milliseconds{3};
    view.position = "0.1"_qty;
    view.free_quote = "100000"_usd;
    view.free_base_as_money = "2"_usd;
    for (risk::Exposure& exposure : view.exposure) {
      exposure.position_notional = exposure.net_notional = "12000"_usd;
      exposure.equity = "100000"_usd;
      exposure.messages_in_last_minute = 20;
      exposure.open_orders = 3;
      exposure.orders_in_last_second = 2;
    }
  }
  Case(const Case&) = delete;
  Case& operator=(const Case&) = delete;

  risk::LimitSet limit_set() const { return {&limits, &limits, &limits, &limits}; }
  Reason reason() const {
    const risk::Verdict verdict = Gate{}.check(order, view, limit_set());
    const auto* refusal = std::get_if<risk::Refusal>(&verdict);
    return refusal == nullptr ? Reason::none : refusal->reason;
  }
};

bool is(const char* what, Reason actual, Reason expected) {
  if (actual == expected) return true;
  const auto name = domain::enum_name(actual);
  std::fprintf(stderr, "gate_bench: %s: %.*s\n", what, static_cast<int>(name.size()), name.data());
  return false;
}

/// One thing wrong at a time: each check is really on.
bool every_check_is_on() {
  bool right = true;
  const auto refused = [&right](const char* what, Reason expected, auto change) {
    Case one;
    change(one);
    right = is(what, one.reason(), expected) && right;
  };
  refused("nothing wrong", Reason::none, [](Case&) {});
  refused("halted", Reason::trading_halted,
          [](Case& c) { c.view.trading = domain::TradingState::halted; });
  refused("off tick", Reason::price_off_tick,
          [](Case& c) { c.order.limit_price = "61234.125"_px; });
  refused("off lot", Reason::quantity_off_lot, [](Case& c) { c.order.quantity = "0.082135"_qty; });
  refused("stale", Reason::stale_reference_price,
          [](Case& c) { c.view.now += std::chrono::minutes{1}; });
  refused("collar", Reason::price_outside_collar,
          [](Case& c) { c.limits.price_collar_pct = 0.001; });
  refused("order notional", Reason::order_notional_above_limit,
          [](Case& c) { c.limits.max_order_notional = "5000"_usd; });
  refused("position notional", Reason::position_notional_above_limit,
          [](Case& c) { c.limits.max_position_notional = "17000"_usd; });
  refused("funds", Reason::insufficient_funds, [](Case& c) { c.view.free_quote = "5000"_usd; });
  refused("open orders", Reason::too_many_open_orders,
          [](Case& c) { c.limits.max_open_orders = 3; });
  refused("orders per second", Reason::too_many_orders_per_second,
          [](Case& c) { c.limits.max_orders_per_second = 2; });
  refused("clock", Reason::missing_clock_offset, [](Case& c) { c.view.clock_offset.reset(); });
  refused("order quantity", Reason::order_quantity_above_limit,
          [](Case& c) { c.limits.max_order_quantity = "0.05"_usd; });
  refused("way back", Reason::remainder_not_exitable, [](Case& c) {
    c.view.position = {};
    c.rules.min_notional = "5029"_usd;
  });
  refused("gross", Reason::gross_notional_above_limit,
          [](Case& c) { c.limits.max_gross_notional = "17000"_usd; });
  refused("net", Reason::net_notional_above_limit,
          [](Case& c) { c.limits.max_net_notional = "17000"_usd; });
  refused("leverage", Reason::leverage_above_limit, [](Case& c) {
    for (risk::Exposure& exposure : c.view.exposure) exposure.equity = "17000"_usd;
  });
  refused("self-trade", Reason::would_trade_with_itself,
          [](Case& c) { c.view.own_opposite = "61234.12"_px; });
  refused("duplicate", Reason::duplicate_within_window,
          [](Case& c) { c.view.since_equal = std::chrono::milliseconds{1}; });
  refused("messages", Reason::too_many_messages,
          [](Case& c) { c.limits.max_messages_per_minute = 20; });
  return right;
}

}  // namespace

int main() {
  if (!every_check_is_on()) return 1;
  Case one;
  const risk::LimitSet limits = one.limit_set();
  std::array<double, blocks> nanoseconds{};
  std::uint64_t passed = 0;
  const std::uint64_t allocated_before = allocations;
  for (double& block : nanoseconds) {
    const auto begin = std::chrono::steady_clock::now();
    for (int check = 0; check < checks_per_block; ++check) {
      // Another order each time, so that nothing is known before it comes.
      one.order.id.counter = static_cast<std::uint32_t>(check + 1);
      const bool is_sell = (check & 1) != 0;
      one.order.side = is_sell ? domain::Side::sell : domain::Side::buy;
      one.view.own_opposite = is_sell ? "50000"_px : "70000"_px;
      one.order.limit_price =
          domain::Price::from_raw(61'234'120'000'000 + (check % 100) * 10'000'000);
      const risk::Verdict verdict = Gate{}.check(one.order, one.view, limits);
      passed += std::holds_alternative<domain::Approved<domain::NewOrder>>(verdict) ? 1U : 0U;
    }
    const std::chrono::duration<double, std::nano> elapsed =
        std::chrono::steady_clock::now() - begin;
    block = elapsed.count() / checks_per_block;
  }
  const std::uint64_t allocated = allocations - allocated_before;
  std::sort(nanoseconds.begin(), nanoseconds.end());
  const bool all_passed = passed == std::uint64_t{blocks} * checks_per_block;
  std::printf(
      "gate: %.1f ns per order with all checks on and limits at four levels (median; least %.1f), "
      "%llu allocations in %llu orders\n",
      nanoseconds[blocks / 2], nanoseconds[0], static_cast<unsigned long long>(allocated),
      static_cast<unsigned long long>(passed));
  return all_passed && allocated == 0 ? 0 : 1;
}
