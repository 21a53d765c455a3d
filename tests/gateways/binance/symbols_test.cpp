#include "gateways/binance/symbols.h"

#include <stdexcept>

#include <gtest/gtest.h>

#include "support.h"

namespace halcyon::gateways::binance::testing {
namespace {

TEST(Symbols, FindsInstrumentsByTheVenuesNameAndBack) {
  const World world;
  const Symbols symbols = world.symbols();
  EXPECT_EQ(symbols.instrument("BTCUSDT"), world.btc_usdt);
  EXPECT_EQ(symbols.instrument("ETHBTC"), world.eth_btc);
  EXPECT_EQ(symbols.name(world.btc_usdt), "BTCUSDT");
  EXPECT_EQ(symbols.instruments().size(), 6U);
}

TEST(Symbols, KnowsNothingOfOtherVenuesAndOtherSpellings) {
  const World world;
  const Symbols symbols = world.symbols();
  for (const char* name : {"LTCEUR", "btcusdt", "BTC/USDT", "BTCUSD", "BTCUSDTX", "", "B"}) {
    EXPECT_EQ(symbols.instrument(name), domain::no<domain::InstrumentId>) << name;
  }
  EXPECT_EQ(symbols.name(domain::no<domain::InstrumentId>), "");
}

TEST(Symbols, LowersOnlyAsciiLettersForStreamNames) {
  const World world;
  const Symbols symbols = world.symbols();
  EXPECT_EQ(symbols.stream_name(world.btc_usdt), "btcusdt");
  EXPECT_EQ(symbols.stream_name(world.wide), "１２３４５６");
  EXPECT_EQ(symbols.instrument("１２３４５６"), world.wide);
}

TEST(Symbols, FindsAssetsOfEveryVenueAndSaysWhenThereIsNone) {
  const World world;
  const Symbols symbols = world.symbols();
  EXPECT_EQ(symbols.asset("BNB"), world.bnb);
  EXPECT_EQ(symbols.asset("USDT"), world.usdt);
  EXPECT_EQ(symbols.asset("NEO"), domain::no<domain::AssetId>);
  // Bases and quotes of the venue's own instruments, each once: BTC USDT BNB ETH and the wide two.
  EXPECT_EQ(symbols.traded_assets().size(), 6U);
}

TEST(Symbols, TellsThousandsOfNamesApart) {
  // Names that agree in their first and last eight characters included
  domain::Catalog catalog;
  const auto venue = catalog.venue("v");
  std::vector<std::pair<std::string, domain::InstrumentId>> all;
  for (int index = 0; index < 3'000; ++index) {
    const std::string base = "AAAAAAAA" + std::to_string(index) + "ZZZZ";
    all.emplace_back(base + "ZZZZ", catalog.instrument(venue, base + "/ZZZZ"));
  }
  const Symbols symbols{catalog, venue};
  for (const auto& [name, id] : all) EXPECT_EQ(symbols.instrument(name), id);
}

TEST(Symbols, RefusesTwoInstrumentsOfOneName) {
  domain::Catalog catalog;
  const auto venue = catalog.venue("v");
  catalog.instrument(venue, "AB/C");
  catalog.instrument(venue, "A/BC");
  EXPECT_THROW(Symbols(catalog, venue), std::runtime_error);
}

TEST(Symbols, RefusesWhatCouldBreakOutOfItsQuotes) {
  for (const char* symbol : {"A\"B/C", "A\\B/C", "A B/C", "A\nB/C"}) {
    domain::Catalog catalog;
    const auto venue = catalog.venue("v");
    catalog.instrument(venue, symbol);
    EXPECT_THROW(Symbols(catalog, venue), std::runtime_error) << symbol;
  }
}

}  // namespace
}  // namespace halcyon::gateways::binance::testing
