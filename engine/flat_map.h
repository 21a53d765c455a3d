#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace halcyon::engine {

/// A hash table in one block of memory: open addressing, linear probing, at most half full. Does
/// not allocate until it holds more than it was made for; then it doubles. Iteration is not
/// offered: its order would depend on history, and the engine must not.
template <class Key, class Value, class Hash = std::hash<Key>>
class FlatMap {
 public:
  explicit FlatMap(std::size_t expected = 16) { rebuild(std::bit_ceil(expected * 2 + 2)); }

  std::size_t size() const { return size_; }

  /// Null when there is no such key. Valid until the next `put` or `erase`.
  const Value* find(const Key& key) const {
    for (std::size_t at = home(key);; at = next(at)) {
      if (!slots_[at].is_used) return nullptr;
      if (slots_[at].key == key) return &slots_[at].value;
    }
  }

  /// Sets the value of a key.
  void put(const Key& key, const Value& value) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    std::size_t at = home(key);
    for (; slots_[at].is_used; at = next(at)) {
      if (slots_[at].key == key) {
        slots_[at].value = value;
        return;
      }
    }
    slots_[at] = {key, value, true};
    ++size_;
  }

  /// False when there was no such key.
  bool erase(const Key& key) {
    std::size_t hole = home(key);
    for (;; hole = next(hole)) {
      if (!slots_[hole].is_used) return false;
      if (slots_[hole].key == key) break;
    }
    // Whoever stands behind the hole and would be found through it moves up.
    for (std::size_t at = next(hole); slots_[at].is_used; at = next(at)) {
      const std::size_t wanted = home(slots_[at].key);
      if (((at - wanted) & mask()) >= ((at - hole) & mask())) {
        slots_[hole] = slots_[at];
        hole = at;
      }
    }
    slots_[hole].is_used = false;
    --size_;
    return true;
  }

 private:
  struct Slot {
    Key key{};
    Value value{};
    bool is_used = false;
  };

  std::size_t mask() const { return slots_.size() - 1; }
  std::size_t home(const Key& key) const { return Hash{}(key)&mask(); }
  std::size_t next(std::size_t at) const { return (at + 1) & mask(); }

  void rebuild(std::size_t capacity) { slots_.assign(capacity, Slot{}); }
  void grow() {
    std::vector<Slot> old = std::move(slots_);
    rebuild(old.size() * 2);
    size_ = 0;
    for (const Slot& slot : old) {
      if (slot.is_used) put(slot.key, slot.value);
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace halcyon::engine
