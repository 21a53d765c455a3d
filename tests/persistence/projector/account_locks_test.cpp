#include <string>

#include <gtest/gtest.h>

#include "persistence/postgres_locks.h"
#include "persistence/postgres_migrations.h"
#include "tests/persistence/postgres_server.h"

using namespace halcyon::persistence;
using halcyon::tests::PostgresServer;
using halcyon::tests::query;
using halcyon::tests::query_value;
using State = AccountLocks::State;

namespace {

const AccountIdentity account{"testnet", "binance", "354937868"};

}  // namespace

TEST(AccountLocks, AreTakenByOneDaemonAndTheOtherIsToldByWhom) {
  // Given a daemon that has the account
  const std::string dsn = PostgresServer::shared().new_database();
  AccountLocks alpha{dsn, "alpha"};
  AccountLocks beta{dsn, "beta"};
  ASSERT_EQ(alpha.take(account).state, State::taken);
  // When another one asks
  const auto answer = beta.take(account);
  // Then it is refused, and knows who and which process of the server
  EXPECT_EQ(answer.state, State::held_by_another);
  EXPECT_NE(answer.words.find("halcyond alpha"), std::string::npos) << answer.words;
  EXPECT_NE(answer.words.find("server process "), std::string::npos) << answer.words;
  // and when the first one gives it back, the second has it
  alpha.release();
  EXPECT_EQ(query_value(PostgresServer::shared().dsn(), "SELECT 1"), "1");
  AccountLocks::Answer later = beta.take(account);
  for (int turn = 0; turn < 10'000 && later.state != State::taken; ++turn) {
    later = beta.take(account);  // the server notices the end of a connection a little later
  }
  EXPECT_EQ(later.state, State::taken) << later.words;
}

TEST(AccountLocks, OfTheSameDaemonMayBeAskedForAgain) {
  AccountLocks alpha{PostgresServer::shared().new_database(), "alpha"};
  EXPECT_EQ(alpha.take(account).state, State::taken);
  EXPECT_EQ(alpha.take(account).state, State::taken);
}

TEST(AccountLocks, TellApartWhatDiffersInAnyPart) {
  const std::string dsn = PostgresServer::shared().new_database();
  AccountLocks alpha{dsn, "alpha"};
  AccountLocks beta{dsn, "beta"};
  ASSERT_EQ(alpha.take(account).state, State::taken);
  EXPECT_EQ(beta.take({"production", "binance", "354937868"}).state, State::taken);
  EXPECT_EQ(beta.take({"testnet", "coinbase", "354937868"}).state, State::taken);
  EXPECT_EQ(beta.take({"testnet", "binance", "354937869"}).state, State::taken);
  EXPECT_EQ(beta.take(account).state, State::held_by_another);
}

TEST(AccountLocks, AreTakenAnewAfterALostConnection) {
  // Given a daemon whose connection was ended by the server
  const std::string dsn = PostgresServer::shared().new_database();
  AccountLocks alpha{dsn, "alpha"};
  ASSERT_EQ(alpha.take(account).state, State::taken);
  const std::string end =
      "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity "
      "WHERE application_name = 'halcyond alpha account locks' AND datname = current_database()";
  ASSERT_EQ(query_value(dsn, end), "1");
  // and another that took the lock meanwhile
  AccountLocks beta{dsn, "beta"};
  ASSERT_EQ(beta.take(account).state, State::taken);
  // When the first asks again, then it knows that it lost it
  EXPECT_EQ(alpha.take(account).state, State::held_by_another);
}

TEST(AccountLocks, SayWhyWhenPostgresCannotBeReached) {
  AccountLocks alpha{"host=/nowhere/at/all dbname=halcyon", "alpha"};
  const auto answer = alpha.take(account);
  EXPECT_EQ(answer.state, State::unreachable);
  EXPECT_NE(answer.words.find("/nowhere/at/all"), std::string::npos) << answer.words;
}

TEST(KnownEpochs, AreThoseOfTheDaemonInEveryJournal) {
  // Given a schema with epochs of two journals and two daemons
  const std::string dsn = PostgresServer::shared().new_database();
  EXPECT_FALSE(known_epochs(dsn, "alpha").failed);  // no schema: no epochs
  EXPECT_EQ(known_epochs(dsn, "alpha").last(), 0U);
  PostgresConnection connection;
  PostgresConnection::Options options;
  options.dsn = dsn;
  std::size_t applied = 0;
  ASSERT_FALSE(connection.connect(options));
  ASSERT_FALSE(migrate(connection, migrations(), applied));
  query(dsn,
        "INSERT INTO halcyon.daemon_epochs "
        "SELECT gen_random_uuid(), gen_random_uuid(), 1, daemon, epoch, now() FROM (VALUES "
        "('alpha', 1723075200), ('alpha', 4294967295), ('alpha', 1723075100), "
        "('beta', 1800000000)) AS v (daemon, epoch)");
  // When a daemon asks, then it hears of its own, ascending
  const KnownEpochs known = known_epochs(dsn, "alpha");
  EXPECT_FALSE(known.failed);
  EXPECT_EQ(known.epochs, (std::vector<std::uint32_t>{1723075100, 1723075200, 4294967295}));
  EXPECT_EQ(known.last(), 4294967295U);
  EXPECT_EQ(known_epochs(dsn, "gamma").last(), 0U);
  EXPECT_TRUE(known_epochs("host=/nowhere/at/all", "alpha").failed);
}
