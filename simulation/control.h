#pragma once

#include <string>
#include <string_view>

#include "simulation/controlled_venue.h"

namespace halcyon::simulation {

/// The control socket's language: one JSON object a line, {"cmd":..,..}, answered by one line,
/// {"ok":true,..} or {"ok":false,"error":".."}. The commands are in docs/simulator.md. Pure but for
/// the venue that it commands.
class Control {
 public:
  explicit Control(ControlledVenue& venue) : venue_(venue) {}
  std::string answer(std::string_view line, Timestamp now, Actions& actions);

 private:
  ControlledVenue& venue_;
};

}  // namespace halcyon::simulation
