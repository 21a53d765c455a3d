// OrderSession: what an answer means, and what follows from it.

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "gateways/binance/order_session.h"

namespace halcyon::gateways::binance {

using domain::Completeness;
using domain::Event;
using domain::Outcome;
using domain::QueryKind;
using domain::Reason;
using domain::RequestKind;
using domain::Timestamp;

namespace {

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
      clock_suspect_ = true;
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
      if (response.code == filter_failure_code) ++filter_misses_;
      if (settings_.has_rest && now >= filters_asked_ + filters_retry) {
        next_filters_at_ = now;
        rules_owed_ = true;
      }
      [[fallthrough]];
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

void OrderSession::on_replace_answer(Pending& pending, const Response& response, Timestamp now,
                                     Actions& actions) {
  using Fate = ReplaceLegs::Fate;
  ReplaceLegs legs;
  const std::string_view json = response.status == 200 ? response.result : response.error_data;
  if (decode_replace_legs(json, scratch_, legs) != DecodeError::none) legs = ReplaceLegs{};
  const auto tell = [&](RequestKind kind, domain::RequestId request, domain::OrderId order,
                        const ReplaceLegs::Leg& leg) {
    Outcome outcome = Outcome::unknown;
    Reason reason = Reason::venue_outcome_unknown;
    if (leg.fate == Fate::success) {
      outcome = Outcome::acknowledged;
      reason = Reason::none;
    } else if (leg.fate == Fate::not_attempted) {
      outcome = Outcome::refused;
      reason = Reason::venue_refused;
    } else if (leg.fate == Fate::failure) {
      const Judgement judgement = judge(400, leg.code, leg.message);
      const bool is_sure = judgement.reaction != Reaction::unknown_outcome &&
                           judgement.reason != Reason::venue_refused_duplicate;
      outcome = is_sure ? Outcome::refused : Outcome::unknown;
      reason = judgement.reason;
      if (leg.code == cancel_refused_code && leg.message != "Unknown order sent.") {
        reason = Reason::venue_refused;
      }
    }
    if (outcome == Outcome::unknown && pending.is_late) return;  // said already
    tell_leg(kind, request, order, leg.venue_order, pending.instrument, outcome, reason, leg.code,
             leg.message, now, actions);
  };
  tell(RequestKind::cancel, pending.request, pending.order, legs.cancel);
  tell(RequestKind::place, pending.placed[0], pending.placed[0], legs.place);
}

void OrderSession::on_list_answer(Pending& pending, const Response& response, Timestamp now,
                                  Actions& actions) {
  std::array<ListedOrder, domain::OrderList::capacity> listed{};
  // The status says that the venue took the list; ids that cannot be read change nothing.
  static_cast<void>(decode_list_ack(response.result, settings_.identity, scratch_, listed));
  for (std::size_t at = 0; at < pending.placed_count; ++at) {
    const domain::OrderId order = pending.placed[at];
    domain::ForeignId venue_order;
    for (const ListedOrder& each : listed) {
      if (each.order == order) venue_order = each.venue_order;
    }
    tell_leg(RequestKind::place, order, order, venue_order, pending.instrument,
             Outcome::acknowledged, Reason::none, 0, {}, now, actions);
  }
}

void OrderSession::on_order_answer(Pending& pending, const Response& response, Timestamp now,
                                   Actions& actions) {
  const bool is_replace = pending.method == Method::cancel_replace;
  if (is_replace && (response.status == 200 || !response.error_data.empty())) {
    // The data says what became of each step; without it (a time-out, a limit) the answer is one
    // for both.
    ReplaceLegs legs;
    if (decode_replace_legs(response.status == 200 ? response.result : response.error_data,
                            scratch_, legs) == DecodeError::none &&
        legs.cancel.fate != ReplaceLegs::Fate::unknown) {
      return on_replace_answer(pending, response, now, actions);
    }
    if (response.status == 200) {
      if (!pending.is_late) {
        tell_outcome(pending, Outcome::unknown, Reason::venue_outcome_unknown, 0, {}, now, actions);
      }
      return;
    }
  }
  if (response.status == 200 && pending.method == Method::list) {
    return on_list_answer(pending, response, now, actions);
  }
  if (response.status == 200) {
    domain::ForeignId venue_order;
    // The status says that the venue took it; a result that cannot be read changes nothing.
    if (pending.method != Method::amend &&
        decode_order_ack(response.result, scratch_, venue_order) == DecodeError::none &&
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
  if (pending.method == Method::open_orders &&
      pending.instrument == domain::no<domain::InstrumentId>) {
    open_.clear();
  }
  note_open_orders(start, rows.lists, actions);
  note_rows(rows, actions);
  end_query(pending, Completeness::complete, false, Reason::none, now, actions);
}

void OrderSession::on_asset_limits(const Response& response, Timestamp now, Actions& actions) {
  if (response.status != 200) {
    next_asset_limits_at_ = now + filters_retry;
    return react(judge(response.status, response.code, response.message), response, now, actions);
  }
  const DecodeError error =
      decode_asset_limits(response.result, *settings_.symbols, scratch_, asset_limits_);
  if (error != DecodeError::none) ++errors_[static_cast<std::size_t>(error)];
  if (++asset_limits_at_ < settings_.instruments.size()) {
    next_asset_limits_at_ = now;
  } else {
    asset_limits_at_ = 0;
    next_asset_limits_at_ = now + asset_limits_interval;
  }
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

}  // namespace halcyon::gateways::binance
