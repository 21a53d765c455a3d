#include "gateways/binance/encode.h"

#include <array>
#include <charconv>
#include <cstring>
#include <optional>

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

/// Writes one request: the JSON at `out`, and beside it, where requests are signed, the payload.
class Writer {
 public:
  Writer(char* out, std::uint64_t id, std::string_view method, bool is_signed)
      : out_(out), is_signed_(is_signed) {
    out_ = put(out_, "{\"id\":");
    out_ = put_number(out_, id);
    out_ = put(out_, ",\"method\":\"");
    out_ = copy(out_, method);
    out_ = put(out_, "\"");
  }

  /// A parameter in quotes. The value needs no escapes: symbols, keys and ids are checked where
  /// they enter.
  template <std::size_t size>
  void text(const char (&name)[size], std::string_view value) {
    begin(name);
    out_ = put(out_, "\":\"");
    out_ = copy(out_, value);
    out_ = put(out_, "\"");
    sign(name, value);
  }
  template <std::size_t size>
  void number(const char (&name)[size], std::int64_t value) {
    begin(name);
    out_ = put(out_, "\":");
    char* const start = out_;
    out_ = std::to_chars(out_, out_ + 20, value).ptr;
    sign(name, {start, static_cast<std::size_t>(out_ - start)});
  }
  template <std::size_t size, class Kind>
  void decimal(const char (&name)[size], domain::Decimal<Kind> value) {
    begin(name);
    out_ = put(out_, "\":\"");
    char* const start = out_;
    out_ = domain::print(value, out_);
    sign(name, {start, static_cast<std::size_t>(out_ - start)});
    out_ = put(out_, "\"");
  }
  template <std::size_t size>
  void client_id(const char (&name)[size], std::string_view prefix, domain::OrderId order) {
    begin(name);
    out_ = put(out_, "\":\"");
    char* const start = out_;
    out_ = domain::print_client_order_id(prefix, order, out_);
    sign(name, {start, static_cast<std::size_t>(out_ - start)});
    out_ = put(out_, "\"");
  }
  template <std::size_t size>
  void flag(const char (&name)[size], bool value) {
    begin(name);
    out_ = put(out_, "\":");
    const std::string_view word = value ? "true" : "false";
    out_ = copy(out_, word);
    sign(name, word);
  }

  /// The signature's place is the end: it is no part of what is signed.
  char* finish(const Signer* signer) {
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
  template <std::size_t size>
  void begin(const char (&name)[size]) {
    if (has_parameters_) {
      out_ = put(out_, ",\"");
    } else {
      out_ = put(out_, ",\"params\":{\"");
      has_parameters_ = true;
    }
    out_ = put(out_, name);
  }
  template <std::size_t size>
  void sign(const char (&name)[size], std::string_view value) {
    if (!is_signed_) return;
    char* at = payload_.data() + payload_size_;
    if (payload_size_ != 0) *at++ = '&';
    at = put(at, name);
    *at++ = '=';
    at = copy(at, value);
    payload_size_ = static_cast<std::size_t>(at - payload_.data());
  }

  char* out_;
  bool is_signed_;
  bool has_parameters_ = false;
  std::array<char, max_request_bytes> payload_;
  std::size_t payload_size_ = 0;
};

Writer begin_signed(std::uint64_t id, std::string_view method, const RequestContext& context,
                    char* out) {
  Writer writer{out, id, method, context.signer != nullptr};
  if (context.signer != nullptr) writer.text("apiKey", context.api_key);
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
    case OrderType::trailing_stop:
      break;
  }
  why = "this order type cannot be sent to the venue as it is";
  return std::nullopt;
}

std::string_view word_of(TimeInForce time_in_force) {
  switch (time_in_force) {
    case TimeInForce::gtc:
      return "GTC";
    case TimeInForce::ioc:
      return "IOC";
    case TimeInForce::fok:
      return "FOK";
    case TimeInForce::day:
    case TimeInForce::gtd:
      break;
  }
  return {};
}

}  // namespace

Encoded encode_place(std::uint64_t id, const domain::NewOrder& order, const RequestContext& context,
                     char* out) {
  Encoded result;
  const auto symbol = symbol_of(order.instrument, context);
  if (!symbol) return {nullptr, "the instrument is none of this venue"};
  const auto words = words_of(order, result.why);
  if (!words) return result;
  if (!order.quantity.is_positive()) return {nullptr, "the quantity is not positive"};
  if (words->has_price && !order.limit_price.is_positive()) {
    return {nullptr, "the limit price is not positive"};
  }
  if (words->has_stop_price && !order.stop_price.is_positive()) {
    return {nullptr, "the stop price is not positive"};
  }
  if (order.reduce_only && order.side == domain::Side::buy) {
    return {nullptr, "Spot has no short position that a purchase could reduce"};
  }
  const std::string_view time_in_force = word_of(order.time_in_force);
  if (time_in_force.empty()) return {nullptr, "the venue knows gtc, ioc and fok only"};

  Writer writer = begin_signed(id, "order.place", context, out);
  writer.client_id("newClientOrderId", context.client_id_prefix, order.id);
  writer.text("newOrderRespType", "ACK");
  if (words->has_price) writer.decimal("price", order.limit_price);
  writer.decimal("quantity", order.quantity);
  writer.number("recvWindow", recv_window_ms);
  writer.text("side", order.side == domain::Side::buy ? "BUY" : "SELL");
  if (words->has_stop_price) writer.decimal("stopPrice", order.stop_price);
  writer.text("symbol", *symbol);
  if (words->has_time_in_force) writer.text("timeInForce", time_in_force);
  writer.number("timestamp", context.timestamp_ms);
  writer.text("type", words->type);
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
  Writer writer{out, id, "session.logon", true};
  writer.text("apiKey", api_key);
  writer.number("recvWindow", recv_window_ms);
  writer.number("timestamp", timestamp_ms);
  return {writer.finish(&signer), {}};
}

Encoded encode_subscribe_user(std::uint64_t id, const RequestContext& context, char* out) {
  if (context.signer == nullptr) {
    Writer writer{out, id, "userDataStream.subscribe", false};
    return {writer.finish(nullptr), {}};
  }
  Writer writer = begin_signed(id, "userDataStream.subscribe.signature", context, out);
  writer.number("recvWindow", recv_window_ms);
  writer.number("timestamp", context.timestamp_ms);
  return {writer.finish(context.signer), {}};
}

Encoded encode_time(std::uint64_t id, char* out) {
  Writer writer{out, id, "time", false};
  return {writer.finish(nullptr), {}};
}

std::string encode_subscribe(std::uint64_t id, std::span<const std::string> streams) {
  std::string text = "{\"method\":\"SUBSCRIBE\",\"params\":[";
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

}  // namespace halcyon::gateways::binance
