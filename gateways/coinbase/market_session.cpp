#include "gateways/coinbase/market_session.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "domain/enum_name.h"
#include "gateways/coinbase/encode.h"

namespace halcyon::gateways::coinbase {

using domain::Event;
using domain::Reason;
using domain::StreamState;
using domain::Timestamp;

namespace {

constexpr std::size_t tokens_ahead = 8;

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
  rest_context_ = {&symbols, {}};
  rules_.resize(symbols.table_size());
  feed_index_.assign(symbols.market_count(), -1);
  for (const domain::InstrumentId id : settings_.instruments) {
    const MarketId market = symbols.market(id);
    auto& at = feed_index_.at(domain::index_of(market));
    if (at < 0) {
      at = static_cast<std::int32_t>(feeds_.size());
      feeds_.emplace_back().market = market;
    }
    feeds_[static_cast<std::size_t>(at)].instruments.push_back(id);
  }
  uses_tokens_ = settings_.credentials != nullptr;
  if (uses_tokens_) {
    tokens_.emplace(settings_.credentials, std::vector<std::string>{std::string{}}, tokens_ahead,
                    static_cast<std::uint32_t>(RestKind::tokens));
  }
}

MarketSession::~MarketSession() = default;

MarketSession::Feed* MarketSession::feed_of(MarketId market) {
  const std::size_t index = domain::index_of(market);
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

void MarketSession::emit_to_all(const Feed& feed, const Event& event, Actions& actions) {
  Event copy = event;
  for (const domain::InstrumentId id : feed.instruments) {
    copy.instrument = id;
    actions.emit(copy);
  }
}

// ---- Subscribing --------------------------------------------------------------------------------

std::uint32_t MarketSession::wanted() const {
  std::uint32_t channels = Message::bit(Channel::heartbeats);
  if (feeds_.empty()) return channels;
  channels |= Message::bit(Channel::status);
  if (settings_.book) channels |= Message::bit(Channel::l2_data);
  if (settings_.trades) channels |= Message::bit(Channel::market_trades);
  if (settings_.quotes) channels |= Message::bit(Channel::ticker);
  return channels;
}

void MarketSession::queue(Link& link, std::string_view type, std::string_view channel,
                          const std::vector<std::string_view>& products, Timestamp now) {
  std::size_t first = 0;
  do {
    const std::size_t count = std::min(products_in_message, products.size() - first);
    // A token of its own for each message; they are public without one.
    const std::string token = uses_tokens_ ? tokens_->take(0, now, now + clock_.best().offset) : "";
    link.waiting.push_back(
        encode_subscription(type, channel, std::span{products}.subspan(first, count), token));
    first += count;
  } while (first < products.size());
}

void MarketSession::subscribe(Link& link, Timestamp now) {
  link = Link{};
  link.last_life = now;
  queue(link, "subscribe", "heartbeats", {}, now);
  std::vector<std::string_view> products;
  for (const Feed& feed : feeds_) products.push_back(settings_.symbols->market_name(feed.market));
  if (products.empty()) return;
  if (settings_.book) queue(link, "subscribe", "level2", products, now);
  if (settings_.trades) queue(link, "subscribe", "market_trades", products, now);
  if (settings_.quotes) queue(link, "subscribe", "ticker", products, now);
  queue(link, "subscribe", "status", products, now);
}

void MarketSession::send_waiting(Link& link, bool is_second, Timestamp now, Actions& actions) {
  // The first message of a connection finds no time set: some may go at once.
  const bool is_first = link.next_message_at == domain::never;
  std::size_t room = is_first ? messages_at_once : now >= link.next_message_at ? 1 : 0;
  for (; room > 0 && !link.waiting.empty(); --room) {
    if (is_second) {
      actions.send_second(link.waiting.front());
    } else {
      actions.send(link.waiting.front());
    }
    link.waiting.pop_front();
    link.next_message_at = now + between_messages;
  }
}

void MarketSession::lose(Feed& feed, Reason reason, Timestamp now, Actions& actions) {
  if (!std::exchange(feed.is_live, false)) return;
  emit_to_all(feed, event_of(domain::BookInvalid{reason}, now, {}), actions);
}

void MarketSession::resubscribe(Feed& feed, Timestamp now, Actions& actions) {
  lose(feed, Reason::sequence_gap, now, actions);
  ++resyncs_;
  feed.on_second = false;
  feed.resync_at = now + resync_interval;
  feed.snapshot_by = now + feed.pause;
  feed.pause = std::min<domain::Duration>(feed.pause * 2, longest_snapshot_pause);
  const std::vector<std::string_view> product{settings_.symbols->market_name(feed.market)};
  queue(link_, "unsubscribe", "level2", product, now);
  queue(link_, "subscribe", "level2", product, now);
  send_waiting(link_, false, now, actions);
  refresh_deadline();
}

// ---- The connection -----------------------------------------------------------------------------

void MarketSession::on_start(Timestamp now, Actions& actions) {
  ask_rules(now, actions);
  if (settings_.measure_clock) ask_clock(now, actions);
  if (tokens_) tokens_->refill(now, now + clock_.best().offset, actions);
}

void MarketSession::on_open(Timestamp now, Actions& actions) {
  state_ = State::subscribing;
  dropped_ = false;
  opened_at_ = now;
  confirm_by_ = now + subscribe_time_out;
  set_state(StreamState::connecting, Reason::none, now, actions);
  // The venue closes a connection that has not subscribed within 5 s.
  subscribe(link_, now);
  for (Feed& feed : feeds_) {
    feed.is_live = feed.on_second = false;
    feed.pause = snapshot_time_out;
    feed.snapshot_by = settings_.book ? now + feed.pause : domain::never;
    feed.resync_at = {};
  }
  refresh_deadline();
  send_waiting(link_, false, now, actions);
}

void MarketSession::leave(Reason reason, Timestamp now, Actions& actions) {
  if (second_ != Second::none) give_up_second("the first connection is gone too", now, actions);
  second_at_ = confirm_by_ = domain::never;
  state_ = State::closed;
  link_ = Link{};
  for (Feed& feed : feeds_) {
    lose(feed, reason, now, actions);
    feed.snapshot_by = domain::never;
  }
  refresh_deadline();
  set_state(StreamState::down, reason, now, actions);
}

void MarketSession::drop(std::string_view why, Reason reason, Timestamp now, Actions& actions) {
  if (state_ == State::ready && now - opened_at_ >= good_service) pacer_.on_success();
  leave(reason, now, actions);
  reconnect_at_ = pacer_.next_attempt(now);
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
  const bool is_joined =
      second_ == Second::joining && (second_link_.subscribed & wanted()) == wanted();
  if (is_joined) return promote(why, now, actions);
  if (state_ == State::ready && now - opened_at_ >= good_service) pacer_.on_success();
  leave(Reason::connection_lost, now, actions);
  actions.reconnect(pacer_.next_attempt(now), why);
}

void MarketSession::on_sign_of_life(Timestamp now) {
  link_.last_life = std::max(link_.last_life, now);
}

void MarketSession::on_second_sign_of_life(Timestamp now) {
  second_link_.last_life = std::max(second_link_.last_life, now);
}

// ---- A second connection takes the first one's place --------------------------------------------
// It subscribes to everything. Each book changes over with the second one's snapshot, so that none
// is without a moment; when all have, the first connection is ended.

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
  second_until_ = now + second_time_out;
  static_cast<void>(pacer_.attempt_at_once(now));  // counts as an attempt
  actions.open_second();
}

void MarketSession::on_second_open(Timestamp now, Actions& actions) {
  if (second_ != Second::connecting) return actions.close_second("it is not wanted any more");
  second_ = Second::joining;
  second_until_ = now + second_time_out;
  kept_trades_.clear();
  subscribe(second_link_, now);
  send_waiting(second_link_, true, now, actions);
}

void MarketSession::on_second_closed(std::string_view why, Timestamp now, Actions& actions) {
  give_up_second(fmt::format("the second connection is gone: {}", why), now, actions);
}

void MarketSession::give_up_second(std::string_view why, Timestamp now, Actions& actions) {
  if (second_ == Second::none) return;
  second_ = Second::none;
  second_until_ = domain::never;
  second_at_ = now + second_retry;
  second_link_ = Link{};
  kept_trades_.clear();
  actions.say(std::string{why});
  actions.close_second(why);
  if (state_ == State::closed) return;
  // Books that had changed over have to come anew on the first one.
  for (Feed& feed : feeds_) {
    if (feed.on_second) resubscribe(feed, now, actions);
  }
}

void MarketSession::promote_if_whole(Timestamp now, Actions& actions) {
  if (second_ != Second::joining || (second_link_.subscribed & wanted()) != wanted()) return;
  if (settings_.book &&
      std::any_of(feeds_.begin(), feeds_.end(), [](const Feed& feed) { return !feed.on_second; })) {
    return;
  }
  promote("a new connection has taken its place", now, actions);
}

void MarketSession::promote(std::string_view why, Timestamp now, Actions& actions) {
  second_ = Second::none;
  second_until_ = domain::never;
  link_ = std::move(second_link_);
  second_link_ = Link{};
  opened_at_ = now;
  ++rollovers_;
  actions.promote_second(why);
  for (Feed& feed : feeds_) {
    const bool has_book = std::exchange(feed.on_second, false);
    if (settings_.book && !has_book) {
      lose(feed, Reason::connection_lost, now, actions);
      feed.snapshot_by = now + snapshot_time_out;
    }
  }
  for (const Event& event : kept_trades_) {
    if (Feed* feed = feed_of(settings_.symbols->market(event.instrument))) {
      take_trade(*feed, event, actions);
    }
  }
  kept_trades_.clear();
  plan_rollover(now);
  refresh_deadline();
}

// ---- Frames -------------------------------------------------------------------------------------

bool MarketSession::follow_sequence(bool is_second, Timestamp now, Actions& actions) {
  Link& link = is_second ? second_link_ : link_;
  if (message_.sequence < link.next_sequence) {
    ++frames_repeated_;
    return false;
  }
  const bool is_gap = message_.sequence > link.next_sequence;
  link.next_sequence = message_.sequence + 1;
  if (is_gap) on_gap(is_second, now, actions);
  // The connection may have been given up over it.
  return is_second ? second_ == Second::joining : state_ != State::closed;
}

void MarketSession::on_gap(bool is_second, Timestamp now, Actions& actions) {
  ++gaps_;
  if (is_second) {
    return give_up_second("the second connection lost frames", now, actions);
  }
  const Timestamp oldest = std::exchange(link_.gaps[link_.next_gap], now);
  link_.next_gap = (link_.next_gap + 1) % link_.gaps.size();
  if (settings_.trades) {
    // Nobody knows of which channel the lost frame was.
    for (const Feed& feed : feeds_) {
      if (feed.has_trade) {
        ++trades_lost_;
        emit_to_all(feed, event_of(domain::TradesLost{1}, now, {}), actions);
      }
    }
  }
  if (oldest != Timestamp{} && now - oldest < gap_window) {
    return drop("frames were lost again and again", Reason::sequence_gap, now, actions);
  }
  if (!settings_.book) return;
  for (Feed& feed : feeds_) {
    if (!feed.on_second) resubscribe(feed, now, actions);
  }
}

void MarketSession::on_books(bool is_second, Timestamp now, Actions& actions) {
  levels_cut_ += message_.levels_cut;
  for (const BookPart& part : message_.books) {
    Feed* const feed = feed_of(part.market);
    if (feed == nullptr || !settings_.book) continue;
    if (part.is_snapshot) {
      // After a change-over the first connection's word counts no more.
      if (feed->on_second && !is_second) continue;
      ++snapshots_;
      feed->on_second = is_second;
      feed->is_live = true;
      feed->snapshot_by = domain::never;
      feed->pause = snapshot_time_out;
    } else if (!feed->is_live || feed->on_second != is_second) {
      ++updates_dropped_;  // before its snapshot, or not the connection that counts
      continue;
    }
    for (const domain::InstrumentId id : feed->instruments) {
      for (std::size_t at = part.first; at < part.last; ++at) {
        decoded_[at].instrument = id;
        actions.emit(decoded_[at]);
      }
    }
  }
  refresh_deadline();
  if (is_second) promote_if_whole(now, actions);
}

void MarketSession::take_trade(Feed& feed, const Event& event, Actions& actions) {
  const std::uint64_t id = std::get_if<domain::Trade>(&event.what)->venue_id;
  if (feed.has_trade && id <= feed.last_trade_id) {
    ++trades_repeated_;
    return;
  }
  // The connection's own counter says whether a frame was lost; that trade ids have no holes is
  // nobody's promise.
  if (feed.has_trade) trade_ids_skipped_ += id - feed.last_trade_id - 1;
  feed.has_trade = true;
  feed.last_trade_id = id;
  emit_to_all(feed, event, actions);
}

void MarketSession::on_trades(bool is_second, Actions& actions) {
  if (!settings_.trades) return;
  if (is_second) {
    const std::size_t room = max_kept_trades - std::min(max_kept_trades, kept_trades_.size());
    const std::size_t count = std::min(room, decoded_.size());
    kept_trades_.insert(kept_trades_.end(), decoded_.end() - static_cast<std::ptrdiff_t>(count),
                        decoded_.end());
    return;
  }
  for (const Event& event : decoded_) {
    Feed* const feed = feed_of(settings_.symbols->market(event.instrument));
    if (feed == nullptr) continue;
    const std::uint64_t id = std::get_if<domain::Trade>(&event.what)->venue_id;
    if (message_.is_trade_snapshot) {
      if (!feed->has_trade) {
        // From before we listened: it only says where the numbers stand.
        feed->last_trade_id = std::max(feed->last_trade_id, id);
        continue;
      }
      if (id > feed->last_trade_id) {
        // It fills the hole that a reconnect has made, as far back as it reaches.
        if (id > feed->last_trade_id + 1) {
          const std::uint64_t lost = id - feed->last_trade_id - 1;
          trades_lost_ += lost;
          const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(lost, UINT32_MAX));
          emit_to_all(*feed, event_of(domain::TradesLost{count}, event.received, {}), actions);
          feed->last_trade_id = id - 1;
        }
        ++trades_filled_in_;
      }
    }
    take_trade(*feed, event, actions);
  }
  for (Feed& feed : feeds_) feed.has_trade = feed.has_trade || feed.last_trade_id != 0;
}

void MarketSession::on_quotes(Actions& actions) {
  if (!settings_.quotes) return;
  for (const Event& event : decoded_) {
    if (Feed* feed = feed_of(settings_.symbols->market(event.instrument))) {
      emit_to_all(*feed, event, actions);
    }
  }
}

void MarketSession::on_frame(const Frame& frame, Actions& actions) {
  if (state_ == State::closed) return;  // the rest of a connection that was given up
  if (frame.is_second && second_ != Second::joining) return;
  const Timestamp now = frame.received;
  Link& link = frame.is_second ? second_link_ : link_;
  link.last_life = std::max(link.last_life, now);
  decoded_.clear();
  const DecodeError error =
      decode(frame, *settings_.symbols, nobody_, max_snapshot_levels, scratch_, decoded_, message_);
  if (message_.has_sequence && !follow_sequence(frame.is_second, now, actions)) return;
  if (error != DecodeError::none) [[unlikely]] {
    ++errors_[static_cast<std::size_t>(error)];
    const std::uint32_t bit = 1U << static_cast<unsigned>(error);
    if ((errors_said_ & bit) == 0) {
      errors_said_ |= bit;
      actions.say(
          fmt::format("market frame not understood: {}; books are asked for anew, and more "
                      "of the kind are counted only: {}",
                      domain::enum_name(error), excerpt(frame)));
    }
    // What it said is lost, as a frame that has not come.
    const bool may_be_book = message_.channel == Channel::l2_data ||
                             message_.channel == Channel::market_trades ||
                             message_.channel == Channel::none;
    if (may_be_book) on_gap(frame.is_second, now, actions);
    return;
  }
  ++frames_[static_cast<std::size_t>(message_.channel)];
  switch (message_.channel) {
    case Channel::l2_data:
      return on_books(frame.is_second, now, actions);
    case Channel::market_trades:
      return on_trades(frame.is_second, actions);
    case Channel::ticker:
      if (!frame.is_second) on_quotes(actions);
      return;
    case Channel::status:
      for (const StatusRow& row : message_.products) {
        const auto& rules = rules_[domain::index_of(row.instrument)];
        const bool trades = rules && rules->status == domain::InstrumentStatus::trading;
        // What it may take now stands in the product.
        if (rules && trades != row.is_online) {
          next_rules_at_ = std::min(next_rules_at_, now + rules_pause);
        }
      }
      return;
    case Channel::subscriptions:
      link.subscribed = message_.subscribed;
      if (frame.is_second) return promote_if_whole(now, actions);
      if (state_ == State::subscribing && (link.subscribed & wanted()) == wanted()) {
        state_ = State::ready;
        confirm_by_ = domain::never;
        plan_rollover(now);
        set_state(StreamState::ready, Reason::none, now, actions);
      }
      return;
    case Channel::error:
      actions.say(fmt::format("the venue refused a subscription: {}", message_.text));
      if (frame.is_second) {
        return give_up_second("the venue refused the second connection", now, actions);
      }
      // Public channels need no token, and a wrong one is in the way.
      if (message_.text == "authentication failure") uses_tokens_ = false;
      return drop("the venue refused a subscription", Reason::venue_refused, now, actions);
    case Channel::unknown:
      if (!std::exchange(unknown_said_, true)) {
        actions.say("market frame of an unknown channel, ignored and counted from here on: " +
                    excerpt(frame));
      }
      return;
    default:
      return;  // recognised, and not used
  }
}

void MarketSession::on_request(const domain::VenueRequest& request, Timestamp now,
                               Actions& actions) {
  if (request.kind != domain::QueryKind::resync_book) return;
  Feed* feed = feed_of(settings_.symbols->market(request.instrument));
  if (feed == nullptr || !settings_.book || state_ == State::closed || now < feed->resync_at) {
    return;
  }
  resubscribe(*feed, now, actions);
}

// ---- REST ---------------------------------------------------------------------------------------

void MarketSession::decode_rules(const void* context, std::string_view body, RestAnswer& answer) {
  Scratch scratch;
  if (answer.status / 100 != 2) {
    ErrorAnswer refusal;
    decode_error(body, scratch, refusal);
    answer.error = fmt::format("{} {}", refusal.code, refusal.words);
    return;
  }
  const auto& rest = *static_cast<const RestContext*>(context);
  const DecodeError error = decode_products(body, rest, scratch, answer);
  if (error != DecodeError::none) {
    answer.status = 0;
    answer.error = fmt::format("products not understood: {}", domain::enum_name(error));
  }
}

void MarketSession::decode_clock(const void*, std::string_view body, RestAnswer& answer) {
  Scratch scratch;
  if (answer.status / 100 != 2) return;
  if (const DecodeError error = decode_time(body, scratch, answer); error != DecodeError::none) {
    answer.status = 0;
    answer.error = fmt::format("time not understood: {}", domain::enum_name(error));
  }
}

void MarketSession::ask_rules(Timestamp now, Actions& actions) {
  rules_failed_ = false;
  rules_outstanding_ = 0;
  for (std::size_t first = 0; first < settings_.instruments.size(); first += products_in_message) {
    const std::size_t last = std::min(first + products_in_message, settings_.instruments.size());
    RestRequest request;
    request.tag = static_cast<std::uint32_t>(RestKind::rules);
    request.target = settings_.rest_path;
    request.target += rest_base;
    request.target += "/market/products";
    for (std::size_t at = first; at < last; ++at) {
      request.target += at == first ? "?product_ids=" : "&product_ids=";
      request.target += settings_.symbols->name(settings_.instruments[at]);
    }
    request.context = &rest_context_;
    request.decode = &decode_rules;
    actions.rest(std::move(request));
    ++rules_outstanding_;
  }
  // Should an answer be lost on the way, the next round comes all the same.
  next_rules_at_ = settings_.instruments.empty() ? domain::never : now + rules_interval;
}

void MarketSession::ask_clock(Timestamp now, Actions& actions) {
  RestRequest request;
  request.tag = static_cast<std::uint32_t>(RestKind::clock);
  request.target = settings_.rest_path;
  request.target += rest_base;
  request.target += "/time";
  request.context = &rest_context_;
  request.decode = &decode_clock;
  actions.rest(std::move(request));
  next_clock_at_ = now + clock_interval;
}

void MarketSession::on_rest(RestAnswer& answer, Timestamp now, Actions& actions) {
  switch (static_cast<RestKind>(answer.tag)) {
    case RestKind::rules:
      return take_rules(answer, now, actions);
    case RestKind::clock: {
      if (answer.status / 100 != 2) return;
      clock_.add(answer.sent, answer.received, answer.server_time_ms);
      const ClockEstimate::Sample best = clock_.best();
      actions.emit(event_of(domain::ClockOffset{best.offset, best.round_trip}, now,
                            domain::no<domain::InstrumentId>));
      return;
    }
    case RestKind::tokens:
      if (tokens_) tokens_->take_answer(answer);
      return;
  }
}

void MarketSession::take_rules(RestAnswer& answer, Timestamp now, Actions& actions) {
  if (rules_outstanding_ > 0) --rules_outstanding_;
  if (answer.status / 100 != 2) {
    ++rules_failures_;
    rules_failed_ = true;
  }
  for (Event& event : answer.events) {
    const auto* rules = std::get_if<domain::InstrumentRules>(&event.what);
    auto& known = rules_.at(domain::index_of(event.instrument));
    // The journal keeps every one of these, so the engine hears changes only.
    if (rules == nullptr || known == *rules) continue;
    known = *rules;
    event.received = now;
    actions.emit(event);
  }
  if (!answer.error.empty() && answer.error != rules_words_) {
    rules_words_ = answer.error;
    actions.say(
        fmt::format("instrument rules: status {}: {}; instruments without rules take no "
                    "orders; asked again later",
                    answer.status, answer.error));
  }
  if (rules_outstanding_ > 0) return;
  next_rules_at_ =
      now + (rules_failed_ ? std::max<domain::Duration>(rules_pause, answer.retry_after)
                           : domain::Duration{rules_interval});
}

// ---- Time ---------------------------------------------------------------------------------------

void MarketSession::refresh_deadline() {
  book_deadline_ = domain::never;
  for (const Feed& feed : feeds_) book_deadline_ = std::min(book_deadline_, feed.snapshot_by);
}

void MarketSession::on_time(Timestamp now, Actions& actions) {
  if (now >= next_rules_at_) ask_rules(now, actions);
  if (now >= next_clock_at_) ask_clock(now, actions);
  if (tokens_ && uses_tokens_) tokens_->refill(now, now + clock_.best().offset, actions);
  if (state_ == State::closed) return;
  if (now >= link_.last_life + silence_limit) {
    ++silences_;
    if (second_ == Second::joining && (second_link_.subscribed & wanted()) == wanted()) {
      return promote("nothing was heard on the first connection for 5 s", now, actions);
    }
    return drop("nothing was heard for 5 s, not even a heartbeat", Reason::no_answer_in_time, now,
                actions);
  }
  if (now >= confirm_by_) {
    return drop("the venue did not confirm the subscriptions", Reason::no_answer_in_time, now,
                actions);
  }
  if (now >= link_.next_message_at) send_waiting(link_, false, now, actions);
  if (now >= second_at_) start_second(now, actions);
  if (second_ == Second::joining) {
    if (now >= second_link_.next_message_at) send_waiting(second_link_, true, now, actions);
    if (now >= second_link_.last_life + silence_limit) {
      give_up_second("nothing was heard on the second connection for 5 s", now, actions);
    }
  }
  if (second_ != Second::none && now >= second_until_) {
    give_up_second("the second connection did not become whole", now, actions);
  }
  if (now >= book_deadline_) {
    for (Feed& feed : feeds_) {
      if (now >= feed.snapshot_by) resubscribe(feed, now, actions);
    }
  }
}

Timestamp MarketSession::next_deadline() const {
  Timestamp next = std::min(next_rules_at_, next_clock_at_);
  if (tokens_ && uses_tokens_) next = std::min(next, tokens_->next_deadline());
  if (state_ == State::closed) return next;
  next = std::min({next, link_.last_life + silence_limit, confirm_by_, book_deadline_});
  if (!link_.waiting.empty()) next = std::min(next, link_.next_message_at);
  if (may_have_second_ && second_ == Second::none && state_ == State::ready) {
    next = std::min(next, second_at_);
  }
  if (second_ != Second::none) next = std::min(next, second_until_);
  if (second_ == Second::joining) {
    next = std::min(next, second_link_.last_life + silence_limit);
    if (!second_link_.waiting.empty()) next = std::min(next, second_link_.next_message_at);
  }
  return next;
}

void MarketSession::each_counter(const Count& count) const {
  count_each<Channel>("frames_", frames_, count);
  count_each<DecodeError>("decode_", errors_, count);
  count("book_gaps", gaps_);
  count("book_updates_dropped", updates_dropped_);
  count("book_synced", snapshots_);
  count("book_levels_cut", levels_cut_);
  count("book_resyncs", resyncs_);
  count("frames_repeated", frames_repeated_);
  count("trades_lost", trades_lost_);
  count("trades_repeated", trades_repeated_);
  count("trades_filled_in", trades_filled_in_);
  count("trade_ids_skipped", trade_ids_skipped_);
  count("silences", silences_);
  count("rules_failures", rules_failures_);
  count("rollovers", rollovers_);
  count("tokens_signed_in_place", tokens_ ? tokens_->signed_in_place() : 0);
}

}  // namespace halcyon::gateways::coinbase
