#include "engine/portfolio.h"

#include <algorithm>
#include <utility>

#include "engine/position.h"

namespace halcyon::engine {

using domain::AccountId;
using domain::AssetId;
using domain::BalanceChanged;
using domain::DifferenceFound;
using domain::DifferenceKind;
using domain::EquityMarked;
using domain::FillBooked;
using domain::Money;
using domain::PositionChanged;
using domain::Quantity;
using domain::Timestamp;

namespace {

Money total_of(const BalanceChanged& balance) { return balance.free + balance.locked; }

Quantity as_quantity(Money amount) { return Quantity::from_raw(amount.raw()); }

}  // namespace

Portfolio::Portfolio(const config::Config& config, const domain::Catalog& catalog,
                     const Valuation& valuation, const Market& market, Decisions& decisions)
    : catalog_(catalog),
      valuation_(valuation),
      market_(market),
      decisions_(decisions),
      lots_(decisions),
      accepted_up_to_(config.risk.accept_adjustments_up_to.value_or(Money{})),
      positions_(256),
      balances_(1024),
      marks_(256),
      watched_index_(1024),
      marked_at_(256),
      moved_(catalog.accounts().size()),
      day_start_minutes_(config.risk.day_start.minutes),
      interval_(config.engine.equity_interval) {
  watched_.reserve(1024);
  early_.reserve(max_early_flows);
}

Portfolio::Watched& Portfolio::watched(AccountId account, AssetId asset) {
  const PackedKey key = key_of(account, asset);
  if (const std::uint32_t* at = watched_index_.find(key)) return watched_[*at];
  watched_index_.put(key, static_cast<std::uint32_t>(watched_.size()));
  Watched row;
  row.account = account;
  row.asset = asset;
  watched_.push_back(row);
  return watched_.back();
}

void Portfolio::apply(const BalanceChanged& changed) {
  const PackedKey key = key_of(changed.account, changed.asset);
  const BalanceChanged* before = balances_.find(key);
  Watched& row = watched(changed.account, changed.asset);
  if (before != nullptr) {
    row.unexplained += total_of(changed) - total_of(*before);
  } else {
    // The first word about an asset is where explaining begins; fills until then are in it.
    row.opened = changed.venue_time;
    row.is_open = true;
    row.unexplained = -early_change(changed.account, changed.asset, row.opened, true);
    std::erase_if(early_, [&](const EarlyFlow& flow) {
      return flow.account == changed.account && flow.asset == changed.asset;
    });
  }
  balances_.put(key, changed);
}

Money Portfolio::early_change(AccountId account, AssetId asset, Timestamp first_word,
                              bool after) const {
  Money sum;
  for (const EarlyFlow& flow : early_) {
    if (flow.account != account || flow.asset != asset) continue;
    if ((flow.venue_time > first_word) == after) sum += flow.change;
  }
  return sum;
}

void Portfolio::apply(const FillBooked& fill) {
  if (domain::index_of(fill.instrument) >= catalog_.instruments().size()) return;
  each_flow(fill, catalog_.instrument(fill.instrument), [&](AssetId asset, Money change) {
    const Watched& row = watched(fill.account, asset);
    if (!row.is_open) {
      if (early_.size() < max_early_flows) {
        early_.push_back({fill.account, asset, fill.venue_time, change});
      }
    } else if (fill.venue_time > row.opened) {
      explain(fill.account, asset, change);
    }
  });
}

void Portfolio::apply_voided(const FillBooked& fill) {
  FillBooked back = fill;
  back.side = domain::opposite(fill.side);
  back.fee = -fill.fee;
  apply(back);
}

void Portfolio::apply(const domain::AdjustmentChanged& changed) {
  const auto same = std::find_if(adjustments_.begin(), adjustments_.end(),
                                 [&](const auto& one) { return one.number == changed.number; });
  if (same == adjustments_.end()) {
    adjustments_.push_back(changed);
  } else {
    *same = changed;
  }
}

void Portfolio::adjust(AccountId account, AssetId asset, Money amount) {
  domain::AdjustmentChanged found;
  found.number = adjustments_.empty() ? 1 : adjustments_.back().number + 1;
  found.account = account;
  found.asset = asset;
  found.amount = amount;
  found.found = decisions_.now();
  const auto worth = valuation_.report(amount.abs(), asset);
  found.is_accepted = worth && *worth <= accepted_up_to_;
  decisions_.record(found);
  if (found.is_accepted) return;
  decisions_.notice(domain::Severity::alarm, domain::NoticeCode::adjustment_waiting,
                    decisions_.text("adjustment {}: {} has {} {} that nothing explains; accept it "
                                    "with adjustments.accept when it is known why",
                                    found.number, catalog_.name(account), domain::to_string(amount),
                                    catalog_.name(asset)),
                    account);
}

bool Portfolio::accept_adjustment(std::uint64_t number, domain::UserId user) {
  for (const domain::AdjustmentChanged& one : adjustments_) {
    if (one.number != number || one.is_accepted) continue;
    domain::AdjustmentChanged accepted = one;
    accepted.is_accepted = true;
    accepted.user = user;
    decisions_.record(accepted);
    return true;
  }
  return false;
}

void Portfolio::apply(const DifferenceFound& difference) {
  if (difference.kind != DifferenceKind::balance) return;
  const Quantity found = difference.theirs - difference.ours;
  explain(difference.account, difference.asset, Money::from_raw(found.raw()));
}

void Portfolio::snapshot(std::vector<domain::RecordEntry>& records) const {
  for (const auto& row : positions_.rows()) records.push_back({row, {}});
  for (const auto& row : balances_.rows()) records.push_back({row, {}});
  for (const BalanceChanged& balance : balances_.rows()) {
    const std::uint32_t* at = watched_index_.find(key_of(balance.account, balance.asset));
    if (at == nullptr || !watched_[*at].is_open) continue;
    records.push_back({domain::BalanceExplained{balance.account, balance.asset,
                                                watched_[*at].opened, watched_[*at].unexplained},
                       {}});
  }
  for (const auto& row : marks_.rows()) records.push_back({row, {}});
  for (const auto& row : instrument_marks_.rows()) records.push_back({row, {}});
  lots_.snapshot(records);
  for (const auto& row : adjustments_) records.push_back({row, {}});
}

std::optional<Money> Portfolio::fee_value(const FillBooked& fill) const {
  if (fill.fee_asset == domain::no<AssetId> || fill.fee.is_zero()) return Money{};
  const domain::Instrument& instrument = catalog_.instrument(fill.instrument);
  if (fill.fee_asset == instrument.base) {
    return domain::notional(fill.price, as_quantity(fill.fee));
  }
  return valuation_.convert(fill.fee, fill.fee_asset, instrument.quote);
}

FillEffect Portfolio::effect_of(const FillBooked& fill) const {
  FillEffect effect;
  effect.side = fill.side;
  effect.quantity = fill.quantity;
  effect.amount = fill.quote_amount;
  if (fill.fee_asset == domain::no<AssetId> || fill.fee.is_zero()) return effect;
  if (fill.fee_asset == catalog_.instrument(fill.instrument).base) {
    effect.base_fee = as_quantity(fill.fee);
    effect.base_fee_value = fill.fee_value;
  } else {
    effect.other_fee = fill.fee_value;
  }
  return effect;
}

void Portfolio::unbook(const FillBooked& fill) {
  const auto* before = position(fill.account, fill.strategy, fill.instrument);
  if (before == nullptr) return;
  const FillEffect effect = effect_of(fill);
  PositionChanged after = without_fill(*before, effect);
  after.realized_fifo += lots_.unbook(fill, effect);
  decisions_.record(after);
}

void Portfolio::book(const FillBooked& fill) {
  const domain::Instrument& instrument = catalog_.instrument(fill.instrument);
  const FillEffect effect = effect_of(fill);
  if (!fee_value(fill)) {
    // The fee itself stays in the fill's record, and the balance of its asset shows it.
    decisions_.notice(
        domain::Severity::warning, domain::NoticeCode::unvalued_fee,
        decisions_.text("fee of {} {} on {}: no price in {}, so it is missing from the position's "
                        "fees; subscribe an instrument of that pair to have it valued",
                        domain::to_string(fill.fee), catalog_.name(fill.fee_asset),
                        instrument.symbol, catalog_.name(instrument.quote)),
        fill.account, fill.instrument, fill.order);
  }
  PositionChanged before;
  if (const auto* known = position(fill.account, fill.strategy, fill.instrument)) before = *known;
  before.account = fill.account;
  before.strategy = fill.strategy;
  before.instrument = fill.instrument;
  PositionChanged after = after_fill(before, effect);
  after.realized_fifo += lots_.book(fill, effect);
  decisions_.record(after);

  each_flow(fill, instrument, [&](AssetId asset, Money change) {
    if (!change.is_negative()) return;
    Watched& row = watched(fill.account, asset);
    row.taken += -change;
    row.taken_until = std::max(row.taken_until, fill.venue_time);
  });
}

void Portfolio::on_balance(AccountId account, const domain::Balance& balance, Timestamp venue_time,
                           bool in_list) {
  const Timestamp none;
  Watched& row = watched(account, balance.asset);
  if (in_list) row.is_listed = true;
  if (venue_time != none && venue_time < row.venue_time) return;
  if (venue_time != none) row.venue_time = venue_time;
  if (venue_time == none || venue_time >= row.taken_until) row.taken = Money{};

  BalanceChanged changed{account, balance.asset, balance.free, balance.locked,
                         venue_time == none ? decisions_.now() : venue_time};
  const BalanceChanged* before = balances_.find(key_of(account, balance.asset));
  if (before != nullptr && before->free == changed.free && before->locked == changed.locked) return;
  // By fills that came before, when this is the first word.
  const Money explained = early_change(account, balance.asset, changed.venue_time, false);
  if (before == nullptr && total_of(changed).is_zero() && explained.is_zero()) return;
  decisions_.record(changed);
  if (before == nullptr && total_of(changed) != explained) {
    decisions_.record(
        DifferenceFound{DifferenceKind::opening_balance, account, domain::no<domain::InstrumentId>,
                        balance.asset, domain::OrderId{}, as_quantity(explained),
                        as_quantity(total_of(changed))},
        decisions_.text("{} holds {} {} when first seen", catalog_.name(account),
                        domain::to_string(total_of(changed)), catalog_.name(balance.asset)));
  }
}

void Portfolio::on_flow(AccountId account, const domain::ExternalFlow& flow, Timestamp venue_time) {
  decisions_.record(domain::FlowBooked{account, flow.asset, flow.amount, venue_time});
  if (const auto value = valuation_.report(flow.amount, flow.asset)) {
    moved_[domain::index_of(account)] += *value;
  }
}

void Portfolio::on_list_begin(AccountId account) {
  for (Watched& row : watched_) {
    if (row.account == account) row.is_listed = false;
  }
}

bool Portfolio::on_list_end(AccountId account, bool is_owed) {
  bool is_suspicious = false;
  for (std::size_t at = 0; at < watched_.size(); ++at) {
    if (watched_[at].account != account) continue;
    const AssetId asset = watched_[at].asset;
    const BalanceChanged* known = balances_.find(key_of(account, asset));
    if (known == nullptr) continue;
    if (!watched_[at].is_listed && !total_of(*known).is_zero()) {
      domain::Balance zero;
      zero.asset = asset;
      on_balance(account, zero, {}, true);
      known = balances_.find(key_of(account, asset));
    }
    const Money unexplained = watched_[at].unexplained;
    const bool is_certain = !is_owed && unexplained == watched_[at].suspected;
    watched_[at].suspected = is_owed ? Money{} : unexplained;
    if (unexplained.is_zero() || is_owed) continue;
    if (!is_certain) {
      is_suspicious = true;
      continue;
    }
    watched_[at].suspected = Money{};
    const Quantity theirs = as_quantity(total_of(*known));
    const Quantity ours = theirs - as_quantity(unexplained);
    const std::string_view words = decisions_.text(
        "{} {}: the venue says {}, our fills explain {}; a deposit, a withdrawal, "
        "or a trade that the venue did not tell",
        catalog_.name(account), catalog_.name(asset), domain::to_string(theirs),
        domain::to_string(ours));
    decisions_.record(
        DifferenceFound{DifferenceKind::balance, account, domain::no<domain::InstrumentId>, asset,
                        domain::OrderId{}, ours, theirs},
        words);
    decisions_.notice(domain::Severity::warning, domain::NoticeCode::difference_found, words,
                      account);
    adjust(account, asset, unexplained);
  }
  return is_suspicious;
}

std::optional<Money> Portfolio::free(AccountId account, AssetId asset) const {
  const PackedKey key = key_of(account, asset);
  const BalanceChanged* known = balances_.find(key);
  if (known == nullptr) return std::nullopt;
  const std::uint32_t* at = watched_index_.find(key);
  return at == nullptr ? known->free : known->free - watched_[*at].taken;
}

template <class IsMeant>
bool Portfolio::sum_positions(IsMeant is_meant, EquityMarked& sum, Money& cost) const {
  for (const PositionChanged& position : positions_.rows()) {
    if (!is_meant(position)) continue;
    Money unrealized;
    if (!position.quantity.is_zero()) {
      const auto reference = market_.reference(position.instrument);
      if (!reference) return false;
      const auto value = value_at(position, reference->price);
      if (!value) return false;
      unrealized = *value - position.cost;
    }
    const AssetId quote = catalog_.instrument(position.instrument).quote;
    const auto in_currency = [&](Money amount, Money& into) {
      const auto converted = valuation_.report(amount, quote);
      if (converted) into += *converted;
      return converted.has_value();
    };
    if (!in_currency(position.realized, sum.realized) || !in_currency(unrealized, sum.unrealized) ||
        !in_currency(position.fees, sum.fees) || !in_currency(position.cost, cost)) {
      return false;
    }
  }
  return true;
}

void Portfolio::mark_account(AccountId account) {
  EquityMarked sum;
  sum.account = account;
  bool has_balance = false;
  for (const BalanceChanged& balance : balances_.rows()) {
    if (balance.account != account || !valuation_.has_path(balance.asset)) continue;
    const Money total = total_of(balance);
    const auto value = valuation_.report(total, balance.asset);
    if (!value) return;  // its price has not come yet
    has_balance = true;
    sum.equity += *value;
    if (valuation_.is_reporting(balance.asset)) sum.cash += total;
  }
  Money cost;
  const auto is_its = [account](const PositionChanged& one) { return one.account == account; };
  if (!has_balance || !sum_positions(is_its, sum, cost)) return;
  mark(sum, std::exchange(moved_[domain::index_of(account)], Money{}));
}

void Portfolio::mark_share(const Share& share) {
  EquityMarked sum;
  sum.account = share.account;
  sum.strategy = share.strategy;
  Money cost;
  const auto is_its = [&share](const PositionChanged& one) {
    return one.account == share.account && one.strategy == share.strategy;
  };
  if (!sum_positions(is_its, sum, cost)) return;
  sum.cash = share.capital + sum.realized - sum.fees - cost;
  sum.equity = share.capital + sum.realized + sum.unrealized - sum.fees;
  mark(sum);
}

std::int32_t Portfolio::today() const {
  return static_cast<std::int32_t>(std::chrono::floor<std::chrono::days>(
                                       decisions_.now() - std::chrono::minutes{day_start_minutes_})
                                       .time_since_epoch()
                                       .count());
}

void Portfolio::mark_instrument(domain::InstrumentId instrument,
                                const domain::RoundTripClosed* trip) {
  if (!is_marked_ || !is_marked_(instrument)) return;
  EquityMarked sum;
  Money cost;
  const auto is_its = [instrument](const PositionChanged& one) {
    return one.instrument == instrument;
  };
  const PackedKey key = key_of(domain::no<AccountId>, instrument);
  const domain::InstrumentMarked* before = instrument_marks_.find(key);
  domain::InstrumentMarked marked;
  if (before != nullptr) marked = *before;
  marked.instrument = instrument;
  const bool is_known = sum_positions(is_its, sum, cost);
  if (!is_known && trip == nullptr) return;
  if (is_known) marked.profit = sum.realized + sum.unrealized - sum.fees;
  marked.day = today();
  if (before == nullptr) {
    marked.peak = marked.day_start = marked.profit;
  } else {
    marked.peak = std::max(before->peak, marked.profit);
    if (before->day != marked.day) marked.day_start = before->profit;
  }
  if (trip != nullptr) {
    marked.losses_in_a_row = trip->profit.is_negative() ? marked.losses_in_a_row + 1 : 0;
  }
  const bool is_new_day = before == nullptr || before->day != marked.day;
  const bool is_changed = before == nullptr || before->profit != marked.profit;
  if (on_instrument_) on_instrument_(marked, trip);
  const std::int64_t now = domain::to_unix_ns(decisions_.now());
  const std::int64_t* at = marked_at_.find(key);
  const bool is_due = at == nullptr || now - *at >= domain::Duration{interval_}.count();
  if (trip == nullptr && !is_new_day && !(is_changed && is_due)) return;
  marked_at_.put(key, now);
  decisions_.record(marked);
}

void Portfolio::mark(EquityMarked marked, Money moved) {
  const PackedKey key = key_of(marked.account, marked.strategy);
  const EquityMarked* before = marks_.find(key);
  marked.peak = before == nullptr ? marked.equity : std::max(before->peak + moved, marked.equity);
  marked.drawdown = marked.peak - marked.equity;
  marked.day = today();
  if (before != nullptr) {
    marked.day_start = before->day == marked.day
                           ? before->day_start
                           : before->realized + before->unrealized - before->fees;
  }
  if (on_mark_) on_mark_(marked);
  const std::int64_t now = domain::to_unix_ns(decisions_.now());
  const std::int64_t* at = marked_at_.find(key);
  const bool is_changed = before == nullptr || before->equity != marked.equity ||
                          before->cash != marked.cash || before->realized != marked.realized ||
                          before->unrealized != marked.unrealized || before->fees != marked.fees;
  const bool is_new_day = before != nullptr && before->day != marked.day;
  const auto wait = is_changed ? interval_ : domain::Duration{longest_silence};
  const bool is_due = at == nullptr || now - *at >= wait.count();
  if (!is_due && !is_new_day && moved.is_zero()) return;
  marked_at_.put(key, now);
  decisions_.record(marked);
}

void Portfolio::on_time() {
  if (decisions_.now() < next_mark_) return;
  next_mark_ = decisions_.now() + std::min<domain::Duration>(interval_, look_interval);
  for (std::size_t id = 0; id < catalog_.accounts().size(); ++id) {
    mark_account(static_cast<AccountId>(id));
  }
  for (const Share& share : shares_) mark_share(share);
  for (const domain::Instrument& instrument : catalog_.instruments()) {
    mark_instrument(instrument.id, nullptr);
  }
}

}  // namespace halcyon::engine
