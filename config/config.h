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
/// Who keeps the stop of a bracket: the venue, where it can tie it to the take-profit, or the
/// engine.
enum class Brackets : std::uint8_t { native, emulated };
enum class LogFormat : std::uint8_t { text, json };
enum class VenueKind : std::uint8_t { binance, coinbase, alpaca };
enum class Environment : std::uint8_t { production, testnet, venue_paper, simulator };
enum class Channel : std::uint8_t { trades, quotes, book, agg_trades, partial_book, klines };
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
/// What a row of the command table may ask for; off: the table is not looked at.
enum class CommandRole : std::uint8_t { off, observe, trade, admin };
enum class Average : std::uint8_t { simple, exponential };

struct Daemon {
  std::string name;
  std::string data_dir = "/var/lib/halcyon";
  bool cancel_after_crash = true;
  bool cancel_on_stop = false;  ///< cancel open orders on a clean stop
};

struct EngineSettings {
  Threads threads = Threads::shared;
  Wait wait = Wait::block;
  Brackets brackets = Brackets::native;
  domain::Duration equity_interval = std::chrono::seconds{10};  ///< between two equity records
};

struct JournalSettings {
  Sync sync = Sync::process;
  std::uint64_t segment_bytes = 64ULL << 20;  ///< of one file of the journal
  std::int32_t snapshot_frames = 100'000;     ///< from one snapshot to the next
  std::int32_t keep_days = 30;                ///< segments that nobody needs any more
  bool capture = false;                       ///< keep what the engine hears and does not journal
  std::uint64_t capture_bytes = 10ULL << 30;  ///< of all captures together; the oldest go first
};

struct Postgres {
  std::string dsn;
  CommandRole commands = CommandRole::trade;
};

/// What is seen and not journaled, on its way to PostgreSQL: which of it is kept.
struct Observations {
  bool ticks = false;
  bool candles = true;
  bool tickers = true;
  bool book_snapshots = true;
  bool system_log = true;
  bool venue_status = true;
  bool api_requests = true;
  domain::Duration ticker_interval = std::chrono::seconds{1};  ///< per instrument
  domain::Duration book_interval = std::chrono::seconds{10};   ///< per instrument
};

/// How many days PostgreSQL keeps rows.
struct Retention {
  std::int32_t trades_days = 3653;
  std::int32_t equity_days = 3653;
  std::int32_t audit_days = 2557;
  std::int32_t candles_days = 1826;
  std::int32_t ticks_days = 7;
  std::int32_t book_snapshots_days = 7;
  std::int32_t system_log_days = 90;
  std::int32_t api_requests_days = 30;
};

/// Secrets that the daemon keeps, sealed, in its journal.
struct Credentials {
  std::string master_key_file;  ///< empty: the systemd credential master_key_file, if there is one
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
  /// Binance: of the instruments that are listened to otherwise than `channels` says.
  std::map<std::string, std::vector<Channel>> channels_of;
  bool rest_orders = false;  ///< Binance: orders by REST while the order connection is down
  bool two_feeds = false;    ///< Binance: two market connections, of which the first copy wins
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
  std::string credential;  ///< the name of sealed secrets; empty: the files
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
  Observations observations;
  Retention retention;
  Credentials credentials;
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
