#include "tests/gateways/transport/test_server.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace halcyon::gateways::transport::test {
namespace {

constexpr long patience_s = 20;

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error{std::string{"test server: "} + what};
}

Certificate make(const Certificate* issuer, const std::string& names, long from_s, long to_s) {
  Certificate made;
  made.key = {EVP_EC_gen("P-256"), &EVP_PKEY_free};
  made.certificate = {X509_new(), &X509_free};
  require(made.key && made.certificate, "no key");
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, 2);
  static std::atomic<long> serial{1};
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate), to_s);
  X509_set_pubkey(certificate, made.key.get());
  const std::string common = issuer == nullptr ? "Halcyon test authority" : "Halcyon test server";
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0);
  X509* by = issuer == nullptr ? certificate : issuer->certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(by));

  const auto extend = [&](int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, by, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    require(extension != nullptr, "bad extension");
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  };
  extend(NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
  extend(NID_key_usage, issuer == nullptr ? "critical,keyCertSign" : "critical,digitalSignature");
  if (issuer != nullptr) extend(NID_subject_alt_name, names);
  EVP_PKEY* signer = issuer == nullptr ? made.key.get() : issuer->key.get();
  require(X509_sign(certificate, signer, EVP_sha256()) > 0, "cannot sign");
  return made;
}

std::string base64_of_sha1(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  std::array<unsigned char, 64> encoded{};
  EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
  return reinterpret_cast<const char*>(encoded.data());
}

/// The value of a header, as the client wrote it.
std::string header_of(const std::string& head, const std::string& name) {
  const std::size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t start = at + 2 + name.size() + 2;
  return head.substr(start, head.find("\r\n", start) - start);
}

}  // namespace

Authority::Authority() : own_(make(nullptr, {}, -7200, 7200)) {
  file_ = ::testing::TempDir() + "halcyon_test_ca_XXXXXX";
  const int fd = mkstemp(file_.data());
  require(fd >= 0, "no temporary file");
  FILE* file = fdopen(fd, "w");
  PEM_write_X509(file, own_.certificate.get());
  std::fclose(file);
}

Authority::~Authority() { std::remove(file_.c_str()); }

Certificate Authority::issue(const std::string& names, long from_s, long to_s) const {
  return make(&own_, names, from_s, to_s);
}

const Authority& authority() {
  static const Authority made;
  return made;
}

const Certificate& local_certificate() {
  static const Certificate made = authority().issue("DNS:localhost,IP:127.0.0.1");
  return made;
}

std::string server_frame(unsigned opcode, std::string_view payload, bool is_final) {
  std::string bytes;
  bytes += static_cast<char>((is_final ? 0x80U : 0U) | opcode);
  const std::size_t size = payload.size();
  const auto big_endian = [&](int count) {
    for (int i = count - 1; i >= 0; --i) bytes += static_cast<char>(size >> (8 * i) & 0xff);
  };
  if (size < 126) {
    bytes += static_cast<char>(size);
  } else if (size < 65536) {
    bytes += static_cast<char>(126);
    big_endian(2);
  } else {
    bytes += static_cast<char>(127);
    big_endian(8);
  }
  bytes += payload;
  return bytes;
}

std::string close_frame(std::uint16_t code, std::string_view reason) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  payload += reason;
  return server_frame(8, payload);
}

// ---- Peer ---------------------------------------------------------------------------------------

bool Peer::write(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t moved = 0;
    if (ssl_ != nullptr) {
      if (SSL_write_ex(ssl_, bytes.data(), bytes.size(), &moved) != 1) return false;
    } else {
      const ssize_t result = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (result <= 0) return false;
      moved = static_cast<std::size_t>(result);
    }
    bytes.remove_prefix(moved);
  }
  return true;
}

bool Peer::fill() {
  std::array<char, 16384> bytes{};
  std::size_t moved = 0;
  if (ssl_ != nullptr) {
    if (SSL_read_ex(ssl_, bytes.data(), bytes.size(), &moved) != 1) return false;
  } else {
    const ssize_t result = recv(fd_, bytes.data(), bytes.size(), 0);
    if (result <= 0) return false;
    moved = static_cast<std::size_t>(result);
  }
  buffer_.append(bytes.data(), moved);
  return true;
}

bool Peer::read(std::string& bytes, std::size_t size) {
  while (buffer_.size() < size) {
    if (!fill()) return false;
  }
  bytes = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return true;
}

std::string Peer::read_request() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return {};
  }
  request_ = buffer_.substr(0, end + 4);
  buffer_.erase(0, end + 4);
  const std::string length = header_of(request_, "Content-Length");
  std::string body;
  if (!length.empty() && !read(body, std::stoul(length))) return {};
  request_ += body;
  return request_;
}

bool Peer::accept_websocket(std::string_view behind) {
  if (read_request().empty()) return false;
  const std::string key = header_of(request_, "Sec-WebSocket-Key");
  return write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      base64_of_sha1(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11") + "\r\n\r\n" +
      std::string{behind});
}

std::optional<ClientFrame> Peer::read_frame() {
  ClientFrame frame;
  std::string bytes;
  if (!read(bytes, 2)) return std::nullopt;
  const auto first = static_cast<unsigned char>(bytes[0]);
  const auto second = static_cast<unsigned char>(bytes[1]);
  frame.is_final = (first & 0x80) != 0;
  frame.opcode = first & 0x7fU;  // reserved bits would make it no known opcode
  frame.is_masked = (second & 0x80) != 0;
  std::size_t size = second & 0x7f;
  if (size >= 126) {
    if (!read(bytes, size == 126 ? 2 : 8)) return std::nullopt;
    size = 0;
    for (const char c : bytes) size = size << 8 | static_cast<unsigned char>(c);
  }
  std::string mask(4, '\0');
  if (frame.is_masked && !read(mask, 4)) return std::nullopt;
  if (!read(frame.payload, size)) return std::nullopt;
  for (std::size_t i = 0; i < size; ++i) {
    frame.payload[i] = static_cast<char>(frame.payload[i] ^ mask[i % 4]);
  }
  return frame;
}

void Peer::wait_for_end() {
  while (fill()) buffer_.clear();
}

void Peer::say_goodbye() {
  if (ssl_ != nullptr) {
    SSL_shutdown(ssl_);
  } else {
    shutdown(fd_, SHUT_WR);
  }
}

bool Peer::update_keys() { return SSL_key_update(ssl_, SSL_KEY_UPDATE_REQUESTED) == 1; }

// ---- TestServer ---------------------------------------------------------------------------------

TestServer::TestServer(Script script, Options options)
    : script_(std::move(script)), options_(std::move(options)) {
  if (options_.certificate) {
    context_ = {SSL_CTX_new(TLS_server_method()), &SSL_CTX_free};
    require(
        context_ &&
            SSL_CTX_use_certificate(context_.get(), options_.certificate->certificate.get()) == 1 &&
            SSL_CTX_use_PrivateKey(context_.get(), options_.certificate->key.get()) == 1,
        "certificate not usable");
    if (options_.max_version != 0) {
      SSL_CTX_set_cipher_list(context_.get(), "ALL:@SECLEVEL=0");
      SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
      SSL_CTX_set_max_proto_version(context_.get(), options_.max_version);
    }
  }
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(listener_ >= 0, "no socket");
  if (options_.receive_buffer > 0) {
    setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &options_.receive_buffer, sizeof(int));
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  require(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
              listen(listener_, 8) == 0 &&
              getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0,
          "cannot listen");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread{[this] { run(); }};
}

TestServer::~TestServer() {
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    if (current_ >= 0) shutdown(current_, SHUT_RDWR);
  }
  thread_.join();
  close(listener_);
}

Endpoint TestServer::endpoint(std::string host) const {
  return {std::move(host), port_, "/stream", options_.certificate.has_value()};
}

void TestServer::run() {
  // On this thread only: that the client needs no such help is part of what is tested.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    {
      const std::lock_guard lock{mutex_};
      if (is_stopping_) {
        close(fd);
        return;
      }
      current_ = fd;
    }
    ++connections_;
    serve(fd);
    {
      const std::lock_guard lock{mutex_};
      current_ = -1;
    }
    close(fd);
  }
}

void TestServer::serve(int fd) {
  const timeval patience{patience_s, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (!context_) {
    Peer peer{fd, nullptr};
    script_(peer);
    return;
  }
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl{SSL_new(context_.get()), &SSL_free};
  SSL_set_fd(ssl.get(), fd);
  if (SSL_accept(ssl.get()) == 1) {
    Peer peer{fd, ssl.get()};
    script_(peer);
  }
  ERR_clear_error();
}

}  // namespace halcyon::gateways::transport::test
