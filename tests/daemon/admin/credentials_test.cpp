// Secrets over the admin socket: sealed before there is an event, and never said again.

#include "daemon/credentials.h"

#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "domain/credential.h"
#include "persistence/master_keys.h"
#include "tests/daemon/admin/fixture.h"

namespace halcyon::daemon {
namespace {

using namespace test;
using domain::CredentialPart;
using nlohmann::json;
using persistence::MasterKeys;
using testing::HasSubstr;
using testing::Not;

const std::string api_key = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
const std::string pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMD\n";

/// A daemon with a master key, and an engine that records what is put.
struct Sealing : testing::Test {
  TemporaryDirectory keys;
  std::string key_file = keys.path() + "/master.key";
  std::optional<Daemon> daemon;
  std::optional<Client> client;

  void SetUp() override {
    MasterKeys::create(key_file);
    config::Config settings = sample_config();
    settings.credentials.master_key_file = key_file;
    settings.accounts[0].credential = "main";
    daemon.emplace(settings);
    daemon->decides = [](const domain::Command& command, std::string_view remark) {
      decltype(Frame::records) records;
      const auto& put = std::get<domain::PutCredentials>(command.what);
      for (std::uint32_t index = 0; index < put.count; ++index) {
        const std::size_t end = remark.find('\n');
        records.emplace_back(domain::CredentialChanged{}, std::string{remark.substr(0, end)});
        remark.remove_prefix(end + 1);
      }
      return records;
    };
    client.emplace(*daemon);
  }
  std::string ask(const std::string& method, const json& params = json::object()) {
    const json request{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}};
    return client->ask(request.dump());
  }
  json put(const std::string& part, const std::string& value) {
    return json::parse(
        ask("credentials.put",
            {{"name", "main"}, {"part", part}, {"value", value}, {"reason", "a new key"}}));
  }
  json list() { return json::parse(ask("credentials.list")).at("result").at("credentials"); }
  /// What the model has of one, opened.
  std::string opened(CredentialPart part) {
    const auto& known = daemon->loop->model().credentials();
    const auto row = known.find({"main", part});
    if (row == known.end()) return "(none)";
    std::string words;
    const auto secret = MasterKeys::load(key_file).open(
        domain::parse_credential(row->second.text).value(), {}, words);
    return secret ? std::string{secret->text()} : words;
  }
  std::vector<std::uint32_t> versions() {
    std::vector<std::uint32_t> found;
    for (const auto& row : list()) found.push_back(row.at("key_version"));
    return found;
  }
};

TEST_F(Sealing, PutsCiphertextIntoTheEventAndShowsThePrefixOnly) {
  const json answer = put("api_key", api_key);
  ASSERT_EQ(answer.value("error", json{}), json{}) << answer;
  EXPECT_EQ(put("private_key", pem).value("error", json{}), json{});
  // Then what went to the engine is a sealed line and the reason
  ASSERT_EQ(daemon->submitted.size(), 2U);
  for (const auto& [event, remark] : daemon->submitted) {
    EXPECT_THAT(remark, HasSubstr("\na new key [admin socket, uid "));
    EXPECT_THAT(remark, Not(HasSubstr(api_key.substr(4))));
    EXPECT_THAT(remark, Not(HasSubstr("BEGIN")));
  }
  EXPECT_EQ(opened(CredentialPart::api_key), api_key);
  EXPECT_EQ(opened(CredentialPart::private_key), pem);
  // And a list shows what may be shown
  const json rows = list();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].at("part"), "api_key");
  EXPECT_EQ(rows[0].at("prefix"), "vmPU");
  EXPECT_EQ(rows[0].at("key_version"), 1);
  EXPECT_EQ(rows[0].at("accounts"), json::array({"main"}));
  EXPECT_EQ(rows[1].at("prefix"), json{});
  EXPECT_THAT(rows.dump(), Not(HasSubstr(api_key.substr(4))));
}

TEST_F(Sealing, RotatesAllUnderANewVersionWithOneCommand) {
  put("api_key", api_key);
  put("private_key", pem);
  const json answer = json::parse(ask("credentials.rotate"));
  ASSERT_EQ(answer.value("error", json{}), json{}) << answer;
  EXPECT_EQ(daemon->submitted.size(), 3U);
  EXPECT_EQ(versions(), (std::vector<std::uint32_t>{2, 2}));
  EXPECT_EQ(opened(CredentialPart::api_key), api_key);
  EXPECT_EQ(opened(CredentialPart::private_key), pem);
  // The old key is not needed any more: without its line everything opens
  std::ifstream in{key_file};
  std::string first;
  std::string second;
  std::getline(in, first);
  std::getline(in, second);
  std::ofstream{key_file} << second << "\n";
  EXPECT_EQ(opened(CredentialPart::api_key), api_key);
  ask("credentials.rotate");
  EXPECT_EQ(versions(), (std::vector<std::uint32_t>{3, 3}));
}

TEST_F(Sealing, GoesOnWithARotationThatWasCutShort) {
  put("api_key", api_key);
  put("private_key", pem);
  // Given a rotation that ends when the new key is in its file: the command never comes
  daemon->lane_is_full = true;
  EXPECT_THAT(ask("credentials.rotate"), HasSubstr("nothing happened"));
  daemon->lane_is_full = false;
  EXPECT_EQ(MasterKeys::load(key_file).newest(), 2U);
  // Then everything opens as before
  EXPECT_EQ(versions(), (std::vector<std::uint32_t>{1, 1}));
  EXPECT_EQ(opened(CredentialPart::api_key), api_key);
  // And the next one takes the key that is there
  ask("credentials.rotate");
  EXPECT_EQ(MasterKeys::load(key_file).newest(), 2U);
  EXPECT_EQ(versions(), (std::vector<std::uint32_t>{2, 2}));
}

TEST_F(Sealing, TakesOneChangeAtATime) {
  put("api_key", api_key);
  // Given a change that the engine has not answered yet
  daemon->engine_is_silent = true;
  const json request{{"jsonrpc", "2.0"},
                     {"id", 1},
                     {"method", "credentials.put"},
                     {"params", {{"name", "main"}, {"part", "api_key"}, {"value", "other-key"}}}};
  Client first{*daemon};
  first.send(request.dump() + "\n");
  ASSERT_TRUE(daemon->turn_until([&] { return daemon->submitted.size() == 2; }));
  // Then a rotation would bring the old secret back: refused
  EXPECT_THAT(ask("credentials.rotate"), HasSubstr("another change of credentials is under way"));
  EXPECT_EQ(daemon->submitted.size(), 2U);
  EXPECT_EQ(MasterKeys::load(key_file).newest(), 1U);
}

TEST_F(Sealing, RefusesWithWordsThatDoNotRepeatTheSecret) {
  struct Row {
    const char* name;
    json params;
    const char* words;
  };
  const std::string secret = "hush-hush-hush-hush";
  const Row rows[] = {
      {"the_secret_as_name", {{"name", secret}, {"part", "api_key"}, {"value", "x"}}, "name: must"},
      {"the_secret_as_part", {{"name", "main"}, {"part", secret}, {"value", "x"}}, "part: must"},
      {"the_secret_as_key",
       {{"name", "main"}, {"part", "api_key"}, {"value", "x"}, {secret, 1}},
       "takes name, part, value and reason"},
      {"no_value", {{"name", "main"}, {"part", "api_key"}}, "value: must be 1 to"},
      {"a_number",
       {{"name", "main"}, {"part", "api_key"}, {"value", 5}},
       "value: must be a string"},
      {"not_ascii",
       {{"name", "main"}, {"part", "api_key"}, {"value", secret + "\xC3\xBC"}},
       "value: must be"},
      {"too_long",
       {{"name", "main"}, {"part", "api_key"}, {"value", std::string(8193, 'h')}},
       "value: must be 1 to 8192"},
  };
  for (const Row& row : rows) {
    const std::string answer = ask("credentials.put", row.params);
    EXPECT_THAT(answer, HasSubstr(row.words)) << row.name;
    EXPECT_THAT(answer, Not(HasSubstr("hush"))) << row.name;
  }
  EXPECT_TRUE(daemon->submitted.empty());
  EXPECT_THAT(ask("credentials.rotate"), HasSubstr("there is no credential to seal anew"));
}

TEST_F(Sealing, NeedsAMasterKeyThatFits) {
  put("api_key", api_key);
  // Given another key in the place of the old one
  std::filesystem::remove(key_file);
  MasterKeys::create(key_file);
  EXPECT_THAT(ask("credentials.rotate"), HasSubstr("does not open with key version 1"));
  EXPECT_EQ(MasterKeys::load(key_file).newest(), 1U);
  // Or none
  std::filesystem::remove(key_file);
  EXPECT_THAT(ask("credentials.rotate"), HasSubstr("cannot be read"));
  const json answer = put("api_key", api_key);
  EXPECT_THAT(answer.dump(), HasSubstr("cannot be read"));
  EXPECT_EQ(daemon->submitted.size(), 1U);
}

TEST_F(Sealing, KeepsRoomForARotationOfAllInOneCommand) {
  const std::string large(MasterKeys::longest_secret, 'k');
  std::string last;
  int taken = 0;
  for (; taken < 20; ++taken) {
    last = ask("credentials.put",
               {{"name", "n" + std::to_string(taken)}, {"part", "private_key"}, {"value", large}});
    if (last.find("error") != std::string::npos) break;
  }
  EXPECT_EQ(taken, 4);
  EXPECT_THAT(last, HasSubstr("there is room for"));
  // What is there may be replaced, and all of it rotated
  EXPECT_THAT(ask("credentials.put", {{"name", "n0"}, {"part", "private_key"}, {"value", large}}),
              HasSubstr("accepted"));
  EXPECT_THAT(ask("credentials.rotate"), HasSubstr("accepted"));
  EXPECT_EQ(versions(), (std::vector<std::uint32_t>{2, 2, 2, 2}));
}

TEST(OpenedSecrets, AreFilesOfThisProcessUntilTheyGo) {
  std::string path;
  {
    OpenedSecrets opened;
    path = opened.add(pem);
    const std::string other = opened.add(api_key);
    const auto text = [](const std::string& file) {
      std::ifstream stream{file};
      return std::string(std::istreambuf_iterator<char>{stream}, {});
    };
    // As often as they are read
    EXPECT_EQ(text(path), pem);
    EXPECT_EQ(text(path), pem);
    EXPECT_EQ(text(other), api_key);
  }
  EXPECT_FALSE(std::ifstream{path}.is_open());
}

}  // namespace
}  // namespace halcyon::daemon
