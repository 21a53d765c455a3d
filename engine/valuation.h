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
/// 2. an instrument of the one and of the other (or of one equal to it), either way round: the
///    amount at its reference price, or divided by it; the first such instrument that has one, in
///    the order of their ids;
/// 3. two such steps, over one asset between them; the first way of which both have a price;
/// 4. else nothing: whoever needs it must deny, or say that it is not valued.
class Valuation {
 public:
  Valuation(const config::Config& config, const domain::Catalog& catalog, const Market& market);

  /// Does not allocate. Empty when there is no path or no price, or the result does not fit.
  std::optional<domain::Money> convert(domain::Money amount, domain::AssetId from,
                                       domain::AssetId to) const;
  /// Into the reporting currency.
  std::optional<domain::Money> report(domain::Money amount, domain::AssetId from) const {
    if (is_reporting(from) || amount.is_zero()) return amount;
    return reporting_.empty() ? std::nullopt : convert(amount, from, reporting_.front());
  }
  /// Out of the reporting currency.
  std::optional<domain::Money> from_reporting(domain::Money amount, domain::AssetId to) const {
    if (is_reporting(to) || amount.is_zero()) return amount;
    return reporting_.empty() ? std::nullopt : convert(amount, reporting_.front(), to);
  }
  /// Whether `report` has a path for the asset, with or without a price now.
  bool has_path(domain::AssetId from) const;
  /// Whether amounts of this asset count as the reporting currency, one to one.
  bool is_reporting(domain::AssetId asset) const {
    return domain::index_of(asset) < is_reporting_.size() && is_reporting_[domain::index_of(asset)];
  }

 private:
  bool is_equal(domain::AssetId one, domain::AssetId other) const {
    return one == other || (is_reporting(one) && is_reporting(other));
  }
  /// One step by an instrument that has the asset on either side; `to` becomes the other side.
  std::optional<domain::Money> step(domain::Money amount, domain::AssetId from,
                                    domain::InstrumentId by, domain::AssetId& to) const;

  const domain::Catalog& catalog_;
  const Market& market_;
  std::vector<bool> is_reporting_;                              ///< by AssetId
  std::vector<domain::AssetId> reporting_;                      ///< those that count as it
  std::vector<std::vector<domain::InstrumentId>> instruments_;  ///< by AssetId of either side
};

}  // namespace halcyon::engine
