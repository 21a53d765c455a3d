#include "gateways/coinbase/decode.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "domain/enum_name.h"
#include "support.h"

namespace halcyon::gateways::coinbase::testing {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace domain::literals;

/// A frame decoded, and what came of it in words.
struct Decoded {
  DecodeError error = DecodeError::none;
  Message message;
  std::vector<domain::Event> events;
  std::vector<std::string> lines;
};

Decoded decode_text(std::string_view text, std::size_t max_levels = max_snapshot_levels) {
  const World world;
  const auto symbols = world.symbols();
  Scratch scratch;
  Decoded out;
  // The message's texts point into the frame.
  static std::vector<std::unique_ptr<Bytes>> kept;
  const Bytes& bytes = *kept.emplace_back(std::make_unique<Bytes>(text));
  out.error = decode(bytes.frame(), *symbols, world.identity(), max_levels, scratch, out.events,
                     out.message);
  out.lines = said(out.events);
  return out;
}

#define WITH_SAMPLE(variable, name)                                 \
  const auto variable##_text = sample(name);                        \
  if (!variable##_text) GTEST_SKIP() << "needs ../shared/fixtures"; \
  const Decoded variable = decode_text(*variable##_text);           \
  EXPECT_EQ(variable.error, DecodeError::none)

// ---- Ids and times ------------------------------------------------------------------------------

TEST(ForeignIds, OfUuidsComeBackAsTheyWere) {
  const std::string text = "8bfc20d7-f7c6-4422-bf07-8243ca4169fe";
  const domain::ForeignId id = foreign_id(text);
  EXPECT_TRUE(is_uuid(id));
  std::string printed(36, ' ');
  print_uuid(id, printed.data());
  EXPECT_EQ(printed, text);
}

TEST(ForeignIds, OfAnotherShapeAreToldApartAndNeverPrinted) {
  for (const char* text : {"1111-11111-111111", "22222-2222222-22222222", "x",
                           "8bfc20d7-f7c6-4422-bf07-8243ca4169fg"}) {
    EXPECT_FALSE(is_uuid(foreign_id(text))) << text;
    EXPECT_FALSE(foreign_id(text).is_none()) << text;
  }
  EXPECT_NE(foreign_id("1111-11111-111111"), foreign_id("1111-11111-111112"));
  EXPECT_TRUE(foreign_id("").is_none());
}

TEST(Times, AreReadWithNoneToNineDecimals) {
  const struct {
    const char* text;
    std::int64_t ns;
  } rows[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"2026-09-30T02:39:53.670986313Z", 1'790'735'993'670'986'313},
      {"2026-09-30T02:39:53.6Z", 1'790'735'993'600'000'000},
      {"0001-01-01T00:00:00Z", 0},
  };
  for (const auto& row : rows) {
    domain::Timestamp time;
    ASSERT_TRUE(read_rfc3339(row.text, time)) << row.text;
    EXPECT_EQ(domain::to_unix_ns(time), row.ns) << row.text;
  }
  domain::Timestamp time;
  for (const char* wrong :
       {"", "2026-09-30", "2026-13-30T02:39:53Z", "2026-09-30T02:39:53", "2026-09-30T02:39:53.Z",
        "2026-09-30T02:39:53.1234567890Z", "2026-02-30T02:39:53Z", "9999-09-30T02:39:53Z"}) {
    EXPECT_FALSE(read_rfc3339(wrong, time)) << wrong;
  }
}

// ---- Every sample of the WebSocket --------------------------------------------------------------

TEST(Decode, TellsTheChannelAndTheNumberOfEverySample) {
  const struct {
    const char* file;
    Channel channel;
    std::uint64_t sequence;
    std::size_t events;
  } rows[] = {
      {"ws_heartbeats.json", Channel::heartbeats, 1, 0},
      {"ws_heartbeats_string_counter.json", Channel::heartbeats, 0, 0},
      {"ws_l2_snapshot.json", Channel::l2_data, 0, 0},  // a perpetual that is none of ours
      {"ws_l2_snapshot_sorted.json", Channel::l2_data, 0, 9},
      {"ws_l2_update.json", Channel::l2_data, 18, 1},
      {"ws_l2_update_future.json", Channel::l2_data, 229, 0},
      {"ws_market_trades_update.json", Channel::market_trades, 2, 2},
      {"ws_market_trades_snapshot.json", Channel::market_trades, 8, 20},
      {"ws_ticker.json", Channel::ticker, 0, 1},
      {"ws_ticker_batch.json", Channel::ticker_batch, 0, 0},
      {"ws_candles.json", Channel::candles, 0, 0},
      {"ws_status.json", Channel::status, 0, 0},
      {"ws_user_snapshot.json", Channel::user, 0, 0},
      {"ws_user_snapshot_empty.json", Channel::user, 0, 0},
      {"ws_user_update_partial.json", Channel::user, 7, 0},
      {"ws_user_update_cancelled.json", Channel::user, 9, 0},
      {"ws_futures_balance_summary.json", Channel::futures_balance_summary, 0, 0},
      {"ws_subscriptions_heartbeats.json", Channel::subscriptions, 0, 0},
      {"ws_subscriptions_two_channels.json", Channel::subscriptions, 2, 0},
      {"ws_subscriptions_user.json", Channel::subscriptions, 1, 0},
      {"ws_error_authentication.json", Channel::error, 0, 0},
      {"ws_error_subscribe.json", Channel::error, 0, 0},
  };
  for (const auto& row : rows) {
    const auto text = sample(row.file);
    if (!text) GTEST_SKIP() << "needs ../shared/fixtures";
    SCOPED_TRACE(row.file);
    const Decoded frame = decode_text(*text);
    EXPECT_EQ(frame.error, DecodeError::none) << domain::enum_name(frame.error);
    EXPECT_EQ(frame.message.channel, row.channel);
    EXPECT_EQ(frame.message.sequence, row.sequence);
    EXPECT_EQ(frame.message.has_sequence, row.channel != Channel::error);
    EXPECT_EQ(frame.events.size(), row.events);
  }
}

TEST(Decode, ABookUpdateSetsAndRemovesLevels) {
  WITH_SAMPLE(frame, "ws_l2_update.json");
  ASSERT_EQ(frame.message.books.size(), 1U);
  EXPECT_FALSE(frame.message.books[0].is_snapshot);
  const auto& levels = std::get<domain::BookLevels>(frame.events.at(0).what);
  EXPECT_EQ(levels.count, 2);
  EXPECT_EQ(levels.bids, 1);
  EXPECT_EQ(levels.levels[0].price, "43640.01"_px);
  EXPECT_TRUE(levels.levels[0].quantity.is_zero());
  EXPECT_EQ(levels.levels[1].price, "44162.87"_px);
  EXPECT_EQ(levels.levels[1].quantity, "0.77908682"_qty);
  EXPECT_EQ(levels.update_id, 18U);
  EXPECT_TRUE(levels.last);
  EXPECT_EQ(domain::to_unix_ns(frame.events[0].venue_time), 1'703'243'001'339'953'956);
}

/// A snapshot whose sides are mixed, as one recording has them.
constexpr std::string_view mixed_snapshot =
    R"({"channel":"l2_data","timestamp":"2026-09-30T02:39:53Z","sequence_num":4,"events":[{"type":"snapshot","product_id":"BTC-USD","updates":[)"
    R"({"side":"offer","event_time":"1970-01-01T00:00:00Z","price_level":"101","new_quantity":"1"},)"
    R"({"side":"bid","event_time":"1970-01-01T00:00:00Z","price_level":"98","new_quantity":"2"},)"
    R"({"side":"offer","event_time":"1970-01-01T00:00:00Z","price_level":"100.5","new_quantity":"3"},)"
    R"({"side":"bid","event_time":"1970-01-01T00:00:00Z","price_level":"99","new_quantity":"4"}]}]})";

TEST(Decode, ASnapshotIsOneRunWithItsBidsFirstWhateverItsOrder) {
  const Decoded frame = decode_text(mixed_snapshot);
  ASSERT_EQ(frame.events.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<domain::BookReset>(frame.events[0].what));
  const auto& levels = std::get<domain::BookLevels>(frame.events[1].what);
  EXPECT_EQ(levels.count, 4);
  EXPECT_EQ(levels.bids, 2);
  // Its own event times are of 1970: the envelope's is the book's
  EXPECT_EQ(domain::to_unix_ms(frame.events[1].venue_time), 1'790'735'993'000);
}

TEST(Decode, ADeepSnapshotIsCutToTheBestOfEachSide) {
  const Decoded frame = decode_text(mixed_snapshot, 1);
  EXPECT_EQ(frame.message.levels_cut, 2U);
  const auto& levels = std::get<domain::BookLevels>(frame.events.at(1).what);
  EXPECT_EQ(levels.count, 2);
  EXPECT_EQ(levels.levels[0].price, "99"_px);
  EXPECT_EQ(levels.levels[1].price, "100.5"_px);
}

TEST(Decode, TradesComeOldestFirstWithTheTakersSide) {
  WITH_SAMPLE(frame, "ws_market_trades_update.json");
  // "side" BUY is the maker's: who came sold
  EXPECT_THAT(frame.lines, ElementsAre("trade 2375.56 x 0.5 #22381690 seller",
                                       "trade 2375.56 x 0.5 #22381691 seller"));
  EXPECT_EQ(frame.events[0].instrument, World{}.eth_usdt);
  EXPECT_FALSE(frame.message.is_trade_snapshot);
  WITH_SAMPLE(old, "ws_market_trades_snapshot.json");
  EXPECT_TRUE(old.message.is_trade_snapshot);
}

TEST(Decode, ATickerIsAQuoteWhereItHasBothSides) {
  WITH_SAMPLE(frame, "ws_ticker.json");
  const auto& quote = std::get<domain::Quote>(frame.events.at(0).what);
  EXPECT_EQ(quote.bid, "21931.98"_px);
  EXPECT_EQ(quote.bid_quantity, "8000.21"_qty);
  EXPECT_EQ(quote.ask, "21933.98"_px);
  EXPECT_EQ(quote.ask_quantity, "8038.07770938"_qty);
}

TEST(Decode, CandlesStatusHeartbeatsAndSubscriptionsAreInTheMessage) {
  WITH_SAMPLE(candles, "ws_candles.json");
  ASSERT_EQ(candles.message.candles.size(), 1U);
  EXPECT_EQ(candles.message.candles[0].high, "1867.72"_px);
  EXPECT_EQ(candles.message.candles[0].volume, "0.20269406"_qty);
  EXPECT_EQ(candles.message.candles[0].start, domain::Timestamp{std::chrono::seconds{1688998200}});
  WITH_SAMPLE(status, "ws_status.json");
  ASSERT_EQ(status.message.products.size(), 1U);
  EXPECT_TRUE(status.message.products[0].is_online);
  WITH_SAMPLE(beat, "ws_heartbeats.json");
  EXPECT_EQ(beat.message.heartbeat, 66987U);
  WITH_SAMPLE(text_beat, "ws_heartbeats_string_counter.json");
  EXPECT_EQ(text_beat.message.heartbeat, 3049U);
  WITH_SAMPLE(two, "ws_subscriptions_two_channels.json");
  EXPECT_EQ(two.message.subscribed,
            Message::bit(Channel::heartbeats) | Message::bit(Channel::l2_data));
  WITH_SAMPLE(error, "ws_error_authentication.json");
  EXPECT_EQ(error.message.text, "authentication failure");
}

TEST(Decode, AUserUpdateHasTotalsAndWhatIsLeftWhileItLives) {
  WITH_SAMPLE(frame, "ws_user_update_partial.json");
  ASSERT_EQ(frame.message.orders.size(), 1U);
  const OrderRow& row = frame.message.orders[0];
  EXPECT_EQ(row.status, OrderWord::open);
  EXPECT_EQ(row.side, domain::Side::sell);
  EXPECT_EQ(row.filled, "0.1"_qty);
  EXPECT_EQ(row.quantity, "0.3"_qty);
  EXPECT_TRUE(row.has_quantity);
  EXPECT_EQ(row.filled_value, "6000.01"_usd);
  EXPECT_EQ(row.fees, "2.400004"_usd);
  EXPECT_EQ(row.limit_price, "60000.1"_px);
  EXPECT_EQ(row.client_id, "hal-000000000001");
  EXPECT_TRUE(row.order.is_none());  // not our prefix
  WITH_SAMPLE(ended, "ws_user_update_cancelled.json");
  EXPECT_EQ(ended.message.orders.at(0).status, OrderWord::cancelled);
  EXPECT_FALSE(ended.message.orders.at(0).has_quantity);  // its end says that 0 are left
  EXPECT_EQ(ended.message.orders.at(0).words, "User requested cancel");
}

std::string user_frame(std::string_view fields) {
  return R"({"channel":"user","timestamp":"2026-09-30T02:37:16Z","sequence_num":1,"events":[{"type":"update","orders":[{"order_id":"11111111-2222-4333-8444-000000000001","client_order_id":"alpha-main-1kq5p00-1","product_id":"BTC-USD","order_side":"BUY","order_type":"Limit",)" +
         std::string{fields} + "}]}]}";
}

TEST(Decode, EveryStatusHasOneMeaning) {
  const struct {
    const char* status;
    const char* filled;
    std::optional<domain::VenueOrderStatus> meaning;
  } rows[] = {
      {"PENDING", "0", domain::VenueOrderStatus::pending},
      {"QUEUED", "0", domain::VenueOrderStatus::pending},
      {"OPEN", "0", domain::VenueOrderStatus::working},
      {"OPEN", "0.5", domain::VenueOrderStatus::partially_filled},
      {"EDIT_QUEUED", "0", domain::VenueOrderStatus::working},
      {"CANCEL_QUEUED", "0.5", domain::VenueOrderStatus::partially_filled},
      {"FILLED", "1", domain::VenueOrderStatus::filled},
      {"CANCELLED", "0.5", domain::VenueOrderStatus::canceled},
      {"EXPIRED", "0", domain::VenueOrderStatus::expired},
      {"FAILED", "0", domain::VenueOrderStatus::rejected},
      {"UNKNOWN_ORDER_STATUS", "0", std::nullopt},
      {"SOMETHING_NEW", "0", std::nullopt},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.status);
    const Decoded frame = decode_text(user_frame(std::string{R"("status":")"} + row.status +
                                                 R"(","cumulative_quantity":")" + row.filled +
                                                 R"(","avg_price":"3")"));
    ASSERT_EQ(frame.error, DecodeError::none);
    domain::OrderReport report;
    const bool has_meaning =
        report_of(frame.message.orders.at(0), domain::Source::private_stream, report);
    EXPECT_EQ(has_meaning, row.meaning.has_value());
    if (row.meaning) {
      EXPECT_EQ(report.status, *row.meaning);
    }
    EXPECT_EQ(frame.message.orders.at(0).order, (domain::OrderId{1'735'579'648, 1}));
  }
}

TEST(Decode, AnAverageOfManyDigitsIsRoundedAndItsValueIsTheVenues) {
  const Decoded frame = decode_text(user_frame(
      R"("status":"OPEN","cumulative_quantity":"0.3","avg_price":"60000.2666666666666667",)"
      R"("filled_value":"18000.08","leaves_quantity":"0.1")"));
  ASSERT_EQ(frame.error, DecodeError::none);
  EXPECT_EQ(frame.message.orders[0].filled_value, "18000.08"_usd);
  // Without the value it is made of the average
  const Decoded other = decode_text(user_frame(
      R"("status":"OPEN","cumulative_quantity":"0.3","avg_price":"60000.2666666666666667")"));
  EXPECT_EQ(other.message.orders[0].filled_value, "18000.08"_usd);
}

TEST(Decode, NamesWhatIsWrongWithAFrameAndAppendsNothing) {
  const struct {
    const char* name;
    std::string text;
    DecodeError error;
  } rows[] = {
      {"empty", "", DecodeError::truncated},
      {"cut", std::string{mixed_snapshot.substr(0, 300)}, DecodeError::truncated},
      {"no_channel", R"({"timestamp":"2026-09-30T02:37:16Z"})", DecodeError::missing_field},
      {"no_number", R"({"channel":"l2_data","events":[]})", DecodeError::missing_field},
      {"negative_number", R"({"channel":"l2_data","sequence_num":-1,"events":[]})",
       DecodeError::bad_number},
      {"ten_decimals",
       R"({"channel":"l2_data","sequence_num":1,"events":[{"type":"update","product_id":"BTC-USD","updates":[{"side":"bid","price_level":"1.1234567891","new_quantity":"1"}]}]})",
       DecodeError::bad_number},
      {"a_price_that_is_a_number",
       R"({"channel":"l2_data","sequence_num":1,"events":[{"type":"update","product_id":"BTC-USD","updates":[{"side":"bid","price_level":1,"new_quantity":"1"}]}]})",
       DecodeError::wrong_type},
      {"a_third_side",
       R"({"channel":"l2_data","sequence_num":1,"events":[{"type":"update","product_id":"BTC-USD","updates":[{"side":"ask","price_level":"1","new_quantity":"1"}]}]})",
       DecodeError::bad_word},
      {"a_third_type",
       R"({"channel":"l2_data","sequence_num":1,"events":[{"type":"other","product_id":"BTC-USD","updates":[]}]})",
       DecodeError::bad_word},
      {"an_order_without_id",
       R"({"channel":"user","sequence_num":1,"events":[{"type":"update","orders":[{"product_id":"BTC-USD","order_side":"BUY","status":"OPEN"}]}]})",
       DecodeError::missing_field},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const Decoded frame = decode_text(row.text);
    EXPECT_EQ(frame.error, row.error) << domain::enum_name(frame.error);
    EXPECT_THAT(frame.events, IsEmpty());
    EXPECT_THAT(frame.message.orders, IsEmpty());
  }
}

TEST(Decode, ANumberThatWasReadStandsAfterAnErrorToo) {
  const Decoded frame = decode_text(
      R"({"channel":"l2_data","sequence_num":17,"events":[{"type":"update","product_id":"BTC-USD"}]})");
  EXPECT_NE(frame.error, DecodeError::none);
  EXPECT_TRUE(frame.message.has_sequence);
  EXPECT_EQ(frame.message.sequence, 17U);
  EXPECT_EQ(frame.message.channel, Channel::l2_data);
}

// ---- REST ---------------------------------------------------------------------------------------

class Rest : public ::testing::Test {
 protected:
  World world;
  std::shared_ptr<const Symbols> symbols = world.symbols();
  RestContext context{symbols.get(), world.identity()};
  Scratch scratch;
  RestAnswer answer;
  const Page& page() const { return *static_cast<const Page*>(answer.extra.get()); }
  std::vector<std::string> lines() const { return said(answer.events, answer.remarks); }
};

#define WITH_BODY(variable, name)     \
  const auto variable = sample(name); \
  if (!variable) GTEST_SKIP() << "needs ../shared/fixtures"

TEST_F(Rest, ProductsAreRulesWithTheTickOfPricesAndNotOfMoney) {
  WITH_BODY(body, "rest_products.json");
  ASSERT_EQ(decode_products(*body, context, scratch, answer), DecodeError::none);
  ASSERT_EQ(answer.events.size(), 2U);
  EXPECT_EQ(answer.error, "");
  const auto& rules = std::get<domain::InstrumentRules>(answer.events[0].what);
  EXPECT_EQ(answer.events[0].instrument, world.btc_usd);
  EXPECT_EQ(answer.events[1].instrument, world.btc_usdc);
  EXPECT_EQ(rules.tick, "0.01"_px);
  EXPECT_EQ(rules.lot, "0.00000001"_qty);
  EXPECT_EQ(rules.max_quantity, "3400"_qty);
  EXPECT_EQ(rules.min_notional, "1"_usd);
  EXPECT_EQ(rules.max_notional, "150000000"_usd);
  EXPECT_EQ(rules.status, domain::InstrumentStatus::trading);
  WITH_BODY(one, "rest_product_btc_usd.json");
  RestAnswer single;
  ASSERT_EQ(decode_products(*one, context, scratch, single), DecodeError::none);
  EXPECT_EQ(single.events.size(), 1U);
}

std::string product(std::string_view more) {
  return R"({"product_id":"ETH-USD","base_increment":"0.00000001","quote_increment":"0.01","price_increment":"5","alias":"","status":"online")" +
         std::string{more} + "}";
}

TEST_F(Rest, AProductTakesWhatItsFlagsSay) {
  const struct {
    const char* name;
    const char* flags;
    domain::InstrumentStatus status;
  } rows[] = {
      {"online", "", domain::InstrumentStatus::trading},
      {"disabled", R"(,"is_disabled":true)", domain::InstrumentStatus::halted},
      {"no_trading", R"(,"trading_disabled":true)", domain::InstrumentStatus::halted},
      {"view_only", R"(,"view_only":true)", domain::InstrumentStatus::halted},
      {"cancel_only", R"(,"cancel_only":true)", domain::InstrumentStatus::cancel_only},
      {"post_only", R"(,"post_only":true)", domain::InstrumentStatus::cancel_only},
      {"auction", R"(,"auction_mode":true)", domain::InstrumentStatus::cancel_only},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    RestAnswer one;
    ASSERT_EQ(decode_products(product(row.flags), context, scratch, one), DecodeError::none);
    const auto& rules = std::get<domain::InstrumentRules>(one.events.at(0).what);
    EXPECT_EQ(rules.status, row.status);
    EXPECT_EQ(rules.tick, "5"_px);
  }
}

TEST_F(Rest, AProductThatCannotBeRepresentedOrSharesAnotherBookIsNamed) {
  ASSERT_EQ(decode_products(
                R"({"product_id":"ETH-USD","base_increment":"0.0000000001","price_increment":"1"})",
                context, scratch, answer),
            DecodeError::none);
  EXPECT_THAT(answer.events, IsEmpty());
  EXPECT_THAT(answer.error, HasSubstr("ETH-USD"));
  RestAnswer other;
  ASSERT_EQ(
      decode_products(
          R"({"product_id":"ETH-USD","base_increment":"1","price_increment":"1","alias":"ETH-EUR"})",
          context, scratch, other),
      DecodeError::none);
  EXPECT_THAT(other.events, IsEmpty());
  EXPECT_THAT(other.error, HasSubstr("shares the book of ETH-EUR"));
}

TEST_F(Rest, AListOfOrdersIsReportsAndAnEnd) {
  WITH_BODY(body, "rest_orders_list.json");
  ASSERT_EQ(decode_orders(*body, context, domain::Source::list_query, scratch, answer),
            DecodeError::none);
  EXPECT_EQ(page().count, 2U);
  EXPECT_EQ(page().cursor, "");
  ASSERT_EQ(answer.events.size(), 2U);
  const auto& first = std::get<domain::OrderReport>(answer.events[0].what);
  EXPECT_EQ(first.status, domain::VenueOrderStatus::working);
  EXPECT_EQ(first.quantity, "0.01"_qty);
  EXPECT_EQ(first.limit_price, "45000"_px);
  EXPECT_EQ(first.source, domain::Source::list_query);
  EXPECT_EQ(answer.remarks.at(0), "11111-000000-000001");  // whose it is
  const auto& second = std::get<domain::OrderReport>(answer.events[1].what);
  EXPECT_EQ(second.status, domain::VenueOrderStatus::filled);
  EXPECT_EQ(second.filled, "0.0325"_qty);
  EXPECT_EQ(second.filled_quote, "100"_usd);
  EXPECT_EQ(second.type, domain::OrderType::market);
  RestAnswer none;
  WITH_BODY(empty, "rest_orders_list_empty.json");
  ASSERT_EQ(decode_orders(*empty, context, domain::Source::list_query, scratch, none),
            DecodeError::none);
  EXPECT_THAT(none.events, IsEmpty());
}

TEST_F(Rest, OneOrderStandsUnderItsOwnName) {
  WITH_BODY(body, "rest_order.json");
  ASSERT_EQ(decode_orders(*body, context, domain::Source::single_query, scratch, answer),
            DecodeError::none);
  const auto& report = std::get<domain::OrderReport>(answer.events.at(0).what);
  EXPECT_EQ(report.status, domain::VenueOrderStatus::partially_filled);
  EXPECT_EQ(report.source, domain::Source::single_query);
}

TEST_F(Rest, AListThatHasMoreButNoCursorIsNoAnswer) {
  EXPECT_EQ(decode_orders(R"({"orders":[],"has_next":true,"cursor":""})", context,
                          domain::Source::list_query, scratch, answer),
            DecodeError::missing_field);
  RestAnswer more;
  ASSERT_EQ(decode_orders(R"({"orders":[],"has_next":true,"cursor":"abc"})", context,
                          domain::Source::list_query, scratch, more),
            DecodeError::none);
  EXPECT_EQ(static_cast<const Page*>(more.extra.get())->cursor, "abc");
}

TEST_F(Rest, FillsAreExecutionsWithTheirFee) {
  WITH_BODY(body, "rest_fills.json");
  ASSERT_EQ(decode_fills(*body, context, scratch, answer), DecodeError::none);
  ASSERT_EQ(answer.events.size(), 2U);
  const auto& fill = std::get<domain::Execution>(answer.events[0].what);
  EXPECT_EQ(fill.price, "45123.45"_px);
  EXPECT_EQ(fill.quantity, "0.005"_qty);
  EXPECT_EQ(fill.quote_amount, "225.61725"_usd);
  EXPECT_EQ(fill.fee, "1.14"_usd);
  EXPECT_EQ(fill.fee_asset, world.usd);
  EXPECT_EQ(fill.liquidity, domain::Liquidity::maker);
  EXPECT_EQ(fill.source, domain::Source::trade_record);
  EXPECT_EQ(fill.trade, foreign_id("1111-11111-111111"));
  EXPECT_EQ(page().cursor, "");
}

std::string fill_row(std::string_view more) {
  return R"({"fills":[{"trade_id":"t1","order_id":"o1","trade_time":"2024-01-15T10:30:00Z","price":"50","product_id":"BTC-USD","side":"BUY",)" +
         std::string{more} + R"(}],"cursor":""})";
}

TEST_F(Rest, AFillInQuoteCurrencyIsDividedByItsPrice) {
  ASSERT_EQ(decode_fills(fill_row(R"("size":"10","size_in_quote":true)"), context, scratch, answer),
            DecodeError::none);
  const auto& fill = std::get<domain::Execution>(answer.events.at(0).what);
  EXPECT_EQ(fill.quantity, "0.2"_qty);
  EXPECT_EQ(fill.quote_amount, "10"_usd);
}

TEST_F(Rest, ATradeTakenBackOrSaidAnewIsNoFill) {
  for (const bool is_bust : {true, false}) {
    RestAnswer one;
    ASSERT_EQ(decode_fills(fill_row(std::string{R"("size":"1","trade_type":")"} +
                                    (is_bust ? "REVERSAL" : "CORRECTION") + "\""),
                           context, scratch, one),
              DecodeError::none);
    EXPECT_EQ(std::get<domain::TradeCorrected>(one.events.at(0).what).is_bust, is_bust);
  }
  ASSERT_EQ(
      decode_fills(fill_row(R"("size":"1","trade_type":"NEW_KIND")"), context, scratch, answer),
      DecodeError::none);
  EXPECT_THAT(answer.events, IsEmpty());
  EXPECT_EQ(page().unknown_words, 1U);
}

TEST_F(Rest, AccountsAreBalancesOfWhatHasAName) {
  WITH_BODY(body, "rest_accounts_balances.json");
  ASSERT_EQ(decode_accounts(*body, context, scratch, answer), DecodeError::none);
  ASSERT_EQ(answer.events.size(), 2U);
  const auto& btc = std::get<domain::Balance>(answer.events[0].what);
  EXPECT_EQ(btc.asset, world.btc);
  EXPECT_EQ(btc.free, "1.23456789"_usd);
  EXPECT_EQ(btc.locked, "0.005"_usd);
  RestAnswer recorded;
  WITH_BODY(other, "rest_accounts.json");
  ASSERT_EQ(decode_accounts(*other, context, scratch, recorded), DecodeError::none);
  EXPECT_EQ(recorded.events.size(), 1U);  // nobody named SGD, and there is none of it
}

TEST_F(Rest, TimeCandlesTradesAndBookAreRead) {
  WITH_BODY(time, "rest_time.json");
  ASSERT_EQ(decode_time(*time, scratch, answer), DecodeError::none);
  EXPECT_EQ(answer.server_time_ms, 1'790'735'849'298);
  WITH_BODY(candles, "rest_candles.json");
  std::vector<CandleRow> rows;
  ASSERT_EQ(decode_candles(*candles, scratch, rows), DecodeError::none);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].close, "66181.6"_px);
  WITH_BODY(trades, "rest_market_trades.json");
  ASSERT_EQ(decode_recent_trades(*trades, context, scratch, answer), DecodeError::none);
  EXPECT_THAT(lines(), ElementsAre("trade 68924.94 x 0.01450854 #995098661 seller",
                                   "trade 68923.67 x 0.00123858 #995098662 buyer",
                                   "trade 68923.67 x 0.00064 #995098663 buyer"));
  RestAnswer book;
  WITH_BODY(levels, "rest_product_book.json");
  ASSERT_EQ(decode_product_book(*levels, context, scratch, book), DecodeError::none);
  EXPECT_EQ(book.events.size(), 2U);
}

TEST_F(Rest, AnOrderAnswerIsLookedIntoWhateverItsStatus) {
  const struct {
    const char* file;
    bool success;
    const char* reason;
  } rows[] = {
      {"rest_create_order_success.json", true, ""},
      {"rest_create_order_success_legacy.json", true, ""},
      {"err_create_insufficient_fund.json", false, "PREVIEW_INSUFFICIENT_FUND"},
      {"err_create_post_only_would_cross.json", false, "INVALID_LIMIT_PRICE_POST_ONLY"},
      {"err_create_unsupported_configuration.json", false, "UNSUPPORTED_ORDER_CONFIGURATION"},
  };
  for (const auto& row : rows) {
    WITH_BODY(text, row.file);
    SCOPED_TRACE(row.file);
    const json whole = json::parse(*text);
    OrderAnswer said;
    ASSERT_EQ(decode_create(whole.contains("body") ? whole["body"].dump() : *text, scratch, said),
              DecodeError::none);
    EXPECT_EQ(said.success, row.success);
    EXPECT_EQ(said.reason, row.reason);
    EXPECT_EQ(said.venue_order.is_none(), !row.success);
  }
  OrderAnswer said;
  WITH_BODY(edit, "err_edit_below_filled.json");
  ASSERT_EQ(decode_edit(json::parse(*edit)["body"].dump(), scratch, said), DecodeError::none);
  EXPECT_EQ(said.reason, "CANNOT_EDIT_TO_BELOW_FILLED_SIZE");
  WITH_BODY(edited, "rest_edit_success.json");
  ASSERT_EQ(decode_edit(*edited, scratch, said), DecodeError::none);
  EXPECT_TRUE(said.success);
  std::vector<OrderAnswer> cancels;
  WITH_BODY(cancel, "rest_cancel_response.json");
  ASSERT_EQ(decode_cancel(*cancel, scratch, cancels), DecodeError::none);
  ASSERT_EQ(cancels.size(), 2U);
  EXPECT_TRUE(cancels[0].success);
  EXPECT_EQ(cancels[0].reason, "");
  EXPECT_EQ(cancels[1].reason, "UNKNOWN_CANCEL_ORDER");
  WITH_BODY(preview, "rest_preview_response.json");
  PreviewAnswer cost;
  ASSERT_EQ(decode_preview(*preview, scratch, cost), DecodeError::none);
  EXPECT_EQ(cost.total, "10.06"_usd);
  EXPECT_EQ(cost.commission, "0.06"_usd);
  EXPECT_THAT(cost.errors, IsEmpty());
}

TEST_F(Rest, AnErrorBodyHasACodeAndWordsInEitherShape) {
  const struct {
    const char* file;
    const char* code;
    const char* words;
  } rows[] = {
      {"err_http_401.json", "UNAUTHORIZED", "Unauthorized"},
      {"err_http_403_scopes.json", "PERMISSION_DENIED", "Missing required scopes"},
      {"err_http_404_product.json", "NOT_FOUND", "product not found"},
      {"err_http_429_app.json", "rate_limit_exceeded", "Too many requests"},
      {"err_http_429_v3.json", "RATE_LIMIT_EXCEEDED", "Too many requests"},
      {"err_http_default.json", "INVALID_ARGUMENT", "order_configuration is required"},
  };
  for (const auto& row : rows) {
    WITH_BODY(text, row.file);
    SCOPED_TRACE(row.file);
    ErrorAnswer refusal;
    decode_error(json::parse(*text)["body"].dump(), scratch, refusal);
    EXPECT_EQ(refusal.code, row.code);
    EXPECT_EQ(refusal.words, row.words);
  }
  ErrorAnswer plain;
  decode_error("Unauthorized\n", scratch, plain);
  EXPECT_EQ(plain.words, "Unauthorized ");
}

}  // namespace
}  // namespace halcyon::gateways::coinbase::testing
