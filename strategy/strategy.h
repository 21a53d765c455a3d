#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "domain/decimal.h"
#include "domain/ids.h"
#include "domain/order.h"
#include "domain/time.h"

namespace halcyon::strategy {

/// One closed candle. `complete` is false when trades of it were lost: it moves no strategy.
struct Candle {
  domain::Timestamp open_time;
  domain::Timestamp close_time;  ///< exclusive
  domain::Price open, high, low, close;
  domain::Quantity volume;
  std::uint32_t trades = 0;
  bool complete = true;
};

/// How a target is to be had. Prices that the gate would refuse are refused with numbers, like
/// every order's.
struct How {
  std::optional<domain::Price> limit_price;                      ///< empty: at the market
  domain::TimeInForce time_in_force = domain::TimeInForce::gtc;  ///< with a limit price
  bool post_only = false;                                        ///< likewise
  /// Where a position that this opens is closed again, by the engine; whichever comes first.
  std::optional<domain::Price> stop_loss, take_profit;
};

/// What a strategy wants to hold of an instrument, as a share of its capital there.
/// The engine turns it into orders: the difference to what is held and what is already working.
struct Target {
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  std::int32_t weight_pct = 0;  ///< 0: flat, 100: the whole capital
  std::string_view why;         ///< static text, for the record and the operator
  How how = {};
};

/// What do we want to hold? Pure and deterministic; no clock, no orders, no account.
/// Thread: engine.
class Strategy {
 public:
  virtual ~Strategy() = default;
  /// A candle of the strategy's timeframe closed. Appends to `targets` what changed. `warm_up`:
  /// history, seen to fill indicators; nothing may be wanted from it.
  virtual void on_candle(domain::InstrumentId instrument, const Candle& candle, bool warm_up,
                         std::vector<Target>& targets) = 0;
};

/// How many candles of the past fill a strategy's indicators.
std::uint32_t warm_up_candles(const config::Strategy& settings);

/// Makes the strategy of a configuration; null with words in `error` when its type is unknown or
/// its parameters do not fit.
std::unique_ptr<Strategy> make(const config::Strategy& settings,
                               const std::vector<domain::InstrumentId>& instruments,
                               std::string& error);

}  // namespace halcyon::strategy
