#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/daemon/admin/fixture.h"

namespace halcyon::daemon {
namespace {

using namespace test;
using testing::HasSubstr;
using testing::Not;

const std::string unit = HALCYON_SOURCE_DIR "/systemd/halcyond.service";

std::string read(const std::string& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

TEST(UnitFile, TheExposureIsAsLowAsPromised) {
  const std::string analyze = find_program("systemd-analyze");
  if (analyze.empty()) GTEST_SKIP() << "systemd-analyze is not installed";
  const Ended ended = run({analyze, "security", "--offline=true", "--no-pager", unit}, nullptr);
  std::smatch found;
  ASSERT_TRUE(
      std::regex_search(ended.out, found, std::regex{R"(Overall exposure level.*: (\d+\.\d))"}))
      << ended.out << ended.err;
  EXPECT_LE(std::stod(found[1]), 1.5);
}

TEST(UnitFile, SystemdUnderstandsEveryLine) {
  const std::string analyze = find_program("systemd-analyze");
  if (analyze.empty()) GTEST_SKIP() << "systemd-analyze is not installed";
  // Given the unit as installed, with programs that exist
  const TemporaryDirectory directory;
  std::string text = read(unit);
  const std::string program = "/usr/bin/halcyond";
  for (std::size_t at = text.find(program); at != std::string::npos; at = text.find(program)) {
    text.replace(at, program.size(), "/bin/true");
  }
  const std::string copy = directory.path() + "/halcyond.service";
  std::ofstream{copy} << text;
  const Ended ended = run({analyze, "verify", "--man=no", copy}, nullptr);
  EXPECT_THAT(ended.out + ended.err, Not(HasSubstr("halcyond.service")));
}

TEST(UnitFile, SaysReadyIsFedByTheEngineAndTakesKeysAsCredentials) {
  const std::string text = read(unit);
  for (const char* line : {"\nType=notify\n", "\nWatchdogSec=", "\nRestart=on-failure\n",
                           "\nLoadCredential=api_key_file", "\nLoadCredential=private_key_file",
                           "\nStateDirectory=halcyon\n", "\nRuntimeDirectory=halcyon\n",
                           "\nRestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX\n",
                           "\nMemoryDenyWriteExecute=yes\n", "\nLimitMEMLOCK="}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

}  // namespace
}  // namespace halcyon::daemon
