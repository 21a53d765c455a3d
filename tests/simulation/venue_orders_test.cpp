// Orders that wait, lists, cancel-replace and amend: what the venue's document says of them.

#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/simulation/venue_world.h"

namespace halcyon::simulation {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::VenueWorld;

/// "TRADE FILLED id" of each execution report, "listStatus ALL_DONE" of each list.
std::vector<std::string> told(std::vector<json::value>& events) {
  std::vector<std::string> lines;
  for (const auto& each : std::exchange(events, {})) {
    const auto& event = each.at("event").as_object();
    const auto word = [&](const char* key) { return std::string{event.at(key).as_string()}; };
    if (event.at("e") == "executionReport") {
      lines.push_back(word("x") + " " + word("X") + " " +
                      (event.at("x") == "CANCELED" ? word("C") : word("c")));
    } else if (event.at("e") == "listStatus") {
      lines.push_back("listStatus " + word("l") + " " + word("L"));
    }
  }
  return lines;
}

/// A venue whose book stands still (99.99 2 | 100.01 3), and a trader on it.
struct Desk : VenueWorld {
  Desk() : line(trader()) { venue->pause(now); }

  json::value place(std::string_view type, std::string_view side, std::string_view quantity,
                    json::object more) {
    more["symbol"] = "BTCUSDT";
    more["type"] = type;
    more["side"] = side;
    more["quantity"] = quantity;
    return order(line, "order.place", std::move(more));
  }
  /// Another account trades at that price, so that it is the last one.
  void trade_at(std::string_view price) {
    const std::string text{price};
    for (const auto* side : {"BUY", "SELL"}) {
      const std::string account = side == std::string{"BUY"} ? "other" : "third";
      venue->call_as(account, "order.place",
                     {{"symbol", "BTCUSDT"},
                      {"type", "LIMIT"},
                      {"timeInForce", "GTC"},
                      {"side", side},
                      {"price", text},
                      {"quantity", "0.1"}},
                     now, actions);
    }
    collect();
    for (auto& frame : std::exchange(received[line], {})) events.push_back(json::parse(frame));
  }
  std::string balance(std::string_view asset) {
    const auto account = order(line, "account.status", {});
    for (const auto& row : account.at("result").at("balances").as_array()) {
      if (row.at("asset").as_string() == asset) {
        return std::string{row.at("free").as_string()} + "/" +
               std::string{row.at("locked").as_string()};
      }
    }
    return {};
  }

  ConnectionId line;
};

struct DeskOfThree : Desk {
  DeskOfThree() {
    venue->add_account(testing::hmac_account("third"));
    EXPECT_TRUE(told(events).empty());
  }
};

json::object stop_limit(std::string_view id, std::string_view stop, std::string_view price) {
  return {{"timeInForce", "GTC"},
          {"price", price},
          {"stopPrice", stop},
          {"newClientOrderId", id},
          {"newOrderRespType", "RESULT"}};
}

TEST(VenueConditional, AStopWaitsOffTheBookAndTradesWhenItsPriceComes) {
  // Given a stop to buy above the market
  DeskOfThree desk;
  desk.trade_at("99.99");
  const auto answer = desk.place("STOP_LOSS_LIMIT", "BUY", "0.5", stop_limit("s", "100", "101"));
  ASSERT_EQ(answer.at("status"), 200) << json::serialize(answer);
  EXPECT_EQ(answer.at("result").at("status"), "NEW");
  EXPECT_EQ(answer.at("result").at("workingTime"), -1);
  EXPECT_EQ(desk.balance("USDT"), "9949.50000000/50.50000000");
  EXPECT_THAT(told(desk.events), ElementsAre("NEW NEW s"));
  // When others trade below it, nothing happens
  desk.trade_at("99.99");
  EXPECT_THAT(told(desk.events), ElementsAre());
  // When they trade at it, it is on the book, meets the best ask and is filled
  desk.trade_at("100.00");
  EXPECT_THAT(told(desk.events), ElementsAre("NEW NEW s", "TRADE FILLED s"));
  EXPECT_EQ(desk.balance("USDT"), "9949.99500000/0.00000000");
}

struct SideCase {
  const char* name;
  const char* type;
  const char* side;
  const char* stop;
  bool taken;
};
class VenueStopSide : public ::testing::TestWithParam<SideCase> {};

TEST_P(VenueStopSide, MustBeWhereTheDocumentSays) {
  DeskOfThree desk;
  desk.trade_at("100.00");
  const auto answer =
      desk.place(GetParam().type, GetParam().side, "0.5", {{"stopPrice", GetParam().stop}});
  if (GetParam().taken) {
    EXPECT_EQ(answer.at("status"), 200) << json::serialize(answer);
  } else {
    EXPECT_EQ(answer.at("error").at("code"), -2010);
    EXPECT_EQ(answer.at("error").at("msg"), "Order would trigger immediately.");
  }
}

INSTANTIATE_TEST_SUITE_P(
    Venue, VenueStopSide,
    ::testing::Values(SideCase{"stop_buy_above", "STOP_LOSS", "BUY", "100.01", true},
                      SideCase{"stop_buy_at", "STOP_LOSS", "BUY", "100.00", false},
                      SideCase{"stop_sell_below", "STOP_LOSS", "SELL", "99.99", true},
                      SideCase{"stop_sell_above", "STOP_LOSS", "SELL", "100.01", false},
                      SideCase{"take_sell_above", "TAKE_PROFIT", "SELL", "100.01", true},
                      SideCase{"take_sell_below", "TAKE_PROFIT", "SELL", "99.99", false},
                      SideCase{"take_buy_below", "TAKE_PROFIT", "BUY", "99.99", true},
                      SideCase{"take_buy_above", "TAKE_PROFIT", "BUY", "100.01", false}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(VenueConditional, ATrailingStopFollowsThePriceAndTradesWhenItTurns) {
  // Given a stop that trails one percent below the highest price
  DeskOfThree desk;
  desk.trade_at("100.00");
  const auto answer =
      desk.place("STOP_LOSS", "SELL", "0.5", {{"trailingDelta", 100}, {"newClientOrderId", "t"}});
  ASSERT_EQ(answer.at("status"), 200) << json::serialize(answer);
  told(desk.events);
  // When the price has no more fallen than 0.01, nothing happens
  desk.trade_at("99.99");
  EXPECT_THAT(told(desk.events), ElementsAre());
  const auto state =
      desk.order(desk.line, "order.status", {{"symbol", "BTCUSDT"}, {"origClientOrderId", "t"}});
  EXPECT_EQ(state.at("result").at("trailingDelta"), 100);
  EXPECT_EQ(state.at("result").at("status"), "NEW");
  // A distance beyond the filter is refused
  EXPECT_EQ(desk.place("STOP_LOSS", "SELL", "0.5", {{"trailingDelta", 9}}).at("error").at("msg"),
            "Filter failure: TRAILING_DELTA");
}

json::object oco() {
  return {{"symbol", "BTCUSDT"},
          {"side", "SELL"},
          {"quantity", "1"},
          {"listClientOrderId", "list"},
          {"aboveType", "LIMIT_MAKER"},
          {"aboveClientOrderId", "up"},
          {"abovePrice", "110"},
          {"belowType", "STOP_LOSS_LIMIT"},
          {"belowClientOrderId", "down"},
          {"belowStopPrice", "99.99"},
          {"belowPrice", "99"},
          {"belowTimeInForce", "GTC"}};
}

TEST(VenueLists, OneLegOfAnOcoEndsTheOther) {
  // Given an OCO around the market, which locks once
  DeskOfThree desk;
  desk.trade_at("100.00");
  const auto answer = desk.order(desk.line, "orderList.place.oco", oco());
  ASSERT_EQ(answer.at("status"), 200) << json::serialize(answer);
  EXPECT_EQ(answer.at("result").at("contingencyType"), "OCO");
  EXPECT_EQ(answer.at("result").at("orderReports").as_array().size(), 2U);
  EXPECT_EQ(desk.balance("BTC"), "9.00000000/1.00000000");
  EXPECT_THAT(told(desk.events),
              ElementsAre("listStatus EXEC_STARTED EXECUTING", "NEW NEW up", "NEW NEW down"));
  // When the price falls to the stop
  desk.trade_at("99.99");
  // Then the upper leg expires first, and the lower one sells
  EXPECT_THAT(told(desk.events), ElementsAre("EXPIRED EXPIRED up", "NEW NEW down",
                                             "TRADE FILLED down", "listStatus ALL_DONE ALL_DONE"));
  EXPECT_EQ(desk.balance("BTC"), "9.00000000/0.00000000");
}

TEST(VenueLists, CancelingOneLegCancelsTheListAndAnswersWithIt) {
  DeskOfThree desk;
  desk.trade_at("100.00");
  desk.order(desk.line, "orderList.place.oco", oco());
  told(desk.events);
  const auto answer =
      desk.order(desk.line, "order.cancel", {{"symbol", "BTCUSDT"}, {"origClientOrderId", "up"}});
  EXPECT_EQ(answer.at("result").at("listOrderStatus"), "ALL_DONE");
  EXPECT_THAT(told(desk.events), ElementsAre("CANCELED CANCELED up", "CANCELED CANCELED down",
                                             "listStatus ALL_DONE ALL_DONE"));
  EXPECT_EQ(desk.balance("BTC"), "10.00000000/0.00000000");
  EXPECT_EQ(desk.order(desk.line, "openOrderLists.status", {}).at("result").as_array().size(), 0U);
}

json::object otoco(std::string_view working_price) {
  return {{"symbol", "BTCUSDT"},
          {"workingType", "LIMIT"},
          {"workingSide", "BUY"},
          {"workingTimeInForce", "GTC"},
          {"workingClientOrderId", "entry"},
          {"workingPrice", working_price},
          {"workingQuantity", "1"},
          {"pendingSide", "SELL"},
          {"pendingQuantity", "0.9"},
          {"pendingAboveType", "LIMIT_MAKER"},
          {"pendingAboveClientOrderId", "profit"},
          {"pendingAbovePrice", "110"},
          {"pendingBelowType", "STOP_LOSS"},
          {"pendingBelowClientOrderId", "loss"},
          {"pendingBelowStopPrice", "90"}};
}

TEST(VenueLists, TheLegsOfAnOtocoWaitForTheEntry) {
  // Given a list whose entry rests
  DeskOfThree desk;
  const auto answer = desk.order(desk.line, "orderList.place.otoco", otoco("99.95"));
  ASSERT_EQ(answer.at("status"), 200) << json::serialize(answer);
  EXPECT_EQ(answer.at("result").at("orderReports").at(1).at("status"), "PENDING_NEW");
  EXPECT_THAT(told(desk.events), ElementsAre("listStatus EXEC_STARTED EXECUTING", "NEW NEW entry",
                                             "NEW PENDING_NEW profit", "NEW PENDING_NEW loss"));
  // When it is canceled, all of them are
  desk.order(desk.line, "order.cancel", {{"symbol", "BTCUSDT"}, {"origClientOrderId", "entry"}});
  EXPECT_THAT(told(desk.events),
              ElementsAre("CANCELED CANCELED entry", "CANCELED CANCELED profit",
                          "CANCELED CANCELED loss", "listStatus ALL_DONE ALL_DONE"));
  // When an entry is filled at once, the legs are on their way
  desk.order(desk.line, "orderList.place.otoco", otoco("100.01"));
  EXPECT_THAT(told(desk.events),
              ElementsAre("listStatus EXEC_STARTED EXECUTING", "NEW NEW entry",
                          "NEW PENDING_NEW profit", "NEW PENDING_NEW loss", "TRADE FILLED entry",
                          "listStatus UPDATED EXECUTING", "NEW NEW profit", "NEW NEW loss"));
  EXPECT_EQ(desk.order(desk.line, "openOrders.status", {{"symbol", "BTCUSDT"}})
                .at("result")
                .as_array()
                .size(),
            2U);
}

json::object replacement(std::string_view of, std::string_view price) {
  return {{"symbol", "BTCUSDT"},
          {"side", "BUY"},
          {"type", "LIMIT"},
          {"timeInForce", "GTC"},
          {"quantity", "1"},
          {"price", price},
          {"newClientOrderId", "new"},
          {"cancelOrigClientOrderId", of},
          {"cancelReplaceMode", "STOP_ON_FAILURE"}};
}
json::object resting(std::string_view id, std::string_view price = "90") {
  return {{"timeInForce", "GTC"}, {"price", price}, {"newClientOrderId", id}};
}

TEST(VenueCancelReplace, HasEveryHalfSuccessOfTheDocument) {
  DeskOfThree desk;
  desk.place("LIMIT", "BUY", "1", resting("a"));
  // Both fine
  auto answer = desk.order(desk.line, "order.cancelReplace", replacement("a", "91"));
  EXPECT_EQ(answer.at("status"), 200);
  EXPECT_EQ(answer.at("result").at("cancelResult"), "SUCCESS");
  EXPECT_EQ(answer.at("result").at("newOrderResponse").at("clientOrderId"), "new");
  // The cancel fails, and nothing is placed
  answer = desk.order(desk.line, "order.cancelReplace", replacement("a", "91"));
  EXPECT_EQ(answer.at("status"), 400);
  EXPECT_EQ(answer.at("error").at("code"), -2022);
  EXPECT_EQ(answer.at("error").at("data").at("newOrderResult"), "NOT_ATTEMPTED");
  EXPECT_TRUE(answer.at("error").at("data").at("newOrderResponse").is_null());
  // The cancel fails, and the new order is live inside an error
  auto allowed = replacement("a", "92");
  allowed["cancelReplaceMode"] = "ALLOW_FAILURE";
  allowed["newClientOrderId"] = "second";
  answer = desk.order(desk.line, "order.cancelReplace", allowed);
  EXPECT_EQ(answer.at("status"), 409);
  EXPECT_EQ(answer.at("error").at("code"), -2021);
  EXPECT_EQ(answer.at("error").at("data").at("newOrderResponse").at("clientOrderId"), "second");
  // The cancel works, and the new order is refused
  auto refused = replacement("new", "100.01");
  refused["type"] = "LIMIT_MAKER";
  refused.erase("timeInForce");
  refused["newClientOrderId"] = "third";
  answer = desk.order(desk.line, "order.cancelReplace", refused);
  EXPECT_EQ(answer.at("status"), 409);
  EXPECT_EQ(answer.at("error").at("data").at("cancelResult"), "SUCCESS");
  EXPECT_EQ(answer.at("error").at("data").at("newOrderResponse").at("code"), -2010);
  // A filter speaks before either step
  answer = desk.order(desk.line, "order.cancelReplace", replacement("second", "0.001"));
  EXPECT_EQ(answer.at("error").at("code"), -1013);
  const auto open = desk.order(desk.line, "openOrders.status", {{"symbol", "BTCUSDT"}});
  ASSERT_EQ(open.at("result").as_array().size(), 1U);
  EXPECT_EQ(open.at("result").at(0).at("clientOrderId"), "second");
}

TEST(VenueAmend, MakesAnOrderSmallerAndRemembersIt) {
  DeskOfThree desk;
  desk.place("LIMIT", "BUY", "1", resting("a"));
  told(desk.events);
  const json::object less{{"symbol", "BTCUSDT"},
                          {"origClientOrderId", "a"},
                          {"newClientOrderId", "a"},
                          {"newQty", "0.4"}};
  auto answer = desk.order(desk.line, "order.amend.keepPriority", less);
  ASSERT_EQ(answer.at("status"), 200) << json::serialize(answer);
  EXPECT_EQ(answer.at("result").at("amendedOrder").at("qty"), "0.40000000");
  EXPECT_THAT(told(desk.events), ElementsAre("REPLACED NEW a"));
  EXPECT_EQ(desk.balance("USDT"), "9964.00000000/36.00000000");
  const auto id = answer.at("result").at("amendedOrder").at("orderId");
  // More is refused, and changes nothing
  answer = desk.order(desk.line, "order.amend.keepPriority", less);
  EXPECT_EQ(answer.at("error").at("code"), -2038);
  const auto history =
      desk.order(desk.line, "order.amendments", {{"symbol", "BTCUSDT"}, {"orderId", id}});
  ASSERT_EQ(history.at("result").as_array().size(), 1U);
  EXPECT_EQ(history.at("result").at(0).at("origQty"), "1.00000000");
}

TEST(VenueFilters, ChangeOnRequestAndAreShown) {
  DeskOfThree desk;
  EXPECT_EQ(
      desk.venue->set_filter(
          "BTCUSDT", R"({"filterType":"LOT_SIZE","minQty":"2","maxQty":"9","stepSize":"0.00001"})"),
      "");
  const auto refused = desk.place("LIMIT", "BUY", "1", resting("a"));
  EXPECT_EQ(refused.at("error").at("msg"), "Filter failure: LOT_SIZE");
  const auto shown = desk.order(desk.line, "myFilters", {{"symbol", "BTCUSDT"}});
  EXPECT_THAT(json::serialize(shown.at("result").at("symbolFilters")),
              HasSubstr(R"("minQty":"2")"));
  EXPECT_NE(desk.venue->set_filter("BTCUSDT", R"({"filterType":"LOT_SIZE"})"), "");
  EXPECT_EQ(desk.venue->set_filter("NOSUCH", "{}"), "no such symbol");
}

TEST(VenueFilters, CountOrdersThatWaitApart) {
  DeskOfThree desk;
  for (int number = 0; number < 5; ++number) {
    EXPECT_EQ(desk.place("STOP_LOSS", "SELL", "0.5", {{"stopPrice", "90"}}).at("status"), 200);
  }
  EXPECT_EQ(desk.place("STOP_LOSS", "SELL", "0.5", {{"stopPrice", "90"}}).at("error").at("msg"),
            "Filter failure: MAX_NUM_ALGO_ORDERS");
  EXPECT_EQ(desk.place("LIMIT", "BUY", "1", resting("a")).at("status"), 200);
}

}  // namespace
}  // namespace halcyon::simulation
