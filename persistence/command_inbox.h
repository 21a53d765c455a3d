#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/postgres_connection.h"

namespace halcyon::persistence {

/// A row of halcyon.commands that was taken.
struct AskedCommand {
  std::string id;    ///< the row's
  std::string user;  ///< users.name; empty: there is no such user
  std::string method;
  std::string params;  ///< a JSON object
  /// Made of the id, and unlike every token of the admin socket (the highest bit is set). The
  /// journal keeps it with the command's answer, so that nothing is done twice.
  std::uint64_t token = 0;
};

struct CommandAnswer {
  std::string id;
  bool is_done = false;
  std::string result;  ///< JSON; when done
  std::string error;   ///< in words; when not
};

/// The command table's end at the daemon. A row is taken in a transaction of its own before it is
/// executed, and answered in another. What an earlier start took and did not answer is looked for
/// in audit_log, by its token: there it was done, and gets that answer; if not, it had no effect
/// and is taken again. So `begin` may be called only when the journal up to this start is
/// projected. Thread: one at a time; every call may wait for the server, within the bounds of
/// PostgresConnection.
class CommandInbox {
 public:
  static constexpr std::size_t most_at_once = 16;

  CommandInbox(std::string dsn, std::string daemon, std::uint32_t epoch);

  bool is_open() const { return connection_.is_open(); }
  /// Connects, listens, and settles what an earlier start left. `in_hand`: rows that this start
  /// took and has not answered; a row of this start that is not among them was never handed out.
  [[nodiscard]] PostgresOutcome begin(const std::set<std::string>& in_hand);
  /// Waits for news at most so long: true: look at once.
  [[nodiscard]] PostgresOutcome wait(std::chrono::milliseconds longest, bool& has_news);
  /// Takes the oldest that wait, at most `most`.
  [[nodiscard]] PostgresOutcome take(std::size_t most, std::vector<AskedCommand>& taken);
  /// Repeatable: a row that is answered stays so.
  [[nodiscard]] PostgresOutcome answer(const CommandAnswer& answer);
  /// Any thread: ends a wait at once, for good.
  void interrupt() { interrupted_ = true; }

 private:
  PostgresOutcome settle(const std::set<std::string>& in_hand);

  std::atomic<bool> interrupted_{false};
  PostgresConnection::Options options_;
  PostgresConnection connection_;
  std::string daemon_;
  std::string epoch_;
};

/// The token of a row: the first half of its id, with the highest bit set.
std::uint64_t command_token(std::string_view id);

}  // namespace halcyon::persistence
