#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "domain/event.h"
#include "domain/record.h"

namespace halcyon::persistence {

// The members of everything that a journal holds, each written once. Encoding, decoding, the JSON
// of a dump, comparison and the tests' random values are all made from these tables.
//
// The order of a table is the order on disk. A new member goes at the end of its table: an older
// journal then decodes to the member's initialiser. Where an older daemon must not overlook the new
// member, the table's version goes up too: it then refuses the newer journal with words.

template <class T>
struct Tag {};

template <class Struct, class Member>
struct Field {
  std::string_view name;
  Member Struct::*member;
};

template <class... Fields>
struct Table {
  std::string_view name;  ///< the word in a dump
  std::uint8_t version = 1;
  std::tuple<Fields...> fields;
};

namespace detail {

template <class Struct, class Member>
constexpr Field<Struct, Member> field(std::string_view name, Member Struct::*member) {
  return {name, member};
}

template <class... Fields>
constexpr Table<Fields...> table(std::string_view name, Fields... fields) {
  return {name, 1, std::tuple<Fields...>{fields...}};
}

}  // namespace detail

// ---- Parts --------------------------------------------------------------------------------------

constexpr auto table_of(Tag<domain::OrderId>) {
  using T = domain::OrderId;
  return detail::table("order_id", detail::field("epoch", &T::epoch),
                       detail::field("counter", &T::counter));
}
constexpr auto table_of(Tag<domain::ForeignId>) {
  using T = domain::ForeignId;
  return detail::table("foreign_id", detail::field("high", &T::high),
                       detail::field("low", &T::low));
}
constexpr auto table_of(Tag<domain::BookLevel>) {
  using T = domain::BookLevel;
  return detail::table("book_level", detail::field("price", &T::price),
                       detail::field("quantity", &T::quantity));
}
constexpr auto table_of(Tag<domain::Scope>) {
  using T = domain::Scope;
  return detail::table("scope", detail::field("account", &T::account),
                       detail::field("strategy", &T::strategy));
}
constexpr auto table_of(Tag<domain::Evidence>) {
  using T = domain::Evidence;
  return detail::table("evidence", detail::field("source", &T::source),
                       detail::field("venue_time", &T::venue_time),
                       detail::field("venue_sequence", &T::venue_sequence));
}
constexpr auto table_of(Tag<domain::NewOrder>) {
  using T = domain::NewOrder;
  return detail::table(
      "new_order", detail::field("id", &T::id), detail::field("parent", &T::parent),
      detail::field("account", &T::account), detail::field("strategy", &T::strategy),
      detail::field("instrument", &T::instrument), detail::field("side", &T::side),
      detail::field("type", &T::type), detail::field("time_in_force", &T::time_in_force),
      detail::field("origin", &T::origin), detail::field("post_only", &T::post_only),
      detail::field("reduce_only", &T::reduce_only), detail::field("quantity", &T::quantity),
      detail::field("limit_price", &T::limit_price), detail::field("stop_price", &T::stop_price),
      detail::field("created", &T::created), detail::field("group", &T::group),
      detail::field("replaces", &T::replaces), detail::field("expires", &T::expires),
      detail::field("trailing_offset", &T::trailing_offset),
      detail::field("trailing_bps", &T::trailing_bps), detail::field("self_trade", &T::self_trade),
      detail::field("is_emulated", &T::is_emulated));
}

// ---- Events -------------------------------------------------------------------------------------

constexpr auto table_of(Tag<domain::Time>) { return detail::table("time"); }
constexpr auto table_of(Tag<domain::Trade>) {
  using T = domain::Trade;
  return detail::table(
      "trade", detail::field("price", &T::price), detail::field("quantity", &T::quantity),
      detail::field("venue_id", &T::venue_id), detail::field("aggressor", &T::aggressor));
}
constexpr auto table_of(Tag<domain::Quote>) {
  using T = domain::Quote;
  return detail::table("quote", detail::field("bid", &T::bid), detail::field("ask", &T::ask),
                       detail::field("bid_quantity", &T::bid_quantity),
                       detail::field("ask_quantity", &T::ask_quantity),
                       detail::field("update_id", &T::update_id));
}
constexpr auto table_of(Tag<domain::BookReset>) { return detail::table("book_reset"); }
constexpr auto table_of(Tag<domain::BookLevels>) {
  using T = domain::BookLevels;
  return detail::table("book_levels", detail::field("update_id", &T::update_id),
                       detail::field("count", &T::count), detail::field("bids", &T::bids),
                       detail::field("last", &T::last), detail::field("levels", &T::levels));
}
constexpr auto table_of(Tag<domain::BookInvalid>) {
  using T = domain::BookInvalid;
  return detail::table("book_invalid", detail::field("reason", &T::reason));
}
constexpr auto table_of(Tag<domain::Timeframe>) {
  using T = domain::Timeframe;
  return detail::table("timeframe", detail::field("count", &T::count),
                       detail::field("unit", &T::unit));
}
constexpr auto table_of(Tag<domain::Bar>) {
  using T = domain::Bar;
  return detail::table(
      "bar", detail::field("open_time", &T::open_time), detail::field("close_time", &T::close_time),
      detail::field("open", &T::open), detail::field("high", &T::high),
      detail::field("low", &T::low), detail::field("close", &T::close),
      detail::field("volume", &T::volume), detail::field("trades", &T::trades),
      detail::field("timeframe", &T::timeframe), detail::field("is_history", &T::is_history));
}
constexpr auto table_of(Tag<domain::HistoryEnd>) {
  using T = domain::HistoryEnd;
  return detail::table("history_end", detail::field("timeframe", &T::timeframe));
}
constexpr auto table_of(Tag<domain::TradesLost>) {
  using T = domain::TradesLost;
  return detail::table("trades_lost", detail::field("count", &T::count));
}
constexpr auto table_of(Tag<domain::OrderReport>) {
  using T = domain::OrderReport;
  return detail::table(
      "order_report", detail::field("order", &T::order),
      detail::field("venue_order", &T::venue_order), detail::field("quantity", &T::quantity),
      detail::field("filled", &T::filled), detail::field("filled_quote", &T::filled_quote),
      detail::field("limit_price", &T::limit_price), detail::field("stop_price", &T::stop_price),
      detail::field("venue_sequence", &T::venue_sequence), detail::field("side", &T::side),
      detail::field("type", &T::type), detail::field("time_in_force", &T::time_in_force),
      detail::field("status", &T::status), detail::field("source", &T::source),
      detail::field("reason", &T::reason));
}
constexpr auto table_of(Tag<domain::Execution>) {
  using T = domain::Execution;
  return detail::table(
      "execution", detail::field("order", &T::order), detail::field("venue_order", &T::venue_order),
      detail::field("trade", &T::trade), detail::field("price", &T::price),
      detail::field("quantity", &T::quantity), detail::field("quote_amount", &T::quote_amount),
      detail::field("cumulative", &T::cumulative), detail::field("fee", &T::fee),
      detail::field("venue_sequence", &T::venue_sequence),
      detail::field("fee_asset", &T::fee_asset), detail::field("side", &T::side),
      detail::field("liquidity", &T::liquidity), detail::field("source", &T::source));
}
constexpr auto table_of(Tag<domain::Balance>) {
  using T = domain::Balance;
  return detail::table("balance", detail::field("free", &T::free),
                       detail::field("locked", &T::locked), detail::field("asset", &T::asset),
                       detail::field("source", &T::source));
}
constexpr auto table_of(Tag<domain::ExternalFlow>) {
  using T = domain::ExternalFlow;
  return detail::table("external_flow", detail::field("amount", &T::amount),
                       detail::field("asset", &T::asset));
}
constexpr auto table_of(Tag<domain::RequestOutcome>) {
  using T = domain::RequestOutcome;
  return detail::table(
      "request_outcome", detail::field("request", &T::request), detail::field("order", &T::order),
      detail::field("venue_order", &T::venue_order), detail::field("kind", &T::kind),
      detail::field("outcome", &T::outcome), detail::field("reason", &T::reason),
      detail::field("venue_code", &T::venue_code));
}
constexpr auto table_of(Tag<domain::AnswerBegin>) {
  using T = domain::AnswerBegin;
  return detail::table("answer_begin", detail::field("request", &T::request),
                       detail::field("kind", &T::kind));
}
constexpr auto table_of(Tag<domain::AnswerEnd>) {
  using T = domain::AnswerEnd;
  return detail::table(
      "answer_end", detail::field("request", &T::request), detail::field("kind", &T::kind),
      detail::field("completeness", &T::completeness), detail::field("not_found", &T::not_found),
      detail::field("reason", &T::reason));
}
constexpr auto table_of(Tag<domain::StreamChanged>) {
  using T = domain::StreamChanged;
  return detail::table("stream_changed", detail::field("stream", &T::stream),
                       detail::field("state", &T::state), detail::field("reason", &T::reason));
}
constexpr auto table_of(Tag<domain::ClockOffset>) {
  using T = domain::ClockOffset;
  return detail::table("clock_offset", detail::field("offset", &T::offset),
                       detail::field("round_trip", &T::round_trip));
}
constexpr auto table_of(Tag<domain::InstrumentRules>) {
  using T = domain::InstrumentRules;
  return detail::table(
      "instrument_rules", detail::field("tick", &T::tick),
      detail::field("min_price", &T::min_price), detail::field("max_price", &T::max_price),
      detail::field("lot", &T::lot), detail::field("min_quantity", &T::min_quantity),
      detail::field("max_quantity", &T::max_quantity),
      detail::field("max_market_quantity", &T::max_market_quantity),
      detail::field("min_notional", &T::min_notional),
      detail::field("max_notional", &T::max_notional), detail::field("status", &T::status),
      detail::field("min_notional_for_market", &T::min_notional_for_market),
      detail::field("max_notional_for_market", &T::max_notional_for_market));
}
constexpr auto table_of(Tag<domain::Started>) {
  using T = domain::Started;
  return detail::table("started", detail::field("epoch", &T::epoch));
}
constexpr auto table_of(Tag<domain::SetTradingState>) {
  using T = domain::SetTradingState;
  return detail::table("set_trading_state", detail::field("scope", &T::scope),
                       detail::field("state", &T::state),
                       detail::field("instrument", &T::instrument));
}
constexpr auto table_of(Tag<domain::CancelOrder>) {
  using T = domain::CancelOrder;
  return detail::table("cancel_order", detail::field("order", &T::order));
}
constexpr auto table_of(Tag<domain::CancelAll>) {
  using T = domain::CancelAll;
  return detail::table("cancel_all", detail::field("scope", &T::scope),
                       detail::field("instrument", &T::instrument),
                       detail::field("reach", &T::reach));
}
constexpr auto table_of(Tag<domain::PrepareStop>) {
  using T = domain::PrepareStop;
  return detail::table("prepare_stop", detail::field("cancel_open", &T::cancel_open));
}
constexpr auto table_of(Tag<domain::Terms>) {
  using T = domain::Terms;
  return detail::table("terms", detail::field("quantity", &T::quantity),
                       detail::field("limit_price", &T::limit_price),
                       detail::field("stop_price", &T::stop_price));
}
constexpr auto table_of(Tag<domain::SubmitOrder>) {
  using T = domain::SubmitOrder;
  return detail::table(
      "submit_order", detail::field("account", &T::account),
      detail::field("strategy", &T::strategy), detail::field("instrument", &T::instrument),
      detail::field("side", &T::side), detail::field("type", &T::type),
      detail::field("time_in_force", &T::time_in_force),
      detail::field("self_trade", &T::self_trade), detail::field("post_only", &T::post_only),
      detail::field("reduce_only", &T::reduce_only), detail::field("is_emulated", &T::is_emulated),
      detail::field("trailing_bps", &T::trailing_bps), detail::field("quantity", &T::quantity),
      detail::field("limit_price", &T::limit_price), detail::field("stop_price", &T::stop_price),
      detail::field("trailing_offset", &T::trailing_offset),
      detail::field("take_profit", &T::take_profit), detail::field("stop_loss", &T::stop_loss),
      detail::field("expires", &T::expires));
}
constexpr auto table_of(Tag<domain::AmendOrder>) {
  using T = domain::AmendOrder;
  return detail::table("amend_order", detail::field("order", &T::order),
                       detail::field("terms", &T::terms));
}
constexpr auto table_of(Tag<domain::ResolveOrder>) {
  using T = domain::ResolveOrder;
  return detail::table("resolve_order", detail::field("order", &T::order),
                       detail::field("status", &T::status));
}
constexpr auto table_of(Tag<domain::Flatten>) {
  using T = domain::Flatten;
  return detail::table("flatten", detail::field("scope", &T::scope),
                       detail::field("instrument", &T::instrument));
}
constexpr auto table_of(Tag<domain::Reconcile>) {
  using T = domain::Reconcile;
  return detail::table("reconcile", detail::field("account", &T::account));
}
constexpr auto table_of(Tag<domain::KillSwitch>) {
  using T = domain::KillSwitch;
  return detail::table("kill_switch", detail::field("flatten", &T::flatten));
}
constexpr auto table_of(Tag<domain::ReleaseKillSwitch>) {
  return detail::table("release_kill_switch");
}
constexpr auto table_of(Tag<domain::PauseStrategy>) {
  using T = domain::PauseStrategy;
  return detail::table("pause_strategy", detail::field("strategy", &T::strategy),
                       detail::field("paused", &T::paused));
}
constexpr auto table_of(Tag<domain::SetLimit>) {
  using T = domain::SetLimit;
  return detail::table("set_limit", detail::field("level", &T::level),
                       detail::field("key", &T::key), detail::field("id", &T::id),
                       detail::field("is_set", &T::is_set), detail::field("value", &T::value));
}
constexpr auto table_of(Tag<domain::AcceptAdjustment>) {
  using T = domain::AcceptAdjustment;
  return detail::table("accept_adjustment", detail::field("number", &T::number));
}
constexpr auto table_of(Tag<domain::Listen>) {
  using T = domain::Listen;
  return detail::table("listen", detail::field("instrument", &T::instrument),
                       detail::field("listens", &T::listens));
}
constexpr auto table_of(Tag<domain::PutCredentials>) {
  using T = domain::PutCredentials;
  return detail::table("put_credentials", detail::field("count", &T::count));
}
constexpr auto table_of(Tag<domain::Command>) {
  using T = domain::Command;
  return detail::table("command", detail::field("token", &T::token),
                       detail::field("user", &T::user), detail::field("what", &T::what));
}
constexpr auto table_of(Tag<domain::JournalRoomChanged>) {
  using T = domain::JournalRoomChanged;
  return detail::table("journal_room_changed", detail::field("room", &T::room));
}

constexpr auto table_of(Tag<domain::TradeCorrected>) {
  using T = domain::TradeCorrected;
  return detail::table("trade_corrected", detail::field("order", &T::order),
                       detail::field("venue_order", &T::venue_order),
                       detail::field("trade", &T::trade), detail::field("is_bust", &T::is_bust),
                       detail::field("price", &T::price), detail::field("quantity", &T::quantity),
                       detail::field("quote_amount", &T::quote_amount),
                       detail::field("source", &T::source));
}

// ---- Records ------------------------------------------------------------------------------------

constexpr auto table_of(Tag<domain::Named>) {
  using T = domain::Named;
  return detail::table("named", detail::field("kind", &T::kind), detail::field("id", &T::id),
                       detail::field("venue", &T::venue), detail::field("base", &T::base),
                       detail::field("quote", &T::quote),
                       detail::field("asset_class", &T::asset_class));
}
constexpr auto table_of(Tag<domain::Defined>) {
  using T = domain::Defined;
  return detail::table("defined", detail::field("kind", &T::kind), detail::field("id", &T::id),
                       detail::field("version", &T::version), detail::field("user", &T::user));
}
constexpr auto table_of(Tag<domain::EpochStarted>) {
  using T = domain::EpochStarted;
  return detail::table("epoch_started", detail::field("epoch", &T::epoch));
}
constexpr auto table_of(Tag<domain::InstrumentChanged>) {
  using T = domain::InstrumentChanged;
  return detail::table("instrument_changed", detail::field("instrument", &T::instrument),
                       detail::field("rules", &T::rules));
}
constexpr auto table_of(Tag<domain::OrderOpened>) {
  using T = domain::OrderOpened;
  return detail::table("order_opened", detail::field("order", &T::order));
}
constexpr auto table_of(Tag<domain::OrderChanged>) {
  using T = domain::OrderChanged;
  return detail::table(
      "order_changed", detail::field("order", &T::order),
      detail::field("venue_order", &T::venue_order), detail::field("state", &T::state),
      detail::field("reason", &T::reason), detail::field("filled", &T::filled),
      detail::field("filled_quote", &T::filled_quote), detail::field("reported", &T::reported),
      detail::field("evidence", &T::evidence));
}
constexpr auto table_of(Tag<domain::RequestChanged>) {
  using T = domain::RequestChanged;
  return detail::table(
      "request_changed", detail::field("request", &T::request), detail::field("order", &T::order),
      detail::field("kind", &T::kind), detail::field("state", &T::state),
      detail::field("reason", &T::reason), detail::field("venue_code", &T::venue_code),
      detail::field("valid_until", &T::valid_until), detail::field("version", &T::version));
}
constexpr auto table_of(Tag<domain::OrderDenied>) {
  using T = domain::OrderDenied;
  return detail::table("order_denied", detail::field("order", &T::order),
                       detail::field("reason", &T::reason), detail::field("limit", &T::limit),
                       detail::field("actual", &T::actual));
}
constexpr auto table_of(Tag<domain::FillBooked>) {
  using T = domain::FillBooked;
  return detail::table(
      "fill_booked", detail::field("number", &T::number), detail::field("order", &T::order),
      detail::field("venue_order", &T::venue_order), detail::field("trade", &T::trade),
      detail::field("account", &T::account), detail::field("strategy", &T::strategy),
      detail::field("instrument", &T::instrument), detail::field("side", &T::side),
      detail::field("liquidity", &T::liquidity), detail::field("source", &T::source),
      detail::field("late", &T::late), detail::field("fee_asset", &T::fee_asset),
      detail::field("price", &T::price), detail::field("quantity", &T::quantity),
      detail::field("quote_amount", &T::quote_amount), detail::field("fee", &T::fee),
      detail::field("venue_time", &T::venue_time),
      detail::field("is_provisional", &T::is_provisional),
      detail::field("fee_value", &T::fee_value));
}
constexpr auto table_of(Tag<domain::PositionChanged>) {
  using T = domain::PositionChanged;
  return detail::table(
      "position_changed", detail::field("account", &T::account),
      detail::field("strategy", &T::strategy), detail::field("instrument", &T::instrument),
      detail::field("quantity", &T::quantity), detail::field("average_price", &T::average_price),
      detail::field("cost", &T::cost), detail::field("realized", &T::realized),
      detail::field("fees", &T::fees), detail::field("fills", &T::fills),
      detail::field("realized_fifo", &T::realized_fifo));
}
constexpr auto table_of(Tag<domain::BalanceChanged>) {
  using T = domain::BalanceChanged;
  return detail::table("balance_changed", detail::field("account", &T::account),
                       detail::field("asset", &T::asset), detail::field("free", &T::free),
                       detail::field("locked", &T::locked),
                       detail::field("venue_time", &T::venue_time));
}
constexpr auto table_of(Tag<domain::EquityMarked>) {
  using T = domain::EquityMarked;
  return detail::table("equity_marked", detail::field("account", &T::account),
                       detail::field("strategy", &T::strategy), detail::field("equity", &T::equity),
                       detail::field("cash", &T::cash), detail::field("realized", &T::realized),
                       detail::field("unrealized", &T::unrealized), detail::field("fees", &T::fees),
                       detail::field("peak", &T::peak), detail::field("drawdown", &T::drawdown),
                       detail::field("day_start", &T::day_start), detail::field("day", &T::day));
}
constexpr auto table_of(Tag<domain::TradingStateChanged>) {
  using T = domain::TradingStateChanged;
  return detail::table("trading_state_changed", detail::field("scope", &T::scope),
                       detail::field("state", &T::state), detail::field("reason", &T::reason),
                       detail::field("user", &T::user));
}
constexpr auto table_of(Tag<domain::AccountReady>) {
  using T = domain::AccountReady;
  return detail::table("account_ready", detail::field("account", &T::account),
                       detail::field("ready", &T::ready), detail::field("reason", &T::reason));
}
constexpr auto table_of(Tag<domain::DifferenceFound>) {
  using T = domain::DifferenceFound;
  return detail::table("difference_found", detail::field("kind", &T::kind),
                       detail::field("account", &T::account),
                       detail::field("instrument", &T::instrument),
                       detail::field("asset", &T::asset), detail::field("order", &T::order),
                       detail::field("ours", &T::ours), detail::field("theirs", &T::theirs));
}
constexpr auto table_of(Tag<domain::StrategyMemory>) {
  using T = domain::StrategyMemory;
  return detail::table("strategy_memory", detail::field("strategy", &T::strategy),
                       detail::field("instrument", &T::instrument),
                       detail::field("bytes", &T::bytes));
}
constexpr auto table_of(Tag<domain::NoticeRaised>) {
  using T = domain::NoticeRaised;
  return detail::table("notice_raised", detail::field("severity", &T::severity),
                       detail::field("code", &T::code), detail::field("account", &T::account),
                       detail::field("instrument", &T::instrument),
                       detail::field("order", &T::order));
}
constexpr auto table_of(Tag<domain::CommandAnswered>) {
  using T = domain::CommandAnswered;
  return detail::table("command_answered", detail::field("token", &T::token),
                       detail::field("user", &T::user), detail::field("accepted", &T::accepted),
                       detail::field("reason", &T::reason), detail::field("affected", &T::affected),
                       detail::field("order", &T::order));
}

constexpr auto table_of(Tag<domain::OrderAmended>) {
  using T = domain::OrderAmended;
  return detail::table("order_amended", detail::field("order", &T::order),
                       detail::field("requested", &T::requested),
                       detail::field("accepted", &T::accepted), detail::field("asked", &T::asked),
                       detail::field("now", &T::now));
}
constexpr auto table_of(Tag<domain::OrderArmed>) {
  using T = domain::OrderArmed;
  return detail::table(
      "order_armed", detail::field("order", &T::order), detail::field("stop_price", &T::stop_price),
      detail::field("extreme", &T::extreme), detail::field("is_triggered", &T::is_triggered));
}
constexpr auto table_of(Tag<domain::FillVoided>) {
  using T = domain::FillVoided;
  return detail::table("fill_voided", detail::field("number", &T::number),
                       detail::field("by", &T::by), detail::field("reason", &T::reason),
                       detail::field("order", &T::order), detail::field("account", &T::account),
                       detail::field("strategy", &T::strategy),
                       detail::field("instrument", &T::instrument));
}
constexpr auto table_of(Tag<domain::LotChanged>) {
  using T = domain::LotChanged;
  return detail::table(
      "lot_changed", detail::field("number", &T::number), detail::field("account", &T::account),
      detail::field("strategy", &T::strategy), detail::field("instrument", &T::instrument),
      detail::field("quantity", &T::quantity), detail::field("cost", &T::cost),
      detail::field("fees", &T::fees), detail::field("opened", &T::opened),
      detail::field("fill", &T::fill));
}
constexpr auto table_of(Tag<domain::RoundTripClosed>) {
  using T = domain::RoundTripClosed;
  return detail::table(
      "round_trip_closed", detail::field("number", &T::number),
      detail::field("entry_lot", &T::entry_lot), detail::field("exit_fill", &T::exit_fill),
      detail::field("account", &T::account), detail::field("strategy", &T::strategy),
      detail::field("instrument", &T::instrument), detail::field("side", &T::side),
      detail::field("quantity", &T::quantity), detail::field("entry_amount", &T::entry_amount),
      detail::field("exit_amount", &T::exit_amount), detail::field("fees", &T::fees),
      detail::field("profit", &T::profit), detail::field("opened", &T::opened),
      detail::field("closed", &T::closed), detail::field("losses_in_a_row", &T::losses_in_a_row));
}
constexpr auto table_of(Tag<domain::AdjustmentChanged>) {
  using T = domain::AdjustmentChanged;
  return detail::table("adjustment_changed", detail::field("number", &T::number),
                       detail::field("account", &T::account), detail::field("asset", &T::asset),
                       detail::field("amount", &T::amount),
                       detail::field("is_accepted", &T::is_accepted),
                       detail::field("user", &T::user), detail::field("found", &T::found));
}
constexpr auto table_of(Tag<domain::LimitChanged>) {
  using T = domain::LimitChanged;
  return detail::table("limit_changed", detail::field("limit", &T::limit),
                       detail::field("user", &T::user));
}
constexpr auto table_of(Tag<domain::StrategyPaused>) {
  using T = domain::StrategyPaused;
  return detail::table("strategy_paused", detail::field("strategy", &T::strategy),
                       detail::field("paused", &T::paused), detail::field("user", &T::user));
}
constexpr auto table_of(Tag<domain::FlowBooked>) {
  using T = domain::FlowBooked;
  return detail::table("flow_booked", detail::field("account", &T::account),
                       detail::field("asset", &T::asset), detail::field("amount", &T::amount),
                       detail::field("venue_time", &T::venue_time));
}
constexpr auto table_of(Tag<domain::CredentialChanged>) {
  using T = domain::CredentialChanged;
  return detail::table("credential_changed", detail::field("user", &T::user));
}
constexpr auto table_of(Tag<domain::BalanceExplained>) {
  using T = domain::BalanceExplained;
  return detail::table("balance_explained", detail::field("account", &T::account),
                       detail::field("asset", &T::asset), detail::field("opened", &T::opened),
                       detail::field("unexplained", &T::unexplained));
}
constexpr auto table_of(Tag<domain::InstrumentMarked>) {
  using T = domain::InstrumentMarked;
  return detail::table("instrument_marked", detail::field("instrument", &T::instrument),
                       detail::field("profit", &T::profit), detail::field("peak", &T::peak),
                       detail::field("day_start", &T::day_start), detail::field("day", &T::day),
                       detail::field("losses_in_a_row", &T::losses_in_a_row));
}
constexpr auto table_of(Tag<domain::InstrumentStateChanged>) {
  using T = domain::InstrumentStateChanged;
  return detail::table("instrument_state_changed", detail::field("instrument", &T::instrument),
                       detail::field("state", &T::state), detail::field("reason", &T::reason),
                       detail::field("user", &T::user));
}

// ---- What is made from the tables ---------------------------------------------------------------

namespace detail {

/// Converts to anything, on paper: counts the members of an aggregate.
struct Anything {
  template <class T>
  constexpr operator T() const;  // NOLINT(google-explicit-constructor)
};

template <class T, class... Members>
consteval std::size_t count_members() {
  if constexpr (requires { T{Members{}..., Anything{}}; }) {
    return count_members<T, Members..., Anything>();
  } else {
    return sizeof...(Members);
  }
}

}  // namespace detail

/// A struct with a table. Its table must name every member: one that is forgotten would be lost at
/// the next restart.
template <class T>
concept Tabled = requires {
  table_of(Tag<T>{});
};

template <class T>
inline constexpr auto table = table_of(Tag<T>{});

template <Tabled T>
inline constexpr bool is_complete = std::tuple_size_v<decltype(table<T>.fields)> ==
                                    detail::count_members<T>();

/// Calls visit(name, pointer to member) for every member, in the order on disk.
template <Tabled T, class Visit>
constexpr void each_field(Visit&& visit) {
  static_assert(is_complete<T>, "a member of this struct is not in its table in fields.h");
  std::apply([&visit](const auto&... fields) { (visit(fields.name, fields.member), ...); },
             table<T>.fields);
}

/// Structs that will never get another member: on disk they stand without a length of their own.
template <class T>
inline constexpr bool is_settled =
    std::is_same_v<T, domain::OrderId> || std::is_same_v<T, domain::ForeignId> ||
    std::is_same_v<T, domain::BookLevel>;

namespace detail {

template <class T>
struct IsVariant : std::false_type {};
template <class... T>
struct IsVariant<std::variant<T...>> : std::true_type {};

template <class T>
struct IsArray : std::false_type {};
template <class T, std::size_t size>
struct IsArray<std::array<T, size>> : std::true_type {};

}  // namespace detail

/// Whether two values say the same, member by member.
template <class T>
constexpr bool is_same(const T& left, const T& right) {
  if constexpr (detail::IsVariant<T>::value) {
    return left.index() == right.index() &&
           std::visit(
               [&right](const auto& value) {
                 return is_same(value, std::get<std::decay_t<decltype(value)>>(right));
               },
               left);
  } else if constexpr (detail::IsArray<T>::value) {
    for (std::size_t index = 0; index < left.size(); ++index) {
      if (!is_same(left[index], right[index])) return false;
    }
    return true;
  } else if constexpr (Tabled<T>) {
    bool same = true;
    each_field<T>([&](std::string_view, auto member) {
      same = same && is_same(left.*member, right.*member);
    });
    return same;
  } else {
    return left == right;
  }
}

}  // namespace halcyon::persistence
