// The real halcyon-sim, over real sockets.

#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "simulation/binance_request.h"
#include "simulation/signature.h"
#include "tests/simulation/recording.h"
#include "tests/simulation/scratch.h"
#include "tests/simulation/tls_client.h"

extern char** environ;

namespace halcyon::simulation {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;
using testing::Scratch;
using testing::TlsClient;

/// A started program: what it says, and its end.
class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments) {
    std::vector<std::string> words{HALCYON_BINARY_DIR "/bin/halcyon-sim"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (auto& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    output_ = ends[0];
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, ends[1], 1);
    posix_spawn_file_actions_adddup2(&files, ends[1], 2);
    EXPECT_EQ(posix_spawn(&pid_, words[0].c_str(), &files, nullptr, pointers.data(), environ), 0);
    posix_spawn_file_actions_destroy(&files);
    ::close(ends[1]);
  }
  ~Program() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
    ::close(output_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// The next line; empty at the end of its output.
  std::string read_line() {
    std::string line;
    char letter = 0;
    while (::read(output_, &letter, 1) == 1 && letter != '\n') line += letter;
    return line;
  }
  std::string read_rest() {
    std::string text;
    char letter = 0;
    while (::read(output_, &letter, 1) == 1) text += letter;
    return text;
  }
  void terminate() const { ::kill(pid_, SIGTERM); }
  /// Its exit code; -1 where a signal ended it.
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

/// A simulator over the small recording, ready to be spoken to.
struct ProgramTest : ::testing::Test {
  Scratch scratch;
  std::string keys = (scratch.path / "keys").string();
  std::unique_ptr<Program> program;
  std::uint16_t port = 0;

  void write(const std::string& name, const std::string& text) const {
    std::ofstream{scratch.path / name} << text;
  }
  std::string file(const std::string& name) const { return (scratch.path / name).string(); }

  void start() {
    make_key(keys);
    write("recording.txt", testing::small_recording);
    write("accounts.toml",
          "[accounts.main]\napi_key_file = \"keys/api_key\"\n"
          "public_key_file = \"keys/ed25519.pub.pem\"\n"
          "balances = { USDT = \"10000\" }\n");
    program = std::make_unique<Program>(std::vector<std::string>{
        "--recording", file("recording.txt"), "--accounts", file("accounts.toml"), "--tls-dir",
        file("tls"), "--port-file", file("port"), "--control", file("control"), "--speed", "10",
        "--loop"});
    // It speaks when everything is open.
    const auto line = program->read_line();
    ASSERT_THAT(line, HasSubstr("listening on 127.0.0.1:")) << program->read_rest();
    port = static_cast<std::uint16_t>(std::stoul(testing::read_text(scratch.path / "port")));
  }

  json::value control(const std::string& line) const {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    file("control").copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    const auto sent = line + '\n';
    EXPECT_EQ(::write(socket, sent.data(), sent.size()), static_cast<ssize_t>(sent.size()));
    std::string answer;
    char letter = 0;
    while (::read(socket, &letter, 1) == 1 && letter != '\n') answer += letter;
    ::close(socket);
    return json::parse(answer);
  }

  TlsClient connect() const { return TlsClient{port, scratch.path / "tls/ca.pem"}; }
};

json::value next_with(TlsClient& client, std::string_view key) {
  for (;;) {
    const auto text = client.receive();
    if (!text) throw std::runtime_error("closed");
    auto frame = json::parse(*text);
    if (frame.as_object().contains(key)) return frame;
  }
}

TEST_F(ProgramTest, TradesOverTlsTellsItsTruthAndStopsCleanly) {
  ASSERT_NO_FATAL_FAILURE(start());
  // Given a client that trusts the test authority, with a clock read over REST
  auto rest = connect();
  const auto time = json::parse(rest.get("/api/v3/time")).at("serverTime").as_int64();
  EXPECT_EQ(json::parse(rest.get("/api/v3/exchangeInfo"))
                .at("symbols")
                .at(0)
                .at("filters")
                .at(0)
                .at("tickSize"),
            "0.01000000");
  // And market data that streams
  auto market = connect();
  ASSERT_THAT(market.upgrade("/stream?streams=btcusdt@depth@100ms"), HasSubstr("101"));
  EXPECT_EQ(next_with(market, "data").at("stream"), "btcusdt@depth@100ms");
  // When it logs on, subscribes and buys
  auto api = connect();
  ASSERT_THAT(api.upgrade("/ws-api/v3"), HasSubstr("101"));
  auto key = testing::read_text(keys + "/api_key");
  key.pop_back();
  Params to_sign;
  to_sign.add("apiKey", key);
  to_sign.add("timestamp", std::to_string(time));
  const auto signature =
      sign_ed25519(testing::read_text(keys + "/ed25519.pem"), to_sign.signed_payload());
  api.send_text(json::serialize(
      json::object{{"id", 1},
                   {"method", "session.logon"},
                   {"params", {{"apiKey", key}, {"timestamp", time}, {"signature", signature}}}}));
  ASSERT_EQ(next_with(api, "id").at("status"), 200);
  api.send_text(R"({"id":2,"method":"userDataStream.subscribe"})");
  ASSERT_EQ(next_with(api, "id").at("status"), 200);
  api.send_text(json::serialize(json::object{{"id", 3},
                                             {"method", "order.place"},
                                             {"params",
                                              {{"symbol", "BTCUSDT"},
                                               {"side", "BUY"},
                                               {"type", "MARKET"},
                                               {"quantity", "0.5"},
                                               {"newClientOrderId", "alpha-0-1"},
                                               {"newOrderRespType", "ACK"},
                                               {"timestamp", time}}}}));
  // Then acknowledgement, reports and balances arrive
  EXPECT_EQ(next_with(api, "id").at("result").at("clientOrderId"), "alpha-0-1");
  EXPECT_EQ(next_with(api, "event").at("event").at("x"), "NEW");
  const auto fill = next_with(api, "event").at("event");
  EXPECT_EQ(fill.at("x"), "TRADE");
  EXPECT_EQ(fill.at("X"), "FILLED");
  const auto position = next_with(api, "event").at("event");
  EXPECT_EQ(position.at("e"), "outboundAccountPosition");
  EXPECT_EQ(position.at("B").at(0).at("f"), "0.49950000");
  // And the simulator's own truth is the same
  const auto truth = control(R"({"cmd":"truth"})").at("accounts").at(0);
  ASSERT_EQ(truth.at("trades").as_array().size(), 1U);
  EXPECT_EQ(truth.at("trades").at(0).at("trade_id").to_number<std::int64_t>(),
            fill.at("t").as_int64());
  EXPECT_EQ(truth.at("balances").at(0).at("free"), "0.4995");
  // And a cut line is a cut line
  EXPECT_EQ(control(R"({"cmd":"drop_connections","connections":"orders"})").at("dropped"), 1);
  EXPECT_THROW(
      {
        for (;;) api.receive();
      },
      std::runtime_error);
  // And SIGTERM ends it with nothing left behind
  program->terminate();
  EXPECT_EQ(program->wait(), 0);
  EXPECT_FALSE(std::filesystem::exists(scratch.path / "control"));
}

TEST_F(ProgramTest, ItsControlSocketIsItsOwnersAlone) {
  ASSERT_NO_FATAL_FAILURE(start());
  struct stat status {};
  ASSERT_EQ(::stat(file("control").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(ProgramTest, AWrongStartIsRefusedInWords) {
  struct Start {
    const char* name;
    std::vector<std::string> arguments;
    const char* words;
  };
  write("empty.toml", "");
  write("recording.txt", "nonsense\n");
  write("accounts.toml", "[accounts.main]\napi_key = \"k\"\nhmac_secret = \"s\"\n");
  const std::vector<std::string> good{"--accounts", file("accounts.toml"), "--tls-dir",
                                      file("tls")};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), good.begin(), good.end());
    return more;
  };
  for (const auto& start : {
           Start{"nothing", {}, "--recording is needed"},
           Start{"no_recording", with({"--recording", "/does/not/exist"}), "cannot be opened"},
           Start{"bad_recording", with({"--recording", file("recording.txt")}), "recording.txt:1"},
           Start{"bad_speed", with({"--recording", "x", "--speed", "0"}), "--speed"},
           Start{"bad_address", with({"--recording", "x", "--listen", "nowhere"}), "--listen"},
           Start{"bad_clock", with({"--recording", "x", "--test-clock", "1"}), "BASE,RATE"},
           Start{"no_accounts",
                 {"--recording", "x", "--tls-dir", "y", "--accounts", file("empty.toml")},
                 "names no account"},
       }) {
    Program failing{start.arguments};
    EXPECT_THAT(failing.read_rest(), HasSubstr(start.words)) << start.name;
    EXPECT_GT(failing.wait(), 0) << start.name;
  }
}

}  // namespace
}  // namespace halcyon::simulation
