#include "tests/persistence/projector/cutting_proxy.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace halcyon::tests {

namespace {

constexpr const char* socket_name = "/.s.PGSQL.5432";

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("socket path too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

/// False: the other end is gone.
bool send_all(int socket, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(socket, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

}  // namespace

CuttingProxy::CuttingProxy(const std::string& server_directory)
    : server_socket_(server_directory + socket_name) {
  std::string pattern = (std::filesystem::temp_directory_path() / "halcyon-cut-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr || ::pipe(stop_pipe_) != 0) {
    throw std::runtime_error("no directory for the proxy");
  }
  directory_ = pattern;
  const sockaddr_un address = address_of(directory_ + socket_name);
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_, 8) != 0) {
    throw std::runtime_error("the proxy cannot listen");
  }
  thread_ = std::jthread([this] { run(); });
}

CuttingProxy::~CuttingProxy() {
  ::close(stop_pipe_[1]);
  thread_.join();
  ::close(stop_pipe_[0]);
  ::close(listener_);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void CuttingProxy::cut_next(Direction direction, std::size_t bytes) {
  has_cut_ = false;
  cut_bytes_ = bytes;
  cut_direction_ = static_cast<int>(direction);
}

void CuttingProxy::run() {
  for (;;) {
    std::array<pollfd, 2> waiting{{{listener_, POLLIN, 0}, {stop_pipe_[0], POLLIN, 0}}};
    ::poll(waiting.data(), waiting.size(), -1);
    if (waiting[1].revents != 0) return;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    serve(client);
    ::close(client);
  }
}

void CuttingProxy::serve(int client) {
  const int cut = cut_direction_.exchange(-1);
  const std::size_t limit = cut_bytes_;
  to_server_ = to_client_ = 0;
  const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = address_of(server_socket_);
  bool open = ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  std::array<char, 16'384> buffer;
  while (open) {
    std::array<pollfd, 3> waiting{
        {{client, POLLIN, 0}, {server, POLLIN, 0}, {stop_pipe_[0], POLLIN, 0}}};
    ::poll(waiting.data(), waiting.size(), -1);
    if (waiting[2].revents != 0) break;
    for (const bool upwards : {true, false}) {
      if (!open || waiting[upwards ? 0 : 1].revents == 0) continue;
      auto& count = upwards ? to_server_ : to_client_;
      const ssize_t got = ::recv(upwards ? client : server, buffer.data(), buffer.size(), 0);
      if (got <= 0) {
        open = false;
        continue;
      }
      auto size = static_cast<std::size_t>(got);
      const bool is_cut =
          cut == static_cast<int>(upwards ? Direction::to_server : Direction::to_client) &&
          count + size >= limit;
      if (is_cut) size = limit - count;
      open = send_all(upwards ? server : client, buffer.data(), size) && !is_cut;
      count += size;
      if (is_cut) has_cut_ = true;
    }
  }
  ::close(server);
}

}  // namespace halcyon::tests
