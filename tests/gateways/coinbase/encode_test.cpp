#include "gateways/coinbase/encode.h"

#include <array>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateways/coinbase/decode.h"
#include "gateways/coinbase/errors.h"
#include "support.h"

namespace halcyon::gateways::coinbase::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using namespace domain::literals;
using domain::OrderType;
using domain::TimeInForce;

const domain::Timestamp end_time = domain::from_unix_ms(1'793'440'799'000);  // 2026-10-31T09:59:59Z

domain::NewOrder order(OrderType type, TimeInForce time_in_force, domain::Side side) {
  domain::NewOrder made;
  made.id = {1'735'579'648, 1};
  made.instrument = World{}.btc_usd;
  made.side = side;
  made.type = type;
  made.time_in_force = time_in_force;
  made.quantity = "0.001"_qty;
  if (time_in_force == TimeInForce::gtd) made.expires = end_time;
  return made;
}

json encoded(const domain::NewOrder& made) {
  std::array<char, max_body_bytes_of_order> out{};
  const Encoded result = encode_create(made, *World{}.symbols(), "alpha-main-", out.data());
  if (result.end == nullptr) return json{{"why", result.why}};
  return json::parse(std::string{out.data(), result.end});
}

TEST(Encode, EveryOrderConfigurationIsAsTheVenuesOwnSamples) {
  const auto text = sample("rest_create_order_requests.json");
  if (!text) GTEST_SKIP() << "needs ../shared/fixtures";
  const json samples = json::parse(*text);
  const struct {
    const char* name;
    OrderType type;
    TimeInForce time_in_force;
    domain::Side side;
    domain::Price limit, stop;
    bool post_only = false;
  } rows[] = {
      {"market_market_ioc_sell_by_base",
       OrderType::market,
       TimeInForce::ioc,
       domain::Side::sell,
       {},
       {}},
      {"limit_limit_gtc_post_only",
       OrderType::limit,
       TimeInForce::gtc,
       domain::Side::buy,
       "10000"_px,
       {},
       true},
      {"limit_limit_gtd", OrderType::limit, TimeInForce::gtd, domain::Side::buy, "10000"_px, {}},
      {"limit_limit_fok", OrderType::limit, TimeInForce::fok, domain::Side::buy, "10000"_px, {}},
      {"sor_limit_ioc", OrderType::limit, TimeInForce::ioc, domain::Side::sell, "60000.1"_px, {}},
      {"stop_limit_stop_limit_gtc", OrderType::stop_limit, TimeInForce::gtc, domain::Side::sell,
       "19000"_px, "20000"_px},
      {"stop_limit_stop_limit_gtd", OrderType::stop_limit, TimeInForce::gtd, domain::Side::buy,
       "21000"_px, "20000"_px},
      {"trigger_bracket_gtc", OrderType::limit, TimeInForce::gtc, domain::Side::sell, "30000"_px,
       "20000"_px},
      {"trigger_bracket_gtd", OrderType::limit, TimeInForce::gtd, domain::Side::sell, "30000"_px,
       "20000"_px},
  };
  // Numbers are compared as numbers: the venue's samples have zeros at the end
  const std::function<json(json)> plain = [&](json value) {
    if (value.is_object()) {
      for (auto& item : value) item = plain(item);
    } else if (value.is_string()) {
      if (const auto amount = domain::parse<domain::Money>(value.get<std::string>())) {
        return json(domain::to_string(*amount));
      }
    }
    return value;
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    domain::NewOrder made = order(row.type, row.time_in_force, row.side);
    made.limit_price = row.limit;
    made.stop_price = row.stop;
    made.post_only = row.post_only;
    json expected = samples.at(row.name);
    expected["client_order_id"] = "alpha-main-1kq5p00-1";
    EXPECT_EQ(plain(encoded(made)), plain(expected));
  }
}

TEST(Encode, ATakeProfitIsAStopLimitOfTheOtherDirection) {
  for (const auto side : {domain::Side::buy, domain::Side::sell}) {
    for (const auto type : {OrderType::stop_limit, OrderType::take_profit_limit}) {
      domain::NewOrder made = order(type, TimeInForce::gtc, side);
      made.limit_price = "10"_px;
      made.stop_price = "10"_px;
      const bool is_up = (side == domain::Side::buy) == (type == OrderType::stop_limit);
      EXPECT_EQ(encoded(made)["order_configuration"]["stop_limit_stop_limit_gtc"]["stop_direction"],
                is_up ? "STOP_DIRECTION_STOP_UP" : "STOP_DIRECTION_STOP_DOWN");
    }
  }
}

TEST(Encode, SaysWhatTheVenueDoesNotHave) {
  EXPECT_THAT(encoded(order(OrderType::stop, TimeInForce::gtc, domain::Side::sell))["why"],
              HasSubstr("no stop that becomes a market order"));
  domain::NewOrder post = order(OrderType::limit, TimeInForce::ioc, domain::Side::sell);
  post.post_only = true;
  EXPECT_THAT(encoded(post)["why"], HasSubstr("must not rest"));
  domain::NewOrder bracket = order(OrderType::limit, TimeInForce::gtc, domain::Side::buy);
  bracket.stop_price = "1"_px;
  EXPECT_THAT(encoded(bracket)["why"], HasSubstr("by selling"));
  domain::NewOrder elsewhere = order(OrderType::market, TimeInForce::ioc, domain::Side::buy);
  elsewhere.instrument = domain::InstrumentId{999};
  EXPECT_THAT(encoded(elsewhere)["why"], HasSubstr("not an instrument"));
}

TEST(Encode, APreviewIsTheSameWithoutAnId) {
  std::array<char, max_body_bytes_of_order> out{};
  domain::NewOrder made = order(OrderType::limit, TimeInForce::gtc, domain::Side::buy);
  made.limit_price = "10"_px;
  const Encoded result = encode_preview(made, *World{}.symbols(), out.data());
  json expected = encoded(made);
  expected.erase("client_order_id");
  EXPECT_EQ(json::parse(std::string{out.data(), result.end}), expected);
}

TEST(Encode, EditsSayPriceAndSizeAndCancelsTheVenuesId) {
  std::array<char, max_body_bytes_of_order> out{};
  const domain::ForeignId id = foreign_id("11111111-2222-4333-8444-555555555555");
  domain::NewOrder next = order(OrderType::limit, TimeInForce::gtc, domain::Side::buy);
  next.account = World{}.account;
  next.created = domain::from_unix_ms(1'723'161'255'000);
  next.limit_price = "59000"_px;
  next.quantity = "0.0005"_qty;
  domain::ReplaceRequest request{
      {1, 2}, {1, 1}, id, next.instrument, domain::ReplaceMode::amend, 1, approved(next)};
  const Encoded edit = encode_edit(request, out.data());
  EXPECT_EQ(
      (std::string{out.data(), edit.end}),
      R"({"order_id":"11111111-2222-4333-8444-555555555555","price":"59000","size":"0.0005"})");
  const Encoded cancel = encode_cancel(id, out.data());
  EXPECT_EQ((std::string{out.data(), cancel.end}),
            R"({"order_ids":["11111111-2222-4333-8444-555555555555"]})");
  // An id that could not be printed is never guessed
  EXPECT_EQ(encode_cancel(foreign_id("1111-11"), out.data()).end, nullptr);
  EXPECT_EQ(encode_cancel({}, out.data()).end, nullptr);
  request.venue_order = {};
  EXPECT_EQ(encode_edit(request, out.data()).end, nullptr);
}

TEST(Encode, ListsAreAskedForPageByPage) {
  EXPECT_EQ(orders_target("", {"OPEN", {}, {}, 250, {}}),
            "/api/v3/brokerage/orders/historical/batch?order_status=OPEN&limit=250");
  EXPECT_EQ(
      orders_target("/base", {{}, "BTC-USD", end_time, 100, "a b="}),
      "/base/api/v3/brokerage/orders/historical/batch?product_ids=BTC-USD&start_date=2026-10-31"
      "T09%3A59%3A59Z&limit=100&cursor=a%20b%3D");
  EXPECT_EQ(
      fills_target("", {"BTC-USD", {}, end_time + std::chrono::milliseconds{120}, 250, {}}),
      "/api/v3/brokerage/orders/historical/fills?product_ids=BTC-USD&start_sequence_timestamp="
      "2026-10-31T09%3A59%3A59.12Z&limit=250");
  EXPECT_EQ(
      fills_target("", {{}, foreign_id("11111111-2222-4333-8444-555555555555"), {}, 9, {}}),
      "/api/v3/brokerage/orders/historical/fills?order_ids=11111111-2222-4333-8444-555555555555"
      "&limit=9");
  EXPECT_EQ(accounts_target("", ""), "/api/v3/brokerage/accounts?limit=250");
}

TEST(Encode, ARequestIsWholeAndItsLengthIsRight) {
  std::string out(max_request_bytes, ' ');
  char* end = encode_request("POST", "api.coinbase.com", "/api/v3/brokerage/orders", "TOKEN",
                             "{\"a\":1}", out.data());
  EXPECT_EQ((std::string{out.data(), end}),
            "POST /api/v3/brokerage/orders HTTP/1.1\r\nHost: api.coinbase.com\r\nUser-Agent: "
            "halcyon\r\nAuthorization: Bearer TOKEN\r\nContent-Type: application/json\r\n"
            "Content-Length: 7\r\n\r\n{\"a\":1}");
  EXPECT_EQ(encode_request("POST", "h", "/", std::string(5000, 'x'), "", out.data()), nullptr);
}

TEST(Encode, SubscriptionsAreAsTheVenuesOwnSamples) {
  for (const char* const file :
       {"ws_req_subscribe_level2_public.json", "ws_req_subscribe_heartbeats.json",
        "ws_req_subscribe_user.json", "ws_req_unsubscribe_level2.json"}) {
    const auto text = sample(file);
    if (!text) GTEST_SKIP() << "needs ../shared/fixtures";
    const json expected = json::parse(*text);
    std::vector<std::string> products;
    if (expected.contains("product_ids")) products = expected["product_ids"];
    const std::vector<std::string_view> views(products.begin(), products.end());
    const std::string type = expected["type"];
    const std::string channel = expected["channel"];
    EXPECT_EQ(json::parse(encode_subscription(type, channel, views, expected.value("jwt", ""))),
              expected);
  }
}

TEST(Errors, EveryRowIsFoundAndWhatIsNewIsARefusal) {
  for (const CodeRow& row : create_codes)
    EXPECT_EQ(judge_create(row.code).reason, row.judgement.reason);
  for (const CodeRow& row : edit_codes)
    EXPECT_EQ(judge_edit(row.code).reason, row.judgement.reason);
  for (const CodeRow& row : cancel_codes) {
    EXPECT_EQ(judge_cancel(row.code).reason, row.judgement.reason);
  }
  EXPECT_EQ(judge_create("SOMETHING_NEW").outcome, domain::Outcome::refused);
  // What nobody has answered is nobody's verdict, whatever the body says
  for (const int status : {0, 408, 409, 500, 502, 503, 504, 302}) {
    EXPECT_EQ(judge_status(status).outcome, domain::Outcome::unknown) << status;
  }
  for (const int status : {400, 401, 403, 404, 422, 429}) {
    EXPECT_EQ(judge_status(status).outcome, domain::Outcome::refused) << status;
  }
}

}  // namespace
}  // namespace halcyon::gateways::coinbase::testing
