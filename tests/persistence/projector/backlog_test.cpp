// An hour without a database: the backlog lives on the disk, memory stays flat, and then everything
// is told once. HALCYON_FRAMES_PER_SECOND says how busy the hour was.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <malloc.h>

#include "persistence/journal.h"
#include "persistence/projector.h"
#include "tests/persistence/journal/samples.h"
#include "tests/persistence/postgres_server.h"
#include "tests/persistence/projector/memory_journal.h"

using namespace halcyon;
using namespace halcyon::domain;
using tests::PostgresServer;
using tests::query_value;

namespace {

constexpr std::uint64_t hour_s = 3600;
/// What one batch, one connection and the journal's helper may take, and much less than an hour.
constexpr std::int64_t allowed_growth = 2 << 20;

std::uint64_t frames_per_second() {
  const char* text = std::getenv("HALCYON_FRAMES_PER_SECOND");
  return text == nullptr ? 10 : std::strtoull(text, nullptr, 10);
}

/// Bytes in use of the heap; 0 where a sanitizer has its own.
std::int64_t heap_bytes() {
  const auto info = ::mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
}

/// Memory of the process that no file stands behind.
std::int64_t anonymous_bytes() {
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return 1024 * std::atoll(line.c_str() + 8);
  }
  return 0;
}

bool has_own_heap() {
  const auto before = heap_bytes();
  const std::vector<char> block(1 << 20, 'x');
  return heap_bytes() > before && block.back() == 'x';
}

}  // namespace

TEST(Backlog, OfAnHourLivesOnTheDiskAndIsThenToldOnce) {
  // Given a server that is away
  PostgresServer server;
  const std::string dsn = server.new_database();
  server.stop_fast();
  const persistence::testing::TemporaryDirectory directory;
  persistence::JournalOptions options;
  options.directory = directory.journal();
  options.segment_bytes = 4 << 20;
  persistence::Recovered recovered;
  const auto journal = persistence::Journal::open(options, recovered, [](const RecordEntry&) {});
  const config::Config config = tests::test_config();
  persistence::ProjectorSetup setup;
  setup.dsn = dsn;
  setup.config = &config;
  setup.journal = journal->uuid();
  setup.frames = persistence::journal_frames(directory.journal());
  setup.newest_sequence = [&] { return journal->last_sequence(); };
  persistence::Projector projector{std::move(setup)};

  const std::uint64_t frames = hour_s * frames_per_second();
  const Duration step =
      Duration{std::chrono::seconds{1}} / static_cast<std::int64_t>(frames_per_second());
  Timestamp now = from_unix_ms(1'723'075'200'000);
  std::uint32_t number = 0;
  const auto append = [&] {
    ++number;
    Event input;
    input.received = now;
    input.what = ClockOffset{};
    FillBooked fill;
    fill.number = number;
    fill.order = {1'723'075'200, number};
    fill.trade = ForeignId::number(number);
    fill.account = AccountId{0};
    fill.instrument = InstrumentId{0};
    fill.price = Price::from_units(60'000);
    fill.quantity = Quantity::from_raw(number);
    RequestChanged request;
    request.request = request.order = fill.order;
    PositionChanged position;
    position.account = AccountId{0};
    position.instrument = InstrumentId{0};
    position.fills = number;
    const std::vector<RecordEntry> records{{request, {}}, {fill, {}}, {position, {}}};
    while (!journal->append(input, "", records)) journal->prepare();
    now += step;
  };
  const auto turn = [&] {
    journal->prepare();
    projector.run_once(now);
  };
  // When its first minutes have gone by, and everything that is allocated once is there
  for (std::uint64_t count = 0; count < frames / 12; ++count) {
    append();
    turn();
  }
  const std::int64_t heap_before = heap_bytes();
  const std::int64_t anonymous_before = anonymous_bytes();
  std::int64_t most_heap = heap_before;
  // And the rest of the hour
  while (number < frames) {
    append();
    turn();
    if (number % 100 == 0) most_heap = std::max(most_heap, heap_bytes());
  }
  // Then the backlog is the hour, and lies on the disk
  EXPECT_GE(projector.readings().backlog_records.load(), frames);
  EXPECT_GT(projector.readings().backlog_ms.load(), 1000 * (hour_s - 60));
  EXPECT_TRUE(projector.readings().is_alarmed.load());
  std::uintmax_t on_disk = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory.journal())) {
    on_disk += std::filesystem::file_size(entry.path());
  }
  const std::int64_t heap_growth = most_heap - heap_before;
  const std::int64_t anonymous_growth = anonymous_bytes() - anonymous_before;
  std::cout << frames << " frames, " << (on_disk >> 20) << " MiB on the disk; heap grew by "
            << (heap_growth >> 10) << " KiB, anonymous memory by " << (anonymous_growth >> 10)
            << " KiB\n";
  if (has_own_heap()) {
    EXPECT_LT(heap_growth, allowed_growth);
    EXPECT_LT(anonymous_growth, 4 * allowed_growth);
  }
  // When the server is back, then every record is there once
  server.start_again();
  ASSERT_TRUE(tests::drain(projector, now)) << projector.stop_words();
  const std::string all = std::to_string(frames);
  EXPECT_EQ(query_value(dsn, "SELECT count(*) FROM halcyon.fills"), all);
  EXPECT_EQ(query_value(dsn, "SELECT count(DISTINCT number) FROM halcyon.fills"), all);
  EXPECT_EQ(query_value(dsn, "SELECT count(*) FROM halcyon.order_events"), all);
  EXPECT_EQ(query_value(dsn, "SELECT fill_count FROM halcyon.positions"), all);
  EXPECT_EQ(query_value(dsn, "SELECT position FROM halcyon.projections"), all);
  EXPECT_EQ(projector.readings().backlog_records.load(), 0U);
}
