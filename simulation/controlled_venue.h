#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "simulation/accounts.h"
#include "simulation/faults.h"
#include "simulation/instrument_rules.h"
#include "simulation/matching.h"
#include "simulation/tape.h"
#include "simulation/venue.h"

namespace halcyon::simulation {

/// A simulated venue as the control socket and `halcyon-sim` see it, whatever it speaks.
class ControlledVenue : public Venue {
 public:
  /// What can be traded, and its tape. Throws std::runtime_error where it is listed already.
  virtual void add_listing(const SymbolRules& rules, Replay replay) = 0;
  virtual void add_account(const AccountSettings& settings) = 0;

  struct AccountView {
    const AccountSettings* settings = nullptr;  ///< lives as long as the venue
    AccountIndex index{};
  };
  virtual std::vector<AccountView> accounts() const = 0;
  virtual const Exchange& exchange() const = 0;
  virtual Faults& faults() = 0;

  /// Runs a method ("order.place") on the account's behalf, as its owner would from elsewhere: no
  /// signature, no limits, no faults. The answer's JSON: {"status":200,"result":..} or
  /// {"status":..,"error":{..}}.
  virtual std::string call_as(std::string_view account, std::string_view method,
                              const std::vector<std::pair<std::string, std::string>>& params,
                              Timestamp now, Actions& actions) = 0;
  /// The exchange itself ends an order: canceled, or expired. False: there is no such open order.
  virtual bool end_order(std::uint64_t order_id, bool expire, Timestamp now, Actions& actions) = 0;
  /// Money in or out from elsewhere: a balanceUpdate and the new balance. False: not covered, or no
  /// such account.
  virtual bool transfer(std::string_view account, std::string_view asset, Money amount,
                        Timestamp now, Actions& actions) = 0;
  virtual void pause(Timestamp now) = 0;
  virtual void resume(Timestamp now) = 0;
  /// `speed` 1 to 100.
  virtual void set_speed(int speed, Timestamp now) = 0;
  virtual std::size_t drop_connections(Place place, Actions& actions) = 0;
  /// Says serverShutdown on the lines, and closes them after a while where asked.
  virtual std::size_t announce_shutdown(Place place, std::optional<Duration> close_after,
                                        Timestamp now, Actions& actions) = 0;
  /// Nothing is sent on such lines before then, pings included; afterwards all of it.
  virtual void stall(Place place, Timestamp until) = 0;
  /// Lets the venue's own clock be wrong by this much.
  virtual void shift_clock(Duration shift) = 0;
  virtual void ban_until(Timestamp until) = 0;
  virtual bool set_key_valid(std::string_view account, bool valid) = 0;
  /// TRADING, HALT, BREAK, CANCEL_ONLY.
  /// Changes a filter of a symbol (an entry of exchangeInfo's "filters"). Empty, or what is wrong.
  virtual std::string set_filter(std::string_view symbol, std::string_view filter) = 0;
  virtual bool set_symbol_status(std::string_view symbol, std::string_view status) = 0;

  struct ConnectionView {
    ConnectionId id{};
    Place place = Place::any;
    std::vector<std::string> streams;
    std::string account;  ///< logged on
    std::size_t user_streams = 0;
  };
  virtual std::vector<ConnectionView> connections() const = 0;
  struct ReplayView {
    std::string symbol;
    bool running = false;
    bool finished = false;
    int speed = 1;
    std::uint64_t round = 0;
    Duration position{};
    std::uint64_t last_update_id = 0;
    std::uint64_t last_trade_id = 0;
  };
  virtual std::vector<ReplayView> replays(Timestamp now) const = 0;
};

}  // namespace halcyon::simulation
