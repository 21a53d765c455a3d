#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace halcyon::domain {

/// Which of an account's secrets it is; spelled as the configuration's keys for files.
enum class CredentialPart : std::uint8_t { api_key, private_key, api_secret };

/// What a journal and PostgreSQL hold of a secret. Without the master key of that version it says
/// nothing but its prefix.
struct SealedCredential {
  std::string_view name;  ///< letters, digits, '_'; the configuration asks for it by this
  CredentialPart part = CredentialPart::api_key;
  std::uint32_t key_version = 0;  ///< of the master key
  std::string_view prefix;        ///< how the secret begins; empty: not shown
  std::string_view sealed;        ///< nonce, ciphertext and tag, in base64
};

inline constexpr std::size_t longest_credential_name = 64;
/// Whether it may be a name.
bool is_credential_name(std::string_view text);

/// One line of printable ASCII: "name part key_version prefix sealed", "-" for no prefix.
std::string print(const SealedCredential& credential);
/// The views are into `line`. Empty: it is not such a line.
std::optional<SealedCredential> parse_credential(std::string_view line);

}  // namespace halcyon::domain
