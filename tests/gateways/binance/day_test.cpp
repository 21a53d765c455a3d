// A day and an hour of the venue's time, with sessions and simulated venue face to face: no socket,
// no clock but the test's, every event counted. Connections reach their age limit on the way.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateways/binance/market_session.h"
#include "gateways/binance/order_session.h"
#include "simulation/binance_venue.h"
#include "simulation/signature.h"
#include "support.h"
#include "tests/simulation/recording.h"
#include "tests/simulation/scratch.h"

namespace halcyon::gateways::binance::testing {
namespace {

using namespace std::chrono_literals;
using namespace domain::literals;
using domain::Timestamp;

/// The venue and its lines; who owns a line is called with what comes on it.
class Exchange {
 public:
  struct Ears {
    std::function<void(std::string_view)> text;
    std::function<void()> ping;
    std::function<void(const std::string&)> closed;
  };

  explicit Exchange(const std::string& public_pem) : venue_(simulation::BinanceVenue::make({})) {
    venue_->add_listing(
        simulation::builtin_rules().front(),
        simulation::Replay{simulation::parse_tape(simulation::testing::small_recording, "small"), 1,
                           true});
    simulation::AccountSettings account;
    account.name = "main";
    account.api_key = "KEY";
    account.ed25519_public_pem = public_pem;
    account.balances = {{"USDT", "1000000"_usd}, {"BTC", "10"_usd}};
    venue_->add_account(account);
  }

  simulation::ConnectionId connect(const std::string& target, Ears ears) {
    const auto id = static_cast<simulation::ConnectionId>(++lines_);
    EXPECT_FALSE(venue_->open(id, target, now, actions_)) << target;
    ears_[id] = std::move(ears);
    return id;
  }
  void hang_up(simulation::ConnectionId id) {
    ears_.erase(id);
    venue_->on_closed(id);
  }
  void send(simulation::ConnectionId id, std::string_view text) {
    venue_->on_text(id, text, now, actions_);
  }
  simulation::HttpAnswer call(const RestRequest& request) {
    std::map<std::string, std::string> headers;
    for (const auto& [name, value] : request.headers) {
      headers[name == "X-MBX-APIKEY" ? "x-mbx-apikey" : name] = value;
    }
    return venue_->on_http({request.method, request.target, headers, request.body}, now, actions_);
  }
  /// Hands out what the venue has said, until it says no more.
  void deliver() {
    while (!actions_.empty()) {
      for (const auto& action : std::exchange(actions_, {})) {
        if (const auto* text = std::get_if<simulation::SendText>(&action)) {
          const auto found = ears_.find(text->connection);
          if (found != ears_.end()) Ears{found->second}.text(*text->text);
        } else if (const auto* ping = std::get_if<simulation::SendPing>(&action)) {
          const auto found = ears_.find(ping->connection);
          if (found == ears_.end()) continue;
          found->second.ping();
          venue_->on_pong(ping->connection, ping->payload, now, actions_);
        } else {
          const auto& close = std::get<simulation::CloseConnection>(action);
          const auto found = ears_.find(close.connection);
          venue_->on_closed(close.connection);
          if (found == ears_.end()) continue;
          const Ears ears = found->second;
          ears_.erase(found);
          ears.closed(close.reason);
        }
      }
    }
  }
  void turn() { venue_->turn(now, actions_); }
  simulation::BinanceVenue& venue() { return *venue_; }

  Timestamp now = domain::from_unix_ms(1'700'000'000'000);

 private:
  std::unique_ptr<simulation::BinanceVenue> venue_;
  simulation::Actions actions_;
  std::map<simulation::ConnectionId, Ears> ears_;
  std::uint64_t lines_ = 0;
};

/// A session and its one or two lines, as the daemon's driver keeps them.
class Driver {
 public:
  Driver(Exchange& exchange, Session& session) : exchange_(exchange), session_(session) {}

  void start() {
    session_.on_start(exchange_.now, actions_);
    perform();
    connect_at_ = exchange_.now;
  }
  Timestamp next_deadline() const { return std::min(session_.next_deadline(), connect_at_); }
  void turn() {
    if (exchange_.now >= session_.next_deadline()) {
      session_.on_time(exchange_.now, actions_);
      perform();
    }
    if (exchange_.now < connect_at_) return;
    connect_at_ = domain::never;
    first_ = open(false);
    ++connects;
    session_.on_open(exchange_.now, actions_);
    perform();
  }
  void command(const domain::OrderCommand& command) {
    session_.on_command(command, exchange_.now, actions_);
    perform();
  }

  std::vector<domain::Event> events;
  int connects = 0;
  int promotions = 0;

 private:
  simulation::ConnectionId open(bool is_second) {
    const std::uint64_t number = ++opened_;
    (is_second ? second_number_ : first_number_) = number;
    return exchange_.connect(session_.endpoint().path,
                             {[this, number](std::string_view text) {
                                if (number != first_number_ && number != second_number_) return;
                                const Bytes bytes{text, "\"}"};
                                Frame frame = bytes.frame(exchange_.now);
                                frame.is_second = number == second_number_;
                                session_.on_frame(frame, actions_);
                                perform();
                              },
                              [this] { session_.on_sign_of_life(exchange_.now); },
                              [this, number](const std::string& why) {
                                if (number == second_number_) {
                                  second_.reset();
                                  second_number_ = 0;
                                  session_.on_second_closed(why, exchange_.now, actions_);
                                } else if (number == first_number_) {
                                  first_.reset();
                                  first_number_ = 0;
                                  session_.on_closed(why, exchange_.now, actions_);
                                }
                                perform();
                              }});
  }
  void perform() {
    // A session may want more in answer to what it is told here, so its wishes are taken first.
    Actions wanted;
    std::swap(wanted, actions_);
    for (const domain::Event& event : wanted.events()) events.push_back(event);
    if (first_) {
      for (std::size_t at = 0; at < wanted.frame_count(); ++at) {
        exchange_.send(*first_, wanted.frame(at));
      }
    }
    if (second_) {
      for (std::size_t at = 0; at < wanted.second_frame_count(); ++at) {
        exchange_.send(*second_, wanted.second_frame(at));
      }
    }
    using Second = Actions::Second;
    if (wanted.second() == Second::close || wanted.second() == Second::promote) {
      if (wanted.second() == Second::promote) {
        ++promotions;
        std::swap(first_, second_);
        std::swap(first_number_, second_number_);
      }
      if (second_) exchange_.hang_up(*second_);
      second_.reset();
      second_number_ = 0;
    }
    if (wanted.wants_reconnect()) {
      if (first_) exchange_.hang_up(*first_);
      const bool was_open = first_.has_value();
      first_.reset();
      first_number_ = 0;
      connect_at_ = wanted.reconnect_at();
      if (was_open) {
        session_.on_closed("dropped", exchange_.now, actions_);
        perform();
      }
    }
    for (const RestRequest& request : wanted.rest_requests()) {
      const auto said = exchange_.call(request);
      RestAnswer answer;
      answer.tag = request.tag;
      answer.status = static_cast<int>(said.status);
      answer.sent = answer.received = exchange_.now;
      const Bytes body{said.body};
      if (request.decode != nullptr) request.decode(request.context, body.view(), answer);
      session_.on_rest(answer, exchange_.now, actions_);
      perform();
    }
    if (wanted.second() == Second::open) {
      second_ = open(true);
      session_.on_second_open(exchange_.now, actions_);
      perform();
    }
  }

  Exchange& exchange_;
  Session& session_;
  Actions actions_;
  std::optional<simulation::ConnectionId> first_, second_;
  std::uint64_t first_number_ = 0, second_number_ = 0;
  std::uint64_t opened_ = 0;
  Timestamp connect_at_ = domain::never;
};

/// Symbols, keys and both sessions of one account.
struct Day {
  explicit Day(bool two_connections) {
    const simulation::testing::Scratch scratch;
    simulation::make_key(scratch.path / "keys");
    exchange = std::make_unique<Exchange>(
        simulation::testing::read_text(scratch.path / "keys/ed25519.pub.pem"));
    symbols = std::make_shared<const Symbols>(world.symbols());
    MarketSettings market_settings;
    market_settings.symbols = symbols;
    market_settings.instruments = {world.btc_usdt};
    market_settings.endpoint = {"sim", 443, "/stream", true};
    market_settings.jitter_seed = 5;
    market = std::make_unique<MarketSession>(std::move(market_settings));
    OrderSettings order_settings;
    order_settings.symbols = symbols;
    order_settings.identity = world.identity();
    order_settings.endpoint = {"sim", 443, "/ws-api/v3", true};
    order_settings.api_key = "KEY";
    order_settings.signer = std::make_unique<Signer>(Ed25519Key::from_pem(
        simulation::testing::read_text(scratch.path / "keys/ed25519.pem"), "test"));
    order_settings.jitter_seed = 7;
    order_settings.has_rest = true;
    order_settings.instruments = {world.btc_usdt};
    orders = std::make_unique<OrderSession>(std::move(order_settings));
    if (two_connections) {
      market->allow_second();
      orders->allow_second();
    }
    market_driver = std::make_unique<Driver>(*exchange, *market);
    order_driver = std::make_unique<Driver>(*exchange, *orders);
  }

  void place() {
    domain::NewOrder order;
    order.id = {1'735'579'648, ++placed};
    order.account = world.account;
    order.instrument = world.btc_usdt;
    order.side = placed % 2 == 0 ? domain::Side::sell : domain::Side::buy;
    order.quantity = "0.06"_qty;
    order.created = exchange->now;
    domain::OrderCommand command;
    command.valid_until = exchange->now + 2s;
    command.what = approved(order);
    order_driver->command(command);
    exchange->deliver();
  }

  /// Places an order every `pace`, and lets the replay run for a minute of each hour.
  void live(domain::Duration time, domain::Duration pace) {
    const Timestamp end = exchange->now + time;
    Timestamp next_order = exchange->now + pace;
    market_driver->start();
    order_driver->start();
    bool runs = true;
    while (exchange->now < end) {
      const Timestamp due =
          std::min({exchange->venue().next_deadline(), market_driver->next_deadline(),
                    order_driver->next_deadline(), next_order});
      exchange->now = std::max(exchange->now, std::min(due, end));
      const bool wants = exchange->now.time_since_epoch() % 1h < 1min;
      if (wants != runs) {
        runs = wants;
        runs ? exchange->venue().resume(exchange->now) : exchange->venue().pause(exchange->now);
      }
      exchange->turn();
      exchange->deliver();
      market_driver->turn();
      order_driver->turn();
      exchange->deliver();
      if (exchange->now >= next_order) {
        next_order += pace;
        place();
      }
    }
  }

  std::uint64_t order_counter(std::string_view name) const {
    std::uint64_t found = 0;
    orders->each_counter([&](std::string_view counter, std::uint64_t value) {
      if (counter == name) found = value;
    });
    return found;
  }
  std::uint64_t market_counter(std::string_view name) const {
    std::uint64_t found = 0;
    market->each_counter([&](std::string_view counter, std::uint64_t value) {
      if (counter == name) found = value;
    });
    return found;
  }

  World world;
  std::unique_ptr<Exchange> exchange;
  std::shared_ptr<const Symbols> symbols;
  std::unique_ptr<MarketSession> market;
  std::unique_ptr<OrderSession> orders;
  std::unique_ptr<Driver> market_driver, order_driver;
  std::uint32_t placed = 0;
};

template <class What>
std::size_t count_of(const std::vector<domain::Event>& events,
                     const std::function<bool(const What&)>& counts) {
  std::size_t found = 0;
  for (const domain::Event& event : events) {
    const auto* what = std::get_if<What>(&event.what);
    if (what != nullptr && counts(*what)) ++found;
  }
  return found;
}

TEST(Day, PassesWithoutAGapALossOrARepeatWhereASecondConnectionIsAllowed) {
  // Given sessions that may have two connections, and an order every twenty seconds
  Day day{true};
  day.live(25h, 20s);
  // Then each was connected once, and replaced before the venue's 24 hours were over
  EXPECT_EQ(day.market_driver->connects, 1);
  EXPECT_EQ(day.order_driver->connects, 1);
  EXPECT_EQ(day.market_driver->promotions, 1);
  EXPECT_EQ(day.order_driver->promotions, 1);
  const auto is_down = [](const domain::StreamChanged& change) {
    return change.state == domain::StreamState::down;
  };
  EXPECT_EQ(count_of<domain::StreamChanged>(day.order_driver->events, is_down), 0U);
  EXPECT_EQ(count_of<domain::StreamChanged>(day.market_driver->events, is_down), 0U);
  // And every trade of the venue was told, once
  const auto& trades = day.exchange->venue().exchange().trades();
  EXPECT_GT(trades.size(), 4'000U);
  std::map<std::uint64_t, int> heard;
  for (const domain::Event& event : day.order_driver->events) {
    if (const auto* fill = std::get_if<domain::Execution>(&event.what)) ++heard[fill->trade.low];
  }
  EXPECT_EQ(heard.size(), trades.size());
  for (const auto& trade : trades) {
    ASSERT_EQ(heard[trade.fill.trade_id], 1) << trade.fill.trade_id;
  }
  // No request was left without its answer, no book was broken, no public trade was missed
  EXPECT_EQ(day.order_counter("answers_missing"), 0U);
  EXPECT_EQ(day.market_counter("book_gaps"), 0U);
  EXPECT_EQ(day.market_counter("trades_lost"), 0U);
  EXPECT_EQ(count_of<domain::RequestOutcome>(
                day.order_driver->events,
                [](const auto& what) { return what.outcome == domain::Outcome::unknown; }),
            0U);
}

TEST(Day, IsCutOnceWhereThereIsOneConnectionOnly) {
  Day day{false};
  day.live(25h, 10min);
  EXPECT_EQ(day.market_driver->connects, 2);
  EXPECT_EQ(day.order_driver->connects, 2);
  const auto is_ready = [](const domain::StreamChanged& change) {
    return change.state == domain::StreamState::ready;
  };
  EXPECT_EQ(count_of<domain::StreamChanged>(day.order_driver->events, is_ready), 2U);
}

}  // namespace
}  // namespace halcyon::gateways::binance::testing
