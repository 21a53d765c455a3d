#pragma once

#include <atomic>
#include <vector>

#include <poll.h>

#include "config/config.h"
#include "daemon/agent.h"
#include "daemon/waker.h"
#include "gateways/transport/clock.h"

namespace halcyon::daemon {

/// Turns its agents for ever: `shared` gives one of these all of them, `dedicated` gives each its
/// own. What happens while there is nothing to do is `wait`:
/// block: sleeps until data, a wake or a deadline; backoff: looks again, rests ever longer, 100 us
/// at most; spin: looks again at once, for one thread on a core of its own.
class HotThread {
 public:
  /// The longest sleep, so that whoever watches sees it turn.
  static constexpr domain::Duration max_sleep = std::chrono::milliseconds{100};
  static constexpr domain::Duration max_rest = std::chrono::microseconds{100};
  /// Turns without work before `backoff` rests for the first time.
  static constexpr std::size_t patience = 1000;

  HotThread(std::vector<Agent*> agents, config::Wait wait, const gateways::transport::Clock& clock,
            Waker& waker);

  /// Until `stop` is set, and then until a whole turn found nothing to do.
  void run(const std::atomic<bool>& stop);
  /// One turn of every agent.
  std::size_t turn();

 private:
  void sleep();

  std::vector<Agent*> agents_;
  config::Wait wait_;
  const gateways::transport::Clock& clock_;
  Waker& waker_;
  std::vector<::pollfd> descriptors_;
  std::size_t idle_turns_ = 0;
};

}  // namespace halcyon::daemon
