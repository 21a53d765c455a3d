#include "engine/order_manager.h"

#include <algorithm>
#include <array>

#include "domain/check.h"
#include "domain/enum_name.h"

namespace halcyon::engine {

using domain::AccountId;
using domain::Duration;
using domain::Evidence;
using domain::ForeignId;
using domain::InstrumentId;
using domain::NoticeCode;
using domain::OrderChanged;
using domain::OrderId;
using domain::OrderState;
using domain::Outcome;
using domain::Quantity;
using domain::Reason;
using domain::RequestKind;
using domain::RequestState;
using domain::Severity;
using domain::Source;
using domain::Timestamp;
using domain::VenueOrderStatus;

namespace {

/// How long to wait before the venue is asked once more.
Duration back_off(std::uint32_t attempts) {
  using std::chrono::milliseconds;
  constexpr std::array steps{milliseconds{500}, milliseconds{1000}, milliseconds{2000},
                             milliseconds{5000}, milliseconds{10'000}};
  return attempts < steps.size() ? steps[attempts] : milliseconds{30'000};
}

bool is_alive(VenueOrderStatus status) {
  return status == VenueOrderStatus::pending || status == VenueOrderStatus::working ||
         status == VenueOrderStatus::partially_filled;
}

Report report_of(VenueOrderStatus status) {
  switch (status) {
    case VenueOrderStatus::pending:
    case VenueOrderStatus::working:
    case VenueOrderStatus::partially_filled:
      return Report::accepted;
    case VenueOrderStatus::filled:
      return Report::filled;
    case VenueOrderStatus::canceled:
      return Report::canceled;
    case VenueOrderStatus::expired:
      return Report::expired;
    case VenueOrderStatus::rejected:
      return Report::rejected;
  }
  HALCYON_CHECK(false, "every status has its report");
}

bool is_query(Source source) {
  return source == Source::single_query || source == Source::list_query;
}

bool never_left(Reason reason) {
  return reason == Reason::not_sent_not_ready || reason == Reason::not_sent_too_late;
}

bool is_waiting(RequestState state) {
  return state == RequestState::journaled || state == RequestState::sent;
}

/// What is left to believe when a cancel has failed: what the other evidence proves.
OrderState proven_state(const Order& order, const OrderChanged& next) {
  if (next.filled.is_positive()) return OrderState::partially_filled;
  switch (order.place.state) {
    case RequestState::journaled:
      return OrderState::pending_submit;
    case RequestState::sent:
      return OrderState::submitted;
    case RequestState::unknown:
      return OrderState::unknown;
    case RequestState::acknowledged:
      return OrderState::accepted;
    case RequestState::refused:
      return OrderState::rejected;
  }
  HALCYON_CHECK(false, "every request state is named");
}

/// Why we asked for the cancel: the order says so while it is under way.
Reason cancel_reason(const Order& order) {
  if (order.now.state == OrderState::pending_cancel) return order.now.reason;
  switch (order.cancel.reason) {
    case Reason::canceled_by_strategy:
    case Reason::expired_by_its_time:
    case Reason::group_filled:
    case Reason::parent_ended:
    case Reason::replaced_by_new_order:
    case Reason::flattened:
    case Reason::kill_switch:
    case Reason::connection_lost:
      return order.cancel.reason;
    default:
      return Reason::canceled_by_operator;
  }
}

bool is_same_but_for_evidence(const OrderChanged& a, const OrderChanged& b) {
  return a.venue_order == b.venue_order && a.state == b.state && a.reason == b.reason &&
         a.filled == b.filled && a.filled_quote == b.filled_quote && a.reported == b.reported;
}

}  // namespace

OrderManager::OrderManager(const Setup& setup, Orders& orders, const Fills& fills,
                           Portfolio& portfolio, Accounts& accounts, const TradingStates& states,
                           Decisions& decisions)
    : catalog_(*setup.catalog),
      visibility_(setup.visibility),
      outbox_capacity_(setup.outbox_capacity),
      outbox_cancel_reserve_(setup.outbox_cancel_reserve),
      orders_(orders),
      fills_(fills),
      portfolio_(portfolio),
      accounts_(accounts),
      states_(states),
      decisions_(decisions) {
  parked_.reserve(64);
}

const domain::VisibilityRule& OrderManager::rule(const Order& order) const {
  return visibility_[domain::index_of(accounts_[order.asked.account].venue)];
}

bool OrderManager::is_ours(OrderId id) const {
  return std::find(epochs_.begin(), epochs_.end(), id.epoch) != epochs_.end();
}

std::string_view OrderManager::name(AccountId account, OrderId id) {
  std::array<char, domain::max_client_order_id + 64> buffer{};
  const char* const end =
      domain::print_client_order_id(accounts_[account].prefix, id, buffer.data());
  return decisions_.keep({buffer.data(), static_cast<std::size_t>(end - buffer.data())});
}

std::string_view OrderManager::name(const Order& order) {
  return name(order.asked.account, order.id());
}

// ---- Requests -----------------------------------------------------------------------------------

void OrderManager::set_place(Order& order, RequestState state, Reason reason,
                             std::int32_t venue_code, std::string_view words) {
  domain::RequestChanged next = order.place;
  next.state = state;
  next.reason = reason;
  next.venue_code = venue_code;
  decisions_.record(next, words);
  if (!is_waiting(state)) order.watch.place_due = domain::never;
  if (state == RequestState::refused || state == RequestState::acknowledged) {
    free_slot(order.watch.is_place_out);
    order.watch.absences = 0;
  }
}

void OrderManager::set_cancel(Order& order, RequestState state, Reason reason,
                              std::int32_t venue_code, std::string_view words) {
  domain::RequestChanged next = order.cancel;
  next.state = state;
  next.reason = reason;
  next.venue_code = venue_code;
  decisions_.record(next, words);
  if (!is_waiting(state)) order.watch.cancel_due = domain::never;
  if (state == RequestState::refused || state == RequestState::acknowledged) {
    free_slot(order.watch.is_cancel_out);
  }
}

void OrderManager::free_slot(bool& is_out) {
  if (!is_out) return;
  is_out = false;
  --commands_out_;
  if (cancels_queued_ == 0) return;
  orders_.each_live([this](Order& order) {
    if (!order.watch.is_cancel_queued) return;
    if (commands_out_ >= outbox_capacity_ + outbox_cancel_reserve_) return;
    order.watch.is_cancel_queued = false;
    --cancels_queued_;
    if (order.is_cancel_under_way()) emit_cancel(order);
  });
}

void OrderManager::place(const domain::Approved<domain::NewOrder>& approved) {
  place(approved.value(), approved);
}

void OrderManager::place(const domain::NewOrder& order,
                         const domain::Approved<domain::NewOrder>& as_sent) {
  decisions_.record(domain::OrderOpened{order});
  emit_place(*orders_.find(order.id), as_sent);
}

domain::OrderCommand OrderManager::begin_place(Order& order) {
  const Timestamp valid_until = decisions_.now() + rule(order).request_validity;
  decisions_.record(domain::RequestChanged{order.id(), order.id(), RequestKind::place,
                                           RequestState::journaled, Reason::none, 0, valid_until});
  order.watch.is_place_out = true;
  ++commands_out_;
  order.watch.place_due = decisions_.now() + rule(order).answer_time_out;
  decisions_.wake_at(order.watch.place_due);
  domain::OrderCommand command;
  command.valid_until = valid_until;
  command.account = order.asked.account;
  command.venue = accounts_[order.asked.account].venue;
  return command;
}

void OrderManager::emit_place(Order& order, const domain::Approved<domain::NewOrder>& approved) {
  domain::OrderCommand command = begin_place(order);
  command.what = approved;
  decisions_.command(command);
}

void OrderManager::hold(const domain::NewOrder& order) {
  decisions_.record(domain::OrderOpened{order});
  Order& held = *orders_.find(order.id);
  OrderChanged next = held.now;
  move(held, next, Report::held, Reason::none, held.now.evidence);
  commit(held, next);
}

void OrderManager::let_go(Order& order, const domain::NewOrder& sent) {
  if (sent.quantity != order.terms().quantity) {
    amend_held(order, {sent.quantity, order.terms().limit_price, order.terms().stop_price});
  }
  OrderChanged next = order.now;
  move(order, next, Report::released, Reason::none, order.now.evidence);
  commit(order, next);
}

void OrderManager::release(Order& order, const domain::Approved<domain::NewOrder>& as_sent) {
  let_go(order, as_sent.value());
  emit_place(order, as_sent);
}

void OrderManager::release_pair(Order& one, const domain::Approved<domain::NewOrder>& one_as_sent,
                                Order& other,
                                const domain::Approved<domain::NewOrder>& other_as_sent) {
  let_go(one, one_as_sent.value());
  let_go(other, other_as_sent.value());
  domain::OrderList list;
  list.request = decisions_.next_id();
  list.count = 2;
  list.orders[0] = one_as_sent;
  list.orders[1] = other_as_sent;
  domain::OrderCommand command = begin_place(one);
  begin_place(other);
  command.what = list;
  decisions_.command(command);
}

void OrderManager::cancel_replace(OrderId old, const domain::NewOrder& next,
                                  const domain::Approved<domain::NewOrder>& as_sent) {
  decisions_.record(domain::OrderOpened{next});
  Order& before = *orders_.find(old);
  decisions_.record(domain::RequestChanged{decisions_.next_id(), old, RequestKind::cancel,
                                           RequestState::journaled, Reason::replaced_by_new_order,
                                           0, domain::never});
  OrderChanged changed = before.now;
  move(before, changed, Report::cancel_asked, Reason::replaced_by_new_order, before.now.evidence);
  commit(before, changed);
  if (!std::exchange(before.watch.is_cancel_out, true)) ++commands_out_;
  before.watch.cancel_due = decisions_.now() + rule(before).answer_time_out;
  decisions_.wake_at(before.watch.cancel_due);
  domain::OrderCommand command = begin_place(*orders_.find(next.id));
  command.what = domain::ReplaceRequest{before.cancel.request,
                                        old,
                                        before.now.venue_order,
                                        before.asked.instrument,
                                        domain::ReplaceMode::cancel_replace,
                                        1,
                                        as_sent};
  decisions_.command(command);
}

OrderManager::Successor OrderManager::successor_of(const Order& old) const {
  const OrderId next = orders_.successor(old.id());
  const Order* leg = next.is_none() ? nullptr : std::as_const(orders_).find(next);
  // Ids are given in turn: the cancel that belongs to the new leg was made right after it.
  const bool is_its_cancel = old.cancel.request == OrderId{next.epoch, next.counter + 1};
  if (leg == nullptr || leg->is_held() || !is_its_cancel) return Successor::none;
  if (leg->place.state == RequestState::acknowledged) return Successor::stands;
  return leg->place.state == RequestState::refused ? Successor::refused : Successor::open;
}

void OrderManager::end_held(Order& order, Reason why, bool is_expired) {
  OrderChanged next = order.now;
  move(order, next, is_expired ? Report::expired : Report::canceled, why,
       Evidence{Source::operator_command, {}, 0});
  commit(order, next);
}

void OrderManager::amend_held(Order& order, const domain::Terms& terms) {
  const std::uint32_t version = order.amended.requested + 1;
  decisions_.record(domain::OrderAmended{order.id(), version, version, terms, terms});
}

void OrderManager::amend(Order& order, const domain::Approved<domain::NewOrder>& next) {
  const domain::NewOrder& wanted = next.value();
  domain::OrderAmended amended = order.amended;
  if (amended.accepted == 0) amended.now = order.terms();
  amended.requested += 1;
  amended.asked = {wanted.quantity, wanted.limit_price, wanted.stop_price};
  decisions_.record(amended);
  const Timestamp valid_until = decisions_.now() + rule(order).request_validity;
  decisions_.record(domain::RequestChanged{decisions_.next_id(), order.id(), RequestKind::replace,
                                           RequestState::journaled, Reason::none, 0, valid_until,
                                           amended.requested});
  OrderChanged changed = order.now;
  move(order, changed, Report::replace_asked, Reason::none, order.now.evidence);
  commit(order, changed);
  if (!std::exchange(order.watch.is_replace_out, true)) ++commands_out_;
  order.watch.replace_due = decisions_.now() + rule(order).answer_time_out;
  decisions_.wake_at(order.watch.replace_due);
  domain::OrderCommand command;
  command.valid_until = valid_until;
  command.account = order.asked.account;
  command.venue = accounts_[order.asked.account].venue;
  command.what = domain::ReplaceRequest{order.replace.request,
                                        order.id(),
                                        order.now.venue_order,
                                        order.asked.instrument,
                                        domain::ReplaceMode::amend,
                                        amended.requested,
                                        next};
  decisions_.command(command);
}

void OrderManager::set_replace(Order& order, RequestState state, Reason reason,
                               std::int32_t venue_code, std::string_view words) {
  domain::RequestChanged next = order.replace;
  next.state = state;
  next.reason = reason;
  next.venue_code = venue_code;
  decisions_.record(next, words);
  if (!is_waiting(state)) order.watch.replace_due = domain::never;
  if (state == RequestState::refused || state == RequestState::acknowledged) {
    free_slot(order.watch.is_replace_out);
  }
}

void OrderManager::end_replace(Order& order, bool is_taken, Reason reason, std::int32_t venue_code,
                               std::string_view words) {
  if (is_taken) {
    domain::OrderAmended amended = order.amended;
    amended.accepted = amended.requested;
    amended.now = amended.asked;
    decisions_.record(amended);
  }
  set_replace(order, is_taken ? RequestState::acknowledged : RequestState::refused, reason,
              venue_code, words);
  OrderChanged changed = order.now;
  move(order, changed, Report::replace_ended, Reason::none, order.now.evidence);
  // What it was filled by meanwhile may be all of what is left.
  if (!domain::is_terminal(changed.state) && changed.filled >= order.most()) {
    move(order, changed, Report::last_fill, Reason::none, order.now.evidence);
  }
  commit(order, changed, words);
}

void OrderManager::replace_unanswered(Order& order, Reason reason) {
  set_replace(order, RequestState::unknown, reason, 0);
  decisions_.notice(
      Severity::warning, NoticeCode::request_unknown,
      decisions_.text("amend {} of {}: {}; both quantities count and the venue is "
                      "asked",
                      order.amended.requested, name(order), domain::enum_name(reason)),
      order.asked.account, order.asked.instrument, order.id());
  order.watch.attempts = 0;
  ask_later(order);
}

void OrderManager::on_replace_outcome(Order& order, const domain::RequestOutcome& outcome,
                                      std::string_view words) {
  const auto state = next(order.replace.state, outcome.outcome);
  if (!state) return;
  switch (*state) {
    case RequestState::sent:
      set_replace(order, *state, Reason::none, 0, words);
      order.watch.replace_due = decisions_.now() + rule(order).answer_time_out;
      decisions_.wake_at(order.watch.replace_due);
      break;
    case RequestState::acknowledged:
    case RequestState::refused:
      end_replace(order, *state == RequestState::acknowledged, outcome.reason, outcome.venue_code,
                  words);
      // "Unknown order": it may just have been filled.
      if (*state == RequestState::refused && !order.is_terminal()) {
        order.watch.attempts = 0;
        ask_later(order);
      }
      break;
    case RequestState::unknown:
      replace_unanswered(
          order, outcome.reason == Reason::none ? Reason::venue_outcome_unknown : outcome.reason);
      break;
    case RequestState::journaled:
      break;
  }
}

void OrderManager::judge_replace(Order& order, const domain::OrderReport& report) {
  if (!order.is_replace_open() || !report.quantity.is_positive()) return;
  const auto shows = [&](const domain::Terms& terms) {
    return report.quantity == terms.quantity && report.limit_price == terms.limit_price;
  };
  if (shows(order.amended.asked)) {
    end_replace(order, true, Reason::none, 0, {});
  } else if (shows(order.terms()) && report.source == Source::single_query &&
             order.replace.state == RequestState::unknown &&
             order.watch.asked >= order.replace.valid_until + rule(order).after_valid_until) {
    // Too late to be taken, and the order stands as it was.
    end_replace(order, false, Reason::proven_absent, 0, {});
  }
}

bool OrderManager::resolve(Order& order, VenueOrderStatus status, std::string_view words) {
  if (order.is_terminal()) return false;
  const Evidence evidence{Source::operator_command, {}, 0};
  const bool was_never = status == VenueOrderStatus::rejected;
  if (order.place.state != RequestState::acknowledged &&
      order.place.state != RequestState::refused) {
    set_place(order, was_never ? RequestState::refused : RequestState::acknowledged,
              Reason::resolved_by_operator, 0, words);
  }
  if (order.is_cancel_under_way() || order.is_cancel_unknown()) {
    set_cancel(order, RequestState::acknowledged, Reason::resolved_by_operator, 0);
  }
  if (order.is_replace_open())
    set_replace(order, RequestState::refused, Reason::resolved_by_operator, 0);
  OrderChanged changed = order.now;
  move(order, changed, report_of(status), Reason::resolved_by_operator, evidence);
  commit(order, changed, words);
  return true;
}

bool OrderManager::cancel(Order& order, Reason why) {
  if (order.is_terminal()) return false;
  if (order.is_held()) {
    end_held(order, why);
    return true;
  }
  if (order.is_cancel_under_way()) return true;
  send_cancel(order, why);
  OrderChanged next = order.now;
  move(order, next, Report::cancel_asked, why, order.now.evidence);
  commit(order, next);
  return true;
}

void OrderManager::send_cancel(Order& order, Reason why) {
  decisions_.record(domain::RequestChanged{decisions_.next_id(), order.id(), RequestKind::cancel,
                                           RequestState::journaled, why, 0, domain::never});
  if (commands_out_ >= outbox_capacity_ + outbox_cancel_reserve_) {
    if (!order.watch.is_cancel_queued) ++cancels_queued_;
    order.watch.is_cancel_queued = true;
    return;
  }
  emit_cancel(order);
}

void OrderManager::emit_cancel(Order& order) {
  if (!order.watch.is_cancel_out) {
    order.watch.is_cancel_out = true;
    ++commands_out_;
  }
  order.watch.cancel_due = decisions_.now() + rule(order).answer_time_out;
  decisions_.wake_at(order.watch.cancel_due);
  domain::OrderCommand command;
  command.account = order.asked.account;
  command.venue = accounts_[order.asked.account].venue;
  command.what =
      domain::CancelRequest{order.cancel.request, order.is_ours() ? order.id() : OrderId{},
                            order.now.venue_order, order.asked.instrument};
  decisions_.command(command);
}

void OrderManager::place_unanswered(Order& order, Reason reason) {
  set_place(order, RequestState::unknown, reason, 0);
  OrderChanged next = order.now;
  move(order, next, Report::unanswered, reason, order.now.evidence);
  commit(order, next);
  decisions_.notice(Severity::warning, NoticeCode::request_unknown,
                    decisions_.text("order {}: {}; it counts as alive and the venue is asked",
                                    name(order), domain::enum_name(reason)),
                    order.asked.account, order.asked.instrument, order.id());
  order.watch.attempts = 0;
  order.watch.absences = 0;
  ask_later(order);
}

void OrderManager::cancel_unanswered(Order& order, Reason reason) {
  set_cancel(order, RequestState::unknown, reason, 0);
  decisions_.notice(Severity::warning, NoticeCode::request_unknown,
                    decisions_.text("cancel of {}: {}; the venue is asked", name(order),
                                    domain::enum_name(reason)),
                    order.asked.account, order.asked.instrument, order.id());
  order.watch.attempts = 0;
  ask_later(order);
}

void OrderManager::on_outcome(const domain::Event& event, const domain::RequestOutcome& outcome,
                              std::string_view words) {
  Order* order = orders_.find(outcome.order);
  if (order == nullptr) return;
  words = decisions_.keep(words);
  if (outcome.kind == RequestKind::place) {
    free_slot(order->watch.is_place_out);
    on_place_outcome(event, *order, outcome, words);
  } else if (outcome.request == order->cancel.request) {
    free_slot(order->watch.is_cancel_out);
    on_cancel_outcome(*order, outcome, words);
  } else if (outcome.request == order->replace.request) {
    free_slot(order->watch.is_replace_out);
    on_replace_outcome(*order, outcome, words);
  }
}

void OrderManager::on_place_outcome(const domain::Event& event, Order& order,
                                    const domain::RequestOutcome& outcome, std::string_view words) {
  // An open order of this id exists, so ours is there, or was: only asking tells.
  Outcome heard = outcome.outcome;
  if (heard == Outcome::refused && outcome.reason == Reason::venue_refused_duplicate) {
    heard = Outcome::unknown;
  }
  const auto state = next(order.place.state, heard);
  if (!state) return;
  if (*state == RequestState::unknown) {
    place_unanswered(
        order, outcome.reason == Reason::none ? Reason::venue_outcome_unknown : outcome.reason);
    return;
  }
  set_place(order, *state, outcome.reason, outcome.venue_code, words);
  const Evidence evidence{Source::single_query, event.venue_time, 0};
  OrderChanged changed = order.now;
  if (changed.venue_order.is_none()) changed.venue_order = outcome.venue_order;
  switch (*state) {
    case RequestState::sent:
      order.watch.place_due = decisions_.now() + rule(order).answer_time_out;
      decisions_.wake_at(order.watch.place_due);
      move(order, changed, Report::sent, Reason::none, order.now.evidence);
      break;
    case RequestState::acknowledged:
      move(order, changed, Report::accepted, Reason::none, evidence);
      break;
    case RequestState::refused:
      move(order, changed, Report::refused, outcome.reason, evidence);
      break;
    case RequestState::journaled:
    case RequestState::unknown:
      break;
  }
  commit(order, changed, words);
}

void OrderManager::on_cancel_outcome(Order& order, const domain::RequestOutcome& outcome,
                                     std::string_view words) {
  const auto state = next(order.cancel.state, outcome.outcome);
  if (!state) return;
  switch (*state) {
    case RequestState::sent:
      set_cancel(order, *state, order.cancel.reason, 0, words);
      order.watch.cancel_due = decisions_.now() + rule(order).answer_time_out;
      decisions_.wake_at(order.watch.cancel_due);
      break;
    case RequestState::acknowledged:
      set_cancel(order, *state, order.cancel.reason, 0, words);
      // The order's end is said by a report of its own; when it does not come, ask.
      if (!order.is_terminal()) {
        order.watch.attempts = 1;
        ask_later(order);
      }
      break;
    case RequestState::unknown:
      cancel_unanswered(
          order, outcome.reason == Reason::none ? Reason::venue_outcome_unknown : outcome.reason);
      break;
    case RequestState::refused: {
      set_cancel(order, *state, outcome.reason, outcome.venue_code, words);
      OrderChanged changed = order.now;
      move(order, changed, Report::cancel_failed, Reason::none, order.now.evidence);
      commit(order, changed, words);
      // "Unknown order": it may just have been filled.
      if (!order.is_terminal() && outcome.outcome == Outcome::refused) {
        order.watch.attempts = 0;
        ask_later(order);
      }
      break;
    }
    case RequestState::journaled:
      break;
  }
}

// ---- What the venue says ------------------------------------------------------------------------

void OrderManager::move(const Order& order, OrderChanged& next, Report heard, Reason reason,
                        const Evidence& evidence) const {
  const Step* step = find_step(next.state, heard);
  if (step == nullptr) return;
  next.state = step->to ? *step->to : proven_state(order, next);
  const bool says_why = domain::is_terminal(next.state) || next.state == OrderState::unknown ||
                        next.state == OrderState::pending_cancel;
  next.reason = says_why && next.state != OrderState::filled ? reason : Reason::none;
  const std::uint64_t sequence =
      std::max(evidence.venue_sequence, order.now.evidence.venue_sequence);
  next.evidence = evidence;
  next.evidence.venue_sequence = sequence;
}

void OrderManager::commit(Order& order, const OrderChanged& next, std::string_view words) {
  if (is_same_but_for_evidence(order.now, next)) return;
  const bool was_alive = !order.is_terminal() || order.is_owed_fills();
  const bool was_at_venue = !order.is_terminal() && !order.is_held();
  const bool learned = order.now.venue_order.is_none() && !next.venue_order.is_none();
  decisions_.record(next, words);
  const bool is_alive_now = !order.is_terminal() || order.is_owed_fills();
  if (order.is_owed_fills()) {
    accounts_.want_fills(order.asked.account, decisions_.now() + late_fill_patience);
    decisions_.wake_at(decisions_.now() + late_fill_patience);
  }
  const bool ended_unasked =
      was_at_venue && order.is_terminal() && order.now.state != OrderState::filled &&
      order.now.reason != Reason::resolved_by_operator && order.cancel.request.is_none();
  if (ended_unasked && order.asked.origin == domain::Origin::protection) {
    unprotected_.push_back(order.id());
  }
  if (order.is_terminal()) {
    order.watch.place_due = order.watch.cancel_due = order.watch.query_due = domain::never;
    order.watch.replace_due = order.watch.retry_due = domain::never;
    order.watch.is_checked = false;
    if (order.watch.is_cancel_queued) {
      order.watch.is_cancel_queued = false;
      --cancels_queued_;
    }
  }
  if ((was_alive && !is_alive_now) || learned) is_settled_ = true;
  may_settle_parked_ |= learned || order.is_terminal();
}

Order* OrderManager::locate(const domain::Event& event, OrderId id, ForeignId venue_order) {
  if (!id.is_none()) {
    Order* order = orders_.find(id);
    if (order != nullptr) return order->asked.account == event.account ? order : nullptr;
  }
  return orders_.find(event.account, event.instrument, venue_order);
}

void OrderManager::say_second_owner(const domain::Event& event, OrderId id) {
  const domain::Scope scope{event.account, domain::no<domain::StrategyId>};
  const auto* state = states_.find(scope);
  if (state != nullptr && state->state == domain::TradingState::halted &&
      state->reason == Reason::second_owner) {
    return;
  }
  const std::string_view words = decisions_.text(
      "{}: an order with our name and an epoch that no journal of ours knows; is another daemon "
      "trading this account? The account is halted until an operator resumes it",
      name(event.account, id));
  decisions_.record(domain::TradingStateChanged{scope, domain::TradingState::halted,
                                                Reason::second_owner, domain::daemon_user},
                    words);
  decisions_.notice(Severity::alarm, NoticeCode::second_owner, words, event.account,
                    event.instrument, id);
}

Order* OrderManager::meet_stranger(const domain::Event& event, const domain::OrderReport& report,
                                   std::string_view external_name) {
  if (!report.order.is_none() && !is_ours(report.order)) say_second_owner(event, report.order);
  if (!is_alive(report.status)) return nullptr;
  domain::NewOrder order;
  order.id = report.order.is_none() ? decisions_.next_id() : report.order;
  order.account = event.account;
  order.instrument = event.instrument;
  order.side = report.side;
  order.type = report.type;
  order.time_in_force = report.time_in_force;
  order.origin = domain::Origin::external;
  order.quantity = report.quantity;
  order.limit_price = report.limit_price;
  order.stop_price = report.stop_price;
  order.created = decisions_.now();
  const std::string_view called = decisions_.keep(external_name);
  decisions_.record(domain::OrderOpened{order}, called);
  // Fills of it may have come before it: they are booked, and count as its own now.
  OrderChanged known;
  known.order = order.id;
  known.venue_order = report.venue_order;
  known.state = OrderState::accepted;
  std::size_t looked_at = 0;
  fills_.each_newest_first(event.account, event.instrument, [&](const domain::FillBooked& fill) {
    if (fill.venue_order == report.venue_order && !fill.venue_order.is_none()) {
      known.filled += fill.quantity;
      known.filled_quote += fill.quote_amount;
    }
    return ++looked_at < max_fills_of_a_stranger;
  });
  if (known.filled.is_positive()) {
    known.state = OrderState::partially_filled;
    known.reported = known.filled;
    known.evidence = {Source::trade_record, event.venue_time, 0};
    decisions_.record(known);
  }
  const std::string_view words = decisions_.text(
      "an open order that is not ours: {} {} {} on {}; it counts against the limits and is left "
      "alone",
      called, domain::enum_name(report.side), domain::to_string(report.quantity),
      catalog_.instrument(event.instrument).symbol);
  decisions_.record(domain::DifferenceFound{domain::DifferenceKind::external_order, event.account,
                                            event.instrument, domain::no<domain::AssetId>, order.id,
                                            Quantity{}, report.quantity},
                    words);
  decisions_.notice(Severity::warning, NoticeCode::difference_found, words, event.account,
                    event.instrument, order.id);
  return orders_.find(order.id);
}

Order* OrderManager::on_report(const domain::Event& event, const domain::OrderReport& report,
                               std::string_view words) {
  if (domain::index_of(event.instrument) >= catalog_.instruments().size()) return nullptr;
  if (report.order.is_none()) {
    for (Parked& parked : parked_) {
      if (parked.event.account != event.account || parked.event.instrument != event.instrument ||
          parked.execution.venue_order != report.venue_order) {
        continue;
      }
      parked.is_external = may_settle_parked_ = true;
    }
  }
  Order* found = locate(event, report.order, report.venue_order);
  if (found == nullptr) found = meet_stranger(event, report, words);
  if (found == nullptr) return nullptr;
  Order& order = *found;
  words = decisions_.keep(words);
  const bool alive = is_alive(report.status);

  // The venue has it, so the request that placed it was taken, whatever became of the answer.
  if (order.place.state != RequestState::acknowledged &&
      order.place.state != RequestState::refused) {
    const bool rejected = report.status == VenueOrderStatus::rejected;
    set_place(order, rejected ? RequestState::refused : RequestState::acknowledged, report.reason,
              0);
  }

  const Evidence evidence{report.source, event.venue_time, report.venue_sequence};
  const bool stale = is_stale(evidence, order.now.evidence);
  if (!stale && alive) judge_replace(order, report);
  OrderChanged changed = order.now;
  if (changed.venue_order.is_none()) changed.venue_order = report.venue_order;
  changed.reported = std::max(changed.reported, report.filled);
  const bool was_terminal = order.is_terminal();
  if (!stale) {
    Reason reason = report.reason;
    if (reason == Reason::none && report.status == VenueOrderStatus::canceled) {
      const bool by_us =
          !order.cancel.request.is_none() && order.cancel.state != RequestState::refused;
      reason = by_us ? order.cancel.reason : Reason::canceled_by_venue;
    }
    move(order, changed, report_of(report.status), reason, evidence);
    // An answer of the venue that finds the order alive, when no cancel is under way.
    if (alive && is_query(report.source) && !order.is_cancel_under_way()) {
      const Successor successor = successor_of(order);
      if (order.is_cancel_unknown() && successor == Successor::refused) {
        // The new leg is not there, so the old one was not to go.
        set_cancel(order, RequestState::refused, Reason::proven_absent, 0);
        move(order, changed, Report::cancel_failed, Reason::none, evidence);
      } else if (order.is_cancel_unknown() && successor != Successor::open) {
        send_cancel(order, cancel_reason(order));
      } else if (!order.is_cancel_unknown() && order.cancel.state != RequestState::acknowledged) {
        move(order, changed, Report::cancel_failed, Reason::none, evidence);
      }
    }
  }
  const bool vanished = !was_terminal && domain::is_terminal(changed.state) &&
                        order.watch.is_checked && is_query(report.source);
  commit(order, changed, words);

  if (vanished) {
    decisions_.record(
        domain::DifferenceFound{domain::DifferenceKind::vanished_order, order.asked.account,
                                order.asked.instrument, domain::no<domain::AssetId>, order.id(),
                                order.asked.quantity, order.now.reported},
        decisions_.text("{} had ended at the venue: {}", name(order),
                        domain::enum_name(order.now.state)));
  }
  // We had ended it, with evidence, and yet it works: it must not trade on unseen.
  if (was_terminal && alive && !stale && order.now.state == OrderState::rejected &&
      report.source != Source::list_query && !order.is_cancel_under_way()) {
    decisions_.notice(
        Severity::alarm, NoticeCode::order_alive_after_end,
        decisions_.text("{} ended as rejected, {}, and the venue says it works; it is "
                        "cancelled, and its fills are booked",
                        name(order), domain::enum_name(order.now.reason)),
        order.asked.account, order.asked.instrument, order.id());
    send_cancel(order, Reason::canceled_by_operator);
  }
  return found;
}

void OrderManager::on_execution(const domain::Event& event, const domain::Execution& execution,
                                bool is_listed) {
  if (fills_.is_booked(event.account, event.instrument, execution.trade)) return;
  if (domain::index_of(event.instrument) >= catalog_.instruments().size()) {
    decisions_.notice(
        Severity::alarm, NoticeCode::late_unmatched,
        decisions_.text("a fill of {} at {} on an instrument that is not configured; "
                        "it is not booked, the balances show it",
                        domain::to_string(execution.quantity), domain::to_string(execution.price)),
        event.account, event.instrument, execution.order);
    return;
  }
  Order* order = locate(event, execution.order, execution.venue_order);
  if (order == nullptr && execution.order.is_none() && is_listed &&
      has_nameless(event.account, event.instrument)) {
    const auto same = std::find_if(parked_.begin(), parked_.end(), [&](const Parked& parked) {
      return parked.event.account == event.account && parked.event.instrument == event.instrument &&
             parked.execution.trade == execution.trade && !execution.trade.is_none();
    });
    if (same != parked_.end()) return;
    if (parked_.size() == max_parked) {
      parked_overflow_ = true;
    } else {
      parked_.push_back({event, execution, decisions_.now(), 0, false});
      decisions_.wake_at(decisions_.now());
    }
    return;
  }
  book(event, execution, order, is_listed);
}

void OrderManager::book(const domain::Event& event, const domain::Execution& execution,
                        Order* order, bool is_listed) {
  // Without a trade id only the cumulative quantity tells a repeat, and how much is new.
  const bool is_provisional = execution.trade.is_none() && execution.cumulative.is_positive();
  if (is_provisional && order != nullptr && execution.cumulative <= order->now.filled) return;
  const bool is_unmatched = order == nullptr && !execution.order.is_none();
  const bool is_late =
      is_unmatched || (order != nullptr && order->is_terminal() && !order->is_owed_fills());
  domain::FillBooked fill;
  fill.number = fills_.last_number() + 1;
  fill.order = order != nullptr ? order->id() : execution.order;
  fill.venue_order = execution.venue_order;
  fill.trade = execution.trade;
  fill.account = event.account;
  fill.strategy = order != nullptr ? order->asked.strategy : domain::no<domain::StrategyId>;
  fill.instrument = event.instrument;
  fill.side = execution.side;
  fill.liquidity = execution.liquidity;
  fill.source = execution.source;
  fill.late = is_late;
  fill.fee_asset = execution.fee_asset;
  fill.price = execution.price;
  fill.quantity = execution.quantity;
  fill.quote_amount = execution.quote_amount;
  if (fill.quote_amount.is_zero()) {
    fill.quote_amount =
        domain::notional(execution.price, execution.quantity).value_or(domain::Money{});
  }
  fill.fee = execution.fee;
  fill.venue_time = event.venue_time;
  fill.is_provisional = is_provisional;
  if (is_provisional && order != nullptr) {
    const Quantity added = execution.cumulative - order->now.filled;
    if (added != fill.quantity) {
      fill.quantity = added;
      fill.quote_amount = domain::notional(execution.price, added).value_or(domain::Money{});
    }
  }
  Undone undone;
  if (order != nullptr && !is_provisional) undone = replace_provisional(fill);
  fill.number = fills_.last_number() + 1;
  fill.fee_value = portfolio_.fee_value(fill).value_or(domain::Money{});
  decisions_.record(fill);
  portfolio_.book(fill);

  if (is_listed && undone.quantity.is_zero()) {
    decisions_.record(
        domain::DifferenceFound{domain::DifferenceKind::missed_fill, event.account,
                                event.instrument, domain::no<domain::AssetId>, fill.order,
                                Quantity{}, fill.quantity},
        decisions_.text("a fill that the private stream had not brought: {} {} at {}",
                        domain::enum_name(fill.side), domain::to_string(fill.quantity),
                        domain::to_string(fill.price)));
  }
  if (order == nullptr) {
    if (is_unmatched) {
      if (!is_ours(execution.order)) say_second_owner(event, execution.order);
      decisions_.notice(
          Severity::alarm, NoticeCode::late_unmatched,
          decisions_.text("a fill of {} at {} names {}, an order of ours that is not "
                          "known any more; booked to no strategy",
                          domain::to_string(fill.quantity), domain::to_string(fill.price),
                          name(event.account, execution.order)),
          event.account, event.instrument, execution.order);
    }
    return;
  }

  if (order->place.state != RequestState::acknowledged &&
      order->place.state != RequestState::refused) {
    set_place(*order, RequestState::acknowledged, Reason::none, 0);
  }
  const Evidence evidence{Source::trade_record, event.venue_time, execution.venue_sequence};
  OrderChanged changed = order->now;
  if (changed.venue_order.is_none()) changed.venue_order = execution.venue_order;
  changed.filled += fill.quantity - undone.quantity;
  changed.filled_quote += fill.quote_amount - undone.amount;
  changed.reported = std::max({changed.reported, execution.cumulative, changed.filled});
  const bool is_last = changed.filled >= order->most();
  move(*order, changed, is_last ? Report::last_fill : Report::part_fill, Reason::none, evidence);
  commit(*order, changed);

  // Of a provisional fill that said more, the rest is booked again.
  if (undone.quantity > fill.quantity) {
    book_rest(*order, undone, fill);
  }

  if (is_late && undone.quantity.is_zero()) {
    decisions_.notice(
        Severity::alarm, NoticeCode::fill_after_terminal,
        decisions_.text("{} was {} and is filled by {} at {}; booked", name(*order),
                        domain::enum_name(order->now.state), domain::to_string(fill.quantity),
                        domain::to_string(fill.price)),
        event.account, event.instrument, order->id());
  }
  if (order->now.filled > order->most()) {
    decisions_.notice(
        Severity::alarm, NoticeCode::overfill,
        decisions_.text("{} asked for {} and is filled by {}; booked", name(*order),
                        domain::to_string(order->most()), domain::to_string(order->now.filled)),
        event.account, event.instrument, order->id());
  }
}

void OrderManager::void_fill(const domain::FillBooked& fill, Reason reason, std::uint64_t by) {
  const domain::FillBooked gone = fill;
  decisions_.record(domain::FillVoided{gone.number, by, reason, gone.order, gone.account,
                                       gone.strategy, gone.instrument});
  portfolio_.unbook(gone);
}

OrderManager::Undone OrderManager::replace_provisional(const domain::FillBooked& real) {
  Undone undone;
  // One execution may stand for several cumulative words, and they for several executions.
  while (undone.quantity < real.quantity) {
    const domain::FillBooked* found = fills_.provisional(real);
    if (found == nullptr) break;
    undone.quantity += found->quantity;
    undone.amount += found->quote_amount;
    undone.price = found->price;
    void_fill(*found, Reason::provisional_replaced, fills_.last_number() + 1);
  }
  return undone;
}

void OrderManager::book_rest(Order& order, const Undone& undone, const domain::FillBooked& real) {
  domain::FillBooked rest = real;
  rest.number = fills_.last_number() + 1;
  rest.trade = {};
  rest.is_provisional = true;
  rest.late = false;
  rest.fee = {};
  rest.fee_value = {};
  rest.fee_asset = domain::no<domain::AssetId>;
  rest.quantity = undone.quantity - real.quantity;
  rest.price = undone.price;
  rest.quote_amount = domain::notional(undone.price, rest.quantity).value_or(domain::Money{});
  decisions_.record(rest);
  portfolio_.book(rest);
  OrderChanged changed = order.now;
  changed.filled += rest.quantity;
  changed.filled_quote += rest.quote_amount;
  changed.reported = std::max(changed.reported, changed.filled);
  commit(order, changed);
}

void OrderManager::on_corrected(const domain::Event& event,
                                const domain::TradeCorrected& corrected) {
  const domain::FillBooked* found = fills_.find(event.account, event.instrument, corrected.trade);
  if (found == nullptr) {
    decisions_.notice(Severity::alarm, NoticeCode::late_unmatched,
                      decisions_.text("the venue {} a trade that is not booked here, or not kept "
                                      "any more; compare the position by hand",
                                      corrected.is_bust ? "takes back" : "corrects"),
                      event.account, event.instrument, corrected.order);
    return;
  }
  const domain::FillBooked before = *found;
  const bool is_same = !corrected.is_bust && corrected.price == before.price &&
                       corrected.quantity == before.quantity;
  if (is_same) return;
  const std::uint64_t next = corrected.is_bust ? 0 : fills_.last_number() + 1;
  void_fill(before, corrected.is_bust ? Reason::trade_busted : Reason::trade_corrected, next);
  domain::FillBooked after = before;
  after.quantity = {};
  after.quote_amount = {};
  if (!corrected.is_bust) {
    after.number = next;
    after.price = corrected.price;
    after.quantity = corrected.quantity;
    after.quote_amount = corrected.quote_amount;
    if (after.quote_amount.is_zero()) {
      after.quote_amount = domain::notional(after.price, after.quantity).value_or(domain::Money{});
    }
    after.source = corrected.source;
    decisions_.record(after);
    portfolio_.book(after);
  }
  if (Order* order = orders_.find(before.order)) {
    OrderChanged changed = order->now;
    changed.filled = changed.filled + after.quantity - before.quantity;
    changed.filled_quote = changed.filled_quote + after.quote_amount - before.quote_amount;
    changed.reported = changed.reported + after.quantity - before.quantity;
    commit(*order, changed);
  }
  decisions_.notice(
      Severity::alarm, NoticeCode::fill_voided,
      decisions_.text(
          "fill {} of {} at {}: {}", before.number, domain::to_string(before.quantity),
          domain::to_string(before.price),
          corrected.is_bust ? "the venue has taken it back" : "the venue has corrected it"),
      before.account, before.instrument, before.order);
}

bool OrderManager::has_nameless(AccountId account, InstrumentId instrument) const {
  bool found = false;
  orders_.each_live([&](const Order& order) {
    found |= order.is_ours() && !order.is_held() && order.asked.account == account &&
             order.asked.instrument == instrument && order.now.venue_order.is_none() &&
             order.place.state != RequestState::refused;
  });
  return found;
}

bool OrderManager::has_parked(AccountId account, InstrumentId instrument) const {
  return std::any_of(parked_.begin(), parked_.end(), [&](const Parked& parked) {
    return parked.event.account == account && parked.event.instrument == instrument;
  });
}

void OrderManager::finish() {
  if (!std::exchange(may_settle_parked_, false)) return;
  // Booking one may make known whose another is, so it starts again after each.
  for (std::size_t at = 0; at < parked_.size();) {
    const Parked one = parked_[at];
    Order* order = locate(one.event, one.execution.order, one.execution.venue_order);
    if (order == nullptr && !one.is_external &&
        has_nameless(one.event.account, one.event.instrument)) {
      ++at;
      continue;
    }
    parked_.erase(parked_.begin() + static_cast<std::ptrdiff_t>(at));
    if (!fills_.is_booked(one.event.account, one.event.instrument, one.execution.trade)) {
      book(one.event, one.execution, order, true);
    }
    at = 0;
  }
  may_settle_parked_ = false;
}

bool OrderManager::wants_fills(AccountId account) const {
  bool wants = false;
  orders_.each_live([&](const Order& order) {
    if (order.asked.account != account) return;
    wants |= order.is_owed_fills() || is_absence_waiting(order);
  });
  return wants;
}

bool OrderManager::is_owed(AccountId account) const {
  bool owed = std::any_of(parked_.begin(), parked_.end(),
                          [&](const Parked& parked) { return parked.event.account == account; });
  orders_.each_live(
      [&](const Order& order) { owed |= order.asked.account == account && order.is_owed_fills(); });
  return owed;
}

bool OrderManager::has_unknown(AccountId account) const {
  bool found = false;
  orders_.each_live([&](const Order& order) {
    found |= order.asked.account == account &&
             (order.place.state == RequestState::unknown || order.is_cancel_unknown() ||
              order.replace.state == RequestState::unknown);
  });
  return found;
}

bool OrderManager::is_absence_waiting(const Order& order) const {
  return order.is_ours() && order.place.state == RequestState::unknown &&
         order.now.venue_order.is_none() && order.now.filled.is_zero() &&
         order.watch.absences >= rule(order).answers_in_a_row;
}

// ---- Asking -------------------------------------------------------------------------------------

void OrderManager::ask_later(Order& order) {
  order.watch.query_due = decisions_.now() + back_off(order.watch.attempts);
  decisions_.wake_at(order.watch.query_due);
}

void OrderManager::ask(Order& order) {
  if (!accounts_[order.asked.account].is_stream_ready) {
    order.watch.query_due = domain::never;  // reconciliation asks when the venue is back
    return;
  }
  order.watch.query = decisions_.next_id();
  order.watch.asked = decisions_.now();
  order.watch.query_due =
      decisions_.now() + std::max(rule(order).answer_time_out, back_off(order.watch.attempts));
  ++order.watch.attempts;
  decisions_.wake_at(order.watch.query_due);
  domain::VenueRequest request;
  request.request = order.watch.query;
  request.kind = domain::QueryKind::order_status;
  request.account = order.asked.account;
  request.venue = accounts_[order.asked.account].venue;
  request.instrument = order.asked.instrument;
  if (order.is_ours()) request.order = order.id();
  request.venue_order = order.now.venue_order;
  decisions_.ask(request);
}

void OrderManager::ask_for_parked() {
  const Timestamp now = decisions_.now();
  for (std::size_t at = 0; at < parked_.size(); ++at) {
    Parked& parked = parked_[at];
    if (parked.due > now) continue;
    parked.due = now + back_off(parked.attempts++);
    const AccountId account = parked.event.account;
    if (!accounts_[account].is_stream_ready) continue;
    const bool is_asked_for = std::any_of(
        parked_.begin(), parked_.begin() + static_cast<std::ptrdiff_t>(at), [&](const Parked& one) {
          return one.event.account == account &&
                 one.execution.venue_order == parked.execution.venue_order;
        });
    if (is_asked_for) continue;
    domain::VenueRequest request;
    request.request = decisions_.next_id();
    request.kind = domain::QueryKind::order_status;
    request.account = account;
    request.venue = accounts_[account].venue;
    request.instrument = parked.event.instrument;
    request.venue_order = parked.execution.venue_order;
    decisions_.ask(request);
  }
}

void OrderManager::check(Order& order) {
  order.watch.is_checked = true;
  order.watch.attempts = 0;
  ask(order);
}

void OrderManager::on_status_answer(const domain::AnswerEnd& end) {
  Order* order = nullptr;
  orders_.each_live([&](Order& live) {
    if (live.watch.query == end.request) order = &live;
  });
  if (order == nullptr || end.request.is_none()) return;
  Watch& watch = order->watch;
  watch.query = {};
  if (end.completeness != domain::Completeness::complete) {
    ask_later(*order);
    return;
  }
  watch.is_checked = false;
  watch.query_due = domain::never;
  is_settled_ = true;
  const bool is_open_question = order->place.state == RequestState::unknown ||
                                order->is_cancel_unknown() || end.not_found ||
                                order->replace.state == RequestState::unknown ||
                                order->now.state == OrderState::pending_cancel;
  if (is_open_question && !order->is_terminal()) ask_later(*order);

  if (!end.not_found) {
    watch.absences = 0;
    return;
  }
  const bool was_never_seen = order->is_ours() && order->place.state == RequestState::unknown &&
                              order->now.venue_order.is_none() && order->now.filled.is_zero();
  if (!was_never_seen) return;
  const domain::VisibilityRule& visible = rule(*order);
  if (watch.asked < order->place.valid_until + visible.after_valid_until) return;
  ++watch.absences;
  watch.absent_since = watch.asked;
  if (watch.absences >= visible.answers_in_a_row) {
    accounts_.want_fills(order->asked.account, decisions_.now());
    decisions_.wake_at(decisions_.now());
  }
}

void OrderManager::on_fills_complete(AccountId account, InstrumentId instrument, Timestamp asked) {
  if (has_parked(account, instrument)) return;
  orders_.each_live([&](Order& order) {
    if (order.asked.account != account || order.asked.instrument != instrument) return;
    if (!is_absence_waiting(order) || asked < order.watch.absent_since) return;
    set_place(order, RequestState::refused, Reason::proven_absent, 0);
    OrderChanged changed = order.now;
    move(order, changed, Report::absent, Reason::proven_absent,
         Evidence{Source::single_query, {}, 0});
    commit(order, changed);
  });
}

// ---- Time and connections -----------------------------------------------------------------------

void OrderManager::on_started() {
  orders_.each_live([this](Order& order) {
    order.watch = Watch{};
    if (!order.is_ours() || order.is_held()) return;
    if (order.is_replace_open() && is_waiting(order.replace.state)) {
      replace_unanswered(order, Reason::venue_outcome_unknown);
    }
    if (is_waiting(order.place.state)) place_unanswered(order, Reason::venue_outcome_unknown);
    if (order.is_cancel_under_way()) cancel_unanswered(order, Reason::venue_outcome_unknown);
  });
  commands_out_ = 0;
  cancels_queued_ = 0;
}

void OrderManager::on_stream_ready(AccountId account) {
  // A cancel that never left is wanted still: cancels do not expire.
  orders_.each_live([&](Order& order) {
    if (order.asked.account != account || order.is_terminal()) return;
    const bool never_went =
        !order.cancel.request.is_none() && order.cancel.state == RequestState::refused &&
        never_left(order.cancel.reason) && successor_of(order) != Successor::refused;
    if (never_went) cancel(order, cancel_reason(order));
  });
}

void OrderManager::on_stream_down(AccountId account) {
  orders_.each_live([&](Order& order) {
    if (order.asked.account != account || order.is_terminal() || order.is_held()) return;
    order.watch.is_checked = false;
    if (order.is_replace_open() && order.replace.state == RequestState::sent) {
      replace_unanswered(order, Reason::connection_lost);
    }
    if (order.place.state == RequestState::sent) place_unanswered(order, Reason::connection_lost);
    if (!order.cancel.request.is_none() && order.cancel.state == RequestState::sent) {
      cancel_unanswered(order, Reason::connection_lost);
    }
  });
}

void OrderManager::expire(Order& order) {
  if (order.is_terminal() || !order.is_ours()) return;
  if (order.is_held()) {
    end_held(order, Reason::expired_by_its_time, true);
    return;
  }
  const bool is_first = order.cancel.request.is_none();
  const bool has_failed = order.cancel.state == RequestState::refused;
  if (is_first || (has_failed && order.watch.retry_due <= decisions_.now())) {
    cancel(order, Reason::expired_by_its_time);
    order.watch.retry_due = decisions_.now() + cancel_again;
  } else if (order.watch.retry_due <= decisions_.now()) {
    order.watch.retry_due = decisions_.now() + cancel_again;
  }
}

void OrderManager::on_time() {
  const Timestamp now = decisions_.now();
  orders_.each_live([&](Order& order) {
    if (order.watch.place_due <= now) place_unanswered(order, Reason::no_answer_in_time);
    if (order.watch.cancel_due <= now) cancel_unanswered(order, Reason::no_answer_in_time);
    if (order.watch.replace_due <= now) replace_unanswered(order, Reason::no_answer_in_time);
    if (order.asked.expires <= now) expire(order);
    if (order.watch.query_due <= now) ask(order);
    if (!order.is_held() && order.asked.expires > now && order.watch.retry_due <= now) {
      order.watch.retry_due = domain::never;
    }
  });
  ask_for_parked();
}

Timestamp OrderManager::next_deadline() const {
  Timestamp first = domain::never;
  orders_.each_live([&](const Order& order) {
    first = std::min({first, order.watch.place_due, order.watch.cancel_due, order.watch.query_due,
                      order.watch.replace_due, order.watch.retry_due});
    if (order.is_held() ||
        (order.is_ours() && !order.is_terminal() && order.cancel.request.is_none())) {
      first = std::min(first, order.asked.expires);
    }
  });
  for (const Parked& parked : parked_) first = std::min(first, parked.due);
  return first;
}

}  // namespace halcyon::engine
