#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "simulation/matching.h"

namespace halcyon::simulation {
namespace {

using namespace domain::literals;

/// An exchange with three accounts of different fees, driven by random steps.
class World {
 public:
  World() {
    for (int at = 0; at < 3; ++at) {
      Fees fees;
      fees.maker = at * 300'000;
      fees.taker = at * 1'000'000;
      if (at == 1) fees.payment = Fees::Payment::quote;
      if (at == 2) {
        fees.payment = Fees::Payment::other;
        fees.other = bnb;
        fees.other_price = "500"_px;
      }
      accounts.push_back(exchange.add_account(fees));
      exchange.deposit(accounts.back(), btc, "20"_usd);
      exchange.deposit(accounts.back(), usdt, "2000"_usd);
      exchange.deposit(accounts.back(), bnb, "0.001"_usd);
    }
  }

  void step() {
    now += std::chrono::milliseconds{1};
    switch (number(0, 10)) {
      case 0:
        return levels();
      case 1: {
        const auto taker = number(0, 2) == 0 ? Side::buy : Side::sell;
        return exchange.outside_trade(market, taker, price(), quantity(), now, reports);
      }
      case 2:
        if (!exchange.orders().empty()) {
          const auto at = static_cast<std::size_t>(
              number(0, static_cast<std::int64_t>(exchange.orders().size())));
          exchange.cancel(exchange.orders()[at].id, "cancel", now, reports);
        }
        return;
      case 3:
        return conditional();
      case 4:
        return list();
      case 5:
        return amend();
      default:
        return place();
    }
  }

  static std::int64_t number(std::int64_t from, std::int64_t to) {
    return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::int64_t>(from, to));
  }
  static Price price() { return Price::from_raw(number(95, 106) * domain::decimal_scale); }
  static Quantity quantity() { return Quantity::from_raw(number(1, 5'000) * 1'000'000); }

  void levels() {
    std::vector<Level> bids;
    std::vector<Level> asks;
    const auto middle = number(96, 105);
    for (auto at = std::int64_t{94}; at < 107; ++at) {
      auto& side = at <= middle ? bids : asks;
      auto& other = at <= middle ? asks : bids;
      const auto level = Price::from_raw(at * domain::decimal_scale);
      other.push_back({level, Quantity{}});
      side.push_back({level, number(0, 3) == 0 ? Quantity{} : quantity()});
    }
    exchange.apply_levels(market, bids, asks, now, reports);
  }

  void place() {
    OrderRequest order;
    order.account = accounts[static_cast<std::size_t>(number(0, 3))];
    order.market = market;
    order.side = number(0, 2) == 0 ? Side::buy : Side::sell;
    order.self_trade = static_cast<SelfTrade>(number(0, 5));
    order.client_id = "c" + std::to_string(exchange.orders().size());
    order.quantity = quantity();
    if (number(0, 3) == 0) {
      order.type = OrderType::market;
      if (number(0, 2) == 0) {
        order.quote_quantity = Money::from_raw(number(1, 900'000) * 1'000'000);
        order.quantity = {};
      }
    } else {
      order.type = OrderType::limit;
      order.price = price();
      order.time_in_force = static_cast<TimeInForce>(number(0, 3));
      order.post_only = number(0, 5) == 0;
    }
    exchange.place(order, now, reports);
  }

  /// Conditional, with and without a limit price, some of them trailing.
  OrderRequest waiting() {
    OrderRequest order;
    order.account = accounts[static_cast<std::size_t>(number(0, 3))];
    order.market = market;
    order.side = number(0, 2) == 0 ? Side::buy : Side::sell;
    constexpr std::array types{OrderType::stop, OrderType::stop_limit, OrderType::take_profit,
                               OrderType::take_profit_limit};
    order.type = types[static_cast<std::size_t>(number(0, 4))];
    order.self_trade = static_cast<SelfTrade>(number(0, 6));
    order.client_id = "w" + std::to_string(exchange.orders().size());
    order.quantity = quantity();
    if (is_limited(order.type)) {
      order.price = price();
      order.time_in_force = static_cast<TimeInForce>(number(0, 3));
    }
    if (number(0, 3) == 0) order.trailing_delta = static_cast<std::int32_t>(number(10, 500));
    if (order.trailing_delta == 0 || number(0, 2) == 0) order.stop_price = price();
    return order;
  }
  void conditional() { exchange.place(waiting(), now, reports); }

  void list() {
    ListRequest request;
    request.client_id = "l" + std::to_string(exchange.lists().size());
    OrderRequest limit = waiting();
    limit.type = OrderType::limit;
    limit.time_in_force = TimeInForce::gtc;
    limit.trailing_delta = 0;
    limit.stop_price = {};
    limit.price = price();
    const bool is_oco = number(0, 2) == 0;
    request.contingency = is_oco ? Contingency::oco : Contingency::oto;
    request.orders.push_back(limit);
    const auto legs = is_oco ? 1 : number(1, 3);
    for (std::int64_t at = 0; at < legs; ++at) {
      OrderRequest leg = at == 0 ? waiting() : limit;
      leg.account = limit.account;
      leg.client_id = limit.client_id + "-" + std::to_string(at);
      if (is_oco) leg.quantity = limit.quantity;
      leg.side = is_oco ? limit.side : domain::opposite(limit.side);
      if (at == 1) {
        leg.price = price();
        leg.quantity = request.orders[1].quantity;
        leg.post_only = true;
      }
      request.orders.push_back(leg);
    }
    exchange.place_list(request, now, reports);
  }

  void amend() {
    if (exchange.orders().empty()) return;
    const auto at =
        static_cast<std::size_t>(number(0, static_cast<std::int64_t>(exchange.orders().size())));
    const auto& order = exchange.orders()[at];
    exchange.amend(order.id, quantity(), order.asked.client_id, now, reports);
  }

  void check() const {
    std::map<std::pair<AccountIndex, AssetIndex>, Money> should;
    for (const auto account : accounts) {
      should[{account, btc}] = "20"_usd;
      should[{account, usdt}] = "2000"_usd;
      should[{account, bnb}] = "0.001"_usd;
    }
    // Balances change by trades and fees, and by nothing else.
    for (const auto& trade : exchange.trades()) {
      const auto amount = Money::from_raw(trade.fill.quantity.raw());
      const bool buys = trade.side == Side::buy;
      should[{trade.account, btc}] += buys ? amount : -amount;
      should[{trade.account, usdt}] += buys ? -trade.fill.quote : trade.fill.quote;
      should[{trade.account, trade.fill.commission_asset}] -= trade.fill.commission;
      RC_ASSERT(trade.fill.quote == *domain::notional(trade.fill.price, trade.fill.quantity));
      RC_ASSERT(!trade.fill.commission.is_negative());
    }
    // What is locked is what the open orders need, and no more.
    std::map<std::pair<AccountIndex, AssetIndex>, Money> locked;
    std::map<std::uint64_t, Quantity> executed;
    for (const auto& trade : exchange.trades()) executed[trade.order_id] += trade.fill.quantity;
    for (const auto& order : exchange.orders()) {
      const auto found = executed.find(order.id);
      RC_ASSERT(order.executed == (found == executed.end() ? Quantity{} : found->second));
      RC_ASSERT(order.executed + order.prevented <= order.quantity);
      if (order.status == OrderStatus::filled && order.asked.quantity.is_positive()) {
        RC_ASSERT(order.executed + order.prevented == order.quantity);
      }
      if (order.asked.quote_quantity.is_positive()) {
        RC_ASSERT(order.quote_executed <= order.asked.quote_quantity);
      }
      if (!is_open(order.status)) {
        RC_ASSERT(order.locked.is_zero());
        continue;
      }
      RC_ASSERT(order.asked.type == OrderType::limit || is_conditional(order.asked.type));
      RC_ASSERT(order.remaining().is_positive());
      const bool buys = order.asked.side == Side::buy;
      const auto need = !is_limited(order.asked.type) ? Money{}
                        : buys ? *domain::notional(order.asked.price, order.remaining())
                               : Money::from_raw(order.remaining().raw());
      // Orders of a list lock together, so one of them may hold what another needs.
      if (order.list == 0) RC_ASSERT(order.locked == need);
      locked[{order.asked.account, buys ? usdt : btc}] += order.locked;
    }
    check_lists();
    for (const auto account : accounts) {
      for (const auto asset : {btc, usdt, bnb}) {
        const auto balance = exchange.balance(account, asset);
        RC_ASSERT(!balance.free.is_negative());
        const auto held = locked.find({account, asset});
        RC_ASSERT(balance.locked == (held == locked.end() ? Money{} : held->second));
        RC_ASSERT((balance.free + balance.locked == should[{account, asset}]));
      }
    }
    check_book();
    check_reports();
  }

  /// A list is over when its orders are; while one leg of an OCO works, the other has not traded.
  void check_lists() const {
    for (const auto& list : exchange.lists()) {
      std::size_t open = 0;
      std::size_t traded_legs = 0;
      for (std::size_t at = 0; at < list.orders.size(); ++at) {
        const auto& order = *exchange.find(list.orders[at]);
        if (is_open(order.status)) ++open;
        const bool is_leg = list.contingency == Contingency::oco || at > 0;
        if (is_leg && order.executed.is_positive()) ++traded_legs;
        if (order.status == OrderStatus::pending) {
          RC_ASSERT(order.executed.is_zero());
          RC_ASSERT(is_open(exchange.find(list.orders[0])->status));
        }
      }
      RC_ASSERT(list.done == (open == 0));
      RC_ASSERT(traded_legs <= 1U);
    }
  }

  /// No two accounts' open orders cross, and none is crossed by outside liquidity that is there.
  void check_book() const {
    std::optional<Price> bid;
    std::optional<Price> ask;
    for (const auto& order : exchange.orders()) {
      if (!is_open(order.status) || !order.rested) continue;  // waits off the book
      auto& best = order.asked.side == Side::buy ? bid : ask;
      const bool better = !best || (order.asked.side == Side::buy ? order.asked.price > *best
                                                                  : order.asked.price < *best);
      if (better) best = order.asked.price;
    }
    if (bid && ask) RC_ASSERT(*bid < *ask);
  }

  void check_reports() const {
    std::uint64_t last = 0;
    std::uint64_t last_trade = 0;
    for (const auto& report : reports) {
      RC_ASSERT((report.kind == ReportKind::list_changed) == report.list.has_value());
      if (report.list) continue;  // about no execution
      RC_ASSERT(report.execution_id > last);
      last = report.execution_id;
      RC_ASSERT((report.kind == ReportKind::trade) == report.fill.has_value());
      if (!report.fill) continue;
      RC_ASSERT(report.fill->trade_id >= last_trade);
      RC_ASSERT(report.fill->trade_id >= 1'000'000'000'000U);
      last_trade = report.fill->trade_id;
    }
  }

  Exchange exchange;
  AssetIndex btc = exchange.asset("BTC");
  AssetIndex usdt = exchange.asset("USDT");
  AssetIndex bnb = exchange.asset("BNB");
  MarketIndex market = exchange.add_market({"BTCUSDT", btc, usdt, "0.001"_qty});
  std::vector<AccountIndex> accounts;
  Timestamp now = domain::from_unix_ms(1'700'000'000'000);
  Reports reports;
};

RC_GTEST_PROP(MatchingProperty, BalancesAreWhatTradesAndOpenOrdersMakeThem, ()) {
  World world;
  const auto steps = World::number(1, 80);
  for (std::int64_t at = 0; at < steps; ++at) world.step();
  world.check();
}

}  // namespace
}  // namespace halcyon::simulation
