#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
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
enum class Market : std::uint8_t { spot, margin, futures };
enum class LogLevel : std::uint8_t { trace, debug, info, warning, error };
enum class StrategyType : std::uint8_t {
  trend_following,
  rules,
  allocation,
  mean_reversion,
  arbitrage,
  signal,
  agent,
  plugin,
};
enum class Average : std::uint8_t { simple, exponential };

struct Daemon {
  std::string name;
  std::string data_dir = "/var/lib/halcyon";
  bool cancel_on_stop = false;  ///< cancel open orders on a clean stop
};

struct EngineSettings {
  Threads threads = Threads::shared;
  Wait wait = Wait::block;
  domain::Duration equity_interval = std::chrono::seconds{10};  ///< between two equity records
};

struct JournalSettings {
  Sync sync = Sync::process;
  std::uint64_t segment_bytes = 64ULL << 20;  ///< of one file of the journal
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
  // Every address that the kind uses is filled in; the others are empty. Without a '/' at the end.
  std::string
      market_data_url;     ///< Binance, Alpaca: base, the gateway appends paths; Coinbase: whole
  std::string orders_url;  ///< Binance: whole
  std::string user_stream_url;  ///< Coinbase, Alpaca: whole
  std::string rest_url;         ///< base
  std::string data_rest_url;    ///< Alpaca: base
  std::string stock_feed;       ///< Alpaca: "iex", "sip"
  std::string crypto_feed;      ///< Alpaca: "us"
  std::string ca_file;          ///< an extra trust anchor; empty: the system's
  std::vector<std::string> instruments;
  std::vector<Channel> channels{Channel::trades, Channel::quotes, Channel::book};
};

struct Account {
  std::string name;
  std::string venue;
  AccountMode mode = AccountMode::live;
  Market market = Market::spot;  ///< never futures: the reader refuses them
  std::string owner = "daemon";
  std::string api_key_file;
  std::string private_key_file;
  std::string api_secret_file;
  std::map<std::string, domain::Money> paper_balances;
};

struct Strategy {
  std::string name;
  std::string type;
  std::vector<std::string> accounts;
  /// "BTC/USDT", or "binance:BTC/USDT" where ambiguous; `find_venue` says whose.
  std::vector<std::string> instruments;
  domain::Timeframe timeframe;
  domain::Money capital;
  std::string text;                   ///< the whole table, as TOML, for the Defined record
  std::int32_t fast_period = 10;      ///< trend_following: candles in the quick average
  std::int32_t slow_period = 30;      ///< trend_following: candles in the slow average
  Average average = Average::simple;  ///< trend_following
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

/// The symbol of an instrument as written: what follows "venue:", or all of it.
inline std::string_view symbol_of(std::string_view instrument) {
  const std::size_t colon = instrument.find(':');
  return colon == std::string_view::npos ? instrument : instrument.substr(colon + 1);
}

/// The venue of an instrument as written ("BTC/USDT", "binance:BTC/USDT"): the one that is named,
/// else the only one that lists it. Null when there is none, or more than one. A Config that was
/// read has no such instrument.
const Venue* find_venue(const Config& config, std::string_view instrument);

/// The limits of [risk.instruments] for one instrument, under either of its spellings; null: none.
const RiskLimits* instrument_limits(const Config& config, std::string_view venue,
                                    std::string_view symbol);

/// What the configuration asks for that this version refuses to pretend: one line each, in words.
/// A daemon with such a configuration does not start; empty: all of it is served.
std::vector<std::string> not_served_yet(const Config& config);

}  // namespace halcyon::config
