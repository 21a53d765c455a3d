#include "daemon/credentials.h"

#include <cerrno>
#include <optional>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/secrets.h"
#include "daemon/lanes.h"
#include "domain/enum_name.h"
#include "persistence/master_keys.h"

namespace halcyon::daemon {

using domain::CredentialPart;
using persistence::MasterKeys;

namespace {

/// Kept free for the reason and who asked.
constexpr std::size_t room_for_reason = 1'024;

MasterKeys load_keys(const config::Config& config) {
  const std::string file = config::resolve_secret_file("credentials", "master_key_file",
                                                       config.credentials.master_key_file);
  if (file.empty()) {
    throw std::runtime_error(
        "credentials.master_key_file is not set, and there is no systemd credential of that name; "
        "`halcyonctl credentials key FILE` makes such a file");
  }
  return MasterKeys::load(file);
}

std::string too_much(std::size_t bytes) {
  return fmt::format("all secrets together would have {} bytes sealed; there is room for {}", bytes,
                     LongRemark::capacity - room_for_reason);
}

}  // namespace

CredentialSealer::Result CredentialSealer::put(const ReadModel& known, std::string_view name,
                                               CredentialPart part, std::string_view secret) const {
  try {
    const MasterKeys keys = load_keys(config_);
    Sealed sealed;
    sealed.lines = keys.seal(name, part, journal_, secret) + "\n";
    sealed.count = 1;
    sealed.key_version = keys.newest();
    // A rotation is one command, so all of them must fit one.
    std::size_t together = sealed.lines.size();
    for (const auto& [key, view] : known.credentials()) {
      if (key.first != name || key.second != part) together += view.text.size() + 1;
    }
    if (together > LongRemark::capacity - room_for_reason) return too_much(together);
    return sealed;
  } catch (const std::exception& error) {
    return error.what();
  }
}

CredentialSealer::Result CredentialSealer::rotate(const ReadModel& known) const {
  if (known.credentials().empty()) return std::string{"there is no credential to seal anew"};
  try {
    MasterKeys keys = load_keys(config_);
    bool is_all_newest = true;
    std::vector<std::pair<domain::SealedCredential, persistence::Secret>> opened;
    for (const auto& [key, view] : known.credentials()) {
      const auto credential = domain::parse_credential(view.text);
      if (!credential) return fmt::format("credential {}: is of a newer version", key.first);
      std::string words;
      auto secret = keys.open(*credential, journal_, words);
      if (!secret) return words;
      is_all_newest = is_all_newest && credential->key_version == keys.newest();
      opened.emplace_back(*credential, std::move(*secret));
    }
    if (is_all_newest) keys.add();
    Sealed sealed;
    for (const auto& [credential, secret] : opened) {
      sealed.lines += keys.seal(credential.name, credential.part, journal_, secret.text()) + "\n";
      ++sealed.count;
    }
    sealed.key_version = keys.newest();
    if (sealed.lines.size() > LongRemark::capacity - room_for_reason) {
      return too_much(sealed.lines.size());
    }
    return sealed;
  } catch (const std::exception& error) {
    return error.what();
  }
}

OpenedSecrets::~OpenedSecrets() {
  for (const int file : files_) ::close(file);
}

std::string OpenedSecrets::add(std::string_view secret) {
  const int file = ::memfd_create("secret", MFD_CLOEXEC);
  if (file < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
  files_.push_back(file);
  if (::fchmod(file, S_IRUSR | S_IWUSR) != 0 ||
      ::write(file, secret.data(), secret.size()) != static_cast<ssize_t>(secret.size())) {
    throw std::system_error(errno, std::generic_category(), "a secret in memory");
  }
  return fmt::format("/proc/self/fd/{}", file);
}

void open_credentials(config::Config& config, const SealedSecrets& sealed,
                      const persistence::JournalUuid& journal, OpenedSecrets& opened,
                      std::vector<std::string>& without_keys,
                      const std::function<void(std::string_view words)>& say) {
  std::optional<MasterKeys> keys;
  const auto give = [&](config::Account& account) -> std::string {
    if (!keys) keys = load_keys(config);
    const auto file_of = [&](CredentialPart part, std::string& file) -> std::string {
      const auto row = sealed.find({account.credential, part});
      if (row == sealed.end()) return {};
      const auto credential = domain::parse_credential(row->second);
      if (!credential) return "is of a newer version";
      std::string words;
      const auto secret = keys->open(*credential, journal, words);
      if (secret) file = opened.add(secret->text());
      return words;
    };
    std::string key;
    std::string private_key;
    std::string secret;
    for (std::string words :
         {file_of(CredentialPart::api_key, key), file_of(CredentialPart::private_key, private_key),
          file_of(CredentialPart::api_secret, secret)}) {
      if (!words.empty()) return words;
    }
    if (key.empty()) {
      return fmt::format("credential {} has no api_key; `halcyonctl credentials put` it",
                         account.credential);
    }
    if (private_key.empty() == secret.empty()) {
      return fmt::format(
          "credential {} needs either a private_key or an api_secret; `halcyonctl credentials put` "
          "it",
          account.credential);
    }
    account.api_key_file = key;
    account.private_key_file = private_key;
    account.api_secret_file = secret;
    return {};
  };
  for (config::Account& account : config.accounts) {
    if (account.credential.empty() || account.mode != config::AccountMode::live) continue;
    std::string words;
    try {
      words = give(account);
    } catch (const std::exception& error) {
      words = error.what();
    }
    if (words.empty()) continue;
    without_keys.push_back(account.name);
    say(
        fmt::format("account {}: {}; the account does not trade until the daemon is started with "
                    "its keys",
                    account.name, words));
  }
}

}  // namespace halcyon::daemon
