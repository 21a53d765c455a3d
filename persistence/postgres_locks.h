#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "persistence/postgres_connection.h"

namespace halcyon::persistence {

/// What an account is for the venue, whatever a configuration calls it.
struct AccountIdentity {
  std::string environment;  ///< production, testnet, venue_paper, simulator
  std::string venue_kind;   ///< binance, coinbase, alpaca
  std::string identity;     ///< the venue's own account id; where it tells none, the API key
  friend auto operator<=>(const AccountIdentity&, const AccountIdentity&) = default;
};

/// One daemon per venue account: an advisory lock for each, held by one PostgreSQL connection. It
/// protects the start and not the running daemon: when the connection is lost, so is the lock,
/// until it is taken again. Advisory locks belong to one database, so the daemons that must exclude
/// each other use the same one. Thread: one at a time; every call may wait for the server, within
/// the bounds of PostgresConnection.
class AccountLocks {
 public:
  enum class State : std::uint8_t { taken, held_by_another, unreachable };
  struct Answer {
    State state = State::unreachable;
    /// held_by_another: who, as the server knows him (process of the server, program, address).
    /// unreachable: why.
    std::string words;
  };

  AccountLocks(std::string dsn, const std::string& daemon);

  /// Takes the lock, or proves that it is still held. Call it again, every few seconds: it finds a
  /// lost connection and takes the lock anew when it can.
  Answer take(const AccountIdentity& account);
  /// Gives all of them back.
  void release();
  /// Any thread: ends a wait for the server at once, for good. For the end of the program.
  void interrupt() { interrupted_ = true; }

 private:
  std::atomic<bool> interrupted_{false};
  PostgresConnection::Options options_;
  PostgresConnection connection_;
  std::set<AccountIdentity> held_;
};

/// The epochs of a daemon that PostgreSQL knows, of all its journals, ascending; empty when there
/// is no schema yet. A start must take a greater one than the last.
struct KnownEpochs {
  std::vector<std::uint32_t> epochs;
  PostgresOutcome failed;  ///< PostgreSQL could not be asked

  std::uint32_t last() const { return epochs.empty() ? 0 : epochs.back(); }
};
KnownEpochs known_epochs(const std::string& dsn, const std::string& daemon);

}  // namespace halcyon::persistence
