// Orders, cancels and edits of an order session, and what their answers mean.

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/core.h>

#include "domain/enum_name.h"
#include "gateways/coinbase/order_session.h"

namespace halcyon::gateways::coinbase {

using domain::Outcome;
using domain::Reason;
using domain::RequestKind;
using domain::Timestamp;

void OrderSession::on_command(const domain::OrderCommand& command, Timestamp now,
                              Actions& actions) {
  if (const auto* order = std::get_if<domain::Approved<domain::NewOrder>>(&command.what)) {
    return place(order->value(), command.valid_until, now, actions);
  }
  if (const auto* request = std::get_if<domain::CancelRequest>(&command.what)) {
    return cancel(*request, now, actions);
  }
  if (const auto* request = std::get_if<domain::ReplaceRequest>(&command.what)) {
    return edit(*request, command.valid_until, now, actions);
  }
  if (const auto* list = std::get_if<domain::OrderList>(&command.what)) {
    for (std::size_t at = 0; at < list->count; ++at) {
      if (!list->orders[at]) continue;
      const domain::NewOrder& order = list->orders[at]->value();
      tell_not_sent(order.id, order.id, RequestKind::place, order.instrument,
                    Reason::not_sent_not_encodable, "this venue has no order lists", now, actions);
    }
  }
}

OrderSession::Hold OrderSession::hold_of_order(Timestamp valid_until, Timestamp now) {
  if (state_ != State::ready) return {Reason::not_sent_not_ready, {}};
  if (lines_ == 0) return {Reason::not_sent_not_ready, "no REST connection stands"};
  if (idle_ == 0) {
    ++no_line_;
    return {Reason::not_sent_not_ready, "every REST connection is busy"};
  }
  if (now > valid_until) return {Reason::not_sent_too_late, {}};
  if (!may_trade_ || is_forbidden(now)) return {Reason::not_permitted, "the key may not trade"};
  if (now > measured_at_ + clock_valid) {
    return {Reason::not_sent_not_ready, "the venue's clock was not measured for 20 min"};
  }
  if (now < throttled_until_ || !budget_.try_spend(CallBudget::for_orders, now)) {
    return {Reason::venue_refused_rate_limit, "our share of the venue's calls is spent"};
  }
  return {};
}

void OrderSession::transmit(const Pending& pending, Purpose purpose, std::string_view target,
                            const Encoded& encoded, Timestamp now, Actions& actions) {
  const std::string token = tokens_.take(purpose, now, venue_time(now));
  const std::string_view body{buffer_.data(),
                              static_cast<std::size_t>(encoded.end - buffer_.data())};
  char* const start = actions.begin_call(max_request_bytes);
  const char* const end =
      encode_request("POST", settings_.rest_host, path(target), token, body, start);
  HALCYON_CHECK(end != nullptr, "an order with its token fits a request");
  actions.end_call(tag(RestKind::request, pending.id), end);
  --idle_;  // until the driver counts them anew
}

void OrderSession::place(const domain::NewOrder& order, Timestamp valid_until, Timestamp now,
                         Actions& actions) {
  const auto not_sent = [&](Reason reason, std::string_view words) {
    tell_not_sent(order.id, order.id, RequestKind::place, order.instrument, reason, words, now,
                  actions);
  };
  const Encoded encoded =
      encode_create(order, *settings_.symbols, settings_.identity.prefix, buffer_.data());
  if (encoded.end == nullptr) return not_sent(Reason::not_sent_not_encodable, encoded.why);
  const Hold hold = hold_of_order(valid_until, now);
  if (hold.reason != Reason::none) return not_sent(hold.reason, hold.words);
  Pending* pending = requests_.open(now, answer_time_out);
  if (pending == nullptr) return not_sent(Reason::outbox_full, "too many requests in flight");
  pending->method = Method::place;
  pending->request = pending->order = order.id;
  pending->instrument = order.instrument;
  pending->terms.quantity = order.quantity;
  transmit(*pending, to_create, "/orders", encoded, now, actions);
}

void OrderSession::on_call(std::uint32_t called, bool has_left, Timestamp now, Actions& actions) {
  if (static_cast<RestKind>(called >> 30) != RestKind::request) return;  // kept something warm
  Pending* pending =
      requests_.find_tag(called & static_cast<std::uint32_t>(RequestTable<Pending>::tag_mask));
  if (pending == nullptr) return;
  if (has_left) {
    if (pending->method == Method::place) {
      OrderMemory::Known& known = memory_.at(pending->order);
      known.instrument = pending->instrument;
      known.sent = now;
      known.quantity = pending->terms.quantity;
    }
    return tell_outcome(*pending, Outcome::sent, Reason::none, 0, {}, now, actions);
  }
  ++no_line_;
  if (pending->method == Method::cancel) {
    // Cancels do not expire: it goes when a connection is idle.
    waiting_cancels_.push_back(
        {pending->request, pending->order, pending->venue_order, pending->instrument});
    cancels_at_ = std::min(cancels_at_, now + cancels_retry);
  } else {
    const RequestKind kind =
        pending->method == Method::place ? RequestKind::place : RequestKind::replace;
    tell_not_sent(pending->request, pending->order, kind, pending->instrument,
                  Reason::not_sent_not_ready, "every REST connection is busy", now, actions);
  }
  requests_.close(*pending);
}

// ---- Cancels ------------------------------------------------------------------------------------

void OrderSession::cancel(const domain::CancelRequest& cancel, Timestamp now, Actions& actions) {
  if (waiting_cancels_.size() >= max_waiting_cancels) {
    return tell_not_sent(cancel.request, cancel.order, RequestKind::cancel, cancel.instrument,
                         Reason::outbox_full, "too many cancels wait", now, actions);
  }
  if (lines_ == 0) {
    return tell_not_sent(cancel.request, cancel.order, RequestKind::cancel, cancel.instrument,
                         Reason::not_sent_not_ready, "no REST connection stands", now, actions);
  }
  if (try_cancel(cancel, now, actions)) return;
  waiting_cancels_.push_back(cancel);
  cancels_at_ = std::min(cancels_at_, now + cancels_retry);
}

bool OrderSession::try_cancel(const domain::CancelRequest& cancel, Timestamp now,
                              Actions& actions) {
  domain::ForeignId venue_order = cancel.venue_order;
  if (venue_order.is_none()) {
    const OrderMemory::Known* known = memory_.find(cancel.order);
    if (known != nullptr) venue_order = known->venue_order;
  }
  // The venue cancels by its own id only, which comes with the order's answer, on the user channel,
  // or with a list.
  if (venue_order.is_none() || idle_ == 0 ||
      !budget_.try_spend(CallBudget::calls_per_second, now)) {
    return false;
  }
  const Encoded encoded = encode_cancel(venue_order, buffer_.data());
  if (encoded.end == nullptr) {
    tell_not_sent(cancel.request, cancel.order, RequestKind::cancel, cancel.instrument,
                  Reason::not_sent_not_encodable, encoded.why, now, actions);
    return true;
  }
  Pending* pending = requests_.open(now, answer_time_out);
  if (pending == nullptr) return false;
  pending->method = Method::cancel;
  pending->request = cancel.request;
  pending->order = cancel.order;
  pending->venue_order = venue_order;
  pending->instrument = cancel.instrument;
  transmit(*pending, to_cancel, "/orders/batch_cancel", encoded, now, actions);
  return true;
}

void OrderSession::try_waiting_cancels(Timestamp now, Actions& actions) {
  cancels_at_ = domain::never;
  if (waiting_cancels_.empty() || lines_ == 0) return;
  // Those that find no idle connection come back behind the others.
  for (std::size_t left = waiting_cancels_.size(); left > 0; --left) {
    const domain::CancelRequest cancel = waiting_cancels_.front();
    waiting_cancels_.pop_front();
    if (!try_cancel(cancel, now, actions)) waiting_cancels_.push_back(cancel);
  }
  if (!waiting_cancels_.empty()) cancels_at_ = now + cancels_retry;
}

void OrderSession::end_waiting_cancel(domain::OrderId order, Timestamp now, Actions& actions) {
  for (auto at = waiting_cancels_.begin(); at != waiting_cancels_.end();) {
    if (at->order != order) {
      ++at;
      continue;
    }
    tell_not_sent(at->request, at->order, RequestKind::cancel, at->instrument,
                  Reason::order_already_ended, {}, now, actions);
    at = waiting_cancels_.erase(at);
  }
}

// ---- Edits --------------------------------------------------------------------------------------

void OrderSession::edit(const domain::ReplaceRequest& request, Timestamp valid_until, Timestamp now,
                        Actions& actions) {
  const auto not_sent = [&](Reason reason, std::string_view words) {
    tell_not_sent(request.request, request.order, RequestKind::replace, request.instrument, reason,
                  words, now, actions);
    if (request.mode != domain::ReplaceMode::cancel_replace) return;
    const domain::OrderId next = request.next.value().id;
    tell_not_sent(next, next, RequestKind::place, request.instrument, reason, words, now, actions);
  };
  domain::ReplaceRequest with_id = request;
  if (with_id.venue_order.is_none()) {
    const OrderMemory::Known* known = memory_.find(request.order);
    if (known != nullptr) with_id.venue_order = known->venue_order;
  }
  const Encoded encoded = encode_edit(with_id, buffer_.data());
  if (encoded.end == nullptr) return not_sent(Reason::not_sent_not_encodable, encoded.why);
  const Hold hold = hold_of_order(valid_until, now);
  if (hold.reason != Reason::none) return not_sent(hold.reason, hold.words);
  Pending* pending = requests_.open(now, answer_time_out);
  if (pending == nullptr) return not_sent(Reason::outbox_full, "too many requests in flight");
  const domain::NewOrder& next = request.next.value();
  pending->method = Method::edit;
  pending->request = request.request;
  pending->order = request.order;
  pending->venue_order = with_id.venue_order;
  pending->instrument = request.instrument;
  pending->terms = {next.quantity, next.limit_price, next.stop_price};
  transmit(*pending, to_edit, "/orders/edit", encoded, now, actions);
}

// ---- Answers ------------------------------------------------------------------------------------

void OrderSession::on_order_answer(Pending& pending, const RestAnswer& answer, Timestamp now,
                                   Actions& actions) {
  const std::string_view body = answer.body;
  OrderAnswer said;
  Judgement judgement;
  bool is_success = false;
  if (answer.status == 200) {
    // HTTP 200 does not mean success: look inside. What cannot be read says nothing.
    DecodeError error = DecodeError::none;
    if (pending.method == Method::place) {
      error = decode_create(body, scratch_, said);
      judgement = judge_create(said.reason);
    } else if (pending.method == Method::edit) {
      error = decode_edit(body, scratch_, said);
      judgement = judge_edit(said.reason);
    } else {
      std::vector<OrderAnswer> rows;
      error = decode_cancel(body, scratch_, rows);
      const auto row = std::find_if(rows.begin(), rows.end(), [&](const OrderAnswer& one) {
        return one.venue_order == pending.venue_order;
      });
      if (row != rows.end()) {
        said = *row;
      } else if (error == DecodeError::none) {
        error = DecodeError::missing_field;
      }
      judgement = judge_cancel(said.reason);
    }
    if (error != DecodeError::none) {
      ++errors_[static_cast<std::size_t>(error)];
      judgement = judge_status(0);
      said = {};
    } else {
      is_success = said.success;
    }
  } else {
    judgement = judge_status(answer.status);
    if (answer.status == 0) {
      said.words = answer.error;
    } else {
      ErrorAnswer refusal;
      decode_error(body, scratch_, refusal);
      said.reason = refusal.code;
      said.words = refusal.words;
    }
  }
  const int code = answer.status == 200 ? 0 : answer.status;
  const std::string words = said.reason.empty() || said.words.empty()
                                ? said.reason + said.words
                                : fmt::format("{}: {}", said.reason, said.words);
  if (is_success) {
    if (pending.method == Method::place && !said.venue_order.is_none()) {
      pending.venue_order = said.venue_order;
      memory_.learn(pending.order, said.venue_order);
    }
    if (pending.method == Method::edit) {
      // Taken, and queued: that the order stands so is said by the user channel, or asked for.
      pending.is_taken = true;
      return;
    }
    tell_outcome(pending, Outcome::acknowledged, Reason::none, 0, {}, now, actions);
  } else if (judgement.outcome != Outcome::unknown || !pending.is_late) {
    std::string_view told = words;
    if (judgement.outcome == Outcome::acknowledged) told = {};
    tell_outcome(pending, judgement.outcome, judgement.reason, code, told, now, actions);
  }
  const domain::OrderId order = pending.order;
  const bool is_refused_place =
      pending.method == Method::place && !is_success && judgement.outcome == Outcome::refused;
  requests_.close(pending);
  if (is_refused_place) end_waiting_cancel(order, now, actions);
  if (!is_success) react(judgement.reaction, answer.status, words, now, actions);
  if (answer.status == 429) {
    throttled_until_ = std::max(
        throttled_until_, now + std::max<domain::Duration>(answer.retry_after, throttle_pause));
  }
}

void OrderSession::react(Reaction reaction, int status, std::string_view words, Timestamp now,
                         Actions& actions) {
  switch (reaction) {
    case Reaction::none:
    case Reaction::query:  // the engine asks
      return;
    case Reaction::back_off:
      throttled_until_ = std::max(throttled_until_, now + throttle_pause);
      return;
    case Reaction::new_token:
      tokens_.clear();
      tokens_.refill(now, venue_time(now), actions);
      ask_clock(now, actions);
      if (++tokens_refused_ < 2) return;
      [[fallthrough]];
    case Reaction::halt:
      forbidden_until_ = now + forbidden_pause;
      actions.say(
          fmt::format("the venue refuses this key: status {}: {}; no orders are sent for 5 "
                      "min; check the key, its permissions and the clock",
                      status, words));
      return;
    case Reaction::refresh_rules:
    case Reaction::our_mistake:
      return say_once(
          words.substr(0, words.find(':')),
          fmt::format("the venue refused a request that our checks had let pass: {} {}; "
                      "more of the kind are told by their outcome only",
                      status, words),
          actions);
  }
}

}  // namespace halcyon::gateways::coinbase
