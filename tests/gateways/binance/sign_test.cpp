#include "gateways/binance/sign.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "gateways/secret_file.h"
#include "support.h"

namespace halcyon::gateways::binance::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const nlohmann::json& vectors() {
  static const auto read = nlohmann::json::parse(*sample("signing_vectors.json"));
  return read;
}

std::string pem(std::string_view label, std::string base64) {
  std::string text = "-----BEGIN " + std::string{label} + "-----\n";
  for (std::size_t at = 0; at < base64.size(); at += 64) text += base64.substr(at, 64) + "\n";
  return text + "-----END " + std::string{label} + "-----\n";
}

std::string documented_pem() {
  return pem("PRIVATE KEY", vectors()["ed25519"]["private_key_pkcs8_der_base64"]);
}

/// A file in a directory of its own, gone at the end.
class File {
 public:
  explicit File(std::string_view content, mode_t mode = 0400) {
    std::string pattern = (std::filesystem::temp_directory_path() / "halcyon-key-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    std::ofstream{path()} << content;
    ::chmod(path().c_str(), mode);
  }
  ~File() { std::filesystem::remove_all(directory_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  std::string path() const { return directory_ + "/key"; }

 private:
  std::string directory_;
};

TEST(Sign, HmacMatchesEveryVectorOfTheVenue) {
  const HmacKey key{vectors()["hmac"]["secret_key"].get<std::string>()};
  int count = 0;
  for (const char* list : {"ws_api_official_verified", "rest_official_verified"}) {
    for (const auto& row : vectors()["hmac"][list]) {
      EXPECT_EQ(key.sign(row["payload"].get<std::string>()).view(),
                row["signature_hex"].get<std::string>())
          << row["payload"];
      ++count;
    }
  }
  EXPECT_EQ(count, 10);
}

TEST(Sign, AnUnsortedPayloadHasAnotherSignature) {
  const HmacKey key{vectors()["hmac"]["secret_key"].get<std::string>()};
  for (const auto& row : vectors()["hmac"]["negative_derived"]) {
    const Signature signature = key.sign(row["payload"].get<std::string>());
    EXPECT_EQ(signature.view(), row["signature_hex"].get<std::string>());
    EXPECT_NE(signature.view(), row["must_differ_from"].get<std::string>());
  }
}

TEST(Sign, TheSameHmacKeySignsAgainAndAgain) {
  const HmacKey key{"secret"};
  const std::string first{key.sign("a").view()};
  const std::string other{key.sign("b").view()};
  EXPECT_NE(first, other);
  EXPECT_EQ(key.sign("a").view(), first);
}

std::string bytes_of(std::string_view hex) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
    bytes += static_cast<char>(std::stoi(std::string{hex.substr(at, 2)}, nullptr, 16));
  }
  return bytes;
}

TEST(Sign, Ed25519MatchesEveryVector) {
  const Ed25519Key key = Ed25519Key::from_pem(documented_pem(), "documented");
  for (const auto& row : vectors()["ed25519"]["official_verified"]) {
    EXPECT_EQ(key.sign(bytes_of(row["payload_hex"].get<std::string>())).view(),
              row["signature_base64"].get<std::string>());
  }
  for (const auto& row : vectors()["ed25519"]["derived"]) {
    EXPECT_EQ(key.sign(row["payload"].get<std::string>()).view(),
              row["signature_base64"].get<std::string>())
        << row["name"];
  }
}

TEST(Sign, ReadsKeysFromFiles) {
  const File ed{documented_pem()};
  const std::string payload = vectors()["ed25519"]["derived"][0]["payload"];
  EXPECT_EQ(Ed25519Key::from_file(ed.path()).sign(payload).view(),
            vectors()["ed25519"]["derived"][0]["signature_base64"].get<std::string>());
  const File secret{"  the secret \n"};
  EXPECT_EQ(HmacKey::from_file(secret.path()).sign("x").view(),
            HmacKey{"the secret"}.sign("x").view());
}

std::string rsa_pem() {
  EVP_PKEY* key = EVP_RSA_gen(2048);
  BIO* memory = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(memory, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  std::string text{data, static_cast<std::size_t>(size)};
  BIO_free(memory);
  EVP_PKEY_free(key);
  return text;
}

TEST(Sign, SaysWhatIsWrongWithAKeyFileAndNeverWhatIsInIt) {
  struct Row {
    const char* name;
    std::string content;
    const char* words;
  };
  std::string damaged = documented_pem();
  damaged[damaged.find('\n') + 10] ^= 1;
  for (const Row& row :
       {Row{"empty", "", "is empty"}, Row{"text", "SECRET-CONTENT", "not a PEM file"},
        Row{"cut", documented_pem().substr(0, 50), "damaged, or not a private key"},
        Row{"public", pem("PUBLIC KEY", vectors()["ed25519"]["public_key_spki_der_base64"]),
            "damaged, or not a private key"},
        Row{"locked", pem("ENCRYPTED PRIVATE KEY", "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAc"),
            "locked with a password"},
        Row{"rsa", rsa_pem(), "not an Ed25519 key"},
        Row{"huge", std::string(20'000, 'x'), "more than"}}) {
    const File file{row.content};
    try {
      Ed25519Key::from_file(file.path());
      ADD_FAILURE() << row.name << " was taken";
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr(row.words)) << row.name;
      EXPECT_THAT(error.what(), HasSubstr(file.path())) << row.name;
      EXPECT_THAT(error.what(), ::testing::Not(HasSubstr("SECRET-CONTENT"))) << row.name;
    }
  }
  EXPECT_THAT([] { Ed25519Key::from_file("/nowhere/key.pem"); },
              ThrowsMessage<std::runtime_error>(HasSubstr("/nowhere/key.pem")));
  const File blank{" \n"};
  EXPECT_THAT([&] { HmacKey::from_file(blank.path()); },
              ThrowsMessage<std::runtime_error>(HasSubstr("is empty")));
}

TEST(Sign, WarnsOfSecretsThatOthersMayRead) {
  EXPECT_EQ(permission_warning(File{"x", 0400}.path()), "");
  EXPECT_EQ(permission_warning(File{"x", 0440}.path()), "");
  const File open{"x", 0644};
  EXPECT_THAT(permission_warning(open.path()), HasSubstr("0644"));
  const File writable{"x", 0620};
  EXPECT_THAT(permission_warning(writable.path()), HasSubstr("chmod 0400"));
}

TEST(Sign, QueriesArePercentEncodedBeforeTheyAreSigned) {
  // The venue's own vector with a symbol above ASCII
  const auto& row = vectors()["hmac"]["rest_official_verified"][1];
  std::string query;
  append_query(query, "symbol", "１２３４５６");
  for (const auto& [name, value] :
       std::initializer_list<std::pair<const char*, const char*>>{{"side", "BUY"},
                                                                  {"type", "LIMIT"},
                                                                  {"timeInForce", "GTC"},
                                                                  {"quantity", "1"},
                                                                  {"price", "0.1"},
                                                                  {"recvWindow", "5000"},
                                                                  {"timestamp", "1499827319559"}}) {
    append_query(query, name, value);
  }
  EXPECT_EQ(query, row["payload"].get<std::string>());
  std::string brackets;
  append_query(brackets, "symbols", R"(["A","B"])");
  EXPECT_EQ(brackets, "symbols=%5B%22A%22%2C%22B%22%5D");
}

}  // namespace
}  // namespace halcyon::gateways::binance::testing
