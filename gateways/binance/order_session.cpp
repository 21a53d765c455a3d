#include "gateways/binance/order_session.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace halcyon::gateways::binance {

using domain::Completeness;
using domain::Event;
using domain::Outcome;
using domain::Reason;
using domain::RequestKind;
using domain::StreamState;
using domain::Timestamp;

OrderSession::OrderSession(OrderSettings settings)
    : settings_(std::move(settings)),
      signs_each_(!settings_.signer->can_log_on()),
      pacer_(settings_.jitter_seed) {
  codes_said_.reserve(max_codes_said);
  averages_.resize(settings_.symbols->table_size());
}

OrderSession::~OrderSession() = default;

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

void OrderSession::tell_leg(RequestKind kind, domain::RequestId request, domain::OrderId order,
                            domain::ForeignId venue_order, domain::InstrumentId instrument,
                            Outcome outcome, Reason reason, std::int32_t code,
                            std::string_view words, Timestamp now, Actions& actions) {
  domain::RequestOutcome what;
  what.request = request;
  what.order = order;
  what.venue_order = venue_order;
  what.kind = kind;
  what.outcome = outcome;
  what.reason = reason;
  what.venue_code = code;
  const Event event = event_of(what, now, instrument);
  if (words.empty()) {
    actions.emit(event);
  } else {
    actions.emit(event, words);
  }
}

void OrderSession::tell_outcome(const Pending& pending, Outcome outcome, Reason reason,
                                std::int32_t code, std::string_view words, Timestamp now,
                                Actions& actions) {
  const auto tell = [&](RequestKind kind, domain::RequestId request, domain::OrderId order,
                        domain::ForeignId venue_order) {
    tell_leg(kind, request, order, venue_order, pending.instrument, outcome, reason, code, words,
             now, actions);
  };
  switch (pending.method) {
    case Method::place:
      return tell(RequestKind::place, pending.request, pending.order, pending.venue_order);
    case Method::amend:
      return tell(RequestKind::replace, pending.request, pending.order, pending.venue_order);
    case Method::cancel_replace:
      tell(RequestKind::cancel, pending.request, pending.order, pending.venue_order);
      [[fallthrough]];
    case Method::list:
      for (std::size_t index = 0; index < pending.placed_count; ++index) {
        tell(RequestKind::place, pending.placed[index], pending.placed[index], {});
      }
      return;
    default:
      return tell(RequestKind::cancel, pending.request, pending.order, pending.venue_order);
  }
}

void OrderSession::tell_not_sent(domain::RequestId request, domain::OrderId order, RequestKind kind,
                                 domain::InstrumentId instrument, Reason reason,
                                 std::string_view words, Timestamp now, Actions& actions) {
  domain::RequestOutcome what;
  what.request = request;
  what.order = order;
  what.kind = kind;
  what.outcome = Outcome::not_sent;
  what.reason = reason;
  const Event event = event_of(what, now, instrument);
  if (words.empty()) {
    actions.emit(event);
  } else {
    actions.emit(event, words);
  }
}

void OrderSession::tell_no_answer(const domain::VenueRequest& request, Reason reason, Timestamp now,
                                  Actions& actions) {
  actions.emit(
      event_of(domain::AnswerBegin{request.request, request.kind}, now, request.instrument));
  domain::AnswerEnd end;
  end.request = request.request;
  end.kind = request.kind;
  end.reason = reason;
  actions.emit(event_of(end, now, request.instrument));
}

bool OrderSession::said_before(std::int32_t code) {
  if (std::find(codes_said_.begin(), codes_said_.end(), code) != codes_said_.end()) return true;
  if (codes_said_.size() >= max_codes_said) return true;
  codes_said_.push_back(code);
  return false;
}

// ---- The connection -----------------------------------------------------------------------------

void OrderSession::on_start(Timestamp now, Actions& actions) {
  for (std::string& warning : settings_.warnings) actions.say(std::move(warning));
  settings_.warnings.clear();
  if (settings_.has_rest) ask_filters(now, actions);
}

void OrderSession::on_open(Timestamp now, Actions& actions) {
  state_ = State::measuring;
  dropped_ = false;
  opened_at_ = last_life_ = now;
  logon_retries_ = 0;
  samples_left_ = 0;
  drain_until_ = domain::never;
  set_state(StreamState::connecting, Reason::none, now, actions);
  start_measuring(now, actions);
}

void OrderSession::become_ready(Timestamp now, Actions& actions) {
  state_ = State::ready;
  if (now - opened_at_ < good_service || rollover_at_ == domain::never) plan_rollover(now);
  is_known_ = true;
  logon_retries_ = 0;
  asset_limits_at_ = 0;
  next_asset_limits_at_ = now;
  set_state(StreamState::ready, Reason::none, now, actions);
}

void OrderSession::note_silence(Timestamp now, Actions& actions) {
  const bool is_silent = now >= last_life_ + silence_warning;
  if (is_silent && state_ == State::ready && told_ == StreamState::ready) {
    silent_since_ = last_life_;
    set_state(StreamState::silent, Reason::no_answer_in_time, now, actions);
  } else if (!is_silent && told_ == StreamState::silent) {
    // For the engine a new beginning: it compares what it may have missed.
    set_state(StreamState::ready, Reason::none, now, actions);
  }
}

void OrderSession::resubscribe(Reason reason, Timestamp now, Actions& actions) {
  if (state_ != State::ready) return;  // under way, or leaving
  set_state(StreamState::down, reason, now, actions);
  send_subscribe(now, actions);
}

void OrderSession::reconcile_if_due(Timestamp now, Actions& actions) {
  if (!reconcile_owed_ || state_ != State::ready || now < reconcile_at_) return;
  if (told_ == StreamState::silent) return;  // what ends the silence is a new beginning, too
  // The stream is as good as before; what it said is not all known. For the engine that is a new
  // beginning, and at a beginning it compares everything.
  reconcile_owed_ = false;
  reconcile_at_ = now + reconcile_interval;
  ++reconciles_;
  set_state(StreamState::down, Reason::sequence_gap, now, actions);
  set_state(StreamState::ready, Reason::none, now, actions);
}

void OrderSession::expire(Pending& pending, Timestamp now, Actions& actions) {
  ++timeouts_;
  if (is_order_request(pending.method)) {
    tell_outcome(pending, Outcome::unknown, Reason::no_answer_in_time, 0, {}, now, actions);
    requests_.mark_late(pending);
    return;
  }
  if (is_query(pending.method)) {
    return end_query(pending, Completeness::partial, false, Reason::no_answer_in_time, now,
                     actions);
  }
  const Method method = pending.method;
  const bool on_second = pending.on_second;
  requests_.close(pending);
  if (method == Method::my_filters) {
    next_asset_limits_at_ = now + filters_retry;
    return;
  }
  if (on_second && second_ != Second::none && method != Method::time) {
    return give_up_second("the second connection does not answer", now, actions);
  }
  if (method == Method::time && state_ != State::measuring) {
    samples_left_ = 0;
    next_clock_at_ = now + clock_retry;
    return;
  }
  drop("the venue did not answer while the session was set up", Reason::no_answer_in_time,
       Pause::paced, now, actions);
}

void OrderSession::leave(Reason reason, Timestamp now, Actions& actions) {
  if (second_ != Second::none) {
    second_ = Second::none;
    promote_by_ = domain::never;
    actions.close_second("the first connection is gone too");
  }
  rollover_at_ = domain::never;
  state_ = State::closed;
  is_known_ = false;
  samples_left_ = 0;
  next_clock_at_ = drain_until_ = domain::never;
  requests_.each_waiting([&](Pending& pending) {
    if (pending.by_rest) return;  // was never on this connection
    if (is_order_request(pending.method)) {
      tell_outcome(pending, Outcome::unknown, Reason::connection_lost, 0, {}, now, actions);
      requests_.close(pending);
    } else if (is_query(pending.method)) {
      end_query(pending, Completeness::partial, false, Reason::connection_lost, now, actions);
    } else {
      requests_.close(pending);
    }
  });
  while (Pending* late = requests_.oldest_late()) requests_.close(*late);
  // What is owed is paid by the reconnect itself.
  reconcile_owed_ = false;
  set_state(StreamState::down, reason, now, actions);
}

void OrderSession::drop(std::string_view why, Reason reason, Pause pause, Timestamp now,
                        Actions& actions) {
  note_service(now);
  leave(reason, now, actions);
  reconnect_at_ = pause == Pause::none ? pacer_.attempt_at_once(now) : pacer_.next_attempt(now);
  if (pause == Pause::forbidden) reconnect_at_ = std::max(reconnect_at_, now + forbidden_pause);
  reconnect_at_ = std::max(reconnect_at_, banned_until_);
  dropped_ = true;
  actions.reconnect(reconnect_at_, why);
}

void OrderSession::note_service(Timestamp now) {
  if (is_known_ && now - opened_at_ >= good_service) pacer_.on_success();
}

void OrderSession::on_closed(std::string_view why, Timestamp now, Actions& actions) {
  if (dropped_) {
    // The end of the connection that we gave up; the next attempt is planned already.
    dropped_ = false;
    actions.reconnect(std::max(reconnect_at_, now), why);
    return;
  }
  if (second_ == Second::ready) {
    // The other one was subscribed before this one ended: nothing is missed.
    return promote(why, now, actions);
  }
  note_service(now);
  leave(Reason::connection_lost, now, actions);
  actions.reconnect(std::max(pacer_.next_attempt(now), banned_until_), why);
}

void OrderSession::on_sign_of_life(Timestamp now) { last_life_ = std::max(last_life_, now); }

// ---- Frames -------------------------------------------------------------------------------------

void OrderSession::on_frame(const Frame& frame, Actions& actions) {
  if (state_ == State::closed) return;  // the rest of a connection that was given up
  const Timestamp now = frame.received;
  if (frame.is_second) [[unlikely]] {
    if (second_ == Second::none) return;  // the rest of one that was given up
    second_life_ = std::max(second_life_, now);
  } else {
    last_life_ = std::max(last_life_, now);
  }
  OrderMessage message;
  const std::size_t start = actions.event_list().size();
  const DecodeError error =
      decode_order_frame(frame, *settings_.symbols, settings_.identity, scratch_,
                         {actions.event_list(), actions.remark_list()}, message);
  if (error != DecodeError::none) [[unlikely]] {
    ++errors_[static_cast<std::size_t>(error)];
    const std::uint32_t bit = 1U << static_cast<unsigned>(error);
    if (error == DecodeError::unknown_symbol) {
      // An order of this account on an instrument that is not configured: not ours to judge.
      ++unknown_symbols_;
    } else {
      reconcile_owed_ = true;
    }
    if ((errors_said_ & bit) == 0) {
      errors_said_ |= bit;
      actions.say(
          fmt::format("private frame not understood: {}; orders and fills are compared with "
                      "the venue; more of the kind are counted only",
                      domain::enum_name(error)));
    }
    return reconcile_if_due(now, actions);
  }
  ++frames_[static_cast<std::size_t>(message.kind)];
  if (second_ == Second::ready) [[unlikely]] {
    drop_repeats(start, frame.is_second, actions);
  }
  note_open_orders(start, {&message.list, 1}, actions);
  unknown_words_ += message.unknown_words;
  if (message.unknown_assets > 0) [[unlikely]] {
    note_unknown_assets(message.unknown_assets, message.unknown_asset, actions);
  }
  switch (message.kind) {
    case OrderFrameKind::response:
      return on_response(message.response, now, actions);
    case OrderFrameKind::stream_terminated:
      if (frame.is_second) {
        return give_up_second("the venue ended the second private stream", now, actions);
      }
      actions.say("the venue ended the private stream; subscribing again");
      return resubscribe(Reason::stream_not_ready, now, actions);
    case OrderFrameKind::server_shutdown:
      if (frame.is_second) {
        return give_up_second("the venue announced a shutdown of it", now, actions);
      }
      actions.say("the venue announced a shutdown of this connection");
      if (may_have_second_ && state_ == State::ready) {
        return start_rollover(now, actions);  // this one serves until the other is there
      }
      if (state_ == State::ready) {
        state_ = State::draining;
        drain_until_ = now + drain_limit;
        set_state(StreamState::down, Reason::connection_lost, now, actions);
        drain_if_done(now, actions);
      } else if (state_ != State::draining) {
        drop("the venue announced a shutdown", Reason::connection_lost, Pause::none, now, actions);
      }
      return;
    default:
      return;  // events are where they belong
  }
}

void OrderSession::note_open_orders(std::size_t start, std::span<const std::int64_t> lists,
                                    Actions& actions) {
  const auto events = actions.events().subspan(start);
  std::size_t at = 0;
  for (const Event& event : events) {
    if (const auto* report = std::get_if<domain::OrderReport>(&event.what)) {
      using domain::VenueOrderStatus;
      const std::int64_t list = at < lists.size() ? lists[at++] : no_list;
      if (report->status <= VenueOrderStatus::partially_filled) {
        open_.set(event.instrument, report->venue_order, domain::has_trigger(report->type),
                  report->side == domain::Side::buy,
                  std::max(report->quantity - report->filled, domain::Quantity{}), list);
      } else {
        open_.remove(report->venue_order);
      }
    } else if (const auto* balance = std::get_if<domain::Balance>(&event.what)) {
      const std::size_t index = domain::index_of(balance->asset);
      if (index >= held_.size()) held_.resize(index + 1);
      held_[index] = balance->free + balance->locked;
    }
  }
}

void OrderSession::drain_if_done(Timestamp now, Actions& actions) {
  if (state_ != State::draining) return;
  if (requests_.waiting() > 0 && now < drain_until_) return;
  drop("the venue announced a shutdown", Reason::connection_lost, Pause::none, now, actions);
}

void OrderSession::note_rates(const RateCounts& rates, Timestamp now) {
  if (rates.weight >= 0) {
    rates_.weight = rates.weight;
    rates_.weight_limit = rates.weight_limit;
    rates_minute_ = minute_of(now);
  }
  if (rates.orders_10s >= 0) {
    rates_.orders_10s = rates.orders_10s;
    rates_.orders_10s_limit = rates.orders_10s_limit;
    // What is on the way is not in the venue's count yet.
    orders_sent_[0] = {venue_time(now).time_since_epoch() / order_windows[0],
                       rates.orders_10s + static_cast<std::int64_t>(requests_.waiting()) - 1};
  }
  if (rates.orders_day >= 0) {
    rates_.orders_day = rates.orders_day;
    rates_.orders_day_limit = rates.orders_day_limit;
    orders_sent_[1] = {venue_time(now).time_since_epoch() / order_windows[1],
                       rates.orders_day + static_cast<std::int64_t>(requests_.waiting()) - 1};
  }
}

void OrderSession::note_unknown_assets(std::uint32_t count, std::string_view name,
                                       Actions& actions) {
  unknown_assets_ += count;
  if (count == 0 || std::exchange(unknown_asset_said_, true)) return;
  actions.say(
      fmt::format("the account has {}, which no configured instrument names: balances in "
                  "such assets are not followed; more of them are counted only",
                  name));
}

void OrderSession::note_rows(const Rows& rows, Actions& actions) {
  unknown_words_ += rows.unknown_words;
  note_unknown_assets(rows.unknown_assets, rows.unknown_asset, actions);
  unknown_symbols_ += rows.unknown_symbols;
  if (rows.unknown_symbols > 0 && !std::exchange(unknown_symbol_said_, true)) {
    actions.say(
        fmt::format("the account has {} rows on instruments that are not configured; they "
                    "are left alone, and more are counted only",
                    rows.unknown_symbols));
  }
  if (!rows.can_trade && !std::exchange(cannot_trade_said_, true)) {
    actions.say("the venue says that this account may not trade (canTrade is false)");
  }
}

void OrderSession::on_response(const Response& response, Timestamp now, Actions& actions) {
  note_rates(response.rates, now);
  Pending* pending = response.id == no_request_id ? nullptr : requests_.find(response.id);
  if (pending == nullptr) {
    ++unmatched_;
    if (response.status == 200) return;
    // Without an id it is about the session: a key that stopped being valid (section 8).
    const Judgement judgement = judge(response.status, response.code, response.message);
    if (judgement.reaction == Reaction::halt && response.id_is_null) {
      actions.say(fmt::format("the venue no longer accepts this key: {} {}; trying again in 5 min",
                              response.code, response.message));
      forbidden_until_ = now + forbidden_pause;
      return drop("the venue revoked the session", Reason::not_permitted, Pause::forbidden, now,
                  actions);
    }
    return react(judgement, response, now, actions);
  }
  dispatch(*pending, response, now, actions);
}

void OrderSession::dispatch(Pending& pending, const Response& response, Timestamp now,
                            Actions& actions) {
  switch (pending.method) {
    case Method::time: {
      const Timestamp sent = pending.sent;
      requests_.close(pending);
      on_time_answer(sent, response, now, actions);
      break;
    }
    case Method::logon:
      if (pending.on_second) {
        requests_.close(pending);
        on_second_answer(Method::logon, response, now, actions);
        break;
      }
      requests_.close(pending);
      on_logon_answer(response, now, actions);
      break;
    case Method::subscribe:
      if (pending.on_second) {
        requests_.close(pending);
        on_second_answer(Method::subscribe, response, now, actions);
        break;
      }
      requests_.close(pending);
      on_subscribe_answer(response, now, actions);
      break;
    case Method::my_filters:
      requests_.close(pending);
      on_asset_limits(response, now, actions);
      break;
    case Method::place:
    case Method::cancel:
    case Method::cancel_replace:
    case Method::amend:
    case Method::list:
      if (pending.is_late) ++late_;
      on_order_answer(pending, response, now, actions);
      // A reaction may have ended the connection, and with it the request.
      if (Pending* still = requests_.find(response.id)) requests_.close(*still);
      break;
    case Method::order_status:
    case Method::open_orders:
    case Method::fills:
    case Method::balances:
      on_query_answer(pending, response, now, actions);
      break;
  }
  promote_if_drained(now, actions);
  drain_if_done(now, actions);
  reconcile_if_due(now, actions);
}

// ---- Setting up ---------------------------------------------------------------------------------

void OrderSession::refuse_handshake(std::string_view what, const Response& response, Timestamp now,
                                    Actions& actions) {
  const Judgement judgement = judge(response.status, response.code, response.message);
  const bool forbids = judgement.reaction == Reaction::halt;
  const std::string why = fmt::format("{} refused: status {}, {} {}", what, response.status,
                                      response.code, response.message);
  if (forbids) {
    actions.say(why +
                "; check the key, its permissions and its address list at the venue; trying "
                "again in 5 min");
  } else {
    react(judgement, response, now, actions);
    if (state_ == State::closed) return;
  }
  drop(why, forbids ? Reason::not_permitted : judgement.reason,
       forbids ? Pause::forbidden : Pause::paced, now, actions);
}

void OrderSession::on_time_answer(Timestamp sent, const Response& response, Timestamp now,
                                  Actions& actions) {
  std::int64_t server_ms = 0;
  if (response.status != 200 ||
      decode_server_time(response.result, scratch_, server_ms) != DecodeError::none) {
    samples_left_ = 0;
    next_clock_at_ = now + clock_retry;
    if (state_ == State::measuring) refuse_handshake("time", response, now, actions);
    return;
  }
  clock_.add(sent, now, server_ms);
  if (--samples_left_ > 0) return send_time(now, actions);
  samples_left_ = 0;
  on_measured(now, actions);
}

void OrderSession::on_measured(Timestamp now, Actions& actions) {
  const ClockEstimate::Sample best = clock_.best();
  const domain::Duration moved = best.offset - offset_;
  if (has_offset_ && (moved > clock_alarm || moved < -clock_alarm)) {
    actions.say(fmt::format("the clock offset to the venue moved by {} ms to {} ms",
                            moved / std::chrono::milliseconds{1},
                            best.offset / std::chrono::milliseconds{1}));
  }
  offset_ = best.offset;
  has_offset_ = true;
  clock_suspect_ = false;
  measured_at_ = now;
  next_clock_at_ = now + clock_interval;
  actions.emit(event_of(domain::ClockOffset{best.offset, best.round_trip}, now,
                        domain::no<domain::InstrumentId>));
  if (state_ != State::measuring) return;
  if (signs_each_) {
    send_subscribe(now, actions);
  } else {
    send_logon(now, actions);
  }
}

void OrderSession::on_logon_answer(const Response& response, Timestamp now, Actions& actions) {
  if (state_ != State::logging_on) return;
  if (response.status == 200) {
    is_known_ = true;
    return send_subscribe(now, actions);
  }
  const Judgement judgement = judge(response.status, response.code, response.message);
  if (judgement.reaction == Reaction::measure_clock && logon_retries_ == 0) {
    ++logon_retries_;
    state_ = State::measuring;
    clock_.clear();
    samples_left_ = 0;
    return start_measuring(now, actions);
  }
  refuse_handshake("session.logon", response, now, actions);
}

void OrderSession::on_subscribe_answer(const Response& response, Timestamp now, Actions& actions) {
  if (state_ != State::subscribing) return;
  if (response.status == 200 || response.code == subscription_active_code) {
    return become_ready(now, actions);
  }
  refuse_handshake("userDataStream.subscribe", response, now, actions);
}

// ---- Time ---------------------------------------------------------------------------------------

void OrderSession::on_time(Timestamp now, Actions& actions) {
  if (now >= next_filters_at_) ask_filters(now, actions);
  if (now >= next_averages_at_) ask_averages(now, actions);
  while (Pending* pending = requests_.oldest()) {
    if (now < pending->deadline) break;
    expire(*pending, now, actions);
  }
  if (state_ == State::closed) return;
  if (now >= last_life_ + silence_limit) {
    ++silences_;
    return drop("nothing was heard for 45 s, not even a ping", Reason::no_answer_in_time,
                Pause::paced, now, actions);
  }
  note_silence(now, actions);
  if (state_ == State::ready && now >= next_clock_at_) start_measuring(now, actions);
  if (state_ == State::ready && now >= next_asset_limits_at_) ask_asset_limits(now, actions);
  if (state_ == State::ready && now >= rollover_at_) start_rollover(now, actions);
  if (second_ >= Second::logging_on && now >= second_life_ + silence_limit) {
    give_up_second("nothing was heard on the second connection for 45 s", now, actions);
  }
  promote_if_drained(now, actions);
  drain_if_done(now, actions);
  reconcile_if_due(now, actions);
}

Timestamp OrderSession::next_deadline() const {
  Timestamp next = std::min({requests_.next_deadline(), next_filters_at_, next_averages_at_});
  if (state_ == State::closed) return next;
  next = std::min({next, last_life_ + silence_limit, drain_until_});
  if (second_ >= Second::logging_on) {
    next = std::min({next, second_life_ + silence_limit, promote_by_});
  }
  if (told_ == StreamState::ready) next = std::min(next, last_life_ + silence_warning);
  // Since it was told there has been a sign of life: that is to be told, too.
  if (told_ == StreamState::silent && last_life_ > silent_since_) next = last_life_;
  if (state_ == State::ready) {
    next = std::min({next, next_clock_at_, next_asset_limits_at_});
    if (may_have_second_) next = std::min(next, rollover_at_);
    if (reconcile_owed_ && told_ != StreamState::silent) next = std::min(next, reconcile_at_);
  }
  return next;
}

void OrderSession::each_counter(const Count& count) const {
  count_each<OrderFrameKind>("frames_", frames_, count);
  count_each<DecodeError>("decode_", errors_, count);
  count("unknown_assets", unknown_assets_);
  count("unknown_symbols", unknown_symbols_);
  count("unknown_words", unknown_words_);
  count("answers_unmatched", unmatched_);
  count("answers_late", late_);
  count("answers_missing", timeouts_);
  count("silences", silences_);
  count("reconciles_asked", reconciles_);
  count("orders_filtered", filtered_);
  count("filter_misses", filter_misses_);
  count("requests_by_rest", sent_by_rest_);
  count("rollovers", rollovers_);
  count("events_repeated", repeats_);
}

}  // namespace halcyon::gateways::binance
