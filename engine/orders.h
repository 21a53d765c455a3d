#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "domain/record.h"
#include "domain/time.h"
#include "engine/flat_map.h"
#include "engine/keys.h"

namespace halcyon::engine {

/// What the order manager waits for. Not durable: a restart asks again.
struct Watch {
  domain::Timestamp place_due = domain::never;    ///< no answer to the place request until then
  domain::Timestamp cancel_due = domain::never;   ///< likewise, the cancel
  domain::Timestamp query_due = domain::never;    ///< ask the venue for the order
  domain::RequestId query;                        ///< the question under way
  domain::Timestamp asked;                        ///< when
  std::uint32_t attempts = 0;                     ///< questions since the last news
  std::uint32_t absences = 0;                     ///< believable "no such order" in a row
  domain::Timestamp absent_since;                 ///< when the last of them was asked for
  domain::Timestamp replace_due = domain::never;  ///< no answer to the amend until then
  domain::Timestamp retry_due = domain::never;    ///< held: the gate is asked again
  domain::Reason refused = domain::Reason::none;  ///< held: what the gate said last
  std::uint64_t listed = 0;       ///< number of the last list of open orders that named it
  bool is_checked = false;        ///< reconciliation waits for the venue's word on it
  bool is_place_out = false;      ///< the command is on its way to the gateway
  bool is_cancel_out = false;     ///< likewise
  bool is_replace_out = false;    ///< likewise
  bool is_cancel_queued = false;  ///< journaled, but the outbox had no slot yet
  bool is_cancel_wanted = false;  ///< to be asked again as soon as the venue can be reached
};

/// One order and its requests, as the records left them.
struct Order {
  domain::NewOrder asked;
  domain::OrderChanged now;        ///< state, evidence, filled, reported
  domain::RequestChanged place;    ///< of an external order: acknowledged
  domain::RequestChanged cancel;   ///< the last one; its request is none when there was none
  domain::RequestChanged replace;  ///< likewise
  domain::OrderAmended amended;    ///< `requested` 0: never
  domain::OrderArmed armed;        ///< of an order that the engine keeps
  Watch watch;

  const domain::OrderId& id() const { return asked.id; }
  bool is_ours() const { return asked.origin != domain::Origin::external; }
  bool is_terminal() const { return domain::is_terminal(now.state); }
  bool is_held() const { return now.state == domain::OrderState::held; }
  /// What stands at the venue, as far as it is proven.
  domain::Terms terms() const {
    if (amended.accepted != 0) return amended.now;
    return {asked.quantity, asked.limit_price, asked.stop_price};
  }
  /// Waits for its price at the venue: an order of the venue's own kind, or one that the engine had
  /// kept and handed over before its price came.
  bool is_trigger_at_venue() const {
    return domain::has_trigger(asked.type) &&
           (!asked.is_emulated || (!is_held() && !armed.is_triggered));
  }
  bool is_replace_open() const {
    return !replace.request.is_none() && replace.state != domain::RequestState::acknowledged &&
           replace.state != domain::RequestState::refused;
  }
  /// The most it may be filled by: of an amend that is under way, the greater of both quantities.
  domain::Quantity most() const {
    const domain::Quantity now_asked = terms().quantity;
    return is_replace_open() && amended.asked.quantity > now_asked ? amended.asked.quantity
                                                                   : now_asked;
  }
  /// Fills that the venue counted and we have not booked.
  bool is_owed_fills() const { return now.reported > now.filled; }
  /// What may still change the position: counts against every limit. Of a terminal order only what
  /// the venue has counted and we have not booked.
  domain::Quantity open_quantity() const;
  bool is_cancel_under_way() const {
    return !cancel.request.is_none() && (cancel.state == domain::RequestState::journaled ||
                                         cancel.state == domain::RequestState::sent);
  }
  bool is_cancel_unknown() const {
    return !cancel.request.is_none() && cancel.state == domain::RequestState::unknown;
  }
};

/// All orders we know of: those alive, and the ended ones as tombstones in a bounded ring, so that
/// whatever comes late finds its order. An order is alive until it is terminal and every fill the
/// venue counted is booked. Pointers are valid until the next `apply(OrderOpened)`.
class Orders {
 public:
  /// `ended_kept`: how many tombstones; the oldest goes first.
  explicit Orders(std::size_t ended_kept);

  void apply(const domain::OrderOpened& opened, std::string_view external_name);
  void apply(const domain::OrderChanged& changed);
  void apply(const domain::RequestChanged& changed);
  void apply(const domain::OrderAmended& amended);
  void apply(const domain::OrderArmed& armed);

  /// Orders that end each other, ended ones included as long as they are remembered.
  static constexpr std::size_t most_in_group = 16;
  bool is_group_full(domain::OrderId group) const {
    const auto* members = groups_.find(group);
    return members != nullptr && !members->back().is_none();
  }
  template <class Act>
  void each_of_group(domain::OrderId group, Act act) {
    const auto* members = groups_.find(group);
    if (members == nullptr) return;
    for (const domain::OrderId id : std::array{*members}) {
      if (Order* order = id.is_none() ? nullptr : find(id)) act(*order);
    }
  }
  /// The order that replaces this one; none: it was not replaced.
  domain::OrderId successor(domain::OrderId id) const {
    const domain::OrderId* next = successors_.find(id);
    return next == nullptr ? domain::OrderId{} : *next;
  }
  Order* find(domain::OrderId id);
  const Order* find(domain::OrderId id) const;
  /// By the venue's own id.
  Order* find(domain::AccountId account, domain::InstrumentId instrument, domain::ForeignId id);

  /// In the order in which they were opened. `act` may end the order it is given, no other.
  template <class Act>
  void each_live(Act act) {
    for (std::uint32_t at = live_.first; at != none;) {
      const std::uint32_t next = slots_[at].next;
      act(slots_[at].order);
      at = next;
    }
  }
  template <class Act>
  void each_live(Act act) const {
    for (std::uint32_t at = live_.first; at != none; at = slots_[at].next) {
      act(static_cast<const Order&>(slots_[at].order));
    }
  }
  std::size_t live_count() const { return live_.count; }
  std::size_t ended_count() const { return ended_.count; }

  void snapshot(std::vector<domain::RecordEntry>& records) const;

 private:
  static constexpr std::uint32_t none = UINT32_MAX;
  struct Slot {
    Order order;
    std::uint32_t previous = none, next = none;
    bool is_live = false;
  };
  struct List {
    std::uint32_t first = none, last = none;
    std::size_t count = 0;
  };

  void append(List& list, std::uint32_t at);
  void remove(List& list, std::uint32_t at);
  void forget_oldest();
  void snapshot(const List& list, std::vector<domain::RecordEntry>& records) const;

  std::size_t ended_kept_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  List live_, ended_;
  FlatMap<domain::OrderId, std::uint32_t> by_id_;
  FlatMap<ForeignKey, std::uint32_t> by_venue_;
  FlatMap<domain::OrderId, domain::OrderId> successors_;
  FlatMap<domain::OrderId, std::array<domain::OrderId, most_in_group>> groups_;
  std::unordered_map<domain::OrderId, std::string> external_names_;
};

}  // namespace halcyon::engine
