#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <variant>

#include "domain/event.h"
#include "domain/ids.h"
#include "domain/instrument.h"
#include "domain/order.h"

namespace halcyon::domain {

// Durable state changes only through records. A record carries the state after the change, not the
// difference: applying one is an assignment, the projector writes it as it stands, and a snapshot
// is the same records in fewer numbers. Text beside a record is noted where a kind has one.

/// What a dense id names. Text: the name ("BTC/USDT" for an instrument).
enum class NameKind : std::uint8_t { venue, asset, account, strategy, instrument, user };
struct Named {
  NameKind kind = NameKind::asset;
  std::uint32_t id = 0;
  VenueId venue = no<VenueId>;                      ///< of an account or instrument
  AssetId base = no<AssetId>, quote = no<AssetId>;  ///< of an instrument
  AssetClass asset_class = AssetClass::crypto;      ///< of an asset or instrument
};

enum class DefinitionKind : std::uint8_t { configuration, account, strategy, limits };
/// A definition took effect. Text: the definition, as TOML or JSON, without secrets.
struct Defined {
  DefinitionKind kind = DefinitionKind::configuration;
  std::uint32_t id = 0;  ///< account or strategy; 0 otherwise
  std::uint32_t version = 1;
  UserId user = daemon_user;
};

struct EpochStarted {
  std::uint32_t epoch = 0;
};

struct InstrumentChanged {
  InstrumentId instrument = no<InstrumentId>;
  InstrumentRules rules;
};

/// A new order exists, ours or an external one. Text: an external order's client id.
struct OrderOpened {
  NewOrder order;
};

/// An order's state after a change. Text: the venue's words, if any.
struct OrderChanged {
  OrderId order;
  ForeignId venue_order;
  OrderState state = OrderState::pending_submit;
  Reason reason = Reason::none;
  Quantity filled;     ///< sum of booked fills
  Money filled_quote;  ///< likewise
  Quantity reported;   ///< the greatest cumulative quantity the venue has named
  Evidence evidence;
};

/// A request's state after a change.
struct RequestChanged {
  RequestId request;
  OrderId order;
  RequestKind kind = RequestKind::place;
  RequestState state = RequestState::journaled;
  Reason reason = Reason::none;
  std::int32_t venue_code = 0;
  Timestamp valid_until = never;
  std::uint32_t version = 0;  ///< of an amend; 0 otherwise
};

/// The gate refused an order; nothing else happened. Amounts: what was asked and the limit, in
/// 10^-9 parts of whatever the reason counts.
struct OrderDenied {
  NewOrder order;
  Reason reason = Reason::none;
  Money limit, actual;
};

/// One execution, booked once.
struct FillBooked {
  std::uint64_t number = 0;  ///< counts the fills of this journal from 1
  OrderId order;
  ForeignId venue_order;
  ForeignId trade;
  AccountId account = no<AccountId>;
  StrategyId strategy = no<StrategyId>;
  InstrumentId instrument = no<InstrumentId>;
  Side side = Side::buy;
  Liquidity liquidity = Liquidity::unknown;
  Source source = Source::private_stream;
  bool late = false;  ///< the order had already ended, or is not ours any more
  AssetId fee_asset = no<AssetId>;
  Price price;
  Quantity quantity;
  Money quote_amount;
  Money fee;
  Timestamp venue_time;
  bool is_provisional = false;  ///< made of a cumulative quantity; the real ones will replace it
  Money fee_value;              ///< the fee in quote currency at the time of the fill
};

/// A position after a fill or an adjustment, per account, strategy and instrument.
struct PositionChanged {
  AccountId account = no<AccountId>;
  StrategyId strategy = no<StrategyId>;  ///< none: external
  InstrumentId instrument = no<InstrumentId>;
  Quantity quantity;    ///< signed; fees taken in the base asset are already off
  Price average_price;  ///< of what is held; zero when flat
  Money cost;           ///< what is held has cost, in quote currency; signed like `quantity`
  Money realized;       ///< profit of what was closed, in quote currency, before fees
  Money fees;           ///< all fees paid, valued in quote currency at the time of the fill
  std::uint64_t fills = 0;
  Money realized_fifo;  ///< like `realized`, with what was bought first sold first
};

/// The venue's word about one asset.
struct BalanceChanged {
  AccountId account = no<AccountId>;
  AssetId asset = no<AssetId>;
  Money free, locked;
  Timestamp venue_time;
};

/// What an account, or a strategy in it, is worth at a moment, in the reporting currency.
struct EquityMarked {
  AccountId account = no<AccountId>;
  StrategyId strategy = no<StrategyId>;  ///< none: the whole account
  Money equity;
  Money cash;
  Money realized, unrealized, fees;
  Money peak;            ///< the greatest equity so far
  Money drawdown;        ///< peak less equity, never negative
  Money day_start;       ///< realized + unrealized - fees when the trading day began
  std::int32_t day = 0;  ///< the trading day: days since 1970 at [risk].day_start
};

struct TradingStateChanged {
  Scope scope;
  TradingState state = TradingState::active;
  Reason reason = Reason::none;
  UserId user = daemon_user;
};

/// Whether an account may trade: its state was compared with the venue's since the last connect.
struct AccountReady {
  AccountId account = no<AccountId>;
  bool ready = false;
  Reason reason = Reason::none;
};

enum class DifferenceKind : std::uint8_t {
  missed_fill,      ///< the venue has an execution that we had not booked
  vanished_order,   ///< we believed in an open order; the venue says how it ended
  external_order,   ///< an open order at the venue that is not ours
  opening_balance,  ///< what the account held when we first saw it
  balance,          ///< a balance that our fills do not explain
};
/// Reconciliation found a difference. Text: in words.
struct DifferenceFound {
  DifferenceKind kind = DifferenceKind::missed_fill;
  AccountId account = no<AccountId>;
  InstrumentId instrument = no<InstrumentId>;
  AssetId asset = no<AssetId>;
  OrderId order;
  Quantity ours, theirs;
};

/// What a strategy must remember beyond its candles. The strategy alone knows the meaning.
struct StrategyMemory {
  static constexpr std::size_t capacity = 96;
  StrategyId strategy = no<StrategyId>;
  InstrumentId instrument = no<InstrumentId>;
  std::array<std::uint8_t, capacity> bytes{};
};

/// The terms of an order that was amended, and how far each amend has come. Versions count from 1;
/// 0 is the order as it was placed.
struct OrderAmended {
  OrderId order;
  std::uint32_t requested = 0;  ///< the last version that was asked for
  std::uint32_t accepted = 0;   ///< the last version that stands at the venue
  Terms asked;                  ///< of `requested`
  Terms now;                    ///< of `accepted`
};

/// What the engine knows of an order that waits for a price.
struct OrderArmed {
  OrderId order;
  Price stop_price;           ///< where it triggers now; zero: does not trail yet
  Price extreme;              ///< trailing: the best price since it trails
  bool is_triggered = false;  ///< its price has come
};

/// A booked fill does not count any more. The position after it follows as PositionChanged.
struct FillVoided {
  std::uint64_t number = 0;      ///< FillBooked::number
  std::uint64_t by = 0;          ///< the fill that replaces it; 0: none
  Reason reason = Reason::none;  ///< trade_busted, trade_corrected, provisional_replaced
  OrderId order;
  AccountId account = no<AccountId>;
  StrategyId strategy = no<StrategyId>;
  InstrumentId instrument = no<InstrumentId>;
};

/// Part of a position that one entry made, first in first out; zero quantity: closed.
struct LotChanged {
  std::uint64_t number = 0;  ///< counts the lots of this journal from 1
  AccountId account = no<AccountId>;
  StrategyId strategy = no<StrategyId>;
  InstrumentId instrument = no<InstrumentId>;
  Quantity quantity;       ///< what is left, signed
  Money cost;              ///< of what is left, in quote currency, signed like `quantity`
  Money fees;              ///< of what is left, in quote currency
  Timestamp opened;        ///< venue time of its fill
  std::uint64_t fill = 0;  ///< FillBooked::number of the fill that opened it
};

/// An entry was matched with an exit, first in first out.
struct RoundTripClosed {
  std::uint64_t number = 0;  ///< counts the round trips of this journal from 1
  std::uint64_t entry_lot = 0;
  std::uint64_t exit_fill = 0;  ///< FillBooked::number
  AccountId account = no<AccountId>;
  StrategyId strategy = no<StrategyId>;
  InstrumentId instrument = no<InstrumentId>;
  Side side = Side::buy;  ///< of the entry
  Quantity quantity;
  Money entry_amount, exit_amount;   ///< in quote currency, positive
  Money fees;                        ///< of both sides, in quote currency
  Money profit;                      ///< after fees, in quote currency
  Timestamp opened, closed;          ///< venue time
  std::int32_t losses_in_a_row = 0;  ///< of its account and strategy, this one included
};

/// What the venue holds and nothing explains. Waits for an operator, or for the setting that
/// accepts it.
struct AdjustmentChanged {
  std::uint64_t number = 0;  ///< counts the adjustments of this journal from 1
  AccountId account = no<AccountId>;
  AssetId asset = no<AssetId>;
  Money amount;  ///< signed: what the venue has more than we
  bool is_accepted = false;
  UserId user = daemon_user;  ///< who accepted it
  Timestamp found;            ///< engine time
};

/// A limit was set at run time, or given back to the configuration.
struct LimitChanged {
  SetLimit limit;
  UserId user = daemon_user;
};

struct StrategyPaused {
  StrategyId strategy = no<StrategyId>;
  bool paused = true;
  UserId user = daemon_user;
};

/// Money came or went without a trade.
struct FlowBooked {
  AccountId account = no<AccountId>;
  AssetId asset = no<AssetId>;
  Money amount;  ///< signed
  Timestamp venue_time;
};

/// How far the venue's word about an asset has moved beyond what fills and flows explain. In
/// snapshots only: in a journal it follows from the other records.
struct BalanceExplained {
  AccountId account = no<AccountId>;
  AssetId asset = no<AssetId>;
  Timestamp opened;   ///< venue time of the first word: fills until then are in it
  Money unexplained;  ///< signed
};

/// What an instrument that has a limit on losses has earned in all accounts, in the reporting
/// currency.
struct InstrumentMarked {
  InstrumentId instrument = no<InstrumentId>;
  Money profit;                      ///< realized + unrealized - fees
  Money peak;                        ///< the greatest profit since it is marked
  Money day_start;                   ///< profit when the trading day began
  std::int32_t day = 0;              ///< as in EquityMarked
  std::int32_t losses_in_a_row = 0;  ///< round trips
};

/// Whether an instrument may be traded, in any account: a latch like TradingStateChanged.
struct InstrumentStateChanged {
  InstrumentId instrument = no<InstrumentId>;
  TradingState state = TradingState::active;
  Reason reason = Reason::none;
  UserId user = daemon_user;
};

enum class Severity : std::uint8_t { info, warning, alarm };
enum class NoticeCode : std::uint8_t {
  started,
  stopping,
  account_reconciled,
  difference_found,
  fill_after_terminal,
  overfill,
  late_unmatched,
  second_owner,
  request_unknown,
  stream_down,
  trading_state_changed,
  unvalued_fee,
  account_lock_not_held,
  order_alive_after_end,
  adjustment_waiting,
  fill_voided,
  kill_switch,
  protection_missing,
  journal_room_changed,
};
/// Something a person should know. Text: the words.
struct NoticeRaised {
  Severity severity = Severity::info;
  NoticeCode code = NoticeCode::started;
  AccountId account = no<AccountId>;
  InstrumentId instrument = no<InstrumentId>;
  OrderId order;
};

/// The answer to a Command. Text: the words, when refused.
struct CommandAnswered {
  std::uint64_t token = 0;
  UserId user = daemon_user;
  bool accepted = false;
  Reason reason = Reason::none;
  std::uint32_t affected = 0;  ///< orders that a cancel command reached; secrets that were put
  OrderId order;               ///< that a submit made, or an amend's new leg
};

/// A secret was sealed and takes its place, by name and part. Text: domain/credential.h.
struct CredentialChanged {
  UserId user = daemon_user;
};

/// Append at the end: a journal holds the index. Removing one needs a reader for old journals.
using Record =
    std::variant<Named, Defined, EpochStarted, InstrumentChanged, OrderOpened, OrderChanged,
                 RequestChanged, OrderDenied, FillBooked, PositionChanged, BalanceChanged,
                 EquityMarked, TradingStateChanged, AccountReady, DifferenceFound, StrategyMemory,
                 NoticeRaised, CommandAnswered, OrderAmended, OrderArmed, FillVoided, LotChanged,
                 RoundTripClosed, AdjustmentChanged, LimitChanged, StrategyPaused, FlowBooked,
                 CredentialChanged, BalanceExplained, InstrumentMarked, InstrumentStateChanged>;
static_assert(std::is_trivially_copyable_v<Record>);

/// A record and its text. The text is valid as long as its maker says (an engine: until its next
/// event; a journal reader: until the next frame).
struct RecordEntry {
  Record record;
  std::string_view text;
};

}  // namespace halcyon::domain
