#include "gateways/binance/order_session.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace halcyon::gateways::binance {

using domain::Completeness;
using domain::Event;
using domain::Outcome;
using domain::QueryKind;
using domain::Reason;
using domain::RequestKind;
using domain::StreamState;
using domain::Timestamp;

namespace {

constexpr std::int32_t subscription_active_code = -2035;
constexpr std::int32_t cancel_refused_code = -2011;
/// More kinds of refusals than the document lists are not told apart in words.
constexpr std::size_t max_codes_said = 64;

QueryKind query_kind(Method method) {
  switch (method) {
    case Method::open_orders:
      return QueryKind::open_orders;
    case Method::fills:
      return QueryKind::fills_since;
    case Method::balances:
      return QueryKind::balances;
    default:
      return QueryKind::order_status;
  }
}

}  // namespace

OrderSession::OrderSession(OrderSettings settings)
    : settings_(std::move(settings)),
      signs_each_(!settings_.signer->can_log_on()),
      pacer_(settings_.jitter_seed) {
  codes_said_.reserve(max_codes_said);
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

void OrderSession::tell_outcome(const Pending& pending, Outcome outcome, Reason reason,
                                std::int32_t code, std::string_view words, Timestamp now,
                                Actions& actions) {
  domain::RequestOutcome what;
  what.request = pending.request;
  what.order = pending.order;
  what.venue_order = pending.venue_order;
  what.kind = pending.method == Method::place ? RequestKind::place : RequestKind::cancel;
  what.outcome = outcome;
  what.reason = reason;
  what.venue_code = code;
  const Event event = event_of(what, now, pending.instrument);
  if (words.empty()) {
    actions.emit(event);
  } else {
    actions.emit(event, words);
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

// ---- Sending ------------------------------------------------------------------------------------

RequestContext OrderSession::context_at(Timestamp now) const {
  RequestContext context;
  context.symbols = settings_.symbols.get();
  context.client_id_prefix = settings_.identity.prefix;
  context.timestamp_ms = domain::to_unix_ms(venue_time(now) - timestamp_margin);
  if (signs_each_) {
    context.api_key = settings_.api_key;
    context.signer = settings_.signer.get();
  }
  return context;
}

Pending* OrderSession::open_request(Method method, Timestamp now) {
  return requests_.open(method, now, answer_time_out);
}

void OrderSession::send(const Encoded& encoded, Actions& actions) {
  actions.send({buffer_.data(), static_cast<std::size_t>(encoded.end - buffer_.data())});
}

void OrderSession::on_command(const domain::OrderCommand& command, Timestamp now,
                              Actions& actions) {
  if (const auto* order = std::get_if<domain::Approved<domain::NewOrder>>(&command.what)) {
    place(order->value(), command.valid_until, now, actions);
  } else if (const auto* request = std::get_if<domain::CancelRequest>(&command.what)) {
    cancel(*request, now, actions);
  }
}

void OrderSession::place(const domain::NewOrder& order, Timestamp valid_until, Timestamp now,
                         Actions& actions) {
  const auto not_sent = [&](Reason reason, std::string_view words) {
    tell_not_sent(order.id, order.id, RequestKind::place, order.instrument, reason, words, now,
                  actions);
  };
  if (state_ != State::ready) return not_sent(Reason::not_sent_not_ready, {});
  if (now > valid_until) return not_sent(Reason::not_sent_too_late, {});
  if (now < forbidden_until_) {
    return not_sent(Reason::not_permitted, "the venue forbade orders a short while ago");
  }
  if (now < std::max({banned_until_, throttled_until_, no_orders_until_})) {
    return not_sent(Reason::venue_refused_rate_limit, "the venue wants no orders now");
  }
  Pending* pending = open_request(Method::place, now);
  if (pending == nullptr) return not_sent(Reason::outbox_full, "too many requests in flight");
  const Encoded encoded = encode_place(pending->id, order, context_at(now), buffer_.data());
  if (encoded.end == nullptr) {
    requests_.close(*pending);
    return not_sent(Reason::not_sent_not_encodable, encoded.why);
  }
  pending->request = pending->order = order.id;
  pending->instrument = order.instrument;
  send(encoded, actions);
  tell_outcome(*pending, Outcome::sent, Reason::none, 0, {}, now, actions);
}

void OrderSession::cancel(const domain::CancelRequest& cancel, Timestamp now, Actions& actions) {
  const auto not_sent = [&](Reason reason, std::string_view words) {
    tell_not_sent(cancel.request, cancel.order, RequestKind::cancel, cancel.instrument, reason,
                  words, now, actions);
  };
  if (!is_known_) return not_sent(Reason::not_sent_not_ready, {});
  if (now < banned_until_) {
    return not_sent(Reason::venue_refused_rate_limit, "the venue has banned this address");
  }
  Pending* pending = open_request(Method::cancel, now);
  if (pending == nullptr) return not_sent(Reason::outbox_full, "too many requests in flight");
  const Encoded encoded = encode_cancel(pending->id, cancel, context_at(now), buffer_.data());
  if (encoded.end == nullptr) {
    requests_.close(*pending);
    return not_sent(Reason::not_sent_not_encodable, encoded.why);
  }
  pending->request = cancel.request;
  pending->order = cancel.order;
  pending->venue_order = cancel.venue_order;
  pending->instrument = cancel.instrument;
  send(encoded, actions);
  tell_outcome(*pending, Outcome::sent, Reason::none, 0, {}, now, actions);
}

bool OrderSession::may_ask(QueryKind kind, Timestamp now) const {
  if (now < std::max(banned_until_, throttled_until_)) return false;
  if (kind == QueryKind::order_status) return true;
  return minute_of(now) != rates_minute_ || rates_.weight_limit <= 0 ||
         rates_.weight * 100 < rates_.weight_limit * query_weight_pct;
}

std::int64_t OrderSession::minute_of(Timestamp now) const {
  return std::chrono::floor<std::chrono::minutes>(venue_time(now)).time_since_epoch().count();
}

void OrderSession::on_request(const domain::VenueRequest& request, Timestamp now,
                              Actions& actions) {
  if (request.kind == QueryKind::resync_book) return;  // the market session's
  if (!is_known_) return tell_no_answer(request, Reason::not_sent_not_ready, now, actions);
  if (!may_ask(request.kind, now)) {
    return tell_no_answer(request, Reason::venue_refused_rate_limit, now, actions);
  }
  const Method method = request.kind == QueryKind::open_orders   ? Method::open_orders
                        : request.kind == QueryKind::fills_since ? Method::fills
                        : request.kind == QueryKind::balances    ? Method::balances
                                                                 : Method::order_status;
  Pending* pending = open_request(method, now);
  if (pending == nullptr) return tell_no_answer(request, Reason::outbox_full, now, actions);
  pending->request = request.request;
  pending->order = request.order;
  pending->venue_order = request.venue_order;
  pending->instrument = request.instrument;
  const RequestContext context = context_at(now);
  Encoded encoded;
  switch (method) {
    case Method::open_orders:
      encoded = encode_open_orders(pending->id, request.instrument, context, buffer_.data());
      break;
    case Method::balances:
      encoded = encode_account_status(pending->id, context, buffer_.data());
      break;
    case Method::fills: {
      pending->fills = std::make_unique<FillsQuery>();
      FillsPage& page = pending->fills->page;
      page.instrument = request.instrument;
      page.limit = fills_in_page;
      if (!request.after.is_none()) {
        page.from_id = request.after.low + 1;
      } else if (request.since != Timestamp{}) {
        page.by_id = false;
        page.start_ms = domain::to_unix_ms(request.since);
        page.end_ms = page.start_ms + 24 * 3'600'000 - 1;
      }
      encoded = encode_my_trades(pending->id, page, context, buffer_.data());
      break;
    }
    default:
      encoded = encode_order_status(pending->id, request.instrument, request.order,
                                    request.venue_order, context, buffer_.data());
      break;
  }
  if (encoded.end == nullptr) {
    requests_.close(*pending);
    return tell_no_answer(request, Reason::not_sent_not_encodable, now, actions);
  }
  send(encoded, actions);
}

void OrderSession::send_fills_page(Pending& pending, Timestamp now, Actions& actions) {
  const Encoded encoded =
      encode_my_trades(pending.id, pending.fills->page, context_at(now), buffer_.data());
  send(encoded, actions);  // the first page was encodable, so this one is
}

void OrderSession::send_time(Timestamp now, Actions& actions) {
  Pending* pending = open_request(Method::time, now);
  if (pending == nullptr) {  // a full table: later
    samples_left_ = 0;
    next_clock_at_ = now + clock_retry;
    return;
  }
  send(encode_time(pending->id, buffer_.data()), actions);
}

void OrderSession::start_measuring(Timestamp now, Actions& actions) {
  if (samples_left_ > 0) return;  // under way
  if (now < banned_until_) {
    next_clock_at_ = banned_until_;
    return;
  }
  samples_left_ = clock_samples;
  next_clock_at_ = domain::never;
  send_time(now, actions);
}

void OrderSession::send_logon(Timestamp now, Actions& actions) {
  state_ = State::logging_on;
  Pending* pending = open_request(Method::logon, now);
  if (pending == nullptr) {
    return drop("too many requests in flight", Reason::outbox_full, Pause::paced, now, actions);
  }
  send(encode_logon(pending->id, settings_.api_key, *settings_.signer, context_at(now).timestamp_ms,
                    buffer_.data()),
       actions);
}

void OrderSession::send_subscribe(Timestamp now, Actions& actions) {
  state_ = State::subscribing;
  Pending* pending = open_request(Method::subscribe, now);
  if (pending == nullptr) {
    return drop("too many requests in flight", Reason::outbox_full, Pause::paced, now, actions);
  }
  send(encode_subscribe_user(pending->id, context_at(now), buffer_.data()), actions);
}

// ---- The connection -----------------------------------------------------------------------------

void OrderSession::on_start(Timestamp, Actions& actions) {
  for (std::string& warning : settings_.warnings) actions.say(std::move(warning));
  settings_.warnings.clear();
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
  is_known_ = true;
  logon_retries_ = 0;
  set_state(StreamState::ready, Reason::none, now, actions);
}

void OrderSession::resubscribe(Reason reason, Timestamp now, Actions& actions) {
  if (state_ != State::ready) return;  // under way, or leaving
  set_state(StreamState::down, reason, now, actions);
  send_subscribe(now, actions);
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
  requests_.close(pending);
  if (method == Method::time && state_ != State::measuring) {
    samples_left_ = 0;
    next_clock_at_ = now + clock_retry;
    return;
  }
  drop("the venue did not answer while the session was set up", Reason::no_answer_in_time,
       Pause::paced, now, actions);
}

void OrderSession::leave(Reason reason, Timestamp now, Actions& actions) {
  state_ = State::closed;
  is_known_ = false;
  samples_left_ = 0;
  next_clock_at_ = drain_until_ = domain::never;
  while (Pending* pending = requests_.oldest()) {
    if (is_order_request(pending->method)) {
      tell_outcome(*pending, Outcome::unknown, Reason::connection_lost, 0, {}, now, actions);
      requests_.close(*pending);
    } else if (is_query(pending->method)) {
      end_query(*pending, Completeness::partial, false, Reason::connection_lost, now, actions);
    } else {
      requests_.close(*pending);
    }
  }
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
  note_service(now);
  leave(Reason::connection_lost, now, actions);
  actions.reconnect(std::max(pacer_.next_attempt(now), banned_until_), why);
}

void OrderSession::on_sign_of_life(Timestamp now) { last_life_ = std::max(last_life_, now); }

void OrderSession::on_rest(RestAnswer&, Timestamp, Actions&) {}  // asks nothing by REST

// ---- Frames -------------------------------------------------------------------------------------

void OrderSession::on_frame(const Frame& frame, Actions& actions) {
  if (state_ == State::closed) return;  // the rest of a connection that was given up
  const Timestamp now = frame.received;
  last_life_ = std::max(last_life_, now);
  OrderMessage message;
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
  unknown_words_ += message.unknown_words;
  if (message.unknown_assets > 0) [[unlikely]] {
    note_unknown_assets(message.unknown_assets, message.unknown_asset, actions);
  }
  switch (message.kind) {
    case OrderFrameKind::response:
      return on_response(message.response, now, actions);
    case OrderFrameKind::stream_terminated:
      actions.say("the venue ended the private stream; subscribing again");
      return resubscribe(Reason::stream_not_ready, now, actions);
    case OrderFrameKind::server_shutdown:
      actions.say("the venue announced a shutdown of this connection");
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
  }
  if (rates.orders_day >= 0) {
    rates_.orders_day = rates.orders_day;
    rates_.orders_day_limit = rates.orders_day_limit;
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
  switch (pending->method) {
    case Method::time: {
      const Timestamp sent = pending->sent;
      requests_.close(*pending);
      on_time_answer(sent, response, now, actions);
      break;
    }
    case Method::logon:
      requests_.close(*pending);
      on_logon_answer(response, now, actions);
      break;
    case Method::subscribe:
      requests_.close(*pending);
      on_subscribe_answer(response, now, actions);
      break;
    case Method::place:
    case Method::cancel:
      if (pending->is_late) ++late_;
      on_order_answer(*pending, response, now, actions);
      // A reaction may have ended the connection, and with it the request.
      if (Pending* still = requests_.find(response.id)) requests_.close(*still);
      break;
    case Method::order_status:
    case Method::open_orders:
    case Method::fills:
    case Method::balances:
      on_query_answer(*pending, response, now, actions);
      break;
  }
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

// ---- Answers to orders --------------------------------------------------------------------------

void OrderSession::react(const Judgement& judgement, const Response& response, Timestamp now,
                         Actions& actions) {
  const auto told_time = [&](domain::Duration otherwise) {
    // An absolute time on the venue's clock (section 14), bounded: the longest ban is three days.
    if (response.retry_after_ms <= 0) return now + otherwise;
    constexpr std::int64_t latest = 9'000'000'000'000;
    const Timestamp until =
        domain::from_unix_ms(std::min(response.retry_after_ms, latest)) - offset_ + 1s;
    return std::clamp(until, now + 1s, now + 73h);
  };
  switch (judgement.reaction) {
    case Reaction::back_off:
      if (response.status == 418) {
        banned_until_ = std::max(banned_until_, told_time(2min));
        actions.say(
            fmt::format("the venue banned this address for {} s; nothing is sent until then",
                        (banned_until_ - now) / 1s));
      } else {
        throttled_until_ = std::max(
            throttled_until_, told_time(response.status == 403 ? domain::Duration{1min} : 10s));
        if (!said_before(response.status)) {
          actions.say(fmt::format("the venue wants less: status {}, {} {}", response.status,
                                  response.code, response.message));
        }
      }
      return;
    case Reaction::wait_for_window: {
      // The ten-second window ends on the next full ten seconds of the venue's clock; when it is
      // not the one that is full, it is the day's, and asking each minute does no harm.
      const bool is_day =
          rates_.orders_day_limit > 0 && rates_.orders_day >= rates_.orders_day_limit;
      const auto window = is_day ? 60s : 10s;
      const Timestamp venue = venue_time(now);
      const auto since_start = venue.time_since_epoch() % domain::Duration{window};
      no_orders_until_ = std::max(no_orders_until_, now + (domain::Duration{window} - since_start));
      if (!said_before(response.code)) actions.say(fmt::format("{}", response.message));
      return;
    }
    case Reaction::measure_clock:
      clock_.clear();
      if (state_ == State::ready) start_measuring(now, actions);
      return;
    case Reaction::halt:
      forbidden_until_ = now + forbidden_pause;
      actions.say(
          fmt::format("the venue forbids orders of this account: {} {}; none are sent for 5 "
                      "min; check the key and its permissions",
                      response.code, response.message));
      return;
    case Reaction::refresh_rules:
    case Reaction::our_mistake:
      if (!said_before(response.code)) {
        actions.say(
            fmt::format("the venue refused a request that our checks had let pass: {} {}; "
                        "more of the kind are told by their outcome only",
                        response.code, response.message));
      }
      return;
    case Reaction::subscribe:
      return resubscribe(Reason::stream_not_ready, now, actions);
    case Reaction::reconnect:
      return drop("the venue can no longer serve this connection", Reason::connection_lost,
                  Pause::paced, now, actions);
    case Reaction::reconcile:
      reconcile_owed_ = true;
      return;
    case Reaction::none:
    case Reaction::unknown_outcome:
    case Reaction::refuse:
    case Reaction::query:
    case Reaction::not_found:
      break;
  }
}

void OrderSession::on_order_answer(Pending& pending, const Response& response, Timestamp now,
                                   Actions& actions) {
  if (response.status == 200) {
    domain::ForeignId venue_order;
    // The status says that the venue took it; a result that cannot be read changes nothing.
    if (decode_order_ack(response.result, scratch_, venue_order) == DecodeError::none &&
        !venue_order.is_none()) {
      pending.venue_order = venue_order;
    }
    return tell_outcome(pending, Outcome::acknowledged, Reason::none, 0, {}, now, actions);
  }
  Judgement judgement = judge(response.status, response.code, response.message);
  Outcome outcome = Outcome::refused;
  if (judgement.reaction == Reaction::unknown_outcome) {
    outcome = Outcome::unknown;
  } else if (judgement.reason == Reason::venue_refused_duplicate) {
    // An open order bears the id already: an earlier send worked. Certain is only that it has to be
    // asked for.
    outcome = Outcome::unknown;
  } else if (response.code == cancel_refused_code && response.message != "Unknown order sent.") {
    judgement.reason = Reason::venue_refused;  // by restrictions: the order is there
  }
  if (outcome != Outcome::unknown || !pending.is_late) {
    tell_outcome(pending, outcome, judgement.reason, response.code, response.message, now, actions);
  }
  react(judgement, response, now, actions);
}

// ---- Answers to questions -----------------------------------------------------------------------

void OrderSession::end_query(Pending& pending, Completeness completeness, bool not_found,
                             Reason reason, Timestamp now, Actions& actions) {
  const QueryKind kind = query_kind(pending.method);
  if (pending.fills) {
    // Begin, all pages, end: in one piece.
    actions.emit(event_of(domain::AnswerBegin{pending.request, kind}, now, pending.instrument));
    const auto first_remark = static_cast<std::uint32_t>(actions.remark_list().size());
    for (Event& row : pending.fills->rows) {
      if (row.remark != 0) row.remark += first_remark;
      actions.event_list().push_back(row);
    }
    for (std::string& remark : pending.fills->remarks) {
      actions.remark_list().push_back(std::move(remark));
    }
  } else if (completeness == Completeness::partial || not_found) {
    actions.emit(event_of(domain::AnswerBegin{pending.request, kind}, now, pending.instrument));
  }
  domain::AnswerEnd end;
  end.request = pending.request;
  end.kind = kind;
  end.completeness = completeness;
  end.not_found = not_found;
  end.reason = reason;
  actions.emit(event_of(end, now, pending.instrument));
  requests_.close(pending);
}

void OrderSession::on_query_answer(Pending& pending, const Response& response, Timestamp now,
                                   Actions& actions) {
  if (response.status != 200) {
    const Judgement judgement = judge(response.status, response.code, response.message);
    if (judgement.reaction == Reaction::not_found && pending.method == Method::order_status) {
      return end_query(pending, Completeness::complete, true, Reason::none, now, actions);
    }
    end_query(pending, Completeness::partial, false, judgement.reason, now, actions);
    return react(judgement, response, now, actions);
  }
  if (pending.method == Method::fills) {
    on_fills_page(pending, response, now, actions);
    return;
  }
  // Begin and rows go straight out; should the rows be unreadable, begin alone remains.
  const std::size_t start = actions.event_list().size();
  actions.emit(event_of(domain::AnswerBegin{pending.request, query_kind(pending.method)}, now,
                        pending.instrument));
  const Output output{actions.event_list(), actions.remark_list()};
  Rows rows;
  DecodeError error = DecodeError::none;
  if (pending.method == Method::balances) {
    error = decode_balances(response.result, *settings_.symbols, settings_.identity, now, scratch_,
                            output, rows);
  } else {
    const auto source = pending.method == Method::order_status ? domain::Source::single_query
                                                               : domain::Source::list_query;
    error = decode_orders(response.result, *settings_.symbols, settings_.identity, source, now,
                          scratch_, output, rows);
  }
  if (error != DecodeError::none) {
    ++errors_[static_cast<std::size_t>(error)];
    actions.event_list().resize(start);
    if (!said_before(static_cast<std::int32_t>(error))) {
      actions.say(fmt::format("an answer could not be understood: {}; it counts as incomplete",
                              domain::enum_name(error)));
    }
    return end_query(pending, Completeness::partial, false, Reason::none, now, actions);
  }
  note_rows(rows, actions);
  end_query(pending, Completeness::complete, false, Reason::none, now, actions);
}

bool OrderSession::on_fills_page(Pending& pending, const Response& response, Timestamp now,
                                 Actions& actions) {
  FillsQuery& query = *pending.fills;
  Rows rows;
  const DecodeError error = decode_fills(response.result, *settings_.symbols, settings_.identity,
                                         now, scratch_, {query.rows, query.remarks}, rows);
  if (error != DecodeError::none) {
    ++errors_[static_cast<std::size_t>(error)];
    end_query(pending, Completeness::partial, false, Reason::none, now, actions);
    return false;
  }
  note_rows(rows, actions);
  FillsPage& page = query.page;
  bool has_more = false;
  if (page.by_id) {
    has_more = rows.count >= page.limit;
    page.from_id = rows.last_trade_id + 1;
  } else if (rows.count > 0) {
    // The first fill of the time asked for is found; from here on ids lead.
    has_more = true;
    page.by_id = true;
    page.from_id = rows.last_trade_id + 1;
  } else {
    // A day without fills; the venue tells at most a day at once.
    has_more = page.end_ms < domain::to_unix_ms(venue_time(now));
    page.start_ms = page.end_ms + 1;
    page.end_ms = page.start_ms + 24 * 3'600'000 - 1;
  }
  if (!has_more) {
    end_query(pending, Completeness::complete, false, Reason::none, now, actions);
    return false;
  }
  if (++query.pages >= max_fill_pages || !may_ask(QueryKind::fills_since, now)) {
    end_query(pending, Completeness::partial, false, Reason::venue_refused_rate_limit, now,
              actions);
    return false;
  }
  Pending* next = open_request(Method::fills, now);
  if (next == nullptr) {
    end_query(pending, Completeness::partial, false, Reason::outbox_full, now, actions);
    return false;
  }
  next->request = pending.request;
  next->instrument = pending.instrument;
  next->fills = std::move(pending.fills);
  requests_.close(pending);
  send_fills_page(*next, now, actions);
  return true;
}

// ---- Time ---------------------------------------------------------------------------------------

void OrderSession::on_time(Timestamp now, Actions& actions) {
  if (state_ == State::closed) return;
  while (Pending* pending = requests_.oldest()) {
    if (now < pending->deadline) break;
    expire(*pending, now, actions);
    if (state_ == State::closed) return;
  }
  if (now >= last_life_ + silence_limit) {
    ++silences_;
    return drop("nothing was heard for 45 s, not even a ping", Reason::no_answer_in_time,
                Pause::paced, now, actions);
  }
  if (state_ == State::ready && now >= next_clock_at_) start_measuring(now, actions);
  drain_if_done(now, actions);
  reconcile_if_due(now, actions);
}

Timestamp OrderSession::next_deadline() const {
  if (state_ == State::closed) return domain::never;
  Timestamp next = std::min({requests_.next_deadline(), last_life_ + silence_limit, drain_until_});
  if (state_ == State::ready) {
    next = std::min(next, next_clock_at_);
    if (reconcile_owed_) next = std::min(next, reconcile_at_);
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
}

}  // namespace halcyon::gateways::binance
