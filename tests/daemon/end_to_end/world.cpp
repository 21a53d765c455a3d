#include "tests/daemon/end_to_end/world.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <optional>
#include <stdexcept>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "domain/decimal.h"
#include "tests/persistence/postgres_server.h"

namespace halcyon::tests {

using nlohmann::json;
using std::chrono::seconds;

namespace {

constexpr auto patience = seconds{60};

/// "1.50000000" and "1.5" are one number: every source is read and printed the same way.
std::string canonical(const std::string& number) {
  const auto value = domain::parse<domain::Money>(number);
  if (!value) throw std::runtime_error("not a number: " + number);
  return domain::to_string(*value);
}

domain::Money money(const std::string& number) {
  return domain::parse<domain::Money>(number).value();
}

std::string fill_text(const std::string& trade, const std::string& order, const std::string& side,
                      const std::string& price, const std::string& quantity, const std::string& fee,
                      const std::string& fee_asset) {
  return trade + " " + order + " " + side + " " + canonical(quantity) + " @ " + canonical(price) +
         " fee " + canonical(fee) + " " + fee_asset;
}

std::string four_strategies() {
  std::string text;
  const std::array<std::pair<int, int>, 4> periods{{{1, 2}, {1, 3}, {2, 3}, {2, 4}}};
  for (const auto& [fast, slow] : periods) {
    text += "[strategies.s" + std::to_string(fast) + std::to_string(slow) +
            "]\ntype = \"trend_following\"\naccounts = [\"main\"]\ninstruments = [\"BTC/USDT\"]\n"
            "timeframe = \"1s\"\ncapital = \"900\"\nfast_period = " +
            std::to_string(fast) + "\nslow_period = " + std::to_string(slow) + "\n";
  }
  return text;
}

}  // namespace

std::string World::binary(const std::string& name) const {
  // One build of the simulator serves the tests of every build of the daemon.
  const char* simulator = std::getenv("HALCYON_SIM");
  if (name == "halcyon-sim" && simulator != nullptr) return simulator;
  return std::string{HALCYON_BINARY_DIR} + "/bin/" + name;
}

World::World(const WorldSettings& settings) : is_coinbase_(settings.venue == "coinbase") {
  std::string pattern = std::filesystem::temp_directory_path() / "halcyon-world-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  directory_ = pattern;
  Process keys{{binary("halcyon-sim"), "--make-key", path("key")}, path("sim.log")};
  if (keys.wait(seconds{20}) != 0) throw std::runtime_error(text_of(path("sim.log")));
  std::ofstream{path("accounts.toml")}
      << "[accounts.main]\napi_key_file = \"key/api_key\"\npublic_key_file = "
         "\"key/ed25519.pub.pem\"\nbalances = { USDT = \"100000\", BTC = \"1\" }\n";
  std::vector<std::string> arguments{
      binary("halcyon-sim"),
      "--venue",
      settings.venue,
      "--private-per-second",
      "1000",
      "--listen",
      "127.0.0.1:0",
      "--recording",
      std::string{HALCYON_SOURCE_DIR} + "/tests/data/binance/btcusdt_spot_20240808_346s.txt.gz",
      "--speed",
      std::to_string(settings.speed),
      "--loop",
      "--wait-for-client",
      "--tls-dir",
      path("tls"),
      "--accounts",
      path("accounts.toml"),
      "--port-file",
      path("port"),
      "--control",
      path("sim.sock"),
      "--orders-per-10s",
      "100000",
      "--weight-per-minute",
      "1000000",
      "--connections-per-5m",
      "100000"};
  if (settings.clock_rate != 1) {
    // Base and origin are the same second, so that both programs agree whenever they start.
    const auto now = std::to_string(std::time(nullptr));
    test_clock_ = now + "," + std::to_string(settings.clock_rate) + "," + now;
    arguments.insert(arguments.end(), {"--test-clock", test_clock_});
  }
  simulator_ = std::make_unique<Process>(arguments, path("sim.log"));
  if (!wait_until([&] { return std::filesystem::exists(path("port")); }, patience)) {
    throw std::runtime_error("the simulator did not start: " + text_of(path("sim.log")));
  }
  const std::string at = "127.0.0.1:" + std::to_string(std::stoi(text_of(path("port"))));
  std::ofstream config{path("halcyon.toml")};
  config << "[daemon]\nname = \"test\"\ndata_dir = \"" << path("data") << "\"\n[engine]\n"
         << settings.engine << "[journal]\nsegment_bytes = 2097152\n"
         << settings.journal << "[admin]\nsocket = \"" << path("admin.sock")
         << "\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n";
  if (settings.with_postgres) {
    dsn_ = PostgresServer::shared().new_database();
    config << "[postgres]\ndsn = \"" << dsn_ << "\"\n";
  }
  config << "[venues.binance]\nkind = \"" << settings.venue << "\"\nenvironment = \"simulator\"\n"
         << "market_data_url = \"wss://" << at << "\"\n"
         << (is_coinbase_ ? "user_stream_url" : "orders_url") << " = \"wss://" << at
         << (is_coinbase_ ? "/user" : "/ws-api/v3") << "\"\nrest_url = \"https://" << at
         << "\"\nca_file = \"" << path("tls/ca.pem") << "\"\ninstruments = [\"BTC/USDT\"]\n"
         << "channels = [\"trades\", \"quotes\", \"book\"]\n"
         << settings.venue_lines << "[accounts.main]\nvenue = \"binance\"\nmode = \"live\"\n"
         << (settings.keys.empty()
                 ? "api_key_file = \"" + path("key/api_key") + "\"\nprivate_key_file = \"" +
                       path("key/ed25519.pem") + "\"\n"
                 : settings.keys)
         << settings.further
         << (settings.strategies.empty() ? four_strategies() : settings.strategies) << "[risk]\n"
         << "max_consecutive_losses = 10000\n"  // those that trade often pay fees often
         << settings.risk;
}

World::~World() {
  daemon_.reset();
  simulator_.reset();
  std::error_code ignored;
  if (std::getenv("HALCYON_KEEP") == nullptr) std::filesystem::remove_all(directory_, ignored);
}

void World::start_daemon(const std::vector<std::string>& before) {
  daemon_.reset();
  std::vector<std::string> arguments = before;
  arguments.insert(arguments.end(), {binary("halcyond"), "--config", path("halcyon.toml")});
  if (!test_clock_.empty()) arguments.insert(arguments.end(), {"--test-clock", test_clock_});
  daemon_ = std::make_unique<Process>(arguments, path("halcyond.log"));
}

void World::wait_ready() {
  const bool is_ready = wait_until(
      [&] {
        if (!daemon_->is_running()) return true;
        try {
          const auto status = admin("status");
          return status.at("accounts").size() == 1 && status.at("accounts")[0]["ready"] == true;
        } catch (const std::exception&) {
          return false;  // it does not listen yet
        }
      },
      patience);
  if (!is_ready || !daemon_->is_running()) {
    throw std::runtime_error("the daemon is not ready: " + daemon_log());
  }
}

json World::simulator(const json& command) const {
  auto answer = json::parse(ask(path("sim.sock"), command.dump()));
  if (answer.at("ok") != true) throw std::runtime_error("simulator: " + answer.dump());
  return answer;
}

json World::admin(const std::string& method, const json& params) const {
  const json request{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}};
  auto answer = json::parse(ask(path("admin.sock"), request.dump()));
  if (answer.contains("error")) throw std::runtime_error(method + ": " + answer.at("error").dump());
  return answer.at("result");
}

std::string World::http(const std::string& path) const {
  const int port = admin("status").at("process").at("http_port");
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval bound{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  std::string answer;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    const std::string request =
        "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    char buffer[65536];
    for (ssize_t got = 0; (got = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(got));
    }
  }
  ::close(fd);
  return answer;
}

std::vector<std::string> World::true_fills() const {
  std::vector<std::string> fills;
  const auto truth = simulator(json{{"cmd", "truth"}});
  for (const auto& trade : truth.at("accounts")[0]["trades"]) {
    fills.push_back(fill_text(trade_text(std::to_string(trade.at("trade_id").get<std::uint64_t>())),
                              trade.at("client_order_id"), trade.at("side"), trade.at("price"),
                              trade.at("quantity"), trade.at("commission"),
                              trade.at("commission_asset")));
  }
  std::sort(fills.begin(), fills.end());
  return fills;
}

std::vector<std::string> World::daemon_fills() const {
  std::vector<std::string> fills;
  const auto text = [](const json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  };
  // An order by another hand has a name of ours, and the id that the hand gave it.
  std::map<std::string, std::string> client_ids;
  const auto orders = admin("orders.list", {{"which", "all"}, {"limit", 10'000}});
  for (const auto& order : orders["orders"]) {
    client_ids[order.at("order")] = order.at("client_order_id");
  }
  const auto result = admin("fills.list", {{"limit", 10'000}});
  for (const auto& fill : result["fills"]) {
    const auto known = client_ids.find(text(fill.at("order")));
    const std::string order = known == client_ids.end() ? text(fill.at("order")) : known->second;
    fills.push_back(fill_text(trade_text(text(fill.at("trade"))), order, text(fill.at("side")),
                              text(fill.at("price")), text(fill.at("quantity")),
                              text(fill.at("fee")), text(fill.at("fee_asset"))));
  }
  std::sort(fills.begin(), fills.end());
  return fills;
}

std::vector<std::string> World::postgres_fills() const {
  std::vector<std::string> fills;
  for (const auto& row :
       query(dsn_,
             "SELECT f.venue_trade_id, o.client_order_id, f.side, f.price, f.quantity, f.fee, "
             "f.fee_asset FROM halcyon.fills f JOIN halcyon.orders o ON o.id = f.order_id "
             "WHERE NOT EXISTS (SELECT FROM halcyon.fill_voids v WHERE v.fill_id = f.id)")) {
    const auto at = [&](std::size_t index) { return row.at(index).value_or(""); };
    fills.push_back(fill_text(trade_text(at(0)), at(1), at(2), at(3), at(4), at(5), at(6)));
  }
  std::sort(fills.begin(), fills.end());
  return fills;
}

std::vector<std::string> World::disagreements() {
  admin("trading.halt", {{"reason", "comparison"}});
  const auto is_quiet = [&] {
    const auto status = admin("status");
    return status.at("orders").at("open") == 0 && status.at("orders").at("open_requests") == 0;
  };
  if (!wait_until(is_quiet, patience)) {
    return {"it does not come to rest: " + admin("status").dump()};
  }
  // What was lost on a line that has just been cut comes with the next reconciliation.
  std::vector<std::string> words;
  wait_until(
      [&] {
        words = differences();
        return words.empty();
      },
      patience);
  return words;
}

std::vector<std::string> World::differences() {
  std::vector<std::string> words;
  // PostgreSQL has come as far as the journal was when all was quiet.
  const std::uint64_t sequence = admin("status").at("process").at("journal_sequence");
  const auto is_projected = [&] {
    return dsn_.empty() || admin("status").at("process").at("postgres").at("position") >= sequence;
  };
  if (!wait_until(is_projected, patience)) {
    return {"PostgreSQL does not follow: " + admin("status").dump()};
  }
  const auto truth = simulator(json{{"cmd", "truth"}}).at("accounts").at(0);
  const auto compare = [&](const std::string& who, std::vector<std::string> have,
                           const std::vector<std::string>& want) {
    std::vector<std::string> missing;
    std::vector<std::string> extra;
    std::set_difference(want.begin(), want.end(), have.begin(), have.end(),
                        std::back_inserter(missing));
    std::set_difference(have.begin(), have.end(), want.begin(), want.end(),
                        std::back_inserter(extra));
    for (const auto& row : missing) words.push_back(who + " lacks " + row);
    for (const auto& row : extra) words.push_back(who + " has too much: " + row);
  };
  const auto fills = true_fills();
  compare("the daemon", daemon_fills(), fills);
  if (!dsn_.empty()) compare("PostgreSQL", postgres_fills(), fills);

  // Orders: state and executed quantity of every order that the venue has seen.
  std::vector<std::string> orders;
  for (const auto& order : truth.at("orders")) {
    // Coinbase has one word for what its owner and what the exchange ended.
    std::string state = order.at("status").get<std::string>();
    if (is_coinbase_ && state == "expired") state = "canceled";
    orders.push_back(order.at("client_order_id").get<std::string>() + " " + state + " " +
                     canonical(order.at("executed")));
  }
  std::sort(orders.begin(), orders.end());
  if (!dsn_.empty()) {
    std::vector<std::string> ours;
    for (const auto& row :
         query(dsn_,
               "SELECT client_order_id, state, filled_quantity FROM halcyon.orders "
               "WHERE venue_order_id IS NOT NULL")) {
      ours.push_back(*row.at(0) + " " + *row.at(1) + " " + canonical(*row.at(2)));
    }
    std::sort(ours.begin(), ours.end());
    compare("PostgreSQL's orders", ours, orders);
  }

  // Position: what the fills make, fees in the base asset taken off.
  domain::Money position;
  std::map<std::string, domain::Money> fees;
  for (const auto& trade : truth.at("trades")) {
    const auto quantity = money(trade.at("quantity"));
    position += trade.at("side") == "buy" ? quantity : -quantity;
    if (trade.at("commission_asset") == "BTC") position -= money(trade.at("commission"));
  }
  domain::Money held;
  const auto positions = admin("positions.list");
  for (const auto& row : positions.at("positions")) held += money(row.at("quantity"));
  if (held != position) {
    words.push_back("the daemon holds " + domain::to_string(held) + " BTC, its fills make " +
                    domain::to_string(position));
  }
  if (!dsn_.empty()) {
    const auto sum = query_value(dsn_, "SELECT coalesce(sum(quantity), 0) FROM halcyon.positions");
    if (canonical(sum) != domain::to_string(position)) {
      words.push_back("PostgreSQL's positions sum to " + sum + ", the fills to " +
                      domain::to_string(position));
    }
  }

  // Balances, as the venue has them.
  std::map<std::string, std::string> balances;
  const auto balance_list = admin("balances.list");
  for (const auto& row : balance_list.at("balances")) {
    balances[row.at("asset")] = canonical(row.at("free")) + "/" + canonical(row.at("locked"));
  }
  for (const auto& row : truth.at("balances")) {
    const std::string want = canonical(row.at("free")) + "/" + canonical(row.at("locked"));
    const std::string asset = row.at("asset");
    if (balances[asset] != want && (want != "0/0" || !balances[asset].empty())) {
      words.push_back("balance of " + asset + ": venue " + want + ", daemon " + balances[asset]);
    }
    if (!dsn_.empty()) {
      const auto rows =
          query(dsn_, "SELECT free, locked FROM halcyon.balances WHERE asset = '" + asset + "'");
      const std::string have =
          rows.empty() ? "" : canonical(*rows[0].at(0)) + "/" + canonical(*rows[0].at(1));
      if (have != want && (want != "0/0" || !have.empty())) {
        words.push_back("balance of " + asset + ": venue " + want + ", PostgreSQL " + have);
      }
    }
  }
  return words;
}

}  // namespace halcyon::tests
