// halcyon-sim: a local exchange that replays recorded data and matches orders (docs/simulator.md).

#include <charconv>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "simulation/accounts.h"
#include "simulation/binance_venue.h"
#include "simulation/coinbase_venue.h"
#include "simulation/control.h"
#include "simulation/instrument_rules.h"
#include "simulation/signature.h"
#include "simulation/sim_clock.h"
#include "simulation/tape.h"
#include "simulation/venue_server.h"

namespace {

using namespace halcyon::simulation;

struct Options {
  std::string listen = "127.0.0.1:0";
  std::vector<std::string> recordings;
  int speed = 1;
  bool loop = false;
  std::string tls_dir;
  std::string accounts;
  std::string port_file;
  std::string control;
  std::string rules;
  std::string test_clock;
  std::string make_key;
  std::string kind = "binance";
  std::int64_t fills_lag_ms = 0;
  int private_per_second = 30;
  BinanceSettings venue;
};

void split_address(const std::string& text, ServerSettings& settings) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) {
    throw std::runtime_error("--listen " + text + ": give an address and a port, 127.0.0.1:0");
  }
  settings.host = text.substr(0, colon);
  if (settings.host.size() > 2 && settings.host.front() == '[' && settings.host.back() == ']') {
    settings.host = settings.host.substr(1, settings.host.size() - 2);
  }
  const auto port = text.substr(colon + 1);
  const auto* end = port.data() + port.size();
  const auto [rest, error] = std::from_chars(port.data(), end, settings.port);
  if (error != std::errc{} || rest != end || port.empty()) {
    throw std::runtime_error("--listen " + text +
                             ": the port must be 0 to 65535; 0 is any free one");
  }
}

/// Whole or not at all, so that who waits for the file never reads half a number.
void write_port(const std::filesystem::path& file, std::uint16_t port) {
  const auto draft = file.string() + ".new";
  {
    std::ofstream output{draft, std::ios::trunc};
    output << port << '\n';
    if (!output.flush()) throw std::runtime_error(draft + ": cannot be written");
  }
  std::filesystem::rename(draft, file);
}

void serve(const Options& options) {
  SimClock clock;
  if (!options.test_clock.empty()) {
    const auto parsed = SimClock::parse(options.test_clock);
    if (!parsed) {
      throw std::runtime_error("--test-clock " + options.test_clock +
                               ": give BASE,RATE[,ORIGIN]: times in UTC (2024-08-08T12:00:00Z) or "
                               "seconds since 1970, before 2200; a rate of 0.000001 to 1000000");
    }
    clock = *parsed;
  }
  ServerSettings settings;
  split_address(options.listen, settings);
  const auto accounts = read_accounts(options.accounts);
  const auto rules = options.rules.empty() ? builtin_rules() : read_rules(options.rules);
  std::unique_ptr<ControlledVenue> venue;
  if (options.kind == "coinbase") {
    CoinbaseSettings coinbase;
    coinbase.wait_for_client = options.venue.wait_for_client;
    coinbase.seed = options.venue.seed;
    coinbase.private_per_second = options.private_per_second;
    coinbase.fills_lag = std::chrono::milliseconds{options.fills_lag_ms};
    venue = std::make_unique<CoinbaseVenue>(coinbase);
  } else {
    venue = BinanceVenue::make(options.venue);
  }
  for (const auto& recording : options.recordings) {
    Replay replay{read_tape(recording), options.speed, options.loop};
    const auto symbol = replay.tape().symbol;
    const SymbolRules* found = nullptr;
    for (const auto& each : rules) {
      if (each.symbol == symbol) found = &each;
    }
    if (found == nullptr) {
      throw std::runtime_error(
          fmt::format("{}: no rules for {}; give an exchangeInfo document that holds it with "
                      "--instrument-rules",
                      recording, symbol));
    }
    venue->add_listing(*found, std::move(replay));
  }
  for (const auto& account : accounts) venue->add_account(account);
  const std::filesystem::path tls{options.tls_dir};
  make_certificates(tls);
  settings.certificate = tls / "server.pem";
  settings.private_key = tls / "server.key";
  settings.control_socket = options.control;
  Control control{*venue};
  VenueServer server{settings, clock, *venue,
                     [&](std::string_view line, Timestamp now, Actions& actions) {
                       return control.answer(line, now, actions);
                     }};
  if (!options.port_file.empty()) write_port(options.port_file, server.port());
  fmt::print("halcyon-sim: listening on {}:{} (TLS), trust {}\n", settings.host, server.port(),
             (tls / "ca.pem").string());
  std::fflush(stdout);
  server.run();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"A local exchange: replays recorded market data, matches orders, tells its truth."};
  app.add_option("--venue", options.kind, "Whose protocol it speaks")
      ->check(CLI::IsMember({"binance", "coinbase"}))
      ->capture_default_str();
  app.add_option("--listen", options.listen, "Address and port; port 0 is any free one")
      ->capture_default_str();
  app.add_option("--recording", options.recordings,
                 "Recorded frames (.txt or .txt.gz); repeat it for more symbols");
  app.add_option("--speed", options.speed, "Replay speed")
      ->check(CLI::Range(1, Replay::max_speed))
      ->capture_default_str();
  app.add_flag("--loop", options.loop, "Begin again at the end");
  app.add_flag("--wait-for-client", options.venue.wait_for_client,
               "Begin with the first market subscription");
  app.add_option("--tls-dir", options.tls_dir,
                 "Directory of ca.pem, server.pem, server.key; made where absent");
  app.add_option("--accounts", options.accounts, "Accounts (TOML)");
  app.add_option("--port-file", options.port_file, "Write the port here when ready");
  app.add_option("--control", options.control, "Unix socket for control");
  app.add_option("--instrument-rules", options.rules, "exchangeInfo document (default: BTCUSDT)");
  app.add_option("--test-clock", options.test_clock,
                 "BASE,RATE[,ORIGIN]: a told clock, as halcyond has it");
  app.add_option("--seed", options.venue.seed, "Of made-up ids and chances")->capture_default_str();
  auto& limits = options.venue.limits;
  app.add_option("--weight-per-minute", limits.weight_per_minute, "Request weight limit")
      ->check(CLI::Range(1, 1'000'000'000))
      ->capture_default_str();
  app.add_option("--orders-per-10s", limits.orders_per_10s, "Unfilled order limit")
      ->check(CLI::Range(1, 1'000'000'000))
      ->capture_default_str();
  app.add_option("--orders-per-day", limits.orders_per_day, "Unfilled order limit")
      ->check(CLI::Range(1, 1'000'000'000))
      ->capture_default_str();
  app.add_option("--connections-per-5m", limits.connections_per_5m, "Connection limit")
      ->check(CLI::Range(1, 1'000'000'000))
      ->capture_default_str();
  app.add_option("--private-per-second", options.private_per_second,
                 "coinbase: REST calls of an account")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--fills-lag-ms", options.fills_lag_ms,
                 "coinbase: executions show in the list of fills so much later")
      ->check(CLI::Range(0, 3'600'000))
      ->capture_default_str();
  app.add_option("--make-key", options.make_key,
                 "Write a new Ed25519 key pair and API key into this directory, and exit");
  CLI11_PARSE(app, argc, argv);
  try {
    if (!options.make_key.empty()) {
      make_key(options.make_key);
      fmt::print("{0}/ed25519.pem (private), {0}/ed25519.pub.pem, {0}/api_key\n", options.make_key);
      return 0;
    }
    for (const auto& [name, given] : {std::pair{"--recording", !options.recordings.empty()},
                                      std::pair{"--tls-dir", !options.tls_dir.empty()},
                                      std::pair{"--accounts", !options.accounts.empty()}}) {
      if (!given) throw std::runtime_error(std::string{name} + " is needed; see --help");
    }
    serve(options);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "halcyon-sim: {}\n", error.what());
    return 1;
  }
}
