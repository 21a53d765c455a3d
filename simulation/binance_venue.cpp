// Lines and events of the Binance venue; its methods are in binance_methods.cpp.

#include "simulation/binance_venue.h"

#include <algorithm>
#include <functional>
#include <stdexcept>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "simulation/binance_core.h"

namespace halcyon::simulation {

namespace json = boost::json;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr Duration reference_span = minutes{5};
constexpr Duration reorder_wait = seconds{1};

std::string lower(std::string_view text) {
  std::string out{text};
  for (auto& letter : out) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return out;
}

Text shared(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

std::vector<std::string> split(std::string_view text, char by) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = text.find(by);
    if (end != 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

HttpAnswer http_refusal(unsigned status, std::string body) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

bool is_microseconds(std::string_view unit) { return lower(unit) == "microsecond"; }

}  // namespace

std::unique_ptr<BinanceVenue> BinanceVenue::make(const BinanceSettings& settings) {
  return std::make_unique<BinanceCore>(settings);
}

BinanceCore::BinanceCore(const BinanceSettings& settings)
    : settings_(settings),
      faults_(settings.seed),
      random_(settings.seed),
      weight_(minutes{1}, settings.limits.weight_per_minute),
      raw_requests_(minutes{5}, settings.limits.raw_requests_per_5m),
      connects_(minutes{5}, settings.limits.connections_per_5m) {}

void BinanceCore::add_listing(const SymbolRules& rules, Replay replay) {
  if (find_listing(rules.symbol) != nullptr) {
    throw std::runtime_error(rules.symbol + ": two recordings of one symbol; give one");
  }
  Listing added{rules, std::move(replay)};
  added.lower = lower(rules.symbol);
  added.market = exchange_.add_market({.symbol = rules.symbol,
                                       .base = exchange_.asset(rules.base),
                                       .quote = exchange_.asset(rules.quote),
                                       .step = rules.step});
  const auto& tape = added.replay.tape();
  added.last_update_id = tape.snapshot_id;
  added.changed_first_id = tape.snapshot_id + 1;
  Reports none;
  exchange_.apply_levels(added.market, tape.snapshot.bids, tape.snapshot.asks, Timestamp{}, none);
  listings_.push_back(std::move(added));
}

void BinanceCore::add_account(const AccountSettings& settings) {
  Fees fees;
  fees.maker = settings.maker_commission;
  fees.taker = settings.taker_commission;
  if (settings.fee_asset == "quote") {
    fees.payment = Fees::Payment::quote;
  } else if (settings.fee_asset != "received") {
    fees.payment = Fees::Payment::other;
    fees.other = exchange_.asset(settings.fee_asset);
    fees.other_price = settings.fee_asset_price;
  }
  const auto index = exchange_.add_account(fees);
  accounts_.push_back({.settings = settings,
                       .index = index,
                       .orders_10s = {seconds{10}, settings_.limits.orders_per_10s},
                       .orders_day = {std::chrono::hours{24}, settings_.limits.orders_per_day}});
  auto& account = accounts_.back();
  for (const auto& [name, amount] : settings.balances) {
    const auto asset = exchange_.asset(name);
    exchange_.deposit(index, asset, amount);
    account.said[asset] = exchange_.balance(index, asset);
  }
}

BinanceCore::Listing* BinanceCore::find_listing(std::string_view symbol) {
  const auto found = std::find_if(listings_.begin(), listings_.end(),
                                  [&](const Listing& each) { return each.rules.symbol == symbol; });
  return found == listings_.end() ? nullptr : &*found;
}

BinanceCore::Account* BinanceCore::find_account(std::string_view name) {
  const auto found = std::find_if(accounts_.begin(), accounts_.end(),
                                  [&](const Account& each) { return each.settings.name == name; });
  return found == accounts_.end() ? nullptr : &*found;
}

std::string BinanceCore::made_up_id() {
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string id(22, ' ');
  for (auto& letter : id) letter = letters[random_() % letters.size()];
  return id;
}

// --- lines ---------------------------------------------------------------------------------------

std::optional<HttpAnswer> BinanceCore::open(ConnectionId id, std::string_view target, Timestamp now,
                                            Actions& actions) {
  if (const auto ban = banned(now)) return http_refusal(418, ban->message);
  connects_.add(1, now);
  if (connects_.count(now) > connects_.limit()) {
    return http_refusal(429, "Too many connections; 300 per 5 minutes.");
  }
  const auto question = target.find('?');
  const auto path = target.substr(0, question);
  Params query;
  if (question != std::string_view::npos && !parse_query(target.substr(question + 1), query)) {
    return http_refusal(400, "The query cannot be read.");
  }
  Connection connection;
  connection.id = id;
  connection.connected = now;
  connection.next_ping = now + ping_interval;
  if (const auto* unit = query.find("timeUnit"); unit != nullptr && is_microseconds(*unit)) {
    connection.unit = WireUnit::microseconds;
  }
  std::vector<std::string> streams;
  if (path == "/ws-api/v3") {
    connection.place = Place::orders;
    const auto* limits = query.find("returnRateLimits");
    connection.rate_limits = limits == nullptr || *limits != "false";
    weight_.add(2, now);
  } else if (path == "/stream") {
    connection.combined = true;
    if (const auto* names = query.find("streams")) streams = split(*names, '/');
  } else if (path == "/ws" || path.starts_with("/ws/")) {
    streams = split(path.substr(3), '/');
  } else {
    return http_refusal(404, "No WebSocket here; /stream, /ws or /ws-api/v3.");
  }
  auto& added = connections_[id] = std::move(connection);
  if (const auto refused = subscribe(added, streams, now)) {
    on_closed(id);
    return http_refusal(400, *refused);
  }
  static_cast<void>(actions);
  return std::nullopt;
}

void BinanceCore::on_closed(ConnectionId id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  while (!found->second.streams.empty()) unsubscribe(found->second, found->second.streams.back());
  connections_.erase(found);
}

bool BinanceCore::stalled(const Connection& connection, Timestamp now) const {
  return std::any_of(stalled_until_.begin(), stalled_until_.end(), [&](const auto& each) {
    return (each.first == Place::any || each.first == connection.place) && now < each.second;
  });
}

void BinanceCore::emit(Connection& connection, Text text, Timestamp now, Actions& actions) {
  if (connection.held.empty() && !stalled(connection, now)) {
    actions.push_back(SendText{connection.id, std::move(text)});
    return;
  }
  connection.held.push_back(std::move(text));
  if (connection.held.size() > max_held_texts) {
    connection.held.clear();
    actions.push_back(CloseConnection{connection.id, 0, {}});
  }
}

void BinanceCore::delay(Timestamp due, ConnectionId connection,
                        std::variant<Text, CloseConnection> what) {
  delayed_.emplace(due, std::pair{connection, std::move(what)});
}

bool BinanceCore::too_fast(Connection& connection, Timestamp now, Actions& actions) {
  if (connection.place != Place::market) return false;
  const auto second = now.time_since_epoch() / seconds{1};
  if (second != connection.inbound_second) {
    connection.inbound_second = second;
    connection.inbound = 0;
  }
  if (++connection.inbound <= inbound_per_second) return false;
  actions.push_back(CloseConnection{connection.id, 1008, "Too many requests"});
  return true;
}

void BinanceCore::on_ping(ConnectionId id, Timestamp now, Actions& actions) {
  const auto found = connections_.find(id);
  if (found != connections_.end()) too_fast(found->second, now, actions);
}

void BinanceCore::on_pong(ConnectionId id, std::string_view payload, Timestamp now,
                          Actions& actions) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  // An unsolicited pong has no payload of ours and is no answer.
  if (!payload.empty()) found->second.unanswered_since.reset();
  too_fast(found->second, now, actions);
}

void BinanceCore::on_text(ConnectionId id, std::string_view text, Timestamp now, Actions& actions) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  if (found->second.place == Place::market) {
    on_control(found->second, text, now, actions);
  } else {
    on_request(found->second, text, now, actions);
  }
}

// --- control frames of the market streams --------------------------------------------------------

bool BinanceCore::serves(std::string_view stream) const {
  const auto at = stream.find('@');
  if (at == std::string_view::npos) return false;
  const auto symbol = stream.substr(0, at);
  const auto kind = stream.substr(at + 1);
  if (std::none_of(listings_.begin(), listings_.end(),
                   [&](const Listing& each) { return each.lower == symbol; })) {
    return false;
  }
  constexpr std::array<std::string_view, 12> kinds{
      "trade",   "aggTrade", "bookTicker",   "depth",         "depth@100ms",   "depth5",
      "depth10", "depth20",  "depth5@100ms", "depth10@100ms", "depth20@100ms", "avgPrice"};
  if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) return true;
  return kind.starts_with("kline_") && parse_interval(kind.substr(6)).has_value();
}

std::optional<std::string> BinanceCore::subscribe(Connection& connection,
                                                  const std::vector<std::string>& streams,
                                                  Timestamp now) {
  for (const auto& stream : streams) {
    if (!serves(stream)) return "Invalid request: no such stream here: " + stream;
  }
  for (const auto& stream : streams) {
    auto& names = connection.streams;
    if (std::find(names.begin(), names.end(), stream) != names.end()) continue;
    if (names.size() >= max_streams) return std::string{"Invalid request: too many streams"};
    names.push_back(stream);
    subscribers_[stream].push_back(connection.id);
  }
  if (!streams.empty()) start(now);
  return std::nullopt;
}

void BinanceCore::unsubscribe(Connection& connection, const std::string& stream) {
  const std::string name = stream;
  std::erase(connection.streams, name);
  const auto found = subscribers_.find(name);
  if (found == subscribers_.end()) return;
  std::erase(found->second, connection.id);
  if (!found->second.empty()) return;
  subscribers_.erase(found);
  for (auto& listing : listings_) listing.open_bars.erase(name);
}

void BinanceCore::on_control(Connection& connection, std::string_view text, Timestamp now,
                             Actions& actions) {
  if (too_fast(connection, now, actions)) return;
  const auto answer = [&](std::string body) {
    emit(connection, shared(std::move(body)), now, actions);
  };
  const auto frame = parse_frame(text);
  const auto refuse = [&](int code, const std::string& message) {
    answer(json::serialize(json::value{{"error", {{"code", code}, {"msg", message}}}})
               .insert(1, fmt::format(R"("id":{},)", frame ? frame->id : "null")));
  };
  if (!frame) return refuse(3, "Invalid JSON: expected {\"method\",\"params\",\"id\"}");
  const auto done = [&](const std::string& result) {
    answer(fmt::format(R"({{"result":{},"id":{}}})", result, frame->id));
  };
  if (frame->method == "SUBSCRIBE") {
    if (const auto refused = subscribe(connection, frame->list, now)) return refuse(2, *refused);
    return done("null");
  }
  if (frame->method == "UNSUBSCRIBE") {
    for (const auto& stream : frame->list) unsubscribe(connection, stream);
    return done("null");
  }
  if (frame->method == "LIST_SUBSCRIPTIONS") {
    json::array names;
    for (const auto& stream : connection.streams) names.emplace_back(stream);
    return done(json::serialize(names));
  }
  const bool sets = frame->method == "SET_PROPERTY";
  if (!sets && frame->method != "GET_PROPERTY") {
    return refuse(2, "Invalid request: unknown method " + frame->method);
  }
  if (frame->list.empty() || frame->list[0] != "combined") {
    return refuse(0, "Unknown property");
  }
  if (!sets) return done(connection.combined ? "true" : "false");
  if (frame->list.size() != 2 || (frame->list[1] != "true" && frame->list[1] != "false")) {
    return refuse(1, "Invalid value type: expected Boolean");
  }
  connection.combined = frame->list[1] == "true";
  done("null");
}

// --- market events -------------------------------------------------------------------------------

bool BinanceCore::wanted(const std::string& stream) const { return subscribers_.contains(stream); }

/// `build(unit)` makes the payload; it is called once for each form that somebody wants.
template <class Build>
void BinanceCore::publish(const std::string& stream, std::string_view kind, Timestamp now,
                          Actions& actions, const Build& build) {
  const auto found = subscribers_.find(stream);
  if (found == subscribers_.end()) return;
  const Faults::Point point{.place = Place::market, .event = kind};
  const bool malformed = faults_.take(FaultKind::malformed_frame, point).has_value();
  const auto huge = faults_.take(FaultKind::huge_frame, point);
  std::array<Text, 4> forms;
  for (const auto id : found->second) {
    auto& connection = connections_.at(id);
    auto& form = forms[(connection.combined ? 2U : 0U) +
                       (connection.unit == WireUnit::microseconds ? 1U : 0U)];
    if (!form) {
      auto text = build(connection.unit);
      if (connection.combined) text = fmt::format(R"({{"stream":"{}","data":{}}})", stream, text);
      if (malformed) text.resize(text.size() / 2);
      form = shared(std::move(text));
    }
    if (huge) {
      const auto filler =
          static_cast<std::size_t>(std::clamp<std::int64_t>(huge->bytes, 0, 1 << 28));
      emit(connection,
           shared(fmt::format(R"({{"stream":"{}","data":{{"e":"huge","filler":"{}"}}}})", stream,
                              std::string(filler, 'x'))),
           now, actions);
    }
    emit(connection, form, now, actions);
  }
}

void BinanceCore::publish_partial(Listing& listing, std::string_view suffix, Timestamp now,
                                  Actions& actions) {
  for (const std::size_t levels : {5U, 10U, 20U}) {
    const auto stream = fmt::format("{}@depth{}{}", listing.lower, levels, suffix);
    publish(stream, "partialDepth", now, actions, [&](WireUnit) {
      return partial_depth_text(listing.last_update_id,
                                exchange_.outside(listing.market, Side::buy, levels),
                                exchange_.outside(listing.market, Side::sell, levels));
    });
  }
}

void BinanceCore::on_depth(Listing& listing, const DepthEvent& depth, Timestamp now,
                           Actions& actions) {
  Reports reports;
  exchange_.apply_levels(listing.market, depth.bids, depth.asks, now, reports);
  listing.last_update_id = depth.last_id;
  const auto slow = listing.lower + "@depth";
  if (wanted(slow)) {
    for (const auto& level : depth.bids) listing.changed[0][level.price] = level.quantity;
    for (const auto& level : depth.asks) listing.changed[1][level.price] = level.quantity;
  } else {
    listing.changed = {};
    listing.changed_first_id = depth.last_id + 1;
  }
  const auto stream = listing.lower + "@depth@100ms";
  if (wanted(stream) &&
      !faults_.take(FaultKind::depth_gap, {.place = Place::market, .event = "depth"})) {
    publish(stream, "depth", now, actions, [&](WireUnit unit) {
      return depth_text(listing.rules.symbol, depth, wire(unit)(now));
    });
  }
  publish_partial(listing, "@100ms", now, actions);
  say(reports, now, actions);
}

void BinanceCore::forget_old_trades(Listing& listing, Timestamp now) {
  while (!listing.recent.empty() && listing.recent.front().first.traded + reference_span < now) {
    listing.recent_quote -= listing.recent.front().second;
    listing.recent_quantity -= listing.recent.front().first.quantity;
    listing.recent.pop_front();
  }
}

void BinanceCore::play(Listing& listing, Timestamp now, Actions& actions) {
  std::vector<MarketEvent> events;
  listing.replay.advance(now, max_frames_a_turn, events);
  const auto& symbol = listing.rules.symbol;
  for (const auto& event : events) {
    if (const auto* depth = std::get_if<DepthEvent>(&event.what)) {
      on_depth(listing, *depth, event.time, actions);
    } else if (const auto* trade = std::get_if<TradeEvent>(&event.what)) {
      const auto quote = domain::notional(trade->price, trade->quantity).value_or(Money{});
      listing.bars.add(*trade);
      listing.last_trade = *trade;
      listing.recent.emplace_back(*trade, quote);
      listing.recent_quote += quote;
      listing.recent_quantity += trade->quantity;
      forget_old_trades(listing, event.time);
      Reports reports;
      exchange_.outside_trade(listing.market, trade->buyer_is_maker ? Side::sell : Side::buy,
                              trade->price, trade->quantity, event.time, reports);
      publish(listing.lower + "@trade", "trade", event.time, actions, [&](WireUnit unit) {
        return trade_text(symbol, *trade, wire(unit)(event.time), wire(unit)(trade->traded));
      });
      publish(listing.lower + "@aggTrade", "aggTrade", event.time, actions, [&](WireUnit unit) {
        return agg_trade_text(symbol, *trade, wire(unit)(event.time), wire(unit)(trade->traded));
      });
      say(reports, event.time, actions);
    } else {
      listing.quote = std::get<QuoteEvent>(event.what);
      publish(listing.lower + "@bookTicker", "bookTicker", event.time, actions,
              [&](WireUnit) { return quote_text(symbol, *listing.quote); });
    }
  }
}

void BinanceCore::publish_slow(Listing& listing, std::int64_t second, Timestamp now,
                               Actions& actions) {
  const auto& symbol = listing.rules.symbol;
  const auto depth = listing.lower + "@depth";
  if (wanted(depth) && listing.last_update_id >= listing.changed_first_id) {
    std::array<std::vector<Level>, 2> sides;
    for (std::size_t side = 0; side < 2; ++side) {
      for (const auto& [price, quantity] : listing.changed[side]) {
        sides[side].push_back({price, quantity});
      }
    }
    const DepthEvent event{listing.changed_first_id, listing.last_update_id, sides[0], sides[1]};
    publish(depth, "depth", now, actions,
            [&](WireUnit unit) { return depth_text(symbol, event, wire(unit)(now)); });
    listing.changed = {};
    listing.changed_first_id = listing.last_update_id + 1;
  }
  publish_partial(listing, "", now, actions);
  publish(listing.lower + "@avgPrice", "avgPrice", now, actions, [&](WireUnit unit) {
    const auto traded = listing.last_trade ? listing.last_trade->traded : now;
    return fmt::format(R"({{"e":"avgPrice","E":{},"s":"{}","i":"5m","w":"{}","T":{}}})",
                       wire(unit)(now), symbol, fixed(reference_price(listing)),
                       wire(unit)(traded));
  });
  const auto prefix = listing.lower + "@kline_";
  std::vector<std::string> klines;
  for (const auto& [stream, subscribers] : subscribers_) {
    if (stream.starts_with(prefix)) klines.push_back(stream);
  }
  std::sort(klines.begin(), klines.end());
  for (const auto& stream : klines) {
    const auto name = stream.substr(prefix.size());
    const auto interval = *parse_interval(name);
    if (interval.unit != domain::TimeUnit::second && second % 2 != 0) continue;
    const auto say_bar = [&](Timestamp at, bool closed) {
      const auto bar = listing.bars.at(interval, at);
      if (!bar) return;
      publish(stream, "kline", now, actions, [&](WireUnit unit) {
        return kline_text(symbol, name, *bar, closed, wire(unit)(now), wire(unit));
      });
    };
    const auto open = interval_start(interval, now);
    const auto known = listing.open_bars.find(stream);
    if (known != listing.open_bars.end() && known->second < open) say_bar(known->second, true);
    listing.open_bars[stream] = open;
    say_bar(open, false);
  }
}

Price BinanceCore::reference_price(const Listing& listing) const {
  if (listing.recent_quantity.is_positive()) {
    if (const auto average = domain::price_of(listing.recent_quote, listing.recent_quantity)) {
      // Eight decimals, like every number of the venue.
      return domain::round_down(*average, Price::from_raw(10));
    }
  }
  if (listing.last_trade) return listing.last_trade->price;
  const auto bid = exchange_.best_outside(listing.market, Side::buy);
  const auto ask = exchange_.best_outside(listing.market, Side::sell);
  if (!bid || !ask) return bid ? bid->price : ask ? ask->price : Price{};
  return Price::from_raw(bid->price.raw() / 2 + ask->price.raw() / 2);
}

// --- private events ------------------------------------------------------------------------------

void BinanceCore::say(const Reports& reports, Timestamp now, Actions& actions) {
  for (const auto& report : reports) {
    auto& account = accounts_[static_cast<std::size_t>(report.order.asked.account)];
    if (report.fill && report.order.executed == report.fill->quantity) {
      // The first fill of an order takes it off the count of unfilled ones.
      account.orders_10s.add(-1, now);
      account.orders_day.add(-1, now);
    }
    if (report.kind == ReportKind::replaced) {
      amendments_[report.order.id].push_back({report.execution_id, report.cancel_id,
                                              report.order.asked.client_id, report.amended_from,
                                              report.order.quantity, report.time});
    }
    const bool listened =
        std::any_of(connections_.begin(), connections_.end(), [&](const auto& each) {
          return std::any_of(each.second.user_streams.begin(), each.second.user_streams.end(),
                             [&](const auto& stream) { return stream.second.account == &account; });
        });
    bool moved = false;
    for (const auto& [asset, balance] : report.balances) {
      auto& said = account.said[asset];
      moved = moved || said != balance;
      said = balance;
    }
    if (!listened) continue;
    const auto both = [&](auto write) {
      return std::array{json::serialize(write(report, now, context(WireUnit::milliseconds))),
                        json::serialize(write(report, now, context(WireUnit::microseconds)))};
    };
    if (report.kind == ReportKind::list_changed) {
      say_private(account, "listStatus", "", both(list_status), now, actions);
      continue;
    }
    constexpr std::array<std::string_view, 6> details{
        "NEW", "TRADE", "CANCELED", "EXPIRED", "TRADE_PREVENTION", "REPLACED"};
    say_private(account, "executionReport", details[static_cast<std::size_t>(report.kind)],
                both(execution_report), now, actions);
    if (moved) {
      say_private(account, "outboundAccountPosition", "", both(account_position), now, actions);
    }
  }
}

void BinanceCore::say_private(Account& account, std::string_view kind, std::string_view detail,
                              const std::array<std::string, 2>& texts, Timestamp now,
                              Actions& actions) {
  const Faults::Point point{
      .place = Place::orders, .account = account.settings.name, .event = kind, .detail = detail};
  if (faults_.take(FaultKind::lose_private, point)) return;
  const bool twice = faults_.take(FaultKind::duplicate_private, point).has_value();
  const bool later = faults_.take(FaultKind::reorder_private, point).has_value();
  for (auto& [id, connection] : connections_) {
    for (const auto& [number, stream] : connection.user_streams) {
      if (stream.account != &account) continue;
      const auto text = shared(fmt::format(R"({{"subscriptionId":{},"event":{}}})", number,
                                           texts[connection.unit == WireUnit::microseconds]));
      if (later && !connection.reordered) {
        connection.reordered = text;
        connection.reordered_due = now + reorder_wait;
        continue;
      }
      emit(connection, text, now, actions);
      if (twice) emit(connection, text, now, actions);
      if (connection.reordered) {
        emit(connection, *std::exchange(connection.reordered, std::nullopt), now, actions);
      }
    }
  }
}

void BinanceCore::say_ended(const Call& call, Timestamp now, Actions& actions) {
  if (call.connection == nullptr) return;
  for (const auto& [number, stream] : call.ended_streams) {
    emit(*call.connection,
         shared(fmt::format(
             R"({{"subscriptionId":{},"event":{{"e":"eventStreamTerminated","E":{}}}}})", number,
             wire(call.connection->unit)(now))),
         now, actions);
  }
}

// --- time ----------------------------------------------------------------------------------------

void BinanceCore::start(Timestamp now) {
  if (started_) return;
  started_ = true;
  if (paused_) return;
  for (auto& listing : listings_) listing.replay.resume(now);
}

void BinanceCore::turn(Timestamp now, Actions& actions) {
  if (!settings_.wait_for_client) start(now);
  for (auto& listing : listings_) play(listing, now, actions);
  const auto second = now.time_since_epoch() / seconds{1};
  if (second != last_second_) {
    if (last_second_ >= 0) {
      for (auto& listing : listings_) publish_slow(listing, second, now, actions);
    }
    last_second_ = second;
  }
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    auto [connection, what] = std::move(delayed_.extract(delayed_.begin()).mapped());
    const auto found = connections_.find(connection);
    if (found == connections_.end()) continue;
    if (auto* text = std::get_if<Text>(&what)) {
      emit(found->second, std::move(*text), now, actions);
    } else {
      actions.push_back(std::get<CloseConnection>(what));
    }
  }
  for (auto& [id, connection] : connections_) {
    if (connection.reordered && connection.reordered_due <= now) {
      emit(connection, *std::exchange(connection.reordered, std::nullopt), now, actions);
    }
    if (stalled(connection, now)) continue;
    for (; !connection.held.empty(); connection.held.pop_front()) {
      actions.push_back(SendText{id, std::move(connection.held.front())});
    }
    if (connection.connected + connection_lifetime <= now) {
      actions.push_back(CloseConnection{id, 1000, "24 hours are over"});
    } else if (connection.unanswered_since && *connection.unanswered_since + pong_timeout <= now) {
      actions.push_back(CloseConnection{id, 1008, "Pong timeout"});
      connection.unanswered_since = now;
    } else if (connection.next_ping <= now) {
      actions.push_back(SendPing{id, std::to_string(wire(WireUnit::milliseconds)(now))});
      if (!connection.unanswered_since) connection.unanswered_since = now;
      connection.next_ping = now + ping_interval;
    }
  }
}

Timestamp BinanceCore::next_deadline() const {
  Timestamp due = domain::never;
  for (const auto& listing : listings_) due = std::min(due, listing.replay.next_due());
  if (!delayed_.empty()) due = std::min(due, delayed_.begin()->first);
  // Slow streams, and the end of a stall, are looked at once a second.
  if (!connections_.empty()) {
    due = std::min(due, Timestamp{seconds{last_second_ + 1}});
  }
  for (const auto& [id, connection] : connections_) {
    if (connection.reordered) due = std::min(due, connection.reordered_due);
    for (const auto& [place, until] : stalled_until_) {
      if (!connection.held.empty()) due = std::min(due, until);
    }
  }
  if (!settings_.wait_for_client && !started_) due = Timestamp{};
  return due;
}

// --- what the control socket asks for ------------------------------------------------------------

std::vector<BinanceVenue::AccountView> BinanceCore::accounts() const {
  std::vector<AccountView> views;
  for (const auto& account : accounts_) views.push_back({&account.settings, account.index});
  return views;
}

bool BinanceCore::end_order(std::uint64_t order_id, bool expire, Timestamp now, Actions& actions) {
  Reports reports;
  const auto refused = expire ? exchange_.expire(order_id, now, reports)
                              : exchange_.cancel(order_id, made_up_id(), now, reports);
  say(reports, now, actions);
  return !refused;
}

bool BinanceCore::transfer(std::string_view name, std::string_view asset_name, Money amount,
                           Timestamp now, Actions& actions) {
  auto* account = find_account(name);
  if (account == nullptr) return false;
  const auto asset = exchange_.asset(asset_name);
  if (!exchange_.deposit(account->index, asset, amount)) return false;
  const auto balance = exchange_.balance(account->index, asset);
  account->said[asset] = balance;
  const auto both = [&](const std::function<std::string(std::int64_t)>& write) {
    return std::array{write(wire(WireUnit::milliseconds)(now)),
                      write(wire(WireUnit::microseconds)(now))};
  };
  say_private(*account, "balanceUpdate", "", both([&](std::int64_t time) {
    return fmt::format(R"({{"e":"balanceUpdate","E":{},"a":"{}","d":"{}","T":{}}})", time,
                       asset_name, fixed(amount), time);
  }),
              now, actions);
  say_private(*account, "outboundAccountPosition", "", both([&](std::int64_t time) {
    return fmt::format(
        R"({{"e":"outboundAccountPosition","E":{},"u":{},"B":[{{"a":"{}","f":"{}","l":"{}"}}]}})",
        time, time, asset_name, fixed(balance.free), fixed(balance.locked));
  }),
              now, actions);
  return true;
}

void BinanceCore::pause(Timestamp now) {
  paused_ = true;
  for (auto& listing : listings_) listing.replay.pause(now);
}

void BinanceCore::resume(Timestamp now) {
  paused_ = false;
  started_ = true;
  for (auto& listing : listings_) listing.replay.resume(now);
}

void BinanceCore::set_speed(int speed, Timestamp now) {
  for (auto& listing : listings_) listing.replay.set_speed(speed, now);
}

std::size_t BinanceCore::drop_connections(Place place, Actions& actions) {
  std::size_t dropped = 0;
  for (const auto& [id, connection] : connections_) {
    if (place != Place::any && place != connection.place) continue;
    actions.push_back(CloseConnection{id, 0, {}});
    ++dropped;
  }
  return dropped;
}

std::size_t BinanceCore::announce_shutdown(Place place, std::optional<Duration> close_after,
                                           Timestamp now, Actions& actions) {
  std::size_t told = 0;
  for (auto& [id, connection] : connections_) {
    if (place != Place::any && place != connection.place) continue;
    const auto event =
        fmt::format(R"({{"e":"serverShutdown","E":{}}})", wire(connection.unit)(now));
    std::string text = event;
    if (connection.place == Place::orders) {
      text = fmt::format(R"({{"event":{}}})", event);
    } else if (connection.combined) {
      text = fmt::format(R"({{"stream":"!serverShutdown","data":{}}})", event);
    }
    emit(connection, shared(std::move(text)), now, actions);
    if (close_after) {
      delay(now + *close_after, id, CloseConnection{id, 1001, "Server shutdown"});
    }
    ++told;
  }
  return told;
}

void BinanceCore::stall(Place place, Timestamp until) { stalled_until_[place] = until; }

bool BinanceCore::set_key_valid(std::string_view name, bool valid) {
  auto* account = find_account(name);
  if (account != nullptr) account->valid = valid;
  return account != nullptr;
}

bool BinanceCore::set_symbol_status(std::string_view symbol, std::string_view status) {
  constexpr std::array<std::string_view, 5> known{"TRADING", "HALT", "BREAK", "CANCEL_ONLY",
                                                  "END_OF_DAY"};
  auto* listing = find_listing(symbol);
  if (listing == nullptr || std::find(known.begin(), known.end(), status) == known.end()) {
    return false;
  }
  listing->status = status;
  return true;
}

std::string BinanceCore::set_filter(std::string_view symbol, std::string_view filter) {
  auto* listing = find_listing(symbol);
  if (listing == nullptr) return "no such symbol";
  try {
    replace_filter(listing->rules, filter);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

std::vector<BinanceVenue::ConnectionView> BinanceCore::connections() const {
  std::vector<ConnectionView> views;
  for (const auto& [id, connection] : connections_) {
    views.push_back(
        {id, connection.place, connection.streams,
         connection.account == nullptr ? std::string{} : connection.account->settings.name,
         connection.user_streams.size()});
  }
  return views;
}

std::vector<BinanceVenue::ReplayView> BinanceCore::replays(Timestamp now) const {
  std::vector<ReplayView> views;
  for (const auto& listing : listings_) {
    const auto& replay = listing.replay;
    views.push_back({listing.rules.symbol, replay.running(), replay.finished(), replay.speed(),
                     replay.round(), replay.position(now), listing.last_update_id,
                     listing.last_trade ? listing.last_trade->id : 0});
  }
  return views;
}

}  // namespace halcyon::simulation
