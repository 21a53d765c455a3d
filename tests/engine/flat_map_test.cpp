#include "engine/flat_map.h"

#include <map>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace halcyon::engine {
namespace {

/// Few homes, so that keys crowd each other.
struct PoorHash {
  std::size_t operator()(int key) const { return static_cast<std::size_t>(key % 5); }
};

RC_GTEST_PROP(FlatMap, HoldsWhatAMapHolds, (const std::vector<std::pair<int, bool>>& steps)) {
  FlatMap<int, int, PoorHash> map{2};
  std::map<int, int> expected;
  int value = 0;
  for (const auto& [number, puts] : steps) {
    const int key = ((number % 23) + 23) % 23;
    if (puts) {
      map.put(key, ++value);
      expected[key] = value;
    } else {
      RC_ASSERT(map.erase(key) == (expected.erase(key) == 1));
    }
    RC_ASSERT(map.size() == expected.size());
    for (int probe = 0; probe < 23; ++probe) {
      const int* found = map.find(probe);
      RC_ASSERT((found != nullptr) == expected.contains(probe));
      if (found != nullptr) RC_ASSERT(*found == expected[probe]);
    }
  }
}

}  // namespace
}  // namespace halcyon::engine
