// Nothing on the hot path allocates once the engine is warm: market data, a candle, an order's
// decision, its answers and its fill.

#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "harness.h"

namespace {
std::atomic<std::size_t> allocations{0};

void* counted(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc{};
}
}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace halcyon::engine::testing {
namespace {

/// The harness keeps what it sees, so here the engine is spoken to directly.
struct Warm : ::testing::Test {
  Harness h{[](config::Config& config, engine::Setup& setup) {
    config.strategies[0].fast_period = 1;
    config.strategies[0].slow_period = 2;
    config.risk.daemon.max_orders_per_second = 1000;
    setup.make_strategy = strategy::make;
    setup.ended_orders_kept = 64;  // tombstones are forgotten while we count
    setup.fills_kept = 64;
  }};
  Outputs outputs;
  Event event;
  std::uint64_t trades = 0;
  NewOrder order;  ///< the last one that was sent

  void SetUp() override {
    h.begin();
    outputs.records.reserve(256);
    outputs.commands.reserve(16);
    outputs.requests.reserve(16);
    event.instrument = h.btc;
    event.account = h.account;
    event.venue = h.venue;
  }

  void say(Event::What what) {
    event.sequence = ++h.sequence;
    event.received = event.venue_time = h.now;
    event.what = what;
    outputs.clear();
    h.engine->on_event(event, {}, h.sequence, outputs);
    for (const OrderCommand& command : outputs.commands) {
      if (const auto* approved = std::get_if<Approved<NewOrder>>(&command.what)) {
        order = approved->value();
      }
    }
  }

  /// A second of market data that makes the strategy trade: up, then down.
  std::size_t live_a_second(std::uint64_t number) {
    order = {};
    h.now += 1s;
    const Price price = number % 4 < 2 ? "100"_px : "105"_px;
    Quote quote;
    quote.bid = price - "0.01"_px;
    quote.ask = price + "0.01"_px;
    say(quote);
    BookLevels levels;
    levels.count = 4;
    levels.bids = 2;
    for (std::uint64_t at = 0; at < 50; ++at) {
      // Levels come and go on both sides.
      const Price away = Price::from_units(static_cast<std::int64_t>((number * 7 + at) % 40) + 1);
      const Quantity size = at % 3 == 0 ? Quantity{} : "1"_qty;
      levels.levels[0] = {"99"_px - away, size};
      levels.levels[1] = {"99"_px, "2"_qty};
      levels.levels[2] = {"106"_px, "2"_qty};
      levels.levels[3] = {"106"_px + away, size};
      say(levels);
    }
    Trade trade;
    trade.price = price;
    trade.quantity = "0.1"_qty;
    say(trade);
    if (order.id.is_none()) return 0;
    const NewOrder sent = order;
    RequestOutcome outcome;
    outcome.request = outcome.order = sent.id;
    outcome.outcome = Outcome::sent;
    say(outcome);
    outcome.outcome = Outcome::acknowledged;
    outcome.venue_order = ForeignId::number(1000 + number);
    say(outcome);
    Execution fill;
    fill.order = sent.id;
    fill.venue_order = outcome.venue_order;
    fill.trade = ForeignId::number(++trades);
    fill.price = price;
    fill.quantity = fill.cumulative = sent.quantity;
    fill.quote_amount = *notional(price, sent.quantity);
    fill.side = sent.side;
    fill.fee = *scaled(fill.quote_amount, 1, 1000);
    fill.fee_asset = h.usdt;
    say(fill);
    OrderReport report;
    report.order = sent.id;
    report.venue_order = outcome.venue_order;
    report.quantity = report.filled = sent.quantity;
    report.status = VenueOrderStatus::filled;
    say(report);
    Balance balance;
    balance.asset = h.usdt;
    balance.free = Money::from_units(900'000 + static_cast<std::int64_t>(number));
    say(balance);
    balance.asset = h.btc_asset;
    balance.free = Money::from_units(1'000 + static_cast<std::int64_t>(number));
    say(balance);
    return 1;
  }
};

TEST_F(Warm, TheEngineDoesNotAllocate) {
  say(BookReset{});
  for (std::uint64_t number = 0; number < 400; ++number) live_a_second(number);
  const std::size_t before = allocations.load();
  std::size_t orders = 0;
  for (std::uint64_t number = 400; number < 800; ++number) orders += live_a_second(number);
  EXPECT_EQ(allocations.load() - before, 0U);
  EXPECT_GT(orders, 100U) << "and it has really traded meanwhile";
}

}  // namespace
}  // namespace halcyon::engine::testing
