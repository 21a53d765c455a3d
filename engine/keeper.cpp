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

/// Whether the price that the order waits for is there; of a kind that does not trail.
bool has_come(const Order& order, Price price) {
  const bool is_stop =
      order.asked.type == OrderType::stop || order.asked.type == OrderType::stop_limit;
  const bool waits_for_more = is_stop == (order.asked.side == Side::buy);
  const Price stop = order.terms().stop_price;
  return waits_for_more ? price >= stop : price <= stop;
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
  return asked.type == OrderType::market && asked.is_emulated;
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
  return order.asked.type == OrderType::trailing_stop ? trail(order, price)
                                                      : has_come(order, price);
}

void Keeper::on_price(domain::InstrumentId instrument, Price price) {
  if (waiting_[domain::index_of(instrument)] == 0 || !price.is_positive()) return;
  bool any_has_come = false;
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
    any_has_come = true;
  });
  if (any_has_come) settle();
}

void Keeper::settle() {
  for (const OrderId id : order_manager_.take_unprotected()) renew(id);
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
  // What protects has nothing to do any more when nothing is held: it must not trade on. Nor for
  // more than is left, when something else has closed a part.
  held_.clear();
  orders_.each_live([&](Order& order) {
    const bool protects = order.asked.origin == domain::Origin::protection &&
                          order.asked.reduce_only && is_at_venue(order);
    if (!protects || !order.cancel.request.is_none()) return;
    const Quantity left = closable(order.asked);
    if (left.is_zero()) {
      order_manager_.cancel(order, Reason::parent_ended);
    } else if (left < order.open_quantity() && !is_partner_filled(order)) {
      held_.push_back(order.id());
    }
  });
  for (const OrderId id : held_) {
    const Order& order = *orders_.find(id);
    const domain::InstrumentRules* rules = market_.rules(order.asked.instrument);
    if (rules == nullptr) continue;
    const Quantity left = domain::round_down(closable(order.asked), rules->lot);
    // Refused, it is tried again when more is known.
    dealer_.amend(id, {order.now.filled + left, {}, {}});
  }
}

bool Keeper::is_partner_filled(const Order& order) {
  bool found = false;
  if (order.asked.group.is_none()) return false;
  orders_.each_of_group(order.asked.group, [&](const Order& other) {
    found |= other.id() != order.id() && other.now.filled.is_positive();
  });
  return found;
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
      if (!go_as_pair(*order, step)) go(*order, step);
      break;
    case Next::wait_there:
      // With a partner it leaves when that one does.
      if (partner_of(*order) == nullptr) go(*order, step);
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
    bool is_stop_there = false;
    orders_.each_of_group(asked.group, [&](Order& other) {
      if (other.id() == asked.id || replaces(asked, other.id())) return;
      lost += other.now.filled;
      is_stop_going |= other.armed.is_triggered && !is_over(other);
      const bool is_there = is_at_venue(other) || other.is_owed_fills();
      is_any_there |= is_there;
      is_stop_there |= is_there && other.is_trigger_at_venue();
      // A stop that has come takes the place of the others.
      const bool takes_place = waits_for_price && order.armed.is_triggered;
      if (takes_place && is_at_venue(other)) cancel(other, Reason::group_filled);
    });
    if (lost >= rest) return {Next::end_filled, {}, asked.side};
    rest -= lost;
    if (waits_for_price && order.armed.is_triggered && is_any_there) return {};
    // A stop whose price has come goes first, and alone.
    if (!waits_for_price && (is_stop_going || is_stop_there)) return {};
  }
  // What closes never closes more than is held: a fee may have taken from it, or someone else.
  if (asked.reduce_only) {
    const Quantity held = closable(asked);
    const bool is_over_for_it =
        held.is_zero() &&
        (!asked.parent.is_none() || !asked.group.is_none() || order.armed.is_triggered);
    if (is_over_for_it) return {Next::end_unfilled, {}, asked.side};
    rest = std::min(rest, held);
  }
  const bool waits = waits_for_price && !order.armed.is_triggered;
  if (waits && !may_wait_there(order)) return {};
  const domain::InstrumentRules* rules = market_.rules(asked.instrument);
  if (rules == nullptr) return {};
  rest = domain::round_down(rest, rules->lot);
  if (waits && rest.is_zero()) return {};
  if (rest.is_zero()) return {Next::end_filled, {}, asked.side};
  return {waits ? Next::wait_there : Next::go, rest, asked.side};
}

bool Keeper::may_wait_there(const Order& order) const {
  const NewOrder& asked = order.asked;
  if (!asked.replaces.is_none()) {
    // What the venue has refused once stays here.
    const Order* old = std::as_const(orders_).find(asked.replaces);
    if (old == nullptr || old->now.state == domain::OrderState::rejected) return false;
  }
  bool is_any_there = false;
  if (!asked.group.is_none()) {
    orders_.each_of_group(asked.group, [&](const Order& other) {
      is_any_there |= other.id() != asked.id && (is_at_venue(other) || other.is_owed_fills());
    });
  }
  if (is_any_there || !dealer_.may_wait_there(asked, !asked.group.is_none())) return false;
  // A price that has come is no trigger any more: the next one we hear lets it go at the market.
  const auto reference = market_.reference(asked.instrument);
  return reference && !has_come(order, reference->price);
}

Order* Keeper::partner_of(const Order& order) {
  if (order.asked.group.is_none()) return nullptr;
  Order* found = nullptr;
  int alive = 0;
  orders_.each_of_group(order.asked.group, [&](Order& other) {
    if (other.id() == order.id() || other.is_terminal()) return;
    ++alive;
    found = &other;
  });
  const bool is_pair =
      alive == 1 && found->is_held() &&
      domain::has_trigger(found->asked.type) != domain::has_trigger(order.asked.type);
  return is_pair ? found : nullptr;
}

bool Keeper::go_as_pair(Order& order, const Step& step) {
  Order* const stop = domain::has_trigger(order.asked.type) ? nullptr : partner_of(order);
  if (stop == nullptr || !may_go(order) || !may_go(*stop)) return false;
  const Step its = judge(*stop);
  const bool is_pair = its.next == Next::wait_there && its.quantity == step.quantity;
  // What the gate refuses as a pair goes as ever: the one order alone, the stop kept here.
  return is_pair && !dealer_.release_pair(order, *stop, step.quantity, step.side);
}

bool Keeper::may_go(const Order& order) const {
  const Account& account = accounts_[order.asked.account];
  // Tried again when it is.
  if (!account.is_ready || !account.is_stream_ready || account.is_silent) return false;
  return order.watch.retry_due == domain::never || order.watch.retry_due <= decisions_.now();
}

void Keeper::renew(OrderId id) {
  const Order* found = std::as_const(orders_).find(id);
  if (found == nullptr) return;
  const Order lost = *found;  // the records to come may move it
  const bool was_refused = lost.now.state == domain::OrderState::rejected;
  // A take-profit is tried once more; the stop beside it is what protects.
  const bool guards = domain::has_trigger(lost.asked.type) || is_flatten(lost.asked);
  if (!guards && !(was_refused && lost.asked.replaces.is_none())) return;
  const Quantity held =
      portfolio_.held(lost.asked.account, lost.asked.strategy, lost.asked.instrument);
  if (is_flatten(lost.asked) ? held.is_zero() : closable(lost.asked).is_zero()) return;

  int refusals = was_refused ? 1 : 0;
  for (OrderId before = lost.asked.replaces; was_refused && !before.is_none();) {
    const Order* leg = std::as_const(orders_).find(before);
    if (leg == nullptr || leg->now.state != domain::OrderState::rejected) break;
    ++refusals;
    before = leg->asked.replaces;
  }
  const bool is_full = !lost.asked.group.is_none() && orders_.is_group_full(lost.asked.group);
  if (refusals > most_renewals || is_full) {
    decisions_.notice(
        domain::Severity::alarm, domain::NoticeCode::protection_missing,
        decisions_.text("{}-{} was refused {} times, last with {}; it is given up, and {} of the "
                        "position stand without it: close or protect them by hand",
                        id.epoch, id.counter, refusals, domain::enum_name(lost.now.reason),
                        domain::to_string(held)),
        lost.asked.account, lost.asked.instrument, id);
    return;
  }
  NewOrder next = lost.asked;
  next.id = decisions_.next_id();
  next.replaces = id;
  next.created = decisions_.now();
  // What it was for before it left: `judge` takes off again what its group and its legs have
  // traded.
  if (lost.replace.request.is_none()) {
    const Order* before = std::as_const(orders_).find(lost.asked.replaces);
    if (before != nullptr) next.quantity -= std::min(next.quantity, before->now.filled);
  } else {
    next.quantity = lost.terms().quantity;
  }
  next.limit_price = lost.terms().limit_price;
  next.stop_price = lost.terms().stop_price;
  if (guards) next.is_emulated = true;
  order_manager_.hold(next);
  Order& made = *orders_.find(next.id);
  if (lost.armed.is_triggered || !lost.armed.extreme.is_zero()) arm(made, lost.armed);
  if (was_refused) {
    made.watch.retry_due = decisions_.now() + retry_interval * (1 << (refusals - 1));
    decisions_.wake_at(made.watch.retry_due);
  }
  decisions_.notice(
      was_refused ? domain::Severity::alarm : domain::Severity::info,
      domain::NoticeCode::protection_missing,
      decisions_.text("{}-{} protects and is {}, {}; {}-{} takes its place", id.epoch, id.counter,
                      domain::enum_name(lost.now.state), domain::enum_name(lost.now.reason),
                      next.id.epoch, next.id.counter),
      lost.asked.account, lost.asked.instrument, id);
}

void Keeper::go(Order& order, const Step& step) {
  if (!may_go(order)) return;
  const OrderId id = order.id();
  const auto refusal =
      dealer_.release(order, step.quantity, step.side, step.next == Next::wait_there);
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
