#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "gateways/session.h"
#include "gateways/transport/clock.h"
#include "gateways/transport/tls_stream.h"

namespace halcyon::gateways::transport {

class HttpReader;

/// Performs REST calls, one after the other, over one kept connection a host. Blocks: for the
/// helper thread only. Follows no redirects.
class RestClient {
 public:
  struct Limits {
    std::size_t max_body_bytes = std::size_t{32} << 20;
    /// A connection that was idle for longer is not used again.
    domain::Duration max_idle = std::chrono::seconds{20};
  };
  /// Connections kept at the same time; the oldest goes first.
  static constexpr std::size_t max_kept = 4;

  explicit RestClient(Trust trust) : RestClient(std::move(trust), Limits{}) {}
  RestClient(Trust trust, const Limits& limits);
  ~RestClient();
  RestClient(const RestClient&) = delete;
  RestClient& operator=(const RestClient&) = delete;

  /// `host`: of it host, port and is_tls count. Always answers, with the request's tag: `status` 0
  /// and words when no whole answer came, and then the venue may or may not have seen the request.
  /// Only a GET is tried a second time, on a fresh connection, when a kept one turns out to be dead
  /// before the first byte of an answer. `decode` gets the body of whatever status, with
  /// Frame::padding readable bytes behind it, unless it is empty. `sent` is stamped once the
  /// connection stands, before the request is written.
  RestAnswer execute(const Endpoint& host, const RestRequest& request, const Deadline& deadline,
                     const Clock& clock);

 private:
  struct Kept {
    std::string name;
    std::unique_ptr<TlsStream> stream;
    domain::Duration idle_since{};  ///< monotonic
  };

  /// A kept connection that still seems alive; null: none.
  std::unique_ptr<TlsStream> take_kept(const std::string& name);
  void keep(std::string name, std::unique_ptr<TlsStream> stream);
  /// Writes the request and reads the whole response; false, and answer.error, when that failed.
  static bool exchange(TlsStream& stream, const std::string& bytes, const Deadline& deadline,
                       const Clock& clock, HttpReader& response, RestAnswer& answer);

  Trust trust_;
  Limits limits_;
  std::vector<Kept> kept_;
};

}  // namespace halcyon::gateways::transport
