#include "gateways/binance/encode.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "domain/client_order_id.h"
#include "support.h"

namespace halcyon::gateways::binance::testing {
namespace {

using namespace domain::literals;
using domain::OrderType;
using domain::TimeInForce;
using ::testing::HasSubstr;

constexpr domain::OrderId order_id{1'735'579'648, 1};  // alpha-main-1kq5p00-1

class Encode : public ::testing::Test {
 protected:
  Encode() : symbols_(world_.symbols()) {
    context_.symbols = &symbols_;
    context_.client_id_prefix = "alpha-main-";
    context_.timestamp_ms = 1'645'423'376'532;
    buffer_.fill('#');
  }

  /// What was written; also proves that the bound holds.
  std::string text(const Encoded& encoded) {
    EXPECT_NE(encoded.end, nullptr) << encoded.why;
    if (encoded.end == nullptr) return {};
    EXPECT_LE(encoded.end, buffer_.data() + max_request_bytes);
    return {buffer_.data(), encoded.end};
  }
  std::string place(const domain::NewOrder& order) {
    return text(encode_place(7, order, context_, buffer_.data()));
  }
  std::string refusal(const domain::NewOrder& order) {
    const Encoded encoded = encode_place(7, order, context_, buffer_.data());
    EXPECT_EQ(encoded.end, nullptr);
    EXPECT_EQ(buffer_[0], '#') << "something was written";
    return std::string{encoded.why};
  }
  domain::NewOrder order() const {
    domain::NewOrder made;
    made.id = order_id;
    made.instrument = world_.btc_usdt;
    made.side = domain::Side::sell;
    made.type = OrderType::limit;
    made.quantity = "0.01"_qty;
    made.limit_price = "52000"_px;
    return made;
  }

  World world_;
  Symbols symbols_;
  RequestContext context_;
  std::array<char, max_request_bytes> buffer_;
};

TEST_F(Encode, ALimitOrderOnALoggedOnSession) {
  EXPECT_EQ(place(order()),
            R"({"id":7,"method":"order.place","params":{"newClientOrderId":"alpha-main-1kq5p00-1",)"
            R"("newOrderRespType":"ACK","price":"52000","quantity":"0.01","recvWindow":5000,)"
            R"("side":"SELL","symbol":"BTCUSDT","timeInForce":"GTC","timestamp":1645423376532,)"
            R"("type":"LIMIT"}})");
}

TEST_F(Encode, AMarketOrderHasNeitherPriceNorTimeInForce) {
  auto made = order();
  made.type = OrderType::market;
  made.side = domain::Side::buy;
  EXPECT_EQ(place(made),
            R"({"id":7,"method":"order.place","params":{"newClientOrderId":"alpha-main-1kq5p00-1",)"
            R"("newOrderRespType":"ACK","quantity":"0.01","recvWindow":5000,"side":"BUY",)"
            R"("symbol":"BTCUSDT","timestamp":1645423376532,"type":"MARKET"}})");
}

TEST_F(Encode, EveryTypeThatTheVenueTakes) {
  struct Row {
    OrderType type;
    TimeInForce time_in_force;
    bool post_only;
    std::vector<std::string> has, has_not;
  };
  const Row rows[] = {
      {OrderType::limit, TimeInForce::ioc, false, {"\"LIMIT\"", "\"IOC\""}, {"stopPrice"}},
      {OrderType::limit, TimeInForce::fok, false, {"\"LIMIT\"", "\"FOK\""}, {"stopPrice"}},
      {OrderType::limit, TimeInForce::gtc, true, {"\"LIMIT_MAKER\"", "\"price\""}, {"timeInForce"}},
      {OrderType::stop,
       TimeInForce::gtc,
       false,
       {"\"STOP_LOSS\"", "\"stopPrice\":\"51000\""},
       {"timeInForce", "\"price\""}},
      {OrderType::stop_limit,
       TimeInForce::gtc,
       false,
       {"\"STOP_LOSS_LIMIT\"", "\"stopPrice\":\"51000\"", "\"price\":\"52000\"", "\"GTC\""},
       {}},
      {OrderType::take_profit,
       TimeInForce::gtc,
       false,
       {"\"TAKE_PROFIT\"", "\"stopPrice\":\"51000\""},
       {"timeInForce", "\"price\""}},
      {OrderType::take_profit_limit,
       TimeInForce::gtc,
       false,
       {"\"TAKE_PROFIT_LIMIT\"", "\"stopPrice\":\"51000\"", "\"price\":\"52000\"", "\"GTC\""},
       {}},
  };
  for (const Row& row : rows) {
    auto made = order();
    made.type = row.type;
    made.time_in_force = row.time_in_force;
    made.post_only = row.post_only;
    made.stop_price = "51000"_px;
    const std::string text = place(made);
    for (const std::string& part : row.has) EXPECT_THAT(text, HasSubstr(part));
    for (const std::string& part : row.has_not) EXPECT_THAT(text, ::testing::Not(HasSubstr(part)));
  }
}

TEST_F(Encode, WhatTheVenueDoesNotKnowIsNotWritten) {
  const auto with = [this](const std::function<void(domain::NewOrder&)>& change) {
    auto made = order();
    change(made);
    return refusal(made);
  };
  EXPECT_THAT(with([](domain::NewOrder& o) {
                o.type = OrderType::trailing_stop;
                o.trailing_offset = "5"_px;
              }),
              HasSubstr("basis points"));
  EXPECT_THAT(with([](domain::NewOrder& o) {
                o.post_only = true;
                o.time_in_force = TimeInForce::ioc;
              }),
              HasSubstr("post-only"));
  EXPECT_THAT(with([](domain::NewOrder& o) {
                o.post_only = true;
                o.type = OrderType::market;
              }),
              HasSubstr("post-only"));
  EXPECT_THAT(with([](domain::NewOrder& o) { o.quantity = "0"_qty; }), HasSubstr("quantity"));
  EXPECT_THAT(with([](domain::NewOrder& o) { o.quantity = "-1"_qty; }), HasSubstr("quantity"));
  EXPECT_THAT(with([](domain::NewOrder& o) { o.limit_price = "0"_px; }), HasSubstr("limit price"));
  EXPECT_THAT(with([](domain::NewOrder& o) { o.type = OrderType::stop; }), HasSubstr("stop price"));
  EXPECT_THAT(with([](domain::NewOrder& o) { o.instrument = domain::no<domain::InstrumentId>; }),
              HasSubstr("instrument"));
  EXPECT_THAT(with([](domain::NewOrder& o) {
                o.reduce_only = true;
                o.side = domain::Side::buy;
              }),
              HasSubstr("short position"));
}

TEST_F(Encode, ATrailingStopIsAStopOrWithAnActivationPriceATakeProfit) {
  auto made = order();
  made.type = OrderType::trailing_stop;
  made.trailing_bps = 150;
  std::string text = place(made);
  EXPECT_THAT(text,
              HasSubstr(R"("timestamp":1645423376532,"trailingDelta":150,"type":"STOP_LOSS")"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("stopPrice")));
  made.stop_price = "60000"_px;
  text = place(made);
  EXPECT_THAT(text, HasSubstr(R"("stopPrice":"60000")"));
  EXPECT_THAT(text, HasSubstr(R"("type":"TAKE_PROFIT")"));
}

TEST_F(Encode, WhatTheEngineEndsByItsOwnClockIsGoodUntilCanceledAtTheVenue) {
  for (const TimeInForce time_in_force : {TimeInForce::day, TimeInForce::gtd}) {
    auto made = order();
    made.time_in_force = time_in_force;
    EXPECT_THAT(place(made), HasSubstr(R"("timeInForce":"GTC")"));
  }
}

TEST_F(Encode, SelfTradePreventionIsNamedOnlyWhereTheOrderNamesIt) {
  auto made = order();
  EXPECT_THAT(place(made), ::testing::Not(HasSubstr("selfTrade")));
  made.self_trade = domain::SelfTradeMode::expire_both;
  EXPECT_THAT(
      place(made),
      HasSubstr(R"("recvWindow":5000,"selfTradePreventionMode":"EXPIRE_BOTH","side":"SELL")"));
}

TEST_F(Encode, ATrialIsTheSameOrderUnderAnotherMethod) {
  std::string trial = text(encode_test(7, order(), context_, buffer_.data()));
  const auto at = trial.find("order.test");
  ASSERT_NE(at, std::string::npos) << trial;
  trial.replace(at, 10, "order.place");
  EXPECT_EQ(trial, text(encode_place(7, order(), context_, buffer_.data())));
}

domain::ReplaceRequest replacing(const domain::NewOrder& next) {
  domain::ReplaceRequest request{
      {1'735'579'648, 9}, order_id, {}, next.instrument, domain::ReplaceMode::cancel_replace, 1,
      approved(next)};
  return request;
}

TEST_F(Encode, ACancelReplaceStopsWhereTheCancelFails) {
  auto next = order();
  next.id = {1'735'579'648, 2};
  next.replaces = order_id;
  EXPECT_EQ(
      text(encode_cancel_replace(7, replacing(next), context_, buffer_.data())),
      R"({"id":7,"method":"order.cancelReplace","params":{)"
      R"("cancelNewClientOrderId":"alpha-main-1kq5p00-9",)"
      R"("cancelOrigClientOrderId":"alpha-main-1kq5p00-1","cancelReplaceMode":"STOP_ON_FAILURE",)"
      R"("cancelRestrictions":"ONLY_NEW",)"
      R"("newClientOrderId":"alpha-main-1kq5p00-2","newOrderRespType":"ACK","price":"52000",)"
      R"("quantity":"0.01","recvWindow":5000,"side":"SELL","symbol":"BTCUSDT","timeInForce":"GTC",)"
      R"("timestamp":1645423376532,"type":"LIMIT"}})");
}

TEST_F(Encode, AnAmendKeepsOurIdAndNamesTheWholeQuantity) {
  auto next = order();
  next.quantity = "0.004"_qty;
  auto request = replacing(next);
  request.mode = domain::ReplaceMode::amend;
  request.venue_order = domain::ForeignId::number(42);
  EXPECT_EQ(text(encode_amend(7, request, context_, buffer_.data())),
            R"({"id":7,"method":"order.amend.keepPriority","params":{)"
            R"("newClientOrderId":"alpha-main-1kq5p00-1","newQty":"0.004","orderId":42,)"
            R"("recvWindow":5000,"symbol":"BTCUSDT","timestamp":1645423376532}})");
}

domain::NewOrder member(const domain::NewOrder& like, std::uint32_t counter, OrderType type,
                        domain::Price limit, domain::Price stop) {
  domain::NewOrder made = like;
  made.id = {1'735'579'648, counter};
  made.type = type;
  made.limit_price = limit;
  made.stop_price = stop;
  return made;
}

domain::OrderList list_of(std::initializer_list<domain::NewOrder> orders) {
  domain::OrderList list;
  list.request = {1'735'579'648, 50};
  for (const domain::NewOrder& each : orders) list.orders[list.count++] = approved(each);
  return list;
}

TEST_F(Encode, AnOcoPutsTheUpperLegAboveWhicheverComesFirst) {
  auto profit = member(order(), 2, OrderType::limit, "53000"_px, {});
  auto loss = member(order(), 3, OrderType::stop_limit, "50900"_px, "51000"_px);
  profit.group = loss.group = profit.id;
  const std::string expected =
      R"({"id":7,"method":"orderList.place.oco","params":{)"
      R"("aboveClientOrderId":"alpha-main-1kq5p00-2","abovePrice":"53000","aboveType":"LIMIT_MAKER",)"
      R"("belowClientOrderId":"alpha-main-1kq5p00-3","belowPrice":"50900","belowStopPrice":"51000",)"
      R"("belowTimeInForce":"GTC","belowType":"STOP_LOSS_LIMIT",)"
      R"("listClientOrderId":"alpha-main-1kq5p00-1j","newOrderRespType":"ACK","quantity":"0.01",)"
      R"("recvWindow":5000,"side":"SELL","symbol":"BTCUSDT","timestamp":1645423376532}})";
  EXPECT_EQ(text(encode_list(7, list_of({profit, loss}), context_, buffer_.data())), expected);
  EXPECT_EQ(text(encode_list(7, list_of({loss, profit}), context_, buffer_.data())), expected);
}

TEST_F(Encode, ABracketIsAnOtoco) {
  auto entry = member(order(), 1, OrderType::limit, "52000"_px, {});
  entry.side = domain::Side::buy;
  auto profit = member(order(), 2, OrderType::limit, "53000"_px, {});
  auto loss = member(order(), 3, OrderType::stop, {}, "51000"_px);
  profit.parent = loss.parent = entry.id;
  profit.group = loss.group = profit.id;
  const auto list = list_of({entry, profit, loss});
  EXPECT_EQ(kind_of(list), ListKind::otoco);
  const std::string written = text(encode_list(7, list, context_, buffer_.data()));
  for (const char* part :
       {R"("orderList.place.otoco")", R"("workingClientOrderId":"alpha-main-1kq5p00-1")",
        R"("workingSide":"BUY")", R"("workingPrice":"52000")", R"("workingQuantity":"0.01")",
        R"("pendingAbovePrice":"53000")", R"("pendingAboveType":"LIMIT_MAKER")",
        R"("pendingBelowStopPrice":"51000")", R"("pendingBelowType":"STOP_LOSS")",
        R"("pendingSide":"SELL")", R"("pendingQuantity":"0.01")"}) {
    EXPECT_THAT(written, HasSubstr(part));
  }
  // A child alone makes an OTO
  auto child = loss;
  child.group = {};
  EXPECT_THAT(text(encode_list(7, list_of({entry, child}), context_, buffer_.data())),
              HasSubstr(R"("pendingType":"STOP_LOSS")"));
  // Orders that nothing ties together are no list
  auto stranger = child;
  stranger.parent = {};
  EXPECT_THAT(encode_list(7, list_of({entry, stranger}), context_, buffer_.data()).why,
              HasSubstr("no OCO"));
}

TEST_F(Encode, ByRestTheQueryIsWhatIsSigned) {
  const Signer signer{HmacKey{"secret"}};
  context_.by_rest = true;
  context_.signer = &signer;
  context_.api_key = "KEY";
  const std::string query = text(encode_place(7, order(), context_, buffer_.data()));
  const std::string payload =
      "newClientOrderId=alpha-main-1kq5p00-1&newOrderRespType=ACK&price=52000&quantity=0.01&"
      "recvWindow=5000&side=SELL&symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT";
  EXPECT_EQ(query, payload + "&signature=" + std::string{signer.sign(payload).view()});
}

TEST_F(Encode, AReduceOnlySaleIsWhatEverySpotSaleIs) {
  auto made = order();
  const std::string plain = place(made);
  made.reduce_only = true;
  EXPECT_EQ(place(made), plain);
}

TEST_F(Encode, CancelsNameTheVenuesIdOrElseOursAndTheirOwn) {
  domain::CancelRequest cancel;
  cancel.request = {1'735'579'648, 2};
  cancel.order = order_id;
  cancel.instrument = world_.btc_usdt;
  EXPECT_EQ(
      text(encode_cancel(8, cancel, context_, buffer_.data())),
      R"({"id":8,"method":"order.cancel","params":{"newClientOrderId":"alpha-main-1kq5p00-2",)"
      R"("origClientOrderId":"alpha-main-1kq5p00-1","recvWindow":5000,"symbol":"BTCUSDT",)"
      R"("timestamp":1645423376532}})");
  cancel.venue_order = domain::ForeignId::number(0);  // a valid id on test networks
  EXPECT_EQ(
      text(encode_cancel(8, cancel, context_, buffer_.data())),
      R"({"id":8,"method":"order.cancel","params":{"newClientOrderId":"alpha-main-1kq5p00-2",)"
      R"("orderId":0,"recvWindow":5000,"symbol":"BTCUSDT","timestamp":1645423376532}})");
  cancel.venue_order = {};
  cancel.order = {};
  EXPECT_EQ(encode_cancel(8, cancel, context_, buffer_.data()).end, nullptr);
}

TEST_F(Encode, EveryQuestion) {
  EXPECT_EQ(
      text(encode_order_status(1, world_.btc_usdt, order_id, {}, context_, buffer_.data())),
      R"({"id":1,"method":"order.status","params":{"origClientOrderId":"alpha-main-1kq5p00-1",)"
      R"("recvWindow":5000,"symbol":"BTCUSDT","timestamp":1645423376532}})");
  EXPECT_EQ(text(encode_order_status(1, world_.btc_usdt, order_id, domain::ForeignId::number(42),
                                     context_, buffer_.data())),
            R"({"id":1,"method":"order.status","params":{"orderId":42,"recvWindow":5000,)"
            R"("symbol":"BTCUSDT","timestamp":1645423376532}})");
  EXPECT_EQ(text(encode_open_orders(2, domain::no<domain::InstrumentId>, context_, buffer_.data())),
            R"({"id":2,"method":"openOrders.status","params":{"recvWindow":5000,)"
            R"("timestamp":1645423376532}})");
  EXPECT_EQ(text(encode_open_orders(2, world_.btc_usdt, context_, buffer_.data())),
            R"({"id":2,"method":"openOrders.status","params":{"recvWindow":5000,)"
            R"("symbol":"BTCUSDT","timestamp":1645423376532}})");
  EXPECT_EQ(
      text(encode_my_trades(3, {world_.btc_usdt, true, 100, 0, 0, 200}, context_, buffer_.data())),
      R"({"id":3,"method":"myTrades","params":{"fromId":100,"limit":200,"recvWindow":5000,)"
      R"("symbol":"BTCUSDT","timestamp":1645423376532}})");
  EXPECT_EQ(
      text(encode_my_trades(3, {world_.btc_usdt, false, 0, 10, 20, 200}, context_, buffer_.data())),
      R"({"id":3,"method":"myTrades","params":{"endTime":20,"limit":200,"recvWindow":5000,)"
      R"("startTime":10,"symbol":"BTCUSDT","timestamp":1645423376532}})");
  EXPECT_EQ(text(encode_account_status(4, context_, buffer_.data())),
            R"({"id":4,"method":"account.status","params":{"omitZeroBalances":true,)"
            R"("recvWindow":5000,"timestamp":1645423376532}})");
  EXPECT_EQ(text(encode_time(5, buffer_.data())), R"({"id":5,"method":"time"})");
  EXPECT_EQ(text(encode_subscribe_user(6, context_, buffer_.data())),
            R"({"id":6,"method":"userDataStream.subscribe"})");
}

TEST_F(Encode, SubscriptionsBatchTheirNames) {
  const std::vector<std::string> streams{"btcusdt@trade", "btcusdt@depth@100ms"};
  EXPECT_EQ(encode_subscribe(1, streams),
            R"({"method":"SUBSCRIBE","params":["btcusdt@trade","btcusdt@depth@100ms"],"id":1})");
}

std::string documented_pem() {
  const auto vectors = nlohmann::json::parse(*sample("signing_vectors.json"));
  return "-----BEGIN PRIVATE KEY-----\n" +
         vectors["ed25519"]["private_key_pkcs8_der_base64"].get<std::string>() +
         "\n-----END PRIVATE KEY-----\n";
}

/// The payload that the venue builds from a request: its parameters but the signature, by name.
std::string payload_of(const nlohmann::json& request) {
  std::string payload;
  for (const auto& [name, value] : request["params"].items()) {  // nlohmann sorts by name
    if (name == "signature") continue;
    if (!payload.empty()) payload += '&';
    payload += name + "=" + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return payload;
}

TEST_F(Encode, TheLogonIsSignedOverWhatTheVenueWillRead) {
  const Signer signer{Ed25519Key::from_pem(documented_pem(), "documented")};
  const std::string written =
      text(encode_logon(9, "KEY", signer, 1'649'729'878'532, buffer_.data()));
  const auto request = nlohmann::json::parse(written);
  EXPECT_EQ(request["method"], "session.logon");
  EXPECT_EQ(payload_of(request), "apiKey=KEY&recvWindow=5000&timestamp=1649729878532");
  EXPECT_EQ(request["params"]["signature"], std::string{signer.sign(payload_of(request)).view()});
}

TEST_F(Encode, AnHmacKeyCannotLogOn) {
  const Signer signer{HmacKey{"secret"}};
  EXPECT_EQ(encode_logon(9, "KEY", signer, 1, buffer_.data()).end, nullptr);
}

TEST_F(Encode, WithoutALogonEveryRequestBearsKeyAndSignature) {
  const Signer signer{HmacKey{"secret"}};
  context_.signer = &signer;
  context_.api_key = "KEY";
  domain::CancelRequest cancel;
  cancel.request = {1, 2};
  cancel.order = order_id;
  cancel.instrument = world_.wide;  // a symbol above ASCII is signed as UTF-8
  std::vector<std::string> all{place(order())};
  all.push_back(text(encode_cancel(1, cancel, context_, buffer_.data())));
  all.push_back(
      text(encode_order_status(1, world_.btc_usdt, order_id, {}, context_, buffer_.data())));
  all.push_back(text(encode_open_orders(1, world_.wide, context_, buffer_.data())));
  all.push_back(
      text(encode_my_trades(1, {world_.wide, false, 0, 10, 20, 200}, context_, buffer_.data())));
  all.push_back(text(encode_account_status(1, context_, buffer_.data())));
  all.push_back(text(encode_subscribe_user(1, context_, buffer_.data())));
  for (const std::string& one : all) {
    const auto request = nlohmann::json::parse(one);
    EXPECT_EQ(request["params"]["apiKey"], "KEY") << one;
    EXPECT_EQ(request["params"]["signature"], std::string{signer.sign(payload_of(request)).view()})
        << one;
  }
  EXPECT_EQ(nlohmann::json::parse(all.back())["method"], "userDataStream.subscribe.signature");
}

TEST_F(Encode, TheLargestRequestKeepsWithinItsBound) {
  const Signer signer{Ed25519Key::from_pem(documented_pem(), "documented")};
  const std::string key(128, 'K');
  context_.signer = &signer;
  context_.api_key = key;
  context_.client_id_prefix = "abcdefghi-abcdefghij-";
  auto made = order();
  made.id = {UINT32_MAX, UINT32_MAX};
  made.type = OrderType::stop_limit;
  made.quantity = "999999999999999999.123456789"_qty;
  made.limit_price = "9223372036.123456789"_px;
  made.stop_price = "9223372036.123456789"_px;
  const std::string text = place(made);
  EXPECT_LT(text.size(), max_request_bytes / 2);
  const auto request = nlohmann::json::parse(text);
  EXPECT_EQ(request["params"]["signature"], std::string{signer.sign(payload_of(request)).view()});
  EXPECT_LE(request["params"]["newClientOrderId"].get<std::string>().size(),
            domain::max_client_order_id);
}

}  // namespace
}  // namespace halcyon::gateways::binance::testing
