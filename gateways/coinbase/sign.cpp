#include "gateways/coinbase/sign.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <simdjson.h>

#include "domain/check.h"
#include "gateways/session.h"

namespace halcyon::gateways::coinbase {

namespace {

constexpr std::string_view key_forms =
    "give the key as the venue hands it out: a PEM file (EC PRIVATE KEY or PRIVATE KEY), the "
    "base64 "
    "text of an Ed25519 key, or the whole JSON key file";
constexpr std::size_t seed_bytes = 32;

struct Cleanse {
  std::string& text;
  ~Cleanse() { OPENSSL_cleanse(text.data(), text.size()); }
};

[[noreturn]] void refuse(std::string_view name, std::string_view what) {
  throw std::runtime_error(
      fmt::format("coinbase: private key '{}': {}; {}", name, what, key_forms));
}

/// `\n` written as two characters becomes a line end: keys travel in JSON and in environment
/// variables.
std::string with_line_ends(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == 'n' || text[at + 1] == 'r')) {
      if (text[++at] == 'n') result += '\n';
    } else {
      result += text[at];
    }
  }
  return result;
}

/// Base64 with or without its padding; blanks are passed over. Empty: it is none.
std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  unsigned count = 0;
  bool has_ended = false;
  for (const char character : text) {
    unsigned value = 0;
    if (character >= 'A' && character <= 'Z') {
      value = static_cast<unsigned>(character - 'A');
    } else if (character >= 'a' && character <= 'z') {
      value = static_cast<unsigned>(character - 'a') + 26;
    } else if (character >= '0' && character <= '9') {
      value = static_cast<unsigned>(character - '0') + 52;
    } else if (character == '+' || character == '-') {
      value = 62;
    } else if (character == '/' || character == '_') {
      value = 63;
    } else if (character == '=') {
      has_ended = true;
      continue;
    } else if (character == ' ' || character == '\n' || character == '\r' || character == '\t') {
      continue;
    } else {
      return std::nullopt;
    }
    if (has_ended) return std::nullopt;
    bits = bits << 6 | value;
    if (++count % 4 == 0) {
      for (int shift = 16; shift >= 0; shift -= 8) {
        bytes += static_cast<char>(bits >> static_cast<unsigned>(shift) & 0xFFU);
      }
      bits = 0;
    }
  }
  switch (count % 4) {
    case 1:
      return std::nullopt;
    case 2:
      bytes += static_cast<char>(bits >> 4 & 0xFFU);
      break;
    case 3:
      bytes += static_cast<char>(bits >> 10 & 0xFFU);
      bytes += static_cast<char>(bits >> 2 & 0xFFU);
      break;
    default:
      break;
  }
  return bytes;
}

/// RFC 4648 section 5, without padding.
void append_base64url(std::string& out, const unsigned char* bytes, std::size_t size) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (std::size_t at = 0; at < size; at += 3) {
    const std::size_t left = std::min<std::size_t>(size - at, 3);
    std::uint32_t bits = 0;
    for (std::size_t byte = 0; byte < 3; ++byte) {
      bits = bits << 8 | (byte < left ? bytes[at + byte] : 0U);
    }
    for (std::size_t digit = 0; digit <= left; ++digit) {
      out += digits[bits >> (18 - 6 * digit) & 63U];
    }
  }
}
void append_base64url(std::string& out, std::string_view text) {
  append_base64url(out, reinterpret_cast<const unsigned char*>(text.data()), text.size());
}

/// Key names are plain; whatever else would be in the way of JSON makes the name wrong.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 200 &&
         std::all_of(name.begin(), name.end(), [](char character) {
           return character > ' ' && character < 127 && character != '"' && character != '\\';
         });
}

}  // namespace

void SigningKey::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

SigningKey SigningKey::from_text(std::string_view text, std::string_view name) {
  std::string plain = with_line_ends(text);
  const Cleanse cleanse{plain};
  if (plain.find("-----BEGIN") != std::string::npos) return from_pem(plain, name);
  auto bytes = from_base64(plain);
  if (!bytes) refuse(name, "is neither a PEM file nor base64");
  const Cleanse cleanse_bytes{*bytes};
  if (bytes->size() != seed_bytes && bytes->size() != 2 * seed_bytes) {
    refuse(name, fmt::format("is base64 of {} bytes; an Ed25519 key has 32, or 64 with its public "
                             "half",
                             bytes->size()));
  }
  // Of 64 bytes only the first 32 are the key.
  SigningKey key{EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                              reinterpret_cast<const unsigned char*>(bytes->data()),
                                              seed_bytes),
                 Kind::ed25519};
  if (!key.key_) throw std::bad_alloc{};
  return key;
}

SigningKey SigningKey::from_pem(std::string_view pem, std::string_view name) {
  if (pem.find("ENCRYPTED") != std::string_view::npos) {
    refuse(name, "is locked with a password, which a daemon cannot type");
  }
  const std::unique_ptr<BIO, int (*)(BIO*)> memory{
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free};
  if (!memory) throw std::bad_alloc{};
  // Never ask a terminal for a password.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  SigningKey key{PEM_read_bio_PrivateKey(memory.get(), nullptr, no_password, nullptr),
                 Kind::ed25519};
  ERR_clear_error();
  if (!key.key_) refuse(name, "is damaged, or not a private key");
  const int type = EVP_PKEY_get_base_id(key.key_.get());
  if (type == EVP_PKEY_ED25519) return key;
  std::array<char, 64> curve{};
  std::size_t size = 0;
  if (type != EVP_PKEY_EC ||
      EVP_PKEY_get_utf8_string_param(key.key_.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.data(),
                                     curve.size(), &size) != 1 ||
      std::string_view{curve.data(), size} != "prime256v1") {
    refuse(name, "is neither of P-256 (ES256) nor of Ed25519, and the venue takes no other");
  }
  key.kind_ = Kind::es256;
  return key;
}

SigningKey::Raw SigningKey::sign(std::string_view input) const {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context{EVP_MD_CTX_new(),
                                                                   &EVP_MD_CTX_free};
  const EVP_MD* const digest = kind_ == Kind::es256 ? EVP_sha256() : nullptr;
  // DER of two numbers of 33 bytes at most, each with its head, and the head of both.
  std::array<unsigned char, 80> signature{};
  std::size_t size = signature.size();
  HALCYON_CHECK(
      context && EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1 &&
          EVP_DigestSign(context.get(), signature.data(), &size,
                         reinterpret_cast<const unsigned char*>(input.data()), input.size()) == 1,
      "a key that was loaded signs anything");
  Raw raw{};
  if (kind_ == Kind::ed25519) {
    HALCYON_CHECK(size == raw.size(), "an Ed25519 signature has 64 bytes");
    std::memcpy(raw.data(), signature.data(), raw.size());
    return raw;
  }
  const unsigned char* at = signature.data();
  const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> pair{
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)), &ECDSA_SIG_free};
  constexpr int half = 32;
  HALCYON_CHECK(pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), raw.data(), half) == half &&
                    BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), raw.data() + half, half) == half,
                "OpenSSL reads what it has written");
  return raw;
}

Credentials read_credentials(std::string_view text, std::string_view name, std::string_view file) {
  std::string key_name{name};
  std::string key_text{text};
  const Cleanse cleanse{key_text};
  if (const std::size_t start = text.find_first_not_of(" \t\r\n");
      start != std::string_view::npos && text[start] == '{') {
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    std::string_view found;
    if (parser.parse(simdjson::padded_string{text}).get(document) != simdjson::SUCCESS ||
        document["privateKey"].get(found) != simdjson::SUCCESS) {
      refuse(file, "is JSON, but has no text of the name privateKey");
    }
    key_text.assign(found);
    if (key_name.empty() && (document["name"].get(found) == simdjson::SUCCESS ||
                             document["id"].get(found) == simdjson::SUCCESS)) {
      key_name.assign(found);
    }
  }
  if (!is_plain_name(key_name)) {
    throw std::runtime_error(fmt::format(
        "coinbase: the name of the API key is {}; give it in api_key_file as the venue shows it, "
        "for example organizations/<uuid>/apiKeys/<uuid>, or use the JSON key file as "
        "private_key_file",
        key_name.empty() ? "missing" : "not one"));
  }
  return {std::move(key_name), SigningKey::from_text(key_text, file)};
}

std::string make_token(const Credentials& credentials, std::string_view uri,
                       std::int64_t not_before, std::string_view nonce) {
  const std::string header = fmt::format(R"({{"alg":"{}","kid":"{}","nonce":"{}","typ":"JWT"}})",
                                         credentials.key.algorithm(), credentials.name, nonce);
  std::string claims = fmt::format(R"({{"sub":"{}","iss":"cdp","nbf":{},"exp":{})",
                                   credentials.name, not_before, not_before + token_seconds);
  if (!uri.empty()) claims += fmt::format(R"(,"uri":"{}")", uri);
  claims += '}';
  std::string token;
  token.reserve((header.size() + claims.size()) * 4 / 3 + 100);
  append_base64url(token, header);
  token += '.';
  append_base64url(token, claims);
  const SigningKey::Raw signature = credentials.key.sign(token);
  token += '.';
  append_base64url(token, signature.data(), signature.size());
  return token;
}

std::string make_token(const Credentials& credentials, std::string_view uri,
                       std::int64_t not_before) {
  std::array<unsigned char, 32> random{};
  HALCYON_CHECK(RAND_bytes(random.data(), static_cast<int>(random.size())) == 1,
                "OpenSSL has random numbers");
  constexpr std::string_view hex = "0123456789abcdef";
  std::string nonce;
  for (const unsigned char byte : random) {
    nonce += hex[byte >> 4];
    nonce += hex[byte & 15U];
  }
  return make_token(credentials, uri, not_before, nonce);
}

std::string token_uri(std::string_view method, std::string_view host, std::string_view target) {
  return fmt::format("{} {}{}", method, host, target.substr(0, target.find('?')));
}

}  // namespace halcyon::gateways::coinbase
