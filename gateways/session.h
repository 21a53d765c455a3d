#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/command.h"
#include "domain/event.h"
#include "domain/time.h"

namespace halcyon::gateways {

/// One whole WebSocket message. simdjson may read `padding` bytes behind it (they are ours).
struct Frame {
  static constexpr std::size_t padding = 64;
  const char* data = nullptr;
  std::size_t size = 0;
  bool is_text = true;
  domain::Timestamp received;  ///< our clock, at its last byte
  bool is_second = false;      ///< came on the session's second connection

  std::string_view text() const { return {data, size}; }
};

/// Where a session wants to be connected.
struct Endpoint {
  std::string host;
  std::uint16_t port = 443;
  std::string path = "/";  ///< with query
  bool is_tls = true;      ///< "ws://" is for tests on loopback only
};

/// Candles of one instrument that a strategy wants, and how many of the past it needs to be warm.
struct SeriesWish {
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  domain::Timeframe timeframe;
  std::uint32_t past = 0;
};

struct RestAnswer;

/// A REST call for the helper thread. The answer is decoded there too, by `decode`: answers may be
/// large, and the hot thread parses nothing above 64 kB.
struct RestRequest {
  std::uint32_t tag = 0;  ///< the session's own; comes back in the answer
  std::string method = "GET";
  std::string target;  ///< path and query, as signed
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  const void* context = nullptr;  ///< for `decode`; immutable while the daemon runs
  void (*decode)(const void* context, std::string_view body, RestAnswer& answer) = nullptr;
  /// A header of the answer that holds a number; it comes back in `numbers` under this name.
  std::string_view number_header;
  /// Runs on the helper thread just before the request leaves: signs it. `now` is our clock.
  void (*sign)(const void* signer, RestRequest& request, domain::Timestamp now) = nullptr;
  std::shared_ptr<const void> signer;
};

/// Work for the helper thread that needs no network (making tokens). What `run` has made comes to
/// Session::on_rest in an answer with the tag.
struct Chore {
  std::uint32_t tag = 0;
  std::shared_ptr<const void> context;
  void (*run)(const void* context, RestAnswer& answer) = nullptr;
};

/// A REST call that leaves at once, over a connection that stands (transport::RestLines): orders,
/// where a venue takes them so. Never repeated. Its answer's body is left to the session.
struct Call {
  std::uint32_t tag = 0;
  std::size_t end = 0;      ///< of its text among those of the other calls
  bool keeps_warm = false;  ///< any connection will do: the one that was idle for longest
};

struct RestAnswer {
  std::uint32_t tag = 0;
  int status = 0;     ///< HTTP status; 0: none (refused, timed out, cut)
  std::string error;  ///< in words, when status is 0 or the body could not be read
  domain::Timestamp sent, received;
  domain::Duration retry_after{};     ///< from Retry-After
  std::vector<domain::Event> events;  ///< made by `decode`
  std::vector<std::string> remarks;   ///< event.remark = 1 + index into these
  std::uint64_t last_update_id = 0;   ///< of a depth snapshot
  std::int64_t server_time_ms = 0;
  std::int32_t venue_code = 0;  ///< of an error body
  /// Other numbers that the venue told, by name: rate limits as "REQUEST_WEIGHT/60".
  std::vector<std::pair<std::string, std::int64_t>> numbers;
  /// Whatever else `decode` has made, of a kind that the session knows.
  std::shared_ptr<const void> extra;
  /// The body with Frame::padding behind it, where `decode` left it to the session: small ones.
  std::string body;
};

/// What a session wants done, in order. One object, reused: after the first few frames it does not
/// allocate. The driver performs and clears it after every call.
class Actions {
 public:
  /// An event for the engine; the driver stamps nothing, the session fills in times and ids.
  void emit(const domain::Event& event) { events_.push_back(event); }
  /// An event with text.
  void emit(domain::Event event, std::string_view remark) {
    remarks_.emplace_back(remark.substr(0, domain::Remark::capacity));
    event.remark = static_cast<std::uint32_t>(remarks_.size());
    events_.push_back(event);
  }
  /// Room at the end of the outgoing text, for encoders that write in place. Returns the start;
  /// `sent(end)` makes one frame of what was written.
  char* begin_send(std::size_t capacity) {
    const std::size_t start = text_.size();
    text_.resize(start + capacity);
    return text_.data() + start;
  }
  void end_send(const char* end) {
    text_.resize(static_cast<std::size_t>(end - text_.data()));
    frame_ends_.push_back(text_.size());
  }
  /// A text frame on the session's connection.
  void send(std::string_view text) {
    text_ += text;
    frame_ends_.push_back(text_.size());
  }
  // ---- A second connection, beside the first or to take its place -----------------------------
  // Only for a session that the driver has allowed one (Session::allow_second).

  /// Opens it, to the same endpoint; on_second_open or on_second_closed follows.
  void open_second() { second_ = Second::open; }
  /// Ends it, if there is one; nothing follows.
  void close_second(std::string_view why) {
    second_ = Second::close;
    why_ = why;
  }
  /// What was the second connection is the connection from here on, and the first one is ended,
  /// without a word to the session. Frames in these actions go out before.
  void promote_second(std::string_view why) {
    second_ = Second::promote;
    why_ = why;
  }
  /// A text frame on the second connection.
  void send_second(std::string_view text) {
    second_text_ += text;
    second_ends_.push_back(second_text_.size());
  }
  void rest(RestRequest request) { rest_.push_back(std::move(request)); }
  void chore(Chore chore) { chores_.push_back(std::move(chore)); }
  /// Room for a whole HTTP request, as begin_send; Session::on_call says at once whether it left.
  char* begin_call(std::size_t capacity) {
    const std::size_t start = call_text_.size();
    call_text_.resize(start + capacity);
    return call_text_.data() + start;
  }
  void end_call(std::uint32_t tag, const char* end, bool keeps_warm = false) {
    call_text_.resize(static_cast<std::size_t>(end - call_text_.data()));
    calls_.push_back({tag, call_text_.size(), keeps_warm});
  }
  /// Words for the log: rare, said once a kind by the session itself, never with a secret.
  void say(std::string text) { said_.push_back(std::move(text)); }
  /// Drop the connection, if any, and connect again not before `at`; `never`: not at all.
  void reconnect(domain::Timestamp at, std::string_view why) {
    reconnect_ = true;
    reconnect_at_ = at;
    why_ = why;
  }

  /// For decoders, which append in place: event.remark = 1 + index into the remarks.
  std::vector<domain::Event>& event_list() { return events_; }
  std::vector<std::string>& remark_list() { return remarks_; }
  std::span<const std::string> said() const { return said_; }
  std::span<domain::Event> events() { return events_; }
  std::span<const std::string> remarks() const { return remarks_; }
  std::size_t frame_count() const { return frame_ends_.size(); }
  std::string_view frame(std::size_t index) const {
    const std::size_t start = index == 0 ? 0 : frame_ends_[index - 1];
    return std::string_view{text_}.substr(start, frame_ends_[index] - start);
  }
  enum class Second : std::uint8_t { none, open, close, promote };
  Second second() const { return second_; }
  std::size_t second_frame_count() const { return second_ends_.size(); }
  std::string_view second_frame(std::size_t index) const {
    const std::size_t start = index == 0 ? 0 : second_ends_[index - 1];
    return std::string_view{second_text_}.substr(start, second_ends_[index] - start);
  }
  std::vector<RestRequest>& rest_requests() { return rest_; }
  std::vector<Chore>& chores() { return chores_; }
  std::span<const Call> calls() const { return calls_; }
  std::string_view call_text(std::size_t index) const {
    const std::size_t start = index == 0 ? 0 : calls_[index - 1].end;
    return std::string_view{call_text_}.substr(start, calls_[index].end - start);
  }
  bool wants_reconnect() const { return reconnect_; }
  domain::Timestamp reconnect_at() const { return reconnect_at_; }
  const std::string& why() const { return why_; }

  void clear() {
    events_.clear();
    remarks_.clear();
    text_.clear();
    frame_ends_.clear();
    rest_.clear();
    chores_.clear();
    call_text_.clear();
    calls_.clear();
    said_.clear();
    reconnect_ = false;
    why_.clear();
    second_ = Second::none;
    second_text_.clear();
    second_ends_.clear();
  }

 private:
  std::vector<domain::Event> events_;
  std::vector<std::string> remarks_;
  std::string text_;
  std::vector<std::size_t> frame_ends_;
  std::vector<RestRequest> rest_;
  std::vector<Chore> chores_;
  std::string call_text_;
  std::vector<Call> calls_;
  std::vector<std::string> said_;
  bool reconnect_ = false;
  domain::Timestamp reconnect_at_;
  std::string why_;
  Second second_ = Second::none;
  std::string second_text_;
  std::vector<std::size_t> second_ends_;
};

/// The life of one connection to a venue, as a state machine: (state, input, now) -> (state,
/// actions). Owns the venue's sequence and continuity rules. Touches no socket, clock or thread;
/// the driver in daemon/ calls it from one thread and performs its actions.
class Session {
 public:
  virtual ~Session() = default;

  virtual Endpoint endpoint() const = 0;
  /// Once, before the first connect: REST reads that need no connection (instrument rules).
  virtual void on_start(domain::Timestamp now, Actions& actions) = 0;
  /// The WebSocket handshake is done.
  virtual void on_open(domain::Timestamp now, Actions& actions) = 0;
  virtual void on_frame(const Frame& frame, Actions& actions) = 0;
  /// A ping or pong came: a sign of life. The transport answers pings itself.
  virtual void on_sign_of_life(domain::Timestamp now) = 0;
  /// The connection is gone, or could not be made. The session asks for the next one.
  virtual void on_closed(std::string_view why, domain::Timestamp now, Actions& actions) = 0;
  virtual void on_rest(RestAnswer& answer, domain::Timestamp now, Actions& actions) = 0;
  virtual void on_time(domain::Timestamp now, Actions& actions) = 0;
  virtual domain::Timestamp next_deadline() const = 0;

  /// The driver can keep two connections for this session; without this call it never asks for a
  /// second one. Once, before on_start.
  virtual void allow_second() {}
  /// Beside a connection that goes on.
  virtual void on_second_open(domain::Timestamp, Actions&) {}
  virtual void on_second_sign_of_life(domain::Timestamp) {}
  /// It is gone, or could not be made; the first one goes on.
  virtual void on_second_closed(std::string_view, domain::Timestamp, Actions&) {}

  // ---- Calls over connections that stand ------------------------------------------------------

  /// How many REST connections the driver keeps for `Actions::call`s; 0: none. At most
  /// transport::RestLines::max_lines.
  virtual std::size_t rest_lines() const { return 0; }
  /// A header of their answers, as RestRequest::number_header; it has to last.
  virtual std::string_view rest_number_header() const { return {}; }
  /// So many of them stand now, and so many of these are idle: told at every change.
  virtual void on_lines(std::size_t, std::size_t, domain::Timestamp, Actions&) {}
  /// Whether the call of that tag has left. False is certain: no byte of it has, or will. Follows
  /// the call at once; must not make calls itself.
  virtual void on_call(std::uint32_t, bool, domain::Timestamp, Actions&) {}

  /// Order sessions only. A command that cannot be sent is answered with Outcome::not_sent.
  virtual void on_command(const domain::OrderCommand&, domain::Timestamp, Actions&) {}
  virtual void on_request(const domain::VenueRequest&, domain::Timestamp, Actions&) {}

  /// Takes one counter: `name` is lower case with underscores, `value` only grows.
  using Count = std::function<void(std::string_view name, std::uint64_t value)>;
  /// Every counter of the session, for metrics and tests. Thread: the session's.
  virtual void each_counter(const Count&) const {}
};

}  // namespace halcyon::gateways
