#pragma once

#include <algorithm>
#include <cstdint>

#include "domain/time.h"

namespace halcyon::gateways::coinbase {

/// Calls a second (section 6): about 30 for private ones, says an older page of the venue, and a
/// header of each answer says how many are left. Orders stop short of the limit, questions still
/// earlier, so that cancels always find room.
class CallBudget {
 public:
  static constexpr std::int64_t calls_per_second = 30;
  static constexpr std::int64_t for_orders = 24;
  static constexpr std::int64_t for_questions = 12;

  /// Takes one call if fewer than `limit` of this second are spent.
  bool try_spend(std::int64_t limit, domain::Timestamp now) {
    renew(now);
    if (spent_ >= limit) return false;
    ++spent_;
    return true;
  }
  bool has_room(std::int64_t limit, domain::Timestamp now) {
    renew(now);
    return spent_ < limit;
  }
  /// The venue's own word about what is left now.
  void note_remaining(std::int64_t left, domain::Timestamp now) {
    renew(now);
    spent_ = std::max(spent_, calls_per_second - std::max<std::int64_t>(left, 0));
  }
  static domain::Timestamp next_second(domain::Timestamp now) {
    return std::chrono::floor<std::chrono::seconds>(now) + std::chrono::seconds{1};
  }

 private:
  void renew(domain::Timestamp now) {
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    if (second == second_) return;
    second_ = second;
    spent_ = 0;
  }
  std::chrono::sys_seconds second_{};
  std::int64_t spent_ = 0;
};

}  // namespace halcyon::gateways::coinbase
