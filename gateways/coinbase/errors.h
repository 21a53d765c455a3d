#pragma once

#include <cstdint>
#include <string_view>

#include "domain/event.h"
#include "domain/reason.h"

namespace halcyon::gateways::coinbase {

// What an answer of the venue means and what we do about it: sections 6 and 7 of the protocol
// reference, row by row. The tables decide; sessions only look up.

/// What to do, beside telling the engine.
enum class Reaction : std::uint8_t {
  none,
  back_off,       ///< too many requests: cancels first
  new_token,      ///< the token was refused: make others, measure the clock; a second time: halt
  halt,           ///< the key may not do this: no orders for a while, alert
  refresh_rules,  ///< our product rules are out of date
  our_mistake,    ///< a bad request: say it, mend the program
  query,          ///< ask for the order before believing anything
};

struct Judgement {
  domain::Outcome outcome = domain::Outcome::refused;
  domain::Reason reason = domain::Reason::venue_refused;
  Reaction reaction = Reaction::none;
};

// ---- HTTP statuses, of every call ---------------------------------------------------------------

struct StatusMeaning {
  int first = 0, last = 0;
  std::string_view meaning;
  Judgement judgement;
};

inline constexpr StatusMeaning status_rows[] = {
    // clang-format off
    {  0,   0, "no whole answer",                    {domain::Outcome::unknown, domain::Reason::venue_outcome_unknown,       Reaction::query}},
    {400, 400, "malformed, or refused by validation",{domain::Outcome::refused, domain::Reason::venue_refused,               Reaction::our_mistake}},
    {401, 401, "token wrong or expired, clock off",  {domain::Outcome::refused, domain::Reason::not_permitted,               Reaction::new_token}},
    {403, 403, "permission missing",                 {domain::Outcome::refused, domain::Reason::not_permitted,               Reaction::halt}},
    {404, 404, "unknown product or order",           {domain::Outcome::refused, domain::Reason::venue_refused_unknown_order, Reaction::none}},
    // It had waited for the request, or for something behind it.
    {408, 409, "time-out, conflict",                 {domain::Outcome::unknown, domain::Reason::venue_outcome_unknown,       Reaction::query}},
    {429, 429, "too many requests",                  {domain::Outcome::refused, domain::Reason::venue_refused_rate_limit,    Reaction::back_off}},
    {410, 499, "refused",                            {domain::Outcome::refused, domain::Reason::venue_refused,               Reaction::our_mistake}},
    {500, 599, "outcome unknown",                    {domain::Outcome::unknown, domain::Reason::venue_outcome_unknown,       Reaction::query}},
    // clang-format on
};

/// Of an answer that is not 200. A body says nothing that could change it.
constexpr Judgement judge_status(int status) {
  for (const StatusMeaning& row : status_rows) {
    if (status >= row.first && status <= row.last) return row.judgement;
  }
  // Neither success nor an error that we know.
  return {domain::Outcome::unknown, domain::Reason::venue_outcome_unknown, Reaction::query};
}

// ---- Codes in answers of HTTP 200 ---------------------------------------------------------------

struct CodeRow {
  std::string_view code;
  Judgement judgement;
};

/// POST orders: `error`, `preview_failure_reason` (with PREVIEW_ in front, which is taken off) and
/// `new_order_failure_reason`. The venue's lists are open: what is not here is a plain refusal.
inline constexpr CodeRow create_codes[] = {
    // clang-format off
    {"INSUFFICIENT_FUND",               {domain::Outcome::refused, domain::Reason::venue_refused_funds,        Reaction::none}},
    {"INSUFFICIENT_FUNDS",              {domain::Outcome::refused, domain::Reason::venue_refused_funds,        Reaction::none}},
    {"INVALID_LEDGER_BALANCE",          {domain::Outcome::refused, domain::Reason::venue_refused_funds,        Reaction::none}},
    {"INVALID_SIZE_PRECISION",          {domain::Outcome::refused, domain::Reason::venue_refused_filter,       Reaction::refresh_rules}},
    {"INVALID_PRICE_PRECISION",         {domain::Outcome::refused, domain::Reason::venue_refused_filter,       Reaction::refresh_rules}},
    {"INVALID_LIMIT_PRICE",             {domain::Outcome::refused, domain::Reason::venue_refused_filter,       Reaction::none}},
    {"INVALID_LIMIT_PRICE_POST_ONLY",   {domain::Outcome::refused, domain::Reason::venue_refused,              Reaction::none}},  // would cross
    {"INVALID_NO_LIQUIDITY",            {domain::Outcome::refused, domain::Reason::no_liquidity,               Reaction::none}},
    {"INVALID_PRODUCT_ID",              {domain::Outcome::refused, domain::Reason::unknown_instrument,         Reaction::refresh_rules}},
    {"INVALID_SIDE",                    {domain::Outcome::refused, domain::Reason::venue_refused,              Reaction::our_mistake}},
    {"INVALID_REQUEST",                 {domain::Outcome::refused, domain::Reason::venue_refused,              Reaction::our_mistake}},
    {"UNSUPPORTED_ORDER_CONFIGURATION", {domain::Outcome::refused, domain::Reason::order_type_not_supported,   Reaction::none}},
    {"ORDER_ENTRY_DISABLED",            {domain::Outcome::refused, domain::Reason::instrument_not_trading,     Reaction::refresh_rules}},
    {"UNTRADABLE_PRODUCT",              {domain::Outcome::refused, domain::Reason::instrument_not_trading,     Reaction::refresh_rules}},
    {"INELIGIBLE_PAIR",                 {domain::Outcome::refused, domain::Reason::not_permitted,              Reaction::none}},
    {"GEOFENCING_RESTRICTION",          {domain::Outcome::refused, domain::Reason::not_permitted,              Reaction::halt}},
    {"COMMANDER_REJECTED_NEW_ORDER",    {domain::Outcome::refused, domain::Reason::venue_refused,              Reaction::none}},
    // An order bears the id already: an earlier send worked. What a repeat does is unverified.
    {"DUPLICATE_CLIENT_ORDER_ID",       {domain::Outcome::unknown, domain::Reason::venue_refused_duplicate,    Reaction::query}},
    // clang-format on
};

/// POST orders/edit.
inline constexpr CodeRow edit_codes[] = {
    // clang-format off
    {"ORDER_NOT_FOUND",                           {domain::Outcome::refused, domain::Reason::venue_refused_unknown_order, Reaction::query}},
    {"ORDER_IS_ALREADY_BEING_REPLACED",           {domain::Outcome::refused, domain::Reason::amend_under_way,             Reaction::none}},
    {"CANNOT_EDIT_ORDER_PENDING_CANCEL",          {domain::Outcome::refused, domain::Reason::venue_refused,               Reaction::none}},
    {"CANNOT_EDIT_TO_BELOW_FILLED_SIZE",          {domain::Outcome::refused, domain::Reason::quantity_not_above_filled,   Reaction::none}},
    {"EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST",    {domain::Outcome::refused, domain::Reason::nothing_to_amend,            Reaction::none}},
    {"ONLY_LIMIT_ORDER_EDITS_SUPPORTED",          {domain::Outcome::refused, domain::Reason::order_type_not_supported,    Reaction::none}},
    {"ONLY_OPEN_ORDERS_CAN_BE_EDITED",            {domain::Outcome::refused, domain::Reason::order_already_ended,         Reaction::query}},
    {"INVALID_EDITED_SIZE",                       {domain::Outcome::refused, domain::Reason::venue_refused_filter,        Reaction::refresh_rules}},
    {"INVALID_EDITED_PRICE",                      {domain::Outcome::refused, domain::Reason::venue_refused_filter,        Reaction::refresh_rules}},
    {"EXCEEDED_MAX_ALLOWED_EDIT_REQUEST_COUNT",   {domain::Outcome::refused, domain::Reason::venue_refused_rate_limit,    Reaction::none}},
    // clang-format on
};

/// POST orders/batch_cancel, one for each id.
inline constexpr CodeRow cancel_codes[] = {
    // clang-format off
    // It may just have been filled: the engine asks.
    {"UNKNOWN_CANCEL_ORDER",               {domain::Outcome::refused,      domain::Reason::venue_refused_unknown_order, Reaction::query}},
    {"ORDER_IS_FULLY_FILLED",              {domain::Outcome::refused,      domain::Reason::order_already_ended,         Reaction::query}},
    // One is under way, and this is all that is wanted.
    {"DUPLICATE_CANCEL_REQUEST",           {domain::Outcome::acknowledged, domain::Reason::none,                        Reaction::none}},
    {"ORDER_IS_BEING_REPLACED",            {domain::Outcome::refused,      domain::Reason::venue_refused,               Reaction::query}},
    {"COMMANDER_REJECTED_CANCEL_ORDER",    {domain::Outcome::refused,      domain::Reason::venue_refused,               Reaction::query}},
    {"INVALID_CANCEL_REQUEST",             {domain::Outcome::refused,      domain::Reason::venue_refused,               Reaction::our_mistake}},
    {"INVALID_CANCEL_PRODUCT_ID",          {domain::Outcome::refused,      domain::Reason::venue_refused,               Reaction::our_mistake}},
    {"INVALID_CANCEL_FCM_TRADING_SESSION", {domain::Outcome::refused,      domain::Reason::instrument_not_trading,      Reaction::none}},
    {"NOT_ALLOWED_TO_CANCEL",              {domain::Outcome::refused,      domain::Reason::not_permitted,               Reaction::halt}},
    // clang-format on
};

namespace detail {

template <std::size_t size>
constexpr Judgement judge_code(const CodeRow (&rows)[size], std::string_view code) {
  constexpr std::string_view preview = "PREVIEW_";
  if (code.starts_with(preview)) code.remove_prefix(preview.size());
  for (const CodeRow& row : rows) {
    if (row.code == code) return row.judgement;
  }
  return {};  // refused, and no more is known
}

}  // namespace detail

constexpr Judgement judge_create(std::string_view code) {
  return detail::judge_code(create_codes, code);
}
constexpr Judgement judge_edit(std::string_view code) {
  return detail::judge_code(edit_codes, code);
}
constexpr Judgement judge_cancel(std::string_view code) {
  return detail::judge_code(cancel_codes, code);
}

static_assert(judge_create("PREVIEW_INSUFFICIENT_FUND").reason ==
              domain::Reason::venue_refused_funds);
static_assert(judge_status(504).outcome == domain::Outcome::unknown);
static_assert(judge_status(429).reaction == Reaction::back_off);

}  // namespace halcyon::gateways::coinbase
