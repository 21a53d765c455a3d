// How long does an event take from one thread to another, compared with the least that the machine
// can do (one cache line that goes back and forth)? Both in one run, in alternating blocks, so that
// the machine's moods cancel. First it is shown that everything arrives.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

#include "daemon/lane.h"
#include "domain/event.h"

namespace {

using halcyon::domain::Event;
using EventLane = halcyon::daemon::Lane<Event, 1024>;
constexpr int blocks = 30;
constexpr std::uint64_t rounds = 5'000;

struct alignas(64) Line {
  std::atomic<std::uint64_t> value{0};
};

double nanoseconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - since).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

}  // namespace

int main() {
  Line there;
  Line back;
  EventLane lane_there{1};
  EventLane lane_back{1};
  auto write_there = lane_there.writer();
  auto read_there = lane_there.reader();
  auto write_back = lane_back.writer();
  auto read_back = lane_back.reader();

  // The partner answers whatever comes, on either way, until it is told to stop.
  std::atomic<bool> stop{false};
  std::thread partner{[&] {
    std::uint64_t seen = 0;
    Event event;
    while (!stop.load(std::memory_order_relaxed)) {
      if (const auto value = there.value.load(std::memory_order_acquire); value != seen) {
        seen = value;
        back.value.store(value, std::memory_order_release);
      }
      if (read_there.try_pop(event)) {
        while (!write_back.try_push(event)) {
        }
      }
    }
  }};

  std::vector<double> bare;
  std::vector<double> lane;
  std::uint64_t number = 0;
  std::uint64_t lost = 0;
  for (int block = 0; block < blocks; ++block) {
    auto start = std::chrono::steady_clock::now();
    for (std::uint64_t round = 0; round < rounds; ++round) {
      there.value.store(++number, std::memory_order_release);
      while (back.value.load(std::memory_order_acquire) != number) {
      }
    }
    bare.push_back(nanoseconds(start) / static_cast<double>(2 * rounds));

    Event event;
    start = std::chrono::steady_clock::now();
    for (std::uint64_t round = 0; round < rounds; ++round) {
      event.sequence = round;
      while (!write_there.try_push(event)) {
      }
      while (!read_back.try_pop(event)) {
      }
      lost += event.sequence != round ? 1U : 0U;
    }
    lane.push_back(nanoseconds(start) / static_cast<double>(2 * rounds));
  }
  stop = true;
  partner.join();
  if (lost != 0) {
    std::printf("lane: %llu events came out of order\n", static_cast<unsigned long long>(lost));
    return 1;
  }

  // What one push and one pop cost when nobody else looks: the shared mode.
  EventLane own{1};
  auto write = own.writer();
  auto read = own.reader();
  Event event;
  std::vector<double> alone;
  for (int block = 0; block < blocks; ++block) {
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t round = 0; round < 100 * rounds; ++round) {
      if (!write.try_push(event) || !read.try_pop(event)) return 1;
    }
    alone.push_back(nanoseconds(start) / static_cast<double>(100 * rounds));
  }
  std::printf(
      "hand-over of one %zu-byte event, thread to thread: %.2fx a bare cache line "
      "(%.0f ns against %.0f ns, one way)\n",
      sizeof(Event), median(lane) / median(bare), median(lane), median(bare));
  std::printf("push and pop on one thread: %.0f ns\n", median(alone));
  return 0;
}
