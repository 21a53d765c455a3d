#pragma once

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace halcyon::daemon {

/// Ticks of the processor's counter: the cheapest stamp there is (about 10 ns). Ticks of one thread
/// only are compared.
inline std::uint64_t ticks() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

/// Where the time of a tick goes, from socket to socket.
enum class Stage : std::uint8_t {
  decode,         ///< frame -> events on the lane
  engine,         ///< event -> records and commands
  journal,        ///< records -> committed frame
  send,           ///< command -> encoded and written to the socket
  tick_to_order,  ///< last byte of the frame that decided -> order written
};
inline constexpr std::size_t stage_count = 5;

/// Counts durations in log-linear buckets: eight a power of two, so a quantile is right to 12.5 %.
/// One thread records; any other may read at the same time and sees every count once.
class Histogram {
 public:
  static constexpr std::size_t sub_buckets = 8;
  static constexpr std::size_t bucket_count = 64 * sub_buckets;

  /// Thread: the owner. About two nanoseconds.
  void record(std::uint64_t value) {
    auto& bucket = buckets_[bucket_of(value)];
    bucket.store(bucket.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    sum_.store(sum_.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
    if (value > max_.load(std::memory_order_relaxed)) max_.store(value, std::memory_order_relaxed);
  }

  /// A copy to compute with, addable over threads.
  struct Counts {
    std::array<std::uint64_t, bucket_count> buckets{};
    std::uint64_t count = 0, sum = 0, max = 0;

    void add(const Histogram& histogram) {
      for (std::size_t index = 0; index < bucket_count; ++index) {
        const auto value = histogram.buckets_[index].load(std::memory_order_relaxed);
        buckets[index] += value;
        count += value;
      }
      sum += histogram.sum_.load(std::memory_order_relaxed);
      max = std::max(max, histogram.max_.load(std::memory_order_relaxed));
    }
    /// The upper edge of the bucket in which the quantile lies; 0 when nothing was counted.
    std::uint64_t quantile(double share) const {
      if (count == 0) return 0;
      const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(count - 1)) + 1;
      std::uint64_t seen = 0;
      for (std::size_t index = 0; index < bucket_count; ++index) {
        seen += buckets[index];
        if (seen >= rank) return std::min(upper_edge(index), max);
      }
      return max;
    }
  };

  static constexpr std::size_t bucket_of(std::uint64_t value) {
    if (value < sub_buckets) return static_cast<std::size_t>(value);
    const auto exponent = static_cast<std::size_t>(std::bit_width(value)) - 1;  // 3 or more
    const auto sub = static_cast<std::size_t>(value >> (exponent - 3)) & (sub_buckets - 1);
    return (exponent - 2) * sub_buckets + sub;
  }
  /// The greatest value that falls into the bucket.
  static constexpr std::uint64_t upper_edge(std::size_t index) {
    if (index < sub_buckets) return index;
    const std::size_t exponent = index / sub_buckets + 2;
    const std::uint64_t sub = index % sub_buckets;
    return ((sub_buckets + sub + 1) << (exponent - 3)) - 1;
  }

 private:
  std::array<std::atomic<std::uint64_t>, bucket_count> buckets_{};
  std::atomic<std::uint64_t> sum_{0};
  std::atomic<std::uint64_t> max_{0};
};

/// The stages of one hot thread, in ticks but for tick_to_order, which is in nanoseconds.
struct Latency {
  std::array<Histogram, stage_count> stages;
  Histogram& operator[](Stage stage) { return stages[static_cast<std::size_t>(stage)]; }
};

/// How long a tick is, measured from the start of the process until now.
class TickRate {
 public:
  TickRate() : start_ticks_(ticks()), start_(std::chrono::steady_clock::now()) {}
  double nanoseconds_per_tick() const {
    const auto elapsed = std::chrono::steady_clock::now() - start_;
    const auto count = ticks() - start_ticks_;
    if (count == 0) return 1.0;
    return static_cast<double>(
               std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count()) /
           static_cast<double>(count);
  }

 private:
  std::uint64_t start_ticks_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace halcyon::daemon
