#include "daemon/http_server.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/http_request.h"
#include "daemon/time_text.h"

namespace halcyon::daemon {

namespace {

[[noreturn]] void cannot(const std::string& listen, std::string_view why) {
  throw std::runtime_error(fmt::format(
      "metrics.listen = \"{}\": {}; give a free HOST:PORT, as in \"127.0.0.1:9464\"", listen, why));
}

std::string_view phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}

std::string print(const HttpAnswer& answer, bool with_body, bool keep_alive,
                  domain::Timestamp now) {
  std::string text = fmt::format(
      "HTTP/1.1 {} {}\r\nDate: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n"
      "Cache-Control: no-store\r\nConnection: {}\r\n{}\r\n",
      answer.status, phrase(answer.status), http_date(now), answer.content_type, answer.body.size(),
      keep_alive ? "keep-alive" : "close", answer.status == 405 ? "Allow: GET, HEAD\r\n" : "");
  if (with_body) text += answer.body;
  return text;
}

std::uint16_t bound_port(int fd) {
  ::sockaddr_storage address{};
  ::socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<::sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const ::sockaddr_in6*>(&address)->sin6_port);
  }
  return ntohs(reinterpret_cast<const ::sockaddr_in*>(&address)->sin_port);
}

FileDescriptor listen_on(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos) cannot(listen, "has no port");
  std::string host = listen.substr(0, colon);
  const std::string port = listen.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty()) cannot(listen, "has no host");
  ::addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  ::addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    cannot(listen, ::gai_strerror(error));
  }
  const std::unique_ptr<::addrinfo, decltype(&::freeaddrinfo)> addresses{found, &::freeaddrinfo};
  FileDescriptor fd{::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  // A restart must not wait for the connections of the last run to be forgotten.
  const int yes = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      ::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(fd.get(), SOMAXCONN) != 0) {
    cannot(listen, std::generic_category().message(errno));
  }
  return fd;
}

}  // namespace

HttpServer::HttpServer(const std::string& listen, std::vector<Route> routes)
    : routes_(std::move(routes)),
      listener_(listen_on(listen)),
      port_(bound_port(listener_.get())) {}

bool HttpServer::Client::want_more() const {
  return !has_request && !socket.close_when_sent && socket.unsent() < max_unsent;
}

void HttpServer::watch(std::vector<::pollfd>& descriptors, domain::Timestamp now) {
  first_polled_ = descriptors.size();
  const bool rests = now < accept_not_before_;
  descriptors.push_back({rests ? -1 : listener_.get(), POLLIN, 0});
  for (const Client& client : clients_) {
    descriptors.push_back({client.socket.fd(), client.socket.events(client.want_more()), 0});
  }
}

std::size_t HttpServer::turn(std::span<const ::pollfd> descriptors, domain::Timestamp now) {
  std::size_t answered = 0;
  std::size_t entry = first_polled_ + 1;
  for (auto client = clients_.begin(); client != clients_.end();) {
    const short ready = descriptors[entry++].revents;
    client = serve(*client, ready, now, answered) ? std::next(client) : clients_.erase(client);
  }
  if (descriptors[first_polled_].revents != 0) accept_clients(now);
  return answered;
}

/// False when the client is done for.
bool HttpServer::serve(Client& client, short ready, domain::Timestamp now, std::size_t& answered) {
  ClientSocket& socket = client.socket;
  if ((ready & (POLLERR | POLLNVAL)) != 0 || ((ready & POLLHUP) != 0 && (ready & POLLIN) == 0)) {
    return false;
  }
  if ((ready & POLLIN) != 0) {
    const bool begins = socket.in.empty() && socket.unsent() == 0;
    // The time for a request runs from its first byte; more bytes do not buy more time.
    if (socket.read() > 0 && begins) socket.deadline = now + request_limit;
  }
  const std::size_t here = answer_requests(client, now);
  answered += here;
  const bool had_unsent = socket.unsent() > 0;
  const bool progressed = socket.write() > 0;
  if (had_unsent && (progressed || here > 0)) {
    const bool is_idle = socket.unsent() == 0 && socket.in.empty();
    socket.deadline = now + (is_idle                ? idle_limit
                             : socket.unsent() == 0 ? request_limit
                                                    : write_limit);
  }
  if (socket.is_broken() || now >= socket.deadline) return false;
  const bool is_done = socket.unsent() == 0 && !client.has_request;
  return !(is_done && (socket.close_when_sent || socket.has_ended()));
}

std::size_t HttpServer::answer_requests(Client& client, domain::Timestamp now) {
  ClientSocket& socket = client.socket;
  std::size_t answered = 0;
  client.has_request = false;
  while (!socket.in.empty() && !socket.close_when_sent) {
    if (answered == max_requests_per_turn || socket.unsent() >= max_unsent) {
      client.has_request = true;
      break;
    }
    const HttpParse parse = parse_http(socket.in);
    if (parse.status != 0) {
      socket.send(print({parse.status, std::string{parse.why} + "\n"}, true, false, now));
      socket.close_when_sent = true;
      socket.in.clear();
      ++answered;
      break;
    }
    if (parse.used == 0) break;
    socket.in.erase(0, parse.used);
    ++answered;
    const HttpRequest& request = parse.request;
    const bool is_head = request.method == "HEAD";
    const auto route = std::find_if(routes_.begin(), routes_.end(),
                                    [&](const Route& row) { return row.first == request.path; });
    HttpAnswer answer;
    if (route == routes_.end()) {
      answer = {404, "there is"};
      for (const Route& row : routes_) answer.body += fmt::format(" {}", row.first);
      answer.body += '\n';
    } else if (request.method != "GET" && !is_head) {
      answer = {405, "only GET and HEAD\n"};
    } else {
      answer = route->second();
    }
    socket.send(print(answer, !is_head, request.keep_alive, now));
    socket.close_when_sent = !request.keep_alive;
  }
  return answered;
}

void HttpServer::accept_clients(domain::Timestamp now) {
  for (std::size_t count = 0; count < max_clients; ++count) {
    bool is_exhausted = false;
    FileDescriptor fd = accept_client(listener_.get(), is_exhausted);
    if (!fd) {
      // The listener would stay readable and poll() would never rest.
      if (is_exhausted) accept_not_before_ = now + std::chrono::seconds{1};
      return;
    }
    if (clients_.size() >= max_clients) {
      ClientSocket refused{std::move(fd), now};
      refused.send(print({503, "too many clients\n"}, true, false, now));
      refused.write();
      continue;
    }
    clients_.push_back({ClientSocket{std::move(fd), now + request_limit}, false});
  }
}

bool HttpServer::has_work() const {
  return std::any_of(clients_.begin(), clients_.end(), [](const Client& client) {
    return client.has_request && client.socket.unsent() < max_unsent;
  });
}

}  // namespace halcyon::daemon
