#pragma once

#include <cstdio>
#include <cstdlib>

namespace halcyon::domain {

/// Ends the process with words. For broken invariants of our own, never for the world's mistakes:
/// a daemon that no longer believes itself does not trade; systemd restarts it, the journal
/// restores it.
[[noreturn]] inline void check_failed(const char* condition, const char* believed, const char* file,
                                      int line) noexcept {
  std::fprintf(stderr, "%s:%d: broken invariant: %s (believed: %s); please report this\n", file,
               line, condition, believed);
  std::abort();
}

}  // namespace halcyon::domain

/// HALCYON_CHECK(condition, "what was believed"): also in release builds.
#define HALCYON_CHECK(condition, believed) \
  ((condition) ? static_cast<void>(0)      \
               : ::halcyon::domain::check_failed(#condition, believed, __FILE__, __LINE__))
