#include "tests/persistence/projector/trading_day.h"

#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "domain/enum_name.h"
#include "persistence/row_batch.h"
#include "tests/persistence/postgres_server.h"

namespace halcyon::tests {

using namespace domain;

void trade(MemoryJournal& journal, std::size_t frames, unsigned seed) {
  if (journal.last() == 0) journal.append_names();
  std::mt19937 source{seed};
  const auto random = [&](std::uint32_t below) {
    return static_cast<std::uint32_t>(source() % below);
  };
  auto number = static_cast<std::uint32_t>(journal.last() * 1000);
  for (std::size_t count = 0; count < frames; ++count) {
    ++number;
    NewOrder asked;
    asked.id = {1'723'075'200, number};
    asked.account = AccountId{0};
    asked.strategy = static_cast<StrategyId>(random(2));
    asked.instrument = static_cast<InstrumentId>(random(2));
    asked.type = OrderType::limit;
    asked.quantity = Quantity::from_raw(random(1'000'000) + 1);
    asked.limit_price = Price::from_raw(random(1'000'000) + 1);
    asked.created = journal.now();
    OrderChanged changed;
    changed.order = asked.id;
    changed.state = static_cast<OrderState>(random(enum_count<OrderState>()));
    changed.filled = asked.quantity;
    RequestChanged request;
    request.request = request.order = asked.id;
    request.state = RequestState::sent;
    FillBooked fill;
    fill.number = number;
    fill.order = asked.id;
    fill.trade = ForeignId::number(number);
    fill.account = asked.account;
    fill.strategy = asked.strategy;
    fill.instrument = asked.instrument;
    fill.price = asked.limit_price;
    fill.quantity = asked.quantity;
    PositionChanged position;
    position.account = asked.account;
    position.strategy = asked.strategy;
    position.instrument = asked.instrument;
    position.quantity = Quantity::from_raw(random(4'000'000'000));
    position.fills = number;
    BalanceChanged balance;
    balance.account = asked.account;
    balance.asset = static_cast<AssetId>(random(3));
    balance.free = Money::from_raw(random(4'000'000'000));
    EquityMarked equity;
    equity.account = asked.account;
    equity.equity = Money::from_raw(random(4'000'000'000));
    switch (random(5)) {
      case 0:
        journal.append({{OrderOpened{asked}, ""}, {request, ""}});
        journal.append({{changed, "a\twire\\"}});
        break;
      case 1:
        journal.append({{OrderOpened{asked}, ""},
                        {fill, ""},
                        {changed, ""},
                        {position, ""},
                        {balance, ""},
                        {equity, ""}});
        break;
      case 2:
        journal.append({{NoticeRaised{}, "a line\nof words"}, {equity, ""}, {balance, ""}});
        break;
      case 3:
        journal.append({});  // an input that decided nothing
        break;
      default:
        journal.append({{fill, ""}, {position, ""}});
    }
  }
}

void expect_exactly(const MemoryJournal& journal, const std::string& dsn) {
  std::vector<std::string> fills, events, equity, notices;
  std::map<std::string, std::string> orders, positions, balances;
  const persistence::Uuid space{journal.uuid().bytes};
  for (const auto& frame : journal.frames()) {
    std::uint32_t ordinal = 0;
    for (const auto& [record, text] : frame.records) {
      const std::string place = std::to_string(frame.sequence) + "/" + std::to_string(ordinal++);
      if (const auto* fill = std::get_if<FillBooked>(&record)) {
        fills.push_back(place + " " + std::to_string(fill->number) + " " +
                        domain::to_string(fill->quantity));
      } else if (const auto* opened = std::get_if<OrderOpened>(&record)) {
        events.push_back(place + " opened");
        const std::string id =
            persistence::to_string(persistence::order_row(space, opened->order.id));
        orders[id] = "pending_submit " + domain::to_string(opened->order.quantity);
      } else if (const auto* changed = std::get_if<OrderChanged>(&record)) {
        events.push_back(place + " changed");
        const std::string id =
            persistence::to_string(persistence::order_row(space, changed->order));
        orders[id] =
            std::string{enum_name(changed->state)} + " " + domain::to_string(changed->filled);
      } else if (std::holds_alternative<RequestChanged>(record)) {
        events.push_back(place + " request");
      } else if (const auto* marked = std::get_if<EquityMarked>(&record)) {
        equity.push_back(place + " " + domain::to_string(marked->equity));
      } else if (std::holds_alternative<NoticeRaised>(record)) {
        notices.push_back(place);
      } else if (const auto* position = std::get_if<PositionChanged>(&record)) {
        positions[persistence::to_string(persistence::strategy_row(space, position->strategy)) +
                  persistence::to_string(persistence::instrument_row(
                      space, position->instrument))] = domain::to_string(position->quantity);
      } else if (const auto* balance = std::get_if<BalanceChanged>(&record)) {
        balances[tests::names().name(balance->asset)] = domain::to_string(balance->free);
      }
    }
  }
  const auto list = [&](const std::string& what, const std::string& from) {
    std::vector<std::string> found;
    for (const auto& row :
         query(dsn, "SELECT journal_sequence || '/' || ordinal || " + what + " FROM halcyon." +
                        from + " WHERE journal_id = '" + journal.uuid_text() +
                        "' ORDER BY journal_sequence, ordinal")) {
      found.push_back(*row[0]);
    }
    return found;
  };
  const auto map = [&](const std::string& key, const std::string& value, const std::string& from) {
    std::map<std::string, std::string> found;
    for (const auto& row : query(dsn, "SELECT " + key + ", " + value + " FROM halcyon." + from +
                                          " WHERE journal_id = '" + journal.uuid_text() + "'")) {
      found[*row[0]] = *row[1];
    }
    return found;
  };
  EXPECT_EQ(list("' ' || number || ' ' || trim_scale(quantity)", "fills"), fills);
  EXPECT_EQ(list("' ' || event", "order_events"), events);
  EXPECT_EQ(list("' ' || trim_scale(equity)", "equity_history"), equity);
  EXPECT_EQ(list("''", "notices"), notices);
  EXPECT_EQ(map("id",
                "state || ' ' || trim_scale(CASE WHEN source IS NULL THEN quantity "
                "ELSE filled_quantity END)",
                "orders"),
            orders);
  EXPECT_EQ(map("strategy_id::text || instrument_id::text", "trim_scale(quantity)", "positions"),
            positions);
  EXPECT_EQ(map("asset", "trim_scale(free)", "balances"), balances);
  EXPECT_EQ(map("table_name", "reason", "rejected_rows"), (std::map<std::string, std::string>{}));
  EXPECT_EQ(query_value(dsn, "SELECT position FROM halcyon.projections WHERE id = '" +
                                 journal.uuid_text() + "'"),
            std::to_string(journal.last()));
}

}  // namespace halcyon::tests
