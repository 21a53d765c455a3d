#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include <nlohmann/json.hpp>

namespace halcyon::daemon::json_rpc {

// JSON-RPC 2.0 (jsonrpc.org/specification, 2013-01-04), one message a line. Pure functions between
// text and values. Batches are refused with words: a line has one question and one answer.

/// The longest request line, without its newline.
inline constexpr std::size_t max_line = 1U << 20;

/// The standard's codes, and ours from -32000 downwards.
enum class ErrorCode : int {
  parse_error = -32700,
  invalid_request = -32600,
  method_not_found = -32601,
  invalid_params = -32602,
  internal_error = -32603,
  refused = -32000,        ///< the engine said no; `data.reason` has the word
  not_permitted = -32001,  ///< the caller's role does not reach
  not_answered = -32002,   ///< accepted into the queue, but no answer came in time
  not_taken = -32003,      ///< the queue to the engine is full; nothing happened
  too_many_clients = -32004,
};

struct Error {
  ErrorCode code = ErrorCode::internal_error;
  std::string message;
  nlohmann::json data;  ///< null: none
};

struct Request {
  std::string method;
  nlohmann::json params = nlohmann::json::object();  ///< always an object
  nlohmann::json id;                                 ///< a string, a number or null
  bool is_notification = false;                      ///< no id: wants no answer, errors included
};

/// A request that could not be read, with the id to answer under.
struct BadRequest {
  Error error;
  nlohmann::json id;
};

/// Reads one line. Never throws; any bytes are allowed.
std::variant<Request, BadRequest> parse(std::string_view line);

/// One line with its newline. Bytes that are not UTF-8 (a venue's words, cut) become U+FFFD.
std::string print_result(const nlohmann::json& id, const nlohmann::json& result);
std::string print_error(const nlohmann::json& id, const Error& error);

}  // namespace halcyon::daemon::json_rpc
