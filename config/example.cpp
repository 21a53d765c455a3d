#include <string>
#include <string_view>

#include "config/fields.h"
#include "config/reader.h"
#include "config/written.h"

namespace halcyon::config {

namespace {

constexpr std::size_t page_width = 100;

/// Breaks a sentence into comment lines.
void comment(std::string& page, std::string_view sentence) {
  std::string line = "#";
  while (!sentence.empty()) {
    const std::size_t blank = sentence.find(' ');
    const std::string_view word = sentence.substr(0, blank);
    if (line.size() + 1 + word.size() > page_width) {
      page += line + '\n';
      line = "#";
    }
    line += ' ';
    line += word;
    sentence.remove_prefix(blank == std::string_view::npos ? sentence.size() : blank + 1);
  }
  page += line + '\n';
}

/// Whether the range of a setting says something that its meaning does not.
bool is_telling(Unit unit) {
  switch (unit) {
    case Unit::path:
    case Unit::secret_path:
    case Unit::secret:
    case Unit::words:
    case Unit::url:
    case Unit::money:
    case Unit::timeframe:
    case Unit::balances:
    case Unit::flag:
      return false;
    default:
      return true;
  }
}

/// A setting that has a default, or must be there, is written; any other is commented out.
template <class Table, class Member>
void setting(std::string& page, const Field<Table, Member>& field, const Table& defaults) {
  std::string explained{field.text};
  if (const std::string range = may_be(field); is_telling(field.unit)) {
    explained += " (" + range;
    if (field.need == Need::required) explained += "; required";
    explained += ')';
  } else if (field.need == Need::required) {
    explained += " (required)";
  }
  comment(page, explained);
  const bool required = field.need == Need::required;
  const std::string standing = required ? std::string{} : written(defaults.*field.member);
  if (!required && standing.empty()) page += "# ";
  page +=
      std::string{field.key} + " = " + (standing.empty() ? std::string{field.sample} : standing);
  page += '\n';
}

template <class Table, class Fields>
void settings(std::string& page, const Fields& fields, const Table& defaults) {
  std::apply([&](const auto&... field) { (setting(page, field, defaults), ...); }, fields);
}

template <class Table, class Fields>
void table(std::string& page, std::string_view header, std::string_view sentence,
           const Fields& fields, const Table& defaults = {}) {
  page += '\n';
  comment(page, sentence);
  page += '[' + std::string{header} + "]\n";
  settings(page, fields, defaults);
}

}  // namespace

std::string example() {
  std::string page;
  comment(
      page,
      "halcyon.example.toml: every setting of halcyond, with what it means, what it may be, and "
      "its default. What is commented out is not set. Money is text, so that it stays exact; "
      "counts and percentages are numbers. `halcyond --check-config --config FILE` says "
      "everything that is wrong with a file at once. This page is made from the tables in "
      "config/fields.h.");
  table(page, "daemon", "The daemon itself.", daemon_fields, Daemon{});
  table(page, "engine", "How the loops run.", engine_fields, EngineSettings{});
  table(page, "journal", "What is never forgotten.", journal_fields, JournalSettings{});
  table(page, "postgres", "Left out altogether: the journal alone keeps everything.",
        postgres_fields, Postgres{});
  table(page, "observations",
        "What is kept in PostgreSQL beside the journal. It never delays a trade or the journal's "
        "rows; while PostgreSQL is behind it may be dropped, counted.",
        observations_fields, Observations{});
  table(page, "retention", "How long PostgreSQL keeps rows; the rest is kept for ever.",
        retention_fields, Retention{});
  table(page, "credentials",
        "Secrets that the daemon keeps itself, sealed with AES-256-GCM; accounts ask for them by "
        "`credential`.",
        credentials_fields, Credentials{});
  table(page, "admin", "The socket of halcyonctl.", admin_fields, Admin{});
  table(page, "metrics", "What is measured, for Prometheus.", metrics_fields, Metrics{});
  table(page, "log", "What is said.", log_fields, Log{});
  table(page, "venues.binance", "A venue, under a name of one's choice; any number of them.",
        venue_fields, Venue{});
  table(page, "accounts.main",
        "An account at a venue, under a name of one's choice. Secrets stand in files of their own.",
        account_fields, Account{});
  table(page, "strategies.cross", "A strategy, under a name of one's choice.", strategy_fields,
        Strategy{});
  settings(page, trend_following_fields, Strategy{});
  table(page, "risk", "What one order, and everything together, may do.", reporting_fields, Risk{});
  settings(page, risk_fields, daemon_limits());
  page += '\n';
  comment(page,
          "The same limits for one account, strategy or instrument. Several apply at once and the "
          "tightest wins.");
  page +=
      "# [risk.accounts.main]\n"
      "# max_open_orders = 20\n"
      "# [risk.strategies.cross]\n"
      "# max_position_notional = \"5000\"\n"
      "# [risk.instruments.\"BTC/USDT\"]\n"
      "# price_collar_pct = 1\n";
  return page;
}

}  // namespace halcyon::config
