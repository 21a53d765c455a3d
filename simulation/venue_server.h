#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "simulation/sim_clock.h"
#include "simulation/venue.h"

namespace halcyon::simulation {

struct ServerSettings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free one
  std::filesystem::path certificate;
  std::filesystem::path private_key;
  std::filesystem::path control_socket;  ///< empty: none
};

/// Answers one line of the control socket with one line (without the line's end).
using ControlHandler = std::function<std::string(std::string_view, Timestamp, Actions&)>;

/// The sockets of a simulated venue: one TLS port for WebSocket and REST, and a Unix socket for
/// control (mode 0600). Everything happens on the thread that calls `run`.
class VenueServer {
 public:
  /// A client that reads too slowly to keep fewer bytes than this waiting is dropped.
  static constexpr std::size_t max_waiting_bytes = std::size_t{256} << 20;
  static constexpr std::size_t max_message_bytes = std::size_t{1} << 20;  ///< from a client
  static constexpr std::size_t max_control_line = std::size_t{1} << 20;

  /// Opens the sockets. Throws std::runtime_error with words: an address in use, a certificate that
  /// cannot be read. `venue` and what `control` holds outlive the server.
  VenueServer(const ServerSettings& settings, SimClock clock, Venue& venue, ControlHandler control);
  ~VenueServer();
  VenueServer(const VenueServer&) = delete;
  VenueServer& operator=(const VenueServer&) = delete;

  std::uint16_t port() const;
  /// Serves until SIGTERM, SIGINT or `stop`.
  void run();
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace halcyon::simulation
