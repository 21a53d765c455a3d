#include "config/reader.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

// The only place that knows toml++: it takes seconds to compile.
// toml++ 3.3 asserts (or, with NDEBUG, assumes) what a wrong file can break, such as "[= 1]".
// Without its assertions its own error branches answer; fuzz_config looks for what they leave out.
#undef NDEBUG
#define TOML_ASSERT(condition) static_assert(true)
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "config/addresses.h"
#include "config/fields.h"
#include "config/written.h"
#include "domain/client_order_id.h"

namespace halcyon::config {

namespace {

/// Far above any real file. They also bound how deep keys can be nested, and so the stack.
constexpr std::size_t max_file_bytes = 256 * 1024;
constexpr std::size_t max_line_bytes = 4'096;
constexpr std::size_t max_shown_bytes = 100;

using Words = std::vector<std::string_view>;

std::uint32_t line_of(const toml::node& node) { return node.source().begin.line; }

std::uint32_t line_of(const toml::table& table, std::string_view key) {
  const toml::node* node = table.get(key);
  return node == nullptr ? line_of(table) : line_of(*node);
}

/// A value as an error repeats it: short, on one line, never a secret.
std::string shown(const toml::node& node, Unit unit) {
  if (unit == Unit::secret || node.is_table()) return {};
  if (unit == Unit::secret_path && !node.is_string()) return {};
  std::ostringstream stream;
  node.visit([&stream](const auto& value) {
    stream << toml::toml_formatter{value, toml::format_flags::none};
  });
  std::string text = stream.str();
  // Whoever pastes a key where its file belongs does not want it in a log.
  if (unit == Unit::secret_path &&
      (text.size() > max_shown_bytes || text.find("-----BEGIN") != std::string::npos)) {
    return {};
  }
  std::replace_if(
      text.begin(), text.end(),
      [](char character) { return static_cast<unsigned char>(character) < ' '; }, ' ');
  if (text.size() > max_shown_bytes) {
    text.resize(max_shown_bytes);
    // Not in the middle of a character.
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U) {
      text.pop_back();
    }
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0U) text.pop_back();
    text += "...";
  }
  return text;
}

// ---- One value: `take` fills `value`, or says in words what it must be. ----

/// A field without its type.
struct Bounds {
  Unit unit;
  std::int64_t min, max;
  std::string may_be;
};

std::string must_be(const Bounds& bound) { return "must be " + bound.may_be; }

bool is_name(std::string_view text, bool dash) {
  return std::all_of(text.begin(), text.end(), [dash](unsigned char character) {
    return std::isalnum(character) != 0 || character == '_' || (dash && character == '-');
  });
}

/// "HH:MM UTC".
std::optional<DayStart> parse_day_start(std::string_view text) {
  if (text.size() != 9 || text.substr(5) != " UTC" || text[2] != ':') return std::nullopt;
  std::array<std::int32_t, 2> parts{};
  for (std::size_t part = 0; part < 2; ++part) {
    for (std::size_t at = part * 3; at < part * 3 + 2; ++at) {
      if (text[at] < '0' || text[at] > '9') return std::nullopt;
      parts[part] = parts[part] * 10 + (text[at] - '0');
    }
  }
  if (parts[0] > 23 || parts[1] > 59) return std::nullopt;
  return DayStart{parts[0] * 60 + parts[1]};
}

std::optional<domain::Timeframe> parse_timeframe(std::string_view text, std::int64_t most) {
  static constexpr std::string_view units = "smhdwM";
  if (text.size() < 2 || text.size() > 5 || text.front() == '0') return std::nullopt;
  const std::size_t unit = units.find(text.back());
  if (unit == std::string_view::npos) return std::nullopt;
  std::int64_t count = 0;
  for (const char character : text.substr(0, text.size() - 1)) {
    if (character < '0' || character > '9') return std::nullopt;
    count = count * 10 + (character - '0');
  }
  if (count < 1 || count > most) return std::nullopt;
  return domain::Timeframe{static_cast<std::uint16_t>(count), static_cast<domain::TimeUnit>(unit)};
}

/// "host:port", the port from 0.
bool is_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  std::string probe = "wss://" + std::string{text};
  // Port 0 is none for a URL, and any free one here.
  if (text.substr(colon) == ":0") probe += "1";
  if (text.substr(colon) == ":0") probe.erase(probe.size() - 2, 1);
  Url url;
  return parse_url(probe, url).empty() && !url.port.empty() && url.path.empty();
}

std::string take(const toml::node& node, const Bounds& bound, std::string& value) {
  const auto text = node.value_exact<std::string>();
  if (!text) return must_be(bound);
  const auto size = static_cast<std::int64_t>(text->size());
  // A path or name with a control character in it is a mistake, or worse.
  if (std::any_of(text->begin(), text->end(), [](char character) {
        return static_cast<unsigned char>(character) < ' ' || character == '\x7f';
      })) {
    return bound.unit == Unit::secret_path
               ? "must be the name of a file that holds the secret, not the secret itself"
               : must_be(bound) + ", on one line";
  }
  bool fits = bound.max == 0 || (size >= bound.min && size <= bound.max);
  switch (bound.unit) {
    case Unit::name:
      fits = fits && is_name(*text, false);
      break;
    case Unit::daemon_name:
      fits = fits && is_name(*text, true);
      break;
    case Unit::address:
      fits = fits && is_listen_address(*text);
      break;
    case Unit::log_level:
      fits = domain::enum_parse<LogLevel>(*text).has_value();
      break;
    case Unit::strategy_type:
      fits = domain::enum_parse<StrategyType>(*text).has_value();
      break;
    case Unit::secret_path:
      if (text->find("-----BEGIN") != std::string::npos) {
        return "must be the name of a file that holds the secret, not the secret itself";
      }
      break;
    default:
      break;
  }
  if (!fits) return must_be(bound);
  value = *text;
  return {};
}

std::string take(const toml::node& node, const Bounds& bound, bool& value) {
  const auto flag = node.value_exact<bool>();
  if (!flag) return must_be(bound);
  value = *flag;
  return {};
}

template <class Count>
requires(std::is_same_v<Count, std::int32_t> || std::is_same_v<Count, std::uint64_t> ||
         std::is_same_v<Count, std::int64_t>) std::string
    take(const toml::node& node, const Bounds& bound, Count& value) {
  const auto number = node.value_exact<std::int64_t>();
  if (!number) return "must be a whole number without quotes, " + bound.may_be;
  if (*number < bound.min || *number > bound.max) return must_be(bound);
  value = static_cast<Count>(*number);
  return {};
}

std::string take(const toml::node& node, const Bounds& bound, domain::Duration& value) {
  std::int64_t milliseconds = 0;
  const std::string wrong = take(node, bound, milliseconds);
  if (wrong.empty()) value = std::chrono::milliseconds{milliseconds};
  return wrong;
}

std::string take(const toml::node& node, const Bounds& bound, Percent& value) {
  double number = 0;
  if (const auto whole = node.value_exact<std::int64_t>()) {
    number = static_cast<double>(*whole);
  } else if (const auto broken = node.value_exact<double>()) {
    number = *broken;
  } else {
    return "must be a number without quotes, " + bound.may_be;
  }
  const auto from = static_cast<double>(bound.min);
  const auto to = static_cast<double>(bound.max);
  if (!std::isfinite(number) || number < from || number > to) return must_be(bound);
  value = Percent{number};
  return {};
}

std::string take(const toml::node& node, const Bounds& bound, domain::Money& value) {
  const auto text = node.value_exact<std::string>();
  if (!text) return must_be(bound);
  const auto amount = domain::parse<domain::Money>(*text);
  if (!amount) return must_be(bound) + ", with at most nine decimals";
  if (*amount <= domain::Money::from_units(bound.min) ||
      *amount > domain::Money::from_units(bound.max)) {
    return must_be(bound);
  }
  value = *amount;
  return {};
}

std::string take(const toml::node& node, const Bounds& bound, domain::Timeframe& value) {
  const auto text = node.value_exact<std::string>();
  const auto timeframe = text ? parse_timeframe(*text, bound.max) : std::nullopt;
  if (!timeframe) return must_be(bound);
  value = *timeframe;
  return {};
}

std::string take(const toml::node& node, const Bounds& bound, DayStart& value) {
  const auto text = node.value_exact<std::string>();
  const auto start = text ? parse_day_start(*text) : std::nullopt;
  if (!start) return must_be(bound);
  value = *start;
  return {};
}

template <class Enum>
requires std::is_enum_v<Enum> std::string take(const toml::node& node, const Bounds& bound,
                                               Enum& value) {
  const auto text = node.value_exact<std::string>();
  const auto parsed = text ? domain::enum_parse<Enum>(*text) : std::nullopt;
  if (!parsed) return must_be(bound);
  value = *parsed;
  return {};
}

template <class Item>
std::string take_item(const toml::node& node, const Bounds& bound, Item& value) {
  const std::string wrong = take(node, bound, value);
  return wrong.empty() ? wrong : "each " + wrong;
}

template <class Item>
std::string take(const toml::node& node, const Bounds& bound, std::vector<Item>& values) {
  const toml::array* list = node.as_array();
  const bool of_words = bound.unit == Unit::choices;
  if (list == nullptr) {
    return of_words ? "must be a list of " + bound.may_be : must_be(bound) + " texts";
  }
  if (static_cast<std::int64_t>(list->size()) < bound.min ||
      static_cast<std::int64_t>(list->size()) > bound.max) {
    return "must be a list of " + std::to_string(bound.min) + " to " + std::to_string(bound.max);
  }
  const Bounds one = of_words ? bound : Bounds{Unit::words, 1, longest_name, "text"};
  std::vector<Item> taken;
  for (const toml::node& element : *list) {
    Item item{};
    if (std::string wrong = take_item(element, one, item); !wrong.empty()) return wrong;
    if (std::find(taken.begin(), taken.end(), item) != taken.end()) {
      return "must not name " + shown(element, Unit::words) + " twice";
    }
    taken.push_back(std::move(item));
  }
  values = std::move(taken);
  return {};
}

std::string take(const toml::node& node, const Bounds& bound,
                 std::map<std::string, domain::Money>& values) {
  const toml::table* table = node.as_table();
  if (table == nullptr || static_cast<std::int64_t>(table->size()) < bound.min ||
      static_cast<std::int64_t>(table->size()) > bound.max) {
    return must_be(bound);
  }
  const Bounds one{Unit::money, 0, most_money, bounds(Unit::money, 0, most_money)};
  std::map<std::string, domain::Money> taken;
  for (const auto& [asset, amount] : *table) {
    domain::Money value;
    if (std::string wrong = take(amount, one, value); !wrong.empty()) {
      return "each amount " + wrong;
    }
    taken.emplace(asset.str(), value);
  }
  values = std::move(taken);
  return {};
}

std::string take(const toml::node& node, const Bounds& bound,
                 std::map<std::string, std::vector<Channel>>& values) {
  const toml::table* table = node.as_table();
  if (table == nullptr || static_cast<std::int64_t>(table->size()) < bound.min ||
      static_cast<std::int64_t>(table->size()) > bound.max) {
    return "must be a table of lists, each of " + bound.may_be;
  }
  const Bounds one{Unit::choices, 1, static_cast<std::int64_t>(domain::enum_count<Channel>()),
                   bound.may_be};
  std::map<std::string, std::vector<Channel>> taken;
  for (const auto& [instrument, list] : *table) {
    std::vector<Channel> channels;
    if (std::string wrong = take(list, one, channels); !wrong.empty()) {
      return std::string{instrument.str()} + " " + wrong;
    }
    taken.emplace(instrument.str(), std::move(channels));
  }
  values = std::move(taken);
  return {};
}

template <class Value>
std::string take(const toml::node& node, const Bounds& bound, std::optional<Value>& value) {
  Value taken{};
  std::string wrong = take(node, bound, taken);
  if (wrong.empty()) value = taken;
  return wrong;
}

// ---- Suggestions ----

/// How many letters must change to make one word of the other.
std::size_t distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t at = 0; at <= to.size(); ++at) row[at] = at;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[to.size()];
}

/// The known word that a wrong one was most likely meant to be; empty when none is near.
std::string_view nearest(std::string_view word, const Words& known) {
  if (word.size() > static_cast<std::size_t>(longest_name)) return {};
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string_view candidate : known) {
    const std::size_t steps = distance(word, candidate);
    if (steps < least && steps < candidate.size()) {
      least = steps;
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, const Words& known) {
  const std::string_view meant = nearest(word, known);
  return meant.empty() ? std::string{} : "; did you mean " + std::string{meant} + "?";
}

template <class Rows>
Words names_of(const Rows& rows) {
  Words names;
  for (const auto& row : rows) names.push_back(row.name);
  return names;
}

template <class Row>
const Row* find_named(const std::vector<Row>& rows, std::string_view name) {
  const auto found =
      std::find_if(rows.begin(), rows.end(), [name](const Row& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

template <class... Fields>
void add_keys(Words& words, const std::tuple<Fields...>& fields) {
  std::apply([&words](const auto&... field) { (words.push_back(field.key), ...); }, fields);
}

// ---- Before toml++ ----

/// The line of the first character beyond ASCII that stands in neither a string nor a comment,
/// where TOML has none; empty: there is none. toml++ 3.3 must not see one: its search for blanks
/// among them runs into what it calls unreachable.
std::optional<std::uint32_t> stray_character(std::string_view text) {
  std::uint32_t line = 1;
  const auto pass = [&](std::size_t count) {
    for (; count > 0 && !text.empty(); --count) {
      if (text.front() == '\n') ++line;
      text.remove_prefix(1);
    }
  };
  if (text.starts_with("\xEF\xBB\xBF")) pass(3);  // a byte order mark
  while (!text.empty()) {
    const char character = text.front();
    if (static_cast<unsigned char>(character) >= 0x80U) return line;
    if (character == '#') {
      pass(std::min(text.find('\n'), text.size()));
      continue;
    }
    if (character != '"' && character != '\'') {
      pass(1);
      continue;
    }
    // A string: up to its own quotes; on one line, unless there are three of them.
    const std::string three(3, character);
    const bool multi_line = text.starts_with(three);
    pass(multi_line ? 3 : 1);
    while (!text.empty()) {
      if (!multi_line && text.front() == '\n') break;
      if (character == '"' && text.front() == '\\') {
        pass(2);
      } else if (multi_line && text.starts_with(three)) {
        pass(3);
        // Two more may belong to the string itself.
        for (int more = 0; more < 2 && text.starts_with(character); ++more) pass(1);
        break;
      } else if (!multi_line && text.front() == character) {
        pass(1);
        break;
      } else {
        pass(1);
      }
    }
  }
  return std::nullopt;
}

// ---- The file ----

class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) {}

  Reading read(const toml::table& root) {
    unknown_keys(
        root, "",
        {"daemon", "engine", "journal", "postgres", "observations", "retention", "credentials",
         "admin", "metrics", "log", "venues", "accounts", "strategies", "risk"});
    plain(root, "daemon", daemon_fields, config_.daemon);
    plain(root, "engine", engine_fields, config_.engine);
    plain(root, "journal", journal_fields, config_.journal);
    if (root.contains("postgres")) {
      plain(root, "postgres", postgres_fields, config_.postgres.emplace());
    }
    plain(root, "observations", observations_fields, config_.observations);
    plain(root, "retention", retention_fields, config_.retention);
    plain(root, "credentials", credentials_fields, config_.credentials);
    plain(root, "admin", admin_fields, config_.admin);
    plain(root, "metrics", metrics_fields, config_.metrics);
    plain(root, "log", log_fields, config_.log);
    each_named(root, "venues", [this](const auto&... row) { venue(row...); });
    each_named(root, "accounts", [this](const auto&... row) { account(row...); });
    each_named(root, "strategies", [this](const auto&... row) { strategy(row...); });
    if (const toml::table* table = table_at(root, "risk", "risk")) risk(*table);
    if (!problems_.empty()) return finish();
    return std::move(config_);
  }

  std::vector<Problem> finish() {
    std::stable_sort(problems_.begin(), problems_.end(),
                     [](const Problem& a, const Problem& b) { return a.line < b.line; });
    return std::move(problems_);
  }

  void say(std::uint32_t line, std::string key, std::string value, std::string what) {
    problems_.push_back({file_, line, std::move(key), std::move(value), std::move(what)});
  }

 private:
  /// Says what is wrong with a key of a table; with the key's own line and value if it is there.
  void say_at(const toml::table& table, const std::string& path, std::string_view key,
              std::string what, Unit unit = Unit::words) {
    const toml::node* node = table.get(key);
    say(line_of(table, key), path + '.' + std::string{key},
        node == nullptr ? std::string{} : shown(*node, unit), std::move(what));
  }

  void unknown_keys(const toml::table& table, const std::string& path, const Words& known) {
    for (const auto& [key, node] : table) {
      if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
      const std::string whole =
          path.empty() ? std::string{key.str()} : path + '.' + std::string{key.str()};
      // Its value may be a secret under a wrong name: it is not repeated.
      say(line_of(node), whole, "",
          "is not a known " + std::string{node.is_table() ? "table" : "setting"} +
              (nearest(key.str(), known).empty() ? "; leave it out"
                                                 : did_you_mean(key.str(), known)));
    }
  }

  /// The table under a key; null when there is none. Says so when it is something else; `header` is
  /// how to write it.
  const toml::table* table_at(const toml::table& parent, std::string_view key,
                              std::string_view header) {
    const toml::node* node = parent.get(key);
    if (node == nullptr) return nullptr;
    const toml::table* table = node->as_table();
    if (table == nullptr) {
      const std::string whole{header.substr(0, header.find(".NAME"))};
      say(line_of(*node), whole, "", "must be a table; write [" + std::string{header} + ']');
    }
    return table;
  }

  template <class Table, class Member>
  void setting(const toml::table& source, const std::string& path,
               const Field<Table, Member>& field, Table& out, const Table& defaults) {
    const toml::node* node = source.get(field.key);
    if (node == nullptr) {
      if (field.need == Need::required) {
        say(line_of(source), path + '.' + std::string{field.key}, "",
            "is missing; write for example " + std::string{field.key} + " = " +
                std::string{field.sample});
      }
      return;
    }
    const Bounds bound{field.unit, field.min, field.max, may_be(field)};
    std::string wrong = take(*node, bound, out.*field.member);
    if (wrong.empty()) return;
    if (field.need == Need::optional) {
      const std::string standing = written(defaults.*field.member);
      wrong += standing.empty() ? "" : "; leave it out for " + standing + ", the default";
    }
    say_at(source, path, field.key, std::move(wrong), field.unit);
  }

  template <class Table, class... Fields>
  void settings(const toml::table& source, const std::string& path,
                const std::tuple<Fields...>& fields, Table& out, const Table& defaults = {}) {
    std::apply([&](const auto&... field) { (setting(source, path, field, out, defaults), ...); },
               fields);
  }

  /// A table at the top that holds settings and nothing else.
  template <class Table, class... Fields>
  void plain(const toml::table& root, std::string_view key, const std::tuple<Fields...>& fields,
             Table& out) {
    const std::string path{key};
    const toml::table* table = table_at(root, key, key);
    if (table == nullptr) {
      if (root.contains(key)) return;
      // What it requires is missing at the beginning of the file.
      const bool any_required = std::apply(
          [](const auto&... field) { return ((field.need == Need::required) || ...); }, fields);
      if (any_required) say(1, path, "", "is missing; write [" + path + "] and what belongs in it");
      return;
    }
    Words known;
    add_keys(known, fields);
    unknown_keys(*table, path, known);
    settings(*table, path, fields, out);
  }

  /// Calls `read(name, table, path)` for each table below `key`.
  template <class Read>
  void each_named(const toml::table& root, std::string_view key, Read read) {
    const toml::table* tables = table_at(root, key, std::string{key} + ".NAME");
    if (tables == nullptr) return;
    // toml++ sorts by name; ids and the order of start follow the file.
    std::vector<std::pair<std::string, const toml::table*>> rows;
    for (const auto& [name, node] : *tables) {
      const std::string path = std::string{key} + '.' + std::string{name.str()};
      if (!node.is_table()) {
        say(line_of(node), path, "",
            "is not a known setting; write [" + std::string{key} + ".NAME] and settings below it");
      } else if (name.str().empty() || !is_name(name.str(), false) ||
                 name.str().size() > static_cast<std::size_t>(longest_name)) {
        say(line_of(node), path, "", "must be named with 1 to 64 letters, digits or '_'");
      } else {
        rows.emplace_back(name.str(), node.as_table());
      }
    }
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
      const auto& left = a.second->source().begin;
      const auto& right = b.second->source().begin;
      return left.line != right.line ? left.line < right.line : left.column < right.column;
    });
    for (const auto& [name, table] : rows) read(name, *table, std::string{key} + '.' + name);
  }

  // ---- venues ----

  void venue(const std::string& name, const toml::table& table, const std::string& path) {
    Venue venue;
    venue.name = name;
    Words known;
    add_keys(known, venue_fields);
    unknown_keys(table, path, known);
    const std::size_t before = problems_.size();
    settings(table, path, venue_fields, venue);
    explain_kind(table, path, before);
    if (table.get("kind") != nullptr &&
        domain::enum_parse<VenueKind>(table["kind"].value_or(std::string{}))) {
      listed_instruments(table, path, venue);
      feeds(table, path, venue);
      channels(table, path, venue);
      if (domain::enum_parse<Environment>(table["environment"].value_or(std::string{}))) {
        addresses(table, path, venue);
      }
    }
    config_.venues.push_back(std::move(venue));
  }

  /// Words for kinds that people ask for and that are not served.
  void explain_kind(const toml::table& table, const std::string& path, std::size_t from) {
    std::string kind = table["kind"].value_or(std::string{});
    std::transform(kind.begin(), kind.end(), kind.begin(), [](unsigned char character) {
      return static_cast<char>(std::tolower(character));
    });
    const auto contains = [&kind](std::string_view word) {
      return kind.find(word) != std::string::npos;
    };
    for (std::size_t at = from; at < problems_.size(); ++at) {
      Problem& problem = problems_[at];
      if (problem.key != path + ".kind") continue;
      if (contains("future") || contains("perp") || contains("swap") || contains("usdm") ||
          contains("coinm")) {
        problem.what = "futures are not served; " + problem.what + ", for spot";
      } else if (contains("kraken") || contains("hyperliquid") || contains("degiro")) {
        problem.what = "this venue is not served yet; " + problem.what;
      }
    }
  }

  /// What is wrong with an instrument as written; empty: nothing.
  static std::string instrument_problem(std::string_view symbol, VenueKind kind) {
    const std::size_t slash = symbol.find('/');
    if (slash != std::string_view::npos && symbol.find(':') != std::string_view::npos &&
        symbol.find(':') > slash) {
      return " is a futures contract, and futures are not served; write the spot instrument, "
             "BASE/QUOTE";
    }
    if (symbol.find(':') != std::string_view::npos) {
      return " must be written without its venue here";
    }
    const auto fits = [](std::string_view part) {
      return !part.empty() && part.size() <= 32 &&
             std::none_of(part.begin(), part.end(), [](char character) {
               return static_cast<unsigned char>(character) <= ' ' || character == '/' ||
                      character == '"' || character == '\\' || character == '\'' ||
                      character == '\x7f';
             });
    };
    const bool pair = slash != std::string_view::npos;
    if (!(pair ? fits(symbol.substr(0, slash)) && fits(symbol.substr(slash + 1)) : fits(symbol))) {
      return " must be BASE/QUOTE, or a stock's ticker";
    }
    if (!pair && kind != VenueKind::alpaca) return " must be BASE/QUOTE at this venue";
    if (pair && symbol.substr(0, slash) == symbol.substr(slash + 1)) {
      return " must be of two different currencies";
    }
    if (std::any_of(symbol.begin(), symbol.end(),
                    [](char character) { return character >= 'a' && character <= 'z'; })) {
      return " must be in capitals";
    }
    return {};
  }

  /// Channels that contradict each other, or that the venue's kind does not have.
  void channels(const toml::table& table, const std::string& path, const Venue& venue) {
    const auto problem = [&venue](const std::vector<Channel>& list) -> std::string {
      const auto has = [&list](Channel channel) {
        return std::find(list.begin(), list.end(), channel) != list.end();
      };
      if (has(Channel::trades) && has(Channel::agg_trades)) {
        return "trades and agg_trades say the same twice; leave one of them out";
      }
      if (has(Channel::book) && has(Channel::partial_book)) {
        return "book and partial_book say the same twice; leave one of them out";
      }
      if (venue.kind != VenueKind::binance &&
          (has(Channel::agg_trades) || has(Channel::partial_book) || has(Channel::klines))) {
        return "agg_trades, partial_book and klines are binance's; leave them out";
      }
      return {};
    };
    if (const std::string words = problem(venue.channels); !words.empty()) {
      say_at(table, path, "channels", words);
    }
    for (const auto& [instrument, list] : venue.channels_of) {
      std::string words = problem(list);
      if (venue.kind != VenueKind::binance) words = "is for kind = \"binance\"; leave it out";
      if (std::find(venue.instruments.begin(), venue.instruments.end(), instrument) ==
          venue.instruments.end()) {
        words = "\"" + instrument + "\" is not in instruments";
      }
      if (!words.empty()) say_at(table, path, "channels_of", words);
    }
  }

  void listed_instruments(const toml::table& table, const std::string& path, const Venue& venue) {
    for (const std::string& symbol : venue.instruments) {
      const std::string wrong = instrument_problem(symbol, venue.kind);
      if (!wrong.empty()) say_at(table, path, "instruments", in_quotes(symbol) + wrong);
    }
  }

  void feeds(const toml::table& table, const std::string& path, Venue& venue) {
    if (venue.kind == VenueKind::alpaca) {
      if (venue.stock_feed.empty()) venue.stock_feed = "iex";
      if (venue.crypto_feed.empty()) venue.crypto_feed = "us";
      return;
    }
    for (const std::string_view key : {"stock_feed", "crypto_feed"}) {
      if (table.contains(key)) {
        say_at(table, path, key,
               "belongs to alpaca; a " + std::string{domain::enum_name(venue.kind)} +
                   " has no use for it, leave it out");
      }
    }
  }

  void addresses(const toml::table& table, const std::string& path, Venue& venue) {
    for (const AddressKey& address : address_keys) {
      std::string& url = venue.*address.member;
      const std::string kind{domain::enum_name(venue.kind)};
      if (!uses(venue.kind, address.member)) {
        if (table.contains(address.key)) {
          say_at(table, path, address.key, "is not used by " + kind + "; leave it out");
        }
        continue;
      }
      if (!table.contains(address.key)) {
        url = documented(venue.kind, venue.environment, address.member);
        if (!url.empty()) continue;
        const std::string environment{domain::enum_name(venue.environment)};
        say_at(table, path, address.key,
               venue.environment == Environment::simulator
                   ? "is missing; a simulator has no documented address, so write its own"
                   : "is missing; " + kind + " documents no " + environment +
                         ", and another environment's address is never taken: write it out, or use "
                         "another environment");
        continue;
      }
      if (url.empty()) continue;  // its type was wrong, and that has been said
      if (std::string wrong = address_problem(venue, address, url); !wrong.empty()) {
        say_at(table, path, address.key, std::move(wrong));
      }
      while (url.ends_with('/')) url.pop_back();
    }
  }

  static std::string address_problem(const Venue& venue, const AddressKey& address,
                                     const std::string& text) {
    Url url;
    if (const std::string_view wrong = parse_url(text, url); !wrong.empty()) {
      return std::string{wrong};
    }
    const bool rest = address.member == &Venue::rest_url || address.member == &Venue::data_rest_url;
    const std::string_view scheme = rest ? "https" : "wss";
    if (url.scheme != scheme) {
      return "must begin with " + std::string{scheme} + "://; nothing is sent without TLS";
    }
    if (venue.environment == Environment::simulator && !is_loopback(url.host)) {
      return "must be on this machine (127.0.0.1, ::1 or localhost), because the environment is "
             "simulator; name the real environment to go further";
    }
    if (venue.kind == VenueKind::binance) {
      if (address.member == &Venue::orders_url && url.path.size() <= 1) {
        return "must be the whole address, with its path: wss://host:port/ws-api/v3";
      }
      for (const std::string_view added : {"/stream", "/ws", "/api/v3"}) {
        std::string_view path = url.path;
        while (path.ends_with('/')) path.remove_suffix(1);
        if (address.member != &Venue::orders_url && path.ends_with(added)) {
          return "must end before " + std::string{added} + ", which is added";
        }
      }
    }
    return other_environment(venue, url.host);
  }

  /// A host that the venue documents for other environments only is a mix-up, and keys or real
  /// orders would go astray.
  static std::string other_environment(const Venue& venue, std::string_view host) {
    const Address* other = nullptr;
    for (const Address& address : documented_addresses) {
      Url url;
      parse_url(address.url, url);
      if (address.kind != venue.kind || url.host != host) continue;
      if (address.environment == venue.environment) return {};
      other = &address;
    }
    if (other == nullptr) return {};
    return "is the venue's address for " + std::string{domain::enum_name(other->environment)} +
           ", and environment is " + std::string{domain::enum_name(venue.environment)} +
           "; make them agree";
  }

  // ---- accounts ----

  void account(const std::string& name, const toml::table& table, const std::string& path) {
    Account account;
    account.name = name;
    Words known;
    add_keys(known, account_fields);
    unknown_keys(table, path, known);
    settings(table, path, account_fields, account);
    const std::size_t together = config_.daemon.name.size() + name.size();
    if (together > domain::max_names_in_client_order_id) {
      say(line_of(table), path, "",
          "is too long a name: with daemon.name = " + in_quotes(config_.daemon.name) + " it has " +
              std::to_string(together) + " characters, and client order ids have room for " +
              std::to_string(domain::max_names_in_client_order_id) + "; shorten one of them");
    }
    const Venue* venue = find_named(config_.venues, account.venue);
    if (!account.venue.empty() && venue == nullptr) {
      say_at(table, path, "venue",
             "is not in [venues]" + did_you_mean(account.venue, names_of(config_.venues)));
    }
    if (account.market == Market::futures) {
      say_at(table, path, "market", "futures are not served; use \"spot\"");
    } else if (account.market == Market::margin && venue != nullptr &&
               venue->kind != VenueKind::alpaca) {
      say_at(table, path, "market",
             "margin is served at alpaca only; use \"spot\" at " +
                 std::string{domain::enum_name(venue->kind)});
    }
    const bool has_mode = table.contains("mode");
    if (has_mode && account.mode == AccountMode::live && table.contains("paper_balances")) {
      say_at(table, path, "paper_balances", "is for mode = \"paper\"; leave it out");
    }
    if (account.mode == AccountMode::paper && !table.contains("paper_balances")) {
      say_at(table, path, "paper_balances",
             "is missing; a paper account begins with something: paper_balances = { USDT = "
             "\"10000\" }");
    }
    if (table.contains("private_key_file") && table.contains("api_secret_file")) {
      say_at(table, path, "api_secret_file",
             "stands beside private_key_file; leave one of them out", Unit::secret_path);
    }
    for (const char* file : {"api_key_file", "private_key_file", "api_secret_file"}) {
      if (table.contains("credential") && table.contains(file)) {
        say_at(table, path, "credential",
               "stands beside " + std::string{file} + "; leave one of them out");
      }
    }
    for (const Account& other : config_.accounts) {
      if (!account.credential.empty() && account.credential == other.credential &&
          account.venue == other.venue) {
        say_at(table, path, "credential",
               "is that of accounts." + other.name +
                   " too; one account at the venue is one account here");
      }
      if (!account.api_key_file.empty() && account.api_key_file == other.api_key_file &&
          account.venue == other.venue) {
        say_at(table, path, "api_key_file",
               "is the key of accounts." + other.name +
                   " too; one account at the venue is one account here",
               Unit::secret_path);
      }
    }
    config_.accounts.push_back(std::move(account));
  }

  // ---- strategies ----

  void strategy(const std::string& name, const toml::table& table, const std::string& path) {
    Strategy strategy;
    strategy.name = name;
    settings(table, path, strategy_fields, strategy);
    const auto type = domain::enum_parse<StrategyType>(strategy.type);
    if (!type || *type == StrategyType::trend_following) {
      Words known;
      add_keys(known, strategy_fields);
      add_keys(known, trend_following_fields);
      unknown_keys(table, path, known);
      settings(table, path, trend_following_fields, strategy);
      if (strategy.fast_period >= strategy.slow_period) {
        say_at(table, path, table.contains("fast_period") ? "fast_period" : "slow_period",
               "must leave fast_period (" + std::to_string(strategy.fast_period) +
                   ") below slow_period (" + std::to_string(strategy.slow_period) + ")");
      }
    }
    std::set<std::string_view> venues;
    for (const std::string& one : strategy.accounts) {
      const Account* account = find_named(config_.accounts, one);
      if (account == nullptr) {
        say_at(table, path, "accounts",
               in_quotes(one) + " is not in [accounts]" +
                   did_you_mean(one, names_of(config_.accounts)));
      } else {
        venues.insert(account->venue);
      }
    }
    for (const std::string& instrument : strategy.instruments) {
      const Venue* venue = listed(table, path, "instruments", instrument);
      // Without any account there is something else to mend first.
      if (venue != nullptr && !venues.empty() && !venues.contains(venue->name)) {
        say_at(table, path, "instruments",
               in_quotes(instrument) + " is listed at " + venue->name +
                   ", where none of this strategy's accounts is; add one, or leave it out");
      }
    }
    std::ostringstream text;
    text << toml::toml_formatter{table, toml::format_flags::none};
    strategy.text = text.str();
    config_.strategies.push_back(std::move(strategy));
  }

  /// The venue of an instrument; says so when there is none, or more than one.
  const Venue* listed(const toml::table& table, const std::string& path, std::string_view key,
                      const std::string& instrument) {
    const Venue* venue = find_venue(config_, instrument);
    if (venue != nullptr) return venue;
    const std::string_view symbol = symbol_of(instrument);
    std::vector<std::string> spellings;
    Words known;
    for (const Venue& one : config_.venues) {
      for (const std::string& row : one.instruments) {
        known.push_back(row);
        if (row == symbol) spellings.push_back(in_quotes(one.name + ':' + row));
      }
    }
    std::string what;
    if (symbol.size() == instrument.size() && spellings.size() > 1) {
      what = " is listed at more than one venue; write " + alternatives(spellings);
    } else if (!spellings.empty()) {
      what = " is not listed there; write " + alternatives(spellings);
    } else {
      what = " is in no venue's instruments; add it there" + did_you_mean(symbol, known);
    }
    say_at(table, path, key, in_quotes(instrument) + what);
    return nullptr;
  }

  // ---- risk ----

  void risk(const toml::table& table) {
    Words known{"accounts", "strategies", "instruments"};
    add_keys(known, reporting_fields);
    add_keys(known, risk_fields);
    unknown_keys(table, "risk", known);
    settings(table, "risk", reporting_fields, config_.risk);
    settings(table, "risk", risk_fields, config_.risk.daemon, daemon_limits());
    if (!table.contains("equal_currencies") && config_.risk.currency != "USD") {
      config_.risk.equal_currencies.clear();
    }
    narrower(table, "accounts", config_.risk.accounts, [this](const auto& name) {
      return find_named(config_.accounts, name) != nullptr
                 ? std::string{}
                 : "is not in [accounts]" + did_you_mean(name, names_of(config_.accounts));
    });
    narrower(table, "strategies", config_.risk.strategies, [this](const auto& name) {
      return find_named(config_.strategies, name) != nullptr
                 ? std::string{}
                 : "is not in [strategies]" + did_you_mean(name, names_of(config_.strategies));
    });
    std::map<std::string, std::string> seen;
    narrower(table, "instruments", config_.risk.instruments, [&](const auto& name) {
      const Venue* venue = find_venue(config_, name);
      if (venue == nullptr) {
        return std::string{
            "must be an instrument that one venue lists; \"VENUE:SYMBOL\" where more do"};
      }
      const std::string whole = venue->name + ':' + std::string{symbol_of(name)};
      const auto [first, is_new] = seen.emplace(whole, name);
      return is_new ? std::string{} : "is the same instrument as " + in_quotes(first->second);
    });
  }

  /// [risk.accounts.main] and its like. `check` says what is wrong with a name.
  template <class Check>
  void narrower(const toml::table& risk, std::string_view key,
                std::map<std::string, RiskLimits>& out, Check check) {
    const std::string whole = "risk." + std::string{key};
    const toml::table* tables = table_at(risk, key, whole + ".NAME");
    if (tables == nullptr) return;
    Words known;
    add_keys(known, risk_fields);
    for (const auto& [key_name, node] : *tables) {
      const std::string name{key_name.str()};
      const std::string path = whole + '.' + (is_name(name, false) ? name : in_quotes(name));
      const toml::table* table = node.as_table();
      if (table == nullptr) {
        say(line_of(node), path, "",
            "is not a known setting; write [" + whole + ".NAME] and limits below it");
        continue;
      }
      if (std::string wrong = check(name); !wrong.empty()) {
        say(line_of(node), path, "", std::move(wrong));
      }
      unknown_keys(*table, path, known);
      settings(*table, path, risk_fields, out[name]);
    }
  }

  std::string file_;
  Config config_;
  std::vector<Problem> problems_;
};

}  // namespace

std::string Problem::text() const {
  std::string line_text = file;
  if (line != 0) line_text += ':' + std::to_string(line);
  line_text += ": ";
  if (!key.empty()) {
    line_text += key;
    if (!value.empty()) line_text += " = " + value;
    line_text += ": ";
  }
  line_text += what;
  // A key in quotes may hold anything; a problem stays one line, and a terminal stays as it was.
  std::replace_if(
      line_text.begin(), line_text.end(),
      [](char character) {
        return static_cast<unsigned char>(character) < ' ' || character == '\x7f';
      },
      ' ');
  return line_text;
}

Reading read_text(std::string_view text, std::string_view name) {
  Reader reader{name};
  const auto refuse = [&reader](std::uint32_t line, std::string what) -> Reading {
    reader.say(line, "", "", std::move(what));
    return reader.finish();
  };
  if (text.size() > max_file_bytes) {
    return refuse(0, "has " + std::to_string(text.size()) + " bytes; a configuration has at most " +
                         std::to_string(max_file_bytes));
  }
  std::uint32_t line = 1;
  for (std::size_t start = 0; start < text.size(); ++line) {
    const std::size_t stop = std::min(text.find('\n', start), text.size());
    if (stop - start > max_line_bytes) {
      return refuse(line,
                    "is longer than " + std::to_string(max_line_bytes) + " bytes; break the line");
    }
    start = stop + 1;
  }
  if (const auto stray = stray_character(text)) {
    return refuse(*stray, "is not TOML: a character beyond ASCII outside quotes; put it in quotes");
  }
  const toml::parse_result parsed = toml::parse(text, name);
  if (!parsed) {
    return refuse(parsed.error().source().begin.line,
                  "is not TOML: " + std::string{parsed.error().description()});
  }
  return reader.read(parsed.table());
}

Reading read(const std::filesystem::path& file) {
  const std::string name = file.string();
  const auto refuse = [&name](const std::string& why) -> Reading {
    return std::vector<Problem>{{name, 0, "", "", "cannot be read: " + why + "; check the path"}};
  };
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) return refuse("it is a directory");
  errno = 0;
  std::ifstream stream{file, std::ios::binary};
  if (!stream) return refuse(std::strerror(errno));
  std::string text{std::istreambuf_iterator<char>{stream}, std::istreambuf_iterator<char>{}};
  if (stream.bad()) return refuse("the disk failed");
  return read_text(text, name);
}

}  // namespace halcyon::config
