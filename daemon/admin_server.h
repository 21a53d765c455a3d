#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/types.h>

#include "config/config.h"
#include "daemon/admin_methods.h"
#include "daemon/client_socket.h"
#include "domain/time.h"

namespace halcyon::daemon {

/// Who is at the other end of a Unix socket, as the kernel says.
struct Peer {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  ///< supplementary
};

/// Who may use the admin socket.
struct Access {
  uid_t own_uid = 0;  ///< the daemon's
  gid_t group = 0;    ///< [admin].group
};

/// The rule: root and the daemon's own user are `admin`; members of [admin].group are `trade` (see,
/// cancel, halt and resume, but not shut down); nobody else has a role.
std::optional<Role> role_of(const Peer& peer, const Access& access);

/// The admin socket: clients, their lines and their turns; what a line means is AdminMethods'.
/// A client's lines are answered in their order, one at a time. Thread: control.
class AdminServer {
 public:
  static constexpr std::size_t max_clients = 32;
  static constexpr std::size_t max_lines_per_turn = 16;  ///< of one client
  static constexpr std::size_t max_unsent = 4U << 20;    ///< then its lines wait
  static constexpr domain::Duration idle_limit = std::chrono::minutes{10};
  static constexpr domain::Duration write_limit = std::chrono::seconds{10};  ///< without progress

  /// Binds the socket: mode 0660, [admin].group. A socket that nobody answers on is replaced.
  /// Throws std::runtime_error with words and the mend: no directory, somebody listens, not a
  /// socket, unknown group, path too long. `methods` outlives the server.
  AdminServer(const config::Admin& settings, AdminMethods& methods);
  /// Removes the socket, unless another has taken its place.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// Appends what to poll; the same entries come back in `turn`.
  void watch(std::vector<::pollfd>& descriptors, domain::Timestamp now);
  /// Accepts, reads, answers, writes. Returns how many lines it answered.
  std::size_t turn(std::span<const ::pollfd> descriptors, domain::Timestamp now);

  /// A command's answer is awaited.
  bool is_waiting() const;
  /// Lines stand in a buffer for the next turn: do not sleep.
  bool has_work() const;
  /// Answers that no client has taken yet.
  bool has_unsent() const;
  std::size_t client_count() const { return clients_.size(); }

 private:
  struct Client {
    ClientSocket socket;
    Caller caller;
    std::optional<WaitingCommand> waiting;
    bool has_line = false;  ///< a whole line stands in its buffer
    bool want_more() const;
  };

  void accept_clients(domain::Timestamp now);
  std::size_t answer_lines(Client& client, domain::Timestamp now);
  bool serve(Client& client, short ready, domain::Timestamp now, std::size_t& answered);

  std::string path_;
  AdminMethods& methods_;
  Access access_;
  FileDescriptor listener_;
  dev_t device_ = 0;  ///< of our socket's file
  ino_t inode_ = 0;
  std::list<Client> clients_;
  std::size_t first_polled_ = 0;  ///< our first entry in the last `watch`
  domain::Timestamp accept_not_before_;
};

}  // namespace halcyon::daemon
