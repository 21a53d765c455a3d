#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "simulation/accounts.h"
#include "simulation/controlled_venue.h"
#include "simulation/faults.h"
#include "simulation/instrument_rules.h"
#include "simulation/matching.h"
#include "simulation/rate_limits.h"
#include "simulation/tape.h"
#include "simulation/venue.h"

namespace halcyon::simulation {

struct BinanceSettings {
  LimitSettings limits;
  bool wait_for_client = false;  ///< the replay begins with the first market subscription
  std::uint64_t seed = 1;        ///< of made-up client ids and of the faults' chances
};

/// Binance Spot as its document describes it, without sockets: market streams, WebSocket API, REST
/// and user data over one set of books and accounts. It reads and writes JSON with its own hand; it
/// shares nothing with a gateway. What it leaves out is listed in docs/simulator.md.
class BinanceVenue : public ControlledVenue {
 public:
  // Own rules of the venue's document; times are by the simulator's clock.
  static constexpr Duration ping_interval = std::chrono::seconds{20};
  static constexpr Duration pong_timeout = std::chrono::seconds{60};
  static constexpr Duration connection_lifetime = std::chrono::hours{24};
  static constexpr int inbound_per_second = 5;  ///< on a market connection
  static constexpr std::size_t max_streams = 1024;
  static constexpr std::size_t max_frames_a_turn = 512;
  static constexpr std::size_t max_held_texts = 200'000;  ///< of a stalled connection
  /// Requests beyond the weight limit that are answered 429 before the ban.
  static constexpr int warnings_before_ban = 20;
  static constexpr Duration ban_length = std::chrono::minutes{2};

  static std::unique_ptr<BinanceVenue> make(const BinanceSettings& settings);
};

}  // namespace halcyon::simulation
