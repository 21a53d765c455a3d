// Secrets sealed with AES-256-GCM: they open as what they were sealed as, with that key, and in no
// other way.

#include "persistence/master_keys.h"

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/persistence/journal/samples.h"

namespace halcyon::persistence {
namespace {

using domain::CredentialPart;
using domain::parse_credential;
using domain::SealedCredential;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::read_file;
using testing::TemporaryDirectory;
using testing::write_file;

const std::string pem =
    "-----BEGIN PRIVATE "
    "KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n"
    "-----END PRIVATE KEY-----\n";
const std::string api_key = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
constexpr JournalUuid journal{{1, 2, 3}};

struct KeyFile {
  TemporaryDirectory directory;
  std::string path = directory.path() + "/master.key";

  KeyFile() { MasterKeys::create(path); }
  explicit KeyFile(const std::string& text) {
    write_file(path, {text.begin(), text.end()});
    ::chmod(path.c_str(), 0600);
  }
  std::string text() const {
    const auto bytes = read_file(path);
    return {bytes.begin(), bytes.end()};
  }
  mode_t mode() const {
    struct stat status {};
    ::stat(path.c_str(), &status);
    return status.st_mode & 07777U;
  }
};

std::string words_of(const std::function<void()>& does) {
  try {
    does();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

/// What opens, or "" with words.
std::string opened(const MasterKeys& keys, const SealedCredential& credential, std::string& words,
                   const JournalUuid& of = journal) {
  const auto secret = keys.open(credential, of, words);
  return secret ? std::string{secret->text()} : std::string{};
}

TEST(MasterKeys, OpenWhatTheySealed) {
  const KeyFile file;
  const MasterKeys keys = MasterKeys::load(file.path);
  for (const std::string& secret :
       {api_key, pem, std::string{"x"}, std::string(MasterKeys::longest_secret, 'k')}) {
    const std::string line = keys.seal("main", CredentialPart::private_key, journal, secret);
    const auto credential = parse_credential(line);
    ASSERT_TRUE(credential) << line;
    std::string words;
    EXPECT_TRUE(opened(keys, *credential, words) == secret) << words;
    if (secret.size() > 4) {
      EXPECT_THAT(line, Not(HasSubstr(secret.substr(4))));
    }
    // Twice is never the same, so equal secrets are not seen to be equal
    EXPECT_NE(line, keys.seal("main", CredentialPart::private_key, journal, secret));
  }
}

TEST(MasterKeys, ShowAPrefixOfWhatIsLongEnoughAndNoPem) {
  EXPECT_EQ(prefix_of(api_key), "vmPU");
  EXPECT_EQ(prefix_of("0123456789abcde"), "");
  EXPECT_EQ(prefix_of("0123456789abcdef"), "0123");
  EXPECT_EQ(prefix_of(pem), "");
  EXPECT_EQ(prefix_of("01 3456789abcdef"), "");
}

TEST(MasterKeys, RefuseWhatWasFlippedCutOrMoved) {
  const KeyFile file;
  const MasterKeys keys = MasterKeys::load(file.path);
  const std::string line = keys.seal("main", CredentialPart::api_key, journal, api_key);
  const SealedCredential whole = parse_credential(line).value();
  std::string words;
  ASSERT_EQ(opened(keys, whole, words), api_key);
  // Given every other character at every place, and every length
  std::size_t tried = 0;
  for (std::size_t at = 0; at < whole.sealed.size(); ++at) {
    for (const char other : {'A', 'z', '/', '=', '!'}) {
      std::string sealed{whole.sealed};
      if (sealed[at] == other) continue;
      sealed[at] = other;
      SealedCredential flipped = whole;
      flipped.sealed = sealed;
      ASSERT_EQ(opened(keys, flipped, words), "") << at;
      ++tried;
    }
    SealedCredential cut = whole;
    cut.sealed = whole.sealed.substr(0, at);
    ASSERT_EQ(opened(keys, cut, words), "") << at;
  }
  EXPECT_GT(tried, 400U);
  // Then, and as another name, part, version, prefix or journal, nothing opens, with words
  const auto refused = [&](SealedCredential other, const JournalUuid& of) {
    EXPECT_EQ(opened(keys, other, words, of), "");
    EXPECT_THAT(words, HasSubstr("put the secret again"));
    EXPECT_THAT(words, Not(HasSubstr(api_key)));
  };
  SealedCredential moved = whole;
  moved.name = "other";
  refused(moved, journal);
  moved = whole;
  moved.part = CredentialPart::api_secret;
  refused(moved, journal);
  moved = whole;
  moved.prefix = "vmPX";
  refused(moved, journal);
  moved = whole;
  moved.key_version = 2;
  refused(moved, journal);
  refused(whole, JournalUuid{{1, 2, 4}});
}

TEST(MasterKeys, OfAnotherFileOpenNothing) {
  const KeyFile file;
  const KeyFile other;
  const std::string line =
      MasterKeys::load(file.path).seal("main", CredentialPart::api_key, journal, api_key);
  std::string words;
  EXPECT_EQ(opened(MasterKeys::load(other.path), parse_credential(line).value(), words), "");
  EXPECT_THAT(words, HasSubstr("credential main api_key: does not open with key version 1"));
  EXPECT_THAT(words, HasSubstr(other.path));
}

TEST(MasterKeys, KeepTheOldKeysWhenANewOneIsAdded) {
  const KeyFile file;
  MasterKeys keys = MasterKeys::load(file.path);
  const std::string old = keys.seal("main", CredentialPart::api_key, journal, api_key);
  keys.add();
  EXPECT_EQ(keys.newest(), 2U);
  EXPECT_EQ(file.mode(), 0600U);
  EXPECT_FALSE(std::filesystem::exists(file.path + ".new"));
  // Who reads the file again knows both, and seals with the newest
  const MasterKeys again = MasterKeys::load(file.path);
  EXPECT_EQ(again.newest(), 2U);
  const std::string anew = again.seal("main", CredentialPart::api_key, journal, api_key);
  EXPECT_EQ(parse_credential(anew)->key_version, 2U);
  std::string words;
  for (const std::string& line : {old, anew}) {
    EXPECT_EQ(opened(again, parse_credential(line).value(), words), api_key) << words;
  }
  // Without the old line the old one is named
  const std::string text = file.text();
  const KeyFile cut{text.substr(text.find('\n') + 1)};
  EXPECT_EQ(opened(MasterKeys::load(cut.path), parse_credential(old).value(), words), "");
  EXPECT_THAT(words,
              HasSubstr("is sealed with key version 1, which " + cut.path + " does not hold"));
}

TEST(MasterKeys, AreNeverMadeOverOthers) {
  const KeyFile file;
  const std::string before = file.text();
  EXPECT_EQ(file.mode(), 0600U);
  EXPECT_THAT(words_of([&] { MasterKeys::create(file.path); }), HasSubstr("File exists"));
  EXPECT_EQ(file.text(), before);
  EXPECT_FALSE(std::filesystem::exists(file.path + ".new"));
}

TEST(MasterKeys, ThatCannotBeAddedChangeNothing) {
  const KeyFile file;
  MasterKeys keys = MasterKeys::load(file.path);
  const std::string before = file.text();
  std::filesystem::create_directory(file.path + ".new");
  EXPECT_THAT(words_of([&] { keys.add(); }), HasSubstr("cannot be written"));
  EXPECT_EQ(file.text(), before);
  EXPECT_EQ(keys.newest(), 1U);
}

TEST(MasterKeys, AreRefusedWithWordsThatHoldNoKey) {
  const std::string key(64, 'a');
  struct Row {
    const char* name;
    std::string text;
    const char* words;
  };
  const Row rows[] = {
      {"empty", "", "holds no key"},
      {"only_a_comment", "# nothing\n\n", "holds no key"},
      {"no_version", key + "\n", "line 1: must be a version"},
      {"version_zero", "0 " + key + "\n", "line 1: must be a version"},
      {"version_twice", "1 " + key + "\n# two\n1 " + key + "\n", "line 3: must be a version"},
      {"too_short", "1 " + key.substr(1) + "\n", "line 1: must be a version"},
      {"too_long", "1 " + key + "a\n", "line 1: must be a version"},
      {"no_hexadecimal", "1 " + key.substr(1) + "g\n", "line 1: must be a version"},
      {"more_behind_it", "1 " + key + " x\n", "line 1: must be a version"},
  };
  for (const Row& row : rows) {
    const KeyFile file{row.text};
    const std::string words = words_of([&] { (void)MasterKeys::load(file.path); });
    EXPECT_THAT(words, HasSubstr(row.words)) << row.name;
    EXPECT_THAT(words, HasSubstr(file.path)) << row.name;
    EXPECT_THAT(words, Not(HasSubstr("aaaa"))) << row.name;
  }
  // Without a line's end, and with capitals, it is one
  const KeyFile good{"7 " + std::string(64, 'A')};
  EXPECT_EQ(MasterKeys::load(good.path).newest(), 7U);
}

TEST(MasterKeys, ThatOthersMayReadAreRefused) {
  const KeyFile file;
  for (const mode_t mode : {0640U, 0604U, 0620U, 0601U}) {
    ::chmod(file.path.c_str(), mode);
    EXPECT_THAT(words_of([&] { (void)MasterKeys::load(file.path); }), HasSubstr("chmod 0600"))
        << mode;
  }
  ::chmod(file.path.c_str(), 0400);
  EXPECT_EQ(words_of([&] { (void)MasterKeys::load(file.path); }), "");
  EXPECT_THAT(words_of([&] { (void)MasterKeys::load(file.path + "x"); }),
              HasSubstr("cannot be read: No such file"));
  EXPECT_THAT(words_of([&] { (void)MasterKeys::load(file.directory.path()); }),
              HasSubstr("is not a file"));
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(file.path.c_str(), 12345, 0), 0);
    EXPECT_THAT(words_of([&] { (void)MasterKeys::load(file.path); }),
                HasSubstr("belongs to uid 12345"));
  }
  // What systemd hands over is guarded by its directory, and may show the mask of an ACL
  ::chmod(file.path.c_str(), 0440);
  ::setenv("CREDENTIALS_DIRECTORY", file.directory.path().c_str(), 1);
  EXPECT_EQ(words_of([&] { (void)MasterKeys::load(file.path); }), "");
  EXPECT_THAT(words_of([&] { MasterKeys::load(file.path).add(); }), HasSubstr("key --add FILE"));
  ::unsetenv("CREDENTIALS_DIRECTORY");
}

}  // namespace
}  // namespace halcyon::persistence
