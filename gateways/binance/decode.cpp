#include "gateways/binance/decode.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>

#include <simdjson.h>

#include "domain/client_order_id.h"
#include "gateways/binance/number_text.h"

namespace halcyon::gateways::binance {

namespace ondemand = simdjson::ondemand;
using domain::Event;
using domain::Reason;

static_assert(Frame::padding >= simdjson::SIMDJSON_PADDING);

struct Scratch::Impl {
  /// Large enough for the largest recorded frame (34.6 kB); grows, once, for larger ones.
  static constexpr std::size_t first_capacity = std::size_t{128} << 10;

  ondemand::parser parser;
  std::string body;                     ///< a REST body with padding
  std::vector<std::uint8_t> unescaped;  ///< texts with escapes; rare
  std::size_t unescaped_used = 0;

  Impl() {
    if (parser.allocate(first_capacity) != simdjson::SUCCESS) throw std::bad_alloc{};
  }
};

Scratch::Scratch() : impl_(std::make_unique<Impl>()) {}
Scratch::~Scratch() = default;
Scratch::Scratch(Scratch&&) noexcept = default;
Scratch& Scratch::operator=(Scratch&&) noexcept = default;

namespace {

using Impl = Scratch::Impl;

DecodeError from(simdjson::error_code error) {
  switch (error) {
    case simdjson::SUCCESS:
      return DecodeError::none;
    case simdjson::EMPTY:
    case simdjson::UNCLOSED_STRING:
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
      return DecodeError::truncated;
    case simdjson::INCORRECT_TYPE:
      return DecodeError::wrong_type;
    case simdjson::CAPACITY:
      return DecodeError::too_large;
    default:
      return DecodeError::not_json;
  }
}

// Named by the line, because a TRY may hold a lambda with a TRY of its own.
#define HALCYON_NAME_OF_LINE_(line) problem_##line
#define HALCYON_NAME_OF_LINE(line) HALCYON_NAME_OF_LINE_(line)
#define HALCYON_TRY_JSON(expression)                                                              \
  do {                                                                                            \
    if (const auto HALCYON_NAME_OF_LINE(__LINE__) = (expression); HALCYON_NAME_OF_LINE(__LINE__)) \
        [[unlikely]] {                                                                            \
      return from(HALCYON_NAME_OF_LINE(__LINE__));                                                \
    }                                                                                             \
  } while (false)
#define HALCYON_TRY(expression)                                             \
  do {                                                                      \
    if (const DecodeError HALCYON_NAME_OF_LINE(__LINE__) = (expression);    \
        HALCYON_NAME_OF_LINE(__LINE__) != DecodeError::none) [[unlikely]] { \
      return HALCYON_NAME_OF_LINE(__LINE__);                                \
    }                                                                       \
  } while (false)
#define HALCYON_WANT(condition, problem) \
  do {                                   \
    if (!(condition)) [[unlikely]]       \
      return problem;                    \
  } while (false)

DecodeError open(Impl& impl, std::string_view text, ondemand::document& document) {
  impl.unescaped_used = 0;
  HALCYON_TRY_JSON(
      impl.parser.iterate(text.data(), text.size(), text.size() + Frame::padding).get(document));
  return DecodeError::none;
}

/// Whether the whole text has been read: nothing may stand behind the last bracket.
bool is_at_end(ondemand::document& document) {
  return document.is_alive() && document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

/// A REST body, copied to where it has padding.
std::string_view padded(Impl& impl, std::string_view body) {
  impl.body.reserve(body.size() + Frame::padding);
  impl.body.assign(body);
  impl.body.append(Frame::padding, ' ');
  return {impl.body.data(), body.size()};
}

// ---- Tokens: pointers into the frame ------------------------------------------------------------
// On-Demand hands out where a value begins; stage 1 has proven that strings are closed. The text is
// read in place and nothing is unescaped unless it has to be.

/// Whether a key is `name`. Keys end with a quote, so a longer one does not match.
template <std::size_t size>
bool is(const char* key, const char (&name)[size]) {
  return std::memcmp(key, name, size - 1) == 0 && key[size - 1] == '"';
}

/// How many characters until a quote or a backslash.
std::size_t plain_length(const char* text) {
  constexpr std::uint64_t ones = 0x0101010101010101ULL;
  constexpr std::uint64_t highs = 0x8080808080808080ULL;
  for (std::size_t at = 0;; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text + at, sizeof word);
    const std::uint64_t quote = word ^ (ones * '"');
    const std::uint64_t slash = word ^ (ones * '\\');
    // The lowest flagged byte is right; a borrow spoils only the bytes above it.
    const std::uint64_t found = (((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & highs;
    if (found != 0) return at + static_cast<std::size_t>(std::countr_zero(found)) / 8;
  }
}

std::optional<std::string_view> unescape(Impl& impl, const char* text) {
  // One frame's texts together are not longer than the frame.
  if (impl.unescaped_used == 0) impl.unescaped.resize(impl.parser.capacity() + Frame::padding);
  std::uint8_t* out = impl.unescaped.data() + impl.unescaped_used;
  std::string_view view;
  const ondemand::raw_json_string raw{reinterpret_cast<const std::uint8_t*>(text)};
  if (impl.parser.unescape(raw, out).get(view) != simdjson::SUCCESS) return std::nullopt;
  impl.unescaped_used += view.size() + 1;
  return view;
}

/// A string token's text. False when it is no string, or its escapes are wrong.
bool read_text(Impl& impl, const char* token, std::string_view& out) {
  if (*token != '"') return false;
  const std::size_t size = plain_length(token + 1);
  if (token[1 + size] == '"') [[likely]] {
    out = {token + 1, size};
    return true;
  }
  const auto text = unescape(impl, token + 1);
  if (!text) return false;
  out = *text;
  return true;
}

bool is_null(const char* token) { return std::memcmp(token, "null", 4) == 0; }

/// Whether a string token is exactly `word`.
template <std::size_t size>
bool is_word(const char* token, const char (&word)[size]) {
  return *token == '"' && is(token + 1, word);
}

/// Milliseconds since 1970; at most the year 2255, so that nanoseconds fit.
bool read_time(const char* token, domain::Timestamp& out) {
  constexpr std::uint64_t latest = 9'000'000'000'000;
  std::uint64_t value = 0;
  if (!read_unsigned(token, value) || value > latest) return false;
  out = domain::from_unix_ms(static_cast<std::int64_t>(value));
  return true;
}

/// Spot amounts that cannot be negative.
template <class Amount>
bool read_amount(const char* token, Amount& out) {
  return read_decimal(token, out) && !out.is_negative();
}

/// What is wrong with a token that did not read as a decimal.
DecodeError bad_decimal(const char* token) {
  return *token == '"' ? DecodeError::bad_number : DecodeError::wrong_type;
}
DecodeError bad_integer(const char* token) {
  return detail::is_digit(*token) || *token == '-' ? DecodeError::bad_number
                                                   : DecodeError::wrong_type;
}

// ---- Objects whose keys are single letters ------------------------------------------------------

/// Where each field's value begins, by its letter. Order does not matter, repeats win, everything
/// with a longer name is skipped.
struct Letters {
  std::array<const char*, 'z' - 'A' + 1> at;  // read only where `seen` says so
  std::uint64_t seen;
  const char* expiry_reason;  ///< "eR"

  Letters() : seen(0), expiry_reason(nullptr) {}

  static constexpr std::uint64_t bit(char letter) {
    return std::uint64_t{1} << static_cast<unsigned>(letter - 'A');
  }
  template <class... Letter>
  static constexpr std::uint64_t bits(Letter... letter) {
    return (bit(letter) | ...);
  }
  bool has(char letter) const { return (seen & bit(letter)) != 0; }
  bool has_all(std::uint64_t wanted) const { return (seen & wanted) == wanted; }
  const char* operator[](char letter) const { return at[static_cast<std::size_t>(letter - 'A')]; }
};

/// Reads an object to its end. `container(letter, value)` is called for arrays and objects.
template <class Container>
DecodeError read_letters(ondemand::object& object, Letters& letters, Container&& container) {
  for (auto item : object) {
    ondemand::field field;
    HALCYON_TRY_JSON(std::move(item).get(field));
    const char* key = field.key().raw();
    const auto index = static_cast<unsigned>(static_cast<unsigned char>(key[0])) - 'A';
    if (key[1] != '"') {
      if (key[0] == 'e' && key[1] == 'R' && key[2] == '"') {
        letters.expiry_reason = field.value().raw_json_token().data();
      }
      continue;
    }
    if (index >= letters.at.size()) continue;
    const char* token = field.value().raw_json_token().data();
    if (*token == '[' || *token == '{') {
      HALCYON_TRY(container(key[0], field.value()));
      continue;
    }
    letters.at[index] = token;
    letters.seen |= std::uint64_t{1} << index;
  }
  return DecodeError::none;
}

constexpr auto no_containers = [](char, ondemand::value&) { return DecodeError::none; };

// ---- Objects with names -------------------------------------------------------------------------

struct Named {
  std::string_view name;
  const char* token = nullptr;
};

/// Finds the scalars of `fields` in any order; `container(key, value)` sees arrays and objects.
template <class Container>
DecodeError read_named(ondemand::object& object, std::span<Named> fields, Container&& container) {
  std::size_t next = 0;
  for (auto item : object) {
    ondemand::field field;
    HALCYON_TRY_JSON(std::move(item).get(field));
    const char* key = field.key().raw();
    const char* token = field.value().raw_json_token().data();
    if (*token == '[' || *token == '{') {
      HALCYON_TRY(container(key, field.value()));
      continue;
    }
    for (std::size_t tries = 0; tries < fields.size(); ++tries) {
      Named& named = fields[next];
      next = next + 1 == fields.size() ? 0 : next + 1;
      if (std::memcmp(key, named.name.data(), named.name.size()) == 0 &&
          key[named.name.size()] == '"') {
        named.token = token;
        break;
      }
    }
  }
  return DecodeError::none;
}

constexpr auto no_named_containers = [](const char*, ondemand::value&) {
  return DecodeError::none;
};

// ---- Book levels --------------------------------------------------------------------------------

/// Appends levels as a run of BookLevels events, bids first.
class LevelWriter {
 public:
  explicit LevelWriter(std::vector<Event>& events) : events_(events), start_(events.size()) {}

  void add(bool is_bid, domain::Price price, domain::Quantity quantity) {
    domain::BookLevels* levels = current_;
    if (levels == nullptr || levels->count == domain::BookLevels::capacity ||
        (is_bid && levels->count != levels->bids)) {
      levels = current_ = &events_.emplace_back().what.emplace<domain::BookLevels>();
      if (is_bid && has_asks_) bids_behind_ = true;
    }
    levels->levels[levels->count++] = {price, quantity};
    if (is_bid) {
      ++levels->bids;
    } else {
      has_asks_ = true;
    }
  }

  /// Makes one run of what was added; an update without levels still moves the update id.
  void finish(const Event& head, std::uint64_t update_id) {
    if (bids_behind_) put_bids_first();
    if (events_.size() == start_) events_.emplace_back().what.emplace<domain::BookLevels>();
    for (std::size_t index = start_; index < events_.size(); ++index) {
      Event& event = events_[index];
      event.venue_time = head.venue_time;
      event.received = head.received;
      event.instrument = head.instrument;
      event.venue = head.venue;
      auto& levels = *std::get_if<domain::BookLevels>(&event.what);
      levels.update_id = update_id;
      levels.last = index + 1 == events_.size();
    }
  }

 private:
  /// The venue sends bids first. Should it ever not, whole events change places: with asks first,
  /// an event holds one side only.
  void put_bids_first() {
    std::stable_partition(
        events_.begin() + static_cast<std::ptrdiff_t>(start_), events_.end(),
        [](const Event& event) { return std::get_if<domain::BookLevels>(&event.what)->bids > 0; });
  }

  std::vector<Event>& events_;
  std::size_t start_;
  domain::BookLevels* current_ = nullptr;
  bool has_asks_ = false;
  bool bids_behind_ = false;
};

DecodeError read_levels(ondemand::value& value, bool is_bid, LevelWriter& writer) {
  ondemand::array levels;
  HALCYON_TRY_JSON(value.get_array().get(levels));
  for (auto item : levels) {
    ondemand::array pair;
    HALCYON_TRY_JSON(item.get_array().get(pair));
    const char* token[2] = {nullptr, nullptr};
    std::size_t count = 0;
    for (auto element : pair) {
      ondemand::value text;
      HALCYON_TRY_JSON(std::move(element).get(text));
      // 2018 frames had a third, empty element.
      if (count < 2) token[count] = text.raw_json_token().data();
      ++count;
    }
    HALCYON_WANT(count >= 2, DecodeError::missing_field);
    domain::Price price;
    domain::Quantity quantity;
    HALCYON_WANT(read_amount(token[0], price), bad_decimal(token[0]));
    HALCYON_WANT(read_amount(token[1], quantity), bad_decimal(token[1]));
    writer.add(is_bid, price, quantity);
  }
  return DecodeError::none;
}

// ---- Market frames ------------------------------------------------------------------------------

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

DecodeError find_instrument(Impl& impl, const Symbols& symbols, const char* token,
                            domain::InstrumentId& out) {
  std::string_view symbol;
  HALCYON_WANT(read_text(impl, token, symbol), DecodeError::wrong_type);
  out = symbols.instrument(symbol);
  return out == domain::no<domain::InstrumentId> ? DecodeError::unknown_symbol : DecodeError::none;
}

struct MarketContext {
  Impl& impl;
  const Symbols& symbols;
  domain::Timestamp received;
  std::vector<Event>& events;
  MarketMessage& message;
};

DecodeError decode_trade(const MarketContext& context, ondemand::object& object) {
  Letters f;
  HALCYON_TRY(read_letters(object, f, no_containers));
  HALCYON_WANT(f.has_all(Letters::bits('s', 't', 'p', 'q', 'T', 'm')), DecodeError::missing_field);
  HALCYON_WANT(!f.has('e') || is_word(f['e'], "trade"), DecodeError::bad_word);
  Event event;
  auto& trade = event.what.emplace<domain::Trade>();
  bool buyer_is_maker = false;
  HALCYON_WANT(read_amount(f['p'], trade.price), bad_decimal(f['p']));
  HALCYON_WANT(read_amount(f['q'], trade.quantity), bad_decimal(f['q']));
  HALCYON_WANT(read_unsigned(f['t'], trade.venue_id), bad_integer(f['t']));
  HALCYON_WANT(read_time(f['T'], event.venue_time), bad_integer(f['T']));
  HALCYON_WANT(read_bool(f['m'], buyer_is_maker), DecodeError::wrong_type);
  HALCYON_TRY(find_instrument(context.impl, context.symbols, f['s'], event.instrument));
  trade.aggressor = buyer_is_maker ? domain::Aggressor::seller : domain::Aggressor::buyer;
  event.received = context.received;
  event.venue = context.symbols.venue();
  context.message.instrument = event.instrument;
  context.message.trade_id = trade.venue_id;
  context.events.push_back(event);
  return DecodeError::none;
}

DecodeError decode_quote(const MarketContext& context, ondemand::object& object) {
  Letters f;
  HALCYON_TRY(read_letters(object, f, no_containers));
  HALCYON_WANT(f.has_all(Letters::bits('s', 'u', 'b', 'B', 'a', 'A')), DecodeError::missing_field);
  Event event;  // bookTicker bears no time at all
  auto& quote = event.what.emplace<domain::Quote>();
  HALCYON_WANT(read_amount(f['b'], quote.bid), bad_decimal(f['b']));
  HALCYON_WANT(read_amount(f['B'], quote.bid_quantity), bad_decimal(f['B']));
  HALCYON_WANT(read_amount(f['a'], quote.ask), bad_decimal(f['a']));
  HALCYON_WANT(read_amount(f['A'], quote.ask_quantity), bad_decimal(f['A']));
  HALCYON_WANT(read_unsigned(f['u'], quote.update_id), bad_integer(f['u']));
  HALCYON_TRY(find_instrument(context.impl, context.symbols, f['s'], event.instrument));
  event.received = context.received;
  event.venue = context.symbols.venue();
  context.message.instrument = event.instrument;
  context.events.push_back(event);
  return DecodeError::none;
}

DecodeError decode_depth(const MarketContext& context, ondemand::object& object) {
  Letters f;
  LevelWriter writer{context.events};
  bool has_bids = false;
  bool has_asks = false;
  HALCYON_TRY(read_letters(object, f, [&](char letter, ondemand::value& value) {
    if (letter == 'b' && !has_bids) {
      has_bids = true;
      return read_levels(value, true, writer);
    }
    if (letter == 'a' && !has_asks) {
      has_asks = true;
      return read_levels(value, false, writer);
    }
    return DecodeError::none;
  }));
  HALCYON_WANT(f.has_all(Letters::bits('E', 's', 'U', 'u')) && has_bids && has_asks,
               DecodeError::missing_field);
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

DecodeError decode_payload(const MarketContext& context, ondemand::object& object) {
  switch (context.message.kind) {
    case MarketKind::trade:
      return decode_trade(context, object);
    case MarketKind::quote:
      return decode_quote(context, object);
    case MarketKind::depth:
      return decode_depth(context, object);
    default:
      return DecodeError::none;
  }
}

/// An error object, or the flat shape of control errors.
struct ErrorFields {
  std::int32_t code = 0;
  std::string_view text;
  bool has_code = false;
};

DecodeError read_code(const char* token, ErrorFields& out) {
  std::int64_t code = 0;
  HALCYON_WANT(read_signed(token, code), bad_integer(token));
  HALCYON_WANT(code >= INT32_MIN && code <= INT32_MAX, DecodeError::bad_number);
  out.code = static_cast<std::int32_t>(code);
  out.has_code = true;
  return DecodeError::none;
}

DecodeError read_error(Impl& impl, ondemand::value& value, ErrorFields& out, Response* response) {
  ondemand::object object;
  HALCYON_TRY_JSON(value.get_object().get(object));
  Named fields[] = {{"code"}, {"msg"}};
  HALCYON_TRY(read_named(object, fields, [&](const char* key, ondemand::value& inner) {
    if (response == nullptr || !is(key, "data")) return DecodeError::none;
    if (*inner.raw_json_token().data() != '{') return DecodeError::none;
    ondemand::object data;
    HALCYON_TRY_JSON(inner.get_object().get(data));
    Named times[] = {{"serverTime"}, {"retryAfter"}};
    HALCYON_TRY(read_named(data, times, no_named_containers));
    if (times[0].token != nullptr) {
      HALCYON_WANT(read_signed(times[0].token, response->server_time_ms),
                   bad_integer(times[0].token));
    }
    if (times[1].token != nullptr) {
      HALCYON_WANT(read_signed(times[1].token, response->retry_after_ms),
                   bad_integer(times[1].token));
    }
    return DecodeError::none;
  }));
  if (fields[0].token != nullptr) HALCYON_TRY(read_code(fields[0].token, out));
  if (fields[1].token != nullptr) {
    HALCYON_WANT(read_text(impl, fields[1].token, out.text), DecodeError::wrong_type);
  }
  return DecodeError::none;
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
  ErrorFields refusal;
  for (auto item : root) {
    ondemand::field field;
    HALCYON_TRY_JSON(std::move(item).get(field));
    const char* key = field.key().raw();
    if (is(key, "stream")) {
      const char* token = field.value().raw_json_token().data();
      message.kind = kind_of_stream(token);
    } else if (is(key, "data")) {
      HALCYON_WANT(!has_data, DecodeError::not_json);  // twice: which one would be true?
      has_data = true;
      if (message.kind == MarketKind::none) {
        data_first = true;
        continue;
      }
      if (*field.value().raw_json_token().data() != '{') {
        // An array of tickers; of the kinds that are used, none.
        HALCYON_WANT(message.kind >= MarketKind::agg_trade, DecodeError::wrong_type);
        continue;
      }
      ondemand::object data;
      HALCYON_TRY_JSON(field.value().get_object().get(data));
      HALCYON_TRY(decode_payload(context, data));
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
    return decode_payload(context, root);
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

// ---- User events --------------------------------------------------------------------------------

bool read_side(const char* token, domain::Side& out) {
  if (is_word(token, "BUY")) {
    out = domain::Side::buy;
  } else if (is_word(token, "SELL")) {
    out = domain::Side::sell;
  } else {
    return false;
  }
  return true;
}

// Words that may grow: an unknown one keeps the default and is counted, because a fill must not be
// lost over the name of an order type.

bool read_type(const char* token, domain::OrderType& out) {
  using domain::OrderType;
  if (is_word(token, "LIMIT") || is_word(token, "LIMIT_MAKER")) {
    out = OrderType::limit;
  } else if (is_word(token, "MARKET")) {
    out = OrderType::market;
  } else if (is_word(token, "STOP_LOSS")) {
    out = OrderType::stop;
  } else if (is_word(token, "STOP_LOSS_LIMIT")) {
    out = OrderType::stop_limit;
  } else if (is_word(token, "TAKE_PROFIT")) {
    out = OrderType::take_profit;
  } else if (is_word(token, "TAKE_PROFIT_LIMIT")) {
    out = OrderType::take_profit_limit;
  } else {
    return false;
  }
  return true;
}

bool read_time_in_force(const char* token, domain::TimeInForce& out) {
  if (is_word(token, "GTC")) {
    out = domain::TimeInForce::gtc;
  } else if (is_word(token, "IOC")) {
    out = domain::TimeInForce::ioc;
  } else if (is_word(token, "FOK")) {
    out = domain::TimeInForce::fok;
  } else {
    return false;
  }
  return true;
}

struct Status {
  domain::VenueOrderStatus status = domain::VenueOrderStatus::working;
  bool in_match = false;  ///< EXPIRED_IN_MATCH: self-trade prevention
};

bool read_status(const char* token, Status& out) {
  using domain::VenueOrderStatus;
  if (is_word(token, "NEW") || is_word(token, "PENDING_CANCEL")) {
    out.status = VenueOrderStatus::working;
  } else if (is_word(token, "PARTIALLY_FILLED")) {
    out.status = VenueOrderStatus::partially_filled;
  } else if (is_word(token, "FILLED")) {
    out.status = VenueOrderStatus::filled;
  } else if (is_word(token, "CANCELED")) {
    out.status = VenueOrderStatus::canceled;
  } else if (is_word(token, "EXPIRED")) {
    out.status = VenueOrderStatus::expired;
  } else if (is_word(token, "EXPIRED_IN_MATCH")) {
    out.status = VenueOrderStatus::expired;
    out.in_match = true;
  } else if (is_word(token, "REJECTED")) {
    out.status = VenueOrderStatus::rejected;
  } else if (is_word(token, "PENDING_NEW")) {
    out.status = VenueOrderStatus::pending;
  } else {
    return false;
  }
  return true;
}

/// Why an order ended, from the venue's expiry reason (section 11) if there is one.
Reason end_reason(const Status& status, domain::OrderType type, domain::TimeInForce time_in_force,
                  const char* expiry_reason) {
  using domain::VenueOrderStatus;
  if (status.in_match) return Reason::self_trade_prevented;
  if (expiry_reason != nullptr) {
    if (is_word(expiry_reason, "UNFILLED_IOC_QUANTITY_EXPIRED") ||
        is_word(expiry_reason, "UNFILLED_FOK_ORDER_EXPIRED") ||
        is_word(expiry_reason, "INSUFFICIENT_LIQUIDITY") ||
        is_word(expiry_reason, "EXECUTION_RULE_PRICE_RANGE_EXCEEDED")) {
      return Reason::no_liquidity;
    }
    if (is_word(expiry_reason, "EXCHANGE_CANCELED") || is_word(expiry_reason, "OCO_TRIGGER") ||
        is_word(expiry_reason, "OTO_PHASE_ONE_EXPIRED")) {
      return Reason::canceled_by_venue;
    }
    if (is_word(expiry_reason, "REJECTED")) return Reason::venue_refused;
  }
  if (status.status == VenueOrderStatus::expired) {
    const bool immediate = type == domain::OrderType::market ||
                           time_in_force == domain::TimeInForce::ioc ||
                           time_in_force == domain::TimeInForce::fok;
    return immediate ? Reason::no_liquidity : Reason::canceled_by_venue;
  }
  return Reason::none;
}

struct PrivateContext {
  Impl& impl;
  const Symbols& symbols;
  const Identity& identity;
  domain::Timestamp received;
  Output output;
};

Event head_of(const PrivateContext& context) {
  Event event;
  event.received = context.received;
  event.account = context.identity.account;
  event.venue = context.symbols.venue();
  return event;
}

void push(const PrivateContext& context, Event& event, std::string_view remark) {
  if (!remark.empty()) {
    context.output.remarks.emplace_back(remark.substr(0, domain::Remark::capacity));
    event.remark = static_cast<std::uint32_t>(context.output.remarks.size());
  }
  context.output.events.push_back(event);
}

/// An Execution's remark: the client id of an external order, and the fee's asset when nobody
/// named it.
void push_execution(const PrivateContext& context, Event& event, std::string_view client_id,
                    std::string_view unknown_fee_asset) {
  if (unknown_fee_asset.empty()) return push(context, event, client_id);
  std::string remark{client_id};
  if (!remark.empty()) remark += ' ';
  remark += "fee asset ";
  remark += unknown_fee_asset;
  push(context, event, remark);
}

DecodeError read_fee(const PrivateContext& context, const char* amount, const char* asset,
                     domain::Execution& execution, std::string_view& unknown,
                     std::uint32_t& unknown_assets) {
  if (amount != nullptr) {
    HALCYON_WANT(read_decimal(amount, execution.fee), bad_decimal(amount));
  }
  if (asset != nullptr && !is_null(asset)) {
    std::string_view name;
    HALCYON_WANT(read_text(context.impl, asset, name), DecodeError::wrong_type);
    execution.fee_asset = context.symbols.asset(name);
    if (execution.fee_asset == domain::no<domain::AssetId> && !execution.fee.is_zero()) {
      unknown = name;
      ++unknown_assets;
    }
  } else if (!execution.fee.is_zero()) {
    unknown = "not named";
    ++unknown_assets;
  }
  return DecodeError::none;
}

DecodeError decode_execution_report(const PrivateContext& context, const Letters& f,
                                    OrderMessage& message) {
  HALCYON_WANT(
      f.has_all(Letters::bits('s', 'c', 'S', 'o', 'f', 'q', 'p', 'x', 'X', 'i', 'z', 'T', 'I')),
      DecodeError::missing_field);
  Event event = head_of(context);
  domain::OrderReport report;
  std::uint64_t venue_order = 0;
  HALCYON_TRY(find_instrument(context.impl, context.symbols, f['s'], event.instrument));
  HALCYON_WANT(read_time(f['T'], event.venue_time), bad_integer(f['T']));
  HALCYON_WANT(read_unsigned(f['i'], venue_order), bad_integer(f['i']));
  HALCYON_WANT(read_unsigned(f['I'], report.venue_sequence), bad_integer(f['I']));
  HALCYON_WANT(read_side(f['S'], report.side), DecodeError::bad_word);
  HALCYON_WANT(read_amount(f['q'], report.quantity), bad_decimal(f['q']));
  HALCYON_WANT(read_amount(f['p'], report.limit_price), bad_decimal(f['p']));
  HALCYON_WANT(read_amount(f['z'], report.filled), bad_decimal(f['z']));
  if (f.has('P')) HALCYON_WANT(read_amount(f['P'], report.stop_price), bad_decimal(f['P']));
  report.filled_quote = -domain::Money::from_units(1);
  if (f.has('Z')) HALCYON_WANT(read_decimal(f['Z'], report.filled_quote), bad_decimal(f['Z']));
  report.venue_order = domain::ForeignId::number(venue_order);
  Status status;
  if (!read_type(f['o'], report.type)) ++message.unknown_words;
  if (!read_time_in_force(f['f'], report.time_in_force)) ++message.unknown_words;
  if (!read_status(f['X'], status)) ++message.unknown_words;
  report.status = status.status;

  // The order's own client id: on a cancel "c" is the cancel's id and "C" the order's.
  const bool is_cancel = is_word(f['x'], "CANCELED");
  std::string_view client_id;
  std::string_view original_id;
  HALCYON_WANT(read_text(context.impl, f['c'], client_id), DecodeError::wrong_type);
  if (f.has('C') && !is_null(f['C'])) {
    HALCYON_WANT(read_text(context.impl, f['C'], original_id), DecodeError::wrong_type);
  }
  const std::string_view own_id = is_cancel && !original_id.empty() ? original_id : client_id;
  const std::string_view prefix = context.identity.prefix;
  if (const auto order = domain::parse_client_order_id(prefix, own_id)) report.order = *order;
  const std::string_view external = report.order.is_none() ? own_id : std::string_view{};

  report.reason = end_reason(status, report.type, report.time_in_force, f.expiry_reason);
  if (is_cancel && report.reason == Reason::none &&
      !domain::parse_client_order_id(prefix, client_id)) {
    report.reason = Reason::canceled_by_venue;  // by another hand than ours
  }
  std::string_view remark = external;
  if (status.status == domain::VenueOrderStatus::rejected) {
    report.reason = Reason::venue_refused;
    if (f.has('r')) {
      if (is_word(f['r'], "INSUFFICIENT_BALANCES")) report.reason = Reason::venue_refused_funds;
      if (external.empty()) {
        HALCYON_WANT(read_text(context.impl, f['r'], remark), DecodeError::wrong_type);
      }
    }
  }

  // Only TRADE is a fill. TRADE_PREVENTION looks like one and is not (change log 2023-12-04).
  if (is_word(f['x'], "TRADE")) {
    HALCYON_WANT(f.has_all(Letters::bits('t', 'l', 'L')), DecodeError::missing_field);
    domain::Execution execution;
    std::int64_t trade = 0;
    HALCYON_WANT(read_signed(f['t'], trade), bad_integer(f['t']));
    if (trade >= 0) {
      execution.trade = domain::ForeignId::number(static_cast<std::uint64_t>(trade));
    } else {
      // Smart order routing fills are allocations, with numbers of their own.
      HALCYON_WANT(f.has('a'), DecodeError::missing_field);
      std::uint64_t allocation = 0;
      HALCYON_WANT(read_unsigned(f['a'], allocation), bad_integer(f['a']));
      execution.trade = domain::ForeignId{1, allocation};
    }
    HALCYON_WANT(read_amount(f['l'], execution.quantity), bad_decimal(f['l']));
    HALCYON_WANT(read_amount(f['L'], execution.price), bad_decimal(f['L']));
    HALCYON_WANT(execution.quantity.is_positive(), DecodeError::bad_number);
    if (f.has('Y')) {
      HALCYON_WANT(read_decimal(f['Y'], execution.quote_amount), bad_decimal(f['Y']));
    } else {
      const auto amount = domain::notional(execution.price, execution.quantity);
      HALCYON_WANT(amount.has_value(), DecodeError::bad_number);
      execution.quote_amount = *amount;
    }
    std::string_view unknown;
    HALCYON_TRY(read_fee(context, f.has('n') ? f['n'] : nullptr, f.has('N') ? f['N'] : nullptr,
                         execution, unknown, message.unknown_assets));
    if (f.has('m')) {
      bool is_maker = false;
      HALCYON_WANT(read_bool(f['m'], is_maker), DecodeError::wrong_type);
      execution.liquidity = is_maker ? domain::Liquidity::maker : domain::Liquidity::taker;
    }
    execution.order = report.order;
    execution.venue_order = report.venue_order;
    execution.cumulative = report.filled;
    execution.venue_sequence = report.venue_sequence;
    execution.side = report.side;
    Event fill = event;
    fill.what = execution;
    push_execution(context, fill, external, unknown);
  }
  event.what = report;
  push(context, event, remark);
  return DecodeError::none;
}

/// One row of balances: `{"a":asset,"f":free,"l":locked}` or with whole names.
DecodeError push_balance(const PrivateContext& context, Event event, domain::Source source,
                         const char* asset, const char* free, const char* locked,
                         std::uint32_t& unknown_assets) {
  HALCYON_WANT(asset != nullptr && free != nullptr && locked != nullptr,
               DecodeError::missing_field);
  domain::Balance balance;
  balance.source = source;
  std::string_view name;
  HALCYON_WANT(read_text(context.impl, asset, name), DecodeError::wrong_type);
  HALCYON_WANT(read_decimal(free, balance.free), bad_decimal(free));
  HALCYON_WANT(read_decimal(locked, balance.locked), bad_decimal(locked));
  balance.asset = context.symbols.asset(name);
  const bool is_unknown = balance.asset == domain::no<domain::AssetId>;
  if (is_unknown) {
    if (balance.free.is_zero() && balance.locked.is_zero()) return DecodeError::none;
    ++unknown_assets;
  }
  event.what = balance;
  push(context, event, is_unknown ? name : std::string_view{});
  return DecodeError::none;
}

DecodeError decode_event(const PrivateContext& context, ondemand::object& object,
                         OrderMessage& message) {
  Letters f;
  // Balances stand before us when the array is reached; the event's times may stand behind it.
  const std::size_t start = context.output.events.size();
  bool has_balances = false;
  HALCYON_TRY(read_letters(object, f, [&](char letter, ondemand::value& value) {
    if (letter != 'B' || *value.raw_json_token().data() != '[') return DecodeError::none;
    has_balances = true;
    ondemand::array rows;
    HALCYON_TRY_JSON(value.get_array().get(rows));
    for (auto item : rows) {
      ondemand::object row;
      HALCYON_TRY_JSON(item.get_object().get(row));
      Letters fields;
      HALCYON_TRY(read_letters(row, fields, no_containers));
      HALCYON_WANT(fields.has_all(Letters::bits('a', 'f', 'l')), DecodeError::missing_field);
      HALCYON_TRY(push_balance(context, head_of(context), domain::Source::private_stream,
                               fields['a'], fields['f'], fields['l'], message.unknown_assets));
    }
    return DecodeError::none;
  }));
  HALCYON_WANT(f.has('e'), DecodeError::missing_field);
  const char* kind = f['e'];
  if (is_word(kind, "executionReport")) {
    message.kind = OrderFrameKind::execution_report;
    return decode_execution_report(context, f, message);
  }
  if (is_word(kind, "outboundAccountPosition")) {
    message.kind = OrderFrameKind::account_position;
    HALCYON_WANT(has_balances && f.has('u'), DecodeError::missing_field);
    domain::Timestamp time;
    HALCYON_WANT(read_time(f['u'], time), bad_integer(f['u']));
    for (std::size_t index = start; index < context.output.events.size(); ++index) {
      context.output.events[index].venue_time = time;
    }
    return DecodeError::none;
  }
  HALCYON_WANT(context.output.events.size() == start, DecodeError::wrong_type);
  if (is_word(kind, "balanceUpdate")) {
    message.kind = OrderFrameKind::balance_update;
    HALCYON_WANT(f.has_all(Letters::bits('a', 'd', 'T')), DecodeError::missing_field);
    Event event = head_of(context);
    domain::ExternalFlow flow;
    std::string_view name;
    HALCYON_WANT(read_text(context.impl, f['a'], name), DecodeError::wrong_type);
    HALCYON_WANT(read_decimal(f['d'], flow.amount), bad_decimal(f['d']));
    HALCYON_WANT(read_time(f['T'], event.venue_time), bad_integer(f['T']));
    flow.asset = context.symbols.asset(name);
    const bool is_unknown = flow.asset == domain::no<domain::AssetId>;
    if (is_unknown) ++message.unknown_assets;
    event.what = flow;
    push(context, event, is_unknown ? name : std::string_view{});
  } else if (is_word(kind, "listStatus")) {
    message.kind = OrderFrameKind::list_status;
  } else if (is_word(kind, "externalLockUpdate")) {
    message.kind = OrderFrameKind::external_lock;
  } else if (is_word(kind, "eventStreamTerminated")) {
    message.kind = OrderFrameKind::stream_terminated;
  } else if (is_word(kind, "serverShutdown")) {
    message.kind = OrderFrameKind::server_shutdown;
  } else {
    message.kind = OrderFrameKind::unknown_event;
  }
  return DecodeError::none;
}

// ---- Responses ----------------------------------------------------------------------------------

struct RateLimitRow {
  std::string_view type, interval;
  std::uint64_t interval_count = 0;
  std::int64_t limit = -1, count = -1;
  bool is_complete = false;
};

DecodeError read_rate_limit(Impl& impl, ondemand::object& object, RateLimitRow& row) {
  Named fields[] = {{"rateLimitType"}, {"interval"}, {"intervalNum"}, {"limit"}, {"count"}};
  HALCYON_TRY(read_named(object, fields, no_named_containers));
  // A documented sample has an empty object here; a row that says too little says nothing.
  if (fields[0].token == nullptr || fields[1].token == nullptr || fields[2].token == nullptr ||
      fields[3].token == nullptr) {
    return DecodeError::none;
  }
  HALCYON_WANT(read_text(impl, fields[0].token, row.type), DecodeError::wrong_type);
  HALCYON_WANT(read_text(impl, fields[1].token, row.interval), DecodeError::wrong_type);
  HALCYON_WANT(read_unsigned(fields[2].token, row.interval_count), bad_integer(fields[2].token));
  HALCYON_WANT(read_signed(fields[3].token, row.limit), bad_integer(fields[3].token));
  if (fields[4].token != nullptr) {
    HALCYON_WANT(read_signed(fields[4].token, row.count), bad_integer(fields[4].token));
  }
  row.is_complete = true;
  return DecodeError::none;
}

DecodeError read_rates(Impl& impl, ondemand::value& value, RateCounts& rates) {
  ondemand::array rows;
  HALCYON_TRY_JSON(value.get_array().get(rows));
  for (auto item : rows) {
    ondemand::object object;
    HALCYON_TRY_JSON(item.get_object().get(object));
    RateLimitRow row;
    HALCYON_TRY(read_rate_limit(impl, object, row));
    if (!row.is_complete) continue;
    if (row.type == "REQUEST_WEIGHT" && row.interval == "MINUTE" && row.interval_count == 1) {
      rates.weight = row.count;
      rates.weight_limit = row.limit;
    } else if (row.type == "ORDERS" && row.interval == "SECOND" && row.interval_count == 10) {
      rates.orders_10s = row.count;
      rates.orders_10s_limit = row.limit;
    } else if (row.type == "ORDERS" && row.interval == "DAY" && row.interval_count == 1) {
      rates.orders_day = row.count;
      rates.orders_day_limit = row.limit;
    }
  }
  return DecodeError::none;
}

DecodeError read_result(ondemand::value& value, std::string_view& result) {
  const std::string_view token = value.raw_json_token();
  if (token.front() == '{') {
    ondemand::object object;
    HALCYON_TRY_JSON(value.get_object().get(object));
    HALCYON_TRY_JSON(object.raw_json().get(result));
  } else if (token.front() == '[') {
    ondemand::array array;
    HALCYON_TRY_JSON(value.get_array().get(array));
    HALCYON_TRY_JSON(array.raw_json().get(result));
  } else {
    result = token;
  }
  return DecodeError::none;
}

DecodeError decode_order_frame_into(const PrivateContext& context, std::string_view text,
                                    OrderMessage& message) {
  ondemand::document document;
  HALCYON_TRY(open(context.impl, text, document));
  ondemand::object root;
  HALCYON_TRY_JSON(document.get_object().get(root));
  Response& response = message.response;
  bool is_response = false;
  bool has_status = false;
  for (auto item : root) {
    ondemand::field field;
    HALCYON_TRY_JSON(std::move(item).get(field));
    const char* key = field.key().raw();
    const char* token = field.value().raw_json_token().data();
    if (is(key, "event")) {
      HALCYON_WANT(message.kind == OrderFrameKind::none, DecodeError::not_json);
      ondemand::object event;
      HALCYON_TRY_JSON(field.value().get_object().get(event));
      HALCYON_TRY(decode_event(context, event, message));
    } else if (is(key, "id")) {
      is_response = true;
      response.id_is_null = is_null(token);
      if (!read_unsigned(token, response.id)) response.id = no_request_id;
    } else if (is(key, "status")) {
      std::uint64_t status = 0;
      HALCYON_WANT(read_unsigned(token, status), bad_integer(token));
      HALCYON_WANT(status <= 999, DecodeError::bad_number);
      response.status = static_cast<std::int32_t>(status);
      has_status = true;
    } else if (is(key, "result")) {
      HALCYON_TRY(read_result(field.value(), response.result));
    } else if (is(key, "error")) {
      ErrorFields error;
      HALCYON_TRY(read_error(context.impl, field.value(), error, &response));
      HALCYON_WANT(error.has_code, DecodeError::missing_field);
      response.code = error.code;
      response.message = error.text;
    } else if (is(key, "rateLimits")) {
      HALCYON_TRY(read_rates(context.impl, field.value(), response.rates));
    }
  }
  HALCYON_WANT(is_at_end(document), DecodeError::not_json);
  if (message.kind != OrderFrameKind::none) return DecodeError::none;  // "event" goes first
  HALCYON_WANT(is_response && has_status, DecodeError::missing_field);
  message.kind = OrderFrameKind::response;
  return DecodeError::none;
}

DecodeError decode_order_row(const PrivateContext& context, ondemand::object& object,
                             domain::Source source, Rows& rows) {
  enum : std::size_t {
    symbol,
    order_id,
    client_id,
    price,
    quantity,
    executed,
    quote,
    status,
    time_in_force,
    type,
    side,
    stop_price,
    time,
    update_time,
    expiry_reason,
    field_count
  };
  std::array<Named, field_count> f{{{"symbol"},
                                    {"orderId"},
                                    {"clientOrderId"},
                                    {"price"},
                                    {"origQty"},
                                    {"executedQty"},
                                    {"cummulativeQuoteQty"},
                                    {"status"},
                                    {"timeInForce"},
                                    {"type"},
                                    {"side"},
                                    {"stopPrice"},
                                    {"time"},
                                    {"updateTime"},
                                    {"expiryReason"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  for (const std::size_t wanted :
       {symbol, order_id, client_id, price, quantity, executed, status, type, side}) {
    HALCYON_WANT(f[wanted].token != nullptr, DecodeError::missing_field);
  }
  ++rows.count;
  Event event = head_of(context);
  const DecodeError found =
      find_instrument(context.impl, context.symbols, f[symbol].token, event.instrument);
  if (found == DecodeError::unknown_symbol) {
    ++rows.unknown_symbols;
    return DecodeError::none;
  }
  HALCYON_TRY(found);
  domain::OrderReport report;
  report.source = source;
  std::uint64_t venue_order = 0;
  HALCYON_WANT(read_unsigned(f[order_id].token, venue_order), bad_integer(f[order_id].token));
  report.venue_order = domain::ForeignId::number(venue_order);
  HALCYON_WANT(read_amount(f[price].token, report.limit_price), bad_decimal(f[price].token));
  HALCYON_WANT(read_amount(f[quantity].token, report.quantity), bad_decimal(f[quantity].token));
  HALCYON_WANT(read_amount(f[executed].token, report.filled), bad_decimal(f[executed].token));
  report.filled_quote = -domain::Money::from_units(1);
  if (f[quote].token != nullptr) {  // may be negative in old orders: not known
    HALCYON_WANT(read_decimal(f[quote].token, report.filled_quote), bad_decimal(f[quote].token));
  }
  if (f[stop_price].token != nullptr) {
    HALCYON_WANT(read_amount(f[stop_price].token, report.stop_price),
                 bad_decimal(f[stop_price].token));
  }
  HALCYON_WANT(read_side(f[side].token, report.side), DecodeError::bad_word);
  const char* when = f[update_time].token != nullptr ? f[update_time].token : f[time].token;
  if (when != nullptr) HALCYON_WANT(read_time(when, event.venue_time), bad_integer(when));
  Status state;
  if (!read_type(f[type].token, report.type)) ++rows.unknown_words;
  if (f[time_in_force].token == nullptr ||
      !read_time_in_force(f[time_in_force].token, report.time_in_force)) {
    ++rows.unknown_words;
  }
  if (!read_status(f[status].token, state)) ++rows.unknown_words;
  report.status = state.status;
  report.reason = end_reason(state, report.type, report.time_in_force, f[expiry_reason].token);
  if (state.status == domain::VenueOrderStatus::rejected) report.reason = Reason::venue_refused;
  std::string_view id;
  HALCYON_WANT(read_text(context.impl, f[client_id].token, id), DecodeError::wrong_type);
  if (const auto order = domain::parse_client_order_id(context.identity.prefix, id)) {
    report.order = *order;
  }
  event.what = report;
  push(context, event, report.order.is_none() ? id : std::string_view{});
  return DecodeError::none;
}

DecodeError decode_fill_row(const PrivateContext& context, ondemand::object& object, Rows& rows) {
  enum : std::size_t {
    symbol,
    id,
    order_id,
    price,
    quantity,
    quote,
    fee,
    fee_asset,
    time,
    is_buyer,
    is_maker,
    field_count
  };
  std::array<Named, field_count> f{{{"symbol"},
                                    {"id"},
                                    {"orderId"},
                                    {"price"},
                                    {"qty"},
                                    {"quoteQty"},
                                    {"commission"},
                                    {"commissionAsset"},
                                    {"time"},
                                    {"isBuyer"},
                                    {"isMaker"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  for (const Named& named : f) {
    HALCYON_WANT(named.token != nullptr, DecodeError::missing_field);
  }
  ++rows.count;
  Event event = head_of(context);
  domain::Execution execution;
  execution.source = domain::Source::trade_record;
  std::uint64_t trade = 0;
  std::uint64_t venue_order = 0;
  HALCYON_WANT(read_unsigned(f[id].token, trade), bad_integer(f[id].token));
  rows.last_trade_id = std::max(rows.last_trade_id, trade);
  const DecodeError found =
      find_instrument(context.impl, context.symbols, f[symbol].token, event.instrument);
  if (found == DecodeError::unknown_symbol) {
    ++rows.unknown_symbols;
    return DecodeError::none;
  }
  HALCYON_TRY(found);
  HALCYON_WANT(read_unsigned(f[order_id].token, venue_order), bad_integer(f[order_id].token));
  HALCYON_WANT(read_amount(f[price].token, execution.price), bad_decimal(f[price].token));
  HALCYON_WANT(read_amount(f[quantity].token, execution.quantity), bad_decimal(f[quantity].token));
  HALCYON_WANT(read_decimal(f[quote].token, execution.quote_amount), bad_decimal(f[quote].token));
  HALCYON_WANT(execution.quantity.is_positive(), DecodeError::bad_number);
  bool flag = false;
  HALCYON_WANT(read_bool(f[is_buyer].token, flag), DecodeError::wrong_type);
  execution.side = flag ? domain::Side::buy : domain::Side::sell;
  HALCYON_WANT(read_bool(f[is_maker].token, flag), DecodeError::wrong_type);
  execution.liquidity = flag ? domain::Liquidity::maker : domain::Liquidity::taker;
  HALCYON_WANT(read_time(f[time].token, event.venue_time), bad_integer(f[time].token));
  execution.trade = domain::ForeignId::number(trade);
  execution.venue_order = domain::ForeignId::number(venue_order);
  std::string_view unknown;
  HALCYON_TRY(
      read_fee(context, f[fee].token, f[fee_asset].token, execution, unknown, rows.unknown_assets));
  event.what = execution;
  push_execution(context, event, {}, unknown);
  return DecodeError::none;
}

/// Runs `decode`; puts the output back to where it was when that fails.
template <class Decode>
DecodeError all_or_nothing(Output output, Decode&& decode) {
  const std::size_t events = output.events.size();
  const std::size_t remarks = output.remarks.size();
  const DecodeError error = decode();
  if (error != DecodeError::none) [[unlikely]] {
    output.events.erase(output.events.begin() + static_cast<std::ptrdiff_t>(events),
                        output.events.end());
    output.remarks.erase(output.remarks.begin() + static_cast<std::ptrdiff_t>(remarks),
                         output.remarks.end());
  }
  return error;
}

/// Calls `row(object)` for every object of an array, or for the one object that stands there.
template <class Row>
DecodeError each_object(Impl& impl, std::string_view result, Row&& row) {
  HALCYON_WANT(!result.empty(), DecodeError::missing_field);
  ondemand::document document;
  HALCYON_TRY(open(impl, result, document));
  if (result.front() == '[') {
    ondemand::array array;
    HALCYON_TRY_JSON(document.get_array().get(array));
    for (auto item : array) {
      ondemand::object object;
      HALCYON_TRY_JSON(item.get_object().get(object));
      HALCYON_TRY(row(object));
    }
  } else {
    ondemand::object object;
    HALCYON_TRY_JSON(document.get_object().get(object));
    HALCYON_TRY(row(object));
  }
  HALCYON_WANT(is_at_end(document), DecodeError::not_json);
  return DecodeError::none;
}

// ---- exchangeInfo -------------------------------------------------------------------------------

struct SymbolRules {
  domain::InstrumentRules rules;
  bool is_representable = true;
};

void read_rule_price(const Named& field, domain::Price& out, SymbolRules& symbol) {
  if (field.token == nullptr) return;
  if (!read_amount(field.token, out)) symbol.is_representable = false;
}

/// A greatest price beyond what a Price holds binds nobody: the rule is off.
void read_rule_max_price(const Named& field, domain::Price& out, SymbolRules& symbol) {
  if (field.token == nullptr || read_amount(field.token, out)) return;
  out = domain::Price{};
  domain::Money wide;
  if (!read_amount(field.token, wide)) symbol.is_representable = false;
}

template <class Amount>
void read_rule(const Named& field, Amount& out, SymbolRules& symbol) {
  if (field.token == nullptr) return;
  if (!read_amount(field.token, out)) symbol.is_representable = false;
}

void read_rule_flag(const Named& field, bool& out, SymbolRules& symbol) {
  if (field.token == nullptr) return;
  if (!read_bool(field.token, out)) symbol.is_representable = false;
}

DecodeError read_filter(ondemand::object& object, SymbolRules& symbol) {
  enum : std::size_t {
    type,
    min_price,
    max_price,
    tick,
    min_quantity,
    max_quantity,
    step,
    min_notional,
    max_notional,
    apply_to_market,
    apply_min,
    apply_max,
    field_count
  };
  std::array<Named, field_count> f{{{"filterType"},
                                    {"minPrice"},
                                    {"maxPrice"},
                                    {"tickSize"},
                                    {"minQty"},
                                    {"maxQty"},
                                    {"stepSize"},
                                    {"minNotional"},
                                    {"maxNotional"},
                                    {"applyToMarket"},
                                    {"applyMinToMarket"},
                                    {"applyMaxToMarket"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  HALCYON_WANT(f[type].token != nullptr, DecodeError::missing_field);
  domain::InstrumentRules& rules = symbol.rules;
  const char* name = f[type].token;
  if (is_word(name, "PRICE_FILTER")) {
    read_rule_price(f[min_price], rules.min_price, symbol);
    read_rule_max_price(f[max_price], rules.max_price, symbol);
    read_rule_price(f[tick], rules.tick, symbol);
  } else if (is_word(name, "LOT_SIZE")) {
    read_rule(f[min_quantity], rules.min_quantity, symbol);
    read_rule(f[max_quantity], rules.max_quantity, symbol);
    read_rule(f[step], rules.lot, symbol);
  } else if (is_word(name, "MARKET_LOT_SIZE")) {
    // Its step and minimum are off everywhere; LOT_SIZE is applied to market orders as well.
    read_rule(f[max_quantity], rules.max_market_quantity, symbol);
  } else if (is_word(name, "MIN_NOTIONAL")) {
    read_rule(f[min_notional], rules.min_notional, symbol);
    read_rule_flag(f[apply_to_market], rules.min_notional_for_market, symbol);
  } else if (is_word(name, "NOTIONAL")) {
    read_rule(f[min_notional], rules.min_notional, symbol);
    read_rule(f[max_notional], rules.max_notional, symbol);
    read_rule_flag(f[apply_min], rules.min_notional_for_market, symbol);
    read_rule_flag(f[apply_max], rules.max_notional_for_market, symbol);
  }
  return DecodeError::none;
}

domain::InstrumentStatus read_symbol_status(const char* token) {
  using domain::InstrumentStatus;
  if (is_word(token, "TRADING")) return InstrumentStatus::trading;
  if (is_word(token, "CANCEL_ONLY")) return InstrumentStatus::cancel_only;
  return InstrumentStatus::halted;  // END_OF_DAY, HALT, BREAK, and what may come: no orders
}

DecodeError decode_exchange_info_into(Impl& impl, std::string_view text, const Symbols& symbols,
                                      RestAnswer& answer) {
  ondemand::document document;
  HALCYON_TRY(open(impl, text, document));
  ondemand::object root;
  HALCYON_TRY_JSON(document.get_object().get(root));
  std::array<Named, 1> top{{{"serverTime"}}};
  bool has_symbols = false;
  HALCYON_TRY(read_named(root, top, [&](const char* key, ondemand::value& value) {
    if (is(key, "rateLimits")) {
      ondemand::array rows;
      HALCYON_TRY_JSON(value.get_array().get(rows));
      for (auto item : rows) {
        ondemand::object object;
        HALCYON_TRY_JSON(item.get_object().get(object));
        RateLimitRow row;
        HALCYON_TRY(read_rate_limit(impl, object, row));
        if (!row.is_complete) continue;
        const std::uint64_t unit = row.interval == "SECOND"   ? 1
                                   : row.interval == "MINUTE" ? 60
                                   : row.interval == "HOUR"   ? 3600
                                   : row.interval == "DAY"    ? 86400
                                                              : 0;
        if (unit == 0 || row.interval_count > 1000) continue;
        answer.numbers.emplace_back(
            std::string{row.type} + "/" + std::to_string(unit * row.interval_count), row.limit);
      }
      return DecodeError::none;
    }
    if (!is(key, "symbols")) return DecodeError::none;
    has_symbols = true;
    ondemand::array rows;
    HALCYON_TRY_JSON(value.get_array().get(rows));
    for (auto item : rows) {
      ondemand::object object;
      HALCYON_TRY_JSON(item.get_object().get(object));
      std::array<Named, 3> f{{{"symbol"}, {"status"}, {"isSpotTradingAllowed"}}};
      SymbolRules symbol;
      HALCYON_TRY(read_named(object, f, [&](const char* inner, ondemand::value& filters) {
        if (!is(inner, "filters")) return DecodeError::none;
        ondemand::array list;
        HALCYON_TRY_JSON(filters.get_array().get(list));
        for (auto filter : list) {
          ondemand::object fields;
          HALCYON_TRY_JSON(filter.get_object().get(fields));
          HALCYON_TRY(read_filter(fields, symbol));
        }
        return DecodeError::none;
      }));
      HALCYON_WANT(f[0].token != nullptr && f[1].token != nullptr, DecodeError::missing_field);
      std::string_view name;
      HALCYON_WANT(read_text(impl, f[0].token, name), DecodeError::wrong_type);
      Event event;
      event.instrument = symbols.instrument(name);
      if (event.instrument == domain::no<domain::InstrumentId>) continue;
      symbol.rules.status = read_symbol_status(f[1].token);
      bool spot = true;
      if (f[2].token != nullptr) {
        HALCYON_WANT(read_bool(f[2].token, spot), DecodeError::wrong_type);
      }
      if (!spot) symbol.rules.status = domain::InstrumentStatus::halted;
      if (!symbol.is_representable) {
        if (!answer.error.empty()) answer.error += "; ";
        answer.error += std::string{name} +
                        ": its rules have more than nine decimals or are out "
                        "of range, so it takes no orders";
        continue;
      }
      event.venue = symbols.venue();
      event.what = symbol.rules;
      answer.events.push_back(event);
    }
    return DecodeError::none;
  }));
  HALCYON_WANT(is_at_end(document), DecodeError::not_json);
  HALCYON_WANT(has_symbols, DecodeError::missing_field);
  domain::Timestamp time;
  if (top[0].token != nullptr) {
    HALCYON_WANT(read_time(top[0].token, time), bad_integer(top[0].token));
    answer.server_time_ms = domain::to_unix_ms(time);
  }
  for (Event& event : answer.events) event.venue_time = time;
  return DecodeError::none;
}

}  // namespace

DecodeError decode_market(const Frame& frame, const Symbols& symbols, Scratch& scratch,
                          std::vector<Event>& events, MarketMessage& message) {
  message = MarketMessage{};
  if (frame.size > max_frame_bytes) return DecodeError::too_large;
  const std::size_t start = events.size();
  const DecodeError error =
      decode_market_into({scratch.impl(), symbols, frame.received, events, message}, frame.text());
  if (error != DecodeError::none) [[unlikely]] {
    events.erase(events.begin() + static_cast<std::ptrdiff_t>(start), events.end());
  }
  return error;
}

DecodeError decode_order_frame(const Frame& frame, const Symbols& symbols, const Identity& identity,
                               Scratch& scratch, Output output, OrderMessage& message) {
  message = OrderMessage{};
  if (frame.size > max_frame_bytes) return DecodeError::too_large;
  return all_or_nothing(output, [&] {
    return decode_order_frame_into({scratch.impl(), symbols, identity, frame.received, output},
                                   frame.text(), message);
  });
}

DecodeError decode_order_ack(std::string_view result, Scratch& scratch,
                             domain::ForeignId& venue_order) {
  venue_order = domain::ForeignId{};
  return each_object(scratch.impl(), result, [&](ondemand::object& object) {
    std::array<Named, 1> f{{{"orderId"}}};
    HALCYON_TRY(read_named(object, f, no_named_containers));
    if (f[0].token == nullptr) return DecodeError::none;
    std::uint64_t id = 0;
    HALCYON_WANT(read_unsigned(f[0].token, id), bad_integer(f[0].token));
    venue_order = domain::ForeignId::number(id);
    return DecodeError::none;
  });
}

DecodeError decode_orders(std::string_view result, const Symbols& symbols, const Identity& identity,
                          domain::Source source, domain::Timestamp received, Scratch& scratch,
                          Output output, Rows& rows) {
  rows = Rows{};
  const PrivateContext context{scratch.impl(), symbols, identity, received, output};
  return all_or_nothing(output, [&] {
    return each_object(scratch.impl(), result, [&](ondemand::object& object) {
      return decode_order_row(context, object, source, rows);
    });
  });
}

DecodeError decode_fills(std::string_view result, const Symbols& symbols, const Identity& identity,
                         domain::Timestamp received, Scratch& scratch, Output output, Rows& rows) {
  rows = Rows{};
  const PrivateContext context{scratch.impl(), symbols, identity, received, output};
  return all_or_nothing(output, [&] {
    return each_object(scratch.impl(), result, [&](ondemand::object& object) {
      return decode_fill_row(context, object, rows);
    });
  });
}

DecodeError decode_balances(std::string_view result, const Symbols& symbols,
                            const Identity& identity, domain::Timestamp received, Scratch& scratch,
                            Output output, Rows& rows) {
  rows = Rows{};
  Impl& impl = scratch.impl();
  const PrivateContext context{impl, symbols, identity, received, output};
  const std::size_t start = output.events.size();
  return all_or_nothing(output, [&] {
    bool has_balances = false;
    std::array<Named, 2> f{{{"canTrade"}, {"updateTime"}}};
    HALCYON_TRY(each_object(impl, result, [&](ondemand::object& object) {
      return read_named(object, f, [&](const char* key, ondemand::value& value) {
        if (!is(key, "balances")) return DecodeError::none;
        has_balances = true;
        ondemand::array list;
        HALCYON_TRY_JSON(value.get_array().get(list));
        for (auto item : list) {
          ondemand::object row;
          HALCYON_TRY_JSON(item.get_object().get(row));
          std::array<Named, 3> fields{{{"asset"}, {"free"}, {"locked"}}};
          HALCYON_TRY(read_named(row, fields, no_named_containers));
          ++rows.count;
          HALCYON_TRY(push_balance(context, head_of(context), domain::Source::single_query,
                                   fields[0].token, fields[1].token, fields[2].token,
                                   rows.unknown_assets));
        }
        return DecodeError::none;
      });
    }));
    HALCYON_WANT(has_balances, DecodeError::missing_field);
    if (f[0].token != nullptr) {
      HALCYON_WANT(read_bool(f[0].token, rows.can_trade), DecodeError::wrong_type);
    }
    // An asset that the venue leaves out has nothing.
    for (const domain::AssetId asset : symbols.traded_assets()) {
      const bool is_mentioned =
          std::any_of(output.events.begin() + static_cast<std::ptrdiff_t>(start),
                      output.events.end(), [asset](const Event& event) {
                        return std::get_if<domain::Balance>(&event.what)->asset == asset;
                      });
      if (is_mentioned) continue;
      Event event = head_of(context);
      domain::Balance balance;
      balance.asset = asset;
      balance.source = domain::Source::single_query;
      event.what = balance;
      output.events.push_back(event);
    }
    if (f[1].token != nullptr) {
      domain::Timestamp time;
      HALCYON_WANT(read_time(f[1].token, time), bad_integer(f[1].token));
      for (std::size_t index = start; index < output.events.size(); ++index) {
        output.events[index].venue_time = time;
      }
    }
    return DecodeError::none;
  });
}

DecodeError decode_server_time(std::string_view result, Scratch& scratch, std::int64_t& time_ms) {
  return each_object(scratch.impl(), result, [&](ondemand::object& object) {
    std::array<Named, 1> f{{{"serverTime"}}};
    HALCYON_TRY(read_named(object, f, no_named_containers));
    HALCYON_WANT(f[0].token != nullptr, DecodeError::missing_field);
    domain::Timestamp time;
    HALCYON_WANT(read_time(f[0].token, time), bad_integer(f[0].token));
    time_ms = domain::to_unix_ms(time);
    return DecodeError::none;
  });
}

DecodeError decode_depth_snapshot(std::string_view body, const Symbols& symbols,
                                  domain::InstrumentId instrument, Scratch& scratch,
                                  RestAnswer& answer) {
  if (body.size() > max_body_bytes) return DecodeError::too_large;
  Impl& impl = scratch.impl();
  return all_or_nothing({answer.events, answer.remarks}, [&] {
    LevelWriter writer{answer.events};
    bool has_bids = false;
    bool has_asks = false;
    std::array<Named, 1> f{{{"lastUpdateId"}}};
    HALCYON_TRY(each_object(impl, padded(impl, body), [&](ondemand::object& object) {
      return read_named(object, f, [&](const char* key, ondemand::value& value) {
        if (is(key, "bids") && !has_bids) {
          has_bids = true;
          return read_levels(value, true, writer);
        }
        if (is(key, "asks") && !has_asks) {
          has_asks = true;
          return read_levels(value, false, writer);
        }
        return DecodeError::none;
      });
    }));
    HALCYON_WANT(f[0].token != nullptr && has_bids && has_asks, DecodeError::missing_field);
    HALCYON_WANT(read_unsigned(f[0].token, answer.last_update_id), bad_integer(f[0].token));
    Event head;
    head.instrument = instrument;
    head.venue = symbols.venue();
    writer.finish(head, answer.last_update_id);
    return DecodeError::none;
  });
}

DecodeError decode_exchange_info(std::string_view body, const Symbols& symbols, Scratch& scratch,
                                 RestAnswer& answer) {
  if (body.size() > max_body_bytes) return DecodeError::too_large;
  Impl& impl = scratch.impl();
  return all_or_nothing({answer.events, answer.remarks}, [&] {
    const DecodeError error = decode_exchange_info_into(impl, padded(impl, body), symbols, answer);
    if (error != DecodeError::none) {
      answer.numbers.clear();
      answer.error.clear();
    }
    return error;
  });
}

DecodeError decode_rest_time(std::string_view body, Scratch& scratch, RestAnswer& answer) {
  if (body.size() > max_body_bytes) return DecodeError::too_large;
  return decode_server_time(padded(scratch.impl(), body), scratch, answer.server_time_ms);
}

void decode_rest_error(std::string_view body, Scratch& scratch, RestAnswer& answer) {
  Impl& impl = scratch.impl();
  ErrorFields error;
  const DecodeError problem =
      body.size() > max_body_bytes || body.empty() || body.front() != '{'
          ? DecodeError::not_json
          : each_object(impl, padded(impl, body), [&](ondemand::object& object) {
              Named fields[] = {{"code"}, {"msg"}};
              HALCYON_TRY(read_named(object, fields, no_named_containers));
              HALCYON_WANT(fields[0].token != nullptr && fields[1].token != nullptr,
                           DecodeError::missing_field);
              HALCYON_TRY(read_code(fields[0].token, error));
              HALCYON_WANT(read_text(impl, fields[1].token, error.text), DecodeError::wrong_type);
              return DecodeError::none;
            });
  if (problem != DecodeError::none) {
    answer.error = "the body is not the venue's JSON";
    return;
  }
  answer.venue_code = error.code;
  answer.error = error.text;
}

#undef HALCYON_TRY_JSON
#undef HALCYON_NAME_OF_LINE
#undef HALCYON_NAME_OF_LINE_
#undef HALCYON_TRY
#undef HALCYON_WANT

}  // namespace halcyon::gateways::binance
