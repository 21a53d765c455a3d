// The operator's tool: one command, one line to the daemon's admin socket, one answer.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "config/config.h"
#include "daemon/client_socket.h"
#include "daemon/database_tool.h"
#include "daemon/journal_tool.h"
#include "daemon/table.h"
#include "persistence/master_keys.h"

namespace {

using halcyon::daemon::FileDescriptor;
using halcyon::daemon::JournalTask;
using halcyon::daemon::print_object;
using halcyon::daemon::print_table;
using halcyon::daemon::printable;
using nlohmann::json;

enum Exit : int { ok = 0, failed = 1, usage = 2, cannot_connect = 3 };

/// Longer than the daemon takes to give up on a command.
constexpr int answer_time_out_s = 10;
/// 10,000 orders with their steps fit many times.
constexpr std::size_t max_answer = 256U << 20;

/// What is asked, and how its answer is shown.
struct Question {
  std::string method;
  json params = json::object();
  std::string rows;  ///< the key of the list to show as a table; empty: the whole object
  bool one = false;  ///< show the list's only row as an object
  std::vector<std::string_view> columns;
};

void say(std::string_view words) {
  std::fprintf(stderr, "halcyonctl: %s\n", printable(std::string{words}).c_str());
}

std::string words_of(int error) { return std::generic_category().message(error); }

FileDescriptor connect_to(const std::string& path) {
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    say(fmt::format("{}: a socket's path has 1 to {} bytes; name the daemon's with --socket", path,
                    sizeof address.sun_path - 1));
    return {};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  FileDescriptor fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!fd || ::connect(fd.get(), reinterpret_cast<const ::sockaddr*>(&address), sizeof address)) {
    const int error = errno;
    const std::string_view mend =
        error == EACCES
            ? "become a member of the daemon's admin.group, or its user, or root"
            : "is halcyond running? If its admin.socket is another, name it with --socket";
    say(fmt::format("cannot connect to {}: {}; {}", path, words_of(error), mend));
    return {};
  }
  const ::timeval limit{answer_time_out_s, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return fd;
}

/// Sends one line and reads one. Empty after having said why.
std::optional<std::string> exchange(int fd, const std::string& line) {
  // Who is refused is told so before he has asked: a failed send may still have an answer.
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t count = ::send(fd, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) break;
    sent += static_cast<std::size_t>(count);
  }
  std::string answer;
  std::array<char, 64U << 10> chunk;
  while (answer.size() < max_answer) {
    const ssize_t count = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      say(count == 0 ? "the daemon closed the connection before it answered; a command may still "
                       "have taken effect: look before you repeat it"
                     : fmt::format("no answer within {} s ({}); a command may still take effect: "
                                   "look before you repeat it",
                                   answer_time_out_s, words_of(errno)));
      return std::nullopt;
    }
    answer.append(chunk.data(), static_cast<std::size_t>(count));
    if (answer.back() == '\n') return answer;
  }
  say("the answer is too long; ask for less with --limit");
  return std::nullopt;
}

void show(const Question& question, const json& result, bool as_json) {
  std::string text;
  if (as_json) {
    text = result.dump(2) + "\n";
  } else if (question.rows.empty()) {
    text = print_object(result);
  } else if (const json rows = result.value(question.rows, json::array()); question.one) {
    text = rows.empty() ? "(none)\n" : print_object(rows.front());
  } else {
    text = print_table(rows, question.columns);
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
}

/// The result of a question; without one `exit_code` says how to end.
std::optional<json> fetch(const std::string& socket, const Question& question, int& exit_code) {
  const FileDescriptor fd = connect_to(socket);
  exit_code = fd ? failed : cannot_connect;
  if (!fd) return std::nullopt;
  const json request = {
      {"jsonrpc", "2.0"}, {"id", 1}, {"method", question.method}, {"params", question.params}};
  const auto line =
      exchange(fd.get(), request.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
  if (!line) return std::nullopt;
  const json answer = json::parse(*line, nullptr, /*allow_exceptions=*/false);
  if (answer.is_object() && answer.contains("result")) return answer["result"];
  if (answer.is_object() && answer.contains("error") && answer["error"].is_object()) {
    say(answer["error"].value("message", "refused without words"));
  } else {
    say(fmt::format("{} does not speak Halcyon's admin protocol", socket));
  }
  return std::nullopt;
}

int ask(const std::string& socket, const Question& question, bool as_json) {
  int exit_code = ok;
  const auto result = fetch(socket, question, exit_code);
  if (!result) return exit_code;
  show(question, *result, as_json);
  return std::fflush(stdout) == 0 ? ok : failed;
}

int make_key(const std::string& file, bool adds) {
  using halcyon::persistence::MasterKeys;
  if (adds) {
    MasterKeys keys = MasterKeys::load(file);
    keys.add();
    std::printf("%s: key version %u added; `halcyonctl credentials rotate` takes it\n",
                file.c_str(), keys.newest());
  } else {
    MasterKeys::create(file);
    std::printf("%s: made; name it in [credentials].master_key_file, keep a copy elsewhere\n",
                file.c_str());
  }
  return ok;
}

/// Reads the journal's files themselves; only where they are is asked, when it was not said.
int look_at_journal(const std::string& socket, JournalTask task) {
  if (task.directory.empty()) {
    int exit_code = ok;
    Question question;
    question.method = "status";
    const auto status = fetch(socket, question, exit_code);
    if (!status) {
      say("without a running daemon name the directory: halcyonctl journal VERB DIR");
      return exit_code;
    }
    task.directory = status->value(json::json_pointer{"/process/journal_directory"}, std::string{});
  }
  return halcyon::daemon::run_journal_task(task, stdout);
}

/// `orders.list` as the parser knows it: "orders" "list". Only the command's own word is touched,
/// never what it is given.
std::vector<std::string> normalize(std::vector<std::string> arguments) {
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    if (arguments[at] == "--socket") {
      ++at;
    } else if (!arguments[at].starts_with('-')) {
      const std::string word = arguments[at];
      const std::size_t dot = word.find('.');
      if (dot == std::string::npos) break;
      arguments[at] = word.substr(0, dot);
      arguments.insert(arguments.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                       word.substr(dot + 1));
      break;
    }
  }
  return arguments;
}

/// The commands and their options.
class CommandLine {
 public:
  CommandLine() {
    app_.set_help_flag("-h,--help", "Show this and exit");
    app_.add_option("--socket", socket, "The daemon's admin socket")->capture_default_str();
    app_.add_flag("--json", as_json, "Print the result as JSON");
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.footer("Exit code: 0 done, 1 refused or failed, 2 wrong usage, 3 cannot connect.");
    add_views();
    add_orders();
    add_trading();
    add_journal();
    add_credentials();
    add_database();
  }

  /// Empty: `exit_code` says how to end.
  std::optional<Question> parse(std::vector<std::string> arguments, int& exit_code) {
    std::reverse(arguments.begin(), arguments.end());
    try {
      app_.parse(arguments);
    } catch (const CLI::ParseError& error) {
      exit_code = app_.exit(error) == 0 ? ok : usage;
      return std::nullopt;
    }
    return question_;
  }

  /// Set: no question, but a look at a journal.
  std::optional<JournalTask> journal;
  /// Set: no question, but work on the database.
  std::optional<halcyon::daemon::DatabaseTask> database;
  std::string socket = halcyon::config::Admin{}.socket;
  /// Set: no question, but a file of master keys to make or add to.
  std::optional<std::string> key_file;
  bool adds_key = false;
  bool as_json = false;

 private:
  /// A command with the method that it calls. Options put themselves into the parameters.
  CLI::App* add(CLI::App* group, const std::string& name, const std::string& help,
                const std::string& method, const std::string& rows = "",
                const std::vector<std::string_view>& columns = {}) {
    CLI::App* command = group->add_subcommand(name, help);
    command->fallthrough();
    command->final_callback([this, method, rows, columns] {
      if (!question_.method.empty()) return;  // the group of a command that was already taken
      question_.method = method;
      question_.rows = rows;
      question_.columns = columns;
    });
    return command;
  }

  /// "positions" shows the list, and so do "positions list" and "positions.list".
  std::array<CLI::App*, 2> add_list(const std::string& name, const std::string& help,
                                    const std::vector<std::string_view>& columns,
                                    const std::string& method = "", const std::string& rows = "") {
    const std::string called = method.empty() ? name + ".list" : method;
    const std::string list = method.empty() ? name : rows;
    CLI::App* group = add(&app_, name, help, called, list, columns);
    const std::string verb = called.substr(called.rfind('.') + 1);
    return {group, add(group, verb, help, called, list, columns)};
  }

  void text(CLI::App* command, const std::string& option, const std::string& key,
            const std::string& help, bool required = false) {
    CLI::Option* made = command->add_option_function<std::string>(
        option, [this, key](const std::string& value) { question_.params[key] = value; }, help);
    if (required) made->required();
  }
  void number(CLI::App* command, const std::string& option, const std::string& key,
              std::int64_t least, std::int64_t most, const std::string& help) {
    command
        ->add_option_function<std::int64_t>(
            option, [this, key](const std::int64_t& value) { question_.params[key] = value; }, help)
        ->check(CLI::Range(least, most));
  }
  void flag(CLI::App* command, const std::string& option, const std::string& key, const json& value,
            const std::string& help) {
    command->add_flag_function(
        option, [this, key, value](std::int64_t) { question_.params[key] = value; }, help);
  }
  void limit(CLI::App* command) {
    number(command, "--limit", "limit", 1, 10'000, "How many rows, newest first served (100)");
  }
  void account(CLI::App* command) { text(command, "--account", "account", "Only this account"); }
  void filters(CLI::App* command) {
    account(command);
    text(command, "--strategy", "strategy", "Only this strategy");
    text(command, "--instrument", "instrument", "Only this instrument, as in BTC/USDT");
  }
  void reason(CLI::App* command) {
    text(command, "--reason", "reason", "Why, for the journal; one line of at most 200 bytes");
  }

  void add_views() {
    add(&app_, "status", "How the daemon is: accounts, streams, trading state, counts", "status");
    add(&app_, "latency", "Where the time goes, per stage", "latency");
    for (CLI::App* command :
         add_list("positions", "What is held",
                  {"account", "strategy", "instrument", "quantity", "average_price", "cost",
                   "realized", "fees", "fills", "changed"})) {
      filters(command);
      flag(command, "--flat", "flat", true, "Flat ones too");
    }
    for (CLI::App* command :
         add_list("fills", "Executions, oldest first",
                  {"number", "venue_time", "account", "strategy", "instrument", "side", "quantity",
                   "price", "fee", "fee_asset", "liquidity", "late", "order"})) {
      filters(command);
      limit(command);
      number(command, "--after", "after", 0, INT64_MAX, "Those behind this number");
    }
    for (CLI::App* command : add_list("balances", "The venue's word on each asset",
                                      {"account", "asset", "free", "locked", "changed"})) {
      account(command);
    }
    add_list("accounts", "Accounts and whether they may trade",
             {"account", "venue", "environment", "mode", "ready", "reason", "stream",
              "trading_state", "open_orders", "owner"});
    add_list("strategies", "Strategies of the configuration",
             {"strategy", "type", "timeframe", "capital", "accounts", "instruments",
              "trading_state", "open_orders"});
    for (CLI::App* command :
         add_list("notices", "What a person should know, oldest first",
                  {"time", "severity", "code", "account", "instrument", "order", "text"})) {
      limit(command);
      text(command, "--severity", "severity", "At least: info, warning or alarm");
    }
    add_list("risk", "The limits that are in force", {}, "risk.get");
    add(&app_, "snapshot", "Ask for a snapshot of the journal", "snapshot");
    CLI::App* shutdown = add(&app_, "shutdown", "Stop the daemon cleanly", "shutdown");
    flag(shutdown, "--cancel-open", "cancel_open", true, "Cancel what works before stopping");
    reason(shutdown);
  }

  void add_orders() {
    const std::vector<std::string_view> columns{
        "order",       "account", "strategy",      "instrument", "side",   "type",   "quantity",
        "limit_price", "filled",  "average_price", "state",      "reason", "created"};
    CLI::App* orders = app_.add_subcommand("orders", "List and cancel orders");
    orders->fallthrough()->require_subcommand(1);
    CLI::App* list =
        add(orders, "list", "Open orders, newest first", "orders.list", "orders", columns);
    filters(list);
    limit(list);
    flag(list, "--all", "which", "all", "Ended ones too");
    flag(list, "--open", "which", "open", "Open ones only (the default)");
    flag(list, "--steps", "steps", true, "With their history (for --json)");

    CLI::App* show = add(orders, "show", "One order with its history", "orders.list", "orders");
    text(show, "order", "order", "Its name, as `orders list` shows it", true);
    show->parse_complete_callback([this] {
      question_.one = true;
      question_.params["which"] = "all";
      question_.params["steps"] = true;
    });

    CLI::App* cancel = add(orders, "cancel", "Cancel one order", "orders.cancel");
    text(cancel, "order", "order", "Its name, as `orders list` shows it", true);
    reason(cancel);

    CLI::App* cancel_all = add(orders, "cancel-all", "Cancel every open order, or those of a scope",
                               "orders.cancel_all")
                               ->alias("cancel_all");
    filters(cancel_all);
    reason(cancel_all);

    CLI::App* submit = add(orders, "submit", "Place an order of your own", "orders.submit");
    text(submit, "--account", "account", "In this account", true);
    text(submit, "--strategy", "strategy", "It changes this strategy's position; left out, none's");
    text(submit, "--instrument", "instrument", "As in BTC/USDT", true);
    text(submit, "--side", "side", "buy or sell", true);
    text(submit, "--quantity", "quantity", "In base units", true);
    text(submit, "--type", "type",
         "limit (the default), market, stop, stop_limit, take_profit, take_profit_limit, "
         "trailing_stop");
    text(submit, "--price", "limit_price", "The limit price");
    text(submit, "--stop", "stop_price", "The price that it waits for");
    text(submit, "--trailing-offset", "trailing_offset", "How far it stays behind, in quote");
    number(submit, "--trailing-bps", "trailing_bps", 1, 9'999,
           "Likewise, in hundredths of percent");
    text(submit, "--tif", "time_in_force", "gtc (the default), ioc, fok, day, gtd");
    number(submit, "--expires-in", "expires_in_s", 1, 31'622'400, "gtd: seconds from now");
    text(submit, "--self-trade", "self_trade",
         "What the venue does when it would meet one of ours: none, expire_taker, expire_maker, "
         "expire_both, decrement");
    flag(submit, "--post-only", "post_only", true, "Never take liquidity");
    flag(submit, "--reduce-only", "reduce_only", true, "Only close what is held");
    flag(submit, "--emulated", "emulated", true, "The engine waits for the price, not the venue");
    text(submit, "--take-profit", "take_profit", "Close what it has filled at this price");
    text(submit, "--stop-loss", "stop_loss", "Close what it has filled when this price comes");
    reason(submit);

    CLI::App* amend = add(orders, "amend", "Change an open order", "orders.amend");
    text(amend, "order", "order", "Its name, as `orders list` shows it", true);
    text(amend, "--quantity", "quantity", "What is filled already is part of it");
    text(amend, "--price", "limit_price", "The limit price");
    text(amend, "--stop", "stop_price", "The price that it waits for");
    reason(amend);

    CLI::App* resolve =
        add(orders, "resolve", "Say what became of an order that nobody can find out",
            "orders.resolve");
    text(resolve, "order", "order", "Its name, as `orders list` shows it", true);
    text(resolve, "--status", "status", "filled, canceled, expired or rejected", true);
    reason(resolve);
  }

  void add_trading() {
    CLI::App* trading = app_.add_subcommand("trading", "Halt, reduce or resume trading");
    trading->fallthrough()->require_subcommand(1);
    const auto state = [&](const std::string& verb, const std::string& help) {
      CLI::App* command = add(trading, verb, help, "trading." + verb);
      account(command);
      text(command, "--strategy", "strategy", "Only this strategy");
      text(command, "--instrument", "instrument", "This instrument, in all accounts");
      reason(command);
    };
    state("halt", "No new orders");
    state("reduce", "Only orders that make a position smaller");
    state("resume", "Trade again");
    CLI::App* kill =
        add(trading, "kill", "Halt everything and cancel what is open; a latch", "trading.kill");
    flag(kill, "--flatten", "flatten", true, "Close every position too");
    reason(kill);
    reason(add(trading, "release", "Release the kill switch", "trading.release"));
    CLI::App* flatten =
        add(&app_, "flatten", "Cancel what is open and close what is held", "accounts.flatten");
    filters(flatten);
    reason(flatten);
    CLI::App* compare = add(&app_, "reconcile", "Compare with the venue now", "reconcile");
    account(compare);
    reason(compare);
    CLI::App* pause = add(&app_, "pause", "Let a strategy send nothing", "strategies.pause");
    text(pause, "strategy", "strategy", "Its name", true);
    reason(pause);
    CLI::App* start = add(&app_, "start", "Let a paused strategy go on", "strategies.start");
    text(start, "strategy", "strategy", "Its name", true);
    reason(start);
    for (CLI::App* list : add_list("adjustments", "Balances that nothing explains",
                                   {"number", "account", "asset", "amount", "accepted", "found"})) {
      flag(list, "--all", "all", true, "Accepted ones too");
    }
    const auto listen = [&](const std::string& verb, const std::string& help) {
      CLI::App* command = add(&app_, verb, help, "market." + verb);
      text(command, "instrument", "instrument", "BASE/QUOTE, or venue:BASE/QUOTE", true);
      reason(command);
    };
    listen("subscribe", "Listen to an instrument's market data again");
    listen("unsubscribe", "Listen to it no more, until the next start");
    CLI::App* accept = add(&app_, "accept", "Accept an adjustment", "adjustments.accept");
    accept
        ->add_option_function<std::int64_t>(
            "number", [this](const std::int64_t& value) { question_.params["number"] = value; },
            "Its number")
        ->required();
    reason(accept);
    CLI::App* limit =
        add(&app_, "set-limit", "Set a risk limit until it is given back", "risk.set");
    text(limit, "limit", "limit", "Its name, as `risk` shows it", true);
    text(limit, "--value", "value", "Money, percent, a count, or seconds");
    flag(limit, "--unset", "unset", true, "The configuration's word counts again");
    filters(limit);
    reason(limit);
  }

  void add_credentials() {
    const std::vector<std::string_view> columns{"name",        "part",     "prefix",
                                                "key_version", "accounts", "changed"};
    CLI::App* group = app_.add_subcommand("credentials", "Secrets that the daemon keeps, sealed");
    group->fallthrough()->require_subcommand(1);
    add(group, "list", "Which there are; of each secret its prefix", "credentials.list",
        "credentials", columns);
    CLI::App* put =
        add(group, "put", "Seal a secret, in the place of an earlier one; used from the next start",
            "credentials.put");
    text(put, "name", "name", "What accounts.<name>.credential of the configuration asks for",
         true);
    text(put, "part", "part", "api_key, private_key or api_secret", true);
    put->add_option("--file", secret_file_, "Where it stands; left out, it is read from the input");
    reason(put);
    put->final_callback([this, called = "credentials.put"] {
      question_.method = called;
      question_.params["value"] = read_secret(secret_file_);
    });
    CLI::App* rotate =
        add(group, "rotate", "Seal all of them anew, under a new version of the master key",
            "credentials.rotate");
    reason(rotate);
    CLI::App* key = group->add_subcommand("key", "Make a file with a master key");
    key->fallthrough();
    key->add_option("file", key_file_, "Where; it must not be there yet")->required();
    key->add_flag("--add", adds_key, "It is there: add a newer key to it");
    key->final_callback([this] { key_file = key_file_; });
  }

  /// Never from the command line: others see that.
  static std::string read_secret(const std::string& file) {
    std::ifstream stream;
    if (!file.empty()) stream.open(file);
    std::istream& input = file.empty() ? std::cin : stream;
    std::string text(std::istreambuf_iterator<char>{input}, {});
    if (!file.empty() && !stream.is_open()) {
      throw std::runtime_error(fmt::format("{}: cannot be read", file));
    }
    // Whoever typed or echoed it ended the line.
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    return text;
  }

  void add_database() {
    using Verb = halcyon::daemon::DatabaseTask::Verb;
    CLI::App* group =
        app_.add_subcommand("db", "Look at PostgreSQL, or bring its schema up to date");
    group->fallthrough()->require_subcommand(1);
    const auto add_verb = [&](const std::string& name, const std::string& help, Verb verb) {
      CLI::App* command = group->add_subcommand(name, help);
      command->fallthrough();
      command->add_option("--config", database_task_.config_file, "The daemon's configuration")
          ->required();
      command->final_callback([this, verb] {
        database = database_task_;
        database->verb = verb;
        database->as_json = as_json;
      });
      return command;
    };
    add_verb("status", "Which schema is there, and how far each journal is", Verb::status);
    add_verb("migrate", "Take the steps of the schema that are missing, grant the roles",
             Verb::migrate);
    CLI::App* verify = add_verb(
        "verify", "Compare with a replay of the journal; lists what differs", Verb::verify);
    verify->add_option("--limit", database_task_.limit, "How many differences are shown (100)")
        ->check(CLI::Range(1, 100'000));
  }

  void add_journal() {
    CLI::App* group = app_.add_subcommand("journal", "Look at the journal's files");
    group->fallthrough()->require_subcommand(1);
    const auto add_verb = [&](const std::string& name, const std::string& help,
                              JournalTask::Verb verb) {
      CLI::App* command = group->add_subcommand(name, help);
      command->fallthrough();
      command->add_option(
          "directory", task_.directory,
          "The journal's directory or the data_dir; left out, the running daemon's");
      command->final_callback([this, verb] {
        task_.verb = verb;
        task_.as_json = as_json;
        journal = task_;
      });
      return command;
    };
    const auto add_after = [this](CLI::App* command) {
      command->add_option("--after", task_.after, "Only what is behind this sequence");
    };
    add_verb("verify", "Check every frame and every snapshot", JournalTask::Verb::verify);
    CLI::App* dump = add_verb("dump", "Every frame as a line of JSON", JournalTask::Verb::dump);
    add_after(dump);
    dump->add_option("--limit", task_.limit, "So many frames at most");
    add_after(
        add_verb("tail", "Follow the journal, a line of JSON a frame", JournalTask::Verb::tail));
  }

  CLI::App app_{"Halcyon's operator tool", "halcyonctl"};
  JournalTask task_;
  halcyon::daemon::DatabaseTask database_task_;
  std::string secret_file_;
  std::string key_file_;
  Question question_;
};

}  // namespace

int main(int count, char** values) {
  try {
    CommandLine line;
    int exit_code = ok;
    const auto question =
        line.parse(normalize(std::vector<std::string>(values + 1, values + count)), exit_code);
    if (!question) return exit_code;
    if (line.journal) return look_at_journal(line.socket, *line.journal);
    if (line.key_file) return make_key(*line.key_file, line.adds_key);
    if (line.database) return halcyon::daemon::run_database_task(*line.database, stdout);
    return ask(line.socket, *question, line.as_json);
  } catch (const std::exception& error) {
    say(error.what());
    return failed;
  }
}
