#include "engine/valuation.h"

#include <algorithm>

namespace halcyon::engine {

using domain::AssetId;
using domain::Money;

Valuation::Valuation(const config::Config& config, const domain::Catalog& catalog,
                     const Market& market)
    : catalog_(catalog),
      market_(market),
      is_reporting_(catalog.asset_count()),
      instruments_(catalog.asset_count()) {
  for (std::size_t id = 0; id < catalog.asset_count(); ++id) {
    const std::string& name = catalog.name(static_cast<AssetId>(id));
    const auto& equal = config.risk.equal_currencies;
    is_reporting_[id] =
        name == config.risk.currency || std::find(equal.begin(), equal.end(), name) != equal.end();
  }
  for (const domain::Instrument& instrument : catalog.instruments()) {
    instruments_[domain::index_of(instrument.base)].push_back(instrument.id);
  }
}

std::optional<Money> Valuation::convert(Money amount, AssetId from, AssetId to) const {
  if (from == to || (is_reporting(from) && is_reporting(to)) || amount.is_zero()) return amount;
  if (domain::index_of(from) >= instruments_.size()) return std::nullopt;
  for (const domain::InstrumentId id : instruments_[domain::index_of(from)]) {
    const AssetId quote = catalog_.instrument(id).quote;
    if (quote != to && !(is_reporting(quote) && is_reporting(to))) continue;
    const auto reference = market_.reference(id);
    if (!reference) continue;
    return domain::notional(reference->price, domain::Quantity::from_raw(amount.raw()));
  }
  return std::nullopt;
}

bool Valuation::has_path(AssetId from) const {
  if (is_reporting(from)) return true;
  if (domain::index_of(from) >= instruments_.size()) return false;
  const auto& known = instruments_[domain::index_of(from)];
  return std::any_of(known.begin(), known.end(), [this](domain::InstrumentId id) {
    return is_reporting(catalog_.instrument(id).quote);
  });
}

std::optional<Money> Valuation::report(Money amount, AssetId from) const {
  if (is_reporting(from) || amount.is_zero()) return amount;
  if (domain::index_of(from) >= instruments_.size()) return std::nullopt;
  for (const domain::InstrumentId id : instruments_[domain::index_of(from)]) {
    if (!is_reporting(catalog_.instrument(id).quote)) continue;
    const auto reference = market_.reference(id);
    if (!reference) continue;
    return domain::notional(reference->price, domain::Quantity::from_raw(amount.raw()));
  }
  return std::nullopt;
}

}  // namespace halcyon::engine
