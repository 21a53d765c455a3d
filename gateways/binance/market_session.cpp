#include "gateways/binance/market_session.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/core.h>

#include "gateways/binance/encode.h"
#include "gateways/binance/intervals.h"

namespace halcyon::gateways::binance {

using domain::Event;
using domain::Reason;
using domain::StreamState;
using domain::Timestamp;

namespace {

/// A frame's beginning, fit for a log.
std::string excerpt(const Frame& frame) {
  std::string text{frame.text().substr(0, 160)};
  for (char& character : text) {
    if (static_cast<unsigned char>(character) < ' ') character = ' ';
  }
  return text;
}

}  // namespace

MarketSession::MarketSession(MarketSettings settings)
    : settings_(std::move(settings)), pacer_(settings_.jitter_seed) {
  const Symbols& symbols = *settings_.symbols;
  feed_index_.assign(symbols.table_size(), -1);
  for (const domain::InstrumentId id : settings_.instruments) {
    feed_index_.at(domain::index_of(id)) = static_cast<std::int32_t>(feeds_.size());
    Feed& feed = feeds_.emplace_back();
    feed.instrument = id;
    const auto own = settings_.channels_of.find(id);
    feed.channels = own == settings_.channels_of.end() ? settings_ : own->second;
    const Channels& wants = feed.channels;
    if ((wants.trades && wants.agg_trades) || (wants.book && wants.partial_book)) {
      throw std::runtime_error(
          "binance: trades and agg_trades say the same twice, and so do book and partial_book; "
          "configure one of the two");
    }
    contexts_.push_back({&symbols, id});
    for (std::string& stream : streams_of(feed)) streams_.push_back(std::move(stream));
  }
  contexts_.push_back({&symbols, domain::no<domain::InstrumentId>});
  if (streams_.size() > max_streams || feeds_.size() > index_mask) {
    throw std::runtime_error(
        fmt::format("binance: {} instruments with their channels are {} streams, and a connection "
                    "carries at most {}; configure fewer instruments or channels",
                    feeds_.size(), streams_.size(), max_streams));
  }
}

MarketSession::~MarketSession() = default;

std::vector<std::string> MarketSession::streams_of(const Feed& feed) const {
  const std::string name = settings_.symbols->stream_name(feed.instrument);
  std::vector<std::string> streams;
  if (feed.channels.trades) streams.push_back(name + "@trade");
  if (feed.channels.quotes) streams.push_back(name + "@bookTicker");
  if (feed.channels.book) streams.push_back(name + "@depth@100ms");
  if (feed.channels.agg_trades) streams.push_back(name + "@aggTrade");
  if (feed.channels.partial_book) streams.push_back(name + "@depth20@100ms");
  for (const SeriesWish& series : settings_.series) {
    if (!feed.channels.klines || series.instrument != feed.instrument) continue;
    std::string stream =
        fmt::format("{}@kline_{}", name, interval_for(series.timeframe).value().name);
    if (std::find(streams.begin(), streams.end(), stream) == streams.end()) {
      streams.push_back(std::move(stream));
    }
  }
  return streams;
}

MarketSession::Feed* MarketSession::feed_of(domain::InstrumentId instrument) {
  const std::size_t index = domain::index_of(instrument);
  if (index >= feed_index_.size() || feed_index_[index] < 0) return nullptr;
  return &feeds_[static_cast<std::size_t>(feed_index_[index])];
}

Event MarketSession::event_of(Event::What what, Timestamp now,
                              domain::InstrumentId instrument) const {
  Event event;
  event.received = now;
  event.instrument = instrument;
  event.venue = settings_.symbols->venue();
  event.what = what;
  return event;
}

void MarketSession::set_state(StreamState state, Reason reason, Timestamp now, Actions& actions) {
  if (told_ == state) return;
  told_ = state;
  actions.emit(event_of(domain::StreamChanged{domain::StreamKind::market, state, reason}, now,
                        domain::no<domain::InstrumentId>));
}

// ---- The connection -----------------------------------------------------------------------------

void MarketSession::on_start(Timestamp now, Actions& actions) {
  ask_rules(now, actions);
  if (settings_.measure_clock) ask_clock(now, actions);
}

void MarketSession::on_open(Timestamp now, Actions& actions) {
  state_ = State::subscribing;
  dropped_ = false;
  opened_at_ = last_life_ = now;
  streams_sent_ = 0;
  messages_sent_ = messages_confirmed_ = 0;
  for (Feed& feed : feeds_) {
    feed.is_first_trade = true;
    if (feed.channels.book) feed.sync.on_stream_up();
  }
  refresh_book_deadline();
  set_state(StreamState::connecting, Reason::none, now, actions);
  send_subscription(now, actions);
  if (settings_.measure_clock) ask_clock(now, actions);
}

void MarketSession::send_subscription(Timestamp now, Actions& actions) {
  const std::size_t count = std::min(streams_in_message, streams_.size() - streams_sent_);
  if (count == 0) {
    next_subscription_at_ = domain::never;
    if (messages_sent_ == 0) on_subscribed(now, actions);  // nothing was wanted
    return;
  }
  actions.send(
      encode_subscribe(++messages_sent_, std::span{streams_}.subspan(streams_sent_, count)));
  streams_sent_ += count;
  confirm_by_ = now + subscribe_time_out;
  next_subscription_at_ =
      streams_sent_ < streams_.size() ? now + between_subscriptions : domain::never;
}

void MarketSession::on_subscribed(Timestamp now, Actions& actions) {
  state_ = State::ready;
  second_at_ = domain::never;
  if (settings_.two_feeds) {
    second_at_ = now;
  } else {
    plan_rollover(now);
  }
  confirm_by_ = domain::never;
  if (!to_subscribe_.empty() || !to_unsubscribe_.empty()) next_change_at_ = now;
  if (history_at_ < settings_.series.size() && next_history_at_ == domain::never) {
    next_history_at_ = now;  // what closes from here on is heard
  }
  set_state(StreamState::ready, Reason::none, now, actions);
}

void MarketSession::leave(Reason reason, Timestamp now, Actions& actions) {
  if (second_ != Second::none) give_up_second("the first connection is gone too", now, actions);
  second_at_ = next_change_at_ = domain::never;
  to_subscribe_.clear();  // the next connection subscribes to what is wanted then
  to_unsubscribe_.clear();
  state_ = State::closed;
  next_subscription_at_ = confirm_by_ = domain::never;
  for (Feed& feed : feeds_) invalidate_book(feed, reason, now, actions);
  refresh_book_deadline();
  set_state(StreamState::down, reason, now, actions);
}

void MarketSession::drop(std::string_view why, Reason reason, bool at_once, Timestamp now,
                         Actions& actions) {
  if (state_ == State::ready && now - opened_at_ >= good_service) pacer_.on_success();
  leave(reason, now, actions);
  reconnect_at_ = at_once ? pacer_.attempt_at_once(now) : pacer_.next_attempt(now);
  dropped_ = true;
  actions.reconnect(reconnect_at_, why);
}

void MarketSession::on_closed(std::string_view why, Timestamp now, Actions& actions) {
  if (dropped_) {
    // The end of the connection that we gave up; the next attempt is planned already.
    dropped_ = false;
    actions.reconnect(std::max(reconnect_at_, now), why);
    return;
  }
  if (second_ == Second::ready) {
    // The other one carries the same streams: nothing is missed.
    return promote(why, now, actions);
  }
  if (state_ == State::ready && now - opened_at_ >= good_service) pacer_.on_success();
  leave(Reason::connection_lost, now, actions);
  actions.reconnect(pacer_.next_attempt(now), why);
}

// ---- Changes at run time ------------------------------------------------------------------------

bool MarketSession::set_listened(domain::InstrumentId instrument, bool listens, Timestamp now,
                                 Actions& actions) {
  Feed* feed = feed_of(instrument);
  if (feed == nullptr) return false;
  if (feed->is_listened == listens) return true;
  std::vector<std::string> streams = streams_of(*feed);
  if (listens && streams_.size() + streams.size() > max_streams) return false;
  feed->is_listened = listens;
  for (const std::string& stream : streams) {
    if (listens) {
      streams_.push_back(stream);
      // A connection in the middle of its subscription comes to the end of the list by itself.
      const bool is_still_there = std::erase(to_unsubscribe_, stream) > 0;
      if (!is_still_there && state_ == State::ready) to_subscribe_.push_back(stream);
      continue;
    }
    const auto at = std::find(streams_.begin(), streams_.end(), stream);
    const bool is_sent = static_cast<std::size_t>(at - streams_.begin()) < streams_sent_;
    if (is_sent) --streams_sent_;
    streams_.erase(at);
    const bool is_waiting = std::erase(to_subscribe_, stream) > 0;
    if (!is_waiting && (state_ == State::ready || (state_ == State::subscribing && is_sent))) {
      to_unsubscribe_.push_back(stream);
    }
  }
  if (listens && state_ == State::subscribing) {
    next_subscription_at_ = std::min(next_subscription_at_, now + between_subscriptions);
  }
  if (second_ == Second::subscribing) {
    give_up_second("what it carries has changed", now, actions);
    second_at_ = now + second_restart;
  }
  feed->is_first_trade = true;
  if (state_ != State::closed) {
    if (!listens) invalidate_book(*feed, Reason::stream_not_ready, now, actions);
    if (listens && feed->channels.book) feed->sync.on_stream_up();
    refresh_book_deadline();
  }
  if (next_change_at_ == domain::never && state_ != State::closed) next_change_at_ = now;
  return true;
}

void MarketSession::send_changes(Timestamp now, Actions& actions) {
  next_change_at_ = domain::never;
  if (state_ != State::ready) return;
  auto& list = to_unsubscribe_.empty() ? to_subscribe_ : to_unsubscribe_;
  if (list.empty()) return;
  const std::size_t count = std::min(streams_in_message, list.size());
  const std::span<const std::string> names{list.data(), count};
  const std::string message = &list == &to_subscribe_ ? encode_subscribe(++change_id_, names)
                                                      : encode_unsubscribe(++change_id_, names);
  actions.send(message);
  if (second_ == Second::ready) actions.send_second(message);
  list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(count));
  if (!to_subscribe_.empty() || !to_unsubscribe_.empty()) {
    next_change_at_ = now + between_subscriptions;
  }
}

void MarketSession::on_sign_of_life(Timestamp now) { last_life_ = std::max(last_life_, now); }

// ---- Frames -------------------------------------------------------------------------------------

void MarketSession::say_once(DecodeError error, const Frame& frame, Actions& actions) {
  const std::uint32_t bit = 1U << static_cast<unsigned>(error);
  if ((errors_said_ & bit) != 0) return;
  errors_said_ |= bit;
  actions.say(
      fmt::format("market frame not understood: {}; it is left out, and more of the kind "
                  "are counted only: {}",
                  domain::enum_name(error), excerpt(frame)));
}

void MarketSession::on_frame(const Frame& frame, Actions& actions) {
  if (state_ == State::closed) return;  // the rest of a connection that was given up
  const Timestamp now = frame.received;
  if (frame.is_second) {
    if (second_ == Second::none) return;  // the rest of one that was given up
    second_life_ = std::max(second_life_, now);
  } else {
    last_life_ = std::max(last_life_, now);
  }
  const std::size_t start = actions.event_list().size();
  MarketMessage message;
  const DecodeError error =
      decode_market(frame, *settings_.symbols, scratch_, actions.event_list(), message);
  if (error != DecodeError::none) [[unlikely]] {
    // A lost trade or update shows in the next one's number, and is mended there.
    ++errors_[static_cast<std::size_t>(error)];
    say_once(error, frame, actions);
    return;
  }
  ++frames_[static_cast<std::size_t>(message.kind)];
  // Candles are made of trades, so theirs is the time that matters.
  const bool tells_time =
      message.kind == MarketKind::trade || message.kind == MarketKind::agg_trade;
  if (tells_time && actions.event_list().size() > start) {
    note_venue_time(actions.event_list()[start].venue_time, now, actions);
  }
  switch (message.kind) {
    case MarketKind::trade:
    case MarketKind::agg_trade:
    case MarketKind::quote:
    case MarketKind::partial_depth:
    case MarketKind::kline:
    case MarketKind::depth: {
      Feed* feed = feed_of(message.instrument);
      // Of this venue, but nobody asked for it; or of a second connection that is not whole yet.
      if (feed == nullptr || !feed->is_listened || (frame.is_second && !has_two_feeds())) {
        auto& events = actions.event_list();
        events.erase(events.begin() + static_cast<std::ptrdiff_t>(start), events.end());
        return;
      }
      const bool has_two = has_two_feeds();
      if (message.kind == MarketKind::kline) {
        on_kline(start, actions);
      } else if (message.kind == MarketKind::partial_depth) {
        on_partial_depth(*feed, start, message.last_update_id, actions);
      } else if (message.kind == MarketKind::trade || message.kind == MarketKind::agg_trade) {
        if (has_two && keep_trade(*feed, start, message.trade_id, frame.is_second, now, actions)) {
          return;
        }
        on_trade(*feed, start, message.trade_id, actions);
      } else if (message.kind == MarketKind::depth) {
        if (has_two && keep_update(*feed, start, message, frame.is_second, now, actions)) return;
        on_depth(*feed, start, message, now, actions);
      } else if (has_two) {
        // Quotes are not dense: only an older one, or the same again, says nothing new.
        auto& events = actions.event_list();
        const std::uint64_t id = std::get_if<domain::Quote>(&events.back().what)->update_id;
        if (id <= feed->last_quote_id) {
          note_copy(*feed, id, frame.is_second, now);
          events.pop_back();
        } else {
          feed->last_quote_id = id;
        }
      }
      if (has_two) follow_up(*feed, false, now, actions);
      return;
    }
    case MarketKind::control_done:
      if (message.control_id > std::uint64_t{1} << 32) return;  // a change at run time
      if (frame.is_second) {
        if (second_ == Second::subscribing && ++second_confirmed_ == second_messages_ &&
            second_sent_ == streams_.size()) {
          second_ = Second::ready;
          second_confirm_by_ = domain::never;
          for (Feed& feed : feeds_) feed.last_quote_id = 0;
          promote_at_ = settings_.two_feeds && !rolls_over_ ? now + rollover_age : now + overlap;
        }
        return;
      }
      if (state_ == State::subscribing && ++messages_confirmed_ == messages_sent_ &&
          streams_sent_ == streams_.size()) {
        on_subscribed(now, actions);
      }
      return;
    case MarketKind::control_refused:
      actions.say(fmt::format("the venue refused request {}: {} {}", message.control_id,
                              message.control_code, message.control_text));
      if (frame.is_second) {
        return give_up_second("the venue refused the second subscription", now, actions);
      }
      if (state_ == State::subscribing) {
        drop("the venue refused the subscription", Reason::venue_refused, false, now, actions);
      }
      return;
    case MarketKind::server_shutdown:
      if (frame.is_second) {
        return give_up_second("the venue announced a shutdown of it", now, actions);
      }
      if (second_ == Second::ready) {
        return promote("the venue announced a shutdown", now, actions);
      }
      if (may_have_second_ && state_ == State::ready) {
        rolls_over_ = true;
        return start_second(now, actions);  // this one serves until the other is there
      }
      drop("the venue announced a shutdown", Reason::connection_lost, true, now, actions);
      return;
    case MarketKind::unknown:
      if (!unknown_said_) {
        unknown_said_ = true;
        actions.say("market frame of an unknown kind, ignored and counted from here on: " +
                    excerpt(frame));
      }
      return;
    default:
      return;  // recognised, and not used
  }
}

void MarketSession::on_trade(Feed& feed, std::size_t start, std::uint64_t id, Actions& actions) {
  auto& events = actions.event_list();
  const bool is_first = feed.is_first_trade;
  feed.is_first_trade = false;
  if (feed.has_trade && id <= feed.last_trade_id) {
    const bool is_renumbered = is_first && feed.last_trade_id - id > renumbering_distance;
    if (!is_renumbered) {
      ++trades_repeated_;
      events.erase(events.begin() + static_cast<std::ptrdiff_t>(start), events.end());
      return;
    }
  } else if (feed.has_trade && id > feed.last_trade_id + 1) {
    // Trade ids are dense (section 3): what lies between was lost, across a reconnect too.
    const std::uint64_t lost = id - feed.last_trade_id - 1;
    trades_lost_ += lost;
    Event gap = events[start];
    gap.what =
        domain::TradesLost{static_cast<std::uint32_t>(std::min<std::uint64_t>(lost, UINT32_MAX))};
    events.insert(events.begin() + static_cast<std::ptrdiff_t>(start), gap);
  }
  feed.has_trade = true;
  feed.last_trade_id = id;
}

void MarketSession::on_partial_depth(Feed& feed, std::size_t start, std::uint64_t id,
                                     Actions& actions) {
  if (feed.has_partial_book && id <= feed.last_partial_id) {
    // The other connection was first, or nothing has changed.
    auto& events = actions.event_list();
    events.erase(events.begin() + static_cast<std::ptrdiff_t>(start), events.end());
    return;
  }
  feed.has_partial_book = true;
  feed.last_partial_id = id;
}

void MarketSession::on_kline(std::size_t start, Actions& actions) {
  auto& events = actions.event_list();
  if (events.size() == start) return;  // still open
  // One interval may be what several series are made of.
  const Event told = events.back();
  events.pop_back();
  const domain::Bar& bar = *std::get_if<domain::Bar>(&told.what);
  for (const SeriesWish& series : settings_.series) {
    if (series.instrument != told.instrument ||
        !(interval_for(series.timeframe)->length == bar.timeframe)) {
      continue;
    }
    Event& event = events.emplace_back(told);
    std::get_if<domain::Bar>(&event.what)->timeframe = series.timeframe;
  }
}

void MarketSession::invalidate_book(Feed& feed, Reason reason, Timestamp now, Actions& actions) {
  const bool had_partial = std::exchange(feed.has_partial_book, false);
  if (feed.sync.on_stream_down() || had_partial) {
    actions.emit(event_of(domain::BookInvalid{reason}, now, feed.instrument));
  }
}

void MarketSession::on_depth(Feed& feed, std::size_t start, const MarketMessage& message,
                             Timestamp now, Actions& actions) {
  const auto verdict = feed.sync.on_update(message.first_update_id, message.last_update_id,
                                           actions.event_list(), start);
  if (verdict == BookSync::Verdict::apply) [[likely]] {
    return;
  }
  if (verdict == BookSync::Verdict::gap) {
    actions.emit(event_of(domain::BookInvalid{Reason::sequence_gap}, now, feed.instrument));
  }
  ask_snapshots(now, actions);
}

void MarketSession::on_request(const domain::VenueRequest& request, Timestamp now,
                               Actions& actions) {
  using domain::QueryKind;
  if (request.kind == QueryKind::subscribe || request.kind == QueryKind::unsubscribe) {
    const bool listens = request.kind == QueryKind::subscribe;
    if (!set_listened(request.instrument, listens, now, actions)) {
      actions.say(
          fmt::format("not subscribed: a connection carries at most {} streams", max_streams));
    }
    return;
  }
  if (request.kind != QueryKind::resync_book) return;
  Feed* feed = feed_of(request.instrument);
  if (feed == nullptr || !feed->channels.book || state_ == State::closed) return;
  invalidate_book(*feed, Reason::sequence_gap, now, actions);
  feed->sync.on_stream_up();
  refresh_book_deadline();
}

// ---- Time ---------------------------------------------------------------------------------------

void MarketSession::on_time(Timestamp now, Actions& actions) {
  if (now >= next_rules_at_) ask_rules(now, actions);
  if (now >= next_clock_at_) ask_clock(now, actions);
  if (state_ == State::closed) return;
  if (now >= last_life_ + silence_limit) {
    ++silences_;
    return drop("nothing was heard for 45 s, not even a ping", Reason::no_answer_in_time, false,
                now, actions);
  }
  if (now >= confirm_by_ && state_ == State::subscribing) {
    return drop("the venue did not confirm the subscription", Reason::no_answer_in_time, false, now,
                actions);
  }
  if (now >= next_history_at_) ask_history(now, actions);
  if (now >= next_subscription_at_) send_subscription(now, actions);
  if (now >= next_change_at_) send_changes(now, actions);
  on_second_time(now, actions);
  if (now >= book_deadline_) {
    for (Feed& feed : feeds_) feed.sync.on_time(now);
    ask_snapshots(now, actions);
  }
}

Timestamp MarketSession::next_deadline() const {
  Timestamp next = std::min(next_rules_at_, next_clock_at_);
  if (state_ == State::closed) return next;
  next = std::min(
      {next, last_life_ + silence_limit, next_subscription_at_, next_change_at_, next_history_at_});
  next = std::min(next, second_deadline());
  if (state_ == State::subscribing) next = std::min(next, confirm_by_);
  return std::min(next, book_deadline_);
}

void MarketSession::each_counter(const Count& count) const {
  count_each<MarketKind>("frames_", frames_, count);
  count_each<DecodeError>("decode_", errors_, count);
  BookSync::Counters books;
  for (const Feed& feed : feeds_) {
    const BookSync::Counters& own = feed.sync.counters();
    books.gaps += own.gaps;
    books.dropped += own.dropped;
    books.too_old += own.too_old;
    books.overflows += own.overflows;
    books.joined += own.joined;
  }
  count("book_gaps", books.gaps);
  count("book_updates_dropped", books.dropped);
  count("book_snapshots_too_old", books.too_old);
  count("book_buffers_overflowed", books.overflows);
  count("book_synced", books.joined);
  count("book_snapshots_asked", snapshots_asked_);
  count("book_snapshots_failed", snapshots_failed_);
  count("trades_lost", trades_lost_);
  count("trades_repeated", trades_repeated_);
  count("silences", silences_);
  count("rules_failures", rules_failures_);
  count("history_bars", history_bars_);
  count("histories_missing", histories_missing_);
  count("rollovers", rollovers_);
  count("feed_wins_first", feed_wins_[0]);
  count("feed_wins_second", feed_wins_[1]);
  count("feed_lead_us_first", feed_lead_us_[0]);
  count("feed_lead_us_second", feed_lead_us_[1]);
}

}  // namespace halcyon::gateways::binance
