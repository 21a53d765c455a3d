#include "gateways/transport/tls_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "domain/check.h"
#include "gateways/transport/url.h"

namespace halcyon::gateways::transport {
namespace {

/// One read of the socket takes up to this much, whatever the size of the records in it.
constexpr std::size_t read_ahead_bytes = std::size_t{64} << 10;
/// Unacknowledged bytes older than this end the connection.
constexpr unsigned unacknowledged_limit_ms = 30'000;
constexpr std::size_t max_addresses = 8;
constexpr std::size_t max_names_in_words = 3;

std::string system_words(int error) { return std::generic_category().message(error); }

// ---- The socket as OpenSSL sees it: our own BIO, because the stock one raises SIGPIPE. ----------

int bio_fd(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

int finish_bio_call(BIO* bio, ssize_t result, std::size_t* moved, int retry_flag) {
  BIO_clear_retry_flags(bio);
  if (result > 0) {
    *moved = static_cast<std::size_t>(result);
    return 1;
  }
  *moved = 0;
  if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
  }
  if (result == 0 && retry_flag == BIO_FLAGS_READ) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return 0;
}

int bio_read(BIO* bio, char* into, std::size_t size, std::size_t* moved) {
  ssize_t result = 0;
  do {
    result = recv(bio_fd(bio), into, size, 0);
  } while (result < 0 && errno == EINTR);
  return finish_bio_call(bio, result, moved, BIO_FLAGS_READ);
}

int bio_write(BIO* bio, const char* from, std::size_t size, std::size_t* moved) {
  ssize_t result = 0;
  do {
    result = send(bio_fd(bio), from, size, MSG_NOSIGNAL);
  } while (result < 0 && errno == EINTR);
  return finish_bio_call(bio, result, moved, BIO_FLAGS_WRITE);
}

long bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* bio_method() {
  static BIO_METHOD* method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "halcyon socket");
    HALCYON_CHECK(made != nullptr, "there is memory at start-up");
    BIO_meth_set_read_ex(made, bio_read);
    BIO_meth_set_write_ex(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

// ---- Waiting ------------------------------------------------------------------------------------

enum class Wait { ready, timed_out, cancelled };

Wait wait_for(int fd, short events, const Deadline& deadline) {
  for (;;) {
    std::array<pollfd, 2> fds{{{fd, events, 0}, {deadline.cancel_fd(), POLLIN, 0}}};
    // Rounded up: a wait of 0 ms would spin through the last millisecond.
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining()).count();
    if (left == 0) return Wait::timed_out;
    const int result = poll(fds.data(), deadline.cancel_fd() < 0 ? 1 : 2,
                            static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (result < 0 && errno != EINTR) return Wait::timed_out;
    if (result > 0 && (fds[1].revents & POLLIN) != 0) return Wait::cancelled;
    if (result > 0) return Wait::ready;
  }
}

std::string_view words(Wait wait) {
  return wait == Wait::cancelled ? "given up: we are shutting down" : "no answer in time";
}

// ---- TCP ----------------------------------------------------------------------------------------

/// Closes the socket unless it was released.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

/// The socket, connected, or -1 with `error`: the words of what went wrong.
int connect_one(const addrinfo& address, const Deadline& deadline, std::string& error,
                bool& is_cancelled) {
  Socket socket{::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (socket.fd() < 0) {
    error = system_words(errno);
    return -1;
  }
  const int on = 1;
  setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(socket.fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_limit_ms,
             sizeof unacknowledged_limit_ms);
  if (::connect(socket.fd(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS && errno != EINTR) {
      error = system_words(errno);
      return -1;
    }
    if (const Wait wait = wait_for(socket.fd(), POLLOUT, deadline); wait != Wait::ready) {
      error = words(wait);
      is_cancelled = wait == Wait::cancelled;
      return -1;
    }
    int failure = 0;
    socklen_t size = sizeof failure;
    getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &failure, &size);
    if (failure != 0) {
      error = system_words(failure);
      return -1;
    }
  }
  return socket.release();
}

int connect_any(const Endpoint& endpoint, const Deadline& deadline, std::string& error) {
  const std::string name = host_and_port(endpoint);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* first = nullptr;
  const std::string port = std::to_string(endpoint.port);
  int failure = getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &first);
  if (failure != 0) {
    // AI_ADDRCONFIG ignores loopback interfaces; without any other network ask again, plainly.
    hints.ai_flags = 0;
    failure = getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &first);
  }
  if (failure != 0) {
    error = fmt::format("{}: the name \"{}\" cannot be resolved: {}; check the address and DNS",
                        name, endpoint.host,
                        failure == EAI_SYSTEM ? system_words(errno) : gai_strerror(failure));
    return -1;
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses{first, &freeaddrinfo};
  std::size_t left = 0;
  for (const addrinfo* at = first; at != nullptr; at = at->ai_next) ++left;
  left = std::min(left, max_addresses);

  std::string why;
  bool is_cancelled = false;
  for (const addrinfo* at = first; at != nullptr && left > 0 && !is_cancelled; at = at->ai_next) {
    const Deadline share = Deadline::after(deadline.remaining() / static_cast<std::int64_t>(left),
                                           deadline.cancel_fd());
    --left;
    if (const int fd = connect_one(*at, share, why, is_cancelled); fd >= 0) return fd;
  }
  error =
      fmt::format("{}: cannot connect: {}; check the address, and that the venue is up", name, why);
  return -1;
}

// ---- TLS ----------------------------------------------------------------------------------------

/// The text of OpenSSL's oldest complaint; empties its queue.
std::string take_tls_words() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown TLS failure";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : fmt::format("TLS error {:#x}", code);
}

/// What the verification saw when it refused a certificate.
struct RefusedCertificate {
  std::string names;
  std::string expiry;
};

std::string dns_names(X509* certificate) {
  std::string result;
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::size_t shown = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && shown < max_names_in_words; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    std::string text;
    if (name->type == GEN_DNS) {
      const ASN1_STRING* dns = name->d.dNSName;
      text.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(dns)),
                  static_cast<std::size_t>(ASN1_STRING_length(dns)));
    } else if (name->type == GEN_IPADD) {
      std::array<char, INET6_ADDRSTRLEN> buffer{};
      const int size = ASN1_STRING_length(name->d.iPAddress);
      if (size == 4 || size == 16) {
        inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress),
                  buffer.data(), buffer.size());
        text = buffer.data();
      }
    }
    // The certificate is not believed, so neither is its text.
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    if (text.empty()) continue;
    if (!result.empty()) result += ", ";
    result += text;
    ++shown;
  }
  GENERAL_NAMES_free(names);
  return result.empty() ? "no host" : result;
}

std::string time_text(const ASN1_TIME* time) {
  tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return "an unreadable time";
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

int on_verify(int is_good, X509_STORE_CTX* store) {
  if (is_good == 1) return 1;
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* refused =
      ssl == nullptr ? nullptr : static_cast<RefusedCertificate*>(SSL_get_app_data(ssl));
  X509* certificate = X509_STORE_CTX_get_current_cert(store);
  if (refused != nullptr && certificate != nullptr) {
    refused->names = dns_names(certificate);
    refused->expiry = time_text(X509_STORE_CTX_get_error(store) == X509_V_ERR_CERT_NOT_YET_VALID
                                    ? X509_get0_notBefore(certificate)
                                    : X509_get0_notAfter(certificate));
  }
  return 0;
}

/// SNI. OpenSSL's macro for it is a C cast, which our warnings refuse.
bool set_server_name(SSL* ssl, const std::string& host) {
  return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                  const_cast<char*>(host.c_str())) == 1;
}

std::string certificate_words(long code, const RefusedCertificate& refused,
                              const Endpoint& endpoint) {
  switch (code) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format(
          "its certificate is for {}, not for {}; correct the host in the address, or do not trust "
          "this server",
          refused.names, endpoint.host);
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format(
          "its certificate expired on {}; check this machine's clock, else its owner must renew it",
          refused.expiry);
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fmt::format("its certificate is valid from {} only; check this machine's clock",
                         refused.expiry);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "its certificate comes from an authority that is not trusted here; install the "
             "package ca-certificates, or name the authority's file in ca_file";
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "its certificate is not signed by the authority that is trusted here under that name; "
             "is ca_file that of an earlier one?";
    default:
      return fmt::format("its certificate is refused: {}; do not trust this server",
                         X509_verify_cert_error_string(code));
  }
}

}  // namespace

std::optional<Trust> Trust::load(const std::string& ca_file, std::string& error) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context{SSL_CTX_new(TLS_client_method()), &SSL_CTX_free};
  // ALPN, RFC 7301: else a server may choose HTTP/2.
  constexpr std::array<unsigned char, 9> protocols{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_default_verify_paths(context.get()) != 1 ||
      SSL_CTX_set_alpn_protos(context.get(), protocols.data(), protocols.size()) != 0) {
    error = fmt::format("TLS cannot be set up: {}; check the installation of OpenSSL",
                        take_tls_words());
    return std::nullopt;
  }
  if (!ca_file.empty() && SSL_CTX_load_verify_file(context.get(), ca_file.c_str()) != 1) {
    error = fmt::format("ca_file {}: {}; it must be a readable file of PEM certificates", ca_file,
                        take_tls_words());
    return std::nullopt;
  }
  ERR_clear_error();  // system paths that do not exist leave complaints
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, on_verify);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), read_ahead_bytes);
  return Trust{std::move(context)};
}

std::unique_ptr<TlsStream> TlsStream::connect(const Endpoint& endpoint, const Trust& trust,
                                              const Deadline& deadline, std::string& error) {
  if (!endpoint.is_tls && !is_loopback(endpoint.host)) {
    error = fmt::format("{}: without TLS only this machine can be spoken to; use wss or https",
                        host_and_port(endpoint));
    return nullptr;
  }
  const int fd = connect_any(endpoint, deadline, error);
  if (fd < 0) return nullptr;
  std::unique_ptr<TlsStream> stream{new TlsStream{fd, host_and_port(endpoint)}};
  if (endpoint.is_tls && !stream->start_tls(endpoint, trust, deadline, error)) return nullptr;
  return stream;
}

bool TlsStream::start_tls(const Endpoint& endpoint, const Trust& trust, const Deadline& deadline,
                          std::string& error) {
  ERR_clear_error();
  ssl_ = SSL_new(trust.context());
  BIO* bio = ssl_ == nullptr ? nullptr : BIO_new(bio_method());
  if (bio == nullptr) {
    error = fmt::format("{}: TLS cannot be set up: {}", name_, take_tls_words());
    is_closed_ = true;
    return false;
  }
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd_)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);

  X509_VERIFY_PARAM* verify = SSL_get0_param(ssl_);
  // An IP literal is no name: it is compared with the certificate's addresses, and not sent as SNI.
  bool is_ready = X509_VERIFY_PARAM_set1_ip_asc(verify, endpoint.host.c_str()) == 1;
  if (!is_ready) {
    ERR_clear_error();
    X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    is_ready =
        X509_VERIFY_PARAM_set1_host(verify, endpoint.host.c_str(), endpoint.host.size()) == 1 &&
        set_server_name(ssl_, endpoint.host);
  }
  if (!is_ready) {
    error = fmt::format("{}: \"{}\" cannot be verified as a host: {}", name_, endpoint.host,
                        take_tls_words());
    is_closed_ = true;
    return false;
  }

  RefusedCertificate refused;
  SSL_set_app_data(ssl_, &refused);
  for (;;) {
    const int result = SSL_connect(ssl_);
    const int system_error = errno;
    if (result == 1) break;
    const int kind = SSL_get_error(ssl_, result);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
      const Wait wait = wait_for(fd_, kind == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline);
      if (wait == Wait::ready) continue;
      error = fmt::format("{}: TLS handshake: {}; check that this is the venue's TLS port", name_,
                          words(wait));
    } else if (const long code = SSL_get_verify_result(ssl_); code != X509_V_OK) {
      error = fmt::format("{}: {}", name_, certificate_words(code, refused, endpoint));
    } else if (kind == SSL_ERROR_SYSCALL) {
      error = fmt::format("{}: TLS handshake: {}; check that this is the venue's TLS port", name_,
                          system_error == 0 ? "cut by the other side" : system_words(system_error));
    } else {
      error = fmt::format("{}: TLS handshake: {}; check that this is the venue's TLS port", name_,
                          take_tls_words());
    }
    ERR_clear_error();
    is_closed_ = true;
    return false;
  }
  SSL_set_app_data(ssl_, nullptr);
  ERR_clear_error();
  return true;
}

TlsStream::~TlsStream() {
  if (ssl_ != nullptr) {
    if (!is_closed_) SSL_shutdown(ssl_);
    ERR_clear_error();
    SSL_free(ssl_);
  }
  ::close(fd_);
}

TlsStream::Result TlsStream::closed_with(std::string_view why) noexcept {
  is_closed_ = true;
  why_ = fmt::format("{}: {}", name_, why);
  return {Status::closed, 0};
}

/// What a read or write that moved nothing means.
TlsStream::Result TlsStream::fail(int result, int system_error, bool is_read) noexcept {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      write_wants_read_ = !is_read;
      return {Status::would_block, 0};
    case SSL_ERROR_WANT_WRITE:
      read_wants_write_ = is_read;
      return {Status::would_block, 0};
    case SSL_ERROR_ZERO_RETURN:
      has_ended_cleanly_ = true;
      return closed_with("the other side ended the connection");
    case SSL_ERROR_SYSCALL:
      ERR_clear_error();
      return closed_with(system_error == 0 ? "the connection was cut" : system_words(system_error));
    default:
      if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        ERR_clear_error();
        return closed_with("the connection was cut");
      }
      return closed_with(fmt::format("TLS: {}", take_tls_words()));
  }
}

TlsStream::Result TlsStream::read(std::span<char> into) noexcept {
  if (is_closed_) return {Status::closed, 0};
  if (ssl_ == nullptr) {
    ssize_t result = 0;
    do {
      result = recv(fd_, into.data(), into.size(), 0);
    } while (result < 0 && errno == EINTR);
    if (result > 0) return {Status::ok, static_cast<std::size_t>(result)};
    if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {Status::would_block, 0};
    if (result == 0) {
      has_ended_cleanly_ = true;
      return closed_with("the other side ended the connection");
    }
    return closed_with(system_words(errno));
  }
  // SSL_get_error also looks at complaints that somebody else has left on this thread.
  if (ERR_peek_error() != 0) ERR_clear_error();
  read_wants_write_ = false;
  write_wants_read_ = false;
  std::size_t moved = 0;
  errno = 0;
  const int result = SSL_read_ex(ssl_, into.data(), into.size(), &moved);
  if (result == 1) return {Status::ok, moved};
  return fail(result, errno, true);
}

TlsStream::Result TlsStream::write(std::span<const char> from) noexcept {
  if (is_closed_) return {Status::closed, 0};
  if (from.empty()) return {Status::ok, 0};
  if (ssl_ == nullptr) {
    ssize_t result = 0;
    do {
      result = send(fd_, from.data(), from.size(), MSG_NOSIGNAL);
    } while (result < 0 && errno == EINTR);
    if (result >= 0) return {Status::ok, static_cast<std::size_t>(result)};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Status::would_block, 0};
    return closed_with(system_words(errno));
  }
  if (ERR_peek_error() != 0) ERR_clear_error();
  write_wants_read_ = false;
  std::size_t moved = 0;
  errno = 0;
  const int result = SSL_write_ex(ssl_, from.data(), from.size(), &moved);
  if (result == 1) return {Status::ok, moved};
  return fail(result, errno, false);
}

bool TlsStream::has_pending() const noexcept {
  return ssl_ != nullptr && SSL_has_pending(ssl_) == 1;
}

TlsStream::Result TlsStream::read_before(std::span<char> into, const Deadline& deadline) {
  for (;;) {
    const Result result = read(into);
    if (result.status != Status::would_block) return result;
    const Wait wait = wait_for(fd_, read_wants_write_ ? POLLOUT : POLLIN, deadline);
    if (wait != Wait::ready) {
      why_ = fmt::format("{}: {}", name_, words(wait));
      return {Status::timed_out, 0};
    }
  }
}

TlsStream::Result TlsStream::write_before(std::span<const char> from, const Deadline& deadline) {
  std::size_t written = 0;
  while (written < from.size()) {
    const Result result = write(from.subspan(written));
    written += result.bytes;
    if (result.status == Status::closed) return {Status::closed, written};
    if (result.status == Status::ok) continue;
    const Wait wait = wait_for(fd_, write_wants_read_ ? POLLIN : POLLOUT, deadline);
    if (wait != Wait::ready) {
      why_ = fmt::format("{}: {}", name_, words(wait));
      return {Status::timed_out, written};
    }
  }
  return {Status::ok, written};
}

}  // namespace halcyon::gateways::transport
