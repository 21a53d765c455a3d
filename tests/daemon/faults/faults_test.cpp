// What a venue may do to us: each fault happens while strategies trade, and in the end simulator,
// daemon (that is, its journal) and PostgreSQL tell the same story. A name that begins with a
// number is of that goal in ../shared/lessons.md.

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/daemon/end_to_end/world.h"

namespace halcyon::tests {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr auto patience = seconds{90};

struct FaultCase {
  const char* name;
  /// For the simulator's control socket, one line each.
  std::vector<const char*> commands;
  /// When so much has been traded again, these follow: what ends the fault, or makes it found.
  std::vector<const char*> then;
  /// Orders of ours that rest when the fault comes; in the commands they are $1, $2.
  int resting = 0;
  /// What must hold in the end beside the agreement; null: nothing more.
  void (*check)(const World& world) = nullptr;
};

class Fault : public ::testing::TestWithParam<FaultCase> {
 protected:
  static std::size_t fills(const World& world) {
    return world.admin("status")["fills"]["booked"].get<std::size_t>();
  }
  /// A purchase far below the market, once the venue has it; its client order id.
  static std::string rest(const World& world) {
    const json asked{{"account", "main"},
                     {"instrument", "BTC/USDT"},
                     {"side", "buy"},
                     {"quantity", "0.01"},
                     {"limit_price", "60000"}};
    std::string name;
    std::string refused;
    // Refused while the daemon reconciles.
    wait_until(
        [&] {
          try {
            name = world.admin("orders.submit", asked).at("order");
          } catch (const std::exception& error) {
            refused = error.what();
          }
          return !name.empty();
        },
        patience);
    if (name.empty()) throw std::runtime_error(refused);
    EXPECT_TRUE(wait_until(
        [&] {
          const auto rows = world.admin("orders.list", {{"order", name}}).at("orders");
          return !rows.empty() && rows.at(0).at("state") == "accepted";
        },
        patience));
    return name;
  }
};

/// What a session has counted.
std::uint64_t counted(const World& world, const std::string& session, const std::string& kind) {
  const std::string name =
      "halcyon_session_events_total{session=\"" + session + "\",kind=\"" + kind + "\"} ";
  const std::string text = world.http("/metrics");
  const auto at = text.find(name);
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + name.size()));
}

/// A new connection took the old one's place, and nobody noticed.
void handed_over(const World& world, const std::string& session) {
  EXPECT_TRUE(wait_until([&] { return counted(world, session, "rollovers") >= 1; }, patience))
      << world.daemon_log();
  EXPECT_EQ(counted(world, session, "trades_lost"), 0U);
  const json told = world.admin("notices.list", {{"limit", 1000}});
  for (const auto& notice : told.at("notices")) {
    EXPECT_NE(notice.at("code"), "stream_down") << notice;
  }
}

TEST_P(Fault, EndsWithSimulatorJournalAndPostgresInAgreement) {
  // Given a daemon that trades, also with a clock that is seconds away from the venue's
  WorldSettings settings;
  settings.risk += "max_clock_offset_ms = 60000\n";
  World world{settings};
  world.start_daemon();
  world.wait_ready();
  ASSERT_TRUE(wait_until([&] { return fills(world) >= 3; }, patience)) << world.daemon_log();
  // When the venue misbehaves
  const std::size_t before = fills(world);
  std::vector<std::string> resting;
  for (int count = 0; count < GetParam().resting; ++count) resting.push_back(rest(world));
  for (std::string command : GetParam().commands) {
    for (std::size_t at = 0; at < resting.size(); ++at) {
      const std::string place = "$" + std::to_string(at + 1);
      if (const auto found = command.find(place); found != std::string::npos) {
        command.replace(found, place.size(), resting[at]);
      }
    }
    world.simulator(json::parse(command));
  }
  // Then trading goes on
  EXPECT_TRUE(wait_until([&] { return fills(world) >= before + 3; }, patience))
      << world.daemon_log();
  for (const char* command : GetParam().then) world.simulator(json::parse(command));
  world.simulator(json{{"cmd", "clear_faults"}});
  world.wait_ready();
  if (GetParam().check != nullptr) GetParam().check(world);
  // And everybody tells the same story
  for (const auto& words : world.disagreements()) ADD_FAILURE() << words;
  if (HasFailure()) std::cout << world.daemon_log();
}

constexpr const char* reconnect = R"({"cmd":"drop_connections","connections":"orders"})";

const FaultCase cases[] = {
    {"dropped_market_line", {R"({"cmd":"drop_connections","connections":"market"})"}, {}},
    {"dropped_order_line", {reconnect}, {}},
    {"silent_market_line",
     {R"({"cmd":"fault","kind":"stall","connections":"market","ms":60000})"},
     {}},
    {"G10_silent_order_line",
     {R"({"cmd":"fault","kind":"stall","connections":"orders","ms":60000})"},
     {}},
    {"refused_orders",
     {R"({"cmd":"fault","kind":"refuse","method":"order.place","code":-2010,"text":"Account has insufficient balance for requested action.","times":3})"},
     {}},
    {"delayed_answer",
     {R"({"cmd":"fault","kind":"delay_answer","method":"order.place","ms":3000,"times":3})"},
     {}},
    {"G1_lost_acknowledgement",
     {R"({"cmd":"fault","kind":"lose_answer","method":"order.place","times":2})"},
     {}},
    {"malformed_answer",
     {R"({"cmd":"fault","kind":"malformed_answer","method":"order.place","times":2})"},
     {}},
    {"G1_unknown_status_order_in",
     {R"({"cmd":"fault","kind":"unknown_status","method":"order.place","times":2})"},
     {}},
    {"unknown_status_order_not_in",
     {R"({"cmd":"fault","kind":"unknown_status","method":"order.place","executed":false,"times":2})"},
     {}},
    {"line_cut_order_in",
     {R"({"cmd":"fault","kind":"drop_connection","method":"order.place","times":2})"},
     {}},
    {"line_cut_order_not_in",
     {R"({"cmd":"fault","kind":"drop_connection","method":"order.place","executed":false,"times":2})"},
     {}},
    {"events_before_the_answer",
     {R"({"cmd":"fault","kind":"events_first","method":"order.place","times":5})"},
     {}},
    {"G7_duplicated_private_events",
     {R"({"cmd":"fault","kind":"duplicate_private","times":10})"},
     {}},
    {"reordered_private_events", {R"({"cmd":"fault","kind":"reorder_private","times":5})"}, {}},
    {"G10_lost_fills",
     {R"({"cmd":"fault","kind":"lose_private","event":"TRADE","times":2})"},
     {reconnect}},
    {"lost_balances",
     {R"({"cmd":"fault","kind":"lose_private","event":"outboundAccountPosition","times":3})"},
     {reconnect}},
    {"depth_gap", {R"({"cmd":"fault","kind":"depth_gap","times":3})"}, {}},
    {"malformed_market_frames", {R"({"cmd":"fault","kind":"malformed_frame","times":5})"}, {}},
    {"huge_market_frame", {R"({"cmd":"fault","kind":"huge_frame","bytes":20000000})"}, {}},
    {"G9_fills_while_disconnected",
     {R"({"cmd":"fault","kind":"drop_connection","method":"order.place","times":1})", reconnect},
     {}},
    {"G16_ban", {R"({"cmd":"fault","kind":"ban","ms":20000})"}, {}},
    {"G16_weight_refused",
     {R"({"cmd":"fault","kind":"refuse","method":"order.place","status":429,"code":-1003,"text":"Too much request weight used","times":1})"},
     {}},
    {"G20_clock_ahead", {R"({"cmd":"fault","kind":"clock_shift","ms":9000})"}, {}},
    {"G20_clock_behind", {R"({"cmd":"fault","kind":"clock_shift","ms":-9000})"}, {}},
    {"shutdown_of_both",
     {R"({"cmd":"fault","kind":"server_shutdown","ms":60000})"},
     {},
     0,
     [](const World& world) {
       handed_over(world, "binance market");
       handed_over(world, "binance orders main");
     }},
    {"shutdown_of_the_order_line",
     {R"({"cmd":"fault","kind":"server_shutdown","connections":"orders","ms":60000})"},
     {},
     0,
     [](const World& world) { handed_over(world, "binance orders main"); }},
    {"resting_orders_that_the_venue_ends",
     {R"({"cmd":"cancel_order","client_order_id":"$1"})",
      R"({"cmd":"cancel_order","client_order_id":"$2","expire":true})"},
     {},
     2},
    {"orders_by_another_hand",
     {R"({"cmd":"place_external","symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":"0.002","newClientOrderId":"hand-1"})",
      R"({"cmd":"place_external","symbol":"BTCUSDT","side":"SELL","type":"MARKET","quantity":"0.001","newClientOrderId":"hand-2"})",
      R"({"cmd":"place_external","symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","price":"60000","quantity":"0.002","newClientOrderId":"hand-3"})",
      R"({"cmd":"cancel_order","client_order_id":"hand-3"})"},
     {}},
    {"symbol_halted_for_a_while",
     {R"({"cmd":"set_symbol_status","symbol":"BTCUSDT","status":"HALT"})",
      R"({"cmd":"set_symbol_status","symbol":"BTCUSDT","status":"TRADING"})"},
     {}},
    {"filter_changed_to_a_coarser_lot",
     {R"({"cmd":"set_filter","symbol":"BTCUSDT","filter":{"filterType":"LOT_SIZE","minQty":"0.00010000","maxQty":"9000","stepSize":"0.00010000"}})"},
     {}},
    {"money_from_elsewhere", {R"({"cmd":"transfer","asset":"USDT","amount":"100"})"}, {}},
};

INSTANTIATE_TEST_SUITE_P(Faults, Fault, ::testing::ValuesIn(cases),
                         [](const auto& row) { return std::string{row.param.name}; });

TEST(Load, TenTimesTheRecordedPeakLosesNoOrderEvent) {
  // Given the recording ten times as fast as it was: its busiest second had 1,452 frames
  WorldSettings settings;
  settings.clock_rate = 1;
  settings.speed = 10;
  World world{settings};
  world.start_daemon();
  world.wait_ready();
  // When all of it has passed
  const auto rounds = [&] {
    return world.simulator(json{{"cmd", "status"}})["replays"][0]["round"].get<std::uint64_t>();
  };
  ASSERT_TRUE(wait_until([&] { return rounds() >= 1; }, seconds{180})) << world.daemon_log();
  // Then nothing about an order is missing anywhere
  for (const auto& words : world.disagreements()) ADD_FAILURE() << words;
  EXPECT_GT(world.true_fills().size(), 10U);
  if (HasFailure()) std::cout << world.daemon_log();
}

TEST(Feeds, TwoOfThemRaceAndStrategiesBeginWarmAfterARestart) {
  // Given market data that comes twice
  WorldSettings settings;
  settings.with_postgres = false;
  settings.venue_lines = "two_feeds = true\n";
  World world{settings};
  world.start_daemon();
  world.wait_ready();
  const std::string market = "binance market";
  const auto wins = [&] {
    return counted(world, market, "feed_wins_first") + counted(world, market, "feed_wins_second");
  };
  // Then first copies win, and no trade is told twice or lost
  EXPECT_TRUE(wait_until([&] { return wins() > 100; }, patience)) << world.daemon_log();
  EXPECT_EQ(counted(world, market, "trades_lost"), 0U);
  EXPECT_EQ(counted(world, market, "book_gaps"), 0U);
  EXPECT_TRUE(wait_until([&] { return world.admin("status")["fills"]["booked"].get<int>() >= 3; },
                         patience));
  // When it is killed and starts again, the venue has a past to tell
  world.daemon().kill();
  world.start_daemon();
  world.wait_ready();
  EXPECT_TRUE(wait_until([&] { return counted(world, market, "history_bars") >= 4; }, patience));
  EXPECT_EQ(counted(world, market, "histories_missing"), 0U);
  for (const auto& words : world.disagreements()) ADD_FAILURE() << words;
  if (HasFailure()) std::cout << world.daemon_log();
}

TEST(Day, OfTwentyFiveHoursLosesAndDoublesNoTrade) {
  const char* wanted = std::getenv("HALCYON_DAY");
  if (wanted == nullptr || *wanted == '\0') {
    GTEST_SKIP() << "a day takes a quarter of an hour: HALCYON_DAY=100 (how fast it passes), as "
                    "scripts/test --full has it";
  }
  // Given a day that passes many times as fast; the market rests while nothing is to be seen
  const int rate = std::stoi(wanted);
  WorldSettings settings;
  settings.clock_rate = rate;
  settings.speed = 1;
  World world{settings};
  const auto began = std::chrono::steady_clock::now();
  const auto has_passed = [&](std::chrono::minutes told) {
    return std::chrono::steady_clock::now() - began >= std::chrono::milliseconds{told} / rate;
  };
  const auto fills = [&] { return world.admin("status")["fills"]["booked"].get<int>(); };
  world.start_daemon();
  world.wait_ready();
  ASSERT_TRUE(wait_until([&] { return fills() >= 3; }, patience)) << world.daemon_log();
  world.simulator(json{{"cmd", "pause"}});
  // When both connections reach the age at which they are replaced, while it trades
  using std::chrono::minutes;
  ASSERT_TRUE(wait_until([&] { return has_passed(minutes{22 * 60 + 20}); }, seconds{900}));
  world.simulator(json{{"cmd", "resume"}});
  const int before = fills();
  wait_until([&] { return has_passed(minutes{23 * 60 + 10}); }, seconds{60});
  EXPECT_GT(fills(), before);
  world.simulator(json{{"cmd", "pause"}});
  wait_until([&] { return has_passed(minutes{25 * 60}); }, seconds{120});
  // Then each was, nobody noticed, and everybody tells the same story
  handed_over(world, "binance market");
  handed_over(world, "binance orders main");
  world.simulator(json{{"cmd", "resume"}});
  for (const auto& words : world.disagreements()) ADD_FAILURE() << words;
  if (HasFailure()) std::cout << world.daemon_log();
}

}  // namespace
}  // namespace halcyon::tests
