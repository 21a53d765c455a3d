#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "domain/ids.h"
#include "domain/time.h"

namespace halcyon::gateways {

using namespace std::chrono_literals;

/// When to connect again (section 2): 0.2 s doubling to 30 s, each shortened by up to half so that
/// many clients do not come at once, and never more than a share of the venue's 300 attempts in
/// five minutes. The jitter comes from a seed: equal seeds, equal times.
class ReconnectPacer {
 public:
  static constexpr domain::Duration first_pause = 200ms;
  static constexpr domain::Duration longest_pause = 30s;
  static constexpr domain::Duration window = 5min;
  /// The venue counts attempts by address, and four sessions of ours may share one.
  static constexpr std::size_t attempts_in_window = 60;

  explicit ReconnectPacer(std::uint64_t seed) : random_(seed) { attempts_.fill(long_ago); }

  /// A connection served well: the next pause is a short one.
  void on_success() { pause_ = first_pause; }

  /// The time of the next attempt, which is counted as made.
  domain::Timestamp next_attempt(domain::Timestamp now) {
    const domain::Duration full = pause_;
    pause_ = std::min<domain::Duration>(pause_ * 2, longest_pause);
    const auto half = static_cast<std::uint64_t>(full.count() / 2);
    const domain::Duration wait =
        full - domain::Duration{static_cast<std::int64_t>(half == 0 ? 0 : next_random() % half)};
    return count(now + wait);
  }
  /// The same without a pause, for a hand-over that the venue announced.
  domain::Timestamp attempt_at_once(domain::Timestamp now) { return count(now); }

 private:
  static constexpr domain::Timestamp long_ago{};

  domain::Timestamp count(domain::Timestamp at) {
    // The oldest of the last `attempts_in_window` attempts has to be out of the window.
    if (attempts_[oldest_] != long_ago) at = std::max(at, attempts_[oldest_] + window);
    attempts_[oldest_] = at;
    oldest_ = (oldest_ + 1) % attempts_.size();
    return at;
  }
  std::uint64_t next_random() { return domain::mix(random_ += 0x9e3779b97f4a7c15ULL); }

  std::uint64_t random_;
  domain::Duration pause_ = first_pause;
  std::array<domain::Timestamp, attempts_in_window> attempts_{};
  std::size_t oldest_ = 0;
};

/// A share of the venue's request weight, by calendar minute as the venue counts it (section 14).
class WeightBudget {
 public:
  explicit WeightBudget(std::int64_t per_minute) : per_minute_(per_minute) {}

  void set_limit(std::int64_t per_minute) { per_minute_ = per_minute; }
  std::int64_t limit() const { return per_minute_; }

  /// Takes `weight` if it is there.
  bool try_spend(std::int64_t weight, domain::Timestamp now) {
    const auto minute = std::chrono::floor<std::chrono::minutes>(now);
    if (minute != minute_) {
      minute_ = minute;
      spent_ = 0;
    }
    if (spent_ + weight > per_minute_) return false;
    spent_ += weight;
    return true;
  }
  /// When there will be more.
  static domain::Timestamp next_minute(domain::Timestamp now) {
    return std::chrono::floor<std::chrono::minutes>(now) + 1min;
  }

 private:
  std::int64_t per_minute_;
  std::int64_t spent_ = 0;
  std::chrono::sys_time<std::chrono::minutes> minute_{};
};

/// The venue's clock against ours (section 9): offset = server time - (sent + received) / 2, and of
/// the last few samples the one with the smallest round trip is believed, because its error, half
/// the round trip, is the smallest.
class ClockEstimate {
 public:
  static constexpr std::size_t kept = 6;  ///< two measurements of three

  struct Sample {
    domain::Duration offset{};
    domain::Duration round_trip{};
  };

  void add(domain::Timestamp sent, domain::Timestamp received, std::int64_t server_ms) {
    const domain::Duration round_trip = std::max(received - sent, domain::Duration{});
    samples_[next_] = {domain::from_unix_ms(server_ms) - (sent + round_trip / 2), round_trip};
    next_ = (next_ + 1) % kept;
    count_ = std::min(count_ + 1, kept);
  }
  /// Forget: the clock has stepped.
  void clear() { count_ = next_ = 0; }
  bool is_known() const { return count_ > 0; }
  Sample best() const {
    Sample best = samples_[0];
    for (std::size_t index = 1; index < count_; ++index) {
      if (samples_[index].round_trip < best.round_trip) best = samples_[index];
    }
    return best;
  }

 private:
  std::array<Sample, kept> samples_{};
  std::size_t next_ = 0;
  std::size_t count_ = 0;
};

}  // namespace halcyon::gateways
