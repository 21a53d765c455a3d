#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <poll.h>

#include "daemon/client_socket.h"
#include "domain/time.h"

namespace halcyon::daemon {

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string_view content_type = "text/plain; charset=utf-8";  ///< static
};

/// Plain HTTP/1.1 for scrapers and health checks: GET and HEAD of a few paths. Keep-alive,
/// pipelined requests in their order, no bodies, no TLS: it listens on loopback unless told
/// otherwise. Everything is bounded, and a client that dawdles is dropped. Thread: control.
class HttpServer {
 public:
  static constexpr std::size_t max_clients = 32;
  static constexpr std::size_t max_requests_per_turn = 4;  ///< of one client
  static constexpr std::size_t max_unsent = 4U << 20;
  static constexpr domain::Duration request_limit = std::chrono::seconds{10};  ///< for one head
  static constexpr domain::Duration idle_limit = std::chrono::seconds{75};     ///< between requests
  static constexpr domain::Duration write_limit = std::chrono::seconds{10};    ///< without progress

  using Route = std::pair<std::string_view, std::function<HttpAnswer()>>;

  /// `listen`: "HOST:PORT", "[IPV6]:PORT"; port 0 takes a free one. Throws std::runtime_error with
  /// words when it cannot be had.
  HttpServer(const std::string& listen, std::vector<Route> routes);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const { return port_; }

  void watch(std::vector<::pollfd>& descriptors, domain::Timestamp now);
  /// Returns how many requests it answered.
  std::size_t turn(std::span<const ::pollfd> descriptors, domain::Timestamp now);
  bool has_work() const;
  std::size_t client_count() const { return clients_.size(); }

 private:
  struct Client {
    ClientSocket socket;
    bool has_request = false;  ///< more stands in its buffer than one turn takes
    bool want_more() const;
  };

  void accept_clients(domain::Timestamp now);
  bool serve(Client& client, short ready, domain::Timestamp now, std::size_t& answered);
  std::size_t answer_requests(Client& client, domain::Timestamp now);

  std::vector<Route> routes_;
  FileDescriptor listener_;
  std::uint16_t port_ = 0;
  std::list<Client> clients_;
  std::size_t first_polled_ = 0;
  domain::Timestamp accept_not_before_;
};

}  // namespace halcyon::daemon
