#include "record_text.h"

#include <type_traits>

#include <fmt/format.h>

#include "domain/enum_name.h"

namespace halcyon::engine::testing {

using namespace domain;

namespace {

/// Appends fields, each after a blank.
struct Line {
  std::string text;

  template <class Field>
  Line& operator<<(const Field& field) {
    text += ' ';
    if constexpr (std::is_same_v<Field, OrderId>) {
      text += fmt::format("{}-{}", field.epoch, field.counter);
    } else if constexpr (std::is_same_v<Field, ForeignId>) {
      text += field.is_none() ? "none" : fmt::format("{}:{}", field.high, field.low);
    } else if constexpr (std::is_same_v<Field, Timestamp>) {
      text += std::to_string(to_unix_ns(field));
    } else if constexpr (requires { to_string(field); }) {
      text += to_string(field);
    } else if constexpr (std::is_enum_v<Field>) {
      text += fmt::format("{}", index_of(field));
      if constexpr (sizeof(Field) == 1) text += fmt::format("/{}", enum_name(field));
    } else {
      text += fmt::format("{}", field);
    }
    return *this;
  }
  Line& operator<<(const Evidence& evidence) {
    return *this << evidence.source << evidence.venue_time << evidence.venue_sequence;
  }
  Line& operator<<(const Scope& scope) { return *this << scope.account << scope.strategy; }
  Line& operator<<(const NewOrder& o) {
    return *this << o.id << o.parent << o.account << o.strategy << o.instrument << o.side << o.type
                 << o.time_in_force << o.origin << o.post_only << o.reduce_only << o.quantity
                 << o.limit_price << o.stop_price << o.created << o.group << o.replaces << o.expires
                 << o.trailing_offset << o.trailing_bps << o.self_trade << o.is_emulated;
  }
  Line& operator<<(const Terms& terms) {
    return *this << terms.quantity << terms.limit_price << terms.stop_price;
  }
  Line& operator<<(const InstrumentRules& r) {
    return *this << r.tick << r.min_price << r.max_price << r.lot << r.min_quantity
                 << r.max_quantity << r.max_market_quantity << r.min_notional << r.max_notional
                 << r.status << r.min_notional_for_market << r.max_notional_for_market;
  }
};

Line line(const Named& r) {
  return Line{"named"} << r.kind << r.id << r.venue << r.base << r.quote << r.asset_class;
}
Line line(const Defined& r) { return Line{"defined"} << r.kind << r.id << r.version << r.user; }
Line line(const EpochStarted& r) { return Line{"epoch"} << r.epoch; }
Line line(const InstrumentChanged& r) { return Line{"instrument"} << r.instrument << r.rules; }
Line line(const OrderOpened& r) { return Line{"opened"} << r.order; }
Line line(const OrderChanged& r) {
  return Line{"order"} << r.order << r.venue_order << r.state << r.reason << r.filled
                       << r.filled_quote << r.reported << r.evidence;
}
Line line(const RequestChanged& r) {
  return Line{"request"} << r.request << r.order << r.kind << r.state << r.reason << r.venue_code
                         << r.valid_until << r.version;
}
Line line(const OrderDenied& r) {
  return Line{"denied"} << r.order << r.reason << r.limit << r.actual;
}
Line line(const FillBooked& r) {
  return Line{"fill"} << r.number << r.order << r.venue_order << r.trade << r.account << r.strategy
                      << r.instrument << r.side << r.liquidity << r.source << r.late << r.fee_asset
                      << r.price << r.quantity << r.quote_amount << r.fee << r.venue_time
                      << r.is_provisional << r.fee_value;
}
Line line(const PositionChanged& r) {
  return Line{"position"} << r.account << r.strategy << r.instrument << r.quantity
                          << r.average_price << r.cost << r.realized << r.fees << r.fills
                          << r.realized_fifo;
}
Line line(const BalanceChanged& r) {
  return Line{"balance"} << r.account << r.asset << r.free << r.locked << r.venue_time;
}
Line line(const EquityMarked& r) {
  return Line{"equity"} << r.account << r.strategy << r.equity << r.cash << r.realized
                        << r.unrealized << r.fees << r.peak << r.drawdown;
}
Line line(const TradingStateChanged& r) {
  return Line{"trading"} << r.scope << r.state << r.reason << r.user;
}
Line line(const AccountReady& r) { return Line{"ready"} << r.account << r.ready << r.reason; }
Line line(const DifferenceFound& r) {
  return Line{"difference"} << r.kind << r.account << r.instrument << r.asset << r.order << r.ours
                            << r.theirs;
}
Line line(const StrategyMemory& r) {
  Line made = Line{"memory"} << r.strategy << r.instrument;
  for (const std::uint8_t byte : r.bytes) made << byte;
  return made;
}
Line line(const NoticeRaised& r) {
  return Line{"notice"} << r.severity << r.code << r.account << r.instrument << r.order;
}
Line line(const CommandAnswered& r) {
  return Line{"answered"} << r.token << r.user << r.accepted << r.reason << r.affected << r.order;
}
Line line(const OrderAmended& r) {
  return Line{"amended"} << r.order << r.requested << r.accepted << r.asked << r.now;
}
Line line(const OrderArmed& r) {
  return Line{"armed"} << r.order << r.stop_price << r.extreme << r.is_triggered;
}
Line line(const FillVoided& r) {
  return Line{"voided"} << r.number << r.by << r.reason << r.order << r.account << r.strategy
                        << r.instrument;
}
Line line(const LotChanged& r) {
  return Line{"lot"} << r.number << r.account << r.strategy << r.instrument << r.quantity << r.cost
                     << r.fees << r.opened << r.fill;
}
Line line(const RoundTripClosed& r) {
  return Line{"round_trip"} << r.number << r.entry_lot << r.exit_fill << r.account << r.strategy
                            << r.instrument << r.side << r.quantity << r.entry_amount
                            << r.exit_amount << r.fees << r.profit << r.opened << r.closed
                            << r.losses_in_a_row;
}
Line line(const AdjustmentChanged& r) {
  return Line{"adjustment"} << r.number << r.account << r.asset << r.amount << r.is_accepted
                            << r.user << r.found;
}
Line line(const LimitChanged& r) {
  return Line{"limit"} << r.limit.level << r.limit.key << r.limit.id << r.limit.is_set
                       << r.limit.value << r.user;
}
Line line(const StrategyPaused& r) { return Line{"paused"} << r.strategy << r.paused << r.user; }
Line line(const FlowBooked& r) {
  return Line{"flow"} << r.account << r.asset << r.amount << r.venue_time;
}
Line line(const CredentialChanged& r) { return Line{"credential"} << r.user; }
Line line(const BalanceExplained& r) {
  return Line{"explained"} << r.account << r.asset << r.opened << r.unexplained;
}
Line line(const InstrumentMarked& r) {
  return Line{"instrument_marked"} << r.instrument << r.profit << r.peak << r.day_start << r.day
                                   << r.losses_in_a_row;
}
Line line(const InstrumentStateChanged& r) {
  return Line{"instrument_state"} << r.instrument << r.state << r.reason << r.user;
}

}  // namespace

std::string to_text(const RecordEntry& entry) {
  Line made = std::visit([](const auto& record) { return line(record); }, entry.record);
  return made.text + " | " + std::string{entry.text};
}

std::vector<std::string> to_text(const std::vector<RecordEntry>& entries) {
  std::vector<std::string> lines;
  lines.reserve(entries.size());
  for (const RecordEntry& entry : entries) lines.push_back(to_text(entry));
  return lines;
}

}  // namespace halcyon::engine::testing
