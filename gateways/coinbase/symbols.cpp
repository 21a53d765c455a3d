#include "gateways/coinbase/symbols.h"

#include <algorithm>
#include <utility>

namespace halcyon::gateways::coinbase {

std::string canonical_product(std::string_view product) {
  constexpr std::string_view shared = "-USDC";
  if (!product.ends_with(shared) || product == "USDT-USDC" || product == "EURC-USDC") {
    return std::string{product};
  }
  return std::string{product.substr(0, product.size() - 1)};
}

Symbols::Symbols(const domain::Catalog& catalog, domain::VenueId venue) : venue_(venue) {
  using Rows = std::vector<std::pair<std::string, std::uint32_t>>;
  Rows products;
  Rows markets;
  const std::size_t count = catalog.instruments().size();
  names_.resize(count);
  quotes_.resize(count, domain::no<domain::AssetId>);
  market_of_.resize(count, domain::no<MarketId>);
  for (const domain::Instrument& instrument : catalog.instruments()) {
    if (instrument.venue != venue) continue;
    std::string product = catalog.name(instrument.base) + '-' + catalog.name(instrument.quote);
    check_sendable(product, "coinbase");
    const std::string canonical = canonical_product(product);
    const auto known = std::find(market_names_.begin(), market_names_.end(), canonical);
    const auto market = static_cast<std::uint32_t>(known - market_names_.begin());
    if (known == market_names_.end()) {
      market_names_.push_back(canonical);
      sharing_.emplace_back();
      markets.emplace_back(canonical, market);
    }
    // Answers are said to come under the canonical name; should they not, they are understood too.
    if (product != canonical) markets.emplace_back(product, market);
    sharing_[market].push_back(instrument.id);
    const std::size_t at = domain::index_of(instrument.id);
    market_of_[at] = MarketId{market};
    quotes_[at] = instrument.quote;
    products.emplace_back(product, static_cast<std::uint32_t>(instrument.id));
    names_[at] = std::move(product);
    all_.push_back(instrument.id);
    for (const domain::AssetId asset : {instrument.base, instrument.quote}) {
      if (std::find(traded_.begin(), traded_.end(), asset) == traded_.end()) {
        traded_.push_back(asset);
      }
    }
  }
  instruments_ = NameTable{products};
  markets_ = NameTable{markets};
  Rows assets;
  for (std::size_t id = 0; id < catalog.asset_count(); ++id) {
    assets.emplace_back(catalog.name(static_cast<domain::AssetId>(id)),
                        static_cast<std::uint32_t>(id));
  }
  assets_ = NameTable{assets};
}

}  // namespace halcyon::gateways::coinbase
