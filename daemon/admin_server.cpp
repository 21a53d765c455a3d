#include "daemon/admin_server.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "domain/enum_name.h"

namespace halcyon::daemon {

namespace {

// As json_rpc.h has them; repeated so that this file need not compile the JSON library.
constexpr std::size_t max_line = 1U << 20;
constexpr int not_permitted = -32001;
constexpr int too_many_clients = -32004;
constexpr int invalid_request = -32600;

/// An error without an id. `words` have nothing that JSON would escape.
std::string error_line(int code, std::string_view words) {
  return fmt::format(R"({{"error":{{"code":{},"message":"{}"}},"id":null,"jsonrpc":"2.0"}})", code,
                     words) +
         "\n";
}

[[noreturn]] void cannot(const std::string& path, std::string_view why, std::string_view mend) {
  throw std::runtime_error(fmt::format("admin socket {}: {}; {}", path, why, mend));
}

std::string words_of(int error) { return std::generic_category().message(error); }

::sockaddr_un address_of(const std::string& path) {
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    cannot(path, fmt::format("the path has {} bytes", path.size()),
           fmt::format("admin.socket must have 1 to {}", sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

gid_t group_of(const std::string& path, const std::string& name) {
  if (name.empty()) return ::getegid();
  errno = 0;
  const ::group* row = ::getgrnam(name.c_str());
  if (row == nullptr) {
    cannot(path, fmt::format("there is no group \"{}\"", name),
           "create it (systemd-sysusers, groupadd), or leave admin.group out for the daemon's own");
  }
  return row->gr_gid;
}

const ::sockaddr* plain(const ::sockaddr_un& address) {
  return reinterpret_cast<const ::sockaddr*>(&address);
}

/// Makes room for our socket at `path`. What a crash left behind goes; anything alive stays.
void clear_stale(const std::string& path, const ::sockaddr_un& address) {
  struct ::stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return;
    cannot(path, words_of(errno), "check the directory's rights");
  }
  if (!S_ISSOCK(status.st_mode)) {
    cannot(path, "a file that is not a socket stands there",
           "move it away, or set admin.socket to another path");
  }
  const FileDescriptor probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!probe) cannot(path, words_of(errno), "raise the limit of open files");
  const bool answers = ::connect(probe.get(), plain(address), sizeof address) == 0;
  if (answers || errno != ECONNREFUSED) {
    cannot(path, answers ? "another process listens there" : words_of(errno),
           "stop the other daemon, or give this one its own admin.socket");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    cannot(path, "the old socket cannot be removed: " + words_of(errno),
           "check the directory's rights");
  }
}

std::optional<Peer> peer_of(int fd) {
  ::ucred credentials{};
  ::socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  Peer peer{credentials.uid, credentials.gid, {}};
  peer.groups.resize(64);
  for (int attempt = 0; attempt < 2; ++attempt) {
    size = static_cast<::socklen_t>(peer.groups.size() * sizeof(gid_t));
    const int outcome = ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &size);
    const bool is_short = outcome != 0 && errno == ERANGE;
    peer.groups.resize(size / sizeof(gid_t));
    if (outcome == 0) return peer;
    if (!is_short) break;
  }
  peer.groups.clear();  // an old kernel: the primary group decides
  return peer;
}

}  // namespace

std::optional<Role> role_of(const Peer& peer, const Access& access) {
  if (peer.uid == 0 || peer.uid == access.own_uid) return Role::admin;
  const bool is_member =
      peer.gid == access.group ||
      std::find(peer.groups.begin(), peer.groups.end(), access.group) != peer.groups.end();
  if (is_member) return Role::trade;
  return std::nullopt;
}

AdminServer::AdminServer(const config::Admin& settings, AdminMethods& methods)
    : path_(settings.socket), methods_(methods) {
  const ::sockaddr_un address = address_of(path_);
  access_ = {::geteuid(), group_of(path_, settings.group)};
  const auto directory = std::filesystem::path{path_}.parent_path();
  std::error_code ignored;
  if (!directory.empty() && !std::filesystem::is_directory(directory, ignored)) {
    cannot(path_, fmt::format("there is no directory {}", directory.string()),
           "create it (the unit's RuntimeDirectory= does), or set admin.socket to another path");
  }
  clear_stale(path_, address);

  listener_ = FileDescriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!listener_) cannot(path_, words_of(errno), "raise the limit of open files");
  // The file appears with the mode of the descriptor: never open to others, not for a moment, and
  // without touching the process's umask. Nobody can connect before listen().
  if (::fchmod(listener_.get(), 0600) != 0 ||
      ::bind(listener_.get(), plain(address), sizeof address) != 0) {
    cannot(path_, words_of(errno), "check the directory's rights");
  }
  struct ::stat status {};
  if (::lstat(path_.c_str(), &status) == 0) {
    device_ = status.st_dev;
    inode_ = status.st_ino;
  }
  const auto give_up = [&](std::string_view why, std::string_view mend) {
    const std::string words = fmt::format("{}: {}", why, words_of(errno));
    ::unlink(path_.c_str());
    cannot(path_, words, mend);
  };
  if (access_.group != status.st_gid &&
      ::chown(path_.c_str(), static_cast<uid_t>(-1), access_.group) != 0) {
    give_up(fmt::format("cannot give it to group \"{}\"", settings.group),
            "make the daemon's user a member of that group");
  }
  if (::chmod(path_.c_str(), 0660) != 0) give_up("cannot set its mode", "check the file system");
  if (::listen(listener_.get(), SOMAXCONN) != 0) give_up("cannot listen", "check the kernel's log");
}

AdminServer::~AdminServer() {
  struct ::stat status {};
  if (::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

bool AdminServer::Client::want_more() const {
  return !waiting && !has_line && !socket.close_when_sent && socket.unsent() < max_unsent;
}

void AdminServer::watch(std::vector<::pollfd>& descriptors, domain::Timestamp now) {
  first_polled_ = descriptors.size();
  const bool rests = now < accept_not_before_;
  descriptors.push_back({rests ? -1 : listener_.get(), POLLIN, 0});
  for (const Client& client : clients_) {
    descriptors.push_back({client.socket.fd(), client.socket.events(client.want_more()), 0});
  }
}

std::size_t AdminServer::turn(std::span<const ::pollfd> descriptors, domain::Timestamp now) {
  std::size_t answered = 0;
  std::size_t entry = first_polled_ + 1;
  for (auto client = clients_.begin(); client != clients_.end();) {
    const short ready = descriptors[entry++].revents;
    client = serve(*client, ready, now, answered) ? std::next(client) : clients_.erase(client);
  }
  if (descriptors[first_polled_].revents != 0) accept_clients(now);
  return answered;
}

/// False when the client is done for.
bool AdminServer::serve(Client& client, short ready, domain::Timestamp now, std::size_t& answered) {
  ClientSocket& socket = client.socket;
  // Hung up both ways: whoever asked can no longer hear.
  if ((ready & (POLLERR | POLLNVAL)) != 0 || ((ready & POLLHUP) != 0 && (ready & POLLIN) == 0)) {
    return false;
  }
  if ((ready & POLLIN) != 0 && socket.read() > 0) socket.deadline = now + idle_limit;
  if (client.waiting) {
    if (const auto line = methods_.finish(*client.waiting, now)) {
      socket.send(*line);
      client.waiting.reset();
      ++answered;
    }
  }
  answered += answer_lines(client, now);
  const bool was_unsent = socket.unsent() > 0;
  const bool progressed = socket.write() > 0;
  if (was_unsent && progressed) {
    socket.deadline = now + (socket.unsent() > 0 ? write_limit : idle_limit);
  } else if (was_unsent && socket.deadline > now + write_limit) {
    socket.deadline = now + write_limit;
  }
  if (client.waiting) socket.deadline = std::max(socket.deadline, now + write_limit);
  if (socket.is_broken() || now >= socket.deadline) return false;
  const bool is_done = socket.unsent() == 0 && !client.waiting && !client.has_line;
  return !(is_done && (socket.close_when_sent || socket.has_ended()));
}

std::size_t AdminServer::answer_lines(Client& client, domain::Timestamp now) {
  ClientSocket& socket = client.socket;
  std::size_t answered = 0;
  std::size_t used = 0;
  client.has_line = false;
  while (!client.waiting && !socket.close_when_sent) {
    const std::size_t end = socket.in.find('\n', used);
    const std::size_t length = (end == std::string::npos ? socket.in.size() : end) - used;
    if (length > max_line) {
      socket.send(error_line(invalid_request,
                             "the line is longer than 1048576 bytes; the connection ends"));
      socket.close_when_sent = true;
      used = socket.in.size();
      ++answered;
      break;
    }
    if (end == std::string::npos) break;
    if (answered == max_lines_per_turn || socket.unsent() >= max_unsent) {
      client.has_line = true;
      break;
    }
    std::string_view line = std::string_view{socket.in}.substr(used, length);
    used = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    Reply reply = methods_.handle(line, client.caller, now);
    socket.send(reply.line);
    client.waiting = std::move(reply.waiting);
    ++answered;
  }
  // Lines behind a waiting command are served once it is answered.
  if (client.waiting && socket.in.find('\n', used) != std::string::npos) client.has_line = true;
  socket.in.erase(0, used);
  return answered;
}

void AdminServer::accept_clients(domain::Timestamp now) {
  for (std::size_t count = 0; count < max_clients; ++count) {
    bool is_exhausted = false;
    FileDescriptor fd = accept_client(listener_.get(), is_exhausted);
    if (!fd) {
      // The listener would stay readable and poll() would never rest.
      if (is_exhausted) accept_not_before_ = now + std::chrono::seconds{1};
      return;
    }
    const auto peer = peer_of(fd.get());
    const auto role = peer ? role_of(*peer, access_) : std::nullopt;
    std::string refusal;
    if (!role) {
      refusal = error_line(
          not_permitted,
          fmt::format("uid {} is neither root, nor the daemon's own user, nor a member of gid {} "
                      "(admin.group)",
                      peer ? peer->uid : static_cast<uid_t>(-1), access_.group));
    } else if (clients_.size() >= max_clients) {
      refusal = error_line(
          too_many_clients,
          fmt::format("{} clients are connected, which is the most; close one", max_clients));
    }
    if (!refusal.empty()) {
      // A fresh socket's buffer takes a line whole; who is refused is not worth a place.
      ClientSocket refused{std::move(fd), now};
      refused.send(refusal);
      refused.write();
      continue;
    }
    clients_.push_back({ClientSocket{std::move(fd), now + idle_limit}, Caller{*role, peer->uid},
                        std::nullopt, false});
  }
}

bool AdminServer::is_waiting() const {
  return std::any_of(clients_.begin(), clients_.end(),
                     [](const Client& client) { return client.waiting.has_value(); });
}

bool AdminServer::has_work() const {
  return std::any_of(clients_.begin(), clients_.end(), [](const Client& client) {
    return client.has_line && !client.waiting && client.socket.unsent() < max_unsent;
  });
}

bool AdminServer::has_unsent() const {
  return std::any_of(clients_.begin(), clients_.end(),
                     [](const Client& client) { return client.socket.unsent() > 0; });
}

}  // namespace halcyon::daemon
