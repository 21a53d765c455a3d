#include "daemon/log.h"

#include <algorithm>
#include <utility>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "domain/enum_name.h"

namespace halcyon::daemon {

namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

spdlog::level::level_enum parse_level(std::string_view name) {
  if (name == "warning") return spdlog::level::warn;
  if (name == "error") return spdlog::level::err;
  return spdlog::level::from_str(std::string{name});
}

/// The text as the inside of a JSON string.
std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      out += '\\';
      out += character;
    } else if (byte < 0x20) {
      constexpr std::string_view hex = "0123456789abcdef";
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15U];
    } else {
      out += character;
    }
  }
  return out;
}

}  // namespace

class Log::Impl {
 public:
  explicit Impl(const config::Log& settings)
      : logger_("halcyond", std::make_shared<spdlog::sinks::stderr_sink_mt>()),
        is_json_(settings.format == config::LogFormat::json) {
    logger_.set_level(parse_level(settings.level));
    // Times in UTC, as in the database and the admin socket.
    logger_.set_formatter(std::make_unique<spdlog::pattern_formatter>(
        is_json_ ? R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l",%v})"
                 : "%Y-%m-%dT%H:%M:%S.%fZ %l %v",
        spdlog::pattern_time_type::utc));
    logger_.flush_on(spdlog::level::debug);
  }
  void say(LogLevel level, std::string_view who, std::string_view what) {
    if (is_json_) {
      logger_.log(to_spdlog(level), R"("who":"{}","what":"{}")", escaped(who), escaped(what));
    } else {
      logger_.log(to_spdlog(level), "{}: {}", who, what);
    }
    if (listener_ && logger_.should_log(to_spdlog(level))) listener_(level, who, what);
  }
  void listen(Listener listener) { listener_ = std::move(listener); }

 private:
  spdlog::logger logger_;
  bool is_json_;
  Listener listener_;
};

Log::Log(const config::Log& settings) : impl_(std::make_unique<Impl>(settings)) {}
Log::~Log() = default;

void Log::listen(Listener listener) { impl_->listen(std::move(listener)); }

void Log::say(LogLevel level, std::string_view who, std::string_view what) {
  impl_->say(level, who, what);
}

void Whisper::say(LogLevel level, std::string_view who, std::string_view what) {
  LogLine line;
  line.level = level;
  who = who.substr(0, 64);
  what = what.substr(0, LogLine::capacity - who.size());
  line.who_length = static_cast<std::uint16_t>(who.size());
  line.length = static_cast<std::uint16_t>(who.size() + what.size());
  auto* at = std::copy(who.begin(), who.end(), line.text.begin());
  std::copy(what.begin(), what.end(), at);
  if (!lane_.try_push(line)) ++lost_;
}

std::size_t say_whispers(LogLane::Reader& lane, Log& log) {
  return lane.drain(64, [&](const LogLine& line) {
    const std::string_view text{line.text.data(), line.length};
    log.say(line.level, text.substr(0, line.who_length), text.substr(line.who_length));
  });
}

}  // namespace halcyon::daemon
