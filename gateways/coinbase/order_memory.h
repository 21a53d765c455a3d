#pragma once

#include <cstddef>
#include <deque>
#include <unordered_map>

#include "domain/event.h"
#include "domain/ids.h"
#include "domain/time.h"

namespace halcyon::gateways::coinbase {

/// What a session has heard of our orders: their ids at the venue, since the venue finds none by
/// ours, and their running totals, since it tells no executions (section 9). Nothing here is
/// needed to be right after a restart: the engine knows what it has booked.
class OrderMemory {
 public:
  /// Orders kept; the oldest goes first.
  static constexpr std::size_t capacity = 8192;

  struct Known {
    domain::ForeignId venue_order;
    domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
    domain::Timestamp sent;      ///< epoch: not by this session
    domain::Quantity quantity;   ///< original; zero: not heard
    domain::Quantity filled;     ///< of the last word
    domain::Money filled_value;  ///< likewise
    domain::Money fees;          ///< likewise
    bool has_ended = false;
  };

  /// The order's place; made when it is new.
  Known& at(domain::OrderId order) {
    const auto [place, is_new] = orders_.try_emplace(order);
    if (is_new) {
      age_.push_back(order);
      if (age_.size() > capacity) forget_oldest();
    }
    return orders_.find(order)->second;
  }
  Known* find(domain::OrderId order) {
    const auto place = orders_.find(order);
    return place == orders_.end() ? nullptr : &place->second;
  }
  void learn(domain::OrderId order, domain::ForeignId venue_order) {
    if (venue_order.is_none()) return;
    at(order).venue_order = venue_order;
    by_venue_.insert_or_assign(venue_order, order);
  }
  /// None when it is not an order of ours that was heard of.
  domain::OrderId find(domain::ForeignId venue_order) const {
    const auto place = by_venue_.find(venue_order);
    return place == by_venue_.end() ? domain::OrderId{} : place->second;
  }

 private:
  void forget_oldest() {
    const auto place = orders_.find(age_.front());
    age_.pop_front();
    if (place == orders_.end()) return;
    by_venue_.erase(place->second.venue_order);
    orders_.erase(place);
  }
  std::unordered_map<domain::OrderId, Known> orders_;
  std::unordered_map<domain::ForeignId, domain::OrderId> by_venue_;
  std::deque<domain::OrderId> age_;
};

}  // namespace halcyon::gateways::coinbase
