#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/daemon/end_to_end/process.h"

namespace halcyon::tests {

/// What a world is made from.
struct WorldSettings {
  std::string venue = "binance";  ///< or "coinbase": whose protocol both speak
  bool with_postgres = true;
  int speed = 4;  ///< of the replay, beside the clock's
  /// How fast time runs for simulator and daemon (`--test-clock`): at 5 a candle of a second is
  /// there after 200 ms, so that more happens in a minute of testing.
  int clock_rate = 5;
  std::string engine = "threads = \"shared\"\nwait = \"block\"\n";
  std::string journal;      ///< further lines of [journal]
  std::string venue_lines;  ///< further lines of [venues.binance]
  std::string keys;         ///< lines of [accounts.main] about its keys; empty: their files
  std::string further;      ///< whole tables
  std::string strategies;   ///< whole tables; empty: four that trade often
  std::string risk = "max_orders_per_second = 100\nmax_open_orders = 200\n";
};

/// A whole installation for one test: a simulator, a daemon, a private PostgreSQL, all real
/// programs on loopback, in a directory of their own that is removed at the end.
class World {
 public:
  explicit World(const WorldSettings& settings = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// `before`: a program that starts it, as in {"prlimit", "--fsize=1048576"}.
  void start_daemon(const std::vector<std::string>& before = {});
  /// Until every account is reconciled. Throws with the daemon's log when that takes too long.
  void wait_ready();
  Process& daemon() { return *daemon_; }
  Process& simulator() { return *simulator_; }

  /// The simulator's control socket: {"cmd":"truth"} and so on.
  nlohmann::json simulator(const nlohmann::json& command) const;
  /// The daemon's admin socket; the result. Throws with the error's words.
  nlohmann::json admin(const std::string& method,
                       const nlohmann::json& params = nlohmann::json::object()) const;
  /// GET of the daemon's HTTP port: status line and body.
  std::string http(const std::string& path) const;
  const std::string& dsn() const { return dsn_; }
  std::string daemon_log() const { return text_of(path("halcyond.log")); }
  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  std::string binary(const std::string& name) const;

  /// Trades of the simulator for our account, in a canonical text each, sorted.
  std::vector<std::string> true_fills() const;
  /// The same as the daemon's admin socket and as PostgreSQL tell it.
  std::vector<std::string> daemon_fills() const;
  std::vector<std::string> postgres_fills() const;

  /// Halts trading, waits until nothing is under way, and compares simulator, daemon and
  /// PostgreSQL: fills, orders, positions, balances. Returns the differences that stay, in words;
  /// empty: they agree.
  std::vector<std::string> disagreements();

 private:
  /// The venue's words for its own ids are its own business: Coinbase makes UUIDs of them.
  std::string trade_text(const std::string& trade) const { return is_coinbase_ ? "-" : trade; }
  /// What differs at this moment.
  std::vector<std::string> differences();

  std::filesystem::path directory_;
  std::string dsn_;
  bool is_coinbase_ = false;
  std::string test_clock_;  ///< the option's value; empty: the machine's clock
  std::unique_ptr<Process> simulator_, daemon_;
  std::uint16_t port_ = 0;
};

}  // namespace halcyon::tests
