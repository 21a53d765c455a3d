#include "config/addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/config/reading.h"

namespace halcyon::config {
namespace {

using testing::accepted;
using ::testing::HasSubstr;
using testing::problems;
using testing::with;

std::string venue(std::string_view kind, std::string_view environment, std::string_view more = {}) {
  return "[daemon]\nname = \"a\"\n[venues.v]\nkind = \"" + std::string{kind} +
         "\"\nenvironment = \"" + std::string{environment} + "\"\ninstruments = [\"BTC/USD\"]\n" +
         std::string{more};
}

TEST(Addresses, FillsInTheDocumentedAddressesOfBinance) {
  struct Row {
    const char* environment;
    const char* market_data_url;
    const char* orders_url;
    const char* rest_url;
  };
  for (const Row& row : {
           Row{"production", "wss://stream.binance.com:9443",
               "wss://ws-api.binance.com:443/ws-api/v3", "https://api.binance.com"},
           Row{"testnet", "wss://stream.testnet.binance.vision",
               "wss://ws-api.testnet.binance.vision/ws-api/v3", "https://testnet.binance.vision"},
           Row{"venue_paper", "wss://demo-stream.binance.com",
               "wss://demo-ws-api.binance.com/ws-api/v3", "https://demo-api.binance.com"},
       }) {
    const Config config = accepted(venue("binance", row.environment));
    EXPECT_EQ(config.venues.at(0).market_data_url, row.market_data_url);
    EXPECT_EQ(config.venues.at(0).orders_url, row.orders_url);
    EXPECT_EQ(config.venues.at(0).rest_url, row.rest_url);
    EXPECT_EQ(config.venues.at(0).user_stream_url, "");
  }
}

TEST(Addresses, FillsInTheDocumentedAddressesOfCoinbaseAndAlpaca) {
  const Config coinbase = accepted(venue("coinbase", "production"));
  EXPECT_EQ(coinbase.venues.at(0).user_stream_url, "wss://advanced-trade-ws-user.coinbase.com");
  EXPECT_EQ(coinbase.venues.at(0).orders_url, "");
  const Config alpaca = accepted(venue("alpaca", "venue_paper"));
  EXPECT_EQ(alpaca.venues.at(0).rest_url, "https://paper-api.alpaca.markets");
  EXPECT_EQ(alpaca.venues.at(0).user_stream_url, "wss://paper-api.alpaca.markets/stream");
  EXPECT_EQ(alpaca.venues.at(0).data_rest_url, "https://data.alpaca.markets");
}

TEST(Addresses, NeverTakesAnotherEnvironmentsAddress) {
  EXPECT_THAT(problems(venue("coinbase", "testnet")),
              HasSubstr("venues.v.rest_url: is missing; coinbase documents no testnet"));
  EXPECT_THAT(problems(venue("alpaca", "testnet")), HasSubstr("alpaca documents no testnet"));
  EXPECT_THAT(problems(venue("binance", "simulator")),
              HasSubstr("venues.v.orders_url: is missing; a simulator has no documented address"));
}

TEST(Addresses, RefusesAHostOfAnotherEnvironment) {
  EXPECT_THAT(problems(venue("binance", "testnet", "rest_url = \"https://api.binance.com\"\n")),
              HasSubstr("is the venue's address for production, and environment is testnet"));
  EXPECT_THAT(problems(venue("binance", "production",
                             "orders_url = \"wss://ws-api.testnet.binance.vision/ws-api/v3\"\n")),
              HasSubstr("is the venue's address for testnet, and environment is production"));
  // Alpaca's market data has one address for both.
  EXPECT_EQ(problems(venue("alpaca", "venue_paper",
                           "market_data_url = \"wss://stream.data.alpaca.markets\"\n")),
            "");
}

TEST(Addresses, RefusesASimulatorThatIsNotOnThisMachine) {
  for (const char* host : {"10.0.0.1", "stream.binance.com", "127.0.0.1.example.com", "128.0.0.1",
                           "0127.0.0.1", "127.1"}) {
    EXPECT_THAT(problems(with("wss://127.0.0.1:9443\"", "wss://" + std::string{host} + ":9443\"")),
                HasSubstr("must be on this machine"))
        << host;
  }
  for (const char* host : {"127.0.0.1", "127.8.9.10", "localhost", "[::1]"}) {
    EXPECT_EQ(problems(with("wss://127.0.0.1:9443\"", "wss://" + std::string{host} + ":9443\"")),
              "")
        << host;
  }
}

TEST(Addresses, RefusesWhatIsNoAddress) {
  struct Row {
    const char* url;
    const char* said;
  };
  for (const Row& row : {
           Row{"127.0.0.1:9443", "must be an address such as wss://host:port/path"},
           Row{"ws://127.0.0.1:9443", "must begin with wss://; nothing is sent without TLS"},
           Row{"https://127.0.0.1:9443", "must begin with wss://"},
           Row{"wss://", "must have a host"},
           Row{"wss://:9443", "must have a host"},
           Row{"wss://127.0.0.1:", "must have a port"},
           Row{"wss://127.0.0.1:0", "must have a port from 1 to 65535"},
           Row{"wss://127.0.0.1:65536", "must have a port from 1 to 65535"},
           Row{"wss://127.0.0.1:94x", "must have a port from 1 to 65535"},
           Row{"wss://127.0.0.1:-1", "must have a port from 1 to 65535"},
           Row{"wss://user@127.0.0.1", "must have no query, fragment or user"},
           Row{"wss://127.0.0.1/a?b=c", "must have no query, fragment or user"},
           Row{"wss://127.0.0.1/a b", "must have no blanks"},
           Row{"wss://[::1", "must close the bracket"},
           Row{"wss://[]:1", "must have an IPv6 address"},
           Row{"wss://[::1]9443", "must have ':' and a port after ']'"},
           Row{"wss://127.0.0.1/stream", "must end before /stream, which is added"},
       }) {
    EXPECT_THAT(problems(with("\"wss://127.0.0.1:9443\"", '"' + std::string{row.url} + '"')),
                HasSubstr(row.said))
        << row.url;
  }
}

TEST(Addresses, WantsTheWholeAddressOfTheOrderPath) {
  EXPECT_THAT(problems(with("wss://127.0.0.1:9443/ws-api/v3", "wss://127.0.0.1:9443/")),
              HasSubstr("must be the whole address, with its path"));
}

TEST(Addresses, RefusesSettingsOfAnotherKindOfVenue) {
  EXPECT_THAT(problems(venue("binance", "testnet", "user_stream_url = \"wss://x\"\n")),
              HasSubstr("venues.v.user_stream_url = \"wss://x\": is not used by binance"));
  EXPECT_THAT(problems(venue("coinbase", "production", "stock_feed = \"iex\"\n")),
              HasSubstr("venues.v.stock_feed = \"iex\": belongs to alpaca"));
}

}  // namespace
}  // namespace halcyon::config
