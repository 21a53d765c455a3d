#include "simulation/tape.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "tests/simulation/recording.h"

namespace halcyon::simulation {
namespace {

using namespace std::chrono_literals;
using namespace domain::literals;
using ::testing::HasSubstr;

constexpr Timestamp start = domain::from_unix_ms(1'700'000'000'000);

Tape small() { return parse_tape(testing::small_recording, "small"); }

/// A client of the documented procedure: a snapshot, then every event in its turn. Written without
/// the simulator's own book.
struct Client {
  std::map<std::int64_t, Quantity> bids, asks;
  std::uint64_t id = 0;

  void load(const Levels& snapshot, std::uint64_t at) {
    for (const auto& level : snapshot.bids) bids[level.price.raw()] = level.quantity;
    for (const auto& level : snapshot.asks) asks[level.price.raw()] = level.quantity;
    id = at;
  }
  /// The strict rule, as ccxt has it: no overlap, no gap.
  void apply(const DepthEvent& event) {
    ASSERT_EQ(event.first_id, id + 1);
    ASSERT_GE(event.last_id, event.first_id);
    update(bids, event.bids);
    update(asks, event.asks);
    id = event.last_id;
    ASSERT_LT(bids.rbegin()->first, asks.begin()->first) << "the book is crossed at " << id;
  }
  static void update(std::map<std::int64_t, Quantity>& side, std::span<const Level> levels) {
    for (const auto& level : levels) {
      if (level.quantity.is_zero()) {
        side.erase(level.price.raw());
      } else {
        side[level.price.raw()] = level.quantity;
      }
    }
  }
};

TEST(Tape, CutsWhatIsOlderThanTheSnapshotAndClipsTheEventThatStraddlesIt) {
  // When a recording that begins with stale frames is read
  const auto tape = small();
  // Then the stale depth event and quote are gone, and the ids run on from the snapshot
  EXPECT_EQ(tape.symbol, "BTCUSDT");
  ASSERT_EQ(tape.frames.size(), 5U);
  const auto& first = std::get<TapeDepth>(tape.frames.front().what);
  EXPECT_EQ(first.first_id, 101U);
  EXPECT_EQ(first.last_id, 102U);
  EXPECT_EQ(tape.frames.front().at, 0ns);
  EXPECT_EQ(tape.frames.back().at, 900ms);
  EXPECT_EQ(tape.last_depth_id, 104U);
  EXPECT_EQ(tape.last_id, 106U);  // a quote ran ahead of the book
  EXPECT_EQ(tape.trades, 2U);
}

struct Refusal {
  const char* name;
  const char* find;
  const char* replace;
  const char* words;
};

class TapeRefusal : public ::testing::TestWithParam<Refusal> {};

TEST_P(TapeRefusal, SaysTheLineAndWhatIsWrong) {
  // Given a recording with one thing wrong
  std::string text = testing::small_recording;
  const auto at = text.find(GetParam().find);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::string_view{GetParam().find}.size(), GetParam().replace);
  // When it is read
  try {
    parse_tape(text, "small");
    FAIL() << "it was taken";
  } catch (const std::runtime_error& error) {
    // Then the refusal names the place and the reason
    EXPECT_THAT(error.what(), HasSubstr("small"));
    EXPECT_THAT(error.what(), HasSubstr(GetParam().words));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Tape, TapeRefusal,
    ::testing::Values(
        Refusal{"depth_gap", "\"U\":103", "\"U\":104", "gap between 102 and 104"},
        Refusal{"trade_gap", "\"t\":8", "\"t\":9", "gap between 7 and 9"},
        Refusal{"second_symbol", "\"s\":\"BTCUSDT\",\"t\":7", "\"s\":\"ETHUSDT\",\"t\":7",
                "small:5: a second symbol"},
        Refusal{"not_json", "{\"lastUpdateId\"", "{lastUpdateId\"", "small:3: is not a JSON"},
        Refusal{"no_time", "1050000000 ", "", "does not begin with a receive time"},
        Refusal{"no_amount", "\"q\":\"0.5\"", "\"q\":\"0.5x\"", "\"0.5x\" is not an amount"},
        Refusal{"negative", "\"q\":\"0.5\"", "\"q\":\"-1\"", "is not an amount"},
        Refusal{"unknown_kind", "\"e\":\"trade\"", "\"e\":\"kline\"", "can be replayed"},
        Refusal{"missing_field", "\"m\":true,", "", "has no \"m\""},
        Refusal{"empty_side", "[[\"100.01\",\"3\"],[\"100.02\",\"4\"]]", "[]", "empty side"}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(Tape, NeedsASnapshotAndAFrameBehindIt) {
  EXPECT_THROW(parse_tape("", "empty"), std::runtime_error);
  EXPECT_THROW(parse_tape(R"(1 {"lastUpdateId":1,"bids":[["1","1"]],"asks":[["2","1"]]})", "bare"),
               std::runtime_error);
  EXPECT_THROW(read_tape("/does/not/exist"), std::runtime_error);
}

TEST(Replay, SendsEachFrameWhenItIsDueAndStampsItWithTheSimulatorsClock) {
  // Given a replay at 10x
  Replay replay{small(), 10, false};
  EXPECT_EQ(replay.next_due(), domain::never);
  replay.resume(start);
  std::vector<MarketEvent> events;
  // When 19 ms have passed, then only what was recorded within 190 ms comes
  EXPECT_EQ(replay.advance(start + 19ms, 100, events), 2U);
  // And the trade keeps its age, shrunk like everything else
  const auto& trade = std::get<TradeEvent>(events.back().what);
  EXPECT_EQ(events.back().time, start + 19ms);
  EXPECT_EQ(trade.traded, start + 18ms);
  EXPECT_EQ(trade.id, 7U);
  EXPECT_EQ(replay.next_due(), start + 20ms);
  // And at the end nothing more is due
  replay.advance(start + 10s, 100, events);
  EXPECT_EQ(events.size(), 5U);
  EXPECT_TRUE(replay.finished());
  EXPECT_EQ(replay.next_due(), domain::never);
}

TEST(Replay, StandsStillWhilePausedAndGoesOnWhereItStood) {
  Replay replay{small(), 1, false};
  replay.resume(start);
  std::vector<MarketEvent> events;
  replay.advance(start + 50ms, 100, events);
  replay.pause(start + 50ms);
  EXPECT_EQ(replay.next_due(), domain::never);
  EXPECT_EQ(replay.advance(start + 10s, 100, events), 0U);
  replay.resume(start + 10s);
  EXPECT_EQ(replay.next_due(), start + 10s + 50ms);
  replay.set_speed(5, start + 10s);
  EXPECT_EQ(replay.next_due(), start + 10s + 10ms);
  EXPECT_EQ(replay.position(start + 10s + 10ms), 100ms);
}

TEST(Replay, NeverSendsMoreThanItsLimitAtOnce) {
  Replay replay{small(), 1, true};
  replay.resume(start);
  std::vector<MarketEvent> events;
  EXPECT_EQ(replay.advance(start + 1h, 3, events), 3U);
  EXPECT_LE(replay.next_due(), start + 1h);
}

TEST(Replay, JoinsTheLastBookToTheFirstWithOneDepthEventAndRisingIds) {
  // Given three rounds of a small tape
  Replay replay{small(), 1, true};
  replay.resume(start);
  std::vector<MarketEvent> events;
  while (replay.round() < 3) replay.advance(replay.next_due(), 1, events);
  // When an independent client follows
  Client client;
  client.load(small().snapshot, small().snapshot_id);
  const auto first = client;
  std::uint64_t quote_id = 0;
  std::uint64_t trade_id = 6;
  Timestamp time{};
  Timestamp traded{};
  std::size_t seams = 0;
  for (const auto& event : events) {
    EXPECT_GE(event.time, time);
    time = event.time;
    if (const auto* depth = std::get_if<DepthEvent>(&event.what)) {
      ASSERT_NO_FATAL_FAILURE(client.apply(*depth));
      if (client.bids == first.bids && client.asks == first.asks) ++seams;
    } else if (const auto* quote = std::get_if<QuoteEvent>(&event.what)) {
      EXPECT_GT(quote->update_id, quote_id);
      quote_id = quote->update_id;
    } else {
      const auto& trade = std::get<TradeEvent>(event.what);
      EXPECT_EQ(trade.id, trade_id + 1);
      EXPECT_GE(trade.traded, traded);
      EXPECT_LE(trade.traded, event.time);
      trade_id = trade.id;
      traded = trade.traded;
    }
  }
  // Then each round ended at the first book, by one event, and the quote said its top
  EXPECT_EQ(seams, 3U);
  EXPECT_EQ(client.id, quote_id);
  EXPECT_EQ(trade_id, 6U + 3 * 2);
}

std::string hash_of(const Client& client) {
  const auto eight = [](domain::Int128 raw) {
    auto text = std::to_string(static_cast<std::uint64_t>(raw / 10));
    while (text.size() < 9) text.insert(0, 1, '0');
    return text.insert(text.size() - 8, 1, '.');
  };
  std::string text;
  auto bid = client.bids.rbegin();
  for (int level = 0; level < 20; ++level, ++bid) {
    text += "B " + eight(bid->first) + ' ' + eight(bid->second.raw()) + '\n';
  }
  auto ask = client.asks.begin();
  for (int level = 0; level < 20; ++level, ++ask) {
    text += "A " + eight(ask->first) + ' ' + eight(ask->second.raw()) + '\n';
  }
  std::array<unsigned char, 32> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  std::string hex;
  for (const auto byte : digest) {
    hex += "0123456789abcdef"[byte >> 4U];
    hex += "0123456789abcdef"[byte & 15U];
  }
  return hex;
}

/// What `expected_replay.json` beside the recording says of the book at some update ids.
std::map<std::uint64_t, std::string> checkpoints() {
  std::map<std::uint64_t, std::string> expected;
  const auto text = testing::read_text(HALCYON_SOURCE_DIR
                                       "/../shared/fixtures/binance/recorded/expected_replay.json");
  if (text.empty()) return expected;
  const auto document = boost::json::parse(text);
  for (const auto& each : document.at("checkpoints").as_array()) {
    expected[each.at("update_id").to_number<std::uint64_t>()] =
        std::string{each.at("sha256_top20").as_string()};
  }
  return expected;
}

TEST(Replay, PlaysTheRecordedSessionTwiceWithoutAGapAndAsOthersReplayedIt) {
  const auto file = testing::recording();
  if (file.empty()) GTEST_SKIP() << "the recorded session is not here";
  // Given the recorded session in a circle
  Replay replay{read_tape(file), Replay::max_speed, true};
  const auto& tape = replay.tape();
  ASSERT_EQ(tape.snapshot_id, 50093239218U);
  ASSERT_EQ(tape.trades, 9757U);
  EXPECT_EQ(tape.last_depth_id, 50093421584U);
  Client client;
  client.load(tape.snapshot, tape.snapshot_id);
  const auto first = client;
  const auto expected = checkpoints();
  std::array<std::size_t, 2> checked{};
  // When an independent client follows it for two rounds
  replay.resume(start);
  std::vector<MarketEvent> events;
  std::uint64_t trade_id = tape.first_trade_id - 1;
  std::uint64_t quote_id = 0;
  std::size_t seam_levels = 0;
  while (replay.round() < 2) {
    const auto round = replay.round();
    const auto shift = replay.id_shift();
    events.clear();
    replay.advance(replay.next_due(), 1, events);
    for (const auto& event : events) {
      if (const auto* depth = std::get_if<DepthEvent>(&event.what)) {
        ASSERT_NO_FATAL_FAILURE(client.apply(*depth));
        if (replay.round() != round) seam_levels = depth->bids.size() + depth->asks.size();
        const auto known = expected.find(client.id - shift);
        if (replay.round() == round && known != expected.end()) {
          EXPECT_EQ(hash_of(client), known->second) << "at update id " << client.id - shift;
          ++checked[round];
        }
      } else if (const auto* trade = std::get_if<TradeEvent>(&event.what)) {
        ASSERT_EQ(trade->id, ++trade_id);
      } else {
        const auto& quote = std::get<QuoteEvent>(event.what);
        ASSERT_GT(quote.update_id, quote_id);
        quote_id = quote.update_id;
      }
    }
    if (replay.round() != round) {
      // Then each round ends exactly at the book with which it began
      EXPECT_EQ(client.bids, first.bids);
      EXPECT_EQ(client.asks, first.asks);
      EXPECT_EQ(client.id, tape.snapshot_id + replay.id_shift());
    }
  }
  EXPECT_GT(seam_levels, 1000U);
  // And the second round's book is the first one's, by the numbers of an independent replay
  EXPECT_EQ(checked[0], checked[1]);
  EXPECT_EQ(checked[0], expected.empty() ? 0U : 8U);
}

}  // namespace
}  // namespace halcyon::simulation
