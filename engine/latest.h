#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/flat_map.h"
#include "engine/keys.h"

namespace halcyon::engine {

/// The last record of each key: state that is its own snapshot. Rows keep the order in which their
/// keys first came.
template <class Row>
class Latest {
 public:
  explicit Latest(std::size_t expected = 64) : index_(expected) { rows_.reserve(expected); }

  /// Null: none yet. Valid until a new key is put.
  const Row* find(PackedKey key) const {
    const std::uint32_t* at = index_.find(key);
    return at == nullptr ? nullptr : &rows_[*at];
  }
  void put(PackedKey key, const Row& row) {
    if (const std::uint32_t* at = index_.find(key)) {
      rows_[*at] = row;
      return;
    }
    index_.put(key, static_cast<std::uint32_t>(rows_.size()));
    rows_.push_back(row);
  }
  const std::vector<Row>& rows() const { return rows_; }

 private:
  FlatMap<PackedKey, std::uint32_t> index_;
  std::vector<Row> rows_;
};

}  // namespace halcyon::engine
