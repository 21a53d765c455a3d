#pragma once

#include <cstddef>
#include <vector>

#include <poll.h>

#include "domain/time.h"

namespace halcyon::daemon {

/// Something that a hot thread turns: one turn does what there is, bounded, and says how much.
class Agent {
 public:
  virtual ~Agent() = default;
  virtual std::size_t turn(domain::Timestamp now) = 0;
  /// When it wants a turn although nothing came.
  virtual domain::Timestamp next_deadline() const = 0;
  /// Appends the descriptors whose readiness is work. Called before the thread sleeps.
  virtual void watch(std::vector<::pollfd>& descriptors) const = 0;
  /// Whether a lane holds work; asked once more between announcing sleep and sleeping.
  virtual bool has_work() const = 0;
};

}  // namespace halcyon::daemon
