#include "simulation/matching.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/simulation/recording.h"

namespace halcyon::simulation {
namespace {

namespace json = boost::json;
using namespace domain::literals;

constexpr Timestamp now = domain::from_unix_ms(1'700'000'000'000);

/// One market, two accounts, and a small outside book: 99 5, 98 5 | 101 5, 102 5.
struct MatchingTest : ::testing::Test {
  Exchange exchange;
  AssetIndex btc = exchange.asset("BTC");
  AssetIndex usdt = exchange.asset("USDT");
  AssetIndex bnb = exchange.asset("BNB");
  MarketIndex market = exchange.add_market({"BTCUSDT", btc, usdt, "0.001"_qty});
  AccountIndex ann = add_account({});
  AccountIndex bob = add_account({});
  Reports reports;
  int next_id = 1;

  AccountIndex add_account(Fees fees) {
    const auto account = exchange.add_account(fees);
    exchange.deposit(account, btc, "10"_usd);
    exchange.deposit(account, usdt, "10000"_usd);
    return account;
  }
  void levels(std::vector<Level> bids, std::vector<Level> asks) {
    exchange.apply_levels(market, bids, asks, now, reports);
  }
  void open_book() {
    levels({{"99"_px, "5"_qty}, {"98"_px, "5"_qty}}, {{"101"_px, "5"_qty}, {"102"_px, "5"_qty}});
  }
  OrderRequest limit(AccountIndex who, Side side, Quantity quantity, Price price) {
    OrderRequest order;
    order.account = who;
    order.market = market;
    order.side = side;
    order.type = OrderType::limit;
    order.quantity = quantity;
    order.price = price;
    order.client_id = "c" + std::to_string(next_id++);
    return order;
  }
  OrderRequest at_market(AccountIndex who, Side side, Quantity quantity) {
    auto order = limit(who, side, quantity, Price{});
    order.type = OrderType::market;
    return order;
  }
  const Order& place(const OrderRequest& order) {
    const auto placed = exchange.place(order, now, reports);
    EXPECT_TRUE(std::holds_alternative<std::uint64_t>(placed));
    return *exchange.find(std::get<std::uint64_t>(placed));
  }
  void trade(Side taker, Price price, Quantity quantity) {
    exchange.outside_trade(market, taker, price, quantity, now, reports);
  }
  std::vector<Fill> fills_of(const Order& order) const {
    std::vector<Fill> fills;
    for (const auto& report : reports) {
      if (report.order.id == order.id && report.fill) fills.push_back(*report.fill);
    }
    return fills;
  }
};

TEST_F(MatchingTest, AMarketOrderWalksTheLevelsAndPaysEachItsPrice) {
  open_book();
  const auto& order = place(at_market(ann, Side::buy, "7"_qty));
  EXPECT_EQ(order.status, OrderStatus::filled);
  EXPECT_EQ(order.quote_executed, "709"_usd);  // 5 x 101 + 2 x 102
  const auto fills = fills_of(order);
  ASSERT_EQ(fills.size(), 2U);
  EXPECT_EQ(fills[1].price, "102"_px);
  EXPECT_EQ(fills[1].trade_id, fills[0].trade_id + 1);
  EXPECT_EQ(exchange.balance(ann, btc), (Balance{"17"_usd, {}}));
  EXPECT_EQ(exchange.balance(ann, usdt), (Balance{"9291"_usd, {}}));
}

TEST_F(MatchingTest, WhatWasTakenIsNotThereAgainUntilTheOutsideChangesTheLevel) {
  open_book();
  place(at_market(ann, Side::buy, "5"_qty));
  // The published book does not show what was taken ...
  EXPECT_EQ(exchange.best_outside(market, Side::sell), (Level{"101"_px, "5"_qty}));
  // ... but the next order finds the next price
  EXPECT_EQ(fills_of(place(at_market(bob, Side::buy, "1"_qty)))[0].price, "102"_px);
  // And when the outside changes the level, it is there again
  levels({}, {{"101"_px, "2"_qty}});
  EXPECT_EQ(fills_of(place(at_market(bob, Side::buy, "1"_qty)))[0].price, "101"_px);
}

TEST_F(MatchingTest, AMarketOrderThatFindsNoMoreLiquidityExpiresWithWhatItGot) {
  levels({}, {{"101"_px, "1"_qty}});
  const auto& order = place(at_market(ann, Side::buy, "3"_qty));
  EXPECT_EQ(order.status, OrderStatus::expired);
  EXPECT_EQ(order.expiry, Expiry::insufficient_liquidity);
  EXPECT_EQ(order.executed, "1"_qty);
}

TEST_F(MatchingTest, AnOrderByQuoteAmountSpendsAtMostThatAndEndsWithinAStep) {
  open_book();
  auto request = at_market(ann, Side::buy, Quantity{});
  request.quote_quantity = "600"_usd;
  const auto& order = place(request);
  EXPECT_EQ(order.status, OrderStatus::filled);
  EXPECT_EQ(order.executed, "5.931"_qty);  // 5 at 101, and 95 USDT worth at 102, cut to the step
  EXPECT_EQ(order.quote_executed, "599.962"_usd);
  EXPECT_EQ(order.quantity, order.executed);
}

struct TimeInForceCase {
  const char* name;
  TimeInForce time_in_force;
  const char* quantity;
  OrderStatus status;
  const char* executed;
};
struct TimeInForceTest : MatchingTest, ::testing::WithParamInterface<TimeInForceCase> {};

TEST_P(TimeInForceTest, DecidesWhatHappensToTheRest) {
  open_book();
  auto request = limit(ann, Side::buy, *domain::parse<Quantity>(GetParam().quantity), "101"_px);
  request.time_in_force = GetParam().time_in_force;
  const auto& order = place(request);
  EXPECT_EQ(order.status, GetParam().status);
  EXPECT_EQ(order.executed, *domain::parse<Quantity>(GetParam().executed));
  EXPECT_EQ(is_open(order.status), exchange.open_order_count(ann, market) == 1);
  if (!is_open(order.status)) {
    EXPECT_EQ(exchange.balance(ann, usdt).locked, Money{});
  }
}

INSTANTIATE_TEST_SUITE_P(
    Matching, TimeInForceTest,
    ::testing::Values(
        TimeInForceCase{"gtc_rests", TimeInForce::gtc, "7", OrderStatus::partially_filled, "5"},
        TimeInForceCase{"gtc_fills", TimeInForce::gtc, "5", OrderStatus::filled, "5"},
        TimeInForceCase{"ioc_expires_the_rest", TimeInForce::ioc, "7", OrderStatus::expired, "5"},
        TimeInForceCase{"ioc_fills", TimeInForce::ioc, "4", OrderStatus::filled, "4"},
        TimeInForceCase{"fok_just_fits", TimeInForce::fok, "5", OrderStatus::filled, "5"},
        TimeInForceCase{"fok_just_too_large", TimeInForce::fok, "5.001", OrderStatus::expired,
                        "0"}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST_F(MatchingTest, APostOnlyOrderIsRefusedWhereItWouldTake) {
  open_book();
  auto request = limit(ann, Side::buy, "1"_qty, "101"_px);
  request.post_only = true;
  EXPECT_EQ(std::get<Refused>(exchange.place(request, now, reports)), Refused::would_take);
  EXPECT_TRUE(reports.empty());
  EXPECT_EQ(exchange.balance(ann, usdt), (Balance{"10000"_usd, {}}));
  request.price = "100.99"_px;
  EXPECT_EQ(place(request).status, OrderStatus::accepted);
}

TEST_F(MatchingTest, ARestingOrderWaitsBehindWhatStoodThereAndThenFills) {
  open_book();
  const auto& order = place(limit(ann, Side::buy, "2"_qty, "99"_px));
  EXPECT_EQ(order.ahead, "5"_qty);
  // A taker sells 4: all of it goes to those before us
  trade(Side::sell, "99"_px, "4"_qty);
  EXPECT_EQ(order.executed, Quantity{});
  EXPECT_EQ(order.ahead, "1"_qty);
  // Another 2: one before us, one for us
  trade(Side::sell, "99"_px, "2"_qty);
  EXPECT_EQ(order.executed, "1"_qty);
  EXPECT_EQ(order.status, OrderStatus::partially_filled);
  ASSERT_EQ(fills_of(order).size(), 1U);
  EXPECT_TRUE(fills_of(order)[0].maker);
  // A buyer at that price is no business of ours
  trade(Side::buy, "99"_px, "5"_qty);
  EXPECT_EQ(order.executed, "1"_qty);
}

TEST_F(MatchingTest, ALevelThatShrinksCutsTheQueueBeforeUs) {
  open_book();
  const auto& order = place(limit(ann, Side::buy, "2"_qty, "99"_px));
  levels({{"99"_px, "0.5"_qty}}, {});
  EXPECT_EQ(order.ahead, "0.5"_qty);
  levels({{"99"_px, "8"_qty}}, {});
  EXPECT_EQ(order.ahead, "0.5"_qty);
}

TEST_F(MatchingTest, ATradeThroughThePriceFillsWithoutAQueueButNotMoreThanItself) {
  open_book();
  const auto& better = place(limit(ann, Side::buy, "2"_qty, "99"_px));
  const auto& worse = place(limit(bob, Side::buy, "2"_qty, "98.5"_px));
  trade(Side::sell, "98"_px, "3"_qty);
  EXPECT_EQ(better.status, OrderStatus::filled);
  EXPECT_EQ(worse.executed, "1"_qty);
  EXPECT_EQ(fills_of(better)[0].price, "99"_px);
}

TEST_F(MatchingTest, AnOutsideBookThatCrossesARestingOrderFillsItAtItsPrice) {
  open_book();
  const auto& order = place(limit(ann, Side::sell, "2"_qty, "100"_px));
  levels({{"100.5"_px, "1.5"_qty}}, {});
  EXPECT_EQ(order.executed, "1.5"_qty);
  EXPECT_EQ(fills_of(order)[0].price, "100"_px);
  // The same displayed quantity does not fill twice
  levels({{"97"_px, "1"_qty}}, {});
  EXPECT_EQ(order.executed, "1.5"_qty);
}

TEST_F(MatchingTest, TwoAccountsTradeWithEachOtherUnderOneTradeId) {
  const auto& maker = place(limit(ann, Side::sell, "2"_qty, "100"_px));
  const auto& taker = place(limit(bob, Side::buy, "3"_qty, "100.5"_px));
  EXPECT_EQ(maker.status, OrderStatus::filled);
  EXPECT_EQ(taker.executed, "2"_qty);
  ASSERT_EQ(exchange.trades().size(), 2U);
  EXPECT_EQ(exchange.trades()[0].fill.trade_id, exchange.trades()[1].fill.trade_id);
  EXPECT_LT(exchange.trades()[0].execution_id, exchange.trades()[1].execution_id);
  // The buyer locked 3 x 100.5, paid 2 x 100, and has 1 x 100.5 locked still
  EXPECT_EQ(exchange.balance(bob, usdt), (Balance{"9699.5"_usd, "100.5"_usd}));
}

struct SelfTradeCase {
  const char* name;
  SelfTrade mode;
  OrderStatus maker;
  OrderStatus taker;
  std::size_t trades;
};
struct SelfTradeTest : MatchingTest, ::testing::WithParamInterface<SelfTradeCase> {};

TEST_P(SelfTradeTest, DoesAsTheTakerWishes) {
  const auto& maker = place(limit(ann, Side::sell, "2"_qty, "100"_px));
  auto request = limit(ann, Side::buy, "3"_qty, "100"_px);
  request.self_trade = GetParam().mode;
  const auto& taker = place(request);
  EXPECT_EQ(maker.status, GetParam().maker);
  EXPECT_EQ(taker.status, GetParam().taker);
  EXPECT_EQ(exchange.trades().size(), GetParam().trades);
  Money locked;
  if (is_open(taker.status)) locked = *domain::notional("100"_px, taker.remaining());
  EXPECT_EQ(exchange.balance(ann, usdt).locked, locked);
}

INSTANTIATE_TEST_SUITE_P(
    Matching, SelfTradeTest,
    ::testing::Values(SelfTradeCase{"none_trades", SelfTrade::none, OrderStatus::filled,
                                    OrderStatus::partially_filled, 2},
                      SelfTradeCase{"expire_maker", SelfTrade::expire_maker,
                                    OrderStatus::expired_in_match, OrderStatus::accepted, 0},
                      SelfTradeCase{"expire_taker", SelfTrade::expire_taker, OrderStatus::accepted,
                                    OrderStatus::expired_in_match, 0},
                      SelfTradeCase{"expire_both", SelfTrade::expire_both,
                                    OrderStatus::expired_in_match, OrderStatus::expired_in_match,
                                    0},
                      SelfTradeCase{"decrement", SelfTrade::decrement,
                                    OrderStatus::expired_in_match, OrderStatus::accepted, 0}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST_F(MatchingTest, CommissionComesOutOfWhatTheTradeBringsInAndIsCutToEightDecimals) {
  Fees fees;
  fees.taker = 1'000'000;  // 0.1 %
  const auto payer = add_account(fees);
  levels({{"99.99"_px, "5"_qty}}, {{"101"_px, "5"_qty}});
  place(at_market(payer, Side::buy, "1.234"_qty));
  EXPECT_EQ(exchange.trades().back().fill.commission, "0.001234"_usd);
  EXPECT_EQ(exchange.trades().back().fill.commission_asset, btc);
  place(at_market(payer, Side::sell, "0.123"_qty));
  EXPECT_EQ(exchange.trades().back().fill.commission, "0.01229877"_usd);  // 12.29877 x 0.001
  EXPECT_EQ(exchange.trades().back().fill.commission_asset, usdt);
}

TEST_F(MatchingTest, CommissionInAThirdAssetFallsBackWhereTheAccountHasTooLittleOfIt) {
  Fees fees;
  fees.taker = 1'000'000;
  fees.payment = Fees::Payment::other;
  fees.other = bnb;
  fees.other_price = "500"_px;
  const auto payer = add_account(fees);
  exchange.deposit(payer, bnb, "0.0003"_usd);
  open_book();
  place(at_market(payer, Side::buy, "1"_qty));  // 0.101 USDT of commission are 0.000202 BNB
  EXPECT_EQ(exchange.trades().back().fill.commission, "0.000202"_usd);
  EXPECT_EQ(exchange.trades().back().fill.commission_asset, bnb);
  EXPECT_EQ(exchange.balance(payer, bnb).free, "0.000098"_usd);
  place(at_market(payer, Side::buy, "1"_qty));
  EXPECT_EQ(exchange.trades().back().fill.commission_asset, btc);
}

TEST_F(MatchingTest, RefusesWhatTheBalanceDoesNotCover) {
  open_book();
  const auto refused = [&](const OrderRequest& order) {
    const auto placed = exchange.place(order, now, reports);
    return std::holds_alternative<Refused>(placed) &&
           std::get<Refused>(placed) == Refused::insufficient_balance;
  };
  EXPECT_TRUE(refused(limit(ann, Side::buy, "100.001"_qty, "100"_px)));
  EXPECT_FALSE(refused(limit(ann, Side::buy, "100"_qty, "100"_px)));
  EXPECT_TRUE(refused(limit(ann, Side::buy, "0.001"_qty, "1"_px)));  // all is locked now
  EXPECT_TRUE(refused(at_market(bob, Side::sell, "10.001"_qty)));
  auto by_quote = at_market(bob, Side::buy, Quantity{});
  by_quote.quote_quantity = "10000.1"_usd;
  EXPECT_TRUE(refused(by_quote));
}

TEST_F(MatchingTest, AClientIdIsTakenOnlyWhileItsOrderIsOpen) {
  open_book();
  auto request = limit(ann, Side::buy, "1"_qty, "90"_px);
  const auto& first = place(request);
  EXPECT_EQ(std::get<Refused>(exchange.place(request, now, reports)), Refused::duplicate_client_id);
  request.account = bob;  // another account's ids are its own
  place(request);
  request.account = ann;
  EXPECT_FALSE(exchange.cancel(first.id, "x", now, reports));
  EXPECT_EQ(exchange.cancel(first.id, "x", now, reports), Refused::unknown_order);
  const auto& second = place(request);
  EXPECT_EQ(exchange.find(ann, request.client_id), &second);
}

TEST_F(MatchingTest, EachReportCarriesTheBalancesAsTheyWereRightAfterIt) {
  open_book();
  place(limit(ann, Side::buy, "6"_qty, "101"_px));
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[0].kind, ReportKind::accepted);
  EXPECT_EQ(reports[0].balances[1].balance, (Balance{"9394"_usd, "606"_usd}));
  EXPECT_EQ(reports[1].kind, ReportKind::trade);
  EXPECT_EQ(reports[1].balances[1].balance, (Balance{"9394"_usd, "101"_usd}));
  EXPECT_LT(reports[0].execution_id, reports[1].execution_id);
}

/// The published sequences of another matching engine, as far as they use what this one has.
TEST(MatchingKnownAnswers, AgreeWithCppTrader) {
  const auto text =
      testing::read_text(HALCYON_SOURCE_DIR "/../shared/expected/matching/cpptrader_matching.json");
  if (text.empty()) GTEST_SKIP() << "../shared/expected is not here";
  const auto document = json::parse(text);
  int cases = 0;
  for (const auto& each : document.at("cases").as_array()) {
    const auto& steps = each.at("steps").as_array();
    const auto known = [](const json::value& step) {
      const auto* op = step.as_object().if_contains("op");
      if (op == nullptr) {
        return step.at("check") == "BookOrders" || step.at("check") == "BookVolume";
      }
      if (*op == "EnableMatching") return true;
      const auto* slippage = step.as_object().if_contains("slippage");
      const auto* tif = step.as_object().if_contains("tif");
      return *op == "add" && (step.at("type") == "Limit" || step.at("type") == "Market") &&
             slippage == nullptr && !step.as_object().contains("max_visible") &&
             (tif == nullptr || *tif != "AON");
    };
    // A case is played up to the first word that this exchange does not have.
    const auto playable = std::find_if_not(steps.begin(), steps.end(), known) - steps.begin();
    Exchange exchange;
    const auto base = exchange.asset("B");
    const auto quote = exchange.asset("Q");
    const auto market = exchange.add_market({"BQ", base, quote, "1"_qty});
    const auto account = exchange.add_account({});
    exchange.deposit(account, base, "1000000"_usd);
    exchange.deposit(account, quote, "1000000"_usd);
    Reports reports;
    int checks = 0;
    for (std::ptrdiff_t at = 0; at < playable; ++at) {
      const auto& step = steps[static_cast<std::size_t>(at)].as_object();
      if (const auto* check = step.if_contains("check")) {
        std::map<Side, std::int64_t> found;
        for (const auto* order : exchange.open_orders(account)) {
          found[order->asked.side] +=
              *check == "BookOrders"
                  ? 1
                  : static_cast<std::int64_t>(order->remaining().raw() / domain::decimal_scale);
        }
        EXPECT_EQ(found[Side::buy], step.at("bid_or_buy").as_int64()) << each.at("id") << at;
        EXPECT_EQ(found[Side::sell], step.at("ask_or_sell").as_int64()) << each.at("id") << at;
        ++checks;
      } else if (step.at("op") == "add") {
        OrderRequest order;
        order.account = account;
        order.market = market;
        order.side = step.at("side") == "buy" ? Side::buy : Side::sell;
        order.type = step.at("type") == "Market" ? OrderType::market : OrderType::limit;
        order.quantity = Quantity::from_units(step.at("qty").as_int64());
        if (step.contains("price")) order.price = Price::from_units(step.at("price").as_int64());
        if (const auto* tif = step.if_contains("tif")) {
          if (*tif == "IOC") order.time_in_force = TimeInForce::ioc;
          if (*tif == "FOK") order.time_in_force = TimeInForce::fok;
        }
        order.client_id = json::serialize(step.at("id"));
        EXPECT_TRUE(std::holds_alternative<std::uint64_t>(exchange.place(order, now, reports)));
      }
    }
    if (checks > 0) ++cases;
  }
  EXPECT_GE(cases, 4);
}

}  // namespace
}  // namespace halcyon::simulation
