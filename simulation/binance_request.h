#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace halcyon::simulation {

/// The parameters of a request. A number keeps the text in which it came, because that is what is
/// signed.
class Params {
 public:
  void add(std::string name, std::string value) {
    all_.emplace_back(std::move(name), std::move(value));
  }
  /// Null when it was not sent.
  const std::string* find(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return all_; }

  /// What a WebSocket API request signs: all but `signature`, sorted by name, name=value joined by
  /// '&', not percent-encoded.
  std::string signed_payload() const;

 private:
  std::vector<std::pair<std::string, std::string>> all_;
};

/// A text frame of a client: {"id":..,"method":"..","params":{..} or [..]}.
struct Frame {
  std::string id = "null";  ///< as JSON, to be echoed byte for byte
  std::string method;
  Params params;                  ///< where they are an object
  std::vector<std::string> list;  ///< where they are an array: strings; other values as JSON
};
/// Empty when the text is not such a frame (not JSON, no method, an id that is no number, string or
/// null).
std::optional<Frame> parse_frame(std::string_view text);

/// name=value&.. with percent-encoding and '+', appended to `params`. False for a wrong encoding.
bool parse_query(std::string_view query, Params& params);

/// What a REST request signs: query and body as sent, one directly behind the other, without
/// `signature`.
std::string rest_payload(std::string_view query, std::string_view body);

}  // namespace halcyon::simulation
