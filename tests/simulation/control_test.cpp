#include "simulation/control.h"

#include <string>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/simulation/venue_world.h"

namespace halcyon::simulation {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct ControlTest : ::testing::Test {
  testing::VenueWorld world;
  Control control{*world.venue};

  json::value ask(std::string_view line) {
    auto answer = json::parse(control.answer(line, world.now, world.actions));
    world.collect();
    return answer;
  }
};

TEST_F(ControlTest, TellsTheTruthInExactDecimals) {
  EXPECT_EQ(ask(R"({"cmd":"place_external","account":"main","symbol":"BTCUSDT","side":"BUY",)"
                R"("type":"MARKET","quantity":"0.1","newClientOrderId":"by-hand"})")
                .at("ok"),
            true);
  ask(R"({"cmd":"place_external","symbol":"BTCUSDT","side":"SELL","type":"LIMIT",)"
      R"("timeInForce":"GTC","quantity":"1","price":"110","newClientOrderId":"resting"})");
  const auto truth = ask(R"({"cmd":"truth","account":"main"})");
  const auto& account = truth.at("accounts").at(0);
  EXPECT_EQ(account.at("balances").at(0),
            json::parse(R"({"asset":"BTC","free":"9.0999","locked":"1","initial":"10"})"));
  EXPECT_EQ(account.at("balances").at(1),
            json::parse(R"({"asset":"USDT","free":"9989.999","locked":"0","initial":"10000"})"));
  ASSERT_EQ(account.at("trades").as_array().size(), 1U);
  const auto& trade = account.at("trades").at(0);
  EXPECT_EQ(trade.at("client_order_id"), "by-hand");
  EXPECT_EQ(trade.at("price"), "100.01");
  EXPECT_EQ(trade.at("commission"), "0.0001");
  EXPECT_EQ(account.at("orders").at(1).at("status"), "accepted");
  EXPECT_EQ(account.at("open_orders").as_array().size(), 1U);
  EXPECT_EQ(ask(R"({"cmd":"truth"})").at("accounts").as_array().size(), 2U);
}

TEST_F(ControlTest, EndsOrdersAsTheVenueWould) {
  const auto line = world.trader();
  ask(R"({"cmd":"place_external","symbol":"BTCUSDT","side":"SELL","type":"LIMIT",)"
      R"("timeInForce":"GTC","quantity":"1","price":"110","newClientOrderId":"a"})");
  world.take(line);
  EXPECT_EQ(ask(R"({"cmd":"cancel_order","client_order_id":"a","expire":true})").at("ok"), true);
  const auto events = world.take(line);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].at("event").at("x"), "EXPIRED");
  EXPECT_EQ(events[0].at("event").at("eR"), "EXCHANGE_CANCELED");
  EXPECT_EQ(ask(R"({"cmd":"cancel_order","client_order_id":"a"})").at("ok"), false);
}

TEST_F(ControlTest, PausesTheReplayAndShowsWhereItStands) {
  world.pass(150ms);
  ask(R"({"cmd":"pause"})");
  const auto before = ask(R"({"cmd":"status"})").at("replays").at(0);
  EXPECT_EQ(before.at("running"), false);
  world.pass(5s);
  EXPECT_EQ(ask(R"({"cmd":"status"})").at("replays").at(0), before);
  ask(R"({"cmd":"set_speed","speed":100})");
  ask(R"({"cmd":"resume"})");
  world.pass(1s);
  EXPECT_GT(ask(R"({"cmd":"status"})").at("replays").at(0).at("round").as_int64(), 10);
}

TEST_F(ControlTest, AddsListsAndClearsFaults) {
  const auto added =
      ask(R"({"cmd":"fault","kind":"lose_answer","method":"order.place","times":3,"skip":2})");
  EXPECT_EQ(added.at("ok"), true);
  const auto listed = ask(R"({"cmd":"status"})").at("faults").at(0);
  EXPECT_EQ(listed.at("kind"), "lose_answer");
  EXPECT_EQ(listed.at("skip"), 2);
  EXPECT_EQ(ask(R"({"cmd":"clear_faults","id":1})").at("ok"), true);
  EXPECT_EQ(ask(R"({"cmd":"clear_faults","id":1})").at("ok"), false);
  EXPECT_EQ(ask(R"({"cmd":"fault","kind":"nothing"})").at("ok"), false);
}

TEST_F(ControlTest, DropsTheLinesOfOneKind) {
  const auto market = world.open("/stream");
  const auto orders = world.open("/ws-api/v3");
  EXPECT_EQ(ask(R"({"cmd":"drop_connections","connections":"market"})").at("dropped"), 1);
  EXPECT_TRUE(world.closed.contains(market));
  EXPECT_FALSE(world.closed.contains(orders));
}

TEST_F(ControlTest, SaysInWordsWhatItDoesNotUnderstand) {
  for (const char* line :
       {"", "[]", "{", R"({"cmd":"nothing"})", R"({"cmd":5})", R"({"cmd":"set_speed","speed":0})",
        R"({"cmd":"transfer"})", R"({"cmd":"truth","account":"nobody"})",
        R"({"cmd":"cancel_order"})", R"({"cmd":"place_external","symbol":"NONE"})",
        R"({"cmd":"call","method":"session.logon"})",
        R"({"cmd":"drop_connections","connections":"x"})"}) {
    const auto answer = ask(line);
    EXPECT_EQ(answer.at("ok"), false) << line;
    EXPECT_FALSE(answer.at("error").as_string().empty()) << line;
  }
}

}  // namespace
}  // namespace halcyon::simulation
