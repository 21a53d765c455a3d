#include "engine/commands.h"

#include <optional>

#include "domain/credential.h"
#include "domain/enum_name.h"

namespace halcyon::engine {

using domain::CommandAnswered;
using domain::NoticeCode;
using domain::Reason;
using domain::Severity;

namespace {

CommandAnswered accept(std::uint32_t affected = 0) {
  CommandAnswered answer;
  answer.accepted = true;
  answer.affected = affected;
  return answer;
}

CommandAnswered refuse_with(Reason reason) {
  CommandAnswered answer;
  answer.reason = reason;
  return answer;
}

}  // namespace

void Commands::on_command(const domain::Command& command, std::string_view words) {
  words = decisions_.keep(words);
  CommandAnswered answered =
      std::visit([&](const auto& what) { return answer(command, what, words); }, command.what);
  answered.token = command.token;
  answered.user = command.user;
  decisions_.record(answered,
                    answered.accepted ? std::string_view{} : domain::enum_name(answered.reason));
}

Reason Commands::refuse(domain::Scope scope) const {
  if (scope.account != domain::no<domain::AccountId> &&
      domain::index_of(scope.account) >= catalog_.accounts().size()) {
    return Reason::unknown_account;
  }
  if (scope.strategy != domain::no<domain::StrategyId> &&
      domain::index_of(scope.strategy) >= catalog_.strategies().size()) {
    return Reason::unknown_strategy;
  }
  return Reason::none;
}

CommandAnswered Commands::answer(const domain::Command& command,
                                 const domain::SetTradingState& what, std::string_view words) {
  if (const Reason reason = refuse(what.scope); reason != Reason::none) return refuse_with(reason);
  if (what.instrument != domain::no<domain::InstrumentId>) {
    if (domain::index_of(what.instrument) >= catalog_.instruments().size()) {
      return refuse_with(Reason::unknown_instrument);
    }
    if (what.scope != domain::Scope{}) return refuse_with(Reason::not_permitted);
    set_instrument(what.instrument, what.state, Reason::none, command.user, words);
    return accept();
  }
  // The latch of the kill switch is released by its own command, never by the way.
  if (what.scope == domain::Scope{} && states_.is_killed()) return refuse_with(Reason::kill_switch);
  decisions_.record(domain::TradingStateChanged{what.scope, what.state, Reason::none, command.user},
                    words);
  decisions_.notice(Severity::warning, NoticeCode::trading_state_changed,
                    decisions_.text("trading is {}: {}", domain::enum_name(what.state),
                                    words.empty() ? "no reason given" : words),
                    what.scope.account);
  return accept();
}

void Commands::set_instrument(domain::InstrumentId instrument, domain::TradingState state,
                              Reason reason, domain::UserId user, std::string_view words) {
  decisions_.record(domain::InstrumentStateChanged{instrument, state, reason, user}, words);
  decisions_.notice(
      Severity::warning, NoticeCode::trading_state_changed,
      decisions_.text("{} is {}: {}", catalog_.instrument(instrument).symbol,
                      domain::enum_name(state), words.empty() ? "no reason given" : words),
      domain::no<domain::AccountId>, instrument);
}

CommandAnswered Commands::answer(const domain::Command&, const domain::CancelOrder& what,
                                 std::string_view) {
  Order* order = orders_.find(what.order);
  if (order == nullptr) return refuse_with(Reason::unknown_order);
  if (!order_manager_.cancel(*order, Reason::canceled_by_operator)) {
    return refuse_with(Reason::order_already_ended);
  }
  return accept(1);
}

CommandAnswered Commands::answer(const domain::Command&, const domain::CancelAll& what,
                                 std::string_view) {
  if (const Reason reason = refuse(what.scope); reason != Reason::none) return refuse_with(reason);
  return accept(cancel_all(what.scope, what.instrument, Reason::canceled_by_operator, what.reach));
}

CommandAnswered Commands::answer(const domain::Command&, const domain::PrepareStop& what,
                                 std::string_view words) {
  dealer_.stop();
  decisions_.notice(Severity::info, NoticeCode::stopping, words);
  return accept(what.cancel_open ? cancel_all({}, domain::no<domain::InstrumentId>) : 0);
}

CommandAnswered Commands::answer(const domain::Command&, const domain::SubmitOrder& what,
                                 std::string_view) {
  return answer_submit(what);
}

CommandAnswered Commands::answer_submit(const domain::SubmitOrder& what) {
  if (const Reason reason = refuse({what.account, what.strategy}); reason != Reason::none) {
    return refuse_with(reason);
  }
  if (what.account == domain::no<domain::AccountId>) return refuse_with(Reason::unknown_account);
  domain::NewOrder order;
  order.id = decisions_.next_id();
  order.account = what.account;
  order.strategy = what.strategy;
  order.instrument = what.instrument;
  order.side = what.side;
  order.type = what.type;
  order.time_in_force = what.time_in_force;
  order.origin = domain::Origin::user;
  order.post_only = what.post_only;
  order.reduce_only = what.reduce_only;
  order.is_emulated = what.is_emulated;
  order.self_trade = what.self_trade;
  order.quantity = what.quantity;
  order.limit_price = what.limit_price;
  order.stop_price = what.stop_price;
  order.trailing_offset = what.trailing_offset;
  order.trailing_bps = what.trailing_bps;
  order.expires = what.expires;
  order.created = decisions_.now();

  const auto denied = [&](const domain::NewOrder& which, const risk::Refusal& refusal) {
    dealer_.deny(which, refusal);
    CommandAnswered answer = refuse_with(refusal.reason);
    answer.order = which.id;
    return answer;
  };
  const bool is_bracket = !what.take_profit.is_zero() || !what.stop_loss.is_zero();
  const bool is_pair = !what.take_profit.is_zero() && !what.stop_loss.is_zero();
  if (is_bracket && what.reduce_only) {
    // Without an entry: two exits of what is held, which end each other.
    const bool has_entry = what.type != domain::OrderType::limit || !what.limit_price.is_zero();
    if (!is_pair || has_entry) return denied(order, {Reason::group_incomplete, {}, {}});
    order.origin = domain::Origin::protection;
    order.group = order.id;
    order.type = domain::OrderType::stop;
    order.stop_price = what.stop_loss;
    if (const auto refusal = dealer_.submit(order)) return denied(order, *refusal);
    domain::NewOrder profit = order;
    profit.id = decisions_.next_id();
    profit.type = domain::OrderType::limit;
    profit.limit_price = what.take_profit;
    profit.stop_price = {};
    if (const auto refusal = dealer_.submit(profit)) {
      order_manager_.cancel(*orders_.find(order.id), Reason::group_incomplete);
      return denied(profit, *refusal);
    }
    CommandAnswered both = accept(2);
    both.order = order.id;
    return both;
  }
  if (const auto refusal = dealer_.submit(order)) return denied(order, *refusal);

  CommandAnswered answer = accept(1);
  answer.order = order.id;
  if (!is_bracket) return answer;
  domain::NewOrder child;
  child.parent = order.id;
  child.account = order.account;
  child.strategy = order.strategy;
  child.instrument = order.instrument;
  child.side = domain::opposite(order.side);
  child.origin = domain::Origin::protection;
  child.reduce_only = true;
  child.quantity = order.quantity;
  child.created = order.created;
  const auto add = [&](domain::OrderType type, domain::Price limit, domain::Price stop) {
    child.id = decisions_.next_id();
    if (is_pair && child.group.is_none()) child.group = child.id;
    child.type = type;
    child.limit_price = limit;
    child.stop_price = stop;
    return dealer_.submit(child);
  };
  std::optional<risk::Refusal> refusal;
  if (!what.stop_loss.is_zero()) refusal = add(domain::OrderType::stop, {}, what.stop_loss);
  if (!refusal && !what.take_profit.is_zero()) {
    refusal = add(domain::OrderType::limit, what.take_profit, {});
  }
  if (!refusal) {
    answer.affected = is_pair ? 3 : 2;
    return answer;
  }
  // An entry without its protection is not what was asked for: nothing of it stays.
  order_manager_.cancel(*orders_.find(order.id), Reason::group_incomplete);
  return denied(child, *refusal);
}

CommandAnswered Commands::answer(const domain::Command&, const domain::AmendOrder& what,
                                 std::string_view) {
  const Order* order = orders_.find(what.order);
  const auto amended = dealer_.amend(what.order, what.terms);
  if (amended.refusal.reason != Reason::none) {
    if (order != nullptr && order->is_ours() && !order->is_terminal()) {
      domain::NewOrder wanted = order->asked;
      wanted.quantity = what.terms.quantity;
      wanted.limit_price = what.terms.limit_price;
      wanted.stop_price = what.terms.stop_price;
      dealer_.deny(wanted, amended.refusal);
    }
    return refuse_with(amended.refusal.reason);
  }
  CommandAnswered answer = accept(1);
  answer.order = amended.new_order.is_none() ? what.order : amended.new_order;
  return answer;
}

CommandAnswered Commands::answer(const domain::Command&, const domain::ResolveOrder& what,
                                 std::string_view words) {
  Order* order = orders_.find(what.order);
  if (order == nullptr) return refuse_with(Reason::unknown_order);
  const bool is_end = what.status != domain::VenueOrderStatus::pending &&
                      what.status != domain::VenueOrderStatus::working &&
                      what.status != domain::VenueOrderStatus::partially_filled;
  if (!is_end || order->is_held()) return refuse_with(Reason::not_permitted);
  if (!order_manager_.resolve(*order, what.status, words)) {
    return refuse_with(Reason::order_already_ended);
  }
  decisions_.notice(
      Severity::warning, NoticeCode::order_alive_after_end,
      decisions_.text("an operator says that {}-{} is {}: {}", what.order.epoch, what.order.counter,
                      domain::enum_name(what.status), words.empty() ? "no reason given" : words),
      order->asked.account, order->asked.instrument, what.order);
  return accept(1);
}

CommandAnswered Commands::answer(const domain::Command& command, const domain::Flatten& what,
                                 std::string_view words) {
  if (const Reason reason = refuse(what.scope); reason != Reason::none) return refuse_with(reason);
  return accept(flatten(what.scope, what.instrument, command.user, words));
}

std::uint32_t Commands::flatten(domain::Scope scope, domain::InstrumentId instrument,
                                domain::UserId user, std::string_view words) {
  const auto* state = states_.find(scope);
  const bool is_of_instrument =
      instrument != domain::no<domain::InstrumentId> && scope == domain::Scope{};
  if (is_of_instrument) {
    if (states_.of(instrument) == domain::TradingState::active) {
      set_instrument(instrument, domain::TradingState::reducing, Reason::flattened, user, words);
    }
  } else if (state == nullptr || state->state == domain::TradingState::active) {
    decisions_.record(
        domain::TradingStateChanged{scope, domain::TradingState::reducing, Reason::flattened, user},
        words);
    decisions_.notice(Severity::warning, NoticeCode::trading_state_changed,
                      "flattened: trading only reduces until it is resumed", scope.account);
  }
  std::uint32_t reached = cancel_all(scope, instrument, Reason::flattened);
  const auto& positions = portfolio_.positions();
  for (std::size_t at = 0; at < positions.size(); ++at) {
    const domain::PositionChanged position = positions[at];
    const bool is_in_scope =
        !position.quantity.is_zero() &&
        (scope.account == domain::no<domain::AccountId> || scope.account == position.account) &&
        (scope.strategy == domain::no<domain::StrategyId> || scope.strategy == position.strategy) &&
        (instrument == domain::no<domain::InstrumentId> || instrument == position.instrument);
    if (!is_in_scope || !accounts_[position.account].is_configured) continue;
    domain::NewOrder order;
    order.id = decisions_.next_id();
    order.account = position.account;
    order.strategy = position.strategy;
    order.instrument = position.instrument;
    order.side = position.quantity.is_negative() ? domain::Side::buy : domain::Side::sell;
    order.type = domain::OrderType::market;
    order.origin = domain::Origin::protection;
    order.reduce_only = true;
    order.is_emulated = true;
    order.quantity = position.quantity.abs();
    order.created = decisions_.now();
    order_manager_.hold(order);
    ++reached;
  }
  return reached;
}

CommandAnswered Commands::answer(const domain::Command&, const domain::Reconcile& what,
                                 std::string_view) {
  if (const Reason reason = refuse({what.account, domain::no<domain::StrategyId>});
      reason != Reason::none) {
    return refuse_with(reason);
  }
  std::uint32_t started = 0;
  for (std::size_t id = 0; id < accounts_.size(); ++id) {
    const auto account = static_cast<domain::AccountId>(id);
    if (what.account != domain::no<domain::AccountId> && what.account != account) continue;
    if (reconciliation_.compare_now(account)) ++started;
  }
  return started == 0 ? refuse_with(Reason::stream_not_ready) : accept(started);
}

CommandAnswered Commands::answer(const domain::Command& command, const domain::KillSwitch& what,
                                 std::string_view words) {
  if (!states_.is_killed()) {
    decisions_.record(domain::TradingStateChanged{domain::Scope{}, domain::TradingState::halted,
                                                  Reason::kill_switch, command.user},
                      words);
    decisions_.notice(Severity::alarm, NoticeCode::kill_switch,
                      decisions_.text("kill switch: {}; nothing new leaves until it is released",
                                      words.empty() ? "no reason given" : words));
  }
  const domain::InstrumentId all = domain::no<domain::InstrumentId>;
  return accept(what.flatten ? flatten({}, all, command.user, words)
                             : cancel_all({}, all, Reason::kill_switch));
}

CommandAnswered Commands::answer(const domain::Command& command, const domain::ReleaseKillSwitch&,
                                 std::string_view words) {
  if (!states_.is_killed()) return refuse_with(Reason::not_permitted);
  decisions_.record(domain::TradingStateChanged{domain::Scope{}, domain::TradingState::active,
                                                Reason::none, command.user},
                    words);
  decisions_.notice(Severity::warning, NoticeCode::kill_switch, "the kill switch is released");
  return accept();
}

CommandAnswered Commands::answer(const domain::Command& command, const domain::PauseStrategy& what,
                                 std::string_view words) {
  if (domain::index_of(what.strategy) >= catalog_.strategies().size()) {
    return refuse_with(Reason::unknown_strategy);
  }
  decisions_.record(domain::StrategyPaused{what.strategy, what.paused, command.user}, words);
  return accept();
}

CommandAnswered Commands::answer(const domain::Command& command, const domain::SetLimit& what,
                                 std::string_view words) {
  if (const Reason reason = limits_.refuse(what); reason != Reason::none) {
    return refuse_with(reason);
  }
  decisions_.record(domain::LimitChanged{what, command.user}, words);
  return accept();
}

CommandAnswered Commands::answer(const domain::Command& command,
                                 const domain::AcceptAdjustment& what, std::string_view) {
  return portfolio_.accept_adjustment(what.number, command.user)
             ? accept(1)
             : refuse_with(Reason::unknown_adjustment);
}

CommandAnswered Commands::answer(const domain::Command&, const domain::Listen& what,
                                 std::string_view) {
  if (domain::index_of(what.instrument) >= catalog_.instruments().size()) {
    return refuse_with(Reason::unknown_instrument);
  }
  domain::VenueRequest request;
  request.request = decisions_.next_id();
  request.kind = what.listens ? domain::QueryKind::subscribe : domain::QueryKind::unsubscribe;
  request.venue = catalog_.instrument(what.instrument).venue;
  request.instrument = what.instrument;
  decisions_.ask(request);
  return accept();
}

CommandAnswered Commands::answer(const domain::Command& command, const domain::PutCredentials& what,
                                 std::string_view words) {
  const auto next_line = [](std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
  };
  // All of them or none: a key that is half changed opens nothing.
  std::string_view checked = words;
  for (std::uint32_t index = 0; index < what.count; ++index) {
    if (!domain::parse_credential(next_line(checked))) return refuse_with(Reason::not_permitted);
  }
  for (std::uint32_t index = 0; index < what.count; ++index) {
    decisions_.record(domain::CredentialChanged{command.user}, next_line(words));
  }
  return accept(what.count);
}

std::uint32_t Commands::cancel_all(domain::Scope scope, domain::InstrumentId instrument, Reason why,
                                   domain::CancelReach reach) {
  std::uint32_t reached = 0;
  orders_.each_live([&](Order& order) {
    const domain::NewOrder& asked = order.asked;
    // Others' orders are touched when they are named, or when everything is meant.
    const bool bears_our_name = !order_manager_.is_known_epoch(order.id());
    const bool is_meant = order.is_ours() || reach == domain::CancelReach::everything ||
                          (reach == domain::CancelReach::our_name && bears_our_name);
    if (!is_meant) return;
    if (scope.account != domain::no<domain::AccountId> && scope.account != asked.account) return;
    if (scope.strategy != domain::no<domain::StrategyId> && scope.strategy != asked.strategy) {
      return;
    }
    if (instrument != domain::no<domain::InstrumentId> && instrument != asked.instrument) return;
    if (order_manager_.cancel(order, why)) ++reached;
  });
  return reached;
}

}  // namespace halcyon::engine
