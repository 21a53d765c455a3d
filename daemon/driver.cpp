#include "daemon/driver.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "domain/check.h"

namespace halcyon::daemon {

namespace {

void bump(std::atomic<std::uint64_t>& counter, std::uint64_t by = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

}  // namespace

Driver::Driver(std::string name, std::unique_ptr<gateways::Session> session, Ends ends,
               const gateways::transport::Clock& clock, const persistence::Journal& journal,
               Latency& latency, Say say)
    : name_(std::move(name)),
      session_(std::move(session)),
      ends_(std::move(ends)),
      clock_(clock),
      journal_(journal),
      latency_(latency),
      say_(std::move(say)) {}

void Driver::start(domain::Timestamp now) {
  session_->each_counter([this](std::string_view counter, std::uint64_t) {
    if (counter_names_.size() < max_session_counters) counter_names_.emplace_back(counter);
  });
  if (session_->rest_lines() > 0) {
    lines_.emplace(session_->rest_lines(), session_->rest_number_header());
    calls_made_.reserve(gateways::transport::RestLines::max_lines);
  }
  publish_ = [this](std::string_view, std::uint64_t value) {
    if (counter_index_ < counter_names_.size()) {
      counter_values_.at(counter_index_++).store(value, std::memory_order_relaxed);
    }
  };
  session_->allow_second();
  connect_at_ = now;
  session_->on_start(now, actions_);
  perform(now);
}

void Driver::each_session_counter(const gateways::Session::Count& take) const {
  for (std::size_t index = 0; index < counter_names_.size(); ++index) {
    take(counter_names_[index], counter_values_.at(index).load(std::memory_order_relaxed));
  }
}

void Driver::publish_counters(domain::Timestamp now) {
  if (now < publish_at_) return;
  publish_at_ = now + std::chrono::seconds{1};
  counter_index_ = 0;
  session_->each_counter(publish_);
}

gateways::transport::Connection* Driver::first_line() {
  return asked_second_ == gateways::Actions::Second::promote ? second_.get() : connection_.get();
}

void Driver::perform_calls(domain::Timestamp now) {
  const auto calls = actions_.calls();
  for (std::size_t index = 0; index < calls.size(); ++index) {
    const bool has_left = lines_ && lines_->begin(calls[index].tag, actions_.call_text(index),
                                                  calls[index].keeps_warm, now);
    calls_made_.emplace_back(calls[index].tag, has_left);
  }
}

void Driver::perform(domain::Timestamp now) {
  // What goes to the venue first: the rest is ours and can wait for a microsecond.
  if (!actions_.calls().empty()) perform_calls(now);
  if (auto* line = first_line(); line != nullptr) {
    for (std::size_t index = 0; index < actions_.frame_count(); ++index) {
      // A refused text needs no word here: the connection is closed, and closed() says what
      // becomes of every request that was under way.
      const auto sent = line->send(actions_.frame(index));
      if (sent == gateways::transport::Sent::full) line->drop("the venue takes no more data");
    }
  }
  if (second_ != nullptr) {
    for (std::size_t index = 0; index < actions_.second_frame_count(); ++index) {
      const auto sent = second_->send(actions_.second_frame(index));
      if (sent == gateways::transport::Sent::full) second_->drop("the venue takes no more data");
    }
  }
  using Second = gateways::Actions::Second;
  if (asked_second_ == Second::promote) {
    opens_another_ = opens_another_ || actions_.second() == Second::open;
  } else if (actions_.second() != Second::none) {
    asked_second_ = actions_.second();
    second_why_ = actions_.why();
  }
  const auto events = actions_.events();
  if (ends_.market && !events.empty()) {
    // Market data and the rest go to different lanes; runs of either stay in order.
    std::size_t at = 0;
    while (at < events.size()) {
      const bool is_market = domain::is_market(events[at]);
      std::size_t end = at + 1;
      while (end < events.size() && domain::is_market(events[end]) == is_market) ++end;
      const auto run = events.subspan(at, end - at);
      if (is_market) {
        ends_.market->push(run);
      } else {
        ends_.orders->push(run, actions_.remarks());
      }
      at = end;
    }
  } else if (!events.empty()) {
    ends_.orders->push(events, actions_.remarks());
  }
  for (auto& request : actions_.rest_requests()) {
    HelperTask task{std::move(request)};
    if (!ends_.tasks.try_push(std::move(task))) waiting_tasks_.push_back(std::move(task));
  }
  for (auto& chore : actions_.chores()) {
    HelperTask task{std::move(chore)};
    if (!ends_.tasks.try_push(std::move(task))) waiting_tasks_.push_back(std::move(task));
  }
  for (const std::string& words : actions_.said()) say_(words);
  if (actions_.wants_reconnect()) {
    connect_at_ = actions_.reconnect_at();
    auto* line = first_line();
    if (line != nullptr && !line->is_closed()) line->drop(actions_.why());
  }
  actions_.clear();
  if (!calls_made_.empty()) {
    for (const auto& [tag, has_left] : calls_made_) {
      session_->on_call(tag, has_left, now, actions_);
    }
    calls_made_.clear();
    perform(now);
  }
  if (!is_reading_) settle_second(now);
}

void Driver::closed(std::string_view why, domain::Timestamp now) {
  say_(std::string{"connection closed: "}.append(why));
  session_->on_closed(why, now, actions_);
  perform(now);
}

bool Driver::settle_second(domain::Timestamp now) {
  using Second = gateways::Actions::Second;
  switch (std::exchange(asked_second_, Second::none)) {
    case Second::none:
      return false;
    case Second::open:
      if (is_second_connecting_) return false;
      second_.reset();
      if (now < second_not_before_ ||
          !ends_.tasks.try_push(HelperTask{ConnectTask{session_->endpoint(), true}})) {
        session_->on_second_closed(now < second_not_before_ ? "the venue wants no connections yet"
                                                            : "the helper has too much to do",
                                   now, actions_);
        perform(now);
        return false;
      }
      is_second_connecting_ = true;
      return false;
    case Second::close:
      second_.reset();
      return false;
    case Second::promote:
      HALCYON_CHECK(second_ != nullptr, "a session promotes only a connection that is there");
      say_("a new connection has taken the place of the old one: " + second_why_);
      connection_ = std::move(second_);
      if (std::exchange(opens_another_, false)) {
        asked_second_ = Second::open;
        settle_second(now);
      }
      return true;
  }
  return false;
}

void Driver::on_second_made(ConnectResult& made, domain::Timestamp now) {
  is_second_connecting_ = false;
  if (made.connection == nullptr) {
    second_not_before_ = now + made.failure.retry_after;
    session_->on_second_closed(made.failure.words, now, actions_);
  } else {
    second_ = std::move(made.connection);
    bump(counters_.connects);
    say_("second connection is there");
    session_->on_second_open(now, actions_);
  }
  perform(now);
}

void Driver::connect_if_due(domain::Timestamp now) {
  if (connection_ != nullptr || is_connecting_ || now < connect_at_) return;
  if (!ends_.tasks.try_push(HelperTask{ConnectTask{session_->endpoint()}})) return;  // next turn
  is_connecting_ = true;
  connect_at_ = domain::never;
}

void Driver::take_results(domain::Timestamp now) {
  HelperResult result;
  while (ends_.results.try_pop(result)) {
    if (auto* made = std::get_if<ConnectResult>(&result); made != nullptr && made->is_second) {
      on_second_made(*made, now);
    } else if (made != nullptr) {
      is_connecting_ = false;
      if (made->connection != nullptr) {
        connection_ = std::move(made->connection);
        bump(counters_.connects);
        say_("connected");
        session_->on_open(now, actions_);
        perform(now);
      } else {
        closed(made->failure.words, now);
        // A server that names a time is not asked again sooner, whatever the session thinks.
        if (made->failure.retry_after > domain::Duration::zero()) {
          connect_at_ = std::max(connect_at_, now + made->failure.retry_after);
        }
      }
    } else if (auto* answer = std::get_if<gateways::RestAnswer>(&result)) {
      session_->on_rest(*answer, now, actions_);
      perform(now);
    } else if (auto* line = std::get_if<LineResult>(&result)) {
      if (line->stream != nullptr) {
        lines_->adopt(std::move(line->stream), now);
      } else {
        if (lines_->standing() == 0) say_("no REST connection: " + line->error);
        lines_->failed(now);
      }
    }
  }
}

std::size_t Driver::take_commands(domain::Timestamp now) {
  if (!ends_.commands) return 0;
  std::size_t count = 0;
  while (has_held_ || ends_.commands->try_pop(held_)) {
    // Mode "power": what the journal has not on disk yet does not leave.
    has_held_ = journal_.durable_sequence() < held_.journal_sequence;
    if (has_held_) break;
    const auto before = ticks();
    session_->on_command(held_, now, actions_);
    const bool is_new = std::holds_alternative<domain::Approved<domain::NewOrder>>(held_.what);
    const bool sends =
        actions_.frame_count() + actions_.second_frame_count() + actions_.calls().size() != 0;
    perform(now);
    if (sends) {
      latency_[Stage::send].record(ticks() - before);
      if (is_new && held_.decided != domain::Timestamp{}) {
        const auto taken = clock_.now() - held_.decided;
        latency_[Stage::tick_to_order].record(
            static_cast<std::uint64_t>(std::max<std::int64_t>(taken.count(), 0)));
      }
    }
    bump(counters_.commands);
    ++count;
  }
  return count;
}

std::size_t Driver::take_requests(domain::Timestamp now) {
  return ends_.requests.drain(64, [&](const domain::VenueRequest& request) {
    session_->on_request(request, now, actions_);
    perform(now);
  });
}

std::size_t Driver::read(domain::Timestamp now) {
  if (connection_ == nullptr) return 0;
  struct Handler {
    Driver& driver;
    domain::Timestamp now;
    void on_frame(const gateways::Frame& frame) const {
      if (driver.floor_ != nullptr && frame.text().starts_with(floor_mark)) [[unlikely]] {
        auto& connection = driver.floor_->connection_;
        if (connection != nullptr) connection->send(driver.floor_text_);
        return;
      }
      // The other one has taken its place while this one was being read.
      if (driver.asked_second_ == gateways::Actions::Second::promote) [[unlikely]]
        return;
      const auto before = ticks();
      bump(driver.counters_.frames);
      bump(driver.counters_.bytes, frame.size);
      driver.session_->on_frame(frame, driver.actions_);
      driver.perform(now);
      driver.latency_[Stage::decode].record(ticks() - before);
    }
    void on_sign_of_life(domain::Timestamp at) const { driver.session_->on_sign_of_life(at); }
  };
  is_reading_ = true;
  const std::size_t count =
      connection_->poll_messages(clock_, max_messages_per_turn, Handler{*this, now});
  is_reading_ = false;
  if (settle_second(now)) return count + 1;
  if (connection_->is_closed()) {
    const std::string why = connection_->why();
    connection_.reset();
    closed(why, now);
    return count + 1;
  }
  return count;
}

std::size_t Driver::read_second(domain::Timestamp now) {
  if (second_ == nullptr) return 0;
  struct Handler {
    Driver& driver;
    domain::Timestamp now;
    /// Once it has taken the first one's place, it is the connection.
    bool is_second() const { return driver.asked_second_ != gateways::Actions::Second::promote; }
    void on_frame(gateways::Frame frame) const {
      frame.is_second = is_second();
      bump(driver.counters_.frames);
      bump(driver.counters_.bytes, frame.size);
      driver.session_->on_frame(frame, driver.actions_);
      driver.perform(now);
    }
    void on_sign_of_life(domain::Timestamp at) const {
      if (is_second()) {
        driver.session_->on_second_sign_of_life(at);
      } else {
        driver.session_->on_sign_of_life(at);
      }
    }
  };
  is_reading_ = true;
  const std::size_t count =
      second_->poll_messages(clock_, max_messages_per_turn, Handler{*this, now});
  is_reading_ = false;
  if (settle_second(now)) return count + 1;
  if (second_ != nullptr && second_->is_closed()) {
    const std::string why = second_->why();
    second_.reset();
    session_->on_second_closed(why, now, actions_);
    perform(now);
    return count + 1;
  }
  return count;
}

std::size_t Driver::turn_lines(domain::Timestamp now) {
  while (lines_->wants_line(now) && ends_.tasks.try_push(HelperTask{LineTask{}})) lines_->opening();
  const std::size_t count = lines_->poll(clock_, now, [&](gateways::RestAnswer& answer) {
    session_->on_rest(answer, now, actions_);
    perform(now);
  });
  if (lines_told_ != lines_->standing() || idle_told_ != lines_->idle()) {
    lines_told_ = lines_->standing();
    idle_told_ = lines_->idle();
    session_->on_lines(lines_told_, idle_told_, now, actions_);
    perform(now);
  }
  return count;
}

std::size_t Driver::turn(domain::Timestamp now) {
  take_results(now);
  // Commands before data: an order must not wait behind a burst of frames.
  std::size_t done = take_commands(now);
  if (ends_.requests.size() != 0) done += take_requests(now);
  if (ends_.orders->is_blocked()) ends_.orders->flush();
  if (ends_.market && ends_.market->owes()) ends_.market->flush();
  // A socket whose events have no room is left alone: the peer's window is the queue then.
  const bool is_crowded = ends_.shares_thread && ends_.market && ends_.market->is_crowded();
  if (!ends_.orders->is_blocked() && !is_crowded) {
    done += read(now);
    done += read_second(now);
  }
  if (now >= session_->next_deadline()) {
    session_->on_time(now, actions_);
    perform(now);
  }
  if (lines_) done += turn_lines(now);
  if (!waiting_tasks_.empty() && ends_.tasks.try_push(std::move(waiting_tasks_.front()))) {
    waiting_tasks_.erase(waiting_tasks_.begin());
  }
  connect_if_due(now);
  publish_counters(now);
  return done;
}

domain::Timestamp Driver::next_deadline() const {
  domain::Timestamp next = std::min(session_->next_deadline(), publish_at_);
  if (connection_ == nullptr && !is_connecting_) next = std::min(next, connect_at_);
  if (lines_) next = std::min(next, lines_->next_deadline());
  return next;
}

void Driver::watch(std::vector<::pollfd>& descriptors) const {
  if (lines_) lines_->watch(descriptors);
  for (const auto* each : {connection_.get(), second_.get()}) {
    if (each == nullptr) continue;
    short events = POLLIN;
    if (each->wants_write()) events = static_cast<short>(events | POLLOUT);
    descriptors.push_back({each->fd(), events, 0});
  }
}

bool Driver::has_work() const {
  // A connection that was dropped outside `read` becomes readable no more.
  return (connection_ != nullptr && connection_->is_closed()) ||
         (second_ != nullptr && second_->is_closed()) ||
         (ends_.commands && (has_held_ || ends_.commands->size() != 0)) ||
         ends_.requests.size() != 0 || ends_.results.size() != 0;
}

void Driver::set_floor(Driver& orders, std::string text) {
  floor_ = &orders;
  floor_text_ = std::move(text);
}

}  // namespace halcyon::daemon
