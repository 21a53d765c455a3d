#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <openssl/ssl.h>

#include "gateways/session.h"

// A server of our own in the test's process: it plays a script to whoever connects. It shares no
// code with the transport, so that a mistake does not agree with itself.
namespace halcyon::gateways::transport::test {

/// A server's certificate with its key.
struct Certificate {
  std::shared_ptr<X509> certificate;
  std::shared_ptr<EVP_PKEY> key;
};

/// A certificate authority, made up on the spot.
class Authority {
 public:
  Authority();
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  /// `names` as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1". Valid from `from_s` to `to_s`
  /// seconds from now.
  Certificate issue(const std::string& names, long from_s = -3600, long to_s = 3600) const;
  /// The authority's own certificate, PEM, for ca_file.
  const std::string& file() const { return file_; }

 private:
  Certificate own_;
  std::string file_;
};

/// "DNS:localhost,IP:127.0.0.1", by an authority that lives as long as the process.
const Authority& authority();
const Certificate& local_certificate();

/// One frame as a server sees it.
struct ClientFrame {
  bool is_final = false;
  bool is_masked = false;
  unsigned opcode = 0;
  std::string payload;
};

/// A frame as a server sends it.
std::string server_frame(unsigned opcode, std::string_view payload, bool is_final = true);
std::string close_frame(std::uint16_t code, std::string_view reason);

/// The server's end of one connection. Blocking; everything fails after 20 s or when the server is
/// destroyed.
class Peer {
 public:
  Peer(int fd, SSL* ssl) : fd_(fd), ssl_(ssl) {}

  bool write(std::string_view bytes);
  /// False at the end of the stream.
  bool read(std::string& bytes, std::size_t size);
  /// Head and body of one HTTP request; empty at the end of the stream.
  std::string read_request();
  /// Reads the upgrade request and agrees. `behind`: bytes in the same write as the answer.
  bool accept_websocket(std::string_view behind = {});
  std::optional<ClientFrame> read_frame();
  /// Until the client is gone.
  void wait_for_end();
  /// TLS goodbye.
  void say_goodbye();
  /// Asks for new keys in both directions (TLS 1.3).
  bool update_keys();
  /// What the client asked for.
  const std::string& request() const { return request_; }

 private:
  bool fill();

  int fd_;
  SSL* ssl_;
  std::string buffer_;
  std::string request_;
};

/// Listens on an ephemeral loopback port and plays `script` to one client after the other.
class TestServer {
 public:
  using Script = std::function<void(Peer&)>;
  struct Options {
    std::optional<Certificate> certificate = local_certificate();  ///< none: bare TCP
    int max_version = 0;                                           ///< TLS; 0: any
    int receive_buffer = 0;  ///< bytes of the kernel's; 0: its choice
  };

  explicit TestServer(Script script) : TestServer(std::move(script), Options{}) {}
  TestServer(Script script, Options options);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  Endpoint endpoint(std::string host = "127.0.0.1") const;
  int connections() const { return connections_; }

 private:
  void run();
  void serve(int fd);

  Script script_;
  Options options_;
  std::shared_ptr<SSL_CTX> context_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  int current_ = -1;  ///< guarded by mutex_
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace halcyon::gateways::transport::test
