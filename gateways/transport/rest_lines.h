#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <poll.h>

#include "domain/time.h"
#include "gateways/session.h"
#include "gateways/transport/clock.h"
#include "gateways/transport/tls_stream.h"

namespace halcyon::gateways::transport {

class HttpReader;

/// A few REST connections that stand, for calls that must leave at once: one call a connection at a
/// time, so as many in flight as there are connections. Made with blocking calls on a helper
/// thread, used without blocking by one thread: the hot one. A call is written once and never
/// again, whatever happens; a connection that breaks under it leaves its fate unknown.
class RestLines {
 public:
  static constexpr std::size_t max_lines = 8;
  /// The venue has long given up by then; the connection is not worth keeping.
  static constexpr domain::Duration answer_time_out = std::chrono::seconds{30};
  /// How often an idle connection is looked at: a server that closed it says so.
  static constexpr domain::Duration idle_look = std::chrono::milliseconds{50};
  static constexpr domain::Duration first_retry = std::chrono::milliseconds{250};
  static constexpr domain::Duration longest_retry = std::chrono::seconds{15};
  static constexpr std::size_t max_body = std::size_t{1} << 20;

  /// `wanted`: connections to keep, at most `max_lines`. `number_header`: as RestRequest has it.
  RestLines(std::size_t wanted, std::string_view number_header);
  ~RestLines();
  RestLines(const RestLines&) = delete;
  RestLines& operator=(const RestLines&) = delete;

  /// One more should be opened now; the caller does it and says `opening`, then `adopt` or
  /// `failed`.
  bool wants_line(domain::Timestamp now) const;
  void opening() { ++opening_; }
  void adopt(std::unique_ptr<TlsStream> stream, domain::Timestamp now);
  void failed(domain::Timestamp now);

  /// Connections that stand, idle or not.
  std::size_t standing() const { return lines_.size(); }
  std::size_t idle() const;

  /// Writes a call to an idle connection: the one that was used last (its path is warm), or, to
  /// keep it warm, the one that was idle for longest. False, and certain: no byte has left.
  bool begin(std::uint32_t tag, std::string_view bytes, bool keeps_warm, domain::Timestamp now);

  /// One turn: writes what waits, reads what has come. `handler(RestAnswer&)` gets the answers:
  /// status 0 and words when the connection broke or took too long. Returns how many.
  template <class Handler>
  std::size_t poll(const Clock& clock, domain::Timestamp now, Handler&& handler) {
    std::size_t count = 0;
    for (std::size_t at = 0; at < lines_.size();) {
      if (turn(*lines_[at], clock, now)) {
        ++count;
        handler(*lines_[at]->answer);
        lines_[at]->answer.reset();
      }
      if (lines_[at]->is_closed) {
        lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(at));
      } else {
        ++at;
      }
    }
    return count;
  }
  /// When poll has something to do although no socket is ready.
  domain::Timestamp next_deadline() const;
  /// The sockets that a call waits on.
  void watch(std::vector<::pollfd>& descriptors) const;

  struct Counters {
    std::uint64_t calls = 0;
    std::uint64_t refused = 0;  ///< no connection was idle
    std::uint64_t cut = 0;      ///< calls whose answer never came
    std::uint64_t opened = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  struct Line {
    Line();
    ~Line();
    std::unique_ptr<TlsStream> stream;
    std::unique_ptr<HttpReader> response;  ///< of a call under way
    std::uint32_t tag = 0;
    std::string unwritten;
    domain::Timestamp sent;
    domain::Timestamp deadline;
    domain::Timestamp used;    ///< idle since
    domain::Timestamp looked;  ///< when it was last looked at, idle
    bool is_closed = false;
    std::optional<RestAnswer> answer;
    bool is_idle() const { return response == nullptr && !is_closed; }
  };

  /// True when an answer is there.
  bool turn(Line& line, const Clock& clock, domain::Timestamp now);
  /// Whether nothing has come where nothing is due: bytes would be taken for the next answer.
  static bool is_silent(Line& line);
  bool end(Line& line, std::string error, const Clock& clock);

  std::size_t wanted_;
  std::string_view number_header_;
  std::vector<std::unique_ptr<Line>> lines_;
  std::size_t opening_ = 0;
  domain::Timestamp retry_at_{};
  domain::Duration retry_ = first_retry;
  Counters counters_;
};

}  // namespace halcyon::gateways::transport
