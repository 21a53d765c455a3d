#include "persistence/projector.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "domain/check.h"
#include "domain/enum_name.h"
#include "persistence/postgres_connection.h"
#include "persistence/postgres_migrations.h"
#include "persistence/row_batch.h"
#include "persistence/row_folds.h"

namespace halcyon::persistence {

using domain::Severity;
using domain::Timestamp;

namespace {

class JournalFrames final : public FrameSource {
 public:
  JournalFrames(std::string directory, ReadUpTo up_to)
      : directory_(std::move(directory)), up_to_(up_to) {}
  void open(std::uint64_t after_sequence) override {
    reader_ = JournalReader::open(directory_, after_sequence, up_to_);
  }
  bool next(FrameView& frame) override { return reader_->next(frame); }
  const JournalUuid& uuid() const override { return reader_->uuid(); }

 private:
  std::string directory_;
  ReadUpTo up_to_;
  std::unique_ptr<JournalReader> reader_;
};

constexpr const char* position_statement = "projection_position";

std::uint64_t parse_number(const std::optional<std::string>& text) {
  return text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
}

template <class Id>
Id dense(const std::optional<std::string>& text) {
  return text ? static_cast<Id>(parse_number(text)) : domain::no<Id>;
}

/// What one try to write a batch came to.
enum class Written : std::uint8_t { yes, a_row_was_refused, moved, failed };

}  // namespace

std::unique_ptr<FrameSource> journal_frames(std::string directory, ReadUpTo up_to) {
  return std::make_unique<JournalFrames>(std::move(directory), up_to);
}

class Projector::Impl {
 public:
  explicit Impl(ProjectorSetup setup)
      : setup_(std::move(setup)),
        limits_(setup_.limits),
        translator_(setup_.journal, *setup_.config),
        daemon_(setup_.config->daemon.name),
        journal_text_(to_string(translator_.journal())),
        retry_delay_(limits_.first_retry) {
    setup_.config = nullptr;
    connect_options_.dsn = setup_.dsn;
    connect_options_.application_name = "halcyond " + daemon_ + " projector";
    connect_options_.connect_timeout = limits_.connect_timeout;
    connect_options_.answer_timeout = limits_.answer_timeout;
    connect_options_.interrupted = &interrupted_;
  }

  std::size_t run_once(Timestamp now) {
    now_ = now;
    if (!stop_words_.empty()) return 0;
    std::size_t work = 0;
    if (!connection_.is_open()) {
      if (now < retry_at_ || !begin()) {
        measure();
        return 0;
      }
      ++work;
    }
    work += read();
    if (stop_words_.empty() && is_due()) work += write();
    measure();
    say_caught_up();
    return work;
  }

  Timestamp next_deadline() const {
    if (!stop_words_.empty()) return domain::never;
    if (!connection_.is_open()) return retry_at_;
    if (!batch_.empty()) return std::min(now_ + limits_.idle_poll, opened_ + limits_.batch_age);
    return now_ + limits_.idle_poll;
  }

  void hurry() { hurried_ = true; }
  bool is_caught_up() const {
    return connection_.is_open() && stop_words_.empty() && source_is_empty_ && batch_.empty();
  }
  void interrupt() { interrupted_.store(true, std::memory_order_relaxed); }
  const Readings& readings() const { return readings_; }
  const std::string& stop_words() const { return stop_words_; }

 private:
  // -- words --

  void say(Severity severity, std::string_view words) {
    if (setup_.say) setup_.say(severity, words);
  }

  std::string behind() const {
    return fmt::format("behind by {} records ({} s)", readings_.backlog_records.load(),
                       readings_.backlog_ms.load() / 1000);
  }

  /// Says trouble at once when it is new, and again from time to time while it lasts.
  void say_trouble(const std::string& words) {
    measure();
    if (interrupted_.load(std::memory_order_relaxed)) return;
    const bool is_alarm = readings_.is_alarmed.load();
    const bool is_new = words != trouble_ || (is_alarm && !is_alarm_said_);
    if (!is_new && now_ < trouble_said_ + limits_.repeat_words) return;
    trouble_ = words;
    trouble_said_ = now_;
    is_alarm_said_ = is_alarm;
    say(is_alarm ? Severity::alarm : Severity::warning,
        fmt::format("{}: {}; trading goes on, check the server", behind(), words));
  }

  void stop(std::string words) {
    stop_words_ = fmt::format(
        "the projection of journal {} stops at record {}: {}; trading goes on, "
        "PostgreSQL "
        "is not told any more",
        journal_text_, position_, words);
    connection_.close();
    readings_.is_connected = false;
    readings_.is_stopped = true;
    say(Severity::alarm, stop_words_);
  }

  void give_up_for_now(const std::string& words) {
    connection_.close();
    readings_.is_connected = false;
    // A quarter of jitter keeps many daemons from coming back in step.
    const auto jitter = static_cast<std::int64_t>(
        domain::mix(domain::mix(++failures_) ^
                    static_cast<std::uint64_t>(domain::to_unix_ns(now_))) %
        static_cast<std::uint64_t>(std::max<std::int64_t>(retry_delay_.count() / 4, 1)));
    retry_at_ = now_ + retry_delay_ + domain::Duration{jitter};
    retry_delay_ = std::min(retry_delay_ * 2, limits_.last_retry);
    say_trouble(words);
  }

  void measure() {
    std::uint64_t newest = batch_.to;
    if (setup_.newest_sequence) newest = std::max(newest, setup_.newest_sequence());
    const std::uint64_t records = newest > position_ ? newest - position_ : 0;
    if (records == 0) {
      behind_since_.reset();
    } else if (!behind_since_) {
      behind_since_ = now_;
    }
    Timestamp oldest = behind_since_.value_or(now_);
    if (!batch_.empty()) oldest = std::min(oldest, batch_.oldest);
    readings_.position = position_;
    readings_.backlog_records = records;
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now_ - oldest).count();
    readings_.backlog_ms = age > 0 && records > 0 ? static_cast<std::uint64_t>(age) : 0;
    readings_.is_alarmed = readings_.backlog_ms > milliseconds(limits_.alarm_after);
    if (!readings_.is_alarmed) is_alarm_said_ = false;
  }

  // -- beginning --

  /// Connects, brings the schema up to date, and goes on where PostgreSQL is.
  bool begin() {
    PostgresOutcome failed = connection_.connect(connect_options_);
    std::size_t steps = 0;
    if (!failed) failed = migrate(connection_, migrations(), steps);
    if (!failed && steps > 0) {
      say(Severity::info, fmt::format("{} steps of the schema applied in {}; partitions "
                                      "are plain PostgreSQL's",
                                      steps, connection_.where()));
    }
    if (!failed) failed = prepare();
    if (!failed) failed = find_position();
    if (!failed && stop_words_.empty()) failed = write_configured();
    if (!stop_words_.empty()) return false;
    if (failed) {
      give_up_for_now(failed->words);
      return false;
    }
    ++readings_.connects;
    readings_.is_connected = true;
    measure();
    if (readings_.connects == 1) {
      say(Severity::info, fmt::format("connected to {}, at record {} of the journal, {}",
                                      connection_.where(), position_, behind()));
    }
    return true;
  }

  PostgresOutcome prepare() {
    known_months_.clear();
    // COPY is not allowed into a table whose row-level security binds us, so that a writer that
    // does not own the schema copies beside it and inserts from there.
    PostgresRows bound;
    if (auto failed = connection_.run("SELECT row_security_active('halcyon.fills')", &bound)) {
      return failed;
    }
    is_staged_ = bound.at(0).at(0) == "t";
    for (std::size_t kind = 0; is_staged_ && kind < row_kinds; ++kind) {
      const TableSpec& spec = spec_of(static_cast<RowKind>(kind));
      if (spec.action != RowAction::append) continue;
      if (auto failed = connection_.run(fmt::format(
              "CREATE TEMPORARY TABLE IF NOT EXISTS stage_{0} (LIKE halcyon.{0})", spec.table))) {
        return failed;
      }
    }
    for (std::size_t kind = 0; kind < row_kinds; ++kind) {
      const TableSpec& spec = spec_of(static_cast<RowKind>(kind));
      if (spec.action == RowAction::append) continue;
      if (auto failed = connection_.prepare(spec.statement, statement_of(spec))) return failed;
    }
    return connection_.prepare(
        position_statement,
        "UPDATE halcyon.projections SET position = $2, position_received_ns = $3, "
        "updated_at = now() WHERE id = $1 AND position = $4");
  }

  PostgresOutcome find_position() {
    const char* const parameters[] = {journal_text_.c_str(), daemon_.c_str()};
    PostgresRows rows;
    const auto ask = [&] {
      return connection_.query(
          "SELECT position, position_received_ns FROM halcyon.projections WHERE id = $1",
          std::span{parameters, 1}, &rows);
    };
    if (auto failed = ask()) return failed;
    if (rows.empty()) {
      if (auto failed = connection_.query(
              "WITH older AS (UPDATE halcyon.projections SET is_current = false "
              "               WHERE daemon = $2 AND id <> $1) "
              "INSERT INTO halcyon.projections "
              "  (id, daemon, is_current, position, created_at, updated_at) "
              "VALUES ($1, $2, true, 0, now(), now()) ON CONFLICT (id) DO NOTHING",
              parameters)) {
        return failed;
      }
      if (auto failed = ask()) return failed;
      if (rows.empty()) return PostgresFailure{{}, {}, "the projection's row is not kept"};
    }
    const std::uint64_t position = parse_number(rows[0][0]);
    const std::string received = rows[0][1].value_or("");

    if (is_open_ && position == batch_.from && position == position_) return {};  // goes on
    if (is_open_ && !batch_.empty() && position == batch_.to &&
        received == std::to_string(domain::to_unix_ns(batch_.to_received))) {
      // The answer to the commit was lost, the commit was not.
      count_written();
      return {};
    }
    return start_at(position, received);
  }

  /// Another place than where this projector was: the names from PostgreSQL, the rest from the
  /// journal behind `position`.
  PostgresOutcome start_at(std::uint64_t position, const std::string& received) {
    is_open_ = false;
    batch_.clear(position);
    position_ = position;
    source_is_empty_ = false;
    if (auto failed = load_names()) return failed;
    if (!stop_words_.empty()) return {};
    try {
      if (position == 0 || !open_before(position, received)) setup_.frames->open(position);
      if (stop_words_.empty() && setup_.frames->uuid() != setup_.journal) {
        stop(fmt::format("its frames come from another journal ({})",
                         to_string(Uuid{setup_.frames->uuid().bytes})));
      }
    } catch (const JournalError& error) {
      stop(error.what());
    }
    is_open_ = stop_words_.empty();
    return {};
  }

  /// Opens one frame earlier, to see that the journal's frame at `position` is the one that was
  /// projected: a data directory that was restored from a copy may have grown past it again with
  /// other content. False: that frame is not kept any more, so there is nothing to compare.
  bool open_before(std::uint64_t position, const std::string& received) {
    try {
      setup_.frames->open(position - 1);
    } catch (const JournalError&) {
      return false;
    }
    FrameView frame;
    do {
      if (!setup_.frames->next(frame)) {
        stop(
            fmt::format("PostgreSQL has the journal up to record {}, the journal ends before it; "
                        "the data directory is older than the database: restore the newer one, or "
                        "begin a new journal",
                        position));
        return true;
      }
    } while (frame.is_dictionary || frame.sequence < position);
    if (frame.sequence != position ||
        std::to_string(domain::to_unix_ns(frame.received)) != received) {
      stop(
          fmt::format("record {} of the journal is not the one that PostgreSQL has; the data "
                      "directory was restored or exchanged: restore the newer one, or begin a new "
                      "journal",
                      position));
    }
    return true;
  }

  PostgresOutcome load_names() {
    translator_.forget();
    const char* const parameters[] = {journal_text_.c_str()};
    PostgresRows rows;
    // By kind in the order of domain::NameKind, so that what others refer to comes first.
    if (auto failed = connection_.query(
            "SELECT kind, dense_id, name, venue_dense_id, base_dense_id, quote_dense_id, "
            "       asset_class FROM halcyon.journal_names WHERE journal_id = $1 "
            "ORDER BY array_position(ARRAY['venue', 'asset', 'account', 'strategy', 'instrument', "
            "                              'user'], kind), dense_id",
            parameters, &rows)) {
      return failed;
    }
    for (const auto& row : rows) {
      domain::Named named;
      const auto kind = domain::enum_parse<domain::NameKind>(row[0].value_or(""));
      named.kind = kind.value_or(domain::NameKind::asset);
      named.id = static_cast<std::uint32_t>(parse_number(row[1]));
      named.venue = dense<domain::VenueId>(row[3]);
      named.base = dense<domain::AssetId>(row[4]);
      named.quote = dense<domain::AssetId>(row[5]);
      named.asset_class = domain::enum_parse<domain::AssetClass>(row[6].value_or(""))
                              .value_or(domain::AssetClass::crypto);
      if (!kind || !translator_.restore(named, row[2].value_or(""))) {
        stop(fmt::format("halcyon.journal_names contradicts itself at {} {} \"{}\"; restore it",
                         row[0].value_or(""), named.id, row[2].value_or("")));
        return {};
      }
    }
    if (auto failed = connection_.query(
            "SELECT a.name, coalesce(a.venue_kind, ''), coalesce(a.environment, ''), "
            "       coalesce(a.mode, ''), coalesce(u.name, '') "
            "FROM halcyon.accounts a LEFT JOIN halcyon.users u ON u.id = a.owner_id "
            "WHERE a.journal_id = $1",
            parameters, &rows)) {
      return failed;
    }
    for (const auto& row : rows) {
      translator_.remember_account(*row[0], {*row[1], *row[2], *row[3], *row[4]});
    }
    return load_folds(parameters);
  }

  /// Where the folds stand: in the last rows that they made.
  PostgresOutcome load_folds(std::span<const char* const> journal) {
    PostgresRows rows;
    if (auto failed = connection_.query(last_equity_days, journal, &rows)) return failed;
    for (const auto& row : rows) {
      if (translator_.restore_equity_day(row)) continue;
      say(Severity::warning,
          fmt::format("halcyon.equity_daily of curve {} is not as it was written; its day begins "
                      "anew",
                      row[0].value_or("")));
    }
    return {};
  }

  /// What rows say beside the journal follows the configuration of this start.
  PostgresOutcome write_configured() {
    RowBatch rows;
    rows.clear(position_);
    translator_.add_configured(now_, rows);
    for (const RowSet& set : rows.sets) {
      std::vector<const char*> parameters;
      for (std::size_t row = 0; row < set.size(); ++row) {
        set.parameters(row, parameters);
        std::size_t affected = 0;
        auto failed = connection_.execute(set.spec().statement, parameters, affected);
        if (!failed) continue;
        if (failed->blame != PostgresFailure::Blame::row) return failed;
        // The older row stays; nothing of the journal is lost by that.
        say(Severity::warning, fmt::format("{} refused what the configuration says: {}",
                                           set.spec().table, failed->words));
      }
    }
    // A limit that this configuration does not have any more.
    char text[max_time_text];
    const std::string started{text, print(now_, text)};
    const char* const parameters[] = {journal_text_.c_str(), started.c_str()};
    return connection_.query(
        "UPDATE halcyon.trading_limits SET is_active = false "
        "WHERE journal_id = $1 AND is_active AND updated_at <> $2::timestamptz",
        parameters);
  }

  // -- reading --

  bool is_full() const {
    return batch_.rows() >= limits_.batch_rows || batch_.bytes() >= limits_.batch_bytes ||
           batch_.frames >= max_batch_frames;
  }
  bool is_due() const {
    return !batch_.empty() && (is_full() || hurried_ || now_ >= opened_ + limits_.batch_age);
  }

  std::size_t read() {
    std::size_t frames = 0;
    try {
      FrameView frame;
      source_is_empty_ = false;
      while (!is_full()) {
        if (!setup_.frames->next(frame)) {
          source_is_empty_ = true;
          break;
        }
        if (batch_.empty()) opened_ = now_;
        std::string words;
        if (!translator_.add(frame, batch_, words)) {
          stop(words);
          break;
        }
        ++frames;
      }
    } catch (const JournalError& error) {
      // What was read before the damage is still good: it is written before the stop.
      if (batch_.empty()) {
        stop(error.what());
      } else {
        hurried_ = true;
      }
    }
    return frames;
  }

  // -- writing --

  std::size_t write() {
    const std::size_t rows = batch_.rows();
    std::string words;
    Written written = write_batch(false, words);
    if (written == Written::a_row_was_refused) {
      if (connection_.is_open() && roll_back(words)) written = write_batch(true, words);
    }
    switch (written) {
      case Written::yes:
        count_written();
        retry_delay_ = limits_.first_retry;
        say_progress();
        return rows;
      case Written::moved:
        // Another projector of this journal was here. Start where it is.
        if (!roll_back(words)) break;
        if (auto failed = find_position()) {
          words = failed->words;
          break;
        }
        return 0;
      case Written::a_row_was_refused:
      case Written::failed:
        break;
    }
    if (stop_words_.empty()) give_up_for_now(words);
    return 0;
  }

  void count_written() {
    readings_.rows += batch_.rows();
    readings_.rejected_rows += rejected_.size();
    ++readings_.batches;
    for (const std::string& words : rejected_) say(Severity::alarm, words);
    rejected_.clear();
    position_ = batch_.to;
    batch_.clear(position_);
  }

  /// After a batch was taken: whether trouble is over, or slowness is one.
  void say_progress() {
    measure();
    if (readings_.backlog_ms > milliseconds(limits_.slow_after)) {
      say_trouble("PostgreSQL takes rows more slowly than they come");
    } else if (!trouble_.empty()) {
      say(Severity::info, fmt::format("{} takes rows again, {}", connection_.where(), behind()));
      trouble_.clear();
      was_in_trouble_ = true;
    }
  }

  void say_caught_up() {
    if (!is_caught_up() || (trouble_.empty() && !was_in_trouble_)) return;
    trouble_.clear();
    was_in_trouble_ = false;
    say(Severity::info, fmt::format("caught up at record {}", position_));
  }

  static std::uint64_t milliseconds(domain::Duration duration) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
  }

  bool roll_back(std::string& words) {
    if (auto failed = connection_.run("ROLLBACK")) {
      words = failed->words;
      return false;
    }
    return true;
  }

  /// One transaction: the guard, COPY of what is appended, the last states, the position.
  /// `careful`: row by row where need be, and what is refused goes to rejected_rows.
  Written write_batch(bool careful, std::string& words) {
    rejected_.clear();
    const auto failed_with = [&](const PostgresFailure& failure) {
      words = failure.words;
      return !careful && failure.blame == PostgresFailure::Blame::row && connection_.is_open()
                 ? Written::a_row_was_refused
                 : Written::failed;
    };
    if (auto failed = make_partitions()) {
      words = failed->words;
      return Written::failed;
    }
    // Locking the position first means that nobody else writes rows of this journal until we are
    // done, and that an earlier try of our own, still alive in the server, ends before.
    PostgresRows rows;
    if (auto failed = connection_.run(
            fmt::format(
                "BEGIN; SELECT position FROM halcyon.projections WHERE id = '{}' FOR UPDATE",
                journal_text_),
            &rows)) {
      words = failed->words;
      return Written::failed;
    }
    if (rows.empty() || parse_number(rows[0][0]) != batch_.from) return Written::moved;

    for (const RowSet& set : batch_.sets) {
      if (set.empty() || set.spec().action != RowAction::append) continue;
      const auto failed =
          careful ? copy_carefully(set, 0, set.size()) : copy_rows(set, 0, set.size());
      if (failed) return failed_with(*failed);
    }
    if (const auto failed = careful ? change_carefully() : change_rows()) {
      return failed_with(*failed);
    }
    if (auto failed = connection_.run("COMMIT")) {
      words = failed->words;
      return Written::failed;
    }
    return Written::yes;
  }

  PostgresOutcome make_partitions() {
    std::set<std::int32_t> wanted;
    for (const std::int32_t month : batch_.months) {
      wanted.insert(month);
      wanted.insert(month + 1);  // ahead of its first row
    }
    for (const std::int32_t month : wanted) {
      if (month < first_partition_month || month > last_partition_month ||
          known_months_.contains(month)) {
        continue;
      }
      const std::string day = fmt::format("{:04}-{:02}-01", month / 12, month % 12 + 1);
      // Two daemons may want the same one: the lock makes the second see the first's.
      if (auto failed = connection_.run(
              fmt::format("BEGIN; SELECT pg_advisory_xact_lock(29379829713563503); "
                          "SELECT halcyon.ensure_partition('order_events', '{0}'); "
                          "SELECT halcyon.ensure_partition('equity_history', '{0}'); COMMIT",
                          day))) {
        if (!connection_.is_open()) return failed;
        if (auto worse = connection_.run("ROLLBACK")) return worse;
        // The default partition holds rows of this month already: they and the new ones stay there.
        if (failed->blame != PostgresFailure::Blame::row) return failed;
      }
      known_months_.insert(month);
    }
    return {};
  }

  PostgresOutcome copy_rows(const RowSet& set, std::size_t first, std::size_t last) {
    copy_text_.clear();
    set.copy_text(first, last, copy_text_);
    const TableSpec& spec = set.spec();
    if (!is_staged_) return connection_.copy(copy_statement_of(spec), copy_text_);
    const std::string stage = "pg_temp.stage_" + std::string{spec.table};
    if (auto failed = connection_.copy(copy_statement_of(spec, stage), copy_text_)) return failed;
    const std::string names = column_names(spec);
    return connection_.run(
        fmt::format("INSERT INTO halcyon.{0} ({1}) SELECT {1} FROM {2}; "
                    "TRUNCATE {2}",
                    spec.table, names, stage));
  }

  std::array<std::string, 4> position_parameters() const {
    return {journal_text_, std::to_string(batch_.to),
            std::to_string(domain::to_unix_ns(batch_.to_received)), std::to_string(batch_.from)};
  }

  PostgresOutcome change_rows() {
    const PostgresFailure no_row{PostgresFailure::Blame::row, "02000", "there is no row to change"};
    if (auto failed = connection_.pipeline_begin()) return failed;
    std::vector<const char*> parameters;
    std::vector<bool> must_exist;
    for (const RowSet& set : batch_.sets) {
      if (set.spec().action == RowAction::append) continue;
      for (std::size_t row = 0; row < set.size(); ++row) {
        set.parameters(row, parameters);
        if (auto failed = connection_.pipeline_add(set.spec().statement, parameters)) return failed;
        must_exist.push_back(set.spec().action == RowAction::update);
      }
    }
    const auto values = position_parameters();
    const char* const position[] = {values[0].c_str(), values[1].c_str(), values[2].c_str(),
                                    values[3].c_str()};
    if (auto failed = connection_.pipeline_add(position_statement, position)) return failed;
    std::vector<std::size_t> affected;
    if (auto failed = connection_.pipeline_finish(affected)) return failed;
    HALCYON_CHECK(affected.size() == must_exist.size() + 1, "every statement has its answer");
    for (std::size_t index = 0; index < must_exist.size(); ++index) {
      if (must_exist[index] && affected[index] == 0) return no_row;
    }
    HALCYON_CHECK(affected.back() == 1, "a locked position does not move");
    return {};
  }

  // -- the careful way: after a row was refused --

  PostgresOutcome save(const char* what) { return connection_.run(what); }

  PostgresOutcome copy_carefully(const RowSet& set, std::size_t first, std::size_t last) {
    if (auto failed = save("SAVEPOINT rows")) return failed;
    auto refused = copy_rows(set, first, last);
    if (!refused) return save("RELEASE SAVEPOINT rows");
    if (!connection_.is_open() || refused->blame != PostgresFailure::Blame::row) return refused;
    if (auto failed = save("ROLLBACK TO SAVEPOINT rows; RELEASE SAVEPOINT rows")) return failed;
    if (last - first == 1) return set_aside(set, first, *refused);
    const std::size_t middle = first + (last - first) / 2;
    if (auto failed = copy_carefully(set, first, middle)) return failed;
    return copy_carefully(set, middle, last);
  }

  PostgresOutcome change_carefully() {
    std::vector<const char*> parameters;
    for (const RowSet& set : batch_.sets) {
      if (set.spec().action == RowAction::append) continue;
      for (std::size_t row = 0; row < set.size(); ++row) {
        if (auto failed = save("SAVEPOINT rows")) return failed;
        set.parameters(row, parameters);
        std::size_t affected = 0;
        auto refused = connection_.execute(set.spec().statement, parameters, affected);
        if (!refused && affected == 0 && set.spec().action == RowAction::update) {
          refused = PostgresFailure{PostgresFailure::Blame::row, "02000",
                                    "there is no row to change; was it set aside itself?"};
        }
        if (!refused) {
          if (auto failed = save("RELEASE SAVEPOINT rows")) return failed;
          continue;
        }
        if (!connection_.is_open() || refused->blame != PostgresFailure::Blame::row) return refused;
        if (auto failed = save("ROLLBACK TO SAVEPOINT rows; RELEASE SAVEPOINT rows")) return failed;
        if (auto failed = set_aside(set, row, *refused)) return failed;
      }
    }
    const auto values = position_parameters();
    const char* const position[] = {values[0].c_str(), values[1].c_str(), values[2].c_str(),
                                    values[3].c_str()};
    std::size_t affected = 0;
    if (auto failed = connection_.execute(position_statement, position, affected)) return failed;
    HALCYON_CHECK(affected == 1, "a locked position does not move");
    return {};
  }

  PostgresOutcome set_aside(const RowSet& set, std::size_t row, const PostgresFailure& why) {
    const RowSet::Mark& mark = set.mark(row);
    const TableSpec& spec = set.spec();
    const std::string_view kind = spec.statement.empty() ? spec.table : spec.statement;
    const std::string id =
        to_string(name_uuid(translator_.journal(),
                            fmt::format("rejected/{}/{}/{}", kind, mark.sequence, mark.ordinal)));
    const std::string sequence = std::to_string(mark.sequence);
    const std::string ordinal = std::to_string(mark.ordinal);
    const std::string table{spec.table};
    const std::string payload = set.json(row);
    std::string reason;
    append_valid(why.words, reason);
    const char* const parameters[] = {
        id.c_str(),           journal_text_.c_str(),
        sequence.c_str(),     ordinal.c_str(),
        table.c_str(),        spec.action == RowAction::update ? "update" : "insert",
        why.sqlstate.c_str(), reason.c_str(),
        payload.c_str()};
    if (auto failed = connection_.query(
            "INSERT INTO halcyon.rejected_rows (id, journal_id, journal_sequence, ordinal, "
            "  table_name, action, sqlstate, reason, payload, created_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now()) ON CONFLICT (id) DO NOTHING",
            parameters)) {
      failed->words = fmt::format(
          "a row of record {} for {} is refused ({}) and cannot be set "
          "aside: {}",
          mark.sequence, spec.table, why.words, failed->words);
      return failed;
    }
    rejected_.push_back(
        fmt::format("{} refused a row of record {}: {}; it is set aside in "
                    "halcyon.rejected_rows, look at it",
                    spec.table, mark.sequence, why.words));
    return {};
  }

  /// Frames without rows (an input that decided nothing) move the position all the same.
  static constexpr std::size_t max_batch_frames = 20'000;

  ProjectorSetup setup_;
  ProjectorLimits limits_;
  RowTranslator translator_;
  std::string daemon_;
  std::string journal_text_;
  PostgresConnection::Options connect_options_;
  PostgresConnection connection_;
  RowBatch batch_;
  std::uint64_t position_ = 0;    // as PostgreSQL has it, as far as we know
  bool is_open_ = false;          // the source stands behind batch_.to
  bool source_is_empty_ = false;  // at the last look
  bool hurried_ = false;
  bool is_staged_ = false;  // appended rows go through temporary tables
  Timestamp now_;
  Timestamp opened_;  // when the batch got its first frame
  Timestamp retry_at_;
  domain::Duration retry_delay_;
  std::uint64_t failures_ = 0;
  std::optional<Timestamp> behind_since_;
  std::set<std::int32_t> known_months_;
  std::vector<std::string> rejected_;  // words about rows set aside in this transaction
  std::string copy_text_;
  std::string trouble_;
  Timestamp trouble_said_;
  bool was_in_trouble_ = false;
  bool is_alarm_said_ = false;
  std::string stop_words_;
  std::atomic<bool> interrupted_{false};
  Readings readings_;
};

Projector::Projector(ProjectorSetup setup) : impl_(std::make_unique<Impl>(std::move(setup))) {}
Projector::~Projector() = default;
std::size_t Projector::run_once(Timestamp now) { return impl_->run_once(now); }
Timestamp Projector::next_deadline() const { return impl_->next_deadline(); }
void Projector::hurry() { impl_->hurry(); }
bool Projector::is_caught_up() const { return impl_->is_caught_up(); }
void Projector::interrupt() { impl_->interrupt(); }
const Projector::Readings& Projector::readings() const { return impl_->readings(); }
const std::string& Projector::stop_words() const { return impl_->stop_words(); }

}  // namespace halcyon::persistence
