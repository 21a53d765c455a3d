#include "gateways/binance/symbols.h"

#include <algorithm>
#include <array>

namespace halcyon::gateways::binance {

Symbols::Symbols(const domain::Catalog& catalog, domain::VenueId venue) : venue_(venue) {
  std::vector<std::pair<std::string, std::uint32_t>> rows;
  names_.resize(catalog.instruments().size());
  bases_.resize(catalog.instruments().size(), domain::no<domain::AssetId>);
  quotes_.resize(catalog.instruments().size(), domain::no<domain::AssetId>);
  for (const domain::Instrument& instrument : catalog.instruments()) {
    if (instrument.venue != venue) continue;
    std::string symbol = catalog.name(instrument.base) + catalog.name(instrument.quote);
    check_sendable(symbol, "binance");
    rows.emplace_back(symbol, static_cast<std::uint32_t>(instrument.id));
    names_[domain::index_of(instrument.id)] = std::move(symbol);
    bases_[domain::index_of(instrument.id)] = instrument.base;
    quotes_[domain::index_of(instrument.id)] = instrument.quote;
    all_.push_back(instrument.id);
    for (const domain::AssetId asset : {instrument.base, instrument.quote}) {
      if (std::find(traded_.begin(), traded_.end(), asset) == traded_.end()) {
        traded_.push_back(asset);
      }
    }
  }
  instruments_ = NameTable{rows};
  rows.clear();
  for (std::size_t id = 0; id < catalog.asset_count(); ++id) {
    rows.emplace_back(catalog.name(static_cast<domain::AssetId>(id)),
                      static_cast<std::uint32_t>(id));
  }
  assets_ = NameTable{rows};
}

domain::InstrumentId Symbols::instrument_of_stream(std::string_view name) const {
  std::array<char, 64> symbol{};
  if (name.size() > symbol.size()) return domain::no<domain::InstrumentId>;
  std::transform(name.begin(), name.end(), symbol.begin(), [](char character) {
    return character >= 'a' && character <= 'z' ? static_cast<char>(character - 'a' + 'A')
                                                : character;
  });
  return instrument({symbol.data(), name.size()});
}

std::string Symbols::stream_name(domain::InstrumentId id) const {
  std::string text{name(id)};
  for (char& character : text) {
    if (character >= 'A' && character <= 'Z') character = static_cast<char>(character - 'A' + 'a');
  }
  return text;
}

}  // namespace halcyon::gateways::binance
