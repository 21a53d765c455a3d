// Any bytes as a capture: the reader refuses them with words or understands them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "persistence/capture.h"
#include "persistence/crc32c.h"
#include "persistence/encoding.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace halcyon;
  using namespace halcyon::persistence;
  std::string words;
  (void)CaptureReader::parse({data, size}, words);
  // An event by itself, without a checksum in the way
  domain::Event event;
  std::size_t used = 0;
  if (get_event({data, size}, event, used).empty()) {
    if (used > size) std::abort();
    std::vector<std::uint8_t> again(event_bytes(event));
    if (put_event(again.data(), event) != again.data() + again.size()) std::abort();
  }
  if (size < capture_header_bytes + capture_block_header_bytes) return 0;
  std::vector<std::uint8_t> bytes{data, data + size};
  const auto put = [&](std::size_t at, auto value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  };
  std::memcpy(bytes.data(), "HALCYONC", 8);
  put(8, capture_version);
  const std::span<const std::uint8_t> all{bytes};
  put(60, crc32c(all.first(60)));
  // One block that is the rest
  const std::size_t block = capture_header_bytes;
  put(block, static_cast<std::uint32_t>(size - block - capture_block_header_bytes));
  put(block + 20,
      crc32c(all.subspan(block + capture_block_header_bytes), crc32c(all.subspan(block, 20))));
  const auto events = CaptureReader::parse(bytes, words);
  if (!words.empty() && !events.empty()) std::abort();
  return 0;
}
