#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "domain/enum_name.h"
#include "engine/engine.h"
#include "record_text.h"

namespace halcyon::engine::testing {

using namespace domain;
using namespace domain::literals;
using namespace std::chrono_literals;

/// Wants what the test put in, at the next candle.
class ScriptedStrategy final : public strategy::Strategy {
 public:
  explicit ScriptedStrategy(std::shared_ptr<std::vector<strategy::Target>> script)
      : script_(std::move(script)) {}
  void on_candle(InstrumentId instrument, const strategy::Candle&, bool,
                 std::vector<strategy::Target>& targets) override {
    for (auto& target : *script_) {
      if (target.instrument != instrument) continue;
      targets.push_back(target);
      target.instrument = no<InstrumentId>;
    }
  }

 private:
  std::shared_ptr<std::vector<strategy::Target>> script_;
};

/// A world of one venue, two instruments, one account and one strategy around an engine, driven by
/// hand: each call is one event, and what it decided is kept.
class Harness {
 public:
  static constexpr std::uint32_t first_epoch = 1'700'000'000;
  static constexpr VisibilityRule rule{.after_valid_until = 5s,
                                       .answers_in_a_row = 2,
                                       .answer_time_out = 10s,
                                       .request_validity = 5s};

  /// `adjust` may change configuration and setup before the engine is made.
  explicit Harness(std::function<void(config::Config&, Setup&)> adjust = {});

  /// Called after each event with what it decided, as a journal would see it.
  std::function<void(const Event&, std::string_view remark, const Outputs&)> on_sent;

  // ---- One event ----
  Outputs& send(Event::What what, std::string_view remark = {});
  /// Of the instrument btc unless told otherwise; venue time = now unless told.
  Outputs& send_of(InstrumentId instrument, Event::What what, std::string_view remark = {},
                   Timestamp venue_time = {});
  /// Lets time pass, with a Time event at each deadline on the way.
  void pass(Duration duration);

  // ---- Stories ----
  /// Started, rules, a quote, connected and reconciled with these balances.
  void begin();
  void start(std::uint32_t epoch);
  void hear_rules();
  void quote(Price bid, Price ask);
  void connect();
  /// Answers every question that is open, as a venue without orders and fills.
  void answer_all();
  void disconnect(Reason reason = Reason::connection_lost);
  /// The strategy wants a weight; the next candle closes and it is heard. Moves time to the next
  /// second. The order that left, none if none did.
  OrderId want(std::int32_t weight_pct, const strategy::How& how = {});
  void outcome(OrderId order, Outcome outcome, Reason reason = Reason::none,
               RequestKind kind = RequestKind::place, RequestId request = {},
               std::string_view words = {});
  void report(OrderId order, VenueOrderStatus status, Quantity filled, std::uint64_t sequence = 0,
              Source source = Source::private_stream, Reason reason = Reason::none);
  void fill(OrderId order, Quantity quantity, Price price, std::uint64_t trade,
            Quantity cumulative = {}, std::uint64_t sequence = 0);
  Execution execution(OrderId order, Quantity quantity, Price price, std::uint64_t trade) const;
  void answer_status(RequestId request, const OrderReport* row, bool not_found = false,
                     Completeness completeness = Completeness::complete);
  OrderReport report_of(OrderId order, VenueOrderStatus status, Quantity filled) const;
  RequestId command(decltype(Command::what) what);

  // ---- What was decided ----
  const std::vector<std::string>& journal() const { return journal_; }
  /// Records of a kind since the beginning, or since a mark.
  template <class Kind>
  std::vector<Kind> all(std::size_t from = 0) const {
    std::vector<Kind> found;
    for (std::size_t at = from; at < records_.size(); ++at) {
      if (const auto* record = std::get_if<Kind>(&records_[at].record)) found.push_back(*record);
    }
    return found;
  }
  std::size_t mark() const { return records_.size(); }
  bool noticed(NoticeCode code, std::size_t from = 0) const;
  OrderState state(OrderId order) const;
  OrderChanged last(OrderId order) const;
  PositionChanged position() const;
  /// Order commands so far; the last one is the newest.
  const std::vector<OrderCommand>& commands() const { return commands_; }
  /// Questions that are not answered yet; `take` removes one of a kind.
  const std::deque<VenueRequest>& questions() const { return questions_; }
  VenueRequest take(QueryKind kind);
  bool has_question(QueryKind kind) const;

  std::vector<std::string> snapshot() const;
  /// A new engine from all records so far (or from a snapshot), as after a crash.
  void restart_from_journal();
  void restart_from_snapshot();
  std::unique_ptr<Engine> recovered(bool from_snapshot) const;
  /// What was decided from a mark on was never journaled: it is gone, and so is the engine.
  void crash_at(std::size_t mark);
  /// Questions are taken by the caller.
  std::deque<VenueRequest> take_questions() { return std::exchange(questions_, {}); }

  /// Hears of every event and what it decided, as the loop that journals them does.
  std::function<void(const Event&, std::string_view remark, const Outputs&)> tap;

  config::Config config;
  Catalog catalog;
  Setup setup;
  VenueId venue{};
  AccountId account{};
  StrategyId strategy{};
  InstrumentId btc{}, bnb{};
  AssetId btc_asset{}, usdt{}, bnb_asset{};
  Timestamp now;
  std::vector<std::pair<AssetId, Money>> balances;
  std::unique_ptr<Engine> engine;
  std::uint64_t venue_order_of(OrderId order) const { return 1000 + order.counter; }
  std::uint32_t epoch = first_epoch;
  std::uint64_t sequence = 0;

 private:
  struct Kept {
    Record record;
    std::shared_ptr<std::string> text;
  };
  std::shared_ptr<std::vector<strategy::Target>> script_;
  Outputs outputs_;
  std::vector<Kept> records_;
  std::vector<std::string> journal_;
  std::vector<OrderCommand> commands_;
  std::deque<VenueRequest> questions_;
  std::uint64_t token_ = 0;
};

}  // namespace halcyon::engine::testing
