#include "gateways/binance/decode.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "domain/enum_name.h"
#include "support.h"

namespace halcyon::gateways::binance::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

using Lines = std::vector<std::string>;

struct Market {
  DecodeError error = DecodeError::none;
  MarketMessage message;
  std::vector<domain::Event> events;
};

Market market(std::string_view text) {
  const World world;
  const Bytes bytes{text};
  Scratch scratch;
  Market result;
  result.error =
      decode_market(bytes.frame(), world.symbols(), scratch, result.events, result.message);
  return result;
}

struct Private {
  DecodeError error = DecodeError::none;
  OrderMessage message;
  std::vector<domain::Event> events;
  std::vector<std::string> remarks;
  std::string result;  ///< a copy: the view ends with the frame
  std::string words;
  std::string unknown_asset;
};

Private order_frame(std::string_view text) {
  const World world;
  const Bytes bytes{text};
  Scratch scratch;
  Private result;
  result.error = decode_order_frame(bytes.frame(), world.symbols(), world.identity(), scratch,
                                    {result.events, result.remarks}, result.message);
  result.result = result.message.response.result;
  result.words = result.message.response.message;
  result.unknown_asset = result.message.unknown_asset;
  return result;
}

std::string combined(std::string_view stream, std::string_view data) {
  return std::string{R"({"stream":")"}.append(stream).append(R"(","data":)").append(data) + "}";
}

// ---- Market frames ------------------------------------------------------------------------------

struct MarketRow {
  const char* sample;
  const char* stream;  ///< the combined stream it comes in; empty: as it is
  MarketKind kind;
  Lines events;
};

class DecodesMarketSamples : public ::testing::TestWithParam<MarketRow> {};

TEST_P(DecodesMarketSamples, ToTheStatedEvents) {
  const MarketRow& row = GetParam();
  const auto text = sample(row.sample);
  if (!text) GTEST_SKIP() << row.sample << " is not carried, and ../shared is not there";
  // As the documentation prints it (the parser's way) and as the venue writes it (the quick way)
  for (const std::string& one : {*text, minified(*text)}) {
    const std::string frame = *row.stream == '\0' ? one : combined(row.stream, one);
    const Market decoded = market(frame);
    EXPECT_EQ(decoded.error, DecodeError::none) << frame;
    EXPECT_EQ(domain::enum_name(decoded.message.kind), domain::enum_name(row.kind)) << frame;
    EXPECT_EQ(said(decoded.events), row.events) << frame;
    for (const domain::Event& event : decoded.events) {
      EXPECT_EQ(domain::to_unix_ms(event.received), 1'723'161'255'400);
      EXPECT_NE(event.venue, domain::no<domain::VenueId>);
      EXPECT_EQ(event.instrument, decoded.message.instrument);
    }
  }
}

const MarketRow market_rows[] = {
    {"combined_trade_real.json",
     "",
     MarketKind::trade,
     {"trade 61837.63 x 0.02 #3735683259 seller"}},
    {"stream_trade.json", "bnbbtc@trade", MarketKind::trade, {"trade 0.001 x 100 #12345 seller"}},
    {"stream_trade.json", "", MarketKind::trade, {"trade 0.001 x 100 #12345 seller"}},
    {"stream_trade_with_retired_fields.json",
     "",
     MarketKind::trade,
     {"trade 4149.74 x 0.4387 #705291099 seller"}},
    {"combined_bookTicker_real.json",
     "",
     MarketKind::quote,
     {"quote 61837.63 x 3.78826 / 61837.64 x 1.54698 u50093239212"}},
    {"stream_bookTicker.json",
     "bnbusdt@bookTicker",
     MarketKind::quote,
     {"quote 25.3519 x 31.21 / 25.3652 x 40.66 u400900217"}},
    {"combined_depthUpdate_real.json",
     "",
     MarketKind::depth,
     {"levels u50093239202 b61737.63x0 b61730.17x0 b56854.58x0 a61837.64x1.54698 a61839.85x0",
      "levels u50093239202 a61839.86x0 a61845.11x0.32329 a61848.49x0 a61855.45x0.32323 "
      "a61862.51x0.05041",
      "levels u50093239202 last a61862.52x0 a61937.64x0.02"}},
    {"stream_depthUpdate.json",
     "bnbbtc@depth",
     MarketKind::depth,
     {"levels u160 last b0.0024x10 a0.0026x100"}},
    {"stream_partialDepth.json",
     "bnbbtc@depth10",
     MarketKind::partial_depth,
     {"book_reset", "levels u160 last b0.0024x10 a0.0026x100"}},
    {"stream_partialDepth.json",
     "bnbbtc@depth5@100ms",
     MarketKind::partial_depth,
     {"book_reset", "levels u160 last b0.0024x10 a0.0026x100"}},
    {"combined_aggTrade_real.json",
     "",
     MarketKind::agg_trade,
     {"trade 9319 x 0.018649 #315753210 seller"}},
    {"stream_aggTrade.json", "", MarketKind::agg_trade, {"trade 0.001 x 100 #12345 seller"}},
    {"combined_kline_1m_real.json", "", MarketKind::kline, {}},
    {"stream_kline_open.json", "bnbbtc@kline_1m@+08:00", MarketKind::kline, {}},
    {"stream_avgPrice.json", "btcusdt@avgPrice", MarketKind::avg_price, {}},
    {"stream_ticker.json", "bnbbtc@ticker", MarketKind::ticker, {}},
    {"stream_miniTicker.json", "bnbbtc@miniTicker", MarketKind::mini_ticker, {}},
    {"stream_referencePrice.json", "bazusd@referencePrice", MarketKind::reference_price, {}},
    {"stream_blockTrade.json", "bnbbtc@blockTrade", MarketKind::block_trade, {}},
    {"stream_blockTrade.json", "", MarketKind::block_trade, {}},
    {"stream_serverShutdown_raw.json", "", MarketKind::server_shutdown, {}},
    {"stream_serverShutdown_combined.json", "", MarketKind::server_shutdown, {}},
    {"ctrl_subscribe_response.json", "", MarketKind::control_done, {}},
    {"ctrl_listSubscriptions_response.json", "", MarketKind::control_done, {}},
    {"ctrl_getProperty_response.json", "", MarketKind::control_done, {}},
    {"ctrl_error_flat.json", "", MarketKind::control_refused, {}},
    {"ctrl_error_nested.json", "", MarketKind::control_refused, {}},
};

INSTANTIATE_TEST_SUITE_P(Decode, DecodesMarketSamples, ::testing::ValuesIn(market_rows),
                         [](const auto& row) {
                           std::string name = row.param.sample;
                           name = name.substr(0, name.find('.')) + "_" + std::to_string(row.index);
                           return name;
                         });

TEST(DecodeMarket, TellsTheTimesAndIdsThatTheVenueGave) {
  const Market trade = market(*sample("combined_trade_real.json"));
  EXPECT_EQ(domain::to_unix_ms(trade.events.at(0).venue_time), 1'723'161'255'342);  // "T", not "E"
  EXPECT_EQ(trade.message.trade_id, 3'735'683'259U);
  const Market depth = market(*sample("combined_depthUpdate_real.json"));
  EXPECT_EQ(domain::to_unix_ms(depth.events.at(0).venue_time), 1'723'161'255'208);
  EXPECT_EQ(depth.message.first_update_id, 50'093'239'189U);
  EXPECT_EQ(depth.message.last_update_id, 50'093'239'202U);
  const Market quote = market(*sample("combined_bookTicker_real.json"));
  EXPECT_EQ(quote.events.at(0).venue_time, domain::Timestamp{});  // bookTicker bears no time
}

TEST(DecodeMarket, TellsWhichRequestWasRefusedAndWhy) {
  const Bytes flat{*sample("ctrl_error_flat.json")};
  const World world;
  Scratch scratch;
  std::vector<domain::Event> events;
  MarketMessage message;
  ASSERT_EQ(decode_market(flat.frame(), world.symbols(), scratch, events, message),
            DecodeError::none);
  EXPECT_EQ(message.control_id, 1U);
  EXPECT_EQ(message.control_code, 2);
  EXPECT_EQ(message.control_text, "Invalid request: property name must be a string");
}

TEST(DecodeMarket, TakesAnUpdateWithoutLevelsAsAnEmptyRun) {
  const Market decoded =
      market(combined("btcusdt@depth@100ms",
                      R"({"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":5,"b":[],"a":[]})"));
  EXPECT_EQ(decoded.error, DecodeError::none);
  EXPECT_THAT(said(decoded.events), ElementsAre("levels u5 last"));
}

TEST(DecodeMarket, PutsBidsBeforeAsksInWhateverOrderTheyCome) {
  const char* asks =
      R"("a":[["101","1"],["102","2"],["103","3"],["104","4"],["105","5"],["106","6"]])";
  const char* bids = R"("b":[["100.5","7"],["99","8"]])";
  const std::string head = R"({"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":6,)";
  const Market usual = market(combined("btcusdt@depth", head + bids + "," + asks + "}"));
  EXPECT_THAT(said(usual.events), ElementsAre("levels u6 b100.5x7 b99x8 a101x1 a102x2 a103x3",
                                              "levels u6 last a104x4 a105x5 a106x6"));
  const Market turned = market(combined("btcusdt@depth", head + asks + "," + bids + "}"));
  EXPECT_THAT(said(turned.events),
              ElementsAre("levels u6 b100.5x7 b99x8",
                          "levels u6 a101x1 a102x2 a103x3 a104x4 a105x5", "levels u6 last a106x6"));
}

TEST(DecodeMarket, IgnoresElementsBehindPriceAndQuantity) {
  const Market decoded = market(combined(
      "btcusdt@depth",
      R"({"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":6,"b":[["100","7",[]]],"a":[]})"));
  EXPECT_EQ(decoded.error, DecodeError::none);
  EXPECT_THAT(said(decoded.events), ElementsAre("levels u6 last b100x7"));
}

TEST(DecodeMarket, ReadsTheLargestLevelThatTheVenueAllows) {
  const Market decoded = market(combined(
      "btcusdt@depth",
      R"({"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":6,"b":[["0.00000001","92233720368.54775807"]],"a":[]})"));
  EXPECT_EQ(decoded.error, DecodeError::none);
  EXPECT_THAT(said(decoded.events), ElementsAre("levels u6 last b0.00000001x92233720368.54775807"));
}

TEST(DecodeMarket, FindsSymbolsAboveAsciiEscapedOrNot) {
  for (const char* symbol : {"１２３４５６", R"(\uff11\uff12\uff13\uff14\uff15\uff16)"}) {
    const Market decoded = market(
        combined("１２３４５６@trade", std::string{R"({"e":"trade","E":1,"s":")"} + symbol +
                                           R"(","t":1,"p":"2","q":"3","T":4,"m":false,"M":true})"));
    EXPECT_EQ(decoded.error, DecodeError::none) << symbol;
    EXPECT_THAT(said(decoded.events), ElementsAre("trade 2 x 3 #1 buyer"));
  }
}

TEST(DecodeMarket, IgnoresUnknownFieldsOfEveryShape) {
  const Market decoded = market(combined(
      "btcusdt@trade",
      R"({"e":"trade","new":{"deep":[1,{"x":null}]},"E":1,"s":"BTCUSDT","Z":[[]],"t":1,"p":"2","q":"3","st":7,"T":4,"m":false,"longer_name":"v"})"));
  EXPECT_EQ(decoded.error, DecodeError::none);
  EXPECT_THAT(said(decoded.events), ElementsAre("trade 2 x 3 #1 buyer"));
}

TEST(DecodeMarket, CountsUnknownKindsAsSuch) {
  for (const char* text :
       {R"({"stream":"btcusdt@novelty","data":{"e":"novelty"}})", R"({"e":"novelty"})",
        R"({"stream":"!ticker@arr","data":[]})", R"({})", R"({"stream":"nothing","data":1})"}) {
    const Market decoded = market(text);
    EXPECT_EQ(decoded.error, DecodeError::none) << text;
    EXPECT_EQ(decoded.message.kind, MarketKind::unknown) << text;
    EXPECT_THAT(decoded.events, IsEmpty()) << text;
  }
}

struct WrongRow {
  const char* name;
  std::string text;
  DecodeError error;
};

class RefusesMarketFrames : public ::testing::TestWithParam<WrongRow> {};

TEST_P(RefusesMarketFrames, AndAppendsNothing) {
  const Market decoded = market(GetParam().text);
  EXPECT_EQ(domain::enum_name(decoded.error), domain::enum_name(GetParam().error));
  EXPECT_THAT(decoded.events, IsEmpty());
}

std::string trade_with(std::string_view fields) {
  return combined("btcusdt@trade",
                  std::string{R"({"e":"trade","E":1,"s":"BTCUSDT","t":1,)"}.append(fields) + "}");
}
std::string depth_with(std::string_view bids) {
  return combined(
      "btcusdt@depth",
      std::string{R"({"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":6,"b":)"}.append(bids).append(
          R"(,"a":[]})"));
}

const WrongRow wrong_rows[] = {
    {"empty", "", DecodeError::truncated},
    {"blank", "   ", DecodeError::truncated},
    {"not_json", "hello", DecodeError::wrong_type},
    {"an_array", "[]", DecodeError::wrong_type},
    {"open_object", "{", DecodeError::truncated},
    {"cut_string", R"({"stream":"btcusdt@tra)", DecodeError::truncated},
    {"cut_last_brace",
     R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"2","q":"3","T":4,"m":true})",
     DecodeError::not_json},
    {"more_behind", trade_with(R"("p":"2","q":"3","T":4,"m":true)") + "}", DecodeError::not_json},
    {"two_documents", trade_with(R"("p":"2","q":"3","T":4,"m":true)") + "{}",
     DecodeError::not_json},
    {"data_twice",
     R"({"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","t":1,"p":"2","q":"3","T":4,"m":true},"data":{}})",
     DecodeError::not_json},
    {"no_price", trade_with(R"("q":"3","T":4,"m":true)"), DecodeError::missing_field},
    {"no_maker", trade_with(R"("p":"2","q":"3","T":4)"), DecodeError::missing_field},
    {"price_a_number", trade_with(R"("p":2,"q":"3","T":4,"m":true)"), DecodeError::wrong_type},
    {"price_null", trade_with(R"("p":null,"q":"3","T":4,"m":true)"), DecodeError::wrong_type},
    {"price_an_object", trade_with(R"("p":{},"q":"3","T":4,"m":true)"), DecodeError::missing_field},
    {"price_ten_decimals", trade_with(R"("p":"0.1234567891","q":"3","T":4,"m":true)"),
     DecodeError::bad_number},
    {"price_exponent", trade_with(R"("p":"1e3","q":"3","T":4,"m":true)"), DecodeError::bad_number},
    {"price_negative", trade_with(R"("p":"-2","q":"3","T":4,"m":true)"), DecodeError::bad_number},
    {"price_too_large", trade_with(R"("p":"9223372037","q":"3","T":4,"m":true)"),
     DecodeError::bad_number},
    {"time_text", trade_with(R"("p":"2","q":"3","T":"4","m":true)"), DecodeError::wrong_type},
    {"time_too_late", trade_with(R"("p":"2","q":"3","T":9000000000001,"m":true)"),
     DecodeError::bad_number},
    {"time_fraction", trade_with(R"("p":"2","q":"3","T":4.5,"m":true)"), DecodeError::bad_number},
    {"maker_text", trade_with(R"("p":"2","q":"3","T":4,"m":"true")"), DecodeError::wrong_type},
    {"event_of_another_stream",
     combined("btcusdt@trade",
              R"({"e":"aggTrade","s":"BTCUSDT","t":1,"p":"2","q":"3","T":4,"m":true})"),
     DecodeError::bad_word},
    {"unknown_symbol",
     combined("xyz@trade", R"({"e":"trade","s":"XYZ","t":1,"p":"2","q":"3","T":4,"m":true})"),
     DecodeError::unknown_symbol},
    {"data_an_array", combined("btcusdt@trade", "[]"), DecodeError::wrong_type},
    {"level_too_short", depth_with(R"([["100"]])"), DecodeError::missing_field},
    {"level_an_object", depth_with(R"([{"p":"100"}])"), DecodeError::wrong_type},
    {"level_numbers", depth_with(R"([[100,1]])"), DecodeError::wrong_type},
    {"level_negative", depth_with(R"([["100","-1"]])"), DecodeError::bad_number},
    {"second_level_wrong", depth_with(R"([["100","1"],["99","x"]])"), DecodeError::bad_number},
    {"bids_missing",
     combined("btcusdt@depth", R"({"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":6,"a":[]})"),
     DecodeError::missing_field},
    {"bids_twice",
     combined("btcusdt@depth",
              R"({"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":6,"b":[],"b":[],"a":[]})"),
     DecodeError::not_json},
    {"ids_turned",
     combined("btcusdt@depth",
              R"({"e":"depthUpdate","E":1,"s":"BTCUSDT","U":7,"u":6,"b":[],"a":[]})"),
     DecodeError::bad_number},
    {"bad_utf8", std::string{"{\"stream\":\"btcusdt@trade\xFF\",\"data\":{}}"},
     DecodeError::not_json},
    {"control_character", std::string{"{\"stream\":\"btcusdt@tr\nade\",\"data\":{}}"},
     DecodeError::not_json},
};

INSTANTIATE_TEST_SUITE_P(Decode, RefusesMarketFrames, ::testing::ValuesIn(wrong_rows),
                         [](const auto& row) { return row.param.name; });

TEST(DecodeMarket, RefusesAFrameThatIsTooLargeWithoutReadingIt) {
  const Market decoded = market(std::string(max_frame_bytes + 1, '{'));
  EXPECT_EQ(decoded.error, DecodeError::too_large);
}

TEST(DecodeMarket, KeepsWhatStoodInTheListBeforeAWrongFrame) {
  const World world;
  Scratch scratch;
  MarketMessage message;
  std::vector<domain::Event> events;
  const Bytes good{*sample("combined_depthUpdate_real.json")};
  ASSERT_EQ(decode_market(good.frame(), world.symbols(), scratch, events, message),
            DecodeError::none);
  const Lines before = said(events);
  const Bytes bad{depth_with(R"([["100","1"],["99","1"],["98","1"],["97","x"]])")};
  EXPECT_EQ(decode_market(bad.frame(), world.symbols(), scratch, events, message),
            DecodeError::bad_number);
  EXPECT_EQ(said(events), before);
}

/// The object with its fields in another order, at every depth.
std::string shuffled(const nlohmann::json& json, std::mt19937& random) {
  if (json.is_array()) {
    std::string text = "[";
    for (const auto& element : json) {
      if (text.size() > 1) text += ',';
      text += shuffled(element, random);
    }
    return text + "]";
  }
  if (!json.is_object()) return json.dump();
  std::vector<std::string> fields;
  for (const auto& [key, value] : json.items()) {
    fields.push_back('"' + key + "\":" + shuffled(value, random));
  }
  std::shuffle(fields.begin(), fields.end(), random);
  std::string text = "{";
  for (const std::string& field : fields) {
    if (text.size() > 1) text += ',';
    text += field;
  }
  return text + "}";
}

TEST(Decode, SaysTheSameInWhateverOrderTheFieldsCome) {
  std::mt19937 random{20'261'120};
  for (const auto& [name, text] : all_samples()) {
    if (name.find(".jsonl") != std::string::npos) continue;
    const auto json = nlohmann::json::parse(text);
    const std::string frame = minified(text);
    const Market wanted = market(frame);
    const Private wanted_private = order_frame(frame);
    for (int round = 0; round < 10; ++round) {
      const std::string other = shuffled(json, random);
      const Market decoded = market(other);
      EXPECT_EQ(decoded.error, wanted.error) << name << ": " << other;
      // Asks before bids make other runs of the same levels; the session test replays those.
      if (decoded.message.kind != MarketKind::depth) {
        EXPECT_EQ(said(decoded.events), said(wanted.events)) << name << ": " << other;
      }
      const Private decoded_private = order_frame(other);
      EXPECT_EQ(decoded_private.error, wanted_private.error) << name << ": " << other;
      EXPECT_EQ(said(decoded_private.events, decoded_private.remarks),
                said(wanted_private.events, wanted_private.remarks))
          << name << ": " << other;
    }
  }
}

// ---- User events --------------------------------------------------------------------------------

struct UserRow {
  const char* sample;
  OrderFrameKind kind;
  Lines events;
};

class DecodesUserSamples : public ::testing::TestWithParam<UserRow> {};

TEST_P(DecodesUserSamples, ToTheStatedEvents) {
  const UserRow& row = GetParam();
  const auto text = sample(row.sample);
  if (!text) GTEST_SKIP() << row.sample << " is not carried, and ../shared is not there";
  for (const std::string& frame : {*text, minified(*text)}) {
    const Private decoded = order_frame(frame);
    EXPECT_EQ(decoded.error, DecodeError::none) << frame;
    EXPECT_EQ(domain::enum_name(decoded.message.kind), domain::enum_name(row.kind)) << frame;
    EXPECT_EQ(said(decoded.events, decoded.remarks), row.events) << frame;
  }
}

// Assets: 0 BNB, 1 BTC, 2 USDT, 3 ETH.
const UserRow user_rows[] = {
    {"uds_executionReport_new.json",
     OrderFrameKind::execution_report,
     {"report external @4293153 working buy limit 0 of 1 at 0.1026441 stop 0 for 0 i8641984 "
      "private_stream none [mUvoqJxFIILMdfAW5iGSOW]"}},
    {"uds_executionReport_canceled_real.json",
     OrderFrameKind::execution_report,
     {"report external @339230 canceled buy limit 0 of 0.01 at 9000 stop 0 for 0 i679407 "
      "private_stream canceled_by_venue [daa3Lntyw5phO7yGkmkUzn]"}},
    {"uds_outboundAccountPosition.json",
     OrderFrameKind::account_position,
     {"balance 3 free 10000 locked 0 private_stream"}},
    {"uds_outboundAccountPosition_demo_recorded.json",
     OrderFrameKind::account_position,
     {"balance 1 free 0.01485691 locked 0 private_stream",
      "balance 0 free 0 locked 0 private_stream",
      "balance 2 free 3683.34767246 locked 5.99256 private_stream"}},
    {"uds_balanceUpdate.json", OrderFrameKind::balance_update, {"flow 1 100"}},
    {"uds_listStatus.json", OrderFrameKind::list_status, {}},
    {"uds_externalLockUpdate.json", OrderFrameKind::external_lock, {}},
    {"uds_eventStreamTerminated.json", OrderFrameKind::stream_terminated, {}},
    {"wsapi_serverShutdown_event.json", OrderFrameKind::server_shutdown, {}},
};

INSTANTIATE_TEST_SUITE_P(Decode, DecodesUserSamples, ::testing::ValuesIn(user_rows),
                         [](const auto& row) {
                           const std::string name = row.param.sample;
                           return name.substr(0, name.find('.'));
                         });

TEST(DecodeUser, FollowsARealOrderFromItsPlaceToItsFill) {
  const auto text = sample("uds_chain_bnbusdt_limit_buy_maker_fill.jsonl");
  if (!text) GTEST_SKIP() << "the chain is not carried, and ../shared is not there";
  Lines all;
  for (std::size_t start = 0; start < text->size();) {
    const std::size_t end = std::min(text->find('\n', start), text->size());
    const Private decoded = order_frame(text->substr(start, end - start));
    EXPECT_EQ(decoded.error, DecodeError::none);
    for (std::string& line : said(decoded.events, decoded.remarks)) all.push_back(std::move(line));
    start = end + 1;
  }
  EXPECT_THAT(
      all,
      ElementsAre("report external @9639329831 working buy limit 0 of 0.007 at 1125.22 stop 0 for "
                  "0 i20702625198 private_stream none [x-B3AUXNYV827cefbc0c9748448b195b]",
                  "balance 0 free 0 locked 0 private_stream",
                  "balance 2 free 1.829394 locked 7.87654 private_stream",
                  "fill external @9639329831 #1251701408 buy 1125.22 x 0.007 = 7.87654 cumulative "
                  "0.007 fee 0.00000525 0 maker i20702626656 private_stream "
                  "[x-B3AUXNYV827cefbc0c9748448b195b]",
                  "report external @9639329831 filled buy limit 0.007 of 0.007 at 1125.22 stop 0 "
                  "for 7.87654 i20702626656 private_stream none "
                  "[x-B3AUXNYV827cefbc0c9748448b195b]"));
}

/// An execution report of one of our orders; `changes` replaces fields by letter.
std::string report(const std::vector<std::pair<std::string, nlohmann::json>>& changes) {
  auto json = nlohmann::ordered_json::parse(R"({"subscriptionId":0,"event":{
    "e":"executionReport","E":1760946670457,"s":"BTCUSDT","c":"alpha-main-1kq5p00-1","S":"BUY",
    "o":"LIMIT","f":"GTC","q":"2.00000000","p":"100.00000000","P":"0.00000000","F":"0.00000000",
    "g":-1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":77,"l":"0.00000000","z":"0.00000000",
    "L":"0.00000000","n":"0","N":null,"T":1760946670456,"t":-1,"I":900,"w":true,"m":false,
    "M":false,"O":1760946669042,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000"}})");
  for (const auto& [letter, value] : changes) {
    if (value == "(absent)") {
      json["event"].erase(letter);
    } else {
      json["event"][letter] = value;
    }
  }
  return json.dump();
}

const std::vector<std::pair<std::string, nlohmann::json>> fill_changes = {
    {"x", "TRADE"},       {"X", "PARTIALLY_FILLED"}, {"l", "0.50000000"}, {"z", "0.50000000"},
    {"L", "99.50000000"}, {"n", "0.00050000"},       {"N", "BTC"},        {"t", 4711},
    {"m", false},         {"Z", "49.75000000"},      {"Y", "49.75000000"}};

std::vector<std::pair<std::string, nlohmann::json>> fill_with(
    const std::vector<std::pair<std::string, nlohmann::json>>& more) {
  auto changes = fill_changes;
  changes.insert(changes.end(), more.begin(), more.end());
  return changes;
}

struct ReportRow {
  const char* name;
  std::string text;
  Lines events;
};

class DecodesReports : public ::testing::TestWithParam<ReportRow> {};

TEST_P(DecodesReports, ToTheStatedEvents) {
  const Private decoded = order_frame(GetParam().text);
  EXPECT_EQ(decoded.error, DecodeError::none) << GetParam().text;
  EXPECT_EQ(said(decoded.events, decoded.remarks), GetParam().events) << GetParam().text;
}

// "1kq5p00" in base 32 is 1735579648: the epoch of these orders.
const ReportRow report_rows[] = {
    {"new",
     report({}),
     {"report 1735579648-1 @77 working buy limit 0 of 2 at 100 stop 0 for 0 i900 private_stream "
      "none"}},
    {"fill_in_base_asset",
     report(fill_changes),
     {"fill 1735579648-1 @77 #4711 buy 99.5 x 0.5 = 49.75 cumulative 0.5 fee 0.0005 1 taker i900 "
      "private_stream",
      "report 1735579648-1 @77 partially_filled buy limit 0.5 of 2 at 100 stop 0 for 49.75 i900 "
      "private_stream none"}},
    {"fill_with_a_rebate",
     report(fill_with({{"n", "-0.00010000"}, {"N", "USDT"}, {"m", true}})),
     {"fill 1735579648-1 @77 #4711 buy 99.5 x 0.5 = 49.75 cumulative 0.5 fee -0.0001 2 maker i900 "
      "private_stream",
      "report 1735579648-1 @77 partially_filled buy limit 0.5 of 2 at 100 stop 0 for 49.75 i900 "
      "private_stream none"}},
    {"fill_without_fee",
     report(fill_with({{"n", "0"}, {"N", nullptr}})),
     {"fill 1735579648-1 @77 #4711 buy 99.5 x 0.5 = 49.75 cumulative 0.5 fee 0 - taker i900 "
      "private_stream",
      "report 1735579648-1 @77 partially_filled buy limit 0.5 of 2 at 100 stop 0 for 49.75 i900 "
      "private_stream none"}},
    {"fee_in_an_asset_that_nobody_named",
     report(fill_with({{"N", "NEO"}})),
     {"fill 1735579648-1 @77 #4711 buy 99.5 x 0.5 = 49.75 cumulative 0.5 fee 0.0005 - taker i900 "
      "private_stream [fee asset NEO]",
      "report 1735579648-1 @77 partially_filled buy limit 0.5 of 2 at 100 stop 0 for 49.75 i900 "
      "private_stream none"}},
    {"external_fill_in_an_asset_that_nobody_named",
     report(fill_with({{"N", "NEO"}, {"c", "web_1"}})),
     {"fill external @77 #4711 buy 99.5 x 0.5 = 49.75 cumulative 0.5 fee 0.0005 - taker i900 "
      "private_stream [web_1 fee asset NEO]",
      "report external @77 partially_filled buy limit 0.5 of 2 at 100 stop 0 for 49.75 i900 "
      "private_stream none [web_1]"}},
    {"quote_amount_missing_is_worked_out",
     report(fill_with({{"Y", "(absent)"}})),
     {"fill 1735579648-1 @77 #4711 buy 99.5 x 0.5 = 49.75 cumulative 0.5 fee 0.0005 1 taker i900 "
      "private_stream",
      "report 1735579648-1 @77 partially_filled buy limit 0.5 of 2 at 100 stop 0 for 49.75 i900 "
      "private_stream none"}},
    {"trade_number_zero_is_one",
     report(fill_with({{"t", 0}, {"i", 0}})),
     {"fill 1735579648-1 @0 #0 buy 99.5 x 0.5 = 49.75 cumulative 0.5 fee 0.0005 1 taker i900 "
      "private_stream",
      "report 1735579648-1 @0 partially_filled buy limit 0.5 of 2 at 100 stop 0 for 49.75 i900 "
      "private_stream none"}},
    {"allocation_has_numbers_of_its_own",
     report(fill_with({{"t", -1}, {"a", 4711}, {"b", "ONE_PARTY_TRADE_REPORT"}})),
     {"fill 1735579648-1 @77 #1:4711 buy 99.5 x 0.5 = 49.75 cumulative 0.5 fee 0.0005 1 taker "
      "i900 private_stream",
      "report 1735579648-1 @77 partially_filled buy limit 0.5 of 2 at 100 stop 0 for 49.75 i900 "
      "private_stream none"}},
    {"our_cancel_names_the_order_in_C",
     report({{"x", "CANCELED"},
             {"X", "CANCELED"},
             {"c", "alpha-main-1kq5p00-2"},
             {"C", "alpha-main-1kq5p00-1"}}),
     {"report 1735579648-1 @77 canceled buy limit 0 of 2 at 100 stop 0 for 0 i900 private_stream "
      "none"}},
    {"canceled_by_another_hand",
     report({{"x", "CANCELED"}, {"X", "CANCELED"}, {"c", "web_9"}, {"C", "alpha-main-1kq5p00-1"}}),
     {"report 1735579648-1 @77 canceled buy limit 0 of 2 at 100 stop 0 for 0 i900 private_stream "
      "canceled_by_venue"}},
    {"canceled_without_C",
     report({{"x", "CANCELED"}, {"X", "CANCELED"}, {"C", nullptr}}),
     {"report 1735579648-1 @77 canceled buy limit 0 of 2 at 100 stop 0 for 0 i900 private_stream "
      "none"}},
    {"another_daemons_order_is_external",
     report({{"c", "beta-main-1kq5p00-1"}}),
     {"report external @77 working buy limit 0 of 2 at 100 stop 0 for 0 i900 private_stream none "
      "[beta-main-1kq5p00-1]"}},
    {"market_order_without_liquidity",
     report({{"x", "EXPIRED"}, {"X", "EXPIRED"}, {"o", "MARKET"}, {"p", "0.00000000"}}),
     {"report 1735579648-1 @77 expired buy market 0 of 2 at 0 stop 0 for 0 i900 private_stream "
      "no_liquidity"}},
    {"expired_with_a_stated_reason",
     report({{"x", "EXPIRED"}, {"X", "EXPIRED"}, {"eR", "EXCHANGE_CANCELED"}}),
     {"report 1735579648-1 @77 expired buy limit 0 of 2 at 100 stop 0 for 0 i900 private_stream "
      "canceled_by_venue"}},
    {"self_trade_prevented",
     report({{"x", "TRADE_PREVENTION"},
             {"X", "EXPIRED_IN_MATCH"},
             {"v", 3},
             {"A", "1.0"},
             {"B", "1.0"}}),
     {"report 1735579648-1 @77 expired buy limit 0 of 2 at 100 stop 0 for 0 i900 private_stream "
      "self_trade_prevented"}},
    {"rejected_for_funds",
     report({{"x", "REJECTED"}, {"X", "REJECTED"}, {"r", "INSUFFICIENT_BALANCES"}}),
     {"report 1735579648-1 @77 rejected buy limit 0 of 2 at 100 stop 0 for 0 i900 private_stream "
      "venue_refused_funds [INSUFFICIENT_BALANCES]"}},
    {"stop_order_waits",
     report({{"o", "STOP_LOSS_LIMIT"}, {"P", "101.00000000"}, {"X", "PENDING_NEW"}, {"S", "SELL"}}),
     {"report 1735579648-1 @77 pending sell stop_limit 0 of 2 at 100 stop 101 for 0 i900 "
      "private_stream none"}},
    {"words_newer_than_us_lose_no_fill",
     report(fill_with({{"o", "NOVEL"}, {"f", "NOVEL"}, {"X", "NOVEL"}})),
     {"fill 1735579648-1 @77 #4711 buy 99.5 x 0.5 = 49.75 cumulative 0.5 fee 0.0005 1 taker i900 "
      "private_stream",
      "report 1735579648-1 @77 working buy limit 0.5 of 2 at 100 stop 0 for 49.75 i900 "
      "private_stream none"}},
    {"unknown_quote_amount_stays_negative",
     report({{"Z", "(absent)"}}),
     {"report 1735579648-1 @77 working buy limit 0 of 2 at 100 stop 0 for -1 i900 private_stream "
      "none"}},
};

INSTANTIATE_TEST_SUITE_P(Decode, DecodesReports, ::testing::ValuesIn(report_rows),
                         [](const auto& row) { return row.param.name; });

class RefusesOrderFrames : public ::testing::TestWithParam<WrongRow> {};

TEST_P(RefusesOrderFrames, AndAppendsNothing) {
  const Private decoded = order_frame(GetParam().text);
  EXPECT_EQ(domain::enum_name(decoded.error), domain::enum_name(GetParam().error))
      << GetParam().text;
  EXPECT_THAT(decoded.events, IsEmpty());
  EXPECT_THAT(decoded.remarks, IsEmpty());
}

const WrongRow wrong_order_rows[] = {
    {"empty", "", DecodeError::truncated},
    {"neither_event_nor_answer", "{}", DecodeError::missing_field},
    {"answer_without_status", R"({"id":1,"result":{}})", DecodeError::missing_field},
    {"status_too_large", R"({"id":1,"status":1000,"result":{}})", DecodeError::bad_number},
    {"status_text", R"({"id":1,"status":"200","result":{}})", DecodeError::wrong_type},
    {"error_without_code", R"({"id":1,"status":400,"error":{"msg":"x"}})",
     DecodeError::missing_field},
    {"error_code_too_large", R"({"id":1,"status":400,"error":{"code":-99999999999,"msg":"x"}})",
     DecodeError::bad_number},
    {"error_text_a_number", R"({"id":1,"status":400,"error":{"code":-1,"msg":5}})",
     DecodeError::wrong_type},
    {"event_without_kind", R"({"event":{"E":1}})", DecodeError::missing_field},
    {"event_a_text", R"({"event":"executionReport"})", DecodeError::wrong_type},
    {"event_twice", R"({"event":{"e":"listStatus"},"event":{"e":"listStatus"}})",
     DecodeError::not_json},
    {"side_unknown", report({{"S", "SIDEWAYS"}}), DecodeError::bad_word},
    {"symbol_unknown", report({{"s", "XYZ"}}), DecodeError::unknown_symbol},
    {"no_order_id", report({{"i", "(absent)"}}), DecodeError::missing_field},
    {"quantity_negative", report({{"q", "-1"}}), DecodeError::bad_number},
    {"fill_without_trade_number", report(fill_with({{"t", "(absent)"}})),
     DecodeError::missing_field},
    {"fill_with_neither_trade_nor_allocation", report(fill_with({{"t", -1}})),
     DecodeError::missing_field},
    {"fill_of_nothing", report(fill_with({{"l", "0.00000000"}})), DecodeError::bad_number},
    {"fee_with_ten_decimals", report(fill_with({{"n", "0.1234567891"}})), DecodeError::bad_number},
    // The second balance is wrong: the first must not remain.
    {"second_balance_wrong",
     R"({"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":1,"u":1,"B":[{"a":"BTC","f":"1","l":"0"},{"a":"USDT","f":"x","l":"0"}]}})",
     DecodeError::bad_number},
    {"balance_incomplete",
     R"({"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":1,"u":1,"B":[{"a":"BTC","f":"1"}]}})",
     DecodeError::missing_field},
    {"balances_in_another_event",
     R"({"subscriptionId":0,"event":{"e":"listStatus","B":[{"a":"BTC","f":"1","l":"0"}]}})",
     DecodeError::wrong_type},
};

INSTANTIATE_TEST_SUITE_P(Decode, RefusesOrderFrames, ::testing::ValuesIn(wrong_order_rows),
                         [](const auto& row) { return row.param.name; });

TEST(DecodeUser, LeavesOutBalancesOfAssetsThatNobodyNamedAndNamesThem) {
  const Private decoded = order_frame(
      R"({"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":1,"u":1,"B":[{"a":"NEO","f":"1.5","l":"0"},{"a":"BTC","f":"1","l":"0"},{"a":"GAS","f":"0","l":"0.0"}]}})");
  EXPECT_EQ(decoded.error, DecodeError::none);
  EXPECT_THAT(said(decoded.events), ElementsAre("balance 1 free 1 locked 0 private_stream"));
  EXPECT_EQ(decoded.message.unknown_assets, 1U);  // GAS is zero: nothing to say
  EXPECT_EQ(decoded.unknown_asset, "NEO");
}

TEST(DecodeUser, TellsExternalClientIdsWithEscapesAsTheyAreMeant) {
  const Private decoded = order_frame(report({{"c", "we\"b\\id\u00e9"}}));
  EXPECT_EQ(decoded.error, DecodeError::none);
  EXPECT_THAT(decoded.remarks, ElementsAre("we\"b\\idé"));
}

// ---- Answers ------------------------------------------------------------------------------------

TEST(DecodeResponse, ReadsEnvelopeErrorAndCounts) {
  const Private decoded = order_frame(*sample("error_wsapi_insufficient_balance.json"));
  const Response& response = decoded.message.response;
  EXPECT_EQ(decoded.error, DecodeError::none);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.code, -2010);
  EXPECT_EQ(decoded.words, "Account has insufficient balance for requested action.");
  EXPECT_EQ(response.id, no_request_id);  // a text: none that we gave
  EXPECT_FALSE(response.id_is_null);
  EXPECT_EQ(response.rates.orders_10s, 13);
  EXPECT_EQ(response.rates.orders_10s_limit, 50);
  EXPECT_EQ(response.rates.orders_day, 4044);
  EXPECT_EQ(response.rates.weight, 322);
  EXPECT_EQ(response.rates.weight_limit, 6000);
}

TEST(DecodeResponse, ReadsWhenABanEnds) {
  const Private decoded = order_frame(*sample("error_wsapi_ip_banned_418.json"));
  EXPECT_EQ(decoded.message.response.status, 418);
  EXPECT_EQ(decoded.message.response.retry_after_ms, 1'659'146'400'000);
  EXPECT_EQ(decoded.message.response.server_time_ms, 1'659'142'907'531);
}

TEST(DecodeResponse, TellsARevokedSessionByItsNullId) {
  const Private decoded = order_frame(*sample("error_wsapi_session_revoked_401.json"));
  EXPECT_TRUE(decoded.message.response.id_is_null);
  EXPECT_EQ(decoded.message.response.code, -2015);
}

TEST(DecodeResponse, ReadsEverySampleOfAnAnswerOnBothWays) {
  int answers = 0;
  for (const auto& [name, text] : all_samples()) {
    if (name.find("_request") != std::string::npos ||
        (name.rfind("wsapi_", 0) != 0 && name.rfind("error_wsapi", 0) != 0) ||
        name == "wsapi_serverShutdown_event.json") {
      continue;
    }
    ++answers;
    const auto json = nlohmann::json::parse(text);
    for (const std::string& frame : {text, minified(text)}) {
      const Private decoded = order_frame(frame);
      EXPECT_EQ(decoded.error, DecodeError::none) << name;
      EXPECT_EQ(decoded.message.kind, OrderFrameKind::response) << name;
      EXPECT_EQ(decoded.message.response.status, json["status"].get<int>()) << name;
      if (json.contains("result")) {
        EXPECT_EQ(nlohmann::json::parse(decoded.result), json["result"]) << name;
      }
    }
  }
  EXPECT_GE(answers, 40);
}

struct Answer {
  DecodeError error = DecodeError::none;
  Rows rows;
  std::vector<domain::Event> events;
  std::vector<std::string> remarks;
  std::string unknown_asset;
};

template <class Decode>
Answer answer(std::string_view result, Decode decode) {
  const World world;
  const Bytes bytes{result};
  Scratch scratch;
  Answer made;
  made.error = decode(bytes.view(), world.symbols(), world.identity(), scratch,
                      Output{made.events, made.remarks}, made.rows);
  made.unknown_asset = made.rows.unknown_asset;
  return made;
}

Answer orders(std::string_view result, domain::Source source) {
  return answer(result, [source](auto view, const auto& symbols, const auto& identity,
                                 auto& scratch, auto output, auto& rows) {
    return decode_orders(view, symbols, identity, source, domain::from_unix_ms(1), scratch, output,
                         rows);
  });
}
Answer fills(std::string_view result) {
  return answer(result, [](auto view, const auto& symbols, const auto& identity, auto& scratch,
                           auto output, auto& rows) {
    return decode_fills(view, symbols, identity, domain::from_unix_ms(1), scratch, output, rows);
  });
}
Answer balances(std::string_view result) {
  return answer(result, [](auto view, const auto& symbols, const auto& identity, auto& scratch,
                           auto output, auto& rows) {
    return decode_balances(view, symbols, identity, domain::from_unix_ms(1), scratch, output, rows);
  });
}

std::string result_of(std::string_view name) {
  return nlohmann::ordered_json::parse(*sample(name))["result"].dump();
}

TEST(DecodeAnswers, OrderStatusIsOneReport) {
  const Answer made =
      orders(result_of("wsapi_order_status_response.json"), domain::Source::single_query);
  EXPECT_EQ(made.error, DecodeError::none);
  EXPECT_THAT(said(made.events, made.remarks),
              ElementsAre("report external @12569099453 filled sell limit 0.00847 of 0.00847 at "
                          "23416.1 stop 0 for 198.335215 i0 single_query none "
                          "[4d96324ff9d44481926157]"));
  EXPECT_EQ(domain::to_unix_ms(made.events[0].venue_time), 1'660'801'717'945);
}

TEST(DecodeAnswers, OpenOrdersAreOneReportEach) {
  const Answer made =
      orders(result_of("wsapi_openOrders_status_response.json"), domain::Source::list_query);
  EXPECT_EQ(made.error, DecodeError::none);
  EXPECT_EQ(made.rows.count, 1U);
  EXPECT_THAT(said(made.events, made.remarks),
              ElementsAre("report external @12569099453 partially_filled sell limit 0.0072 of "
                          "0.00847 at 23416.1 stop 0 for 172.43931 i0 list_query none "
                          "[4d96324ff9d44481926157]"));
  EXPECT_THAT(orders("[]", domain::Source::list_query).events, IsEmpty());
}

TEST(DecodeAnswers, LeavesOutOrdersOfInstrumentsThatAreNotConfiguredAndCountsThem) {
  auto list = nlohmann::ordered_json::parse(result_of("wsapi_openOrders_status_response.json"));
  list.push_back(list[0]);
  list[0]["symbol"] = "XYZ";
  const Answer made = orders(list.dump(), domain::Source::list_query);
  EXPECT_EQ(made.error, DecodeError::none);
  EXPECT_EQ(made.rows.count, 2U);
  EXPECT_EQ(made.rows.unknown_symbols, 1U);
  EXPECT_EQ(made.events.size(), 1U);
}

TEST(DecodeAnswers, OneWrongOrderSpoilsTheWholeList) {
  auto list = nlohmann::ordered_json::parse(result_of("wsapi_openOrders_status_response.json"));
  list.push_back(list[0]);
  list[1]["origQty"] = "many";
  const Answer made = orders(list.dump(), domain::Source::list_query);
  EXPECT_EQ(made.error, DecodeError::bad_number);
  EXPECT_THAT(made.events, IsEmpty());
  EXPECT_THAT(made.remarks, IsEmpty());
}

TEST(DecodeAnswers, TradesAreExecutionsOfTheStrongestSource) {
  const Answer made = fills(result_of("wsapi_myTrades_response.json"));
  EXPECT_EQ(made.error, DecodeError::none);
  EXPECT_EQ(made.rows.count, 2U);
  EXPECT_EQ(made.rows.last_trade_id, 1'650'422'482U);
  EXPECT_THAT(
      said(made.events, made.remarks),
      ElementsAre("fill external @12569099453 #1650422481 sell 23416.1 x 0.00635 = 148.692235 "
                  "cumulative 0 fee 0 0 maker i0 trade_record",
                  "fill external @12569099453 #1650422482 sell 23416.5 x 0.00212 = 49.64298 "
                  "cumulative 0 fee 0 0 maker i0 trade_record"));
}

TEST(DecodeAnswers, BalancesAreAbsoluteAndUnmentionedAssetsAreZero) {
  const Answer made = balances(result_of("wsapi_account_status_response.json"));
  EXPECT_EQ(made.error, DecodeError::none);
  EXPECT_TRUE(made.rows.can_trade);
  // BNB BTC USDT as told; ETH and the two wide assets are traded here and were not mentioned.
  EXPECT_THAT(said(made.events), ElementsAre("balance 0 free 0 locked 0 single_query",
                                             "balance 1 free 1.3447112 locked 0.086 single_query",
                                             "balance 2 free 1021.21 locked 0 single_query",
                                             "balance 3 free 0 locked 0 single_query",
                                             "balance 4 free 0 locked 0 single_query",
                                             "balance 5 free 0 locked 0 single_query"));
}

TEST(DecodeAnswers, BalancesOfARealAccountNameWhatNobodyKnows) {
  const auto text = sample("wsapi_account_status_demo_recorded.json");
  if (!text) GTEST_SKIP() << "the recorded answer is not carried, and ../shared is not there";
  const Answer made = balances(nlohmann::ordered_json::parse(*text)["result"].dump());
  EXPECT_EQ(made.error, DecodeError::none);
  EXPECT_EQ(made.rows.unknown_assets, 1U);
  EXPECT_EQ(made.unknown_asset, "USDC");
}

TEST(DecodeAnswers, AcknowledgementsNameTheOrder) {
  struct Row {
    const char* sample;
    std::uint64_t order;
  };
  for (const Row& row : {Row{"wsapi_order_place_ack.json", 12'569'099'453},
                         Row{"wsapi_order_place_result.json", 12'569'099'453},
                         Row{"wsapi_order_place_full.json", 12'569'099'453},
                         Row{"wsapi_order_cancel_response.json", 12'569'099'453}}) {
    Scratch scratch;
    domain::ForeignId id;
    EXPECT_EQ(decode_order_ack(Bytes{result_of(row.sample)}.view(), scratch, id),
              DecodeError::none);
    EXPECT_EQ(id.low, row.order) << row.sample;
  }
  // A canceled list names several orders, and none as its own.
  Scratch scratch;
  domain::ForeignId id;
  EXPECT_EQ(decode_order_ack(Bytes{result_of("wsapi_order_cancel_list_response.json")}.view(),
                             scratch, id),
            DecodeError::none);
  EXPECT_TRUE(id.is_none());
}

TEST(DecodeAnswers, ServerTimeIsRead) {
  Scratch scratch;
  std::int64_t time = 0;
  EXPECT_EQ(decode_server_time(Bytes{result_of("wsapi_time_response.json")}.view(), scratch, time),
            DecodeError::none);
  EXPECT_EQ(time, 1'656'400'526'260);
  EXPECT_EQ(decode_server_time(Bytes{"{}"}.view(), scratch, time), DecodeError::missing_field);
}

// ---- REST ---------------------------------------------------------------------------------------

TEST(DecodeRest, RecordedInstrumentRulesBecomeOurs) {
  const auto text = sample("rest_exchangeInfo_btcusdt_recorded.json");
  if (!text) GTEST_SKIP() << "the recorded answer is not carried, and ../shared is not there";
  const World world;
  Scratch scratch;
  RestAnswer made;
  ASSERT_EQ(decode_exchange_info(*text, world.symbols(), scratch, made), DecodeError::none);
  EXPECT_THAT(said(made.events),
              ElementsAre("rules trading tick 0.01 (0.01 to 1000000) lot 0.00001 (0.00001 to 9000, "
                          "market 105.07867116) notional 5 to 9000000 market true/false"));
  EXPECT_EQ(made.events[0].instrument, world.btc_usdt);
  EXPECT_EQ(made.server_time_ms, 1'789'295'119'614);
  const std::vector<std::pair<std::string, std::int64_t>> limits = {{"REQUEST_WEIGHT/60", 6000},
                                                                    {"ORDERS/10", 50},
                                                                    {"ORDERS/86400", 160000},
                                                                    {"RAW_REQUESTS/300", 300000}};
  EXPECT_EQ(made.numbers, limits);
}

TEST(DecodeRest, DocumentedSkeletonHasAStatusAndNoRules) {
  const World world;
  Scratch scratch;
  RestAnswer made;
  ASSERT_EQ(
      decode_exchange_info(*sample("rest_exchangeInfo_doc.json"), world.symbols(), scratch, made),
      DecodeError::none);
  EXPECT_THAT(said(made.events),
              ElementsAre("rules trading tick 0 (0 to 0) lot 0 (0 to 0, market 0) notional 0 to 0 "
                          "market true/false"));
  EXPECT_THAT(made.numbers, IsEmpty());  // its only rate limit is {}
}

RestAnswer rules_of(std::string_view symbol_fields) {
  const World world;
  Scratch scratch;
  RestAnswer made;
  const std::string body = R"({"serverTime":1700000000000,"symbols":[{"symbol":"BTCUSDT",)" +
                           std::string{symbol_fields} + "}]}";
  EXPECT_EQ(decode_exchange_info(body, world.symbols(), scratch, made), DecodeError::none) << body;
  return made;
}

TEST(DecodeRest, OnlyTradingTakesOrders) {
  struct Row {
    const char* status;
    const char* wanted;
  };
  for (const Row& row : {Row{"TRADING", "rules trading"}, Row{"CANCEL_ONLY", "rules cancel_only"},
                         Row{"HALT", "rules halted"}, Row{"BREAK", "rules halted"},
                         Row{"END_OF_DAY", "rules halted"}, Row{"NOVEL", "rules halted"}}) {
    const RestAnswer made =
        rules_of(std::string{R"("filters":[],"status":")"} + row.status + R"(")");
    EXPECT_THAT(said(made.events.at(0)), StartsWith(row.wanted)) << row.status;
  }
  const RestAnswer margin_only =
      rules_of(R"("filters":[],"status":"TRADING","isSpotTradingAllowed":false)");
  EXPECT_THAT(said(margin_only.events.at(0)), StartsWith("rules halted"));
}

TEST(DecodeRest, ARuleFinerThanTheScaleLeavesTheSymbolOutWithWords) {
  const RestAnswer made = rules_of(
      R"("status":"TRADING","filters":[{"filterType":"PRICE_FILTER","tickSize":"0.0000000001"}])");
  EXPECT_THAT(made.events, IsEmpty());
  EXPECT_THAT(made.error, HasSubstr("BTCUSDT"));
}

TEST(DecodeRest, AGreatestPriceBeyondUsBindsNobody) {
  const RestAnswer made = rules_of(
      R"("status":"TRADING","filters":[{"filterType":"PRICE_FILTER","minPrice":"0.01","maxPrice":"92141578000.0","tickSize":"0.01"}])");
  EXPECT_THAT(said(made.events.at(0)), HasSubstr("tick 0.01 (0.01 to 0)"));
}

TEST(DecodeRest, OldAndNewNotionalFiltersAreRead) {
  EXPECT_THAT(
      said(
          rules_of(
              R"("status":"TRADING","filters":[{"filterType":"MIN_NOTIONAL","minNotional":"10","applyToMarket":false,"avgPriceMins":5},{"filterType":"NOVEL","limit":"x"}])")
              .events.at(0)),
      HasSubstr("notional 10 to 0 market false/false"));
}

TEST(DecodeRest, DepthSnapshotIsOneRun) {
  const World world;
  Scratch scratch;
  RestAnswer made;
  ASSERT_EQ(decode_depth_snapshot(*sample("rest_depth.json"), world.symbols(), world.bnb_btc,
                                  scratch, made),
            DecodeError::none);
  EXPECT_EQ(made.last_update_id, 1'027'024U);
  EXPECT_THAT(said(made.events), ElementsAre("levels u1027024 last b4x431 a4.000002x12"));
  EXPECT_EQ(made.events[0].instrument, world.bnb_btc);
}

TEST(DecodeRest, KlinesArePastBarsWithAnExclusiveEnd) {
  const World world;
  Scratch scratch;
  RestAnswer made;
  ASSERT_EQ(decode_klines(*sample("rest_klines.json"), world.symbols(), scratch, made),
            DecodeError::none);
  EXPECT_THAT(said(made.events),
              ElementsAre("bar of 1 minute 1499040000+604800s 0.0163479 0.8 0.015758 0.015771 x "
                          "148976.11427815 of 308 past"));
  for (const char* wrong : {"[[1,\"2\"]]", "{}", "[[\"x\",1,2,3,4,5,6,7,8]]", "[[", ""}) {
    RestAnswer nothing;
    EXPECT_NE(decode_klines(wrong, world.symbols(), scratch, nothing), DecodeError::none) << wrong;
  }
}

TEST(DecodeResults, AssetLimitsAreThoseOfAssetsWithAnId) {
  using namespace domain::literals;
  const World world;
  Scratch scratch;
  std::vector<AssetLimit> limits;
  const Bytes told{
      R"({"assetFilters":[{"filterType":"MAX_ASSET","asset":"USDT","limit":"1000.5"},)"
      R"({"filterType":"MAX_ASSET","asset":"JPY","limit":"7"},{"filterType":"NEW"}]})"};
  ASSERT_EQ(decode_asset_limits(told.view(), world.symbols(), scratch, limits), DecodeError::none);
  ASSERT_EQ(limits.size(), 1U);
  EXPECT_EQ(limits[0].asset, world.usdt);
  EXPECT_EQ(limits[0].most, "1000.5"_usd);
  // Told again, it is changed and not doubled
  const Bytes again{R"({"assetFilters":[{"filterType":"MAX_ASSET","asset":"USDT","limit":"2"}]})"};
  ASSERT_EQ(decode_asset_limits(again.view(), world.symbols(), scratch, limits), DecodeError::none);
  ASSERT_EQ(limits.size(), 1U);
  EXPECT_EQ(limits[0].most, "2"_usd);
}

TEST(DecodeRest, ErrorsAreCodeAndWordsOrNeither) {
  Scratch scratch;
  RestAnswer known;
  decode_rest_error(*sample("error_rest_invalid_symbol.json"), scratch, known);
  EXPECT_EQ(known.venue_code, -1121);
  EXPECT_EQ(known.error, "Invalid symbol.");
  for (const char* body : {"<html>403 Forbidden</html>", "", "{", "{}", "[1]", R"({"code":"x"})"}) {
    RestAnswer other;
    decode_rest_error(body, scratch, other);
    EXPECT_EQ(other.venue_code, 0) << body;
    EXPECT_FALSE(other.error.empty()) << body;
  }
}

TEST(DecodeRest, ServerTimeIsRead) {
  Scratch scratch;
  RestAnswer made;
  ASSERT_EQ(decode_rest_time(*sample("rest_time.json"), scratch, made), DecodeError::none);
  EXPECT_EQ(made.server_time_ms, 1'499'827'319'559);
}

}  // namespace
}  // namespace halcyon::gateways::binance::testing
