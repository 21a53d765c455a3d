// How much of the time from tick to order is ours? The real halcyond, with risk, order manager and
// journal on, against its own floor path in the same process: a constant order, sent as soon as the
// frame is there, nothing parsed. This program is the venue: it spins on one core, writes a tick,
// and times until the order has come. Floor ticks and full ticks alternate in blocks of two (a
// one-way stream acknowledges every second packet, which would bias odd against even), and the
// ratio of their medians within one launch is the figure. Launches are repeated; the median ratio
// counts.
//
// With --postgres UP,DOWN,SLOW (libpq connection strings) it asks another question: is an order
// slower while PostgreSQL is away, or slow? Each round launches the daemon with each of the three;
// their medians, each in units of its own launch's floor, are compared within the run.
//
// Before anything is timed it is shown that the daemon's orders are right: side and quantity of
// every order follow from the ticks, or the program fails.

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

std::int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

[[noreturn]] void fail(const std::string& why) { throw std::runtime_error(why); }

// ---- the venue's identity: a certificate of its own authority, and a trading key
// ------------------

template <class T, void (*release)(T*)>
struct Release {
  void operator()(T* object) const { release(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Release<X509, X509_free>>;

template <class Write>
void to_file(const std::filesystem::path& path, Write write) {
  FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) fail("cannot write " + path.string());
  write(file);
  std::fclose(file);
  std::filesystem::permissions(
      path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

Certificate self_signed(EVP_PKEY* key) {
  Certificate certificate{X509_new()};
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 24L * 3600);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("tick bench"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  const std::array<std::pair<int, const char*>, 2> extensions{
      {{NID_subject_alt_name, "IP:127.0.0.1"}, {NID_basic_constraints, "critical,CA:TRUE"}}};
  for (const auto& [kind, text] : extensions) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, text);
    X509_add_ext(certificate.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(certificate.get(), key, EVP_sha256());
  return certificate;
}

// ---- one connection of a client
// -------------------------------------------------------------------

class Peer {
 public:
  Peer(int fd, SSL_CTX* context) : fd_(fd), ssl_(SSL_new(context)) {
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    SSL_set_fd(ssl_.get(), fd);
    if (SSL_accept(ssl_.get()) != 1) fail("TLS handshake");
    ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
  }
  ~Peer() { ::close(fd_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// Reads what is there; false: the client has gone.
  bool read() {
    std::array<char, 65536> bytes{};
    const int got = SSL_read(ssl_.get(), bytes.data(), bytes.size());
    if (got > 0) {
      in_.append(bytes.data(), static_cast<std::size_t>(got));
      return true;
    }
    const int error = SSL_get_error(ssl_.get(), got);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  }
  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const int put = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (put > 0) bytes.remove_prefix(static_cast<std::size_t>(put));
    }
  }
  void send(std::string_view text) {
    frame_.clear();
    frame_ += static_cast<char>(0x81);
    if (text.size() < 126) {
      frame_ += static_cast<char>(text.size());
    } else {
      frame_ += static_cast<char>(126);
      frame_ += static_cast<char>(text.size() >> 8);
      frame_ += static_cast<char>(text.size() & 0xff);
    }
    frame_ += text;
    write(frame_);
  }
  /// A whole HTTP request head, if one is there.
  bool take_request(std::string& head) {
    const auto end = in_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    head = in_.substr(0, end);
    in_.erase(0, end + 4);
    return true;
  }
  /// A whole message of a client, unmasked, if one is there.
  bool take_message(std::string& text) {
    if (in_.size() < 6) return false;
    std::size_t at = 2;
    std::size_t size = static_cast<unsigned char>(in_[1]) & 0x7fU;
    if (size == 126) {
      if (in_.size() < 8) return false;
      size = static_cast<std::size_t>(static_cast<unsigned char>(in_[2])) << 8 |
             static_cast<unsigned char>(in_[3]);
      at = 4;
    }
    if (in_.size() < at + 4 + size) return false;
    text.resize(size);
    for (std::size_t index = 0; index < size; ++index) {
      text[index] = static_cast<char>(in_[at + 4 + index] ^ in_[at + index % 4]);
    }
    in_.erase(0, at + 4 + size);
    return true;
  }

 private:
  int fd_;
  std::unique_ptr<SSL, Release<SSL, SSL_free>> ssl_;
  std::string in_;
  std::string frame_;
};

// ---- the venue
// --------------------------------------------------------------------------------------

constexpr std::string_view floor_order =
    R"({"id":"floor","method":"order.place","params":{"newClientOrderId":"bench-main-floor","newOrderRespType":"ACK","quantity":"0.00100000","recvWindow":5000,"side":"BUY","symbol":"BTCUSDT","timestamp":1723161255342,"type":"MARKET"}})";

struct Options {
  std::string halcyond;
  int ticks = 4000;
  int gap_us = 700;
  std::string wait = "spin";
  std::string dsn;
};

class Venue {
 public:
  explicit Venue(const Options& options) : options_(options) {
    directory_ = std::filesystem::temp_directory_path() /
                 ("halcyon-tick-bench-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory_);
    make_identity();
    listen();
    write_configuration();
  }
  ~Venue() {
    if (daemon_ > 0) {
      ::kill(daemon_, SIGKILL);
      ::waitpid(daemon_, nullptr, 0);
    }
    market_.reset();
    orders_.reset();
    rest_.clear();
    ::close(listener_);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  Venue(const Venue&) = delete;
  Venue& operator=(const Venue&) = delete;

  struct Times {
    std::vector<double> floor_us, full_us;
  };

  Times run() {
    pin(1);
    start_daemon();
    const auto deadline = Clock::now() + std::chrono::seconds{30};
    while (!is_ready()) {
      serve();
      if (Clock::now() > deadline) fail("the daemon did not become ready");
    }
    // Let reconciliation, rules and the first candles pass; every order is checked and answered.
    // Two candles must have closed before a third can cross: so long no tick makes an order.
    std::vector<double> untimed;
    for (int tick = 0; tick < 3; ++tick) full_tick(false, untimed);
    for (int tick = 0; tick < 200; ++tick) full_tick(true, untimed);
    Times times;
    for (int tick = 0; tick < options_.ticks; tick += 4) {
      for (int pair = 0; pair < 2; ++pair) floor_tick(times.floor_us);
      for (int pair = 0; pair < 2; ++pair) full_tick(true, times.full_us);
    }
    ::kill(daemon_, SIGTERM);
    int status = 0;
    const auto stop_by = Clock::now() + std::chrono::seconds{20};
    // It ends its connections itself; nothing that it still says needs an answer.
    while (::waitpid(daemon_, &status, WNOHANG) == 0) {
      if (Clock::now() > stop_by) fail("the daemon did not stop");
    }
    daemon_ = -1;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail("the daemon did not end well");
    return times;
  }

 private:
  static void pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(cpu), &set);
    ::sched_setaffinity(0, sizeof set, &set);
  }

  void make_identity() {
    const Key server{EVP_EC_gen("P-256")};
    const Certificate certificate = self_signed(server.get());
    to_file(directory_ / "ca.pem", [&](FILE* file) { PEM_write_X509(file, certificate.get()); });
    const Key trading{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
    to_file(directory_ / "key.pem", [&](FILE* file) {
      PEM_write_PrivateKey(file, trading.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    to_file(directory_ / "api.key", [](FILE* file) { std::fputs("bench-key\n", file); });
    context_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(context_.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), server.get());
    SSL_CTX_set_mode(context_.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context_.get(), 1);
  }

  void listen() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      fail("cannot listen on loopback");
    }
    port_ = ntohs(address.sin_port);
  }

  void write_configuration() const {
    std::ofstream file{directory_ / "halcyon.toml"};
    const std::string at = "127.0.0.1:" + std::to_string(port_);
    file << "[daemon]\nname = \"bench\"\ndata_dir = \"" << (directory_ / "data").string()
         << "\"\n[engine]\nthreads = \"shared\"\nwait = \"" << options_.wait
         << "\"\n[admin]\nsocket = \"" << (directory_ / "admin.sock").string()
         << "\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n[log]\nlevel = \"warning\"\n";
    if (!options_.dsn.empty()) file << "[postgres]\ndsn = \"" << options_.dsn << "\"\n";
    file << "[venues.binance]\nkind = \"binance\"\nenvironment = \"simulator\"\n"
         << "market_data_url = \"wss://" << at << "\"\norders_url = \"wss://" << at
         << "/ws-api/v3\"\nrest_url = \"https://" << at << "\"\nca_file = \""
         << (directory_ / "ca.pem").string()
         << "\"\ninstruments = [\"BTC/USDT\"]\nchannels = [\"trades\"]\n"
         << "[accounts.main]\nvenue = \"binance\"\nmode = \"live\"\napi_key_file = \""
         << (directory_ / "api.key").string() << "\"\nprivate_key_file = \""
         << (directory_ / "key.pem").string()
         << "\"\n[strategies.flip]\ntype = \"trend_following\"\naccounts = [\"main\"]\n"
         << "instruments = [\"BTC/USDT\"]\ntimeframe = \"1s\"\ncapital = \"600\"\n"
         << "fast_period = 1\nslow_period = 2\n"
         << "[risk]\nmax_orders_per_second = 1000\nmax_messages_per_minute = 60000\n"
         << "duplicate_window_ms = 0\nmax_consecutive_losses = 10000\n"
         << "max_daily_loss = \"1000000\"\n";
  }

  void start_daemon() {
    const std::string config = (directory_ / "halcyon.toml").string();
    daemon_ = ::fork();
    if (daemon_ == 0) {
      pin(0);
      ::execl(options_.halcyond.c_str(), "halcyond", "--config", config.c_str(), "--floor-order",
              std::string{floor_order}.c_str(), nullptr);
      std::perror(options_.halcyond.c_str());
      ::_exit(127);
    }
  }

  bool is_ready() const { return is_subscribed_ && is_reconciled_ && rules_sent_; }

  /// Everything that is not a tick: accepts, and answers whatever is asked.
  void serve() {
    if (const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC); fd >= 0) {
      rest_.push_back(std::make_unique<Peer>(fd, context_.get()));
    }
    std::string text;
    for (auto& peer : rest_) {
      if (peer == nullptr) continue;
      if (!peer->read()) {
        peer.reset();
        continue;
      }
      while (peer != nullptr && peer->take_request(text)) answer_http(peer, text);
    }
    std::erase(rest_, nullptr);
    if (market_ != nullptr) {
      if (!market_->read()) fail("the daemon closed the market connection");
      while (market_->take_message(text)) {
        const auto request = json::parse(text, nullptr, false);
        if (request.is_discarded() || !request.contains("id")) continue;  // a pong
        market_->send(json{{"result", nullptr}, {"id", request["id"]}}.dump());
        is_subscribed_ = true;
      }
    }
    if (orders_ != nullptr) poll_orders();
  }

  void answer_http(std::unique_ptr<Peer>& peer, const std::string& head) {
    if (head.find("Upgrade: websocket") != std::string::npos ||
        head.find("upgrade: websocket") != std::string::npos) {
      const auto at = head.find("Sec-WebSocket-Key: ") + 19;
      const std::string key =
          head.substr(at, head.find("\r\n", at) - at) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
      std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
      unsigned size = 0;
      EVP_Digest(key.data(), key.size(), digest.data(), &size, EVP_sha1(), nullptr);
      std::array<unsigned char, 64> text{};
      EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(size));
      peer->write(
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
          "Upgrade\r\nSec-WebSocket-Accept: " +
          std::string{reinterpret_cast<const char*>(text.data())} + "\r\n\r\n");
      (head.starts_with("GET /ws-api") ? orders_ : market_) = std::move(peer);
      return;
    }
    json body = json::object();
    if (head.find("/klines") != std::string::npos) {
      body = json::array();  // no past: strategies begin with the first tick
    } else if (head.find("/exchangeInfo") != std::string::npos) {
      body = {{"timezone", "UTC"},
              {"serverTime", wall_ms()},
              {"rateLimits",
               {{{"rateLimitType", "ORDERS"},
                 {"interval", "SECOND"},
                 {"intervalNum", 10},
                 {"limit", 10'000'000}}}},
              {"symbols",
               {{{"symbol", "BTCUSDT"},
                 {"status", "TRADING"},
                 {"baseAsset", "BTC"},
                 {"quoteAsset", "USDT"},
                 {"baseAssetPrecision", 8},
                 {"quoteAssetPrecision", 8},
                 {"orderTypes", {"LIMIT", "MARKET"}},
                 {"isSpotTradingAllowed", true},
                 {"filters",
                  {{{"filterType", "PRICE_FILTER"},
                    {"minPrice", "0.01000000"},
                    {"maxPrice", "1000000.00000000"},
                    {"tickSize", "0.01000000"}},
                   {{"filterType", "LOT_SIZE"},
                    {"minQty", "0.00001000"},
                    {"maxQty", "9000.00000000"},
                    {"stepSize", "0.00001000"}},
                   {{"filterType", "NOTIONAL"},
                    {"minNotional", "5.00000000"},
                    {"applyMinToMarket", true},
                    {"maxNotional", "9000000.00000000"},
                    {"applyMaxToMarket", false},
                    {"avgPriceMins", 5}}}}}}}};
      rules_sent_ = true;
    } else if (head.find("/time") != std::string::npos) {
      body = {{"serverTime", wall_ms()}};
    }
    const std::string text = body.dump();
    peer->write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                std::to_string(text.size()) + "\r\n\r\n" + text);
  }

  void poll_orders() {
    if (!orders_->read()) fail("the daemon closed the order connection");
    std::string text;
    while (orders_->take_message(text)) answer(text);
  }

  void answer(const std::string& text) {
    const auto request = json::parse(text, nullptr, false);
    if (request.is_discarded() || !request.contains("method")) return;  // a pong
    const std::string method = request["method"];
    if (method == "order.place") {
      fill(request);
      return;
    }
    json result = json::object();
    if (method == "time") {
      result = {{"serverTime", wall_ms()}};
    } else if (method == "session.logon") {
      result = {{"apiKey", "bench-key"},       {"authorizedSince", wall_ms()},
                {"connectedSince", wall_ms()}, {"returnRateLimits", false},
                {"serverTime", wall_ms()},     {"userDataStream", false}};
    } else if (method == "userDataStream.subscribe") {
      result = {{"subscriptionId", 0}};
    } else if (method == "openOrders.status" || method == "myTrades" || method == "allOrders") {
      result = json::array();
    } else if (method == "account.status") {
      result = {{"canTrade", true},
                {"uid", 1},
                {"balances",
                 {{{"asset", "USDT"}, {"free", "100000.00000000"}, {"locked", "0.00000000"}},
                  {{"asset", "BTC"}, {"free", "1.00000000"}, {"locked", "0.00000000"}}}}};
      is_reconciled_ = true;
    }
    orders_->send(json{{"id", request["id"]}, {"status", 200}, {"result", result}}.dump());
  }

  /// Acknowledges the order and fills it at the last price.
  void fill(const json& request) {
    if (request["id"] == "floor") return;
    const auto& params = request["params"];
    const std::string side = params["side"];
    const std::string quantity = params["quantity"];
    // The candle that this tick closed is the one before it: the order follows that one's move. The
    // price before that was the same as now.
    const bool rises = previous_price_ > price_;
    if ((side == "BUY") != rises) fail("an order on the wrong side: " + request.dump());
    if (quantity != expected_quantity_ && !expected_quantity_.empty() && side == "SELL") {
      fail("the sale is not what was bought: " + request.dump());
    }
    expected_quantity_ = quantity;
    ++orders_seen_;
    const auto now = wall_ms();
    const std::uint64_t order = ++venue_ids_;
    orders_->send(json{{"id", request["id"]},
                       {"status", 200},
                       {"result",
                        {{"symbol", "BTCUSDT"},
                         {"orderId", order},
                         {"orderListId", -1},
                         {"clientOrderId", params["newClientOrderId"]},
                         {"transactTime", now}}}}
                      .dump());
    const std::string price = price_text(price_);
    for (const std::string_view execution : {"NEW", "TRADE"}) {
      const bool is_trade = execution == "TRADE";
      const json event{{"e", "executionReport"},
                       {"E", now},
                       {"s", "BTCUSDT"},
                       {"c", params["newClientOrderId"]},
                       {"S", side},
                       {"o", "MARKET"},
                       {"f", "GTC"},
                       {"q", quantity},
                       {"p", "0.00000000"},
                       {"P", "0.00000000"},
                       {"F", "0.00000000"},
                       {"g", -1},
                       {"C", ""},
                       {"x", execution},
                       {"X", is_trade ? "FILLED" : "NEW"},
                       {"r", "NONE"},
                       {"i", order},
                       {"l", is_trade ? quantity : "0.00000000"},
                       {"z", is_trade ? quantity : "0.00000000"},
                       {"L", is_trade ? price : "0.00000000"},
                       {"n", "0"},
                       {"N", nullptr},
                       {"T", now},
                       {"t", is_trade ? static_cast<std::int64_t>(order) : -1},
                       {"I", ++execution_ids_},
                       {"w", false},
                       {"m", false},
                       {"M", false},
                       {"O", now},
                       {"Z", "0.00000000"},
                       {"Y", "0.00000000"},
                       {"Q", "0.00000000"},
                       {"V", "NONE"}};
      orders_->send(json{{"subscriptionId", 0}, {"event", event}}.dump());
    }
    // The account never gets poorer: this venue's balances are the same after every trade.
    const json balances{{"e", "outboundAccountPosition"},
                        {"E", now},
                        {"u", now},
                        {"B",
                         {{{"a", "USDT"}, {"f", "100000.00000000"}, {"l", "0.00000000"}},
                          {{"a", "BTC"}, {"f", "1.00000000"}, {"l", "0.00000000"}}}}};
    orders_->send(json{{"subscriptionId", 0}, {"event", balances}}.dump());
  }

  static std::string price_text(int price) { return std::to_string(price) + ".00000000"; }

  void wait_gap() {
    const auto until = Clock::now() + std::chrono::microseconds{options_.gap_us};
    while (Clock::now() < until) serve();
  }

  void floor_tick(std::vector<double>& times) {
    tick_text_ = R"({"floor":")";
    tick_text_.append(150, 'x');
    tick_text_ += "\"}";
    const auto start = Clock::now();
    market_->send(tick_text_);
    std::string text;
    while (true) {
      if (!orders_->read()) fail("the daemon closed the order connection");
      if (orders_->take_message(text)) {
        if (text == floor_order) break;
        answer(text);
      }
      if (Clock::now() - start > std::chrono::seconds{5}) fail("no floor order came");
    }
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    wait_gap();
  }

  void full_tick(bool makes_order, std::vector<double>& times) {
    // Each tick opens the next second's candle and so closes the one before.
    previous_price_ = price_;
    price_ = price_ == 60'000 ? 60'010 : 60'000;
    trade_time_ms_ += 1000;
    tick_text_ = R"({"stream":"btcusdt@trade","data":{"e":"trade","E":)" +
                 std::to_string(trade_time_ms_ + 1) + R"(,"s":"BTCUSDT","t":)" +
                 std::to_string(++trade_ids_) + R"(,"p":")" + price_text(price_) +
                 R"(","q":"0.02000000","T":)" + std::to_string(trade_time_ms_) +
                 R"(,"m":true,"M":true}})";
    const auto seen = orders_seen_;
    const auto start = Clock::now();
    market_->send(tick_text_);
    std::string text;
    while (makes_order) {
      if (!orders_->read()) fail("the daemon closed the order connection");
      if (orders_->take_message(text)) {
        const auto end = Clock::now();
        answer(text);
        if (orders_seen_ != seen) {
          times.push_back(std::chrono::duration<double, std::micro>(end - start).count());
          break;
        }
      }
      if (Clock::now() - start > std::chrono::seconds{5}) fail("no order came for a tick");
    }
    if (!makes_order && orders_seen_ != seen) fail("an order before the averages were there");
    wait_gap();
  }

  Options options_;
  std::filesystem::path directory_;
  std::unique_ptr<SSL_CTX, Release<SSL_CTX, SSL_CTX_free>> context_;
  int listener_ = -1;
  int port_ = 0;
  pid_t daemon_ = -1;
  std::vector<std::unique_ptr<Peer>> rest_;
  std::unique_ptr<Peer> market_, orders_;
  bool is_subscribed_ = false, is_reconciled_ = false, rules_sent_ = false;
  std::string tick_text_;
  int price_ = 60'000, previous_price_ = 60'000;
  std::int64_t trade_time_ms_ = wall_ms() / 1000 * 1000;
  std::uint64_t trade_ids_ = 1000, venue_ids_ = 5000, execution_ids_ = 9000;
  std::uint64_t orders_seen_ = 0;
  std::string expected_quantity_;
};

double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values.at(static_cast<std::size_t>(share * static_cast<double>(values.size() - 1)));
}

struct Launched {
  double full_p50 = 0, full_p99 = 0;    ///< microseconds
  double ratio_p50 = 0, ratio_p99 = 0;  ///< in units of the floor
};

Launched launch(const Options& options, const std::string& name) {
  const auto times = Venue{options}.run();
  Launched launched;
  launched.full_p50 = quantile(times.full_us, 0.5);
  launched.full_p99 = quantile(times.full_us, 0.99);
  launched.ratio_p50 = launched.full_p50 / quantile(times.floor_us, 0.5);
  launched.ratio_p99 = launched.full_p99 / quantile(times.floor_us, 0.99);
  std::printf(
      "%s: floor %.1f us, full %.1f us at p50 (%zu + %zu ticks); ratio %.3f, p99 ratio %.2f\n",
      name.c_str(), quantile(times.floor_us, 0.5), launched.full_p50, times.floor_us.size(),
      times.full_us.size(), launched.ratio_p50, launched.ratio_p99);
  std::fflush(stdout);
  return launched;
}

/// PostgreSQL up, down and slow, in turn.
void compare_databases(Options options, const std::array<std::string, 3>& dsns, int launches) {
  constexpr std::array<const char*, 3> names{"up", "down", "slow"};
  std::array<std::vector<double>, 3> p50, p99, full_p50, full_p99;
  for (int round = 0; round < launches; ++round) {
    for (std::size_t which = 0; which < dsns.size(); ++which) {
      options.dsn = dsns[which];
      const Launched one =
          launch(options, "round " + std::to_string(round + 1) + ", PostgreSQL " + names[which]);
      p50[which].push_back(one.ratio_p50);
      p99[which].push_back(one.ratio_p99);
      full_p50[which].push_back(one.full_p50);
      full_p99[which].push_back(one.full_p99);
    }
  }
  for (std::size_t which = 0; which < dsns.size(); ++which) {
    std::printf(
        "PostgreSQL %-4s  %.3fx of up at p50 (%.1f us), %.2fx at p99 (%.1f us), in units of the "
        "floor\n",
        names[which], quantile(p50[which], 0.5) / quantile(p50[0], 0.5),
        quantile(full_p50[which], 0.5), quantile(p99[which], 0.5) / quantile(p99[0], 0.5),
        quantile(full_p99[which], 0.5));
  }
  double least = quantile(p50[0], 0.5);
  double most = least;
  for (const auto& values : p50) {
    least = std::min(least, quantile(values, 0.5));
    most = std::max(most, quantile(values, 0.5));
  }
  std::printf(
      "tick to order (%s) with PostgreSQL up, down and slow: p50 within %.3fx of each other "
      "(medians of %d launches each)\n",
      options.wait.c_str(), most / least, launches);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  std::array<std::string, 3> databases;
  options.halcyond = std::filesystem::path{argv[0]}.parent_path() / "halcyond";
  int launches = 5;
  for (int index = 1; index + 1 < argc; index += 2) {
    const std::string_view key = argv[index];
    const std::string value = argv[index + 1];
    if (key == "--ticks") options.ticks = std::stoi(value);
    if (key == "--gap-us") options.gap_us = std::stoi(value);
    if (key == "--wait") options.wait = value;
    if (key == "--dsn") options.dsn = value;
    if (key == "--postgres") {
      std::size_t begin = 0;
      for (std::string& dsn : databases) {
        const std::size_t end = std::min(value.find(',', begin), value.size());
        dsn = value.substr(begin, end - begin);
        begin = std::min(end + 1, value.size());
      }
    }
    if (key == "--launches") launches = std::stoi(value);
    if (key == "--halcyond") options.halcyond = value;
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::vector<double> p50;
  std::vector<double> p99;
  try {
    if (!databases[0].empty()) {
      compare_databases(options, databases, launches);
      return 0;
    }
    for (int number = 0; number < launches; ++number) {
      const Launched one = launch(options, "launch " + std::to_string(number + 1));
      p50.push_back(one.ratio_p50);
      p99.push_back(one.ratio_p99);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tick_to_order_bench: %s\n", error.what());
    return 1;
  }
  std::printf(
      "tick to order (%s), whole daemon against its floor path: %.3fx at p50, %.2fx at p99 "
      "(median of %d launches)\n",
      options.wait.c_str(), quantile(p50, 0.5), quantile(p99, 0.5), launches);
  return 0;
}
