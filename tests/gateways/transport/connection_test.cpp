#include "gateways/transport/connection.h"

#include <future>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>

#include "tests/gateways/transport/test_server.h"

namespace halcyon::gateways::transport {
namespace {

using test::authority;
using test::ClientFrame;
using test::close_frame;
using test::Peer;
using test::server_frame;
using test::TestServer;

Deadline soon() { return Deadline::after(std::chrono::seconds{20}); }

const Trust& our_trust() {
  static const Trust trust = [] {
    std::string error;
    return *Trust::load(authority().file(), error);
  }();
  return trust;
}

/// A client with a memory: what it was handed.
struct Client {
  explicit Client(const TestServer& server, const Connection::Limits& limits = {}) {
    connection = Connection::open(server.endpoint(), our_trust(), soon(), limits, failure);
  }

  void on_frame(const Frame& frame) {
    texts.emplace_back(frame.text());
    received.push_back(frame.received);
    if (on_text) on_text(texts.back());
  }
  void on_sign_of_life(domain::Timestamp at) { signs.push_back(at); }

  std::size_t turn(std::size_t max_messages = 16) {
    return connection->poll_messages(clock, max_messages, *this);
  }

  /// Turns, and waits as the loop does, until `done`, or for 20 s.
  template <class Done>
  void run_until(Done done) {
    const Deadline deadline = soon();
    while (!done()) {
      ASSERT_FALSE(deadline.has_passed()) << "waited in vain";
      if (turn() > 0 || connection->is_closed()) continue;
      const short events = static_cast<short>(POLLIN | (connection->wants_write() ? POLLOUT : 0));
      pollfd waiting{connection->fd(), events, 0};
      poll(&waiting, 1, 1000);
    }
  }
  void run_until_closed() {
    run_until([this] { return connection->is_closed(); });
  }
  void run_until_texts(std::size_t count) {
    run_until([this, count] { return texts.size() >= count || connection->is_closed(); });
  }

  Clock clock;
  OpenFailure failure;
  std::unique_ptr<Connection> connection;
  std::vector<std::string> texts;
  std::vector<domain::Timestamp> received;
  std::vector<domain::Timestamp> signs;
  std::function<void(const std::string&)> on_text;
};

/// Sends every text back as it came.
void echo(Peer& peer) {
  if (!peer.accept_websocket()) return;
  while (const auto frame = peer.read_frame()) {
    if (frame->opcode == 8) {
      peer.write(server_frame(8, frame->payload));
      return;
    }
    peer.write(server_frame(frame->opcode, frame->payload));
  }
}

TestServer::Options plain() {
  TestServer::Options options;
  options.certificate = std::nullopt;
  return options;
}

TEST(Connection, EchoesMessagesOfEveryLengthForm) {
  for (const bool is_tls : {true, false}) {
    TestServer server{echo, is_tls ? TestServer::Options{} : plain()};
    Client client{server, {.max_queued_bytes = 8 << 20}};
    ASSERT_TRUE(client.connection) << client.failure.words;
    std::vector<std::string> sent;
    for (const std::size_t size : {0U, 1U, 125U, 126U, 65'535U, 65'536U, 2'000'000U}) {
      sent.emplace_back(size, static_cast<char>('a' + sent.size()));
      ASSERT_LE(client.connection->send(sent.back()), Sent::queued);
    }
    client.run_until_texts(sent.size());
    EXPECT_EQ(client.texts, sent);
    EXPECT_EQ(client.connection->counters().messages_in, sent.size());
    EXPECT_EQ(client.connection->counters().messages_out, sent.size());
    EXPECT_EQ(client.connection->queued_bytes(), 0U);
  }
}

TEST(Connection, AsksForTheUpgradeAsTheRfcWantsIt) {
  std::string request;
  {
    TestServer server{[&](Peer& peer) {
      peer.accept_websocket();
      request = peer.request();
    }};
    Client client{server};
    ASSERT_TRUE(client.connection) << client.failure.words;
  }
  EXPECT_TRUE(request.starts_with("GET /stream HTTP/1.1\r\nHost: 127.0.0.1:")) << request;
  for (const char* line : {"\r\nUpgrade: websocket\r\n", "\r\nConnection: Upgrade\r\n",
                           "\r\nSec-WebSocket-Version: 13\r\n", "\r\nSec-WebSocket-Key: "}) {
    EXPECT_NE(request.find(line), std::string::npos) << line;
  }
  EXPECT_EQ(request.find("Sec-WebSocket-Extensions"), std::string::npos);
}

struct BadAnswer {
  const char* name;
  const char* answer;
  const char* words;
};

class ConnectionRefusesTheAnswer : public testing::TestWithParam<BadAnswer> {};

TEST_P(ConnectionRefusesTheAnswer, AndSaysWhy) {
  TestServer server{[](Peer& peer) {
    peer.read_request();
    peer.write(GetParam().answer);
    peer.say_goodbye();
    peer.wait_for_end();
  }};
  Client client{server};
  EXPECT_FALSE(client.connection);
  EXPECT_NE(client.failure.words.find(GetParam().words), std::string::npos) << client.failure.words;
  EXPECT_TRUE(client.failure.words.starts_with("127.0.0.1:")) << client.failure.words;
}

INSTANTIATE_TEST_SUITE_P(
    Answers, ConnectionRefusesTheAnswer,
    testing::Values(
        BadAnswer{
            "wrong_accept",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            "a wrong Sec-WebSocket-Accept"},
        BadAnswer{"no_upgrade", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n",
                  "no \"Upgrade: websocket\""},
        BadAnswer{"no_connection", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
                  "no \"Connection: Upgrade\""},
        BadAnswer{"page", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                  "HTTP 200 for /stream instead of a WebSocket: hello"},
        BadAnswer{"no_http", "220 mail.example ESMTP\r\n", "no understandable HTTP"},
        BadAnswer{"nothing", "", "(during the WebSocket handshake)"},
        BadAnswer{"half", "HTTP/1.1 101 Swi", "(during the WebSocket handshake)"}),
    [](const auto& row) { return row.param.name; });

TEST(Connection, TellsHowLongARefusingServerWantsToBeLeftAlone) {
  TestServer server{[](Peer& peer) {
    peer.read_request();
    peer.write(
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 9\r\n\r\nslow\ndown");
    peer.wait_for_end();
  }};
  Client client{server};
  EXPECT_FALSE(client.connection);
  EXPECT_EQ(client.failure.http_status, 429);
  EXPECT_EQ(client.failure.retry_after, std::chrono::seconds{60});
  EXPECT_NE(client.failure.words.find("slow down (to be tried again after 60 s)"),
            std::string::npos)
      << client.failure.words;
}

TEST(Connection, GivesUpOnAServerThatNeverAnswersTheUpgrade) {
  TestServer server{[](Peer& peer) { peer.wait_for_end(); }};
  OpenFailure failure;
  const Trust& trust = our_trust();  // loaded before the time runs
  EXPECT_FALSE(Connection::open(server.endpoint(), trust,
                                Deadline::after(std::chrono::milliseconds{300}), failure));
  EXPECT_NE(failure.words.find("no answer in time"), std::string::npos) << failure.words;
}

TEST(Connection, HandsOutWhatCameBehindTheHandshake) {
  TestServer server{[](Peer& peer) {
    peer.accept_websocket(server_frame(1, "first") + server_frame(1, "second"));
    peer.write(server_frame(1, "third"));
    peer.wait_for_end();
  }};
  Client client{server};
  ASSERT_TRUE(client.connection) << client.failure.words;
  client.run_until_texts(3);
  EXPECT_EQ(client.texts, (std::vector<std::string>{"first", "second", "third"}));
  for (const domain::Timestamp at : client.received) EXPECT_GT(at, domain::from_unix_ns(0));
}

TEST(Connection, TakesAStreamByteByByte) {
  const std::string bytes = server_frame(1, "Hal", false) + server_frame(9, "?") +
                            server_frame(0, "cyon") + server_frame(1, std::string(300, 'x'));
  for (const bool is_tls : {true, false}) {
    TestServer server{[&](Peer& peer) {
                        peer.accept_websocket();
                        for (const char& byte : bytes) peer.write({&byte, 1});
                        peer.wait_for_end();
                      },
                      is_tls ? TestServer::Options{} : plain()};
    Client client{server};
    ASSERT_TRUE(client.connection) << client.failure.words;
    client.run_until_texts(2);
    EXPECT_EQ(client.texts, (std::vector<std::string>{"Halcyon", std::string(300, 'x')}));
  }
}

TEST(Connection, AnswersAPingWithItsPayloadAndReportsASignOfLife) {
  ClientFrame pong;
  {
    TestServer server{[&](Peer& peer) {
      peer.accept_websocket();
      peer.write(server_frame(10, "unasked"));
      peer.write(server_frame(9, "1723118400000"));
      pong = peer.read_frame().value_or(ClientFrame{});
      peer.write(server_frame(1, "done"));
      peer.wait_for_end();
    }};
    Client client{server};
    ASSERT_TRUE(client.connection) << client.failure.words;
    client.run_until_texts(1);
    EXPECT_EQ(client.signs.size(), 2U);
    EXPECT_EQ(client.connection->counters().pings, 1U);
  }
  EXPECT_EQ(pong.opcode, 10U);
  EXPECT_TRUE(pong.is_masked);
  EXPECT_EQ(pong.payload, "1723118400000");
}

TEST(Connection, EchoesTheCloseCodeOfTheServerAndTellsItsWords) {
  std::optional<ClientFrame> answer;
  {
    TestServer server{[&](Peer& peer) {
      peer.accept_websocket();
      peer.write(server_frame(1, "last words") + close_frame(1008, "Too many requests"));
      answer = peer.read_frame();
    }};
    Client client{server};
    ASSERT_TRUE(client.connection) << client.failure.words;
    client.run_until_closed();
    EXPECT_EQ(client.texts, std::vector<std::string>{"last words"});
    EXPECT_NE(client.connection->why().find(
                  "closed by the other side: 1008 (policy violation): Too many requests"),
              std::string::npos)
        << client.connection->why();
    EXPECT_EQ(client.connection->send("too late"), Sent::closed);
  }
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->opcode, 8U);
  EXPECT_EQ(answer->payload, std::string("\x03\xf0", 2));
}

TEST(Connection, ReceivesWhatIsUnderWayAfterItBeganToClose) {
  ClientFrame seen;
  {
    TestServer server{[&](Peer& peer) {
      peer.accept_websocket();
      seen = peer.read_frame().value_or(ClientFrame{});
      peer.write(server_frame(1, "a fill that crossed the close"));
      peer.write(close_frame(1000, ""));
      peer.wait_for_end();
    }};
    Client client{server};
    ASSERT_TRUE(client.connection) << client.failure.words;
    client.connection->close(CloseCode::going_away, "rollover");
    EXPECT_FALSE(client.connection->is_open());
    EXPECT_EQ(client.connection->send("too late"), Sent::closed);
    client.run_until_closed();
    EXPECT_EQ(client.texts, std::vector<std::string>{"a fill that crossed the close"});
    EXPECT_NE(client.connection->why().find("closed by us: 1001 (going away): rollover"),
              std::string::npos)
        << client.connection->why();
  }
  EXPECT_EQ(seen.opcode, 8U);
  EXPECT_EQ(seen.payload, std::string("\x03\xe9", 2) + "rollover");
}

TEST(Connection, ClosesWithTheRightCodeWhenTheServerBreaksTheProtocol) {
  struct Row {
    std::string bytes;
    std::string code;
    const char* words;
  };
  for (const Row& row : {Row{std::string("\xc1\x00", 2), "\x03\xea", "a reserved bit"},
                         Row{server_frame(1, "\xff"), "\x03\xef", "not UTF-8"},
                         Row{server_frame(1, std::string(2000, 'x')), "\x03\xf1", "2000 bytes"}}) {
    std::optional<ClientFrame> answer;
    {
      TestServer server{[&](Peer& peer) {
        peer.accept_websocket();
        peer.write(server_frame(1, "good") + row.bytes);
        answer = peer.read_frame();
      }};
      Client client{server, {.max_message_bytes = 1000}};
      ASSERT_TRUE(client.connection) << client.failure.words;
      client.run_until_closed();
      EXPECT_EQ(client.texts, std::vector<std::string>{"good"});
      EXPECT_NE(client.connection->why().find(row.words), std::string::npos)
          << client.connection->why();
    }
    ASSERT_TRUE(answer) << row.words;
    EXPECT_EQ(answer->opcode, 8U);
    EXPECT_EQ(answer->payload.substr(0, 2), row.code);
  }
}

TEST(Connection, DeliversEverythingBeforeItSaysThatTheLineWasCut) {
  TestServer server{[](Peer& peer) {
    peer.accept_websocket();
    std::string bytes;
    for (int i = 0; i < 100; ++i) bytes += server_frame(1, std::to_string(i));
    peer.write(bytes + "\x81");
  }};
  Client client{server};
  ASSERT_TRUE(client.connection) << client.failure.words;
  client.run_until_closed();
  ASSERT_EQ(client.texts.size(), 100U);
  EXPECT_EQ(client.texts.back(), "99");
  EXPECT_NE(client.connection->why().find("cut"), std::string::npos) << client.connection->why();
  EXPECT_EQ(client.turn(), 0U);
}

TEST(Connection, HandsOutNoMoreThanWasAskedForAndForgetsNothing) {
  TestServer server{[](Peer& peer) {
    peer.accept_websocket();
    std::string bytes;
    for (int i = 0; i < 1000; ++i) bytes += server_frame(1, std::to_string(i));
    peer.write(bytes);
    peer.wait_for_end();
  }};
  Client client{server};
  ASSERT_TRUE(client.connection) << client.failure.words;
  std::size_t before = 0;
  client.run_until([&] {
    EXPECT_LE(client.texts.size() - before, 16U);
    before = client.texts.size();
    return client.texts.size() == 1000;
  });
  for (std::size_t i = 0; i < client.texts.size(); ++i) {
    ASSERT_EQ(client.texts[i], std::to_string(i));
    if (i == 0) continue;
    ASSERT_GE(client.received[i], client.received[i - 1]);
  }
}

TEST(Connection, QueuesWhatTheKernelDoesNotTakeAndRefusesTheRest) {
  // Given a server that does not read until told
  std::promise<void> begin;
  std::vector<std::string> seen;
  Connection::Limits limits;
  limits.max_queued_bytes = 1 << 20;
  const std::string filler(10'000, 'x');
  std::size_t accepted = 0;
  {
    TestServer::Options options;
    options.receive_buffer = 4096;
    TestServer server{[&, ready = begin.get_future().share()](Peer& peer) {
                        peer.accept_websocket();
                        ready.wait();
                        while (const auto frame = peer.read_frame()) {
                          if (frame->opcode == 8) break;
                          seen.push_back(frame->payload);
                        }
                        peer.write(close_frame(1000, ""));
                        peer.wait_for_end();
                      },
                      options};
    Client client{server, limits};
    ASSERT_TRUE(client.connection) << client.failure.words;
    // When the client sends until it is refused
    Sent last = Sent::handed_over;
    constexpr std::size_t most = 100'000;
    while (accepted < most) {
      last = client.connection->send(std::to_string(accepted) + " " + filler);
      if (last == Sent::full) break;
      ++accepted;
    }
    ASSERT_EQ(last, Sent::full);
    EXPECT_TRUE(client.connection->wants_write());
    EXPECT_GT(client.connection->queued_bytes(), limits.max_queued_bytes / 2);
    EXPECT_LE(client.connection->queued_bytes(), limits.max_queued_bytes);
    EXPECT_EQ(client.connection->counters().sends_refused, 1U);
    EXPECT_GT(client.connection->counters().max_queued_bytes, limits.max_queued_bytes / 2);
    // And the server then reads
    begin.set_value();
    client.connection->close(CloseCode::normal, "");
    client.run_until_closed();
  }
  // Then it gets exactly what was not refused, in order
  ASSERT_EQ(seen.size(), accepted);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    ASSERT_EQ(seen[i], std::to_string(i) + " " + filler);
  }
}

TEST(Connection, AnswersTheNewestPingOnceAFullQueueDrains) {
  std::promise<void> begin;
  std::string last_pong;
  {
    TestServer::Options options;
    options.receive_buffer = 4096;
    TestServer server{[&, ready = begin.get_future().share()](Peer& peer) {
                        peer.accept_websocket();
                        for (int i = 0; i < 100; ++i) {
                          peer.write(server_frame(9, std::string(100, 'p') + std::to_string(i)));
                        }
                        peer.write(server_frame(1, "pinged"));
                        ready.wait();
                        while (const auto frame = peer.read_frame()) {
                          if (frame->opcode == 10) last_pong = frame->payload;
                          if (last_pong == std::string(100, 'p') + "99") break;
                        }
                        peer.write(close_frame(1000, ""));
                        peer.wait_for_end();
                      },
                      options};
    Client client{server, {.max_queued_bytes = 1 << 20}};
    ASSERT_TRUE(client.connection) << client.failure.words;
    const std::string filler(10'000, 'x');
    while (client.connection->send(filler) != Sent::full) {
    }
    client.run_until_texts(1);
    EXPECT_EQ(client.connection->counters().pings, 100U);
    begin.set_value();
    client.run_until_closed();
  }
  EXPECT_EQ(last_pong, std::string(100, 'p') + "99");
}

TEST(Connection, MayBeSentOnAndDroppedFromWithinTheHandler) {
  TestServer server{echo};
  Client client{server};
  ASSERT_TRUE(client.connection) << client.failure.words;
  client.on_text = [&](const std::string& text) {
    if (text == "5") {
      client.connection->drop("enough");
    } else {
      client.connection->send(std::to_string(std::stoi(text) + 1));
    }
  };
  client.connection->send("0");
  client.run_until_closed();
  EXPECT_EQ(client.texts, (std::vector<std::string>{"0", "1", "2", "3", "4", "5"}));
  EXPECT_NE(client.connection->why().find("dropped by us: enough"), std::string::npos);
}

TEST(Connection, StampsWhatIsReceivedWithTheClockThatItIsGiven) {
  TestServer server{echo};
  Client client{server};
  ASSERT_TRUE(client.connection) << client.failure.words;
  const domain::Timestamp base = domain::from_unix_ns(1'000'000'000);
  client.clock = Clock{TestClock{base, 1, std::nullopt}};  // a millionth: it practically stands
  client.connection->send("x");
  client.run_until_texts(1);
  ASSERT_EQ(client.received.size(), 1U);
  EXPECT_GE(client.received[0], base);
  EXPECT_LT(client.received[0], base + std::chrono::seconds{1});
}

}  // namespace
}  // namespace halcyon::gateways::transport
