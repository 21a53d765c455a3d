#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateways/session.h"
#include "support.h"

namespace halcyon::gateways::binance::testing {

using namespace std::chrono_literals;

/// Drives a session as the daemon does, without a socket and with a clock of its own, and writes
/// down what it wants done.
template <class SessionType>
class SessionHarness {
 public:
  domain::Timestamp now = domain::from_unix_ms(1'723'161'255'000);
  std::vector<domain::Event> events;
  std::vector<std::string> lines;  ///< events in words
  std::vector<std::string> sent;   ///< frames for the venue
  std::vector<std::string> words;  ///< for the log
  std::vector<RestRequest> rest;
  std::vector<std::string> sent_second;                      ///< frames on the second connection
  std::vector<std::pair<std::uint32_t, std::string>> calls;  ///< by tag: whole HTTP requests
  bool has_idle_line = true;                                 ///< whether calls leave
  std::vector<Chore> chores;
  int seconds_opened = 0, seconds_closed = 0, promotions = 0;
  int reconnects = 0;
  domain::Timestamp reconnect_at{};
  std::string why;

  explicit SessionHarness(std::unique_ptr<SessionType> made) : session(std::move(made)) {}
  std::unique_ptr<SessionType> session;

  void start() {
    session->on_start(now, actions_);
    perform();
  }
  void open() {
    session->on_open(now, actions_);
    perform();
  }
  void frame(std::string_view text) {
    const Bytes bytes{text, "\"}"};
    session->on_frame(bytes.frame(now), actions_);
    perform();
  }
  void frame_second(std::string_view text) {
    const Bytes bytes{text, "\"}"};
    Frame made = bytes.frame(now);
    made.is_second = true;
    session->on_frame(made, actions_);
    perform();
  }
  void second_open() {
    session->on_second_open(now, actions_);
    perform();
  }
  void second_closed() {
    session->on_second_closed("the line is cut", now, actions_);
    perform();
  }
  /// A sign of life, as the venue's pings are.
  void live() { session->on_sign_of_life(now); }
  void closed(std::string_view reason = "the line is cut") {
    session->on_closed(reason, now, actions_);
    perform();
  }
  /// Time passes, and the session is called whenever it wanted to be.
  void pass(domain::Duration time) {
    const domain::Timestamp end = now + time;
    for (int turns = 0; turns < 10'000; ++turns) {
      const domain::Timestamp due = session->next_deadline();
      if (due > end) break;
      now = std::max(now, due);
      session->on_time(now, actions_);
      perform();
    }
    now = end;
  }
  /// Answers a REST request as the helper thread does: the session's own decoder reads the body.
  void answer(const RestRequest& request, int status, std::string_view body,
              domain::Duration retry_after = {}) {
    RestAnswer made;
    made.tag = request.tag;
    made.status = status;
    made.sent = now - 20ms;
    made.received = now;
    made.retry_after = retry_after;
    if (!body.empty() && request.decode != nullptr) {
      const Bytes padded{body};
      request.decode(request.context, padded.view(), made);
    }
    session->on_rest(made, now, actions_);
    perform();
  }
  /// Answers a call over a connection that stands; status 0: the connection was cut.
  void answer_call(std::uint32_t tag, int status, std::string_view body = {},
                   domain::Duration retry_after = {}) {
    RestAnswer made;
    made.tag = tag;
    made.status = status;
    made.sent = now - 20ms;
    made.received = now;
    made.retry_after = retry_after;
    made.body.reserve(body.size() + Frame::padding);
    made.body = body;
    session->on_rest(made, now, actions_);
    perform();
  }
  void lines_stand(std::size_t standing, std::size_t idle) {
    session->on_lines(standing, idle, now, actions_);
    perform();
  }
  /// Does what the helper thread is asked to do.
  void do_chores() {
    for (Chore& chore : std::exchange(chores, {})) {
      RestAnswer made;
      made.tag = chore.tag;
      chore.run(chore.context.get(), made);
      session->on_rest(made, now, actions_);
      perform();
    }
  }
  void command(const domain::OrderCommand& command) {
    session->on_command(command, now, actions_);
    perform();
  }
  void request(const domain::VenueRequest& request) {
    session->on_request(request, now, actions_);
    perform();
  }
  std::uint64_t counter(std::string_view name) const {
    std::uint64_t found = ~std::uint64_t{0};
    session->each_counter([&](std::string_view counter, std::uint64_t value) {
      if (counter == name) found = value;
    });
    return found;
  }
  /// What happened since the last look.
  std::vector<std::string> take_lines() { return std::exchange(lines, {}); }
  std::vector<std::string> take_sent() { return std::exchange(sent, {}); }
  std::vector<RestRequest> take_rest() { return std::exchange(rest, {}); }

 private:
  void perform() {
    const std::vector<std::string> remarks(actions_.remarks().begin(), actions_.remarks().end());
    for (const domain::Event& event : actions_.events()) {
      events.push_back(event);
      lines.push_back(said(event, remarks));
    }
    for (std::size_t index = 0; index < actions_.frame_count(); ++index) {
      sent.emplace_back(actions_.frame(index));
    }
    for (RestRequest& request : actions_.rest_requests()) rest.push_back(std::move(request));
    for (const std::string& word : actions_.said()) words.push_back(word);
    for (std::size_t index = 0; index < actions_.second_frame_count(); ++index) {
      sent_second.emplace_back(actions_.second_frame(index));
    }
    seconds_opened += actions_.second() == Actions::Second::open ? 1 : 0;
    seconds_closed += actions_.second() == Actions::Second::close ? 1 : 0;
    promotions += actions_.second() == Actions::Second::promote ? 1 : 0;
    if (actions_.wants_reconnect()) {
      ++reconnects;
      reconnect_at = actions_.reconnect_at();
      why = actions_.why();
    }
    for (Chore& chore : actions_.chores()) chores.push_back(std::move(chore));
    const std::size_t first = calls.size();
    for (std::size_t index = 0; index < actions_.calls().size(); ++index) {
      calls.emplace_back(actions_.calls()[index].tag, actions_.call_text(index));
    }
    actions_.clear();
    for (std::size_t index = first; index < calls.size(); ++index) {
      session->on_call(calls[index].first, has_idle_line, now, actions_);
      perform();
    }
  }

  Actions actions_;
};

}  // namespace halcyon::gateways::binance::testing
