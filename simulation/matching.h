#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "domain/order.h"
#include "simulation/tape.h"

namespace halcyon::simulation {

using domain::Money;
using domain::OrderType;
using domain::Side;
using domain::TimeInForce;

// Dense ids of this exchange, in the order of definition.
enum class AccountIndex : std::uint32_t {};
enum class AssetIndex : std::uint32_t {};
enum class MarketIndex : std::uint32_t {};

/// A rate (of commission) as a count of 10^-9 parts: 0.1 % is 1'000'000.
using Rate = std::int64_t;

/// Amounts and commissions at the venue have this many decimals; commissions are cut, not rounded.
inline constexpr int venue_decimals = 8;

/// What an account pays for a trade. The commission comes out of what the trade brings in, or out
/// of the quote currency, or of a third asset at a fixed price; where the account has too little of
/// that, out of what the trade brings in.
struct Fees {
  enum class Payment : std::uint8_t { received, quote, other };
  Rate maker = 0;
  Rate taker = 0;
  Payment payment = Payment::received;
  AssetIndex other{};  ///< the third asset
  Price other_price;   ///< quote currency for one unit of it; positive
};

struct Balance {
  Money free;
  Money locked;
  friend bool operator==(const Balance&, const Balance&) = default;
};

/// What happens when an account would trade with itself; the newer order's wish decides.
/// `transfer` needs two accounts that both ask for it; within one account it is `decrement`.
enum class SelfTrade : std::uint8_t {
  none,
  expire_taker,
  expire_maker,
  expire_both,
  decrement,
  transfer,
};

enum class OrderStatus : std::uint8_t {
  pending,  ///< of a list: waits for the working order to be filled
  accepted,
  partially_filled,
  filled,
  canceled,
  expired,
  expired_in_match,
};
constexpr bool is_open(OrderStatus status) { return status <= OrderStatus::partially_filled; }

/// Why an order ended without being filled or canceled by its owner.
enum class Expiry : std::uint8_t {
  none,
  unfilled_ioc_quantity,
  unfilled_fok_order,
  insufficient_liquidity,
  canceled_by_exchange,
  oco_trigger,            ///< the other leg was filled or triggered
  oto_phase_one_expired,  ///< the working order ended without being filled
  rejected,               ///< a pending leg whose turn came could not be placed
};

/// Waits for the market's last price to reach a stop price, or to turn by a distance.
constexpr bool is_conditional(OrderType type) {
  return type == OrderType::stop || type == OrderType::stop_limit ||
         type == OrderType::take_profit || type == OrderType::take_profit_limit;
}
/// Has a limit price, so that what it may cost is known and locked.
constexpr bool is_limited(OrderType type) {
  return type == OrderType::limit || type == OrderType::stop_limit ||
         type == OrderType::take_profit_limit;
}

struct OrderRequest {
  AccountIndex account{};
  MarketIndex market{};
  Side side = Side::buy;
  OrderType type = OrderType::market;  ///< all but trailing_stop, which is a stop with a distance
  TimeInForce time_in_force = TimeInForce::gtc;
  bool post_only = false;
  SelfTrade self_trade = SelfTrade::none;
  Price price;           ///< of a limit order
  Quantity quantity;     ///< positive, or zero where `quote_quantity` says the size
  Money quote_quantity;  ///< of a market order: how much quote currency to spend or to receive
  Price stop_price;      ///< of a conditional order; zero where it only trails
  std::int32_t trailing_delta = 0;  ///< basis points that the price must turn; 0: does not trail
  Quantity iceberg;                 ///< how much of it is shown; zero: all. Matching ignores it
  std::string client_id;
};

struct Order {
  std::uint64_t id = 0;
  OrderRequest asked;
  OrderStatus status = OrderStatus::accepted;
  Expiry expiry = Expiry::none;
  Quantity quantity;  ///< the original one; of an order by quote amount, what that turned out to be
  Quantity executed;
  Quantity prevented;  ///< taken off by self-trade prevention
  Money quote_executed;
  Money locked;            ///< of the quote currency for a buy, of the base for a sell
  Quantity ahead;          ///< outside quantity that stands before it at its price
  bool rested = false;     ///< was on the book at some time
  bool triggered = false;  ///< the condition of a conditional order came true
  bool trails = false;     ///< its stop price was reached: from here on `extreme` counts
  Price extreme;           ///< the highest (sell) or lowest (buy) last price since it trails
  std::uint64_t list = 0;  ///< of which list; 0: none
  std::uint32_t amends = 0;
  Timestamp trailing_since{};
  Timestamp working{};  ///< when it could first be matched; epoch: not yet
  Timestamp created{};
  Timestamp updated{};

  /// Zero for an ended order.
  Quantity remaining() const {
    return is_open(status) ? quantity - executed - prevented : Quantity{};
  }
};

struct Fill {
  std::uint64_t trade_id = 0;
  Price price;
  Quantity quantity;
  Money quote;  ///< price x quantity
  Money commission;
  AssetIndex commission_asset{};
  bool maker = false;
};

/// One of an account's own trades, as the exchange remembers it.
struct OwnTrade {
  AccountIndex account{};
  MarketIndex market{};
  std::uint64_t order_id = 0;
  std::uint64_t execution_id = 0;
  Side side = Side::buy;
  Fill fill;
  Timestamp time{};
};

/// Orders that belong together. OCO: two legs, one of which ends when the other is filled or
/// triggered. OTO: a working order, and one or two (then an OCO) that wait until it is filled.
enum class Contingency : std::uint8_t { oco, oto };
struct OrderList {
  std::uint64_t id = 0;
  AccountIndex account{};
  MarketIndex market{};
  Contingency contingency = Contingency::oco;
  std::string client_id;
  std::vector<std::uint64_t> orders;  ///< of an OTO: the working one first
  bool started = false;               ///< the legs that waited are on their way
  bool done = false;
  std::string cancel_id;  ///< of the request that canceled it
  Timestamp created{};
  Timestamp updated{};
};

struct ListRequest {
  Contingency contingency = Contingency::oco;
  std::string client_id;
  std::vector<OrderRequest> orders;  ///< as in OrderList: two of one side for an OCO
};

enum class ReportKind : std::uint8_t {
  accepted,
  trade,
  canceled,
  expired,
  prevented,
  replaced,      ///< amended: `cancel_id` is the client id that it had
  list_changed,  ///< nothing happened to `order`, which only says whose list it is
};
enum class ListStep : std::uint8_t { started, updated, all_done };

/// Something that happened to an order: the order and the account's touched balances as they were
/// right after it.
struct Report {
  struct Changed {
    AssetIndex asset{};
    Balance balance;
  };
  ReportKind kind = ReportKind::accepted;
  std::uint64_t execution_id = 0;  ///< rises within a market
  Timestamp time{};
  Order order;
  std::optional<Fill> fill;  ///< of a trade
  Quantity prevented;        ///< of `prevented`: how much this time
  std::string cancel_id;     ///< of `canceled`: the id of the cancel request
  std::vector<Changed> balances;
  Quantity amended_from;          ///< of `replaced`: the quantity before
  std::optional<OrderList> list;  ///< of `list_changed`
  ListStep step = ListStep::started;
};
using Reports = std::vector<Report>;

enum class Refused : std::uint8_t {
  insufficient_balance,
  duplicate_client_id,
  would_take,
  unknown_order,
  too_many_orders,
  would_trigger,    ///< the stop price is on the wrong side of the market
  bad_list_prices,  ///< an OCO's legs do not enclose the market
  bad_amend,        ///< not less than what the order has now
};

/// What can be traded here.
struct Market {
  std::string symbol;
  AssetIndex base{};
  AssetIndex quote{};
  Quantity step;  ///< orders by quote amount are rounded down to this; positive
  /// Own trades take ids from here on; far above what a recording holds, so that they never clash.
  std::uint64_t first_trade_id = 1'000'000'000'000;
};

/// The exchange itself: books of outside liquidity (a recording's), the accounts' orders, and their
/// balances. Pure: no socket, no clock, no random source; equal calls give equal reports.
///
/// How orders meet the outside book:
/// - A taking order walks the levels from the best price. What it takes from a level is remembered,
///   and is not there for the next one until the outside changes that level. The published book
///   does not show it. At one price, outside liquidity comes before the accounts' resting orders,
///   which are served in order of arrival.
/// - A resting order stands behind the outside quantity displayed at its price when it came
///   (`ahead`). An outside trade at its price by a taker from the other side first uses that up,
///   then fills the order; a level that shrinks below `ahead` cuts it. A trade through its price
///   fills it without a queue. No trade fills more than its own quantity, over all orders.
/// - When the outside book crosses a resting order, the order is filled at its own price, up to
///   what is displayed.
/// - A conditional order waits for the last price (of any trade, own ones too; before the first
///   trade the middle of the book), looked at after each call. One without a limit price locks
///   nothing while it waits and then goes as far as the free balance does.
class Exchange {
 public:
  /// Beyond this many orders in its life the exchange takes no more.
  static constexpr std::size_t max_orders = 4'000'000;
  static constexpr std::uint64_t first_order_id = 10'000'000'001;
  static constexpr std::uint64_t first_list_id = 1'000'001;

  AssetIndex asset(std::string_view name);  ///< defines it at first sight
  const std::string& name_of(AssetIndex asset) const;
  AccountIndex add_account(Fees fees);
  MarketIndex add_market(Market market);
  const Market& market(MarketIndex index) const;
  std::size_t market_count() const { return books_.size(); }

  /// Outside money in (or out, where negative and covered). False where it is not covered.
  bool deposit(AccountIndex account, AssetIndex asset, Money amount);
  Balance balance(AccountIndex account, AssetIndex asset) const;
  std::size_t asset_count() const { return assets_.size(); }
  const Fees& fees(AccountIndex account) const;

  /// Outside levels, absolute. Appends what this fills.
  void apply_levels(MarketIndex market, std::span<const Level> bids, std::span<const Level> asks,
                    Timestamp now, Reports& reports);
  /// An outside trade. `taker` is the side that took liquidity.
  void outside_trade(MarketIndex market, Side taker, Price price, Quantity quantity, Timestamp now,
                     Reports& reports);
  /// The outside book as published, best first, at most `limit` levels of the side.
  std::vector<Level> outside(MarketIndex market, Side side, std::size_t limit) const;
  std::optional<Level> best_outside(MarketIndex market, Side side) const;

  /// Takes an order and matches it. The id of the order, or why not (then nothing has changed).
  std::variant<std::uint64_t, Refused> place(const OrderRequest& request, Timestamp now,
                                             Reports& reports);
  /// Whether `place` would refuse it now.
  std::optional<Refused> check(const OrderRequest& request) const;
  std::optional<Refused> cancel(std::uint64_t order_id, std::string_view cancel_id, Timestamp now,
                                Reports& reports);
  /// Takes a list, all or nothing.
  std::variant<std::uint64_t, Refused> place_list(const ListRequest& request, Timestamp now,
                                                  Reports& reports);
  /// Makes an open order smaller; it keeps its id and place. Down to what is executed already, it
  /// expires. `client_id` becomes its client id.
  std::optional<Refused> amend(std::uint64_t order_id, Quantity quantity,
                               std::string_view client_id, Timestamp now, Reports& reports);
  const OrderList* find_list(std::uint64_t list_id) const;
  /// The newest list of the account with this client id.
  const OrderList* find_list(AccountIndex account, std::string_view client_id) const;
  const std::deque<OrderList>& lists() const { return lists_; }
  /// Of the last trade; before the first one the middle of the outside book.
  Price last_price(MarketIndex market) const;
  /// Ends an order by the exchange's own will.
  std::optional<Refused> expire(std::uint64_t order_id, Timestamp now, Reports& reports);

  const Order* find(std::uint64_t order_id) const;
  /// The newest order of the account with this client id.
  const Order* find(AccountIndex account, std::string_view client_id) const;
  std::vector<const Order*> open_orders(AccountIndex account) const;  ///< oldest first
  std::size_t open_order_count(AccountIndex account, MarketIndex market) const;
  const std::deque<Order>& orders() const { return orders_; }
  const std::deque<OwnTrade>& trades() const { return trades_; }

 private:
  struct Outside {
    Quantity displayed;
    Quantity taken;  ///< by our own accounts since the outside last changed the level
    Quantity available() const { return displayed > taken ? displayed - taken : Quantity{}; }
  };
  /// Keyed so that the first entry of a side is its best price: by -price for bids.
  using Key = std::int64_t;
  struct BookSide {
    std::map<Key, Outside> outside;
    std::map<Key, std::deque<std::uint64_t>> resting;  ///< no entry is empty
  };
  struct Book {
    Market market;
    BookSide bids;
    BookSide asks;
    std::uint64_t next_trade_id = 0;
    std::uint64_t next_execution_id = 1;
    Price last_price;                    ///< zero before the first trade
    std::vector<std::uint64_t> waiting;  ///< conditional orders, oldest first
    BookSide& side(Side side) { return side == Side::buy ? bids : asks; }
    const BookSide& side(Side side) const { return side == Side::buy ? bids : asks; }
  };
  struct Account {
    Fees fees;
    std::map<AssetIndex, Balance> balances;
    std::unordered_map<std::string, std::uint64_t> client_ids;  ///< to the newest order
    std::map<std::uint64_t, MarketIndex> open;
  };

  static Key key(Side side, Price price);
  static Price price_at(Side side, Key key);
  Book& book(MarketIndex index) { return books_[static_cast<std::size_t>(index)]; }
  const Book& book(MarketIndex index) const { return books_[static_cast<std::size_t>(index)]; }
  Account& account(AccountIndex index) { return accounts_[static_cast<std::size_t>(index)]; }
  const Account& account(AccountIndex index) const {
    return accounts_[static_cast<std::size_t>(index)];
  }
  Order& order(std::uint64_t id) { return orders_[id - first_order_id]; }
  const Order& order(std::uint64_t id) const { return orders_[id - first_order_id]; }
  AssetIndex locked_asset(const Order& order) const;

  /// What an order would find now, without its own account's orders where these are kept apart.
  struct Offer {
    Quantity quantity;
    Money quote;
  };
  Offer offer(const OrderRequest& request) const;
  bool would_take(const OrderRequest& request) const;
  bool covered(const OrderRequest& request) const;

  /// Whether the stop price is reached by the last price already.
  bool would_trigger(const OrderRequest& request) const;
  Order& open(const OrderRequest& request, std::uint64_t list, Timestamp now);
  void lock(Order& order, Money amount);
  /// What an order that has a limit price may cost.
  static Money cost(const OrderRequest& request);
  /// Lets an accepted order wait for its price, or matches it.
  void start(Order& order, Timestamp now, Reports& reports);
  bool is_due(Order& order, Price last, Timestamp now) const;
  void trigger(Order& order, Timestamp now, Reports& reports);
  /// After every call: conditional orders whose price has come, and lists whose orders changed.
  void follow_up(MarketIndex market, Timestamp now, Reports& reports);
  void run_list(OrderList& list, Timestamp now, Reports& reports);
  /// Locks what orders of one side need of which one will be carried out. False: it is not there.
  bool lock_legs(const std::vector<std::uint64_t>& legs);
  /// Ends all orders of the list but `spared` (0: none).
  void end_list(OrderList& list, std::uint64_t spared, OrderStatus status, Expiry expiry,
                Timestamp now, Reports& reports);
  void report_list(OrderList& list, ListStep step, Timestamp now, Reports& reports);
  OrderList& list(std::uint64_t id) { return lists_[id - first_list_id]; }
  void touch(const Order& order) {
    if (order.list != 0) touched_.push_back(order.list);
  }

  void take(Order& taker, Timestamp now, Reports& reports);
  /// How much of `available` the taker wants and can pay at `price`.
  Quantity wanted(const Order& taker, Price price, Quantity available) const;
  /// False when the taker is to stop.
  bool prevent_self_trade(Order& taker, Order& maker, Timestamp now, Reports& reports);
  void settle(Order& order, std::uint64_t trade_id, Price price, Quantity quantity, bool maker,
              Timestamp now, Reports& reports);
  Money commission_of(const Order& order, const Fill& fill, AssetIndex& asset) const;
  void rest(Order& order);
  /// Takes the order off the book, gives the locked rest back and reports.
  void end(Order& order, OrderStatus status, Expiry expiry, ReportKind kind,
           std::string_view cancel_id, Timestamp now, Reports& reports);
  void remove_resting(const Order& order);
  void unlock(Order& order, Money amount);
  void report(const Order& order, ReportKind kind, Timestamp now, Reports& reports);
  void fill_crossed(MarketIndex market, Side resting, Timestamp now, Reports& reports);
  void match_outside(MarketIndex market, Side taker, Price price, Quantity quantity, Timestamp now,
                     Reports& reports);

  std::vector<std::string> assets_;
  std::deque<Account> accounts_;
  std::deque<Book> books_;
  std::deque<Order> orders_;
  std::deque<OwnTrade> trades_;
  std::deque<OrderList> lists_;
  std::vector<std::uint64_t> touched_;  ///< lists to be looked at
};

}  // namespace halcyon::simulation
