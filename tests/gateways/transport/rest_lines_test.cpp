#include "gateways/transport/rest_lines.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "tests/gateways/transport/test_server.h"

namespace halcyon::gateways::transport {
namespace {

using namespace std::chrono_literals;
using test::authority;
using test::Peer;
using test::TestServer;

constexpr std::string_view call = "POST /orders HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}";

std::string ok(std::string_view body, std::string_view more = {}) {
  return "HTTP/1.1 200 OK\r\n" + std::string{more} +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
}

struct RestLinesTest : testing::Test {
  Clock clock;
  RestLines lines{4, "x-left"};
  std::vector<RestAnswer> answers;

  void connect(const TestServer& server, int count) {
    std::string error;
    const Trust trust = *Trust::load(authority().file(), error);
    for (int at = 0; at < count; ++at) {
      lines.opening();
      auto stream = TlsStream::connect(server.endpoint(), trust, Deadline::after(20s), error);
      ASSERT_NE(stream, nullptr) << error;
      lines.adopt(std::move(stream), clock.now());
    }
  }
  /// Turns, waiting for the sockets in between, until so many answers are there.
  void wait_for(std::size_t count) {
    const Deadline deadline = Deadline::after(20s);
    while (answers.size() < count && !deadline.has_passed()) {
      turn(clock.now());
      std::vector<::pollfd> sockets;
      lines.watch(sockets);
      if (answers.size() < count) ::poll(sockets.data(), sockets.size(), 50);
    }
  }
  void turn(domain::Timestamp now) {
    lines.poll(clock, now, [&](RestAnswer& answer) { answers.push_back(std::move(answer)); });
  }
};

TEST_F(RestLinesTest, ACallLeavesAtOnceAndItsAnswerComesWithItsTag) {
  TestServer server{[](Peer& peer) {
    while (!peer.read_request().empty()) peer.write(ok("done", "x-left: 7\r\n"));
  }};
  connect(server, 1);
  for (std::uint32_t tag = 1; tag <= 3; ++tag) {
    ASSERT_TRUE(lines.begin(tag, call, false, clock.now()));
    EXPECT_EQ(lines.idle(), 0U);
    wait_for(tag);
    ASSERT_EQ(answers.size(), tag);
    EXPECT_EQ(answers.back().tag, tag);
    EXPECT_EQ(answers.back().status, 200);
    EXPECT_EQ(answers.back().body, "done");
    EXPECT_EQ(answers.back().numbers.at(0).second, 7);
  }
  EXPECT_EQ(lines.standing(), 1U);
  EXPECT_EQ(lines.counters().opened, 1U);
}

TEST_F(RestLinesTest, AsManyCallsAreInFlightAsConnectionsStandAndNoneMore) {
  std::atomic<int> seen = 0;
  const auto script = [&](Peer& peer) {
    if (peer.read_request().empty()) return;
    ++seen;
    while (seen < 2) std::this_thread::yield();  // both are there before one is answered
    peer.write(ok("done"));
  };
  // A test server has one client at a time
  TestServer first{script};
  TestServer second{script};
  connect(first, 1);
  connect(second, 1);
  EXPECT_TRUE(lines.begin(1, call, false, clock.now()));
  EXPECT_TRUE(lines.begin(2, call, false, clock.now()));
  EXPECT_FALSE(lines.begin(3, call, false, clock.now()));
  EXPECT_EQ(lines.counters().refused, 1U);
  wait_for(2);
  EXPECT_EQ(answers.size(), 2U);
}

TEST_F(RestLinesTest, ACallThatIsCutIsNeverSentAgain) {
  std::atomic<int> requests = 0;
  const auto script = [&](Peer& peer) {
    if (!peer.read_request().empty()) ++requests;
    // and no word more
  };
  TestServer first{script};
  TestServer second{script};
  connect(first, 1);
  connect(second, 1);
  ASSERT_TRUE(lines.begin(1, call, false, clock.now()));
  wait_for(1);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].status, 0);
  EXPECT_FALSE(answers[0].error.empty());
  EXPECT_EQ(requests, 1);
  EXPECT_EQ(lines.standing(), 1U);
  EXPECT_EQ(lines.counters().cut, 1U);
}

TEST_F(RestLinesTest, AConnectionThatTheServerHasClosedHasNotSeenTheCall) {
  std::atomic<int> requests = 0;
  std::atomic<bool> closes = true;
  TestServer server{[&](Peer& peer) {
    if (closes.exchange(false)) return;  // the first one is closed while it is idle
    if (peer.read_request().empty()) return;
    ++requests;
    peer.write(ok("done"));
  }};
  connect(server, 1);
  // Once the end has come, nothing can be begun, with certainty
  const Deadline deadline = Deadline::after(20s);
  domain::Timestamp now = clock.now();
  while (lines.standing() > 0 && !deadline.has_passed()) {
    now += RestLines::idle_look;
    turn(now);
  }
  EXPECT_EQ(lines.standing(), 0U);
  EXPECT_FALSE(lines.begin(1, call, false, now));
  EXPECT_TRUE(lines.wants_line(now));
  connect(server, 1);
  EXPECT_TRUE(lines.begin(2, call, false, clock.now()));
  wait_for(1);
  EXPECT_EQ(answers.at(0).tag, 2U);
  EXPECT_EQ(requests, 1);
}

TEST_F(RestLinesTest, ASilentCallIsGivenUpAndItsConnectionWithIt) {
  TestServer server{[](Peer& peer) {
    peer.read_request();
    peer.read_request();  // until the other end goes
  }};
  connect(server, 1);
  const domain::Timestamp begun = clock.now();
  ASSERT_TRUE(lines.begin(1, call, false, begun));
  turn(begun + RestLines::answer_time_out - 1ms);
  EXPECT_TRUE(answers.empty());
  turn(begun + RestLines::answer_time_out);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].status, 0);
  EXPECT_EQ(lines.standing(), 0U);
}

TEST_F(RestLinesTest, OrdersTakeTheConnectionThatWasUsedLastAndWarmthTheOther) {
  const auto named = [](std::string name) {
    return [name](Peer& peer) {
      while (!peer.read_request().empty()) peer.write(ok(name));
    };
  };
  TestServer first{named("first")};
  TestServer second{named("second")};
  connect(first, 1);
  connect(second, 1);
  const auto used = [&](std::uint32_t tag, bool keeps_warm) {
    EXPECT_TRUE(lines.begin(tag, call, keeps_warm, clock.now()));
    wait_for(tag);
    return answers.size() == tag ? answers.back().body : std::string{"none"};
  };
  EXPECT_EQ(used(1, false), "second");
  EXPECT_EQ(used(2, false), "second");
  EXPECT_EQ(used(3, true), "first");
}

TEST_F(RestLinesTest, AfterAFailureTheNextAttemptWaits) {
  const domain::Timestamp now = clock.now();
  EXPECT_TRUE(lines.wants_line(now));
  lines.opening();
  lines.failed(now);
  EXPECT_FALSE(lines.wants_line(now));
  EXPECT_TRUE(lines.wants_line(now + RestLines::first_retry));
  lines.opening();
  lines.failed(now);
  EXPECT_FALSE(lines.wants_line(now + RestLines::first_retry));
}

}  // namespace
}  // namespace halcyon::gateways::transport
