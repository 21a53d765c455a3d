#include "daemon/read_model.h"

#include <algorithm>
#include <utility>

#include "domain/client_order_id.h"

namespace halcyon::daemon {

namespace {

using domain::index_of;
using domain::no;

/// Drops from the front until `rows` fits; returns how many went.
template <class Row>
std::size_t keep_newest(std::deque<Row>& rows, std::size_t bound) {
  std::size_t gone = 0;
  while (rows.size() > bound) {
    rows.pop_front();
    ++gone;
  }
  return gone;
}

bool is_settled(domain::RequestState state) {
  return state == domain::RequestState::acknowledged || state == domain::RequestState::refused;
}

template <std::size_t size, class Enum>
void count(std::array<std::uint64_t, size>& counters, Enum value) {
  // A journal of a newer version may hold a number that this one has no word for.
  if (static_cast<std::size_t>(value) < size) ++counters[static_cast<std::size_t>(value)];
}

}  // namespace

/// One overload a record kind; kinds that nobody is shown fall into the last.
struct ReadModel::Applier {
  ReadModel& model;
  const persistence::FrameView& frame;
  std::string_view text;

  // A contradiction is the journal reader's to find; here the first name stays.
  void operator()(const domain::Named& named) const { model.catalog_.restore(named, text); }

  void operator()(const domain::EpochStarted& started) const {
    model.epoch_ = started.epoch;
    // A new run must earn these again; what an earlier one knew would look alive.
    model.accounts_ready_.clear();
    model.streams_.clear();
    model.clock_offsets_.clear();
    model.answers_.clear();
    model.answer_order_.clear();
  }

  void operator()(const domain::OrderOpened& opened) const {
    const bool is_external = opened.order.origin == domain::Origin::external;
    const auto [place, is_new] = model.orders_.try_emplace(opened.order.id);
    OrderView& view = place->second;
    view.order = opened.order;
    if (is_external) view.client_id = text;
    if (is_new) {
      view.latest.order = opened.order.id;
      view.changed = frame.received;
      ++model.totals_.orders_opened[opened.order.account];
    }
    model.add_step(view, frame, opened, text);
  }

  void operator()(const domain::OrderChanged& changed) const {
    const auto place = model.orders_.find(changed.order);
    if (place == model.orders_.end()) {
      ++model.totals_.unmatched;
      return;
    }
    OrderView& view = place->second;
    const bool was_open = view.is_open();
    view.latest = changed;
    view.changed = frame.received;
    if (!text.empty()) view.text = text;
    model.add_step(view, frame, changed, text);
    if (was_open && !view.is_open()) {
      ++model.totals_.orders_ended[{view.order.account, changed.state, changed.reason}];
      model.end_order(changed.order);
    }
  }

  void operator()(const domain::RequestChanged& changed) const {
    const auto kind = static_cast<std::size_t>(changed.kind);
    if (kind < model.totals_.requests.size()) count(model.totals_.requests[kind], changed.state);
    if (is_settled(changed.state)) {
      model.requests_.erase(changed.request);
    } else {
      model.requests_[changed.request] = {changed, frame.received};
      if (model.requests_.size() > model.bounds_.requests) {
        model.requests_.erase(model.requests_.begin());
      }
    }
    const auto place = model.orders_.find(changed.order);
    if (place != model.orders_.end()) model.add_step(place->second, frame, changed, text);
  }

  void operator()(const domain::OrderDenied& denied) const {
    count(model.totals_.denials, denied.reason);
  }

  void operator()(const domain::FillBooked& fill) const {
    ++model.totals_.fills[{fill.account, fill.instrument, fill.side}];
    if (fill.late) ++model.totals_.fills_late;
    model.last_fill_number_ = std::max(model.last_fill_number_, fill.number);
    model.fills_.push_back({fill, frame.sequence, frame.received});
    keep_newest(model.fills_, model.bounds_.fills);
    const auto place = model.orders_.find(fill.order);
    if (place != model.orders_.end()) model.add_step(place->second, frame, fill, text);
  }

  /// What does not count any more is not shown as a fill; PostgreSQL keeps both words.
  void operator()(const domain::FillVoided& voided) const {
    std::erase_if(model.fills_,
                  [&](const FillView& view) { return view.fill.number == voided.number; });
  }

  void operator()(const domain::PositionChanged& position) const {
    model.positions_[{position.account, position.strategy, position.instrument}] = {position,
                                                                                    frame.received};
  }
  void operator()(const domain::BalanceChanged& balance) const {
    model.balances_[{balance.account, balance.asset}] = {balance, frame.received};
  }
  void operator()(const domain::EquityMarked& mark) const {
    model.equity_[{mark.account, mark.strategy}] = {mark, frame.received};
  }
  void operator()(const domain::TradingStateChanged& changed) const {
    model.trading_states_[{changed.scope.account, changed.scope.strategy}] = {changed,
                                                                              frame.received};
  }
  void operator()(const domain::InstrumentStateChanged& changed) const {
    model.instrument_states_[changed.instrument] = {changed, frame.received};
  }
  void operator()(const domain::AccountReady& ready) const {
    model.accounts_ready_[ready.account] = {ready, frame.received};
  }
  void operator()(const domain::DifferenceFound& difference) const {
    ++model.totals_.differences[{difference.kind, difference.account}];
  }
  void operator()(const domain::NoticeRaised& notice) const {
    const auto severity = static_cast<std::size_t>(notice.severity);
    if (severity < model.totals_.notices.size()) {
      count(model.totals_.notices[severity], notice.code);
    }
    model.notices_.push_back({notice, std::string{text}, frame.sequence, frame.received});
    keep_newest(model.notices_, model.bounds_.notices);
  }
  void operator()(const domain::CommandAnswered& answer) const {
    ++(answer.accepted ? model.totals_.commands_accepted : model.totals_.commands_refused);
    const auto [place, is_new] =
        model.answers_.insert_or_assign(answer.token, AnswerView{answer, std::string{text}});
    if (is_new) model.answer_order_.push_back(answer.token);
    while (model.answer_order_.size() > model.bounds_.command_answers) {
      model.answers_.erase(model.answer_order_.front());
      model.answer_order_.pop_front();
    }
  }

  void operator()(const domain::AdjustmentChanged& adjustment) const {
    model.adjustments_[adjustment.number] = adjustment;
  }
  void operator()(const domain::LimitChanged& changed) const {
    const domain::SetLimit& limit = changed.limit;
    std::erase_if(model.limits_set_, [&](const domain::SetLimit& one) {
      return one.level == limit.level && one.key == limit.key && one.id == limit.id;
    });
    if (limit.is_set) model.limits_set_.push_back(limit);
  }

  void operator()(const domain::CredentialChanged& changed) const {
    const auto credential = domain::parse_credential(text);
    if (!credential) return;  // of a newer version
    model.credentials_[{std::string{credential->name}, credential->part}] = {
        changed, std::string{text}, frame.received};
  }

  template <class Other>
  void operator()(const Other&) const {}
};

ReadModel::ReadModel(std::string daemon_name, ReadModelBounds bounds)
    : daemon_name_(std::move(daemon_name)), bounds_(bounds) {}

void ReadModel::apply(const persistence::FrameView& frame) {
  sequence_ = frame.sequence;
  last_received_ = frame.received;
  ++totals_.frames;
  // The input first: its records may end what it began (an EpochStarted clears the streams).
  if (frame.has_input) apply_input(frame);
  for (const domain::RecordEntry& entry : frame.records) {
    ++totals_.records[entry.record.index()];
    std::visit(Applier{*this, frame, entry.text}, entry.record);
  }
}

void ReadModel::apply_input(const persistence::FrameView& frame) {
  const domain::Event& input = frame.input;
  if (const auto* stream = std::get_if<domain::StreamChanged>(&input.what)) {
    StreamView& view = streams_[{stream->stream, input.venue, input.account}];
    view.latest = *stream;
    view.since = frame.received;
    view.text = frame.remark;
  } else if (const auto* offset = std::get_if<domain::ClockOffset>(&input.what)) {
    clock_offsets_[input.venue] = *offset;
  }
}

void ReadModel::end_order(domain::OrderId id) {
  ended_.push_back(id);
  while (ended_.size() > bounds_.ended_orders) {
    orders_.erase(ended_.front());
    ended_.pop_front();
    ++orders_forgotten_;
  }
}

void ReadModel::add_step(OrderView& view, const persistence::FrameView& frame,
                         const decltype(OrderStep::what)& what, std::string_view text) {
  view.steps.push_back({frame.sequence, frame.received, what, std::string{text}});
  view.steps_forgotten += keep_newest(view.steps, bounds_.steps_of_an_order);
}

const OrderView* ReadModel::find_order(domain::OrderId id) const {
  const auto place = orders_.find(id);
  return place == orders_.end() ? nullptr : &place->second;
}

const AnswerView* ReadModel::find_answer(std::uint64_t token) const {
  const auto place = answers_.find(token);
  return place == answers_.end() ? nullptr : &place->second;
}

domain::TradingState ReadModel::trading_state(domain::AccountId account,
                                              domain::StrategyId strategy) const {
  auto strictest = domain::TradingState::active;
  for (const auto& [scope, state] : trading_states_) {
    const bool applies = (scope.first == no<domain::AccountId> || scope.first == account) &&
                         (scope.second == no<domain::StrategyId> || scope.second == strategy);
    if (applies) strictest = std::max(strictest, state.what.state);
  }
  return strictest;
}

std::string ReadModel::name(domain::VenueId id) const {
  return index_of(id) < catalog_.venues().size() ? catalog_.name(id) : std::string{};
}
std::string ReadModel::name(domain::AccountId id) const {
  return index_of(id) < catalog_.accounts().size() ? catalog_.name(id) : std::string{};
}
std::string ReadModel::name(domain::StrategyId id) const {
  return index_of(id) < catalog_.strategies().size() ? catalog_.name(id) : std::string{};
}
std::string ReadModel::name(domain::AssetId id) const {
  return index_of(id) < catalog_.asset_count() ? catalog_.name(id) : std::string{};
}
std::string ReadModel::name(domain::InstrumentId id) const {
  return index_of(id) < catalog_.instruments().size() ? catalog_.instrument(id).symbol
                                                      : std::string{};
}

std::string ReadModel::order_name(domain::AccountId account, domain::OrderId id) const {
  if (id.is_none()) return {};
  // Names come from a journal here, so they may be longer than a configuration allows.
  std::string text = daemon_name_ + "-" + name(account) + "-";
  const std::size_t prefix = text.size();
  text.resize(prefix + domain::max_client_order_id);
  const char* end = domain::print_client_order_id({}, id, text.data() + prefix);
  text.resize(static_cast<std::size_t>(end - text.data()));
  return text;
}

}  // namespace halcyon::daemon
