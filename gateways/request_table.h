#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "domain/time.h"

namespace halcyon::gateways {

/// The requests in flight, at most `capacity`. A `Request` has members `id` (as sent; 0: the place
/// is free), `sent`, `deadline` and `is_late` (said to be unknown already, and its answer still
/// welcome). The id that goes over the wire names the place in the table, so that finding an
/// answer's request is one look; ids are never used twice. All wait for the same time, so the
/// oldest is the first to be overdue. Opening and closing do not allocate.
template <class Request>
class RequestTable {
 public:
  static constexpr std::size_t capacity = 512;

  RequestTable() : places_(capacity) {
    for (std::size_t index = 0; index < capacity; ++index) {
      links_[index].next = static_cast<std::uint16_t>(index + 1 == capacity ? nobody : index + 1);
    }
  }

  /// Null when every place is taken by a request that still waits. A late one gives its place up.
  Request* open(domain::Timestamp now, domain::Duration time_out) {
    if (free_ == nobody) {
      if (late_.first == nobody) return nullptr;
      close(places_[late_.first]);
    }
    const std::uint16_t index = free_;
    free_ = links_[index].next;
    append(waiting_, index);
    ++waiting_count_;
    Request& request = places_[index];
    request = Request{};
    request.id = ++sequence_ << index_bits | index;
    request.sent = now;
    request.deadline = now + time_out;
    return &request;
  }

  /// The request that `id` belongs to; null when it is closed, or never was.
  Request* find(std::uint64_t id) {
    const std::size_t index = id & (capacity - 1);
    return id != 0 && places_[index].id == id ? &places_[index] : nullptr;
  }

  /// The same by what of the id fits a REST tag.
  Request* find_tag(std::uint32_t tag) {
    const std::size_t index = tag & (capacity - 1);
    return (places_[index].id & tag_mask) == tag && places_[index].id != 0 ? &places_[index]
                                                                           : nullptr;
  }
  static constexpr std::uint64_t tag_mask = (std::uint64_t{1} << 30) - 1;

  void close(Request& request) {
    const std::uint16_t index = index_of(request);
    remove(request.is_late ? late_ : waiting_, index);
    if (!request.is_late) --waiting_count_;
    request = Request{};
    links_[index].next = free_;
    free_ = index;
  }

  /// Waits no longer for the answer, and still knows it when it comes.
  void mark_late(Request& request) {
    const std::uint16_t index = index_of(request);
    remove(waiting_, index);
    --waiting_count_;
    request.is_late = true;
    append(late_, index);
  }

  /// Calls `look(request)` for each that waits, oldest first; it may close that one.
  template <class Look>
  void each_waiting(Look&& look) {
    for (std::uint16_t index = waiting_.first; index != nobody;) {
      const std::uint16_t next = links_[index].next;
      look(places_[index]);
      index = next;
    }
  }
  /// The one that waits longest; null when none does.
  Request* oldest() { return waiting_.first == nobody ? nullptr : &places_[waiting_.first]; }
  Request* oldest_late() { return late_.first == nobody ? nullptr : &places_[late_.first]; }
  domain::Timestamp next_deadline() const {
    return waiting_.first == nobody ? domain::never : places_[waiting_.first].deadline;
  }
  std::size_t waiting() const { return waiting_count_; }

 private:
  static constexpr unsigned index_bits = 9;
  static constexpr std::uint16_t nobody = UINT16_MAX;
  static_assert(capacity == std::size_t{1} << index_bits);

  struct Link {
    std::uint16_t previous = nobody;
    std::uint16_t next = nobody;
  };
  struct List {
    std::uint16_t first = nobody;
    std::uint16_t last = nobody;
  };

  std::uint16_t index_of(const Request& request) const {
    return static_cast<std::uint16_t>(&request - places_.data());
  }
  void append(List& list, std::uint16_t index) {
    links_[index] = {list.last, nobody};
    (list.last == nobody ? list.first : links_[list.last].next) = index;
    list.last = index;
  }
  void remove(List& list, std::uint16_t index) {
    const Link link = links_[index];
    (link.previous == nobody ? list.first : links_[link.previous].next) = link.next;
    (link.next == nobody ? list.last : links_[link.next].previous) = link.previous;
  }

  std::vector<Request> places_;
  std::array<Link, capacity> links_{};
  List waiting_, late_;
  std::uint16_t free_ = 0;
  std::uint64_t sequence_ = 0;
  std::size_t waiting_count_ = 0;
};

}  // namespace halcyon::gateways
