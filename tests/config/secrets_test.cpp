#include "config/secrets.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <stdlib.h>

namespace halcyon::config {
namespace {

/// A directory of systemd credentials for the length of a test.
class Secrets : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "halcyon_secrets_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    ::setenv("CREDENTIALS_DIRECTORY", directory_.c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("CREDENTIALS_DIRECTORY");
    std::filesystem::remove_all(directory_);
  }
  std::string put(const std::string& name) const {
    std::ofstream{directory_ / name} << "secret";
    return directory_ / name;
  }
  std::filesystem::path directory_;
};

TEST_F(Secrets, AConfiguredFileWins) {
  put("api_key_file");
  EXPECT_EQ(resolve_secret_file("main", "api_key_file", "/etc/key"), "/etc/key");
}

TEST_F(Secrets, TheAccountsOwnCredentialComesBeforeTheCommonOne) {
  const std::string common = put("api_key_file");
  EXPECT_EQ(resolve_secret_file("main", "api_key_file", ""), common);
  const std::string own = put("main.api_key_file");
  EXPECT_EQ(resolve_secret_file("main", "api_key_file", ""), own);
  EXPECT_EQ(resolve_secret_file("other", "api_key_file", ""), common);
}

TEST_F(Secrets, ThereIsNoneWhereNothingIsThere) {
  EXPECT_EQ(resolve_secret_file("main", "api_key_file", ""), "");
  std::filesystem::create_directory(directory_ / "api_key_file");
  EXPECT_EQ(resolve_secret_file("main", "api_key_file", ""), "") << "a directory is no secret";
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_EQ(resolve_secret_file("main", "api_key_file", ""), "");
}

}  // namespace
}  // namespace halcyon::config
