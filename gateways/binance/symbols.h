#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/catalog.h"
#include "domain/ids.h"
#include "gateways/name_table.h"

namespace halcyon::gateways::binance {

/// What the venue calls our instruments and assets, and back. Immutable after construction, so that
/// threads may share one.
///
/// Symbols are all instruments of the venue in the catalog ("BTC/USDT" is BTCUSDT); assets are all
/// assets of the catalog. An account may hold, and pay fees in, assets that nobody named: their
/// lookup gives no<AssetId>. Such a fee stays on its fill with the name as the remark; such a
/// balance is left out; the session counts and says both. The one third asset in which Binance
/// takes fees is BNB: whoever makes the catalog adds it (`fee_discount_asset`), and then a fee of
/// unknown asset does not happen.
class Symbols {
 public:
  /// Binance takes fees in the received asset, or, when the account chose so, in this one.
  static constexpr std::string_view fee_discount_asset = "BNB";

  /// Throws std::runtime_error, in words, for a symbol that cannot be sent as it is (quotes,
  /// backslashes, control characters) or when two instruments have one name at the venue.
  Symbols(const domain::Catalog& catalog, domain::VenueId venue);

  domain::VenueId venue() const { return venue_; }

  /// no<InstrumentId> when it is none of ours.
  domain::InstrumentId instrument(std::string_view symbol) const {
    return static_cast<domain::InstrumentId>(instruments_.find(symbol));
  }
  /// no<AssetId> when nobody named it.
  domain::AssetId asset(std::string_view name) const {
    const std::uint32_t found = assets_.find(name);
    return found == NameTable::absent ? domain::no<domain::AssetId>
                                      : static_cast<domain::AssetId>(found);
  }

  /// "BTCUSDT"; empty for an instrument of another venue.
  std::string_view name(domain::InstrumentId id) const {
    return domain::index_of(id) < names_.size() ? std::string_view{names_[domain::index_of(id)]}
                                                : std::string_view{};
  }
  /// By the beginning of a stream's name, "btcusdt"; no<InstrumentId> when it is none of ours.
  domain::InstrumentId instrument_of_stream(std::string_view name) const;
  /// What an instrument of the venue is made of; no<AssetId> for others.
  domain::AssetId base(domain::InstrumentId id) const {
    return domain::index_of(id) < bases_.size() ? bases_[domain::index_of(id)]
                                                : domain::no<domain::AssetId>;
  }
  domain::AssetId quote(domain::InstrumentId id) const {
    return domain::index_of(id) < quotes_.size() ? quotes_[domain::index_of(id)]
                                                 : domain::no<domain::AssetId>;
  }
  /// "btcusdt", for stream names: ASCII letters in lower case, everything else as it is.
  std::string stream_name(domain::InstrumentId id) const;

  /// The venue's instruments, in the order of the catalog.
  std::span<const domain::InstrumentId> instruments() const { return all_; }
  /// Base and quote assets of the venue's instruments, each once.
  std::span<const domain::AssetId> traded_assets() const { return traded_; }
  /// One above the largest instrument's index: the size of a table by instrument.
  std::size_t table_size() const { return names_.size(); }

 private:
  domain::VenueId venue_;
  NameTable instruments_, assets_;
  std::vector<std::string> names_;               ///< by instrument
  std::vector<domain::AssetId> bases_, quotes_;  ///< likewise
  std::vector<domain::InstrumentId> all_;
  std::vector<domain::AssetId> traded_;
};

}  // namespace halcyon::gateways::binance
