#pragma once

#include <cstdint>
#include <span>

namespace halcyon::persistence {

/// CRC-32C (Castagnoli, reflected, as in RFC 3720 appendix B.4) of `bytes`, continued from
/// `previous`: crc32c(b, crc32c(a)) is the CRC of a followed by b. By the processor's instruction
/// where it has one.
std::uint32_t crc32c(std::span<const std::uint8_t> bytes, std::uint32_t previous = 0) noexcept;

/// The same by Boost.CRC: the reference, and what runs on a processor without the instruction.
std::uint32_t crc32c_portable(std::span<const std::uint8_t> bytes,
                              std::uint32_t previous = 0) noexcept;

/// Whether `crc32c` runs on the processor's instruction.
bool crc32c_is_native() noexcept;

}  // namespace halcyon::persistence
