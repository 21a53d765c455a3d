#include "engine/book.h"

#include <algorithm>

namespace halcyon::engine {

namespace {

/// Places a side has memory for from its first reset on.
constexpr std::size_t reserved = 16'384;
/// Empty places that are not worth a sweep.
constexpr std::size_t tolerated = 256;

/// Whether `left` stands before `right` in its side's array, that is: is the worse one.
template <bool is_bid>
bool is_worse(std::int64_t left, std::int64_t right) {
  return is_bid ? left < right : left > right;
}

}  // namespace

template <bool is_bid>
void Book::Side<is_bid>::clear() {
  prices_.clear();
  quantities_.clear();
  prices_.reserve(reserved);
  quantities_.reserve(reserved);
  empty_ = 0;
}

/// The first place that is not worse than `price`. Halves without a branch that could be guessed
/// wrong: which way it goes is as good as random.
template <bool is_bid>
std::size_t Book::Side<is_bid>::find(std::int64_t price) const {
  const std::int64_t* first = prices_.data();
  std::size_t left = prices_.size();
  while (left > 1) {
    const std::size_t half = left / 2;
    first += static_cast<std::size_t>(is_worse<is_bid>(first[half - 1], price)) * half;
    left -= half;
  }
  if (left == 1 && is_worse<is_bid>(*first, price)) ++first;
  return static_cast<std::size_t>(first - prices_.data());
}

template <bool is_bid>
void Book::Side<is_bid>::set(const Level& level) {
  const std::size_t at = find(level.price.raw());
  if (at < prices_.size() && prices_[at] == level.price.raw()) {
    empty_ -= quantities_[at].is_zero() ? 1U : 0U;
    empty_ += level.quantity.is_zero() ? 1U : 0U;
    quantities_[at] = level.quantity;
    while (!prices_.empty() && quantities_.back().is_zero()) {
      prices_.pop_back();
      quantities_.pop_back();
      --empty_;
    }
    if (empty_ > count() + tolerated) sweep();
  } else if (!level.quantity.is_zero()) {
    // An empty place beside it may as well be used: order is all that counts.
    if (at < prices_.size() && quantities_[at].is_zero()) {
      prices_[at] = level.price.raw();
      quantities_[at] = level.quantity;
      --empty_;
    } else if (at > 0 && quantities_[at - 1].is_zero()) {
      prices_[at - 1] = level.price.raw();
      quantities_[at - 1] = level.quantity;
      --empty_;
    } else {
      prices_.insert(prices_.begin() + static_cast<std::ptrdiff_t>(at), level.price.raw());
      quantities_.insert(quantities_.begin() + static_cast<std::ptrdiff_t>(at), level.quantity);
    }
  }
}

template <bool is_bid>
void Book::Side<is_bid>::sweep() {
  std::size_t kept = 0;
  for (std::size_t at = 0; at < prices_.size(); ++at) {
    if (quantities_[at].is_zero()) continue;
    prices_[kept] = prices_[at];
    quantities_[kept] = quantities_[at];
    ++kept;
  }
  prices_.resize(kept);
  quantities_.resize(kept);
  empty_ = 0;
}

template <bool is_bid>
Book::Level Book::Side<is_bid>::best() const {
  return {domain::Price::from_raw(prices_.back()), quantities_.back()};
}

void Book::reset() {
  bids_.clear();
  asks_.clear();
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
  for (std::size_t at = 0; at < bids; ++at) bids_.set(run.levels[at]);
  for (std::size_t at = bids; at < count; ++at) asks_.set(run.levels[at]);
  if (!run.last) return Result::partial;

  update_id_ = run.update_id;
  is_valid_ = true;
  if (bids_.count() == 0 || asks_.count() == 0) {
    touch_.reset();
    return Result::whole;
  }
  const Touch touch{bids_.best(), asks_.best()};
  if (touch.bid.price >= touch.ask.price) {
    invalidate();
    return Result::crossed;
  }
  touch_ = touch;
  return Result::whole;
}

}  // namespace halcyon::engine
