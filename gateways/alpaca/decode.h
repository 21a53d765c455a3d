#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domain/event.h"
#include "gateways/alpaca/symbols.h"
#include "gateways/decode.h"
#include "gateways/session.h"

namespace halcyon::gateways::alpaca {

// Bytes to events. Every function here is pure: no socket, no clock, no memory of earlier frames;
// on error nothing is appended. Every frame is read as JSON or as MessagePack, whichever it is,
// whatever its opcode. What the decoder does not read it does not judge: unknown keys and kinds are
// passed over. Section numbers are those of the protocol reference in docs/venues/alpaca.md.
//
// Texts in what is decoded are valid until the frame, or the scratch, is used again.

// ---- The market data stream (section 8) ---------------------------------------------------------

/// Channels as they are subscribed to.
enum class Channel : std::uint8_t {
  trades,
  quotes,
  bars,
  updated_bars,
  daily_bars,
  statuses,
  lulds,
  imbalances,
  corrections,    ///< comes with trades
  cancel_errors,  ///< likewise
  orderbooks,     ///< crypto
  unknown,        ///< "news", and what is newer than this program
};

/// One entry of the venue's word about what is subscribed.
struct Subscribed {
  Channel channel = Channel::unknown;
  /// none: every symbol ("*"). Symbols that are none of ours are counted as unknown instead.
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
};

/// An error frame. What to do about it: errors.h.
struct StreamError {
  std::int32_t code = 0;
  std::string_view words;
};

/// A run of one book among the events of a frame.
struct BookPart {
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  bool is_whole = false;            ///< "r": replaces what was known
  std::size_t first = 0, last = 0;  ///< events [first, last) of the output
};

enum class BarKind : std::uint8_t {
  minute,   ///< "b"
  updated,  ///< "u": replaces the minute bar of the same start, after late trades
  daily,    ///< "d": so far
};
struct BarRow {
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  BarKind kind = BarKind::minute;
  domain::Timestamp start;
  domain::Price open, high, low, close;
  domain::Quantity volume;
  std::uint32_t trades = 0;  ///< 0: none, or not told (crypto bars without trades are mid prices)
};

/// A stock's trading status. The codes differ from tape to tape.
struct StatusRow {
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  bool is_halted = false;
  bool is_known = false;  ///< the code is one that this program knows
  char tape = 0;          ///< 'A', 'B', 'C'; 0: not told
  domain::Timestamp at;
  std::string_view code, words, reason_code, reason;
};

/// Limit-up limit-down bands.
struct BandRow {
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  domain::Price up, down;
  char indicator = 0;
  domain::Timestamp at;
};

/// The venue takes a public trade back ("x"), or says it anew ("c").
struct TradeChange {
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  bool is_cancel = true;  ///< else `price`, `quantity` and `id` replace it
  char exchange = 0;
  char action = 0;  ///< of a cancel: 'C' cancelled, 'E' error
  std::uint64_t original_id = 0, id = 0;
  domain::Price original_price, price;
  domain::Quantity original_quantity, quantity;
  domain::Timestamp at;
};

struct ImbalanceRow {
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  domain::Price price;
  domain::Timestamp at;
};

/// What a frame said beside its events. Reused: after the first few frames it does not allocate.
struct Message {
  bool is_connected = false;      ///< the welcome
  bool is_authenticated = false;  ///< the answer to our key
  bool has_subscription = false;  ///< `subscribed` is the whole state
  std::vector<StreamError> errors;
  std::vector<Subscribed> subscribed;
  std::vector<BookPart> books;
  std::vector<BarRow> bars;
  std::vector<StatusRow> statuses;
  std::vector<BandRow> bands;
  std::vector<TradeChange> changes;
  std::vector<ImbalanceRow> imbalances;
  std::uint32_t unknown_symbols = 0;          ///< messages left out: not our instruments
  std::uint32_t unknown_kinds = 0;            ///< messages newer than this program, and news
  std::uint32_t one_sided_quotes = 0;         ///< left out: a side with neither price nor size
  std::vector<domain::BookLevel> bids, asks;  ///< the decoder's own, to be reused

  void clear();
};

/// A stock's sizes come in round lots, of 100 shares for most.
inline constexpr std::int64_t shares_in_round_lot = 100;

/// One frame of a stock or crypto feed. Appends, in the frame's order:
/// - a Trade for each "t": of stocks the id is unique for an exchange only, and nobody is the
///   aggressor;
/// - a Quote for each "q" that has both sides; a stock's sizes in shares;
/// - for each "o" a BookReset if it is whole, and one run of BookLevels; `message.books` says
/// which. Decimals beyond the ninth are rounded half to even: market data are floats at the venue.
DecodeError decode(const Frame& frame, const Symbols& symbols, Scratch& scratch,
                   std::vector<domain::Event>& events, Message& message);

// ---- Orders, as the stream and REST tell them (sections 3, 5 and 11) ----------------------------

/// Whose private messages these are, and how our client order ids begin.
struct Identity {
  domain::AccountId account = domain::no<domain::AccountId>;
  std::string prefix;  ///< "daemon-account-"
};

/// `status` of the order entity, spelled as the venue does but for `new`.
enum class OrderWord : std::uint8_t {
  none,
  accepted,
  pending_new,
  accepted_for_bidding,
  held,
  pending_review,
  new_order,  ///< "new"
  stopped,
  suspended,
  done_for_day,
  calculated,
  partially_filled,
  pending_cancel,
  pending_replace,
  filled,
  canceled,
  expired,
  rejected,
  replaced,
  unknown,  ///< newer than this program: ask
};

/// `time_in_force`. The engine has no word for the auctions.
enum class Tif : std::uint8_t { day, gtc, opg, cls, ioc, fok, unknown };
domain::TimeInForce engine_word(Tif tif);

struct OrderRow {
  domain::OrderId order;  ///< ours; none for an external one
  domain::ForeignId venue_order;
  domain::ForeignId replaces, replaced_by;                             ///< none: null
  domain::ForeignId parent;                                            ///< of a leg; none otherwise
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;  ///< none: not one of ours
  domain::Side side = domain::Side::buy;
  domain::OrderType type = domain::OrderType::limit;
  Tif time_in_force = Tif::gtc;
  OrderWord status = OrderWord::none;
  bool has_quantity = false;  ///< null for notional orders, to the very end
  bool extended_hours = false;
  domain::Quantity quantity;   ///< original
  domain::Quantity filled;     ///< cumulative, exact
  domain::Money notional;      ///< zero: an order by quantity
  domain::Money filled_value;  ///< average x filled, rounded
  domain::Price limit_price, stop_price;
  domain::Timestamp submitted, updated;
  std::string_view client_id;
  std::string_view symbol;
};

/// What an OrderRow says, in the engine's words. Nothing is said of a status that is unknown, nor
/// of `replaced`, which is the end of an id and not of the order: the caller follows `replaced_by`.
bool report_of(const OrderRow& row, domain::Source source, domain::OrderReport& out);

// ---- The account's stream (section 3) -----------------------------------------------------------

enum class UpdateKind : std::uint8_t {
  authorization,
  listening,
  trade_update,
  error,    ///< `words`; has no stream
  unknown,  ///< another stream, or a message newer than this program
};

/// `event` of a trade update, spelled as the venue does but for `new`.
enum class UpdateWord : std::uint8_t {
  none,
  accepted,
  pending_new,
  new_order,  ///< "new"
  partial_fill,
  fill,
  canceled,
  expired,
  done_for_day,
  replaced,
  rejected,
  stopped,
  suspended,
  pending_cancel,
  pending_replace,
  calculated,
  held,
  order_replace_rejected,
  order_cancel_rejected,
  restated,       ///< changed by hand at the broker: read it again
  trade_bust,     ///< `previous_execution` is void
  trade_correct,  ///< `previous_execution` got another price or quantity
  unknown,        ///< read the order over REST
};

/// What a frame of the stream was. Reused.
struct Update {
  UpdateKind kind = UpdateKind::unknown;
  bool is_authorized = false;  ///< authorization; false also answers a listen sent too early
  bool hears_updates = false;  ///< listening: trade_updates is in the set
  std::string_view words;      ///< error: the venue's; unknown: the stream or the event
  UpdateWord event = UpdateWord::none;
  OrderRow order;               ///< after the event
  std::vector<OrderRow> legs;   ///< of `order`
  domain::Timestamp at;         ///< of the event; epoch: not told
  domain::ForeignId execution;  ///< also on events that are none
  domain::ForeignId previous_execution;
  bool has_execution = false;  ///< fill and partial_fill with price and quantity
  domain::Price price;         ///< of this execution
  domain::Quantity quantity;   ///< of this execution, without its sign; exact
  bool has_position = false;
  domain::Quantity position;  ///< after it, signed, fees in coin already taken

  void clear();
};

/// One frame of `/stream`. The events are made by the three functions below, so that the session
/// decides what is heard twice.
DecodeError decode_update(const Frame& frame, const Symbols& symbols, const Identity& identity,
                          Scratch& scratch, Update& update);

/// The execution of a fill or partial fill with price and quantity. False: there is none, or the
/// instrument is not ours.
bool execution_of(const Update& update, domain::Execution& out);
/// The correction of a bust or a trade_correct. False: there is none, or it does not name the
/// execution that it is about; then the fills have to be asked for.
bool correction_of(const Update& update, domain::TradeCorrected& out);

}  // namespace halcyon::gateways::alpaca
