#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "domain/catalog.h"
#include "domain/command.h"
#include "domain/event.h"

namespace halcyon::engine::testing {

/// A venue that is small enough to be right, and the line to it, which is as bad as the test makes
/// it. The venue itself is exact: orders, trades, balances. It keeps the documented promises and no
/// others: an order that arrives after its `valid_until` is refused; what a query does not see yet
/// (`read_lag`) it sees later; trade ids rise; events carry a rising sequence.
class ReferenceVenue {
 public:
  struct VenueOrder {
    domain::OrderId id;  ///< none: external
    std::uint64_t number = 0;
    domain::Side side = domain::Side::buy;
    domain::Quantity quantity, filled;
    domain::Price limit_price;
    domain::VenueOrderStatus status = domain::VenueOrderStatus::working;
    domain::Timestamp created;
    std::uint64_t list = 0;  ///< orders of one list end each other; 0: in none
    bool is_alive() const {
      return status == domain::VenueOrderStatus::working ||
             status == domain::VenueOrderStatus::partially_filled;
    }
  };
  struct VenueTrade {
    std::uint64_t number = 0;
    std::size_t order = 0;  ///< place in `orders`
    domain::Quantity quantity;
    domain::Price price;
    domain::Money fee;  ///< in base for buys, in quote for sells
    domain::Timestamp time;
  };
  /// An event with the words and the time of the venue.
  struct Message {
    domain::Event::What what;
    domain::Timestamp venue_time;
  };

  ReferenceVenue(domain::InstrumentId instrument, domain::AssetId base, domain::AssetId quote);

  static constexpr domain::Duration read_lag = std::chrono::seconds{4};

  /// The venue takes an order, a list, an amend, a cancel, or a cancel with a new order; answers
  /// and private events are appended to `out`.
  void take(const domain::OrderCommand& command, domain::Timestamp now, std::vector<Message>& out);
  /// An alive order trades, or ends by itself.
  void trade(std::size_t order, domain::Quantity quantity, domain::Price price,
             domain::Timestamp now, std::vector<Message>& out);
  void cancel(std::size_t order, domain::VenueOrderStatus how, domain::Timestamp now,
              std::vector<Message>& out);
  /// Someone else uses the account.
  void place_external(domain::Side side, domain::Quantity quantity, domain::Timestamp now,
                      std::vector<Message>& out);
  /// The framed answer to a question. `is_lagging`: reads see nothing of the last `read_lag`.
  void answer(const domain::VenueRequest& request, domain::Timestamp now, bool is_lagging,
              std::vector<Message>& out) const;

  const std::vector<VenueOrder>& orders() const { return orders_; }
  const std::vector<VenueTrade>& trades() const { return trades_; }
  /// Where our order is; empty: the venue never had it.
  std::optional<std::size_t> find(domain::OrderId id) const;

 private:
  void place(const domain::NewOrder& asked, std::uint64_t list, domain::Timestamp now,
             std::vector<Message>& out);
  void replace(const domain::ReplaceRequest& request, domain::Timestamp valid_until,
               domain::Timestamp now, std::vector<Message>& out);
  /// What else is in the order's list ends.
  void end_others(std::size_t order, domain::VenueOrderStatus how, domain::Timestamp now,
                  std::vector<Message>& out);
  domain::OrderReport report_of(const VenueOrder& order, domain::Source source) const;
  domain::Execution execution_of(const VenueTrade& trade, domain::Source source) const;
  void tell(std::size_t order, domain::Timestamp now, std::vector<Message>& out);
  void tell_balances(domain::Timestamp now, std::vector<Message>& out) const;

  domain::InstrumentId instrument_;
  domain::AssetId base_, quote_;
  domain::Money base_balance_ = domain::Money::from_units(1'000'000);
  domain::Money quote_balance_ = domain::Money::from_units(1'000'000'000);
  std::vector<VenueOrder> orders_;
  std::vector<VenueTrade> trades_;
  std::uint64_t sequence_ = 0;
  std::uint64_t lists_ = 0;
};

}  // namespace halcyon::engine::testing
