// Keys that the daemon keeps itself: put, used, rotated, and nowhere in clear.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/daemon/end_to_end/world.h"
#include "tests/persistence/postgres_server.h"

namespace halcyon::tests {
namespace {

using nlohmann::json;
constexpr std::chrono::seconds patience{30};

/// Files below `directory` that hold one of the secrets, but for those in `apart`.
std::vector<std::string> holders(const std::filesystem::path& directory,
                                 const std::vector<std::string>& secrets,
                                 const std::vector<std::string>& apart, std::size_t& looked_at) {
  std::vector<std::string> found;
  std::error_code ignored;  // a file of a running server may go while it is looked for
  for (auto entry = std::filesystem::recursive_directory_iterator{directory, ignored};
       entry != std::filesystem::recursive_directory_iterator{}; entry.increment(ignored)) {
    if (!entry->is_regular_file(ignored)) continue;
    const std::string path = entry->path().string();
    if (std::find(apart.begin(), apart.end(), path) != apart.end()) continue;
    const std::string text = text_of(path);
    ++looked_at;
    for (const std::string& secret : secrets) {
      if (text.find(secret) != std::string::npos) found.push_back(path);
    }
  }
  return found;
}

/// The lines of a PEM file between its marks: what a text search would find in another wrapping.
std::string key_of(const std::string& pem) {
  const std::size_t begin = pem.find('\n') + 1;
  return pem.substr(begin, pem.find('\n', begin) - begin);
}

TEST(Credentials, AreTheKeysOfAnAccountAndStandNowhereInClear) {
  // Given an account that asks for keys which nobody has put yet
  WorldSettings settings;
  settings.clock_rate = 1;
  settings.journal = "capture = true\n";
  settings.keys = "credential = \"main\"\n";
  settings.further = "[credentials]\nmaster_key_file = \"master.key\"\n";
  World world{settings};
  const std::string key_file = world.path("master.key");
  {
    // The world's directory is known only now.
    std::string config = text_of(world.path("halcyon.toml"));
    const std::string wanted = "\"master.key\"";
    config.replace(config.find(wanted), wanted.size(), "\"" + key_file + "\"");
    std::ofstream{world.path("halcyon.toml")} << config;
  }
  Process make_key{{world.binary("halcyonctl"), "credentials", "key", key_file},
                   world.path("ctl.log")};
  ASSERT_EQ(make_key.wait(patience), 0) << text_of(world.path("ctl.log"));
  world.start_daemon();
  // Then the daemon runs, and the account does not
  const auto answers = [&] {
    try {
      return world.admin("status").at("accounts").size() == 1;
    } catch (const std::exception&) {
      return false;
    }
  };
  ASSERT_TRUE(wait_until(answers, patience)) << world.daemon_log();
  EXPECT_NE(world.daemon_log().find("account main: credential main has no api_key"),
            std::string::npos)
      << world.daemon_log();
  EXPECT_EQ(world.admin("status").at("accounts")[0].at("ready"), false);
  const json streams = world.admin("status").at("streams");
  EXPECT_TRUE(std::any_of(streams.begin(), streams.end(), [](const json& row) {
    return row.at("account") == "main" && row.at("reason") == "credential_missing";
  })) << streams;
  EXPECT_EQ(world.admin("orders.cancel_all").at("affected"), 0);

  // When the keys are put, each by the operator's tool
  const auto put = [&](const std::string& part, const std::string& file) {
    Process ctl{{world.binary("halcyonctl"), "--socket", world.path("admin.sock"), "credentials",
                 "put", "main", part, "--file", file, "--reason", "first keys"},
                world.path("ctl.log")};
    ASSERT_EQ(ctl.wait(patience), 0) << text_of(world.path("ctl.log"));
  };
  put("api_key", world.path("key/api_key"));
  put("private_key", world.path("key/ed25519.pem"));
  // And the daemon is killed and started again
  world.daemon().kill();
  world.start_daemon();
  // Then the account trades
  world.wait_ready();

  // When all of it is sealed anew and the daemon killed at once
  EXPECT_EQ(world.admin("credentials.rotate").at("affected"), 2);
  world.daemon().kill();
  world.start_daemon();
  world.wait_ready();
  const auto listed = world.admin("credentials.list");
  for (const auto& row : listed.at("credentials")) {
    EXPECT_EQ(row.at("key_version"), 2) << row;
  }
  const std::string api_key = text_of(world.path("key/api_key"));
  const std::string trimmed = api_key.substr(0, api_key.find_last_not_of("\r\n") + 1);
  // And it trades with them, into snapshots and out of them
  ASSERT_TRUE(wait_until([&] { return world.admin("status")["fills"]["booked"] > 0; }, patience))
      << world.daemon_log();
  world.admin("snapshot");
  for (const auto& words : world.disagreements()) ADD_FAILURE() << words;
  world.admin("shutdown");
  ASSERT_EQ(world.daemon().wait(patience), 0);

  // Then PostgreSQL shows what the journal has
  const Rows rows = query(world.dsn(),
                          "SELECT name, part, key_version, key_prefix FROM halcyon.credentials "
                          "ORDER BY part");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0][0], "main");
  EXPECT_EQ(rows[0][1], "api_key");
  EXPECT_EQ(rows[0][2], "2");
  EXPECT_EQ(rows[0][3], trimmed.substr(0, 4));
  EXPECT_FALSE(rows[1][3]);
  EXPECT_EQ(query_value(world.dsn(),
                        "SELECT count(*) FROM halcyon.audit_log "
                        "WHERE action = 'put_credentials' AND text LIKE 'first keys [admin%'"),
            "2");
  // And no file of the daemon or of PostgreSQL holds a secret: journal, snapshots, capture, log,
  // rows, their log
  const std::vector<std::string> secrets{trimmed, key_of(text_of(world.path("key/ed25519.pem")))};
  for (const auto& secret : secrets) ASSERT_GT(secret.size(), 30U);
  const std::string directory = std::filesystem::path{world.path("data")}.parent_path();
  std::size_t looked_at = 0;
  // The keys' own files, and the simulator's list of its accounts, hold them.
  const std::vector<std::string> apart{world.path("key/api_key"), world.path("key/ed25519.pem")};
  for (const auto& file : holders(directory, secrets, apart, looked_at)) {
    ADD_FAILURE() << file << " holds a secret";
  }
  EXPECT_GT(looked_at, 5U);
  looked_at = 0;
  for (const auto& file : holders(PostgresServer::shared().directory(), secrets, {}, looked_at)) {
    ADD_FAILURE() << file << " holds a secret";
  }
  EXPECT_GT(looked_at, 500U);
  // Which would have been found
  std::size_t ignored = 0;
  EXPECT_EQ(holders(directory, secrets, {}, ignored).size(), 2U);
  if (HasFailure()) std::fprintf(stderr, "%s", world.daemon_log().c_str());
}

}  // namespace
}  // namespace halcyon::tests
