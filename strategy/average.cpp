#include "strategy/average.h"

#include "domain/check.h"

namespace halcyon::strategy {

namespace {

constexpr domain::Int128 fine_parts = domain::Int128{1} << 32;

domain::Int128 floor_divide(domain::Int128 dividend, domain::Int128 divisor) {
  const domain::Int128 quotient = dividend / divisor;
  return dividend % divisor < 0 ? quotient - 1 : quotient;
}

}  // namespace

MovingAverage::MovingAverage(config::Average kind, std::size_t period)
    : kind_(kind), period_(period) {
  HALCYON_CHECK(period >= 1, "an average has a period");
  window_.reserve(period);
}

void MovingAverage::add(domain::Price price) {
  if (kind_ == config::Average::exponential && is_ready()) {
    // 63 bits of price, 32 of fraction, one of sign and one of the factor 2 fit 128 easily.
    const domain::Int128 distance = price.raw() * fine_parts - smooth_;
    smooth_ += 2 * distance / static_cast<domain::Int128>(period_ + 1);
    return;
  }
  sum_ += price.raw();
  if (window_.size() < period_) {
    window_.push_back(price);
    ++seen_;
  } else {
    sum_ -= window_[oldest_].raw();
    window_[oldest_] = price;
    oldest_ = oldest_ + 1 == period_ ? 0 : oldest_ + 1;
  }
  if (kind_ == config::Average::exponential && is_ready()) {
    smooth_ = floor_divide(sum_ * fine_parts, static_cast<domain::Int128>(period_));
  }
}

domain::Int128 MovingAverage::fine() const {
  HALCYON_CHECK(is_ready(), "an average is asked for when there is one");
  if (kind_ == config::Average::exponential) return smooth_;
  return floor_divide(sum_ * fine_parts, static_cast<domain::Int128>(period_));
}

std::optional<domain::Price> MovingAverage::value() const {
  if (!is_ready()) return std::nullopt;
  // An average lies between prices, so it fits one.
  return domain::Price::from_raw(static_cast<std::int64_t>(floor_divide(fine(), fine_parts)));
}

}  // namespace halcyon::strategy
