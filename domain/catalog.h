#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/ids.h"
#include "domain/instrument.h"
#include "domain/record.h"

namespace halcyon::domain {

/// What the dense ids of one journal mean: venues, assets, accounts, strategies, instruments,
/// users. Grows only. On a start the journal's Named records are restored first, then the
/// configuration adds what is new; so a number keeps its meaning for the life of the journal.
///
/// Not thread-safe. Each thread that needs names has its own copy, fed by the same records.
class Catalog {
 public:
  struct Account {
    std::string name;
    VenueId venue = no<VenueId>;
    friend bool operator==(const Account&, const Account&) = default;
  };

  /// The id of a name; adds it when it is new.
  VenueId venue(std::string_view name);
  AssetId asset(std::string_view name, AssetClass asset_class);
  AccountId account(std::string_view name, VenueId venue);
  StrategyId strategy(std::string_view name);
  /// `symbol`: "BASE/QUOTE", or a stock's ticker (its quote is USD).
  InstrumentId instrument(VenueId venue, std::string_view symbol);
  UserId user(std::string_view name);

  std::optional<VenueId> find_venue(std::string_view name) const;
  std::optional<AssetId> find_asset(std::string_view name) const;
  std::optional<AccountId> find_account(std::string_view name) const;
  std::optional<StrategyId> find_strategy(std::string_view name) const;
  std::optional<InstrumentId> find_instrument(VenueId venue, std::string_view symbol) const;

  const std::string& name(VenueId id) const { return venues_.at(index_of(id)); }
  const std::string& name(AssetId id) const { return assets_.at(index_of(id)).first; }
  const std::string& name(AccountId id) const { return accounts_.at(index_of(id)).name; }
  const std::string& name(StrategyId id) const { return strategies_.at(index_of(id)); }
  const std::string& name(UserId id) const { return users_.at(index_of(id)); }
  const Account& account(AccountId id) const { return accounts_.at(index_of(id)); }
  const Instrument& instrument(InstrumentId id) const { return instruments_.at(index_of(id)); }

  const std::vector<std::string>& venues() const { return venues_; }
  const std::vector<Account>& accounts() const { return accounts_; }
  const std::vector<std::string>& strategies() const { return strategies_; }
  const std::vector<Instrument>& instruments() const { return instruments_; }
  std::size_t asset_count() const { return assets_.size(); }

  /// Every entry as a record, in an order in which `restore` takes them.
  void each(const std::function<void(const Named&, std::string_view)>& visit) const;

  /// Adds the entry of a record. False when it contradicts what is known (a damaged or foreign
  /// journal): then nothing is changed. Repeating a known entry is fine.
  bool restore(const Named& named, std::string_view text);

 private:
  std::vector<std::string> venues_;
  std::vector<std::pair<std::string, AssetClass>> assets_;
  std::vector<Account> accounts_;
  std::vector<std::string> strategies_;
  std::vector<Instrument> instruments_;
  std::vector<std::string> users_{"daemon"};
};

}  // namespace halcyon::domain
