// Work that is asked for in the database: done as over the admin socket, answered, and never twice.

#include "daemon/command_table.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "persistence/postgres_connection.h"
#include "persistence/postgres_migrations.h"
#include "persistence/row_batch.h"
#include "tests/persistence/postgres_server.h"
#include "tests/persistence/projector/memory_journal.h"

using namespace halcyon;
using daemon::AdminMethods;
using daemon::CommandTable;
using ::testing::HasSubstr;
using tests::PostgresServer;
using tests::query;
using tests::query_value;

namespace {

constexpr domain::Timestamp now = domain::from_unix_ms(1'723'075'200'000);

/// A database with users ann (who owns the account main) and daemon, and the command table's two
/// ends with an engine that does what a test says.
struct World {
  World() {
    config.postgres.emplace();
    config.postgres->dsn = dsn;
    const auto projector = tests::ProjectorMaker{dsn, &journal, {}, nullptr}.make();
    journal.append_names();
    domain::Timestamp time = journal.now();
    EXPECT_TRUE(tests::drain(*projector, time));
    persistence::FrameView frame;
    const auto source = journal.source();
    source->open(0);
    while (source->next(frame)) model.apply(frame);
  }
  daemon::AdminHooks hooks() {
    daemon::AdminHooks made;
    made.submit = [this](const domain::Event& event, std::string_view remark) {
      commands.push_back(std::get<domain::Command>(event.what));
      remarks.emplace_back(remark);
      return true;
    };
    return made;
  }
  CommandTable table(std::uint32_t epoch) {
    CommandTable::Setup setup;
    setup.config = &config;
    setup.epoch = epoch;
    setup.is_projected = [this] { return is_projected; };
    setup.longest_wait = std::chrono::milliseconds{0};
    return CommandTable{std::move(setup)};
  }
  /// Asks as a web tier does; returns the row's id.
  std::string ask(const std::string& user, const std::string& method, const std::string& params) {
    const std::string id = to_string(persistence::user_row(user));
    return query_value(dsn, "SET ROLE halcyon_web; SET app.current_user_id = '" + id +
                                "'; INSERT INTO halcyon.commands (daemon, user_id, method, params) "
                                "VALUES ('alpha', '" +
                                id + "', '" + method + "', '" + params + "') RETURNING id");
  }
  std::string column(const std::string& id, const std::string& name) {
    return query_value(dsn, "SELECT " + name + " FROM halcyon.commands WHERE id = '" + id + "'");
  }
  /// Turns both ends, a bounded number of times, until the row is answered.
  bool answered(CommandTable& table, const std::string& id) {
    for (int turn = 0; turn < 20'000; ++turn) {
      table.run_once();
      table.turn(methods, now);
      if (turn % 10 == 0 && column(id, "state") != "new" && column(id, "state") != "taken") {
        return true;
      }
    }
    return false;
  }
  /// The engine's answer to the last command.
  void answer(bool accepted) {
    domain::CommandAnswered record;
    record.token = commands.back().token;
    record.accepted = accepted;
    record.reason = accepted ? domain::Reason::none : domain::Reason::unknown_strategy;
    record.affected = 3;
    const domain::RecordEntry entry{record, "in words"};
    persistence::FrameView frame;
    frame.sequence = journal.last() + 1;
    frame.records = {&entry, 1};
    model.apply(frame);
  }

  std::string dsn = PostgresServer::shared().new_database();
  config::Config config = tests::test_config();
  tests::MemoryJournal journal{21};
  daemon::ReadModel model{"alpha"};
  std::vector<domain::Command> commands;
  std::vector<std::string> remarks;
  AdminMethods methods{config, model, hooks(), now};
  bool is_projected = true;
};

}  // namespace

TEST(CommandTable, DoesWhatARowAsksAndAnswersInIt) {
  // Given a row of ann about her account
  World world;
  auto table = world.table(1);
  const std::string id = world.ask("ann", "trading.halt", R"({"account": "main", "reason": "x"})");
  // When it is taken and the engine has accepted it
  while (world.commands.empty()) {
    table.run_once();
    table.turn(world.methods, now);
  }
  EXPECT_EQ(world.column(id, "state"), "taken");
  world.answer(true);
  ASSERT_TRUE(world.answered(table, id));
  // Then the answer is in the row, and the command was of that user, with the row's token
  EXPECT_EQ(world.column(id, "state"), "done");
  EXPECT_EQ(world.column(id, "result->>'affected'"), "3");
  EXPECT_EQ(world.column(id, "token"), std::to_string(world.commands[0].token));
  EXPECT_EQ(world.commands[0].token, persistence::command_token(id));
  EXPECT_EQ(world.remarks[0], "x [database, user ann]");
  EXPECT_EQ(world.commands.size(), 1U);
}

TEST(CommandTable, TakesNoSecretAndKeepsNone) {
  // Given somebody who writes a secret where everybody who reads the table sees it
  World world;
  world.config.postgres->commands = config::CommandRole::admin;
  auto table = world.table(1);
  const std::string id = world.ask("daemon", "credentials.put",
                                   R"({"name": "main", "part": "api_key", "value": "hush-hush"})");
  ASSERT_TRUE(world.answered(table, id));
  // Then it is refused with words, and gone from the row
  EXPECT_EQ(world.column(id, "state"), "failed");
  EXPECT_THAT(world.column(id, "error"), HasSubstr("secrets go over the admin socket only"));
  EXPECT_EQ(world.column(id, "params"), "{}");
  EXPECT_TRUE(world.commands.empty());
}

TEST(CommandTable, AnswersARefusalInWords) {
  World world;
  auto table = world.table(1);
  const std::string id = world.ask("ann", "trading.halt", R"({"account": "main"})");
  while (world.commands.empty()) {
    table.run_once();
    table.turn(world.methods, now);
  }
  world.answer(false);
  ASSERT_TRUE(world.answered(table, id));
  EXPECT_EQ(world.column(id, "state"), "failed");
  EXPECT_THAT(world.column(id, "error"), HasSubstr("unknown_strategy: in words"));
}

TEST(CommandTable, LetsNobodyTouchWhatIsNotHis) {
  struct Row {
    const char* name;
    const char* user;
    const char* method;
    const char* params;
    const char* words;
  };
  const Row rows[] = {
      {"everything", "ann", "trading.halt", "{}", "with an account of his own"},
      {"another_account", "ann", "trading.halt", R"({"account": "paper"})", "is not one of ann"},
      {"another_order", "ann", "orders.cancel", R"({"order": "alpha-paper-1-1"})",
       "is not in an account of ann"},
      {"unknown_method", "daemon", "no.such", "{}", "unknown method"},
      {"unknown_parameter", "daemon", "trading.halt", R"({"what": 1})", "unknown parameter"},
      {"too_much", "daemon", "shutdown", "{}", "needs the role admin"},
  };
  World world;
  auto table = world.table(1);
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const std::string id = world.ask(row.user, row.method, row.params);
    ASSERT_TRUE(world.answered(table, id));
    EXPECT_EQ(world.column(id, "state"), "failed");
    EXPECT_THAT(world.column(id, "error"), HasSubstr(row.words));
  }
  EXPECT_TRUE(world.commands.empty());
}

TEST(CommandTable, DoesNothingTwiceOverARestart) {
  // Given two commands that a daemon took before it died: one was journaled, the other was not
  World world;
  const std::string journaled = world.ask("ann", "trading.halt", R"({"account": "main"})");
  const std::string lost = world.ask("ann", "trading.resume", R"({"account": "main"})");
  {
    auto died = world.table(1);
    while (world.commands.size() < 2) {
      died.run_once();
      died.turn(world.methods, now);
    }
  }
  domain::CommandAnswered answered;
  answered.token = persistence::command_token(journaled);
  answered.accepted = true;
  answered.affected = 5;
  domain::Command command;
  command.token = answered.token;
  world.journal.append_command(command, "", {{answered, ""}});
  world.commands.clear();
  // When the next start comes, but its projection has not caught up
  auto table = world.table(2);
  world.is_projected = false;
  for (int turn = 0; turn < 20; ++turn) {
    table.run_once();
    table.turn(world.methods, now);
  }
  EXPECT_TRUE(world.commands.empty());
  // and when it has
  const auto projector = tests::ProjectorMaker{world.dsn, &world.journal, {}, nullptr}.make();
  domain::Timestamp time = world.journal.now();
  ASSERT_TRUE(tests::drain(*projector, time));
  world.is_projected = true;
  while (world.commands.empty()) {
    table.run_once();
    table.turn(world.methods, now);
  }
  world.answer(true);
  ASSERT_TRUE(world.answered(table, lost));
  // Then the one that was done has its answer from the journal, and only the other was done
  EXPECT_EQ(world.column(journaled, "state"), "done");
  EXPECT_EQ(world.column(journaled, "result->>'affected'"), "5");
  ASSERT_EQ(world.commands.size(), 1U);
  EXPECT_EQ(world.commands[0].token, persistence::command_token(lost));
}

TEST(CommandTable, LetsAWebTierAskForItsUserAloneAndNotAnswer) {
  World world;
  const std::string ann = to_string(persistence::user_row("ann"));
  const std::string other = to_string(persistence::user_row("daemon"));
  const std::string as = "SET ROLE halcyon_web; SET app.current_user_id = '" + ann + "'; ";
  EXPECT_THROW(query(world.dsn, as +
                                    "INSERT INTO halcyon.commands (daemon, user_id, method) "
                                    "VALUES ('alpha', '" +
                                    other + "', 'status')"),
               std::runtime_error);
  EXPECT_THROW(query(world.dsn, as +
                                    "INSERT INTO halcyon.commands (daemon, user_id, method, state) "
                                    "VALUES ('alpha', '" +
                                    ann + "', 'status', 'done')"),
               std::runtime_error);
  EXPECT_THROW(query(world.dsn, as + "UPDATE halcyon.commands SET state = 'done'"),
               std::runtime_error);
}
