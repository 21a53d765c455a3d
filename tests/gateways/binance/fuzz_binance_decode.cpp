// Whatever a venue, or somebody in its place, sends: no decoder ends the process, reads beyond the
// frame's padding, or leaves a part of a message behind. The first byte chooses the decoder.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "domain/catalog.h"
#include "gateways/binance/decode.h"
#include "gateways/binance/symbols.h"

namespace {

using namespace halcyon;
using namespace halcyon::gateways;
using namespace halcyon::gateways::binance;

const Symbols& symbols() {
  static const Symbols made = [] {
    domain::Catalog catalog;
    const auto venue = catalog.venue("binance");
    catalog.asset("BNB", domain::AssetClass::crypto);
    for (const char* name : {"BTC/USDT", "BNB/USDT", "ETH/BTC", "BNB/BTC"}) {
      catalog.instrument(venue, name);
    }
    return Symbols{catalog, venue};
  }();
  return made;
}

void require(bool condition) {
  if (!condition) std::abort();
}

/// The same text behind a blank; valid until the next call.
Frame with_blank(const Frame& frame) {
  static std::string text;
  text.assign(" ");
  text.append(frame.text());
  const std::size_t size = text.size();
  text.append(Frame::padding, '0');
  return {text.data(), size, true, frame.received};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0] % 8;
  ++data;
  --size;
  // Behind the frame stands what may stand there in a receive buffer: the same text again.
  const std::unique_ptr<char[]> memory{new char[size + Frame::padding]};
  std::memcpy(memory.get(), data, size);
  for (std::size_t at = 0; at < Frame::padding; ++at) {
    memory[size + at] = size == 0 ? '0' : static_cast<char>(data[at % size]);
  }
  const Frame frame{memory.get(), size, true, domain::from_unix_ms(1)};
  const Identity identity{domain::AccountId{0}, "alpha-main-"};
  static Scratch scratch;
  std::vector<domain::Event> events(1);
  std::vector<std::string> remarks(1);
  const Output output{events, remarks};
  DecodeError error = DecodeError::none;
  switch (choice) {
    case 0: {
      MarketMessage message;
      error = decode_market(frame, symbols(), scratch, events, message);
      // A blank in front keeps the frame from the quick way; the parser must agree with it.
      const Frame other = with_blank(frame);
      std::vector<domain::Event> again(1);
      MarketMessage same;
      require(decode_market(other, symbols(), scratch, again, same) == error);
      require(again.size() == events.size() && same.kind == message.kind &&
              same.trade_id == message.trade_id && same.last_update_id == message.last_update_id);
      break;
    }
    case 1: {
      OrderMessage message;
      error = decode_order_frame(frame, symbols(), identity, scratch, output, message);
      if (message.kind == OrderFrameKind::response && error == DecodeError::none) {
        domain::ForeignId id;
        static_cast<void>(decode_order_ack(message.response.result, scratch, id));
        ReplaceLegs legs;
        if (!message.response.error_data.empty()) {
          static_cast<void>(decode_replace_legs(message.response.error_data, scratch, legs));
        }
        std::array<ListedOrder, domain::OrderList::capacity> orders;
        static_cast<void>(decode_list_ack(message.response.result, identity, scratch, orders));
      }
      const Frame other = with_blank(frame);
      std::vector<domain::Event> again(1);
      std::vector<std::string> words(1);
      OrderMessage same;
      require(decode_order_frame(other, symbols(), identity, scratch, {again, words}, same) ==
              error);
      require(again.size() == events.size() && words == remarks && same.kind == message.kind &&
              same.response.id == message.response.id);
      break;
    }
    case 2: {
      Rows rows;
      error = decode_orders(frame.text(), symbols(), identity, domain::Source::list_query,
                            frame.received, scratch, output, rows);
      break;
    }
    case 3: {
      Rows rows;
      error =
          decode_fills(frame.text(), symbols(), identity, frame.received, scratch, output, rows);
      break;
    }
    case 4: {
      Rows rows;
      error =
          decode_balances(frame.text(), symbols(), identity, frame.received, scratch, output, rows);
      break;
    }
    case 5: {
      RestAnswer answer;
      if (decode_depth_snapshot(frame.text(), symbols(), domain::InstrumentId{0}, scratch,
                                answer) != DecodeError::none) {
        require(answer.events.empty());
      }
      return 0;
    }
    case 6: {
      RestAnswer answer;
      if (decode_exchange_info(frame.text(), symbols(), scratch, answer) != DecodeError::none) {
        require(answer.events.empty() && answer.numbers.empty());
      }
      RestAnswer demands;
      if (decode_filters(frame.text(), symbols(), scratch, demands) != DecodeError::none) {
        require(demands.extra == nullptr);
      }
      return 0;
    }
    default: {
      RestAnswer answer;
      decode_rest_error(frame.text(), scratch, answer);
      return 0;
    }
  }
  if (error != DecodeError::none) require(events.size() == 1 && remarks.size() == 1);
  for (const domain::Event& event : events) require(event.remark <= remarks.size());
  return 0;
}
