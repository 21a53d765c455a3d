#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace halcyon::simulation::testing {

/// A blocking TLS client of the tests' own: verifies chain and name, speaks HTTP and WebSocket just
/// well enough. Throws where the line or the time ends.
class TlsClient {
 public:
  TlsClient(std::uint16_t port, const std::filesystem::path& authority) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    if (SSL_CTX_load_verify_locations(context_.get(), authority.c_str(), nullptr) != 1) {
      throw std::runtime_error("the authority cannot be read");
    }
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval limit{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      throw std::runtime_error("no connection");
    }
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), socket_);
    // What the macro SSL_set_tlsext_host_name does, without its C cast.
    std::string name = "localhost";
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    SSL_set1_host(ssl_.get(), "localhost");
    if (SSL_connect(ssl_.get()) != 1) throw std::runtime_error("no TLS");
  }
  ~TlsClient() {
    ssl_.reset();
    if (socket_ >= 0) ::close(socket_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  /// The body of a GET.
  std::string get(const std::string& target) {
    write("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto head = read_head();
    const auto at = head.find("Content-Length: ");
    if (at == std::string::npos) throw std::runtime_error("no length: " + head);
    return read_exactly(std::stoul(head.substr(at + 16)));
  }

  /// Asks for a WebSocket; the first line of the answer.
  std::string upgrade(const std::string& target) {
    write("GET " + target +
          " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    const auto head = read_head();
    return head.substr(0, head.find("\r\n"));
  }

  void send_text(std::string_view text) { send_frame(1, text); }

  /// The next text; pings are answered. Empty: the other end closed the WebSocket.
  std::optional<std::string> receive() {
    for (;;) {
      const auto head = read_exactly(2);
      const auto kind = static_cast<unsigned char>(head[0]) & 15U;
      std::uint64_t size = static_cast<unsigned char>(head[1]) & 127U;
      const int more = size == 126 ? 2 : size == 127 ? 8 : 0;
      if (more > 0) {
        size = 0;
        for (const char byte : read_exactly(static_cast<std::size_t>(more))) {
          size = size << 8U | static_cast<unsigned char>(byte);
        }
      }
      auto body = read_exactly(size);
      if (kind == 1) return body;
      if (kind == 8) {
        send_frame(8, body);
        return std::nullopt;
      }
      if (kind == 9) send_frame(10, body);
    }
  }

 private:
  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  void send_frame(unsigned kind, std::string_view body) {
    std::string frame;
    frame += static_cast<char>(0x80U | kind);
    if (body.size() < 126) {
      frame += static_cast<char>(0x80U | body.size());
    } else {
      frame += static_cast<char>(0x80U | 126U);
      frame += static_cast<char>(body.size() >> 8U & 255U);
      frame += static_cast<char>(body.size() & 255U);
    }
    constexpr std::string_view mask = "mask";
    frame += mask;
    for (std::size_t at = 0; at < body.size(); ++at) {
      frame += static_cast<char>(body[at] ^ mask[at % 4]);
    }
    write(frame);
  }
  void write(std::string_view bytes) {
    if (SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) <= 0) {
      throw std::runtime_error("the line is gone");
    }
  }
  std::string read_exactly(std::size_t size) {
    while (buffer_.size() < size) {
      char part[16384];
      const int got = SSL_read(ssl_.get(), part, sizeof(part));
      if (got <= 0) throw std::runtime_error("the line ended");
      buffer_.append(part, static_cast<std::size_t>(got));
    }
    auto taken = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return taken;
  }
  std::string read_head() {
    std::string head;
    while (!head.ends_with("\r\n\r\n")) head += read_exactly(1);
    return head;
  }

  std::unique_ptr<SSL_CTX, FreeContext> context_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  int socket_ = -1;
  std::string buffer_;
};

}  // namespace halcyon::simulation::testing
