#include "harness.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace halcyon::engine::testing {

Harness::Harness(std::function<void(config::Config&, Setup&)> adjust)
    : script_(std::make_shared<std::vector<strategy::Target>>()) {
  config.daemon.name = "alpha";
  config::Venue sim;
  sim.name = "sim";
  sim.instruments = {"BTC/USDT", "BNB/USDT"};
  config.venues.push_back(sim);
  config::Account main;
  main.name = "main";
  main.venue = "sim";
  config.accounts.push_back(main);
  config::Strategy cross;
  cross.name = "cross";
  cross.type = "trend_following";
  cross.accounts = {"main"};
  cross.instruments = {"BTC/USDT"};
  cross.timeframe = {1, TimeUnit::second};
  cross.capital = "10000"_usd;
  config.strategies.push_back(cross);
  config.risk.daemon.max_order_notional = "1000000"_usd;
  config.risk.daemon.max_position_notional = "5000000"_usd;
  config.risk.daemon.max_reference_age = 24h;
  // A test that is about losses sets its own limit.
  config.risk.daemon.max_daily_loss.reset();
  config.risk.daemon.max_drawdown_pct.reset();
  config.risk.daemon.max_loss_per_trade.reset();
  config.risk.daemon.max_consecutive_losses.reset();

  setup.make_strategy = [this](const config::Strategy&, const std::vector<InstrumentId>&,
                               std::string&) {
    return std::make_unique<ScriptedStrategy>(script_);
  };
  setup.ended_orders_kept = 1024;
  setup.fills_kept = 1024;
  if (adjust) adjust(config, setup);

  venue = catalog.venue("sim");
  account = catalog.account("main", venue);
  strategy = catalog.strategy("cross");
  btc = catalog.instrument(venue, "BTC/USDT");
  bnb = catalog.instrument(venue, "BNB/USDT");
  btc_asset = *catalog.find_asset("BTC");
  bnb_asset = *catalog.find_asset("BNB");
  usdt = *catalog.find_asset("USDT");
  setup.visibility.assign(1, rule);
  setup.config = &config;
  setup.catalog = &catalog;
  balances = {{usdt, "1000000"_usd}, {btc_asset, "1000"_usd}};
  now = Timestamp{std::chrono::seconds{first_epoch}};
  engine = std::make_unique<Engine>(setup);
}

Outputs& Harness::send_of(InstrumentId instrument, Event::What what, std::string_view remark,
                          Timestamp venue_time) {
  Event event;
  event.sequence = ++sequence;
  event.received = now;
  event.venue_time = venue_time == Timestamp{} ? now : venue_time;
  event.instrument = instrument;
  event.account = account;
  event.venue = venue;
  event.what = what;
  outputs_.clear();
  engine->on_event(event, remark, sequence, outputs_);
  if (tap) tap(event, remark, outputs_);
  for (const RecordEntry& entry : outputs_.records) {
    records_.push_back({entry.record, std::make_shared<std::string>(entry.text)});
    journal_.push_back(to_text(entry));
  }
  for (const OrderCommand& command : outputs_.commands) commands_.push_back(command);
  for (const VenueRequest& request : outputs_.requests) questions_.push_back(request);
  if (on_sent) on_sent(event, remark, outputs_);
  return outputs_;
}

Outputs& Harness::send(Event::What what, std::string_view remark) {
  return send_of(btc, what, remark);
}

void Harness::pass(Duration duration) {
  const Timestamp end = now + duration;
  for (int steps = 0; steps < 100'000; ++steps) {
    const Timestamp next = engine->next_deadline();
    if (next > end) break;
    now = std::max(now, next);
    send(Time{});
    ASSERT_GT(engine->next_deadline(), now) << "a deadline that is due again stands still";
  }
  now = end;
  send(Time{});
}

void Harness::start(std::uint32_t new_epoch) {
  epoch = new_epoch;
  send(Started{new_epoch});
}

void Harness::hear_rules() {
  InstrumentRules rules;
  rules.tick = "0.01"_px;
  rules.lot = "0.00001"_qty;
  rules.min_quantity = "0.00001"_qty;
  rules.max_quantity = "9000"_qty;
  rules.min_notional = "5"_usd;
  rules.status = InstrumentStatus::trading;
  send_of(btc, rules);
  send_of(bnb, rules);
  send(ClockOffset{1ms, 2ms});
}

void Harness::quote(Price bid, Price ask) {
  Quote heard;
  heard.bid = bid;
  heard.ask = ask;
  heard.bid_quantity = heard.ask_quantity = "1"_qty;
  send(heard);
}

void Harness::begin() {
  start(first_epoch);
  hear_rules();
  quote("99"_px, "101"_px);
  connect();
}

void Harness::connect() {
  StreamChanged changed;
  changed.stream = StreamKind::orders;
  changed.state = StreamState::ready;
  send(changed);
  answer_all();
}

void Harness::disconnect(Reason reason) {
  StreamChanged changed;
  changed.stream = StreamKind::orders;
  changed.state = StreamState::down;
  changed.reason = reason;
  send(changed);
  questions_.clear();
}

void Harness::answer_all() {
  for (int rounds = 0; rounds < 1000 && !questions_.empty(); ++rounds) {
    const VenueRequest asked = questions_.front();
    questions_.pop_front();
    if (domain::is_about_market(asked.kind)) continue;
    send(AnswerBegin{asked.request, asked.kind});
    if (asked.kind == QueryKind::balances) {
      for (const auto& [asset, amount] : balances) {
        Balance row;
        row.asset = asset;
        row.free = amount;
        row.source = Source::list_query;
        send(row);
      }
    }
    AnswerEnd end;
    end.request = asked.request;
    end.kind = asked.kind;
    end.completeness = Completeness::complete;
    end.not_found = asked.kind == QueryKind::order_status;
    send(end);
  }
}

OrderId Harness::want(std::int32_t weight_pct, const strategy::How& how) {
  script_->push_back({btc, weight_pct, "the test wants it", how});
  const std::size_t before = commands_.size();
  // A trade in this second and one in the next close a candle.
  Trade trade;
  trade.price = "100"_px;
  trade.quantity = "1"_qty;
  send(trade);
  now = std::chrono::ceil<std::chrono::seconds>(now + 1ns);
  send(trade);
  for (std::size_t at = before; at < commands_.size(); ++at) {
    if (const auto* order = std::get_if<Approved<NewOrder>>(&commands_[at].what)) {
      return order->value().id;
    }
  }
  return {};
}

void Harness::outcome(OrderId order, Outcome what, Reason reason, RequestKind kind,
                      RequestId request, std::string_view words) {
  RequestOutcome heard;
  heard.order = order;
  heard.request = kind == RequestKind::place ? order : request;
  heard.kind = kind;
  heard.outcome = what;
  heard.reason = reason;
  if (what == Outcome::acknowledged) heard.venue_order = ForeignId::number(venue_order_of(order));
  send(heard, words);
}

OrderReport Harness::report_of(OrderId order, VenueOrderStatus status, Quantity filled) const {
  OrderReport row;
  row.order = order;
  row.venue_order = ForeignId::number(venue_order_of(order));
  row.status = status;
  row.filled = filled;
  row.source = Source::single_query;
  for (const OrderOpened& opened : all<OrderOpened>()) {
    if (opened.order.id == order) row.quantity = opened.order.quantity;
  }
  return row;
}

void Harness::report(OrderId order, VenueOrderStatus status, Quantity filled,
                     std::uint64_t venue_sequence, Source source, Reason reason) {
  OrderReport row = report_of(order, status, filled);
  row.venue_sequence = venue_sequence;
  row.source = source;
  row.reason = reason;
  send(row);
}

Execution Harness::execution(OrderId order, Quantity quantity, Price price,
                             std::uint64_t trade) const {
  Execution made;
  made.order = order;
  made.venue_order = ForeignId::number(venue_order_of(order));
  made.trade = ForeignId::number(trade);
  made.price = price;
  made.quantity = quantity;
  made.quote_amount = *notional(price, quantity);
  for (const OrderOpened& opened : all<OrderOpened>()) {
    if (opened.order.id == order) made.side = opened.order.side;
  }
  return made;
}

void Harness::fill(OrderId order, Quantity quantity, Price price, std::uint64_t trade,
                   Quantity cumulative, std::uint64_t venue_sequence) {
  Execution made = execution(order, quantity, price, trade);
  made.cumulative = cumulative;
  made.venue_sequence = venue_sequence;
  send(made);
}

void Harness::answer_status(RequestId request, const OrderReport* row, bool not_found,
                            Completeness completeness) {
  send(AnswerBegin{request, QueryKind::order_status});
  if (row != nullptr) send(*row);
  AnswerEnd end;
  end.request = request;
  end.kind = QueryKind::order_status;
  end.completeness = completeness;
  end.not_found = not_found;
  send(end);
}

RequestId Harness::command(decltype(Command::what) what) {
  Command made;
  made.token = ++token_;
  made.what = what;
  const std::size_t before = commands_.size();
  send(made, "because the test says so");
  for (std::size_t at = before; at < commands_.size(); ++at) {
    if (const auto* cancel = std::get_if<CancelRequest>(&commands_[at].what)) {
      return cancel->request;
    }
  }
  return {};
}

bool Harness::noticed(NoticeCode code, std::size_t from) const {
  const auto notices = all<NoticeRaised>(from);
  return std::any_of(notices.begin(), notices.end(),
                     [&](const NoticeRaised& notice) { return notice.code == code; });
}

OrderChanged Harness::last(OrderId order) const {
  OrderChanged found;
  for (const OrderChanged& changed : all<OrderChanged>()) {
    if (changed.order == order) found = changed;
  }
  return found;
}

OrderState Harness::state(OrderId order) const { return last(order).state; }

PositionChanged Harness::position() const {
  PositionChanged found;
  for (const PositionChanged& changed : all<PositionChanged>()) {
    if (changed.strategy == strategy && changed.instrument == btc) found = changed;
  }
  return found;
}

bool Harness::has_question(QueryKind kind) const {
  return std::any_of(questions_.begin(), questions_.end(),
                     [&](const VenueRequest& asked) { return asked.kind == kind; });
}

VenueRequest Harness::take(QueryKind kind) {
  const auto found = std::find_if(questions_.begin(), questions_.end(),
                                  [&](const VenueRequest& asked) { return asked.kind == kind; });
  if (found == questions_.end()) {
    ADD_FAILURE() << "no question of kind " << enum_name(kind);
    return {};
  }
  const VenueRequest asked = *found;
  questions_.erase(found);
  return asked;
}

std::vector<std::string> Harness::snapshot() const {
  std::vector<RecordEntry> records;
  engine->snapshot(records);
  return to_text(records);
}

std::unique_ptr<Engine> Harness::recovered(bool from_snapshot) const {
  auto made = std::make_unique<Engine>(setup);
  if (from_snapshot) {
    std::vector<RecordEntry> records;
    engine->snapshot(records);
    for (const RecordEntry& entry : records) made->apply(entry);
  } else {
    for (const Kept& kept : records_) made->apply({kept.record, *kept.text});
  }
  return made;
}

void Harness::crash_at(std::size_t mark) {
  records_.resize(mark);
  journal_.resize(mark);
  restart_from_journal();
}

void Harness::restart_from_journal() {
  engine = recovered(false);
  questions_.clear();
}
void Harness::restart_from_snapshot() {
  engine = recovered(true);
  questions_.clear();
}

}  // namespace halcyon::engine::testing
