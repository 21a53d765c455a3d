#include "persistence/command_inbox.h"

#include <array>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "persistence/row_set.h"
#include "persistence/row_uuid.h"

namespace halcyon::persistence {

std::uint64_t command_token(std::string_view id) {
  const auto uuid = parse_uuid(id);
  std::uint64_t token = 0;
  if (uuid) {
    for (std::size_t byte = 0; byte < 8; ++byte) token = token << 8 | uuid->bytes[byte];
  }
  return token | std::uint64_t{1} << 63;
}

CommandInbox::CommandInbox(std::string dsn, std::string daemon, std::uint32_t epoch)
    : daemon_(std::move(daemon)), epoch_(std::to_string(epoch)) {
  options_.dsn = std::move(dsn);
  options_.application_name = "halcyond " + daemon_ + " commands";
  options_.interrupted = &interrupted_;
}

PostgresOutcome CommandInbox::begin(const std::set<std::string>& in_hand) {
  if (auto failed = connection_.connect(options_)) return failed;
  // It may be idle for ever.
  if (auto failed = connection_.run("SET idle_session_timeout = 0; LISTEN halcyon_commands")) {
    return failed;
  }
  return settle(in_hand);
}

PostgresOutcome CommandInbox::settle(const std::set<std::string>& in_hand) {
  const std::array<const char*, 1> parameters{daemon_.c_str()};
  PostgresRows rows;
  if (auto failed =
          connection_.query("SELECT c.id, l.is_accepted, l.reason, l.answer, l.affected_orders "
                            "FROM halcyon.commands c LEFT JOIN halcyon.audit_log l "
                            "  ON l.token = c.token AND l.is_accepted IS NOT NULL "
                            "WHERE c.daemon = $1 AND c.state = 'taken'",
                            parameters, &rows)) {
    return failed;
  }
  for (const auto& row : rows) {
    const std::string& id = *row[0];
    if (in_hand.contains(id)) continue;
    if (!row[1]) {
      const char* const again[] = {id.c_str()};
      if (auto failed = connection_.query(
              "UPDATE halcyon.commands SET state = 'new', taken_at = NULL, epoch = NULL "
              "WHERE id = $1 AND state = 'taken'",
              again)) {
        return failed;
      }
      continue;
    }
    CommandAnswer answered;
    answered.id = id;
    answered.is_done = *row[1] == "t";
    answered.result = fmt::format("{{\"accepted\": true, \"affected\": {}}}", row[4].value_or("0"));
    answered.error = fmt::format("refused: {}{}{}", row[2].value_or(""), row[3] ? ": " : "",
                                 row[3].value_or(""));
    if (auto failed = answer(answered)) return failed;
  }
  return {};
}

PostgresOutcome CommandInbox::wait(std::chrono::milliseconds longest, bool& has_news) {
  return connection_.wait_for_notice(longest, has_news);
}

PostgresOutcome CommandInbox::take(std::size_t most, std::vector<AskedCommand>& taken) {
  const std::string count = std::to_string(most);
  const std::array<const char*, 3> parameters{daemon_.c_str(), epoch_.c_str(), count.c_str()};
  PostgresRows rows;
  // The token is the first half of the id as a number, as command_token makes it.
  if (auto failed = connection_.query(
          "WITH oldest AS ("
          "  SELECT id FROM halcyon.commands WHERE daemon = $1 AND state = 'new' "
          "  ORDER BY created_at, id LIMIT $3::integer FOR UPDATE SKIP LOCKED) "
          "UPDATE halcyon.commands c SET state = 'taken', taken_at = now(), epoch = $2::bigint, "
          // Whoever asks that way is refused, and a secret does not stay in the row.
          "  params = CASE WHEN method LIKE 'credentials.%' THEN '{}' ELSE params END, "
          "  token = (('x' || left(replace(c.id::text, '-', ''), 16))::bit(64) "
          "           & ~(1::bit(64) << 63))::bigint::numeric + 9223372036854775808 "
          "FROM oldest WHERE c.id = oldest.id "
          "RETURNING c.id, (SELECT u.name FROM halcyon.users u WHERE u.id = c.user_id), c.method, "
          "  c.params, c.created_at",
          parameters, &rows)) {
    return failed;
  }
  for (const auto& row : rows) {
    AskedCommand asked;
    asked.id = row[0].value_or("");
    asked.user = row[1].value_or("");
    asked.method = row[2].value_or("");
    asked.params = row[3].value_or("{}");
    asked.token = command_token(asked.id);
    taken.push_back(std::move(asked));
  }
  return {};
}

PostgresOutcome CommandInbox::answer(const CommandAnswer& answer) {
  std::string result;
  std::string error;
  append_valid(answer.result, result);
  append_valid(answer.error, error);
  const std::array<const char*, 4> parameters{answer.id.c_str(), answer.is_done ? "done" : "failed",
                                              answer.is_done ? result.c_str() : nullptr,
                                              answer.is_done ? nullptr : error.c_str()};
  return connection_.query(
      "UPDATE halcyon.commands SET state = $2, result = $3::jsonb, error = $4, answered_at = now() "
      "WHERE id = $1 AND state = 'taken'",
      parameters);
}

}  // namespace halcyon::persistence
