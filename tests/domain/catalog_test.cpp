#include "domain/catalog.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace halcyon::domain {
namespace {

/// Two venues, an account at each, a strategy, instruments of every kind.
Catalog filled() {
  Catalog catalog;
  const VenueId binance = catalog.venue("binance");
  const VenueId alpaca = catalog.venue("alpaca");
  catalog.account("main", binance);
  catalog.account("broker", alpaca);
  catalog.strategy("cross");
  catalog.instrument(binance, "BTC/USDT");
  catalog.instrument(alpaca, "AAPL");
  catalog.instrument(alpaca, "BTC/USDT");
  catalog.user("ann");
  return catalog;
}

std::vector<std::pair<Named, std::string>> entries(const Catalog& catalog) {
  std::vector<std::pair<Named, std::string>> rows;
  catalog.each([&rows](const Named& named, std::string_view text) {
    rows.emplace_back(named, std::string{text});
  });
  return rows;
}

bool same(const Named& a, const Named& b) {
  return a.kind == b.kind && a.id == b.id && a.venue == b.venue && a.base == b.base &&
         a.quote == b.quote && a.asset_class == b.asset_class;
}

TEST(Catalog, GivesOneIdForOneName) {
  Catalog catalog = filled();
  const auto rows = entries(catalog).size();
  EXPECT_EQ(catalog.venue("binance"), VenueId{0});
  EXPECT_EQ(catalog.venue("alpaca"), VenueId{1});
  EXPECT_EQ(catalog.instrument(VenueId{0}, "BTC/USDT"), InstrumentId{0});
  EXPECT_EQ(catalog.instrument(VenueId{1}, "BTC/USDT"), InstrumentId{2});
  EXPECT_EQ(catalog.user("daemon"), daemon_user);
  EXPECT_EQ(catalog.user("ann"), UserId{1});
  EXPECT_EQ(entries(catalog).size(), rows) << "asking again adds nothing";
}

TEST(Catalog, TakesAnInstrumentApart) {
  const Catalog catalog = filled();
  const Instrument& pair = catalog.instrument(InstrumentId{0});
  EXPECT_EQ(catalog.name(pair.base), "BTC");
  EXPECT_EQ(catalog.name(pair.quote), "USDT");
  EXPECT_EQ(pair.asset_class, AssetClass::crypto);
  const Instrument& stock = catalog.instrument(InstrumentId{1});
  EXPECT_EQ(catalog.name(stock.base), "AAPL");
  EXPECT_EQ(catalog.name(stock.quote), "USD");
  EXPECT_EQ(stock.asset_class, AssetClass::stock);
}

TEST(Catalog, FindsNothingThatIsNotThere) {
  const Catalog catalog = filled();
  EXPECT_FALSE(catalog.find_venue("coinbase").has_value());
  EXPECT_FALSE(catalog.find_account("").has_value());
  EXPECT_FALSE(catalog.find_strategy("Cross").has_value());
  EXPECT_FALSE(catalog.find_instrument(VenueId{0}, "AAPL").has_value());
  EXPECT_FALSE(catalog.find_asset("ETH").has_value());
}

TEST(Catalog, IsRestoredFromItsOwnEntriesNumberForNumber) {
  const Catalog before = filled();
  Catalog after;
  for (const auto& [named, text] : entries(before)) EXPECT_TRUE(after.restore(named, text)) << text;
  const auto was = entries(before);
  const auto is = entries(after);
  ASSERT_EQ(was.size(), is.size());
  for (std::size_t at = 0; at < was.size(); ++at) {
    EXPECT_TRUE(same(was[at].first, is[at].first)) << was[at].second;
    EXPECT_EQ(was[at].second, is[at].second);
  }
  // And again: repeating what is known changes nothing
  for (const auto& [named, text] : was) EXPECT_TRUE(after.restore(named, text)) << text;
  EXPECT_EQ(entries(after).size(), was.size());
}

TEST(Catalog, GrowsBehindWhatWasRestored) {
  Catalog catalog;
  for (const auto& [named, text] : entries(filled())) catalog.restore(named, text);
  EXPECT_EQ(catalog.venue("coinbase"), VenueId{2});
  EXPECT_EQ(catalog.instrument(VenueId{0}, "ETH/USDT"), InstrumentId{3});
}

TEST(Catalog, RefusesAnEntryThatContradictsOrLeavesAHole) {
  for (const auto& [named, text] : entries(filled())) {
    Catalog catalog = filled();
    const auto before = entries(catalog).size();
    // Another name under a known number
    EXPECT_FALSE(catalog.restore(named, text + "x")) << text;
    // A number beyond the next
    Named far = named;
    far.id += 100;
    EXPECT_FALSE(catalog.restore(far, text)) << text;
    EXPECT_EQ(entries(catalog).size(), before) << text;
  }
}

}  // namespace
}  // namespace halcyon::domain
