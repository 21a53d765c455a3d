#include "simulation/instrument_rules.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <boost/json.hpp>

namespace halcyon::simulation {

namespace json = boost::json;

namespace {

constexpr std::string_view builtin = R"json({
 "symbols": [
  {
   "symbol": "BTCUSDT",
   "status": "TRADING",
   "baseAsset": "BTC",
   "baseAssetPrecision": 8,
   "quoteAsset": "USDT",
   "quotePrecision": 8,
   "quoteAssetPrecision": 8,
   "baseCommissionPrecision": 8,
   "quoteCommissionPrecision": 8,
   "orderTypes": [
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT"
   ],
   "icebergAllowed": true,
   "ocoAllowed": true,
   "otoAllowed": true,
   "opoAllowed": true,
   "quoteOrderQtyMarketAllowed": true,
   "allowTrailingStop": true,
   "cancelReplaceAllowed": true,
   "amendAllowed": true,
   "pegInstructionsAllowed": true,
   "isSpotTradingAllowed": true,
   "isMarginTradingAllowed": false,
   "filters": [
    {
     "filterType": "PRICE_FILTER",
     "minPrice": "0.01000000",
     "maxPrice": "1000000.00000000",
     "tickSize": "0.01000000"
    },
    {
     "filterType": "LOT_SIZE",
     "minQty": "0.00001000",
     "maxQty": "9000.00000000",
     "stepSize": "0.00001000"
    },
    {
     "filterType": "ICEBERG_PARTS",
     "limit": 100
    },
    {
     "filterType": "MARKET_LOT_SIZE",
     "minQty": "0.00000000",
     "maxQty": "105.07867116",
     "stepSize": "0.00000000"
    },
    {
     "filterType": "TRAILING_DELTA",
     "minTrailingAboveDelta": 10,
     "maxTrailingAboveDelta": 2000,
     "minTrailingBelowDelta": 10,
     "maxTrailingBelowDelta": 2000
    },
    {
     "filterType": "PERCENT_PRICE_BY_SIDE",
     "bidMultiplierUp": "1.2",
     "bidMultiplierDown": "0.5",
     "askMultiplierUp": "2",
     "askMultiplierDown": "0.8",
     "avgPriceMins": 5
    },
    {
     "filterType": "NOTIONAL",
     "minNotional": "5.00000000",
     "applyMinToMarket": true,
     "maxNotional": "9000000.00000000",
     "applyMaxToMarket": false,
     "avgPriceMins": 5
    },
    {
     "filterType": "MAX_NUM_ORDERS",
     "maxNumOrders": 200
    },
    {
     "filterType": "MAX_NUM_ORDER_LISTS",
     "maxNumOrderLists": 20
    },
    {
     "filterType": "MAX_NUM_ALGO_ORDERS",
     "maxNumAlgoOrders": 5
    },
    {
     "filterType": "MAX_NUM_ORDER_AMENDS",
     "maxNumOrderAmends": 10
    }
   ],
   "permissions": [],
   "permissionSets": [
    [
     "SPOT"
    ]
   ],
   "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
   "allowedSelfTradePreventionModes": [
    "NONE",
    "EXPIRE_TAKER",
    "EXPIRE_MAKER",
    "EXPIRE_BOTH",
    "DECREMENT",
    "TRANSFER"
   ]
  }
 ]
})json";

struct ModeName {
  std::string_view name;
  SelfTrade mode;
};
// TRANSFER needs both sides to ask for it from different accounts; within one account the document
// turns it into DECREMENT.
constexpr std::array modes{
    ModeName{"NONE", SelfTrade::none},
    ModeName{"EXPIRE_TAKER", SelfTrade::expire_taker},
    ModeName{"EXPIRE_MAKER", SelfTrade::expire_maker},
    ModeName{"EXPIRE_BOTH", SelfTrade::expire_both},
    ModeName{"DECREMENT", SelfTrade::decrement},
    ModeName{"TRANSFER", SelfTrade::transfer},
};

[[noreturn]] void refuse(const std::string& where, const std::string& why) {
  throw std::runtime_error(where + ": " + why);
}

std::string text_of(const json::object& object, std::string_view key, const std::string& where) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) {
    refuse(where, "\"" + std::string{key} + "\" is not a text");
  }
  return std::string{value->get_string()};
}

template <class Amount>
Amount amount_of(const json::object& object, std::string_view key, const std::string& where) {
  const auto text = text_of(object, key, where);
  const auto amount = domain::parse<Amount>(text);
  if (!amount || amount->is_negative()) refuse(where, "\"" + text + "\" is not an amount");
  return *amount;
}

bool flag_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

Rate rate_of(const json::object& object, std::string_view key, const std::string& where) {
  return amount_of<Price>(object, key, where).raw();
}

std::uint64_t count_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_int64() && value->get_int64() > 0
             ? static_cast<std::uint64_t>(value->get_int64())
             : 0;
}

int decimals_of(domain::Int128 raw) {
  int decimals = domain::decimal_places;
  while (decimals > 0 && raw % 10 == 0) {
    raw /= 10;
    --decimals;
  }
  return decimals;
}

void read_filter(const json::object& filter, SymbolRules& rules, const std::string& where) {
  const auto type = text_of(filter, "filterType", where);
  if (type == "PRICE_FILTER") {
    rules.tick = amount_of<Price>(filter, "tickSize", where);
    rules.min_price = amount_of<Price>(filter, "minPrice", where);
    rules.max_price = amount_of<Price>(filter, "maxPrice", where);
  } else if (type == "LOT_SIZE") {
    rules.step = amount_of<Quantity>(filter, "stepSize", where);
    rules.min_quantity = amount_of<Quantity>(filter, "minQty", where);
    rules.max_quantity = amount_of<Quantity>(filter, "maxQty", where);
  } else if (type == "MARKET_LOT_SIZE") {
    rules.market_step = amount_of<Quantity>(filter, "stepSize", where);
    rules.market_min_quantity = amount_of<Quantity>(filter, "minQty", where);
    rules.market_max_quantity = amount_of<Quantity>(filter, "maxQty", where);
  } else if (type == "PERCENT_PRICE_BY_SIDE") {
    rules.bid_up = rate_of(filter, "bidMultiplierUp", where);
    rules.bid_down = rate_of(filter, "bidMultiplierDown", where);
    rules.ask_up = rate_of(filter, "askMultiplierUp", where);
    rules.ask_down = rate_of(filter, "askMultiplierDown", where);
  } else if (type == "PERCENT_PRICE") {
    rules.percent_filter = type;
    rules.bid_up = rules.ask_up = rate_of(filter, "multiplierUp", where);
    rules.bid_down = rules.ask_down = rate_of(filter, "multiplierDown", where);
  } else if (type == "NOTIONAL" || type == "MIN_NOTIONAL") {
    rules.notional_filter = type;
    rules.min_notional = amount_of<Money>(filter, "minNotional", where);
    if (type == "NOTIONAL") {
      rules.max_notional = amount_of<Money>(filter, "maxNotional", where);
      rules.min_notional_for_market = flag_of(filter, "applyMinToMarket");
      rules.max_notional_for_market = flag_of(filter, "applyMaxToMarket");
    } else {
      rules.min_notional_for_market = flag_of(filter, "applyToMarket");
    }
  } else if (type == "MAX_NUM_ORDERS") {
    rules.max_orders = count_of(filter, "maxNumOrders");
  } else if (type == "MAX_NUM_ALGO_ORDERS") {
    rules.max_algo_orders = count_of(filter, "maxNumAlgoOrders");
  } else if (type == "MAX_NUM_ICEBERG_ORDERS") {
    rules.max_iceberg_orders = count_of(filter, "maxNumIcebergOrders");
  } else if (type == "MAX_NUM_ORDER_LISTS") {
    rules.max_order_lists = count_of(filter, "maxNumOrderLists");
  } else if (type == "MAX_NUM_ORDER_AMENDS") {
    rules.max_amends = count_of(filter, "maxNumOrderAmends");
  } else if (type == "ICEBERG_PARTS") {
    rules.max_iceberg_parts = count_of(filter, "limit");
  } else if (type == "TRAILING_DELTA") {
    const auto delta = [&](std::string_view key) {
      return static_cast<std::int32_t>(std::min<std::uint64_t>(count_of(filter, key), 10'000));
    };
    rules.min_trailing_above = delta("minTrailingAboveDelta");
    rules.max_trailing_above = delta("maxTrailingAboveDelta");
    rules.min_trailing_below = delta("minTrailingBelowDelta");
    rules.max_trailing_below = delta("maxTrailingBelowDelta");
  } else if (type == "MAX_POSITION") {
    rules.max_position = amount_of<Money>(filter, "maxPosition", where);
  }
}

/// Shows only what can be had here, so that a client need not find out by refusals.
void trim(json::object& entry, const SymbolRules& rules) {
  entry["orderTypes"] =
      json::array{"LIMIT",           "LIMIT_MAKER", "MARKET",           "STOP_LOSS",
                  "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"};
  for (const char* flag : {"icebergAllowed", "ocoAllowed", "otoAllowed", "allowTrailingStop",
                           "cancelReplaceAllowed", "amendAllowed"}) {
    entry[flag] = true;
  }
  for (const char* flag : {"opoAllowed", "pegInstructionsAllowed"}) entry[flag] = false;
  entry["quoteOrderQtyMarketAllowed"] = true;
  entry["isSpotTradingAllowed"] = true;
  json::array allowed;
  for (const auto mode : rules.self_trade_modes) allowed.emplace_back(self_trade_name(mode));
  entry["allowedSelfTradePreventionModes"] = std::move(allowed);
  entry["defaultSelfTradePreventionMode"] = self_trade_name(rules.default_self_trade);
}

}  // namespace

std::string_view self_trade_name(SelfTrade mode) {
  return modes[static_cast<std::size_t>(mode)].name;
}

std::optional<SelfTrade> parse_self_trade(std::string_view name) {
  for (const auto& each : modes) {
    if (each.name == name) return each.mode;
  }
  return std::nullopt;
}

std::vector<SymbolRules> parse_rules(std::string_view text, const std::string& name) {
  boost::system::error_code failed;
  auto document = json::parse({text.data(), text.size()}, failed);
  if (failed || !document.is_object()) refuse(name, "is not a JSON object");
  auto* symbols = document.get_object().if_contains("symbols");
  if (symbols == nullptr || !symbols->is_array()) refuse(name, "has no array \"symbols\"");
  std::vector<SymbolRules> all;
  for (auto& each : symbols->get_array()) {
    if (!each.is_object()) refuse(name, "a symbol is not an object");
    auto& entry = each.get_object();
    SymbolRules rules;
    rules.symbol = text_of(entry, "symbol", name);
    const auto where = name + ": " + rules.symbol;
    rules.base = text_of(entry, "baseAsset", where);
    rules.quote = text_of(entry, "quoteAsset", where);
    const auto* filters = entry.if_contains("filters");
    if (filters == nullptr || !filters->is_array()) refuse(where, "has no array \"filters\"");
    for (const auto& filter : filters->get_array()) {
      if (!filter.is_object()) refuse(where, "a filter is not an object");
      read_filter(filter.get_object(), rules, where);
    }
    if (!rules.tick.is_positive() || !rules.step.is_positive()) {
      refuse(where, "needs PRICE_FILTER with tickSize and LOT_SIZE with stepSize");
    }
    if (decimals_of(rules.tick.raw()) + decimals_of(rules.step.raw()) > domain::decimal_places) {
      refuse(where, "tickSize x stepSize has more than nine decimals; it cannot be traded here");
    }
    if (const auto* shown = entry.if_contains("allowedSelfTradePreventionModes");
        shown != nullptr && shown->is_array()) {
      for (const auto& mode : shown->get_array()) {
        if (!mode.is_string()) continue;
        if (const auto known = parse_self_trade(std::string{mode.get_string()})) {
          rules.self_trade_modes.push_back(*known);
        }
      }
    }
    if (rules.self_trade_modes.empty()) rules.self_trade_modes = {SelfTrade::none};
    rules.default_self_trade = rules.self_trade_modes.front();
    if (const auto* mode = entry.if_contains("defaultSelfTradePreventionMode");
        mode != nullptr && mode->is_string()) {
      rules.default_self_trade =
          parse_self_trade(std::string{mode->get_string()}).value_or(rules.default_self_trade);
    }
    trim(entry, rules);
    rules.document = json::serialize(entry);
    all.push_back(std::move(rules));
  }
  if (all.empty()) refuse(name, "names no symbol");
  return all;
}

std::vector<SymbolRules> read_rules(const std::filesystem::path& file) {
  std::ifstream input{file, std::ios::binary};
  if (!input) refuse(file.string(), "cannot be opened; give an exchangeInfo document");
  std::ostringstream text;
  text << input.rdbuf();
  return parse_rules(text.str(), file.string());
}

std::vector<SymbolRules> builtin_rules() { return parse_rules(builtin, "built-in rules"); }

void replace_filter(SymbolRules& rules, std::string_view text) {
  boost::system::error_code failed;
  auto filter = json::parse({text.data(), text.size()}, failed);
  if (failed || !filter.is_object()) refuse(rules.symbol, "the filter is not a JSON object");
  const auto type = text_of(filter.get_object(), "filterType", rules.symbol);
  SymbolRules changed = rules;
  read_filter(filter.get_object(), changed, rules.symbol);
  auto entry = json::parse(changed.document).get_object();
  auto& filters = entry.at("filters").get_array();
  const auto same = std::find_if(filters.begin(), filters.end(), [&](const json::value& each) {
    return each.at("filterType").get_string() == type;
  });
  if (same == filters.end()) {
    filters.push_back(std::move(filter));
  } else {
    *same = std::move(filter);
  }
  changed.document = json::serialize(entry);
  rules = std::move(changed);
}

std::optional<std::string_view> failed_filter(const SymbolRules& rules, const OrderRequest& order,
                                              Price reference, const OpenOrders& open) {
  const bool limited = is_limited(order.type);
  const bool buys = order.side == Side::buy;
  const auto is_price = [&](Price price) {
    return price >= rules.min_price &&
           (!rules.max_price.is_positive() || price <= rules.max_price) &&
           domain::is_multiple(price, rules.tick);
  };
  const auto at = [&](Rate rate) { return domain::scaled(reference, rate, domain::decimal_scale); };
  if (order.stop_price.is_positive() && !is_price(order.stop_price)) return "PRICE_FILTER";
  if (limited) {
    if (!is_price(order.price)) return "PRICE_FILTER";
    const Rate up = buys ? rules.bid_up : rules.ask_up;
    const Rate down = buys ? rules.bid_down : rules.ask_down;
    if (reference.is_positive() && up > 0 &&
        (order.price > at(up).value_or(order.price) ||
         order.price < at(down).value_or(order.price))) {
      return rules.percent_filter;
    }
  }
  if (order.trailing_delta > 0) {
    const bool is_stop = order.type == OrderType::stop || order.type == OrderType::stop_limit;
    const bool above = is_stop == buys;
    const auto least = above ? rules.min_trailing_above : rules.min_trailing_below;
    const auto most = above ? rules.max_trailing_above : rules.max_trailing_below;
    if (order.trailing_delta < least || (most > 0 && order.trailing_delta > most)) {
      return "TRAILING_DELTA";
    }
  }
  if (!order.quantity.is_zero()) {
    if (order.quantity < rules.min_quantity ||
        (rules.max_quantity.is_positive() && order.quantity > rules.max_quantity) ||
        !domain::is_multiple(order.quantity, rules.step)) {
      return "LOT_SIZE";
    }
    if (order.type == OrderType::market &&
        (order.quantity < rules.market_min_quantity ||
         (rules.market_max_quantity.is_positive() && order.quantity > rules.market_max_quantity) ||
         !domain::is_multiple(order.quantity, rules.market_step))) {
      return "MARKET_LOT_SIZE";
    }
  }
  if (order.iceberg.is_positive()) {
    if (order.iceberg < rules.min_quantity || !domain::is_multiple(order.iceberg, rules.step)) {
      return "LOT_SIZE";
    }
    const auto parts = (order.quantity.raw() + order.iceberg.raw() - 1) / order.iceberg.raw();
    if (rules.max_iceberg_parts > 0 && parts > rules.max_iceberg_parts) return "ICEBERG_PARTS";
  }
  const Price valued = limited                          ? order.price
                       : order.stop_price.is_positive() ? order.stop_price
                                                        : reference;
  const auto amount = order.quantity.is_zero() ? std::optional{order.quote_quantity}
                                               : domain::notional(valued, order.quantity);
  const bool check_min = limited || rules.min_notional_for_market;
  const bool check_max = limited || rules.max_notional_for_market;
  if ((check_min && amount && *amount < rules.min_notional) ||
      (check_max && rules.max_notional.is_positive() &&
       (!amount || *amount > rules.max_notional))) {
    return rules.notional_filter;
  }
  if (rules.max_orders > 0 && open.all >= rules.max_orders) return "MAX_NUM_ORDERS";
  if (is_conditional(order.type) && rules.max_algo_orders > 0 &&
      open.algo >= rules.max_algo_orders) {
    return "MAX_NUM_ALGO_ORDERS";
  }
  if (order.iceberg.is_positive() && rules.max_iceberg_orders > 0 &&
      open.iceberg >= rules.max_iceberg_orders) {
    return "MAX_NUM_ICEBERG_ORDERS";
  }
  if (buys && rules.max_position.is_positive() &&
      open.position + Money::from_raw(order.quantity.raw()) > rules.max_position) {
    return "MAX_POSITION";
  }
  return std::nullopt;
}

}  // namespace halcyon::simulation
