#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/config.h"
#include "daemon/read_model.h"
#include "domain/credential.h"
#include "persistence/journal.h"

namespace halcyon::daemon {

/// Seals secrets before anything is journaled, so that whatever is written down of them (journal,
/// PostgreSQL, audit, capture) is ciphertext, prefix and key version. The file of the master keys
/// is read anew each time: nothing is kept. Thread: control.
class CredentialSealer {
 public:
  CredentialSealer(const config::Config& config, const persistence::JournalUuid& journal)
      : config_(config), journal_(journal) {}

  /// A command's content: `count` lines that domain::parse_credential reads, each with its end.
  struct Sealed {
    std::string lines;
    std::uint32_t count = 0;
    std::uint32_t key_version = 0;
  };
  using Result = std::variant<Sealed, std::string>;  ///< or words, why not

  /// One secret, in the place of what `known` has of that name and part.
  Result put(const ReadModel& known, std::string_view name, domain::CredentialPart part,
             std::string_view secret) const;
  /// All that is known, opened and sealed anew: under the newest key of the file, or, when all of
  /// it is under that already, under a new one that the file gets first. All in one command, so
  /// that a rotation that is cut short has changed nothing but the file, and the next one goes on
  /// from there.
  Result rotate(const ReadModel& known) const;

 private:
  const config::Config& config_;
  persistence::JournalUuid journal_;
};

/// Secrets in clear, as files that exist in memory only: who reads a key from a file reads these.
/// Gone with this object. Thread: one at a time.
class OpenedSecrets {
 public:
  OpenedSecrets() = default;
  ~OpenedSecrets();
  OpenedSecrets(const OpenedSecrets&) = delete;
  OpenedSecrets& operator=(const OpenedSecrets&) = delete;
  /// The path of a file that holds `secret`, for this process, as long as this object lives. Throws
  /// std::system_error.
  std::string add(std::string_view secret);

 private:
  std::vector<int> files_;
};

/// What a journal holds of secrets: the newest line of each name and part.
using SealedSecrets = std::map<ReadModel::CredentialKey, std::string>;

/// Gives every account that asks for a credential its key files, opened with the master keys. An
/// account whose keys are missing, incomplete or do not open is named in `without_keys` and said:
/// it will not trade, and the rest of the daemon does.
void open_credentials(config::Config& config, const SealedSecrets& sealed,
                      const persistence::JournalUuid& journal, OpenedSecrets& opened,
                      std::vector<std::string>& without_keys,
                      const std::function<void(std::string_view words)>& say);

}  // namespace halcyon::daemon
