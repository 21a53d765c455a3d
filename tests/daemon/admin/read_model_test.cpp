#include "daemon/read_model.h"

#include <gtest/gtest.h>

#include "tests/daemon/admin/fixture.h"

namespace halcyon::daemon {
namespace {

using namespace domain::literals;
using namespace test;
using domain::OrderState;
using domain::Reason;

/// A model that has read the dictionary.
struct World {
  explicit World(ReadModelBounds bounds = {}) : model("alpha", bounds) {
    push_dictionary(frames);
    read();
  }
  void read() {
    persistence::FrameView view;
    while (frames.next(view)) model.apply(view);
  }
  template <class... Arguments>
  void push(Arguments&&... arguments) {
    frames.push(std::forward<Arguments>(arguments)...);
    read();
  }
  Frames frames;
  ReadModel model;
};

TEST(ReadModel, KnowsTheNamesOfTheDictionaryAndTheEpoch) {
  const World world;
  EXPECT_EQ(world.model.name(main_account), "main");
  EXPECT_EQ(world.model.name(btc_usdt), "BTC/USDT");
  EXPECT_EQ(world.model.name(usdt), "USDT");
  EXPECT_EQ(world.model.name(domain::no<domain::StrategyId>), "");
  EXPECT_EQ(world.model.epoch(), epoch);
  EXPECT_EQ(world.model.sequence(), 1U);
}

TEST(ReadModel, FollowsAnOrderFromItsOpeningToItsEnd) {
  // Given an order that is opened, sent, filled
  World world;
  world.push(domain::OrderOpened{sample_order(1)});
  ASSERT_NE(world.model.find_order({epoch, 1}), nullptr);
  EXPECT_EQ(world.model.find_order({epoch, 1})->latest.state, OrderState::pending_submit);
  EXPECT_EQ(world.model.open_orders(), 1U);
  world.push(domain::RequestChanged{
      .request = {epoch, 1}, .order = {epoch, 1}, .state = domain::RequestState::sent});
  EXPECT_EQ(world.model.open_requests().size(), 1U);
  world.push(domain::RequestChanged{
      .request = {epoch, 1}, .order = {epoch, 1}, .state = domain::RequestState::acknowledged});
  world.push(fill(1, 1));
  auto end = changed(1, OrderState::filled);
  end.filled = "0.5"_qty;
  world.push(end, "done");
  // Then it has ended, with every step in its order
  const OrderView* view = world.model.find_order({epoch, 1});
  ASSERT_NE(view, nullptr);
  EXPECT_FALSE(view->is_open());
  EXPECT_EQ(view->latest.filled, "0.5"_qty);
  EXPECT_EQ(view->text, "done");
  EXPECT_EQ(view->steps.size(), 5U);
  EXPECT_EQ(view->steps.front().sequence, 2U);
  EXPECT_TRUE(std::holds_alternative<domain::FillBooked>(view->steps[3].what));
  EXPECT_EQ(world.model.open_orders(), 0U);
  EXPECT_TRUE(world.model.open_requests().empty());
  EXPECT_EQ(world.model.totals().orders_ended.at({main_account, OrderState::filled, Reason::none}),
            1U);
}

TEST(ReadModel, BooksALateFillOfAnEndedOrderWithoutEndingItTwice) {
  World world;
  world.push(domain::OrderOpened{sample_order(1)});
  world.push(changed(1, OrderState::canceled, Reason::canceled_by_operator));
  auto late = fill(1, 1);
  late.late = true;
  world.push(late);
  auto after = changed(1, OrderState::canceled, Reason::canceled_by_operator);
  after.filled = "0.5"_qty;
  world.push(after);
  EXPECT_EQ(world.model.totals().fills_late, 1U);
  EXPECT_EQ(world.model.open_orders(), 0U);
  EXPECT_EQ(world.model.find_order({epoch, 1})->latest.filled, "0.5"_qty);
  EXPECT_EQ(world.model.totals().orders_ended.size(), 1U);
  EXPECT_EQ(world.model.totals().orders_ended.at(
                {main_account, OrderState::canceled, Reason::canceled_by_operator}),
            1U);
}

TEST(ReadModel, KeepsNoMoreThanItsBoundsAndCountsEverything) {
  World world{{.ended_orders = 2,
               .steps_of_an_order = 3,
               .fills = 2,
               .notices = 2,
               .requests = 2,
               .command_answers = 2}};
  for (std::uint32_t counter = 1; counter <= 5; ++counter) {
    world.push(domain::OrderOpened{sample_order(counter)});
    world.push(fill(counter, counter));
    world.push(changed(counter, OrderState::filled));
    world.push(domain::RequestChanged{.request = {epoch, counter},
                                      .state = domain::RequestState::unknown});
    world.push(domain::NoticeRaised{}, "words");
    world.push(domain::CommandAnswered{.token = counter});
  }
  EXPECT_EQ(world.model.orders().size(), 2U);
  EXPECT_EQ(world.model.orders_forgotten(), 3U);
  EXPECT_EQ(world.model.fills().size(), 2U);
  EXPECT_EQ(world.model.last_fill_number(), 5U);
  EXPECT_EQ(world.model.notices().size(), 2U);
  EXPECT_EQ(world.model.open_requests().size(), 2U);
  EXPECT_EQ(world.model.find_answer(3), nullptr);
  EXPECT_NE(world.model.find_answer(4), nullptr);
  EXPECT_EQ((world.model.totals().fills.at({main_account, btc_usdt, domain::Side::buy})), 5U);
  // A change of an order that is gone is counted and harmless.
  world.push(changed(1, OrderState::filled));
  EXPECT_EQ(world.model.totals().unmatched, 1U);
  // An order that never ends keeps its newest steps.
  world.push(domain::OrderOpened{sample_order(9)});
  for (int count = 0; count < 5; ++count) world.push(changed(9, OrderState::accepted));
  EXPECT_EQ(world.model.find_order({epoch, 9})->steps.size(), 3U);
  EXPECT_EQ(world.model.find_order({epoch, 9})->steps_forgotten, 3U);
}

TEST(ReadModel, HoldsTheLatestPositionBalanceAndEquity) {
  World world;
  world.push(domain::PositionChanged{
      .account = main_account, .strategy = cross, .instrument = btc_usdt, .quantity = "1"_qty});
  world.push(domain::PositionChanged{
      .account = main_account, .strategy = cross, .instrument = btc_usdt, .quantity = "2"_qty});
  world.push(domain::BalanceChanged{.account = main_account, .asset = usdt, .free = "10"_usd});
  world.push(domain::EquityMarked{.account = main_account, .equity = "1000"_usd});
  EXPECT_EQ(world.model.positions().at({main_account, cross, btc_usdt}).what.quantity, "2"_qty);
  EXPECT_EQ(world.model.balances().at({main_account, usdt}).what.free, "10"_usd);
  EXPECT_EQ(world.model.equity().at({main_account, domain::no<domain::StrategyId>}).what.equity,
            "1000"_usd);
}

TEST(ReadModel, TheStrictestTradingStateOfAllLevelsApplies) {
  World world;
  const auto set = [&](domain::Scope scope, domain::TradingState state) {
    world.push(domain::TradingStateChanged{.scope = scope, .state = state});
  };
  EXPECT_EQ(world.model.trading_state(main_account, cross), domain::TradingState::active);
  set({.account = main_account}, domain::TradingState::reducing);
  set({.strategy = cross}, domain::TradingState::halted);
  EXPECT_EQ(world.model.trading_state(main_account, domain::no<domain::StrategyId>),
            domain::TradingState::reducing);
  EXPECT_EQ(world.model.trading_state(main_account, cross), domain::TradingState::halted);
  EXPECT_EQ(world.model.trading_state(second_account, domain::no<domain::StrategyId>),
            domain::TradingState::active);
  set({}, domain::TradingState::halted);
  EXPECT_EQ(world.model.trading_state(second_account, domain::no<domain::StrategyId>),
            domain::TradingState::halted);
  set({}, domain::TradingState::active);
  EXPECT_EQ(world.model.trading_state(second_account, domain::no<domain::StrategyId>),
            domain::TradingState::active);
}

TEST(ReadModel, ANewEpochForgetsWhatTheOldOneHeardButNotWhatItBooked) {
  // Given a ready account, a ready stream, an answered command and a position
  World world;
  world.frames.push_input(
      domain::StreamChanged{domain::StreamKind::orders, domain::StreamState::ready, Reason::none},
      binance, main_account);
  world.read();
  world.push(domain::AccountReady{.account = main_account, .ready = true});
  world.push(domain::CommandAnswered{.token = 7, .accepted = true});
  world.push(domain::PositionChanged{.account = main_account, .instrument = btc_usdt});
  EXPECT_EQ(world.model.streams().size(), 1U);
  EXPECT_NE(world.model.find_answer(7), nullptr);
  // When the daemon starts again
  world.push(domain::EpochStarted{epoch + 1});
  // Then nothing looks alive that is not, and nothing booked is lost
  EXPECT_TRUE(world.model.streams().empty());
  EXPECT_TRUE(world.model.accounts_ready().empty());
  EXPECT_EQ(world.model.find_answer(7), nullptr);
  EXPECT_EQ(world.model.positions().size(), 1U);
  EXPECT_EQ(world.model.epoch(), epoch + 1);
}

TEST(ReadModel, CountsDenialsByReasonAndNoticesByCode) {
  World world;
  world.push(domain::OrderDenied{.order = sample_order(1), .reason = Reason::price_off_tick});
  world.push(domain::OrderDenied{.order = sample_order(2), .reason = Reason::price_off_tick});
  world.push(domain::NoticeRaised{.severity = domain::Severity::alarm,
                                  .code = domain::NoticeCode::overfill});
  EXPECT_EQ(world.model.totals().denials[static_cast<std::size_t>(Reason::price_off_tick)], 2U);
  EXPECT_EQ(world.model.totals().notices[static_cast<std::size_t>(domain::Severity::alarm)]
                                        [static_cast<std::size_t>(domain::NoticeCode::overfill)],
            1U);
}

TEST(ReadModel, KeepsTextsAfterTheirFrameIsGone) {
  ReadModel model{"alpha"};
  {
    std::string text = "a text that is longer than any small string";
    const std::vector<domain::RecordEntry> entries{{domain::NoticeRaised{}, text}};
    persistence::FrameView view;
    view.records = entries;
    model.apply(view);
    text.assign(text.size(), 'x');
  }
  EXPECT_EQ(model.notices().front().text, "a text that is longer than any small string");
}

TEST(ReadModel, NamesAnOrderAsTheVenueSeesIt) {
  const World world;
  EXPECT_EQ(world.model.order_name(main_account, {33, 7}), "alpha-main-11-7");
  EXPECT_EQ(world.model.order_name(main_account, {}), "");
}

}  // namespace
}  // namespace halcyon::daemon
