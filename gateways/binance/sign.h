#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

struct evp_pkey_st;
struct evp_md_ctx_st;
struct evp_mac_ctx_st;

namespace halcyon::gateways::binance {

/// A signature as the venue wants to read it: base64 of Ed25519 (88 characters), hex of HMAC (64).
struct Signature {
  std::array<char, 88> text{};
  std::size_t size = 0;
  std::string_view view() const { return {text.data(), size}; }
};

/// Ed25519 over the payload's bytes (section 8). About 24 us a signature: once a connection
/// (session.logon), never for each order. One thread at a time.
class Ed25519Key {
 public:
  /// From a PKCS#8 PEM file. Throws std::runtime_error that says what is wrong with the file and
  /// how to make a right one; never what stands in it.
  static Ed25519Key from_file(const std::string& path);
  /// From PEM text; `name` is what errors call it.
  static Ed25519Key from_pem(std::string_view pem, std::string_view name);

  Signature sign(std::string_view payload) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  explicit Ed25519Key(evp_pkey_st* key) : key_(key) {}
  std::unique_ptr<evp_pkey_st, Free> key_;
};

/// HMAC-SHA256, with the key's state made once: about 0.2 us a signature, no allocation of ours.
/// One thread at a time.
class HmacKey {
 public:
  /// Throws std::runtime_error when the secret is empty.
  explicit HmacKey(std::string_view secret);
  static HmacKey from_file(const std::string& path);

  Signature sign(std::string_view payload) const;

 private:
  struct Free {
    void operator()(evp_mac_ctx_st* context) const;
  };
  std::unique_ptr<evp_mac_ctx_st, Free> context_;
};

/// Either kind of key.
class Signer {
 public:
  explicit Signer(Ed25519Key key) : key_(std::move(key)) {}
  explicit Signer(HmacKey key) : key_(std::move(key)) {}

  /// Only Ed25519 may log a session on; with others each request is signed.
  bool can_log_on() const { return std::holds_alternative<Ed25519Key>(key_); }
  Signature sign(std::string_view payload) const {
    return std::visit([payload](const auto& key) { return key.sign(payload); }, key_);
  }

 private:
  std::variant<Ed25519Key, HmacKey> key_;
};

/// Appends `&name=value` (without '&' at the start) with the value percent-encoded: REST payloads
/// are encoded before they are signed (since 2026-01-15). RFC 3986 unreserved characters stay.
void append_query(std::string& query, std::string_view name, std::string_view value);

}  // namespace halcyon::gateways::binance
