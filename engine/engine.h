#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "domain/catalog.h"
#include "domain/command.h"
#include "domain/event.h"
#include "domain/record.h"
#include "domain/time.h"
#include "engine/outputs.h"
#include "strategy/strategy.h"

namespace halcyon::engine {

class Book;  // engine/book.h

/// What an engine is made from. The catalog holds every venue, account, strategy and instrument of
/// the configuration; both outlive the engine and do not change while it runs.
struct Setup {
  const config::Config* config = nullptr;
  const domain::Catalog* catalog = nullptr;
  /// By VenueId: when that venue's "no such order" may be believed. Of every venue with an account
  /// in the configuration; `answer_time_out` and `request_validity` are positive.
  std::vector<domain::VisibilityRule> visibility;
  /// By VenueId: what the venue can do by itself; where it is left out, market and limit orders.
  std::vector<domain::OrderAbilities> abilities;
  /// By InstrumentId: what is told of it beside trades; where it is left out, nothing.
  std::vector<domain::MarketAbilities> market_abilities;
  /// How many commands may be on their way to a gateway without an answer; slots kept for cancels
  /// are beside it.
  std::size_t outbox_capacity = 256;
  std::size_t outbox_cancel_reserve = 64;
  /// Ended orders that are remembered: a report that names an older one is `late_unmatched`.
  std::size_t ended_orders_kept = 65'536;
  /// Fills that are remembered by their ids (fills.h).
  std::size_t fills_kept = 65'536;
  /// Makes the strategies; a test gives its own.
  std::function<std::unique_ptr<strategy::Strategy>(
      const config::Strategy&, const std::vector<domain::InstrumentId>&, std::string& error)>
      make_strategy = strategy::make;
};

/// Counted since the start; for metrics.
struct Counters {
  std::uint64_t candles_closed = 0;
  std::uint64_t candles_incomplete = 0;
  std::uint64_t candle_late_trades = 0;
  std::uint64_t candle_jumps = 0;
  std::uint64_t candles_of_history = 0;
  std::uint64_t bars_refused = 0;
  std::uint64_t books_crossed = 0;
  std::uint64_t duplicate_fills = 0;
  std::uint64_t orders_alive = 0;  ///< now
};

/// The one writer: market state, candles, strategies, risk, orders, positions, reconciliation.
/// A function of its events: reads no clock, no random source, no socket, no file. Owns all trading
/// state and shares none of it. After the first seconds it does not allocate for market data.
/// Thread: one at a time.
class Engine {
 public:
  /// Throws std::runtime_error with words when a strategy cannot be made.
  explicit Engine(const Setup& setup);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Recovery: one record of the journal, oldest first. No strategy and no check runs.
  void apply(const domain::RecordEntry& entry);

  /// One event. Appends to `outputs` what it decides; the records are applied already.
  /// `journal_sequence` is the one under which the caller will journal these outputs.
  /// The first event is Started; its epoch is above `last_epoch`, or the engine ends the process:
  /// an id given twice could trade twice.
  void on_event(const domain::Event& event, std::string_view remark, std::uint64_t journal_sequence,
                Outputs& outputs);

  /// When the engine next wants a Time event.
  domain::Timestamp next_deadline() const;

  /// The durable state as records, in an order in which `apply` rebuilds it: a snapshot, and the
  /// way to compare two engines. Texts are valid until the next event. Names and definitions are
  /// the catalog's and the daemon's, and so are sealed secrets: they are not in it.
  void snapshot(std::vector<domain::RecordEntry>& records) const;

  /// The greatest epoch of all recorded starts; 0: none. The next start's must be above it.
  std::uint32_t last_epoch() const;

  Counters counters() const;

  /// The book of an instrument as it is after the last event; null where there is no such
  /// instrument. Valid until the next event. For who watches; decides nothing.
  const Book* book(domain::InstrumentId instrument) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace halcyon::engine
