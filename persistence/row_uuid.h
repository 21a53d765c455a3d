#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace halcyon::persistence {

/// 16 bytes that name a row.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const Uuid&, const Uuid&) = default;
};

inline constexpr std::size_t uuid_text = 36;

/// The UUID, version 5 (RFC 4122), of a name in a name space: SHA-1 of both. The same in psql:
/// uuid_generate_v5(space, name) of the extension uuid-ossp.
Uuid name_uuid(const Uuid& space, std::string_view name);

/// Writes the `uuid_text` characters of the canonical form and returns the end.
char* print(const Uuid& uuid, char* out);
std::string to_string(const Uuid& uuid);
/// The canonical form, in lower case; empty when it is not one.
std::optional<Uuid> parse_uuid(std::string_view text);

}  // namespace halcyon::persistence

template <>
struct std::hash<halcyon::persistence::Uuid> {
  std::size_t operator()(const halcyon::persistence::Uuid& uuid) const noexcept {
    std::size_t value = 0;  // its bytes are a hash already
    std::memcpy(&value, uuid.bytes.data(), sizeof value);
    return value;
  }
};
