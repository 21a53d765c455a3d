#pragma once

#include <string>
#include <string_view>

namespace halcyon::gateways {

/// The text of a secret file without the blanks around it. Throws std::runtime_error in words when
/// it cannot be read, is empty, or is larger than a key can be (16 kB). `what` begins the words:
/// "binance: API key". Whoever gets the text cleanses it.
std::string read_secret_file(const std::string& path, std::string_view what);

/// Words when a secret file can be read by others than its owner and group, else empty. systemd's
/// credentials are 0400 and 0440.
std::string permission_warning(const std::string& path);

}  // namespace halcyon::gateways
