#pragma once

// For decode_*.cpp only: a frame as JSON text, whatever it came as, and fields that may be missing.

#include <string>
#include <string_view>

#include "gateways/alpaca/amounts.h"
#include "gateways/alpaca/message_pack.h"
#include "gateways/json_text.h"

namespace halcyon::gateways::alpaca {

/// The text stands in the frame, or in the scratch's body, with padding behind it.
inline DecodeError json_of(const Frame& frame, Impl& impl, std::string_view& text) {
  HALCYON_WANT(frame.size <= max_frame_bytes, DecodeError::too_large);
  text = frame.text();
  if (is_json(text)) return DecodeError::none;
  impl.body.clear();
  HALCYON_TRY(append_json(text, max_frame_bytes, impl.body));
  const std::size_t size = impl.body.size();
  impl.body.append(Frame::padding, ' ');
  text = {impl.body.data(), size};
  return DecodeError::none;
}

/// A text that stands there, or an empty one for null and for what is not there.
inline DecodeError read_words(Impl& impl, const char* token, std::string_view& out) {
  out = {};
  if (token == nullptr || is_null(token)) return DecodeError::none;
  HALCYON_WANT(read_text(impl, token, out), DecodeError::wrong_type);
  return DecodeError::none;
}

/// An amount that must be there; negative ones are refused.
template <class Amount>
DecodeError read_positive(const char* token, Tail tail, Amount& out) {
  HALCYON_WANT(token != nullptr, DecodeError::missing_field);
  HALCYON_WANT(read_any(token, tail, out), bad_decimal(token));
  HALCYON_WANT(!out.is_negative(), DecodeError::bad_number);
  return DecodeError::none;
}

/// The same, of a field that may be missing: then `out` is zero.
template <class Amount>
DecodeError read_optional(const char* token, Tail tail, Amount& out) {
  out = Amount{};
  return token == nullptr ? DecodeError::none : read_positive(token, tail, out);
}

}  // namespace halcyon::gateways::alpaca
