#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domain/event.h"
#include "gateways/coinbase/symbols.h"
#include "gateways/decode.h"
#include "gateways/session.h"

namespace halcyon::gateways::coinbase {

// Bytes to events. Every function here is pure: no socket, no clock, no memory of earlier frames;
// on error nothing is appended. What the decoder does not read it does not judge. Section numbers
// are those of the protocol reference in docs/venues/coinbase.md.

/// A book of BTC-USD has 45,000 levels, several MB of JSON (section 3).
inline constexpr std::size_t max_frame_bytes = std::size_t{32} << 20;
/// What is taken over of a snapshot, the best of each side: a run has to fit the engine's lane.
inline constexpr std::size_t max_snapshot_levels = 6000;

/// A UUID in binary. Ids of another shape (the documentation prints some) are known by a hash:
/// they can be compared, but not be printed.
domain::ForeignId foreign_id(std::string_view text);
/// Whether `print_uuid` gives back what the venue said.
bool is_uuid(domain::ForeignId id);
/// Writes 36 characters and returns the end.
char* print_uuid(domain::ForeignId id, char* out);

/// RFC 3339 in UTC with 0 to 9 decimals. The year 1 and whatever else lies before 1970 is "none":
/// the epoch. False for anything else.
bool read_rfc3339(std::string_view text, domain::Timestamp& out);

// ---- WebSocket frames (sections 3 to 5 and 9) ---------------------------------------------------

enum class Channel : std::uint8_t {
  none,
  heartbeats,
  l2_data,
  market_trades,
  ticker,
  ticker_batch,
  candles,
  status,
  user,
  futures_balance_summary,
  subscriptions,
  error,    ///< no channel and no sequence number
  unknown,  ///< none of the above
};

/// What the venue says an order's state is, before it is ours (section 8).
enum class OrderWord : std::uint8_t {
  none,
  pending,
  queued,
  open,
  edit_queued,
  cancel_queued,
  filled,
  cancelled,
  expired,
  failed,
  unknown,  ///< UNKNOWN_ORDER_STATUS, or a word newer than this program: ask
};

/// Whose private messages these are, and how our client order ids begin.
struct Identity {
  domain::AccountId account = domain::no<domain::AccountId>;
  std::string prefix;  ///< "daemon-account-"
};

/// An order as the `user` channel or REST tells it, in one shape: running totals, no executions.
struct OrderRow {
  domain::OrderId order;  ///< ours; none for an external one
  domain::ForeignId venue_order;
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  domain::Side side = domain::Side::buy;
  domain::OrderType type = domain::OrderType::limit;
  domain::TimeInForce time_in_force = domain::TimeInForce::gtc;
  OrderWord status = OrderWord::none;
  bool has_quantity = false;  ///< the original quantity is said; on `user` only while it lives
  bool size_in_quote = false;
  bool is_pending_cancel = false;  ///< REST
  domain::Quantity quantity;       ///< original, in base units
  domain::Quantity filled;         ///< cumulative
  domain::Money filled_value;      ///< cumulative
  domain::Money fees;              ///< cumulative, in quote currency
  std::uint64_t fills = 0;         ///< how many; a jump means that an update stands for several
  domain::Price limit_price, stop_price;
  domain::Timestamp created;
  std::string_view client_id;  ///< valid as long as the frame
  std::string_view words;      ///< why it was cancelled or refused, likewise
};

/// 5-minute candles of the `candles` channel.
struct CandleRow {
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  domain::Timestamp start;
  domain::Price open, high, low, close;
  domain::Quantity volume;
};

/// A product of the `status` channel.
struct StatusRow {
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  bool is_online = true;
};

/// A run of one book among the events of a frame.
struct BookPart {
  MarketId market = domain::no<MarketId>;
  bool is_snapshot = false;
  std::size_t first = 0, last = 0;  ///< events [first, last) of the output
};

/// What a frame was, beside its events. Reused: after the first few frames it does not allocate.
struct Message {
  Channel channel = Channel::none;
  bool has_sequence = false;
  std::uint64_t sequence = 0;
  domain::Timestamp venue_time;
  std::vector<BookPart> books;         ///< l2_data
  bool is_trade_snapshot = false;      ///< market_trades: from before the subscription
  std::vector<OrderRow> orders;        ///< user
  bool has_user_snapshot = false;      ///< user
  std::vector<CandleRow> candles;      ///< candles
  std::vector<StatusRow> products;     ///< status
  std::uint32_t subscribed = 0;        ///< subscriptions: one bit a Channel, as `bit` says
  std::uint64_t heartbeat = 0;         ///< heartbeats: the counter
  std::string_view text;               ///< error: the venue's words; unknown: the channel's name
  std::uint32_t unknown_products = 0;  ///< rows left out: not our instruments
  std::uint32_t unknown_words = 0;     ///< enumerators newer than this program
  std::uint32_t levels_cut = 0;        ///< of snapshots deeper than `max_levels`
  std::vector<domain::BookLevel> bids, asks;  ///< the decoder's own, to be reused

  static constexpr std::uint32_t bit(Channel channel) {
    return std::uint32_t{1} << static_cast<unsigned>(channel);
  }
  void clear();
};

/// One frame of either server. Appends:
/// - l2_data: for each event a BookReset (of a snapshot) and one run of BookLevels, which bear the
///   first of the instruments that share the book; `message.books` says which events are whose;
/// - market_trades: a Trade each, oldest first. The venue's `side` is the maker's, so the aggressor
///   is the other one. Instrument as above;
/// - ticker: a Quote each, unless the four fields are missing (ticker_batch). Instrument as above;
/// - nothing for the other kinds: `message` holds what they say.
/// `message.channel` and `message.sequence` are read first, and stand after an error too, if they
/// could be read.
DecodeError decode(const Frame& frame, const Symbols& symbols, const Identity& identity,
                   std::size_t max_levels, Scratch& scratch, std::vector<domain::Event>& events,
                   Message& message);

/// What an OrderRow says, in the engine's words. An `OrderWord::unknown` has none: nothing is
/// said, and the caller asks.
bool report_of(const OrderRow& row, domain::Source source, domain::OrderReport& out);

// ---- REST bodies (sections 6, 7, 10 and 11) -----------------------------------------------------

/// What came with a page of rows; RestAnswer::extra of the list decoders.
struct Page {
  std::string cursor;                  ///< of the next page; empty: this was the last one
  std::uint32_t count = 0;             ///< rows of the venue, taken or not
  std::uint32_t unknown_products = 0;  ///< rows left out: not our instruments
  std::uint32_t unknown_assets = 0;
  std::uint32_t unknown_words = 0;
  std::string unknown_asset;         ///< the last of them
  domain::Timestamp oldest;          ///< of the rows: created (orders) or traded (fills)
  std::vector<OrderRow> unresolved;  ///< orders of ours with a status that says nothing; no views
};

/// What every body is decoded with. Lives as long as a request under way.
struct RestContext {
  const Symbols* symbols = nullptr;
  Identity identity;
};

/// GET orders/historical/batch, or orders/historical/{id}: Page, and an OrderReport event for each
/// row of ours (`source`), with the client id of an external order, or the venue's words, as the
/// remark. A row whose status says nothing has no event, and is in `Page::unresolved`.
DecodeError decode_orders(std::string_view body, const RestContext& context, domain::Source source,
                          Scratch& scratch, RestAnswer& answer);

/// GET orders/historical/fills: Page, and for each row an Execution, Source::trade_record, in the
/// venue's order. A size in quote currency is divided by the price. REVERSAL and CORRECTION are
/// TradeCorrected; other kinds that are none we know are left out and counted in unknown_words.
DecodeError decode_fills(std::string_view body, const RestContext& context, Scratch& scratch,
                         RestAnswer& answer);

/// GET accounts: Page, and a Balance for each asset that has an id.
DecodeError decode_accounts(std::string_view body, const RestContext& context, Scratch& scratch,
                            RestAnswer& answer);

/// GET products, or one product: InstrumentRules for each of ours. A product whose rules cannot be
/// represented, or that shares another book than we think, is named in answer.error.
DecodeError decode_products(std::string_view body, const RestContext& context, Scratch& scratch,
                            RestAnswer& answer);

/// GET time: answer.server_time_ms.
DecodeError decode_time(std::string_view body, Scratch& scratch, RestAnswer& answer);

/// GET key_permissions: answer.numbers "can_view", "can_trade", "can_transfer", 0 or 1.
DecodeError decode_permissions(std::string_view body, Scratch& scratch, RestAnswer& answer);

/// GET product_book: one run of BookLevels; for tools, the book itself comes by WebSocket.
DecodeError decode_product_book(std::string_view body, const RestContext& context, Scratch& scratch,
                                RestAnswer& answer);
/// GET products/{id}/ticker: Trades, oldest first, and the Quote without quantities.
DecodeError decode_recent_trades(std::string_view body, const RestContext& context,
                                 Scratch& scratch, RestAnswer& answer);
/// GET products/{id}/candles: rows as they come, newest first.
DecodeError decode_candles(std::string_view body, Scratch& scratch, std::vector<CandleRow>& rows);

/// POST orders, orders/edit and orders/batch_cancel. HTTP 200 does not mean success (section 6).
struct OrderAnswer {
  bool success = false;
  domain::ForeignId venue_order;  ///< of a success
  std::string reason;             ///< of a failure: the first code that says something
  std::string words;              ///< of a failure: the venue's text, if any
};
DecodeError decode_create(std::string_view body, Scratch& scratch, OrderAnswer& answer);
DecodeError decode_edit(std::string_view body, Scratch& scratch, OrderAnswer& answer);
/// One row an id, in the venue's order; `venue_order` is set in failures too.
DecodeError decode_cancel(std::string_view body, Scratch& scratch,
                          std::vector<OrderAnswer>& answers);
/// POST orders/preview: what the order would cost, or why it would be refused.
struct PreviewAnswer {
  std::vector<std::string> errors;
  domain::Money total, commission;
  domain::Quantity quantity;
  std::string preview_id;
};
DecodeError decode_preview(std::string_view body, Scratch& scratch, PreviewAnswer& answer);

/// A body whose status is not 2xx: the code (or the HTTP status' own word) and the text, in either
/// of the shapes of section 6; plain text is taken as it is.
struct ErrorAnswer {
  std::string code, words;
};
void decode_error(std::string_view body, Scratch& scratch, ErrorAnswer& answer);

}  // namespace halcyon::gateways::coinbase
