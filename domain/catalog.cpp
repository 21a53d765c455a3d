#include "domain/catalog.h"

#include <algorithm>

namespace halcyon::domain {

namespace {

template <class Id, class Rows, class Match>
std::optional<Id> find(const Rows& rows, Match match) {
  const auto found = std::find_if(rows.begin(), rows.end(), match);
  if (found == rows.end()) return std::nullopt;
  return static_cast<Id>(found - rows.begin());
}

template <class Id, class Rows, class Row>
Id append(Rows& rows, Row row) {
  HALCYON_CHECK(rows.size() < index_of(no<Id>), "fewer names than ids");
  rows.push_back(std::move(row));
  return static_cast<Id>(rows.size() - 1);
}

}  // namespace

std::optional<VenueId> Catalog::find_venue(std::string_view name) const {
  return find<VenueId>(venues_, [&](const auto& row) { return row == name; });
}
std::optional<AssetId> Catalog::find_asset(std::string_view name) const {
  return find<AssetId>(assets_, [&](const auto& row) { return row.first == name; });
}
std::optional<AccountId> Catalog::find_account(std::string_view name) const {
  return find<AccountId>(accounts_, [&](const auto& row) { return row.name == name; });
}
std::optional<StrategyId> Catalog::find_strategy(std::string_view name) const {
  return find<StrategyId>(strategies_, [&](const auto& row) { return row == name; });
}
std::optional<InstrumentId> Catalog::find_instrument(VenueId venue, std::string_view symbol) const {
  return find<InstrumentId>(
      instruments_, [&](const auto& row) { return row.venue == venue && row.symbol == symbol; });
}

VenueId Catalog::venue(std::string_view name) {
  if (const auto known = find_venue(name)) return *known;
  return append<VenueId>(venues_, std::string{name});
}
AssetId Catalog::asset(std::string_view name, AssetClass asset_class) {
  if (const auto known = find_asset(name)) return *known;
  return append<AssetId>(assets_, std::pair{std::string{name}, asset_class});
}
AccountId Catalog::account(std::string_view name, VenueId venue) {
  if (const auto known = find_account(name)) return *known;
  return append<AccountId>(accounts_, Account{std::string{name}, venue});
}
StrategyId Catalog::strategy(std::string_view name) {
  if (const auto known = find_strategy(name)) return *known;
  return append<StrategyId>(strategies_, std::string{name});
}
UserId Catalog::user(std::string_view name) {
  if (const auto known = find<UserId>(users_, [&](const auto& row) { return row == name; })) {
    return *known;
  }
  return append<UserId>(users_, std::string{name});
}

InstrumentId Catalog::instrument(VenueId venue, std::string_view symbol) {
  if (const auto known = find_instrument(venue, symbol)) return *known;
  Instrument row;
  row.venue = venue;
  row.symbol = symbol;
  if (const std::size_t slash = symbol.find('/'); slash != std::string_view::npos) {
    row.base = asset(symbol.substr(0, slash), AssetClass::crypto);
    row.quote = asset(symbol.substr(slash + 1), AssetClass::crypto);
    row.asset_class = AssetClass::crypto;
  } else {
    row.base = asset(symbol, AssetClass::stock);
    row.quote = asset("USD", AssetClass::fiat);
    row.asset_class = AssetClass::stock;
  }
  row.id = static_cast<InstrumentId>(instruments_.size());
  return append<InstrumentId>(instruments_, std::move(row));
}

void Catalog::each(const std::function<void(const Named&, std::string_view)>& visit) const {
  const auto row = [](NameKind kind, std::size_t id) {
    Named named;
    named.kind = kind;
    named.id = static_cast<std::uint32_t>(id);
    return named;
  };
  for (std::size_t id = 0; id < venues_.size(); ++id) visit(row(NameKind::venue, id), venues_[id]);
  for (std::size_t id = 0; id < assets_.size(); ++id) {
    Named named = row(NameKind::asset, id);
    named.asset_class = assets_[id].second;
    visit(named, assets_[id].first);
  }
  for (std::size_t id = 0; id < accounts_.size(); ++id) {
    Named named = row(NameKind::account, id);
    named.venue = accounts_[id].venue;
    visit(named, accounts_[id].name);
  }
  for (std::size_t id = 0; id < strategies_.size(); ++id) {
    visit(row(NameKind::strategy, id), strategies_[id]);
  }
  for (std::size_t id = 0; id < instruments_.size(); ++id) {
    const Instrument& instrument = instruments_[id];
    Named named = row(NameKind::instrument, id);
    named.venue = instrument.venue;
    named.base = instrument.base;
    named.quote = instrument.quote;
    named.asset_class = instrument.asset_class;
    visit(named, instrument.symbol);
  }
  for (std::size_t id = 0; id < users_.size(); ++id) visit(row(NameKind::user, id), users_[id]);
}

bool Catalog::restore(const Named& named, std::string_view text) {
  // An entry is either the next one of its table, or equal to the one that stands there.
  const auto place = [&](auto& rows, auto value) {
    if (named.id < rows.size()) return rows[named.id] == value;
    if (named.id != rows.size()) return false;
    rows.push_back(std::move(value));
    return true;
  };
  switch (named.kind) {
    case NameKind::venue:
      return place(venues_, std::string{text});
    case NameKind::asset:
      return place(assets_, std::pair{std::string{text}, named.asset_class});
    case NameKind::account:
      if (index_of(named.venue) >= venues_.size()) return false;
      return place(accounts_, Account{std::string{text}, named.venue});
    case NameKind::strategy:
      return place(strategies_, std::string{text});
    case NameKind::instrument:
      if (index_of(named.venue) >= venues_.size() || index_of(named.base) >= assets_.size() ||
          index_of(named.quote) >= assets_.size()) {
        return false;
      }
      return place(instruments_,
                   Instrument{static_cast<InstrumentId>(named.id), named.venue, std::string{text},
                              named.base, named.quote, named.asset_class});
    case NameKind::user:
      return place(users_, std::string{text});
  }
  return false;
}

}  // namespace halcyon::domain
