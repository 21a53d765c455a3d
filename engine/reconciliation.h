#pragma once

#include <cstdint>
#include <vector>

#include "domain/event.h"
#include "engine/accounts.h"
#include "engine/decisions.h"
#include "engine/fills.h"
#include "engine/order_manager.h"
#include "engine/orders.h"
#include "engine/portfolio.h"

namespace halcyon::engine {

/// Compares an account with the venue: open orders, then every order that the list did not name,
/// then the fills of each instrument, then balances. Whatever differs is said and booked by those
/// whose business it is; this only asks, in order, until each answer was complete.
///
/// From a connect on the account is closed for new orders until the first comparison is through;
/// cancels always pass. After that it is repeated: each 30 s while one of our orders is alive, each
/// 5 minutes otherwise. While the private stream is silent, fills are missing or the fate of a
/// request is unknown, it is repeated after 2, 4, 8 and 16 s, then each 30 s, and from 2 s on again
/// when a new cause has come; the gateway keeps all of it within the venue's budget less what it
/// keeps for cancels, and refuses what goes beyond. An answer that is partial or does not
/// come is asked for again after 0.5, 1, 2, 5, 10 s, then each 30 s.
///
/// Fills are asked for from a point before which all of them are surely booked: when the last
/// complete answer was asked for; in a new run an hour before the last booked fill (a comparison
/// came through in that hour, or the account was not trading) and not after any order that is still
/// alive was made; on the very first start from that start. Repeats cost nothing: a fill is booked
/// once.
class Reconciliation {
 public:
  static constexpr domain::Duration busy_interval = std::chrono::seconds{30};
  static constexpr domain::Duration idle_interval = std::chrono::minutes{5};
  static constexpr domain::Duration hurry = std::chrono::seconds{2};
  static constexpr domain::Duration answer_time_out = std::chrono::seconds{15};
  static constexpr domain::Duration overlap = std::chrono::hours{1};
  static constexpr domain::Duration margin = std::chrono::minutes{1};
  /// What balances show and nothing explains is looked at again after so long.
  static constexpr domain::Duration settling = std::chrono::seconds{5};

  Reconciliation(Accounts& accounts, Orders& orders, const Fills& fills, Portfolio& portfolio,
                 OrderManager& order_manager, Decisions& decisions);

  /// The order path of an account changed its state.
  void on_stream(domain::AccountId account, domain::StreamState state, domain::Reason reason);
  void on_answer_begin(domain::AccountId account, const domain::AnswerBegin& begin);
  void on_answer_end(domain::AccountId account, const domain::AnswerEnd& end);
  /// Whether rows that come now belong to an answer of this kind.
  bool is_reading(domain::AccountId account, domain::QueryKind kind) const;
  /// Compares now. False when the account's order path is not up.
  bool compare_now(domain::AccountId account);
  /// The list of open orders names this one.
  void on_listed(Order& order);
  void on_started();
  void on_time();
  /// The end of an event: goes on where the orders that were asked for have been answered.
  void finish();
  domain::Timestamp next_deadline() const;

  /// Whether an account became ready since this was last asked.
  bool take_ready() { return std::exchange(became_ready_, false); }

 private:
  enum class Phase : std::uint8_t { idle, open_orders, orders, fills, balances };
  struct Run {
    Phase phase = Phase::idle;
    std::size_t instrument = 0;  ///< place in Account::instruments
    domain::RequestId request;   ///< under way; none: `due` is when to ask again
    domain::Timestamp asked;
    domain::Timestamp due = domain::never;
    domain::Timestamp next = domain::never;  ///< idle: when to compare again
    std::uint32_t attempts = 0;
    std::uint32_t hurries = 0;  ///< comparisons in a hurry, one after the other
    domain::Timestamp completed;
    bool is_reading = false;
    std::vector<domain::Timestamp> confirmed;  ///< by place in Account::instruments
  };

  void start(domain::AccountId account);
  void enter(domain::AccountId account, Phase phase);
  void enter_fills(domain::AccountId account, std::size_t instrument);
  void ask(domain::AccountId account);
  void try_later(Run& run);
  void check_unlisted(domain::AccountId account);
  void complete(domain::AccountId account, bool is_suspicious);
  void close(domain::AccountId account, domain::Reason reason);
  domain::Timestamp fills_from(domain::AccountId account, std::size_t instrument) const;
  bool has_live(domain::AccountId account) const;  ///< an order of ours
  bool is_in_a_hurry(domain::AccountId account) const;
  void on_silence(domain::AccountId account);
  domain::Duration hurry_of(const Run& its) const;
  bool is_waiting_for_orders(domain::AccountId account) const;
  Run& run(domain::AccountId account) { return runs_[domain::index_of(account)]; }

  Accounts& accounts_;
  Orders& orders_;
  const Fills& fills_;
  Portfolio& portfolio_;
  OrderManager& order_manager_;
  Decisions& decisions_;
  std::vector<Run> runs_;  ///< by AccountId
  std::uint64_t lists_ = 0;
  bool became_ready_ = false;
};

}  // namespace halcyon::engine
