#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "domain/credential.h"
#include "persistence/journal.h"

namespace halcyon::persistence {

/// A secret in clear; wiped when it goes.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }
  std::string_view text() const { return text_; }

 private:
  void wipe() noexcept;
  std::string text_;
};

/// The keys that secrets are sealed with (AES-256-GCM), newest last: a file of lines "VERSION
/// KEY", the key in 64 hexadecimal digits. The newest seals; the older ones open what is not sealed
/// anew yet. Words of an error name the file and the line, never what it holds.
/// Thread: one at a time.
class MasterKeys {
 public:
  static constexpr std::size_t key_bytes = 32;
  static constexpr std::size_t longest_secret = 8'192;
  static constexpr std::size_t most_versions = 64;

  /// Throws std::runtime_error with words: not there, not such a file, or others may read it. What
  /// stands in systemd's credentials directory is guarded by the directory.
  static MasterKeys load(const std::string& file);
  /// A new file with one key, mode 0600, on the disk when it returns. Never over another. Throws.
  static void create(const std::string& file);

  /// A new key, the newest from here on: the file has it on the disk before anything is sealed
  /// with it. Throws std::runtime_error with words, and nothing has changed.
  void add();

  std::uint32_t newest() const { return keys_.rbegin()->first; }
  const std::string& file() const { return file_; }

  /// `secret` under the newest key, as one line (domain/credential.h). It opens only as what it
  /// was sealed as: journal, name, part, version and prefix are bound to it.
  std::string seal(std::string_view name, domain::CredentialPart part, const JournalUuid& journal,
                   std::string_view secret) const;
  /// Empty, with words: another key, damaged, or sealed as something else.
  std::optional<Secret> open(const domain::SealedCredential& credential, const JournalUuid& journal,
                             std::string& words) const;

 private:
  struct Key {
    std::array<unsigned char, key_bytes> bytes{};
    Key() = default;
    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    ~Key();
  };

  std::string file_;
  std::map<std::uint32_t, Key> keys_;
};

/// The first characters of a secret, to tell it from others by: of one that is long enough to stay
/// a secret without them. Of a PEM file: none.
std::string_view prefix_of(std::string_view secret);

}  // namespace halcyon::persistence
