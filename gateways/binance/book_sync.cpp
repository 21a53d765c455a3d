#include "gateways/binance/book_sync.h"

#include <algorithm>

namespace halcyon::gateways::binance {

using domain::Event;

void BookSync::forget_held() {
  held_.clear();
  held_events_.clear();
}

void BookSync::hold(std::uint64_t first_id, std::uint64_t last_id, std::vector<Event>& events,
                    std::size_t start) {
  const auto first = events.begin() + static_cast<std::ptrdiff_t>(start);
  const std::size_t count = events.size() - start;
  if (!held_.empty() && first_id > held_.back().last_id + 1) {
    ++counters_.gaps;  // what was kept leads nowhere any more
    forget_held();
  }
  if (held_events_.size() + count > max_held_events) {
    ++counters_.overflows;
    forget_held();
  }
  if (count <= max_held_events) {
    held_.push_back({first_id, last_id, count});
    held_events_.insert(held_events_.end(), first, events.end());
  }
  events.erase(first, events.end());
}

void BookSync::on_stream_up() {
  forget_held();
  ++generation_;
  state_ = State::collecting;
  pause_ = first_pause;
}

bool BookSync::on_stream_down() {
  const bool was_valid = is_synced();
  forget_held();
  ++generation_;
  state_ = State::down;
  return was_valid;
}

BookSync::Verdict BookSync::on_update(std::uint64_t first_id, std::uint64_t last_id,
                                      std::vector<Event>& events, std::size_t start) {
  switch (state_) {
    case State::synced:
      if (last_id <= update_id_) {
        ++counters_.dropped;
        events.erase(events.begin() + static_cast<std::ptrdiff_t>(start), events.end());
        return Verdict::drop;
      }
      if (first_id > update_id_ + 1) {
        ++counters_.gaps;
        ++generation_;
        state_ = State::wanting;
        hold(first_id, last_id, events, start);
        return Verdict::gap;
      }
      update_id_ = last_id;
      return Verdict::apply;
    case State::down:
      // A stream that was not announced: the session has ended it. Nothing to keep.
      events.erase(events.begin() + static_cast<std::ptrdiff_t>(start), events.end());
      return Verdict::drop;
    case State::collecting:
      state_ = State::wanting;
      [[fallthrough]];
    case State::wanting:
    case State::asked:
      hold(first_id, last_id, events, start);
      return Verdict::hold;
  }
  return Verdict::drop;
}

void BookSync::on_asked(domain::Timestamp now) {
  state_ = State::asked;
  asked_at_ = now;
}

void BookSync::pause(domain::Timestamp now) {
  state_ = State::wanting;
  not_before_ = now + pause_;
  pause_ = std::min<domain::Duration>(pause_ * 2, longest_pause);
}

BookSync::Join BookSync::on_snapshot(std::uint64_t last_update_id, std::span<const Event> levels,
                                     domain::Timestamp now, std::vector<Event>& out) {
  if (state_ != State::asked || levels.empty()) return Join::not_wanted;
  // The snapshot must reach the first update that is kept; the one just before it will do.
  if (held_.empty() || last_update_id + 1 < held_.front().first_id) {
    ++counters_.too_old;
    pause(now);
    return Join::too_old;
  }
  Event reset = levels.front();
  reset.what = domain::BookReset{};
  out.push_back(reset);
  out.insert(out.end(), levels.begin(), levels.end());
  update_id_ = last_update_id;
  std::size_t at = 0;
  for (const Held& held : held_) {
    if (held.last_id > update_id_) {
      const auto first = held_events_.begin() + static_cast<std::ptrdiff_t>(at);
      out.insert(out.end(), first, first + static_cast<std::ptrdiff_t>(held.events));
      update_id_ = held.last_id;
    } else {
      ++counters_.dropped;
    }
    at += held.events;
  }
  forget_held();
  ++counters_.joined;
  state_ = State::synced;
  pause_ = first_pause;
  return Join::synced;
}

void BookSync::on_snapshot_failed(domain::Timestamp now) {
  if (state_ == State::asked) pause(now);
}

domain::Timestamp BookSync::next_deadline() const {
  switch (state_) {
    case State::wanting:
      return not_before_;
    case State::asked:
      return asked_at_ + answer_time_out;
    case State::down:
    case State::collecting:
    case State::synced:
      break;
  }
  return domain::never;
}

void BookSync::on_time(domain::Timestamp now) {
  if (state_ == State::asked && now >= asked_at_ + answer_time_out) {
    ++generation_;  // should it come after all, it is not the one that is waited for
    pause(now);
  }
}

}  // namespace halcyon::gateways::binance
