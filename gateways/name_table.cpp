#include "gateways/name_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

#include <fmt/core.h>

#include "domain/ids.h"

namespace halcyon::gateways {

namespace {

std::uint64_t load(const char* from, std::size_t size) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, size);
  return word;
}

/// The first and the last eight bytes decide; names that differ only in between share a place and
/// are told apart by comparison.
std::uint64_t hash(std::string_view name) {
  const std::size_t size = name.size();
  const char* text = name.data();
  if (size >= 8) {
    return domain::mix(load(text, 8) ^ std::rotl(load(text + size - 8, 8), 23) ^ size);
  }
  if (size >= 4) return domain::mix(load(text, 4) | load(text + size - 4, 4) << 32 | size << 61);
  if (size == 0) return 0;
  return domain::mix(load(text, 1) | load(text + size / 2, 1) << 8 |
                     load(text + size - 1, 1) << 16 | size << 61);
}

}  // namespace

NameTable::NameTable(const std::vector<std::pair<std::string, std::uint32_t>>& rows) {
  slots_.resize(std::bit_ceil(std::max<std::size_t>(rows.size(), 4) * 2));
  mask_ = slots_.size() - 1;
  for (const auto& [name, number] : rows) {
    if (const std::uint32_t known = find(name); known != absent) {
      if (known == number) continue;
      throw std::runtime_error(fmt::format("two things have the name '{}' at the venue", name));
    }
    std::size_t at = hash(name) & mask_;
    while (slots_[at].number != absent) at = (at + 1) & mask_;
    slots_[at] = {static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(name.size()),
                  number};
    text_ += name;
  }
}

std::uint32_t NameTable::find(std::string_view name) const {
  for (std::size_t at = hash(name) & mask_;; at = (at + 1) & mask_) {
    const Slot& slot = slots_[at];
    if (slot.number == absent) return absent;
    if (slot.size == name.size() &&
        std::memcmp(text_.data() + slot.start, name.data(), name.size()) == 0) {
      return slot.number;
    }
  }
}

void check_sendable(std::string_view name, std::string_view venue) {
  const bool bad = name.empty() || std::any_of(name.begin(), name.end(), [](char character) {
                     return static_cast<unsigned char>(character) <= ' ' || character == '"' ||
                            character == '\\' || character == 127;
                   });
  if (bad) {
    throw std::runtime_error(fmt::format(
        "{}: symbol '{}': blanks, quotes, backslashes and control characters cannot be part "
        "of a symbol; write BASE/QUOTE, for example BTC/USDT",
        venue, name));
  }
}

}  // namespace halcyon::gateways
