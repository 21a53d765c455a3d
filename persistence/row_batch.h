#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "domain/catalog.h"
#include "domain/record.h"
#include "domain/time.h"
#include "persistence/journal.h"
#include "persistence/row_folds.h"
#include "persistence/row_set.h"
#include "persistence/row_uuid.h"

namespace halcyon::persistence {

/// Where records go, in the order in which a batch is written: what others refer to first.
enum class RowKind : std::uint8_t {
  // appended
  definitions,
  order_events,
  order_denials,
  fills,
  equity_history,
  differences,
  notices,
  audit_log,
  risk_alerts,
  round_trips,
  fill_voids,
  order_amends,
  cash_flows,
  // last state per key
  journal_names,
  daemon_epochs,
  users,
  accounts,
  account_readiness,
  account_definitions,
  instruments,
  instrument_rules,
  strategies,
  strategy_definitions,
  orders,
  order_changes,
  positions,
  balances,
  trading_states,
  strategy_memories,
  equity_daily,
  trading_limits,
  order_terms,
  order_triggers,
  lots,
  adjustments,
  limit_overrides,
  strategy_pauses,
  credentials,
};
inline constexpr std::size_t row_kinds = static_cast<std::size_t>(RowKind::credentials) + 1;

const TableSpec& spec_of(RowKind kind);

/// The months (years x 12 + month - 1) that get a partition of their own; the rest goes to the
/// default partition.
inline constexpr std::int32_t first_partition_month = 2000 * 12;
inline constexpr std::int32_t last_partition_month = 2200 * 12 - 1;
std::int32_t month_of(domain::Timestamp time);

/// The rows of some consecutive frames, written in one transaction.
struct RowBatch {
  RowBatch();
  /// Empty again, behind the frame `position`.
  void clear(std::uint64_t position);
  std::size_t rows() const;
  std::size_t bytes() const;
  bool empty() const { return to == from; }
  RowSet& operator[](RowKind kind) { return sets[static_cast<std::size_t>(kind)]; }
  const RowSet& operator[](RowKind kind) const { return sets[static_cast<std::size_t>(kind)]; }

  std::uint64_t from = 0;         ///< the position that PostgreSQL has before it
  std::uint64_t to = 0;           ///< and after it
  domain::Timestamp to_received;  ///< of the frame `to`
  domain::Timestamp oldest;       ///< `received` of the first frame; meaningless when empty
  std::size_t frames = 0;
  std::set<std::int32_t> months;  ///< that rows of partitioned tables fall into
  std::vector<RowSet> sets;       ///< by RowKind
};

/// What a row says about its account beside the journal: from the configuration, else as it was
/// last written. Empty: not known.
struct AccountFacts {
  std::string venue_kind, environment, mode, owner;
};

/// Turns journal frames into rows. Pure: no database, no clock. Keeps the journal's dictionary.
/// Thread: one at a time.
class RowTranslator {
 public:
  RowTranslator(const JournalUuid& journal, const config::Config& config);

  /// Adds the rows of a frame. False when its names contradict the dictionary (a damaged or foreign
  /// journal): `words` says how and the batch is not usable. A frame at or before `batch.to` only
  /// teaches names: a segment repeats its dictionary.
  bool add(const FrameView& frame, RowBatch& batch, std::string& words);

  /// Forgets every name; then `restore` gives those that PostgreSQL has.
  void forget();
  /// False: contradicts what is known.
  bool restore(const domain::Named& named, std::string_view name);
  /// Of an account that the configuration does not name any more.
  void remember_account(std::string_view name, const AccountFacts& facts);

  /// What the folded rows of PostgreSQL say, after `forget`: false when it is not what we write.
  bool restore_equity_day(const FoldRow& row);

  /// Rows of every account and strategy known, and of the limits, as the configuration now has
  /// them.
  void add_configured(domain::Timestamp now, RowBatch& batch) const;

  const domain::Catalog& catalog() const { return catalog_; }
  const Uuid& journal() const { return journal_; }

 private:
  struct Place;

  // A record may hold an id that its journal never named; then the number stands for the name.
  std::string asset_name(domain::AssetId id) const;
  std::string venue_name(domain::VenueId id) const;
  std::string user_name(domain::UserId id) const;
  std::string client_order_id(domain::AccountId account, domain::OrderId id) const;
  const AccountFacts& facts_of(domain::AccountId id) const;
  std::size_t name_count() const;

  void add_user(std::string_view name, RowSet::Mark mark, domain::Timestamp time,
                RowBatch& batch) const;
  void add_account(domain::AccountId id, RowSet::Mark mark, domain::Timestamp time,
                   RowBatch& batch) const;
  void add_strategy(domain::StrategyId id, RowSet::Mark mark, domain::Timestamp time,
                    RowBatch& batch) const;
  /// Of what bears that name; all of them when it is empty.
  void add_limits(std::string_view name, RowSet::Mark mark, domain::Timestamp time,
                  RowBatch& batch) const;

  Uuid journal_;
  std::string daemon_;
  std::string currency_;
  std::map<std::string, AccountFacts, std::less<>> configured_;  // by account
  std::map<std::string, AccountFacts, std::less<>> remembered_;
  std::map<std::string, std::string, std::less<>> strategy_types_;  // by strategy
  domain::Catalog catalog_;
  std::vector<std::string> users_{"daemon"};  // the catalog's, which does not tell how many it has
  EquityDays equity_days_;
  /// One configured limit.
  struct Limit {
    std::string_view scope;  ///< daemon, account, strategy, instrument
    std::string name;        ///< empty: the daemon
    std::string type, value;
  };
  std::vector<Limit> limits_;
};

/// The name space of users, who belong to no journal.
inline constexpr Uuid user_space{{0x6b, 0x2f, 0x6d, 0x0e, 0x3a, 0x0b, 0x5a, 0x5e, 0x9d, 0x2c, 0x4c,
                                  0x7a, 0x1f, 0x0e, 0x8b, 0x11}};

// Row ids; also for tests and for who joins without a look-up.
Uuid order_row(const Uuid& journal, domain::OrderId id);
Uuid account_row(const Uuid& journal, domain::AccountId id);
Uuid instrument_row(const Uuid& journal, domain::InstrumentId id);
Uuid strategy_row(const Uuid& journal, domain::StrategyId id);
Uuid user_row(std::string_view name);
Uuid frame_row(const Uuid& journal, std::string_view kind, std::uint64_t sequence,
               std::uint32_t ordinal);

/// A venue's id for people: a number, or a UUID.
std::string to_string(domain::ForeignId id);

}  // namespace halcyon::persistence
