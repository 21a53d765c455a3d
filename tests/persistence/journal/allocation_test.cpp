#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "tests/persistence/journal/samples.h"

namespace {
std::atomic<std::uint64_t> allocations{0};
}

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size != 0 ? size : 1)) return memory;
  throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace halcyon::persistence {
namespace {

TEST(JournalAllocations, AppendTakesNoMemoryAlsoWhenItGoesOverToAnotherSegment) {
  for (const bool sync_power : {false, true}) {
    const testing::TemporaryDirectory directory;
    const auto journal = testing::open_journal(directory.journal(), 1U << 15, sync_power);
    std::uint64_t taken = 0;
    std::uint64_t refused = 0;
    for (std::uint64_t sequence = 1; sequence <= 2000;) {
      const testing::Content content = testing::sample(sequence);
      const auto entries = content.entries();
      const std::uint64_t before = allocations;
      const bool was_taken = journal->append(content.input, content.remark, entries);
      (void)journal->room();
      taken += allocations - before;
      if (was_taken) {
        ++sequence;
      } else {
        ++refused;
      }
      (void)journal->prepare();
    }
    EXPECT_EQ(taken, 0U);
    EXPECT_LT(refused, 100U);
  }
  EXPECT_GT(allocations, 1000U) << "the counter does not count";
}

}  // namespace
}  // namespace halcyon::persistence
