#include "engine/lots.h"

#include <algorithm>

namespace halcyon::engine {

using domain::FillBooked;
using domain::LotChanged;
using domain::Money;
using domain::Quantity;
using domain::RoundTripClosed;

void Lots::apply(const LotChanged& changed) {
  last_lot_ = std::max(last_lot_, changed.number);
  const auto same = std::find_if(lots_.begin(), lots_.end(), [&](const LotChanged& lot) {
    return lot.number == changed.number;
  });
  if (same == lots_.end()) {
    if (!changed.quantity.is_zero()) lots_.push_back(changed);
  } else if (changed.quantity.is_zero()) {
    lots_.erase(same);
  } else {
    *same = changed;
  }
}

void Lots::apply(const RoundTripClosed& closed) {
  last_trip_ = std::max(last_trip_, closed.number);
  trips_.put(key_of(closed.account, closed.strategy), closed);
}

void Lots::snapshot(std::vector<domain::RecordEntry>& records) const {
  for (const LotChanged& lot : lots_) records.push_back({lot, {}});
  for (const RoundTripClosed& trip : trips_.rows()) records.push_back({trip, {}});
}

Money Lots::unbook(const FillBooked& fill, const FillEffect& effect) {
  const Traded traded = traded_of(effect);
  Quantity left = -traded.change;
  Money paid = -traded.paid;
  Money fees = -(effect.base_fee_value + effect.other_fee);
  const auto opened = std::find_if(lots_.begin(), lots_.end(), [&](const LotChanged& lot) {
    return lot.fill == fill.number && !left.is_zero() &&
           lot.quantity.is_negative() == traded.change.is_negative();
  });
  if (opened != lots_.end()) {
    LotChanged rest = *opened;
    const Quantity whole = left.abs();
    const Quantity taken = std::min(whole, rest.quantity.abs());
    const Money paid_here = share(paid, taken, whole);
    const Money fees_here = share(fees, taken, whole);
    const Quantity signed_taken = left.is_negative() ? -taken : taken;
    rest.quantity += signed_taken;
    rest.cost += paid_here;
    rest.fees += fees_here;
    decisions_.record(rest);
    left -= signed_taken;
    paid -= paid_here;
    fees -= fees_here;
  }
  return left.is_zero() ? Money{} : book(fill, left, paid, fees);
}

Money Lots::book(const FillBooked& fill, Quantity left, Money paid, Money fees) {
  Money realized;
  const auto is_its = [&](const LotChanged& lot) {
    return lot.account == fill.account && lot.strategy == fill.strategy &&
           lot.instrument == fill.instrument;
  };
  while (!left.is_zero()) {
    const auto oldest = std::find_if(lots_.begin(), lots_.end(), is_its);
    if (oldest == lots_.end() || oldest->quantity.is_negative() == left.is_negative()) break;
    const LotChanged lot = *oldest;
    const Quantity size = lot.quantity.abs();
    const Quantity closed = std::min(size, left.abs());
    const Money cost = share(lot.cost, closed, size);
    const Money entry_fees = share(lot.fees, closed, size);
    const Money paid_here = share(paid, closed, left.abs());
    const Money exit_fees = share(fees, closed, left.abs());
    const Quantity signed_closed = lot.quantity.is_negative() ? -closed : closed;

    LotChanged rest = lot;
    rest.quantity -= signed_closed;
    rest.cost -= cost;
    rest.fees -= entry_fees;
    decisions_.record(rest);

    RoundTripClosed trip;
    trip.number = last_trip_ + 1;
    trip.entry_lot = lot.number;
    trip.exit_fill = fill.number;
    trip.account = fill.account;
    trip.strategy = fill.strategy;
    trip.instrument = fill.instrument;
    trip.side = lot.quantity.is_negative() ? domain::Side::sell : domain::Side::buy;
    trip.quantity = closed;
    trip.entry_amount = cost.abs();
    trip.exit_amount = paid_here.abs();
    trip.fees = entry_fees + exit_fees;
    const Money before_fees = -paid_here - cost;
    trip.profit = before_fees - trip.fees;
    trip.opened = lot.opened;
    trip.closed = fill.venue_time;
    const RoundTripClosed* last = trips_.find(key_of(fill.account, fill.strategy));
    trip.losses_in_a_row =
        trip.profit.is_negative() ? (last == nullptr ? 0 : last->losses_in_a_row) + 1 : 0;
    decisions_.record(trip);
    if (on_trip_) on_trip_(trip);

    realized += before_fees;
    paid -= paid_here;
    fees -= exit_fees;
    left += signed_closed;
  }
  if (left.is_zero()) return realized;

  const auto count = static_cast<std::size_t>(std::count_if(lots_.begin(), lots_.end(), is_its));
  LotChanged opened;
  if (count >= most_per_position) {
    opened = *std::find_if(lots_.rbegin(), lots_.rend(), is_its);
  } else {
    opened.number = last_lot_ + 1;
    opened.account = fill.account;
    opened.strategy = fill.strategy;
    opened.instrument = fill.instrument;
    opened.opened = fill.venue_time;
    opened.fill = fill.number;
  }
  opened.quantity += left;
  opened.cost += paid;
  opened.fees += fees;
  decisions_.record(opened);
  return realized;
}

}  // namespace halcyon::engine
