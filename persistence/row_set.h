#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "domain/decimal.h"
#include "domain/time.h"
#include "persistence/row_uuid.h"

namespace halcyon::persistence {

/// How a table takes its rows. The first column is the key `id` in all of them.
enum class RowAction : std::uint8_t {
  append,  ///< by COPY; a row is written once and never changed
  upsert,  ///< the last state per key
  update,  ///< some columns of a row that exists; none there is a refusal
};

struct Column {
  std::string_view name;
  bool is_kept = false;  ///< written with the row's first state, not changed by a later one
};

struct TableSpec {
  std::string_view table;      ///< in the schema halcyon
  std::string_view statement;  ///< name of the prepared statement; empty where there is none
  RowAction action = RowAction::append;
  std::span<const Column> columns;
};

/// The statement of an upsert or update, with parameters in the order of the columns.
/// `into`: what stands before the table's name.
std::string statement_of(const TableSpec& spec, std::string_view into = "halcyon.");
/// "COPY halcyon.fills (id, ...) FROM STDIN"; or into another table of the same columns.
std::string copy_statement_of(const TableSpec& spec);
std::string copy_statement_of(const TableSpec& spec, std::string_view into);
/// "id, time, ...".
std::string column_names(const TableSpec& spec);

/// Appends `text` as PostgreSQL can hold it: NUL and bytes that are not UTF-8 become U+FFFD.
void append_valid(std::string_view text, std::string& out);

/// "2024-08-08 12:34:56.789012+00", cut to microseconds.
inline constexpr std::size_t max_time_text = 40;
char* print(domain::Timestamp time, char* out);

/// Rows of one table on their way to PostgreSQL, as text. Fill a row column by column between
/// `start` and `finish`. Tables with a last state per key keep the newest row of each key only.
class RowSet {
 public:
  explicit RowSet(const TableSpec& spec) : spec_(&spec) {}

  struct Mark {
    std::uint64_t sequence = 0;
    std::uint32_t ordinal = 0;
  };

  void start(Mark mark, const Uuid& id);
  void null();
  void text(std::string_view value);
  /// Nothing to say is NULL.
  void text_or_null(std::string_view value) { value.empty() ? null() : text(value); }
  void uuid(const Uuid& value);
  void uuid_or_null(const std::optional<Uuid>& value) { value ? uuid(*value) : null(); }
  void number(std::uint64_t value);
  void number(std::int64_t value);
  void boolean(bool value) { plain(value ? "t" : "f"); }
  void time(domain::Timestamp value);
  /// The epoch and `never` say that there is none.
  void time_or_null(domain::Timestamp value);
  /// Text that needs no cleaning: an enumerator, a number.
  void plain(std::string_view value);
  template <class Kind>
  void amount(domain::Decimal<Kind> value) {
    char text[domain::max_decimal_text];
    plain({text, domain::print(value, text)});
  }
  void finish();

  const TableSpec& spec() const { return *spec_; }
  std::size_t size() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }
  std::size_t bytes() const { return bytes_.size(); }
  const Mark& mark(std::size_t row) const { return rows_[row].mark; }

  /// The fields of a row for a statement's parameters: nullptr is NULL. Valid until a change.
  void parameters(std::size_t row, std::vector<const char*>& out) const;
  /// Rows `first` to before `last` in COPY's text format, appended.
  void copy_text(std::size_t first, std::size_t last, std::string& out) const;
  /// A row as a JSON object with its columns' names, values as text.
  std::string json(std::size_t row) const;

  void clear();

 private:
  static constexpr std::uint32_t null_field = UINT32_MAX;
  struct Row {
    Mark mark;
    std::size_t first_field = 0;
  };
  std::string_view field(std::size_t index) const { return {bytes_.data() + fields_[index]}; }

  const TableSpec* spec_;
  std::string bytes_;                  // fields, each ended by a NUL
  std::vector<std::uint32_t> fields_;  // where each begins in `bytes_`
  std::vector<Row> rows_;
  std::unordered_map<Uuid, std::size_t> newest_;  // not of appended rows
};

/// Appends `text`, which is valid UTF-8, as a JSON string with its quotes.
void append_json(std::string_view text, std::string& out);

}  // namespace halcyon::persistence
