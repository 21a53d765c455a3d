#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "domain/event.h"

namespace halcyon::gateways {

// What every venue's decoder is made with. Decoders are pure functions from bytes to events: no
// socket, no clock, no memory of earlier frames; on error nothing is appended.

/// What was wrong with a frame.
enum class DecodeError : std::uint8_t {
  none,
  not_json,        ///< malformed
  truncated,       ///< ends too early
  missing_field,   ///< a field that the message cannot be understood without
  wrong_type,      ///< text where a number belongs, and so on
  bad_number,      ///< out of range, more than nine decimals, an exponent
  bad_word,        ///< a side, status or kind that is none
  unknown_symbol,  ///< not one of ours
  too_large,       ///< above `max_frame_bytes`
};

/// Longer frames are refused unread. The venues' largest answers (all open orders of an account)
/// are below 1 MB.
inline constexpr std::size_t max_frame_bytes = std::size_t{4} << 20;
/// REST bodies may be larger: exchangeInfo of some hundred symbols.
inline constexpr std::size_t max_body_bytes = std::size_t{32} << 20;

/// Memory of the decoder, reused from frame to frame. One for each thread.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(Scratch&&) noexcept;
  Scratch& operator=(Scratch&&) noexcept;

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// Where decoded events go. An event with text has `remark` = 1 + index into `remarks`.
struct Output {
  std::vector<domain::Event>& events;
  std::vector<std::string>& remarks;
};

}  // namespace halcyon::gateways
