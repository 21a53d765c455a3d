#include <array>
#include <chrono>
#include <limits>
#include <utility>

#include "gateways/alpaca/decode.h"
#include "gateways/alpaca/json_frame.h"
#include "gateways/venue_text.h"

namespace halcyon::gateways::alpaca {

using domain::Event;

namespace {

enum class Kind : std::uint8_t {
  success,
  error,
  subscription,
  trade,
  quote,
  bar,
  status,
  band,
  correction,
  cancel,
  imbalance,
  book,
  unknown,
};

Kind read_kind(const char* token) {
  if (token[0] == '"' && token[1] != '"' && token[2] == '"') {
    switch (token[1]) {
      case 't':
        return Kind::trade;
      case 'q':
        return Kind::quote;
      case 'b':
      case 'u':
      case 'd':
        return Kind::bar;
      case 'o':
        return Kind::book;
      case 's':
        return Kind::status;
      case 'l':
        return Kind::band;
      case 'c':
        return Kind::correction;
      case 'x':
        return Kind::cancel;
      case 'i':
        return Kind::imbalance;
      default:
        return Kind::unknown;
    }
  }
  if (is_word(token, "success")) return Kind::success;
  if (is_word(token, "error")) return Kind::error;
  if (is_word(token, "subscription")) return Kind::subscription;
  return Kind::unknown;
}

Channel channel_of(const char* key) {
  if (is(key, "trades")) return Channel::trades;
  if (is(key, "quotes")) return Channel::quotes;
  if (is(key, "bars")) return Channel::bars;
  if (is(key, "updatedBars")) return Channel::updated_bars;
  if (is(key, "dailyBars")) return Channel::daily_bars;
  if (is(key, "statuses")) return Channel::statuses;
  if (is(key, "lulds")) return Channel::lulds;
  if (is(key, "imbalances")) return Channel::imbalances;
  if (is(key, "corrections")) return Channel::corrections;
  if (is(key, "cancelErrors")) return Channel::cancel_errors;
  if (is(key, "orderbooks")) return Channel::orderbooks;
  return Channel::unknown;
}

/// A text of one character; 0 when there is none.
char one_character(const char* token) {
  if (token == nullptr || token[0] != '"' || token[1] == '"' || token[2] != '"') return 0;
  return token[1];
}

DecodeError read_id(const char* token, std::uint64_t& out) {
  HALCYON_WANT(token != nullptr, DecodeError::missing_field);
  HALCYON_WANT(read_unsigned(token, out), bad_integer(token));
  return DecodeError::none;
}

/// Market data: a tenth decimal is noise of a float.
template <class Amount>
DecodeError read_market(const char* token, Amount& out) {
  return read_positive(token, Tail::round, out);
}

/// What every reader of one frame needs.
struct Reading {
  Impl& impl;
  const Symbols& symbols;
  domain::Timestamp received;
  std::vector<Event>& events;
  Message& message;

  Event head(domain::InstrumentId instrument, domain::Timestamp at) const {
    Event event;
    event.venue_time = at;
    event.received = received;
    event.instrument = instrument;
    event.venue = symbols.venue();
    return event;
  }
};

/// "S" and "t", which everything about an instrument has.
struct About {
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  domain::Timestamp at;
};

/// False, and counted, when the instrument is none of ours.
DecodeError read_about(const Reading& reading, const Named& symbol, const Named& time, About& about,
                       bool& is_ours) {
  HALCYON_WANT(symbol.token != nullptr && time.token != nullptr, DecodeError::missing_field);
  std::string_view text;
  HALCYON_WANT(read_text(reading.impl, symbol.token, text), DecodeError::wrong_type);
  about.instrument = reading.symbols.instrument(text);
  is_ours = about.instrument != domain::no<domain::InstrumentId>;
  if (!is_ours) {
    ++reading.message.unknown_symbols;
    return DecodeError::none;
  }
  HALCYON_WANT(read_text(reading.impl, time.token, text), DecodeError::wrong_type);
  HALCYON_WANT(read_rfc3339(text, about.at), DecodeError::bad_number);
  return DecodeError::none;
}

DecodeError read_trade(const Reading& reading, ondemand::object& object) {
  enum : std::size_t { symbol, id, price, size, time, taker, field_count };
  std::array<Named, field_count> f{{{"S"}, {"i"}, {"p"}, {"s"}, {"t"}, {"tks"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  About about;
  bool is_ours = false;
  HALCYON_TRY(read_about(reading, f[symbol], f[time], about, is_ours));
  if (!is_ours) return DecodeError::none;
  domain::Trade trade;
  HALCYON_TRY(read_id(f[id].token, trade.venue_id));
  HALCYON_TRY(read_market(f[price].token, trade.price));
  HALCYON_TRY(read_market(f[size].token, trade.quantity));
  switch (one_character(f[taker].token)) {
    case 'B':
      trade.aggressor = domain::Aggressor::buyer;
      break;
    case 'S':
      trade.aggressor = domain::Aggressor::seller;
      break;
    default:
      break;
  }
  Event event = reading.head(about.instrument, about.at);
  event.what = trade;
  reading.events.push_back(event);
  return DecodeError::none;
}

DecodeError read_quote(const Reading& reading, ondemand::object& object) {
  enum : std::size_t { symbol, bid, bid_size, ask, ask_size, time, field_count };
  std::array<Named, field_count> f{{{"S"}, {"bp"}, {"bs"}, {"ap"}, {"as"}, {"t"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  About about;
  bool is_ours = false;
  HALCYON_TRY(read_about(reading, f[symbol], f[time], about, is_ours));
  if (!is_ours) return DecodeError::none;
  domain::Quote quote;
  HALCYON_TRY(read_market(f[bid].token, quote.bid));
  HALCYON_TRY(read_market(f[bid_size].token, quote.bid_quantity));
  HALCYON_TRY(read_market(f[ask].token, quote.ask));
  HALCYON_TRY(read_market(f[ask_size].token, quote.ask_quantity));
  if (quote.bid.is_zero() || quote.ask.is_zero()) {
    ++reading.message.one_sided_quotes;
    return DecodeError::none;
  }
  if (!reading.symbols.is_crypto(about.instrument)) {
    for (domain::Quantity* const lots : {&quote.bid_quantity, &quote.ask_quantity}) {
      // More than anybody could hold: the venue's mistake, and no overflow of ours.
      HALCYON_WANT(lots->raw() <= std::numeric_limits<std::int64_t>::max(),
                   DecodeError::bad_number);
      *lots = domain::Quantity::from_raw(lots->raw() * shares_in_round_lot);
    }
  }
  Event event = reading.head(about.instrument, about.at);
  event.what = quote;
  reading.events.push_back(event);
  return DecodeError::none;
}

DecodeError read_bar(const Reading& reading, ondemand::object& object) {
  enum : std::size_t {
    kind,
    symbol,
    open_price,
    high,
    low,
    close,
    volume,
    time,
    trades,
    field_count
  };
  std::array<Named, field_count> f{{{"T"}, {"S"}, {"o"}, {"h"}, {"l"}, {"c"}, {"v"}, {"t"}, {"n"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  About about;
  bool is_ours = false;
  HALCYON_TRY(read_about(reading, f[symbol], f[time], about, is_ours));
  if (!is_ours) return DecodeError::none;
  BarRow bar;
  bar.instrument = about.instrument;
  bar.start = about.at;
  const char word = one_character(f[kind].token);
  bar.kind = word == 'd' ? BarKind::daily : word == 'u' ? BarKind::updated : BarKind::minute;
  HALCYON_TRY(read_market(f[open_price].token, bar.open));
  HALCYON_TRY(read_market(f[high].token, bar.high));
  HALCYON_TRY(read_market(f[low].token, bar.low));
  HALCYON_TRY(read_market(f[close].token, bar.close));
  HALCYON_TRY(read_market(f[volume].token, bar.volume));
  if (f[trades].token != nullptr) {
    std::uint64_t count = 0;
    HALCYON_TRY(read_id(f[trades].token, count));
    HALCYON_WANT(count <= std::numeric_limits<std::uint32_t>::max(), DecodeError::bad_number);
    bar.trades = static_cast<std::uint32_t>(count);
  }
  reading.message.bars.push_back(bar);
  return DecodeError::none;
}

/// Codes of the UTP plan (tape C) and of the CTA plan (A and B). Everything else is said to be
/// unknown, so that nobody concludes from it that a stock trades.
void judge_status(StatusRow& row) {
  // clang-format off
  constexpr struct { std::string_view code; bool is_utp, is_halted; } rows[] = {
      {"H", true,  true },  // trading halt
      {"Q", true,  true },  // quotation resumes, trading not yet
      {"P", true,  true },  // volatility pause
      {"T", true,  false},  // trading
      {"2", false, true },  // trading halt
      {"3", false, false},  // resume
  };
  // clang-format on
  for (const auto& known : rows) {
    if (known.code != row.code || known.is_utp != (row.tape == 'C')) continue;
    row.is_known = true;
    row.is_halted = known.is_halted;
  }
}

DecodeError read_status(const Reading& reading, ondemand::object& object) {
  enum : std::size_t { symbol, code, words, reason_code, reason, time, tape, field_count };
  std::array<Named, field_count> f{{{"S"}, {"sc"}, {"sm"}, {"rc"}, {"rm"}, {"t"}, {"z"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  About about;
  bool is_ours = false;
  HALCYON_TRY(read_about(reading, f[symbol], f[time], about, is_ours));
  if (!is_ours) return DecodeError::none;
  HALCYON_WANT(f[code].token != nullptr, DecodeError::missing_field);
  StatusRow row;
  row.instrument = about.instrument;
  row.at = about.at;
  row.tape = one_character(f[tape].token);
  HALCYON_TRY(read_words(reading.impl, f[code].token, row.code));
  HALCYON_TRY(read_words(reading.impl, f[words].token, row.words));
  HALCYON_TRY(read_words(reading.impl, f[reason_code].token, row.reason_code));
  HALCYON_TRY(read_words(reading.impl, f[reason].token, row.reason));
  judge_status(row);
  reading.message.statuses.push_back(row);
  return DecodeError::none;
}

DecodeError read_band(const Reading& reading, ondemand::object& object) {
  enum : std::size_t { symbol, up, down, indicator, time, field_count };
  std::array<Named, field_count> f{{{"S"}, {"u"}, {"d"}, {"i"}, {"t"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  About about;
  bool is_ours = false;
  HALCYON_TRY(read_about(reading, f[symbol], f[time], about, is_ours));
  if (!is_ours) return DecodeError::none;
  BandRow row;
  row.instrument = about.instrument;
  row.at = about.at;
  HALCYON_TRY(read_market(f[up].token, row.up));
  HALCYON_TRY(read_market(f[down].token, row.down));
  row.indicator = one_character(f[indicator].token);
  reading.message.bands.push_back(row);
  return DecodeError::none;
}

DecodeError read_correction(const Reading& reading, ondemand::object& object) {
  enum : std::size_t {
    symbol,
    exchange,
    old_id,
    old_price,
    old_size,
    new_id,
    new_price,
    new_size,
    time,
    field_count
  };
  std::array<Named, field_count> f{
      {{"S"}, {"x"}, {"oi"}, {"op"}, {"os"}, {"ci"}, {"cp"}, {"cs"}, {"t"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  About about;
  bool is_ours = false;
  HALCYON_TRY(read_about(reading, f[symbol], f[time], about, is_ours));
  if (!is_ours) return DecodeError::none;
  TradeChange row;
  row.instrument = about.instrument;
  row.at = about.at;
  row.is_cancel = false;
  row.exchange = one_character(f[exchange].token);
  HALCYON_TRY(read_id(f[old_id].token, row.original_id));
  HALCYON_TRY(read_market(f[old_price].token, row.original_price));
  HALCYON_TRY(read_market(f[old_size].token, row.original_quantity));
  HALCYON_TRY(read_id(f[new_id].token, row.id));
  HALCYON_TRY(read_market(f[new_price].token, row.price));
  HALCYON_TRY(read_market(f[new_size].token, row.quantity));
  reading.message.changes.push_back(row);
  return DecodeError::none;
}

DecodeError read_cancel(const Reading& reading, ondemand::object& object) {
  enum : std::size_t { symbol, id, exchange, price, size, action, time, field_count };
  std::array<Named, field_count> f{{{"S"}, {"i"}, {"x"}, {"p"}, {"s"}, {"a"}, {"t"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  About about;
  bool is_ours = false;
  HALCYON_TRY(read_about(reading, f[symbol], f[time], about, is_ours));
  if (!is_ours) return DecodeError::none;
  TradeChange row;
  row.instrument = about.instrument;
  row.at = about.at;
  row.exchange = one_character(f[exchange].token);
  row.action = one_character(f[action].token);
  HALCYON_TRY(read_id(f[id].token, row.original_id));
  HALCYON_TRY(read_market(f[price].token, row.original_price));
  HALCYON_TRY(read_market(f[size].token, row.original_quantity));
  reading.message.changes.push_back(row);
  return DecodeError::none;
}

DecodeError read_imbalance(const Reading& reading, ondemand::object& object) {
  enum : std::size_t { symbol, price, time, field_count };
  std::array<Named, field_count> f{{{"S"}, {"p"}, {"t"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  About about;
  bool is_ours = false;
  HALCYON_TRY(read_about(reading, f[symbol], f[time], about, is_ours));
  if (!is_ours) return DecodeError::none;
  ImbalanceRow row;
  row.instrument = about.instrument;
  row.at = about.at;
  HALCYON_TRY(read_market(f[price].token, row.price));
  reading.message.imbalances.push_back(row);
  return DecodeError::none;
}

DecodeError read_levels(ondemand::value& value, std::vector<domain::BookLevel>& levels) {
  ondemand::array array;
  HALCYON_TRY_JSON(value.get_array().get(array));
  for (auto item : array) {
    ondemand::object object;
    HALCYON_TRY_JSON(item.get_object().get(object));
    std::array<Named, 2> f{{{"p"}, {"s"}}};
    HALCYON_TRY(read_named(object, f, no_named_containers));
    domain::BookLevel level;
    HALCYON_TRY(read_market(f[0].token, level.price));
    HALCYON_TRY(read_market(f[1].token, level.quantity));
    levels.push_back(level);
  }
  return DecodeError::none;
}

/// One run: bids before asks, five levels an event, the last one closes it.
void append_levels(std::vector<Event>& events, const Event& head, const Message& message) {
  Event event = head;
  auto& levels = event.what.emplace<domain::BookLevels>();
  levels.last = false;
  const auto add = [&](const domain::BookLevel& level, bool is_bid) {
    if (levels.count == domain::BookLevels::capacity) {
      events.push_back(event);
      levels.count = levels.bids = 0;
    }
    levels.levels[levels.count++] = level;
    if (is_bid) ++levels.bids;
  };
  for (const domain::BookLevel& level : message.bids) add(level, true);
  for (const domain::BookLevel& level : message.asks) add(level, false);
  levels.last = true;
  events.push_back(event);
}

DecodeError read_book(const Reading& reading, ondemand::object& object) {
  enum : std::size_t { symbol, time, whole, field_count };
  std::array<Named, field_count> f{{{"S"}, {"t"}, {"r"}}};
  Message& message = reading.message;
  message.bids.clear();
  message.asks.clear();
  HALCYON_TRY(read_named(object, f, [&](const char* key, ondemand::value& value) {
    if (is(key, "b")) return read_levels(value, message.bids);
    if (is(key, "a")) return read_levels(value, message.asks);
    return DecodeError::none;
  }));
  About about;
  bool is_ours = false;
  HALCYON_TRY(read_about(reading, f[symbol], f[time], about, is_ours));
  if (!is_ours) return DecodeError::none;
  BookPart part;
  part.instrument = about.instrument;
  if (f[whole].token != nullptr) {
    HALCYON_WANT(read_bool(f[whole].token, part.is_whole), DecodeError::wrong_type);
  }
  part.first = reading.events.size();
  Event head = reading.head(about.instrument, about.at);
  if (part.is_whole) {
    head.what = domain::BookReset{};
    reading.events.push_back(head);
  }
  append_levels(reading.events, head, message);
  part.last = reading.events.size();
  message.books.push_back(part);
  return DecodeError::none;
}

DecodeError read_success(const Reading& reading, ondemand::object& object) {
  std::array<Named, 1> f{{{"msg"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  HALCYON_WANT(f[0].token != nullptr, DecodeError::missing_field);
  if (is_word(f[0].token, "connected")) {
    reading.message.is_connected = true;
  } else if (is_word(f[0].token, "authenticated")) {
    reading.message.is_authenticated = true;
  } else {
    ++reading.message.unknown_kinds;
  }
  return DecodeError::none;
}

DecodeError read_error(const Reading& reading, ondemand::object& object) {
  std::array<Named, 2> f{{{"code"}, {"msg"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  std::uint64_t code = 0;
  HALCYON_TRY(read_id(f[0].token, code));
  HALCYON_WANT(code <= std::numeric_limits<std::int32_t>::max(), DecodeError::bad_number);
  StreamError error;
  error.code = static_cast<std::int32_t>(code);
  HALCYON_TRY(read_words(reading.impl, f[1].token, error.words));
  reading.message.errors.push_back(error);
  return DecodeError::none;
}

DecodeError read_subscription(const Reading& reading, ondemand::object& object) {
  Message& message = reading.message;
  message.has_subscription = true;
  message.subscribed.clear();  // the answer is always the whole state
  std::array<Named, 1> f{{{"T"}}};
  return read_named(object, f, [&](const char* key, ondemand::value& value) -> DecodeError {
    const Channel channel = channel_of(key);
    if (channel == Channel::unknown) return DecodeError::none;
    ondemand::array symbols;
    HALCYON_TRY_JSON(value.get_array().get(symbols));
    for (auto item : symbols) {
      ondemand::value name;
      HALCYON_TRY_JSON(std::move(item).get(name));
      std::string_view text;
      HALCYON_WANT(read_text(reading.impl, name.raw_json_token().data(), text),
                   DecodeError::wrong_type);
      Subscribed row;
      row.channel = channel;
      if (text != "*") {
        row.instrument = reading.symbols.instrument(text);
        if (row.instrument == domain::no<domain::InstrumentId>) {
          ++message.unknown_symbols;
          continue;
        }
      }
      message.subscribed.push_back(row);
    }
    return DecodeError::none;
  });
}

DecodeError read_message(const Reading& reading, ondemand::object& object) {
  // Keys come in any order, and what the others mean depends on this one.
  ondemand::value value;
  const auto error = object.find_field_unordered("T").get(value);
  HALCYON_WANT(error != simdjson::NO_SUCH_FIELD, DecodeError::missing_field);
  HALCYON_TRY_JSON(error);
  const char* const token = value.raw_json_token().data();
  HALCYON_WANT(*token == '"', DecodeError::wrong_type);
  const Kind kind = read_kind(token);
  HALCYON_TRY_JSON(object.reset().error());
  switch (kind) {
    case Kind::trade:
      return read_trade(reading, object);
    case Kind::quote:
      return read_quote(reading, object);
    case Kind::book:
      return read_book(reading, object);
    case Kind::bar:
      return read_bar(reading, object);
    case Kind::status:
      return read_status(reading, object);
    case Kind::band:
      return read_band(reading, object);
    case Kind::correction:
      return read_correction(reading, object);
    case Kind::cancel:
      return read_cancel(reading, object);
    case Kind::imbalance:
      return read_imbalance(reading, object);
    case Kind::success:
      return read_success(reading, object);
    case Kind::error:
      return read_error(reading, object);
    case Kind::subscription:
      return read_subscription(reading, object);
    case Kind::unknown:
      ++reading.message.unknown_kinds;
      return DecodeError::none;
  }
  return DecodeError::none;
}

DecodeError read_frame(const Reading& reading, const Frame& frame) {
  std::string_view text;
  HALCYON_TRY(json_of(frame, reading.impl, text));
  ondemand::document document;
  HALCYON_TRY(open(reading.impl, text, document));
  ondemand::array messages;
  HALCYON_TRY_JSON(document.get_array().get(messages));
  for (auto item : messages) {
    ondemand::object object;
    HALCYON_TRY_JSON(item.get_object().get(object));
    HALCYON_TRY(read_message(reading, object));
  }
  HALCYON_WANT(is_at_end(document), DecodeError::not_json);
  return DecodeError::none;
}

}  // namespace

void Message::clear() {
  is_connected = is_authenticated = has_subscription = false;
  errors.clear();
  subscribed.clear();
  books.clear();
  bars.clear();
  statuses.clear();
  bands.clear();
  changes.clear();
  imbalances.clear();
  unknown_symbols = unknown_kinds = one_sided_quotes = 0;
}

DecodeError decode(const Frame& frame, const Symbols& symbols, Scratch& scratch,
                   std::vector<Event>& events, Message& message) {
  message.clear();
  const std::size_t start = events.size();
  const Reading reading{scratch.impl(), symbols, frame.received, events, message};
  const DecodeError error = read_frame(reading, frame);
  if (error != DecodeError::none) [[unlikely]] {
    events.erase(events.begin() + static_cast<std::ptrdiff_t>(start), events.end());
    message.clear();
  }
  return error;
}

}  // namespace halcyon::gateways::alpaca
