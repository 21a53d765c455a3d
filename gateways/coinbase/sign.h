#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace halcyon::gateways::coinbase {

// JSON Web Tokens (section 2): a token is made for each request or subscription and dies 120 s
// after its start. A signature takes tens of microseconds, so tokens are made ahead (tokens.h).

/// A private key as the venue gives it out, of either kind. Immutable; any thread.
class SigningKey {
 public:
  enum class Kind : std::uint8_t { es256, ed25519 };
  static constexpr std::size_t signature_bytes = 64;
  using Raw = std::array<unsigned char, signature_bytes>;

  /// Every form that a key arrives in: PEM, SEC1 or PKCS#8, of P-256 or Ed25519, its line ends real
  /// or written as `\n`; or base64 of an Ed25519 seed (32 bytes) or of seed and public key (64).
  /// Throws std::runtime_error that says what is wrong and how to mend it, never what stands there;
  /// `name` is what errors call the key.
  static SigningKey from_text(std::string_view text, std::string_view name);

  Kind kind() const { return kind_; }
  /// "ES256" or "EdDSA".
  std::string_view algorithm() const { return kind_ == Kind::es256 ? "ES256" : "EdDSA"; }
  /// ES256: r and s, big-endian, 32 bytes each, over the SHA-256 of `input`. EdDSA: of `input`.
  Raw sign(std::string_view input) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  SigningKey(evp_pkey_st* key, Kind kind) : key_(key), kind_(kind) {}
  static SigningKey from_pem(std::string_view pem, std::string_view name);

  std::unique_ptr<evp_pkey_st, Free> key_;
  Kind kind_;
};

/// A key and what the venue calls it ("organizations/<uuid>/apiKeys/<uuid>", or a UUID).
struct Credentials {
  std::string name;
  SigningKey key;
};

/// `text`: of the key file. That is one of SigningKey's forms, or the JSON that the venue hands out
/// (`name` or `id`, and `privateKey`), which names the key too. `name` from the settings wins;
/// empty: the file has to have one. `file` is what errors call it.
Credentials read_credentials(std::string_view text, std::string_view name, std::string_view file);

/// How long a token lives, in seconds: the venue's `exp` less `nbf`.
inline constexpr std::int64_t token_seconds = 120;

/// One token. `uri`: "POST api.coinbase.com/api/v3/brokerage/orders", without query; empty for a
/// WebSocket subscription. `not_before`: the venue's clock in UNIX seconds. `nonce`: hex digits.
std::string make_token(const Credentials& credentials, std::string_view uri,
                       std::int64_t not_before, std::string_view nonce);
/// The same with a nonce of 64 random digits.
std::string make_token(const Credentials& credentials, std::string_view uri,
                       std::int64_t not_before);

/// "GET api.coinbase.com/api/v3/brokerage/accounts": method, host as in the Host header, and the
/// path of `target` without its query.
std::string token_uri(std::string_view method, std::string_view host, std::string_view target);

}  // namespace halcyon::gateways::coinbase
