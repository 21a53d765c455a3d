#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include <sys/eventfd.h>
#include <unistd.h>

namespace halcyon::daemon {

/// Wakes a thread that sleeps in poll(). Costs the waker one relaxed read and a fence while the
/// other is awake, and about 7 us when it is not; so only cold threads wake the hot one, and hot
/// ones wake each other only with `threads = "dedicated"` and `wait = "block"`.
class Waker {
 public:
  Waker() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  ~Waker() { ::close(fd_); }
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;

  /// Any thread, after it has pushed something.
  void wake() {
    if (asleep_.exchange(false, std::memory_order_seq_cst)) {
      const std::uint64_t one = 1;
      [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
    }
  }
  /// Thread: the sleeper. Announces sleep; it must look at its queues once more before it sleeps.
  void announce_sleep() { asleep_.store(true, std::memory_order_seq_cst); }
  /// Thread: the sleeper, awake again. `is_signaled`: poll found the descriptor readable.
  void awake(bool is_signaled) {
    asleep_.store(false, std::memory_order_relaxed);
    if (!is_signaled) return;
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(fd_, &count, sizeof count);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
  std::atomic<bool> asleep_{false};
};

}  // namespace halcyon::daemon
