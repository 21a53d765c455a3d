#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace halcyon::daemon {

/// What a reader of metrics and health may send, and no more (RFC 9110, RFC 9112). A body is
/// refused, for nothing here takes one.
inline constexpr std::size_t max_http_head = 8U << 10;  ///< request line and headers, bytes
inline constexpr std::size_t max_http_headers = 64;

struct HttpRequest {
  std::string method;
  std::string path;  ///< without query; starts with '/'
  bool keep_alive = true;
};

/// What the start of a buffer holds.
struct HttpParse {
  std::size_t used = 0;  ///< bytes of the request; 0: not all of it is here yet
  int status = 0;        ///< 0: fine (or not yet); else refuse with it and close
  std::string_view why;  ///< static words for the refusal
  HttpRequest request;
};

/// Reads one request from the front of `text`. Pure; any bytes are allowed.
HttpParse parse_http(std::string_view text);

}  // namespace halcyon::daemon
