#include "recording.h"

#include <array>
#include <fstream>
#include <iterator>

#include <zlib.h>

namespace halcyon::engine::testing {

namespace {

std::optional<Recording> read_from(const std::string& directory) {
  const std::string path = directory + "/btcusdt_spot_20240808_346s.txt.gz";
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return std::nullopt;
  std::string text;
  std::array<char, 1 << 16> block{};
  for (int size = 0; (size = gzread(file, block.data(), block.size())) > 0;) {
    text.append(block.data(), static_cast<std::size_t>(size));
  }
  gzclose(file);
  std::ifstream expected{directory + "/expected_replay.json"};
  if (!expected) return std::nullopt;
  Recording made;
  made.expected.assign(std::istreambuf_iterator<char>{expected}, {});
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    made.lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return made;
}

}  // namespace

const std::optional<Recording>& recording() {
  static const std::optional<Recording> read = [] {
    const std::string source = HALCYON_SOURCE_DIR;
    auto found = read_from(source + "/tests/data/binance");
    if (!found) found = read_from(source + "/../shared/fixtures/binance/recorded");
    return found;
  }();
  return read;
}

}  // namespace halcyon::engine::testing
