#include "daemon/json_rpc.h"

#include <utility>

namespace halcyon::daemon::json_rpc {

namespace {

using nlohmann::json;

/// An id that is long or nested would come back whole in every answer.
constexpr std::size_t max_id_text = 256;

bool is_id(const json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().size() <= max_id_text;
  return value.is_number() || value.is_null();
}

BadRequest bad(ErrorCode code, std::string message, json id = nullptr) {
  return {{code, std::move(message), nullptr}, std::move(id)};
}

std::string print(const json& message) {
  return message.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace

std::variant<Request, BadRequest> parse(std::string_view line) {
  json message = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (message.is_discarded()) {
    return bad(ErrorCode::parse_error,
               "the line is not JSON; send one JSON-RPC 2.0 request a line, in UTF-8");
  }
  if (message.is_array()) {
    return bad(ErrorCode::invalid_request,
               "batches are not supported; send one request a line, without waiting if you like");
  }
  if (!message.is_object()) {
    return bad(ErrorCode::invalid_request,
               R"(a request is an object like {"jsonrpc":"2.0","id":1,"method":"status"})");
  }
  Request request;
  request.is_notification = !message.contains("id");
  request.id = message.value("id", json{});
  if (!is_id(request.id)) {
    return bad(ErrorCode::invalid_request,
               "id: must be a string of at most 256 bytes, a number or null");
  }
  const auto version = message.find("jsonrpc");
  if (version == message.end() || *version != "2.0") {
    return bad(ErrorCode::invalid_request, R"(jsonrpc: must be "2.0")", std::move(request.id));
  }
  const auto method = message.find("method");
  if (method == message.end() || !method->is_string()) {
    return bad(ErrorCode::invalid_request, "method: must be a string, as in \"status\"",
               std::move(request.id));
  }
  request.method = method->get<std::string>();
  if (const auto params = message.find("params"); params != message.end()) {
    if (!params->is_object()) {
      return bad(ErrorCode::invalid_params,
                 R"(params: must be an object, as in {"account":"main"}; leave it out for none)",
                 std::move(request.id));
    }
    request.params = std::move(*params);
  }
  return request;
}

std::string print_result(const json& id, const json& result) {
  return print({{"jsonrpc", "2.0"}, {"id", id}, {"result", result}});
}

std::string print_error(const json& id, const Error& error) {
  json body = {{"code", static_cast<int>(error.code)}, {"message", error.message}};
  if (!error.data.is_null()) body["data"] = error.data;
  return print({{"jsonrpc", "2.0"}, {"id", id}, {"error", std::move(body)}});
}

}  // namespace halcyon::daemon::json_rpc
