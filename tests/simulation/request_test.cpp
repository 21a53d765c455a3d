#include <string>

#include <gtest/gtest.h>

#include "simulation/binance_request.h"

namespace halcyon::simulation {
namespace {

TEST(Request, KeepsNumbersAndIdsAsTheyWereSpelled) {
  const auto frame = parse_frame(
      R"( {"id" : 9007199254740993 , "params":{"a":5000.50,"b":"x\u0041\n","c":1e3,"d":true,"e":[1,{"x":"}"}]}, "method":"m"} )");
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->id, "9007199254740993");
  EXPECT_EQ(frame->method, "m");
  EXPECT_EQ(*frame->params.find("a"), "5000.50");
  EXPECT_EQ(*frame->params.find("b"), "xA\n");
  EXPECT_EQ(*frame->params.find("c"), "1e3");
  EXPECT_EQ(*frame->params.find("d"), "true");
  EXPECT_EQ(*frame->params.find("e"), R"([1,{"x":"}"}])");
  EXPECT_EQ(frame->params.find("f"), nullptr);
}

TEST(Request, IsNoneWithoutAMethodOrWithAStrangeId) {
  for (const char* text :
       {"", "[]", "1", "{", R"({"id":1})", R"({"id":{},"method":"m"})", R"({"id":1,"method":2})",
        R"({"id":[1],"method":"m"})", R"({"method":"m","params":3})",
        R"({"id":"1234567890123456789012345678901234567","method":"m"})"}) {
    EXPECT_FALSE(parse_frame(text)) << text;
  }
  EXPECT_TRUE(parse_frame(R"({"id":null,"method":"m","params":[]})"));
}

TEST(Request, AQueryIsDecodedAndWinsOverTheBody) {
  Params params;
  EXPECT_TRUE(parse_query("a=1&b=x%2By+z&&c", params));
  EXPECT_TRUE(parse_query("a=2&d=%EF%BC%91", params));
  EXPECT_EQ(*params.find("a"), "1");
  EXPECT_EQ(*params.find("b"), "x+y z");
  EXPECT_EQ(*params.find("c"), "");
  EXPECT_EQ(*params.find("d"), "\xEF\xBC\x91");
  EXPECT_FALSE(parse_query("e=%2", params));
  EXPECT_FALSE(parse_query("e=%zz", params));
}

}  // namespace
}  // namespace halcyon::simulation
