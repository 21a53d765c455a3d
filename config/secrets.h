#pragma once

#include <string>
#include <string_view>

namespace halcyon::config {

/// Where a secret stands. The configuration names files, never secrets: `configured` is the value
/// of `key` ("api_key_file") of `account`, and wins when it is not empty. Else systemd's
/// credentials (LoadCredential, $CREDENTIALS_DIRECTORY) are looked at for `<account>.<key>`, then
/// for `<key>`, which serves every account. Empty: there is none. Reads the environment, opens no
/// file; any thread, as long as nobody changes the environment.
std::string resolve_secret_file(std::string_view account, std::string_view key,
                                std::string_view configured);

}  // namespace halcyon::config
