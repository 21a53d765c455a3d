// Random lives of an engine against a small venue that is exact and a line that is not: commands,
// answers and private events are lost, late, doubled and out of order, the line drops, the daemon
// is killed before and after its journal has a frame, and someone else trades on the account.
// HALCYON_CASES says how many lives (300); RC_PARAMS="seed=..." repeats one.

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "harness.h"
#include "reference_venue.h"

namespace halcyon::engine::testing {
namespace {

/// An assertion that tells the whole life when it fails.
#define HALCYON_MUST(condition) \
  if (!(condition)) tell_and_fail(#condition, __LINE__)

/// rapidcheck reads its settings once, before the first property.
const bool is_configured = [] {
  const char* cases = std::getenv("HALCYON_CASES");
  const std::string settings = "max_success=" + std::string{cases == nullptr ? "300" : cases};
  ::setenv("RC_PARAMS", settings.c_str(), 0);
  return true;
}();

/// One random step: what happens, and a number that says how.
using Step = std::pair<std::uint8_t, std::uint16_t>;

/// Draws small choices from the bits of a step.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : bits_(mix(seed + 0x9e3779b97f4a7c15ULL)) {}
  std::uint64_t below(std::uint64_t bound) {
    bits_ = mix(bits_ + 0x9e3779b97f4a7c15ULL);
    return bits_ % bound;
  }
  bool one_in(std::uint64_t bound) { return below(bound) == 0; }

 private:
  std::uint64_t bits_;
};

class World {
 public:
  /// `kind`, by its bits: the venue amends by itself; else the engine cancels and replaces. It ties
  /// the exits of a bracket and keeps their stop. It cancels and replaces in one message.
  explicit World(std::size_t kind)
      : h_{[kind](config::Config& config, engine::Setup& setup) {
          OrderAbilities able;
          able.amends_all = (kind & 1) != 0;
          able.lists = (kind & 2) != 0;
          able.types[static_cast<std::size_t>(OrderType::stop)] = able.lists;
          able.cancel_replaces = (kind & 4) != 0;
          setup.abilities.assign(1, able);
          config.risk.daemon.max_messages_per_minute = 100'000;
          config.risk.daemon.duplicate_window.reset();
          config.engine.equity_interval = 24h;
          config.risk.daemon.max_orders_per_second = 1000;
          config.risk.daemon.max_open_orders = 1000;
        }},
        venue_(h_.btc, h_.btc_asset, h_.usdt) {
    boot(Harness::first_epoch);
  }

  void step(const Step& step) {
    Dice dice{(static_cast<std::uint64_t>(step.first) << 16) | step.second};
    switch (step.first % 16) {
      case 0:
      case 1:
      case 2:
        guarded(dice, [&] { h_.want(static_cast<std::int32_t>(dice.below(5)) * 10); });
        break;
      case 3:
      case 4:
      case 5:
        trade_something(dice);
        break;
      case 6:
        cancel_at_venue(dice);
        break;
      case 7:
        guarded(dice, [&] { h_.command(CancelAll{}); });
        break;
      case 8:
        if (dice.one_in(4)) drop_line();
        break;
      case 9:
      case 10:
        raise_line();
        break;
      case 11:
        restart(dice);
        break;
      case 12:
        if (dice.one_in(4)) trade_external(dice);
        break;
      case 13:
        guarded(dice, [&] { submit(dice); });
        break;
      case 14:
        guarded(dice, [&] { amend(dice); });
        break;
      case 15:
        guarded(dice, [&] {
          Trade trade;
          trade.price = Price::from_units(90 + static_cast<std::int64_t>(dice.below(21)));
          trade.quantity = "1"_qty;
          h_.send(trade);
        });
        break;
      default:
        break;
    }
    faults_ = true;
    go_on(std::chrono::milliseconds{dice.below(2500)}, dice);
  }

  /// No more faults: everything is delivered, and what is alive at the venue ends.
  void settle() {
    Dice dice{7};
    faults_ = false;
    if (!is_up_) raise_line();
    for (std::size_t at = 0; at < venue_.orders().size(); ++at) {
      if (!venue_.orders()[at].is_alive()) continue;
      std::vector<ReferenceVenue::Message> out;
      venue_.cancel(at, VenueOrderStatus::expired, moment(), out);
      receive(std::move(out), dice);
    }
    h_.command(SetTradingState{{}, TradingState::halted});
    h_.command(CancelAll{});  // what the engine keeps has no venue to end it
    for (int seconds = 0; seconds < 1200; ++seconds) {
      go_on(1s, dice);
      // A late order may have come to life.
      for (std::size_t at = 0; at < venue_.orders().size(); ++at) {
        if (!venue_.orders()[at].is_alive()) continue;
        std::vector<ReferenceVenue::Message> out;
        venue_.cancel(at, VenueOrderStatus::expired, moment(), out);
        receive(std::move(out), dice);
      }
      if (seconds > 400 && h_.engine->counters().orders_alive == 0) break;
    }
  }

  /// What is true at every moment.
  void check_always() {
    const auto known = engine_orders();
    for (const auto& [id, order] : known) {
      if (order.asked.origin == Origin::external) continue;
      const auto at = venue_.find(id);
      if (at) {
        const auto& there = venue_.orders()[*at];
        const Quantity exposed =
            there.filled + (there.is_alive() ? there.quantity - there.filled : Quantity{});
        HALCYON_MUST(order.now.filled + open_quantity(order) >= exposed);
        HALCYON_MUST(!is_terminal(order.now.state) || !there.is_alive());
      } else if (is_terminal(order.now.state)) {
        // It never was there, and it never can be.
        for (const Flight& flight : to_venue_) {
          if (!places(flight.command, id) || flight.is_lost) continue;
          HALCYON_MUST(flight.arrives > flight.command.valid_until);
        }
        HALCYON_MUST(order.now.filled.is_zero());
      }
    }
    check_families(known);
    std::set<std::uint64_t> booked;
    for (const FillBooked& fill : h_.all<FillBooked>()) {
      HALCYON_MUST(booked.insert(fill.trade.low).second);
    }
  }

  /// What is true in the end: engine, venue and journal agree.
  void check_settled() {
    HALCYON_MUST(h_.engine->counters().orders_alive == 0U);
    const auto fills = h_.all<FillBooked>();
    HALCYON_MUST(fills.size() == venue_.trades().size());
    Quantity ours, all;
    for (const FillBooked& fill : fills) {
      const auto& trade = venue_.trades()[fill.trade.low - 1];
      const auto& order = venue_.orders()[trade.order];
      HALCYON_MUST(fill.quantity == trade.quantity);
      HALCYON_MUST(fill.fee == trade.fee);
      const Quantity change = order.side == Side::buy
                                  ? trade.quantity - Quantity::from_raw(trade.fee.raw())
                                  : -trade.quantity;
      all += change;
      if (order.id.is_none()) continue;
      HALCYON_MUST(fill.order == order.id);
      HALCYON_MUST(fill.strategy == h_.strategy);
      ours += change;
    }
    std::vector<RecordEntry> records;
    h_.engine->snapshot(records);
    Quantity held, held_by_strategy;
    for (const RecordEntry& entry : records) {
      const auto* position = std::get_if<PositionChanged>(&entry.record);
      if (position == nullptr) continue;
      held += position->quantity;
      if (position->strategy == h_.strategy) held_by_strategy += position->quantity;
    }
    HALCYON_MUST(held == all);
    HALCYON_MUST(held_by_strategy == ours);
    for (const auto& [id, order] : engine_orders()) {
      if (const auto at = venue_.find(id)) {
        HALCYON_MUST(order.now.filled == venue_.orders()[*at].filled);
      }
    }
    // Nobody moved money but by trades, so no balance is a riddle.
    for (const DifferenceFound& one : h_.all<DifferenceFound>()) {
      HALCYON_MUST(one.kind != DifferenceKind::balance);
    }
    const auto live = to_text(records);
    for (const bool from_snapshot : {false, true}) {
      const auto again = h_.recovered(from_snapshot);
      std::vector<RecordEntry> repeated;
      again->snapshot(repeated);
      HALCYON_MUST(to_text(repeated) == live);
    }
  }

  void dump() {
    for (auto& l : h_.journal()) std::printf("%s\n", l.c_str());
  }
  struct Lives {
    std::size_t orders = 0, trades = 0, restarts = 0, drops = 0, absent = 0, unknown = 0, late = 0,
                differences = 0;
  };
  Lives lives() const {
    Lives sum;
    sum.orders = venue_.orders().size();
    sum.trades = venue_.trades().size();
    sum.restarts = restarts_;
    sum.drops = drops_;
    for (const OrderChanged& changed : h_.all<OrderChanged>()) {
      if (changed.reason == Reason::proven_absent) ++sum.absent;
      if (changed.state == OrderState::unknown) ++sum.unknown;
    }
    for (const FillBooked& fill : h_.all<FillBooked>()) sum.late += fill.late ? 1 : 0;
    for (const DifferenceFound& one : h_.all<DifferenceFound>()) {
      if (one.kind == DifferenceKind::balance) ++sum.differences;
    }
    return sum;
  }

 private:
  struct Flight {
    OrderCommand command;
    Timestamp arrives;
    bool is_lost = false;
  };
  struct Letter {
    std::vector<ReferenceVenue::Message> messages;  ///< one, or a framed answer
    Timestamp arrives;
  };
  struct EngineOrder {
    NewOrder asked;
    OrderChanged now;
    RequestChanged replace;
    OrderAmended amended;
  };

  /// Children never trade more than their parent has, whatever crosses.
  void check_families(const std::map<OrderId, EngineOrder>& known) {
    const auto traded = [&](OrderId id) {
      const auto at = venue_.find(id);
      return at ? venue_.orders()[*at].filled : Quantity{};
    };
    std::map<OrderId, Quantity> of_children;
    for (const auto& [id, order] : known) {
      if (!order.asked.parent.is_none()) of_children[order.asked.parent] += traded(id);
    }
    for (const auto& [parent, sum] : of_children) {
      Quantity of_family;
      for (const auto& [id, order] : known) {
        OrderId first = id;
        while (known.contains(first) && !known.at(first).asked.replaces.is_none()) {
          first = known.at(first).asked.replaces;
        }
        OrderId root = parent;
        while (known.contains(root) && !known.at(root).asked.replaces.is_none()) {
          root = known.at(root).asked.replaces;
        }
        if (first == root && order.asked.parent.is_none()) of_family += traded(id);
      }
      HALCYON_MUST(sum <= of_family);
    }
  }

  void submit(Dice& dice) {
    SubmitOrder what;
    what.account = h_.account;
    what.strategy = h_.strategy;
    what.instrument = h_.btc;
    what.side = dice.one_in(3) ? Side::sell : Side::buy;
    what.quantity = Quantity::from_units(1 + static_cast<std::int64_t>(dice.below(4)));
    const bool is_buy = what.side == Side::buy;
    switch (dice.below(5)) {
      case 0:
        what.type = OrderType::stop;
        what.stop_price = is_buy ? "103"_px : "97"_px;
        break;
      case 1:
        what.type = OrderType::trailing_stop;
        what.trailing_offset = "3"_px;
        break;
      case 2:
        what.limit_price = is_buy ? "99"_px : "101"_px;
        what.time_in_force = TimeInForce::gtd;
        what.expires = h_.now + std::chrono::seconds{1 + dice.below(60)};
        break;
      default:
        what.side = Side::buy;
        what.limit_price = "99"_px;
        what.stop_loss = "96"_px;
        what.take_profit = "103"_px;
        break;
    }
    h_.command(what);
  }

  void amend(Dice& dice) {
    std::vector<OrderId> alive;
    for (const auto& [id, order] : engine_orders()) {
      if (order.asked.origin != Origin::external && !is_terminal(order.now.state)) {
        alive.push_back(id);
      }
    }
    if (alive.empty()) return;
    AmendOrder what;
    what.order = alive[dice.below(alive.size())];
    what.terms.quantity = Quantity::from_units(1 + static_cast<std::int64_t>(dice.below(5)));
    h_.command(what);
  }

  [[noreturn]] void tell_and_fail(const char* condition, int line) const {
    for (const std::string& one : h_.journal()) RC_LOG() << one << '\n';
    RC_FAIL("line " + std::to_string(line) + ": " + condition);
    std::abort();
  }

  static Quantity open_quantity(const EngineOrder& order) {
    const bool is_open = !order.replace.request.is_none() &&
                         order.replace.state != RequestState::acknowledged &&
                         order.replace.state != RequestState::refused;
    Quantity most = order.amended.accepted == 0 ? order.asked.quantity : order.amended.now.quantity;
    if (is_open) most = std::max(most, order.amended.asked.quantity);
    const Quantity upto =
        is_terminal(order.now.state) ? order.now.reported : std::max(most, order.now.reported);
    return upto > order.now.filled ? upto - order.now.filled : Quantity{};
  }

  std::map<OrderId, EngineOrder> engine_orders() const {
    std::map<OrderId, EngineOrder> orders;
    std::vector<RecordEntry> records;
    h_.engine->snapshot(records);
    for (const RecordEntry& entry : records) {
      if (const auto* opened = std::get_if<OrderOpened>(&entry.record)) {
        orders[opened->order.id].asked = opened->order;
      } else if (const auto* changed = std::get_if<OrderChanged>(&entry.record)) {
        orders[changed->order].now = *changed;
      } else if (const auto* amended = std::get_if<OrderAmended>(&entry.record)) {
        orders[amended->order].amended = *amended;
      } else if (const auto* request = std::get_if<RequestChanged>(&entry.record)) {
        if (request->kind == RequestKind::replace) orders[request->order].replace = *request;
      }
    }
    return orders;
  }

  void boot(std::uint32_t epoch) {
    h_.start(epoch);
    h_.hear_rules();
    h_.quote("99"_px, "101"_px);
    seen_commands_ = h_.commands().size();
    raise_line();
  }

  /// An event of which the daemon may die: before its journal has the frame, or before the
  /// commands are sent.
  template <class Act>
  void guarded(Dice& dice, Act act) {
    const std::size_t before = h_.mark();
    act();
    if (h_.mark() == before || !dice.one_in(80)) return;
    if (dice.one_in(2)) {
      h_.crash_at(before);
    } else {
      h_.restart_from_journal();
    }
    seen_commands_ = h_.commands().size();
    reboot();
  }

  void restart(Dice& dice) {
    if (!dice.one_in(6)) return;
    if (dice.one_in(2)) {
      h_.restart_from_snapshot();
    } else {
      h_.restart_from_journal();
    }
    reboot();
  }

  void reboot() {
    ++restarts_;
    is_up_ = false;
    to_engine_.clear();
    h_.take_questions();
    h_.now += 2s;
    const auto second = std::chrono::floor<std::chrono::seconds>(h_.now.time_since_epoch());
    boot(std::max(h_.epoch + 1, static_cast<std::uint32_t>(second.count())));
  }

  void raise_line() {
    if (is_up_) return;
    is_up_ = true;
    StreamChanged ready;
    ready.stream = StreamKind::orders;
    ready.state = StreamState::ready;
    h_.send(ready);
  }

  void drop_line() {
    if (!is_up_) return;
    ++drops_;
    is_up_ = false;
    to_engine_.clear();  // nothing is replayed
    h_.disconnect();
  }

  void trade_something(Dice& dice) {
    std::vector<std::size_t> alive;
    for (std::size_t at = 0; at < venue_.orders().size(); ++at) {
      if (venue_.orders()[at].is_alive()) alive.push_back(at);
    }
    if (alive.empty()) return;
    const std::size_t at = alive[dice.below(alive.size())];
    const auto& order = venue_.orders()[at];
    const Quantity rest = order.quantity - order.filled;
    Quantity part = rest;
    if (dice.one_in(2)) part = round_down(*scaled(rest, 1, 3), "0.00001"_qty);
    std::vector<ReferenceVenue::Message> out;
    venue_.trade(at, part, Price::from_units(95 + static_cast<std::int64_t>(dice.below(11))),
                 moment(), out);
    receive(std::move(out), dice);
  }

  void cancel_at_venue(Dice& dice) {
    if (venue_.orders().empty()) return;
    std::vector<ReferenceVenue::Message> out;
    venue_.cancel(dice.below(venue_.orders().size()),
                  dice.one_in(2) ? VenueOrderStatus::canceled : VenueOrderStatus::expired, moment(),
                  out);
    receive(std::move(out), dice);
  }

  void trade_external(Dice& dice) {
    std::vector<ReferenceVenue::Message> out;
    venue_.place_external(dice.one_in(2) ? Side::buy : Side::sell, "2"_qty, moment(), out);
    receive(std::move(out), dice);
  }

  /// The venue's clock: no two things happen at the same nanosecond.
  Timestamp moment() { return moment_ = std::max(h_.now, moment_ + 1ns); }

  /// What the venue says goes on its way, message by message.
  void receive(std::vector<ReferenceVenue::Message> messages, Dice& dice) {
    if (!is_up_) return;
    for (auto& message : messages) {
      if (faults_ && dice.one_in(8)) continue;  // lost without a sign
      Letter letter;
      letter.arrives = h_.now + delay(dice);
      letter.messages.push_back(std::move(message));
      to_engine_.push_back(letter);
      if (faults_ && dice.one_in(8)) {
        letter.arrives += delay(dice);
        to_engine_.push_back(letter);  // twice
      }
    }
  }

  Duration delay(Dice& dice) const {
    if (!faults_ || dice.one_in(2)) return 1ms;
    return std::chrono::milliseconds{dice.below(dice.one_in(6) ? 14'000 : 800)};
  }

  /// The requests that a command holds: each has a fate of its own.
  static std::vector<RequestOutcome> fates(const OrderCommand& command) {
    std::vector<RequestOutcome> all;
    const auto add = [&all](RequestKind kind, RequestId request, OrderId order) {
      RequestOutcome& made = all.emplace_back();
      made.kind = kind;
      made.request = request;
      made.order = order;
    };
    const auto add_place = [&add](const NewOrder& order) {
      add(RequestKind::place, order.id, order.id);
    };
    if (const auto* place = std::get_if<Approved<NewOrder>>(&command.what)) {
      add_place(place->value());
    } else if (const auto* list = std::get_if<OrderList>(&command.what)) {
      for (std::size_t at = 0; at < list->count; ++at) add_place(list->orders[at]->value());
    } else if (const auto* replace = std::get_if<ReplaceRequest>(&command.what)) {
      const bool is_amend = replace->mode == ReplaceMode::amend;
      add(is_amend ? RequestKind::replace : RequestKind::cancel, replace->request, replace->order);
      if (!is_amend) add_place(replace->next.value());
    } else if (const auto* cancel = std::get_if<CancelRequest>(&command.what)) {
      add(RequestKind::cancel, cancel->request, cancel->order);
    }
    return all;
  }
  static bool places(const OrderCommand& command, OrderId id) {
    const auto all = fates(command);
    return std::any_of(all.begin(), all.end(), [id](const RequestOutcome& one) {
      return one.kind == RequestKind::place && one.order == id;
    });
  }

  /// Commands and questions that the engine has put out since the last look.
  void pump(Dice& dice) {
    for (; seen_commands_ < h_.commands().size();) {
      const OrderCommand command = h_.commands()[seen_commands_++];
      const auto tell = [&](Outcome what, Reason reason) {
        for (RequestOutcome outcome : fates(command)) {
          outcome.outcome = what;
          outcome.reason = reason;
          h_.send(outcome);
        }
      };
      if (!is_up_ || h_.now > command.valid_until) {
        tell(Outcome::not_sent, is_up_ ? Reason::not_sent_too_late : Reason::not_sent_not_ready);
        continue;
      }
      tell(Outcome::sent, Reason::none);
      Flight flight;
      flight.command = command;
      flight.arrives = h_.now + delay(dice);
      flight.is_lost = faults_ && dice.one_in(8);
      to_venue_.push_back(flight);
      if (faults_ && dice.one_in(10)) tell(Outcome::unknown, Reason::none);
    }
    for (const VenueRequest& asked : h_.take_questions()) {
      if (!is_up_ || domain::is_about_market(asked.kind)) continue;
      if (faults_ && dice.one_in(8)) continue;
      Letter letter;
      venue_.answer(asked, moment(), faults_ && dice.one_in(2), letter.messages);
      if (faults_ && dice.one_in(8)) {
        // Cut off: some rows, and an end that says so.
        auto end = std::get<AnswerEnd>(letter.messages.back().what);
        end.completeness = Completeness::partial;
        end.not_found = false;
        letter.messages.resize(1 + dice.below(letter.messages.size() - 1));
        letter.messages.push_back({end, h_.now});
      }
      letter.arrives = h_.now + delay(dice);
      to_engine_.push_back(std::move(letter));
    }
  }

  void deliver(Dice& dice) {
    for (std::size_t at = 0; at < to_venue_.size();) {
      if (to_venue_[at].arrives > h_.now) {
        ++at;
        continue;
      }
      const Flight flight = to_venue_[at];
      to_venue_.erase(to_venue_.begin() + static_cast<std::ptrdiff_t>(at));
      if (flight.is_lost) continue;
      std::vector<ReferenceVenue::Message> out;
      venue_.take(flight.command, moment(), out);
      receive(std::move(out), dice);
    }
    for (std::size_t at = 0; at < to_engine_.size();) {
      if (to_engine_[at].arrives > h_.now) {
        ++at;
        continue;
      }
      const Letter letter = to_engine_[at];
      to_engine_.erase(to_engine_.begin() + static_cast<std::ptrdiff_t>(at));
      const std::size_t restarts = restarts_;
      for (const auto& message : letter.messages) {
        guarded(dice, [&] { h_.send_of(h_.btc, message.what, {}, message.venue_time); });
        if (restarts_ != restarts) return;  // who was to hear the rest is gone
      }
    }
  }

  void go_on(Duration duration, Dice& dice) {
    const Timestamp end = h_.now + duration;
    while (h_.now < end) {
      pump(dice);
      deliver(dice);
      if (h_.now >= end) break;
      h_.pass(std::min<Duration>(end - h_.now, 100ms));
    }
    pump(dice);
    deliver(dice);
  }

  Harness h_;
  ReferenceVenue venue_;
  std::vector<Flight> to_venue_;
  std::vector<Letter> to_engine_;
  std::size_t seen_commands_ = 0;
  std::size_t restarts_ = 0;
  std::size_t drops_ = 0;
  Timestamp moment_;
  bool is_up_ = false;
  bool faults_ = false;
};

RC_GTEST_PROP(Model, EngineAndVenueAgreeInTheEndWhateverTheLineDoes, ()) {
  const auto steps = *rc::gen::resize(
      150, rc::gen::container<std::vector<Step>>(rc::gen::pair(
               rc::gen::inRange<std::uint8_t>(0, 16), rc::gen::inRange<std::uint16_t>(0, 65535))));
  World world{steps.size() % 8};
  for (const Step& step : steps) {
    world.step(step);
    world.check_always();
  }
  world.settle();
  world.check_always();
  world.check_settled();
  const auto lives = world.lives();
  static World::Lives total;  // of all cases, for whoever asks
  total.orders += lives.orders;
  total.trades += lives.trades;
  total.restarts += lives.restarts;
  total.drops += lives.drops;
  total.absent += lives.absent;
  total.unknown += lives.unknown;
  total.late += lives.late;
  total.differences += lives.differences;
  if (std::getenv("HALCYON_MODEL_SUMS") != nullptr) {
    std::fprintf(stderr,
                 "orders %zu trades %zu restarts %zu drops %zu absent %zu unknown %zu late %zu "
                 "balance differences %zu\n",
                 total.orders, total.trades, total.restarts, total.drops, total.absent,
                 total.unknown, total.late, total.differences);
  }
}

}  // namespace
}  // namespace halcyon::engine::testing
