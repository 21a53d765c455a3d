#include "daemon/database_tool.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "config/reader.h"
#include "daemon/table.h"
#include "persistence/database_check.h"
#include "persistence/journal.h"
#include "persistence/journal_dump.h"
#include "persistence/postgres_connection.h"
#include "persistence/projector.h"
#include "persistence/row_uuid.h"
#include "persistence/snapshot.h"

namespace halcyon::daemon {

namespace {

using nlohmann::json;
using persistence::PostgresConnection;

constexpr int done = 0;
constexpr int failed = 1;

void say(std::string_view words) {
  std::fprintf(stderr, "halcyonctl: %s\n", printable(std::string{words}).c_str());
}

bool print(std::FILE* out, const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), out) == text.size() && std::fflush(out) == 0;
}

int status(PostgresConnection& connection, const DatabaseTask& task, std::FILE* out) {
  persistence::DatabaseStatus found;
  if (const auto wrong = persistence::read_status(connection, found)) {
    say(wrong->words);
    return failed;
  }
  json rows = json::array();
  for (const auto& row : found.projections) {
    rows.push_back({{"daemon", row.daemon},
                    {"journal", row.journal},
                    {"current", row.is_current},
                    {"position", row.position},
                    {"set_aside", row.set_aside},
                    {"updated", row.updated_at}});
  }
  json result = {{"database", found.where},
                 {"server", found.server},
                 {"schema", fmt::format("{} of {} steps", found.schema, found.known)},
                 {"usable", found.schema_words.empty()},
                 {"partitions", found.partitions},
                 {"missing_roles", found.missing_roles},
                 {"commands_waiting", found.commands_waiting},
                 {"projections", std::move(rows)}};
  std::string text;
  if (task.as_json) {
    text = result.dump(2) + "\n";
  } else {
    json head = result;
    head.erase("projections");
    text = print_object(head) + "\n" +
           print_table(result["projections"],
                       {"daemon", "journal", "current", "position", "set_aside", "updated"});
  }
  if (!print(out, text)) return failed;
  if (!found.schema_words.empty()) say(found.schema_words);
  return found.schema_words.empty() ? done : failed;
}

int migrate(PostgresConnection& connection, std::FILE* out) {
  std::size_t steps = 0;
  std::string words;
  if (const auto wrong = persistence::bring_up_to_date(connection, steps, words)) {
    say(wrong->words);
    return failed;
  }
  return print(out, fmt::format("{}: {} steps taken; {}\n", connection.where(), steps, words))
             ? done
             : failed;
}

int verify(PostgresConnection& connection, const config::Config& config, const DatabaseTask& task,
           std::FILE* out) {
  const std::string directory = config.daemon.data_dir + "/journal";
  const persistence::Verified files = persistence::verify(directory);
  if (!files.damage.empty()) {
    say(files.damage);
    return failed;
  }
  const std::uint64_t begins_after = files.first_sequence == 0 ? 0 : files.first_sequence - 1;
  const auto frames = persistence::journal_frames(directory, persistence::ReadUpTo::committed);
  frames->open(begins_after);
  // The oldest that is of use: PostgreSQL may be behind the newest.
  std::shared_ptr<const persistence::Snapshot> snapshot;
  if (begins_after != 0) {
    auto snapshots = persistence::list_snapshots(directory);
    std::reverse(snapshots.begin(), snapshots.end());
    std::string words;
    for (const auto& file : snapshots) {
      if (file.sequence < begins_after) continue;
      snapshot = persistence::load_fitting_snapshot(directory, file, words);
      if (snapshot != nullptr) break;
    }
  }
  persistence::VerifyResult result;
  if (const auto wrong =
          persistence::verify_projection(connection, *frames, begins_after, snapshot.get(),
                                         frames->uuid(), config, task.limit, result)) {
    say(wrong->words);
    return failed;
  }
  json rows = json::array();
  for (const auto& row : result.differences) {
    rows.push_back({{"table", row.table}, {"id", row.id}, {"difference", row.what}});
  }
  std::string text;
  if (task.as_json) {
    text = json{{"compared_up_to", result.position},
                {"begins_after", result.begins_after},
                {"snapshot", result.snapshot},
                {"rows", result.rows},
                {"difference_count", result.difference_count},
                {"differences", std::move(rows)}}
               .dump(2) +
           "\n";
  } else {
    if (!rows.empty()) text = print_table(rows, {"table", "id", "difference"}) + "\n";
    text += fmt::format("{} rows of the journal, up to record {}: {} differences\n", result.rows,
                        result.position, result.difference_count);
    if (result.begins_after != 0) {
      text += fmt::format(
          "the journal's files begin behind record {}: {}\n", result.begins_after,
          result.snapshot == 0
              ? "what rests on earlier ones was not compared"
              : fmt::format("states were compared with the snapshot of record {} and what follows",
                            result.snapshot));
    }
  }
  if (!print(out, text)) return failed;
  if (!result.stopped.empty()) {
    say(result.stopped);
    return failed;
  }
  return result.difference_count == 0 ? done : failed;
}

}  // namespace

int run_database_task(const DatabaseTask& task, std::FILE* out) {
  const config::Reading reading = config::read(task.config_file);
  if (const auto* problems = std::get_if<std::vector<config::Problem>>(&reading)) {
    for (const auto& problem : *problems) say(problem.text());
    return failed;
  }
  const auto& config = std::get<config::Config>(reading);
  if (!config.postgres) {
    say(fmt::format("{} has no [postgres]: the journal alone keeps everything", task.config_file));
    return failed;
  }
  PostgresConnection connection;
  PostgresConnection::Options options;
  options.dsn = config.postgres->dsn;
  options.application_name = "halcyonctl " + config.daemon.name;
  options.answer_timeout = std::chrono::minutes{30};  // a replay may be long
  if (const auto wrong = connection.connect(options)) {
    say(wrong->words);
    return failed;
  }
  try {
    switch (task.verb) {
      case DatabaseTask::Verb::status:
        return status(connection, task, out);
      case DatabaseTask::Verb::migrate:
        return migrate(connection, out);
      case DatabaseTask::Verb::verify:
        return verify(connection, config, task, out);
    }
  } catch (const persistence::JournalError& error) {
    say(error.what());
  }
  return failed;
}

}  // namespace halcyon::daemon
