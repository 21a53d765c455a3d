// The worst case: the daemon dies by SIGKILL at any moment while it trades, and is started again.
// At the end simulator, journal and PostgreSQL agree: nothing lost, nothing twice.

#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/daemon/end_to_end/world.h"

namespace halcyon::tests {
namespace {

int kills_wanted() {
  const char* text = std::getenv("HALCYON_KILLS");
  return text != nullptr ? std::atoi(text) : 20;
}

unsigned seed() {
  const char* text = std::getenv("HALCYON_SEED");
  return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10))
                         : std::random_device{}();
}

TEST(Kill, LosesNothingAndDoublesNothingAtAnyMoment) {
  const unsigned chosen = seed();
  std::cout << "HALCYON_SEED=" << chosen << "\n";
  std::mt19937 random{chosen};
  // Given a daemon that trades, and a venue whose answers take a while, so that kills fall between
  // an order and its answer too
  World world;
  world.simulator({{"cmd", "fault"}, {"kind", "delay"}, {"ms", 20}, {"times", 1'000'000}});
  std::size_t killed_with_requests = 0;
  const int kills = kills_wanted();
  for (int round = 0; round < kills; ++round) {
    world.start_daemon();
    // When it is killed: sometimes while it starts, mostly while it trades, and whenever possible
    // right after an order has left
    if (std::uniform_int_distribution{0, 4}(random) == 0) {
      const std::chrono::milliseconds moment{std::uniform_int_distribution{1, 400}(random)};
      wait_until([] { return false; }, moment);
    } else {
      world.wait_ready();
      const auto before =
          world.simulator(nlohmann::json{{"cmd", "status"}})["orders"].get<std::uint64_t>();
      const std::chrono::milliseconds bound{std::uniform_int_distribution{200, 2500}(random)};
      wait_until(
          [&] {
            return world.simulator(nlohmann::json{{"cmd", "status"}})["orders"] > before &&
                   std::uniform_int_distribution{0, 2}(random) == 0;
          },
          bound);
      killed_with_requests +=
          world.simulator(nlohmann::json{{"cmd", "status"}})["orders"] > before ? 1U : 0U;
    }
    world.daemon().kill();
  }
  // Then, after a last start, everybody tells the same story
  world.simulator(nlohmann::json{{"cmd", "clear_faults"}});
  world.start_daemon();
  world.wait_ready();
  for (const auto& words : world.disagreements()) ADD_FAILURE() << words;
  const auto fills = world.true_fills().size();
  std::cout << kills << " kills, " << killed_with_requests << " of them right after orders, "
            << fills << " fills\n";
  EXPECT_GT(fills, 0U) << "nothing was traded, so nothing was tested";
  world.daemon().terminate();
  EXPECT_EQ(world.daemon().wait(std::chrono::seconds{30}), 0);
  if (HasFailure()) std::cout << world.daemon_log();
}

}  // namespace
}  // namespace halcyon::tests
