// halcyond: the daemon. See README.md and `halcyond --help`.

#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>

#include "config/reader.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
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

int run(int argc, char** argv) {
  CLI::App app{"Halcyon, a live execution daemon for Alpaca, Binance and Coinbase", "halcyond"};
  std::string file;
  std::string test_clock;
  bool check = false;
  daemon::Options options;
  app.add_option("--config", file, "The configuration (see halcyon.example.toml)")->required();
  app.add_flag("--check-config", check, "Say everything that is wrong with it, and stop");
  app.add_flag("--safe", options.is_safe, "Start without strategies");
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
