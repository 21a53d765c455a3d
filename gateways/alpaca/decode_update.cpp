#include <array>
#include <utility>

#include "domain/enum_name.h"
#include "gateways/alpaca/json_frame.h"
#include "gateways/alpaca/order_fields.h"

namespace halcyon::gateways::alpaca {

namespace {

/// What every reader of one frame needs.
struct Reading {
  Impl& impl;
  const Symbols& symbols;
  const Identity& identity;
  Update& update;
};

DecodeError read_authorization(const Reading& reading, ondemand::object& data) {
  std::array<Named, 1> f{{{"status"}}};
  HALCYON_TRY(read_named(data, f, no_named_containers));
  HALCYON_WANT(f[0].token != nullptr, DecodeError::missing_field);
  reading.update.is_authorized = is_word(f[0].token, "authorized");
  return DecodeError::none;
}

DecodeError read_listening(const Reading& reading, ondemand::object& data) {
  bool has_streams = false;
  std::array<Named, 1> f{{{"streams"}}};
  const DecodeError error =
      read_named(data, f, [&](const char* key, ondemand::value& value) -> DecodeError {
        if (!is(key, "streams")) return DecodeError::none;
        has_streams = true;
        ondemand::array streams;
        HALCYON_TRY_JSON(value.get_array().get(streams));
        for (auto item : streams) {
          std::string_view token;
          HALCYON_TRY_JSON(item.raw_json_token().get(token));
          if (is_word(token.data(), "trade_updates")) reading.update.hears_updates = true;
        }
        return DecodeError::none;
      });
  HALCYON_TRY(error);
  // null: an empty set.
  HALCYON_WANT(has_streams || f[0].token != nullptr, DecodeError::missing_field);
  return DecodeError::none;
}

UpdateWord event_word(std::string_view text) {
  if (text == "new") return UpdateWord::new_order;
  const auto word = domain::enum_parse<UpdateWord>(text);
  // Two of our own words that the venue does not say.
  if (!word || *word == UpdateWord::none || *word == UpdateWord::new_order) {
    return UpdateWord::unknown;
  }
  return *word;
}

DecodeError read_trade_update(const Reading& reading, ondemand::object& data) {
  enum : std::size_t {
    event,
    execution_id,
    previous_execution_id,
    timestamp,
    price,
    qty,
    position_qty,
    field_count
  };
  std::array<Named, field_count> f{{{"event"},
                                    {"execution_id"},
                                    {"previous_execution_id"},
                                    {"timestamp"},
                                    {"price"},
                                    {"qty"},
                                    {"position_qty"}}};
  Update& update = reading.update;
  Impl& impl = reading.impl;
  bool has_order = false;
  HALCYON_TRY(read_named(data, f, [&](const char* key, ondemand::value& value) -> DecodeError {
    // `legs` beside it are executions of options.
    if (!is(key, "order")) return DecodeError::none;
    has_order = true;
    ondemand::object order;
    HALCYON_TRY_JSON(value.get_object().get(order));
    return read_order(impl, order, reading.symbols, reading.identity, update.order, update.legs);
  }));
  HALCYON_WANT(f[event].token != nullptr && has_order, DecodeError::missing_field);
  std::string_view text;
  HALCYON_TRY(read_words(impl, f[event].token, text));
  update.event = event_word(text);
  if (update.event == UpdateWord::unknown) update.words = text;
  HALCYON_TRY(read_foreign_id(impl, f[execution_id].token, update.execution));
  HALCYON_TRY(read_foreign_id(impl, f[previous_execution_id].token, update.previous_execution));
  HALCYON_TRY(read_optional_time(impl, f[timestamp].token, update.at));
  if (f[price].token != nullptr) {
    HALCYON_TRY(read_optional(f[price].token, Tail::round, update.price));
  }
  if (f[qty].token != nullptr) {
    HALCYON_WANT(read_any(f[qty].token, Tail::refuse, update.quantity), bad_decimal(f[qty].token));
    // That of a bust can be negative; what it means, the event says.
    if (update.quantity.is_negative()) {
      update.quantity = domain::Quantity::from_raw(-update.quantity.raw());
    }
  }
  if (f[position_qty].token != nullptr && !is_null(f[position_qty].token)) {
    HALCYON_WANT(read_any(f[position_qty].token, Tail::refuse, update.position),
                 bad_decimal(f[position_qty].token));
    update.has_position = true;
  }
  const bool is_fill = update.event == UpdateWord::fill || update.event == UpdateWord::partial_fill;
  update.has_execution = is_fill && update.price.is_positive() && update.quantity.is_positive();
  return DecodeError::none;
}

DecodeError read_error(const Reading& reading, ondemand::object& data) {
  std::array<Named, 1> f{{{"error_message"}}};
  HALCYON_TRY(read_named(data, f, no_named_containers));
  return read_words(reading.impl, f[0].token, reading.update.words);
}

DecodeError read_frame(const Reading& reading, const Frame& frame) {
  Update& update = reading.update;
  std::string_view text;
  HALCYON_TRY(json_of(frame, reading.impl, text));
  ondemand::document document;
  HALCYON_TRY(open(reading.impl, text, document));
  ondemand::object root;
  HALCYON_TRY_JSON(document.get_object().get(root));
  // What `data` means depends on these, and keys come in any order.
  std::array<Named, 2> f{{{"stream"}, {"action"}}};
  HALCYON_TRY(read_named(root, f, no_named_containers));
  HALCYON_WANT(is_at_end(document), DecodeError::not_json);
  const auto says = [](const Named& field, const auto& word) {
    return field.token != nullptr && is_word(field.token, word);
  };
  if (says(f[0], "authorization")) {
    update.kind = UpdateKind::authorization;
  } else if (says(f[0], "listening")) {
    update.kind = UpdateKind::listening;
  } else if (says(f[0], "trade_updates")) {
    update.kind = UpdateKind::trade_update;
  } else if (f[0].token == nullptr && says(f[1], "error")) {
    update.kind = UpdateKind::error;
  } else {
    update.kind = UpdateKind::unknown;
    return read_words(reading.impl, f[0].token, update.words);
  }
  HALCYON_TRY_JSON(root.reset().error());
  ondemand::object data;
  const auto error = root.find_field_unordered("data").get_object().get(data);
  HALCYON_WANT(error != simdjson::NO_SUCH_FIELD, DecodeError::missing_field);
  HALCYON_TRY_JSON(error);
  switch (update.kind) {
    case UpdateKind::authorization:
      return read_authorization(reading, data);
    case UpdateKind::listening:
      return read_listening(reading, data);
    case UpdateKind::trade_update:
      return read_trade_update(reading, data);
    default:
      return read_error(reading, data);
  }
}

}  // namespace

void Update::clear() {
  // The legs keep their memory.
  std::vector<OrderRow> kept = std::move(legs);
  kept.clear();
  *this = Update{};
  legs = std::move(kept);
}

DecodeError decode_update(const Frame& frame, const Symbols& symbols, const Identity& identity,
                          Scratch& scratch, Update& update) {
  update.clear();
  const DecodeError error = read_frame({scratch.impl(), symbols, identity, update}, frame);
  if (error != DecodeError::none) [[unlikely]] {
    update.clear();
  }
  return error;
}

bool execution_of(const Update& update, domain::Execution& out) {
  out = {};
  if (!update.has_execution || update.execution.is_none() ||
      update.order.instrument == domain::no<domain::InstrumentId>) {
    return false;
  }
  const auto value = domain::notional(update.price, update.quantity);
  if (!value) return false;
  out.order = update.order.order;
  out.venue_order = update.order.venue_order;
  out.trade = update.execution;
  out.price = update.price;
  out.quantity = update.quantity;
  out.quote_amount = *value;
  out.cumulative = update.order.filled;
  out.side = update.order.side;
  return true;
}

bool correction_of(const Update& update, domain::TradeCorrected& out) {
  out = {};
  const bool is_bust = update.event == UpdateWord::trade_bust;
  if (!is_bust && update.event != UpdateWord::trade_correct) return false;
  if (update.previous_execution.is_none() ||
      update.order.instrument == domain::no<domain::InstrumentId>) {
    return false;
  }
  out.order = update.order.order;
  out.venue_order = update.order.venue_order;
  out.trade = update.previous_execution;
  out.is_bust = is_bust;
  if (is_bust) return true;
  const auto value = domain::notional(update.price, update.quantity);
  if (!value || !update.price.is_positive() || !update.quantity.is_positive()) return false;
  out.price = update.price;
  out.quantity = update.quantity;
  out.quote_amount = *value;
  return true;
}

}  // namespace halcyon::gateways::alpaca
