#include "engine/portfolio.h"

#include <gtest/gtest.h>

#include "engine/market.h"
#include "engine/valuation.h"
#include "harness.h"

namespace halcyon::engine::testing {
namespace {

struct PortfolioTest : ::testing::Test {
  Harness h;
  OrderId order;

  void SetUp() override {
    h.begin();
    order = h.want(1);
    h.outcome(order, Outcome::sent);
    h.outcome(order, Outcome::acknowledged);
  }
  void fill_with_fee(AssetId asset, Money fee) {
    Execution one = h.execution(order, "1"_qty, "100"_px, 1);
    one.fee = fee;
    one.fee_asset = asset;
    h.send(one);
  }
  std::vector<EquityMarked> marks(StrategyId strategy) const {
    std::vector<EquityMarked> found;
    for (const EquityMarked& mark : h.all<EquityMarked>()) {
      if (mark.strategy == strategy) found.push_back(mark);
    }
    return found;
  }
};

TEST_F(PortfolioTest, AFeeInQuoteIsAFee) {
  fill_with_fee(h.usdt, "0.1"_usd);
  EXPECT_EQ(h.position().fees, "0.1"_usd);
  EXPECT_EQ(h.position().quantity, "1"_qty);
}

TEST_F(PortfolioTest, AFeeInBaseIsOffTheQuantity) {
  fill_with_fee(h.btc_asset, "0.001"_usd);
  EXPECT_EQ(h.position().quantity, "0.999"_qty);
  EXPECT_EQ(h.position().fees, "0.1"_usd);
  EXPECT_EQ(h.position().cost, "99.9"_usd);
}

TEST_F(PortfolioTest, AFeeInAThirdAssetIsValuedByItsMarket) {
  Quote bnb;
  bnb.bid = "499"_px;
  bnb.ask = "501"_px;
  h.send_of(h.bnb, bnb);
  fill_with_fee(h.bnb_asset, "0.0002"_usd);
  EXPECT_EQ(h.position().fees, "0.1"_usd);
  EXPECT_EQ(h.position().quantity, "1"_qty);
}

TEST_F(PortfolioTest, AFeeThatCannotBeValuedIsSaidAndKept) {
  fill_with_fee(h.bnb_asset, "0.0002"_usd);
  EXPECT_TRUE(h.position().fees.is_zero());
  EXPECT_TRUE(h.noticed(NoticeCode::unvalued_fee));
  EXPECT_EQ(h.all<FillBooked>()[0].fee, "0.0002"_usd);
  EXPECT_EQ(h.all<FillBooked>()[0].fee_asset, h.bnb_asset);
}

TEST_F(PortfolioTest, EquityOfAStrategyIsItsCapitalAndItsProfit) {
  fill_with_fee(h.usdt, "0.5"_usd);
  h.quote("109"_px, "111"_px);
  h.pass(10s);
  const EquityMarked mark = marks(h.strategy).back();
  EXPECT_EQ(mark.equity, "10009.5"_usd);
  EXPECT_EQ(mark.unrealized, "10"_usd);
  EXPECT_EQ(mark.cash, "9899.5"_usd);
  EXPECT_EQ(mark.fees, "0.5"_usd);
  EXPECT_EQ(mark.peak, "10009.5"_usd);
  // When the price falls, the peak stays and the drawdown is from it.
  h.quote("99"_px, "101"_px);
  h.pass(10s);
  EXPECT_EQ(marks(h.strategy).back().peak, "10009.5"_usd);
  EXPECT_EQ(marks(h.strategy).back().drawdown, "10"_usd);
}

TEST_F(PortfolioTest, EquityOfAnAccountIsItsBalancesInTheReportingCurrency) {
  h.pass(10s);
  // 1,000,000 USDT counted as USD one to one, and 1000 BTC at 100.
  EXPECT_EQ(marks(no<StrategyId>).back().equity, "1100000"_usd);
  EXPECT_EQ(marks(no<StrategyId>).back().cash, "1000000"_usd);
}

TEST_F(PortfolioTest, EquityIsMarkedWhileItChangesAndAtLeastEachMinute) {
  h.pass(10s);
  const std::size_t before = marks(h.strategy).size();
  h.pass(45s);
  EXPECT_EQ(marks(h.strategy).size(), before) << "nothing has changed";
  h.pass(25s);
  EXPECT_EQ(marks(h.strategy).size(), before + 1);
}

TEST_F(PortfolioTest, AnOlderWordAboutABalanceIsNotBelieved) {
  const auto say = [&](Money free, Duration age) {
    Balance balance;
    balance.asset = h.usdt;
    balance.free = free;
    h.send_of(no<InstrumentId>, balance, {}, h.now - age);
  };
  say("500"_usd, 1s);
  say("600"_usd, 2s);
  EXPECT_EQ(h.all<BalanceChanged>().back().free, "500"_usd);
  say("700"_usd, 0s);
  EXPECT_EQ(h.all<BalanceChanged>().back().free, "700"_usd);
}

TEST_F(PortfolioTest, MoneyThatIsTakenOutIsNoDrawdown) {
  h.pass(10s);
  h.send(ExternalFlow{"-400000"_usd, h.usdt});
  Balance balance;
  balance.asset = h.usdt;
  balance.free = "600000"_usd;
  h.send_of(no<InstrumentId>, balance);
  h.pass(10s);
  EXPECT_EQ(marks(no<StrategyId>).back().equity, "700000"_usd);
  EXPECT_EQ(marks(no<StrategyId>).back().peak, "700000"_usd);
  EXPECT_TRUE(marks(no<StrategyId>).back().drawdown.is_zero());
}

// ---- Other currencies ---------------------------------------------------------------------------

TEST(Valuation, GoesOneStepEitherWayOrTwo) {
  config::Config config;
  Catalog catalog;
  const VenueId venue = catalog.venue("sim");
  const InstrumentId btc_usdt = catalog.instrument(venue, "BTC/USDT");
  const InstrumentId bnb_btc = catalog.instrument(venue, "BNB/BTC");
  const InstrumentId usdt_brl = catalog.instrument(venue, "USDT/BRL");
  const auto asset = [&](std::string_view name) { return *catalog.find_asset(name); };
  Market market{3};
  const Valuation valuation{config, catalog, market};
  const auto price = [&](InstrumentId instrument, Price at) {
    Trade trade;
    trade.price = at;
    market.on_trade(instrument, trade, Timestamp{1s});
  };
  EXPECT_TRUE(valuation.has_path(asset("BNB")));
  EXPECT_EQ(valuation.report("2"_usd, asset("BNB")), std::nullopt) << "no price";
  price(bnb_btc, "0.01"_px);
  EXPECT_EQ(valuation.report("2"_usd, asset("BNB")), std::nullopt) << "half a price";
  price(btc_usdt, "50000"_px);
  EXPECT_EQ(valuation.report("2"_usd, asset("BNB")), "1000"_usd);
  EXPECT_EQ(valuation.report("2"_usd, asset("BTC")), "100000"_usd);
  EXPECT_EQ(valuation.report("2"_usd, asset("USDT")), "2"_usd);
  price(usdt_brl, "5"_px);
  EXPECT_EQ(valuation.report("20"_usd, asset("BRL")), "4"_usd) << "divided";
  EXPECT_EQ(valuation.from_reporting("1000"_usd, asset("BTC")), "0.02"_usd);
  EXPECT_EQ(valuation.from_reporting("1000"_usd, asset("BNB")), "2"_usd);
}

}  // namespace
}  // namespace halcyon::engine::testing
