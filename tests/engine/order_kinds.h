#pragma once

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "harness.h"

namespace halcyon::engine::testing {

/// An operator in front of a connected account that holds 1000 BTC and 1000000 USDT; BTC is at 100.
struct OrderKinds : ::testing::Test {
  using Adjust = std::function<void(config::Config&, engine::Setup&)>;
  explicit OrderKinds(Adjust adjust = {}) : h{std::move(adjust)} {}
  Harness h;
  void SetUp() override { h.begin(); }

  SubmitOrder limit(Side side, Quantity quantity, Price price) const {
    SubmitOrder what;
    what.account = h.account;
    what.instrument = h.btc;
    what.side = side;
    what.type = OrderType::limit;
    what.quantity = quantity;
    what.limit_price = price;
    return what;
  }
  SubmitOrder stop(Side side, Quantity quantity, Price price) const {
    SubmitOrder what = limit(side, quantity, {});
    what.type = OrderType::stop;
    what.stop_price = price;
    return what;
  }
  CommandAnswered say(decltype(Command::what) what) {
    h.command(what);
    return h.all<CommandAnswered>().back();
  }
  OrderId submit(const SubmitOrder& what) {
    const CommandAnswered answer = say(what);
    EXPECT_TRUE(answer.accepted) << enum_name(answer.reason);
    return answer.order;
  }
  void price(Price at) {
    Trade trade;
    trade.price = at;
    trade.quantity = "1"_qty;
    h.send(trade);
  }
  /// The form in which the venue saw an order; null: it has not left.
  const NewOrder* sent(OrderId id) const {
    const NewOrder* found = nullptr;
    for (const OrderCommand& command : h.commands()) {
      const auto* place = std::get_if<Approved<NewOrder>>(&command.what);
      if (place != nullptr && place->value().id == id) found = &place->value();
    }
    return found;
  }
  bool is_cancel_sent(OrderId id) const {
    return std::any_of(h.commands().begin(), h.commands().end(), [&](const OrderCommand& command) {
      const auto* cancel = std::get_if<CancelRequest>(&command.what);
      return cancel != nullptr && cancel->order == id;
    });
  }
  void accept(OrderId id) {
    h.outcome(id, Outcome::sent);
    h.outcome(id, Outcome::acknowledged);
  }
  void fill(OrderId id, Quantity quantity, Price at, std::uint64_t trade) {
    h.fill(id, quantity, at, trade);
  }
  /// The orders whose parent is this one, in the order in which they were made.
  std::vector<OrderId> children(OrderId parent) const {
    std::vector<OrderId> found;
    for (const OrderOpened& opened : h.all<OrderOpened>()) {
      if (opened.order.parent == parent) found.push_back(opened.order.id);
    }
    return found;
  }
  void restart() { restart("99"_px, "101"_px); }
  void restart(Price bid, Price ask) {
    h.restart_from_journal();
    h.start(h.epoch + 1);
    h.hear_rules();
    h.quote(bid, ask);
    h.connect();
  }
};

}  // namespace halcyon::engine::testing
