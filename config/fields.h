#pragma once

#include <tuple>

#include "config/config.h"
#include "config/field.h"

namespace halcyon::config {

// Key, unit, bounds and meaning of every setting, one table of the file after the other. Defaults
// are the initialisers in config.h and limits.h.

inline constexpr std::int64_t most_money = 1'000'000'000'000;
inline constexpr std::int64_t longest_name = 64;
inline constexpr std::int64_t longest_text = 1'000;
inline constexpr std::int64_t longest_path = 4'000;

inline constexpr auto daemon_fields = std::tuple{
    Field{"name", &Daemon::name, Unit::daemon_name, 1, 18,
          "Names this daemon in every client order id, so two daemons on one venue account must "
          "differ. Together with an account's name at most 19 characters.",
          "\"alpha\"", Need::required},
    Field{"data_dir", &Daemon::data_dir, Unit::path, 1, longest_path,
          "The journal lives here; one daemon per directory."},
    Field{"cancel_on_stop", &Daemon::cancel_on_stop, Unit::flag, 0, 1,
          "Cancel the open orders at a clean stop."},
    Field{"cancel_after_crash", &Daemon::cancel_after_crash, Unit::flag, 0, 1,
          "Cancel the open orders when the daemon has ended otherwise: `halcyond --cancel-all "
          "--after-stop`, the unit's last resort."},
};

inline constexpr auto engine_fields = std::tuple{
    Field{"threads", &EngineSettings::threads, Unit::choice, 0, 0,
          "shared: the hot sockets and the engine on one thread. dedicated: a thread each."},
    Field{"wait", &EngineSettings::wait, Unit::choice, 0, 0,
          "What a loop does when there is nothing to do. spin is fastest and burns a core."},
    Field{"brackets", &EngineSettings::brackets, Unit::choice, 0, 0,
          "native: a bracket's stop waits at the venue as soon as its entry has ended, tied to its "
          "take-profit, where the venue can; it is there when the daemon is not. emulated: the "
          "engine keeps it."},
    Field{"equity_interval_ms", &EngineSettings::equity_interval, Unit::milliseconds, 100,
          86'400'000, "An equity record at most this often, per account and strategy."},
};

inline constexpr auto journal_fields = std::tuple{
    Field{"sync", &JournalSettings::sync, Unit::choice, 0, 0,
          "process: an order is in the page cache before it leaves. power: it is on the disk."},
    Field{"segment_bytes", &JournalSettings::segment_bytes, Unit::bytes, 2'097'152, 1'073'741'824,
          "Size of one file of the journal, allocated ahead."},
    Field{
        "snapshot_frames", &JournalSettings::snapshot_frames, Unit::frames, 1, 100'000'000,
        "A snapshot after so many frames, so that a start reads no more than that; also at a clean "
        "stop."},
    Field{"keep_days", &JournalSettings::keep_days, Unit::days, 0, 36'530,
          "Files of the journal that are in a snapshot and in PostgreSQL are removed when they are "
          "older. Without [postgres] nothing is removed."},
    Field{"capture", &JournalSettings::capture, Unit::flag, 0, 1,
          "Keep the market data that the engine hears, compressed, in data_dir/capture: with it "
          "`halcyond --replay` decides everything again."},
    Field{"capture_bytes", &JournalSettings::capture_bytes, Unit::bytes, 1'048'576,
          1'099'511'627'776, "All captures together; the oldest are removed first."},
};

inline constexpr auto postgres_fields = std::tuple{
    Field{"dsn", &Postgres::dsn, Unit::secret, 1, longest_text,
          "A libpq connection string. Trading never waits for the database.",
          "\"host=/run/postgresql dbname=halcyon\"", Need::required},
    Field{"commands", &Postgres::commands, Unit::choice, 0, 0,
          "The role of what is asked for in the table halcyon.commands; off: nobody asks there."},
};

inline constexpr auto observations_fields = std::tuple{
    Field{"ticks", &Observations::ticks, Unit::flag, 0, 1,
          "Keep every public trade; many rows, a week of them by default."},
    Field{"candles", &Observations::candles, Unit::flag, 0, 1,
          "Keep candles of one minute, made of the public trades; longer ones are views of them."},
    Field{"tickers", &Observations::tickers, Unit::flag, 0, 1,
          "Keep the newest price of each instrument."},
    Field{"book_snapshots", &Observations::book_snapshots, Unit::flag, 0, 1,
          "Keep the ten best levels of each book now and then."},
    Field{"system_log", &Observations::system_log, Unit::flag, 0, 1, "Keep what the daemon says."},
    Field{"venue_status", &Observations::venue_status, Unit::flag, 0, 1,
          "Keep how each connection to a venue is, and how much of its limits is used."},
    Field{"api_requests", &Observations::api_requests, Unit::flag, 0, 1,
          "Keep one row per call of the admin socket and per REST call to a venue."},
    Field{"ticker_interval_ms", &Observations::ticker_interval, Unit::milliseconds, 10, 3'600'000,
          "A quote at most this often, per instrument."},
    Field{"book_interval_ms", &Observations::book_interval, Unit::milliseconds, 10, 3'600'000,
          "A book at most this often, per instrument."},
};

inline constexpr std::int64_t most_days = 36'530;
inline constexpr auto retention_fields = std::tuple{
    Field{"trades_days", &Retention::trades_days, Unit::days, 1, most_days,
          "Ended orders, their events, denials, fills and round trips."},
    Field{"equity_days", &Retention::equity_days, Unit::days, 1, most_days, "Equity history."},
    Field{"audit_days", &Retention::audit_days, Unit::days, 1, most_days,
          "Who told the daemon to do what."},
    Field{"candles_days", &Retention::candles_days, Unit::days, 1, most_days, "Candles."},
    Field{"ticks_days", &Retention::ticks_days, Unit::days, 1, most_days, "Public trades."},
    Field{"book_snapshots_days", &Retention::book_snapshots_days, Unit::days, 1, most_days,
          "Book snapshots."},
    Field{"system_log_days", &Retention::system_log_days, Unit::days, 1, most_days,
          "What the daemon said."},
    Field{"api_requests_days", &Retention::api_requests_days, Unit::days, 1, most_days,
          "Calls of the admin socket and to venues."},
};

inline constexpr auto credentials_fields = std::tuple{
    Field{"master_key_file", &Credentials::master_key_file, Unit::secret_path, 1, longest_path,
          "Keys that the secrets of `halcyonctl credentials put` are sealed with; `halcyonctl "
          "credentials key FILE` makes such a file. Mode 0600. Left out, systemd's credential "
          "master_key_file is taken.",
          "\"/var/lib/halcyon/master.key\""},
};

inline constexpr auto admin_fields = std::tuple{
    Field{"socket", &Admin::socket, Unit::path, 1, 107, "Where halcyonctl finds the daemon."},
    Field{"group", &Admin::group, Unit::words, 1, longest_name,
          "The Unix group that may connect; left out, the daemon's own.", "\"halcyon\""},
};

inline constexpr auto metrics_fields = std::tuple{
    Field{"listen", &Metrics::listen, Unit::address, 1, 300,
          "HTTP for /metrics, /healthz and /readyz. Port 0 takes any that is free."},
};

inline constexpr auto log_fields = std::tuple{
    Field{"level", &Log::level, Unit::log_level, 0, 0, "The least that is said."},
    Field{"format", &Log::format, Unit::choice, 0, 0, "text for people, json for machines."},
};

inline constexpr auto venue_fields = std::tuple{
    Field{"kind", &Venue::kind, Unit::choice, 0, 0, "Whose protocol it speaks.", "\"binance\"",
          Need::required},
    Field{"environment", &Venue::environment, Unit::choice, 0, 0,
          "Which of the venue's worlds; stored with every order. simulator: loopback only.",
          "\"testnet\"", Need::required},
    Field{"market_data_url", &Venue::market_data_url, Unit::url, 1, longest_text,
          "Market data stream; left out, the venue's documented address for the environment (as "
          "with all addresses). binance adds /stream, alpaca the feeds.",
          "\"wss://127.0.0.1:9443\""},
    Field{"orders_url", &Venue::orders_url, Unit::url, 1, longest_text,
          "binance: the whole address of its WebSocket API, for orders and the user stream.",
          "\"wss://127.0.0.1:9443/ws-api/v3\""},
    Field{"user_stream_url", &Venue::user_stream_url, Unit::url, 1, longest_text,
          "coinbase, alpaca: the whole address of the stream of one's own orders.",
          "\"wss://127.0.0.1:9443/stream\""},
    Field{"rest_url", &Venue::rest_url, Unit::url, 1, longest_text,
          "REST; binance adds /api/v3, coinbase /api/v3/brokerage, alpaca /v2.",
          "\"https://127.0.0.1:9443\""},
    Field{"data_rest_url", &Venue::data_rest_url, Unit::url, 1, longest_text,
          "alpaca: market data over REST.", "\"https://127.0.0.1:9443\""},
    Field{"stock_feed", &Venue::stock_feed, Unit::name, 1, longest_name,
          "alpaca: which stock feed the account is subscribed to; left out, iex.", "\"iex\""},
    Field{"crypto_feed", &Venue::crypto_feed, Unit::name, 1, longest_name,
          "alpaca: which crypto feed; left out, us.", "\"us\""},
    Field{"ca_file", &Venue::ca_file, Unit::path, 1, longest_path,
          "An extra trust anchor (PEM); left out, the system's alone.", "\"/path/ca.pem\""},
    Field{"instruments", &Venue::instruments, Unit::instruments, 1, 1'000,
          "What is listened to and may be traded: BASE/QUOTE, or a stock's ticker.",
          "[\"BTC/USDT\"]", Need::required},
    Field{"channels", &Venue::channels, Unit::choices, 1, 6,
          "What is listened to of each instrument. binance: agg_trades (a taker's trades at one "
          "price in one) in the place of trades, partial_book (the best twenty levels) in the "
          "place of book, klines (the venue's own candles, of what strategies ask for)."},
    Field{"channels_of", &Venue::channels_of, Unit::choices, 1, 1'000,
          "binance: instruments of which something else is listened to.",
          "{ \"BTC/USDT\" = [\"agg_trades\", \"quotes\"] }"},
    Field{"rest_orders", &Venue::rest_orders, Unit::flag, 0, 1,
          "binance: while the order connection is down, orders go by REST; cancels and questions "
          "always do."},
    Field{"two_feeds", &Venue::two_feeds, Unit::flag, 0, 1,
          "binance: two connections carry the market data, and the first copy of each event wins; "
          "the metrics say who won, and by how much."},
};

inline constexpr auto account_fields = std::tuple{
    Field{"venue", &Account::venue, Unit::name, 1, longest_name, "One of [venues].", "\"binance\"",
          Need::required},
    Field{"mode", &Account::mode, Unit::choice, 0, 0,
          "live: orders go to the venue. paper: they are matched inside the daemon.", "\"live\"",
          Need::required},
    Field{"market", &Account::market, Unit::choice, 0, 0,
          "What is traded with it; margin at alpaca only, futures never."},
    Field{"owner", &Account::owner, Unit::words, 1, longest_name, "Whose account it is."},
    Field{"api_key_file", &Account::api_key_file, Unit::secret_path, 1, longest_path,
          "The key's name, in a file. Left out, systemd's credential main.api_key_file or "
          "api_key_file is taken; likewise the two below.",
          "\"/path/key\""},
    Field{"private_key_file", &Account::private_key_file, Unit::secret_path, 1, longest_path,
          "A private key to sign with (binance: Ed25519), PEM.", "\"/path/ed25519.pem\""},
    Field{"api_secret_file", &Account::api_secret_file, Unit::secret_path, 1, longest_path,
          "Instead of a private key: a shared secret (HMAC).", "\"/path/secret\""},
    Field{"credential", &Account::credential, Unit::name, 1, longest_name,
          "Instead of files: the name under which `halcyonctl credentials put` has sealed them.",
          "\"main\""},
    Field{"paper_balances", &Account::paper_balances, Unit::balances, 1, 100,
          "paper: what the account begins with.", "{ USDT = \"10000\" }"},
};

inline constexpr auto strategy_fields = std::tuple{
    Field{"type", &Strategy::type, Unit::strategy_type, 0, 0, "What kind of strategy.",
          "\"trend_following\"", Need::required},
    Field{"accounts", &Strategy::accounts, Unit::names, 1, 100, "Where it trades.", "[\"main\"]",
          Need::required},
    Field{"instruments", &Strategy::instruments, Unit::instruments, 1, 1'000,
          "What it trades; \"binance:BTC/USDT\" where more than one venue lists it.",
          "[\"BTC/USDT\"]", Need::required},
    Field{"timeframe", &Strategy::timeframe, Unit::timeframe, 1, 1'000,
          "The length of its candles: 1 to 1000 of s, m, h, d, w or M (months).", "\"1m\"",
          Need::required},
    Field{"capital", &Strategy::capital, Unit::money, 0, most_money,
          "What it may invest, in the reporting currency, shared evenly by its instruments.",
          "\"5000\"", Need::required},
};

inline constexpr auto trend_following_fields = std::tuple{
    Field{"fast_period", &Strategy::fast_period, Unit::candles, 1, 10'000,
          "trend_following: candles in the quick average; fewer than in the slow one."},
    Field{"slow_period", &Strategy::slow_period, Unit::candles, 2, 10'000,
          "trend_following: candles in the slow average."},
    Field{"average", &Strategy::average, Unit::choice, 0, 0,
          "trend_following: how the averages weigh their candles."},
};

/// [risk] itself; its limits are `risk_fields`.
inline constexpr auto reporting_fields = std::tuple{
    Field{"currency", &Risk::currency, Unit::name, 1, 16,
          "The reporting currency: limits and equity are in it."},
    Field{"equal_currencies", &Risk::equal_currencies, Unit::names, 0, 100,
          "Counted one to one as the reporting currency. Left out with another currency than USD: "
          "none."},
    Field{"day_start", &Risk::day_start, Unit::time_zone, 0, 0, "When a trading day begins."},
    Field{
        "accept_adjustments_up_to", &Risk::accept_adjustments_up_to, Unit::money, 0, most_money,
        "A balance that nothing explains is accepted up to this worth, in the reporting currency; "
        "more waits for an operator.",
        "\"1\""},
    Field{
        "cancel_on_reconnect", &Risk::cancel_on_reconnect, Unit::flag, 0, 1,
        "When the order path to a venue was lost, cancel what works there as soon as it is back."},
    Field{"flatten_on_loss", &Risk::flatten_on_loss, Unit::flag, 0, 1,
          "What a loss limit halts is also flattened."},
};

/// The limits of [risk], and of the tables that narrow it.
inline constexpr auto risk_fields = std::tuple{
    Field{"max_order_notional", &RiskLimits::max_order_notional, Unit::money, 0, most_money,
          "Refuse an order that is worth more, in the reporting currency."},
    Field{"max_position_notional", &RiskLimits::max_position_notional, Unit::money, 0, most_money,
          "Refuse an order that could bring a position above this, working orders counted as "
          "filled."},
    Field{"max_open_orders", &RiskLimits::max_open_orders, Unit::orders, 1, 10'000,
          "Refuse an order while this many are alive, those of unknown fate included."},
    Field{"max_orders_per_second", &RiskLimits::max_orders_per_second, Unit::orders_per_second, 1,
          1'000, "Refuse an order above this rate. Cancels always pass."},
    Field{"price_collar_pct", &RiskLimits::price_collar_pct, Unit::percent, 0, 100,
          "Refuse a limit price further than this from the reference price, on either side."},
    Field{"max_reference_age_ms", &RiskLimits::max_reference_age, Unit::milliseconds, 1, 3'600'000,
          "Refuse orders when the newest reference price is older."},
    Field{"max_daily_loss", &RiskLimits::max_daily_loss, Unit::money, 0, most_money,
          "Halt what has lost so much since day_start, realized and unrealized, fees included.",
          "\"1000\""},
    Field{"max_drawdown_pct", &RiskLimits::max_drawdown_pct, Unit::percent, 0, 100,
          "Halt what is so far below its peak of equity.", "20"},
    Field{"max_leverage", &RiskLimits::max_leverage, Unit::leverage, 1, 100,
          "How much may be held for each unit owned. Spot accounts never exceed 1.", "1"},
    Field{"max_order_quantity", &RiskLimits::max_order_quantity, Unit::money, 0, most_money,
          "Refuse an order for more base units.", "\"10\""},
    Field{"max_gross_notional", &RiskLimits::max_gross_notional, Unit::money, 0, most_money,
          "Refuse an order that could bring all positions together above this, longs and shorts "
          "added up."},
    Field{"max_net_notional", &RiskLimits::max_net_notional, Unit::money, 0, most_money,
          "Refuse an order that could bring longs less shorts above this, on either side."},
    Field{"max_messages_per_minute", &RiskLimits::max_messages_per_minute, Unit::orders, 1,
          1'000'000, "Refuse an order above so many orders and amends in a minute."},
    Field{"max_loss_per_trade", &RiskLimits::max_loss_per_trade, Unit::money, 0, most_money,
          "Halt what has closed a round trip with so much loss.", "\"100\""},
    Field{"max_consecutive_losses", &RiskLimits::max_consecutive_losses, Unit::orders, 1, 10'000,
          "Halt what has closed so many round trips in a row with a loss.", "5"},
    Field{"duplicate_window_ms", &RiskLimits::duplicate_window, Unit::milliseconds, 0, 3'600'000,
          "Refuse an order that equals the one before it, sooner than this."},
    Field{"max_clock_offset_ms", &RiskLimits::max_clock_offset, Unit::milliseconds, 1, 60'000,
          "Refuse orders while the venue's clock is further from ours, or was not measured."},
    Field{"max_agent_order_notional", &RiskLimits::max_agent_order_notional, Unit::money, 0,
          most_money, "Refuse an agent's order that is worth more."},
    Field{"fee_reserve_pct", &RiskLimits::fee_reserve_pct, Unit::percent, 0, 100,
          "Refuse a buy that leaves less than this part of its worth free, for its fee."},
    Field{"exit_margin_pct", &RiskLimits::exit_margin_pct, Unit::percent, 0, 100,
          "Refuse an order that leaves a holding which, with its price so much lower, the venue "
          "would not let out."},
};

}  // namespace halcyon::config
