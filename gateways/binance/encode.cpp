#include "gateways/binance/encode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <variant>

#include "domain/client_order_id.h"

namespace halcyon::gateways::binance {

namespace {

using domain::OrderType;
using domain::TimeInForce;

char* copy(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

/// Copies a literal: the compiler knows the size.
template <std::size_t size>
char* put(char* out, const char (&text)[size]) {
  std::memcpy(out, text, size - 1);
  return out + (size - 1);
}

char* put_number(char* out, std::uint64_t value) { return std::to_chars(out, out + 20, value).ptr; }

/// Longest value of a parameter: a symbol of 64, a key or signature of 88 characters.
constexpr std::size_t max_parameter_bytes = 128;

constexpr bool is_unreserved(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         (character >= '0' && character <= '9') || character == '-' || character == '_' ||
         character == '.' || character == '~';
}

/// RFC 3986; `out` has three characters of room for each of `text`.
char* put_percent(char* out, std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char character : text) {
    if (is_unreserved(character)) {
      *out++ = character;
      continue;
    }
    const auto byte = static_cast<unsigned char>(character);
    *out++ = '%';
    *out++ = digits[byte >> 4];
    *out++ = digits[byte & 15U];
  }
  return out;
}

/// Writes one request: the JSON at `out`, and beside it, where requests are signed, the payload. By
/// REST it writes the query, which is its own payload (section 8).
class Writer {
 public:
  Writer(char* out, std::uint64_t id, std::string_view method, bool is_signed, bool by_rest)
      : out_(out), start_(out), is_signed_(is_signed), is_rest_(by_rest) {
    if (by_rest) return;
    out_ = put(out_, "{\"id\":");
    out_ = put_number(out_, id);
    out_ = put(out_, ",\"method\":\"");
    out_ = copy(out_, method);
    out_ = put(out_, "\"");
  }

  /// A parameter in quotes. The value needs no escapes: symbols, keys and ids are checked where
  /// they enter.
  void text(std::string_view name, std::string_view value) {
    if (is_rest_) [[unlikely]] {
      begin_rest(name);
      out_ = put_percent(out_, value);
      return;
    }
    begin(name);
    out_ = put(out_, "\":\"");
    out_ = copy(out_, value);
    out_ = put(out_, "\"");
    sign(name, value);
  }
  void number(std::string_view name, std::int64_t value) {
    begin_value(name, false);
    char* const start = out_;
    out_ = std::to_chars(out_, out_ + 20, value).ptr;
    end_value(name, start, false);
  }
  template <class Kind>
  void decimal(std::string_view name, domain::Decimal<Kind> value) {
    begin_value(name, true);
    char* const start = out_;
    out_ = domain::print(value, out_);
    end_value(name, start, true);
  }
  void client_id(std::string_view name, std::string_view prefix, domain::OrderId order) {
    begin_value(name, true);
    char* const start = out_;
    out_ = domain::print_client_order_id(prefix, order, out_);
    end_value(name, start, true);
  }
  void flag(std::string_view name, bool value) {
    begin_value(name, false);
    char* const start = out_;
    out_ = copy(out_, value ? "true" : "false");
    end_value(name, start, false);
  }

  /// The signature's place is the end: it is no part of what is signed.
  char* finish(const Signer* signer) {
    if (is_rest_) {
      if (signer == nullptr) return out_;
      const Signature signature = signer->sign({start_, static_cast<std::size_t>(out_ - start_)});
      begin_rest("signature");
      return put_percent(out_, signature.view());
    }
    if (signer != nullptr) {
      const Signature signature = signer->sign({payload_.data(), payload_size_});
      begin("signature");
      out_ = put(out_, "\":\"");
      out_ = copy(out_, signature.view());
      out_ = put(out_, "\"");
    }
    if (has_parameters_) out_ = put(out_, "}");
    return put(out_, "}");
  }

 private:
  void begin(std::string_view name) {
    if (has_parameters_) {
      out_ = put(out_, ",\"");
    } else {
      out_ = put(out_, ",\"params\":{\"");
      has_parameters_ = true;
    }
    out_ = copy(out_, name);
  }
  void begin_rest(std::string_view name) {
    if (has_parameters_) *out_++ = '&';
    has_parameters_ = true;
    out_ = copy(out_, name);
    *out_++ = '=';
  }
  /// Around a value whose characters stand as they are in JSON and in a query.
  void begin_value(std::string_view name, bool in_quotes) {
    if (is_rest_) [[unlikely]]
      return begin_rest(name);
    begin(name);
    out_ = put(out_, "\":");
    if (in_quotes) *out_++ = '"';
  }
  void end_value(std::string_view name, const char* start, bool in_quotes) {
    if (is_rest_) [[unlikely]]
      return;
    sign(name, {start, static_cast<std::size_t>(out_ - start)});
    if (in_quotes) *out_++ = '"';
  }
  void sign(std::string_view name, std::string_view value) {
    if (!is_signed_) return;
    char* at = payload_.data() + payload_size_;
    if (payload_size_ != 0) *at++ = '&';
    at = copy(at, name);
    *at++ = '=';
    at = copy(at, value);
    payload_size_ = static_cast<std::size_t>(at - payload_.data());
  }

  char* out_;
  char* start_ = nullptr;
  bool is_signed_ = false;
  bool is_rest_ = false;
  bool has_parameters_ = false;
  std::array<char, max_request_bytes> payload_;
  std::size_t payload_size_ = 0;
};

Writer begin_signed(std::uint64_t id, std::string_view method, const RequestContext& context,
                    char* out) {
  Writer writer{out, id, method, context.signer != nullptr, context.by_rest};
  // By REST the key travels in a header.
  if (context.signer != nullptr && !context.by_rest) writer.text("apiKey", context.api_key);
  return writer;
}

std::optional<std::string_view> symbol_of(domain::InstrumentId instrument,
                                          const RequestContext& context) {
  const std::string_view symbol = context.symbols->name(instrument);
  if (symbol.empty() || symbol.size() > max_parameter_bytes) return std::nullopt;
  return symbol;
}

struct TypeWords {
  std::string_view type;
  bool has_price = false;
  bool has_time_in_force = false;
  bool has_stop_price = false;
  bool trails = false;
};

std::optional<TypeWords> words_of(const domain::NewOrder& order, std::string_view& why) {
  if (order.post_only) {
    if (order.type != OrderType::limit || order.time_in_force != TimeInForce::gtc) {
      why = "post-only is for limit orders that stay (gtc)";
      return std::nullopt;
    }
    return TypeWords{"LIMIT_MAKER", true, false, false};
  }
  switch (order.type) {
    case OrderType::market:
      return TypeWords{"MARKET"};
    case OrderType::limit:
      return TypeWords{"LIMIT", true, true, false};
    case OrderType::stop:
      return TypeWords{"STOP_LOSS", false, false, true};
    case OrderType::stop_limit:
      return TypeWords{"STOP_LOSS_LIMIT", true, true, true};
    case OrderType::take_profit:
      return TypeWords{"TAKE_PROFIT", false, false, true};
    case OrderType::take_profit_limit:
      return TypeWords{"TAKE_PROFIT_LIMIT", true, true, true};
    case OrderType::trailing_stop: {
      if (order.trailing_bps <= 0) {
        why = "the venue trails by basis points, and the order names none";
        return std::nullopt;
      }
      // Both types trail alike; they differ in where the price has to be for it to begin. A sale
      // that begins to trail when the price has risen is a take-profit, and that is what an
      // activation price is for.
      const bool waits = order.stop_price.is_positive();
      return TypeWords{waits ? "TAKE_PROFIT" : "STOP_LOSS", false, false, waits, true};
    }
  }
  why = "this order type cannot be sent to the venue as it is";
  return std::nullopt;
}

/// `day` and `gtd` are the engine's: it cancels when the time has come (section 11).
std::string_view word_of(TimeInForce time_in_force) {
  switch (time_in_force) {
    case TimeInForce::ioc:
      return "IOC";
    case TimeInForce::fok:
      return "FOK";
    case TimeInForce::gtc:
    case TimeInForce::day:
    case TimeInForce::gtd:
      break;
  }
  return "GTC";
}

/// Empty: the symbol's own mode.
std::string_view word_of(domain::SelfTradeMode mode) {
  switch (mode) {
    case domain::SelfTradeMode::none:
      return "NONE";
    case domain::SelfTradeMode::expire_taker:
      return "EXPIRE_TAKER";
    case domain::SelfTradeMode::expire_maker:
      return "EXPIRE_MAKER";
    case domain::SelfTradeMode::expire_both:
      return "EXPIRE_BOTH";
    case domain::SelfTradeMode::decrement:
      return "DECREMENT";
    case domain::SelfTradeMode::venue_default:
      break;
  }
  return {};
}

/// What is wrong with an order whatever the symbol; empty: nothing.
std::string_view problem_of(const domain::NewOrder& order, const TypeWords& words) {
  if (!order.quantity.is_positive()) return "the quantity is not positive";
  if (words.has_price && !order.limit_price.is_positive()) {
    return "the limit price is not positive";
  }
  if (words.has_stop_price && !order.stop_price.is_positive()) {
    return "the stop price is not positive";
  }
  if (order.reduce_only && order.side == domain::Side::buy) {
    return "Spot has no short position that a purchase could reduce";
  }
  return {};
}

std::string_view word_of(domain::Side side) { return side == domain::Side::buy ? "BUY" : "SELL"; }

/// The part of an order's parameters from "newClientOrderId" on, with the common ones between them.
void write_order(Writer& writer, const domain::NewOrder& order, const TypeWords& words,
                 std::string_view symbol, const RequestContext& context) {
  writer.client_id("newClientOrderId", context.client_id_prefix, order.id);
  writer.text("newOrderRespType", "ACK");
  if (words.has_price) writer.decimal("price", order.limit_price);
  writer.decimal("quantity", order.quantity);
  writer.number("recvWindow", recv_window_ms);
  if (const auto mode = word_of(order.self_trade); !mode.empty()) {
    writer.text("selfTradePreventionMode", mode);
  }
  writer.text("side", word_of(order.side));
  if (words.has_stop_price) writer.decimal("stopPrice", order.stop_price);
  writer.text("symbol", symbol);
  if (words.has_time_in_force) writer.text("timeInForce", word_of(order.time_in_force));
  writer.number("timestamp", context.timestamp_ms);
  if (words.trails) writer.number("trailingDelta", order.trailing_bps);
  writer.text("type", words.type);
}

Encoded encode_order(std::string_view method, std::uint64_t id, const domain::NewOrder& order,
                     const RequestContext& context, char* out) {
  Encoded result;
  const auto symbol = symbol_of(order.instrument, context);
  if (!symbol) return {nullptr, "the instrument is none of this venue"};
  const auto words = words_of(order, result.why);
  if (!words) return result;
  result.why = problem_of(order, *words);
  if (!result.why.empty()) return result;
  Writer writer = begin_signed(id, method, context, out);
  write_order(writer, order, *words, *symbol, context);
  result.end = writer.finish(context.signer);
  return result;
}

// ---- Lists --------------------------------------------------------------------------------------

/// The parameters of a list in any order; `write` puts them in the order of their names.
class ListParameters {
 public:
  using Value = std::variant<std::string_view, std::int64_t, domain::Price, domain::Quantity,
                             domain::OrderId>;
  /// `prefix` is "" for what concerns the whole list.
  void add(std::string_view prefix, std::string_view name, Value value) {
    HALCYON_CHECK(count_ < capacity, "a list has few parameters");
    Row& row = rows_[count_++];
    std::size_t size = prefix.copy(row.name.data(), row.name.size());
    size += name.copy(row.name.data() + size, row.name.size() - size);
    row.size = size;
    row.value = value;
  }
  void write(Writer& writer, std::string_view client_id_prefix) {
    std::sort(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(count_),
              [](const Row& left, const Row& right) { return left.text() < right.text(); });
    for (std::size_t index = 0; index < count_; ++index) {
      const Row& row = rows_[index];
      if (const auto* text = std::get_if<std::string_view>(&row.value)) {
        writer.text(row.text(), *text);
      } else if (const auto* number = std::get_if<std::int64_t>(&row.value)) {
        writer.number(row.text(), *number);
      } else if (const auto* price = std::get_if<domain::Price>(&row.value)) {
        writer.decimal(row.text(), *price);
      } else if (const auto* quantity = std::get_if<domain::Quantity>(&row.value)) {
        writer.decimal(row.text(), *quantity);
      } else {
        writer.client_id(row.text(), client_id_prefix, std::get<domain::OrderId>(row.value));
      }
    }
  }

 private:
  static constexpr std::size_t capacity = 40;
  struct Row {
    std::array<char, 40> name{};
    std::size_t size = 0;
    Value value;
    std::string_view text() const { return {name.data(), size}; }
  };
  std::array<Row, capacity> rows_;
  std::size_t count_ = 0;
};

/// A leg of an OCO that is a plain limit order rests away from the market: LIMIT_MAKER there.
std::optional<TypeWords> words_of_leg(domain::NewOrder order, std::string_view& why) {
  if (order.type == OrderType::limit) order.post_only = true;
  return words_of(order, why);
}

void add_member(ListParameters& parameters, std::string_view prefix, const domain::NewOrder& order,
                const TypeWords& words) {
  parameters.add(prefix, "ClientOrderId", order.id);
  if (words.has_price) parameters.add(prefix, "Price", order.limit_price);
  if (words.has_stop_price) parameters.add(prefix, "StopPrice", order.stop_price);
  if (words.has_time_in_force) {
    parameters.add(prefix, "TimeInForce", word_of(order.time_in_force));
  }
  if (words.trails) {
    parameters.add(prefix, "TrailingDelta", std::int64_t{order.trailing_bps});
  }
  parameters.add(prefix, "Type", words.type);
}

/// Where an order of an OCO is reached: its stop price, or its limit price.
domain::Price point_of(const domain::NewOrder& order) {
  return order.stop_price.is_positive() ? order.stop_price : order.limit_price;
}

/// The two legs of an OCO, the upper one first. False: they are none.
bool add_legs(ListParameters& parameters, std::string_view above_prefix,
              std::string_view below_prefix, const domain::NewOrder& one,
              const domain::NewOrder& other, std::string_view& why) {
  if (one.side != other.side || one.quantity != other.quantity) {
    why = "the legs of an OCO are of one side and one size";
    return false;
  }
  const bool in_order = point_of(one) > point_of(other);
  const domain::NewOrder& above = in_order ? one : other;
  const domain::NewOrder& below = in_order ? other : one;
  for (const domain::NewOrder* leg : {&above, &below}) {
    const auto words = words_of_leg(*leg, why);
    if (!words) return false;
    why = problem_of(*leg, *words);
    if (!why.empty()) return false;
    if (words->type == "MARKET") {
      why = "a market order is no leg of an OCO";
      return false;
    }
    add_member(parameters, leg == &above ? above_prefix : below_prefix, *leg, *words);
  }
  return true;
}

}  // namespace

Encoded encode_place(std::uint64_t id, const domain::NewOrder& order, const RequestContext& context,
                     char* out) {
  return encode_order("order.place", id, order, context, out);
}

Encoded encode_test(std::uint64_t id, const domain::NewOrder& order, const RequestContext& context,
                    char* out) {
  return encode_order("order.test", id, order, context, out);
}

Encoded encode_cancel_replace(std::uint64_t id, const domain::ReplaceRequest& request,
                              const RequestContext& context, char* out) {
  const domain::NewOrder& order = request.next.value();
  Encoded result;
  const auto symbol = symbol_of(request.instrument, context);
  if (!symbol) return {nullptr, "the instrument is none of this venue"};
  if (request.request.is_none()) return {nullptr, "the cancel has no id of its own"};
  const bool by_venue_id = !request.venue_order.is_none();
  if (!by_venue_id && request.order.is_none()) {
    return {nullptr, "neither the venue's id of the order nor ours is known"};
  }
  const auto words = words_of(order, result.why);
  if (!words) return result;
  result.why = problem_of(order, *words);
  if (!result.why.empty()) return result;
  Writer writer = begin_signed(id, "order.cancelReplace", context, out);
  writer.client_id("cancelNewClientOrderId", context.client_id_prefix, request.request);
  if (by_venue_id) {
    writer.number("cancelOrderId", static_cast<std::int64_t>(request.venue_order.low));
  } else {
    writer.client_id("cancelOrigClientOrderId", context.client_id_prefix, request.order);
  }
  writer.text("cancelReplaceMode", "STOP_ON_FAILURE");
  // What was filled meanwhile would come on top of the new order (section 8).
  writer.text("cancelRestrictions", "ONLY_NEW");
  write_order(writer, order, *words, *symbol, context);
  result.end = writer.finish(context.signer);
  return result;
}

Encoded encode_amend(std::uint64_t id, const domain::ReplaceRequest& request,
                     const RequestContext& context, char* out) {
  const auto symbol = symbol_of(request.instrument, context);
  if (!symbol) return {nullptr, "the instrument is none of this venue"};
  if (request.order.is_none()) return {nullptr, "our id of the order is not known"};
  if (!request.next.value().quantity.is_positive())
    return {nullptr, "the quantity is not positive"};
  Writer writer = begin_signed(id, "order.amend.keepPriority", context, out);
  // The same client id again; the venue would make one up (section 10).
  writer.client_id("newClientOrderId", context.client_id_prefix, request.order);
  writer.decimal("newQty", request.next.value().quantity);
  if (!request.venue_order.is_none()) {
    writer.number("orderId", static_cast<std::int64_t>(request.venue_order.low));
  } else {
    writer.client_id("origClientOrderId", context.client_id_prefix, request.order);
  }
  writer.number("recvWindow", recv_window_ms);
  writer.text("symbol", *symbol);
  writer.number("timestamp", context.timestamp_ms);
  return {writer.finish(context.signer), {}};
}

ListKind kind_of(const domain::OrderList& list) {
  if (list.count < 2 || list.count > domain::OrderList::capacity) return ListKind::none;
  for (std::size_t index = 0; index < list.count; ++index) {
    if (!list.orders[index]) return ListKind::none;
  }
  const domain::NewOrder& first = list.orders[0]->value();
  const auto at = [&](std::size_t index) -> const domain::NewOrder& {
    return list.orders[index]->value();
  };
  const auto is_child = [&](const domain::NewOrder& order) {
    return !order.parent.is_none() && order.parent == first.id;
  };
  if (list.count == 2) {
    if (is_child(at(1))) return ListKind::oto;
    return !first.group.is_none() && first.group == at(1).group ? ListKind::oco : ListKind::none;
  }
  return is_child(at(1)) && is_child(at(2)) && !at(1).group.is_none() && at(1).group == at(2).group
             ? ListKind::otoco
             : ListKind::none;
}

std::string_view method_of(ListKind kind) {
  return kind == ListKind::oco   ? "orderList.place.oco"
         : kind == ListKind::oto ? "orderList.place.oto"
                                 : "orderList.place.otoco";
}

Encoded encode_list(std::uint64_t id, const domain::OrderList& list, const RequestContext& context,
                    char* out) {
  const ListKind kind = kind_of(list);
  if (kind == ListKind::none) return {nullptr, "these orders are no OCO, OTO or OTOCO"};
  const domain::NewOrder& first = list.orders[0]->value();
  const domain::NewOrder& second = list.orders[1]->value();
  for (std::size_t index = 1; index < list.count; ++index) {
    if (list.orders[index]->value().instrument != first.instrument) {
      return {nullptr, "the orders of a list are of one instrument"};
    }
  }
  const auto symbol = symbol_of(first.instrument, context);
  if (!symbol) return {nullptr, "the instrument is none of this venue"};
  Encoded result;
  ListParameters parameters;
  if (context.signer != nullptr && !context.by_rest) {
    parameters.add("", "apiKey", context.api_key);
  }
  parameters.add("", "listClientOrderId", list.request);
  parameters.add("", "newOrderRespType", std::string_view{"ACK"});
  parameters.add("", "recvWindow", recv_window_ms);
  if (const auto mode = word_of(first.self_trade); !mode.empty()) {
    parameters.add("", "selfTradePreventionMode", mode);
  }
  parameters.add("", "symbol", *symbol);
  parameters.add("", "timestamp", context.timestamp_ms);
  if (kind == ListKind::oco) {
    if (!add_legs(parameters, "above", "below", first, second, result.why)) return result;
    parameters.add("", "side", word_of(first.side));
    parameters.add("", "quantity", first.quantity);
  } else {
    const auto words = words_of(first, result.why);
    if (!words) return result;
    result.why = problem_of(first, *words);
    if (!result.why.empty()) return result;
    if (words->type != "LIMIT" && words->type != "LIMIT_MAKER") {
      return {nullptr, "the working order of a list is a limit order"};
    }
    add_member(parameters, "working", first, *words);
    parameters.add("working", "Side", word_of(first.side));
    parameters.add("working", "Quantity", first.quantity);
    if (kind == ListKind::otoco) {
      if (!add_legs(parameters, "pendingAbove", "pendingBelow", second, list.orders[2]->value(),
                    result.why)) {
        return result;
      }
    } else {
      const auto pending = words_of(second, result.why);
      if (!pending) return result;
      result.why = problem_of(second, *pending);
      if (!result.why.empty()) return result;
      add_member(parameters, "pending", second, *pending);
    }
    parameters.add("pending", "Side", word_of(second.side));
    parameters.add("pending", "Quantity", second.quantity);
  }
  Writer writer{out, id, method_of(kind), context.signer != nullptr, context.by_rest};
  parameters.write(writer, context.client_id_prefix);
  result.end = writer.finish(context.signer);
  return result;
}

Encoded encode_cancel(std::uint64_t id, const domain::CancelRequest& cancel,
                      const RequestContext& context, char* out) {
  const auto symbol = symbol_of(cancel.instrument, context);
  if (!symbol) return {nullptr, "the instrument is none of this venue"};
  const bool by_venue_id = !cancel.venue_order.is_none();
  if (!by_venue_id && cancel.order.is_none()) {
    return {nullptr, "neither the venue's id of the order nor ours is known"};
  }
  if (cancel.request.is_none()) return {nullptr, "the cancel has no id of its own"};
  Writer writer = begin_signed(id, "order.cancel", context, out);
  writer.client_id("newClientOrderId", context.client_id_prefix, cancel.request);
  if (by_venue_id) {
    writer.number("orderId", static_cast<std::int64_t>(cancel.venue_order.low));
  } else {
    writer.client_id("origClientOrderId", context.client_id_prefix, cancel.order);
  }
  writer.number("recvWindow", recv_window_ms);
  writer.text("symbol", *symbol);
  writer.number("timestamp", context.timestamp_ms);
  return {writer.finish(context.signer), {}};
}

Encoded encode_order_status(std::uint64_t id, domain::InstrumentId instrument,
                            domain::OrderId order, domain::ForeignId venue_order,
                            const RequestContext& context, char* out) {
  const auto symbol = symbol_of(instrument, context);
  if (!symbol) return {nullptr, "the instrument is none of this venue"};
  if (venue_order.is_none() && order.is_none()) {
    return {nullptr, "neither the venue's id of the order nor ours is known"};
  }
  Writer writer = begin_signed(id, "order.status", context, out);
  if (!venue_order.is_none()) {
    writer.number("orderId", static_cast<std::int64_t>(venue_order.low));
  } else {
    writer.client_id("origClientOrderId", context.client_id_prefix, order);
  }
  writer.number("recvWindow", recv_window_ms);
  writer.text("symbol", *symbol);
  writer.number("timestamp", context.timestamp_ms);
  return {writer.finish(context.signer), {}};
}

Encoded encode_my_filters(std::uint64_t id, domain::InstrumentId instrument,
                          const RequestContext& context, char* out) {
  const auto symbol = symbol_of(instrument, context);
  if (!symbol) return {nullptr, "the instrument is none of this venue"};
  Writer writer = begin_signed(id, "myFilters", context, out);
  writer.number("recvWindow", recv_window_ms);
  writer.text("symbol", *symbol);
  writer.number("timestamp", context.timestamp_ms);
  return {writer.finish(context.signer), {}};
}

Encoded encode_open_orders(std::uint64_t id, domain::InstrumentId instrument,
                           const RequestContext& context, char* out) {
  std::optional<std::string_view> symbol;
  if (instrument != domain::no<domain::InstrumentId>) {
    symbol = symbol_of(instrument, context);
    if (!symbol) return {nullptr, "the instrument is none of this venue"};
  }
  Writer writer = begin_signed(id, "openOrders.status", context, out);
  writer.number("recvWindow", recv_window_ms);
  if (symbol) writer.text("symbol", *symbol);
  writer.number("timestamp", context.timestamp_ms);
  return {writer.finish(context.signer), {}};
}

Encoded encode_my_trades(std::uint64_t id, const FillsPage& page, const RequestContext& context,
                         char* out) {
  const auto symbol = symbol_of(page.instrument, context);
  if (!symbol) return {nullptr, "the instrument is none of this venue"};
  Writer writer = begin_signed(id, "myTrades", context, out);
  if (!page.by_id) writer.number("endTime", page.end_ms);
  if (page.by_id) writer.number("fromId", static_cast<std::int64_t>(page.from_id));
  writer.number("limit", page.limit);
  writer.number("recvWindow", recv_window_ms);
  if (!page.by_id) writer.number("startTime", page.start_ms);
  writer.text("symbol", *symbol);
  writer.number("timestamp", context.timestamp_ms);
  return {writer.finish(context.signer), {}};
}

Encoded encode_account_status(std::uint64_t id, const RequestContext& context, char* out) {
  Writer writer = begin_signed(id, "account.status", context, out);
  writer.flag("omitZeroBalances", true);
  writer.number("recvWindow", recv_window_ms);
  writer.number("timestamp", context.timestamp_ms);
  return {writer.finish(context.signer), {}};
}

Encoded encode_logon(std::uint64_t id, std::string_view api_key, const Signer& signer,
                     std::int64_t timestamp_ms, char* out) {
  if (!signer.can_log_on()) return {nullptr, "session.logon takes Ed25519 keys only"};
  Writer writer{out, id, "session.logon", true, false};
  writer.text("apiKey", api_key);
  writer.number("recvWindow", recv_window_ms);
  writer.number("timestamp", timestamp_ms);
  return {writer.finish(&signer), {}};
}

Encoded encode_subscribe_user(std::uint64_t id, const RequestContext& context, char* out) {
  if (context.signer == nullptr) {
    Writer writer{out, id, "userDataStream.subscribe", false, false};
    return {writer.finish(nullptr), {}};
  }
  Writer writer = begin_signed(id, "userDataStream.subscribe.signature", context, out);
  writer.number("recvWindow", recv_window_ms);
  writer.number("timestamp", context.timestamp_ms);
  return {writer.finish(context.signer), {}};
}

Encoded encode_time(std::uint64_t id, char* out) {
  Writer writer{out, id, "time", false, false};
  return {writer.finish(nullptr), {}};
}

namespace {

std::string control_message(std::string_view method, std::uint64_t id,
                            std::span<const std::string> streams) {
  std::string text = "{\"method\":\"";
  text += method;
  text += "\",\"params\":[";
  for (std::size_t index = 0; index < streams.size(); ++index) {
    if (index > 0) text += ',';
    text += '"';
    text += streams[index];
    text += '"';
  }
  text += "],\"id\":";
  text += std::to_string(id);
  text += '}';
  return text;
}

}  // namespace

std::string encode_subscribe(std::uint64_t id, std::span<const std::string> streams) {
  return control_message("SUBSCRIBE", id, streams);
}

std::string encode_unsubscribe(std::uint64_t id, std::span<const std::string> streams) {
  return control_message("UNSUBSCRIBE", id, streams);
}

}  // namespace halcyon::gateways::binance
