#include "persistence/postgres_connection.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

namespace halcyon::persistence {

namespace {

/// How long one poll may last, so that an interruption is seen.
constexpr std::chrono::milliseconds wait_slice{50};
/// COPY data is handed to libpq in pieces of this size.
constexpr std::size_t copy_piece = 64UL << 10;

struct ResultDeleter {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ResultDeleter>;

/// libpq's messages have several lines; a log has one.
std::string one_line(const char* text) {
  std::string line = text == nullptr ? "" : text;
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  for (char& character : line) {
    if (character == '\n' || character == '\t') character = ' ';
  }
  return line;
}

/// The classes of SQLSTATE that speak of the data: 22 data exception, 23 integrity constraint,
/// 44 check option, 54 program limit (a value too long for an index), P0 raised by a trigger.
/// https://www.postgresql.org/docs/15/errcodes-appendix.html
bool speaks_of_data(std::string_view sqlstate) {
  if (sqlstate.size() != 5) return false;
  const std::string_view kind = sqlstate.substr(0, 2);
  return kind == "22" || kind == "23" || kind == "44" || kind == "54" || kind == "P0";
}

/// The server ends the connection: 08 connection exception, 57P01 to 57P05 shutdown and crash.
bool ends_connection(std::string_view sqlstate) {
  return sqlstate.starts_with("08") || sqlstate.starts_with("57P");
}

PostgresFailure failure_of(const PGresult* result) {
  PostgresFailure failure;
  const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  failure.sqlstate = sqlstate == nullptr ? "" : sqlstate;
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  failure.words = one_line(primary != nullptr ? primary : PQresultErrorMessage(result));
  const char* detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
  // The whole row in words says too much for a line; who needs it has it.
  if (detail != nullptr && !std::string_view{detail}.starts_with("Failing row contains")) {
    failure.words += " (" + one_line(detail) + ")";
  }
  using Blame = PostgresFailure::Blame;
  failure.blame = failure.sqlstate.empty() || ends_connection(failure.sqlstate) ? Blame::connection
                  : speaks_of_data(failure.sqlstate)                            ? Blame::row
                                                                                : Blame::server;
  return failure;
}

void read_rows(const PGresult* result, PostgresRows& rows) {
  rows.clear();
  for (int row = 0; row < PQntuples(result); ++row) {
    auto& fields = rows.emplace_back();
    for (int column = 0; column < PQnfields(result); ++column) {
      if (PQgetisnull(result, row, column) != 0) {
        fields.emplace_back();
      } else {
        fields.emplace_back(
            std::string{PQgetvalue(result, row, column),
                        static_cast<std::size_t>(PQgetlength(result, row, column))});
      }
    }
  }
}

std::size_t affected_by(PGresult* result) {
  return static_cast<std::size_t>(std::strtoull(PQcmdTuples(result), nullptr, 10));
}

}  // namespace

PostgresFailure PostgresConnection::lost(std::string words) {
  close();
  return {PostgresFailure::Blame::connection, {}, std::move(words)};
}

PostgresFailure PostgresConnection::lost_by_libpq() {
  std::string words = one_line(PQerrorMessage(connection_));
  return lost(words.empty() ? "the connection broke" : std::move(words));
}

void PostgresConnection::close() {
  if (connection_ != nullptr) PQfinish(connection_);
  connection_ = nullptr;
  pipelined_ = 0;
}

PostgresOutcome PostgresConnection::wait(bool reading, bool writing,
                                         std::chrono::milliseconds longest) {
  // Silence is counted in slices, so that no clock is read.
  for (auto waited = std::chrono::milliseconds{0}; waited < longest; waited += wait_slice) {
    if (options_.interrupted != nullptr && options_.interrupted->load(std::memory_order_relaxed)) {
      return lost("interrupted");
    }
    pollfd descriptor{};
    descriptor.fd = PQsocket(connection_);
    if (descriptor.fd < 0) return lost_by_libpq();
    descriptor.events = static_cast<short>((reading ? POLLIN : 0) | (writing ? POLLOUT : 0));
    const int ready = ::poll(&descriptor, 1, static_cast<int>(wait_slice.count()));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return lost(fmt::format("poll: {}", std::strerror(errno)));
  }
  return lost(fmt::format("no answer from {} in {} ms", where_, longest.count()));
}

PostgresOutcome PostgresConnection::connect(const Options& options) {
  close();
  options_ = options;
  where_ = "the server";
  // The dsn is expanded in the place of dbname; what stands behind it overrides it.
  const char* const keywords[] = {"dbname", "application_name", "client_encoding", nullptr};
  const char* const values[] = {options_.dsn.c_str(), options_.application_name.c_str(), "UTF8",
                                nullptr};
  connection_ = PQconnectStartParams(keywords, values, 1);
  if (connection_ == nullptr) return PostgresFailure{{}, {}, "out of memory"};
  if (PQstatus(connection_) == CONNECTION_BAD) return lost_by_libpq();
  const char* host = PQhost(connection_);
  const char* database = PQdb(connection_);
  where_ = fmt::format("{}/{}", host == nullptr ? "" : host, database == nullptr ? "" : database);
  PQsetNoticeProcessor(
      connection_, [](void*, const char*) {}, nullptr);
  for (auto polling = PGRES_POLLING_WRITING; polling != PGRES_POLLING_OK;
       polling = PQconnectPoll(connection_)) {
    if (polling == PGRES_POLLING_FAILED) return lost_by_libpq();
    if (auto failed = wait(polling == PGRES_POLLING_READING, polling == PGRES_POLLING_WRITING,
                           options_.connect_timeout)) {
      return failed;
    }
  }
  if (PQsetnonblocking(connection_, 1) != 0) return lost_by_libpq();
  const char* encoding = PQparameterStatus(connection_, "server_encoding");
  if (encoding == nullptr || std::string_view{encoding} != "UTF8") {
    return lost(fmt::format("the database {} has the encoding {}; make one with ENCODING 'UTF8'",
                            where_, encoding == nullptr ? "?" : encoding));
  }
  const auto statement_ms = options_.answer_timeout.count() * 3 / 4;
  return run(
      fmt::format("SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET search_path = pg_catalog; "
                  "SET standard_conforming_strings = on; SET statement_timeout = {}; "
                  "SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; "
                  "SET client_connection_check_interval = 1000; "
                  "SET default_transaction_isolation = 'read committed'",
                  statement_ms, statement_ms / 2, options_.answer_timeout.count() * 2));
}

PostgresOutcome PostgresConnection::wait_for_notice(std::chrono::milliseconds longest,
                                                    bool& has_come) {
  has_come = false;
  if (!is_open()) return PostgresFailure{{}, {}, "not connected"};
  const auto take_notices = [&] {
    while (PGnotify* notice = PQnotifies(connection_)) {
      has_come = true;
      PQfreemem(notice);
    }
  };
  // Also without a wait, what has come is looked at.
  if (PQconsumeInput(connection_) == 0) return lost_by_libpq();
  take_notices();
  for (auto waited = std::chrono::milliseconds{0}; !has_come && waited < longest;
       waited += wait_slice) {
    if (options_.interrupted != nullptr && options_.interrupted->load(std::memory_order_relaxed)) {
      return lost("interrupted");
    }
    pollfd descriptor{};
    descriptor.fd = PQsocket(connection_);
    if (descriptor.fd < 0) return lost_by_libpq();
    descriptor.events = POLLIN;
    const int ready = ::poll(&descriptor, 1, static_cast<int>(wait_slice.count()));
    if (ready < 0 && errno != EINTR) return lost(fmt::format("poll: {}", std::strerror(errno)));
    if (ready <= 0) continue;
    if (PQconsumeInput(connection_) == 0) return lost_by_libpq();
    if (PQstatus(connection_) == CONNECTION_BAD) return lost_by_libpq();
    take_notices();
  }
  return {};
}

PostgresOutcome PostgresConnection::flush() {
  for (;;) {
    const int more = PQflush(connection_);
    if (more < 0) return lost_by_libpq();
    if (more == 0) return {};
    if (auto failed = wait(true, true, options_.answer_timeout)) return failed;
    // The server may not take more before we take what it has said.
    if (PQconsumeInput(connection_) == 0) return lost_by_libpq();
  }
}

PostgresOutcome PostgresConnection::next_result(pg_result*& result) {
  result = nullptr;
  if (auto failed = flush()) return failed;
  while (PQisBusy(connection_) != 0) {
    if (auto failed = wait(true, false, options_.answer_timeout)) return failed;
    if (PQconsumeInput(connection_) == 0) return lost_by_libpq();
  }
  result = PQgetResult(connection_);
  return {};
}

PostgresOutcome PostgresConnection::finish_statement(PostgresRows* rows, std::size_t* affected) {
  PostgresOutcome first;
  for (;;) {
    pg_result* raw = nullptr;
    if (auto failed = next_result(raw)) return first ? first : failed;
    const Result result{raw};
    if (!result) break;
    switch (PQresultStatus(result.get())) {
      case PGRES_TUPLES_OK:
        if (rows != nullptr) read_rows(result.get(), *rows);
        [[fallthrough]];
      case PGRES_COMMAND_OK:
        if (affected != nullptr) *affected = affected_by(result.get());
        break;
      case PGRES_EMPTY_QUERY:
        break;
      default:
        if (!first) first = failure_of(result.get());
    }
  }
  if (PQstatus(connection_) == CONNECTION_BAD) {
    PostgresFailure gone = lost_by_libpq();
    if (first) gone.words = first->words;
    return gone;
  }
  if (first && first->blame == PostgresFailure::Blame::connection) close();
  return first;
}

PostgresOutcome PostgresConnection::run(const std::string& sql, PostgresRows* rows) {
  if (!is_open()) return PostgresFailure{{}, {}, "not connected"};
  if (PQsendQuery(connection_, sql.c_str()) == 0) return lost_by_libpq();
  return finish_statement(rows, nullptr);
}

PostgresOutcome PostgresConnection::query(const std::string& sql,
                                          std::span<const char* const> parameters,
                                          PostgresRows* rows, std::size_t* affected) {
  if (!is_open()) return PostgresFailure{{}, {}, "not connected"};
  if (PQsendQueryParams(connection_, sql.c_str(), static_cast<int>(parameters.size()), nullptr,
                        parameters.data(), nullptr, nullptr, 0) == 0) {
    return lost_by_libpq();
  }
  return finish_statement(rows, affected);
}

PostgresOutcome PostgresConnection::prepare(std::string_view name, const std::string& sql) {
  if (!is_open()) return PostgresFailure{{}, {}, "not connected"};
  if (PQsendPrepare(connection_, std::string{name}.c_str(), sql.c_str(), 0, nullptr) == 0) {
    return lost_by_libpq();
  }
  return finish_statement(nullptr, nullptr);
}

PostgresOutcome PostgresConnection::execute(std::string_view name,
                                            std::span<const char* const> parameters,
                                            std::size_t& affected) {
  if (!is_open()) return PostgresFailure{{}, {}, "not connected"};
  if (PQsendQueryPrepared(connection_, std::string{name}.c_str(),
                          static_cast<int>(parameters.size()), parameters.data(), nullptr, nullptr,
                          0) == 0) {
    return lost_by_libpq();
  }
  return finish_statement(nullptr, &affected);
}

PostgresOutcome PostgresConnection::copy(const std::string& sql, std::string_view data) {
  if (!is_open()) return PostgresFailure{{}, {}, "not connected"};
  if (PQsendQuery(connection_, sql.c_str()) == 0) return lost_by_libpq();
  pg_result* raw = nullptr;
  if (auto failed = next_result(raw)) return failed;
  const Result begun{raw};
  if (!begun) return lost("COPY without an answer");
  if (PQresultStatus(begun.get()) != PGRES_COPY_IN) {
    const PostgresFailure refused = failure_of(begun.get());
    auto rest = finish_statement(nullptr, nullptr);
    return rest ? rest : PostgresOutcome{refused};
  }
  // 0 from libpq: its buffer could not be sent yet.
  const auto push = [&](auto put) -> PostgresOutcome {
    for (;;) {
      const int taken = put();
      if (taken > 0) return {};
      if (taken < 0) return lost_by_libpq();
      if (auto failed = flush()) return failed;
    }
  };
  while (!data.empty()) {
    const std::string_view piece = data.substr(0, copy_piece);
    if (auto failed = push([&] {
          return PQputCopyData(connection_, piece.data(), static_cast<int>(piece.size()));
        })) {
      return failed;
    }
    if (auto failed = flush()) return failed;
    data.remove_prefix(piece.size());
  }
  if (auto failed = push([&] { return PQputCopyEnd(connection_, nullptr); })) return failed;
  return finish_statement(nullptr, nullptr);
}

PostgresOutcome PostgresConnection::pipeline_begin() {
  if (!is_open()) return PostgresFailure{{}, {}, "not connected"};
  pipelined_ = 0;
  if (PQenterPipelineMode(connection_) == 0) return lost_by_libpq();
  return {};
}

PostgresOutcome PostgresConnection::pipeline_add(std::string_view name,
                                                 std::span<const char* const> parameters) {
  if (!is_open()) return PostgresFailure{{}, {}, "not connected"};
  if (PQsendQueryPrepared(connection_, std::string{name}.c_str(),
                          static_cast<int>(parameters.size()), parameters.data(), nullptr, nullptr,
                          0) == 0) {
    return lost_by_libpq();
  }
  ++pipelined_;
  return {};
}

PostgresOutcome PostgresConnection::pipeline_finish(std::vector<std::size_t>& affected) {
  affected.clear();
  if (!is_open()) return PostgresFailure{{}, {}, "not connected"};
  if (PQpipelineSync(connection_) == 0) return lost_by_libpq();
  PostgresOutcome first;
  for (std::size_t statement = 0; statement < pipelined_; ++statement) {
    // Each statement answers with its result and then with none.
    for (;;) {
      pg_result* raw = nullptr;
      if (auto failed = next_result(raw)) return failed;
      const Result result{raw};
      if (!result) {
        if (PQstatus(connection_) == CONNECTION_BAD) return lost_by_libpq();
        break;
      }
      const ExecStatusType status = PQresultStatus(result.get());
      if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        affected.push_back(affected_by(result.get()));
      } else if (status == PGRES_FATAL_ERROR && !first) {
        first = failure_of(result.get());
        if (first->blame == PostgresFailure::Blame::connection) {
          close();
          return first;
        }
      }
    }
  }
  pg_result* raw = nullptr;
  if (auto failed = next_result(raw)) return failed;
  const Result sync{raw};
  if (!sync || PQresultStatus(sync.get()) != PGRES_PIPELINE_SYNC ||
      PQexitPipelineMode(connection_) == 0) {
    return lost_by_libpq();
  }
  return first;
}

}  // namespace halcyon::persistence
