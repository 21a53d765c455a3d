#include "gateways/transport/websocket.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <simdjson.h>

#include "domain/check.h"

namespace halcyon::gateways::transport {
namespace {

// RFC 6455 section 5.2.
constexpr unsigned final_bit = 0x80;
constexpr unsigned reserved_bits = 0x70;
constexpr unsigned opcode_bits = 0x0f;
constexpr unsigned control_bit = 0x08;
constexpr unsigned mask_bit = 0x80;
constexpr unsigned length_bits = 0x7f;
constexpr unsigned length_16 = 126;
constexpr unsigned length_64 = 127;

constexpr unsigned opcode_continuation = 0;
constexpr unsigned opcode_text = 1;
constexpr unsigned opcode_binary = 2;
constexpr unsigned opcode_close = 8;
constexpr unsigned opcode_ping = 9;
constexpr unsigned opcode_pong = 10;

constexpr std::size_t max_server_header = 10;  // a server does not mask

std::uint64_t big_endian(const unsigned char* bytes, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | bytes[i];
  return value;
}

char* put_big_endian(char* to, std::uint64_t value, std::size_t count) {
  for (std::size_t i = count; i-- > 0;) *to++ = static_cast<char>(value >> (8 * i) & 0xff);
  return to;
}

/// RFC 6455 section 7.4: the codes that may stand in a frame.
bool is_sendable(std::uint16_t code) {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

void copy_masked(char* to, const char* from, std::size_t size, std::uint32_t mask) {
  std::uint64_t wide = 0;
  std::memcpy(&wide, &mask, 4);
  std::memcpy(reinterpret_cast<char*>(&wide) + 4, &mask, 4);
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + i, 8);
    word ^= wide;
    std::memcpy(to + i, &word, 8);
  }
  char bytes[8];
  std::memcpy(bytes, &wide, 8);
  for (std::size_t j = 0; i < size; ++i, ++j) to[i] = static_cast<char>(from[i] ^ bytes[j]);
}

}  // namespace

std::string close_code_text(std::uint16_t code) {
  const std::string_view meaning = [code]() -> std::string_view {
    switch (code) {
      case 1000:
        return "normal";
      case 1001:
        return "going away";
      case 1002:
        return "protocol error";
      case 1003:
        return "unacceptable data";
      case 1005:
        return "no code given";
      case 1007:
        return "invalid text";
      case 1008:
        return "policy violation";
      case 1009:
        return "message too big";
      case 1010:
        return "extension missing";
      case 1011:
        return "internal error";
      case 1012:
        return "service restart";
      case 1013:
        return "try again later";
      case 1014:
        return "bad gateway";
      default:
        return code >= 4000 ? "private use" : "registered use";
    }
  }();
  return fmt::format("{} ({})", code, meaning);
}

std::string close_payload(CloseCode code, std::string_view reason) {
  std::size_t size = std::min(reason.size(), FrameWriter::max_control - 2);
  if (size < reason.size()) {
    while (size > 0 && (static_cast<unsigned char>(reason[size]) & 0xc0) == 0x80) --size;
  }
  std::string payload(2 + size, '\0');
  char* end = put_big_endian(payload.data(), static_cast<std::uint16_t>(code), 2);
  std::copy_n(reason.data(), size, end);
  return payload;
}

// ---- FrameReader --------------------------------------------------------------------------------

struct FrameReader::Header {
  bool is_final;
  unsigned opcode;
  std::size_t size;    ///< of the header
  std::size_t length;  ///< of the payload
};

FrameReader::FrameReader(std::size_t max_message, std::size_t capacity)
    : max_message_(max_message),
      // A message that grows in fragments, one frame that is not whole yet, and a read behind them.
      max_capacity_(max_message + 2 * max_server_header + FrameWriter::max_control + min_read +
                    Frame::padding),
      capacity_(std::min(max_capacity_, std::max(capacity, 2 * min_read + Frame::padding))),
      buffer_(std::make_unique<char[]>(capacity_)) {}

std::span<char> FrameReader::prepare() {
  if (has_ended_ || (begin_ == end_ && !in_message_)) {
    begin_ = end_ = 0;  // the usual case: stay in warm memory
  }
  if (capacity_ - Frame::padding - end_ < min_read) make_room();
  return {buffer_.get() + end_, capacity_ - Frame::padding - end_};
}

void FrameReader::make_room() {
  const std::size_t unread = end_ - begin_;
  const std::size_t kept = in_message_ ? message_size_ : 0;
  const std::size_t needed = kept + unread + min_read + Frame::padding;
  HALCYON_CHECK(needed <= max_capacity_, "next() is called until it says none before prepare()");

  std::unique_ptr<char[]> larger;
  std::size_t capacity = capacity_;
  // Growing when half full, and not only when full, keeps the copying proportional to what is read.
  while (capacity < max_capacity_ && (kept + unread) * 2 > capacity) {
    capacity = std::min(max_capacity_, capacity * 2);
  }
  while (capacity < needed) capacity = std::min(max_capacity_, capacity * 2);
  if (capacity != capacity_) larger = std::make_unique<char[]>(capacity);

  char* to = larger ? larger.get() : buffer_.get();
  if (kept > 0) std::memmove(to, buffer_.get() + message_begin_, kept);
  std::memmove(to + kept, buffer_.get() + begin_, unread);
  message_begin_ = 0;
  begin_ = kept;
  end_ = kept + unread;
  if (larger) {
    buffer_ = std::move(larger);
    capacity_ = capacity;
  }
}

void FrameReader::commit(std::size_t size) {
  HALCYON_CHECK(size <= capacity_ - Frame::padding - end_, "no more is committed than prepared");
  end_ += size;
}

FrameReader::Item FrameReader::next(Frame& frame) {
  while (!has_ended_) {
    Header header{};
    if (const Item item = read_header(header); item != Item::message) return item;
    const Item item =
        (header.opcode & control_bit) != 0 ? control(header, frame) : data(header, frame);
    if (item != Item::none) return item;
  }
  return Item::none;
}

/// `message` means: a whole frame lies at begin_, described by `header`.
FrameReader::Item FrameReader::read_header(Header& header) {
  const std::size_t available = end_ - begin_;
  if (available < 2) return Item::none;
  const auto* bytes = reinterpret_cast<const unsigned char*>(buffer_.get() + begin_);
  header.is_final = (bytes[0] & final_bit) != 0;
  header.opcode = bytes[0] & opcode_bits;
  if ((bytes[0] & reserved_bits) != 0) {
    return fail(CloseCode::protocol_error, "a reserved bit is set, but no extension was agreed");
  }
  if ((bytes[1] & mask_bit) != 0) {
    return fail(CloseCode::protocol_error, "a frame from the server is masked");
  }
  const unsigned short_length = bytes[1] & length_bits;
  const bool is_control = (header.opcode & control_bit) != 0;
  if (is_control) {
    if (header.opcode > opcode_pong) {
      return fail(CloseCode::protocol_error, "an unknown kind of control frame");
    }
    if (!header.is_final) return fail(CloseCode::protocol_error, "a control frame in fragments");
    if (short_length > FrameWriter::max_control) {
      return fail(CloseCode::protocol_error, "a control frame longer than 125 bytes");
    }
  } else {
    if (header.opcode > opcode_binary) {
      return fail(CloseCode::protocol_error, "an unknown kind of data frame");
    }
    if (header.opcode == opcode_continuation && !in_message_) {
      return fail(CloseCode::protocol_error, "a continuation of no message");
    }
    if (header.opcode != opcode_continuation && in_message_) {
      return fail(CloseCode::protocol_error, "a new message inside a message in fragments");
    }
  }

  header.size = 2;
  std::uint64_t length = short_length;
  if (short_length == length_16) {
    if (available < 4) return Item::none;
    header.size = 4;
    length = big_endian(bytes + 2, 2);
    if (length < length_16) return fail(CloseCode::protocol_error, "a length in too many bytes");
  } else if (short_length == length_64) {
    if (available < 10) return Item::none;
    header.size = 10;
    length = big_endian(bytes + 2, 8);
    if (length <= 0xffff) return fail(CloseCode::protocol_error, "a length in too many bytes");
  }
  if (!is_control) {
    const std::size_t so_far = in_message_ ? message_size_ : 0;
    if (length > max_message_ - so_far) {
      return fail(CloseCode::too_big,
                  fmt::format("a message of at least {} bytes; at most {} are taken",
                              length > max_message_ ? length : so_far + length, max_message_));
    }
  }
  header.length = static_cast<std::size_t>(length);
  return available - header.size < header.length ? Item::none : Item::message;
}

FrameReader::Item FrameReader::control(const Header& header, Frame& frame) {
  const char* payload = buffer_.get() + begin_ + header.size;
  begin_ += header.size + header.length;
  if (header.opcode == opcode_close) return close({payload, header.length});
  frame.data = payload;
  frame.size = header.length;
  frame.is_text = false;
  return header.opcode == opcode_ping ? Item::ping : Item::pong;
}

/// `none` means: a fragment was taken, and there may be more frames.
FrameReader::Item FrameReader::data(const Header& header, Frame& frame) {
  const std::size_t payload = begin_ + header.size;
  begin_ = payload + header.length;
  if (header.opcode != opcode_continuation) {
    is_text_ = header.opcode == opcode_text;
    message_begin_ = payload;
    message_size_ = header.length;
  } else {
    if (header.length > 0) {
      std::memmove(buffer_.get() + message_begin_ + message_size_, buffer_.get() + payload,
                   header.length);
    }
    message_size_ += header.length;
  }
  in_message_ = !header.is_final;
  if (in_message_) return Item::none;

  const char* message = buffer_.get() + message_begin_;
  if (is_text_ && !simdjson::validate_utf8(message, message_size_)) {
    return fail(CloseCode::invalid_text, "a text message that is not UTF-8");
  }
  frame.data = message;
  frame.size = message_size_;
  frame.is_text = is_text_;
  return Item::message;
}

FrameReader::Item FrameReader::close(std::string_view payload) {
  if (payload.size() == 1) return fail(CloseCode::protocol_error, "a close frame with half a code");
  std::uint16_t code = static_cast<std::uint16_t>(CloseCode::no_status);
  if (payload.size() >= 2) {
    code = static_cast<std::uint16_t>(
        big_endian(reinterpret_cast<const unsigned char*>(payload.data()), 2));
    if (!is_sendable(code)) {
      return fail(CloseCode::protocol_error, fmt::format("a close frame with code {}", code));
    }
    payload.remove_prefix(2);
    if (!simdjson::validate_utf8(payload.data(), payload.size())) {
      return fail(CloseCode::invalid_text, "a close frame whose reason is not UTF-8");
    }
    why_ = payload;
  }
  close_code_ = code;
  in_message_ = false;
  has_ended_ = true;
  return Item::close;
}

FrameReader::Item FrameReader::fail(CloseCode code, std::string_view why) {
  close_code_ = static_cast<std::uint16_t>(code);
  why_ = why;
  in_message_ = false;
  has_ended_ = true;
  return Item::error;
}

// ---- FrameWriter --------------------------------------------------------------------------------

FrameWriter::FrameWriter(std::size_t max_bytes, std::uint64_t seed)
    : max_bytes_(max_bytes),
      capacity_(max_bytes + control_reserve),
      buffer_(std::make_unique<char[]>(capacity_)),
      random_(seed) {}

/// splitmix64: as good as a mask needs to be, since we are the only ones who choose what is sent.
std::uint32_t FrameWriter::next_mask() noexcept {
  random_ += 0x9e3779b97f4a7c15U;
  std::uint64_t mixed = random_;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
  return static_cast<std::uint32_t>(mixed >> 32);
}

bool FrameWriter::write(Opcode opcode, std::string_view payload) {
  const bool is_control = (static_cast<unsigned>(opcode) & control_bit) != 0;
  if (is_control && payload.size() > max_control) return false;
  const std::size_t limit = is_control ? capacity_ : max_bytes_;
  if (size() >= limit || payload.size() > limit || size() + max_header + payload.size() > limit) {
    return false;
  }
  if (capacity_ - end_ < max_header + payload.size()) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, size());
    end_ -= begin_;
    begin_ = 0;
  }
  char* to = buffer_.get() + end_;
  *to++ = static_cast<char>(final_bit | static_cast<unsigned>(opcode));
  if (payload.size() < length_16) {
    *to++ = static_cast<char>(mask_bit | payload.size());
  } else if (payload.size() <= 0xffff) {
    *to++ = static_cast<char>(mask_bit | length_16);
    to = put_big_endian(to, payload.size(), 2);
  } else {
    *to++ = static_cast<char>(mask_bit | length_64);
    to = put_big_endian(to, payload.size(), 8);
  }
  const std::uint32_t mask = next_mask();
  std::memcpy(to, &mask, 4);
  to += 4;
  copy_masked(to, payload.data(), payload.size(), mask);
  end_ = static_cast<std::size_t>(to - buffer_.get()) + payload.size();
  return true;
}

void FrameWriter::consume(std::size_t size) {
  HALCYON_CHECK(size <= end_ - begin_, "no more is consumed than waits");
  begin_ += size;
  if (begin_ == end_) begin_ = end_ = 0;
}

}  // namespace halcyon::gateways::transport
