#include "engine/commands.h"

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
  decisions_.record(domain::TradingStateChanged{what.scope, what.state, Reason::none, command.user},
                    words);
  decisions_.notice(Severity::warning, NoticeCode::trading_state_changed,
                    decisions_.text("trading is {}: {}", domain::enum_name(what.state),
                                    words.empty() ? "no reason given" : words),
                    what.scope.account);
  return accept();
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
  return accept(cancel_all(what.scope, what.instrument));
}

CommandAnswered Commands::answer(const domain::Command&, const domain::PrepareStop& what,
                                 std::string_view words) {
  desk_.stop();
  decisions_.notice(Severity::info, NoticeCode::stopping, words);
  return accept(what.cancel_open ? cancel_all({}, domain::no<domain::InstrumentId>) : 0);
}

std::uint32_t Commands::cancel_all(domain::Scope scope, domain::InstrumentId instrument) {
  std::uint32_t reached = 0;
  orders_.each_live([&](Order& order) {
    const domain::NewOrder& asked = order.asked;
    if (!order.is_ours()) return;  // others' orders are touched one by one, when named
    if (scope.account != domain::no<domain::AccountId> && scope.account != asked.account) return;
    if (scope.strategy != domain::no<domain::StrategyId> && scope.strategy != asked.strategy) {
      return;
    }
    if (instrument != domain::no<domain::InstrumentId> && instrument != asked.instrument) return;
    if (order_manager_.cancel(order, Reason::canceled_by_operator)) ++reached;
  });
  return reached;
}

}  // namespace halcyon::engine
