#include "daemon/table.h"

#include <algorithm>
#include <cstddef>

#include <nlohmann/json.hpp>

namespace halcyon::daemon {

namespace {

using nlohmann::json;

struct Cell {
  std::string text;
  bool is_number = false;
};

bool looks_like_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

/// Characters, not bytes: what a terminal advances by, for the texts that occur here.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

Cell cell_of(const json& value) {
  if (value.is_null()) return {"-", false};
  if (value.is_string()) {
    std::string text = printable(value.get<std::string>());
    const bool is_number = looks_like_number(text);
    return {std::move(text), is_number};
  }
  if (value.is_boolean()) return {value.get<bool>() ? "yes" : "no", false};
  if (value.is_array() && std::none_of(value.begin(), value.end(),
                                       [](const json& item) { return item.is_structured(); })) {
    std::string text;
    for (const json& item : value) {
      if (!text.empty()) text += ", ";
      text += cell_of(item).text;
    }
    return {text.empty() ? "-" : text, false};
  }
  return {value.dump(-1, ' ', false, json::error_handler_t::replace), value.is_number()};
}

bool is_table(const json& value) {
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [](const json& row) { return row.is_object(); });
}

void print_lines(const json& object, const std::string& indent, std::string& text) {
  std::size_t widest = 0;
  for (const auto& [key, value] : object.items()) {
    if (!is_table(value) && !value.is_object()) widest = std::max(widest, width(key));
  }
  for (const auto& [key, value] : object.items()) {
    if (is_table(value) || value.is_object()) continue;
    text += indent + printable(key) + std::string(widest - width(key) + 2, ' ') +
            cell_of(value).text + '\n';
  }
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) {
      text += indent + printable(key) + ":\n";
      print_lines(value, indent + "  ", text);
    } else if (is_table(value)) {
      text += '\n' + indent + printable(key) + ":\n" + print_table(value, {});
    }
  }
}

}  // namespace

std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  // U+0080 to U+009F are control characters too: C2 80 to C2 9F in UTF-8.
  for (std::size_t at = 0; at + 1 < text.size(); ++at) {
    const auto next = static_cast<unsigned char>(text[at + 1]);
    if (static_cast<unsigned char>(text[at]) == 0xc2 && next < 0xa0) text.replace(at, 2, "?");
  }
  return text;
}

std::string print_table(const json& rows, const std::vector<std::string_view>& columns) {
  if (!rows.is_array() || rows.empty()) return "(none)\n";
  std::vector<std::string> names;
  const auto known = [&](std::string_view name) {
    return std::any_of(rows.begin(), rows.end(), [&](const json& row) {
      return row.is_object() && row.contains(std::string{name});
    });
  };
  for (const std::string_view name : columns) {
    if (known(name)) names.emplace_back(name);
  }
  if (columns.empty()) {
    for (const json& row : rows) {
      for (const auto& [key, value] : row.items()) {
        if (std::find(names.begin(), names.end(), key) == names.end()) names.push_back(key);
      }
    }
    const auto is_word = [&](const std::string& name) {
      return std::all_of(rows.begin(), rows.end(), [&](const json& row) {
        const auto value = row.find(name);
        return value == row.end() || !cell_of(*value).is_number;
      });
    };
    std::stable_partition(names.begin(), names.end(), is_word);
  }
  std::vector<std::vector<Cell>> cells;
  std::vector<std::size_t> widths;
  widths.reserve(names.size());
  for (const std::string& name : names) widths.push_back(width(name));
  for (const json& row : rows) {
    auto& line = cells.emplace_back();
    for (std::size_t column = 0; column < names.size(); ++column) {
      const auto value = row.find(names[column]);
      line.push_back(value == row.end() ? Cell{"-", false} : cell_of(*value));
      widths[column] = std::max(widths[column], width(line.back().text));
    }
  }
  std::string text;
  const auto pad = [&](const Cell& cell, std::size_t column) {
    if (column > 0) text += "  ";
    const std::string blanks(widths[column] - width(cell.text), ' ');
    text += cell.is_number ? blanks + cell.text : cell.text + blanks;
  };
  const auto end_line = [&] {
    while (text.ends_with(' ')) text.pop_back();
    text += '\n';
  };
  for (std::size_t column = 0; column < names.size(); ++column) {
    // A heading stands over its column: right where every value is a number.
    const bool is_number = std::all_of(cells.begin(), cells.end(), [&](const auto& line) {
      return line[column].is_number || line[column].text == "-";
    });
    pad({names[column], is_number}, column);
    for (auto& line : cells) line[column].is_number = is_number;
  }
  end_line();
  for (const auto& line : cells) {
    for (std::size_t column = 0; column < names.size(); ++column) pad(line[column], column);
    end_line();
  }
  return text;
}

std::string print_object(const json& object) {
  std::string text;
  print_lines(object, "", text);
  return text;
}

}  // namespace halcyon::daemon
