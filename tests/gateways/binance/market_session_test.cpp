#include "gateways/binance/market_session.h"

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "session_harness.h"

namespace halcyon::gateways::binance::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* confirmed = R"({"result":null,"id":1})";

class Market : public ::testing::Test, public SessionHarness<MarketSession> {
 protected:
  Market() : Market([](MarketSettings&) {}) {}
  explicit Market(const std::function<void(MarketSettings&)>& change)
      : SessionHarness<MarketSession>(make(change)) {}

  static std::unique_ptr<MarketSession> make(const std::function<void(MarketSettings&)>& change) {
    const World world;
    MarketSettings settings;
    settings.symbols = std::make_shared<const Symbols>(world.symbols());
    settings.instruments = {world.btc_usdt};
    settings.endpoint = {"stream.test", 9443, "/stream", true};
    settings.jitter_seed = 5;
    change(settings);
    return std::make_unique<MarketSession>(std::move(settings));
  }

  void connect() {
    start();
    take_rest();
    open();
    frame(confirmed);
    take_lines();
    take_sent();
  }
  void depth(std::uint64_t first, std::uint64_t last) {
    frame(
        R"({"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255000,"s":"BTCUSDT","U":)" +
        std::to_string(first) + ",\"u\":" + std::to_string(last) +
        R"(,"b":[["100.0","1.0"]],"a":[]}})");
  }
  void trade(std::uint64_t id) {
    frame(R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":)" +
          std::to_string(id) + R"(,"p":"100.5","q":"1.0","T":1723161255000,"m":false,"M":true}})");
  }
  static std::string snapshot(std::uint64_t id) {
    return "{\"lastUpdateId\":" + std::to_string(id) +
           R"(,"bids":[["100.0","2.0"]],"asks":[["101.0","3.0"]]})";
  }
  /// A synced book at update `id`.
  void sync(std::uint64_t id) {
    depth(id, id);
    const auto requests = take_rest();
    ASSERT_EQ(requests.size(), 1U);
    answer(requests[0], 200, snapshot(id));
    take_lines();
  }
};

TEST_F(Market, SubscribesToEveryChannelInOneMessageAndIsReadyWhenConfirmed) {
  start();
  open();
  EXPECT_THAT(
      take_sent(),
      ElementsAre(
          R"({"method":"SUBSCRIBE","params":["btcusdt@trade","btcusdt@bookTicker","btcusdt@depth@100ms"],"id":1})"));
  EXPECT_THAT(take_lines(), ElementsAre("stream market connecting none"));
  frame(confirmed);
  EXPECT_THAT(take_lines(), ElementsAre("stream market ready none"));
}

TEST_F(Market, PassesDataOnThatComesBeforeTheConfirmation) {
  start();
  open();
  take_lines();
  trade(7);
  EXPECT_THAT(take_lines(), ElementsAre("trade 100.5 x 1 #7 buyer"));
}

TEST_F(Market, AsksForTheInstrumentRulesAtTheStartAndEveryTenMinutes) {
  start();
  auto requests = take_rest();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].target, "/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22%5D");
  const std::string body =
      R"({"serverTime":1723161255000,"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000}],"symbols":[{"symbol":"BTCUSDT","status":"TRADING","filters":[{"filterType":"PRICE_FILTER","tickSize":"0.01"}]}]})";
  answer(requests[0], 200, body);
  EXPECT_THAT(take_lines(), ElementsAre(StartsWith("rules trading tick 0.01")));
  pass(10min - 1s);
  EXPECT_THAT(take_rest(), IsEmpty());
  pass(1s);
  requests = take_rest();
  ASSERT_EQ(requests.size(), 1U);
  // The same rules are no news for the journal; other ones are
  answer(requests[0], 200, body);
  EXPECT_THAT(take_lines(), IsEmpty());
  pass(10min);
  std::string halted = body;
  halted.replace(halted.find("TRADING"), 7, "HALT");
  answer(take_rest().at(0), 200, halted);
  EXPECT_THAT(take_lines(), ElementsAre(StartsWith("rules halted")));
}

TEST_F(Market, AsksForTheRulesAgainWithGrowingPausesUntilItHasThem) {
  start();
  domain::Duration pause = 5s;
  for (int attempt = 0; attempt < 5; ++attempt) {
    const auto requests = take_rest();
    ASSERT_EQ(requests.size(), 1U) << attempt;
    answer(requests[0], 0, "");
    pass(pause - 1ms);
    EXPECT_THAT(take_rest(), IsEmpty());
    pass(1ms);
    pause *= 2;
  }
  EXPECT_EQ(counter("rules_failures"), 5U);
  EXPECT_THAT(words, Contains(HasSubstr("take no orders")));
}

class ManyInstruments : public Market {
 protected:
  ManyInstruments()
      : Market([](MarketSettings& settings) {
          const auto all = settings.symbols->instruments();
          settings.instruments.assign(all.begin(), all.end());
        }) {}
};

TEST_F(ManyInstruments, OneWrongSymbolDoesNotKeepTheRulesOfTheOthersAway) {
  start();
  auto requests = take_rest();
  ASSERT_EQ(requests.size(), 1U);
  answer(requests[0], 400, R"({"code":-1121,"msg":"Invalid symbol."})");
  requests = take_rest();
  ASSERT_EQ(requests.size(), 6U);  // one by one
  EXPECT_EQ(requests[0].target, "/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22%5D");
  answer(requests[0], 200, R"({"symbols":[{"symbol":"BTCUSDT","status":"TRADING","filters":[]}]})");
  EXPECT_THAT(take_lines(), ElementsAre(StartsWith("rules trading")));
}

TEST_F(ManyInstruments, ABookIsMendedWithoutTouchingTheOthers) {
  connect();
  sync(10);
  frame(
      R"({"stream":"ethbtc@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"ETHBTC","U":500,"u":501,"b":[],"a":[]}})");
  answer(take_rest().at(0), 200, snapshot(501));
  take_lines();
  depth(12, 12);  // 11 is missing
  EXPECT_THAT(take_lines(), ElementsAre("book_invalid sequence_gap"));
  frame(
      R"({"stream":"ethbtc@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"ETHBTC","U":502,"u":502,"b":[],"a":[]}})");
  EXPECT_THAT(take_lines(), ElementsAre("levels u502 last"));
}

TEST_F(Market, BringsABookToLifeByTheDocumentedProcedure) {
  connect();
  depth(100, 102);
  EXPECT_THAT(take_lines(), IsEmpty());  // kept back
  auto requests = take_rest();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].target, "/api/v3/depth?symbol=BTCUSDT&limit=1000");
  depth(103, 105);
  answer(requests[0], 200, snapshot(104));
  EXPECT_THAT(take_lines(), ElementsAre("book_reset", "levels u104 last b100x2 a101x3",
                                        "levels u105 last b100x1"));
  depth(106, 106);
  EXPECT_THAT(take_lines(), ElementsAre("levels u106 last b100x1"));
}

TEST_F(Market, ASnapshotTooOldSeveralTimesKeepsTheBookInvalidAndIsAskedForAgain) {
  connect();
  depth(100, 102);
  for (int attempt = 0; attempt < 4; ++attempt) {
    const auto requests = take_rest();
    ASSERT_EQ(requests.size(), 1U) << attempt;
    answer(requests[0], 200, snapshot(50));
    EXPECT_THAT(take_lines(), IsEmpty());
    pass(3s);
  }
  answer(take_rest().at(0), 200, snapshot(102));
  EXPECT_THAT(take_lines(), ElementsAre("book_reset", "levels u102 last b100x2 a101x3"));
  EXPECT_EQ(counter("book_snapshots_too_old"), 4U);
}

TEST_F(Market, AGapInvalidatesTheBookBeforeAnythingElse) {
  connect();
  sync(10);
  depth(12, 13);
  EXPECT_THAT(take_lines(), ElementsAre("book_invalid sequence_gap"));
  depth(14, 14);
  EXPECT_THAT(take_lines(), IsEmpty());
  answer(take_rest().at(0), 200, snapshot(13));
  EXPECT_THAT(take_lines(),
              ElementsAre("book_reset", "levels u13 last b100x2 a101x3", "levels u14 last b100x1"));
}

TEST_F(Market, ADamagedUpdateShowsAsAGapInTheNext) {
  connect();
  sync(10);
  frame(
      R"({"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":11,"u":11,"b":[["x","1"]],"a":[]}})");
  EXPECT_THAT(take_lines(), IsEmpty());
  EXPECT_EQ(counter("decode_bad_number"), 1U);
  depth(12, 12);
  EXPECT_THAT(take_lines(), ElementsAre("book_invalid sequence_gap"));
}

TEST_F(Market, ARefusedSnapshotWaitsAsTheVenueSays) {
  connect();
  depth(1, 1);
  answer(take_rest().at(0), 429, R"({"code":-1003,"msg":"Too much request weight used."})", 40s);
  pass(40s);
  EXPECT_THAT(take_rest(), IsEmpty());
  frame(confirmed);  // a sign of life
  pass(2s);
  EXPECT_EQ(take_rest().size(), 1U);
  EXPECT_THAT(words, Contains(HasSubstr("429")));
}

TEST_F(Market, ABanStopsSnapshotsForAtLeastTwoMinutes) {
  connect();
  depth(1, 1);
  answer(take_rest().at(0), 418, "<html>");
  for (int step = 0; step < 4; ++step) {
    pass(30s);
    frame(confirmed);
  }
  EXPECT_THAT(take_rest(), IsEmpty());
  pass(2s);
  EXPECT_EQ(take_rest().size(), 1U);
}

TEST_F(Market, SnapshotsKeepToTheirShareOfTheWeight) {
  // 6000 a minute, of which 40 % are for snapshots of 50 each: 48
  connect();
  int asked = 0;
  std::uint64_t id = 1;
  const domain::Timestamp minute = std::chrono::ceil<std::chrono::minutes>(now);
  now = minute;
  while (now < minute + 59s) {
    depth(id, id);
    id += 2;  // a gap every time
    for (const RestRequest& request : take_rest()) {
      ++asked;
      answer(request, 200, snapshot(id - 2));
    }
    pass(100ms);
  }
  EXPECT_EQ(asked, 48);
}

TEST_F(Market, ALateSnapshotOfAnEarlierConnectionIsNotJoined) {
  connect();
  depth(100, 102);
  const auto old = take_rest();
  closed();
  pass(1s);
  open();
  frame(confirmed);
  take_lines();
  depth(103, 104);
  EXPECT_EQ(take_rest().size(), 1U);
  answer(old.at(0), 200, snapshot(104));
  EXPECT_THAT(take_lines(), IsEmpty());
}

TEST_F(Market, LostTradesAreSaidBeforeTheNextAcrossReconnectsToo) {
  connect();
  trade(7);
  trade(8);
  trade(11);
  EXPECT_THAT(take_lines(), ElementsAre("trade 100.5 x 1 #7 buyer", "trade 100.5 x 1 #8 buyer",
                                        "trades_lost 2", "trade 100.5 x 1 #11 buyer"));
  closed();
  open();
  take_lines();
  trade(21);
  EXPECT_THAT(take_lines(), ElementsAre("trades_lost 9", "trade 100.5 x 1 #21 buyer"));
  EXPECT_EQ(counter("trades_lost"), 11U);
}

TEST_F(Market, RepeatedTradesAreLeftOut) {
  connect();
  trade(7);
  trade(7);
  trade(6);
  EXPECT_THAT(take_lines(), ElementsAre("trade 100.5 x 1 #7 buyer"));
  EXPECT_EQ(counter("trades_repeated"), 2U);
}

TEST_F(Market, AVenueThatNumbersAnewAfterAReconnectIsHeard) {
  connect();
  trade(5'000'000);
  closed();
  open();
  take_lines();
  trade(3);
  trade(4);
  EXPECT_THAT(take_lines(), ElementsAre("trade 100.5 x 1 #3 buyer", "trade 100.5 x 1 #4 buyer"));
}

TEST_F(Market, SilenceEndsTheConnectionAndInvalidatesTheBook) {
  connect();
  sync(10);
  pass(45s - 1ns);
  EXPECT_EQ(reconnects, 0);
  pass(1ns);
  EXPECT_EQ(reconnects, 1);
  EXPECT_THAT(why, HasSubstr("45 s"));
  EXPECT_THAT(take_lines(), ElementsAre("book_invalid no_answer_in_time",
                                        "stream market down no_answer_in_time"));
}

TEST_F(Market, APingIsASignOfLife) {
  connect();
  for (int ping = 0; ping < 10; ++ping) {
    pass(40s);
    session->on_sign_of_life(now);
  }
  EXPECT_EQ(reconnects, 0);
}

TEST_F(Market, TheEndThatItAskedForIsNotCountedTwice) {
  connect();
  pass(45s);
  ASSERT_EQ(reconnects, 1);
  const domain::Timestamp planned = reconnect_at;
  take_lines();
  closed("dropped by us");
  EXPECT_EQ(reconnect_at, std::max(planned, now));
  EXPECT_THAT(take_lines(), IsEmpty());
}

TEST_F(Market, PausesGrowWhileTheVenueCannotBeReached) {
  start();
  domain::Duration longest{};
  domain::Duration full = 200ms;
  for (int attempt = 0; attempt < 12; ++attempt) {
    closed("connection refused");
    const domain::Duration pause = reconnect_at - now;
    EXPECT_GT(pause, full / 2);
    EXPECT_LE(pause, full);
    longest = std::max(longest, pause);
    full = std::min<domain::Duration>(full * 2, 30s);
    now = reconnect_at;
  }
  EXPECT_GT(longest, 15s);
  EXPECT_THAT(take_lines(), IsEmpty());  // down it was before
}

TEST_F(Market, ServiceForHalfAMinuteMakesTheNextPauseShort) {
  start();
  for (int attempt = 0; attempt < 8; ++attempt) closed("connection refused");
  open();
  frame(confirmed);
  pass(31s);
  closed();
  EXPECT_LE(reconnect_at - now, 200ms);
  // A connection that dies young does not
  open();
  frame(confirmed);
  pass(1s);
  closed();
  EXPECT_GT(reconnect_at - now, 200ms);
}

TEST_F(Market, AnAnnouncedShutdownReconnectsAtOnce) {
  connect();
  sync(10);
  frame(R"({"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}})");
  EXPECT_EQ(reconnects, 1);
  EXPECT_EQ(reconnect_at, now);
  EXPECT_THAT(take_lines(),
              ElementsAre("book_invalid connection_lost", "stream market down connection_lost"));
  trade(1);  // what still comes from the old connection is ignored
  EXPECT_THAT(take_lines(), IsEmpty());
}

TEST_F(Market, ASubscriptionThatIsNotConfirmedOrRefusedEndsTheConnection) {
  start();
  open();
  pass(10s);
  EXPECT_EQ(reconnects, 1);
  EXPECT_THAT(why, HasSubstr("did not confirm"));
  closed();
  open();
  frame(R"({"code":2,"msg":"Invalid request: invalid stream","id":1})");
  EXPECT_THAT(why, HasSubstr("refused the subscription"));
  EXPECT_THAT(words, Contains(HasSubstr("invalid stream")));
}

TEST_F(Market, WrongFramesAreCountedAndSaidOncePerKind) {
  connect();
  for (int time = 0; time < 5; ++time) {
    frame("not json");
    frame(R"({"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT"}})");
    frame(R"({"stream":"btcusdt@novelty","data":{}})");
  }
  EXPECT_EQ(counter("decode_wrong_type"), 5U);
  EXPECT_EQ(counter("decode_missing_field"), 5U);
  EXPECT_EQ(counter("frames_unknown"), 5U);
  EXPECT_EQ(words.size(), 3U);
  EXPECT_EQ(reconnects, 0);
  EXPECT_THAT(take_lines(), IsEmpty());
}

TEST_F(Market, DataOfInstrumentsThatNobodyConfiguredIsLeftOut) {
  connect();
  frame(
      R"({"stream":"ethbtc@trade","data":{"e":"trade","s":"ETHBTC","t":1,"p":"2","q":"3","T":4,"m":true}})");
  EXPECT_THAT(take_lines(), IsEmpty());
}

TEST_F(Market, TheEngineMayAskForABookAnew) {
  connect();
  sync(10);
  domain::VenueRequest resync;
  resync.kind = domain::QueryKind::resync_book;
  resync.instrument = World{}.btc_usdt;
  request(resync);
  EXPECT_THAT(take_lines(), ElementsAre("book_invalid sequence_gap"));
  depth(11, 11);
  answer(take_rest().at(0), 200, snapshot(11));
  EXPECT_THAT(take_lines(), ElementsAre("book_reset", "levels u11 last b100x2 a101x3"));
}

class QuotesOnly : public Market {
 protected:
  QuotesOnly()
      : Market([](MarketSettings& settings) {
          settings.trades = settings.book = false;
          settings.measure_clock = true;
        }) {}
};

TEST_F(QuotesOnly, SubscribesToNothingElseAndMeasuresTheClockWhenAsked) {
  start();
  auto requests = take_rest();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[1].target, "/api/v3/time");
  // Sent 20 ms ago, answered now: the venue is at the middle of it plus 250 ms
  const auto venue_ms = domain::to_unix_ms(now - 10ms + 250ms);
  answer(requests[1], 200, "{\"serverTime\":" + std::to_string(venue_ms) + "}");
  EXPECT_THAT(take_lines(), ElementsAre("clock 250000 us in 20000 us"));
  open();
  EXPECT_THAT(take_sent(),
              ElementsAre(R"({"method":"SUBSCRIBE","params":["btcusdt@bookTicker"],"id":1})"));
}

TEST(MarketSessionSettings, ManyStreamsGoOutInBatchesWithinFiveMessagesASecond) {
  domain::Catalog catalog;
  const auto venue = catalog.venue("binance");
  MarketSettings settings;
  for (int index = 0; index < 300; ++index) {
    settings.instruments.push_back(catalog.instrument(venue, "A" + std::to_string(index) + "/B"));
  }
  settings.symbols = std::make_shared<const Symbols>(catalog, venue);
  SessionHarness<MarketSession> h{std::make_unique<MarketSession>(std::move(settings))};
  h.start();
  EXPECT_EQ(h.take_rest().size(), 3U);  // rules, a hundred symbols a request
  h.open();
  EXPECT_EQ(h.take_sent().size(), 1U);
  int messages = 1;
  while (messages < 5) {
    h.pass(299ms);
    EXPECT_EQ(h.take_sent().size(), 0U);
    h.pass(1ms);
    EXPECT_EQ(h.take_sent().size(), 1U);
    ++messages;
  }
  h.pass(1s);
  EXPECT_EQ(h.take_sent().size(), 0U);  // 900 streams in five messages
  for (int id = 1; id <= 4; ++id) h.frame("{\"result\":null,\"id\":" + std::to_string(id) + "}");
  EXPECT_THAT(h.take_lines(), ElementsAre("stream market connecting none"));
  h.frame(R"({"result":null,"id":5})");
  EXPECT_THAT(h.take_lines(), ElementsAre("stream market ready none"));
}

TEST(MarketSessionSettings, MoreStreamsThanAConnectionCarriesAreRefusedWithWords) {
  domain::Catalog catalog;
  const auto venue = catalog.venue("binance");
  MarketSettings settings;
  for (int index = 0; index < 342; ++index) {
    settings.instruments.push_back(catalog.instrument(venue, "A" + std::to_string(index) + "/B"));
  }
  settings.symbols = std::make_shared<const Symbols>(catalog, venue);
  EXPECT_THAT([&] { MarketSession{settings}; },
              ::testing::ThrowsMessage<std::runtime_error>(HasSubstr("1026 streams")));
}

// ---- Two connections ----------------------------------------------------------------------------

class TwoConnections : public Market {
 protected:
  TwoConnections() : TwoConnections([](MarketSettings&) {}) {}
  explicit TwoConnections(const std::function<void(MarketSettings&)>& change) : Market(change) {
    session->allow_second();
  }

  static std::string depth_text(std::uint64_t first, std::uint64_t last) {
    return R"({"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255000,"s":"BTCUSDT","U":)" +
           std::to_string(first) + ",\"u\":" + std::to_string(last) +
           R"(,"b":[["100.0","1.0"]],"a":[]}})";
  }
  static std::string trade_text(std::uint64_t id) {
    return R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":)" +
           std::to_string(id) + R"(,"p":"100.5","q":"1.0","T":1723161255000,"m":false,"M":true}})";
  }
  /// The venue announces its end, and the second connection carries the streams.
  void bring_up_second() {
    frame(R"({"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}})");
    ASSERT_EQ(seconds_opened, 1);
    second_open();
    pass(0s);
    ASSERT_THAT(sent_second, ElementsAre(HasSubstr("SUBSCRIBE")));
    frame_second(confirmed);
  }
};

TEST_F(TwoConnections, AHandOverLosesNothingAndSaysNothingTwice) {
  connect();
  sync(10);
  trade(1);
  bring_up_second();
  take_lines();
  // The second one is behind, then ahead
  frame_second(depth_text(9, 10));
  frame_second(trade_text(1));
  frame_second(depth_text(11, 12));
  frame_second(trade_text(2));
  depth(11, 12);
  trade(2);
  EXPECT_THAT(take_lines(), ElementsAre(StartsWith("levels"), StartsWith("trade 100.5 x 1 #2")));
  // The first one ends, and nothing but its end is heard
  pass(2s);
  EXPECT_EQ(promotions, 1);
  EXPECT_EQ(reconnects, 0);
  depth(13, 13);
  trade(3);
  EXPECT_THAT(take_lines(), ElementsAre(StartsWith("levels"), StartsWith("trade 100.5 x 1 #3")));
  EXPECT_EQ(counter("book_gaps"), 0U);
  EXPECT_EQ(counter("trades_lost"), 0U);
}

TEST_F(TwoConnections, WhatIsAheadWaitsForItsPredecessorFromEither) {
  connect();
  sync(10);
  trade(1);
  bring_up_second();
  take_lines();
  // The second connection begins in the middle of what the first one has not sent yet
  frame_second(depth_text(13, 13));
  frame_second(trade_text(3));
  EXPECT_THAT(take_lines(), IsEmpty());
  depth(11, 12);
  trade(2);
  EXPECT_THAT(take_lines(),
              ElementsAre(StartsWith("levels"), StartsWith("levels"),
                          StartsWith("trade 100.5 x 1 #2"), StartsWith("trade 100.5 x 1 #3")));
  EXPECT_EQ(counter("book_gaps"), 0U);
}

TEST_F(TwoConnections, WhatNeitherSendsIsAGapAfterAMoment) {
  connect();
  sync(10);
  trade(1);
  bring_up_second();
  take_lines();
  frame_second(depth_text(13, 13));
  frame_second(trade_text(3));
  pass(1s);
  EXPECT_THAT(take_lines(), Contains(StartsWith("book_invalid")));
  EXPECT_EQ(counter("book_gaps"), 1U);
  EXPECT_EQ(counter("trades_lost"), 1U);
}

TEST_F(TwoConnections, TheEndOfTheFirstInTheOverlapIsNoEnd) {
  connect();
  sync(10);
  bring_up_second();
  take_lines();
  closed();
  EXPECT_EQ(promotions, 1);
  EXPECT_EQ(reconnects, 0);
  depth(11, 11);
  EXPECT_THAT(take_lines(), ElementsAre(StartsWith("levels")));
}

TEST_F(TwoConnections, BeforeADayIsOverTheConnectionIsReplaced) {
  connect();
  for (int minutes = 0; minutes < 24 * 60 && seconds_opened == 0; ++minutes) {
    for (int times = 0; times < 3; ++times) {
      live();
      pass(20s);
    }
  }
  EXPECT_EQ(seconds_opened, 1);
  EXPECT_EQ(reconnects, 0);
}

class TwoFeeds : public TwoConnections {
 protected:
  TwoFeeds() : TwoConnections([](MarketSettings& settings) { settings.two_feeds = true; }) {}
};

TEST_F(TwoFeeds, TheFirstCopyWinsAndItsLeadIsCounted) {
  connect();
  pass(0s);
  ASSERT_EQ(seconds_opened, 1);
  second_open();
  pass(0s);
  frame_second(confirmed);
  sync(10);
  trade(1);
  take_lines();
  frame_second(depth_text(11, 11));
  now += 300us;
  depth(11, 11);
  trade(2);
  now += 500us;
  frame_second(trade_text(2));
  EXPECT_EQ(take_lines().size(), 2U);
  EXPECT_EQ(counter("feed_wins_second"), 1U);
  EXPECT_EQ(counter("feed_lead_us_second"), 300U);
  EXPECT_EQ(counter("feed_wins_first"), 1U);
  EXPECT_EQ(counter("feed_lead_us_first"), 500U);
  // When one is lost, the other goes on, and a new one is made
  closed();
  EXPECT_EQ(promotions, 1);
  pass(0s);
  EXPECT_EQ(seconds_opened, 2);
}

TEST_F(TwoConnections, AnUnconfirmedSecondSubscriptionIsGivenUpAndTriedAgain) {
  connect();
  frame(R"({"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}})");
  second_open();
  ASSERT_EQ(sent_second.size(), 1U);
  live();
  pass(9999ms);
  EXPECT_EQ(seconds_closed, 0);
  pass(1ms);
  EXPECT_EQ(seconds_closed, 1);
  EXPECT_THAT(words, Contains(HasSubstr("did not confirm")));
  live();
  pass(30s);
  live();
  pass(30s);
  EXPECT_EQ(seconds_opened, 2);
  EXPECT_EQ(reconnects, 0);
}

TEST_F(TwoConnections, APingOnTheSecondIsASignOfItsLife) {
  connect();
  bring_up_second();
  session->on_second_sign_of_life(now + 40s);
  EXPECT_GE(session->next_deadline(), now);
  pass(2s);  // it takes the first one's place
  EXPECT_EQ(promotions, 1);
  pass(80s);
  EXPECT_EQ(counter("silences"), 0U) << "what was heard on it counts";
}

TEST_F(TwoConnections, AChangeOfTheListUnderItBeginsTheSecondAnew) {
  connect();
  frame(R"({"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}})");
  second_open();
  sent_second.clear();
  domain::VenueRequest no_more;
  no_more.kind = domain::QueryKind::unsubscribe;
  no_more.instrument = World{}.btc_usdt;
  request(no_more);
  EXPECT_EQ(seconds_closed, 1);
  pass(1s);
  EXPECT_EQ(seconds_opened, 2);
}

TEST_F(Market, AStepOfTheVenuesClockIsMeasuredAtOnce) {
  connect();
  const auto trade_at = [this](std::uint64_t id, domain::Timestamp time) {
    frame(R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":)" +
          std::to_string(id) + R"(,"p":"100.5","q":"1.0","T":)" +
          std::to_string(domain::to_unix_ms(time)) + R"(,"m":false,"M":true}})");
  };
  trade_at(1, now);
  now += 900ms;  // a line that is a little behind is no step
  trade_at(2, now - 900ms);
  EXPECT_THAT(take_rest(), IsEmpty());
  // When the venue's clock goes back by nine seconds
  trade_at(3, now - 9s);
  auto asked = take_rest();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_THAT(asked[0].target, HasSubstr("/api/v3/time"));
  take_lines();
  answer(asked[0], 200, "{\"serverTime\":" + std::to_string(domain::to_unix_ms(now - 9s)) + "}");
  EXPECT_THAT(take_lines(), ElementsAre(StartsWith("clock -899")));
  // Then it is asked once, and not again for each trade
  trade_at(4, now - 9s);
  trade_at(5, now);
  EXPECT_THAT(take_rest(), IsEmpty());
  now += MarketSession::between_step_checks;
  trade_at(6, now);
  EXPECT_EQ(take_rest().size(), 1U);
}

// ---- Candles ------------------------------------------------------------------------------------

class Series : public Market {
 protected:
  Series()
      : Market([](MarketSettings& settings) {
          const domain::InstrumentId btc = World{}.btc_usdt;
          settings.trades = settings.quotes = settings.book = false;
          settings.klines = true;
          settings.series = {{btc, {1, domain::TimeUnit::minute}, 30},
                             {btc, {10, domain::TimeUnit::second}, 3}};
        }) {}
};

TEST_F(Series, ThePastIsToldOnceForEachOfThem) {
  connect();
  pass(0s);
  auto asked = take_rest();
  ASSERT_EQ(asked.size(), 1U) << "one at a time";
  EXPECT_THAT(asked[0].target, HasSubstr("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=31"));
  answer(asked[0], 200,
         R"([[1723161180000,"10.0","12.0","9.5","11.0","3.5",1723161239999,"38",7,"1","2","0"]])");
  pass(0s);
  EXPECT_THAT(take_lines(),
              ElementsAre("bar of 1 minute 1723161180+60s 10 12 9.5 11 x 3.5 of 7 past",
                          "history_end of 1 minute"));
  asked = take_rest();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_THAT(asked[0].target, HasSubstr("interval=1s&limit=40"));
  // Given a venue that will not tell
  for (int failures = 0; failures < MarketSession::history_tries; ++failures) {
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_THAT(take_lines(), IsEmpty());
    answer(asked[0], 500, "");
    live();
    pass(40s);
    live();
    asked = take_rest();
  }
  EXPECT_THAT(take_lines(), ElementsAre("history_end of 10 second"));
  EXPECT_THAT(words, Contains(HasSubstr("begin cold")));
  EXPECT_EQ(counter("histories_missing"), 1U);
  // And after a reconnect the past is not told again
  closed();
  open();
  frame(confirmed);
  pass(1s);
  EXPECT_THAT(take_rest(), IsEmpty());
}

TEST_F(Series, KlinesThatCloseGoToEachSeriesMadeOfThem) {
  start();
  open();
  EXPECT_THAT(take_sent(),
              ElementsAre(HasSubstr(R"("params":["btcusdt@kline_1m","btcusdt@kline_1s"])")));
  frame(confirmed);
  take_lines();
  const auto kline = [](const char* interval, std::int64_t open, std::int64_t close,
                        bool is_final) {
    return std::string{R"({"stream":"btcusdt@kline_)"} + interval +
           R"(","data":{"e":"kline","E":1,"s":"BTCUSDT","k":{"t":)" + std::to_string(open) +
           ",\"T\":" + std::to_string(close) + R"(,"s":"BTCUSDT","i":")" + interval +
           R"(","f":1,"L":2,"o":"1","c":"2","h":"3","l":"0.5","v":"4","n":5,"x":)" +
           (is_final ? "true" : "false") + R"(,"q":"1","V":"1","Q":"1","B":"0"}}})";
  };
  frame(kline("1s", 1723161255000, 1723161255999, false));
  EXPECT_THAT(take_lines(), IsEmpty());
  frame(kline("1s", 1723161255000, 1723161255999, true));
  frame(kline("1m", 1723161240000, 1723161299999, true));
  EXPECT_THAT(take_lines(), ElementsAre("bar of 10 second 1723161255+1s 1 3 0.5 2 x 4 of 5",
                                        "bar of 1 minute 1723161240+60s 1 3 0.5 2 x 4 of 5"));
}

// ---- Other channels -----------------------------------------------------------------------------

class OtherChannels : public Market {
 protected:
  OtherChannels()
      : Market([](MarketSettings& settings) {
          settings.trades = settings.book = false;
          settings.agg_trades = settings.partial_book = true;
        }) {}
  void best(std::uint64_t id) {
    frame(R"({"stream":"btcusdt@depth20@100ms","data":{"lastUpdateId":)" + std::to_string(id) +
          R"(,"bids":[["100","1"]],"asks":[["101","2"]]}})");
  }
};

TEST_F(OtherChannels, SumsOfTradesAreTradesAndAHoleInTheirNumbersIsALoss) {
  connect();
  const auto sum = [&](int id) {
    frame(R"({"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1,"s":"BTCUSDT","a":)" +
          std::to_string(id) +
          R"(,"p":"100.5","q":"2","f":1,"l":3,"T":1723161255000,"m":true,"M":true}})");
  };
  sum(7);
  sum(9);
  EXPECT_THAT(take_lines(), ElementsAre("trade 100.5 x 2 #7 seller", "trades_lost 1",
                                        "trade 100.5 x 2 #9 seller"));
}

TEST_F(OtherChannels, TheBestLevelsAreAWholeBookUntilTheStreamEnds) {
  connect();
  best(5);
  best(5);  // nothing has changed
  EXPECT_THAT(take_lines(), ElementsAre("book_reset", "levels u5 last b100x1 a101x2"));
  EXPECT_THAT(take_rest(), IsEmpty()) << "no snapshot is needed";
  closed();
  EXPECT_THAT(take_lines(), Contains("book_invalid connection_lost"));
}

TEST(MarketSettings, ThatSayTheSameTwiceAreRefused) {
  const World world;
  MarketSettings settings;
  settings.symbols = std::make_shared<const Symbols>(world.symbols());
  settings.instruments = {world.btc_usdt};
  settings.agg_trades = true;
  EXPECT_THROW(MarketSession{std::move(settings)}, std::runtime_error);
}

// ---- Changes at run time ------------------------------------------------------------------------

class Many : public Market {
 protected:
  Many()
      : Market([](MarketSettings& settings) {
          const World world;
          settings.instruments = {world.btc_usdt, world.bnb_usdt, world.eth_btc};
          settings.quotes = settings.book = false;
        }) {}
};

TEST_F(Many, AChangeInTheMiddleOfASubscriptionLosesNoStream) {
  start();
  open();
  take_sent();
  // The first of three is not wanted any more before the venue has confirmed them
  domain::VenueRequest no_more;
  no_more.kind = domain::QueryKind::unsubscribe;
  no_more.instrument = World{}.btc_usdt;
  request(no_more);
  frame(confirmed);
  EXPECT_THAT(take_lines(), Contains(StartsWith("stream market ready")));
  pass(1s);
  EXPECT_THAT(take_sent(),
              ElementsAre(HasSubstr(R"("method":"UNSUBSCRIBE","params":["btcusdt@trade"])")));
  // And on the next connection only the others are asked for
  closed();
  open();
  EXPECT_THAT(take_sent(), ElementsAre(HasSubstr(R"(["bnbusdt@trade","ethbtc@trade"])")));
  // One that is wanted meanwhile follows in a message of its own
  domain::VenueRequest again = no_more;
  again.kind = domain::QueryKind::subscribe;
  request(again);
  frame(confirmed);
  pass(300ms);
  EXPECT_THAT(take_sent(), ElementsAre(HasSubstr(R"(["btcusdt@trade"])")));
  frame(R"({"result":null,"id":2})");
  EXPECT_THAT(take_lines(), Contains(StartsWith("stream market ready")));
}

TEST_F(Market, WhatIsListenedToChangesAtRunTimeWithinTheVenuesLimits) {
  connect();
  sync(10);
  const auto instrument = World{}.btc_usdt;
  Actions actions;
  ASSERT_TRUE(session->set_listened(instrument, false, now, actions));
  ASSERT_EQ(actions.events().size(), 1U);
  EXPECT_TRUE(std::holds_alternative<domain::BookInvalid>(actions.events()[0].what));
  pass(0s);
  EXPECT_THAT(take_sent(),
              ElementsAre(HasSubstr(R"("method":"UNSUBSCRIBE","params":["btcusdt@trade")")));
  trade(5);
  EXPECT_THAT(take_lines(), IsEmpty());
  ASSERT_TRUE(session->set_listened(instrument, true, now, actions));
  pass(1s);
  EXPECT_THAT(take_sent(), ElementsAre(HasSubstr(R"("method":"SUBSCRIBE")")));
  trade(6);
  EXPECT_THAT(take_lines(), ElementsAre(StartsWith("trade")));
  // A change of mind before anything was sent sends nothing
  ASSERT_TRUE(session->set_listened(instrument, false, now, actions));
  ASSERT_TRUE(session->set_listened(instrument, true, now, actions));
  pass(1s);
  EXPECT_THAT(take_sent(), IsEmpty());
  EXPECT_FALSE(session->set_listened(domain::no<domain::InstrumentId>, true, now, actions));
}

}  // namespace
}  // namespace halcyon::gateways::binance::testing
