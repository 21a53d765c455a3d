#include "persistence/row_folds.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace halcyon::persistence {

using domain::Money;

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

}  // namespace

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
