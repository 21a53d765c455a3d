#pragma once

// For decode_*.cpp only: runs of book levels.

#include <algorithm>
#include <cstddef>
#include <vector>

#include "domain/event.h"
#include "gateways/binance/json_text.h"

namespace halcyon::gateways::binance {

/// Puts a copy of `prototype` at the end. The copy is one call of memmove; to construct an event in
/// place costs g++ two string instructions, which is several times as much.
inline domain::Event& append(std::vector<domain::Event>& events, const domain::Event& prototype) {
  events.insert(events.end(), &prototype, &prototype + 1);
  return events.back();
}

template <class What>
domain::Event prototype_of() {
  domain::Event event;
  event.what.emplace<What>();
  return event;
}

/// Appends levels as a run of BookLevels events, bids first.
class LevelWriter {
 public:
  explicit LevelWriter(std::vector<domain::Event>& events)
      : events_(events), start_(events.size()) {}

  /// An event with room for at least one more level of this side. Whoever fills it counts what it
  /// adds, and nobody else adds meanwhile.
  domain::BookLevels& room(bool is_bid) {
    static const domain::Event prototype = prototype_of<domain::BookLevels>();
    if (is_bid && has_asks_) bids_behind_ = true;
    if (!is_bid) has_asks_ = true;
    if (events_.size() > start_) {
      auto& current = *std::get_if<domain::BookLevels>(&events_.back().what);
      // A bid never stands behind an ask in one event.
      if (current.count < domain::BookLevels::capacity &&
          (!is_bid || current.count == current.bids)) {
        return current;
      }
    }
    return *std::get_if<domain::BookLevels>(&append(events_, prototype).what);
  }

  void add(bool is_bid, domain::Price price, domain::Quantity quantity) {
    domain::BookLevels& levels = room(is_bid);
    levels.levels[levels.count++] = {price, quantity};
    if (is_bid) ++levels.bids;
  }

  /// Makes one run of what was added; an update without levels still moves the update id.
  void finish(const domain::Event& head, std::uint64_t update_id) {
    if (bids_behind_) put_bids_first();
    if (events_.size() == start_) append(events_, prototype_of<domain::BookLevels>());
    for (std::size_t index = start_; index < events_.size(); ++index) {
      domain::Event& event = events_[index];
      event.venue_time = head.venue_time;
      event.received = head.received;
      event.instrument = head.instrument;
      event.venue = head.venue;
      auto& levels = *std::get_if<domain::BookLevels>(&event.what);
      levels.update_id = update_id;
      levels.last = index + 1 == events_.size();
    }
  }

 private:
  /// The venue sends bids first. Should it ever not, whole events change places: with asks first,
  /// an event holds one side only.
  void put_bids_first() {
    std::stable_partition(events_.begin() + static_cast<std::ptrdiff_t>(start_), events_.end(),
                          [](const domain::Event& event) {
                            return std::get_if<domain::BookLevels>(&event.what)->bids > 0;
                          });
  }

  std::vector<domain::Event>& events_;
  std::size_t start_;
  bool has_asks_ = false;
  bool bids_behind_ = false;
};

inline DecodeError read_levels(ondemand::value& value, bool is_bid, LevelWriter& writer) {
  ondemand::array levels;
  HALCYON_TRY_JSON(value.get_array().get(levels));
  for (auto item : levels) {
    ondemand::array pair;
    HALCYON_TRY_JSON(item.get_array().get(pair));
    const char* token[2] = {nullptr, nullptr};
    std::size_t count = 0;
    for (auto element : pair) {
      ondemand::value text;
      HALCYON_TRY_JSON(std::move(element).get(text));
      // 2018 frames had a third, empty element.
      if (count < 2) token[count] = text.raw_json_token().data();
      ++count;
    }
    HALCYON_WANT(count >= 2, DecodeError::missing_field);
    domain::Price price;
    domain::Quantity quantity;
    HALCYON_WANT(read_amount(token[0], price), bad_decimal(token[0]));
    HALCYON_WANT(read_amount(token[1], quantity), bad_decimal(token[1]));
    writer.add(is_bid, price, quantity);
  }
  return DecodeError::none;
}

}  // namespace halcyon::gateways::binance
