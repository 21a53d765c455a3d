#include <algorithm>
#include <cstring>
#include <utility>

#include "gateways/binance/decode.h"
#include "gateways/binance/flat.h"
#include "gateways/binance/intervals.h"
#include "gateways/binance/json_text.h"
#include "gateways/binance/levels.h"

namespace halcyon::gateways::binance {

using domain::Event;

namespace {

/// The kind behind a stream's name: `"btcusdt@depth@100ms"`.
MarketKind kind_of_stream(const char* token) {
  if (*token != '"') return MarketKind::unknown;
  const char* name = token + 1;
  if (*name == '!') {
    if (is(name, "!serverShutdown")) return MarketKind::server_shutdown;
    if (is(name, "!miniTicker@arr")) return MarketKind::mini_ticker;
    return MarketKind::unknown;
  }
  while (*name != '@') {
    if (*name == '"') return MarketKind::unknown;
    ++name;
  }
  ++name;
  switch (*name) {
    case 't':
      if (is(name, "trade")) return MarketKind::trade;
      if (is(name, "ticker")) return MarketKind::ticker;
      return MarketKind::unknown;
    case 'b':
      if (is(name, "bookTicker")) return MarketKind::quote;
      if (is(name, "blockTrade")) return MarketKind::block_trade;
      return MarketKind::unknown;
    case 'd':
      if (is(name, "depth@100ms") || is(name, "depth")) return MarketKind::depth;
      if (std::memcmp(name, "depth", 5) == 0 && detail::is_digit(name[5])) {
        return MarketKind::partial_depth;
      }
      return MarketKind::unknown;
    case 'a':
      if (is(name, "aggTrade")) return MarketKind::agg_trade;
      if (is(name, "avgPrice")) return MarketKind::avg_price;
      return MarketKind::unknown;
    case 'k':
      return std::memcmp(name, "kline_", 6) == 0 ? MarketKind::kline : MarketKind::unknown;
    case 'm':
      return is(name, "miniTicker") ? MarketKind::mini_ticker : MarketKind::unknown;
    case 'r':
      return is(name, "referencePrice") ? MarketKind::reference_price : MarketKind::unknown;
    default:
      return MarketKind::unknown;
  }
}

/// The kind behind an event type `e`.
MarketKind kind_of_event(const char* token) {
  struct Row {
    std::string_view word;
    MarketKind kind;
  };
  static constexpr Row rows[] = {
      {"trade", MarketKind::trade},
      {"depthUpdate", MarketKind::depth},
      {"serverShutdown", MarketKind::server_shutdown},
      {"aggTrade", MarketKind::agg_trade},
      {"kline", MarketKind::kline},
      {"avgPrice", MarketKind::avg_price},
      {"24hrTicker", MarketKind::ticker},
      {"24hrMiniTicker", MarketKind::mini_ticker},
      {"referencePrice", MarketKind::reference_price},
      {"blockTrade", MarketKind::block_trade},
  };
  if (*token != '"') return MarketKind::unknown;
  const std::string_view word{token + 1, plain_length(token + 1)};
  for (const Row& row : rows) {
    if (row.word == word) return row.kind;
  }
  return MarketKind::unknown;
}

struct MarketContext {
  Impl& impl;
  const Symbols& symbols;
  domain::Timestamp received;
  std::vector<Event>& events;
  MarketMessage& message;
};

DecodeError decode_trade(const MarketContext& context, const Letters& f) {
  // One taker's trades at one price are numbered by "a", and told like one.
  const bool is_sum = context.message.kind == MarketKind::agg_trade;
  const char number = is_sum ? 'a' : 't';
  HALCYON_WANT(f.has_all(Letters::bits('s', number, 'p', 'q', 'T', 'm')),
               DecodeError::missing_field);
  HALCYON_WANT(!f.has('e') || (is_sum ? is_word(f['e'], "aggTrade") : is_word(f['e'], "trade")),
               DecodeError::bad_word);
  static const Event prototype = prototype_of<domain::Trade>();
  Event& event = append(context.events, prototype);
  auto& trade = *std::get_if<domain::Trade>(&event.what);
  bool buyer_is_maker = false;
  HALCYON_WANT(read_amount(f['p'], trade.price), bad_decimal(f['p']));
  HALCYON_WANT(read_amount(f['q'], trade.quantity), bad_decimal(f['q']));
  HALCYON_WANT(read_unsigned(f[number], trade.venue_id), bad_integer(f[number]));
  HALCYON_WANT(read_time(f['T'], event.venue_time), bad_integer(f['T']));
  HALCYON_WANT(read_bool(f['m'], buyer_is_maker), DecodeError::wrong_type);
  HALCYON_TRY(find_instrument(context.impl, context.symbols, f['s'], event.instrument));
  trade.aggressor = buyer_is_maker ? domain::Aggressor::seller : domain::Aggressor::buyer;
  event.received = context.received;
  event.venue = context.symbols.venue();
  context.message.instrument = event.instrument;
  context.message.trade_id = trade.venue_id;
  return DecodeError::none;
}

DecodeError decode_quote(const MarketContext& context, const Letters& f) {
  HALCYON_WANT(f.has_all(Letters::bits('s', 'u', 'b', 'B', 'a', 'A')), DecodeError::missing_field);
  static const Event prototype = prototype_of<domain::Quote>();
  Event& event = append(context.events, prototype);  // bookTicker bears no time at all
  auto& quote = *std::get_if<domain::Quote>(&event.what);
  HALCYON_WANT(read_amount(f['b'], quote.bid), bad_decimal(f['b']));
  HALCYON_WANT(read_amount(f['B'], quote.bid_quantity), bad_decimal(f['B']));
  HALCYON_WANT(read_amount(f['a'], quote.ask), bad_decimal(f['a']));
  HALCYON_WANT(read_amount(f['A'], quote.ask_quantity), bad_decimal(f['A']));
  HALCYON_WANT(read_unsigned(f['u'], quote.update_id), bad_integer(f['u']));
  HALCYON_TRY(find_instrument(context.impl, context.symbols, f['s'], event.instrument));
  event.received = context.received;
  event.venue = context.symbols.venue();
  context.message.instrument = event.instrument;
  return DecodeError::none;
}

/// `writer` has the levels already.
DecodeError decode_depth(const MarketContext& context, const Letters& f, LevelWriter& writer) {
  HALCYON_WANT(f.has_all(Letters::bits('E', 's', 'U', 'u')), DecodeError::missing_field);
  HALCYON_WANT(!f.has('e') || is_word(f['e'], "depthUpdate"), DecodeError::bad_word);
  MarketMessage& message = context.message;
  Event head;
  HALCYON_WANT(read_time(f['E'], head.venue_time), bad_integer(f['E']));
  HALCYON_WANT(read_unsigned(f['U'], message.first_update_id), bad_integer(f['U']));
  HALCYON_WANT(read_unsigned(f['u'], message.last_update_id), bad_integer(f['u']));
  HALCYON_WANT(message.first_update_id <= message.last_update_id, DecodeError::bad_number);
  HALCYON_TRY(find_instrument(context.impl, context.symbols, f['s'], head.instrument));
  head.received = context.received;
  head.venue = context.symbols.venue();
  message.instrument = head.instrument;
  writer.finish(head, message.last_update_id);
  return DecodeError::none;
}

/// Those that come often; the quick way knows them.
constexpr bool is_frequent(MarketKind kind) {
  return kind == MarketKind::trade || kind == MarketKind::quote || kind == MarketKind::depth ||
         kind == MarketKind::agg_trade;
}

/// The payload is of `{"e":"kline",..,"k":{..}}`, and `object` is what stands at "k".
DecodeError decode_kline(const MarketContext& context, ondemand::object& object) {
  Letters f;
  HALCYON_TRY(read_letters(object, f, no_containers));
  HALCYON_WANT(f.has_all(Letters::bits('t', 'T', 's', 'i', 'o', 'c', 'h', 'l', 'v', 'n', 'x')),
               DecodeError::missing_field);
  Event event;
  HALCYON_TRY(find_instrument(context.impl, context.symbols, f['s'], event.instrument));
  context.message.instrument = event.instrument;
  bool is_final = false;
  HALCYON_WANT(read_bool(f['x'], is_final), DecodeError::wrong_type);
  if (!is_final) return DecodeError::none;
  domain::Bar bar;
  std::uint64_t trades = 0;
  HALCYON_WANT(read_time(f['t'], bar.open_time), bad_integer(f['t']));
  HALCYON_WANT(read_time(f['T'], bar.close_time), bad_integer(f['T']));
  HALCYON_WANT(read_amount(f['o'], bar.open), bad_decimal(f['o']));
  HALCYON_WANT(read_amount(f['h'], bar.high), bad_decimal(f['h']));
  HALCYON_WANT(read_amount(f['l'], bar.low), bad_decimal(f['l']));
  HALCYON_WANT(read_amount(f['c'], bar.close), bad_decimal(f['c']));
  HALCYON_WANT(read_amount(f['v'], bar.volume), bad_decimal(f['v']));
  HALCYON_WANT(read_unsigned(f['n'], trades), bad_integer(f['n']));
  bar.close_time += std::chrono::milliseconds{1};  // theirs is the last one inside
  bar.trades = static_cast<std::uint32_t>(std::min<std::uint64_t>(trades, UINT32_MAX));
  std::string_view name;
  HALCYON_WANT(read_text(context.impl, f['i'], name), DecodeError::wrong_type);
  const auto interval = std::find_if(kline_intervals.begin(), kline_intervals.end(),
                                     [&](const auto& each) { return each.name == name; });
  HALCYON_WANT(interval != kline_intervals.end(), DecodeError::bad_word);
  bar.timeframe = interval->length;
  event.venue_time = bar.close_time;
  event.received = context.received;
  event.venue = context.symbols.venue();
  event.what = bar;
  context.events.push_back(event);
  return DecodeError::none;
}

/// Its symbol is only in the stream's name, "btcusdt@depth20@100ms" (section 3).
DecodeError decode_partial_depth(const MarketContext& context, const char* stream,
                                 ondemand::object& object) {
  HALCYON_WANT(stream != nullptr, DecodeError::missing_field);
  Event head;
  head.instrument = context.symbols.instrument_of_stream(
      {stream + 1, static_cast<std::size_t>(std::strchr(stream, '@') - stream) - 1});
  HALCYON_WANT(head.instrument != domain::no<domain::InstrumentId>, DecodeError::unknown_symbol);
  head.received = context.received;
  head.venue = context.symbols.venue();
  head.what = domain::BookReset{};
  context.events.push_back(head);
  LevelWriter writer{context.events};
  bool has_bids = false;
  bool has_asks = false;
  Named fields[] = {{"lastUpdateId"}};
  HALCYON_TRY(read_named(object, fields, [&](const char* key, ondemand::value& value) {
    const bool is_bid = is(key, "bids");
    if (!is_bid && !is(key, "asks")) return DecodeError::none;
    HALCYON_WANT(!std::exchange(is_bid ? has_bids : has_asks, true), DecodeError::not_json);
    return read_levels(value, is_bid, writer);
  }));
  HALCYON_WANT(fields[0].token != nullptr && has_bids && has_asks, DecodeError::missing_field);
  HALCYON_WANT(read_unsigned(fields[0].token, context.message.last_update_id),
               bad_integer(fields[0].token));
  context.message.instrument = head.instrument;
  writer.finish(head, context.message.last_update_id);
  return DecodeError::none;
}

/// The fields are read, the levels of a depth update are in `writer`: what do they say?
DecodeError decode_fields(const MarketContext& context, const Letters& f, LevelWriter& writer) {
  switch (context.message.kind) {
    case MarketKind::trade:
    case MarketKind::agg_trade:
      return decode_trade(context, f);
    case MarketKind::quote:
      return decode_quote(context, f);
    case MarketKind::depth:
      return decode_depth(context, f, writer);
    default:
      return DecodeError::none;
  }
}

/// Sees to it that each side of a depth update is there, once.
class Sides {
 public:
  bool take(char letter) {
    bool& side = letter == 'b' ? has_bids_ : has_asks_;
    return !std::exchange(side, true);
  }
  bool are_complete() const { return has_bids_ && has_asks_; }

 private:
  bool has_bids_ = false;
  bool has_asks_ = false;
};

/// `stream`: the token of the stream's name; null for a raw payload.
DecodeError decode_payload(const MarketContext& context, const char* stream,
                           ondemand::object& object) {
  const MarketKind kind = context.message.kind;
  if (kind == MarketKind::partial_depth) return decode_partial_depth(context, stream, object);
  Letters f;
  if (kind == MarketKind::kline) {
    bool has_kline = false;
    HALCYON_TRY(read_letters(object, f, [&](char letter, ondemand::value& value) {
      if (letter != 'k') return DecodeError::none;
      HALCYON_WANT(!std::exchange(has_kline, true), DecodeError::not_json);
      ondemand::object inner;
      HALCYON_TRY_JSON(value.get_object().get(inner));
      return decode_kline(context, inner);
    }));
    return has_kline ? DecodeError::none : DecodeError::missing_field;
  }
  if (!is_frequent(kind)) return DecodeError::none;
  const bool is_depth = kind == MarketKind::depth;
  LevelWriter writer{context.events};
  Sides sides;
  HALCYON_TRY(read_letters(object, f, [&](char letter, ondemand::value& value) {
    if (!is_depth || (letter != 'b' && letter != 'a')) return DecodeError::none;
    HALCYON_WANT(sides.take(letter), DecodeError::not_json);
    return read_levels(value, letter == 'b', writer);
  }));
  HALCYON_WANT(!is_depth || sides.are_complete(), DecodeError::missing_field);
  return decode_fields(context, f, writer);
}

/// The quick way. False: the parser has to look; the events may hold a part.
bool decode_as_written(const MarketContext& context, std::string_view text) {
  FlatReader reader{text};
  const char* stream = nullptr;
  if (!reader.literal("{\"stream\":") || !reader.string(stream)) return false;
  const MarketKind kind = kind_of_stream(stream);
  if (!is_frequent(kind) || !reader.literal(",\"data\":")) return false;
  context.message.kind = kind;
  Letters f;
  LevelWriter writer{context.events};
  Sides sides;
  const bool is_depth = kind == MarketKind::depth;
  const bool is_read = reader.object(f, [&](char letter, FlatReader& inner) {
    if (!is_depth || (letter != 'b' && letter != 'a') || !sides.take(letter)) return false;
    return inner.levels(writer, letter == 'b');
  });
  return is_read && reader.literal("}") && reader.is_at_end() &&
         (!is_depth || sides.are_complete()) &&
         decode_fields(context, f, writer) == DecodeError::none;
}

DecodeError decode_market_into(const MarketContext& context, std::string_view text) {
  MarketMessage& message = context.message;
  ondemand::document document;
  HALCYON_TRY(open(context.impl, text, document));
  ondemand::object root;
  HALCYON_TRY_JSON(document.get_object().get(root));
  bool has_data = false;
  bool data_first = false;
  bool is_control = false;
  bool is_refusal = false;
  bool is_raw = false;
  const char* stream = nullptr;
  ErrorFields refusal;
  for (auto item : root) {
    ondemand::field field;
    HALCYON_TRY_JSON(std::move(item).get(field));
    const char* key = field.key().raw();
    if (is(key, "stream")) {
      stream = field.value().raw_json_token().data();
      message.kind = kind_of_stream(stream);
    } else if (is(key, "data")) {
      HALCYON_WANT(!has_data, DecodeError::not_json);  // twice: which one would be true?
      has_data = true;
      if (message.kind == MarketKind::none) {
        data_first = true;
        continue;
      }
      if (*field.value().raw_json_token().data() != '{') {
        // An array of tickers; of the kinds that are used, none.
        HALCYON_WANT(message.kind >= MarketKind::avg_price, DecodeError::wrong_type);
        continue;
      }
      ondemand::object data;
      HALCYON_TRY_JSON(field.value().get_object().get(data));
      HALCYON_TRY(decode_payload(context, stream, data));
    } else if (is(key, "result")) {
      is_control = true;
    } else if (is(key, "id")) {
      std::uint64_t id = 0;
      if (read_unsigned(field.value().raw_json_token().data(), id)) message.control_id = id;
    } else if (is(key, "error")) {
      is_refusal = true;
      HALCYON_TRY(read_error(context.impl, field.value(), refusal, nullptr));
    } else if (is(key, "code")) {
      is_refusal = true;
      HALCYON_TRY(read_code(field.value().raw_json_token().data(), refusal));
    } else if (is(key, "msg")) {
      HALCYON_WANT(read_text(context.impl, field.value().raw_json_token().data(), refusal.text),
                   DecodeError::wrong_type);
    } else if (is(key, "e") && message.kind == MarketKind::none) {
      is_raw = true;
      message.kind = kind_of_event(field.value().raw_json_token().data());
    }
  }
  HALCYON_WANT(is_at_end(document), DecodeError::not_json);
  if (is_raw || (data_first && message.kind != MarketKind::none)) {
    document.rewind();
    HALCYON_TRY_JSON(document.get_object().get(root));
    if (!is_raw) {
      ondemand::value data;
      HALCYON_TRY_JSON(root.find_field("data").get(data));
      HALCYON_TRY_JSON(data.get_object().get(root));
    }
    return decode_payload(context, stream, root);
  }
  if (is_refusal) {
    message.kind = MarketKind::control_refused;
    message.control_code = refusal.code;
    message.control_text = refusal.text;
  } else if (is_control) {
    message.kind = MarketKind::control_done;
  } else if (message.kind == MarketKind::none) {
    message.kind = MarketKind::unknown;
  }
  return DecodeError::none;
}

}  // namespace

DecodeError decode_market(const Frame& frame, const Symbols& symbols, Scratch& scratch,
                          std::vector<Event>& events, MarketMessage& message) {
  message = MarketMessage{};
  if (frame.size > max_frame_bytes) return DecodeError::too_large;
  const std::size_t start = events.size();
  const MarketContext context{scratch.impl(), symbols, frame.received, events, message};
  if (decode_as_written(context, frame.text())) [[likely]]
    return DecodeError::none;
  message = MarketMessage{};
  events.erase(events.begin() + static_cast<std::ptrdiff_t>(start), events.end());
  const DecodeError error = decode_market_into(context, frame.text());
  if (error != DecodeError::none) [[unlikely]] {
    events.erase(events.begin() + static_cast<std::ptrdiff_t>(start), events.end());
  }
  return error;
}

}  // namespace halcyon::gateways::binance
