#pragma once

#include <cstdint>

namespace halcyon::test {

/// How often this program has called operator new so far, on any thread.
std::uint64_t allocations();

}  // namespace halcyon::test
