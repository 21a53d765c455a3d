#pragma once

// The inside of the Binance venue, for binance_*.cpp only.

#include <array>
#include <deque>
#include <map>
#include <random>
#include <unordered_map>
#include <variant>

#include <boost/json/value.hpp>

#include "simulation/bars.h"
#include "simulation/binance_json.h"
#include "simulation/binance_request.h"
#include "simulation/binance_venue.h"

namespace halcyon::simulation {

class BinanceCore final : public BinanceVenue {
 public:
  explicit BinanceCore(const BinanceSettings& settings);

  void add_listing(const SymbolRules& rules, Replay replay) override;
  void add_account(const AccountSettings& settings) override;

  std::optional<HttpAnswer> open(ConnectionId connection, std::string_view target, Timestamp now,
                                 Actions& actions) override;
  void on_text(ConnectionId connection, std::string_view text, Timestamp now,
               Actions& actions) override;
  void on_ping(ConnectionId connection, Timestamp now, Actions& actions) override;
  void on_pong(ConnectionId connection, std::string_view payload, Timestamp now,
               Actions& actions) override;
  void on_closed(ConnectionId connection) override;
  HttpAnswer on_http(const HttpRequest& request, Timestamp now, Actions& actions) override;
  void turn(Timestamp now, Actions& actions) override;
  Timestamp next_deadline() const override;

  std::vector<AccountView> accounts() const override;
  const Exchange& exchange() const override { return exchange_; }
  Faults& faults() override { return faults_; }
  std::string call_as(std::string_view account, std::string_view method,
                      const std::vector<std::pair<std::string, std::string>>& params, Timestamp now,
                      Actions& actions) override;
  bool end_order(std::uint64_t order_id, bool expire, Timestamp now, Actions& actions) override;
  bool transfer(std::string_view account, std::string_view asset, Money amount, Timestamp now,
                Actions& actions) override;
  void pause(Timestamp now) override;
  void resume(Timestamp now) override;
  void set_speed(int speed, Timestamp now) override;
  std::size_t drop_connections(Place place, Actions& actions) override;
  std::size_t announce_shutdown(Place place, std::optional<Duration> close_after, Timestamp now,
                                Actions& actions) override;
  void stall(Place place, Timestamp until) override;
  void shift_clock(Duration shift) override { clock_shift_ = shift; }
  void ban_until(Timestamp until) override { banned_until_ = until; }
  bool set_key_valid(std::string_view account, bool valid) override;
  bool set_symbol_status(std::string_view symbol, std::string_view status) override;
  std::string set_filter(std::string_view symbol, std::string_view filter) override;
  std::vector<ConnectionView> connections() const override;
  std::vector<ReplayView> replays(Timestamp now) const override;

 private:
  struct Account {
    AccountSettings settings;
    AccountIndex index{};
    bool valid = true;
    LimitWindow orders_10s;
    LimitWindow orders_day;
    std::map<AssetIndex, Balance> said = {};  ///< as the last outboundAccountPosition had it
  };
  struct UserStream {
    Account* account = nullptr;
    bool by_logon = false;
  };
  struct Connection {
    ConnectionId id{};
    Place place = Place::market;  ///< market or orders
    bool combined = false;
    WireUnit unit = WireUnit::milliseconds;
    bool rate_limits = true;
    Timestamp connected{};
    std::vector<std::string> streams;
    Account* account = nullptr;  ///< logged on
    Timestamp authorized{};
    std::map<int, UserStream> user_streams;
    int next_user_stream = 0;
    Timestamp next_ping{};
    std::optional<Timestamp> unanswered_since;  ///< of the oldest ping without a pong
    std::int64_t inbound_second = -1;
    int inbound = 0;
    std::deque<Text> held;          ///< while stalled
    std::optional<Text> reordered;  ///< waits for the next private event
    Timestamp reordered_due{};
  };
  struct Listing {
    Listing(const SymbolRules& given, Replay tape) : rules(given), replay(std::move(tape)) {}

    SymbolRules rules;
    Replay replay;
    std::string lower;
    MarketIndex market{};
    Bars bars;
    std::string status = "TRADING";
    std::uint64_t last_update_id = 0;
    std::optional<QuoteEvent> quote;
    std::deque<std::pair<TradeEvent, Money>> recent;  ///< trades of the last five minutes
    Money recent_quote;
    Quantity recent_quantity;
    std::optional<TradeEvent> last_trade;
    // Changes since the last frame of the slow depth stream.
    std::uint64_t changed_first_id = 0;
    std::array<std::map<Price, Quantity>, 2> changed;  ///< bids, asks
    std::map<std::string, Timestamp> open_bars;        ///< of each kline stream
  };
  struct Failure {
    int status = 400;
    int code = 0;
    std::string message;
    boost::json::value data = {};
  };
  using Answer = std::variant<boost::json::value, Failure>;
  enum class Security : std::uint8_t { none, logon, signed_request, session };
  struct Call;
  struct Method {
    std::string_view name;
    Security security;
    int weight;
    bool free_on_success;
    std::string_view required;  ///< names, a blank between them
    std::string_view optional;
    Answer (BinanceCore::*run)(Call&);
  };
  struct Call {
    const Method* method = nullptr;
    Params params;
    Timestamp now{};
    WireUnit unit = WireUnit::milliseconds;
    Connection* connection = nullptr;  ///< of a WebSocket request
    Account* account = nullptr;
    bool by_hand = false;  ///< through the control socket
    bool rest = false;
    std::string rest_payload;
    std::optional<Failure> failure;  ///< of the first wrong parameter
    Reports reports;
    std::vector<std::pair<int, UserStream>> ended_streams;
    bool session_revoked = false;
  };
  struct Route {
    std::string_view verb;
    std::string_view path;
    std::string_view method;
  };

  static const Method methods[];
  static const Route routes[];
  static const Method* find_method(std::string_view name);
  static bool places_orders(const Method& method);

  // Lines.
  void emit(Connection& connection, Text text, Timestamp now, Actions& actions);
  bool stalled(const Connection& connection, Timestamp now) const;
  void on_control(Connection& connection, std::string_view text, Timestamp now, Actions& actions);
  void on_request(Connection& connection, std::string_view text, Timestamp now, Actions& actions);
  std::optional<std::string> subscribe(Connection& connection,
                                       const std::vector<std::string>& streams, Timestamp now);
  void unsubscribe(Connection& connection, const std::string& stream);
  bool serves(std::string_view stream) const;
  bool too_fast(Connection& connection, Timestamp now, Actions& actions);
  void delay(Timestamp due, ConnectionId connection, std::variant<Text, CloseConnection> what);

  // Requests.
  std::optional<Failure> prepare(Call& call);
  std::optional<Failure> check_names(const Call& call) const;
  std::optional<Failure> authenticate(Call& call);
  std::optional<Failure> charge(int weight, Timestamp now);
  std::optional<Failure> banned(Timestamp now) const;
  Answer run(Call& call);
  boost::json::array limits_json(const Call& call) const;
  static boost::json::object limit_json(std::string_view type, std::string_view interval,
                                        int number, int limit);
  std::string envelope(const Call& call, const std::string& id, const Answer& answer,
                       bool with_limits) const;
  static int weight_of(const Call& call);
  std::optional<FaultRule> take_fault(FaultKind kind, const Call& call);

  // Parameters. The first wrong one is kept in `call.failure`.
  static std::string text(Call& call, std::string_view name);
  static std::optional<std::int64_t> number(Call& call, std::string_view name);
  template <class Amount>
  static std::optional<Amount> amount(Call& call, std::string_view name);
  static std::string client_id(Call& call, std::string_view name);
  Listing* listing(Call& call);
  // Rows of an answer: as many as asked for, `default_limit` without a word, and `max_limit` at
  // most.
  static constexpr std::size_t default_limit = 500;
  static constexpr std::size_t max_limit = 1000;
  static std::size_t page(std::optional<std::int64_t> limit, std::size_t otherwise,
                          std::size_t most);
  /// Larger numbers of a request count microseconds.
  static constexpr std::int64_t greatest_milliseconds = 100'000'000'000'000;
  static std::optional<Timestamp> time_of(std::optional<std::int64_t> number);
  /// How the parameters of one order are called: alone, or as a member of a list.
  struct OrderNames {
    std::string prefix = {};  ///< "above": abovePrice
    std::string_view side = "side";
    std::string_view quantity = "quantity";
  };
  std::optional<OrderRequest> read_order(Call& call, const OrderNames& names);
  std::optional<Failure> refuse_by_count(const Call& call, std::size_t orders) const;
  std::optional<Failure> refuse_by_filter(Call& call, const OrderRequest& order);
  std::optional<Failure> refuse_order(Call& call, const OrderRequest& order);
  static Failure failure_of(Refused refused);
  static void count_orders(Call& call, int orders);
  const Order* read_order_id(Call& call, const Failure& missing,
                             std::string_view id_name = "orderId",
                             std::string_view client_name = "origClientOrderId");
  const OrderList* read_list_id(Call& call, std::string_view client_name, const Failure& missing);
  Answer place_list(Call& call, ListRequest request, const std::vector<OrderNames>& names);
  /// `cancel_id`: of the request that canceled it; empty: it was placed.
  Answer list_answer(Call& call, const OrderList& list, std::string_view cancel_id,
                     ResponseType type);

  Answer do_ping(Call& call);
  Answer do_time(Call& call);
  Answer do_exchange_info(Call& call);
  Answer do_depth(Call& call);
  Answer do_trades(Call& call);
  Answer do_klines(Call& call);
  Answer do_average_price(Call& call);
  Answer do_book_ticker(Call& call);
  Answer do_price_ticker(Call& call);
  Answer do_logon(Call& call);
  Answer do_session(Call& call);
  Answer do_logout(Call& call);
  Answer do_subscriptions(Call& call);
  Answer do_subscribe(Call& call);
  Answer do_unsubscribe(Call& call);
  Answer do_place(Call& call);
  Answer do_test(Call& call);
  Answer do_cancel(Call& call);
  Answer do_cancel_all(Call& call);
  Answer do_cancel_replace(Call& call);
  Answer do_amend(Call& call);
  Answer do_amendments(Call& call);
  Answer do_place_oco(Call& call);
  Answer do_place_oto(Call& call);
  Answer do_place_otoco(Call& call);
  Answer do_cancel_list(Call& call);
  Answer do_list(Call& call);
  Answer do_open_lists(Call& call);
  Answer do_all_lists(Call& call);
  Answer do_my_filters(Call& call);
  Answer do_aggregate_trades(Call& call);
  Answer do_order(Call& call);
  Answer do_open_orders(Call& call);
  Answer do_all_orders(Call& call);
  Answer do_my_trades(Call& call);
  Answer do_account(Call& call);
  Answer do_commission(Call& call);
  Answer do_order_limits(Call& call);

  // Events.
  void play(Listing& listing, Timestamp now, Actions& actions);
  void on_depth(Listing& listing, const DepthEvent& depth, Timestamp now, Actions& actions);
  template <class Build>
  void publish(const std::string& stream, std::string_view kind, Timestamp now, Actions& actions,
               const Build& build);
  bool wanted(const std::string& stream) const;
  void publish_partial(Listing& listing, std::string_view suffix, Timestamp now, Actions& actions);
  void publish_slow(Listing& listing, std::int64_t second, Timestamp now, Actions& actions);
  void say(const Reports& reports, Timestamp now, Actions& actions);
  void say_private(Account& account, std::string_view kind, std::string_view detail,
                   const std::array<std::string, 2>& texts, Timestamp now, Actions& actions);
  void say_ended(const Call& call, Timestamp now, Actions& actions);
  WireTime wire(WireUnit unit) const { return {unit, clock_shift_}; }
  WireContext context(WireUnit unit) const { return {exchange_, wire(unit)}; }
  Price reference_price(const Listing& listing) const;
  void forget_old_trades(Listing& listing, Timestamp now);
  Listing* find_listing(std::string_view symbol);
  Account* find_account(std::string_view name);
  std::string made_up_id();
  void start(Timestamp now);

  BinanceSettings settings_;
  Exchange exchange_;
  Faults faults_;
  std::mt19937_64 random_;
  struct Amendment {
    std::uint64_t execution_id = 0;
    std::string client_id_before, client_id;
    Quantity quantity_before, quantity;
    Timestamp time{};
  };
  std::map<std::uint64_t, std::vector<Amendment>> amendments_;  ///< by order
  std::deque<Account> accounts_;
  std::deque<Listing> listings_;
  std::map<ConnectionId, Connection> connections_;
  std::unordered_map<std::string, std::vector<ConnectionId>> subscribers_;
  std::multimap<Timestamp, std::pair<ConnectionId, std::variant<Text, CloseConnection>>> delayed_;
  LimitWindow weight_;
  LimitWindow raw_requests_;
  LimitWindow connects_;
  int warnings_ = 0;
  Timestamp banned_until_{};
  Duration clock_shift_{};
  std::map<Place, Timestamp> stalled_until_;
  bool started_ = false;
  bool paused_ = false;
  std::int64_t last_second_ = -1;
};

}  // namespace halcyon::simulation
