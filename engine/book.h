#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "domain/event.h"

namespace halcyon::engine {

/// The price levels of one instrument, exact and complete as far as the venue tells them.
///
/// Each side is one sorted array with its best level at the end: nearly every change is near the
/// touch, so it is found in a few steps from the end and moves a few levels. Quotes are read at the
/// end of a run only, so nobody sees half an update. A book that crosses is invalid until the next
/// reset: a wrong book cannot quote. After the first seconds no update allocates.
class Book {
 public:
  /// Levels per side for which memory is set aside at the first reset.
  static constexpr std::size_t reserved_levels = 4096;

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

  /// Levels from the worst to the best.
  std::span<const Level> bids() const { return bids_; }
  std::span<const Level> asks() const { return asks_; }

 private:
  std::vector<Level> bids_;  ///< ascending: the best is the last
  std::vector<Level> asks_;  ///< descending: the best is the last
  std::optional<Touch> touch_;
  std::uint64_t update_id_ = 0;
  bool is_valid_ = false;   ///< a run since the reset was whole
  bool is_waiting_ = true;  ///< for a reset
};

}  // namespace halcyon::engine
