#include <algorithm>
#include <array>
#include <memory>

#include "gateways/binance/decode.h"
#include "gateways/binance/filters.h"
#include "gateways/binance/json_text.h"
#include "gateways/binance/levels.h"

namespace halcyon::gateways::binance {

using domain::Event;

namespace {

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

// ---- What is not in InstrumentRules -------------------------------------------------------------

void read_count(const Named& field, std::uint32_t& out) {
  std::uint64_t value = 0;
  if (field.token == nullptr || !read_unsigned(field.token, value)) return;
  out = static_cast<std::uint32_t>(std::min<std::uint64_t>(value, UINT32_MAX));
}

void read_bps(const Named& field, std::int32_t& out) {
  std::uint64_t value = 0;
  if (field.token == nullptr || !read_unsigned(field.token, value)) return;
  out = static_cast<std::int32_t>(std::min<std::uint64_t>(value, INT32_MAX));
}

/// A multiplier: text such as "1.2". One that cannot be read binds nobody.
void read_rate(const Named& field, std::int64_t& out) {
  domain::Price rate;
  if (field.token != nullptr && read_amount(field.token, rate)) out = rate.raw();
}

DecodeError read_symbol_filter(ondemand::object& object, SymbolFilters& filters,
                               FilterTable& table) {
  enum : std::size_t {
    type,
    up,
    down,
    bid_up,
    bid_down,
    ask_up,
    ask_down,
    min_quantity,
    step,
    max_position,
    max_orders,
    max_algo,
    max_lists,
    max_amends,
    min_above,
    max_above,
    min_below,
    max_below,
    field_count
  };
  std::array<Named, field_count> f{{{"filterType"},
                                    {"multiplierUp"},
                                    {"multiplierDown"},
                                    {"bidMultiplierUp"},
                                    {"bidMultiplierDown"},
                                    {"askMultiplierUp"},
                                    {"askMultiplierDown"},
                                    {"minQty"},
                                    {"stepSize"},
                                    {"maxPosition"},
                                    {"maxNumOrders"},
                                    {"maxNumAlgoOrders"},
                                    {"maxNumOrderLists"},
                                    {"maxNumOrderAmends"},
                                    {"minTrailingAboveDelta"},
                                    {"maxTrailingAboveDelta"},
                                    {"minTrailingBelowDelta"},
                                    {"maxTrailingBelowDelta"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  HALCYON_WANT(f[type].token != nullptr, DecodeError::missing_field);
  const char* name = f[type].token;
  if (is_word(name, "PERCENT_PRICE")) {
    read_rate(f[up], filters.bid_up);
    read_rate(f[down], filters.bid_down);
    filters.ask_up = filters.bid_up;
    filters.ask_down = filters.bid_down;
  } else if (is_word(name, "PERCENT_PRICE_BY_SIDE")) {
    read_rate(f[bid_up], filters.bid_up);
    read_rate(f[bid_down], filters.bid_down);
    read_rate(f[ask_up], filters.ask_up);
    read_rate(f[ask_down], filters.ask_down);
  } else if (is_word(name, "MARKET_LOT_SIZE")) {
    if (f[min_quantity].token != nullptr) {
      static_cast<void>(read_amount(f[min_quantity].token, filters.market_min));
    }
    if (f[step].token != nullptr) {
      static_cast<void>(read_amount(f[step].token, filters.market_step));
    }
  } else if (is_word(name, "MAX_POSITION")) {
    if (f[max_position].token != nullptr) {
      static_cast<void>(read_amount(f[max_position].token, filters.max_position));
    }
  } else if (is_word(name, "MAX_NUM_ORDERS")) {
    read_count(f[max_orders], filters.max_orders);
  } else if (is_word(name, "MAX_NUM_ALGO_ORDERS")) {
    read_count(f[max_algo], filters.max_algo_orders);
  } else if (is_word(name, "MAX_NUM_ORDER_LISTS")) {
    read_count(f[max_lists], filters.max_lists);
  } else if (is_word(name, "MAX_NUM_ORDER_AMENDS")) {
    read_count(f[max_amends], filters.max_amends);
  } else if (is_word(name, "TRAILING_DELTA")) {
    read_bps(f[min_above], filters.min_trailing_above);
    read_bps(f[max_above], filters.max_trailing_above);
    read_bps(f[min_below], filters.min_trailing_below);
    read_bps(f[max_below], filters.max_trailing_below);
  } else if (is_word(name, "EXCHANGE_MAX_NUM_ORDERS")) {
    read_count(f[max_orders], table.max_orders);
  } else if (is_word(name, "EXCHANGE_MAX_NUM_ALGO_ORDERS")) {
    read_count(f[max_algo], table.max_algo_orders);
  } else if (is_word(name, "EXCHANGE_MAX_NUM_ORDER_LISTS")) {
    read_count(f[max_lists], table.max_lists);
  }
  return DecodeError::none;
}

DecodeError read_symbol_filters(ondemand::value& value, SymbolFilters& filters,
                                FilterTable& table) {
  ondemand::array list;
  HALCYON_TRY_JSON(value.get_array().get(list));
  for (auto filter : list) {
    ondemand::object fields;
    HALCYON_TRY_JSON(filter.get_object().get(fields));
    HALCYON_TRY(read_symbol_filter(fields, filters, table));
  }
  return DecodeError::none;
}

/// Calls `word(token)` for each string of an array.
template <class Word>
DecodeError each_word(ondemand::value& value, Word&& word) {
  ondemand::array list;
  HALCYON_TRY_JSON(value.get_array().get(list));
  for (auto item : list) {
    ondemand::value text;
    HALCYON_TRY_JSON(std::move(item).get(text));
    word(text.raw_json_token().data());
  }
  return DecodeError::none;
}

void take_type(const char* token, SymbolFilters& filters) {
  using domain::OrderType;
  const auto set = [&](OrderType type) { filters.types[static_cast<std::size_t>(type)] = true; };
  if (is_word(token, "LIMIT")) set(OrderType::limit);
  if (is_word(token, "LIMIT_MAKER")) filters.takes_maker_only = true;
  if (is_word(token, "MARKET")) set(OrderType::market);
  if (is_word(token, "STOP_LOSS")) set(OrderType::stop);
  if (is_word(token, "STOP_LOSS_LIMIT")) set(OrderType::stop_limit);
  if (is_word(token, "TAKE_PROFIT")) set(OrderType::take_profit);
  if (is_word(token, "TAKE_PROFIT_LIMIT")) set(OrderType::take_profit_limit);
}

void take_mode(const char* token, SymbolFilters& filters) {
  using domain::SelfTradeMode;
  const auto set = [&](SelfTradeMode mode) {
    filters.self_trade[static_cast<std::size_t>(mode)] = true;
  };
  if (is_word(token, "NONE")) set(SelfTradeMode::none);
  if (is_word(token, "EXPIRE_TAKER")) set(SelfTradeMode::expire_taker);
  if (is_word(token, "EXPIRE_MAKER")) set(SelfTradeMode::expire_maker);
  if (is_word(token, "EXPIRE_BOTH")) set(SelfTradeMode::expire_both);
  if (is_word(token, "DECREMENT")) set(SelfTradeMode::decrement);
}

DecodeError read_symbol_demands(Impl& impl, ondemand::object& object, const Symbols& symbols,
                                FilterTable& table) {
  enum : std::size_t { symbol, oco, oto, trailing, cancel_replace, amend, field_count };
  std::array<Named, field_count> f{{{"symbol"},
                                    {"ocoAllowed"},
                                    {"otoAllowed"},
                                    {"allowTrailingStop"},
                                    {"cancelReplaceAllowed"},
                                    {"amendAllowed"}}};
  SymbolFilters filters;
  HALCYON_TRY(read_named(object, f, [&](const char* key, ondemand::value& value) {
    if (is(key, "filters")) return read_symbol_filters(value, filters, table);
    if (is(key, "orderTypes")) {
      filters.types.fill(false);
      filters.takes_maker_only = false;
      return each_word(value, [&](const char* token) { take_type(token, filters); });
    }
    if (is(key, "allowedSelfTradePreventionModes")) {
      filters.self_trade.fill(false);
      filters.self_trade[0] = true;  // the symbol's own
      return each_word(value, [&](const char* token) { take_mode(token, filters); });
    }
    return DecodeError::none;
  }));
  HALCYON_WANT(f[symbol].token != nullptr, DecodeError::missing_field);
  std::string_view name;
  HALCYON_WANT(read_text(impl, f[symbol].token, name), DecodeError::wrong_type);
  const auto instrument = symbols.instrument(name);
  if (instrument == domain::no<domain::InstrumentId>) return DecodeError::none;
  const auto read_flag = [](const Named& field, bool& out) {
    return field.token == nullptr || read_bool(field.token, out);
  };
  HALCYON_WANT(read_flag(f[oco], filters.takes_oco) && read_flag(f[oto], filters.takes_oto) &&
                   read_flag(f[trailing], filters.trails) &&
                   read_flag(f[cancel_replace], filters.cancel_replaces) &&
                   read_flag(f[amend], filters.amends),
               DecodeError::wrong_type);
  filters.is_known = true;
  table.symbols.at(domain::index_of(instrument)) = filters;
  return DecodeError::none;
}

}  // namespace

DecodeError decode_filters(std::string_view body, const Symbols& symbols, Scratch& scratch,
                           RestAnswer& answer) {
  if (body.size() > max_body_bytes) return DecodeError::too_large;
  Impl& impl = scratch.impl();
  auto table = std::make_shared<FilterTable>();
  table->symbols.resize(symbols.table_size());
  bool has_symbols = false;
  HALCYON_TRY(each_object(impl, padded(impl, body), [&](ondemand::object& root) {
    return read_named(root, {}, [&](const char* key, ondemand::value& value) {
      if (is(key, "exchangeFilters")) {
        SymbolFilters nobody;
        return read_symbol_filters(value, nobody, *table);
      }
      if (!is(key, "symbols")) return DecodeError::none;
      has_symbols = true;
      ondemand::array rows;
      HALCYON_TRY_JSON(value.get_array().get(rows));
      for (auto item : rows) {
        ondemand::object object;
        HALCYON_TRY_JSON(item.get_object().get(object));
        HALCYON_TRY(read_symbol_demands(impl, object, symbols, *table));
      }
      return DecodeError::none;
    });
  }));
  HALCYON_WANT(has_symbols, DecodeError::missing_field);
  answer.extra = std::move(table);
  return DecodeError::none;
}

DecodeError decode_average_price(std::string_view body, Scratch& scratch, RestAnswer& answer) {
  if (body.size() > max_body_bytes) return DecodeError::too_large;
  Impl& impl = scratch.impl();
  return each_object(impl, padded(impl, body), [&](ondemand::object& object) {
    std::array<Named, 1> f{{{"price"}}};
    HALCYON_TRY(read_named(object, f, no_named_containers));
    HALCYON_WANT(f[0].token != nullptr, DecodeError::missing_field);
    domain::Price price;
    HALCYON_WANT(read_amount(f[0].token, price), bad_decimal(f[0].token));
    answer.numbers.emplace_back("price", price.raw());
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

}  // namespace halcyon::gateways::binance
