#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "domain/record.h"
#include "engine/decisions.h"
#include "engine/latest.h"
#include "engine/position.h"

namespace halcyon::engine {

/// Positions as the lots they were bought in, first in first out, and the round trips that close
/// them. Beside the average cost of a position, not instead of it: both describe the same holding.
class Lots {
 public:
  /// Open lots of one position; what comes beyond is added to the newest.
  static constexpr std::size_t most_per_position = 1024;

  explicit Lots(Decisions& decisions) : decisions_(decisions), trips_(256) { lots_.reserve(1024); }

  void apply(const domain::LotChanged& changed);
  void apply(const domain::RoundTripClosed& closed);
  void snapshot(std::vector<domain::RecordEntry>& records) const;

  /// What a fill does to the lots of its position. Returns the profit of what it closed, in quote
  /// currency, before fees.
  domain::Money book(const domain::FillBooked& fill, const FillEffect& effect) {
    const Traded traded = traded_of(effect);
    return book(fill, traded.change, traded.paid, effect.base_fee_value + effect.other_fee);
  }

  /// Takes a fill back: off the lot that it opened, as far as that is still there; the rest as its
  /// opposite.
  domain::Money unbook(const domain::FillBooked& fill, const FillEffect& effect);

  /// Who hears of every round trip.
  using OnTrip = std::function<void(const domain::RoundTripClosed&)>;
  void set_on_trip(OnTrip on_trip) { on_trip_ = std::move(on_trip); }

 private:
  domain::Money book(const domain::FillBooked& fill, domain::Quantity left, domain::Money paid,
                     domain::Money fees);

  Decisions& decisions_;
  std::vector<domain::LotChanged> lots_;   ///< open ones, oldest first
  Latest<domain::RoundTripClosed> trips_;  ///< the last of each account and strategy
  std::uint64_t last_lot_ = 0;
  std::uint64_t last_trip_ = 0;
  OnTrip on_trip_;
};

}  // namespace halcyon::engine
