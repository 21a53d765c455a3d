#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

#include "domain/event.h"
#include "domain/ids.h"
#include "domain/reason.h"
#include "domain/time.h"

namespace halcyon::persistence {

// What the daemon sees and says that no journal holds. It may be lost while PostgreSQL is behind,
// which is counted per kind, and it never delays a trade or a journal row.

/// Enumerators are the tables' names.
enum class ObservationKind : std::uint8_t {
  ticks,
  candles,
  tickers,
  book_snapshots,
  system_log,
  venue_status,
  venue_rate_limits,
  api_requests,
};
inline constexpr std::size_t observation_kinds = 8;

/// The best levels of a book at a moment. Fixed size: it leaves the engine's thread by copy.
struct BookSeen {
  static constexpr std::size_t capacity = 10;
  domain::Timestamp received;
  std::uint64_t update_id = 0;
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  std::uint8_t bid_count = 0, ask_count = 0;
  std::array<domain::BookLevel, capacity> bids, asks;  ///< best first
};
static_assert(std::is_trivially_copyable_v<BookSeen>);

/// A line of the log.
struct LogSeen {
  domain::Timestamp time;
  std::string level, module, message;
};

/// How a connection to a venue is.
struct VenueStatusSeen {
  domain::Timestamp time;
  std::string venue;
  domain::AccountId account = domain::no<domain::AccountId>;
  domain::StreamChanged stream;
  std::string text;
  domain::Timestamp since;
  std::optional<domain::ClockOffset> clock;
};

/// How much of a limit is used, as the venue last told.
struct RateLimitSeen {
  domain::Timestamp time;
  std::string session, name;
  std::int64_t used = 0;
  std::int64_t most = 0;  ///< 0: not told
};

/// A call that was answered.
struct ApiRequestSeen {
  domain::Timestamp time;
  bool is_admin = true;  ///< of somebody to us; else of us to a venue
  std::string caller, endpoint, method;
  std::int32_t status = 0;
  domain::Duration took{};
};

}  // namespace halcyon::persistence
