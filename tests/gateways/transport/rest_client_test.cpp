#include "gateways/transport/rest_client.h"

#include <atomic>
#include <string>

#include <gtest/gtest.h>

#include "tests/gateways/transport/test_server.h"

namespace halcyon::gateways::transport {
namespace {

using test::authority;
using test::Peer;
using test::TestServer;

Deadline soon() { return Deadline::after(std::chrono::seconds{20}); }

Trust our_trust() {
  std::string error;
  return *Trust::load(authority().file(), error);
}

/// Keeps the body as a remark, and proves that what simdjson may read is there.
void keep_body(const void*, std::string_view body, RestAnswer& answer) {
  volatile char last = 0;
  for (std::size_t i = 0; i < Frame::padding; ++i) last = body.data()[body.size() + i];
  static_cast<void>(last);
  answer.remarks.emplace_back(body);
}

RestRequest get(std::string target = "/api/v3/time") {
  RestRequest request;
  request.tag = 42;
  request.target = std::move(target);
  request.decode = keep_body;
  return request;
}

std::string body_of(const RestAnswer& answer) {
  return answer.remarks.empty() ? "" : answer.remarks[0];
}

std::string ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string{body};
}

struct RestClientTest : testing::Test {
  RestAnswer ask(const TestServer& server, const RestRequest& request) {
    return client.execute(server.endpoint(), request, soon(), clock);
  }

  Clock clock;
  RestClient client{our_trust()};
};

TEST_F(RestClientTest, KeepsTheConnectionForTheNextCall) {
  TestServer server{[](Peer& peer) {
    while (true) {
      const std::string request = peer.read_request();
      if (request.empty()) return;
      peer.write(ok(request.substr(0, request.find("\r\n"))));
    }
  }};
  const domain::Timestamp before = clock.now();
  for (int i = 0; i < 5; ++i) {
    const auto answer = ask(server, get("/call?" + std::to_string(i)));
    EXPECT_EQ(answer.status, 200) << answer.error;
    EXPECT_EQ(answer.tag, 42U);
    EXPECT_EQ(answer.error, "");
    EXPECT_EQ(body_of(answer), "GET /call?" + std::to_string(i) + " HTTP/1.1");
    EXPECT_LE(before, answer.sent);
    EXPECT_LE(answer.sent, answer.received);
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(RestClientTest, SendsHeadersAndBody) {
  std::string seen;
  {
    TestServer server{[&](Peer& peer) {
      seen = peer.read_request();
      peer.write(ok("{}"));
    }};
    RestRequest request = get("/order");
    request.method = "POST";
    request.headers = {{"X-MBX-APIKEY", "key"}};
    request.body = "symbol=BTCUSDT";
    EXPECT_EQ(ask(server, request).status, 200);
  }
  EXPECT_TRUE(seen.starts_with("POST /order HTTP/1.1\r\n")) << seen;
  EXPECT_NE(seen.find("\r\nX-MBX-APIKEY: key\r\n"), std::string::npos) << seen;
  EXPECT_TRUE(seen.ends_with("\r\nContent-Length: 14\r\n\r\nsymbol=BTCUSDT")) << seen;
}

TEST_F(RestClientTest, ReadsChunksAndGoesOnOnTheSameConnection) {
  TestServer server{[](Peer& peer) {
    while (!peer.read_request().empty()) {
      peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n");
      peer.write("3\r\n:1}\r\n0\r\n\r\n");
    }
  }};
  EXPECT_EQ(body_of(ask(server, get())), "{\"a\":1}");
  EXPECT_EQ(body_of(ask(server, get())), "{\"a\":1}");
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(RestClientTest, ReadsALargeBody) {
  const std::string body(3'000'000, 'x');
  TestServer server{[&](Peer& peer) {
    peer.read_request();
    peer.write(ok(body));
    peer.wait_for_end();
  }};
  EXPECT_EQ(body_of(ask(server, get())), body);
}

TEST_F(RestClientTest, DecodesAnErrorBodyAndTellsWhenToComeBack) {
  TestServer server{[](Peer& peer) {
    peer.read_request();
    peer.write(
        "HTTP/1.1 418 I'm a teapot\r\nRetry-After: 120\r\nContent-Length: "
        "14\r\n\r\n{\"code\":-1003}");
    peer.read_request();
    peer.write("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
    peer.wait_for_end();
  }};
  const auto banned = ask(server, get());
  EXPECT_EQ(banned.status, 418);
  EXPECT_EQ(banned.retry_after, std::chrono::seconds{120});
  EXPECT_EQ(body_of(banned), "{\"code\":-1003}");
  const auto broken = ask(server, get());
  EXPECT_EQ(broken.status, 500);
  EXPECT_TRUE(broken.remarks.empty()) << "no body, nothing to decode";
}

struct Broken {
  const char* name;
  const char* answer;
  bool says_goodbye;
  const char* words;
};

class RestClientRefuses : public testing::TestWithParam<Broken> {};

TEST_P(RestClientRefuses, AnAnswerThatIsNotWhole) {
  TestServer server{[](Peer& peer) {
    peer.read_request();
    peer.write(GetParam().answer);
    if (GetParam().says_goodbye) peer.say_goodbye();
  }};
  const Clock clock;
  RestClient client{our_trust(), {.max_body_bytes = 1000}};
  const auto answer = client.execute(server.endpoint(), get(), soon(), clock);
  EXPECT_EQ(answer.status, 0);
  EXPECT_TRUE(answer.remarks.empty()) << "half a body must not be decoded";
  EXPECT_NE(answer.error.find(GetParam().words), std::string::npos) << answer.error;
  EXPECT_TRUE(answer.error.starts_with("127.0.0.1:")) << answer.error;
  EXPECT_GE(answer.received, answer.sent);
}

INSTANTIATE_TEST_SUITE_P(
    Answers, RestClientRefuses,
    testing::Values(
        Broken{"nothing", "", false, "cut"}, Broken{"nothing_politely", "", true, "ended"},
        Broken{"half_a_body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[1,2", false,
               "(in the middle of the answer)"},
        Broken{"half_a_body_politely", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[1,2", true,
               "(in the middle of the answer)"},
        Broken{"half_the_chunks",
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n[1,2\r\n", true,
               "(in the middle of the answer)"},
        Broken{"open_end_that_was_cut", "HTTP/1.1 200 OK\r\n\r\n[1,2", false,
               "(in the middle of the answer)"},
        Broken{"half_a_header", "HTTP/1.1 200 OK\r\nConte", true, "(in the middle of the answer)"},
        Broken{"too_large", "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", true,
               "the body is larger than we take"},
        Broken{"no_http", "whatever this is\r\n\r\n", true, "no understandable HTTP"}),
    [](const auto& row) { return row.param.name; });

TEST_F(RestClientTest, TakesABodyThatEndsWithAGoodbye) {
  TestServer server{[](Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.0 200 OK\r\n\r\n[1,2]");
    peer.say_goodbye();
    peer.wait_for_end();
  }};
  const auto answer = ask(server, get());
  EXPECT_EQ(answer.status, 200) << answer.error;
  EXPECT_EQ(body_of(answer), "[1,2]");
}

TEST_F(RestClientTest, DoesNotKeepAConnectionThatTheServerEnds) {
  TestServer server{[](Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
    peer.wait_for_end();
  }};
  EXPECT_EQ(ask(server, get()).status, 200);
  EXPECT_EQ(ask(server, get()).status, 200);
  EXPECT_EQ(server.connections(), 2);
}

/// Answers the first call; takes the second one and cuts, as a server does that has just given up
/// an idle connection. Every later connection behaves.
struct StaleServer {
  std::atomic<int> seen{0};
  TestServer server{[this](Peer& peer) {
    const bool is_first = server.connections() == 1;
    while (!peer.read_request().empty()) {
      if (++seen == 2 && is_first) return;
      peer.write(ok("{}"));
    }
  }};
};

TEST_F(RestClientTest, AsksAgainOnAFreshConnectionWhenAKeptOneIsStale) {
  StaleServer stale;
  EXPECT_EQ(ask(stale.server, get()).status, 200);
  const auto answer = ask(stale.server, get());
  EXPECT_EQ(answer.status, 200) << answer.error;
  EXPECT_EQ(stale.server.connections(), 2);
  EXPECT_EQ(stale.seen, 3);
}

TEST_F(RestClientTest, NeverRepeatsWhatIsNotAGet) {
  StaleServer stale;
  EXPECT_EQ(ask(stale.server, get()).status, 200);
  RestRequest order = get();
  order.method = "POST";
  const auto answer = ask(stale.server, order);
  EXPECT_EQ(answer.status, 0);
  EXPECT_NE(answer.error, "");
  EXPECT_EQ(stale.seen, 2);
  // And the next call is on a connection of its own
  EXPECT_EQ(ask(stale.server, order).status, 200);
  EXPECT_EQ(stale.server.connections(), 2);
}

TEST_F(RestClientTest, DoesNotTakeBytesThatNobodyAskedForAsTheNextAnswer) {
  TestServer server{[](Peer& peer) {
    peer.read_request();
    peer.write(ok("first") + ok("unasked"));
    peer.wait_for_end();
  }};
  EXPECT_EQ(body_of(ask(server, get())), "first");
  EXPECT_EQ(body_of(ask(server, get())), "first");
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(RestClientTest, GivesUpOnAServerThatDoesNotAnswer) {
  TestServer server{[](Peer& peer) { peer.wait_for_end(); }};
  const auto answer = client.execute(server.endpoint(), get(),
                                     Deadline::after(std::chrono::milliseconds{300}), clock);
  EXPECT_EQ(answer.status, 0);
  EXPECT_NE(answer.error.find("no answer in time"), std::string::npos) << answer.error;
  EXPECT_LE(server.connections(), 1) << "tried again";
}

TEST_F(RestClientTest, SaysWhenItCannotConnectOrMayNotAsk) {
  const auto answer =
      client.execute({"no-such-host.invalid", 443, "/", true}, get(), soon(), clock);
  EXPECT_EQ(answer.status, 0);
  EXPECT_EQ(answer.tag, 42U);
  EXPECT_NE(answer.error.find("cannot be resolved"), std::string::npos) << answer.error;
  const auto bad = client.execute({"localhost", 1, "/", true}, get("no slash"), soon(), clock);
  EXPECT_EQ(bad.status, 0);
  EXPECT_NE(bad.error.find("is no path"), std::string::npos) << bad.error;
}

TEST_F(RestClientTest, KeepsOneConnectionAHostAndOnlySoMany) {
  const auto script = [](Peer& peer) {
    while (!peer.read_request().empty()) peer.write(ok("{}"));
  };
  std::vector<std::unique_ptr<TestServer>> servers;
  for (std::size_t i = 0; i <= RestClient::max_kept; ++i) {
    servers.push_back(std::make_unique<TestServer>(script));
  }
  for (const auto& server : servers) EXPECT_EQ(ask(*server, get()).status, 200);
  for (const auto& server : servers) EXPECT_GE(server->connections(), 1);
  // The first was given up for the last; the others are kept
  EXPECT_EQ(ask(*servers.back(), get()).status, 200);
  EXPECT_EQ(servers.back()->connections(), 1);
  EXPECT_EQ(ask(*servers.front(), get()).status, 200);
  EXPECT_EQ(servers.front()->connections(), 2);
}

}  // namespace
}  // namespace halcyon::gateways::transport
