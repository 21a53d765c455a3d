#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

#include "daemon/lanes.h"
#include "daemon/waker.h"
#include "domain/event.h"

namespace halcyon::daemon {

/// What a full market lane cost, by what it did to keep the rest right. Read by any thread.
struct MarketLosses {
  std::atomic<std::uint64_t> quotes_conflated{0};
  std::atomic<std::uint64_t> trades_lost{0};
  std::atomic<std::uint64_t> books_invalidated{0};
};

/// The writing end of a venue's market data, with the rules for a lane that is full: quotes
/// conflate to the newest per instrument; a book that lost a run becomes invalid as a whole; a lost
/// trade is told, so that its candle counts as incomplete. Thread: one gateway thread.
class MarketWriter {
 public:
  /// `instruments`: how many the catalog has.
  MarketWriter(MarketLane::Writer lane, std::size_t instruments, Waker* waker);

  /// The events of one frame, in order. A run of book events is pushed whole or not at all.
  void push(std::span<const domain::Event> events);
  /// Tells what is owed from a time when the lane was full. Call it every turn.
  void flush();
  bool owes() const { return owing_ != 0; }
  /// Half of the lane is taken. Where engine and gateways share a thread, reading more would only
  /// lose what the socket can keep.
  bool is_crowded() const { return lane_.size() > market_lane_capacity / 2; }
  const MarketLosses& losses() const { return losses_; }

 private:
  struct Debt {
    domain::Event quote;  ///< the newest that did not fit
    bool has_quote = false;
    bool book_is_lost = false;  ///< levels are dropped until the next BookReset
    bool invalid_untold = false;
    std::uint32_t trades_untold = 0;
    bool any() const { return has_quote || invalid_untold || trades_untold != 0; }
  };
  Debt& debt(const domain::Event& event) { return debts_.at(domain::index_of(event.instrument)); }
  void push_one(const domain::Event& event);
  void push_run(std::span<const domain::Event> run);
  /// Pushes what is owed for one instrument; false while something is left.
  bool settle(Debt& owed, domain::InstrumentId instrument);

  MarketLane::Writer lane_;
  std::vector<Debt> debts_;  ///< by InstrumentId
  std::size_t owing_ = 0;    ///< instruments that are owed something
  domain::Event last_;       ///< times and venue for events made here
  Waker* waker_;
  MarketLosses losses_;
};

/// The writing end for orders and the account. Nothing is dropped: what does not fit waits here, in
/// order and counted, and the caller stops reading its socket until it is gone.
class OrderWriter {
 public:
  /// `number`: tells this writer's remarks from another's; 1 to 255.
  OrderWriter(OrderLane::Writer lane, RemarkLane::Writer remarks, std::uint8_t number,
              Waker* waker);

  void push(std::span<const domain::Event> events, std::span<const std::string> remarks);
  void flush();
  bool is_blocked() const { return !waiting_.empty(); }
  std::uint64_t lost_remarks() const { return lost_remarks_.load(std::memory_order_relaxed); }
  std::uint64_t delayed() const { return delayed_.load(std::memory_order_relaxed); }

 private:
  OrderLane::Writer lane_;
  RemarkLane::Writer remarks_;
  std::deque<domain::Event> waiting_;
  std::uint32_t base_;
  std::uint32_t count_ = 0;
  Waker* waker_;
  std::atomic<std::uint64_t> lost_remarks_{0};
  std::atomic<std::uint64_t> delayed_{0};
};

}  // namespace halcyon::daemon
