#include "gateways/coinbase/order_session.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "domain/enum_name.h"

namespace halcyon::gateways::coinbase {

using domain::Event;
using domain::Outcome;
using domain::Reason;
using domain::StreamState;
using domain::Timestamp;

namespace {

domain::RequestKind kind_of(Method method) {
  return method == Method::place    ? domain::RequestKind::place
         : method == Method::cancel ? domain::RequestKind::cancel
                                    : domain::RequestKind::replace;
}

std::vector<std::string> purposes(const OrderSettings& settings) {
  const auto uri = [&](std::string_view behind) {
    return token_uri("POST", settings.rest_host,
                     settings.rest_path + std::string{rest_base}.append(behind));
  };
  return {uri("/orders"), uri("/orders/edit"), uri("/orders/batch_cancel"), ""};
}

}  // namespace

OrderSession::OrderSession(OrderSettings settings)
    : settings_(std::move(settings)),
      rest_context_{settings_.symbols.get(), settings_.identity},
      tokens_(settings_.credentials, purposes(settings_), tokens_ahead, tag(RestKind::tokens, 0)),
      signing_(
          std::make_shared<const Signing>(Signing{settings_.credentials, settings_.rest_host, {}})),
      pacer_(settings_.jitter_seed) {}

OrderSession::~OrderSession() = default;

std::string OrderSession::path(std::string_view behind) const {
  std::string made = settings_.rest_path;
  made += rest_base;
  made += behind;
  return made;
}

// ---- Telling ------------------------------------------------------------------------------------

Event OrderSession::event_of(Event::What what, Timestamp now,
                             domain::InstrumentId instrument) const {
  Event event;
  event.received = now;
  event.instrument = instrument;
  event.account = settings_.identity.account;
  event.venue = settings_.symbols->venue();
  event.what = what;
  return event;
}

void OrderSession::set_state(StreamState state, Reason reason, Timestamp now, Actions& actions) {
  if (told_ == state) return;
  told_ = state;
  actions.emit(event_of(domain::StreamChanged{domain::StreamKind::orders, state, reason}, now,
                        domain::no<domain::InstrumentId>));
}

void OrderSession::tell_outcome(const Pending& pending, Outcome outcome, Reason reason, int code,
                                std::string_view words, Timestamp now, Actions& actions) {
  domain::RequestOutcome told;
  told.request = pending.request;
  told.order = pending.order;
  told.venue_order = pending.venue_order;
  told.kind = kind_of(pending.method);
  told.outcome = outcome;
  told.reason = reason;
  told.venue_code = code;
  const Event event = event_of(told, now, pending.instrument);
  if (words.empty()) {
    actions.emit(event);
  } else {
    actions.emit(event, words);
  }
}

void OrderSession::tell_not_sent(domain::RequestId request, domain::OrderId order,
                                 domain::RequestKind kind, domain::InstrumentId instrument,
                                 Reason reason, std::string_view words, Timestamp now,
                                 Actions& actions) {
  domain::RequestOutcome told;
  told.request = request;
  told.order = order;
  told.kind = kind;
  told.outcome = Outcome::not_sent;
  told.reason = reason;
  const Event event = event_of(told, now, instrument);
  if (words.empty()) {
    actions.emit(event);
  } else {
    actions.emit(event, words);
  }
}

void OrderSession::say_once(std::string_view kind, std::string words, Actions& actions) {
  if (std::find(said_.begin(), said_.end(), kind) != said_.end()) return;
  said_.emplace_back(kind);
  actions.say(std::move(words));
}

// ---- The connection -----------------------------------------------------------------------------

void OrderSession::on_start(Timestamp now, Actions& actions) {
  for (std::string& warning : settings_.warnings) actions.say(std::move(warning));
  settings_.warnings.clear();
  tokens_.refill(now, venue_time(now), actions);
  ask_clock(now, actions);
  RestRequest rights = signed_get(tag(RestKind::permissions, 0), path("/key_permissions"));
  rights.decode = &decode_rights;
  actions.rest(std::move(rights));
}

void OrderSession::on_lines(std::size_t standing, std::size_t idle, Timestamp now,
                            Actions& actions) {
  lines_ = standing;
  idle_ = idle;
  if (standing == 0) {
    next_warm_at_ = domain::never;
    return;
  }
  if (next_warm_at_ == domain::never) next_warm_at_ = now + warm_interval;
  become_ready_if_whole(now, actions);
  try_waiting_cancels(now, actions);
}

void OrderSession::on_open(Timestamp now, Actions& actions) {
  state_ = State::subscribing;
  dropped_ = is_subscribed_ = false;
  opened_at_ = last_life_ = now;
  confirm_by_ = now + subscribe_time_out;
  next_sequence_ = 0;
  gaps_.fill({});
  set_state(StreamState::connecting, Reason::none, now, actions);
  // The venue closes a connection that has not subscribed within 5 s.
  actions.send(encode_subscription("subscribe", "heartbeats", {},
                                   tokens_.take(to_subscribe, now, venue_time(now))));
  actions.send(encode_subscription("subscribe", "user", {},
                                   tokens_.take(to_subscribe, now, venue_time(now))));
}

void OrderSession::become_ready_if_whole(Timestamp now, Actions& actions) {
  if (state_ != State::subscribing || !is_subscribed_ || lines_ == 0 ||
      measured_at_ == Timestamp{}) {
    return;
  }
  state_ = State::ready;
  set_state(StreamState::ready, Reason::none, now, actions);
}

void OrderSession::leave(Reason reason, Timestamp now, Actions& actions) {
  state_ = State::closed;
  is_subscribed_ = false;
  confirm_by_ = domain::never;
  // Calls are on connections of their own: their answers still come. What is owed is paid by the
  // reconnect itself.
  reconcile_owed_ = false;
  set_state(StreamState::down, reason, now, actions);
}

void OrderSession::drop(std::string_view why, Reason reason, bool is_forbidden, Timestamp now,
                        Actions& actions) {
  if (state_ == State::ready && now - opened_at_ >= good_service) pacer_.on_success();
  leave(reason, now, actions);
  reconnect_at_ = pacer_.next_attempt(now);
  if (is_forbidden) reconnect_at_ = std::max(reconnect_at_, now + forbidden_pause);
  dropped_ = true;
  actions.reconnect(reconnect_at_, why);
}

void OrderSession::on_closed(std::string_view why, Timestamp now, Actions& actions) {
  if (dropped_) {
    // The end of the connection that we gave up; the next attempt is planned already.
    dropped_ = false;
    actions.reconnect(std::max(reconnect_at_, now), why);
    return;
  }
  if (state_ == State::ready && now - opened_at_ >= good_service) pacer_.on_success();
  leave(Reason::connection_lost, now, actions);
  actions.reconnect(pacer_.next_attempt(now), why);
}

void OrderSession::on_sign_of_life(Timestamp now) { last_life_ = std::max(last_life_, now); }

// ---- Frames -------------------------------------------------------------------------------------

void OrderSession::owe_reconcile(Timestamp now, Actions& actions) {
  reconcile_owed_ = true;
  reconcile_if_due(now, actions);
}

void OrderSession::reconcile_if_due(Timestamp now, Actions& actions) {
  if (!reconcile_owed_ || state_ != State::ready || now < reconcile_at_) return;
  // The stream is as good as before; what it said is not all known. For the engine that is a new
  // beginning, and at a beginning it compares everything.
  reconcile_owed_ = false;
  reconcile_at_ = now + reconcile_interval;
  ++reconciles_;
  set_state(StreamState::down, Reason::sequence_gap, now, actions);
  set_state(StreamState::ready, Reason::none, now, actions);
}

bool OrderSession::follow_sequence(Timestamp now, Actions& actions) {
  if (message_.sequence < next_sequence_) {
    ++frames_repeated_;
    return false;
  }
  const bool is_gap = message_.sequence > next_sequence_;
  next_sequence_ = message_.sequence + 1;
  if (!is_gap) return true;
  ++holes_;
  const Timestamp oldest = std::exchange(gaps_[next_gap_], now);
  next_gap_ = (next_gap_ + 1) % gaps_.size();
  if (oldest != Timestamp{} && now - oldest < gap_window) {
    drop("frames were lost again and again", Reason::sequence_gap, false, now, actions);
    return false;
  }
  owe_reconcile(now, actions);
  return true;
}

void OrderSession::on_frame(const Frame& frame, Actions& actions) {
  if (state_ == State::closed) return;  // the rest of a connection that was given up
  const Timestamp now = frame.received;
  last_life_ = std::max(last_life_, now);
  decoded_.clear();
  const DecodeError error =
      decode(frame, *settings_.symbols, settings_.identity, 0, scratch_, decoded_, message_);
  if (message_.has_sequence && !follow_sequence(now, actions)) return;
  if (error != DecodeError::none) [[unlikely]] {
    ++errors_[static_cast<std::size_t>(error)];
    say_once(domain::enum_name(error),
             fmt::format("private frame not understood: {}; orders and fills are compared with the "
                         "venue; more of the kind are counted only",
                         domain::enum_name(error)),
             actions);
    return owe_reconcile(now, actions);
  }
  ++frames_[static_cast<std::size_t>(message_.channel)];
  unknown_products_ += message_.unknown_products;
  unknown_words_ += message_.unknown_words;
  switch (message_.channel) {
    case Channel::user:
      for (const OrderRow& row : message_.orders) on_user_row(row, now, actions);
      return;
    case Channel::subscriptions: {
      constexpr std::uint32_t wanted =
          Message::bit(Channel::user) | Message::bit(Channel::heartbeats);
      if ((message_.subscribed & wanted) != wanted || is_subscribed_) return;
      is_subscribed_ = true;
      confirm_by_ = domain::never;
      tokens_refused_ = 0;
      return become_ready_if_whole(now, actions);
    }
    case Channel::error: {
      actions.say(fmt::format("the venue refused a subscription: {}", message_.text));
      // A token may have been too old, or the clock wrong: once more with others, then not for a
      // while.
      const bool is_again = ++tokens_refused_ > 1;
      tokens_.clear();
      ask_clock(now, actions);
      return drop("the venue refused the user channel", Reason::not_permitted, is_again, now,
                  actions);
    }
    default:
      return;  // heartbeats, and what is not used
  }
}

void OrderSession::on_user_row(const OrderRow& row, Timestamp now, Actions& actions) {
  const Timestamp said_at = message_.venue_time;
  domain::OrderReport report;
  const bool has_report = report_of(row, domain::Source::private_stream, report);
  if (!has_report) owe_reconcile(now, actions);  // a status that says nothing: ask
  const bool has_ended = row.status >= OrderWord::filled && row.status != OrderWord::unknown;
  const auto emit = [&](Event event, std::string_view words) {
    event.venue_time = said_at;
    if (words.empty()) {
      actions.emit(event);
    } else {
      actions.emit(event, words);
    }
  };
  if (row.order.is_none()) {
    // Another tool's, or the app's: told, and never touched. What it fills shows in the list of
    // fills, which alone has trade numbers.
    if (has_report) emit(event_of(report, now, row.instrument), row.client_id);
    if (row.filled.is_positive()) wallet_at_ = std::min(wallet_at_, now + wallet_delay);
    return;
  }
  memory_.learn(row.order, row.venue_order);
  OrderMemory::Known& known = memory_.at(row.order);
  known.instrument = row.instrument;
  if (row.has_quantity) known.quantity = row.quantity;
  if (row.filled < known.filled || (known.has_ended && !has_ended)) {
    // Ours never goes backwards. The venue is asked which of the two is true.
    ++totals_fell_;
    return owe_reconcile(now, actions);
  }
  if (row.filled > known.filled) {
    domain::Execution fill;
    fill.order = row.order;
    fill.venue_order = row.venue_order;
    fill.side = row.side;
    fill.source = domain::Source::private_stream;
    fill.quantity = row.filled - known.filled;
    fill.cumulative = row.filled;
    fill.quote_amount = row.filled_value - known.filled_value;
    const auto price = domain::price_of(fill.quote_amount, fill.quantity);
    if (price && price->is_positive()) fill.price = *price;
    fill.fee = row.fees - known.fees;
    if (!fill.fee.is_zero()) fill.fee_asset = settings_.symbols->quote(row.instrument);
    known.filled = row.filled;
    known.filled_value = row.filled_value;
    known.fees = row.fees;
    // A total without a worth cannot be booked; the executions say it, and they are asked for.
    if (fill.price.is_positive()) emit(event_of(fill, now, row.instrument), {});
    owe_fills({row.order, row.venue_order, row.instrument, row.filled, now + fills_delay, 0});
  }
  if (has_report) {
    if (report.quantity.is_zero()) report.quantity = known.quantity;
    emit(event_of(report, now, row.instrument), row.words);
  }
  if (has_ended || row.filled.is_positive()) {
    wallet_at_ = std::min(wallet_at_, now + wallet_delay);
  }
  known.has_ended = known.has_ended || has_ended;
  // An edit that was queued has happened when the order stands as it was asked for.
  requests_.each_waiting([&](Pending& pending) {
    if (pending.method != Method::edit || pending.order != row.order || !pending.is_taken) return;
    const bool stands = row.has_quantity && row.status == OrderWord::open &&
                        row.quantity == pending.terms.quantity &&
                        row.limit_price == pending.terms.limit_price;
    if (stands) tell_outcome(pending, Outcome::acknowledged, Reason::none, 0, {}, now, actions);
    if (stands || has_ended) requests_.close(pending);
  });
  if (has_ended) end_waiting_cancel(row.order, now, actions);
  try_waiting_cancels(now, actions);
}

// ---- REST ---------------------------------------------------------------------------------------

void OrderSession::on_rest(RestAnswer& answer, Timestamp now, Actions& actions) {
  for (const auto& [name, value] : answer.numbers) {
    if (name == rest_number_header()) budget_.note_remaining(value, now);
  }
  switch (static_cast<RestKind>(answer.tag >> 30)) {
    case RestKind::tokens:
      return tokens_.take_answer(answer);
    case RestKind::clock: {
      // It may have come as a call that keeps a connection warm: then nobody has read it yet.
      if (answer.status == 200 && !answer.body.empty()) {
        decode_clock(nullptr, answer.body, answer);
      }
      if (answer.status / 100 != 2) {
        if (next_clock_at_ > now + clock_retry) next_clock_at_ = now + clock_retry;
        return;
      }
      clock_.add(answer.sent, answer.received, answer.server_time_ms);
      const ClockEstimate::Sample best = clock_.best();
      // The journal keeps what the engine hears, and the connections are kept warm by this call.
      const domain::Duration drift = best.offset - told_offset_;
      const bool is_due =
          now >= told_offset_at_ + clock_interval || drift > clock_news || drift < -clock_news;
      offset_ = best.offset;
      signing_ = std::make_shared<const Signing>(
          Signing{settings_.credentials, settings_.rest_host, offset_});
      measured_at_ = now;
      if (is_due) {
        told_offset_ = best.offset;
        told_offset_at_ = now;
        actions.emit(event_of(domain::ClockOffset{best.offset, best.round_trip}, now,
                              domain::no<domain::InstrumentId>));
      }
      return become_ready_if_whole(now, actions);
    }
    case RestKind::permissions:
      if (answer.status / 100 != 2) {
        return say_once(
            "rights",
            fmt::format("the key's permissions are not known: {} {}", answer.status, answer.error),
            actions);
      }
      for (const auto& [name, value] : answer.numbers) {
        if (name == "can_trade" && value == 0) {
          may_trade_ = false;
          actions.say(
              "this key may not trade: no orders are sent; give it the permission, or "
              "another key");
        }
        if (name == "can_transfer" && value != 0) {
          actions.say(
              "this key may transfer money away, which Halcyon never does: use one that "
              "may not");
        }
      }
      return;
    case RestKind::request:
      break;
  }
  Pending* pending =
      requests_.find_tag(answer.tag & static_cast<std::uint32_t>(RequestTable<Pending>::tag_mask));
  if (pending == nullptr) {
    ++unmatched_;
    return;
  }
  if (pending->is_late) ++late_;
  if (answer.status / 100 == 2) tokens_refused_ = 0;
  if (is_order_request(pending->method)) {
    on_order_answer(*pending, answer, now, actions);
  } else {
    on_question_answer(*pending, answer, now, actions);
  }
  // A connection is idle again.
  try_waiting_cancels(now, actions);
}

// ---- Time ---------------------------------------------------------------------------------------

void OrderSession::expire(Pending& pending, Timestamp now, Actions& actions) {
  ++timeouts_;
  if (!is_order_request(pending.method)) {
    return end_question(pending, domain::Completeness::partial, false, Reason::no_answer_in_time,
                        now, actions);
  }
  tell_outcome(pending, Outcome::unknown, Reason::no_answer_in_time, 0, {}, now, actions);
  requests_.mark_late(pending);
}

void OrderSession::on_time(Timestamp now, Actions& actions) {
  tokens_.refill(now, venue_time(now), actions);
  if (now >= next_clock_at_) ask_clock(now, actions);
  while (Pending* pending = requests_.oldest()) {
    if (now < pending->deadline) break;
    expire(*pending, now, actions);
  }
  if (now >= next_warm_at_) {
    // The public clock, over a connection that stands: it keeps it so, and says the time.
    next_warm_at_ = now + warm_interval;
    char* const start = actions.begin_call(max_request_bytes);
    const char* const end =
        encode_request("GET", settings_.rest_host, path("/time"), {}, {}, start);
    actions.end_call(tag(RestKind::clock, 0), end == nullptr ? start : end, true);
  }
  if (now >= cancels_at_) try_waiting_cancels(now, actions);
  if (now >= questions_at_) send_questions(now, actions);
  if (now >= owed_at_) ask_owed(now, actions);
  if (now >= wallet_at_) ask_wallet(now, actions);
  if (state_ == State::closed) return;
  if (now >= last_life_ + silence_limit) {
    ++silences_;
    return drop("nothing was heard for 5 s, not even a heartbeat", Reason::no_answer_in_time, false,
                now, actions);
  }
  if (now >= confirm_by_) {
    return drop("the venue did not confirm the user channel", Reason::no_answer_in_time, false, now,
                actions);
  }
  reconcile_if_due(now, actions);
}

Timestamp OrderSession::next_deadline() const {
  Timestamp next = std::min({requests_.next_deadline(), tokens_.next_deadline(), next_clock_at_,
                             next_warm_at_, cancels_at_, questions_at_, owed_at_, wallet_at_});
  if (state_ == State::closed) return next;
  next = std::min({next, last_life_ + silence_limit, confirm_by_});
  if (reconcile_owed_ && state_ == State::ready) next = std::min(next, reconcile_at_);
  return next;
}

void OrderSession::each_counter(const Count& count) const {
  count_each<Channel>("frames_", frames_, count);
  count_each<DecodeError>("decode_", errors_, count);
  count("frames_lost", holes_);
  count("frames_repeated", frames_repeated_);
  count("totals_fell", totals_fell_);
  count("unknown_products", unknown_products_);
  count("unknown_words", unknown_words_);
  count("unknown_assets", unknown_assets_);
  count("answers_unmatched", unmatched_);
  count("answers_late", late_);
  count("answers_missing", timeouts_);
  count("silences", silences_);
  count("reconciles_asked", reconciles_);
  count("calls_without_connection", no_line_);
  count("tokens_signed_in_place", tokens_.signed_in_place());
}

}  // namespace halcyon::gateways::coinbase
