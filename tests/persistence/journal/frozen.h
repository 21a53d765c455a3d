#pragma once

#include "tests/persistence/journal/samples.h"

// Members that came later are left out on purpose: these journals were written without them.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

namespace halcyon::persistence::testing {

/// The frame with this number in the frozen journals: one record of every kind and every input that
/// is journaled, with telling values. Never change what it gives for a number: add numbers.
inline Content frozen(std::uint64_t number) {
  using namespace domain;
  Content content = sample(3);
  Event& event = content.input;
  event.sequence = number;
  event.received = from_unix_ns(1'723'100'000'123'456'789 + static_cast<std::int64_t>(number));
  event.venue_time = from_unix_ms(1'723'100'000'123);
  const OrderId id{1'723'100'000, 33};
  const auto quantity = [](std::int64_t raw) { return Quantity::from_raw(raw); };
  const auto money = [](std::int64_t raw) { return Money::from_raw(raw); };
  NewOrder order;
  order.id = id;
  order.parent = {1'723'099'999, 7};
  order.account = AccountId{0};
  order.strategy = StrategyId{0};
  order.instrument = InstrumentId{1};
  order.side = Side::sell;
  order.type = OrderType::stop_limit;
  order.time_in_force = TimeInForce::gtd;
  order.origin = Origin::user;
  order.post_only = true;
  order.reduce_only = true;
  order.quantity = quantity(1'500'000'000);
  order.limit_price = Price::from_units(61'000);
  order.stop_price = Price::from_raw(61'000'010'000'000);
  order.created = event.received;
  switch (number) {
    case 1:
      return sample(1);
    case 2: {
      InstrumentRules rules;
      rules.tick = Price::from_raw(10'000'000);
      rules.max_price = Price::from_units(1'000'000);
      rules.lot = quantity(10'000);
      rules.max_market_quantity = quantity(122'000'000'000);
      rules.min_notional = money(5'000'000'000);
      rules.status = InstrumentStatus::trading;
      rules.max_notional_for_market = true;
      event.what = rules;
      content.records = {
          {Named{NameKind::instrument, 1, VenueId{0}, AssetId{1}, AssetId{0}, AssetClass::crypto},
           "BTC/USDT"},
          {InstrumentChanged{InstrumentId{1}, rules}, ""}};
      break;
    }
    case 3:
      event.what = Command{77, UserId{2},
                           SetTradingState{{AccountId{0}, no<StrategyId>}, TradingState::reducing}};
      content.remark = "news \"at\" three\n";
      content.records = {{TradingStateChanged{{AccountId{0}, no<StrategyId>},
                                              TradingState::reducing,
                                              Reason::trading_reducing,
                                              UserId{2}},
                          content.remark},
                         {CommandAnswered{77, UserId{2}, true, Reason::none, 3}, ""}};
      break;
    case 4:
      event.what = Quote{};
      content.records = {{OrderOpened{order}, ""},
                         {OrderDenied{order, Reason::order_notional_above_limit,
                                      money(10'000'000'000'000), money(91'500'000'000'001)},
                          ""},
                         {RequestChanged{id, id, RequestKind::place, RequestState::journaled,
                                         Reason::none, 0, never},
                          ""}};
      break;
    case 5: {
      OrderReport report;
      report.order = id;
      report.venue_order = ForeignId{0x0123456789ABCDEF, 0xFEDCBA9876543210};
      report.quantity = quantity(1'500'000'000);
      report.filled_quote = money(-1);
      report.limit_price = Price::from_raw(-37'630'000'000);
      report.status = VenueOrderStatus::expired;
      report.source = Source::list_query;
      report.reason = Reason::self_trade_prevented;
      event.what = report;
      content.records = {
          {OrderChanged{id, report.venue_order, OrderState::expired, Reason::self_trade_prevented,
                        quantity(1), money(2), quantity(3),
                        Evidence{Source::list_query, event.venue_time, 99}},
           "EXPIRED_IN_MATCH"}};
      break;
    }
    case 6: {
      Execution execution;
      execution.order = id;
      execution.trade = ForeignId::number(0);
      execution.price = Price::from_units(61'000);
      execution.quantity =
          Quantity::from_raw(static_cast<Int128>(92'233'720'368'547'758) * 1'000'000'000);
      execution.fee_asset = AssetId{1};
      execution.liquidity = Liquidity::maker;
      event.what = execution;
      FillBooked fill;
      fill.number = 1;
      fill.order = id;
      fill.trade = execution.trade;
      fill.account = AccountId{0};
      fill.instrument = InstrumentId{1};
      fill.late = true;
      fill.fee_asset = AssetId{1};
      fill.price = execution.price;
      fill.quantity = execution.quantity;
      fill.fee = money(-5);
      fill.venue_time = event.venue_time;
      PositionChanged position;
      position.account = AccountId{0};
      position.quantity = quantity(-1'500'000'000);
      position.average_price = Price::from_units(61'000);
      position.cost = money(-91'500'000'000'000);
      position.realized = money(12);
      position.fees = money(13);
      position.fills = 1;
      content.records = {{fill, ""}, {position, ""}};
      break;
    }
    case 7:
      event.what = Balance{money(1), money(2), AssetId{0}, Source::single_query};
      content.records = {
          {BalanceChanged{AccountId{0}, AssetId{0}, money(1), money(2), event.venue_time}, ""},
          {EquityMarked{AccountId{0}, no<StrategyId>, money(1), money(2), money(3), money(4),
                        money(5), money(6), money(7)},
           ""}};
      break;
    case 8:
      event.what = RequestOutcome{
          id,   id, ForeignId{}, RequestKind::cancel, Outcome::unknown, Reason::no_answer_in_time,
          -1007};
      content.remark = "Timeout waiting for response from backend server.";
      content.records = {{NoticeRaised{Severity::alarm, NoticeCode::request_unknown, AccountId{0},
                                       InstrumentId{1}, id},
                          "caf\xC3\xA9 \xFF"}};
      break;
    case 9: {
      event.what = AnswerEnd{id, QueryKind::order_status, Completeness::complete, true,
                             Reason::proven_absent};
      StrategyMemory memory;
      memory.strategy = StrategyId{0};
      memory.instrument = InstrumentId{1};
      memory.bytes[0] = 0xAB;
      memory.bytes[95] = 0xCD;
      content.records = {{DifferenceFound{DifferenceKind::balance, AccountId{0}, InstrumentId{1},
                                          AssetId{1}, id, quantity(1), quantity(2)},
                          "in words"},
                         {memory, ""},
                         {AccountReady{AccountId{0}, true, Reason::none}, ""}};
      break;
    }
    case 10:
      event.what = AnswerBegin{id, QueryKind::fills_since};
      break;
    case 11:
      event.what = ExternalFlow{money(-250'000'000), AssetId{0}};
      break;
    case 12:
      event.what = ClockOffset{Duration{-1'500}, Duration{250'000}};
      break;
    case 13:
      event.what = JournalRoomChanged{JournalRoom::reserve};
      break;
    case 14:
      event.what = Command{78, UserId{2}, CancelOrder{id}};
      break;
    case 15:
      event.what = Command{79, UserId{2}, CancelAll{{}, InstrumentId{1}}};
      break;
    case 16:
      event.what = Command{80, daemon_user, PrepareStop{true}};
      break;
    default:
      break;  // StreamChanged, as in the sample
  }
  return content;
}
inline constexpr std::uint64_t frozen_frames = 40;

}  // namespace halcyon::persistence::testing
