// Any bytes as a snapshot: the reader refuses them with words or understands them, and never reads
// beyond them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "persistence/crc32c.h"
#include "persistence/encoding.h"
#include "persistence/snapshot.h"

namespace {

using namespace halcyon::persistence;

void look(std::vector<std::uint8_t> bytes) {
  std::string words;
  const auto snapshot = Snapshot::parse("fuzz", std::move(bytes), words);
  if ((snapshot == nullptr) == words.empty()) std::abort();
  if (snapshot == nullptr) return;
  snapshot->each([&](const auto& entry) {
    std::vector<std::uint8_t> again(record_bytes(entry));
    if (put_record(again.data(), entry) != again.data() + again.size()) std::abort();
  });
  PartReader part{snapshot->view()};
  while (part.is_good() && !part.is_at_end()) {
    if (part.number() % 2 == 0) {
      (void)part.text();
    } else {
      (void)part.record();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  look({data, data + size});
  // The checksums would keep almost everything out: give it the right ones.
  if (size < snapshot_header_bytes) return 0;
  std::vector<std::uint8_t> bytes{data, data + size};
  std::memcpy(bytes.data(), "HALCYONS", 8);
  const std::uint64_t body = size - snapshot_header_bytes;
  std::uint64_t state = 0;
  std::memcpy(&state, bytes.data() + 56, sizeof state);
  if (state > body) state %= body + 1;
  const std::uint64_t view = body - state;
  const auto put = [&](std::size_t at, auto value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  };
  put(8, snapshot_version);
  put(12, static_cast<std::uint32_t>(snapshot_header_bytes));
  put(56, state);
  put(64, view);
  // Each frame of the state too, as far as their lengths make sense.
  for (std::size_t at = snapshot_header_bytes; at + frame_header_bytes <= size - view;) {
    std::uint32_t length = 0;
    std::memcpy(&length, bytes.data() + at, sizeof length);
    if (length < frame_header_bytes || length > size - view - at) break;
    put(at + 4, frame_crc(std::span<const std::uint8_t>{bytes}.subspan(at, length)));
    at += aligned(length);
  }
  const std::span<const std::uint8_t> all{bytes};
  put(72, crc32c(all.subspan(snapshot_header_bytes)));
  put(124, crc32c(all.first(124)));
  look(std::move(bytes));
  return 0;
}
