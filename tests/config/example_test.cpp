#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/fields.h"
#include "tests/config/reading.h"

namespace halcyon::config {
namespace {

using ::testing::HasSubstr;

TEST(Example, IsTheCommittedFile) {
  std::ifstream file{HALCYON_SOURCE_DIR "/halcyon.example.toml"};
  const std::string committed{std::istreambuf_iterator<char>{file}, {}};
  EXPECT_EQ(committed, example()) << "write the text of config::example() to halcyon.example.toml";
}

TEST(Example, IsAConfigurationThatThisVersionServes) {
  EXPECT_TRUE(not_served_yet(testing::accepted(example())).empty());
}

TEST(Example, SaysTheDefaultsAndNothingElse) {
  // Given the example without the tables that have no defaults
  const Config written = testing::accepted(example());
  const Config silent = testing::accepted("[daemon]\nname = \"alpha\"\n");
  EXPECT_EQ(written.engine.equity_interval, silent.engine.equity_interval);
  EXPECT_EQ(written.journal.segment_bytes, silent.journal.segment_bytes);
  EXPECT_EQ(written.admin.socket, silent.admin.socket);
  EXPECT_EQ(written.metrics.listen, silent.metrics.listen);
  EXPECT_EQ(written.risk.equal_currencies, silent.risk.equal_currencies);
  EXPECT_EQ(written.risk.daemon.max_order_notional, silent.risk.daemon.max_order_notional);
  EXPECT_EQ(written.risk.daemon.price_collar_pct, silent.risk.daemon.price_collar_pct);
  EXPECT_EQ(written.risk.daemon.max_reference_age, silent.risk.daemon.max_reference_age);
  EXPECT_EQ(written.risk.daemon.max_leverage, silent.risk.daemon.max_leverage);
}

/// A key stands in the example, commented out or not.
void expect_key(std::string_view key) {
  EXPECT_THAT(example(), HasSubstr('\n' + std::string{key} + " = ")) << key;
}
void expect_key_or_comment(std::string_view key) {
  if (example().find("\n# " + std::string{key} + " = ") == std::string::npos) expect_key(key);
}

template <class... Fields>
void expect_all(const std::tuple<Fields...>& fields) {
  std::apply([](const auto&... field) { (expect_key_or_comment(field.key), ...); }, fields);
}

TEST(Example, ShowsEverySetting) {
  expect_all(daemon_fields);
  expect_all(engine_fields);
  expect_all(journal_fields);
  expect_all(postgres_fields);
  expect_all(credentials_fields);
  expect_all(admin_fields);
  expect_all(metrics_fields);
  expect_all(log_fields);
  expect_all(venue_fields);
  expect_all(account_fields);
  expect_all(strategy_fields);
  expect_all(trend_following_fields);
  expect_all(reporting_fields);
  expect_all(risk_fields);
}

}  // namespace
}  // namespace halcyon::config
