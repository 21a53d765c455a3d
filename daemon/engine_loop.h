#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/agent.h"
#include "daemon/lanes.h"
#include "daemon/latency.h"
#include "daemon/observation_lane.h"
#include "daemon/waker.h"
#include "engine/engine.h"
#include "engine/outputs.h"
#include "persistence/journal.h"

namespace halcyon::daemon {

/// Where the engine's commands and questions leave: one order session.
struct OrderOutlet {
  CommandLane::Writer commands;
  RequestLane::Writer requests;
  Waker* waker = nullptr;  ///< null: the same thread
};
/// Likewise for the public data of a venue.
struct MarketOutlet {
  RequestLane::Writer requests;
  Waker* waker = nullptr;
};

/// Thread: engine. Owns the inbox's reading ends and the outbox's writing ends. Each turn drains
/// control, then orders until empty, then at most `max_market_events` market events; each event is
/// decided, journaled, and only then acted upon.
class EngineLoop final : public Agent {
 public:
  /// Bounds the time that a control or order event waits behind market data (about 100 us).
  static constexpr std::size_t max_market_events = 1024;
  /// Texts whose event has not come yet; more than the lane holds cannot be under way.
  static constexpr std::size_t max_early_remarks = 256;

  struct Inbox {
    ControlLane::Reader control;
    OrderLane::Reader orders;
    MarketLane::Reader market;
    RemarkLane::Reader remarks;
    LongRemarkLane::Reader long_remarks;
  };

  /// `orders` by AccountId, `markets` by VenueId; an empty one is never addressed.
  EngineLoop(engine::Engine& engine, persistence::Journal& journal, Inbox inbox,
             std::vector<std::optional<OrderOutlet>> orders,
             std::vector<std::optional<MarketOutlet>> markets, Latency& latency);

  /// Hands every event that the journal does not hold to a capture. Before `start`.
  void capture(CaptureLane::Writer writer) { capture_.emplace(std::move(writer)); }

  /// The first event: the epoch, beside the dictionary entries and definitions that are new. Called
  /// once, before the first turn. False when the journal has no room.
  bool start(const domain::Event& started, std::span<const domain::RecordEntry> definitions);

  /// Who looks at market events once they are handled; before the first turn. Outlives this.
  void observe_with(ObservationTap& tap) { tap_ = &tap; }

  std::size_t turn(domain::Timestamp now) override;
  domain::Timestamp next_deadline() const override { return engine_.next_deadline(); }
  void watch(std::vector<::pollfd>&) const override {}
  bool has_work() const override;

  /// Read by any thread.
  struct Counters {
    std::atomic<std::uint64_t> turns{0};
    std::atomic<std::uint64_t> events{0};
    std::atomic<std::uint64_t> commands{0};
    std::atomic<std::uint64_t> lost_remarks{0};
    /// 1 while a frame cannot be journaled: nothing is handled until it can.
    std::atomic<std::uint64_t> is_stalled{0};
    std::atomic<std::uint64_t> captured{0};
    std::atomic<std::uint64_t> capture_lost{0};  ///< the lane to the capture was full
  };
  const Counters& counters() const { return counters_; }

 private:
  void handle(domain::Event& event);
  void keep(const domain::Event& event);
  std::string_view take_remark(std::uint32_t number);
  /// Journals what is pending and sends it. False: no room, tried again in the next turn.
  bool commit();
  void dispatch();

  engine::Engine& engine_;
  persistence::Journal& journal_;
  Inbox inbox_;
  std::vector<std::optional<OrderOutlet>> orders_;
  std::vector<std::optional<MarketOutlet>> markets_;
  Latency& latency_;
  ObservationTap* tap_ = nullptr;

  engine::Outputs outputs_;
  domain::Event pending_event_;  ///< decided, not yet journaled
  std::string pending_remark_;
  bool has_pending_ = false;
  domain::JournalRoom room_ = domain::JournalRoom::open;
  std::optional<CaptureLane::Writer> capture_;
  std::uint32_t lost_before_ = 0;  ///< events that the capture has not got, in a row
  std::vector<domain::Remark> early_remarks_;
  domain::Remark remark_;
  LongRemark long_remark_;
  Counters counters_;
};

}  // namespace halcyon::daemon
