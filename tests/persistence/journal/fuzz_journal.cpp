// Any bytes as a frame: the reader refuses them with words or understands them, and what it
// understands it writes again so that it reads the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "persistence/encoding.h"
#include "persistence/fields.h"
#include "persistence/journal_dump.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace halcyon;
  using namespace halcyon::persistence;
  std::vector<std::uint8_t> frame{data, data + size};
  FrameDecoder decoder;
  FrameView view;
  if (!decoder.decode(frame, view).empty() && size >= frame_header_bytes) {
    // The checksum would keep almost everything out: give it the right one.
    const auto length = static_cast<std::uint32_t>(size);
    std::memcpy(frame.data(), &length, sizeof length);
    const std::uint32_t crc = frame_crc(frame);
    std::memcpy(frame.data() + 4, &crc, sizeof crc);
    if (!decoder.decode(frame, view).empty()) return 0;
  } else if (size < frame_header_bytes) {
    return 0;
  }
  if (dump_json(view).empty()) std::abort();
  if (view.is_dictionary) return 0;

  domain::Event input = view.input;
  if (!view.has_input) input.what = domain::Time{};
  if (view.has_input && domain::is_market(input)) return 0;  // a journal holds none of these
  std::vector<std::uint8_t> again(frame_bytes(input, view.remark, view.records));
  const std::uint32_t length =
      put_frame(again.data(), {view.sequence, 0, view.received}, input, view.remark, view.records);
  if (length != again.size()) std::abort();
  std::memcpy(again.data(), &length, sizeof length);
  FrameDecoder second;
  FrameView copy;
  if (!second.decode(again, copy).empty()) std::abort();
  if (copy.remark != view.remark || copy.records.size() != view.records.size() ||
      copy.sequence != view.sequence || copy.has_input != view.has_input ||
      (view.has_input && !is_same(copy.input.what, view.input.what))) {
    std::abort();
  }
  for (std::size_t index = 0; index < view.records.size(); ++index) {
    if (!is_same(copy.records[index].record, view.records[index].record) ||
        copy.records[index].text != view.records[index].text) {
      std::abort();
    }
  }
  return 0;
}
