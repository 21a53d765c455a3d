#include "gateways/transport/url.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace halcyon::gateways::transport {
namespace {

struct Scheme {
  std::string_view name;
  std::uint16_t port;
  bool is_tls;
  bool is_websocket;
};
constexpr std::array schemes{
    Scheme{"wss", 443, true, true},
    Scheme{"ws", 80, false, true},
    Scheme{"https", 443, true, false},
    Scheme{"http", 80, false, false},
};

constexpr std::size_t max_host = 253;  // RFC 1035, as text

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string result{text};
  std::transform(result.begin(), result.end(), result.begin(), to_lower);
  return result;
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool is_visible(char c) { return c > ' ' && c < 0x7f; }

bool is_ipv6(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

std::optional<Url> refuse(std::string_view text, std::string_view why, std::string& error) {
  error = fmt::format("\"{}\" is no address: {}; write it like wss://host:443/path", text, why);
  return std::nullopt;
}

}  // namespace

std::optional<Url> parse_url(std::string_view text, std::string& error) {
  if (!std::all_of(text.begin(), text.end(), is_visible)) {
    return refuse(text, "it holds a space, a control character or one that is not ASCII", error);
  }
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return refuse(text, "it has no \"://\"", error);
  const std::string name = lower(text.substr(0, colon));
  const auto* scheme = std::find_if(schemes.begin(), schemes.end(),
                                    [&](const Scheme& known) { return known.name == name; });
  if (scheme == schemes.end()) {
    return refuse(text, fmt::format("\"{}\" is not wss, ws, https or http", name), error);
  }
  const std::string_view rest = text.substr(colon + 3);
  const std::size_t path_start = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, path_start);
  const std::string_view path = rest.substr(path_start);
  if (path.find('#') != std::string_view::npos) return refuse(text, "it has a fragment (#)", error);
  if (authority.find('@') != std::string_view::npos) {
    return refuse(text, "it has a user name (@)", error);
  }

  Url url;
  url.is_websocket = scheme->is_websocket;
  url.endpoint.is_tls = scheme->is_tls;
  url.endpoint.port = scheme->port;
  url.endpoint.path = path.empty() || path.front() == '?' ? fmt::format("/{}", path) : path;

  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return refuse(text, "a \"]\" is missing", error);
    url.endpoint.host = lower(authority.substr(1, bracket - 1));
    if (!is_ipv6(url.endpoint.host)) {
      return refuse(text, "what stands in brackets is no IPv6 address", error);
    }
    authority.remove_prefix(bracket + 1);
    if (!authority.empty() && authority.front() != ':') {
      return refuse(text, "only \":port\" may follow the \"]\"", error);
    }
  } else {
    const std::size_t host_end = std::min(authority.find(':'), authority.size());
    url.endpoint.host = lower(authority.substr(0, host_end));
    const std::string& host = url.endpoint.host;
    if (host.empty()) return refuse(text, "the host is missing", error);
    if (host.size() > max_host || !std::all_of(host.begin(), host.end(), is_host_character)) {
      return refuse(text, fmt::format("\"{}\" is no host name", host), error);
    }
    authority.remove_prefix(host_end);
  }
  if (!authority.empty()) {
    authority.remove_prefix(1);
    const auto [end, failure] =
        std::from_chars(authority.data(), authority.data() + authority.size(), url.endpoint.port);
    if (failure != std::errc{} || end != authority.data() + authority.size() ||
        url.endpoint.port == 0) {
      return refuse(text, fmt::format("port \"{}\" is not 1 to 65535", authority), error);
    }
  }
  return url;
}

bool is_loopback(std::string_view host) {
  const std::string name = lower(host);
  if (name == "localhost") return true;
  in_addr four{};
  if (inet_pton(AF_INET, name.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
  in6_addr six{};
  const in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
  return inet_pton(AF_INET6, name.c_str(), &six) == 1 &&
         std::equal(std::begin(six.s6_addr), std::end(six.s6_addr), std::begin(loopback.s6_addr));
}

std::string host_and_port(const Endpoint& endpoint) {
  const bool is_literal = endpoint.host.find(':') != std::string::npos;
  return is_literal ? fmt::format("[{}]:{}", endpoint.host, endpoint.port)
                    : fmt::format("{}:{}", endpoint.host, endpoint.port);
}

}  // namespace halcyon::gateways::transport
