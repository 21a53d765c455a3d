// halcyond: the daemon. See README.md and `halcyond --help`.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>

#include "config/reader.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "daemon/replay.h"
#include "gateways/transport/clock.h"

namespace {

using namespace halcyon;

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

/// Everything that is wrong with the configuration, a line each; empty: nothing.
std::vector<std::string> problems_of(const std::string& file, config::Config& config) {
  std::vector<std::string> lines;
  auto reading = config::read(file);
  if (const auto* problems = std::get_if<std::vector<config::Problem>>(&reading)) {
    for (const auto& problem : *problems) lines.push_back(problem.text());
    return lines;
  }
  config = std::move(std::get<config::Config>(reading));
  for (const auto& words : config::not_served_yet(config)) lines.push_back(file + ": " + words);
  return lines;
}

/// 0: everything that could be decided again is as the journal says; 1: a difference, or nothing
/// could be.
int run_replay(const config::Config& config, const std::string& directory) {
  const auto found = daemon::replay(config, directory);
  std::printf("%llu runs, %llu frames decided again with %llu captured events, %llu passed over\n",
              static_cast<unsigned long long>(found.runs),
              static_cast<unsigned long long>(found.compared),
              static_cast<unsigned long long>(found.captured),
              static_cast<unsigned long long>(found.passed_over));
  if (!found.gap.empty()) std::printf("passed over: %s\n", found.gap.c_str());
  if (!found.difference.empty()) {
    std::printf("%s\n", found.difference.c_str());
    return exit_failed;
  }
  std::printf("no difference\n");
  return found.compared == 0 ? exit_failed : 0;
}

int run(int argc, char** argv) {
  CLI::App app{"Halcyon, a live execution daemon for Alpaca, Binance and Coinbase", "halcyond"};
  std::string file;
  std::string test_clock;
  std::string replay_dir;
  bool check = false;
  daemon::Options options;
  app.add_option("--config", file, "The configuration (see halcyon.example.toml)")->required();
  app.add_flag("--check-config", check, "Say everything that is wrong with it, and stop");
  app.add_flag("--safe", options.is_safe, "Start without strategies");
  std::string cancel_all;
  bool after_stop = false;
  app.add_flag("--after-stop", after_stop,
               "With --cancel-all: nothing is done after a clean stop ($SERVICE_RESULT), or where "
               "daemon.cancel_after_crash is off");
  app.add_option("--cancel-all", cancel_all,
                 "Cancel this daemon's open orders in the live accounts and stop; "
                 "--cancel-all=everything those of others too. No other daemon may run here")
      ->expected(0, 1)
      ->default_str("ours")
      ->check(CLI::IsMember({"ours", "everything"}));
  app.add_option("--replay", replay_dir,
                 "Decide everything in this data_dir again, say the first difference, and stop");
  app.add_option("--test-clock", test_clock,
                 "BASE,RATE[,ORIGIN]: a time that is told, for tests against halcyon-sim");
  app.add_option("--floor-order", options.floor_order,
                 "What a benchmark's floor frame is answered with; simulator only");
  app.set_version_flag("--version", "halcyond " HALCYON_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : exit_usage;
  }

  config::Config config;
  const auto problems = problems_of(file, config);
  for (const auto& line : problems) std::fprintf(stderr, "%s\n", line.c_str());
  if (!problems.empty()) return exit_usage;
  if (check) {
    std::printf("%s: ok\n", file.c_str());
    return 0;
  }

  if (app.count("--cancel-all") != 0) {
    const char* const result = std::getenv("SERVICE_RESULT");
    const bool was_clean = result != nullptr && std::string_view{result} == "success";
    if (after_stop && (was_clean || !config.daemon.cancel_after_crash)) return 0;
    options.is_safe = true;
    options.cancel_all = cancel_all == "everything" ? domain::CancelReach::everything
                                                    : domain::CancelReach::our_name;
  }
  if (!replay_dir.empty()) {
    if (options.is_safe) config.strategies.clear();
    return run_replay(config, replay_dir);
  }

  if (!test_clock.empty()) {
    std::string error;
    const auto clock = gateways::transport::parse_test_clock(test_clock, error);
    if (!clock) {
      std::fprintf(stderr, "halcyond: --test-clock %s: %s\n", test_clock.c_str(), error.c_str());
      return exit_usage;
    }
    options.clock = gateways::transport::Clock{*clock};
  }
  daemon::Log log{config.log};
  try {
    daemon::Daemon daemon{std::move(config), options, log};
    daemon.run();
    return 0;
  } catch (const std::exception& error) {
    log.say(daemon::LogLevel::error, "halcyond", error.what());
    return exit_failed;
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "halcyond: %s\n", error.what());
    return exit_failed;
  }
}
