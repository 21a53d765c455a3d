#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace halcyon::tests {

/// A private PostgreSQL for tests and demonstrations: a new directory of its own directly under the
/// system's temporary directory, a Unix socket and no port. As root it runs as the user `postgres`
/// (PostgreSQL refuses root). Needs the Debian package postgresql-15. What it starts it stops, and
/// it removes its directory. Throws std::runtime_error with the server's log when it cannot.
///
/// A cluster costs about two seconds: have one a program, and a database a test.
class PostgresServer {
 public:
  /// Makes and starts the cluster. `settings`: further lines of postgresql.conf.
  explicit PostgresServer(const std::vector<std::string>& settings = {});
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// The one of this program, started at its first use.
  static PostgresServer& shared();

  /// A new empty database; returns its dsn.
  std::string new_database();
  std::string dsn(std::string_view database = "postgres") const;
  const std::string& directory() const { return directory_; }

  /// A clean, quick stop: sessions are ended, what was committed is kept.
  void stop_fast();
  /// SIGKILL to the server and all its processes, as a loss of the machine would.
  void kill_hard();
  /// After one of the two; waits until it answers.
  void start_again();
  /// SIGSTOP and SIGCONT to all its processes: a server that takes connections and never answers.
  void freeze();
  void thaw();
  bool is_running() const { return postmaster_ > 0; }
  std::string log() const;

 private:
  class Starter;
  void start();
  std::vector<pid_t> processes() const;

  std::unique_ptr<Starter> starter_;
  std::string directory_;
  pid_t postmaster_ = -1;
  int databases_ = 0;
};

/// Rows as text; no value is NULL.
using Rows = std::vector<std::vector<std::optional<std::string>>>;

/// Asks with a connection of its own. Throws std::runtime_error with the server's words.
Rows query(const std::string& dsn, const std::string& sql);
/// The only value of the only row; "NULL" for none.
std::string query_value(const std::string& dsn, const std::string& sql);

}  // namespace halcyon::tests
