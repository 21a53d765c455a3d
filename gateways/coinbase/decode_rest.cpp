#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <fmt/core.h>

#include "gateways/coinbase/decode.h"
#include "gateways/coinbase/order_fields.h"
#include "gateways/json_text.h"

namespace halcyon::gateways::coinbase {

using domain::Event;

namespace {

/// Reads the object that a body is.
template <class Read>
DecodeError read_root(Scratch& scratch, std::string_view body, Read&& read) {
  HALCYON_WANT(body.size() <= max_body_bytes, DecodeError::too_large);
  Impl& impl = scratch.impl();
  const std::string_view text = padded(impl, body);
  ondemand::document document;
  HALCYON_TRY(open(impl, text, document));
  ondemand::object root;
  HALCYON_TRY_JSON(document.get_object().get(root));
  return read(impl, root);
}

/// Reads a body of rows: `name` is the array's, `row(object)` is called for each, and the paging
/// fields beside it go to `page`. A body without the array is not a list.
template <class Row>
DecodeError read_list(Scratch& scratch, std::string_view body, std::string_view name, Page& page,
                      Row&& row) {
  return read_root(scratch, body, [&](Impl& impl, ondemand::object& root) {
    std::array<Named, 2> paging{{{"cursor"}, {"has_next"}}};
    bool has_rows = false;
    HALCYON_TRY(read_named(root, paging, [&](const char* key, ondemand::value& value) {
      if (std::string_view{key, name.size()} != name || key[name.size()] != '"') {
        return DecodeError::none;
      }
      ondemand::array rows;
      HALCYON_TRY_JSON(value.get_array().get(rows));
      has_rows = true;
      for (auto item : rows) {
        ondemand::object object;
        HALCYON_TRY_JSON(item.get_object().get(object));
        ++page.count;
        HALCYON_TRY(row(impl, object));
      }
      return DecodeError::none;
    }));
    HALCYON_WANT(has_rows, DecodeError::missing_field);
    bool has_next = true;  // fills say it by the cursor alone
    if (paging[1].token != nullptr) {
      HALCYON_WANT(read_flag(paging[1].token, has_next), DecodeError::wrong_type);
    }
    std::string_view cursor;
    if (paging[0].token != nullptr && !is_null(paging[0].token)) {
      HALCYON_WANT(read_text(impl, paging[0].token, cursor), DecodeError::wrong_type);
    }
    // More rows, and no way to ask for them: the list has no end that may be believed.
    HALCYON_WANT(paging[1].token == nullptr || !has_next || !cursor.empty(),
                 DecodeError::missing_field);
    if (has_next) page.cursor = cursor;
    return DecodeError::none;
  });
}

/// On error the answer's rows are taken back.
template <class Decode>
DecodeError decode_page(RestAnswer& answer, Decode&& decode) {
  auto page = std::make_shared<Page>();
  const DecodeError error =
      all_or_nothing({answer.events, answer.remarks}, [&] { return decode(*page); });
  if (error == DecodeError::none) answer.extra = std::move(page);
  return error;
}

Event event_of(const RestContext& context, const RestAnswer& answer,
               domain::InstrumentId instrument) {
  Event event;
  event.received = answer.received;
  event.instrument = instrument;
  event.account = context.identity.account;
  event.venue = context.symbols->venue();
  return event;
}

void remark(RestAnswer& answer, Event& event, std::string_view words) {
  if (words.empty()) return;
  answer.remarks.emplace_back(words.substr(0, domain::Remark::capacity));
  event.remark = static_cast<std::uint32_t>(answer.remarks.size());
}

/// `order_configuration` has one object with the order's own numbers.
struct Configuration {
  const char* base_size = nullptr;
  const char* limit_price = nullptr;
  const char* stop_price = nullptr;
};

DecodeError read_configuration(ondemand::value& value, Configuration& out) {
  ondemand::object outer;
  HALCYON_TRY_JSON(value.get_object().get(outer));
  for (auto item : outer) {
    ondemand::field field;
    HALCYON_TRY_JSON(std::move(item).get(field));
    if (*field.value().raw_json_token().data() != '{') continue;
    ondemand::object inner;
    HALCYON_TRY_JSON(field.value().get_object().get(inner));
    std::array<Named, 4> f{
        {{"base_size"}, {"limit_price"}, {"stop_price"}, {"stop_trigger_price"}}};
    HALCYON_TRY(read_named(inner, f, no_named_containers));
    out.base_size = f[0].token;
    out.limit_price = f[1].token;
    out.stop_price = f[2].token != nullptr ? f[2].token : f[3].token;
  }
  return DecodeError::none;
}

DecodeError read_order_object(Impl& impl, ondemand::object& object, const RestContext& context,
                              domain::Source source, RestAnswer& answer, Page& page) {
  enum : std::size_t {
    order_id,
    product,
    side,
    client_order_id,
    status,
    time_in_force,
    created,
    filled,
    average,
    fills,
    filled_value,
    pending_cancel,
    size_in_quote,
    fees,
    type,
    reject_message,
    cancel_message,
    last_fill,
    field_count
  };
  std::array<Named, field_count> f{{{"order_id"},
                                    {"product_id"},
                                    {"side"},
                                    {"client_order_id"},
                                    {"status"},
                                    {"time_in_force"},
                                    {"created_time"},
                                    {"filled_size"},
                                    {"average_filled_price"},
                                    {"number_of_fills"},
                                    {"filled_value"},
                                    {"pending_cancel"},
                                    {"size_in_quote"},
                                    {"total_fees"},
                                    {"order_type"},
                                    {"reject_message"},
                                    {"cancel_message"},
                                    {"last_fill_time"}}};
  Configuration configuration;
  HALCYON_TRY(read_named(object, f, [&](const char* key, ondemand::value& value) {
    if (!is(key, "order_configuration") || *value.raw_json_token().data() != '{') {
      return DecodeError::none;
    }
    return read_configuration(value, configuration);
  }));
  OrderTokens tokens;
  tokens.order_id = f[order_id].token;
  tokens.client_order_id = f[client_order_id].token;
  tokens.product_id = f[product].token;
  tokens.side = f[side].token;
  tokens.status = f[status].token;
  tokens.type = f[type].token;
  tokens.time_in_force = f[time_in_force].token;
  tokens.filled = f[filled].token;
  tokens.filled_value = f[filled_value].token;
  tokens.average = f[average].token;
  tokens.fees = f[fees].token;
  tokens.fills = f[fills].token;
  tokens.limit_price = configuration.limit_price;
  tokens.stop_price = configuration.stop_price;
  tokens.created = f[created].token;
  tokens.cancel_words = f[cancel_message].token;
  tokens.reject_words = f[reject_message].token;
  OrderRow row;
  const DecodeError error =
      read_order(impl, tokens, *context.symbols, context.identity, row, page.unknown_words);
  if (row.created != domain::Timestamp{} &&
      (page.oldest == domain::Timestamp{} || row.created < page.oldest)) {
    page.oldest = row.created;
  }
  if (error == DecodeError::unknown_symbol) {
    ++page.unknown_products;
    return DecodeError::none;
  }
  HALCYON_TRY(error);
  if (f[size_in_quote].token != nullptr && !is_null(f[size_in_quote].token)) {
    HALCYON_WANT(read_flag(f[size_in_quote].token, row.size_in_quote), DecodeError::wrong_type);
  }
  if (f[pending_cancel].token != nullptr && !is_null(f[pending_cancel].token)) {
    HALCYON_WANT(read_flag(f[pending_cancel].token, row.is_pending_cancel),
                 DecodeError::wrong_type);
  }
  if (configuration.base_size != nullptr) {
    HALCYON_WANT(read_rounded(configuration.base_size, row.quantity),
                 bad_decimal(configuration.base_size));
    row.has_quantity = row.quantity.is_positive();
  }
  domain::OrderReport report;
  if (!report_of(row, source, report)) {
    row.client_id = row.words = {};
    page.unresolved.push_back(row);
    return DecodeError::none;
  }
  Event event = event_of(context, answer, row.instrument);
  event.what = report;
  remark(answer, event, row.order.is_none() ? row.client_id : row.words);
  answer.events.push_back(event);
  return DecodeError::none;
}

DecodeError read_fill(Impl& impl, ondemand::object& object, const RestContext& context,
                      RestAnswer& answer, Page& page) {
  enum : std::size_t {
    trade_id,
    order_id,
    time,
    type,
    price,
    size,
    commission,
    product,
    liquidity,
    size_in_quote,
    side,
    field_count
  };
  std::array<Named, field_count> f{{{"trade_id"},
                                    {"order_id"},
                                    {"trade_time"},
                                    {"trade_type"},
                                    {"price"},
                                    {"size"},
                                    {"commission"},
                                    {"product_id"},
                                    {"liquidity_indicator"},
                                    {"size_in_quote"},
                                    {"side"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  for (const std::size_t needed : {trade_id, order_id, time, price, size, product, side}) {
    HALCYON_WANT(f.at(needed).token != nullptr, DecodeError::missing_field);
  }
  std::string_view text;
  domain::Timestamp at;
  HALCYON_WANT(read_text(impl, f[time].token, text), DecodeError::wrong_type);
  HALCYON_WANT(read_rfc3339(text, at), DecodeError::bad_number);
  if (page.oldest == domain::Timestamp{} || at < page.oldest) page.oldest = at;
  HALCYON_WANT(read_text(impl, f[product].token, text), DecodeError::wrong_type);
  const domain::InstrumentId instrument = context.symbols->instrument(text);
  if (instrument == domain::no<domain::InstrumentId>) {
    ++page.unknown_products;
    return DecodeError::none;
  }
  domain::Execution fill;
  fill.source = domain::Source::trade_record;
  HALCYON_WANT(read_text(impl, f[trade_id].token, text), DecodeError::wrong_type);
  fill.trade = foreign_id(text);
  HALCYON_WANT(read_text(impl, f[order_id].token, text), DecodeError::wrong_type);
  fill.venue_order = foreign_id(text);
  HALCYON_WANT(!fill.trade.is_none() && !fill.venue_order.is_none(), DecodeError::missing_field);
  HALCYON_WANT(read_side(f[side].token, fill.side), DecodeError::bad_word);
  HALCYON_WANT(read_rounded(f[price].token, fill.price) && fill.price.is_positive(),
               bad_decimal(f[price].token));
  bool in_quote = false;
  if (f[size_in_quote].token != nullptr && !is_null(f[size_in_quote].token)) {
    HALCYON_WANT(read_flag(f[size_in_quote].token, in_quote), DecodeError::wrong_type);
  }
  if (in_quote) {
    HALCYON_WANT(read_rounded(f[size].token, fill.quote_amount), bad_decimal(f[size].token));
    const auto quantity = domain::quantity_for(fill.quote_amount, fill.price);
    HALCYON_WANT(quantity.has_value(), DecodeError::bad_number);
    fill.quantity = *quantity;
  } else {
    HALCYON_WANT(read_rounded(f[size].token, fill.quantity), bad_decimal(f[size].token));
    const auto amount = domain::notional(fill.price, fill.quantity);
    HALCYON_WANT(amount.has_value(), DecodeError::bad_number);
    fill.quote_amount = *amount;
  }
  HALCYON_WANT(fill.quantity.is_positive(), DecodeError::bad_number);
  if (f[commission].token != nullptr) {
    HALCYON_WANT(read_rounded(f[commission].token, fill.fee), bad_decimal(f[commission].token));
  }
  if (!fill.fee.is_zero()) fill.fee_asset = context.symbols->quote(instrument);
  if (f[liquidity].token != nullptr) {
    fill.liquidity = is_word(f[liquidity].token, "MAKER")   ? domain::Liquidity::maker
                     : is_word(f[liquidity].token, "TAKER") ? domain::Liquidity::taker
                                                            : domain::Liquidity::unknown;
  }
  Event event = event_of(context, answer, instrument);
  event.venue_time = at;
  const char* const kind = f[type].token;
  if (kind == nullptr || is_word(kind, "FILL") || is_word(kind, "SYNTHETIC")) {
    event.what = fill;
  } else if (is_word(kind, "REVERSAL") || is_word(kind, "CORRECTION")) {
    domain::TradeCorrected corrected;
    corrected.venue_order = fill.venue_order;
    corrected.trade = fill.trade;
    corrected.is_bust = is_word(kind, "REVERSAL");
    corrected.price = fill.price;
    corrected.quantity = fill.quantity;
    corrected.quote_amount = fill.quote_amount;
    corrected.source = domain::Source::trade_record;
    event.what = corrected;
  } else {
    ++page.unknown_words;
    return DecodeError::none;
  }
  answer.events.push_back(event);
  return DecodeError::none;
}

/// `{"value":"1.2","currency":"BTC"}`
DecodeError read_balance_value(ondemand::value& value, domain::Money& out) {
  ondemand::object object;
  HALCYON_TRY_JSON(value.get_object().get(object));
  std::array<Named, 1> f{{{"value"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  HALCYON_WANT(f[0].token != nullptr, DecodeError::missing_field);
  HALCYON_WANT(read_rounded(f[0].token, out), bad_decimal(f[0].token));
  return DecodeError::none;
}

struct Product {
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  domain::InstrumentRules rules;
  bool is_representable = true;
  std::string_view alias;
};

DecodeError read_product(Impl& impl, std::span<const Named> f, const Symbols& symbols,
                         Product& out) {
  enum : std::size_t {
    id,
    base_increment,
    quote_increment,
    quote_min,
    quote_max,
    base_min,
    base_max,
    is_disabled,
    status,
    cancel_only,
    limit_only,
    post_only,
    trading_disabled,
    auction_mode,
    alias,
    view_only,
    price_increment
  };
  std::string_view text;
  HALCYON_WANT(f[id].token != nullptr && f[base_increment].token != nullptr,
               DecodeError::missing_field);
  HALCYON_WANT(read_text(impl, f[id].token, text), DecodeError::wrong_type);
  out.instrument = symbols.instrument(text);
  if (out.instrument == domain::no<domain::InstrumentId>) return DecodeError::none;
  domain::InstrumentRules& rules = out.rules;
  const auto read = [&](std::size_t field, auto& amount) {
    const char* const token = f[field].token;
    if (token == nullptr || is_null(token) || is_word(token, "")) return;
    if (!read_amount(token, amount)) out.is_representable = false;
  };
  // The tick; it can differ from the step of money.
  read(f[price_increment].token != nullptr ? price_increment : quote_increment, rules.tick);
  read(base_increment, rules.lot);
  read(base_min, rules.min_quantity);
  read(base_max, rules.max_quantity);
  read(quote_min, rules.min_notional);
  read(quote_max, rules.max_notional);
  rules.max_notional_for_market = true;
  // A step of zero would switch the rule off, and then anything would pass.
  out.is_representable =
      out.is_representable && rules.tick.is_positive() && rules.lot.is_positive();
  const auto is_set = [&](std::size_t field) {
    bool flag = false;
    return f[field].token != nullptr && read_bool(f[field].token, flag) && flag;
  };
  const char* const word = f[status].token;
  const bool is_online = word == nullptr || is_word(word, "online") || is_word(word, "");
  if (!is_online || is_set(is_disabled) || is_set(trading_disabled) || is_set(view_only)) {
    rules.status = domain::InstrumentStatus::halted;
  } else if (is_set(cancel_only) || is_set(post_only) || is_set(auction_mode)) {
    // Of new orders it takes only kinds that nobody of ours may be sure to send.
    rules.status = domain::InstrumentStatus::cancel_only;
  } else {
    rules.status = domain::InstrumentStatus::trading;
  }
  // No market orders: less than any lot.
  if (is_set(limit_only)) rules.max_market_quantity = domain::Quantity::from_raw(1);
  if (f[alias].token != nullptr && !is_null(f[alias].token)) {
    HALCYON_WANT(read_text(impl, f[alias].token, out.alias), DecodeError::wrong_type);
  }
  return DecodeError::none;
}

void say(RestAnswer& answer, std::string_view words) {
  if (!answer.error.empty()) answer.error += "; ";
  answer.error += words;
}

DecodeError read_product_object(Impl& impl, ondemand::object& object, const RestContext& context,
                                RestAnswer& answer) {
  std::array<Named, 17> f{{{"product_id"},
                           {"base_increment"},
                           {"quote_increment"},
                           {"quote_min_size"},
                           {"quote_max_size"},
                           {"base_min_size"},
                           {"base_max_size"},
                           {"is_disabled"},
                           {"status"},
                           {"cancel_only"},
                           {"limit_only"},
                           {"post_only"},
                           {"trading_disabled"},
                           {"auction_mode"},
                           {"alias"},
                           {"view_only"},
                           {"price_increment"}}};
  HALCYON_TRY(read_named(object, f, no_named_containers));
  Product product;
  const Symbols& symbols = *context.symbols;
  HALCYON_TRY(read_product(impl, f, symbols, product));
  if (product.instrument == domain::no<domain::InstrumentId>) return DecodeError::none;
  const std::string_view name = symbols.name(product.instrument);
  if (!product.is_representable) {
    say(answer, fmt::format("{}: its steps are missing, or finer than nine decimals: it takes no "
                            "orders",
                            name));
    return DecodeError::none;
  }
  const std::string_view book = product.alias.empty() ? name : product.alias;
  if (book != symbols.market_name(symbols.market(product.instrument))) {
    say(answer, fmt::format("{} shares the book of {}, which this version does not know: it takes "
                            "no orders",
                            name, book));
    return DecodeError::none;
  }
  Event event = event_of(context, answer, product.instrument);
  event.account = domain::no<domain::AccountId>;
  event.what = product.rules;
  answer.events.push_back(event);
  return DecodeError::none;
}

std::string text_of(Impl& impl, const Named& field) {
  std::string_view text;
  if (field.token == nullptr || !read_text(impl, field.token, text)) return {};
  return std::string{text};
}

/// Of several places the first that says something: "UNKNOWN_..." says nothing.
void take_reason(std::string& reason, std::string_view candidate) {
  if (candidate.empty() || !(reason.empty() || reason.starts_with("UNKNOWN_"))) return;
  if (!reason.empty() && candidate.starts_with("UNKNOWN_")) return;
  reason = candidate;
}

}  // namespace

DecodeError decode_orders(std::string_view body, const RestContext& context, domain::Source source,
                          Scratch& scratch, RestAnswer& answer) {
  return decode_page(answer, [&](Page& page) {
    // One order stands under `order`, a list under `orders`.
    bool is_one = false;
    const DecodeError one = read_root(scratch, body, [&](Impl& impl, ondemand::object& root) {
      return read_named(root, {}, [&](const char* key, ondemand::value& value) {
        if (!is(key, "order")) return DecodeError::none;
        ondemand::object object;
        HALCYON_TRY_JSON(value.get_object().get(object));
        is_one = true;
        ++page.count;
        return read_order_object(impl, object, context, source, answer, page);
      });
    });
    HALCYON_TRY(one);
    if (is_one) return DecodeError::none;
    return read_list(scratch, body, "orders", page, [&](Impl& impl, ondemand::object& object) {
      return read_order_object(impl, object, context, source, answer, page);
    });
  });
}

DecodeError decode_fills(std::string_view body, const RestContext& context, Scratch& scratch,
                         RestAnswer& answer) {
  return decode_page(answer, [&](Page& page) {
    return read_list(scratch, body, "fills", page, [&](Impl& impl, ondemand::object& object) {
      return read_fill(impl, object, context, answer, page);
    });
  });
}

DecodeError decode_accounts(std::string_view body, const RestContext& context, Scratch& scratch,
                            RestAnswer& answer) {
  return decode_page(answer, [&](Page& page) {
    return read_list(scratch, body, "accounts", page, [&](Impl& impl, ondemand::object& object) {
      domain::Balance balance;
      balance.source = domain::Source::list_query;
      bool has_free = false;
      std::array<Named, 1> f{{{"currency"}}};
      HALCYON_TRY(read_named(object, f, [&](const char* key, ondemand::value& value) {
        if (is(key, "available_balance")) {
          has_free = true;
          return read_balance_value(value, balance.free);
        }
        return is(key, "hold") ? read_balance_value(value, balance.locked) : DecodeError::none;
      }));
      HALCYON_WANT(f[0].token != nullptr && has_free, DecodeError::missing_field);
      std::string_view name;
      HALCYON_WANT(read_text(impl, f[0].token, name), DecodeError::wrong_type);
      balance.asset = context.symbols->asset(name);
      if (balance.asset == domain::no<domain::AssetId>) {
        if (!balance.free.is_zero() || !balance.locked.is_zero()) {
          ++page.unknown_assets;
          page.unknown_asset = name;
        }
        return DecodeError::none;
      }
      // Two wallets of one currency are one balance to us.
      for (Event& event : answer.events) {
        auto* known = std::get_if<domain::Balance>(&event.what);
        if (known == nullptr || known->asset != balance.asset) continue;
        known->free += balance.free;
        known->locked += balance.locked;
        return DecodeError::none;
      }
      Event event = event_of(context, answer, domain::no<domain::InstrumentId>);
      event.what = balance;
      answer.events.push_back(event);
      return DecodeError::none;
    });
  });
}

DecodeError decode_products(std::string_view body, const RestContext& context, Scratch& scratch,
                            RestAnswer& answer) {
  return all_or_nothing({answer.events, answer.remarks}, [&] {
    bool has_list = false;
    HALCYON_TRY(read_root(scratch, body, [&](Impl& impl, ondemand::object& root) {
      return read_named(root, {}, [&](const char* key, ondemand::value& value) {
        if (!is(key, "products")) return DecodeError::none;
        has_list = true;
        ondemand::array rows;
        HALCYON_TRY_JSON(value.get_array().get(rows));
        for (auto item : rows) {
          ondemand::object object;
          HALCYON_TRY_JSON(item.get_object().get(object));
          HALCYON_TRY(read_product_object(impl, object, context, answer));
        }
        return DecodeError::none;
      });
    }));
    if (has_list) return DecodeError::none;
    return read_root(scratch, body, [&](Impl& impl, ondemand::object& root) {
      return read_product_object(impl, root, context, answer);
    });
  });
}

DecodeError decode_time(std::string_view body, Scratch& scratch, RestAnswer& answer) {
  return read_root(scratch, body, [&](Impl&, ondemand::object& root) {
    std::array<Named, 1> f{{{"epochMillis"}}};
    HALCYON_TRY(read_named(root, f, no_named_containers));
    HALCYON_WANT(f[0].token != nullptr, DecodeError::missing_field);
    std::uint64_t time_ms = 0;
    HALCYON_WANT(read_count(f[0].token, time_ms) && time_ms < 9'000'000'000'000,
                 DecodeError::bad_number);
    answer.server_time_ms = static_cast<std::int64_t>(time_ms);
    return DecodeError::none;
  });
}

DecodeError decode_permissions(std::string_view body, Scratch& scratch, RestAnswer& answer) {
  return read_root(scratch, body, [&](Impl&, ondemand::object& root) {
    std::array<Named, 3> f{{{"can_view"}, {"can_trade"}, {"can_transfer"}}};
    HALCYON_TRY(read_named(root, f, no_named_containers));
    for (const Named& field : f) {
      bool flag = false;
      HALCYON_WANT(field.token != nullptr, DecodeError::missing_field);
      HALCYON_WANT(read_flag(field.token, flag), DecodeError::wrong_type);
      answer.numbers.emplace_back(std::string{field.name}, flag ? 1 : 0);
    }
    return DecodeError::none;
  });
}

DecodeError decode_product_book(std::string_view body, const RestContext& context, Scratch& scratch,
                                RestAnswer& answer) {
  return all_or_nothing({answer.events, answer.remarks}, [&] {
    return read_root(scratch, body, [&](Impl& impl, ondemand::object& root) {
      bool has_book = false;
      HALCYON_TRY(read_named(root, {}, [&](const char* key, ondemand::value& value) {
        if (!is(key, "pricebook")) return DecodeError::none;
        has_book = true;
        ondemand::object book;
        HALCYON_TRY_JSON(value.get_object().get(book));
        std::vector<domain::BookLevel> bids;
        std::vector<domain::BookLevel> asks;
        std::array<Named, 2> f{{{"product_id"}, {"time"}}};
        HALCYON_TRY(read_named(book, f, [&](const char* side, ondemand::value& levels) {
          const bool is_bid = is(side, "bids");
          if (!is_bid && !is(side, "asks")) return DecodeError::none;
          ondemand::array rows;
          HALCYON_TRY_JSON(levels.get_array().get(rows));
          for (auto item : rows) {
            ondemand::object object;
            HALCYON_TRY_JSON(item.get_object().get(object));
            std::array<Named, 2> level{{{"price"}, {"size"}}};
            HALCYON_TRY(read_named(object, level, no_named_containers));
            HALCYON_WANT(level[0].token != nullptr && level[1].token != nullptr,
                         DecodeError::missing_field);
            domain::BookLevel made;
            HALCYON_WANT(read_amount(level[0].token, made.price), bad_decimal(level[0].token));
            HALCYON_WANT(read_amount(level[1].token, made.quantity), bad_decimal(level[1].token));
            (is_bid ? bids : asks).push_back(made);
          }
          return DecodeError::none;
        }));
        std::string_view text;
        HALCYON_WANT(f[0].token != nullptr && f[1].token != nullptr, DecodeError::missing_field);
        HALCYON_WANT(read_text(impl, f[0].token, text), DecodeError::wrong_type);
        const domain::InstrumentId instrument = context.symbols->instrument(text);
        HALCYON_WANT(instrument != domain::no<domain::InstrumentId>, DecodeError::unknown_symbol);
        Event head = event_of(context, answer, instrument);
        head.account = domain::no<domain::AccountId>;
        HALCYON_WANT(read_text(impl, f[1].token, text), DecodeError::wrong_type);
        HALCYON_WANT(read_rfc3339(text, head.venue_time), DecodeError::bad_number);
        append_levels(answer.events, head, 0, bids, asks);
        return DecodeError::none;
      }));
      HALCYON_WANT(has_book, DecodeError::missing_field);
      return DecodeError::none;
    });
  });
}

DecodeError decode_recent_trades(std::string_view body, const RestContext& context,
                                 Scratch& scratch, RestAnswer& answer) {
  return all_or_nothing({answer.events, answer.remarks}, [&] {
    const std::size_t start = answer.events.size();
    Page page;
    HALCYON_TRY(read_list(scratch, body, "trades", page, [&](Impl& impl, ondemand::object& object) {
      enum : std::size_t { trade_id, product, price, size, time, side, field_count };
      std::array<Named, field_count> f{
          {{"trade_id"}, {"product_id"}, {"price"}, {"size"}, {"time"}, {"side"}}};
      HALCYON_TRY(read_named(object, f, no_named_containers));
      for (const Named& field : f) {
        HALCYON_WANT(field.token != nullptr, DecodeError::missing_field);
      }
      std::string_view text;
      HALCYON_WANT(read_text(impl, f[product].token, text), DecodeError::wrong_type);
      const domain::InstrumentId instrument = context.symbols->instrument(text);
      HALCYON_WANT(instrument != domain::no<domain::InstrumentId>, DecodeError::unknown_symbol);
      domain::Trade trade;
      HALCYON_WANT(read_count(f[trade_id].token, trade.venue_id), DecodeError::bad_number);
      HALCYON_WANT(read_amount(f[price].token, trade.price), bad_decimal(f[price].token));
      HALCYON_WANT(read_amount(f[size].token, trade.quantity), bad_decimal(f[size].token));
      domain::Side maker{};
      HALCYON_WANT(read_side(f[side].token, maker), DecodeError::bad_word);
      trade.aggressor =
          maker == domain::Side::sell ? domain::Aggressor::buyer : domain::Aggressor::seller;
      Event event = event_of(context, answer, instrument);
      event.account = domain::no<domain::AccountId>;
      HALCYON_WANT(read_text(impl, f[time].token, text), DecodeError::wrong_type);
      HALCYON_WANT(read_rfc3339(text, event.venue_time), DecodeError::bad_number);
      event.what = trade;
      answer.events.push_back(event);
      return DecodeError::none;
    }));
    std::reverse(answer.events.begin() + static_cast<std::ptrdiff_t>(start), answer.events.end());
    return DecodeError::none;
  });
}

DecodeError decode_candles(std::string_view body, Scratch& scratch, std::vector<CandleRow>& rows) {
  Page page;
  const std::size_t start = rows.size();
  const DecodeError error =
      read_list(scratch, body, "candles", page, [&](Impl&, ondemand::object& object) {
        enum : std::size_t { begin, low, high, open_price, close, volume, field_count };
        std::array<Named, field_count> f{
            {{"start"}, {"low"}, {"high"}, {"open"}, {"close"}, {"volume"}}};
        HALCYON_TRY(read_named(object, f, no_named_containers));
        for (const Named& field : f) {
          HALCYON_WANT(field.token != nullptr, DecodeError::missing_field);
        }
        CandleRow candle;
        std::uint64_t seconds = 0;
        HALCYON_WANT(read_count(f[begin].token, seconds) && seconds < 9'000'000'000,
                     DecodeError::bad_number);
        candle.start = domain::Timestamp{std::chrono::seconds{seconds}};
        HALCYON_WANT(read_amount(f[low].token, candle.low), bad_decimal(f[low].token));
        HALCYON_WANT(read_amount(f[high].token, candle.high), bad_decimal(f[high].token));
        HALCYON_WANT(read_amount(f[open_price].token, candle.open),
                     bad_decimal(f[open_price].token));
        HALCYON_WANT(read_amount(f[close].token, candle.close), bad_decimal(f[close].token));
        HALCYON_WANT(read_rounded(f[volume].token, candle.volume), bad_decimal(f[volume].token));
        rows.push_back(candle);
        return DecodeError::none;
      });
  if (error != DecodeError::none) rows.resize(start);
  return error;
}

DecodeError decode_create(std::string_view body, Scratch& scratch, OrderAnswer& answer) {
  answer = {};
  return read_root(scratch, body, [&](Impl& impl, ondemand::object& root) {
    std::array<Named, 3> top{{{"success"}, {"order_id"}, {"failure_reason"}}};
    std::string order_id;
    HALCYON_TRY(read_named(root, top, [&](const char* key, ondemand::value& value) {
      const bool is_success = is(key, "success_response");
      if (!is_success && !is(key, "error_response")) return DecodeError::none;
      if (*value.raw_json_token().data() != '{') return DecodeError::none;
      ondemand::object object;
      HALCYON_TRY_JSON(value.get_object().get(object));
      std::array<Named, 6> f{{{"order_id"},
                              {"error"},
                              {"message"},
                              {"error_details"},
                              {"preview_failure_reason"},
                              {"new_order_failure_reason"}}};
      HALCYON_TRY(read_named(object, f, no_named_containers));
      if (is_success) {
        order_id = text_of(impl, f[0]);
        return DecodeError::none;
      }
      // The telling code can be in any of the three.
      take_reason(answer.reason, text_of(impl, f[5]));
      take_reason(answer.reason, text_of(impl, f[4]));
      take_reason(answer.reason, text_of(impl, f[1]));
      answer.words = text_of(impl, f[3]);
      if (answer.words.empty()) answer.words = text_of(impl, f[2]);
      return DecodeError::none;
    }));
    HALCYON_WANT(top[0].token != nullptr, DecodeError::missing_field);
    HALCYON_WANT(read_flag(top[0].token, answer.success), DecodeError::wrong_type);
    if (order_id.empty()) order_id = text_of(impl, top[1]);
    answer.venue_order = foreign_id(order_id);
    take_reason(answer.reason, text_of(impl, top[2]));
    return DecodeError::none;
  });
}

DecodeError decode_edit(std::string_view body, Scratch& scratch, OrderAnswer& answer) {
  answer = {};
  return read_root(scratch, body, [&](Impl& impl, ondemand::object& root) {
    std::array<Named, 1> top{{{"success"}}};
    HALCYON_TRY(read_named(root, top, [&](const char* key, ondemand::value& value) {
      if (!is(key, "errors") || *value.raw_json_token().data() != '[') return DecodeError::none;
      ondemand::array rows;
      HALCYON_TRY_JSON(value.get_array().get(rows));
      for (auto item : rows) {
        ondemand::object object;
        HALCYON_TRY_JSON(item.get_object().get(object));
        std::array<Named, 2> f{{{"edit_failure_reason"}, {"preview_failure_reason"}}};
        HALCYON_TRY(read_named(object, f, no_named_containers));
        take_reason(answer.reason, text_of(impl, f[0]));
        take_reason(answer.reason, text_of(impl, f[1]));
      }
      return DecodeError::none;
    }));
    HALCYON_WANT(top[0].token != nullptr, DecodeError::missing_field);
    HALCYON_WANT(read_flag(top[0].token, answer.success), DecodeError::wrong_type);
    return DecodeError::none;
  });
}

DecodeError decode_cancel(std::string_view body, Scratch& scratch,
                          std::vector<OrderAnswer>& answers) {
  answers.clear();
  Page page;
  return read_list(scratch, body, "results", page, [&](Impl& impl, ondemand::object& object) {
    std::array<Named, 3> f{{{"success"}, {"failure_reason"}, {"order_id"}}};
    HALCYON_TRY(read_named(object, f, no_named_containers));
    HALCYON_WANT(f[0].token != nullptr, DecodeError::missing_field);
    OrderAnswer answer;
    HALCYON_WANT(read_flag(f[0].token, answer.success), DecodeError::wrong_type);
    // A success bears UNKNOWN_CANCEL_FAILURE_REASON.
    if (!answer.success) answer.reason = text_of(impl, f[1]);
    answer.venue_order = foreign_id(text_of(impl, f[2]));
    answers.push_back(std::move(answer));
    return DecodeError::none;
  });
}

DecodeError decode_preview(std::string_view body, Scratch& scratch, PreviewAnswer& answer) {
  answer = {};
  return read_root(scratch, body, [&](Impl& impl, ondemand::object& root) {
    std::array<Named, 4> f{{{"order_total"}, {"commission_total"}, {"base_size"}, {"preview_id"}}};
    HALCYON_TRY(read_named(root, f, [&](const char* key, ondemand::value& value) {
      if (!is(key, "errs")) return DecodeError::none;
      ondemand::array rows;
      HALCYON_TRY_JSON(value.get_array().get(rows));
      for (auto item : rows) {
        std::string_view text;
        HALCYON_TRY_JSON(item.get_string().get(text));
        answer.errors.emplace_back(text);
      }
      return DecodeError::none;
    }));
    HALCYON_WANT(f[0].token != nullptr && f[1].token != nullptr, DecodeError::missing_field);
    HALCYON_WANT(read_rounded(f[0].token, answer.total), bad_decimal(f[0].token));
    HALCYON_WANT(read_rounded(f[1].token, answer.commission), bad_decimal(f[1].token));
    if (f[2].token != nullptr) {
      HALCYON_WANT(read_rounded(f[2].token, answer.quantity), bad_decimal(f[2].token));
    }
    answer.preview_id = text_of(impl, f[3]);
    return DecodeError::none;
  });
}

void decode_error(std::string_view body, Scratch& scratch, ErrorAnswer& answer) {
  answer = {};
  const DecodeError error = read_root(scratch, body, [&](Impl& impl, ondemand::object& root) {
    std::array<Named, 3> f{{{"error"}, {"message"}, {"error_details"}}};
    HALCYON_TRY(read_named(root, f, [&](const char* key, ondemand::value& value) {
      // {"errors":[{"id":..,"message":..}]} of the Coinbase App.
      if (!is(key, "errors") || *value.raw_json_token().data() != '[') return DecodeError::none;
      ondemand::array rows;
      HALCYON_TRY_JSON(value.get_array().get(rows));
      for (auto item : rows) {
        ondemand::object object;
        HALCYON_TRY_JSON(item.get_object().get(object));
        std::array<Named, 2> inner{{{"id"}, {"message"}}};
        HALCYON_TRY(read_named(object, inner, no_named_containers));
        if (answer.code.empty()) answer.code = text_of(impl, inner[0]);
        if (answer.words.empty()) answer.words = text_of(impl, inner[1]);
      }
      return DecodeError::none;
    }));
    if (answer.code.empty()) answer.code = text_of(impl, f[0]);
    if (answer.words.empty()) answer.words = text_of(impl, f[1]);
    if (answer.words.empty()) answer.words = text_of(impl, f[2]);
    return DecodeError::none;
  });
  if (error == DecodeError::none) return;
  // Bodies can be plain text.
  answer = {};
  for (const char character : body.substr(0, 120)) {
    answer.words += static_cast<unsigned char>(character) < ' ' ? ' ' : character;
  }
}

}  // namespace halcyon::gateways::coinbase
