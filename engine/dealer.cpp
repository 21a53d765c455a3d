#include "engine/dealer.h"

#include <algorithm>
#include <array>
#include <utility>

namespace halcyon::engine {

using domain::Money;
using domain::NewOrder;
using domain::OrderType;
using domain::Quantity;
using domain::Reason;
using domain::Side;
using domain::TimeInForce;
using risk::Refusal;

namespace {

/// A family is followed through so many replaced legs.
constexpr int longest_family = 1000;

template <std::size_t size, class Enum>
bool at(const std::array<bool, size>& table, Enum which) {
  const auto index = static_cast<std::size_t>(which);
  return index < size && table[index];
}

}  // namespace

Dealer::Dealer(const Setup& setup, const Market& market, const Valuation& valuation,
               const Portfolio& portfolio, const Accounts& accounts, const TradingStates& states,
               const LimitBook& limits, Orders& orders, OrderManager& order_manager,
               Decisions& decisions)
    : catalog_(*setup.catalog),
      config_(*setup.config),
      abilities_(setup.abilities),
      market_(market),
      valuation_(valuation),
      portfolio_(portfolio),
      accounts_(accounts),
      states_(states),
      limits_(limits),
      orders_(orders),
      order_manager_(order_manager),
      decisions_(decisions),
      exposure_(catalog_, accounts, orders, portfolio, market, valuation, decisions),
      clocks_(catalog_.venues().size()) {
  abilities_.resize(catalog_.venues().size());
}

const domain::OrderAbilities& Dealer::abilities(domain::AccountId account) const {
  return abilities_[domain::index_of(accounts_[account].venue)];
}

void Dealer::on_clock(domain::VenueId venue, domain::Duration offset) {
  if (domain::index_of(venue) < clocks_.size()) {
    clocks_[domain::index_of(venue)] = Clock{offset, decisions_.now()};
  }
}

void Dealer::on_started() { std::fill(clocks_.begin(), clocks_.end(), std::nullopt); }

domain::Timestamp Dealer::day_end() const {
  const std::chrono::minutes shift{config_.risk.day_start.minutes};
  const auto day = std::chrono::floor<std::chrono::days>(decisions_.now() - shift);
  return domain::Timestamp{day} + std::chrono::days{1} + shift;
}

std::optional<Refusal> Dealer::submit(NewOrder order) {
  if (!accounts_.knows(order.account) || !accounts_[order.account].is_configured) {
    return Refusal{Reason::unknown_account, {}, {}};
  }
  if (!market_.knows(order.instrument) ||
      catalog_.instrument(order.instrument).venue != accounts_[order.account].venue) {
    return Refusal{Reason::unknown_instrument, {}, {}};
  }
  const domain::OrderAbilities& able = abilities(order.account);
  if (domain::has_trigger(order.type)) {
    const bool trails = order.type == OrderType::trailing_stop;
    const bool is_native =
        at(able.types, order.type) &&
        (!trails || (order.trailing_bps > 0 ? able.trails_by_bps : able.trails_by_offset));
    // One leg of a group is with the venue, the others wait here: both could be filled there.
    order.is_emulated |= !is_native || !order.group.is_none() || !order.parent.is_none();
  } else {
    order.is_emulated = false;  // there is no price to wait for
  }
  if (order.time_in_force == TimeInForce::day && order.expires == domain::never) {
    order.expires = day_end();
  }
  const bool is_held = order.is_emulated || !order.parent.is_none() || !order.group.is_none() ||
                       !order.replaces.is_none();
  const risk::Verdict verdict = judge(order, is_held);
  if (const auto* refusal = std::get_if<Refusal>(&verdict)) return *refusal;
  if (is_held) {
    order_manager_.hold(order);
    return std::nullopt;
  }
  const NewOrder sent = as_sent(order);
  if (sent.time_in_force == order.time_in_force) {
    exposure_.on_order(order);
    order_manager_.place(std::get<domain::Approved<NewOrder>>(verdict));
    return std::nullopt;
  }
  // The venue does not know this time in force: it gets a form of it that the gate has seen too.
  const risk::Verdict form = judge(sent, false);
  if (const auto* refusal = std::get_if<Refusal>(&form)) return *refusal;
  exposure_.on_order(order);
  order_manager_.place(order, std::get<domain::Approved<NewOrder>>(form));
  return std::nullopt;
}

NewOrder Dealer::as_sent(const NewOrder& order) const {
  NewOrder sent = order;
  if (order.is_emulated) {
    switch (order.type) {
      case OrderType::stop:
      case OrderType::take_profit:
      case OrderType::trailing_stop:
        sent.type = OrderType::market;
        break;
      case OrderType::stop_limit:
      case OrderType::take_profit_limit:
        sent.type = OrderType::limit;
        break;
      case OrderType::market:
      case OrderType::limit:
        break;
    }
    sent.stop_price = {};
    sent.trailing_offset = {};
    sent.trailing_bps = 0;
  }
  if (!at(abilities(order.account).times_in_force, sent.time_in_force)) {
    sent.time_in_force = TimeInForce::gtc;
    sent.expires = domain::never;
  }
  return sent;
}

NewOrder Dealer::leaving(const Order& order, Quantity quantity, Side side, bool waits_there) const {
  NewOrder wanted = order.asked;
  const domain::Terms terms = order.terms();
  wanted.quantity = quantity;
  wanted.limit_price = terms.limit_price;
  wanted.stop_price = terms.stop_price;
  wanted.side = side;
  if (waits_there) wanted.is_emulated = false;
  return as_sent(wanted);
}

bool Dealer::may_wait_there(const NewOrder& order, bool in_pair) const {
  const domain::OrderAbilities& able = abilities(order.account);
  const bool is_stop = order.type == OrderType::stop || order.type == OrderType::stop_limit;
  return config_.engine.brackets == config::Brackets::native && is_stop &&
         at(able.types, order.type) && (!in_pair || able.lists);
}

std::optional<Refusal> Dealer::release_pair(Order& one, Order& other, Quantity quantity,
                                            Side side) {
  const NewOrder first = leaving(one, quantity, side, true);
  const NewOrder second = leaving(other, quantity, side, true);
  const risk::Verdict of_first = judge(first, false, &one);
  if (const auto* refusal = std::get_if<Refusal>(&of_first)) return *refusal;
  const risk::Verdict of_second = judge(second, false, &other);
  if (const auto* refusal = std::get_if<Refusal>(&of_second)) return *refusal;
  exposure_.on_order(first);
  exposure_.on_order(second);
  order_manager_.release_pair(one, std::get<domain::Approved<NewOrder>>(of_first), other,
                              std::get<domain::Approved<NewOrder>>(of_second));
  return std::nullopt;
}

std::optional<Refusal> Dealer::release(Order& order, Quantity quantity, Side side,
                                       bool waits_there) {
  const NewOrder sent = leaving(order, quantity, side, waits_there);
  const risk::Verdict verdict = judge(sent, false, &order);
  if (const auto* refusal = std::get_if<Refusal>(&verdict)) return *refusal;
  exposure_.on_order(sent);
  order_manager_.release(order, std::get<domain::Approved<NewOrder>>(verdict));
  return std::nullopt;
}

Dealer::Amended Dealer::amend(domain::OrderId id, domain::Terms terms) {
  const auto refuse = [](Reason reason, Money limit = {}, Money actual = {}) {
    return Amended{{reason, limit, actual}, {}};
  };
  Order* const found = orders_.find(id);
  if (found == nullptr) return refuse(Reason::unknown_order);
  Order& order = *found;
  if (order.is_terminal()) return refuse(Reason::order_already_ended);
  if (!order.is_ours()) return refuse(Reason::not_permitted);
  const domain::Terms before = order.terms();
  if (terms.quantity.is_zero()) terms.quantity = before.quantity;
  if (terms.limit_price.is_zero()) terms.limit_price = before.limit_price;
  if (terms.stop_price.is_zero()) terms.stop_price = before.stop_price;
  if (terms == before) return refuse(Reason::nothing_to_amend);
  if (terms.quantity <= order.now.filled) {
    return refuse(Reason::quantity_not_above_filled, Money::from_raw(order.now.filled.raw()),
                  Money::from_raw(terms.quantity.raw()));
  }
  NewOrder next = order.asked;
  next.quantity = terms.quantity;
  next.limit_price = terms.limit_price;
  next.stop_price = terms.stop_price;
  if (order.is_held()) {
    const risk::Verdict verdict = judge(next, true, &order);
    if (const auto* refusal = std::get_if<Refusal>(&verdict)) return Amended{*refusal, {}};
    order_manager_.amend_held(order, terms);
    return {};
  }
  const bool is_working = order.now.state == domain::OrderState::accepted ||
                          order.now.state == domain::OrderState::partially_filled;
  if (!is_working || order.is_replace_open() || order.is_cancel_unknown() ||
      order.is_owed_fills()) {
    return refuse(Reason::amend_under_way);
  }
  if (!order.asked.parent.is_none()) {
    // A child never asks for more than its parent was filled by, less what others have closed.
    const Quantity most = left_for_child(order.asked);
    if (terms.quantity > most) {
      return refuse(Reason::reduce_only_would_increase, Money::from_raw(most.raw()),
                    Money::from_raw(terms.quantity.raw()));
    }
  }
  const bool waits_there = order.is_trigger_at_venue();
  NewOrder there = next;
  if (waits_there) there.is_emulated = false;
  const NewOrder sent = as_sent(there);
  const risk::Verdict verdict = judge(sent, false, &order);
  if (const auto* refusal = std::get_if<Refusal>(&verdict)) return Amended{*refusal, {}};
  const domain::OrderAbilities& able = abilities(order.asked.account);
  const bool only_less = terms.quantity < before.quantity &&
                         terms.limit_price == before.limit_price &&
                         terms.stop_price == before.stop_price;
  // The legs of a list are of one size: one of them cannot be made smaller alone.
  const bool is_alone = next.group.is_none();
  if (is_alone && (able.amends_all || (able.amends_quantity_down && only_less))) {
    exposure_.on_order(sent);
    order_manager_.amend(order, std::get<domain::Approved<NewOrder>>(verdict));
    return {};
  }
  if (!next.group.is_none() && orders_.is_group_full(next.group)) {
    return refuse(Reason::group_incomplete);
  }
  if (next.is_emulated &&
      !waits_there) {  // its price has come: the new leg does not wait for it again
    next.type = sent.type;
    next.stop_price = {};
    next.trailing_offset = {};
    next.trailing_bps = 0;
    next.is_emulated = false;
  }
  next.id = decisions_.next_id();
  next.replaces = id;
  next.created = decisions_.now();
  // In one message where nothing is filled yet, and the venue sees to it that this stays so. What
  // others depend on stays as it is until its end is proven.
  if (able.cancel_replaces && order.now.filled.is_zero() && is_alone && next.parent.is_none() &&
      !next.is_emulated && order_manager_.has_room() && !has_children(id)) {
    const risk::Verdict of_leg = judge(as_sent(next), false, &order);
    if (const auto* refusal = std::get_if<Refusal>(&of_leg)) return Amended{*refusal, {}};
    exposure_.on_order(sent);
    order_manager_.cancel_replace(id, next, std::get<domain::Approved<NewOrder>>(of_leg));
    return Amended{{}, next.id};
  }
  // Else in two steps, so that there is never more at the venue than was asked for. The new leg is
  // counted when it leaves.
  order_manager_.hold(next);
  order_manager_.cancel(*orders_.find(id), Reason::replaced_by_new_order);
  return Amended{{}, next.id};
}

void Dealer::deny(const NewOrder& order, const Refusal& refusal) {
  decisions_.record(domain::OrderDenied{order, refusal.reason, refusal.limit, refusal.actual});
}

const Order* Dealer::last_of_family(domain::OrderId first) const {
  const Order* last = std::as_const(orders_).find(first);
  for (int steps = 0; steps < longest_family && last != nullptr; ++steps) {
    const domain::OrderId next = orders_.successor(last->id());
    const Order* found = next.is_none() ? nullptr : std::as_const(orders_).find(next);
    if (found == nullptr) break;
    last = found;
  }
  return last;
}

bool Dealer::has_children(domain::OrderId id) const {
  bool found = false;
  orders_.each_live([&](const Order& order) {
    if (order.asked.parent.is_none()) return;
    const Order* leg = last_of_family(order.asked.parent);
    found |= leg != nullptr && leg->id() == id;
  });
  return found;
}

Quantity Dealer::left_for_child(const NewOrder& child) {
  Quantity left = filled_of_family(child.parent);
  const auto take = [&left](Quantity closed) { left -= std::min(left, closed); };
  if (!child.group.is_none()) {  // replaced legs are of the group too
    orders_.each_of_group(child.group, [&](const Order& other) {
      if (other.id() != child.id) take(other.now.filled);
    });
    return left;
  }
  domain::OrderId id = child.replaces;
  for (int steps = 0; steps < longest_family && !id.is_none(); ++steps) {
    const Order* leg = std::as_const(orders_).find(id);
    if (leg == nullptr) break;
    take(leg->now.filled);
    id = leg->asked.replaces;
  }
  return left;
}

Quantity Dealer::filled_of_family(domain::OrderId first) const {
  Quantity sum;
  domain::OrderId id = first;
  for (int steps = 0; steps < longest_family && !id.is_none(); ++steps) {
    const Order* leg = std::as_const(orders_).find(id);
    if (leg == nullptr) break;
    sum += leg->now.filled;
    id = orders_.successor(id);
  }
  return sum;
}

risk::Verdict Dealer::judge(const NewOrder& order, bool is_plan, const Order* replaced) {
  risk::View view = view_for(order, replaced);
  view.is_plan = is_plan;
  return gate_.check(order, view, limits_.of(order));
}

Money Dealer::reserved(const NewOrder& order, domain::AssetId asset, const Order* replaced) const {
  // The venue's free amount knows an order once it has acknowledged it and told the balance after.
  // Until then what the order may take is reserved here, unknown ones included.
  Money sum;
  orders_.each_live([&](const Order& live) {
    if (live.asked.account != order.account || !live.is_ours() || live.is_held()) return;
    const domain::Instrument& instrument = catalog_.instrument(live.asked.instrument);
    const bool is_buy = live.asked.side == Side::buy;
    if ((is_buy ? instrument.quote : instrument.base) != asset) return;
    const bool is_known_there =
        live.place.state == domain::RequestState::acknowledged &&
        portfolio_.balance_time(order.account, asset) >= live.now.evidence.venue_time;
    const bool is_replaced = replaced != nullptr && live.id() == replaced->id();
    // What the order that is replaced has locked at the venue comes free.
    if (is_known_there != is_replaced) return;
    const Quantity open = live.open_quantity();
    Money its = Money::from_raw(open.raw());
    if (is_buy) {
      domain::Price price = live.terms().limit_price;
      if (!domain::has_limit_price(live.asked.type)) {
        price = live.terms().stop_price;
        if (const auto reference = market_.reference(instrument.id)) {
          price = std::max(price, reference->price);
        }
      }
      its = domain::notional(price, open).value_or(Money{});
    }
    sum += is_replaced ? -its : its;
  });
  return sum;
}

risk::View Dealer::view_for(const NewOrder& order, const Order* replaced) {
  const domain::Instrument& instrument = catalog_.instrument(order.instrument);
  const Account& account = accounts_[order.account];
  risk::View view;
  view.now = decisions_.now();
  view.trading = is_stopping_ ? domain::TradingState::halted
                              : states_.strictest(order.account, order.strategy, order.instrument);
  view.kill_switch = states_.is_killed();
  view.strategy_paused =
      order.origin == domain::Origin::strategy && states_.is_paused(order.strategy);
  view.journal = journal_;
  view.account_known = account.is_configured;
  view.account_ready = account.is_ready;
  view.stream_ready = account.is_stream_ready && !account.is_silent;
  view.instrument_allowed = std::find(account.instruments.begin(), account.instruments.end(),
                                      order.instrument) != account.instruments.end();
  const auto& clock = clocks_[domain::index_of(account.venue)];
  if (clock && decisions_.now() - clock->measured <= clock_valid) view.clock_offset = clock->offset;
  view.outbox_has_room = order_manager_.has_room();
  const Order* same = orders_.find(order.id);
  view.is_duplicate = same != nullptr && same != replaced;
  view.rules = market_.rules(order.instrument);
  if (const auto reference = market_.reference(order.instrument)) {
    view.reference = reference->price;
    view.reference_time = reference->time;
  }
  if (const auto trade = market_.last_trade(order.instrument)) {
    view.last_trade = trade->price;
    view.last_trade_time = trade->time;
  }
  const auto rate = valuation_.report(Money::from_units(1), instrument.quote);
  // A rate of zero would make every order worth nothing.
  if (rate && rate->is_positive() && rate->raw() <= INT64_MAX) {
    view.quote_rate = domain::Price::from_raw(static_cast<std::int64_t>(rate->raw()));
  }
  if (order.side == Side::buy) {
    if (const auto free = portfolio_.free(order.account, instrument.quote)) {
      view.free_quote = *free - reserved(order, instrument.quote, replaced);
    }
  } else if (const auto free = portfolio_.free(order.account, instrument.base)) {
    view.free_base_as_money = *free - reserved(order, instrument.base, replaced);
  }
  exposure_.fill(order, replaced, view);
  // An amend names all of the order: what it was filled by is in the position already.
  if (replaced != nullptr && !replaced->is_held()) {
    const Quantity filled = replaced->now.filled;
    view.position += order.side == Side::buy ? -filled : filled;
  }
  return view;
}

}  // namespace halcyon::engine
