#include "gateways/binance/market_session.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/core.h>

#include "gateways/binance/counters.h"
#include "gateways/binance/encode.h"
#include "gateways/binance/sign.h"

namespace halcyon::gateways::binance {

using domain::Event;
using domain::Reason;
using domain::StreamState;
using domain::Timestamp;

namespace {

constexpr std::uint32_t generation_mask = (1U << 18) - 1;
constexpr std::uint32_t index_mask = (1U << 12) - 1;

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
    contexts_.push_back({&symbols, id});
    const std::string name = symbols.stream_name(id);
    if (settings_.trades) streams_.push_back(name + "@trade");
    if (settings_.quotes) streams_.push_back(name + "@bookTicker");
    if (settings_.book) streams_.push_back(name + "@depth@100ms");
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

std::uint32_t MarketSession::tag(RestKind kind, std::size_t index, std::uint32_t generation) {
  return static_cast<std::uint32_t>(kind) << 30 | static_cast<std::uint32_t>(index) << 18 |
         (generation & generation_mask);
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
    if (settings_.book) feed.sync.on_stream_up();
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
  confirm_by_ = domain::never;
  set_state(StreamState::ready, Reason::none, now, actions);
}

void MarketSession::leave(Reason reason, Timestamp now, Actions& actions) {
  state_ = State::closed;
  next_subscription_at_ = confirm_by_ = domain::never;
  for (Feed& feed : feeds_) {
    if (feed.sync.on_stream_down()) {
      actions.emit(event_of(domain::BookInvalid{reason}, now, feed.instrument));
    }
  }
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
  if (state_ == State::ready && now - opened_at_ >= good_service) pacer_.on_success();
  leave(Reason::connection_lost, now, actions);
  actions.reconnect(pacer_.next_attempt(now), why);
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
  last_life_ = std::max(last_life_, now);
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
  switch (message.kind) {
    case MarketKind::trade:
    case MarketKind::quote:
    case MarketKind::depth: {
      Feed* feed = feed_of(message.instrument);
      if (feed == nullptr) {  // of this venue, but nobody asked for it
        auto& events = actions.event_list();
        events.erase(events.begin() + static_cast<std::ptrdiff_t>(start), events.end());
        return;
      }
      if (message.kind == MarketKind::trade) {
        on_trade(*feed, start, message.trade_id, actions);
      } else if (message.kind == MarketKind::depth) {
        on_depth(*feed, start, message, now, actions);
      }
      return;
    }
    case MarketKind::control_done:
      if (state_ == State::subscribing && ++messages_confirmed_ == messages_sent_ &&
          streams_sent_ == streams_.size()) {
        on_subscribed(now, actions);
      }
      return;
    case MarketKind::control_refused:
      actions.say(fmt::format("the venue refused request {}: {} {}", message.control_id,
                              message.control_code, message.control_text));
      if (state_ == State::subscribing) {
        drop("the venue refused the subscription", Reason::venue_refused, false, now, actions);
      }
      return;
    case MarketKind::server_shutdown:
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
  if (request.kind != domain::QueryKind::resync_book) return;
  Feed* feed = feed_of(request.instrument);
  if (feed == nullptr || !settings_.book || state_ == State::closed) return;
  if (feed->sync.on_stream_down()) {
    actions.emit(event_of(domain::BookInvalid{Reason::sequence_gap}, now, feed->instrument));
  }
  feed->sync.on_stream_up();
  refresh_book_deadline();
}

// ---- REST ---------------------------------------------------------------------------------------

void MarketSession::decode_rules(const void* context, std::string_view body, RestAnswer& answer) {
  Scratch scratch;
  if (answer.status / 100 != 2) return decode_rest_error(body, scratch, answer);
  const auto& rest = *static_cast<const RestContext*>(context);
  const DecodeError error = decode_exchange_info(body, *rest.symbols, scratch, answer);
  if (error != DecodeError::none) {
    answer.status = 0;
    answer.error = fmt::format("exchangeInfo not understood: {}", domain::enum_name(error));
  }
}

void MarketSession::decode_snapshot(const void* context, std::string_view body,
                                    RestAnswer& answer) {
  Scratch scratch;
  if (answer.status / 100 != 2) return decode_rest_error(body, scratch, answer);
  const auto& rest = *static_cast<const RestContext*>(context);
  const DecodeError error =
      decode_depth_snapshot(body, *rest.symbols, rest.instrument, scratch, answer);
  if (error != DecodeError::none) {
    answer.status = 0;
    answer.error = fmt::format("depth snapshot not understood: {}", domain::enum_name(error));
  }
}

void MarketSession::decode_clock(const void*, std::string_view body, RestAnswer& answer) {
  Scratch scratch;
  if (answer.status / 100 != 2) return decode_rest_error(body, scratch, answer);
  const DecodeError error = decode_rest_time(body, scratch, answer);
  if (error != DecodeError::none) {
    answer.status = 0;
    answer.error = fmt::format("server time not understood: {}", domain::enum_name(error));
  }
}

void MarketSession::ask_rules(Timestamp now, Actions& actions) {
  rules_failed_ = false;
  rules_outstanding_ = 0;
  const std::size_t step = rules_one_by_one_ ? 1 : rules_in_request;
  for (std::size_t first = 0; first < feeds_.size(); first += step) {
    std::string symbols = "[";
    for (std::size_t index = first; index < std::min(first + step, feeds_.size()); ++index) {
      if (symbols.size() > 1) symbols += ',';
      symbols += '"';
      symbols += settings_.symbols->name(feeds_[index].instrument);
      symbols += '"';
    }
    symbols += ']';
    std::string query;
    append_query(query, "symbols", symbols);
    RestRequest request;
    request.tag = tag(RestKind::rules, 0, 0);
    request.target = settings_.rest_path + "/api/v3/exchangeInfo?" + query;
    request.context = &contexts_.back();
    request.decode = &decode_rules;
    actions.rest(std::move(request));
    ++rules_outstanding_;
  }
  // Should an answer be lost on the way, the next round comes all the same.
  next_rules_at_ = feeds_.empty() ? domain::never : now + rules_interval;
}

void MarketSession::ask_clock(Timestamp now, Actions& actions) {
  RestRequest request;
  request.tag = tag(RestKind::clock, 0, 0);
  request.target = settings_.rest_path + "/api/v3/time";
  request.context = &contexts_.back();
  request.decode = &decode_clock;
  actions.rest(std::move(request));
  next_clock_at_ = now + clock_interval;
}

void MarketSession::ask_snapshots(Timestamp now, Actions& actions) {
  if (!settings_.book) return;
  for (std::size_t index = 0; index < feeds_.size(); ++index) {
    Feed& feed = feeds_[index];
    if (!feed.sync.wants_snapshot(now)) continue;
    if (now < rest_blocked_until_) {
      feed.sync.put_off(rest_blocked_until_);
      continue;
    }
    if (!snapshot_budget_.try_spend(snapshot_weight, now)) {
      feed.sync.put_off(WeightBudget::next_minute(now));
      continue;
    }
    RestRequest request;
    request.tag = tag(RestKind::snapshot, index, feed.sync.generation());
    request.target = settings_.rest_path + "/api/v3/depth?";
    std::string query;
    append_query(query, "symbol", settings_.symbols->name(feed.instrument));
    append_query(query, "limit", std::to_string(snapshot_levels));
    request.target += query;
    request.context = &contexts_[index];
    request.decode = &decode_snapshot;
    actions.rest(std::move(request));
    feed.sync.on_asked(now);
    ++snapshots_asked_;
  }
  refresh_book_deadline();
}

void MarketSession::refresh_book_deadline() {
  book_deadline_ = domain::never;
  for (const Feed& feed : feeds_) {
    book_deadline_ = std::min(book_deadline_, feed.sync.next_deadline());
  }
}

void MarketSession::respect_limits(const RestAnswer& answer, Timestamp now) {
  if (answer.status != 429 && answer.status != 418 && answer.status != 403) return;
  // A ban lasts two minutes at least; too much weight, until the minute ends.
  const domain::Duration at_least = answer.status == 429 ? domain::Duration{5s} : 2min;
  rest_blocked_until_ =
      std::max(rest_blocked_until_, now + std::max(answer.retry_after, at_least) + 1s);
}

void MarketSession::on_rest(RestAnswer& answer, Timestamp now, Actions& actions) {
  respect_limits(answer, now);
  switch (static_cast<RestKind>(answer.tag >> 30)) {
    case RestKind::rules:
      return take_rules(answer, now, actions);
    case RestKind::snapshot:
      return take_snapshot(answer, now, actions);
    case RestKind::clock: {
      if (answer.status / 100 != 2) return;
      clock_.add(answer.sent, answer.received, answer.server_time_ms);
      const ClockEstimate::Sample best = clock_.best();
      actions.emit(event_of(domain::ClockOffset{best.offset, best.round_trip}, now,
                            domain::no<domain::InstrumentId>));
      return;
    }
  }
}

void MarketSession::take_rules(RestAnswer& answer, Timestamp now, Actions& actions) {
  if (rules_outstanding_ > 0) --rules_outstanding_;
  if (answer.status / 100 != 2) {
    ++rules_failures_;
    constexpr std::int32_t invalid_symbol = -1121;
    if (answer.venue_code == invalid_symbol && !rules_one_by_one_ && feeds_.size() > 1) {
      // One wrong symbol spoils the whole request: find out which.
      rules_one_by_one_ = true;
      return ask_rules(now, actions);
    }
    if (!rules_failed_) {
      actions.say(
          fmt::format("instrument rules: status {}: {} {}; instruments without rules take "
                      "no orders; asked again later",
                      answer.status, answer.venue_code, answer.error));
    }
    rules_failed_ = true;
  }
  for (Event& event : answer.events) {
    Feed* feed = feed_of(event.instrument);
    const auto* rules = std::get_if<domain::InstrumentRules>(&event.what);
    if (feed == nullptr || rules == nullptr) continue;
    // The journal keeps every one of these, so the engine hears changes only.
    if (feed->rules && *feed->rules == *rules) continue;
    feed->rules = *rules;
    event.received = now;
    actions.emit(event);
  }
  if (answer.status / 100 == 2 && !answer.error.empty()) actions.say(answer.error);
  for (const auto& [name, value] : answer.numbers) {
    if (name == "REQUEST_WEIGHT/60" && value > 0 && value < 10'000'000) {
      snapshot_budget_.set_limit(std::max(value * snapshot_share_pct / 100, snapshot_weight));
    }
  }
  if (rules_outstanding_ > 0) return;
  if (rules_failed_) {
    next_rules_at_ = std::max(now + rules_pause_, rest_blocked_until_);
    rules_pause_ = std::min<domain::Duration>(rules_pause_ * 2, rules_interval);
  } else {
    next_rules_at_ = now + rules_interval;
    rules_pause_ = 5s;
  }
}

void MarketSession::take_snapshot(RestAnswer& answer, Timestamp now, Actions& actions) {
  const std::size_t index = (answer.tag >> 18) & index_mask;
  if (index >= feeds_.size()) return;
  Feed& feed = feeds_[index];
  if ((feed.sync.generation() & generation_mask) != (answer.tag & generation_mask)) return;
  if (answer.status / 100 != 2) {
    ++snapshots_failed_;
    if (snapshots_failed_ == 1) {
      actions.say(
          fmt::format("depth snapshot of {}: status {}: {} {}; asked again later, the book "
                      "stays invalid until then",
                      settings_.symbols->name(feed.instrument), answer.status, answer.venue_code,
                      answer.error));
    }
    feed.sync.on_snapshot_failed(now);
    refresh_book_deadline();
    return;
  }
  for (Event& event : answer.events) event.received = answer.received;
  static_cast<void>(
      feed.sync.on_snapshot(answer.last_update_id, answer.events, now, actions.event_list()));
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
  if (now >= next_subscription_at_) send_subscription(now, actions);
  if (now >= book_deadline_) {
    for (Feed& feed : feeds_) feed.sync.on_time(now);
    ask_snapshots(now, actions);
  }
}

Timestamp MarketSession::next_deadline() const {
  Timestamp next = std::min(next_rules_at_, next_clock_at_);
  if (state_ == State::closed) return next;
  next = std::min({next, last_life_ + silence_limit, next_subscription_at_});
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
}

}  // namespace halcyon::gateways::binance
