#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "domain/command.h"
#include "domain/order.h"
#include "gateways/binance/sign.h"
#include "gateways/binance/symbols.h"

namespace halcyon::gateways::binance {

// Commands to bytes: requests of the WebSocket API (sections 7 to 12) and control messages of the
// market streams. Everything is written into the caller's buffer, without allocation and without a
// float; parameters stand in byte order of their names, so that the JSON and the payload that is
// signed are made from the same characters.

/// Room that any order request needs at most: longest symbol, ids, numbers, key and signature
/// together stay below half of it, those of three orders in a list too.
inline constexpr std::size_t max_request_bytes = 2048;

/// The window in which the venue may still accept a request (section 9), and section 16 counts
/// with.
inline constexpr std::int64_t recv_window_ms = 5000;

/// What every request of one connection has in common.
struct RequestContext {
  const Symbols* symbols = nullptr;
  std::string_view client_id_prefix;  ///< "daemon-account-"
  std::int64_t timestamp_ms = 0;      ///< the venue's clock, a margin behind it
  /// For keys that cannot log on, and by REST: each request bears a signature. Else both are empty.
  std::string_view api_key;
  const Signer* signer = nullptr;
  /// The encoders write the signed query of a REST call instead of a frame; the key is its header.
  bool by_rest = false;
};

/// Why a request cannot be written; words for the remark. Empty: it was written.
struct Encoded {
  char* end = nullptr;  ///< one past the last character; nullptr: nothing was written
  std::string_view why;
};

// All of them write at most `max_request_bytes` to `out`. `id` comes back in the response.

/// order.place, answered with ACK: events carry the rest. Market and limit (GTC, IOC, FOK),
/// LIMIT_MAKER for post-only, the stop and take-profit types, and trailing stops by basis points.
/// `day` and `gtd` go out as GTC: Spot knows neither, and the engine ends them. Not on Spot, so not
/// encodable: trailing by an amount, and reduce-only purchases (there is no short position to
/// reduce; a reduce-only sale is what every Spot sale is).
Encoded encode_place(std::uint64_t id, const domain::NewOrder& order, const RequestContext& context,
                     char* out);
/// order.test: the venue checks the order and does nothing.
Encoded encode_test(std::uint64_t id, const domain::NewOrder& order, const RequestContext& context,
                    char* out);

/// order.cancelReplace in mode STOP_ON_FAILURE: no new order where the old one could not be
/// canceled.
Encoded encode_cancel_replace(std::uint64_t id, const domain::ReplaceRequest& request,
                              const RequestContext& context, char* out);
/// order.amend.keepPriority: only less quantity; the order keeps its ids, ours too, and its place.
Encoded encode_amend(std::uint64_t id, const domain::ReplaceRequest& request,
                     const RequestContext& context, char* out);

/// What orders of a list are to each other, read from `parent` and `group`.
enum class ListKind : std::uint8_t { none, oco, oto, otoco };
ListKind kind_of(const domain::OrderList& list);
std::string_view method_of(ListKind kind);
/// orderList.place.oco, .oto or .otoco. A limit order as the leg of an OCO is sent as LIMIT_MAKER,
/// the only such type that the venue takes there. The legs of an OCO are of one side and size; the
/// working order of the others is a limit order.
Encoded encode_list(std::uint64_t id, const domain::OrderList& list, const RequestContext& context,
                    char* out);

/// order.cancel, by the venue's id where it is known (the quickest), else by ours. The request's
/// own id becomes the client id of the cancel, so that its event can be told from another hand's.
Encoded encode_cancel(std::uint64_t id, const domain::CancelRequest& cancel,
                      const RequestContext& context, char* out);

Encoded encode_order_status(std::uint64_t id, domain::InstrumentId instrument,
                            domain::OrderId order, domain::ForeignId venue_order,
                            const RequestContext& context, char* out);
/// Of one instrument (weight 6), or of all when it is none (weight 80).
Encoded encode_my_filters(std::uint64_t id, domain::InstrumentId instrument,
                          const RequestContext& context, char* out);
Encoded encode_open_orders(std::uint64_t id, domain::InstrumentId instrument,
                           const RequestContext& context, char* out);

/// Where a page of myTrades begins.
struct FillsPage {
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  bool by_id = true;
  std::uint64_t from_id = 0;              ///< by_id: the first trade wanted
  std::int64_t start_ms = 0, end_ms = 0;  ///< else: at most 24 hours
  std::uint32_t limit = 0;                ///< at most 1000
};
Encoded encode_my_trades(std::uint64_t id, const FillsPage& page, const RequestContext& context,
                         char* out);
Encoded encode_account_status(std::uint64_t id, const RequestContext& context, char* out);

/// session.logon, signed whatever `context` says. Ed25519 only.
Encoded encode_logon(std::uint64_t id, std::string_view api_key, const Signer& signer,
                     std::int64_t timestamp_ms, char* out);
/// userDataStream.subscribe, or .subscribe.signature where each request is signed.
Encoded encode_subscribe_user(std::uint64_t id, const RequestContext& context, char* out);
Encoded encode_time(std::uint64_t id, char* out);

/// SUBSCRIBE for the market streams: names in one message, because messages are what is counted.
std::string encode_subscribe(std::uint64_t id, std::span<const std::string> streams);
std::string encode_unsubscribe(std::uint64_t id, std::span<const std::string> streams);

}  // namespace halcyon::gateways::binance
