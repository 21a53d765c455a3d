#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateways/session.h"
#include "gateways/transport/clock.h"
#include "gateways/transport/tls_stream.h"
#include "gateways/transport/websocket.h"

namespace halcyon::gateways::transport {

/// Why a connection could not be made.
struct OpenFailure {
  std::string words;               ///< with host, port and the mend
  int http_status = 0;             ///< of a server that refused the upgrade; Binance 418, 429: wait
  domain::Duration retry_after{};  ///< from Retry-After; do not come back sooner
};

/// What became of a text to send.
enum class Sent : std::uint8_t {
  handed_over,  ///< the kernel has all of it
  queued,       ///< it will follow, in order, as the kernel takes it
  full,         ///< refused: too much is queued already. No byte of it has left or ever will
  closed,       ///< refused likewise: the connection is closing, or gone
};

/// One WebSocket connection to a venue: TlsStream, FrameReader and FrameWriter. Opened with a
/// blocking call on a helper thread, then used without blocking by one thread: the hot one. After
/// the first messages it does not allocate.
class Connection {
 public:
  struct Limits {
    std::size_t max_message_bytes = FrameReader::default_max_message;
    std::size_t max_queued_bytes = std::size_t{1} << 20;
  };
  /// How much has passed; for metrics.
  struct Counters {
    std::uint64_t messages_in = 0;
    std::uint64_t bytes_in = 0;  ///< inside TLS, frame headers included
    std::uint64_t messages_out = 0;
    std::uint64_t bytes_out = 0;  ///< as bytes_in; queued ones not
    std::uint64_t pings = 0;
    std::uint64_t sends_refused = 0;     ///< Sent::full
    std::uint64_t max_queued_bytes = 0;  ///< the most that ever waited
  };

  /// Connects, verifies, and asks for the upgrade (RFC 6455 section 4; no extensions). Blocks until
  /// `deadline` at most (see TlsStream::connect). Null, and `failure`, when it did not work.
  static std::unique_ptr<Connection> open(const Endpoint& endpoint, const Trust& trust,
                                          const Deadline& deadline, const Limits& limits,
                                          OpenFailure& failure);
  static std::unique_ptr<Connection> open(const Endpoint& endpoint, const Trust& trust,
                                          const Deadline& deadline, OpenFailure& failure) {
    return open(endpoint, trust, deadline, Limits{}, failure);
  }

  /// One turn: sends what waits, then hands out what has come, `max_messages` at most (pings, which
  /// are answered here, and pongs count). Returns how much it did. Zero means that nothing is left
  /// in this process: wait for fd(). More than zero: take another turn before you wait.
  ///
  /// `handler` needs on_frame(const Frame&), whose bytes last until it returns, and
  /// on_sign_of_life(domain::Timestamp). It may call send, close and drop, but not destroy this.
  /// All frames of one read of the socket have the same `received`, taken from `clock` after it.
  template <class Handler>
  std::size_t poll_messages(const Clock& clock, std::size_t max_messages, Handler&& handler) {
    if (!writer_.empty() || has_pong_) flush();
    std::size_t count = 0;
    for (std::size_t reads = 0;; ++reads) {
      while (state_ != State::closed) {
        if (count >= max_messages) return count;
        Frame frame;
        const FrameReader::Item item = reader_.next(frame);
        if (item == FrameReader::Item::none) break;
        ++count;
        if (received_ == domain::Timestamp{}) received_ = clock.now();  // came with the handshake
        if (item == FrameReader::Item::message) {
          frame.received = received_;
          ++counters_.messages_in;
          handler.on_frame(static_cast<const Frame&>(frame));
        } else if (on_control(item, frame)) {
          handler.on_sign_of_life(received_);
        }
      }
      // One system call a turn: read again only what has left the socket already.
      const bool wants_read = reads == 0 || stream_->has_pending();
      if (state_ == State::closed || !wants_read) return count;
      if (reads == max_reads_per_turn) return count + 1;
      if (!read_socket(clock)) return count;
    }
  }

  /// Queues one text frame (UTF-8) and writes at once what the kernel takes. All or nothing. Once
  /// `handed_over` or `queued`, its fate is unknown until the venue answers, also if the connection
  /// breaks in this very call.
  Sent send(std::string_view text);
  /// Writes what waits. poll_messages does it too.
  void flush();
  /// Begins to close: sends the frame, takes no more to send, goes on receiving until the peer has
  /// closed as well. Whoever does not want to wait for that calls drop().
  void close(CloseCode code, std::string_view reason);
  /// Gone at once, for `why`.
  void drop(std::string_view why);

  bool is_open() const noexcept { return state_ == State::open; }
  bool is_closed() const noexcept { return state_ == State::closed; }
  /// Once is_closed(): why, in words, with "host:port" in front.
  const std::string& why() const noexcept { return why_; }

  /// For poll(2): readable always, writable when wants_write().
  int fd() const noexcept { return stream_->fd(); }
  bool wants_write() const noexcept {
    return ((!writer_.empty() || has_pong_) && !stream_->write_wants_read()) ||
           stream_->read_wants_write();
  }
  /// Bytes that the kernel has not taken yet. While there are any, what is sent may leave late.
  std::size_t queued_bytes() const noexcept { return writer_.size(); }
  const Counters& counters() const noexcept { return counters_; }

 private:
  static constexpr std::size_t max_reads_per_turn = 64;
  enum class State : std::uint8_t { open, closing, closed };

  Connection(std::unique_ptr<TlsStream> stream, const Limits& limits, std::uint64_t seed);

  bool upgrade(const Endpoint& endpoint, const Deadline& deadline, OpenFailure& failure);
  /// False when there was nothing to read, or the connection is closed.
  bool read_socket(const Clock& clock);
  /// True for a sign of life.
  bool on_control(FrameReader::Item item, const Frame& frame);
  void queue_close(std::uint16_t code, std::string_view reason);

  std::unique_ptr<TlsStream> stream_;
  FrameReader reader_;
  FrameWriter writer_;
  State state_ = State::open;
  domain::Timestamp received_;  ///< of the last read
  // The newest ping that is not answered yet, because the queue is full.
  bool has_pong_ = false;
  std::size_t pong_size_ = 0;
  std::array<char, FrameWriter::max_control> pong_{};
  Counters counters_;
  std::string why_;
};

}  // namespace halcyon::gateways::transport
