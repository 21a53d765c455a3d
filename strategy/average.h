#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "config/config.h"
#include "domain/decimal.h"

namespace halcyon::strategy {

/// A moving average of prices, in integers, so that two averages compare the same way on every
/// machine and a cross is never a matter of rounding by the processor. A value; allocates when it
/// is made and never again.
///
/// simple: the sum of the last `period` prices over `period`; exact.
/// exponential: starts as the simple average of the first `period` prices, then moves by
/// 2/(period+1) of the distance to each new price; kept in 2^-32 of 10^-9, each step rounded
/// towards zero.
class MovingAverage {
 public:
  /// `period` at least 1.
  MovingAverage(config::Average kind, std::size_t period);

  void add(domain::Price price);

  /// Whether `period` prices have been seen; before that there is no average.
  bool is_ready() const { return seen_ >= period_; }

  /// The average in 10^-9 parts with 32 more binary digits, rounded down; ready only.
  domain::Int128 fine() const;

  /// The average as a price, rounded down; empty before it is ready. For people and tests.
  std::optional<domain::Price> value() const;

 private:
  config::Average kind_;
  std::size_t period_;
  std::size_t seen_ = 0;               ///< stops counting at `period_`
  std::size_t oldest_ = 0;             ///< in `window_`
  std::vector<domain::Price> window_;  ///< simple, or an exponential one that is not ready
  domain::Int128 sum_ = 0;             ///< of `window_`, in 10^-9 parts
  domain::Int128 smooth_ = 0;          ///< exponential, once ready
};

}  // namespace halcyon::strategy
