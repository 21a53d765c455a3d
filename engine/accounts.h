#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"
#include "domain/catalog.h"
#include "domain/client_order_id.h"
#include "domain/record.h"

namespace halcyon::engine {

/// What every part must know of an account: whether it is ours to trade, and whether it may.
struct Account {
  domain::VenueId venue = domain::no<domain::VenueId>;
  bool is_configured = false;
  bool is_ready = false;         ///< reconciled since the last connect; recorded
  bool is_stream_ready = false;  ///< logged on and the private stream confirmed
  bool is_silent = false;        ///< and yet no sign of life: it may be dead
  /// Fills are missing, or an absence waits for its proof: reconcile then. `never`: no hurry.
  domain::Timestamp fills_wanted = domain::never;
  std::string prefix;                             ///< of our client order ids: "daemon-account-"
  std::uint32_t owner = 0;                        ///< equal: accounts of the same owner
  std::vector<domain::InstrumentId> instruments;  ///< of its venue, in the configuration
};

class Accounts {
 public:
  Accounts(const config::Config& config, const domain::Catalog& catalog) {
    rows_.resize(catalog.accounts().size());
    for (std::size_t id = 0; id < rows_.size(); ++id) {
      rows_[id].venue = catalog.accounts()[id].venue;
      rows_[id].prefix = config.daemon.name + '-' + catalog.accounts()[id].name + '-';
    }
    for (const config::Account& account : config.accounts) {
      const auto id = catalog.find_account(account.name);
      if (!id) continue;
      Account& row = rows_[domain::index_of(*id)];
      row.is_configured = true;
      const auto first =
          std::find_if(config.accounts.begin(), config.accounts.end(),
                       [&](const config::Account& other) { return other.owner == account.owner; });
      row.owner = static_cast<std::uint32_t>(first - config.accounts.begin());
      for (const config::Venue& venue : config.venues) {
        if (venue.name != account.venue) continue;
        for (const std::string& symbol : venue.instruments) {
          if (const auto found = catalog.find_instrument(row.venue, symbol)) {
            row.instruments.push_back(*found);
          }
        }
      }
    }
  }

  bool knows(domain::AccountId id) const { return domain::index_of(id) < rows_.size(); }
  Account& operator[](domain::AccountId id) { return rows_[domain::index_of(id)]; }
  const Account& operator[](domain::AccountId id) const { return rows_[domain::index_of(id)]; }
  std::size_t size() const { return rows_.size(); }

  void apply(const domain::AccountReady& record) {
    if (knows(record.account)) (*this)[record.account].is_ready = record.ready;
  }
  void snapshot(std::vector<domain::RecordEntry>& records) const {
    for (std::size_t id = 0; id < rows_.size(); ++id) {
      if (!rows_[id].is_ready) continue;
      records.push_back(
          {domain::AccountReady{static_cast<domain::AccountId>(id), true, domain::Reason::none},
           {}});
    }
  }

  bool is_same_owner(domain::AccountId one, domain::AccountId other) const {
    return one == other ||
           (knows(one) && knows(other) && (*this)[one].is_configured &&
            (*this)[other].is_configured && (*this)[one].owner == (*this)[other].owner);
  }

  /// Something about the account is to be asked soon.
  void want_fills(domain::AccountId id, domain::Timestamp at) {
    (*this)[id].fills_wanted = std::min((*this)[id].fills_wanted, at);
  }

 private:
  std::vector<Account> rows_;
};

}  // namespace halcyon::engine
