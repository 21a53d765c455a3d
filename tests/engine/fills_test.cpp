#include "engine/fills.h"

#include <gtest/gtest.h>

#include "record_text.h"

namespace halcyon::engine {
namespace {

using namespace domain;

constexpr AccountId account{0};
constexpr InstrumentId btc{0}, bnb{1};

FillBooked fill(std::uint64_t number, InstrumentId instrument, std::uint64_t trade) {
  FillBooked made;
  made.number = number;
  made.account = account;
  made.instrument = instrument;
  made.trade = ForeignId::number(trade);
  made.venue_time = from_unix_ms(static_cast<std::int64_t>(trade) * 1000);
  return made;
}

TEST(Fills, AreKeyedByAccountInstrumentAndTrade) {
  Fills fills{8};
  fills.apply(fill(1, btc, 7));
  EXPECT_TRUE(fills.is_booked(account, btc, ForeignId::number(7)));
  EXPECT_FALSE(fills.is_booked(account, bnb, ForeignId::number(7)))
      << "Binance repeats trade ids between symbols";
  EXPECT_FALSE(fills.is_booked(AccountId{1}, btc, ForeignId::number(7)));
  EXPECT_FALSE(fills.is_booked(account, btc, {})) << "no id is not an id";
}

TEST(Fills, ThatWereLetGoStayBookedByTheirNumber) {
  Fills fills{3};
  for (std::uint64_t trade = 1; trade <= 5; ++trade) fills.apply(fill(trade, btc, trade * 10));
  for (std::uint64_t trade = 1; trade <= 5; ++trade) {
    EXPECT_TRUE(fills.is_booked(account, btc, ForeignId::number(trade * 10))) << trade;
  }
  EXPECT_FALSE(fills.is_booked(account, btc, ForeignId::number(60)));
  EXPECT_FALSE(fills.is_booked(account, bnb, ForeignId::number(10)));
}

TEST(Fills, ASnapshotRebuildsTheSameRing) {
  Fills fills{4};
  for (std::uint64_t number = 1; number <= 11; ++number) {
    fills.apply(fill(number, number % 3 == 0 ? bnb : btc, number * 10));
  }
  std::vector<RecordEntry> records;
  fills.snapshot(records);
  Fills again{4};
  for (const RecordEntry& entry : records) again.apply(std::get<FillBooked>(entry.record));
  std::vector<RecordEntry> repeated;
  again.snapshot(repeated);
  EXPECT_EQ(testing::to_text(repeated), testing::to_text(records));
  EXPECT_EQ(again.last_number(), 11U);
  for (std::uint64_t number = 1; number <= 11; ++number) {
    const InstrumentId instrument = number % 3 == 0 ? bnb : btc;
    EXPECT_TRUE(again.is_booked(account, instrument, ForeignId::number(number * 10)));
  }
}

TEST(Fills, NewestUntilATimeIsOfThatInstrument) {
  Fills fills{8};
  fills.apply(fill(1, btc, 10));
  fills.apply(fill(2, bnb, 20));
  fills.apply(fill(3, btc, 30));
  EXPECT_EQ(fills.newest(account, btc)->trade, ForeignId::number(30));
  EXPECT_EQ(fills.newest_until(account, btc, from_unix_ms(29'999))->trade, ForeignId::number(10));
  EXPECT_EQ(fills.newest_until(account, btc, from_unix_ms(9'999)), nullptr);
  EXPECT_EQ(fills.newest(AccountId{3}, btc), nullptr);
}

}  // namespace
}  // namespace halcyon::engine
