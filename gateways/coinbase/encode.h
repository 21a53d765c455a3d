#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "domain/command.h"
#include "domain/order.h"
#include "gateways/coinbase/symbols.h"

namespace halcyon::gateways::coinbase {

// Commands to bytes: the bodies and targets of section 7, whole HTTP requests around them, and the
// subscriptions of section 3. Order bodies are written into the caller's buffer, without allocation
// and without a float.

/// Room that any body of one order needs at most.
inline constexpr std::size_t max_body_bytes_of_order = 1024;
/// Room for a whole request: head, token (about 800 bytes) and body.
inline constexpr std::size_t max_request_bytes = 4096;

/// Of every REST address, behind what `rest_url` has for a path.
inline constexpr std::string_view rest_base = "/api/v3/brokerage";

/// Why a body cannot be written; words for the remark. Empty: it was written.
struct Encoded {
  char* end = nullptr;  ///< one past the last character; nullptr: nothing was written
  std::string_view why;
};

/// POST orders. Every configuration that the engine's orders have:
/// market (IOC; FOK), limit (GTC, GTD, FOK, and IOC as sor_limit_ioc), stop_limit and
/// take_profit_limit as the stop limit whose direction is theirs; a limit order with a stop price
/// is the bracket, take profit at the limit and stop at the trigger. `day` goes out as GTC and is
/// ended by the engine. Not at this venue, so not encodable: plain stops, trailing, IOC and FOK
/// with a trigger. A market order names base units on either side.
Encoded encode_create(const domain::NewOrder& order, const Symbols& symbols,
                      std::string_view client_id_prefix, char* out);
/// POST orders/preview: the same without a client id; the venue computes and does nothing.
Encoded encode_preview(const domain::NewOrder& order, const Symbols& symbols, char* out);
/// POST orders/edit, with price and size always: a missing size counts as 0. GTC only.
Encoded encode_edit(const domain::ReplaceRequest& request, char* out);
/// POST orders/batch_cancel of one order.
Encoded encode_cancel(domain::ForeignId venue_order, char* out);

/// GET orders/historical/batch.
struct OrdersQuery {
  std::string_view status;   ///< "OPEN"; empty: every status
  std::string_view product;  ///< empty: all
  domain::Timestamp since;   ///< created not before; the epoch: ever
  std::uint32_t limit = 250;
  std::string_view cursor;
};
std::string orders_target(std::string_view base, const OrdersQuery& query);
std::string order_target(std::string_view base, domain::ForeignId venue_order);

/// GET orders/historical/fills: newest first.
struct FillsQuery {
  std::string_view product;       ///< empty: all
  domain::ForeignId venue_order;  ///< none: of all orders
  domain::Timestamp since;        ///< sequence timestamp; the epoch: ever
  std::uint32_t limit = 250;
  std::string_view cursor;
};
std::string fills_target(std::string_view base, const FillsQuery& query);
std::string accounts_target(std::string_view base, std::string_view cursor);

/// "2026-10-31T09:59:59.123Z", without zeros at the end of the fraction. Writes at most 30
/// characters and returns the end. `time` not before 1970.
char* print_rfc3339(domain::Timestamp time, char* out);

/// A whole request for a connection that stands. `token` empty: without one (public calls).
/// Returns the end, or nullptr when it is longer than `max_request_bytes`.
char* encode_request(std::string_view method, std::string_view host, std::string_view target,
                     std::string_view token, std::string_view body, char* out);

/// One message a channel (section 3). `products` empty: all; `token` empty: public.
std::string encode_subscription(std::string_view type, std::string_view channel,
                                std::span<const std::string_view> products, std::string_view token);

}  // namespace halcyon::gateways::coinbase
