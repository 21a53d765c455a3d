#include "persistence/row_uuid.h"

#include <algorithm>

#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid.hpp>

namespace halcyon::persistence {

Uuid name_uuid(const Uuid& space, std::string_view name) {
  boost::uuids::uuid space_uuid{};
  std::copy(space.bytes.begin(), space.bytes.end(), space_uuid.begin());
  const boost::uuids::uuid made =
      boost::uuids::name_generator_sha1{space_uuid}(name.data(), name.size());
  Uuid result;
  std::copy(made.begin(), made.end(), result.bytes.begin());
  return result;
}

char* print(const Uuid& uuid, char* out) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::size_t index = 0; index < uuid.bytes.size(); ++index) {
    if (index == 4 || index == 6 || index == 8 || index == 10) *out++ = '-';
    *out++ = digits[uuid.bytes[index] >> 4];
    *out++ = digits[uuid.bytes[index] & 15U];
  }
  return out;
}

std::string to_string(const Uuid& uuid) {
  std::string text(uuid_text, '\0');
  print(uuid, text.data());
  return text;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != uuid_text) return std::nullopt;
  Uuid uuid;
  std::size_t digits = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char character = text[at];
    if (at == 8 || at == 13 || at == 18 || at == 23) {
      if (character != '-') return std::nullopt;
      continue;
    }
    const int value = character >= '0' && character <= '9'   ? character - '0'
                      : character >= 'a' && character <= 'f' ? character - 'a' + 10
                                                             : -1;
    if (value < 0) return std::nullopt;
    std::uint8_t& byte = uuid.bytes[digits / 2];
    byte = static_cast<std::uint8_t>(byte << 4 | value);
    ++digits;
  }
  return uuid;
}

}  // namespace halcyon::persistence
