#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "domain/enum_name.h"
#include "gateways/binance/decode.h"
#include "support.h"

// Whatever comes over the wire: no decoder ends the process, reads beyond what a frame promises
// (AddressSanitizer watches the byte behind the padding), or leaves half of a message behind.

namespace halcyon::gateways::binance::testing {
namespace {

/// Gives one text to every decoder, and checks that errors leave no trace.
class EveryDecoder {
 public:
  /// Returns how many of the decoders took the text.
  int take(std::string_view text, std::string_view behind) {
    const Bytes bytes{text, behind};
    int taken = 0;
    const auto check = [&](const char* decoder, auto decode) {
      events_.resize(2);
      remarks_.assign(1, "before");
      const DecodeError error = decode();
      if (error == DecodeError::none) {
        ++taken;
        for (const domain::Event& event : events_) {
          ASSERT_LE(event.remark, remarks_.size()) << decoder << ": " << text;
        }
        if (!events_.empty() && events_.size() > 2) check_runs(text);
      } else {
        ASSERT_EQ(events_.size(), 2U) << decoder << " left something of: " << text;
        ASSERT_EQ(remarks_.size(), 1U) << decoder << " left something of: " << text;
      }
    };
    const Output output{events_, remarks_};
    check("market", [&] {
      MarketMessage message;
      return decode_market(bytes.frame(), symbols_, scratch_, events_, message);
    });
    OrderMessage message;
    check("order frame", [&] {
      return decode_order_frame(bytes.frame(), symbols_, identity_, scratch_, output, message);
    });
    compare_ways(text, behind);
    const std::string result{message.response.result};
    for (const std::string_view one : {text, std::string_view{result}}) {
      const Bytes part{one, behind};
      Rows rows;
      domain::ForeignId id;
      std::int64_t time = 0;
      check("ack", [&] { return decode_order_ack(part.view(), scratch_, id); });
      check("orders", [&] {
        return decode_orders(part.view(), symbols_, identity_, domain::Source::list_query,
                             received_, scratch_, output, rows);
      });
      check("fills", [&] {
        return decode_fills(part.view(), symbols_, identity_, received_, scratch_, output, rows);
      });
      check("balances", [&] {
        return decode_balances(part.view(), symbols_, identity_, received_, scratch_, output, rows);
      });
      check("time", [&] { return decode_server_time(part.view(), scratch_, time); });
    }
    const auto check_rest = [&](const char* decoder, auto decode) {
      RestAnswer answer;
      const DecodeError error = decode(answer);
      if (error == DecodeError::none) {
        ++taken;
      } else {
        ASSERT_TRUE(answer.events.empty()) << decoder << " left something of: " << text;
        ASSERT_TRUE(answer.numbers.empty()) << decoder << " left something of: " << text;
      }
    };
    check_rest("snapshot", [&](RestAnswer& answer) {
      return decode_depth_snapshot(text, symbols_, world_.btc_usdt, scratch_, answer);
    });
    check_rest("rules", [&](RestAnswer& answer) {
      return decode_exchange_info(text, symbols_, scratch_, answer);
    });
    RestAnswer answer;
    decode_rest_error(text, scratch_, answer);
    return taken;
  }

 private:
  /// A blank in front keeps a frame from the quick way: the parser must say the same of it.
  void compare_ways(std::string_view text, std::string_view behind) {
    const auto lines_of = [&](std::string_view one) {
      const Bytes bytes{one, behind};
      std::vector<domain::Event> events;
      std::vector<std::string> remarks;
      MarketMessage market;
      OrderMessage order;
      const DecodeError market_error =
          decode_market(bytes.frame(), symbols_, scratch_, events, market);
      const DecodeError order_error = decode_order_frame(bytes.frame(), symbols_, identity_,
                                                         scratch_, {events, remarks}, order);
      std::vector<std::string> lines = said(events, remarks);
      for (const domain::Event& event : events) {
        lines.push_back(std::to_string(domain::to_unix_ns(event.venue_time)) + " of " +
                        std::to_string(domain::index_of(event.instrument)));
      }
      lines.emplace_back(domain::enum_name(market_error));
      lines.emplace_back(domain::enum_name(order_error));
      if (market_error == DecodeError::none) {
        lines.emplace_back(domain::enum_name(market.kind));
        lines.push_back(std::to_string(market.first_update_id) + " to " +
                        std::to_string(market.last_update_id) + " #" +
                        std::to_string(market.trade_id));
      }
      if (order_error == DecodeError::none) {
        lines.emplace_back(domain::enum_name(order.kind));
        lines.push_back(std::to_string(order.response.id) + " " +
                        std::to_string(order.response.status) + " " +
                        std::to_string(order.response.rates.weight) + " " +
                        std::to_string(order.response.rates.orders_10s));
      }
      return lines;
    };
    ASSERT_EQ(lines_of(text), lines_of(" " + std::string{text})) << text;
  }

  /// A run of levels ends exactly once, counts what it has, and has its bids before its asks.
  void check_runs(std::string_view text) {
    bool has_asks = false;
    for (std::size_t index = 2; index < events_.size(); ++index) {
      const auto* levels = std::get_if<domain::BookLevels>(&events_[index].what);
      if (levels == nullptr) return;
      ASSERT_EQ(levels->last, index + 1 == events_.size()) << text;
      ASSERT_LE(levels->count, domain::BookLevels::capacity) << text;
      ASSERT_LE(levels->bids, levels->count) << text;
      ASSERT_FALSE(has_asks && levels->bids > 0) << text;
      has_asks = has_asks || levels->bids < levels->count;
      for (std::size_t at = 0; at < levels->count; ++at) {
        ASSERT_FALSE(levels->levels[at].price.is_negative()) << text;
        ASSERT_FALSE(levels->levels[at].quantity.is_negative()) << text;
      }
    }
  }

  World world_;
  Symbols symbols_ = world_.symbols();
  Identity identity_ = world_.identity();
  domain::Timestamp received_ = domain::from_unix_ms(1);
  Scratch scratch_;
  std::vector<domain::Event> events_;
  std::vector<std::string> remarks_;
};

TEST(DecodeProperty, EveryTruncationOfEverySampleIsRefusedOrWhole) {
  EveryDecoder decoders;
  for (const auto& [name, text] : all_samples()) {
    for (const std::string& whole : {text, minified(text)}) {
      // Behind the cut stands what the venue would have sent: stale bytes of a frame as long.
      const std::size_t step = whole.size() > 2'000 ? 7 : 1;
      for (std::size_t size = 0; size < whole.size(); size += step) {
        decoders.take(std::string_view{whole}.substr(0, size),
                      std::string_view{whole}.substr(size));
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(DecodeProperty, ATruncatedMarketOrUserEventIsNeverTaken) {
  const World world;
  const Symbols symbols = world.symbols();
  Scratch scratch;
  std::vector<domain::Event> events;
  std::vector<std::string> remarks;
  for (const char* name : {"combined_trade_real.json", "combined_bookTicker_real.json",
                           "combined_depthUpdate_real.json", "uds_executionReport_new.json",
                           "uds_outboundAccountPosition.json"}) {
    const std::string whole = minified(*sample(name));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Bytes cut{std::string_view{whole}.substr(0, size), whole.substr(size)};
      MarketMessage market;
      OrderMessage order;
      EXPECT_NE(decode_market(cut.frame(), symbols, scratch, events, market), DecodeError::none)
          << cut.view();
      EXPECT_NE(decode_order_frame(cut.frame(), symbols, world.identity(), scratch,
                                   {events, remarks}, order),
                DecodeError::none)
          << cut.view();
    }
  }
  EXPECT_TRUE(events.empty());
}

TEST(DecodeProperty, EveryMutationOfEverySampleIsRefusedOrWhole) {
  // Given seeds, so that a failure can be run again
  std::mt19937_64 random{20'261'120};
  EveryDecoder decoders;
  constexpr std::array<std::string_view, 16> parts{
      "{",    "}",      "[",   "]",  "\"",      ",",    ":",
      "null", "-1",     "1e9", "\\", "\\u0000", "true", "99999999999999999999",
      "\xFF", "{\"a\":"};
  int taken = 0;
  for (const auto& [name, text] : all_samples()) {
    const std::string whole = minified(text);
    if (whole.empty()) continue;
    for (int round = 0; round < 150; ++round) {
      std::string mutant = whole;
      const int changes = 1 + static_cast<int>(random() % 3);
      for (int change = 0; change < changes; ++change) {
        const std::size_t at = random() % mutant.size();
        switch (random() % 5) {
          case 0:  // another byte
            mutant[at] = static_cast<char>(random());
            break;
          case 1:  // a byte less
            mutant.erase(at, 1 + random() % 3);
            break;
          case 2:  // something of JSON more
            mutant.insert(at, parts[random() % parts.size()]);
            break;
          case 3:  // a digit for a digit: numbers change, the form does not
            for (std::size_t near = at; near < mutant.size(); ++near) {
              if (mutant[near] >= '0' && mutant[near] <= '9') {
                mutant[near] = static_cast<char>('0' + random() % 10);
                break;
              }
            }
            break;
          default:  // a piece twice
            mutant.insert(at, mutant.substr(at, random() % 40));
            break;
        }
        if (mutant.empty()) mutant = "{";
      }
      taken += decoders.take(mutant, whole);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(taken, 1'000) << "the mutants are so wrong that nothing is tested";
}

TEST(DecodeProperty, DeepAndWideNonsenseIsRefused) {
  EveryDecoder decoders;
  std::string deep;
  for (int level = 0; level < 5'000; ++level) deep += R"({"a":[)";
  decoders.take(deep, "]}");
  decoders.take(std::string(20'000, '['), "]");
  std::string wide = R"({"stream":"btcusdt@depth","data":{"b":[)";
  for (int level = 0; level < 20'000; ++level) wide += R"(["1.0","1.0"],)";
  decoders.take(wide, "\"");
  decoders.take(R"({"stream":")" + std::string(100'000, 'a'), "a");
}

}  // namespace
}  // namespace halcyon::gateways::binance::testing
