#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <poll.h>

#include "domain/time.h"

namespace halcyon::daemon {

/// Owns a file descriptor; -1: none.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

/// One client of a server: a non-blocking stream socket with its two buffers. The reader bounds
/// `in` by not reading more than it asks for, the writer bounds `out` by not answering while it is
/// long. Thread: control.
class ClientSocket {
 public:
  /// How much one turn reads at most.
  static constexpr std::size_t read_chunk = 64U << 10;

  ClientSocket(FileDescriptor fd, domain::Timestamp close_at)
      : deadline(close_at), fd_(std::move(fd)) {}

  /// Reads what has come, at most `read_chunk`. Returns the number of bytes.
  std::size_t read();
  /// Writes what fits. Returns the number of bytes.
  std::size_t write();
  void send(std::string_view text) { out_ += text; }

  /// For poll(): readable when `want_more`, writable when something is unsent.
  short events(bool want_more) const;

  std::string in;              ///< received and not yet used
  domain::Timestamp deadline;  ///< the server's own: closed when it passes
  bool close_when_sent = false;

  int fd() const { return fd_.get(); }
  std::size_t unsent() const { return out_.size() - written_; }
  bool has_ended() const { return ended_; }   ///< the client sends no more
  bool is_broken() const { return broken_; }  ///< nothing can be sent either

 private:
  FileDescriptor fd_;
  std::string out_;
  std::size_t written_ = 0;
  bool ended_ = false;
  bool broken_ = false;
};

/// Accepts the next client, non-blocking. Empty when there is none. `is_exhausted` is set when the
/// process has no descriptor left: then the listener should rest a while.
FileDescriptor accept_client(int listener, bool& is_exhausted);

}  // namespace halcyon::daemon
