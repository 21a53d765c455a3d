#pragma once

#include <vector>

#include "domain/command.h"
#include "domain/record.h"

namespace halcyon::engine {

/// What one event made the engine decide. Reused: `clear` keeps the memory. Texts in `records` are
/// valid until the engine's next event. The loop journals the records first, then sends.
struct Outputs {
  std::vector<domain::RecordEntry> records;
  std::vector<domain::OrderCommand> commands;
  std::vector<domain::VenueRequest> requests;

  void clear() {
    records.clear();
    commands.clear();
    requests.clear();
  }
};

}  // namespace halcyon::engine
