#include "gateways/secret_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <system_error>

#include <fmt/core.h>
#include <openssl/crypto.h>
#include <sys/stat.h>

namespace halcyon::gateways {

namespace {

constexpr std::size_t max_secret_bytes = std::size_t{16} << 10;

}  // namespace

std::string read_secret_file(const std::string& path, std::string_view what) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "rb"),
                                                             &std::fclose};
  if (!file) {
    throw std::runtime_error(
        fmt::format("{} file '{}': {}; check the path and that the daemon's user may read it", what,
                    path, std::generic_category().message(errno)));
  }
  std::string text(max_secret_bytes + 1, '\0');
  const std::size_t size = std::fread(text.data(), 1, text.size(), file.get());
  if (std::ferror(file.get()) != 0) {
    throw std::runtime_error(fmt::format("{} file '{}': cannot be read", what, path));
  }
  if (size > max_secret_bytes) {
    throw std::runtime_error(fmt::format("{} file '{}': more than {} bytes, so it is none", what,
                                         path, max_secret_bytes));
  }
  text.resize(size);
  const auto is_blank = [](char character) {
    return character == ' ' || character == '\n' || character == '\r' || character == '\t';
  };
  const auto first = std::find_if_not(text.begin(), text.end(), is_blank);
  const auto last = std::find_if_not(text.rbegin(), text.rend(), is_blank).base();
  if (first >= last) {
    throw std::runtime_error(fmt::format("{} file '{}': is empty", what, path));
  }
  std::string result{first, last};
  OPENSSL_cleanse(text.data(), text.size());
  return result;
}

std::string permission_warning(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || (status.st_mode & (S_IRWXO | S_IWGRP)) == 0) return {};
  return fmt::format(
      "'{}' can be read or changed by others (mode {:04o}); it holds a secret: chmod 0400", path,
      status.st_mode & 07777U);
}

}  // namespace halcyon::gateways
