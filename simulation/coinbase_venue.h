#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/fwd.hpp>

#include "simulation/controlled_venue.h"
#include "simulation/rate_limits.h"

namespace halcyon::simulation {

struct CoinbaseSettings {
  bool wait_for_client = false;  ///< the replay begins with the first market subscription
  std::uint64_t seed = 1;        ///< of the faults' chances
  int private_per_second = 30;   ///< REST calls an account
  Duration fills_lag{};          ///< executions show in the list of fills so much later
};

/// Coinbase Advanced Trade as its document describes it, without sockets: two WebSocket servers
/// ("/" for market data, "/user" for one's own orders), REST under /api/v3/brokerage, over one set
/// of books and accounts. Tokens are really verified. An account's `api_key` is the key's name; its
/// public key is Ed25519, as the accounts file reads no other. It reads and writes JSON with its
/// own hand and shares nothing with a gateway. What it leaves out is listed in docs/simulator.md.
class CoinbaseVenue final : public ControlledVenue {
 public:
  static constexpr Duration subscribe_within = std::chrono::seconds{5};
  static constexpr Duration heartbeat_interval = std::chrono::seconds{1};
  static constexpr Duration trades_interval = std::chrono::milliseconds{250};
  static constexpr std::size_t max_frames_a_turn = 512;
  static constexpr std::size_t trades_in_snapshot = 100;
  static constexpr std::size_t orders_in_snapshot = 50;

  explicit CoinbaseVenue(const CoinbaseSettings& settings);
  ~CoinbaseVenue() override;

  void add_listing(const SymbolRules& rules, Replay replay) override;
  void add_account(const AccountSettings& settings) override;

  std::optional<HttpAnswer> open(ConnectionId connection, std::string_view target, Timestamp now,
                                 Actions& actions) override;
  void on_text(ConnectionId connection, std::string_view text, Timestamp now,
               Actions& actions) override;
  void on_ping(ConnectionId, Timestamp, Actions&) override {}
  void on_pong(ConnectionId, std::string_view, Timestamp, Actions&) override {}
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
  /// The venue announces nothing; the lines are closed where asked.
  std::size_t announce_shutdown(Place place, std::optional<Duration> close_after, Timestamp now,
                                Actions& actions) override;
  void stall(Place place, Timestamp until) override;
  void shift_clock(Duration shift) override { clock_shift_ = shift; }
  void ban_until(Timestamp until) override { banned_until_ = until; }
  bool set_key_valid(std::string_view account, bool valid) override;
  std::string set_filter(std::string_view symbol, std::string_view filter) override;
  bool set_symbol_status(std::string_view symbol, std::string_view status) override;
  std::vector<ConnectionView> connections() const override;
  std::vector<ReplayView> replays(Timestamp now) const override;

 private:
  struct Account {
    AccountSettings settings;
    AccountIndex index{};
    bool valid = true;
    LimitWindow calls;
  };
  struct Connection {
    ConnectionId id{};
    Place place = Place::market;
    std::uint64_t sequence = 0;
    Timestamp subscribe_by{};
    bool has_subscribed = false;
    std::map<std::string, std::set<std::string>> channels;  ///< as subscribed; products
    Account* account = nullptr;                             ///< of the user channel
    Timestamp next_heartbeat = domain::never;
    std::uint64_t heartbeats = 0;
    std::deque<std::string> held;  ///< events of the user channel, swapped by a fault
  };
  struct Listing {
    Listing(const SymbolRules& given, Replay tape)
        : rules(given), replay(std::move(tape)), product(given.base + '-' + given.quote) {}

    SymbolRules rules;
    Replay replay;
    std::string product;
    MarketIndex market{};
    std::string status = "TRADING";
    std::deque<TradeEvent> recent;  ///< newest last
    std::vector<TradeEvent> batch;  ///< since the last frame of trades
    std::uint64_t last_update_id = 0;
    std::uint64_t last_trade_id = 0;
  };
  /// An order as its owner knows it: an edit may have made it anew at the exchange.
  struct Ticket {
    std::string id;
    Account* account = nullptr;
    Listing* listing = nullptr;
    std::string client_id;
    std::string configuration;
    OrderRequest asked;
    std::vector<std::uint64_t> orders;  ///< at the exchange, the newest last
    std::optional<Timestamp> end_time;
    Money fees;
    std::uint64_t fills = 0;
    Timestamp created{};
    Timestamp last_fill{};
    std::string cancel_message;
    bool is_being_edited = false;
    bool has_timed_out = false;
  };
  struct Sums {
    Quantity filled;
    Money value;
  };

  // Lines (coinbase_venue.cpp).
  void send(Connection& connection, std::string_view channel, std::string_view events,
            Timestamp now, Actions& actions);
  void send_error(const Connection& connection, std::string_view words, Actions& actions) const;
  void send_snapshot(Connection& connection, const std::string& channel,
                     const std::set<std::string>& products, Timestamp now, Actions& actions);
  void send_subscriptions(Connection& connection, Timestamp now, Actions& actions);
  std::string book_event(const Listing& listing, std::string_view type, std::span<const Level> bids,
                         std::span<const Level> asks, Timestamp now) const;
  template <class Build>
  void publish(std::string_view subscribed, std::string_view channel, const Listing& listing,
               Timestamp now, Actions& actions, const Build& build);
  void play(Listing& listing, Timestamp now, Actions& actions);
  void flush_trades(Timestamp now, Actions& actions);
  void say(const Reports& reports, Timestamp now, Actions& actions);
  void say_ticket(const Ticket& ticket, Timestamp now, Actions& actions);
  void start(Timestamp now);
  bool is_stalled(Place place, Timestamp now) const;
  Listing* find_listing(std::string_view product);
  Account* find_account(std::string_view name);
  std::string time_text(Timestamp time) const;
  std::string pem_of(std::string_view key_name) const;

  // Orders and REST (coinbase_rest.cpp).
  struct Request;
  HttpAnswer answer_of(Request& request);
  HttpAnswer do_create(Request& request);
  HttpAnswer do_preview(Request& request);
  HttpAnswer do_edit(Request& request);
  HttpAnswer do_cancel(Request& request);
  HttpAnswer do_orders(Request& request);
  HttpAnswer do_order(Request& request, std::string_view id);
  HttpAnswer do_fills(Request& request);
  HttpAnswer do_accounts(Request& request);
  HttpAnswer do_products(Request& request);
  HttpAnswer do_product_book(Request& request);
  /// What `order_configuration` asks for; empty, and words, when it is not one.
  std::optional<Ticket> read_ticket(const boost::json::object& body, Account& account,
                                    std::string& why);
  std::string product_json(const Listing& listing) const;
  boost::json::object order_json(const Ticket& ticket, bool of_user_channel) const;
  Ticket* find_ticket(std::string_view id);
  Ticket* ticket_of(std::uint64_t order_id);
  Sums sums_of(const Ticket& ticket) const;
  std::string status_of(const Ticket& ticket) const;
  void end_overdue(Timestamp now, Actions& actions);

  CoinbaseSettings settings_;
  Exchange exchange_;
  Faults faults_;
  std::deque<Account> accounts_;
  std::deque<Listing> listings_;
  std::deque<Ticket> tickets_;                      ///< oldest first
  std::map<std::uint64_t, std::size_t> ticket_of_;  ///< by order of the exchange
  std::map<ConnectionId, Connection> connections_;
  std::map<Place, Timestamp> stalled_until_;
  Timestamp next_trades_ = domain::never;
  Timestamp banned_until_{};
  Duration clock_shift_{};
  bool started_ = false;
  bool paused_ = false;
};

}  // namespace halcyon::simulation
