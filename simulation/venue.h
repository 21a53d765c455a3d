#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "domain/time.h"

namespace halcyon::simulation {

using domain::Duration;
using domain::Timestamp;

/// A WebSocket connection, as the server numbers them.
enum class ConnectionId : std::uint64_t {};

using Text = std::shared_ptr<const std::string>;

struct SendText {
  ConnectionId connection{};
  Text text;
};
struct SendPing {
  ConnectionId connection{};
  std::string payload;  ///< at most 125 bytes
};
struct CloseConnection {
  ConnectionId connection{};
  std::uint16_t code = 0;  ///< 0: the line is cut without a word
  std::string reason;      ///< at most 123 bytes
};
using Action = std::variant<SendText, SendPing, CloseConnection>;
/// What a venue wants done on its lines, in this order.
using Actions = std::vector<Action>;

struct HttpRequest {
  std::string method;
  std::string target;                          ///< path and query, as sent
  std::map<std::string, std::string> headers;  ///< names in small letters
  std::string body;
};
struct HttpAnswer {
  unsigned status = 200;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  Duration delay{};   ///< by the simulator's clock
  bool lost = false;  ///< the line is cut instead of an answer
};

/// A venue's whole outside behaviour without its sockets: bytes and times in, actions out. Pure but
/// for what it remembers. Thread: the server's, one call at a time. `now` is the simulator's clock
/// and never falls.
class Venue {
 public:
  Venue() = default;
  Venue(const Venue&) = delete;
  Venue& operator=(const Venue&) = delete;
  virtual ~Venue() = default;

  /// A WebSocket is asked for. Empty: it is accepted and `connection` lives until `on_closed`.
  virtual std::optional<HttpAnswer> open(ConnectionId connection, std::string_view target,
                                         Timestamp now, Actions& actions) = 0;
  virtual void on_text(ConnectionId connection, std::string_view text, Timestamp now,
                       Actions& actions) = 0;
  virtual void on_ping(ConnectionId connection, Timestamp now, Actions& actions) = 0;
  virtual void on_pong(ConnectionId connection, std::string_view payload, Timestamp now,
                       Actions& actions) = 0;
  virtual void on_closed(ConnectionId connection) = 0;
  virtual HttpAnswer on_http(const HttpRequest& request, Timestamp now, Actions& actions) = 0;

  /// Does what is due. A turn is bounded: more may be due at once.
  virtual void turn(Timestamp now, Actions& actions) = 0;
  /// When the next turn is due; `domain::never` when nothing is.
  virtual Timestamp next_deadline() const = 0;
};

}  // namespace halcyon::simulation
