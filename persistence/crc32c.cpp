#include "persistence/crc32c.h"

#include <cstring>

#include <boost/crc.hpp>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace halcyon::persistence {

namespace {

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_native(std::span<const std::uint8_t> bytes,
                                                              std::uint32_t previous) noexcept {
  std::uint64_t crc = ~previous;
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  auto rest = static_cast<std::uint32_t>(crc);
  for (; left > 0; --left, ++at) rest = _mm_crc32_u8(rest, *at);
  return ~rest;
}

const bool has_instruction = [] {
  __builtin_cpu_init();
  return __builtin_cpu_supports("sse4.2") != 0;
}();
#endif

}  // namespace

std::uint32_t crc32c_portable(std::span<const std::uint8_t> bytes,
                              std::uint32_t previous) noexcept {
  // Boost.CRC wants the state that it goes on from unreflected and before the final complement.
  std::uint32_t state = 0;
  for (unsigned bit = 0; bit < 32; ++bit) state |= ((~previous >> bit) & 1U) << (31 - bit);
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc(state);
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

#if defined(__x86_64__)
std::uint32_t crc32c(std::span<const std::uint8_t> bytes, std::uint32_t previous) noexcept {
  return has_instruction ? crc32c_native(bytes, previous) : crc32c_portable(bytes, previous);
}
bool crc32c_is_native() noexcept { return has_instruction; }
#else
std::uint32_t crc32c(std::span<const std::uint8_t> bytes, std::uint32_t previous) noexcept {
  return crc32c_portable(bytes, previous);
}
bool crc32c_is_native() noexcept { return false; }
#endif

}  // namespace halcyon::persistence
