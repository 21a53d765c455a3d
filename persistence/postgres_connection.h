#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;    // libpq's, which does not get out of the .cpp files
struct pg_result;  // likewise

namespace halcyon::persistence {

/// What went wrong, and whose doing it was.
struct PostgresFailure {
  enum class Blame : std::uint8_t {
    connection,  ///< it is closed now; whether the last statement took effect is not known
    row,         ///< the data: the same row fails again, another one need not
    server,      ///< everything else: a lock, a full disk, a missing table or right
  };
  Blame blame = Blame::connection;
  std::string sqlstate;  ///< empty when the server did not say
  std::string words;     ///< one line
};
/// Empty: it went well.
using PostgresOutcome = std::optional<PostgresFailure>;

/// Rows of an answer as text; no value is NULL.
using PostgresRows = std::vector<std::vector<std::optional<std::string>>>;

/// A connection whose every wait ends: libpq without blocking, a bound on each silence, and an
/// interruption from another thread. Thread: one at a time, but for what `interrupted` points to.
class PostgresConnection {
 public:
  struct Options {
    std::string dsn;
    std::string application_name;
    std::chrono::milliseconds connect_timeout{5'000};
    /// The longest silence of the server during a statement. Statements and lock waits end by
    /// themselves a little earlier, so that nothing is left behind in the server.
    std::chrono::milliseconds answer_timeout{15'000};
    /// Set from another thread, it ends every wait as a lost connection.
    const std::atomic<bool>* interrupted = nullptr;
  };

  PostgresConnection() = default;
  ~PostgresConnection() { close(); }
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  /// Closes what there was. Only the look-up of a host's name may take longer than the options say.
  [[nodiscard]] PostgresOutcome connect(const Options& options);
  void close();
  bool is_open() const { return connection_ != nullptr; }
  /// "host/database", for people; never with a password.
  const std::string& where() const { return where_; }

  /// One or more statements without parameters; `rows`: the last answer that has any.
  [[nodiscard]] PostgresOutcome run(const std::string& sql, PostgresRows* rows = nullptr);
  /// One statement; a nullptr parameter is NULL. `affected`: rows changed.
  [[nodiscard]] PostgresOutcome query(const std::string& sql,
                                      std::span<const char* const> parameters,
                                      PostgresRows* rows = nullptr,
                                      std::size_t* affected = nullptr);
  [[nodiscard]] PostgresOutcome prepare(std::string_view name, const std::string& sql);
  /// A prepared statement.
  [[nodiscard]] PostgresOutcome execute(std::string_view name,
                                        std::span<const char* const> parameters,
                                        std::size_t& affected);
  /// COPY FROM STDIN with its data in one piece.
  [[nodiscard]] PostgresOutcome copy(const std::string& sql, std::string_view data);

  /// After LISTEN: waits at most so long for a NOTIFY; `has_come`: one did.
  [[nodiscard]] PostgresOutcome wait_for_notice(std::chrono::milliseconds longest, bool& has_come);

  /// Prepared statements one behind the other without waiting for answers. `add` copies the
  /// parameters. `finish` gives the rows changed by each; on a failure, `affected.size()` is the
  /// number of statements before the one that failed.
  [[nodiscard]] PostgresOutcome pipeline_begin();
  [[nodiscard]] PostgresOutcome pipeline_add(std::string_view name,
                                             std::span<const char* const> parameters);
  [[nodiscard]] PostgresOutcome pipeline_finish(std::vector<std::size_t>& affected);

 private:
  PostgresOutcome wait(bool reading, bool writing, std::chrono::milliseconds longest);
  PostgresOutcome flush();
  PostgresOutcome next_result(pg_result*& result);
  PostgresOutcome finish_statement(PostgresRows* rows, std::size_t* affected);
  PostgresFailure lost(std::string words);
  PostgresFailure lost_by_libpq();

  pg_conn* connection_ = nullptr;
  Options options_;
  std::string where_;
  std::size_t pipelined_ = 0;
};

}  // namespace halcyon::persistence
