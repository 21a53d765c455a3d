#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>

namespace halcyon::tests {

/// Stands between a client and a PostgreSQL's Unix socket and cuts the connection after an exact
/// number of bytes, as a broken line would: everything before has arrived, nothing behind it.
class CuttingProxy {
 public:
  enum class Direction { to_server, to_client };

  /// `server_directory`: where the server's socket is.
  explicit CuttingProxy(const std::string& server_directory);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  /// "host=..." of the proxy.
  const std::string& directory() const { return directory_; }
  /// The next connection is cut after `bytes` in that direction; those behind it are not.
  void cut_next(Direction direction, std::size_t bytes);
  /// Bytes of the last connection that was begun.
  std::size_t bytes(Direction direction) const {
    return direction == Direction::to_server ? to_server_ : to_client_;
  }
  bool has_cut() const { return has_cut_; }

 private:
  void run();
  void serve(int client);

  std::string directory_, server_socket_;
  int listener_ = -1;
  int stop_pipe_[2] = {-1, -1};
  std::atomic<int> cut_direction_{-1};
  std::atomic<std::size_t> cut_bytes_{0};
  std::atomic<std::size_t> to_server_{0}, to_client_{0};
  std::atomic<bool> has_cut_{false};
  std::jthread thread_;
};

}  // namespace halcyon::tests
