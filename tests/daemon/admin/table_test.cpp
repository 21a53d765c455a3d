#include "daemon/table.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace halcyon::daemon {
namespace {

using nlohmann::json;

TEST(Table, NumbersStandRightAndWordsLeft) {
  const json rows = {{{"name", "a"}, {"count", 5}, {"price", "100.5"}},
                     {{"name", "longer"}, {"count", 1234}, {"price", "-0.25"}}};
  EXPECT_EQ(print_table(rows, {"name", "price", "count", "absent"}),
            "name    price  count\n"
            "a       100.5      5\n"
            "longer  -0.25   1234\n");
}

TEST(Table, NothingAndMissingValuesAreSaid) {
  EXPECT_EQ(print_table(json::array(), {"a"}), "(none)\n");
  EXPECT_EQ(print_table({{{"a", nullptr}, {"b", true}}, {{"b", false}}}, {"a", "b"}),
            "a  b\n"
            "-  yes\n"
            "-  no\n");
}

TEST(Table, WithoutColumnsWordsComeBeforeNumbers) {
  EXPECT_EQ(print_table({{{"count", 1}, {"stage", "decode"}}}, {}),
            "stage   count\n"
            "decode      1\n");
}

TEST(Table, WidthIsCountedInCharactersAndControlCharactersDoNotPass) {
  EXPECT_EQ(print_table({{{"a", "\xC3\xA9"}, {"b", "x"}}, {{"a", "ab"}, {"b", "y\n\x1b\xC2\x9B"}}},
                        {"a", "b"}),
            "a   b\n"
            "\xC3\xA9   x\n"
            "ab  y???\n");
}

TEST(Table, AnObjectBecomesLinesAndItsListsTables) {
  EXPECT_EQ(print_object({{"name", "alpha"},
                          {"orders", {{"open", 1}}},
                          {"accounts", {{{"account", "main"}}}},
                          {"list", {"a", "b"}}}),
            "list  a, b\n"
            "name  alpha\n"
            "\naccounts:\naccount\nmain\n"
            "orders:\n  open  1\n");
}

}  // namespace
}  // namespace halcyon::daemon
