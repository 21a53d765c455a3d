#include "gateways/binance/binance.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "support.h"

namespace halcyon::gateways::binance::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// A venue, an account and key files as an operator would set them up.
class Factory : public ::testing::Test {
 protected:
  Factory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "halcyon-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    venue_.name = "binance";
    venue_.market_data_url = "wss://127.0.0.1:9443";
    venue_.orders_url = "wss://127.0.0.1:9443/ws-api/v3";
    venue_.rest_url = "https://127.0.0.1:9443/base/";
    venue_.instruments = {"BTC/USDT", "BTC/USDT"};
    venue_.channels = {config::Channel::trades, config::Channel::book};
    account_.name = "main";
    account_.venue = "binance";
    account_.api_key_file = file("key", "KEY\n");
    const auto vectors = nlohmann::json::parse(*sample("signing_vectors.json"));
    account_.private_key_file = file(
        "ed25519.pem", "-----BEGIN PRIVATE KEY-----\n" +
                           vectors["ed25519"]["private_key_pkcs8_der_base64"].get<std::string>() +
                           "\n-----END PRIVATE KEY-----\n");
  }
  ~Factory() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& name, const std::string& content, mode_t mode = 0400) {
    const std::string path = directory_ + "/" + name;
    std::ofstream{path} << content;
    ::chmod(path.c_str(), mode);
    return path;
  }
  std::unique_ptr<Session> market() { return make_market_session(venue_, world_.catalog, 1); }
  std::unique_ptr<Session> orders(std::string_view daemon = "alpha") {
    return make_order_session(venue_, account_, world_.catalog, daemon, 1);
  }

  World world_;
  config::Venue venue_;
  config::Account account_;
  std::string directory_;
};

TEST_F(Factory, AppendsTheVenuesPathsToTheConfiguredAddresses) {
  const auto session = market();
  EXPECT_EQ(session->endpoint().host, "127.0.0.1");
  EXPECT_EQ(session->endpoint().port, 9443);
  EXPECT_EQ(session->endpoint().path, "/stream");
  EXPECT_TRUE(session->endpoint().is_tls);
  Actions actions;
  session->on_start(domain::from_unix_ms(1), actions);
  ASSERT_EQ(actions.rest_requests().size(), 1U);
  EXPECT_EQ(actions.rest_requests()[0].target,
            "/base/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22%5D");
  EXPECT_EQ(orders()->endpoint().path, "/ws-api/v3");
}

TEST_F(Factory, SubscribesToTheConfiguredChannelsEachInstrumentOnce) {
  const auto session = market();
  Actions actions;
  session->on_open(domain::from_unix_ms(1), actions);
  EXPECT_EQ(actions.frame(0),
            R"({"method":"SUBSCRIBE","params":["btcusdt@trade","btcusdt@depth@100ms"],"id":1})");
}

TEST_F(Factory, RefusesAddressesThatCannotBeRight) {
  venue_.market_data_url = "https://127.0.0.1:9443";
  EXPECT_THAT([&] { market(); },
              ThrowsMessage<std::runtime_error>(HasSubstr("must begin with wss://")));
  venue_.market_data_url = "nonsense";
  EXPECT_THAT([&] { market(); }, ThrowsMessage<std::runtime_error>(HasSubstr("market_data_url")));
  venue_.orders_url = "";
  EXPECT_THAT([&] { orders(); }, ThrowsMessage<std::runtime_error>(HasSubstr("orders_url")));
}

TEST_F(Factory, NamesTheSettingThatIsMissingAndTheFileThatIsWrong) {
  const config::Account good = account_;
  account_.api_key_file = "/nowhere/key";
  EXPECT_THAT([&] { orders(); }, ThrowsMessage<std::runtime_error>(HasSubstr("/nowhere/key")));
  account_ = good;
  account_.api_key_file = file("bad", "two words\n");
  EXPECT_THAT([&] { orders(); },
              ThrowsMessage<std::runtime_error>(HasSubstr("does not hold an API key")));
  account_ = good;
  account_.private_key_file.clear();
  EXPECT_THAT([&] { orders(); }, ThrowsMessage<std::runtime_error>(HasSubstr("private_key_file")));
  account_ = good;
  account_.api_key_file.clear();
  EXPECT_THAT([&] { orders(); }, ThrowsMessage<std::runtime_error>(HasSubstr("api_key_file")));
}

TEST_F(Factory, TakesAnHmacSecretWhereThereIsNoPrivateKey) {
  account_.private_key_file.clear();
  account_.api_secret_file = file("secret", "the secret\n");
  EXPECT_NE(orders(), nullptr);
}

TEST_F(Factory, RefusesNamesThatDoNotFitIntoAClientOrderId) {
  EXPECT_THAT([&] { orders("a.b"); }, ThrowsMessage<std::runtime_error>(HasSubstr("letters")));
  EXPECT_THAT([&] { orders("a-very-long-daemon-name"); },
              ThrowsMessage<std::runtime_error>(HasSubstr("at most 19")));
}

TEST_F(Factory, WarnsAtTheStartOfKeyFilesThatOthersMayRead) {
  account_.api_key_file = file("open", "KEY\n", 0644);
  const auto session = orders();
  Actions actions;
  session->on_start(domain::from_unix_ms(1), actions);
  ASSERT_EQ(actions.said().size(), 1U);
  EXPECT_THAT(actions.said()[0], HasSubstr("0644"));
}

TEST(VisibilityRule, IsSectionSixteen) {
  const domain::VisibilityRule rule = visibility_rule();
  EXPECT_EQ(rule.after_valid_until, std::chrono::seconds{10});
  EXPECT_EQ(rule.answers_in_a_row, 2U);
  EXPECT_EQ(rule.answer_time_out, std::chrono::seconds{12});
  EXPECT_GT(rule.request_validity, domain::Duration{});
}

}  // namespace
}  // namespace halcyon::gateways::binance::testing
