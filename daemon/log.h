#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "config/config.h"
#include "daemon/lane.h"

namespace halcyon::daemon {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

/// What the daemon says, one line each, on standard error (systemd's journal): as text, or as JSON.
/// `say` may block on the output, so hot threads use a Whisper. Any thread.
class Log {
 public:
  explicit Log(const config::Log& settings);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Who hears every line that is said; empty: nobody. Set it while no other thread speaks. It is
  /// called by whoever speaks.
  using Listener = std::function<void(LogLevel level, std::string_view who, std::string_view what)>;
  void listen(Listener listener);

  /// `who`: the part that speaks ("journal", "binance market").
  void say(LogLevel level, std::string_view who, std::string_view what);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// A line on its way from a hot thread. Longer text is cut.
struct LogLine {
  static constexpr std::size_t capacity = 480;
  LogLevel level = LogLevel::info;
  std::uint16_t who_length = 0;
  std::uint16_t length = 0;
  std::array<char, capacity> text{};  ///< who, then what
};
using LogLane = Lane<LogLine, 128>;

/// A hot thread's voice: pushes to a lane that the control thread says aloud. Never blocks; a line
/// that does not fit is counted.
class Whisper {
 public:
  explicit Whisper(LogLane::Writer lane) : lane_(std::move(lane)) {}
  void say(LogLevel level, std::string_view who, std::string_view what);
  std::uint64_t lost() const { return lost_; }

 private:
  LogLane::Writer lane_;
  std::uint64_t lost_ = 0;
};

/// Says what waits. Thread: control.
std::size_t say_whispers(LogLane::Reader& lane, Log& log);

}  // namespace halcyon::daemon
