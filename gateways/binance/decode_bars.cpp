#include <array>
#include <cstddef>

#include "gateways/binance/decode.h"
#include "gateways/binance/json_text.h"

namespace halcyon::gateways::binance {

DecodeError decode_klines(std::string_view body, const Symbols& symbols, Scratch& scratch,
                          RestAnswer& answer) {
  if (body.size() > max_body_bytes) return DecodeError::too_large;
  Impl& impl = scratch.impl();
  ondemand::document document;
  HALCYON_TRY(open(impl, padded(impl, body), document));
  ondemand::array rows;
  HALCYON_TRY_JSON(document.get_array().get(rows));
  for (auto item : rows) {
    ondemand::array row;
    HALCYON_TRY_JSON(item.get_array().get(row));
    // Open time, open, high, low, close, volume, close time, quote volume, trades; the rest is not
    // needed.
    std::array<const char*, 9> token{};
    std::size_t count = 0;
    for (auto element : row) {
      ondemand::value value;
      HALCYON_TRY_JSON(std::move(element).get(value));
      if (count < token.size()) token[count] = value.raw_json_token().data();
      ++count;
    }
    HALCYON_WANT(count >= token.size(), DecodeError::missing_field);
    domain::Bar bar;
    std::uint64_t trades = 0;
    HALCYON_WANT(read_time(token[0], bar.open_time), bad_integer(token[0]));
    HALCYON_WANT(read_amount(token[1], bar.open), bad_decimal(token[1]));
    HALCYON_WANT(read_amount(token[2], bar.high), bad_decimal(token[2]));
    HALCYON_WANT(read_amount(token[3], bar.low), bad_decimal(token[3]));
    HALCYON_WANT(read_amount(token[4], bar.close), bad_decimal(token[4]));
    HALCYON_WANT(read_amount(token[5], bar.volume), bad_decimal(token[5]));
    HALCYON_WANT(read_time(token[6], bar.close_time), bad_integer(token[6]));
    HALCYON_WANT(read_unsigned(token[8], trades), bad_integer(token[8]));
    bar.close_time += std::chrono::milliseconds{1};  // theirs is the last one inside
    bar.trades = static_cast<std::uint32_t>(std::min<std::uint64_t>(trades, UINT32_MAX));
    bar.is_history = true;
    domain::Event event;
    event.venue = symbols.venue();
    event.venue_time = bar.close_time;
    event.what = bar;
    answer.events.push_back(event);
  }
  HALCYON_WANT(is_at_end(document), DecodeError::not_json);
  return DecodeError::none;
}

}  // namespace halcyon::gateways::binance
