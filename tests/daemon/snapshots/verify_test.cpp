// halcyonctl db verify on a journal whose first segments are gone: the last states are compared
// with what a snapshot says.

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "config/config.h"
#include "persistence/database_check.h"
#include "persistence/projector.h"
#include "tests/daemon/snapshots/day.h"
#include "tests/persistence/postgres_server.h"

namespace halcyon::daemon {
namespace {

using persistence::VerifyResult;
using tests::PostgresServer;
using tests::query;

/// A day in PostgreSQL, and a snapshot of its middle.
struct Projected {
  testing::Day day;
  std::string dsn = PostgresServer::shared().new_database();
  config::Config config;
  std::shared_ptr<const persistence::Snapshot> snapshot;
  std::uint64_t last = 0;

  Projected() {
    day.live();
    last = day.last_sequence();
    config.daemon.name = "alpha";
    persistence::ProjectorSetup setup;
    setup.dsn = dsn;
    setup.config = &config;
    setup.journal = day.uuid();
    setup.frames = persistence::journal_frames(day.journal());
    setup.newest_sequence = [this] { return last; };
    persistence::Projector projector{std::move(setup)};
    domain::Timestamp now = domain::from_unix_ms(1'723'200'000'000);
    for (int turn = 0; turn < 10'000 && projector.readings().position.load() < last; ++turn) {
      projector.run_once(now);
      projector.hurry();
      now += std::chrono::milliseconds{5};
    }
    EXPECT_EQ(projector.readings().position.load(), last) << projector.stop_words();
    Fold fold = day.new_fold();
    testing::read_up_to(fold, day.journal(), last / 2);
    snapshot = testing::snapshot_of(fold, day);
  }
  /// As if nothing up to `begins_after` were in the journal's files any more.
  VerifyResult verify(std::uint64_t begins_after) const {
    persistence::PostgresConnection connection;
    persistence::PostgresConnection::Options options;
    options.dsn = dsn;
    auto failed = connection.connect(options);
    EXPECT_FALSE(failed);
    const auto frames = persistence::journal_frames(day.journal());
    frames->open(begins_after);
    VerifyResult result;
    failed = persistence::verify_projection(connection, *frames, begins_after, snapshot.get(),
                                            day.uuid(), config, 20, result);
    EXPECT_FALSE(failed) << failed->words;
    EXPECT_EQ(result.stopped, "");
    return result;
  }
};

std::string words_of(const VerifyResult& result) {
  std::string words;
  for (const auto& row : result.differences) {
    words += row.table + " " + row.id + ": " + row.what + "\n";
  }
  return words;
}

TEST(Verify, ComparesStatesWithTheSnapshotWhereTheJournalsBeginningIsGone) {
  const Projected world;
  // Given files that begin somewhere up to the snapshot
  for (const std::uint64_t begins_after :
       {std::uint64_t{1}, world.last / 4, world.last / 2 - 1, world.last / 2}) {
    const VerifyResult result = world.verify(begins_after);
    EXPECT_EQ(result.difference_count, 0U) << begins_after << "\n" << words_of(result);
    EXPECT_EQ(result.snapshot, world.last / 2);
  }
  // When last states are not what they should be, though no frame that is left says so
  struct Row {
    const char* table;
    const char* change;
    const char* back;
  };
  const Row rows[] = {
      {"positions", "quantity = quantity + 1", "quantity = quantity - 1"},
      {"balances", "free = free + 1", "free = free - 1"},
      {"orders", "filled_quantity = filled_quantity + 1", "filled_quantity = filled_quantity - 1"},
      {"instruments", "tick_size = tick_size + 1", "tick_size = tick_size - 1"},
      {"credentials", "sealed = sealed || 'x'", "sealed = left(sealed, -1)"},
      {"daemon_epochs", "epoch = epoch + 1", "epoch = epoch - 1"},
  };
  for (const Row& row : rows) {
    const std::string update = "UPDATE halcyon." + std::string{row.table} + " SET ";
    query(world.dsn, update + row.change);
    // Then it is found
    const VerifyResult result = world.verify(world.last / 2);
    EXPECT_GT(result.difference_count, 0U) << row.table;
    for (const auto& found : result.differences) EXPECT_EQ(found.table, row.table) << found.what;
    query(world.dsn, update + row.back);
  }
  EXPECT_EQ(world.verify(world.last / 2).difference_count, 0U);
}

}  // namespace
}  // namespace halcyon::daemon
