#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "domain/decimal.h"
#include "domain/record.h"
#include "domain/time.h"
#include "persistence/row_uuid.h"

namespace halcyon::persistence {

// What PostgreSQL shows beyond single records is folded from them here. A fold's state is in its
// rows, so that a projection goes on where the database is: `restore` takes the last row of each
// key. Sums stay within NUMERIC(38,9).

/// A row of equity_daily.
struct EquityDay {
  std::int32_t day = 0;  ///< days since 1970
  domain::Money open, high, low, close, cash, day_pnl, peak, max_drawdown;
  std::uint64_t marks = 0;
  friend bool operator==(const EquityDay&, const EquityDay&) = default;
};

/// Equity records of one curve (account, strategy) to its trading days. Thread: one at a time.
class EquityDays {
 public:
  /// The day with the record in it.
  const EquityDay& add(const Uuid& curve, const domain::EquityMarked& marked);
  void restore(const Uuid& curve, const EquityDay& last) { last_[curve] = last; }
  void clear() { last_.clear(); }

 private:
  std::unordered_map<Uuid, EquityDay> last_;  ///< by curve
};

/// Columns as PostgreSQL gives them, in the order of the queries that are beside; empty: one of
/// them is not what we write.
using FoldRow = std::vector<std::optional<std::string>>;
std::optional<std::pair<Uuid, EquityDay>> read_equity_day(const FoldRow& row);
/// $1: the journal.
extern const char* const last_equity_days;

/// "2024-08-08" of days since 1970; at most year 9999.
std::string day_text(std::int32_t day);

}  // namespace halcyon::persistence
