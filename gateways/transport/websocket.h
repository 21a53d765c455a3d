#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "gateways/session.h"

namespace halcyon::gateways::transport {

// The client's side of RFC 6455 without the socket: bytes in, messages out, and back. Extensions
// are never offered, so a frame that uses one is an error.

/// RFC 6455 section 7.4.1, those that we send or explain.
enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  no_status = 1005,  ///< never sent: the close frame had no code
  invalid_text = 1007,
  policy_violation = 1008,
  too_big = 1009,
};

/// "1008 (policy violation)".
std::string close_code_text(std::uint16_t code);

/// Cuts a stream of bytes into messages, within one buffer that is used again and again. A message
/// that came in one frame is handed out where it lies; one in fragments is pushed together in
/// place. Allocates only when a message is larger than every one before it. Pure: no socket, no
/// clock, so that recorded bytes are a test case and random ones a fuzz case.
class FrameReader {
 public:
  static constexpr std::size_t default_max_message = std::size_t{16} << 20;
  /// Room that `prepare` always gives: one TLS record.
  static constexpr std::size_t min_read = std::size_t{16} << 10;

  enum class Item : std::uint8_t {
    none,     ///< nothing whole: read more
    message,  ///< text or binary
    ping,     ///< to be answered with a pong of the same payload
    pong,
    close,  ///< the peer's last frame; see close_code() and why(). Later bytes are ignored
    error,  ///< the peer broke the protocol; as `close`, with the code that tells it so
  };

  /// `max_message`: bytes of one message, all its fragments together. A larger one is an error
  /// (`too_big`) as soon as its header tells.
  explicit FrameReader(std::size_t max_message = default_max_message,
                       std::size_t capacity = std::size_t{256} << 10);

  /// Where the next bytes go: at least `min_read` of them. Call when `next` has said `none`. What
  /// `next` handed out before is gone.
  std::span<char> prepare();
  /// That many bytes have been written to the front of what `prepare` gave.
  void commit(std::size_t size);

  /// The next whole item. `frame` is filled for message, ping and pong (payload; `received` is left
  /// alone) and points into the buffer until `prepare`, with Frame::padding readable bytes behind.
  Item next(Frame& frame);

  /// After `close`: the peer's code, or no_status. After `error`: the code to close with.
  std::uint16_t close_code() const { return close_code_; }
  /// After `close`: the peer's words, perhaps none. After `error`: what it did wrong.
  const std::string& why() const { return why_; }

 private:
  struct Header;
  /// Empty-handed with `none` while the header is not whole.
  Item read_header(Header& header);
  Item control(const Header& header, Frame& frame);
  Item data(const Header& header, Frame& frame);
  Item close(std::string_view payload);
  Item fail(CloseCode code, std::string_view why);
  void make_room();

  std::size_t max_message_;
  std::size_t max_capacity_;
  std::size_t capacity_;
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;  ///< of what `next` has not looked at
  std::size_t end_ = 0;    ///< of what has been read
  // A message in fragments: what has come of it so far lies in [message_begin_, + message_size_).
  std::size_t message_begin_ = 0;
  std::size_t message_size_ = 0;
  bool in_message_ = false;
  bool is_text_ = false;
  bool has_ended_ = false;
  std::uint16_t close_code_ = 0;
  std::string why_;
};

/// The outgoing frames, masked, in one buffer of fixed size; never allocates after construction.
class FrameWriter {
 public:
  enum class Opcode : std::uint8_t { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };
  static constexpr std::size_t max_control = 125;  ///< payload bytes, RFC 6455 section 5.5

  /// `max_bytes`: of all frames that wait. A little more is kept back for close and pong frames, so
  /// that a full queue cannot silence them. `seed`: from a good random source.
  FrameWriter(std::size_t max_bytes, std::uint64_t seed);

  /// Appends one frame, or nothing at all: false when there is no room for it (for a control frame:
  /// or its payload is longer than `max_control`). Text must be UTF-8.
  bool write(Opcode opcode, std::string_view payload);

  /// What waits to be sent, in order.
  std::span<const char> pending() const { return {buffer_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  std::size_t size() const { return end_ - begin_; }
  /// That many bytes of `pending` have been sent.
  void consume(std::size_t size);

 private:
  static constexpr std::size_t max_header = 14;
  static constexpr std::size_t control_reserve = 2 * (max_header + max_control);

  std::uint32_t next_mask() noexcept;

  std::size_t max_bytes_;
  std::size_t capacity_;
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t random_;
};

/// The payload of a close frame: code and reason, the latter cut at a whole character if too long.
std::string close_payload(CloseCode code, std::string_view reason);

}  // namespace halcyon::gateways::transport
