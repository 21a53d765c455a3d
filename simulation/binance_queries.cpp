// What the Binance venue is asked: its market, the session, and an account.

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "simulation/binance_core.h"

namespace halcyon::simulation {

namespace json = boost::json;

namespace {

constexpr std::size_t max_depth = 5000;

json::value level_rows(const std::vector<Level>& levels) {
  json::array rows;
  rows.reserve(levels.size());
  for (const auto& level : levels) {
    rows.push_back(json::array{fixed(level.price), fixed(level.quantity)});
  }
  return rows;
}

}  // namespace

// --- the market ----------------------------------------------------------------------------------

BinanceCore::Answer BinanceCore::do_ping(Call&) { return json::object{}; }

BinanceCore::Answer BinanceCore::do_time(Call& call) {
  return json::object{{"serverTime", wire(call.unit)(call.now)}};
}

BinanceCore::Answer BinanceCore::do_exchange_info(Call& call) {
  json::array symbols;
  std::vector<std::string> names;
  if (const auto* one = call.params.find("symbol")) {
    names.push_back(*one);
  } else if (const auto* many = call.params.find("symbols")) {
    boost::system::error_code failed;
    const auto list = json::parse(*many, failed);
    if (failed || !list.is_array()) {
      return Failure{400, -1100, "Illegal characters found in parameter 'symbols'."};
    }
    for (const auto& each : list.get_array()) {
      if (each.is_string()) names.emplace_back(each.get_string());
    }
  } else {
    for (const auto& listing : listings_) names.push_back(listing.rules.symbol);
  }
  for (const auto& name : names) {
    const auto* listing = find_listing(name);
    if (listing == nullptr) return Failure{400, -1121, "Invalid symbol."};
    auto entry = json::parse(listing->rules.document);
    entry.get_object()["status"] = listing->status;
    symbols.push_back(std::move(entry));
  }
  const auto& limits = settings_.limits;
  json::array rate_limits{limit_json("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_per_minute),
                          limit_json("ORDERS", "SECOND", 10, limits.orders_per_10s),
                          limit_json("ORDERS", "DAY", 1, limits.orders_per_day),
                          limit_json("RAW_REQUESTS", "MINUTE", 5, limits.raw_requests_per_5m)};
  if (!call.rest) {
    rate_limits.push_back(limit_json("CONNECTIONS", "MINUTE", 5, limits.connections_per_5m));
  }
  return json::object{{"timezone", "UTC"},
                      {"serverTime", wire(call.unit)(call.now)},
                      {"rateLimits", std::move(rate_limits)},
                      {"exchangeFilters", json::array{}},
                      {"symbols", std::move(symbols)}};
}

BinanceCore::Answer BinanceCore::do_depth(Call& call) {
  const auto* symbol = listing(call);
  const auto limit = page(number(call, "limit"), 100, max_depth);
  if (call.failure) return *call.failure;
  return json::object{{"lastUpdateId", symbol->last_update_id},
                      {"bids", level_rows(exchange_.outside(symbol->market, Side::buy, limit))},
                      {"asks", level_rows(exchange_.outside(symbol->market, Side::sell, limit))}};
}

BinanceCore::Answer BinanceCore::do_trades(Call& call) {
  const auto* symbol = listing(call);
  const auto limit = page(number(call, "limit"), default_limit, max_limit);
  if (call.failure) return *call.failure;
  json::array rows;
  const auto& recent = symbol->recent;
  const auto first = recent.size() > limit ? recent.size() - limit : 0;
  for (auto at = first; at < recent.size(); ++at) {
    const auto& [trade, quote] = recent[at];
    rows.push_back(json::object{{"id", trade.id},
                                {"price", fixed(trade.price)},
                                {"qty", fixed(trade.quantity)},
                                {"quoteQty", fixed(quote)},
                                {"time", wire(call.unit)(trade.traded)},
                                {"isBuyerMaker", trade.buyer_is_maker},
                                {"isBestMatch", true}});
  }
  return rows;
}

BinanceCore::Answer BinanceCore::do_klines(Call& call) {
  const auto* symbol = listing(call);
  const auto interval = parse_interval(text(call, "interval"));
  const auto from = time_of(number(call, "startTime"));
  const auto to = time_of(number(call, "endTime"));
  const auto limit = page(number(call, "limit"), default_limit, max_limit);
  if (call.failure) return *call.failure;
  if (!interval) return Failure{400, -1120, "Invalid interval."};
  json::array rows;
  for (const auto& bar :
       symbol->bars.read(*interval, from.value_or(Timestamp{}), to.value_or(domain::never), limit,
                         from.has_value(), call.now)) {
    rows.push_back(kline_row(bar, {call.unit, {}}));
  }
  return rows;
}

BinanceCore::Answer BinanceCore::do_average_price(Call& call) {
  auto* symbol = listing(call);
  if (call.failure) return *call.failure;
  forget_old_trades(*symbol, call.now);
  const auto closed = symbol->last_trade ? symbol->last_trade->traded : call.now;
  return json::object{{"mins", 5},
                      {"price", fixed(reference_price(*symbol))},
                      {"closeTime", wire(call.unit)(closed)}};
}

BinanceCore::Answer BinanceCore::do_book_ticker(Call& call) {
  const auto row = [&](const Listing& listing) {
    auto bid = exchange_.best_outside(listing.market, Side::buy).value_or(Level{});
    auto ask = exchange_.best_outside(listing.market, Side::sell).value_or(Level{});
    if (listing.quote && listing.quote->update_id > listing.last_update_id) {
      bid = listing.quote->bid;
      ask = listing.quote->ask;
    }
    return json::object{{"symbol", listing.rules.symbol},
                        {"bidPrice", fixed(bid.price)},
                        {"bidQty", fixed(bid.quantity)},
                        {"askPrice", fixed(ask.price)},
                        {"askQty", fixed(ask.quantity)}};
  };
  if (call.params.find("symbol") != nullptr) {
    const auto* symbol = listing(call);
    if (call.failure) return *call.failure;
    return row(*symbol);
  }
  json::array rows;
  for (const auto& each : listings_) rows.push_back(row(each));
  return rows;
}

BinanceCore::Answer BinanceCore::do_price_ticker(Call& call) {
  const auto row = [&](const Listing& listing) {
    const auto price = listing.last_trade ? listing.last_trade->price : reference_price(listing);
    return json::object{{"symbol", listing.rules.symbol}, {"price", fixed(price)}};
  };
  if (call.params.find("symbol") != nullptr) {
    const auto* symbol = listing(call);
    if (call.failure) return *call.failure;
    return row(*symbol);
  }
  json::array rows;
  for (const auto& each : listings_) rows.push_back(row(each));
  return rows;
}

BinanceCore::Answer BinanceCore::do_aggregate_trades(Call& call) {
  const auto* symbol = listing(call);
  const auto from_id = number(call, "fromId");
  const auto from = time_of(number(call, "startTime"));
  const auto to = time_of(number(call, "endTime"));
  const auto limit = page(number(call, "limit"), default_limit, max_limit);
  if (call.failure) return *call.failure;
  std::vector<const TradeEvent*> found;
  for (const auto& [trade, quote] : symbol->recent) {
    if (from_id && trade.id < static_cast<std::uint64_t>(*from_id)) continue;
    if ((from && trade.traded < *from) || (to && trade.traded > *to)) continue;
    found.push_back(&trade);
  }
  const bool oldest = from_id || from;
  const auto skip = oldest || found.size() <= limit ? 0 : found.size() - limit;
  json::array rows;
  for (auto at = skip; at < found.size() && rows.size() < limit; ++at) {
    const auto& trade = *found[at];
    rows.push_back(json::object{{"a", trade.id},
                                {"p", fixed(trade.price)},
                                {"q", fixed(trade.quantity)},
                                {"f", trade.id},
                                {"l", trade.id},
                                {"T", wire(call.unit)(trade.traded)},
                                {"m", trade.buyer_is_maker},
                                {"M", true}});
  }
  return rows;
}

// --- the session ---------------------------------------------------------------------------------

BinanceCore::Answer BinanceCore::do_logon(Call& call) {
  if (call.connection == nullptr) return Failure{400, -1020, "This operation is not supported."};
  call.connection->account = call.account;
  call.connection->authorized = call.now;
  return do_session(call);
}

BinanceCore::Answer BinanceCore::do_session(Call& call) {
  if (call.connection == nullptr) return Failure{400, -1020, "This operation is not supported."};
  const auto& connection = *call.connection;
  const auto time = wire(call.unit);
  json::object out;
  if (connection.account != nullptr) {
    out["apiKey"] = connection.account->settings.api_key;
    out["authorizedSince"] = time(connection.authorized);
  } else {
    out["apiKey"] = nullptr;
    out["authorizedSince"] = nullptr;
  }
  out["connectedSince"] = time(connection.connected);
  out["returnRateLimits"] = connection.rate_limits;
  out["serverTime"] = time(call.now);
  out["userDataStream"] = !connection.user_streams.empty();
  return out;
}

BinanceCore::Answer BinanceCore::do_logout(Call& call) {
  if (call.connection == nullptr) return Failure{400, -1020, "This operation is not supported."};
  auto& connection = *call.connection;
  connection.account = nullptr;
  for (auto stream = connection.user_streams.begin(); stream != connection.user_streams.end();) {
    if (stream->second.by_logon) {
      call.ended_streams.emplace_back(*stream);
      stream = connection.user_streams.erase(stream);
    } else {
      ++stream;
    }
  }
  return do_session(call);
}

BinanceCore::Answer BinanceCore::do_subscriptions(Call& call) {
  json::array rows;
  if (call.connection != nullptr) {
    for (const auto& [number, stream] : call.connection->user_streams) {
      rows.push_back(json::object{{"subscriptionId", number}});
    }
  }
  return rows;
}

BinanceCore::Answer BinanceCore::do_subscribe(Call& call) {
  if (call.connection == nullptr) return Failure{400, -1020, "This operation is not supported."};
  auto& streams = call.connection->user_streams;
  if (std::any_of(streams.begin(), streams.end(),
                  [&](const auto& each) { return each.second.account == call.account; })) {
    return Failure{400, -2035, "User Data Stream subscription already active."};
  }
  const int number = call.connection->next_user_stream++;
  streams[number] = {call.account, call.method->security == Security::session};
  return json::object{{"subscriptionId", number}};
}

BinanceCore::Answer BinanceCore::do_unsubscribe(Call& call) {
  if (call.connection == nullptr) return Failure{400, -1020, "This operation is not supported."};
  auto& streams = call.connection->user_streams;
  const auto wanted = number(call, "subscriptionId");
  if (call.failure) return *call.failure;
  const auto before = streams.size();
  for (auto stream = streams.begin(); stream != streams.end();) {
    if (!wanted || stream->first == *wanted) {
      call.ended_streams.emplace_back(*stream);
      stream = streams.erase(stream);
    } else {
      ++stream;
    }
  }
  if (streams.size() == before) {
    return Failure{400, -2036, "User Data Stream subscription not active."};
  }
  return json::object{};
}

// --- an account ----------------------------------------------------------------------------------

BinanceCore::Answer BinanceCore::do_my_filters(Call& call) {
  const auto* symbol = listing(call);
  if (call.failure) return *call.failure;
  const auto document = json::parse(symbol->rules.document);
  return json::object{{"exchangeFilters", json::array{}},
                      {"symbolFilters", document.at("filters")},
                      {"assetFilters", json::array{}}};
}

BinanceCore::Answer BinanceCore::do_order(Call& call) {
  const auto* order = read_order_id(call, {400, -2013, "Order does not exist."});
  if (order == nullptr) return *call.failure;
  return order_json(*order, context(call.unit));
}

BinanceCore::Answer BinanceCore::do_open_orders(Call& call) {
  const Listing* symbol = nullptr;
  if (call.params.find("symbol") != nullptr) symbol = listing(call);
  if (call.failure) return *call.failure;
  json::array rows;
  for (const auto* order : exchange_.open_orders(call.account->index)) {
    if (symbol != nullptr && order->asked.market != symbol->market) continue;
    rows.push_back(order_json(*order, context(call.unit)));
  }
  return rows;
}

BinanceCore::Answer BinanceCore::do_all_orders(Call& call) {
  const auto* symbol = listing(call);
  const auto from_id = number(call, "orderId");
  const auto from = time_of(number(call, "startTime"));
  const auto to = time_of(number(call, "endTime"));
  const auto limit = page(number(call, "limit"), default_limit, max_limit);
  if (call.failure) return *call.failure;
  if (from && to && *to - *from > std::chrono::hours{24}) {
    return Failure{400, -1127, "More than 24 hours between startTime and endTime."};
  }
  std::vector<const Order*> found;
  for (const auto& order : exchange_.orders()) {
    if (order.asked.account != call.account->index || order.asked.market != symbol->market)
      continue;
    if (from_id && order.id < static_cast<std::uint64_t>(*from_id)) continue;
    if ((from && order.created < *from) || (to && order.created > *to)) continue;
    found.push_back(&order);
  }
  // With a beginning the oldest come, otherwise the newest; oldest first in both cases.
  const bool oldest = from_id || from;
  const auto skip = oldest || found.size() <= limit ? 0 : found.size() - limit;
  json::array rows;
  for (auto at = skip; at < found.size() && rows.size() < limit; ++at) {
    rows.push_back(order_json(*found[at], context(call.unit)));
  }
  return rows;
}

BinanceCore::Answer BinanceCore::do_my_trades(Call& call) {
  const auto* symbol = listing(call);
  const auto order_id = number(call, "orderId");
  const auto from_id = number(call, "fromId");
  const auto from = time_of(number(call, "startTime"));
  const auto to = time_of(number(call, "endTime"));
  const auto limit = page(number(call, "limit"), default_limit, max_limit);
  if (call.failure) return *call.failure;
  if (from && to && *to - *from > std::chrono::hours{24}) {
    return Failure{400, -1127, "More than 24 hours between startTime and endTime."};
  }
  std::vector<const OwnTrade*> found;
  for (const auto& trade : exchange_.trades()) {
    if (trade.account != call.account->index || trade.market != symbol->market) continue;
    if (order_id && trade.order_id != static_cast<std::uint64_t>(*order_id)) continue;
    if (from_id && trade.fill.trade_id < static_cast<std::uint64_t>(*from_id)) continue;
    if ((from && trade.time < *from) || (to && trade.time > *to)) continue;
    found.push_back(&trade);
  }
  const bool oldest = from_id || from;
  const auto skip = oldest || found.size() <= limit ? 0 : found.size() - limit;
  json::array rows;
  for (auto at = skip; at < found.size() && rows.size() < limit; ++at) {
    rows.push_back(trade_json(*found[at], context(call.unit)));
  }
  return rows;
}

BinanceCore::Answer BinanceCore::do_account(Call& call) {
  const auto& account = *call.account;
  const auto& fees = exchange_.fees(account.index);
  const auto rate = [](Rate value) { return fixed(Price::from_raw(value)); };
  const bool omit = text(call, "omitZeroBalances") == "true";
  std::map<std::string, Balance> sorted;
  for (std::size_t at = 0; at < exchange_.asset_count(); ++at) {
    const auto asset = static_cast<AssetIndex>(at);
    sorted[exchange_.name_of(asset)] = exchange_.balance(account.index, asset);
  }
  json::array balances;
  for (const auto& [name, balance] : sorted) {
    if (omit && balance == Balance{}) continue;
    balances.push_back(json::object{
        {"asset", name}, {"free", fixed(balance.free)}, {"locked", fixed(balance.locked)}});
  }
  constexpr Rate basis_point = 100'000;
  return json::object{{"makerCommission", fees.maker / basis_point},
                      {"takerCommission", fees.taker / basis_point},
                      {"buyerCommission", 0},
                      {"sellerCommission", 0},
                      {"commissionRates",
                       {{"maker", rate(fees.maker)},
                        {"taker", rate(fees.taker)},
                        {"buyer", rate(0)},
                        {"seller", rate(0)}}},
                      {"canTrade", true},
                      {"canWithdraw", true},
                      {"canDeposit", true},
                      {"brokered", false},
                      {"requireSelfTradePrevention", false},
                      {"preventSor", false},
                      {"updateTime", wire(call.unit)(call.now)},
                      {"accountType", "SPOT"},
                      {"balances", std::move(balances)},
                      {"permissions", json::array{"SPOT"}},
                      {"uid", 354'900'000 + static_cast<std::int64_t>(account.index)}};
}

BinanceCore::Answer BinanceCore::do_commission(Call& call) {
  const auto* symbol = listing(call);
  if (call.failure) return *call.failure;
  const auto& fees = exchange_.fees(call.account->index);
  const auto rate = [](Rate value) { return fixed(Price::from_raw(value)); };
  const json::object none{
      {"maker", rate(0)}, {"taker", rate(0)}, {"buyer", rate(0)}, {"seller", rate(0)}};
  const auto& payment = call.account->settings.fee_asset;
  return json::object{{"symbol", symbol->rules.symbol},
                      {"standardCommission",
                       {{"maker", rate(fees.maker)},
                        {"taker", rate(fees.taker)},
                        {"buyer", rate(0)},
                        {"seller", rate(0)}}},
                      {"specialCommission", none},
                      {"taxCommission", none},
                      {"discount",
                       {{"enabledForAccount", fees.payment == Fees::Payment::other},
                        {"enabledForSymbol", true},
                        {"discountAsset", fees.payment == Fees::Payment::other ? payment : "BNB"},
                        {"discount", rate(0)}}}};
}

BinanceCore::Answer BinanceCore::do_order_limits(Call& call) {
  auto rows = limits_json(call);
  // The last row is the request weight, which belongs to the envelope only.
  rows.pop_back();
  return rows;
}

}  // namespace halcyon::simulation
