#pragma once

#include <optional>
#include <vector>

#include "config/config.h"
#include "domain/catalog.h"
#include "engine/market.h"

namespace halcyon::engine {

/// What an amount of one asset is worth in another, by one stated path:
///
/// 1. the same asset, or both are the reporting currency or counted as it one to one
///    (risk.currency, risk.equal_currencies): the amount itself;
/// 2. an instrument of that base and of that quote (or one equal to it): the amount at its
///    reference price; the first such instrument that has one, in the order of their ids;
/// 3. else nothing: whoever needs it must deny, or say that it is not valued.
class Valuation {
 public:
  Valuation(const config::Config& config, const domain::Catalog& catalog, const Market& market);

  /// Does not allocate. Empty when there is no path or no price, or the result does not fit.
  std::optional<domain::Money> convert(domain::Money amount, domain::AssetId from,
                                       domain::AssetId to) const;
  /// Into the reporting currency.
  std::optional<domain::Money> report(domain::Money amount, domain::AssetId from) const;
  /// Whether `report` has a path for the asset, with or without a price now.
  bool has_path(domain::AssetId from) const;
  /// Whether amounts of this asset count as the reporting currency, one to one.
  bool is_reporting(domain::AssetId asset) const {
    return domain::index_of(asset) < is_reporting_.size() && is_reporting_[domain::index_of(asset)];
  }

 private:
  const domain::Catalog& catalog_;
  const Market& market_;
  std::vector<bool> is_reporting_;                              ///< by AssetId
  std::vector<std::vector<domain::InstrumentId>> instruments_;  ///< by AssetId of their base
};

}  // namespace halcyon::engine
