// How much of what PostgreSQL can take does the projector use?
//
// Append-only rows per second of the projector, translation and journal position included, against
// a bare COPY of the same rows in transactions of the same size; likewise last states, against the
// same statements in a pipeline. Both in one run and one database, so the ratios are what counts.
// Proof first: what the projector wrote is counted. The database is named by the caller, and left
// full.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "persistence/postgres_connection.h"
#include "persistence/projector.h"
#include "persistence/row_batch.h"

namespace {

using namespace halcyon;
using namespace halcyon::domain;
using persistence::FrameView;
using persistence::JournalUuid;
using persistence::PostgresConnection;
using persistence::RowBatch;
using Clock = std::chrono::steady_clock;

constexpr std::size_t frame_count = 20'000;
constexpr std::size_t rows_per_batch = 1'000;
constexpr int rounds = 5;

[[noreturn]] void fail(const std::string& words) {
  std::fprintf(stderr, "projector_bench: %s\n", words.c_str());
  std::exit(1);
}
void must(const persistence::PostgresOutcome& outcome) {
  if (outcome) fail(outcome->words);
}

struct Frame {
  std::vector<RecordEntry> records;
};
using Frames = std::vector<Frame>;

class Source final : public persistence::FrameSource {
 public:
  Source(const Frames& frames, JournalUuid uuid) : frames_(frames), uuid_(uuid) {}
  void open(std::uint64_t after) override { next_ = after; }
  bool next(FrameView& frame) override {
    if (next_ >= frames_.size()) return false;
    view(next_, frame);
    ++next_;
    return true;
  }
  const JournalUuid& uuid() const override { return uuid_; }
  void view(std::size_t index, FrameView& frame) const {
    frame = FrameView{};
    frame.sequence = index + 1;
    frame.received = from_unix_ms(1'723'075'200'000 + static_cast<std::int64_t>(index));
    frame.records = frames_[index].records;
  }

 private:
  const Frames& frames_;
  JournalUuid uuid_;
  std::size_t next_ = 0;
};

Frames appended() {
  Frames frames(frame_count);
  std::uint32_t number = 0;
  for (Frame& frame : frames) {
    FillBooked fill;
    fill.number = ++number;
    fill.order = {1'723'075'200, number};
    fill.trade = ForeignId::number(number);
    fill.account = AccountId{0};
    fill.strategy = StrategyId{0};
    fill.instrument = InstrumentId{0};
    fill.price = Price::from_units(60'000);
    fill.quantity = Quantity::from_raw(number);
    fill.quote_amount = Money::from_units(number);
    RequestChanged request;
    request.request = request.order = fill.order;
    request.state = RequestState::acknowledged;
    frame.records = {{request, {}}, {fill, {}}};
  }
  return frames;
}

Frames last_states() {
  Frames frames(frame_count);
  std::uint32_t number = 0;
  for (Frame& frame : frames) {
    ++number;
    PositionChanged position;
    position.account = AccountId{0};
    position.strategy = static_cast<StrategyId>(number % 50);
    position.instrument = static_cast<InstrumentId>(number % 997);
    position.quantity = Quantity::from_raw(number);
    position.fills = number;
    frame.records = {{position, {}}};
  }
  return frames;
}

config::Config configuration() {
  config::Config config;
  config.daemon.name = "bench";
  return config;
}

JournalUuid journal(std::uint8_t number) {
  JournalUuid uuid;
  uuid.bytes[0] = number;
  return uuid;
}

double seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

/// The projector's time for all frames.
double project(const std::string& dsn, const Frames& frames, std::uint8_t number) {
  const config::Config config = configuration();
  persistence::ProjectorSetup setup;
  setup.dsn = dsn;
  setup.config = &config;
  setup.journal = journal(number);
  setup.frames = std::make_unique<Source>(frames, journal(number));
  setup.limits.batch_rows = rows_per_batch;
  persistence::Projector projector{std::move(setup)};
  Timestamp now = from_unix_ms(1'723'075'300'000);
  // Connected, and partitions made, before the clock is started: they cost once.
  projector.run_once(now);
  projector.hurry();
  const std::uint64_t before = projector.readings().rows;
  const auto start = Clock::now();
  while (!projector.is_caught_up()) {
    projector.run_once(now);
    now += std::chrono::milliseconds{1};
    if (projector.readings().is_stopped) fail(projector.stop_words());
  }
  const double took = seconds(start);
  if (projector.readings().rejected_rows != 0) fail("rows were refused");
  return took / static_cast<double>(projector.readings().rows - before);
}

/// The same rows, ready as text, in transactions of the same size.
double bare(PostgresConnection& connection, const Frames& frames, std::uint8_t number) {
  const config::Config config = configuration();
  persistence::RowTranslator translator{journal(number), config};
  const Source source{frames, journal(number)};
  std::vector<RowBatch> batches(1);
  batches.back().clear(0);
  FrameView frame;
  std::string words;
  for (std::size_t index = 0; index < frames.size(); ++index) {
    source.view(index, frame);
    if (!translator.add(frame, batches.back(), words)) fail(words);
    if (batches.back().rows() >= rows_per_batch) {
      batches.emplace_back();
      batches.back().clear(index + 1);
    }
  }
  struct Copy {
    std::string statement, text;
  };
  std::vector<std::vector<Copy>> copies;
  std::size_t rows = 0;
  for (const RowBatch& batch : batches) {
    auto& list = copies.emplace_back();
    for (const auto& set : batch.sets) {
      rows += set.size();
      if (set.empty() || set.spec().action != persistence::RowAction::append) continue;
      Copy copy{persistence::copy_statement_of(set.spec()), {}};
      set.copy_text(0, set.size(), copy.text);
      list.push_back(std::move(copy));
    }
  }
  const auto start = Clock::now();
  for (std::size_t index = 0; index < batches.size(); ++index) {
    must(connection.run("BEGIN"));
    for (const Copy& copy : copies[index]) must(connection.copy(copy.statement, copy.text));
    bool is_pipelined = false;
    std::vector<const char*> parameters;
    for (const auto& set : batches[index].sets) {
      if (set.empty() || set.spec().action != persistence::RowAction::upsert) continue;
      if (!is_pipelined) must(connection.pipeline_begin());
      is_pipelined = true;
      for (std::size_t row = 0; row < set.size(); ++row) {
        set.parameters(row, parameters);
        must(connection.pipeline_add(set.spec().statement, parameters));
      }
    }
    std::vector<std::size_t> affected;
    if (is_pipelined) must(connection.pipeline_finish(affected));
    must(connection.run("COMMIT"));
  }
  return seconds(start) / static_cast<double>(rows);
}

double median(std::array<double, rounds> values) {
  std::sort(values.begin(), values.end());
  return values[rounds / 2];
}

void compare(const char* what, const Frames& frames, const std::string& dsn,
             PostgresConnection& connection, std::uint8_t& number) {
  std::array<double, rounds> ratios{}, projected{}, bared{};
  for (int round = 0; round < rounds; ++round) {
    const auto at = static_cast<std::size_t>(round);
    projected[at] = project(dsn, frames, ++number);
    bared[at] = bare(connection, frames, ++number);
    ratios[at] = bared[at] / projected[at];
  }
  std::printf("%-18s projector %8.0f rows/s   bare %8.0f rows/s   ratio %.2f\n", what,
              1 / median(projected), 1 / median(bared), median(ratios));
}

}  // namespace

int main(int count_of_arguments, char** arguments) {
  if (count_of_arguments != 2) {
    fail(
        "name an empty database as a libpq connection string: projector_bench 'host=... "
        "dbname=...'");
  }
  const std::string dsn = arguments[1];
  PostgresConnection connection;
  PostgresConnection::Options options;
  options.dsn = dsn;
  must(connection.connect(options));

  // The answer is right: as many rows as records, and the schema for the bare way.
  std::uint8_t number = 0;
  const Frames rows = appended();
  project(dsn, rows, ++number);
  persistence::PostgresRows found;
  must(
      connection.run("SELECT (SELECT count(*) FROM halcyon.fills) + "
                     "(SELECT count(*) FROM halcyon.order_events)",
                     &found));
  const std::string count = found.at(0).at(0).value_or("no");
  if (count != std::to_string(2 * frame_count)) fail("the projector wrote " + count + " rows");
  must(connection.prepare("positions", persistence::statement_of(
                                           persistence::spec_of(persistence::RowKind::positions))));

  compare("append-only rows", rows, dsn, connection, number);
  compare("last states", last_states(), dsn, connection, number);
  return 0;
}
