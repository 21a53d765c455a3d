#include "simulation/coinbase_token.h"

#include <array>
#include <memory>
#include <utility>

#include <boost/json.hpp>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace halcyon::simulation {

namespace json = boost::json;

namespace {

constexpr std::int64_t leeway_s = 5;
constexpr std::int64_t longest_life_s = 120;

std::optional<std::string> from_base64url(std::string_view text) {
  std::string padded{text};
  for (char& letter : padded) {
    if (letter == '+' || letter == '/' || letter == '=') return std::nullopt;
    if (letter == '-') letter = '+';
    if (letter == '_') letter = '/';
  }
  const std::size_t padding = (4 - padded.size() % 4) % 4;
  if (padding == 3 || padded.size() > 8192) return std::nullopt;
  padded.append(padding, '=');
  std::string bytes(padded.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(padded.data()),
                                   static_cast<int>(padded.size()));
  if (size < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

std::optional<json::object> part(std::string_view text) {
  const auto bytes = from_base64url(text);
  if (!bytes) return std::nullopt;
  boost::system::error_code failed;
  auto value = json::parse(*bytes, failed);
  if (failed || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
}

std::optional<std::int64_t> number_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

/// "ES256", "EdDSA", or empty for a key of another kind.
std::string_view algorithm_of(const EVP_PKEY* key) {
  const int type = EVP_PKEY_get_base_id(key);
  return type == EVP_PKEY_ED25519 ? "EdDSA" : type == EVP_PKEY_EC ? "ES256" : "";
}

bool is_signed(EVP_PKEY* key, std::string_view payload, const std::string& raw) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(raw.data());
  const auto* data = reinterpret_cast<const unsigned char*>(payload.data());
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context{EVP_MD_CTX_new(),
                                                                   &EVP_MD_CTX_free};
  if (algorithm_of(key) == "EdDSA") {
    return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
           EVP_DigestVerify(context.get(), bytes, raw.size(), data, payload.size()) == 1;
  }
  const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> pair{ECDSA_SIG_new(), &ECDSA_SIG_free};
  ECDSA_SIG_set0(pair.get(), BN_bin2bn(bytes, 32, nullptr), BN_bin2bn(bytes + 32, 32, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  const bool is_good =
      size > 0 && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
      EVP_DigestVerify(context.get(), der, static_cast<std::size_t>(size), data, payload.size()) ==
          1;
  OPENSSL_free(der);
  return is_good;
}

}  // namespace

TokenVerdict check_token(std::string_view token, std::string_view uri, domain::Timestamp now,
                         const std::function<std::string(std::string_view name)>& public_key) {
  const auto refuse = [](std::string why) { return TokenVerdict{{}, std::move(why)}; };
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == std::string_view::npos || first == last) return refuse("not three parts");
  const auto header = part(token.substr(0, first));
  const auto claims = part(token.substr(first + 1, last - first - 1));
  const auto signature = from_base64url(token.substr(last + 1));
  if (!header || !claims || !signature) return refuse("a part cannot be read");
  const std::string name = text_of(*header, "kid");
  const std::string pem = public_key(name);
  if (pem.empty()) return refuse("unknown kid");
  const std::unique_ptr<BIO, int (*)(BIO*)> memory{
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free};
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key{
      PEM_read_bio_PUBKEY(memory.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free};
  if (!key || algorithm_of(key.get()) != text_of(*header, "alg")) return refuse("wrong alg");
  if (text_of(*claims, "sub") != name) return refuse("sub differs from kid");
  const std::string issuer = text_of(*claims, "iss");
  if (issuer != "cdp" && issuer != "coinbase-cloud") return refuse("wrong iss");
  const auto not_before = number_of(*claims, "nbf");
  const auto expires = number_of(*claims, "exp");
  if (!not_before || !expires) return refuse("no nbf or exp");
  const auto second = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  if (second >= *expires) return refuse("expired");
  if (*not_before > second + leeway_s) return refuse("not valid yet");
  if (*expires - *not_before > longest_life_s) return refuse("lives too long");
  if (text_of(*claims, "uri") != uri) return refuse("wrong uri");
  if (signature->size() != 64) return refuse("the signature is not 64 raw bytes");
  if (!is_signed(key.get(), token.substr(0, last), *signature)) return refuse("wrong signature");
  return {name, {}};
}

}  // namespace halcyon::simulation
