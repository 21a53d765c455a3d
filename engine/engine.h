#pragma once

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

namespace halcyon::engine {

/// What an engine is made from. The catalog holds every venue, account, strategy and instrument of
/// the configuration; both outlive the engine and do not change while it runs.
struct Setup {
  const config::Config* config = nullptr;
  const domain::Catalog* catalog = nullptr;
  /// By VenueId: when that venue's "no such order" may be believed.
  std::vector<domain::VisibilityRule> visibility;
  /// How many commands may be on their way to a gateway without an answer; slots kept for cancels
  /// are beside it.
  std::size_t outbox_capacity = 256;
  std::size_t outbox_cancel_reserve = 64;
};

/// The one writer: market state, candles, strategies, risk, orders, positions, reconciliation.
/// A function of its events: reads no clock, no random source, no socket, no file. Owns all trading
/// state and shares none of it. After the first seconds it does not allocate for market data.
/// Thread: one at a time.
class Engine {
 public:
  explicit Engine(const Setup& setup);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Recovery: one record of the journal, oldest first. No strategy and no check runs.
  void apply(const domain::RecordEntry& entry);

  /// One event. Appends to `outputs` what it decides; the records are applied already.
  /// `journal_sequence` is the one under which the caller will journal these outputs.
  void on_event(const domain::Event& event, std::string_view remark, std::uint64_t journal_sequence,
                Outputs& outputs);

  /// When the engine next wants a Time event.
  domain::Timestamp next_deadline() const;

  /// The durable state as records, in an order in which `apply` rebuilds it: a snapshot, and the
  /// way to compare two engines.
  void snapshot(std::vector<domain::RecordEntry>& records) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace halcyon::engine
