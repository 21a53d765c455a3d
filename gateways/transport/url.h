#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateways/session.h"

namespace halcyon::gateways::transport {

/// An address as written in the configuration, taken apart (RFC 3986, the part that we need).
struct Url {
  Endpoint endpoint;          ///< host in lower case, an IPv6 literal without brackets
  bool is_websocket = false;  ///< ws:// or wss://; else http:// or https://
};

/// Reads `wss://host[:port][/path[?query]]` and its relatives ws, https and http. Without a port it
/// is 443 (wss, https) or 80; without a path "/". Empty when the text is none of these; `error`
/// then says what is wrong and what would be right. User names and fragments are refused: neither
/// means anything to a venue.
std::optional<Url> parse_url(std::string_view text, std::string& error);

/// "localhost", 127.0.0.0/8 or ::1. Judges the text and asks no name server, so that a name which
/// merely resolves to this machine does not count.
bool is_loopback(std::string_view host);

/// "host:port" as people write it and as the Host header wants it: an IPv6 literal in brackets.
std::string host_and_port(const Endpoint& endpoint);

}  // namespace halcyon::gateways::transport
