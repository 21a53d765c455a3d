#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "domain/event.h"
#include "domain/reason.h"

namespace halcyon::gateways::alpaca {

// What an error of the venue means and what we do about it: sections 7, 8 and 9 of the protocol
// reference, row by row. The tables decide; sessions only look up.

// ---- Error frames of the market data stream (section 8) -----------------------------------------

enum class StreamReaction : std::uint8_t {
  ignore,
  our_mistake,   ///< say it, keep running, mend the program
  authenticate,  ///< send the key again
  stop,          ///< this feed cannot be had with this key: alert, do not come back
  reconnect,     ///< with back-off; quotes and books are stale meanwhile
  back_off,      ///< a long one: another connection is where ours should be; alert
  keep_listed,   ///< what the last answer lists is what we have; alert
};

struct StreamRow {
  std::int32_t code = 0;
  std::string_view meaning;
  StreamReaction reaction = StreamReaction::reconnect;
};

inline constexpr StreamRow stream_rows[] = {
    // clang-format off
    {400, "invalid syntax",                         StreamReaction::our_mistake},
    {401, "not authenticated",                      StreamReaction::authenticate},
    {402, "auth failed",                            StreamReaction::stop},
    {403, "already authenticated",                  StreamReaction::ignore},
    {404, "auth timeout",                           StreamReaction::reconnect},
    {405, "symbol limit exceeded",                  StreamReaction::keep_listed},
    {406, "connection limit exceeded",              StreamReaction::back_off},
    {407, "slow client",                            StreamReaction::reconnect},
    {408, "v2 not enabled",                         StreamReaction::stop},
    {409, "insufficient subscription",              StreamReaction::stop},
    {410, "invalid subscribe action for this feed", StreamReaction::our_mistake},
    {411, "insufficient scope",                     StreamReaction::stop},
    {500, "internal error",                         StreamReaction::reconnect},
    // clang-format on
};

/// A code that is none of these, too, is met by connecting anew.
constexpr StreamReaction react_to(std::int32_t code) {
  for (const StreamRow& row : stream_rows) {
    if (row.code == code) return row.reaction;
  }
  return StreamReaction::reconnect;
}

// ---- Answers of REST that are not 2xx (section 9) -----------------------------------------------

/// What to do, beside telling the engine.
enum class Reaction : std::uint8_t {
  none,
  back_off,       ///< not before X-RateLimit-Reset; cancels first
  halt,           ///< the key may not do this: no orders for a while, alert
  refresh_rules,  ///< our rules of the asset may be out of date
  our_mistake,    ///< a bad request: say it, mend the program
  query,          ///< ask for the order before believing anything
};

struct Judgement {
  domain::Outcome outcome = domain::Outcome::refused;
  domain::Reason reason = domain::Reason::venue_refused;
  Reaction reaction = Reaction::none;
};

/// What was asked. The same words mean other things to each.
enum class Asked : std::uint8_t { place, replace, cancel };

struct ErrorRow {
  int first = 0, last = 0;  ///< HTTP statuses
  std::int32_t code = 0;    ///< of the body; 0: any, or none
  std::string_view part;    ///< of the message, lower case; empty: any
  Judgement judgement;
};

/// The first row that fits decides. Codes and wordings vary between reports, so the rows that name
/// a wording come before those that do not, and none rests on a wording to take an order for dead:
/// the outcome of every 4xx but 408 is a refusal.
inline constexpr ErrorRow error_rows[] = {
    // clang-format off
    // No whole answer, or one that does not say what became of the request.
    {  0,   0, 0,        "",                       {domain::Outcome::unknown, domain::Reason::venue_outcome_unknown,       Reaction::query}},
    {408, 408, 0,        "",                       {domain::Outcome::unknown, domain::Reason::venue_outcome_unknown,       Reaction::query}},
    {500, 599, 0,        "",                       {domain::Outcome::unknown, domain::Reason::venue_outcome_unknown,       Reaction::query}},
    {429, 429, 0,        "",                       {domain::Outcome::refused, domain::Reason::venue_refused_rate_limit,    Reaction::back_off}},
    {401, 401, 0,        "",                       {domain::Outcome::refused, domain::Reason::not_permitted,               Reaction::halt}},
    // An earlier send of the same id worked: look it up.
    {400, 422, 0,        "must be unique",         {domain::Outcome::unknown, domain::Reason::venue_refused_duplicate,     Reaction::query}},
    {404, 404, 0,        "",                       {domain::Outcome::refused, domain::Reason::venue_refused_unknown_order, Reaction::query}},
    {403, 403, 0,        "buying power",           {domain::Outcome::refused, domain::Reason::venue_refused_funds,         Reaction::none}},
    {403, 403, 0,        "insufficient balance",   {domain::Outcome::refused, domain::Reason::venue_refused_funds,         Reaction::none}},
    {403, 403, 0,        "insufficient qty",       {domain::Outcome::refused, domain::Reason::venue_refused_funds,         Reaction::none}},
    {403, 403, 0,        "wash trade",             {domain::Outcome::refused, domain::Reason::would_trade_with_itself,     Reaction::none}},
    {403, 403, 0,        "short",                  {domain::Outcome::refused, domain::Reason::not_permitted,               Reaction::refresh_rules}},
    {403, 403, 40310100, "",                       {domain::Outcome::refused, domain::Reason::not_permitted,               Reaction::none}},  // pattern day trading
    {403, 403, 40310000, "",                       {domain::Outcome::refused, domain::Reason::venue_refused,               Reaction::none}},
    {403, 403, 0,        "",                       {domain::Outcome::refused, domain::Reason::not_permitted,               Reaction::halt}},
    {422, 422, 0,        "order is already in",    {domain::Outcome::refused, domain::Reason::order_already_ended,         Reaction::query}},
    {422, 422, 0,        "not tradable",           {domain::Outcome::refused, domain::Reason::instrument_not_trading,      Reaction::refresh_rules}},
    {422, 422, 0,        "not active",             {domain::Outcome::refused, domain::Reason::instrument_not_trading,      Reaction::refresh_rules}},
    {422, 422, 0,        "sub-penny",              {domain::Outcome::refused, domain::Reason::venue_refused_filter,        Reaction::refresh_rules}},
    {422, 422, 0,        "increment",              {domain::Outcome::refused, domain::Reason::venue_refused_filter,        Reaction::refresh_rules}},
    {422, 422, 0,        "stop price must",        {domain::Outcome::refused, domain::Reason::trigger_price_on_wrong_side, Reaction::none}},
    {422, 422, 0,        "stop_price must",        {domain::Outcome::refused, domain::Reason::trigger_price_on_wrong_side, Reaction::none}},
    {422, 422, 40010001, "",                       {domain::Outcome::refused, domain::Reason::venue_refused,               Reaction::our_mistake}},
    {422, 422, 0,        "",                       {domain::Outcome::refused, domain::Reason::venue_refused_filter,        Reaction::refresh_rules}},
    {400, 499, 0,        "",                       {domain::Outcome::refused, domain::Reason::venue_refused,               Reaction::our_mistake}},
    // clang-format on
};

namespace detail {

constexpr char lower(char character) {
  return character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a')
                                              : character;
}

/// Whether `part`, which is lower case, stands in `text` without regard to case.
constexpr bool contains(std::string_view text, std::string_view part) {
  for (std::size_t at = 0; at + part.size() <= text.size(); ++at) {
    std::size_t same = 0;
    while (same < part.size() && lower(text[at + same]) == part[same]) ++same;
    if (same == part.size()) return true;
  }
  return false;
}

}  // namespace detail

/// Of an answer that is not 2xx. A cancel that the venue refuses is asked about before anything is
/// concluded: the order has most likely been filled.
constexpr Judgement judge(Asked asked, int status, std::int32_t code, std::string_view message) {
  for (const ErrorRow& row : error_rows) {
    if (status < row.first || status > row.last || (row.code != 0 && row.code != code) ||
        !detail::contains(message, row.part)) {
      continue;
    }
    Judgement judgement = row.judgement;
    if (asked == Asked::cancel && judgement.outcome == domain::Outcome::refused &&
        judgement.reaction != Reaction::back_off && judgement.reaction != Reaction::halt) {
      judgement.reaction = Reaction::query;
    }
    return judgement;
  }
  // Neither success nor an error that we know.
  return {domain::Outcome::unknown, domain::Reason::venue_outcome_unknown, Reaction::query};
}

static_assert(judge(Asked::place, 422, 40010001, "client_order_id must be unique").outcome ==
              domain::Outcome::unknown);
static_assert(judge(Asked::cancel, 422, 42210000, "order is already in \"filled\" state").reason ==
              domain::Reason::order_already_ended);
static_assert(judge(Asked::place, 504, 0, "").outcome == domain::Outcome::unknown);

}  // namespace halcyon::gateways::alpaca
