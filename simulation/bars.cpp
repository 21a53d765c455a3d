#include "simulation/bars.h"

#include <algorithm>
#include <array>
#include <utility>

#include "domain/check.h"

namespace halcyon::simulation {

using domain::Timeframe;
using domain::TimeUnit;

namespace {

struct Named {
  std::string_view name;
  Timeframe interval;
};
constexpr std::array intervals{
    Named{"1s", {1, TimeUnit::second}},   Named{"1m", {1, TimeUnit::minute}},
    Named{"3m", {3, TimeUnit::minute}},   Named{"5m", {5, TimeUnit::minute}},
    Named{"15m", {15, TimeUnit::minute}}, Named{"30m", {30, TimeUnit::minute}},
    Named{"1h", {1, TimeUnit::hour}},     Named{"2h", {2, TimeUnit::hour}},
    Named{"4h", {4, TimeUnit::hour}},     Named{"6h", {6, TimeUnit::hour}},
    Named{"8h", {8, TimeUnit::hour}},     Named{"12h", {12, TimeUnit::hour}},
    Named{"1d", {1, TimeUnit::day}},      Named{"3d", {3, TimeUnit::day}},
    Named{"1w", {1, TimeUnit::week}},     Named{"1M", {1, TimeUnit::month}},
};

Duration unit_length(TimeUnit unit) {
  using namespace std::chrono_literals;
  switch (unit) {
    case TimeUnit::second:
      return 1s;
    case TimeUnit::minute:
      return 1min;
    case TimeUnit::hour:
      return 1h;
    case TimeUnit::day:
      return 24h;
    case TimeUnit::week:
      return 7 * 24h;
    case TimeUnit::month:
      break;
  }
  HALCYON_CHECK(false, "a month has no fixed length");
  return {};
}

}  // namespace

std::optional<Timeframe> parse_interval(std::string_view name) {
  const auto found = std::find_if(intervals.begin(), intervals.end(),
                                  [&](const Named& each) { return each.name == name; });
  if (found == intervals.end()) return std::nullopt;
  return found->interval;
}

Timestamp interval_start(Timeframe interval, Timestamp time) {
  namespace c = std::chrono;
  if (interval.unit == TimeUnit::month) {
    const c::year_month_day day{c::floor<c::days>(time)};
    return c::sys_days{day.year() / day.month() / 1};
  }
  const auto length = unit_length(interval.unit) * interval.count;
  // The epoch was a Thursday; weeks begin on Monday.
  const Duration origin = interval.unit == TimeUnit::week ? Duration{c::days{4}} : Duration{};
  const auto since = time.time_since_epoch() - origin;
  return Timestamp{origin + since / length * length};
}

Timestamp interval_end(Timeframe interval, Timestamp start) {
  namespace c = std::chrono;
  if (interval.unit == TimeUnit::month) {
    const c::year_month_day day{c::floor<c::days>(start)};
    return c::sys_days{(day.year() / day.month() + c::months{1}) / 1};
  }
  return start + unit_length(interval.unit) * interval.count;
}

void Bars::add(const TradeEvent& trade) {
  constexpr Timeframe second{1, TimeUnit::second};
  const auto start = interval_start(second, trade.traded);
  if (seconds_.empty() || seconds_.back().open_time < start) {
    Bar bar;
    bar.open_time = start;
    bar.close_time = interval_end(second, start);
    bar.open = bar.high = bar.low = trade.price;
    bar.first_trade_id = static_cast<std::int64_t>(trade.id);
    seconds_.push_back(bar);
    if (seconds_.size() > max_seconds) seconds_.pop_front();
  }
  auto& bar = seconds_.back();
  const auto quote = domain::notional(trade.price, trade.quantity);
  HALCYON_CHECK(quote.has_value(), "a recorded trade's notional fits");
  bar.high = std::max(bar.high, trade.price);
  bar.low = std::min(bar.low, trade.price);
  bar.close = trade.price;
  bar.volume += trade.quantity;
  bar.quote_volume += *quote;
  if (!trade.buyer_is_maker) {
    bar.taker_buy_volume += trade.quantity;
    bar.taker_buy_quote += *quote;
  }
  ++bar.trades;
  bar.last_trade_id = static_cast<std::int64_t>(trade.id);
}

Bar Bars::collect(Timestamp start, Timestamp end) const {
  Bar bar;
  bar.open_time = start;
  bar.close_time = end;
  auto second =
      std::lower_bound(seconds_.begin(), seconds_.end(), start,
                       [](const Bar& each, Timestamp time) { return each.open_time < time; });
  if (second != seconds_.begin()) {
    bar.open = bar.high = bar.low = bar.close = std::prev(second)->close;
  }
  for (; second != seconds_.end() && second->open_time < end; ++second) {
    if (bar.trades == 0) {
      bar.open = second->open;
      bar.high = second->high;
      bar.low = second->low;
      bar.first_trade_id = second->first_trade_id;
    }
    bar.high = std::max(bar.high, second->high);
    bar.low = std::min(bar.low, second->low);
    bar.close = second->close;
    bar.volume += second->volume;
    bar.taker_buy_volume += second->taker_buy_volume;
    bar.quote_volume += second->quote_volume;
    bar.taker_buy_quote += second->taker_buy_quote;
    bar.trades += second->trades;
    bar.last_trade_id = second->last_trade_id;
  }
  return bar;
}

std::optional<Bar> Bars::at(Timeframe interval, Timestamp time) const {
  const auto start = interval_start(interval, time);
  const auto end = interval_end(interval, start);
  if (seconds_.empty() || seconds_.front().open_time >= end) return std::nullopt;
  return collect(start, end);
}

std::vector<Bar> Bars::read(Timeframe interval, Timestamp from, Timestamp to, std::size_t limit,
                            bool from_start, Timestamp now) const {
  std::vector<Bar> bars;
  if (seconds_.empty() || limit == 0) return bars;
  const auto oldest = interval_start(interval, seconds_.front().open_time);
  const auto newest = interval_start(interval, std::min(to, now));
  if (from_start) {
    auto start = std::max(oldest, interval_start(interval, from));
    if (start < from) start = interval_end(interval, start);
    for (; start <= newest && bars.size() < limit; start = interval_end(interval, start)) {
      bars.push_back(collect(start, interval_end(interval, start)));
    }
    return bars;
  }
  for (auto start = newest; start >= oldest && start >= from && bars.size() < limit;
       start = interval_start(interval, start - Duration{1})) {
    bars.push_back(collect(start, interval_end(interval, start)));
  }
  std::reverse(bars.begin(), bars.end());
  return bars;
}

}  // namespace halcyon::simulation
