#include "simulation/accounts.h"

#include <fstream>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simulation/signature.h"
#include "tests/simulation/scratch.h"

namespace halcyon::simulation {
namespace {

using namespace domain::literals;
using ::testing::HasSubstr;

TEST(Accounts, ReadKeysBalancesAndFees) {
  const testing::Scratch scratch;
  make_key(scratch.path);
  const auto accounts = parse_accounts(R"(
[accounts.main]
api_key_file = "api_key"
public_key_file = "ed25519.pub.pem"
balances = { USDT = "10000.5", BTC = "0.25" }
taker_commission = "0.00075"
fee_asset = "BNB"
fee_asset_price = "600"
[accounts.second]
api_key = "k"
hmac_secret = "s"
)",
                                       "accounts.toml", scratch.path);
  ASSERT_EQ(accounts.size(), 2U);
  EXPECT_EQ(accounts[0].api_key.size(), 64U);
  EXPECT_EQ(accounts[0].balances.at("USDT"), "10000.5"_usd);
  EXPECT_EQ(accounts[0].taker_commission, 750'000);
  EXPECT_EQ(accounts[0].maker_commission, 1'000'000);
  EXPECT_EQ(accounts[0].fee_asset_price, "600"_px);
  EXPECT_EQ(accounts[1].hmac_secret, "s");
}

TEST(Accounts, SayEveryProblemAtOnceWithItsLine) {
  try {
    parse_accounts(R"(colour = "red"
[accounts.main]
api_key = 5
fee_asset = "BNB"
balances = { USDT = "-1" }
surprise = true
)",
                   "accounts.toml", ".");
    FAIL() << "it was taken";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("accounts.toml:1: colour"));
    EXPECT_THAT(error.what(), HasSubstr("accounts.toml:3: api_key: must be a text"));
    EXPECT_THAT(error.what(), HasSubstr("needs fee_asset_price"));
    EXPECT_THAT(error.what(), HasSubstr("accounts.toml:5: USDT: \"-1\" is not an amount"));
    EXPECT_THAT(error.what(), HasSubstr("accounts.main.surprise: unknown key"));
    EXPECT_THAT(error.what(), HasSubstr("public_key_file (Ed25519)"));
  }
  EXPECT_THROW(parse_accounts("", "accounts.toml", "."), std::runtime_error);
  EXPECT_THROW(parse_accounts("[accounts", "accounts.toml", "."), std::runtime_error);
  EXPECT_THROW(read_accounts("/does/not/exist"), std::runtime_error);
}

}  // namespace
}  // namespace halcyon::simulation
