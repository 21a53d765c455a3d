#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/catalog.h"
#include "domain/ids.h"
#include "gateways/name_table.h"

namespace halcyon::gateways::coinbase {

/// A book at the venue: one or two products. "BTC-USD" and "BTC-USDC" are one, and market data
/// answers under the canonical name whichever was asked for (section 5).
enum class MarketId : std::uint32_t {};

/// What the venue calls our instruments, books and assets, and back. Immutable after construction,
/// so that threads may share one.
class Symbols {
 public:
  /// Throws std::runtime_error, in words, for a symbol that cannot be sent as it is.
  Symbols(const domain::Catalog& catalog, domain::VenueId venue);

  domain::VenueId venue() const { return venue_; }

  /// Of a product in orders, fills and on the `user` channel, which keep the id that was ordered;
  /// no<InstrumentId> when it is none of ours.
  domain::InstrumentId instrument(std::string_view product) const {
    return static_cast<domain::InstrumentId>(instruments_.find(product));
  }
  /// Of a product in market data; no<MarketId> when it is none of ours.
  MarketId market(std::string_view product) const {
    return static_cast<MarketId>(markets_.find(product));
  }
  MarketId market(domain::InstrumentId id) const {
    return domain::index_of(id) < market_of_.size() ? market_of_[domain::index_of(id)]
                                                    : domain::no<MarketId>;
  }
  /// Those that share the book; never empty for a market that `market` gave.
  std::span<const domain::InstrumentId> instruments_of(MarketId id) const {
    return sharing_[domain::index_of(id)];
  }
  std::size_t market_count() const { return sharing_.size(); }
  /// The canonical name, which is subscribed to: "BTC-USD" for "BTC-USDC".
  std::string_view market_name(MarketId id) const { return market_names_[domain::index_of(id)]; }

  /// no<AssetId> when nobody named it.
  domain::AssetId asset(std::string_view name) const {
    const std::uint32_t found = assets_.find(name);
    return found == NameTable::absent ? domain::no<domain::AssetId>
                                      : static_cast<domain::AssetId>(found);
  }
  /// "BTC-USD"; empty for an instrument of another venue.
  std::string_view name(domain::InstrumentId id) const {
    return domain::index_of(id) < names_.size() ? std::string_view{names_[domain::index_of(id)]}
                                                : std::string_view{};
  }
  /// What orders are paid in: the wallet of the product that was ordered is charged.
  domain::AssetId quote(domain::InstrumentId id) const {
    return domain::index_of(id) < quotes_.size() ? quotes_[domain::index_of(id)]
                                                 : domain::no<domain::AssetId>;
  }

  /// The venue's instruments, in the order of the catalog.
  std::span<const domain::InstrumentId> instruments() const { return all_; }
  /// Base and quote assets of the venue's instruments, each once.
  std::span<const domain::AssetId> traded_assets() const { return traded_; }
  /// One above the largest instrument's index: the size of a table by instrument.
  std::size_t table_size() const { return names_.size(); }

 private:
  domain::VenueId venue_;
  NameTable instruments_, markets_, assets_;
  std::vector<std::string> names_;                          ///< by instrument
  std::vector<domain::AssetId> quotes_;                     ///< likewise
  std::vector<MarketId> market_of_;                         ///< likewise
  std::vector<std::vector<domain::InstrumentId>> sharing_;  ///< by market
  std::vector<std::string> market_names_;                   ///< likewise
  std::vector<domain::InstrumentId> all_;
  std::vector<domain::AssetId> traded_;
};

/// The name under which market data of a product comes: USDC products share the USD book, except
/// USDT-USDC and EURC-USDC (section 5). The venue's own word for it is `alias` of the product,
/// which decode_products compares.
std::string canonical_product(std::string_view product);

}  // namespace halcyon::gateways::coinbase
