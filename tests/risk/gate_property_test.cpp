#include <initializer_list>
#include <vector>

#include <boost/multiprecision/cpp_int.hpp>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/risk/situation.h"

namespace halcyon::risk {
namespace {

using boost::multiprecision::cpp_int;
using domain::Reason;
using domain::Side;
using testing::Situation;

cpp_int big(domain::Int128 value) {
  const bool negative = value < 0;
  auto magnitude = static_cast<domain::Uint128>(value);
  if (negative) magnitude = domain::Uint128{0} - magnitude;
  cpp_int result = static_cast<std::uint64_t>(magnitude >> 64);
  result <<= 64;
  result += static_cast<std::uint64_t>(magnitude);
  return negative ? cpp_int{-result} : result;
}

/// A number of the whole range in every case, not only in the late and large ones.
template <class Number>
Number in_range(Number from, Number to) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<Number>(from, to));
}

template <class Amount>
Amount raw(std::int64_t from, std::int64_t to) {
  return Amount::from_raw(in_range<std::int64_t>(from, to));
}

/// True in about one of `n` cases.
bool rarely(int n) { return in_range(0, n) == 0; }

/// An order, a view and limits whose numbers lie around each other, so that every limit holds often
/// and is broken often.
void any_order(Situation& s) {
  s.order.side = rarely(2) ? Side::buy : Side::sell;
  s.order.type = rarely(2) ? domain::OrderType::limit : domain::OrderType::market;
  s.order.reduce_only = rarely(10);
  s.order.quantity = raw<domain::Quantity>(rarely(20) ? -1'000'000'000 : 1, 5'000'000'000'000);
  s.rules = {};
  s.rules.status = domain::InstrumentStatus::trading;
  s.view.trading = rarely(10) ? domain::TradingState::reducing : domain::TradingState::active;
  s.view.position = raw<domain::Quantity>(-9'000'000'000'000, 9'000'000'000'000);
  s.view.working_reduce = raw<domain::Quantity>(0, 9'000'000'000'000);
  s.view.reference = raw<domain::Price>(1, 2'000'000'000'000);
  if (s.order.type == domain::OrderType::market) {
    s.order.limit_price = {};
  } else {
    s.order.limit_price = domain::Price::from_raw(s.view.reference->raw() / 1'000 *
                                                      in_range<std::int64_t>(850, 1'150) +
                                                  in_range<std::int64_t>(-1'000, 1'000));
  }
  // The worth of an order is at most 10^16 parts.
  s.view.free_quote = raw<domain::Money>(0, 50'000'000'000'000'000);
  s.view.free_base_as_money = raw<domain::Money>(0, 25'000'000'000'000);
  for (std::size_t level = 0; level < level_count; ++level) {
    s.view.exposure[level].position_notional = raw<domain::Money>(0, 9'000'000'000'000'000);
    s.view.exposure[level].net_notional =
        raw<domain::Money>(-9'000'000'000'000'000, 9'000'000'000'000'000);
    s.view.exposure[level].open_orders = in_range(0, 60);
    s.view.exposure[level].orders_in_last_second = in_range(0, 12);
    config::RiskLimits& limits = s.limits[level];
    if (level != 0 && !rarely(3)) continue;
    limits.max_order_notional = raw<domain::Money>(1, 20'000'000'000'000'000);
    limits.max_position_notional = raw<domain::Money>(1, 90'000'000'000'000'000);
    limits.max_open_orders = in_range(30, 200);
    limits.max_orders_per_second = in_range(6, 40);
    limits.price_collar_pct = in_range(1, 40);
    limits.max_gross_notional = raw<domain::Money>(1, 90'000'000'000'000'000);
    limits.max_net_notional = raw<domain::Money>(1, 90'000'000'000'000'000);
  }
}

RC_GTEST_PROP(RiskGateProperty, WhatPassesIsInsideEveryLimitOfEveryLevel, ()) {
  Situation s;
  any_order(s);
  RC_PRE(s.reason() == Reason::none);

  const cpp_int quantity = big(s.order.quantity.raw());
  const cpp_int reference = s.view.reference->raw();
  const bool market = s.order.type == domain::OrderType::market;
  const cpp_int price = market ? reference : cpp_int{s.order.limit_price.raw()};
  const cpp_int value = quantity * price;  // in 10^-18
  const cpp_int scale = domain::decimal_scale;
  // One part of 10^-9 may be lost or won by rounding, on each side.
  const cpp_int rounding = scale;
  RC_ASSERT(quantity > 0);

  // What the order does not close of the position.
  const cpp_int position = big(s.view.position.raw());
  const bool closes = s.order.side == Side::buy ? position < 0 : position > 0;
  cpp_int closable =
      closes ? cpp_int{abs(position) - big(s.view.working_reduce.raw())} : cpp_int{0};
  if (closable < 0) closable = 0;
  const cpp_int rest = quantity > closable ? cpp_int{quantity - closable} : cpp_int{0};
  if (s.view.trading == domain::TradingState::reducing || s.order.reduce_only) RC_ASSERT(rest == 0);

  for (std::size_t level = 0; level < level_count; ++level) {
    const config::RiskLimits& limits = s.limits[level];
    const Exposure& stands = s.view.exposure[level];
    if (limits.max_order_notional) {
      RC_ASSERT(value <= big(limits.max_order_notional->raw()) * scale + rounding);
    }
    if (limits.max_position_notional && rest > 0) {
      RC_ASSERT(big(stands.position_notional.raw()) * scale + rest * price <=
                big(limits.max_position_notional->raw()) * scale + rounding);
    }
    if (limits.max_gross_notional && rest > 0) {
      RC_ASSERT(big(stands.position_notional.raw()) * scale + rest * price <=
                big(limits.max_gross_notional->raw()) * scale + rounding);
    }
    if (limits.max_net_notional && rest > 0) {
      const cpp_int net = big(stands.net_notional.raw());
      const cpp_int on_its_side = s.order.side == Side::buy ? net : cpp_int{-net};
      RC_ASSERT(on_its_side * scale + rest * price <=
                big(limits.max_net_notional->raw()) * scale + rounding);
    }
    if (limits.max_open_orders) RC_ASSERT(stands.open_orders < *limits.max_open_orders);
    if (limits.max_orders_per_second) {
      RC_ASSERT(stands.orders_in_last_second < *limits.max_orders_per_second);
    }
    if (limits.price_collar_pct && !market) {
      RC_ASSERT(abs(cpp_int{price - reference}) * config::Percent::parts_per_whole <=
                reference * limits.price_collar_pct->parts());
    }
  }
  if (s.order.side == Side::buy) {
    RC_ASSERT(value <= big(s.view.free_quote->raw()) * scale + rounding);
  } else {
    RC_ASSERT(quantity <= big(s.view.free_base_as_money->raw()));
  }
}

RC_GTEST_PROP(RiskGateProperty, EqualInputsGiveEqualVerdicts, ()) {
  Situation s;
  any_order(s);
  const Refusal first = s.refusal();
  const Refusal second = s.refusal();
  RC_ASSERT(first.reason == second.reason);
  RC_ASSERT(first.limit == second.limit);
  RC_ASSERT(first.actual == second.actual);
}

RC_GTEST_PROP(RiskGateProperty, ATighterLimitNeverLetsMoreThrough, ()) {
  Situation s;
  any_order(s);
  RC_PRE(s.reason() != Reason::none);
  // When any level's limits are tightened, then what was refused stays refused
  config::RiskLimits& limits = s.limits[in_range<std::size_t>(0, level_count)];
  const auto tighten = [](auto& limit) {
    if (limit) limit = std::decay_t<decltype(*limit)>::from_raw(limit->raw() / 2);
  };
  tighten(limits.max_order_notional);
  tighten(limits.max_position_notional);
  if (limits.max_open_orders) *limits.max_open_orders /= 2;
  if (limits.price_collar_pct) limits.price_collar_pct = limits.price_collar_pct->value() / 2;
  RC_ASSERT(s.reason() != Reason::none);
}

RC_GTEST_PROP(RiskGateProperty, NothingThatComesInEndsTheProcess, ()) {
  // Given numbers at the edges of their types
  const auto edge = [](std::initializer_list<domain::Int128> values) {
    const std::vector<domain::Int128> all{values};
    return all[in_range<std::size_t>(0, all.size())];
  };
  constexpr auto greatest = static_cast<domain::Int128>(~domain::Uint128{0} >> 1);
  constexpr domain::Int128 least = -greatest - 1;
  Situation s;
  any_order(s);
  s.order.quantity = domain::Quantity::from_raw(edge({least, -1, 0, 1, greatest}));
  s.view.position = domain::Quantity::from_raw(edge({least, -1, 0, 1, greatest}));
  s.view.working_reduce = domain::Quantity::from_raw(edge({least, -1, 0, 1, greatest}));
  s.order.limit_price =
      domain::Price::from_raw(static_cast<std::int64_t>(edge({INT64_MIN, -1, 0, 1, INT64_MAX})));
  s.view.reference =
      domain::Price::from_raw(static_cast<std::int64_t>(edge({INT64_MIN, -1, 0, 1, INT64_MAX})));
  s.view.exposure[0].position_notional = domain::Money::from_raw(edge({least, -1, 0, greatest}));
  s.view.exposure[0].open_orders = *rc::gen::element(INT32_MIN, -1, 0, INT32_MAX);
  s.view.free_quote = domain::Money::from_raw(edge({least, 0, greatest}));
  s.view.free_base_as_money = domain::Money::from_raw(edge({least, 0, greatest}));
  // When the gate looks at them, then it answers; with nothing that makes a sound order, it denies
  const Refusal refusal = s.refusal();
  if (!s.order.quantity.is_positive()) RC_ASSERT(refusal.reason != Reason::none);
}

}  // namespace
}  // namespace halcyon::risk
