#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "domain/time.h"

namespace halcyon::simulation {

/// Checks a JSON Web Token as Coinbase's document describes it, with a hand of its own.
struct TokenVerdict {
  std::string key_name;  ///< `kid`, of a token that is good
  std::string why;       ///< in words; empty: it is good
};

/// `public_key`: the PEM of a key by its name; empty: there is none. `uri`: what the token has to
/// be for ("GET host/path"); empty: a WebSocket subscription, which has none. Refuses: another
/// algorithm than the key's (`none` above all), a signature that is not 64 raw bytes, an unknown
/// `kid`, a `sub` that differs from it, expired, not begun yet beyond 5 s, a life above 120 s.
TokenVerdict check_token(std::string_view token, std::string_view uri, domain::Timestamp now,
                         const std::function<std::string(std::string_view name)>& public_key);

}  // namespace halcyon::simulation
