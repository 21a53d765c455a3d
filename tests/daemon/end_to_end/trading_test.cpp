// One daemon against one simulator and one PostgreSQL, through the outside faces only.

#include <fstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/daemon/end_to_end/world.h"
#include "tests/persistence/postgres_server.h"

namespace halcyon::tests {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr auto patience = seconds{60};

std::size_t fills(const World& world) {
  return world.admin("status")["fills"]["booked"].get<std::size_t>();
}

TEST(Trading, EndsWithSimulatorDaemonAndPostgresInAgreement) {
  // Given a daemon that has traded for a while
  World world;
  world.start_daemon();
  world.wait_ready();
  ASSERT_TRUE(wait_until([&] { return fills(world) >= 10; }, patience)) << world.daemon_log();
  // Then everybody tells the same story
  for (const auto& words : world.disagreements()) ADD_FAILURE() << words;
  // And the tables that issue no fills are filled too
  for (const std::string table : {"orders", "order_events", "fills", "positions", "balances",
                                  "equity_history", "instruments", "accounts", "strategies"}) {
    EXPECT_NE(query_value(world.dsn(), "SELECT count(*) FROM halcyon." + table), "0") << table;
  }
  EXPECT_EQ(query_value(world.dsn(), "SELECT count(*) FROM halcyon.rejected_rows"), "0");
  // And it stops well
  world.daemon().terminate();
  EXPECT_EQ(world.daemon().wait(seconds{30}), 0);
  if (HasFailure()) std::cout << world.daemon_log();
}

TEST(Trading, GoesOnWithoutPostgresAndCatchesUp) {
  World world;
  PostgresServer::shared().stop_fast();
  world.start_daemon();
  world.wait_ready();
  ASSERT_TRUE(wait_until([&] { return fills(world) >= 3; }, patience)) << world.daemon_log();
  EXPECT_GT(world.admin("status")["process"]["postgres"]["backlog_records"], 0);
  PostgresServer::shared().start_again();
  for (const auto& words : world.disagreements()) ADD_FAILURE() << words;
  if (HasFailure()) std::cout << world.daemon_log();
}

TEST(Trading, ShowsHealthReadinessAndMetrics) {
  World world;
  world.start_daemon();
  world.wait_ready();
  EXPECT_NE(world.http("/healthz").find("200 OK"), std::string::npos);
  EXPECT_NE(world.http("/readyz").find("200 OK"), std::string::npos);
  const auto metrics = world.http("/metrics");
  for (const std::string name :
       {"halcyon_frames_total", "halcyon_engine_events_total", "halcyon_projection_position"}) {
    EXPECT_NE(metrics.find(name), std::string::npos) << name;
  }
}

TEST(Trading, HaltStopsOrdersAndSurvivesARestart) {
  World world;
  world.start_daemon();
  world.wait_ready();
  ASSERT_TRUE(wait_until([&] { return fills(world) >= 1; }, patience));
  world.admin("trading.halt", {{"reason", "test"}});
  world.daemon().kill();
  world.start_daemon();
  world.wait_ready();
  EXPECT_EQ(world.admin("status")["trading_state"], "halted");
  const auto before = fills(world);
  // Denials are counted while it is halted, and nothing is traded
  ASSERT_TRUE(wait_until([&] { return world.admin("status")["orders"]["denied"] >= 2; }, patience));
  EXPECT_EQ(fills(world), before);
  world.admin("trading.resume", {{"reason", "test"}});
  EXPECT_TRUE(wait_until([&] { return fills(world) > before; }, patience));
}

TEST(Trading, SecondDaemonOnTheSameDataIsRefused) {
  World world;
  world.start_daemon();
  world.wait_ready();
  Process second{{world.binary("halcyond"), "--config", world.path("halcyon.toml")},
                 world.path("second.log")};
  EXPECT_EQ(second.wait(seconds{20}), 1);
  EXPECT_NE(text_of(world.path("second.log")).find("is in use by process"), std::string::npos);
}

TEST(Trading, SecondDaemonOnTheSameAccountIsRefusedAndToldByWhom) {
  // Given a daemon that trades an account, and another one with a data directory of its own
  World world;
  world.start_daemon();
  world.wait_ready();
  std::string config = text_of(world.path("halcyon.toml"));
  for (const auto& [mine, others] : {std::pair<std::string, std::string>{"\"test\"", "\"other\""},
                                     {world.path("data"), world.path("other")},
                                     {world.path("admin.sock"), world.path("other.sock")}}) {
    config.replace(config.find(mine), mine.size(), others);
  }
  std::ofstream{world.path("other.toml")} << config;
  // When it starts, then it refuses and says who holds the account
  Process second{{world.binary("halcyond"), "--config", world.path("other.toml")},
                 world.path("second.log")};
  EXPECT_EQ(second.wait(seconds{20}), 1);
  const std::string words = text_of(world.path("second.log"));
  EXPECT_NE(words.find("account main: another daemon trades it: "), std::string::npos) << words;
  EXPECT_NE(words.find("halcyond test"), std::string::npos) << words;
}

TEST(Trading, ConnectionsThatDropAreMadeAgain) {
  World world;
  world.start_daemon();
  world.wait_ready();
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(wait_until([&] { return fills(world) >= 1; }, patience));
    world.simulator(json{{"cmd", "drop_connections"}});
    ASSERT_TRUE(wait_until([&] { return world.admin("status")["accounts"][0]["ready"] == false; },
                           patience));
    world.wait_ready();
  }
  for (const auto& words : world.disagreements()) ADD_FAILURE() << words;
  if (HasFailure()) std::cout << world.daemon_log();
}

}  // namespace
}  // namespace halcyon::tests
