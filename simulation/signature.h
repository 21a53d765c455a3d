#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace halcyon::simulation {

/// Whether `signature_base64` is the Ed25519 signature of `payload` by the key whose public half is
/// `public_key_pem` (SubjectPublicKeyInfo). False for a text that is no signature.
bool verify_ed25519(std::string_view public_key_pem, std::string_view payload,
                    std::string_view signature_base64);

/// Whether `signature_hex` (either case) is the HMAC-SHA256 of `payload`.
bool verify_hmac_sha256(std::string_view secret, std::string_view payload,
                        std::string_view signature_hex);

/// The Ed25519 signature in base64. Throws std::runtime_error when `private_key_pem` (PKCS#8) is
/// none. For tests and demonstrations.
std::string sign_ed25519(std::string_view private_key_pem, std::string_view payload);
std::string sign_hmac_sha256(std::string_view secret, std::string_view payload);

/// Throws std::runtime_error unless `pem` is an Ed25519 public key.
void check_ed25519_public_key(std::string_view pem, const std::string& where);

/// Writes a new key pair and a new API key: `ed25519.pem` (private, mode 0600), `ed25519.pub.pem`
/// and `api_key` (mode 0600), into `directory`, which is made if it does not exist. Throws
/// std::runtime_error with words; existing files are not touched.
void make_key(const std::filesystem::path& directory);

/// Makes sure that `directory` holds a test authority (`ca.pem`, `ca.key`) and a server certificate
/// for 127.0.0.1, ::1 and localhost (`server.pem`, `server.key`); what is there is kept. Keys have
/// mode 0600. Throws std::runtime_error with words.
void make_certificates(const std::filesystem::path& directory);

}  // namespace halcyon::simulation
