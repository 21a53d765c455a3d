#include "daemon/command_table.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace halcyon::daemon {

using nlohmann::json;
using persistence::AskedCommand;
using persistence::CommandAnswer;
using persistence::PostgresOutcome;

std::optional<Role> role_of(config::CommandRole setting) {
  switch (setting) {
    case config::CommandRole::off:
      return std::nullopt;
    case config::CommandRole::observe:
      return Role::observe;
    case config::CommandRole::trade:
      return Role::trade;
    case config::CommandRole::admin:
      return Role::admin;
  }
  return std::nullopt;
}

std::string why_not(const config::Config& config, std::string_view user, std::string_view params) {
  if (user.empty()) return "user_id is not one of halcyon.users";
  if (user == "daemon") return {};
  const json asked = json::parse(params, nullptr, /*allow_exceptions=*/false);
  if (!asked.is_object()) return "params must be an object";
  const auto text = [&](const char* key) -> std::optional<std::string> {
    const auto place = asked.find(key);
    if (place == asked.end() || !place->is_string()) return std::nullopt;
    return place->get<std::string>();
  };
  const auto account = text("account");
  const auto order = text("order");
  if (!account && !order) {
    return fmt::format("{} may ask only with an account of his own, or an order in one", user);
  }
  const auto is_his = [&](auto matches) {
    return std::any_of(
        config.accounts.begin(), config.accounts.end(),
        [&](const config::Account& row) { return row.owner == user && matches(row); });
  };
  if (account && !is_his([&](const config::Account& row) { return row.name == *account; })) {
    return fmt::format("account: \"{}\" is not one of {}", *account, user);
  }
  if (order && !is_his([&](const config::Account& row) {
        return order->starts_with(config.daemon.name + "-" + row.name + "-");
      })) {
    return fmt::format("order: \"{}\" is not in an account of {}", *order, user);
  }
  return {};
}

CommandTable::CommandTable(Setup setup)
    : setup_(std::move(setup)),
      role_(role_of(setup_.config->postgres->commands).value_or(Role::observe)),
      inbox_(setup_.config->postgres->dsn, setup_.config->daemon.name, setup_.epoch) {}

std::size_t CommandTable::run_once() {
  using Clock = std::chrono::steady_clock;
  const auto failed_with = [&](const PostgresOutcome& failed) {
    next_try_ = Clock::now() + setup_.retry;
    if (failed->words != trouble_ && failed->words != "interrupted" && setup_.say) {
      setup_.say(domain::Severity::warning,
                 fmt::format("the command table is not looked at: {}", failed->words));
    }
    trouble_ = failed->words;
    return std::size_t{0};
  };
  if (!inbox_.is_open()) {
    if (Clock::now() < next_try_ || (setup_.is_projected && !setup_.is_projected())) return 0;
    if (const auto failed = inbox_.begin(in_hand_)) return failed_with(failed);
    if (!trouble_.empty() && setup_.say) {
      setup_.say(domain::Severity::info, "the command table is looked at again");
    }
    trouble_.clear();
    next_look_ = Clock::now();
  }
  {
    const std::lock_guard lock{mutex_};
    for (CommandAnswer& answer : answered_) unsent_.push_back(std::move(answer));
    answered_.clear();
  }
  std::size_t work = 0;
  while (!unsent_.empty()) {
    if (const auto failed = inbox_.answer(unsent_.back())) return failed_with(failed);
    in_hand_.erase(unsent_.back().id);
    unsent_.pop_back();
    ++work;
  }
  bool has_news = false;
  // Soon back while an answer is awaited; control has no way to end this wait.
  const auto longest = in_hand_.empty() ? setup_.longest_wait : std::chrono::milliseconds{0};
  if (const auto failed = inbox_.wait(longest, has_news)) return failed_with(failed);
  if ((has_news || Clock::now() >= next_look_) &&
      in_hand_.size() < persistence::CommandInbox::most_at_once) {
    // A notice may be lost with its connection: the table is looked at without one, too.
    next_look_ = Clock::now() + std::chrono::seconds{1};
    std::vector<AskedCommand> taken;
    const std::size_t room = persistence::CommandInbox::most_at_once - in_hand_.size();
    if (const auto failed = inbox_.take(room, taken)) return failed_with(failed);
    if (taken.size() == room) next_look_ = Clock::now();
    for (const AskedCommand& asked : taken) in_hand_.insert(asked.id);
    work += taken.size();
    const std::lock_guard lock{mutex_};
    for (AskedCommand& asked : taken) asked_.push_back(std::move(asked));
  }
  return work;
}

void CommandTable::refuse(const std::string& id, std::string words) {
  const std::lock_guard lock{mutex_};
  answered_.push_back({id, false, {}, std::move(words)});
}

void CommandTable::finish(const std::string& id, const std::string& line) {
  const json answer = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (answer.is_object() && answer.contains("result")) {
    const std::lock_guard lock{mutex_};
    answered_.push_back(
        {id, true, answer["result"].dump(-1, ' ', false, json::error_handler_t::replace), {}});
    return;
  }
  std::string words = "refused without words";
  if (answer.is_object() && answer.contains("error") && answer["error"].is_object()) {
    words = answer["error"].value("message", words);
  }
  refuse(id, std::move(words));
}

std::size_t CommandTable::turn(AdminMethods& methods, domain::Timestamp now) {
  std::vector<AskedCommand> asked;
  {
    const std::lock_guard lock{mutex_};
    asked.swap(asked_);
  }
  for (const AskedCommand& command : asked) {
    if (command.method.starts_with("credentials.")) {
      refuse(command.id,
             "secrets go over the admin socket only; what was written here was removed "
             "from the row and may stand in the server's logs: change it at the venue");
      continue;
    }
    if (std::string words = why_not(*setup_.config, command.user, command.params); !words.empty()) {
      refuse(command.id, std::move(words));
      continue;
    }
    json request = {{"jsonrpc", "2.0"}, {"id", command.id}, {"method", command.method}};
    request["params"] = json::parse(command.params, nullptr, /*allow_exceptions=*/false);
    Caller caller;
    caller.role = role_;
    caller.token = command.token;
    caller.who = fmt::format("database, user {}", command.user.substr(0, 32));
    const Reply reply =
        methods.handle(request.dump(-1, ' ', false, json::error_handler_t::replace), caller, now);
    if (reply.waiting) {
      waiting_.emplace_back(command.id, *reply.waiting);
    } else {
      finish(command.id, reply.line);
    }
  }
  std::size_t finished = 0;
  std::erase_if(waiting_, [&](const auto& row) {
    const auto line = methods.finish(row.second, now);
    if (!line) return false;
    finish(row.first, *line);
    ++finished;
    return true;
  });
  return asked.size() + finished;
}

}  // namespace halcyon::daemon
