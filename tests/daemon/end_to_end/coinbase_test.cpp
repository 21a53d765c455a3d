// One daemon that trades at a simulated Coinbase, with PostgreSQL, through the outside faces only.

#include <string>

#include <gtest/gtest.h>

#include "tests/daemon/end_to_end/world.h"
#include "tests/persistence/postgres_server.h"

namespace halcyon::tests {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr auto patience = seconds{60};

WorldSettings coinbase() {
  WorldSettings settings;
  settings.venue = "coinbase";
  settings.clock_rate = 4;
  return settings;
}

std::size_t fills(const World& world) {
  return world.admin("status")["fills"]["booked"].get<std::size_t>();
}

TEST(Coinbase, EndsWithSimulatorDaemonAndPostgresInAgreementWhateverGoesWrong) {
  World world{coinbase()};
  world.start_daemon();
  world.wait_ready();
  ASSERT_TRUE(wait_until([&] { return fills(world) >= 4; }, patience)) << world.daemon_log();
  // An answer that is lost after the order was taken, one that says nothing, an order that never
  // came, an update that is not sent, one twice, and a hole in the market data
  const json faults[] = {
      {{"kind", "lose_answer"}, {"method", "POST /orders"}},
      {{"kind", "unknown_status"}, {"method", "POST /orders"}, {"executed", true}},
      {{"kind", "drop_connection"}, {"method", "POST /orders"}, {"executed", false}},
      {{"kind", "lose_private"}},
      {{"kind", "duplicate_private"}},
      {{"kind", "depth_gap"}},
  };
  for (const json& fault : faults) {
    json command = fault;
    command["cmd"] = "fault";
    world.simulator(command);
    const auto before = fills(world);
    EXPECT_TRUE(wait_until([&] { return fills(world) >= before + 2; }, patience)) << fault.dump();
  }
  EXPECT_EQ(world.simulator(json{{"cmd", "status"}})["faults"], json::array());  // all happened
  world.simulator(json{{"cmd", "drop_connections"}});
  ASSERT_TRUE(
      wait_until([&] { return world.admin("status")["accounts"][0]["ready"] == false; }, patience));
  world.wait_ready();
  for (const auto& words : world.disagreements()) ADD_FAILURE() << words;
  EXPECT_EQ(query_value(world.dsn(), "SELECT count(*) FROM halcyon.rejected_rows"), "0");
  // Every provisional fill was replaced by the executions behind it
  EXPECT_EQ(query_value(world.dsn(),
                        "SELECT count(*) FROM halcyon.fills f WHERE is_provisional AND NOT EXISTS "
                        "(SELECT FROM halcyon.fill_voids v WHERE v.fill_id = f.id)"),
            "0");
  world.daemon().terminate();
  EXPECT_EQ(world.daemon().wait(seconds{30}), 0);
  if (HasFailure()) std::cout << world.daemon_log();
}

}  // namespace
}  // namespace halcyon::tests
