#pragma once

#include <cstdint>

#include "domain/time.h"

namespace halcyon::simulation {

/// What the venue allows; read by clients from `exchangeInfo`.
struct LimitSettings {
  int weight_per_minute = 6000;
  int orders_per_10s = 50;
  int orders_per_day = 160'000;
  int raw_requests_per_5m = 300'000;
  int connections_per_5m = 300;
};

/// A count within a calendar-aligned interval (10 s windows at :00, :10; days at 00:00 UTC).
class LimitWindow {
 public:
  LimitWindow(domain::Duration interval, int limit) : interval_(interval), limit_(limit) {}

  int limit() const { return limit_; }
  int count(domain::Timestamp now) const { return index(now) == index_ ? count_ : 0; }
  bool full(domain::Timestamp now) const { return count(now) >= limit_; }
  /// Never below zero.
  void add(int amount, domain::Timestamp now) {
    count_ = count(now) + amount;
    if (count_ < 0) count_ = 0;
    index_ = index(now);
  }
  /// When the present interval ends.
  domain::Timestamp ends(domain::Timestamp now) const {
    return domain::Timestamp{interval_ * (index(now) + 1)};
  }

 private:
  std::int64_t index(domain::Timestamp now) const { return now.time_since_epoch() / interval_; }

  domain::Duration interval_;
  int limit_;
  std::int64_t index_ = -1;
  int count_ = 0;
};

}  // namespace halcyon::simulation
