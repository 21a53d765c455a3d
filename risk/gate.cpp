#include "risk/gate.h"

#include <algorithm>
#include <limits>

namespace halcyon::risk {

namespace {

using domain::Int128;
using domain::Money;
using domain::NewOrder;
using domain::Price;
using domain::Quantity;
using domain::Reason;
using Limits = config::RiskLimits;

/// A number as it stands in a refusal.
template <class Kind>
Money shown(domain::Decimal<Kind> amount) {
  return Money::from_raw(amount.raw());
}
Money shown(std::int64_t count) {
  return Money::from_raw(static_cast<Int128>(count) * domain::decimal_scale);
}

Refusal refuse(Reason reason, Money limit = {}, Money actual = {}) {
  return {reason, limit, actual};
}
constexpr Refusal pass{};

constexpr auto greatest = static_cast<Int128>(~domain::Uint128{0} >> 1);

/// a + b, never beyond the greatest amount: whoever comes so far is above every limit.
Int128 saturating_add(Int128 left, Int128 right) {
  Int128 sum = 0;
  return __builtin_add_overflow(left, right, &sum) ? greatest : sum;
}

/// -a, never beyond the greatest amount.
Int128 saturating_negate(Int128 value) {
  Int128 result = 0;
  return __builtin_sub_overflow(Int128{0}, value, &result) ? greatest : result;
}

/// The smallest limit of all levels; empty when none has one.
template <class Value>
std::optional<Value> tightest(const LimitSet& limits, std::optional<Value> Limits::*member) {
  std::optional<Value> smallest;
  for (const Limits* level : limits) {
    if (level == nullptr || !(level->*member)) continue;
    if (!smallest || *(level->*member) < *smallest) smallest = *(level->*member);
  }
  return smallest;
}

/// The greatest of all levels, of what is the stricter the greater it is; empty when none has one.
template <class Value>
std::optional<Value> widest(const LimitSet& limits, std::optional<Value> Limits::*member) {
  std::optional<Value> greatest_one;
  for (const Limits* level : limits) {
    if (level == nullptr || !(level->*member)) continue;
    if (!greatest_one || *(level->*member) > *greatest_one) greatest_one = *(level->*member);
  }
  return greatest_one;
}

/// Of the limits that the levels set, and what would stand at each, the pair with the least room;
/// room below zero refuses. No limit at any level counts as a limit of zero.
template <class Limit, class Actual>
Refusal tightest_room(const LimitSet& limits, Reason reason, Limit limit_at, Actual actual_at) {
  bool found = false;
  Int128 least = 0;
  Refusal worst = refuse(reason);
  for (std::size_t level = 0; level < level_count; ++level) {
    if (limits[level] == nullptr) continue;
    const std::optional<Money> limit = limit_at(*limits[level]);
    if (!limit) continue;
    const Money actual = actual_at(level);
    // A limit is never negative and `actual` saturates, so the difference fits.
    const Int128 room = limit->raw() - actual.raw();
    if (!found || room < least) {
      found = true;
      least = room;
      worst = refuse(reason, *limit, actual);
    }
  }
  if (!found) worst.actual = actual_at(0);
  return found && least >= 0 ? pass : worst;
}

/// One order on its way through the checks.
struct Check {
  const NewOrder& order;
  const View& view;
  const LimitSet& limits;

  bool is_buy() const { return order.side == domain::Side::buy; }
  bool is_market() const { return !domain::has_limit_price(order.type); }
  bool has_trigger() const { return domain::has_trigger(order.type); }
  bool is_trailing() const { return order.type == domain::OrderType::trailing_stop; }

  /// How much of the position the order could still close.
  Quantity closable() const {
    const Quantity position = view.position;
    if (position.is_zero() || position.is_negative() != is_buy()) return {};
    const Int128 size = position.is_negative() ? saturating_negate(position.raw()) : position.raw();
    const Int128 working = view.working_reduce.is_negative() ? 0 : view.working_reduce.raw();
    return working >= size ? Quantity{} : Quantity::from_raw(size - working);
  }

  Refusal state() const {
    using domain::TradingState;
    if (view.trading == TradingState::reducing) {
      if (!(view.is_plan && order.reduce_only) && order.quantity > closable()) {
        return refuse(Reason::trading_reducing, shown(closable()), shown(order.quantity));
      }
    } else if (view.trading != TradingState::active) {
      const bool only_protects = order.reduce_only && order.origin == domain::Origin::protection;
      if (!only_protects) {
        return refuse(view.kill_switch ? Reason::kill_switch : Reason::trading_halted);
      }
    }
    if (!view.is_plan && order.reduce_only && order.quantity > closable()) {
      return refuse(Reason::reduce_only_would_increase, shown(closable()), shown(order.quantity));
    }
    if (view.strategy_paused) return refuse(Reason::strategy_paused);
    // An account that is not known has nothing to be reconciled: the check after these says so.
    if (view.account_known && !view.account_ready) return refuse(Reason::account_not_reconciled);
    if (view.account_known && !view.stream_ready) return refuse(Reason::stream_not_ready);
    if (!view.account_known) return refuse(Reason::unknown_account);
    return pass;
  }

  Refusal clock() const {
    const auto most = tightest(limits, &Limits::max_clock_offset);
    if (!most) return pass;
    if (!view.clock_offset) return refuse(Reason::missing_clock_offset);
    const std::int64_t offset = view.clock_offset->count();
    // A nanosecond is a 10^-9 part of a second: the numbers in the refusal are seconds.
    if (offset > most->count() || offset < -most->count()) {
      return refuse(Reason::clock_offset_above_limit, Money::from_raw(most->count()),
                    Money::from_raw(offset));
    }
    return pass;
  }

  Refusal instrument() const {
    using domain::InstrumentStatus;
    if (order.instrument == domain::no<domain::InstrumentId>) {
      return refuse(Reason::unknown_instrument);
    }
    if (view.rules == nullptr || view.rules->status == InstrumentStatus::unknown) {
      return refuse(Reason::missing_instrument_rules);
    }
    if (view.rules->status != InstrumentStatus::trading) {
      return refuse(Reason::instrument_not_trading);
    }
    if (!view.instrument_allowed) return refuse(Reason::symbol_not_allowed);
    if (!is_served()) return refuse(Reason::order_type_not_supported);
    if (is_trailing() && (order.trailing_bps > 0) == order.trailing_offset.is_positive()) {
      return refuse(Reason::trailing_offset_incomplete);
    }
    if (const Refusal time = expiry(); time.reason != Reason::none) return time;
    if (order.id.is_none() || view.is_duplicate) return refuse(Reason::duplicate_order);
    return pass;
  }

  /// A price that the type has no use for means that something else was meant; so does post-only
  /// where the order cannot rest, and an order that waits for a price and yet not.
  bool is_served() const {
    using domain::OrderType;
    using domain::TimeInForce;
    const bool is_instant =
        order.time_in_force == TimeInForce::ioc || order.time_in_force == TimeInForce::fok;
    if (!has_trigger() && !order.stop_price.is_zero()) return false;
    if (!is_trailing() && (order.trailing_bps != 0 || !order.trailing_offset.is_zero())) {
      return false;
    }
    if (has_trigger() && is_instant) return false;
    if (is_market()) return !order.post_only && order.limit_price.is_zero();
    return !(order.post_only && (is_instant || has_trigger()));
  }

  Refusal expiry() const {
    const bool needs = order.time_in_force == domain::TimeInForce::gtd;
    if (order.expires == domain::never) {
      return needs ? refuse(Reason::expiry_missing) : pass;
    }
    if (!needs && order.time_in_force != domain::TimeInForce::day) {
      return refuse(Reason::order_type_not_supported);
    }
    if (order.expires <= view.now) {
      return refuse(Reason::expiry_in_the_past, Money::from_raw(domain::to_unix_ns(view.now)),
                    Money::from_raw(domain::to_unix_ns(order.expires)));
    }
    return pass;
  }

  Refusal quantity() const {
    const domain::InstrumentRules& rules = *view.rules;
    const Quantity asked = order.quantity;
    if (!asked.is_positive()) {
      return refuse(Reason::quantity_not_positive, {}, shown(asked));
    }
    if (!domain::is_multiple(asked, rules.lot)) {
      return refuse(Reason::quantity_off_lot, shown(rules.lot), shown(asked));
    }
    if (asked < rules.min_quantity) {
      return refuse(Reason::quantity_below_minimum, shown(rules.min_quantity), shown(asked));
    }
    if (const auto above = [&](Quantity most) { return !most.is_zero() && asked > most; };
        above(rules.max_quantity)) {
      return refuse(Reason::quantity_above_maximum, shown(rules.max_quantity), shown(asked));
    } else if (is_market() && above(rules.max_market_quantity)) {
      return refuse(Reason::quantity_above_maximum, shown(rules.max_market_quantity), shown(asked));
    }
    if (const auto most = tightest(limits, &Limits::max_order_quantity);
        most && shown(asked) > *most) {
      return refuse(Reason::order_quantity_above_limit, *most, shown(asked));
    }
    return pass;
  }

  Refusal prices() const {
    if (!is_market()) {
      if (const Refusal limit = price(order.limit_price); limit.reason != Reason::none) {
        return limit;
      }
    }
    if (!has_trigger() || (is_trailing() && order.stop_price.is_zero())) return pass;
    return price(order.stop_price);
  }

  Refusal price(Price price) const {
    const domain::InstrumentRules& rules = *view.rules;
    if (!price.is_positive()) return refuse(Reason::price_not_positive, {}, shown(price));
    if (!domain::is_multiple(price, rules.tick)) {
      return refuse(Reason::price_off_tick, shown(rules.tick), shown(price));
    }
    if (price < rules.min_price) {
      return refuse(Reason::price_below_minimum, shown(rules.min_price), shown(price));
    }
    if (!rules.max_price.is_zero() && price > rules.max_price) {
      return refuse(Reason::price_above_maximum, shown(rules.max_price), shown(price));
    }
    return pass;
  }

  Refusal reference() const {
    if (!view.reference || !view.reference->is_positive()) {
      return refuse(Reason::missing_reference_price);
    }
    const auto oldest = tightest(limits, &Limits::max_reference_age).value_or(domain::Duration{});
    const std::int64_t age = age_of(view.reference_time);
    // A nanosecond is a 10^-9 part of a second: the numbers in the refusal are seconds.
    if (age > oldest.count()) {
      return refuse(Reason::stale_reference_price, Money::from_raw(oldest.count()),
                    Money::from_raw(age));
    }
    if (const Refusal side = trigger_side(); side.reason != Reason::none) return side;
    if (is_market()) return pass;
    if (has_trigger()) return collar(order.stop_price.raw());
    const Refusal by_reference = collar(view.reference->raw());
    const bool has_trade = view.last_trade && view.last_trade->is_positive() &&
                           age_of(view.last_trade_time) <= oldest.count();
    return by_reference.reason != Reason::none || !has_trade ? by_reference
                                                             : collar(view.last_trade->raw());
  }

  std::int64_t age_of(domain::Timestamp time) const {
    std::int64_t age = 0;
    return __builtin_sub_overflow(domain::to_unix_ns(view.now), domain::to_unix_ns(time), &age)
               ? std::numeric_limits<std::int64_t>::max()
               : age;
  }

  /// A price that has come already is no trigger. A child's parent may yet move the price.
  Refusal trigger_side() const {
    if (!has_trigger() || is_trailing() || !order.parent.is_none()) return pass;
    const bool is_stop =
        order.type == domain::OrderType::stop || order.type == domain::OrderType::stop_limit;
    const bool waits_for_more = is_stop == is_buy();
    const bool has_come =
        waits_for_more ? *view.reference >= order.stop_price : *view.reference <= order.stop_price;
    return has_come ? refuse(Reason::trigger_price_on_wrong_side, shown(*view.reference),
                             shown(order.stop_price))
                    : pass;
  }

  Refusal collar(std::int64_t reference) const {
    const auto width = tightest(limits, &Limits::price_collar_pct).value_or(config::Percent{});
    const Int128 price = order.limit_price.raw();
    const bool only_protects = order.reduce_only && order.origin == domain::Origin::protection;
    if (only_protects && (is_buy() ? price <= reference : price >= reference)) return pass;
    const Int128 distance = price > reference ? price - reference : reference - price;
    // Both products stay below 2^63 x 2^63.
    if (distance * config::Percent::parts_per_whole <=
        static_cast<Int128>(reference) * width.parts()) {
      return pass;
    }
    const Int128 room =
        static_cast<Int128>(reference) * width.parts() / config::Percent::parts_per_whole;
    return refuse(Reason::price_outside_collar,
                  Money::from_raw(price > reference ? reference + room : reference - room),
                  shown(order.limit_price));
  }

  /// The price that the venue counts with.
  Price venue_price() const {
    if (!is_market()) return order.limit_price;
    return has_trigger() && order.stop_price.is_positive() ? order.stop_price : *view.reference;
  }
  /// The price at which the order would be filled, at the worst for a limit on what it is worth.
  Price worst_price() const {
    return is_buy() && !has_trigger() ? venue_price() : std::max(venue_price(), *view.reference);
  }

  std::optional<Money> in_reporting(const std::optional<Money>& amount) const {
    return amount ? domain::scaled(*amount, view.quote_rate->raw(), domain::decimal_scale)
                  : std::nullopt;
  }

  /// `value` becomes what the order is worth.
  Refusal notional(Money& value, Money& in_quote) const {
    const domain::InstrumentRules& rules = *view.rules;
    const std::optional<Money> at_venue = domain::notional(venue_price(), order.quantity);
    const std::optional<Money> at_worst =
        worst_price() == venue_price() ? at_venue : domain::notional(worst_price(), order.quantity);
    if (!at_venue || !at_worst) {
      return refuse(Reason::notional_overflow, Money::from_raw(greatest), shown(order.quantity));
    }
    if (!view.quote_rate) return refuse(Reason::missing_conversion_price);
    const auto converted = in_reporting(at_worst);
    if (!converted) {
      return refuse(Reason::notional_overflow, Money::from_raw(greatest), shown(order.quantity));
    }
    value = *converted;
    in_quote = *at_worst;
    if ((!is_market() || rules.min_notional_for_market) && *at_venue < rules.min_notional) {
      return refuse(Reason::notional_below_minimum, rules.min_notional, *at_venue);
    }
    if ((!is_market() || rules.max_notional_for_market) && !rules.max_notional.is_zero() &&
        *at_venue > rules.max_notional) {
      return refuse(Reason::notional_above_maximum, rules.max_notional, *at_venue);
    }
    const Money most = tightest(limits, &Limits::max_order_notional).value_or(Money{});
    if (value > most) return refuse(Reason::order_notional_above_limit, most, value);
    if (order.origin == domain::Origin::agent) {
      const Money least = tightest(limits, &Limits::max_agent_order_notional).value_or(Money{});
      if (value > least) return refuse(Reason::order_notional_above_limit, least, value);
    }
    return pass;
  }

  /// What is held when the order is filled must be fit to be let out again.
  Refusal way_back() const {
    // What only closes is let out as far as it can be.
    const bool only_closes = order.reduce_only || view.trading != domain::TradingState::active;
    if (view.is_plan || only_closes) return pass;
    const domain::InstrumentRules& rules = *view.rules;
    const Quantity before = view.position;
    Int128 after = 0;
    if (is_buy() ? __builtin_add_overflow(before.raw(), order.quantity.raw(), &after)
                 : __builtin_sub_overflow(before.raw(), order.quantity.raw(), &after)) {
      return refuse(Reason::notional_overflow, Money::from_raw(greatest), shown(order.quantity));
    }
    if (after < 0) after = saturating_negate(after);
    const Quantity rest = domain::round_down(Quantity::from_raw(after), rules.lot);
    if (rest.is_zero()) return pass;
    const auto value = domain::notional(std::min(worst_price(), *view.reference), rest);
    const std::int64_t margin =
        widest(limits, &Limits::exit_margin_pct).value_or(config::Percent{}).parts();
    const std::int64_t kept = config::Percent::parts_per_whole - margin;
    const auto lower =
        value ? domain::scaled(*value, kept, config::Percent::parts_per_whole) : std::nullopt;
    if (rest < rules.min_quantity) {
      return refuse(Reason::remainder_not_exitable, shown(rules.min_quantity), shown(rest));
    }
    if (rules.min_notional_for_market && lower && *lower < rules.min_notional) {
      return refuse(Reason::remainder_not_exitable, rules.min_notional, *lower);
    }
    return pass;
  }

  /// With one of our own orders on the other side we would be both buyer and seller.
  Refusal self_trade() const {
    if (view.is_plan || !view.own_opposite) return pass;
    const bool meets = is_market() || (is_buy() ? order.limit_price >= *view.own_opposite
                                                : order.limit_price <= *view.own_opposite);
    return meets ? refuse(Reason::would_trade_with_itself, shown(*view.own_opposite),
                          shown(order.limit_price))
                 : pass;
  }

  Refusal duplicate() const {
    const auto window = widest(limits, &Limits::duplicate_window);
    if (!window || !view.since_equal || *view.since_equal >= *window) return pass;
    return refuse(Reason::duplicate_within_window, Money::from_raw(window->count()),
                  Money::from_raw(view.since_equal->count()));
  }

  Refusal position(Money value) const {
    const Quantity closes = closable();
    if (order.quantity <= closes) return pass;
    // Only what does not close the position adds to one.
    const Quantity rest = Quantity::from_raw(order.quantity.raw() - closes.raw());
    const Money added = closes.is_zero()
                            ? value
                            : in_reporting(domain::notional(worst_price(), rest)).value_or(value);
    const auto gross = [&](std::size_t level) {
      const Int128 stands = view.exposure[level].position_notional.raw();
      return Money::from_raw(saturating_add(stands < 0 ? 0 : stands, added.raw()));
    };
    const Refusal by_position = tightest_room(
        limits, Reason::position_notional_above_limit,
        [](const Limits& level) { return level.max_position_notional; }, gross);
    if (by_position.reason != Reason::none) return by_position;
    const Refusal by_gross = when_set(
        Reason::gross_notional_above_limit,
        [](const Limits& level) { return level.max_gross_notional; }, gross);
    if (by_gross.reason != Reason::none) return by_gross;
    const Refusal by_net = when_set(
        Reason::net_notional_above_limit,
        [](const Limits& level) { return level.max_net_notional; },
        [&](std::size_t level) {
          const Int128 stands = view.exposure[level].net_notional.raw();
          const Int128 on_its_side = is_buy() ? stands : saturating_negate(stands);
          const Int128 after = saturating_add(on_its_side, added.raw());
          return Money::from_raw(after < 0 ? 0 : after);
        });
    if (by_net.reason != Reason::none) return by_net;
    return leverage(gross);
  }

  /// Like `tightest_room`, but where no level has the limit it does not bind.
  template <class Limit, class Actual>
  Refusal when_set(Reason reason, Limit limit_at, Actual actual_at) const {
    const bool is_set = std::any_of(limits.begin(), limits.end(), [&](const Limits* level) {
      return level != nullptr && limit_at(*level).has_value();
    });
    return is_set ? tightest_room(limits, reason, limit_at, actual_at) : pass;
  }

  template <class Gross>
  Refusal leverage(Gross gross) const {
    for (std::size_t level = 0; level < level_count; ++level) {
      if (limits[level] == nullptr || !limits[level]->max_leverage) continue;
      const auto& equity = view.exposure[level].equity;
      if (!equity) return refuse(Reason::missing_balance);
      const auto most = domain::scaled(*equity, *limits[level]->max_leverage, 1);
      if (!most || gross(level) > *most) {
        return refuse(Reason::leverage_above_limit, most.value_or(Money{}), gross(level));
      }
    }
    return pass;
  }

  Refusal funds(Money value) const {
    if (view.is_plan) return pass;
    if (is_buy() ? !view.free_quote : !view.free_base_as_money) {
      return refuse(Reason::missing_balance, {}, is_buy() ? value : shown(order.quantity));
    }
    if (is_buy()) {
      const Money free = view.free_quote.value_or(Money{});
      // What only closes pays its fee out of what it closes.
      const std::int64_t fee =
          order.reduce_only
              ? 0
              : widest(limits, &Limits::fee_reserve_pct).value_or(config::Percent{}).parts();
      const auto with_fee = domain::scaled(value, config::Percent::parts_per_whole + fee,
                                           config::Percent::parts_per_whole);
      if (!with_fee) return refuse(Reason::notional_overflow, Money::from_raw(greatest), value);
      value = *with_fee;
      return free < value ? refuse(Reason::insufficient_funds, free, value) : pass;
    }
    const Money free = view.free_base_as_money.value_or(Money{});
    return free < shown(order.quantity)
               ? refuse(Reason::insufficient_funds, free, shown(order.quantity))
               : pass;
  }

  Refusal counts() const {
    const auto limit_of = [](std::optional<std::int32_t> Limits::*member) {
      return [member](const Limits& level) {
        return level.*member ? std::optional{shown(std::int64_t{*(level.*member)})} : std::nullopt;
      };
    };
    const Refusal open =
        tightest_room(limits, Reason::too_many_open_orders, limit_of(&Limits::max_open_orders),
                      [this](std::size_t level) {
                        return shown(std::int64_t{view.exposure[level].open_orders} + 1);
                      });
    if (open.reason != Reason::none) return open;
    if (view.is_plan) return pass;
    const Refusal messages =
        when_set(Reason::too_many_messages, limit_of(&Limits::max_messages_per_minute),
                 [this](std::size_t level) {
                   return shown(std::int64_t{view.exposure[level].messages_in_last_minute} + 1);
                 });
    if (messages.reason != Reason::none) return messages;
    return tightest_room(
        limits, Reason::too_many_orders_per_second, limit_of(&Limits::max_orders_per_second),
        [this](std::size_t level) {
          return shown(std::int64_t{view.exposure[level].orders_in_last_second} + 1);
        });
  }

  Refusal way_out() const {
    if (view.journal != domain::JournalRoom::open) return refuse(Reason::journal_unavailable);
    if (view.is_plan) return pass;
    if (!view.outbox_has_room) return refuse(Reason::outbox_full);
    return pass;
  }

  Refusal first() const {
    Money value;
    Money in_quote;
    Refusal refusal = state();
    const auto passed = [&refusal] { return refusal.reason == Reason::none; };
    if (passed()) refusal = instrument();
    if (passed()) refusal = clock();
    if (passed()) refusal = quantity();
    if (passed()) refusal = prices();
    if (passed()) refusal = reference();
    if (passed()) refusal = notional(value, in_quote);
    if (passed()) refusal = way_back();
    if (passed()) refusal = position(value);
    if (passed()) refusal = funds(in_quote);
    if (passed()) refusal = self_trade();
    if (passed()) refusal = duplicate();
    if (passed()) refusal = counts();
    if (passed()) refusal = way_out();
    return refusal;
  }
};

}  // namespace

Verdict Gate::check(const NewOrder& order, const View& view,
                    const LimitSet& limits) const noexcept {
  const Refusal refusal = Check{order, view, limits}.first();
  if (refusal.reason != Reason::none) return refusal;
  return domain::Approved<NewOrder>{order};
}

}  // namespace halcyon::risk
