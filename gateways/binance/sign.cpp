#include "gateways/binance/sign.h"

#include <cstring>
#include <stdexcept>

#include <fmt/core.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>

#include "domain/check.h"
#include "gateways/secret_file.h"

namespace halcyon::gateways::binance {

namespace {

constexpr std::string_view how_to_make_one =
    "make one with: openssl genpkey -algorithm ed25519 -out key.pem";

}  // namespace

void Ed25519Key::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }
void HmacKey::Free::operator()(evp_mac_ctx_st* context) const { EVP_MAC_CTX_free(context); }

Ed25519Key Ed25519Key::from_file(const std::string& path) {
  std::string pem = read_secret_file(path, "binance: private key");
  struct Cleanse {
    std::string& text;
    ~Cleanse() { OPENSSL_cleanse(text.data(), text.size()); }
  } const cleanse{pem};
  return from_pem(pem, path);
}

Ed25519Key Ed25519Key::from_pem(std::string_view pem, std::string_view name) {
  if (pem.find("-----BEGIN") == std::string_view::npos) {
    throw std::runtime_error(fmt::format(
        "binance: private key '{}': not a PEM file (no BEGIN line); {}", name, how_to_make_one));
  }
  if (pem.find("-----BEGIN ENCRYPTED PRIVATE KEY-----") != std::string_view::npos) {
    throw std::runtime_error(
        fmt::format("binance: private key '{}': is locked with a password, which a daemon cannot "
                    "type; store it unencrypted with mode 0400 or as a systemd credential",
                    name));
  }
  const std::unique_ptr<BIO, int (*)(BIO*)> memory{
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free};
  if (!memory) throw std::bad_alloc{};
  // Never ask a terminal for a password.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  Ed25519Key key{PEM_read_bio_PrivateKey(memory.get(), nullptr, no_password, nullptr)};
  ERR_clear_error();
  if (!key.key_) {
    throw std::runtime_error(
        fmt::format("binance: private key '{}': damaged, or not a private key in PKCS#8; {}", name,
                    how_to_make_one));
  }
  if (EVP_PKEY_get_base_id(key.key_.get()) != EVP_PKEY_ED25519) {
    throw std::runtime_error(
        fmt::format("binance: private key '{}': is not an Ed25519 key, and session.logon takes no "
                    "other; {}, and register its public half with the venue",
                    name, how_to_make_one));
  }
  return key;
}

Signature Ed25519Key::sign(std::string_view payload) const {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context{EVP_MD_CTX_new(),
                                                                   &EVP_MD_CTX_free};
  std::array<unsigned char, 64> raw{};
  std::size_t size = raw.size();
  HALCYON_CHECK(context &&
                    EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
                    EVP_DigestSign(context.get(), raw.data(), &size,
                                   reinterpret_cast<const unsigned char*>(payload.data()),
                                   payload.size()) == 1 &&
                    size == raw.size(),
                "an Ed25519 key that was loaded signs anything");
  // EVP_EncodeBlock ends its text with a zero.
  std::array<unsigned char, 89> text{};
  const int written = EVP_EncodeBlock(text.data(), raw.data(), static_cast<int>(raw.size()));
  Signature signature;
  HALCYON_CHECK(written == static_cast<int>(signature.text.size()), "64 bytes are 88 in base64");
  std::memcpy(signature.text.data(), text.data(), signature.text.size());
  signature.size = signature.text.size();
  return signature;
}

HmacKey::HmacKey(std::string_view secret) {
  if (secret.empty()) throw std::runtime_error("binance: the HMAC secret is empty");
  const std::unique_ptr<EVP_MAC, void (*)(EVP_MAC*)> mac{EVP_MAC_fetch(nullptr, "HMAC", nullptr),
                                                         &EVP_MAC_free};
  if (!mac) throw std::runtime_error("binance: OpenSSL offers no HMAC here");
  context_.reset(EVP_MAC_CTX_new(mac.get()));
  if (!context_) throw std::bad_alloc{};
  std::string digest = "SHA256";
  const std::array<OSSL_PARAM, 2> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), digest.size()),
      OSSL_PARAM_construct_end()};
  if (EVP_MAC_init(context_.get(), reinterpret_cast<const unsigned char*>(secret.data()),
                   secret.size(), parameters.data()) != 1) {
    throw std::runtime_error("binance: OpenSSL offers no HMAC with SHA-256 here");
  }
}

HmacKey HmacKey::from_file(const std::string& path) {
  std::string secret = read_secret_file(path, "binance: API secret");
  struct Cleanse {
    std::string& text;
    ~Cleanse() { OPENSSL_cleanse(text.data(), text.size()); }
  } const cleanse{secret};
  return HmacKey{secret};
}

Signature HmacKey::sign(std::string_view payload) const {
  std::array<unsigned char, 32> raw{};
  std::size_t size = 0;
  // Without a key it starts again with the state that the key left behind.
  HALCYON_CHECK(
      EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1 &&
          EVP_MAC_update(context_.get(), reinterpret_cast<const unsigned char*>(payload.data()),
                         payload.size()) == 1 &&
          EVP_MAC_final(context_.get(), raw.data(), &size, raw.size()) == 1 && size == raw.size(),
      "HMAC that was set up signs anything");
  constexpr std::string_view hex = "0123456789abcdef";
  Signature signature;
  for (const unsigned char byte : raw) {
    signature.text[signature.size++] = hex[byte >> 4];
    signature.text[signature.size++] = hex[byte & 15U];
  }
  return signature;
}

void append_query(std::string& query, std::string_view name, std::string_view value) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  if (!query.empty()) query += '&';
  query += name;
  query += '=';
  for (const char character : value) {
    const bool unreserved = (character >= 'a' && character <= 'z') ||
                            (character >= 'A' && character <= 'Z') ||
                            (character >= '0' && character <= '9') || character == '-' ||
                            character == '_' || character == '.' || character == '~';
    if (unreserved) {
      query += character;
    } else {
      const auto byte = static_cast<unsigned char>(character);
      query += '%';
      query += hex[byte >> 4];
      query += hex[byte & 15U];
    }
  }
}

}  // namespace halcyon::gateways::binance
