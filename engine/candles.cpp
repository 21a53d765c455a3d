#include "engine/candles.h"

#include <algorithm>

#include "domain/check.h"

namespace halcyon::engine {

using domain::Duration;
using domain::Timestamp;
using domain::TimeUnit;

namespace {

Duration length_of(domain::Timeframe timeframe) {
  using namespace std::chrono;
  const std::int64_t count = timeframe.count;
  switch (timeframe.unit) {
    case TimeUnit::second:
      return seconds{count};
    case TimeUnit::minute:
      return minutes{count};
    case TimeUnit::hour:
      return hours{count};
    case TimeUnit::day:
      return days{count};
    case TimeUnit::week:
      return weeks{count};
    case TimeUnit::month:
      break;
  }
  HALCYON_CHECK(false, "months have no length of their own");
}

Timestamp start_of_month(std::int64_t since_1970) {
  using namespace std::chrono;
  const auto first = year{1970} / January / day{1} + months{since_1970};
  return sys_days{first};
}

}  // namespace

Interval interval_of(domain::Timeframe timeframe, Timestamp time) {
  using namespace std::chrono;
  HALCYON_CHECK(timeframe.count > 0, "a timeframe has a length");
  if (timeframe.unit == TimeUnit::month) {
    const year_month_day date{floor<days>(time)};
    const std::int64_t month = (static_cast<int>(date.year()) - 1970) * std::int64_t{12} +
                               static_cast<unsigned>(date.month()) - 1;
    const std::int64_t count = timeframe.count;
    const std::int64_t rest = ((month % count) + count) % count;
    return {start_of_month(month - rest), start_of_month(month - rest + count)};
  }
  const Duration length = length_of(timeframe);
  // The first of January 1970 was a Thursday.
  const Timestamp origin =
      timeframe.unit == TimeUnit::week ? Timestamp{days{4}} : Timestamp{Duration{0}};
  const std::int64_t since = (time - origin).count();
  const std::int64_t rest = ((since % length.count()) + length.count()) % length.count();
  const Timestamp open = time - Duration{rest};
  return {open, open + length};
}

std::size_t Candles::add(domain::InstrumentId instrument, domain::Timeframe timeframe) {
  for (std::size_t number = 0; number < series_.size(); ++number) {
    if (series_[number].instrument == instrument && series_[number].timeframe == timeframe) {
      return number;
    }
  }
  Series series;
  series.instrument = instrument;
  series.timeframe = timeframe;
  series_.push_back(series);
  if (by_instrument_.size() <= domain::index_of(instrument)) {
    by_instrument_.resize(domain::index_of(instrument) + 1);
  }
  by_instrument_[domain::index_of(instrument)].push_back(series_.size() - 1);
  return series_.size() - 1;
}

void Candles::start(Series& series, Timestamp time, domain::Price price, bool is_complete) {
  const Interval interval = interval_of(series.timeframe, time);
  series.candle = {};
  series.candle.open_time = interval.open;
  series.candle.close_time = interval.close;
  series.candle.open = series.candle.high = series.candle.low = series.candle.close = price;
  series.candle.complete =
      is_complete && !series.is_blind && series.lost_until < series.candle.open_time;
  series.is_open = true;
  deadline_ = std::min(deadline_, series.candle.close_time - series.offset + grace);
}

void Candles::set_abilities(domain::InstrumentId instrument,
                            const domain::MarketAbilities& abilities) {
  each_of(instrument, [&](std::size_t number) {
    series_[number].is_made_of_bars = abilities.tells_bars;
    series_[number].awaits_history = abilities.tells_history;
    if (abilities.tells_history) series_[number].held.reserve(max_held);
  });
}

void Candles::close(std::size_t number, std::vector<Closed>& closed) {
  Series& series = series_[number];
  series.last = series.candle;
  hand_out(number, series.candle, false, closed);
}

void Candles::hand_out(std::size_t number, const strategy::Candle& candle, bool is_history,
                       std::vector<Closed>& closed) {
  Series& series = series_[number];
  const Closed made{number, series.instrument, candle, is_history};
  if (is_history) {
    ++counters_.history;
    closed.push_back(made);
    return;
  }
  ++counters_.closed;
  if (!candle.complete) ++counters_.incomplete;
  if (series.awaits_history && series.held.size() == max_held) end_history(series, closed);
  if (!series.awaits_history) {
    closed.push_back(made);
    return;
  }
  if (series.held.empty()) {
    series.history_by = candle.close_time - series.offset + history_wait;
    deadline_ = std::min(deadline_, series.history_by);
  }
  series.held.push_back(made);
}

void Candles::end_history(Series& series, std::vector<Closed>& closed) {
  series.awaits_history = false;
  for (const Closed& held : series.held) {
    if (held.candle.close_time > series.past.until) closed.push_back(held);
  }
  series.held.clear();
  // What lies between the past and the first bar that comes is a hole.
  if (series.live.until == Timestamp{}) series.live.until = series.past.until;
}

void Candles::open_next(Series& series) {
  start(series, series.candle.close_time, series.candle.close, true);
}

void Candles::revise(Series& series, domain::Price price, domain::Quantity quantity,
                     Timestamp venue_time) {
  ++counters_.late_trades;
  if (!series.last || venue_time < series.last->open_time) return;
  series.last->high = std::max(series.last->high, price);
  series.last->low = std::min(series.last->low, price);
  series.last->volume += quantity;
  ++series.last->trades;
}

void Candles::on_trade(domain::InstrumentId instrument, domain::Price price,
                       domain::Quantity quantity, Timestamp venue_time,
                       std::vector<Closed>& closed) {
  each_of(instrument, [&](std::size_t number) {
    Series& series = series_[number];
    if (series.is_made_of_bars) return;
    if (!series.is_open) start(series, venue_time, price, false);
    if (venue_time < series.candle.open_time) {
      revise(series, price, quantity, venue_time);
      return;
    }
    for (std::size_t steps = 0; venue_time >= series.candle.close_time; ++steps) {
      close(number, closed);
      if (steps == max_flat) {
        ++counters_.jumps;
        start(series, venue_time, price, false);
        break;
      }
      open_next(series);
    }
    strategy::Candle& candle = series.candle;
    if (candle.trades == 0) {
      candle.open = candle.high = candle.low = price;
    } else {
      candle.high = std::max(candle.high, price);
      candle.low = std::min(candle.low, price);
    }
    candle.close = price;
    candle.volume += quantity;
    ++candle.trades;
  });
}

void Candles::on_bar(domain::InstrumentId instrument, const domain::Bar& bar, Timestamp now,
                     std::vector<Closed>& closed) {
  each_of(instrument, [&](std::size_t number) {
    Series& series = series_[number];
    if (!(series.timeframe == bar.timeframe)) return;
    FromBars& made = bar.is_history ? series.past : series.live;
    const Interval interval = interval_of(series.timeframe, bar.open_time);
    const bool is_wanted = bar.is_history ? series.awaits_history : series.is_made_of_bars;
    // The newest of the past may still be open.
    const bool is_over = !bar.is_history || bar.close_time <= now + series.offset;
    const Timestamp after = made.part ? made.part->close_time : made.until;
    if (!is_wanted || !is_over || bar.open_time < after || bar.open_time >= bar.close_time ||
        bar.close_time > interval.close) {
      ++counters_.bars_refused;
      return;
    }
    // One whose end never came; the hole shows in the next one.
    if (made.part && interval.open > made.part->open_time) made.part.reset();
    if (!made.part) {
      strategy::Candle& part = made.part.emplace();
      part.open_time = part.close_time = interval.open;
      part.open = bar.open;
      part.high = bar.high;
      part.low = bar.low;
      part.complete = made.until == Timestamp{} || made.until == interval.open;
    }
    strategy::Candle& part = *made.part;
    if (bar.open_time != part.close_time) part.complete = false;
    part.high = std::max(part.high, bar.high);
    part.low = std::min(part.low, bar.low);
    part.close = bar.close;
    part.close_time = bar.close_time;
    part.volume += bar.volume;
    part.trades += bar.trades;
    if (bar.close_time < interval.close) return;
    made.until = interval.close;
    series.last = part;
    hand_out(number, part, bar.is_history, closed);
    made.part.reset();
  });
}

void Candles::on_history_end(domain::InstrumentId instrument, domain::Timeframe timeframe,
                             std::vector<Closed>& closed) {
  each_of(instrument, [&](std::size_t number) {
    Series& series = series_[number];
    if (series.timeframe == timeframe && series.awaits_history) end_history(series, closed);
  });
}

void Candles::on_lost(domain::InstrumentId instrument, Timestamp now) {
  each_of(instrument, [&](std::size_t number) {
    Series& series = series_[number];
    series.lost_until = std::max(series.lost_until, now + series.offset);
    series.candle.complete = false;
    if (series.last) series.last->complete = false;
  });
}

void Candles::on_stream(domain::InstrumentId instrument, bool is_up, Timestamp now) {
  each_of(instrument, [&](std::size_t number) {
    Series& series = series_[number];
    if (!is_up || series.is_blind) {
      series.lost_until = std::max(series.lost_until, now + series.offset);
      series.candle.complete = false;
    }
    series.is_blind = !is_up;
  });
}

void Candles::set_offset(domain::InstrumentId instrument, Duration offset) {
  each_of(instrument, [&](std::size_t number) { series_[number].offset = offset; });
  deadline_ = Timestamp{};  // computed anew at the next time
}

void Candles::on_time(Timestamp now, std::vector<Closed>& closed) {
  if (now < deadline_) return;
  deadline_ = domain::never;
  for (std::size_t number = 0; number < series_.size(); ++number) {
    Series& series = series_[number];
    if (series.awaits_history && !series.held.empty()) {
      if (now >= series.history_by) {
        end_history(series, closed);
      } else {
        deadline_ = std::min(deadline_, series.history_by);
      }
    }
    for (std::size_t steps = 0; series.is_open && steps <= max_flat; ++steps) {
      const Timestamp venue_now = now + series.offset - grace;
      if (venue_now < series.candle.close_time) break;
      close(number, closed);
      if (steps == max_flat) {
        // Nobody watched for so long that evenly spaced candles would be an invention.
        ++counters_.jumps;
        series.is_open = false;
      } else {
        open_next(series);
      }
    }
    if (series.is_open) {
      deadline_ = std::min(deadline_, series.candle.close_time - series.offset + grace);
    }
  }
}

}  // namespace halcyon::engine
