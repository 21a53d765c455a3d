// Whatever a client sends, the simulated venue answers and goes on.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "simulation/binance_venue.h"
#include "simulation/control.h"

namespace {

using namespace halcyon::simulation;

/// Read once; every input gets a venue of its own.
const SymbolRules& rules() {
  static const auto all = builtin_rules();
  return all.front();
}
const Tape& tape() {
  static const auto parsed = parse_tape(
      R"(1 {"lastUpdateId":1,"bids":[["99","5"]],"asks":[["101","5"]]}
2 {"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"100","q":"1","T":1,"m":true}}
)",
      "fuzz");
  return parsed;
}

struct World {
  World() {
    venue->add_listing(rules(), Replay{tape(), 1, true});
    AccountSettings account;
    account.name = "main";
    account.api_key = "key";
    account.hmac_secret = "secret";
    account.balances = {{"USDT", Money::from_units(100'000)}, {"BTC", Money::from_units(100)}};
    venue->add_account(account);
  }
  std::unique_ptr<BinanceVenue> venue = BinanceVenue::make({});
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  World world;
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  const auto now = halcyon::domain::from_unix_ms(1'700'000'000'000);
  Actions actions;
  const auto line = static_cast<ConnectionId>(1);
  switch (data[0] % 5) {
    case 0:
      if (!world.venue->open(line, "/ws-api/v3", now, actions)) {
        world.venue->on_text(line, text, now, actions);
      }
      break;
    case 1:
      if (!world.venue->open(line, "/stream", now, actions)) {
        world.venue->on_text(line, text, now, actions);
      }
      break;
    case 2:
      world.venue->open(line, text, now, actions);
      break;
    case 3: {
      const auto cut = text.find('\n');
      world.venue->on_http({"POST",
                            std::string{text.substr(0, cut)},
                            {{"x-mbx-apikey", "key"}},
                            cut == text.npos ? "" : std::string{text.substr(cut)}},
                           now, actions);
      break;
    }
    default: {
      Control control{*world.venue};
      control.answer(text, now, actions);
    }
  }
  world.venue->turn(now + std::chrono::seconds{1}, actions);
  return 0;
}
