#include "engine/engine.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "domain/check.h"
#include "engine/accounts.h"
#include "engine/candles.h"
#include "engine/commands.h"
#include "engine/dealer.h"
#include "engine/decisions.h"
#include "engine/desk.h"
#include "engine/fills.h"
#include "engine/keeper.h"
#include "engine/latest.h"
#include "engine/limit_book.h"
#include "engine/loss_guard.h"
#include "engine/market.h"
#include "engine/order_manager.h"
#include "engine/orders.h"
#include "engine/portfolio.h"
#include "engine/reconciliation.h"
#include "engine/trading_states.h"
#include "engine/valuation.h"

namespace halcyon::engine {

using domain::AccountId;
using domain::Event;
using domain::InstrumentId;
using domain::Timestamp;

/// Hands each event to the part whose business it is. What is durable is in the parts' `apply`;
/// the rest of them is rebuilt from the venue.
class Engine::Impl {
 public:
  /// A crossed book is asked for anew until it comes.
  static constexpr domain::Duration resync_interval = std::chrono::seconds{5};

  explicit Impl(const Setup& setup);

  void on_event(const Event& event, std::string_view words, std::uint64_t journal_sequence,
                Outputs& outputs);
  Timestamp next_deadline() const { return decisions_.deadline(); }

  /// Every durable change comes through here, from decisions and from the journal alike.
  void apply(const domain::RecordEntry& entry) {
    std::visit([&](const auto& record) { apply(record, entry.text); }, entry.record);
  }
  void snapshot(std::vector<domain::RecordEntry>& records) const;
  std::uint32_t last_epoch() const;
  const Book* book(InstrumentId instrument) const {
    return market_.knows(instrument) ? &market_.book(instrument) : nullptr;
  }
  Counters counters() const;

 private:
  void apply(const domain::EpochStarted& record, std::string_view) { order_manager_.apply(record); }
  void apply(const domain::InstrumentChanged& record, std::string_view) { market_.apply(record); }
  void apply(const domain::OrderOpened& record, std::string_view text) {
    orders_.apply(record, text);
  }
  void apply(const domain::OrderChanged& record, std::string_view) { orders_.apply(record); }
  void apply(const domain::RequestChanged& record, std::string_view) { orders_.apply(record); }
  void apply(const domain::FillBooked& record, std::string_view) {
    fills_.apply(record);
    portfolio_.apply(record);
  }
  void apply(const domain::PositionChanged& record, std::string_view) { portfolio_.apply(record); }
  void apply(const domain::BalanceChanged& record, std::string_view) { portfolio_.apply(record); }
  void apply(const domain::EquityMarked& record, std::string_view) { portfolio_.apply(record); }
  void apply(const domain::TradingStateChanged& record, std::string_view) { states_.apply(record); }
  void apply(const domain::AccountReady& record, std::string_view) { accounts_.apply(record); }
  void apply(const domain::DifferenceFound& record, std::string_view) { portfolio_.apply(record); }
  void apply(const domain::StrategyMemory& record, std::string_view) {
    memories_.put(key_of(domain::no<AccountId>, record.strategy, record.instrument), record);
  }
  // Said, and nothing more; names are the catalog's.
  void apply(const domain::OrderAmended& record, std::string_view) { orders_.apply(record); }
  void apply(const domain::OrderArmed& record, std::string_view) { orders_.apply(record); }
  void apply(const domain::FillVoided& record, std::string_view) {
    const auto* fill = fills_.find(record.account, record.instrument, record.number);
    if (fill == nullptr) return;  // a smaller ring has given it up
    const domain::FillBooked gone = *fill;
    fills_.apply(record);
    portfolio_.apply_voided(gone);
  }
  void apply(const domain::LotChanged& record, std::string_view) { portfolio_.apply(record); }
  void apply(const domain::RoundTripClosed& record, std::string_view) { portfolio_.apply(record); }
  void apply(const domain::AdjustmentChanged& record, std::string_view) {
    portfolio_.apply(record);
  }
  void apply(const domain::LimitChanged& record, std::string_view) { limits_.apply(record); }
  void apply(const domain::StrategyPaused& record, std::string_view) { states_.apply(record); }
  void apply(const domain::FlowBooked& record, std::string_view) { portfolio_.apply(record); }
  void apply(const domain::BalanceExplained& record, std::string_view) { portfolio_.apply(record); }
  void apply(const domain::InstrumentMarked& record, std::string_view) { portfolio_.apply(record); }
  void apply(const domain::InstrumentStateChanged& record, std::string_view) {
    states_.apply(record);
  }
  void apply(const domain::Named&, std::string_view) {}
  void apply(const domain::Defined&, std::string_view) {}
  void apply(const domain::CredentialChanged&, std::string_view) {}
  void apply(const domain::OrderDenied&, std::string_view) {}
  void apply(const domain::NoticeRaised&, std::string_view) {}
  void apply(const domain::CommandAnswered&, std::string_view) {}

  void on(const Event&, const domain::Time&, std::string_view) {}
  void on(const Event& event, const domain::Trade& trade, std::string_view);
  void on(const Event& event, const domain::Quote& quote, std::string_view);
  void on(const Event& event, const domain::BookReset&, std::string_view);
  void on(const Event& event, const domain::BookLevels& levels, std::string_view);
  void on(const Event& event, const domain::BookInvalid&, std::string_view);
  void on(const Event& event, const domain::TradesLost&, std::string_view);
  void on(const Event& event, const domain::Bar& bar, std::string_view);
  void on(const Event& event, const domain::HistoryEnd& end, std::string_view);
  void on(const Event& event, const domain::OrderReport& report, std::string_view words);
  void on(const Event& event, const domain::Execution& execution, std::string_view);
  void on(const Event& event, const domain::Balance& balance, std::string_view);
  void on(const Event& event, const domain::ExternalFlow& flow, std::string_view);
  void on(const Event& event, const domain::RequestOutcome& outcome, std::string_view words);
  void on(const Event& event, const domain::AnswerBegin& begin, std::string_view);
  void on(const Event& event, const domain::AnswerEnd& end, std::string_view);
  void on(const Event& event, const domain::StreamChanged& changed, std::string_view);
  void on(const Event& event, const domain::ClockOffset& offset, std::string_view);
  void on(const Event& event, const domain::InstrumentRules& rules, std::string_view);
  void on(const Event& event, const domain::Started& started, std::string_view);
  void on(const Event& event, const domain::Command& command, std::string_view words);
  void on(const Event& event, const domain::JournalRoomChanged& changed, std::string_view);
  void on(const Event& event, const domain::TradeCorrected& corrected, std::string_view);

  void on_market_stream(const Event& event, const domain::StreamChanged& changed);
  void deliver_candles();
  void ask_resync(InstrumentId instrument);
  void on_time();
  void finish();
  template <class Act>
  void each_instrument(domain::VenueId venue, Act act) {
    for (const domain::Instrument& instrument : catalog_.instruments()) {
      if (instrument.venue == venue && market_.knows(instrument.id)) act(instrument.id);
    }
  }

  const domain::Catalog& catalog_;
  Decisions decisions_;
  Accounts accounts_;
  TradingStates states_;
  LimitBook limits_;
  Market market_;
  Valuation valuation_;
  Candles candles_;
  Fills fills_;
  Orders orders_;
  Portfolio portfolio_;
  LossGuard loss_guard_;
  OrderManager order_manager_;
  Reconciliation reconciliation_;
  Dealer dealer_;
  Keeper keeper_;
  Desk desk_;
  Commands commands_;
  Latest<domain::StrategyMemory> memories_;
  std::vector<Candles::Closed> closed_;
  std::vector<std::pair<domain::Scope, InstrumentId>> to_flatten_;
  std::vector<Timestamp> resync_due_;  ///< by InstrumentId
  std::vector<bool> is_market_ready_;  ///< by VenueId
  std::vector<bool> is_path_lost_;     ///< by AccountId
  bool cancels_on_reconnect_;
  std::uint64_t books_crossed_ = 0;
  std::uint64_t duplicate_fills_ = 0;
};

Engine::Impl::Impl(const Setup& setup)
    : catalog_(*setup.catalog),
      decisions_(this,
                 [](void* self, const domain::RecordEntry& entry) {
                   static_cast<Impl*>(self)->apply(entry);
                 }),
      accounts_(*setup.config, catalog_),
      limits_(*setup.config, catalog_),
      market_(catalog_.instruments().size()),
      valuation_(*setup.config, catalog_, market_),
      fills_(setup.fills_kept),
      orders_(setup.ended_orders_kept),
      portfolio_(*setup.config, catalog_, valuation_, market_, decisions_),
      loss_guard_(*setup.config, catalog_, limits_, states_, valuation_, decisions_),
      order_manager_(setup, orders_, fills_, portfolio_, accounts_, states_, decisions_),
      reconciliation_(accounts_, orders_, fills_, portfolio_, order_manager_, decisions_),
      dealer_(setup, market_, valuation_, portfolio_, accounts_, states_, limits_, orders_,
              order_manager_, decisions_),
      keeper_(market_, portfolio_, accounts_, orders_, order_manager_, dealer_, decisions_),
      desk_(setup, candles_, market_, valuation_, portfolio_, accounts_, orders_, order_manager_,
            dealer_, decisions_),
      commands_(catalog_, accounts_, states_, limits_, orders_, order_manager_, portfolio_,
                reconciliation_, dealer_, decisions_),
      resync_due_(catalog_.instruments().size(), domain::never),
      is_market_ready_(catalog_.venues().size()),
      is_path_lost_(catalog_.accounts().size()),
      cancels_on_reconnect_(setup.config->risk.cancel_on_reconnect) {
  closed_.reserve(64);
  for (std::size_t id = 0; id < setup.market_abilities.size(); ++id) {
    candles_.set_abilities(static_cast<InstrumentId>(id), setup.market_abilities[id]);
  }
  portfolio_.set_shares(desk_.shares());
  portfolio_.set_on_mark(
      [this](const domain::EquityMarked& marked) { loss_guard_.on_mark(marked); });
  portfolio_.set_on_trip([this](const domain::RoundTripClosed& trip) {
    loss_guard_.on_trip(trip);
    portfolio_.on_trip(trip);
  });
  portfolio_.set_on_instrument(
      [this](InstrumentId instrument) { return loss_guard_.is_limited(instrument); },
      [this](const domain::InstrumentMarked& marked, const domain::RoundTripClosed* trip) {
        loss_guard_.on_instrument(marked, trip);
      });
  loss_guard_.set_flatten([this](domain::Scope scope, InstrumentId instrument) {
    // At the end of the event: its fill is being booked.
    to_flatten_.push_back({scope, instrument});
  });
  for (std::size_t id = 0; id < accounts_.size(); ++id) {
    const Account& account = accounts_[static_cast<AccountId>(id)];
    if (!account.is_configured) continue;
    const std::size_t venue = domain::index_of(account.venue);
    HALCYON_CHECK(venue < setup.visibility.size() &&
                      setup.visibility[venue].answer_time_out.count() > 0 &&
                      setup.visibility[venue].request_validity.count() > 0,
                  "every venue with an account states its visibility rule");
  }
}

void Engine::Impl::on_event(const Event& event, std::string_view words,
                            std::uint64_t journal_sequence, Outputs& outputs) {
  decisions_.begin(event, journal_sequence, outputs);
  std::visit([&](const auto& what) { on(event, what, words); }, event.what);
  if (!domain::is_market(event)) finish();
  // First what was said, then what silence means.
  if (decisions_.now() >= decisions_.deadline()) on_time();
}

void Engine::Impl::finish() {
  order_manager_.finish();
  reconciliation_.finish();
  for (const auto& [scope, instrument] : std::exchange(to_flatten_, {})) {
    commands_.flatten(scope, instrument, domain::daemon_user, "a loss limit");
  }
  keeper_.settle();
  const bool is_settled = order_manager_.take_settled();
  const bool is_ready = reconciliation_.take_ready();
  if (is_settled || is_ready) desk_.revisit();
}

void Engine::Impl::on_time() {
  decisions_.clear_deadline();
  closed_.clear();
  candles_.on_time(decisions_.now(), closed_);
  deliver_candles();
  order_manager_.on_time();
  reconciliation_.on_time();
  portfolio_.on_time();
  for (std::size_t id = 0; id < resync_due_.size(); ++id) {
    if (resync_due_[id] <= decisions_.now()) ask_resync(static_cast<InstrumentId>(id));
    decisions_.wake_at(resync_due_[id]);
  }
  finish();
  decisions_.wake_at(candles_.next_deadline());
  decisions_.wake_at(order_manager_.next_deadline());
  decisions_.wake_at(reconciliation_.next_deadline());
  decisions_.wake_at(portfolio_.next_deadline());
}

void Engine::Impl::deliver_candles() {
  for (const Candles::Closed& closed : closed_) desk_.on_candle(closed);
}

// ---- Market data --------------------------------------------------------------------------------

void Engine::Impl::on(const Event& event, const domain::Trade& trade, std::string_view) {
  if (!market_.knows(event.instrument)) return;
  market_.on_trade(event.instrument, trade, decisions_.now());
  keeper_.on_price(event.instrument, trade.price);
  closed_.clear();
  candles_.on_trade(event.instrument, trade.price, trade.quantity, event.venue_time, closed_);
  if (!closed_.empty()) deliver_candles();
  decisions_.wake_at(candles_.next_deadline());
}

void Engine::Impl::on(const Event& event, const domain::Quote& quote, std::string_view) {
  if (market_.knows(event.instrument)) {
    market_.on_quote(event.instrument, quote, decisions_.now());
    if (const auto reference = market_.reference(event.instrument)) {
      keeper_.on_price(event.instrument, reference->price);
    }
  }
}

void Engine::Impl::on(const Event& event, const domain::BookReset&, std::string_view) {
  if (!market_.knows(event.instrument)) return;
  market_.on_book_reset(event.instrument);
  resync_due_[domain::index_of(event.instrument)] = domain::never;
}

void Engine::Impl::on(const Event& event, const domain::BookLevels& levels, std::string_view) {
  if (!market_.knows(event.instrument)) return;
  const Book::Result result = market_.on_book_levels(event.instrument, levels, decisions_.now());
  if (result != Book::Result::crossed) return;
  ++books_crossed_;
  ask_resync(event.instrument);
}

void Engine::Impl::on(const Event& event, const domain::BookInvalid&, std::string_view) {
  if (!market_.knows(event.instrument)) return;
  market_.on_book_invalid(event.instrument);
  // Its session has seen it first, and mends it.
  resync_due_[domain::index_of(event.instrument)] = domain::never;
}

void Engine::Impl::on(const Event& event, const domain::TradesLost&, std::string_view) {
  if (market_.knows(event.instrument)) candles_.on_lost(event.instrument, decisions_.now());
}

void Engine::Impl::on(const Event& event, const domain::Bar& bar, std::string_view) {
  if (!market_.knows(event.instrument)) return;
  closed_.clear();
  candles_.on_bar(event.instrument, bar, decisions_.now(), closed_);
  if (!closed_.empty()) deliver_candles();
  decisions_.wake_at(candles_.next_deadline());
}

void Engine::Impl::on(const Event& event, const domain::HistoryEnd& end, std::string_view) {
  if (!market_.knows(event.instrument)) return;
  closed_.clear();
  candles_.on_history_end(event.instrument, end.timeframe, closed_);
  if (!closed_.empty()) deliver_candles();
}

void Engine::Impl::ask_resync(InstrumentId instrument) {
  domain::VenueRequest request;
  request.request = decisions_.next_id();
  request.kind = domain::QueryKind::resync_book;
  request.venue = catalog_.instrument(instrument).venue;
  request.instrument = instrument;
  decisions_.ask(request);
  resync_due_[domain::index_of(instrument)] = decisions_.now() + resync_interval;
  decisions_.wake_at(resync_due_[domain::index_of(instrument)]);
}

void Engine::Impl::on(const Event& event, const domain::ClockOffset& offset, std::string_view) {
  dealer_.on_clock(event.venue, offset.offset);
  each_instrument(event.venue, [&](InstrumentId id) { candles_.set_offset(id, offset.offset); });
  decisions_.wake_at(candles_.next_deadline());
}

void Engine::Impl::on(const Event& event, const domain::InstrumentRules& rules, std::string_view) {
  if (!market_.knows(event.instrument)) return;
  market_.on_rules_heard(event.instrument);
  if (market_.has_recorded_rules(event.instrument) &&
      market_.recorded_rules(event.instrument) == rules) {
    return;
  }
  decisions_.record(domain::InstrumentChanged{event.instrument, rules});
}

void Engine::Impl::on_market_stream(const Event& event, const domain::StreamChanged& changed) {
  if (domain::index_of(event.venue) >= is_market_ready_.size()) return;
  const bool is_up = changed.state == domain::StreamState::ready;
  const bool was_up = is_market_ready_[domain::index_of(event.venue)];
  is_market_ready_[domain::index_of(event.venue)] = is_up;
  each_instrument(event.venue, [&](InstrumentId id) {
    if (!is_up) market_.on_stream_down(id);
    candles_.on_stream(id, is_up, decisions_.now());
  });
  if (was_up && !is_up) {
    decisions_.notice(domain::Severity::warning, domain::NoticeCode::stream_down,
                      decisions_.text("market data of {} is down: prices are unknown and candles "
                                      "incomplete until it is back",
                                      catalog_.name(event.venue)));
  }
}

// ---- Orders and accounts ------------------------------------------------------------------------

void Engine::Impl::on(const Event& event, const domain::OrderReport& report,
                      std::string_view words) {
  if (!accounts_.knows(event.account)) return;
  Order* order = order_manager_.on_report(event, report, words);
  if (order != nullptr && report.source != domain::Source::private_stream &&
      reconciliation_.is_reading(event.account, domain::QueryKind::open_orders)) {
    reconciliation_.on_listed(*order);
  }
}

void Engine::Impl::on(const Event& event, const domain::Execution& execution, std::string_view) {
  if (!accounts_.knows(event.account)) return;
  if (fills_.is_booked(event.account, event.instrument, execution.trade)) {
    ++duplicate_fills_;
    return;
  }
  const bool is_listed = execution.source != domain::Source::private_stream &&
                         reconciliation_.is_reading(event.account, domain::QueryKind::fills_since);
  order_manager_.on_execution(event, execution, is_listed);
}

void Engine::Impl::on(const Event& event, const domain::TradeCorrected& corrected,
                      std::string_view) {
  if (accounts_.knows(event.account)) order_manager_.on_corrected(event, corrected);
}

void Engine::Impl::on(const Event& event, const domain::Balance& balance, std::string_view) {
  if (!accounts_.knows(event.account)) return;
  const bool is_listed = balance.source != domain::Source::private_stream &&
                         reconciliation_.is_reading(event.account, domain::QueryKind::balances);
  portfolio_.on_balance(event.account, balance, event.venue_time, is_listed);
}

void Engine::Impl::on(const Event& event, const domain::ExternalFlow& flow, std::string_view) {
  if (accounts_.knows(event.account)) portfolio_.on_flow(event.account, flow, event.venue_time);
}

void Engine::Impl::on(const Event& event, const domain::RequestOutcome& outcome,
                      std::string_view words) {
  if (accounts_.knows(event.account)) order_manager_.on_outcome(event, outcome, words);
}

void Engine::Impl::on(const Event& event, const domain::AnswerBegin& begin, std::string_view) {
  if (accounts_.knows(event.account)) reconciliation_.on_answer_begin(event.account, begin);
}

void Engine::Impl::on(const Event& event, const domain::AnswerEnd& end, std::string_view) {
  if (!accounts_.knows(event.account)) return;
  if (end.kind == domain::QueryKind::order_status) {
    order_manager_.on_status_answer(end);
  } else {
    reconciliation_.on_answer_end(event.account, end);
  }
}

void Engine::Impl::on(const Event& event, const domain::StreamChanged& changed, std::string_view) {
  if (changed.stream == domain::StreamKind::market) {
    on_market_stream(event, changed);
  } else if (accounts_.knows(event.account) && accounts_[event.account].is_configured) {
    const bool was_up = accounts_[event.account].is_stream_ready;
    const bool is_up =
        changed.state == domain::StreamState::ready || changed.state == domain::StreamState::silent;
    if (was_up && !is_up) is_path_lost_[domain::index_of(event.account)] = true;
    reconciliation_.on_stream(event.account, changed.state, changed.reason);
    if (changed.state != domain::StreamState::ready ||
        !is_path_lost_[domain::index_of(event.account)])
      return;
    is_path_lost_[domain::index_of(event.account)] = false;
    if (cancels_on_reconnect_) commands_.cancel_lost(event.account);
  }
}

// ---- Control ------------------------------------------------------------------------------------

void Engine::Impl::on(const Event&, const domain::Started& started, std::string_view) {
  HALCYON_CHECK(started.epoch > last_epoch(),
                "the epoch of a start is above every earlier one, or ids would be given twice");
  decisions_.set_epoch(started.epoch);
  decisions_.record(domain::EpochStarted{started.epoch});
  decisions_.notice(domain::Severity::info, domain::NoticeCode::started,
                    decisions_.text("{} orders alive, {} fills booked, epoch {}",
                                    orders_.live_count(), fills_.last_number(), started.epoch));
  dealer_.on_started();
  reconciliation_.on_started();
  order_manager_.on_started();
  decisions_.wake_at(portfolio_.next_deadline());
}

void Engine::Impl::on(const Event&, const domain::Command& command, std::string_view words) {
  commands_.on_command(command, words);
  const auto* listen = std::get_if<domain::Listen>(&command.what);
  if (listen == nullptr || !market_.knows(listen->instrument)) return;
  // What nobody tells any more has no price, and its candles have holes.
  if (!listen->listens) market_.on_stream_down(listen->instrument);
  candles_.on_stream(listen->instrument, listen->listens, decisions_.now());
}

void Engine::Impl::on(const Event&, const domain::JournalRoomChanged& changed, std::string_view) {
  dealer_.on_journal_room(changed.room);
  const bool is_short = changed.room != domain::JournalRoom::open;
  decisions_.notice(is_short ? domain::Severity::alarm : domain::Severity::info,
                    domain::NoticeCode::journal_room_changed,
                    is_short ? "the journal has no room, or its disk fails: new orders are denied, "
                               "cancels and fills go on; see the log and `halcyonctl status`"
                             : "the journal has room again: new orders are taken");
}

// ---- State --------------------------------------------------------------------------------------

void Engine::Impl::snapshot(std::vector<domain::RecordEntry>& records) const {
  for (const std::uint32_t epoch : order_manager_.epochs()) {
    records.push_back({domain::EpochStarted{epoch}, {}});
  }
  for (std::size_t id = 0; id < market_.size(); ++id) {
    const auto instrument = static_cast<InstrumentId>(id);
    if (!market_.has_recorded_rules(instrument)) continue;
    records.push_back(
        {domain::InstrumentChanged{instrument, market_.recorded_rules(instrument)}, {}});
  }
  states_.snapshot(records);
  limits_.snapshot(records);
  fills_.snapshot(records);
  orders_.snapshot(records);
  portfolio_.snapshot(records);
  accounts_.snapshot(records);
  for (const auto& memory : memories_.rows()) records.push_back({memory, {}});
}

std::uint32_t Engine::Impl::last_epoch() const {
  std::uint32_t last = 0;
  for (const std::uint32_t epoch : order_manager_.epochs()) last = std::max(last, epoch);
  return last;
}

Counters Engine::Impl::counters() const {
  Counters counters;
  counters.candles_closed = candles_.counters().closed;
  counters.candles_incomplete = candles_.counters().incomplete;
  counters.candle_late_trades = candles_.counters().late_trades;
  counters.candle_jumps = candles_.counters().jumps;
  counters.candles_of_history = candles_.counters().history;
  counters.bars_refused = candles_.counters().bars_refused;
  counters.books_crossed = books_crossed_;
  counters.duplicate_fills = duplicate_fills_;
  counters.orders_alive = orders_.live_count();
  return counters;
}

// ---- The face -----------------------------------------------------------------------------------

Engine::Engine(const Setup& setup) : impl_(std::make_unique<Impl>(setup)) {}
Engine::~Engine() = default;
void Engine::apply(const domain::RecordEntry& entry) { impl_->apply(entry); }
void Engine::on_event(const Event& event, std::string_view remark, std::uint64_t journal_sequence,
                      Outputs& outputs) {
  impl_->on_event(event, remark, journal_sequence, outputs);
}
Timestamp Engine::next_deadline() const { return impl_->next_deadline(); }
void Engine::snapshot(std::vector<domain::RecordEntry>& records) const { impl_->snapshot(records); }
std::uint32_t Engine::last_epoch() const { return impl_->last_epoch(); }
Counters Engine::counters() const { return impl_->counters(); }
const Book* Engine::book(InstrumentId instrument) const { return impl_->book(instrument); }

}  // namespace halcyon::engine
