#include "persistence/postgres_locks.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "persistence/row_uuid.h"

namespace halcyon::persistence {

namespace {

/// The name space in which an account's identity becomes a lock's number.
constexpr Uuid lock_space{{0x0d, 0x5c, 0x2f, 0x8a, 0x6e, 0x4b, 0x5f, 0x0e, 0x8f, 0x3a, 0x51, 0x7b,
                           0x22, 0x9e, 0x60, 0xc4}};

/// Two halves of a number that is the same in every daemon; 122 bits of hash cut to 64.
std::pair<std::string, std::string> lock_halves(const AccountIdentity& account) {
  const Uuid name = name_uuid(
      lock_space, account.environment + "\n" + account.venue_kind + "\n" + account.identity);
  const auto half = [&](std::size_t first) {
    std::uint32_t value = 0;
    for (std::size_t index = first; index < first + 4; ++index) {
      value = value << 8 | name.bytes[index];
    }
    return std::to_string(static_cast<std::int32_t>(value));
  };
  return {half(0), half(12)};
}

}  // namespace

AccountLocks::AccountLocks(std::string dsn, const std::string& daemon) {
  options_.dsn = std::move(dsn);
  options_.application_name = "halcyond " + daemon + " account locks";
  options_.interrupted = &interrupted_;
}

AccountLocks::Answer AccountLocks::take(const AccountIdentity& account) {
  const auto unreachable = [&](const PostgresFailure& failure) {
    if (!connection_.is_open()) held_.clear();
    return Answer{State::unreachable, failure.words};
  };
  if (connection_.is_open()) {
    // A connection that broke unnoticed holds nothing any more.
    if (auto failed = connection_.run("SELECT 1"); failed && connection_.is_open()) {
      return unreachable(*failed);
    }
  }
  if (!connection_.is_open()) {
    held_.clear();
    if (auto failed = connection_.connect(options_)) return unreachable(*failed);
    // The locks live as long as the connection: it may be idle for ever.
    if (auto failed = connection_.run("SET idle_in_transaction_session_timeout = 0; "
                                      "SET idle_session_timeout = 0")) {
      return unreachable(*failed);
    }
  }
  if (held_.contains(account)) return {State::taken, {}};

  const auto [high, low] = lock_halves(account);
  const std::array<const char*, 2> parameters{high.c_str(), low.c_str()};
  PostgresRows rows;
  if (auto failed = connection_.query("SELECT pg_try_advisory_lock($1::integer, $2::integer)",
                                      parameters, &rows)) {
    return unreachable(*failed);
  }
  if (rows.at(0).at(0) == "t") {
    held_.insert(account);
    return {State::taken, {}};
  }
  // objsubid 2: an advisory lock with two numbers.
  // https://www.postgresql.org/docs/15/view-pg-locks.html
  if (auto failed = connection_.query(
          "SELECT l.pid, coalesce(nullif(a.application_name, ''), '?'), "
          "       coalesce(a.client_addr::text, 'local socket'), coalesce(a.usename::text, '?'), "
          "       coalesce(to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ'), '?') "
          "FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid "
          "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 "
          "  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
          "  AND l.classid = ($1::bigint & 4294967295)::oid "
          "  AND l.objid = ($2::bigint & 4294967295)::oid",
          parameters, &rows)) {
    return unreachable(*failed);
  }
  if (rows.empty()) return {State::held_by_another, "held a moment ago by one who is gone"};
  const auto& holder = rows.front();
  return {State::held_by_another,
          fmt::format("held by \"{}\" ({}, user {}, connected since {}, server process {})",
                      *holder[1], *holder[2], *holder[3], *holder[4], *holder[0])};
}

void AccountLocks::release() {
  held_.clear();
  connection_.close();
}

KnownEpochs known_epochs(const std::string& dsn, const std::string& daemon) {
  KnownEpochs known;
  PostgresConnection connection;
  PostgresConnection::Options options;
  options.dsn = dsn;
  options.application_name = "halcyond " + daemon + " start";
  PostgresRows rows;
  if ((known.failed = connection.connect(options))) return known;
  if ((known.failed =
           connection.run("SELECT to_regclass('halcyon.daemon_epochs') IS NOT NULL", &rows))) {
    return known;
  }
  if (rows.at(0).at(0) != "t") return known;
  const char* const parameters[] = {daemon.c_str()};
  if ((known.failed = connection.query(
           "SELECT DISTINCT epoch FROM halcyon.daemon_epochs WHERE daemon = $1 ORDER BY epoch",
           parameters, &rows))) {
    return known;
  }
  for (const auto& row : rows) {
    known.epochs.push_back(
        static_cast<std::uint32_t>(std::strtoull(row[0].value_or("0").c_str(), nullptr, 10)));
  }
  return known;
}

}  // namespace halcyon::persistence
