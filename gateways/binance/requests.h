#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "domain/command.h"
#include "domain/event.h"
#include "domain/time.h"
#include "gateways/binance/encode.h"
#include "gateways/request_table.h"

namespace halcyon::gateways::binance {

/// What a request on the order connection asked for.
enum class Method : std::uint8_t {
  time,
  logon,
  subscribe,
  my_filters,
  place,
  cancel,
  cancel_replace,
  amend,
  list,
  order_status,
  open_orders,
  fills,
  balances,
};
constexpr bool is_order_request(Method method) {
  return method >= Method::place && method <= Method::list;
}
constexpr bool is_query(Method method) { return method >= Method::order_status; }

/// A list of fills that comes in pages: rows are kept here and go out together, so that no other
/// answer stands between them.
struct FillsQuery {
  FillsPage page;
  std::uint32_t pages = 0;
  std::vector<domain::Event> rows;  ///< remark: 1 + index into `remarks`
  std::vector<std::string> remarks;
};

/// A request that has no answer yet; a row of RequestTable.
struct Pending {
  std::uint64_t id = 0;  ///< as sent; 0: the place is free
  Method method = Method::time;
  domain::RequestId request;
  domain::OrderId order;
  domain::ForeignId venue_order;
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  domain::Timestamp sent;
  domain::Timestamp deadline;
  bool is_late = false;    ///< said to be unknown already; its answer is still welcome
  bool by_rest = false;    ///< lives on when the connection is lost
  bool on_second = false;  ///< was sent on the second connection
  /// cancel_replace: the new order; list: all of them. Each has an outcome of its own.
  std::array<domain::OrderId, domain::OrderList::capacity> placed;
  std::uint8_t placed_count = 0;
  std::unique_ptr<FillsQuery> fills;
};

using Requests = RequestTable<Pending>;

}  // namespace halcyon::gateways::binance
