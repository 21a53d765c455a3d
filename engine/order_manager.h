#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/command.h"
#include "domain/event.h"
#include "engine/accounts.h"
#include "engine/decisions.h"
#include "engine/engine.h"
#include "engine/fills.h"
#include "engine/order_life.h"
#include "engine/orders.h"
#include "engine/portfolio.h"
#include "engine/trading_states.h"

namespace halcyon::engine {

/// Decides what every answer, report, fill and silence means for an order (order_life.h says how
/// its states follow), and sends and repeats what has to be asked.
///
/// What must never happen: an order that ends without the venue's word; a fill that is booked twice
/// or not at all; a second order while the fate of the first is unknown.
///
/// - Silence, a lost line or a restart makes a request unknown. The venue is asked for its order
///   after 0.5, 1, 2, 5 and 10 s, then each 30 s without end, while it can be reached.
/// - "No such order" counts when it was asked for after the venue's visibility rule allows. So many
///   in a row, and then a complete answer about fills without one of this order, prove that it was
///   never there: rejected, `proven_absent`.
/// - A venue that gives only cumulative quantities has provisional fills booked, and the real ones
///   take their place when they come. A trade that the venue takes back or corrects is voided.
/// - An execution is booked once, in whatever state its order is, known or not. A row of a list
/// that
///   names an order only by an id we have not learned yet waits until it is clear whose it is.
/// - Fills that the venue counted and nobody told are asked for.
/// - Cancels are repeated while it is unknown whether they worked and the order is still there.
class OrderManager {
 public:
  static constexpr domain::Duration late_fill_patience = std::chrono::milliseconds{500};
  static constexpr std::size_t max_parked = 4096;
  /// An order whose time is over, and whose cancel was refused, is cancelled again after so long.
  static constexpr domain::Duration cancel_again = std::chrono::seconds{5};
  /// How far back fills are looked through for those of an order that is met for the first time.
  static constexpr std::size_t max_fills_of_a_stranger = 4096;

  OrderManager(const Setup& setup, Orders& orders, const Fills& fills, Portfolio& portfolio,
               Accounts& accounts, const TradingStates& states, Decisions& decisions);

  void apply(const domain::EpochStarted& started) { epochs_.push_back(started.epoch); }
  const std::vector<std::uint32_t>& epochs() const { return epochs_; }

  /// Whether a start of this journal gave the id. An order with our name and without this was made
  /// by another data directory of ours.
  bool is_known_epoch(domain::OrderId id) const { return is_ours(id); }

  /// The gate's slots: whether one more order may be on its way; cancels have some beside them.
  bool has_room() const { return commands_out_ < outbox_capacity_; }
  /// Records the order and sends it in another form.
  void place(const domain::NewOrder& order, const domain::Approved<domain::NewOrder>& as_sent);
  /// Records the order and sends it.
  void place(const domain::Approved<domain::NewOrder>& order);
  /// Records an order that the engine keeps for now; no venue hears of it.
  void hold(const domain::NewOrder& order);
  /// Lets a held order go, in the form that the venue shall see: its quantity is what it may still
  /// be filled by.
  void release(Order& order, const domain::Approved<domain::NewOrder>& as_sent);
  /// Lets two held orders go that end each other, in one message: the venue ties them.
  void release_pair(Order& one, const domain::Approved<domain::NewOrder>& one_as_sent, Order& other,
                    const domain::Approved<domain::NewOrder>& other_as_sent);
  /// Asks the venue in one message to cancel `old`, of which nothing is filled, and to place
  /// `next`. Each leg has its own fate.
  void cancel_replace(domain::OrderId old, const domain::NewOrder& next,
                      const domain::Approved<domain::NewOrder>& as_sent);
  /// Ends a held order.
  void end_held(Order& order, domain::Reason why, bool is_expired = false);
  /// Asks the venue to change a working order; `next` as it shall stand.
  void amend(Order& order, const domain::Approved<domain::NewOrder>& next);
  /// Changes what the engine itself keeps.
  void amend_held(Order& order, const domain::Terms& terms);
  /// An operator's word about an order whose fate nobody can find out. False when it has ended.
  bool resolve(Order& order, domain::VenueOrderStatus status, std::string_view words);
  /// False when the order has ended. Asking twice sends once.
  bool cancel(Order& order, domain::Reason why);

  void on_started();
  void on_stream_ready(domain::AccountId account);
  void on_stream_down(domain::AccountId account);
  void on_outcome(const domain::Event& event, const domain::RequestOutcome& outcome,
                  std::string_view words);
  /// The order it was about; null: none that is of interest.
  Order* on_report(const domain::Event& event, const domain::OrderReport& report,
                   std::string_view words);
  /// `is_listed`: a row of an answer about fills.
  void on_execution(const domain::Event& event, const domain::Execution& execution, bool is_listed);
  void on_corrected(const domain::Event& event, const domain::TradeCorrected& corrected);
  void on_status_answer(const domain::AnswerEnd& end);
  /// A complete answer about the fills of an instrument, asked for at `asked`.
  void on_fills_complete(domain::AccountId account, domain::InstrumentId instrument,
                         domain::Timestamp asked);
  void on_time();
  domain::Timestamp next_deadline() const;
  /// The end of an event: books what has become clear in it.
  void finish();

  /// Whether fills are owed, or an absence waits for an answer about fills.
  bool wants_fills(domain::AccountId account) const;
  /// Asks the venue for the order now, and `Watch::is_checked` until it has answered.
  void check(Order& order);
  /// Executions wait for an order of this instrument to become known.
  bool has_parked(domain::AccountId account, domain::InstrumentId instrument) const;
  /// Fills of the account are known to be missing, or whose they are.
  bool is_owed(domain::AccountId account) const;
  /// Executions had to be left out: nothing may be concluded from the answer that is being read.
  bool take_overflow() { return std::exchange(parked_overflow_, false); }
  /// Orders of origin `protection` that have ended at the venue since this was last asked, with
  /// something left and without our asking for it.
  std::vector<domain::OrderId> take_unprotected() { return std::exchange(unprotected_, {}); }
  /// The fate of a request of the account is unknown.
  bool has_unknown(domain::AccountId account) const;
  /// Whether an order has ended, or may have become answerable, since this was last asked.
  bool take_settled() { return std::exchange(is_settled_, false); }

 private:
  /// An execution of which it is not clear yet whose it is. The venue is asked for its order.
  struct Parked {
    domain::Event event;
    domain::Execution execution;
    domain::Timestamp due = domain::never;
    std::uint32_t attempts = 0;
    bool is_external = false;  ///< the venue has said that it is not ours
  };

  const domain::VisibilityRule& rule(const Order& order) const;
  bool is_ours(domain::OrderId id) const;
  Order* locate(const domain::Event& event, domain::OrderId id, domain::ForeignId venue_order);
  Order* meet_stranger(const domain::Event& event, const domain::OrderReport& report,
                       std::string_view name);
  void say_second_owner(const domain::Event& event, domain::OrderId id);

  void set_place(Order& order, domain::RequestState state, domain::Reason reason,
                 std::int32_t venue_code, std::string_view words = {});
  void set_cancel(Order& order, domain::RequestState state, domain::Reason reason,
                  std::int32_t venue_code, std::string_view words = {});
  void send_cancel(Order& order, domain::Reason why);
  void emit_cancel(Order& order);
  void free_slot(bool& is_out);
  void on_place_outcome(const domain::Event& event, Order& order,
                        const domain::RequestOutcome& outcome, std::string_view words);
  void on_cancel_outcome(Order& order, const domain::RequestOutcome& outcome,
                         std::string_view words);
  void emit_place(Order& order, const domain::Approved<domain::NewOrder>& as_sent);
  domain::OrderCommand begin_place(Order& order);
  void let_go(Order& order, const domain::NewOrder& sent);
  /// What the new leg of a cancel-replace in one message says about the cancel of the old one.
  enum class Successor : std::uint8_t { none, open, refused, stands };
  Successor successor_of(const Order& old) const;
  void set_replace(Order& order, domain::RequestState state, domain::Reason reason,
                   std::int32_t venue_code, std::string_view words = {});
  /// The amend was taken, or it was not: the order stands by what is proven.
  void end_replace(Order& order, bool is_taken, domain::Reason reason, std::int32_t venue_code,
                   std::string_view words);
  void on_replace_outcome(Order& order, const domain::RequestOutcome& outcome,
                          std::string_view words);
  void replace_unanswered(Order& order, domain::Reason reason);
  void expire(Order& order);
  void judge_replace(Order& order, const domain::OrderReport& report);
  void place_unanswered(Order& order, domain::Reason reason);
  void cancel_unanswered(Order& order, domain::Reason reason);

  void move(const Order& order, domain::OrderChanged& next, Report heard, domain::Reason reason,
            const domain::Evidence& evidence) const;
  void commit(Order& order, const domain::OrderChanged& next, std::string_view words = {});
  /// What provisional fills had said.
  struct Undone {
    domain::Quantity quantity;
    domain::Money amount;
    domain::Price price;
  };
  void void_fill(const domain::FillBooked& fill, domain::Reason reason, std::uint64_t by);
  Undone replace_provisional(const domain::FillBooked& real);
  void book_rest(Order& order, const Undone& undone, const domain::FillBooked& real);
  void book(const domain::Event& event, const domain::Execution& execution, Order* order,
            bool is_listed);
  bool is_absence_waiting(const Order& order) const;
  bool has_nameless(domain::AccountId account, domain::InstrumentId instrument) const;

  void ask(Order& order);
  void ask_for_parked();
  void ask_later(Order& order);
  std::string_view name(const Order& order);
  std::string_view name(domain::AccountId account, domain::OrderId id);

  const domain::Catalog& catalog_;
  std::vector<domain::VisibilityRule> visibility_;
  std::size_t outbox_capacity_, outbox_cancel_reserve_;
  Orders& orders_;
  const Fills& fills_;
  Portfolio& portfolio_;
  Accounts& accounts_;
  const TradingStates& states_;
  Decisions& decisions_;
  std::vector<std::uint32_t> epochs_;
  std::vector<Parked> parked_;
  std::vector<domain::OrderId> unprotected_;
  std::size_t commands_out_ = 0;
  std::size_t cancels_queued_ = 0;
  bool parked_overflow_ = false;
  bool is_settled_ = false;
  bool may_settle_parked_ = false;
};

}  // namespace halcyon::engine
