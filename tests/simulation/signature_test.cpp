#include "simulation/signature.h"

#include <filesystem>
#include <stdexcept>
#include <string>

#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "simulation/binance_request.h"
#include "tests/simulation/recording.h"
#include "tests/simulation/scratch.h"

namespace halcyon::simulation {
namespace {

namespace json = boost::json;

/// The founders' signing vectors: the venue's published samples, recomputed with OpenSSL.
json::value vectors() {
  const auto text =
      testing::read_text(HALCYON_SOURCE_DIR "/../shared/fixtures/binance/signing_vectors.json");
  return text.empty() ? json::value{} : json::parse(text);
}

std::string pem(std::string_view kind, std::string_view base64) {
  return "-----BEGIN " + std::string{kind} + "-----\n" + std::string{base64} + "\n-----END " +
         std::string{kind} + "-----\n";
}

TEST(Signature, AgreesWithTheVenuesPublishedHmacSamples) {
  const auto all = vectors();
  if (all.is_null()) GTEST_SKIP() << "../shared/fixtures is not here";
  const auto& hmac = all.at("hmac");
  const std::string secret{hmac.at("secret_key").as_string()};
  for (const auto& each : hmac.at("ws_api_official_verified").as_array()) {
    // Given a request as the venue prints it, and its parameters in the order of the page
    json::object request{{"id", 1}, {"method", each.at("method")}, {"params", each.at("params")}};
    const auto frame = parse_frame(json::serialize(request));
    ASSERT_TRUE(frame);
    // When the payload is put together and signed, then both are the venue's
    EXPECT_EQ(frame->params.signed_payload(), each.at("payload").as_string());
    const std::string signature{each.at("signature_hex").as_string()};
    EXPECT_EQ(sign_hmac_sha256(secret, frame->params.signed_payload()), signature);
    EXPECT_TRUE(verify_hmac_sha256(secret, frame->params.signed_payload(), signature));
  }
  for (const auto& each : hmac.at("rest_official_verified").as_array()) {
    const std::string payload{each.at("payload").as_string()};
    const std::string signature{each.at("signature_hex").as_string()};
    // However query and body share the parameters, and wherever the signature stands
    const auto cut = payload.find("&quantity");
    EXPECT_TRUE(verify_hmac_sha256(secret, rest_payload(payload + "&signature=" + signature, ""),
                                   signature));
    EXPECT_EQ(rest_payload(payload.substr(0, cut), payload.substr(cut + 1) + "&signature=1"),
              payload.substr(0, cut) + payload.substr(cut + 1));
  }
}

TEST(Signature, AgreesWithTheEd25519SamplesAndRefusesTheirNeighbours) {
  const auto all = vectors();
  if (all.is_null()) GTEST_SKIP() << "../shared/fixtures is not here";
  const auto& ed25519 = all.at("ed25519");
  const auto key = pem("PUBLIC KEY", ed25519.at("public_key_spki_der_base64").as_string());
  const auto secret = pem("PRIVATE KEY", ed25519.at("private_key_pkcs8_der_base64").as_string());
  for (const auto& each : ed25519.at("derived").as_array()) {
    const std::string payload{each.at("payload").as_string()};
    const std::string signature{each.at("signature_base64").as_string()};
    EXPECT_TRUE(verify_ed25519(key, payload, signature)) << each.at("name");
    EXPECT_EQ(sign_ed25519(secret, payload), signature);
    EXPECT_FALSE(verify_ed25519(key, payload + "0", signature));
    auto other = signature;
    other[10] = other[10] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verify_ed25519(key, payload, other));
  }
  for (const auto& each : ed25519.at("official_unverifiable").as_array()) {
    EXPECT_FALSE(verify_ed25519(key, std::string{each.at("payload").as_string()},
                                std::string{each.at("signature_base64").as_string()}));
  }
  for (const char* nonsense : {"", "=", "====", "AAAA", "no base64 at all", "AAA=BBB="}) {
    EXPECT_FALSE(verify_ed25519(key, "payload", nonsense)) << nonsense;
  }
  EXPECT_FALSE(verify_ed25519("no key", "payload", "AAAA"));
}

TEST(Signature, MakesAKeyPairThatOnlyItsOwnerCanRead) {
  // When a key is made
  const testing::Scratch scratch;
  make_key(scratch.path / "keys");
  // Then private key and API key have mode 0600, and the halves belong together
  struct stat status {};
  for (const char* secret : {"ed25519.pem", "api_key"}) {
    ASSERT_EQ(::stat((scratch.path / "keys" / secret).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << secret;
  }
  const auto signature =
      sign_ed25519(testing::read_text(scratch.path / "keys/ed25519.pem"), "payload");
  EXPECT_TRUE(verify_ed25519(testing::read_text(scratch.path / "keys/ed25519.pub.pem"), "payload",
                             signature));
  EXPECT_EQ(testing::read_text(scratch.path / "keys/api_key").size(), 65U);
  // And what is there is never overwritten
  EXPECT_THROW(make_key(scratch.path / "keys"), std::runtime_error);
}

TEST(Signature, MakesCertificatesOnceAndKeepsThem) {
  const testing::Scratch scratch;
  make_certificates(scratch.path);
  const auto authority = testing::read_text(scratch.path / "ca.pem");
  const auto server = testing::read_text(scratch.path / "server.pem");
  EXPECT_NE(authority.find("BEGIN CERTIFICATE"), std::string::npos);
  struct stat status {};
  ASSERT_EQ(::stat((scratch.path / "server.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  make_certificates(scratch.path);
  EXPECT_EQ(testing::read_text(scratch.path / "server.pem"), server);
  // A lost server certificate is made anew under the same authority
  std::filesystem::remove(scratch.path / "server.pem");
  std::filesystem::remove(scratch.path / "server.key");
  make_certificates(scratch.path);
  EXPECT_EQ(testing::read_text(scratch.path / "ca.pem"), authority);
  EXPECT_NE(testing::read_text(scratch.path / "server.pem"), server);
}

}  // namespace
}  // namespace halcyon::simulation
