#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>
#include <sys/types.h>

#include "config/config.h"
#include "daemon/credentials.h"
#include "daemon/read_model.h"
#include "domain/event.h"
#include "domain/time.h"

namespace halcyon::daemon {

/// What a caller may do; each includes those before it.
enum class Role : std::uint8_t { observe, trade, admin };

struct Caller {
  Role role = Role::observe;
  uid_t uid = 0;
  std::uint64_t token = 0;  ///< for its command; 0: the next of our own
  std::string who = {};     ///< for the audit; empty: the admin socket's user
};

/// A call that was answered, or handed to the engine.
struct AdminRequestSeen {
  std::string_view method;  ///< "(unknown)" for one that there is not
  std::string caller;
  std::int32_t status = 200;  ///< as in api_requests
  domain::Duration took{};
};

/// What the admin methods need of the rest of the daemon. Thread: all are called by control.
struct AdminHooks {
  /// Engine time, for a command's `received`. Empty: the time given to `handle`.
  std::function<domain::Timestamp()> engine_time;
  /// Hands a Command to the engine's control lane, with its remark. False: the lane is full, and
  /// nothing happened.
  std::function<bool(const domain::Event& command, std::string_view remark)> submit;
  /// Told of every call. Empty: nobody is.
  std::function<void(const AdminRequestSeen&)> seen;
  /// The answer to `latency`.
  std::function<nlohmann::json()> latency;
  /// What `status` shows under "process".
  std::function<nlohmann::json()> status;
  /// Asks for a snapshot of the journal; the answer to `snapshot`.
  std::function<nlohmann::json()> snapshot;
  /// For `credentials.put` and `credentials.rotate`; outlives the methods.
  const CredentialSealer* sealer = nullptr;
};

/// A command that is on its way through the engine.
struct WaitingCommand {
  std::uint64_t token = 0;
  domain::Timestamp deadline;
  std::string id;  ///< of the request, as JSON
};

/// What became of one line: a line to send back (empty for a notification), or a wait.
struct Reply {
  std::string line;
  std::optional<WaitingCommand> waiting;
};

/// The methods of the admin socket: a line of JSON-RPC in, a line out. Reads the read model and the
/// configuration, which both outlive it; changes nothing but through `submit`. A command's answer
/// is the CommandAnswered record with its token, as the read model gets to see it.
///
/// Amounts are strings, times are RFC 3339 in UTC with nanoseconds, what does not apply is null.
/// Thread: control.
class AdminMethods {
 public:
  /// How long the engine may take to answer a command before the caller is told so.
  static constexpr domain::Duration answer_time_out = std::chrono::seconds{2};
  /// Of an operator's reason; the rest of the remark says who asked.
  static constexpr std::size_t max_reason_bytes = 200;
  static constexpr std::int64_t max_rows = 10'000;

  struct MethodCount {
    std::string_view method;
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
  };

  /// `started`: the clock now; tokens begin with its second, so that they differ from start to
  /// start.
  AdminMethods(const config::Config& config, const ReadModel& model, AdminHooks hooks,
               domain::Timestamp started);

  /// `now` is real time: the engine's answer is waited for by it.
  Reply handle(std::string_view line, const Caller& caller, domain::Timestamp now);
  /// The line for a waiting command, once it is answered or out of time.
  std::optional<std::string> finish(const WaitingCommand& waiting, domain::Timestamp now);

  /// How often each method was called; the last row counts lines that named none.
  const std::vector<MethodCount>& counts() const { return counts_; }

 private:
  class Call;
  struct Method;
  static std::span<const Method> table();

  const config::Config& config_;
  const ReadModel& model_;
  AdminHooks hooks_;
  std::uint64_t next_token_;
  std::optional<std::uint64_t> credentials_under_way_;  ///< the token of the last change
  std::vector<MethodCount> counts_;
};

}  // namespace halcyon::daemon
