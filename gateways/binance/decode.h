#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/command.h"
#include "domain/event.h"
#include "gateways/binance/filters.h"
#include "gateways/binance/symbols.h"
#include "gateways/decode.h"
#include "gateways/session.h"

namespace halcyon::gateways::binance {

// Bytes to events. Every function here is pure: no socket, no clock, no memory of earlier frames;
// on error nothing is appended and `Output` is as before. What the decoder does not read it does
// not judge: fields that are unknown, or known and not needed, may hold anything that is JSON.
// Section numbers are those of the protocol reference in docs/venues/binance.md.

// ---- Market streams (section 3) -----------------------------------------------------------------

enum class MarketKind : std::uint8_t {
  none,
  trade,
  quote,  ///< bookTicker
  depth,  ///< depthUpdate
  agg_trade,
  partial_depth,
  kline,
  server_shutdown,
  control_done,     ///< the answer to SUBSCRIBE and its like
  control_refused,  ///< an error, in either of its two shapes
  // Recognised, and not used.
  avg_price,
  ticker,
  mini_ticker,
  reference_price,
  block_trade,
  unknown,  ///< none of the above
};

/// What a market frame was, beside its events.
struct MarketMessage {
  MarketKind kind = MarketKind::none;
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  std::uint64_t first_update_id = 0;  ///< depth: "U"
  std::uint64_t last_update_id = 0;   ///< depth: "u"; partial_depth: "lastUpdateId"
  std::uint64_t trade_id = 0;         ///< trade: "t"; agg_trade: "a"
  std::uint64_t control_id = 0;       ///< control: the request's id; 0 when it had none
  std::int32_t control_code = 0;      ///< control_refused; 0 to 3, unrelated to section 15
  std::string_view control_text;      ///< control_refused; valid as long as the frame
};

/// One frame of a combined stream, `{"stream":..,"data":..}`; a raw payload with an event type is
/// understood too, but for partial depth, which names its symbol nowhere else. Appends: a Trade (of
/// agg_trade too, with its number), a Quote, one run of BookLevels (with a BookReset before it for
/// partial_depth), or the Bar of a kline that is final, its `timeframe` the kline's own; nothing
/// for other kinds.
DecodeError decode_market(const Frame& frame, const Symbols& symbols, Scratch& scratch,
                          std::vector<domain::Event>& events, MarketMessage& message);

// ---- The order connection (sections 7, 10, 12) --------------------------------------------------

/// Whose private messages these are, and how our client order ids begin.
struct Identity {
  domain::AccountId account = domain::no<domain::AccountId>;
  std::string prefix;  ///< "daemon-account-"
};

/// Used and allowed, as the venue counts it; -1: not told.
struct RateCounts {
  std::int64_t weight = -1, weight_limit = -1;          ///< REQUEST_WEIGHT, one minute
  std::int64_t orders_10s = -1, orders_10s_limit = -1;  ///< ORDERS, ten seconds
  std::int64_t orders_day = -1, orders_day_limit = -1;  ///< ORDERS, one day
};

/// The id of a response that bears none, or one that we did not give.
inline constexpr std::uint64_t no_request_id = ~std::uint64_t{0};

/// An answer's envelope. The views are valid until the scratch is used again or the frame is gone.
struct Response {
  std::uint64_t id = no_request_id;
  bool id_is_null = false;  ///< `"id":null`: about the session, not about a request
  std::int32_t status = 0;
  std::int32_t code = 0;  ///< of the error; 0: none
  std::string_view message;
  std::int64_t retry_after_ms = 0;  ///< absolute, from error.data
  std::int64_t server_time_ms = 0;  ///< from error.data
  std::string_view result;          ///< the JSON text of `result`; empty when there is none
  std::string_view error_data;      ///< likewise of error.data
  RateCounts rates;
};

enum class OrderFrameKind : std::uint8_t {
  none,
  response,
  execution_report,
  account_position,
  balance_update,
  list_status,
  external_lock,
  stream_terminated,
  server_shutdown,
  unknown_event,
};

/// Zero is a list's number on test networks (section 6).
inline constexpr std::int64_t no_list = -1;

struct OrderMessage {
  OrderFrameKind kind = OrderFrameKind::none;
  Response response;
  std::int64_t list = no_list;       ///< of an execution report: the list that the order is in
  std::uint32_t unknown_assets = 0;  ///< amounts in assets that nobody named
  std::uint32_t unknown_words = 0;   ///< enumerators newer than this program; defaults were taken
  std::string_view unknown_asset;    ///< the last of them; valid as long as the frame
};

/// One frame of the WebSocket API connection. Appends:
/// - executionReport: the Execution, if it is a trade, then the OrderReport. `order` is found from
///   "c", or from "C" when the order was canceled (then "c" names the cancel). An external order
///   has none, and its client id is the remark. A fee in an unknown asset: `fee_asset` none, and
///   the remark says "fee asset X" (behind the client id, if that is there too);
/// - outboundAccountPosition: a Balance for each asset that has an id; others are left out, and
///   counted and named in the message when they are not zero;
/// - balanceUpdate: an ExternalFlow, likewise;
/// - nothing for the other kinds.
DecodeError decode_order_frame(const Frame& frame, const Symbols& symbols, const Identity& identity,
                               Scratch& scratch, Output output, OrderMessage& message);

// The results of responses, by what was asked. `result` is Response::result.

/// What came with the rows of an answer.
struct Rows {
  std::uint32_t count = 0;            ///< rows of the venue, appended or not
  std::uint32_t unknown_symbols = 0;  ///< rows left out: not our instruments
  std::uint32_t unknown_assets = 0;
  std::uint32_t unknown_words = 0;
  std::string_view unknown_asset;   ///< the last of them; valid as long as the frame
  std::uint64_t last_trade_id = 0;  ///< fills: the greatest
  bool can_trade = true;            ///< account.status
  std::vector<std::int64_t> lists;  ///< orders: of each OrderReport, the list that it is in
};

/// order.place and order.cancel: the order's id at the venue; none when the answer is of another
/// shape (a canceled list), which is no error.
DecodeError decode_order_ack(std::string_view result, Scratch& scratch,
                             domain::ForeignId& venue_order);

/// order.cancelReplace: what became of each of its two steps (section 10). The same object stands
/// in `result`, or in `error.data` when something failed: an error may hold a live order.
struct ReplaceLegs {
  enum class Fate : std::uint8_t { unknown, success, failure, not_attempted };
  struct Leg {
    Fate fate = Fate::unknown;
    domain::ForeignId venue_order;  ///< of a success
    std::int32_t code = 0;          ///< of a failure
    std::string_view message;       ///< likewise; valid as long as the frame
  };
  Leg cancel, place;
};
DecodeError decode_replace_legs(std::string_view json, Scratch& scratch, ReplaceLegs& legs);

/// orderList.place.*: the ids of its orders.
struct ListedOrder {
  domain::OrderId order;
  domain::ForeignId venue_order;
};
DecodeError decode_list_ack(std::string_view result, const Identity& identity, Scratch& scratch,
                            std::array<ListedOrder, domain::OrderList::capacity>& orders);

/// order.status (one object) or openOrders.status (an array): an OrderReport for each.
DecodeError decode_orders(std::string_view result, const Symbols& symbols, const Identity& identity,
                          domain::Source source, domain::Timestamp received, Scratch& scratch,
                          Output output, Rows& rows);

/// myFilters: the MAX_ASSET of each asset that has an id, put into `limits`.
DecodeError decode_asset_limits(std::string_view result, const Symbols& symbols, Scratch& scratch,
                                std::vector<AssetLimit>& limits);

/// myTrades: an Execution for each, Source::trade_record. The venue names no client id here, so
/// `order` is none: `venue_order` says whose it is.
DecodeError decode_fills(std::string_view result, const Symbols& symbols, const Identity& identity,
                         domain::Timestamp received, Scratch& scratch, Output output, Rows& rows);

/// account.status: a Balance for each asset that has an id, and a zero one for every traded asset
/// that the venue did not mention.
DecodeError decode_balances(std::string_view result, const Symbols& symbols,
                            const Identity& identity, domain::Timestamp received, Scratch& scratch,
                            Output output, Rows& rows);

/// time: `serverTime`.
DecodeError decode_server_time(std::string_view result, Scratch& scratch, std::int64_t& time_ms);

// ---- REST bodies (section 5), for the helper thread ---------------------------------------------

/// GET depth: one run of BookLevels, and answer.last_update_id. The session puts the BookReset
/// before it.
DecodeError decode_depth_snapshot(std::string_view body, const Symbols& symbols,
                                  domain::InstrumentId instrument, Scratch& scratch,
                                  RestAnswer& answer);

/// GET klines: a Bar of the past for each row, oldest first; the session says of which instrument
/// and series.
DecodeError decode_klines(std::string_view body, const Symbols& symbols, Scratch& scratch,
                          RestAnswer& answer);

/// GET exchangeInfo: InstrumentRules for each of our instruments, answer.server_time_ms, and the
/// rate limits as answer.numbers ("REQUEST_WEIGHT/60": 6000). A symbol whose rules cannot be
/// represented (finer than nine decimals) is left out and named in answer.error: it takes no
/// orders.
DecodeError decode_exchange_info(std::string_view body, const Symbols& symbols, Scratch& scratch,
                                 RestAnswer& answer);

/// GET exchangeInfo again, for what an order must keep that is not in InstrumentRules:
/// answer.extra is a FilterTable.
DecodeError decode_filters(std::string_view body, const Symbols& symbols, Scratch& scratch,
                           RestAnswer& answer);

/// GET avgPrice: answer.numbers holds "price" in 10^-9 parts.
DecodeError decode_average_price(std::string_view body, Scratch& scratch, RestAnswer& answer);

/// GET time.
DecodeError decode_rest_time(std::string_view body, Scratch& scratch, RestAnswer& answer);

/// `{"code":n,"msg":".."}` of any status that is not 2xx: answer.venue_code and answer.error. A
/// body of another shape (403 and 5xx may be HTML) leaves the code at 0.
void decode_rest_error(std::string_view body, Scratch& scratch, RestAnswer& answer);

}  // namespace halcyon::gateways::binance
