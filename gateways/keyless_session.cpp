#include "gateways/keyless_session.h"

#include <algorithm>
#include <variant>

namespace halcyon::gateways {

using domain::Reason;
using domain::RequestKind;

domain::Event KeylessSession::event_of(const domain::Event::What& what, domain::Timestamp now,
                                       domain::InstrumentId instrument) const {
  domain::Event event;
  event.received = now;
  event.instrument = instrument;
  event.account = account_;
  event.venue = venue_;
  event.what = what;
  return event;
}

void KeylessSession::on_start(domain::Timestamp now, Actions& actions) {
  actions.emit(event_of(domain::StreamChanged{domain::StreamKind::orders, domain::StreamState::down,
                                              Reason::credential_missing},
                        now, domain::no<domain::InstrumentId>),
               "the account has no keys: put them and restart the daemon");
  actions.reconnect(domain::never, "the account has no keys");
}

void KeylessSession::on_command(const domain::OrderCommand& command, domain::Timestamp now,
                                Actions& actions) {
  const auto not_sent = [&](RequestKind kind, domain::RequestId request, domain::OrderId order,
                            domain::InstrumentId instrument) {
    domain::RequestOutcome outcome;
    outcome.request = request;
    outcome.order = order;
    outcome.kind = kind;
    outcome.outcome = domain::Outcome::not_sent;
    outcome.reason = Reason::not_sent_not_ready;
    actions.emit(event_of(outcome, now, instrument), "the account has no keys");
  };
  if (const auto* order = std::get_if<domain::Approved<domain::NewOrder>>(&command.what)) {
    not_sent(RequestKind::place, order->value().id, order->value().id, order->value().instrument);
  } else if (const auto* cancel = std::get_if<domain::CancelRequest>(&command.what)) {
    not_sent(RequestKind::cancel, cancel->request, cancel->order, cancel->instrument);
  } else if (const auto* change = std::get_if<domain::ReplaceRequest>(&command.what)) {
    if (change->mode == domain::ReplaceMode::amend) {
      return not_sent(RequestKind::replace, change->request, change->order, change->instrument);
    }
    const domain::OrderId next = change->next.value().id;
    not_sent(RequestKind::cancel, change->request, change->order, change->instrument);
    not_sent(RequestKind::place, next, next, change->instrument);
  } else if (const auto* list = std::get_if<domain::OrderList>(&command.what)) {
    const std::size_t count = std::min<std::size_t>(list->count, domain::OrderList::capacity);
    for (std::size_t at = 0; at < count; ++at) {
      if (!list->orders[at]) continue;
      const domain::NewOrder& leg = list->orders[at]->value();
      not_sent(RequestKind::place, leg.id, leg.id, leg.instrument);
    }
  }
}

void KeylessSession::on_request(const domain::VenueRequest& request, domain::Timestamp now,
                                Actions& actions) {
  if (request.kind == domain::QueryKind::resync_book) return;  // the market session's
  actions.emit(
      event_of(domain::AnswerBegin{request.request, request.kind}, now, request.instrument));
  domain::AnswerEnd end;
  end.request = request.request;
  end.kind = request.kind;
  end.reason = Reason::not_sent_not_ready;
  actions.emit(event_of(end, now, request.instrument));
}

}  // namespace halcyon::gateways
