#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "domain/catalog.h"
#include "domain/credential.h"
#include "domain/enum_name.h"
#include "domain/event.h"
#include "domain/record.h"
#include "persistence/journal.h"

namespace halcyon::persistence {
class PartReader;
class PartWriter;
}  // namespace halcyon::persistence

namespace halcyon::daemon {

/// How much history the read model keeps. The sums (counts, positions, balances) are of everything;
/// only what can be listed one by one is bounded, oldest gone first.
struct ReadModelBounds {
  std::size_t ended_orders = 10'000;
  std::size_t steps_of_an_order = 64;
  std::size_t fills = 10'000;
  std::size_t notices = 1'000;
  std::size_t requests = 10'000;
  std::size_t command_answers = 1'024;
};

/// One thing that happened to an order, for people.
struct OrderStep {
  std::uint64_t sequence = 0;  ///< of the journal
  domain::Timestamp at;        ///< engine time
  /// The record, as it stood in the journal.
  std::variant<domain::OrderOpened, domain::OrderChanged, domain::RequestChanged,
               domain::FillBooked>
      what;
  std::string text;
};

struct OrderView {
  domain::NewOrder order;
  std::string client_id;        ///< of an external order; empty for ours
  domain::OrderChanged latest;  ///< before the first change: pending_submit, nothing filled
  domain::Timestamp changed;
  std::string text;  ///< the venue's last words
  std::deque<OrderStep> steps;
  std::uint64_t steps_forgotten = 0;

  bool is_open() const { return !domain::is_terminal(latest.state); }
};

struct FillView {
  domain::FillBooked fill;
  std::uint64_t sequence = 0;
  domain::Timestamp booked;
};

struct RequestView {
  domain::RequestChanged latest;
  domain::Timestamp changed;
};

template <class What>
struct Stamped {
  What what;
  domain::Timestamp at;
};

struct NoticeView {
  domain::NoticeRaised notice;
  std::string text;
  std::uint64_t sequence = 0;
  domain::Timestamp at;
};

struct StreamView {
  domain::StreamChanged latest;
  domain::Timestamp since;
  std::string text;
};

struct AnswerView {
  domain::CommandAnswered answer;
  std::string text;
};

/// The newest of one name and part.
struct CredentialView {
  domain::CredentialChanged changed;
  std::string text;  ///< domain::parse_credential reads it
  domain::Timestamp at;
};

/// What the outside is shown of the daemon: a fold of the journal's frames, oldest first. Knows no
/// socket, no clock and no engine; equal frames make an equal model. What a start does not know any
/// more (readiness, streams) is forgotten at each EpochStarted, so that nothing of an earlier run
/// looks alive. Memory is bounded by `ReadModelBounds` and by the configuration's size.
///
/// Thread: control. Texts are copied, so a frame need not live longer than `apply`.
class ReadModel {
 public:
  using PositionKey = std::tuple<domain::AccountId, domain::StrategyId, domain::InstrumentId>;
  using BalanceKey = std::pair<domain::AccountId, domain::AssetId>;
  using ScopeKey = std::pair<domain::AccountId, domain::StrategyId>;
  using StreamKey = std::tuple<domain::StreamKind, domain::VenueId, domain::AccountId>;
  using FillKey = std::tuple<domain::AccountId, domain::InstrumentId, domain::Side>;
  using CredentialKey = std::pair<std::string, domain::CredentialPart>;
  using EndKey = std::tuple<domain::AccountId, domain::OrderState, domain::Reason>;

  static constexpr std::size_t reason_count = domain::enum_count<domain::Reason>();
  static constexpr std::size_t record_kinds = std::variant_size_v<domain::Record>;

  /// Sums since the journal's beginning.
  struct Totals {
    std::uint64_t frames = 0;
    std::array<std::uint64_t, record_kinds> records{};       ///< by Record index
    std::array<std::uint64_t, reason_count> denials{};       ///< by Reason
    std::array<std::array<std::uint64_t, 5>, 3> requests{};  ///< by RequestKind and RequestState
    std::array<std::array<std::uint64_t, domain::enum_count<domain::NoticeCode>()>,
               domain::enum_count<domain::Severity>()>
        notices{};
    std::map<std::pair<domain::DifferenceKind, domain::AccountId>, std::uint64_t> differences;
    std::map<FillKey, std::uint64_t> fills;
    std::map<EndKey, std::uint64_t> orders_ended;
    std::map<domain::AccountId, std::uint64_t> orders_opened;
    std::uint64_t fills_late = 0;
    std::uint64_t commands_accepted = 0;
    std::uint64_t commands_refused = 0;
    std::uint64_t unmatched = 0;  ///< changes of orders that the model does not hold any more
  };

  /// `daemon_name`: the first part of our client order ids.
  explicit ReadModel(std::string daemon_name, ReadModelBounds bounds = {});

  void apply(const persistence::FrameView& frame);

  /// Everything that is kept, for a snapshot: a model that loads it and goes on with the frames
  /// behind it is the same, to the byte, as one that saw all frames. Whoever gives the model
  /// another member says here what becomes of it.
  void save(persistence::PartWriter& out) const;
  /// Into a new model. False: the bytes are not of this version, or damaged; then the model must
  /// not be used.
  bool load(persistence::PartReader& in);

  const domain::Catalog& catalog() const { return catalog_; }
  const std::string& daemon_name() const { return daemon_name_; }
  /// Of the last frame; 0 before the first.
  std::uint64_t sequence() const { return sequence_; }
  /// Engine time of the last frame.
  domain::Timestamp last_received() const { return last_received_; }
  /// Seconds since the Unix epoch of the daemon's last start; 0: none yet.
  std::uint32_t epoch() const { return epoch_; }
  const Totals& totals() const { return totals_; }

  /// Open orders, and the newest ended ones; oldest first.
  const std::map<domain::OrderId, OrderView>& orders() const { return orders_; }
  const OrderView* find_order(domain::OrderId id) const;
  std::size_t open_orders() const { return orders_.size() - ended_.size(); }
  std::uint64_t orders_forgotten() const { return orders_forgotten_; }
  /// Requests without a final answer, those of unknown fate included.
  const std::map<domain::RequestId, RequestView>& open_requests() const { return requests_; }
  /// Newest last; `last_fill_number` counts all of the journal.
  const std::deque<FillView>& fills() const { return fills_; }
  std::uint64_t last_fill_number() const { return last_fill_number_; }
  const std::deque<NoticeView>& notices() const { return notices_; }
  const std::map<PositionKey, Stamped<domain::PositionChanged>>& positions() const {
    return positions_;
  }
  /// By number.
  const std::map<std::uint64_t, domain::AdjustmentChanged>& adjustments() const {
    return adjustments_;
  }
  /// What operators have set and not given back.
  const std::vector<domain::SetLimit>& limits_set() const { return limits_set_; }
  /// Sealed secrets, by name and part.
  const std::map<CredentialKey, CredentialView>& credentials() const { return credentials_; }
  const std::map<BalanceKey, Stamped<domain::BalanceChanged>>& balances() const {
    return balances_;
  }
  const std::map<ScopeKey, Stamped<domain::EquityMarked>>& equity() const { return equity_; }
  const std::map<ScopeKey, Stamped<domain::TradingStateChanged>>& trading_states() const {
    return trading_states_;
  }
  const std::map<domain::InstrumentId, Stamped<domain::InstrumentStateChanged>>& instrument_states()
      const {
    return instrument_states_;
  }
  const std::map<domain::AccountId, Stamped<domain::AccountReady>>& accounts_ready() const {
    return accounts_ready_;
  }
  const std::map<StreamKey, StreamView>& streams() const { return streams_; }
  const std::map<domain::VenueId, domain::ClockOffset>& clock_offsets() const {
    return clock_offsets_;
  }

  /// The strictest state of the daemon, the account and the strategy; `no` skips a level.
  domain::TradingState trading_state(domain::AccountId account, domain::StrategyId strategy) const;
  /// The answer to a command of this epoch; null: none yet, or so long ago that it is forgotten.
  const AnswerView* find_answer(std::uint64_t token) const;

  /// The name, or "" for `no` and for ids that the journal has not named.
  std::string name(domain::VenueId id) const;
  std::string name(domain::AccountId id) const;
  std::string name(domain::StrategyId id) const;
  std::string name(domain::AssetId id) const;
  std::string name(domain::InstrumentId id) const;
  /// How people name an order: the client order id, "alpha-main-1w5hmf0-7". External orders bear
  /// one of ours too (the engine's own number for them).
  std::string order_name(domain::AccountId account, domain::OrderId id) const;

 private:
  struct Applier;

  void end_order(domain::OrderId id);
  void add_step(OrderView& view, const persistence::FrameView& frame,
                const decltype(OrderStep::what)& what, std::string_view text);
  void apply_input(const persistence::FrameView& frame);

  std::string daemon_name_;
  ReadModelBounds bounds_;
  domain::Catalog catalog_;
  std::uint64_t sequence_ = 0;
  domain::Timestamp last_received_;
  std::uint32_t epoch_ = 0;
  Totals totals_;
  std::map<domain::OrderId, OrderView> orders_;
  std::deque<domain::OrderId> ended_;  ///< in the order of their ends
  std::uint64_t orders_forgotten_ = 0;
  std::map<domain::RequestId, RequestView> requests_;
  std::deque<FillView> fills_;
  std::uint64_t last_fill_number_ = 0;
  std::deque<NoticeView> notices_;
  std::map<PositionKey, Stamped<domain::PositionChanged>> positions_;
  std::map<BalanceKey, Stamped<domain::BalanceChanged>> balances_;
  std::map<std::uint64_t, domain::AdjustmentChanged> adjustments_;
  std::vector<domain::SetLimit> limits_set_;
  std::map<CredentialKey, CredentialView> credentials_;
  std::map<ScopeKey, Stamped<domain::EquityMarked>> equity_;
  std::map<ScopeKey, Stamped<domain::TradingStateChanged>> trading_states_;
  std::map<domain::InstrumentId, Stamped<domain::InstrumentStateChanged>> instrument_states_;
  std::map<domain::AccountId, Stamped<domain::AccountReady>> accounts_ready_;
  std::map<StreamKey, StreamView> streams_;
  std::map<domain::VenueId, domain::ClockOffset> clock_offsets_;
  std::map<std::uint64_t, AnswerView> answers_;
  std::deque<std::uint64_t> answer_order_;
};

}  // namespace halcyon::daemon
