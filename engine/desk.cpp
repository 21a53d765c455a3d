#include "engine/desk.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace halcyon::engine {

using domain::Money;
using domain::NewOrder;
using domain::Quantity;
using domain::Reason;
using domain::Side;

Desk::Desk(const Setup& setup, Candles& candles, const Market& market, const Valuation& valuation,
           const Portfolio& portfolio, const Accounts& accounts, Orders& orders,
           OrderManager& order_manager, Dealer& dealer, Decisions& decisions)
    : catalog_(*setup.catalog),
      config_(*setup.config),
      market_(market),
      valuation_(valuation),
      portfolio_(portfolio),
      accounts_(accounts),
      orders_(orders),
      order_manager_(order_manager),
      dealer_(dealer),
      decisions_(decisions) {
  targets_.reserve(64);
  for (const config::Strategy& settings : config_.strategies) {
    Trader trader;
    const auto id = catalog_.find_strategy(settings.name);
    HALCYON_CHECK(id.has_value(), "the catalog names every strategy of the configuration");
    trader.id = *id;
    std::vector<domain::InstrumentId> instruments;
    for (const std::string& written : settings.instruments) {
      const config::Venue* venue = config::find_venue(config_, written);
      const auto venue_id = venue == nullptr ? std::nullopt : catalog_.find_venue(venue->name);
      const auto found =
          venue_id ? catalog_.find_instrument(*venue_id, config::symbol_of(written)) : std::nullopt;
      if (!found) {
        throw std::runtime_error{"strategy " + settings.name + ": instrument " + written +
                                 " is at no venue of the configuration"};
      }
      instruments.push_back(*found);
    }
    std::string error;
    trader.strategy = setup.make_strategy(settings, instruments, error);
    if (trader.strategy == nullptr) throw std::runtime_error{error};
    for (const domain::InstrumentId instrument : instruments) {
      trader.series.push_back(candles.add(instrument, settings.timeframe));
    }
    for (const std::string& name : settings.accounts) {
      const auto account = catalog_.find_account(name);
      HALCYON_CHECK(account.has_value(), "the catalog names every account of the configuration");
      for (const domain::InstrumentId instrument : instruments) {
        // Where a strategy has accounts at several venues, each trades its own venue's instruments.
        if (catalog_.instrument(instrument).venue != accounts_[*account].venue) continue;
        Want want;
        want.account = *account;
        want.instrument = instrument;
        trader.wants.push_back(want);
      }
    }
    const auto parts = static_cast<std::int64_t>(trader.wants.size());
    for (Want& want : trader.wants) {
      want.capital = domain::scaled(settings.capital, 1, parts).value_or(Money{});
    }
    traders_.push_back(std::move(trader));
  }
}

void Desk::on_candle(const Candles::Closed& closed) {
  const domain::InstrumentId instrument = closed.instrument;
  for (Trader& trader : traders_) {
    if (std::find(trader.series.begin(), trader.series.end(), closed.series) ==
        trader.series.end()) {
      continue;
    }
    targets_.clear();
    trader.strategy->on_candle(instrument, closed.candle, closed.is_history, targets_);
    if (closed.is_history) continue;  // it fills indicators, and nothing is wanted from it
    for (const strategy::Target& target : targets_) {
      for (Want& want : trader.wants) {
        if (want.instrument != target.instrument) continue;
        want.weight_pct = target.weight_pct;
        want.how = target.how;
        want.is_open = true;
        want.refused = Reason::none;
      }
    }
    for (Want& want : trader.wants) {
      if (want.is_open && want.instrument == instrument) meet(trader, want);
    }
  }
}

std::vector<Portfolio::Share> Desk::shares() const {
  std::vector<Portfolio::Share> shares;
  for (const Trader& trader : traders_) {
    for (const Want& want : trader.wants) {
      const auto same = std::find_if(shares.begin(), shares.end(), [&](const auto& share) {
        return share.account == want.account && share.strategy == trader.id;
      });
      if (same == shares.end()) {
        shares.push_back({want.account, trader.id, want.capital});
      } else {
        same->capital += want.capital;
      }
    }
  }
  return shares;
}

void Desk::revisit() {
  for (Trader& trader : traders_) {
    for (Want& want : trader.wants) {
      if (want.is_open) meet(trader, want);
    }
  }
}

bool Desk::is_busy(const Trader& trader, const Want& want) const {
  bool busy = false;
  orders_.each_live([&](const Order& order) {
    busy |= order.asked.origin != domain::Origin::protection && order.asked.strategy == trader.id &&
            order.asked.account == want.account && order.asked.instrument == want.instrument;
  });
  return busy;
}

void Desk::refuse(Want& want, const NewOrder& order, Reason reason, Money limit, Money actual) {
  if (want.refused == reason) return;
  want.refused = reason;
  decisions_.record(domain::OrderDenied{order, reason, limit, actual});
}

void Desk::meet(const Trader& trader, Want& want) {
  if (is_busy(trader, want)) return;

  NewOrder order;
  order.account = want.account;
  order.strategy = trader.id;
  order.instrument = want.instrument;
  order.type = domain::OrderType::market;
  order.origin = domain::Origin::strategy;
  order.created = decisions_.now();

  const Quantity held = portfolio_.held(want.account, trader.id, want.instrument);
  const domain::InstrumentRules* rules = market_.rules(want.instrument);
  const Quantity lot = rules == nullptr ? Quantity{} : rules->lot;
  const auto reference = market_.reference(want.instrument);
  Quantity target;
  if (want.weight_pct != 0) {
    const auto amount = domain::scaled(want.capital, want.weight_pct, 100);
    const auto in_quote =
        amount ? valuation_.from_reporting(*amount, catalog_.instrument(want.instrument).quote)
               : std::nullopt;
    const auto size =
        reference && in_quote ? domain::quantity_for(*in_quote, reference->price) : std::nullopt;
    if (!size) {
      order.id = decisions_.next_id();
      const bool has_price = reference && amount && !in_quote;
      refuse(want, order,
             has_price ? Reason::missing_conversion_price : Reason::missing_reference_price, {},
             {});
      return;
    }
    target = domain::round_down(*size, lot);
  }
  const Quantity difference = domain::round_down(target - held, lot);
  order.side = difference.is_negative() ? Side::sell : Side::buy;
  order.quantity = difference.abs();

  const bool goes_flat = want.weight_pct == 0;
  const bool is_dust = [&] {
    if (!goes_flat || rules == nullptr) return false;
    if (order.quantity < rules->min_quantity) return true;
    if (!rules->min_notional_for_market || !reference) return false;
    const auto value = domain::notional(reference->price, order.quantity);
    return value && *value < rules->min_notional;
  }();
  if (difference.is_zero() || is_dust) {
    want.is_open = false;
    return;
  }
  if (unprotect(trader, want)) return;  // what comes free is heard of, and this is tried again
  order.id = decisions_.next_id();
  const bool opens = held.is_zero() || held.is_negative() == difference.is_negative();
  if (want.how.limit_price) {
    order.type = domain::OrderType::limit;
    order.limit_price = *want.how.limit_price;
    order.time_in_force = want.how.time_in_force;
    order.post_only = want.how.post_only;
  }
  if (!place(want, order)) return;
  want.is_open = false;
  want.refused = Reason::none;
  if (!opens) return;

  NewOrder child;
  child.parent = order.id;
  child.account = order.account;
  child.strategy = order.strategy;
  child.instrument = order.instrument;
  child.side = domain::opposite(order.side);
  child.origin = domain::Origin::protection;
  child.reduce_only = true;
  child.quantity = order.quantity;
  child.created = order.created;
  const auto protect = [&](domain::OrderType type, domain::Price limit, domain::Price stop) {
    child.id = decisions_.next_id();
    if (want.how.stop_loss && want.how.take_profit && child.group.is_none()) {
      child.group = child.id;
    }
    child.type = type;
    child.limit_price = limit;
    child.stop_price = stop;
    return place(want, child);
  };
  const bool is_protected =
      (!want.how.stop_loss || protect(domain::OrderType::stop, {}, *want.how.stop_loss)) &&
      (!want.how.take_profit || protect(domain::OrderType::limit, *want.how.take_profit, {}));
  // An entry without the protection it was wanted with is not wanted.
  if (!is_protected) order_manager_.cancel(*orders_.find(order.id), Reason::group_incomplete);
}

bool Desk::place(Want& want, const NewOrder& order) {
  const auto refusal = dealer_.submit(order);
  if (!refusal) return true;
  refuse(want, order, refusal->reason, refusal->limit, refusal->actual);
  return false;
}

bool Desk::unprotect(const Trader& trader, const Want& want) {
  bool found = false;
  orders_.each_live([&](Order& order) {
    if (order.asked.origin != domain::Origin::protection || order.asked.strategy != trader.id ||
        order.asked.account != want.account || order.asked.instrument != want.instrument) {
      return;
    }
    order_manager_.cancel(order, Reason::canceled_by_strategy);
    found |= !order.is_terminal();
  });
  return found;
}

}  // namespace halcyon::engine
