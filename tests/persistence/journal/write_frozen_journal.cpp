// Writes a journal of every record and input to DIRECTORY, its dump to DIRECTORY/expected.jsonl,
// and each frame by itself to SEEDS: how tests/data/journal/v<N> and its fuzz seeds were made.
// With the word `snapshot`: a snapshot of all their records beside the journal of the last one. A
// version is frozen when it ships; later daemons must read it for ever, so never run this over an
// old one.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include "persistence/encoding.h"
#include "persistence/journal_dump.h"
#include "persistence/snapshot.h"
#include "tests/persistence/journal/frozen_sets.h"

namespace {

using namespace halcyon::persistence;

int write_journal(const testing::FrozenSet& set, const std::string& directory,
                  const std::string& seeds) {
  std::filesystem::create_directories(seeds);
  {
    const auto journal = testing::open_journal(directory, 4096);
    while (journal->last_sequence() < set.frames) {
      const auto content = set.content(journal->last_sequence() + 1);
      if (!testing::append(*journal, content) && journal->prepare() == 0) return 1;
    }
  }
  std::filesystem::remove(directory + "/lock");
  std::ofstream expected{directory + "/expected.jsonl"};
  const auto reader = JournalReader::open(directory, 0);
  FrameView frame;
  while (reader->next(frame)) expected << dump_json(frame) << '\n';
  for (std::uint64_t number = 1; number <= std::min<std::uint64_t>(set.frames, 16); ++number) {
    const auto content = set.content(number);
    const auto entries = content.entries();
    std::vector<std::uint8_t> bytes(frame_bytes(content.input, content.remark, entries));
    const std::uint32_t length =
        put_frame(bytes.data(), {number, number - 1, content.input.received}, content.input,
                  content.remark, entries);
    std::memcpy(bytes.data(), &length, sizeof length);
    std::ofstream seed{seeds + "/" + set.seed + "-" + std::to_string(number), std::ios::binary};
    seed.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  return 0;
}

int write_all_records(const std::string& directory) {
  testing::open_journal(directory, 4096);
  const auto contents = testing::every_frozen_content();
  std::vector<halcyon::domain::RecordEntry> state;
  for (const auto& content : contents) {
    for (const auto& entry : content.entries()) state.push_back(entry);
  }
  write_snapshot(directory, testing::frozen_snapshot_head(), state, testing::frozen_view);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 3 && std::string_view{arguments[2]} == "snapshot") {
    return write_all_records(arguments[1]);
  }
  const std::string_view name = count == 4 ? arguments[3] : "";
  const auto set = std::find_if(std::begin(testing::frozen_sets), std::end(testing::frozen_sets),
                                [&](const auto& one) { return one.name == name; });
  if ((count != 3 && count != 4) || set == std::end(testing::frozen_sets)) {
    std::fprintf(stderr,
                 "write_frozen_journal DIRECTORY SEEDS [orders|credentials]\n"
                 "write_frozen_journal DIRECTORY snapshot\n");
    return 2;
  }
  return write_journal(*set, arguments[1], arguments[2]);
}
