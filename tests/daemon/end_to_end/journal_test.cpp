// The journal of a real daemon: no room for it, its snapshots, and deciding everything again.

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/daemon/end_to_end/world.h"

namespace halcyon::tests {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr auto patience = seconds{60};

std::size_t fills(const World& world) {
  return world.admin("status")["fills"]["booked"].get<std::size_t>();
}
std::size_t denied(const World& world) {
  return world.admin("status")["orders"]["denied"].get<std::size_t>();
}

void stop(World& world) {
  world.daemon().terminate();
  ASSERT_EQ(world.daemon().wait(seconds{30}), 0) << world.daemon_log();
}

struct Ended {
  int exit_code = -1;
  std::string output;
};
Ended run(const World& world, std::vector<std::string> arguments) {
  const std::string file = world.path("output");
  std::filesystem::remove(file);
  Process process{arguments, file};
  const auto code = process.wait(patience);
  return {code.value_or(-1), text_of(file)};
}

TEST(Journal, WithoutRoomStopsNewOrdersOnlyAndGoesOnAfterTheMend) {
  // Given a daemon whose next file of the journal cannot be made: no file may be longer than half
  // of it. (What is there already is used as before.)
  WorldSettings settings;
  settings.with_postgres = false;
  World world{settings};
  world.start_daemon();
  world.wait_ready();
  ASSERT_TRUE(wait_until([&] { return fills(world) >= 1; }, patience)) << world.daemon_log();
  stop(world);
  world.start_daemon({"/usr/bin/prlimit", "--fsize=1048576:unlimited"});
  world.wait_ready();
  // Then it says so everywhere
  const auto process = [&] { return world.admin("status").at("process"); };
  ASSERT_TRUE(wait_until([&] { return process().at("journal_room") == "reserve"; }, patience));
  EXPECT_THAT(process().at("journal_error").get<std::string>(), HasSubstr("File too large"));
  EXPECT_THAT(world.http("/readyz"), HasSubstr("503"));
  EXPECT_THAT(world.http("/readyz"), HasSubstr("no new orders: journal: "));
  EXPECT_THAT(world.http("/healthz"), HasSubstr("200 OK"));
  EXPECT_THAT(world.http("/metrics"), HasSubstr("halcyon_journal_reserve 1"));
  EXPECT_TRUE(wait_until(
      [&] {
        return world.daemon_log().find("new orders are denied, cancels and fills go on") !=
               std::string::npos;
      },
      patience));
  const auto notices = world.admin("notices.list", {{"limit", 100}}).dump();
  EXPECT_THAT(notices, HasSubstr("journal_room_changed"));
  // And no order leaves, while everything else goes on
  const std::size_t before = fills(world);
  const std::size_t denied_before = denied(world);
  ASSERT_TRUE(wait_until([&] { return denied(world) >= denied_before + 2; }, patience))
      << world.daemon_log();
  EXPECT_EQ(fills(world), before);
  EXPECT_THAT(world.http("/metrics"), HasSubstr("journal_unavailable"));
  EXPECT_NO_THROW(world.admin("orders.cancel_all", {{"reason", "test"}}));
  // When it is mended
  const ::rlimit none{RLIM_INFINITY, RLIM_INFINITY};
  ASSERT_EQ(::prlimit(world.daemon().pid(), RLIMIT_FSIZE, &none, nullptr), 0);
  // Then it trades again, and nothing was lost
  ASSERT_TRUE(wait_until([&] { return process().at("journal_room") == "open"; }, patience));
  EXPECT_EQ(process().at("journal_error"), "");
  ASSERT_TRUE(wait_until([&] { return fills(world) > before; }, patience)) << world.daemon_log();
  EXPECT_THAT(world.http("/readyz"), HasSubstr("200 OK"));
  for (const auto& words : world.disagreements()) ADD_FAILURE() << words;
  EXPECT_THAT(world.daemon_log(), HasSubstr("nothing was lost"));
  stop(world);
}

TEST(Journal, IsSnapshotAtAStopAndOnRequestAndAStartBeginsThere) {
  WorldSettings settings;
  settings.with_postgres = false;
  World world{settings};
  world.start_daemon();
  world.wait_ready();
  ASSERT_TRUE(wait_until([&] { return fills(world) >= 2; }, patience)) << world.daemon_log();
  const auto newest = [&] {
    return world.admin("status").at("process").at("snapshot_sequence").get<std::uint64_t>();
  };
  EXPECT_EQ(newest(), 0U);
  const auto asked =
      run(world, {world.binary("halcyonctl"), "--socket", world.path("admin.sock"), "snapshot"});
  EXPECT_EQ(asked.exit_code, 0) << asked.output;
  ASSERT_TRUE(wait_until([&] { return newest() > 0; }, patience)) << world.daemon_log();
  // The journal of a live daemon is where it says
  const auto verified = run(world, {world.binary("halcyonctl"), "--socket",
                                    world.path("admin.sock"), "--json", "journal", "verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.output;
  EXPECT_EQ(json::parse(verified.output).at("snapshots"), 1);
  world.admin("trading.halt", {{"reason", "test"}});
  const auto fills_before = world.daemon_fills();
  const auto status = world.admin("status");
  stop(world);
  // When it starts again
  world.start_daemon();
  world.wait_ready();
  EXPECT_THAT(world.daemon_log(), HasSubstr("a snapshot of sequence"));
  // Then it knows what it knew
  EXPECT_EQ(world.daemon_fills(), fills_before);
  EXPECT_EQ(world.admin("status").at("trading_state"), "halted");
  EXPECT_EQ(world.admin("status").at("orders").at("opened"), status.at("orders").at("opened"));
  for (const auto& words : world.disagreements()) ADD_FAILURE() << words;
  stop(world);
}

TEST(Replay, DecidesTheSameAgainAndSaysTheFirstDifference) {
  // Given two runs with a capture, the first of them killed
  WorldSettings settings;
  settings.with_postgres = false;
  settings.journal = "capture = true\n";
  World world{settings};
  for (const bool is_killed : {true, false}) {
    world.start_daemon();
    world.wait_ready();
    const std::size_t before = fills(world);
    ASSERT_TRUE(wait_until([&] { return fills(world) >= before + 5; }, patience))
        << world.daemon_log();
    if (is_killed) {
      world.daemon().kill();
    } else {
      stop(world);
    }
  }
  // Then everything is decided again as it was
  const std::vector<std::string> command{world.binary("halcyond"), "--config",
                                         world.path("halcyon.toml"), "--replay",
                                         world.path("data")};
  const Ended same = run(world, command);
  EXPECT_EQ(same.exit_code, 0) << same.output;
  EXPECT_THAT(same.output, HasSubstr("no difference"));
  EXPECT_THAT(same.output, HasSubstr("2 runs"));
  // And with another limit the first order that would not have left is said
  std::string config = text_of(world.path("halcyon.toml"));
  config += "max_order_notional = \"20\"\n";
  std::ofstream{world.path("halcyon.toml")} << config;
  const Ended other = run(world, command);
  EXPECT_EQ(other.exit_code, 1) << other.output;
  EXPECT_THAT(other.output, HasSubstr("first difference at sequence"));
  EXPECT_THAT(other.output, HasSubstr("order_denied"));
}

}  // namespace
}  // namespace halcyon::tests
