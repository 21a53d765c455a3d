#pragma once

#include <cstdint>
#include <string>

#include "config/config.h"

namespace halcyon::daemon {

/// What deciding everything again came to.
struct Replayed {
  std::uint64_t runs = 0;      ///< starts of the daemon
  std::uint64_t compared = 0;  ///< frames that were decided again, each the same
  /// Frames of which it is not known what the engine heard: no capture, or a gap in it. From there
  /// on a run is passed over.
  std::uint64_t passed_over = 0;
  std::uint64_t captured = 0;  ///< events of captures that were heard
  /// The first difference in words: the frame, what the journal says, what is decided now. Empty:
  /// there is none.
  std::string difference;
  std::string gap;  ///< why frames were passed over; the first reason
};

/// Takes the inputs of a journal and of the captures beside it through engines made new, run by
/// run, and compares what they decide with what the journal says, bit for bit. Changes nothing.
/// `data_dir`: holds `journal` and `capture`; `config`: that of the runs. Throws std::exception
/// with words when there is nothing that can be replayed.
Replayed replay(const config::Config& config, const std::string& data_dir);

}  // namespace halcyon::daemon
