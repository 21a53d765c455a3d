// Any bytes, in any pieces: the reader neither crashes nor reads what is not its own, and the
// pieces do not change what it hands out.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "gateways/transport/websocket.h"

namespace {

using halcyon::gateways::Frame;
using halcyon::gateways::transport::FrameReader;

constexpr std::size_t max_message = 4096;

std::string take(std::string_view bytes, std::size_t piece) {
  FrameReader reader{max_message, 0};
  std::string seen;
  while (!bytes.empty()) {
    const auto room = reader.prepare();
    const std::size_t size = std::min({bytes.size(), room.size(), piece});
    std::copy_n(bytes.data(), size, room.data());
    reader.commit(size);
    bytes.remove_prefix(size);
    for (;;) {
      Frame frame;
      const FrameReader::Item item = reader.next(frame);
      if (item == FrameReader::Item::none) break;
      seen += static_cast<char>('0' + static_cast<int>(item));
      if (item == FrameReader::Item::close || item == FrameReader::Item::error) {
        seen += std::to_string(reader.close_code()) + reader.why();
      } else {
        if (frame.size > max_message) std::abort();
        seen.append(frame.data, frame.size);
        // simdjson may read so far.
        for (std::size_t i = 0; i < Frame::padding; ++i) {
          volatile char byte = frame.data[frame.size + i];
          static_cast<void>(byte);
        }
      }
      seen += '\n';
    }
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0];
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  if (take(bytes, piece) != take(bytes, size)) std::abort();
  return 0;
}
