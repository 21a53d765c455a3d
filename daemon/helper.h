#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "daemon/lane.h"
#include "daemon/waker.h"
#include "gateways/session.h"
#include "gateways/transport/clock.h"
#include "gateways/transport/connection.h"
#include "gateways/transport/rest_client.h"
#include "gateways/transport/tls_stream.h"

namespace halcyon::daemon {

/// Tasks of one session that may take long: they run on its helper thread.
struct ConnectTask {
  gateways::Endpoint endpoint;
  bool is_second = false;  ///< beside a connection that goes on; comes back in the result
};
/// One REST connection that shall stand (transport::RestLines).
struct LineTask {};
using HelperTask =
    std::variant<std::monostate, ConnectTask, gateways::RestRequest, LineTask, gateways::Chore>;

struct ConnectResult {
  std::unique_ptr<gateways::transport::Connection> connection;  ///< null: failed
  gateways::transport::OpenFailure failure;
  bool is_second = false;
};
struct LineResult {
  std::unique_ptr<gateways::transport::TlsStream> stream;  ///< null: failed
  std::string error;
};
using HelperResult = std::variant<std::monostate, ConnectResult, gateways::RestAnswer, LineResult>;

using TaskLane = Lane<HelperTask, 128>;
/// Twice the tasks: whatever was asked before the last look at the answers fits.
using ResultLane = Lane<HelperResult, 256>;

/// Does what would make the hot thread wait: name look-up, handshakes, REST calls and their
/// decoding. One a session, so that a venue that hangs delays nobody else. Thread: its own; rises
/// by itself every few milliseconds, since the hot thread wakes nobody.
class Helper {
 public:
  static constexpr domain::Duration connect_time_out = std::chrono::seconds{10};
  static constexpr domain::Duration rest_time_out = std::chrono::seconds{15};

  /// `rest_host`: where REST calls go. `cancel_fd`: readable
  /// when the daemon stops, which ends whatever is waited for.
  Helper(gateways::transport::Trust trust, gateways::Endpoint rest_host,
         const gateways::transport::Clock& clock, TaskLane::Reader tasks,
         ResultLane::Writer results, Waker* waker, int cancel_fd);

  /// Told of every REST call that was answered; before the first turn.
  using Seen = std::function<void(const gateways::RestRequest&, const gateways::RestAnswer&)>;
  void observe_with(Seen seen) { seen_ = std::move(seen); }

  /// Does one task, if there is one; true when it did.
  bool run_once();

  void finish(HelperResult result);

  gateways::transport::Trust trust_;
  const gateways::transport::Clock& clock_;
  gateways::Endpoint rest_host_;
  gateways::transport::RestClient rest_;
  TaskLane::Reader tasks_;
  ResultLane::Writer results_;
  Waker* waker_;
  int cancel_fd_;
  HelperTask task_;
  Seen seen_;
};

}  // namespace halcyon::daemon
