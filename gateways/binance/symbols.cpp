#include "gateways/binance/symbols.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <stdexcept>

#include <fmt/core.h>

namespace halcyon::gateways::binance {

namespace {

std::uint64_t load(const char* from, std::size_t size) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, size);
  return word;
}

/// The first and the last eight bytes decide; names that differ only in between share a place and
/// are told apart by comparison.
std::uint64_t hash(std::string_view name) {
  const std::size_t size = name.size();
  const char* text = name.data();
  if (size >= 8) {
    return domain::mix(load(text, 8) ^ std::rotl(load(text + size - 8, 8), 23) ^ size);
  }
  if (size >= 4) return domain::mix(load(text, 4) | load(text + size - 4, 4) << 32 | size << 61);
  if (size == 0) return 0;
  return domain::mix(load(text, 1) | load(text + size / 2, 1) << 8 |
                     load(text + size - 1, 1) << 16 | size << 61);
}

void check_sendable(std::string_view symbol) {
  const bool bad = symbol.empty() || std::any_of(symbol.begin(), symbol.end(), [](char character) {
                     return static_cast<unsigned char>(character) <= ' ' || character == '"' ||
                            character == '\\' || character == 127;
                   });
  if (bad) {
    throw std::runtime_error(fmt::format(
        "binance: symbol '{}': blanks, quotes, backslashes and control characters cannot be part "
        "of a symbol; write BASE/QUOTE, for example BTC/USDT",
        symbol));
  }
}

}  // namespace

NameTable::NameTable(const std::vector<std::pair<std::string, std::uint32_t>>& rows) {
  slots_.resize(std::bit_ceil(std::max<std::size_t>(rows.size(), 4) * 2));
  mask_ = slots_.size() - 1;
  for (const auto& [name, number] : rows) {
    if (const std::uint32_t known = find(name); known != absent) {
      if (known == number) continue;
      throw std::runtime_error(fmt::format("two things have the name '{}' at the venue", name));
    }
    std::size_t at = hash(name) & mask_;
    while (slots_[at].number != absent) at = (at + 1) & mask_;
    slots_[at] = {static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(name.size()),
                  number};
    text_ += name;
  }
}

std::uint32_t NameTable::find(std::string_view name) const {
  for (std::size_t at = hash(name) & mask_;; at = (at + 1) & mask_) {
    const Slot& slot = slots_[at];
    if (slot.number == absent) return absent;
    if (slot.size == name.size() &&
        std::memcmp(text_.data() + slot.start, name.data(), name.size()) == 0) {
      return slot.number;
    }
  }
}

Symbols::Symbols(const domain::Catalog& catalog, domain::VenueId venue) : venue_(venue) {
  std::vector<std::pair<std::string, std::uint32_t>> rows;
  names_.resize(catalog.instruments().size());
  bases_.resize(catalog.instruments().size(), domain::no<domain::AssetId>);
  quotes_.resize(catalog.instruments().size(), domain::no<domain::AssetId>);
  for (const domain::Instrument& instrument : catalog.instruments()) {
    if (instrument.venue != venue) continue;
    std::string symbol = catalog.name(instrument.base) + catalog.name(instrument.quote);
    check_sendable(symbol);
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
