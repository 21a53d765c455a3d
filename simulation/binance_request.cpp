#include "simulation/binance_request.h"

#include <algorithm>

#include <boost/json.hpp>

namespace halcyon::simulation {

namespace json = boost::json;

namespace {

constexpr std::string_view blanks = " \t\r\n";

/// Walks text that is known to be valid JSON, and gives the values' own spelling.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {}

  void expect(char) { skip_blanks(), ++at_; }
  bool next_is(char letter) {
    skip_blanks();
    return at_ < text_.size() && text_[at_] == letter;
  }
  std::string_view value() {
    skip_blanks();
    const auto start = at_;
    int depth = 0;
    do {
      const char letter = text_[at_];
      if (letter == '"') {
        string();
      } else if (letter == '{' || letter == '[') {
        ++depth;
        ++at_;
      } else if (letter == '}' || letter == ']') {
        --depth;
        ++at_;
      } else if (depth == 0) {
        while (at_ < text_.size() &&
               std::string_view{",]} \t\r\n"}.find(text_[at_]) == std::string_view::npos) {
          ++at_;
        }
      } else {
        ++at_;
      }
    } while (depth > 0);
    return text_.substr(start, at_ - start);
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && blanks.find(text_[at_]) != std::string_view::npos) ++at_;
  }
  void string() {
    for (++at_; text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// A string without its quotes; anything else as it is spelled.
std::string plain(std::string_view value) {
  if (value.empty() || value.front() != '"') return std::string{value};
  if (value.find('\\') == std::string_view::npos) {
    return std::string{value.substr(1, value.size() - 2)};
  }
  const auto decoded = json::parse({value.data(), value.size()});
  return std::string{decoded.get_string()};
}

template <class Each>
void each_member(std::string_view object, Each each) {
  Walker walker{object};
  walker.expect('{');
  while (!walker.next_is('}')) {
    const auto name = plain(walker.value());
    walker.expect(':');
    each(name, walker.value());
    if (walker.next_is(',')) walker.expect(',');
  }
}

bool valid_id(std::string_view id) {
  if (id == "null") return true;
  if (id.front() == '"') return id.size() <= 38;
  return id.find_first_not_of("-0123456789") == std::string_view::npos;
}

}  // namespace

const std::string* Params::find(std::string_view name) const {
  const auto found =
      std::find_if(all_.begin(), all_.end(), [&](const auto& each) { return each.first == name; });
  return found == all_.end() ? nullptr : &found->second;
}

std::string Params::signed_payload() const {
  auto sorted = all_;
  std::sort(sorted.begin(), sorted.end());
  std::string payload;
  for (const auto& [name, value] : sorted) {
    if (name == "signature") continue;
    if (!payload.empty()) payload += '&';
    payload += name;
    payload += '=';
    payload += value;
  }
  return payload;
}

std::optional<Frame> parse_frame(std::string_view text) {
  boost::system::error_code failed;
  const auto document = json::parse({text.data(), text.size()}, failed);
  if (failed || !document.is_object()) return std::nullopt;
  Frame frame;
  bool good = true;
  bool named = false;
  each_member(text, [&](const std::string& name, std::string_view value) {
    if (name == "id") {
      good = good && valid_id(value);
      frame.id = value;
    } else if (name == "method") {
      good = good && value.front() == '"';
      frame.method = plain(value);
      named = true;
    } else if (name == "params") {
      if (value.front() == '{') {
        each_member(value, [&](const std::string& param, std::string_view of) {
          frame.params.add(param, plain(of));
        });
      } else if (value.front() == '[') {
        Walker walker{value};
        walker.expect('[');
        while (!walker.next_is(']')) {
          frame.list.push_back(plain(walker.value()));
          if (walker.next_is(',')) walker.expect(',');
        }
      } else {
        good = good && value == "null";
      }
    }
  });
  if (!good || !named) return std::nullopt;
  return frame;
}

bool parse_query(std::string_view query, Params& params) {
  const auto digit = [](char letter) {
    if (letter >= '0' && letter <= '9') return letter - '0';
    if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
    if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
    return -1;
  };
  const auto decode = [&](std::string_view text, std::string& out) {
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '+') {
        out += ' ';
      } else if (text[at] != '%') {
        out += text[at];
      } else {
        if (at + 2 >= text.size()) return false;
        const int high = digit(text[at + 1]);
        const int low = digit(text[at + 2]);
        if (high < 0 || low < 0) return false;
        out += static_cast<char>(high * 16 + low);
        at += 2;
      }
    }
    return true;
  };
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    std::string name;
    std::string value;
    if (!decode(pair.substr(0, equals), name)) return false;
    if (equals != std::string_view::npos && !decode(pair.substr(equals + 1), value)) return false;
    // The query wins over the body when both name a parameter.
    if (params.find(name) == nullptr) params.add(std::move(name), std::move(value));
  }
  return true;
}

std::string rest_payload(std::string_view query, std::string_view body) {
  const auto without_signature = [](std::string_view text) {
    std::string kept;
    bool first = true;
    while (!text.empty()) {
      const auto end = text.find('&');
      const auto pair = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      if (pair.starts_with("signature=")) continue;
      if (!first) kept += '&';
      first = false;
      kept += pair;
    }
    return kept;
  };
  return without_signature(query) + without_signature(body);
}

}  // namespace halcyon::simulation
