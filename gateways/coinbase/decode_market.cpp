#include <algorithm>
#include <array>
#include <utility>

#include "gateways/coinbase/decode.h"
#include "gateways/coinbase/order_fields.h"
#include "gateways/json_text.h"

namespace halcyon::gateways::coinbase {

using domain::Event;

namespace {

Channel read_channel(const char* token) {
  if (is_word(token, "l2_data")) return Channel::l2_data;
  if (is_word(token, "market_trades")) return Channel::market_trades;
  if (is_word(token, "heartbeats")) return Channel::heartbeats;
  if (is_word(token, "ticker")) return Channel::ticker;
  if (is_word(token, "user")) return Channel::user;
  if (is_word(token, "subscriptions")) return Channel::subscriptions;
  if (is_word(token, "ticker_batch")) return Channel::ticker_batch;
  if (is_word(token, "candles")) return Channel::candles;
  if (is_word(token, "status")) return Channel::status;
  if (is_word(token, "futures_balance_summary")) return Channel::futures_balance_summary;
  return Channel::unknown;
}

/// Channels as they are subscribed to, which is how `subscriptions` lists them.
std::uint32_t subscription_bit(const char* key) {
  if (is(key, "level2")) return Message::bit(Channel::l2_data);
  if (is(key, "market_trades")) return Message::bit(Channel::market_trades);
  if (is(key, "heartbeats")) return Message::bit(Channel::heartbeats);
  if (is(key, "ticker")) return Message::bit(Channel::ticker);
  if (is(key, "ticker_batch")) return Message::bit(Channel::ticker_batch);
  if (is(key, "candles")) return Message::bit(Channel::candles);
  if (is(key, "status")) return Message::bit(Channel::status);
  if (is(key, "user")) return Message::bit(Channel::user);
  if (is(key, "futures_balance_summary")) return Message::bit(Channel::futures_balance_summary);
  return 0;
}

/// A field of an object wherever it stands; null when it is not there or not asked for yet.
DecodeError find_token(ondemand::object& object, std::string_view name, const char*& token) {
  ondemand::value value;
  const auto error = object.find_field_unordered(name).get(value);
  if (error == simdjson::NO_SUCH_FIELD) {
    token = nullptr;
    return DecodeError::none;
  }
  HALCYON_TRY_JSON(error);
  token = value.raw_json_token().data();
  return DecodeError::none;
}

DecodeError find_array(ondemand::object& object, std::string_view name, ondemand::array& array) {
  ondemand::value value;
  const auto error = object.find_field_unordered(name).get(value);
  if (error == simdjson::NO_SUCH_FIELD) return DecodeError::missing_field;
  HALCYON_TRY_JSON(error);
  HALCYON_TRY_JSON(value.get_array().get(array));
  return DecodeError::none;
}

template <class Row>
DecodeError each_object(ondemand::array array, Row&& row) {
  for (auto item : array) {
    ondemand::object object;
    HALCYON_TRY_JSON(item.get_object().get(object));
    HALCYON_TRY(row(object));
  }
  return DecodeError::none;
}

/// Keeps the best `most` of a side. The venue promises no order of the levels.
template <class Better>
std::uint32_t keep_best(std::vector<domain::BookLevel>& levels, std::size_t most, Better better) {
  if (levels.size() <= most) return 0;
  const auto cut = static_cast<std::uint32_t>(levels.size() - most);
  std::nth_element(levels.begin(), levels.begin() + static_cast<std::ptrdiff_t>(most), levels.end(),
                   better);
  levels.resize(most);
  return cut;
}

/// What every reader of one frame needs.
struct Reading {
  Impl& impl;
  const Symbols& symbols;
  const Identity& identity;
  std::size_t max_levels;
  domain::Timestamp received;
  std::vector<Event>& events;
  Message& message;

  Event head(domain::InstrumentId instrument, domain::Timestamp venue_time) const {
    Event event;
    event.venue_time = venue_time;
    event.received = received;
    event.instrument = instrument;
    event.venue = symbols.venue();
    return event;
  }
  domain::InstrumentId first_of(MarketId market) const {
    return symbols.instruments_of(market).front();
  }
  /// no<MarketId>, and counted, when the product is none of ours.
  DecodeError read_market(const char* token, MarketId& market) const {
    std::string_view product;
    HALCYON_WANT(token != nullptr, DecodeError::missing_field);
    HALCYON_WANT(read_text(impl, token, product), DecodeError::wrong_type);
    market = symbols.market(product);
    if (market == domain::no<MarketId>) ++message.unknown_products;
    return DecodeError::none;
  }
  DecodeError read_event_time(const char* token, domain::Timestamp& out) const {
    std::string_view text;
    HALCYON_WANT(read_text(impl, token, text), DecodeError::wrong_type);
    HALCYON_WANT(read_rfc3339(text, out), DecodeError::bad_number);
    return DecodeError::none;
  }
};

DecodeError read_is_snapshot(const char* token, bool& out) {
  HALCYON_WANT(token != nullptr, DecodeError::missing_field);
  out = is_word(token, "snapshot");
  HALCYON_WANT(out || is_word(token, "update"), DecodeError::bad_word);
  return DecodeError::none;
}

DecodeError read_book(const Reading& reading, ondemand::object& object) {
  const char* token = nullptr;
  bool is_snapshot = false;
  HALCYON_TRY(find_token(object, "type", token));
  HALCYON_TRY(read_is_snapshot(token, is_snapshot));
  MarketId market{};
  HALCYON_TRY(find_token(object, "product_id", token));
  HALCYON_TRY(reading.read_market(token, market));
  if (market == domain::no<MarketId>) return DecodeError::none;
  Message& message = reading.message;
  message.bids.clear();
  message.asks.clear();
  ondemand::array updates;
  HALCYON_TRY(find_array(object, "updates", updates));
  HALCYON_TRY(each_object(updates, [&](ondemand::object& update) {
    std::array<Named, 4> f{{{"side"}, {"event_time"}, {"price_level"}, {"new_quantity"}}};
    HALCYON_TRY(read_named(update, f, no_named_containers));
    HALCYON_WANT(f[0].token != nullptr && f[2].token != nullptr && f[3].token != nullptr,
                 DecodeError::missing_field);
    domain::BookLevel level;
    HALCYON_WANT(read_amount(f[2].token, level.price), bad_decimal(f[2].token));
    HALCYON_WANT(read_amount(f[3].token, level.quantity), bad_decimal(f[3].token));
    const bool is_bid = is_word(f[0].token, "bid");
    HALCYON_WANT(is_bid || is_word(f[0].token, "offer"), DecodeError::bad_word);
    (is_bid ? message.bids : message.asks).push_back(level);
    return DecodeError::none;
  }));
  if (is_snapshot) {
    message.levels_cut +=
        keep_best(message.bids, reading.max_levels,
                  [](const auto& left, const auto& right) { return left.price > right.price; });
    message.levels_cut +=
        keep_best(message.asks, reading.max_levels,
                  [](const auto& left, const auto& right) { return left.price < right.price; });
  }
  BookPart part;
  part.market = market;
  part.is_snapshot = is_snapshot;
  part.first = reading.events.size();
  // Snapshots bear event times of 1970; the envelope's is the book's.
  Event head = reading.head(reading.first_of(market), message.venue_time);
  if (is_snapshot) {
    head.what = domain::BookReset{};
    reading.events.push_back(head);
  }
  append_levels(reading.events, head, message.sequence, message.bids, message.asks);
  part.last = reading.events.size();
  message.books.push_back(part);
  return DecodeError::none;
}

DecodeError read_trades(const Reading& reading, ondemand::object& object) {
  const char* token = nullptr;
  bool is_snapshot = false;
  HALCYON_TRY(find_token(object, "type", token));
  HALCYON_TRY(read_is_snapshot(token, is_snapshot));
  reading.message.is_trade_snapshot = reading.message.is_trade_snapshot || is_snapshot;
  ondemand::array trades;
  HALCYON_TRY(find_array(object, "trades", trades));
  const std::size_t start = reading.events.size();
  HALCYON_TRY(each_object(trades, [&](ondemand::object& row) {
    enum : std::size_t { product, trade_id, price, size, time, side, field_count };
    std::array<Named, field_count> f{
        {{"product_id"}, {"trade_id"}, {"price"}, {"size"}, {"time"}, {"side"}}};
    HALCYON_TRY(read_named(row, f, no_named_containers));
    for (const Named& field : f) {
      HALCYON_WANT(field.token != nullptr, DecodeError::missing_field);
    }
    MarketId market{};
    HALCYON_TRY(reading.read_market(f[product].token, market));
    if (market == domain::no<MarketId>) return DecodeError::none;
    domain::Trade trade;
    HALCYON_WANT(read_count(f[trade_id].token, trade.venue_id), DecodeError::bad_number);
    HALCYON_WANT(read_amount(f[price].token, trade.price), bad_decimal(f[price].token));
    HALCYON_WANT(read_amount(f[size].token, trade.quantity), bad_decimal(f[size].token));
    domain::Side maker{};
    HALCYON_WANT(read_side(f[side].token, maker), DecodeError::bad_word);
    // A resting sale was hit: who came bought.
    trade.aggressor =
        maker == domain::Side::sell ? domain::Aggressor::buyer : domain::Aggressor::seller;
    domain::Timestamp at;
    HALCYON_TRY(reading.read_event_time(f[time].token, at));
    Event event = reading.head(reading.first_of(market), at);
    event.what = trade;
    reading.events.push_back(event);
    return DecodeError::none;
  }));
  std::reverse(reading.events.begin() + static_cast<std::ptrdiff_t>(start), reading.events.end());
  return DecodeError::none;
}

DecodeError read_tickers(const Reading& reading, ondemand::object& object) {
  ondemand::array tickers;
  HALCYON_TRY(find_array(object, "tickers", tickers));
  return each_object(tickers, [&](ondemand::object& row) {
    enum : std::size_t { product, bid, bid_quantity, ask, ask_quantity, field_count };
    std::array<Named, field_count> f{
        {{"product_id"}, {"best_bid"}, {"best_bid_quantity"}, {"best_ask"}, {"best_ask_quantity"}}};
    HALCYON_TRY(read_named(row, f, no_named_containers));
    MarketId market{};
    HALCYON_TRY(reading.read_market(f[product].token, market));
    const bool is_whole =
        std::all_of(f.begin(), f.end(), [](const Named& field) { return field.token != nullptr; });
    if (market == domain::no<MarketId> || !is_whole) return DecodeError::none;
    // A side without orders is an empty text: then there is no quote to speak of.
    if (is_word(f[bid].token, "") || is_word(f[ask].token, "")) return DecodeError::none;
    domain::Quote quote;
    HALCYON_WANT(read_amount(f[bid].token, quote.bid), bad_decimal(f[bid].token));
    HALCYON_WANT(read_amount(f[ask].token, quote.ask), bad_decimal(f[ask].token));
    HALCYON_WANT(read_amount(f[bid_quantity].token, quote.bid_quantity),
                 bad_decimal(f[bid_quantity].token));
    HALCYON_WANT(read_amount(f[ask_quantity].token, quote.ask_quantity),
                 bad_decimal(f[ask_quantity].token));
    quote.update_id = reading.message.sequence;
    Event event = reading.head(reading.first_of(market), reading.message.venue_time);
    event.what = quote;
    reading.events.push_back(event);
    return DecodeError::none;
  });
}

DecodeError read_candles(const Reading& reading, ondemand::object& object) {
  ondemand::array candles;
  HALCYON_TRY(find_array(object, "candles", candles));
  return each_object(candles, [&](ondemand::object& row) {
    enum : std::size_t { start, high, low, open_price, close, volume, product, field_count };
    std::array<Named, field_count> f{
        {{"start"}, {"high"}, {"low"}, {"open"}, {"close"}, {"volume"}, {"product_id"}}};
    HALCYON_TRY(read_named(row, f, no_named_containers));
    for (const Named& field : f) {
      HALCYON_WANT(field.token != nullptr, DecodeError::missing_field);
    }
    MarketId market{};
    HALCYON_TRY(reading.read_market(f[product].token, market));
    if (market == domain::no<MarketId>) return DecodeError::none;
    CandleRow candle;
    candle.instrument = reading.first_of(market);
    std::uint64_t seconds = 0;
    HALCYON_WANT(read_count(f[start].token, seconds) && seconds < 9'000'000'000,
                 DecodeError::bad_number);
    candle.start = domain::Timestamp{std::chrono::seconds{seconds}};
    HALCYON_WANT(read_amount(f[open_price].token, candle.open), bad_decimal(f[open_price].token));
    HALCYON_WANT(read_amount(f[high].token, candle.high), bad_decimal(f[high].token));
    HALCYON_WANT(read_amount(f[low].token, candle.low), bad_decimal(f[low].token));
    HALCYON_WANT(read_amount(f[close].token, candle.close), bad_decimal(f[close].token));
    HALCYON_WANT(read_rounded(f[volume].token, candle.volume), bad_decimal(f[volume].token));
    reading.message.candles.push_back(candle);
    return DecodeError::none;
  });
}

DecodeError read_status_products(const Reading& reading, ondemand::object& object) {
  ondemand::array products;
  HALCYON_TRY(find_array(object, "products", products));
  return each_object(products, [&](ondemand::object& row) {
    std::array<Named, 2> f{{{"id"}, {"status"}}};
    HALCYON_TRY(read_named(row, f, no_named_containers));
    HALCYON_WANT(f[0].token != nullptr && f[1].token != nullptr, DecodeError::missing_field);
    std::string_view product;
    HALCYON_WANT(read_text(reading.impl, f[0].token, product), DecodeError::wrong_type);
    const domain::InstrumentId instrument = reading.symbols.instrument(product);
    if (instrument == domain::no<domain::InstrumentId>) {
      ++reading.message.unknown_products;
      return DecodeError::none;
    }
    // Futures have an empty one.
    const bool is_online = is_word(f[1].token, "online") || is_word(f[1].token, "");
    reading.message.products.push_back({instrument, is_online});
    return DecodeError::none;
  });
}

DecodeError read_user(const Reading& reading, ondemand::object& object) {
  const char* token = nullptr;
  bool is_snapshot = false;
  HALCYON_TRY(find_token(object, "type", token));
  HALCYON_TRY(read_is_snapshot(token, is_snapshot));
  reading.message.has_user_snapshot = reading.message.has_user_snapshot || is_snapshot;
  ondemand::array orders;
  HALCYON_TRY(find_array(object, "orders", orders));
  return each_object(orders, [&](ondemand::object& row) {
    enum : std::size_t {
      average,
      cancel_reason,
      client_order_id,
      cumulative,
      filled_value,
      leaves,
      limit_price,
      fills,
      order_id,
      side,
      type,
      product,
      reject_reason,
      status,
      stop_price,
      time_in_force,
      fees,
      created,
      field_count
    };
    std::array<Named, field_count> f{{{"avg_price"},
                                      {"cancel_reason"},
                                      {"client_order_id"},
                                      {"cumulative_quantity"},
                                      {"filled_value"},
                                      {"leaves_quantity"},
                                      {"limit_price"},
                                      {"number_of_fills"},
                                      {"order_id"},
                                      {"order_side"},
                                      {"order_type"},
                                      {"product_id"},
                                      {"reject_reason"},
                                      {"status"},
                                      {"stop_price"},
                                      {"time_in_force"},
                                      {"total_fees"},
                                      {"creation_time"}}};
    HALCYON_TRY(read_named(row, f, no_named_containers));
    OrderTokens tokens;
    tokens.order_id = f[order_id].token;
    tokens.client_order_id = f[client_order_id].token;
    tokens.product_id = f[product].token;
    tokens.side = f[side].token;
    tokens.status = f[status].token;
    tokens.type = f[type].token;
    tokens.time_in_force = f[time_in_force].token;
    tokens.filled = f[cumulative].token;
    tokens.filled_value = f[filled_value].token;
    tokens.average = f[average].token;
    tokens.fees = f[fees].token;
    tokens.fills = f[fills].token;
    tokens.limit_price = f[limit_price].token;
    tokens.stop_price = f[stop_price].token;
    tokens.created = f[created].token;
    tokens.cancel_words = f[cancel_reason].token;
    tokens.reject_words = f[reject_reason].token;
    OrderRow order;
    const DecodeError error = read_order(reading.impl, tokens, reading.symbols, reading.identity,
                                         order, reading.message.unknown_words);
    if (error == DecodeError::unknown_symbol) {
      ++reading.message.unknown_products;
      return DecodeError::none;
    }
    HALCYON_TRY(error);
    // While it lives, what is filled and what is left are the original; its end says 0 left.
    domain::Quantity left;
    if (f[leaves].token != nullptr) {
      HALCYON_WANT(read_rounded(f[leaves].token, left), bad_decimal(f[leaves].token));
    }
    const bool is_alive = order.status < OrderWord::filled && order.status != OrderWord::none;
    if (is_alive && left.is_positive()) {
      order.quantity = order.filled + left;
      order.has_quantity = true;
    }
    reading.message.orders.push_back(order);
    return DecodeError::none;
  });
}

DecodeError read_subscriptions(const Reading& reading, ondemand::object& object) {
  ondemand::value value;
  const auto error = object.find_field_unordered("subscriptions").get(value);
  if (error == simdjson::NO_SUCH_FIELD) return DecodeError::missing_field;
  HALCYON_TRY_JSON(error);
  ondemand::object channels;
  HALCYON_TRY_JSON(value.get_object().get(channels));
  for (auto item : channels) {
    ondemand::field field;
    HALCYON_TRY_JSON(std::move(item).get(field));
    reading.message.subscribed |= subscription_bit(field.key().raw());
  }
  return DecodeError::none;
}

DecodeError read_heartbeat(const Reading& reading, ondemand::object& object) {
  const char* token = nullptr;
  HALCYON_TRY(find_token(object, "heartbeat_counter", token));
  HALCYON_WANT(token != nullptr, DecodeError::missing_field);
  HALCYON_WANT(read_count(token, reading.message.heartbeat), bad_integer(token));
  return DecodeError::none;
}

DecodeError read_error_frame(const Reading& reading, ondemand::object& root) {
  const char* token = nullptr;
  HALCYON_TRY(find_token(root, "type", token));
  HALCYON_WANT(token != nullptr && is_word(token, "error"), DecodeError::missing_field);
  HALCYON_TRY(find_token(root, "message", token));
  HALCYON_WANT(token != nullptr, DecodeError::missing_field);
  HALCYON_WANT(read_text(reading.impl, token, reading.message.text), DecodeError::wrong_type);
  reading.message.channel = Channel::error;
  return DecodeError::none;
}

DecodeError read_frame(const Reading& reading, std::string_view text) {
  Message& message = reading.message;
  ondemand::document document;
  HALCYON_TRY(open(reading.impl, text, document));
  ondemand::object root;
  HALCYON_TRY_JSON(document.get_object().get(root));
  const char* token = nullptr;
  HALCYON_TRY(find_token(root, "channel", token));
  if (token == nullptr) return read_error_frame(reading, root);
  HALCYON_WANT(*token == '"', DecodeError::wrong_type);
  message.channel = read_channel(token);
  if (message.channel == Channel::unknown) {
    HALCYON_WANT(read_text(reading.impl, token, message.text), DecodeError::wrong_type);
  }
  HALCYON_TRY(find_token(root, "timestamp", token));
  if (token != nullptr) HALCYON_TRY(reading.read_event_time(token, message.venue_time));
  HALCYON_TRY(find_token(root, "sequence_num", token));
  HALCYON_WANT(token != nullptr, DecodeError::missing_field);
  HALCYON_WANT(read_unsigned(token, message.sequence), bad_integer(token));
  message.has_sequence = true;
  if (message.channel == Channel::unknown || message.channel == Channel::futures_balance_summary) {
    return DecodeError::none;
  }
  ondemand::array events;
  HALCYON_TRY(find_array(root, "events", events));
  return each_object(events, [&](ondemand::object& object) {
    switch (message.channel) {
      case Channel::l2_data:
        return read_book(reading, object);
      case Channel::market_trades:
        return read_trades(reading, object);
      case Channel::ticker:
      case Channel::ticker_batch:
        return read_tickers(reading, object);
      case Channel::candles:
        return read_candles(reading, object);
      case Channel::status:
        return read_status_products(reading, object);
      case Channel::user:
        return read_user(reading, object);
      case Channel::subscriptions:
        return read_subscriptions(reading, object);
      case Channel::heartbeats:
        return read_heartbeat(reading, object);
      default:
        return DecodeError::none;
    }
  });
}

}  // namespace

void append_levels(std::vector<Event>& events, const Event& head, std::uint64_t update_id,
                   const std::vector<domain::BookLevel>& bids,
                   const std::vector<domain::BookLevel>& asks) {
  Event event = head;
  event.what.emplace<domain::BookLevels>();
  auto* levels = std::get_if<domain::BookLevels>(&event.what);
  levels->update_id = update_id;
  levels->last = false;
  const auto add = [&](const domain::BookLevel& level, bool is_bid) {
    if (levels->count == domain::BookLevels::capacity) {
      events.push_back(event);
      levels->count = levels->bids = 0;
    }
    levels->levels[levels->count++] = level;
    if (is_bid) ++levels->bids;
  };
  for (const domain::BookLevel& level : bids) add(level, true);
  for (const domain::BookLevel& level : asks) add(level, false);
  levels->last = true;
  events.push_back(event);
}

DecodeError read_order(Impl& impl, const OrderTokens& tokens, const Symbols& symbols,
                       const Identity& identity, OrderRow& row, std::uint32_t& unknown_words) {
  std::string_view text;
  HALCYON_WANT(tokens.order_id != nullptr && tokens.product_id != nullptr &&
                   tokens.side != nullptr && tokens.status != nullptr,
               DecodeError::missing_field);
  HALCYON_WANT(read_text(impl, tokens.product_id, text), DecodeError::wrong_type);
  row.instrument = symbols.instrument(text);
  HALCYON_WANT(row.instrument != domain::no<domain::InstrumentId>, DecodeError::unknown_symbol);
  HALCYON_WANT(read_text(impl, tokens.order_id, text), DecodeError::wrong_type);
  row.venue_order = foreign_id(text);
  HALCYON_WANT(!row.venue_order.is_none(), DecodeError::missing_field);
  if (tokens.client_order_id != nullptr && !is_null(tokens.client_order_id)) {
    HALCYON_WANT(read_text(impl, tokens.client_order_id, row.client_id), DecodeError::wrong_type);
    if (const auto ours = domain::parse_client_order_id(identity.prefix, row.client_id)) {
      row.order = *ours;
    }
  }
  HALCYON_WANT(read_side(tokens.side, row.side), DecodeError::bad_word);
  row.status = read_status(tokens.status);
  if (row.status == OrderWord::unknown) ++unknown_words;
  if (tokens.type != nullptr) {
    HALCYON_WANT(read_text(impl, tokens.type, text), DecodeError::wrong_type);
    // A fill must not be lost over a name: an unknown one keeps its default.
    if (!read_order_type(text, row.type)) ++unknown_words;
  }
  if (tokens.time_in_force != nullptr &&
      !read_time_in_force(tokens.time_in_force, row.time_in_force)) {
    ++unknown_words;
  }
  if (tokens.filled != nullptr) {
    HALCYON_WANT(read_rounded(tokens.filled, row.filled), bad_decimal(tokens.filled));
  }
  if (tokens.filled_value != nullptr) {
    HALCYON_WANT(read_rounded(tokens.filled_value, row.filled_value),
                 bad_decimal(tokens.filled_value));
  }
  if (row.filled_value.is_zero() && row.filled.is_positive() && tokens.average != nullptr) {
    domain::Price average;
    HALCYON_WANT(read_rounded(tokens.average, average), bad_decimal(tokens.average));
    row.filled_value = domain::notional(average, row.filled).value_or(domain::Money{});
  }
  HALCYON_WANT(!row.filled.is_negative() && !row.filled_value.is_negative(),
               DecodeError::bad_number);
  if (tokens.fees != nullptr) {
    HALCYON_WANT(read_rounded(tokens.fees, row.fees), bad_decimal(tokens.fees));
  }
  if (tokens.fills != nullptr) {
    HALCYON_WANT(read_count(tokens.fills, row.fills), bad_integer(tokens.fills));
  }
  if (tokens.limit_price != nullptr) {
    HALCYON_WANT(read_rounded(tokens.limit_price, row.limit_price),
                 bad_decimal(tokens.limit_price));
  }
  if (tokens.stop_price != nullptr) {
    HALCYON_WANT(read_rounded(tokens.stop_price, row.stop_price), bad_decimal(tokens.stop_price));
  }
  if (tokens.created != nullptr && !is_null(tokens.created)) {
    HALCYON_WANT(read_text(impl, tokens.created, text), DecodeError::wrong_type);
    HALCYON_WANT(read_rfc3339(text, row.created), DecodeError::bad_number);
  }
  for (const char* const token : {tokens.cancel_words, tokens.reject_words}) {
    if (token == nullptr || *token != '"') continue;
    HALCYON_WANT(read_text(impl, token, text), DecodeError::wrong_type);
    if (!text.empty() && text != "REJECT_REASON_UNSPECIFIED") row.words = text;
  }
  return DecodeError::none;
}

bool report_of(const OrderRow& row, domain::Source source, domain::OrderReport& out) {
  using domain::VenueOrderStatus;
  out = {};
  switch (row.status) {
    case OrderWord::none:
    case OrderWord::unknown:
      return false;
    case OrderWord::pending:
    case OrderWord::queued:
      out.status = VenueOrderStatus::pending;
      break;
    case OrderWord::open:
    case OrderWord::edit_queued:
    case OrderWord::cancel_queued:
      out.status =
          row.filled.is_positive() ? VenueOrderStatus::partially_filled : VenueOrderStatus::working;
      break;
    case OrderWord::filled:
      out.status = VenueOrderStatus::filled;
      break;
    case OrderWord::cancelled:
      out.status = VenueOrderStatus::canceled;
      break;
    case OrderWord::expired:
      out.status = VenueOrderStatus::expired;
      out.reason = domain::Reason::expired_by_its_time;
      break;
    case OrderWord::failed:
      out.status = VenueOrderStatus::rejected;
      out.reason = domain::Reason::venue_refused;
      break;
  }
  out.order = row.order;
  out.venue_order = row.venue_order;
  if (row.has_quantity) out.quantity = row.quantity;
  out.filled = row.filled;
  out.filled_quote = row.filled_value;
  out.limit_price = row.limit_price;
  out.stop_price = row.stop_price;
  out.side = row.side;
  out.type = row.type;
  out.time_in_force = row.time_in_force;
  out.source = source;
  return true;
}

DecodeError decode(const Frame& frame, const Symbols& symbols, const Identity& identity,
                   std::size_t max_levels, Scratch& scratch, std::vector<Event>& events,
                   Message& message) {
  message.clear();
  HALCYON_WANT(frame.size <= max_frame_bytes, DecodeError::too_large);
  const std::size_t start = events.size();
  const Reading reading{scratch.impl(), symbols, identity, max_levels,
                        frame.received, events,  message};
  const DecodeError error = read_frame(reading, frame.text());
  if (error != DecodeError::none) [[unlikely]] {
    events.erase(events.begin() + static_cast<std::ptrdiff_t>(start), events.end());
    message.books.clear();
    message.orders.clear();
    message.candles.clear();
    message.products.clear();
  }
  return error;
}

}  // namespace halcyon::gateways::coinbase
