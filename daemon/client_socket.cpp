#include "daemon/client_socket.h"

#include <array>
#include <cerrno>

#include <sys/socket.h>
#include <unistd.h>

namespace halcyon::daemon {

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void FileDescriptor::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::size_t ClientSocket::read() {
  std::array<char, read_chunk> chunk;
  const ssize_t got = ::recv(fd_.get(), chunk.data(), chunk.size(), 0);
  if (got > 0) {
    in.append(chunk.data(), static_cast<std::size_t>(got));
    return static_cast<std::size_t>(got);
  }
  if (got == 0) {
    ended_ = true;
  } else if (errno != EAGAIN && errno != EINTR) {
    ended_ = broken_ = true;
  }
  return 0;
}

std::size_t ClientSocket::write() {
  if (unsent() == 0) return 0;
  const ssize_t sent = ::send(fd_.get(), out_.data() + written_, unsent(), MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN && errno != EINTR) broken_ = true;
    return 0;
  }
  written_ += static_cast<std::size_t>(sent);
  if (unsent() == 0) {
    out_.clear();
    written_ = 0;
  }
  return static_cast<std::size_t>(sent);
}

short ClientSocket::events(bool want_more) const {
  int wanted = 0;
  if (want_more && !ended_) wanted |= POLLIN;
  if (unsent() > 0) wanted |= POLLOUT;
  return static_cast<short>(wanted);
}

FileDescriptor accept_client(int listener, bool& is_exhausted) {
  const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  is_exhausted =
      fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);
  return FileDescriptor{fd};
}

}  // namespace halcyon::daemon
