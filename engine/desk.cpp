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
           const Portfolio& portfolio, const Accounts& accounts, const TradingStates& states,
           Orders& orders, OrderManager& order_manager, Decisions& decisions)
    : catalog_(*setup.catalog),
      config_(*setup.config),
      market_(market),
      valuation_(valuation),
      portfolio_(portfolio),
      accounts_(accounts),
      states_(states),
      orders_(orders),
      order_manager_(order_manager),
      decisions_(decisions),
      exposure_(catalog_, orders, portfolio, market, valuation, decisions),
      account_limits_(catalog_.accounts().size()),
      strategy_limits_(catalog_.strategies().size()),
      instrument_limits_(catalog_.instruments().size()) {
  targets_.reserve(64);
  const auto limits_named = [](const auto& table, const std::string& name) {
    const auto found = table.find(name);
    return found == table.end() ? nullptr : &found->second;
  };
  for (std::size_t id = 0; id < account_limits_.size(); ++id) {
    account_limits_[id] = limits_named(config_.risk.accounts, catalog_.accounts()[id].name);
  }
  for (std::size_t id = 0; id < strategy_limits_.size(); ++id) {
    strategy_limits_[id] = limits_named(config_.risk.strategies, catalog_.strategies()[id]);
  }
  for (const domain::Instrument& instrument : catalog_.instruments()) {
    instrument_limits_[domain::index_of(instrument.id)] =
        config::instrument_limits(config_, catalog_.name(instrument.venue), instrument.symbol);
  }

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
    trader.strategy->on_candle(instrument, closed.candle, false, targets_);
    for (const strategy::Target& target : targets_) {
      for (Want& want : trader.wants) {
        if (want.instrument != target.instrument) continue;
        want.weight_pct = target.weight_pct;
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
    busy |= order.asked.strategy == trader.id && order.asked.account == want.account &&
            order.asked.instrument == want.instrument;
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
    const auto size =
        reference && amount ? domain::quantity_for(*amount, reference->price) : std::nullopt;
    if (!size) {
      order.id = decisions_.next_id();
      refuse(want, order, Reason::missing_reference_price, {}, {});
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
  order.id = decisions_.next_id();

  // The gate counts an order in quote currency and its limits in the reporting currency.
  if (!valuation_.is_reporting(catalog_.instrument(want.instrument).quote)) {
    refuse(want, order, Reason::missing_reference_price, {}, {});
    return;
  }
  const risk::View view = view_for(order);
  const risk::Verdict verdict = gate_.check(order, view, limits_for(order));
  if (const auto* refusal = std::get_if<risk::Refusal>(&verdict)) {
    refuse(want, order, refusal->reason, refusal->limit, refusal->actual);
    return;
  }
  want.is_open = false;
  want.refused = Reason::none;
  exposure_.on_order(order);
  order_manager_.place(std::get<domain::Approved<NewOrder>>(verdict));
}

Money Desk::reserved(const NewOrder& order, domain::AssetId asset) const {
  // The venue's free amount knows an order once it has acknowledged it and told the balance after.
  // Until then what the order may take is reserved here, unknown ones included.
  Money sum;
  orders_.each_live([&](const Order& live) {
    if (live.asked.account != order.account || !live.is_ours()) return;
    const domain::Instrument& instrument = catalog_.instrument(live.asked.instrument);
    const bool is_buy = live.asked.side == Side::buy;
    if ((is_buy ? instrument.quote : instrument.base) != asset) return;
    if (live.place.state == domain::RequestState::acknowledged &&
        portfolio_.balance_time(order.account, asset) >= live.now.evidence.venue_time) {
      return;
    }
    const Quantity open = live.open_quantity();
    if (!is_buy) {
      sum += Money::from_raw(open.raw());
      return;
    }
    domain::Price price = live.asked.limit_price;
    if (!domain::has_limit_price(live.asked.type)) {
      const auto reference = market_.reference(instrument.id);
      if (reference) price = reference->price;
    }
    sum += domain::notional(price, open).value_or(Money{});
  });
  return sum;
}

risk::View Desk::view_for(const NewOrder& order) {
  const domain::Instrument& instrument = catalog_.instrument(order.instrument);
  const Account& account = accounts_[order.account];
  risk::View view;
  view.now = decisions_.now();
  view.trading = is_stopping_ ? domain::TradingState::halted
                              : states_.strictest(order.account, order.strategy);
  view.journal = journal_;
  view.account_known = account.is_configured;
  view.account_ready = account.is_ready;
  view.stream_ready = account.is_stream_ready;
  view.outbox_has_room = order_manager_.has_room();
  view.is_duplicate = orders_.find(order.id) != nullptr;
  view.rules = market_.rules(order.instrument);
  if (const auto reference = market_.reference(order.instrument)) {
    view.reference = reference->price;
    view.reference_time = reference->time;
  }
  if (order.side == Side::buy) {
    if (const auto free = portfolio_.free(order.account, instrument.quote)) {
      view.free_quote = *free - reserved(order, instrument.quote);
    }
  } else if (const auto free = portfolio_.free(order.account, instrument.base)) {
    view.free_base_as_money = *free - reserved(order, instrument.base);
  }
  exposure_.fill(order, view);
  return view;
}

risk::LimitSet Desk::limits_for(const NewOrder& order) const {
  return {&config_.risk.daemon, account_limits_[domain::index_of(order.account)],
          strategy_limits_[domain::index_of(order.strategy)],
          instrument_limits_[domain::index_of(order.instrument)]};
}

}  // namespace halcyon::engine
