#include "daemon/http_request.h"

#include <algorithm>

namespace halcyon::daemon {

namespace {

HttpParse refuse(int status, std::string_view why) { return {0, status, why, {}}; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           marks.find(c) != std::string_view::npos;
  });
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equals(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return lower(a) == b; });
}

std::string_view trim(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Takes the next line off `text`, which ends lines with CRLF only.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find("\r\n");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 2);
  return line;
}

/// Origin form, or absolute form of http (RFC 9112 section 3.2). Empty: neither.
std::string path_of(std::string_view target) {
  if (target.size() > 7 && equals(target.substr(0, 7), "http://")) {
    target.remove_prefix(7);
    const std::size_t slash = target.find_first_of("/?");
    if (slash == 0) return {};
    if (slash == std::string_view::npos || target[slash] == '?') return "/";
    target.remove_prefix(slash);
  }
  if (!target.starts_with('/')) return {};
  const auto is_plain = [](char c) { return c > 0x20 && c < 0x7f; };
  if (!std::all_of(target.begin(), target.end(), is_plain)) return {};
  return std::string{target.substr(0, target.find('?'))};
}

}  // namespace

HttpParse parse_http(std::string_view text) {
  // One empty line before a request is forgiven (RFC 9112 section 2.2).
  const std::size_t skipped = text.starts_with("\r\n") ? 2 : 0;
  text.remove_prefix(skipped);
  const std::size_t end = text.find("\r\n\r\n");
  const std::string_view seen = text.substr(0, end);
  for (std::size_t at = 0; at < seen.size(); ++at) {
    // A line end that another reader might see, and we not, is how requests are smuggled.
    const bool is_lone_lf = seen[at] == '\n' && (at == 0 || seen[at - 1] != '\r');
    const bool is_lone_cr = seen[at] == '\r' && at + 1 < seen.size() && seen[at + 1] != '\n';
    if (is_lone_lf || is_lone_cr) return refuse(400, "lines must end with CR LF");
  }
  if (seen.size() > max_http_head) return refuse(431, "the headers are longer than 8192 bytes");
  if (end == std::string_view::npos) return {};

  HttpParse parse;
  parse.used = skipped + end + 4;
  std::string_view rest = text.substr(0, end + 2);
  const std::string_view first = take_line(rest);
  const std::size_t method_end = first.find(' ');
  const std::size_t target_end =
      method_end == std::string_view::npos ? method_end : first.find(' ', method_end + 1);
  if (target_end == std::string_view::npos || !is_token(first.substr(0, method_end))) {
    return refuse(400, "the request line must read METHOD TARGET VERSION");
  }
  const std::string_view version = first.substr(target_end + 1);
  if (version.size() != 8 || !version.starts_with("HTTP/") || !is_digit(version[5]) ||
      version[6] != '.' || !is_digit(version[7])) {
    return refuse(400, "the request line must end with HTTP/1.1");
  }
  if (version[5] != '1') return refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  const bool is_1_0 = version[7] == '0';
  parse.request.method = first.substr(0, method_end);
  parse.request.path = path_of(first.substr(method_end + 1, target_end - method_end - 1));
  if (parse.request.path.empty()) return refuse(400, "the target must be a path");

  std::size_t headers = 0;
  std::size_t hosts = 0;
  bool wants_close = false;
  bool wants_keep_alive = false;
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    if (++headers > max_http_headers) return refuse(431, "more than 64 headers");
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
      return refuse(400, "a header must read NAME: VALUE");
    }
    const std::string_view name = line.substr(0, colon);
    std::string_view value = trim(line.substr(colon + 1));
    const auto is_control = [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    };
    if (std::any_of(value.begin(), value.end(), is_control)) {
      return refuse(400, "a header has control characters");
    }
    if (equals(name, "host")) {
      ++hosts;
    } else if (equals(name, "transfer-encoding")) {
      return refuse(400, "a body is not taken here");
    } else if (equals(name, "content-length")) {
      if (value.empty() || !std::all_of(value.begin(), value.end(), is_digit)) {
        return refuse(400, "Content-Length must be a number");
      }
      if (value.find_first_not_of('0') != std::string_view::npos) {
        return refuse(413, "a body is not taken here");
      }
    } else if (equals(name, "connection")) {
      while (!value.empty()) {
        const std::size_t comma = value.find(',');
        const std::string_view option = trim(value.substr(0, comma));
        wants_close = wants_close || equals(option, "close");
        wants_keep_alive = wants_keep_alive || equals(option, "keep-alive");
        value = comma == std::string_view::npos ? std::string_view{} : value.substr(comma + 1);
      }
    }
  }
  if (hosts > 1 || (hosts == 0 && !is_1_0)) return refuse(400, "there must be one Host header");
  parse.request.keep_alive = !wants_close && (!is_1_0 || wants_keep_alive);
  return parse;
}

}  // namespace halcyon::daemon
