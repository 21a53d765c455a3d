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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::VenueWorld;

std::vector<std::string> kinds(const std::vector<json::value>& events) {
  std::vector<std::string> names;
  for (const auto& each : events) {
    const auto& event = each.at("event").as_object();
    std::string name{event.at("e").as_string()};
    if (const auto* execution = event.if_contains("x")) {
      name += ' ';
      name += execution->as_string();
    }
    names.push_back(name);
  }
  return names;
}

json::object market_order(std::string_view side, std::string_view quantity) {
  return {{"symbol", "BTCUSDT"}, {"side", side}, {"type", "MARKET"}, {"quantity", quantity}};
}
json::object limit_order(std::string_view side, std::string_view quantity, std::string_view price) {
  return {{"symbol", "BTCUSDT"},  {"side", side},   {"type", "LIMIT"},
          {"timeInForce", "GTC"}, {"price", price}, {"quantity", quantity}};
}

// --- market streams

TEST(VenueStreams, AClientSynchronisesByTheDocumentedProcedure) {
  // Given a subscriber of the depth stream
  VenueWorld world;
  const auto line = world.open("/stream");
  world.send(line, {{"id", 1}, {"method", "SUBSCRIBE"}, {"params", {"btcusdt@depth@100ms"}}});
  EXPECT_EQ(world.take(line).at(0), json::parse(R"({"result":null,"id":1})"));
  world.pass(300ms);
  const auto first = world.take(line);
  ASSERT_FALSE(first.empty());
  EXPECT_EQ(first[0].at("stream"), "btcusdt@depth@100ms");
  // When it fetches a snapshot after the first event
  const auto snapshot = json::parse(world.http("GET", "/api/v3/depth?symbol=BTCUSDT").body);
  const auto id = snapshot.at("lastUpdateId").as_int64();
  EXPECT_EQ(id, first.back().at("data").at("u").as_int64());
  EXPECT_EQ(snapshot.at("bids").at(0).at(0), "99.99000000");
  // Then every later event follows on without a gap, over the seam too
  world.pass(5s);
  auto last = id;
  for (const auto& frame : world.take(line)) {
    EXPECT_EQ(frame.at("data").at("U").as_int64(), last + 1);
    last = frame.at("data").at("u").as_int64();
  }
  EXPECT_GT(last, id + 10);
  const auto later = json::parse(world.http("GET", "/api/v3/depth?symbol=BTCUSDT").body);
  EXPECT_EQ(later.at("lastUpdateId").as_int64(), last);
}

TEST(VenueStreams, FramesHaveTheShapesOfTheDocument) {
  VenueWorld world;
  const auto combined = world.open("/stream?streams=btcusdt@trade/btcusdt@bookTicker");
  const auto raw = world.open("/ws/btcusdt@trade");
  const auto micro = world.open("/ws/btcusdt@trade?timeUnit=MICROSECOND");
  world.pass(500ms);
  EXPECT_EQ(
      world.received[combined].at(0),
      R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1700000000100,"s":"BTCUSDT","t":7,"p":"99.99000000","q":"0.50000000","T":1700000000090,"m":true,"M":true}})");
  EXPECT_EQ(
      world.received[combined].at(1),
      R"({"stream":"btcusdt@bookTicker","data":{"u":106,"s":"BTCUSDT","b":"99.99000000","B":"1.50000000","a":"100.01000000","A":"3.00000000"}})");
  EXPECT_EQ(
      world.received[raw].at(0),
      R"({"e":"trade","E":1700000000100,"s":"BTCUSDT","t":7,"p":"99.99000000","q":"0.50000000","T":1700000000090,"m":true,"M":true})");
  EXPECT_THAT(world.received[micro].at(0), HasSubstr(R"("E":1700000000100000,)"));
}

TEST(VenueStreams, SlowStreamsComeOnceASecondAndSayTheSameAsTheQuickOnes) {
  VenueWorld world;
  const auto line = world.open(
      "/stream?streams=btcusdt@depth/btcusdt@depth5/btcusdt@kline_1s/btcusdt@avgPrice/"
      "btcusdt@aggTrade");
  world.pass(4s);
  std::map<std::string, std::vector<json::value>> by_stream;
  for (const auto& frame : world.take(line)) {
    by_stream[std::string{frame.at("stream").as_string()}].push_back(frame.at("data"));
  }
  const auto& depth = by_stream["btcusdt@depth"];
  ASSERT_GE(depth.size(), 3U);
  for (std::size_t at = 1; at < depth.size(); ++at) {
    EXPECT_EQ(depth[at].at("U").as_int64(), depth[at - 1].at("u").as_int64() + 1);
  }
  EXPECT_EQ(by_stream["btcusdt@depth5"].back().at("bids").at(0).at(0), "99.99000000");
  // A bar is closed once, and then the next one opens
  std::int64_t closed = 0;
  for (const auto& frame : by_stream["btcusdt@kline_1s"]) {
    const auto& bar = frame.at("k");
    if (!bar.at("x").as_bool()) continue;
    EXPECT_GT(bar.at("t").as_int64(), closed);
    closed = bar.at("t").as_int64();
    EXPECT_EQ(bar.at("T").as_int64(), closed + 999);
  }
  EXPECT_GE(closed, 1'700'000'002'000);
  EXPECT_FALSE(by_stream["btcusdt@avgPrice"].empty());
  EXPECT_FALSE(by_stream["btcusdt@aggTrade"].empty());
}

TEST(VenueStreams, ControlFramesAreAnsweredWithTheirIds) {
  VenueWorld world;
  const auto line = world.open("/ws");
  const auto ask = [&](std::string_view text) {
    world.pass(1s);  // five messages a second are allowed
    world.received[line].clear();
    world.send_text(line, text);
    return world.received[line].empty() ? std::string{} : world.received[line].front();
  };
  EXPECT_EQ(ask(R"({"method":"GET_PROPERTY","params":["combined"],"id":2})"),
            R"({"result":false,"id":2})");
  EXPECT_EQ(ask(R"({"method":"SET_PROPERTY","params":["combined",true],"id":"a"})"),
            R"({"result":null,"id":"a"})");
  EXPECT_EQ(ask(R"({"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":3})"),
            R"({"result":null,"id":3})");
  EXPECT_EQ(ask(R"({"method":"LIST_SUBSCRIPTIONS","id":4})"),
            R"({"result":["btcusdt@trade"],"id":4})");
  EXPECT_EQ(ask(R"({"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":null})"),
            R"({"result":null,"id":null})");
  EXPECT_THAT(ask(R"({"method":"SUBSCRIBE","params":["nosuch@trade"],"id":5})"),
              HasSubstr(R"("error":{"code":2)"));
  EXPECT_THAT(ask("not json"), HasSubstr(R"("id":null,"error":{"code":3)"));
}

TEST(VenueStreams, MoreThanFiveMessagesInASecondCloseTheLine) {
  VenueWorld world;
  const auto line = world.open("/ws");
  for (int at = 0; at < 5; ++at) world.venue->on_ping(line, world.now, world.actions);
  world.collect();
  EXPECT_FALSE(world.closed.contains(line));
  world.send_text(line, R"({"method":"LIST_SUBSCRIPTIONS","id":1})");
  EXPECT_EQ(world.closed.at(line).code, 1008);
  EXPECT_EQ(world.closed.at(line).reason, "Too many requests");
}

TEST(VenueLines, ArePingedEvery20SecondsCutWithoutAPongAndClosedAfterADay) {
  VenueWorld world;
  const auto silent = world.open("/ws");
  const auto good = world.open("/ws-api/v3");
  for (int second = 0; second < 70; ++second) {
    world.pass(1s);
    for (const auto& payload : std::exchange(world.pings[good], {})) {
      world.venue->on_pong(good, payload, world.now, world.actions);
    }
    world.collect();
    if (second == 40) {
      EXPECT_EQ(world.pings[silent].size(), 2U);
    }
  }
  EXPECT_FALSE(world.closed.contains(silent));
  world.pass(11s);
  EXPECT_TRUE(world.closed.contains(silent));
  EXPECT_FALSE(world.closed.contains(good));
  for (int minute = 0; minute < 24 * 60 && !world.closed.contains(good); ++minute) {
    world.venue->on_pong(good, "1", world.now, world.actions);
    world.now += 59s;
    world.venue->turn(world.now, world.actions);
    world.collect();
    world.venue->on_pong(good, "1", world.now, world.actions);
    world.now += 1s;
  }
  EXPECT_EQ(world.closed.at(good).reason, "24 hours are over");
}

TEST(VenueLines, AreRefusedWhereThereIsNoWebSocket) {
  VenueWorld world;
  world.open("/nothing");
  ASSERT_TRUE(world.refusal);
  EXPECT_EQ(world.refusal->status, 404U);
  world.open("/stream?streams=btcusdt@nothing");
  EXPECT_EQ(world.refusal->status, 400U);
}

// --- authentication

struct LogonCase {
  const char* name;
  const char* key;
  std::int64_t late_ms;
  bool spoil;
  int status;
  int code;
};
class VenueLogon : public ::testing::TestWithParam<LogonCase> {};

TEST_P(VenueLogon, IsRefusedForWhatTheDocumentRefuses) {
  const auto& param = GetParam();
  VenueWorld world;
  const auto line = world.open("/ws-api/v3");
  auto params = world.logon_params(param.key);
  world.now += std::chrono::milliseconds{param.late_ms};
  if (param.spoil) {
    auto signature = std::string{params["signature"].as_string()};
    signature[5] = signature[5] == 'A' ? 'B' : 'A';
    params["signature"] = signature;
  }
  const auto answer = world.request(line, "session.logon", params);
  EXPECT_EQ(answer.at("status"), param.status);
  if (param.code != 0) {
    EXPECT_EQ(answer.at("error").at("code"), param.code);
  }
  const bool on = !world.request(line, "session.status", {}).at("result").at("apiKey").is_null();
  EXPECT_EQ(on, param.status == 200);
}

INSTANTIATE_TEST_SUITE_P(
    Venue, VenueLogon,
    ::testing::Values(LogonCase{"good", "main-key", 0, false, 200, 0},
                      LogonCase{"just_in_time", "main-key", 5000, false, 200, 0},
                      LogonCase{"just_too_late", "main-key", 5001, false, 400, -1021},
                      LogonCase{"just_not_too_early", "main-key", -999, false, 200, 0},
                      LogonCase{"too_early", "main-key", -1000, false, 400, -1021},
                      LogonCase{"spoilt_signature", "main-key", 0, true, 400, -1022},
                      LogonCase{"unknown_key", "nobody", 0, false, 401, -2015},
                      LogonCase{"hmac_key", "other-key", 0, false, 400, -4056}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(VenueAuthentication, AnHmacKeySignsEveryRequest) {
  VenueWorld world;
  const auto line = world.open("/ws-api/v3");
  const auto signed_params = [&](json::object params) {
    params["apiKey"] = "other-key";
    params["timestamp"] = domain::to_unix_ms(world.now);
    const auto frame =
        parse_frame(json::serialize(json::object{{"method", "x"}, {"params", params}}));
    params["signature"] = sign_hmac_sha256("secret", frame->params.signed_payload());
    return params;
  };
  EXPECT_EQ(
      world.request(line, "userDataStream.subscribe.signature", signed_params({})).at("status"),
      200);
  const auto answer = world.request(line, "order.place", signed_params(market_order("BUY", "0.1")));
  EXPECT_EQ(answer.at("result").at("status"), "FILLED");
  // An altered parameter is not what was signed
  auto altered = signed_params(market_order("BUY", "0.1"));
  altered["quantity"] = "0.2";
  EXPECT_EQ(world.request(line, "order.place", altered).at("error").at("code"), -1022);
  // Without a session, key and signature are needed
  EXPECT_EQ(world.order(line, "order.place", market_order("BUY", "0.1")).at("error").at("code"),
            -1102);
}

TEST(VenueAuthentication, RestSignsTheQueryAndTheBodyAsTheyWereSent) {
  VenueWorld world;
  const auto timestamp = std::to_string(domain::to_unix_ms(world.now));
  const auto body =
      "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=90&"
      "newClientOrderId=a%2Db&timestamp=" +
      timestamp;
  const auto signature = sign_hmac_sha256("secret", body);
  const std::map<std::string, std::string> headers{{"x-mbx-apikey", "other-key"}};
  const auto placed =
      world.http("POST", "/api/v3/order", body + "&signature=" + signature, headers);
  EXPECT_EQ(placed.status, 200U);
  EXPECT_EQ(json::parse(placed.body).at("clientOrderId"), "a-b");
  auto altered = body;
  altered.replace(altered.find("price=90"), 8, "price=91");
  const auto wrong =
      world.http("POST", "/api/v3/order", altered + "&signature=" + signature, headers);
  EXPECT_EQ(wrong.status, 400U);
  EXPECT_EQ(json::parse(wrong.body).at("code"), -1022);
  const auto query = "timestamp=" + timestamp;
  const auto open = world.http(
      "GET", "/api/v3/openOrders?" + query + "&signature=" + sign_hmac_sha256("secret", query), "",
      headers);
  EXPECT_EQ(json::parse(open.body).as_array().size(), 1U);
  EXPECT_EQ(world.http("GET", "/api/v3/account?" + query).status, 400U);
  EXPECT_EQ(world.http("GET", "/api/v3/nothing").status, 404U);
  EXPECT_EQ(world.http("POST", "/api/v3/userDataStream").status, 404U);  // gone since 2026-02
}

TEST(VenueAuthentication, AKeyThatIsRevokedEndsTheSession) {
  VenueWorld world;
  const auto line = world.trader();
  world.venue->set_key_valid("main", false);
  const auto answer = world.order(line, "order.place", market_order("BUY", "0.1"));
  EXPECT_TRUE(answer.at("id").is_null());
  EXPECT_EQ(answer.at("status"), 401);
  EXPECT_EQ(answer.at("error").at("code"), -2015);
}

// --- orders and user data

TEST(VenueOrders, AMarketOrderIsAcknowledgedReportedAndBooked) {
  // Given a trader
  VenueWorld world;
  const auto line = world.trader();
  // When it buys more than the first level holds
  auto order = market_order("BUY", "4");
  order["newClientOrderId"] = "alpha-0-1";
  order["newOrderRespType"] = "ACK";
  const auto answer = world.order(line, "order.place", order);
  // Then the acknowledgement says no more than the document's
  EXPECT_EQ(answer.at("status"), 200);
  EXPECT_EQ(answer.at("result").as_object().size(), 5U);
  EXPECT_EQ(answer.at("result").at("clientOrderId"), "alpha-0-1");
  // And the events tell the whole story, balances behind each
  EXPECT_THAT(kinds(world.events),
              ElementsAre("executionReport NEW", "executionReport TRADE", "outboundAccountPosition",
                          "executionReport TRADE", "outboundAccountPosition"));
  const auto& fill = world.events[1].at("event");
  EXPECT_EQ(fill.at("X"), "PARTIALLY_FILLED");
  EXPECT_EQ(fill.at("c"), "alpha-0-1");
  EXPECT_EQ(fill.at("l"), "3.00000000");
  EXPECT_EQ(fill.at("L"), "100.01000000");
  EXPECT_EQ(fill.at("n"), "0.00300000");
  EXPECT_EQ(fill.at("N"), "BTC");
  EXPECT_EQ(fill.at("Y"), "300.03000000");
  EXPECT_EQ(fill.at("m"), false);
  const auto& last = world.events[3].at("event");
  EXPECT_EQ(last.at("X"), "FILLED");
  EXPECT_EQ(last.at("z"), "4.00000000");
  EXPECT_GT(last.at("t").as_int64(), fill.at("t").as_int64());
  EXPECT_GT(last.at("I").as_int64(), fill.at("I").as_int64());
  const auto& balances = world.events[4].at("event").at("B").as_array();
  EXPECT_EQ(balances[0], json::parse(R"({"a":"BTC","f":"13.99600000","l":"0.00000000"})"));
  EXPECT_EQ(balances[1], json::parse(R"({"a":"USDT","f":"9599.95000000","l":"0.00000000"})"));
  // And the queries agree
  const auto trades = world.order(line, "myTrades", {{"symbol", "BTCUSDT"}}).at("result");
  ASSERT_EQ(trades.as_array().size(), 2U);
  EXPECT_EQ(trades.at(1).at("id"), last.at("t"));
  const auto from =
      world.order(line, "myTrades", {{"symbol", "BTCUSDT"}, {"fromId", last.at("t").as_int64()}});
  EXPECT_EQ(from.at("result").as_array().size(), 1U);
  const auto status = world.order(line, "order.status",
                                  {{"symbol", "BTCUSDT"}, {"origClientOrderId", "alpha-0-1"}});
  EXPECT_EQ(status.at("result").at("status"), "FILLED");
  EXPECT_EQ(status.at("result").at("cummulativeQuoteQty"), "400.05000000");
}

TEST(VenueOrders, ARestingOrderLocksFillsByTheTapeAndCancels) {
  VenueWorld world;
  const auto line = world.trader();
  auto order = limit_order("BUY", "1", "99.99");
  order["newClientOrderId"] = "a";
  world.order(line, "order.place", order);
  EXPECT_EQ(world.events.at(1).at("event").at("B").at(1).at("l"), "99.99000000");
  // 2 stand before it, and each round of the tape trades 0.5 there: the fifth is its own
  world.pass(6s);
  const auto said = world.take(line);
  ASSERT_FALSE(said.empty());
  EXPECT_EQ(said.front().at("event").at("x"), "TRADE");
  EXPECT_EQ(said.front().at("event").at("m"), true);
  const auto open = world.order(line, "openOrders.status", {{"symbol", "BTCUSDT"}}).at("result");
  if (!open.as_array().empty()) {
    world.order(line, "order.cancel", {{"symbol", "BTCUSDT"}, {"origClientOrderId", "a"}});
  }
  // A second one is canceled: the report carries the cancel's own id
  world.events.clear();
  auto second = limit_order("SELL", "1", "120");
  second["newClientOrderId"] = "b";
  world.order(line, "order.place", second);
  world.events.clear();
  const auto canceled = world.order(
      line, "order.cancel",
      {{"symbol", "BTCUSDT"}, {"origClientOrderId", "b"}, {"newClientOrderId", "b-cancel"}});
  EXPECT_EQ(canceled.at("result").at("status"), "CANCELED");
  EXPECT_EQ(canceled.at("result").at("origClientOrderId"), "b");
  EXPECT_EQ(canceled.at("result").at("clientOrderId"), "b-cancel");
  ASSERT_THAT(kinds(world.events),
              ElementsAre("executionReport CANCELED", "outboundAccountPosition"));
  EXPECT_EQ(world.events[0].at("event").at("c"), "b-cancel");
  EXPECT_EQ(world.events[0].at("event").at("C"), "b");
  EXPECT_EQ(world.order(line, "order.cancel", {{"symbol", "BTCUSDT"}, {"origClientOrderId", "b"}})
                .at("error")
                .at("code"),
            -2011);
}

struct OrderRefusal {
  const char* name;
  const char* params;
  int code;
  const char* message;
};
class VenueRefusal : public ::testing::TestWithParam<OrderRefusal> {};

TEST_P(VenueRefusal, SaysTheCodeAndTheTextOfTheDocument) {
  VenueWorld world;
  const auto line = world.trader();
  auto params = json::parse(GetParam().params).as_object();
  const auto answer = world.order(line, "order.place", params);
  EXPECT_EQ(answer.at("status"), 400);
  EXPECT_EQ(answer.at("error").at("code"), GetParam().code);
  EXPECT_EQ(answer.at("error").at("msg"), GetParam().message);
  EXPECT_TRUE(world.events.empty());
  EXPECT_TRUE(world.venue->exchange().orders().empty());
}

INSTANTIATE_TEST_SUITE_P(
    Venue, VenueRefusal,
    ::testing::Values(
        OrderRefusal{
            "off_tick",
            R"({"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"1","price":"90.001"})",
            -1013, "Filter failure: PRICE_FILTER"},
        OrderRefusal{"off_lot",
                     R"({"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":"0.000011"})",
                     -1013, "Filter failure: LOT_SIZE"},
        OrderRefusal{"market_lot",
                     R"({"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":"105.1"})",
                     -1013, "Filter failure: MARKET_LOT_SIZE"},
        OrderRefusal{
            "notional",
            R"({"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"0.05","price":"99.98"})",
            -1013, "Filter failure: NOTIONAL"},
        OrderRefusal{
            "far_price",
            R"({"symbol":"BTCUSDT","side":"SELL","type":"LIMIT","timeInForce":"GTC","quantity":"1","price":"79"})",
            -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"},
        OrderRefusal{
            "too_precise",
            R"({"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":"0.123456789"})", -1111,
            "Parameter 'quantity' has too much precision."},
        OrderRefusal{"poor",
                     R"({"symbol":"BTCUSDT","side":"SELL","type":"MARKET","quantity":"10.1"})",
                     -2010, "Account has insufficient balance for requested action."},
        OrderRefusal{
            "post_only",
            R"({"symbol":"BTCUSDT","side":"BUY","type":"LIMIT_MAKER","quantity":"1","price":"100.01"})",
            -2010, "Order would immediately match and take."},
        OrderRefusal{"no_symbol",
                     R"({"symbol":"NONE","side":"BUY","type":"MARKET","quantity":"1"})", -1121,
                     "Invalid symbol."},
        OrderRefusal{
            "no_price",
            R"({"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"1"})",
            -1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed."},
        OrderRefusal{
            "unwanted",
            R"({"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":"1","timeInForce":"GTC"})",
            -1106, "Parameter 'timeInForce' sent when not required."},
        OrderRefusal{
            "unknown_name",
            R"({"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":"1","colour":"red"})",
            -1104, "Not all sent parameters were read; read '5' parameter(s) but was sent '6'."},
        OrderRefusal{"wrong_side",
                     R"({"symbol":"BTCUSDT","side":"buy","type":"MARKET","quantity":"1"})", -1117,
                     "Invalid side."},
        OrderRefusal{"wrong_type",
                     R"({"symbol":"BTCUSDT","side":"BUY","type":"NO_SUCH_TYPE","quantity":"1"})",
                     -1116, "Invalid orderType."},
        OrderRefusal{
            "no_number", R"({"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":"1e3"})",
            -1100,
            R"(Illegal characters found in parameter 'quantity'; legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'.)"}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(VenueOrders, AnOpenClientIdIsNotTakenTwice) {
  VenueWorld world;
  const auto line = world.trader();
  auto order = limit_order("BUY", "1", "90");
  order["newClientOrderId"] = "a";
  EXPECT_EQ(world.order(line, "order.place", order).at("status"), 200);
  const auto again = world.order(line, "order.place", order);
  EXPECT_EQ(again.at("error").at("code"), -2010);
  EXPECT_EQ(again.at("error").at("msg"), "Duplicate order sent.");
}

TEST(VenueOrders, CancelAllEndsEachAndFailsWhereThereIsNone) {
  VenueWorld world;
  const auto line = world.trader();
  world.order(line, "order.place", limit_order("BUY", "1", "90"));
  world.order(line, "order.place", limit_order("SELL", "1", "110"));
  const auto all = world.order(line, "openOrders.cancelAll", {{"symbol", "BTCUSDT"}});
  EXPECT_EQ(all.at("result").as_array().size(), 2U);
  const auto none = world.order(line, "openOrders.cancelAll", {{"symbol", "BTCUSDT"}});
  EXPECT_EQ(none.at("error").at("code"), -2011);
}

TEST(VenueOrders, ASymbolThatIsHaltedTakesNoOrders) {
  VenueWorld world;
  const auto line = world.trader();
  ASSERT_TRUE(world.venue->set_symbol_status("BTCUSDT", "HALT"));
  EXPECT_EQ(world.order(line, "order.place", market_order("BUY", "1")).at("error").at("msg"),
            "Market is closed.");
  const auto info = json::parse(world.http("GET", "/api/v3/exchangeInfo?symbol=BTCUSDT").body);
  EXPECT_EQ(info.at("symbols").at(0).at("status"), "HALT");
}

TEST(VenueUserData, EndsWithTheLogoutAndSaysSo) {
  VenueWorld world;
  const auto line = world.trader();
  EXPECT_EQ(world.request(line, "userDataStream.subscribe", {}).at("error").at("code"), -2035);
  world.events.clear();
  world.request(line, "session.logout", {});
  ASSERT_EQ(world.events.size(), 1U);
  EXPECT_EQ(world.events[0].at("event").at("e"), "eventStreamTerminated");
  EXPECT_EQ(world.request(line, "userDataStream.subscribe", {}).at("error").at("code"), -2015);
}

// --- limits

TEST(VenueLimits, TheFiftyFirstUnfilledOrderInTenSecondsIsRefusedUntilTheWindowEnds) {
  VenueWorld world;
  const auto line = world.trader();
  for (int at = 0; at < 50; ++at) {
    const auto answer = world.order(line, "order.place", limit_order("BUY", "0.1", "90"));
    ASSERT_EQ(answer.at("status"), 200) << at;
    EXPECT_EQ(answer.at("rateLimits").at(0).at("count"), at + 1);
  }
  const auto refused = world.order(line, "order.place", limit_order("BUY", "0.1", "90"));
  EXPECT_EQ(refused.at("status"), 429);
  EXPECT_EQ(refused.at("error").at("code"), -1015);
  EXPECT_EQ(world.order(line, "openOrders.cancelAll", {{"symbol", "BTCUSDT"}}).at("status"), 200);
  world.now += 10s;
  EXPECT_EQ(world.order(line, "order.place", limit_order("BUY", "0.1", "90")).at("status"), 200);
}

TEST(VenueLimits, TheFirstFillOfAnOrderTakesItOffTheCount) {
  VenueWorld world;
  const auto line = world.trader();
  for (int at = 0; at < 60; ++at) {
    ASSERT_EQ(world.order(line, "order.place", market_order("BUY", "0.1")).at("status"), 200) << at;
    ASSERT_EQ(world.order(line, "order.place", market_order("SELL", "0.1")).at("status"), 200);
    if (at % 10 == 0) world.pass(2s);  // the tape refills the levels
  }
}

TEST(VenueLimits, WeightIsCountedRefusedAndThenPunished) {
  BinanceSettings settings;
  settings.limits.weight_per_minute = 100;
  VenueWorld world{settings};
  const auto line = world.open("/ws-api/v3");  // 2
  EXPECT_EQ(world.request(line, "exchangeInfo", {}).at("rateLimits").at(0).at("count"), 22);
  EXPECT_EQ(world.http("GET", "/api/v3/depth?symbol=BTCUSDT&limit=1000").status, 200U);  // 50
  const auto refused = world.http("GET", "/api/v3/depth?symbol=BTCUSDT&limit=1000");
  EXPECT_EQ(refused.status, 429U);
  EXPECT_EQ(json::parse(refused.body).at("code"), -1003);
  EXPECT_EQ(world.request(line, "time", {}).at("status"), 200);
  for (int at = 0; at <= BinanceVenue::warnings_before_ban; ++at) {
    world.request(line, "depth", {{"symbol", "BTCUSDT"}, {"limit", 1000}});
  }
  const auto banned = world.request(line, "time", {});
  EXPECT_EQ(banned.at("status"), 418);
  EXPECT_EQ(banned.at("error").at("data").at("retryAfter").as_int64(),
            domain::to_unix_ms(world.now + BinanceVenue::ban_length));
  world.open("/ws-api/v3");
  EXPECT_EQ(world.refusal->status, 418U);
  world.now += BinanceVenue::ban_length;
  EXPECT_EQ(world.request(line, "time", {}).at("status"), 200);
}

// --- faults

FaultRule fault(FaultKind kind, std::string method = "order.place") {
  FaultRule rule;
  rule.kind = kind;
  rule.method = std::move(method);
  return rule;
}

TEST(VenueFaults, ALostAcknowledgementLeavesTheOrderIn) {
  VenueWorld world;
  const auto line = world.trader();
  world.venue->faults().add(fault(FaultKind::lose_answer));
  EXPECT_TRUE(world.order(line, "order.place", limit_order("BUY", "1", "90")).is_null());
  EXPECT_THAT(kinds(world.events), ElementsAre("executionReport NEW", "outboundAccountPosition"));
  EXPECT_EQ(world.venue->exchange().orders().size(), 1U);
  // Once only
  EXPECT_FALSE(world.order(line, "order.place", limit_order("BUY", "1", "90")).is_null());
}

TEST(VenueFaults, AnUnknownStatusIsExecutedOrNotAsAsked) {
  VenueWorld world;
  const auto line = world.trader();
  for (const bool executed : {true, false}) {
    auto rule = fault(FaultKind::unknown_status);
    rule.executed = executed;
    world.venue->faults().add(rule);
    const auto before = world.venue->exchange().orders().size();
    const auto answer = world.order(line, "order.place", limit_order("BUY", "1", "90"));
    EXPECT_EQ(answer.at("status"), 500);
    EXPECT_EQ(answer.at("error").at("code"), -1007);
    EXPECT_EQ(world.venue->exchange().orders().size(), before + (executed ? 1 : 0));
  }
}

TEST(VenueFaults, ARefusalSaysWhatWasAskedForAndExecutesNothing) {
  VenueWorld world;
  const auto line = world.trader();
  auto rule = fault(FaultKind::refuse);
  rule.code = -2010;
  rule.text = "This action is disabled on this account.";
  rule.skip = 1;
  world.venue->faults().add(rule);
  EXPECT_EQ(world.order(line, "order.place", limit_order("BUY", "1", "90")).at("status"), 200);
  EXPECT_EQ(world.order(line, "order.place", limit_order("BUY", "1", "90")).at("error").at("msg"),
            json::value(rule.text));
  EXPECT_EQ(world.venue->exchange().orders().size(), 1U);
}

TEST(VenueFaults, TheLineIsCutInTheMiddleOfAnOrder) {
  for (const bool executed : {true, false}) {
    VenueWorld world;
    const auto line = world.trader();
    auto rule = fault(FaultKind::drop_connection);
    rule.executed = executed;
    world.venue->faults().add(rule);
    EXPECT_TRUE(world.order(line, "order.place", limit_order("BUY", "1", "90")).is_null());
    EXPECT_EQ(world.closed.at(line).code, 0);
    EXPECT_EQ(world.venue->exchange().orders().size(), executed ? 1U : 0U);
  }
}

TEST(VenueFaults, PrivateEventsAreLostDoubledAndReordered) {
  VenueWorld world;
  const auto line = world.trader();
  auto rule = fault(FaultKind::lose_private, "");
  rule.event = "executionReport";
  world.venue->faults().add(rule);
  world.order(line, "order.place", limit_order("BUY", "1", "90"));
  EXPECT_THAT(kinds(world.events), ElementsAre("outboundAccountPosition"));
  world.events.clear();
  rule.kind = FaultKind::duplicate_private;
  rule.event = "TRADE";
  world.venue->faults().add(rule);
  world.order(line, "order.place", market_order("BUY", "1"));
  EXPECT_THAT(kinds(world.events), ElementsAre("executionReport NEW", "executionReport TRADE",
                                               "executionReport TRADE", "outboundAccountPosition"));
  world.events.clear();
  rule.kind = FaultKind::reorder_private;
  rule.event = "NEW";
  world.venue->faults().add(rule);
  world.order(line, "order.place", market_order("BUY", "1"));
  EXPECT_THAT(kinds(world.events), ElementsAre("executionReport TRADE", "executionReport NEW",
                                               "outboundAccountPosition"));
  // The last one of all comes a second later
  rule.event = "outboundAccountPosition";
  world.venue->faults().add(rule);
  world.events.clear();
  world.order(line, "order.place", limit_order("BUY", "1", "80"));
  EXPECT_THAT(kinds(world.events), ElementsAre("executionReport NEW"));
  world.pass(1s);
  EXPECT_THAT(kinds(world.take(line)), ElementsAre("outboundAccountPosition"));
}

TEST(VenueFaults, AnswersAreDelayedSpoiltOrOvertakenByTheirEvents) {
  VenueWorld world;
  const auto line = world.trader();
  auto rule = fault(FaultKind::delay_answer);
  rule.duration_ms = 700;
  world.venue->faults().add(rule);
  EXPECT_TRUE(world.order(line, "order.place", limit_order("BUY", "1", "90")).is_null());
  world.pass(699ms);
  EXPECT_TRUE(world.take(line).empty());
  world.pass(1ms);
  EXPECT_EQ(world.take(line).at(0).at("status"), 200);
  world.venue->faults().add(fault(FaultKind::events_first));
  world.send(line, {{"id", 9},
                    {"method", "order.place"},
                    {"params",
                     {{"symbol", "BTCUSDT"},
                      {"side", "BUY"},
                      {"type", "MARKET"},
                      {"quantity", "1"},
                      {"timestamp", domain::to_unix_ms(world.now)}}}});
  const auto frames = world.take(line);
  ASSERT_EQ(frames.size(), 4U);
  EXPECT_EQ(frames[3].at("id"), 9);
  world.venue->faults().add(fault(FaultKind::malformed_answer, "time"));
  world.send(line, {{"id", 1}, {"method", "time"}});
  boost::system::error_code failed;
  json::parse(world.received[line].back(), failed);
  EXPECT_TRUE(failed);
}

TEST(VenueFaults, TheMarketStreamHasAGapAMalformedAndAHugeFrame) {
  VenueWorld world;
  const auto line = world.open("/stream?streams=btcusdt@depth@100ms");
  world.pass(300ms);
  world.venue->faults().add(fault(FaultKind::depth_gap, ""));
  world.pass(3s);
  const auto frames = world.take(line);
  int gaps = 0;
  for (std::size_t at = 1; at < frames.size(); ++at) {
    gaps += frames[at].at("data").at("U").as_int64() !=
            frames[at - 1].at("data").at("u").as_int64() + 1;
  }
  EXPECT_EQ(gaps, 1);
  auto huge = fault(FaultKind::huge_frame, "");
  huge.bytes = 1'000'000;
  world.venue->faults().add(huge);
  world.venue->faults().add(fault(FaultKind::malformed_frame, ""));
  world.pass(1s);
  const auto& texts = world.received[line];
  ASSERT_GE(texts.size(), 3U);
  EXPECT_GT(texts[0].size(), 1'000'000U);
  boost::system::error_code failed;
  json::parse(texts[1], failed);
  EXPECT_TRUE(failed);
  json::parse(texts[2], failed);
  EXPECT_FALSE(failed);
}

TEST(VenueFaults, AStalledLineIsSilentAndThenTellsEverything) {
  VenueWorld world;
  const auto line = world.open("/stream?streams=btcusdt@depth@100ms");
  world.venue->stall(Place::market, world.now + 30s);
  world.pass(29s);
  EXPECT_TRUE(world.take(line).empty());
  EXPECT_TRUE(world.pings[line].empty());
  world.pass(2s);
  const auto frames = world.take(line);
  EXPECT_GT(frames.size(), 20U);
  for (std::size_t at = 1; at < frames.size(); ++at) {
    EXPECT_EQ(frames[at].at("data").at("U").as_int64(),
              frames[at - 1].at("data").at("u").as_int64() + 1);
  }
}

TEST(VenueFaults, AWrongClockShowsInTimesAndRefusals) {
  VenueWorld world;
  const auto line = world.trader();
  world.venue->shift_clock(-2s);
  EXPECT_EQ(world.request(line, "time", {}).at("result").at("serverTime").as_int64(),
            domain::to_unix_ms(world.now - 2s));
  EXPECT_EQ(world.order(line, "order.place", market_order("BUY", "1")).at("error").at("code"),
            -1021);
}

TEST(VenueFaults, AShutdownIsAnnouncedInTheShapeOfEachLine) {
  VenueWorld world;
  const auto combined = world.open("/stream");
  const auto raw = world.open("/ws");
  const auto api = world.open("/ws-api/v3");
  EXPECT_EQ(world.venue->announce_shutdown(Place::any, 5s, world.now, world.actions), 3U);
  world.collect();
  EXPECT_EQ(world.received[combined].at(0),
            R"({"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1700000000000}})");
  EXPECT_EQ(world.received[raw].at(0), R"({"e":"serverShutdown","E":1700000000000})");
  EXPECT_EQ(world.received[api].at(0), R"({"event":{"e":"serverShutdown","E":1700000000000}})");
  world.pass(5s);
  EXPECT_EQ(world.closed.size(), 3U);
}

TEST(VenueReplay, WaitsForTheFirstSubscriptionWhereAsked) {
  BinanceSettings settings;
  settings.wait_for_client = true;
  VenueWorld world{settings};
  world.pass(10s);
  EXPECT_EQ(world.venue->replays(world.now).at(0).last_update_id, 100U);
  const auto line = world.open("/stream?streams=btcusdt@trade");
  world.pass(200ms);
  EXPECT_EQ(world.take(line).at(0).at("data").at("t"), 7);
}

TEST(VenueExternal, MoneyFromElsewhereIsABalanceUpdateAndAnAbsoluteOne) {
  VenueWorld world;
  const auto line = world.trader();
  ASSERT_TRUE(world.venue->transfer("main", "USDT", *domain::parse<Money>("-2500.5"), world.now,
                                    world.actions));
  world.collect();
  const auto events = world.take(line);
  ASSERT_THAT(kinds(events), ElementsAre("balanceUpdate", "outboundAccountPosition"));
  EXPECT_EQ(events[0].at("event").at("d"), "-2500.50000000");
  EXPECT_EQ(events[1].at("event").at("B").at(0).at("f"), "7499.50000000");
  EXPECT_FALSE(world.venue->transfer("main", "USDT", *domain::parse<Money>("-99999"), world.now,
                                     world.actions));
}

}  // namespace
}  // namespace halcyon::simulation
