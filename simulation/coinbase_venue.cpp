// Lines and events of the Coinbase venue; its REST calls are in coinbase_rest.cpp.

#include "simulation/coinbase_venue.h"

#include <algorithm>
#include <stdexcept>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "simulation/coinbase_token.h"

namespace halcyon::simulation {

namespace json = boost::json;
using std::chrono::seconds;

namespace {

Text shared(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

template <class Kind>
std::string exact(domain::Decimal<Kind> amount) {
  return domain::to_string(amount);
}

std::string trade_json(std::string_view product, const TradeEvent& trade, const std::string& time) {
  // `side` is the maker's.
  return fmt::format(
      R"({{"product_id":"{}","trade_id":"{}","price":"{}","size":"{}","time":"{}","side":"{}"}})",
      product, trade.id, exact(trade.price), exact(trade.quantity), time,
      trade.buyer_is_maker ? "BUY" : "SELL");
}

}  // namespace

CoinbaseVenue::CoinbaseVenue(const CoinbaseSettings& settings)
    : settings_(settings), faults_(settings.seed) {}
CoinbaseVenue::~CoinbaseVenue() = default;

void CoinbaseVenue::add_listing(const SymbolRules& rules, Replay replay) {
  const std::string product = rules.base + '-' + rules.quote;
  if (find_listing(product) != nullptr) {
    throw std::runtime_error(product + ": two recordings of one product; give one");
  }
  Listing& added = listings_.emplace_back(rules, std::move(replay));
  added.market = exchange_.add_market({.symbol = product,
                                       .base = exchange_.asset(rules.base),
                                       .quote = exchange_.asset(rules.quote),
                                       .step = rules.step});
  Reports none;
  const auto& tape = added.replay.tape();
  exchange_.apply_levels(added.market, tape.snapshot.bids, tape.snapshot.asks, Timestamp{}, none);
}

void CoinbaseVenue::add_account(const AccountSettings& settings) {
  Fees fees;
  fees.maker = settings.maker_commission;
  fees.taker = settings.taker_commission;
  fees.payment = Fees::Payment::quote;  // the venue knows no other
  const auto index = exchange_.add_account(fees);
  accounts_.push_back({settings, index, true, {seconds{1}, settings_.private_per_second}});
  for (const auto& [name, amount] : settings.balances) {
    exchange_.deposit(index, exchange_.asset(name), amount);
  }
}

CoinbaseVenue::Listing* CoinbaseVenue::find_listing(std::string_view product) {
  for (Listing& each : listings_) {
    if (each.product == product) return &each;
  }
  return nullptr;
}

CoinbaseVenue::Account* CoinbaseVenue::find_account(std::string_view name) {
  for (Account& each : accounts_) {
    if (each.settings.name == name) return &each;
  }
  return nullptr;
}

std::string CoinbaseVenue::pem_of(std::string_view key_name) const {
  for (const Account& each : accounts_) {
    if (each.settings.api_key == key_name && each.valid) return each.settings.ed25519_public_pem;
  }
  return {};
}

std::string CoinbaseVenue::time_text(Timestamp time) const {
  time += clock_shift_;
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const auto rest = (time - day).count();
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}", int{date.year()},
                  unsigned{date.month()}, unsigned{date.day()}, rest / 3'600'000'000'000,
                  rest / 60'000'000'000 % 60, rest / 1'000'000'000 % 60, rest % 1'000'000'000);
  // As the venue writes it: without zeros at the end.
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text + "Z";
}

// --- lines ---------------------------------------------------------------------------------------

std::optional<HttpAnswer> CoinbaseVenue::open(ConnectionId id, std::string_view target,
                                              Timestamp now, Actions&) {
  const auto refuse = [](unsigned status, std::string words) {
    HttpAnswer answer;
    answer.status = status;
    answer.body = std::move(words);
    return answer;
  };
  if (now < banned_until_) return refuse(429, "Too many requests");
  if (target != "/" && target != "/user") return refuse(404, "No WebSocket here; / or /user.");
  Connection connection;
  connection.id = id;
  connection.place = target == "/user" ? Place::orders : Place::market;
  connection.subscribe_by = now + subscribe_within;
  connections_[id] = std::move(connection);
  return std::nullopt;
}

void CoinbaseVenue::on_closed(ConnectionId id) { connections_.erase(id); }

bool CoinbaseVenue::is_stalled(Place place, Timestamp now) const {
  return std::any_of(stalled_until_.begin(), stalled_until_.end(), [&](const auto& each) {
    return (each.first == Place::any || each.first == place) && now < each.second;
  });
}

void CoinbaseVenue::send(Connection& connection, std::string_view channel, std::string_view events,
                         Timestamp now, Actions& actions) {
  if (is_stalled(connection.place, now)) return;  // what is not sent in time is never sent
  std::string text = fmt::format(
      R"({{"channel":"{}","client_id":"","timestamp":"{}","sequence_num":{},"events":{}}})",
      channel, time_text(now), connection.sequence++, events);
  const Faults::Point point{connection.place,
                            {},
                            connection.account == nullptr
                                ? std::string_view{}
                                : std::string_view{connection.account->settings.name},
                            channel,
                            {}};
  if (channel == "user") {
    if (faults_.take(FaultKind::lose_private, point)) return;
    const bool twice = faults_.take(FaultKind::duplicate_private, point).has_value();
    if (faults_.take(FaultKind::reorder_private, point)) {
      connection.held.push_back(std::move(text));
      return;
    }
    const Text shown = shared(std::move(text));
    actions.push_back(SendText{connection.id, shown});
    if (twice) actions.push_back(SendText{connection.id, shown});
    while (!connection.held.empty()) {
      actions.push_back(SendText{connection.id, shared(std::move(connection.held.front()))});
      connection.held.pop_front();
    }
    return;
  }
  // The number is used up: a hole that the other side can see.
  if (faults_.take(FaultKind::depth_gap, point)) return;
  if (faults_.take(FaultKind::malformed_frame, point)) text.resize(text.size() / 2);
  actions.push_back(SendText{connection.id, shared(std::move(text))});
}

void CoinbaseVenue::send_error(const Connection& connection, std::string_view words,
                               Actions& actions) const {
  actions.push_back(
      SendText{connection.id, shared(fmt::format(R"({{"type":"error","message":"{}"}})", words))});
}

std::string CoinbaseVenue::book_event(const Listing& listing, std::string_view type,
                                      std::span<const Level> bids, std::span<const Level> asks,
                                      Timestamp now) const {
  const std::string time =
      type == "snapshot" ? std::string{"1970-01-01T00:00:00Z"} : time_text(now);
  std::string text =
      fmt::format(R"({{"type":"{}","product_id":"{}","updates":[)", type, listing.product);
  bool is_first = true;
  const auto add = [&](std::string_view side, const Level& level) {
    text +=
        fmt::format(R"({}{{"side":"{}","event_time":"{}","price_level":"{}","new_quantity":"{}"}})",
                    is_first ? "" : ",", side, time, exact(level.price), exact(level.quantity));
    is_first = false;
  };
  for (const Level& level : bids) add("bid", level);
  for (const Level& level : asks) add("offer", level);
  return text + "]}";
}

void CoinbaseVenue::send_snapshot(Connection& connection, const std::string& channel,
                                  const std::set<std::string>& products, Timestamp now,
                                  Actions& actions) {
  for (Listing& listing : listings_) {
    if (!products.empty() && products.count(listing.product) == 0) continue;
    if (channel == "level2") {
      constexpr std::size_t all = ~std::size_t{0};
      const auto bids = exchange_.outside(listing.market, Side::buy, all);
      const auto asks = exchange_.outside(listing.market, Side::sell, all);
      send(connection, "l2_data", "[" + book_event(listing, "snapshot", bids, asks, now) + "]", now,
           actions);
    } else if (channel == "market_trades") {
      std::string rows;
      for (auto at = listing.recent.rbegin(); at != listing.recent.rend(); ++at) {
        rows += (rows.empty() ? "" : ",") + trade_json(listing.product, *at, time_text(at->traded));
      }
      send(connection, "market_trades", R"([{"type":"snapshot","trades":[)" + rows + "]}]", now,
           actions);
    } else if (channel == "status") {
      send(connection, "status",
           fmt::format(R"([{{"type":"snapshot","products":[{{"id":"{}","status":"{}"}}]}}])",
                       listing.product, listing.status == "TRADING" ? "online" : "offline"),
           now, actions);
    }
  }
  if (channel != "user") return;
  std::vector<std::string> pages{""};
  std::size_t count = 0;
  for (const Ticket& ticket : tickets_) {
    if (ticket.account != connection.account ||
        !is_open(exchange_.find(ticket.orders.back())->status)) {
      continue;
    }
    if (count > 0 && count % orders_in_snapshot == 0) pages.emplace_back();
    ++count;
    pages.back() += (pages.back().empty() ? "" : ",") + json::serialize(order_json(ticket, true));
  }
  for (const std::string& page : pages) {
    send(
        connection, "user",
        R"([{"type":"snapshot","orders":[)" + page +
            R"(],"positions":{"perpetual_futures_positions":[],"expiring_futures_positions":[]}}])",
        now, actions);
  }
}

void CoinbaseVenue::send_subscriptions(Connection& connection, Timestamp now, Actions& actions) {
  json::object all;
  for (const auto& [channel, products] : connection.channels) {
    json::array names;
    if (channel == "user") {
      names.emplace_back("00000000-0000-4000-8000-000000000000");
    } else if (products.empty()) {
      names.emplace_back(channel);
    }
    for (const std::string& product : products) names.emplace_back(product);
    all[channel] = std::move(names);
  }
  send(connection, "subscriptions", R"([{"subscriptions":)" + json::serialize(all) + "}]", now,
       actions);
}

void CoinbaseVenue::on_text(ConnectionId id, std::string_view text, Timestamp now,
                            Actions& actions) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  boost::system::error_code failed;
  const json::value parsed = json::parse(json::string_view{text.data(), text.size()}, failed);
  const auto text_of = [&](std::string_view name) {
    const auto* value = parsed.is_object() ? parsed.get_object().if_contains(name) : nullptr;
    return value != nullptr && value->is_string() ? std::string{value->get_string()}
                                                  : std::string{};
  };
  const std::string type = failed ? "" : text_of("type");
  const std::string channel = text_of("channel");
  const bool subscribes = type == "subscribe";
  if (!subscribes && type != "unsubscribe") {
    return send_error(connection, "failure to subscribe", actions);
  }
  constexpr std::array<std::string_view, 7> public_channels{
      "heartbeats", "level2", "market_trades", "ticker", "ticker_batch", "candles", "status"};
  const bool is_private = channel == "user";
  const bool is_known = is_private || std::find(public_channels.begin(), public_channels.end(),
                                                channel) != public_channels.end();
  const bool is_served = connection.place == Place::market || is_private || channel == "heartbeats";
  const std::string token = text_of("jwt");
  if (!is_known || !is_served || (is_private && token.empty())) {
    return send_error(connection, "authentication failure", actions);
  }
  if (!token.empty()) {
    const TokenVerdict verdict = check_token(token, {}, now + clock_shift_,
                                             [&](std::string_view name) { return pem_of(name); });
    if (!verdict.why.empty()) return send_error(connection, "authentication failure", actions);
    for (Account& account : accounts_) {
      if (is_private && account.settings.api_key == verdict.key_name) connection.account = &account;
    }
  }
  std::set<std::string> products;
  if (const auto* list = parsed.get_object().if_contains("product_ids");
      list != nullptr && list->is_array()) {
    for (const auto& each : list->get_array()) {
      if (!each.is_string() ||
          find_listing({each.get_string().data(), each.get_string().size()}) == nullptr) {
        return send_error(connection, "failure to subscribe", actions);
      }
      products.emplace(each.get_string());
    }
  }
  if (!subscribes) {
    auto& kept = connection.channels[channel];
    for (const std::string& product : products) kept.erase(product);
    if (kept.empty()) connection.channels.erase(channel);
    return send_subscriptions(connection, now, actions);
  }
  connection.has_subscribed = true;
  connection.channels[channel].insert(products.begin(), products.end());
  if (channel == "heartbeats") {
    connection.next_heartbeat = std::min(connection.next_heartbeat, now + heartbeat_interval);
  } else if (!is_private) {
    start(now);
  }
  // The data comes before the answer.
  send_snapshot(connection, channel, products, now, actions);
  send_subscriptions(connection, now, actions);
}

// --- events --------------------------------------------------------------------------------------

void CoinbaseVenue::start(Timestamp now) {
  if (started_ || paused_) return;
  started_ = true;
  for (Listing& listing : listings_) listing.replay.resume(now);
}

template <class Build>
void CoinbaseVenue::publish(std::string_view subscribed, std::string_view channel,
                            const Listing& listing, Timestamp now, Actions& actions,
                            const Build& build) {
  std::string events;
  for (auto& [id, connection] : connections_) {
    const auto found = connection.channels.find(std::string{subscribed});
    if (found == connection.channels.end() ||
        (!found->second.empty() && found->second.count(listing.product) == 0)) {
      continue;
    }
    if (events.empty()) events = "[" + build() + "]";
    send(connection, channel, events, now, actions);
  }
}

void CoinbaseVenue::play(Listing& listing, Timestamp now, Actions& actions) {
  std::vector<MarketEvent> events;
  listing.replay.advance(now, max_frames_a_turn, events);
  Reports reports;
  for (const MarketEvent& event : events) {
    if (const auto* depth = std::get_if<DepthEvent>(&event.what)) {
      listing.last_update_id = depth->last_id;
      exchange_.apply_levels(listing.market, depth->bids, depth->asks, now, reports);
      publish("level2", "l2_data", listing, now, actions,
              [&] { return book_event(listing, "update", depth->bids, depth->asks, now); });
    } else if (const auto* trade = std::get_if<TradeEvent>(&event.what)) {
      listing.last_trade_id = trade->id;
      exchange_.outside_trade(listing.market, trade->buyer_is_maker ? Side::sell : Side::buy,
                              trade->price, trade->quantity, now, reports);
      listing.batch.push_back(*trade);
      listing.recent.push_back(*trade);
      if (listing.recent.size() > trades_in_snapshot) listing.recent.pop_front();
      if (next_trades_ == domain::never) next_trades_ = now + trades_interval;
    }
  }
  say(reports, now, actions);
}

void CoinbaseVenue::flush_trades(Timestamp now, Actions& actions) {
  next_trades_ = domain::never;
  for (Listing& listing : listings_) {
    if (listing.batch.empty()) continue;
    publish("market_trades", "market_trades", listing, now, actions, [&] {
      std::string rows;
      for (auto at = listing.batch.rbegin(); at != listing.batch.rend(); ++at) {
        rows += (rows.empty() ? "" : ",") + trade_json(listing.product, *at, time_text(at->traded));
      }
      return R"({"type":"update","trades":[)" + rows + "]}";
    });
    const TradeEvent last = listing.batch.back();
    const auto bid = exchange_.best_outside(listing.market, Side::buy);
    const auto ask = exchange_.best_outside(listing.market, Side::sell);
    listing.batch.clear();
    if (!bid || !ask) continue;
    publish("ticker", "ticker", listing, now, actions, [&] {
      return fmt::format(
          R"({{"type":"update","tickers":[{{"type":"ticker","product_id":"{}","price":"{}","best_bid":"{}","best_bid_quantity":"{}","best_ask":"{}","best_ask_quantity":"{}"}}]}})",
          listing.product, exact(last.price), exact(bid->price), exact(bid->quantity),
          exact(ask->price), exact(ask->quantity));
    });
  }
}

void CoinbaseVenue::say_ticket(const Ticket& ticket, Timestamp now, Actions& actions) {
  for (auto& [id, connection] : connections_) {
    if (connection.account != ticket.account || connection.channels.count("user") == 0) continue;
    send(connection, "user",
         R"([{"type":"update","orders":[)" + json::serialize(order_json(ticket, true)) + "]}]", now,
         actions);
  }
}

void CoinbaseVenue::say(const Reports& reports, Timestamp now, Actions& actions) {
  std::vector<Ticket*> touched;
  for (const Report& report : reports) {
    Ticket* const ticket = ticket_of(report.order.id);
    if (ticket == nullptr) continue;
    if (report.fill) {
      ticket->fees += report.fill->commission;
      ++ticket->fills;
      ticket->last_fill = now;
    }
    // An update holds totals: several executions of one moment are one word.
    if (std::find(touched.begin(), touched.end(), ticket) == touched.end()) {
      touched.push_back(ticket);
    }
  }
  for (const Ticket* ticket : touched) {
    if (!ticket->is_being_edited) say_ticket(*ticket, now, actions);
  }
}

void CoinbaseVenue::turn(Timestamp now, Actions& actions) {
  if (!started_ && !settings_.wait_for_client) start(now);
  for (Listing& listing : listings_) {
    if (listing.replay.next_due() <= now) play(listing, now, actions);
  }
  if (now >= next_trades_) flush_trades(now, actions);
  for (auto& [id, connection] : connections_) {
    if (!connection.has_subscribed && now >= connection.subscribe_by) {
      actions.push_back(CloseConnection{id, 1008, "no subscription within 5 s"});
      connection.subscribe_by = domain::never;
    }
    if (now < connection.next_heartbeat) continue;
    connection.next_heartbeat = now + heartbeat_interval;
    send(connection, "heartbeats",
         fmt::format(R"([{{"current_time":"{}","heartbeat_counter":{}}}])", time_text(now),
                     connection.heartbeats++),
         now, actions);
  }
  end_overdue(now, actions);
}

Timestamp CoinbaseVenue::next_deadline() const {
  Timestamp next = next_trades_;
  for (const Listing& listing : listings_) next = std::min(next, listing.replay.next_due());
  for (const auto& [id, connection] : connections_) {
    next = std::min(next, connection.next_heartbeat);
    if (!connection.has_subscribed) next = std::min(next, connection.subscribe_by);
  }
  for (const Ticket& ticket : tickets_) {
    if (ticket.end_time && is_open(exchange_.find(ticket.orders.back())->status)) {
      next = std::min(next, *ticket.end_time);
    }
  }
  return next;
}

// --- control -------------------------------------------------------------------------------------

std::vector<ControlledVenue::AccountView> CoinbaseVenue::accounts() const {
  std::vector<AccountView> views;
  for (const Account& account : accounts_) views.push_back({&account.settings, account.index});
  return views;
}

std::string CoinbaseVenue::call_as(std::string_view, std::string_view method,
                                   const std::vector<std::pair<std::string, std::string>>&,
                                   Timestamp, Actions&) {
  return json::serialize(json::value{
      {"status", 400},
      {"error",
       {{"code", 0}, {"msg", "this venue runs no method by hand: " + std::string{method}}}}});
}

bool CoinbaseVenue::end_order(std::uint64_t order_id, bool expire, Timestamp now,
                              Actions& actions) {
  Reports reports;
  const auto refused = expire ? exchange_.expire(order_id, now, reports)
                              : exchange_.cancel(order_id, {}, now, reports);
  say(reports, now, actions);
  return !refused;
}

bool CoinbaseVenue::transfer(std::string_view account, std::string_view asset, Money amount,
                             Timestamp, Actions&) {
  const Account* found = find_account(account);
  return found != nullptr && exchange_.deposit(found->index, exchange_.asset(asset), amount);
}

void CoinbaseVenue::pause(Timestamp now) {
  paused_ = true;
  for (Listing& listing : listings_) listing.replay.pause(now);
}

void CoinbaseVenue::resume(Timestamp now) {
  paused_ = false;
  started_ = true;
  for (Listing& listing : listings_) listing.replay.resume(now);
}

void CoinbaseVenue::set_speed(int speed, Timestamp now) {
  for (Listing& listing : listings_) listing.replay.set_speed(speed, now);
}

std::size_t CoinbaseVenue::drop_connections(Place place, Actions& actions) {
  std::size_t count = 0;
  for (const auto& [id, connection] : connections_) {
    if (place != Place::any && place != connection.place) continue;
    actions.push_back(CloseConnection{id, 0, {}});
    ++count;
  }
  return count;
}

std::size_t CoinbaseVenue::announce_shutdown(Place place, std::optional<Duration> close_after,
                                             Timestamp, Actions& actions) {
  return close_after ? drop_connections(place, actions) : 0;
}

void CoinbaseVenue::stall(Place place, Timestamp until) { stalled_until_[place] = until; }

bool CoinbaseVenue::set_key_valid(std::string_view account, bool valid) {
  Account* found = find_account(account);
  if (found == nullptr) return false;
  found->valid = valid;
  return true;
}

std::string CoinbaseVenue::set_filter(std::string_view, std::string_view) {
  return "this venue has no filters";
}

bool CoinbaseVenue::set_symbol_status(std::string_view symbol, std::string_view status) {
  Listing* found = find_listing(symbol);
  if (found == nullptr) return false;
  found->status = status;
  return true;
}

std::vector<ControlledVenue::ConnectionView> CoinbaseVenue::connections() const {
  std::vector<ConnectionView> views;
  for (const auto& [id, connection] : connections_) {
    ConnectionView& view = views.emplace_back();
    view.id = id;
    view.place = connection.place;
    for (const auto& [channel, products] : connection.channels) view.streams.push_back(channel);
    if (connection.account != nullptr) view.account = connection.account->settings.name;
    view.user_streams = connection.channels.count("user");
  }
  return views;
}

std::vector<ControlledVenue::ReplayView> CoinbaseVenue::replays(Timestamp now) const {
  std::vector<ReplayView> views;
  for (const Listing& listing : listings_) {
    views.push_back({listing.product, listing.replay.running(), listing.replay.finished(),
                     listing.replay.speed(), listing.replay.round(), listing.replay.position(now),
                     listing.last_update_id, listing.last_trade_id});
  }
  return views;
}

}  // namespace halcyon::simulation
