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
    {"closed_by_the_older_code", 400, -1010, "Market is closed.", Reaction::refresh_rules,
     Reason::instrument_not_trading},
    {"stop_price", 400, -2010, "Order would trigger immediately.", Reaction::refuse,
     Reason::trigger_price_on_wrong_side},
    {"type_is_off", 400, -2010, "Trailing stop orders are not supported for this symbol.",
     Reaction::refresh_rules, Reason::order_type_not_supported},
    {"legs_of_a_list", 400, -1166, "", Reaction::our_mistake, Reason::venue_refused},
    {"amend", 400, -2038, "", Reaction::refuse, Reason::venue_refused},
    {"unknown_text", 400, -2010, "Something new.", Reaction::refuse, Reason::venue_refused},
    {"unknown_code", 400, -9999, "", Reaction::refuse, Reason::venue_refused},
    {"neither_success_nor_error", 302, 0, "", Reaction::unknown_outcome,
     Reason::venue_outcome_unknown},
};

INSTANTIATE_TEST_SUITE_P(Errors, Judges, ::testing::ValuesIn(rows),
                         [](const auto& row) { return row.param.name; });

TEST(Errors, EveryCodeOfTheVenuesDocumentHasAReaction) {
  // errors.md of binance-spot-api-docs, and the codes that section 15 adds to it.
  for (const std::int32_t code :
       {-1000, -1001, -1002, -1003, -1004, -1006, -1007, -1008, -1010, -1013, -1014, -1015, -1016,
        -1020, -1021, -1022, -1100, -1101, -1102, -1103, -1104, -1105, -1106, -1108, -1111, -1112,
        -1114, -1115, -1116, -1117, -1118, -1119, -1120, -1121, -1122, -1125, -1127, -1128, -1130,
        -1131, -1134, -1135, -1139, -1145, -1151, -1152, -1153, -1155, -1158, -1160, -1161, -1165,
        -1166, -1168, -1169, -1170, -1171, -1172, -1173, -1174, -1175, -1176, -1177, -1178, -1179,
        -1180, -1181, -1182, -1183, -1184, -1185, -1186, -1187, -1188, -1189, -1190, -1191, -1194,
        -1196, -1197, -1198, -1199, -1220, -2010, -2011, -2013, -2014, -2015, -2016, -2021, -2022,
        -2026, -2035, -2036, -2038, -2039, -2042, -2043}) {
    EXPECT_NE(find_error(code), nullptr) << code;
  }
}

TEST(Errors, NoCodeStandsInTwoRows) {
  std::int32_t last = 0;
  for (const VenueError& row : venue_errors) {
    EXPECT_LT(row.first, last) << row.meaning;
    last = row.last;
  }
}

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
