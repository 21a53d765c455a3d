#include "gateways/alpaca/message_pack.h"

#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>

#include "gateways/venue_text.h"

namespace halcyon::gateways::alpaca {

namespace {

/// Reads one message from front to back. Every count in it is believed only as far as bytes are
/// there: each element takes at least one, so that no loop is longer than the frame.
class Reader {
 public:
  Reader(std::string_view bytes, std::size_t max_size, std::string& text)
      : bytes_(bytes), max_size_(max_size), text_(text) {}

  DecodeError read_message() {
    const DecodeError error = read_value(0);
    if (error != DecodeError::none) return error;
    if (text_.size() > max_size_) return DecodeError::too_large;
    return at_ == bytes_.size() ? DecodeError::none : DecodeError::not_json;
  }

 private:
  std::size_t left() const { return bytes_.size() - at_; }

  /// `size` bytes as a big-endian number.
  bool take(std::size_t size, std::uint64_t& value) {
    if (left() < size) return false;
    value = 0;
    for (; size > 0; --size) value = value << 8 | static_cast<unsigned char>(bytes_[at_++]);
    return true;
  }

  DecodeError read_value(int depth);
  DecodeError read_container(int depth, std::size_t count, bool is_map);
  DecodeError read_extension(std::size_t size);

  DecodeError print_text(std::size_t size) {
    if (left() < size) return DecodeError::truncated;
    text_ += '"';
    for (const char character : bytes_.substr(at_, size)) {
      constexpr std::string_view hex = "0123456789abcdef";
      const auto code = static_cast<unsigned char>(character);
      if (character == '"' || character == '\\') {
        text_ += '\\';
        text_ += character;
      } else if (code < 0x20) {
        text_ += "\\u00";
        text_ += hex[code >> 4];
        text_ += hex[code & 15U];
      } else {
        text_ += character;
      }
    }
    text_ += '"';
    at_ += size;
    return DecodeError::none;
  }

  template <class Number>
  DecodeError print_number(Number value) {
    std::array<char, 40> digits;
    const auto printed = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    text_.append(digits.data(), static_cast<std::size_t>(printed.ptr - digits.data()));
    return DecodeError::none;
  }
  template <class Float>
  DecodeError print_float(Float value) {
    return std::isfinite(value) ? print_number(value) : DecodeError::bad_number;
  }

  std::string_view bytes_;
  std::size_t max_size_;
  std::string& text_;
  std::size_t at_ = 0;
};

DecodeError Reader::read_container(int depth, std::size_t count, bool is_map) {
  if (depth == max_message_pack_depth) return DecodeError::too_large;
  if (count > left()) return DecodeError::truncated;
  text_ += is_map ? '{' : '[';
  for (std::size_t index = 0; index < count; ++index) {
    if (index > 0) text_ += ',';
    if (is_map) {
      const std::size_t key = text_.size();
      if (const auto error = read_value(depth + 1); error != DecodeError::none) return error;
      if (text_[key] != '"') return DecodeError::wrong_type;
      text_ += ':';
    }
    if (const auto error = read_value(depth + 1); error != DecodeError::none) return error;
  }
  text_ += is_map ? '}' : ']';
  return DecodeError::none;
}

/// Type -1 is a time: seconds in 4 bytes; nanoseconds and seconds in 8, or in 12.
DecodeError Reader::read_extension(std::size_t size) {
  std::uint64_t type = 0;
  if (!take(1, type) || left() < size) return DecodeError::truncated;
  constexpr std::uint64_t timestamp = 0xFF;
  if (type != timestamp) {
    at_ += size;
    text_ += "null";
    return DecodeError::none;
  }
  std::uint64_t seconds = 0;
  std::uint64_t nanoseconds = 0;
  if (size == 4) {
    static_cast<void>(take(4, seconds));
  } else if (size == 8) {
    static_cast<void>(take(8, seconds));
    nanoseconds = seconds >> 34;
    seconds &= (std::uint64_t{1} << 34) - 1;
  } else if (size == 12) {
    static_cast<void>(take(4, nanoseconds));
    static_cast<void>(take(8, seconds));
  } else {
    return DecodeError::bad_number;
  }
  // At most the year 2255, and none before 1970: the sign of the 12-byte form makes it large.
  if (seconds > 9'000'000'000 || nanoseconds > 999'999'999) return DecodeError::bad_number;
  std::array<char, 32> printed;
  const domain::Timestamp time{std::chrono::seconds{seconds} +
                               std::chrono::nanoseconds{nanoseconds}};
  const char* const end = print_rfc3339(time, printed.data());
  text_ += '"';
  text_.append(printed.data(), static_cast<std::size_t>(end - printed.data()));
  text_ += '"';
  return DecodeError::none;
}

DecodeError Reader::read_value(int depth) {
  if (text_.size() > max_size_) return DecodeError::too_large;
  std::uint64_t head = 0;
  if (!take(1, head)) return DecodeError::truncated;
  if (head < 0x80) return print_number(head);
  if (head < 0x90) return read_container(depth, head & 15U, true);
  if (head < 0xA0) return read_container(depth, head & 15U, false);
  if (head < 0xC0) return print_text(head & 31U);
  if (head >= 0xE0) return print_number(static_cast<int>(head) - 0x100);

  std::uint64_t value = 0;
  // How many bytes the number behind the head has: a length, a count or the value itself.
  const auto size_of = [head](std::uint64_t first) { return std::size_t{1} << (head - first); };
  switch (head) {
    case 0xC0:
      text_ += "null";
      return DecodeError::none;
    case 0xC2:
      text_ += "false";
      return DecodeError::none;
    case 0xC3:
      text_ += "true";
      return DecodeError::none;
    case 0xC4:  // binary
    case 0xC5:
    case 0xC6:
      if (!take(size_of(0xC4), value) || left() < value) return DecodeError::truncated;
      at_ += value;
      text_ += "null";
      return DecodeError::none;
    case 0xC7:  // extensions of any size
    case 0xC8:
    case 0xC9:
      if (!take(size_of(0xC7), value)) return DecodeError::truncated;
      return read_extension(value);
    case 0xCA:
      if (!take(4, value)) return DecodeError::truncated;
      return print_float(std::bit_cast<float>(static_cast<std::uint32_t>(value)));
    case 0xCB:
      if (!take(8, value)) return DecodeError::truncated;
      return print_float(std::bit_cast<double>(value));
    case 0xCC:  // unsigned
    case 0xCD:
    case 0xCE:
    case 0xCF:
      if (!take(size_of(0xCC), value)) return DecodeError::truncated;
      return print_number(value);
    case 0xD0:  // signed
      if (!take(1, value)) return DecodeError::truncated;
      return print_number(static_cast<int>(static_cast<std::int8_t>(value)));
    case 0xD1:
      if (!take(2, value)) return DecodeError::truncated;
      return print_number(static_cast<std::int16_t>(value));
    case 0xD2:
      if (!take(4, value)) return DecodeError::truncated;
      return print_number(static_cast<std::int32_t>(value));
    case 0xD3:
      if (!take(8, value)) return DecodeError::truncated;
      return print_number(static_cast<std::int64_t>(value));
    case 0xD4:  // extensions of 1, 2, 4, 8 and 16 bytes
    case 0xD5:
    case 0xD6:
    case 0xD7:
    case 0xD8:
      return read_extension(size_of(0xD4));
    case 0xD9:  // texts
    case 0xDA:
    case 0xDB:
      if (!take(size_of(0xD9), value)) return DecodeError::truncated;
      return print_text(value);
    case 0xDC:
    case 0xDD:
      if (!take(size_of(0xDC) * 2, value)) return DecodeError::truncated;
      return read_container(depth, value, false);
    case 0xDE:
    case 0xDF:
      if (!take(size_of(0xDE) * 2, value)) return DecodeError::truncated;
      return read_container(depth, value, true);
    default:
      return DecodeError::not_json;
  }
}

}  // namespace

DecodeError append_json(std::string_view message_pack, std::size_t max_size, std::string& text) {
  return Reader{message_pack, max_size, text}.read_message();
}

bool is_json(std::string_view frame) {
  const std::size_t at = frame.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && (frame[at] == '{' || frame[at] == '[');
}

}  // namespace halcyon::gateways::alpaca
