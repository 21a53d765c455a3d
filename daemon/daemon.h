#pragma once

#include <memory>
#include <optional>
#include <string>

#include "config/config.h"
#include "daemon/log.h"
#include "domain/event.h"
#include "gateways/transport/clock.h"

namespace halcyon::daemon {

struct Options {
  bool is_safe = false;  ///< without strategies
  /// Set: compare with the venues, cancel so much, wait until it is gone, and end.
  std::optional<domain::CancelReach> cancel_all;
  gateways::transport::Clock clock;
  /// Benchmarks only: what a frame of the floor path is answered with (Driver::set_floor).
  std::string floor_order;
};

/// The whole daemon: recovers the journal, wires rooms, lanes and threads, serves until it is told
/// to stop, and stops in order. Thread: main, which becomes the control thread.
class Daemon {
 public:
  /// Everything up to the first connection: locks, journal, catalog, engine, sessions, listeners.
  /// Throws std::exception with words and the mend when the daemon cannot start.
  Daemon(config::Config config, const Options& options, Log& log);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// Until SIGTERM, SIGINT or the admin's `shutdown`; throws when a part of it can go on no more.
  void run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace halcyon::daemon
