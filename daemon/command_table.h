#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "daemon/admin_methods.h"
#include "domain/record.h"
#include "domain/time.h"
#include "persistence/command_inbox.h"

namespace halcyon::daemon {

/// The role that a row of the command table has; empty: rows are not looked at.
std::optional<Role> role_of(config::CommandRole setting);

/// Whether a user may ask for this: the daemon's own user may ask for everything his role allows,
/// another one only with an account of his own, or an order in one. Empty: he may; else why not.
std::string why_not(const config::Config& config, std::string_view user, std::string_view params);

/// Work that was asked for in the database: one end talks to PostgreSQL, the other executes as if
/// it came over the admin socket. Bounded by CommandInbox::most_at_once.
class CommandTable {
 public:
  struct Setup {
    const config::Config* config = nullptr;  ///< with [postgres]; outlives this
    std::uint32_t epoch = 0;
    /// Whether everything that earlier starts journaled is in PostgreSQL: only then is it known
    /// what was done.
    std::function<bool()> is_projected;
    std::function<void(domain::Severity, std::string_view)> say;
    std::chrono::milliseconds longest_wait{250};  ///< for news
    std::chrono::milliseconds retry{2'000};
  };
  explicit CommandTable(Setup setup);

  /// Thread: its own; waits for the server, and for news.
  std::size_t run_once();
  /// Thread: control. Executes what was taken, and collects answers.
  std::size_t turn(AdminMethods& methods, domain::Timestamp now);
  /// Any thread: for the end of the program.
  void interrupt() { inbox_.interrupt(); }

 private:
  void finish(const std::string& id, const std::string& line);
  void refuse(const std::string& id, std::string words);

  Setup setup_;
  Role role_;
  persistence::CommandInbox inbox_;

  // Its own thread's.
  std::set<std::string> in_hand_;
  std::vector<persistence::CommandAnswer> unsent_;
  std::chrono::steady_clock::time_point next_try_, next_look_;
  std::string trouble_;

  std::mutex mutex_;  // of the two below
  std::vector<persistence::AskedCommand> asked_;
  std::vector<persistence::CommandAnswer> answered_;

  // Control's.
  std::vector<std::pair<std::string, WaitingCommand>> waiting_;
};

}  // namespace halcyon::daemon
