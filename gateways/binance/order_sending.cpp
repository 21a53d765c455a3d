// OrderSession: may it leave now, and if so, as what. Commands and questions of the engine, and the
// few requests of its own.

#include <algorithm>

#include "gateways/binance/order_session.h"

namespace halcyon::gateways::binance {

using domain::Outcome;
using domain::QueryKind;
using domain::Reason;
using domain::RequestKind;
using domain::Timestamp;

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
  Pending* pending = requests_.open(now, answer_time_out);
  if (pending == nullptr) return nullptr;
  pending->method = method;
  pending->on_second = second_ == Second::ready || sends_second_;
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
  if (failed.empty() &&
      exceeds_asset_limit(asset_limits_, order, base, settings_.symbols->quote(order.instrument),
                          averages_[index])) {
    failed = "MAX_ASSET";
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
    if (filters.max_lists > 0 && open_.of(instrument).lists >= filters.max_lists) {
      hold = {Reason::venue_refused_filter, "MAX_NUM_ORDER_LISTS"};
    } else if (filters_->max_lists > 0 && open_.all().lists >= filters_->max_lists) {
      hold = {Reason::venue_refused_filter, "EXCHANGE_MAX_NUM_ORDER_LISTS"};
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
  if (domain::is_about_market(request.kind)) return;  // the market session's
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

void OrderSession::ask_asset_limits(Timestamp now, Actions& actions) {
  next_asset_limits_at_ = domain::never;
  if (asset_limits_at_ >= settings_.instruments.size()) return;
  if (now < std::max(banned_until_, throttled_until_) || !has_weight(optional_weight_pct, now)) {
    next_asset_limits_at_ = now + filters_retry;
    return;
  }
  Pending* pending = open_request(Method::my_filters, now);
  if (pending == nullptr) {
    next_asset_limits_at_ = now + filters_retry;
    return;
  }
  const Encoded encoded = encode_my_filters(pending->id, settings_.instruments[asset_limits_at_],
                                            context_at(now), buffer_.data());
  send(encoded, actions);
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

}  // namespace halcyon::gateways::binance
