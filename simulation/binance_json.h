#pragma once

#include <cstdint>
#include <string>

#include <boost/json/object.hpp>

#include "simulation/bars.h"
#include "simulation/instrument_rules.h"
#include "simulation/matching.h"

namespace halcyon::simulation {

/// Times on the wire: milliseconds, or microseconds where the connection asked for them.
enum class WireUnit : std::uint8_t { milliseconds, microseconds };

/// How the venue writes times now; `shift` is a fault's clock error.
struct WireTime {
  WireUnit unit = WireUnit::milliseconds;
  Duration shift{};
  std::int64_t operator()(Timestamp time) const;
};

/// An amount with the venue's eight decimals, "0.01000000".
template <class Kind>
std::string fixed(domain::Decimal<Kind> amount);
template <class Kind>
void append_fixed(std::string& out, domain::Decimal<Kind> amount);

/// What one order's or trade's texts are made from.
struct WireContext {
  const Exchange& exchange;
  WireTime time;
};

std::string_view status_name(OrderStatus status);
std::string_view type_name(const OrderRequest& order);
std::string_view side_name(Side side);

/// order.status and openOrders.status rows.
boost::json::object order_json(const Order& order, const WireContext& context);
/// The answer to order.place.
enum class ResponseType : std::uint8_t { ack, result, full };
boost::json::object placed_json(const Order& order, ResponseType type, const Reports& reports,
                                const WireContext& context);
/// The answer to order.cancel.
boost::json::object canceled_json(const Order& order, std::string_view cancel_id,
                                  const WireContext& context);
/// What the answers of the list methods have in common.
boost::json::object list_json(const OrderList& list, const WireContext& context);
boost::json::object list_status(const Report& report, Timestamp sent, const WireContext& context);
/// The answer to order.amend.keepPriority; `before` is the client id that the order had.
boost::json::object amended_json(const Order& order, std::string_view before,
                                 std::uint64_t execution_id, const WireContext& context);
boost::json::object trade_json(const OwnTrade& trade, const WireContext& context);
boost::json::object execution_report(const Report& report, Timestamp sent,
                                     const WireContext& context);
boost::json::object account_position(const Report& report, Timestamp sent,
                                     const WireContext& context);
boost::json::array kline_row(const Bar& bar, const WireTime& time);
/// The payloads of the market streams.
std::string depth_text(const std::string& symbol, const DepthEvent& depth, std::int64_t time);
std::string trade_text(const std::string& symbol, const TradeEvent& trade, std::int64_t time,
                       std::int64_t traded);
std::string agg_trade_text(const std::string& symbol, const TradeEvent& trade, std::int64_t time,
                           std::int64_t traded);
std::string quote_text(const std::string& symbol, const QuoteEvent& quote);
std::string partial_depth_text(std::uint64_t id, const std::vector<Level>& bids,
                               const std::vector<Level>& asks);
std::string kline_text(const std::string& symbol, std::string_view interval, const Bar& bar,
                       bool closed, std::int64_t time, const WireTime& stamp);

}  // namespace halcyon::simulation
