#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace halcyon::domain {

/// Enumerators are spelled as in SQL, TOML, JSON and metrics, so their names are never written a
/// second time: they are read from the compiler. For enums that count from 0 without holes, at most
/// `max_enumerators` of them.
inline constexpr std::size_t max_enumerators = 128;

namespace detail {

template <auto value>
constexpr std::string_view raw_enumerator() {
  // g++:   "... [with auto value = halcyon::domain::Side::buy; std::string_view = ...]"
  // clang: "... [value = halcyon::domain::Side::buy]"
  constexpr std::string_view text = __PRETTY_FUNCTION__;
  constexpr std::size_t start = text.find("value = ") + 8;
  constexpr std::size_t stop = text.find_first_of(";]", start);
  constexpr std::string_view qualified = text.substr(start, stop - start);
  if constexpr (qualified.find('(') != std::string_view::npos) {
    return {};  // a number cast to the enum: no such enumerator
  } else {
    constexpr std::size_t colon = qualified.rfind(':');
    return colon == std::string_view::npos ? std::string_view{} : qualified.substr(colon + 1);
  }
}

template <class Enum, std::size_t... index>
constexpr auto enumerator_names(std::index_sequence<index...>) {
  return std::array{raw_enumerator<static_cast<Enum>(index)>()...};
}

template <class Enum>
inline constexpr auto names = enumerator_names<Enum>(std::make_index_sequence<max_enumerators>{});

}  // namespace detail

/// How many enumerators `Enum` has.
template <class Enum>
constexpr std::size_t enum_count() {
  std::size_t count = 0;
  while (count < max_enumerators && !detail::names<Enum>[count].empty()) ++count;
  return count;
}

/// The enumerator's own spelling; "?" for a number that is none.
template <class Enum>
requires std::is_enum_v<Enum>
constexpr std::string_view enum_name(Enum value) {
  const auto index = static_cast<std::size_t>(value);
  return index < enum_count<Enum>() ? detail::names<Enum>[index] : std::string_view{"?"};
}

/// The enumerator with that spelling; empty when there is none.
template <class Enum>
requires std::is_enum_v<Enum>
constexpr std::optional<Enum> enum_parse(std::string_view text) {
  for (std::size_t index = 0; index < enum_count<Enum>(); ++index) {
    if (detail::names<Enum>[index] == text) return static_cast<Enum>(index);
  }
  return std::nullopt;
}

}  // namespace halcyon::domain
