#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "persistence/snapshot.h"
#include "tests/persistence/journal/frozen.h"
#include "tests/persistence/journal/frozen_credentials.h"
#include "tests/persistence/journal/frozen_orders.h"

namespace halcyon::persistence::testing {

/// A frozen journal of tests/data/journal.
struct FrozenSet {
  std::string_view name;  ///< its folder is v1, or v1-<name>
  Content (*content)(std::uint64_t number) = nullptr;
  std::uint64_t frames = 0;
  const char* seed = "";  ///< how the names of its fuzz seeds begin
};
inline constexpr FrozenSet frozen_sets[] = {
    {"", frozen, frozen_frames, "frame"},
    {"orders", frozen_orders, frozen_orders_frames, "orders"},
    {"credentials", frozen_credentials, frozen_credentials_frames, "credentials"},
};

/// What tests/data/journal/v1-snapshot holds: every record of the sets above, in this order.
inline std::vector<Content> every_frozen_content() {
  std::vector<Content> contents;
  for (const FrozenSet& set : frozen_sets) {
    for (std::uint64_t number = 1; number <= set.frames; ++number) {
      contents.push_back(set.content(number));
    }
  }
  return contents;
}
inline constexpr std::array<std::uint8_t, 4> frozen_view{1, 2, 3, 4};
inline SnapshotHead frozen_snapshot_head() {
  SnapshotHead head;
  head.uuid.bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  head.sequence = 123'456'789'012;
  head.received = domain::from_unix_ns(1'763'700'000'123'456'789);
  head.created = domain::from_unix_ns(1'763'700'001'000'000'001);
  return head;
}

}  // namespace halcyon::persistence::testing
