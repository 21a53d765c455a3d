#include "persistence/crc32c.h"

#include <numeric>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace halcyon::persistence {
namespace {

TEST(Crc32c, EqualsThePublishedExamples) {
  std::vector<std::uint8_t> rising(32);
  std::iota(rising.begin(), rising.end(), std::uint8_t{0});
  const struct {
    const char* name;
    std::vector<std::uint8_t> bytes;
    std::uint32_t crc;
  } rows[] = {
      // RFC 3720, appendix B.4
      {"zeros", std::vector<std::uint8_t>(32, 0x00), 0x8A9136AA},
      {"ones", std::vector<std::uint8_t>(32, 0xFF), 0x62A8AB43},
      {"rising", rising, 0x46DD794E},
      {"digits", {'1', '2', '3', '4', '5', '6', '7', '8', '9'}, 0xE3069283},
      {"nothing", {}, 0},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(crc32c(row.bytes), row.crc) << row.name;
    EXPECT_EQ(crc32c_portable(row.bytes), row.crc) << row.name;
  }
}

RC_GTEST_PROP(Crc32c, TheInstructionAndTheReferenceAgreeInOnePieceAndInTwo,
              (std::vector<std::uint8_t> bytes, std::uint32_t previous)) {
  const auto cut = *rc::gen::inRange<std::size_t>(0, bytes.size() + 1);
  const std::span all{bytes};
  const auto whole = crc32c(all, previous);
  RC_ASSERT(whole == crc32c_portable(all, previous));
  RC_ASSERT(whole == crc32c(all.subspan(cut), crc32c(all.first(cut), previous)));
  RC_ASSERT(whole == crc32c_portable(all.subspan(cut), crc32c_portable(all.first(cut), previous)));
}

}  // namespace
}  // namespace halcyon::persistence
