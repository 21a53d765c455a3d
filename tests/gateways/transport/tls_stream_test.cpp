#include "gateways/transport/tls_stream.h"

#include <array>
#include <cstdio>
#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/gateways/transport/test_server.h"

namespace halcyon::gateways::transport {
namespace {

using test::authority;
using test::Peer;
using test::TestServer;

Deadline soon() { return Deadline::after(std::chrono::seconds{20}); }

/// Loaded once, and before any deadline begins.
const Trust& our_trust() {
  static const Trust trust = [] {
    std::string error;
    return *Trust::load(authority().file(), error);
  }();
  return trust;
}

void echo(Peer& peer) {
  std::string byte;
  while (peer.read(byte, 1)) peer.write(byte);
}

/// What the client is told when it tries; empty: it got through.
std::string try_to_connect(const Endpoint& endpoint, const Trust& trust = our_trust(),
                           const Deadline& deadline = soon()) {
  std::string error;
  const auto stream = TlsStream::connect(endpoint, trust, deadline, error);
  EXPECT_EQ(stream == nullptr, !error.empty());
  return error;
}

TEST(TlsStream, MovesBytesBothWaysOnceTheHostIsVerified) {
  TestServer server{echo};
  for (const char* host : {"127.0.0.1", "localhost"}) {
    std::string error;
    const auto stream = TlsStream::connect(server.endpoint(host), our_trust(), soon(), error);
    ASSERT_TRUE(stream) << error;
    const std::string text = "hello";
    ASSERT_EQ(stream->write_before(text, soon()).status, TlsStream::Status::ok);
    std::string back;
    std::array<char, 100> buffer{};
    while (back.size() < text.size()) {
      const auto result = stream->read_before(buffer, soon());
      ASSERT_EQ(result.status, TlsStream::Status::ok) << stream->why();
      back.append(buffer.data(), result.bytes);
    }
    EXPECT_EQ(back, text);
    EXPECT_EQ(stream->read(buffer).status, TlsStream::Status::would_block);
  }
}

TEST(TlsStream, SpeaksTls12AndNothingOlder) {
  TestServer::Options options;
  options.max_version = TLS1_2_VERSION;
  EXPECT_EQ(try_to_connect(TestServer{echo, options}.endpoint()), "");
  options.max_version = TLS1_1_VERSION;
  TestServer old{echo, options};
  EXPECT_NE(try_to_connect(old.endpoint()).find("TLS handshake"), std::string::npos);
}

struct Refused {
  const char* name;
  const char* certificate_names;
  long from_s, to_s;
  const char* host;
  const char* words;
};

class TlsStreamRefuses : public testing::TestWithParam<Refused> {};

TEST_P(TlsStreamRefuses, ACertificateThatProvesNothing) {
  const Refused& row = GetParam();
  TestServer::Options options;
  options.certificate = authority().issue(row.certificate_names, row.from_s, row.to_s);
  TestServer server{echo, options};
  const std::string error = try_to_connect(server.endpoint(row.host));
  EXPECT_NE(error.find(row.words), std::string::npos) << error;
  EXPECT_NE(error.find(std::string{row.host} + ":"), std::string::npos) << "no host in: " << error;
}

INSTANTIATE_TEST_SUITE_P(
    Certificates, TlsStreamRefuses,
    testing::Values(
        Refused{"of_another_name", "DNS:exchange.example", -60, 60, "localhost",
                "its certificate is for exchange.example, not for localhost"},
        Refused{"of_another_address", "DNS:localhost,IP:127.0.0.2", -60, 60, "127.0.0.1",
                "its certificate is for localhost, 127.0.0.2, not for 127.0.0.1"},
        Refused{"whose_name_is_an_address", "DNS:127.0.0.1", -60, 60, "127.0.0.1",
                "not for 127.0.0.1"},
        Refused{"expired", "DNS:localhost", -3600, -60, "localhost", "its certificate expired on"},
        Refused{"not_yet_valid", "DNS:localhost", 3600, 7200, "localhost",
                "its certificate is valid from"}),
    [](const auto& row) { return row.param.name; });

TEST(TlsStream, RefusesAnAuthorityThatItDoesNotKnow) {
  TestServer server{echo};
  std::string error;
  // Given the system's authorities alone, or another one of the same name (an older ca_file)
  const auto system = Trust::load("", error);
  ASSERT_TRUE(system) << error;
  const test::Authority stranger;
  const auto strange = Trust::load(stranger.file(), error);
  ASSERT_TRUE(strange) << error;
  std::string why = try_to_connect(server.endpoint(), *system);
  EXPECT_NE(why.find("not trusted here; install"), std::string::npos) << why;
  EXPECT_NE(why.find("ca_file"), std::string::npos) << "the mend is missing: " << why;
  why = try_to_connect(server.endpoint(), *strange);
  EXPECT_NE(why.find("is ca_file that of an earlier one?"), std::string::npos) << why;
}

TEST(TlsStream, GivesUpOnAServerThatStallsInTheHandshake) {
  // Given a server that takes the connection and says nothing
  TestServer::Options options;
  options.certificate = std::nullopt;
  TestServer server{[](Peer& peer) { peer.wait_for_end(); }, options};
  Endpoint endpoint = server.endpoint();
  endpoint.is_tls = true;
  const Trust& trust = our_trust();
  const std::string error =
      try_to_connect(endpoint, trust, Deadline::after(std::chrono::milliseconds{300}));
  EXPECT_NE(error.find("no answer in time"), std::string::npos) << error;
}

TEST(TlsStream, GivesUpAtOnceWhenTheWaitIsCancelled) {
  TestServer::Options options;
  options.certificate = std::nullopt;
  TestServer server{[](Peer& peer) { peer.wait_for_end(); }, options};
  Endpoint endpoint = server.endpoint();
  endpoint.is_tls = true;
  const int cancel = eventfd(1, EFD_CLOEXEC);
  const std::string error =
      try_to_connect(endpoint, our_trust(), Deadline::after(std::chrono::hours{1}, cancel));
  close(cancel);
  EXPECT_NE(error.find("we are shutting down"), std::string::npos) << error;
}

TEST(TlsStream, TellsAServerWithoutTls) {
  TestServer::Options options;
  options.certificate = std::nullopt;
  TestServer server{[](Peer& peer) { peer.write("HTTP/1.1 400 Bad Request\r\n\r\n"); }, options};
  Endpoint endpoint = server.endpoint();
  endpoint.is_tls = true;
  const std::string error = try_to_connect(endpoint);
  EXPECT_NE(error.find("check that this is the venue's TLS port"), std::string::npos) << error;
}

TEST(TlsStream, TellsThatNobodyListens) {
  // Given a port that was bound and is closed again
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  // (bound, but not listening: nobody else can take it meanwhile)
  const std::string error = try_to_connect({"127.0.0.1", ntohs(address.sin_port), "/", true});
  close(fd);
  EXPECT_NE(error.find("cannot connect: Connection refused"), std::string::npos) << error;
}

TEST(TlsStream, TellsANameThatDoesNotExist) {
  const std::string error = try_to_connect({"no-such-host.invalid", 443, "/", true});
  EXPECT_NE(error.find("\"no-such-host.invalid\" cannot be resolved"), std::string::npos) << error;
}

TEST(TlsStream, SpeaksWithoutTlsToThisMachineOnly) {
  const std::string error = try_to_connect({"192.0.2.1", 80, "/", false});
  EXPECT_NE(error.find("without TLS only this machine"), std::string::npos) << error;
}

TEST(TlsStream, TellsAGoodbyeFromACut) {
  std::string error;
  std::array<char, 10> buffer{};
  TestServer polite{[](Peer& peer) { peer.say_goodbye(); }};
  auto stream = TlsStream::connect(polite.endpoint(), our_trust(), soon(), error);
  ASSERT_TRUE(stream) << error;
  EXPECT_EQ(stream->read_before(buffer, soon()).status, TlsStream::Status::closed);
  EXPECT_TRUE(stream->has_ended_cleanly());

  TestServer rude{[](Peer&) {}};
  stream = TlsStream::connect(rude.endpoint(), our_trust(), soon(), error);
  ASSERT_TRUE(stream) << error;
  EXPECT_EQ(stream->read_before(buffer, soon()).status, TlsStream::Status::closed);
  EXPECT_FALSE(stream->has_ended_cleanly());
  EXPECT_NE(stream->why().find("cut"), std::string::npos) << stream->why();
  EXPECT_EQ(stream->write(buffer).status, TlsStream::Status::closed);
}

TEST(TlsStream, FindsOutThatItWritesToNobody) {
  // Given a server that is gone, and no reading that would tell
  for (const bool is_tls : {true, false}) {
    TestServer::Options options;
    if (!is_tls) options.certificate = std::nullopt;
    TestServer server{[](Peer&) {}, options};
    std::string error;
    const auto stream = TlsStream::connect(server.endpoint(), our_trust(), soon(), error);
    ASSERT_TRUE(stream) << error;
    pollfd gone{stream->fd(), POLLRDHUP, 0};
    ASSERT_EQ(poll(&gone, 1, 20'000), 1);
    // When it writes on; then it is told by the result, and not by a SIGPIPE that ends the process
    const Deadline patience = soon();
    TlsStream::Status status = TlsStream::Status::ok;
    while (status != TlsStream::Status::closed && !patience.has_passed()) {
      status = stream->write(std::string_view{"anybody there?"}).status;
    }
    EXPECT_EQ(status, TlsStream::Status::closed);
    EXPECT_NE(stream->why(), "");
  }
}

TEST(TlsStream, FollowsAKeyUpdateInBothDirections) {
  TestServer server{[](Peer& peer) {
    std::string byte;
    while (peer.read(byte, 1)) peer.update_keys() && peer.write(byte);
  }};
  std::string error;
  const auto stream = TlsStream::connect(server.endpoint(), our_trust(), soon(), error);
  ASSERT_TRUE(stream) << error;
  for (char c = 'a'; c <= 'z'; ++c) {
    ASSERT_EQ(stream->write_before({&c, 1}, soon()).status, TlsStream::Status::ok);
    char back = 0;
    ASSERT_EQ(stream->read_before({&back, 1}, soon()).status, TlsStream::Status::ok)
        << stream->why();
    EXPECT_EQ(back, c);
  }
}

TEST(Trust, RefusesAFileThatHoldsNoCertificate) {
  std::string error;
  EXPECT_FALSE(Trust::load("/nonexistent/ca.pem", error));
  EXPECT_NE(error.find("/nonexistent/ca.pem"), std::string::npos) << error;

  std::string path = testing::TempDir() + "halcyon_no_ca_XXXXXX";
  const int fd = mkstemp(path.data());
  ASSERT_EQ(::write(fd, "no certificate", 14), 14);
  close(fd);
  EXPECT_FALSE(Trust::load(path, error));
  EXPECT_NE(error.find("PEM certificates"), std::string::npos) << error;
  std::remove(path.c_str());
}

}  // namespace
}  // namespace halcyon::gateways::transport
