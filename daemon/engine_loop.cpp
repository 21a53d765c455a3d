#include "daemon/engine_loop.h"

#include <algorithm>
#include <utility>

namespace halcyon::daemon {

using domain::Event;

namespace {

void bump(std::atomic<std::uint64_t>& counter, std::uint64_t by = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

}  // namespace

EngineLoop::EngineLoop(engine::Engine& engine, persistence::Journal& journal, Inbox inbox,
                       std::vector<std::optional<OrderOutlet>> orders,
                       std::vector<std::optional<MarketOutlet>> markets, Latency& latency)
    : engine_(engine),
      journal_(journal),
      inbox_(std::move(inbox)),
      orders_(std::move(orders)),
      markets_(std::move(markets)),
      latency_(latency) {
  outputs_.records.reserve(256);
  outputs_.commands.reserve(256);
  outputs_.requests.reserve(64);
  early_remarks_.reserve(max_early_remarks);
  pending_remark_.reserve(domain::Remark::capacity);
}

bool EngineLoop::start(const Event& started, std::span<const domain::RecordEntry> definitions) {
  outputs_.clear();
  outputs_.records.assign(definitions.begin(), definitions.end());
  pending_event_ = started;
  pending_event_.sequence = journal_.last_sequence() + 1;
  engine_.on_event(pending_event_, {}, pending_event_.sequence, outputs_);
  pending_remark_.clear();
  has_pending_ = true;
  return commit();
}

std::string_view EngineLoop::take_remark(std::uint32_t number) {
  if (is_long_remark(number)) {
    // One writer, so they come in the order of their events; one whose event had no room is passed.
    while (inbox_.long_remarks.try_pop(long_remark_)) {
      if (long_remark_.number == number) return *long_remark_.text;
    }
    return {};
  }
  const auto early = std::find_if(early_remarks_.begin(), early_remarks_.end(),
                                  [&](const auto& remark) { return remark.number == number; });
  if (early != early_remarks_.end()) {
    remark_ = *early;
    *early = early_remarks_.back();
    early_remarks_.pop_back();
    return {remark_.text.data(), remark_.length};
  }
  // The writer pushed the text before the event, so it is there; texts of other writers may come
  // first.
  while (inbox_.remarks.try_pop(remark_)) {
    if (remark_.number == number) return {remark_.text.data(), remark_.length};
    if (early_remarks_.size() < max_early_remarks) {
      early_remarks_.push_back(remark_);
    } else {
      bump(counters_.lost_remarks);
    }
  }
  return {};
}

void EngineLoop::handle(Event& event) {
  outputs_.clear();
  event.sequence = journal_.last_sequence() + 1;
  const std::string_view remark =
      event.remark == 0 ? std::string_view{} : take_remark(event.remark);
  const auto before = ticks();
  engine_.on_event(event, remark, event.sequence, outputs_);
  latency_[Stage::engine].record(ticks() - before);
  bump(counters_.events);
  const bool is_input = !domain::is_market(event);
  if (capture_ && !is_input) keep(event);
  if (!is_input && outputs_.records.empty()) {
    // Market data that decided nothing durable may still ask the venue something.
    dispatch();
    if (tap_ != nullptr) tap_->see(event, engine_);
    return;
  }
  pending_event_ = event;
  pending_remark_.assign(remark);
  has_pending_ = true;
  commit();
  if (tap_ != nullptr && !is_input) tap_->see(event, engine_);
}

void EngineLoop::keep(const Event& event) {
  Event kept = event;
  kept.remark = lost_before_;
  if (capture_->try_push(kept)) {
    lost_before_ = 0;
    bump(counters_.captured);
  } else {
    ++lost_before_;
    bump(counters_.capture_lost);
  }
}

bool EngineLoop::commit() {
  const auto before = ticks();
  if (!journal_.append(pending_event_, pending_remark_, outputs_.records)) {
    counters_.is_stalled.store(1, std::memory_order_relaxed);
    return false;
  }
  latency_[Stage::journal].record(ticks() - before);
  counters_.is_stalled.store(0, std::memory_order_relaxed);
  has_pending_ = false;
  dispatch();
  return true;
}

void EngineLoop::dispatch() {
  for (const domain::OrderCommand& command : outputs_.commands) {
    auto& outlet = orders_.at(domain::index_of(command.account));
    HALCYON_CHECK(outlet.has_value(), "an account that trades has an order session");
    // The engine counts what is under way and keeps below the lane's capacity (engine.h, Setup).
    HALCYON_CHECK(outlet->commands.try_push(command), "the outbox has room for a command");
    if (outlet->waker != nullptr) outlet->waker->wake();
    bump(counters_.commands);
  }
  for (const domain::VenueRequest& request : outputs_.requests) {
    if (domain::is_about_market(request.kind)) {
      auto& outlet = markets_.at(domain::index_of(request.venue));
      // A request that does not fit is not lost: the engine asks again when no answer comes.
      if (outlet && outlet->requests.try_push(request) && outlet->waker != nullptr) {
        outlet->waker->wake();
      }
    } else {
      auto& outlet = orders_.at(domain::index_of(request.account));
      if (outlet && outlet->requests.try_push(request) && outlet->waker != nullptr) {
        outlet->waker->wake();
      }
    }
  }
}

bool EngineLoop::has_work() const {
  return inbox_.control.size() + inbox_.orders.size() + inbox_.market.size() != 0;
}

std::size_t EngineLoop::turn(domain::Timestamp now) {
  bump(counters_.turns);
  if (has_pending_ && !commit()) return 0;

  std::size_t handled = 0;
  Event event;
  const auto room = journal_.room();
  if (room != room_) {
    room_ = room;
    event = Event{};
    event.received = now;
    event.what = domain::JournalRoomChanged{room};
    handle(event);
    ++handled;
  }
  while (!has_pending_ && inbox_.control.try_pop(event)) {
    handle(event);
    ++handled;
  }
  while (!has_pending_ && inbox_.orders.try_pop(event)) {
    handle(event);
    ++handled;
  }
  for (std::size_t count = 0; !has_pending_ && count < max_market_events; ++count) {
    if (!inbox_.market.try_pop(event)) break;
    handle(event);
    ++handled;
  }
  if (!has_pending_ && now >= engine_.next_deadline()) {
    event = Event{};
    event.received = now;
    event.what = domain::Time{};
    handle(event);
    ++handled;
  }
  return handled;
}

}  // namespace halcyon::daemon
