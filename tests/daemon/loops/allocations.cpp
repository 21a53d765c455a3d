#include "tests/daemon/loops/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::uint64_t> count{0};

[[maybe_unused]] void* counted(std::size_t size) {
  count.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size != 0 ? size : 1)) return memory;
  throw std::bad_alloc{};
}
}  // namespace

// ThreadSanitizer has its own operator new, which cannot be replaced: there nothing is counted.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HALCYON_NO_COUNTING
#endif
#endif
#ifndef HALCYON_NO_COUNTING
void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace halcyon::test {
std::uint64_t allocations() { return count.load(std::memory_order_relaxed); }
}  // namespace halcyon::test
