#include "domain/credential.h"

#include <string>

#include <gtest/gtest.h>

namespace halcyon::domain {
namespace {

TEST(SealedCredential, IsReadAsItWasPrinted) {
  for (const std::string_view prefix : {"", "abcd"}) {
    const SealedCredential written{"main_2", CredentialPart::private_key, 7, prefix, "QUJD/+=="};
    const std::string line = print(written);
    EXPECT_EQ(line,
              "main_2 private_key 7 " + std::string{prefix.empty() ? "-" : prefix} + " QUJD/+==");
    const auto read = parse_credential(line);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->name, "main_2");
    EXPECT_EQ(read->part, CredentialPart::private_key);
    EXPECT_EQ(read->key_version, 7U);
    EXPECT_EQ(read->prefix, prefix);
    EXPECT_EQ(read->sealed, "QUJD/+==");
  }
}

TEST(SealedCredential, IsNothingElse) {
  for (const char* line :
       {"", "main", "main api_key", "main api_key 1", "main api_key 1 -", "main api_key 1 - ",
        "main api_key x - QUJD", "main api_key 1x - QUJD", "main api_key -1 - QUJD",
        "main api_key 4294967296 - QUJD", "main passphrase 1 - QUJD", "ma-in api_key 1 - QUJD",
        " api_key 1 - QUJD", "main api_key 1  QUJD", "main api_key 1 - QU JD",
        "main api_key 1 - QUJD\n"}) {
    EXPECT_FALSE(parse_credential(line)) << line;
  }
}

}  // namespace
}  // namespace halcyon::domain
