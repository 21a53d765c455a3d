// The worst case: the daemon dies by SIGKILL at any moment while it trades, and is started again.
// At the end simulator, journal and PostgreSQL agree: nothing lost, nothing twice.

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/daemon/end_to_end/world.h"

namespace halcyon::tests {
namespace {

constexpr auto patience = std::chrono::seconds{20};

int kills_wanted() {
  const char* text = std::getenv("HALCYON_KILLS");
  return text != nullptr ? std::atoi(text) : 20;
}

unsigned seed() {
  const char* text = std::getenv("HALCYON_SEED");
  return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10))
                         : std::random_device{}();
}

void lose_nothing_at_any_moment(const WorldSettings& settings, int kills) {
  const unsigned chosen = seed();
  std::cout << "HALCYON_SEED=" << chosen << "\n";
  std::mt19937 random{chosen};
  // Given a daemon that trades, and a venue whose answers take a while, so that kills fall between
  // an order and its answer too, and whose private events are sometimes lost, doubled or late
  World world{settings};
  const auto fault = [&](const std::string& kind, int chance_permille) {
    world.simulator({{"cmd", "fault"},
                     {"kind", kind},
                     {"times", 0},
                     {"ms", 20},
                     {"chance_permille", chance_permille}});
  };
  fault("delay_answer", 500);
  fault("lose_private", 50);
  fault("duplicate_private", 200);
  fault("reorder_private", 200);
  std::size_t killed_after_orders = 0;
  for (int round = 0; round < kills; ++round) {
    world.start_daemon();
    // When it is killed: sometimes while it starts, mostly while it trades, and whenever possible
    // right after an order has left; the first time it has traded, however few times there are
    if (round > 0 && std::uniform_int_distribution{0, 4}(random) == 0) {
      const std::chrono::milliseconds moment{std::uniform_int_distribution{1, 400}(random)};
      wait_until([] { return false; }, moment);
    } else {
      world.wait_ready();
      const auto orders = [&] {
        return world.simulator(nlohmann::json{{"cmd", "status"}}).at("orders").get<std::size_t>();
      };
      const auto before = orders();
      const int wanted = std::uniform_int_distribution{1, 4}(random);
      const bool has_traded = wait_until(
          [&] { return orders() >= before + static_cast<std::size_t>(wanted); }, patience);
      killed_after_orders += has_traded ? 1U : 0U;
      // The venue has the order already; how far its answer has come is chance.
      const std::chrono::milliseconds moment{std::uniform_int_distribution{0, 30}(random)};
      wait_until([] { return false; }, moment);
    }
    world.daemon().kill();
  }
  // Then, after a last start, everybody tells the same story
  world.simulator(nlohmann::json{{"cmd", "clear_faults"}});
  world.start_daemon();
  world.wait_ready();
  for (const auto& words : world.disagreements()) ADD_FAILURE() << words;
  if (!settings.journal.empty()) {
    EXPECT_NE(world.daemon_log().find("a snapshot of sequence"), std::string::npos);
  }
  const auto fills = world.true_fills().size();
  std::cout << kills << " kills, " << killed_after_orders << " of them right after orders, "
            << fills << " fills\n";
  EXPECT_GT(fills, 0U) << "nothing was traded, so nothing was tested";
  world.daemon().terminate();
  EXPECT_EQ(world.daemon().wait(std::chrono::seconds{30}), 0);
  if (testing::Test::HasFailure()) std::cout << world.daemon_log();
}

TEST(Kill, LosesNothingAndDoublesNothingAtAnyMoment) {
  lose_nothing_at_any_moment({}, kills_wanted());
}

// Nearly every kill falls into the making of a snapshot, and every start begins with one.
TEST(Kill, LosesNothingAndDoublesNothingWhileSnapshotsAreMade) {
  WorldSettings settings;
  settings.journal = "snapshot_frames = 2\nkeep_days = 0\n";
  lose_nothing_at_any_moment(settings, std::max(kills_wanted() / 2, 2));
}

}  // namespace
}  // namespace halcyon::tests
