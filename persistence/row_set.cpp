#include "persistence/row_set.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>

#include "domain/check.h"

namespace halcyon::persistence {

namespace {

/// How many bytes at the front of `text` are one UTF-8 character (RFC 3629); 0: none.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  std::size_t length = 0;
  unsigned char lowest = 0x80;
  unsigned char highest = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) lowest = 0xA0;   // no overlong forms
    if (lead == 0xED) highest = 0x9F;  // no surrogates
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) lowest = 0x90;
    if (lead == 0xF4) highest = 0x8F;  // nothing above U+10FFFF
  } else {
    return 0;
  }
  if (text.size() < length || byte(1) < lowest || byte(1) > highest) return 0;
  for (std::size_t at = 2; at < length; ++at) {
    if (byte(at) < 0x80 || byte(at) > 0xBF) return 0;
  }
  return length;
}

char* two_digits(unsigned value, char* out) {
  *out++ = static_cast<char>('0' + value / 10);
  *out++ = static_cast<char>('0' + value % 10);
  return out;
}

}  // namespace

void append_valid(std::string_view text, std::string& out) {
  while (!text.empty()) {
    std::size_t valid = 0;
    while (valid < text.size()) {
      const std::size_t length = character_length(text.substr(valid));
      if (length == 0) break;
      valid += length;
    }
    out.append(text.substr(0, valid));
    if (valid == text.size()) return;
    out.append("\xEF\xBF\xBD");  // U+FFFD, the replacement character
    text.remove_prefix(valid + 1);
  }
}

char* print(domain::Timestamp time, char* out) {
  // By hand: the midnight before the earliest time does not fit 64 bits of nanoseconds.
  constexpr std::int64_t ns_per_day = 86'400'000'000'000;
  const std::int64_t ns = domain::to_unix_ns(time);
  const bool is_before = ns % ns_per_day < 0;
  const std::int64_t ns_of_day = ns % ns_per_day + (is_before ? ns_per_day : 0);
  const std::chrono::year_month_day date{
      std::chrono::sys_days{std::chrono::days{ns / ns_per_day - (is_before ? 1 : 0)}}};
  const auto micros = static_cast<std::uint64_t>(ns_of_day / 1000);
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));  // 1677 to 2262
  out = two_digits(year / 100, out);
  out = two_digits(year % 100, out);
  *out++ = '-';
  out = two_digits(static_cast<unsigned>(date.month()), out);
  *out++ = '-';
  out = two_digits(static_cast<unsigned>(date.day()), out);
  const auto seconds = static_cast<unsigned>(micros / 1'000'000);
  *out++ = ' ';
  out = two_digits(seconds / 3600, out);
  *out++ = ':';
  out = two_digits(seconds / 60 % 60, out);
  *out++ = ':';
  out = two_digits(seconds % 60, out);
  *out++ = '.';
  const auto fraction = static_cast<unsigned>(micros % 1'000'000);
  out = two_digits(fraction / 10'000, out);
  out = two_digits(fraction / 100 % 100, out);
  out = two_digits(fraction % 100, out);
  for (const char character : {'+', '0', '0'}) *out++ = character;
  return out;
}

void append_json(std::string_view text, std::string& out) {
  constexpr std::string_view digits = "0123456789abcdef";
  out.push_back('"');
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      out.push_back('\\');
      out.push_back(character);
    } else if (byte < 0x20) {
      out.append("\\u00");
      out.push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 15U]);
    } else {
      out.push_back(character);
    }
  }
  out.push_back('"');
}

std::string statement_of(const TableSpec& spec, std::string_view into) {
  std::string names;
  std::string values;
  std::string changes;
  for (std::size_t index = 0; index < spec.columns.size(); ++index) {
    const Column& column = spec.columns[index];
    const std::string parameter = "$" + std::to_string(index + 1);
    if (index > 0) {
      names += ", ";
      values += ", ";
    }
    names += column.name;
    values += parameter;
    if (index == 0 || column.is_kept) continue;
    if (!changes.empty()) changes += ", ";
    changes += column.name;
    changes += " = ";
    changes +=
        spec.action == RowAction::update ? parameter : "EXCLUDED." + std::string{column.name};
  }
  const std::string table = std::string{into} + std::string{spec.table};
  if (spec.action == RowAction::update) {
    return "UPDATE " + table + " SET " + changes + " WHERE id = $1";
  }
  return "INSERT INTO " + table + " (" + names + ") VALUES (" + values + ") ON CONFLICT (id) DO " +
         (changes.empty() ? std::string{"NOTHING"} : "UPDATE SET " + changes);
}

std::string column_names(const TableSpec& spec) {
  std::string names;
  for (const Column& column : spec.columns) {
    if (!names.empty()) names += ", ";
    names += column.name;
  }
  return names;
}

std::string copy_statement_of(const TableSpec& spec) {
  return copy_statement_of(spec, "halcyon." + std::string{spec.table});
}

std::string copy_statement_of(const TableSpec& spec, std::string_view into) {
  return "COPY " + std::string{into} + " (" + column_names(spec) + ") FROM STDIN";
}

void RowSet::start(Mark mark, const Uuid& id) {
  HALCYON_CHECK(bytes_.size() < UINT32_MAX / 2, "a batch is bounded far below 2 GB");
  const std::size_t first = fields_.size();
  if (spec_->action == RowAction::append) {
    rows_.push_back({mark, first});
  } else if (const auto [known, is_new] = newest_.try_emplace(id, rows_.size()); is_new) {
    rows_.push_back({mark, first});
  } else {
    rows_[known->second] = {mark, first};  // the older state's fields stay behind until `clear`
  }
  uuid(id);
}

void RowSet::null() { fields_.push_back(null_field); }

void RowSet::text(std::string_view value) {
  fields_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  append_valid(value, bytes_);
  bytes_.push_back('\0');
}

void RowSet::plain(std::string_view value) {
  fields_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  bytes_.append(value);
  bytes_.push_back('\0');
}

void RowSet::uuid(const Uuid& value) {
  char text[uuid_text];
  plain({text, print(value, text)});
}

void RowSet::number(std::uint64_t value) {
  char text[24];
  plain({text, std::to_chars(text, text + sizeof text, value).ptr});
}

void RowSet::number(std::int64_t value) {
  char text[24];
  plain({text, std::to_chars(text, text + sizeof text, value).ptr});
}

void RowSet::time(domain::Timestamp value) {
  char text[max_time_text];
  plain({text, print(value, text)});
}

void RowSet::time_or_null(domain::Timestamp value) {
  if (value == domain::Timestamp{} || value == domain::never) {
    null();
  } else {
    time(value);
  }
}

void RowSet::finish() {
  HALCYON_CHECK(fields_.size() % spec_->columns.size() == 0, "a row has a field for every column");
}

void RowSet::parameters(std::size_t row, std::vector<const char*>& out) const {
  out.clear();
  for (std::size_t column = 0; column < spec_->columns.size(); ++column) {
    const std::uint32_t start = fields_[rows_[row].first_field + column];
    out.push_back(start == null_field ? nullptr : bytes_.data() + start);
  }
}

void RowSet::copy_text(std::size_t first, std::size_t last, std::string& out) const {
  for (std::size_t row = first; row < last; ++row) {
    for (std::size_t column = 0; column < spec_->columns.size(); ++column) {
      if (column > 0) out.push_back('\t');
      const std::size_t index = rows_[row].first_field + column;
      if (fields_[index] == null_field) {
        out.append("\\N");
        continue;
      }
      std::string_view value = field(index);
      while (!value.empty()) {
        const std::size_t special = value.find_first_of("\\\t\n\r");
        out.append(value.substr(0, special));
        if (special == std::string_view::npos) break;
        out.push_back('\\');
        switch (value[special]) {
          case '\t':
            out.push_back('t');
            break;
          case '\n':
            out.push_back('n');
            break;
          case '\r':
            out.push_back('r');
            break;
          default:
            out.push_back('\\');
        }
        value.remove_prefix(special + 1);
      }
    }
    out.push_back('\n');
  }
}

std::string RowSet::json(std::size_t row) const {
  std::string out = "{";
  for (std::size_t column = 0; column < spec_->columns.size(); ++column) {
    if (column > 0) out += ", ";
    append_json(spec_->columns[column].name, out);
    out += ": ";
    const std::size_t index = rows_[row].first_field + column;
    if (fields_[index] == null_field) {
      out += "null";
    } else {
      append_json(field(index), out);
    }
  }
  return out + "}";
}

void RowSet::clear() {
  bytes_.clear();
  fields_.clear();
  rows_.clear();
  newest_.clear();
}

}  // namespace halcyon::persistence
