#include "daemon/observation_lane.h"

#include <utility>

#include "engine/book.h"

namespace halcyon::daemon {

using domain::Event;
using persistence::BookSeen;
using persistence::ObservationKind;

ObservationTap::ObservationTap(SeenLane::Writer seen, BookSeenLane::Writer books,
                               const config::Observations& settings, std::size_t instruments)
    : seen_(std::move(seen)), books_(std::move(books)), settings_(settings), rows_(instruments) {}

void ObservationTap::lose(ObservationKind kind, std::uint64_t count) {
  auto& counter = losses_[static_cast<std::size_t>(kind)];
  counter.store(counter.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
}

void ObservationTap::see(const Event& event, const engine::Engine& engine) {
  const std::size_t index = domain::index_of(event.instrument);
  if (index >= rows_.size()) return;
  Row& row = rows_[index];
  if (std::holds_alternative<domain::Trade>(event.what)) {
    see_trade(event, row);
  } else if (std::holds_alternative<domain::Quote>(event.what)) {
    if (!settings_.tickers || event.received < row.next_quote) return;
    row.next_quote = event.received + settings_.ticker_interval;
    if (!seen_.try_push(event)) lose(ObservationKind::tickers);
  } else if (const auto* levels = std::get_if<domain::BookLevels>(&event.what)) {
    if (!settings_.book_snapshots || !levels->last || event.received < row.next_book) return;
    row.next_book = event.received + settings_.book_interval;
    see_book(event, engine);
  } else if (const auto* lost = std::get_if<domain::TradesLost>(&event.what)) {
    if (!seen_.try_push(event)) row.trades_untold += lost->count;
  }
}

void ObservationTap::see_trade(const Event& event, Row& row) {
  if (!settings_.ticks && !settings_.candles && !settings_.tickers) return;
  if (row.trades_untold != 0) {
    Event told = event;
    told.what = domain::TradesLost{row.trades_untold};
    if (seen_.try_push(told)) row.trades_untold = 0;
  }
  if (row.trades_untold == 0 && seen_.try_push(event)) return;
  ++row.trades_untold;
  lose(settings_.ticks     ? ObservationKind::ticks
       : settings_.candles ? ObservationKind::candles
                           : ObservationKind::tickers);
}

void ObservationTap::see_book(const Event& event, const engine::Engine& engine) {
  const engine::Book* book = engine.book(event.instrument);
  if (book == nullptr || !book->is_valid()) return;
  BookSeen seen;
  seen.received = event.received;
  seen.update_id = book->update_id();
  seen.instrument = event.instrument;
  book->each_bid([&](const domain::BookLevel& level) {
    seen.bids[seen.bid_count] = level;
    return ++seen.bid_count < BookSeen::capacity;
  });
  book->each_ask([&](const domain::BookLevel& level) {
    seen.asks[seen.ask_count] = level;
    return ++seen.ask_count < BookSeen::capacity;
  });
  if (!books_.try_push(seen)) lose(ObservationKind::book_snapshots);
}

namespace {

ObservationKind kind_of(const ColdObservations::Seen& seen) {
  if (std::holds_alternative<persistence::LogSeen>(seen)) return ObservationKind::system_log;
  if (std::holds_alternative<persistence::VenueStatusSeen>(seen)) {
    return ObservationKind::venue_status;
  }
  if (std::holds_alternative<persistence::RateLimitSeen>(seen)) {
    return ObservationKind::venue_rate_limits;
  }
  return ObservationKind::api_requests;
}

}  // namespace

void ColdObservations::push(Seen seen) {
  const std::lock_guard lock{mutex_};
  if (waiting_.size() >= capacity) {
    ++losses_[static_cast<std::size_t>(kind_of(seen))];
    return;
  }
  waiting_.push_back(std::move(seen));
}

std::size_t ColdObservations::drain(persistence::ObservationWriter& writer) {
  taken_.clear();
  {
    const std::lock_guard lock{mutex_};
    taken_.swap(waiting_);
  }
  for (const Seen& seen : taken_) {
    std::visit([&](const auto& what) { writer.add(what); }, seen);
  }
  return taken_.size();
}

}  // namespace halcyon::daemon
