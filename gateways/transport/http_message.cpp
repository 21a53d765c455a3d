#include "gateways/transport/http_message.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include "gateways/transport/url.h"

namespace halcyon::gateways::transport {
namespace {

namespace http = boost::beast::http;

constexpr std::int64_t max_retry_after_s = 30 * 24 * 3600;

bool is_visible(char c) { return c > ' ' && c < 0x7f; }
/// RFC 9110 section 5.5: a field's value.
bool is_field_character(char c) { return c == '\t' || (c >= ' ' && c != 0x7f) || c < 0; }
/// RFC 9110 section 5.6.2.
bool is_token_character(char c) {
  return is_visible(c) && std::string_view{"\"(),/:;<=>?@[\\]{}"}.find(c) == std::string_view::npos;
}

template <class Predicate>
bool all(std::string_view text, Predicate predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string encode_request(std::string_view method, std::string_view target,
                           const Endpoint& endpoint, HttpHeaders headers, std::string_view body,
                           std::string& error) {
  if (method.empty() || !all(method, is_token_character)) {
    error = fmt::format("\"{}\" is no HTTP method", method);
    return {};
  }
  if (!target.starts_with('/') || !all(target, is_visible)) {
    error = fmt::format("\"{}\" is no path: it must begin with / and hold no space", target);
    return {};
  }
  const bool is_usual_port = endpoint.port == (endpoint.is_tls ? 443 : 80);
  std::string host = host_and_port(endpoint);
  if (is_usual_port) host.resize(host.rfind(':'));

  std::string text =
      fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: halcyon\r\n", method, target, host);
  for (const auto& [name, value] : headers) {
    if (name.empty() || !all(name, is_token_character) || !all(value, is_field_character)) {
      error = fmt::format("header \"{}\" holds a character that it must not", name);
      return {};
    }
    fmt::format_to(std::back_inserter(text), "{}: {}\r\n", name, value);
  }
  if (!body.empty() || method == "POST" || method == "PUT") {
    fmt::format_to(std::back_inserter(text), "Content-Length: {}\r\n", body.size());
  }
  text += "\r\n";
  text += body;
  return text;
}

struct HttpReader::Parser {
  http::response_parser<http::string_body> message;
  std::string bytes;         ///< not understood yet
  std::size_t consumed = 0;  ///< of `bytes`
  std::string error;
  bool has_started = false;
  bool has_failed = false;

  State fail(const boost::beast::error_code& why) {
    has_failed = true;
    if (why == http::error::body_limit) {
      error = "the body is larger than we take";
    } else if (why == http::error::header_limit) {
      error = "the header is larger than we take";
    } else if (why == http::error::partial_message || why == http::error::end_of_stream) {
      error = "cut before its end";
    } else {
      error = fmt::format("no understandable HTTP: {}", why.message());
    }
    return State::failed;
  }
};

HttpReader::HttpReader(std::size_t max_body, bool has_body) : parser_(std::make_unique<Parser>()) {
  parser_->message.eager(true);
  parser_->message.header_limit(static_cast<std::uint32_t>(max_header));
  parser_->message.body_limit(max_body);
  parser_->message.skip(!has_body);
}

HttpReader::~HttpReader() = default;

HttpReader::State HttpReader::put(std::string_view bytes) {
  Parser& parser = *parser_;
  if (parser.has_failed) return State::failed;
  parser.has_started = parser.has_started || !bytes.empty();
  parser.bytes.erase(0, parser.consumed);
  parser.consumed = 0;
  parser.bytes += bytes;
  while (!parser.message.is_done() && parser.consumed < parser.bytes.size()) {
    boost::beast::error_code why;
    const std::size_t taken =
        parser.message.put(boost::asio::buffer(parser.bytes.data() + parser.consumed,
                                               parser.bytes.size() - parser.consumed),
                           why);
    parser.consumed += taken;
    if (why == http::error::need_more || (!why && taken == 0)) break;
    if (why) return parser.fail(why);
  }
  return parser.message.is_done() ? State::done : State::more;
}

HttpReader::State HttpReader::end() {
  Parser& parser = *parser_;
  if (parser.has_failed) return State::failed;
  if (parser.message.is_done()) return State::done;
  boost::beast::error_code why;
  if (!parser.message.got_some()) {
    why = http::error::end_of_stream;
  } else {
    parser.message.put_eof(why);
  }
  if (why) return parser.fail(why);
  return State::done;
}

const std::string& HttpReader::error() const { return parser_->error; }
bool HttpReader::has_started() const { return parser_->has_started; }
bool HttpReader::has_header() const { return parser_->message.is_header_done(); }
int HttpReader::status() const { return static_cast<int>(parser_->message.get().result_int()); }
std::string_view HttpReader::header(std::string_view name) const {
  const auto value = parser_->message.get()[boost::beast::string_view{name.data(), name.size()}];
  return {value.data(), value.size()};
}
bool HttpReader::is_kept_alive() const { return parser_->message.keep_alive(); }
const std::string& HttpReader::body() const { return parser_->message.get().body(); }
std::string HttpReader::take_body() { return std::move(parser_->message.get().body()); }
std::string_view HttpReader::rest() const {
  return std::string_view{parser_->bytes}.substr(parser_->consumed);
}

void take_head(const HttpReader& response, std::string_view number_header, RestAnswer& answer) {
  answer.status = response.status();
  answer.retry_after = retry_after(response.header("Retry-After"));
  if (number_header.empty()) return;
  const std::string_view text = response.header(number_header);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && !text.empty() && end == text.data() + text.size()) {
    answer.numbers.emplace_back(number_header, number);
  }
}

bool equals_ignoring_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return to_lower(a) == to_lower(b); });
}

bool has_token(std::string_view value, std::string_view token) {
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    if (equals_ignoring_case(trim(value.substr(0, comma)), token)) return true;
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return false;
}

domain::Duration retry_after(std::string_view value) {
  std::int64_t seconds = 0;
  value = trim(value);
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (end != value.data() + value.size() || value.empty()) return {};
  if (failure == std::errc::result_out_of_range) seconds = max_retry_after_s;
  return std::chrono::seconds{std::clamp<std::int64_t>(seconds, 0, max_retry_after_s)};
}

}  // namespace halcyon::gateways::transport
