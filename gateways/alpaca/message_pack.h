#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "gateways/decode.h"

namespace halcyon::gateways::alpaca {

/// How deep maps and arrays may stand within each other; the deepest message known has six.
inline constexpr int max_message_pack_depth = 12;

/// Appends a MessagePack message as the JSON text that the venue would have sent instead, so that
/// there is one decoder. Floats get the fewest digits that mean the same float, which are those
/// that the venue began with; a timestamp becomes RFC 3339 text. Binary and other extensions, which
/// nothing sends, become null. Not a number, infinity, keys that are no text, texts that are not
/// closed: refused.
///
/// Refused when `text` comes to more than `max_size`. Allocates only when `text` has to grow.
DecodeError append_json(std::string_view message_pack, std::size_t max_size, std::string& text);

/// Whether a frame is JSON, whatever its opcode: its first byte after blanks opens an object or an
/// array (section 3). MessagePack that begins so would be a bare number, which nothing sends.
bool is_json(std::string_view frame);

}  // namespace halcyon::gateways::alpaca
