#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "config/config.h"
#include "daemon/control_loop.h"
#include "daemon/credentials.h"
#include "daemon/read_model.h"
#include "domain/catalog.h"
#include "domain/event.h"
#include "domain/record.h"

namespace halcyon::daemon::test {

inline constexpr domain::AccountId main_account{0};
inline constexpr domain::AccountId second_account{1};
inline constexpr domain::StrategyId cross{0};
inline constexpr domain::InstrumentId btc_usdt{0};
inline constexpr domain::VenueId binance{0};
inline constexpr domain::AssetId btc{0};
inline constexpr domain::AssetId usdt{1};
/// 2024-08-08T09:11:02Z.
inline constexpr std::uint32_t epoch = 1'723'108'262;
inline constexpr domain::Timestamp start = domain::from_unix_ms(std::int64_t{epoch} * 1000);

/// A frame that owns what it shows. The time is one second after the frame before it.
struct Frame {
  std::optional<domain::Event> input;
  std::string remark;
  std::vector<std::pair<domain::Record, std::string>> records;
};

/// A journal by hand: what is pushed is read once, in order.
class Frames {
 public:
  void push(Frame frame) { waiting_.push_back(std::move(frame)); }
  void push(const domain::Record& record, std::string text = "") {
    push(Frame{std::nullopt, "", {{record, std::move(text)}}});
  }
  void push_input(const domain::Event::What& what,
                  domain::VenueId venue = domain::no<domain::VenueId>,
                  domain::AccountId account = domain::no<domain::AccountId>);
  bool next(persistence::FrameView& view);
  std::uint64_t last_sequence() const { return sequence_; }
  domain::Timestamp last_time() const { return start + std::chrono::seconds{sequence_}; }

 private:
  std::deque<Frame> waiting_;
  Frame current_;
  std::vector<domain::RecordEntry> entries_;
  std::uint64_t sequence_ = 0;
};

/// One venue (binance), two accounts (main, second), one strategy (cross), BTC/USDT.
config::Config sample_config();
/// The dictionary of that configuration, and an EpochStarted.
void push_dictionary(Frames& frames);
/// An order for 2 BTC at 100.5 on account main, by strategy cross.
domain::NewOrder sample_order(std::uint32_t counter);
domain::OrderChanged changed(std::uint32_t counter, domain::OrderState state,
                             domain::Reason reason = domain::Reason::none);
domain::FillBooked fill(std::uint64_t number, std::uint32_t counter);

/// A directory of its own below the system's temporary one; gone at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// A control loop on real sockets, fed by hand-made frames, under a clock that stands still. An
/// engine of one line answers its commands, unless told to be silent. Nothing runs by itself: who
/// waits for something turns it.
class Daemon {
 public:
  static constexpr int max_turns = 20'000;

  explicit Daemon(config::Config settings = sample_config(), domain::Timestamp started = start);

  /// Turns until `done`; false when that never comes.
  bool turn_until(const std::function<bool()>& done);
  void turn(int times = 3) {
    for (int count = 0; count < times; ++count) loop->run_once({});
  }

  TemporaryDirectory directory;
  config::Config settings;
  Frames frames;
  domain::Timestamp now;
  /// What came out of the admin socket.
  std::vector<std::pair<domain::Event, std::string>> submitted;
  bool lane_is_full = false;
  bool engine_is_silent = false;
  bool engine_turns = true;
  /// How the engine answers.
  domain::CommandAnswered answer{.accepted = true, .affected = 1};
  std::string answer_text;
  /// Beside its answer: what the engine decides about a command.
  std::function<decltype(Frame::records)(const domain::Command&, std::string_view remark)> decides;
  std::vector<MetricSample> samples;
  std::vector<StageLatency> stages;
  CredentialSealer sealer{settings, {}};
  std::unique_ptr<ControlLoop> loop;
};

/// A client of one of its sockets, non-blocking.
class Client {
 public:
  /// The admin socket.
  explicit Client(Daemon& daemon);
  /// HTTP.
  Client(Daemon& daemon, std::uint16_t port);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Sends all of it, turning the daemon while its buffers are full. False: it hung up.
  bool send(std::string_view text);
  /// The next line without its end; empty when the daemon hung up or said nothing.
  std::string line();
  /// Sends one request and reads one line.
  std::string ask(std::string_view text) {
    send(std::string{text} + "\n");
    return line();
  }
  /// Everything until the daemon hangs up.
  std::string rest();
  /// Reads exactly so many bytes.
  std::string read(std::size_t count);
  bool is_closed();
  void close();
  void end_sending();
  /// What has come and was not asked for yet.
  const std::string& pending();

 private:
  void receive();

  Daemon& daemon_;
  int fd_ = -1;
  std::string received_;
  bool closed_ = false;
};

/// A program's end.
struct Ended {
  int exit_code = -1;  ///< -1: a signal, or never
  std::string out, err;
};

/// Runs a program to its end, turning `daemon` (may be null) meanwhile.
Ended run(const std::vector<std::string>& command, Daemon* daemon);

/// The path of a program, or empty.
std::string find_program(const std::string& name);

}  // namespace halcyon::daemon::test
