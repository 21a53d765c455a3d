#include "persistence/database_check.h"

#include <array>
#include <cstdlib>
#include <map>
#include <set>
#include <string_view>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "domain/enum_name.h"
#include "persistence/postgres_migrations.h"
#include "persistence/row_batch.h"
#include "persistence/row_set.h"

namespace halcyon::persistence {

namespace {

std::uint64_t number(const std::optional<std::string>& text) {
  return text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
}

/// Frames a batch of the replay.
constexpr std::size_t batch_rows = 5'000;

/// Columns that do not come from the journal, by table; of every table: none.
const std::map<std::string_view, std::set<std::string_view>>& beside_the_journal() {
  static const std::map<std::string_view, std::set<std::string_view>> columns{
      {"users", {"created_at", "updated_at"}},
      {"accounts", {"venue_kind", "environment", "mode", "owner_id", "created_at", "updated_at"}},
      {"strategies", {"type", "owner_id", "created_at", "updated_at"}},
      {"orders", {"environment", "mode"}},
      {"order_denials", {"environment", "mode"}},
      {"equity_history", {"currency"}},
      {"equity_daily", {"currency"}},
      // A later start may have said the same name again.
      {"journal_names", {"journal_sequence"}},
  };
  return columns;
}

bool is_compared(std::string_view table) { return table != "trading_limits"; }

/// Columns of a last state that a snapshot does not keep.
constexpr std::string_view beside_the_snapshot[] = {
    "journal_sequence", "created_at", "updated_at", "started_at", "text",
    // Of accounts that are ready only; a start forgets it.
    "is_ready", "ready_reason"};

/// Tables of which a snapshot has every key that there ever was.
bool is_whole_in_snapshots(std::string_view table) {
  return table == "positions" || table == "balances";
}

/// An order that nothing was heard of stands in a snapshot with a change that was never recorded.
bool is_unchanged(const domain::Record& record) {
  const auto* changed = std::get_if<domain::OrderChanged>(&record);
  return changed != nullptr && changed->state == domain::OrderState::pending_submit &&
         changed->filled.is_zero() && changed->evidence.venue_time == domain::Timestamp{} &&
         changed->venue_order.is_none();
}

/// The tables that records go to, each once.
std::vector<std::string_view> tables() {
  std::vector<std::string_view> names;
  std::set<std::string_view> known;
  for (std::size_t kind = 0; kind < row_kinds; ++kind) {
    const std::string_view table = spec_of(static_cast<RowKind>(kind)).table;
    if (is_compared(table) && known.insert(table).second) names.push_back(table);
  }
  return names;
}

bool is_appended(std::string_view table) {
  for (std::size_t kind = 0; kind < row_kinds; ++kind) {
    const TableSpec& spec = spec_of(static_cast<RowKind>(kind));
    if (spec.table == table && spec.action != RowAction::append) return false;
  }
  return true;
}

}  // namespace

PostgresOutcome read_status(PostgresConnection& connection, DatabaseStatus& status) {
  status.where = connection.where();
  status.known = migrations().size();
  PostgresRows rows;
  if (auto failed =
          connection.run("SELECT current_setting('server_version'), "
                         "  to_regclass('halcyon.schema_migrations') IS NOT NULL, "
                         "  (SELECT string_agg(wanted, ', ') FROM unnest(ARRAY['halcyon_writer', "
                         "   'halcyon_reader', 'halcyon_web']) AS wanted "
                         "   WHERE wanted NOT IN (SELECT rolname FROM pg_roles)), "
                         "  EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')",
                         &rows)) {
    return failed;
  }
  status.server = rows.at(0)[0].value_or("");
  const bool has_schema = rows[0][1] == "t";
  status.missing_roles = rows[0][2].value_or("");
  status.partitions = rows[0][3] == "t" ? "TimescaleDB" : "plain PostgreSQL";
  if (!has_schema) {
    status.schema_words =
        "there is no schema yet; the daemon, or `halcyonctl db migrate`, makes it";
    return {};
  }
  if (auto failed = connection.run("SELECT count(*) FROM halcyon.schema_migrations", &rows)) {
    return failed;
  }
  status.schema = number(rows.at(0)[0]);
  if (status.schema < status.known) {
    status.schema_words = fmt::format(
        "{} steps are missing; the daemon, or `halcyonctl db "
        "migrate`, takes them",
        status.known - status.schema);
    return {};
  }
  if (auto failed = check_schema(connection, migrations())) {
    if (failed->blame == PostgresFailure::Blame::connection) return failed;
    status.schema_words = failed->words;
    return {};
  }
  if (auto failed = connection.run(
          "SELECT p.daemon, p.id, p.is_current, p.position, "
          "  to_char(p.updated_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
          "  (SELECT count(*) FROM halcyon.rejected_rows r WHERE r.journal_id = p.id) "
          "FROM halcyon.projections p ORDER BY p.daemon, p.is_current DESC, p.updated_at DESC",
          &rows)) {
    return failed;
  }
  for (const auto& row : rows) {
    status.projections.push_back({row[0].value_or(""), row[1].value_or(""), row[4].value_or(""),
                                  row[2] == "t", number(row[3]), number(row[5])});
  }
  if (auto failed = connection.run(
          "SELECT count(*) FROM halcyon.commands WHERE state IN ('new', 'taken')", &rows)) {
    return failed;
  }
  status.commands_waiting = number(rows.at(0)[0]);
  return {};
}

PostgresOutcome bring_up_to_date(PostgresConnection& connection, std::size_t& steps,
                                 std::string& words) {
  if (auto failed = migrate(connection, migrations(), steps)) return failed;
  PostgresRows rows;
  if (auto failed = connection.run("SELECT halcyon.grant_roles()", &rows)) return failed;
  words = rows.at(0)[0].value_or("");
  return {};
}

// ---- verify -------------------------------------------------------------------------------------

namespace {

class Verification {
 public:
  Verification(PostgresConnection& connection, const JournalUuid& journal,
               const config::Config& config, std::uint64_t begins_after, const Snapshot* snapshot,
               VerifyResult& result)
      : connection_(connection),
        translator_(journal, config),
        journal_(to_string(translator_.journal())),
        begins_after_(begins_after),
        snapshot_(begins_after == 0 ? nullptr : snapshot),
        result_(result) {}

  PostgresOutcome prepare() {
    if (auto failed = connection_.run(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL statement_timeout = 0; "
            "SET LOCAL idle_in_transaction_session_timeout = 0")) {
      return failed;
    }
    const std::array<const char*, 1> parameters{journal_.c_str()};
    PostgresRows rows;
    if (auto failed = connection_.query("SELECT position FROM halcyon.projections WHERE id = $1",
                                        parameters, &rows)) {
      return failed;
    }
    if (rows.empty()) {
      result_.stopped = fmt::format("PostgreSQL knows nothing of the journal {}", journal_);
      return {};
    }
    result_.position = number(rows[0][0]);
    result_.begins_after = begins_after_;
    for (const std::string_view table : tables()) {
      if (auto failed = connection_.run(fmt::format(
              "CREATE TEMPORARY TABLE verify_{0} (LIKE halcyon.{0} INCLUDING DEFAULTS INCLUDING "
              "GENERATED) ON COMMIT DROP; CREATE UNIQUE INDEX ON pg_temp.verify_{0} (id)",
              table))) {
        return failed;
      }
    }
    for (std::size_t kind = 0; kind < row_kinds; ++kind) {
      const TableSpec& spec = spec_of(static_cast<RowKind>(kind));
      if (spec.action == RowAction::append || !is_compared(spec.table)) continue;
      if (auto failed = connection_.prepare("verify_" + std::string{spec.statement},
                                            statement_of(spec, "pg_temp.verify_"))) {
        return failed;
      }
    }
    // A state that is ahead of PostgreSQL says nothing about it.
    if (snapshot_ != nullptr && snapshot_->sequence() > result_.position) snapshot_ = nullptr;
    if (snapshot_ != nullptr) {
      return write_snapshot(0, [](const domain::Record& record) {
        return std::holds_alternative<domain::Named>(record);
      });
    }
    return begins_after_ == 0 ? PostgresOutcome{} : restore_names();
  }

  PostgresOutcome replay(FrameSource& frames) {
    RowBatch batch;
    batch.clear(begins_after_);
    FrameView frame;
    std::string words;
    bool is_begun = snapshot_ == nullptr;
    while (batch.to < result_.position) {
      if (!is_begun && batch.to >= snapshot_->sequence()) {
        is_begun = true;
        if (auto failed = write(batch)) return failed;
        if (auto failed = write_snapshot_state()) return failed;
        if (!result_.stopped.empty()) return {};
      }
      bool has_frame = false;
      try {
        has_frame = frames.next(frame);
      } catch (const JournalError& error) {
        words = error.what();
      }
      if (!has_frame || frame.sequence > result_.position) {
        if (words.empty()) words = "the journal's files end before what PostgreSQL has";
        result_.stopped = words;
        break;
      }
      if (!translator_.add(frame, batch, words)) {
        result_.stopped = words;
        break;
      }
      if (batch.rows() >= batch_rows) {
        if (auto failed = write(batch)) return failed;
      }
    }
    if (auto failed = write(batch)) return failed;
    if (is_begun || !result_.stopped.empty()) return {};
    return write_snapshot_state();
  }

  PostgresOutcome compare(std::size_t most) {
    for (const std::string_view table : tables()) {
      if (auto failed = compare(table, most)) return failed;
    }
    return connection_.run("ROLLBACK");
  }

 private:
  PostgresOutcome restore_names() {
    const std::array<const char*, 1> parameters{journal_.c_str()};
    PostgresRows rows;
    if (auto failed = connection_.query(
            "SELECT kind, dense_id, name, venue_dense_id, base_dense_id, quote_dense_id, "
            "       asset_class FROM halcyon.journal_names WHERE journal_id = $1 "
            "ORDER BY array_position(ARRAY['venue', 'asset', 'account', 'strategy', "
            "                              'instrument', 'user'], kind), dense_id",
            parameters, &rows)) {
      return failed;
    }
    const auto dense = [](const std::optional<std::string>& text, auto none) {
      return text ? static_cast<decltype(none)>(number(text)) : none;
    };
    for (const auto& row : rows) {
      domain::Named named;
      named.kind = domain::enum_parse<domain::NameKind>(row[0].value_or(""))
                       .value_or(domain::NameKind::asset);
      named.id = static_cast<std::uint32_t>(number(row[1]));
      named.venue = dense(row[3], domain::no<domain::VenueId>);
      named.base = dense(row[4], domain::no<domain::AssetId>);
      named.quote = dense(row[5], domain::no<domain::AssetId>);
      named.asset_class = domain::enum_parse<domain::AssetClass>(row[6].value_or(""))
                              .value_or(domain::AssetClass::crypto);
      translator_.restore(named, row[2].value_or(""));
    }
    return {};
  }

  /// The last states as the snapshot has them; what it says of single happenings is not all of
  /// them.
  PostgresOutcome write_snapshot_state() {
    result_.snapshot = snapshot_->sequence();
    return write_snapshot(snapshot_->sequence() - 1,
                          [](const domain::Record& record) { return !is_unchanged(record); });
  }
  template <class Wanted>
  PostgresOutcome write_snapshot(std::uint64_t behind, const Wanted& wanted) {
    RowBatch batch;
    batch.clear(behind);
    FrameView frame;
    frame.sequence = behind + 1;
    frame.received = snapshot_->head().received;
    std::vector<domain::RecordEntry> records;
    snapshot_->each([&](const domain::RecordEntry& entry) {
      if (wanted(entry.record)) records.push_back(entry);
    });
    frame.records = records;
    if (!translator_.add(frame, batch, result_.stopped)) return {};
    for (RowSet& set : batch.sets) {
      if (set.spec().action == RowAction::append) set.clear();
    }
    return write(batch);
  }

  PostgresOutcome write(RowBatch& batch) {
    std::string text;
    std::vector<const char*> parameters;
    for (const RowSet& set : batch.sets) {
      const TableSpec& spec = set.spec();
      if (set.empty() || !is_compared(spec.table)) continue;
      result_.rows += set.size();
      if (spec.action == RowAction::append) {
        text.clear();
        set.copy_text(0, set.size(), text);
        if (auto failed = connection_.copy(
                copy_statement_of(spec, "pg_temp.verify_" + std::string{spec.table}), text)) {
          return failed;
        }
        continue;
      }
      if (auto failed = connection_.pipeline_begin()) return failed;
      for (std::size_t row = 0; row < set.size(); ++row) {
        set.parameters(row, parameters);
        if (auto failed =
                connection_.pipeline_add("verify_" + std::string{spec.statement}, parameters)) {
          return failed;
        }
      }
      std::vector<std::size_t> affected;
      if (auto failed = connection_.pipeline_finish(affected)) return failed;
    }
    batch.clear(batch.to);
    return {};
  }

  PostgresOutcome compare(std::string_view table, std::size_t most) {
    std::string left_out = "ARRAY[";
    const auto beside = beside_the_journal().find(table);
    if (beside != beside_the_journal().end()) {
      for (const std::string_view column : beside->second) {
        left_out += fmt::format("{}'{}'", left_out.back() == '[' ? "" : ", ", column);
      }
    }
    const bool rests_on_snapshot =
        result_.snapshot != 0 && !is_appended(table) && table != "equity_daily";
    if (rests_on_snapshot) {
      for (const std::string_view column : beside_the_snapshot) {
        left_out += fmt::format("{}'{}'", left_out.back() == '[' ? "" : ", ", column);
      }
    }
    left_out += "]::text[]";
    PostgresRows rows;
    if (auto failed =
            connection_.run(fmt::format("SELECT column_name FROM information_schema.columns "
                                        "WHERE table_schema = 'halcyon' AND table_name = '{}' "
                                        "  AND column_name IN ('journal_id', 'journal_sequence')",
                                        table),
                            &rows)) {
      return failed;
    }
    bool has_journal = false;
    bool has_sequence = false;
    for (const auto& row : rows) {
      has_journal = has_journal || row[0] == "journal_id";
      has_sequence = has_sequence || row[0] == "journal_sequence";
    }
    // Users belong to no journal: those of others are nobody's difference.
    const std::string ours =
        has_journal ? fmt::format("journal_id = '{}'", journal_) : std::string{"false"};
    // Without the journal's beginning: only what it says itself, and no state that rests on more.
    std::string known = "true";
    if (begins_after_ != 0 && !rests_on_snapshot) {
      known = has_sequence && is_appended(table)
                  ? fmt::format("journal_sequence > {}", begins_after_)
                  : std::string{"false"};
    }
    std::string kept = "true";
    if (auto failed =
            connection_.run(fmt::format("SELECT time_column, keep_days FROM halcyon.retention "
                                        "WHERE table_name = '{}' AND keep_days IS NOT NULL",
                                        table),
                            &rows)) {
      return failed;
    }
    if (!rows.empty()) {
      kept = fmt::format("{} >= now() - interval '{} days'", rows[0][0].value_or(""),
                         rows[0][1].value_or(""));
    }
    const std::string from = fmt::format(
        "FROM (SELECT * FROM halcyon.{0} WHERE ({1}) AND ({2}) AND ({3})) t "
        "{5} JOIN (SELECT * FROM pg_temp.verify_{0} WHERE ({2}) AND ({3})) v ON v.id = t.id "
        "WHERE to_jsonb(t) - {4} IS DISTINCT FROM to_jsonb(v) - {4}",
        table, has_journal ? ours : fmt::format("id IN (SELECT id FROM pg_temp.verify_{})", table),
        known, kept, left_out,
        // Old rows that a snapshot has let go are still here.
        rests_on_snapshot && !is_whole_in_snapshots(table) ? "RIGHT" : "FULL");
    if (auto failed = connection_.run("SELECT count(*) " + from, &rows)) return failed;
    result_.difference_count += number(rows.at(0)[0]);
    if (result_.differences.size() >= most) return {};
    if (auto failed = connection_.run(
            fmt::format(
                "SELECT coalesce(t.id, v.id), "
                "  CASE WHEN v.id IS NULL THEN 'extra: the journal has no such record' "
                "       WHEN t.id IS NULL AND EXISTS (SELECT FROM halcyon.rejected_rows r "
                "            WHERE r.journal_id = '{0}' AND r.payload->>'id' = v.id::text) "
                "         THEN 'set aside: see halcyon.rejected_rows' "
                "       WHEN t.id IS NULL THEN 'missing' "
                "       ELSE (SELECT string_agg(format('%s is %s, the journal says %s', n.key, "
                "               coalesce(to_jsonb(t) ->> n.key, 'null'), "
                "               coalesce(n.value, 'null')), '; ' ORDER BY n.key) "
                "             FROM jsonb_each_text(to_jsonb(v)) n "
                "             WHERE n.key <> ALL ({1}) "
                "               AND (to_jsonb(t) ->> n.key) IS DISTINCT FROM n.value) END "
                "{2} ORDER BY 1 LIMIT {3}",
                journal_, left_out, from, most - result_.differences.size()),
            &rows)) {
      return failed;
    }
    for (const auto& row : rows) {
      result_.differences.push_back({std::string{table}, row[0].value_or(""), row[1].value_or("")});
    }
    return {};
  }

  PostgresConnection& connection_;
  RowTranslator translator_;
  std::string journal_;
  std::uint64_t begins_after_;
  const Snapshot* snapshot_;  ///< null: none
  VerifyResult& result_;
};

}  // namespace

PostgresOutcome verify_projection(PostgresConnection& connection, FrameSource& frames,
                                  std::uint64_t begins_after, const Snapshot* snapshot,
                                  const JournalUuid& journal, const config::Config& config,
                                  std::size_t most_differences, VerifyResult& result) {
  if (auto failed = check_schema(connection, migrations())) return failed;
  Verification verification{connection, journal, config, begins_after, snapshot, result};
  if (auto failed = verification.prepare()) return failed;
  if (!result.stopped.empty()) return connection.run("ROLLBACK");
  if (auto failed = verification.replay(frames)) return failed;
  // Half a replay says nothing about what came later.
  if (!result.stopped.empty()) return connection.run("ROLLBACK");
  return verification.compare(most_differences);
}

}  // namespace halcyon::persistence
