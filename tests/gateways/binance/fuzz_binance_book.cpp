// Updates, snapshots, losses and reconnects in any order: what a BookSync calls a whole book is
// one. Each step is three bytes: what happens, and two small numbers.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <vector>

#include "gateways/binance/book_sync.h"

namespace {

using namespace halcyon;
using namespace halcyon::gateways;
using namespace halcyon::gateways::binance;

void require(bool condition) {
  if (!condition) std::abort();
}

domain::Event level(std::int64_t price, std::uint64_t id) {
  domain::Event event;
  auto& levels = event.what.emplace<domain::BookLevels>();
  levels.update_id = id;
  levels.count = levels.bids = 1;
  levels.levels[0] = {domain::Price::from_units(price),
                      domain::Quantity::from_units(static_cast<std::int64_t>(id))};
  return event;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  BookSync sync;
  domain::Timestamp now = domain::from_unix_ms(1'700'000'000'000);
  std::map<std::int64_t, std::uint64_t> venue, ours;
  std::uint64_t venue_id = 1;
  bool is_valid = false;
  std::map<std::int64_t, std::uint64_t> snapshot;
  std::uint64_t snapshot_id = 0;
  const auto apply = [&](const std::vector<domain::Event>& events) {
    for (const domain::Event& event : events) {
      if (std::holds_alternative<domain::BookReset>(event.what)) {
        ours.clear();
        is_valid = true;
      } else if (const auto* levels = std::get_if<domain::BookLevels>(&event.what)) {
        for (std::size_t at = 0; at < levels->count; ++at) {
          ours[levels->levels[at].price.raw()] = levels->update_id;
        }
      }
    }
  };
  for (; size >= 3; data += 3, size -= 3) {
    const unsigned first = data[1];
    const unsigned second = data[2];
    switch (data[0] % 8) {
      case 0:
      case 1:
      case 2: {  // the venue changes a level; the update arrives unless `second` says otherwise
        const std::int64_t price = 1 + first % 8;
        const std::uint64_t from = venue_id + 1;
        venue_id += 1 + second % 3;
        venue[domain::Price::from_units(price).raw()] = venue_id;
        if (second >= 240) break;
        std::vector<domain::Event> events{level(price, venue_id)};
        const auto verdict = sync.on_update(from, venue_id, events, 0);
        require(events.empty() == (verdict != BookSync::Verdict::apply));
        if (verdict == BookSync::Verdict::gap) {
          require(is_valid);
          is_valid = false;
        }
        apply(events);
        break;
      }
      case 3:
        if (sync.wants_snapshot(now)) {
          sync.on_asked(now);
          snapshot = venue;
          snapshot_id = venue_id;
        }
        break;
      case 4: {
        std::vector<domain::Event> levels{level(9, snapshot_id)};
        for (const auto& [price, id] : snapshot) {
          levels.push_back(level(price / domain::decimal_scale, id));
        }
        std::vector<domain::Event> out;
        const auto join = sync.on_snapshot(snapshot_id, levels, now, out);
        require(out.empty() == (join != BookSync::Join::synced));
        apply(out);
        break;
      }
      case 5:
        sync.on_snapshot_failed(now);
        break;
      case 6:
        if (sync.on_stream_down()) {
          require(is_valid);
          is_valid = false;
        }
        if (first % 2 == 0) sync.on_stream_up();
        break;
      default:
        now += std::chrono::milliseconds{first * 50};
        sync.on_time(now);
        break;
    }
    require(is_valid == sync.is_synced());
    if (!is_valid) continue;
    for (const auto& [price, id] : venue) {
      // The book is never behind what has been passed on.
      if (id <= sync.update_id()) require(ours.at(price) == id);
    }
  }
  return 0;
}
