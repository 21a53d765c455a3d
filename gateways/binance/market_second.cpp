// MarketSession: a second connection beside the first, to take its place or to race it.

#include <algorithm>
#include <span>

#include <fmt/core.h>

#include "gateways/binance/encode.h"
#include "gateways/binance/market_session.h"

namespace halcyon::gateways::binance {

using domain::Event;
using domain::Timestamp;

void MarketSession::plan_rollover(Timestamp now) {
  const auto jitter = static_cast<std::uint64_t>(rollover_jitter.count());
  const std::uint64_t random =
      domain::mix(settings_.jitter_seed ^ static_cast<std::uint64_t>(domain::to_unix_ns(now)));
  second_at_ = now + rollover_age - domain::Duration{static_cast<std::int64_t>(random % jitter)};
}

void MarketSession::start_second(Timestamp now, Actions& actions) {
  second_at_ = now + second_retry;
  if (!may_have_second_ || second_ != Second::none || state_ != State::ready) return;
  second_ = Second::connecting;
  static_cast<void>(pacer_.attempt_at_once(now));  // counts as an attempt
  actions.open_second();
}

void MarketSession::on_second_open(Timestamp now, Actions& actions) {
  if (second_ != Second::connecting) return actions.close_second("it is not wanted any more");
  second_ = Second::subscribing;
  second_life_ = now;
  second_sent_ = 0;
  second_messages_ = second_confirmed_ = 0;
  send_second_subscription(now, actions);
}

void MarketSession::send_second_subscription(Timestamp now, Actions& actions) {
  const std::size_t count = std::min(streams_in_message, streams_.size() - second_sent_);
  if (count == 0) return give_up_second("nothing is listened to", now, actions);
  actions.send_second(
      encode_subscribe(++second_messages_, std::span{streams_}.subspan(second_sent_, count)));
  second_sent_ += count;
  second_confirm_by_ = now + subscribe_time_out;
  second_subscription_at_ =
      second_sent_ < streams_.size() ? now + between_subscriptions : domain::never;
}

void MarketSession::on_second_sign_of_life(Timestamp now) {
  second_life_ = std::max(second_life_, now);
}

void MarketSession::on_second_closed(std::string_view why, Timestamp now, Actions& actions) {
  give_up_second(fmt::format("the second connection is gone: {}", why), now, actions);
}

void MarketSession::give_up_second(std::string_view why, Timestamp now, Actions& actions) {
  if (second_ == Second::none) return;
  second_ = Second::none;
  promote_at_ = second_subscription_at_ = second_confirm_by_ = domain::never;
  second_at_ = now + second_retry;
  actions.say(std::string{why});
  actions.close_second(why);
  for (Feed& feed : feeds_) follow_up(feed, true, now, actions);
}

void MarketSession::promote(std::string_view why, Timestamp now, Actions& actions) {
  second_ = Second::none;
  promote_at_ = second_subscription_at_ = second_confirm_by_ = domain::never;
  opened_at_ = now;
  last_life_ = std::max(last_life_, second_life_);
  ++rollovers_;
  rolls_over_ = false;
  actions.promote_second(why);
  for (Feed& feed : feeds_) follow_up(feed, true, now, actions);
  if (settings_.two_feeds) {
    second_at_ = now;
  } else {
    plan_rollover(now);
  }
}

void MarketSession::note_arrival(Feed& feed, std::uint64_t id, bool is_second, Timestamp now) {
  feed.arrivals[id % feed.arrivals.size()] = {id, now, is_second};
}

void MarketSession::note_copy(Feed& feed, std::uint64_t id, bool is_second, Timestamp now) {
  Feed::Arrival& arrival = feed.arrivals[id % feed.arrivals.size()];
  if (arrival.id != id || arrival.on_second == is_second) return;
  const std::size_t winner = arrival.on_second ? 1 : 0;
  ++feed_wins_[winner];
  feed_lead_us_[winner] +=
      static_cast<std::uint64_t>(std::max<std::int64_t>((now - arrival.at) / 1us, 0));
  arrival.id = 0;
}

bool MarketSession::keep_update(Feed& feed, std::size_t start, const MarketMessage& message,
                                bool is_second, Timestamp now, Actions& actions) {
  auto& events = actions.event_list();
  const auto take_away = [&] {
    events.erase(events.begin() + static_cast<std::ptrdiff_t>(start), events.end());
  };
  if (!feed.sync.is_synced()) {
    // While a snapshot is waited for, one connection's updates are enough.
    if (!is_second) return false;
    take_away();
    return true;
  }
  if (message.last_update_id <= feed.sync.update_id()) {
    note_copy(feed, message.last_update_id, is_second, now);
    take_away();
    return true;
  }
  if (message.first_update_id <= feed.sync.update_id() + 1) {
    note_arrival(feed, message.last_update_id, is_second, now);
    return false;
  }
  const std::size_t count = events.size() - start;
  if (feed.ahead_events.size() + count > max_ahead_events) {
    follow_up(feed, true, now, actions);
    return false;
  }
  feed.ahead_updates.push_back({message.first_update_id, message.last_update_id, count});
  feed.ahead_events.insert(feed.ahead_events.end(),
                           events.begin() + static_cast<std::ptrdiff_t>(start), events.end());
  feed.ahead_until = std::min(feed.ahead_until, now + reorder_wait);
  ahead_deadline_ = std::min(ahead_deadline_, feed.ahead_until);
  take_away();
  return true;
}

bool MarketSession::keep_trade(Feed& feed, std::size_t start, std::uint64_t id, bool is_second,
                               Timestamp now, Actions& actions) {
  auto& events = actions.event_list();
  if (!feed.has_trade) return false;
  if (id <= feed.last_trade_id) {
    note_copy(feed, id, is_second, now);
    return false;  // on_trade counts it and takes it away
  }
  if (id == feed.last_trade_id + 1 || feed.ahead_trades.size() >= max_ahead_events) {
    note_arrival(feed, id, is_second, now);
    return false;
  }
  feed.ahead_trades.insert(feed.ahead_trades.end(),
                           events.begin() + static_cast<std::ptrdiff_t>(start), events.end());
  feed.ahead_until = std::min(feed.ahead_until, now + reorder_wait);
  ahead_deadline_ = std::min(ahead_deadline_, feed.ahead_until);
  events.erase(events.begin() + static_cast<std::ptrdiff_t>(start), events.end());
  return true;
}

void MarketSession::follow_up(Feed& feed, bool gives_up, Timestamp now, Actions& actions) {
  if (feed.ahead_until == domain::never) return;
  auto& events = actions.event_list();
  const auto id_of = [](const Event& event) {
    return std::get_if<domain::Trade>(&event.what)->venue_id;
  };
  std::sort(feed.ahead_trades.begin(), feed.ahead_trades.end(),
            [&](const Event& left, const Event& right) { return id_of(left) < id_of(right); });
  std::size_t used = 0;
  for (; used < feed.ahead_trades.size(); ++used) {
    const Event& event = feed.ahead_trades[used];
    if (!gives_up && id_of(event) > feed.last_trade_id + 1) break;
    const std::size_t start = events.size();
    events.push_back(event);
    on_trade(feed, start, id_of(event), actions);
  }
  feed.ahead_trades.erase(feed.ahead_trades.begin(),
                          feed.ahead_trades.begin() + static_cast<std::ptrdiff_t>(used));
  std::size_t updates = 0;
  std::size_t first = 0;
  for (; updates < feed.ahead_updates.size(); ++updates) {
    const Feed::Ahead ahead = feed.ahead_updates[updates];
    const bool follows =
        !feed.sync.is_synced() || ahead.first <= feed.sync.update_id() + 1 || gives_up;
    if (!follows) break;
    const std::size_t start = events.size();
    events.insert(events.end(), feed.ahead_events.begin() + static_cast<std::ptrdiff_t>(first),
                  feed.ahead_events.begin() + static_cast<std::ptrdiff_t>(first + ahead.events));
    first += ahead.events;
    MarketMessage message;
    message.first_update_id = ahead.first;
    message.last_update_id = ahead.last;
    on_depth(feed, start, message, now, actions);
  }
  feed.ahead_updates.erase(feed.ahead_updates.begin(),
                           feed.ahead_updates.begin() + static_cast<std::ptrdiff_t>(updates));
  feed.ahead_events.erase(feed.ahead_events.begin(),
                          feed.ahead_events.begin() + static_cast<std::ptrdiff_t>(first));
  if (feed.ahead_updates.empty() && feed.ahead_trades.empty()) feed.ahead_until = domain::never;
}

void MarketSession::on_second_time(Timestamp now, Actions& actions) {
  if (state_ == State::ready && now >= second_at_) start_second(now, actions);
  if (second_ == Second::subscribing && now >= second_subscription_at_) {
    send_second_subscription(now, actions);
  }
  if (second_ == Second::subscribing && now >= second_confirm_by_) {
    give_up_second("the venue did not confirm the second subscription", now, actions);
  }
  if (second_ >= Second::subscribing && now >= second_life_ + silence_limit) {
    give_up_second("nothing was heard on the second connection for 45 s", now, actions);
  }
  if (second_ == Second::ready && now >= promote_at_) {
    promote("a new connection has taken its place", now, actions);
  }
  if (now < ahead_deadline_) return;
  ahead_deadline_ = domain::never;
  for (Feed& feed : feeds_) {
    if (feed.ahead_until <= now) follow_up(feed, true, now, actions);
    ahead_deadline_ = std::min(ahead_deadline_, feed.ahead_until);
  }
}

Timestamp MarketSession::second_deadline() const {
  if (!may_have_second_) return domain::never;
  Timestamp next =
      std::min({promote_at_, second_subscription_at_, second_confirm_by_, ahead_deadline_});
  if (second_ == Second::none && state_ == State::ready) next = std::min(next, second_at_);
  if (second_ >= Second::subscribing) next = std::min(next, second_life_ + silence_limit);
  return next;
}

}  // namespace halcyon::gateways::binance
