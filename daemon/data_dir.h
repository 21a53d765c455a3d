#pragma once

#include <string>

namespace halcyon::daemon {

/// One daemon per data directory: makes the directory (mode 0700) and holds its lock file until the
/// end. Throws std::runtime_error with words: who holds it, or why it cannot be had.
class DataDir {
 public:
  explicit DataDir(const std::string& directory);
  ~DataDir();
  DataDir(const DataDir&) = delete;
  DataDir& operator=(const DataDir&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace halcyon::daemon
