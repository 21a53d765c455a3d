#include "engine/book.h"

#include <array>
#include <map>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "recording.h"

namespace halcyon::engine {
namespace {

using namespace domain;
using namespace domain::literals;
using Result = Book::Result;

BookLevels run(std::initializer_list<BookLevel> bids, std::initializer_list<BookLevel> asks,
               bool last = true, std::uint64_t update_id = 1) {
  BookLevels made;
  made.update_id = update_id;
  made.last = last;
  for (const auto& level : bids) made.levels[made.count++] = level;
  made.bids = made.count;
  for (const auto& level : asks) made.levels[made.count++] = level;
  return made;
}

TEST(Book, KnowsTheTouchAfterAWholeRun) {
  Book book;
  book.reset();
  EXPECT_EQ(book.apply(run({{"99"_px, "1"_qty}, {"98"_px, "2"_qty}}, {{"101"_px, "3"_qty}})),
            Result::whole);
  ASSERT_TRUE(book.touch());
  EXPECT_EQ(book.touch()->bid.price, "99"_px);
  EXPECT_EQ(book.touch()->ask.price, "101"_px);
  EXPECT_EQ(book.touch()->ask.quantity, "3"_qty);
}

TEST(Book, ShowsNothingOfAHalfRun) {
  Book book;
  book.reset();
  book.apply(run({{"99"_px, "1"_qty}}, {{"101"_px, "1"_qty}}));
  // Given a run of which the second part is still to come, and which crosses meanwhile
  EXPECT_EQ(book.apply(run({{"102"_px, "1"_qty}}, {}, false)), Result::partial);
  EXPECT_EQ(book.touch()->bid.price, "99"_px);
  // When it is whole
  EXPECT_EQ(book.apply(run({}, {{"101"_px, "0"_qty}, {"103"_px, "1"_qty}})), Result::whole);
  // Then both sides moved at once
  EXPECT_EQ(book.touch()->bid.price, "102"_px);
  EXPECT_EQ(book.touch()->ask.price, "103"_px);
}

TEST(Book, ThatCrossesIsInvalidUntilAReset) {
  Book book;
  book.reset();
  book.apply(run({{"99"_px, "1"_qty}}, {{"101"_px, "1"_qty}}));
  EXPECT_EQ(book.apply(run({{"101"_px, "1"_qty}}, {})), Result::crossed);
  EXPECT_FALSE(book.is_valid());
  EXPECT_FALSE(book.touch());
  EXPECT_EQ(book.apply(run({{"101"_px, "0"_qty}}, {})), Result::ignored);
  book.reset();
  EXPECT_EQ(book.apply(run({{"99"_px, "1"_qty}}, {{"101"_px, "1"_qty}})), Result::whole);
  EXPECT_TRUE(book.is_valid());
}

TEST(Book, WithOneSideIsValidButHasNoTouch) {
  Book book;
  book.reset();
  EXPECT_EQ(book.apply(run({{"99"_px, "1"_qty}}, {})), Result::whole);
  EXPECT_TRUE(book.is_valid());
  EXPECT_FALSE(book.touch());
}

TEST(Book, DeletingALevelThatIsNotThereIsNothing) {
  Book book;
  book.reset();
  book.apply(run({{"99"_px, "1"_qty}}, {{"101"_px, "1"_qty}}));
  EXPECT_EQ(book.apply(run({{"55"_px, "0"_qty}}, {{"155"_px, "0"_qty}})), Result::whole);
  EXPECT_EQ(book.bid_count(), 1U);
  EXPECT_EQ(book.ask_count(), 1U);
}

RC_GTEST_PROP(Book, EqualsAMapOfLevels, (const std::vector<std::tuple<int, int, bool>>& steps)) {
  Book book;
  book.reset();
  std::map<std::int64_t, std::int64_t> bids, asks;
  for (const auto& [number, size, is_bid] : steps) {
    // Bids below 1000, asks above, so that it never crosses.
    const std::int64_t offset = ((number % 500) + 500) % 500;
    const std::int64_t price = is_bid ? 999 - offset : 1000 + offset;
    const std::int64_t quantity = ((size % 4) + 4) % 4;
    const BookLevel level{Price::from_raw(price), Quantity::from_raw(quantity)};
    auto& side = is_bid ? bids : asks;
    if (quantity == 0) {
      side.erase(price);
    } else {
      side[price] = quantity;
    }
    RC_ASSERT(book.apply(is_bid ? run({level}, {}) : run({}, {level})) == Result::whole);
  }
  RC_ASSERT(book.bid_count() == bids.size());
  RC_ASSERT(book.ask_count() == asks.size());
  const auto equals = [](const BookLevel& level, const auto& expected) {
    RC_ASSERT(level.price.raw() == expected.first);
    RC_ASSERT(level.quantity.raw() == expected.second);
  };
  auto bid = bids.rbegin();
  book.each_bid([&](const BookLevel& level) { return equals(level, *bid++), true; });
  RC_ASSERT(bid == bids.rend());
  auto ask = asks.begin();
  book.each_ask([&](const BookLevel& level) { return equals(level, *ask++), true; });
  RC_ASSERT(ask == asks.end());
  if (!bids.empty() && !asks.empty()) {
    RC_ASSERT(book.touch()->bid.price.raw() == bids.rbegin()->first);
    RC_ASSERT(book.touch()->ask.price.raw() == asks.begin()->first);
  }
}

TEST(Book, SweepsItsEmptyPlacesAndKeepsItsLevels) {
  Book book;
  book.reset();
  book.apply(run({{"99"_px, "1"_qty}}, {{"101"_px, "1"_qty}}));
  const auto price = [](int number) { return Price::from_raw(number * 2 + 1); };
  for (int number = 0; number < 2000; ++number) {
    book.apply(run({{price(number), "1"_qty}}, {}));
  }
  for (int number = 0; number < 2000; ++number) {
    if (number % 500 != 0) book.apply(run({{price(number), "0"_qty}}, {}));
  }
  EXPECT_EQ(book.bid_count(), 5U);
  std::vector<Price> left;
  book.each_bid([&](const BookLevel& level) { return left.push_back(level.price), true; });
  EXPECT_EQ(left, (std::vector{"99"_px, price(1500), price(1000), price(500), price(0)}));
}

// ---- The recording ------------------------------------------------------------------------------

std::string eight_decimals(Int128 raw) {
  const auto whole = static_cast<std::int64_t>(raw / decimal_scale);
  const auto parts = static_cast<std::int64_t>(raw % decimal_scale) / 10;
  std::string decimals = std::to_string(parts);
  return std::to_string(whole) + '.' + std::string(8 - decimals.size(), '0') + decimals;
}

std::string hash_of_top(const Book& book) {
  std::string text;
  const auto top20 = [&](char side) {
    return [&text, side, left = 20](const BookLevel& level) mutable {
      text += std::string{side} + ' ' + eight_decimals(level.price.raw()) + ' ' +
              eight_decimals(level.quantity.raw()) + '\n';
      return --left > 0;
    };
  };
  book.each_bid(top20('B'));
  book.each_ask(top20('A'));
  std::array<unsigned char, 32> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

/// Feeds levels in runs of up to five, as a gateway does.
void feed(Book& book, const nlohmann::json& bids, const nlohmann::json& asks,
          std::uint64_t update_id) {
  BookLevels part;
  part.update_id = update_id;
  const auto flush = [&](bool last) {
    part.last = last;
    ASSERT_NE(book.apply(part), Result::crossed);
    part.count = part.bids = 0;
  };
  const auto add = [&](const nlohmann::json& level, bool is_bid) {
    if (part.count == BookLevels::capacity) flush(false);
    part.levels[part.count++] = {*parse<Price>(level[0].get<std::string>()),
                                 *parse<Quantity>(level[1].get<std::string>())};
    if (is_bid) part.bids = part.count;
  };
  for (const auto& level : bids) add(level, true);
  for (const auto& level : asks) add(level, false);
  flush(true);
}

TEST(Book, ReplaysTheRecordedSessionExactly) {
  const auto& recorded = testing::recording();
  if (!recorded) GTEST_SKIP() << "the recording is neither in tests/data/binance nor in ../shared";
  const auto expected = nlohmann::json::parse(recorded->expected);
  // The documented procedure: events up to the snapshot's id are stale.
  struct Diff {
    std::uint64_t last;
    nlohmann::json data;
  };
  std::vector<Diff> early;
  std::map<std::size_t, nlohmann::json> checkpoints;
  for (const auto& checkpoint : expected["checkpoints"]) {
    checkpoints[checkpoint["after_line"].get<std::size_t>()] = checkpoint;
  }
  Book book;
  bool is_synced = false;
  std::uint64_t snapshot_id = 0;
  std::size_t checked = 0;
  for (std::size_t number = 0; number < recorded->lines.size(); ++number) {
    const std::string& text = recorded->lines[number];
    const bool is_depth = text.find("\"depthUpdate\"") != std::string::npos;
    const bool is_snapshot = text.find("\"lastUpdateId\"") != std::string::npos;
    if (is_depth || is_snapshot) {
      const auto frame = nlohmann::json::parse(text.substr(text.find(' ') + 1));
      if (is_snapshot) {
        snapshot_id = frame["lastUpdateId"];
        book.reset();
        feed(book, frame["bids"], frame["asks"], snapshot_id);
        is_synced = true;
        for (const Diff& diff : early) {
          if (diff.last > snapshot_id) feed(book, diff.data["b"], diff.data["a"], diff.last);
        }
      } else {
        const auto& data = frame["data"];
        const std::uint64_t last = data["u"];
        if (!is_synced) {
          early.push_back({last, data});
        } else if (last > snapshot_id) {
          feed(book, data["b"], data["a"], last);
        }
      }
    }
    const auto checkpoint = checkpoints.find(number + 1);
    if (checkpoint == checkpoints.end()) continue;
    ++checked;
    EXPECT_EQ(book.update_id(), checkpoint->second["update_id"]) << "line " << number + 1;
    EXPECT_EQ(book.bid_count(), checkpoint->second["levels"][0]) << "line " << number + 1;
    EXPECT_EQ(book.ask_count(), checkpoint->second["levels"][1]) << "line " << number + 1;
    EXPECT_EQ(hash_of_top(book), checkpoint->second["sha256_top20"]) << "line " << number + 1;
  }
  EXPECT_EQ(checked, expected["checkpoints"].size());
}

}  // namespace
}  // namespace halcyon::engine
