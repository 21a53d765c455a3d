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
constexpr std::int32_t filter_failure_code = -1013;
constexpr std::string_view used_weight_header = "X-MBX-USED-WEIGHT-1M";
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

// ---- Sending ------------------------------------------------------------------------------------

RequestContext OrderSession::context_at(Timestamp now, bool by_rest) const {
  RequestContext context;
  context.symbols = settings_.symbols.get();
  context.client_id_prefix = settings_.identity.prefix;
  context.timestamp_ms = domain::to_unix_ms(venue_time(now) - timestamp_margin);
  context.by_rest = by_rest;
  if (signs_each_ || by_rest) {
    context.api_key = settings_.api_key;
    context.signer = settings_.signer.get();
  }
  return context;
}

Pending* OrderSession::open_request(Method method, Timestamp now) {
  Pending* pending = requests_.open(method, now, answer_time_out);
  if (pending != nullptr) pending->on_second = second_ == Second::ready || sends_second_;
  return pending;
}

void OrderSession::send(const Encoded& encoded, Actions& actions) {
  const std::string_view text{buffer_.data(),
                              static_cast<std::size_t>(encoded.end - buffer_.data())};
  if (second_ >= Second::logging_on && (second_ == Second::ready || sends_second_)) [[unlikely]] {
    return actions.send_second(text);
  }
  actions.send(text);
}

void OrderSession::on_command(const domain::OrderCommand& command, Timestamp now,
                              Actions& actions) {
  if (const auto* order = std::get_if<domain::Approved<domain::NewOrder>>(&command.what)) {
    place(order->value(), command.valid_until, now, actions);
  } else if (const auto* request = std::get_if<domain::CancelRequest>(&command.what)) {
    cancel(*request, now, actions);
  } else if (const auto* change = std::get_if<domain::ReplaceRequest>(&command.what)) {
    replace(*change, command.valid_until, now, actions);
  } else if (const auto* list = std::get_if<domain::OrderList>(&command.what)) {
    place_list(*list, command.valid_until, now, actions);
  }
}

OrderSession::Hold OrderSession::hold_of_order(Timestamp valid_until, bool reduces,
                                               std::int64_t orders, Timestamp now) const {
  if (state_ != State::ready && !(goes_by_rest() && settings_.rest_orders && has_offset_)) {
    return {Reason::not_sent_not_ready, {}};
  }
  if (now > valid_until) return {Reason::not_sent_too_late, {}};
  if (now < forbidden_until_) {
    return {Reason::not_permitted, "the venue forbade orders a short while ago"};
  }
  if (now < std::max({banned_until_, throttled_until_, no_orders_until_})) {
    return {Reason::venue_refused_rate_limit, "the venue wants no orders now"};
  }
  if (clock_suspect_ || now - measured_at_ > clock_valid) {
    return {Reason::missing_clock_offset, "the venue's clock is being measured anew"};
  }
  if (!reduces && !has_weight(query_weight_pct, now)) {
    return {Reason::venue_refused_rate_limit, "what is left of the weight is kept for cancels"};
  }
  const std::array limits{rates_.orders_10s_limit, rates_.orders_day_limit};
  for (std::size_t at = 0; at < limits.size(); ++at) {
    if (limits[at] <= 0) continue;
    const OrderWindow& window = orders_sent_[at];
    const std::int64_t index = venue_time(now).time_since_epoch() / order_windows[at];
    const std::int64_t count = window.index == index ? window.count : 0;
    const std::int64_t reserve = reduces ? 0 : (limits[at] * order_reserve_pct + 99) / 100;
    if (count + orders > limits[at] - reserve) {
      return {Reason::venue_refused_rate_limit, "the venue's limit of unfilled orders is reached"};
    }
  }
  return {};
}

OrderSession::Hold OrderSession::hold_of_cancel(Timestamp now) const {
  if (!is_known_ && !(goes_by_rest() && has_offset_)) return {Reason::not_sent_not_ready, {}};
  if (now < banned_until_) {
    return {Reason::venue_refused_rate_limit, "the venue has banned this address"};
  }
  return {};
}

OrderSession::Hold OrderSession::hold_of_filters(const domain::NewOrder& order,
                                                 Timestamp now) const {
  const std::size_t index = domain::index_of(order.instrument);
  if (filters_ == nullptr || index >= filters_->symbols.size()) return {};
  const SymbolFilters& filters = filters_->symbols[index];
  const domain::AssetId base = settings_.symbols->base(order.instrument);
  const domain::Money held =
      domain::index_of(base) < held_.size() ? held_[domain::index_of(base)] : domain::Money{};
  const OpenCounts open = open_.of(order.instrument);
  std::string_view failed = failed_filter(filters, order, open, held, averages_[index], now);
  if (failed.empty() && (filters_->max_orders > 0 || filters_->max_algo_orders > 0)) {
    const OpenCounts all = open_.all();
    if (filters_->max_orders > 0 && all.orders >= filters_->max_orders) {
      failed = "EXCHANGE_MAX_NUM_ORDERS";
    } else if (domain::has_trigger(order.type) && filters_->max_algo_orders > 0 &&
               all.algo_orders >= filters_->max_algo_orders) {
      failed = "EXCHANGE_MAX_NUM_ALGO_ORDERS";
    }
  }
  if (failed.empty()) return {};
  return {Reason::venue_refused_filter, failed};
}

void OrderSession::count_orders(std::int64_t orders, Timestamp now) {
  for (std::size_t at = 0; at < orders_sent_.size(); ++at) {
    const std::int64_t index = venue_time(now).time_since_epoch() / order_windows[at];
    if (orders_sent_[at].index != index) orders_sent_[at] = {index, 0};
    orders_sent_[at].count += orders;
  }
}

void OrderSession::transmit(Pending& pending, const Encoded& encoded, std::string_view verb,
                            std::string_view path, Actions& actions) {
  if (!goes_by_rest()) return send(encoded, actions);
  pending.by_rest = true;
  ++sent_by_rest_;
  RestRequest request;
  request.tag = tag(RestKind::request, pending.id);
  request.method = verb;
  request.target = settings_.rest_path;
  request.target += "/api/v3/";
  request.target += path;
  request.target += '?';
  request.target.append(buffer_.data(), static_cast<std::size_t>(encoded.end - buffer_.data()));
  request.headers.emplace_back("X-MBX-APIKEY", settings_.api_key);
  request.decode = &decode_kept;
  request.number_header = used_weight_header;
  actions.rest(std::move(request));
}

void OrderSession::place(const domain::NewOrder& order, Timestamp valid_until, Timestamp now,
                         Actions& actions) {
  const auto not_sent = [&](Reason reason, std::string_view words) {
    tell_not_sent(order.id, order.id, RequestKind::place, order.instrument, reason, words, now,
                  actions);
  };
  Hold hold = hold_of_order(valid_until, order.reduce_only, 1, now);
  if (hold.reason == Reason::none) {
    hold = hold_of_filters(order, now);
    if (hold.reason != Reason::none) ++filtered_;
  }
  if (hold.reason != Reason::none) return not_sent(hold.reason, hold.words);
  Pending* pending = open_request(Method::place, now);
  if (pending == nullptr) return not_sent(Reason::outbox_full, "too many requests in flight");
  const Encoded encoded =
      encode_place(pending->id, order, context_at(now, goes_by_rest()), buffer_.data());
  if (encoded.end == nullptr) {
    requests_.close(*pending);
    return not_sent(Reason::not_sent_not_encodable, encoded.why);
  }
  pending->request = pending->order = order.id;
  pending->instrument = order.instrument;
  transmit(*pending, encoded, "POST", "order", actions);
  count_orders(1, now);
  tell_outcome(*pending, Outcome::sent, Reason::none, 0, {}, now, actions);
}

void OrderSession::cancel(const domain::CancelRequest& cancel, Timestamp now, Actions& actions) {
  const auto not_sent = [&](Reason reason, std::string_view words) {
    tell_not_sent(cancel.request, cancel.order, RequestKind::cancel, cancel.instrument, reason,
                  words, now, actions);
  };
  const Hold hold = hold_of_cancel(now);
  if (hold.reason != Reason::none) return not_sent(hold.reason, hold.words);
  Pending* pending = open_request(Method::cancel, now);
  if (pending == nullptr) return not_sent(Reason::outbox_full, "too many requests in flight");
  const Encoded encoded =
      encode_cancel(pending->id, cancel, context_at(now, goes_by_rest()), buffer_.data());
  if (encoded.end == nullptr) {
    requests_.close(*pending);
    return not_sent(Reason::not_sent_not_encodable, encoded.why);
  }
  pending->request = cancel.request;
  pending->order = cancel.order;
  pending->venue_order = cancel.venue_order;
  pending->instrument = cancel.instrument;
  transmit(*pending, encoded, "DELETE", "order", actions);
  tell_outcome(*pending, Outcome::sent, Reason::none, 0, {}, now, actions);
}

void OrderSession::replace(const domain::ReplaceRequest& request, Timestamp valid_until,
                           Timestamp now, Actions& actions) {
  const bool is_amend = request.mode == domain::ReplaceMode::amend;
  const domain::NewOrder& next = request.next.value();
  const auto not_sent = [&](Reason reason, std::string_view words) {
    if (is_amend) {
      return tell_not_sent(request.request, request.order, RequestKind::replace, request.instrument,
                           reason, words, now, actions);
    }
    tell_not_sent(request.request, request.order, RequestKind::cancel, request.instrument, reason,
                  words, now, actions);
    tell_not_sent(next.id, next.id, RequestKind::place, request.instrument, reason, words, now,
                  actions);
  };
  // An amend makes an order smaller: what holds back orders does not hold it back.
  Hold hold = is_amend ? hold_of_cancel(now) : hold_of_order(valid_until, next.reduce_only, 1, now);
  if (hold.reason == Reason::none && is_amend && now > valid_until) {
    hold = {Reason::not_sent_too_late, {}};
  }
  const std::size_t index = domain::index_of(request.instrument);
  if (hold.reason == Reason::none && filters_ != nullptr && index < filters_->symbols.size()) {
    const SymbolFilters& filters = filters_->symbols[index];
    if (filters.is_known && is_amend && !filters.amends) {
      hold = {Reason::venue_refused_filter, "amendAllowed"};
    } else if (filters.is_known && is_amend && filters.max_amends > 0 &&
               request.version > filters.max_amends) {
      hold = {Reason::venue_refused_filter, "MAX_NUM_ORDER_AMENDS"};
    } else if (filters.is_known && !is_amend && !filters.cancel_replaces) {
      hold = {Reason::venue_refused_filter, "cancelReplaceAllowed"};
    } else if (!is_amend) {
      hold = hold_of_filters(next, now);
    }
    if (hold.reason != Reason::none) ++filtered_;
  }
  if (hold.reason != Reason::none) return not_sent(hold.reason, hold.words);
  Pending* pending = open_request(is_amend ? Method::amend : Method::cancel_replace, now);
  if (pending == nullptr) return not_sent(Reason::outbox_full, "too many requests in flight");
  const RequestContext context = context_at(now, goes_by_rest());
  const Encoded encoded =
      is_amend ? encode_amend(pending->id, request, context, buffer_.data())
               : encode_cancel_replace(pending->id, request, context, buffer_.data());
  if (encoded.end == nullptr) {
    requests_.close(*pending);
    return not_sent(Reason::not_sent_not_encodable, encoded.why);
  }
  pending->request = request.request;
  pending->order = request.order;
  pending->venue_order = request.venue_order;
  pending->instrument = request.instrument;
  if (is_amend) {
    transmit(*pending, encoded, "PUT", "order/amend/keepPriority", actions);
  } else {
    pending->placed[0] = next.id;
    pending->placed_count = 1;
    transmit(*pending, encoded, "POST", "order/cancelReplace", actions);
    count_orders(1, now);
  }
  tell_outcome(*pending, Outcome::sent, Reason::none, 0, {}, now, actions);
}

void OrderSession::place_list(const domain::OrderList& list, Timestamp valid_until, Timestamp now,
                              Actions& actions) {
  const std::size_t count = std::min<std::size_t>(list.count, domain::OrderList::capacity);
  const auto instrument = count > 0 && list.orders[0] ? list.orders[0]->value().instrument
                                                      : domain::no<domain::InstrumentId>;
  const auto not_sent = [&](Reason reason, std::string_view words) {
    for (std::size_t at = 0; at < count; ++at) {
      if (!list.orders[at]) continue;
      const auto id = list.orders[at]->value().id;
      tell_not_sent(id, id, RequestKind::place, instrument, reason, words, now, actions);
    }
  };
  bool reduces = count > 0;
  for (std::size_t at = 0; at < count; ++at) {
    reduces = reduces && list.orders[at] && list.orders[at]->value().reduce_only;
  }
  Hold hold = hold_of_order(valid_until, reduces, static_cast<std::int64_t>(count), now);
  const ListKind kind = kind_of(list);
  const std::size_t index = domain::index_of(instrument);
  if (hold.reason == Reason::none && filters_ != nullptr && index < filters_->symbols.size()) {
    const SymbolFilters& filters = filters_->symbols[index];
    if (filters.is_known && kind != ListKind::oto && !filters.takes_oco) {
      hold = {Reason::venue_refused_filter, "ocoAllowed"};
    } else if (filters.is_known && kind != ListKind::oco && !filters.takes_oto) {
      hold = {Reason::venue_refused_filter, "otoAllowed"};
    }
    for (std::size_t at = 0; at < count && hold.reason == Reason::none; ++at) {
      if (list.orders[at]) hold = hold_of_filters(list.orders[at]->value(), now);
    }
    if (hold.reason != Reason::none) ++filtered_;
  }
  if (hold.reason != Reason::none) return not_sent(hold.reason, hold.words);
  Pending* pending = open_request(Method::list, now);
  if (pending == nullptr) return not_sent(Reason::outbox_full, "too many requests in flight");
  const Encoded encoded =
      encode_list(pending->id, list, context_at(now, goes_by_rest()), buffer_.data());
  if (encoded.end == nullptr) {
    requests_.close(*pending);
    return not_sent(Reason::not_sent_not_encodable, encoded.why);
  }
  pending->request = list.request;
  pending->instrument = instrument;
  pending->placed_count = static_cast<std::uint8_t>(count);
  for (std::size_t at = 0; at < count; ++at) pending->placed[at] = list.orders[at]->value().id;
  const std::string_view path = kind == ListKind::oco   ? "orderList/oco"
                                : kind == ListKind::oto ? "orderList/oto"
                                                        : "orderList/otoco";
  transmit(*pending, encoded, "POST", path, actions);
  count_orders(static_cast<std::int64_t>(count), now);
  tell_outcome(*pending, Outcome::sent, Reason::none, 0, {}, now, actions);
}

bool OrderSession::has_weight(std::int64_t pct, Timestamp now) const {
  return minute_of(now) != rates_minute_ || rates_.weight_limit <= 0 ||
         rates_.weight * 100 < rates_.weight_limit * pct;
}

bool OrderSession::may_ask(QueryKind kind, Timestamp now) const {
  if (now < std::max(banned_until_, throttled_until_)) return false;
  return kind == QueryKind::order_status || has_weight(query_weight_pct, now);
}

std::int64_t OrderSession::minute_of(Timestamp now) const {
  return std::chrono::floor<std::chrono::minutes>(venue_time(now)).time_since_epoch().count();
}

void OrderSession::on_request(const domain::VenueRequest& request, Timestamp now,
                              Actions& actions) {
  if (request.kind == QueryKind::resync_book) return;  // the market session's
  if (!is_known_ && !(goes_by_rest() && has_offset_)) {
    return tell_no_answer(request, Reason::not_sent_not_ready, now, actions);
  }
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
  const RequestContext context = context_at(now, goes_by_rest());
  Encoded encoded;
  std::string_view path;
  switch (method) {
    case Method::open_orders:
      path = "openOrders";
      encoded = encode_open_orders(pending->id, request.instrument, context, buffer_.data());
      break;
    case Method::balances:
      path = "account";
      encoded = encode_account_status(pending->id, context, buffer_.data());
      break;
    case Method::fills: {
      path = "myTrades";
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
      path = "order";
      encoded = encode_order_status(pending->id, request.instrument, request.order,
                                    request.venue_order, context, buffer_.data());
      break;
  }
  if (encoded.end == nullptr) {
    requests_.close(*pending);
    return tell_no_answer(request, Reason::not_sent_not_encodable, now, actions);
  }
  transmit(*pending, encoded, "GET", path, actions);
}

void OrderSession::send_fills_page(Pending& pending, Timestamp now, Actions& actions) {
  const Encoded encoded = encode_my_trades(pending.id, pending.fills->page,
                                           context_at(now, goes_by_rest()), buffer_.data());
  // The first page was encodable, so this one is.
  transmit(pending, encoded, "GET", "myTrades", actions);
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

// ---- A second connection takes the first one's place --------------------------------------------

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

void OrderSession::become_ready(Timestamp now, Actions& actions) {
  state_ = State::ready;
  if (now - opened_at_ < good_service || rollover_at_ == domain::never) plan_rollover(now);
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
  const bool on_second = pending.on_second;
  requests_.close(pending);
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

// ---- REST ---------------------------------------------------------------------------------------

void OrderSession::decode_kept(const void*, std::string_view body, RestAnswer& answer) {
  if (answer.status / 100 == 2) {
    answer.body.reserve(body.size() + Frame::padding);
    answer.body = body;
    return;
  }
  Scratch scratch;
  decode_rest_error(body, scratch, answer);
}

void OrderSession::decode_rest_filters(const void* context, std::string_view body,
                                       RestAnswer& answer) {
  Scratch scratch;
  if (answer.status / 100 != 2) return decode_rest_error(body, scratch, answer);
  const auto& symbols = *static_cast<const Symbols*>(context);
  // The rules that the gate checks stand in the same document.
  DecodeError error = decode_exchange_info(body, symbols, scratch, answer);
  if (error == DecodeError::none) error = decode_filters(body, symbols, scratch, answer);
  if (error != DecodeError::none) {
    answer.status = 0;
    answer.error = fmt::format("exchangeInfo not understood: {}", domain::enum_name(error));
  }
}

void OrderSession::decode_rest_average(const void*, std::string_view body, RestAnswer& answer) {
  Scratch scratch;
  if (answer.status / 100 != 2) return decode_rest_error(body, scratch, answer);
  const DecodeError error = decode_average_price(body, scratch, answer);
  if (error != DecodeError::none) {
    answer.status = 0;
    answer.error = fmt::format("avgPrice not understood: {}", domain::enum_name(error));
  }
}

void OrderSession::ask_filters(Timestamp now, Actions& actions) {
  next_filters_at_ = now + filters_interval;
  filters_asked_ = now;
  if (now < std::max(banned_until_, throttled_until_) || !has_weight(optional_weight_pct, now)) {
    next_filters_at_ = now + filters_retry;
    return;
  }
  RestRequest request;
  request.tag = tag(RestKind::filters, 0);
  request.target = settings_.rest_path + "/api/v3/exchangeInfo";
  if (settings_.instruments.size() <= max_averages) {  // else of all that the venue has
    std::string symbols = "[";
    for (const domain::InstrumentId id : settings_.instruments) {
      if (symbols.size() > 1) symbols += ',';
      symbols += '"';
      symbols += settings_.symbols->name(id);
      symbols += '"';
    }
    symbols += ']';
    std::string query;
    append_query(query, "symbols", symbols);
    request.target += '?' + query;
  }
  request.context = settings_.symbols.get();
  request.decode = &decode_rest_filters;
  request.number_header = used_weight_header;
  actions.rest(std::move(request));
}

void OrderSession::ask_averages(Timestamp now, Actions& actions) {
  next_averages_at_ = now + average_interval;
  if (filters_ == nullptr || now < std::max(banned_until_, throttled_until_) ||
      !has_weight(optional_weight_pct, now)) {
    return;
  }
  std::size_t count = 0;
  for (const domain::InstrumentId id : settings_.instruments) {
    const std::size_t index = domain::index_of(id);
    const SymbolFilters& filters = filters_->symbols[index];
    const bool is_bound = filters.bid_up > 0 || filters.bid_down > 0 || filters.ask_up > 0;
    if (!is_bound || ++count > max_averages) continue;
    std::string query;
    append_query(query, "symbol", settings_.symbols->name(id));
    RestRequest request;
    request.tag = tag(RestKind::average, index);
    request.target = settings_.rest_path + "/api/v3/avgPrice?" + query;
    request.decode = &decode_rest_average;
    request.number_header = used_weight_header;
    actions.rest(std::move(request));
  }
}

void OrderSession::on_rest(RestAnswer& answer, Timestamp now, Actions& actions) {
  for (const auto& [name, value] : answer.numbers) {
    if (name != used_weight_header) continue;
    rates_.weight = value;
    rates_minute_ = minute_of(now);
  }
  const std::uint32_t number = answer.tag & static_cast<std::uint32_t>(RequestTable::tag_mask);
  switch (static_cast<RestKind>(answer.tag >> 30)) {
    case RestKind::filters:
      if (answer.extra == nullptr) {
        next_filters_at_ = now + std::max<domain::Duration>(filters_retry, answer.retry_after);
        if (!said_before(-answer.status)) {
          actions.say(fmt::format("filters not read: {} {}", answer.status, answer.error));
        }
        return;
      }
      filters_ = std::static_pointer_cast<const FilterTable>(answer.extra);
      for (const auto& [name, value] : answer.numbers) {
        if (name == "REQUEST_WEIGHT/60") rates_.weight_limit = value;
        if (name == "ORDERS/10") rates_.orders_10s_limit = value;
        if (name == "ORDERS/86400") rates_.orders_day_limit = value;
      }
      // The market session tells the rules; here only those that have just turned out to be old.
      if (std::exchange(rules_owed_, false)) {
        for (Event& event : answer.events) {
          event.received = now;
          actions.emit(event);
        }
      }
      if (next_averages_at_ == domain::never) ask_averages(now, actions);
      return;
    case RestKind::average:
      for (const auto& [name, value] : answer.numbers) {
        if (name == "price" && number < averages_.size()) {
          averages_[number] = {domain::Price::from_raw(value), now};
        }
      }
      return;
    case RestKind::request:
      break;
  }
  Pending* pending = requests_.find_tag(number);
  if (pending == nullptr) {
    ++unmatched_;
    return;
  }
  Response response;
  response.id = pending->id;
  response.status = answer.status;
  response.code = answer.venue_code;
  if (answer.status / 100 == 2) {
    response.status = 200;
    response.result = answer.body;
  } else {
    response.message = answer.error;
    response.error_data = answer.body;
    if (answer.retry_after > domain::Duration::zero()) {
      response.retry_after_ms = domain::to_unix_ms(venue_time(now) + answer.retry_after);
    }
  }
  dispatch(*pending, response, now, actions);
}

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
  note_open_orders(start, actions);
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

void OrderSession::note_open_orders(std::size_t start, Actions& actions) {
  const auto events = actions.events().subspan(start);
  for (const Event& event : events) {
    if (const auto* report = std::get_if<domain::OrderReport>(&event.what)) {
      using domain::VenueOrderStatus;
      if (report->status <= VenueOrderStatus::partially_filled) {
        open_.set(event.instrument, report->venue_order, domain::has_trigger(report->type),
                  report->side == domain::Side::buy,
                  std::max(report->quantity - report->filled, domain::Quantity{}));
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
  note_open_orders(start, actions);
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
  if (state_ == State::ready && now >= next_clock_at_) start_measuring(now, actions);
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
  if (state_ == State::ready) {
    next = std::min(next, next_clock_at_);
    if (may_have_second_) next = std::min(next, rollover_at_);
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
  count("orders_filtered", filtered_);
  count("filter_misses", filter_misses_);
  count("requests_by_rest", sent_by_rest_);
  count("rollovers", rollovers_);
  count("events_repeated", repeats_);
}

}  // namespace halcyon::gateways::binance
