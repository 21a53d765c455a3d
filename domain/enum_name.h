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

/// So many names are read from one spelling: an instantiation for each enumerator would make a
/// file that prints a dozen enums take seconds to compile.
inline constexpr std::size_t block_size = 16;

template <auto... values>
constexpr std::string_view spelling() {
  // g++:   "... [with auto ...values = {halcyon::domain::Side::buy, (halcyon::domain::Side)2};
  // ...]" clang: "... [values = <halcyon::domain::Side::buy, (halcyon::domain::Side)2>]"
  return __PRETTY_FUNCTION__;
}

struct Block {
  std::array<std::string_view, block_size> names{};
  std::size_t count = 0;  ///< up to the first number that is no enumerator
};

constexpr Block read_block(std::string_view text) {
  Block block;
  text.remove_prefix(text.find("values = ") + 10);
  text = text.substr(0, text.find_first_of(";]") - 1);
  while (block.count < block_size) {
    const std::size_t comma = text.find(',');
    std::string_view name = text.substr(0, comma);
    name.remove_prefix(name.rfind(':') + 1);              // npos + 1 is 0
    if (name.find(')') != std::string_view::npos) break;  // a number cast to the enum
    block.names[block.count++] = name;
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 2);
  }
  return block;
}

template <class Enum, std::size_t first, std::size_t... index>
constexpr Block block_from(std::index_sequence<index...>) {
  return read_block(spelling<static_cast<Enum>(first + index)...>());
}

template <class Enum, std::size_t first>
inline constexpr Block block = block_from<Enum, first>(std::make_index_sequence<block_size>{});

template <class Enum, std::size_t first = 0>
constexpr std::size_t count_from() {
  if constexpr (first >= max_enumerators) {
    return 0;
  } else if constexpr (block<Enum, first>.count < block_size) {
    return block<Enum, first>.count;
  } else {
    return block_size + count_from<Enum, first + block_size>();
  }
}

template <class Enum>
inline constexpr std::size_t count = count_from<Enum>();

template <class Enum, std::size_t... number>
constexpr auto names_of(std::index_sequence<number...>) {
  std::array<std::string_view, count<Enum>> all{};
  const auto take = [&](std::size_t first, const Block& read) {
    for (std::size_t index = 0; index < read.count; ++index) all[first + index] = read.names[index];
  };
  (take(number * block_size, block<Enum, number * block_size>), ...);
  return all;
}

template <class Enum>
inline constexpr auto names =
    names_of<Enum>(std::make_index_sequence<(count<Enum> + block_size - 1) / block_size>{});

}  // namespace detail

/// How many enumerators `Enum` has.
template <class Enum>
constexpr std::size_t enum_count() {
  return detail::count<Enum>;
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
