#include "gateways/transport/http_message.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace halcyon::gateways::transport {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;
using State = HttpReader::State;

const Endpoint venue{"api.example.com", 443, "/", true};

TEST(EncodeRequest, WritesHostAndLength) {
  std::string error;
  const Headers headers{{"X-MBX-APIKEY", "key"}};
  EXPECT_EQ(encode_request("POST", "/api/v3/order?a=1", venue, headers, "body", error),
            "POST /api/v3/order?a=1 HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: halcyon\r\n"
            "X-MBX-APIKEY: key\r\nContent-Length: 4\r\n\r\nbody");
  const Endpoint unusual{"::1", 9443, "/", true};
  EXPECT_NE(encode_request("GET", "/", unusual, {}, {}, error).find("Host: [::1]:9443\r\n"),
            std::string::npos);
}

struct Injection {
  const char* name;
  const char* method;
  const char* target;
  Headers headers;
};

class EncodeRequestRefuses : public testing::TestWithParam<Injection> {};

TEST_P(EncodeRequestRefuses, WhatWouldMakeTwoRequestsOfOne) {
  std::string error;
  const Injection& bad = GetParam();
  EXPECT_EQ(encode_request(bad.method, bad.target, venue, bad.headers, {}, error), "");
  EXPECT_NE(error, "");
}

INSTANTIATE_TEST_SUITE_P(
    Fields, EncodeRequestRefuses,
    testing::Values(Injection{"empty_method", "", "/", {}}, Injection{"method", "GET /", "/", {}},
                    Injection{"no_slash", "GET", "api", {}},
                    Injection{"space_in_target", "GET", "/a b", {}},
                    Injection{"line_break_in_target", "GET", "/a\r\nX: y", {}},
                    Injection{"line_break_in_value", "GET", "/", {{"A", "b\r\nX: y"}}},
                    Injection{"colon_in_name", "GET", "/", {{"A:", "b"}}},
                    Injection{"empty_name", "GET", "/", {{"", "b"}}}),
    [](const auto& row) { return row.param.name; });

TEST(HttpReader, ReadsAResponseByteByByteAndKeepsWhatIsBehindIt) {
  const std::string bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nRetry-After: 7\r\n\r\nhello";
  HttpReader reader{100};
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    ASSERT_EQ(reader.put(bytes.substr(i, 1)), State::more) << i;
  }
  ASSERT_EQ(reader.put("oXY"), State::done);
  EXPECT_EQ(reader.status(), 200);
  EXPECT_EQ(reader.header("retry-after"), "7");
  EXPECT_EQ(reader.header("absent"), "");
  EXPECT_EQ(reader.body(), "hello");
  EXPECT_EQ(reader.rest(), "XY");
  EXPECT_TRUE(reader.is_kept_alive());
}

TEST(HttpReader, ReadsChunks) {
  HttpReader reader{100};
  EXPECT_EQ(reader.put("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
            State::more);
  EXPECT_EQ(reader.put("2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n"), State::done);
  EXPECT_EQ(reader.body(), "abcde");
}

TEST(HttpReader, ReadsABodyThatEndsWithTheConnection) {
  HttpReader reader{100};
  EXPECT_EQ(reader.put("HTTP/1.1 200 OK\r\n\r\nabc"), State::more);
  EXPECT_EQ(reader.end(), State::done);
  EXPECT_EQ(reader.body(), "abc");
  EXPECT_FALSE(reader.is_kept_alive());
}

TEST(HttpReader, RefusesABodyAboveTheLimit) {
  HttpReader declared{4};
  EXPECT_EQ(declared.put("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), State::failed);
  EXPECT_EQ(declared.error(), "the body is larger than we take");
  HttpReader chunked{4};
  EXPECT_EQ(chunked.put("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"),
            State::failed);
  EXPECT_EQ(chunked.put("more"), State::failed);
}

TEST(HttpReader, RefusesWhatIsNoHttp) {
  HttpReader reader{4};
  EXPECT_EQ(reader.put("SSH-2.0-OpenSSH_9.2\r\n\r\n"), State::failed);
  EXPECT_NE(reader.error().find("no understandable HTTP"), std::string::npos) << reader.error();
  HttpReader endless{4};
  EXPECT_EQ(endless.put("HTTP/1.1 200 OK\r\nX: " + std::string(HttpReader::max_header, 'x')),
            State::failed);
  EXPECT_EQ(endless.error(), "the header is larger than we take");
}

TEST(HttpReader, KnowsThatACutResponseIsNotWhole) {
  HttpReader reader{100};
  EXPECT_EQ(reader.put("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), State::more);
  EXPECT_EQ(reader.end(), State::failed);
  EXPECT_EQ(reader.error(), "cut before its end");
  HttpReader silent{100};
  EXPECT_FALSE(silent.has_started());
  EXPECT_EQ(silent.end(), State::failed);
}

TEST(HasToken, FindsAWordInAList) {
  EXPECT_TRUE(has_token("keep-alive, Upgrade", "upgrade"));
  EXPECT_TRUE(has_token("upgrade", "upgrade"));
  EXPECT_FALSE(has_token("upgraded", "upgrade"));
  EXPECT_FALSE(has_token("", "upgrade"));
}

TEST(RetryAfter, TakesSecondsOnly) {
  EXPECT_EQ(retry_after("120"), std::chrono::seconds{120});
  EXPECT_EQ(retry_after(" 1 "), std::chrono::seconds{1});
  EXPECT_EQ(retry_after(""), domain::Duration::zero());
  EXPECT_EQ(retry_after("-5"), domain::Duration::zero());
  EXPECT_EQ(retry_after("Wed, 21 Oct 2026 07:28:00 GMT"), domain::Duration::zero());
  EXPECT_EQ(retry_after("99999999999999999999"), std::chrono::hours{30 * 24});
}

}  // namespace
}  // namespace halcyon::gateways::transport
