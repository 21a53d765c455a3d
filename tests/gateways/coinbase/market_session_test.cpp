#include "gateways/coinbase/market_session.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include "engine/book.h"
#include "support.h"
#include "tests/gateways/binance/session_harness.h"

namespace halcyon::gateways::coinbase::testing {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

class Market : public ::testing::Test, public binance::testing::SessionHarness<MarketSession> {
 protected:
  explicit Market(bool with_key = false)
      : SessionHarness<MarketSession>(make(with_key)), world_() {}

  static std::unique_ptr<MarketSession> make(bool with_key) {
    const World world;
    MarketSettings settings;
    settings.symbols = world.symbols();
    settings.instruments = {world.btc_usd, world.btc_usdc, world.eth_usd};
    settings.endpoint = {"ws.test", 443, "/", true};
    settings.jitter_seed = 5;
    if (with_key) settings.credentials = credentials();
    return std::make_unique<MarketSession>(std::move(settings));
  }

  /// The next frame of the connection, numbered.
  void say(std::string_view channel, std::string_view content) {
    frame(text_of(channel, sequence++, content));
  }
  void say_second(std::string_view channel, std::string_view content) {
    frame_second(text_of(channel, second_sequence++, content));
  }
  static std::string text_of(std::string_view channel, std::uint64_t number,
                             std::string_view content) {
    return R"({"channel":")" + std::string{channel} +
           R"(","timestamp":"2026-09-30T02:39:53Z","sequence_num":)" + std::to_string(number) +
           R"(,"events":[)" + std::string{content} + "]}";
  }
  static std::string book(std::string_view type, std::string_view product, std::string_view bid,
                          std::string_view offer) {
    return R"({"type":")" + std::string{type} + R"(","product_id":")" + std::string{product} +
           R"(","updates":[{"side":"bid","event_time":"1970-01-01T00:00:00Z","price_level":")" +
           std::string{bid} +
           R"(","new_quantity":"1"},{"side":"offer","event_time":"1970-01-01T00:00:00Z","price_level":")" +
           std::string{offer} + R"(","new_quantity":"2"}]})";
  }
  static std::string trades(std::string_view type, std::initializer_list<int> ids) {
    std::string rows;
    for (const int id : ids) {
      rows += std::string{rows.empty() ? "" : ","} + R"({"product_id":"ETH-USD","trade_id":")" +
              std::to_string(id) +
              R"(","price":"10","size":"1","time":"2026-09-30T02:39:53Z","side":"SELL"})";
    }
    return R"({"type":")" + std::string{type} + R"(","trades":[)" + rows + "]}";
  }
  static constexpr std::string_view all_channels =
      R"({"subscriptions":{"heartbeats":["heartbeats"],"level2":["BTC-USD"],"market_trades":["BTC-USD"],"ticker":["BTC-USD"],"status":["BTC-USD"]}})";

  /// From the handshake to both books whole: snapshots first, then the answer, as recorded.
  void connect() {
    start();
    open();
    sequence = 0;
    pass(1s);  // all five subscriptions
    say("l2_data", book("snapshot", "BTC-USD", "99", "101"));
    say("l2_data", book("snapshot", "ETH-USD", "9", "11"));
    say("subscriptions", all_channels);
    ASSERT_EQ(lines.back(), "stream market ready none");
    lines.clear();
    sent.clear();
    events.clear();
    rest.clear();
  }

  World world_;
  std::uint64_t sequence = 0, second_sequence = 0;
};

TEST_F(Market, SubscribesAtOnceOneMessageAChannelAndUnderCanonicalNames) {
  open();
  ASSERT_THAT(sent, SizeIs(4));
  pass(1s);
  ASSERT_THAT(sent, SizeIs(5));
  std::vector<std::string> channels;
  for (const std::string& text : sent) channels.push_back(json::parse(text)["channel"]);
  EXPECT_THAT(channels, ElementsAre("heartbeats", "level2", "market_trades", "ticker", "status"));
  // BTC-USD and BTC-USDC are one book
  EXPECT_EQ(json::parse(sent[1])["product_ids"], (json{"BTC-USD", "ETH-USD"}));
  EXPECT_FALSE(json::parse(sent[1]).contains("jwt"));
}

TEST_F(Market, IsReadyWhenEveryChannelIsConfirmedAndFansABookOut) {
  open();
  take_lines();
  say("l2_data", book("snapshot", "BTC-USD", "99", "101"));
  ASSERT_THAT(events, SizeIs(5));  // after "connecting": a reset and a run for each of the two
  EXPECT_EQ(events[1].instrument, world_.btc_usd);
  EXPECT_EQ(events[3].instrument, world_.btc_usdc);
  say("subscriptions", R"({"subscriptions":{"heartbeats":["heartbeats"],"level2":["BTC-USD"]}})");
  EXPECT_NE(take_lines().back(), "stream market ready none");
  say("subscriptions", all_channels);
  EXPECT_EQ(take_lines().back(), "stream market ready none");
}

TEST_F(Market, DropsAnUpdateBeforeItsSnapshot) {
  open();
  take_lines();
  say("l2_data", book("update", "ETH-USD", "9", "11"));
  EXPECT_THAT(take_lines(), IsEmpty());
  EXPECT_EQ(counter("book_updates_dropped"), 1U);
}

TEST_F(Market, AHoleInTheNumbersMakesEveryBookStaleAndAsksForAllAnew) {
  connect();
  say("market_trades", trades("snapshot", {100}));
  take_lines();
  ++sequence;  // a frame is lost; nobody knows of which channel
  say("heartbeats", R"({"current_time":"x","heartbeat_counter":7})");
  const auto told = take_lines();
  EXPECT_EQ(std::count_if(told.begin(), told.end(),
                          [](const std::string& line) {
                            return line.find("sequence_gap") != std::string::npos;
                          }),
            3);                                               // each of the three instruments
  EXPECT_THAT(told, ::testing::Contains(HasSubstr("lost")));  // and its candle is not whole
  pass(1s);
  std::vector<std::string> asked;
  for (const std::string& text : sent) {
    const json message = json::parse(text);
    asked.push_back(message["type"].get<std::string>() + " " +
                    message["product_ids"][0].get<std::string>());
  }
  EXPECT_THAT(asked, ElementsAre("unsubscribe BTC-USD", "subscribe BTC-USD", "unsubscribe ETH-USD",
                                 "subscribe ETH-USD"));
  // An update that is still under way changes nothing; the snapshot makes it whole
  say("l2_data", book("update", "ETH-USD", "9", "11"));
  EXPECT_THAT(take_lines(), IsEmpty());
  say("l2_data", book("snapshot", "ETH-USD", "9", "11"));
  EXPECT_THAT(take_lines(), SizeIs(2));
}

TEST_F(Market, ALateOrRepeatedFrameSaysNothing) {
  connect();
  say("l2_data", book("update", "ETH-USD", "9", "11"));
  take_lines();
  frame(text_of("l2_data", sequence - 1, book("update", "ETH-USD", "1", "99")));
  frame(text_of("l2_data", 0, book("snapshot", "ETH-USD", "1", "99")));
  EXPECT_THAT(take_lines(), IsEmpty());
  EXPECT_EQ(counter("frames_repeated"), 2U);
}

TEST_F(Market, HolesAgainAndAgainEndTheConnection) {
  connect();
  for (int hole = 0; hole < 4; ++hole) {
    ++sequence;
    say("heartbeats", R"({"current_time":"x","heartbeat_counter":7})");
    now += 1s;
  }
  EXPECT_EQ(reconnects, 1);
  EXPECT_THAT(why, HasSubstr("again and again"));
}

TEST_F(Market, AFrameThatIsNotUnderstoodIsAsGoodAsLost) {
  connect();
  say("l2_data", R"({"type":"update","product_id":"ETH-USD","updates":[{"side":"bid"}]})");
  EXPECT_THAT(take_lines(), ::testing::Contains(HasSubstr("sequence_gap")));
  EXPECT_EQ(counter("decode_missing_field"), 1U);
  EXPECT_THAT(words, ::testing::Contains(HasSubstr("missing_field")));
}

TEST_F(Market, TheTradesBeforeTheSubscriptionOnlySayWhereTheNumbersStand) {
  connect();
  say("market_trades", trades("snapshot", {102, 101, 100}));
  EXPECT_THAT(take_lines(), IsEmpty());
  say("market_trades", trades("update", {104, 103, 102}));
  EXPECT_THAT(take_lines(), ElementsAre("trade 10 x 1 #103 buyer", "trade 10 x 1 #104 buyer"));
}

TEST_F(Market, AfterAReconnectTheyFillTheHoleAsFarAsTheyReach) {
  connect();
  say("market_trades", trades("snapshot", {100}));
  closed();
  take_lines();
  open();
  sequence = 0;
  take_lines();
  say("market_trades", trades("snapshot", {106, 105, 104}));
  const auto told = take_lines();
  ASSERT_THAT(told, SizeIs(4));
  EXPECT_THAT(told[0], HasSubstr("3"));  // 101 to 103 are gone
  EXPECT_EQ(told[1], "trade 10 x 1 #104 buyer");
  EXPECT_EQ(counter("trades_filled_in"), 3U);
}

TEST_F(Market, FiveSecondsOfSilenceAreTheEnd) {
  connect();
  pass(4900ms);
  EXPECT_EQ(reconnects, 0);
  pass(200ms);
  EXPECT_EQ(reconnects, 1);
  EXPECT_EQ(counter("silences"), 1U);
}

TEST_F(Market, AnErrorIsSaidAndTheNextConnectionTriesWithoutAToken) {
  open();
  frame(R"({"type":"error","message":"authentication failure"})");
  EXPECT_EQ(reconnects, 1);
  EXPECT_THAT(words, ::testing::Contains(HasSubstr("authentication failure")));
}

class KeyedMarket : public Market {
 protected:
  KeyedMarket() : Market(true) {}
};

TEST_F(KeyedMarket, EachSubscriptionHasATokenOfItsOwn) {
  open();
  pass(1s);
  std::set<std::string> tokens;
  for (const std::string& text : sent) tokens.insert(json::parse(text)["jwt"].get<std::string>());
  EXPECT_EQ(tokens.size(), sent.size());
}

TEST_F(Market, TheEnginesWishForANewBookIsGrantedOncePerFiveSeconds) {
  connect();
  domain::VenueRequest wish;
  wish.kind = domain::QueryKind::resync_book;
  wish.instrument = world_.eth_usd;
  request(wish);
  request(wish);
  pass(1s);
  EXPECT_THAT(sent, SizeIs(2));
  EXPECT_THAT(take_lines(), ::testing::Contains(HasSubstr("invalid")));
}

TEST_F(Market, ASnapshotThatDoesNotComeIsAskedForAgain) {
  start();
  open();
  pass(1s);
  sent.clear();
  say("subscriptions", all_channels);
  for (int second = 0; second < 12; ++second) {
    pass(1s);
    say("heartbeats", R"({"current_time":"x","heartbeat_counter":7})");
  }
  EXPECT_THAT(sent, SizeIs(4));  // both books: unsubscribe, subscribe
}

TEST_F(Market, ASecondConnectionTakesOverBookByBookWithoutAMomentWithoutOne) {
  session->allow_second();
  connect();
  say("market_trades", trades("snapshot", {100}));
  take_lines();
  // Until the time has come, heartbeats keep the first one alive
  for (int hour = 0; hour < 24 && seconds_opened == 0; ++hour) {
    for (int part = 0; part < 900 && seconds_opened == 0; ++part) {
      pass(4s);
      say("heartbeats", R"({"current_time":"x","heartbeat_counter":7})");
    }
  }
  ASSERT_EQ(seconds_opened, 1);
  take_lines();
  second_open();
  pass(1s);
  EXPECT_THAT(sent_second, SizeIs(5));
  say_second("l2_data", book("snapshot", "ETH-USD", "8", "12"));
  const auto changed = take_lines();
  EXPECT_THAT(changed, SizeIs(2));
  EXPECT_THAT(changed, ::testing::Not(::testing::Contains(HasSubstr("invalid"))));
  // From here on the first one's word about that book counts no more
  say("l2_data", book("update", "ETH-USD", "9", "11"));
  EXPECT_THAT(take_lines(), IsEmpty());
  say_second("l2_data", book("update", "ETH-USD", "8.5", "11.5"));
  EXPECT_THAT(take_lines(), SizeIs(1));
  // A trade that only the second one has told is told when it has taken over
  say_second("market_trades", trades("update", {102, 101}));
  EXPECT_THAT(take_lines(), IsEmpty());
  say("market_trades", trades("update", {101}));
  EXPECT_THAT(take_lines(), ElementsAre("trade 10 x 1 #101 buyer"));
  say_second("l2_data", book("snapshot", "BTC-USD", "99", "101"));
  say_second("subscriptions", all_channels);
  EXPECT_EQ(promotions, 1);
  EXPECT_EQ(take_lines().back(), "trade 10 x 1 #102 buyer");
  EXPECT_EQ(counter("rollovers"), 1U);
}

TEST_F(Market, ASecondConnectionThatFailsGivesItsBooksBack) {
  session->allow_second();
  connect();
  for (int part = 0; part < 24 * 900 && seconds_opened == 0; ++part) {
    pass(4s);
    say("heartbeats", R"({"current_time":"x","heartbeat_counter":7})");
  }
  second_open();
  say_second("l2_data", book("snapshot", "ETH-USD", "8", "12"));
  take_lines();
  sent.clear();
  second_closed();
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("invalid")));  // ETH-USD alone
  pass(1s);
  EXPECT_THAT(sent, SizeIs(2));
  EXPECT_EQ(reconnects, 0);
}

// ---- Recorded frames ----------------------------------------------------------------------------

std::string canonical(const engine::Book& book) {
  std::string text;
  const auto add = [&](const char* side) {
    return [&text, side](const domain::BookLevel& level) {
      text += std::string{side} + " " + std::string{domain::to_string(level.price)} + " " +
              std::string{domain::to_string(level.quantity)} + "\n";
      return true;
    };
  };
  book.each_bid(add("b"));
  book.each_ask(add("a"));
  return text;
}

std::string sha256(const std::string& text) {
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

TEST(Recorded, AWholeSessionMakesTheStatedBooks) {
  std::ifstream file{HALCYON_SOURCE_DIR
                     "/../shared/fixtures/coinbase/recorded/"
                     "advanced_shape_from_exchange_20210417_skl.tsv"};
  if (!file) GTEST_SKIP() << "needs ../shared/fixtures";
  const World world;
  MarketSettings settings;
  settings.symbols = world.symbols();
  settings.instruments = {world.skl_usd, world.skl_gbp};
  binance::testing::SessionHarness<MarketSession> harness{
      std::make_unique<MarketSession>(std::move(settings))};
  harness.open();
  std::map<domain::InstrumentId, engine::Book> books;
  std::map<domain::InstrumentId, int> trades;
  std::string line;
  while (std::getline(file, line)) {
    harness.events.clear();
    harness.frame(std::string_view{line}.substr(line.find('\t') + 1));
    for (const domain::Event& event : harness.events) {
      engine::Book& book = books[event.instrument];
      if (std::holds_alternative<domain::BookReset>(event.what)) book.reset();
      if (const auto* levels = std::get_if<domain::BookLevels>(&event.what)) {
        EXPECT_NE(book.apply(*levels), engine::Book::Result::crossed);
      }
      trades[event.instrument] += std::holds_alternative<domain::Trade>(event.what) ? 1 : 0;
    }
  }
  EXPECT_EQ(harness.counter("book_gaps"), 0U);
  EXPECT_EQ(books[world.skl_usd].bid_count(), 816U);
  EXPECT_EQ(books[world.skl_usd].ask_count(), 1341U);
  EXPECT_EQ(sha256(canonical(books[world.skl_usd])),
            "39388bfba329e2e04934dd7bf25c23d621f9ff5f159c2b61500e286260b9e35a");
  EXPECT_EQ(sha256(canonical(books[world.skl_gbp])),
            "8cb1b32068ff3f6a7a940b92ef3c1836cfca54fb6addff2830162c9596ae0b1d");
  EXPECT_EQ(trades[world.skl_usd], 52);
  EXPECT_EQ(trades[world.skl_gbp], 1);
}

TEST(Recorded, FramesOfProductionFollowEachOtherWithoutAHole) {
  for (const char* const name :
       {"advanced_md_20260930_seq0_8.tsv", "advanced_md_20260930_seq205_214.tsv"}) {
    const auto text = sample(std::string{"recorded/"}.append(name));
    if (!text) GTEST_SKIP() << "needs ../shared/fixtures";
    const World world;
    Scratch scratch;
    std::vector<domain::Event> events;
    Message message;
    std::optional<std::uint64_t> before;
    std::size_t at = 0;
    while (at < text->size()) {
      const std::size_t end = std::min(text->find('\n', at), text->size());
      const std::string line = text->substr(at, end - at);
      at = end + 1;
      if (line.empty()) continue;
      const Bytes bytes{std::string_view{line}.substr(line.find('\t') + 1)};
      ASSERT_EQ(decode(bytes.frame(), *world.symbols(), world.identity(), max_snapshot_levels,
                       scratch, events, message),
                DecodeError::none);
      if (before) {
        EXPECT_EQ(message.sequence, *before + 1);
      }
      before = message.sequence;
    }
    EXPECT_GT(events.size(), 10U);
  }
}

}  // namespace
}  // namespace halcyon::gateways::coinbase::testing
