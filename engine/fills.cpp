#include "engine/fills.h"

#include <algorithm>

namespace halcyon::engine {

using domain::FillBooked;

Fills::Fills(std::size_t kept)
    : kept_(std::max<std::size_t>(kept, 1)), booked_(kept_ + 1), heads_(64), let_go_index_(64) {
  rows_.reserve(kept_);
}

void Fills::apply(const FillBooked& fill) {
  const PackedKey place = key_of(fill.account, fill.instrument);
  if (added_ - forgotten_ == kept_) {
    const FillBooked& oldest = rows_[forgotten_ % kept_].fill;
    const PackedKey where = key_of(oldest.account, oldest.instrument);
    if (!oldest.trade.is_none()) booked_.erase({oldest.account, oldest.instrument, oldest.trade});
    if (const std::uint32_t* at = let_go_index_.find(where)) {
      let_go_[*at] = oldest;
    } else {
      let_go_index_.put(where, static_cast<std::uint32_t>(let_go_.size()));
      let_go_.push_back(oldest);
    }
    ++forgotten_;
  }
  const std::uint64_t* head = heads_.find(place);
  const Row row{fill, head == nullptr ? 0 : *head, {}};
  ++added_;
  if (rows_.size() < kept_) {
    rows_.push_back(row);
  } else {
    rows_[(added_ - 1) % kept_] = row;
  }
  heads_.put(place, added_);
  if (!fill.trade.is_none()) booked_.put({fill.account, fill.instrument, fill.trade}, true);
  last_number_ = std::max(last_number_, fill.number);
}

bool Fills::is_booked(domain::AccountId account, domain::InstrumentId instrument,
                      domain::ForeignId trade) const {
  if (trade.is_none()) return false;
  if (booked_.find({account, instrument, trade}) != nullptr) return true;
  const std::uint32_t* at = let_go_index_.find(key_of(account, instrument));
  if (at == nullptr) return false;
  const domain::ForeignId gone = let_go_[*at].trade;
  return trade.high == 0 && gone.high == 0 && trade.low <= gone.low;
}

const FillBooked* Fills::newest(domain::AccountId account, domain::InstrumentId instrument) const {
  return newest_until(account, instrument, domain::never);
}

const FillBooked* Fills::newest_until(domain::AccountId account, domain::InstrumentId instrument,
                                      domain::Timestamp venue_time) const {
  const FillBooked* found = nullptr;
  each_newest_first(account, instrument, [&](const FillBooked& fill) {
    if (fill.venue_time > venue_time || fill.trade.is_none()) return true;
    found = &fill;
    return false;
  });
  return found;
}

void Fills::apply(const domain::FillVoided& voided) {
  const std::uint64_t* head = heads_.find(key_of(voided.account, voided.instrument));
  for (std::uint64_t at = head == nullptr ? 0 : *head; at > forgotten_;) {
    Row& row = rows_[(at - 1) % kept_];
    if (row.fill.number == voided.number) {
      row.voided = voided;
      return;
    }
    at = row.previous;
  }
}

namespace {

template <class Is>
const FillBooked* first(const Fills& fills, domain::AccountId account,
                        domain::InstrumentId instrument, Is is) {
  const FillBooked* found = nullptr;
  fills.each_newest_first(account, instrument, [&](const FillBooked& fill) {
    if (is(fill)) found = &fill;
    return found == nullptr;
  });
  return found;
}

}  // namespace

const FillBooked* Fills::find(domain::AccountId account, domain::InstrumentId instrument,
                              domain::ForeignId trade) const {
  return first(*this, account, instrument,
               [&](const FillBooked& fill) { return fill.trade == trade && !trade.is_none(); });
}

const FillBooked* Fills::find(domain::AccountId account, domain::InstrumentId instrument,
                              std::uint64_t number) const {
  return first(*this, account, instrument,
               [&](const FillBooked& fill) { return fill.number == number; });
}

const FillBooked* Fills::provisional(const FillBooked& like) const {
  return first(*this, like.account, like.instrument, [&](const FillBooked& fill) {
    return fill.is_provisional && fill.order == like.order;
  });
}

void Fills::snapshot(std::vector<domain::RecordEntry>& records) const {
  // Those let go come first, in the order of their numbers: a ring that is filled again from these
  // records lets go of exactly them.
  std::vector<FillBooked> first = let_go_;
  std::sort(first.begin(), first.end(),
            [](const FillBooked& a, const FillBooked& b) { return a.number < b.number; });
  for (const FillBooked& fill : first) records.push_back({fill, {}});
  for (std::uint64_t at = forgotten_; at < added_; ++at) {
    records.push_back({rows_[at % kept_].fill, {}});
  }
  for (std::uint64_t at = forgotten_; at < added_; ++at) {
    const Row& row = rows_[at % kept_];
    if (row.voided.number != 0) records.push_back({row.voided, {}});
  }
}

}  // namespace halcyon::engine
