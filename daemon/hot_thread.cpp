#include "daemon/hot_thread.h"

#include <algorithm>
#include <utility>

#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace halcyon::daemon {

namespace {

::timespec to_timespec(domain::Duration duration) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(duration);
  return {seconds.count(), (duration - seconds).count()};
}

void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

}  // namespace

HotThread::HotThread(std::vector<Agent*> agents, config::Wait wait,
                     const gateways::transport::Clock& clock, Waker& waker)
    : agents_(std::move(agents)), wait_(wait), clock_(clock), waker_(waker) {
  descriptors_.reserve(agents_.size() + 1);
}

std::size_t HotThread::turn() {
  const domain::Timestamp now = clock_.now();
  std::size_t done = 0;
  for (Agent* agent : agents_) done += agent->turn(now);
  return done;
}

void HotThread::run(const std::atomic<bool>& stop) {
  while (true) {
    // Read before the turn: what was pushed before the stop is then still handled.
    const bool stops = stop.load(std::memory_order_acquire);
    if (turn() != 0) {
      idle_turns_ = 0;
      continue;
    }
    if (stops) return;
    ++idle_turns_;
    switch (wait_) {
      case config::Wait::spin:
        pause_briefly();
        break;
      case config::Wait::backoff:
        if (idle_turns_ < patience) {
          pause_briefly();
        } else {
          const auto rest = std::min<domain::Duration>(
              max_rest, std::chrono::microseconds{1 + (idle_turns_ - patience) / 8});
          const ::timespec time = to_timespec(rest);
          ::nanosleep(&time, nullptr);
        }
        break;
      case config::Wait::block:
        sleep();
        break;
    }
  }
}

void HotThread::sleep() {
  waker_.announce_sleep();
  domain::Timestamp deadline = domain::never;
  bool has_work = false;
  descriptors_.clear();
  descriptors_.push_back({waker_.fd(), POLLIN, 0});
  for (const Agent* agent : agents_) {
    // Whoever pushed before the announcement did not wake us: look once more.
    has_work = has_work || agent->has_work();
    deadline = std::min(deadline, agent->next_deadline());
    agent->watch(descriptors_);
  }
  const auto wait = std::min(clock_.real_time_until(deadline), max_sleep);
  if (!has_work && wait > domain::Duration::zero()) {
    const ::timespec time = to_timespec(wait);
    ::ppoll(descriptors_.data(), descriptors_.size(), &time, nullptr);
  }
  waker_.awake((descriptors_.front().revents & POLLIN) != 0);
}

}  // namespace halcyon::daemon
