// MarketSession: what is read by REST: rules, snapshots, the venue's clock.

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "gateways/binance/intervals.h"
#include "gateways/binance/market_session.h"
#include "gateways/binance/sign.h"

namespace halcyon::gateways::binance {

using domain::Event;
using domain::Timestamp;

std::uint32_t MarketSession::tag(RestKind kind, std::size_t index, std::uint32_t generation) {
  return static_cast<std::uint32_t>(kind) << 30 | static_cast<std::uint32_t>(index) << 18 |
         (generation & generation_mask);
}

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

void MarketSession::decode_history(const void* context, std::string_view body, RestAnswer& answer) {
  Scratch scratch;
  if (answer.status / 100 != 2) return decode_rest_error(body, scratch, answer);
  const auto& rest = *static_cast<const RestContext*>(context);
  const DecodeError error = decode_klines(body, *rest.symbols, scratch, answer);
  if (error != DecodeError::none) {
    answer.status = 0;
    answer.error = fmt::format("klines not understood: {}", domain::enum_name(error));
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
  if (settings_.measure_clock) next_clock_at_ = now + clock_interval;
}

void MarketSession::note_venue_time(Timestamp told, Timestamp now, Actions& actions) {
  const domain::Duration lag = now - told;
  const domain::Duration moved = has_lag_ ? lag - lag_ : domain::Duration{};
  const bool has_stepped = moved > clock_step || moved < -clock_step;
  if (has_lag_ && !has_stepped) return;
  if (has_stepped && now < next_step_check_) return;
  lag_ = lag;
  has_lag_ = true;
  if (!has_stepped) return;
  // Candles close by this clock: without it they would stand still or run ahead until the next
  // measurement.
  next_step_check_ = now + between_step_checks;
  clock_.clear();
  ask_clock(now, actions);
}

// ---- The past -----------------------------------------------------------------------------------

void MarketSession::ask_history(Timestamp now, Actions& actions) {
  next_history_at_ = domain::never;
  if (history_at_ >= settings_.series.size()) return;
  if (now < rest_blocked_until_) {
    next_history_at_ = rest_blocked_until_;
    return;
  }
  if (!snapshot_budget_.try_spend(history_weight, now)) {
    next_history_at_ = WeightBudget::next_minute(now);
    return;
  }
  const SeriesWish& series = settings_.series[history_at_];
  const KlineInterval interval = interval_for(series.timeframe).value();
  const std::uint32_t parts = parts_of(series.timeframe, interval.length);
  RestRequest request;
  request.tag = tag(RestKind::history, history_at_, 0);
  std::string query;
  append_query(query, "symbol", settings_.symbols->name(series.instrument));
  append_query(query, "interval", interval.name);
  // One more than is needed: the newest is still open.
  const std::uint64_t rows = std::uint64_t{series.past} * parts + parts;
  append_query(query, "limit", std::to_string(std::min<std::uint64_t>(rows, max_history)));
  request.target = settings_.rest_path + "/api/v3/klines?" + query;
  request.context = &contexts_.back();
  request.decode = &decode_history;
  actions.rest(std::move(request));
}

void MarketSession::take_history(RestAnswer& answer, Timestamp now, Actions& actions) {
  const std::size_t index = (answer.tag >> 18) & index_mask;
  if (index != history_at_ || index >= settings_.series.size()) return;
  const SeriesWish& series = settings_.series[index];
  if (answer.status / 100 != 2) {
    if (++history_failures_ < history_tries) {
      next_history_at_ =
          std::max(now + history_retry * (1 << history_failures_), rest_blocked_until_);
      return;
    }
    ++histories_missing_;
    actions.say(
        fmt::format("the past of {} was not told: status {}: {} {}; its strategies begin "
                    "cold",
                    settings_.symbols->name(series.instrument), answer.status, answer.venue_code,
                    answer.error));
    return end_history(now, actions);
  }
  for (Event& event : answer.events) {
    event.received = now;
    event.instrument = series.instrument;
    std::get_if<domain::Bar>(&event.what)->timeframe = series.timeframe;
    actions.emit(event);
    ++history_bars_;
  }
  end_history(now, actions);
}

void MarketSession::end_history(Timestamp now, Actions& actions) {
  const SeriesWish& series = settings_.series[history_at_];
  actions.emit(event_of(domain::HistoryEnd{series.timeframe}, now, series.instrument));
  ++history_at_;
  history_failures_ = 0;
  next_history_at_ = history_at_ < settings_.series.size() ? now : domain::never;
}

// ---- Books --------------------------------------------------------------------------------------

void MarketSession::ask_snapshots(Timestamp now, Actions& actions) {
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
    case RestKind::history:
      return take_history(answer, now, actions);
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

}  // namespace halcyon::gateways::binance
