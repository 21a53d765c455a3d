#include "engine/keeper.h"

#include <algorithm>
#include <utility>

#include "domain/enum_name.h"

namespace halcyon::engine {

using domain::NewOrder;
using domain::OrderArmed;
using domain::OrderId;
using domain::OrderType;
using domain::Price;
using domain::Quantity;
using domain::Reason;
using domain::Side;

namespace {

/// How far a trailing stop stays behind the best price; empty: it does not fit.
std::optional<Price> distance(const NewOrder& asked, Price extreme) {
  if (asked.trailing_offset.is_positive()) return asked.trailing_offset;
  constexpr std::int64_t bps_per_whole = 10'000;
  return domain::scaled(extreme, asked.trailing_bps, bps_per_whole);
}

bool is_at_venue(const Order& order) { return !order.is_terminal() && !order.is_held(); }

/// Ended, and every fill that the venue counted is booked.
bool is_over(const Order& order) { return order.is_terminal() && !order.is_owed_fills(); }

}  // namespace

Keeper::Keeper(const Market& market, const Portfolio& portfolio, const Accounts& accounts,
               Orders& orders, OrderManager& order_manager, Dealer& dealer, Decisions& decisions)
    : market_(market),
      portfolio_(portfolio),
      accounts_(accounts),
      orders_(orders),
      order_manager_(order_manager),
      dealer_(dealer),
      decisions_(decisions),
      waiting_(market.size()) {
  held_.reserve(256);
}

bool Keeper::is_flatten(const NewOrder& asked) {
  return asked.type == OrderType::market && asked.parent.is_none() && asked.group.is_none() &&
         asked.replaces.is_none();
}

void Keeper::arm(const Order& order, OrderArmed next) {
  next.order = order.id();
  decisions_.record(next);
}

bool Keeper::trail(Order& order, Price price) {
  const NewOrder& asked = order.asked;
  const bool is_sell = asked.side == Side::sell;
  OrderArmed next = order.armed;
  if (next.extreme.is_zero()) {
    const Price begin = order.terms().stop_price;
    const bool begins = begin.is_zero() || (is_sell ? price >= begin : price <= begin);
    if (!begins) return false;
    next.extreme = price;
  }
  if (is_sell ? price > next.extreme : price < next.extreme) next.extreme = price;
  const auto behind = distance(asked, next.extreme);
  if (!behind) return false;
  const domain::InstrumentRules* rules = market_.rules(asked.instrument);
  const Price tick = rules == nullptr ? Price{} : rules->tick;
  const Price stop =
      domain::round_down(is_sell ? next.extreme - *behind : next.extreme + *behind, tick);
  if (order.armed.extreme.is_zero() || stop != next.stop_price) {
    next.stop_price = stop;
    arm(order, next);
  }
  return is_sell ? price <= stop : price >= stop;
}

bool Keeper::watch(Order& order, Price price) {
  if (order.asked.type == OrderType::trailing_stop) return trail(order, price);
  const bool is_stop =
      order.asked.type == OrderType::stop || order.asked.type == OrderType::stop_limit;
  const bool waits_for_more = is_stop == (order.asked.side == Side::buy);
  const Price stop = order.terms().stop_price;
  return waits_for_more ? price >= stop : price <= stop;
}

void Keeper::on_price(domain::InstrumentId instrument, Price price) {
  if (waiting_[domain::index_of(instrument)] == 0 || !price.is_positive()) return;
  bool has_come = false;
  orders_.each_live([&](Order& order) {
    if (!order.is_held() || order.asked.instrument != instrument ||
        !domain::has_trigger(order.asked.type) || order.armed.is_triggered) {
      return;
    }
    const OrderId parent = order.asked.parent;
    if (!parent.is_none() && dealer_.filled_of_family(parent).is_zero()) return;
    if (!watch(order, price)) return;
    OrderArmed next = order.armed;
    next.is_triggered = true;
    arm(order, next);
    has_come = true;
  });
  if (has_come) settle();
}

void Keeper::settle() {
  held_.clear();
  std::fill(waiting_.begin(), waiting_.end(), 0);
  orders_.each_live([&](const Order& order) {
    if (!order.is_held()) return;
    held_.push_back(order.id());
    if (domain::has_trigger(order.asked.type) && !order.armed.is_triggered) {
      ++waiting_[domain::index_of(order.asked.instrument)];
    }
  });
  for (const OrderId id : held_) settle(id);
  // What protects has nothing to do any more when nothing is held: it must not trade on.
  orders_.each_live([&](Order& order) {
    const bool protects = order.asked.origin == domain::Origin::protection &&
                          order.asked.reduce_only && is_at_venue(order);
    if (!protects || !order.cancel.request.is_none()) return;
    if (closable(order.asked).is_zero()) order_manager_.cancel(order, Reason::parent_ended);
  });
}

void Keeper::settle(OrderId id) {
  Order* order = orders_.find(id);
  if (order == nullptr || !order->is_held()) return;
  if (order->watch.retry_due <= decisions_.now()) order->watch.retry_due = domain::never;
  const Step step = judge(*order);
  order = orders_.find(id);
  switch (step.next) {
    case Next::wait:
      break;
    case Next::end_unfilled:
      order_manager_.end_held(*order, Reason::parent_ended);
      break;
    case Next::end_filled:
      order_manager_.end_held(*order, Reason::group_filled);
      break;
    case Next::go:
      go(*order, step);
      break;
  }
}

Keeper::Step Keeper::judge_flatten(const Order& order) const {
  const NewOrder& asked = order.asked;
  bool is_alone = true;
  orders_.each_live([&](const Order& other) {
    is_alone &= other.id() == order.id() || other.asked.account != asked.account ||
                other.asked.strategy != asked.strategy ||
                other.asked.instrument != asked.instrument || other.is_held();
  });
  if (!is_alone) return {};
  const Quantity held = portfolio_.held(asked.account, asked.strategy, asked.instrument);
  const domain::InstrumentRules* rules = market_.rules(asked.instrument);
  if (rules == nullptr) return {};
  const Quantity size = domain::round_down(held.abs(), rules->lot);
  if (size.is_zero() || size < rules->min_quantity) return {Next::end_filled, {}, asked.side};
  return {Next::go, size, held.is_negative() ? Side::buy : Side::sell};
}

void Keeper::cancel(Order& order, Reason why) {
  // While the path is down a cancel is refused at once; it is asked for again when it is back.
  if (!accounts_[order.asked.account].is_stream_ready) return;
  const bool has_failed =
      !order.cancel.request.is_none() && order.cancel.state == domain::RequestState::refused;
  if (has_failed) {
    if (order.watch.retry_due != domain::never) return;
    order.watch.retry_due = decisions_.now() + retry_interval;
    decisions_.wake_at(order.watch.retry_due);
  }
  order_manager_.cancel(order, why);
}

bool Keeper::replaces(const NewOrder& asked, OrderId old) const {
  for (OrderId id = asked.replaces; !id.is_none();) {
    if (id == old) return true;
    const Order* leg = std::as_const(orders_).find(id);
    id = leg == nullptr ? OrderId{} : leg->asked.replaces;
  }
  return false;
}

Quantity Keeper::closable(const NewOrder& asked) const {
  const Quantity held = portfolio_.held(asked.account, asked.strategy, asked.instrument);
  const bool closes = held.is_negative() == (asked.side == Side::buy);
  return closes ? held.abs() : Quantity{};
}

Keeper::Step Keeper::judge(Order& order) {
  const NewOrder asked = order.asked;
  if (is_flatten(asked)) return judge_flatten(order);
  const bool waits_for_price = domain::has_trigger(asked.type) && asked.is_emulated;
  if (waits_for_price && !order.armed.is_triggered && asked.parent.is_none() &&
      asked.group.is_none() && asked.replaces.is_none()) {
    return {};
  }
  Quantity rest = order.terms().quantity;

  if (!asked.replaces.is_none()) {
    Order* const old = orders_.find(asked.replaces);
    if (old != nullptr) {
      if (!old->is_terminal()) {
        // Its cancel did not work: it is asked for again, and nothing goes out before it has ended.
        const bool has_failed = old->cancel.state == domain::RequestState::refused;
        if (has_failed && !old->is_held()) cancel(*old, Reason::replaced_by_new_order);
        return {};
      }
      if (!is_over(*old)) return {};
      rest -= std::min(rest, old->now.filled);
      if (rest.is_zero()) return {Next::end_filled, {}, asked.side};
    }
  }
  if (!asked.parent.is_none()) {
    const Order* parent = dealer_.last_of_family(asked.parent);
    const Quantity bought = dealer_.filled_of_family(asked.parent);
    const bool has_ended = parent == nullptr || is_over(*parent);
    if (has_ended && bought.is_zero()) return {Next::end_unfilled, {}, asked.side};
    if (!has_ended) {
      if (!order.armed.is_triggered || bought.is_zero()) return {};
      Order* const working = orders_.find(parent->id());
      if (is_at_venue(*working)) cancel(*working, Reason::canceled_by_strategy);
      if (!is_over(*working)) return {};
    }
    rest = std::min(rest, dealer_.filled_of_family(asked.parent));
  }
  if (!asked.group.is_none()) {
    Quantity lost;
    bool is_any_there = false;
    bool is_stop_going = false;
    orders_.each_of_group(asked.group, [&](Order& other) {
      if (other.id() == asked.id || replaces(asked, other.id())) return;
      lost += other.now.filled;
      is_stop_going |= other.armed.is_triggered && !is_over(other);
      is_any_there |= is_at_venue(other) || other.is_owed_fills();
      // A stop that has come takes the place of the others.
      const bool takes_place = waits_for_price && order.armed.is_triggered;
      if (takes_place && is_at_venue(other)) cancel(other, Reason::group_filled);
    });
    if (lost >= rest) return {Next::end_filled, {}, asked.side};
    rest -= lost;
    if (waits_for_price && order.armed.is_triggered && is_any_there) return {};
    // A stop whose price has come goes first, and alone.
    if (!waits_for_price && is_stop_going) return {};
  }
  // What closes never closes more than is held: a fee may have taken from it, or someone else.
  if (asked.reduce_only) {
    const Quantity held = closable(asked);
    const bool is_over_for_it =
        held.is_zero() && (!asked.parent.is_none() || order.armed.is_triggered);
    if (is_over_for_it) return {Next::end_unfilled, {}, asked.side};
    rest = std::min(rest, held);
  }
  if (waits_for_price && !order.armed.is_triggered) return {};
  const domain::InstrumentRules* rules = market_.rules(asked.instrument);
  if (rules == nullptr) return {};
  rest = domain::round_down(rest, rules->lot);
  if (rest.is_zero()) return {Next::end_filled, {}, asked.side};
  return {Next::go, rest, asked.side};
}

void Keeper::go(Order& order, const Step& step) {
  const Account& account = accounts_[order.asked.account];
  if (!account.is_ready || !account.is_stream_ready) return;  // tried again when it is
  if (order.watch.retry_due != domain::never && order.watch.retry_due > decisions_.now()) return;
  const OrderId id = order.id();
  const auto refusal = dealer_.release(order, step.quantity, step.side);
  Order& now = *orders_.find(id);
  if (!refusal) {
    now.watch.retry_due = domain::never;
    return;
  }
  now.watch.retry_due = decisions_.now() + retry_interval;
  decisions_.wake_at(now.watch.retry_due);
  if (now.watch.refused == refusal->reason) return;
  now.watch.refused = refusal->reason;
  dealer_.deny(now.asked, *refusal);
  const bool protects = now.asked.origin == domain::Origin::protection;
  decisions_.notice(
      protects ? domain::Severity::alarm : domain::Severity::warning,
      domain::NoticeCode::protection_missing,
      decisions_.text(
          "{}-{} may not leave: {} (limit {}, actual {}); it is tried again each second", id.epoch,
          id.counter, domain::enum_name(refusal->reason), domain::to_string(refusal->limit),
          domain::to_string(refusal->actual)),
      now.asked.account, now.asked.instrument, id);
}

}  // namespace halcyon::engine
