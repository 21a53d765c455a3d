#include "gateways/binance/errors.h"

#include <gtest/gtest.h>

#include "domain/enum_name.h"

namespace halcyon::gateways::binance::testing {
namespace {

using domain::Reason;

struct Row {
  const char* name;
  std::int32_t status;
  std::int32_t code;
  const char* text;
  Reaction reaction;
  Reason reason;
};

class Judges : public ::testing::TestWithParam<Row> {};

TEST_P(Judges, AsTheDocumentSays) {
  const Row& row = GetParam();
  const Judgement judgement = judge(row.status, row.code, row.text);
  EXPECT_EQ(domain::enum_name(judgement.reaction), domain::enum_name(row.reaction));
  EXPECT_EQ(domain::enum_name(judgement.reason), domain::enum_name(row.reason));
}

const Row rows[] = {
    {"silence", 0, 0, "", Reaction::unknown_outcome, Reason::venue_outcome_unknown},
    {"server_error", 500, 0, "", Reaction::unknown_outcome, Reason::venue_outcome_unknown},
    {"gateway_time_out", 504, -1007, "", Reaction::unknown_outcome, Reason::venue_outcome_unknown},
    {"server_error_with_a_refusal", 502, -2010, "Market is closed.", Reaction::unknown_outcome,
     Reason::venue_outcome_unknown},
    {"time_out_as_a_bad_request", 400, -1007, "", Reaction::unknown_outcome,
     Reason::venue_outcome_unknown},
    {"unexpected_answer", 400, -1006, "", Reaction::unknown_outcome, Reason::venue_outcome_unknown},
    {"overloaded", 400, -1008, "", Reaction::unknown_outcome, Reason::venue_outcome_unknown},
    {"disconnected", 400, -1001, "", Reaction::unknown_outcome, Reason::venue_outcome_unknown},
    {"banned", 418, -1003, "", Reaction::back_off, Reason::venue_refused_rate_limit},
    {"weight", 429, -1003, "", Reaction::back_off, Reason::venue_refused_rate_limit},
    {"too_many_orders", 429, -1015, "", Reaction::wait_for_window,
     Reason::venue_refused_rate_limit},
    {"too_much_without_a_code", 429, 0, "", Reaction::back_off, Reason::venue_refused_rate_limit},
    {"firewall", 403, 0, "", Reaction::back_off, Reason::venue_refused},
    {"clock", 400, -1021, "", Reaction::measure_clock, Reason::venue_refused},
    {"signature", 400, -1022, "", Reaction::halt, Reason::not_permitted},
    {"key", 401, -2015, "", Reaction::halt, Reason::not_permitted},
    {"key_format", 400, -2014, "", Reaction::halt, Reason::not_permitted},
    {"filter", 400, -1013, "Filter failure: LOT_SIZE", Reaction::refresh_rules,
     Reason::venue_refused_filter},
    {"bad_parameter_first", 400, -1100, "", Reaction::our_mistake, Reason::venue_refused},
    {"bad_parameter_last", 400, -1106, "", Reaction::our_mistake, Reason::venue_refused},
    {"just_behind_the_range", 400, -1107, "", Reaction::refuse, Reason::venue_refused},
    {"invalid_symbol", 400, -1121, "", Reaction::our_mistake, Reason::venue_refused},
    {"no_such_order", 400, -2013, "", Reaction::not_found, Reason::venue_refused_unknown_order},
    {"archived", 400, -2026, "", Reaction::not_found, Reason::order_already_ended},
    {"cancel_refused", 400, -2011, "Unknown order sent.", Reaction::query,
     Reason::venue_refused_unknown_order},
    {"ids_differ", 400, -2039, "", Reaction::reconcile, Reason::venue_refused_unknown_order},
    {"subscribed_already", 400, -2035, "", Reaction::none, Reason::none},
    {"not_subscribed", 400, -2036, "", Reaction::subscribe, Reason::stream_not_ready},
    {"subscriptions_used_up", 400, -2042, "", Reaction::reconnect, Reason::stream_not_ready},
    {"duplicate", 400, -2010, "Duplicate order sent.", Reaction::query,
     Reason::venue_refused_duplicate},
    {"funds", 400, -2010, "Account has insufficient balance for requested action.",
     Reaction::refuse, Reason::venue_refused_funds},
    {"post_only", 400, -2010, "Order would immediately match and take.", Reaction::refuse,
     Reason::venue_refused},
    {"closed", 400, -2010, "Market is closed.", Reaction::refresh_rules,
     Reason::instrument_not_trading},
    {"disabled", 400, -2010, "This action is disabled on this account.", Reaction::halt,
     Reason::not_permitted},
    {"unknown_text", 400, -2010, "Something new.", Reaction::refuse, Reason::venue_refused},
    {"unknown_code", 400, -9999, "", Reaction::refuse, Reason::venue_refused},
    {"neither_success_nor_error", 302, 0, "", Reaction::unknown_outcome,
     Reason::venue_outcome_unknown},
};

INSTANTIATE_TEST_SUITE_P(Errors, Judges, ::testing::ValuesIn(rows),
                         [](const auto& row) { return row.param.name; });

TEST(Errors, EveryRowOfTheTableIsFoundByItsOwnCode) {
  for (const VenueError& row : venue_errors) {
    EXPECT_LE(row.last, row.first) << row.meaning;
    for (std::int32_t code = row.first; code >= row.last; --code) {
      EXPECT_EQ(find_error(code), &row) << code;
    }
  }
}

}  // namespace
}  // namespace halcyon::gateways::binance::testing
