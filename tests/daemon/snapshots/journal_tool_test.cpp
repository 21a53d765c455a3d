// halcyonctl journal: the files themselves, with and without a daemon.

#include "daemon/journal_tool.h"

#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "persistence/journal_dump.h"
#include "persistence/snapshot.h"
#include "tests/daemon/snapshots/day.h"

namespace halcyon::daemon {
namespace {

using nlohmann::json;
using testing::Day;
using ::testing::HasSubstr;

struct Ran {
  int exit_code = -1;
  std::string output;
  std::vector<std::string> lines;
};

/// The real program, both of its outputs together.
Ran ctl(const std::string& words) {
  const std::string command =
      std::string{HALCYON_BINARY_DIR} + "/bin/halcyonctl " + words + " 2>&1";
  Ran ran;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 65536> buffer{};
  for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    ran.output.append(buffer.data(), got);
  }
  const int status = ::pclose(pipe);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  std::size_t start = 0;
  for (std::size_t end = 0; (end = ran.output.find('\n', start)) != std::string::npos;) {
    ran.lines.push_back(ran.output.substr(start, end - start));
    start = end + 1;
  }
  return ran;
}

TEST(JournalTool, VerifyCountsAndFindsDamage) {
  Day day;
  day.live();
  // Also while it is written
  const Ran intact = ctl("--json journal verify " + day.journal());
  EXPECT_EQ(intact.exit_code, 0) << intact.output;
  const json found = json::parse(intact.output);
  EXPECT_EQ(found.at("intact"), true);
  EXPECT_EQ(found.at("last_sequence"), day.last_sequence());
  EXPECT_EQ(found.at("snapshots"), 0);
  const std::string people = ctl("journal verify " + day.journal()).output;
  EXPECT_THAT(people, HasSubstr("last_sequence"));
  day.close();
  // The data_dir does as well
  const std::string above = std::filesystem::path{day.journal()}.parent_path();
  EXPECT_EQ(ctl("journal verify " + above).exit_code, 0);
  // When a byte in the middle is flipped
  const std::string file = day.journal() + "/00000000000000000001.hjl";
  auto bytes = persistence::testing::read_file(file);
  bytes[3000] ^= 1;
  persistence::testing::write_file(file, bytes);
  const Ran damaged = ctl("journal verify " + day.journal());
  EXPECT_EQ(damaged.exit_code, 1);
  EXPECT_THAT(damaged.output, HasSubstr(file));
  EXPECT_THAT(damaged.output, HasSubstr("backup"));
}

TEST(JournalTool, DumpPrintsEveryFrameAsALineOfJson) {
  Day day;
  day.live();
  const Ran all = ctl("journal dump " + day.journal());
  EXPECT_EQ(all.exit_code, 0);
  ASSERT_EQ(all.lines.size(), day.last_sequence());
  const auto reader = persistence::JournalReader::open(day.journal(), 0);
  persistence::FrameView frame;
  for (const std::string& line : all.lines) {
    ASSERT_TRUE(reader->next(frame));
    EXPECT_EQ(line, persistence::dump_json(frame));
  }
  const Ran some = ctl("journal dump " + day.journal() + " --after 10 --limit 3");
  ASSERT_EQ(some.lines.size(), 3U);
  EXPECT_EQ(json::parse(some.lines[0]).at("sequence"), 11);
  const Ran none = ctl("journal dump " + day.journal() + " --after 99999");
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.output, HasSubstr("and 99999 was asked for"));
  EXPECT_EQ(ctl("journal dump /nowhere").exit_code, 1);
}

TEST(JournalTool, TailFollowsWhatIsWritten) {
  Day day;
  day.live();
  const std::uint64_t before = day.last_sequence();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  std::FILE* out = ::fdopen(ends[1], "w");
  std::FILE* in = ::fdopen(ends[0], "r");
  std::atomic<bool> is_stopped{false};
  JournalTask task;
  task.verb = JournalTask::Verb::tail;
  task.directory = day.journal();
  task.after = before - 2;
  std::thread follower{[&] { run_journal_task(task, out, [&] { return is_stopped.load(); }); }};
  std::array<char, 65536> line{};
  const auto next = [&] {
    return json::parse(std::fgets(line.data(), static_cast<int>(line.size()), in)).at("sequence");
  };
  // What was asked for comes first
  EXPECT_EQ(next(), before - 1);
  EXPECT_EQ(next(), before);
  // And then what is new
  day.step({6, 0});
  day.step({9, 3});
  for (std::uint64_t sequence = before + 1; sequence <= day.last_sequence(); ++sequence) {
    EXPECT_EQ(next(), sequence);
  }
  is_stopped = true;
  follower.join();
  std::fclose(out);
  std::fclose(in);
}

TEST(JournalTool, WithoutADirectoryAndADaemonSaysWhatToDo) {
  const Ran ran = ctl("--socket /nowhere/admin.sock journal dump");
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_THAT(ran.output, HasSubstr("name the directory"));
}

}  // namespace
}  // namespace halcyon::daemon
