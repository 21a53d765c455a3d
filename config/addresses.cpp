#include "config/addresses.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace halcyon::config {

namespace {

bool is_digit(char character) { return character >= '0' && character <= '9'; }
bool is_letter(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

/// A number of `text`, all of it, at most `most`; -1 when it is none.
int number(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = !text.empty() && is_digit(text.front()) && end == text.data() + text.size();
  return error == std::errc{} && whole && value <= most ? value : -1;
}

}  // namespace

std::string_view parse_url(std::string_view text, Url& url) {
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return "must be an address such as wss://host:port/path";
  url.scheme = text.substr(0, colon);
  text.remove_prefix(colon + 3);
  if (std::any_of(text.begin(), text.end(), [](char character) {
        return character <= ' ' || character > '~' || character == '"' || character == '\\';
      })) {
    return "must have no blanks, quotes or characters beyond ASCII";
  }
  if (text.find_first_of("?#@") != std::string_view::npos) {
    return "must have no query, fragment or user; leave out what follows the path";
  }
  const std::size_t slash = text.find('/');
  std::string_view authority = text.substr(0, slash);
  url.path = slash == std::string_view::npos ? std::string_view{} : text.substr(slash);
  std::size_t port = std::string_view::npos;
  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return "must close the bracket around its IPv6 host";
    url.host = authority.substr(1, bracket - 1);
    if (url.host.empty() ||
        url.host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) {
      return "must have an IPv6 address between its brackets";
    }
    authority.remove_prefix(bracket + 1);
    if (!authority.empty() && authority.front() != ':') return "must have ':' and a port after ']'";
    port = authority.empty() ? port : 0;
  } else {
    port = authority.find(':');
    url.host = authority.substr(0, port);
    const auto fits = [](char character) {
      return is_letter(character) || is_digit(character) || character == '.' || character == '-';
    };
    if (url.host.empty() || !std::all_of(url.host.begin(), url.host.end(), fits)) {
      return "must have a host of letters, digits, '-' and '.'";
    }
  }
  if (port != std::string_view::npos) {
    url.port = authority.substr(port + 1);
    if (number(url.port, 65'535) < 1) return "must have a port from 1 to 65535 after the ':'";
  }
  return {};
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  // Four numbers, the first 127: "127.example.com" is somebody else's.
  int parts = 0;
  int first = -1;
  while (true) {
    const std::size_t dot = host.find('.');
    const std::string_view digits = host.substr(0, dot);
    const int part = number(digits, 255);
    // Some resolvers read a leading zero as octal.
    if (part < 0 || (digits.size() > 1 && digits.front() == '0')) return false;
    if (parts++ == 0) first = part;
    if (dot == std::string_view::npos) break;
    host.remove_prefix(dot + 1);
  }
  return parts == 4 && first == 127;
}

}  // namespace halcyon::config
