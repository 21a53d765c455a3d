#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace halcyon::gateways {

/// Names to numbers, fixed once: an open hash table that is never more than half full and looks at
/// no more than sixteen bytes to find a place. Lookups do not allocate; any thread.
class NameTable {
 public:
  static constexpr std::uint32_t absent = ~std::uint32_t{0};

  NameTable() : NameTable(std::vector<std::pair<std::string, std::uint32_t>>{}) {}
  /// Throws std::runtime_error when a name occurs twice with different numbers.
  explicit NameTable(const std::vector<std::pair<std::string, std::uint32_t>>& rows);

  std::uint32_t find(std::string_view name) const;

 private:
  struct Slot {
    std::uint32_t start = 0;  ///< in `text_`
    std::uint32_t size = 0;
    std::uint32_t number = absent;
  };
  std::string text_;
  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
};

/// Throws std::runtime_error in words for a name that cannot stand in JSON and in addresses as it
/// is: blanks, quotes, backslashes, control characters. `venue` begins the words.
void check_sendable(std::string_view name, std::string_view venue);

}  // namespace halcyon::gateways
