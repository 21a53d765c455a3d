#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "config/reader.h"

namespace halcyon::config::testing {

/// A small configuration that is right; tests change one line of it. The line numbers are in the
/// tests.
inline constexpr std::string_view whole =
    "[daemon]\n"                                         // 1
    "name = \"alpha\"\n"                                 // 2
    "[venues.binance]\n"                                 // 3
    "kind = \"binance\"\n"                               // 4
    "environment = \"simulator\"\n"                      // 5
    "market_data_url = \"wss://127.0.0.1:9443\"\n"       // 6
    "orders_url = \"wss://127.0.0.1:9443/ws-api/v3\"\n"  // 7
    "rest_url = \"https://127.0.0.1:9443\"\n"            // 8
    "instruments = [\"BTC/USDT\", \"ETH/USDT\"]\n"       // 9
    "[accounts.main]\n"                                  // 10
    "venue = \"binance\"\n"                              // 11
    "mode = \"live\"\n"                                  // 12
    "[strategies.cross]\n"                               // 13
    "type = \"trend_following\"\n"                       // 14
    "accounts = [\"main\"]\n"                            // 15
    "instruments = [\"BTC/USDT\"]\n"                     // 16
    "timeframe = \"1s\"\n"                               // 17
    "capital = \"5000\"\n"                               // 18
    "[risk]\n"                                           // 19
    "max_open_orders = 20\n";                            // 20

/// `text` with the first `from` replaced; the test fails when there is none.
inline std::string with(std::string_view from, std::string_view to, std::string_view text = whole) {
  std::string result{text};
  const std::size_t at = result.find(from);
  if (at == std::string::npos) {
    ADD_FAILURE() << "the text has no " << from;
    return result;
  }
  return result.replace(at, from.size(), to);
}

/// Everything that is wrong with a text, one line each; empty: nothing.
inline std::string problems(std::string_view text) {
  const Reading reading = read_text(text, "halcyon.toml");
  std::string lines;
  if (const auto* wrong = std::get_if<std::vector<Problem>>(&reading)) {
    EXPECT_FALSE(wrong->empty()) << "a refusal says why";
    for (const Problem& problem : *wrong) lines += problem.text() + '\n';
  }
  return lines;
}

/// The configuration of a text that is right.
inline Config accepted(std::string_view text) {
  Reading reading = read_text(text, "halcyon.toml");
  if (auto* config = std::get_if<Config>(&reading)) return std::move(*config);
  ADD_FAILURE() << problems(text);
  return {};
}

}  // namespace halcyon::config::testing
