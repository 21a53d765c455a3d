#include "engine/exposure.h"

#include <algorithm>

namespace halcyon::engine {

using domain::Money;
using domain::NewOrder;
using domain::Quantity;
using domain::Side;

namespace {

/// Larger than every limit, small enough to add up.
constexpr Money immeasurable = Money::from_raw(static_cast<domain::Int128>(1) << 120);

/// How much larger a position can get by orders of one side.
Quantity added(Quantity position, Quantity change) {
  const Quantity before = position.abs();
  const Quantity after = (position + change).abs();
  return after > before ? after - before : Quantity{};
}

}  // namespace

ExposureBook::ExposureBook(const domain::Catalog& catalog, const Accounts& accounts,
                           const Orders& orders, const Portfolio& portfolio, const Market& market,
                           const Valuation& valuation, const Decisions& decisions)
    : catalog_(catalog),
      accounts_(accounts),
      orders_(orders),
      portfolio_(portfolio),
      market_(market),
      valuation_(valuation),
      decisions_(decisions) {
  groups_.reserve(1024);
  sent_.reserve(remembered);
  const std::array sizes{std::size_t{1}, catalog.accounts().size(), catalog.strategies().size(),
                         catalog.instruments().size()};
  for (std::size_t level = 0; level < sizes.size(); ++level) minutes_[level].resize(sizes[level]);
}

ExposureBook::Minute* ExposureBook::minute(risk::Level level, const NewOrder& order) {
  std::size_t id = 0;
  switch (level) {
    case risk::Level::daemon:
      break;
    case risk::Level::account:
      id = domain::index_of(order.account);
      break;
    case risk::Level::strategy:
      id = domain::index_of(order.strategy);
      break;
    case risk::Level::instrument:
      id = domain::index_of(order.instrument);
      break;
  }
  std::vector<Minute>& rows = minutes_[static_cast<std::size_t>(level)];
  return id < rows.size() ? &rows[id] : nullptr;
}

namespace {

std::int64_t second_of(domain::Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

void ExposureBook::on_order(const NewOrder& order) {
  for (std::size_t level = 0; level < risk::level_count; ++level) {
    if (Minute* counted = minute(static_cast<risk::Level>(level), order)) {
      counted->add(second_of(decisions_.now()));
    }
  }
  const Sent sent{decisions_.now(), order.account,  order.strategy,    order.instrument, order.side,
                  order.type,       order.quantity, order.limit_price, order.stop_price};
  if (sent_.size() < remembered) {
    sent_.push_back(sent);
    return;
  }
  sent_[next_sent_] = sent;
  next_sent_ = (next_sent_ + 1) % remembered;
}

bool ExposureBook::may_trade(const Order& live, const NewOrder& order,
                             const Order* replaced) const {
  if (replaced != nullptr && live.id() == replaced->id()) return false;
  const NewOrder& asked = live.asked;
  if (!asked.replaces.is_none() && live.is_held()) return false;  // the old leg counts still
  if (!asked.parent.is_none() && live.is_held()) {
    const Order* parent = orders_.find(asked.parent);
    const bool has_come = parent == nullptr || parent->now.filled.is_positive() ||
                          parent->is_terminal() || asked.parent == order.parent;
    if (!has_come) return false;
  }
  if (asked.group.is_none()) return true;
  if (asked.group == order.group) return false;  // the order ends it, or it ends the order
  // Of a group, the largest counts; the first of equals.
  bool is_largest = true;
  orders_.each_live([&](const Order& other) {
    if (other.asked.group != asked.group || other.id() == live.id()) return;
    const Quantity its = other.open_quantity();
    const Quantity mine = live.open_quantity();
    if (its > mine || (its == mine && other.id() < live.id())) is_largest = false;
  });
  return is_largest;
}

ExposureBook::Group& ExposureBook::group(domain::AccountId account, domain::StrategyId strategy,
                                         domain::InstrumentId instrument) {
  const auto found = std::find_if(groups_.begin(), groups_.end(), [&](const Group& one) {
    return one.account == account && one.strategy == strategy && one.instrument == instrument;
  });
  if (found != groups_.end()) return *found;
  Group& made = groups_.emplace_back();
  made.account = account;
  made.strategy = strategy;
  made.instrument = instrument;
  if (const auto* position = portfolio_.position(account, strategy, instrument)) {
    made.position = position->quantity;
    made.average_price = position->average_price;
  }
  return made;
}

Money ExposureBook::worth(const Group& group, Quantity quantity) const {
  if (quantity.is_zero()) return {};
  domain::Price price = group.average_price;
  if (const auto reference = market_.reference(group.instrument)) price = reference->price;
  if (!price.is_positive()) return immeasurable;
  const auto value = domain::notional(price, quantity);
  if (!value) return immeasurable;
  return valuation_.report(*value, catalog_.instrument(group.instrument).quote)
      .value_or(immeasurable);
}

void ExposureBook::fill(const NewOrder& order, const Order* replaced, risk::View& view) {
  const auto levels_of = [&](domain::AccountId account, domain::StrategyId strategy,
                             domain::InstrumentId instrument, auto act) {
    act(risk::Level::daemon);
    if (account == order.account) act(risk::Level::account);
    if (strategy == order.strategy) act(risk::Level::strategy);
    if (instrument == order.instrument) act(risk::Level::instrument);
  };
  const auto at = [&](risk::Level level) -> risk::Exposure& {
    return view.exposure[static_cast<std::size_t>(level)];
  };
  view.exposure = {};

  groups_.clear();
  Group& own = group(order.account, order.strategy, order.instrument);
  view.position = own.position;
  for (const domain::PositionChanged& position : portfolio_.positions()) {
    if (!position.quantity.is_zero()) {
      group(position.account, position.strategy, position.instrument);
    }
  }
  orders_.each_live([&](const Order& live) {
    const NewOrder& asked = live.asked;
    if (replaced == nullptr || live.id() != replaced->id()) {
      levels_of(asked.account, asked.strategy, asked.instrument,
                [&](risk::Level level) { ++at(level).open_orders; });
    }
    if (!may_trade(live, order, replaced)) return;
    Group& its = group(asked.account, asked.strategy, asked.instrument);
    (asked.side == Side::buy ? its.buys : its.sells) += live.open_quantity();
    // One of our own that the order would meet: at the venue, on the other side, in any account of
    // the same owner.
    if (live.is_held() || !accounts_.is_same_owner(asked.account, order.account) ||
        asked.instrument != order.instrument || asked.side == order.side ||
        live.open_quantity().is_zero() || live.is_trigger_at_venue()) {
      return;
    }
    const domain::Price price = live.terms().limit_price;
    if (price.is_zero()) return;  // a market order does not rest
    const bool is_nearer =
        !view.own_opposite ||
        (order.side == Side::buy ? price < *view.own_opposite : price > *view.own_opposite);
    if (is_nearer) view.own_opposite = price;
  });

  for (std::size_t number = 0; number < groups_.size(); ++number) {
    const Group& one = groups_[number];
    const Quantity by_buys = added(one.position, one.buys);
    const Quantity by_sells = added(one.position, -one.sells);
    Quantity more = std::max(by_buys, by_sells);
    if (number == 0) {
      more = order.side == Side::buy ? by_buys : by_sells;
      const bool closes = one.position.is_negative() == (order.side == Side::buy);
      if (closes) view.working_reduce = order.side == Side::buy ? one.buys : one.sells;
    }
    const Money worth_of_all = worth(one, one.position.abs() + more);
    // On the order's side: what the other side would take off does not count before it has.
    const Quantity net =
        order.side == Side::buy ? one.position + one.buys : one.position - one.sells;
    const Money net_worth = net.is_negative() ? -worth(one, net.abs()) : worth(one, net);
    levels_of(one.account, one.strategy, one.instrument, [&](risk::Level level) {
      at(level).position_notional += worth_of_all;
      at(level).net_notional += net_worth;
    });
  }

  Money all;
  bool is_all_known = true;
  for (std::size_t id = 0; id < catalog_.accounts().size(); ++id) {
    const auto equity = portfolio_.equity(static_cast<domain::AccountId>(id));
    if (equity) all += *equity;
    is_all_known &=
        equity.has_value() || !portfolio_.has_balance(static_cast<domain::AccountId>(id));
    if (static_cast<domain::AccountId>(id) == order.account) {
      for (const auto level :
           {risk::Level::account, risk::Level::strategy, risk::Level::instrument}) {
        at(level).equity = equity;
      }
    }
  }
  if (is_all_known) at(risk::Level::daemon).equity = all;

  const std::int64_t second = second_of(decisions_.now());
  for (std::size_t level = 0; level < risk::level_count; ++level) {
    if (const Minute* counted = minute(static_cast<risk::Level>(level), order)) {
      view.exposure[level].messages_in_last_minute = counted->sum(second);
    }
  }
  // Newest first: whoever is older than a second ends the count, and the search for an equal one
  // goes no further than the ring.
  bool is_newest_of_its_own = true;
  const std::size_t count = sent_.size();
  for (std::size_t back = 1; back <= count; ++back) {
    const Sent& sent = sent_[(next_sent_ + count - back) % count];
    const domain::Duration age = decisions_.now() - sent.at;
    const bool is_own = sent.account == order.account && sent.strategy == order.strategy &&
                        sent.instrument == order.instrument;
    if (age >= std::chrono::seconds{1} && (!is_newest_of_its_own || back > most_looked_at)) break;
    if (age < std::chrono::seconds{1}) {
      levels_of(sent.account, sent.strategy, sent.instrument,
                [&](risk::Level level) { ++at(level).orders_in_last_second; });
    }
    if (is_own && is_newest_of_its_own) {
      is_newest_of_its_own = false;
      const bool is_equal =
          sent.side == order.side && sent.type == order.type && sent.quantity == order.quantity &&
          sent.limit_price == order.limit_price && sent.stop_price == order.stop_price;
      if (is_equal) view.since_equal = age;
    }
  }
}

}  // namespace halcyon::engine
