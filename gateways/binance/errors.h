#pragma once

#include <cstdint>
#include <string_view>

#include "domain/reason.h"

namespace halcyon::gateways::binance {

// What an error of the venue means and what we do about it: section 15 of the protocol reference,
// row by row. The table decides; sessions only look it up.

/// What to do.
enum class Reaction : std::uint8_t {
  none,             ///< not an error for us: carry on
  unknown_outcome,  ///< an order request may have worked: find out, never assume; a read: later
                    ///< again
  back_off,         ///< nothing was done; wait as told, cut the load
  wait_for_window,  ///< no new orders until the window ends; cancels go on
  measure_clock,    ///< not executed; measure the offset, then decide anew
  halt,             ///< stop trading on this account, alert, no retry loop
  refresh_rules,    ///< the venue's filter refused; our rules are out of date
  refuse,           ///< a plain refusal
  our_mistake,      ///< a bad request: refuse, say it, mend the program
  query,            ///< ask for the order before believing anything
  not_found,        ///< no such order; believed only by the visibility rule
  subscribe,        ///< the private stream is not there: subscribe
  reconnect,        ///< this connection cannot serve any more
  reconcile,        ///< our mapping is wrong: compare everything
};

// Codes that sessions know by name.
inline constexpr std::int32_t filter_failure_code = -1013;
inline constexpr std::int32_t cancel_refused_code = -2011;
inline constexpr std::int32_t subscription_active_code = -2035;

struct VenueError {
  std::int32_t first = 0;  ///< the code, or the least negative of a range
  std::int32_t last = 0;   ///< the same, or the most negative
  std::string_view meaning;
  Reaction reaction = Reaction::refuse;
  domain::Reason reason = domain::Reason::venue_refused;
};

/// Every code of the venue's errors.md and of section 15. Those of the FIX and SBE interfaces,
/// which we do not speak, would be mistakes of ours.
inline constexpr VenueError venue_errors[] = {
    // clang-format off
    {-1000, -1001, "internal error, disconnected",      Reaction::unknown_outcome, domain::Reason::venue_outcome_unknown},
    {-1002, -1002, "not authorised",                    Reaction::halt,            domain::Reason::not_permitted},
    {-1003, -1003, "too much request weight",           Reaction::back_off,        domain::Reason::venue_refused_rate_limit},
    {-1004, -1004, "server busy",                       Reaction::unknown_outcome, domain::Reason::venue_outcome_unknown},
    {-1006, -1007, "unexpected answer, time-out inside",Reaction::unknown_outcome, domain::Reason::venue_outcome_unknown},
    {-1008, -1008, "server overloaded",                 Reaction::unknown_outcome, domain::Reason::venue_outcome_unknown},
    {-1010, -1010, "refused by the engine",             Reaction::refuse,          domain::Reason::venue_refused},  // by its text, below
    {-1013, -1013, "filter failure",                    Reaction::refresh_rules,   domain::Reason::venue_refused_filter},
    {-1014, -1014, "unsupported order combination",     Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1015, -1015, "too many unfilled orders",          Reaction::wait_for_window, domain::Reason::venue_refused_rate_limit},
    {-1016, -1016, "shutting down",                     Reaction::unknown_outcome, domain::Reason::venue_outcome_unknown},
    {-1020, -1020, "unsupported operation",             Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1021, -1021, "timestamp outside recvWindow",      Reaction::measure_clock,   domain::Reason::venue_refused},
    {-1022, -1022, "wrong signature",                   Reaction::halt,            domain::Reason::not_permitted},
    {-1100, -1106, "bad parameter",                     Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1108, -1108, "bad parameter",                     Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1111, -1111, "too many decimals",                 Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1112, -1112, "no orders on the book",             Reaction::refuse,          domain::Reason::no_liquidity},
    {-1114, -1121, "bad parameter or symbol",           Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1122, -1122, "bad symbol status",                 Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1125, -1125, "listen keys are gone",              Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1127, -1127, "more hours than are told at once",  Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1128, -1128, "bad parameter combination",         Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1130, -1131, "bad parameter, bad recvWindow",     Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1134, -1135, "bad strategy type, bad JSON",       Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1139, -1139, "bad ticker type",                   Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1145, -1145, "bad cancel restrictions",           Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1151, -1155, "symbol twice; SBE header",          Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1158, -1168, "legs that make no list",            Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1169, -1180, "FIX message",                       Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1181, -1181, "too many messages",                 Reaction::back_off,        domain::Reason::venue_refused_rate_limit},
    {-1182, -1190, "FIX message",                       Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1191, -1191, "too many subscriptions",            Reaction::reconnect,       domain::Reason::stream_not_ready},
    {-1194, -1194, "bad time unit",                     Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1196, -1199, "legs on the wrong side",            Reaction::our_mistake,     domain::Reason::venue_refused},
    {-1220, -1220, "status does not match",             Reaction::refuse,          domain::Reason::venue_refused},
    {-2010, -2010, "refused by the engine",             Reaction::refuse,          domain::Reason::venue_refused},  // by its text, below
    {-2011, -2011, "cancel refused",                    Reaction::query,           domain::Reason::venue_refused_unknown_order},
    {-2013, -2013, "no such order",                     Reaction::not_found,       domain::Reason::venue_refused_unknown_order},
    {-2014, -2015, "wrong key, address or permission",  Reaction::halt,            domain::Reason::not_permitted},
    {-2016, -2016, "no trading window",                 Reaction::refuse,          domain::Reason::instrument_not_trading},
    {-2021, -2022, "cancel-replace failed in part",     Reaction::query,           domain::Reason::venue_refused},
    {-2026, -2026, "archived: ended without a fill",    Reaction::not_found,       domain::Reason::order_already_ended},
    {-2035, -2035, "subscription active already",       Reaction::none,            domain::Reason::none},
    {-2036, -2036, "subscription not active",           Reaction::subscribe,       domain::Reason::stream_not_ready},
    {-2038, -2038, "amend refused, order unchanged",    Reaction::refuse,          domain::Reason::venue_refused},
    {-2039, -2039, "client id and order id differ",     Reaction::reconcile,       domain::Reason::venue_refused_unknown_order},
    {-2042, -2042, "subscription ids used up",          Reaction::reconnect,       domain::Reason::stream_not_ready},
    {-2043, -2043, "no reference price",                Reaction::none,            domain::Reason::none},
    // clang-format on
};

/// The texts of -1010 and -2010, which have one code for many things. Exact; an unknown text is a
/// refusal.
struct RefusalText {
  std::string_view text;
  Reaction reaction = Reaction::refuse;
  domain::Reason reason = domain::Reason::venue_refused;
};

inline constexpr RefusalText refusal_texts[] = {
    // clang-format off
    // An open order already bears this client id: our earlier send worked.
    {"Duplicate order sent.",                                          Reaction::query,         domain::Reason::venue_refused_duplicate},
    {"Account has insufficient balance for requested action.",         Reaction::refuse,        domain::Reason::venue_refused_funds},
    {"Order would immediately match and take.",                        Reaction::refuse,        domain::Reason::venue_refused},
    {"Order would trigger immediately.",                               Reaction::refuse,        domain::Reason::trigger_price_on_wrong_side},
    {"Stop price would trigger immediately.",                          Reaction::refuse,        domain::Reason::trigger_price_on_wrong_side},
    {"The relationship of the prices for the orders is not correct.",  Reaction::refuse,        domain::Reason::trigger_price_on_wrong_side},
    {"Order book liquidity is less than `LOT_SIZE` filter minimum quantity.",        Reaction::refuse, domain::Reason::no_liquidity},
    {"Order book liquidity is less than `MARKET_LOT_SIZE` filter minimum quantity.", Reaction::refuse, domain::Reason::no_liquidity},
    {"Order book liquidity is less than symbol minimum quantity.",     Reaction::refuse,        domain::Reason::no_liquidity},
    {"Price * QTY is zero or less.",                                   Reaction::our_mistake,   domain::Reason::venue_refused},
    {"IcebergQty exceeds QTY.",                                        Reaction::our_mistake,   domain::Reason::venue_refused},
    {"Unsupported order combination",                                  Reaction::our_mistake,   domain::Reason::venue_refused},
    {"Cancel order is invalid. Check origClOrdId and orderId.",        Reaction::our_mistake,   domain::Reason::venue_refused},
    {"Market is closed.",                                              Reaction::refresh_rules, domain::Reason::instrument_not_trading},
    {"Market orders are not supported for this symbol.",               Reaction::refresh_rules, domain::Reason::order_type_not_supported},
    {"Iceberg orders are not supported for this symbol.",              Reaction::refresh_rules, domain::Reason::order_type_not_supported},
    {"Stop loss orders are not supported for this symbol.",            Reaction::refresh_rules, domain::Reason::order_type_not_supported},
    {"Stop loss limit orders are not supported for this symbol.",      Reaction::refresh_rules, domain::Reason::order_type_not_supported},
    {"Take profit orders are not supported for this symbol.",          Reaction::refresh_rules, domain::Reason::order_type_not_supported},
    {"Take profit limit orders are not supported for this symbol.",    Reaction::refresh_rules, domain::Reason::order_type_not_supported},
    {"Trailing stop orders are not supported for this symbol.",        Reaction::refresh_rules, domain::Reason::order_type_not_supported},
    {"OCO orders are not supported for this symbol",                   Reaction::refresh_rules, domain::Reason::order_type_not_supported},
    {"Order cancel-replace is not supported for this symbol.",         Reaction::refresh_rules, domain::Reason::order_type_not_supported},
    {"Quote order qty market orders are not support for this symbol.", Reaction::refresh_rules, domain::Reason::order_type_not_supported},
    {"This action is disabled on this account.",                       Reaction::halt,          domain::Reason::not_permitted},
    {"This account may not place or cancel orders.",                   Reaction::halt,          domain::Reason::not_permitted},
    {"This symbol is not permitted for this account.",                 Reaction::halt,          domain::Reason::not_permitted},
    {"This symbol is restricted for this account.",                    Reaction::halt,          domain::Reason::not_permitted},
    {"Rest API trading is not enabled.",                               Reaction::halt,          domain::Reason::not_permitted},
    {"WebSocket API trading is not enabled.",                          Reaction::halt,          domain::Reason::not_permitted},
    // clang-format on
};

struct Judgement {
  Reaction reaction = Reaction::refuse;
  domain::Reason reason = domain::Reason::venue_refused;
};

/// The row of a code; nullptr when the document has none.
constexpr const VenueError* find_error(std::int32_t code) {
  for (const VenueError& row : venue_errors) {
    if (code <= row.first && code >= row.last) return &row;
  }
  return nullptr;
}

/// What an answer that is not 200 means. `status` follows HTTP; 0 stands for "no answer". The code
/// decides where there is one, because the document leaves open which status -1006 to -1008 bear.
constexpr Judgement judge(std::int32_t status, std::int32_t code, std::string_view text) {
  constexpr Judgement unknown{Reaction::unknown_outcome, domain::Reason::venue_outcome_unknown};
  // No answer, and a 5xx, never are a verdict, whatever the body says.
  if (status == 0 || status >= 500) return unknown;
  if (status == 418) return {Reaction::back_off, domain::Reason::venue_refused_rate_limit};
  if (code == -2010 || code == -1010) {
    for (const RefusalText& row : refusal_texts) {
      if (row.text == text) return {row.reaction, row.reason};
    }
    return {Reaction::refuse, domain::Reason::venue_refused};
  }
  if (const VenueError* row = find_error(code)) return {row->reaction, row->reason};
  if (status == 403) return {Reaction::back_off, domain::Reason::venue_refused};
  if (status == 429) return {Reaction::back_off, domain::Reason::venue_refused_rate_limit};
  if (status == 401) return {Reaction::halt, domain::Reason::not_permitted};
  if (status == 409) return {Reaction::query, domain::Reason::venue_refused};
  if (status >= 400) return {Reaction::refuse, domain::Reason::venue_refused};
  return unknown;  // neither success nor an error that we know
}

static_assert(judge(400, -2013, "").reaction == Reaction::not_found);
static_assert(judge(400, -2010, "Market is closed.").reaction == Reaction::refresh_rules);
static_assert(judge(504, 0, "").reaction == Reaction::unknown_outcome);

}  // namespace halcyon::gateways::binance
