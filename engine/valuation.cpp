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
    if (is_reporting_[id]) reporting_.push_back(static_cast<AssetId>(id));
  }
  for (const domain::Instrument& instrument : catalog.instruments()) {
    instruments_[domain::index_of(instrument.base)].push_back(instrument.id);
    instruments_[domain::index_of(instrument.quote)].push_back(instrument.id);
  }
}

std::optional<Money> Valuation::step(Money amount, AssetId from, domain::InstrumentId by,
                                     AssetId& to) const {
  const domain::Instrument& instrument = catalog_.instrument(by);
  const bool is_forth = instrument.base == from;
  to = is_forth ? instrument.quote : instrument.base;
  const auto reference = market_.reference(by);
  if (!reference || !reference->price.is_positive()) return std::nullopt;
  if (is_forth) return domain::notional(reference->price, domain::Quantity::from_raw(amount.raw()));
  const auto quantity = domain::quantity_for(amount, reference->price);
  return quantity ? std::optional{Money::from_raw(quantity->raw())} : std::nullopt;
}

std::optional<Money> Valuation::convert(Money amount, AssetId from, AssetId to) const {
  if (is_equal(from, to) || amount.is_zero()) return amount;
  if (domain::index_of(from) >= instruments_.size()) return std::nullopt;
  const auto& first_steps = instruments_[domain::index_of(from)];
  AssetId between{};
  for (const domain::InstrumentId by : first_steps) {
    const auto direct = step(amount, from, by, between);
    if (direct && is_equal(between, to)) return direct;
  }
  for (const domain::InstrumentId by : first_steps) {
    const auto half = step(amount, from, by, between);
    if (!half) continue;
    const AssetId via = between;
    for (const domain::InstrumentId next : instruments_[domain::index_of(via)]) {
      const auto whole = step(*half, via, next, between);
      if (whole && is_equal(between, to)) return whole;
    }
  }
  return std::nullopt;
}

bool Valuation::has_path(AssetId from) const {
  if (is_reporting(from)) return true;
  if (domain::index_of(from) >= instruments_.size()) return false;
  const auto other_side = [this](domain::InstrumentId by, AssetId side) {
    const domain::Instrument& instrument = catalog_.instrument(by);
    return instrument.base == side ? instrument.quote : instrument.base;
  };
  const auto& first_steps = instruments_[domain::index_of(from)];
  return std::any_of(first_steps.begin(), first_steps.end(), [&](domain::InstrumentId by) {
    const AssetId via = other_side(by, from);
    if (is_reporting(via)) return true;
    const auto& second_steps = instruments_[domain::index_of(via)];
    return std::any_of(second_steps.begin(), second_steps.end(), [&](domain::InstrumentId next) {
      return is_reporting(other_side(next, via));
    });
  });
}

}  // namespace halcyon::engine
