#include "gateways/alpaca/decode.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "domain/enum_name.h"
#include "gateways/alpaca/amounts.h"
#include "gateways/alpaca/errors.h"
#include "gateways/alpaca/message_pack.h"
#include "gateways/venue_text.h"
#include "support.h"

namespace halcyon::gateways::alpaca::testing {
namespace {

using domain::enum_name;
using domain::to_string;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAreArray;
using namespace domain::literals;

// ---- What was decoded, in words -----------------------------------------------------------------

std::string said(const domain::Event& event) {
  if (const auto* trade = std::get_if<domain::Trade>(&event.what)) {
    return fmt::format("trade {} x {} #{} {}", to_string(trade->price), to_string(trade->quantity),
                       trade->venue_id, enum_name(trade->aggressor));
  }
  if (const auto* quote = std::get_if<domain::Quote>(&event.what)) {
    return fmt::format("quote {} x {} / {} x {}", to_string(quote->bid),
                       to_string(quote->bid_quantity), to_string(quote->ask),
                       to_string(quote->ask_quantity));
  }
  if (std::holds_alternative<domain::BookReset>(event.what)) return "reset";
  if (const auto* levels = std::get_if<domain::BookLevels>(&event.what)) {
    std::string line = levels->last ? "levels, last" : "levels";
    for (int index = 0; index < levels->count; ++index) {
      const auto& level = levels->levels[static_cast<std::size_t>(index)];
      line += fmt::format(" {} {} x {}", index < levels->bids ? "bid" : "ask",
                          to_string(level.price), to_string(level.quantity));
    }
    return line;
  }
  return "?";
}

struct Decoded {
  DecodeError error = DecodeError::none;
  std::unique_ptr<Bytes> bytes;
  Scratch scratch;
  Message message;
  std::vector<domain::Event> events;

  /// Everything that was said, one line each.
  std::vector<std::string> lines() const {
    const World world;
    const auto name = [&](domain::InstrumentId id) { return world.catalog.instrument(id).symbol; };
    std::vector<std::string> out;
    if (message.is_connected) out.emplace_back("connected");
    if (message.is_authenticated) out.emplace_back("authenticated");
    for (const auto& event : events) out.push_back(name(event.instrument) + ' ' + said(event));
    for (const BarRow& bar : message.bars) {
      out.push_back(fmt::format("{} {} bar {} {} {} {} v {} n {}", name(bar.instrument),
                                enum_name(bar.kind), to_string(bar.open), to_string(bar.high),
                                to_string(bar.low), to_string(bar.close), to_string(bar.volume),
                                bar.trades));
    }
    for (const StatusRow& row : message.statuses) {
      out.push_back(fmt::format("{} {} {} {} {}", name(row.instrument),
                                !row.is_known   ? "unknown"
                                : row.is_halted ? "halted"
                                                : "trading",
                                row.code, row.reason_code, row.tape));
    }
    for (const BandRow& row : message.bands) {
      out.push_back(fmt::format("{} bands {} {} {}", name(row.instrument), to_string(row.down),
                                to_string(row.up), row.indicator));
    }
    for (const TradeChange& row : message.changes) {
      out.push_back(
          fmt::format("{} {} {} #{} {} x {}{}", name(row.instrument),
                      row.is_cancel ? "cancel" : "correction", row.exchange, row.original_id,
                      to_string(row.original_price), to_string(row.original_quantity),
                      row.is_cancel ? fmt::format(" {}", row.action)
                                    : fmt::format(" -> #{} {} x {}", row.id, to_string(row.price),
                                                  to_string(row.quantity))));
    }
    for (const ImbalanceRow& row : message.imbalances) {
      out.push_back(fmt::format("{} imbalance {}", name(row.instrument), to_string(row.price)));
    }
    for (const Subscribed& row : message.subscribed) {
      const bool is_all = row.instrument == domain::no<domain::InstrumentId>;
      out.push_back(
          fmt::format("{} {}", enum_name(row.channel), is_all ? "*" : name(row.instrument)));
    }
    for (const StreamError& row : message.errors) {
      out.push_back(fmt::format("error {} {}", row.code, row.words));
    }
    return out;
  }
};

Decoded decoded(std::string_view text) {
  Decoded out;
  out.bytes = std::make_unique<Bytes>(text);
  out.error = decode(out.bytes->frame(), World{}.symbols(), out.scratch, out.events, out.message);
  return out;
}

#define NEEDS_SAMPLE(text) \
  if (!(text)) GTEST_SKIP() << "needs ../shared/fixtures"

// ---- Every sample of the market data stream -----------------------------------------------------

struct MarketRow {
  const char* file;
  std::vector<std::string> lines;
};

const std::vector<MarketRow>& market_rows() {
  static const std::vector<MarketRow> rows{
      {"md_connected.json", {"connected"}},
      {"md_authenticated.json", {"authenticated"}},
      {"md_trade.json", {"AAPL trade 126.55 x 1 #96921 unknown"}},
      {"md_trades_batch.json",
       {"AAPL trade 162.92 x 3 #628 unknown", "AAPL trade 162.92 x 3 #75 unknown",
        "AAPL trade 162.91 x 71 #1465 unknown"}},
      // Round lots, told in shares
      {"md_quote.json", {"AMD quote 91.95 x 200 / 91.98 x 100"}},
      {"md_bar.json", {"SPY minute bar 388.985 389.13 388.975 389.12 v 49378 n 0"}},
      {"md_bar_test.json", {"FAKEPACA minute bar 132.65 136 132.12 134.65 v 205 n 16"}},
      {"md_bar_daily.json", {"SPY daily bar 388.985 389.13 388.975 389.12 v 749378 n 0"}},
      {"md_bar_updated.json", {"SPY updated bar 388.985 389.13 388.975 389.12 v 49400 n 461"}},
      {"md_status.json", {"AAPL halted H T12 C"}},
      {"md_luld.json", {"IONM bands 2.65 3.24 B"}},
      {"md_correction.json",
       {"EEM correction M #52983525033527 39.1582 x 440000 -> #52983525034326 39.1809 x 440000"}},
      {"md_cancel_error.json", {"GOOGL cancel D #465 105.31 x 300 C"}},
      {"md_imbalance.json", {"INAQU imbalance 9.12"}},
      // An id that a double would lose, a size of nine decimals
      {"md_crypto_trade.json",
       {"AVAX/USD trade 47.299 x 29.205707815 #3447222699101865076 seller"}},
      {"md_crypto_quote.json", {"BAT/USD quote 0.35718 x 13445.46 / 0.3581 x 13561.902"}},
      {"md_crypto_bar.json",
       {"BTC/USD minute bar 47993.71 48000 47976.69 47982.6 v 1.66283276 n 162"}},
      {"md_crypto_bar_no_trades.json",
       {"BTC/USD minute bar 71856.1435 71856.1435 71856.1435 71856.1435 v 0 n 0"}},
      {"md_orderbook_reset.json",
       {"BTC/USD reset",
        "BTC/USD levels bid 71859.53 x 0.27994 bid 71849.4 x 0.553986 bid 71820.469 x 0.83495 ask "
        "71939.7 x 0.83953 ask 71940.4 x 0.28025",
        "BTC/USD levels, last ask 71950.715 x 0.555928"}},
      {"md_orderbook_update.json", {"MKR/USD levels, last ask 2614.587 x 12.5308"}},
      {"md_orderbook_remove.json", {"CRV/USD levels, last bid 0.7904 x 0"}},
      {"md_subscription.json",
       {"trades AAPL", "quotes AMD", "bars *", "daily_bars VOO", "statuses *", "corrections AAPL",
        "cancel_errors AAPL"}},
      {"md_subscription_crypto.json", {"trades BTC/USD", "quotes ETH/USD", "orderbooks BTC/USD"}},
  };
  return rows;
}

TEST(MarketFrames, OfEverySampleSayWhatIsStated) {
  for (const MarketRow& row : market_rows()) {
    SCOPED_TRACE(row.file);
    const auto text = sample(row.file);
    NEEDS_SAMPLE(text);
    const Decoded frame = decoded(*text);
    EXPECT_EQ(frame.error, DecodeError::none) << enum_name(frame.error);
    EXPECT_EQ(frame.lines(), row.lines);
  }
}

/// Keys in the order of the alphabet, which is none of the venue's.
std::vector<std::uint8_t> packed(const json& value) { return json::to_msgpack(value); }

TEST(MarketFrames, SayTheSameAsMessagePack) {
  for (const MarketRow& row : market_rows()) {
    SCOPED_TRACE(row.file);
    const auto text = sample(row.file);
    NEEDS_SAMPLE(text);
    const auto bytes = packed(json::parse(*text));
    const Decoded frame = decoded({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    EXPECT_EQ(frame.error, DecodeError::none) << enum_name(frame.error);
    EXPECT_THAT(frame.lines(), UnorderedElementsAreArray(row.lines));
  }
}

TEST(MarketFrames, OfTheVenuesMessagePackHaveTheirTimes) {
  const struct {
    const char* file;
    const char* same;
  } rows[] = {{"md_frame_msgpack_trade.json", "md_trade.json"},
              {"md_frame_msgpack_bar.json", "md_bar_test.json"}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.file);
    const auto bytes = binary_sample(row.file);
    const auto text = sample(row.same);
    NEEDS_SAMPLE(bytes && text);
    const Decoded binary = decoded(*bytes);
    const Decoded plain = decoded(*text);
    EXPECT_EQ(binary.error, DecodeError::none);
    EXPECT_EQ(binary.lines(), plain.lines());
    ASSERT_EQ(binary.events.size(), plain.events.size());
    for (std::size_t at = 0; at < plain.events.size(); ++at) {
      EXPECT_EQ(binary.events[at].venue_time, plain.events[at].venue_time);
    }
    for (std::size_t at = 0; at < plain.message.bars.size(); ++at) {
      EXPECT_EQ(binary.message.bars[at].start, plain.message.bars[at].start);
    }
  }
}

TEST(MarketFrames, OfEveryErrorHaveTheirRowInTheTable) {
  const auto text = sample("md_errors.json");
  NEEDS_SAMPLE(text);
  const json frames = json::parse(*text);
  EXPECT_EQ(frames.size(), std::size(stream_rows));
  for (const json& one : frames) {
    const Decoded frame = decoded(one.dump());
    ASSERT_EQ(frame.message.errors.size(), 1U);
    const StreamError& error = frame.message.errors[0];
    const auto* const row =
        std::find_if(std::begin(stream_rows), std::end(stream_rows),
                     [&](const auto& known) { return known.code == error.code; });
    ASSERT_NE(row, std::end(stream_rows)) << error.code;
    EXPECT_EQ(row->meaning, error.words);
  }
  EXPECT_EQ(react_to(409), StreamReaction::stop);
  EXPECT_EQ(react_to(599), StreamReaction::reconnect);
}

TEST(MarketFrames, HoldSeveralKindsAndKeysInAnyOrder) {
  const Decoded frame = decoded(
      R"([{"p":1.5,"t":"2026-01-05T14:30:00Z","s":2,"i":7,"S":"AAPL","T":"t"},)"
      R"({"T":"n","id":1,"b":["not a level"],"symbols":["AAPL"]},{"S":"NOBODY","T":"q"},)"
      R"({"a":"C","T":"q","t":"2026-01-05T14:30:00Z","bp":1,"bs":1,"ap":0,"as":0,"S":"AAPL"},)"
      R"({"T":"q","S":"NOBODY","t":"2026-01-05T14:30:00Z","bp":1,"bs":1,"ap":2,"as":1}])");
  // The first quote lacks its time, which a frame cannot be understood without
  EXPECT_EQ(frame.error, DecodeError::missing_field);
  EXPECT_THAT(frame.lines(), IsEmpty());
  const Decoded good = decoded(
      R"([{"p":1.5,"t":"2026-01-05T14:30:00Z","s":2,"i":7,"S":"AAPL","T":"t"},)"
      R"({"T":"n","id":1,"b":["not a level"],"symbols":["AAPL"]},)"
      R"({"t":"2026-01-05T14:30:00Z","bp":1,"bs":1,"ap":0,"as":0,"S":"AAPL","T":"q"},)"
      R"({"T":"q","S":"NOBODY","t":"2026-01-05T14:30:00Z","bp":1,"bs":1,"ap":2,"as":1},)"
      R"({"asks":1,"t":"2026-01-05T14:30:00Z","bp":1.25,"bs":3,"ap":1.5,"as":1,"S":"AAPL","T":"q"}])");
  EXPECT_EQ(good.error, DecodeError::none);
  EXPECT_THAT(good.lines(),
              ElementsAre("AAPL trade 1.5 x 2 #7 unknown", "AAPL quote 1.25 x 300 / 1.5 x 100"));
  EXPECT_EQ(good.message.unknown_kinds, 1U);
  EXPECT_EQ(good.message.unknown_symbols, 1U);
  EXPECT_EQ(good.message.one_sided_quotes, 1U);
}

TEST(MarketFrames, ThatAreBrokenLeaveNothing) {
  const struct {
    const char* text;
    DecodeError error;
  } rows[] = {
      {"", DecodeError::truncated},
      {"[", DecodeError::truncated},
      {R"({"T":"success","msg":"connected"})", DecodeError::wrong_type},
      {R"([{"msg":"connected"}])", DecodeError::missing_field},
      {R"([{"T":5}])", DecodeError::wrong_type},
      {R"([{"T":"t","S":"AAPL","i":1,"p":-1,"s":1,"t":"2026-01-05T14:30:00Z"}])",
       DecodeError::bad_number},
      {R"([{"T":"t","S":"AAPL","i":1,"p":true,"s":1,"t":"2026-01-05T14:30:00Z"}])",
       DecodeError::wrong_type},
      {R"([{"T":"t","S":"AAPL","i":1,"p":1,"s":1,"t":"2026-01-05"}])", DecodeError::bad_number},
      {R"([{"T":"t","S":"AAPL","i":1,"p":1,"s":1,"t":"2026-01-05T14:30:00Z"},{"T":"t","S":"AAPL"}])",
       DecodeError::missing_field},
      {R"([{"T":"o","S":"BTC/USD","t":"2026-01-05T14:30:00Z","b":[{"p":1}],"a":[]}])",
       DecodeError::missing_field},
      {"\xC1", DecodeError::not_json},
      {"\x91\x81\xA1T", DecodeError::truncated},
      {"\x91\x81\xA1T\xCB\x7F\xF0", DecodeError::truncated},
      {"\xDD\xFF\xFF\xFF\xFF", DecodeError::truncated},
      {"\x81\x01\x02", DecodeError::wrong_type},
      {"\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x01", DecodeError::too_large},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.text);
    const Decoded frame = decoded(row.text);
    EXPECT_EQ(frame.error, row.error) << enum_name(frame.error);
    EXPECT_THAT(frame.events, IsEmpty());
    EXPECT_THAT(frame.lines(), IsEmpty());
  }
}

// ---- MessagePack --------------------------------------------------------------------------------

TEST(MessagePack, OfEveryShapeBecomesTheSameJson) {
  const json values[] = {
      nullptr,
      true,
      false,
      0,
      127,
      128,
      65536,
      std::numeric_limits<std::int64_t>::max(),
      std::numeric_limits<std::uint64_t>::max(),
      -1,
      -32,
      -33,
      -129,
      -40000,
      std::numeric_limits<std::int64_t>::min(),
      std::string(31, 'a'),
      std::string(32, 'b'),
      std::string(300, 'c'),
      std::string(70000, 'd'),
      "quote \" slash \\ line \n end",
      json::array(),
      json::object(),
      json(std::vector<int>(20, 3)),
      json(std::vector<int>(70000, 1)),
      json{{"a", {1, "x", nullptr}}, {"b", {{"c", -5}}}},
  };
  for (const json& value : values) {
    const auto bytes = packed(value);
    std::string text;
    ASSERT_EQ(
        append_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, 1U << 20, text),
        DecodeError::none);
    EXPECT_EQ(json::parse(text), value) << text.substr(0, 80);
  }
}

TEST(MessagePack, GivesFloatsTheDigitsTheyBeganWith) {
  const struct {
    double value;
    const char* text;
  } rows[] = {{126.55, "126.55"}, {29.205707815, "29.205707815"}, {0.1, "0.1"},
              {136, "136"},       {0.00000812, "8.12e-06"},       {71859.53, "71859.53"}};
  for (const auto& row : rows) {
    const auto bytes = packed(row.value);
    std::string text;
    ASSERT_EQ(append_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, 100, text),
              DecodeError::none);
    EXPECT_EQ(text, row.text);
    domain::Price price;
    text += ',';
    text.append(Frame::padding, ' ');
    ASSERT_TRUE(read_any(text.data(), Tail::refuse, price));
    EXPECT_EQ(to_string(price),
              fmt::format("{:.9f}", row.value).substr(0, to_string(price).size()));
  }
  std::string text;
  EXPECT_EQ(append_json("\xCB\x7F\xF8\0\0\0\0\0\0", 100, text), DecodeError::truncated);
  EXPECT_EQ(append_json({"\xCB\x7F\xF8\0\0\0\0\0\0", 9}, 100, text), DecodeError::bad_number);
}

TEST(MessagePack, GivesTimesInEveryFormAsText) {
  using namespace std::string_view_literals;
  const struct {
    std::string_view bytes;
    const char* text;
  } rows[] = {
      {"\xD6\xFF\x66\xA0\xB3\x90"sv, "\"2024-07-24T07:56:00.000000000Z\""},
      {"\xD7\xFF\x31\x97\x50\x00\x60\x33\xD3\x10"sv, "\"2021-02-22T15:51:44.208000000Z\""},
      {"\xC7\x0C\xFF\x0C\x65\xD4\x00\x00\x00\x00\x00\x60\x33\xD3\x10"sv,
       "\"2021-02-22T15:51:44.208000000Z\""},
      {"\xD4\x05\x00"sv, "null"},  // an extension of somebody else
  };
  for (const auto& row : rows) {
    std::string text;
    EXPECT_EQ(append_json(row.bytes, 100, text), DecodeError::none);
    EXPECT_EQ(text, row.text);
  }
}

// ---- Amounts and times --------------------------------------------------------------------------

TEST(Amounts, AreReadAsTextAsNumberAndAsNull) {
  const struct {
    const char* token;
    const char* exact;  ///< null: refused
    const char* rounded;
  } rows[] = {
      {R"("2.792161878",)", "2.792161878", "2.792161878"},
      {"2.792161878,", "2.792161878", "2.792161878"},
      {"null,", "0", "0"},
      {R"("",)", "0", "0"},
      {R"("-1",)", "-1", "-1"},
      {"8.12e-06,", "0.00000812", "0.00000812"},
      {"1e+3,", "1000", "1000"},
      {"1.0000000000000,", "1", "1"},
      {"0.1234567891,", nullptr, "0.123456789"},
      {"0.1234567885,", nullptr, "0.123456788"},
      {"0.12345678850001,", nullptr, "0.123456789"},
      {"5e-10,", nullptr, "0"},
      {R"("122011.09751111286868",)", nullptr, "122011.097511113"},
      {R"("1.",)", nullptr, nullptr},
      {R"("1e",)", nullptr, nullptr},
      {R"("x",)", nullptr, nullptr},
      {R"("1,)", nullptr, nullptr},
      {"true,", nullptr, nullptr},
      {"1e+300,", nullptr, nullptr},
      {"999999999999999999.5,", "999999999999999999.5", "999999999999999999.5"},
      {"1000000000000000000,", nullptr, nullptr},
      {"99999999999999999999999999999999999999999999,", nullptr, nullptr},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.token);
    const std::string text = row.token + std::string(Frame::padding, ' ');
    for (const Tail tail : {Tail::refuse, Tail::round}) {
      const char* const expected = tail == Tail::refuse ? row.exact : row.rounded;
      domain::Money amount;
      EXPECT_EQ(read_any(text.data(), tail, amount), expected != nullptr);
      if (expected != nullptr) {
        EXPECT_EQ(to_string(amount), expected);
      }
    }
  }
}

TEST(Times, AreReadWithAnOffset) {
  const struct {
    const char* text;
    const char* utc;
  } rows[] = {
      {"2022-04-19T13:45:04.981350886-04:00", "2022-04-19T17:45:04.981350886Z"},
      {"2022-12-31T22:00:00-05:00", "2023-01-01T03:00:00.000000000Z"},
      {"2025-06-24T16:00:00+05:30", "2025-06-24T10:30:00.000000000Z"},
      {"2021-12-09T19:48:46.1Z", "2021-12-09T19:48:46.100000000Z"},
  };
  for (const auto& row : rows) {
    domain::Timestamp time;
    ASSERT_TRUE(read_rfc3339(row.text, time)) << row.text;
    std::string printed(30, ' ');
    EXPECT_EQ(print_rfc3339(time, printed.data()), printed.data() + printed.size());
    EXPECT_EQ(printed, row.utc);
  }
  domain::Timestamp time;
  for (const char* wrong : {"2022-04-19T13:45:04-4:00", "2022-04-19T13:45:04-0400",
                            "2022-04-19T13:45:04-19:00", "2022-04-19T13:45:04.-04:00"}) {
    EXPECT_FALSE(read_rfc3339(wrong, time)) << wrong;
  }
}

// ---- The account's stream -----------------------------------------------------------------------

struct DecodedUpdate {
  DecodeError error = DecodeError::none;
  std::unique_ptr<Bytes> bytes;
  Scratch scratch;
  Update update;
};

DecodedUpdate decoded_update(std::string_view text, bool is_text = true) {
  DecodedUpdate out;
  const World world;
  out.bytes = std::make_unique<Bytes>(text);
  out.error = decode_update(out.bytes->frame(is_text), world.symbols(), world.identity(),
                            out.scratch, out.update);
  return out;
}

/// "event status: report; execution; correction".
std::string said(const Update& update) {
  if (update.kind != UpdateKind::trade_update) {
    return fmt::format("{} {}{}{}", enum_name(update.kind), update.is_authorized ? "yes" : "",
                       update.hears_updates ? "hears" : "", update.words);
  }
  std::string out = fmt::format("{} {}:", enum_name(update.event), enum_name(update.order.status));
  domain::OrderReport report;
  if (report_of(update.order, domain::Source::private_stream, report)) {
    out += fmt::format(" {} {}/{}", enum_name(report.status), to_string(report.filled),
                       to_string(report.quantity));
  }
  domain::Execution execution;
  if (execution_of(update, execution)) {
    out += fmt::format(" execution {} x {} of {} position {}", to_string(execution.price),
                       to_string(execution.quantity), to_string(execution.cumulative),
                       to_string(update.position));
  }
  domain::TradeCorrected correction;
  if (correction_of(update, correction)) {
    out += correction.is_bust ? std::string{" bust"}
                              : fmt::format(" now {} x {}", to_string(correction.price),
                                            to_string(correction.quantity));
  }
  return out;
}

TEST(TradeUpdates, OfEverySampleSayWhatIsStated) {
  const struct {
    const char* file;
    const char* line;
  } rows[] = {
      {"tu_authorized.json", "authorization yes"},
      {"tu_authorized_reordered.json", "authorization yes"},
      {"tu_unauthorized.json", "authorization "},
      {"tu_unauthorized_listen.json", "authorization "},
      {"tu_listening.json", "listening hears"},
      {"tu_error.json", "error rate limit exceeded"},
      {"tu_accepted.json", "accepted accepted: pending 0/2"},
      {"tu_pending_new.json", "pending_new pending_new: pending 0/2"},
      {"tu_new.json", "new_order new_order: working 0/2"},
      {"tu_new_real.json", "new_order new_order: working 0/1"},
      {"tu_partial_fill.json",
       "partial_fill partially_filled: partially_filled 1/2 execution 149.98 x 1 of 1 position 1"},
      {"tu_fill.json", "fill filled: filled 2/2 execution 149.99 x 1 of 2 position 2"},
      {"tu_fill_equity_real.json", "fill filled: filled 4/4 execution 7.1831 x 4 of 4 position 0"},
      // "SOLUSD", and times with New York's offset
      {"tu_fill_crypto_real.json",
       "fill filled: filled 1790.86/1790.86 execution 105.8988475 x 1790.86 of 1790.86 position "
       "0"},
      {"tu_canceled.json", "canceled canceled: canceled 0/2"},
      {"tu_canceled_after_partial.json", "canceled canceled: canceled 1/2"},
      {"tu_expired.json", "expired expired: expired 0/2"},
      // gtc: it comes back tomorrow
      {"tu_done_for_day.json", "done_for_day done_for_day: working 0/2"},
      {"tu_replaced.json", "replaced replaced:"},
      {"tu_rejected.json", "rejected rejected: rejected 0/2"},
      {"tu_stopped.json", "stopped stopped: working 0/2"},
      {"tu_suspended.json", "suspended suspended: working 0/2"},
      {"tu_pending_cancel.json", "pending_cancel pending_cancel: working 0/2"},
      {"tu_pending_replace.json", "pending_replace pending_replace: working 0/2"},
      {"tu_calculated.json", "calculated calculated: filled 2/2"},
      {"tu_held_leg.json", "held held: pending 0/2"},
      {"tu_order_replace_rejected.json", "order_replace_rejected new_order: working 0/2"},
      {"tu_order_cancel_rejected.json", "order_cancel_rejected filled: filled 2/2"},
      {"tu_restated.json", "restated new_order: working 0/2"},
      {"tu_trade_bust.json", "trade_bust filled: filled 1/2 bust"},
      {"tu_trade_correct.json", "trade_correct filled: filled 2/2 now 149.95 x 1"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.file);
    const auto text = sample(row.file);
    NEEDS_SAMPLE(text);
    for (const bool is_text : {true, false}) {
      const DecodedUpdate frame = decoded_update(*text, is_text);
      EXPECT_EQ(frame.error, DecodeError::none) << enum_name(frame.error);
      EXPECT_EQ(said(frame.update), row.line);
    }
    const auto bytes = packed(json::parse(*text));
    const DecodedUpdate frame =
        decoded_update({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, false);
    EXPECT_EQ(frame.error, DecodeError::none) << enum_name(frame.error);
    EXPECT_EQ(said(frame.update), row.line);
  }
}

TEST(TradeUpdates, InBinaryFramesAreTheSame) {
  const struct {
    const char* file;
    const char* same;
  } rows[] = {{"tu_frame_binary_json.json", "tu_fill_equity_real.json"},
              {"tu_frame_msgpack.json", "tu_fill.json"}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.file);
    const auto bytes = binary_sample(row.file);
    const auto text = sample(row.same);
    NEEDS_SAMPLE(bytes && text);
    const DecodedUpdate binary = decoded_update(*bytes, false);
    const DecodedUpdate plain = decoded_update(*text);
    EXPECT_EQ(binary.error, DecodeError::none);
    EXPECT_EQ(said(binary.update), said(plain.update));
    EXPECT_EQ(binary.update.at, plain.update.at);
    EXPECT_EQ(binary.update.execution, plain.update.execution);
    EXPECT_EQ(binary.update.order.client_id, plain.update.order.client_id);
  }
}

constexpr std::string_view small_order =
    R"({"stream":"trade_updates","data":{"event":"%","order":{"id":"7b08df51-c1ac-453c-99f9-323a5f075f0d","status":"$","filled_qty":"1.000000001","qty":null,"side":"sell","symbol":"AAPL","time_in_force":"day","client_order_id":"alpha-main-1-2","legs":[{"id":"c1d2e3f4-0000-4000-8000-000000000002","status":"held","filled_qty":0}]}}})";

std::string with(std::string_view text, char sign, std::string_view word) {
  std::string out{text};
  return out.replace(out.find(sign), 1, word);
}

TEST(TradeUpdates, NeedOnlyWhatIsEssential) {
  const DecodedUpdate frame =
      decoded_update(with(with(small_order, '%', "fill"), '$', "partially_filled"));
  ASSERT_EQ(frame.error, DecodeError::none) << enum_name(frame.error);
  EXPECT_EQ(frame.update.order.order, (domain::OrderId{1, 2}));
  EXPECT_EQ(frame.update.order.filled, "1.000000001"_qty);
  EXPECT_FALSE(frame.update.order.has_quantity);
  // Without its price there is nothing to book: the fills are asked for
  EXPECT_FALSE(frame.update.has_execution);
  ASSERT_EQ(frame.update.legs.size(), 1U);
  EXPECT_EQ(frame.update.legs[0].parent, frame.update.order.venue_order);
  EXPECT_EQ(frame.update.legs[0].status, OrderWord::held);
}

TEST(TradeUpdates, OfWordsNewerThanThisProgramAreHeardAndSayNothing) {
  for (const char* word : {"teleported", "none", "new_order", ""}) {
    SCOPED_TRACE(word);
    const DecodedUpdate frame = decoded_update(with(with(small_order, '%', word), '$', word));
    ASSERT_EQ(frame.error, DecodeError::none);
    EXPECT_EQ(frame.update.event, UpdateWord::unknown);
    EXPECT_EQ(frame.update.words, word);
    domain::OrderReport report;
    EXPECT_FALSE(report_of(frame.update.order, domain::Source::private_stream, report));
  }
}

TEST(TradeUpdates, EndTheDayOfADayOrder) {
  for (const char* word : {"done_for_day", "calculated"}) {
    const DecodedUpdate frame = decoded_update(with(with(small_order, '%', word), '$', word));
    domain::OrderReport report;
    ASSERT_TRUE(report_of(frame.update.order, domain::Source::private_stream, report));
    EXPECT_EQ(report.status, domain::VenueOrderStatus::expired) << word;
  }
}

TEST(TradeUpdates, ThatAreBrokenLeaveNothing) {
  const std::string good = with(with(small_order, '%', "fill"), '$', "filled");
  const auto replaced = [&](std::string_view what, std::string_view by) {
    std::string out = good;
    return out.replace(out.find(what), what.size(), by);
  };
  const struct {
    std::string text;
    DecodeError error;
  } rows[] = {
      {good.substr(0, good.size() - 2), DecodeError::not_json},
      {replaced("1.000000001", "1.0000000001"), DecodeError::bad_number},
      {replaced("1.000000001", "-1"), DecodeError::bad_number},
      {replaced("filled_qty", "filled_quantity"), DecodeError::missing_field},
      {replaced("\"sell\"", "\"both\""), DecodeError::bad_word},
      {replaced("\"order\"", "\"ordre\""), DecodeError::missing_field},
      {replaced("\"7b08df51-c1ac-453c-99f9-323a5f075f0d\"", "null"), DecodeError::missing_field},
      {R"({"stream":"trade_updates"})", DecodeError::missing_field},
      {R"({"stream":"listening","data":{}})", DecodeError::missing_field},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.text);
    const DecodedUpdate frame = decoded_update(row.text);
    EXPECT_EQ(frame.error, row.error) << enum_name(frame.error);
    EXPECT_TRUE(frame.update.order.venue_order.is_none());
    EXPECT_THAT(frame.update.legs, IsEmpty());
  }
}

// ---- Errors of REST -----------------------------------------------------------------------------

TEST(RestErrors, OfEverySampleAreJudgedAsStated) {
  using domain::Outcome;
  using domain::Reason;
  const struct {
    const char* file;
    Asked asked;
    Outcome outcome;
    Reason reason;
    Reaction reaction;
  } rows[] = {
      {"err_401.json", Asked::place, Outcome::refused, Reason::not_permitted, Reaction::halt},
      {"err_403_buying_power.json", Asked::place, Outcome::refused, Reason::venue_refused_funds,
       Reaction::none},
      {"err_403_qty_held.json", Asked::place, Outcome::refused, Reason::venue_refused_funds,
       Reaction::none},
      {"err_403_no_short.json", Asked::place, Outcome::refused, Reason::not_permitted,
       Reaction::refresh_rules},
      {"err_403_pdt_legacy.json", Asked::place, Outcome::refused, Reason::not_permitted,
       Reaction::none},
      {"err_403_wash_trade.json", Asked::place, Outcome::refused, Reason::would_trade_with_itself,
       Reaction::none},
      {"err_404_order.json", Asked::cancel, Outcome::refused, Reason::venue_refused_unknown_order,
       Reaction::query},
      {"err_422_bracket_distance.json", Asked::place, Outcome::refused,
       Reason::trigger_price_on_wrong_side, Reaction::none},
      {"err_422_cancel_too_late.json", Asked::cancel, Outcome::refused, Reason::order_already_ended,
       Reaction::query},
      {"err_422_duplicate_client_id.json", Asked::place, Outcome::unknown,
       Reason::venue_refused_duplicate, Reaction::query},
      {"err_422_missing_id.json", Asked::place, Outcome::refused, Reason::venue_refused,
       Reaction::our_mistake},
      {"err_422_missing_id.json", Asked::cancel, Outcome::refused, Reason::venue_refused,
       Reaction::query},
      {"err_422_stop_price.json", Asked::place, Outcome::refused,
       Reason::trigger_price_on_wrong_side, Reaction::none},
      {"err_422_subpenny.json", Asked::place, Outcome::refused, Reason::venue_refused_filter,
       Reaction::refresh_rules},
      {"err_429.json", Asked::cancel, Outcome::refused, Reason::venue_refused_rate_limit,
       Reaction::back_off},
      {"err_500_plain.json", Asked::place, Outcome::unknown, Reason::venue_outcome_unknown,
       Reaction::query},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.file);
    const auto text = sample(row.file);
    NEEDS_SAMPLE(text);
    const json error = json::parse(*text);
    const json& body = error.at("body");
    const bool is_plain = body.is_string();
    const std::string message = (is_plain ? body : body.at("message")).get<std::string>();
    const Judgement judgement = judge(row.asked, error.at("http_status").get<int>(),
                                      is_plain ? 0 : body.at("code").get<std::int32_t>(), message);
    EXPECT_EQ(judgement.outcome, row.outcome);
    EXPECT_EQ(judgement.reason, row.reason) << enum_name(judgement.reason);
    EXPECT_EQ(judgement.reaction, row.reaction);
  }
}

}  // namespace
}  // namespace halcyon::gateways::alpaca::testing
