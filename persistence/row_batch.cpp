#include "persistence/row_batch.h"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <type_traits>
#include <variant>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "config/fields.h"
#include "config/written.h"
#include "domain/client_order_id.h"
#include "domain/credential.h"
#include "domain/enum_name.h"

namespace halcyon::persistence {

using namespace domain;

namespace {

template <std::size_t count>
constexpr TableSpec table(std::string_view name, std::string_view statement, RowAction action,
                          const Column (&columns)[count]) {
  return {name, statement, action, std::span<const Column>{columns, count}};
}

constexpr Column definition_columns[] = {
    {"id"},         {"journal_id"},  {"journal_sequence"}, {"ordinal"}, {"time"},   {"kind"},
    {"account_id"}, {"strategy_id"}, {"version"},          {"user_id"}, {"sha256"}, {"definition"}};
constexpr Column order_event_columns[] = {{"id"},
                                          {"time"},
                                          {"journal_id"},
                                          {"journal_sequence"},
                                          {"ordinal"},
                                          {"order_id"},
                                          {"event"},
                                          {"state"},
                                          {"request_id"},
                                          {"request_kind"},
                                          {"request_state"},
                                          {"valid_until"},
                                          {"reason"},
                                          {"venue_code"},
                                          {"text"},
                                          {"venue_order_id"},
                                          {"filled_quantity"},
                                          {"filled_quote"},
                                          {"reported_quantity"},
                                          {"source"},
                                          {"venue_time"},
                                          {"venue_sequence"},
                                          {"version"}};
constexpr Column order_denial_columns[] = {
    {"id"},          {"time"},        {"journal_id"},    {"journal_sequence"}, {"ordinal"},
    {"account_id"},  {"strategy_id"}, {"instrument_id"}, {"environment"},      {"mode"},
    {"side"},        {"type"},        {"time_in_force"}, {"origin"},           {"quantity"},
    {"limit_price"}, {"stop_price"},  {"reason"},        {"limit_value"},      {"actual_value"},
    {"text"}};
constexpr Column fill_columns[] = {
    {"id"},          {"time"},          {"journal_id"},     {"journal_sequence"}, {"ordinal"},
    {"number"},      {"order_id"},      {"venue_order_id"}, {"venue_trade_id"},   {"account_id"},
    {"strategy_id"}, {"instrument_id"}, {"side"},           {"liquidity"},        {"source"},
    {"is_late"},     {"price"},         {"quantity"},       {"quote_amount"},     {"fee"},
    {"fee_asset"},   {"venue_time"},    {"is_provisional"}, {"fee_value"}};
constexpr Column equity_columns[] = {
    {"id"},      {"time"},       {"journal_id"},   {"journal_sequence"},
    {"ordinal"}, {"account_id"}, {"strategy_id"},  {"currency"},
    {"equity"},  {"cash"},       {"realized_pnl"}, {"unrealized_pnl"},
    {"fees"},    {"peak"},       {"drawdown"}};
constexpr Column difference_columns[] = {
    {"id"},      {"time"},     {"journal_id"}, {"journal_sequence"},
    {"ordinal"}, {"kind"},     {"account_id"}, {"instrument_id"},
    {"asset"},   {"order_id"}, {"ours"},       {"theirs"},
    {"text"}};
constexpr Column notice_columns[] = {
    {"id"},   {"time"},       {"journal_id"},    {"journal_sequence"}, {"ordinal"}, {"severity"},
    {"code"}, {"account_id"}, {"instrument_id"}, {"order_id"},         {"text"}};
constexpr Column audit_columns[] = {{"id"},
                                    {"time"},
                                    {"journal_id"},
                                    {"journal_sequence"},
                                    {"ordinal"},
                                    {"token"},
                                    {"user_id"},
                                    {"action"},
                                    {"account_id"},
                                    {"strategy_id"},
                                    {"instrument_id"},
                                    {"order_id"},
                                    {"arguments"},
                                    {"text"},
                                    {"is_accepted"},
                                    {"reason"},
                                    {"affected_orders"},
                                    {"answer"}};

constexpr Column name_columns[] = {
    {"id"},          {"journal_id"},      {"kind"},          {"dense_id"},
    {"name"},        {"venue_dense_id"},  {"base_dense_id"}, {"quote_dense_id"},
    {"asset_class"}, {"journal_sequence"}};
constexpr Column epoch_columns[] = {{"id"},     {"journal_id"}, {"journal_sequence", true},
                                    {"daemon"}, {"epoch"},      {"started_at", true}};
constexpr Column user_columns[] = {{"id"}, {"name"}, {"created_at", true}, {"updated_at"}};
constexpr Column account_columns[] = {
    {"id"},   {"journal_id"}, {"dense_id"},         {"daemon"},
    {"name"}, {"venue"},      {"venue_kind"},       {"environment"},
    {"mode"}, {"owner_id"},   {"created_at", true}, {"updated_at"}};
constexpr Column readiness_columns[] = {{"id"}, {"is_ready"}, {"ready_reason"}, {"updated_at"}};
constexpr Column named_definition_columns[] = {{"id"}, {"version"}, {"definition"}, {"updated_at"}};
constexpr Column instrument_columns[] = {{"id"},          {"journal_id"},  {"dense_id"},
                                         {"venue"},       {"symbol"},      {"base_asset"},
                                         {"quote_asset"}, {"asset_class"}, {"created_at", true},
                                         {"updated_at"}};
constexpr Column rule_columns[] = {{"id"},
                                   {"status"},
                                   {"tick_size"},
                                   {"min_price"},
                                   {"max_price"},
                                   {"lot_size"},
                                   {"min_quantity"},
                                   {"max_quantity"},
                                   {"max_market_quantity"},
                                   {"min_notional"},
                                   {"max_notional"},
                                   {"is_min_notional_for_market"},
                                   {"is_max_notional_for_market"},
                                   {"updated_at"}};
constexpr Column strategy_columns[] = {
    {"id"},   {"journal_id"}, {"dense_id"},         {"daemon"},    {"name"},
    {"type"}, {"owner_id"},   {"created_at", true}, {"updated_at"}};
constexpr Column order_columns[] = {{"id"},
                                    {"journal_id"},
                                    {"client_order_id"},
                                    {"account_id"},
                                    {"strategy_id"},
                                    {"instrument_id"},
                                    {"parent_id"},
                                    {"environment"},
                                    {"mode"},
                                    {"side"},
                                    {"type"},
                                    {"time_in_force"},
                                    {"origin"},
                                    {"is_post_only"},
                                    {"is_reduce_only"},
                                    {"quantity"},
                                    {"limit_price"},
                                    {"stop_price"},
                                    {"journal_sequence"},
                                    {"created_at"},
                                    {"updated_at"},
                                    {"group_id"},
                                    {"replaces_id"},
                                    {"expires_at"},
                                    {"trailing_offset"},
                                    {"trailing_bps"},
                                    {"self_trade_mode"},
                                    {"is_emulated"}};
constexpr Column order_change_columns[] = {{"id"},
                                           {"state"},
                                           {"reason"},
                                           {"text"},
                                           {"venue_order_id"},
                                           {"filled_quantity"},
                                           {"filled_quote"},
                                           {"reported_quantity"},
                                           {"average_price"},
                                           {"source"},
                                           {"venue_time"},
                                           {"venue_sequence"},
                                           {"journal_sequence"},
                                           {"updated_at"}};
constexpr Column position_columns[] = {
    {"id"},         {"journal_id"},       {"account_id"}, {"strategy_id"},      {"instrument_id"},
    {"quantity"},   {"average_price"},    {"cost"},       {"realized_pnl"},     {"fees"},
    {"fill_count"}, {"journal_sequence"}, {"updated_at"}, {"realized_pnl_fifo"}};
constexpr Column balance_columns[] = {
    {"id"},     {"journal_id"}, {"account_id"},       {"asset"},     {"free"},
    {"locked"}, {"venue_time"}, {"journal_sequence"}, {"updated_at"}};
constexpr Column trading_state_columns[] = {
    {"id"},     {"journal_id"}, {"account_id"}, {"strategy_id"},      {"state"},
    {"reason"}, {"text"},       {"user_id"},    {"journal_sequence"}, {"updated_at"}};
constexpr Column memory_columns[] = {
    {"id"},     {"journal_id"},       {"strategy_id"}, {"instrument_id"},
    {"memory"}, {"journal_sequence"}, {"updated_at"}};

constexpr Column risk_alert_columns[] = {
    {"id"},          {"time"},       {"journal_id"}, {"journal_sequence"},
    {"ordinal"},     {"alert_type"}, {"severity"},   {"account_id"},
    {"strategy_id"}, {"state"},      {"message"}};
constexpr Column round_trip_columns[] = {
    {"id"},         {"time"},         {"journal_id"},    {"journal_sequence"},
    {"ordinal"},    {"trade_number"}, {"entry_lot"},     {"exit_fill"},
    {"account_id"}, {"strategy_id"},  {"instrument_id"}, {"direction"},
    {"quantity"},   {"entry_amount"}, {"exit_amount"},   {"fees"},
    {"pnl_amount"}, {"entry_time"},   {"exit_time"},     {"consecutive_losses"}};
constexpr Column fill_void_columns[] = {
    {"id"},         {"time"},        {"journal_id"},   {"journal_sequence"}, {"ordinal"},
    {"fill_id"},    {"fill_number"}, {"replaced_by"},  {"reason"},           {"order_id"},
    {"account_id"}, {"strategy_id"}, {"instrument_id"}};
constexpr Column order_amend_columns[] = {{"id"},
                                          {"time"},
                                          {"journal_id"},
                                          {"journal_sequence"},
                                          {"ordinal"},
                                          {"order_id"},
                                          {"requested"},
                                          {"accepted"},
                                          {"asked_quantity"},
                                          {"asked_limit_price"},
                                          {"asked_stop_price"},
                                          {"quantity"},
                                          {"limit_price"},
                                          {"stop_price"}};
constexpr Column cash_flow_columns[] = {
    {"id"},         {"time"},  {"journal_id"}, {"journal_sequence"}, {"ordinal"},
    {"account_id"}, {"asset"}, {"amount"},     {"venue_time"}};
constexpr Column order_terms_columns[] = {{"id"},         {"quantity"},         {"limit_price"},
                                          {"stop_price"}, {"journal_sequence"}, {"updated_at"}};
constexpr Column order_trigger_columns[] = {
    {"id"},           {"journal_id"},       {"stop_price"}, {"extreme_price"},
    {"is_triggered"}, {"journal_sequence"}, {"updated_at"}};
constexpr Column lot_columns[] = {
    {"id"},          {"journal_id"},    {"number"},           {"account_id"},
    {"strategy_id"}, {"instrument_id"}, {"quantity"},         {"cost"},
    {"fees"},        {"opened_at"},     {"journal_sequence"}, {"updated_at"}};
constexpr Column adjustment_columns[] = {
    {"id"},          {"journal_id"}, {"number"},   {"account_id"},       {"asset"},     {"amount"},
    {"is_accepted"}, {"user_id"},    {"found_at"}, {"journal_sequence"}, {"updated_at"}};
constexpr Column limit_override_columns[] = {
    {"id"},         {"journal_id"},       {"scope"},
    {"account_id"}, {"strategy_id"},      {"instrument_id"},
    {"limit_type"}, {"limit_value"},      {"is_active"},
    {"user_id"},    {"journal_sequence"}, {"updated_at"}};
constexpr Column credential_columns[] = {
    {"id"},      {"journal_id"},       {"daemon"},     {"name"},
    {"part"},    {"key_version"},      {"key_prefix"}, {"sealed"},
    {"user_id"}, {"journal_sequence"}, {"updated_at"}};
constexpr Column strategy_pause_columns[] = {{"id"}, {"is_paused"}, {"updated_at"}};
constexpr Column equity_daily_columns[] = {{"id"},
                                           {"journal_id"},
                                           {"curve_id"},
                                           {"account_id"},
                                           {"strategy_id"},
                                           {"day"},
                                           {"currency"},
                                           {"open_equity"},
                                           {"high_equity"},
                                           {"low_equity"},
                                           {"close_equity"},
                                           {"cash"},
                                           {"day_pnl"},
                                           {"peak"},
                                           {"max_drawdown"},
                                           {"mark_count"},
                                           {"journal_sequence"},
                                           {"updated_at"}};
constexpr Column trading_limit_columns[] = {
    {"id"},          {"journal_id"}, {"scope"},       {"name"},      {"account_id"},
    {"strategy_id"}, {"limit_type"}, {"limit_value"}, {"is_active"}, {"updated_at"}};

constexpr std::array<TableSpec, row_kinds> specs = {
    table("definitions", "", RowAction::append, definition_columns),
    table("order_events", "", RowAction::append, order_event_columns),
    table("order_denials", "", RowAction::append, order_denial_columns),
    table("fills", "", RowAction::append, fill_columns),
    table("equity_history", "", RowAction::append, equity_columns),
    table("differences", "", RowAction::append, difference_columns),
    table("notices", "", RowAction::append, notice_columns),
    table("audit_log", "", RowAction::append, audit_columns),
    table("risk_alerts", "", RowAction::append, risk_alert_columns),
    table("round_trips", "", RowAction::append, round_trip_columns),
    table("fill_voids", "", RowAction::append, fill_void_columns),
    table("order_amends", "", RowAction::append, order_amend_columns),
    table("cash_flows", "", RowAction::append, cash_flow_columns),
    table("journal_names", "journal_names", RowAction::upsert, name_columns),
    table("daemon_epochs", "daemon_epochs", RowAction::upsert, epoch_columns),
    table("users", "users", RowAction::upsert, user_columns),
    table("accounts", "accounts", RowAction::upsert, account_columns),
    table("accounts", "account_readiness", RowAction::update, readiness_columns),
    table("accounts", "account_definitions", RowAction::update, named_definition_columns),
    table("instruments", "instruments", RowAction::upsert, instrument_columns),
    table("instruments", "instrument_rules", RowAction::update, rule_columns),
    table("strategies", "strategies", RowAction::upsert, strategy_columns),
    table("strategies", "strategy_definitions", RowAction::update, named_definition_columns),
    table("orders", "orders", RowAction::upsert, order_columns),
    table("orders", "order_changes", RowAction::update, order_change_columns),
    table("positions", "positions", RowAction::upsert, position_columns),
    table("balances", "balances", RowAction::upsert, balance_columns),
    table("trading_states", "trading_states", RowAction::upsert, trading_state_columns),
    table("strategy_memories", "strategy_memories", RowAction::upsert, memory_columns),
    table("equity_daily", "equity_daily", RowAction::upsert, equity_daily_columns),
    table("trading_limits", "trading_limits", RowAction::upsert, trading_limit_columns),
    table("orders", "order_terms", RowAction::update, order_terms_columns),
    table("order_triggers", "order_triggers", RowAction::upsert, order_trigger_columns),
    table("lots", "lots", RowAction::upsert, lot_columns),
    table("adjustments", "adjustments", RowAction::upsert, adjustment_columns),
    table("limit_overrides", "limit_overrides", RowAction::upsert, limit_override_columns),
    table("strategies", "strategy_pauses", RowAction::update, strategy_pause_columns),
    table("credentials", "credentials", RowAction::upsert, credential_columns),
};

/// "kind/a/b": a row's name in its journal's name space, made without allocation.
class RowName {
 public:
  explicit RowName(std::string_view kind) { add(kind); }
  RowName& slash(std::uint64_t value) {
    text_[length_++] = '/';
    return number(value);
  }
  RowName& dash(std::uint64_t value) {
    text_[length_++] = '-';
    return number(value);
  }
  RowName& slash(std::string_view word) {
    text_[length_++] = '/';
    return add(word);
  }
  /// A dense id; "none" for no id.
  template <class Id>
  requires std::is_enum_v<Id> RowName& slash(Id id) {
    return id == no<Id> ? slash(std::string_view{"none"}) : slash(std::uint64_t{index_of(id)});
  }
  Uuid in(const Uuid& space) const { return name_uuid(space, {text_, length_}); }

 private:
  RowName& add(std::string_view word) {
    HALCYON_CHECK(word.size() < 24, "the words in a row's name are ours and short");
    length_ += word.copy(text_ + length_, word.size());
    return *this;
  }
  RowName& number(std::uint64_t value) {
    length_ =
        static_cast<std::size_t>(fmt::format_to(text_ + length_, FMT_STRING("{}"), value) - text_);
    return *this;
  }
  char text_[128];
  std::size_t length_ = 0;
};

std::string limit_text(Money value) { return domain::to_string(value); }
std::string limit_text(std::int32_t value) { return std::to_string(value); }
std::string limit_text(config::Percent value) { return config::written(value); }
std::string limit_text(Duration value) { return config::written(value); }

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  HALCYON_CHECK(
      EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) == 1,
      "SHA-256 is there");
  std::string out;
  for (unsigned index = 0; index < length; ++index) out += fmt::format("{:02x}", digest[index]);
  return out;
}

}  // namespace

const TableSpec& spec_of(RowKind kind) { return specs[static_cast<std::size_t>(kind)]; }

std::int32_t month_of(Timestamp time) {
  const std::chrono::year_month_day date{std::chrono::floor<std::chrono::days>(time)};
  return static_cast<int>(date.year()) * 12 +
         static_cast<std::int32_t>(static_cast<unsigned>(date.month())) - 1;
}

Uuid order_row(const Uuid& journal, OrderId id) {
  return RowName{"order"}.slash(std::uint64_t{id.epoch}).dash(id.counter).in(journal);
}
Uuid account_row(const Uuid& journal, AccountId id) {
  return RowName{"account"}.slash(id).in(journal);
}
Uuid instrument_row(const Uuid& journal, InstrumentId id) {
  return RowName{"instrument"}.slash(id).in(journal);
}
Uuid strategy_row(const Uuid& journal, StrategyId id) {
  return RowName{"strategy"}.slash(id).in(journal);
}
Uuid user_row(std::string_view name) { return name_uuid(user_space, name); }
Uuid frame_row(const Uuid& journal, std::string_view kind, std::uint64_t sequence,
               std::uint32_t ordinal) {
  return RowName{kind}.slash(sequence).slash(std::uint64_t{ordinal}).in(journal);
}

std::string to_string(ForeignId id) {
  if (id.high == 0) return fmt::format("{}", id.low);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", id.high >> 32, (id.high >> 16) & 0xFFFF,
                     id.high & 0xFFFF, id.low >> 48, id.low & 0xFFFF'FFFF'FFFF);
}

RowBatch::RowBatch() {
  for (const TableSpec& spec : specs) sets.emplace_back(spec);
}

void RowBatch::clear(std::uint64_t position) {
  for (RowSet& set : sets) {
    if (!set.empty()) set.clear();
  }
  from = to = position;
  frames = 0;
  months.clear();
}

std::size_t RowBatch::rows() const {
  std::size_t sum = 0;
  for (const RowSet& set : sets) sum += set.size();
  return sum;
}

std::size_t RowBatch::bytes() const {
  std::size_t sum = 0;
  for (const RowSet& set : sets) sum += set.bytes();
  return sum;
}

/// Where a record stands, and what every row of it needs. One function a record kind.
struct RowTranslator::Place {
  RowTranslator& self;
  RowBatch& batch;
  const FrameView& frame;
  std::string_view text;
  std::uint32_t ordinal = 0;

  RowSet::Mark mark() const { return {frame.sequence, ordinal}; }
  const Uuid& journal() const { return self.journal_; }

  // -- columns that many rows share --

  RowSet& start(RowKind kind, const Uuid& id) const {
    RowSet& rows = batch[kind];
    rows.start(mark(), id);
    return rows;
  }
  /// id, time, journal_id, journal_sequence, ordinal.
  RowSet& start_timed(RowKind kind, const Uuid& id) const {
    RowSet& rows = start(kind, id);
    rows.time(frame.received);
    rows.uuid(journal());
    rows.number(frame.sequence);
    rows.number(std::uint64_t{ordinal});
    return rows;
  }
  void partitioned() const { batch.months.insert(month_of(frame.received)); }

  void account(RowSet& rows, AccountId id) const {
    id == no<AccountId> ? rows.null() : rows.uuid(account_row(journal(), id));
  }
  void strategy(RowSet& rows, StrategyId id) const {
    id == no<StrategyId> ? rows.null() : rows.uuid(strategy_row(journal(), id));
  }
  void instrument(RowSet& rows, InstrumentId id) const {
    id == no<InstrumentId> ? rows.null() : rows.uuid(instrument_row(journal(), id));
  }
  void order(RowSet& rows, OrderId id) const {
    id.is_none() ? rows.null() : rows.uuid(order_row(journal(), id));
  }
  void asset(RowSet& rows, AssetId id) const {
    id == no<AssetId> ? rows.null() : rows.text(self.asset_name(id));
  }
  void user(RowSet& rows, UserId id) const { rows.uuid(user_row(self.user_name(id))); }
  void reason(RowSet& rows, Reason value) const {
    value == Reason::none ? rows.null() : rows.plain(enum_name(value));
  }
  void foreign(RowSet& rows, ForeignId id) const {
    id.is_none() ? rows.null() : rows.plain(persistence::to_string(id));
  }
  void venue_sequence(RowSet& rows, std::uint64_t value) const {
    value == 0 ? rows.null() : rows.number(value);
  }
  void environment_and_mode(RowSet& rows, AccountId id) const {
    const AccountFacts& facts = self.facts_of(id);
    rows.text_or_null(facts.environment);
    rows.text_or_null(facts.mode);
  }
  void prices(RowSet& rows, const NewOrder& order) const {
    order.limit_price.is_zero() ? rows.null() : rows.amount(order.limit_price);
    order.stop_price.is_zero() ? rows.null() : rows.amount(order.stop_price);
  }

  // -- records --

  void operator()(const Named& named) const {
    RowSet& rows = start(
        RowKind::journal_names,
        RowName{"name"}.slash(enum_name(named.kind)).slash(std::uint64_t{named.id}).in(journal()));
    const auto dense = [&](auto id) {
      id == no<decltype(id)> ? rows.null() : rows.number(std::uint64_t{index_of(id)});
    };
    rows.uuid(journal());
    rows.plain(enum_name(named.kind));
    rows.number(std::uint64_t{named.id});
    rows.text(text);
    dense(named.venue);
    dense(named.base);
    dense(named.quote);
    const bool has_class = named.kind == NameKind::asset || named.kind == NameKind::instrument;
    has_class ? rows.plain(enum_name(named.asset_class)) : rows.null();
    rows.number(frame.sequence);
    rows.finish();
    switch (named.kind) {
      case NameKind::venue:
      case NameKind::asset:
        break;
      case NameKind::account:
        self.add_account(static_cast<AccountId>(named.id), mark(), frame.received, batch);
        self.add_limits(text, mark(), frame.received, batch);
        break;
      case NameKind::strategy:
        self.add_strategy(static_cast<StrategyId>(named.id), mark(), frame.received, batch);
        self.add_limits(text, mark(), frame.received, batch);
        break;
      case NameKind::instrument:
        add_instrument(self.catalog_.instrument(static_cast<InstrumentId>(named.id)));
        break;
      case NameKind::user:
        self.add_user(text, mark(), frame.received, batch);
        break;
    }
  }

  void add_instrument(const Instrument& named) const {
    RowSet& rows = start(RowKind::instruments, instrument_row(journal(), named.id));
    rows.uuid(journal());
    rows.number(std::uint64_t{index_of(named.id)});
    rows.text(self.venue_name(named.venue));
    rows.text(named.symbol);
    rows.text(self.asset_name(named.base));
    rows.text(self.asset_name(named.quote));
    rows.plain(enum_name(named.asset_class));
    rows.time(frame.received);
    rows.time(frame.received);
    rows.finish();
  }

  void operator()(const Defined& defined) const {
    RowSet& rows =
        start(RowKind::definitions, frame_row(journal(), "definition", frame.sequence, ordinal));
    rows.uuid(journal());
    rows.number(frame.sequence);
    rows.number(std::uint64_t{ordinal});
    rows.time(frame.received);
    rows.plain(enum_name(defined.kind));
    const bool of_account = defined.kind == DefinitionKind::account;
    const bool of_strategy = defined.kind == DefinitionKind::strategy;
    account(rows, of_account ? static_cast<AccountId>(defined.id) : no<AccountId>);
    strategy(rows, of_strategy ? static_cast<StrategyId>(defined.id) : no<StrategyId>);
    rows.number(std::uint64_t{defined.version});
    user(rows, defined.user);
    rows.plain(sha256_hex(text));
    rows.text(text);
    rows.finish();
    if (!of_account && !of_strategy) return;
    RowSet& named = of_account
                        ? start(RowKind::account_definitions,
                                account_row(journal(), static_cast<AccountId>(defined.id)))
                        : start(RowKind::strategy_definitions,
                                strategy_row(journal(), static_cast<StrategyId>(defined.id)));
    named.number(std::uint64_t{defined.version});
    named.text(text);
    named.time(frame.received);
    named.finish();
  }

  void operator()(const EpochStarted& started) const {
    RowSet& rows = start(RowKind::daemon_epochs,
                         RowName{"epoch"}.slash(std::uint64_t{started.epoch}).in(journal()));
    rows.uuid(journal());
    rows.number(frame.sequence);
    rows.text(self.daemon_);
    rows.number(std::uint64_t{started.epoch});
    rows.time(frame.received);
    rows.finish();
  }

  void operator()(const InstrumentChanged& changed) const {
    RowSet& rows = start(RowKind::instrument_rules, instrument_row(journal(), changed.instrument));
    const InstrumentRules& rules = changed.rules;
    rows.plain(enum_name(rules.status));
    rows.amount(rules.tick);
    rows.amount(rules.min_price);
    rows.amount(rules.max_price);
    rows.amount(rules.lot);
    rows.amount(rules.min_quantity);
    rows.amount(rules.max_quantity);
    rows.amount(rules.max_market_quantity);
    rows.amount(rules.min_notional);
    rows.amount(rules.max_notional);
    rows.boolean(rules.min_notional_for_market);
    rows.boolean(rules.max_notional_for_market);
    rows.time(frame.received);
    rows.finish();
  }

  void operator()(const OrderOpened& opened) const {
    const NewOrder& asked = opened.order;
    RowSet& rows = start(RowKind::orders, order_row(journal(), asked.id));
    rows.uuid(journal());
    if (asked.origin == Origin::external && !text.empty()) {
      rows.text(text);
    } else {
      rows.text(self.client_order_id(asked.account, asked.id));
    }
    account(rows, asked.account);
    strategy(rows, asked.strategy);
    instrument(rows, asked.instrument);
    order(rows, asked.parent);
    environment_and_mode(rows, asked.account);
    rows.plain(enum_name(asked.side));
    rows.plain(enum_name(asked.type));
    rows.plain(enum_name(asked.time_in_force));
    rows.plain(enum_name(asked.origin));
    rows.boolean(asked.post_only);
    rows.boolean(asked.reduce_only);
    rows.amount(asked.quantity);
    prices(rows, asked);
    rows.number(frame.sequence);
    rows.time(asked.created == Timestamp{} ? frame.received : asked.created);
    rows.time(frame.received);
    order(rows, asked.group);
    order(rows, asked.replaces);
    rows.time_or_null(asked.expires);
    asked.trailing_offset.is_zero() ? rows.null() : rows.amount(asked.trailing_offset);
    asked.trailing_bps == 0 ? rows.null() : rows.number(std::int64_t{asked.trailing_bps});
    rows.plain(enum_name(asked.self_trade));
    rows.boolean(asked.is_emulated);
    rows.finish();

    RowSet& events = start_event(asked.id, "opened");
    events.plain(enum_name(OrderState::pending_submit));
    for (int column = 0; column < 6; ++column) events.null();  // of a request
    events.text_or_null(text);
    for (int column = 0; column < 8; ++column) events.null();  // of a change, and an amend
    events.finish();
  }

  RowSet& start_event(OrderId id, std::string_view event) const {
    partitioned();
    RowSet& rows = start_timed(RowKind::order_events,
                               frame_row(journal(), "order_event", frame.sequence, ordinal));
    rows.uuid(order_row(journal(), id));
    rows.plain(event);
    return rows;
  }

  void operator()(const OrderChanged& changed) const {
    const Evidence& evidence = changed.evidence;
    RowSet& rows = start(RowKind::order_changes, order_row(journal(), changed.order));
    rows.plain(enum_name(changed.state));
    reason(rows, changed.reason);
    rows.text_or_null(text);
    foreign(rows, changed.venue_order);
    rows.amount(changed.filled);
    rows.amount(changed.filled_quote);
    rows.amount(changed.reported);
    const auto average = price_of(changed.filled_quote, changed.filled);
    average ? rows.amount(*average) : rows.null();
    rows.plain(enum_name(evidence.source));
    rows.time_or_null(evidence.venue_time);
    venue_sequence(rows, evidence.venue_sequence);
    rows.number(frame.sequence);
    rows.time(frame.received);
    rows.finish();

    RowSet& events = start_event(changed.order, "changed");
    events.plain(enum_name(changed.state));
    for (int column = 0; column < 4; ++column) events.null();  // of a request
    reason(events, changed.reason);
    events.null();
    events.text_or_null(text);
    foreign(events, changed.venue_order);
    events.amount(changed.filled);
    events.amount(changed.filled_quote);
    events.amount(changed.reported);
    events.plain(enum_name(evidence.source));
    events.time_or_null(evidence.venue_time);
    venue_sequence(events, evidence.venue_sequence);
    events.null();  // of an amend
    events.finish();
  }

  void operator()(const RequestChanged& changed) const {
    RowSet& events = start_event(changed.order, "request");
    events.null();
    events.uuid(order_row(journal(), changed.request));
    events.plain(enum_name(changed.kind));
    events.plain(enum_name(changed.state));
    events.time_or_null(changed.valid_until);
    reason(events, changed.reason);
    changed.venue_code == 0 ? events.null() : events.number(std::int64_t{changed.venue_code});
    events.text_or_null(text);
    for (int column = 0; column < 7; ++column) events.null();  // of a change
    changed.version == 0 ? events.null() : events.number(std::uint64_t{changed.version});
    events.finish();
  }

  void operator()(const OrderDenied& denied) const {
    const NewOrder& asked = denied.order;
    RowSet& rows = start_timed(RowKind::order_denials,
                               frame_row(journal(), "order_denial", frame.sequence, ordinal));
    account(rows, asked.account);
    strategy(rows, asked.strategy);
    instrument(rows, asked.instrument);
    environment_and_mode(rows, asked.account);
    rows.plain(enum_name(asked.side));
    rows.plain(enum_name(asked.type));
    rows.plain(enum_name(asked.time_in_force));
    rows.plain(enum_name(asked.origin));
    rows.amount(asked.quantity);
    prices(rows, asked);
    rows.plain(enum_name(denied.reason));
    rows.amount(denied.limit);
    rows.amount(denied.actual);
    rows.text_or_null(text);
    rows.finish();
  }

  void operator()(const FillBooked& fill) const {
    RowSet& rows = start_timed(RowKind::fills, RowName{"fill"}.slash(fill.number).in(journal()));
    rows.number(fill.number);
    order(rows, fill.order);
    foreign(rows, fill.venue_order);
    foreign(rows, fill.trade);
    account(rows, fill.account);
    strategy(rows, fill.strategy);
    instrument(rows, fill.instrument);
    rows.plain(enum_name(fill.side));
    rows.plain(enum_name(fill.liquidity));
    rows.plain(enum_name(fill.source));
    rows.boolean(fill.late);
    rows.amount(fill.price);
    rows.amount(fill.quantity);
    rows.amount(fill.quote_amount);
    rows.amount(fill.fee);
    asset(rows, fill.fee_asset);
    rows.time_or_null(fill.venue_time);
    rows.boolean(fill.is_provisional);
    rows.amount(fill.fee_value);
    rows.finish();
  }

  void operator()(const PositionChanged& changed) const {
    RowSet& rows = start(RowKind::positions, RowName{"position"}
                                                 .slash(changed.account)
                                                 .slash(changed.strategy)
                                                 .slash(changed.instrument)
                                                 .in(journal()));
    rows.uuid(journal());
    account(rows, changed.account);
    strategy(rows, changed.strategy);
    instrument(rows, changed.instrument);
    rows.amount(changed.quantity);
    rows.amount(changed.average_price);
    rows.amount(changed.cost);
    rows.amount(changed.realized);
    rows.amount(changed.fees);
    rows.number(changed.fills);
    rows.number(frame.sequence);
    rows.time(frame.received);
    rows.amount(changed.realized_fifo);
    rows.finish();
  }

  void operator()(const BalanceChanged& changed) const {
    RowSet& rows =
        start(RowKind::balances,
              RowName{"balance"}.slash(changed.account).slash(changed.asset).in(journal()));
    rows.uuid(journal());
    account(rows, changed.account);
    asset(rows, changed.asset);
    rows.amount(changed.free);
    rows.amount(changed.locked);
    rows.time_or_null(changed.venue_time);
    rows.number(frame.sequence);
    rows.time(frame.received);
    rows.finish();
  }

  void operator()(const EquityMarked& marked) const {
    partitioned();
    RowSet& rows = start_timed(RowKind::equity_history,
                               frame_row(journal(), "equity", frame.sequence, ordinal));
    account(rows, marked.account);
    strategy(rows, marked.strategy);
    rows.text(self.currency_);
    rows.amount(marked.equity);
    rows.amount(marked.cash);
    rows.amount(marked.realized);
    rows.amount(marked.unrealized);
    rows.amount(marked.fees);
    rows.amount(marked.peak);
    rows.amount(marked.drawdown);
    rows.finish();
    equity_day(marked);
  }

  void equity_day(const EquityMarked& marked) const {
    const auto name = [&](std::string_view kind) {
      return RowName{kind}.slash(marked.account).slash(marked.strategy);
    };
    const Uuid curve = name("equity_curve").in(journal());
    const EquityDay& day = self.equity_days_.add(curve, marked);
    const auto number = static_cast<std::uint64_t>(std::max(day.day, 0));
    RowSet& rows = start(RowKind::equity_daily, name("equity_day").slash(number).in(journal()));
    rows.uuid(journal());
    rows.uuid(curve);
    account(rows, marked.account);
    strategy(rows, marked.strategy);
    rows.plain(day_text(day.day));
    rows.text(self.currency_);
    rows.amount(day.open);
    rows.amount(day.high);
    rows.amount(day.low);
    rows.amount(day.close);
    rows.amount(day.cash);
    rows.amount(day.day_pnl);
    rows.amount(day.peak);
    rows.amount(day.max_drawdown);
    rows.number(day.marks);
    rows.number(frame.sequence);
    rows.time(frame.received);
    rows.finish();
  }

  void operator()(const TradingStateChanged& changed) const {
    RowSet& rows = start(RowKind::trading_states, RowName{"trading_state"}
                                                      .slash(changed.scope.account)
                                                      .slash(changed.scope.strategy)
                                                      .in(journal()));
    rows.uuid(journal());
    account(rows, changed.scope.account);
    strategy(rows, changed.scope.strategy);
    rows.plain(enum_name(changed.state));
    reason(rows, changed.reason);
    rows.text_or_null(text);
    user(rows, changed.user);
    rows.number(frame.sequence);
    rows.time(frame.received);
    rows.finish();
    // A reason is the daemon's own: a limit was broken.
    alert(changed.reason, changed.state, changed.scope);
  }

  void alert(Reason why, TradingState state, Scope scope) const {
    if (why == Reason::none || state == TradingState::active) return;
    RowSet& rows = start_timed(RowKind::risk_alerts,
                               frame_row(journal(), "risk_alert", frame.sequence, ordinal));
    rows.plain(enum_name(why));
    rows.plain(enum_name(Severity::alarm));
    account(rows, scope.account);
    strategy(rows, scope.strategy);
    rows.plain(enum_name(state));
    rows.text_or_null(text);
    rows.finish();
  }

  // The text of the alert names the instrument.
  void operator()(const InstrumentStateChanged& changed) const {
    alert(changed.reason, changed.state, {});
  }
  // What only the engine needs to know again.
  void operator()(const InstrumentMarked&) const {}
  void operator()(const BalanceExplained&) const {}

  void operator()(const AccountReady& ready) const {
    RowSet& rows = start(RowKind::account_readiness, account_row(journal(), ready.account));
    rows.boolean(ready.ready);
    reason(rows, ready.reason);
    rows.time(frame.received);
    rows.finish();
  }

  void operator()(const DifferenceFound& difference) const {
    RowSet& rows = start_timed(RowKind::differences,
                               frame_row(journal(), "difference", frame.sequence, ordinal));
    rows.plain(enum_name(difference.kind));
    account(rows, difference.account);
    instrument(rows, difference.instrument);
    asset(rows, difference.asset);
    order(rows, difference.order);
    rows.amount(difference.ours);
    rows.amount(difference.theirs);
    rows.text_or_null(text);
    rows.finish();
  }

  void operator()(const StrategyMemory& memory) const {
    RowSet& rows = start(
        RowKind::strategy_memories,
        RowName{"strategy_memory"}.slash(memory.strategy).slash(memory.instrument).in(journal()));
    rows.uuid(journal());
    strategy(rows, memory.strategy);
    instrument(rows, memory.instrument);
    std::string bytes = "\\x";
    for (const std::uint8_t byte : memory.bytes) {
      fmt::format_to(std::back_inserter(bytes), FMT_STRING("{:02x}"), byte);
    }
    rows.plain(bytes);
    rows.number(frame.sequence);
    rows.time(frame.received);
    rows.finish();
  }

  void operator()(const NoticeRaised& notice) const {
    RowSet& rows =
        start_timed(RowKind::notices, frame_row(journal(), "notice", frame.sequence, ordinal));
    rows.plain(enum_name(notice.severity));
    rows.plain(enum_name(notice.code));
    account(rows, notice.account);
    instrument(rows, notice.instrument);
    order(rows, notice.order);
    rows.text(text);
    rows.finish();
  }

  // -- what orders and positions came to --

  void keys(RowSet& rows, AccountId a, StrategyId s, InstrumentId i) const {
    account(rows, a);
    strategy(rows, s);
    instrument(rows, i);
  }
  void last_change(RowSet& rows) const {
    rows.number(frame.sequence);
    rows.time(frame.received);
    rows.finish();
  }
  void price_or_null(RowSet& rows, Price price) const {
    price.is_zero() ? rows.null() : rows.amount(price);
  }

  void operator()(const RoundTripClosed& trip) const {
    RowSet& rows =
        start_timed(RowKind::round_trips, RowName{"round_trip"}.slash(trip.number).in(journal()));
    rows.number(trip.number);
    rows.number(trip.entry_lot);
    rows.number(trip.exit_fill);
    keys(rows, trip.account, trip.strategy, trip.instrument);
    rows.plain(trip.side == Side::buy ? "long" : "short");
    rows.amount(trip.quantity);
    rows.amount(trip.entry_amount);
    rows.amount(trip.exit_amount);
    rows.amount(trip.fees);
    rows.amount(trip.profit);
    rows.time_or_null(trip.opened);
    rows.time_or_null(trip.closed);
    rows.number(std::int64_t{trip.losses_in_a_row});
    rows.finish();
  }

  void operator()(const LotChanged& lot) const {
    RowSet& rows = start(RowKind::lots, RowName{"lot"}.slash(lot.number).in(journal()));
    rows.uuid(journal());
    rows.number(lot.number);
    keys(rows, lot.account, lot.strategy, lot.instrument);
    rows.amount(lot.quantity);
    rows.amount(lot.cost);
    rows.amount(lot.fees);
    rows.time_or_null(lot.opened);
    last_change(rows);
  }

  void operator()(const FillVoided& gone) const {
    RowSet& rows = start_timed(RowKind::fill_voids,
                               frame_row(journal(), "fill_void", frame.sequence, ordinal));
    rows.uuid(RowName{"fill"}.slash(gone.number).in(journal()));
    rows.number(gone.number);
    gone.by == 0 ? rows.null() : rows.number(gone.by);
    reason(rows, gone.reason);
    order(rows, gone.order);
    keys(rows, gone.account, gone.strategy, gone.instrument);
    rows.finish();
  }

  void operator()(const OrderAmended& amended) const {
    RowSet& rows = start_timed(RowKind::order_amends,
                               frame_row(journal(), "order_amend", frame.sequence, ordinal));
    rows.uuid(order_row(journal(), amended.order));
    rows.number(std::uint64_t{amended.requested});
    rows.number(std::uint64_t{amended.accepted});
    for (const Terms& terms : {amended.asked, amended.now}) {
      rows.amount(terms.quantity);
      price_or_null(rows, terms.limit_price);
      price_or_null(rows, terms.stop_price);
    }
    rows.finish();
    if (amended.accepted == 0) return;
    RowSet& orders = start(RowKind::order_terms, order_row(journal(), amended.order));
    orders.amount(amended.now.quantity);
    price_or_null(orders, amended.now.limit_price);
    price_or_null(orders, amended.now.stop_price);
    last_change(orders);
  }

  void operator()(const OrderArmed& armed) const {
    RowSet& rows = start(RowKind::order_triggers, order_row(journal(), armed.order));
    rows.uuid(journal());
    price_or_null(rows, armed.stop_price);
    price_or_null(rows, armed.extreme);
    rows.boolean(armed.is_triggered);
    last_change(rows);
  }

  void operator()(const AdjustmentChanged& changed) const {
    RowSet& rows =
        start(RowKind::adjustments, RowName{"adjustment"}.slash(changed.number).in(journal()));
    rows.uuid(journal());
    rows.number(changed.number);
    account(rows, changed.account);
    asset(rows, changed.asset);
    rows.amount(changed.amount);
    rows.boolean(changed.is_accepted);
    user(rows, changed.user);
    rows.time_or_null(changed.found);
    last_change(rows);
  }

  void operator()(const LimitChanged& changed) const {
    const SetLimit& limit = changed.limit;
    RowSet& rows =
        start(RowKind::limit_overrides,
              name_uuid(journal(), fmt::format("limit_override/{}/{}/{}", enum_name(limit.level),
                                               limit.id, enum_name(limit.key))));
    const auto of = [&](LimitLevel level, auto none) {
      return limit.level == level ? static_cast<decltype(none)>(limit.id) : none;
    };
    rows.uuid(journal());
    rows.plain(enum_name(limit.level));
    keys(rows, of(LimitLevel::account, no<AccountId>), of(LimitLevel::strategy, no<StrategyId>),
         of(LimitLevel::instrument, no<InstrumentId>));
    rows.plain(enum_name(limit.key));
    rows.amount(limit.value);
    rows.boolean(limit.is_set);
    user(rows, changed.user);
    last_change(rows);
  }

  void operator()(const StrategyPaused& paused) const {
    RowSet& rows = start(RowKind::strategy_pauses, strategy_row(journal(), paused.strategy));
    rows.boolean(paused.paused);
    rows.time(frame.received);
    rows.finish();
  }

  void operator()(const CredentialChanged& changed) const {
    const auto credential = parse_credential(text);
    if (!credential) return;  // the engine takes no other
    const std::string_view part = enum_name(credential->part);
    RowSet& rows =
        start(RowKind::credentials,
              name_uuid(journal(), fmt::format("credential/{}/{}", credential->name, part)));
    rows.uuid(journal());
    rows.text(self.daemon_);
    rows.text(credential->name);
    rows.plain(part);
    rows.number(std::uint64_t{credential->key_version});
    rows.text_or_null(credential->prefix);
    rows.text(credential->sealed);
    user(rows, changed.user);
    rows.number(frame.sequence);
    rows.time(frame.received);
    rows.finish();
  }

  void operator()(const FlowBooked& flow) const {
    RowSet& rows = start_timed(RowKind::cash_flows,
                               frame_row(journal(), "cash_flow", frame.sequence, ordinal));
    account(rows, flow.account);
    asset(rows, flow.asset);
    rows.amount(flow.amount);
    rows.time_or_null(flow.venue_time);
    rows.finish();
  }

  /// An answer whose command is not in this frame; the others stand in the command's own row.
  void operator()(const CommandAnswered& answered) const {
    if (frame.has_input) {
      const auto* command = std::get_if<Command>(&frame.input.what);
      if (command != nullptr && command->token == answered.token) return;
    }
    RowSet& rows = start_audit(answered.token, answered.user);
    rows.plain("answer");
    for (int column = 0; column < 4; ++column) rows.null();
    rows.plain("{}");
    rows.null();
    answer(rows, &answered, text);
    rows.finish();
  }

  RowSet& start_audit(std::uint64_t token, UserId by) const {
    RowSet& rows =
        start_timed(RowKind::audit_log, frame_row(journal(), "audit", frame.sequence, ordinal));
    rows.number(token);
    user(rows, by);
    return rows;
  }

  void answer(RowSet& rows, const CommandAnswered* answered, std::string_view words) const {
    if (answered == nullptr) {
      for (int column = 0; column < 4; ++column) rows.null();
      return;
    }
    rows.boolean(answered->accepted);
    reason(rows, answered->reason);
    rows.number(std::uint64_t{answered->affected});
    rows.text_or_null(words);
  }

  /// The frame's input, when it is a command. Its ordinal is the number of records: behind them.
  void command(const Command& asked) const {
    RowSet& rows = start_audit(asked.token, asked.user);
    Scope scope;
    InstrumentId about_instrument = no<InstrumentId>;
    OrderId about_order;
    std::string arguments = "{}";
    std::string_view action;
    std::string_view reason_given = frame.remark;
    if (const auto* set = std::get_if<SetTradingState>(&asked.what)) {
      action = "set_trading_state";
      scope = set->scope;
      about_instrument = set->instrument;
      arguments = fmt::format("{{\"state\": \"{}\"}}", enum_name(set->state));
    } else if (const auto* cancel = std::get_if<CancelOrder>(&asked.what)) {
      action = "cancel_order";
      about_order = cancel->order;
    } else if (const auto* all = std::get_if<CancelAll>(&asked.what)) {
      action = "cancel_all";
      scope = all->scope;
      about_instrument = all->instrument;
    } else if (const auto* stop = std::get_if<PrepareStop>(&asked.what)) {
      action = "prepare_stop";
      arguments = fmt::format("{{\"cancel_open\": {}}}", stop->cancel_open);
    } else if (const auto* submit = std::get_if<SubmitOrder>(&asked.what)) {
      action = "submit_order";
      scope = {submit->account, submit->strategy};
      about_instrument = submit->instrument;
      arguments = fmt::format(
          "{{\"side\": \"{}\", \"type\": \"{}\", \"quantity\": \"{}\", \"limit_price\": \"{}\", "
          "\"stop_price\": \"{}\", \"take_profit\": \"{}\", \"stop_loss\": \"{}\"}}",
          enum_name(submit->side), enum_name(submit->type), to_string(submit->quantity),
          to_string(submit->limit_price), to_string(submit->stop_price),
          to_string(submit->take_profit), to_string(submit->stop_loss));
    } else if (const auto* amend = std::get_if<AmendOrder>(&asked.what)) {
      action = "amend_order";
      about_order = amend->order;
      arguments =
          fmt::format("{{\"quantity\": \"{}\", \"limit_price\": \"{}\", \"stop_price\": \"{}\"}}",
                      to_string(amend->terms.quantity), to_string(amend->terms.limit_price),
                      to_string(amend->terms.stop_price));
    } else if (const auto* resolve = std::get_if<ResolveOrder>(&asked.what)) {
      action = "resolve_order";
      about_order = resolve->order;
      arguments = fmt::format("{{\"status\": \"{}\"}}", enum_name(resolve->status));
    } else if (const auto* flatten = std::get_if<Flatten>(&asked.what)) {
      action = "flatten";
      scope = flatten->scope;
      about_instrument = flatten->instrument;
    } else if (const auto* reconcile = std::get_if<Reconcile>(&asked.what)) {
      action = "reconcile";
      scope.account = reconcile->account;
    } else if (const auto* kill = std::get_if<KillSwitch>(&asked.what)) {
      action = "kill_switch";
      arguments = fmt::format("{{\"flatten\": {}}}", kill->flatten);
    } else if (std::holds_alternative<ReleaseKillSwitch>(asked.what)) {
      action = "release_kill_switch";
    } else if (const auto* pause = std::get_if<PauseStrategy>(&asked.what)) {
      action = "pause_strategy";
      scope.strategy = pause->strategy;
      arguments = fmt::format("{{\"paused\": {}}}", pause->paused);
    } else if (const auto* limit = std::get_if<SetLimit>(&asked.what)) {
      action = "set_limit";
      if (limit->level == LimitLevel::account) scope.account = static_cast<AccountId>(limit->id);
      if (limit->level == LimitLevel::strategy) scope.strategy = static_cast<StrategyId>(limit->id);
      arguments = fmt::format(
          "{{\"level\": \"{}\", \"limit\": \"{}\", \"is_set\": {}, \"value\": \"{}\"}}",
          enum_name(limit->level), enum_name(limit->key), limit->is_set, to_string(limit->value));
    } else if (const auto* accept = std::get_if<AcceptAdjustment>(&asked.what)) {
      action = "accept_adjustment";
      arguments = fmt::format("{{\"number\": {}}}", accept->number);
    } else if (const auto* listen = std::get_if<Listen>(&asked.what)) {
      action = listen->listens ? "subscribe" : "unsubscribe";
      about_instrument = listen->instrument;
    } else if (const auto* put = std::get_if<PutCredentials>(&asked.what)) {
      action = "put_credentials";
      arguments = "{\"credentials\": [";
      for (std::uint32_t index = 0; index < put->count && !reason_given.empty(); ++index) {
        const std::size_t end = std::min(reason_given.find('\n'), reason_given.size());
        if (const auto credential = parse_credential(reason_given.substr(0, end))) {
          arguments += fmt::format("{}{{\"name\": \"{}\", \"part\": \"{}\", \"key_version\": {}}}",
                                   index == 0 ? "" : ", ", credential->name,
                                   enum_name(credential->part), credential->key_version);
        }
        reason_given.remove_prefix(std::min(end + 1, reason_given.size()));
      }
      arguments += "]}";
    } else {
      // A command that came later than this reader of commands: audited all the same.
      action = "command";
      arguments = fmt::format("{{\"kind\": {}}}", asked.what.index());
    }
    rows.plain(action);
    account(rows, scope.account);
    strategy(rows, scope.strategy);
    instrument(rows, about_instrument);
    order(rows, about_order);
    rows.plain(arguments);
    rows.text_or_null(reason_given);
    const CommandAnswered* answered = nullptr;
    std::string_view words;
    for (const RecordEntry& entry : frame.records) {
      const auto* candidate = std::get_if<CommandAnswered>(&entry.record);
      if (candidate == nullptr || candidate->token != asked.token) continue;
      answered = candidate;
      words = entry.text;
    }
    answer(rows, answered, words);
    rows.finish();
  }
};

RowTranslator::RowTranslator(const JournalUuid& journal, const config::Config& config)
    : journal_{journal.bytes}, daemon_(config.daemon.name), currency_(config.risk.currency) {
  for (const config::Account& account : config.accounts) {
    AccountFacts facts;
    facts.mode = enum_name(account.mode);
    facts.owner = account.owner;
    for (const config::Venue& venue : config.venues) {
      if (venue.name != account.venue) continue;
      facts.venue_kind = enum_name(venue.kind);
      facts.environment = enum_name(venue.environment);
    }
    configured_[account.name] = std::move(facts);
  }
  for (const config::Strategy& strategy : config.strategies) {
    strategy_types_[strategy.name] = strategy.type;
  }
  const auto add_level = [this](std::string_view scope, const std::string& name,
                                const config::RiskLimits& limits) {
    std::apply(
        [&](const auto&... fields) {
          const auto add = [&](const auto& field) {
            const auto& limit = limits.*field.member;
            if (limit) {
              limits_.push_back({scope, name, std::string{field.key}, limit_text(*limit)});
            }
          };
          (add(fields), ...);
        },
        config::risk_fields);
  };
  add_level("daemon", "", config.risk.daemon);
  for (const auto& [name, limits] : config.risk.accounts) add_level("account", name, limits);
  for (const auto& [name, limits] : config.risk.strategies) add_level("strategy", name, limits);
  for (const auto& [name, limits] : config.risk.instruments) add_level("instrument", name, limits);
}

void RowTranslator::forget() {
  catalog_ = Catalog{};
  users_ = {"daemon"};
  remembered_.clear();
  equity_days_.clear();
}

bool RowTranslator::restore_equity_day(const FoldRow& row) {
  const auto read = read_equity_day(row);
  if (read) equity_days_.restore(read->first, read->second);
  return read.has_value();
}

bool RowTranslator::restore(const Named& named, std::string_view name) {
  if (!catalog_.restore(named, name)) return false;
  if (named.kind == NameKind::user && named.id == users_.size()) users_.emplace_back(name);
  return true;
}

std::size_t RowTranslator::name_count() const {
  return catalog_.venues().size() + catalog_.asset_count() + catalog_.accounts().size() +
         catalog_.strategies().size() + catalog_.instruments().size() + users_.size();
}

std::string RowTranslator::asset_name(AssetId id) const {
  if (index_of(id) < catalog_.asset_count()) return catalog_.name(id);
  return fmt::format("#{}", index_of(id));
}
std::string RowTranslator::venue_name(VenueId id) const {
  if (index_of(id) < catalog_.venues().size()) return catalog_.name(id);
  return fmt::format("#{}", index_of(id));
}
std::string RowTranslator::user_name(UserId id) const {
  if (index_of(id) < users_.size()) return users_[index_of(id)];
  return fmt::format("#{}", index_of(id));
}

std::string RowTranslator::client_order_id(AccountId account, OrderId id) const {
  std::string text = daemon_ + "-";
  if (index_of(account) < catalog_.accounts().size()) {
    text += catalog_.name(account);
  } else {
    text += fmt::format("#{}", index_of(account));
  }
  text += "-";
  char numbers[max_client_order_id];
  return text.append(numbers, print_client_order_id({}, id, numbers));
}

const AccountFacts& RowTranslator::facts_of(AccountId id) const {
  static const AccountFacts nothing;
  if (index_of(id) >= catalog_.accounts().size()) return nothing;
  const std::string& name = catalog_.name(id);
  if (const auto found = configured_.find(name); found != configured_.end()) return found->second;
  const auto found = remembered_.find(name);
  return found == remembered_.end() ? nothing : found->second;
}

void RowTranslator::add_user(std::string_view name, RowSet::Mark mark, Timestamp time,
                             RowBatch& batch) const {
  RowSet& rows = batch[RowKind::users];
  rows.start(mark, user_row(name));
  rows.text(name);
  rows.time(time);
  rows.time(time);
  rows.finish();
}

void RowTranslator::add_account(AccountId id, RowSet::Mark mark, Timestamp time,
                                RowBatch& batch) const {
  const Catalog::Account& account = catalog_.account(id);
  const AccountFacts& facts = facts_of(id);
  if (!facts.owner.empty()) add_user(facts.owner, mark, time, batch);
  RowSet& rows = batch[RowKind::accounts];
  rows.start(mark, account_row(journal_, id));
  rows.uuid(journal_);
  rows.number(std::uint64_t{index_of(id)});
  rows.text(daemon_);
  rows.text(account.name);
  rows.text(venue_name(account.venue));
  rows.text_or_null(facts.venue_kind);
  rows.text_or_null(facts.environment);
  rows.text_or_null(facts.mode);
  facts.owner.empty() ? rows.null() : rows.uuid(user_row(facts.owner));
  rows.time(time);
  rows.time(time);
  rows.finish();
}

void RowTranslator::add_strategy(StrategyId id, RowSet::Mark mark, Timestamp time,
                                 RowBatch& batch) const {
  const std::string& name = catalog_.name(id);
  const auto type = strategy_types_.find(name);
  const bool is_configured = type != strategy_types_.end();
  if (is_configured) add_user("daemon", mark, time, batch);
  RowSet& rows = batch[RowKind::strategies];
  rows.start(mark, strategy_row(journal_, id));
  rows.uuid(journal_);
  rows.number(std::uint64_t{index_of(id)});
  rows.text(daemon_);
  rows.text(name);
  is_configured ? rows.text_or_null(type->second) : rows.null();
  is_configured ? rows.uuid(user_row("daemon")) : rows.null();
  rows.time(time);
  rows.time(time);
  rows.finish();
}

void RowTranslator::add_configured(Timestamp now, RowBatch& batch) const {
  const RowSet::Mark mark{batch.to, 0};
  for (std::size_t id = 0; id < catalog_.accounts().size(); ++id) {
    if (!configured_.contains(catalog_.accounts()[id].name)) continue;
    add_account(static_cast<AccountId>(id), mark, now, batch);
  }
  for (std::size_t id = 0; id < catalog_.strategies().size(); ++id) {
    if (!strategy_types_.contains(catalog_.strategies()[id])) continue;
    add_strategy(static_cast<StrategyId>(id), mark, now, batch);
  }
  add_limits({}, mark, now, batch);
}

void RowTranslator::add_limits(std::string_view name, RowSet::Mark mark, Timestamp time,
                               RowBatch& batch) const {
  RowSet& rows = batch[RowKind::trading_limits];
  for (const Limit& limit : limits_) {
    if (!name.empty() && limit.name != name) continue;
    rows.start(mark, name_uuid(journal_,
                               fmt::format("limit/{}/{}/{}", limit.scope, limit.name, limit.type)));
    rows.uuid(journal_);
    rows.plain(limit.scope);
    rows.text_or_null(limit.name);
    const auto account = catalog_.find_account(limit.name);
    const auto strategy = catalog_.find_strategy(limit.name);
    limit.scope == "account" && account ? rows.uuid(account_row(journal_, *account)) : rows.null();
    limit.scope == "strategy" && strategy ? rows.uuid(strategy_row(journal_, *strategy))
                                          : rows.null();
    rows.plain(limit.type);
    rows.plain(limit.value);
    rows.boolean(true);
    rows.time(time);
    rows.finish();
  }
}

void RowTranslator::remember_account(std::string_view name, const AccountFacts& facts) {
  remembered_[std::string{name}] = facts;
}

bool RowTranslator::add(const FrameView& frame, RowBatch& batch, std::string& words) {
  const bool is_new = frame.sequence > batch.to;
  std::uint32_t ordinal = 0;
  for (const RecordEntry& entry : frame.records) {
    const Place place{*this, batch, frame, entry.text, ordinal};
    if (const auto* named = std::get_if<Named>(&entry.record)) {
      const std::size_t known = name_count();
      if (!restore(*named, entry.text)) {
        words = fmt::format(
            "record {} names {} {} \"{}\", which contradicts an earlier name of this journal",
            frame.sequence, enum_name(named->kind), named->id, entry.text);
        return false;
      }
      // What stands there already need not be written again, but for user 0, whom every catalog
      // knows from the beginning.
      const bool is_daemon_user = named->kind == NameKind::user && named->id == 0;
      if (name_count() != known || (is_new && is_daemon_user)) place(*named);
    } else if (is_new) {
      std::visit(place, entry.record);
    }
    ++ordinal;
  }
  if (!is_new) return true;
  if (frame.has_input) {
    if (const auto* command = std::get_if<Command>(&frame.input.what)) {
      Place{*this, batch, frame, {}, ordinal}.command(*command);
    }
  }
  if (batch.empty()) batch.oldest = frame.received;
  batch.to = frame.sequence;
  batch.to_received = frame.received;
  ++batch.frames;
  return true;
}

}  // namespace halcyon::persistence
