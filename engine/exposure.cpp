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

ExposureBook::ExposureBook(const domain::Catalog& catalog, const Orders& orders,
                           const Portfolio& portfolio, const Market& market,
                           const Valuation& valuation, const Decisions& decisions)
    : catalog_(catalog),
      orders_(orders),
      portfolio_(portfolio),
      market_(market),
      valuation_(valuation),
      decisions_(decisions) {
  groups_.reserve(1024);
  sent_.reserve(remembered);
}

void ExposureBook::on_order(const NewOrder& order) {
  const Sent sent{decisions_.now(), order.account, order.strategy, order.instrument};
  if (sent_.size() < remembered) {
    sent_.push_back(sent);
    return;
  }
  sent_[next_sent_] = sent;
  next_sent_ = (next_sent_ + 1) % remembered;
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

void ExposureBook::fill(const NewOrder& order, risk::View& view) {
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
    Group& its = group(asked.account, asked.strategy, asked.instrument);
    (asked.side == Side::buy ? its.buys : its.sells) += live.open_quantity();
    levels_of(asked.account, asked.strategy, asked.instrument,
              [&](risk::Level level) { ++at(level).open_orders; });
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
    levels_of(one.account, one.strategy, one.instrument,
              [&](risk::Level level) { at(level).position_notional += worth_of_all; });
  }

  for (const Sent& sent : sent_) {
    if (decisions_.now() - sent.at >= std::chrono::seconds{1}) continue;
    levels_of(sent.account, sent.strategy, sent.instrument,
              [&](risk::Level level) { ++at(level).orders_in_last_second; });
  }
}

}  // namespace halcyon::engine
