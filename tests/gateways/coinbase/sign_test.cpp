#include "gateways/coinbase/sign.h"

#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "gateways/coinbase/tokens.h"
#include "support.h"

namespace halcyon::gateways::coinbase::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::ThrowsMessage;
using namespace std::chrono_literals;

constexpr std::int64_t not_before = 1'790'000'000;
constexpr std::string_view nonce = "00112233445566778899aabbccddeeff";

std::string bytes_of(std::string_view base64url) {
  std::string text{base64url};
  for (char& character : text) {
    if (character == '-') character = '+';
    if (character == '_') character = '/';
  }
  const std::size_t padding = (4 - text.size() % 4) % 4;
  text.append(padding, '=');
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

/// Whether the P-256 key's public half agrees, asked of OpenSSL and not of our signer.
bool is_signed_by_p256(std::string_view token) {
  const std::size_t dot = token.rfind('.');
  const std::string raw = bytes_of(token.substr(dot + 1));
  if (raw.size() != 64) return false;
  const std::string text = pem("PRIVATE KEY", pkcs8_base64);
  const std::unique_ptr<BIO, int (*)(BIO*)> memory{
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key{
      PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free};
  const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> pair{ECDSA_SIG_new(), &ECDSA_SIG_free};
  const auto* bytes = reinterpret_cast<const unsigned char*>(raw.data());
  ECDSA_SIG_set0(pair.get(), BN_bin2bn(bytes, 32, nullptr), BN_bin2bn(bytes + 32, 32, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context{EVP_MD_CTX_new(),
                                                                   &EVP_MD_CTX_free};
  EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get());
  const bool is_good =
      EVP_DigestVerify(context.get(), der, static_cast<std::size_t>(size),
                       reinterpret_cast<const unsigned char*>(token.data()), dot) == 1;
  OPENSSL_free(der);
  return is_good;
}

struct Form {
  const char* name;
  std::string text;
  std::string_view algorithm;
};
std::vector<Form> forms() {
  const std::string sec1 = pem("EC PRIVATE KEY", sec1_base64);
  return {
      {"sec1_pem", sec1, "ES256"},
      {"sec1_pem_with_written_line_ends", pem("EC PRIVATE KEY", sec1_base64, "\\n"), "ES256"},
      {"sec1_pem_with_carriage_returns", pem("EC PRIVATE KEY", sec1_base64, "\r\n"), "ES256"},
      {"pkcs8_pem_of_p256", pem("PRIVATE KEY", pkcs8_base64), "ES256"},
      {"pkcs8_pem_of_ed25519", pem("PRIVATE KEY", ed25519_pkcs8_base64), "EdDSA"},
      {"base64_of_32_bytes", std::string{ed25519_seed_base64}, "EdDSA"},
      {"base64_of_64_bytes", std::string{ed25519_both_base64}, "EdDSA"},
      {"base64_in_lines", " nWGxne/9WmC6hEr0kuwsxERJ\nxWl7MmkZcDusAxyuf2A=\n", "EdDSA"},
      {"json_of_p256", json{{"name", key_name}, {"privateKey", sec1}}.dump(), "ES256"},
      {"json_of_ed25519", json{{"id", key_name}, {"privateKey", ed25519_both_base64}}.dump(),
       "EdDSA"},
  };
}

TEST(SigningKey, IsReadFromEveryFormThatAKeyFileArrivesIn) {
  for (const Form& form : forms()) {
    SCOPED_TRACE(form.name);
    const bool is_json = form.text.front() == '{';
    const Credentials read = read_credentials(form.text, is_json ? "" : key_name, "file");
    EXPECT_EQ(read.name, key_name);
    EXPECT_EQ(read.key.algorithm(), form.algorithm);
    const std::string token = make_token(read, "GET host/path", not_before, nonce);
    if (form.algorithm == "ES256") {
      EXPECT_TRUE(is_signed_by_p256(token));
      continue;
    }
    // Ed25519 is deterministic: whatever form it came in, the token is one
    EXPECT_EQ(token, make_token(*credentials(), "GET host/path", not_before, nonce));
  }
}

TEST(SigningKey, NamesWhatIsWrongAndNeverWhatStandsThere) {
  const struct {
    const char* name;
    std::string text;
    const char* words;
  } rows[] = {
      {"neither", "surely no key!", "neither a PEM file nor base64"},
      {"short", "c2hvcnQ=", "base64 of 5 bytes"},
      {"damaged", pem("EC PRIVATE KEY", sec1_base64.substr(8)), "damaged"},
      {"encrypted", pem("ENCRYPTED PRIVATE KEY", sec1_base64), "locked with a password"},
      {"json_without_key", R"({"name":"x"})", "privateKey"},
      {"another_curve",
       "-----BEGIN EC PRIVATE "
       "KEY-----\nMHQCAQEEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4foAcGBSuBBAA"
       "K\n-----END EC PRIVATE KEY-----\n",
       ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    try {
      read_credentials(row.text, key_name, "the file");
      ADD_FAILURE() << "was taken";
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr("the file"));
      EXPECT_THAT(error.what(), HasSubstr(row.words));
      EXPECT_THAT(error.what(), ::testing::Not(HasSubstr("MHcC")));
    }
  }
}

TEST(Credentials, NeedTheNameOfTheKey) {
  EXPECT_THAT([] { read_credentials(ed25519_seed_base64, "", "file"); },
              ThrowsMessage<std::runtime_error>(HasSubstr("api_key_file")));
  EXPECT_THAT([] { read_credentials(ed25519_seed_base64, "a\"b", "file"); },
              ThrowsMessage<std::runtime_error>(HasSubstr("not one")));
}

TEST(Token, IsAsThePublishedExamplesAreByteForByte) {
  for (const char* const file : {"jwt_eddsa_example.json", "jwt_es256_example.json"}) {
    const auto text = sample(file);
    if (!text) GTEST_SKIP() << "needs ../shared/fixtures";
    const json example = json::parse(*text);
    const bool is_es256 = std::string_view{file}.find("es256") != std::string_view::npos;
    const Credentials key = read_credentials(
        is_es256 ? pem("EC PRIVATE KEY", sec1_base64) : std::string{ed25519_seed_base64},
        example["key_name"].get<std::string>(), "published");
    ASSERT_GT(example["cases"].size(), 1U);
    for (const json& row : example["cases"]) {
      SCOPED_TRACE(row["name"].get<std::string>());
      const json claims = json::parse(row["payload_json"].get<std::string>());
      const std::string token = make_token(key, claims.value("uri", ""), claims["nbf"], nonce);
      if (is_es256) {
        // Randomised: what is signed is the same, and the signature is good
        EXPECT_EQ(token.substr(0, token.rfind('.')), row["signing_input"]);
        EXPECT_TRUE(is_signed_by_p256(token));
        EXPECT_TRUE(is_signed_by_p256(row["token"].get<std::string>()));
      } else {
        EXPECT_EQ(token, row["token"]);
      }
    }
  }
}

TEST(Token, PadsBothHalvesOfItsSignature) {
  // One in 256 has a half that begins with a zero, which DER leaves out: of 600 some do
  const Credentials key = read_credentials(pem("EC PRIVATE KEY", sec1_base64), key_name, "p");
  int short_halves = 0;
  for (int at = 0; at < 600; ++at) {
    const std::string token = make_token(key, "", not_before + at, nonce);
    ASSERT_TRUE(is_signed_by_p256(token)) << at;
    const std::string raw = bytes_of(token.substr(token.rfind('.') + 1));
    short_halves += raw[0] == '\0' || raw[32] == '\0' ? 1 : 0;
  }
  EXPECT_GT(short_halves, 0);
}

TEST(Token, SignsThePathWithoutItsQuery) {
  EXPECT_EQ(token_uri("GET", "api.coinbase.com", "/api/v3/brokerage/orders?limit=1&cursor=a"),
            "GET api.coinbase.com/api/v3/brokerage/orders");
}

TEST(Token, HasANonceOfItsOwnEachTime) {
  const auto nonce_of = [](const std::string& token) {
    return json::parse(bytes_of(token.substr(0, token.find('.'))))["nonce"].get<std::string>();
  };
  const std::string first = nonce_of(make_token(*credentials(), "", not_before));
  EXPECT_EQ(first.size(), 64U);
  EXPECT_NE(first, nonce_of(make_token(*credentials(), "", not_before)));
}

// ---- The pool -----------------------------------------------------------------------------------

class Pool : public ::testing::Test {
 protected:
  TokenPool pool{credentials(), {"POST host/orders", ""}, 4, 7};
  domain::Timestamp now = domain::Timestamp{std::chrono::seconds{not_before}};
  Actions actions;
  std::size_t chores = 0;

  /// Lets the pool ask, and does what it asks for, as the helper thread does.
  void refill() {
    pool.refill(now, now, actions);
    for (Chore& chore : actions.chores()) {
      ++chores;
      RestAnswer answer;
      answer.tag = chore.tag;
      chore.run(chore.context.get(), answer);
      EXPECT_EQ(answer.tag, 7U);
      pool.take_answer(answer);
    }
    actions.clear();
  }
  static json claims_of(const std::string& token) {
    const std::size_t dot = token.find('.');
    return json::parse(bytes_of(token.substr(dot + 1, token.rfind('.') - dot - 1)));
  }
};

TEST_F(Pool, HasTokensBeforeTheyAreWantedAndGivesEachOnce) {
  refill();
  EXPECT_EQ(pool.count(0, now), 4U);
  const std::string first = pool.take(0, now, now);
  EXPECT_NE(first, pool.take(0, now, now));
  EXPECT_EQ(claims_of(first)["uri"], "POST host/orders");
  EXPECT_FALSE(claims_of(pool.take(1, now, now)).contains("uri"));
  EXPECT_EQ(pool.signed_in_place(), 0U);
}

TEST_F(Pool, AsksForMoreWhenHalfIsUsed) {
  refill();
  pool.take(0, now, now);
  refill();
  EXPECT_EQ(chores, 1U);
  pool.take(0, now, now);
  refill();
  EXPECT_EQ(chores, 2U);
  EXPECT_EQ(pool.count(0, now), 4U);
}

TEST_F(Pool, RenewsLongBeforeTheEndAndNeverGivesAnOldOne) {
  refill();
  const std::string early = pool.take(0, now, now);
  EXPECT_LE(claims_of(early)["nbf"].get<std::int64_t>(), not_before);
  // Nothing is taken, and yet tokens are always fresh
  for (int minute = 0; minute < 10; ++minute) {
    const domain::Timestamp due = pool.next_deadline();
    ASSERT_LE(due, now + 60s);
    now = std::max(now, due);
    refill();
    const json claims = claims_of(pool.take(0, now, now));
    const auto left = claims["exp"].get<std::int64_t>() -
                      std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    EXPECT_GT(left, 20);
  }
  EXPECT_EQ(pool.signed_in_place(), 0U);
}

TEST_F(Pool, SignsInPlaceRatherThanLetAnOrderWait) {
  EXPECT_THAT(pool.take(0, now, now), StartsWith("ey"));
  EXPECT_EQ(pool.signed_in_place(), 1U);
}

TEST_F(Pool, ForgetsWhatWasMadeByAWrongClock) {
  pool.refill(now, now, actions);
  RestAnswer late;
  actions.chores().at(0).run(actions.chores().at(0).context.get(), late);
  pool.clear();
  pool.take_answer(late);
  EXPECT_EQ(pool.count(0, now), 0U);
}

}  // namespace
}  // namespace halcyon::gateways::coinbase::testing
