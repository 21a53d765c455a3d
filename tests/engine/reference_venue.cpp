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

void ReferenceVenue::take(const OrderCommand& command, Timestamp now, std::vector<Message>& out) {
  RequestOutcome answer;
  if (const auto* approved = std::get_if<Approved<NewOrder>>(&command.what)) {
    const NewOrder& asked = approved->value();
    answer.request = answer.order = asked.id;
    answer.kind = RequestKind::place;
    if (now > command.valid_until) {
      answer.outcome = Outcome::refused;
      answer.reason = Reason::venue_refused;
      out.push_back({answer, now});
      return;
    }
    VenueOrder order;
    order.id = asked.id;
    order.number = 100 + orders_.size();
    order.side = asked.side;
    order.quantity = asked.quantity;
    order.limit_price = asked.limit_price;
    order.created = now;
    orders_.push_back(order);
    tell(orders_.size() - 1, now, out);
    answer.outcome = Outcome::acknowledged;
    answer.venue_order = ForeignId::number(order.number);
    out.push_back({answer, now});
    return;
  }
  if (const auto* replace = std::get_if<ReplaceRequest>(&command.what)) {
    const NewOrder& next = replace->next.value();
    answer.request = replace->request;
    answer.order = replace->order;
    answer.kind = RequestKind::replace;
    const auto at = find(replace->order);
    const bool is_taken = at && orders_[*at].is_alive() && now <= command.valid_until &&
                          next.quantity > orders_[*at].filled;
    if (is_taken) {
      orders_[*at].quantity = next.quantity;
      orders_[*at].limit_price = next.limit_price;
      answer.outcome = Outcome::acknowledged;
      tell(*at, now, out);
    } else {
      answer.outcome = Outcome::refused;
      answer.reason = Reason::venue_refused;
    }
    out.push_back({answer, now});
    return;
  }
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

void ReferenceVenue::trade(std::size_t number, Quantity quantity, Price price, Timestamp now,
                           std::vector<Message>& out) {
  VenueOrder& order = orders_[number];
  if (!order.is_alive()) return;
  quantity = std::min(quantity, order.quantity - order.filled);
  if (!quantity.is_positive()) return;
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
