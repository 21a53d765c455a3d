#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace halcyon::house {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

// ---- The table: which room may include which. The only place where it stands in code. ----

using Rooms = std::set<std::string>;
const std::map<std::string, Rooms> may_include = {
    {"domain", {}},
    {"config", {"domain"}},
    {"risk", {"domain", "config"}},
    {"strategy", {"domain", "config"}},
    {"gateways", {"domain", "config"}},
    {"persistence", {"domain", "config"}},
    {"engine", {"domain", "config", "risk", "strategy"}},
    {"simulation", {"domain", "config", "engine"}},
    {"daemon",
     {"domain", "config", "risk", "strategy", "gateways", "persistence", "engine", "simulation"}},
    // They look at every room; nobody looks at them.
    {"tests",
     {"domain", "config", "risk", "strategy", "gateways", "persistence", "engine", "simulation",
      "daemon", "bench"}},
    {"bench",
     {"domain", "config", "risk", "strategy", "gateways", "persistence", "engine", "simulation",
      "daemon"}},
};

/// Beast takes half a minute to compile: this many files of the product may, and no header.
constexpr std::size_t max_beast_files = 3;

// ---- Looking at the tree ----

const fs::path root = HALCYON_SOURCE_DIR;

bool is_code(const fs::path& file) {
  return file.extension() == ".h" || file.extension() == ".cpp";
}

/// Every file of the project, without what git or a build put there.
std::vector<fs::path> all_files() {
  static const std::set<std::string> foreign = {".git", "build", ".cache", "compile_commands.json"};
  std::vector<fs::path> files;
  for (const fs::directory_entry& top : fs::directory_iterator{root}) {
    if (foreign.contains(top.path().filename().string())) continue;
    if (!top.is_directory()) {
      files.push_back(top.path());
      continue;
    }
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator{top.path()}) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string read(const fs::path& file) {
  std::ifstream stream{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

std::string shown(const fs::path& file) { return fs::relative(file, root).string(); }

std::string room_of(const fs::path& file) { return fs::relative(file, root).begin()->string(); }

struct Include {
  std::size_t line = 0;
  bool angled = false;
  std::string name;
};

std::vector<Include> includes(std::string_view text) {
  static const std::regex pattern{R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])"};
  std::vector<Include> found;
  std::istringstream stream{std::string{text}};
  std::size_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    std::smatch match;
    if (std::regex_search(line, match, pattern)) {
      found.push_back({number, match[1] == "<", match[2]});
    }
  }
  return found;
}

/// What a file's includes break of the table, one line each.
std::vector<std::string> broken_includes(const std::string& room, const std::string& file,
                                         std::string_view text) {
  std::vector<std::string> broken;
  for (const Include& include : includes(text)) {
    const std::string where = file + ':' + std::to_string(include.line) + ": ";
    if (include.angled) {
      // The domain stands on the standard library alone, whose headers have no '/' and no '.'.
      if (room == "domain" && include.name.find_first_of("/.") != std::string::npos) {
        broken.push_back(where + "domain includes <" + include.name + ">; it may include std only");
      }
      continue;
    }
    // A test may call what stands beside it by its bare name; nobody else looks at it.
    if (room == "tests" && fs::exists((root / file).parent_path() / include.name)) continue;
    const std::string target = include.name.substr(0, include.name.find('/'));
    if (!may_include.contains(target) || target == include.name) {
      broken.push_back(where + '"' + include.name + "\" does not start with a room");
    } else if (target != room && !may_include.at(room).contains(target)) {
      broken.push_back(where + room + " may not include " + target);
    } else if (!fs::exists(root / include.name)) {
      broken.push_back(where + '"' + include.name + "\" is not there");
    }
  }
  return broken;
}

// ---- The tests ----

TEST(House, LooksAtARealTree) {
  // A test that finds nothing to look at would find nothing wrong.
  EXPECT_TRUE(fs::exists(root / "domain/decimal.h"));
  EXPECT_GT(all_files().size(), 50U);
  for (const auto& [room, others] : may_include) EXPECT_FALSE(others.contains(room)) << room;
}

TEST(House, SeesAnIncludeThatPointsUpwards) {
  const auto broken = [](const std::string& room, std::string_view text) {
    return broken_includes(room, "some.h", text);
  };
  EXPECT_THAT(broken("risk", "#include \"domain/order.h\"\n#include <vector>\n"), IsEmpty());
  EXPECT_THAT(broken("risk", "#include \"engine/engine.h\"\n"), SizeIs(1));
  EXPECT_THAT(broken("simulation", "  #  include \"gateways/session.h\"\n"), SizeIs(1));
  EXPECT_THAT(broken("domain", "#include <fmt/core.h>\n"), SizeIs(1));
  EXPECT_THAT(broken("engine", "#include \"engine.h\"\n"), SizeIs(1));
  EXPECT_THAT(broken("engine", "#include \"common/util.h\"\n"), SizeIs(1));
  EXPECT_THAT(broken("engine", "#include \"engine/no_such_file.h\"\n"), SizeIs(1));
  EXPECT_THAT(broken("domain", "#include \"tests/x.h\"\n"), SizeIs(1));
}

TEST(House, IncludesPointDownwardsOnly) {
  std::vector<std::string> broken;
  for (const fs::path& file : all_files()) {
    if (!is_code(file)) continue;
    const std::string room = room_of(file);
    if (!may_include.contains(room)) {
      broken.push_back(shown(file) + ": code outside the rooms");
      continue;
    }
    for (std::string& line : broken_includes(room, shown(file), read(file))) {
      broken.push_back(std::move(line));
    }
  }
  EXPECT_THAT(broken, IsEmpty());
}

TEST(House, CompilesBeastInFewFilesAndNoHeader) {
  std::set<std::string> beast;
  for (const fs::path& file : all_files()) {
    const std::string room = room_of(file);
    if (!is_code(file) || room == "tests" || room == "bench") continue;
    for (const Include& include : includes(read(file))) {
      if (!include.name.starts_with("boost/beast")) continue;
      beast.insert(shown(file));
      EXPECT_NE(file.extension(), ".h") << shown(file) << " brings Beast to all who include it";
    }
  }
  EXPECT_THAT(beast, SizeIs(Le(max_beast_files)));
}

TEST(House, EveryRoomSaysWhatItIsForFirst) {
  for (const auto& [room, others] : may_include) {
    if (!fs::exists(root / room)) continue;
    const fs::path file = root / room / "CMakeLists.txt";
    ASSERT_TRUE(fs::exists(file)) << room << " has no CMakeLists.txt";
    EXPECT_TRUE(read(file).starts_with("# " + room + ": "))
        << shown(file) << " must begin with \"# " << room << ": \" and the room's sentence";
  }
}

TEST(House, EveryHeaderIsIncludedOnce) {
  for (const fs::path& file : all_files()) {
    if (file.extension() != ".h") continue;
    EXPECT_TRUE(read(file).starts_with("#pragma once\n")) << shown(file);
  }
}

/// Text, as far as this house is concerned: what has no zero byte.
bool is_text(std::string_view content) { return content.find('\0') == std::string_view::npos; }

TEST(House, EveryTextEndsWithItsLine) {
  for (const fs::path& file : all_files()) {
    // Recorded data stand as they came.
    if (shown(file).starts_with("tests/data/") ||
        shown(file).find("/corpus") != std::string::npos) {
      continue;
    }
    const std::string content = read(file);
    if (content.empty() || !is_text(content)) continue;
    EXPECT_EQ(content.back(), '\n') << shown(file);
    EXPECT_EQ(content.find('\r'), std::string::npos) << shown(file) << " has a carriage return";
  }
}

TEST(House, NamesNoMachineAndLeavesNothingForLater) {
  // Put together here, so that this file does not name them itself.
  const std::vector<std::string> places = {std::string{"/wo"} + "rk/", std::string{"/ho"} + "me/",
                                           std::string{"/ro"} + "ot/"};
  const std::vector<std::string> later = {std::string{"TO"} + "DO", std::string{"FIX"} + "ME"};
  const auto line_with = [](const std::string& content, std::size_t at) {
    return std::count(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1;
  };
  for (const fs::path& file : all_files()) {
    const std::string content = read(file);
    if (!is_text(content)) continue;
    for (const std::string& place : places) {
      // A path begins with its slash: "tests/home/" is no machine's.
      for (std::size_t at = content.find(place); at != std::string::npos;
           at = content.find(place, at + 1)) {
        const char before = at == 0 ? ' ' : content[at - 1];
        const bool inside_a_path = std::isalnum(static_cast<unsigned char>(before)) != 0 ||
                                   before == '.' || before == '_' || before == '-' ||
                                   before == '}' || before == ')';
        EXPECT_TRUE(inside_a_path)
            << shown(file) << ':' << line_with(content, at) << ": names a place on one machine";
      }
    }
    if (!is_code(file)) continue;
    for (const std::string& word : later) {
      const std::size_t at = content.find(word);
      EXPECT_EQ(at, std::string::npos)
          << shown(file) << ':' << line_with(content, std::min(at, content.size()))
          << ": leaves something for later";
    }
  }
}

}  // namespace
}  // namespace halcyon::house
