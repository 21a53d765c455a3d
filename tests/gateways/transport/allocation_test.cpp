// The hot path of a connection asks for no memory once it is warm. Counted on the client's thread;
// the server's is its own affair. (OpenSSL 3.0 takes a few small blocks of malloc for every record,
// which nobody can turn off; they never leave the thread's own cache.)
#include <cstdlib>
#include <new>
#include <string>

#include <gtest/gtest.h>
#include <poll.h>

#include "gateways/transport/connection.h"
#include "tests/gateways/transport/test_server.h"

namespace {

thread_local std::size_t allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc{};
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace halcyon::gateways::transport {
namespace {

using test::Peer;
using test::server_frame;

/// Answers every frame with an echo in two fragments, with a ping between them.
void talk(Peer& peer) {
  if (!peer.accept_websocket()) return;
  while (const auto frame = peer.read_frame()) {
    if (frame->opcode != 1) continue;
    const std::string& text = frame->payload;
    peer.write(server_frame(1, text) + server_frame(1, text.substr(0, 10), false) +
               server_frame(9, "ping") + server_frame(0, text.substr(10)));
  }
}

struct Counting {
  void on_frame(const Frame& frame) { bytes += frame.size; }
  void on_sign_of_life(domain::Timestamp) { ++pings; }
  std::size_t bytes = 0;
  std::size_t pings = 0;
};

class ConnectionAllocation : public testing::TestWithParam<bool> {};

TEST_P(ConnectionAllocation, IsZeroOnceTheConnectionIsWarm) {
  test::TestServer::Options options;
  if (!GetParam()) options.certificate = std::nullopt;
  test::TestServer server{talk, options};
  std::string error;
  const auto trust = Trust::load(test::authority().file(), error);
  ASSERT_TRUE(trust) << error;
  OpenFailure failure;
  const Deadline deadline = Deadline::after(std::chrono::seconds{60});
  const auto connection = Connection::open(server.endpoint(), *trust, deadline, failure);
  ASSERT_TRUE(connection) << failure.words;
  ASSERT_GT(allocations, 0U) << "the counting does not work";

  const Clock clock;
  const std::string text(400, 'x');
  Counting seen;
  const auto round_trips = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const std::size_t goal = seen.bytes + 2 * text.size();
      if (connection->send(text) > Sent::queued) return false;
      while (seen.bytes < goal) {
        if (connection->poll_messages(clock, 16, seen) > 0) continue;
        if (connection->is_closed() || deadline.has_passed()) return false;
        pollfd waiting{connection->fd(), POLLIN, 0};
        poll(&waiting, 1, 1000);
      }
    }
    return true;
  };
  // Given a connection that is warm
  ASSERT_TRUE(round_trips(20)) << connection->why();
  // When a thousand more messages go out and twice as many come in
  const std::size_t before = allocations;
  const bool is_done = round_trips(1000);
  const std::size_t after = allocations;
  // Then nothing was allocated for them
  ASSERT_TRUE(is_done) << connection->why();
  EXPECT_EQ(after - before, 0U);
  EXPECT_GE(seen.pings, 1000U);
}

INSTANTIATE_TEST_SUITE_P(Streams, ConnectionAllocation, testing::Values(true, false),
                         [](const auto& row) { return row.param ? "tls" : "plain"; });

}  // namespace
}  // namespace halcyon::gateways::transport
