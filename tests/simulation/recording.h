#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace halcyon::simulation::testing {

/// The recorded BTCUSDT session (nkaz001/hftbacktest, MIT): the project's copy, or the founders'
/// beside the project. Empty when neither is there; tests then skip.
inline std::filesystem::path recording() {
  for (const char* place :
       {HALCYON_SOURCE_DIR "/tests/data/binance/btcusdt_spot_20240808_346s.txt.gz",
        HALCYON_SOURCE_DIR
        "/../shared/fixtures/binance/recorded/btcusdt_spot_20240808_346s.txt.gz"}) {
    if (std::filesystem::exists(place)) return place;
  }
  return {};
}

inline std::string read_text(const std::filesystem::path& file) {
  std::ifstream input{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{input}, {}};
}

/// A recording of one second that can be read at a glance. The book is 99.98 1, 99.99 2 | 100.01 3,
/// 100.02 4 at update id 100.
inline constexpr const char* small_recording =
    R"(1000000000 {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1000,"s":"BTCUSDT","U":90,"u":95,"b":[["99.99","7"]],"a":[]}}
1000000000 {"stream":"btcusdt@bookTicker","data":{"u":97,"s":"BTCUSDT","b":"99.99","B":"7","a":"100.01","A":"3"}}
1050000000 {"lastUpdateId":100,"bids":[["99.99","2"],["99.98","1"]],"asks":[["100.01","3"],["100.02","4"]]}
1100000000 {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1100,"s":"BTCUSDT","U":96,"u":102,"b":[["99.97","5"]],"a":[]}}
1200000000 {"stream":"btcusdt@trade","data":{"e":"trade","E":1200,"s":"BTCUSDT","t":7,"p":"99.99","q":"0.5","T":1190,"m":true,"M":true}}
1300000000 {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1300,"s":"BTCUSDT","U":103,"u":104,"b":[["99.99","1.5"]],"a":[["100.02","0"],["100.03","9"]]}}
1400000000 {"stream":"btcusdt@bookTicker","data":{"u":106,"s":"BTCUSDT","b":"99.99","B":"1.5","a":"100.01","A":"3"}}
2000000000 {"stream":"btcusdt@trade","data":{"e":"trade","E":2000,"s":"BTCUSDT","t":8,"p":"100.01","q":"0.25","T":2000,"m":false,"M":true}}
)";

}  // namespace halcyon::simulation::testing
