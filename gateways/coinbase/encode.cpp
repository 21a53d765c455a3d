#include "gateways/coinbase/encode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "domain/client_order_id.h"
#include "gateways/coinbase/decode.h"

namespace halcyon::gateways::coinbase {

namespace {

using domain::OrderType;
using domain::TimeInForce;

char* put(char* out, std::string_view text) { return std::copy(text.begin(), text.end(), out); }

/// `count` digits with zeros in front.
char* put_digits(char* out, std::int64_t value, int count) {
  for (int at = count - 1; at >= 0; --at) {
    out[at] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return out + count;
}

/// Writes the fields of one flat object. Values need no escapes: symbols and ids are checked where
/// they enter.
class Writer {
 public:
  explicit Writer(char* out) : out_(put(out, "{")) {}

  void text(std::string_view name, std::string_view value) {
    begin(name);
    *out_++ = '"';
    out_ = put(out_, value);
    *out_++ = '"';
  }
  template <class Kind>
  void decimal(std::string_view name, domain::Decimal<Kind> value) {
    begin(name);
    *out_++ = '"';
    out_ = domain::print(value, out_);
    *out_++ = '"';
  }
  void flag(std::string_view name, bool value) {
    begin(name);
    out_ = put(out_, value ? "true" : "false");
  }
  void time(std::string_view name, domain::Timestamp value) {
    begin(name);
    *out_++ = '"';
    out_ = print_rfc3339(value, out_);
    *out_++ = '"';
  }
  void client_id(std::string_view prefix, domain::OrderId order) {
    begin("client_order_id");
    *out_++ = '"';
    out_ = domain::print_client_order_id(prefix, order, out_);
    *out_++ = '"';
  }
  void venue_id(std::string_view name, domain::ForeignId id) {
    begin(name);
    *out_++ = '"';
    out_ = print_uuid(id, out_);
    *out_++ = '"';
  }
  /// An object inside; `leave` ends it.
  void enter(std::string_view name) {
    begin(name);
    *out_++ = '{';
    has_fields_ = false;
  }
  void leave() {
    *out_++ = '}';
    has_fields_ = true;
  }
  char* finish() {
    *out_++ = '}';
    return out_;
  }

 private:
  void begin(std::string_view name) {
    if (has_fields_) *out_++ = ',';
    has_fields_ = true;
    *out_++ = '"';
    out_ = put(out_, name);
    *out_++ = '"';
    *out_++ = ':';
  }
  char* out_;
  bool has_fields_ = false;
};

/// Which configuration an order is; `name` empty: none, and `why`.
struct Configuration {
  std::string_view name;
  std::string_view why;
  bool has_limit = false;
  bool has_stop = false;
  bool has_end_time = false;
  bool has_post_only = false;
  bool is_bracket = false;
};

Configuration none(std::string_view why) {
  Configuration made;
  made.why = why;
  return made;
}

Configuration configuration_of(const domain::NewOrder& order) {
  Configuration made;
  const bool is_gtd = order.time_in_force == TimeInForce::gtd;
  const bool rests =
      is_gtd || order.time_in_force == TimeInForce::gtc || order.time_in_force == TimeInForce::day;
  if (is_gtd && (order.expires == domain::never || order.expires <= domain::Timestamp{})) {
    return none("a GTD order without its end");
  }
  switch (order.type) {
    case OrderType::market:
      made.name =
          order.time_in_force == TimeInForce::fok ? "market_market_fok" : "market_market_ioc";
      return made;
    case OrderType::limit:
      made.has_limit = true;
      if (order.stop_price.is_positive()) {
        if (!rests || order.post_only) return none("a bracket rests, and is not post-only");
        if (order.side == domain::Side::buy) return none("a bracket closes a position, by selling");
        made.is_bracket = true;
        made.has_end_time = is_gtd;
        made.name = is_gtd ? "trigger_bracket_gtd" : "trigger_bracket_gtc";
        return made;
      }
      if (!rests && order.post_only) return none("a post-only order that must not rest");
      made.has_post_only = rests;
      made.has_end_time = is_gtd;
      made.name = is_gtd                                    ? "limit_limit_gtd"
                  : rests                                   ? "limit_limit_gtc"
                  : order.time_in_force == TimeInForce::fok ? "limit_limit_fok"
                                                            : "sor_limit_ioc";
      return made;
    case OrderType::stop_limit:
    case OrderType::take_profit_limit:
      if (!rests) return none("a stop limit at this venue rests until its price comes");
      if (order.post_only) return none("a stop limit at this venue is not post-only");
      made.has_limit = made.has_stop = true;
      made.has_end_time = is_gtd;
      made.name = is_gtd ? "stop_limit_stop_limit_gtd" : "stop_limit_stop_limit_gtc";
      return made;
    case OrderType::stop:
    case OrderType::take_profit:
    case OrderType::trailing_stop:
      break;
  }
  return none("this venue has no stop that becomes a market order");
}

Encoded encode_order(const domain::NewOrder& order, const Symbols& symbols,
                     const std::string_view* client_id_prefix, char* out) {
  const std::string_view product = symbols.name(order.instrument);
  if (product.empty() || product.size() > 64) return {nullptr, "not an instrument of this venue"};
  const Configuration made = configuration_of(order);
  if (made.name.empty()) return {nullptr, made.why};
  Writer writer{out};
  if (client_id_prefix != nullptr) writer.client_id(*client_id_prefix, order.id);
  writer.text("product_id", product);
  writer.text("side", order.side == domain::Side::buy ? "BUY" : "SELL");
  writer.enter("order_configuration");
  writer.enter(made.name);
  writer.decimal("base_size", order.quantity);
  if (made.has_limit) writer.decimal("limit_price", order.limit_price);
  if (made.has_stop) writer.decimal("stop_price", order.stop_price);
  if (made.is_bracket) writer.decimal("stop_trigger_price", order.stop_price);
  if (made.has_end_time) writer.time("end_time", order.expires);
  if (made.has_stop) {
    // A stop follows the price away from where it is, a take-profit waits for it to come.
    const bool is_up = (order.side == domain::Side::buy) == (order.type == OrderType::stop_limit);
    writer.text("stop_direction", is_up ? "STOP_DIRECTION_STOP_UP" : "STOP_DIRECTION_STOP_DOWN");
  }
  if (made.has_post_only) writer.flag("post_only", order.post_only);
  writer.leave();
  writer.leave();
  return {writer.finish(), {}};
}

void append_query(std::string& target, std::string_view name, std::string_view value) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  target += target.find('?') == std::string::npos ? '?' : '&';
  target += name;
  target += '=';
  for (const char character : value) {
    const bool is_plain = (character >= 'a' && character <= 'z') ||
                          (character >= 'A' && character <= 'Z') ||
                          (character >= '0' && character <= '9') || character == '-' ||
                          character == '_' || character == '.' || character == '~';
    if (is_plain) {
      target += character;
    } else {
      const auto byte = static_cast<unsigned char>(character);
      target += '%';
      target += hex[byte >> 4];
      target += hex[byte & 15U];
    }
  }
}

std::string target_of(std::string_view base, std::string_view path) {
  std::string target{base};
  target += rest_base;
  target += path;
  return target;
}

std::string text_of(domain::Timestamp time) {
  std::array<char, 32> text{};
  return {text.data(), print_rfc3339(time, text.data())};
}

std::string text_of(domain::ForeignId id) {
  std::array<char, 40> text{};
  return {text.data(), print_uuid(id, text.data())};
}

}  // namespace

char* print_rfc3339(domain::Timestamp time, char* out) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date{day};
  std::int64_t rest = (time - day).count();
  constexpr std::int64_t second = 1'000'000'000;
  const std::int64_t parts = rest % second;
  rest /= second;
  out = put_digits(out, int{date.year()}, 4);
  *out++ = '-';
  out = put_digits(out, unsigned{date.month()}, 2);
  *out++ = '-';
  out = put_digits(out, unsigned{date.day()}, 2);
  *out++ = 'T';
  out = put_digits(out, rest / 3600, 2);
  *out++ = ':';
  out = put_digits(out, rest / 60 % 60, 2);
  *out++ = ':';
  out = put_digits(out, rest % 60, 2);
  if (parts != 0) {
    *out++ = '.';
    out = put_digits(out, parts, 9);
    while (out[-1] == '0') --out;
  }
  *out++ = 'Z';
  return out;
}

Encoded encode_create(const domain::NewOrder& order, const Symbols& symbols,
                      std::string_view client_id_prefix, char* out) {
  return encode_order(order, symbols, &client_id_prefix, out);
}

Encoded encode_preview(const domain::NewOrder& order, const Symbols& symbols, char* out) {
  return encode_order(order, symbols, nullptr, out);
}

Encoded encode_edit(const domain::ReplaceRequest& request, char* out) {
  const domain::NewOrder& next = request.next.value();
  if (request.mode != domain::ReplaceMode::amend) {
    return {nullptr, "this venue has no cancel-replace"};
  }
  if (request.venue_order.is_none() || !is_uuid(request.venue_order)) {
    return {nullptr, "the venue has not told the order's id yet"};
  }
  if (!domain::has_limit_price(next.type)) return {nullptr, "only orders with a limit price"};
  Writer writer{out};
  writer.venue_id("order_id", request.venue_order);
  writer.decimal("price", next.limit_price);
  writer.decimal("size", next.quantity);
  if (next.stop_price.is_positive()) writer.decimal("stop_price", next.stop_price);
  return {writer.finish(), {}};
}

Encoded encode_cancel(domain::ForeignId venue_order, char* out) {
  if (venue_order.is_none() || !is_uuid(venue_order)) {
    return {nullptr, "the venue has not told the order's id yet"};
  }
  out = put(out, R"({"order_ids":[")");
  out = print_uuid(venue_order, out);
  out = put(out, R"("]})");
  return {out, {}};
}

std::string orders_target(std::string_view base, const OrdersQuery& query) {
  std::string target = target_of(base, "/orders/historical/batch");
  if (!query.status.empty()) append_query(target, "order_status", query.status);
  if (!query.product.empty()) append_query(target, "product_ids", query.product);
  if (query.since != domain::Timestamp{}) append_query(target, "start_date", text_of(query.since));
  append_query(target, "limit", std::to_string(query.limit));
  if (!query.cursor.empty()) append_query(target, "cursor", query.cursor);
  return target;
}

std::string order_target(std::string_view base, domain::ForeignId venue_order) {
  return target_of(base, "/orders/historical/") + text_of(venue_order);
}

std::string fills_target(std::string_view base, const FillsQuery& query) {
  std::string target = target_of(base, "/orders/historical/fills");
  if (!query.product.empty()) append_query(target, "product_ids", query.product);
  if (!query.venue_order.is_none()) append_query(target, "order_ids", text_of(query.venue_order));
  if (query.since != domain::Timestamp{}) {
    append_query(target, "start_sequence_timestamp", text_of(query.since));
  }
  append_query(target, "limit", std::to_string(query.limit));
  if (!query.cursor.empty()) append_query(target, "cursor", query.cursor);
  return target;
}

std::string accounts_target(std::string_view base, std::string_view cursor) {
  std::string target = target_of(base, "/accounts");
  append_query(target, "limit", "250");
  if (!cursor.empty()) append_query(target, "cursor", cursor);
  return target;
}

char* encode_request(std::string_view method, std::string_view host, std::string_view target,
                     std::string_view token, std::string_view body, char* out) {
  constexpr std::size_t fixed = 200;
  if (method.size() + host.size() + target.size() + token.size() + body.size() + fixed >
      max_request_bytes) {
    return nullptr;
  }
  out = put(out, method);
  *out++ = ' ';
  out = put(out, target);
  out = put(out, " HTTP/1.1\r\nHost: ");
  out = put(out, host);
  out = put(out, "\r\nUser-Agent: halcyon\r\n");
  if (!token.empty()) {
    out = put(out, "Authorization: Bearer ");
    out = put(out, token);
    out = put(out, "\r\n");
  }
  if (!body.empty()) {
    out = put(out, "Content-Type: application/json\r\nContent-Length: ");
    out = std::to_chars(out, out + 20, body.size()).ptr;
    out = put(out, "\r\n");
  }
  out = put(out, "\r\n");
  return put(out, body);
}

std::string encode_subscription(std::string_view type, std::string_view channel,
                                std::span<const std::string_view> products,
                                std::string_view token) {
  std::string text = R"({"type":")";
  text += type;
  text += '"';
  if (!products.empty()) {
    text += R"(,"product_ids":[)";
    for (std::size_t at = 0; at < products.size(); ++at) {
      text += at == 0 ? "\"" : ",\"";
      text += products[at];
      text += '"';
    }
    text += ']';
  }
  text += R"(,"channel":")";
  text += channel;
  text += '"';
  if (!token.empty()) {
    text += R"(,"jwt":")";
    text += token;
    text += '"';
  }
  text += '}';
  return text;
}

}  // namespace halcyon::gateways::coinbase
