// The driver and a session's two connections, against real TLS servers in this process.

#include "daemon/driver.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "tests/gateways/transport/test_server.h"

namespace halcyon::daemon {
namespace {

using gateways::Actions;
using gateways::transport::test::authority;
using gateways::transport::test::Peer;
using gateways::transport::test::server_frame;
using gateways::transport::test::TestServer;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

constexpr unsigned text_frame = 1;

/// A venue's server: says `greeting` in the same write as its handshake, and keeps what it hears.
class Venue {
 public:
  explicit Venue(std::vector<std::string> greeting)
      : server_{[this, greeting](Peer& peer) {
          std::string behind;
          for (const std::string& text : greeting) behind += server_frame(text_frame, text);
          if (!peer.accept_websocket(behind)) return;
          while (const auto frame = peer.read_frame()) {
            const std::lock_guard lock{mutex_};
            heard_.push_back(frame->payload);
            changed_.notify_all();
          }
        }} {}
  gateways::Endpoint endpoint() const { return server_.endpoint(); }
  /// Waits for the first text, 20 s at most.
  std::vector<std::string> heard() {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, std::chrono::seconds{20}, [this] { return !heard_.empty(); });
    return heard_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> heard_;
  TestServer server_;
};

/// Does what the frames tell it, and keeps them: "1:text" from the first connection.
class Puppet final : public gateways::Session {
 public:
  struct Memory {
    std::vector<std::string> frames;
    std::vector<std::string> events;
    bool allowed = false;
  };
  explicit Puppet(Memory& memory) : memory_(memory) {}

  gateways::Endpoint endpoint() const override { return {}; }
  void on_start(domain::Timestamp, Actions&) override {}
  void on_open(domain::Timestamp, Actions& actions) override {
    memory_.events.push_back("open");
    actions.open_second();
  }
  void on_frame(const gateways::Frame& frame, Actions& actions) override {
    const std::string text{frame.text()};
    memory_.frames.push_back((frame.is_second ? "2:" : "1:") + text);
    if (text == "take over") actions.promote_second("told so");
    if (text == "say") actions.send("hello");
    if (text == "give up") actions.close_second("told so");
    if (text == "leave") actions.reconnect(domain::never, "told so");
  }
  void on_sign_of_life(domain::Timestamp) override {}
  void on_closed(std::string_view, domain::Timestamp, Actions&) override {
    memory_.events.push_back("closed");
  }
  void on_rest(gateways::RestAnswer&, domain::Timestamp, Actions&) override {}
  void on_time(domain::Timestamp, Actions&) override {}
  domain::Timestamp next_deadline() const override { return domain::never; }
  void allow_second() override { memory_.allowed = true; }
  void on_second_open(domain::Timestamp, Actions&) override {
    memory_.events.push_back("second open");
  }
  void on_second_closed(std::string_view, domain::Timestamp, Actions&) override {
    memory_.events.push_back("second closed");
  }

 private:
  Memory& memory_;
};

/// Nothing is written in these tests.
class NoJournal final : public persistence::Journal {
 public:
  bool append(const domain::Event&, std::string_view,
              std::span<const domain::RecordEntry>) noexcept override {
    return true;
  }
  domain::JournalRoom room() const noexcept override { return domain::JournalRoom::open; }
  std::uint64_t last_sequence() const noexcept override { return 0; }
  std::uint64_t durable_sequence() const noexcept override { return 0; }
  const persistence::JournalUuid& uuid() const noexcept override { return uuid_; }
  std::size_t prepare() override { return 0; }
  bool sync() override { return true; }
  std::string last_error() const override { return {}; }
  std::uint64_t left_out() const noexcept override { return 0; }

 private:
  persistence::JournalUuid uuid_{};
};

class Handover : public ::testing::Test {
 protected:
  /// A driver whose helper is the test: connections are made on the spot.
  void run(Venue& first, Venue& second) {
    OrderLane orders{1};
    RemarkLane remarks{1};
    RequestLane requests{1};
    TaskLane tasks{1};
    ResultLane results{1};
    auto asked = tasks.reader();
    auto made = results.writer();
    Driver::Ends ends{nullptr,
                      false,
                      std::make_unique<OrderWriter>(orders.writer(), remarks.writer(), 1, nullptr),
                      std::nullopt,
                      requests.reader(),
                      tasks.writer(),
                      results.reader()};
    const gateways::transport::Clock clock;
    const NoJournal journal;
    Latency latency;
    Driver driver{"test",
                  std::make_unique<Puppet>(memory),
                  std::move(ends),
                  clock,
                  journal,
                  latency,
                  [this](std::string_view what) { said.emplace_back(what); }};
    driver.start(clock.now());
    std::string error;
    const auto trust = *gateways::transport::Trust::load(authority().file(), error);
    const auto deadline = gateways::transport::Deadline::after(std::chrono::seconds{20});
    while (!is_done() && !deadline.has_passed()) {
      driver.turn(clock.now());
      HelperTask task;
      while (asked.try_pop(task)) {
        const auto& connect = std::get<ConnectTask>(task);
        ConnectResult result;
        result.is_second = connect.is_second;
        const Venue& venue = connect.is_second ? second : first;
        result.connection = gateways::transport::Connection::open(venue.endpoint(), trust, deadline,
                                                                  result.failure);
        ASSERT_NE(result.connection, nullptr) << result.failure.words;
        ASSERT_TRUE(made.try_push(std::move(result)));
      }
      std::vector<::pollfd> descriptors;
      driver.watch(descriptors);
      ::poll(descriptors.data(), descriptors.size(), driver.has_work() ? 0 : 2);
    }
  }
  bool is_done() const {
    for (const std::string& frame : memory.frames) {
      if (frame.ends_with("end")) return true;
    }
    return !memory.events.empty() && memory.events.back() == "closed";
  }

  Puppet::Memory memory;
  std::vector<std::string> said;
};

TEST_F(Handover, BehindAPromotionTheSecondConnectionIsTheFirst) {
  // Given a second connection whose one write holds the promotion and what follows it
  Venue old_one{{"old"}};
  Venue new_one{{"new", "take over", "news", "say", "end"}};
  // When the driver reads it
  run(old_one, new_one);
  // Then what stood behind the promotion came on the first, and nothing of it was dropped
  EXPECT_TRUE(memory.allowed);
  EXPECT_THAT(memory.frames,
              ::testing::IsSupersetOf({std::string{"2:new"}, std::string{"2:take over"},
                                       std::string{"1:news"}, std::string{"1:say"}}));
  // And what was sent in the same breath went out on it
  EXPECT_THAT(new_one.heard(), ElementsAre("hello"));
  EXPECT_THAT(memory.events, Not(Contains("closed"))) << "the old one's end is no event";
  EXPECT_THAT(memory.events, Not(Contains("second closed")));
}

TEST_F(Handover, AReconnectBehindAPromotionEndsTheNewConnection) {
  Venue old_one{{}};
  Venue new_one{{"take over", "leave", "not heard any more"}};
  run(old_one, new_one);
  EXPECT_THAT(memory.frames, ElementsAre("2:take over", "1:leave"));
  EXPECT_THAT(memory.events, ElementsAre("open", "second open", "closed"));
}

TEST_F(Handover, AGivenUpSecondConnectionIsGoneWithoutAWord) {
  Venue old_one{{"end of the greeting is not the"}};
  Venue new_one{{"give up", "rest", "end"}};
  run(old_one, new_one);
  EXPECT_THAT(memory.events, ElementsAre("open", "second open"));
}

}  // namespace
}  // namespace halcyon::daemon
