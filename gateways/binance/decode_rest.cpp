#include "gateways/binance/decode.h"
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

}  // namespace

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
