#include "simulation/signature.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

namespace halcyon::simulation {

namespace {

template <auto free_function>
struct Freed {
  template <class T>
  void operator()(T* pointer) const {
    free_function(pointer);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<&EVP_PKEY_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<&EVP_MD_CTX_free>>;
using Bio = std::unique_ptr<BIO, Freed<&BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freed<&X509_free>>;

std::string openssl_error() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  return text.data();
}

[[noreturn]] void failed(const std::string& what) { throw std::runtime_error(what); }

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Bio memory(std::string_view text) {
  return Bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

std::optional<std::vector<unsigned char>> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > 4096) return std::nullopt;
  std::vector<unsigned char> out(text.size() / 4 * 3);
  const int size = EVP_DecodeBlock(out.data(), bytes(text), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  out.resize(static_cast<std::size_t>(size) - padding);
  return out;
}

std::string to_base64(const std::vector<unsigned char>& in) {
  std::string out(4 * ((in.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), in.data(),
                                   static_cast<int>(in.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

Key public_key(std::string_view pem) {
  const auto source = memory(pem);
  return Key{PEM_read_bio_PUBKEY(source.get(), nullptr, nullptr, nullptr)};
}

/// Writes a new file that nobody else may read before its content is there.
void write_file(const std::filesystem::path& file, std::string_view text, mode_t mode) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) failed(file.string() + ": cannot be made: " + std::strerror(errno));
  std::size_t done = 0;
  while (done < text.size()) {
    const auto wrote = ::write(fd, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      const std::string why = std::strerror(errno);
      ::close(fd);
      failed(file.string() + ": cannot be written: " + why);
    }
    done += static_cast<std::size_t>(wrote);
  }
  ::close(fd);
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream input{file, std::ios::binary};
  std::ostringstream text;
  text << input.rdbuf();
  if (!input) failed(file.string() + ": cannot be read");
  return text.str();
}

std::string content_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string private_pem(EVP_PKEY* key) {
  const Bio out{BIO_new(BIO_s_mem())};
  if (PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    failed("a private key cannot be written: " + openssl_error());
  }
  return content_of(out.get());
}

std::string certificate_pem(X509* certificate) {
  const Bio out{BIO_new(BIO_s_mem())};
  if (PEM_write_bio_X509(out.get(), certificate) != 1) {
    failed("a certificate cannot be written: " + openssl_error());
  }
  return content_of(out.get());
}

void extend(X509* certificate, X509* issuer, int what, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Freed<&X509_EXTENSION_free>> extension{
      X509V3_EXT_conf_nid(nullptr, &context, what, value)};
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) {
    failed("a certificate cannot be made: " + openssl_error());
  }
}

/// A certificate without its signature, valid for ten years.
Certificate draft(const char* name, EVP_PKEY* key, const X509_NAME* issuer) {
  Certificate certificate{X509_new()};
  X509_set_version(certificate.get(), 2);
  std::array<unsigned char, 8> serial{};
  if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) failed(openssl_error());
  serial[0] = static_cast<unsigned char>((serial[0] & 0x3f) | 0x40);  // positive, never short
  const std::unique_ptr<BIGNUM, Freed<&BN_free>> number{
      BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr)};
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get()));
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -24L * 3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 10L * 365 * 24 * 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(certificate.get(),
                       issuer != nullptr ? issuer : X509_get_subject_name(certificate.get()));
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

void sign(X509* certificate, EVP_PKEY* key) {
  if (X509_sign(certificate, key, EVP_sha256()) == 0) {
    failed("a certificate cannot be signed: " + openssl_error());
  }
}

Key new_curve_key() {
  Key key{EVP_EC_gen("P-256")};
  if (!key) failed("a key cannot be made: " + openssl_error());
  return key;
}

}  // namespace

bool verify_ed25519(std::string_view public_key_pem, std::string_view payload,
                    std::string_view signature_base64) {
  const auto signature = from_base64(signature_base64);
  const auto key = public_key(public_key_pem);
  const DigestContext context{EVP_MD_CTX_new()};
  const bool good =
      signature && key && context &&
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
      EVP_DigestVerify(context.get(), signature->data(), signature->size(), bytes(payload),
                       payload.size()) == 1;
  ERR_clear_error();
  return good;
}

std::string sign_hmac_sha256(std::string_view secret, std::string_view payload) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes(payload), payload.size(),
       digest.data(), &size);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (unsigned at = 0; at < size; ++at) {
    hex += digits[digest[at] >> 4U];
    hex += digits[digest[at] & 15U];
  }
  return hex;
}

bool verify_hmac_sha256(std::string_view secret, std::string_view payload,
                        std::string_view signature_hex) {
  const auto expected = sign_hmac_sha256(secret, payload);
  if (signature_hex.size() != expected.size()) return false;
  std::string given{signature_hex};
  for (auto& digit : given) {
    if (digit >= 'A' && digit <= 'F') digit = static_cast<char>(digit - 'A' + 'a');
  }
  return CRYPTO_memcmp(expected.data(), given.data(), expected.size()) == 0;
}

std::string sign_ed25519(std::string_view private_key_pem, std::string_view payload) {
  const auto source = memory(private_key_pem);
  const Key key{PEM_read_bio_PrivateKey(source.get(), nullptr, nullptr, nullptr)};
  const DigestContext context{EVP_MD_CTX_new()};
  std::size_t size = 64;
  std::vector<unsigned char> signature(size);
  if (!key || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519 ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, bytes(payload), payload.size()) != 1) {
    failed("not an Ed25519 private key: " + openssl_error());
  }
  return to_base64(signature);
}

void check_ed25519_public_key(std::string_view pem, const std::string& where) {
  const auto key = public_key(pem);
  ERR_clear_error();
  if (!key || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
    failed(where + ": is not an Ed25519 public key in PEM; make one with --make-key");
  }
}

void make_key(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  const Key key{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
  if (!key) failed("a key cannot be made: " + openssl_error());
  const Bio shown{BIO_new(BIO_s_mem())};
  if (PEM_write_bio_PUBKEY(shown.get(), key.get()) != 1) failed(openssl_error());
  // 64 characters, like the venue's own.
  std::array<unsigned char, 48> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) failed(openssl_error());
  auto name = to_base64({random.begin(), random.end()});
  for (auto& letter : name) {
    if (letter == '+' || letter == '/') letter = 'x';
  }
  write_file(directory / "ed25519.pem", private_pem(key.get()), 0600);
  write_file(directory / "ed25519.pub.pem", content_of(shown.get()), 0644);
  write_file(directory / "api_key", name + "\n", 0600);
}

void make_certificates(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  const auto have = [&](const char* name) { return std::filesystem::exists(directory / name); };
  if (have("server.pem") && have("server.key") && have("ca.pem")) return;
  Certificate authority;
  Key authority_key;
  if (have("ca.pem") && have("ca.key")) {
    const auto text = read_file(directory / "ca.pem");
    const auto secret = read_file(directory / "ca.key");
    authority.reset(PEM_read_bio_X509(memory(text).get(), nullptr, nullptr, nullptr));
    authority_key.reset(PEM_read_bio_PrivateKey(memory(secret).get(), nullptr, nullptr, nullptr));
    if (!authority || !authority_key) {
      failed((directory / "ca.pem").string() +
             ": is damaged; remove the directory to make it anew");
    }
  } else {
    authority_key = new_curve_key();
    authority = draft("Halcyon test authority", authority_key.get(), nullptr);
    extend(authority.get(), authority.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    extend(authority.get(), authority.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    extend(authority.get(), authority.get(), NID_subject_key_identifier, "hash");
    sign(authority.get(), authority_key.get());
    write_file(directory / "ca.key", private_pem(authority_key.get()), 0600);
    write_file(directory / "ca.pem", certificate_pem(authority.get()), 0644);
  }
  const auto key = new_curve_key();
  const auto server = draft("localhost", key.get(), X509_get_subject_name(authority.get()));
  extend(server.get(), authority.get(), NID_basic_constraints, "critical,CA:FALSE");
  extend(server.get(), authority.get(), NID_key_usage, "critical,digitalSignature");
  extend(server.get(), authority.get(), NID_ext_key_usage, "serverAuth");
  extend(server.get(), authority.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
  extend(server.get(), authority.get(), NID_authority_key_identifier, "keyid");
  sign(server.get(), authority_key.get());
  write_file(directory / "server.key", private_pem(key.get()), 0600);
  write_file(directory / "server.pem", certificate_pem(server.get()), 0644);
}

}  // namespace halcyon::simulation
