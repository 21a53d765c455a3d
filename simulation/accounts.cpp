#include "simulation/accounts.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "simulation/signature.h"

namespace halcyon::simulation {

namespace {

constexpr std::array<std::string_view, 10> known_keys{
    "api_key",  "api_key_file",     "public_key_file",  "hmac_secret", "hmac_secret_file",
    "balances", "maker_commission", "taker_commission", "fee_asset",   "fee_asset_price"};

std::optional<std::string> read_text(const std::filesystem::path& file) {
  std::ifstream input{file, std::ios::binary};
  if (!input) return std::nullopt;
  std::ostringstream text;
  text << input.rdbuf();
  return text.str();
}

std::string trimmed(std::string text) {
  while (!text.empty() && std::string_view{" \t\r\n"}.find(text.back()) != std::string_view::npos) {
    text.pop_back();
  }
  return text;
}

struct Reader {
  const std::string& file;
  const std::filesystem::path& directory;
  std::vector<std::string> problems;

  void problem(const toml::node& at, std::string_view key, std::string_view why) {
    problems.push_back(fmt::format("{}:{}: {}: {}", file, at.source().begin.line, key, why));
  }
  std::optional<std::string> text(const toml::table& table, std::string_view key) {
    const auto* node = table.get(key);
    if (node == nullptr) return std::nullopt;
    if (!node->is_string()) {
      problem(*node, key, "must be a text in quotes");
      return std::nullopt;
    }
    return node->as_string()->get();
  }
  /// The text itself, or the content of the file that `<key>_file` names.
  std::optional<std::string> text_or_file(const toml::table& table, const std::string& key,
                                          bool inline_too) {
    if (inline_too) {
      if (auto found = text(table, key)) return found;
    }
    const auto name = text(table, key + "_file");
    if (!name) return std::nullopt;
    auto content = read_text(directory / *name);
    if (!content) {
      problem(*table.get(key + "_file"), key + "_file",
              (directory / *name).string() + " cannot be read");
    }
    return content;
  }
  template <class Amount>
  std::optional<Amount> amount(const toml::table& table, std::string_view key) {
    const auto found = text(table, key);
    if (!found) return std::nullopt;
    const auto parsed = domain::parse<Amount>(*found);
    if (!parsed || parsed->is_negative()) {
      problem(*table.get(key), key, "\"" + *found + "\" is not an amount of zero or more");
      return std::nullopt;
    }
    return parsed;
  }
};

AccountSettings read_account(Reader& reader, const std::string& name, const toml::table& table) {
  AccountSettings account;
  account.name = name;
  const auto path = "accounts." + name;
  for (const auto& [key, node] : table) {
    if (std::find(known_keys.begin(), known_keys.end(), key.str()) == known_keys.end()) {
      reader.problem(node, path + '.' + std::string{key.str()}, "unknown key");
    }
  }
  account.api_key = trimmed(reader.text_or_file(table, "api_key", true).value_or(""));
  if (account.api_key.empty()) reader.problem(table, path, "needs api_key or api_key_file");
  account.ed25519_public_pem = reader.text_or_file(table, "public_key", false).value_or("");
  account.hmac_secret = trimmed(reader.text_or_file(table, "hmac_secret", true).value_or(""));
  if (account.ed25519_public_pem.empty() == account.hmac_secret.empty()) {
    reader.problem(table, path,
                   "needs public_key_file (Ed25519), or hmac_secret or hmac_secret_file");
  }
  if (!account.ed25519_public_pem.empty()) {
    try {
      check_ed25519_public_key(account.ed25519_public_pem, path + ".public_key_file");
    } catch (const std::runtime_error& error) {
      reader.problem(table, path, error.what());
    }
  }
  for (const auto& [key, to] : {std::pair{"maker_commission", &account.maker_commission},
                                std::pair{"taker_commission", &account.taker_commission}}) {
    const auto rate = reader.amount<Price>(table, key);
    if (!rate) continue;
    if (rate->raw() >= domain::decimal_scale / 10) {
      reader.problem(*table.get(key), key, "must be below 0.1, which is 10 %");
    }
    *to = rate->raw();
  }
  account.fee_asset = reader.text(table, "fee_asset").value_or("received");
  account.fee_asset_price = reader.amount<Price>(table, "fee_asset_price").value_or(Price{});
  if (account.fee_asset != "received" && account.fee_asset != "quote" &&
      !account.fee_asset_price.is_positive()) {
    reader.problem(table, path,
                   "a fee_asset other than \"received\" and \"quote\" needs fee_asset_price");
  }
  if (const auto* node = table.get("balances")) {
    if (!node->is_table()) {
      reader.problem(*node, path + ".balances", "must be a table of asset = \"amount\"");
    } else {
      for (const auto& [asset, amount] : *node->as_table()) {
        const std::string key{asset.str()};
        if (const auto free = reader.amount<Money>(*node->as_table(), key)) {
          account.balances[key] = *free;
        }
      }
    }
  }
  return account;
}

}  // namespace

std::vector<AccountSettings> parse_accounts(std::string_view text, const std::string& name,
                                            const std::filesystem::path& directory) {
  toml::table document;
  try {
    document = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    throw std::runtime_error(
        fmt::format("{}:{}: {}", name, error.source().begin.line, error.description()));
  }
  Reader reader{name, directory, {}};
  std::vector<AccountSettings> accounts;
  for (const auto& [key, node] : document) {
    if (key.str() != "accounts" || !node.is_table()) {
      reader.problem(node, key.str(), "unknown; the file holds [accounts.<name>] tables");
      continue;
    }
    for (const auto& [account, settings] : *node.as_table()) {
      if (!settings.is_table()) {
        reader.problem(settings, account.str(), "must be a table");
        continue;
      }
      accounts.push_back(read_account(reader, std::string{account.str()}, *settings.as_table()));
    }
  }
  std::set<std::string> keys;
  for (const auto& account : accounts) {
    if (!account.api_key.empty() && !keys.insert(account.api_key).second) {
      reader.problems.push_back(name + ": accounts." + account.name +
                                ": this api_key belongs to another account too");
    }
  }
  if (accounts.empty() && reader.problems.empty()) {
    reader.problems.push_back(name + ": names no account; add [accounts.main]");
  }
  if (!reader.problems.empty()) {
    throw std::runtime_error(fmt::format("{}", fmt::join(reader.problems, "\n")));
  }
  return accounts;
}

std::vector<AccountSettings> read_accounts(const std::filesystem::path& file) {
  const auto text = read_text(file);
  if (!text) throw std::runtime_error(file.string() + ": cannot be read");
  return parse_accounts(*text, file.string(), file.parent_path());
}

}  // namespace halcyon::simulation
