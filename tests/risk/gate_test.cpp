#include "risk/gate.h"

#include <functional>
#include <ostream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "domain/enum_name.h"
#include "tests/risk/situation.h"

namespace halcyon::domain {
void PrintTo(Reason reason, std::ostream* stream) { *stream << enum_name(reason); }
void PrintTo(Money money, std::ostream* stream) { *stream << to_string(money); }
}  // namespace halcyon::domain

namespace halcyon::risk {
namespace {

using domain::Money;
using domain::OrderType;
using domain::Price;
using domain::Quantity;
using domain::Reason;
using domain::Side;
using domain::TimeInForce;
using domain::TradingState;
using testing::Situation;
using namespace domain::literals;

static_assert(noexcept(std::declval<const Gate&>().check(std::declval<const domain::NewOrder&>(),
                                                         std::declval<const View&>(),
                                                         std::declval<const LimitSet&>())));

TEST(RiskGate, ApprovesAnOrderThatBreaksNoRuleAndHandsItBackUnchanged) {
  const Situation situation;
  const Verdict verdict = Gate{}.check(situation.order, situation.view, situation.limit_set());
  const auto* approved = std::get_if<domain::Approved<domain::NewOrder>>(&verdict);
  ASSERT_NE(approved, nullptr);
  EXPECT_EQ(approved->value().quantity, "1"_qty);
  EXPECT_EQ(approved->value().limit_price, "100"_px);
}

TEST(RiskGate, RefusesAnOrderAboveTheNotionalLimitAndNamesBothNumbers) {
  // Given a limit of 100
  Situation situation;
  situation.at(Level::daemon).max_order_notional = "100"_usd;
  // When an order for 100.01 arrives
  situation.order.limit_price = "100.01"_px;
  // Then it is refused, with the limit and the amount
  const Refusal refusal = situation.refusal();
  EXPECT_EQ(refusal.reason, Reason::order_notional_above_limit);
  EXPECT_EQ(refusal.limit, "100"_usd);
  EXPECT_EQ(refusal.actual, "100.01"_usd);
}

/// One change to a situation that passes, and what becomes of it.
struct Row {
  const char* name;
  std::function<void(Situation&)> change;
  Reason reason;
  Money limit, actual;
};

class RiskGateTable : public ::testing::TestWithParam<Row> {};

TEST_P(RiskGateTable, GivesTheReasonAndBothNumbers) {
  Situation situation;
  GetParam().change(situation);
  const Refusal refusal = situation.refusal();
  EXPECT_EQ(refusal.reason, GetParam().reason);
  EXPECT_EQ(refusal.limit, GetParam().limit);
  EXPECT_EQ(refusal.actual, GetParam().actual);
}

std::string name_of(const ::testing::TestParamInfo<Row>& row) { return row.param.name; }

/// A sell that closes the position of one.
void protect(Situation& s) {
  s.sell();
  s.view.position = "1"_qty;
  s.order.reduce_only = true;
  s.order.origin = domain::Origin::protection;
}

const Row missing_inputs[] = {
    {"nothing_at_all", [](Situation& s) { s.view = View{}; }, Reason::trading_halted, {}, {}},
    {"account",
     [](Situation& s) {
       s.view.account_known = s.view.account_ready = s.view.stream_ready = false;
     },
     Reason::unknown_account,
     {},
     {}},
    {"reconciliation",
     [](Situation& s) { s.view.account_ready = false; },
     Reason::account_not_reconciled,
     {},
     {}},
    {"private_stream",
     [](Situation& s) { s.view.stream_ready = false; },
     Reason::stream_not_ready,
     {},
     {}},
    {"instrument",
     [](Situation& s) { s.order.instrument = domain::no<domain::InstrumentId>; },
     Reason::unknown_instrument,
     {},
     {}},
    {"rules",
     [](Situation& s) { s.view.rules = nullptr; },
     Reason::missing_instrument_rules,
     {},
     {}},
    {"status_not_heard",
     [](Situation& s) { s.rules.status = domain::InstrumentStatus::unknown; },
     Reason::missing_instrument_rules,
     {},
     {}},
    {"order_id", [](Situation& s) { s.order.id = {}; }, Reason::duplicate_order, {}, {}},
    {"reference_price",
     [](Situation& s) { s.view.reference.reset(); },
     Reason::missing_reference_price,
     {},
     {}},
    {"reference_price_that_is_none",
     [](Situation& s) { s.view.reference = Price{}; },
     Reason::missing_reference_price,
     {},
     {}},
    {"free_quote",
     [](Situation& s) { s.view.free_quote.reset(); },
     Reason::missing_balance,
     {},
     "100"_usd},
    {"free_base",
     [](Situation& s) {
       s.sell();
       s.view.free_base_as_money.reset();
     },
     Reason::missing_balance,
     {},
     "1"_usd},
    {"every_limit",
     [](Situation& s) { s.limits = {}; },
     Reason::order_notional_above_limit,
     {},
     "100"_usd},
    {"limit_of_age",
     [](Situation& s) {
       s.at(Level::daemon).max_reference_age.reset();
       s.view.reference_time -= domain::Duration{1};
     },
     Reason::stale_reference_price,
     {},
     "0.000000001"_usd},
    {"limit_of_collar",
     [](Situation& s) {
       s.at(Level::daemon).price_collar_pct.reset();
       s.order.limit_price = "100.01"_px;
     },
     Reason::price_outside_collar, "100"_usd, "100.01"_usd},
    {"limit_of_order_notional",
     [](Situation& s) { s.at(Level::daemon).max_order_notional.reset(); },
     Reason::order_notional_above_limit,
     {},
     "100"_usd},
    {"limit_of_position_notional",
     [](Situation& s) { s.at(Level::daemon).max_position_notional.reset(); },
     Reason::position_notional_above_limit,
     {},
     "100"_usd},
    {"limit_of_open_orders",
     [](Situation& s) { s.at(Level::daemon).max_open_orders.reset(); },
     Reason::too_many_open_orders,
     {},
     "1"_usd},
    {"limit_of_orders_per_second",
     [](Situation& s) { s.at(Level::daemon).max_orders_per_second.reset(); },
     Reason::too_many_orders_per_second,
     {},
     "1"_usd},
    {"journal",
     [](Situation& s) { s.view.journal = domain::JournalRoom::reserve; },
     Reason::journal_unavailable,
     {},
     {}},
    {"outbox", [](Situation& s) { s.view.outbox_has_room = false; }, Reason::outbox_full, {}, {}},
};
INSTANTIATE_TEST_SUITE_P(MissingInputDenies, RiskGateTable, ::testing::ValuesIn(missing_inputs),
                         name_of);

TEST(RiskGate, DeniesWhenNoLevelHasLimits) {
  Situation situation;
  const Verdict verdict = Gate{}.check(situation.order, situation.view, LimitSet{});
  ASSERT_TRUE(std::holds_alternative<Refusal>(verdict));
}

const Row states[] = {
    {"halted",
     [](Situation& s) { s.view.trading = TradingState::halted; },
     Reason::trading_halted,
     {},
     {}},
    {"no_state_at_all",
     [](Situation& s) { s.view.trading = static_cast<TradingState>(77); },
     Reason::trading_halted,
     {},
     {}},
    {"strategy_paused",
     [](Situation& s) { s.view.strategy_paused = true; },
     Reason::strategy_paused,
     {},
     {}},
    {"duplicate",
     [](Situation& s) { s.view.is_duplicate = true; },
     Reason::duplicate_order,
     {},
     {}},
    {"instrument_halted",
     [](Situation& s) { s.rules.status = domain::InstrumentStatus::halted; },
     Reason::instrument_not_trading,
     {},
     {}},
    {"instrument_cancel_only",
     [](Situation& s) { s.rules.status = domain::InstrumentStatus::cancel_only; },
     Reason::instrument_not_trading,
     {},
     {}},
    {"reducing_and_flat",
     [](Situation& s) { s.view.trading = TradingState::reducing; },
     Reason::trading_reducing,
     {},
     "1"_usd},
    {"reducing_on_the_side_of_the_position",
     [](Situation& s) {
       s.view.trading = TradingState::reducing;
       s.view.position = "5"_qty;
     },
     Reason::trading_reducing,
     {},
     "1"_usd},
    {"reducing_just_below",
     [](Situation& s) {
       s.view.trading = TradingState::reducing;
       s.view.position = "1.001"_qty;
       s.sell();
     },
     Reason::none,
     {},
     {}},
    {"reducing_exactly_at",
     [](Situation& s) {
       s.view.trading = TradingState::reducing;
       s.view.position = "1"_qty;
       s.sell();
     },
     Reason::none,
     {},
     {}},
    {"reducing_just_above_would_flip",
     [](Situation& s) {
       s.view.trading = TradingState::reducing;
       s.view.position = "0.999"_qty;
       s.sell();
     },
     Reason::trading_reducing, "0.999"_usd, "1"_usd},
    {"reducing_what_a_working_order_reduces_already",
     [](Situation& s) {
       s.view.trading = TradingState::reducing;
       s.view.position = "1.5"_qty;
       s.view.working_reduce = "0.6"_qty;
       s.sell();
     },
     Reason::trading_reducing, "0.9"_usd, "1"_usd},
    {"reducing_a_short",
     [](Situation& s) {
       s.view.trading = TradingState::reducing;
       s.view.position = -"1"_qty;
     },
     Reason::none,
     {},
     {}},
    {"reducing_a_short_by_selling",
     [](Situation& s) {
       s.view.trading = TradingState::reducing;
       s.view.position = -"1"_qty;
       s.sell();
     },
     Reason::trading_reducing,
     {},
     "1"_usd},
    {"reduce_only_exactly_at",
     [](Situation& s) {
       s.order.reduce_only = true;
       s.view.position = "1"_qty;
       s.sell();
     },
     Reason::none,
     {},
     {}},
    {"reduce_only_would_flip",
     [](Situation& s) {
       s.order.reduce_only = true;
       s.view.position = "0.9"_qty;
       s.sell();
     },
     Reason::reduce_only_would_increase, "0.9"_usd, "1"_usd},
};
INSTANTIATE_TEST_SUITE_P(States, RiskGateTable, ::testing::ValuesIn(states), name_of);

const Row order_types[] = {
    {"limit_ioc",
     [](Situation& s) { s.order.time_in_force = TimeInForce::ioc; },
     Reason::none,
     {},
     {}},
    {"limit_fok",
     [](Situation& s) { s.order.time_in_force = TimeInForce::fok; },
     Reason::none,
     {},
     {}},
    {"limit_day",
     [](Situation& s) { s.order.time_in_force = TimeInForce::day; },
     Reason::none,
     {},
     {}},
    {"post_only", [](Situation& s) { s.order.post_only = true; }, Reason::none, {}, {}},
    {"post_only_that_cannot_rest",
     [](Situation& s) {
       s.order.post_only = true;
       s.order.time_in_force = TimeInForce::ioc;
     },
     Reason::order_type_not_supported,
     {},
     {}},
    {"market", [](Situation& s) { s.market("1"); }, Reason::none, {}, {}},
    {"market_with_a_price",
     [](Situation& s) { s.order.type = OrderType::market; },
     Reason::order_type_not_supported,
     {},
     {}},
    {"limit_with_a_stop",
     [](Situation& s) { s.order.stop_price = "90"_px; },
     Reason::order_type_not_supported,
     {},
     {}},
    {"stop",
     [](Situation& s) { s.order.type = OrderType::stop; },
     Reason::order_type_not_supported,
     {},
     {}},
    {"trailing_stop",
     [](Situation& s) { s.order.type = OrderType::trailing_stop; },
     Reason::order_type_not_supported,
     {},
     {}},
};
INSTANTIATE_TEST_SUITE_P(OrderTypes, RiskGateTable, ::testing::ValuesIn(order_types), name_of);

const Row venue_rules[] = {
    {"quantity_zero",
     [](Situation& s) { s.order.quantity = {}; },
     Reason::quantity_not_positive,
     {},
     {}},
    {"quantity_negative",
     [](Situation& s) { s.order.quantity = -"1"_qty; },
     Reason::quantity_not_positive,
     {},
     "-1"_usd},
    {"quantity_off_lot", [](Situation& s) { s.order.quantity = "1.0005"_qty; },
     Reason::quantity_off_lot, "0.001"_usd, "1.0005"_usd},
    {"quantity_just_below_minimum", [](Situation& s) { s.order.quantity = "0.009"_qty; },
     Reason::quantity_below_minimum, "0.01"_usd, "0.009"_usd},
    {"quantity_exactly_at_minimum",
     [](Situation& s) {
       s.order.quantity = "0.01"_qty;
       s.rules.min_notional = {};
     },
     Reason::none,
     {},
     {}},
    {"quantity_exactly_at_maximum",
     [](Situation& s) { s.rules.max_quantity = "1"_qty; },
     Reason::none,
     {},
     {}},
    {"quantity_just_above_maximum", [](Situation& s) { s.rules.max_quantity = "0.999"_qty; },
     Reason::quantity_above_maximum, "0.999"_usd, "1"_usd},
    {"market_exactly_at_its_maximum", [](Situation& s) { s.market("50"); }, Reason::none, {}, {}},
    {"market_just_above_its_maximum", [](Situation& s) { s.market("50.001"); },
     Reason::quantity_above_maximum, "50"_usd, "50.001"_usd},
    {"limit_above_the_maximum_of_market_orders",
     [](Situation& s) { s.order.quantity = "50.001"_qty; },
     Reason::none,
     {},
     {}},
    {"price_zero",
     [](Situation& s) { s.order.limit_price = {}; },
     Reason::price_not_positive,
     {},
     {}},
    {"price_negative",
     [](Situation& s) { s.order.limit_price = "-100"_px; },
     Reason::price_not_positive,
     {},
     "-100"_usd},
    {"price_off_tick", [](Situation& s) { s.order.limit_price = "100.005"_px; },
     Reason::price_off_tick, "0.01"_usd, "100.005"_usd},
    {"price_just_below_minimum", [](Situation& s) { s.rules.min_price = "100.01"_px; },
     Reason::price_below_minimum, "100.01"_usd, "100"_usd},
    {"price_exactly_at_minimum",
     [](Situation& s) { s.rules.min_price = "100"_px; },
     Reason::none,
     {},
     {}},
    {"price_just_above_maximum", [](Situation& s) { s.rules.max_price = "99.99"_px; },
     Reason::price_above_maximum, "99.99"_usd, "100"_usd},
    {"price_exactly_at_maximum",
     [](Situation& s) { s.rules.max_price = "100"_px; },
     Reason::none,
     {},
     {}},
    {"every_rule_switched_off",
     [](Situation& s) {
       s.rules = {};
       s.rules.status = domain::InstrumentStatus::trading;
     },
     Reason::none,
     {},
     {}},
    {"notional_just_below_minimum", [](Situation& s) { s.rules.min_notional = "100.01"_usd; },
     Reason::notional_below_minimum, "100.01"_usd, "100"_usd},
    {"notional_exactly_at_minimum",
     [](Situation& s) { s.rules.min_notional = "100"_usd; },
     Reason::none,
     {},
     {}},
    {"notional_just_above_maximum", [](Situation& s) { s.rules.max_notional = "99.99"_usd; },
     Reason::notional_above_maximum, "99.99"_usd, "100"_usd},
    {"notional_exactly_at_maximum",
     [](Situation& s) { s.rules.max_notional = "100"_usd; },
     Reason::none,
     {},
     {}},
    {"market_below_minimum_notional_at_the_reference", [](Situation& s) { s.market("0.049"); },
     Reason::notional_below_minimum, "5"_usd, "4.9"_usd},
    {"market_free_of_the_minimum",
     [](Situation& s) {
       s.market("0.049");
       s.rules.min_notional_for_market = false;
     },
     Reason::none,
     {},
     {}},
    {"market_free_of_the_maximum",
     [](Situation& s) {
       s.market("1");
       s.rules.max_notional = "1"_usd;
     },
     Reason::none,
     {},
     {}},
    {"market_bound_by_the_maximum",
     [](Situation& s) {
       s.market("1");
       s.rules.max_notional = "1"_usd;
       s.rules.max_notional_for_market = true;
     },
     Reason::notional_above_maximum, "1"_usd, "100"_usd},
    {"sell_far_below_the_reference_is_small_for_the_venue",
     [](Situation& s) {
       s.sell();
       s.order.limit_price = "95"_px;
       s.rules.min_notional = "95.01"_usd;
     },
     Reason::notional_below_minimum, "95.01"_usd, "95"_usd},
};
INSTANTIATE_TEST_SUITE_P(VenueRules, RiskGateTable, ::testing::ValuesIn(venue_rules), name_of);

const Row reference_prices[] = {
    {"age_exactly_at",
     [](Situation& s) { s.view.reference_time -= std::chrono::seconds{5}; },
     Reason::none,
     {},
     {}},
    {"age_just_above",
     [](Situation& s) { s.view.reference_time -= std::chrono::seconds{5} + domain::Duration{1}; },
     Reason::stale_reference_price, "5"_usd, "5.000000001"_usd},
    {"age_overflowing",
     [](Situation& s) {
       s.view.now = domain::Timestamp::max();
       s.view.reference_time = domain::Timestamp::min();
     },
     Reason::stale_reference_price, "5"_usd, Money::from_raw(INT64_MAX)},
    {"collar_exactly_at_above",
     [](Situation& s) { s.order.limit_price = "105"_px; },
     Reason::none,
     {},
     {}},
    {"collar_just_above", [](Situation& s) { s.order.limit_price = "105.01"_px; },
     Reason::price_outside_collar, "105"_usd, "105.01"_usd},
    {"collar_exactly_at_below",
     [](Situation& s) { s.order.limit_price = "95"_px; },
     Reason::none,
     {},
     {}},
    {"collar_just_below", [](Situation& s) { s.order.limit_price = "94.99"_px; },
     Reason::price_outside_collar, "95"_usd, "94.99"_usd},
    {"collar_of_the_instrument_is_tighter",
     [](Situation& s) {
       s.at(Level::instrument).price_collar_pct = 0.5;
       s.order.limit_price = "100.51"_px;
     },
     Reason::price_outside_collar, "100.5"_usd, "100.51"_usd},
    {"collar_of_a_fresh_last_trade",
     [](Situation& s) {
       s.view.last_trade = "90"_px;
       s.view.last_trade_time = s.view.now - std::chrono::seconds{5};
     },
     Reason::price_outside_collar, "94.5"_usd, "100"_usd},
    {"collar_of_a_last_trade_that_is_too_old",
     [](Situation& s) {
       s.view.last_trade = "90"_px;
       s.view.last_trade_time = s.view.now - std::chrono::nanoseconds{5'000'000'001};
     },
     Reason::none,
     {},
     {}},
    {"collar_lets_a_take_profit_be_far_away",
     [](Situation& s) {
       protect(s);
       s.order.limit_price = "200"_px;
     },
     Reason::none,
     {},
     {}},
    {"collar_holds_what_protects_on_the_losing_side",
     [](Situation& s) {
       protect(s);
       s.order.limit_price = "94.99"_px;
     },
     Reason::price_outside_collar, "95"_usd, "94.99"_usd},
    {"collar_does_not_bind_a_market_order",
     [](Situation& s) { s.market("1"); },
     Reason::none,
     {},
     {}},
    {"collar_overflowing",
     [](Situation& s) {
       s.rules = {};
       s.rules.status = domain::InstrumentStatus::trading;
       s.order.limit_price = Price::from_raw(INT64_MAX);
     },
     Reason::price_outside_collar, "105"_usd, Money::from_raw(INT64_MAX)},
};
INSTANTIATE_TEST_SUITE_P(ReferencePrices, RiskGateTable, ::testing::ValuesIn(reference_prices),
                         name_of);

const Row amounts[] = {
    {"order_notional_exactly_at",
     [](Situation& s) { s.at(Level::daemon).max_order_notional = "100"_usd; },
     Reason::none,
     {},
     {}},
    {"order_notional_just_above",
     [](Situation& s) { s.at(Level::daemon).max_order_notional = "99.999999999"_usd; },
     Reason::order_notional_above_limit, "99.999999999"_usd, "100"_usd},
    {"order_notional_of_the_tightest_level",
     [](Situation& s) {
       s.at(Level::account).max_order_notional = "60"_usd;
       s.at(Level::strategy).max_order_notional = "50"_usd;
       s.at(Level::instrument).max_order_notional = "70"_usd;
     },
     Reason::order_notional_above_limit, "50"_usd, "100"_usd},
    {"market_order_is_worth_its_reference",
     [](Situation& s) {
       s.market("1");
       s.at(Level::daemon).max_order_notional = "99.99"_usd;
     },
     Reason::order_notional_above_limit, "99.99"_usd, "100"_usd},
    {"cheap_sell_is_worth_its_reference",
     [](Situation& s) {
       s.sell();
       s.order.limit_price = "95"_px;
       s.at(Level::daemon).max_order_notional = "99.99"_usd;
     },
     Reason::order_notional_above_limit, "99.99"_usd, "100"_usd},
    {"notional_overflowing",
     [](Situation& s) {
       s.rules = {};
       s.rules.status = domain::InstrumentStatus::trading;
       s.order.quantity = Quantity::from_raw(static_cast<domain::Int128>(~domain::Uint128{0} >> 1));
     },
     Reason::notional_overflow,
     Money::from_raw(static_cast<domain::Int128>(~domain::Uint128{0} >> 1)),
     Money::from_raw(static_cast<domain::Int128>(~domain::Uint128{0} >> 1))},
    {"position_exactly_at",
     [](Situation& s) { s.stands(Level::daemon).position_notional = "49900"_usd; },
     Reason::none,
     {},
     {}},
    {"position_just_above",
     [](Situation& s) { s.stands(Level::daemon).position_notional = "49900.000000001"_usd; },
     Reason::position_notional_above_limit, "50000"_usd, "50000.000000001"_usd},
    {"position_overflowing",
     [](Situation& s) {
       s.stands(Level::daemon).position_notional =
           Money::from_raw(static_cast<domain::Int128>(~domain::Uint128{0} >> 1));
     },
     Reason::position_notional_above_limit, "50000"_usd,
     Money::from_raw(static_cast<domain::Int128>(~domain::Uint128{0} >> 1))},
    {"position_of_the_level_with_the_least_room",
     [](Situation& s) {
       s.at(Level::account).max_position_notional = "900"_usd;
       s.stands(Level::account).position_notional = "850"_usd;
       s.at(Level::strategy).max_position_notional = "1000"_usd;
       s.stands(Level::strategy).position_notional = "990"_usd;
     },
     Reason::position_notional_above_limit, "1000"_usd, "1090"_usd},
    {"position_that_is_closed_passes_a_full_limit",
     [](Situation& s) {
       s.sell();
       s.view.position = "1"_qty;
       s.stands(Level::daemon).position_notional = "60000"_usd;
     },
     Reason::none,
     {},
     {}},
    {"position_that_is_flipped_counts_the_rest",
     [](Situation& s) {
       s.sell();
       s.view.position = "0.25"_qty;
       s.stands(Level::daemon).position_notional = "49925.01"_usd;
     },
     Reason::position_notional_above_limit, "50000"_usd, "50000.01"_usd},
    {"funds_of_a_buy_exactly_at",
     [](Situation& s) { s.view.free_quote = "100"_usd; },
     Reason::none,
     {},
     {}},
    {"funds_of_a_buy_just_below", [](Situation& s) { s.view.free_quote = "99.999999999"_usd; },
     Reason::insufficient_funds, "99.999999999"_usd, "100"_usd},
    {"funds_of_a_buy_with_its_fee_exactly_at",
     [](Situation& s) {
       s.at(Level::daemon).fee_reserve_pct = 0.5;
       s.view.free_quote = "100.5"_usd;
     },
     Reason::none,
     {},
     {}},
    {"funds_of_a_buy_with_the_greatest_fee_just_below",
     [](Situation& s) {
       s.at(Level::daemon).fee_reserve_pct = 0.5;
       s.at(Level::instrument).fee_reserve_pct = 1;
       s.view.free_quote = "100.999999999"_usd;
     },
     Reason::insufficient_funds, "100.999999999"_usd, "101"_usd},
    {"funds_of_a_sell_exactly_at",
     [](Situation& s) {
       s.sell();
       s.view.free_base_as_money = "1"_usd;
     },
     Reason::none,
     {},
     {}},
    {"funds_of_a_sell_just_below",
     [](Situation& s) {
       s.sell();
       s.view.free_base_as_money = "0.999999999"_usd;
     },
     Reason::insufficient_funds, "0.999999999"_usd, "1"_usd},
    {"open_orders_exactly_at",
     [](Situation& s) { s.stands(Level::daemon).open_orders = 49; },
     Reason::none,
     {},
     {}},
    {"open_orders_just_above", [](Situation& s) { s.stands(Level::daemon).open_orders = 50; },
     Reason::too_many_open_orders, "50"_usd, "51"_usd},
    {"open_orders_of_the_account",
     [](Situation& s) {
       s.at(Level::account).max_open_orders = 1;
       s.stands(Level::account).open_orders = 1;
     },
     Reason::too_many_open_orders, "1"_usd, "2"_usd},
    {"open_orders_overflowing",
     [](Situation& s) { s.stands(Level::daemon).open_orders = INT32_MAX; },
     Reason::too_many_open_orders, "50"_usd, "2147483648"_usd},
    {"orders_per_second_exactly_at",
     [](Situation& s) { s.stands(Level::daemon).orders_in_last_second = 9; },
     Reason::none,
     {},
     {}},
    {"orders_per_second_just_above",
     [](Situation& s) { s.stands(Level::daemon).orders_in_last_second = 10; },
     Reason::too_many_orders_per_second, "10"_usd, "11"_usd},
};
INSTANTIATE_TEST_SUITE_P(Amounts, RiskGateTable, ::testing::ValuesIn(amounts), name_of);

void stop_order(Situation& s, OrderType type, domain::Price stop) {
  s.order.type = type;
  s.order.stop_price = stop;
  if (!domain::has_limit_price(type)) s.order.limit_price = {};
}

const Row kinds_and_later_checks[] = {
    {"protection_passes_a_halt",
     [](Situation& s) {
       s.view.trading = TradingState::halted;
       s.view.position = "1"_qty;
       s.sell();
       s.order.reduce_only = true;
       s.order.origin = domain::Origin::protection;
     },
     Reason::none,
     {},
     {}},
    {"protection_cannot_flip",
     [](Situation& s) {
       s.view.trading = TradingState::halted;
       s.view.position = "0.5"_qty;
       s.sell();
       s.order.reduce_only = true;
       s.order.origin = domain::Origin::protection;
     },
     Reason::reduce_only_would_increase, "0.5"_usd, "1"_usd},
    {"kill_switch",
     [](Situation& s) {
       s.view.trading = TradingState::halted;
       s.view.kill_switch = true;
     },
     Reason::kill_switch,
     {},
     {}},
    {"symbol_of_another",
     [](Situation& s) { s.view.instrument_allowed = false; },
     Reason::symbol_not_allowed,
     {},
     {}},
    {"clock_exactly_at",
     [](Situation& s) { s.view.clock_offset = std::chrono::seconds{-1}; },
     Reason::none,
     {},
     {}},
    {"clock_just_above",
     [](Situation& s) {
       s.view.clock_offset = std::chrono::seconds{1} + std::chrono::nanoseconds{1};
     },
     Reason::clock_offset_above_limit, "1"_usd, "1.000000001"_usd},
    {"clock_never_measured",
     [](Situation& s) { s.view.clock_offset.reset(); },
     Reason::missing_clock_offset,
     {},
     {}},
    {"no_rate_to_the_reporting_currency",
     [](Situation& s) { s.view.quote_rate.reset(); },
     Reason::missing_conversion_price,
     {},
     {}},
    {"counted_in_the_reporting_currency",
     [](Situation& s) {
       s.view.quote_rate = "60000"_px;
       s.at(Level::daemon).max_order_notional = "5999999"_usd;
     },
     Reason::order_notional_above_limit, "5999999"_usd, "6000000"_usd},
    {"stop", [](Situation& s) { stop_order(s, OrderType::stop, "101"_px); }, Reason::none, {}, {}},
    {"stop_whose_price_has_come", [](Situation& s) { stop_order(s, OrderType::stop, "100"_px); },
     Reason::trigger_price_on_wrong_side, "100"_usd, "100"_usd},
    {"stop_off_tick", [](Situation& s) { stop_order(s, OrderType::stop, "101.001"_px); },
     Reason::price_off_tick, "0.01"_usd, "101.001"_usd},
    {"take_profit_on_the_wrong_side",
     [](Situation& s) { stop_order(s, OrderType::take_profit, "101"_px); },
     Reason::trigger_price_on_wrong_side, "100"_usd, "101"_usd},
    {"stop_limit_far_from_its_stop",
     [](Situation& s) {
       stop_order(s, OrderType::stop_limit, "110"_px);
       s.order.limit_price = "115.51"_px;
     },
     Reason::price_outside_collar, "115.5"_usd, "115.51"_usd},
    {"stop_counts_at_its_stop",
     [](Situation& s) {
       stop_order(s, OrderType::stop, "110"_px);
       s.at(Level::daemon).max_order_notional = "109"_usd;
     },
     Reason::order_notional_above_limit, "109"_usd, "110"_usd},
    {"trailing_by_both",
     [](Situation& s) {
       stop_order(s, OrderType::trailing_stop, {});
       s.order.trailing_bps = 10;
       s.order.trailing_offset = "1"_px;
     },
     Reason::trailing_offset_incomplete,
     {},
     {}},
    {"trailing_by_offset",
     [](Situation& s) {
       stop_order(s, OrderType::trailing_stop, {});
       s.order.trailing_offset = "1"_px;
     },
     Reason::none,
     {},
     {}},
    {"expiry_in_time",
     [](Situation& s) {
       s.order.time_in_force = TimeInForce::gtd;
       s.order.expires = s.view.now + std::chrono::nanoseconds{1};
     },
     Reason::none,
     {},
     {}},
    {"expiry_on_gtc",
     [](Situation& s) { s.order.expires = s.view.now + std::chrono::seconds{1}; },
     Reason::order_type_not_supported,
     {},
     {}},
    {"order_quantity", [](Situation& s) { s.at(Level::instrument).max_order_quantity = "0.9"_usd; },
     Reason::order_quantity_above_limit, "0.9"_usd, "1"_usd},
    {"agent_exactly_at",
     [](Situation& s) { s.order.origin = domain::Origin::agent; },
     Reason::none,
     {},
     {}},
    {"agent_just_above",
     [](Situation& s) {
       s.order.origin = domain::Origin::agent;
       s.order.limit_price = "100.01"_px;
     },
     Reason::order_notional_above_limit, "100"_usd, "100.01"_usd},
    {"cannot_be_let_out_again",
     [](Situation& s) {
       s.order.quantity = "0.05"_qty;
       s.at(Level::daemon).exit_margin_pct = 1;
     },
     Reason::remainder_not_exitable, "5"_usd, "4.95"_usd},
    {"of_margins_the_greatest_counts",
     [](Situation& s) {
       s.order.quantity = "0.06"_qty;
       s.at(Level::daemon).exit_margin_pct = 1;
       s.at(Level::instrument).exit_margin_pct = 50;
     },
     Reason::remainder_not_exitable, "5"_usd, "3"_usd},
    {"leaves_dust",
     [](Situation& s) {
       s.view.position = "1.005"_qty;
       s.sell();
     },
     Reason::remainder_not_exitable, "0.01"_usd, "0.005"_usd},
    {"gross",
     [](Situation& s) {
       s.at(Level::account).max_gross_notional = "500"_usd;
       s.stands(Level::account).position_notional = "400.01"_usd;
     },
     Reason::gross_notional_above_limit, "500"_usd, "500.01"_usd},
    {"net_of_what_is_long",
     [](Situation& s) {
       s.at(Level::daemon).max_net_notional = "500"_usd;
       s.stands(Level::daemon).net_notional = "400.01"_usd;
     },
     Reason::net_notional_above_limit, "500"_usd, "500.01"_usd},
    {"net_of_what_is_short_makes_room",
     [](Situation& s) {
       s.at(Level::daemon).max_net_notional = "500"_usd;
       s.stands(Level::daemon).net_notional = "-400.01"_usd;
     },
     Reason::none,
     {},
     {}},
    {"leverage_without_equity",
     [](Situation& s) { s.at(Level::account).max_leverage = 1; },
     Reason::missing_balance,
     {},
     {}},
    {"leverage",
     [](Situation& s) {
       s.at(Level::account).max_leverage = 1;
       s.stands(Level::account).equity = "99"_usd;
     },
     Reason::leverage_above_limit, "99"_usd, "100"_usd},
    {"messages_exactly_at",
     [](Situation& s) { s.stands(Level::daemon).messages_in_last_minute = 1199; },
     Reason::none,
     {},
     {}},
    {"messages_just_above",
     [](Situation& s) { s.stands(Level::daemon).messages_in_last_minute = 1200; },
     Reason::too_many_messages, "1200"_usd, "1201"_usd},
    {"meets_one_of_ours", [](Situation& s) { s.view.own_opposite = "100"_px; },
     Reason::would_trade_with_itself, "100"_usd, "100"_usd},
    {"does_not_meet_one_of_ours",
     [](Situation& s) { s.view.own_opposite = "100.01"_px; },
     Reason::none,
     {},
     {}},
    {"equal_too_soon", [](Situation& s) { s.view.since_equal = std::chrono::milliseconds{249}; },
     Reason::duplicate_within_window, "0.25"_usd, "0.249"_usd},
    {"of_windows_the_greatest_counts",
     [](Situation& s) {
       s.view.since_equal = std::chrono::milliseconds{250};
       s.at(Level::strategy).duplicate_window = std::chrono::seconds{1};
     },
     Reason::duplicate_within_window, "1"_usd, "0.25"_usd},
    {"equal_later",
     [](Situation& s) { s.view.since_equal = std::chrono::milliseconds{250}; },
     Reason::none,
     {},
     {}},
};
INSTANTIATE_TEST_SUITE_P(KindsAndLaterChecks, RiskGateTable,
                         ::testing::ValuesIn(kinds_and_later_checks), name_of);

TEST(RiskGate, ChecksInTheOrderOfTheReasons) {
  // Given an order that breaks a rule of every kind, mend one after the other: the reasons that
  // are given only rise
  Situation s;
  s.view.trading = TradingState::halted;
  s.view.strategy_paused = true;
  s.view.account_ready = false;
  s.view.stream_ready = false;
  s.order.instrument = domain::no<domain::InstrumentId>;
  s.rules.status = domain::InstrumentStatus::halted;
  s.order.time_in_force = TimeInForce::gtd;
  s.view.is_duplicate = true;
  s.view.clock_offset.reset();
  s.order.quantity = "0.0005"_qty;
  s.order.limit_price = "200.005"_px;
  s.view.reference.reset();
  s.view.reference_time = {};
  s.at(Level::daemon).max_order_notional = "1"_usd;
  s.at(Level::account).max_position_notional = "1"_usd;
  s.view.free_quote.reset();
  s.stands(Level::daemon).open_orders = 50;
  s.stands(Level::daemon).orders_in_last_second = 10;
  s.view.journal = domain::JournalRoom::reserve;
  s.view.outbox_has_room = false;

  const std::pair<Reason, std::function<void()>> mends[] = {
      {Reason::trading_halted, [&] { s.view.trading = TradingState::active; }},
      {Reason::strategy_paused, [&] { s.view.strategy_paused = false; }},
      {Reason::account_not_reconciled, [&] { s.view.account_ready = true; }},
      {Reason::stream_not_ready, [&] { s.view.stream_ready = true; }},
      {Reason::unknown_instrument, [&] { s.order.instrument = domain::InstrumentId{0}; }},
      {Reason::instrument_not_trading, [&] { s.rules.status = domain::InstrumentStatus::trading; }},
      {Reason::expiry_missing, [&] { s.order.time_in_force = TimeInForce::gtc; }},
      {Reason::duplicate_order, [&] { s.view.is_duplicate = false; }},
      {Reason::missing_clock_offset, [&] { s.view.clock_offset = domain::Duration{}; }},
      {Reason::quantity_off_lot, [&] { s.order.quantity = "0.001"_qty; }},
      {Reason::quantity_below_minimum, [&] { s.order.quantity = "0.02"_qty; }},
      {Reason::price_off_tick, [&] { s.order.limit_price = "200"_px; }},
      {Reason::missing_reference_price, [&] { s.view.reference = "100"_px; }},
      {Reason::stale_reference_price, [&] { s.view.reference_time = s.view.now; }},
      {Reason::price_outside_collar, [&] { s.order.limit_price = "100"_px; }},
      {Reason::notional_below_minimum, [&] { s.order.quantity = "1"_qty; }},
      {Reason::order_notional_above_limit,
       [&] { s.at(Level::daemon).max_order_notional = "1000"_usd; }},
      {Reason::position_notional_above_limit,
       [&] { s.at(Level::account).max_position_notional.reset(); }},
      {Reason::missing_balance, [&] { s.view.free_quote = "99"_usd; }},
      {Reason::insufficient_funds, [&] { s.view.free_quote = "100"_usd; }},
      {Reason::too_many_open_orders, [&] { s.stands(Level::daemon).open_orders = 0; }},
      {Reason::too_many_orders_per_second,
       [&] { s.stands(Level::daemon).orders_in_last_second = 0; }},
      {Reason::journal_unavailable, [&] { s.view.journal = domain::JournalRoom::open; }},
      {Reason::outbox_full, [&] { s.view.outbox_has_room = true; }},
      {Reason::none, [] {}},
  };
  for (const auto& [expected, mend] : mends) {
    EXPECT_EQ(s.reason(), expected);
    mend();
  }
}

}  // namespace
}  // namespace halcyon::risk
