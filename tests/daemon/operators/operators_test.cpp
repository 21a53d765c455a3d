// An operator's orders, brackets, kill switch and last resort against real programs.

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/daemon/end_to_end/world.h"

namespace halcyon::tests {
namespace {

using nlohmann::json;
constexpr std::chrono::seconds patience{30};

WorldSettings quiet() {
  WorldSettings settings;
  settings.with_postgres = false;
  settings.clock_rate = 1;
  // One strategy that has no candle in the time of a test.
  settings.strategies =
      "[strategies.slow]\ntype = \"trend_following\"\naccounts = [\"main\"]\n"
      "instruments = [\"BTC/USDT\"]\ntimeframe = \"1d\"\ncapital = \"900\"\n";
  settings.risk = "price_collar_pct = 100\nmax_open_orders = 50\n";
  return settings;
}

struct Operators : ::testing::Test {
  World world{quiet()};
  void SetUp() override {
    world.start_daemon();
    world.wait_ready();
  }
  void TearDown() override {
    if (HasFailure()) std::fprintf(stderr, "%s", world.daemon_log().c_str());
  }

  json order(const char* side, const char* quantity, const char* price) const {
    json params{
        {"account", "main"}, {"instrument", "BTC/USDT"}, {"side", side}, {"quantity", quantity}};
    if (price == nullptr) {
      params["type"] = "market";
    } else {
      params["limit_price"] = price;
    }
    return params;
  }
  /// Rules, prices and the clock are known a moment after the account is: tried until then.
  std::string submit(const json& params) {
    std::string name;
    std::string refused;
    wait_until(
        [&] {
          try {
            name = world.admin("orders.submit", params).at("order");
          } catch (const std::exception& error) {
            refused = error.what();
          }
          return !name.empty();
        },
        patience);
    EXPECT_FALSE(name.empty()) << refused;
    return name;
  }
  json row(const std::string& name) const {
    return world.admin("orders.list", {{"order", name}, {"which", "all"}}).at("orders").at(0);
  }
  bool comes_to(const std::string& name, const std::string& state) const {
    return wait_until([&] { return row(name).at("state") == state; }, patience);
  }
  std::vector<json> children(const std::string& parent) const {
    std::vector<json> found;
    const json all = world.admin("orders.list", {{"which", "all"}, {"limit", 1000}});
    for (const json& one : all.at("orders")) {
      if (one.at("parent") == parent) found.push_back(one);
    }
    return found;
  }
  std::size_t open_at_venue() const {
    return world.simulator(json{{"cmd", "truth"}}).at("accounts")[0]["open_orders"].size();
  }
  std::string refusal(const std::string& method, const json& params) const {
    try {
      world.admin(method, params);
    } catch (const std::exception& error) {
      return error.what();
    }
    return {};
  }
  Process last_resort(const std::string& what = "--cancel-all") const {
    return Process{{world.binary("halcyond"), "--config", world.path("halcyon.toml"), what},
                   world.path("cancel_all.log")};
  }
};

TEST_F(Operators, ABracketProtectsWhatWasBoughtAndAFlattenEndsIt) {
  json entry = order("buy", "0.01", nullptr);
  entry["stop_loss"] = "30000";
  entry["take_profit"] = "100000";
  const std::string parent = submit(entry);
  ASSERT_TRUE(comes_to(parent, "filled"));
  const auto made = children(parent);
  ASSERT_EQ(made.size(), 2U);
  std::string stop;
  std::string profit;
  for (const json& one : made) (one.at("type") == "stop" ? stop : profit) = one.at("order");
  // Both wait at the venue, which ties them: they are there when the daemon is not.
  EXPECT_TRUE(comes_to(profit, "accepted")) << row(profit);
  EXPECT_TRUE(comes_to(stop, "accepted")) << row(stop);
  EXPECT_EQ(open_at_venue(), 2U);
  EXPECT_EQ(
      world.admin("accounts.flatten", {{"account", "main"}, {"reason", "enough"}}).at("accepted"),
      true);
  EXPECT_TRUE(wait_until(
      [&] {
        const json held = world.admin("positions.list");
        return held.at("positions").empty() && open_at_venue() == 0;
      },
      patience))
      << world.admin("positions.list");
  EXPECT_EQ(row(stop).at("state"), "canceled");
}

TEST_F(Operators, G4_ExitsWhoseAnswerIsLostAreFoundEachByItsOwnId) {
  world.simulator(json{{"cmd", "fault"},
                       {"kind", "unknown_status"},
                       {"method", "orderList.place.oco"},
                       {"times", 1}});
  // Nor does the private stream tell: of the entry, and of both exits.
  world.simulator(json{{"cmd", "fault"}, {"kind", "lose_private"}, {"event", "NEW"}, {"times", 3}});
  json entry = order("buy", "0.01", nullptr);
  entry["stop_loss"] = "30000";
  entry["take_profit"] = "100000";
  const std::string parent = submit(entry);
  ASSERT_TRUE(comes_to(parent, "filled"));
  for (const json& one : children(parent)) {
    EXPECT_TRUE(comes_to(one.at("order"), "accepted")) << one;
  }
  EXPECT_EQ(open_at_venue(), 2U);
}

TEST_F(Operators, AnAmendKeepsTheOrderOneOrderForThePerson) {
  const std::string first = submit(order("buy", "0.01", "52000"));
  ASSERT_TRUE(comes_to(first, "accepted")) << row(first);
  const json answer = world.admin("orders.amend", {{"order", first}, {"limit_price", "53000"}});
  const std::string second = answer.at("order");
  EXPECT_TRUE(comes_to(second, "accepted")) << row(second);
  EXPECT_EQ(open_at_venue(), 1U);
}

TEST_F(Operators, LimitsChangeWhileItRunsAndAreAudited) {
  submit(order("buy", "0.01", "52000"));
  world.admin("risk.set", {{"limit", "max_order_notional"}, {"value", "100"}, {"reason", "calm"}});
  EXPECT_NE(
      refusal("orders.submit", order("buy", "0.01", "52001")).find("order_notional_above_limit"),
      std::string::npos);
  EXPECT_EQ(world.admin("risk.get").at("set_at_run_time").size(), 1U);
  world.admin("risk.set", {{"limit", "max_order_notional"}, {"unset", true}});
  submit(order("buy", "0.01", "52001"));
}

TEST_F(Operators, SIGUSR1IsTheKillSwitchAndALatchAcrossARestart) {
  const std::string name = submit(order("buy", "0.01", "52000"));
  ASSERT_TRUE(comes_to(name, "accepted")) << row(name);
  world.daemon().signal(SIGUSR1);
  EXPECT_TRUE(wait_until([&] { return open_at_venue() == 0; }, patience));
  EXPECT_TRUE(world.daemon().is_running());
  world.daemon().kill();
  world.start_daemon();
  world.wait_ready();
  EXPECT_NE(refusal("orders.submit", order("buy", "0.01", "52000")).find("kill_switch"),
            std::string::npos);
  EXPECT_NE(refusal("trading.resume", json::object()).find("kill_switch"), std::string::npos);
  world.admin("trading.release", {{"reason", "all is well"}});
  submit(order("buy", "0.01", "52000"));
}

TEST_F(Operators, AfterASigkillTheLastResortCancelsWhatIsOpenAndSaysSo) {
  const std::string name = submit(order("buy", "0.01", "52000"));
  submit(order("buy", "0.01", "53000"));
  ASSERT_TRUE(wait_until([&] { return open_at_venue() == 2; }, patience));
  // It refuses while a daemon holds the directory.
  EXPECT_EQ(last_resort().wait(patience), 1);
  EXPECT_EQ(open_at_venue(), 2U);
  world.daemon().kill();
  EXPECT_EQ(last_resort().wait(std::chrono::seconds{120}), 0)
      << text_of(world.path("cancel_all.log"));
  EXPECT_EQ(open_at_venue(), 0U);
  // And the next start knows how they ended.
  world.start_daemon();
  world.wait_ready();
  EXPECT_TRUE(comes_to(name, "canceled"));
}

TEST_F(Operators, TheLastResortCancelsByNameWhenTheJournalIsDamaged) {
  submit(order("buy", "0.01", "52000"));
  submit(order("buy", "0.01", "53000"));
  ASSERT_TRUE(wait_until([&] { return open_at_venue() == 2; }, patience));
  world.daemon().kill();
  std::string first;
  for (const auto& file : std::filesystem::directory_iterator{world.path("data") + "/journal"}) {
    const std::string name = file.path().filename();
    if (name.ends_with("1.hjl")) first = file.path();
  }
  ASSERT_FALSE(first.empty());
  std::fstream segment{first, std::ios::in | std::ios::out | std::ios::binary};
  constexpr std::streamoff in_the_first_frame = 300;
  segment.seekg(in_the_first_frame);
  const int byte = segment.get();
  segment.seekp(in_the_first_frame);
  segment.put(static_cast<char>(byte ^ 1));
  segment.close();
  EXPECT_EQ(last_resort().wait(std::chrono::seconds{120}), 0)
      << text_of(world.path("cancel_all.log"));
  EXPECT_EQ(open_at_venue(), 0U);
  const std::string said = text_of(world.path("cancel_all.log"));
  EXPECT_NE(said.find("is damaged"), std::string::npos) << said;
  EXPECT_NE(said.find("WITHOUT this journal"), std::string::npos) << said;
  // The damage is as it was, and a start still refuses it.
  Process start{{world.binary("halcyond"), "--config", world.path("halcyon.toml")},
                world.path("refused.log")};
  EXPECT_EQ(start.wait(patience), 1) << text_of(world.path("refused.log"));
}

}  // namespace
}  // namespace halcyon::tests
