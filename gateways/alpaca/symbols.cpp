#include "gateways/alpaca/symbols.h"

#include <utility>

namespace halcyon::gateways::alpaca {

Symbols::Symbols(const domain::Catalog& catalog, domain::VenueId venue) : venue_(venue) {
  using Rows = std::vector<std::pair<std::string, std::uint32_t>>;
  Rows names;
  rows_.resize(catalog.instruments().size());
  for (const domain::Instrument& instrument : catalog.instruments()) {
    if (instrument.venue != venue) continue;
    check_sendable(instrument.symbol, "alpaca");
    const auto number = static_cast<std::uint32_t>(instrument.id);
    Row& row = rows_[domain::index_of(instrument.id)];
    row.name = instrument.symbol;
    row.base = instrument.base;
    row.quote = instrument.quote;
    row.is_crypto = instrument.asset_class == domain::AssetClass::crypto;
    names.emplace_back(row.name, number);
    if (row.is_crypto) {
      names.emplace_back(catalog.name(row.base) + catalog.name(row.quote), number);
    }
    all_.push_back(instrument.id);
  }
  instruments_ = NameTable{names};
  Rows assets;
  for (std::size_t id = 0; id < catalog.asset_count(); ++id) {
    assets.emplace_back(catalog.name(static_cast<domain::AssetId>(id)),
                        static_cast<std::uint32_t>(id));
  }
  assets_ = NameTable{assets};
}

}  // namespace halcyon::gateways::alpaca
