#include "persistence/row_folds.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace halcyon::persistence {

using domain::Money;
using domain::Quantity;
using domain::Timestamp;

namespace {

/// NUMERIC(38,9) holds this many parts and no more.
constexpr domain::Int128 most_parts = [] {
  domain::Int128 power = 1;
  for (int digit = 0; digit < 38; ++digit) power *= 10;
  return power - 1;
}();

/// Sums stay within what a column holds: an absurd amount must cost neither the daemon nor the row.
template <class Amount>
Amount within(bool has_overflown, bool is_negative, domain::Int128 parts) {
  if (has_overflown) parts = is_negative ? -most_parts : most_parts;
  return Amount::from_raw(std::clamp(parts, -most_parts, most_parts));
}
template <class Amount>
Amount plus(Amount left, Amount right) {
  domain::Int128 sum = 0;
  const bool has_overflown = __builtin_add_overflow(left.raw(), right.raw(), &sum);
  return within<Amount>(has_overflown, right.is_negative(), sum);
}
template <class Amount>
Amount minus(Amount left, Amount right) {
  domain::Int128 difference = 0;
  const bool has_overflown = __builtin_sub_overflow(left.raw(), right.raw(), &difference);
  return within<Amount>(has_overflown, !right.is_negative(), difference);
}

bool is_flat(Quantity open, Quantity lot) {
  return lot.is_positive() ? open < lot : !open.is_positive();
}

}  // namespace

Money RoundTrip::profit() const {
  const Money gross = is_long ? minus(exit_quote, entry_quote) : minus(entry_quote, exit_quote);
  return minus(gross, fees);
}

const std::vector<RoundTrip>& RoundTrips::add(const Uuid& position, const domain::FillBooked& fill,
                                              FeeIn fee_in, Quantity lot, Timestamp time) {
  changed_.clear();
  RoundTrip& trip = last_[position];
  // A fee in the base asset makes what was bought less, and what was sold more.
  const bool is_buy = fill.side == domain::Side::buy;
  Quantity moved = fill.quantity;
  if (fee_in == FeeIn::base) {
    const Quantity fee = Quantity::from_raw(fill.fee.raw());
    moved = is_buy ? minus(moved, fee) : plus(moved, fee);
  }
  const auto enter = [&](Quantity traded, Quantity held, Money quote) {
    if (trip.number == 0 || trip.is_closed) {
      RoundTrip next;
      next.number = trip.number + 1;
      next.is_long = is_buy;
      next.entry_time = time;
      // What was left of the last one, if it is on the same side.
      if (trip.number != 0 && trip.is_long == is_buy) next.open = trip.open;
      trip = next;
    }
    trip.entry_quantity = plus(trip.entry_quantity, traded);
    trip.entry_quote = plus(trip.entry_quote, quote);
    trip.open = plus(trip.open, held);
  };
  const auto pay_and_count = [&] {
    if (fee_in == FeeIn::quote) trip.fees = plus(trip.fees, fill.fee);
    if (fee_in == FeeIn::other) ++trip.unvalued_fees;
    ++trip.fills;
  };

  const bool is_open = trip.number != 0 && !trip.is_closed;
  if (!is_open || trip.is_long == is_buy) {
    enter(fill.quantity, moved, fill.quote_amount);
    pay_and_count();
    changed_.push_back(trip);
    return changed_;
  }
  const Quantity left = minus(moved, trip.open);  // what goes beyond flat
  Quantity traded = fill.quantity;
  Money quote = fill.quote_amount;
  if (left.is_positive() && !is_flat(left, lot)) {
    // Through flat to the other side: the venue's amount is shared by the price.
    traded = std::min(fill.quantity, trip.open);
    quote = std::min(domain::notional(fill.price, traded).value_or(quote), quote);
  }
  trip.exit_quantity = plus(trip.exit_quantity, traded);
  trip.exit_quote = plus(trip.exit_quote, quote);
  trip.exit_time = time;
  trip.open = left.is_negative() ? -left : Quantity{};
  trip.is_closed = is_flat(trip.open, lot);
  pay_and_count();
  changed_.push_back(trip);
  if (left.is_positive() && !is_flat(left, lot)) {
    const Quantity entered = minus(fill.quantity, traded);
    enter(entered, left, minus(fill.quote_amount, quote));
    ++trip.fills;
    changed_.push_back(trip);
  }
  return changed_;
}

const EquityDay& EquityDays::add(const Uuid& curve, const domain::EquityMarked& marked) {
  EquityDay& day = last_[curve];
  if (day.marks == 0 || day.day != marked.day) {
    day = EquityDay{};
    day.day = marked.day;
    day.open = day.high = day.low = marked.equity;
  }
  day.high = std::max(day.high, marked.equity);
  day.low = std::min(day.low, marked.equity);
  day.close = marked.equity;
  day.cash = marked.cash;
  day.day_pnl =
      minus(minus(plus(marked.realized, marked.unrealized), marked.fees), marked.day_start);
  day.peak = marked.peak;
  day.max_drawdown = std::max(day.max_drawdown, marked.drawdown);
  ++day.marks;
  return day;
}

// ---- As PostgreSQL gives them -------------------------------------------------------------------

const char* const last_round_trips =
    "SELECT DISTINCT ON (position_id) position_id, trade_number, direction, is_closed, "
    "  (extract(epoch FROM entry_time) * 1000000)::bigint, "
    "  (extract(epoch FROM exit_time) * 1000000)::bigint, "
    "  entry_quantity, exit_quantity, entry_quote, exit_quote, open_quantity, fees, "
    "  unvalued_fee_count, fill_count "
    "FROM halcyon.round_trips WHERE journal_id = $1 ORDER BY position_id, trade_number DESC";
const char* const last_equity_days =
    "SELECT DISTINCT ON (curve_id) curve_id, day - '1970-01-01'::date, open_equity, high_equity, "
    "  low_equity, close_equity, cash, day_pnl, peak, max_drawdown, mark_count "
    "FROM halcyon.equity_daily WHERE journal_id = $1 ORDER BY curve_id, day DESC";

namespace {

/// Reads the columns of a row one after the other; remembers whether each was what it should be.
class Columns {
 public:
  explicit Columns(const FoldRow& row) : row_(row) {}
  bool are_good() const { return are_good_ && at_ == row_.size(); }

  std::string_view text() {
    if (at_ >= row_.size() || !row_[at_]) {
      are_good_ = are_good_ && at_ < row_.size();
      ++at_;
      return {};
    }
    return *row_[at_++];
  }
  std::int64_t number() { return std::strtoll(std::string{text()}.c_str(), nullptr, 10); }
  std::uint64_t count() { return static_cast<std::uint64_t>(number()); }
  Timestamp time() { return Timestamp{std::chrono::microseconds{number()}}; }
  template <class Amount>
  Amount amount() {
    const auto parsed = domain::parse<Amount>(text());
    are_good_ = are_good_ && parsed;
    return parsed.value_or(Amount{});
  }
  Uuid uuid() {
    const auto parsed = parse_uuid(text());
    are_good_ = are_good_ && parsed;
    return parsed.value_or(Uuid{});
  }

 private:
  const FoldRow& row_;
  std::size_t at_ = 0;
  bool are_good_ = true;
};

}  // namespace

std::optional<std::pair<Uuid, RoundTrip>> read_round_trip(const FoldRow& row) {
  Columns columns{row};
  const Uuid position = columns.uuid();
  RoundTrip trip;
  trip.number = columns.count();
  trip.is_long = columns.text() == "long";
  trip.is_closed = columns.text() == "t";
  trip.entry_time = columns.time();
  trip.exit_time = columns.time();
  trip.entry_quantity = columns.amount<Quantity>();
  trip.exit_quantity = columns.amount<Quantity>();
  trip.entry_quote = columns.amount<Money>();
  trip.exit_quote = columns.amount<Money>();
  trip.open = columns.amount<Quantity>();
  trip.fees = columns.amount<Money>();
  trip.unvalued_fees = columns.count();
  trip.fills = columns.count();
  if (!columns.are_good()) return std::nullopt;
  return std::pair{position, trip};
}

std::optional<std::pair<Uuid, EquityDay>> read_equity_day(const FoldRow& row) {
  Columns columns{row};
  const Uuid curve = columns.uuid();
  EquityDay day;
  day.day = static_cast<std::int32_t>(columns.number());
  day.open = columns.amount<Money>();
  day.high = columns.amount<Money>();
  day.low = columns.amount<Money>();
  day.close = columns.amount<Money>();
  day.cash = columns.amount<Money>();
  day.day_pnl = columns.amount<Money>();
  day.peak = columns.amount<Money>();
  day.max_drawdown = columns.amount<Money>();
  day.marks = columns.count();
  if (!columns.are_good()) return std::nullopt;
  return std::pair{curve, day};
}

std::string day_text(std::int32_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

}  // namespace halcyon::persistence
