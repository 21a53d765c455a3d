#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/catalog.h"
#include "domain/ids.h"
#include "domain/instrument.h"
#include "gateways/name_table.h"

namespace halcyon::gateways::alpaca {

/// What the venue calls our instruments and assets, and back. Stocks are "AAPL" and "BRK.B"; crypto
/// is "BTC/USD", and "BTCUSD" in positions and older frames (section 2): both are understood, and
/// the first is sent. Immutable after construction, so that threads may share one.
class Symbols {
 public:
  /// Throws std::runtime_error, in words, for a symbol that cannot be sent as it is, or when two of
  /// ours would be one at the venue.
  Symbols(const domain::Catalog& catalog, domain::VenueId venue);

  domain::VenueId venue() const { return venue_; }

  /// no<InstrumentId> when it is none of ours.
  domain::InstrumentId instrument(std::string_view name) const {
    return static_cast<domain::InstrumentId>(instruments_.find(name));
  }
  /// no<AssetId> when nobody named it.
  domain::AssetId asset(std::string_view name) const {
    const std::uint32_t found = assets_.find(name);
    return found == NameTable::absent ? domain::no<domain::AssetId>
                                      : static_cast<domain::AssetId>(found);
  }
  /// Empty for an instrument of another venue.
  std::string_view name(domain::InstrumentId id) const {
    return is_ours(id) ? std::string_view{rows_[domain::index_of(id)].name} : std::string_view{};
  }
  bool is_crypto(domain::InstrumentId id) const {
    return is_ours(id) && rows_[domain::index_of(id)].is_crypto;
  }
  domain::AssetId base(domain::InstrumentId id) const {
    return is_ours(id) ? rows_[domain::index_of(id)].base : domain::no<domain::AssetId>;
  }
  domain::AssetId quote(domain::InstrumentId id) const {
    return is_ours(id) ? rows_[domain::index_of(id)].quote : domain::no<domain::AssetId>;
  }

  /// The venue's instruments, in the order of the catalog.
  std::span<const domain::InstrumentId> instruments() const { return all_; }
  /// One above the largest instrument's index: the size of a table by instrument.
  std::size_t table_size() const { return rows_.size(); }

 private:
  struct Row {
    std::string name;  ///< empty: another venue's
    domain::AssetId base = domain::no<domain::AssetId>;
    domain::AssetId quote = domain::no<domain::AssetId>;
    bool is_crypto = false;
  };
  bool is_ours(domain::InstrumentId id) const {
    return domain::index_of(id) < rows_.size() && !rows_[domain::index_of(id)].name.empty();
  }

  domain::VenueId venue_;
  NameTable instruments_, assets_;
  std::vector<Row> rows_;  ///< by instrument
  std::vector<domain::InstrumentId> all_;
};

}  // namespace halcyon::gateways::alpaca
