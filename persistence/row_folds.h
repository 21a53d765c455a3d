#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "domain/decimal.h"
#include "domain/order.h"
#include "domain/record.h"
#include "domain/time.h"
#include "persistence/row_uuid.h"

namespace halcyon::persistence {

// What PostgreSQL shows beyond single records is folded from them here. A fold's state is in its
// rows, so that a projection goes on where the database is: `restore` takes the last row of each
// key. Sums stay within NUMERIC(38,9).

/// A row of round_trips: one entry of a position matched with its exit.
struct RoundTrip {
  std::uint64_t number = 0;  ///< counts those of the position from 1
  bool is_long = true;
  bool is_closed = false;
  domain::Timestamp entry_time, exit_time;  ///< exit: epoch: none yet
  domain::Quantity entry_quantity, exit_quantity;
  domain::Money entry_quote, exit_quote;
  domain::Quantity open;  ///< still held, never negative; once closed: less than a lot, written off
  domain::Money fees;     ///< in the quote currency
  std::uint64_t unvalued_fees = 0;
  std::uint64_t fills = 0;

  /// After fees, in quote currency.
  domain::Money profit() const;
  friend bool operator==(const RoundTrip&, const RoundTrip&) = default;
};

/// Fills of one position (account, strategy, instrument) to its round trips: from flat to flat,
/// where less than a lot counts as flat and is carried into the next one at no cost. Thread: one at
/// a time.
class RoundTrips {
 public:
  /// Which asset a fee was taken in.
  enum class FeeIn : std::uint8_t { none, quote, base, other };

  /// `lot`: zero where the instrument's rules are not known. Gives the round trips that the fill
  /// changed, oldest first: one, or two when it went through flat. None when nothing came of it.
  const std::vector<RoundTrip>& add(const Uuid& position, const domain::FillBooked& fill,
                                    FeeIn fee_in, domain::Quantity lot, domain::Timestamp time);
  void restore(const Uuid& position, const RoundTrip& last) { last_[position] = last; }
  void clear() { last_.clear(); }

 private:
  std::unordered_map<Uuid, RoundTrip> last_;  ///< by position, open or closed
  std::vector<RoundTrip> changed_;
};

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
std::optional<std::pair<Uuid, RoundTrip>> read_round_trip(const FoldRow& row);
std::optional<std::pair<Uuid, EquityDay>> read_equity_day(const FoldRow& row);
/// $1: the journal.
extern const char* const last_round_trips;
extern const char* const last_equity_days;

/// "2024-08-08" of days since 1970; at most year 9999.
std::string day_text(std::int32_t day);

}  // namespace halcyon::persistence
