#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "config/config.h"
#include "config/field.h"
#include "domain/enum_name.h"

namespace halcyon::config {

// Values as the file writes them, for the example and for errors that name a default. Empty: not
// set.

std::string in_quotes(std::string_view text);
std::string written(bool value);
std::string written(std::int64_t value);
std::string written(const std::string& value);
std::string written(domain::Duration value);  ///< in milliseconds
std::string written(domain::Money value);
std::string written(Percent value);
std::string written(domain::Timeframe value);
std::string written(DayStart value);

inline std::string written(std::int32_t value) { return written(std::int64_t{value}); }
inline std::string written(std::uint64_t value) {
  return written(static_cast<std::int64_t>(value));
}

template <class Enum>
requires std::is_enum_v<Enum> std::string written(Enum value) {
  return in_quotes(domain::enum_name(value));
}

inline std::string written_item(const std::string& value) { return in_quotes(value); }
inline std::string written_item(Channel value) { return written(value); }

template <class Item>
std::string written(const std::vector<Item>& values) {
  std::string text;
  for (const Item& value : values) text += (text.empty() ? "" : ", ") + written_item(value);
  return values.empty() ? text : '[' + text + ']';
}

std::string written(const std::map<std::string, domain::Money>& values);
std::string written(const std::map<std::string, std::vector<Channel>>& values);

template <class Value>
std::string written(const std::optional<Value>& value) {
  return value ? written(*value) : std::string{};
}

/// "1 to 10000", "1 to 64 characters", "\"shared\" or \"dedicated\"": what a setting may be.
/// Empty where there is nothing to say beyond its meaning.
std::string bounds(Unit unit, std::int64_t min, std::int64_t max);

/// "a", "b" or "c".
std::string alternatives(const std::vector<std::string>& words);

/// The same of an enumeration's words.
template <class Enum>
std::string alternatives() {
  std::vector<std::string> words;
  for (std::size_t index = 0; index < domain::enum_count<Enum>(); ++index) {
    words.push_back(in_quotes(domain::enum_name(static_cast<Enum>(index))));
  }
  return alternatives(words);
}

/// An enumeration behind a member, or void.
template <class Member>
struct ChoiceOf {
  using Type = std::conditional_t<std::is_enum_v<Member>, Member, void>;
};
template <>
struct ChoiceOf<std::vector<Channel>> {
  using Type = Channel;
};
template <>
struct ChoiceOf<std::map<std::string, std::vector<Channel>>> {
  using Type = Channel;
};

/// What a field may be, in words.
template <class Table, class Member>
std::string may_be(const Field<Table, Member>& field) {
  if (field.unit == Unit::log_level) return alternatives<LogLevel>();
  if (field.unit == Unit::strategy_type) return alternatives<StrategyType>();
  using Choice = typename ChoiceOf<Member>::Type;
  if constexpr (!std::is_void_v<Choice>) {
    return alternatives<Choice>();
  } else {
    return bounds(field.unit, field.min, field.max);
  }
}

}  // namespace halcyon::config
