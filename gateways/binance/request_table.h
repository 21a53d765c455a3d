#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "domain/command.h"
#include "domain/event.h"
#include "domain/time.h"
#include "gateways/binance/encode.h"

namespace halcyon::gateways::binance {

/// What a request on the order connection asked for.
enum class Method : std::uint8_t {
  time,
  logon,
  subscribe,
  place,
  cancel,
  cancel_replace,
  amend,
  list,
  order_status,
  open_orders,
  fills,
  balances,
};
constexpr bool is_order_request(Method method) {
  return method >= Method::place && method <= Method::list;
}
constexpr bool is_query(Method method) { return method >= Method::order_status; }

/// A list of fills that comes in pages: rows are kept here and go out together, so that no other
/// answer stands between them.
struct FillsQuery {
  FillsPage page;
  std::uint32_t pages = 0;
  std::vector<domain::Event> rows;  ///< remark: 1 + index into `remarks`
  std::vector<std::string> remarks;
};

/// A request that has no answer yet.
struct Pending {
  std::uint64_t id = 0;  ///< as sent; 0: the place is free
  Method method = Method::time;
  domain::RequestId request;
  domain::OrderId order;
  domain::ForeignId venue_order;
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  domain::Timestamp sent;
  domain::Timestamp deadline;
  bool is_late = false;    ///< said to be unknown already; its answer is still welcome
  bool by_rest = false;    ///< lives on when the connection is lost
  bool on_second = false;  ///< was sent on the second connection
  /// cancel_replace: the new order; list: all of them. Each has an outcome of its own.
  std::array<domain::OrderId, domain::OrderList::capacity> placed;
  std::uint8_t placed_count = 0;
  std::unique_ptr<FillsQuery> fills;
};

/// The requests in flight, at most `capacity`. The id that goes over the wire names the place in
/// the table, so that finding an answer's request is one look; ids are never used twice. All wait
/// for the same time, so the oldest is the first to be overdue. Opening and closing do not
/// allocate.
class RequestTable {
 public:
  static constexpr std::size_t capacity = 512;

  RequestTable() : places_(capacity) {
    for (std::size_t index = 0; index < capacity; ++index) {
      links_[index].next = static_cast<std::uint16_t>(index + 1 == capacity ? nobody : index + 1);
    }
  }

  /// Null when every place is taken by a request that still waits. A late one gives its place up.
  Pending* open(Method method, domain::Timestamp now, domain::Duration time_out) {
    if (free_ == nobody) {
      if (late_.first == nobody) return nullptr;
      close(places_[late_.first]);
    }
    const std::uint16_t index = free_;
    free_ = links_[index].next;
    append(waiting_, index);
    ++waiting_count_;
    Pending& pending = places_[index];
    pending.id = ++sequence_ << index_bits | index;
    pending.method = method;
    pending.request = {};
    pending.order = {};
    pending.venue_order = {};
    pending.instrument = domain::no<domain::InstrumentId>;
    pending.sent = now;
    pending.deadline = now + time_out;
    pending.is_late = false;
    pending.by_rest = pending.on_second = false;
    pending.placed_count = 0;
    return &pending;
  }

  /// The request that `id` belongs to; null when it is closed, or never was.
  Pending* find(std::uint64_t id) {
    const std::size_t index = id & (capacity - 1);
    return id != 0 && places_[index].id == id ? &places_[index] : nullptr;
  }

  /// The same by what of the id fits a REST tag.
  Pending* find_tag(std::uint32_t tag) {
    const std::size_t index = tag & (capacity - 1);
    return (places_[index].id & tag_mask) == tag && places_[index].id != 0 ? &places_[index]
                                                                           : nullptr;
  }
  static constexpr std::uint64_t tag_mask = (std::uint64_t{1} << 30) - 1;

  void close(Pending& pending) {
    const std::uint16_t index = index_of(pending);
    remove(pending.is_late ? late_ : waiting_, index);
    if (!pending.is_late) --waiting_count_;
    pending.id = 0;
    pending.fills.reset();
    links_[index].next = free_;
    free_ = index;
  }

  /// Waits no longer for the answer, and still knows it when it comes.
  void mark_late(Pending& pending) {
    const std::uint16_t index = index_of(pending);
    remove(waiting_, index);
    --waiting_count_;
    pending.is_late = true;
    append(late_, index);
  }

  /// Calls `look(pending)` for each that waits, oldest first; it may close that one.
  template <class Look>
  void each_waiting(Look&& look) {
    for (std::uint16_t index = waiting_.first; index != nobody;) {
      const std::uint16_t next = links_[index].next;
      look(places_[index]);
      index = next;
    }
  }
  /// The one that waits longest; null when none does.
  Pending* oldest() { return waiting_.first == nobody ? nullptr : &places_[waiting_.first]; }
  Pending* oldest_late() { return late_.first == nobody ? nullptr : &places_[late_.first]; }
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

  std::uint16_t index_of(const Pending& pending) const {
    return static_cast<std::uint16_t>(&pending - places_.data());
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

  std::vector<Pending> places_;
  std::array<Link, capacity> links_{};
  List waiting_, late_;
  std::uint16_t free_ = 0;
  std::uint64_t sequence_ = 0;
  std::size_t waiting_count_ = 0;
};

}  // namespace halcyon::gateways::binance
