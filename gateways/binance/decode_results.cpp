#include <algorithm>
#include <array>

#include "domain/client_order_id.h"
#include "gateways/binance/decode.h"
#include "gateways/binance/flat.h"
#include "gateways/binance/json_text.h"
#include "gateways/binance/private.h"

namespace halcyon::gateways::binance {

using domain::Event;
using domain::Reason;

namespace {

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
    list_id,
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
                                    {"expiryReason"},
                                    {"orderListId"}}};
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
  std::int64_t list = no_list;
  if (f[list_id].token != nullptr) {
    HALCYON_WANT(read_signed(f[list_id].token, list), bad_integer(f[list_id].token));
  }
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
  rows.lists.push_back(list);
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

}  // namespace

DecodeError decode_order_ack(std::string_view result, Scratch& scratch,
                             domain::ForeignId& venue_order) {
  venue_order = domain::ForeignId{};
  FlatReader reader{result};
  const char* token = nullptr;
  std::uint64_t number = 0;
  if (reader.literal("{\"symbol\":") && reader.string(token) && reader.literal(",\"orderId\":") &&
      reader.bare(token) && read_unsigned(token, number)) {
    venue_order = domain::ForeignId::number(number);
    return DecodeError::none;
  }
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

DecodeError decode_replace_legs(std::string_view json, Scratch& scratch, ReplaceLegs& legs) {
  using Fate = ReplaceLegs::Fate;
  legs = ReplaceLegs{};
  Impl& impl = scratch.impl();
  const auto read_fate = [](const char* token, Fate& fate) {
    if (token == nullptr) return;
    fate = is_word(token, "SUCCESS")         ? Fate::success
           : is_word(token, "FAILURE")       ? Fate::failure
           : is_word(token, "NOT_ATTEMPTED") ? Fate::not_attempted
                                             : Fate::unknown;
  };
  return each_object(impl, json, [&](ondemand::object& object) {
    std::array<Named, 2> f{{{"cancelResult"}, {"newOrderResult"}}};
    HALCYON_TRY(read_named(object, f, [&](const char* key, ondemand::value& value) {
      const bool is_cancel = is(key, "cancelResponse");
      if ((!is_cancel && !is(key, "newOrderResponse")) || *value.raw_json_token().data() != '{') {
        return DecodeError::none;
      }
      ReplaceLegs::Leg& leg = is_cancel ? legs.cancel : legs.place;
      ondemand::object response;
      HALCYON_TRY_JSON(value.get_object().get(response));
      std::array<Named, 3> fields{{{"orderId"}, {"code"}, {"msg"}}};
      HALCYON_TRY(read_named(response, fields, no_named_containers));
      if (fields[0].token != nullptr) {
        std::uint64_t id = 0;
        HALCYON_WANT(read_unsigned(fields[0].token, id), bad_integer(fields[0].token));
        leg.venue_order = domain::ForeignId::number(id);
      }
      if (fields[1].token != nullptr) {
        ErrorFields error;
        HALCYON_TRY(read_code(fields[1].token, error));
        leg.code = error.code;
      }
      if (fields[2].token != nullptr) {
        HALCYON_WANT(read_text(impl, fields[2].token, leg.message), DecodeError::wrong_type);
      }
      return DecodeError::none;
    }));
    read_fate(f[0].token, legs.cancel.fate);
    read_fate(f[1].token, legs.place.fate);
    return DecodeError::none;
  });
}

DecodeError decode_list_ack(std::string_view result, const Identity& identity, Scratch& scratch,
                            std::array<ListedOrder, domain::OrderList::capacity>& orders) {
  orders = {};
  Impl& impl = scratch.impl();
  std::size_t count = 0;
  return each_object(impl, result, [&](ondemand::object& object) {
    return read_named(object, {}, [&](const char* key, ondemand::value& value) {
      if (!is(key, "orders")) return DecodeError::none;
      ondemand::array rows;
      HALCYON_TRY_JSON(value.get_array().get(rows));
      for (auto item : rows) {
        ondemand::object row;
        HALCYON_TRY_JSON(item.get_object().get(row));
        std::array<Named, 2> f{{{"orderId"}, {"clientOrderId"}}};
        HALCYON_TRY(read_named(row, f, no_named_containers));
        HALCYON_WANT(f[0].token != nullptr && f[1].token != nullptr, DecodeError::missing_field);
        std::uint64_t id = 0;
        std::string_view client_id;
        HALCYON_WANT(read_unsigned(f[0].token, id), bad_integer(f[0].token));
        HALCYON_WANT(read_text(impl, f[1].token, client_id), DecodeError::wrong_type);
        const auto order = domain::parse_client_order_id(identity.prefix, client_id);
        if (!order || count == orders.size()) continue;
        orders[count++] = {*order, domain::ForeignId::number(id)};
      }
      return DecodeError::none;
    });
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

DecodeError decode_asset_limits(std::string_view result, const Symbols& symbols, Scratch& scratch,
                                std::vector<AssetLimit>& limits) {
  Impl& impl = scratch.impl();
  return each_object(impl, result, [&](ondemand::object& root) {
    return read_named(root, {}, [&](const char* key, ondemand::value& value) {
      if (!is(key, "assetFilters")) return DecodeError::none;
      ondemand::array rows;
      HALCYON_TRY_JSON(value.get_array().get(rows));
      for (auto item : rows) {
        ondemand::object row;
        HALCYON_TRY_JSON(item.get_object().get(row));
        std::array<Named, 3> f{{{"filterType"}, {"asset"}, {"limit"}}};
        HALCYON_TRY(read_named(row, f, no_named_containers));
        if (f[0].token == nullptr || !is_word(f[0].token, "MAX_ASSET")) continue;
        HALCYON_WANT(f[1].token != nullptr && f[2].token != nullptr, DecodeError::missing_field);
        std::string_view name;
        AssetLimit limit;
        HALCYON_WANT(read_text(impl, f[1].token, name), DecodeError::wrong_type);
        HALCYON_WANT(read_amount(f[2].token, limit.most), bad_decimal(f[2].token));
        limit.asset = symbols.asset(name);
        if (limit.asset == domain::no<domain::AssetId>) continue;
        const auto known = std::find_if(limits.begin(), limits.end(), [&](const AssetLimit& each) {
          return each.asset == limit.asset;
        });
        if (known == limits.end()) {
          limits.push_back(limit);
        } else {
          known->most = limit.most;
        }
      }
      return DecodeError::none;
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
          HALCYON_TRY(push_balance(context, domain::Source::single_query, fields[0].token,
                                   fields[1].token, fields[2].token,
                                   {rows.unknown_assets, rows.unknown_asset}));
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

}  // namespace halcyon::gateways::binance
