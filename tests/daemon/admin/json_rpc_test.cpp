#include "daemon/json_rpc.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

namespace halcyon::daemon::json_rpc {
namespace {

using nlohmann::json;

TEST(JsonRpc, ReadsARequestWithItsParameters) {
  const auto parsed =
      parse(R"({"jsonrpc":"2.0","id":"a","method":"orders.list","params":{"limit":5}})");
  const auto& request = std::get<Request>(parsed);
  EXPECT_EQ(request.method, "orders.list");
  EXPECT_EQ(request.params.at("limit"), 5);
  EXPECT_EQ(request.id, "a");
  EXPECT_FALSE(request.is_notification);
}

TEST(JsonRpc, ARequestWithoutAnIdIsANotificationAndOneWithNullIsNot) {
  EXPECT_TRUE(std::get<Request>(parse(R"({"jsonrpc":"2.0","method":"status"})")).is_notification);
  EXPECT_FALSE(
      std::get<Request>(parse(R"({"jsonrpc":"2.0","id":null,"method":"status"})")).is_notification);
}

struct BadLine {
  const char* name;
  std::string line;
  ErrorCode code;
  json id;
  const char* word;  ///< that the message must have
};

class BadLines : public testing::TestWithParam<BadLine> {};

TEST_P(BadLines, AreRefusedWithACodeWordsAndTheIdWhenItWasReadable) {
  const auto parsed = parse(GetParam().line);
  const auto* bad = std::get_if<BadRequest>(&parsed);
  ASSERT_NE(bad, nullptr);
  EXPECT_EQ(bad->error.code, GetParam().code);
  EXPECT_EQ(bad->id, GetParam().id);
  EXPECT_NE(bad->error.message.find(GetParam().word), std::string::npos) << bad->error.message;
}

INSTANTIATE_TEST_SUITE_P(
    JsonRpc, BadLines,
    testing::Values(
        BadLine{"not_json", "hello", ErrorCode::parse_error, nullptr, "not JSON"},
        BadLine{"cut_off", R"({"jsonrpc":"2.0","id":1)", ErrorCode::parse_error, nullptr, "JSON"},
        BadLine{"not_utf8", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}",
                ErrorCode::parse_error, nullptr, "UTF-8"},
        BadLine{"deeply_nested", std::string(500'000, '['), ErrorCode::parse_error, nullptr,
                "JSON"},
        BadLine{"batch", R"([{"jsonrpc":"2.0","id":1,"method":"status"}])",
                ErrorCode::invalid_request, nullptr, "batches"},
        BadLine{"number", "42", ErrorCode::invalid_request, nullptr, "object"},
        BadLine{"old_version", R"({"jsonrpc":"1.0","id":1,"method":"status"})",
                ErrorCode::invalid_request, 1, "2.0"},
        BadLine{"no_version", R"({"id":"x","method":"status"})", ErrorCode::invalid_request, "x",
                "2.0"},
        BadLine{"no_method", R"({"jsonrpc":"2.0","id":2})", ErrorCode::invalid_request, 2,
                "method"},
        BadLine{"number_as_method", R"({"jsonrpc":"2.0","id":2,"method":3})",
                ErrorCode::invalid_request, 2, "method"},
        BadLine{"object_as_id", R"({"jsonrpc":"2.0","id":{},"method":"status"})",
                ErrorCode::invalid_request, nullptr, "id"},
        BadLine{"long_id",
                R"({"jsonrpc":"2.0","id":")" + std::string(257, 'x') + R"(","method":"s"})",
                ErrorCode::invalid_request, nullptr, "256"},
        BadLine{"list_of_params", R"({"jsonrpc":"2.0","id":1,"method":"status","params":[1]})",
                ErrorCode::invalid_params, 1, "object"}),
    [](const auto& row) { return row.param.name; });

TEST(JsonRpc, AnAnswerIsOneLineAndSurvivesBytesThatAreNotUtf8) {
  const std::string line = print_result(1, {{"text", "a\nb\xff"}});
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(json::parse(line).at("result").at("text"), "a\nb\xEF\xBF\xBD");
}

TEST(JsonRpc, AnErrorCarriesItsCodeItsWordsAndItsData) {
  const json answer =
      json::parse(print_error("id", {ErrorCode::refused, "no", {{"reason", "unknown_order"}}}));
  EXPECT_EQ(answer.at("error").at("code"), -32000);
  EXPECT_EQ(answer.at("error").at("message"), "no");
  EXPECT_EQ(answer.at("error").at("data").at("reason"), "unknown_order");
  EXPECT_EQ(answer.at("jsonrpc"), "2.0");
  EXPECT_FALSE(answer.contains("result"));
}

TEST(JsonRpc, EveryLineOfTheFuzzCorpusIsReadOrRefusedAndAnswersToItArePlainJson) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator{
           HALCYON_SOURCE_DIR "/tests/daemon/admin/corpus/json_rpc"}) {
    std::ifstream file{entry.path(), std::ios::binary};
    const std::string line{std::istreambuf_iterator<char>{file}, {}};
    const auto parsed = parse(line);
    const json id = std::holds_alternative<Request>(parsed) ? std::get<Request>(parsed).id
                                                            : std::get<BadRequest>(parsed).id;
    EXPECT_EQ(json::parse(print_result(id, nullptr)).at("id"), id) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 10U);
}

}  // namespace
}  // namespace halcyon::daemon::json_rpc
