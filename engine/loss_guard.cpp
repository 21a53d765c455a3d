#include "engine/loss_guard.h"

#include <string>

namespace halcyon::engine {

using domain::EquityMarked;
using domain::Money;
using domain::Reason;
using domain::Scope;

namespace {

Money day_profit(const EquityMarked& marked) {
  return marked.realized + marked.unrealized - marked.fees - marked.day_start;
}

}  // namespace

LossGuard::LossGuard(const config::Config& config, const domain::Catalog& catalog,
                     const LimitBook& limits, const TradingStates& states,
                     const Valuation& valuation, Decisions& decisions)
    : config_(config),
      catalog_(catalog),
      limits_(limits),
      states_(states),
      valuation_(valuation),
      decisions_(decisions),
      accounts_(catalog.accounts().size()) {}

void LossGuard::on_mark(const EquityMarked& marked) {
  if (marked.strategy != domain::no<domain::StrategyId>) {
    const auto& name = catalog_.name(marked.strategy);
    judge({marked.account, marked.strategy}, limits_.strategy(marked.strategy), name, marked);
    return;
  }
  const auto& name = catalog_.name(marked.account);
  judge({marked.account, domain::no<domain::StrategyId>}, limits_.account(marked.account), name,
        marked);
  accounts_.at(domain::index_of(marked.account)) = marked;
  // The daemon is the sum of its accounts; one that was not valued yet adds nothing.
  EquityMarked all;
  for (const EquityMarked& account : accounts_) {
    all.equity += account.equity;
    all.realized += account.realized;
    all.unrealized += account.unrealized;
    all.fees += account.fees;
    all.day_start += account.day_start;
    all.peak += account.peak;
  }
  all.drawdown = all.peak - all.equity;
  judge({}, &limits_.daemon(), "the daemon", all);
}

void LossGuard::judge(Scope scope, const config::RiskLimits* limits, std::string_view name,
                      const EquityMarked& marked) {
  if (limits == nullptr) return;
  if (limits->max_daily_loss) {
    const Money loss = -day_profit(marked);
    if (loss >= *limits->max_daily_loss && loss.is_positive()) {
      halt(scope, Reason::daily_loss_above_limit,
           decisions_.text("{} lost {} {} today, the limit is {}; resume it when it may trade on",
                           name, domain::to_string(loss), config_.risk.currency,
                           domain::to_string(*limits->max_daily_loss)));
    }
  }
  if (limits->max_drawdown_pct && marked.peak.is_positive()) {
    const auto most = domain::scaled(marked.peak, limits->max_drawdown_pct->parts(),
                                     config::Percent::parts_per_whole);
    if (most && marked.drawdown >= *most && marked.drawdown.is_positive()) {
      halt(scope, Reason::drawdown_above_limit,
           decisions_.text("{} is {} {} below its peak of {}, the limit is {} %; resume it when it "
                           "may trade on",
                           name, domain::to_string(marked.drawdown), config_.risk.currency,
                           domain::to_string(marked.peak), limits->max_drawdown_pct->value()));
    }
  }
}

void LossGuard::halt(Scope scope, Reason reason, std::string_view words) {
  const auto* state = states_.find(scope);
  if (state != nullptr && state->state == domain::TradingState::halted) return;
  decisions_.record(
      domain::TradingStateChanged{scope, domain::TradingState::halted, reason, domain::daemon_user},
      words);
  decisions_.notice(domain::Severity::alarm, domain::NoticeCode::trading_state_changed, words,
                    scope.account);
  if (config_.risk.flatten_on_loss && flatten_) {
    flatten_(scope, domain::no<domain::InstrumentId>);
  }
}

void LossGuard::halt(domain::InstrumentId instrument, Reason reason, std::string_view words) {
  if (states_.of(instrument) == domain::TradingState::halted) return;
  decisions_.record(domain::InstrumentStateChanged{instrument, domain::TradingState::halted, reason,
                                                   domain::daemon_user},
                    words);
  decisions_.notice(domain::Severity::alarm, domain::NoticeCode::trading_state_changed, words,
                    domain::no<domain::AccountId>, instrument);
  if (config_.risk.flatten_on_loss && flatten_) flatten_(Scope{}, instrument);
}

bool LossGuard::is_limited(domain::InstrumentId instrument) const {
  const auto* limits =
      limits_.find(domain::LimitLevel::instrument, static_cast<std::uint32_t>(instrument));
  return limits != nullptr && (limits->max_daily_loss || limits->max_drawdown_pct ||
                               limits->max_loss_per_trade || limits->max_consecutive_losses);
}

void LossGuard::on_instrument(const domain::InstrumentMarked& marked,
                              const domain::RoundTripClosed* trip) {
  const auto* limits =
      limits_.find(domain::LimitLevel::instrument, static_cast<std::uint32_t>(marked.instrument));
  if (limits == nullptr) return;
  const auto& name = catalog_.instrument(marked.instrument).symbol;
  const Money day_loss = marked.day_start - marked.profit;
  if (limits->max_daily_loss && day_loss.is_positive() && day_loss >= *limits->max_daily_loss) {
    halt(marked.instrument, Reason::daily_loss_above_limit,
         decisions_.text("{} lost {} {} today, the limit is {}; resume it when it may trade on",
                         name, domain::to_string(day_loss), config_.risk.currency,
                         domain::to_string(*limits->max_daily_loss)));
  }
  if (limits->max_drawdown_pct) {
    Money owned;
    for (const EquityMarked& account : accounts_) owned += account.equity;
    const Money down = marked.peak - marked.profit;
    const auto most =
        domain::scaled(owned, limits->max_drawdown_pct->parts(), config::Percent::parts_per_whole);
    if (most && down.is_positive() && owned.is_positive() && down >= *most) {
      halt(marked.instrument, Reason::drawdown_above_limit,
           decisions_.text("{} is {} {} below its best, the limit is {} % of {}; resume it when it "
                           "may trade on",
                           name, domain::to_string(down), config_.risk.currency,
                           limits->max_drawdown_pct->value(), domain::to_string(owned)));
    }
  }
  if (trip == nullptr || !trip->profit.is_negative()) return;
  const auto loss = valuation_.report(-trip->profit, catalog_.instrument(trip->instrument).quote);
  if (loss && limits->max_loss_per_trade && *loss >= *limits->max_loss_per_trade) {
    halt(marked.instrument, Reason::loss_per_trade_above_limit,
         decisions_.text("{}: one round trip lost {} {}, the limit is {}; resume it when it may "
                         "trade on",
                         name, domain::to_string(*loss), config_.risk.currency,
                         domain::to_string(*limits->max_loss_per_trade)));
  }
  if (limits->max_consecutive_losses && marked.losses_in_a_row >= *limits->max_consecutive_losses) {
    halt(marked.instrument, Reason::too_many_consecutive_losses,
         decisions_.text("{}: {} round trips in a row lost, the limit is {}; resume it when it may "
                         "trade on",
                         name, marked.losses_in_a_row, *limits->max_consecutive_losses));
  }
}

void LossGuard::on_trip(const domain::RoundTripClosed& trip) {
  if (!trip.profit.is_negative()) return;
  const auto loss = valuation_.report(-trip.profit, catalog_.instrument(trip.instrument).quote);
  if (!loss) return;  // the equity marks tell it when there is a price
  if (trip.strategy != domain::no<domain::StrategyId>) {
    judge_trip({trip.account, trip.strategy}, limits_.strategy(trip.strategy),
               catalog_.name(trip.strategy), trip, *loss);
  }
  judge_trip({trip.account, domain::no<domain::StrategyId>}, limits_.account(trip.account),
             catalog_.name(trip.account), trip, *loss);
  judge_trip({}, &limits_.daemon(), "the daemon", trip, *loss);
}

void LossGuard::judge_trip(Scope scope, const config::RiskLimits* limits, std::string_view name,
                           const domain::RoundTripClosed& trip, Money loss) {
  if (limits == nullptr) return;
  if (limits->max_loss_per_trade && loss >= *limits->max_loss_per_trade) {
    halt(scope, Reason::loss_per_trade_above_limit,
         decisions_.text("{}: one round trip lost {} {}, the limit is {}; resume it when it may "
                         "trade on",
                         name, domain::to_string(loss), config_.risk.currency,
                         domain::to_string(*limits->max_loss_per_trade)));
  }
  if (limits->max_consecutive_losses && trip.losses_in_a_row >= *limits->max_consecutive_losses) {
    halt(scope, Reason::too_many_consecutive_losses,
         decisions_.text("{}: {} round trips in a row lost, the limit is {}; resume it when it may "
                         "trade on",
                         name, trip.losses_in_a_row, *limits->max_consecutive_losses));
  }
}

}  // namespace halcyon::engine
