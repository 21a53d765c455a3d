#include "daemon/data_dir.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace halcyon::daemon {

DataDir::DataDir(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::create_directories(directory, error)) {
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  }
  if (error) {
    throw std::runtime_error(
        fmt::format("data_dir {}: {}; create it, or choose another", directory, error.message()));
  }
  const std::string file = directory + "/lock";
  fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) {
    throw std::runtime_error(
        fmt::format("{}: {}; the daemon must be able to write there", file, std::strerror(errno)));
  }
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    std::array<char, 32> text{};
    const auto size = ::pread(fd_, text.data(), text.size() - 1, 0);
    const std::string_view holder{text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
    ::close(fd_);
    throw std::runtime_error(
        fmt::format("data_dir {} is in use by process {}; stop that one, or give this one a "
                    "data_dir of its own",
                    directory, holder.empty() ? "(unknown)" : holder));
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd_, 0) != 0 ||
      ::pwrite(fd_, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    const int cause = errno;
    ::close(fd_);
    throw std::runtime_error(fmt::format("{}: {}", file, std::strerror(cause)));
  }
}

DataDir::~DataDir() { ::close(fd_); }

}  // namespace halcyon::daemon
