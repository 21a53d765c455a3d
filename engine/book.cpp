#include "engine/book.h"

#include <algorithm>

namespace halcyon::engine {

namespace {

using Level = Book::Level;

/// Whether `left` stands before `right` in its side's array, that is: is the worse one.
template <bool is_bid>
bool is_worse(std::int64_t left, std::int64_t right) {
  return is_bid ? left < right : left > right;
}

/// The first level that is not worse than `price`. Doubling steps from the best level, then halves.
template <bool is_bid>
std::size_t find(const std::vector<Level>& side, std::int64_t price) {
  std::size_t high = side.size();
  std::size_t step = 1;
  while (high >= step && !is_worse<is_bid>(side[high - step].price.raw(), price)) {
    high -= step;
    step *= 2;
  }
  std::size_t low = high >= step ? high - step + 1 : 0;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (is_worse<is_bid>(side[middle].price.raw(), price)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

template <bool is_bid>
void set(std::vector<Level>& side, const Level& level) {
  const std::size_t at = find<is_bid>(side, level.price.raw());
  const auto place = side.begin() + static_cast<std::ptrdiff_t>(at);
  if (at < side.size() && side[at].price == level.price) {
    if (level.quantity.is_zero()) {
      side.erase(place);
    } else {
      side[at].quantity = level.quantity;
    }
  } else if (!level.quantity.is_zero()) {
    side.insert(place, level);
  }
}

}  // namespace

void Book::reset() {
  bids_.clear();
  asks_.clear();
  bids_.reserve(reserved_levels);
  asks_.reserve(reserved_levels);
  touch_.reset();
  is_valid_ = false;
  is_waiting_ = false;
}

void Book::invalidate() {
  touch_.reset();
  is_valid_ = false;
  is_waiting_ = true;
}

Book::Result Book::apply(const domain::BookLevels& run) {
  if (is_waiting_) return Result::ignored;
  const std::size_t count = std::min<std::size_t>(run.count, domain::BookLevels::capacity);
  const std::size_t bids = std::min<std::size_t>(run.bids, count);
  for (std::size_t at = 0; at < bids; ++at) set<true>(bids_, run.levels[at]);
  for (std::size_t at = bids; at < count; ++at) set<false>(asks_, run.levels[at]);
  if (!run.last) return Result::partial;

  update_id_ = run.update_id;
  is_valid_ = true;
  if (bids_.empty() || asks_.empty()) {
    touch_.reset();
    return Result::whole;
  }
  if (bids_.back().price >= asks_.back().price) {
    invalidate();
    return Result::crossed;
  }
  touch_ = Touch{bids_.back(), asks_.back()};
  return Result::whole;
}

}  // namespace halcyon::engine
