#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "gateways/session.h"

namespace halcyon::gateways::transport {

// HTTP/1.1 for the upgrade to a WebSocket and for REST. Internal to this folder, so that
// Boost.Beast is compiled in one file only.

using HttpHeaders = std::span<const std::pair<std::string, std::string>>;

/// A request as bytes; adds Host, User-Agent and, with a body, Content-Length. Empty, and `error`
/// in words, when a field holds what would let it become two (a line break, a space in the target).
std::string encode_request(std::string_view method, std::string_view target,
                           const Endpoint& endpoint, HttpHeaders headers, std::string_view body,
                           std::string& error);

/// Reads one response from bytes as they come.
class HttpReader {
 public:
  static constexpr std::size_t max_header = std::size_t{32} << 10;

  enum class State { more, done, failed };

  /// `has_body` false: the answer to HEAD.
  explicit HttpReader(std::size_t max_body, bool has_body = true);
  ~HttpReader();
  HttpReader(const HttpReader&) = delete;
  HttpReader& operator=(const HttpReader&) = delete;

  State put(std::string_view bytes);
  /// No more bytes come. `done` if that is how this response ends.
  State end();

  /// What is wrong with the response, in words, after `failed`.
  const std::string& error() const;
  bool has_started() const;  ///< at least one byte came
  bool has_header() const;
  // Once has_header():
  int status() const;
  /// The first field of that name, in any case; empty when there is none.
  std::string_view header(std::string_view name) const;
  bool is_kept_alive() const;
  /// What has come of the body, decoded.
  const std::string& body() const;
  std::string take_body();
  /// Bytes that came behind the response.
  std::string_view rest() const;

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

/// Status, Retry-After and the header that holds a number, as RestAnswer has them.
void take_head(const HttpReader& response, std::string_view number_header, RestAnswer& answer);

/// True when a comma-separated header value holds the token, in any case.
bool has_token(std::string_view value, std::string_view token);
bool equals_ignoring_case(std::string_view left, std::string_view right);

/// Retry-After in seconds; zero when absent or not a number. At most 30 days.
domain::Duration retry_after(std::string_view value);

}  // namespace halcyon::gateways::transport
