#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/event.h"
#include "domain/record.h"
#include "persistence/journal.h"

namespace halcyon::persistence {

// The bytes of a journal, format version 1. Everything little-endian, nothing padded.
//
// Frame, at an offset that is a multiple of 8:
//    0 u32 length of the frame, without what fills it up to 8; the commit word: stored last
//    4 u32 CRC-32C of bytes 8 to `length`, then of the length itself
//    8 u64 sequence; of a dictionary: that of the last frame before it
//   16 i64 received, nanoseconds since the Unix epoch
//   24 u64 durable: up to which sequence the journal was durable when this was written
//   32 u8  kind (FrameKind)
//   33 u8  flags (bit 0: the input's body is here)
//   34 u16 bytes of the input
//   36 u32 bytes of the remark
//   40 u32 number of records
//   44 u32 zero
//   48 input, remark, records
// Input (absent from a dictionary): u64 the event's sequence, i64 venue time, u32 instrument,
//   u16 account, u16 venue, u16 type (index in Event::What), u8 version, u8 zero, then its body,
//   unless it is market data or time.
// Record: u16 type (index in Record), u8 version, u8 zero, u16 bytes of the body, u32 bytes of the
//   text, body, text.
// Body: the members in the order of fields.h. Integers, ids and times by their width, bool and
//   enumerators one byte, prices 8 bytes and other amounts 16, a struct that may still grow u16
//   bytes and its members, an array u16 elements and the elements, a choice u8 index, u16 bytes and
//   its members.

enum class FrameKind : std::uint8_t {
  input,       ///< one input and what it decided
  dictionary,  ///< what dense ids mean, said again at the head of a segment
};

/// Frames begin at multiples of this.
inline constexpr std::size_t frame_alignment = 8;
inline constexpr std::size_t frame_header_bytes = 48;
/// The length word of no frame: the segment ends here, the journal goes on in the next one.
inline constexpr std::uint32_t seal_word = 0xFFFFFFFF;

constexpr std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + frame_alignment - 1) / frame_alignment * frame_alignment;
}

struct FrameHead {
  std::uint64_t sequence = 0;
  std::uint64_t durable = 0;
  domain::Timestamp received;
};

/// Bytes of a frame of this content, not filled up. Does not allocate.
std::size_t frame_bytes(const domain::Event& input, std::string_view remark,
                        std::span<const domain::RecordEntry> records);

/// Writes the frame, all but its commit word, to `out`, which has room for `frame_bytes`. The
/// caller commits by storing the length that is returned. Does not allocate.
std::uint32_t put_frame(std::uint8_t* out, const FrameHead& head, const domain::Event& input,
                        std::string_view remark, std::span<const domain::RecordEntry> records);

/// Likewise a dictionary frame, around `count` records that stand already, in `records` bytes, at
/// `out` + `frame_header_bytes`.
std::uint32_t put_dictionary(std::uint8_t* out, const FrameHead& head, std::uint32_t count,
                             std::size_t records);

/// Bytes of one record, its text included.
std::size_t record_bytes(const domain::RecordEntry& entry);
/// Writes one record and returns the end.
std::uint8_t* put_record(std::uint8_t* out, const domain::RecordEntry& entry);
/// Reads the record that `bytes` begin with; `used` is its size. Empty when all is well; else, in
/// words, what is wrong with it. The text points into `bytes`.
std::string get_record(std::span<const std::uint8_t> bytes, domain::RecordEntry& entry,
                       std::size_t& used);

// An event of a capture, market data and time too: u16 bytes that follow, i64 received, u32 the
// event's `remark`, and the input as above, always with its body.

std::size_t event_bytes(const domain::Event& event);
std::uint8_t* put_event(std::uint8_t* out, const domain::Event& event);
/// Reads the event that `bytes` begin with; `used` is its size. Empty when all is well; else words.
std::string get_event(std::span<const std::uint8_t> bytes, domain::Event& event, std::size_t& used);

/// What stands in a frame's header; `length` may be nonsense until the CRC was compared.
struct RawHeader {
  std::uint32_t length = 0;
  std::uint32_t crc = 0;
  std::uint64_t sequence = 0;
  std::int64_t received = 0;
  std::uint64_t durable = 0;
  std::uint8_t kind = 0;
  std::uint8_t flags = 0;
  std::uint16_t input_bytes = 0;
  std::uint32_t remark_bytes = 0;
  std::uint32_t records = 0;
  std::uint32_t zero = 0;
};
/// `bytes` holds at least `frame_header_bytes`.
RawHeader read_header(std::span<const std::uint8_t> bytes) noexcept;
/// Whether the header's numbers are possible at all: a quick test before the CRC.
bool is_plausible(const RawHeader& header) noexcept;
/// The CRC of a frame: of all behind the CRC word, then of the length.
std::uint32_t frame_crc(std::span<const std::uint8_t> frame) noexcept;

/// Turns the bytes of one frame into a view. Keeps the memory of the last one, so that decoding
/// allocates only while frames grow.
class FrameDecoder {
 public:
  /// `frame` is exactly one frame. Empty when all is well; else, in words, what a newer daemon
  /// wrote or what is damaged: then `view` must not be used. The view points into `frame` and into
  /// this decoder, until the next call.
  std::string decode(std::span<const std::uint8_t> frame, FrameView& view);

 private:
  std::vector<domain::RecordEntry> records_;
};

}  // namespace halcyon::persistence
