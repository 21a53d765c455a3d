#include "engine/orders.h"

#include <algorithm>

namespace halcyon::engine {

using domain::Quantity;

namespace {

/// Orders that may be alive at once before memory has to grow.
constexpr std::size_t live_reserved = 1024;

}  // namespace

Quantity Order::open_quantity() const {
  const Quantity upto = is_terminal() ? now.reported : std::max(most(), now.reported);
  return upto > now.filled ? upto - now.filled : Quantity{};
}

Orders::Orders(std::size_t ended_kept)
    : ended_kept_(std::max<std::size_t>(ended_kept, 1)),
      by_id_(ended_kept_ + live_reserved),
      by_venue_(ended_kept_ + live_reserved),
      successors_(live_reserved),
      groups_(live_reserved) {
  slots_.reserve(ended_kept_ + live_reserved);
  free_.reserve(ended_kept_ + live_reserved);
}

void Orders::append(List& list, std::uint32_t at) {
  slots_[at].previous = list.last;
  slots_[at].next = none;
  (list.last == none ? list.first : slots_[list.last].next) = at;
  list.last = at;
  ++list.count;
}

void Orders::remove(List& list, std::uint32_t at) {
  const Slot& slot = slots_[at];
  (slot.previous == none ? list.first : slots_[slot.previous].next) = slot.next;
  (slot.next == none ? list.last : slots_[slot.next].previous) = slot.previous;
  --list.count;
}

void Orders::forget_oldest() {
  const std::uint32_t at = ended_.first;
  const Order& order = slots_[at].order;
  remove(ended_, at);
  by_id_.erase(order.id());
  if (!order.now.venue_order.is_none()) {
    by_venue_.erase({order.asked.account, order.asked.instrument, order.now.venue_order});
  }
  if (!order.is_ours()) external_names_.erase(order.id());
  if (!order.asked.group.is_none()) groups_.erase(order.asked.group);
  if (!order.asked.replaces.is_none()) successors_.erase(order.asked.replaces);
  free_.push_back(at);
}

void Orders::apply(const domain::OrderOpened& opened, std::string_view external_name) {
  if (by_id_.find(opened.order.id) != nullptr) return;
  std::uint32_t at = 0;
  if (free_.empty()) {
    at = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    at = free_.back();
    free_.pop_back();
    slots_[at] = Slot{};
  }
  Order& order = slots_[at].order;
  order.asked = opened.order;
  order.now.order = opened.order.id;
  order.place.request = opened.order.id;
  order.place.order = opened.order.id;
  order.armed.order = order.amended.order = opened.order.id;
  order.armed.stop_price = opened.order.stop_price;
  if (!opened.order.group.is_none()) {
    std::array<domain::OrderId, most_in_group> members{};
    if (const auto* known = groups_.find(opened.order.group)) members = *known;
    const auto free = std::find(members.begin(), members.end(), domain::OrderId{});
    if (free != members.end()) *free = opened.order.id;
    groups_.put(opened.order.group, members);
  }
  if (!opened.order.replaces.is_none()) successors_.put(opened.order.replaces, opened.order.id);
  if (!order.is_ours()) {
    order.place.state = domain::RequestState::acknowledged;
    external_names_.emplace(opened.order.id, external_name);
  }
  slots_[at].is_live = true;
  append(live_, at);
  by_id_.put(opened.order.id, at);
}

void Orders::apply(const domain::OrderChanged& changed) {
  const std::uint32_t* found = by_id_.find(changed.order);
  if (found == nullptr) return;  // a tombstone that a smaller ring has given up
  const std::uint32_t at = *found;
  Slot& slot = slots_[at];
  Order& order = slot.order;
  if (order.now.venue_order != changed.venue_order) {
    const domain::AccountId account = order.asked.account;
    const domain::InstrumentId instrument = order.asked.instrument;
    if (!order.now.venue_order.is_none()) {
      by_venue_.erase({account, instrument, order.now.venue_order});
    }
    if (!changed.venue_order.is_none()) {
      by_venue_.put({account, instrument, changed.venue_order}, at);
    }
  }
  order.now = changed;
  const bool is_live = !order.is_terminal() || order.is_owed_fills();
  if (is_live == slot.is_live) return;
  slot.is_live = is_live;
  remove(is_live ? ended_ : live_, at);
  append(is_live ? live_ : ended_, at);
  if (ended_.count > ended_kept_) forget_oldest();
}

void Orders::apply(const domain::RequestChanged& changed) {
  Order* order = find(changed.order);
  if (order == nullptr) return;
  switch (changed.kind) {
    case domain::RequestKind::place:
      order->place = changed;
      break;
    case domain::RequestKind::cancel:
      order->cancel = changed;
      break;
    case domain::RequestKind::replace:
      order->replace = changed;
      break;
  }
}

void Orders::apply(const domain::OrderAmended& amended) {
  if (Order* order = find(amended.order)) order->amended = amended;
}

void Orders::apply(const domain::OrderArmed& armed) {
  if (Order* order = find(armed.order)) order->armed = armed;
}

Order* Orders::find(domain::OrderId id) {
  const std::uint32_t* at = by_id_.find(id);
  return at == nullptr ? nullptr : &slots_[*at].order;
}

const Order* Orders::find(domain::OrderId id) const {
  const std::uint32_t* at = by_id_.find(id);
  return at == nullptr ? nullptr : &slots_[*at].order;
}

Order* Orders::find(domain::AccountId account, domain::InstrumentId instrument,
                    domain::ForeignId id) {
  if (id.is_none()) return nullptr;
  const std::uint32_t* at = by_venue_.find({account, instrument, id});
  return at == nullptr ? nullptr : &slots_[*at].order;
}

void Orders::snapshot(const List& list, std::vector<domain::RecordEntry>& records) const {
  for (std::uint32_t at = list.first; at != none; at = slots_[at].next) {
    const Order& order = slots_[at].order;
    const auto name = external_names_.find(order.id());
    records.push_back({domain::OrderOpened{order.asked},
                       name == external_names_.end() ? std::string_view{} : name->second});
    if (order.is_ours()) records.push_back({order.place, {}});
    if (!order.cancel.request.is_none()) records.push_back({order.cancel, {}});
    if (!order.replace.request.is_none()) records.push_back({order.replace, {}});
    if (order.amended.requested != 0) records.push_back({order.amended, {}});
    const bool is_armed = order.armed.is_triggered || !order.armed.extreme.is_zero() ||
                          order.armed.stop_price != order.asked.stop_price;
    if (is_armed) records.push_back({order.armed, {}});
    records.push_back({order.now, {}});
  }
}

void Orders::snapshot(std::vector<domain::RecordEntry>& records) const {
  snapshot(ended_, records);
  snapshot(live_, records);
}

}  // namespace halcyon::engine
