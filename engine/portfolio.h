#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "config/config.h"
#include "domain/catalog.h"
#include "domain/record.h"
#include "engine/decisions.h"
#include "engine/latest.h"
#include "engine/lots.h"
#include "engine/market.h"
#include "engine/valuation.h"

namespace halcyon::engine {

/// Positions per (account, strategy, instrument), balances per (account, asset), and what all of
/// it is worth. State is the last record of each key.
class Portfolio {
 public:
  /// Equity is marked at most once an interval while it changes, and at least once in this time.
  static constexpr domain::Duration longest_silence = std::chrono::minutes{1};
  /// Between two looks at what everything is worth; records are made less often.
  static constexpr domain::Duration look_interval = std::chrono::seconds{1};

  /// A strategy's part in an account.
  struct Share {
    domain::AccountId account = domain::no<domain::AccountId>;
    domain::StrategyId strategy = domain::no<domain::StrategyId>;
    domain::Money capital;
  };

  Portfolio(const config::Config& config, const domain::Catalog& catalog,
            const Valuation& valuation, const Market& market, Decisions& decisions);

  void apply(const domain::PositionChanged& changed) {
    positions_.put(key_of(changed.account, changed.strategy, changed.instrument), changed);
  }
  void apply(const domain::BalanceChanged& changed);
  void apply(const domain::FillBooked& fill);
  void apply(const domain::DifferenceFound& difference);
  void apply(const domain::EquityMarked& marked) {
    marks_.put(key_of(marked.account, marked.strategy), marked);
  }
  void snapshot(std::vector<domain::RecordEntry>& records) const;

  void apply(const domain::LotChanged& changed) { lots_.apply(changed); }
  void apply(const domain::RoundTripClosed& closed) { lots_.apply(closed); }
  void apply(const domain::AdjustmentChanged& changed);
  void apply(const domain::BalanceExplained& explained) {
    Watched& row = watched(explained.account, explained.asset);
    row.is_open = true;
    row.opened = explained.opened;
    row.unexplained = explained.unexplained;
  }
  void apply(const domain::InstrumentMarked& marked) {
    instrument_marks_.put(key_of(domain::no<domain::AccountId>, marked.instrument), marked);
  }
  void apply(const domain::FlowBooked& flow) { explain(flow.account, flow.asset, flow.amount); }
  /// A fill that was booked does not count any more.
  void apply_voided(const domain::FillBooked& fill);

  /// The fee of a fill in the quote currency of its instrument, now; empty: there is no price.
  std::optional<domain::Money> fee_value(const domain::FillBooked& fill) const;
  /// Books what a fill does to its position; the fill itself is recorded by the caller.
  void book(const domain::FillBooked& fill);
  /// Takes it back, by its own price and fee.
  void unbook(const domain::FillBooked& fill);

  /// Adjustments that wait, and those that were accepted, by their numbers from 1.
  const std::vector<domain::AdjustmentChanged>& adjustments() const { return adjustments_; }
  /// False when there is none of this number that waits.
  bool accept_adjustment(std::uint64_t number, domain::UserId user);
  void set_on_trip(Lots::OnTrip on_trip) { lots_.set_on_trip(std::move(on_trip)); }

  /// The venue's word about one asset. `in_list`: a row of a balances answer.
  void on_balance(domain::AccountId account, const domain::Balance& balance,
                  domain::Timestamp venue_time, bool in_list);
  /// Money came or went without a trade: what the balances will show is explained.
  void on_flow(domain::AccountId account, const domain::ExternalFlow& flow,
               domain::Timestamp venue_time);
  /// A balances answer begins.
  void on_list_begin(domain::AccountId account);
  /// It ended, complete. Assets that it did not name are zero. What fills and flows do not explain
  /// may still be on its way, so it is said only when the next answer finds it again. True when
  /// there is such a suspicion: compare again soon. `is_owed`: fills are known to be on their way,
  /// so nothing is concluded.
  bool on_list_end(domain::AccountId account, bool is_owed);

  /// Null: flat and never traded.
  const domain::PositionChanged* position(domain::AccountId account, domain::StrategyId strategy,
                                          domain::InstrumentId instrument) const {
    return positions_.find(key_of(account, strategy, instrument));
  }
  domain::Quantity held(domain::AccountId account, domain::StrategyId strategy,
                        domain::InstrumentId instrument) const {
    const auto* known = position(account, strategy, instrument);
    return known == nullptr ? domain::Quantity{} : known->quantity;
  }
  /// What an account was worth when it was last marked; empty: it could not be valued yet.
  std::optional<domain::Money> equity(domain::AccountId account) const {
    const auto* marked = marks_.find(key_of(account, domain::no<domain::StrategyId>));
    return marked == nullptr ? std::nullopt : std::optional{marked->equity};
  }
  bool has_balance(domain::AccountId account) const {
    const auto& rows = balances_.rows();
    return std::any_of(rows.begin(), rows.end(),
                       [&](const auto& row) { return row.account == account; });
  }
  const std::vector<domain::PositionChanged>& positions() const { return positions_.rows(); }

  /// The venue's free amount, less what fills have taken since the venue told it; what they have
  /// brought is not counted before the venue says so. Empty: never told.
  std::optional<domain::Money> free(domain::AccountId account, domain::AssetId asset) const;

  /// The venue time of the last word about a balance; the beginning of time when there was none.
  domain::Timestamp balance_time(domain::AccountId account, domain::AssetId asset) const {
    const auto* known = balances_.find(key_of(account, asset));
    return known == nullptr ? domain::Timestamp{} : known->venue_time;
  }
  /// The strategies whose equity is marked.
  void set_shares(std::vector<Share> shares) { shares_ = std::move(shares); }
  /// Who hears of every mark, once a second, recorded or not.
  using OnMark = std::function<void(const domain::EquityMarked&)>;
  void set_on_mark(OnMark on_mark) { on_mark_ = std::move(on_mark); }
  /// Which instruments are marked, and who hears of each mark, recorded or not.
  using IsMarked = std::function<bool(domain::InstrumentId)>;
  using OnInstrument =
      std::function<void(const domain::InstrumentMarked&, const domain::RoundTripClosed*)>;
  void set_on_instrument(IsMarked is_marked, OnInstrument on_instrument) {
    is_marked_ = std::move(is_marked);
    on_instrument_ = std::move(on_instrument);
  }
  /// A round trip of an instrument was closed.
  void on_trip(const domain::RoundTripClosed& trip) { mark_instrument(trip.instrument, &trip); }
  /// Marks equity where it is due.
  void on_time();
  domain::Timestamp next_deadline() const { return next_mark_; }

 private:
  /// What is known of a balance beyond its record.
  struct Watched {
    domain::AccountId account = domain::no<domain::AccountId>;
    domain::AssetId asset = domain::no<domain::AssetId>;
    /// How far the balance has moved beyond what fills and flows explain; in the order of the
    /// records, so that a recovered engine knows the same.
    domain::Money unexplained;
    domain::Timestamp opened;       ///< venue time of the first word: fills until then are in it
    bool is_open = false;           ///< there was a first word
    domain::Money suspected;        ///< `unexplained` at the end of the last answer
    domain::Money taken;            ///< by fills that the last word may not know
    domain::Timestamp taken_until;  ///< venue time of the last of them
    domain::Timestamp venue_time;   ///< of the last word that bore a time of the venue
    bool is_listed = false;         ///< named by the answer that is being read
  };
  /// A change by a fill that came before the first word about its asset.
  struct EarlyFlow {
    domain::AccountId account = domain::no<domain::AccountId>;
    domain::AssetId asset = domain::no<domain::AssetId>;
    domain::Timestamp venue_time;
    domain::Money change;
  };
  /// More of them are not told apart: the first word is taken as it is.
  static constexpr std::size_t max_early_flows = 1024;
  FillEffect effect_of(const domain::FillBooked& fill) const;
  void adjust(domain::AccountId account, domain::AssetId asset, domain::Money amount);
  Watched& watched(domain::AccountId account, domain::AssetId asset);
  /// What early fills changed after (or until) the time of the first word.
  domain::Money early_change(domain::AccountId account, domain::AssetId asset,
                             domain::Timestamp first_word, bool after) const;
  void explain(domain::AccountId account, domain::AssetId asset, domain::Money flow) {
    watched(account, asset).unexplained -= flow;
  }
  /// Adds up positions, in the reporting currency. False when one of them cannot be valued now.
  template <class IsMeant>
  bool sum_positions(IsMeant is_meant, domain::EquityMarked& sum, domain::Money& cost) const;
  void mark_instrument(domain::InstrumentId instrument, const domain::RoundTripClosed* trip);
  std::int32_t today() const;
  void mark_account(domain::AccountId account);
  void mark_share(const Share& share);
  /// `moved`: what came or went without a trade since the last mark, and with it the peak.
  void mark(domain::EquityMarked marked, domain::Money moved = {});

  const domain::Catalog& catalog_;
  const Valuation& valuation_;
  const Market& market_;
  Decisions& decisions_;
  Lots lots_;
  std::vector<domain::AdjustmentChanged> adjustments_;
  domain::Money accepted_up_to_;
  Latest<domain::PositionChanged> positions_;
  Latest<domain::BalanceChanged> balances_;
  Latest<domain::EquityMarked> marks_;
  Latest<domain::InstrumentMarked> instrument_marks_;
  std::vector<Watched> watched_;
  std::vector<EarlyFlow> early_;
  FlatMap<PackedKey, std::uint32_t> watched_index_;
  FlatMap<PackedKey, std::int64_t> marked_at_;  ///< engine time in ns, by the key of the mark
  std::vector<Share> shares_;
  std::vector<domain::Money> moved_;  ///< by AccountId, since its last mark; reporting currency
  OnMark on_mark_;
  IsMarked is_marked_;
  OnInstrument on_instrument_;
  std::int32_t day_start_minutes_;
  domain::Duration interval_;
  domain::Timestamp next_mark_;
};

/// How a fill changes one asset of its account: the base, the quote, and the asset of the fee.
/// Calls `act(asset, change)` for each part.
template <class Act>
void each_flow(const domain::FillBooked& fill, const domain::Instrument& instrument, Act act) {
  const domain::Money base = domain::Money::from_raw(fill.quantity.raw());
  const bool is_buy = fill.side == domain::Side::buy;
  act(instrument.base, is_buy ? base : -base);
  act(instrument.quote, is_buy ? -fill.quote_amount : fill.quote_amount);
  if (fill.fee_asset != domain::no<domain::AssetId> && !fill.fee.is_zero()) {
    act(fill.fee_asset, -fill.fee);
  }
}

}  // namespace halcyon::engine
