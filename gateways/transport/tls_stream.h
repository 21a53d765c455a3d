#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "gateways/session.h"
#include "gateways/transport/clock.h"

struct ssl_st;
struct ssl_ctx_st;

namespace halcyon::gateways::transport {

/// Whose certificates we believe: the system's authorities and those of one more file. An immutable
/// value; copies share what was loaded. Any thread.
class Trust {
 public:
  /// `ca_file`: PEM, an extra trust anchor; empty: the system's alone. Empty, and `error` in words,
  /// when the file cannot be read or holds no certificate.
  static std::optional<Trust> load(const std::string& ca_file, std::string& error);

  ssl_ctx_st* context() const { return context_.get(); }

 private:
  explicit Trust(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}

  std::shared_ptr<ssl_ctx_st> context_;
};

/// A stream of bytes to one host, over TLS 1.2 or later (or bare TCP, for tests on loopback).
/// Owns the socket. One thread at a time: made with blocking calls on a helper thread, then handed
/// to the loop that polls it. The host's certificate is verified, its name included, before a byte
/// of ours leaves.
class TlsStream {
 public:
  enum class Status : std::uint8_t {
    ok,           ///< `bytes` were moved
    would_block,  ///< nothing now: wait for fd()
    closed,       ///< for good; why() tells
    timed_out,    ///< the blocking calls only: the deadline came, or the wait was cancelled
  };
  struct Result {
    Status status = Status::ok;
    std::size_t bytes = 0;
  };

  /// Blocks until connected and verified, or not: every address of the host is tried, each with its
  /// share of the time. The name server may overrun `deadline` (getaddrinfo has no time-out). Null,
  /// and `error` in words, on failure. Without TLS only loopback is allowed.
  static std::unique_ptr<TlsStream> connect(const Endpoint& endpoint, const Trust& trust,
                                            const Deadline& deadline, std::string& error);
  /// Says goodbye if the stream is whole, and closes the socket. Does not block.
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  /// Non-blocking. Never raises SIGPIPE, never allocates after the first few calls.
  Result read(std::span<char> into) noexcept;
  /// Non-blocking; may take a part. After `would_block` the next write must begin with the same
  /// bytes (their place may differ).
  Result write(std::span<const char> from) noexcept;

  /// Bytes have left the socket but not this object: read again before you wait for fd(). What is
  /// left may be less than a record, and then read() says would_block.
  bool has_pending() const noexcept;
  /// read() waits for the socket to become writable (a key update).
  bool read_wants_write() const noexcept { return read_wants_write_; }
  /// write() waits for the socket to become readable.
  bool write_wants_read() const noexcept { return write_wants_read_; }

  /// Blocking, for the helper thread: at least one byte, or the reason why not.
  Result read_before(std::span<char> into, const Deadline& deadline);
  /// Blocking: everything, or the reason why not.
  Result write_before(std::span<const char> from, const Deadline& deadline);

  int fd() const noexcept { return fd_; }
  /// "host:port", as messages name it.
  const std::string& name() const noexcept { return name_; }
  /// Why the stream is closed, in words, with its name.
  const std::string& why() const noexcept { return why_; }
  /// closed: the peer said goodbye first (TLS close_notify, or the end of a bare TCP stream).
  /// Otherwise it was cut, and what came may not be all.
  bool has_ended_cleanly() const noexcept { return has_ended_cleanly_; }

 private:
  TlsStream(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

  bool start_tls(const Endpoint& endpoint, const Trust& trust, const Deadline& deadline,
                 std::string& error);
  Result fail(int result, int system_error, bool is_read) noexcept;
  Result closed_with(std::string_view why) noexcept;

  int fd_;
  ssl_st* ssl_ = nullptr;
  bool read_wants_write_ = false;
  bool write_wants_read_ = false;
  bool is_closed_ = false;
  bool has_ended_cleanly_ = false;
  std::string name_;
  std::string why_;
};

}  // namespace halcyon::gateways::transport
