#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/limits.h"
#include "domain/decimal.h"
#include "domain/time.h"

namespace halcyon::config {

// The configuration as read: every value checked, every default filled in. One struct a table of
// the file; names as in the file. Read once, at start and at a reload; immutable afterwards.

enum class Threads : std::uint8_t { shared, dedicated };
enum class Wait : std::uint8_t { block, backoff, spin };
enum class Sync : std::uint8_t { process, power };
enum class LogFormat : std::uint8_t { text, json };
enum class VenueKind : std::uint8_t { binance, coinbase, alpaca };
enum class Environment : std::uint8_t { production, testnet, venue_paper, simulator };
enum class Channel : std::uint8_t { trades, quotes, book };
enum class AccountMode : std::uint8_t { live, paper };

struct Daemon {
  std::string name;
  std::string data_dir = "/var/lib/halcyon";
  bool cancel_on_stop = false;  ///< cancel open orders on a clean stop
};

struct EngineSettings {
  Threads threads = Threads::shared;
  Wait wait = Wait::block;
};

struct JournalSettings {
  Sync sync = Sync::process;
  std::uint64_t segment_bytes = 64ULL << 20;
};

struct Postgres {
  std::string dsn;
};

struct Admin {
  std::string socket = "/run/halcyon/admin.sock";
  std::string group;  ///< empty: the daemon's own
};

struct Metrics {
  std::string listen = "127.0.0.1:9464";
};

struct Log {
  std::string level = "info";
  LogFormat format = LogFormat::text;
};

struct Venue {
  std::string name;
  VenueKind kind = VenueKind::binance;
  Environment environment = Environment::simulator;
  std::string market_data_url;  ///< base; the gateway appends paths
  std::string orders_url;       ///< whole
  std::string rest_url;         ///< base
  std::string ca_file;          ///< an extra trust anchor; empty: the system's
  std::vector<std::string> instruments;
  std::vector<Channel> channels;
};

struct Account {
  std::string name;
  std::string venue;
  AccountMode mode = AccountMode::live;
  std::string owner = "daemon";
  std::string api_key_file;
  std::string private_key_file;
  std::string api_secret_file;
  std::map<std::string, domain::Money> paper_balances;
};

/// Parameters that belong to one strategy type only are kept as written; the type reads them with
/// its own table of fields (strategy/).
struct Strategy {
  std::string name;
  std::string type;
  std::vector<std::string> accounts;
  std::vector<std::string> instruments;  ///< "BTC/USDT", or "binance:BTC/USDT" where ambiguous
  domain::Timeframe timeframe;
  domain::Money capital;
  std::string text;               ///< the whole table, as TOML, for the Defined record
  std::int32_t fast_period = 10;  ///< trend_following: candles in the quick average
  std::int32_t slow_period = 30;  ///< trend_following: candles in the slow average
};

struct Config {
  Daemon daemon;
  EngineSettings engine;
  JournalSettings journal;
  std::optional<Postgres> postgres;  ///< absent: the journal alone keeps everything
  Admin admin;
  Metrics metrics;
  Log log;
  std::vector<Venue> venues;  ///< in the order of the file
  std::vector<Account> accounts;
  std::vector<Strategy> strategies;
  Risk risk;
};

}  // namespace halcyon::config
