#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace halcyon::daemon {

/// Tables for people. Numbers stand right, words left; control characters of outside texts are
/// shown as '?', so that no venue can paint on an operator's terminal.

/// The text with control characters as '?'.
std::string printable(std::string text);

/// Rows of objects as an aligned table of these columns; those that no row has are left out. Empty
/// `columns`: every key of the rows, words before numbers. "(none)" when there is no row.
std::string print_table(const nlohmann::json& rows, const std::vector<std::string_view>& columns);

/// An object as "key  value" lines; lists of objects in it become tables below, objects in it
/// become indented lines.
std::string print_object(const nlohmann::json& object);

}  // namespace halcyon::daemon
