#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "domain/enum_name.h"
#include "gateways/session.h"

namespace halcyon::gateways {

/// Counters by enumerator, as long as the enum.
template <class Enum>
using CountsOf = std::array<std::uint64_t, domain::enum_count<Enum>()>;

/// Tells each but the first ("none") as `prefix` and the enumerator's name. The names are made
/// once.
template <class Enum>
void count_each(std::string_view prefix, const CountsOf<Enum>& counts,
                const Session::Count& count) {
  static const auto names = [prefix] {
    std::array<std::string, domain::enum_count<Enum>()> made;
    for (std::size_t index = 0; index < made.size(); ++index) {
      made[index] = std::string{prefix}.append(domain::enum_name(static_cast<Enum>(index)));
    }
    return made;
  }();
  for (std::size_t index = 1; index < counts.size(); ++index) count(names[index], counts[index]);
}

}  // namespace halcyon::gateways
