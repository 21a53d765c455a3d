#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "domain/event.h"

namespace halcyon::engine {

/// The price levels of one instrument, exact and complete as far as the venue tells them.
///
/// Each side is one sorted array with its best level at the end, so that a change near the touch
/// moves little. A level that is deleted stays as an empty place, which the next one at that price
/// or beside it takes; when there are more empty places than levels, they are swept out. Quotes are
/// read at the end of a run only, so nobody sees half an update. A book that crosses is invalid
/// until the next reset: a wrong book cannot quote. After the first seconds no update allocates.
class Book {
 public:
  using Level = domain::BookLevel;
  struct Touch {
    Level bid, ask;
  };

  /// Emptied; the run that makes it whole follows.
  void reset();
  /// No price may be used until the next reset.
  void invalidate();

  enum class Result : std::uint8_t {
    ignored,  ///< invalid, waiting for a reset
    partial,  ///< more of the run follows
    whole,    ///< the run is complete and the book is usable
    crossed,  ///< the run left bid >= ask: invalid now
  };
  Result apply(const domain::BookLevels& levels);

  /// Best bid and ask after the last whole run; empty when invalid or one-sided.
  const std::optional<Touch>& touch() const { return touch_; }
  bool is_valid() const { return is_valid_; }
  std::uint64_t update_id() const { return update_id_; }

  /// Levels of a side, without empty places.
  std::size_t bid_count() const { return bids_.count(); }
  std::size_t ask_count() const { return asks_.count(); }
  /// Levels from the best to the worst, while `act` returns true.
  template <class Act>
  void each_bid(Act act) const {
    bids_.each(act);
  }
  template <class Act>
  void each_ask(Act act) const {
    asks_.each(act);
  }

 private:
  /// One side. Prices are kept apart from quantities, so that a search touches little memory.
  template <bool is_bid>
  class Side {
   public:
    void clear();
    void set(const Level& level);
    std::size_t count() const { return prices_.size() - empty_; }
    /// The best level; call when `count` is not 0.
    Level best() const;
    template <class Act>
    void each(Act act) const {
      for (std::size_t at = prices_.size(); at > 0; --at) {
        if (quantities_[at - 1].is_zero()) continue;
        if (!act(Level{domain::Price::from_raw(prices_[at - 1]), quantities_[at - 1]})) return;
      }
    }

   private:
    std::size_t find(std::int64_t price) const;
    void sweep();

    std::vector<std::int64_t> prices_;          ///< worst first
    std::vector<domain::Quantity> quantities_;  ///< zero: an empty place; never the last one
    std::size_t empty_ = 0;
  };

  Side<true> bids_;
  Side<false> asks_;
  std::optional<Touch> touch_;
  std::uint64_t update_id_ = 0;
  bool is_valid_ = false;   ///< a run since the reset was whole
  bool is_waiting_ = true;  ///< for a reset
};

}  // namespace halcyon::engine
