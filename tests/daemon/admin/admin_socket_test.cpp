#include <array>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/admin_server.h"
#include "tests/daemon/admin/fixture.h"

namespace halcyon::daemon {
namespace {

using namespace domain::literals;
using namespace test;
using nlohmann::json;
using testing::HasSubstr;

json request(const std::string& method, json params = json::object(), json id = 1) {
  return {
      {"jsonrpc", "2.0"}, {"id", std::move(id)}, {"method", method}, {"params", std::move(params)}};
}

json ask(Client& client, const std::string& method, json params = json::object()) {
  return json::parse(client.ask(request(method, std::move(params)).dump()), nullptr, false);
}

std::string words(const json& answer) { return answer.at("error").at("message"); }

// ---- Who may ask --------------------------------------------------------------------------------

struct RoleRow {
  const char* name;
  Peer peer;
  std::optional<Role> role;
};
class Roles : public testing::TestWithParam<RoleRow> {};
TEST_P(Roles, FollowTheStatedRule) {
  const Access access{.own_uid = 500, .group = 600};
  EXPECT_EQ(role_of(GetParam().peer, access), GetParam().role);
}
INSTANTIATE_TEST_SUITE_P(AdminSocket, Roles,
                         testing::Values(RoleRow{"root", {0, 0, {}}, Role::admin},
                                         RoleRow{"own_user", {500, 1, {}}, Role::admin},
                                         RoleRow{"primary_group", {7, 600, {}}, Role::trade},
                                         RoleRow{
                                             "supplementary_group", {7, 7, {5, 600}}, Role::trade},
                                         RoleRow{"root_group_only", {7, 0, {0}}, std::nullopt},
                                         RoleRow{"stranger", {7, 7, {8, 9}}, std::nullopt}),
                         [](const auto& row) { return row.param.name; });

/// Connects as another user and asks; returns what came back. Turns the daemon meanwhile.
std::string ask_as(Daemon& daemon, uid_t uid, gid_t gid, const std::string& line) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) return "no pipe";
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  daemon.settings.admin.socket.copy(address.sun_path, sizeof address.sun_path - 1);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(gid) != 0 || ::setuid(uid) != 0) ::_exit(1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (::connect(fd, reinterpret_cast<const ::sockaddr*>(&address), sizeof address) != 0) {
      ::_exit(2);
    }
    [[maybe_unused]] const auto sent = ::send(fd, line.data(), line.size(), MSG_NOSIGNAL);
    std::array<char, 4096> chunk;
    const ssize_t got = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (got > 0) {
      [[maybe_unused]] const auto written =
          ::write(pipe[1], chunk.data(), static_cast<std::size_t>(got));
    }
    ::_exit(0);
  }
  int status = 0;
  daemon.turn_until([&] { return ::waitpid(child, &status, WNOHANG) == child; });
  std::array<char, 4096> chunk;
  const ssize_t got = ::read(pipe[0], chunk.data(), chunk.size());
  ::close(pipe[0]);
  ::close(pipe[1]);
  return got > 0 ? std::string(chunk.data(), static_cast<std::size_t>(got)) : std::string{};
}

TEST(AdminSocket, AMemberOfTheGroupMayTradeButNotShutDown) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  // Given a socket of group "games", in a directory that anybody may enter
  auto settings = sample_config();
  settings.admin.group = "games";
  Daemon daemon{settings};
  ::chmod(daemon.directory.path().c_str(), 0755);
  const gid_t games = ::getgrnam("games")->gr_gid;
  // When a member halts trading, and shuts down
  const auto halted =
      json::parse(ask_as(daemon, 65534, games, request("trading.halt").dump() + "\n"));
  const auto shut = json::parse(ask_as(daemon, 65534, games, request("shutdown").dump() + "\n"));
  // Then the first is done, and journaled with who asked, and the second is refused
  EXPECT_EQ(halted.at("result").at("accepted"), true);
  EXPECT_THAT(daemon.submitted.at(0).second, HasSubstr("uid 65534"));
  EXPECT_EQ(shut.at("error").at("code"), -32001);
  EXPECT_THAT(words(shut), HasSubstr("needs the role admin"));
  EXPECT_EQ(daemon.submitted.size(), 1U);
}

TEST(AdminSocket, AStrangerIsToldWhyAndNothingElse) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  // Given a socket that somebody has opened to all by hand
  Daemon daemon;
  ::chmod(daemon.directory.path().c_str(), 0755);
  ::chmod(daemon.settings.admin.socket.c_str(), 0666);
  const auto refused = json::parse(ask_as(daemon, 65534, 65534, request("status").dump() + "\n"));
  EXPECT_EQ(refused.at("error").at("code"), -32001);
  EXPECT_THAT(words(refused), HasSubstr("uid 65534 is neither root"));
  EXPECT_EQ(refused.at("id"), nullptr);
}

// ---- Binding ------------------------------------------------------------------------------------

TEST(AdminSocket, IsOpenToItsOwnerAndGroupOnly) {
  const Daemon daemon;
  struct ::stat status {};
  ASSERT_EQ(::lstat(daemon.settings.admin.socket.c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 07777U, 0660U);
}

TEST(AdminSocket, ReplacesASocketThatNobodyAnswersOnAndRemovesItsOwnAtTheEnd) {
  // Given a socket that a crash left behind
  const TemporaryDirectory directory;
  auto settings = sample_config();
  settings.admin.socket = directory.path() + "/admin.sock";
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  settings.admin.socket.copy(address.sun_path, sizeof address.sun_path - 1);
  const int stale = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(stale, reinterpret_cast<const ::sockaddr*>(&address), sizeof address), 0);
  ::close(stale);
  {
    Daemon daemon{settings};
    Client client{daemon};
    EXPECT_EQ(ask(client, "status").at("result").at("daemon"), "alpha");
  }
  EXPECT_NE(::access(settings.admin.socket.c_str(), F_OK), 0);
}

TEST(AdminSocket, ALivingDaemonKeepsItsSocket) {
  Daemon first;
  auto settings = sample_config();
  settings.admin.socket = first.settings.admin.socket;
  try {
    const Daemon second{settings};
    FAIL() << "two daemons on one socket";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("another process listens there"));
  }
  Client client{first};
  EXPECT_TRUE(ask(client, "status").contains("result"));
}

TEST(AdminSocket, WhatCannotBeBoundIsSaidWithItsMend) {
  const TemporaryDirectory directory;
  std::ofstream{directory.path() + "/file"} << "precious";
  struct Row {
    const char* name;
    std::string socket;
    std::string group;
    const char* words;
  };
  const std::vector<Row> rows{
      {"no_directory", directory.path() + "/none/admin.sock", "", "there is no directory"},
      {"not_a_socket", directory.path() + "/file", "", "not a socket"},
      {"unknown_group", directory.path() + "/a.sock", "no-such-group-here", "there is no group"},
      {"too_long", "/" + std::string(108, 'x'), "", "the path has 109 bytes"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    auto settings = sample_config();
    settings.admin.socket = row.socket;
    settings.admin.group = row.group;
    try {
      const Daemon daemon{settings};
      ADD_FAILURE() << "it was bound";
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr(row.words));
      EXPECT_THAT(error.what(), HasSubstr(row.socket));
    }
  }
  std::string kept;
  std::ifstream{directory.path() + "/file"} >> kept;
  EXPECT_EQ(kept, "precious");
}

// ---- The conversation ---------------------------------------------------------------------------

TEST(AdminSocket, AMalformedLineIsAnsweredAndTheNextOneIsServed) {
  Daemon daemon;
  Client client{daemon};
  EXPECT_EQ(json::parse(client.ask("not json")).at("error").at("code"), -32700);
  EXPECT_EQ(json::parse(client.ask(std::string("\0\x01\xff", 3))).at("error").at("code"), -32700);
  EXPECT_EQ(ask(client, "no.such").at("error").at("code"), -32601);
  EXPECT_THAT(words(ask(client, "no.such")), HasSubstr("orders.cancel_all"));
  EXPECT_TRUE(ask(client, "status").contains("result"));
}

TEST(AdminSocket, EmptyLinesAndCarriageReturnsAreForgiven) {
  Daemon daemon;
  Client client{daemon};
  client.send("\n\r\n" + request("status").dump() + "\r\n");
  EXPECT_TRUE(json::parse(client.line()).contains("result"));
}

TEST(AdminSocket, ALineThatComesByteByByteIsOneLine) {
  Daemon daemon;
  Client client{daemon};
  const std::string line = request("status").dump() + "\n";
  for (const char byte : line) {
    client.send({&byte, 1});
    daemon.turn(1);
  }
  EXPECT_TRUE(json::parse(client.line()).contains("result"));
}

TEST(AdminSocket, ManyLinesAtOnceAreAnsweredInTheirOrder) {
  Daemon daemon;
  Client client{daemon};
  std::string lines;
  for (int id = 0; id < 100; ++id) lines += request("status", json::object(), id).dump() + "\n";
  client.send(lines);
  for (int id = 0; id < 100; ++id) EXPECT_EQ(json::parse(client.line()).at("id"), id);
}

TEST(AdminSocket, AnOversizedLineEndsTheConnectionWithWordsAndNoOtherOne) {
  Daemon daemon;
  Client client{daemon};
  Client other{daemon};
  client.send(std::string((1U << 20) + 2, 'x'));
  const auto answer = json::parse(client.line());
  EXPECT_EQ(answer.at("error").at("code"), -32600);
  EXPECT_THAT(words(answer), HasSubstr("1048576"));
  client.rest();
  EXPECT_TRUE(client.is_closed());
  EXPECT_TRUE(ask(other, "status").contains("result"));
}

TEST(AdminSocket, ALineOfTheGreatestLengthIsRead) {
  Daemon daemon;
  Client client{daemon};
  std::string line = request("status").dump();
  line.insert(1, std::string((1U << 20) - line.size(), ' '));
  EXPECT_TRUE(json::parse(client.ask(line)).contains("result"));
}

TEST(AdminSocket, ADisconnectInTheMiddleOfALineIsForgotten) {
  Daemon daemon;
  {
    Client client{daemon};
    client.send(R"({"jsonrpc":"2.0","id":1,"method":"trading.ha)");
    daemon.turn();
  }
  daemon.turn();
  EXPECT_TRUE(daemon.submitted.empty());
  Client next{daemon};
  EXPECT_TRUE(ask(next, "status").contains("result"));
}

TEST(AdminSocket, WhoEndsSendingStillGetsTheAnswer) {
  Daemon daemon;
  Client client{daemon};
  client.send(request("trading.halt").dump() + "\n");
  client.end_sending();
  EXPECT_TRUE(json::parse(client.line()).contains("result"));
  client.rest();
  EXPECT_TRUE(client.is_closed());
}

TEST(AdminSocket, ADisconnectWhileACommandIsUnderWayLeavesTheCommandInForce) {
  Daemon daemon;
  daemon.engine_is_silent = true;
  {
    Client client{daemon};
    client.send(request("trading.halt").dump() + "\n");
    ASSERT_TRUE(daemon.turn_until([&] { return daemon.loop->is_busy(); }));
  }
  EXPECT_TRUE(daemon.turn_until([&] { return !daemon.loop->is_busy(); }));
  EXPECT_EQ(daemon.submitted.size(), 1U);
}

TEST(AdminSocket, OneClientTooManyIsToldAndThoseConnectedAreServed) {
  Daemon daemon;
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t count = 0; count < AdminServer::max_clients; ++count) {
    clients.push_back(std::make_unique<Client>(daemon));
  }
  for (const auto& client : clients) EXPECT_TRUE(ask(*client, "status").contains("result"));
  Client extra{daemon};
  EXPECT_EQ(json::parse(extra.line()).at("error").at("code"), -32004);
  // When one goes, the next may come
  clients.pop_back();
  daemon.turn();
  Client next{daemon};
  EXPECT_TRUE(ask(next, "status").contains("result"));
}

TEST(AdminSocket, AClientThatReadsNothingIsBoundedAndThenDropped) {
  // Given long answers: notices whose text is as long as a journal's may be
  Daemon daemon;
  for (int count = 0; count < 1000; ++count) {
    daemon.frames.push(domain::NoticeRaised{}, std::string(2000, 'x'));
  }
  daemon.loop->catch_up();
  Client client{daemon};
  Client other{daemon};
  const std::string line = request("notices.list", {{"limit", 1000}}).dump() + "\n";
  // When somebody asks for 8 of them, 2 MB each, and reads none
  std::string lines;
  for (int count = 0; count < 8; ++count) lines += line;
  client.send(lines);
  daemon.turn(20);
  // Then others are served, and at the deadline the connection is gone
  EXPECT_TRUE(ask(other, "status").contains("result"));
  daemon.now += AdminServer::write_limit;
  daemon.turn();
  EXPECT_LT(client.rest().size(), std::size_t{12} << 20);
  EXPECT_TRUE(client.is_closed());
  EXPECT_TRUE(ask(other, "status").contains("result"));
}

TEST(AdminSocket, ASlowReaderGetsEverything) {
  Daemon daemon;
  for (int count = 0; count < 1000; ++count) {
    daemon.frames.push(domain::NoticeRaised{}, std::string(2000, 'x'));
  }
  daemon.loop->catch_up();
  Client client{daemon};
  std::string lines;
  for (int id = 0; id < 8; ++id) {
    lines += request("notices.list", {{"limit", 1000}}, id).dump() + "\n";
  }
  client.send(lines);
  for (int id = 0; id < 8; ++id) {
    daemon.now += AdminServer::write_limit / 2;
    const auto answer = json::parse(client.line());
    EXPECT_EQ(answer.at("id"), id);
    EXPECT_EQ(answer.at("result").at("notices").size(), 1000U);
  }
}

TEST(AdminSocket, AnIdleClientIsDroppedAfterItsTime) {
  Daemon daemon;
  Client client{daemon};
  EXPECT_TRUE(ask(client, "status").contains("result"));
  daemon.now += AdminServer::idle_limit;
  daemon.turn();
  EXPECT_TRUE(client.is_closed());
}

// ---- Commands -----------------------------------------------------------------------------------

TEST(AdminSocket, ACommandReachesTheEngineWithItsReasonAndIsAnsweredByTheJournal) {
  Daemon daemon;
  Client client{daemon};
  daemon.answer.affected = 3;
  const auto answer = ask(client, "orders.cancel_all",
                          {{"account", "main"}, {"instrument", "BTC/USDT"}, {"reason", "storm"}});
  EXPECT_EQ(answer.at("result").at("accepted"), true);
  EXPECT_EQ(answer.at("result").at("affected"), 3);
  ASSERT_EQ(daemon.submitted.size(), 1U);
  const auto& command = std::get<domain::Command>(daemon.submitted[0].first.what);
  const auto& cancel = std::get<domain::CancelAll>(command.what);
  EXPECT_EQ(cancel.scope.account, main_account);
  EXPECT_EQ(cancel.scope.strategy, domain::no<domain::StrategyId>);
  EXPECT_EQ(cancel.instrument, btc_usdt);
  EXPECT_EQ(daemon.submitted[0].second,
            "storm [admin socket, uid " + std::to_string(::geteuid()) + "]");
}

TEST(AdminSocket, MarketDataThatSomebodyNeedsIsNotLeft) {
  Daemon daemon;
  Client client{daemon};
  const auto answer = ask(client, "market.unsubscribe", {{"instrument", "BTC/USDT"}});
  EXPECT_THAT(words(answer), HasSubstr("so its market data is needed"));
  EXPECT_TRUE(daemon.submitted.empty());
  EXPECT_EQ(
      ask(client, "market.subscribe", {{"instrument", "BTC/USDT"}}).at("result").at("accepted"),
      true);
  const auto& command = std::get<domain::Command>(daemon.submitted.at(0).first.what);
  EXPECT_TRUE(std::get<domain::Listen>(command.what).listens);
  EXPECT_EQ(std::get<domain::Listen>(command.what).instrument, btc_usdt);
}

TEST(AdminSocket, EachTradingMethodSetsItsState) {
  Daemon daemon;
  Client client{daemon};
  const std::vector<std::pair<std::string, domain::TradingState>> rows{
      {"trading.halt", domain::TradingState::halted},
      {"trading.reduce", domain::TradingState::reducing},
      {"trading.resume", domain::TradingState::active}};
  for (const auto& [method, state] : rows) {
    SCOPED_TRACE(method);
    EXPECT_TRUE(ask(client, method, {{"strategy", "cross"}}).contains("result"));
    const auto& command = std::get<domain::Command>(daemon.submitted.back().first.what);
    const auto& set = std::get<domain::SetTradingState>(command.what);
    EXPECT_EQ(set.state, state);
    EXPECT_EQ(set.scope.strategy, cross);
  }
}

TEST(AdminSocket, TokensDifferFromCommandToCommandAndFromStartToStart) {
  std::set<std::uint64_t> tokens;
  for (int run = 0; run < 2; ++run) {
    Daemon daemon{sample_config(), start + std::chrono::seconds{run}};
    Client client{daemon};
    ask(client, "trading.halt");
    ask(client, "trading.resume");
    for (const auto& [event, remark] : daemon.submitted) {
      tokens.insert(std::get<domain::Command>(event.what).token);
    }
  }
  EXPECT_EQ(tokens.size(), 4U);
}

TEST(AdminSocket, ARefusedCommandSaysTheWordAndTheWords) {
  Daemon daemon;
  Client client{daemon};
  daemon.answer = {.accepted = false, .reason = domain::Reason::unknown_order};
  daemon.answer_text = "no such order in this journal";
  const auto answer = ask(client, "orders.cancel", {{"order", "alpha-main-1kbhdk6-1"}});
  EXPECT_EQ(answer.at("error").at("code"), -32000);
  EXPECT_EQ(words(answer), "refused: unknown_order: no such order in this journal");
  EXPECT_EQ(answer.at("error").at("data").at("reason"), "unknown_order");
}

TEST(AdminSocket, AFullLaneMeansThatNothingHappened) {
  Daemon daemon;
  daemon.lane_is_full = true;
  Client client{daemon};
  const auto answer = ask(client, "trading.halt");
  EXPECT_EQ(answer.at("error").at("code"), -32003);
  EXPECT_THAT(words(answer), HasSubstr("nothing happened"));
}

TEST(AdminSocket, ASilentEngineIsToldAfterTwoSecondsAndTheNextLineIsServed) {
  Daemon daemon;
  daemon.engine_is_silent = true;
  Client client{daemon};
  client.send(request("trading.halt").dump() + "\n" + request("status", json::object(), 2).dump() +
              "\n");
  daemon.turn(10);
  EXPECT_TRUE(client.pending().empty());
  EXPECT_TRUE(daemon.loop->is_busy());
  daemon.now += AdminMethods::answer_time_out;
  const auto late = json::parse(client.line());
  EXPECT_EQ(late.at("error").at("code"), -32002);
  EXPECT_THAT(words(late), HasSubstr("accepted into the queue, not answered within 2 s"));
  EXPECT_EQ(json::parse(client.line()).at("id"), 2);
  EXPECT_FALSE(daemon.loop->is_busy());
}

TEST(AdminSocket, ACommandBearsEngineTimeAndTimeOutsAreReal) {
  // Given a daemon whose clock is told (a test of a day in minutes), a year behind the real one
  auto settings = sample_config();
  const TemporaryDirectory directory;
  settings.admin.socket = directory.path() + "/admin.sock";
  Daemon daemon{settings};
  auto told = start - std::chrono::hours{24 * 365};
  ControlHooks hooks;
  hooks.now = [&] { return told; };
  hooks.real_time = [&] { return daemon.now; };
  std::vector<domain::Event> events;
  hooks.admin.submit = [&](const domain::Event& event, std::string_view) {
    events.push_back(event);
    return true;
  };
  daemon.loop.reset();
  daemon.loop = std::make_unique<ControlLoop>(daemon.settings, hooks);
  Client client{daemon};
  client.send(request("trading.halt").dump() + "\n");
  // When a day of told time passes, nobody is late; after two real seconds somebody is
  ASSERT_TRUE(daemon.turn_until([&] { return events.size() == 1; }));
  EXPECT_EQ(events[0].received, told);
  told += std::chrono::hours{24};
  daemon.turn();
  EXPECT_TRUE(client.pending().empty());
  daemon.now += AdminMethods::answer_time_out;
  EXPECT_EQ(json::parse(client.line()).at("error").at("code"), -32002);
}

TEST(AdminSocket, ANotificationIsCarriedOutAndNotAnswered) {
  Daemon daemon;
  Client client{daemon};
  client.send(R"({"jsonrpc":"2.0","method":"trading.halt"})"
              "\n" +
              request("status", json::object(), 9).dump() + "\n");
  EXPECT_EQ(json::parse(client.line()).at("id"), 9);
  EXPECT_EQ(daemon.submitted.size(), 1U);
}

TEST(AdminSocket, WrongParametersAreNamed) {
  Daemon daemon;
  daemon.frames.push(domain::OrderOpened{sample_order(1)});
  daemon.loop->catch_up();
  Client client{daemon};
  struct Row {
    const char* name;
    const char* method;
    json params;
    const char* words;
  };
  const std::string order = daemon.loop->model().order_name(main_account, {epoch, 1});
  const std::string other = daemon.loop->model().order_name(second_account, {epoch, 1});
  const std::vector<Row> rows{
      {"unknown_key", "status", {{"x", 1}}, "x: unknown parameter; this method takes none"},
      {"misspelt_key", "fills.list", {{"limitt", 1}}, "limitt: unknown parameter"},
      {"limit_zero", "fills.list", {{"limit", 0}}, "from 1 to 10000"},
      {"limit_text", "fills.list", {{"limit", "5"}}, "whole number"},
      {"limit_fraction", "fills.list", {{"limit", 1.5}}, "whole number"},
      {"limit_huge", "fills.list", {{"limit", 18446744073709551615ULL}}, "whole number"},
      {"after_negative", "fills.list", {{"after", -1}}, "whole number"},
      {"unknown_account", "orders.list", {{"account", "x"}}, "there is main, second"},
      {"account_number", "orders.list", {{"account", 1}}, "account: must be a string"},
      {"unknown_strategy", "orders.list", {{"strategy", "x"}}, "there is cross"},
      {"unknown_instrument",
       "orders.list",
       {{"instrument", "ETH/USDT"}},
       "there is binance:BTC/USDT"},
      {"bad_which", "orders.list", {{"which", "some"}}, "\"open\" or \"all\""},
      {"flag_text", "shutdown", {{"cancel_open", "yes"}}, "true or false"},
      {"no_order", "orders.cancel", json::object(), "order: is missing"},
      {"foreign_order", "orders.cancel", {{"order", "beta-main-11-7"}}, "order of this daemon"},
      {"order_of_other_account", "orders.cancel", {{"order", other}}, "of that account"},
      {"two_lines_of_reason", "trading.halt", {{"reason", "a\nb"}}, "one line"},
      {"long_reason", "trading.halt", {{"reason", std::string(201, 'x')}}, "at most 200"},
      {"bad_severity", "notices.list", {{"severity", "loud"}}, "info, warning or alarm"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const auto answer = ask(client, row.method, row.params);
    ASSERT_TRUE(answer.contains("error")) << answer;
    EXPECT_EQ(answer.at("error").at("code"), -32602);
    EXPECT_THAT(words(answer), HasSubstr(row.words));
  }
  EXPECT_TRUE(daemon.submitted.empty());
  EXPECT_TRUE(ask(client, "orders.cancel", {{"order", order}}).contains("result"));
}

// ---- Views --------------------------------------------------------------------------------------

TEST(AdminSocket, StatusSaysWhatIsReadyAndWhatIsNot) {
  Daemon daemon;
  daemon.frames.push_input(domain::StreamChanged{domain::StreamKind::orders,
                                                 domain::StreamState::ready, domain::Reason::none},
                           binance, main_account);
  daemon.frames.push(domain::AccountReady{.account = main_account, .ready = true});
  daemon.frames.push(domain::OrderOpened{sample_order(1)});
  daemon.frames.push(changed(1, domain::OrderState::unknown, domain::Reason::no_answer_in_time));
  daemon.loop->catch_up();
  Client client{daemon};
  const auto status = ask(client, "status").at("result");
  EXPECT_EQ(status.at("started"), "2024-08-08T09:11:02.000000000Z");
  EXPECT_EQ(status.at("journal_sequence"), 5);
  EXPECT_EQ(status.at("trading_state"), "active");
  EXPECT_EQ(status.at("accounts").at(0),
            (json{{"account", "main"}, {"ready", true}, {"reason", nullptr}}));
  EXPECT_EQ(status.at("accounts").at(1).at("ready"), false);
  EXPECT_EQ(status.at("streams").at(0).at("state"), "ready");
  EXPECT_EQ(status.at("streams").at(0).at("account"), "main");
  EXPECT_EQ(status.at("orders").at("open"), 1);
  EXPECT_EQ(status.at("orders").at("unknown"), 1);
  EXPECT_EQ(status.at("process").at("threads"), "shared");
  EXPECT_EQ(ask(client, "latency").at("result").at("stages").at(0).at("stage"), "decode");
}

TEST(AdminSocket, OrdersAreListedByStateAndScopeNewestFirst) {
  Daemon daemon;
  for (std::uint32_t counter = 1; counter <= 3; ++counter) {
    auto order = sample_order(counter);
    if (counter == 3) order.account = second_account;
    daemon.frames.push(domain::OrderOpened{order});
  }
  auto filled = changed(1, domain::OrderState::filled);
  filled.filled = "2"_qty;
  filled.filled_quote = "201"_usd;
  filled.venue_order = domain::ForeignId::number(42);
  daemon.frames.push(filled, "venue's words");
  auto external = sample_order(4);
  external.origin = domain::Origin::external;
  external.type = domain::OrderType::market;
  external.limit_price = {};
  external.strategy = domain::no<domain::StrategyId>;
  daemon.frames.push(domain::OrderOpened{external}, "web_abc");
  daemon.loop->catch_up();
  Client client{daemon};

  const auto open = ask(client, "orders.list").at("result");
  EXPECT_EQ(open.at("matched"), 3);
  EXPECT_EQ(open.at("orders").at(0).at("client_order_id"), "web_abc");
  EXPECT_EQ(open.at("orders").at(0).at("strategy"), nullptr);
  EXPECT_EQ(open.at("orders").at(0).at("limit_price"), nullptr);
  EXPECT_EQ(open.at("orders").at(1).at("account"), "second");

  const auto all = ask(client, "orders.list", {{"which", "all"}, {"account", "main"}, {"limit", 2}})
                       .at("result");
  EXPECT_EQ(all.at("matched"), 3);
  EXPECT_EQ(all.at("orders").size(), 2U);

  const std::string name = daemon.loop->model().order_name(main_account, {epoch, 1});
  const auto one =
      ask(client, "orders.list", {{"order", name}, {"steps", true}}).at("result").at("orders");
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one.at(0).at("order"), name);
  EXPECT_EQ(one.at(0).at("state"), "filled");
  EXPECT_EQ(one.at(0).at("quantity"), "2");
  EXPECT_EQ(one.at(0).at("limit_price"), "100.5");
  EXPECT_EQ(one.at(0).at("average_price"), "100.5");
  EXPECT_EQ(one.at(0).at("venue_order"), "42");
  EXPECT_EQ(one.at(0).at("text"), "venue's words");
  EXPECT_EQ(one.at(0).at("steps").at(1).at("what"), "changed");
}

TEST(AdminSocket, FillsCanBeFollowedByNumber) {
  Daemon daemon;
  for (std::uint64_t number = 1; number <= 5; ++number) daemon.frames.push(fill(number, 1));
  daemon.loop->catch_up();
  Client client{daemon};
  const auto numbers = [&](const json& params) {
    std::vector<int> found;
    const auto answer = ask(client, "fills.list", params);
    for (const auto& row : answer.at("result").at("fills")) found.push_back(row.at("number"));
    return found;
  };
  EXPECT_EQ(numbers({{"limit", 2}}), (std::vector{4, 5}));
  EXPECT_EQ(numbers({{"limit", 2}, {"after", 1}}), (std::vector{2, 3}));
  EXPECT_EQ(numbers({{"after", 5}}), std::vector<int>{});
  const auto row = ask(client, "fills.list", {{"limit", 1}}).at("result");
  EXPECT_EQ(row.at("last"), 5);
  EXPECT_EQ(row.at("fills").at(0).at("fee"), "0.05025");
  EXPECT_EQ(row.at("fills").at(0).at("fee_asset"), "USDT");
  EXPECT_EQ(row.at("fills").at(0).at("trade"), "1005");
  EXPECT_EQ(row.at("fills").at(0).at("venue_time"), "2024-08-08T09:11:02.000000000Z");
}

TEST(AdminSocket, TheOtherListsShowWhatTheJournalSays) {
  Daemon daemon;
  daemon.frames.push(domain::PositionChanged{.account = main_account,
                                             .strategy = cross,
                                             .instrument = btc_usdt,
                                             .quantity = "-1.5"_qty,
                                             .average_price = "100"_px});
  daemon.frames.push(domain::PositionChanged{.account = second_account, .instrument = btc_usdt});
  daemon.frames.push(domain::BalanceChanged{
      .account = main_account, .asset = usdt, .free = "9.5"_usd, .locked = "0.5"_usd});
  daemon.frames.push(domain::EquityMarked{.account = main_account, .equity = "1000"_usd});
  daemon.frames.push(domain::NoticeRaised{.severity = domain::Severity::warning,
                                          .code = domain::NoticeCode::stream_down,
                                          .account = main_account},
                     "the venue hung up");
  daemon.loop->catch_up();
  Client client{daemon};
  const auto positions = ask(client, "positions.list").at("result").at("positions");
  ASSERT_EQ(positions.size(), 1U);
  EXPECT_EQ(positions.at(0).at("quantity"), "-1.5");
  EXPECT_EQ(positions.at(0).at("strategy"), "cross");
  EXPECT_EQ(ask(client, "positions.list", {{"flat", true}}).at("result").at("positions").size(),
            2U);
  const auto balances = ask(client, "balances.list", {{"account", "main"}}).at("result");
  EXPECT_EQ(balances.at("balances").at(0).at("free"), "9.5");
  EXPECT_EQ(balances.at("balances").at(0).at("asset"), "USDT");
  const auto accounts = ask(client, "accounts.list").at("result").at("accounts");
  EXPECT_EQ(accounts.at(0).at("equity").at("equity"), "1000");
  EXPECT_EQ(accounts.at(0).at("mode"), "live");
  EXPECT_EQ(accounts.at(1).at("equity"), nullptr);
  const auto strategies = ask(client, "strategies.list").at("result").at("strategies");
  EXPECT_EQ(strategies.at(0).at("timeframe"), "1s");
  EXPECT_EQ(strategies.at(0).at("capital"), "5000");
  EXPECT_EQ(ask(client, "notices.list", {{"severity", "alarm"}}).at("result").at("notices").size(),
            0U);
  const auto notices = ask(client, "notices.list", {{"severity", "warning"}}).at("result");
  EXPECT_EQ(notices.at("notices").at(0).at("code"), "stream_down");
  EXPECT_EQ(notices.at("notices").at(0).at("text"), "the venue hung up");
}

TEST(AdminSocket, RiskIsShownByTheKeysOfTheFile) {
  auto settings = sample_config();
  settings.risk.accounts["main"].max_order_notional = "250.5"_usd;
  Daemon daemon{settings};
  Client client{daemon};
  const auto risk = ask(client, "risk.get").at("result");
  EXPECT_EQ(risk.at("daemon").at("max_order_notional"), "10000");
  EXPECT_EQ(risk.at("daemon").at("price_collar_pct"), 5.0);
  EXPECT_EQ(risk.at("daemon").at("max_reference_age_ms"), 5000);
  EXPECT_EQ(risk.at("accounts").at("main").at("max_order_notional"), "250.5");
  EXPECT_EQ(risk.at("accounts").at("main").at("max_open_orders"), nullptr);
}

TEST(AdminSocket, WithoutFileDescriptorsItRestsInsteadOfSpinningAndComesBack) {
  Daemon daemon;
  Client early{daemon};
  EXPECT_TRUE(ask(early, "status").contains("result"));
  Client late{daemon};
  ::rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int top = ::dup(0);  // the lowest free number: nothing above it may be opened
  ::close(top);
  ::rlimit none = before;
  none.rlim_cur = static_cast<::rlim_t>(top);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  daemon.turn();
  EXPECT_TRUE(ask(early, "status").contains("result"));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  daemon.turn();
  EXPECT_TRUE(late.pending().empty());
  daemon.now += std::chrono::seconds{1};
  EXPECT_TRUE(ask(late, "status").contains("result"));
}

}  // namespace
}  // namespace halcyon::daemon
