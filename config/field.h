#pragma once

#include <cstdint>
#include <string_view>

namespace halcyon::config {

/// What a setting counts or is. Decides what the reader takes, which words an error uses, and what
/// `min` and `max` of its field bound.
enum class Unit : std::uint8_t {
  // Numbers; bounded by value.
  orders,
  orders_per_second,
  candles,
  days,
  frames,  ///< of the journal
  bytes,
  milliseconds,
  percent,
  leverage,  ///< a multiple of what is owned
  /// An exact decimal as text; above `min` and at most `max` whole units.
  money,
  // Text; bounded by its length.
  name,         ///< letters, digits, '_'
  daemon_name,  ///< and '-'
  words,        ///< any printable text
  path,
  secret_path,  ///< of a file that holds a secret; never the secret itself
  secret,       ///< may hold a secret, so it is never repeated in an error
  url,
  address,    ///< host:port
  time_zone,  ///< "HH:MM UTC"
  timeframe,  ///< <n>s|m|h|d|w|M
  choice,     ///< one of an enumeration's words
  log_level,
  strategy_type,
  flag,  ///< true or false
  // Lists; bounded by their length.
  names,
  instruments,
  choices,
  balances,  ///< { ASSET = "amount" }
};

enum class Need : std::uint8_t { optional, required };

/// One setting: where it goes, what it may be, and what it means. The default is the member's
/// initialiser. The reader, --check-config and halcyon.example.toml are all made from the tables
/// of these in fields.h.
template <class Table, class Member>
struct Field {
  std::string_view key;
  Member Table::*member;
  Unit unit;
  std::int64_t min, max;
  std::string_view text;
  /// What the example writes, as TOML, where the default is not what a reader would want to see.
  std::string_view sample = {};
  Need need = Need::optional;
};
template <class Table, class Member, class... Rest>
Field(std::string_view, Member Table::*, Rest...) -> Field<Table, Member>;

}  // namespace halcyon::config
