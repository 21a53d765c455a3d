// The histogram: right to an eighth, at every magnitude.

#include "daemon/latency.h"

#include <gtest/gtest.h>

namespace halcyon::daemon {
namespace {

TEST(Histogram, PutsEveryValueBelowItsBucketsEdgeAndAboveTheOneBefore) {
  for (std::uint64_t value = 1; value < (1ULL << 62); value += value / 8 + 1) {
    const std::size_t bucket = Histogram::bucket_of(value);
    ASSERT_LT(bucket, Histogram::bucket_count) << value;
    EXPECT_LE(value, Histogram::upper_edge(bucket)) << value;
    if (bucket > 0) {
      EXPECT_GT(value, Histogram::upper_edge(bucket - 1)) << value;
    }
    EXPECT_LE(Histogram::upper_edge(bucket), value + value / 8 + 1) << value;
  }
}

TEST(Histogram, NamesTheQuantilesOfWhatItCounted) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 1000; ++value) histogram.record(value);
  Histogram::Counts counts;
  counts.add(histogram);
  EXPECT_EQ(counts.count, 1000U);
  EXPECT_EQ(counts.max, 1000U);
  EXPECT_NEAR(static_cast<double>(counts.quantile(0.5)), 500, 500.0 / 8);
  EXPECT_NEAR(static_cast<double>(counts.quantile(0.99)), 990, 990.0 / 8);
  EXPECT_EQ(counts.quantile(1.0), 1000U);
  EXPECT_EQ(Histogram::Counts{}.quantile(0.5), 0U);
}

}  // namespace
}  // namespace halcyon::daemon
