// Threads and waiting: however the loops are arranged, the daemon trades and everybody agrees.

#include <iostream>
#include <string>

#include <gtest/gtest.h>

#include "tests/daemon/end_to_end/world.h"

namespace halcyon::tests {
namespace {

using std::chrono::seconds;

class Modes : public testing::TestWithParam<std::string> {};

TEST_P(Modes, TradeAlike) {
  WorldSettings settings;
  settings.engine = GetParam();
  World world{settings};
  world.start_daemon();
  world.wait_ready();
  ASSERT_TRUE(
      wait_until([&] { return world.admin("status").at("fills").at("booked") >= 3; }, seconds{60}))
      << world.daemon_log();
  for (const auto& words : world.disagreements()) ADD_FAILURE() << words;
  world.daemon().terminate();
  EXPECT_EQ(world.daemon().wait(seconds{30}), 0);
  if (HasFailure()) std::cout << world.daemon_log();
}

INSTANTIATE_TEST_SUITE_P(Loops, Modes,
                         testing::Values("threads = \"shared\"\nwait = \"block\"\n",
                                         "threads = \"shared\"\nwait = \"backoff\"\n",
                                         "threads = \"shared\"\nwait = \"spin\"\n",
                                         "threads = \"dedicated\"\nwait = \"block\"\n",
                                         "threads = \"dedicated\"\nwait = \"backoff\"\n"),
                         [](const auto& instance) {
                           std::string name;
                           bool is_value = false;
                           for (const char character : instance.param) {
                             if (character == '"')
                               is_value = !is_value;
                             else if (is_value)
                               name += character;
                           }
                           return name;
                         });

}  // namespace
}  // namespace halcyon::tests
