#include "engine/reconciliation.h"

#include <algorithm>
#include <array>

#include "domain/enum_name.h"

namespace halcyon::engine {

using domain::AccountId;
using domain::Completeness;
using domain::Duration;
using domain::NoticeCode;
using domain::QueryKind;
using domain::Reason;
using domain::Severity;
using domain::StreamState;
using domain::Timestamp;

namespace {

Duration back_off(std::uint32_t attempts) {
  using std::chrono::milliseconds;
  constexpr std::array steps{milliseconds{500}, milliseconds{1000}, milliseconds{2000},
                             milliseconds{5000}, milliseconds{10'000}};
  return attempts < steps.size() ? steps[attempts] : milliseconds{30'000};
}

}  // namespace

Reconciliation::Reconciliation(Accounts& accounts, Orders& orders, const Fills& fills,
                               Portfolio& portfolio, OrderManager& order_manager,
                               Decisions& decisions)
    : accounts_(accounts),
      orders_(orders),
      fills_(fills),
      portfolio_(portfolio),
      order_manager_(order_manager),
      decisions_(decisions),
      runs_(accounts.size()) {
  for (std::size_t id = 0; id < runs_.size(); ++id) {
    runs_[id].confirmed.resize(accounts_[static_cast<AccountId>(id)].instruments.size());
  }
}

void Reconciliation::close(AccountId account, Reason reason) {
  Run& its = run(account);
  its.phase = Phase::idle;
  its.request = {};
  its.due = its.next = domain::never;
  its.is_reading = false;
  if (accounts_[account].is_ready) {
    decisions_.record(domain::AccountReady{account, false, reason});
  }
}

void Reconciliation::on_started() {
  for (std::size_t id = 0; id < runs_.size(); ++id) {
    close(static_cast<AccountId>(id), Reason::account_not_reconciled);
  }
}

void Reconciliation::on_silence(AccountId account) {
  Account& row = accounts_[account];
  if (!row.is_stream_ready || std::exchange(row.is_silent, true)) return;
  decisions_.notice(Severity::warning, NoticeCode::stream_down,
                    "no sign of life on the order path; no new orders until there is one, and "
                    "the account is compared with the venue meanwhile",
                    account);
  Run& its = run(account);
  its.hurries = 0;
  if (its.phase == Phase::idle) start(account);
}

void Reconciliation::on_stream(AccountId account, StreamState state, Reason reason) {
  if (state == StreamState::silent) return on_silence(account);
  Account& row = accounts_[account];
  row.is_silent = false;
  if (state != StreamState::ready) {
    if (!row.is_stream_ready && !row.is_ready) return;
    row.is_stream_ready = false;
    close(account, reason == Reason::none ? Reason::connection_lost : reason);
    order_manager_.on_stream_down(account);
    decisions_.notice(Severity::warning, NoticeCode::stream_down,
                      decisions_.text("order path {}: {}; no new orders until it is back and "
                                      "compared with the venue",
                                      domain::enum_name(state), domain::enum_name(reason)),
                      account);
    return;
  }
  close(account, Reason::account_not_reconciled);
  row.is_stream_ready = true;
  order_manager_.on_stream_ready(account);
  start(account);
}

void Reconciliation::start(AccountId account) {
  accounts_[account].fills_wanted = domain::never;
  enter(account, Phase::open_orders);
}

bool Reconciliation::compare_now(AccountId account) {
  if (!accounts_[account].is_stream_ready) return false;
  if (run(account).phase == Phase::idle) start(account);
  return true;
}

void Reconciliation::enter(AccountId account, Phase phase) {
  Run& its = run(account);
  its.phase = phase;
  its.attempts = 0;
  its.request = {};
  its.due = domain::never;
  if (phase == Phase::orders) {
    check_unlisted(account);
    return;  // `finish` goes on
  }
  ask(account);
}

void Reconciliation::enter_fills(AccountId account, std::size_t instrument) {
  run(account).instrument = instrument;
  enter(account,
        instrument < accounts_[account].instruments.size() ? Phase::fills : Phase::balances);
}

Timestamp Reconciliation::fills_from(AccountId account, std::size_t instrument) const {
  const domain::InstrumentId id = accounts_[account].instruments[instrument];
  const Timestamp confirmed = runs_[domain::index_of(account)].confirmed[instrument];
  const bool is_confirmed = confirmed != Timestamp{};
  Timestamp from;
  if (is_confirmed) {
    from = confirmed - margin;
  } else if (const auto* newest = fills_.newest(account, id)) {
    from = newest->venue_time - overlap;
  } else {
    from = Timestamp{std::chrono::seconds{order_manager_.epochs().front()}};
  }
  orders_.each_live([&](const Order& order) {
    if (order.asked.account != account || order.asked.instrument != id) return;
    if (!is_confirmed || order.is_owed_fills()) from = std::min(from, order.asked.created - margin);
  });
  return from;
}

void Reconciliation::ask(AccountId account) {
  Run& its = run(account);
  its.request = decisions_.next_id();
  its.asked = decisions_.now();
  its.due = decisions_.now() + answer_time_out;
  its.is_reading = false;
  decisions_.wake_at(its.due);
  domain::VenueRequest request;
  request.request = its.request;
  request.account = account;
  request.venue = accounts_[account].venue;
  switch (its.phase) {
    case Phase::open_orders:
      request.kind = QueryKind::open_orders;
      break;
    case Phase::fills: {
      request.kind = QueryKind::fills_since;
      request.instrument = accounts_[account].instruments[its.instrument];
      request.since = fills_from(account, its.instrument);
      const auto* before = fills_.newest_until(account, request.instrument, request.since);
      if (before != nullptr) request.after = before->trade;
      break;
    }
    case Phase::balances:
      request.kind = QueryKind::balances;
      break;
    case Phase::idle:
    case Phase::orders:
      return;
  }
  decisions_.ask(request);
}

void Reconciliation::try_later(Run& its) {
  its.request = {};
  its.is_reading = false;
  its.due = decisions_.now() + back_off(its.attempts++);
  decisions_.wake_at(its.due);
}

bool Reconciliation::is_reading(AccountId account, QueryKind kind) const {
  const Run& its = runs_[domain::index_of(account)];
  if (!its.is_reading) return false;
  switch (its.phase) {
    case Phase::open_orders:
      return kind == QueryKind::open_orders;
    case Phase::fills:
      return kind == QueryKind::fills_since;
    case Phase::balances:
      return kind == QueryKind::balances;
    case Phase::idle:
    case Phase::orders:
      return false;
  }
  return false;
}

void Reconciliation::on_listed(Order& order) { order.watch.listed = lists_; }

void Reconciliation::on_answer_begin(AccountId account, const domain::AnswerBegin& begin) {
  Run& its = run(account);
  if (its.request.is_none() || begin.request != its.request) return;
  its.is_reading = true;
  if (its.phase == Phase::open_orders) ++lists_;
  if (its.phase == Phase::balances) portfolio_.on_list_begin(account);
  if (its.phase == Phase::fills) order_manager_.take_overflow();
}

void Reconciliation::on_answer_end(AccountId account, const domain::AnswerEnd& end) {
  Run& its = run(account);
  if (its.request.is_none() || end.request != its.request) return;
  const bool was_read = its.is_reading;
  its.is_reading = false;
  // An end without its beginning is a list of which the head is missing.
  if (!was_read || end.completeness != Completeness::complete ||
      (its.phase == Phase::fills && order_manager_.take_overflow())) {
    try_later(its);
    return;
  }
  switch (its.phase) {
    case Phase::open_orders:
      enter(account, Phase::orders);
      break;
    case Phase::fills: {
      const domain::InstrumentId instrument = accounts_[account].instruments[its.instrument];
      order_manager_.on_fills_complete(account, instrument, its.asked);
      if (!order_manager_.has_parked(account, instrument)) {
        its.confirmed[its.instrument] = its.asked;
      }
      enter_fills(account, its.instrument + 1);
      break;
    }
    case Phase::balances:
      complete(account, portfolio_.on_list_end(account, order_manager_.is_owed(account)));
      break;
    case Phase::idle:
    case Phase::orders:
      break;
  }
}

void Reconciliation::check_unlisted(AccountId account) {
  const Timestamp asked = run(account).asked;
  orders_.each_live([&](Order& order) {
    if (order.asked.account != account || order.is_terminal() || order.is_held()) return;
    if (order.watch.listed == lists_ || order.asked.created > asked) return;
    order_manager_.check(order);
  });
}

bool Reconciliation::is_waiting_for_orders(AccountId account) const {
  bool waits = false;
  orders_.each_live([&](const Order& order) {
    waits |= order.asked.account == account && order.watch.is_checked;
  });
  return waits;
}

bool Reconciliation::has_live(AccountId account) const {
  bool found = false;
  orders_.each_live(
      [&](const Order& order) { found |= order.asked.account == account && order.is_ours(); });
  return found;
}

void Reconciliation::complete(AccountId account, bool is_suspicious) {
  Run& its = run(account);
  its.phase = Phase::idle;
  its.request = {};
  its.due = domain::never;
  const bool is_hurried = is_in_a_hurry(account);
  const Duration wait = is_hurried          ? hurry_of(its)
                        : is_suspicious     ? settling
                        : has_live(account) ? busy_interval
                                            : idle_interval;
  its.completed = decisions_.now();
  its.hurries = is_hurried ? its.hurries + 1 : 0;
  its.next = decisions_.now() + wait;
  decisions_.wake_at(its.next);
  if (accounts_[account].is_ready) return;
  decisions_.record(domain::AccountReady{account, true, Reason::none});
  decisions_.notice(Severity::info, NoticeCode::account_reconciled,
                    "orders, fills and balances agree with the venue; the account may trade",
                    account);
  became_ready_ = true;
}

bool Reconciliation::is_in_a_hurry(AccountId account) const {
  return accounts_[account].is_silent || order_manager_.wants_fills(account) ||
         order_manager_.has_unknown(account);
}

Duration Reconciliation::hurry_of(const Run& its) const {
  constexpr std::uint32_t most_doublings = 4;
  return std::min<Duration>(hurry * (1 << std::min(its.hurries, most_doublings)), busy_interval);
}

void Reconciliation::finish() {
  for (std::size_t id = 0; id < runs_.size(); ++id) {
    const auto account = static_cast<AccountId>(id);
    if (runs_[id].phase == Phase::orders && !is_waiting_for_orders(account)) {
      enter_fills(account, 0);
    }
  }
}

void Reconciliation::on_time() {
  const Timestamp now = decisions_.now();
  for (std::size_t id = 0; id < runs_.size(); ++id) {
    const auto account = static_cast<AccountId>(id);
    Account& row = accounts_[account];
    Run& its = runs_[id];
    if (!row.is_stream_ready) continue;
    if (its.phase == Phase::idle) {
      if (row.fills_wanted <= now && !order_manager_.wants_fills(account)) {
        row.fills_wanted = domain::never;  // they have come by themselves
      }
      if (is_in_a_hurry(account)) {
        // The cause has come since the last comparison.
        its.next = std::min(its.next, its.completed + hurry_of(its));
      } else {
        its.hurries = 0;
      }
      if (its.next <= now || row.fills_wanted <= now) {
        start(account);
      } else if (has_live(account)) {
        // An order was placed since the last comparison.
        its.next = std::min(its.next, now + busy_interval);
      }
    } else if (its.due <= now) {
      if (its.request.is_none()) {
        ask(account);
      } else {
        try_later(its);
      }
    }
  }
}

Timestamp Reconciliation::next_deadline() const {
  Timestamp first = domain::never;
  for (std::size_t id = 0; id < runs_.size(); ++id) {
    const Account& row = accounts_[static_cast<AccountId>(id)];
    if (!row.is_stream_ready) continue;
    const Run& its = runs_[id];
    first =
        std::min(first, its.phase == Phase::idle ? std::min(its.next, row.fills_wanted) : its.due);
  }
  return first;
}

}  // namespace halcyon::engine
