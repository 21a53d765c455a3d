// Whatever a venue, or somebody in its place, sends: no decoder ends the process, reads beyond the
// frame's padding, or leaves a part of a message behind. The first byte chooses the decoder.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "domain/catalog.h"
#include "gateways/alpaca/decode.h"
#include "gateways/alpaca/message_pack.h"
#include "gateways/alpaca/symbols.h"

namespace {

using namespace halcyon;
using namespace halcyon::gateways;
using namespace halcyon::gateways::alpaca;

const Symbols& symbols() {
  static const Symbols made = [] {
    domain::Catalog catalog;
    const auto venue = catalog.venue("alpaca");
    for (const char* name : {"AAPL", "AMD", "BTC/USD"}) catalog.instrument(venue, name);
    return Symbols{catalog, venue};
  }();
  return made;
}

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0] % 3;
  ++data;
  --size;
  // Behind the frame stands what may stand there in a receive buffer.
  const std::unique_ptr<char[]> memory{new char[size + Frame::padding]};
  std::memcpy(memory.get(), data, size);
  std::memset(memory.get() + size, '"', Frame::padding);
  const Frame frame{memory.get(), size, true, {}};
  static Scratch scratch;
  if (choice == 0) {
    std::vector<domain::Event> events;
    Message message;
    if (decode(frame, symbols(), scratch, events, message) != DecodeError::none) {
      require(events.empty() && message.bars.empty() && message.errors.empty());
    }
    // Runs are whole: only the last event of a part closes it.
    for (const BookPart& part : message.books) {
      require(part.first < part.last && part.last <= events.size());
      for (std::size_t at = part.first; at < part.last; ++at) {
        const auto* levels = std::get_if<domain::BookLevels>(&events[at].what);
        require(levels == nullptr || levels->last == (at + 1 == part.last));
      }
    }
  } else if (choice == 1) {
    Update update;
    const Identity identity{domain::AccountId{0}, "alpha-main-"};
    if (decode_update(frame, symbols(), identity, scratch, update) != DecodeError::none) {
      require(update.legs.empty() && update.order.venue_order.is_none());
    }
    domain::Execution execution;
    if (execution_of(update, execution)) {
      require(execution.quantity.is_positive() && execution.price.is_positive());
      require(!execution.trade.is_none());
    }
    domain::TradeCorrected correction;
    if (correction_of(update, correction)) require(!correction.trade.is_none());
    domain::OrderReport report;
    if (report_of(update.order, domain::Source::private_stream, report)) {
      require(!report.filled.is_negative() && !report.venue_order.is_none());
    }
  } else {
    std::string text;
    constexpr std::size_t most = 1U << 20;
    if (append_json({memory.get(), size}, most, text) == DecodeError::none) {
      require(text.size() <= most && !text.empty());
    }
  }
  return 0;
}
