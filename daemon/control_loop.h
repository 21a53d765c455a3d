#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <poll.h>

#include "config/config.h"
#include "daemon/admin_methods.h"
#include "daemon/admin_server.h"
#include "daemon/http_server.h"
#include "daemon/metrics.h"
#include "daemon/read_model.h"
#include "domain/time.h"
#include "persistence/journal.h"

namespace halcyon::daemon {

/// What the control thread needs of the rest of the daemon. All are called by control; those that
/// are empty are left out of what is shown.
struct ControlHooks {
  /// Engine time: what commands are stamped with.
  std::function<domain::Timestamp()> now;
  /// Real time, for time-outs, also where `now` is a test clock. Empty: `now`.
  std::function<domain::Timestamp()> real_time;
  /// What the model begins with, before the first frame. Empty: nothing.
  std::function<void(ReadModel&)> begin;
  /// The journal's next frame (JournalReader::next), behind what it began with. May throw
  /// JournalError.
  std::function<bool(persistence::FrameView&)> next_frame;
  AdminHooks admin;
  /// Whether the engine turned within the last seconds.
  std::function<bool()> engine_turns;
  std::function<std::vector<MetricSample>()> samples;
  std::function<std::vector<StageLatency>()> stages;
  /// Why no new order may leave although accounts are reconciled; empty: nothing is wrong.
  std::function<std::string()> trouble;
};

/// The daemon's outside faces: tails the journal into the read model, and answers the admin socket
/// and HTTP from it. Starts no thread; whoever calls `run_once` is the control thread.
class ControlLoop {
 public:
  static constexpr std::size_t max_frames_per_turn = 4096;
  /// While somebody waits for a command's answer, and otherwise.
  static constexpr int waiting_poll_ms = 1;
  static constexpr int idle_poll_ms = 20;

  /// Binds both listeners. Throws std::runtime_error with words and the mend. `config` outlives it.
  ControlLoop(const config::Config& config, ControlHooks hooks);
  ControlLoop(const ControlLoop&) = delete;
  ControlLoop& operator=(const ControlLoop&) = delete;

  /// Reads frames until there is none: before READY, so that the first answer knows everything.
  void catch_up();
  /// One turn: sleeps at most `max_wait` and never longer than `idle_poll_ms`, then tails the
  /// journal and serves. Returns how many frames and requests it handled.
  std::size_t run_once(domain::Duration max_wait);
  /// A command's answer is awaited or an answer is unsent: a clean stop turns until this is false.
  bool is_busy() const { return admin_.is_waiting() || admin_.has_unsent(); }

  /// For who executes beside the socket. Thread: control.
  AdminMethods& methods() { return methods_; }
  std::uint16_t http_port() const { return http_.port(); }
  const ReadModel& model() const { return model_; }
  /// Why the journal cannot be followed any more; empty: it can. Then everything shown is old,
  /// /healthz says so, and nothing else happens: trading does not need this reader.
  const std::string& journal_error() const { return journal_error_; }

 private:
  std::size_t tail();
  domain::Timestamp real_time() const {
    return hooks_.real_time ? hooks_.real_time() : hooks_.now();
  }
  HttpAnswer metrics() const;
  HttpAnswer healthz() const;
  HttpAnswer readyz() const;

  const config::Config& config_;
  ControlHooks hooks_;
  ReadModel model_;
  AdminMethods methods_;
  AdminServer admin_;
  HttpServer http_;
  std::vector<::pollfd> descriptors_;
  bool is_behind_ = false;  ///< the last turn read as many frames as it may
  std::string journal_error_;
};

}  // namespace halcyon::daemon
