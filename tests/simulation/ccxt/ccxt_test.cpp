// The simulated venue against ccxt, a client that this project did not write: what the two agree on
// is more than our own reading of the venue's document.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "domain/decimal.h"
#include "tests/daemon/end_to_end/process.h"

namespace halcyon::tests {
namespace {

using nlohmann::json;
using std::chrono::seconds;

const std::string sources = HALCYON_SOURCE_DIR "/tests/simulation/ccxt";
/// Beside the build: npm's folder is no part of the sources.
const std::string modules = HALCYON_BINARY_DIR "/ccxt";

bool is_there(const std::string& program) {
  const std::string output = modules + "/which.log";
  Process which{{"/usr/bin/env", program, "--version"}, output};
  return which.wait(seconds{30}) == 0;
}

/// Empty when ccxt can be used; else why not.
std::string missing() {
  std::filesystem::create_directories(modules);
  if (!is_there("node") || !is_there("npm")) {
    return "node and npm are not installed (Debian: nodejs, npm)";
  }
  if (std::filesystem::exists(modules + "/node_modules/ccxt/package.json")) return {};
  for (const char* name : {"package.json", "package-lock.json"}) {
    std::filesystem::copy_file(sources + "/" + name, modules + "/" + name,
                               std::filesystem::copy_options::overwrite_existing);
  }
  Process install{{"/usr/bin/env", "npm", "ci", "--prefix", modules, "--ignore-scripts",
                   "--no-audit", "--no-fund"},
                  modules + "/npm.log"};
  if (install.wait(seconds{240}) == 0) return {};
  return "npm cannot install ccxt here: " + text_of(modules + "/npm.log");
}

std::string canonical(const std::string& number) {
  return domain::to_string(domain::parse<domain::Money>(number).value());
}

TEST(Ccxt, TradesAndAgreesWithTheVenueAboutWhatHappened) {
  if (const std::string why = missing(); !why.empty()) GTEST_SKIP() << why;
  // Given a venue with an account whose key is a shared secret
  std::string pattern = std::filesystem::temp_directory_path() / "halcyon-ccxt-XXXXXX";
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::filesystem::path directory = pattern;
  const auto path = [&](const char* name) { return (directory / name).string(); };
  std::ofstream{path("accounts.toml")}
      << "[accounts.main]\napi_key = \"ccxt-key\"\nhmac_secret = \"ccxt-secret\"\n"
         "balances = { USDT = \"10000\", BTC = \"1\" }\n";
  Process simulator{
      {HALCYON_BINARY_DIR "/bin/halcyon-sim", "--listen", "127.0.0.1:0", "--recording",
       HALCYON_SOURCE_DIR "/tests/data/binance/btcusdt_spot_20240808_346s.txt.gz", "--loop",
       "--tls-dir", path("tls"), "--accounts", path("accounts.toml"), "--port-file", path("port"),
       "--control", path("sim.sock")},
      path("sim.log")};
  ASSERT_TRUE(wait_until([&] { return std::filesystem::exists(path("port")); }, seconds{60}))
      << text_of(path("sim.log"));
  const std::string address =
      "https://127.0.0.1:" + std::to_string(std::stoi(text_of(path("port"))));
  // When ccxt has traded there
  Process client{{"/usr/bin/env", "NODE_EXTRA_CA_CERTS=" + path("tls/ca.pem"), "node",
                  sources + "/trade.mjs", modules, address, "ccxt-key", "ccxt-secret"},
                 path("client.log")};
  const auto code = client.wait(seconds{90});
  const std::string said = text_of(path("client.log"));
  ASSERT_EQ(code, 0) << said;
  const auto told = json::parse(said.substr(said.rfind("{\"orders\"")));
  // Then its orders, trades and balance are the venue's
  const auto truth = json::parse(ask(path("sim.sock"), R"({"cmd":"truth"})")).at("accounts").at(0);
  ASSERT_EQ(told.at("orders").size(), truth.at("orders").size());
  const std::map<std::string, std::string> words{
      {"filled", "closed"}, {"canceled", "canceled"}, {"accepted", "open"}};
  for (std::size_t at = 0; at < truth.at("orders").size(); ++at) {
    const auto& order = truth.at("orders")[at];
    const auto& theirs = told.at("orders")[at];
    EXPECT_EQ(theirs[0], std::to_string(order.at("order_id").get<std::uint64_t>()));
    EXPECT_EQ(theirs[1], words.at(order.at("status")));
    EXPECT_EQ(canonical(theirs[2]), canonical(order.at("executed")));
  }
  ASSERT_EQ(told.at("trades").size(), truth.at("trades").size());
  for (std::size_t at = 0; at < truth.at("trades").size(); ++at) {
    const auto& trade = truth.at("trades")[at];
    const auto& theirs = told.at("trades")[at];
    EXPECT_EQ(theirs[0], std::to_string(trade.at("trade_id").get<std::uint64_t>()));
    EXPECT_EQ(canonical(theirs[2]), canonical(trade.at("quantity")));
    EXPECT_EQ(canonical(theirs[3]), canonical(trade.at("price")));
  }
  for (const auto& balance : truth.at("balances")) {
    if (balance.at("asset") == "BTC") {
      EXPECT_EQ(canonical(told.at("btc")), canonical(balance.at("free")));
    }
  }
  if (!HasFailure()) std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace halcyon::tests
