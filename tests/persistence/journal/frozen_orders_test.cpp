// What orders, risk and positions have added to version 1 of the journal is read for ever.

#include "tests/persistence/journal/frozen_orders.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace halcyon::persistence {
namespace {

const std::string directory = HALCYON_SOURCE_DIR "/tests/data/journal/v1-orders";

TEST(FrozenOrders, AreReadAsTheyWereWritten) {
  const auto reader = JournalReader::open(directory, 0, ReadUpTo::committed);
  FrameView frame;
  std::set<std::size_t> records;
  for (std::uint64_t number = 1; number <= testing::frozen_orders_frames; ++number) {
    ASSERT_TRUE(reader->next(frame)) << number;
    EXPECT_TRUE(testing::is_equal(frame, testing::frozen_orders(number))) << number;
    for (const auto& entry : frame.records) records.insert(entry.record.index());
  }
  EXPECT_FALSE(reader->next(frame));
  // The nine kinds that came with them.
  constexpr std::size_t first = 18;
  for (std::size_t kind = first; kind < first + 9; ++kind) EXPECT_TRUE(records.contains(kind));
}

}  // namespace
}  // namespace halcyon::persistence
