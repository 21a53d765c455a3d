#pragma once

#include "tests/persistence/journal/samples.h"

// Members that came later are left out on purpose: this journal was written without them.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

namespace halcyon::persistence::testing {

/// The frame with this number in tests/data/journal/v1-orders: what orders, risk and positions have
/// added to version 1, with telling values. Never change what it gives for a number.
inline Content frozen_orders(std::uint64_t number) {
  using namespace domain;
  Content content = sample(3);
  Event& event = content.input;
  event.sequence = number;
  event.received = from_unix_ns(1'763'600'000'123'456'789 + static_cast<std::int64_t>(number));
  event.venue_time = from_unix_ms(1'763'600'000'123);
  const OrderId id{1'763'600'000, 33};
  const auto quantity = [](std::int64_t raw) { return Quantity::from_raw(raw); };
  const auto money = [](std::int64_t raw) { return Money::from_raw(raw); };
  const Terms terms{quantity(1'500'000'000), Price::from_units(61'000), Price::from_units(60'000)};
  const auto command = [&](decltype(Command::what) what) {
    event.what = Command{90 + number, UserId{2}, what};
    content.remark = "because";
  };
  switch (number) {
    case 1:
      return sample(1);
    case 2: {
      NewOrder order;
      order.id = id;
      order.parent = {1'763'600'000, 7};
      order.account = AccountId{0};
      order.strategy = StrategyId{0};
      order.instrument = InstrumentId{1};
      order.side = Side::sell;
      order.type = OrderType::trailing_stop;
      order.time_in_force = TimeInForce::gtd;
      order.origin = Origin::agent;
      order.quantity = quantity(1'500'000'000);
      order.created = event.received;
      order.group = {1'763'600'000, 8};
      order.replaces = {1'763'600'000, 9};
      order.expires = event.received + std::chrono::hours{1};
      order.trailing_offset = Price::from_raw(12'340'000'000);
      order.trailing_bps = 250;
      order.self_trade = SelfTradeMode::decrement;
      order.is_emulated = true;
      event.what = Quote{};
      OrderChanged held;
      held.order = id;
      held.state = OrderState::held;
      RequestChanged replace;
      replace.request = {1'763'600'000, 34};
      replace.order = id;
      replace.kind = RequestKind::replace;
      replace.state = RequestState::unknown;
      replace.version = 3;
      content.records = {{OrderOpened{order}, ""}, {held, ""}, {replace, ""}};
      break;
    }
    case 3:
      content.records = {
          {OrderAmended{id, 3, 2, terms, {quantity(1), {}, {}}}, ""},
          {OrderArmed{id, Price::from_units(59'000), Price::from_units(61'500), true}, ""}};
      break;
    case 4: {
      FillBooked fill;
      fill.number = 1;
      fill.order = id;
      fill.quantity = quantity(7);
      fill.is_provisional = true;
      fill.fee_value = money(-3);
      PositionChanged position;
      position.quantity = quantity(7);
      position.realized_fifo = money(-11);
      TradeCorrected corrected;
      corrected.order = id;
      corrected.trade = ForeignId::number(5);
      corrected.is_bust = false;
      corrected.price = Price::from_units(60'999);
      corrected.quantity = quantity(6);
      corrected.quote_amount = money(8);
      corrected.source = Source::single_query;
      event.what = corrected;
      content.records = {{fill, ""},
                         {position, ""},
                         {FillVoided{1, 2, Reason::provisional_replaced, id, AccountId{0},
                                     StrategyId{0}, InstrumentId{1}},
                          ""}};
      break;
    }
    case 5:
      content.records = {{LotChanged{4, AccountId{0}, StrategyId{0}, InstrumentId{1}, quantity(-9),
                                     money(-10), money(11), event.venue_time, 6},
                          ""},
                         {RoundTripClosed{5, 4, 7, AccountId{0}, StrategyId{0}, InstrumentId{1},
                                          Side::sell, quantity(9), money(10), money(12), money(1),
                                          money(-3), event.venue_time, event.received, 2},
                          ""}};
      break;
    case 6:
      content.records = {{AdjustmentChanged{3, AccountId{0}, AssetId{1}, money(-250), true,
                                            UserId{2}, event.received},
                          ""},
                         {FlowBooked{AccountId{0}, AssetId{0}, money(500), event.venue_time}, ""}};
      break;
    case 7: {
      SetLimit limit;
      limit.level = LimitLevel::strategy;
      limit.key = LimitKey::max_clock_offset;
      limit.id = 4;
      limit.value = money(500'000'000);
      command(limit);
      CommandAnswered answered{97, UserId{2}, true, Reason::none, 1};
      answered.order = id;
      content.records = {{LimitChanged{limit, UserId{2}}, content.remark},
                         {StrategyPaused{StrategyId{0}, true, UserId{2}}, ""},
                         {answered, ""}};
      break;
    }
    case 8: {
      SubmitOrder order;
      order.account = AccountId{0};
      order.instrument = InstrumentId{1};
      order.side = Side::sell;
      order.type = OrderType::stop_limit;
      order.time_in_force = TimeInForce::day;
      order.self_trade = SelfTradeMode::expire_both;
      order.post_only = order.reduce_only = order.is_emulated = true;
      order.trailing_bps = 9;
      order.quantity = quantity(1);
      order.limit_price = Price::from_units(1);
      order.stop_price = Price::from_units(2);
      order.trailing_offset = Price::from_units(3);
      order.take_profit = Price::from_units(4);
      order.stop_loss = Price::from_units(5);
      order.expires = event.received;
      command(order);
      break;
    }
    case 9:
      command(AmendOrder{id, terms});
      break;
    case 10:
      command(ResolveOrder{id, VenueOrderStatus::expired});
      break;
    case 11:
      command(Flatten{{AccountId{0}, StrategyId{0}}, InstrumentId{1}});
      break;
    case 12:
      command(Reconcile{AccountId{0}});
      break;
    case 13:
      command(KillSwitch{true});
      break;
    case 14:
      command(ReleaseKillSwitch{});
      break;
    case 15:
      command(PauseStrategy{StrategyId{0}, false});
      break;
    case 16:
      command(AcceptAdjustment{3});
      break;
    case 17:
      command(CancelAll{{}, InstrumentId{1}, CancelReach::everything});
      break;
    default:
      break;
  }
  return content;
}
inline constexpr std::uint64_t frozen_orders_frames = 17;

}  // namespace halcyon::persistence::testing
