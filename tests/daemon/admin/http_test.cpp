#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/http_request.h"
#include "daemon/http_server.h"
#include "daemon/time_text.h"
#include "tests/daemon/admin/fixture.h"

namespace halcyon::daemon {
namespace {

using namespace test;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string get(std::string_view path, std::string_view headers = "") {
  return "GET " + std::string{path} + " HTTP/1.1\r\nHost: localhost\r\n" + std::string{headers} +
         "\r\n";
}

std::string once(Daemon& daemon, std::string_view request) {
  Client client{daemon, daemon.loop->http_port()};
  client.send(request);
  return client.rest();
}

// ---- The parser ---------------------------------------------------------------------------------

struct HttpRow {
  const char* name;
  std::string text;
  int status;  ///< 0: read
  std::string path;
  bool keep_alive = true;
};
class HttpRows : public testing::TestWithParam<HttpRow> {};
TEST_P(HttpRows, AreReadOrRefused) {
  const HttpParse parse = parse_http(GetParam().text);
  EXPECT_EQ(parse.status, GetParam().status) << parse.why;
  EXPECT_EQ(parse.request.path, GetParam().status == 0 ? GetParam().path : parse.request.path);
  EXPECT_EQ(parse.used, GetParam().status == 0 ? GetParam().text.size() : 0U);
  if (GetParam().status == 0) {
    EXPECT_EQ(parse.request.keep_alive, GetParam().keep_alive);
  }
  if (GetParam().status != 0) {
    EXPECT_FALSE(parse.why.empty());
  }
}
INSTANTIATE_TEST_SUITE_P(
    Http, HttpRows,
    testing::Values(
        HttpRow{"plain", get("/metrics"), 0, "/metrics"},
        HttpRow{"query", get("/metrics?x=1"), 0, "/metrics"},
        HttpRow{"absolute", get("http://h:1/readyz"), 0, "/readyz"},
        HttpRow{"absolute_root", get("http://h"), 0, "/"},
        HttpRow{"close", get("/", "Connection: TE, Close\r\n"), 0, "/", false},
        HttpRow{"http_1_0", "GET / HTTP/1.0\r\n\r\n", 0, "/", false},
        HttpRow{"http_1_0_keep_alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 0, "/"},
        HttpRow{"empty_line_before", "\r\n" + get("/"), 0, "/"},
        HttpRow{"no_body_said", get("/", "Content-Length: 0\r\n"), 0, "/"},
        HttpRow{"two_empty_lines_before", "\r\n\r\n" + get("/"), 400, ""},
        HttpRow{"no_host", "GET / HTTP/1.1\r\n\r\n", 400, ""},
        HttpRow{"two_hosts", get("/", "Host: b\r\n"), 400, ""},
        HttpRow{"bare_lf", "GET / HTTP/1.1\nHost: x\n\n", 400, ""},
        HttpRow{"bare_cr", "GET / HTTP/1.1\r\nHost: x\ry: z\r\n\r\n", 400, ""},
        HttpRow{"folded_header", get("/", "X: a\r\n b\r\n"), 400, ""},
        HttpRow{"blank_before_colon", get("/", "X : a\r\n"), 400, ""},
        HttpRow{"no_version", "GET /\r\n\r\n", 400, ""},
        HttpRow{"two_blanks", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400, ""},
        HttpRow{"star", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400, ""},
        HttpRow{"tls_hello", std::string("\x16\x03\x01\x02\r\n\r\n", 8), 400, ""},
        HttpRow{"zero_byte", get("/", std::string("X: a\0b\r\n", 8)), 400, ""},
        HttpRow{"version_2", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, ""},
        HttpRow{"chunked", get("/", "Transfer-Encoding: chunked\r\n"), 400, ""},
        HttpRow{"bad_length", get("/", "Content-Length: -1\r\n"), 400, ""},
        HttpRow{"body", get("/", "Content-Length: 5\r\n"), 413, ""},
        HttpRow{"long_head", get("/", "X: " + std::string(9000, 'x') + "\r\n"), 431, ""},
        HttpRow{"endless_head", "GET /" + std::string(9000, 'x'), 431, ""},
        HttpRow{"many_headers",
                get("/",
                    [] {
                      std::string text;
                      for (int count = 0; count < 64; ++count) text += "X: y\r\n";
                      return text;
                    }()),
                431, ""}),
    [](const auto& row) { return row.param.name; });

TEST(Http, EveryBeginningOfARequestIsWaitedFor) {
  const std::string request = get("/metrics");
  for (std::size_t length = 0; length < request.size(); ++length) {
    const HttpParse parse = parse_http(std::string_view{request}.substr(0, length));
    EXPECT_EQ(parse.status, 0);
    EXPECT_EQ(parse.used, 0U);
  }
}

TEST(Http, TimesAreWrittenAsTheirStandardsSay) {
  const auto time = start + std::chrono::nanoseconds{5};
  EXPECT_EQ(rfc3339(time), "2024-08-08T09:11:02.000000005Z");
  EXPECT_EQ(http_date(time), "Thu, 08 Aug 2024 09:11:02 GMT");
  EXPECT_EQ(rfc3339(domain::from_unix_ns(-1)), "1969-12-31T23:59:59.999999999Z");
}

// ---- The server ---------------------------------------------------------------------------------

TEST(Http, HealthFollowsTheEngine) {
  Daemon daemon;
  EXPECT_THAT(once(daemon, get("/healthz", "Connection: close\r\n")),
              StartsWith("HTTP/1.1 200 OK\r\n"));
  daemon.engine_turns = false;
  const std::string sick = once(daemon, get("/healthz", "Connection: close\r\n"));
  EXPECT_THAT(sick, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(sick, HasSubstr("engine has not turned"));
}

TEST(Http, ReadyNamesTheAccountsThatAreNot) {
  Daemon daemon;
  daemon.frames.push(domain::AccountReady{.account = main_account, .ready = true});
  daemon.frames.push(domain::AccountReady{
      .account = second_account, .ready = false, .reason = domain::Reason::stream_not_ready});
  const std::string before = once(daemon, get("/readyz", "Connection: close\r\n"));
  EXPECT_THAT(before, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(before, HasSubstr("not reconciled: second (stream_not_ready)\n"));
  daemon.frames.push(domain::AccountReady{.account = second_account, .ready = true});
  EXPECT_THAT(once(daemon, get("/readyz", "Connection: close\r\n")), StartsWith("HTTP/1.1 200 "));
}

TEST(Http, KeepsTheConnectionAndAnswersPipelinedRequestsInTheirOrder) {
  Daemon daemon;
  Client client{daemon, daemon.loop->http_port()};
  std::string requests;
  for (int count = 0; count < 10; ++count) requests += get("/healthz") + get("/none");
  client.send(requests + get("/healthz", "Connection: close\r\n"));
  const std::string all = client.rest();
  std::string order;
  for (std::size_t at = all.find("HTTP/1.1 "); at != std::string::npos;
       at = all.find("HTTP/1.1 ", at + 1)) {
    order += all.substr(at + 9, 1);
  }
  EXPECT_EQ(order, "242424242424242424242");
  EXPECT_THAT(all, HasSubstr("Connection: keep-alive"));
}

TEST(Http, HeadHasTheLengthAndNoBody) {
  Daemon daemon;
  const std::string answer =
      once(daemon, "HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 3\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST(Http, WrongRequestsGetTheirStatus) {
  Daemon daemon;
  EXPECT_THAT(once(daemon, get("/x", "Connection: close\r\n")), StartsWith("HTTP/1.1 404 "));
  const std::string post =
      once(daemon, "DELETE /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(post, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(post, HasSubstr("Allow: GET, HEAD\r\n"));
  EXPECT_THAT(once(daemon, get("/", "Content-Length: 5\r\n") + "hello"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(once(daemon, "garbage\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST(Http, AClientThatDawdlesIsDroppedHoweverItDripsItsBytes) {
  Daemon daemon;
  Client client{daemon, daemon.loop->http_port()};
  client.send("GET /hea");
  daemon.turn();
  for (int count = 0; count < 9 && !client.is_closed(); ++count) {
    daemon.now += HttpServer::request_limit / 8;
    client.send("l");
    daemon.turn();
  }
  client.rest();
  EXPECT_TRUE(client.is_closed());
}

TEST(Http, AnIdleConnectionIsClosedAfterItsTimeAndNotBefore) {
  Daemon daemon;
  Client client{daemon, daemon.loop->http_port()};
  client.send(get("/healthz"));
  ASSERT_TRUE(daemon.turn_until([&] { return client.pending().ends_with("ok\n"); }));
  daemon.turn();
  daemon.now += HttpServer::idle_limit - std::chrono::seconds{1};
  daemon.turn();
  client.send(get("/healthz"));
  ASSERT_TRUE(daemon.turn_until([&] { return client.pending().size() > 250; }));
  daemon.turn();
  daemon.now += HttpServer::idle_limit;
  client.rest();
  EXPECT_TRUE(client.is_closed());
}

TEST(Http, AFullHouseIsSaidAndItsGuestsAreServed) {
  Daemon daemon;
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t count = 0; count < HttpServer::max_clients; ++count) {
    clients.push_back(std::make_unique<Client>(daemon, daemon.loop->http_port()));
  }
  daemon.turn();
  EXPECT_THAT(once(daemon, ""), StartsWith("HTTP/1.1 503 "));
  clients.front()->send(get("/healthz", "Connection: close\r\n"));
  EXPECT_THAT(clients.front()->rest(), StartsWith("HTTP/1.1 200 "));
}

TEST(Http, AJournalThatCannotBeFollowedIsSaidAndTheFacesStay) {
  config::Config settings = sample_config();
  const TemporaryDirectory directory;
  settings.admin.socket = directory.path() + "/admin.sock";
  ControlHooks hooks;
  hooks.now = [] { return start; };
  int reads = 0;
  hooks.next_frame = [&](persistence::FrameView&) -> bool {
    ++reads;
    throw persistence::JournalError{"segment 3: damaged at byte 17"};
  };
  ControlLoop loop{settings, std::move(hooks)};
  loop.catch_up();
  loop.run_once({});
  EXPECT_EQ(loop.journal_error(), "segment 3: damaged at byte 17");
  EXPECT_EQ(reads, 1);
}

TEST(Http, AnAddressThatCannotBeHadIsSaid) {
  Daemon daemon;
  struct Row {
    const char* name;
    std::string listen;
    const char* words;
  };
  const std::vector<Row> rows{
      {"taken", "127.0.0.1:" + std::to_string(daemon.loop->http_port()), "in use"},
      {"no_port", "127.0.0.1", "has no port"},
      {"no_host", ":9464", "has no host"},
      {"no_number", "127.0.0.1:http?", "metrics.listen"},
      {"not_ours", "192.0.2.1:0", "assign"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    try {
      const HttpServer server{row.listen, {}};
      ADD_FAILURE() << "it was bound";
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr(row.words));
      EXPECT_THAT(error.what(), HasSubstr(row.listen));
    }
  }
}

}  // namespace
}  // namespace halcyon::daemon
