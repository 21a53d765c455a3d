#include "simulation/matching.h"

#include <algorithm>
#include <utility>

#include "domain/check.h"

namespace halcyon::simulation {

namespace {

using domain::Int128;
using domain::opposite;

Money cost_of(Price price, Quantity quantity) {
  const auto amount = domain::notional(price, quantity);
  HALCYON_CHECK(amount.has_value(), "price x quantity of an accepted order fits");
  return *amount;
}

Money as_money(Quantity quantity) { return Money::from_raw(quantity.raw()); }

/// amount x numerator / denominator (10^-9 parts both), cut to the venue's decimals.
Money cut(Money amount, std::int64_t numerator, std::int64_t denominator) {
  Int128 product = 0;
  HALCYON_CHECK(!__builtin_mul_overflow(amount.raw(), static_cast<Int128>(numerator), &product),
                "a commission fits 128 bits");
  constexpr Int128 grain = 10;  // 9 decimals inside, 8 at the venue
  static_assert(venue_decimals == domain::decimal_places - 1);
  const Int128 raw = product / denominator;
  return Money::from_raw(raw - raw % grain);
}

}  // namespace

Exchange::Key Exchange::key(Side side, Price price) {
  return side == Side::buy ? -price.raw() : price.raw();
}
Price Exchange::price_at(Side side, Key key) {
  return Price::from_raw(side == Side::buy ? -key : key);
}

AssetIndex Exchange::asset(std::string_view name) {
  const auto found = std::find(assets_.begin(), assets_.end(), name);
  if (found != assets_.end()) {
    return static_cast<AssetIndex>(std::distance(assets_.begin(), found));
  }
  assets_.emplace_back(name);
  return static_cast<AssetIndex>(assets_.size() - 1);
}

const std::string& Exchange::name_of(AssetIndex asset) const {
  return assets_[static_cast<std::size_t>(asset)];
}

AccountIndex Exchange::add_account(Fees fees) {
  accounts_.push_back({fees, {}, {}, {}});
  return static_cast<AccountIndex>(accounts_.size() - 1);
}

MarketIndex Exchange::add_market(Market market) {
  HALCYON_CHECK(market.step.is_positive(), "a market's step is positive");
  Book added;
  added.next_trade_id = market.first_trade_id;
  added.market = std::move(market);
  books_.push_back(std::move(added));
  return static_cast<MarketIndex>(books_.size() - 1);
}

const Market& Exchange::market(MarketIndex index) const { return book(index).market; }

bool Exchange::deposit(AccountIndex to, AssetIndex asset, Money amount) {
  auto& balance = account(to).balances[asset];
  if ((balance.free + amount).is_negative()) return false;
  balance.free += amount;
  return true;
}

Balance Exchange::balance(AccountIndex of, AssetIndex asset) const {
  const auto& balances = account(of).balances;
  const auto found = balances.find(asset);
  return found == balances.end() ? Balance{} : found->second;
}

const Fees& Exchange::fees(AccountIndex of) const { return account(of).fees; }

std::vector<Level> Exchange::outside(MarketIndex market, Side side, std::size_t limit) const {
  std::vector<Level> levels;
  for (const auto& [at, level] : book(market).side(side).outside) {
    if (levels.size() == limit) break;
    levels.push_back({price_at(side, at), level.displayed});
  }
  return levels;
}

std::optional<Level> Exchange::best_outside(MarketIndex market, Side side) const {
  const auto& outside = book(market).side(side).outside;
  if (outside.empty()) return std::nullopt;
  return Level{price_at(side, outside.begin()->first), outside.begin()->second.displayed};
}

const Order* Exchange::find(std::uint64_t order_id) const {
  if (order_id < first_order_id || order_id - first_order_id >= orders_.size()) return nullptr;
  return &order(order_id);
}

const Order* Exchange::find(AccountIndex of, std::string_view client_id) const {
  const auto& ids = account(of).client_ids;
  const auto found = ids.find(std::string{client_id});
  return found == ids.end() ? nullptr : &order(found->second);
}

std::vector<const Order*> Exchange::open_orders(AccountIndex of) const {
  std::vector<const Order*> found;
  for (const auto& [id, market] : account(of).open) found.push_back(&order(id));
  return found;
}

std::size_t Exchange::open_order_count(AccountIndex of, MarketIndex market) const {
  const auto& open = account(of).open;
  return static_cast<std::size_t>(std::count_if(
      open.begin(), open.end(), [&](const auto& row) { return row.second == market; }));
}

AssetIndex Exchange::locked_asset(const Order& order) const {
  const auto& market = book(order.asked.market).market;
  return order.asked.side == Side::buy ? market.quote : market.base;
}

// --- what an order finds -------------------------------------------------------------------------

Exchange::Offer Exchange::offer(const OrderRequest& request) const {
  const Side side = opposite(request.side);
  const auto& from = book(request.market).side(side);
  const bool limited = is_limited(request.type);
  const Key worst = limited ? key(side, request.price) : 0;
  const bool by_quote = request.quantity.is_zero();
  Offer found;
  auto outside = from.outside.begin();
  auto resting = from.resting.begin();
  const auto add = [&](Price price, Quantity available) {
    Quantity part = available;
    if (by_quote) {
      const auto more = domain::quantity_for(request.quote_quantity - found.quote, price);
      if (more) part = std::min(part, *more);
    } else {
      part = std::min(part, request.quantity - found.quantity);
    }
    found.quantity += part;
    found.quote += cost_of(price, part);
    return part == available;
  };
  for (;;) {
    const bool more_outside = outside != from.outside.end();
    const bool more_resting = resting != from.resting.end();
    if (!more_outside && !more_resting) return found;
    const bool take_outside = more_outside && (!more_resting || outside->first <= resting->first);
    const Key at = take_outside ? outside->first : resting->first;
    if (limited && at > worst) return found;
    const Price price = price_at(side, at);
    if (take_outside) {
      if (!add(price, outside->second.available())) return found;
      ++outside;
      continue;
    }
    for (const auto id : resting->second) {
      const auto& maker = order(id);
      if (maker.asked.account == request.account && request.self_trade != SelfTrade::none) continue;
      if (!add(price, maker.remaining())) return found;
    }
    ++resting;
  }
}

bool Exchange::would_take(const OrderRequest& request) const {
  const Side side = opposite(request.side);
  const auto& from = book(request.market).side(side);
  const Key worst = key(side, request.price);
  const bool meets_outside =
      std::any_of(from.outside.begin(), from.outside.upper_bound(worst),
                  [](const auto& level) { return level.second.available().is_positive(); });
  return meets_outside || (!from.resting.empty() && from.resting.begin()->first <= worst);
}

bool Exchange::covered(const OrderRequest& request) const {
  const auto& market = book(request.market).market;
  const Money base = balance(request.account, market.base).free;
  const Money quote = balance(request.account, market.quote).free;
  if (is_limited(request.type)) {
    return (request.side == Side::buy ? quote : base) >= cost(request);
  }
  if (is_conditional(request.type)) {
    const Price price =
        request.stop_price.is_positive() ? request.stop_price : last_price(request.market);
    return request.side == Side::buy ? quote >= cost_of(price, request.quantity)
                                     : base >= as_money(request.quantity);
  }
  if (request.side == Side::buy) {
    return quote >= (request.quantity.is_zero() ? request.quote_quantity : offer(request).quote);
  }
  return base >= as_money(request.quantity.is_zero() ? offer(request).quantity : request.quantity);
}

std::optional<Refused> Exchange::check(const OrderRequest& request) const {
  HALCYON_CHECK(request.type == OrderType::market || request.type == OrderType::limit ||
                    is_conditional(request.type),
                "the venue's own types: a trailing stop is a stop with a distance");
  if (orders_.size() >= max_orders) return Refused::too_many_orders;
  const auto* same = find(request.account, request.client_id);
  if (same != nullptr && is_open(same->status)) return Refused::duplicate_client_id;
  if (!covered(request)) return Refused::insufficient_balance;
  if (request.post_only && would_take(request)) return Refused::would_take;
  if (is_conditional(request.type) && would_trigger(request)) return Refused::would_trigger;
  return std::nullopt;
}

// --- placing and matching ------------------------------------------------------------------------

Money Exchange::cost(const OrderRequest& request) {
  return request.side == Side::buy ? cost_of(request.price, request.quantity)
                                   : as_money(request.quantity);
}

Order& Exchange::open(const OrderRequest& request, std::uint64_t list, Timestamp now) {
  auto& owner = account(request.account);
  auto& opened = orders_.emplace_back();
  opened.id = first_order_id + orders_.size() - 1;
  opened.asked = request;
  opened.quantity = request.quantity;
  opened.list = list;
  opened.created = now;
  opened.updated = now;
  owner.client_ids[request.client_id] = opened.id;
  owner.open.emplace(opened.id, request.market);
  return opened;
}

void Exchange::lock(Order& each, Money amount) {
  auto& balance = account(each.asked.account).balances[locked_asset(each)];
  balance.free -= amount;
  balance.locked += amount;
  each.locked += amount;
  HALCYON_CHECK(!balance.free.is_negative(), "no more is locked than was free");
}

std::variant<std::uint64_t, Refused> Exchange::place(const OrderRequest& request, Timestamp now,
                                                     Reports& reports) {
  if (const auto refused = check(request)) return *refused;
  auto& placed = open(request, 0, now);
  if (is_limited(request.type)) lock(placed, cost(request));
  report(placed, ReportKind::accepted, now, reports);
  start(placed, now, reports);
  follow_up(request.market, now, reports);
  return placed.id;
}

void Exchange::start(Order& each, Timestamp now, Reports& reports) {
  const auto& asked = each.asked;
  if (is_conditional(asked.type) && !each.triggered) {
    book(asked.market).waiting.push_back(each.id);
    return;
  }
  each.working = now;
  if (asked.time_in_force == TimeInForce::fok && is_limited(asked.type) &&
      offer(asked).quantity < each.remaining()) {
    return end(each, OrderStatus::expired, Expiry::unfilled_fok_order, ReportKind::expired, {}, now,
               reports);
  }
  take(each, now, reports);
  if (!is_open(each.status)) return;
  if (!is_limited(asked.type)) {
    end(each, OrderStatus::expired, Expiry::insufficient_liquidity, ReportKind::expired, {}, now,
        reports);
  } else if (asked.time_in_force == TimeInForce::gtc) {
    rest(each);
  } else {
    end(each, OrderStatus::expired, Expiry::unfilled_ioc_quantity, ReportKind::expired, {}, now,
        reports);
  }
}

// --- orders that wait for a price ----------------------------------------------------------------

Price Exchange::last_price(MarketIndex market) const {
  if (const Price last = book(market).last_price; last.is_positive()) return last;
  const auto bid = best_outside(market, Side::buy);
  const auto ask = best_outside(market, Side::sell);
  if (!bid || !ask) return bid ? bid->price : ask ? ask->price : Price{};
  return Price::from_raw(bid->price.raw() / 2 + ask->price.raw() / 2);
}

namespace {

/// Whether the condition is that the price rises to the stop price, not that it falls to it.
bool waits_for_a_rise(const OrderRequest& request) {
  const bool is_stop = request.type == OrderType::stop || request.type == OrderType::stop_limit;
  return is_stop == (request.side == Side::buy);
}

bool is_reached(const OrderRequest& request, Price last) {
  return waits_for_a_rise(request) ? last >= request.stop_price : last <= request.stop_price;
}

}  // namespace

bool Exchange::would_trigger(const OrderRequest& request) const {
  if (!request.stop_price.is_positive()) return false;  // trails from here on
  const Price last = last_price(request.market);
  return last.is_positive() && is_reached(request, last);
}

bool Exchange::is_due(Order& each, Price last, Timestamp now) const {
  const auto& asked = each.asked;
  if (asked.trailing_delta == 0) return is_reached(asked, last);
  const bool buys = asked.side == Side::buy;
  if (!each.trails) {
    if (asked.stop_price.is_positive() && !is_reached(asked, last)) return false;
    each.trails = true;
    each.extreme = last;
    each.trailing_since = now;
    return false;
  }
  each.extreme = buys ? std::min(each.extreme, last) : std::max(each.extreme, last);
  constexpr std::int64_t whole = 10'000;  // basis points
  const auto turn =
      domain::scaled(each.extreme, whole + (buys ? 1 : -1) * asked.trailing_delta, whole);
  return turn && (buys ? last >= *turn : last <= *turn);
}

void Exchange::trigger(Order& each, Timestamp now, Reports& reports) {
  each.triggered = true;
  each.updated = now;
  if (each.list != 0) {
    // The other leg goes first: what it had locked is needed here.
    end_list(list(each.list), each.id, OrderStatus::expired, Expiry::oco_trigger, now, reports);
    touch(each);
  }
  if (is_limited(each.asked.type) && each.locked.is_zero()) {
    const Money needed = cost(each.asked);
    if (balance(each.asked.account, locked_asset(each)).free < needed) {
      return end(each, OrderStatus::expired, Expiry::rejected, ReportKind::expired, {}, now,
                 reports);
    }
    lock(each, needed);
  }
  each.working = now;
  report(each, ReportKind::accepted, now, reports);
  start(each, now, reports);
}

void Exchange::follow_up(MarketIndex market, Timestamp now, Reports& reports) {
  // Each turn ends, starts or triggers an order, so there are no more turns than orders.
  for (;;) {
    while (!touched_.empty()) {
      const auto id = touched_.back();
      touched_.pop_back();
      run_list(list(id), now, reports);
    }
    auto& waiting = book(market).waiting;
    const Price last = last_price(market);
    if (waiting.empty() || !last.is_positive()) return;
    std::optional<std::uint64_t> due;
    for (const auto id : waiting) {
      // All are looked at, because a trailing one remembers the price.
      if (is_due(order(id), last, now) && !due) due = id;
    }
    if (!due) return;
    std::erase(waiting, *due);
    trigger(order(*due), now, reports);
  }
}

// --- lists ---------------------------------------------------------------------------------------

std::variant<std::uint64_t, Refused> Exchange::place_list(const ListRequest& request, Timestamp now,
                                                          Reports& reports) {
  const auto& orders = request.orders;
  HALCYON_CHECK(
      orders.size() == 2 || (orders.size() == 3 && request.contingency == Contingency::oto),
      "a list has two orders, or a working one and two");
  const auto& owner = account(orders.front().account);
  for (const auto& each : orders) {
    const auto* same = find(each.account, each.client_id);
    if (same != nullptr && is_open(same->status)) return Refused::duplicate_client_id;
    if (std::count_if(orders.begin(), orders.end(), [&](const OrderRequest& other) {
          return other.client_id == each.client_id;
        }) > 1) {
      return Refused::duplicate_client_id;
    }
  }
  static_cast<void>(owner);
  const bool is_oco = request.contingency == Contingency::oco;
  if (const auto refused = check(orders[0])) return *refused;
  if (is_oco) {
    if (const auto refused = check(orders[1])) return *refused;
  }
  OrderList& made = lists_.emplace_back();
  made.id = first_list_id + lists_.size() - 1;
  made.account = orders[0].account;
  made.market = orders[0].market;
  made.contingency = request.contingency;
  made.client_id = request.client_id;
  made.created = made.updated = now;
  std::vector<std::uint64_t> ids;
  for (const auto& each : orders) {
    auto& opened = open(each, made.id, now);
    ids.push_back(opened.id);
    if (!is_oco && ids.size() > 1) opened.status = OrderStatus::pending;
  }
  made.orders = ids;
  if (is_oco) {
    HALCYON_CHECK(lock_legs(ids), "each leg was covered, and one of them is locked");
  } else if (is_limited(orders[0].type)) {
    lock(order(ids[0]), cost(orders[0]));
  }
  report_list(made, ListStep::started, now, reports);
  for (const auto id : ids) report(order(id), ReportKind::accepted, now, reports);
  for (const auto id : ids) {
    if (order(id).status == OrderStatus::accepted) start(order(id), now, reports);
  }
  follow_up(made.market, now, reports);
  return made.id;
}

const OrderList* Exchange::find_list(std::uint64_t id) const {
  if (id < first_list_id || id - first_list_id >= lists_.size()) return nullptr;
  return &lists_[id - first_list_id];
}

const OrderList* Exchange::find_list(AccountIndex of, std::string_view client_id) const {
  const auto found = std::find_if(lists_.rbegin(), lists_.rend(), [&](const OrderList& each) {
    return each.account == of && each.client_id == client_id;
  });
  return found == lists_.rend() ? nullptr : &*found;
}

bool Exchange::lock_legs(const std::vector<std::uint64_t>& legs) {
  // One of them will be carried out, so what the dearest needs is locked: by the one that may be
  // filled at any time, if there is one, and else by whichever has a limit price.
  Money most;
  Order* holder = nullptr;
  for (const auto id : legs) {
    auto& each = order(id);
    if (!is_limited(each.asked.type)) continue;
    most = std::max(most, cost(each.asked));
    if (holder == nullptr || !is_conditional(each.asked.type)) holder = &each;
  }
  if (holder == nullptr) return true;
  if (balance(holder->asked.account, locked_asset(*holder)).free < most) return false;
  lock(*holder, most);
  return true;
}

void Exchange::end_list(OrderList& which, std::uint64_t spared, OrderStatus status, Expiry expiry,
                        Timestamp now, Reports& reports) {
  for (const auto id : which.orders) {
    if (id == spared || !is_open(order(id).status)) continue;
    const bool canceled = status == OrderStatus::canceled;
    end(order(id), status, expiry, canceled ? ReportKind::canceled : ReportKind::expired,
        canceled ? which.cancel_id : std::string{}, now, reports);
  }
}

void Exchange::run_list(OrderList& which, Timestamp now, Reports& reports) {
  if (which.done) return;
  const bool is_oto = which.contingency == Contingency::oto;
  const auto stop_others = [&](const Order& ended, std::uint64_t spared, Expiry expiry) {
    const bool canceled = ended.status == OrderStatus::canceled;
    end_list(which, spared, canceled ? OrderStatus::canceled : OrderStatus::expired,
             canceled ? Expiry::none : expiry, now, reports);
  };
  if (is_oto && !which.started) {
    const auto& working = order(which.orders[0]);
    if (working.status == OrderStatus::filled) {
      which.started = true;
      report_list(which, ListStep::updated, now, reports);
      std::vector<std::uint64_t> legs;
      for (std::size_t at = 1; at < which.orders.size(); ++at) {
        auto& each = order(which.orders[at]);
        if (!is_open(each.status)) continue;
        const bool refused = (each.asked.post_only && would_take(each.asked)) ||
                             (is_conditional(each.asked.type) && would_trigger(each.asked));
        if (refused) {
          end(each, OrderStatus::expired, Expiry::rejected, ReportKind::expired, {}, now, reports);
        } else {
          legs.push_back(each.id);
        }
      }
      if (!lock_legs(legs)) {
        for (const auto id : std::exchange(legs, {})) {
          end(order(id), OrderStatus::expired, Expiry::rejected, ReportKind::expired, {}, now,
              reports);
        }
      }
      for (const auto id : legs) {
        order(id).status = OrderStatus::accepted;
        report(order(id), ReportKind::accepted, now, reports);
      }
      for (const auto id : legs) start(order(id), now, reports);
    } else if (!is_open(working.status)) {
      stop_others(working, working.id, Expiry::oto_phase_one_expired);
    } else if (std::any_of(which.orders.begin() + 1, which.orders.end(), [&](std::uint64_t id) {
                 return order(id).status == OrderStatus::canceled;
               })) {
      // Whoever cancels one leg cancels the list.
      end_list(which, 0, OrderStatus::canceled, Expiry::none, now, reports);
    }
  }
  const std::size_t first = is_oto ? 1 : 0;
  if ((!is_oto || which.started) && which.orders.size() - first == 2) {
    for (std::size_t at = first; at < which.orders.size(); ++at) {
      const auto& leg = order(which.orders[at]);
      const bool decides = leg.executed.is_positive() || leg.triggered || !is_open(leg.status);
      if (!decides) continue;
      stop_others(leg, leg.id, Expiry::oco_trigger);
      break;
    }
  }
  const bool over = std::none_of(which.orders.begin(), which.orders.end(),
                                 [&](std::uint64_t id) { return is_open(order(id).status); });
  if (over) {
    which.done = true;
    report_list(which, ListStep::all_done, now, reports);
  }
}

void Exchange::report_list(OrderList& which, ListStep step, Timestamp now, Reports& reports) {
  which.updated = now;
  Report said;
  said.kind = ReportKind::list_changed;
  said.time = now;
  said.order = order(which.orders.front());
  said.list = which;
  said.step = step;
  reports.push_back(std::move(said));
}

std::optional<Refused> Exchange::amend(std::uint64_t order_id, Quantity quantity,
                                       std::string_view client_id, Timestamp now,
                                       Reports& reports) {
  const auto* found = find(order_id);
  if (found == nullptr || !is_open(found->status)) return Refused::unknown_order;
  auto& each = order(order_id);
  if (!quantity.is_positive() || quantity >= each.quantity) return Refused::bad_amend;
  const std::string before = each.asked.client_id;
  const Quantity quantity_before = each.quantity;
  const Quantity done = each.executed + each.prevented;
  const Quantity less = each.quantity - std::max(quantity, done);
  if (is_limited(each.asked.type) && less.is_positive()) {
    const Money freed =
        each.asked.side == Side::buy ? cost_of(each.asked.price, less) : as_money(less);
    unlock(each, std::min(freed, each.locked));
  }
  each.quantity = each.asked.quantity = std::max(quantity, done);
  each.asked.client_id = client_id;
  account(each.asked.account).client_ids[each.asked.client_id] = order_id;
  ++each.amends;
  each.updated = now;
  report(each, ReportKind::replaced, now, reports);
  reports.back().cancel_id = before;
  reports.back().amended_from = quantity_before;
  if (quantity <= done) {
    end(each, OrderStatus::expired, Expiry::none, ReportKind::expired, {}, now, reports);
  }
  follow_up(each.asked.market, now, reports);
  return std::nullopt;
}

Quantity Exchange::wanted(const Order& taker, Price price, Quantity available) const {
  const auto& market = book(taker.asked.market).market;
  Quantity part = available;
  const auto fits = [&](Money amount) {
    auto quantity = domain::quantity_for(amount, price).value_or(available);
    quantity = domain::round_down(quantity, market.step);
    if (cost_of(price, quantity) > amount) quantity -= market.step;
    return quantity;
  };
  if (taker.asked.quantity.is_zero()) {
    part = std::min(part, fits(taker.asked.quote_quantity - taker.quote_executed));
  } else {
    part = std::min(part, taker.remaining());
  }
  if (!is_limited(taker.asked.type)) {
    // Nothing was locked for it, so it goes as far as the free balance does.
    const Money free = balance(taker.asked.account, locked_asset(taker)).free;
    if (taker.asked.side == Side::sell) {
      part = std::min(part, Quantity::from_raw(free.raw()));
    } else if (cost_of(price, part) > free) {
      part = std::min(part, fits(free));
    }
  }
  return part;
}

void Exchange::take(Order& taker, Timestamp now, Reports& reports) {
  auto& where = book(taker.asked.market);
  const Side side = opposite(taker.asked.side);
  auto& from = where.side(side);
  const bool limited = is_limited(taker.asked.type);
  const Key worst = limited ? key(side, taker.asked.price) : 0;
  auto outside = from.outside.begin();
  while (is_open(taker.status)) {
    while (outside != from.outside.end() && outside->second.available().is_zero()) ++outside;
    const auto resting = from.resting.begin();
    const bool more_outside = outside != from.outside.end();
    const bool more_resting = resting != from.resting.end();
    if (!more_outside && !more_resting) return;
    const bool take_outside = more_outside && (!more_resting || outside->first <= resting->first);
    const Key at = take_outside ? outside->first : resting->first;
    if (limited && at > worst) return;
    const Price price = price_at(side, at);
    if (take_outside) {
      const auto part = wanted(taker, price, outside->second.available());
      if (part.is_zero()) break;
      outside->second.taken += part;
      settle(taker, where.next_trade_id++, price, part, false, now, reports);
      continue;
    }
    auto& maker = order(resting->second.front());
    if (maker.asked.account == taker.asked.account && taker.asked.self_trade != SelfTrade::none) {
      if (!prevent_self_trade(taker, maker, now, reports)) return;
      continue;
    }
    const auto part = wanted(taker, price, maker.remaining());
    if (part.is_zero()) break;
    const auto trade_id = where.next_trade_id++;
    settle(taker, trade_id, price, part, false, now, reports);
    settle(maker, trade_id, price, part, true, now, reports);
  }
}

bool Exchange::prevent_self_trade(Order& taker, Order& maker, Timestamp now, Reports& reports) {
  const auto mode = taker.asked.self_trade;
  if (mode == SelfTrade::decrement || mode == SelfTrade::transfer) {
    const Quantity part = taker.asked.quantity.is_zero()
                              ? maker.remaining()
                              : std::min(taker.remaining(), maker.remaining());
    for (Order* each : {&taker, &maker}) {
      if (each->asked.quantity.is_zero()) continue;
      each->prevented += part;
      each->updated = now;
      if (is_limited(each->asked.type)) {
        unlock(*each,
               each->asked.side == Side::buy ? cost_of(each->asked.price, part) : as_money(part));
      }
      const bool over = each->remaining().is_zero();
      report(*each, ReportKind::prevented, now, reports);
      reports.back().prevented = part;
      if (over) {
        end(*each, OrderStatus::expired_in_match, Expiry::none, ReportKind::expired, {}, now,
            reports);
      }
    }
    return is_open(taker.status);
  }
  if (mode == SelfTrade::expire_maker || mode == SelfTrade::expire_both) {
    end(maker, OrderStatus::expired_in_match, Expiry::none, ReportKind::expired, {}, now, reports);
  }
  if (mode == SelfTrade::expire_taker || mode == SelfTrade::expire_both) {
    end(taker, OrderStatus::expired_in_match, Expiry::none, ReportKind::expired, {}, now, reports);
  }
  return is_open(taker.status);
}

Money Exchange::commission_of(const Order& order, const Fill& fill, AssetIndex& asset) const {
  const auto& market = book(order.asked.market).market;
  const auto& fees = account(order.asked.account).fees;
  const Rate rate = fill.maker ? fees.maker : fees.taker;
  const bool buys = order.asked.side == Side::buy;
  constexpr std::int64_t one = domain::decimal_scale;
  if (fees.payment == Fees::Payment::quote && buys) {
    const Money amount = cut(fill.quote, rate, one);
    if (balance(order.asked.account, market.quote).free >= amount) {
      asset = market.quote;
      return amount;
    }
  }
  if (fees.payment == Fees::Payment::other) {
    const Money amount = cut(fill.quote, rate, fees.other_price.raw());
    if (balance(order.asked.account, fees.other).free >= amount) {
      asset = fees.other;
      return amount;
    }
  }
  asset = buys ? market.base : market.quote;
  return cut(buys ? as_money(fill.quantity) : fill.quote, rate, one);
}

void Exchange::settle(Order& each, std::uint64_t trade_id, Price price, Quantity quantity,
                      bool maker, Timestamp now, Reports& reports) {
  auto& where = book(each.asked.market);
  auto& owner = account(each.asked.account);
  auto& base = owner.balances[where.market.base];
  auto& quote = owner.balances[where.market.quote];
  Fill fill{trade_id, price, quantity, cost_of(price, quantity), {}, {}, maker};
  const bool buys = each.asked.side == Side::buy;
  // What is paid leaves the locked amount first; what was locked for a worse price comes back.
  if (is_limited(each.asked.type)) {
    unlock(each, buys ? cost_of(each.asked.price, quantity) : as_money(quantity));
  }
  where.last_price = price;
  if (buys) {
    quote.free -= fill.quote;
    base.free += as_money(quantity);
  } else {
    base.free -= as_money(quantity);
    quote.free += fill.quote;
  }
  fill.commission = commission_of(each, fill, fill.commission_asset);
  owner.balances[fill.commission_asset].free -= fill.commission;
  HALCYON_CHECK(!base.free.is_negative() && !quote.free.is_negative(),
                "an account pays only what it has");
  each.executed += quantity;
  each.quote_executed += fill.quote;
  each.updated = now;
  if (each.asked.quantity.is_zero()) each.quantity = each.executed;
  const bool by_quote = each.asked.quantity.is_zero();
  // An order by quote amount is filled when less than a step is left of it.
  const bool over =
      by_quote ? each.asked.quote_quantity - each.quote_executed < cost_of(price, where.market.step)
               : each.remaining().is_zero();
  each.status = over ? OrderStatus::filled : OrderStatus::partially_filled;
  touch(each);
  if (over) {
    // A leg of a list may hold what its dearer partner would have needed.
    HALCYON_CHECK(each.locked.is_zero() || each.list != 0, "a filled order locks nothing");
    if (each.locked.is_positive()) unlock(each, each.locked);
    if (each.rested) remove_resting(each);
    owner.open.erase(each.id);
  }
  trades_.push_back({each.asked.account, each.asked.market, each.id, where.next_execution_id,
                     each.asked.side, fill, now});
  report(each, ReportKind::trade, now, reports);
  auto& said = reports.back();
  said.fill = fill;
  const bool third =
      fill.commission_asset != where.market.base && fill.commission_asset != where.market.quote;
  if (third) {
    said.balances.push_back(
        {fill.commission_asset, balance(each.asked.account, fill.commission_asset)});
  }
}

// --- resting, ending -----------------------------------------------------------------------------

void Exchange::rest(Order& each) {
  auto& side = book(each.asked.market).side(each.asked.side);
  const Key at = key(each.asked.side, each.asked.price);
  const auto displayed = side.outside.find(at);
  each.ahead = displayed == side.outside.end() ? Quantity{} : displayed->second.displayed;
  each.rested = true;
  side.resting[at].push_back(each.id);
}

void Exchange::remove_resting(const Order& each) {
  auto& resting = book(each.asked.market).side(each.asked.side).resting;
  const auto level = resting.find(key(each.asked.side, each.asked.price));
  HALCYON_CHECK(level != resting.end(), "a resting order is on its level");
  std::erase(level->second, each.id);
  if (level->second.empty()) resting.erase(level);
}

void Exchange::unlock(Order& each, Money amount) {
  auto& balance = account(each.asked.account).balances[locked_asset(each)];
  each.locked -= amount;
  balance.locked -= amount;
  balance.free += amount;
  HALCYON_CHECK(!each.locked.is_negative() && !balance.locked.is_negative(),
                "no more is unlocked than was locked");
}

void Exchange::end(Order& each, OrderStatus status, Expiry expiry, ReportKind kind,
                   std::string_view cancel_id, Timestamp now, Reports& reports) {
  if (each.rested && is_open(each.status)) remove_resting(each);
  if (is_conditional(each.asked.type)) std::erase(book(each.asked.market).waiting, each.id);
  if (each.locked.is_positive()) unlock(each, each.locked);
  touch(each);
  each.status = status;
  each.expiry = expiry;
  each.updated = now;
  account(each.asked.account).open.erase(each.id);
  report(each, kind, now, reports);
  reports.back().cancel_id = cancel_id;
}

std::optional<Refused> Exchange::cancel(std::uint64_t order_id, std::string_view cancel_id,
                                        Timestamp now, Reports& reports) {
  const auto* found = find(order_id);
  if (found == nullptr || !is_open(found->status)) return Refused::unknown_order;
  auto& each = order(order_id);
  if (each.list != 0) list(each.list).cancel_id = cancel_id;
  end(each, OrderStatus::canceled, Expiry::none, ReportKind::canceled, cancel_id, now, reports);
  follow_up(each.asked.market, now, reports);
  return std::nullopt;
}

std::optional<Refused> Exchange::expire(std::uint64_t order_id, Timestamp now, Reports& reports) {
  const auto* found = find(order_id);
  if (found == nullptr || !is_open(found->status)) return Refused::unknown_order;
  auto& each = order(order_id);
  end(each, OrderStatus::expired, Expiry::canceled_by_exchange, ReportKind::expired, {}, now,
      reports);
  follow_up(each.asked.market, now, reports);
  return std::nullopt;
}

void Exchange::report(const Order& each, ReportKind kind, Timestamp now, Reports& reports) {
  auto& where = book(each.asked.market);
  Report said;
  said.kind = kind;
  said.execution_id = where.next_execution_id++;
  said.time = now;
  said.order = each;
  for (const auto asset : {where.market.base, where.market.quote}) {
    said.balances.push_back({asset, balance(each.asked.account, asset)});
  }
  reports.push_back(std::move(said));
}

// --- the outside ---------------------------------------------------------------------------------

void Exchange::apply_levels(MarketIndex market, std::span<const Level> bids,
                            std::span<const Level> asks, Timestamp now, Reports& reports) {
  auto& where = book(market);
  const auto apply = [&](Side side, std::span<const Level> levels) {
    auto& to = where.side(side);
    for (const auto& level : levels) {
      const Key at = key(side, level.price);
      if (level.quantity.is_zero()) {
        to.outside.erase(at);
      } else {
        to.outside[at] = {level.quantity, Quantity{}};
      }
      const auto resting = to.resting.find(at);
      if (resting == to.resting.end()) continue;
      for (const auto id : resting->second) {
        order(id).ahead = std::min(order(id).ahead, level.quantity);
      }
    }
  };
  apply(Side::buy, bids);
  apply(Side::sell, asks);
  fill_crossed(market, Side::buy, now, reports);
  fill_crossed(market, Side::sell, now, reports);
  follow_up(market, now, reports);
}

void Exchange::fill_crossed(MarketIndex market, Side resting, Timestamp now, Reports& reports) {
  auto& where = book(market);
  auto& own = where.side(resting);
  const Side other = opposite(resting);
  auto& outside = where.side(other).outside;
  auto level = outside.begin();
  while (!own.resting.empty() && level != outside.end()) {
    const Price price = price_at(resting, own.resting.begin()->first);
    if (level->first > key(other, price)) return;
    const auto available = level->second.available();
    if (available.is_zero()) {
      ++level;
      continue;
    }
    auto& maker = order(own.resting.begin()->second.front());
    const auto part = std::min(available, maker.remaining());
    level->second.taken += part;
    settle(maker, where.next_trade_id++, maker.asked.price, part, true, now, reports);
  }
}

void Exchange::outside_trade(MarketIndex market, Side taker, Price price, Quantity quantity,
                             Timestamp now, Reports& reports) {
  auto& where = book(market);
  match_outside(market, taker, price, quantity, now, reports);
  where.last_price = price;
  follow_up(market, now, reports);
}

void Exchange::match_outside(MarketIndex market, Side taker, Price price, Quantity quantity,
                             Timestamp now, Reports& reports) {
  auto& where = book(market);
  const Side side = opposite(taker);
  auto& own = where.side(side);
  const Key at = key(side, price);
  Quantity left = quantity;
  while (left.is_positive() && !own.resting.empty() && own.resting.begin()->first < at) {
    auto& maker = order(own.resting.begin()->second.front());
    const auto part = std::min(left, maker.remaining());
    left -= part;
    settle(maker, where.next_trade_id++, maker.asked.price, part, true, now, reports);
  }
  const auto level = own.resting.find(at);
  if (level == own.resting.end()) return;
  const std::vector<std::uint64_t> queue{level->second.begin(), level->second.end()};
  for (std::size_t place = 0; place < queue.size() && left.is_positive(); ++place) {
    const auto before = std::min(left, order(queue[place]).ahead);
    left -= before;
    for (std::size_t behind = place; behind < queue.size(); ++behind) {
      auto& each = order(queue[behind]);
      each.ahead -= std::min(before, each.ahead);
    }
    if (left.is_zero()) return;
    auto& maker = order(queue[place]);
    const auto part = std::min(left, maker.remaining());
    left -= part;
    settle(maker, where.next_trade_id++, maker.asked.price, part, true, now, reports);
  }
}

}  // namespace halcyon::simulation
