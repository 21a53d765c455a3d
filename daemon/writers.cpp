#include "daemon/writers.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace halcyon::daemon {

using domain::BookInvalid;
using domain::BookLevels;
using domain::BookReset;
using domain::Event;
using domain::Quote;
using domain::Trade;
using domain::TradesLost;

namespace {

void bump(std::atomic<std::uint64_t>& counter, std::uint64_t by = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

bool is_book(const Event& event) {
  return std::holds_alternative<BookReset>(event.what) ||
         std::holds_alternative<BookLevels>(event.what);
}

}  // namespace

MarketWriter::MarketWriter(MarketLane::Writer lane, std::size_t instruments, Waker* waker)
    : lane_(std::move(lane)), debts_(instruments), waker_(waker) {}

void MarketWriter::push(std::span<const Event> events) {
  std::size_t at = 0;
  while (at < events.size()) {
    if (!is_book(events[at])) {
      push_one(events[at++]);
      continue;
    }
    // A run: an optional reset, then levels up to and including `last`.
    std::size_t end = at;
    while (end < events.size() && is_book(events[end])) {
      const auto* levels = std::get_if<BookLevels>(&events[end++].what);
      if (levels != nullptr && levels->last) break;
    }
    push_run(events.subspan(at, end - at));
    at = end;
  }
  if (!events.empty()) {
    last_ = events.back();
    if (waker_ != nullptr) waker_->wake();
  }
}

void MarketWriter::push_one(const Event& event) {
  Debt& owed = debt(event);
  const bool owed_before = owed.any();
  // What is owed goes first, or the order of an instrument's events would change.
  const bool is_settled = !owed_before || settle(owed, event.instrument);
  if (is_settled && lane_.try_push(event)) {
    if (owed_before) --owing_;
    if (std::holds_alternative<BookInvalid>(event.what)) owed.book_is_lost = false;
    return;
  }
  if (std::holds_alternative<Quote>(event.what)) {
    if (owed.has_quote) bump(losses_.quotes_conflated);
    owed.quote = event;
    owed.has_quote = true;
  } else if (std::holds_alternative<BookInvalid>(event.what)) {
    owed.book_is_lost = true;
    owed.invalid_untold = true;
  } else {
    const auto* lost = std::get_if<TradesLost>(&event.what);
    const std::uint32_t count = lost != nullptr ? lost->count : 1;
    owed.trades_untold += count;
    bump(losses_.trades_lost, count);
  }
  last_ = event;
  const bool owes_now = owed.any();
  if (owes_now && !owed_before) ++owing_;
  if (!owes_now && owed_before) --owing_;
}

void MarketWriter::push_run(std::span<const Event> run) {
  Debt& owed = debt(run.front());
  const bool starts_over = std::holds_alternative<BookReset>(run.front().what);
  if (owed.book_is_lost && !starts_over) return;  // part of a book that is invalid already
  const bool owed_before = owed.any();
  const bool is_settled = !owed_before || settle(owed, run.front().instrument);
  if (owed_before && is_settled) --owing_;
  if (is_settled && lane_.try_push_all(run)) {
    owed.book_is_lost = false;
    return;
  }
  const bool owes = owed.any();
  if (!owed.book_is_lost) bump(losses_.books_invalidated);
  owed.book_is_lost = true;
  owed.invalid_untold = true;
  last_ = run.back();
  if (!owes) ++owing_;
}

bool MarketWriter::settle(Debt& owed, domain::InstrumentId instrument) {
  Event event = last_;
  event.instrument = instrument;
  event.remark = 0;
  if (owed.trades_untold != 0) {
    event.what = TradesLost{owed.trades_untold};
    if (!lane_.try_push(event)) return false;
    owed.trades_untold = 0;
  }
  if (owed.invalid_untold) {
    event.what = BookInvalid{domain::Reason::none};
    if (!lane_.try_push(event)) return false;
    owed.invalid_untold = false;
  }
  if (owed.has_quote) {
    if (!lane_.try_push(owed.quote)) return false;
    owed.has_quote = false;
  }
  return true;
}

void MarketWriter::flush() {
  if (owing_ == 0) return;
  for (std::size_t index = 0; index < debts_.size() && owing_ != 0; ++index) {
    Debt& owed = debts_[index];
    if (!owed.any()) continue;
    if (!settle(owed, static_cast<domain::InstrumentId>(index))) break;
    --owing_;
  }
  if (waker_ != nullptr) waker_->wake();
}

OrderWriter::OrderWriter(OrderLane::Writer lane, RemarkLane::Writer remarks, std::uint8_t number,
                         Waker* waker)
    : lane_(std::move(lane)),
      remarks_(std::move(remarks)),
      base_(static_cast<std::uint32_t>(number) << 24),
      waker_(waker) {}

void OrderWriter::push(std::span<const Event> events, std::span<const std::string> remarks) {
  if (events.empty()) return;
  for (Event event : events) {
    if (event.remark != 0) {
      // The session numbers the texts of one call from 1; here they get a number of their own.
      const std::string& text = remarks[event.remark - 1];
      domain::Remark remark;
      count_ = (count_ + 1) & 0xffffffU;
      remark.number = base_ | count_;
      remark.length = static_cast<std::uint16_t>(std::min(text.size(), domain::Remark::capacity));
      std::copy_n(text.begin(), remark.length, remark.text.begin());
      event.remark = remark.number;
      if (!remarks_.try_push(remark)) {
        event.remark = 0;
        bump(lost_remarks_);
      }
    }
    if (waiting_.empty() && lane_.try_push(event)) continue;
    waiting_.push_back(event);
    bump(delayed_);
  }
  if (waker_ != nullptr) waker_->wake();
}

void OrderWriter::flush() {
  while (!waiting_.empty() && lane_.try_push(waiting_.front())) waiting_.pop_front();
  if (waker_ != nullptr) waker_->wake();
}

}  // namespace halcyon::daemon
