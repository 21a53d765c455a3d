#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "domain/command.h"
#include "domain/decimal.h"
#include "domain/event.h"
#include "domain/ids.h"
#include "domain/time.h"
#include "strategy/strategy.h"

namespace halcyon::engine {

/// The stretch of venue time that a candle covers; `close` is exclusive.
struct Interval {
  domain::Timestamp open, close;
};

/// The interval of a timeframe in which a time lies, UTC. Seconds to days count from the Unix
/// epoch, weeks from Monday 1970-01-05, months by the calendar from January 1970.
Interval interval_of(domain::Timeframe timeframe, domain::Timestamp time);

/// Candles made of trades, for every (instrument, timeframe) that a strategy asked for.
///
/// - A trade belongs to the interval of its venue time.
/// - A candle closes at the first trade of a later interval, or when the venue's clock, as far as
///   we know it, has passed its end by `grace`.
/// - An interval without a trade gives a flat candle at the last close with zero volume, so that
///   averages see evenly spaced candles; none before the first trade. A jump over more than
///   `max_flat` intervals starts anew instead, with an incomplete candle, and is counted.
/// - The first candle of a series, and every candle that was open while trades were lost or the
///   market stream was down, is incomplete.
/// - A trade that comes after its candle closed revises the last closed candle (high, low, volume,
///   count; not the close, which was traded on) and is counted; strategies are not told again.
/// - Where the venue tells the past, a series hands out its history first, and what has closed
///   meanwhile waits for that, `history_wait` at most. Where it tells bars as they close, candles
///   are made of these and trades make none. Smaller bars are put together; a candle of which a
///   part is missing, or that comes after a hole, is incomplete.
///
/// Does not allocate once `closed` has grown to what a busy moment needs.
class Candles {
 public:
  static constexpr domain::Duration grace = std::chrono::milliseconds{250};
  static constexpr std::size_t max_flat = 1000;
  static constexpr domain::Duration history_wait = std::chrono::seconds{30};
  static constexpr std::size_t max_held = 64;  ///< closed candles of a series that waits

  /// One closed candle and the series that it belongs to.
  struct Closed {
    std::size_t series = 0;
    domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
    strategy::Candle candle;
    bool is_history = false;
  };
  struct Counters {
    std::uint64_t closed = 0, incomplete = 0, late_trades = 0, jumps = 0;
    std::uint64_t history = 0;       ///< candles of the past
    std::uint64_t bars_refused = 0;  ///< that fit no series, or came out of order
  };

  /// The series' number; the same for the same pair.
  std::size_t add(domain::InstrumentId instrument, domain::Timeframe timeframe);
  /// What the instrument's venue tells; before the first event, and after every `add`.
  void set_abilities(domain::InstrumentId instrument, const domain::MarketAbilities& abilities);

  /// Closed candles are appended to `closed`, oldest first.
  void on_trade(domain::InstrumentId instrument, domain::Price price, domain::Quantity quantity,
                domain::Timestamp venue_time, std::vector<Closed>& closed);
  void on_bar(domain::InstrumentId instrument, const domain::Bar& bar, domain::Timestamp now,
              std::vector<Closed>& closed);
  void on_history_end(domain::InstrumentId instrument, domain::Timeframe timeframe,
                      std::vector<Closed>& closed);
  /// Trades of the instrument were lost by the engine time `now`.
  void on_lost(domain::InstrumentId instrument, domain::Timestamp now);
  /// The public data of the instrument's venue stopped, or came back.
  void on_stream(domain::InstrumentId instrument, bool is_up, domain::Timestamp now);
  /// The venue's clock less ours.
  void set_offset(domain::InstrumentId instrument, domain::Duration offset);
  /// Closes what is due at engine time `now`.
  void on_time(domain::Timestamp now, std::vector<Closed>& closed);
  /// The engine time at which `on_time` may have something to do; `never` when nothing is open.
  domain::Timestamp next_deadline() const { return deadline_; }

  /// The last closed candle of a series, with late trades in it.
  const std::optional<strategy::Candle>& last_closed(std::size_t series) const {
    return series_[series].last;
  }
  const Counters& counters() const { return counters_; }

 private:
  /// Candles put together from bars.
  struct FromBars {
    std::optional<strategy::Candle> part;  ///< not whole yet; `close_time` as far as it goes
    domain::Timestamp until;               ///< the end of the newest whole one
  };
  struct Series {
    domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
    domain::Timeframe timeframe;
    domain::Duration offset{};
    bool is_open = false;
    bool is_blind = false;         ///< the stream is down
    domain::Timestamp lost_until;  ///< venue time up to which trades may be missing
    strategy::Candle candle;       ///< the open one
    std::optional<strategy::Candle> last;
    bool is_made_of_bars = false;
    bool awaits_history = false;
    domain::Timestamp history_by = domain::never;  ///< engine time
    std::vector<Closed> held;                      ///< closed while the history is awaited
    FromBars past, live;
  };

  void start(Series& series, domain::Timestamp time, domain::Price price, bool is_complete);
  void close(std::size_t number, std::vector<Closed>& closed);
  void open_next(Series& series);
  void hand_out(std::size_t number, const strategy::Candle& candle, bool is_history,
                std::vector<Closed>& closed);
  void end_history(Series& series, std::vector<Closed>& closed);
  void revise(Series& series, domain::Price price, domain::Quantity quantity,
              domain::Timestamp venue_time);
  template <class Do>
  void each_of(domain::InstrumentId instrument, Do act) {
    if (domain::index_of(instrument) >= by_instrument_.size()) return;
    for (const std::size_t number : by_instrument_[domain::index_of(instrument)]) act(number);
  }

  std::vector<Series> series_;
  std::vector<std::vector<std::size_t>> by_instrument_;
  Counters counters_;
  domain::Timestamp deadline_ = domain::never;
};

}  // namespace halcyon::engine
