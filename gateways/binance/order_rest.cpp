// OrderSession: what goes by REST beside the connection, and instead of it.

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "gateways/binance/order_session.h"

namespace halcyon::gateways::binance {

using domain::Event;
using domain::Timestamp;

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
  const std::uint32_t number = answer.tag & static_cast<std::uint32_t>(Requests::tag_mask);
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

}  // namespace halcyon::gateways::binance
