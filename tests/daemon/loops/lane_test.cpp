// Lanes: bounded, each writer for itself, ordered per writer, and without a heap.

#include "daemon/lane.h"

#include <array>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/daemon/loops/allocations.h"

namespace halcyon::daemon {
namespace {

constexpr std::size_t capacity = 256;
using TestLane = Lane<std::uint64_t, capacity>;

TEST(Lane, KeepsAWriterToItsOwnShare) {
  // Given two writers, one of which pushes until it is refused
  TestLane lane{2};
  auto greedy = lane.writer();
  auto modest = lane.writer();
  auto reader = lane.reader();
  std::size_t pushed = 0;
  while (greedy.try_push(pushed)) ++pushed;
  // Then it got its capacity, and the other one still gets all of its own
  EXPECT_EQ(pushed, capacity);
  for (std::uint64_t item = 0; item < capacity; ++item) EXPECT_TRUE(modest.try_push(item));
  EXPECT_FALSE(modest.try_push(0));
  // And what was read may be pushed again
  EXPECT_EQ(reader.drain(2 * capacity, [](std::uint64_t) {}), 2 * capacity);
  EXPECT_TRUE(greedy.try_push(1));
  EXPECT_TRUE(modest.try_push(1));
}

TEST(Lane, StillServesTheOtherWriterAfterOneWasBusyForLong) {
  // Given a writer that has been through every block many times over
  TestLane lane{2};
  auto busy = lane.writer();
  auto late = lane.writer();
  auto reader = lane.reader();
  for (int round = 0; round < 1000; ++round) {
    for (std::uint64_t item = 0; item < capacity; ++item) ASSERT_TRUE(busy.try_push(item));
    ASSERT_EQ(reader.drain(capacity, [](std::uint64_t) {}), capacity);
  }
  // Then the one that comes late finds its whole share
  for (std::uint64_t item = 0; item < capacity; ++item) ASSERT_TRUE(late.try_push(item));
}

TEST(Lane, PushesARunWholeOrNotAtAll) {
  TestLane lane{1};
  auto writer = lane.writer();
  auto reader = lane.reader();
  std::vector<std::uint64_t> run(capacity - 10);
  ASSERT_TRUE(writer.try_push_all(run));
  // A run that does not fit leaves no part of itself
  std::array<std::uint64_t, 64> more{};
  more.fill(7);
  EXPECT_FALSE(writer.try_push_all(more));
  std::size_t sevens = 0;
  EXPECT_EQ(reader.drain(capacity, [&](std::uint64_t item) { sevens += item == 7 ? 1 : 0; }),
            run.size());
  EXPECT_EQ(sevens, 0U);
}

TEST(Lane, AllocatesNothingAfterConstruction) {
  TestLane lane{2};
  auto first = lane.writer();
  auto second = lane.writer();
  auto reader = lane.reader();
  const std::uint64_t before = test::allocations();
  for (int round = 0; round < 100; ++round) {
    for (std::uint64_t item = 0; item < capacity; ++item) {
      ASSERT_TRUE(first.try_push(item));
      ASSERT_TRUE(second.try_push(item));
    }
    reader.drain(2 * capacity, [](std::uint64_t) {});
  }
  EXPECT_EQ(test::allocations(), before);
}

TEST(Lane, KeepsEachWritersOrderAcrossThreads) {
  // Given two threads that push numbered items as fast as the lane takes them
  constexpr std::uint64_t items = 50'000;
  TestLane lane{2};
  auto reader = lane.reader();
  std::vector<std::thread> threads;
  for (std::uint64_t writer = 0; writer < 2; ++writer) {
    threads.emplace_back([end = lane.writer(), writer]() mutable {
      for (std::uint64_t item = 0; item < items; ++item) {
        while (!end.try_push((writer << 32) | item)) std::this_thread::yield();
      }
    });
  }
  // Then each one's items come once and in order
  std::array<std::uint64_t, 2> next{};
  std::uint64_t got = 0;
  while (got < 2 * items) {
    const auto count = reader.drain(64, [&](std::uint64_t item) {
      const auto writer = static_cast<std::size_t>(item >> 32);
      ASSERT_EQ(item & 0xffffffffU, next.at(writer));
      ++next.at(writer);
    });
    got += count;
    if (count == 0) std::this_thread::yield();
    if (HasFatalFailure()) break;
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(next[0], items);
  EXPECT_EQ(next[1], items);
}

}  // namespace
}  // namespace halcyon::daemon
