#include "reference_venue.h"

#include <algorithm>

namespace halcyon::engine::testing {

using namespace domain;

ReferenceVenue::ReferenceVenue(InstrumentId instrument, AssetId base, AssetId quote)
    : instrument_(instrument), base_(base), quote_(quote) {}

std::optional<std::size_t> ReferenceVenue::find(OrderId id) const {
  for (std::size_t at = 0; at < orders_.size(); ++at) {
    if (orders_[at].id == id) return at;
  }
  return std::nullopt;
}

OrderReport ReferenceVenue::report_of(const VenueOrder& order, Source source) const {
  OrderReport report;
  report.order = order.id;
  report.venue_order = ForeignId::number(order.number);
  report.quantity = order.quantity;
  report.limit_price = order.limit_price;
  report.filled = order.filled;
  report.side = order.side;
  report.type = OrderType::market;
  report.status = order.status;
  report.source = source;
  return report;
}

Execution ReferenceVenue::execution_of(const VenueTrade& trade, Source source) const {
  const VenueOrder& order = orders_[trade.order];
  Execution execution;
  // The list of trades names the venue's own ids only, as Binance does.
  if (source == Source::private_stream) execution.order = order.id;
  execution.venue_order = ForeignId::number(order.number);
  execution.trade = ForeignId::number(trade.number);
  execution.price = trade.price;
  execution.quantity = trade.quantity;
  execution.quote_amount = *notional(trade.price, trade.quantity);
  execution.fee = trade.fee;
  execution.fee_asset = order.side == Side::buy ? base_ : quote_;
  execution.side = order.side;
  execution.source = source;
  return execution;
}

void ReferenceVenue::tell(std::size_t order, Timestamp now, std::vector<Message>& out) {
  OrderReport report = report_of(orders_[order], Source::private_stream);
  report.venue_sequence = ++sequence_;
  out.push_back({report, now});
}

void ReferenceVenue::tell_balances(Timestamp now, std::vector<Message>& out) const {
  for (const auto& [asset, amount] : {std::pair{base_, base_balance_}, {quote_, quote_balance_}}) {
    Balance balance;
    balance.asset = asset;
    balance.free = amount;
    out.push_back({balance, now});
  }
}

void ReferenceVenue::place(const NewOrder& asked, std::uint64_t list, Timestamp now,
                           std::vector<Message>& out) {
  VenueOrder order;
  order.id = asked.id;
  order.number = 100 + orders_.size();
  order.side = asked.side;
  order.quantity = asked.quantity;
  order.limit_price = asked.limit_price;
  order.created = now;
  order.list = list;
  orders_.push_back(order);
  tell(orders_.size() - 1, now, out);
  RequestOutcome answer;
  answer.request = answer.order = asked.id;
  answer.kind = RequestKind::place;
  answer.outcome = Outcome::acknowledged;
  answer.venue_order = ForeignId::number(order.number);
  out.push_back({answer, now});
}

void ReferenceVenue::replace(const ReplaceRequest& request, Timestamp valid_until, Timestamp now,
                             std::vector<Message>& out) {
  const NewOrder& next = request.next.value();
  RequestOutcome answer;
  answer.request = request.request;
  answer.order = request.order;
  answer.outcome = Outcome::refused;
  answer.reason = Reason::venue_refused;
  const auto at = find(request.order);
  const bool is_in_time = at && orders_[*at].is_alive() && now <= valid_until;
  if (request.mode == ReplaceMode::amend) {
    answer.kind = RequestKind::replace;
    if (is_in_time && next.quantity > orders_[*at].filled) {
      orders_[*at].quantity = next.quantity;
      orders_[*at].limit_price = next.limit_price;
      answer.outcome = Outcome::acknowledged;
      answer.reason = Reason::none;
      tell(*at, now, out);
    }
    out.push_back({answer, now});
    return;
  }
  // What has traded is not cancelled, and without a cancel nothing is placed.
  answer.kind = RequestKind::cancel;
  if (is_in_time && orders_[*at].filled.is_zero()) {
    answer.outcome = Outcome::acknowledged;
    answer.reason = Reason::none;
    cancel(*at, VenueOrderStatus::canceled, now, out);
    out.push_back({answer, now});
    place(next, 0, now, out);
    return;
  }
  out.push_back({answer, now});
  answer.kind = RequestKind::place;
  answer.request = answer.order = next.id;
  out.push_back({answer, now});
}

void ReferenceVenue::take(const OrderCommand& command, Timestamp now, std::vector<Message>& out) {
  const auto refuse_late = [&](const NewOrder& asked) {
    RequestOutcome answer;
    answer.request = answer.order = asked.id;
    answer.kind = RequestKind::place;
    answer.outcome = Outcome::refused;
    answer.reason = Reason::venue_refused;
    out.push_back({answer, now});
  };
  const bool is_late = now > command.valid_until;
  if (const auto* approved = std::get_if<Approved<NewOrder>>(&command.what)) {
    return is_late ? refuse_late(approved->value()) : place(approved->value(), 0, now, out);
  }
  if (const auto* list = std::get_if<OrderList>(&command.what)) {
    ++lists_;
    for (std::size_t at = 0; at < list->count; ++at) {
      const NewOrder& asked = list->orders[at]->value();
      is_late ? refuse_late(asked) : place(asked, lists_, now, out);
    }
    return;
  }
  if (const auto* request = std::get_if<ReplaceRequest>(&command.what)) {
    return replace(*request, command.valid_until, now, out);
  }
  RequestOutcome answer;
  const auto& cancel_request = std::get<CancelRequest>(command.what);
  answer.request = cancel_request.request;
  answer.order = cancel_request.order;
  answer.kind = RequestKind::cancel;
  const auto at = find(cancel_request.order);
  if (!at || !orders_[*at].is_alive()) {
    answer.outcome = Outcome::refused;
    answer.reason = Reason::venue_refused_unknown_order;
  } else {
    answer.outcome = Outcome::acknowledged;
    cancel(*at, VenueOrderStatus::canceled, now, out);
  }
  out.push_back({answer, now});
}

void ReferenceVenue::end_others(std::size_t number, VenueOrderStatus how, Timestamp now,
                                std::vector<Message>& out) {
  if (orders_[number].list == 0) return;
  for (std::size_t at = 0; at < orders_.size(); ++at) {
    VenueOrder& other = orders_[at];
    if (at == number || other.list != orders_[number].list || !other.is_alive()) continue;
    other.status = how;
    tell(at, now, out);
  }
}

void ReferenceVenue::trade(std::size_t number, Quantity quantity, Price price, Timestamp now,
                           std::vector<Message>& out) {
  VenueOrder& order = orders_[number];
  if (!order.is_alive()) return;
  quantity = std::min(quantity, order.quantity - order.filled);
  if (!quantity.is_positive()) return;
  end_others(number, VenueOrderStatus::expired, now, out);
  order.filled += quantity;
  order.status = order.filled == order.quantity ? VenueOrderStatus::filled
                                                : VenueOrderStatus::partially_filled;
  VenueTrade made;
  made.number = 1 + trades_.size();
  made.order = number;
  made.quantity = quantity;
  made.price = price;
  made.time = now;
  const Money amount = *notional(price, quantity);
  const Money units = Money::from_raw(quantity.raw());
  if (order.side == Side::buy) {
    made.fee = *scaled(units, 1, 1000);
    base_balance_ += units - made.fee;
    quote_balance_ -= amount;
  } else {
    made.fee = *scaled(amount, 1, 1000);
    base_balance_ -= units;
    quote_balance_ += amount - made.fee;
  }
  trades_.push_back(made);
  Execution execution = execution_of(made, Source::private_stream);
  execution.cumulative = order.filled;
  execution.venue_sequence = ++sequence_;
  out.push_back({execution, now});
  OrderReport report = report_of(order, Source::private_stream);
  report.venue_sequence = sequence_;
  out.push_back({report, now});
  tell_balances(now, out);
}

void ReferenceVenue::cancel(std::size_t number, VenueOrderStatus how, Timestamp now,
                            std::vector<Message>& out) {
  VenueOrder& order = orders_[number];
  if (!order.is_alive()) return;
  order.status = how;
  tell(number, now, out);
  end_others(number, how, now, out);
}

void ReferenceVenue::place_external(Side side, Quantity quantity, Timestamp now,
                                    std::vector<Message>& out) {
  VenueOrder order;
  order.number = 100 + orders_.size();
  order.side = side;
  order.quantity = quantity;
  order.created = now;
  orders_.push_back(order);
  tell(orders_.size() - 1, now, out);
}

void ReferenceVenue::answer(const VenueRequest& request, Timestamp now, bool is_lagging,
                            std::vector<Message>& out) const {
  const Timestamp seen_until = is_lagging ? now - read_lag : now;
  out.push_back({AnswerBegin{request.request, request.kind}, now});
  AnswerEnd end{request.request, request.kind, Completeness::complete, false, Reason::none};
  switch (request.kind) {
    case QueryKind::order_status: {
      std::optional<std::size_t> at;
      for (std::size_t number = 0; number < orders_.size(); ++number) {
        const VenueOrder& order = orders_[number];
        const bool is_it = request.order.is_none()
                               ? ForeignId::number(order.number) == request.venue_order
                               : order.id == request.order;
        if (is_it && order.created <= seen_until) at = number;
      }
      if (at) {
        out.push_back({report_of(orders_[*at], Source::single_query), now});
      } else {
        end.not_found = true;
      }
      break;
    }
    case QueryKind::open_orders:
      for (const VenueOrder& order : orders_) {
        if (!order.is_alive() || order.created > seen_until) continue;
        out.push_back({report_of(order, Source::list_query), now});
      }
      break;
    case QueryKind::fills_since:
      if (request.instrument != instrument_) break;
      for (const VenueTrade& trade : trades_) {
        const bool is_after = request.after.is_none()
                                  ? trade.time >= request.since
                                  : ForeignId::number(trade.number) > request.after;
        if (!is_after || trade.time > seen_until) continue;
        out.push_back({execution_of(trade, Source::trade_record), trade.time});
      }
      break;
    case QueryKind::balances:
      tell_balances(now, out);
      for (auto& message : out) {
        if (auto* balance = std::get_if<Balance>(&message.what)) {
          balance->source = Source::list_query;
        }
      }
      break;
    case QueryKind::resync_book:
    case QueryKind::subscribe:
    case QueryKind::unsubscribe:
      break;
  }
  out.push_back({end, now});
}

}  // namespace halcyon::engine::testing
