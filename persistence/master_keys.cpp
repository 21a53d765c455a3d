#include "persistence/master_keys.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain/check.h"
#include "domain/enum_name.h"

namespace halcyon::persistence {

namespace {

constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t prefix_length = 4;
constexpr std::size_t least_with_prefix = 16;
constexpr off_t longest_file = 64 * 1024;

struct File {
  int fd = -1;
  explicit File(int opened) : fd(opened) {}
  ~File() {
    if (fd >= 0) ::close(fd);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
};

[[noreturn]] void refuse(const std::string& file, std::string_view why) {
  throw std::runtime_error(fmt::format("master key file {}: {}", file, why));
}
[[noreturn]] void refuse_errno(const std::string& file, std::string_view what) {
  refuse(file, fmt::format("{}: {}", what, std::generic_category().message(errno)));
}

bool is_guarded_by_systemd(const std::string& file) {
  const char* const directory = std::getenv("CREDENTIALS_DIRECTORY");
  return directory != nullptr && *directory != '\0' &&
         std::filesystem::path{file}.parent_path() == std::filesystem::path{directory};
}

Secret read_guarded(const std::string& file, struct stat& status) {
  const File opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (opened.fd < 0) refuse_errno(file, "cannot be read");
  if (::fstat(opened.fd, &status) != 0) refuse_errno(file, "cannot be read");
  if (!S_ISREG(status.st_mode)) refuse(file, "is not a file");
  if (status.st_size > longest_file) refuse(file, "is too long to be one");
  if (!is_guarded_by_systemd(file)) {
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
      refuse(file, fmt::format("others may read or change it (mode {:04o}): chmod 0600",
                               status.st_mode & 07777U));
    }
    if (status.st_uid != ::geteuid() && status.st_uid != 0) {
      refuse(file, fmt::format("belongs to uid {}, neither the daemon's nor root", status.st_uid));
    }
  }
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::read(opened.fd, text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) refuse_errno(file, "cannot be read");
    have += static_cast<std::size_t>(got);
  }
  return Secret{std::move(text)};
}

/// Whole, on the disk, mode 0600, with its owner, before it has its name.
void write_guarded(const std::string& file, std::string_view text, bool is_new, uid_t user,
                   gid_t group) {
  const std::string draft = file + ".new";
  {
    const File made{::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                           S_IRUSR | S_IWUSR)};
    const auto fail = [&](std::string_view what) {
      const int why = errno;
      ::unlink(draft.c_str());
      errno = why;
      refuse_errno(file, what);
    };
    if (made.fd < 0) refuse_errno(file, "cannot be written");
    if (::fchmod(made.fd, S_IRUSR | S_IWUSR) != 0) fail("cannot be written");
    if (user != ::geteuid() && ::fchown(made.fd, user, group) != 0) fail("cannot keep its owner");
    if (::write(made.fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fsync(made.fd) != 0) {
      fail("cannot be written");
    }
    // A new one never takes the place of another.
    if ((is_new ? ::link(draft.c_str(), file.c_str()) : ::rename(draft.c_str(), file.c_str())) !=
        0) {
      fail("cannot be written");
    }
    if (is_new) ::unlink(draft.c_str());
  }
  const std::string parent = std::filesystem::path{file}.parent_path().string();
  const File directory{
      ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.fd < 0 || ::fsync(directory.fd) != 0) refuse_errno(file, "cannot be synced");
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string key_line(std::uint32_t version, const unsigned char* bytes) {
  std::string line = std::to_string(version) + " ";
  for (std::size_t index = 0; index < MasterKeys::key_bytes; ++index) {
    line += fmt::format("{:02x}", bytes[index]);
  }
  return line += "\n";
}

/// What a sealed secret is bound to. No part can hold the line's end, so no two bindings are equal.
std::string binding(const domain::SealedCredential& credential, const JournalUuid& journal) {
  std::string text =
      fmt::format("halcyon credential\n{}\n{}\n{}\n{}\n", credential.name,
                  domain::enum_name(credential.part), credential.key_version, credential.prefix);
  text.append(reinterpret_cast<const char*>(journal.bytes.data()), journal.bytes.size());
  return text;
}

std::string to_base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and the NUL that it writes
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > 4 * MasterKeys::longest_secret) {
    return std::nullopt;
  }
  std::string bytes(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  bytes.resize(static_cast<std::size_t>(length) - padding);
  // One form only: bits that the padding hides would be free to change.
  return to_base64(bytes) == text ? std::optional{std::move(bytes)} : std::nullopt;
}

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

// ---- Secret -------------------------------------------------------------------------------------

void Secret::wipe() noexcept {
  if (!text_.empty()) OPENSSL_cleanse(text_.data(), text_.size());
  text_.clear();
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    text_ = std::move(other.text_);
    other.wipe();
  }
  return *this;
}

std::string_view prefix_of(std::string_view secret) {
  const std::string_view prefix = secret.substr(0, prefix_length);
  const bool is_shown =
      secret.size() >= least_with_prefix && !secret.starts_with("-----BEGIN") &&
      std::all_of(prefix.begin(), prefix.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return is_shown ? prefix : std::string_view{};
}

// ---- MasterKeys ---------------------------------------------------------------------------------

MasterKeys::Key::~Key() { OPENSSL_cleanse(bytes.data(), bytes.size()); }

MasterKeys MasterKeys::load(const std::string& file) {
  struct stat status {};
  const Secret content = read_guarded(file, status);
  MasterKeys keys;
  keys.file_ = file;
  std::string_view left = content.text();
  for (std::size_t number = 1; !left.empty(); ++number) {
    const std::size_t end = left.find('\n');
    std::string_view line = left.substr(0, end);
    left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    const std::size_t blank = line.find(' ');
    const std::string_view version = line.substr(0, blank);
    const std::string_view hex =
        blank == std::string_view::npos ? std::string_view{} : line.substr(blank + 1);
    std::uint32_t value = 0;
    const auto read = std::from_chars(version.data(), version.data() + version.size(), value);
    Key key;
    bool is_good = read.ec == std::errc{} && read.ptr == version.data() + version.size() &&
                   value != 0 && hex.size() == 2 * key_bytes && keys.keys_.size() < most_versions;
    for (std::size_t index = 0; is_good && index < key_bytes; ++index) {
      const int high = digit(hex[2 * index]);
      const int low = digit(hex[2 * index + 1]);
      is_good = high >= 0 && low >= 0;
      key.bytes[index] = static_cast<unsigned char>(high * 16 + low);
    }
    if (!is_good || !keys.keys_.emplace(value, key).second) {
      refuse(file, fmt::format("line {}: must be a version from 1 that is not there yet, a blank, "
                               "and 64 hexadecimal digits; at most {} lines",
                               number, most_versions));
    }
  }
  if (keys.keys_.empty()) {
    refuse(file, "holds no key; `halcyonctl credentials key FILE` makes a file");
  }
  return keys;
}

void MasterKeys::create(const std::string& file) {
  Key key;
  if (RAND_priv_bytes(key.bytes.data(), key_bytes) != 1) refuse(file, "no random numbers");
  const Secret text{key_line(1, key.bytes.data())};
  write_guarded(file, text.text(), true, ::geteuid(), ::getegid());
}

void MasterKeys::add() {
  if (keys_.size() >= most_versions) {
    refuse(file_, "holds too many keys; remove those that `credentials list` does not name");
  }
  if (is_guarded_by_systemd(file_)) {
    refuse(file_,
           "is systemd's copy, which cannot be changed; add a key to what it was loaded from with "
           "`halcyonctl credentials key --add FILE`, restart the daemon, then rotate");
  }
  struct stat status {};
  const Secret content = read_guarded(file_, status);
  const std::uint32_t version = newest() + 1;
  Key key;
  if (RAND_priv_bytes(key.bytes.data(), key_bytes) != 1) refuse(file_, "no random numbers");
  const Secret line{key_line(version, key.bytes.data())};
  std::string text;
  text.reserve(content.text().size() + line.text().size() + 1);  // no copy is left behind
  text.append(content.text());
  if (!text.empty() && text.back() != '\n') text += '\n';
  text.append(line.text());
  const Secret whole{std::move(text)};
  write_guarded(file_, whole.text(), false, status.st_uid, status.st_gid);
  keys_.emplace(version, key);
}

std::string MasterKeys::seal(std::string_view name, domain::CredentialPart part,
                             const JournalUuid& journal, std::string_view secret) const {
  HALCYON_CHECK(secret.size() <= longest_secret, "a secret is bounded before it is sealed");
  domain::SealedCredential credential{name, part, newest(), prefix_of(secret), {}};
  const std::string bound = binding(credential, journal);
  std::string bytes(nonce_bytes + secret.size() + tag_bytes, '\0');
  int length = 0;
  const Cipher cipher{EVP_CIPHER_CTX_new()};
  const bool is_sealed =
      RAND_bytes(raw(bytes), nonce_bytes) == 1 && cipher != nullptr &&
      EVP_EncryptInit_ex2(cipher.get(), EVP_aes_256_gcm(), keys_.rbegin()->second.bytes.data(),
                          raw(bytes), nullptr) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &length, raw(bound),
                        static_cast<int>(bound.size())) == 1 &&
      EVP_EncryptUpdate(cipher.get(), raw(bytes) + nonce_bytes, &length, raw(secret),
                        static_cast<int>(secret.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), raw(bytes) + nonce_bytes + length, &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes,
                          raw(bytes) + nonce_bytes + secret.size()) == 1;
  HALCYON_CHECK(is_sealed, "AES-256-GCM seals anything");
  const std::string sealed = to_base64(bytes);
  credential.sealed = sealed;
  return domain::print(credential);
}

std::optional<Secret> MasterKeys::open(const domain::SealedCredential& credential,
                                       const JournalUuid& journal, std::string& words) const {
  const auto fail = [&](std::string_view why) {
    words = fmt::format("credential {} {}: {}", credential.name, domain::enum_name(credential.part),
                        why);
    return std::optional<Secret>{};
  };
  const auto key = keys_.find(credential.key_version);
  if (key == keys_.end()) {
    return fail(
        fmt::format("is sealed with key version {}, which {} does not hold; restore that "
                    "file, or put the secret again",
                    credential.key_version, file_));
  }
  const auto bytes = from_base64(credential.sealed);
  if (!bytes || bytes->size() < nonce_bytes + tag_bytes) {
    return fail("what is sealed is damaged; put the secret again");
  }
  const std::size_t size = bytes->size() - nonce_bytes - tag_bytes;
  const std::string bound = binding(credential, journal);
  std::string text(size, '\0');
  std::string tag = bytes->substr(nonce_bytes + size);
  int length = 0;
  const Cipher cipher{EVP_CIPHER_CTX_new()};
  const bool is_open =
      cipher != nullptr &&
      EVP_DecryptInit_ex2(cipher.get(), EVP_aes_256_gcm(), key->second.bytes.data(), raw(*bytes),
                          nullptr) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &length, raw(bound),
                        static_cast<int>(bound.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), raw(text), &length, raw(*bytes) + nonce_bytes,
                        static_cast<int>(size)) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), raw(text) + size, &length) == 1;
  Secret secret{std::move(text)};
  if (!is_open) {
    return fail(
        fmt::format("does not open with key version {} of {}: another key, or what is "
                    "sealed was damaged or stood elsewhere; restore the file, or put the "
                    "secret again",
                    credential.key_version, file_));
  }
  return secret;
}

}  // namespace halcyon::persistence
