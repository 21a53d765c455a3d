#include "gateways/transport/url.h"

#include <string>

#include <gtest/gtest.h>

namespace halcyon::gateways::transport {
namespace {

struct Good {
  const char* name;
  const char* text;
  const char* host;
  int port;
  const char* path;
  bool is_tls;
  bool is_websocket;
};

class ParseUrl : public testing::TestWithParam<Good> {};

TEST_P(ParseUrl, TakesTheAddressApart) {
  std::string error;
  const auto url = parse_url(GetParam().text, error);
  ASSERT_TRUE(url) << error;
  EXPECT_EQ(url->endpoint.host, GetParam().host);
  EXPECT_EQ(url->endpoint.port, GetParam().port);
  EXPECT_EQ(url->endpoint.path, GetParam().path);
  EXPECT_EQ(url->endpoint.is_tls, GetParam().is_tls);
  EXPECT_EQ(url->is_websocket, GetParam().is_websocket);
}

INSTANTIATE_TEST_SUITE_P(
    Addresses, ParseUrl,
    testing::Values(
        Good{"production", "wss://stream.binance.com:9443/stream", "stream.binance.com", 9443,
             "/stream", true, true},
        Good{"no_port_no_path", "wss://example.com", "example.com", 443, "/", true, true},
        Good{"rest", "https://api.binance.com", "api.binance.com", 443, "/", true, false},
        Good{"plain", "ws://127.0.0.1:8080/a/b", "127.0.0.1", 8080, "/a/b", false, true},
        Good{"plain_http", "http://localhost/", "localhost", 80, "/", false, false},
        Good{"query_only", "wss://h?a=1&b=2", "h", 443, "/?a=1&b=2", true, true},
        Good{"path_and_query", "wss://h/p?a=1", "h", 443, "/p?a=1", true, true},
        Good{"upper_case", "WSS://Example.COM/Path", "example.com", 443, "/Path", true, true},
        Good{"ipv6", "wss://[::1]:9443/s", "::1", 9443, "/s", true, true},
        Good{"ipv6_no_port", "https://[2001:DB8::1]", "2001:db8::1", 443, "/", true, false},
        Good{"last_port", "ws://h:65535", "h", 65535, "/", false, true}),
    [](const auto& row) { return row.param.name; });

struct Bad {
  const char* name;
  const char* text;
  const char* words;
};

class RefuseUrl : public testing::TestWithParam<Bad> {};

TEST_P(RefuseUrl, SaysWhatIsWrong) {
  std::string error;
  EXPECT_FALSE(parse_url(GetParam().text, error));
  EXPECT_NE(error.find(GetParam().words), std::string::npos) << error;
  EXPECT_NE(error.find("wss://host:443/path"), std::string::npos) << "the mend is missing";
}

INSTANTIATE_TEST_SUITE_P(
    Texts, RefuseUrl,
    testing::Values(
        Bad{"empty", "", "no \"://\""}, Bad{"no_scheme", "example.com", "no \"://\""},
        Bad{"other_scheme", "ftp://h", "\"ftp\""}, Bad{"no_host", "wss://", "host"},
        Bad{"no_host_but_port", "wss://:443", "host"}, Bad{"port_zero", "wss://h:0", "1 to 65535"},
        Bad{"port_too_large", "wss://h:65536", "1 to 65535"},
        Bad{"port_empty", "wss://h:", "1 to 65535"}, Bad{"port_word", "wss://h:9x", "1 to 65535"},
        Bad{"port_negative", "wss://h:-1", "1 to 65535"}, Bad{"user", "wss://me@h", "user name"},
        Bad{"fragment", "wss://h/p#x", "fragment"}, Bad{"space", "wss://h/a b", "a space"},
        Bad{"line_break", "wss://h/a\r\nX: y", "control character"},
        Bad{"host_character", "wss://h!/", "no host name"},
        Bad{"bare_ipv6", "wss://::1/", "host is missing"},
        Bad{"open_bracket", "wss://[::1", "\"]\""}, Bad{"no_ipv6", "wss://[host]/", "IPv6"},
        Bad{"behind_bracket", "wss://[::1]x", "\":port\""}),
    [](const auto& row) { return row.param.name; });

TEST(IsLoopback, JudgesTheTextAlone) {
  for (const char* host : {"localhost", "LocalHost", "127.0.0.1", "127.255.0.9", "::1"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const char* host : {"", "0.0.0.0", "128.0.0.1", "127.0.0.1.example.com", "localhost.example",
                           "::", "::2", "10.0.0.1", "127.1"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

TEST(HostAndPort, PutsAnIpv6LiteralInBrackets) {
  EXPECT_EQ(host_and_port({"example.com", 443, "/", true}), "example.com:443");
  EXPECT_EQ(host_and_port({"::1", 9443, "/", true}), "[::1]:9443");
}

}  // namespace
}  // namespace halcyon::gateways::transport
