// OrderSession: a second connection takes the first one's place.

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "gateways/binance/order_session.h"

namespace halcyon::gateways::binance {

using domain::Completeness;
using domain::Event;
using domain::Outcome;
using domain::Reason;
using domain::Timestamp;

void OrderSession::plan_rollover(Timestamp now) {
  const auto jitter = static_cast<std::uint64_t>(rollover_jitter.count());
  const std::uint64_t random =
      domain::mix(settings_.jitter_seed ^ static_cast<std::uint64_t>(domain::to_unix_ns(now)));
  rollover_at_ = now + rollover_age - domain::Duration{static_cast<std::int64_t>(random % jitter)};
}

void OrderSession::start_rollover(Timestamp now, Actions& actions) {
  rollover_at_ = now + rollover_retry;
  if (!may_have_second_ || second_ != Second::none || state_ != State::ready ||
      now < std::max(banned_until_, forbidden_until_)) {
    return;
  }
  second_ = Second::connecting;
  static_cast<void>(pacer_.attempt_at_once(now));  // counts as an attempt
  actions.open_second();
}

void OrderSession::on_second_open(Timestamp now, Actions& actions) {
  if (second_ != Second::connecting) return actions.close_second("it is not wanted any more");
  second_life_ = now;
  second_ = signs_each_ ? Second::subscribing : Second::logging_on;
  sends_second_ = true;
  Pending* pending = open_request(signs_each_ ? Method::subscribe : Method::logon, now);
  if (pending != nullptr) {
    send(signs_each_ ? encode_subscribe_user(pending->id, context_at(now), buffer_.data())
                     : encode_logon(pending->id, settings_.api_key, *settings_.signer,
                                    context_at(now).timestamp_ms, buffer_.data()),
         actions);
  }
  sends_second_ = false;
  if (pending == nullptr) give_up_second("too many requests in flight", now, actions);
}

void OrderSession::on_second_answer(Method method, const Response& response, Timestamp now,
                                    Actions& actions) {
  const bool is_good = response.status == 200 || response.code == subscription_active_code;
  if (!is_good) {
    return give_up_second(fmt::format("the second connection was refused: status {}, {} {}",
                                      response.status, response.code, response.message),
                          now, actions);
  }
  if (method == Method::logon && second_ == Second::logging_on) {
    second_ = Second::subscribing;
    sends_second_ = true;
    Pending* pending = open_request(Method::subscribe, now);
    if (pending != nullptr) {
      send(encode_subscribe_user(pending->id, context_at(now), buffer_.data()), actions);
    }
    sends_second_ = false;
    if (pending == nullptr) give_up_second("too many requests in flight", now, actions);
    return;
  }
  if (method != Method::subscribe || second_ != Second::subscribing) return;
  // From here on both carry the private stream, and nothing can be missed.
  second_ = Second::ready;
  promote_by_ = now + answer_time_out;
  heard_.fill({});
  promote_if_drained(now, actions);
}

void OrderSession::give_up_second(std::string_view why, Timestamp now, Actions& actions) {
  if (second_ == Second::none) return;
  const bool was_ready = second_ == Second::ready;
  second_ = Second::none;
  promote_by_ = domain::never;
  rollover_at_ = now + rollover_retry;
  actions.say(std::string{why} + "; the first connection goes on");
  actions.close_second(why);
  requests_.each_waiting([&](Pending& pending) {
    if (!pending.on_second) return;
    if (is_order_request(pending.method)) {
      tell_outcome(pending, Outcome::unknown, Reason::connection_lost, 0, {}, now, actions);
      requests_.close(pending);
    } else if (is_query(pending.method)) {
      end_query(pending, Completeness::partial, false, Reason::connection_lost, now, actions);
    } else {
      requests_.close(pending);
    }
  });
  if (was_ready) samples_left_ = 0;
}

void OrderSession::on_second_sign_of_life(Timestamp now) {
  second_life_ = std::max(second_life_, now);
}

void OrderSession::on_second_closed(std::string_view why, Timestamp now, Actions& actions) {
  give_up_second(fmt::format("the second connection is gone: {}", why), now, actions);
}

void OrderSession::promote_if_drained(Timestamp now, Actions& actions) {
  if (second_ != Second::ready) return;
  bool waits = false;
  requests_.each_waiting(
      [&](const Pending& pending) { waits = waits || (!pending.on_second && !pending.by_rest); });
  if (waits && now < promote_by_) return;
  promote("a new connection has taken its place", now, actions);
}

void OrderSession::promote(std::string_view why, Timestamp now, Actions& actions) {
  // Whatever the first one still owes will not come any more.
  requests_.each_waiting([&](Pending& pending) {
    if (pending.by_rest) return;
    if (std::exchange(pending.on_second, false)) return;  // it is the connection now
    if (is_order_request(pending.method)) {
      tell_outcome(pending, Outcome::unknown, Reason::connection_lost, 0, {}, now, actions);
      requests_.close(pending);
    } else if (is_query(pending.method)) {
      end_query(pending, Completeness::partial, false, Reason::connection_lost, now, actions);
    } else {
      requests_.close(pending);
      samples_left_ = 0;
      next_clock_at_ = now + clock_retry;
    }
  });
  second_ = Second::none;
  promote_by_ = domain::never;
  opened_at_ = now;
  last_life_ = std::max(last_life_, second_life_);
  state_ = State::ready;
  drain_until_ = domain::never;
  ++rollovers_;
  plan_rollover(now);
  actions.promote_second(why);
}

void OrderSession::drop_repeats(std::size_t start, bool is_second, Actions& actions) {
  auto& events = actions.event_list();
  const auto is_repeat = [&](const Event& event) {
    if (const auto* report = std::get_if<domain::OrderReport>(&event.what)) {
      for (const Heard& heard : heard_) {
        if (heard.instrument == event.instrument && heard.sequence == report->venue_sequence &&
            heard.sequence != 0) {
          return true;
        }
      }
    }
    // Balances are absolute: those of the connection that is ahead in nothing else would be old.
    return is_second && std::holds_alternative<domain::Balance>(event.what);
  };
  const auto first = events.begin() + static_cast<std::ptrdiff_t>(start);
  if (first == events.end()) return;
  // One frame is one report, with its execution before it, or a list of balances.
  if (is_repeat(events.back())) {
    ++repeats_;
    events.erase(first, events.end());
    return;
  }
  if (const auto* report = std::get_if<domain::OrderReport>(&events.back().what)) {
    heard_[heard_next_] = {events.back().instrument, report->venue_sequence};
    heard_next_ = (heard_next_ + 1) % heard_.size();
  }
}

}  // namespace halcyon::gateways::binance
