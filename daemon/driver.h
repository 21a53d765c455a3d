#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/agent.h"
#include "daemon/helper.h"
#include "daemon/lanes.h"
#include "daemon/latency.h"
#include "daemon/writers.h"
#include "gateways/session.h"
#include "gateways/transport/clock.h"
#include "gateways/transport/connection.h"
#include "gateways/transport/rest_lines.h"
#include "persistence/journal.h"

namespace halcyon::daemon {

/// Drives one session: gives it frames, answers, commands and the time, and performs its actions.
/// The session decides; the driver owns the connection. Thread: one hot thread.
class Driver final : public Agent {
 public:
  /// Messages read from the socket in one turn, so that the other agents get theirs.
  static constexpr std::size_t max_messages_per_turn = 16;

  struct Ends {
    std::unique_ptr<MarketWriter> market;  ///< of a market session
    bool shares_thread = false;            ///< with the engine: a crowded lane stops the reading
    std::unique_ptr<OrderWriter> orders;   ///< of every session: whatever is not market data
    std::optional<CommandLane::Reader> commands;  ///< of an order session
    RequestLane::Reader requests;
    TaskLane::Writer tasks;
    ResultLane::Reader results;
  };
  /// What happened, for the log: rare, and outside the hot path.
  using Say = std::function<void(std::string_view what)>;

  Driver(std::string name, std::unique_ptr<gateways::Session> session, Ends ends,
         const gateways::transport::Clock& clock, const persistence::Journal& journal,
         Latency& latency, Say say);

  /// Once, before the first turn.
  void start(domain::Timestamp now);
  std::size_t turn(domain::Timestamp now) override;
  domain::Timestamp next_deadline() const override;
  void watch(std::vector<::pollfd>& descriptors) const override;
  bool has_work() const override;

  /// The floor path: a frame that begins with `floor_mark` is not given to the session; `text` goes
  /// out through `orders` as it is. What remains is socket, TLS and framing, so the benchmark can
  /// say what the rest costs, in the same process. `orders` is of the same thread.
  void set_floor(Driver& orders, std::string text);
  static constexpr std::string_view floor_mark = R"({"floor")";
  const std::string& name() const { return name_; }
  const gateways::Session& session() const { return *session_; }

  struct Counters {
    std::atomic<std::uint64_t> frames{0};
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<std::uint64_t> connects{0};
    std::atomic<std::uint64_t> commands{0};
  };
  const Counters& counters() const { return counters_; }
  /// Null for an order session.
  const MarketWriter* market() const { return ends_.market.get(); }
  const OrderWriter& orders() const { return *ends_.orders; }

  /// The session's own counters, at most a second old. Any thread.
  void each_session_counter(const gateways::Session::Count& take) const;

 private:
  void perform(domain::Timestamp now);
  void take_results(domain::Timestamp now);
  std::size_t take_commands(domain::Timestamp now);
  std::size_t take_requests(domain::Timestamp now);
  std::size_t read(domain::Timestamp now);
  std::size_t read_second(domain::Timestamp now);
  /// What the session counts as its first connection: from a promotion on it is the second one,
  /// although the old one may still be being read.
  gateways::transport::Connection* first_line();
  /// Performs what the session asked for about its second connection. Not while one is being read.
  /// True when that one is the connection from here on.
  bool settle_second(domain::Timestamp now);
  void on_second_made(ConnectResult& made, domain::Timestamp now);
  void connect_if_due(domain::Timestamp now);
  /// REST connections that stand, for sessions that ask for some.
  void perform_calls(domain::Timestamp now);
  std::size_t turn_lines(domain::Timestamp now);
  /// After the connection has gone: tells the session, which asks for the next one.
  void closed(std::string_view why, domain::Timestamp now);
  void publish_counters(domain::Timestamp now);

  std::string name_;
  std::unique_ptr<gateways::Session> session_;
  Ends ends_;
  const gateways::transport::Clock& clock_;
  const persistence::Journal& journal_;  ///< commands wait until it is durable up to them
  Latency& latency_;
  Say say_;

  gateways::Actions actions_;
  std::unique_ptr<gateways::transport::Connection> connection_;
  bool is_connecting_ = false;
  /// Beside the first, or to take its place; only where the session asked for it.
  std::unique_ptr<gateways::transport::Connection> second_;
  bool is_second_connecting_ = false;
  domain::Timestamp second_not_before_{};  ///< the venue named a time
  bool is_reading_ = false;                ///< a connection hands out messages right now
  gateways::Actions::Second asked_second_ = gateways::Actions::Second::none;
  bool opens_another_ = false;  ///< and once it has taken the first one's place, the next
  std::string second_why_;
  domain::Timestamp connect_at_ = domain::never;  ///< never: not asked for
  domain::OrderCommand held_;                     ///< waits for the journal to be durable
  bool has_held_ = false;
  Driver* floor_ = nullptr;
  std::string floor_text_;
  std::vector<HelperTask> waiting_tasks_;  ///< the helper's lane was full
  std::optional<gateways::transport::RestLines> lines_;
  std::size_t lines_told_ = 0, idle_told_ = 0;
  std::vector<std::pair<std::uint32_t, bool>> calls_made_;  ///< tag, whether it has left
  Counters counters_;

  static constexpr std::size_t max_session_counters = 96;
  std::vector<std::string> counter_names_;  ///< fixed by start()
  std::array<std::atomic<std::uint64_t>, max_session_counters> counter_values_{};
  std::size_t counter_index_ = 0;
  gateways::Session::Count publish_;
  domain::Timestamp publish_at_;
};

}  // namespace halcyon::daemon
