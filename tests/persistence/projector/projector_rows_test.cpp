// Every record kind reaches its row and reads back equal, in a real PostgreSQL.

#include <cctype>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "domain/enum_name.h"
#include "persistence/row_batch.h"
#include "tests/persistence/postgres_server.h"
#include "tests/persistence/projector/memory_journal.h"

using namespace halcyon;
using namespace halcyon::domain;
using namespace halcyon::domain::literals;
using tests::MemoryJournal;
using tests::PostgresServer;
using tests::ProjectorMaker;
using tests::query;
using tests::query_value;

namespace {

const AccountId main_account = *tests::names().find_account("main");
const AccountId paper_account = *tests::names().find_account("paper");
const StrategyId cross = *tests::names().find_strategy("cross");
const InstrumentId btc = *tests::names().find_instrument(VenueId{0}, "BTC/USDT");
const InstrumentId eth = *tests::names().find_instrument(VenueId{0}, "ETH/USDT");
const AssetId usdt = *tests::names().find_asset("USDT");

/// One database for the program; every journal has rows of its own in it.
const std::string& database() {
  static const std::string dsn = PostgresServer::shared().new_database();
  return dsn;
}

std::uint8_t next_journal() {
  static std::uint8_t number = 0;
  return ++number;
}

/// What one projector said while it wrote the journal, `refused` rows of which are set aside.
std::vector<std::string> project(const MemoryJournal& journal, std::uint64_t refused = 0,
                                 config::Config config = tests::test_config()) {
  std::vector<std::string> said;
  ProjectorMaker maker{database(), &journal, {}, &said, std::move(config)};
  const auto projector = maker.make();
  Timestamp now = journal.now();
  EXPECT_TRUE(tests::drain(*projector, now)) << projector->stop_words();
  EXPECT_EQ(projector->readings().position, journal.last());
  EXPECT_EQ(projector->readings().backlog_records, 0U);
  EXPECT_EQ(projector->readings().rejected_rows, refused);
  return said;
}

/// A row as column -> text; "NULL" for none. The query's result must be one row.
using NamedRow = std::map<std::string, std::string>;
std::vector<NamedRow> table(const MemoryJournal& journal, const std::string& name,
                            const std::string& order_by = "id") {
  const std::string from = name.front() == '(' ? name : "halcyon." + name;
  // to_jsonb keeps the digits of NUMERIC, and names the columns for us.
  const auto rows =
      query(database(), "SELECT c.key, c.value FROM (SELECT row_number() OVER (ORDER BY " +
                            order_by + ") AS row_order, t.* FROM " + from +
                            " t WHERE journal_id = '" + journal.uuid_text() +
                            "') r CROSS JOIN LATERAL jsonb_each_text(to_jsonb(r)) c "
                            "ORDER BY r.row_order, c.key");
  std::vector<NamedRow> result;
  std::string first;
  for (const auto& row : rows) {
    if (first.empty()) first = *row[0];
    if (*row[0] == first) result.emplace_back();
    result.back()[*row[0]] = row[1].value_or("NULL");
  }
  return result;
}

/// An amount as PostgreSQL's NUMERIC(38,9) prints it: all nine decimals.
template <class Kind>
std::string nine(Decimal<Kind> amount) {
  std::string text = domain::to_string(amount);
  const std::size_t point = text.find('.');
  const std::size_t decimals = point == std::string::npos ? 0 : text.size() - point - 1;
  if (decimals == 0) text += ".";
  return text + std::string(9 - decimals, '0');
}

/// A time as jsonb prints it: microseconds without trailing zeros.
std::string iso(Timestamp time) {
  return query_value(
      database(),
      "SELECT to_jsonb(timestamptz 'epoch' + interval '1 microsecond' * " +
          std::to_string(
              std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count()) +
          ") #>> '{}'");
}

std::string row_of(const persistence::Uuid& id) { return persistence::to_string(id); }
persistence::Uuid space(const MemoryJournal& journal) { return {journal.uuid().bytes}; }

NewOrder order(std::uint32_t counter) {
  NewOrder made;
  made.id = {1'723'075'200, counter};
  made.account = main_account;
  made.strategy = cross;
  made.instrument = btc;
  made.side = Side::buy;
  made.type = OrderType::limit;
  made.quantity = "0.5"_qty;
  made.limit_price = "60000.01"_px;
  made.created = from_unix_ms(1'723'075'201'000);
  return made;
}

OrderChanged accepted(OrderId id) {
  OrderChanged changed;
  changed.order = id;
  changed.state = OrderState::accepted;
  changed.venue_order = ForeignId::number(28'457);
  changed.evidence.source = Source::private_stream;
  return changed;
}

FillBooked fill(std::uint64_t number) {
  FillBooked made;
  made.number = number;
  made.order = {1'723'075'200, 1};
  made.venue_order = ForeignId::number(28'457);
  made.trade = ForeignId::number(1000 + number);
  made.account = main_account;
  made.strategy = cross;
  made.instrument = btc;
  made.price = "60000.01"_px;
  made.quantity = "0.25"_qty;
  made.quote_amount = "15000.0025"_usd;
  made.fee = "15.0000025"_usd;
  made.fee_asset = usdt;
  return made;
}

MemoryJournal named_journal() {
  MemoryJournal journal{next_journal()};
  journal.append_names();
  return journal;
}

// ---- generators: anything a record may hold and NUMERIC(38,9) can ----

Int128 ten_to_38() {
  Int128 value = 1;
  for (int power = 0; power < 38; ++power) value *= 10;
  return value;
}

template <class Amount>
rc::Gen<Amount> amounts() {
  return rc::gen::map(
      rc::gen::pair(rc::gen::arbitrary<std::int64_t>(), rc::gen::arbitrary<std::int64_t>()),
      [](const std::pair<std::int64_t, std::int64_t>& halves) {
        if constexpr (sizeof(typename Amount::Raw) == 8) {
          return Amount::from_raw(halves.first);
        } else {
          const Int128 wide = (static_cast<Int128>(halves.first) << 64) ^ halves.second;
          return Amount::from_raw(wide % ten_to_38());
        }
      });
}
template <class Enum>
Enum any_enum() {
  return static_cast<Enum>(*rc::gen::inRange<int>(0, static_cast<int>(enum_count<Enum>())));
}
Timestamp any_time() {
  return from_unix_ns(*rc::gen::inRange<std::int64_t>(1, 4'000'000'000'000'000'000));
}
ForeignId any_foreign() {
  return {*rc::gen::element<std::uint64_t>(0, 77), *rc::gen::arbitrary<std::uint64_t>()};
}
std::string any_text() { return *rc::gen::arbitrary<std::string>(); }
std::string mended(std::string_view text) {
  std::string out;
  persistence::append_valid(text, out);
  return out;
}
std::string null_or(const std::string& text) { return text.empty() ? "NULL" : text; }
std::string reason_text(Reason reason) {
  return reason == Reason::none ? "NULL" : std::string{enum_name(reason)};
}
template <class Enum>
std::string word(Enum value) {
  return std::string{enum_name(value)};
}

std::uint64_t next_unique = 0;

}  // namespace

// ---- names and definitions
// -------------------------------------------------------------------------

TEST(ProjectorRows, NamesMakeAccountsInstrumentsStrategiesAndUsers) {
  // Given a journal that begins with its names
  MemoryJournal journal = named_journal();
  // When it is projected
  project(journal);
  // Then accounts say venue, environment, mode and owner
  const auto accounts = table(journal, "accounts", "dense_id");
  ASSERT_EQ(accounts.size(), 2U);
  EXPECT_EQ(accounts[0].at("id"), row_of(persistence::account_row(space(journal), main_account)));
  EXPECT_EQ(accounts[0].at("name"), "main");
  EXPECT_EQ(accounts[0].at("daemon"), "alpha");
  EXPECT_EQ(accounts[0].at("venue"), "binance");
  EXPECT_EQ(accounts[0].at("venue_kind"), "binance");
  EXPECT_EQ(accounts[0].at("environment"), "simulator");
  EXPECT_EQ(accounts[0].at("mode"), "live");
  EXPECT_EQ(accounts[0].at("owner_id"), row_of(persistence::user_row("ann")));
  EXPECT_EQ(accounts[0].at("is_ready"), "false");
  EXPECT_EQ(accounts[1].at("mode"), "paper");
  // and instruments what they are made of
  const auto instruments = table(journal, "instruments", "dense_id");
  ASSERT_EQ(instruments.size(), 2U);
  EXPECT_EQ(instruments[1].at("symbol"), "ETH/USDT");
  EXPECT_EQ(instruments[1].at("base_asset"), "ETH");
  EXPECT_EQ(instruments[1].at("quote_asset"), "USDT");
  EXPECT_EQ(instruments[1].at("asset_class"), "crypto");
  EXPECT_EQ(instruments[1].at("status"), "unknown");
  EXPECT_EQ(instruments[1].at("tick_size"), "NULL");
  // and strategies their type, where the configuration still knows them
  const auto strategies = table(journal, "strategies", "dense_id");
  ASSERT_EQ(strategies.size(), 2U);
  EXPECT_EQ(strategies[0].at("type"), "trend_following");
  EXPECT_EQ(strategies[1].at("type"), "NULL");
  EXPECT_EQ(query_value(database(),
                        "SELECT count(*) FROM halcyon.users "
                        "WHERE name IN ('ann', 'daemon')"),
            "2");
  EXPECT_EQ(table(journal, "journal_names").size(), 1U + 3U + 2U + 2U + 2U + 2U);
}

TEST(ProjectorRows, DefinitionsAreKeptInEveryVersionAndShownInTheLast) {
  MemoryJournal journal = named_journal();
  const auto defined = [](DefinitionKind kind, std::uint32_t id, std::uint32_t version) {
    Defined made;
    made.kind = kind;
    made.id = id;
    made.version = version;
    made.user = UserId{1};
    return made;
  };
  journal.append({{defined(DefinitionKind::configuration, 0, 1), "[daemon]\nname = \"alpha\""},
                  {defined(DefinitionKind::strategy, 0, 1), "fast_period = 10"},
                  {defined(DefinitionKind::account, 0, 1), "venue = \"binance\""}});
  journal.append({{defined(DefinitionKind::strategy, 0, 2), "fast_period = 12"}});
  project(journal);

  const auto definitions = table(journal, "definitions", "journal_sequence, ordinal");
  ASSERT_EQ(definitions.size(), 4U);
  EXPECT_EQ(definitions[0].at("kind"), "configuration");
  EXPECT_EQ(definitions[0].at("definition"), "[daemon]\nname = \"alpha\"");
  EXPECT_EQ(definitions[0].at("user_id"), row_of(persistence::user_row("ann")));
  EXPECT_EQ(definitions[0].at("sha256"),
            query_value(database(), "SELECT encode(sha256('[daemon]\nname = \"alpha\"'), 'hex')"));
  EXPECT_EQ(definitions[3].at("version"), "2");
  EXPECT_EQ(definitions[3].at("strategy_id"),
            row_of(persistence::strategy_row(space(journal), cross)));
  EXPECT_EQ(table(journal, "strategies", "dense_id")[0].at("version"), "2");
  EXPECT_EQ(table(journal, "strategies", "dense_id")[0].at("definition"), "fast_period = 12");
  EXPECT_EQ(table(journal, "accounts", "dense_id")[0].at("definition"), "venue = \"binance\"");
}

TEST(ProjectorRows, EpochsAreThoseOfTheDaemon) {
  MemoryJournal journal = named_journal();
  journal.append({{EpochStarted{4'294'967'295U}, ""}});
  project(journal);
  const auto epochs = table(journal, "daemon_epochs");
  ASSERT_EQ(epochs.size(), 1U);
  EXPECT_EQ(epochs[0].at("daemon"), "alpha");
  EXPECT_EQ(epochs[0].at("epoch"), "4294967295");
  EXPECT_EQ(epochs[0].at("started_at"), iso(journal.now()));
}

RC_GTEST_PROP(ProjectorRows, InstrumentRulesReadBackEqual, ()) {
  static MemoryJournal journal = named_journal();
  InstrumentChanged changed;
  changed.instrument = *rc::gen::element(btc, eth);
  InstrumentRules& rules = changed.rules;
  rules.tick = *amounts<Price>();
  rules.min_price = *amounts<Price>();
  rules.max_price = *amounts<Price>();
  rules.lot = *amounts<Quantity>();
  rules.min_quantity = *amounts<Quantity>();
  rules.max_quantity = *amounts<Quantity>();
  rules.max_market_quantity = *amounts<Quantity>();
  rules.min_notional = *amounts<Money>();
  rules.max_notional = *amounts<Money>();
  rules.status = any_enum<InstrumentStatus>();
  rules.min_notional_for_market = *rc::gen::arbitrary<bool>();
  rules.max_notional_for_market = *rc::gen::arbitrary<bool>();
  journal.append({{changed, ""}});
  project(journal);
  const auto row = table(journal, "instruments", "dense_id").at(index_of(changed.instrument));
  RC_ASSERT(row.at("status") == word(rules.status));
  RC_ASSERT(row.at("tick_size") == nine(rules.tick));
  RC_ASSERT(row.at("min_price") == nine(rules.min_price));
  RC_ASSERT(row.at("max_price") == nine(rules.max_price));
  RC_ASSERT(row.at("lot_size") == nine(rules.lot));
  RC_ASSERT(row.at("min_quantity") == nine(rules.min_quantity));
  RC_ASSERT(row.at("max_quantity") == nine(rules.max_quantity));
  RC_ASSERT(row.at("max_market_quantity") == nine(rules.max_market_quantity));
  RC_ASSERT(row.at("min_notional") == nine(rules.min_notional));
  RC_ASSERT(row.at("max_notional") == nine(rules.max_notional));
  RC_ASSERT(row.at("is_min_notional_for_market") ==
            (rules.min_notional_for_market ? "true" : "false"));
  RC_ASSERT(row.at("is_max_notional_for_market") ==
            (rules.max_notional_for_market ? "true" : "false"));
}

// ---- orders
// ----------------------------------------------------------------------------------------

TEST(ProjectorRows, AnOrdersLifeIsOneRowAndItsEvents) {
  // Given an order that is opened, sent, acknowledged, accepted and partly filled
  MemoryJournal journal = named_journal();
  const NewOrder asked = order(1);
  RequestChanged request;
  request.request = asked.id;
  request.order = asked.id;
  request.kind = RequestKind::place;
  request.state = RequestState::sent;
  request.valid_until = from_unix_ms(1'723'075'206'000);
  OrderChanged half = accepted(asked.id);
  half.state = OrderState::partially_filled;
  half.filled = "0.25"_qty;
  half.filled_quote = "15000.0025"_usd;
  half.reported = "0.25"_qty;
  half.evidence.venue_time = from_unix_ms(1'723'075'202'000);
  half.evidence.venue_sequence = UINT64_MAX;
  journal.append({{OrderOpened{asked}, ""}});
  journal.append({{request, ""}});
  journal.append({{accepted(asked.id), "welcome"}});
  journal.append({{half, ""}});
  project(journal);

  // Then the order's row has the last state, the client id and the environment
  const auto orders = table(journal, "orders");
  ASSERT_EQ(orders.size(), 1U);
  const NamedRow& row = orders[0];
  EXPECT_EQ(row.at("id"), row_of(persistence::order_row(space(journal), asked.id)));
  EXPECT_EQ(row.at("client_order_id"), "alpha-main-1kb82m0-1");
  EXPECT_EQ(row.at("environment"), "simulator");
  EXPECT_EQ(row.at("mode"), "live");
  EXPECT_EQ(row.at("state"), "partially_filled");
  EXPECT_EQ(row.at("quantity"), "0.500000000");
  EXPECT_EQ(row.at("limit_price"), "60000.010000000");
  EXPECT_EQ(row.at("stop_price"), "NULL");
  EXPECT_EQ(row.at("filled_quantity"), "0.250000000");
  EXPECT_EQ(row.at("average_price"), "60000.010000000");
  EXPECT_EQ(row.at("venue_order_id"), "28457");
  EXPECT_EQ(row.at("venue_sequence"), "18446744073709551615");
  EXPECT_EQ(row.at("venue_time"), iso(half.evidence.venue_time));
  EXPECT_EQ(row.at("created_at"), iso(asked.created));
  EXPECT_EQ(row.at("journal_sequence"), "5");
  EXPECT_EQ(row.at("parent_id"), "NULL");

  // and the events tell its life in order
  const auto events = table(journal, "order_events", "journal_sequence, ordinal");
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[0].at("event"), "opened");
  EXPECT_EQ(events[1].at("event"), "request");
  EXPECT_EQ(events[1].at("request_kind"), "place");
  EXPECT_EQ(events[1].at("request_state"), "sent");
  EXPECT_EQ(events[1].at("request_id"), row.at("id"));
  EXPECT_EQ(events[1].at("valid_until"), iso(request.valid_until));
  EXPECT_EQ(events[2].at("state"), "accepted");
  EXPECT_EQ(events[2].at("text"), "welcome");
  EXPECT_EQ(events[3].at("state"), "partially_filled");
  EXPECT_EQ(events[3].at("order_id"), row.at("id"));
}

TEST(ProjectorRows, AnExternalOrderKeepsItsOwnClientId) {
  MemoryJournal journal = named_journal();
  NewOrder asked = order(2);
  asked.origin = Origin::external;
  asked.strategy = no<StrategyId>;
  journal.append({{OrderOpened{asked}, "web_6d3f"}});
  project(journal);
  const auto row = table(journal, "orders").at(0);
  EXPECT_EQ(row.at("client_order_id"), "web_6d3f");
  EXPECT_EQ(row.at("origin"), "external");
  EXPECT_EQ(row.at("strategy_id"), "NULL");
}

TEST(ProjectorRows, OrdersOfAPaperAccountSayThatTheyArePaper) {
  MemoryJournal journal = named_journal();
  NewOrder asked = order(3);
  asked.account = paper_account;
  journal.append({{OrderOpened{asked}, ""}});
  project(journal);
  EXPECT_EQ(table(journal, "orders").at(0).at("mode"), "paper");
}

TEST(ProjectorRows, AnAccountThatLeftTheConfigurationKeepsItsEnvironment) {
  // Given a journal that was projected while the configuration named the account
  MemoryJournal journal = named_journal();
  journal.append({{OrderOpened{order(1)}, ""}});
  project(journal);
  // When the rest is projected after the account was taken out
  journal.append({{OrderOpened{order(2)}, ""}});
  config::Config without = tests::test_config();
  without.accounts.clear();
  project(journal, 0, without);
  // Then the environment is still known
  const auto orders = table(journal, "orders", "journal_sequence");
  EXPECT_EQ(orders.at(1).at("environment"), "simulator");
  EXPECT_EQ(orders.at(1).at("mode"), "live");
}

RC_GTEST_PROP(ProjectorRows, AnyOrderAndChangeReadBackEqual, ()) {
  static MemoryJournal journal = named_journal();
  NewOrder asked;
  asked.id = {*rc::gen::arbitrary<std::uint32_t>(), static_cast<std::uint32_t>(++next_unique)};
  asked.parent = {*rc::gen::element<std::uint32_t>(0U, 9U), 0};
  asked.account = *rc::gen::element(main_account, paper_account);
  asked.strategy = *rc::gen::element(no<StrategyId>, cross);
  asked.instrument = *rc::gen::element(btc, eth);
  asked.side = any_enum<Side>();
  asked.type = any_enum<OrderType>();
  asked.time_in_force = any_enum<TimeInForce>();
  asked.origin = any_enum<Origin>();
  asked.post_only = *rc::gen::arbitrary<bool>();
  asked.reduce_only = *rc::gen::arbitrary<bool>();
  asked.quantity = *amounts<Quantity>();
  asked.limit_price = *amounts<Price>();
  asked.stop_price = *amounts<Price>();
  asked.created = any_time();
  OrderChanged changed;
  changed.order = asked.id;
  changed.venue_order = any_foreign();
  changed.state = any_enum<OrderState>();
  changed.reason = any_enum<Reason>();
  changed.filled = *amounts<Quantity>();
  changed.filled_quote = *amounts<Money>();
  changed.reported = *amounts<Quantity>();
  changed.evidence.source = any_enum<Source>();
  changed.evidence.venue_time = any_time();
  changed.evidence.venue_sequence = *rc::gen::arbitrary<std::uint64_t>();
  const std::string text = any_text();
  journal.append({{OrderOpened{asked}, ""}, {changed, text}});
  project(journal);

  const std::string id = row_of(persistence::order_row(space(journal), asked.id));
  const auto row = table(journal, "(SELECT * FROM halcyon.orders WHERE id = '" + id + "')").at(0);
  const auto optional_row = [&](const char* column, bool is_there, const persistence::Uuid& uuid) {
    RC_ASSERT(row.at(column) == (is_there ? row_of(uuid) : "NULL"));
  };
  optional_row("parent_id", !asked.parent.is_none(),
               persistence::order_row(space(journal), asked.parent));
  optional_row("strategy_id", asked.strategy != no<StrategyId>,
               persistence::strategy_row(space(journal), asked.strategy));
  optional_row("account_id", true, persistence::account_row(space(journal), asked.account));
  optional_row("instrument_id", true,
               persistence::instrument_row(space(journal), asked.instrument));
  RC_ASSERT(row.at("side") == word(asked.side));
  RC_ASSERT(row.at("type") == word(asked.type));
  RC_ASSERT(row.at("time_in_force") == word(asked.time_in_force));
  RC_ASSERT(row.at("origin") == word(asked.origin));
  RC_ASSERT(row.at("is_post_only") == (asked.post_only ? "true" : "false"));
  RC_ASSERT(row.at("is_reduce_only") == (asked.reduce_only ? "true" : "false"));
  RC_ASSERT(row.at("quantity") == nine(asked.quantity));
  RC_ASSERT(row.at("limit_price") ==
            (asked.limit_price.is_zero() ? "NULL" : nine(asked.limit_price)));
  RC_ASSERT(row.at("stop_price") == (asked.stop_price.is_zero() ? "NULL" : nine(asked.stop_price)));
  RC_ASSERT(row.at("created_at") == iso(asked.created));
  RC_ASSERT(row.at("state") == word(changed.state));
  RC_ASSERT(row.at("reason") == reason_text(changed.reason));
  RC_ASSERT(row.at("text") == null_or(mended(text)));
  RC_ASSERT(row.at("filled_quantity") == nine(changed.filled));
  RC_ASSERT(row.at("filled_quote") == nine(changed.filled_quote));
  RC_ASSERT(row.at("reported_quantity") == nine(changed.reported));
  RC_ASSERT(row.at("source") == word(changed.evidence.source));
  RC_ASSERT(row.at("venue_time") == iso(changed.evidence.venue_time));
  RC_ASSERT(row.at("venue_order_id") == persistence::to_string(changed.venue_order));
  RC_ASSERT(row.at("venue_sequence") == (changed.evidence.venue_sequence == 0
                                             ? "NULL"
                                             : std::to_string(changed.evidence.venue_sequence)));
  const auto event = table(journal, "(SELECT * FROM halcyon.order_events WHERE order_id = '" + id +
                                        "' AND event = 'changed')")
                         .at(0);
  RC_ASSERT(event.at("state") == word(changed.state));
  RC_ASSERT(event.at("reason") == reason_text(changed.reason));
  RC_ASSERT(event.at("text") == null_or(mended(text)));
  RC_ASSERT(event.at("filled_quantity") == nine(changed.filled));
  RC_ASSERT(event.at("reported_quantity") == nine(changed.reported));
  RC_ASSERT(event.at("source") == word(changed.evidence.source));
}

TEST(ProjectorRows, ADeniedOrderIsARefusalWithBothNumbersAndNoOrder) {
  MemoryJournal journal = named_journal();
  OrderDenied denied;
  denied.order = order(1);
  denied.order.type = OrderType::market;
  denied.order.limit_price = {};
  denied.reason = Reason::order_notional_above_limit;
  denied.limit = "10000"_usd;
  denied.actual = "10000.5"_usd;
  journal.append({{denied, "one order may be worth 10000 USD"}});
  // the id may be given to the next order that passes
  journal.append({{OrderOpened{order(1)}, ""}});
  project(journal);
  const auto rows = table(journal, "order_denials");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].at("reason"), "order_notional_above_limit");
  EXPECT_EQ(rows[0].at("limit_value"), "10000.000000000");
  EXPECT_EQ(rows[0].at("actual_value"), "10000.500000000");
  EXPECT_EQ(rows[0].at("limit_price"), "NULL");
  EXPECT_EQ(rows[0].at("environment"), "simulator");
  EXPECT_EQ(rows[0].at("text"), "one order may be worth 10000 USD");
  EXPECT_EQ(table(journal, "orders").size(), 1U);
}

// ---- fills, positions, balances, equity
// ------------------------------------------------------------

RC_GTEST_PROP(ProjectorRows, AnyFillReadsBackEqual, ()) {
  static MemoryJournal journal = named_journal();
  FillBooked made;
  made.number = ++next_unique;
  made.order = {*rc::gen::element<std::uint32_t>(0U, 9U), 0};
  made.venue_order = any_foreign();
  made.trade = *rc::gen::element(ForeignId{}, any_foreign());
  made.account = *rc::gen::element(main_account, paper_account);
  made.strategy = *rc::gen::element(no<StrategyId>, cross);
  made.instrument = *rc::gen::element(btc, eth);
  made.side = any_enum<Side>();
  made.liquidity = any_enum<Liquidity>();
  made.source = any_enum<Source>();
  made.late = *rc::gen::arbitrary<bool>();
  made.fee_asset = *rc::gen::element(no<AssetId>, usdt);
  made.price = *amounts<Price>();
  made.quantity = *amounts<Quantity>();
  made.quote_amount = *amounts<Money>();
  made.fee = *amounts<Money>();
  made.venue_time = any_time();
  const auto& frame = journal.append({{made, ""}});
  project(journal);
  const auto row =
      table(journal,
            "(SELECT * FROM halcyon.fills WHERE number = " + std::to_string(made.number) + ")")
          .at(0);
  RC_ASSERT(row.at("time") == iso(frame.received));
  RC_ASSERT(row.at("journal_sequence") == std::to_string(frame.sequence));
  RC_ASSERT(row.at("ordinal") == "0");
  RC_ASSERT(
      row.at("order_id") ==
      (made.order.is_none() ? "NULL" : row_of(persistence::order_row(space(journal), made.order))));
  RC_ASSERT(row.at("venue_order_id") == persistence::to_string(made.venue_order));
  RC_ASSERT(row.at("venue_trade_id") ==
            (made.trade.is_none() ? "NULL" : persistence::to_string(made.trade)));
  RC_ASSERT(row.at("account_id") == row_of(persistence::account_row(space(journal), made.account)));
  RC_ASSERT(row.at("strategy_id") ==
            (made.strategy == no<StrategyId>
                 ? "NULL"
                 : row_of(persistence::strategy_row(space(journal), made.strategy))));
  RC_ASSERT(row.at("instrument_id") ==
            row_of(persistence::instrument_row(space(journal), made.instrument)));
  RC_ASSERT(row.at("side") == word(made.side));
  RC_ASSERT(row.at("liquidity") == word(made.liquidity));
  RC_ASSERT(row.at("source") == word(made.source));
  RC_ASSERT(row.at("is_late") == (made.late ? "true" : "false"));
  RC_ASSERT(row.at("price") == nine(made.price));
  RC_ASSERT(row.at("quantity") == nine(made.quantity));
  RC_ASSERT(row.at("quote_amount") == nine(made.quote_amount));
  RC_ASSERT(row.at("fee") == nine(made.fee));
  RC_ASSERT(row.at("fee_asset") == (made.fee_asset == usdt ? "USDT" : "NULL"));
  RC_ASSERT(row.at("venue_time") == iso(made.venue_time));
}

RC_GTEST_PROP(ProjectorRows, AnyPositionAndBalanceReadBackEqual, ()) {
  static MemoryJournal journal = named_journal();
  PositionChanged position;
  position.account = main_account;
  position.strategy = *rc::gen::element(no<StrategyId>, cross);
  position.instrument = *rc::gen::element(btc, eth);
  position.quantity = *amounts<Quantity>();
  position.average_price = *amounts<Price>();
  position.cost = *amounts<Money>();
  position.realized = *amounts<Money>();
  position.fees = *amounts<Money>();
  position.fills = *rc::gen::inRange<std::uint64_t>(0, INT64_MAX);
  BalanceChanged balance;
  balance.account = main_account;
  balance.asset = usdt;
  balance.free = Money::from_raw((*amounts<Money>()).raw() / 2);  // so that the total fits
  balance.locked = Money::from_raw((*amounts<Money>()).raw() / 2);
  balance.venue_time = *rc::gen::element(Timestamp{}, any_time());
  journal.append({{position, ""}, {balance, ""}});
  project(journal);
  const std::string strategy =
      position.strategy == no<StrategyId>
          ? "strategy_id IS NULL"
          : "strategy_id = '" + row_of(persistence::strategy_row(space(journal), cross)) + "'";
  const auto row =
      table(journal,
            "(SELECT * FROM halcyon.positions WHERE " + strategy + " AND instrument_id = '" +
                row_of(persistence::instrument_row(space(journal), position.instrument)) + "')")
          .at(0);
  RC_ASSERT(row.at("quantity") == nine(position.quantity));
  RC_ASSERT(row.at("average_price") == nine(position.average_price));
  RC_ASSERT(row.at("cost") == nine(position.cost));
  RC_ASSERT(row.at("realized_pnl") == nine(position.realized));
  RC_ASSERT(row.at("fees") == nine(position.fees));
  RC_ASSERT(row.at("fill_count") == std::to_string(position.fills));
  const auto held = table(journal, "balances");
  RC_ASSERT(held.size() == 1U);
  RC_ASSERT(held[0].at("asset") == "USDT");
  RC_ASSERT(held[0].at("free") == nine(balance.free));
  RC_ASSERT(held[0].at("locked") == nine(balance.locked));
  RC_ASSERT(held[0].at("total") == nine(balance.free + balance.locked));
  RC_ASSERT(held[0].at("venue_time") ==
            (balance.venue_time == Timestamp{} ? "NULL" : iso(balance.venue_time)));
}

RC_GTEST_PROP(ProjectorRows, AnyEquityReadsBackEqual, ()) {
  static MemoryJournal journal = named_journal();
  EquityMarked marked;
  marked.account = main_account;
  marked.strategy = *rc::gen::element(no<StrategyId>, cross);
  marked.equity = *amounts<Money>();
  marked.cash = *amounts<Money>();
  marked.realized = *amounts<Money>();
  marked.unrealized = *amounts<Money>();
  marked.fees = *amounts<Money>();
  marked.peak = *amounts<Money>();
  marked.drawdown = *amounts<Money>();
  const auto& frame = journal.append({{marked, ""}});
  project(journal);
  const auto row =
      table(journal, "(SELECT * FROM halcyon.equity_history WHERE journal_sequence = " +
                         std::to_string(frame.sequence) + ")")
          .at(0);
  RC_ASSERT(row.at("time") == iso(frame.received));
  RC_ASSERT(row.at("currency") == "USD");
  RC_ASSERT(row.at("equity") == nine(marked.equity));
  RC_ASSERT(row.at("cash") == nine(marked.cash));
  RC_ASSERT(row.at("realized_pnl") == nine(marked.realized));
  RC_ASSERT(row.at("unrealized_pnl") == nine(marked.unrealized));
  RC_ASSERT(row.at("fees") == nine(marked.fees));
  RC_ASSERT(row.at("peak") == nine(marked.peak));
  RC_ASSERT(row.at("drawdown") == nine(marked.drawdown));
}

TEST(ProjectorRows, EquityIsPartitionedByMonthMadeAheadAndNeverWithoutAPlace) {
  // Given equity at the edges of months, and by clocks that are far off
  MemoryJournal journal = named_journal();
  EquityMarked marked;
  marked.account = main_account;
  const auto at = [&](const char* time) {
    return from_unix_ns(std::stoll(query_value(
        PostgresServer::shared().dsn(), "SELECT (extract(epoch FROM timestamptz '" +
                                            std::string{time} + "') * 1000000000)::bigint")));
  };
  for (const char* time : {"2031-12-31 23:59:59.999999+00", "2032-01-01 00:00:00+00",
                           "1970-01-01 00:00:01+00", "2261-01-01 00:00:00+00"}) {
    journal.append_at(at(time), {{marked, ""}});
  }
  project(journal);
  // Then each is in its month, or in the default partition
  const auto rows = query(database(),
                          "SELECT tableoid::regclass::text FROM halcyon.equity_history "
                          "WHERE journal_id = '" +
                              journal.uuid_text() + "' ORDER BY journal_sequence");
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0][0], "equity_history_203112");
  EXPECT_EQ(rows[1][0], "equity_history_203201");
  EXPECT_EQ(rows[2][0], "equity_history_default");
  EXPECT_EQ(rows[3][0], "equity_history_default");
  // and the month after the last is there already
  EXPECT_EQ(
      query_value(database(), "SELECT to_regclass('halcyon.equity_history_203202') IS NOT NULL"),
      "t");
}

TEST(ProjectorRows, AmountsOfAllThirtyEightDigitsFitAndLargerOnesAreSetAside) {
  // Given the greatest and least amounts that NUMERIC(38,9) holds, and the first beyond
  MemoryJournal journal = named_journal();
  FillBooked greatest = fill(1);
  greatest.quantity = Quantity::from_raw(ten_to_38() - 1);
  greatest.fee = Money::from_raw(-(ten_to_38() - 1));
  greatest.price = Price::from_raw(INT64_MIN);
  FillBooked beyond = fill(2);
  beyond.quantity = Quantity::from_raw(ten_to_38());
  FillBooked far_beyond = fill(3);
  far_beyond.fee = Money::from_raw(std::numeric_limits<Int128>::min());
  journal.append({{greatest, ""}});
  journal.append({{beyond, ""}});
  journal.append({{far_beyond, ""}});
  journal.append({{fill(4), ""}});
  project(journal, 2);
  // Then those that fit are there to the last digit
  const auto fills = table(journal, "fills", "number");
  ASSERT_EQ(fills.size(), 2U);
  EXPECT_EQ(fills[0].at("quantity"), "99999999999999999999999999999.999999999");
  EXPECT_EQ(fills[0].at("fee"), "-99999999999999999999999999999.999999999");
  EXPECT_EQ(fills[0].at("price"), "-9223372036.854775808");
  EXPECT_EQ(fills[1].at("number"), "4");
  // and the others are set aside to the last digit
  const auto rejected = table(journal, "rejected_rows", "journal_sequence");
  ASSERT_EQ(rejected.size(), 2U);
  EXPECT_EQ(rejected[0].at("sqlstate"), "22003");
  EXPECT_NE(rejected[0].at("payload").find("100000000000000000000000000000"), std::string::npos);
  EXPECT_NE(rejected[1].at("payload").find("-170141183460469231731687303715.884105728"),
            std::string::npos);
}

// ---- the rest
// --------------------------------------------------------------------------------------

TEST(ProjectorRows, TradingStatesAndReadinessAreTheLastOnes) {
  MemoryJournal journal = named_journal();
  TradingStateChanged halted;
  halted.state = TradingState::halted;
  halted.user = UserId{1};
  TradingStateChanged reducing;
  reducing.scope = {main_account, cross};
  reducing.state = TradingState::reducing;
  reducing.reason = Reason::trading_reducing;
  AccountReady ready;
  ready.account = main_account;
  ready.ready = true;
  AccountReady not_ready;
  not_ready.account = main_account;
  not_ready.reason = Reason::stream_not_ready;
  journal.append({{halted, "lunch"}, {reducing, ""}, {ready, ""}});
  halted.state = TradingState::active;
  journal.append({{halted, ""}, {not_ready, ""}});
  project(journal);
  const auto states = table(journal, "trading_states", "account_id NULLS FIRST");
  ASSERT_EQ(states.size(), 2U);
  EXPECT_EQ(states[0].at("state"), "active");
  EXPECT_EQ(states[0].at("text"), "NULL");
  EXPECT_EQ(states[0].at("user_id"), row_of(persistence::user_row("ann")));
  EXPECT_EQ(states[1].at("state"), "reducing");
  EXPECT_EQ(states[1].at("reason"), "trading_reducing");
  EXPECT_EQ(states[1].at("strategy_id"), row_of(persistence::strategy_row(space(journal), cross)));
  const auto account = table(journal, "accounts", "dense_id").at(0);
  EXPECT_EQ(account.at("is_ready"), "false");
  EXPECT_EQ(account.at("ready_reason"), "stream_not_ready");
}

RC_GTEST_PROP(ProjectorRows, AnyDifferenceAndNoticeReadBackEqual, ()) {
  static MemoryJournal journal = named_journal();
  DifferenceFound difference;
  difference.kind = any_enum<DifferenceKind>();
  difference.account = *rc::gen::element(no<AccountId>, main_account);
  difference.instrument = *rc::gen::element(no<InstrumentId>, eth);
  difference.asset = *rc::gen::element(no<AssetId>, usdt);
  difference.order = {*rc::gen::element<std::uint32_t>(0U, 9U), 0};
  difference.ours = *amounts<Quantity>();
  difference.theirs = *amounts<Quantity>();
  NoticeRaised notice;
  notice.severity = any_enum<Severity>();
  notice.code = any_enum<NoticeCode>();
  notice.account = difference.account;
  notice.instrument = difference.instrument;
  notice.order = difference.order;
  const std::string text = any_text();
  const auto& frame = journal.append({{difference, text}, {notice, text}});
  project(journal);
  const auto of_frame = [&](const std::string& name) {
    return table(journal, "(SELECT * FROM halcyon." + name +
                              " WHERE journal_sequence = " + std::to_string(frame.sequence) + ")")
        .at(0);
  };
  const auto found = of_frame("differences");
  RC_ASSERT(found.at("kind") == word(difference.kind));
  RC_ASSERT(found.at("asset") == (difference.asset == usdt ? "USDT" : "NULL"));
  RC_ASSERT(found.at("ours") == nine(difference.ours));
  RC_ASSERT(found.at("theirs") == nine(difference.theirs));
  RC_ASSERT(found.at("text") == null_or(mended(text)));
  const auto raised = of_frame("notices");
  RC_ASSERT(raised.at("severity") == word(notice.severity));
  RC_ASSERT(raised.at("code") == word(notice.code));
  RC_ASSERT(raised.at("text") == mended(text));
  RC_ASSERT(raised.at("ordinal") == "1");
  for (const auto& row : {found, raised}) {
    RC_ASSERT(row.at("account_id") ==
              (difference.account == no<AccountId>
                   ? "NULL"
                   : row_of(persistence::account_row(space(journal), main_account))));
    RC_ASSERT(row.at("instrument_id") ==
              (difference.instrument == no<InstrumentId>
                   ? "NULL"
                   : row_of(persistence::instrument_row(space(journal), eth))));
    RC_ASSERT(row.at("order_id") ==
              (difference.order.is_none()
                   ? "NULL"
                   : row_of(persistence::order_row(space(journal), difference.order))));
  }
}

TEST(ProjectorRows, AStrategysMemoryIsItsLastBytes) {
  MemoryJournal journal = named_journal();
  StrategyMemory memory;
  memory.strategy = cross;
  memory.instrument = btc;
  memory.bytes.fill(0x11);
  journal.append({{memory, ""}});
  for (std::size_t index = 0; index < memory.bytes.size(); ++index) {
    memory.bytes[index] = static_cast<std::uint8_t>(index * 5);
  }
  journal.append({{memory, ""}});
  project(journal);
  const auto rows = table(journal, "strategy_memories");
  ASSERT_EQ(rows.size(), 1U);
  std::string expected = "\\x";
  for (const std::uint8_t byte : memory.bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    expected += {digits[byte >> 4], digits[byte & 15U]};
  }
  EXPECT_EQ(rows[0].at("memory"), expected);
}

TEST(ProjectorRows, EveryCommandIsAuditedWithItsAnswer) {
  MemoryJournal journal = named_journal();
  Command halt;
  halt.token = UINT64_MAX;
  halt.user = UserId{1};
  halt.what = SetTradingState{{main_account, no<StrategyId>}, TradingState::halted};
  CommandAnswered yes;
  yes.token = halt.token;
  yes.user = halt.user;
  yes.accepted = true;
  Command cancel;
  cancel.token = 2;
  cancel.what = CancelOrder{{1'723'075'200, 7}};
  CommandAnswered refused;
  refused.token = 2;
  refused.reason = Reason::unknown_order;
  Command cancel_all;
  cancel_all.token = 3;
  cancel_all.what = CancelAll{{no<AccountId>, cross}, eth};
  Command stop;
  stop.token = 4;
  stop.what = PrepareStop{true};
  CommandAnswered later;
  later.token = 3;
  later.accepted = true;
  later.affected = 12;
  journal.append_command(halt, "it looks \"odd\"", {{yes, ""}});
  journal.append_command(cancel, "", {{refused, "there is no such order"}});
  journal.append_command(cancel_all, "", {});
  journal.append_command(stop, "", {{later, ""}});
  project(journal);

  const auto rows = table(journal, "audit_log", "journal_sequence, ordinal");
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows[0].at("action"), "set_trading_state");
  EXPECT_EQ(rows[0].at("token"), "18446744073709551615");
  EXPECT_EQ(rows[0].at("user_id"), row_of(persistence::user_row("ann")));
  EXPECT_EQ(rows[0].at("account_id"),
            row_of(persistence::account_row(space(journal), main_account)));
  EXPECT_EQ(rows[0].at("arguments"), "{\"state\": \"halted\"}");
  EXPECT_EQ(rows[0].at("text"), "it looks \"odd\"");
  EXPECT_EQ(rows[0].at("is_accepted"), "true");
  EXPECT_EQ(rows[1].at("action"), "cancel_order");
  EXPECT_EQ(rows[1].at("order_id"),
            row_of(persistence::order_row(space(journal), {1'723'075'200, 7})));
  EXPECT_EQ(rows[1].at("is_accepted"), "false");
  EXPECT_EQ(rows[1].at("reason"), "unknown_order");
  EXPECT_EQ(rows[1].at("answer"), "there is no such order");
  EXPECT_EQ(rows[2].at("action"), "cancel_all");
  EXPECT_EQ(rows[2].at("is_accepted"), "NULL");
  EXPECT_EQ(rows[2].at("instrument_id"), row_of(persistence::instrument_row(space(journal), eth)));
  // an answer in another frame has a row of its own, joined by the token
  EXPECT_EQ(rows[3].at("action"), "answer");
  EXPECT_EQ(rows[3].at("token"), "3");
  EXPECT_EQ(rows[3].at("affected_orders"), "12");
  EXPECT_EQ(rows[4].at("action"), "prepare_stop");
  EXPECT_EQ(rows[4].at("arguments"), "{\"cancel_open\": true}");
}

TEST(ProjectorRows, TextsArriveAsTheyAreOrMended) {
  struct Row {
    const char* name;
    std::string text;
    std::string expected;
  };
  const Row rows[] = {
      {"tabs_and_lines", "a\tb\r\nc", "a\tb\r\nc"},
      {"backslashes", "\\N \\. \\\\ \\t", "\\N \\. \\\\ \\t"},
      {"end_of_copy", "\\.\n", "\\.\n"},
      {"quotes", "'; DROP TABLE halcyon.fills; -- \"x\"", "'; DROP TABLE halcyon.fills; -- \"x\""},
      {"unicode", "\xE2\x82\xBF \xF0\x9F\x9A\x80", "\xE2\x82\xBF \xF0\x9F\x9A\x80"},
      {"nul", std::string{"a\0b", 3},
       "a\xEF\xBF\xBD"
       "b"},
      {"not_utf8", "a\xFF", "a\xEF\xBF\xBD"},
      {"long", std::string(100'000, 'x'), std::string(100'000, 'x')},
  };
  MemoryJournal journal = named_journal();
  for (const Row& row : rows) {
    journal.append({{NoticeRaised{}, row.text}, {OrderOpened{order(1)}, ""}});
    journal.append({{accepted(order(1).id), row.text}});
  }
  project(journal);
  const auto notices = table(journal, "notices", "journal_sequence");
  const auto events = table(journal, "(SELECT * FROM halcyon.order_events WHERE event = 'changed')",
                            "journal_sequence");
  ASSERT_EQ(notices.size(), std::size(rows));
  ASSERT_EQ(events.size(), std::size(rows));
  for (std::size_t index = 0; index < std::size(rows); ++index) {
    SCOPED_TRACE(rows[index].name);
    EXPECT_EQ(notices[index].at("text"), rows[index].expected);
    EXPECT_EQ(events[index].at("text"), rows[index].expected);
  }
  EXPECT_TRUE(table(journal, "rejected_rows").empty());
}

// ---- rows that PostgreSQL refuses
// ------------------------------------------------------------------

TEST(ProjectorRows, ARefusedRowIsSetAsideWithItsReasonAndStopsNobody) {
  // Given a table that will not have some of the rows, in the middle and at the end of a batch
  MemoryJournal journal = named_journal();
  query(database(),
        "ALTER TABLE halcyon.fills ADD CONSTRAINT unlucky CHECK "
        "(journal_id <> '" +
            journal.uuid_text() + "' OR number NOT IN (13, 14, 200))");
  for (std::uint64_t number = 1; number <= 200; ++number) journal.append({{fill(number), ""}});
  // When the journal is projected
  const auto said = project(journal, 3);
  query(database(), "ALTER TABLE halcyon.fills DROP CONSTRAINT unlucky");
  // Then the others are there
  EXPECT_EQ(table(journal, "fills").size(), 197U);
  // and those are set aside whole, with the reason, and it was said
  const auto rejected = table(journal, "rejected_rows", "journal_sequence");
  ASSERT_EQ(rejected.size(), 3U);
  EXPECT_EQ(rejected[0].at("table_name"), "fills");
  EXPECT_EQ(rejected[0].at("action"), "insert");
  EXPECT_EQ(rejected[0].at("sqlstate"), "23514");
  EXPECT_NE(rejected[0].at("reason").find("unlucky"), std::string::npos);
  EXPECT_EQ(rejected[0].at("journal_sequence"), "14");
  EXPECT_EQ(query_value(database(),
                        "SELECT payload ->> 'quantity' FROM halcyon.rejected_rows "
                        "WHERE id = '" +
                            rejected[0].at("id") + "'"),
            "0.25");
  const auto alarms = std::count_if(said.begin(), said.end(), [](const std::string& words) {
    return words.find("rejected_rows") != std::string::npos;
  });
  EXPECT_EQ(alarms, 3);
}

TEST(ProjectorRows, AChangeOfAnOrderWhoseRowWasRefusedIsSetAsideToo) {
  MemoryJournal journal = named_journal();
  NewOrder impossible = order(1);
  impossible.quantity = Quantity::from_raw(ten_to_38());
  journal.append({{OrderOpened{impossible}, ""}, {OrderOpened{order(2)}, ""}});
  journal.append({{accepted(order(1).id), ""}, {accepted(order(2).id), ""}});
  project(journal, 2);
  const auto orders = table(journal, "orders");
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].at("state"), "accepted");
  const auto rejected = table(journal, "rejected_rows", "journal_sequence");
  ASSERT_EQ(rejected.size(), 2U);
  EXPECT_EQ(rejected[0].at("action"), "insert");
  EXPECT_EQ(rejected[1].at("action"), "update");
  EXPECT_EQ(rejected[1].at("sqlstate"), "02000");
  EXPECT_EQ(table(journal, "order_events").size(), 4U);
}

TEST(ProjectorRows, WhenARowCannotEvenBeSetAsideNothingMovesUntilItCan) {
  // Given rows that are refused, and a rejected_rows that refuses as well
  const std::string dsn = PostgresServer::shared().new_database();
  MemoryJournal journal = named_journal();
  std::vector<std::string> said;
  ProjectorMaker maker{dsn, &journal, {}, &said};
  const auto projector = maker.make();
  Timestamp now = journal.now();
  ASSERT_TRUE(tests::drain(*projector, now));
  query(dsn, "ALTER TABLE halcyon.rejected_rows ADD CONSTRAINT full_up CHECK (false)");
  FillBooked beyond = fill(1);
  beyond.quantity = Quantity::from_raw(ten_to_38());
  journal.append({{beyond, ""}, {fill(2), ""}});
  // When the projector tries for a while
  for (int turn = 0; turn < 50; ++turn) {
    projector->run_once(now);
    now = std::max(now, projector->next_deadline());
  }
  // Then nothing was dropped or half written, and it says so
  EXPECT_EQ(query_value(dsn, "SELECT count(*) FROM halcyon.fills"), "0");
  EXPECT_EQ(projector->readings().position, 1U);
  EXPECT_EQ(projector->readings().backlog_records, 1U);
  EXPECT_TRUE(std::any_of(said.begin(), said.end(), [](const std::string& words) {
    return words.find("cannot be set aside") != std::string::npos;
  }));
  // and when the way is free, all of it arrives
  query(dsn, "ALTER TABLE halcyon.rejected_rows DROP CONSTRAINT full_up");
  ASSERT_TRUE(tests::drain(*projector, now));
  EXPECT_EQ(query_value(dsn, "SELECT count(*) FROM halcyon.fills"), "1");
  EXPECT_EQ(query_value(dsn, "SELECT count(*) FROM halcyon.rejected_rows"), "1");
}

TEST(ProjectorRows, AnIdThatItsJournalNeverNamedStillHasARow) {
  MemoryJournal journal = named_journal();
  FillBooked strange = fill(1);
  strange.account = AccountId{40};
  strange.fee_asset = AssetId{41};
  NewOrder asked = order(1);
  asked.account = AccountId{40};
  journal.append({{strange, ""}, {OrderOpened{asked}, ""}});
  project(journal);
  EXPECT_EQ(table(journal, "fills").at(0).at("fee_asset"), "#41");
  EXPECT_EQ(table(journal, "orders").at(0).at("client_order_id"), "alpha-#40-1kb82m0-1");
  EXPECT_EQ(table(journal, "orders").at(0).at("environment"), "NULL");
}
