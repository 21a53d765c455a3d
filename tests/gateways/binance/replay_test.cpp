#include <array>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include "domain/decimal.h"
#include "gateways/binance/market_session.h"
#include "session_harness.h"

// 346 seconds of BTCUSDT as the venue sent them, through a market session: the book that its events
// build, and the trades, must be those of expected_replay.json, which was worked out by other
// means.

namespace halcyon::gateways::binance::testing {
namespace {

/// The book as a consumer builds it, from events only.
class Consumer {
 public:
  void take(const domain::Event& event) {
    if (std::holds_alternative<domain::BookReset>(event.what)) {
      bids_.clear();
      asks_.clear();
      is_valid = true;
    } else if (std::holds_alternative<domain::BookInvalid>(event.what)) {
      is_valid = false;
    } else if (const auto* levels = std::get_if<domain::BookLevels>(&event.what)) {
      for (std::size_t at = 0; at < levels->count; ++at) {
        auto& side = at < levels->bids ? bids_ : asks_;
        const auto& level = levels->levels[at];
        if (level.quantity.is_zero()) {
          side.erase(level.price);
        } else {
          side[level.price] = level.quantity;
        }
      }
      update_id = levels->update_id;
    } else if (const auto* trade = std::get_if<domain::Trade>(&event.what)) {
      if (trades == 0) first_trade = trade->venue_id;
      ++trades;
      last_trade = trade->venue_id;
      base += trade->quantity;
      (trade->aggressor == domain::Aggressor::buyer ? taker_buys : taker_sells) += trade->quantity;
      // 10^-9 times 10^-9 is 10^-18; prices and quantities have eight decimals, so 10^-16 is exact.
      quote_1e16 += static_cast<domain::Int128>(trade->price.raw()) * trade->quantity.raw() / 100;
    } else if (std::holds_alternative<domain::TradesLost>(event.what)) {
      ++gaps;
    } else if (std::holds_alternative<domain::Quote>(event.what)) {
      ++quotes;
    }
  }

  std::string top20_sha256() const {
    std::string text;
    const auto add = [&text](char side, domain::Price price, domain::Quantity quantity) {
      text += side;
      text += ' ' + eight_decimals(price) + ' ' + eight_decimals(quantity) + '\n';
    };
    int count = 0;
    for (auto level = bids_.rbegin(); level != bids_.rend() && count < 20; ++level, ++count) {
      add('B', level->first, level->second);
    }
    count = 0;
    for (auto level = asks_.begin(); level != asks_.end() && count < 20; ++level, ++count) {
      add('A', level->first, level->second);
    }
    std::array<unsigned char, 32> digest{};
    EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
    std::string hex;
    for (const unsigned char byte : digest) {
      constexpr std::string_view digits = "0123456789abcdef";
      hex += digits[byte >> 4];
      hex += digits[byte & 15U];
    }
    return hex;
  }
  std::size_t bid_levels() const { return bids_.size(); }
  std::size_t ask_levels() const { return asks_.size(); }
  std::string best_bid() const { return eight_decimals(bids_.rbegin()->first); }
  std::string best_ask() const { return eight_decimals(asks_.begin()->first); }

  bool is_valid = false;
  std::uint64_t update_id = 0;
  int trades = 0, quotes = 0, gaps = 0;
  std::uint64_t first_trade = 0, last_trade = 0;
  domain::Quantity base, taker_buys, taker_sells;
  domain::Int128 quote_1e16 = 0;

  template <class Amount>
  static std::string eight_decimals(Amount amount) {
    std::string text = domain::to_string(amount);
    if (text.find('.') == std::string::npos) text += '.';
    while (text.size() - text.find('.') <= 8) text += '0';
    return text;
  }

 private:
  std::map<domain::Price, domain::Quantity> bids_, asks_;
};

std::string digits(domain::Int128 value) {
  std::string text;
  do {
    text.insert(text.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  return text;
}

TEST(Replay, ARecordedSessionYieldsTheKnownBookAndTrades) {
  const auto expected = nlohmann::json::parse(recording().expected);
  const World world;
  MarketSettings settings;
  settings.symbols = std::make_shared<const Symbols>(world.symbols());
  settings.instruments = {world.btc_usdt};
  SessionHarness<MarketSession> h{std::make_unique<MarketSession>(std::move(settings))};
  Consumer consumer;
  h.start();
  h.take_rest();
  h.open();
  h.frame(R"({"result":null,"id":1})");

  std::size_t line_number = 0;
  std::size_t checkpoints = 0;
  for (const std::string& line : recording().lines) {
    ++line_number;
    const std::size_t blank = line.find(' ');
    h.now = domain::from_unix_ns(std::stoll(line.substr(0, blank)));
    const std::string text = line.substr(blank + 1);
    if (text.rfind("{\"stream\"", 0) == 0) {
      h.frame(text);
    } else {
      // The snapshot, which the session has asked for when the first update came
      const auto requests = h.take_rest();
      ASSERT_EQ(requests.size(), 1U);
      EXPECT_EQ(requests[0].target, "/api/v3/depth?symbol=BTCUSDT&limit=1000");
      h.answer(requests[0], 200, text);
    }
    for (const domain::Event& event : h.events) consumer.take(event);
    h.events.clear();
    h.lines.clear();
    for (const auto& checkpoint : expected["checkpoints"]) {
      if (checkpoint["after_line"] != line_number) continue;
      ++checkpoints;
      SCOPED_TRACE("after line " + std::to_string(line_number));
      EXPECT_TRUE(consumer.is_valid);
      EXPECT_EQ(consumer.update_id, checkpoint["update_id"]);
      EXPECT_EQ(consumer.bid_levels(), checkpoint["levels"][0]);
      EXPECT_EQ(consumer.ask_levels(), checkpoint["levels"][1]);
      EXPECT_EQ(consumer.best_bid(), checkpoint["best"]["bids"][0][0]);
      EXPECT_EQ(consumer.best_ask(), checkpoint["best"]["asks"][0][0]);
      EXPECT_EQ(consumer.top20_sha256(), checkpoint["sha256_top20"]);
    }
  }

  EXPECT_EQ(checkpoints, expected["checkpoints"].size());
  const auto& book = expected["final_book"];
  EXPECT_EQ(consumer.top20_sha256(), book["sha256_top20"]);
  EXPECT_EQ(consumer.bid_levels(), book["levels_bid"]);
  EXPECT_EQ(consumer.ask_levels(), book["levels_ask"]);
  const auto& sync = expected["sync"];
  EXPECT_EQ(h.counter("book_gaps"), sync["gaps"]);
  EXPECT_EQ(h.counter("book_updates_dropped"), sync["stale_depth_events_dropped"]);
  EXPECT_EQ(consumer.update_id, sync["final_update_id"]);
  const auto& counts = expected["counts"];
  EXPECT_EQ(h.counter("frames_depth"), counts["depthUpdate"]);
  EXPECT_EQ(h.counter("frames_trade"), counts["trade"]);
  EXPECT_EQ(consumer.quotes, counts["bookTicker"]);
  const auto& trades = expected["trades"];
  EXPECT_EQ(consumer.trades, trades["count"]);
  EXPECT_EQ(consumer.first_trade, trades["first_id"]);
  EXPECT_EQ(consumer.last_trade, trades["last_id"]);
  EXPECT_EQ(consumer.gaps, trades["id_gaps"]);
  EXPECT_EQ(Consumer::eight_decimals(consumer.base), trades["base_qty"]);
  EXPECT_EQ(Consumer::eight_decimals(consumer.taker_buys), trades["taker_buy_qty"]);
  EXPECT_EQ(Consumer::eight_decimals(consumer.taker_sells), trades["taker_sell_qty"]);
  EXPECT_EQ(digits(consumer.quote_1e16), trades["quote_volume_1e16"]);
  EXPECT_EQ(h.reconnects, 0);
  EXPECT_TRUE(h.words.empty());
}

}  // namespace
}  // namespace halcyon::gateways::binance::testing
