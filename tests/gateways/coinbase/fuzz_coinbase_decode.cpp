// Whatever a venue, or somebody in its place, sends: no decoder ends the process, reads beyond the
// frame's padding, or leaves a part of a message behind. The first byte chooses the decoder.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "domain/catalog.h"
#include "gateways/coinbase/decode.h"
#include "gateways/coinbase/symbols.h"

namespace {

using namespace halcyon;
using namespace halcyon::gateways;
using namespace halcyon::gateways::coinbase;

const Symbols& symbols() {
  static const Symbols made = [] {
    domain::Catalog catalog;
    const auto venue = catalog.venue("coinbase");
    for (const char* name : {"BTC/USD", "BTC/USDC", "ETH/USD"}) catalog.instrument(venue, name);
    return Symbols{catalog, venue};
  }();
  return made;
}

void require(bool condition) {
  if (!condition) std::abort();
}

/// On an error nothing of a body stays behind.
void require_nothing_left(DecodeError error, const RestAnswer& answer) {
  if (error == DecodeError::none) return;
  require(answer.events.empty() && answer.remarks.empty() && answer.extra == nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0] % 8;
  ++data;
  --size;
  // Behind the frame stands what may stand there in a receive buffer.
  const std::unique_ptr<char[]> memory{new char[size + Frame::padding]};
  std::memcpy(memory.get(), data, size);
  std::memset(memory.get() + size, '"', Frame::padding);
  const std::string_view body{memory.get(), size};
  static Scratch scratch;
  const RestContext context{&symbols(), {domain::AccountId{0}, "alpha-main-"}};
  RestAnswer answer;
  switch (choice) {
    case 0:
    case 1: {
      std::vector<domain::Event> events;
      Message message;
      const Frame frame{memory.get(), size, true, {}};
      const DecodeError error = decode(frame, symbols(), context.identity, choice == 0 ? 6000 : 2,
                                       scratch, events, message);
      if (error != DecodeError::none) require(events.empty() && message.orders.empty());
      for (const OrderRow& row : message.orders) {
        domain::OrderReport report;
        if (report_of(row, domain::Source::private_stream, report)) {
          require(!report.filled.is_negative() && !report.venue_order.is_none());
        }
      }
      // Runs are whole: only the last event of a part closes it.
      for (const BookPart& part : message.books) {
        require(part.first < part.last && part.last <= events.size());
        for (std::size_t at = part.first; at < part.last; ++at) {
          const auto* levels = std::get_if<domain::BookLevels>(&events[at].what);
          require(levels == nullptr || levels->last == (at + 1 == part.last));
        }
      }
      break;
    }
    case 2:
      require_nothing_left(
          decode_orders(body, context, domain::Source::list_query, scratch, answer), answer);
      break;
    case 3:
      require_nothing_left(decode_fills(body, context, scratch, answer), answer);
      break;
    case 4:
      require_nothing_left(decode_accounts(body, context, scratch, answer), answer);
      break;
    case 5:
      require_nothing_left(decode_products(body, context, scratch, answer), answer);
      break;
    case 6: {
      OrderAnswer order;
      static_cast<void>(decode_create(body, scratch, order));
      static_cast<void>(decode_edit(body, scratch, order));
      std::vector<OrderAnswer> cancels;
      static_cast<void>(decode_cancel(body, scratch, cancels));
      PreviewAnswer preview;
      static_cast<void>(decode_preview(body, scratch, preview));
      break;
    }
    default: {
      ErrorAnswer refusal;
      decode_error(body, scratch, refusal);
      std::vector<CandleRow> rows;
      static_cast<void>(decode_candles(body, scratch, rows));
      static_cast<void>(decode_time(body, scratch, answer));
      static_cast<void>(decode_recent_trades(body, context, scratch, answer));
      static_cast<void>(decode_product_book(body, context, scratch, answer));
      domain::Timestamp time;
      static_cast<void>(read_rfc3339(body, time));
      const domain::ForeignId id = foreign_id(body);
      require(id.is_none() == body.empty());
      break;
    }
  }
  return 0;
}
