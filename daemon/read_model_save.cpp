// How a read model is written into a snapshot and read again, member by member.

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "daemon/read_model.h"
#include "persistence/snapshot.h"

namespace halcyon::daemon {

namespace {

using persistence::PartReader;
using persistence::PartWriter;

/// Another layout has another number: then the model begins with the durable state alone.
constexpr std::uint64_t layout = 3;

// Enumerations grow at their ends, so counters by enumerator stand with their number.
template <class Numbers>
void save_counters(PartWriter& out, const Numbers& numbers) {
  out.number(numbers.size());
  for (const std::uint64_t number : numbers) out.number(number);
}
template <class Numbers>
void load_counters(PartReader& in, Numbers& numbers) {
  const std::size_t size = in.count();
  for (std::size_t index = 0; index < size; ++index) {
    const auto number = in.number();
    if (index < numbers.size()) numbers[index] = number;
  }
}

template <class Map, class Save>
void save_map(PartWriter& out, const Map& map, Save save) {
  out.number(map.size());
  for (const auto& [key, value] : map) save(key, value);
}
template <class Load>
void load_rows(PartReader& in, Load load) {
  const std::size_t size = in.count();
  for (std::size_t index = 0; index < size && in.is_good(); ++index) load();
}

void save_id(PartWriter& out, domain::OrderId id) { out.number(id.packed()); }
domain::OrderId load_id(PartReader& in) { return domain::OrderId::unpack(in.number()); }

template <class Map>
void save_stamped(PartWriter& out, const Map& map) {
  save_map(out, map, [&](const auto&, const auto& row) {
    out.record(row.what);
    out.time(row.at);
  });
}
template <class Kind, class Map, class KeyOf>
void load_stamped(PartReader& in, Map& map, KeyOf key_of) {
  load_rows(in, [&] {
    const auto what = in.record_of<Kind>();
    const domain::Timestamp at = in.time();
    map[key_of(what)] = {what, at};
  });
}

void save_step(PartWriter& out, const OrderStep& step) {
  out.number(step.sequence);
  out.time(step.at);
  std::visit([&](const auto& what) { out.record(what, step.text); }, step.what);
}
OrderStep load_step(PartReader& in) {
  OrderStep step;
  step.sequence = in.number();
  step.at = in.time();
  const domain::RecordEntry entry = in.record();
  step.text = entry.text;
  std::visit(
      [&](const auto& record) {
        if constexpr (requires { step.what = record; }) {
          step.what = record;
        } else {
          in.fail();
        }
      },
      entry.record);
  return step;
}

}  // namespace

void ReadModel::save(PartWriter& out) const {
  out.number(layout);
  out.number(sequence_);
  out.time(last_received_);
  out.number(epoch_);
  std::uint64_t names = 0;
  catalog_.each([&](const domain::Named&, std::string_view) { ++names; });
  out.number(names);
  catalog_.each(
      [&](const domain::Named& named, std::string_view text) { out.record(named, text); });

  out.number(totals_.frames);
  save_counters(out, totals_.records);
  save_counters(out, totals_.denials);
  for (const auto& row : totals_.requests) save_counters(out, row);
  for (const auto& row : totals_.notices) save_counters(out, row);
  save_map(out, totals_.differences, [&](const auto& key, std::uint64_t value) {
    out.number(key.first);
    out.number(key.second);
    out.number(value);
  });
  save_map(out, totals_.fills, [&](const auto& key, std::uint64_t value) {
    out.number(std::get<0>(key));
    out.number(std::get<1>(key));
    out.number(std::get<2>(key));
    out.number(value);
  });
  save_map(out, totals_.orders_ended, [&](const auto& key, std::uint64_t value) {
    out.number(std::get<0>(key));
    out.number(std::get<1>(key));
    out.number(std::get<2>(key));
    out.number(value);
  });
  save_map(out, totals_.orders_opened, [&](const auto& key, std::uint64_t value) {
    out.number(key);
    out.number(value);
  });
  out.number(totals_.fills_late);
  out.number(totals_.commands_accepted);
  out.number(totals_.commands_refused);
  out.number(totals_.unmatched);

  save_map(out, orders_, [&](domain::OrderId, const OrderView& view) {
    out.record(domain::OrderOpened{view.order}, view.client_id);
    out.record(view.latest, view.text);
    out.time(view.changed);
    out.number(view.steps_forgotten);
    out.number(view.steps.size());
    for (const OrderStep& step : view.steps) save_step(out, step);
  });
  out.number(ended_.size());
  for (const domain::OrderId id : ended_) save_id(out, id);
  out.number(orders_forgotten_);
  save_map(out, requests_, [&](domain::RequestId, const RequestView& view) {
    out.record(view.latest);
    out.time(view.changed);
  });
  out.number(fills_.size());
  for (const FillView& view : fills_) {
    out.record(view.fill);
    out.number(view.sequence);
    out.time(view.booked);
  }
  out.number(last_fill_number_);
  out.number(notices_.size());
  for (const NoticeView& view : notices_) {
    out.record(view.notice, view.text);
    out.number(view.sequence);
    out.time(view.at);
  }
  save_stamped(out, positions_);
  save_stamped(out, balances_);
  save_stamped(out, equity_);
  save_stamped(out, trading_states_);
  save_stamped(out, instrument_states_);
  save_stamped(out, accounts_ready_);
  save_map(out, streams_, [&](const StreamKey& key, const StreamView& view) {
    out.number(std::get<0>(key));
    out.number(std::get<1>(key));
    out.number(std::get<2>(key));
    out.number(view.latest.stream);
    out.number(view.latest.state);
    out.number(view.latest.reason);
    out.time(view.since);
    out.text(view.text);
  });
  save_map(out, clock_offsets_, [&](domain::VenueId venue, const domain::ClockOffset& offset) {
    out.number(venue);
    out.number(offset.offset.count());
    out.number(offset.round_trip.count());
  });
  out.number(answer_order_.size());
  for (const std::uint64_t token : answer_order_) {
    const AnswerView& view = answers_.at(token);
    out.record(view.answer, view.text);
  }
  save_map(out, adjustments_, [&](std::uint64_t, const auto& row) { out.record(row); });
  out.number(limits_set_.size());
  for (const domain::SetLimit& limit : limits_set_) out.record(domain::LimitChanged{limit});
  save_map(out, credentials_, [&](const CredentialKey&, const CredentialView& view) {
    out.record(view.changed, view.text);
    out.time(view.at);
  });
}

bool ReadModel::load(PartReader& in) {
  if (in.number() != layout) return false;
  sequence_ = in.number();
  last_received_ = in.time();
  epoch_ = in.number<std::uint32_t>();
  load_rows(in, [&] {
    const domain::RecordEntry entry = in.record();
    const auto* named = std::get_if<domain::Named>(&entry.record);
    if (named == nullptr || !catalog_.restore(*named, entry.text)) in.fail();
  });

  totals_.frames = in.number();
  load_counters(in, totals_.records);
  load_counters(in, totals_.denials);
  for (auto& row : totals_.requests) load_counters(in, row);
  for (auto& row : totals_.notices) load_counters(in, row);
  load_rows(in, [&] {
    const auto kind = in.number<domain::DifferenceKind>();
    const auto account = in.number<domain::AccountId>();
    totals_.differences[{kind, account}] = in.number();
  });
  load_rows(in, [&] {
    const auto account = in.number<domain::AccountId>();
    const auto instrument = in.number<domain::InstrumentId>();
    const auto side = in.number<domain::Side>();
    totals_.fills[{account, instrument, side}] = in.number();
  });
  load_rows(in, [&] {
    const auto account = in.number<domain::AccountId>();
    const auto state = in.number<domain::OrderState>();
    const auto reason = in.number<domain::Reason>();
    totals_.orders_ended[{account, state, reason}] = in.number();
  });
  load_rows(in, [&] {
    const auto account = in.number<domain::AccountId>();
    totals_.orders_opened[account] = in.number();
  });
  totals_.fills_late = in.number();
  totals_.commands_accepted = in.number();
  totals_.commands_refused = in.number();
  totals_.unmatched = in.number();

  load_rows(in, [&] {
    OrderView view;
    const domain::RecordEntry opened = in.record();
    const auto* order = std::get_if<domain::OrderOpened>(&opened.record);
    if (order == nullptr) return in.fail();
    view.order = order->order;
    view.client_id = opened.text;
    const domain::RecordEntry changed = in.record();
    const auto* latest = std::get_if<domain::OrderChanged>(&changed.record);
    if (latest == nullptr) return in.fail();
    view.latest = *latest;
    view.text = changed.text;
    view.changed = in.time();
    view.steps_forgotten = in.number();
    load_rows(in, [&] { view.steps.push_back(load_step(in)); });
    orders_.insert_or_assign(view.order.id, std::move(view));
  });
  load_rows(in, [&] { ended_.push_back(load_id(in)); });
  orders_forgotten_ = in.number();
  load_rows(in, [&] {
    const auto latest = in.record_of<domain::RequestChanged>();
    requests_[latest.request] = {latest, in.time()};
  });
  load_rows(in, [&] {
    FillView view;
    view.fill = in.record_of<domain::FillBooked>();
    view.sequence = in.number();
    view.booked = in.time();
    fills_.push_back(view);
  });
  last_fill_number_ = in.number();
  load_rows(in, [&] {
    NoticeView view;
    const domain::RecordEntry entry = in.record();
    const auto* notice = std::get_if<domain::NoticeRaised>(&entry.record);
    if (notice == nullptr) return in.fail();
    view.notice = *notice;
    view.text = entry.text;
    view.sequence = in.number();
    view.at = in.time();
    notices_.push_back(std::move(view));
  });
  load_stamped<domain::PositionChanged>(in, positions_, [](const auto& row) {
    return PositionKey{row.account, row.strategy, row.instrument};
  });
  load_stamped<domain::BalanceChanged>(in, balances_, [](const auto& row) {
    return BalanceKey{row.account, row.asset};
  });
  load_stamped<domain::EquityMarked>(in, equity_, [](const auto& row) {
    return ScopeKey{row.account, row.strategy};
  });
  load_stamped<domain::TradingStateChanged>(in, trading_states_, [](const auto& row) {
    return ScopeKey{row.scope.account, row.scope.strategy};
  });
  load_stamped<domain::InstrumentStateChanged>(in, instrument_states_,
                                               [](const auto& row) { return row.instrument; });
  load_stamped<domain::AccountReady>(in, accounts_ready_,
                                     [](const auto& row) { return row.account; });
  load_rows(in, [&] {
    const auto stream = in.number<domain::StreamKind>();
    const auto venue = in.number<domain::VenueId>();
    const auto account = in.number<domain::AccountId>();
    StreamView view;
    view.latest.stream = in.number<domain::StreamKind>();
    view.latest.state = in.number<domain::StreamState>();
    view.latest.reason = in.number<domain::Reason>();
    view.since = in.time();
    view.text = in.text();
    streams_[{stream, venue, account}] = std::move(view);
  });
  load_rows(in, [&] {
    const auto venue = in.number<domain::VenueId>();
    domain::ClockOffset offset;
    offset.offset = domain::Duration{in.number<std::int64_t>()};
    offset.round_trip = domain::Duration{in.number<std::int64_t>()};
    clock_offsets_[venue] = offset;
  });
  load_rows(in, [&] {
    const domain::RecordEntry entry = in.record();
    const auto* answer = std::get_if<domain::CommandAnswered>(&entry.record);
    if (answer == nullptr) return in.fail();
    answers_[answer->token] = {*answer, std::string{entry.text}};
    answer_order_.push_back(answer->token);
  });
  load_rows(in, [&] {
    const domain::RecordEntry entry = in.record();
    const auto* row = std::get_if<domain::AdjustmentChanged>(&entry.record);
    if (row == nullptr) return in.fail();
    adjustments_[row->number] = *row;
  });
  load_rows(in, [&] {
    const domain::RecordEntry entry = in.record();
    const auto* row = std::get_if<domain::LimitChanged>(&entry.record);
    if (row == nullptr) return in.fail();
    limits_set_.push_back(row->limit);
  });
  load_rows(in, [&] {
    const domain::RecordEntry entry = in.record();
    const auto* row = std::get_if<domain::CredentialChanged>(&entry.record);
    const auto credential = domain::parse_credential(entry.text);
    if (row == nullptr || !credential) return in.fail();
    CredentialView view{*row, std::string{entry.text}, in.time()};
    credentials_[{std::string{credential->name}, credential->part}] = std::move(view);
  });
  return in.is_good() && in.is_at_end();
}

}  // namespace halcyon::daemon
