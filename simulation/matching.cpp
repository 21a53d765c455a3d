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
  const bool limited = request.type == OrderType::limit;
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
  if (request.type == OrderType::limit) {
    return request.side == Side::buy ? quote >= cost_of(request.price, request.quantity)
                                     : base >= as_money(request.quantity);
  }
  if (request.side == Side::buy) {
    return quote >= (request.quantity.is_zero() ? request.quote_quantity : offer(request).quote);
  }
  return base >= as_money(request.quantity.is_zero() ? offer(request).quantity : request.quantity);
}

std::optional<Refused> Exchange::check(const OrderRequest& request) const {
  HALCYON_CHECK(request.type == OrderType::market || request.type == OrderType::limit,
                "the exchange matches market and limit orders");
  if (orders_.size() >= max_orders) return Refused::too_many_orders;
  const auto* same = find(request.account, request.client_id);
  if (same != nullptr && is_open(same->status)) return Refused::duplicate_client_id;
  if (!covered(request)) return Refused::insufficient_balance;
  if (request.post_only && would_take(request)) return Refused::would_take;
  return std::nullopt;
}

// --- placing and matching ------------------------------------------------------------------------

std::variant<std::uint64_t, Refused> Exchange::place(const OrderRequest& request, Timestamp now,
                                                     Reports& reports) {
  if (const auto refused = check(request)) return *refused;
  const bool kill = request.time_in_force == TimeInForce::fok && request.type == OrderType::limit &&
                    offer(request).quantity < request.quantity;
  auto& owner = account(request.account);
  auto& placed = orders_.emplace_back();
  placed.id = first_order_id + orders_.size() - 1;
  placed.asked = request;
  placed.quantity = request.quantity;
  placed.created = now;
  placed.updated = now;
  owner.client_ids[request.client_id] = placed.id;
  owner.open.emplace(placed.id, request.market);
  if (request.type == OrderType::limit) {
    placed.locked = request.side == Side::buy ? cost_of(request.price, request.quantity)
                                              : as_money(request.quantity);
    auto& balance = owner.balances[locked_asset(placed)];
    balance.free -= placed.locked;
    balance.locked += placed.locked;
  }
  report(placed, ReportKind::accepted, now, reports);
  if (kill) {
    end(placed, OrderStatus::expired, Expiry::unfilled_fok_order, ReportKind::expired, {}, now,
        reports);
    return placed.id;
  }
  take(placed, now, reports);
  if (!is_open(placed.status)) return placed.id;
  if (request.type == OrderType::market) {
    end(placed, OrderStatus::expired, Expiry::insufficient_liquidity, ReportKind::expired, {}, now,
        reports);
  } else if (request.time_in_force == TimeInForce::gtc) {
    rest(placed);
  } else {
    end(placed, OrderStatus::expired, Expiry::unfilled_ioc_quantity, ReportKind::expired, {}, now,
        reports);
  }
  return placed.id;
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
  if (taker.asked.type == OrderType::market) {
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
  const bool limited = taker.asked.type == OrderType::limit;
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
  if (mode == SelfTrade::decrement) {
    const Quantity part = taker.asked.quantity.is_zero()
                              ? maker.remaining()
                              : std::min(taker.remaining(), maker.remaining());
    for (Order* each : {&taker, &maker}) {
      if (each->asked.quantity.is_zero()) continue;
      each->prevented += part;
      each->updated = now;
      if (each->asked.type == OrderType::limit) {
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
  if (each.asked.type == OrderType::limit) {
    unlock(each, buys ? cost_of(each.asked.price, quantity) : as_money(quantity));
  }
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
  if (over) {
    HALCYON_CHECK(each.locked.is_zero(), "a filled order locks nothing");
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
  if (each.locked.is_positive()) unlock(each, each.locked);
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
  end(order(order_id), OrderStatus::canceled, Expiry::none, ReportKind::canceled, cancel_id, now,
      reports);
  return std::nullopt;
}

std::optional<Refused> Exchange::expire(std::uint64_t order_id, Timestamp now, Reports& reports) {
  const auto* found = find(order_id);
  if (found == nullptr || !is_open(found->status)) return Refused::unknown_order;
  end(order(order_id), OrderStatus::expired, Expiry::canceled_by_exchange, ReportKind::expired, {},
      now, reports);
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
