#pragma once

#include <array>
#include <cstdint>
#include <type_traits>
#include <variant>

#include "domain/decimal.h"
#include "domain/ids.h"
#include "domain/instrument.h"
#include "domain/order.h"
#include "domain/reason.h"
#include "domain/time.h"

namespace halcyon::domain {

// ---- Market data: the market lane. Not journaled. ----------------------------------------------

enum class Aggressor : std::uint8_t { unknown, buyer, seller };

/// One public trade, as the venue printed it.
struct Trade {
  Price price;
  Quantity quantity;
  std::uint64_t venue_id = 0;  ///< Binance "t"
  /// Who took liquidity. Binance "m" true: seller.
  Aggressor aggressor = Aggressor::unknown;
};

/// The best bid and ask. Conflated to the newest per instrument when the engine is behind.
struct Quote {
  Price bid, ask;
  Quantity bid_quantity, ask_quantity;
  std::uint64_t update_id = 0;  ///< Binance "u"
};

/// The book is emptied; a run of levels that makes it whole follows.
struct BookReset {};

/// No price of this book may be used until the next BookReset.
struct BookInvalid {
  Reason reason = Reason::none;
};

struct BookLevel {
  Price price;
  Quantity quantity;  ///< absolute; zero deletes the level
};

/// Part of one venue update. A run (`last` closes it) is applied by the engine as it comes and
/// pushed to the lane whole or not at all. Bids before asks.
struct BookLevels {
  static constexpr std::size_t capacity = 5;
  std::uint64_t update_id = 0;  ///< the update id that the book has after the run; Binance "u"
  std::uint8_t count = 0;       ///< levels used, 0 to `capacity`
  std::uint8_t bids = 0;        ///< the first `bids` levels are bids, the rest asks
  bool last = true;
  std::array<BookLevel, capacity> levels;
};

/// A candle, or a part of one, as the venue tells it: one of the past, asked for at the start so
/// that strategies begin warm, or one that has just closed. The bars of a series come oldest first.
struct Bar {
  Timestamp open_time, close_time;  ///< `close_time` is exclusive
  Price open, high, low, close;
  Quantity volume;
  std::uint32_t trades = 0;
  Timeframe timeframe;  ///< of the series; where the venue has no such bars, smaller ones make them
  bool is_history = false;
};

/// The past of one series has been told, as far as the venue gave it. Maybe nothing.
struct HistoryEnd {
  Timeframe timeframe;
};

/// The lane lost trades of this instrument: its open candle is incomplete.
struct TradesLost {
  std::uint32_t count = 0;
};

// ---- Orders and account: the order lane. Never dropped, always journaled. -----------------------

/// What the venue says an order's state is.
enum class VenueOrderStatus : std::uint8_t {
  pending,  ///< accepted, not on the book (a list's waiting leg)
  working,
  partially_filled,
  filled,
  canceled,
  expired,
  rejected,
};

/// A statement of the venue about one order: from the private stream, an answer, or a list.
struct OrderReport {
  OrderId order;  ///< ours; none for an external order (its client id is the remark)
  ForeignId venue_order;
  Quantity quantity;   ///< original
  Quantity filled;     ///< cumulative
  Money filled_quote;  ///< cumulative; negative: the venue does not know
  Price limit_price, stop_price;
  std::uint64_t venue_sequence = 0;
  Side side = Side::buy;
  OrderType type = OrderType::limit;
  TimeInForce time_in_force = TimeInForce::gtc;
  VenueOrderStatus status = VenueOrderStatus::working;
  Source source = Source::private_stream;
  Reason reason = Reason::none;  ///< of canceled, expired, rejected
};

/// One execution of an order of the account: the only thing that is booked.
struct Execution {
  OrderId order;  ///< ours; none for an external order
  ForeignId venue_order;
  ForeignId trade;  ///< with account and instrument, the key: applied once
  Price price;
  Quantity quantity;
  Money quote_amount;  ///< as the venue named it; else price x quantity
  /// The order's after this execution; zero: not said. Without a `trade` it is all the venue gives:
  /// booked as provisional, and replaced by the executions of a fills answer.
  Quantity cumulative;
  Money fee;  ///< positive: paid; negative: rebate
  std::uint64_t venue_sequence = 0;
  AssetId fee_asset = no<AssetId>;  ///< none: no fee
  Side side = Side::buy;
  Liquidity liquidity = Liquidity::unknown;
  Source source = Source::private_stream;
};

/// The venue takes a trade back, or says it anew.
struct TradeCorrected {
  OrderId order;  ///< ours; none for an external order
  ForeignId venue_order;
  ForeignId trade;      ///< as it was booked
  bool is_bust = true;  ///< it never was; else the members below replace it
  Price price;
  Quantity quantity;
  Money quote_amount;
  Source source = Source::private_stream;
};

/// The venue's absolute word about one asset of the account.
struct Balance {
  Money free, locked;
  AssetId asset = no<AssetId>;
  Source source = Source::private_stream;
};

/// Money that came or went without a trade (deposit, withdrawal, transfer); information only, an
/// absolute Balance says what is there. Binance "balanceUpdate".
struct ExternalFlow {
  Money amount;  ///< signed
  AssetId asset = no<AssetId>;
};

/// What became of a request, as far as the gateway knows.
enum class Outcome : std::uint8_t {
  sent,          ///< handed to the socket
  not_sent,      ///< certain: the venue has never seen it
  acknowledged,  ///< the venue took it
  refused,       ///< the venue refused it, with evidence
  unknown,       ///< no answer, or an answer that does not say
};

/// The fate of a place, cancel or replace request. The venue's words are the remark.
struct RequestOutcome {
  RequestId request;
  OrderId order;
  ForeignId venue_order;  ///< when acknowledged and told
  RequestKind kind = RequestKind::place;
  Outcome outcome = Outcome::unknown;
  Reason reason = Reason::none;
  std::int32_t venue_code = 0;  ///< the venue's error number; Binance "code"
};

enum class QueryKind : std::uint8_t {
  order_status,
  open_orders,
  fills_since,
  balances,
  resync_book,
  subscribe,    ///< to the public data of the instrument; answered by that data
  unsubscribe,  ///< no more of it
};
/// Asked of a venue's market session; the others of an account's order session.
constexpr bool is_about_market(QueryKind kind) { return kind >= QueryKind::resync_book; }

/// Answers to a VenueRequest are framed: begin, rows (OrderReport, Execution, Balance with a query
/// source), end. Nothing may be concluded from a list whose end is not `complete`.
struct AnswerBegin {
  RequestId request;
  QueryKind kind = QueryKind::order_status;
};

enum class Completeness : std::uint8_t { complete, partial };

struct AnswerEnd {
  RequestId request;
  QueryKind kind = QueryKind::order_status;
  Completeness completeness = Completeness::partial;
  bool not_found = false;  ///< order_status only: the venue says "no such order"
  Reason reason = Reason::none;
};

enum class StreamKind : std::uint8_t {
  market,  ///< public data of a venue
  orders,  ///< the order path and the private stream of an account
};
/// `silent`: was ready, and the venue has given no sign of life for longer than it does, pings
/// included. The line may be dead; `ready` or `down` follows. Append at the end.
enum class StreamState : std::uint8_t { down, connecting, ready, silent };

/// A session changed its state. `ready` for orders: logged on and the private stream confirmed.
/// Everything that follows `ready` on this lane was received after it.
struct StreamChanged {
  StreamKind stream = StreamKind::market;
  StreamState state = StreamState::down;
  Reason reason = Reason::none;
};

/// The venue's clock against ours, measured. Positive: the venue is ahead.
struct ClockOffset {
  Duration offset{};
  Duration round_trip{};
};

// ---- Control: the control lane. Always journaled, but for Time. ---------------------------------

/// Engine time has come to `received`. Injected by the loop when a deadline is due.
struct Time {};

/// The first event of every start.
struct Started {
  std::uint32_t epoch = 0;  ///< seconds since the Unix epoch; above every earlier one
};

/// What the journal can take: `reserve`: only fills and cancels (the next segment cannot be had).
enum class JournalRoom : std::uint8_t { open, reserve };
struct JournalRoomChanged {
  JournalRoom room = JournalRoom::open;
};

enum class TradingState : std::uint8_t { active, reducing, halted };

/// Which part of the daemon a command is about: everything, one account, or one strategy.
struct Scope {
  AccountId account = no<AccountId>;
  StrategyId strategy = no<StrategyId>;
  friend constexpr bool operator==(const Scope&, const Scope&) = default;
};

/// The remark is the operator's reason.
struct SetTradingState {
  Scope scope;
  TradingState state = TradingState::halted;
  InstrumentId instrument =
      no<InstrumentId>;  ///< this instrument in all accounts; `scope` is empty
};
struct CancelOrder {
  OrderId order;
};
enum class CancelReach : std::uint8_t {
  ours,        ///< what this journal has made
  our_name,    ///< and what bears our daemon's name, made before a data directory was lost
  everything,  ///< and what others have made
};
struct CancelAll {
  Scope scope;
  InstrumentId instrument = no<InstrumentId>;  ///< none: all
  CancelReach reach = CancelReach::ours;
};
/// A clean stop: no new orders from here on; `cancel_open` also cancels what works.
struct PrepareStop {
  bool cancel_open = false;
};
/// An operator's order. `take_profit` and `stop_loss` make it a bracket: two children that end each
/// other, for what it has filled; zero: without. Both together with `reduce_only`, a limit order
/// without a price: no entry, but two exits of what is held that end each other (OCO); the answer
/// names the stop.
struct SubmitOrder {
  AccountId account = no<AccountId>;
  StrategyId strategy = no<StrategyId>;  ///< whose position it changes; none: the operator's own
  InstrumentId instrument = no<InstrumentId>;
  Side side = Side::buy;
  OrderType type = OrderType::limit;
  TimeInForce time_in_force = TimeInForce::gtc;
  SelfTradeMode self_trade = SelfTradeMode::venue_default;
  bool post_only = false;
  bool reduce_only = false;
  bool is_emulated = false;
  std::int32_t trailing_bps = 0;
  Quantity quantity;
  Price limit_price, stop_price, trailing_offset;
  Price take_profit, stop_loss;
  Timestamp expires = never;
};
/// Zero leaves a member as it is.
struct AmendOrder {
  OrderId order;
  Terms terms;
};
/// What an operator has found out about an order whose fate is unknown: it has ended, with so much
/// filled. Evidence like any other; the remark is the reason.
struct ResolveOrder {
  OrderId order;
  VenueOrderStatus status = VenueOrderStatus::canceled;
};
/// Cancels what is open in the scope, then closes its positions at the market, reduce-only.
struct Flatten {
  Scope scope;
  InstrumentId instrument = no<InstrumentId>;  ///< none: all
};
/// Compare the account with the venue now.
struct Reconcile {
  AccountId account = no<AccountId>;  ///< none: all
};
/// Everything halts and what is open is cancelled. The latch survives restarts and ends only by
/// ReleaseKillSwitch.
struct KillSwitch {
  bool flatten = false;
};
struct ReleaseKillSwitch {};
struct PauseStrategy {
  StrategyId strategy = no<StrategyId>;
  bool paused = true;
};

/// What a limit binds: the daemon, an account, a strategy, or an instrument.
enum class LimitLevel : std::uint8_t { daemon, account, strategy, instrument };
/// Spelled as in [risk]. Journals hold the number: append at the end.
enum class LimitKey : std::uint8_t {
  max_order_notional,
  max_position_notional,
  max_open_orders,
  max_orders_per_second,
  price_collar_pct,
  max_reference_age,
  max_daily_loss,
  max_drawdown_pct,
  max_leverage,
  max_order_quantity,
  max_gross_notional,
  max_net_notional,
  max_messages_per_minute,
  max_loss_per_trade,
  max_consecutive_losses,
  duplicate_window,
  max_clock_offset,
  max_agent_order_notional,
  exit_margin_pct,
  fee_reserve_pct,
};
/// One limit, at one level. `value`: money, percent, or a count as it is written; seconds for a
/// duration.
struct SetLimit {
  LimitLevel level = LimitLevel::daemon;
  LimitKey key = LimitKey::max_order_notional;
  std::uint32_t id = 0;  ///< AccountId, StrategyId or InstrumentId, as `level` says
  bool is_set = true;    ///< false: the configuration's word counts again
  Money value;
};
struct AcceptAdjustment {
  std::uint64_t number = 0;
};
/// Whether the public data of a configured instrument is listened to; until the next start.
struct Listen {
  InstrumentId instrument = no<InstrumentId>;
  bool listens = true;
};
/// Sealed secrets take their place, all of them in one frame. The remark: a line for each, as
/// domain/credential.h prints it, then the reason.
struct PutCredentials {
  std::uint32_t count = 0;
};

/// A command of the admin socket, a signal, or the daemon itself. Its answer is a CommandAnswered
/// record with the same token.
struct Command {
  std::uint64_t token = 0;  ///< given by who asks; unique within an epoch
  UserId user = daemon_user;
  std::variant<SetTradingState, CancelOrder, CancelAll, PrepareStop, SubmitOrder, AmendOrder,
               ResolveOrder, Flatten, Reconcile, KillSwitch, ReleaseKillSwitch, PauseStrategy,
               SetLimit, AcceptAdjustment, Listen, PutCredentials>
      what;
};

// ---- The event ----------------------------------------------------------------------------------

/// Anything that can reach the engine. A value of fixed size: it crosses threads by copy. Text
/// (reject reasons, foreign ids) travels beside it as a remark.
struct Event {
  std::uint64_t sequence = 0;  ///< given when it leaves the inbox; the journal's order
  Timestamp venue_time;        ///< the venue's clock; may step back a little; epoch: none given
  Timestamp received;          ///< our clock, at the last byte of the frame
  InstrumentId instrument = no<InstrumentId>;
  AccountId account = no<AccountId>;
  VenueId venue = no<VenueId>;
  std::uint32_t remark = 0;  ///< the number of the remark that belongs to it; 0: none

  using What = std::variant<Time, Trade, Quote, BookReset, BookLevels, BookInvalid, TradesLost,
                            OrderReport, Execution, Balance, ExternalFlow, RequestOutcome,
                            AnswerBegin, AnswerEnd, StreamChanged, ClockOffset, InstrumentRules,
                            Started, Command, JournalRoomChanged, TradeCorrected, Bar, HistoryEnd>;
  What what;
};
static_assert(std::is_trivially_copyable_v<Event>);
static_assert(sizeof(Event) <= 192, "three cache lines; run bench/lane_bench before it grows");

/// Market data and time are inputs that the journal does not hold unless they decide something.
constexpr bool is_market(const Event& event) {
  return event.what.index() <= 6 || std::holds_alternative<Bar>(event.what) ||
         std::holds_alternative<HistoryEnd>(event.what);
}
static_assert(std::is_same_v<std::variant_alternative_t<6, Event::What>, TradesLost>);

/// Text beside an event. `number` counts up per writer; what a gateway says is cut at `capacity`.
struct Remark {
  static constexpr std::size_t capacity = 240;
  std::uint32_t number = 0;
  std::uint16_t length = 0;
  std::array<char, capacity> text;
};
static_assert(std::is_trivially_copyable_v<Remark>);

}  // namespace halcyon::domain
