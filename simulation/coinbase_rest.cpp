// REST calls of the Coinbase venue, and what its orders look like.

#include <algorithm>
#include <charconv>
#include <limits>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "domain/enum_name.h"
#include "simulation/coinbase_token.h"
#include "simulation/coinbase_venue.h"

namespace halcyon::simulation {

namespace json = boost::json;

namespace {

constexpr std::string_view base = "/api/v3/brokerage";
constexpr std::size_t default_limit = 100;
constexpr std::size_t max_limit = 1000;

template <class Kind>
std::string exact(domain::Decimal<Kind> amount) {
  return domain::to_string(amount);
}

/// Ids of this venue are UUIDs of the version that it uses itself.
std::string uuid_of(std::uint64_t kind, std::uint64_t number) {
  return fmt::format("c0b{:05x}-0000-4000-8000-{:012x}", kind, number);
}

HttpAnswer answer_with(unsigned status, std::string body) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = std::move(body);
  answer.headers.emplace_back("Content-Type", "application/json");
  return answer;
}
HttpAnswer ok(const json::value& body) { return answer_with(200, json::serialize(body)); }
HttpAnswer error(unsigned status, std::string_view code, std::string_view words) {
  return answer_with(status,
                     fmt::format(R"({{"error":"{}","code":{},"message":"{}","details":[]}})", code,
                                 status == 401 ? 16 : 3, words));
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned byte = 0;
    if (text[at] == '%' && at + 2 < text.size() &&
        std::from_chars(text.data() + at + 1, text.data() + at + 3, byte, 16).ec == std::errc{}) {
      out += static_cast<char>(byte);
      at += 2;
    } else {
      out += text[at] == '+' ? ' ' : text[at];
    }
  }
  return out;
}

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
}

template <class Amount>
std::optional<Amount> amount_of(const json::object& object, std::string_view name) {
  return domain::parse<Amount>(text_of(object, name));
}

std::optional<Timestamp> time_of(std::string_view text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  char zone = 0;
  const std::string whole{text.substr(0, std::min<std::size_t>(19, text.size()))};
  if (std::sscanf(whole.c_str(), "%4d-%2u-%2uT%2d:%2d:%2d%c", &year, &month, &day, &hour, &minute,
                  &second, &zone) != 6) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month},
                                         std::chrono::day{day}};
  if (!date.ok()) return std::nullopt;
  Timestamp time = Timestamp{std::chrono::sys_days{date}} + std::chrono::hours{hour} +
                   std::chrono::minutes{minute} + std::chrono::seconds{second};
  if (text.size() > 20 && text[19] == '.') {
    std::int64_t scale = 100'000'000;
    for (std::size_t at = 20; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      time += Duration{(text[at] - '0') * scale};
      scale /= 10;
    }
  }
  return time;
}

json::object refused(std::string_view reason, std::string_view words) {
  return {{"success", false},
          {"error_response",
           {{"error", reason},
            {"message", words},
            {"error_details", ""},
            {"new_order_failure_reason", reason}}}};
}

}  // namespace

struct CoinbaseVenue::Request {
  const HttpRequest& http;
  std::string path;  ///< behind the base
  std::multimap<std::string, std::string> query;
  json::object body;
  Account* account = nullptr;
  Timestamp now{};
  Actions& actions;

  std::string one(const std::string& name) const {
    const auto found = query.find(name);
    return found == query.end() ? std::string{} : found->second;
  }
  std::set<std::string> all(const std::string& name) const {
    std::set<std::string> values;
    const auto [first, last] = query.equal_range(name);
    for (auto at = first; at != last; ++at) values.insert(at->second);
    return values;
  }
  std::size_t limit() const {
    std::size_t value = 0;
    const std::string text = one("limit");
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value == 0 ? default_limit : std::min(value, max_limit);
  }
  /// Rows before this place, counted from the oldest.
  std::size_t before() const {
    std::size_t value = std::numeric_limits<std::size_t>::max();
    const std::string text = one("cursor");
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }
};

// --- orders --------------------------------------------------------------------------------------

CoinbaseVenue::Ticket* CoinbaseVenue::find_ticket(std::string_view id) {
  for (auto at = tickets_.rbegin(); at != tickets_.rend(); ++at) {
    if (at->id == id) return &*at;
  }
  return nullptr;
}

CoinbaseVenue::Ticket* CoinbaseVenue::ticket_of(std::uint64_t order_id) {
  const auto found = ticket_of_.find(order_id);
  return found == ticket_of_.end() ? nullptr : &tickets_[found->second];
}

CoinbaseVenue::Sums CoinbaseVenue::sums_of(const Ticket& ticket) const {
  Sums sums;
  for (const std::uint64_t id : ticket.orders) {
    const Order* order = exchange_.find(id);
    sums.filled += order->executed;
    sums.value += order->quote_executed;
  }
  return sums;
}

std::string CoinbaseVenue::status_of(const Ticket& ticket) const {
  switch (exchange_.find(ticket.orders.back())->status) {
    case OrderStatus::pending:
    case OrderStatus::accepted:
    case OrderStatus::partially_filled:
      return "OPEN";
    case OrderStatus::filled:
      return "FILLED";
    case OrderStatus::canceled:
    case OrderStatus::expired:
    case OrderStatus::expired_in_match:
      break;
  }
  return ticket.has_timed_out ? "EXPIRED" : "CANCELLED";
}

json::object CoinbaseVenue::order_json(const Ticket& ticket, bool of_user_channel) const {
  const Sums sums = sums_of(ticket);
  const Order& last = *exchange_.find(ticket.orders.back());
  const std::string status = status_of(ticket);
  const bool is_alive = status == "OPEN";
  const auto average = domain::price_of(sums.value, sums.filled).value_or(Price{});
  const bool is_market = ticket.asked.type == OrderType::market;
  const std::string type = is_market                               ? "MARKET"
                           : ticket.asked.type == OrderType::limit ? "LIMIT"
                                                                   : "STOP_LIMIT";
  const std::string force = ticket.end_time ? "GOOD_UNTIL_DATE_TIME"
                            : ticket.asked.time_in_force == TimeInForce::fok ? "FILL_OR_KILL"
                            : is_market || ticket.asked.time_in_force == TimeInForce::ioc
                                ? "IMMEDIATE_OR_CANCEL"
                                : "GOOD_UNTIL_CANCELLED";
  const std::string side = ticket.asked.side == Side::buy ? "BUY" : "SELL";
  json::object order{{"order_id", ticket.id},
                     {"client_order_id", ticket.client_id},
                     {"product_id", ticket.listing->product},
                     {"product_type", "SPOT"},
                     {"status", status},
                     {"time_in_force", force},
                     {"order_type", type},
                     {"number_of_fills", std::to_string(ticket.fills)},
                     {"filled_value", exact(sums.value)},
                     {"total_fees", exact(ticket.fees)},
                     {"trigger_status", "INVALID_ORDER_TYPE"},
                     {"outstanding_hold_amount", exact(last.locked)}};
  if (of_user_channel) {
    order["order_side"] = side;
    order["cumulative_quantity"] = exact(sums.filled);
    // 0 on every final update, filled or not.
    order["leaves_quantity"] = exact(is_alive ? last.remaining() : Quantity{});
    order["avg_price"] = exact(average);
    order["limit_price"] = is_market ? "" : exact(ticket.asked.price);
    order["stop_price"] = ticket.asked.stop_price.is_zero() ? "" : exact(ticket.asked.stop_price);
    order["post_only"] = ticket.asked.post_only ? "true" : "false";
    order["cancel_reason"] = ticket.cancel_message;
    order["reject_reason"] = "";
    order["creation_time"] = time_text(ticket.created);
    order["end_time"] = "0001-01-01T00:00:00Z";
    return order;
  }
  json::object terms{{"base_size", exact(ticket.asked.quantity)}};
  if (ticket.asked.quantity.is_zero()) {
    terms = {{"quote_size", exact(ticket.asked.quote_quantity)}};
  }
  if (!is_market) terms["limit_price"] = exact(ticket.asked.price);
  if (!ticket.asked.stop_price.is_zero()) terms["stop_price"] = exact(ticket.asked.stop_price);
  order["order_configuration"] = {{ticket.configuration, std::move(terms)}};
  order["side"] = side;
  order["user_id"] = "00000000-0000-4000-8000-000000000000";
  order["filled_size"] = exact(sums.filled);
  order["average_filled_price"] = exact(average);
  order["created_time"] = time_text(ticket.created);
  order["last_fill_time"] =
      ticket.fills == 0 ? json::value{} : json::value{time_text(ticket.last_fill)};
  order["pending_cancel"] = false;
  order["size_in_quote"] = ticket.asked.quantity.is_zero();
  order["completion_percentage"] = status == "FILLED" ? "100" : "0";
  order["settled"] = !is_alive;
  order["reject_reason"] = "REJECT_REASON_UNSPECIFIED";
  order["reject_message"] = "";
  order["cancel_message"] = ticket.cancel_message;
  order["order_placement_source"] = "RETAIL_ADVANCED";
  return order;
}

std::optional<CoinbaseVenue::Ticket> CoinbaseVenue::read_ticket(const json::object& body,
                                                                Account& account,
                                                                std::string& why) {
  const auto refuse = [&](std::string_view reason) {
    why = reason;
    return std::nullopt;
  };
  Ticket ticket;
  ticket.account = &account;
  ticket.listing = find_listing(text_of(body, "product_id"));
  if (ticket.listing == nullptr) return refuse("INVALID_PRODUCT_ID");
  if (ticket.listing->status != "TRADING") return refuse("ORDER_ENTRY_DISABLED");
  const std::string side = text_of(body, "side");
  if (side != "BUY" && side != "SELL") return refuse("INVALID_SIDE");
  const auto* outer = body.if_contains("order_configuration");
  if (outer == nullptr || !outer->is_object() || outer->get_object().size() != 1 ||
      !outer->get_object().begin()->value().is_object()) {
    return refuse("UNSUPPORTED_ORDER_CONFIGURATION");
  }
  ticket.configuration = std::string{outer->get_object().begin()->key()};
  const json::object& terms = outer->get_object().begin()->value().get_object();
  const std::string_view name = ticket.configuration;
  OrderRequest& asked = ticket.asked;
  asked.account = account.index;
  asked.market = ticket.listing->market;
  asked.side = side == "BUY" ? Side::buy : Side::sell;
  const auto* post_only = terms.if_contains("post_only");
  asked.post_only = post_only != nullptr && post_only->is_bool() && post_only->get_bool();
  const bool is_stop = name.starts_with("stop_limit_");
  if (name == "market_market_ioc") {
    asked.type = OrderType::market;
  } else if (name == "limit_limit_gtc" || name == "limit_limit_gtd") {
    asked.type = OrderType::limit;
  } else if (name == "limit_limit_fok") {
    asked.type = OrderType::limit;
    asked.time_in_force = TimeInForce::fok;
  } else if (name == "sor_limit_ioc") {
    asked.type = OrderType::limit;
    asked.time_in_force = TimeInForce::ioc;
  } else if (is_stop) {
    const bool is_up = text_of(terms, "stop_direction") == "STOP_DIRECTION_STOP_UP";
    asked.type =
        is_up == (asked.side == Side::buy) ? OrderType::stop_limit : OrderType::take_profit_limit;
  } else {
    return refuse("UNSUPPORTED_ORDER_CONFIGURATION");
  }
  if (name.ends_with("_gtd")) {
    ticket.end_time = time_of(text_of(terms, "end_time"));
    if (!ticket.end_time) return refuse("INVALID_REQUEST");
  }
  const SymbolRules& rules = ticket.listing->rules;
  const auto size = amount_of<Quantity>(terms, "base_size");
  const auto quote = amount_of<Money>(terms, "quote_size");
  if (size) {
    if (!size->is_positive() || !domain::is_multiple(*size, rules.step)) {
      return refuse("INVALID_SIZE_PRECISION");
    }
    asked.quantity = *size;
  } else if (quote && asked.type == OrderType::market) {
    asked.quote_quantity = *quote;
  } else {
    return refuse("UNSUPPORTED_ORDER_CONFIGURATION");
  }
  const auto read_price = [&](std::string_view field, Price& out) {
    const auto price = amount_of<Price>(terms, field);
    if (!price || !price->is_positive() || !domain::is_multiple(*price, rules.tick)) return false;
    out = *price;
    return true;
  };
  if (asked.type != OrderType::market && !read_price("limit_price", asked.price)) {
    return refuse("INVALID_PRICE_PRECISION");
  }
  if (is_stop && !read_price("stop_price", asked.stop_price)) {
    return refuse("INVALID_PRICE_PRECISION");
  }
  return ticket;
}

HttpAnswer CoinbaseVenue::do_create(Request& request) {
  std::string why;
  auto ticket = read_ticket(request.body, *request.account, why);
  if (!ticket) return ok(refused(why, "refused by this simulator"));
  ticket->client_id = text_of(request.body, "client_order_id");
  if (ticket->client_id.empty()) {
    return error(400, "INVALID_ARGUMENT", "client_order_id is required");
  }
  for (const Ticket& other : tickets_) {
    // The same id again is believed to give the order that is there.
    if (other.account == request.account && other.client_id == ticket->client_id) {
      return ok({{"success", true},
                 {"success_response",
                  {{"order_id", other.id},
                   {"product_id", other.listing->product},
                   {"side", text_of(request.body, "side")},
                   {"client_order_id", other.client_id}}}});
    }
  }
  ticket->asked.client_id = ticket->client_id;
  ticket->created = request.now;
  // The order is known before its reports are, so that they find it.
  const std::size_t index = tickets_.size();
  Reports reports;
  const auto placed = exchange_.place(ticket->asked, request.now, reports);
  if (const auto* refusal = std::get_if<Refused>(&placed)) {
    const std::string_view reason =
        *refusal == Refused::insufficient_balance  ? "INSUFFICIENT_FUND"
        : *refusal == Refused::would_take          ? "INVALID_LIMIT_PRICE_POST_ONLY"
        : *refusal == Refused::would_trigger       ? "INVALID_LIMIT_PRICE"
        : *refusal == Refused::duplicate_client_id ? "DUPLICATE_CLIENT_ORDER_ID"
                                                   : "COMMANDER_REJECTED_NEW_ORDER";
    return ok(refused(reason, domain::enum_name(*refusal)));
  }
  const std::uint64_t id = std::get<std::uint64_t>(placed);
  ticket->id = uuid_of(1, id);
  ticket->orders.push_back(id);
  ticket_of_[id] = index;
  tickets_.push_back(*ticket);
  say(reports, request.now, request.actions);
  return ok({{"success", true},
             {"success_response",
              {{"order_id", ticket->id},
               {"product_id", ticket->listing->product},
               {"side", text_of(request.body, "side")},
               {"client_order_id", ticket->client_id}}},
             {"order_configuration", request.body.at("order_configuration")}});
}

HttpAnswer CoinbaseVenue::do_preview(Request& request) {
  std::string why;
  const auto ticket = read_ticket(request.body, *request.account, why);
  json::array errors;
  if (!ticket) errors.emplace_back("PREVIEW_" + why);
  if (ticket && exchange_.check(ticket->asked)) errors.emplace_back("PREVIEW_INSUFFICIENT_FUND");
  Money total;
  if (ticket) {
    const Price price = ticket->asked.price.is_zero() ? exchange_.last_price(ticket->asked.market)
                                                      : ticket->asked.price;
    total = domain::notional(price, ticket->asked.quantity).value_or(Money{});
  }
  const Money fee =
      domain::scaled(total, request.account->settings.taker_commission, domain::decimal_scale)
          .value_or(Money{});
  return ok({{"order_total", exact(total)},
             {"commission_total", exact(fee)},
             {"errs", std::move(errors)},
             {"warning", json::array{}},
             {"base_size", ticket ? exact(ticket->asked.quantity) : "0"},
             {"preview_id", uuid_of(3, static_cast<std::uint64_t>(tickets_.size()))}});
}

HttpAnswer CoinbaseVenue::do_edit(Request& request) {
  const auto refuse = [](std::string_view reason) {
    return ok({{"success", false},
               {"errors", json::array{json::object{
                              {"edit_failure_reason", reason},
                              {"preview_failure_reason", "UNKNOWN_PREVIEW_FAILURE_REASON"}}}}});
  };
  Ticket* ticket = find_ticket(text_of(request.body, "order_id"));
  if (ticket == nullptr || ticket->account != request.account) return refuse("ORDER_NOT_FOUND");
  if (status_of(*ticket) != "OPEN") return refuse("ONLY_OPEN_ORDERS_CAN_BE_EDITED");
  if (ticket->asked.type == OrderType::market || ticket->end_time) {
    return refuse("ONLY_LIMIT_ORDER_EDITS_SUPPORTED");
  }
  // A missing size counts as 0.
  const auto size = amount_of<Quantity>(request.body, "size");
  const auto price = amount_of<Price>(request.body, "price");
  const Sums sums = sums_of(*ticket);
  if (!size || !size->is_positive() || !domain::is_multiple(*size, ticket->listing->rules.step)) {
    return refuse("INVALID_EDITED_SIZE");
  }
  if (!price || !price->is_positive() ||
      !domain::is_multiple(*price, ticket->listing->rules.tick)) {
    return refuse("INVALID_EDITED_PRICE");
  }
  if (*size <= sums.filled) return refuse("CANNOT_EDIT_TO_BELOW_FILLED_SIZE");
  if (*size == ticket->asked.quantity && *price == ticket->asked.price) {
    return refuse("EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST");
  }
  // The old order ends and a new one stands in its place; for its owner it is one order.
  OrderRequest next = ticket->asked;
  next.price = *price;
  next.quantity = *size - sums.filled;
  Reports reports;
  ticket->is_being_edited = true;
  static_cast<void>(exchange_.cancel(ticket->orders.back(), {}, request.now, reports));
  const auto placed = exchange_.place(next, request.now, reports);
  if (const auto* id = std::get_if<std::uint64_t>(&placed)) {
    ticket->orders.push_back(*id);
    ticket_of_[*id] =
        static_cast<std::size_t>(std::find_if(tickets_.begin(), tickets_.end(),
                                              [&](const Ticket& each) { return &each == ticket; }) -
                                 tickets_.begin());
    ticket->asked.price = *price;
    ticket->asked.quantity = *size;
  } else {
    ticket->cancel_message = "the edited order was refused";
  }
  ticket->is_being_edited = false;
  say(reports, request.now, request.actions);
  return ok({{"success", true}, {"errors", json::array{}}});
}

HttpAnswer CoinbaseVenue::do_cancel(Request& request) {
  json::array results;
  const auto* ids = request.body.if_contains("order_ids");
  if (ids == nullptr || !ids->is_array()) {
    return error(400, "INVALID_ARGUMENT", "order_ids is required");
  }
  for (const auto& each : ids->get_array()) {
    const std::string id = each.is_string() ? std::string{each.get_string()} : std::string{};
    Ticket* ticket = find_ticket(id);
    std::string_view reason = "UNKNOWN_CANCEL_FAILURE_REASON";
    bool success = false;
    if (id.empty()) {
      reason = "INVALID_CANCEL_REQUEST";
    } else if (ticket == nullptr || ticket->account != request.account) {
      reason = "UNKNOWN_CANCEL_ORDER";
    } else if (status_of(*ticket) == "FILLED") {
      reason = "ORDER_IS_FULLY_FILLED";
    } else if (status_of(*ticket) != "OPEN") {
      reason = "UNKNOWN_CANCEL_ORDER";
    } else {
      Reports reports;
      ticket->cancel_message = "User requested cancel";
      success = !exchange_.cancel(ticket->orders.back(), {}, request.now, reports);
      say(reports, request.now, request.actions);
    }
    results.push_back(
        json::object{{"success", success}, {"failure_reason", reason}, {"order_id", id}});
  }
  return ok({{"results", std::move(results)}});
}

void CoinbaseVenue::end_overdue(Timestamp now, Actions& actions) {
  for (Ticket& ticket : tickets_) {
    if (!ticket.end_time || now < *ticket.end_time || status_of(ticket) != "OPEN") continue;
    Reports reports;
    ticket.has_timed_out = true;
    static_cast<void>(exchange_.expire(ticket.orders.back(), now, reports));
    say(reports, now, actions);
  }
}

// --- questions -----------------------------------------------------------------------------------

HttpAnswer CoinbaseVenue::do_orders(Request& request) {
  const auto statuses = request.all("order_status");
  const auto products = request.all("product_ids");
  const auto ids = request.all("order_ids");
  const auto since = time_of(request.one("start_date"));
  const auto until = time_of(request.one("end_date"));
  const std::size_t limit = request.limit();
  json::array rows;
  std::string cursor;
  // The newest first; the cursor is how many older ones there are.
  for (std::size_t at = std::min(request.before(), tickets_.size()); at > 0; --at) {
    const Ticket& ticket = tickets_[at - 1];
    const Timestamp created = ticket.created + clock_shift_;
    if (ticket.account != request.account || (since && created < *since) ||
        (until && created >= *until) ||
        (!statuses.empty() && statuses.count(status_of(ticket)) == 0) ||
        (!products.empty() && products.count(ticket.listing->product) == 0) ||
        (!ids.empty() && ids.count(ticket.id) == 0)) {
      continue;
    }
    if (rows.size() == limit) {
      cursor = std::to_string(at);
      break;
    }
    rows.push_back(order_json(ticket, false));
  }
  return ok({{"orders", std::move(rows)},
             {"sequence", "0"},
             {"has_next", !cursor.empty()},
             {"cursor", cursor}});
}

HttpAnswer CoinbaseVenue::do_order(Request& request, std::string_view id) {
  const Ticket* ticket = find_ticket(id);
  if (ticket == nullptr || ticket->account != request.account) {
    return error(404, "NOT_FOUND", "order not found");
  }
  return ok({{"order", order_json(*ticket, false)}});
}

HttpAnswer CoinbaseVenue::do_fills(Request& request) {
  const auto products = request.all("product_ids");
  auto ids = request.all("order_ids");
  if (const std::string one = request.one("order_id"); !one.empty()) ids.insert(one);
  const auto since = time_of(request.one("start_sequence_timestamp"));
  const auto until = time_of(request.one("end_sequence_timestamp"));
  const std::size_t limit = request.limit();
  const auto& trades = exchange_.trades();
  json::array rows;
  std::string cursor;
  for (std::size_t at = std::min(request.before(), trades.size()); at > 0; --at) {
    const OwnTrade& trade = trades[at - 1];
    const Ticket* ticket = ticket_of(trade.order_id);
    if (trade.account != request.account->index || ticket == nullptr ||
        request.now < trade.time + settings_.fills_lag ||
        (since && trade.time + clock_shift_ < *since) ||
        (until && trade.time + clock_shift_ >= *until) ||
        (!products.empty() && products.count(ticket->listing->product) == 0) ||
        (!ids.empty() && ids.count(ticket->id) == 0)) {
      continue;
    }
    if (rows.size() == limit) {
      cursor = std::to_string(at);
      break;
    }
    const std::string time = time_text(trade.time);
    rows.push_back(json::object{{"entry_id", uuid_of(4, at)},
                                {"trade_id", uuid_of(2, at)},
                                {"order_id", ticket->id},
                                {"trade_time", time},
                                {"trade_type", "FILL"},
                                {"price", exact(trade.fill.price)},
                                {"size", exact(trade.fill.quantity)},
                                {"commission", exact(trade.fill.commission)},
                                {"product_id", ticket->listing->product},
                                {"sequence_timestamp", time},
                                {"liquidity_indicator", trade.fill.maker ? "MAKER" : "TAKER"},
                                {"size_in_quote", false},
                                {"user_id", "00000000-0000-4000-8000-000000000000"},
                                {"side", trade.side == Side::buy ? "BUY" : "SELL"}});
  }
  return ok({{"fills", std::move(rows)}, {"cursor", cursor}});
}

HttpAnswer CoinbaseVenue::do_accounts(Request& request) {
  json::array rows;
  for (std::size_t at = 0; at < exchange_.asset_count(); ++at) {
    const auto asset = static_cast<AssetIndex>(at);
    const std::string& name = exchange_.name_of(asset);
    const Balance balance = exchange_.balance(request.account->index, asset);
    rows.push_back(
        json::object{{"uuid", uuid_of(5, at)},
                     {"name", name + " Wallet"},
                     {"currency", name},
                     {"available_balance", {{"value", exact(balance.free)}, {"currency", name}}},
                     {"hold", {{"value", exact(balance.locked)}, {"currency", name}}},
                     {"default", false},
                     {"active", true},
                     {"ready", true},
                     {"type", "ACCOUNT_TYPE_CRYPTO"},
                     {"platform", "ACCOUNT_PLATFORM_CONSUMER"}});
  }
  const auto size = rows.size();
  return ok({{"accounts", std::move(rows)}, {"has_next", false}, {"cursor", ""}, {"size", size}});
}

std::string CoinbaseVenue::product_json(const Listing& listing) const {
  const SymbolRules& rules = listing.rules;
  const bool is_trading = listing.status == "TRADING";
  return json::serialize(
      json::object{{"product_id", listing.product},
                   {"price", exact(exchange_.last_price(listing.market))},
                   {"base_increment", exact(rules.step)},
                   {"quote_increment", exact(rules.tick)},
                   {"price_increment", exact(rules.tick)},
                   {"base_min_size", exact(rules.min_quantity)},
                   {"base_max_size", exact(rules.max_quantity)},
                   {"quote_min_size", exact(rules.min_notional)},
                   {"quote_max_size", exact(rules.max_notional)},
                   {"base_currency_id", rules.base},
                   {"quote_currency_id", rules.quote},
                   {"base_display_symbol", rules.base},
                   {"quote_display_symbol", rules.quote},
                   {"base_name", rules.base},
                   {"quote_name", rules.quote},
                   {"display_name", listing.product},
                   {"status", is_trading || listing.status == "CANCEL_ONLY" ? "online" : "offline"},
                   {"is_disabled", false},
                   {"trading_disabled", false},
                   {"cancel_only", listing.status == "CANCEL_ONLY"},
                   {"limit_only", false},
                   {"post_only", false},
                   {"auction_mode", false},
                   {"view_only", false},
                   {"product_type", "SPOT"},
                   {"product_venue", "CBE"},
                   {"alias", ""},
                   {"alias_to", json::array{}}});
}

HttpAnswer CoinbaseVenue::do_products(Request& request) {
  const auto wanted = request.all("product_ids");
  std::string rows;
  std::size_t count = 0;
  for (const Listing& listing : listings_) {
    if (!wanted.empty() && wanted.count(listing.product) == 0) continue;
    rows += (rows.empty() ? "" : ",") + product_json(listing);
    ++count;
  }
  return answer_with(200, fmt::format(R"({{"products":[{}],"num_products":{}}})", rows, count));
}

HttpAnswer CoinbaseVenue::do_product_book(Request& request) {
  const Listing* listing = find_listing(request.one("product_id"));
  if (listing == nullptr) return error(404, "NOT_FOUND", "product not found");
  const auto rows = [&](Side side) {
    json::array levels;
    for (const Level& level : exchange_.outside(listing->market, side, request.limit())) {
      levels.push_back(
          json::object{{"price", exact(level.price)}, {"size", exact(level.quantity)}});
    }
    return levels;
  };
  return ok({{"pricebook",
              {{"product_id", listing->product},
               {"bids", rows(Side::buy)},
               {"asks", rows(Side::sell)},
               {"time", time_text(request.now)}}}});
}

// --- calls ---------------------------------------------------------------------------------------

HttpAnswer CoinbaseVenue::answer_of(Request& request) {
  const std::string_view path = request.path;
  const bool is_post = request.http.method == "POST";
  if (is_post) {
    if (path == "/orders") return do_create(request);
    if (path == "/orders/preview") return do_preview(request);
    if (path == "/orders/edit") return do_edit(request);
    if (path == "/orders/batch_cancel") return do_cancel(request);
    return error(404, "NOT_FOUND", "no such call");
  }
  if (path == "/orders/historical/batch") return do_orders(request);
  if (path == "/orders/historical/fills") return do_fills(request);
  constexpr std::string_view one_order = "/orders/historical/";
  if (path.starts_with(one_order)) return do_order(request, path.substr(one_order.size()));
  if (path == "/accounts") return do_accounts(request);
  if (path == "/key_permissions") {
    return ok({{"can_view", true},
               {"can_trade", true},
               {"can_transfer", false},
               {"portfolio_uuid", uuid_of(6, 1)}});
  }
  if (path == "/transaction_summary") {
    const auto rate = [](Rate value) { return exact(Price::from_raw(value)); };
    return ok({{"fee_tier",
                {{"pricing_tier", "Simulated"},
                 {"maker_fee_rate", rate(request.account->settings.maker_commission)},
                 {"taker_fee_rate", rate(request.account->settings.taker_commission)}}}});
  }
  std::string_view product = path;
  for (const std::string_view prefix : {"/market/products", "/products"}) {
    if (!product.starts_with(prefix)) continue;
    product.remove_prefix(prefix.size());
    if (product.empty()) return do_products(request);
    const Listing* listing = find_listing(product.substr(1));
    return listing == nullptr ? error(404, "NOT_FOUND", "product not found")
                              : answer_with(200, product_json(*listing));
  }
  if (path == "/market/product_book" || path == "/product_book") return do_product_book(request);
  return error(404, "NOT_FOUND", "no such call");
}

HttpAnswer CoinbaseVenue::on_http(const HttpRequest& http, Timestamp now, Actions& actions) {
  if (now < banned_until_) return error(429, "RATE_LIMIT_EXCEEDED", "Too many requests");
  const auto question = http.target.find('?');
  const std::string whole = http.target.substr(0, question);
  if (!std::string_view{whole}.starts_with(base)) return error(404, "NOT_FOUND", "no such path");
  Request request{http, whole.substr(base.size()), {}, {}, nullptr, now, actions};
  if (request.path == "/time") {
    const Timestamp shown = now + clock_shift_;
    const auto ms = domain::to_unix_ms(shown);
    return ok({{"iso", time_text(now)},
               {"epochSeconds", std::to_string(ms / 1000)},
               {"epochMillis", std::to_string(ms)}});
  }
  if (question != std::string::npos) {
    std::string_view rest = std::string_view{http.target}.substr(question + 1);
    while (!rest.empty()) {
      const std::string_view pair = rest.substr(0, rest.find('&'));
      const std::string_view name = pair.substr(0, pair.find('='));
      const std::string_view value = pair.substr(std::min(name.size() + 1, pair.size()));
      request.query.emplace(decoded(name), decoded(value));
      rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    }
  }
  const bool is_public = std::string_view{request.path}.starts_with("/market/");
  if (!is_public) {
    const auto bearer = http.headers.find("authorization");
    constexpr std::string_view scheme = "Bearer ";
    if (bearer == http.headers.end() || !std::string_view{bearer->second}.starts_with(scheme)) {
      return error(401, "UNAUTHORIZED", "Unauthorized");
    }
    const auto host = http.headers.find("host");
    const TokenVerdict verdict = check_token(
        std::string_view{bearer->second}.substr(scheme.size()),
        fmt::format("{} {}{}", http.method, host == http.headers.end() ? "" : host->second, whole),
        now + clock_shift_, [&](std::string_view name) { return pem_of(name); });
    if (!verdict.why.empty()) return error(401, "UNAUTHORIZED", "Unauthorized");
    for (Account& account : accounts_) {
      if (account.settings.api_key == verdict.key_name) request.account = &account;
    }
    const int left = request.account->calls.limit() - request.account->calls.count(now) - 1;
    if (left < 0) {
      HttpAnswer answer = error(429, "RATE_LIMIT_EXCEEDED", "Too many requests");
      answer.headers.emplace_back("x-ratelimit-remaining", "0");
      answer.headers.emplace_back("Retry-After", "1");
      return answer;
    }
    request.account->calls.add(1, now);
  }
  if (!http.body.empty()) {
    boost::system::error_code failed;
    auto body = json::parse(http.body, failed);
    if (failed || !body.is_object()) return error(400, "INVALID_ARGUMENT", "not a JSON object");
    request.body = std::move(body.get_object());
  }
  const std::string method = http.method + " " + request.path;
  const Faults::Point point{
      Place::rest,
      method,
      request.account == nullptr ? "" : std::string_view{request.account->settings.name},
      {},
      {}};
  if (const auto fault = faults_.take(FaultKind::refuse, point)) {
    return error(static_cast<unsigned>(fault->status), fault->text, fault->text);
  }
  const auto unknown = faults_.take(FaultKind::unknown_status, point);
  const auto dropped = faults_.take(FaultKind::drop_connection, point);
  HttpAnswer answer;
  const bool is_executed = (!unknown || unknown->executed) && (!dropped || dropped->executed);
  if (is_executed) answer = answer_of(request);
  if (unknown) answer = error(503, "UNAVAILABLE", "upstream");
  answer.lost = dropped.has_value() || faults_.take(FaultKind::lose_answer, point).has_value();
  if (const auto fault = faults_.take(FaultKind::delay_answer, point)) {
    answer.delay = std::chrono::milliseconds{fault->duration_ms};
  }
  if (faults_.take(FaultKind::malformed_answer, point)) answer.body.resize(answer.body.size() / 2);
  if (faults_.take(FaultKind::events_first, point)) answer.delay = std::chrono::milliseconds{50};
  if (request.account != nullptr) {
    answer.headers.emplace_back(
        "x-ratelimit-remaining",
        std::to_string(request.account->calls.limit() - request.account->calls.count(now)));
  }
  return answer;
}

}  // namespace halcyon::simulation
