// Writes a journal of every record and input to DIRECTORY, its dump to DIRECTORY/expected.jsonl,
// and each frame by itself to SEEDS: how tests/data/journal/v<N> and its fuzz seeds were made.
// A version is frozen when it ships; later daemons must read it for ever, so never run this over an
// old one.
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "persistence/encoding.h"
#include "persistence/journal_dump.h"
#include "tests/persistence/journal/frozen.h"
#include "tests/persistence/journal/frozen_orders.h"

int main(int count, char** arguments) {
  using namespace halcyon::persistence;
  if (count != 3 && count != 4) {
    std::fprintf(stderr, "write_frozen_journal DIRECTORY SEEDS [orders]\n");
    return 2;
  }
  const bool is_orders = count == 4;
  const auto frozen = is_orders ? testing::frozen_orders : testing::frozen;
  const std::uint64_t frames = is_orders ? testing::frozen_orders_frames : testing::frozen_frames;
  const std::string directory = arguments[1];
  const std::string seeds = arguments[2];
  std::filesystem::create_directories(seeds);
  {
    const auto journal = testing::open_journal(directory, 4096);
    while (journal->last_sequence() < frames) {
      const auto content = frozen(journal->last_sequence() + 1);
      if (!testing::append(*journal, content) && journal->prepare() == 0) return 1;
    }
  }
  std::filesystem::remove(directory + "/lock");
  std::ofstream expected{directory + "/expected.jsonl"};
  const auto reader = JournalReader::open(directory, 0);
  FrameView frame;
  while (reader->next(frame)) expected << dump_json(frame) << '\n';
  for (std::uint64_t number = 1; number <= 16; ++number) {
    const auto content = frozen(number);
    const auto entries = content.entries();
    std::vector<std::uint8_t> bytes(frame_bytes(content.input, content.remark, entries));
    const std::uint32_t length =
        put_frame(bytes.data(), {number, number - 1, content.input.received}, content.input,
                  content.remark, entries);
    std::memcpy(bytes.data(), &length, sizeof length);
    std::ofstream seed{seeds + (is_orders ? "/orders-" : "/frame-") + std::to_string(number),
                       std::ios::binary};
    seed.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  return 0;
}
