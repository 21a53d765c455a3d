#include "config/written.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace halcyon::config {

std::string in_quotes(std::string_view text) {
  std::string result = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') result += '\\';
    if (static_cast<unsigned char>(character) < ' ') {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x",
                    static_cast<unsigned>(static_cast<unsigned char>(character)));
      result += escaped.data();
    } else {
      result += character;
    }
  }
  return result + '"';
}

std::string written(bool value) { return value ? "true" : "false"; }
std::string written(std::int64_t value) { return std::to_string(value); }
std::string written(const std::string& value) { return value.empty() ? value : in_quotes(value); }
std::string written(domain::Duration value) {
  return std::to_string(std::chrono::floor<std::chrono::milliseconds>(value).count());
}
std::string written(domain::Money value) {
  return value.is_zero() ? std::string{} : in_quotes(domain::to_string(value));
}
std::string written(Percent value) {
  return domain::to_string(
      domain::Money::from_raw(static_cast<domain::Int128>(value.parts()) *
                              (domain::decimal_scale / Percent::parts_per_percent)));
}
std::string written(domain::Timeframe value) {
  static constexpr std::string_view units = "smhdwM";
  return '"' + std::to_string(value.count) + units[static_cast<std::size_t>(value.unit)] + '"';
}
std::string written(DayStart value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "\"%02d:%02d UTC\"", (value.minutes / 60) % 24,
                value.minutes % 60);
  return text.data();
}

std::string written(const std::map<std::string, domain::Money>& values) {
  std::string text;
  for (const auto& [asset, amount] : values) {
    text += (text.empty() ? "" : ", ") + in_quotes(asset) + " = " +
            in_quotes(domain::to_string(amount));
  }
  return values.empty() ? text : "{ " + text + " }";
}

std::string written(const std::map<std::string, std::vector<Channel>>& values) {
  std::string text;
  for (const auto& [instrument, channels] : values) {
    text += (text.empty() ? "" : ", ") + in_quotes(instrument) + " = " + written(channels);
  }
  return values.empty() ? text : "{ " + text + " }";
}

std::string bounds(Unit unit, std::int64_t min, std::int64_t max) {
  const std::string range = std::to_string(min) + " to " + std::to_string(max);
  switch (unit) {
    case Unit::orders:
    case Unit::orders_per_second:
    case Unit::candles:
    case Unit::frames:
    case Unit::days:
    case Unit::bytes:
    case Unit::milliseconds:
    case Unit::percent:
    case Unit::leverage:
      return range;
    case Unit::money:
      return "an exact amount above " + std::to_string(min) + " and at most " +
             std::to_string(max) + ", as text (\"100.25\")";
    case Unit::name:
      return range + " letters, digits or '_'";
    case Unit::daemon_name:
      return range + " letters, digits, '_' or '-'";
    case Unit::words:
    case Unit::path:
    case Unit::secret_path:
    case Unit::secret:
      return "text of " + range + " characters";
    case Unit::url:
      return "an address such as wss://host:port/path";
    case Unit::address:
      return "host:port, such as \"127.0.0.1:9464\"";
    case Unit::time_zone:
      return "\"HH:MM UTC\"";
    case Unit::timeframe:
      return range + " and one of s, m, h, d, w, M, such as \"5m\"";
    case Unit::flag:
      return "true or false";
    case Unit::names:
    case Unit::instruments:
      return "a list of " + range;
    case Unit::balances:
      return "a table of " + range + " amounts, such as { USDT = \"10000\" }";
    case Unit::choice:
    case Unit::choices:
    case Unit::log_level:
    case Unit::strategy_type:
      return {};
  }
  return {};
}

std::string alternatives(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t index = 0; index < words.size(); ++index) {
    if (index > 0) text += index + 1 == words.size() ? " or " : ", ";
    text += words[index];
  }
  return text;
}

}  // namespace halcyon::config
