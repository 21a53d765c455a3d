#include "config/reader.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/config/reading.h"

namespace halcyon::config {
namespace {

using testing::accepted;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::problems;
using testing::whole;
using testing::with;
using namespace domain::literals;

TEST(Reader, TakesTheSmallestConfigurationAndFillsInEveryDefault) {
  const Config config = accepted("[daemon]\nname = \"alpha\"\n");
  EXPECT_EQ(config.daemon.name, "alpha");
  EXPECT_EQ(config.daemon.data_dir, "/var/lib/halcyon");
  EXPECT_FALSE(config.daemon.cancel_on_stop);
  EXPECT_EQ(config.engine.threads, Threads::shared);
  EXPECT_EQ(config.engine.wait, Wait::block);
  EXPECT_EQ(config.engine.equity_interval, std::chrono::seconds{10});
  EXPECT_EQ(config.journal.sync, Sync::process);
  EXPECT_EQ(config.journal.segment_bytes, 64ULL << 20);
  EXPECT_FALSE(config.postgres.has_value());
  EXPECT_EQ(config.admin.socket, "/run/halcyon/admin.sock");
  EXPECT_EQ(config.metrics.listen, "127.0.0.1:9464");
  EXPECT_EQ(config.log.level, "info");
  EXPECT_EQ(config.risk.currency, "USD");
  EXPECT_THAT(config.risk.equal_currencies, ElementsAre("USDT", "USDC"));
  EXPECT_EQ(config.risk.day_start.minutes, 0);
  EXPECT_EQ(config.risk.daemon.max_order_notional, "10000"_usd);
  EXPECT_EQ(config.risk.daemon.max_position_notional, "50000"_usd);
  EXPECT_EQ(config.risk.daemon.max_open_orders, 50);
  EXPECT_EQ(config.risk.daemon.max_orders_per_second, 10);
  EXPECT_EQ(config.risk.daemon.price_collar_pct, Percent{5});
  EXPECT_EQ(config.risk.daemon.max_reference_age, std::chrono::seconds{5});
  EXPECT_EQ(config.risk.daemon.max_daily_loss, "1000"_usd);
}

TEST(Reader, TakesEverySettingThatThereIs) {
  const Config config = accepted(R"(
[daemon]
name = "al-pha"
data_dir = "/data"
cancel_on_stop = true
[engine]
threads = "dedicated"
wait = "spin"
equity_interval_ms = 250
[journal]
sync = "power"
segment_bytes = 4194304
[postgres]
dsn = "host=/run/postgresql dbname=halcyon"
[admin]
socket = "/run/a.sock"
group = "halcyon"
[metrics]
listen = "[::1]:0"
[log]
level = "debug"
format = "json"
[venues.binance]
kind = "binance"
environment = "production"
market_data_url = "wss://stream.binance.com:443/"
ca_file = "/ca.pem"
instruments = ["BTC/USDT", "ETH/USDT"]
channels = ["book", "trades"]
[venues.alpaca]
kind = "alpaca"
environment = "venue_paper"
stock_feed = "sip"
instruments = ["AAPL", "BTC/USD"]
[accounts.main]
venue = "binance"
mode = "live"
owner = "ann"
api_key_file = "/key"
private_key_file = "/ed25519.pem"
[accounts.play]
venue = "alpaca"
mode = "paper"
market = "margin"
paper_balances = { USD = "10000.5", BTC = "0.000000001" }
[strategies.cross]
type = "trend_following"
accounts = ["main"]
instruments = ["binance:BTC/USDT"]
timeframe = "15m"
capital = "5000.25"
fast_period = 3
slow_period = 9
average = "exponential"
[risk]
currency = "EUR"
day_start = "17:30 UTC"
max_order_notional = "1"
max_position_notional = "2.5"
max_open_orders = 3
max_orders_per_second = 4
price_collar_pct = 0.25
max_reference_age_ms = 100
max_daily_loss = "6"
max_drawdown_pct = 7
max_leverage = 1
[risk.accounts.main]
max_open_orders = 1
[risk.strategies.cross]
max_position_notional = "2"
[risk.instruments."BTC/USDT"]
price_collar_pct = 1
)");
  EXPECT_EQ(config.daemon.name, "al-pha");
  EXPECT_TRUE(config.daemon.cancel_on_stop);
  EXPECT_EQ(config.engine.threads, Threads::dedicated);
  EXPECT_EQ(config.engine.wait, Wait::spin);
  EXPECT_EQ(config.engine.equity_interval, std::chrono::milliseconds{250});
  EXPECT_EQ(config.journal.sync, Sync::power);
  EXPECT_EQ(config.journal.segment_bytes, 4'194'304U);
  ASSERT_TRUE(config.postgres.has_value());
  EXPECT_EQ(config.postgres->dsn, "host=/run/postgresql dbname=halcyon");
  EXPECT_EQ(config.admin.group, "halcyon");
  EXPECT_EQ(config.metrics.listen, "[::1]:0");
  EXPECT_EQ(config.log.format, LogFormat::json);
  ASSERT_EQ(config.venues.size(), 2U);
  EXPECT_EQ(config.venues[0].name, "binance");
  EXPECT_EQ(config.venues[0].market_data_url, "wss://stream.binance.com:443");
  EXPECT_THAT(config.venues[0].channels, ElementsAre(Channel::book, Channel::trades));
  EXPECT_EQ(config.venues[1].stock_feed, "sip");
  EXPECT_EQ(config.venues[1].crypto_feed, "us");
  ASSERT_EQ(config.accounts.size(), 2U);
  EXPECT_EQ(config.accounts[0].owner, "ann");
  EXPECT_EQ(config.accounts[0].private_key_file, "/ed25519.pem");
  EXPECT_EQ(config.accounts[1].market, Market::margin);
  EXPECT_EQ(config.accounts[1].paper_balances.at("USD"), "10000.5"_usd);
  EXPECT_EQ(config.accounts[1].paper_balances.at("BTC"), "0.000000001"_usd);
  ASSERT_EQ(config.strategies.size(), 1U);
  const Strategy& strategy = config.strategies[0];
  EXPECT_EQ(strategy.timeframe, (domain::Timeframe{15, domain::TimeUnit::minute}));
  EXPECT_EQ(strategy.capital, "5000.25"_usd);
  EXPECT_EQ(strategy.fast_period, 3);
  EXPECT_EQ(strategy.slow_period, 9);
  EXPECT_EQ(strategy.average, Average::exponential);
  EXPECT_THAT(strategy.text, HasSubstr("slow_period = 9"));
  EXPECT_TRUE(config.risk.equal_currencies.empty()) << "USDT is no euro";
  EXPECT_EQ(config.risk.day_start.minutes, 17 * 60 + 30);
  EXPECT_EQ(config.risk.daemon.price_collar_pct, Percent{0.25});
  EXPECT_EQ(config.risk.daemon.max_reference_age, std::chrono::milliseconds{100});
  EXPECT_EQ(config.risk.daemon.max_daily_loss, "6"_usd);
  EXPECT_EQ(config.risk.accounts.at("main").max_open_orders, 1);
  EXPECT_FALSE(config.risk.accounts.at("main").max_order_notional.has_value());
  EXPECT_EQ(config.risk.strategies.at("cross").max_position_notional, "2"_usd);
  const RiskLimits* narrowed = instrument_limits(config, "binance", "BTC/USDT");
  ASSERT_NE(narrowed, nullptr);
  EXPECT_EQ(narrowed->price_collar_pct, Percent{1});
  EXPECT_EQ(instrument_limits(config, "binance", "ETH/USDT"), nullptr);
  EXPECT_EQ(instrument_limits(config, "alpaca", "BTC/USDT"), nullptr);
}

TEST(Reader, KeepsTablesInTheOrderOfTheFile) {
  const Config config = accepted(
      "[daemon]\nname = \"a\"\n"
      "[venues.zeta]\nkind = \"binance\"\nenvironment = \"testnet\"\ninstruments = [\"A/B\"]\n"
      "[venues.alpha]\nkind = \"binance\"\nenvironment = \"testnet\"\ninstruments = [\"A/B\"]\n");
  ASSERT_EQ(config.venues.size(), 2U);
  EXPECT_EQ(config.venues[0].name, "zeta");
  EXPECT_EQ(config.venues[1].name, "alpha");
}

TEST(Reader, SaysEverythingAtOnceInTheOrderOfTheFile) {
  // Given a mistake in each of four tables
  std::string text = with("name = \"alpha\"", "name = \"al pha\"");
  text = with("kind = \"binance\"", "kind = \"binanze\"", text);
  text = with("timeframe = \"1s\"", "timeframe = \"1x\"", text);
  text = with("max_open_orders = 20", "max_open_orders = 0", text);
  // When it is read, then each has a line, with its place, its value and the mend
  EXPECT_EQ(problems(text),
            "halcyon.toml:2: daemon.name = \"al pha\": must be 1 to 18 letters, digits, '_' or "
            "'-'\n"
            "halcyon.toml:4: venues.binance.kind = \"binanze\": must be \"binance\", \"coinbase\" "
            "or \"alpaca\"\n"
            "halcyon.toml:17: strategies.cross.timeframe = \"1x\": must be 1 to 1000 and one of s, "
            "m, h, d, w, M, such as \"5m\"\n"
            "halcyon.toml:20: risk.max_open_orders = 0: must be 1 to 10000; leave it out for 50, "
            "the default\n");
}

struct Mistake {
  const char* name;
  const char* from;  ///< what of `whole` is replaced
  const char* to;
  const char* said;  ///< one whole line
};

class ReaderMistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(ReaderMistakes, IsSaidWithItsPlaceAndTheMend) {
  const Mistake& mistake = GetParam();
  EXPECT_THAT(problems(with(mistake.from, mistake.to)),
              HasSubstr(std::string{mistake.said} + '\n'));
}

constexpr const char* capital = "capital = \"5000\"";
constexpr const char* open_orders = "max_open_orders = 20";

const Mistake mistakes[] = {
    {"unknown_key", "name = \"alpha\"", "name = \"alpha\"\ndata_dri = \"/x\"",
     "halcyon.toml:3: daemon.data_dri: is not a known setting; did you mean data_dir?"},
    {"unknown_key_like_nothing", "name = \"alpha\"", "name = \"alpha\"\nzzz = 1",
     "halcyon.toml:3: daemon.zzz: is not a known setting; leave it out"},
    {"unknown_table", "[risk]", "[rsik]",
     "halcyon.toml:19: rsik: is not a known table; did you mean risk?"},
    {"secret_under_a_wrong_name", "mode = \"live\"", "mode = \"live\"\napi_key = \"hunter2\"",
     "halcyon.toml:13: accounts.main.api_key: is not a known setting; leave it out"},
    {"secret_instead_of_its_file", "mode = \"live\"",
     "mode = \"live\"\nprivate_key_file = \"-----BEGIN PRIVATE KEY-----\"",
     "halcyon.toml:13: accounts.main.private_key_file: must be the name of a file that holds the "
     "secret, not the secret itself"},
    {"table_that_is_none", "[daemon]\nname = \"alpha\"", "daemon = 3",
     "halcyon.toml:1: daemon: must be a table; write [daemon]"},
    {"named_table_that_is_none", "[risk]", "[risk.accounts]\nmain = 3\n[risk]",
     "halcyon.toml:20: risk.accounts.main: is not a known setting; write [risk.accounts.NAME] and "
     "limits below it"},
    {"missing_daemon", "[daemon]\nname = \"alpha\"\n", "",
     "halcyon.toml:1: daemon: is missing; write [daemon] and what belongs in it"},
    {"missing_name", "name = \"alpha\"\n", "",
     "halcyon.toml:1: daemon.name: is missing; write for example name = \"alpha\""},
    {"missing_environment", "environment = \"simulator\"\n", "",
     "halcyon.toml:3: venues.binance.environment: is missing; write for example environment = "
     "\"testnet\""},
    {"missing_mode", "mode = \"live\"\n", "",
     "halcyon.toml:10: accounts.main.mode: is missing; write for example mode = \"live\""},
    {"number_for_text", "name = \"alpha\"", "name = 7",
     "halcyon.toml:2: daemon.name = 7: must be 1 to 18 letters, digits, '_' or '-'"},
    {"text_for_number", open_orders, "max_open_orders = \"20\"",
     "halcyon.toml:20: risk.max_open_orders = \"20\": must be a whole number without quotes, 1 to "
     "10000; leave it out for 50, the default"},
    {"fraction_for_count", open_orders, "max_open_orders = 2.5",
     "halcyon.toml:20: risk.max_open_orders = 2.5: must be a whole number without quotes, 1 to "
     "10000; leave it out for 50, the default"},
    {"count_just_above", open_orders, "max_open_orders = 10001",
     "halcyon.toml:20: risk.max_open_orders = 10001: must be 1 to 10000; leave it out for 50, the "
     "default"},
    {"percent_not_a_number", open_orders, "price_collar_pct = nan",
     "halcyon.toml:20: risk.price_collar_pct = nan: must be 0 to 100; leave it out for 5, the "
     "default"},
    {"percent_above", open_orders, "price_collar_pct = 100.5",
     "halcyon.toml:20: risk.price_collar_pct = 100.5: must be 0 to 100; leave it out for 5, the "
     "default"},
    {"money_as_number", capital, "capital = 5000",
     "halcyon.toml:18: strategies.cross.capital = 5000: must be an exact amount above 0 and at "
     "most 1000000000000, as text (\"100.25\")"},
    {"money_too_fine", capital, "capital = \"1.0000000001\"",
     "halcyon.toml:18: strategies.cross.capital = \"1.0000000001\": must be an exact amount above "
     "0 and at most 1000000000000, as text (\"100.25\"), with at most nine decimals"},
    {"money_zero", capital, "capital = \"0\"",
     "halcyon.toml:18: strategies.cross.capital = \"0\": must be an exact amount above 0 and at "
     "most 1000000000000, as text (\"100.25\")"},
    {"money_negative", capital, "capital = \"-1\"",
     "halcyon.toml:18: strategies.cross.capital = \"-1\": must be an exact amount above 0 and at "
     "most 1000000000000, as text (\"100.25\")"},
    {"timeframe_zero", "\"1s\"", "\"0s\"",
     "halcyon.toml:17: strategies.cross.timeframe = \"0s\": must be 1 to 1000 and one of s, m, h, "
     "d, w, M, such as \"5m\""},
    {"timeframe_too_long", "\"1s\"", "\"1001s\"",
     "halcyon.toml:17: strategies.cross.timeframe = \"1001s\": must be 1 to 1000 and one of s, m, "
     "h, d, w, M, such as \"5m\""},
    {"day_start", open_orders, "day_start = \"24:00 UTC\"",
     "halcyon.toml:20: risk.day_start = \"24:00 UTC\": must be \"HH:MM UTC\"; leave it out for "
     "\"00:00 UTC\", the default"},
    {"instrument_twice", "\"ETH/USDT\"]", "\"BTC/USDT\"]",
     "halcyon.toml:9: venues.binance.instruments = [ \"BTC/USDT\", \"BTC/USDT\" ]: must not name "
     "\"BTC/USDT\" twice"},
    {"instrument_in_small_letters", "\"ETH/USDT\"]", "\"eth/usdt\"]",
     "halcyon.toml:9: venues.binance.instruments = [ \"BTC/USDT\", \"eth/usdt\" ]: \"eth/usdt\" "
     "must be in capitals"},
    {"instrument_without_quote", "\"ETH/USDT\"]", "\"ETHUSDT\"]",
     "halcyon.toml:9: venues.binance.instruments = [ \"BTC/USDT\", \"ETHUSDT\" ]: \"ETHUSDT\" must "
     "be BASE/QUOTE at this venue"},
    {"futures_instrument", "\"ETH/USDT\"]", "\"ETH/USDT:USDT\"]",
     "halcyon.toml:9: venues.binance.instruments = [ \"BTC/USDT\", \"ETH/USDT:USDT\" ]: "
     "\"ETH/USDT:USDT\" is a futures contract, and futures are not served; write the spot "
     "instrument, BASE/QUOTE"},
    {"futures_venue", "kind = \"binance\"", "kind = \"binance_futures\"",
     "halcyon.toml:4: venues.binance.kind = \"binance_futures\": futures are not served; must be "
     "\"binance\", \"coinbase\" or \"alpaca\", for spot"},
    {"futures_market", "mode = \"live\"", "mode = \"live\"\nmarket = \"futures\"",
     "halcyon.toml:13: accounts.main.market = \"futures\": futures are not served; use \"spot\""},
    {"margin_at_a_spot_venue", "mode = \"live\"", "mode = \"live\"\nmarket = \"margin\"",
     "halcyon.toml:13: accounts.main.market = \"margin\": margin is served at alpaca only; use "
     "\"spot\" at binance"},
    {"further_venue", "kind = \"binance\"", "kind = \"kraken\"",
     "halcyon.toml:4: venues.binance.kind = \"kraken\": this venue is not served yet; must be "
     "\"binance\", \"coinbase\" or \"alpaca\""},
    {"empty_list", "[\"BTC/USDT\", \"ETH/USDT\"]", "[]",
     "halcyon.toml:9: venues.binance.instruments = []: must be a list of 1 to 1000"},
    {"channel_unknown", "[accounts.main]", "channels = [\"candles\"]\n[accounts.main]",
     "halcyon.toml:10: venues.binance.channels = [ \"candles\" ]: each must be \"trades\", "
     "\"quotes\", \"book\", \"agg_trades\", \"partial_book\" or \"klines\"; leave it out for "
     "[\"trades\", \"quotes\", \"book\"], the default"},
    {"channels_that_say_the_same_twice", "[accounts.main]",
     "channels = [\"trades\", \"agg_trades\"]\n[accounts.main]",
     "halcyon.toml:10: venues.binance.channels = [ \"trades\", \"agg_trades\" ]: trades and "
     "agg_trades say the same twice; leave one of them out"},
    {"channels_of_an_instrument_that_is_not_there", "[accounts.main]",
     "channels_of = { \"LTC/USDT\" = [\"quotes\"] }\n[accounts.main]",
     "halcyon.toml:10: venues.binance.channels_of: \"LTC/USDT\" is not in instruments"},
    {"channels_of_an_instrument_unknown", "[accounts.main]",
     "channels_of = { \"ETH/USDT\" = [\"news\"] }\n[accounts.main]",
     "halcyon.toml:10: venues.binance.channels_of: ETH/USDT each must be \"trades\", \"quotes\", "
     "\"book\", \"agg_trades\", \"partial_book\" or \"klines\""},
    {"account_at_no_venue", "venue = \"binance\"", "venue = \"binanse\"",
     "halcyon.toml:11: accounts.main.venue = \"binanse\": is not in [venues]; did you mean "
     "binance?"},
    {"account_name_with_dash", "[accounts.main]", "[accounts.ma-in]",
     "halcyon.toml:10: accounts.ma-in: must be named with 1 to 64 letters, digits or '_'"},
    {"live_account_with_paper_money", "mode = \"live\"",
     "mode = \"live\"\npaper_balances = { USDT = \"1\" }",
     "halcyon.toml:13: accounts.main.paper_balances: is for mode = \"paper\"; leave it out"},
    {"paper_account_without_money", "mode = \"live\"", "mode = \"paper\"",
     "halcyon.toml:10: accounts.main.paper_balances: is missing; a paper account begins with "
     "something: paper_balances = { USDT = \"10000\" }"},
    {"two_ways_to_sign", "mode = \"live\"",
     "mode = \"live\"\nprivate_key_file = \"/a\"\napi_secret_file = \"/b\"",
     "halcyon.toml:14: accounts.main.api_secret_file = \"/b\": stands beside private_key_file; "
     "leave one of them out"},
    {"two_accounts_with_one_key", "mode = \"live\"",
     "mode = \"live\"\napi_key_file = \"/k\"\n[accounts.two]\nvenue = \"binance\"\nmode = "
     "\"live\"\napi_key_file = \"/k\"",
     "halcyon.toml:17: accounts.two.api_key_file = \"/k\": is the key of accounts.main too; one "
     "account at the venue is one account here"},
    {"a_file_and_a_sealed_secret", "mode = \"live\"",
     "mode = \"live\"\ncredential = \"main\"\nprivate_key_file = \"/a\"",
     "halcyon.toml:13: accounts.main.credential = \"main\": stands beside private_key_file; leave "
     "one "
     "of them out"},
    {"two_accounts_with_one_sealed_secret", "mode = \"live\"",
     "mode = \"live\"\ncredential = \"main\"\n[accounts.two]\nvenue = \"binance\"\nmode = "
     "\"live\"\ncredential = \"main\"",
     "halcyon.toml:17: accounts.two.credential = \"main\": is that of accounts.main too; one "
     "account "
     "at the venue is one account here"},
    {"strategy_without_account", "accounts = [\"main\"]", "accounts = [\"mian\"]",
     "halcyon.toml:15: strategies.cross.accounts = [ \"mian\" ]: \"mian\" is not in [accounts]; "
     "did you mean main?"},
    {"strategy_of_no_type", "type = \"trend_following\"", "type = \"moon\"",
     "halcyon.toml:14: strategies.cross.type = \"moon\": must be \"trend_following\", \"rules\", "
     "\"allocation\", \"mean_reversion\", \"arbitrage\", \"signal\", \"agent\" or \"plugin\""},
    {"strategy_on_unlisted_instrument", "instruments = [\"BTC/USDT\"]",
     "instruments = [\"SOL/EUR\"]",
     "halcyon.toml:16: strategies.cross.instruments = [ \"SOL/EUR\" ]: \"SOL/EUR\" is in no "
     "venue's instruments; add it there"},
    {"periods_crossed", capital, "capital = \"5000\"\nfast_period = 30",
     "halcyon.toml:19: strategies.cross.fast_period = 30: must leave fast_period (30) below "
     "slow_period (30)"},
    {"limits_of_no_account", "[risk]", "[risk.accounts.mian]\n[risk]",
     "halcyon.toml:19: risk.accounts.mian: is not in [accounts]; did you mean main?"},
    {"limits_of_no_instrument", "[risk]", "[risk.instruments.\"SOL/EUR\"]\n[risk]",
     "halcyon.toml:19: risk.instruments.\"SOL/EUR\": must be an instrument that one venue lists; "
     "\"VENUE:SYMBOL\" where more do"},
    {"limits_of_one_instrument_twice", "[risk]",
     "[risk.instruments.\"BTC/USDT\"]\n[risk.instruments.\"binance:BTC/USDT\"]\n[risk]",
     "halcyon.toml:20: risk.instruments.\"binance:BTC/USDT\": is the same instrument as "
     "\"BTC/USDT\""},
    {"key_twice", "name = \"alpha\"", "name = \"alpha\"\nname = \"beta\"",
     "halcyon.toml:3: is not TOML: Error while parsing key-value pair: cannot redefine existing "
     "string 'name'"},
    {"socket_too_long_for_unix", "[daemon]",
     "admin.socket = \"/"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "a"
     "aaaaaaaaaaaaaa\"\n[daemon]",
     "halcyon.toml:1: admin.socket = \"/"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "a"
     "aaaa...: must be text of 1 to 107 characters; leave it out for \"/run/halcyon/admin.sock\", "
     "the default"},
    {"listen_without_port", "[daemon]", "metrics.listen = \"127.0.0.1\"\n[daemon]",
     "halcyon.toml:1: metrics.listen = \"127.0.0.1\": must be host:port, such as "
     "\"127.0.0.1:9464\"; leave it out for \"127.0.0.1:9464\", the default"},
    {"database_without_address", "[daemon]", "[postgres]\n[daemon]",
     "halcyon.toml:1: postgres.dsn: is missing; write for example dsn = "
     "\"host=/run/postgresql dbname=halcyon\""},
    {"password_in_a_wrong_dsn", "[daemon]", "postgres.dsn = [\"password=hunter2\"]\n[daemon]",
     "halcyon.toml:1: postgres.dsn: must be text of 1 to 1000 characters"},
};

INSTANTIATE_TEST_SUITE_P(Table, ReaderMistakes, ::testing::ValuesIn(mistakes),
                         [](const auto& row) { return std::string{row.param.name}; });

TEST(Reader, NeverRepeatsWhatMayBeASecret) {
  for (const char* line : {"api_key = \"hunter2\"", "api_key_file = [\"hunter2\"]",
                           "api_secret_file = \"-----BEGIN hunter2\"",
                           "private_key_file = \"\"\"-----BEGIN\nhunter2\"\"\""}) {
    const std::string said =
        problems(with("mode = \"live\"", std::string{"mode = \"live\"\n"} + line));
    EXPECT_NE(said, "") << line;
    EXPECT_THAT(said, ::testing::Not(HasSubstr("hunter2")));
  }
}

TEST(Reader, TakesNamesThatTogetherJustFitAClientOrderId) {
  // Given a daemon's name of 5 characters, an account of 14 fits and one of 15 does not
  std::string text = with("[accounts.main]", "[accounts.fourteen_chars]");
  text = with("accounts = [\"main\"]", "accounts = [\"fourteen_chars\"]", text);
  EXPECT_EQ(problems(text), "");
  text = with("name = \"alpha\"", "name = \"alphas\"", text);
  EXPECT_EQ(problems(text),
            "halcyon.toml:10: accounts.fourteen_chars: is too long a name: with daemon.name = "
            "\"alphas\" it has 20 characters, and client order ids have room for 19; shorten one "
            "of them\n");
}

TEST(Reader, AsksWhichVenueIsMeantWhenTwoListAnInstrument) {
  // Given a second venue that lists BTC/USDT too
  const std::string two =
      with("[accounts.main]",
           "[venues.other]\nkind = \"binance\"\nenvironment = \"testnet\"\ninstruments = "
           "[\"BTC/USDT\"]\n[accounts.main]");
  EXPECT_THAT(problems(two), HasSubstr("\"BTC/USDT\" is listed at more than one venue; write "
                                       "\"binance:BTC/USDT\" or \"other:BTC/USDT\""));
  // When the venue is named, it is taken
  EXPECT_EQ(problems(with("instruments = [\"BTC/USDT\"]\ntimeframe",
                          "instruments = [\"binance:BTC/USDT\"]\ntimeframe", two)),
            "");
  // And an account at that venue is needed
  EXPECT_THAT(problems(with("instruments = [\"BTC/USDT\"]\ntimeframe",
                            "instruments = [\"other:BTC/USDT\"]\ntimeframe", two)),
              HasSubstr("is listed at other, where none of this strategy's accounts is"));
}

TEST(Reader, KeepsTheParametersOfATypeThatIsNotServedYet) {
  const Config config =
      accepted(with("type = \"trend_following\"", "type = \"rules\"\nentry = \"close > open\""));
  EXPECT_EQ(config.strategies.at(0).type, "rules");
  EXPECT_THAT(config.strategies.at(0).text, HasSubstr("entry = \"close > open\""));
}

TEST(Reader, RefusesWhatIsNotTomlWithItsLine) {
  EXPECT_THAT(problems("[daemon]\nname = alpha\n"), HasSubstr("halcyon.toml:2: is not TOML: "));
  EXPECT_THAT(problems("[daemon]\nname = \"\xff\xfe\"\n"), HasSubstr("is not TOML: "));
  EXPECT_THAT(problems("[daemon]\n[= 1]\n"), HasSubstr("halcyon.toml:2: is not TOML: "));
}

TEST(Reader, KnowsACharacterBeyondAsciiInQuotesFromOneOutside) {
  const auto verdict = [](const std::string& line) {
    return problems("\xEF\xBB\xBF[daemon]\nname = \"a\"\n" + line + '\n');
  };
  for (const char* line : {"# \u00fc", "data_dir = \"/\u00fc\"", "data_dir = '/\u00fc'",
                           "data_dir = \"\"\"/\u00fc\"\"\"", "data_dir = '''/\u00fc'''",
                           "data_dir = \"/\\\"\u00fc\"", "data_dir = \"\"\"/\"\u00fc\"\"\"\"\"",
                           "data_dir = '\\' # \u00fc", "data_dir = \"x\" # it's \u00fc"}) {
    EXPECT_EQ(verdict(line), "") << line;
  }
  for (const char* line :
       {"\u00fc = 1", "data_dir = \u00fc", "data_dir = \"x\"\u00fc", "data_dir = '\\'\u00fc",
        "data_dir = \"\"\"x\"\"\"\u00a1", "data_dir = \"x\u00fc\n\u00fc"}) {
    EXPECT_THAT(verdict(line), HasSubstr("a character beyond ASCII outside quotes")) << line;
  }
}

TEST(Reader, KeepsAProblemOnOneLineWhateverAKeyHolds) {
  EXPECT_EQ(problems("[daemon]\nname = \"a\"\n\"x\\ny\\u001b[2J\" = 1\n"),
            "halcyon.toml:3: daemon.x y [2J: is not a known setting; leave it out\n");
}

TEST(Reader, RefusesAFileThatIsNoConfigurationBySize) {
  EXPECT_THAT(problems(std::string(300'000, '\n')), HasSubstr("has 300000 bytes"));
  EXPECT_THAT(problems("# " + std::string(5'000, 'x')),
              HasSubstr("halcyon.toml:1: is longer than"));
  // As deep as a line allows: the stack holds it.
  std::string deep = "a";
  while (deep.size() < 4'000) deep += ".a";
  EXPECT_THAT(problems(deep + " = 1"), HasSubstr("a: is not a known table"));
}

TEST(Reader, SaysWhenThereIsNoFile) {
  const Reading reading = read("/nonexistent/halcyon.toml");
  ASSERT_TRUE(std::holds_alternative<std::vector<Problem>>(reading));
  EXPECT_EQ(std::get<1>(reading).at(0).text(),
            "/nonexistent/halcyon.toml: cannot be read: No such file or directory; check the "
            "path");
  const Reading directory = read("/tmp");
  ASSERT_TRUE(std::holds_alternative<std::vector<Problem>>(directory));
  EXPECT_THAT(std::get<1>(directory).at(0).text(), HasSubstr("it is a directory"));
}

TEST(Reader, ReadsAFile) {
  const auto file = std::filesystem::temp_directory_path() /
                    ("halcyon_reader_test_" + std::to_string(::getpid()) + ".toml");
  { std::ofstream{file} << whole; }
  const Reading reading = read(file);
  std::filesystem::remove(file);
  ASSERT_TRUE(std::holds_alternative<Config>(reading));
  EXPECT_EQ(std::get<Config>(reading).accounts.at(0).name, "main");
}

TEST(NotServedYet, IsEmptyForWhatThisVersionDoes) {
  EXPECT_THAT(not_served_yet(accepted(whole)), ElementsAre());
}

TEST(NotServedYet, NamesEverythingThatThisVersionWouldOnlyPretendToDo) {
  std::string text = with("mode = \"live\"", "mode = \"paper\"\npaper_balances = { USDT = \"1\" }");
  text = with("type = \"trend_following\"", "type = \"agent\"", text);
  text +=
      "[venues.al]\nkind = \"alpaca\"\nenvironment = \"venue_paper\"\ninstruments = "
      "[\"BTC/USD\"]\n";
  EXPECT_THAT(not_served_yet(accepted(text)),
              ElementsAre(HasSubstr("venues.al.kind = \"alpaca\": not served yet"),
                          HasSubstr("accounts.main.mode = \"paper\": not served yet"),
                          HasSubstr("strategies.cross.type = \"agent\": not served yet")));
}

}  // namespace
}  // namespace halcyon::config
