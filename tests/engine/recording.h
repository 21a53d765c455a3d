#pragma once

#include <optional>
#include <string>
#include <vector>

namespace halcyon::engine::testing {

/// The lines of the recorded Binance session, and its expected results as JSON text. Read from
/// tests/data/binance/ when it is there, else from ../shared (MIT, nkaz001/hftbacktest). Empty when
/// neither is there.
struct Recording {
  std::vector<std::string> lines;  ///< "<receive time in ns> <raw frame>"
  std::string expected;
};
const std::optional<Recording>& recording();

}  // namespace halcyon::engine::testing
