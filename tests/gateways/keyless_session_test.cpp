#include "gateways/keyless_session.h"

#include <set>
#include <utility>
#include <variant>

#include <gtest/gtest.h>

#include "tests/gateways/binance/support.h"

namespace halcyon::gateways {
namespace {

using namespace domain;

constexpr Timestamp now = from_unix_ms(1'723'075'200'000);

TEST(KeylessSession, SaysThatItIsDownAndNeverConnects) {
  KeylessSession session{VenueId{1}, AccountId{2}};
  Actions actions;
  session.on_start(now, actions);
  ASSERT_EQ(actions.events().size(), 1U);
  const Event& event = actions.events()[0];
  EXPECT_EQ(event.account, AccountId{2});
  EXPECT_EQ(event.venue, VenueId{1});
  const auto& changed = std::get<StreamChanged>(event.what);
  EXPECT_EQ(changed.stream, StreamKind::orders);
  EXPECT_EQ(changed.state, StreamState::down);
  EXPECT_EQ(changed.reason, Reason::credential_missing);
  EXPECT_TRUE(actions.wants_reconnect());
  EXPECT_EQ(actions.reconnect_at(), never);
  EXPECT_EQ(session.next_deadline(), never);
}

TEST(KeylessSession, AnswersEveryLegOfACommandWithNotSent) {
  KeylessSession session{VenueId{1}, AccountId{2}};
  const auto told = [&](const auto& what) {
    OrderCommand command;
    command.what = what;
    Actions actions;
    session.on_command(command, now, actions);
    EXPECT_EQ(actions.frame_count(), 0U);
    std::multiset<std::pair<RequestKind, OrderId>> legs;
    for (const Event& event : actions.events()) {
      const auto& outcome = std::get<RequestOutcome>(event.what);
      EXPECT_EQ(outcome.outcome, Outcome::not_sent);
      EXPECT_EQ(event.received, now);
      legs.emplace(outcome.kind, outcome.request);
    }
    return legs;
  };
  using Legs = std::multiset<std::pair<RequestKind, OrderId>>;
  CancelRequest cancel;
  cancel.request = {7, 3};
  cancel.order = {7, 1};
  EXPECT_EQ(told(cancel), (Legs{{RequestKind::cancel, {7, 3}}}));
  NewOrder order;
  order.id = {7, 2};
  order.account = AccountId{2};
  order.instrument = InstrumentId{0};
  order.type = OrderType::limit;
  order.quantity = Quantity::from_units(1);
  order.limit_price = Price::from_units(100);
  order.created = now;
  const Approved<NewOrder> place = binance::testing::approved(order);
  EXPECT_EQ(told(place), (Legs{{RequestKind::place, order.id}}));
  ReplaceRequest replace{{7, 4}, {7, 1}, ForeignId::number(5), order.instrument, ReplaceMode::amend,
                         1,      place};
  EXPECT_EQ(told(replace), (Legs{{RequestKind::replace, {7, 4}}}));
  replace.mode = ReplaceMode::cancel_replace;
  EXPECT_EQ(told(replace), (Legs{{RequestKind::cancel, {7, 4}}, {RequestKind::place, order.id}}));
  OrderList list;
  list.count = 2;
  list.orders[0] = place;
  list.orders[1] = place;
  EXPECT_EQ(told(list), (Legs{{RequestKind::place, order.id}, {RequestKind::place, order.id}}));
  EXPECT_EQ(told(std::monostate{}), Legs{});
}

TEST(KeylessSession, AnswersAQuestionWithAListThatIsNotComplete) {
  KeylessSession session{VenueId{1}, AccountId{2}};
  Actions actions;
  VenueRequest request;
  request.request = {7, 9};
  request.kind = QueryKind::open_orders;
  session.on_request(request, now, actions);
  ASSERT_EQ(actions.events().size(), 2U);
  EXPECT_EQ(std::get<AnswerBegin>(actions.events()[0].what).request, (RequestId{7, 9}));
  const auto& end = std::get<AnswerEnd>(actions.events()[1].what);
  EXPECT_EQ(end.completeness, Completeness::partial);
  EXPECT_FALSE(end.not_found);
}

}  // namespace
}  // namespace halcyon::gateways
