#include "persistence/observation_writer.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "domain/enum_name.h"
#include "persistence/postgres_connection.h"
#include "persistence/postgres_migrations.h"
#include "persistence/row_batch.h"
#include "persistence/row_set.h"
#include "persistence/row_uuid.h"

namespace halcyon::persistence {

using namespace domain;

namespace {

using Kind = ObservationKind;

template <std::size_t count>
constexpr TableSpec table(std::string_view name, RowAction action, const Column (&columns)[count]) {
  return {name, name, action, std::span<const Column>{columns, count}};
}

constexpr Column tick_columns[] = {
    {"id"},    {"time"},     {"journal_id"}, {"instrument_id"}, {"venue_trade_id"},
    {"price"}, {"quantity"}, {"aggressor"},  {"received_at"}};
constexpr Column candle_columns[] = {
    {"id"},           {"time"},        {"journal_id"},  {"instrument_id"}, {"timeframe"},
    {"open"},         {"high"},        {"low"},         {"close"},         {"volume"},
    {"quote_volume"}, {"trade_count"}, {"is_complete"}, {"updated_at"}};
constexpr Column ticker_columns[] = {
    {"id"},        {"journal_id"},   {"instrument_id"}, {"bid_price"},     {"bid_quantity"},
    {"ask_price"}, {"ask_quantity"}, {"last_price"},    {"last_quantity"}, {"updated_at"}};
constexpr Column book_columns[] = {{"id"},        {"time"}, {"journal_id"}, {"instrument_id"},
                                   {"update_id"}, {"bids"}, {"asks"}};
constexpr Column log_columns[] = {{"id"},     {"time"},  {"journal_id"}, {"epoch"},
                                  {"number"}, {"level"}, {"module"},     {"message"}};
constexpr Column status_columns[] = {
    {"id"},    {"journal_id"}, {"venue"}, {"account_id"},       {"stream"},
    {"state"}, {"reason"},     {"text"},  {"response_time_ms"}, {"clock_offset_ms"},
    {"since"}, {"updated_at"}};
constexpr Column limit_columns[] = {{"id"},   {"journal_id"}, {"session"},   {"name"},
                                    {"used"}, {"most"},       {"updated_at"}};
constexpr Column request_columns[] = {{"id"},     {"time"},      {"journal_id"}, {"epoch"},
                                      {"number"}, {"direction"}, {"caller"},     {"endpoint"},
                                      {"method"}, {"status"},    {"duration_us"}};

// In the order of ObservationKind.
constexpr std::array<TableSpec, observation_kinds> specs = {
    table("ticks", RowAction::append, tick_columns),
    table("candles", RowAction::upsert, candle_columns),
    table("tickers", RowAction::upsert, ticker_columns),
    table("book_snapshots", RowAction::append, book_columns),
    table("system_log", RowAction::append, log_columns),
    table("venue_status", RowAction::upsert, status_columns),
    table("venue_rate_limits", RowAction::upsert, limit_columns),
    table("api_requests", RowAction::append, request_columns),
};
constexpr std::size_t at(Kind kind) { return static_cast<std::size_t>(kind); }

bool has_partitions(Kind kind) {
  return kind == Kind::ticks || kind == Kind::candles || kind == Kind::book_snapshots ||
         kind == Kind::system_log || kind == Kind::api_requests;
}

std::string merge_statement(Kind kind) {
  const TableSpec& spec = specs[at(kind)];
  const std::string names = column_names(spec);
  const std::string key = has_partitions(kind) ? "id, time" : "id";
  std::string conflict = "NOTHING";
  if (spec.action == RowAction::upsert) {
    conflict = "UPDATE SET ";
    bool is_first = true;
    for (const Column& column : spec.columns) {
      if (column.name == "id" || column.name == "time") continue;
      if (!is_first) conflict += ", ";
      is_first = false;
      conflict += fmt::format("{0} = EXCLUDED.{0}", column.name);
    }
    // A start within a minute knows only its rest: the fuller candle stays.
    if (kind == Kind::candles) conflict += " WHERE EXCLUDED.trade_count >= candles.trade_count";
  }
  return fmt::format(
      "INSERT INTO halcyon.{0} ({1}) SELECT {1} FROM pg_temp.stage_{0} ON CONFLICT ({2}) DO {3}; "
      "TRUNCATE pg_temp.stage_{0}",
      spec.table, names, key, conflict);
}

constexpr std::int64_t ms_per_minute = 60'000;

struct Candle {
  Price open, high, low, close;
  Quantity volume;
  Money quote_volume;
  std::uint64_t trades = 0;
  bool is_complete = true;
  bool is_changed = false;
};

struct Ticker {
  std::optional<Quote> quote;
  std::optional<Trade> last;
  Timestamp updated;
};

template <class Amount>
Amount plus(Amount left, Amount right) {
  typename Amount::Raw sum = 0;
  return __builtin_add_overflow(left.raw(), right.raw(), &sum) ? left : Amount::from_raw(sum);
}

}  // namespace

class ObservationWriter::Impl {
 public:
  explicit Impl(ObservationSetup setup)
      : setup_(std::move(setup)),
        limits_(setup_.limits),
        keeps_(setup_.config->observations),
        retention_(setup_.config->retention),
        journal_{setup_.journal.bytes},
        retry_delay_(limits_.first_retry) {
    connect_options_.dsn = setup_.dsn;
    connect_options_.application_name = "halcyond " + setup_.config->daemon.name + " observations";
    connect_options_.connect_timeout = limits_.connect_timeout;
    connect_options_.answer_timeout = limits_.answer_timeout;
    connect_options_.interrupted = &interrupted_;
    setup_.config = nullptr;
    for (const TableSpec& spec : specs) sets_.emplace_back(spec);
  }

  // -- what comes --

  void add(const Event& event) {
    if (const auto* trade = std::get_if<Trade>(&event.what)) {
      add_trade(event, *trade);
    } else if (const auto* quote = std::get_if<Quote>(&event.what)) {
      if (!keeps_.tickers) return;
      Ticker& ticker = tickers_[event.instrument];
      ticker.quote = *quote;
      touch(event.instrument, ticker, event.received);
    } else if (const auto* lost = std::get_if<TradesLost>(&event.what)) {
      if (keeps_.ticks) count_lost(Kind::ticks, lost->count);
      if (const auto open = newest_.find(event.instrument); open != newest_.end()) {
        candles_[{event.instrument, open->second}].is_complete = false;
      }
      blind_[event.instrument] = true;
    }
  }

  void add(const BookSeen& book) {
    if (!keeps_.book_snapshots) return;
    RowSet* rows = room(Kind::book_snapshots);
    if (rows == nullptr) return;
    const auto side = [&](const auto& levels, std::size_t count) {
      std::string text = "[";
      for (std::size_t level = 0; level < count; ++level) {
        if (level > 0) text += ", ";
        text += fmt::format("[\"{}\", \"{}\"]", to_string(levels[level].price),
                            to_string(levels[level].quantity));
      }
      return text + "]";
    };
    rows->start(
        {}, name(fmt::format("book/{}/{}", index_of(book.instrument), to_unix_ns(book.received))));
    rows->time(book.received);
    rows->uuid(journal_);
    rows->uuid(instrument_row(journal_, book.instrument));
    rows->number(book.update_id);
    rows->plain(side(book.bids, book.bid_count));
    rows->plain(side(book.asks, book.ask_count));
    rows->finish();
    partitioned(Kind::book_snapshots, book.received);
  }

  void add(const LogSeen& line) {
    if (!keeps_.system_log) return;
    const std::uint64_t number = ++log_lines_;  // also of a line that is lost: it leaves a hole
    RowSet* rows = room(Kind::system_log);
    if (rows == nullptr) return;
    rows->start({}, name(fmt::format("log/{}/{}", setup_.epoch, number)));
    rows->time(line.time);
    rows->uuid(journal_);
    rows->number(std::uint64_t{setup_.epoch});
    rows->number(number);
    rows->text(line.level);
    rows->text(line.module);
    rows->text(line.message);
    rows->finish();
    partitioned(Kind::system_log, line.time);
  }

  void add(const ApiRequestSeen& request) {
    if (!keeps_.api_requests) return;
    const std::uint64_t number = ++requests_;
    RowSet* rows = room(Kind::api_requests);
    if (rows == nullptr) return;
    rows->start({}, name(fmt::format("api/{}/{}", setup_.epoch, number)));
    rows->time(request.time);
    rows->uuid(journal_);
    rows->number(std::uint64_t{setup_.epoch});
    rows->number(number);
    rows->plain(request.is_admin ? "admin" : "venue");
    rows->text(request.caller);
    rows->text(request.endpoint);
    rows->text(request.method);
    rows->number(std::int64_t{request.status});
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(request.took).count();
    rows->number(std::max<std::int64_t>(took, 0));
    rows->finish();
    partitioned(Kind::api_requests, request.time);
  }

  void add(const VenueStatusSeen& status) {
    if (!keeps_.venue_status) return;
    statuses_[fmt::format("venue_status/{}/{}/{}", status.venue,
                          status.account == no<AccountId>
                              ? std::string{"none"}
                              : std::to_string(index_of(status.account)),
                          enum_name(status.stream.stream))] = status;
    opened();
  }

  void add(const RateLimitSeen& limit) {
    if (!keeps_.venue_status) return;
    rate_limits_[fmt::format("venue_rate_limit/{}/{}", limit.session, limit.name)] = limit;
    opened();
  }

  // -- turns --

  std::size_t run_once(Timestamp now) {
    now_ = now;
    if (!connection_.is_open()) {
      if (now < retry_at_ || !begin()) return 0;
    }
    std::size_t rows = 0;
    if (is_due()) rows = write();
    if (connection_.is_open() && now >= next_retention_) apply_retention();
    return rows;
  }

  void hurry() { is_hurried_ = true; }
  bool is_empty() const {
    return std::all_of(sets_.begin(), sets_.end(), [](const RowSet& set) { return set.empty(); }) &&
           changed_tickers_.empty() && changed_candles_ == 0 && statuses_.empty() &&
           rate_limits_.empty();
  }
  void interrupt() { interrupted_.store(true, std::memory_order_relaxed); }
  const Readings& readings() const { return readings_; }

 private:
  Uuid name(const std::string& text) const { return name_uuid(journal_, text); }

  void opened() {
    if (!has_waiting_) opened_ = now_;
    has_waiting_ = true;
  }
  void count_lost(Kind kind, std::uint64_t count) { readings_.lost[at(kind)] += count; }

  /// Where a row of this kind goes; null, and counted, when too many wait.
  RowSet* room(Kind kind) {
    RowSet& set = sets_[at(kind)];
    if (set.size() >= limits_.waiting_rows) {
      count_lost(kind, 1);
      return nullptr;
    }
    opened();
    return &set;
  }

  void partitioned(Kind kind, Timestamp time) {
    wanted_.insert(
        {kind, static_cast<std::int32_t>(
                   std::chrono::floor<std::chrono::days>(time).time_since_epoch().count())});
  }

  void touch(InstrumentId instrument, Ticker& ticker, Timestamp time) {
    ticker.updated = time;
    changed_tickers_.insert(instrument);
    opened();
  }

  void add_trade(const Event& event, const Trade& trade) {
    if (keeps_.ticks) add_tick(event, trade);
    if (keeps_.candles) add_to_candle(event, trade);
    if (keeps_.tickers) {
      Ticker& ticker = tickers_[event.instrument];
      ticker.last = trade;
      touch(event.instrument, ticker, event.received);
    }
  }

  void add_tick(const Event& event, const Trade& trade) {
    RowSet* rows = room(Kind::ticks);
    if (rows == nullptr) return;
    const Timestamp time = event.venue_time == Timestamp{} ? event.received : event.venue_time;
    rows->start({}, name(fmt::format("tick/{}/{}", index_of(event.instrument), trade.venue_id)));
    rows->time(time);
    rows->uuid(journal_);
    rows->uuid(instrument_row(journal_, event.instrument));
    rows->number(trade.venue_id);
    rows->amount(trade.price);
    rows->amount(trade.quantity);
    rows->plain(enum_name(trade.aggressor));
    rows->time(event.received);
    rows->finish();
    partitioned(Kind::ticks, time);
  }

  void add_to_candle(const Event& event, const Trade& trade) {
    const Timestamp time = event.venue_time == Timestamp{} ? event.received : event.venue_time;
    const std::int64_t open = to_unix_ms(time) / ms_per_minute * ms_per_minute;
    const auto [newest, is_first] = newest_.try_emplace(event.instrument, open);
    auto place = candles_.find({event.instrument, open});
    if (place == candles_.end()) {
      if (candles_.size() >= limits_.waiting_rows) {
        count_lost(Kind::candles, 1);
        return;
      }
      place = candles_.try_emplace({event.instrument, open}).first;
      Candle& made = place->second;
      made.open = made.high = made.low = trade.price;
      // What we first hear of an instrument is within a minute; what comes later than its minute
      // was closed already knows only itself.
      made.is_complete = !is_first && open > newest->second;
      if (blind_[event.instrument]) {
        made.is_complete = false;
        blind_[event.instrument] = false;
      }
    }
    if (open > newest->second) {
      // The one before is closed now, and is written once more as complete.
      const auto before = candles_.find({event.instrument, newest->second});
      if (before != candles_.end()) change(before->second);
      newest->second = open;
    }
    Candle& candle = place->second;
    candle.high = std::max(candle.high, trade.price);
    candle.low = std::min(candle.low, trade.price);
    candle.close = trade.price;
    candle.volume = plus(candle.volume, trade.quantity);
    candle.quote_volume =
        plus(candle.quote_volume, notional(trade.price, trade.quantity).value_or(Money{}));
    ++candle.trades;
    change(candle);
    partitioned(Kind::candles, from_unix_ms(open));
    opened();
  }

  void change(Candle& candle) {
    if (!candle.is_changed) ++changed_candles_;
    candle.is_changed = true;
  }

  // -- connecting --

  void say(Severity severity, const std::string& words) {
    if (setup_.say) setup_.say(severity, words);
  }

  std::uint64_t lost() const {
    std::uint64_t sum = 0;
    for (const auto& count : readings_.lost) sum += count.load();
    return sum;
  }

  void give_up_for_now(const std::string& words) {
    connection_.close();
    readings_.is_connected = false;
    retry_at_ = now_ + retry_delay_;
    retry_delay_ = std::min(retry_delay_ * 2, limits_.last_retry);
    if (interrupted_.load(std::memory_order_relaxed)) return;
    if (words == trouble_ && now_ < trouble_said_ + limits_.repeat_words) return;
    trouble_ = words;
    trouble_said_ = now_;
    say(Severity::warning,
        fmt::format("observations wait: {}; {} were lost so far; journal rows and trading go on",
                    words, lost()));
  }

  bool begin() {
    PostgresOutcome failed = connection_.connect(connect_options_);
    std::size_t steps = 0;
    if (!failed) failed = migrate(connection_, migrations(), steps);
    for (std::size_t kind = 0; !failed && kind < observation_kinds; ++kind) {
      failed = connection_.run(fmt::format(
          "CREATE TEMPORARY TABLE IF NOT EXISTS stage_{0} (LIKE halcyon.{0})", specs[kind].table));
    }
    if (!failed) failed = write_policies();
    if (failed) {
      give_up_for_now(failed->words);
      return false;
    }
    known_.clear();
    retry_delay_ = limits_.first_retry;
    readings_.is_connected = true;
    if (!trouble_.empty()) {
      say(Severity::info, fmt::format("observations are written again; {} were lost", lost()));
      trouble_.clear();
    }
    return true;
  }

  PostgresOutcome write_policies() {
    const std::pair<std::string_view, std::int32_t> policies[] = {
        {"'orders', 'order_events', 'order_denials', 'fills', 'round_trips', "
         "'fill_voids', 'order_amends'",
         retention_.trades_days},
        {"'equity_history'", retention_.equity_days},
        {"'audit_log'", retention_.audit_days},
        {"'candles'", retention_.candles_days},
        {"'ticks'", retention_.ticks_days},
        {"'book_snapshots'", retention_.book_snapshots_days},
        {"'system_log'", retention_.system_log_days},
        {"'api_requests'", retention_.api_requests_days},
    };
    std::string sql;
    for (const auto& [tables, days] : policies) {
      sql += fmt::format(
          "UPDATE halcyon.retention SET keep_days = {0}, updated_at = now() "
          "WHERE table_name IN ({1}) AND keep_days IS DISTINCT FROM {0}; ",
          days, tables);
    }
    return connection_.run(sql);
  }

  void apply_retention() {
    char text[max_time_text];
    const std::string now{text, print(now_, text)};
    const char* const parameters[] = {now.c_str()};
    PostgresRows rows;
    // A clock that is ahead must not remove what is young.
    const auto failed = connection_.query(
        "SELECT what, row_count FROM halcyon.apply_retention(least($1::timestamptz, now()))",
        parameters, &rows);
    next_retention_ = now_ + limits_.retention_interval;
    if (failed) {
      if (!connection_.is_open()) return give_up_for_now(failed->words);
      say(Severity::warning, fmt::format("the retention job failed: {}", failed->words));
      return;
    }
    for (const auto& row : rows) {
      say(Severity::info, fmt::format("retention: {} rows of {} were older than is kept",
                                      row[1].value_or("?"), row[0].value_or("?")));
    }
  }

  // -- writing --

  bool is_due() const {
    if (!has_waiting_) return false;
    return is_hurried_ || now_ >= opened_ + limits_.batch_age ||
           std::any_of(sets_.begin(), sets_.end(),
                       [&](const RowSet& set) { return set.size() >= limits_.batch_rows; });
  }

  /// The kinds whose last state is kept elsewhere until it is written.
  void gather() {
    RowSet& tickers = sets_[at(Kind::tickers)];
    tickers.clear();
    for (const InstrumentId instrument : changed_tickers_) {
      const Ticker& ticker = tickers_[instrument];
      tickers.start({}, name(fmt::format("ticker/{}", index_of(instrument))));
      tickers.uuid(journal_);
      tickers.uuid(instrument_row(journal_, instrument));
      if (ticker.quote) {
        tickers.amount(ticker.quote->bid);
        tickers.amount(ticker.quote->bid_quantity);
        tickers.amount(ticker.quote->ask);
        tickers.amount(ticker.quote->ask_quantity);
      } else {
        for (int column = 0; column < 4; ++column) tickers.null();
      }
      if (ticker.last) {
        tickers.amount(ticker.last->price);
        tickers.amount(ticker.last->quantity);
      } else {
        for (int column = 0; column < 2; ++column) tickers.null();
      }
      tickers.time(ticker.updated);
      tickers.finish();
    }
    RowSet& candles = sets_[at(Kind::candles)];
    candles.clear();
    for (const auto& [key, candle] : candles_) {
      if (!candle.is_changed) continue;
      const auto& [instrument, open] = key;
      candles.start({}, name(fmt::format("candle/{}/1m/{}", index_of(instrument), open)));
      candles.time(from_unix_ms(open));
      candles.uuid(journal_);
      candles.uuid(instrument_row(journal_, instrument));
      candles.plain("1m");
      candles.amount(candle.open);
      candles.amount(candle.high);
      candles.amount(candle.low);
      candles.amount(candle.close);
      candles.amount(candle.volume);
      candles.amount(candle.quote_volume);
      candles.number(candle.trades);
      // The newest is still open.
      candles.boolean(candle.is_complete && open < newest_[instrument]);
      candles.time(now_);
      candles.finish();
    }
    RowSet& statuses = sets_[at(Kind::venue_status)];
    statuses.clear();
    for (const auto& [key, status] : statuses_) {
      statuses.start({}, name(key));
      statuses.uuid(journal_);
      statuses.text(status.venue);
      status.account == no<AccountId> ? statuses.null()
                                      : statuses.uuid(account_row(journal_, status.account));
      statuses.plain(enum_name(status.stream.stream));
      statuses.plain(enum_name(status.stream.state));
      status.stream.reason == Reason::none ? statuses.null()
                                           : statuses.plain(enum_name(status.stream.reason));
      statuses.text_or_null(status.text);
      if (status.clock) {
        using std::chrono::duration_cast;
        using std::chrono::milliseconds;
        statuses.number(
            std::int64_t{duration_cast<milliseconds>(status.clock->round_trip).count()});
        statuses.number(std::int64_t{duration_cast<milliseconds>(status.clock->offset).count()});
      } else {
        statuses.null();
        statuses.null();
      }
      statuses.time(status.since);
      statuses.time(status.time);
      statuses.finish();
    }
    RowSet& limits = sets_[at(Kind::venue_rate_limits)];
    limits.clear();
    for (const auto& [key, limit] : rate_limits_) {
      limits.start({}, name(key));
      limits.uuid(journal_);
      limits.text(limit.session);
      limits.text(limit.name);
      limits.number(limit.used);
      limit.most == 0 ? limits.null() : limits.number(limit.most);
      limits.time(limit.time);
      limits.finish();
    }
  }

  PostgresOutcome make_partitions() {
    std::set<std::pair<Kind, std::int32_t>> wanted;
    for (const auto& [kind, day] : wanted_) {
      wanted.insert({kind, day});
      wanted.insert({kind, day + 1});  // ahead of its first row
      if (kind == Kind::candles || kind == Kind::system_log) wanted.insert({kind, day + 31});
    }
    for (const auto& [kind, day] : wanted) {
      if (day < first_day || day > last_day || known_.contains({kind, day})) continue;
      if (auto failed =
              connection_.run(fmt::format("BEGIN; SELECT pg_advisory_xact_lock(29379829713563503); "
                                          "SELECT halcyon.ensure_partition('{}', '{}'); COMMIT",
                                          specs[at(kind)].table, day_text(day)))) {
        if (!connection_.is_open()) return failed;
        if (auto worse = connection_.run("ROLLBACK")) return worse;
        // The default partition holds rows of this day already: they and the new ones stay there.
        if (failed->blame != PostgresFailure::Blame::row) return failed;
      }
      known_.insert({kind, day});
    }
    return {};
  }

  std::size_t write() {
    gather();
    auto failed = make_partitions();
    std::size_t rows = 0;
    std::size_t refused = observation_kinds;
    if (!failed) failed = connection_.run("BEGIN");
    for (std::size_t kind = 0; !failed && kind < observation_kinds; ++kind) {
      const RowSet& set = sets_[kind];
      if (set.empty()) continue;
      copy_text_.clear();
      set.copy_text(0, set.size(), copy_text_);
      const std::string stage = "pg_temp.stage_" + std::string{set.spec().table};
      failed = connection_.copy(copy_statement_of(set.spec(), stage), copy_text_);
      if (!failed) failed = connection_.run(merge_statement(static_cast<Kind>(kind)));
      if (failed) refused = kind;
      rows += set.size();
    }
    if (!failed) failed = connection_.run("COMMIT");
    if (!failed) {
      for (std::size_t kind = 0; kind < observation_kinds; ++kind) {
        readings_.written[kind] += sets_[kind].size();
      }
      for (std::size_t kind = 0; kind < observation_kinds; ++kind) forget(static_cast<Kind>(kind));
      wanted_.clear();
      has_waiting_ = false;
      return rows;
    }
    if (!connection_.is_open()) {
      give_up_for_now(failed->words);
    } else if (auto worse = connection_.run("ROLLBACK")) {
      give_up_for_now(worse->words);
    } else if (failed->blame == PostgresFailure::Blame::row && refused < observation_kinds) {
      // These may be lost; the other kinds must not wait for them.
      count_lost(static_cast<Kind>(refused), sets_[refused].size());
      say(Severity::warning,
          fmt::format("{} refused {} observations, they are lost: {}", specs[refused].table,
                      sets_[refused].size(), failed->words));
      forget(static_cast<Kind>(refused));
    } else {
      give_up_for_now(failed->words);
    }
    return 0;
  }

  /// What of a kind waited is written, or given up.
  void forget(Kind kind) {
    sets_[at(kind)].clear();
    switch (kind) {
      case Kind::tickers:
        changed_tickers_.clear();
        break;
      case Kind::candles:
        for (auto place = candles_.begin(); place != candles_.end();) {
          auto& [key, candle] = *place;
          candle.is_changed = false;
          // A late trade of a minute that is over by a while begins anew, and is the less full one.
          const bool is_over = key.second + candles_kept_ms < newest_[key.first];
          place = is_over ? candles_.erase(place) : std::next(place);
        }
        changed_candles_ = 0;
        break;
      case Kind::venue_status:
        statuses_.clear();
        break;
      case Kind::venue_rate_limits:
        rate_limits_.clear();
        break;
      case Kind::ticks:
      case Kind::book_snapshots:
      case Kind::system_log:
      case Kind::api_requests:
        break;
    }
  }

  static constexpr std::int64_t candles_kept_ms = 5 * ms_per_minute;
  static constexpr std::int32_t first_day = 10'957;  // 2000-01-01
  static constexpr std::int32_t last_day = 84'005;   // 2199-12-31

  ObservationSetup setup_;
  ObservationLimits limits_;
  config::Observations keeps_;
  config::Retention retention_;
  Uuid journal_;
  PostgresConnection::Options connect_options_;
  PostgresConnection connection_;
  std::atomic<bool> interrupted_{false};

  std::vector<RowSet> sets_;  // by Kind
  std::map<InstrumentId, Ticker> tickers_;
  std::set<InstrumentId> changed_tickers_;
  std::map<std::pair<InstrumentId, std::int64_t>, Candle> candles_;  // by open in ms
  std::map<InstrumentId, std::int64_t> newest_;  // the open of its newest candle
  std::map<InstrumentId, bool> blind_;           // trades were lost since the last one
  std::size_t changed_candles_ = 0;
  std::map<std::string, VenueStatusSeen> statuses_;
  std::map<std::string, RateLimitSeen> rate_limits_;
  std::set<std::pair<Kind, std::int32_t>> wanted_, known_;  // partitions by day
  std::uint64_t log_lines_ = 0, requests_ = 0;

  Timestamp now_, opened_, retry_at_, next_retention_, trouble_said_;
  domain::Duration retry_delay_;
  bool has_waiting_ = false;
  bool is_hurried_ = false;
  std::string copy_text_, trouble_;
  Readings readings_;
};

ObservationWriter::ObservationWriter(ObservationSetup setup)
    : impl_(std::make_unique<Impl>(std::move(setup))) {}
ObservationWriter::~ObservationWriter() = default;
void ObservationWriter::add(const Event& market) { impl_->add(market); }
void ObservationWriter::add(const BookSeen& book) { impl_->add(book); }
void ObservationWriter::add(const LogSeen& line) { impl_->add(line); }
void ObservationWriter::add(const VenueStatusSeen& status) { impl_->add(status); }
void ObservationWriter::add(const RateLimitSeen& limit) { impl_->add(limit); }
void ObservationWriter::add(const ApiRequestSeen& request) { impl_->add(request); }
std::size_t ObservationWriter::run_once(Timestamp now) { return impl_->run_once(now); }
void ObservationWriter::hurry() { impl_->hurry(); }
bool ObservationWriter::is_empty() const { return impl_->is_empty(); }
void ObservationWriter::interrupt() { impl_->interrupt(); }
const ObservationWriter::Readings& ObservationWriter::readings() const { return impl_->readings(); }

}  // namespace halcyon::persistence
